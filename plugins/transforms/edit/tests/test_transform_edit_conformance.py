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
                "(0009,xx01,HILUM TEST)": {"vr": "LO", "value": "ours"},
                "(0011,xx01,HILUM)": {"vr": "US", "value": [1, 2]},
                "StudyID": "{calling_ae}",
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


class TestEditOfEveryKind(TransformConformance):
    plugin = hilum_transform_edit
    type = "edit"

    @pytest.fixture
    def table(self, tmp_path):
        table = tmp_path / "ids.csv"
        table.write_text("hospital,ours\nPLANTED-4711,A1\n", encoding="utf-8")
        return {
            "copy": {"AdmissionID": "PatientID"},
            "rename": {"DerivationDescription": "PatientComments"},
            "lookup": {"PatientID": {"table": str(table)}},
            "replace": {"InstitutionName": {"pattern": "a+", "with": "o"}},
            "prefix": {"StudyDescription": "{Modality} "},
            "character_set": "utf-8",
        }
