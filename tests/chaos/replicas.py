"""Receivers that are killed and come back at the same address, as pods of a StatefulSet would."""

import json
import os
import pathlib
import random
import signal
import socket
import subprocess
import sys
import time

import driving

EXPLAINED = {"job.postponed", "request.failed"}
"""Errors in the log that an API server which is away explains: a sender was told 503."""
STARTING = 10.0
"""Seconds that an order to stop waits for a process that was begun just before."""
OFF_CLOCK = pathlib.Path(__file__).with_name("off_clock.py")


class Replica(driving.Receiver):
    """One `jobhook serve` with an address that stays.

    Attributes:
        clock: seconds by which its wall clock is off.
        ends: the exit codes of its orders to stop, with how long each took.
        deaths: the exit codes of ends that nobody ordered.
    """

    def __init__(self, folder, *, definitions, config, environ):
        super().__init__(folder, definitions=definitions, config=config, environ=environ)
        self.port, self.clock, self.ends = _free_port(), 0, []
        self.deaths = []

    def spawn(self):
        """Start it, and do not wait."""
        environ = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.folder),
            "PORT": str(self.port),
            **self.environ,
        }
        program = ["-m", "webhook", "serve"]
        if self.clock:
            program, environ["CHAOS_CLOCK"] = [str(OFF_CLOCK)], str(self.clock)
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, *program], cwd=self.folder, env=environ, stdout=log, stderr=log
            )

    @property
    def running(self):
        """Whether the process is there."""
        return self.process is not None and self.process.poll() is None

    def answers_or_ended(self):
        """Whether it is ready, or will never be."""
        return not self.running or self.ask("GET", "/readyz").status == 200

    def kill(self):
        """kill -9; an end that came before is kept."""
        self._look()
        super().kill()

    def _look(self):
        if not self.running:
            self.deaths.append(self.process.returncode)

    def terminate(self):
        """Order it to stop; what comes of that is kept."""
        self._look()
        # An order that comes before the process has set up its signals ends it as any other process.
        end = time.monotonic() + STARTING
        while not (ready := self.ask("GET", "/healthz").status == 200) and time.monotonic() < end:
            time.sleep(0.1)
        began = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        try:
            code = self.process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            super().kill()
            code = "had to be killed after 30 s"
        if ready:
            self.ends.append((code, time.monotonic() - began))

    def complaints(self):
        """Lines of the log that no fault from outside explains."""
        found = []
        for line in self.log.read_text(errors="replace").splitlines():
            try:
                entry = json.loads(line)
            except ValueError:
                found.append(line[:300])
                continue
            wrong = entry.get("level") in {"error", "critical"} or "exception" in entry
            if wrong and entry["event"] not in EXPLAINED:
                found.append(line[:600])
        return found


def _free_port():
    """A port below those that outgoing connections take, so that it is still free after each restart."""
    for port in random.sample(range(12000, 20000), 200):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise RuntimeError("no free port")
