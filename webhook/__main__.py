"""`python -m webhook` is `jobhook`."""

from .cli import main

main()
