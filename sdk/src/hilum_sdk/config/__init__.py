"""How a component's settings are declared, checked and explained.

Write an attrs class; say with `about` what each field does; the core reads the component's table into
it by `structure`, strictly, and reports every fault of the file at once. A test of a plugin calls
`structure` itself::

    from hilum_sdk.config import ConfigProblems, structure

    config = structure({"path": "/data"}, FolderConfig, where="sinks.archive")
"""

from hilum_sdk.config.describing import FieldHelp, describe, toml_text
from hilum_sdk.config.fields import about, key_of
from hilum_sdk.config.problems import ConfigProblem, ConfigProblems, join_path, nearest, path_to, unknown_name
from hilum_sdk.config.structuring import structure
from hilum_sdk.config.validators import ae_title, not_empty, port_number, positive, uid
from hilum_sdk.config.values import (
    ReadsConfig,
    Secret,
    Size,
    duration_text,
    parse_duration,
    parse_size,
    size_text,
)
from hilum_sdk.config.words import words

__all__ = [
    "ConfigProblem",
    "ConfigProblems",
    "FieldHelp",
    "ReadsConfig",
    "Secret",
    "Size",
    "about",
    "ae_title",
    "describe",
    "duration_text",
    "join_path",
    "key_of",
    "nearest",
    "not_empty",
    "parse_duration",
    "parse_size",
    "path_to",
    "port_number",
    "positive",
    "size_text",
    "structure",
    "toml_text",
    "uid",
    "unknown_name",
    "words",
]
