"""A test kit for the authors of plugins: no router, no network, and suites to inherit.

A plugin's test is a class::

    import hilum_filter_weekend
    import pytest
    from hilum_sdk.testing import FilterConformance

    class TestWeekend(FilterConformance):
        plugin = hilum_filter_weekend
        type = "weekend"

        @pytest.fixture
        def table(self):
            return {"sunday_only": True}

Needs pytest.
"""

from hilum_sdk.testing.component_conformance import ComponentConformance, assert_silent_about_patients
from hilum_sdk.testing.context import FakeContext
from hilum_sdk.testing.feed import ListFeed
from hilum_sdk.testing.filter_conformance import FilterConformance
from hilum_sdk.testing.hostile import hostile_objects
from hilum_sdk.testing.node import FakeAssociation, FakeNode
from hilum_sdk.testing.objects import (
    PLANTED,
    TRANSFER_SYNTAXES,
    data_set_bytes,
    draft_from,
    header_from,
    instance_from,
    item_from,
    make_object,
    write_object,
)
from hilum_sdk.testing.sink_conformance import BreakingItem, SinkConformance
from hilum_sdk.testing.transform_conformance import TransformConformance

__all__ = [
    "PLANTED",
    "TRANSFER_SYNTAXES",
    "BreakingItem",
    "ComponentConformance",
    "FakeAssociation",
    "FakeContext",
    "FakeNode",
    "FilterConformance",
    "ListFeed",
    "SinkConformance",
    "TransformConformance",
    "assert_silent_about_patients",
    "data_set_bytes",
    "draft_from",
    "header_from",
    "hostile_objects",
    "instance_from",
    "item_from",
    "make_object",
    "write_object",
]
