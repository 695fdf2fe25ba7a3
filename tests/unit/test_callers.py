"""Who may do what: bearer tokens from files, and of service accounts by a cluster's word."""

import asyncio
import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webhook import callers, settings
from webhook.callers import Caller, Callers, Reviews, bearer_token
from webhook.callers.bearer import claims
from webhook.callers.reviews import AT_ONCE, WAITING
from webhook.errors import ClusterUnavailable, ConfigurationError, NotAllowed, NotAuthenticated, TooManyRequests

OPS, CI = "ops-0123456789abcdef", "ci-0123456789abcdef"
CLEANER = "system:serviceaccount:jobhook:cleanup"


def jwt(*, aud="jobhook", exp=1000.0, **more):
    """An unsigned token of the right shape: nothing here verifies signatures, the cluster does."""
    parts = ({"alg": "RS256"}, {"aud": aud, "exp": exp, **more})
    coded = [base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts]
    return ".".join([*coded, "c2lnbmF0dXJl"])


class Cluster:
    """Identities in memory: tokens with their audience and user; counts questions and can be held up."""

    def __init__(self, known=None, fault=None):
        self.known, self.fault = known or {}, fault
        self.asked, self.at_once, self.most = 0, 0, 0
        self.open = asyncio.Event()
        self.open.set()

    async def who(self, token, audience):
        self.asked += 1
        self.at_once += 1
        self.most = max(self.most, self.at_once)
        try:
            await self.open.wait()
            if self.fault:
                raise self.fault
            return self.known.get((token, audience))
        finally:
            self.at_once -= 1


@pytest.fixture
def by_file(tmp_path):
    (tmp_path / "ops").write_text(OPS + "\n")
    (tmp_path / "ci").write_text(CI)
    return Callers(
        [
            settings.Caller(name="ops", may={"read", "cleanup"}, tokens=(tmp_path / "ops",)),
            settings.Caller(name="ci", may={"events"}, tokens=(tmp_path / "gone", tmp_path / "ci")),
        ]
    )


def by_account(cluster, *, ticks=lambda: 0.0, now=lambda: 0.0, size=1024, audiences=("jobhook",)):
    declared = [
        settings.Caller(
            name=f"cleanup-{audience}", may={"cleanup"}, service_account="jobhook/cleanup", audience=audience
        )
        for audience in audiences
    ]
    return Callers(declared, reviews=Reviews(cluster, ticks=ticks, size=size), now=now)


def test_a_token_is_its_callers(by_file):
    """Each file's token is its caller's, with what the caller may; a missing file stands in nobody's way."""
    assert asyncio.run(by_file.authenticate(OPS)) == Caller("ops", frozenset({"read", "cleanup"}))
    assert asyncio.run(by_file.authenticate(CI)).name == "ci"


@pytest.mark.parametrize("token", ["", "ops", OPS + "x", OPS[:-1], OPS.upper(), "é" * 20, "\ud800" * 20, jwt()])
def test_another_token_is_nobodys(by_file, token):
    """Nothing but the whole token is it, whatever characters it has."""
    with pytest.raises(NotAuthenticated):
        asyncio.run(by_file.authenticate(token))


def test_a_token_that_was_taken_away_is_refused_at_once(by_file, tmp_path):
    """Rotation needs no restart: the old token ends with its file, the new one begins with it."""

    async def story():
        await by_file.authenticate(OPS)
        (tmp_path / "ops").write_text("new-0123456789abcdef")
        with pytest.raises(NotAuthenticated):
            await by_file.authenticate(OPS)
        assert (await by_file.authenticate("new-0123456789abcdef")).name == "ops"
        (tmp_path / "ops").unlink()
        with pytest.raises(NotAuthenticated):
            await by_file.authenticate("new-0123456789abcdef")

    asyncio.run(story())


def test_every_token_is_compared_with_every_file(by_file, monkeypatch):
    """The work is the same for the first token, the last one and a wrong one."""
    compared = []
    real = callers.callers.hmac.compare_digest
    monkeypatch.setattr(
        callers.callers.hmac, "compare_digest", lambda a, b: compared.append((len(a), len(b))) or real(a, b)
    )
    for token in (OPS, CI, "wrong"):
        compared.clear()
        by_file._by_file(token)
        assert compared == [(32, 32)] * 3


def test_a_missing_right_is_named():
    """Who lacks a right is told which; a right that does not exist is a fault of the program."""
    caller = Caller("ops", frozenset({settings.Right.READ}))
    caller.require("read")
    with pytest.raises(NotAllowed, match="caller 'ops' may not 'cleanup'"):
        caller.require(settings.Right.CLEANUP)
    with pytest.raises(ValueError):
        caller.require("clean")


