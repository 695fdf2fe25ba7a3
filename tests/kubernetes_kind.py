"""A real API server as a kind of cluster for the contract suite."""

import contextlib
import datetime as dt
import uuid

from webhook.clusters.kubernetes import KubernetesCluster
from webhook.clusters.kubernetes.call import JSON, MERGE_PATCH, Call
from webhook.clusters.kubernetes.configuration import Place
from webhook.json import dump
from webhook.metrics import Metrics


@contextlib.asynccontextmanager
async def kubernetes(throwaway, signature="contract"):
    """Enter a cluster of ours in a new namespace, and answer it with what `There` needs."""
    namespace = f"contract-{uuid.uuid4().hex[:12]}"
    cluster, other = (_cluster(throwaway, namespace, name) for name in (signature, "somebody-else"))
    async with cluster, other:
        named = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}}
        await cluster._transport.send(Call(verb="create", path="/api/v1/namespaces", body=dump(named)))
        cluster.signature_for_tests = signature
        yield cluster, other, _planter(cluster), _finisher(cluster)


def _cluster(throwaway, namespace, signature):
    place = Place(environment={}, kubeconfig=str(throwaway.kubeconfig))
    names = {"signature": signature, "namespace": namespace, "records_namespace": namespace}
    return KubernetesCluster(**names, place=place, metrics=Metrics())


def _planter(cluster):
    async def plant(manifest):
        await cluster._transport.send(
            Call(verb="create", path=cluster.jobs._path, body=dump(manifest), content_type=JSON)
        )

    return plant


def _finisher(cluster):
    async def finish(name, *, succeeded=True):
        now = dt.datetime.now(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        interim, end = ("SuccessCriteriaMet", "Complete") if succeeded else ("FailureTarget", "Failed")
        reason = "CompletionsReached" if succeeded else "BackoffLimitExceeded"
        said = {"status": "True", "reason": reason, "message": "finished by a test", "lastTransitionTime": now}
        status = {"startTime": now, "conditions": [{"type": kind, **said} for kind in (interim, end)]}
        body = dump({"status": status | ({"completionTime": now} if succeeded else {})})
        path = f"{cluster.jobs._path}/{name}/status"
        await cluster._transport.send(Call(verb="patch", path=path, body=body, content_type=MERGE_PATCH))

    return finish
