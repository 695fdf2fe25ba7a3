"""The environment's variables, each checked; the mapping is given, so that nothing reads the process's own."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Literal, cast

from pydantic import AfterValidator, BeforeValidator, Field
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, InitSettingsSource, PydanticBaseSettingsSource, SettingsConfigDict

from ..json import NotJson, load_strict
from .fields import Certificates, DnsLabel, Extension, ExtensionText, Host, LabelValue, Listen, Url

ELSEWHERE = frozenset({"JOBHOOK_URL", "JOBHOOK_TOKEN_FILE", "JOBHOOK_TEST_DATA", "JOBHOOK_EVENT", "JOBHOOK_EVENT_FILE"})
"""Known and of no meaning here: the command's own, and what Jobs are given."""

_SERVICE_LINK = re.compile(r"\w+_(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT(_\d+_(TCP|UDP|SCTP)(_\w+)?)?)")
# Kubernetes tells every pod of a Service that is called jobhook by JOBHOOK_SERVICE_HOST, JOBHOOK_PORT and so on.
_SECONDS = re.compile(r"[0-9]{1,9}")
_PORT = re.compile(r"[0-9]{1,5}")


def _port(value: Any) -> int:
    if isinstance(value, int):
        return value
    if not _PORT.fullmatch(value) or int(value) > 65535:
        raise ValueError("is no port; write a number from 1 to 65535, or 0 for any free one")
    return int(value)


def _seconds(value: Any) -> int:
    if isinstance(value, int):
        return value
    if not _SECONDS.fullmatch(value):
        raise ValueError("is no number of seconds; write a whole one, such as 3600")
    return int(value)


def _overrides(value: Any) -> dict[str, str]:
    wanted = 'write JSON such as {"extensions": {"name": "text"}}'
    try:
        given = load_strict(value.encode())
    except (NotJson, UnicodeError) as error:
        raise ValueError(f"is no JSON; {wanted}") from error
    if not isinstance(given, dict) or set(given) - {"extensions"}:
        raise ValueError(f"holds more than extensions; {wanted}")
    extensions = given.get("extensions", {})
    if not isinstance(extensions, dict) or not all(isinstance(text, str) for text in extensions.values()):
        raise ValueError(f"has extensions that are no texts; {wanted}")
    return extensions


def _path(value: Path) -> Path:
    if "\0" in str(value):
        raise ValueError("is no path; take the NUL out")
    return value


Place = Annotated[Path, AfterValidator(_path)]


class Variables(BaseSettings):
    """What the environment says; a variable that is empty counts as absent."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True, validate_default=False)

    signature: LabelValue = Field("jobhook", validation_alias="JOB_SIGNATURE")
    namespace: DnsLabel | None = Field(None, validation_alias="JOB_NAMESPACE")
    definitions: Place = Field(Path("definitions"), validation_alias="JOB_DEFINITIONS_CONFIG_PATH")
    config: Place | None = Field(None, validation_alias="JOBHOOK_CONFIG")
    cluster: Literal["kubernetes", "local"] = Field("kubernetes", validation_alias="JOBHOOK_CLUSTER")
    own_namespace: DnsLabel | None = Field(None, validation_alias="JOBHOOK_NAMESPACE")
    own_account: Host | None = Field(None, validation_alias="JOBHOOK_SERVICE_ACCOUNT")
    retention: Annotated[int, BeforeValidator(_seconds)] | None = Field(
        None, validation_alias="JOB_RETENTION_PERIOD_SEC"
    )
    cluster_name: Host = Field("cluster", validation_alias="JOBHOOK_CLUSTER_NAME")
    data: Place = Field(Path(".jobhook"), validation_alias="JOBHOOK_DATA")
    host: Listen = Field("127.0.0.1", validation_alias="HOST")
    port: Annotated[int, BeforeValidator(_port)] = Field(8080, validation_alias="PORT")
    sink: Url | None = Field(None, validation_alias="K_SINK", repr=False)
    overrides: Annotated[dict[Extension, ExtensionText], BeforeValidator(_overrides)] = Field(
        {}, validation_alias="K_CE_OVERRIDES"
    )
    ca_certs: Certificates | None = Field(None, validation_alias="K_CA_CERTS", repr=False)
    kubeconfig: str | None = Field(None, validation_alias="KUBECONFIG")
    proxy: Url | None = Field(None, validation_alias="JOBHOOK_KUBERNETES_PROXY", repr=False)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Read the mapping that the constructor was given, and nothing else."""
        del env_settings, dotenv_settings, file_secret_settings
        return (_Given(settings_cls, cast("InitSettingsSource", init_settings).init_kwargs["environ"]),)


class _Given(PydanticBaseSettingsSource):
    """Variables from a mapping."""

    def __init__(self, settings_cls: type[BaseSettings], environ: Mapping[str, str]) -> None:
        super().__init__(settings_cls)
        self._environ = environ

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        del field_name
        name = str(field.validation_alias)
        return self._environ.get(name) or None, name, False

    def __call__(self) -> dict[str, Any]:
        found = (self.get_field_value(field, name) for name, field in self.settings_cls.model_fields.items())
        return {name: value for value, name, _ in found if value is not None}


def known() -> list[str]:
    """Every variable that is read, by its name."""
    return [str(field.validation_alias) for field in Variables.model_fields.values()]


def read(environ: Mapping[str, str]) -> Variables:
    """Check the variables.

    Raises:
        pydantic.ValidationError: each location is a variable's name.
    """
    given: dict[str, Any] = {"environ": environ}
    return Variables(**given)


def unknown(environ: Mapping[str, str]) -> Iterator[str]:
    """Warn of variables that look like ours and are not."""
    names = known()
    # Compared without their beginning, which would make all of them look alike.
    ours = [name.removeprefix("JOBHOOK_") for name in names if name.startswith("JOBHOOK_")]
    for name in sorted(environ):
        if not name.startswith("JOBHOOK_") or name in ELSEWHERE or name in names or _SERVICE_LINK.fullmatch(name):
            continue
        near = get_close_matches(name.removeprefix("JOBHOOK_"), ours, 1, 0.6)
        remedy = f"did you mean JOBHOOK_{near[0]}?" if near else f"there are JOBHOOK_{', JOBHOOK_'.join(ours)}"
        yield f"{name}: is no variable of jobhook and changes nothing; {remedy}"