@pytest.mark.parametrize("value", ["Bearer abc", b"Bearer abc", "bearer abc", "BEARER   abc"])
def test_a_bearer_token_is_read(value):
    """The scheme's case is free, and one or more spaces follow it (RFC 9110 §11.4)."""
    assert bearer_token([value]) == "abc"


@pytest.mark.parametrize(
    "values",
    [
        [],
        ["Bearer abc", "Bearer abc"],
        [""],
        ["Bearer"],
        ["Bearer "],
        ["Basic abc"],
        ["Bearer abc def"],
        ["Bearer abc,Bearer abc"],
        [" Bearer abc"],
        ["Bearer abc "],
        ["Bearer\tabc"],
        ["Bearerabc"],
        ["Bearer =abc"],
        ["Bearer é"],
        [b"Bearer \xff"],
        ["Bearer abc\n"],
        ["Bearer " + "a" * 16385],
    ],
)
def test_anything_else_is_no_bearer_token(values):
    """None, several, other schemes and other characters are refused, and the message does not repeat them."""
    with pytest.raises(NotAuthenticated) as caught:
        bearer_token(values)
    assert "abc" not in str(caught.value)


@given(st.lists(st.text() | st.binary(), max_size=2))
def test_no_header_breaks_the_parser(values):
    """Whatever the headers hold: a token in ASCII, or NotAuthenticated."""
    try:
        assert bearer_token(values).isascii()
    except NotAuthenticated:
        pass


@given(
    st.text()
    | st.tuples(st.binary(), st.binary()).map(
        lambda parts: ".".join([*(base64.urlsafe_b64encode(part).decode().rstrip("=") for part in parts), "c2ln"])
    )
)
def test_no_token_breaks_the_reader_of_claims(token):
    """Whatever a token holds: claims, or none."""
    assert claims(token) is None or claims(token).expires is not None


def test_a_service_account_is_known_by_the_clusters_word():
    """The cluster says who it is, for our audience; a token that it does not know is nobody's."""
    token = jwt()
    cluster = Cluster({(token, "jobhook"): CLEANER})
    assert asyncio.run(by_account(cluster).authenticate(token)).name == "cleanup-jobhook"
    with pytest.raises(NotAuthenticated):
        asyncio.run(by_account(cluster).authenticate(jwt(sub="another")))


def test_another_service_account_is_nobody():
    """A token that the cluster knows, of an account that is not declared, lets nobody in."""
    token = jwt()
    with pytest.raises(NotAuthenticated):
        asyncio.run(by_account(Cluster({(token, "jobhook"): CLEANER + "2"})).authenticate(token))


def test_each_caller_has_its_own_audience():
    """The same account under two audiences is two callers; one token may be meant for both and is asked for each."""
    token = jwt(aud=["other", "second"])
    cluster = Cluster({(token, "second"): CLEANER})
    caller = asyncio.run(by_account(cluster, audiences=("first", "second")).authenticate(token))
    assert (caller.name, cluster.asked) == ("cleanup-second", 1)


@pytest.mark.parametrize(
    "token",
    [
        "opaque-0123456789abcdef",
        "a.b",
        "a.b.c.d",
        "..",
        "e30.e30.c2ln",
        "!.e30.c2ln",
        "bm8.bm8.c2ln",
        jwt(aud="kubernetes"),
        jwt(aud=None),
        jwt(aud={"jobhook": 1}),
        jwt(aud=[1, None]),
        jwt(exp=None),
        jwt(exp="2000"),
        jwt(exp=True),
        jwt(exp=500),
        jwt(exp=-1),
    ],
)
def test_the_cluster_is_asked_about_no_token_that_cannot_be_ours(token):
    """Shape, audience and expiry are looked at first, so that floods of junk cost the cluster nothing."""
    cluster = Cluster({(token, "jobhook"): CLEANER})
    with pytest.raises(NotAuthenticated):
        asyncio.run(by_account(cluster, now=lambda: 500.0).authenticate(token))
    assert cluster.asked == 0


def outcome(callers_, token):
    """The caller's name, or None."""

    async def ask():
        try:
            return (await callers_.authenticate(token)).name
        except NotAuthenticated:
            return None

    return ask()


