"""Large events through the real process: a file in the container, whatever `kill -9` and repeats do."""

import hashlib
import json

from driving import config

TELLS = """
name: tells
on: [{type: com.example.test}]
event: file
spec: |
  apiVersion: batch/v1
  kind: Job
  spec:
    backoffLimit: 0
    template:
      spec:
        restartPolicy: Never
        containers:
          - name: main
            image: none
            command: [sh, -c, 'sha256sum < "$JOBHOOK_EVENT_FILE" | cut -c1-64']
"""
DATA = {"text": "é\\n$(HOME)" * 20_000}


def test_a_large_event_is_a_file_and_the_same_event_is_one_job(receivers, sink, tmp_path):
    """Also after the process was killed; an event beyond the limit is refused with the limit."""
    receiver = receivers(tmp_path, definitions={"tells.yaml": TELLS}, config=config(sink)).start()
    first = receiver.send(DATA, id="large")
    assert first.status == 202, first.body
    (job,) = first.json["jobs"]
    assert job["created"] is True
    receiver.wait_ended(job["name"])
    receiver.kill()
    receiver.start()
    again = receiver.send(DATA, id="large")
    assert again.json["jobs"][0] == job | {"created": False}
    said = receiver.as_caller("GET", f"/jobs/{job['name']}/logs").body.decode().strip()
    whole = {"specversion": "1.0", "id": "large", "source": "/test", "type": "com.example.test"}
    rest = {"datacontenttype": "application/json", "data": DATA}
    text = json.dumps(whole | rest, ensure_ascii=False, separators=(",", ":"))
    assert said == hashlib.sha256(text.encode()).hexdigest()
    refused = receiver.send({"text": "x" * 930_000}, id="too-large")
    assert refused.status == 422
    assert "takes 921600" in refused.body.decode()
