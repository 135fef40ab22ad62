"""The options of the profile: what they are called in the config, in the tables, and in the result."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from enum import Enum

import attrs


class Option(Enum):
    """One option of PS3.15 E.3, by its name in the config."""

    FULL_DATES = "longitudinal-full-dates"
    MODIFIED_DATES = "longitudinal-modified-dates"
    UIDS = "uids"
    DEVICE_IDENTITY = "device-identity"
    INSTITUTION_IDENTITY = "institution-identity"
    PATIENT_CHARACTERISTICS = "patient-characteristics"
    SAFE_PRIVATE = "safe-private"
    STRUCTURED_CONTENT = "structured-content"
    GRAPHICS = "graphics"


@attrs.frozen
class Method:
    """A code of CID 7050 De-identification Method, scheme DCM."""

    code: str
    meaning: str


BASIC_PROFILE = Method("113100", "Basic Application Confidentiality Profile")

METHODS = {
    Option.GRAPHICS: Method("113103", "Clean Graphics Option"),
    Option.STRUCTURED_CONTENT: Method("113104", "Clean Structured Content Option"),
    Option.FULL_DATES: Method("113106", "Retain Longitudinal Temporal Information Full Dates Option"),
    Option.MODIFIED_DATES: Method("113107", "Retain Longitudinal Temporal Information Modified Dates Option"),
    Option.PATIENT_CHARACTERISTICS: Method("113108", "Retain Patient Characteristics Option"),
    Option.DEVICE_IDENTITY: Method("113109", "Retain Device Identity Option"),
    Option.UIDS: Method("113110", "Retain UIDs Option"),
    Option.SAFE_PRIVATE: Method("113111", "Retain Safe Private Option"),
    Option.INSTITUTION_IDENTITY: Method("113112", "Retain Institution Identity Option"),
}

COLUMNS = {
    Option.FULL_DATES: "rtn_long_full_dates",
    Option.MODIFIED_DATES: "rtn_long_modif_dates",
    Option.UIDS: "rtn_uids",
    Option.DEVICE_IDENTITY: "rtn_dev_id",
    Option.INSTITUTION_IDENTITY: "rtn_inst_id",
    Option.PATIENT_CHARACTERISTICS: "rtn_pat_chars",
    Option.SAFE_PRIVATE: "rtn_safe_private",
    Option.STRUCTURED_CONTENT: "clean_struct_cont",
    Option.GRAPHICS: "clean_graph",
}
"""The columns of the tables that say what an option does."""

RETAIN = tuple(option.value for option in list(Option)[:7])
CLEAN = tuple(option.value for option in list(Option)[7:])

NOT_YET = {
    "descriptors": "texts are removed whole, because none can yet be cleaned of what identifies in them",
    "pixel-data": "pixels are not read yet; what is likely to have text in them is held",
    "recognizable-visual-features": "pixels are not read yet, so a face can be neither found nor removed",
}
"""What the standard has and this transform has not, and what that means."""


def methods_of(options: Collection[Option]) -> Sequence[Method]:
    """What the result may claim: the Basic Profile, and each option, by their codes."""
    return [BASIC_PROFILE, *sorted((METHODS[option] for option in options), key=lambda method: method.code)]
