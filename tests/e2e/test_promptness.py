"""How soon after a Job's end its completion is at the sink, of two replicas on a real API server."""

import contextlib
import json
import subprocess
import sys
import threading
import time
import urllib.request

import pytest
from driving import Place, config, until

COUNT = 40


@contextlib.contextmanager
def ends_of(cluster, namespace):
    """When an onlooker's own watch told of each Job's terminal condition, by name."""
    proxy = subprocess.Popen(
        [cluster.folder / "bin" / "kubectl", "--kubeconfig", cluster.kubeconfig, "proxy", "--port=0"],
        stdout=subprocess.PIPE,
        text=True,
    )
    ends = {}
    try:
        port = int(proxy.stdout.readline().rsplit(":", 1)[1])
        url = f"http://127.0.0.1:{port}/apis/batch/v1/namespaces/{namespace}/jobs?watch=true"
        answer = urllib.request.urlopen(url, timeout=120)

        def look():
            with contextlib.suppress(Exception):  # it ends with the proxy
                for line in answer:
                    job = json.loads(line)["object"]
                    if any(one["type"] == "Complete" for one in job["status"].get("conditions", ())):
                        ends.setdefault(job["metadata"]["name"], time.monotonic())

        looking = threading.Thread(target=look)
        looking.start()
        yield ends
    finally:
        proxy.kill()
        proxy.wait(timeout=10)
        proxy.stdout.close()
    looking.join(timeout=30)
    answer.close()


@pytest.mark.timeout(240)
def test_a_completion_does_not_wait_for_a_jitter(private_cluster, receivers, sink, tmp_path):
    """One event after the other to two replicas: the usual completion is there well before a random wait would end."""
    namespace = private_cluster.namespace()
    environ = {
        "JOBHOOK_CLUSTER": "kubernetes",
        "KUBECONFIG": str(private_cluster.kubeconfig),
        "JOB_NAMESPACE": namespace,
    }
    place = Place(environ, "localhost/busybox:1")
    node = subprocess.Popen(
        [sys.executable, private_cluster.tools / "fake-node", "--kubeconfig", private_cluster.kubeconfig],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        pair = [
            receivers(tmp_path / name, definitions={"echo.yaml": place.echo()}, config=config(sink), environ=environ)
            for name in "ab"
        ]
        for one in pair:
            one.start()
        with ends_of(private_cluster, namespace) as ends:
            for number in range(COUNT):
                name = pair[number % 2].send(id=f"e-{number}").json["jobs"][0]["name"]
                sink.wait(name)
            until(lambda: len(ends) == COUNT, what="the onlooker's news")
        took = sorted(max(0.0, sink.came[name] - ends[name]) for name in ends)
        print("seconds from the end to the sink:", *(f"{seconds:.3f}" for seconds in took))
        # The figure itself, p99, is the benchmark's, on a machine that does nothing else.
        assert took[len(took) // 2] < 0.1, took
    finally:
        node.kill()
        node.wait(timeout=10)
