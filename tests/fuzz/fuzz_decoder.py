"""Fuzz targets without a server: bytes into the decoder and into every provider."""

import hashlib
import pathlib
import tempfile

from webhook import sources
from webhook.errors import MalformedEvent, TooLarge, UnsupportedMedia, ValueRefused
from webhook.events import decode, envelope, to_structured
from webhook.providers import receive
from webhook.settings.sources import SCHEMES, Source

EXPRESSIONS = {
    "id": "body.id",
    "type": 'headers["X-Github-Event"]',
    "source": "body.repository.full_name",
    "subject": "body.ref | upper",
}


def every_source(folder):
    """A source of each scheme, by the scheme's name."""
    (folder / "secret").write_bytes(b"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    generic = {"header": "x-signature", **EXPRESSIONS}
    return sources.declared(
        {
            scheme: Source(scheme=scheme, secrets=(folder / "secret",), **(generic if scheme == "generic" else {}))
            for scheme in SCHEMES
        }
    )


with tempfile.TemporaryDirectory() as made:
    PROVIDERS = [source.provider for source in every_source(pathlib.Path(made)).values()]


def request_of(data):
    """Read bytes as raw headers, one a line, and a body behind an empty line: what a fuzzer can find its way in."""
    head, _, body = data.partition(b"\n\n")
    lines = [line.partition(b":") for line in head.split(b"\n") if line]
    return [(name.strip().lower(), value.strip()) for name, _, value in lines], body


def decoder(data):
    """Decode, and write again what was read: the same event comes back, and nothing but our errors leaves either."""
    headers, body = request_of(data)
    try:
        decoded = decode(headers, body)
    except (MalformedEvent, UnsupportedMedia, TooLarge):
        return False
    for event in decoded.events:
        again = decode(*_raw(to_structured(event))).events[0]
        assert envelope(again) == envelope(event), (event, again)
    return True


def providers(data):
    """Read a verified delivery of each provider: a value, or one of our errors."""
    headers, body = request_of(data)
    found = False
    for provider in PROVIDERS:
        try:
            made = receive(provider, headers, body)
        except (MalformedEvent, UnsupportedMedia, ValueRefused):
            continue
        found = True
        assert getattr(made, "identity", hashlib.sha256(body).hexdigest())
    return found


def _raw(message):
    headers, body = message
    return [(name.lower().encode(), value.encode()) for name, value in headers.items()], body
