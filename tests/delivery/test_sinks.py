"""One sink over real HTTP: what is sent, and what each answer means."""

import asyncio
import base64
import email.utils
import json
import socket
import ssl
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webhook.errors import ConfigurationError, SinkGone, SinkRefused, SinkUnavailable
from webhook.events import Event
from webhook.signatures import SCHEMES, verify
from webhook.sinks import HttpSink, Mode, SinkConfig, retry_after, verdict
from webhook.sinks.answers import LONGEST_RETRY_AFTER

NOW = datetime(2026, 1, 1, tzinfo=UTC)
EVENT = Event(
    id="u-finished",
    source="//prod/namespaces/jobs/jobhook",
    type="dev.jobhook.job.succeeded.v1",
    subject="build-1",
    datacontenttype="application/json",
    extensions={"jobhookhops": 1},
    data={"outcome": "succeeded"},
)


def send(sink_server, *, plan=(), event=EVENT, path="", **config):
    """Send one event to a server that answers by `plan`; give back the server and what was raised."""

    async def main():
        async with sink_server() as server:
            server.plan = list(plan)
            async with HttpSink(SinkConfig(name="bus", url=server.url + path, **config), now=lambda: NOW) as sink:
                try:
                    await sink.send(event)
                except Exception as error:
                    return server, error
                finally:
                    server.release()
            return server, None

    return asyncio.run(main())


def test_sends_binary(sink_server):
    """Binary mode: attributes in headers, the data as JSON in the body, configured headers beside them."""
    server, error = send(sink_server, headers={"authorization": "Bearer t"})
    assert error is None
    (method, path, headers, body) = server.seen[0]
    assert (method, path) == ("POST", "/in")
    lower = {name.lower(): value for name, value in headers.items()}
    assert lower["ce-id"] == "u-finished"
    assert lower["ce-jobhookhops"] == "1"
    assert lower["content-type"] == "application/json"
    assert lower["authorization"] == "Bearer t"
    assert lower["user-agent"].startswith("jobhook/")
    assert json.loads(body) == {"outcome": "succeeded"}


def test_sends_structured(sink_server):
    """Structured mode: one JSON object with everything."""
    server, error = send(sink_server, mode=Mode.STRUCTURED)
    assert error is None
    assert server.seen[0][2]["Content-Type"].startswith("application/cloudevents+json")
    assert json.loads(server.seen[0][3])["data"] == {"outcome": "succeeded"}


def test_overrides_set_extensions(sink_server):
    """K_CE_OVERRIDES' extensions are on every event, in the place of its own."""
    server, _ = send(sink_server, extensions={"tenant": "acme", "jobhookhops": "7"})
    assert (server.seen[0][2]["ce-tenant"], server.seen[0][2]["ce-jobhookhops"]) == ("acme", "7")


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
def test_takes_every_2xx(sink_server, status):
    """Any 2xx means taken, whatever its body."""
    assert send(sink_server, plan=[(status, {}, b"" if status == 204 else b"x" * 5000)])[1] is None


@pytest.mark.parametrize("status", [404, 408, 409, 429, 500, 502, 503, 599])
def test_asks_again_for_what_may_pass(sink_server, status):
    """Knative's list of what is retried is ours."""
    _server, error = send(sink_server, plan=[(status, {"retry-after": "7"}, b"why" * 1000)])
    assert isinstance(error, SinkUnavailable)
    assert (error.status, error.retry_after) == (status, timedelta(seconds=7))
    assert error.body == (b"why" * 1000)[:1024]


@pytest.mark.parametrize("status", [300, 301, 302, 307, 400, 401, 403, 405, 413, 422])
def test_gives_up_what_will_never_be_taken(sink_server, status):
    """Every other 3xx and 4xx is final, and a redirect is not followed."""
    server, error = send(sink_server, plan=[(status, {"location": "/elsewhere"}, b"")])
    assert isinstance(error, SinkRefused)
    assert not isinstance(error, SinkGone)
    assert error.status == status
    assert len(server.seen) == 1


