"""Keys and names: the same event is the same Job."""

import base64
import hashlib
import json
import re

from hypothesis import given
from hypothesis import strategies as st

from webhook.identity import MAX_NAME, base32, event_key, event_label, job_key, job_name, typed_key

TEXT = st.text(max_size=80)
DNS_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")


@given(TEXT, TEXT, TEXT, TEXT)
def test_a_name_is_a_dns_label_of_at_most_52_characters(definition, ingress, source, identity):
    """Whatever strangers send, the name can be a Job's, and pods' suffixes still fit."""
    name = job_name(definition, job_key(definition, ingress, source, identity))
    assert DNS_LABEL.fullmatch(name)
    assert len(name) <= MAX_NAME


@given(st.lists(TEXT, min_size=4, max_size=4), st.lists(TEXT, min_size=4, max_size=4))
def test_two_keys_are_equal_only_for_equal_parts(one, other):
    """No two different lists of parts share a key: there is no separator to forge."""
    assert (job_key(*one) == job_key(*other)) == (one == other)


def test_parts_do_not_run_into_each_other():
    """("a", "bc") and ("ab", "c") are two events (JobSink takes them for one)."""
    assert event_key("events", "a", "bc") != event_key("events", "ab", "c")


def test_a_key_is_sha256_over_ascii_json():
    """The key can be computed anywhere by the rule that the documentation gives."""
    parts = ["build", "github", "https://github.com/acme/ü", "id"]
    text = json.dumps(parts, ensure_ascii=True, separators=(",", ":")).encode()
    assert job_key(*parts) == hashlib.sha256(text).hexdigest()
    assert event_key(*parts[1:]) == hashlib.sha256(json.dumps(parts[1:], separators=(",", ":")).encode()).hexdigest()


def test_a_name_is_stable():
    """Names are promises: a change of the rule would launch every remembered event again."""
    assert job_name("build", job_key("build", "github", "s", "1")) == "build-pyvgbwuu5sewuwd7oryx"


def test_a_long_definition_is_cut_and_an_odd_one_still_named():
    """The prefix is for people; the key does the work."""
    key = "ab" * 32
    assert job_name("x" * 60, key).startswith("x" * 30 + "-")
    assert job_name("Ünder_score!", key).startswith("nder-score-")
    assert job_name("_", key).startswith("job-")


@given(st.binary(min_size=1, max_size=40))
def test_base32_is_that_of_the_standard_library(key):
    """RFC 4648 §6, in lower case and unpadded, leading zeros included."""
    assert base32(key.hex()) == base64.b32encode(key).decode().rstrip("=").lower()


def test_an_event_label_is_a_label_value():
    """It fits a label value, and base32 says what it is."""
    label = event_label("ff" * 32)
    assert len(label) == 32
    assert base32("ff" * 32).startswith(label)


@given(st.lists(TEXT, min_size=4, max_size=4), st.lists(TEXT, min_size=4, max_size=4))
def test_two_typed_keys_are_equal_only_for_equal_parts(one, other):
    """And no Job has the key that stands for an event under its type."""
    assert (typed_key(*one) == typed_key(*other)) == (one == other)
    assert typed_key(*one) != job_key(*other)


def test_a_typed_key_is_sha256_over_ascii_json():
    """The list begins with a word of its own; a change of it would take an honest repeat for another's."""
    text = json.dumps(["type", "bitbucket", "s", "1", "t"], separators=(",", ":")).encode()
    assert typed_key("bitbucket", "s", "1", "t") == hashlib.sha256(text).hexdigest()
