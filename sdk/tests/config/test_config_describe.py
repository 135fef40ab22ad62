"""The help of a config class comes from the class itself."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Literal

import attrs

from hilum_sdk import PeerName
from hilum_sdk.config import FieldHelp, Secret, Size, about, describe, structure, toml_text


class Exists(enum.Enum):
    KEEP = "keep"
    NUMBER = "number"


@attrs.frozen(kw_only=True)
class Rule:
    tag: str = attrs.field(metadata=about("The element", example='"Modality"'))
    rules: tuple[Rule, ...] = ()


@attrs.frozen(kw_only=True)
class Described:
    peer: PeerName = attrs.field(metadata=about("Whom to send to"))
    from_: tuple[str, ...] = attrs.field(default=("a", "b"), metadata=about("Whence", key="from"))
    idle: timedelta = timedelta(seconds=90)
    limit: Size | None = attrs.field(default=Size(2**20))
    folder: Path = Path("/data")
    exists: Exists = Exists.KEEP
    mode: Literal["fast", "slow"] = "fast"
    password: Secret | None = None
    on: bool = False
    rules: tuple[Rule, ...] = attrs.field(factory=tuple)
    hosts: Mapping[str, Rule] = attrs.field(factory=dict)


def test_every_key_is_described_in_words_with_its_default():
    assert [(h.key, h.type, h.default, h.is_required) for h in describe(Described)] == [
        ("peer", "the name of a peer", "", True),
        ("from", "an array of strings", '["a", "b"]', False),
        ("idle", 'a duration such as "15m"', '"1m30s"', False),
        ("limit", 'a size such as "10 GiB"', '"1MiB"', False),
        ("folder", "a path", '"/data"', False),
        ("exists", 'one of "keep", "number"', '"keep"', False),
        ("mode", 'one of "fast", "slow"', '"fast"', False),
        ("password", 'a secret by reference, { env = "NAME" } or { file = "PATH" }', "", False),
        ("on", "true or false", "false", False),
        ("rules", "an array of tables", "[]", False),
        ("rules[].tag", "a string", "", True),
        ("rules[].rules", "an array of tables", "[]", False),
        ("hosts", "a table of tables", "", False),
        ("hosts.NAME.tag", "a string", "", True),
        ("hosts.NAME.rules", "an array of tables", "[]", False),
    ]


def test_the_help_of_a_field_travels_with_it():
    described = {line.key: line for line in describe(Described)}
    assert described["from"].help == "Whence"
    assert described["rules[].tag"] == FieldHelp(
        key="rules[].tag",
        type="a string",
        default="",
        is_required=True,
        help="The element",
        example='"Modality"',
    )


def test_the_defaults_that_are_shown_are_read_as_such():
    raw = {"idle": "1m30s", "limit": "1MiB", "folder": "/data", "exists": "keep", "mode": "fast", "peer": "x"}
    assert structure(raw, Described) == Described(peer=PeerName("x"))


def test_a_value_is_written_as_TOML_writes_it():  # noqa: N802 - TOML's name
    assert toml_text(("a", 1, True)) == '["a", 1, true]'
    assert toml_text(None) == ""
    assert toml_text('say "x"') == '"say \\"x\\""'
