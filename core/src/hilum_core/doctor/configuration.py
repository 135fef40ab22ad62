"""The config: what `hilum check` says, and whether the router works by it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

from hilum_core.doctor.findings import Case, Finding, Says
from hilum_core.revisions import latest, read

_WITHIN_S = 60


def examine_config(case: Case, says: Says) -> Iterator[Finding]:
    """Check it in a process of its own, because plugins are loaded; compare it with the newest revision."""
    revision = latest(case.state_dir) if case.state_dir.is_dir() else 0
    if case.config_path is None:
        yield says.ok(f"none was named; the newest accepted one is revision {revision}")
        return
    check = [sys.executable, "-m", "hilum_core.cli", "check", "--config", str(case.config_path)]
    try:
        done = subprocess.run(  # noqa: S603 - our own command
            check, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=_WITHIN_S, check=False
        )
    except subprocess.TimeoutExpired:
        yield says.fault(f"its check did not end within {_WITHIN_S} s: a plugin hangs", "see the plugins")
        return
    if done.returncode:
        first = done.stderr.strip().splitlines()[:1]
        yield says.fault(first[0] if first else "its check failed", "hilum check lists every fault")
        return
    if revision and read(case.state_dir, revision) != case.config_path.read_text(encoding="utf-8"):
        yield says.warn(f"it differs from revision {revision}, by which the router works", "hilum reload")
    yield says.ok(
        f"{case.config_path} has no fault"
        + (f"; the newest accepted one is revision {revision}" if revision else "")
    )
