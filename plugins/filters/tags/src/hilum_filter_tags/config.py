"""The settings of the filter."""

from __future__ import annotations

import attrs

from hilum_filter_tags.clauses import Facts, Where
from hilum_sdk import about


@attrs.frozen(kw_only=True)
class TagsConfig:
    """What must match. Everything given must; what is not given does not matter."""

    where: Where | None = attrs.field(
        default=None,
        metadata=about(
            "Conditions on elements: by keyword, by (gggg,eeee), or by a path such as "
            "RequestAttributesSequence.ScheduledStationAETitle. TransferSyntaxUID is the object's own.",
            example='{ Modality = ["CT"], StationName = { starts_with = "ER" } }',
        ),
    )
    association: Facts | None = attrs.field(
        default=None,
        metadata=about(
            "Conditions on how the object came: calling_ae, called_ae, address, peer, user, tls_subject.",
            example='{ calling_ae = ["CT1", "CT2"], address = "10.1.0.0/16" }',
        ),
    )

    def __attrs_post_init__(self) -> None:
        if not (self.where and self.where.clauses) and not (self.association and self.association.clauses):
            raise ValueError(
                "give conditions under where or association: without any, every object would match"
            )
