"""What holds for all tests."""

import os
import re
from collections.abc import Generator

import pytest
from hypothesis import settings

# On a shared machine an example that takes long says nothing about the code.
settings.register_profile("hilum", deadline=None)
settings.load_profile("hilum")

_WANT_OF_A_PROGRAM = re.compile(r"needs |.* is not installed$")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """In CI all programs are there: a test that skips for want of one fails."""
    report = yield
    if report.skipped and os.environ.get("CI") and isinstance(report.longrepr, tuple):
        reason = report.longrepr[2].removeprefix("Skipped: ")
        if _WANT_OF_A_PROGRAM.match(reason):
            report.outcome, report.longrepr = "failed", f"in CI nothing is missing: {reason}"
    return report
