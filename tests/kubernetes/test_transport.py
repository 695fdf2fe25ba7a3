"""Calls over a scripted server: how they go out, and how they can fail."""

import asyncio
import contextlib
import json
import stat
from contextlib import aclosing
from datetime import timedelta

import pytest
import uvloop

from webhook import errors, marks
from webhook.clusters.kubernetes import KubernetesCluster, default_namespace, stream
from webhook.clusters.kubernetes.configuration import Place
from webhook.loop import Loop
from webhook.metrics import Metrics

SIGNATURE = "jobhook-test"
MINE = {"metadata": {"name": "a", "uid": "u", "resourceVersion": "7", "labels": {marks.MANAGED_BY: SIGNATURE}}}


def test_one_post_and_nothing_else(fake, job):
    """A launch costs the API server one POST, strict, under our field manager, and no other call."""

    async def answer(asked):
        await asked.reply(201, MINE)

    async def run():
        async with fake(answer) as (cluster, server):
            assert (await cluster.jobs.create(job("a"))).name == "a"
            (asked,) = server.asked
            assert (asked.method, asked.path) == ("POST", "/apis/batch/v1/namespaces/default/jobs")
            assert asked.query == {"fieldManager": "jobhook", "fieldValidation": "Strict"}
            assert asked.headers["content-type"] == "application/json"
            assert json.loads(asked.body) == job("a")

    asyncio.run(run())


def test_a_change_that_was_read_costs_one_call(fake):
    """With a resourceVersion from a reading, patch and delete ask nothing first."""

    async def answer(asked):
        await asked.reply(200, MINE)

    async def run():
        async with fake(answer) as (cluster, server):
            await cluster.jobs.patch("a", {"metadata": {"annotations": {"x": "y"}}}, resource_version="7")
            await cluster.jobs.delete("a", uid="u", resource_version="7")
            patch, delete = server.asked
            assert patch.headers["content-type"] == "application/merge-patch+json"
            assert json.loads(patch.body) == {"metadata": {"annotations": {"x": "y"}, "resourceVersion": "7"}}
            assert delete.method == "DELETE"
            options = json.loads(delete.body)
            assert options["propagationPolicy"] == "Background"
            assert options["preconditions"] == {"uid": "u", "resourceVersion": "7"}

    asyncio.run(run())


@pytest.mark.parametrize("name", ["../secrets/a", "a/status", "a?watch=1", "A", "", "a" * 254, "a%2fb", "a\n", "ä"])
def test_a_name_that_cannot_be_is_not_asked_for(fake, name):
    """What people write into a URL never becomes another path of the API server."""

    async def run():
        async with fake(None) as (cluster, server):
            for call in (
                cluster.jobs.read(name),
                cluster.jobs.patch(name, {}, resource_version="1"),
                cluster.jobs.delete(name, uid="u", resource_version="1"),
                anext(cluster.jobs.log(name, "main")),
                cluster.records.read(name),
                cluster.records.delete(name, version="1"),
                cluster.records.template("default", name, "key"),
                cluster.records.template(name, "templates", "key"),
            ):
                with pytest.raises(errors.NotFound):
                    await call
            assert server.asked == []

    asyncio.run(run())


def test_a_label_that_cannot_be_finds_nothing(fake):
    """A value with a comma is no second requirement of the selector."""

    async def run():
        async with fake(None) as (cluster, server):
            assert (await cluster.jobs.list({"a": "b,c!=d"})).jobs == ()
            assert server.asked == []

    asyncio.run(run())


def test_every_page_sends_the_one_selector(fake):
    """A continue token without the selector would bring other people's Jobs."""

    async def answer(asked):
        await asked.page(MINE, after="" if "continue" in asked.query else "more")

    async def run():
        async with fake(answer) as (cluster, server):
            page = await cluster.jobs.list({"a": "b"}, limit=1)
            await cluster.jobs.list({"a": "b"}, limit=1, after=page.next)
            await cluster.records.list({"a": "b"})
            assert {asked.query["labelSelector"] for asked in server.asked} == {f"{marks.MANAGED_BY}={SIGNATURE},a=b"}
            assert [asked.query.get("continue") for asked in server.asked] == [None, "more", None, "more"]

    asyncio.run(run())


