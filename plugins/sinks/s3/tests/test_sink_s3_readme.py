"""The README's configs can be read, and it explains every key."""

import re
from pathlib import Path

import tomli

from hilum_sdk.config import describe, structure
from hilum_sink_s3.config import S3Config

TEXT = (Path(__file__).parents[1] / "README.md").read_text()


def test_every_config_of_the_readme_can_be_read():
    blocks = re.findall(r"```toml\n(.*?)```", TEXT, re.DOTALL)
    assert blocks
    for block in blocks:
        for table in tomli.loads(block)["sinks"].values():
            table.pop("type", None)
            structure(table, S3Config)


def test_every_key_is_explained():
    assert [field.key for field in describe(S3Config) if f"| `{field.key}` |" not in TEXT] == []
