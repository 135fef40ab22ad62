"""Filter ``tags``: match objects by their elements and by the association they came on."""

from __future__ import annotations

from collections.abc import Iterable

from hilum_filter_tags.config import TagsConfig
from hilum_sdk import FilterSpec, hookimpl


@hookimpl
def hilum_register_filters() -> Iterable[FilterSpec]:
    """Register the filter."""
    yield FilterSpec(
        type="tags",
        config=TagsConfig,
        create="hilum_filter_tags.filter:TagsFilter",
        summary="Matches elements and facts of the association",
    )
