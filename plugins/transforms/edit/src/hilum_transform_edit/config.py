"""The settings of the transform."""

from __future__ import annotations

import attrs

from hilum_sdk import about
from hilum_sdk.paths import name_path
from hilum_transform_edit.edits import Assignments, Removals


@attrs.frozen(kw_only=True)
class EditConfig:
    """What is removed, and then what is set."""

    assignments: Assignments | None = attrs.field(
        default=None,
        metadata=about(
            "Elements to set, adding those that are missing: a value, an array of values, or { vr, value } "
            "where the dictionary does not know the VR. A path names elements of sequences.",
            key="set",
            example='{ InstitutionName = "Hilum Clinic", "(0009,1001)" = { vr = "LO", value = "A" } }',
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

    def __attrs_post_init__(self) -> None:
        assigned = {edit.path for edit in self.assignments.all} if self.assignments else set()
        removed = set(self.removals.paths) if self.removals else set()
        both = sorted(assigned & removed)
        if both:
            raise ValueError(f"{name_path(both[0])} is both set and removed; setting it is enough")
        if (
            not assigned
            and not removed
            and not (self.removals and self.removals.groups)
            and not self.remove_private
        ):
            raise ValueError("changes nothing; give set, remove or remove_private")
