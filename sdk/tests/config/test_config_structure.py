"""A TOML table becomes a config object strictly, and all its faults are told at once."""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, NewType, Self

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hilum_sdk import PeerName
from hilum_sdk.config import (
    ConfigProblem,
    ConfigProblems,
    Secret,
    Size,
    about,
    ae_title,
    not_empty,
    port_number,
    structure,
)


class Exists(enum.Enum):
    KEEP = "keep"
    NUMBER = "number"


class Level(enum.IntEnum):
    LOW = 1
    HIGH = 2


class Colour(enum.StrEnum):
    RED = "red"


class Percent(int):
    """A number of a type of its own, which is a subclass of a plain one."""

    config_words: ClassVar[str] = 'a share such as "5 %"'

    @classmethod
    def from_config(cls, value: Any) -> Self:
        if not isinstance(value, str):
            raise TypeError
        if not value.endswith(" %"):
            raise ValueError('a share ends with " %"')
        return cls(value.removesuffix(" %"))


Name = NewType("Name", str)
SIZES = 'a size is a number with one of B, kB, MB, GB, TB, KiB, MiB, GiB, TiB, such as "10 GiB", '


@attrs.frozen(kw_only=True)
class Retry:
    first: timedelta = timedelta(seconds=10)
    longest: timedelta = attrs.field(default=timedelta(minutes=15))

    @longest.validator
    def _not_less(self, _: attrs.Attribute[timedelta], value: timedelta) -> None:
        if value < self.first:
            raise ValueError("must not be less than first")


@attrs.frozen(kw_only=True)
class Rule:
    tag: str
    rules: tuple[Rule, ...] = ()


@attrs.frozen(kw_only=True)
class Everything:
    text: str = ""
    whole: int = 0
    number: float = 0.0
    flag: bool = False
    path: Path = Path("/")
    span: timedelta = timedelta()
    size: Size = attrs.field(default=Size(0))
    peer: PeerName | None = None
    secret: Secret | None = None
    when: datetime | None = None
    day: date | None = None
    hour: time | None = None
    exists: Literal["keep", "overwrite", 3] = "keep"
    member: Exists = Exists.KEEP
    level: Level = Level.LOW
    colour: Colour = Colour.RED
    words: tuple[str, ...] = ()
    pair: tuple[str, int] = ("", 0)
    lists: list[list[int]] = attrs.field(factory=list)
    unique: frozenset[str] = frozenset()
    sequence: Sequence[int] = ()
    by_name: Mapping[str, int] = attrs.field(factory=dict)
    by_choice: dict[Literal["a", "b"], Size] = attrs.field(factory=dict)
    either: int | tuple[int, ...] = 0
    retry: Retry = Retry()
    rules: tuple[Rule, ...] = ()
    share: Percent = attrs.field(default=Percent(0))
    name: Name = Name("")
    noted: Annotated[int, "noted"] = 0
    anything: Any = None
    bare: tuple = ()  # type: ignore[type-arg] - as a plugin author may write it
    from_: tuple[str, ...] = attrs.field(default=(), metadata=about("Whence", key="from"))


def problems_of(table: Any, cls: type[Any] = Everything, **how: Any) -> list[str]:
    with pytest.raises(ConfigProblems) as caught:
        structure(table, cls, **how)
    return [str(problem) for problem in caught.value.problems]


@pytest.mark.parametrize(
    ("key", "value", "made"),
    [
        ("text", "true", "true"),
        ("whole", -3, -3),
        ("number", 1.5, 1.5),
        ("number", 2, 2.0),
        ("flag", True, True),
        ("path", "/data", Path("/data")),
        ("span", "1h30m", timedelta(minutes=90)),
        ("size", "10 GiB", 10 * 2**30),
        ("size", 5, 5),
        ("peer", "pacs", "pacs"),
        ("secret", {"env": "X"}, Secret(env="X")),
        ("secret", {"file": "/x"}, Secret(file=Path("/x"))),
        ("when", datetime(2026, 1, 2, 3, 4, tzinfo=UTC), datetime(2026, 1, 2, 3, 4, tzinfo=UTC)),
        ("day", date(2026, 1, 2), date(2026, 1, 2)),
        ("hour", time(3, 4), time(3, 4)),
        ("exists", "overwrite", "overwrite"),
        ("exists", 3, 3),
        ("member", "number", Exists.NUMBER),
        ("level", 2, Level.HIGH),
        ("colour", "red", Colour.RED),
        ("words", ["a", "b"], ("a", "b")),
        ("pair", ["a", 1], ("a", 1)),
        ("lists", [[1], [2, 3]], [[1], [2, 3]]),
        ("unique", ["a", "a"], frozenset({"a"})),
        ("sequence", [1], (1,)),
        ("by_name", {"x": 1}, {"x": 1}),
        ("by_choice", {"a": "1KiB"}, {"a": 1024}),
        ("either", 1, 1),
        ("either", [1], (1,)),
        ("retry", {"first": "1s"}, Retry(first=timedelta(seconds=1))),
        ("rules", [{"tag": "a", "rules": [{"tag": "b"}]}], (Rule(tag="a", rules=(Rule(tag="b"),)),)),
        ("share", "5 %", 5),
        ("name", "n", "n"),
        ("noted", 1, 1),
        ("anything", {"x": [1]}, {"x": [1]}),
        ("bare", [1, "a"], (1, "a")),
    ],
)
def test_a_value_of_the_right_kind_is_taken(key, value, made):
    got = getattr(structure({key: value}, Everything), key)
    assert got == made
    assert type(got) is type(made) or isinstance(got, type(made))


