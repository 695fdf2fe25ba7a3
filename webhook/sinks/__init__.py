"""Where completions go: HTTP delivery, with sessions that never see a cluster's credentials."""

from .answers import retry_after, verdict
from .http import HttpSink, Mode, SinkConfig

__all__ = ["HttpSink", "Mode", "SinkConfig", "retry_after", "verdict"]
