"""What is counted: the one door to prometheus-client.

One `Metrics` a process, made by the composition and handed to the use cases.
"""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.gc_collector import GCCollector
from prometheus_client.process_collector import ProcessCollector

__all__ = ["CONTENT_TYPE", "Counter", "Metrics"]

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class Metrics:
    """The counters of one process, in a registry of its own."""

    def __init__(self) -> None:
        registry = self.registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        GCCollector(registry=registry)
        self.requests = Counter("jobhook_requests", "Requests answered.", ["route", "status"], registry=registry)
        self.answer_seconds = Histogram(
            "jobhook_answer_seconds", "From a request's first byte to its answer.", ["route"], registry=registry
        )
        self.events = Counter("jobhook_events", "Events taken in, by their door.", ["via"], registry=registry)
        self.unmatched = Counter("jobhook_events_unmatched", "Events that no definition asked for.", registry=registry)
        self.launched = Counter("jobhook_jobs_launched", "Jobs created.", ["definition"], registry=registry)
        self.duplicates = Counter(
            "jobhook_duplicates", "Events whose Job was there already.", ["by"], registry=registry
        )
        self.refused = Counter("jobhook_refused", "What was not served or not launched.", ["reason"], registry=registry)
        self.condition_errors = Counter(
            "jobhook_when_errors", "`when` expressions that failed: no match.", ["definition"], registry=registry
        )
        self.definitions = Gauge("jobhook_definitions", "Definitions loaded.", registry=registry)
        self.definitions_stale = Gauge(
            "jobhook_definitions_stale",
            "1 while the files hold an error and the last good set is used.",
            registry=registry,
        )
        self.deliveries = Counter(
            "jobhook_deliveries", "Completions that came to an end at a sink.", ["sink", "outcome"], registry=registry
        )
        self.attempts = Counter(
            "jobhook_delivery_attempts", "Tries to send a completion.", ["sink", "result"], registry=registry
        )
        self.dead_letters = Counter(
            "jobhook_dead_letter_attempts", "Tries to send a dead letter.", ["sink", "result"], registry=registry
        )
        self.redelivered = Counter(
            "jobhook_redeliveries", "Completions sent to a sink again by order.", ["sink"], registry=registry
        )
        self.breaker_open = Gauge(
            "jobhook_breaker_open", "1 while a sink, or its dead letter, is only probed.", ["sink"], registry=registry
        )
        self.delivery_seconds = Histogram(
            "jobhook_delivery_seconds", "From a Job's end to its completion taken.", ["sink"], registry=registry
        )
        self.swept = Counter(
            "jobhook_swept", "Jobs seen by sweeps, by what became of them.", ["result"], registry=registry
        )
        self.ledger_keys = Gauge("jobhook_ledger_keys", "Keys that outlive their Jobs, in memory.", registry=registry)
        self.ledger_segments = Gauge("jobhook_ledger_segments", "Records that hold those keys.", registry=registry)
        self.ledger_age = Gauge(
            "jobhook_ledger_age_seconds", "Since the copy of the ledger was last known to be whole.", registry=registry
        )
        self.ledger_forgotten = Counter(
            "jobhook_ledger_forgotten_early",
            "Keys forgotten before their time: there were too many.",
            registry=registry,
        )
        self.pending = Gauge(
            "jobhook_completions_pending", "Jobs whose completion is not delivered.", registry=registry
        )
        self.watch_age = Gauge(
            "jobhook_watch_age_seconds",
            "Since the watch over our Jobs last brought a word of the store.",
            registry=registry,
        )
        self.watch_failures = Counter(
            "jobhook_watch_failures", "Lists and watches that failed.", ["resource", "reason"], registry=registry
        )
        self.watch_skipped = Counter(
            "jobhook_watch_skipped", "Lines and items that could not be read.", ["resource"], registry=registry
        )

    def text(self) -> bytes:
        """All of it in Prometheus' text format."""
        return generate_latest(self.registry)
