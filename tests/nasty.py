"""Templates as people write them, a stranger's values, and the law that these stay values in those."""

import shlex
from datetime import UTC, datetime

from hypothesis import strategies as st

from webhook.events import Arrival, Event
from webhook.json import load as load_json
from webhook.rendering import render

TEMPLATES = """\
name: unquoted
spec: |
  apiVersion: batch/v1
  kind: Job
  metadata:
    labels: {branch: {{ event.data.v }}}
    annotations: {title: {{ event.data.v }}}
  spec:
    template:
      spec:
        restartPolicy: Never
        containers:
          - name: main
            image: busybox
            args: [build, {{ event.data.v }}, --title={{ event.data.v }}]
            env:
              - name: TITLE
                value: {{ event.data.v }}
---
name: quoted
spec: |
  apiVersion: batch/v1
  kind: Job
  metadata:
    labels: {branch: "{{ event.data.v }}", other: 'x-{{ event.data.v }}-y'}
    annotations: {title: "say {{ event.data.v }}!", single: '{{ event.data.v }}'}
  spec:
    template:
      spec:
        restartPolicy: Never
        containers:
          - name: main
            image: busybox
            args: ["{{ event.data.v }}", 'a {{ event.data.v }} $(HOME) b$']
            env:
              - {name: TITLE, value: "{{ event.data.v }}$$x"}
---
name: blocks
spec: |
  apiVersion: batch/v1
  kind: Job
  spec:
    template:
      metadata:
        annotations:
          literal: |
            {{ event.data.v }}
            second line
          folded: >-
            a
            {{ event.data.v }}
            b
      spec:
        restartPolicy: Never
        containers:
          - name: main
            image: busybox        # {{ event.data.v }} in a comment
            command: [sh, -c, 'printf %s "$1"', sh]
            args:
              - {{ event.data.v }}
---
name: loops
spec: |
  apiVersion: batch/v1
  kind: Job
  spec:
    template:
      spec:
        restartPolicy: Never
        containers:
          {% for v in [event.data.v, event.data.v] %}
          - name: c{{ loop.index }}
            image: busybox
            args: [{% for w in [v] %}{{ w }}{% if not loop.last %}, {% endif %}{% endfor %}]
            env: [{name: V, value: {{ v }}}{% if event.data.v %}, {name: W, value: "{{ v | tojson }}"}{% endif %}]
          {% endfor %}
---
name: scripts
spec: |
  apiVersion: batch/v1
  kind: Job
  spec:
    template:
      spec:
        restartPolicy: Never
        containers:
          - name: main
            image: busybox
            command: [bash, -lc]
            args: ["echo {{ event.data.v | shquote }} > /tmp/x; echo $$(cat /tmp/x) {{ event.data.v | shquote }}"]
---
name: variables
spec: |
  apiVersion: batch/v1
  kind: Job
  spec:
    template:
      metadata:
        annotations: {title: "{{ event.data.v }}"}
      spec:
        restartPolicy: Never
        containers:
          - name: main
            image: busybox
            command: [sh, -c, 'printf %s "$1" "$TITLE" $$(date)', sh]
            args: [$(TITLE), "--title=$(TITLE) {{ event.data.v }}"]
            env:
              - {name: TITLE, value: "{{ event.data.v }}"}
              - {name: AGAIN, value: "$(TITLE)"}
"""

