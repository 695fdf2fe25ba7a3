"""The receiver's own service account, and Jobs that ask for it."""

import asyncio

import pytest

from webhook.clusters.choice import cluster_of
from webhook.errors import ClusterUnavailable, ManifestRefused
from webhook.metrics import Metrics
from webhook.settings import Settings


def manifest(**pod):
    """A Job whose pod has these fields."""
    return {"metadata": {"name": "a"}, "spec": {"template": {"spec": pod}}}


def create(settings, given):
    """Ask a cluster that is not connected: what it does not refuse itself, it cannot send."""
    jobs = cluster_of(settings, {}, Metrics()).jobs
    for send in (jobs.create, jobs.dry_run):
        asyncio.run(send(given))


@pytest.mark.parametrize("field", ["serviceAccountName", "serviceAccount"])
def test_no_job_has_the_receivers_own_account(field):
    """In the receiver's namespace its account is refused by either name, before anything is sent."""
    settings = Settings(namespace="hooks", own_namespace="hooks", own_account="receiver")
    with pytest.raises(ManifestRefused, match=f"{field}: receiver is the receiver's own service account"):
        create(settings, manifest(**{field: "receiver"}))
    with pytest.raises(ClusterUnavailable):
        create(settings, manifest(**{field: "builder"}))


def test_another_namespaces_account_of_that_name_is_another():
    """Where Jobs go elsewhere, or the account is not known, any may be named."""
    for settings in (
        Settings(namespace="jobs", own_namespace="hooks", own_account="receiver"),
        Settings(namespace="hooks", own_namespace="hooks"),
    ):
        with pytest.raises(ClusterUnavailable):
            create(settings, manifest(serviceAccountName="receiver"))
