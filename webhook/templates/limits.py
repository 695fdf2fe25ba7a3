"""How much one evaluation may do, whatever the event holds."""

MAX_SOURCE = 256 * 1024
"""Characters of a template's own text."""
MAX_TEXT = 256 * 1024
"""Characters of a rendered text, values aside."""
MAX_TOKENS = 10_000
"""Values that one rendered text may take."""
MAX_STEPS = 100_000
"""Turns of all loops of one render together, also of those that put nothing out."""
MAX_WORK = 500_000
"""Elements that all filters of one render go through together; 32 characters count as one. About a second."""
MAX_VALUE = 4 * 1024 * 1024
"""Characters or elements of what an operator or a filter makes: more than the largest body that is taken in."""
