"""The shape of a definition's document, as people write it; each description goes into the JSON Schema."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, Tag, model_validator
from pydantic import Discriminator as Choose

from ..manifests import Allow
from . import schema
from .fields import (
    AncestorName,
    DefinitionName,
    Duration,
    LabelText,
    MarkName,
    ParameterName,
    Scalar,
    Static,
    Text,
    fault,
    read_duration,
)

_CONFIG_MAP = "A ConfigMap whose key of the same name holds the template."
_ATTRIBUTE = re.compile(r"[a-z0-9]{1,64}")


class Model(BaseModel):
    """Every model: no unknown keys, no conversions."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, populate_by_name=False)


def _filter_kind(value: Any) -> str:
    return "text" if isinstance(value, str) else "filter"


class Filter(Model):
    """One condition on an attribute; exactly one key."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, json_schema_extra=schema.one_key)

    exact: Text | None = Field(None, description="The attribute is this text; a bare text means the same.")
    prefix: Text | None = Field(None, description="The attribute begins with this text.")
    suffix: Text | None = Field(None, description="The attribute ends with this text.")
    any: list[AnyFilter] | None = Field(None, min_length=1, description="At least one of these filters holds.")
    all: list[AnyFilter] | None = Field(None, min_length=1, description="Each of these filters holds.")
    not_: AnyFilter | None = Field(
        None, alias="not", description="This filter does not hold, or there is no attribute."
    )

    @model_validator(mode="after")
    def _one(self) -> Self:
        if len(self.model_fields_set) != 1:
            raise fault(
                "a filter has exactly one key",
                "write one of exact, prefix, suffix, any, all, not; nest with any and all",
            )
        if None in (getattr(self, name) for name in self.model_fields_set):
            raise fault("a filter's value is empty", "write what it is compared with")
        return self


AnyFilter = Annotated[Annotated[Text, Tag("text")] | Annotated[Filter, Tag("filter")], Choose(_filter_kind)]


class Rule(Model):
    """One rule of `on`: an event is taken when all of its conditions hold. Other keys name extension attributes."""

    model_config = ConfigDict(strict=True, extra="allow", frozen=True, json_schema_extra=schema.rule)
    __pydantic_extra__: dict[str, AnyFilter] = Field(init=False)

    type: AnyFilter | None = Field(None, description="The event's type, such as com.github.push.")
    source: AnyFilter | None = Field(None, description="The event's source; a GitHub event's is its repository's URL.")
    subject: AnyFilter | None = Field(None, description="The event's subject.")
    via: AnyFilter | None = Field(
        None, description="The door that it came by: a source's name of jobhook.yaml, events, or jobs for completions."
    )
    when: Text | None = Field(None, description='A Jinja2 expression: event.data.ref == "refs/heads/main".')

    @model_validator(mode="after")
    def _some(self) -> Self:
        if not self.model_fields_set:
            raise fault("a rule without conditions would take every event", "write at least its type")
        for name in self.model_fields_set:
            if getattr(self, name) is None:
                raise fault(f"{name} is empty", "write its value, or leave the key out")
        for name in self.model_extra or {}:
            if not _ATTRIBUTE.fullmatch(name):
                raise fault(f"{name!r} is no attribute's name", "lower-case letters and digits only (CloudEvents)")
        return self


class ParameterType(StrEnum):
    """What a parameter's value may be."""

    STRING = "string"
    INTEGER = "integer"
    NUMBER = "number"
    BOOLEAN = "boolean"
    JSON = "json"


class Parameter(Model):
    """A named value that the template may use."""

    description: str | None = Field(None, description="For people and for the API's list of definitions.")
    from_: Text | None = Field(
        None, alias="from", description="A Jinja2 expression over the event: event.data.after. Not used on a submit."
    )
    default: Any = Field(None, description="Taken where the event or the submit has no value, or null.")
    required: bool = Field(True, description="false: without a value and a default it is null.")
    type: ParameterType | None = Field(
        None,
        strict=False,
        description="Without it any text, number or boolean is taken as it is. json lets mappings and lists in.",
    )
    pattern: Text | None = Field(
        None, description="The whole text must match. Linear-time: no look-around, no back-references."
    )
    max_length: int | None = Field(
        None, ge=0, le=1_048_576, description="Characters, or of json its text's; 65536 where left out."
    )
    enum: list[Scalar] | None = Field(None, min_length=1, description="The values that are taken.")


