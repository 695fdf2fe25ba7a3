"""Shopify's webhooks, https://shopify.dev/docs/api/webhooks.

Topic, shop and id come in headers that are not signed. A few keys tell one resource's bodies from another's, and a few
values one topic's from another's; many topics of one resource have bodies of one shape.
"""

from __future__ import annotations

import re

from ..errors import ValueRefused
from ..events import Event, Headers
from ..json import Value
from .named import name_in
from .provider import Greeting, Identity, first, first_moment, header

PREFIX = "com.shopify."
REMEDY = "set the webhook's format to JSON"

_TOPIC = re.compile(r"[a-z_]+(/[a-z_]+){1,3}")
_MARKS = {
    "orders": "financial_status",
    "draft_orders": "invoice_url",
    "checkouts": "abandoned_checkout_url",
    "products": "variants",
    "collections": "sort_order",
    "customers": "verified_email",
    "refunds": "refund_line_items",
    "fulfillments": "tracking_company",
    "inventory_levels": "available",
    "shop": "myshopify_domain",
}
"""A key that every body of a resource has, and no other's at the outermost level."""
_STATES: dict[str, tuple[str, frozenset[object]]] = {
    "orders/paid": ("financial_status", frozenset({"paid", None})),
    "orders/partially_paid": ("financial_status", frozenset({"partially_paid", None})),
    "orders/fulfilled": ("fulfillment_status", frozenset({"fulfilled"})),
    "orders/partially_fulfilled": ("fulfillment_status", frozenset({"partial"})),
    "orders/create": ("cancelled_at", frozenset({None})),
}
"""What a body says where its topic is true."""
_SET: dict[str, str] = {"orders/cancelled": "cancelled_at"}
"""What is not null in a body where its topic is true."""


def greeting(headers: Headers, value: Value) -> Greeting | None:  # noqa: ARG001 (the Protocol's)
    """None: a test notification is an ordinary event."""
    return None


def to_event(headers: Headers, value: Value, digest: str) -> Event:
    """Map a delivery; slashes of its topic become dots, and the shop that its header names is `shopdomain`.

    The source is one for all shops, as it is part of what identifies an event, and no signature covers the shop.

    Raises:
        MalformedEvent: a header that is no topic.
        ValueRefused: the body is of another resource or state than the topic says.
    """
    topic = name_in(headers, b"x-shopify-topic", _TOPIC)
    if topic and (refusal := _refusal(topic, value)):
        raise ValueRefused(f"a body that has {refusal} is none of {topic!r}, which the header x-shopify-topic says")
    shop = header(headers, b"x-shopify-shop-domain")
    return Event(
        id=header(headers, b"x-shopify-webhook-id") or digest,
        source="https://shopify.com",
        type=PREFIX + (topic.replace("/", ".") if topic else "delivery"),
        subject=first(value, "id", "inventory_item_id"),
        time=first_moment(value, "updated_at", "created_at"),
        datacontenttype="application/json",
        extensions={"shopdomain": shop} if shop else {},
        data=value,
    )


def identity(event: Event) -> Identity:  # noqa: ARG001
    """The body: the id is not signed."""
    return "body"


def loose(event: Event, chosen: Identity | None) -> bool:  # noqa: ARG001
    """Where the source asks for it: one change is honestly sent under several topics, with one body."""
    return chosen == "body"


def _refusal(topic: str, body: Value) -> str | None:
    resource, _, verb = topic.partition("/")
    own = _MARKS.get("shop" if resource == "app" else resource)
    fits = own in body and verb != "delete"
    foreign = None if fits else next((mark for mark in _MARKS.values() if mark in body), None)
    if foreign:
        return repr(foreign)
    path, values = _STATES.get(topic, ("", frozenset()))
    if path and path in body and body[path] not in values:
        return f"another {path!r}"
    path = _SET.get(topic, "")
    return f"no {path!r}" if path and path in body and body[path] is None else None
