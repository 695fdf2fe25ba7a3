"""Fixtures over the real process and a real HTTP sink."""

import pytest
from driving import Place, Receiver, Sink


@pytest.fixture
def sink():
    """A recording sink."""
    server = Sink()
    yield server
    server.close()


@pytest.fixture
def receivers():
    """A maker of receivers that are ended with the test."""
    made = []

    def make(folder, *, definitions, config, environ=None):
        receiver = Receiver(folder, definitions=definitions, config=config, environ=environ)
        made.append(receiver)
        return receiver

    yield make
    for receiver in made:
        if receiver.process is not None and receiver.process.poll() is None:
            receiver.kill()


@pytest.fixture(params=["local", "kubernetes"])
def place(request):
    """This machine, and a namespace of a Kubernetes cluster with a real node."""
    if request.param == "local":
        return Place({"JOBHOOK_CLUSTER": "local"})
    cluster = request.getfixturevalue("throwaway")
    environ = {
        "JOBHOOK_CLUSTER": "kubernetes",
        "KUBECONFIG": str(cluster.kubeconfig),
        "JOB_NAMESPACE": cluster.namespace(),
    }
    return Place(environ, cluster.image)