def test_nothing_is_sent_where_nobody_listens(kubeconfig, job):
    """A refused connection is certain: the server cannot have acted."""

    async def run():
        server = await asyncio.start_server(lambda r, w: None, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        server.close()
        await server.wait_closed()
        async with cluster_at(kubeconfig(f"http://127.0.0.1:{port}")) as cluster:
            with pytest.raises(errors.ClusterUnavailable) as caught:
                await cluster.jobs.create(job("a"))
            assert caught.value.sent is False

    asyncio.run(run())


def test_a_cluster_that_was_left_sends_nothing(fake, job):
    """After leaving, and before entering, a call says so; no foreign exception comes out."""

    async def run():
        async with fake(None) as (cluster, _):
            pass
        with pytest.raises(errors.ClusterUnavailable) as caught:
            await cluster.jobs.create(job("a"))
        assert caught.value.sent is False

    asyncio.run(run())


async def silent(asked):
    await asked.cut()


async def half(asked):
    await asked.raw(b"HTTP/1.1 201 Created\r\nContent-Length: 100\r\n\r\n{}")
    await asked.cut()


async def garbage(asked):
    await asked.raw(b"\x00\x01 this is no HTTP\r\n\r\n")
    await asked.cut()


async def chunks(asked):
    await asked.raw(b"HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nnot a chunk\r\n")
    await asked.cut()


async def packed(asked):
    await asked.raw(b"HTTP/1.1 201 Created\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\nnope")


async def page_of_a_proxy(asked):
    await asked.reply(200, b"<html>welcome</html>")


async def no_json(asked):
    await asked.reply(201, b'{"metadata": ')


async def elsewhere(asked):
    await asked.reply(302, b"", Location="http://127.0.0.1:1/")


async def long_header(asked):
    await asked.raw(b"HTTP/1.1 201 Created\r\nX: " + b"x" * 100_000 + b"\r\n\r\n")


async def odd_encoding(asked):
    await asked.reply(502, b"\xff\xfe\x00", Content_Type="text/html; charset=klingon")


@pytest.mark.parametrize(
    "answer",
    [silent, half, garbage, chunks, packed, page_of_a_proxy, no_json, elsewhere, long_header, odd_encoding],
    ids=lambda answer: answer.__name__,
)
def test_no_foreign_exception_leaks(fake, job, answer):
    """Whatever comes back, what leaves is ours, says that it may pass, and does not claim that nothing was sent."""

    async def run():
        async with fake(answer) as (cluster, _):
            for call in (
                lambda: cluster.jobs.create(job("a")),
                lambda: cluster.jobs.read("a"),
                cluster.jobs.list,
                lambda: cluster.jobs.delete("a", uid="u"),
                lambda: cluster.identities.who("t", "a"),
                cluster.records.list,
                cluster.jobs.ping,
            ):
                with pytest.raises(errors.ClusterUnavailable) as caught:
                    await call()
                assert caught.value.sent is True or answer is elsewhere

    asyncio.run(run())


def logging(log):
    """Answer as the API server of a Job with one pod, whose log is as told."""

    async def answer(asked):
        if asked.path.endswith("/log"):
            await log(asked)
        elif "/pods/" in asked.path:
            owner = {"kind": "Job", "name": "a", "uid": "u"}
            await asked.reply(200, {"metadata": {"name": "p", "ownerReferences": [owner]}})
        else:
            await asked.reply(200, MINE)

    return answer


def test_a_log_that_breaks_off_says_so(fake):
    """What came is handed out; then our error, no foreign one."""

    async def log(asked):
        await asked.stream(b"one\n")
        await asked.cut()

    async def run():
        async with fake(logging(log)) as (cluster, _):
            got = []
            with pytest.raises(errors.ClusterUnavailable):
                async for piece in cluster.jobs.log("p", "main", tail=3, follow=True):
                    got.append(piece)
            assert b"".join(got) == b"one\n"

    asyncio.run(run())


def test_a_stream_of_many_small_pieces_is_read_in_few(fake, monkeypatch):
    """What comes after a silence is handed out at once; what follows closely is gathered, and nothing of it is lost."""
    monkeypatch.setattr(stream, "BREATH", 0.5)
    first = asyncio.Event()

    async def log(asked):
        await asked.stream(b"first\n")
        await first.wait()
        for number in range(300):
            await asked.send(b"%d\n" % number)
            await asyncio.sleep(0.001)
        await asked.send(b"x" * 2**20)
        await asked.end()

    async def run():
        async with fake(logging(log)) as (cluster, _):
            pieces = []
            async for piece in cluster.jobs.log("p", "main", tail=3, follow=True):
                pieces.append(piece)
                first.set()
            assert pieces[0] == b"first\n"
            assert b"".join(pieces[1:]) == b"".join(b"%d\n" % number for number in range(300)) + b"x" * 2**20
            assert sum(len(piece) < 2**10 for piece in pieces) < 30

    asyncio.run(run())


@pytest.mark.parametrize("loop", [asyncio.new_event_loop, uvloop.new_event_loop, Loop])
@pytest.mark.parametrize("ending", ["silence", "end", "cut"])
def test_what_came_while_pieces_were_gathered_is_handed_out(fake, loop, ending):
    """Also where nothing follows: neither a silent server nor one that goes keeps it back."""

    async def log(asked):
        await asked.stream(b"first\n")
        await asyncio.sleep(stream.BREATH / 4)  # while the reader waits for more than this
        await asked.send(b"second\n")
        await {"silence": asked.hang, "end": asked.end, "cut": asked.cut}[ending]()

    async def run():
        async with fake(logging(log)) as (cluster, _):
            for _ in range(20):
                text = b""
                with contextlib.suppress(errors.ClusterUnavailable):
                    async with asyncio.timeout(30), aclosing(cluster.jobs.log("p", "main", follow=True)) as pieces:
                        async for piece in pieces:
                            text += piece
                            if text == b"first\nsecond\n" and ending == "silence":
                                break
                assert text == b"first\nsecond\n"

    with asyncio.Runner(loop_factory=loop) as runner:
        runner.run(run())


@pytest.mark.parametrize(("status", "headers"), [(429, {"Retry_After": "3"}), (503, {"Retry_After": "3"}), (500, {})])
def test_a_server_that_throttles(fake, job, status, headers):
    """429 and 5xx may pass, and what the server asked for is handed on; nothing is tried again behind the back."""

    async def answer(asked):
        await asked.reply(status, b"too many", **headers)

    async def run():
        async with fake(answer) as (cluster, server):
            with pytest.raises(errors.ClusterUnavailable) as caught:
                await cluster.jobs.create(job("a"))
            assert caught.value.retry_after == (timedelta(seconds=3) if headers else None)
            assert len(server.asked) == 1

    asyncio.run(run())


def test_an_answer_that_does_not_come_is_the_callers_to_wait_for(fake, job, eventually):
    """A deadline around a call ends it at once, and the connection with it."""

    async def answer(asked):
        await asked.hang()

    async def run():
        async with fake(answer) as (cluster, server):
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.3):
                    await cluster.jobs.create(job("a"))
            async with asyncio.timeout(5):
                await server.asked[0].writer.wait_closed()

    asyncio.run(run())


