import pytest

import hilum_filter_tags
from hilum_sdk.testing import FilterConformance


class TestTags(FilterConformance):
    plugin = hilum_filter_tags
    type = "tags"

    @pytest.fixture
    def table(self):
        return {
            "where": {
                "Modality": ["CT", "MR"],
                "StationName": {"starts_with": "er", "ignore_case": True},
                "SeriesNumber": {"not": 99},
            },
            "association": {"calling_ae": "MODALITY"},
        }


class TestTagsOnEverythingThatHostileObjectsHold(FilterConformance):
    plugin = hilum_filter_tags
    type = "tags"

    @pytest.fixture(
        params=[
            {
                "PatientName": {"contains": "planted", "ignore_case": True},
                "(0009,1001)": {"contains": "planted"},
                "(0009,1002)": {"exists": True},
            },
            {
                "PatientID": {"not": {"starts_with": "x"}},
                "ImageType": {"not": "DERIVED"},
                "SliceThickness": {"not": 1.2},
                "Rows": {"not": 512},
                "StudyInstanceUID": {"not": {"starts_with": "3."}},
                "SeriesNumber": {"not": 4},
            },
            {
                "RequestAttributesSequence": {"RequestedProcedureID": {"exists": False}},
                "RequestAttributesSequence.RequestAttributesSequence.PatientID": {"exists": True},
                "RequestAttributesSequence[1].RequestedProcedureID": {"not": "RP2"},
            },
        ],
        ids=["texts", "negations", "items"],
    )
    def table(self, request):
        return {"where": request.param}
