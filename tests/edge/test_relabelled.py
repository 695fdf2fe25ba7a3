"""A captured body under another event's name, over HTTP against the real process: it launches nothing again."""

import itertools
import json
import re
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import signing
from driving import Receiver, Sink, config, until

PULL = {"pullrequest": {"id": 12, "state": "OPEN"}, "repository": {"full_name": "acme/shop"}}
RELEASE = {"release": {"id": 9}, "repository": {"html_url": "https://git.example/acme/shop"}}
ORDER = {"id": 1, "financial_status": "pending", "cancelled_at": None, "updated_at": "2026-01-02T03:04:05Z"}
GENERIC = {"scheme": "generic", "header": "X-Acme-Signature", "type": 'headers["X-Acme-Event"]'}

SOURCES = {
    **{scheme: {"scheme": scheme} for scheme in signing.SCHEMES},
    "strict": {"scheme": "shopify", "identity": "body"},
    "by-id": {"scheme": "bitbucket", "identity": "id"},
    "acme": GENERIC,
    "acme-id": GENERIC | {"id": "body.id"},
    "acme-signed-id": GENERIC | {"signed": "{id}.{body}", "id_header": "X-Acme-Id"},
    "acme-by-id": GENERIC | {"id": "body.id", "identity": "id"},
}
PAIRS = [
    ("bitbucket", PULL, "pullrequest:created", "pullrequest:updated"),
    ("bitbucket", PULL, "pullrequest:updated", "pullrequest:created"),
    ("bitbucket", PULL | {"approval": {}}, "pullrequest:approved", "pullrequest:unapproved"),
    (
        "bitbucket",
        PULL | {"changes_request": {}},
        "pullrequest:changes_request_created",
        "pullrequest:changes_request_removed",
    ),
    ("bitbucket", PULL | {"comment": {}}, "pullrequest:comment_created", "pullrequest:comment_updated"),
    ("bitbucket", PULL | {"comment": {}}, "pullrequest:comment_updated", "pullrequest:comment_deleted"),
    ("bitbucket", PULL | {"comment": {}}, "pullrequest:comment_resolved", "pullrequest:comment_reopened"),
    ("bitbucket", {"commit_status": {}}, "repo:commit_status_created", "repo:commit_status_updated"),
    ("bitbucket", {"repository": {}}, "repo:created", "repo:deleted"),
    ("bitbucket", {"push": {"changes": []}}, "repo:push", "repo:unheard_of"),
    ("github", signing.PUSH, "push", "unheard_of"),
    ("github", signing.PUSH, "push", None),
    ("github", {"novel": {}}, "unheard_of", "never_heard_of"),
    ("github-sha1", signing.PUSH, "push", "unheard_of"),
    *((scheme, RELEASE, "release", "unheard_of") for scheme in ("gitea", "forgejo", "gogs")),
    *((scheme, {"novel": {}}, "unheard_of", "never_heard_of") for scheme in ("gitea", "forgejo", "gogs")),
    ("gitlab", {"novel": {}}, "Emoji Hook", "Vulnerability Hook"),
    ("gitlab", {"novel": {}}, "Emoji Hook", None),
    ("gitlab-signing", {"novel": {}}, "Emoji Hook", "Vulnerability Hook"),
    ("strict", ORDER, "orders/create", "orders/updated"),
    ("strict", ORDER | {"financial_status": "paid"}, "orders/paid", "orders/create"),
    ("acme", {"order": 7}, "order.created", "order.paid"),
    ("acme", {"order": 7}, "order.created", None),
    ("acme-id", {"order": 7}, "order.created", "order.paid"),
    ("acme-signed-id", {"order": 7}, "order.created", "order.paid"),
    # And those whose body tells the second name, which has to be known here to be told.
    ("bitbucket", {"push": {"changes": []}}, "repo:unheard_of", "repo:push"),
    ("github", signing.PUSH, "unheard_of", "push"),
    ("github", signing.PUSH, None, "push"),
    ("github-sha1", signing.PUSH, "unheard_of", "push"),
    *((scheme, RELEASE, "unheard_of", "release") for scheme in ("gitea", "forgejo", "gogs")),
]
"""By source: a body, and two names of which its provider's header may say either."""
LENIENT = [
    ("shopify", ORDER, "orders/create", "orders/updated"),
    ("by-id", PULL, "pullrequest:created", "pullrequest:updated"),
    ("acme-by-id", {"order": 7}, "order.created", "order.paid"),
]
ROW = "source, body, first, other"


def _type(source, name):
    """The type that an event of that name has, where nothing in its body adds to it."""
    scheme = SOURCES[source]["scheme"]
    if scheme == "generic":
        return f"hook.{source}.{name or 'delivery'}"
    if scheme.startswith("gitlab") and name:
        name = name.lower().removesuffix(" hook").replace(" ", "_")
    return signing.PREFIX[scheme] + (re.sub("[:/]", ".", name) if name else "delivery")


