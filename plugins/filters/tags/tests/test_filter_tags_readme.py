"""The README's configs can be read, and it explains every key."""

import re
from pathlib import Path

import tomli

from hilum_filter_tags.config import TagsConfig
from hilum_sdk.config import describe, structure

TEXT = (Path(__file__).parents[1] / "README.md").read_text()


def test_every_config_of_the_readme_can_be_read():
    blocks = re.findall(r"```toml\n(.*?)```", TEXT, re.DOTALL)
    assert blocks
    for block in blocks:
        for table in tomli.loads(block)["filters"].values():
            table.pop("type", None)
            structure(table, TagsConfig)


def test_every_key_is_explained():
    assert [field.key for field in describe(TagsConfig) if f"| `{field.key}` |" not in TEXT] == []
