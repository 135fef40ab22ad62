"""The architecture page says what the code says: its tables of states, its layers."""

import re
from pathlib import Path

import pytest
import tomli

from hilum_core.dicom.statuses import Verdict, judge_store
from hilum_core.queue.states import DELIVERIES, OBJECTS, RENDERINGS

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "explanation" / "architecture.md").read_text(encoding="utf-8")
TABLES = {"Objects": OBJECTS, "Renderings": RENDERINGS, "Deliveries": DELIVERIES}
MOVE = re.compile(r"`(\w+)` → `(\w+)`")


def section(heading):
    found = re.search(rf"^#+ {re.escape(heading)}$(.*?)(?=^#|\Z)", PAGE, re.MULTILINE | re.DOTALL)
    assert found, heading
    return found[1]


def rows(text):
    """Each row that begins with a state: the state, and its moves with their targets."""
    for line in text.splitlines():
        if found := re.match(r"\| `(\w+)` \|", line):
            yield found[1], set(MOVE.findall(line))


@pytest.mark.parametrize("name", TABLES)
def test_states_and_moves_are_those_of_the_code(name):
    table = TABLES[name]
    expected = {
        state: {(move, its.target) for move, its in table.moves.items() if state in its.sources}
        for state in table.states
    }
    assert dict(rows(section(name))) == expected


@pytest.mark.parametrize("name", TABLES)
def test_entries_are_those_of_the_code(name):
    before_table = section(name).partition("| state |")[0]
    assert set(MOVE.findall(before_table)) == set(TABLES[name].entries.items())


def test_layers_are_those_that_are_checked():
    settings = tomli.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    layers = settings["tool"]["importlinter"]["contracts"][0]["layers"]
    assert "\n".join(layers) in PAGE


@pytest.mark.parametrize(
    ("words", "verdict"),
    [
        ("delivered; a warning is kept", Verdict.DELIVERED),
        ("try again", Verdict.RETRY),
        ("a few tries over hours, then dead", Verdict.REFUSED),
    ],
)
def test_statuses_are_judged_as_the_table_says(words, verdict):
    line = next(line for line in PAGE.splitlines() if line.endswith(f"| {words} |"))
    statuses = re.findall(r"\b[0-9A-F][0-9A-Fx]{3}\b", line)
    assert len(statuses) >= 3
    for text in statuses:
        for digit in "00" if "x" not in text else "07F":
            assert judge_store(int(text.replace("x", digit), 16)) is verdict, text