INJECTED = {
    "a variable in a script": """
        env: [{name: TITLE, value: "{{ event.data.v }}"}]
        command: [sh, -c, "echo building $(TITLE)"]""",
    "a variable of a variable in a script": """
        env: [{name: A, value: "{{ event.data.v }}"}, {name: B, value: "x $(A)"}]
        command: [sh, -c, "echo $(B)"]""",
    "a variable as a script": """
        env: [{name: A, value: "{{ event.data.v }}"}, {name: B, value: "sh -c $(A)"}]
        command: [sh, -c, $(B)]""",
    "a variable in a program's text": """
        env: [{name: TITLE, value: "{{ event.data.v }}"}]
        command: [python3, -c, "print('$(TITLE)')"]""",
    "a variable as a program": """
        env: [{name: TITLE, value: "{{ event.data.v }}"}]
        command: [$(TITLE)]""",
    "a variable in a probe": """
        env: [{name: TITLE, value: "{{ event.data.v }}"}]
        livenessProbe: {exec: {command: [sh, -c, "echo $(TITLE)"]}}""",
    "the whole script behind a program that is not known": """
        args: [x, sh, -c, "{{ event.data.v }}"]""",
    "the script of a shell behind another": """
        command: [sh, -c, 'exec "$@"', x, sh, -c]
        args: ["{{ event.data.v }}"]""",
    "the script behind bundled options": """
        command: [bash, -coe, pipefail]
        args: ["echo {{ event.data.v }}"]""",
    "the script of a shell that a variable names": """
        env: [{name: SH, value: /bin/sh}]
        command: [$(SH), -c]
        args: ["{{ event.data.v }}"]""",
    "a quoted word as a command": """
        command: [sh, -c]
        args: ["cd /src && {{ event.data.v | shquote }}"]""",
    "a quoted word behind eval": """
        command: [sh, -c]
        args: ["eval {{ event.data.v | shquote }}"]""",
    "a quoted word in arithmetic": """
        command: [bash, -c]
        args: ["echo $[{{ event.data.v | shquote }}]"]""",
    "an argument that the script evaluates": """
        command: [sh, -c, 'eval "$1"', x]
        args: ["{{ event.data.v }}"]""",
    "a variable that the script evaluates": """
        env: [{name: TITLE, value: "{{ event.data.v }}"}]
        command: [sh, -c, 'eval "echo $TITLE"']""",
    "the event's subject in a script": """
        command: [sh, -c, "echo $(CE_SUBJECT)"]""",
    "the event in a script": """
        command: [sh, -c, "echo $(JOBHOOK_EVENT)"]""",
}
"""Containers in which an event's value would become code; none of them may be loaded."""

INJECTED_TEMPLATE = """\
name: injected
event: env
spec: |
  apiVersion: batch/v1
  kind: Job
  spec:
    template:
      spec:
        restartPolicy: Never
        containers:
          - name: main
            image: busybox
"""

HOSTILE = {
    "a field": "x\n        hostNetwork: true",
    "a sibling of the pod": "x\n      hostPID: true\n      serviceAccountName: cluster-admin",
    "a container": "x\n          - name: evil\n            image: evil\n            securityContext: {privileged: true}",
    "the end of a flow list": "x], securityContext: {privileged: true}, args: [x",
    "the end of a flow mapping": "x}, hostNetwork: true, y: {z: 1",
    "the end of a double quote": 'x", "--admin", "',
    "the end of a single quote": "x', '--admin', '",
    "a flow mapping": "{hostPath: {path: /}}",
    "a Python literal": "{'hostPath': {'path': '/'}}",
    "a flow list": "[a, b]",
    "a document": "x\n---\nkind: Pod",
    "the document's end": "x\n...\nkind: Pod",
    "a comment": "x # y",
    "a key": "x: y",
    "a list's item": "- x",
    "a question mark": "? x",
    "a block": "|\n  x",
    "a folded block": ">-\n  x",
    "a tag": "!!python/object/apply:os.system ['id']",
    "a short tag": "!x",
    "an anchor": "&a x",
    "an alias": "*a",
    "a merge key": "<<: *a",
    "a directive": "%YAML 1.1",
    "a boolean": "no",
    "a boolean of 1.2": "true",
    "a null": "~",
    "an empty text": "",
    "a float": "1e3",
    "an octal": "0644",
    "a date": "2026-01-31",
    "sexagesimal": "12:30:45",
    "infinity": ".inf",
    "a Jinja expression": "{{ 7 * 7 }}",
    "a Jinja statement": "{% for x in range(9) %}{{ x }}{% endfor %}",
    "a Jinja comment": "{# x #}",
    "an escape of the sandbox": "{{ ''.__class__.__mro__[1].__subclasses__() }}",
    "a variable": "$(SECRET)",
    "an escaped variable": "$$(SECRET)",
    "a variable across the end": "$",
    "a parenthesis": "(HOME)",
    "a shell's substitution": "$(id) `id` ${HOME}",
    "a shell's end": "'; rm -rf / #",
    "a shell's escape": "\\'; id; \\",
    "a newline": "a\nb",
    "a carriage return": "a\r\nb\rc",
    "a tab": "\ta\t",
    "a line separator": "a\u2028b\u2029c\u0085d",
    "spaces": "  a  ",
    "a byte-order mark": "\ufeffa",
    "right to left": "a\u202egnp.exe",
    "an emoji": "a\U0001f600b",
    "a combining letter": "e\u0301",
    "a noncharacter": "a\uffffb",
    "an escape sequence": "\x1b[31mred\x07",
    "a backslash": "\\n\\t\\",
    "a long text": "x" * 60_000,
    "many lines": "a\n" * 5_000,
    "a number": 42,
    "a large number": 2**63 - 1,
    "a fraction": 0.1,
    "truth": True,
    "nothing": None,
}
REFUSED = {
    "a mapping": {"hostPath": {"path": "/"}},
    "a list": ["a", "b"],
    "NUL": "a\0b",
    "half a surrogate pair": "a\ud800b",
    "a number beyond 64 bits": 10**40,
    "no finite number": float("nan"),
    "a text that no process can be given": "x" * 200_000,
    "a list of 100,000 elements": list(range(100_000)),
}


