"""Every installed plugin is imported, each in a process of its own: a broken one harms nobody here."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

from hilum_core.doctor.findings import Case, Finding, Says
from hilum_core.registry import Declared, PluginError, Registry

_WITHIN_S = 30
_BROKEN = 3


def examine_plugins(_case: Case, says: Says) -> Iterator[Finding]:
    """Import what is declared, and say which are broken and why."""
    registry = Registry.discover()
    for name in registry.unreadable:
        yield says.warn(f"the metadata of {name} cannot be read", "install it again")
    whole = 0
    for one in registry.declared:
        if one.shadowed_by:
            yield says.warn(f"{one.full_type} is shadowed by {one.shadowed_by}", "remove one of the two")
            continue
        why = _import(one)
        if why:
            yield says.fault(
                f"{one.kind} {one.full_type} ({one.blame}): {why}", "install a version that works"
            )
        whole += not why
    yield says.ok(f"{whole:,} of {len(registry.declared):,} components and commands can be imported")


def import_one(kind: str, full_type: str) -> int:
    """Import one plugin, in the process made for it; says why not on stdout."""
    registry = Registry.discover()
    declared = next(one for one in registry.declared if (one.kind, one.full_type) == (kind, full_type))
    try:
        registry.spec(declared)
    except PluginError as error:
        sys.__stdout__.write(f"{error.message}\n") if sys.__stdout__ else None
        return _BROKEN
    return 0


def _import(one: Declared) -> str:
    """Why a plugin cannot be imported; empty if it can."""
    code = "import sys; from hilum_core.doctor.plugins import import_one; sys.exit(import_one(*sys.argv[1:]))"
    try:
        done = subprocess.run(  # noqa: S603 - our own code
            [sys.executable, "-c", code, one.kind, one.full_type],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=_WITHIN_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"importing it did not end within {_WITHIN_S} s"
    if not done.returncode:
        return ""
    said = done.stdout.decode("utf-8", "replace").strip().splitlines()
    if done.returncode == _BROKEN and said:
        return said[-1]
    how = f"signal {-done.returncode}" if done.returncode < 0 else f"status {done.returncode}"
    return f"importing it ended the process ({how})"
