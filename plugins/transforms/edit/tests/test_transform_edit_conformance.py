import pytest

import hilum_transform_edit
from hilum_sdk.testing import TransformConformance


class TestEdit(TransformConformance):
    plugin = hilum_transform_edit
    type = "edit"

    @pytest.fixture
    def table(self):
        return {
            "set": {
                "InstitutionName": "Köln Süd",
                "SliceThickness": 2,
                "(0009,1001)": {"vr": "LO", "value": "ours", "creator": "HILUM TEST"},
                "(0011,1001)": {"vr": "US", "value": [1, 2], "creator": "HILUM"},
                "RequestAttributesSequence.RequestedProcedureID": "RP",
                "RequestAttributesSequence[0].ScheduledProcedureStepID": "S1",
            },
            "remove": [
                "PatientComments",
                "ReferencedStudySequence",
                "RequestAttributesSequence.ScheduledProtocolCodeSequence.CodeMeaning",
            ],
        }


class TestEditOfNothingButPrivateElements(TransformConformance):
    plugin = hilum_transform_edit
    type = "edit"

    @pytest.fixture
    def table(self):
        return {"remove_private": True}
