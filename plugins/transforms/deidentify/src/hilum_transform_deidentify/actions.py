"""What is done with an element: the codes of Table E.1-1, and what becomes of them in one place.

The combined codes leave the choice to the attribute's type in the object's IOD (PS3.15 Table E.1-1a).
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum

import attrs


class Act(Enum):
    """What is done with one element, and the word for it in a report."""

    KEEP = "kept"
    REMOVE = "removed"
    EMPTY = "emptied"
    DUMMY = "replaced"
    UID = "replaced UID"
    CODE = "subject's code"
    SHIFT = "shifted"
    CAP = "capped"
    CLEAN = "cleaned"
    PRIVATE = "private"
    BY_VR = "by its VR"


@attrs.frozen
class Treatment:
    """What is done with an element that stands in one place, and the class under which that is counted.

    ``otherwise`` is what is done where a date cannot be shifted. ``is_option`` says that an option
    keeps what the profile alone would not.
    """

    act: Act
    element_class: str = "others"
    otherwise: Act = Act.REMOVE
    is_option: bool = False


# By code: what it is for an attribute of type 1, of type 2, of type 3, and where nobody knows the type.
# Type 1C counts as 1, and 2C as 2, for the attribute is there: but for X alone, which ends the condition.
# X meets types 1 and 2, and Z type 1: the standard wants them gone, the IOD wants them there. So they
# get no value, or a dummy.
_BY_TYPE: Mapping[str, tuple[Act, Act, Act, Act]] = {
    "X": (Act.DUMMY, Act.EMPTY, Act.REMOVE, Act.REMOVE),
    "Z": (Act.DUMMY, Act.EMPTY, Act.EMPTY, Act.EMPTY),
    "D": (Act.DUMMY, Act.DUMMY, Act.DUMMY, Act.DUMMY),
    "U": (Act.UID, Act.UID, Act.UID, Act.UID),
    "X/Z": (Act.DUMMY, Act.EMPTY, Act.REMOVE, Act.EMPTY),
    "X/D": (Act.DUMMY, Act.DUMMY, Act.REMOVE, Act.DUMMY),
    "Z/D": (Act.DUMMY, Act.EMPTY, Act.EMPTY, Act.DUMMY),
    "X/Z/D": (Act.DUMMY, Act.EMPTY, Act.REMOVE, Act.DUMMY),
    "X/Z/U*": (Act.CLEAN, Act.EMPTY, Act.REMOVE, Act.CLEAN),
}


def act_of(code: str, type_: str | None) -> Act:
    """What a code of the table says of an attribute of this type: 1, 1C, 2, 2C, 3, or None if unknown."""
    of_1, of_2, of_3, unknown = _BY_TYPE[code]
    if type_ is None:
        return unknown
    if code == "X" and type_.endswith("C"):
        return of_3
    return {"1": of_1, "2": of_2, "3": of_3}[type_[0]]
