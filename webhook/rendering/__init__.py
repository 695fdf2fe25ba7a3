"""Definition + event → manifest, so that nothing of the event can become more than a value.

1. Jinja2 renders the template's text with an inert token for every value (`templates`).
2. The text is parsed strictly, once for each text (`manifests.plan`, remembered by the definition).
3. The values go into the leaves that the policy names, escaped as each place needs.
"""

from .payload import FILE as EVENT_FILE
from .payload import mount, recall
from .rendered import Rendered, render, render_submit

__all__ = ["EVENT_FILE", "Rendered", "mount", "recall", "render", "render_submit"]
