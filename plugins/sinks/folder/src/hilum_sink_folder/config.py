"""The settings of the sink."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import attrs

from hilum_sdk import about
from hilum_sdk.config import not_empty
from hilum_sdk.naming import Layout, is_safe_name
from hilum_sink_folder.mode import FileMode


def _is_absolute(instance: object, attribute: attrs.Attribute[Path], value: Path) -> None:  # noqa: ARG001 - as attrs calls it
    if not value.is_absolute():
        raise ValueError("write the whole path, beginning with '/'")


@attrs.frozen(kw_only=True)
class FolderConfig:
    """Where the files go, how they are named, and what happens where a name is taken."""

    path: Path = attrs.field(
        validator=_is_absolute,
        metadata=about(
            "The folder that holds the tree. It must be there: a missing one may be a missing mount.",
            example='"/data/research"',
        ),
    )
    layout: Layout = attrs.field(
        default=Layout.parse("{PatientID}/{StudyInstanceUID}/{SeriesInstanceUID}/{SOPInstanceUID}.dcm"),
        metadata=about(
            "The name of a file below path. {Keyword} stands for an element's value, {SeriesNumber:04} for a "
            "number with at least 4 digits, {StudyDescription:.40} for at most 40 characters.",
            example='"{PatientID}/{StudyDate}/{SeriesNumber:04}/{SOPInstanceUID}.dcm"',
        ),
    )
    exists: Literal["keep", "overwrite", "number"] = attrs.field(
        default="number",
        metadata=about(
            "What to do where another object has the name. keep: the file stays and the object becomes a "
            "dead letter; overwrite: the last one stays; number: all stay, NAME-2.dcm and so on. An object "
            "that is there already, byte for byte, is not written again."
        ),
    )
    missing: str = attrs.field(
        default="unknown",
        validator=[not_empty, is_safe_name],
        metadata=about("What stands for an element that is missing or empty."),
    )
    file_mode: FileMode = attrs.field(
        default=FileMode(0o640),
        metadata=about("Who may read the files, in octal; folders get the matching mode.", example='"0600"'),
    )
