"""The settings of the transform."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Literal

import attrs

from hilum_sdk import Secret, about
from hilum_sdk.config import nearest
from hilum_transform_deidentify.options import CLEAN, NOT_YET, RETAIN, Option

MAY_GO = ("encapsulated-documents", "video", "burned-in-text")
"""What cannot be judged, and goes only where the config says so."""

_MOST_DAYS = 36_500


def _among(known: Collection[str]) -> Any:
    def check(instance: object, attribute: attrs.Attribute[Any], value: tuple[str, ...]) -> None:  # noqa: ARG001 - attrs' signature
        for name in value:
            if name in NOT_YET:
                raise ValueError(
                    f"{name!r} is an option that is not there yet: {NOT_YET[name]}; leave it out"
                )
            if name not in known:
                meant = nearest(name, known)
                hint = f"; did you mean {meant!r}?" if meant else f"; there is {', '.join(known)}"
                raise ValueError(f"there is no {name!r}{hint}")
        if len(set(value)) < len(value):
            raise ValueError("one name stands there twice")

    return check


def _some_days(instance: object, attribute: attrs.Attribute[int], value: int) -> None:  # noqa: ARG001 - attrs' signature
    if not 1 <= value <= _MOST_DAYS:
        raise ValueError(f"must be 1 to {_MOST_DAYS} days, got {value}")


@attrs.frozen(kw_only=True)
class DeidentifyConfig:
    """Which profile and options, under which secret, and what may go that nobody can judge."""

    secret: Secret = attrs.field(
        metadata=about(
            "The secret of the project, 16 bytes or more: routers that share it give the same new UIDs, "
            "codes and shifts of dates; nobody without it can go back. Make it by `openssl rand -hex 32`, "
            "and keep it.",
            example='{ file = "/etc/hilum/research.secret" }',
        ),
    )
    profile: Literal["basic"] = attrs.field(
        default="basic",
        metadata=about("The profile of PS3.15 Annex E: the Basic Application Level Confidentiality Profile."),
    )
    retain: tuple[str, ...] = attrs.field(
        default=(),
        validator=_among(RETAIN),
        metadata=about(
            f"What is kept that the profile alone would remove: {', '.join(RETAIN)}. "
            "Of the two on dates, one.",
            example='["longitudinal-modified-dates", "patient-characteristics"]',
        ),
    )
    clean: tuple[str, ...] = attrs.field(
        default=(),
        validator=_among(CLEAN),
        metadata=about(
            f"What is cleaned rather than replaced whole: {', '.join(CLEAN)}.",
            example='["structured-content"]',
        ),
    )
    most_days: int = attrs.field(
        default=365,
        validator=_some_days,
        metadata=about(
            "Dates that are kept modified go back by 1 to this many days, the same number for all of a "
            "subject."
        ),
    )
    allow: tuple[str, ...] = attrs.field(
        default=(),
        validator=_among(MAY_GO),
        metadata=about(
            f"What may go though nobody can judge it: {', '.join(MAY_GO)}. By default it is held. Of an "
            "encapsulated document only the header goes: the profile replaces the document.",
            example='["burned-in-text"]',
        ),
    )
    allowed_words: tuple[str, ...] = attrs.field(
        default=(),
        metadata=about(
            "Words that may stand in the result though they stand in an identifying attribute of the "
            "original: a name that is an anatomical term, say.",
            example='["Bein", "Leber"]',
        ),
    )

    def __attrs_post_init__(self) -> None:
        both = {Option.FULL_DATES.value, Option.MODIFIED_DATES.value}
        if both <= set(self.retain):
            raise ValueError("retain: dates are kept in full or modified, not both (PS3.15 E.3.6)")

    @property
    def options(self) -> frozenset[Option]:
        """The options of the profile that are asked for."""
        return frozenset(Option(name) for name in (*self.retain, *self.clean))