def test_a_refused_token_is_read_again_once(fake, kubeconfig):
    """A 401 makes one look at the credentials and one more try; a second 401 is final."""
    tokens = []

    async def answer(asked):
        tokens.append(asked.headers["authorization"])
        if asked.headers["authorization"] == "Bearer new":
            await asked.reply(200, MINE)
        else:
            kubeconfig(server_url[0], {"token": "new" if len(tokens) == 1 else "newer"})
            await asked.reply(401, {"reason": "Unauthorized", "message": "Unauthorized"})

    server_url = []

    async def run():
        async with fake(answer, user={"token": "old"}) as (cluster, server):
            server_url.append(server.url)
            assert (await cluster.jobs.read("a")).name == "a"
            assert tokens == ["Bearer old", "Bearer new"]

    asyncio.run(run())


def test_many_refused_at_once_share_one_reading(fake, kubeconfig):
    """All calls that were refused with the old token are repeated with the new one, which was read once."""
    refused = []

    async def answer(asked):
        if asked.headers["authorization"] == "Bearer new":
            await asked.reply(200, MINE)
            return
        refused.append(asked)
        while len(refused) < 5:
            await asyncio.sleep(0.01)
        await asked.reply(401, {"reason": "Unauthorized", "message": "Unauthorized"})

    async def run():
        async with fake(answer, user={"token": "old"}) as (cluster, server):
            kubeconfig(server.url, {"token": "new"})
            found = await asyncio.gather(*(cluster.jobs.read("a") for _ in range(5)))
            assert [job.name for job in found] == ["a"] * 5
            assert len(server.asked) == 10

    asyncio.run(run())


def test_credentials_go_nowhere_else(fake, scripted):
    """A redirect is not followed, and its target never asked."""

    async def never(asked):
        await asked.reply(200, MINE)

    async def run():
        async with scripted(never) as other:

            async def answer(asked):
                await asked.reply(307, b"", Location=f"{other.url}/x")

            async with fake(answer, user={"token": "secret"}) as (cluster, _):
                with pytest.raises(errors.ClusterUnavailable):
                    await cluster.jobs.read("a")
            assert other.asked == []

    asyncio.run(run())