def test_knows_a_sink_that_is_gone(sink_server):
    """410 says that the sink wants nothing any more."""
    assert isinstance(send(sink_server, plan=[410])[1], SinkGone)


def test_a_broken_connection_is_no_answer(sink_server):
    """A reset is asked again."""
    error = send(sink_server, plan=["reset", "reset"])[1]
    assert isinstance(error, SinkUnavailable)
    assert error.status is None


def test_a_sink_that_hangs_is_left(sink_server):
    """The timeout holds."""
    error = send(sink_server, plan=["hang"], timeout=timedelta(seconds=0.2))[1]
    assert isinstance(error, SinkUnavailable)


def test_an_answer_that_does_not_end_costs_no_more_than_the_timeout():
    """A status with a body that never comes is judged by its status."""
    ended = asyncio.Event()

    async def stall(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 503 No\r\ncontent-length: 1000000\r\nretry-after: 3\r\n\r\nnot")
        await writer.drain()
        await reader.read()
        writer.close()
        await writer.wait_closed()
        ended.set()

    async def main():
        server = await asyncio.start_server(stall, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        config = SinkConfig(name="bus", url=f"http://127.0.0.1:{port}/", timeout=timedelta(seconds=0.3))
        async with server, HttpSink(config) as sink:
            with pytest.raises(SinkUnavailable) as caught:
                await sink.send(EVENT)
            await asyncio.wait_for(ended.wait(), 10)
        return caught.value

    error = asyncio.run(main())
    assert (error.status, error.body, error.retry_after) == (503, b"not", timedelta(seconds=3))


def test_nobody_listens():
    """A refused connection is asked again, and its error does not show the URL."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://user:secret@127.0.0.1:{taken.getsockname()[1]}/?token=secret"
        config = SinkConfig(name="bus", url=url)

        async def main():
            async with HttpSink(config) as sink:
                await sink.send(EVENT)

        with pytest.raises(SinkUnavailable) as caught:
            asyncio.run(main())
    assert "secret" not in str(caught.value)
    assert "secret" not in repr(config)


def test_an_event_that_cannot_be_carried_is_refused_for_good(sink_server):
    """What no encoding can hold will not be taken on a later try either."""
    server, error = send(sink_server, event=Event(id="a", source="b", type="c", extensions={"Bad-Name": "x"}))
    assert isinstance(error, SinkRefused)
    assert server.seen == []


def test_wants_its_types():
    """A sink with types wants those, one without wants all."""
    assert HttpSink(SinkConfig(name="a", url="")).wants(EVENT)
    assert HttpSink(SinkConfig(name="a", url="", types=frozenset({EVENT.type}))).wants(EVENT)
    assert not HttpSink(SinkConfig(name="a", url="", types=frozenset({"x"}))).wants(EVENT)


def test_a_proxy_of_the_environment_is_not_asked(sink_server, monkeypatch):
    """What HTTP_PROXY says is for others."""
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    assert send(sink_server)[1] is None


def test_bad_certificates_are_told_at_the_start():
    """K_CA_CERTS that is no PEM ends the start with a remedy."""

    async def main():
        async with HttpSink(SinkConfig(name="bus", url="https://x/", ca_certs="nonsense")):
            pass

    with pytest.raises(ConfigurationError, match="bus: .* PEM"):
        asyncio.run(main())


def test_trusts_its_own_authorities_as_well(monkeypatch):
    """Further authorities are added to a context that checks certificates and names."""
    given_to = []
    monkeypatch.setattr(ssl.SSLContext, "load_verify_locations", lambda self, **kwargs: given_to.append((self, kwargs)))

    async def main():
        async with HttpSink(SinkConfig(name="bus", url="https://x/", ca_certs="PEM")):
            pass

    asyncio.run(main())
    context, kwargs = given_to[-1]
    assert kwargs == {"cadata": "PEM"}
    assert context.check_hostname
    assert context.verify_mode is ssl.CERT_REQUIRED


@given(seconds=st.integers(0, 10**30))
def test_retry_after_in_seconds(seconds):
    """Any number of seconds is read, and capped."""
    assert retry_after(f" {seconds} ", now=NOW) == min(timedelta(seconds=min(seconds, 9999)), LONGEST_RETRY_AFTER)


@given(moment=st.datetimes(datetime(1970, 1, 2), datetime(9000, 1, 1)).map(lambda m: m.replace(tzinfo=UTC)))
def test_retry_after_as_a_date(moment):
    """A date counts from now; the past is now, and the far future is capped."""
    moment = moment.replace(microsecond=0)
    expected = max(timedelta(0), min(moment - NOW, LONGEST_RETRY_AFTER))
    assert retry_after(email.utils.format_datetime(moment, usegmt=True), now=NOW) == expected


@given(text=st.none() | st.text())
def test_retry_after_of_anything(text):
    """Nonsense is no answer, and nothing raises."""
    wait = retry_after(text, now=NOW)
    assert wait is None or timedelta(0) <= wait <= LONGEST_RETRY_AFTER


@given(status=st.integers(100, 999))
def test_every_status_has_one_verdict(status):
    """Taken is 2xx and nothing else; the three verdicts exclude each other."""
    error = verdict(status)
    assert (error is None) == (200 <= status < 300)
    assert isinstance(error, SinkGone) == (status == 410)
    assert isinstance(error, SinkUnavailable) == (status in {404, 408, 409, 429} or status >= 500)


def test_signs_the_bytes_it_sends_with_every_secret(sink_server, tmp_path):
    """In either mode, over what is on the wire; no configured header takes a signature's place."""
    old, new = tmp_path / "old", tmp_path / "new"
    old.write_bytes(b"plain bytes, as they are\n")
    new.write_bytes(b"whsec_" + base64.b64encode(b"sixteen bytes or more"))
    for mode in Mode:
        server, error = send(
            sink_server, mode=mode, secrets=(old, new), headers={"webhook-signature": "v1,forged", "webhook-id": "x"}
        )
        assert error is None
        _, _, headers, body = server.seen[0]
        raw = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
        for key in (b"plain bytes, as they are", b"sixteen bytes or more"):
            verified = verify(SCHEMES["standard-webhooks"], raw, body, [b"whsec_" + base64.b64encode(key)], now=NOW)
            assert verified.id == EVENT.id


def test_sends_nothing_unsigned(sink_server, tmp_path):
    """A secret that is gone, or can sign nothing any more, is no answer; the other one of a rotation is enough."""
    good, bad, gone = tmp_path / "good", tmp_path / "bad", tmp_path / "gone"
    good.write_bytes(b"plain bytes, as they are")
    server, error = send(sink_server, secrets=(gone,))
    assert isinstance(error, SinkUnavailable)
    assert server.seen == []
    server, error = send(sink_server, secrets=(gone, good))
    assert error is None
    assert server.seen[0][2]["webhook-signature"].count("v1,") == 1

    async def spoiled():
        bad.write_bytes(b"plain bytes, as they are")
        async with sink_server() as server, HttpSink(SinkConfig(name="bus", url=server.url, secrets=(bad,))) as sink:
            bad.write_bytes(b"whsec_ and no base64, whatever it is")
            with pytest.raises(SinkUnavailable):
                await sink.send(EVENT)
            assert server.seen == []

    asyncio.run(spoiled())


def test_a_secret_that_can_never_sign_is_told_at_the_start(tmp_path):
    """With the sink and the file, and never the secret."""
    bad = tmp_path / "bad"
    bad.write_bytes(b"whsec_hunter2 hunter2 hunter2")

    async def main():
        async with HttpSink(SinkConfig(name="bus", url="https://x/", secrets=(bad,))):
            pass

    with pytest.raises(ConfigurationError, match="sink bus: .*bad") as caught:
        asyncio.run(main())
    assert "hunter2" not in str(caught.value)
