"""The consumer of the documentation, run against the real process."""

import base64
import os
import subprocess
import sys
import threading
import urllib.error
import urllib.request

import pytest
from driving import ECHO, config, until

SECRET = b"whsec_" + base64.b64encode(b"a secret that two sides share")


class Consumer:
    """examples/consumer.py as a process."""

    def __init__(self, project, folder):
        environ = {
            "PATH": os.environ["PATH"],
            "SECRET": SECRET.decode(),
            "PORT": "0",
            "SEEN": str(folder / "seen.db"),
        }
        program = project / "examples" / "consumer.py"
        self.process = subprocess.Popen(
            [sys.executable, "-W", "error", program],
            env=environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        self.url = f"http://127.0.0.1:{self.process.stdout.readline().split()[-1]}/in"
        self.lines = []
        self._reading = threading.Thread(target=self._read)
        self._reading.start()

    def _read(self):
        self.lines.extend(iter(self.process.stdout.readline, ""))

    def close(self):
        self.process.kill()
        self.process.wait(timeout=10)
        self._reading.join()
        self.process.stdout.close()


@pytest.fixture
def consumer(project, tmp_path):
    """The consumer, listening."""
    made = Consumer(project, tmp_path)
    yield made
    made.close()


@pytest.mark.parametrize("mode", ["binary", "structured"])
def test_verifies_deduplicates_and_tolerates(receivers, sink, consumer, tmp_path, mode):
    """It takes each completion once, however often it is sent, and refuses what nobody signed."""
    (tmp_path / "bus").write_bytes(SECRET + b"\n")
    bus = {"name": "bus", "url": consumer.url, "mode": mode, "secrets": ["bus"], "retry": {"first": "50ms"}}
    settings = config(sink)
    settings["sinks"].append(bus)
    receiver = receivers(tmp_path, definitions={"echo.yaml": ECHO}, config=settings).start()
    name = receiver.send({"number": 7}).json["jobs"][0]["name"]
    [line] = until(lambda: list(consumer.lines), what="a completion")
    assert line.startswith("succeeded ")
    assert name in line
    assert '"com.example.test /test - 7"' in line
    until(lambda: receiver.job(name)["completion"] == "delivered", what="the mark")

    assert receiver.as_caller("POST", f"/jobs/{name}/redeliver?sink=bus").status == 202
    job = until(lambda: (job := receiver.job(name))["completion"] == "delivered" and job, what="a delivery again")
    assert len(job["delivery"]["bus"]["earlier"]) == 1
    other = receiver.send({"number": 8}).json["jobs"][0]["name"]
    until(lambda: len(consumer.lines) == 2, what="the other completion")
    assert other in consumer.lines[1]

    forged = urllib.request.Request(consumer.url, data=b'{"outcome": "succeeded"}', method="POST")
    assert _status(forged) == 401


def _status(request):
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        with error:
            return error.code
