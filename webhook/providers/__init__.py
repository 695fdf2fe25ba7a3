"""Providers: a verified webhook → an event, one file a provider."""

from collections.abc import Mapping

from . import bitbucket, github, shopify, slack, stripe
from .forgejo import FORGEJO
from .generic import Generic, expression
from .gitea import GITEA
from .gitlab import GITLAB, GITLAB_SIGNING
from .gogs import GOGS
from .provider import Delivery, Greeting, Identity, Provider, receive
from .standard_webhooks import standard_webhooks, svix

PROVIDERS: Mapping[str, Provider] = {
    "github": github,
    "github-sha1": github,
    "gitlab": GITLAB,
    "gitlab-signing": GITLAB_SIGNING,
    "gitea": GITEA,
    "forgejo": FORGEJO,
    "gogs": GOGS,
    "bitbucket": bitbucket,
    "stripe": stripe,
    "slack": slack,
    "shopify": shopify,
}
"""By the scheme that signs. Those that are missing here are made for each source: `Generic`, `standard_webhooks`
and `svix`."""

__all__ = [
    "PROVIDERS",
    "Delivery",
    "Generic",
    "Greeting",
    "Identity",
    "Provider",
    "expression",
    "receive",
    "standard_webhooks",
    "svix",
]
