"""Who may do what: bearer tokens from files, and of Kubernetes service accounts."""

from .bearer import bearer_token
from .callers import Caller, Callers
from .reviews import Reviews

__all__ = ["Caller", "Callers", "Reviews", "bearer_token"]