NAMES = ("unquoted", "quoted", "blocks", "loops", "scripts", "variables")


def rendered(definition, value):
    event = Event(id="1", source="/s", type="t", datacontenttype="application/json", data={"v": value})
    return render(
        definition, Arrival(event=event, via="events", identity="1", received=datetime(2026, 1, 31, tzinfo=UTC))
    ).manifest


def shape(node):
    """All of a manifest but its texts: keys, lengths, types."""
    if isinstance(node, dict):
        return {key: shape(item) for key, item in node.items()}
    if isinstance(node, list):
        return [shape(item) for item in node]
    return type(node).__name__


def leaves(node, place=()):
    """Every text of a manifest with its place."""
    if isinstance(node, dict | list):
        for key, item in node.items() if isinstance(node, dict) else enumerate(node):
            yield from leaves(item, (*place, key))
    else:
        yield place, node


def expand(text, variables):
    """The kubelet's expansion (third_party/forked/golang/expansion/expand.go)."""
    out, at = [], 0
    while at < len(text):
        following = text[at + 1 : at + 2]
        if text[at] != "$" or not following:
            out.append(text[at])
            at += 1
        elif following == "(" and ")" in text[at + 2 :]:
            end = text.index(")", at + 2)
            out.append(variables.get(text[at + 2 : end], text[at : end + 1]))
            at = end + 1
        else:
            out.append("$" if following == "$" else text[at : at + 2])
            at += 2
    return "".join(out)


def as_text(value):
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)


MARK = "hostilevaluehere"


def judge(definition, value):
    """Hold a render against that of a harmless value: the same structure, and the value where that one was."""
    harmless, hostile = rendered(definition, MARK), rendered(definition, value)
    assert shape(hostile) == shape(harmless)
    variables = {"HOME": "/home/user", "SECRET": "secret", "TITLE": "t", "": "empty"}
    found = dict(leaves(hostile))
    for place, text in leaves(harmless):
        if "labels" in place or not isinstance(text, str):
            continue  # a label is sanitised
        before, after = text, found[place]
        if place[-1] == "value" or "args" in place:
            before, after = expand(before, variables), expand(after, variables)
        if definition.name == "loops" and place[-3:] == ("env", 1, "value"):  # through tojson
            assert load_json(after.encode()) == value
            continue
        wanted = shlex.quote(as_text(value)) if definition.name == "scripts" else as_text(value)
        assert after == before.replace(MARK, wanted), place
    return hostile


TEXTS = st.one_of(
    st.text(max_size=30),
    st.lists(
        st.sampled_from(
            ["$", "$$", "$(", ")", "(HOME)", "$(SECRET)", "\n", "\r", "\t", " ", "'", '"', "\\", "#", ": ", "- ", "{", "}", "[", "]", ",",
             "&", "*", "!", "|", ">", "%", "@", "`", "{{", "}}", "{%", "%}", "---", "...", "<<", "~", "null", "no", "0x1", "\u2028",
             "\u0085", "\ufeff", "\x7f", "\x1b", "a", "é", "\U0001f600"]
        ),
        max_size=12,
    ).map("".join),
)  # fmt: skip
VALUES = TEXTS | st.integers(-(2**70), 2**70) | st.floats() | st.booleans() | st.none()
