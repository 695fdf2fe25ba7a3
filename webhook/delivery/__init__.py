"""Completions to their sinks, at least once: claim, send, mark."""

from .courier import Courier
from .deliverer import Deliverer
from .outstanding import Pass, deliver_outstanding
from .plan import Result, Verdict
from .redeliver import redeliver
from .removed import Memento, Remembered, Removed
from .target import DeadLetter, Retry, Target

__all__ = [
    "Courier",
    "DeadLetter",
    "Deliverer",
    "Memento",
    "Pass",
    "Remembered",
    "Removed",
    "Result",
    "Retry",
    "Target",
    "Verdict",
    "deliver_outstanding",
    "redeliver",
]
