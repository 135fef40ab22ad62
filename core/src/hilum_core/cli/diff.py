"""`hilum diff`."""

from __future__ import annotations

import sys
import tempfile
from contextlib import ExitStack
from datetime import UTC, datetime
from hashlib import file_digest
from pathlib import Path
from struct import calcsize, iter_unpack

import click

from hilum_core.cli.console import out, plain_table, print_json
from hilum_core.cli.dicom_files import DicomFile, find_dicom_files
from hilum_core.cli.differences import Difference, differences, meta_differences
from hilum_core.cli.failures import EX_FAILED, CommandError
from hilum_core.log import escape, quiet_libraries
from hilum_sdk.elements import ElementsError, FileDraft
from hilum_sdk.elements.element import Element
from hilum_sdk.elements.vr import PLAIN_TEXT, TEXT

_MOST_SHOWN = 80
_NOT_THERE = "-"
_NUMBERS = {"US": "H", "SS": "h", "UL": "I", "SL": "i", "UV": "Q", "SV": "q", "FL": "f", "FD": "d"}


@click.command()
@click.argument("a", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.argument("b", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--no-values", is_flag=True, help="Show which elements differ, not how: values name patients.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def diff(*, a: Path, b: Path, no_values: bool, as_json: bool) -> None:
    """Show element by element what differs in two DICOM files: values, value representations, file meta.

    Elements are compared by their encoded bytes, at every depth. Exit status: 0 they are the same, 1 they
    differ.
    """
    quiet_libraries()
    first, second = _look(a), _look(b)
    with tempfile.TemporaryDirectory(prefix="hilum-diff-") as scratch, ExitStack() as stack:
        drafts = [stack.enter_context(_open(file, Path(scratch))) for file in (first, second)]
        try:
            rows = [
                _row(one, with_values=not no_values)
                for one in (*meta_differences(first, second), *differences(*drafts))
            ]
        except ElementsError as error:
            raise CommandError(f"one of them cannot be read: {error}") from error
    if as_json:
        print_json([{key: value for key, value in row.items() if value is not None} for row in rows])
    elif rows:
        table = plain_table("element", "tag", "VR", *([] if no_values else ["A", "B"]))
        for row in rows:
            table.add_row(*(value for value in row.values() if value is not None))
        out().print(table)
    if rows:
        sys.exit(EX_FAILED)


def _look(path: Path) -> DicomFile:
    found = find_dicom_files([path])
    for unreadable in found.unsendable:
        raise CommandError(f"{path}: {unreadable.reason}")
    return found.files[0]


def _open(file: DicomFile, scratch: Path) -> FileDraft:
    return FileDraft.open(
        file.path,
        data_set_offset=file.data_set_offset,
        data_set_length=file.data_set_bytes,
        transfer_syntax_uid=file.transfer_syntax_uid,
        instance=file.instance(object_id="", received_at=datetime.now(UTC)),
        scratch_dir=scratch,
    )


def _row(one: Difference, *, with_values: bool) -> dict[str, str | None]:
    vrs = dict.fromkeys(side.vr for side in (one.a, one.b) if isinstance(side, Element))
    return {
        "element": one.path,
        "tag": one.tag,
        "vr": "/".join(vrs) or _NOT_THERE,
        "a": _shown(one.a) if with_values else None,
        "b": _shown(one.b) if with_values else None,
    }


def _shown(side: Element | bytes | None) -> str:
    if side is None:
        return _NOT_THERE
    if isinstance(side, bytes):
        return _text(side)
    if side.is_sequence:
        return "a sequence"
    value = side.value
    if isinstance(value, bytes):
        return _of_value(side, value)
    with value.open() as stream:
        digest = file_digest(stream, "sha256").hexdigest()
    return f"{value.length:,} bytes, SHA-256 {digest[:16]}…"


def _of_value(element: Element, value: bytes) -> str:
    if element.vr in TEXT or element.vr in PLAIN_TEXT:
        return _text(value)
    code = _NUMBERS.get(element.vr)
    if code and element.data_set is not None and _is_short(value, code):
        numbers = iter_unpack(("<" if element.data_set.encoding.little else ">") + code, value)
        return ", ".join(str(number) for (number,) in numbers)
    rest = f"… ({len(value):,} bytes)" if len(value) > _MOST_SHOWN // 4 else ""
    return value[: _MOST_SHOWN // 4].hex(" ") + rest


def _is_short(value: bytes, code: str) -> bool:
    return len(value) <= _MOST_SHOWN and len(value) % calcsize(f"<{code}") == 0


def _text(value: bytes) -> str:
    text = escape(value.rstrip(b" \0").decode("utf-8", "replace"))
    return text if len(text) <= _MOST_SHOWN else f"{text[:_MOST_SHOWN]}… ({len(value):,} bytes)"
