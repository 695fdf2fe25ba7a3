"""Failed authentications are limited after the check, by door and peer; nobody can lock another out."""

import uuid

from driving import TOKEN
from honest import BODY, post, say, signed

PUSH = ["content-type: application/json", "x-github-event: push"]
CE = ["ce-specversion: 1.0", "ce-source: /s", "ce-type: com.example.none"]


def _ask(receiver, request, peer):
    answer = say(receiver, request, source=peer)
    return int(answer[9:12]), answer


def _until_429(receiver, request, peer):
    """Fail until it is told to slow down; how often it was let off."""
    for number in range(500):
        status, answer = _ask(receiver, request, peer)
        if status == 429:
            assert b"application/problem+json" in answer
            after = next(line for line in answer.split(b"\r\n") if line.startswith(b"retry-after: "))
            assert 1 <= int(after.split()[1]) <= 60
            return number
        assert status == 401
    raise AssertionError("never limited")


def test_bad_signatures_are_429_in_the_end_and_good_ones_always_pass(guarded):
    """Through one ingress address: a flood of bad ones, and the provider's own delivery among them."""
    bad = post("/hooks/shared", BODY, *PUSH, signed(BODY, "a secret that is not ours"))
    assert _until_429(guarded, bad, "127.0.0.2") > 50
    for number in range(20):
        body = BODY.replace(b"main", b"branch-%d" % number)
        assert _ask(guarded, post("/hooks/shared", body, *PUSH, signed(body)), "127.0.0.2")[0] == 202
        assert _ask(guarded, bad, "127.0.0.2")[0] in {401, 429}
    assert _ask(guarded, bad, "127.0.0.2")[0] == 429
    assert _ask(guarded, bad, "127.0.0.3")[0] == 401  # another peer
    elsewhere = post("/hooks/github", BODY, *PUSH, signed(BODY, "a secret that is not ours"))
    assert _ask(guarded, elsewhere, "127.0.0.2")[0] == 401  # another source


def test_bad_tokens_are_429_in_the_end_and_good_ones_always_pass(guarded):
    """The same for every door that takes tokens."""
    bad = post("/events", b"{}", *CE, f"ce-id: {uuid.uuid4()}", "authorization: Bearer nobody")
    assert _until_429(guarded, bad, "127.0.0.4") > 50
    for path in ("/events", "/"):
        good = post(path, b"{}", *CE, f"ce-id: {uuid.uuid4()}", token=True)
        assert _ask(guarded, good, "127.0.0.4")[0] == 202
    jobs = "GET /jobs HTTP/1.1\r\nhost: a\r\nconnection: close\r\n{}\r\n"
    assert _ask(guarded, jobs.format("").encode(), "127.0.0.4")[0] == 429
    assert _ask(guarded, jobs.format(f"authorization: Bearer {TOKEN}\r\n").encode(), "127.0.0.4")[0] == 200


def test_a_peer_is_its_connection_whatever_it_says(guarded):
    """Headers by which a proxy would tell of another address are not believed."""
    bad = post("/hooks/shared", BODY, *PUSH, signed(BODY, "a secret that is not ours"))
    _until_429(guarded, bad, "127.0.0.5")
    for header in ("x-forwarded-for: 192.0.2.7", "forwarded: for=192.0.2.7", "x-real-ip: 192.0.2.7"):
        other = post("/hooks/shared", BODY, *PUSH, signed(BODY, "a secret that is not ours"), header)
        assert _ask(guarded, other, "127.0.0.5")[0] == 429


def test_the_limit_shows_in_metrics_and_not_a_line_each_in_the_log(receiver):
    """A flood cannot fill the log with warnings."""
    bad = post("/hooks/shared", BODY, *PUSH, signed(BODY, "a secret that is not ours"))
    allowed = _until_429(receiver, bad, "127.0.0.6")
    for _ in range(50):
        _ask(receiver, bad, "127.0.0.6")
    warned = [line for line in receiver.lines("hook.unauthenticated") if line["peer"] == "127.0.0.6"]
    assert allowed <= len(warned) < allowed + 25
    text = receiver.ask("GET", "/metrics").body.decode()
    for reason in ("signature", "failures"):
        assert f'jobhook_refused_total{{reason="{reason}"}}' in text
