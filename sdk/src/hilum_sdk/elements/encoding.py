"""The three ways to encode a data set (PS3.5 7 and Annex A), and which transfer syntax uses which."""

from __future__ import annotations

from struct import Struct

import attrs

IMPLICIT_VR_LITTLE_ENDIAN = "1.2.840.10008.1.2"
EXPLICIT_VR_LITTLE_ENDIAN = "1.2.840.10008.1.2.1"
DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN = "1.2.840.10008.1.2.1.99"
EXPLICIT_VR_BIG_ENDIAN = "1.2.840.10008.1.2.2"

_GE_PRIVATE_IMPLICIT = "1.2.840.113619.5.2"  # implicit little endian with big-endian pixels
_DEFLATED = frozenset(
    {
        DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN,
        "1.2.840.10008.1.2.4.95",  # JPIP Referenced Deflate
        "1.2.840.10008.1.2.4.205",  # JPIP HTJ2K Referenced Deflate
    }
)
_REENCODABLE = frozenset(
    {
        IMPLICIT_VR_LITTLE_ENDIAN,
        EXPLICIT_VR_LITTLE_ENDIAN,
        DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN,
        EXPLICIT_VR_BIG_ENDIAN,
    }
)

UNDEFINED = 0xFFFFFFFF
"""The length of what ends with a delimiter instead (PS3.5 7.1.3)."""

ITEM = 0xFFFEE000
ITEM_END = 0xFFFEE00D
SEQUENCE_END = 0xFFFEE0DD

SPECIFIC_CHARACTER_SET = 0x00080005
PIXEL_REPRESENTATION = 0x00280103
PIXEL_DATA = 0x7FE00010
PIXEL_TAGS = frozenset({0x7FE00008, 0x7FE00009, PIXEL_DATA})
"""Float, Double Float and plain Pixel Data."""


@attrs.frozen(eq=False)
class Encoding:
    """One way to write the headers of elements. There are three of them, below; compare by identity."""

    explicit: bool
    little: bool
    pair: Struct = attrs.field(init=False, repr=False)
    short: Struct = attrs.field(init=False, repr=False)
    long: Struct = attrs.field(init=False, repr=False)
    header: Struct = attrs.field(init=False, repr=False)

    def __attrs_post_init__(self) -> None:
        order = "<" if self.little else ">"
        for name, form in (("pair", "HH"), ("short", "H"), ("long", "L"), ("header", "HHL")):
            object.__setattr__(self, name, Struct(order + form))


IMPLICIT_LE = Encoding(explicit=False, little=True)
EXPLICIT_LE = Encoding(explicit=True, little=True)
EXPLICIT_BE = Encoding(explicit=True, little=False)


def encoding_of(transfer_syntax_uid: str) -> Encoding:
    """Tell how a data set in this transfer syntax is encoded, once inflated.

    All but two of the registered ones are explicit little endian, so unknown ones are taken for it.
    """
    if transfer_syntax_uid in {IMPLICIT_VR_LITTLE_ENDIAN, _GE_PRIVATE_IMPLICIT}:
        return IMPLICIT_LE
    return EXPLICIT_BE if transfer_syntax_uid == EXPLICIT_VR_BIG_ENDIAN else EXPLICIT_LE


def is_deflated(transfer_syntax_uid: str) -> bool:
    """Whether the data set as a whole is compressed (PS3.5 A.5)."""
    return transfer_syntax_uid in _DEFLATED


def is_native(transfer_syntax_uid: str) -> bool:
    """Whether pixels are not encapsulated, so that the object can be re-encoded without a codec."""
    return transfer_syntax_uid in _REENCODABLE


def transfer_syntaxes_from(transfer_syntax_uid: str) -> tuple[str, ...]:
    """Name the transfer syntaxes in which an object can leave: its own first.

    A native object can always be sent in Implicit VR Little Endian (PS3.5 10.1). Nothing is offered
    in Explicit VR Big Endian, which is retired, nor deflated, unless it came so.
    """
    if not is_native(transfer_syntax_uid):
        return (transfer_syntax_uid,)
    plain = (EXPLICIT_VR_LITTLE_ENDIAN, IMPLICIT_VR_LITTLE_ENDIAN)
    return (transfer_syntax_uid, *(uid for uid in plain if uid != transfer_syntax_uid))
