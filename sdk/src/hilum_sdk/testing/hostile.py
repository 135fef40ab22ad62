"""Objects that are well formed enough to be routed, and hold what no honest program would write."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from hilum_sdk.elements import minimal_file_meta
from hilum_sdk.elements.vr import has_long_header, pad
from hilum_sdk.testing.objects import CT_IMAGE_STORAGE, PLANTED, TRANSFER_SYNTAXES

_Element = tuple[int, str, bytes]

_CHARACTER_SET = 0x00080005
_MODALITY = 0x00080060
_STUDY_DESCRIPTION = 0x00081030
_PATIENT_NAME = 0x00100010
_PATIENT_ID = 0x00100020
_REQUEST_ATTRIBUTES = 0x00400275
_DEPTH = 60

_TRICKS = (
    b"../../../etc/passwd",
    b"..",
    b"/etc/passwd",
    b"..\\..\\windows",
    b"CON",
    b"nul.txt",
    b"a\0b",
    b"line\r\nbreak",
    b"\x1b[31mred",
    b"{SOPInstanceUID}",
    b"%s%n$(reboot)`id`",
    b"-rf *",
    b"dots and spaces. . ",
    b"\xe2\x80\xae\xe2\x80\x8b",
    b"x" * 4000,
    b" ",
    b".",
)


def hostile_objects(folder: Path) -> Sequence[Path]:
    """Write all of them as DICOM files; the name of each says what is wrong with it.

    Where they hold text, it is one of `PLANTED`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for number, (name, elements) in enumerate(_all(), start=1):
        instance = f"2.25.{4711 + number}"
        head = [] if name == "no-elements" else [_ui(0x00080016, CT_IMAGE_STORAGE), _ui(0x00080018, instance)]
        path = folder / f"{name}.dcm"
        meta = minimal_file_meta(
            sop_class_uid=CT_IMAGE_STORAGE,
            sop_instance_uid=instance,
            transfer_syntax_uid=TRANSFER_SYNTAXES["explicit"],
        )
        path.write_bytes(meta + b"".join(_encode(*element) for element in sorted([*head, *elements])))
        paths.append(path)
    return paths


def _all() -> Iterator[tuple[str, list[_Element]]]:
    name, patient_id = PLANTED[0].encode(), PLANTED[1].encode()
    yield "no-elements", []
    yield "no-patient", [(_MODALITY, "CS", b"CT")]
    yield "empty-values", [(tag, vr, b"") for tag, vr in _COMMON]
    yield "spaces-only", [(tag, vr, b"  ") for tag, vr in _COMMON]
    yield (
        "unknown-character-set",
        [(_CHARACTER_SET, "CS", b"ISO_IR 999"), (_PATIENT_NAME, "PN", name + b"\xfc\xff")],
    )
    yield "character-set-missing", [(_PATIENT_NAME, "PN", name + b"\xfc\xff")]
    yield "broken-utf-8", [(_CHARACTER_SET, "CS", b"ISO_IR 192"), (_PATIENT_NAME, "PN", name + b"\xc3\x28")]
    yield (
        "broken-escapes",
        [(_CHARACTER_SET, "CS", b"\\ISO 2022 IR 87"), (_PATIENT_NAME, "PN", name + b"=\x1b$B\x21\x1b(")],
    )
    yield (
        "character-set-list",
        [(_CHARACTER_SET, "CS", b"\\".join([b"ISO_IR 100"] * 50)), (_PATIENT_ID, "LO", patient_id)],
    )
    yield (
        "malformed-numbers",
        [(0x00180050, "DS", b"1.2.3"), (0x00200011, "IS", patient_id), (0x00200013, "IS", b"1e400")],
    )
    yield "malformed-dates", [(0x00080020, "DA", b"99999999"), (0x00080030, "TM", b"noon")]
    yield "short-binary", [(0x00280010, "US", b"\1"), (0x00280011, "US", b"")]
    yield "malformed-uids", [(0x0020000D, "UI", b"1..2"), (0x0020000E, "UI", patient_id)]
    yield (
        "wrong-vrs",
        [(_MODALITY, "US", b"\1\0"), (_PATIENT_ID, "OB", patient_id), (0x00280010, "LO", b"many")],
    )
    yield (
        "unknown-vrs",
        [(_MODALITY, "UN", b"CT"), (_PATIENT_ID, "UN", patient_id), (0x00280010, "UN", b"\1\0")],
    )
    yield (
        "many-values",
        [(0x00080008, "CS", b"\\".join([b"A"] * 20_000)), (_PATIENT_ID, "LO", b"\\" * 30_000)],
    )
    yield "long-text", [(_PATIENT_NAME, "PN", name * 5000), (0x00104000, "LT", PLANTED[3].encode() * 4000)]
    yield "deep-nesting", [_nested(_DEPTH)]
    yield "empty-sequence", [(_REQUEST_ATTRIBUTES, "SQ", b"")]
    yield "empty-items", [(_REQUEST_ATTRIBUTES, "SQ", _item(b"") * 3)]
    yield (
        "private-without-creator",
        [(0x00091001, "LO", PLANTED[4].encode()), (0x00091002, "UN", bytes(range(256)))],
    )
    for number, trick in enumerate(_TRICKS):
        yield (
            f"trick-{number}",
            [(_STUDY_DESCRIPTION, "LO", trick), (_PATIENT_NAME, "PN", trick), (_PATIENT_ID, "LO", trick)],
        )


_COMMON = (
    (_CHARACTER_SET, "CS"),
    (0x00080008, "CS"),
    (0x00080020, "DA"),
    (_MODALITY, "CS"),
    (_PATIENT_NAME, "PN"),
    (_PATIENT_ID, "LO"),
    (0x00180050, "DS"),
    (0x0020000D, "UI"),
    (0x0020000E, "UI"),
    (0x00200011, "IS"),
)


def _ui(tag: int, uid: str) -> _Element:
    return tag, "UI", uid.encode()


def _nested(depth: int) -> _Element:
    value = _encode(_PATIENT_ID, "LO", PLANTED[1].encode())
    for _ in range(depth):
        value = _encode(_REQUEST_ATTRIBUTES, "SQ", _item(value))
    return _REQUEST_ATTRIBUTES, "SQ", _item(value)


def _item(value: bytes) -> bytes:
    return b"\xfe\xff\x00\xe0" + len(value).to_bytes(4, "little") + value


def _encode(tag: int, vr: str, value: bytes) -> bytes:
    value = pad(vr, value)
    head = (tag >> 16).to_bytes(2, "little") + (tag & 0xFFFF).to_bytes(2, "little") + vr.encode()
    if has_long_header(vr):
        return head + bytes(2) + len(value).to_bytes(4, "little") + value
    return head + len(value).to_bytes(2, "little") + value
