"""The manifests as kustomize renders and a real API server takes them, and an API server that counts its calls."""

import asyncio
import base64
import copy
import dataclasses
import json
import pathlib
import re
import ssl
import threading

import aiohttp
import pytest
import yaml
from aiohttp import web
from driving import Sink

RESOURCE = re.compile(
    r"/(?:api|apis/(?P<group>[^/]+))/v[^/]+(?:/namespaces/(?P<namespace>[^/]+))?/(?P<resource>[a-z]+)"
    r"(?:/(?P<name>[^/]+)(?:/(?P<part>[a-z]+))?)?"
)
VERBS = {"POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}


@dataclasses.dataclass(frozen=True, order=True)
class Right:
    """One verb on one resource; the namespace is empty for what belongs to none."""

    namespace: str
    group: str
    resource: str
    verb: str

    def __str__(self):
        return f"{self.verb}-{self.resource.replace('/', '-')}{'-in-' if self.namespace else ''}{self.namespace}"


def rights_of(objects):
    """Every right that Roles and ClusterRoles among `objects` grant."""
    return [
        Right(role["metadata"].get("namespace", ""), group, resource, verb)
        for role in objects
        if role["kind"] in {"Role", "ClusterRole"}
        for rule in role["rules"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    ]


def right_of(method, path, query):
    """The right that a call to an API server needs."""
    found = RESOURCE.fullmatch(path)
    assert found, f"{method} {path} is no call on a resource"
    verb = VERBS.get(method) or ("get" if found["name"] else "watch" if query.get("watch") else "list")
    resource = f"{found['resource']}/{found['part']}" if found["part"] else found["resource"]
    return Right(found["namespace"] or "", found["group"] or "", resource, verb)


class Counting:
    """A proxy before an API server that remembers every call: whom it passes on, and what was answered."""

    def __init__(self, kubeconfig):
        cluster = yaml.safe_load(pathlib.Path(kubeconfig).read_text())["clusters"][0]["cluster"]
        authority = (
            base64.b64decode(cluster["certificate-authority-data"])
            if ("certificate-authority-data" in cluster)
            else pathlib.Path(cluster["certificate-authority"]).read_bytes()
        )
        self._server = cluster["server"]
        self._trust = ssl.create_default_context(cadata=authority.decode())
        self.calls: list[tuple[Right, int]] = []
        self.url = ""
        self._ready, self._stop = threading.Event(), asyncio.Event()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_until_complete, args=(self._run(),))
        self._thread.start()
        assert self._ready.wait(10)

    @property
    def used(self):
        """The rights that were needed."""
        return {right for right, _ in self.calls}

    @property
    def denied(self):
        """The rights that were missing."""
        return {right for right, status in self.calls if status in {401, 403}}

    async def _run(self):
        app = web.Application(client_max_size=2**25)
        app.router.add_route("*", "/{path:.*}", self._pass)
        runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=0.1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        self.url = f"http://127.0.0.1:{site._server.sockets[0].getsockname()[1]}"
        async with aiohttp.ClientSession(auto_decompress=False, timeout=aiohttp.ClientTimeout()) as self._session:
            self._ready.set()
            await self._stop.wait()
            await runner.cleanup()

    async def _pass(self, request):
        right = right_of(request.method, request.path, request.query)
        names = ("Authorization", "Content-Type", "Accept")
        headers = {name: request.headers[name] for name in names if name in request.headers}
        target = f"{self._server}{request.path_qs}"
        asked = self._session.request(
            request.method, target, headers=headers, data=await request.read(), ssl=self._trust
        )
        async with asked as answer:
            self.calls.append((right, answer.status))
            passed = web.StreamResponse(status=answer.status)
            passed.content_type = answer.content_type
            await passed.prepare(request)
            async for piece in answer.content.iter_any():
                await passed.write(piece)
            return passed

    def close(self):
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()
        self._loop.close()


ACCOUNTS = {"ServiceAccount", "Role", "RoleBinding", "ClusterRole", "ClusterRoleBinding"}


class Rights:
    """Accounts and rights of the manifests, taken apart and put together in other namespaces."""

    def __init__(self, throwaway):
        self._throwaway = throwaway

    granted = staticmethod(rights_of)

    @staticmethod
    def moved(objects, *, own, jobs, templates=None, name="jobhook"):
        """The receiver's account and its rights in other namespaces, under another name."""
        places, kept = {"jobhook": own, "jobhook-jobs": jobs, "acme": templates}, []
        for one in copy.deepcopy(objects):
            meta = one["metadata"]
            if one["kind"] not in ACCOUNTS or meta["name"] == "jobhook-cleanup":
                continue
            if "namespace" in meta:
                meta |= {"name": name, "namespace": places[meta["namespace"]]}
            else:
                meta["name"] = f"{own}-{name}"  # of the whole cluster, and so the test's own
            if "roleRef" in one:
                one["roleRef"]["name"] = meta["name"]
                one["subjects"] = [{"kind": "ServiceAccount", "name": name, "namespace": own}]
            kept.append(one)
        return kept

    @staticmethod
    def without(objects, namespace, resource, verb):
        """The same objects, with one right less."""
        changed = copy.deepcopy(objects)
        for role in changed:
            if role["kind"] in {"Role", "ClusterRole"} and role["metadata"].get("namespace", "") == namespace:
                for rule in role["rules"]:
                    if resource in rule["resources"]:
                        rule["verbs"].remove(verb)
                role["rules"] = [rule for rule in role["rules"] if rule["verbs"]]
        return changed

    def kubeconfig(self, folder, namespace, *, name="jobhook", url=None):
        """Write the kubeconfig of a service account; through a proxy, if `url` names one."""
        admin = yaml.safe_load(self._throwaway.kubeconfig.read_text())
        cluster = {"server": url} if url else admin["clusters"][0]["cluster"]
        token = self._throwaway.kubectl("--namespace", namespace, "create", "token", name).strip()
        whole = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "it",
            "contexts": [{"name": "it", "context": {"cluster": "it", "user": "it"}}],
            "clusters": [{"name": "it", "cluster": cluster}],
            "users": [{"name": "it", "user": {"token": token}}],
        }
        file = folder / f"{name}.kubeconfig"
        file.write_text(json.dumps(whole))
        return file


