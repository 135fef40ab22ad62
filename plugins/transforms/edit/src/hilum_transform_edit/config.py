"""The settings of the transform."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Literal

import attrs

from hilum_sdk import about
from hilum_transform_edit.assigning import Assignments
from hilum_transform_edit.copying import Copies, Renames
from hilum_transform_edit.edits import Edit, Edits
from hilum_transform_edit.looking_up import Lookups
from hilum_transform_edit.removing import GroupRemoval, Removals
from hilum_transform_edit.rewriting import Prefixes, Replacements


@attrs.frozen(kw_only=True)
class EditConfig:
    """What is done, in this order whatever the order in the file."""

    copies: Copies | None = attrs.field(
        default=None,
        metadata=about(
            "Elements that get the value of another one, by the name of the new one.",
            key="copy",
            example='{ OtherPatientIDs = "PatientID" }',
        ),
    )
    renames: Renames | None = attrs.field(
        default=None,
        metadata=about(
            "The same, and the other one is removed.",
            key="rename",
            example='{ StudyDescription = "(0009,xx10,ACME 1.1)" }',
        ),
    )
    removals: Removals | None = attrs.field(
        default=None,
        metadata=about(
            "Elements to remove: by keyword, tag or path; (0009,xxxx) is a whole private group, wherever it "
            "stands.",
            key="remove",
            example='["PatientComments", "(0009,xxxx)"]',
        ),
    )
    remove_private: bool = attrs.field(
        default=False, metadata=about("Whether all private elements are removed, wherever they stand.")
    )
    assignments: Assignments | None = attrs.field(
        default=None,
        metadata=about(
            "Elements to set, adding those that are missing: a value, an array of values, or { vr, value } "
            "where the dictionary does not know the VR. {PatientID} and {calling_ae} stand for what the "
            "object says, before any change, and for how it came.",
            key="set",
            example='{ InstitutionName = "Hilum Clinic", StudyID = "{calling_ae}" }',
        ),
    )
    lookups: Lookups | None = attrs.field(
        default=None,
        metadata=about(
            "Elements that get their value from a CSV file: "
            "{ table, key, missing, key_column, value_column }. The key is the element's own value unless a "
            'template says otherwise; where the table has none, missing says what happens: "keep", "blank", '
            '"fail" or, by default, "hold".',
            key="lookup",
            example='{ PatientID = { table = "/etc/hilum/ids.csv", missing = "hold" } }',
        ),
    )
    replacements: Replacements | None = attrs.field(
        default=None,
        metadata=about(
            "Elements in whose texts a regular expression is replaced: { pattern, with }.",
            key="replace",
            example="{ StudyDescription = { pattern = '^ER\\s+', with = \"\" } }",
        ),
    )
    prefixes: Prefixes | None = attrs.field(
        default=None,
        metadata=about(
            "Elements whose values get a text before them.",
            key="prefix",
            example='{ AccessionNumber = "H1-" }',
        ),
    )
    character_set: Literal["utf-8"] | None = attrs.field(
        default=None,
        metadata=about(
            "The character set into which all texts are converted at the end; text that cannot be read in "
            "its own is held."
        ),
    )

    def __attrs_post_init__(self) -> None:
        edited = [edit.name for edits in self._tables().values() for edit in edits.all]
        removed = [edit.name for edit in self.removals.all] if self.removals else []
        both = [name for name in removed if name in edited]
        if both:
            raise ValueError(f"{both[0]} is both set and removed; setting it is enough")
        if not any(edits for _, edits in self.edits()) and self.character_set is None:
            raise ValueError("changes nothing; give set, remove or another of its keys")

    def edits(self) -> Iterator[tuple[str, Sequence[Edit]]]:
        """All edits by their keys, in the order in which they are made."""
        for key, edits in self._tables().items():
            if key == "set":  # what is removed may be set anew
                yield "remove", self._removals()
            yield key, edits.all

    def _tables(self) -> Mapping[str, Edits]:
        nothing = Assignments(())
        return {
            "copy": self.copies or nothing,
            "rename": self.renames or nothing,
            "set": self.assignments or nothing,
            "lookup": self.lookups or nothing,
            "replace": self.replacements or nothing,
            "prefix": self.prefixes or nothing,
        }

    def _removals(self) -> Sequence[Edit]:
        groups = self.removals.groups if self.removals else frozenset()
        whole = [GroupRemoval(groups, self.remove_private)] if groups or self.remove_private else []
        return [*whole, *(self.removals.all if self.removals else ())]
