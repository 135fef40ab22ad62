"""The tables of components as the core sees them: its own keys typed, the plugin's left as they are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any, Literal, get_args

import attrs

from hilum_core.config.names import bad_name
from hilum_sdk import RESERVED_KEYS
from hilum_sdk.config import (
    ConfigProblem,
    ConfigProblems,
    about,
    not_empty,
    path_to,
    positive,
    structure,
    unknown_name,
)

Kind = Literal["filters", "transforms", "sinks", "checks", "services"]
KINDS: tuple[Kind, ...] = get_args(Kind)

_LATER = {
    "transcode": "this version sends objects in the transfer syntax they have; take it out",
}
_LATER_KINDS: Mapping[Kind, str] = {
    "checks": "this version runs no commitment checks, they come with a later one; take it out",
    "services": "this version runs no services, they come with a later one; take it out",
}


@attrs.frozen(kw_only=True)
class DeliverySettings:
    """``delivery`` of a sink: how its lane works, tries again and gives up."""

    workers: int = attrs.field(
        default=1,
        validator=positive,
        metadata=about(
            "How many processes deliver at a time. A patient's objects stay with one of them, in order."
        ),
    )
    first_retry: timedelta = attrs.field(
        default=timedelta(seconds=10),
        validator=positive,
        metadata=about("How long after the first failure an object is tried again; each time longer."),
    )
    longest_retry: timedelta = attrs.field(
        default=timedelta(minutes=15),
        validator=positive,
        metadata=about("The longest time between two tries."),
    )
    give_up_after: timedelta = attrs.field(
        default=timedelta(days=14),
        validator=positive,
        metadata=about("How long an object is tried; then it is a dead letter, kept, with the reason."),
    )
    timeout: timedelta = attrs.field(
        default=timedelta(minutes=10),
        validator=positive,
        metadata=about("How long one object may take without a sign of life."),
    )
    refused_tries: int = attrs.field(
        default=5,
        validator=positive,
        metadata=about("How often an object is tried that the destination refuses as such."),
    )

    @longest_retry.validator
    def _not_before_first(self, _: attrs.Attribute[timedelta], value: timedelta) -> None:
        if value < self.first_retry:
            raise ValueError("must not be shorter than first_retry")


@attrs.frozen(kw_only=True)
class ComponentKeys:
    """The keys that the core owns in the table of every component."""

    type: str = attrs.field(
        validator=not_empty,
        metadata=about(
            "Which component it is. Where two installed distributions have one of this type, "
            '`"DISTRIBUTION:TYPE"` says which.',
            example='"folder"',
        ),
    )
    disabled: bool = attrs.field(
        default=False,
        metadata=about("Whether it rests. What goes to a disabled sink waits."),
    )
    description: str = attrs.field(default="", metadata=about("What it is for."))
    isolate: bool | None = attrs.field(
        default=None,
        metadata=about(
            "Whether it has a process of its own. Where it is not set: whether its plugin is other than "
            "those that come with Hilum. A sink always has, so `false` is refused there."
        ),
    )


@attrs.frozen(kw_only=True)
class TransformKeys(ComponentKeys):
    """The keys that the core owns in the table of a transform."""

    original_attributes: Literal["COERCE", "CORRECT"] | None = attrs.field(
        default=None,
        metadata=about(
            "Record in Original Attributes Sequence (0400,0561) what it changes, with this as the reason: "
            "`COERCE` to the ways of the house, or `CORRECT` what was wrong. Refused on a route that "
            "de-identifies."
        ),
    )


@attrs.frozen(kw_only=True)
class SinkKeys(ComponentKeys):
    """The keys that the core owns in the table of a sink."""

    delivery: DeliverySettings = attrs.field(
        default=DeliverySettings(), metadata=about("How its lane works, tries again and gives up.")
    )
    confirm: str | None = attrs.field(
        default=None,
        metadata=about("The commitment check that proves what was sent is kept. Not in this version."),
    )
    transcode: str | None = attrs.field(
        default=None, metadata=about("The transfer syntax to send in. Not in this version.")
    )
    deidentified_only: bool = attrs.field(
        default=False,
        metadata=about("Whether only what is de-identified, marked so and verified may go there."),
    )


def core_keys(kind: Kind) -> type[ComponentKeys]:
    """The keys that the core owns in the tables of a kind."""
    owned: Mapping[Kind, type[ComponentKeys]] = {"sinks": SinkKeys, "transforms": TransformKeys}
    return owned.get(kind, ComponentKeys)


@attrs.frozen(kw_only=True)
class ComponentEntry:
    """One component of the config. ``table`` holds the keys of its own, unread."""

    kind: Kind
    name: str
    type: str
    table: Mapping[str, Any]
    disabled: bool = False
    description: str = ""
    isolate: bool | None = None
    original_attributes: Literal["COERCE", "CORRECT"] | None = None
    delivery: DeliverySettings = DeliverySettings()
    confirm: str | None = None
    transcode: str | None = None
    deidentified_only: bool = False

    @property
    def label(self) -> str:
        """Where it stands in the config: ``sinks.pacs``."""
        return f"{self.kind}.{self.name}"


def read_component(kind: Kind, name: str, table: Any, checks: Mapping[str, Any]) -> ComponentEntry:
    """Read one component's table; `checks` are those of the config, whatever their state.

    Raises
    ------
    ConfigProblems
        All faults of the keys that the core owns; for a kind that nothing runs yet, just that.
    """
    if complaint := bad_name(name):
        raise ConfigProblems([ConfigProblem(path_to(kind, name), complaint)])
    label = f"{kind}.{name}"
    if later := _LATER_KINDS.get(kind):
        raise ConfigProblems([ConfigProblem(label, later)])
    if not isinstance(table, Mapping):
        raise ConfigProblems([ConfigProblem(label, f"expected a table: [{label}]")])
    cls = core_keys(kind)
    allowed = {field.alias for field in attrs.fields(cls)}
    ours = {key: value for key, value in table.items() if key in RESERVED_KEYS}
    problems = [
        ConfigProblem(f"{label}.{key}", _LATER.get(key, f"only a {_owner(key)} has this key; take it out"))
        for key in ours
        if key in _LATER or key not in allowed
    ]
    if kind == "sinks" and ours.get("isolate") is False:
        text = "a sink always has processes of its own; take it out"
        problems.append(ConfigProblem(f"{label}.isolate", text))
    if (check := ours.get("confirm")) is not None and kind == "sinks" and isinstance(check, str):
        problems.append(ConfigProblem(f"{label}.confirm", _confirm(check, checks)))
    known = {key: value for key, value in ours.items() if key in allowed and key not in _LATER}
    try:
        keys = structure(known, cls, where=label)
    except ConfigProblems as error:
        raise ConfigProblems([*error.problems, *problems]) from None
    if problems:
        raise ConfigProblems(problems)
    return ComponentEntry(kind=kind, name=name, table=_own(table), **attrs.asdict(keys, recurse=False))


def rest_of(kind: Kind, name: str, table: Any) -> Iterator[ComponentEntry]:
    """Give a faulty component's own keys, for its plugin to find fault with, if its type is known."""
    if (
        kind not in _LATER_KINDS
        and isinstance(table, Mapping)
        and isinstance(table.get("type"), str)
        and table.get("disabled") is not True
    ):
        yield ComponentEntry(kind=kind, name=name, type=table["type"], table=_own(table))


def _owner(key: str) -> str:
    return "transform" if key == "original_attributes" else "sink"


def _own(table: Mapping[str, Any]) -> Mapping[str, Any]:
    return {key: value for key, value in table.items() if key not in RESERVED_KEYS}


def _confirm(check: str, checks: Mapping[str, Any]) -> str:
    if check not in checks:
        return unknown_name("commitment check", check, checks)
    return _LATER_KINDS["checks"]
