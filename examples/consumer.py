"""Take completions as they should be taken: verify, deduplicate, tolerate (docs/completions.md).

Start it by `SECRET=whsec_… PORT=9000 python consumer.py`.
"""

# ruff: noqa: INP001, T201 - an example is one file, and prints

import base64
import hmac
import http.server
import json
import os
import sqlite3
import time

KEY = base64.b64decode(os.environ["SECRET"].removeprefix("whsec_"))
SEEN = sqlite3.connect(os.environ.get("SEEN", "seen.db"))
SEEN.execute("CREATE TABLE IF NOT EXISTS seen (id TEXT PRIMARY KEY)")


class Consumer(http.server.BaseHTTPRequestHandler):
    """A sink."""

    def do_POST(self) -> None:
        """Answer 202 once the event is done with; an exception becomes no answer, and the event comes again."""
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        self.send_response(self.take(body))
        self.end_headers()

    def take(self, body: bytes) -> int:
        """Verify the raw bytes, then do the work and remember the id in one transaction."""
        id_, moment = (self.headers.get(f"webhook-{name}", "") for name in ("id", "timestamp"))
        ours = hmac.digest(KEY, f"{id_}.{moment}.".encode() + body, "sha256")
        theirs = self.headers.get("webhook-signature", "").encode().split()
        signed = any(hmac.compare_digest(b"v1," + base64.b64encode(ours), one) for one in theirs)
        if not signed or abs(time.time() - int(moment)) > 300:
            return 401
        with SEEN:
            if SEEN.execute("INSERT OR IGNORE INTO seen VALUES (?)", (id_,)).rowcount:
                event = json.loads(body)
                work(event.get("data", event))  # structured mode has the data in an envelope
        return 202


def work(data: dict[str, object]) -> None:
    """Do what there is to do; keys that are new, and outcomes that are, must not break it."""
    print(data.get("outcome"), data.get("job"), json.dumps(data.get("result")), flush=True)


if __name__ == "__main__":
    server = http.server.HTTPServer(("127.0.0.1", int(os.environ.get("PORT", "9000"))), Consumer)
    print("listening on", server.server_port, flush=True)
    server.serve_forever()
