"""What the README points at is there."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
PAGES = ("README.md", "core/README.md", "docs/tutorials/first-router.md")


@pytest.mark.parametrize("page", PAGES)
def test_every_link_to_a_file_has_its_file(page):
    place = ROOT / page
    links = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", place.read_text())
    missing = [link for link in links if not (place.parent / link).exists()]
    assert missing == []


def test_the_readme_opens_with_the_promise_and_the_two_commands():
    headings = re.findall(r"^## (.*)$", (ROOT / "README.md").read_text(), re.MULTILINE)
    assert headings[:2] == ["The promise", "Two commands"]
