"""Keys that outlive their Jobs, so that an event launches once also after its Job is gone.

docs/reliability.md, "The ledger", says why this holds.
"""

from .clerk import Clerk
from .ledger import Ledger

__all__ = ["Clerk", "Ledger"]