@pytest.fixture(scope="session")
def rights(throwaway):
    """The manifests' rights, to be moved, lessened and used."""
    return Rights(throwaway)


@pytest.fixture(scope="session")
def rendered(throwaway, project):
    """The objects of a kustomization below manifests/: `rendered("token-file")`."""
    known = {}

    def objects(name="."):
        if name not in known:
            known[name] = list(yaml.safe_load_all(throwaway.kubectl("kustomize", str(project / "manifests" / name))))
        return copy.deepcopy(known[name])

    return objects


@pytest.fixture(scope="session")
def applied(throwaway, project):
    """`kubectl apply -k manifests/` in the shared cluster; any number of workers may do it."""
    throwaway.kubectl("apply", "-k", str(project / "manifests"))
    return throwaway


@pytest.fixture
def sink():
    """A recording sink."""
    server = Sink()
    yield server
    server.close()


@pytest.fixture
def counting(throwaway):
    """A counting proxy before the shared cluster's API server."""
    proxy = Counting(throwaway.kubeconfig)
    yield proxy
    proxy.close()


@pytest.fixture(scope="session")
def hello(project):
    """The definition that manifests/ ships, with an image that the nodes have: `hello(image)`."""
    text = (project / "manifests/base/definitions/hello.yaml").read_text()
    assert "image: busybox:" in text

    def ours(image):
        return re.sub(r"image: busybox:\S+", f"image: {image}", text)

    return ours