class Retention(Model):
    """How long a finished Job is kept, by outcome."""

    succeeded: Duration | None = Field(None, description="After success; jobhook.yaml's where left out.")
    failed: Duration | None = Field(None, description="After failure.")
    cancelled: Duration | None = Field(None, description="After a cancel.")


class Test(Model):
    """A sample event and what must come of it; run by `jobhook check`."""

    __test__ = False  # pytest: no test class

    event: Text = Field(description="A file with a CloudEvent in JSON, relative to the definition's file.")
    expect: dict[str, Any] | Literal["none"] = Field(
        description="A fragment that the manifest must contain, or none: the definition must not take the event."
    )


def _one_retention(value: Any) -> Any:
    """`retention: 7d` means every outcome."""
    if value is None or isinstance(value, dict):
        return value
    return dict.fromkeys(Retention.model_fields, read_duration(value))


class Document(Model):
    """A definition: a Job template with the rules that call it."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, json_schema_extra=schema.one_template)

    name: DefinitionName = Field(
        description="Unique in the set; the Jobs' names begin with it. A DNS label of at most 63 characters."
    )
    description: str | None = Field(None, description="For people.")
    on: list[Rule] | None = Field(
        None, min_length=1, description="The events that call it, any of these rules. Without it: only by a submit."
    )
    params: dict[ParameterName, Parameter] = Field(
        default_factory=dict, description="The values that the template may use besides event, by name."
    )
    retention: Annotated[Retention | None, BeforeValidator(_one_retention)] = Field(
        None,
        json_schema_extra=schema.or_duration,
        description="How long a finished Job is kept, by outcome; a bare duration means each outcome.",
    )
    event: Literal["none", "env", "file"] = Field(
        "none",
        description="Hand the whole event to the containers: env as JOBHOOK_EVENT, file as the file that "
        "JOBHOOK_EVENT_FILE names; with either also CE_ID, CE_TYPE, CE_SOURCE, CE_SUBJECT and CE_TIME.",
    )
    allow: list[Annotated[Allow, Field(strict=False)]] = Field(
        default_factory=list, description="Places beyond the safe ones where values may go. Host access: never."
    )
    labels: dict[MarkName, LabelText] = Field(default_factory=dict, description="Put on the Job as they are.")
    annotations: dict[MarkName, Static] = Field(default_factory=dict, description="Put on the Job as they are.")
    spec: Text | None = Field(None, description="The Job's manifest as a Jinja2 template: spec: | and the YAML below.")
    spec_path: Text | None = Field(
        None, description="A file that holds the template, relative to this file and within the definitions' folder."
    )
    spec_config_map_name: Text | None = Field(None, description=_CONFIG_MAP)
    spec_config_map_namespace: Text | None = Field(None, description="That ConfigMap's namespace.")
    tests: list[Test] = Field(default_factory=list, description="Sample events for jobhook check.")

    @model_validator(mode="after")
    def _template(self) -> Self:
        check_template(self)
        return self


class Ancestor(Model):
    """One entry of the older form: a list of names and templates. It is only submitted, never called by events."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, json_schema_extra=schema.one_template)

    name: AncestorName = Field(description="Unique in the set; a label value.")
    spec: Text | None = Field(None, description="The Job's manifest as a Jinja2 template.")
    spec_path: Text | None = Field(None, description="A file that holds the template.")
    spec_config_map_name: Text | None = Field(None, description=_CONFIG_MAP)
    spec_config_map_namespace: Text | None = Field(None, description="That ConfigMap's namespace.")

    @model_validator(mode="after")
    def _template(self) -> Self:
        check_template(self)
        return self


def check_template(document: Document | Ancestor) -> None:
    """Make sure that there is exactly one template."""
    ways = [document.spec, document.spec_path, document.spec_config_map_name]
    if sum(way is not None for way in ways) != 1:
        raise fault(
            "a definition has exactly one template",
            "write one of spec, spec_path or spec_config_map_name (with …_namespace)",
        )
    if (document.spec_config_map_name is None) != (document.spec_config_map_namespace is None):
        raise fault(
            "a ConfigMap has a name and a namespace", "write both spec_config_map_name and spec_config_map_namespace"
        )


NOT_YET = {"concurrency": "groups of Jobs", "start_deadline": "a deadline for the start"}
"""Keys of the design whose behaviour is not built yet: refused, never ignored."""
