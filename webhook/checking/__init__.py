"""What can be said of definitions before an event comes: what is wrong with them, and what an event would do."""

from .checks import Checked, check, check_written
from .doors import Doors
from .finding import Finding, Severity
from .samples import NoEvent, read_arrival

__all__ = ["Checked", "Doors", "Finding", "NoEvent", "Severity", "check", "check_written", "read_arrival"]