@pytest.mark.parametrize(
    ("key", "value", "text"),
    [
        ("text", 1, "expected a string, got 1"),
        ("whole", "1", 'expected an integer, got "1"'),
        ("whole", True, "expected an integer, got true"),
        ("whole", 1.0, "expected an integer, got 1.0"),
        ("whole", 2**63, "must be an integer of 64 bits"),
        ("number", True, "expected a number, got true"),
        ("number", float("nan"), "must be a finite number, got nan"),
        ("number", 10**400, "must be an integer of 64 bits"),
        ("flag", "false", 'expected true or false, got "false"'),
        ("flag", 0, "expected true or false, got 0"),
        ("path", "", 'must name a file or folder, got ""'),
        ("path", "~/x", "write the whole path, '~' is not expanded; got \"~/x\""),
        ("path", ["/x"], "expected a path, got an array"),
        ("span", 10, 'expected a duration such as "15m", got 10'),
        (
            "span",
            "10",
            'a duration is written with d, h, m, s or ms, such as "15m", "14d" or "1h30m", got "10"',
        ),
        ("span", "999999999d24h", 'a duration is at most 999999999d, got "999999999d24h"'),
        (
            "size",
            "10 Gib",
            SIZES + 'got "10 Gib"',
        ),
        ("size", -1, "a size is from 0 to 8 EiB, got -1"),
        ("size", True, 'expected a size such as "10 GiB", got true'),
        ("peer", "pacx", "no peer is called 'pacx'; did you mean 'pacs'? there are: ct1, pacs"),
        ("peer", 1, "expected the name of a peer, got 1"),
        ("day", datetime(2026, 1, 2, tzinfo=UTC), "expected a date, got 2026-01-02 00:00:00+00:00"),
        ("exists", "kep", 'expected one of "keep", "overwrite", 3, got "kep"; did you mean \'keep\'?'),
        ("exists", 3.0, 'expected one of "keep", "overwrite", 3, got 3.0'),
        ("member", "nmber", 'expected one of "keep", "number", got "nmber"; did you mean \'number\'?'),
        ("level", "1", 'expected one of 1, 2, got "1"'),
        ("level", True, "expected one of 1, 2, got true"),
        ("colour", "green", 'expected one of "red", got "green"'),
        ("words", "CT", 'expected an array of strings, got "CT"; write ["CT"]'),
        ("pair", ["a"], "expected an array of 2: a string, an integer, got 1"),
        ("by_name", [1], "expected a table of integers, got an array"),
        ("either", "x", 'expected an integer or an array of integers, got "x"'),
        ("retry", 5, "expected a table, got 5"),
        ("share", 5, 'expected a share such as "5 %", got 5'),
        ("share", "5", 'a share ends with " %"'),
        ("text", "x" * 3, None),
        ("whole", "x" * 100, f'expected an integer, got "{"x" * 59}…'),
    ],
)
def test_a_value_that_is_not_right_is_refused_and_shown(key, value, text):
    if text is None:
        structure({key: value}, Everything)
    else:
        assert problems_of({key: value}, peers={"ct1", "pacs"}) == [f"{key}: {text}"]


@pytest.mark.parametrize(
    ("table", "told"),
    [
        (
            {"words": ["a", 3, 4]},
            ["words[1]: expected a string, got 3", "words[2]: expected a string, got 4"],
        ),
        ({"pair": [1, "a"]}, ["pair[0]: expected a string, got 1", 'pair[1]: expected an integer, got "a"']),
        ({"lists": [[1], ["a"]]}, ['lists[1][0]: expected an integer, got "a"']),
        ({"by_name": {"a b": "x", "c": 1}}, ['by_name."a b": expected an integer, got "x"']),
        (
            {"by_choice": {"c": 1}},
            ['by_choice.c: expected one of "a", "b", got "c"'],
        ),
        ({"either": [1, "a"]}, ['either[1]: expected an integer, got "a"']),
        ({"rules": [{"tag": "a", "rules": [{}]}]}, ["rules[0].rules[0].tag: missing; give a string"]),
        ({"from": "ct1"}, ['from: expected an array of strings, got "ct1"; write ["ct1"]']),
        ({"from_": []}, ["from_: unknown key; did you mean 'from'?"]),
        ({"retry": {"frist": "1s"}}, ["retry.frist: unknown key; did you mean 'first'?"]),
    ],
)
def test_a_fault_is_told_with_its_whole_path(table, told):
    assert problems_of(table) == told


