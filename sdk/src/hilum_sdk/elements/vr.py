"""What the codec must know of value representations (PS3.5 6.2) and of the dictionary (PS3.6)."""

from __future__ import annotations

from pydicom.datadict import dictionary_VR, keyword_for_tag

from hilum_sdk.elements.errors import tag_text

TEXT = frozenset({"LO", "LT", "PN", "SH", "ST", "UC", "UT"})
"""Written in the Specific Character Set (PS3.5 6.1.2.3)."""

PLAIN_TEXT = frozenset({"AE", "AS", "CS", "DA", "DS", "DT", "IS", "TM", "UI", "UR"})
"""Written in the default repertoire, whatever the Specific Character Set (PS3.5 6.1.2.2)."""

_NUL_PADDED = frozenset({"UI", "OB", "UN", "OW", "OD", "OF", "OL", "OV", "SQ"})
_BYTES = frozenset({"OB", "OW", "OD", "OF", "OL", "OV"})
_SHORT = frozenset(
    "AE AS AT CS DA DS DT FL FD IS LO LT PN SH SL SS ST TM UI UL US".split()  # noqa: SIM905 - reads as the standard's table
)
_LONG = frozenset("OB OD OF OL OV OW SQ SV UC UN UR UT UV".split())  # noqa: SIM905 - as above
KNOWN = _SHORT | _LONG

SWAP_WIDTH = {
    **dict.fromkeys(("AT", "OW", "SS", "US"), 2),
    **dict.fromkeys(("FL", "OF", "OL", "SL", "UL"), 4),
    **dict.fromkeys(("FD", "OD", "OV", "SV", "UV"), 8),
}
"""The size in bytes of the numbers whose order a change of byte order turns round (PS3.5 7.3)."""

VR_OF_CODE = {vr.encode(): vr for vr in KNOWN}
SHORT_VR_OF_CODE = {vr.encode(): vr for vr in _SHORT}
LONG_CODES = frozenset(vr.encode() for vr in _LONG)


def has_long_header(vr: str) -> bool:
    """Whether its explicit header has a length of 32 bits; all VRs yet to be invented have (PS3.5 7.1.2)."""
    return vr not in _SHORT


def holds_bytes(vr: str) -> bool:
    """Whether it may be encapsulated: one of the "other" VRs."""
    return vr in _BYTES


def pad(vr: str, value: bytes) -> bytes:
    """Make an odd value even, by NUL or space as its VR wants (PS3.5 6.2)."""
    return value + padding(vr, len(value))


def padding(vr: str, length: int) -> bytes:
    """The byte that a value of this length still needs, or none."""
    if not length & 1:
        return b""
    return b"\0" if vr in _NUL_PADDED else b" "


def dictionary_vr(tag: int) -> str:
    """The VR in PS3.6, such as ``"US or SS"``, or "" of private and unknown elements."""
    vr = _CACHE.get(tag)
    if vr is None:
        vr = _look_up(tag)
        if len(_CACHE) < _MOST_CACHED:
            _CACHE[tag] = vr
    return vr


def implied_vr(tag: int, *, signed: bool) -> str:
    """The VR of an element whose header is implicit; ``"UN"`` where nobody knows it.

    `signed` is Pixel Representation. What may be OW is: always right in implicit VR, and in explicit
    VR for values of 8 bits too (PS3.5 A.1, A.2).
    """
    vr = dictionary_vr(tag)
    if len(vr) == 2:
        return vr
    if not vr:
        return "UN"
    return "OW" if "OW" in vr else "SS" if signed else "US"


def name_tag(tag: int) -> str:
    """Name an element by its keyword, or by its tag where it has none."""
    return keyword_for_tag(tag) or tag_text(tag)


def is_plain(tag: int) -> bool:
    """Whether the dictionary has one VR for it, and one whose values are never large or sequences."""
    return dictionary_vr(tag) in _SHORT


_CACHE: dict[int, str] = {}
_MOST_CACHED = 20_000


def _look_up(tag: int) -> str:
    if tag & 0xFFFF == 0:
        return "UL"  # a group length (PS3.5 7.2)
    if tag >> 16 & 1:
        # PS3.5 7.8.1: (gggg,0010-00FF) reserve blocks for private creators.
        return "LO" if 0x10 <= tag & 0xFFFF <= 0xFF else ""
    try:
        return dictionary_VR(tag)
    except KeyError:
        return ""
