"""What de-identification of a header cannot judge, so that a person must: documents, video, text in pixels.

It looks at what says so in the header, never at pixels. What is likely to identify is held, unless
the config says that it may go.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import attrs

from hilum_sdk import ElementEditor, Hold
from hilum_sdk.elements.encoding import PIXEL_TAGS
from hilum_transform_deidentify.reading import bytes_at

DOCUMENTS = "encapsulated-documents"
VIDEO = "video"
BURNED_IN_TEXT = "burned-in-text"

ALLOWABLE = (DOCUMENTS, VIDEO, BURNED_IN_TEXT)
"""What `allow` may name."""

_ENCAPSULATED_DOCUMENT = 0x00420011
_SOP_CLASS_UID = 0x00080016
_MODALITY = 0x00080060
_IMAGE_TYPE = 0x00080008
_CONVERSION_TYPE = 0x00080064
_BURNED_IN_ANNOTATION = 0x00280301

_STORAGE = "1.2.840.10008.5.1.4.1.1."
_DOCUMENT_CLASSES = re.compile(
    re.escape(_STORAGE) + r"104\.[0-9]+"
)  # PDF, CDA, STL, OBJ, MTL and what may come
_VIDEO_SYNTAXES = re.compile(  # MPEG-2, MPEG-4, HEVC (PS3.5 A.4.5 to A.4.9); SMPTE ST 2110 (PS3.22)
    r"1\.2\.840\.10008\.1\.2\.(?:4\.10[0-9](?:\.1)?|7\.[0-9]+)"
)
_VIDEO_CLASSES = frozenset({_STORAGE + end for end in ("77.1.1.1", "77.1.2.1", "77.1.4.1")})
_SOUND_CLASSES = frozenset({_STORAGE + end for end in ("9.4.1", "9.4.2", "88.2")})
_CAPTURE_CLASSES = frozenset({_STORAGE + end for end in ("7", "7.1", "7.2", "7.3", "7.4")})
_ULTRASOUND_CLASSES = frozenset({_STORAGE + end for end in ("3", "3.1", "6", "6.1", "6.2")})
_FRAME_GRABBER_CLASSES = frozenset({_STORAGE + "77.1.1"})  # endoscopes show whom they look into
_HARDCOPY_CLASSES = frozenset({"1.2.840.10008.5.1.1.29", "1.2.840.10008.5.1.1.30"})

_ULTRASOUND_MODALITIES = frozenset({"US", "IVUS"})
_DOCUMENT_MODALITIES = frozenset({"DOC", "SC"})
# PS3.3 C.8.6.1: an object that says how it was converted was captured. SYN is made by a computer, of nothing.
_SYNTHETIC = "SYN"
_SCANNED = {"SD": "a scanned document", "SI": "a scanned image", "DF": "a digitized film"}
# What modalities write into Image Type of pages that show text: screens, dose reports, protocols.
_SCREENS = re.compile(r"SCREEN|SAVE\b|CAPTURE|DOSE_?(?:INFO|REPORT)|REPORT|POSDISP|\bPROT\b")


@attrs.frozen(kw_only=True)
class _Doubt:
    """Why an object must not go unseen, and which entry of `allow` would let it."""

    what: str
    allow: str


_WHY = {
    DOCUMENTS: "its contents are not de-identified",
    VIDEO: "picture and sound are not de-identified",
    BURNED_IN_TEXT: "it is likely to show names in its pixels, which are not de-identified",
}


def reason_to_hold(
    elements: ElementEditor, *, sop_class_uid: str, transfer_syntax_uid: str, allow: frozenset[str]
) -> Hold | None:
    """Say why an object must wait for a person, or None where it may go.

    Parameters
    ----------
    elements
        As they came: ask before anything is changed.
    sop_class_uid, transfer_syntax_uid
        As the object came in. That its data set may name another class is looked at, too.
    allow
        Which of `ALLOWABLE` may go.

    Returns
    -------
    A hold whose code is what would have to be allowed, and whose reason says so; no values.
    """
    classes = {sop_class_uid, *_texts(elements, _SOP_CLASS_UID)}
    for doubt in _doubts(elements, classes, transfer_syntax_uid):
        if doubt.allow not in allow:
            return Hold(
                code=doubt.allow,
                reason=(
                    f"this is {doubt.what}: {_WHY[doubt.allow]}; keep it from this route by a filter, or,"
                    f' if such objects may go, add "{doubt.allow}" to `allow` of the transform'
                ),
            )
    return None


def _doubts(elements: ElementEditor, classes: set[str], transfer_syntax_uid: str) -> Iterator[_Doubt]:
    if any(map(_DOCUMENT_CLASSES.fullmatch, classes)) or elements.get((_ENCAPSULATED_DOCUMENT,)) is not None:
        # Burned In Annotation of a document is about the document, too (PS3.3 C.24.2).
        yield _Doubt(what="an encapsulated document", allow=DOCUMENTS)
        return
    if _VIDEO_SYNTAXES.fullmatch(transfer_syntax_uid) or classes & _VIDEO_CLASSES:
        yield _Doubt(what="a video", allow=VIDEO)
    if classes & _SOUND_CLASSES:
        yield _Doubt(what="a sound recording", allow=VIDEO)
    if any(elements.get((tag,)) is not None for tag in PIXEL_TAGS):
        what = next(_signs_of_text(elements, classes), None)
        if what is not None:
            yield _Doubt(what=what, allow=BURNED_IN_TEXT)


def _signs_of_text(elements: ElementEditor, classes: set[str]) -> Iterator[str]:
    """Name what makes text in the pixels likely, most telling first."""
    if any(text.startswith("YES") for text in _texts(elements, _BURNED_IN_ANNOTATION)):
        yield "an image with text burned in, as Burned In Annotation (0028,0301) = YES says"
    conversions = _texts(elements, _CONVERSION_TYPE) - {_SYNTHETIC}
    for conversion in sorted(conversions & _SCANNED.keys()):
        yield _SCANNED[conversion]
    modalities = _texts(elements, _MODALITY)
    if classes & _ULTRASOUND_CLASSES or modalities & _ULTRASOUND_MODALITIES:
        yield "an ultrasound image"
    if any(map(_SCREENS.search, _texts(elements, _IMAGE_TYPE))):
        yield "a screenshot or a report by its Image Type (0008,0008)"
    if classes & _CAPTURE_CLASSES or conversions or modalities & _DOCUMENT_MODALITIES:
        yield "a secondary capture"
    if classes & _HARDCOPY_CLASSES:
        yield "a film as it was printed"
    if classes & _FRAME_GRABBER_CLASSES:
        yield "an endoscopic image"


def _texts(elements: ElementEditor, tag: int) -> set[str]:
    """The values of an element in capital letters, without padding and empty ones."""
    value = bytes_at(elements, (tag,)).decode("latin-1")
    return {text.strip(" \0").upper() for text in value.split("\\")} - {""}
