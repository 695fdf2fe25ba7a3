"""JSON merge patches, by the cases of RFC 7386, and what they may change of a Job."""

import copy

import pytest

from webhook.clusters.local.merge import merge, merge_job
from webhook.errors import ManifestRefused


@pytest.mark.parametrize(
    ("target", "patch", "result"),
    [
        ({"a": "b"}, {"a": "c"}, {"a": "c"}),
        ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
        ({"a": "b"}, {"a": None}, {}),
        ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
        ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
        ({"a": "c"}, {"a": ["b"]}, {"a": ["b"]}),
        ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
        ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
        (["a", "b"], ["c", "d"], ["c", "d"]),
        ({"a": "b"}, ["c"], ["c"]),
        ({"a": "foo"}, None, None),
        ({"a": "foo"}, "bar", "bar"),
        ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
        ([1, 2], {"a": "b", "c": None}, {"a": "b"}),
        ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
    ],
)
def test_the_rfcs_cases(target, patch, result):
    """RFC 7386, appendix A; what was given stays as it was."""
    before = copy.deepcopy(target)
    assert merge(target, patch) == result
    assert target == before


JOB = {
    "apiVersion": "batch/v1",
    "kind": "Job",
    "metadata": {
        "name": "a",
        "namespace": "n",
        "uid": "u",
        "creationTimestamp": "t",
        "resourceVersion": "7",
        "labels": {"x": "y"},
    },
    "spec": {"suspend": True, "completions": 2, "template": {"spec": {"containers": []}}},
    "status": {"failed": 1},
}


@pytest.mark.parametrize(
    "patch",
    [
        {"kind": "Pod"},
        {"apiVersion": None},
        {"metadata": None},
        {"metadata": {"name": "b"}},
        {"metadata": {"uid": "v"}},
        {"spec": None},
        {"spec": {"completions": 3}},
        {"spec": {"template": {"metadata": {"labels": {"a": "b"}}}}},
    ],
)
def test_immutable_fields_are_refused(patch):
    """What Kubernetes calls immutable cannot be patched, and the message says so."""
    with pytest.raises(ManifestRefused, match=r"immutable|Required"):
        merge_job(JOB, patch)


def test_the_rest_may_change():
    """Labels, annotations, suspend and the deadline change; a status in the patch does not count."""
    patch = {
        "metadata": {"labels": {"x": None}, "annotations": {"a": "b"}, "resourceVersion": "1"},
        "spec": {"suspend": False, "activeDeadlineSeconds": 0},
        "status": {"failed": 0},
    }
    patched = merge_job(JOB, patch)
    assert patched["metadata"]["labels"] == {}
    assert patched["metadata"]["annotations"] == {"a": "b"}
    assert patched["metadata"]["resourceVersion"] == "7"
    assert (patched["spec"]["suspend"], patched["spec"]["activeDeadlineSeconds"]) == (False, 0)
    assert patched["status"] == {"failed": 1}