def test_all_faults_of_a_table_are_told_at_once():
    @attrs.frozen(kw_only=True)
    class Sink:
        peer: PeerName
        path: Path
        called_ae: str = attrs.field(default="X", validator=ae_title)
        port: int = attrs.field(default=104, validator=port_number)
        modalities: tuple[str, ...] = attrs.field(default=(), validator=not_empty)
        retry: Retry = Retry()

    table = {"peer": "pacx", "called_ae": "A" * 20, "port": 99999, "prot": 1, "retry": {"first": "1h"}}
    assert problems_of(table, Sink, peers=["pacs"], where="sinks.archive") == [
        "sinks.archive.prot: unknown key; did you mean 'port'?",
        "sinks.archive.peer: no peer is called 'pacx'; did you mean 'pacs'? there are: pacs",
        "sinks.archive.path: missing; give a path",
        "sinks.archive.retry.longest: must not be less than first",
        "sinks.archive.called_ae: an AE title has 1 to 16 characters (PS3.5 6.2), got 20",
        "sinks.archive.port: must be 1 to 65535, got 99999",
        "sinks.archive.modalities: must not be empty",
    ]


def test_an_unknown_key_with_nothing_near_lists_the_keys():
    assert problems_of({"xyz": 1}, Retry) == ["xyz: unknown key; known: first, longest"]


def test_what_stands_in_place_of_a_secret_is_never_shown():
    for value in ("hunter2", ["hunter2"], {"value": "hunter2"}, {"env": "A", "file": "hunter2"}, {"env": 3}):
        (told,) = problems_of({"secret": value})
        assert told == 'secret: expected a secret by reference, { env = "NAME" } or { file = "PATH" }'


def test_a_table_in_the_wrong_place_is_not_quoted():
    assert problems_of({"whole": {"password": "hunter2"}}) == ["whole: expected an integer, got a table"]


def test_a_validator_may_look_at_other_fields_though_they_are_at_fault():
    assert problems_of({"first": 3, "longest": "1s"}, Retry) == [
        'first: expected a duration such as "15m", got 3'
    ]


def test_a_validator_may_name_places_below_its_field():
    @attrs.frozen
    class Rules:
        where: Mapping[str, str] = attrs.field()

        @where.validator
        def _known(self, _, value):
            raise ConfigProblems(ConfigProblem("", "is no tag").under(key) for key in value)

    assert problems_of({"where": {"A": "", "B": ""}}, Rules) == ["where.A: is no tag", "where.B: is no tag"]


def test_a_validator_that_is_itself_wrong_is_not_taken_for_a_fault_of_the_config():
    @attrs.frozen
    class Wrong:
        x: int = attrs.field(default=1, validator=lambda self, a, v: self.no_such_field)

    with pytest.raises(AttributeError):
        structure({}, Wrong)


def test_a_class_that_refuses_its_fields_together_speaks_of_the_table():
    @attrs.frozen
    class Both:
        a: int = 0
        b: int = 0

        def __attrs_post_init__(self):
            if self.a and self.b:
                raise ValueError("has a or b, not both")

    assert problems_of({"a": 1, "b": 1}, Both, where="sinks.x") == ["sinks.x: has a or b, not both"]


def test_a_default_may_be_made_of_other_fields():
    @attrs.frozen
    class Derived:
        a: int
        b: int = attrs.field(default=attrs.Factory(lambda self: self.a + 1, takes_self=True))

    assert structure({"a": 1}, Derived).b == 2
    assert problems_of({"a": "x"}, Derived) == ['a: expected an integer, got "x"']


def test_the_text_is_for_a_report_and_the_message_for_a_log():
    with pytest.raises(ConfigProblems) as caught:
        structure({"whole": "secret?"}, Everything, where="sinks.x")
    assert "secret?" in str(caught.value)
    assert caught.value.message == "the config is faulty at sinks.x.whole; `hilum check` says how"


@pytest.mark.parametrize("field_type", [bytes, complex, object.__class__, Retry | bytes, set[bytes]])
def test_a_class_with_a_field_that_TOML_cannot_fill_is_a_mistake_of_its_author(field_type):  # noqa: N802 - TOML's name
    cls = attrs.make_class("Odd", {"x": attrs.field(type=field_type)})
    with pytest.raises(TypeError, match="cannot be of type"):
        structure({"x": ["y"]}, cls)


scalars = (
    st.text()
    | st.integers()
    | st.floats()
    | st.booleans()
    | st.dates()
    | st.times()
    | st.datetimes()
    | st.sampled_from(["10s", "1GiB", "keep", "red", "pacs", "", "~", "/x", "5 %"])
)
values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["env", "file", "first", "tag", "rules", "a", "x y"]), inner, max_size=3
        )
    ),
    max_leaves=8,
)
keys = st.sampled_from([field.metadata.get("key", field.name) for field in attrs.fields(Everything)])


@given(st.dictionaries(keys | st.text(max_size=8), values, max_size=6))
def test_whatever_stands_in_a_table_it_is_taken_or_refused_as_a_config_problem(table):
    try:
        made = structure(table, Everything, peers={"pacs"}, where="sinks.x")
    except ConfigProblems as error:
        assert error.problems
        assert all(problem.path.startswith("sinks.x") and problem.text for problem in error.problems)
    else:
        assert isinstance(made, Everything)
