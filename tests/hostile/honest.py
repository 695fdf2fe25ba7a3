"""What a hostile row must leave alone: honest requests and the process's memory; and how to send anything at all."""

import contextlib
import hashlib
import hmac
import json
import pathlib
import re
import socket
import threading
import time
import uuid

from driving import SECRET, TOKEN

MOST_GROWTH = 40
"""MiB of resident memory that an attack may cost."""
PATIENCE = 5
"""Seconds within which an honest request is answered meanwhile."""
BODY = json.dumps(
    {
        "ref": "refs/heads/main",
        "before": "0",
        "after": "1",
        "commits": [],
        "pusher": {},
        "repository": {"html_url": "https://github.com/acme/shop"},
    }
).encode()


class Honest:
    """An honest sender beside an attack, and a watch over the receiver's memory."""

    def __init__(self, receiver):
        self._receiver, self._stop = receiver, threading.Event()
        self._waits, self._wrong = [], []
        self._thread = threading.Thread(target=self._work)

    def __enter__(self):
        for _ in range(3):  # what is loaded at the first use is no growth
            self._ask()
        self._before = memory(self._receiver, "VmRSS")
        with contextlib.suppress(OSError):
            self._file("clear_refs").write_text("5")  # the peak begins anew (proc(5))
        self._waits.clear()
        self._thread.start()
        return self

    def __exit__(self, kind, error, trace):
        self._stop.set()
        self._thread.join()
        if error is not None:
            return
        growth = memory(self._receiver, "VmHWM") - self._before
        self._ask()
        assert not self._wrong, f"honest requests were answered {self._wrong}"
        assert self._waits, "there was no honest request meanwhile"
        assert max(self._waits) < PATIENCE, f"an honest request waited {max(self._waits):.1f} s"
        assert growth <= MOST_GROWTH, f"memory grew by {growth:.1f} MiB"

    def _work(self):
        while True:
            self._ask()
            if self._stop.wait(0.05):
                return

    def _ask(self):
        start = time.monotonic()
        answers = [self._receiver.push(BODY), self._receiver.send(type="com.example.none", id=str(uuid.uuid4()))]
        self._waits.append(time.monotonic() - start)
        self._wrong += [answer.status for answer in answers if answer.status != 202]

    def _file(self, name):
        return pathlib.Path(f"/proc/{self._receiver.process.pid}/{name}")


def memory(receiver, field):
    """A line of /proc/PID/status in MiB; 0 where there is no /proc."""
    try:
        text = pathlib.Path(f"/proc/{receiver.process.pid}/status").read_text()
    except OSError:
        return 0
    return int(re.search(rf"{field}:\s+(\d+) kB", text)[1]) / 1024


def say(receiver, *chunks, source="127.0.0.1", timeout=30):
    """Send bytes on a connection of its own, as far as they are taken, and answer all that comes back."""
    with socket.create_connection(("127.0.0.1", receiver.port), timeout=timeout, source_address=(source, 0)) as talk:
        answer = bytearray()
        with contextlib.suppress(ConnectionError):
            for chunk in chunks:
                talk.sendall(chunk)
        with contextlib.suppress(ConnectionError):
            while part := talk.recv(65536):
                answer += part
        return bytes(answer)


def signed(body, secret=SECRET):
    """The line that GitHub signs a body with."""
    return "x-hub-signature-256: sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def statuses(answer):
    """The statuses of an answer's messages, each a problem document where it is a refusal."""
    found = []
    while answer:
        head, end, rest = answer.partition(b"\r\n\r\n")
        assert end, answer
        assert head.startswith(b"HTTP/1.1 "), head
        headers = dict(line.lower().split(": ", 1) for line in head.decode("ascii").split("\r\n")[1:])
        body, answer = (rest[: (length := int(headers.get("content-length", 0)))], rest[length:])
        found.append(int(head[9:12]))
        if found[-1] >= 400:
            assert headers["content-type"] == "application/problem+json", head
            assert json.loads(body)["status"] == found[-1]
    return found


def post(path, body=b"", *headers, token=False, length=True):
    """A whole POST on the wire, after which the connection ends."""
    lines = [f"POST {path} HTTP/1.1", "host: a", "connection: close", *headers]
    if token:
        lines.append(f"authorization: Bearer {TOKEN}")
    if length:
        lines.append(f"content-length: {len(body)}")
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body
