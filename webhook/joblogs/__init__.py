"""A Job's output: of all its pods and containers, as it is or as it comes."""

from .lines import Line
from .logs import AT_ONCE, Chunk, Logs
from .wanted import Wanted

__all__ = ["AT_ONCE", "Chunk", "Line", "Logs", "Wanted"]
