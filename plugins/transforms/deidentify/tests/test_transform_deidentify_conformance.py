import pytest

import hilum_transform_deidentify
from hilum_sdk.testing import TransformConformance


class TestDeidentify(TransformConformance):
    plugin = hilum_transform_deidentify
    type = "deidentify"

    @pytest.fixture
    def table(self, tmp_path):
        secret = tmp_path / "secret"
        secret.write_text("a secret of sixteen bytes, or more\n")
        return {"secret": {"file": str(secret)}}


class TestDeidentifyWithOptions(TransformConformance):
    plugin = hilum_transform_deidentify
    type = "deidentify"

    @pytest.fixture
    def table(self, tmp_path):
        secret = tmp_path / "secret"
        secret.write_text("a secret of sixteen bytes, or more\n")
        return {
            "secret": {"file": str(secret)},
            "retain": [
                "longitudinal-modified-dates",
                "uids",
                "device-identity",
                "institution-identity",
                "patient-characteristics",
                "safe-private",
            ],
            "clean": ["structured-content", "graphics"],
            "most_days": 30,
            "allow": ["burned-in-text"],
            "allowed_words": ["Bein"],
        }
