"""The end of a connection to an API server that is slow to hang up."""

import asyncio
import contextlib
import gc
import socket
import ssl
import subprocess
import threading

import pytest

from webhook.clusters.kubernetes import KubernetesCluster
from webhook.clusters.kubernetes.configuration import Place
from webhook.metrics import Metrics


@pytest.fixture
def slow_to_part(tmp_path):
    """Serve TLS, answer nothing, and end a connection only a while after its peer wants to; by the number of peers."""
    new = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "1", "-subj", "/CN=api"]
    command = ["openssl", "req", "-x509", *new, "-keyout", "key.pem", "-out", "cert.pem"]
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True, timeout=60)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "cert.pem", tmp_path / "key.pem")
    listener, asked, over = socket.create_server(("127.0.0.1", 0)), threading.Semaphore(0), threading.Event()

    def talk(plain):
        with contextlib.suppress(OSError), context.wrap_socket(plain, server_side=True) as peer:
            while not peer.recv(4096).endswith(b"\r\n\r\n"):
                pass
            asked.release()
            peer.recv(4096)
            over.wait(0.5)

    def serve():
        with contextlib.suppress(OSError):
            while True:
                threading.Thread(target=talk, args=(listener.accept()[0],), daemon=True).start()

    threading.Thread(target=serve, daemon=True).start()
    yield f"https://127.0.0.1:{listener.getsockname()[1]}", asked
    over.set()
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()


def test_closing_waits_for_connections_that_were_cut_off(slow_to_part, kubeconfig):
    """Nothing of them is left when the event loop ends, though TLS' goodbye takes both sides."""
    url, asked = slow_to_part
    place = Place(environment={}, kubeconfig=str(kubeconfig(url, **{"insecure-skip-tls-verify": True})))
    names = {"signature": "s", "namespace": "default", "records_namespace": "default"}

    async def run():
        async with KubernetesCluster(place=place, metrics=Metrics(), **names) as cluster:
            asking = [asyncio.ensure_future(cluster.jobs.read(f"a{number}")) for number in range(3)]
            for _ in asking:
                assert await asyncio.to_thread(asked.acquire, timeout=30)
            for one in asking:
                one.cancel()
            await asyncio.gather(*asking, return_exceptions=True)

    asyncio.run(run())
    gc.collect()  # a transport that was left complains, which is an error here
