"""The reference of the config file says what the code says.

The tables of keys are made from the config classes. To write them anew::

    python core/tests/config/test_config_reference.py
"""

from __future__ import annotations

import importlib
import re
from pathlib import Path

from hilum_core.config import KINDS
from hilum_core.registry import Registry, check
from hilum_sdk.config import FieldHelp, describe

PAGE = Path(__file__).parents[3] / "docs" / "reference" / "config.md"
SECTION = re.compile(r"(<!-- keys: (\S+):(\w+) -->\n)(.*?)(<!-- end -->)", re.DOTALL)


def written() -> str:
    """Give the page with every table made anew."""
    return SECTION.sub(lambda found: found[1] + table(found[2], found[3]) + found[5], PAGE.read_text())


def table(module: str, name: str) -> str:
    keys = describe(getattr(importlib.import_module(module), name))
    return "\n".join(["| key | value | default | meaning |", "|---|---|---|---|", *map(row, keys), ""])


def row(key: FieldHelp) -> str:
    default = "required" if key.is_required else f"`{key.default}`" if key.default else ""
    example = f" Example: `{key.example}`" if key.example else ""
    cells = (f"`{key.key}`", key.type, default, key.help + example)
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


def test_the_tables_of_the_reference_are_those_of_the_code():
    stale = [
        (found[2], found[3])
        for found in SECTION.finditer(PAGE.read_text())
        if found[4] != table(found[2], found[3])
    ]
    assert len(SECTION.findall(PAGE.read_text())) == 12
    assert not stale, f"write them anew: python {Path(__file__).name}"


def test_every_key_of_the_core_has_a_meaning():
    for name in (
        "RouterSettings",
        "PeerSettings",
        "ComponentKeys",
        "TransformKeys",
        "SinkKeys",
        "RouteSettings",
    ):
        cls = getattr(importlib.import_module("hilum_core.config"), name)
        assert all(key.help.endswith(".") for key in describe(cls)), name
        assert f"hilum_core.config:{name}" in PAGE.read_text()


def test_every_kind_of_component_has_its_place_in_the_reference():
    text = PAGE.read_text()
    assert all(f"[{kind}.NAME]" in text for kind in KINDS)


def test_the_example_of_the_reference_has_no_fault():
    (example,) = re.findall(r"```toml\n(.*?)```", PAGE.read_text(), re.DOTALL)
    config, composition, problems = check(example, "the reference", registry=Registry.discover())
    assert not problems
    assert not config.notes
    assert len(composition.components) == 4


if __name__ == "__main__":
    PAGE.write_text(written())