@pytest.mark.parametrize("known", [True, False])
def test_an_answer_holds_for_a_minute(known):
    """Both yes and no are remembered for 60 s and asked anew after that."""
    token, clock = jwt(), [0.0]
    cluster = Cluster({(token, "jobhook"): CLEANER} if known else {})

    async def story():
        callers_ = by_account(cluster, ticks=lambda: clock[0])
        for second, asked in ((0, 1), (59.9, 1), (60, 2), (119.9, 2), (120, 3)):
            clock[0] = second
            assert (await outcome(callers_, token) is not None) is known
            assert cluster.asked == asked

    asyncio.run(story())


def test_an_answer_holds_no_longer_than_its_token():
    """With ten seconds to live, a token is refused after ten seconds though the answer was yes."""
    token, clock = jwt(exp=10), [0.0]
    cluster = Cluster({(token, "jobhook"): CLEANER})

    async def story():
        reviews = Reviews(cluster, ticks=lambda: clock[0])
        assert await reviews.who(token, "jobhook", lifetime=10) == CLEANER
        clock[0] = 10.0
        cluster.known.clear()
        assert await reviews.who(token, "jobhook", lifetime=0) is None

    asyncio.run(story())


def test_equal_questions_are_asked_once():
    """Fifty requests with one token at the same time are one review, and one that hangs up does not end it."""
    token = jwt()

    async def story():
        cluster = Cluster({(token, "jobhook"): CLEANER})
        cluster.open.clear()
        callers_ = by_account(cluster)
        asking = [asyncio.create_task(callers_.authenticate(token)) for _ in range(50)]
        await asyncio.sleep(0)
        asking[0].cancel()
        await asyncio.sleep(0)
        cluster.open.set()
        names = [caller.name for caller in await asyncio.gather(*asking[1:])]
        assert names == ["cleanup-jobhook"] * 49
        assert asking[0].cancelled()
        assert cluster.asked == 1

    asyncio.run(story())


def test_reviews_are_capped():
    """A flood of forged tokens asks the cluster a few at a time, and beyond a bound is told to come again."""

    async def story():
        cluster = Cluster()
        cluster.open.clear()
        callers_ = by_account(cluster)
        asking = [asyncio.create_task(outcome(callers_, jwt(jti=number))) for number in range(WAITING)]
        while cluster.at_once < AT_ONCE:
            await asyncio.sleep(0)
        with pytest.raises(TooManyRequests):
            await callers_.authenticate(jwt(jti="one more"))
        cluster.open.set()
        assert await asyncio.gather(*asking) == [None] * WAITING
        assert (cluster.asked, cluster.most) == (WAITING, AT_ONCE)
        assert await outcome(callers_, jwt(jti="one more")) is None

    asyncio.run(story())


def test_refusals_do_not_push_honest_answers_out():
    """Memory is bounded, and a flood of forged tokens turns over its own part of it alone."""
    token = jwt()
    cluster = Cluster({(token, "jobhook"): CLEANER})

    async def story():
        callers_ = by_account(cluster, size=4)
        await callers_.authenticate(token)
        for number in range(20):
            await outcome(callers_, jwt(jti=number))
        asked = cluster.asked
        await callers_.authenticate(token)
        await outcome(callers_, jwt(jti=19))
        assert cluster.asked == asked
        await outcome(callers_, jwt(jti=0))
        assert cluster.asked == asked + 1
        assert len(callers_._reviews._refused._answers) == 4

    asyncio.run(story())


def test_no_answer_is_not_remembered():
    """A cluster that is away is asked again by the next request, and its error is the caller's to see."""
    token = jwt()
    cluster = Cluster({(token, "jobhook"): CLEANER}, fault=ClusterUnavailable("away"))

    async def story():
        callers_ = by_account(cluster)
        with pytest.raises(ClusterUnavailable):
            await callers_.authenticate(token)
        cluster.fault = None
        assert (await callers_.authenticate(token)).name == "cleanup-jobhook"

    asyncio.run(story())


def test_a_cluster_that_says_nothing_is_away(monkeypatch):
    """A review ends by itself, so that a silent cluster cannot hold its places for ever."""
    monkeypatch.setattr(callers.reviews, "LONGEST_REVIEW", callers.reviews.timedelta(milliseconds=10))

    async def story():
        cluster = Cluster()
        cluster.open.clear()
        with pytest.raises(ClusterUnavailable):
            await by_account(cluster).authenticate(jwt())

    asyncio.run(story())


def test_a_service_account_needs_somebody_to_ask():
    """Without a cluster that knows tokens, such a caller is an error at the start and not a door that never opens."""
    declared = settings.Caller(name="x", may={"read"}, service_account="a/b", audience="c")
    with pytest.raises(ConfigurationError):
        Callers([declared])