def _definition(name, *types, via=None):
    """A definition that asks for these types, or what begins so, at one door."""
    rules = [
        {"type": {"any": [{"exact": type_}, {"prefix": f"{type_}."}]}} | ({"via": via} if via else {})
        for type_ in types
    ]
    spec = {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "spec": {
            "template": {
                "spec": {
                    "restartPolicy": "Never",
                    "containers": [{"name": "c", "image": "busybox", "command": ["true"]}],
                }
            }
        },
    }
    return json.dumps({"name": name, "on": rules, "spec": json.dumps(spec)})


def _definitions():
    """One for each source and name, and one for both names of Bitbucket's first pair."""
    numbers = itertools.count()
    asked = {(source, _type(source, name)) for source, _, *names in PAIRS + LENIENT for name in names}
    found = {f"d{next(numbers)}": (source, type_) for source, type_ in sorted(asked)}
    return {f"{name}.json": _definition(name, type_, via=source) for name, (source, type_) in found.items()}


@pytest.fixture(scope="module")
def receiver(tmp_path_factory):
    """One receiver with a source of every kind, and a definition for each name alone."""
    sink, folder = Sink(), tmp_path_factory.mktemp("relabelled")
    sources = {}
    for name, options in SOURCES.items():
        (folder / f"{name}-secret").write_bytes(signing.secret_file(options["scheme"]))
        sources[name] = options | {"secrets": [f"{name}-secret"]}
    settings = config(sink, sources=sources, settle="0s", retention=dict.fromkeys(("succeeded", "failed"), "0s"))
    made = Receiver(folder, definitions=_definitions(), config=settings).start()
    yield made
    assert made.stop() == 0
    sink.close()


MARKS = itertools.count()


def _body(value):
    """A body that no other test sends, with an id of its own."""
    mark = f"{time.time_ns()}-{next(MARKS)}"
    return json.dumps({"id": mark, "mark": mark} | value).encode()


def _post(receiver, source, body, name):
    scheme, delivery_id = SOURCES[source]["scheme"], json.loads(body)["mark"]
    if scheme == "generic":
        signed = f"{delivery_id}.".encode() + body if source == "acme-signed-id" else body
        headers = {"X-Acme-Signature": signing._hex(signed), "X-Acme-Id": delivery_id}
        headers |= {"X-Acme-Event": name} if name else {}
    else:
        headers = signing.delivery(scheme, body, event=name, delivery_id=delivery_id)
    return receiver.ask("POST", f"/hooks/{source}", body, headers)


def _created(answer):
    assert answer.status == 202, answer.body
    return [job["name"] for job in answer.json["jobs"] if job["created"]]


def _refused(answer):
    """The one definition that was refused, and its reason."""
    assert answer.status == 422, answer.body
    [job] = [job for job in answer.json["jobs"] if "refused" in job]
    assert job["refused"] in answer.json["detail"]
    return job["refused"]


def _duplicates(receiver, by):
    text = receiver.ask("GET", "/metrics").body.decode()
    found = re.search(rf'^jobhook_duplicates_total{{by="{by}"}} (\S+)', text, re.MULTILINE)
    return float(found[1]) if found else 0.0


def _all_gone(receiver, *names):
    """Clean up until these Jobs are gone."""
    for name in names:
        receiver.wait_ended(name)

    def gone():
        receiver.as_caller("POST", "/cleanup")
        return all(receiver.as_caller("GET", f"/jobs/{name}").status == 404 for name in names)

    until(gone, what="the end of the Jobs")


@pytest.mark.parametrize(ROW, PAIRS)
def test_under_another_name_nothing_is_launched_again(receiver, source, body, first, other):
    """422, which names the definition, is counted and logged; under the first name it is the same Job as ever."""
    body = _body(body)
    [name] = _created(_post(receiver, source, body, first))
    before, told = _duplicates(receiver, "name"), len(receiver.lines("event.relabelled"))
    for _ in range(2):
        assert repr(_type(source, other)) in _refused(_post(receiver, source, body, other))
    assert _duplicates(receiver, "name") - before == 2
    entries = receiver.lines("event.relabelled")[told:]
    assert [(entry["via"], entry["type"]) for entry in entries] == [(source, _type(source, other))] * 2
    assert all(entry["known_as"][0].startswith(_type(source, first)) for entry in entries)
    again = _post(receiver, source, body, first)
    assert ([job["name"] for job in again.json["jobs"]], _created(again)) == ([name], [])


@pytest.mark.parametrize(ROW, PAIRS)
def test_neither_after_the_job_was_cleaned_up(receiver, source, body, first, other):
    """The ledger knows the body, and that it came by its own name."""
    body = _body(body)
    [name] = _created(_post(receiver, source, body, first))
    _all_gone(receiver, name)
    assert repr(_type(source, other)) in _refused(_post(receiver, source, body, other))
    again = _post(receiver, source, body, first)
    assert (again.status, again.json["jobs"][0]["name"], again.json["jobs"][0]["gone"]) == (202, name, True)


