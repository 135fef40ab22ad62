"""The clauses of a filter: which values each condition is about, and how they are read from the config."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Self, TypeVar

import attrs
from pydicom.dataset import Dataset

from hilum_filter_tags.conditions import Condition, show
from hilum_filter_tags.reading import (
    OPERATORS,
    ReadEquals,
    equals_number,
    equals_text,
    equals_uid,
    in_network,
    read_condition,
)
from hilum_sdk import Association, Instance
from hilum_sdk.config import ConfigProblem, ConfigProblems, unknown_name
from hilum_sdk.elements.vr import dictionary_vr
from hilum_sdk.paths import ElementPath, name_path, parse_path
from hilum_sdk.values import NUMBERS, SPECIFIC_CHARACTER_SET, Value, items_at, values_at

T = TypeVar("T")

_TRANSFER_SYNTAX_UID = 0x00020010
_SOP_CLASS_UID = 0x00080016


@attrs.frozen
class ElementClause:
    """A condition on the values of an element."""

    path: ElementPath
    condition: Condition

    def holds(self, header: Dataset, instance: Instance) -> bool:
        """Whether any element there meets it."""
        return self.condition.holds(self._values(header, instance))

    def explain(self, header: Dataset, instance: Instance) -> str:
        """Show the element's values and what is wanted."""
        return f"{name_path(self.path)} is {show(self._values(header, instance))}, wanted {self.condition}"

    def _values(self, header: Dataset, instance: Instance) -> list[Value]:
        # Both came with the command; the transfer syntax stands nowhere else.
        if self.path == (_TRANSFER_SYNTAX_UID,):
            return [Value(instance.transfer_syntax_uid)]
        if self.path == (_SOP_CLASS_UID,):
            return [Value(instance.sop_class_uid)]
        return values_at(header, self.path)


@attrs.frozen
class ItemClause:
    """Conditions on the items of a sequence: one item must meet them all."""

    path: ElementPath
    where: Where

    def holds(self, header: Dataset, instance: Instance) -> bool:
        """Whether any item meets all."""
        return any(
            all(clause.holds(item, instance) for clause in self.where.clauses)
            for item in items_at(header, self.path)
        )

    def explain(self, header: Dataset, instance: Instance) -> str:
        """Say of each item what it has."""
        items = items_at(header, self.path)
        each = [
            f"[{n}] " + "; ".join(clause.explain(item, instance) for clause in self.where.clauses)
            for n, item in enumerate(items)
        ]
        return f"{name_path(self.path)} has " + ("; ".join(each) if each else "no item")


@attrs.frozen
class Where:
    """Conditions by element; all must hold."""

    config_words: ClassVar[str] = "a table of conditions by element"
    clauses: tuple[ElementClause | ItemClause, ...] = ()

    @classmethod
    def from_config(cls, value: Any) -> Self:
        """Read a table whose keys name elements."""
        return cls(_read_table(value, _read_clause))

    def needs(self) -> frozenset[int]:
        """The top-level tags of the header that the conditions look at."""
        tags = {clause.path[0] for clause in self.clauses}
        tags -= {_TRANSFER_SYNTAX_UID, _SOP_CLASS_UID}
        return frozenset(tags | {SPECIFIC_CHARACTER_SET} if tags else tags)


@attrs.frozen
class FactClause:
    """A condition on a fact of the association."""

    fact: str
    condition: Condition

    def holds(self, association: Association) -> bool:
        """Whether the fact meets it."""
        return self.condition.holds(self._values(association))

    def explain(self, association: Association) -> str:
        """Show the fact and what is wanted."""
        return f"{self.fact} is {show(self._values(association))}, wanted {self.condition}"

    def _values(self, association: Association) -> list[Value]:
        value = getattr(association, self.fact)
        return [Value(value.strip())] if value else []


@attrs.frozen
class Facts:
    """Conditions by fact of the association; all must hold."""

    config_words: ClassVar[str] = "a table of conditions by fact of the association"
    clauses: tuple[FactClause, ...] = ()

    @classmethod
    def from_config(cls, value: Any) -> Self:
        """Read a table whose keys name facts."""
        return cls(_read_table(value, _read_fact))


def _read_table(table: Any, read: Callable[[str, Any], T]) -> tuple[T, ...]:
    if not isinstance(table, Mapping):
        raise TypeError
    clauses = []
    faults: list[ConfigProblem] = []
    for key, value in table.items():
        try:
            clauses.append(read(key, value))
        except ConfigProblems as problems:
            faults += problems.under(key)
        except ValueError as error:
            faults.append(ConfigProblem("", str(error)).under(key))
    if faults:
        raise ConfigProblems(faults)
    return tuple(clauses)


def _read_clause(name: str, raw: Any) -> ElementClause | ItemClause:
    path = parse_path(name)
    if path[0] >> 16 == 2 and path != (_TRANSFER_SYNTAX_UID,):
        raise ValueError(
            "File Meta Information does not travel with an object; only TransferSyntaxUID is known"
        )
    vr = dictionary_vr(path[-1])
    if vr == "SQ":
        return _read_sequence_clause(path, raw)
    return ElementClause(path, read_condition(raw, _equals_for(vr)))


def _read_sequence_clause(path: ElementPath, raw: Any) -> ElementClause | ItemClause:
    if not isinstance(raw, Mapping):
        raise ValueError("is a sequence; write { exists = true }, or conditions on the elements of its items")  # noqa: TRY004
    if raw.keys() & set(OPERATORS):
        wrong = raw.keys() & {"equals", "starts_with", "contains"}
        if wrong:
            raise ValueError(f"is a sequence, of which {min(wrong)!r} cannot be asked; ask its elements")
        return ElementClause(path, read_condition(raw, equals_text))
    where = Where.from_config(raw)
    if not where.clauses:
        raise ValueError(
            "asks for nothing; write { exists = true }, or conditions on the elements of its items"
        )
    return ItemClause(path, where)


def _equals_for(vr: str) -> ReadEquals:
    if vr == "UI":
        return equals_uid
    if vr[:2] in NUMBERS:
        return equals_number
    return equals_text


def _read_fact(name: str, raw: Any) -> FactClause:
    facts = [field.name for field in attrs.fields(Association)]
    if name not in facts:
        raise ValueError(unknown_name("fact of an association", name, facts))
    return FactClause(name, read_condition(raw, in_network if name == "address" else equals_text))
