"""What the profile and its options say of each element, by its tag and the sequence around it."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import attrs

from hilum_sdk.elements import dictionary_vr
from hilum_sdk.elements.vr import PLAIN_TEXT, TEXT
from hilum_sdk.paths import name_tag
from hilum_transform_deidentify.actions import Act, Treatment, act_of
from hilum_transform_deidentify.classes import class_of
from hilum_transform_deidentify.iod_types import Place, types_of
from hilum_transform_deidentify.options import COLUMNS, Option
from hilum_transform_deidentify.tables import read_table, tag_of
from hilum_transform_deidentify.verification.facts import Kind

PATIENT_NAME = 0x00100010
PATIENT_ID = 0x00100020
TEXT_VALUE = 0x0040A160
_PATIENT_AGE = 0x00101010
_TIMEZONE_OFFSET = 0x00080201

KEPT = Treatment(Act.KEEP)
_PRIVATE = Treatment(Act.PRIVATE, "private")
_BY_VR = Treatment(Act.BY_VR)
_UID = Treatment(Act.UID, "UIDs")
_REMOVED = Treatment(Act.REMOVE)
_GRAPHICS = Treatment(Act.REMOVE, "graphics")

# UIDs of classes, syntaxes, coding schemes, contexts and programs name no instance and no patient: they
# are needed to understand the object.
UIDS_THAT_STAY = frozenset(
    {
        0x00080016,  # SOP Class UID
        0x0008001A,  # Related General SOP Class UID
        0x0008001B,  # Original Specialized SOP Class UID
        0x00080062,  # SOP Classes in Study
        0x0008010C,  # Coding Scheme UID
        0x0008010D,  # Context Group Extension Creator UID
        0x00080117,  # Context UID
        0x00080118,  # Mapping Resource UID
        0x0008040E,  # Stored Instance Transfer Syntax UID
        0x00081150,  # Referenced SOP Class UID
        0x0008115A,  # SOP Classes Supported
        0x00083002,  # Available Transfer Syntax UID
        0x00089123,  # Creator-Version UID
        0x00340003,  # Flow Transfer Syntax UID
        0x04000010,  # MAC Calculation Transfer Syntax UID
        0x04000510,  # Encrypted Content Transfer Syntax UID
        0x30100052,  # Pertinent SOP Classes in Study
        0x30100053,  # Pertinent SOP Classes in Series
    }
)

_OF_IDENTIFIERS = frozenset({"LO", "SH", "ST", "LT", "UC", "UT", "CS", "AE"})

_GROUPS_OF_OTHERS = frozenset({0x0000, 0x0002, 0x0004})  # of commands, files and directories

# What the table lacks, and can hold what identifies. Text Value is what a person wrote in a content item;
# the profile replaces Content Sequence as a whole, but such items stand in other sequences too.
_BESIDE_THE_TABLE = {
    TEXT_VALUE: Treatment(Act.DUMMY, "contents"),
    0x00140104: Treatment(Act.REMOVE, "names"),  # Secondary Reviewer Name
    0x00142006: Treatment(Act.REMOVE, "names"),  # Evaluator Name
    0x0040A067: Treatment(Act.REMOVE, "names"),  # Document Author (Trial)
}

# Nothing that is written with these can be read by a person.
_VRS_OF_NUMBERS = frozenset({"SQ", "US", "SS", "UL", "SL", "UV", "SV", "FL", "FD", "DS", "AT"})


@attrs.frozen
class Row:
    """An attribute of Table E.1-1 as the options asked for leave it.

    ``code`` is that of the profile, ``by_option`` what the options want instead of it; ``is_shifted``
    says that they want its date shifted, if it is one.
    """

    code: str
    element_class: str
    by_option: Treatment | None = None
    is_shifted: bool = False


class Profile:
    """The profile with some options: what to do with an element of any object."""

    def __init__(self, options: Collection[Option]) -> None:
        self.options = frozenset(options)
        self._rows = {
            tag: _row(row, tag, self.options)
            for row in read_table("attributes")
            if (tag := tag_of(row["tag"])) is not None
        }
        self._of_classes: dict[str, Treatments] = {}
        self._kinds: dict[int, Kind] = {}

    def treatments(self, sop_class_uid: str) -> Treatments:
        """What to do with the elements of objects of a SOP class."""
        found = self._of_classes.get(sop_class_uid)
        if found is None:
            found = Treatments(self._rows, types_of(sop_class_uid), keeps_uids=Option.UIDS in self.options)
            if len(self._of_classes) < 256:  # class UIDs come from outside
                self._of_classes[sop_class_uid] = found
        return found

    def kind_of(self, tag: int) -> Kind:
        """What an attribute of an original is to the search for what identifies in the result."""
        kind = self._kinds.get(tag)
        if kind is None:
            kind = self._kind_of(tag)
            if len(self._kinds) < 4096:  # tags come from outside
                self._kinds[tag] = kind
        return kind

    def _kind_of(self, tag: int) -> Kind:
        treatment = self.treatments("").of(0, tag)
        vr = dictionary_vr(tag)
        if vr == "SQ" or tag >> 16 & 1:
            return Kind.OTHER if treatment.act in {Act.KEEP, Act.CLEAN, Act.UID} else Kind.GONE
        if treatment.act in {Act.KEEP, Act.CAP, Act.SHIFT}:
            return Kind.KEPT if treatment.act is Act.KEEP and vr in TEXT | PLAIN_TEXT else Kind.OTHER
        if vr == "UI":
            return Kind.EXACT
        if vr in {"DA", "DT"}:
            return Kind.DATE
        row = self._rows.get(tag)
        element_class = row.element_class if row is not None else ""
        if element_class in {"names", "addresses"} and vr in TEXT:
            return Kind.WORDS
        is_number = element_class == "identifiers" or "SerialNumber" in name_tag(tag)
        return Kind.EXACT if is_number and vr in _OF_IDENTIFIERS else Kind.OTHER


class Treatments(dict[int, Treatment]):
    """By sequence and tag, as ``sequence << 32 | tag``: filled as places are asked for."""

    def __init__(
        self, rows: Mapping[int, Row], types: Mapping[Place, str] | None, *, keeps_uids: bool
    ) -> None:
        super().__init__()
        self._rows = rows
        self._types = types
        self._keeps_uids = keeps_uids

    def __missing__(self, place: int) -> Treatment:
        treatment = self.of(place >> 32, place & 0xFFFFFFFF)
        if len(self) < 20_000:  # tags come from outside, too
            self[place] = treatment
        return treatment

    def of(self, sequence: int, tag: int) -> Treatment:
        """What to do with an element of this tag, in an item of this sequence, or of none: 0."""
        if tag >> 16 & 1:
            return _PRIVATE
        row = self._rows.get(tag)
        if row is not None:
            return row.by_option or self._by_code(row, sequence, tag)
        return _BESIDE_THE_TABLE.get(tag) or _by_group(tag) or self._by_dictionary(tag, dictionary_vr(tag))

    def of_vr(self, vr: str) -> Treatment:
        """What to do with an element that no dictionary knows: numbers stay, what can be text goes."""
        if vr == "UI":
            return KEPT if self._keeps_uids else _UID
        return KEPT if vr in _VRS_OF_NUMBERS else _REMOVED

    def _by_code(self, row: Row, sequence: int, tag: int) -> Treatment:
        if sequence == 0 and tag in {PATIENT_NAME, PATIENT_ID}:
            return Treatment(Act.CODE, row.element_class)
        type_ = None if self._types is None else self._types.get((sequence, tag), "3")
        plain = act_of(row.code, type_)
        if row.is_shifted:
            return Treatment(Act.SHIFT, row.element_class, otherwise=plain, is_option=True)
        return Treatment(plain, row.element_class)

    def _by_dictionary(self, tag: int, vr: str) -> Treatment:
        if not vr:
            return _BY_VR
        if vr == "UI" and tag not in UIDS_THAT_STAY and not self._keeps_uids:
            return _UID
        return KEPT


def _by_group(tag: int) -> Treatment | None:
    """What to do with whole groups, and with their lengths."""
    group = tag >> 16
    if tag & 0xFFFF == 0:
        return KEPT  # a group length, which falls with what changes in its group
    if 0x5000 <= group <= 0x50FF or 0x6000 <= group <= 0x60FF:
        return _GRAPHICS
    return _REMOVED if group in _GROUPS_OF_OTHERS else None


def _row(row: Mapping[str, str], tag: int, options: Collection[Option]) -> Row:
    vr = dictionary_vr(tag)
    code, element_class = row["basic_profile"], class_of(row, vr)
    says = {option: row[COLUMNS[option]] for option in options if row[COLUMNS[option]]}

    def by_option(act: Act) -> Row:
        return Row(code, element_class, Treatment(act, element_class, is_option=True))

    if tag == _PATIENT_AGE and Option.PATIENT_CHARACTERISTICS in says:
        return by_option(Act.CAP)
    if "K" in says.values():
        return by_option(Act.KEEP)
    if says.keys() & {Option.STRUCTURED_CONTENT, Option.GRAPHICS}:
        return by_option(Act.CLEAN)
    if Option.MODIFIED_DATES in says:
        # A time of day, and the zone that it is in, stay what they are.
        is_time = vr == "TM" or tag == _TIMEZONE_OFFSET
        return by_option(Act.KEEP) if is_time else Row(code, element_class, is_shifted=True)
    # What else an option wants cleaned is text, and texts cannot be cleaned yet.
    return Row(code, element_class)
