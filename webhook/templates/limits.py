"""How much one evaluation may do, whatever the event holds."""

MAX_SOURCE = 256 * 1024
"""Characters of a template's own text."""
MAX_TEXT = 256 * 1024
"""Characters of a rendered text, values aside."""
MAX_TOKENS = 10_000
"""Values that one rendered text may take."""
MAX_STEPS = 100_000
"""Turns of all loops of one render together, also of those that put nothing out."""
MAX_WORK = 2_000_000
"""Steps of all filters, tests, operators and loops of one evaluation together: `costs.py`. About a second at worst."""
MAX_MADE = 32 * 1024 * 1024
"""Bytes of all that filters and operators of one evaluation make, also of what is dropped again."""
MAX_VALUE = 4 * 1024 * 1024
"""Characters of what an operator or a filter makes: more than the largest body that is taken in by default."""
MAX_ITEMS = 500_000
"""Elements of a list that an operator or a filter makes."""
MAX_BITS = 4096
"""Of an integer that an operator or a filter makes."""
