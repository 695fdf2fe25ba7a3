"""Gitea's webhooks, https://docs.gitea.com/usage/repository/webhooks."""

from .forge import Forge

GITEA = Forge("gitea", older="gogs")
"""Beside its own headers it sends those of Gogs and GitHub."""
