"""Gogs' webhooks, https://github.com/gogs/docs-api/tree/master/Repositories#webhooks."""

from .forge import Forge

GOGS = Forge("gogs", older="gitea")
"""Some of its versions write Gitea's header names."""
