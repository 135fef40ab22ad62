"""The page of the delivery promise: each of its lines names tests that there are."""

import re
from pathlib import Path

import attrs
import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "explanation" / "delivery-promise.md").read_text(encoding="utf-8")
NAME = re.compile(r"`(test_\w+)`")


@attrs.frozen
class Line:
    fault: str
    cells: tuple[str, ...]

    @property
    def tests(self):
        return NAME.findall(self.cells[-1])


def lines():
    for text in PAGE.splitlines():
        cells = tuple(cell.strip() for cell in text.strip().strip("|").split("|"))
        if text.startswith("|") and cells[0] != "fault" and set(cells[0]) != {"-"}:
            yield Line(cells[0], cells)


def all_tests():
    folders = [ROOT / "tests", *ROOT.glob("*/tests"), *ROOT.glob("plugins/*/*/tests")]
    for path in (path for folder in folders for path in folder.rglob("test_*.py")):
        yield from re.findall(r"^\s*def (test_\w+)\(", path.read_text(encoding="utf-8"), re.MULTILINE)


@pytest.mark.parametrize("line", list(lines()), ids=lambda line: line.fault)
def test_each_line_says_what_happens_and_names_tests_that_there_are(line):
    assert len(line.cells) == 4
    assert all(line.cells)
    assert line.tests, f"{line.fault}: names no test"
    assert set(line.tests) <= set(all_tests())
