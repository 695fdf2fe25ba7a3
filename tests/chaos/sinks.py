"""A sink that takes down all that it is given, and can be ill."""

import hashlib
import http.server
import random
import socket
import struct
import threading
import time
from collections import Counter, defaultdict
from dataclasses import dataclass

import completions

LINGER = struct.pack("ii", 1, 0)
"""SO_LINGER that makes a close a reset."""
SLOWEST = 0.3
"""Seconds from taking to answering."""


@dataclass(frozen=True, slots=True)
class Taken:
    """A completion that the sink took.

    Attributes:
        at: by the machine's steady clock, before it was answered.
        digest: of the body and of every header that belongs to the event.
    """

    at: float
    id: str
    subject: str
    type: str
    digest: str


class Sink:
    """An HTTP server on loopback.

    Attributes:
        taken: in order.
        answers: how often it answered what.
        faults: completions that are not as published.
        connections: open ones.
    """

    def __init__(self, name):
        self.name = name
        self.taken: list[Taken] = []
        self.answers = Counter()
        self.faults: list[str] = []
        self.connections = 0
        self._lock = threading.Lock()
        self._ill = ""
        self._well = threading.Event()
        self._well.set()
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), self._answering())
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        self._thread.start()

    def fall_ill(self, how):
        """Answer with `how` until `recover`: a status, `reset`, or `hang`."""
        self._well.clear()
        self._ill = how

    def recover(self):
        """Take what comes; what hung is taken now, whether or not its sender still listens."""
        self._ill = ""
        self._well.set()

    def by_job(self):
        """What was taken, by the Job's name."""
        found = defaultdict(list)
        for one in self.taken:
            found[one.subject].append(one)
        return found

    def close(self):
        """End it."""
        self.recover()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _answering(sink):
        class Answer(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            timeout = 120

            def handle(self):
                with sink._lock:
                    sink.connections += 1
                try:
                    super().handle()
                except ConnectionError:
                    pass
                finally:
                    with sink._lock:
                        sink.connections -= 1

            def do_POST(self):
                body = self.rfile.read(int(self.headers.get("content-length", 0)))
                ill = sink._ill
                if ill == "reset":
                    self._reset()
                    return
                if ill == "hang":
                    sink._well.wait(30)
                status = int(ill) if ill.isdigit() else 202
                if status == 202:
                    sink._take({name.lower(): value for name, value in self.headers.items()}, body)
                    # Time in which the sender may be killed: it does not know then that this was taken.
                    time.sleep(random.uniform(0, SLOWEST))
                with sink._lock:
                    sink.answers[ill or "202"] += 1
                self.send_response(status)
                self.send_header("content-length", "0")
                if status == 429:
                    self.send_header("retry-after", "2")
                self.end_headers()

            def _reset(self):
                with sink._lock:
                    sink.answers["reset"] += 1
                self.close_connection = True
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER)
                self.connection.close()

            def log_message(self, *args):
                pass

        return Answer

    def _take(self, headers, body):
        own = sorted((name, text) for name, text in headers.items() if name.startswith("ce-") or name == "content-type")
        digest = hashlib.sha256(repr((own, body)).encode()).hexdigest()
        try:
            event = completions.read(headers, body)
        except Exception as error:
            self.faults.append(f"{type(error).__name__}: {error}"[:300])
            return
        with self._lock:
            self.taken.append(Taken(time.monotonic(), event.get_id(), event.get_subject(), event.get_type(), digest))