@pytest.mark.parametrize(ROW, LENIENT)
def test_where_one_body_honestly_has_two_names_each_is_launched(receiver, source, body, first, other):
    """Shopify's topics as they are by default, and what goes by an id of the source's choosing."""
    body = _body(body)
    names = {_created(_post(receiver, source, body, name))[0] for name in (first, other)}
    assert len(names) == 2
    for name in (first, other):
        assert _created(_post(receiver, source, body, name)) == []


def test_many_at_once_are_one_name(receiver):
    """Sixteen requests under two names at the same moment: one Job."""
    for _ in range(5):
        body = _body(PULL)
        with ThreadPoolExecutor(16) as pool:
            names = ["pullrequest:created", "pullrequest:updated"] * 8
            answers = list(pool.map(lambda name, body=body: _post(receiver, "bitbucket", body, name), names))
        jobs = [job for answer in answers for job in answer.json["jobs"]]
        assert sum(job.get("created", False) for job in jobs) == 1
        by_status = {answer.status: {job.get("name") for job in answer.json["jobs"]} for answer in answers}
        assert by_status.keys() == {202, 422}
        assert len(by_status[202]) == 1


def test_a_body_that_launched_nothing_may_have_another_name(receiver):
    """A name that nobody asks for uses nothing up."""
    body = _body(PULL)
    assert _post(receiver, "bitbucket", body, "pullrequest:unheard_of").json["jobs"] == []
    assert _created(_post(receiver, "bitbucket", body, "pullrequest:updated"))


@pytest.mark.parametrize("gone", [False, True])
def test_a_definition_that_asks_for_both_has_its_one_job(receiver, gone):
    """Under the second name it is a duplicate, and only what asks for that name alone is refused."""
    both = receiver.definitions / "both.json"
    types = [_type("bitbucket", name) for name in ("pullrequest:approved", "pullrequest:unapproved")]
    both.write_text(_definition("both", *types, via="bitbucket"))
    try:
        until(lambda: receiver.as_caller("GET", "/definitions/both").status == 200, what="the definition")
        body = _body(PULL | {"approval": {}})
        names = _created(_post(receiver, "bitbucket", body, "pullrequest:approved"))
        assert len(names) == 2
        if gone:
            _all_gone(receiver, *names)
        answer = _post(receiver, "bitbucket", body, "pullrequest:unapproved")
        _refused(answer)
        [told] = [job for job in answer.json["jobs"] if "name" in job]
        assert (told["definition"], told["created"], told["name"] in names) == ("both", False, True)
    finally:
        both.unlink()
        until(lambda: receiver.as_caller("GET", "/definitions/both").status == 404, what="the definition's end")


@pytest.mark.parametrize("gone", [False, True])
def test_what_is_missing_is_launched_by_an_honest_repeat_alone(receiver, gone):
    """A definition that had no chance before gets its Job under the body's own name, and under no other."""
    later = receiver.definitions / "later.json"
    types = [_type("bitbucket", name) for name in ("repo:created", "repo:deleted")]
    body = _body({"repository": {}})
    [name] = _created(_post(receiver, "bitbucket", body, "repo:created"))
    if gone:
        _all_gone(receiver, name)
    later.write_text(_definition("later", *types, via="bitbucket"))
    try:
        until(lambda: receiver.as_caller("GET", "/definitions/later").status == 200, what="the definition")
        answer = _post(receiver, "bitbucket", body, "repo:deleted")
        assert (answer.status, [job for job in answer.json["jobs"] if "name" in job]) == (422, [])
        [created] = _created(_post(receiver, "bitbucket", body, "repo:created"))
        assert created.startswith("later-")
        told = _post(receiver, "bitbucket", body, "repo:deleted").json["jobs"]
        assert [job["name"] for job in told if "name" in job] == [created]
    finally:
        later.unlink()
        until(lambda: receiver.as_caller("GET", "/definitions/later").status == 404, what="the definition's end")


@pytest.mark.parametrize("purged", [False, True])
def test_a_restart_forgets_nothing(receiver, purged):
    """Another process on the same store: what is there it lists, and what is gone, by order as well, is in the ledger."""
    body = _body(PULL)
    [name] = _created(_post(receiver, "bitbucket", body, "pullrequest:created"))
    if purged:
        receiver.wait_ended(name)
        until(lambda: receiver.as_caller("DELETE", f"/jobs/{name}?purge=true").status == 202, what="the Job's removal")
    receiver.kill()
    receiver.start()
    _refused(_post(receiver, "bitbucket", body, "pullrequest:updated"))
    again = _post(receiver, "bitbucket", body, "pullrequest:created")
    assert ([job["name"] for job in again.json["jobs"]], _created(again)) == ([name], [])


def test_no_body_is_logged(receiver):
    """Nor anything of it, whatever became of it."""
    assert "acme/shop" not in receiver.log.read_text()
