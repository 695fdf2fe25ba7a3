"""Providers: a verified webhook → an event, one file a provider."""

from collections.abc import Mapping

from . import github
from .provider import Delivery, Greeting, Identity, Provider, receive

PROVIDERS: Mapping[str, Provider] = {"github": github, "github-sha1": github}
"""By the scheme that signs; a scheme that is missing here cannot be declared yet."""

__all__ = ["PROVIDERS", "Delivery", "Greeting", "Identity", "Provider", "receive"]
