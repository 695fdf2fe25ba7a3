"""Forgejo's webhooks, https://forgejo.org/docs/latest/user/webhooks/; Codeberg is one."""

from .forge import Forge

FORGEJO = Forge("forgejo", older="gitea")
"""Beside its own headers it sends those of Gitea, Gogs and GitHub."""
