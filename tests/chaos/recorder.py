"""The store's own history of Jobs: read from etcd, so that neither we nor the API server can be wrong about it."""

import base64
import calendar
import contextlib
import http.client
import json
import re
import threading
import time
from dataclasses import dataclass, field

UID = re.compile(rb"\*\x24([0-9a-f-]{36})")
"""`ObjectMeta.uid` in protobuf: field 5, of 36 bytes."""
CAUSE = re.compile(rb'jobhook\.dev/cause\x12.{1,2}\{.*?"id":"([^"]*)"', re.DOTALL)
COMPLETION = re.compile(rb"\x16jobhook\.dev/completion\x12.([a-z]+)", re.DOTALL)
RECEIVED = re.compile(rb"\x17jobhook\.dev/received-at\x12.([0-9TZ:.+-]+)", re.DOTALL)
CLAIM = b"\n\x11jobhook.dev/claim\x12"


@dataclass(slots=True)
class Life:
    """One Job from its creation to its end.

    Attributes:
        created, deleted: by the machine's steady clock, when it was seen, never before it was so; None: not deleted.
        skew: seconds by which the clock of the replica that launched it was ahead of ours, roughly; None for others' Jobs.
        completion, claimed: as it was when it was deleted.
    """

    uid: str
    name: str
    event: str | None
    created: float
    skew: float | None = None
    deleted: float | None = None
    completion: str | None = None
    claimed: bool = False


@dataclass(slots=True)
class Recorder:
    """Follow one namespace's Jobs from a revision on; every change arrives, also after a broken connection.

    Attributes:
        lives: every Job that ever was, in order.
        broken: why the history has a gap; empty where it has none.
    """

    port: int
    namespace: str
    revision: int = 1
    lives: list[Life] = field(default_factory=list)
    broken: str = ""
    _open: dict[str, Life] = field(default_factory=dict)
    _stop: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def start(self):
        """Begin; what was before is read, too, as long as etcd has it."""
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        return self

    def stop(self):
        """End it."""
        self._stop.set()
        self._thread.join(timeout=30)

    def ours(self):
        """The Jobs that events caused."""
        return [life for life in list(self.lives) if life.event is not None]

    def living(self):
        """Those of them that are still there."""
        return [life for life in self.ours() if life.deleted is None]

    def saw(self, name):
        """Whether a Job was seen; the history comes in order, so that all before it was seen, too."""
        return any(life.name == name for life in reversed(self.lives))

    def _run(self):
        while not self._stop.is_set() and not self.broken:
            with contextlib.suppress(OSError, http.client.HTTPException, ValueError):
                self._follow()
            time.sleep(0.1)

    def _follow(self):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        prefix = f"/registry/jobs/{self.namespace}/"
        order = {
            "key": _base64(prefix),
            "range_end": _base64(prefix[:-1] + "0"),
            "start_revision": str(self.revision),
            "prev_kv": True,
        }
        try:
            connection.request("POST", "/v3/watch", json.dumps({"create_request": order}))
            for line in connection.getresponse():
                self._take(json.loads(line)["result"])
                if self._stop.is_set():
                    return
        finally:
            connection.close()

    def _take(self, answer):
        if answer.get("canceled"):
            self.broken = f"etcd has forgotten revision {self.revision}: {answer.get('cancel_reason', '')}"
            return
        for event in answer.get("events", ()):
            self._apply(event)
            self.revision = max(self.revision, int(event["kv"]["mod_revision"]) + 1)

    def _apply(self, event):
        stored, now = event["kv"], time.monotonic()
        name = base64.b64decode(stored["key"]).decode().rsplit("/", 1)[1]
        if event.get("type") == "DELETE":
            life, last = self._open.pop(name), base64.b64decode(event["prev_kv"]["value"])
            mark = COMPLETION.search(last)
            life.completion = mark and mark[1].decode()
            life.claimed = CLAIM in last
            life.deleted = now
        elif stored["create_revision"] == stored["mod_revision"] and name not in self._open:
            self._born(name, base64.b64decode(stored["value"]), now)

    def _born(self, name, value, now):
        cause = CAUSE.search(value)
        life = Life(UID.search(value)[1].decode(), name, cause and cause[1].decode(), now)
        if received := RECEIVED.search(value):
            moment = time.strptime(received[1][:19].decode(), "%Y-%m-%dT%H:%M:%S")
            # Seen up to some seconds later than it was received: good enough to tell a clock that is 20 s off.
            life.skew = calendar.timegm(moment) - time.time()
        self.lives.append(life)
        self._open[name] = life


def _base64(text):
    return base64.b64encode(text.encode()).decode()
