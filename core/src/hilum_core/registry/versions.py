"""Whether the installed SDK is in the range that a distribution asks for. It reads part of PEP 440.

A clause that it cannot read is taken for satisfied: pip has judged it already.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping

_REQUIREMENT = re.compile(r"\s*([A-Za-z0-9._-]+)\s*(?:\[[^\]]*\])?\s*\(?([^;)]*)\)?\s*(?:;(.*))?")
_CLAUSE = re.compile(r"(~=|==|!=|<=|>=|<|>)\s*([0-9]+(?:\.[0-9]+)*)(\.\*)?((?:a|b|rc|\.dev)[0-9]+)?")
_VERSION = re.compile(r"([0-9]+(?:\.[0-9]+)*)((?:a|b|rc|\.dev)[0-9]+)?")

Key = tuple[tuple[int, ...], int]
_COMPARE: Mapping[str, Callable[[Key, Key], bool]] = {
    "==": lambda installed, wanted: installed == wanted,
    "!=": lambda installed, wanted: installed != wanted,
    "<=": lambda installed, wanted: installed <= wanted,
    ">=": lambda installed, wanted: installed >= wanted,
    "<": lambda installed, wanted: installed < wanted and installed[0] != wanted[0],
    ">": lambda installed, wanted: installed > wanted,
}


def unmet_range(requirements: Iterable[str], name: str, installed: str) -> str:
    """Find the range of `name` that the installed version is not in; empty if it is in all.

    Requirements of extras are passed over.
    """
    for requirement in requirements:
        found = _REQUIREMENT.fullmatch(requirement)
        if found is None or normalized(found[1]) != normalized(name) or "extra" in (found[3] or ""):
            continue
        clauses = [clause.strip() for clause in found[2].split(",") if clause.strip()]
        if not all(_admits(clause, installed) for clause in clauses):
            return ",".join(sorted(clauses, key=lambda clause: clause.startswith("<")))
    return ""


def normalized(name: str) -> str:
    """Write the name of a distribution as all its spellings are compared."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _admits(clause: str, installed: str) -> bool:
    wanted, has = _CLAUSE.fullmatch(clause), _VERSION.match(installed)
    if wanted is None or has is None:
        return True
    operator, release, wildcard, phase = wanted.groups()
    if wildcard:
        return _begins(has[1], release) == (operator == "==")
    if operator == "~=":
        return _key(has[1], has[2]) >= _key(release, phase) and _begins(has[1], release.rpartition(".")[0])
    return _COMPARE[operator](_key(has[1], has[2]), _key(release, phase))


def _begins(version: str, prefix: str) -> bool:
    return f"{version}.".startswith(f"{prefix}.")


def _key(release: str, phase: str | None) -> Key:
    """Make versions comparable: trailing zeros do not count, a pre-release comes before its release."""
    numbers = [int(number) for number in release.split(".")]
    while numbers and numbers[-1] == 0:
        numbers.pop()
    return tuple(numbers), -1 if phase else 0
