"""`jobhook cleanup` against a receiver that answers as it is told."""

import http.server
import json
import os
import pty
import subprocess
import sys
import threading
import urllib.parse

import pytest

DONE = {"deleted": 1, "delivered": 2, "errors": 0, "more": False}
MORE = DONE | {"more": True}


class Receiver:
    """Takes one report after the other, the last one for good; knows what it was asked for.

    Attributes:
        hurry: an answer waits for it.
    """

    def __init__(self, *reports):
        self.asked, self.hurry = [], threading.Event()
        self.hurry.set()
        reports, asked, hurry = list(reports), self.asked, self.hurry

        class Answer(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                asked.append(dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(self.path).query)))
                hurry.wait(60)
                body = json.dumps(reports.pop(0) if len(reports) > 1 else reports[0]).encode()
                self.send_response(200)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *args):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answer)
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.05,))
        self.thread.start()

    def start(self, *words, **options):
        url = f"http://127.0.0.1:{self.server.server_address[1]}"
        environ = {"PATH": os.environ["PATH"], "JOBHOOK_URL": url, "PYTHONWARNINGS": "error"}
        command = [sys.executable, "-m", "webhook", "cleanup", *words]
        return subprocess.Popen(command, env=environ, stdout=subprocess.PIPE, text=True, **options)

    def run(self, *words):
        """Answer the exit code, the report and what stands on standard error."""
        process = self.start(*words, stderr=subprocess.PIPE)
        out, err = process.communicate(timeout=60)
        return process.returncode, json.loads(out), err

    def close(self):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


@pytest.fixture
def receiving():
    """Start receivers by their reports."""
    started = []

    def start(*reports):
        started.append(Receiver(*reports))
        return started[-1]

    yield start
    for receiver in started:
        receiver.close()


def test_exits_by_0_when_nothing_is_left(receiving):
    """Sweeps until one is through, and says the sum."""
    code, report, err = receiving(MORE, MORE, DONE).run()
    assert (code, report["deleted"], report["delivered"], report["more"]) == (0, 3, 6, False)
    assert "2 Jobs deleted, 4 completions delivered so far" in err


def test_exits_by_1_after_errors(receiving):
    """The report stands on standard output all the same, and what to do on the other."""
    code, report, err = receiving(MORE | {"errors": 2}, DONE | {"errors": 1}).run()
    assert (code, report["errors"]) == (1, 3)
    assert "3 errors; the receiver's log says which" in err


@pytest.mark.parametrize("words", [["--patience", "0"], ["--dry-run"]])
def test_exits_by_1_when_it_did_not_get_through(receiving, words):
    """After its patience; a dry run cannot be gone on with."""
    receiver = receiving(MORE)
    code, report, err = receiver.run(*words)
    assert (code, report["more"], len(receiver.asked)) == (1, True, 1)
    assert "not finished" in err
    assert "--patience" in err


def test_a_sweep_ends_within_the_patience(receiving):
    """It is given what is left of it, and the whole time where nobody watches."""
    receiver = receiving(DONE)
    receiver.run()
    receiver.run("--patience", "20", "--dry-run")
    assert receiver.asked[0] == {"budget": "50s"}
    assert receiver.asked[1].pop("dry_run") == "true"
    assert 5 <= int(receiver.asked[1]["budget"][:-1]) <= 20


def test_a_person_sees_that_it_goes_on(receiving):
    """On a terminal the first sweeps are short, each twice as long as the one before, and waiting shows."""
    receiver = receiving(MORE, MORE, MORE, MORE, MORE, DONE)
    receiver.hurry.clear()
    leader, follower = pty.openpty()
    process = receiver.start(stderr=follower)
    os.close(follower)
    seen = b""
    while b"sweeping for" not in seen:
        seen += os.read(leader, 4096)
    receiver.hurry.set()
    out, _ = process.communicate(timeout=60)
    os.close(leader)
    assert (process.returncode, json.loads(out)["deleted"]) == (0, 6)
    assert [asked["budget"] for asked in receiver.asked] == ["5s", "10s", "20s", "40s", "50s", "50s"]
