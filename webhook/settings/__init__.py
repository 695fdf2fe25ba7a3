"""The configuration: environment variables and `jobhook.yaml`, checked whole at start, as frozen values."""

from .access import Caller, Events, Right
from .document import Limits, Retention
from .fields import Rate
from .load import load, source_names
from .settings import Settings
from .sinks import K_SINK_NAME, Retry, Sink
from .sources import SCHEMES, Scheme, Source

__all__ = [
    "K_SINK_NAME",
    "SCHEMES",
    "Caller",
    "Events",
    "Limits",
    "Rate",
    "Retention",
    "Retry",
    "Right",
    "Scheme",
    "Settings",
    "Sink",
    "Source",
    "load",
    "source_names",
]
