"""The reasons of containers' states, spelled as the kubelet spells them."""

from __future__ import annotations

CREATING = "ContainerCreating"
BACK_OFF = "CrashLoopBackOff"
COMPLETED = "Completed"
ERROR = "Error"
START_ERROR = "StartError"
UNKNOWN = "ContainerStatusUnknown"
