"""A TOML table into an attrs class: unknown keys, missing keys, wrong values and validators together."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any

import attrs

from hilum_sdk.config.fields import Attribute, default_of, fields_of, key_of
from hilum_sdk.config.problems import ConfigProblem, ConfigProblems, nearest
from hilum_sdk.config.words import words

_REFUSALS = (ValueError, TypeError, ConfigProblems)


def structure_table(table: Mapping[str, Any], cls: type[Any], read: Callable[[Any, Any], Any]) -> Any:
    """Make an instance of `cls`; `read` makes a value of a field's type. Raises `ConfigProblems`."""
    fields = fields_of(cls)
    problems = [_unknown_key(key, fields).under(key) for key in table if key not in fields]
    values: dict[str, Any] = {}
    for key, field in fields.items():
        if key in table:
            try:
                values[field.name] = read(table[key], field.type)
            except ConfigProblems as error:
                problems += error.under(key)
        elif field.default is attrs.NOTHING:
            problems.append(ConfigProblem("", f"missing; give {words(field.type)}").under(key))
    at_fault = {field.name for key, field in fields.items() if key in table} - values.keys()
    problems += _refused_by_validators(cls, _draft(cls, values, at_fault))
    if problems:
        raise ConfigProblems(problems)
    try:
        return cls(**{str(f.alias): values[f.name] for f in fields.values() if f.name in values})
    except _REFUSALS as error:
        # __attrs_post_init__ or a converter of the class: it speaks of the table as a whole.
        raise ConfigProblems(_as_problems(error)) from None


def _unknown_key(key: str, fields: Mapping[str, Attribute]) -> ConfigProblem:
    near = nearest(key, fields)
    known = f"known: {', '.join(sorted(fields))}" if fields else "this table has no keys"
    return ConfigProblem("", f"unknown key; did you mean {near!r}?" if near else f"unknown key; {known}")


def _refused_by_validators(cls: type[Any], draft: Any) -> Iterator[ConfigProblem]:
    """Run every validator on the object so far, of which a validator may see the other fields too."""
    for field in attrs.fields(cls):
        # A converter makes the value that the validator wants: both run when the object is made.
        if field.validator is None or field.converter is not None or not hasattr(draft, field.name):
            continue
        try:
            field.validator(draft, field, getattr(draft, field.name))
        except AttributeError:
            if all(hasattr(draft, other.name) for other in attrs.fields(cls)):
                raise
            # It looked at a field that is itself at fault, which is already told.
        except _REFUSALS as error:
            for problem in _as_problems(error):
                yield problem.under(key_of(field))


def _draft(cls: type[Any], values: Mapping[str, Any], at_fault: Collection[str]) -> Any:
    """Make an object with the values that are good and the defaults, without the fields that are at fault."""
    draft: Any = object.__new__(cls)
    for field in attrs.fields(cls):
        if field.name in values:
            value = values[field.name]
        elif field.default is attrs.NOTHING or field.name in at_fault:
            continue
        else:
            try:
                value = default_of(field, draft)
            except AttributeError:
                continue  # it is made of a field that is at fault
        object.__setattr__(draft, field.name, value)
    return draft


def _as_problems(error: Exception) -> tuple[ConfigProblem, ...]:
    if isinstance(error, ConfigProblems):
        return error.problems
    # attrs' own validators put the field and the value after the text.
    return (ConfigProblem("", str(error.args[0]) if error.args else type(error).__name__),)
