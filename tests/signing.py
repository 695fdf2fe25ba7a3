"""Deliveries as each provider signs them, written apart from the code under test, and rows of data to deliver."""

import base64
import hashlib
import hmac
import json
import pathlib
import time

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

SECRET = b"it is a secret of the test, and long enough"
WHSEC = b"whsec_" + base64.b64encode(SECRET)
PRIVATE = Ed25519PrivateKey.from_private_bytes(b"\x01" * 32)
WHPK = b"whpk_" + base64.b64encode(PRIVATE.public_key().public_bytes_raw())

DATA = pathlib.Path(__file__).parent / "data" / "webhooks"
FILES = {"github": None, "github-sha1": None, "gitlab-signing": "gitlab", "generic": None}

EVENT = {
    "github": "X-GitHub-Event",
    "github-sha1": "X-GitHub-Event",
    "gitlab": "X-Gitlab-Event",
    "gitlab-signing": "X-Gitlab-Event",
    "gitea": "X-Gitea-Event",
    "forgejo": "X-Forgejo-Event",
    "gogs": "X-Gogs-Event",
    "bitbucket": "X-Event-Key",
    "shopify": "X-Shopify-Topic",
}
"""The header that names the event, which no signature covers."""
ID = {
    "github": "X-GitHub-Delivery",
    "github-sha1": "X-GitHub-Delivery",
    "gitlab": "X-Gitlab-Event-UUID",
    "gitea": "X-Gitea-Delivery",
    "forgejo": "X-Forgejo-Delivery",
    "gogs": "X-Gogs-Delivery",
    "bitbucket": "X-Request-UUID",
    "shopify": "X-Shopify-Webhook-Id",
}
"""The header with an id that no signature covers."""
SIGNED_ID = {"gitlab-signing": "webhook-id", "standard-webhooks": "webhook-id", "svix": "svix-id"}
"""The header with an id that the signature covers."""
PREFIX = {scheme: f"com.{scheme.partition('-')[0]}." for scheme in (*EVENT, "stripe", "slack", "svix")} | {
    "standard-webhooks": "com.standardwebhooks."
}
"""Of the types that each brings."""
SCHEMES = (*EVENT, "stripe", "slack", "standard-webhooks", "svix")
"""All but generic ones."""

PUSH = {"ref": "refs/heads/main", "after": "1" * 40, "repository": {"html_url": "https://github.com/acme/shop"}}
GITHUB = [
    {
        "event": "push",
        "body": PUSH,
        "type": "com.github.push",
        "source": "https://github.com/acme/shop",
        "subject": "refs/heads/main",
        "time": None,
        "another": ["release", "pull_request", "create", "public"],
    }
]


def rows(scheme):
    """What a provider delivers: event, body, and the event that is made of it."""
    if scheme.startswith("github"):
        return GITHUB
    return json.loads((DATA / f"{FILES.get(scheme, scheme)}.json").read_text())


def _hex(signed, *, key=SECRET, algorithm="sha256"):
    return hmac.new(key, signed, algorithm).hexdigest()


def _standard(prefix, body, *, delivery_id, at, key):
    signed = f"{delivery_id}.{at}.".encode() + body
    signature = "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    return {f"{prefix}-id": delivery_id, f"{prefix}-timestamp": at, f"{prefix}-signature": signature}


def signature(scheme, body, *, key=SECRET, delivery_id="msg_1", at=None):
    """The headers that sign a body; `at` in seconds since 1970, now where left out."""
    at = str(int(time.time() if at is None else at))
    match scheme:
        case "github":
            return {"X-Hub-Signature-256": f"sha256={_hex(body, key=key)}"}
        case "github-sha1":
            return {"X-Hub-Signature": f"sha1={_hex(body, key=key, algorithm='sha1')}"}
        case "bitbucket":
            return {"X-Hub-Signature": f"sha256={_hex(body, key=key)}"}
        case "gitea" | "forgejo" | "gogs":
            return {f"X-{scheme.title()}-Signature": _hex(body, key=key)}
        case "gitlab":
            return {"X-Gitlab-Token": key.decode()}
        case "shopify":
            return {"X-Shopify-Hmac-SHA256": base64.b64encode(hmac.new(key, body, "sha256").digest()).decode()}
        case "stripe":
            return {"Stripe-Signature": f"t={at},v1={_hex(f'{at}.'.encode() + body, key=key)}"}
        case "slack":
            signed = f"v0:{at}:".encode() + body
            return {"X-Slack-Request-Timestamp": at, "X-Slack-Signature": f"v0={_hex(signed, key=key)}"}
        case "svix":
            return _standard("svix", body, delivery_id=delivery_id, at=at, key=key)
        case "gitlab-signing" | "standard-webhooks":
            return _standard("webhook", body, delivery_id=delivery_id, at=at, key=key)
    raise ValueError(scheme)


def delivery(scheme, body, *, event=None, delivery_id="1", **options):
    """A whole delivery's headers, names as the provider writes them."""
    headers = {"Content-Type": "application/json", **signature(scheme, body, delivery_id=delivery_id, **options)}
    if event is not None and scheme in EVENT:
        headers[EVENT[scheme]] = event
    if scheme in ID:
        headers[ID[scheme]] = delivery_id
    return headers


def raw(headers):
    """Headers as ASGI has them."""
    return [(name.lower().encode(), value.encode("latin-1")) for name, value in headers.items()]


def secret_file(scheme):
    """What stands in the secret file of a scheme."""
    return WHSEC if scheme in {"standard-webhooks", "svix", "gitlab-signing"} else SECRET
