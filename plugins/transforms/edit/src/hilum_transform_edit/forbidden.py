"""What no edit may touch, and why: identity, encoding and pixels."""

from __future__ import annotations

from hilum_sdk.elements.encoding import SPECIFIC_CHARACTER_SET
from hilum_sdk.paths import ElementPath, name_tag

_SOP_CLASS_UID = 0x00080016
_SOP_INSTANCE_UID = 0x00080018
_STUDY_INSTANCE_UID = 0x0020000D
_SERIES_INSTANCE_UID = 0x0020000E
_IDENTITY = frozenset({_SOP_CLASS_UID, _SOP_INSTANCE_UID, _STUDY_INSTANCE_UID, _SERIES_INSTANCE_UID})

# PS3.3 C.7.6.3.3 Image Pixel Description Macro, C.7.6.6 Multi-frame, C.7.6.24 Float Image Pixel.
_PIXEL_DESCRIPTION = frozenset(
    {
        0x00280002,  # Samples per Pixel
        0x00280004,  # Photometric Interpretation
        0x00280006,  # Planar Configuration
        0x00280008,  # Number of Frames
        0x00280010,  # Rows
        0x00280011,  # Columns
        0x00280100,  # Bits Allocated
        0x00280101,  # Bits Stored
        0x00280102,  # High Bit
        0x00280103,  # Pixel Representation
    }
)


def refuse_setting(path: ElementPath, *, to_the_same: bool = True) -> None:
    """Raise ValueError if this element must not be set; `to_the_same` value in all objects, or to its own."""
    _refuse_both(path)
    # The same UID for all objects would make them one object, series or study to every archive.
    if path[-1] in _IDENTITY and to_the_same:
        raise ValueError(f"{name_tag(path[-1])} tells objects apart and cannot be the same for all")
    if path[-1] == _SOP_CLASS_UID:
        raise ValueError("SOPClassUID says what the object is, which no edit changes")


def refuse_removal(path: ElementPath) -> None:
    """Raise ValueError if this element must not be removed."""
    _refuse_both(path)
    if len(path) == 1 and path[0] in _IDENTITY:
        raise ValueError(f"{name_tag(path[0])} tells objects apart and cannot be removed")


def refuse_group_removal(group: int) -> None:
    """Raise ValueError if this group must not be removed as a whole."""
    is_overlay_or_curve = 0x5000 <= group <= 0x501E or 0x6000 <= group <= 0x601E
    if not group & 1 and not is_overlay_or_curve:
        raise ValueError(
            f"({group:04X},xxxx) is neither a private group nor one of overlays or curves; name its elements"
        )


def _refuse_both(path: ElementPath) -> None:
    tag = path[-1]
    group, element = tag >> 16, tag & 0xFFFF
    if group == 0x0002:
        raise ValueError("File Meta Information is made anew for each destination")
    if element == 0:
        raise ValueError(f"{name_tag(tag)} is the length of a group, which is not ours to tell")
    if tag == SPECIFIC_CHARACTER_SET:
        raise ValueError(
            'SpecificCharacterSet goes with all texts that are written in it; use character_set = "utf-8"'
        )
    if group == 0x7FE0 or tag in _PIXEL_DESCRIPTION:
        raise ValueError(f"{name_tag(tag)} belongs to the pixels, which are not touched")
