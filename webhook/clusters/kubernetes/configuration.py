"""The official client's configuration, from where every Kubernetes client looks for it."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import structlog

from ...errors import ConfigurationError

if TYPE_CHECKING:
    from kubernetes.aio.client.configuration import Configuration

log = structlog.get_logger(__name__)

SERVICE_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
TOKEN_AGE = 60.0
"""Seconds after which a pod's token is read again; the kubelet renews the file long before the token expires."""
EARLY = 300.0
"""Seconds before its expiry at which an exec plugin is asked for a new token."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """A configuration as it was read.

    Attributes:
        authorization: the header's value, or None.
        fresh_for: seconds until the credentials must be read again; None: until they are refused.
    """

    configuration: Configuration
    authorization: str | None
    fresh_for: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where the configuration is.

    Attributes:
        kubeconfig: files joined by the system's path separator, or None for those that the environment names.
        service_account: the folder that a pod finds its own credentials in.
    """

    environment: Mapping[str, str]
    kubeconfig: str | None = None
    service_account: Path = SERVICE_ACCOUNT

    def files(self) -> str | None:
        """Name the kubeconfig: the given one, KUBECONFIG's, the home's where there is one, else none."""
        named = self.kubeconfig or self.environment.get("KUBECONFIG")
        home = Path(self.environment.get("HOME", "/nonexistent"), ".kube", "config")
        return named or (str(home) if home.is_file() else None)

    async def load(self) -> Loaded:
        """Read it: a kubeconfig, where there is one, before the pod's own.

        Raises:
            ConfigurationError: there is none, or it cannot be used.
        """
        files = self.files()
        try:
            if files:
                return await _from_kubeconfig(files)
            if self.environment.get("KUBERNETES_SERVICE_HOST"):
                return self._from_pod()
        except ConfigurationError:
            raise
        except Exception as error:  # a malformed file leaves the official client as whatever its code stumbled over
            raise ConfigurationError(f"{files or self.service_account}: cannot be used: {error}") from error
        raise ConfigurationError(
            "no cluster: no KUBECONFIG, no ~/.kube/config, and this is no pod; set one, or JOBHOOK_CLUSTER=local"
        )

    def _from_pod(self) -> Loaded:
        from kubernetes.aio.client.configuration import Configuration  # 0.4 s: only who has a cluster pays them
        from kubernetes.aio.config.incluster_config import InClusterConfigLoader

        configuration = Configuration()
        loader = InClusterConfigLoader(  # type: ignore[no-untyped-call]
            token_filename=str(self.service_account / "token"),
            cert_filename=str(self.service_account / "ca.crt"),
            try_refresh_token=False,
            environ=dict(self.environment),
        )
        loader.load_and_set(configuration)  # type: ignore[no-untyped-call]
        return Loaded(configuration, _authorization(configuration), TOKEN_AGE)


async def _from_kubeconfig(files: str) -> Loaded:
    from kubernetes.aio.client.configuration import Configuration
    from kubernetes.aio.config import load_kube_config
    from kubernetes.aio.config.kube_config import ENV_KUBECONFIG_PATH_SEPARATOR

    if not _any_there(files.split(ENV_KUBECONFIG_PATH_SEPARATOR)):
        raise ConfigurationError(f"KUBECONFIG={files}: no such file")
    configuration = Configuration()
    loader = await load_kube_config(  # type: ignore[no-untyped-call]
        config_file=files, client_configuration=configuration, persist_config=False
    )
    authorization = _authorization(configuration)
    if configuration.host.startswith("https") and not authorization and not configuration.cert_file:
        log.warning("kubeconfig.anonymous", kubeconfig=files, remedy="its user has no token and no certificate")
    return Loaded(configuration, authorization, _until_expiry(loader))


def _any_there(files: Sequence[str]) -> bool:
    return any(Path(name).expanduser().is_file() for name in files)


def _authorization(configuration: Configuration) -> str | None:
    token = (configuration.api_key.get("BearerToken") or "").strip()
    if not (token.isascii() and token.isprintable()):  # a line break in it would begin a header of its own
        raise ConfigurationError("the Kubernetes token holds characters that no header can hold; write it anew")
    return token or None


def _until_expiry(loader: Any) -> float | None:
    expiry = getattr(loader, "exec_plugin_expiry", None)
    return max(TOKEN_AGE, expiry.timestamp() - time.time() - EARLY) if expiry else None