def test_a_token_that_stays_refused_does_not_make_a_loop(fake):
    """Two requests at most, then a missing right; soon after not even the second."""

    async def answer(asked):
        await asked.reply(401, {"reason": "Unauthorized", "message": "Unauthorized"})

    async def run():
        async with fake(answer, user={"token": "old"}) as (cluster, server):
            for expected in (2, 3):
                with pytest.raises(errors.NotPermitted):
                    await cluster.jobs.read("a")
                assert len(server.asked) == expected

    asyncio.run(run())


def test_an_exec_plugin_gives_the_token(fake, tmp_path):
    """Credentials of a program, as cloud providers have them, asked again after a 401."""
    plugin = tmp_path / "plugin"
    counter = tmp_path / "count"
    plugin.write_text(
        "#!/bin/sh\n"
        f"echo x >> {counter}; n=$(wc -l < {counter})\n"
        'echo "{\\"apiVersion\\": \\"client.authentication.k8s.io/v1\\", \\"kind\\": \\"ExecCredential\\",'
        ' \\"status\\": {\\"token\\": \\"t$n\\"}}"\n'
    )
    plugin.chmod(plugin.stat().st_mode | stat.S_IXUSR)
    user = {
        "exec": {"apiVersion": "client.authentication.k8s.io/v1", "command": str(plugin), "interactiveMode": "Never"}
    }

    async def answer(asked):
        if asked.headers["authorization"].lower() == "bearer t2":
            await asked.reply(200, MINE)
        else:
            await asked.reply(401, {"reason": "Unauthorized", "message": "Unauthorized"})

    async def run():
        async with fake(answer, user=user) as (cluster, server):
            await cluster.jobs.read("a")
            await cluster.jobs.read("a")
            assert len(server.asked) == 3

    asyncio.run(run())


def test_a_pod_finds_its_own_credentials(tmp_path, monkeypatch):
    """In a pod: the service account's token, read again when it has aged, and the pod's namespace."""
    (tmp_path / "token").write_text("first\n")
    (tmp_path / "ca.crt").write_text("ca")
    (tmp_path / "namespace").write_text("of-the-pod\n")
    environment = {"KUBERNETES_SERVICE_HOST": "::1", "KUBERNETES_SERVICE_PORT": "443"}
    place = Place(environment=environment, service_account=tmp_path)
    assert default_namespace(place) == "of-the-pod"
    loaded = asyncio.run(place.load())
    assert loaded.configuration.host == "https://[::1]:443"
    assert loaded.authorization.lower() == "bearer first"
    assert loaded.fresh_for == 60


def test_an_aged_token_is_read_again_before_it_is_refused(fake, kubeconfig, monkeypatch):
    """The next call after the credentials' time carries the new ones; a reading that fails keeps the old."""

    async def answer(asked):
        await asked.reply(200, MINE)

    async def run():
        async with fake(answer, user={"token": "one"}) as (cluster, server):
            connection = cluster._transport._connection
            connection._fresh_for = 0.0
            kubeconfig(server.url, {"token": "two"})
            await cluster.jobs.read("a")
            connection._renewed_at, connection._fresh_for = float("-inf"), 0.0
            file = kubeconfig(server.url)
            file.write_text("{broken")
            await cluster.jobs.read("a")
            assert [asked.headers["authorization"] for asked in server.asked] == ["Bearer two", "Bearer two"]

    asyncio.run(run())


@pytest.mark.parametrize("form", ["interim", "chunked", "closing"])
def test_an_answer_to_a_create_may_have_any_form_of_http(fake, job, form):
    """An interim answer before it, in chunks, on a connection that ends behind it: each is read whole, and the next goes."""
    body = json.dumps(MINE).encode()
    forms = {
        "interim": b"HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 201 Created\r\nContent-Length: %d\r\n\r\n%b"
        % (len(body), body),
        "chunked": b"HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%b\r\n0\r\n\r\n"
        % (len(body), body),
        "closing": b"HTTP/1.1 201 Created\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body),
    }

    async def answer(asked):
        await asked.raw(forms[form])
        if form == "closing":
            asked.writer.close()

    async def run():
        async with fake(answer) as (cluster, server):
            for _ in range(3):
                assert (await cluster.jobs.create(job("a"))).name == "a"
            assert len(server.asked) == 3
            assert len({id(asked.writer) for asked in server.asked}) == (3 if form == "closing" else 1)

    asyncio.run(run())


def test_a_token_that_no_header_can_hold_is_refused_at_the_start(fake):
    """A line break in a token is no way to a second header."""

    async def run():
        with pytest.raises(errors.ConfigurationError, match="no header can hold"):
            async with fake(None, user={"token": "a\r\nX-Remote-User: admin"}):
                pass

    asyncio.run(run())


