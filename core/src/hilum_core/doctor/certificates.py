"""Certificates and secrets that the config names: there, readable by us alone, not about to expire."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from hilum_core.config import load_reception
from hilum_core.credentials import look_at_credentials
from hilum_core.doctor.findings import Case, Finding, Says
from hilum_sdk.config import ConfigProblems


def examine_certificates(case: Case, says: Says) -> Iterator[Finding]:
    """Have them looked at as `hilum check` does."""
    if case.config_path is None:
        yield says.ok("no config was named")
        return
    try:
        reception = load_reception(case.config_path.read_text(encoding="utf-8"), source=str(case.config_path))
    except ConfigProblems:
        yield says.warn("the config cannot be read", "see what is said of the config")
        return
    found = look_at_credentials(reception.router, reception.peers, now=datetime.now(UTC))
    for problem in found.faults:
        yield says.fault(f"{problem.path}: {problem.text}", "mend it before the peer calls")
    for note in found.notes:
        yield says.warn(f"{note.path}: {note.text}", "do it before it is too late")
    if not found.faults and not found.notes:
        yield says.ok("all that the config names can be used")
