"""The whole event for a Job's containers: `event: env` and `event: file`."""

from __future__ import annotations

from typing import Any

from .. import marks
from ..errors import MalformedEvent
from ..events import Event, envelope
from ..json import NotJson, dump
from ..manifests import Unfit, escape, unescape

MAX_ANNOTATION = 32 * 1024
"""Bytes that go onto the pod template's annotations; all annotations together may have 256 KiB."""
MAX_FILE = 900 * 1024
"""Bytes that go into a record beside the Job; a ConfigMap may have 1 MiB."""
MAX_ENV = 100 * 1024
"""Bytes of one variable; Linux takes 128 KiB."""

VOLUME = "jobhook-event"
FOLDER = "/var/run/jobhook"
FILE = "event.json"
VARIABLE = "JOBHOOK_EVENT"


def hand_over(manifest: dict[str, Any], event: Event, mode: str) -> bytes | None:
    """Put an event into a manifest: a variable, or a file that the downward API makes of an annotation.

    Answers None; or, where the event is too large for an annotation, its text for the record that `mount` will name.

    Raises:
        Unfit: the event is too large for that, or the template uses our volume's name.
    """
    whole = encode(event)
    limit = MAX_ENV if mode == "env" else MAX_FILE
    if len(whole) > limit:
        raise Unfit(f"the event has {len(whole)} bytes, and `event: {mode}` takes {limit}")
    text = whole.decode()
    template = manifest["spec"]["template"]
    variables = _attributes(event)
    beside = mode == "file" and len(whole) > MAX_ANNOTATION
    if mode == "env":
        variables[VARIABLE] = text
    else:
        variables["JOBHOOK_EVENT_FILE"] = f"{FOLDER}/{FILE}"
        _refuse_our_volume(template)
        if not beside:
            _annotate(template, text)
    for container in _containers(template["spec"]):
        _add_variables(container, variables)
        if mode == "file":
            mounts = container["volumeMounts"] = container.get("volumeMounts") or []
            mounts.append({"name": VOLUME, "mountPath": FOLDER, "readOnly": True})
    return whole if beside else None


def recall(manifest: dict[str, Any]) -> bytes | None:
    """Read from a Job's manifest the event that `hand_over` put there; None where it did not."""
    template = manifest["spec"]["template"]
    held = ((template.get("metadata") or {}).get("annotations") or {}).get(marks.EVENT_DATA)
    if held is not None:
        return str(held).encode()
    for container in _containers(template["spec"]):
        for variable in container.get("env") or ():
            if variable.get("name") == VARIABLE:
                return unescape(str(variable.get("value") or "")).encode()
    return None


def mount(manifest: dict[str, Any], record: str) -> None:
    """Name the record that holds the event, for a manifest that `hand_over` could not put it into."""
    source = {"name": record, "items": [{"key": FILE, "path": FILE}]}
    _add_volume(manifest["spec"]["template"], {"configMap": source})


def encode(event: Event) -> bytes:
    """The event in the CloudEvents JSON format. Raises Unfit where it has none."""
    try:
        return dump(envelope(event))
    except (NotJson, MalformedEvent) as error:
        raise Unfit(f"the event cannot be written as JSON: {error}") from error


def _attributes(event: Event) -> dict[str, str]:
    return {
        "CE_ID": event.id,
        "CE_TYPE": event.type,
        "CE_SOURCE": event.source,
        "CE_SUBJECT": event.subject or "",
        "CE_TIME": event.time or "",
    }


def _containers(pod: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        container
        for field in ("initContainers", "containers")
        for container in pod.get(field) or ()
        if isinstance(container, dict)
    ]


def _add_variables(container: dict[str, Any], variables: dict[str, str]) -> None:
    """Ours come first, so that the template's own may use them as `$(CE_ID)`, and win where they have the name."""
    own = container.get("env") or []
    names = {variable.get("name") for variable in own if isinstance(variable, dict)}
    ours = [{"name": name, "value": escape(value)} for name, value in variables.items() if name not in names]
    container["env"] = [*ours, *own]


def _annotate(template: dict[str, Any], text: str) -> None:
    metadata = template["metadata"] = template.get("metadata") or {}
    annotations = metadata["annotations"] = metadata.get("annotations") or {}
    annotations[marks.EVENT_DATA] = text
    source = {"path": FILE, "fieldRef": {"fieldPath": f"metadata.annotations['{marks.EVENT_DATA}']"}}
    _add_volume(template, {"downwardAPI": {"items": [source]}})


def _refuse_our_volume(template: dict[str, Any]) -> None:
    volumes = template["spec"].get("volumes") or ()
    if any(isinstance(volume, dict) and volume.get("name") == VOLUME for volume in volumes):
        raise Unfit(f"the template has a volume {VOLUME}, which `event: file` makes")


def _add_volume(template: dict[str, Any], source: dict[str, Any]) -> None:
    volumes = template["spec"]["volumes"] = template["spec"].get("volumes") or []
    volumes.append({"name": VOLUME, **source})