def test_which_namespace_is_ours(kubeconfig, tmp_path):
    """The pod's, else the context's, else default."""
    nowhere = tmp_path / "nowhere"
    file = kubeconfig("http://127.0.0.1:1")
    assert default_namespace(Place(environment={"KUBECONFIG": str(file)}, service_account=nowhere)) == "from-context"
    assert default_namespace(Place(environment={"HOME": str(nowhere)}, service_account=nowhere)) == "default"
    home = tmp_path / "home"
    (home / ".kube").mkdir(parents=True)
    file.rename(home / ".kube" / "config")
    assert default_namespace(Place(environment={"HOME": str(home)}, service_account=nowhere)) == "from-context"


@pytest.mark.parametrize(
    "text", ["", "{broken", "[]", "apiVersion: v1", '{"current-context": "x", "contexts": [], "clusters": []}']
)
def test_a_configuration_that_cannot_be_used_is_refused_at_the_start(tmp_path, text):
    """Whatever the official client stumbles over, the message names the file."""
    file = tmp_path / "kubeconfig"
    file.write_text(text)
    place = Place(environment={"KUBECONFIG": str(file)}, service_account=tmp_path)
    with pytest.raises(errors.ConfigurationError, match="kubeconfig"):
        asyncio.run(place.load())
    with pytest.raises(errors.ConfigurationError, match="kubeconfig"):
        default_namespace(place)


def test_no_cluster_at_all_is_said_with_the_remedy(tmp_path):
    """Neither kubeconfig nor pod: the message says what to set."""
    with pytest.raises(errors.ConfigurationError, match="KUBECONFIG"):
        asyncio.run(Place(environment={"HOME": str(tmp_path)}).load())
    with pytest.raises(errors.ConfigurationError, match="no such file"):
        asyncio.run(Place(environment={"KUBECONFIG": str(tmp_path / "none")}).load())


def test_a_certificate_that_cannot_be_read_is_a_configuration_error(kubeconfig, tmp_path):
    """No ssl.SSLError comes out of entering a cluster."""
    ca = tmp_path / "ca.crt"
    ca.write_text("no certificate")

    async def run():
        async with cluster_at(kubeconfig("https://127.0.0.1:1", **{"certificate-authority": str(ca)})):
            pass

    with pytest.raises(errors.ConfigurationError, match="TLS"):
        asyncio.run(run())


def test_the_proxy_of_the_settings_is_used_and_the_environments_are_not(scripted, kubeconfig, job, monkeypatch):
    """HTTP_PROXY of the process is not looked at; the one given is asked for the API server's URL."""
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")

    async def answer(asked):
        await asked.reply(200, MINE)

    async def run():
        async with scripted(answer) as server:
            async with cluster_at(kubeconfig(server.url)) as cluster:
                await cluster.jobs.read("a")
            async with cluster_at(kubeconfig("http://10.255.255.1:80"), proxy=server.url) as cluster:
                await cluster.jobs.read("a")
                await cluster.jobs.create(job("a"))
            assert [asked.method for asked in server.asked] == ["GET", "GET", "POST"]
            for asked in server.asked[1:]:
                assert asked.path.startswith("http://10.255.255.1/")

    asyncio.run(run())


def test_tokens_are_asked_for_one_audience(fake):
    """A user's name only where the server says authenticated, and names the audience."""
    answers = [
        {"status": {"authenticated": True, "user": {"username": "u"}, "audiences": ["jobhook"]}},
        {"status": {"authenticated": True, "user": {"username": "u"}, "audiences": ["other"]}},
        {"status": {"authenticated": True, "user": {"username": "u"}}},
        {"status": {"authenticated": False, "error": "no"}},
        {"status": {}},
        {"status": {"authenticated": True, "audiences": ["jobhook"]}},
    ]

    async def answer(asked):
        await asked.reply(201, answers[len(server_asked) - 1])

    server_asked = []

    async def run():
        async with fake(answer) as (cluster, server):
            nonlocal server_asked
            server_asked = server.asked
            found = [await cluster.identities.who("a.b.c", "jobhook") for _ in answers]
            assert found == ["u", None, None, None, None, None]
            assert json.loads(server.asked[0].body)["spec"] == {"token": "a.b.c", "audiences": ["jobhook"]}

    asyncio.run(run())


def cluster_at(kubeconfig, **more):
    """A cluster of ours by a kubeconfig."""
    place = Place(environment={}, kubeconfig=str(kubeconfig))
    settings = {"signature": SIGNATURE, "namespace": "default", "records_namespace": "default", "metrics": Metrics()}
    return KubernetesCluster(place=place, **settings, **more)
