"""The suite against an archive that is not our code, over the router's own associations."""

import pytest

import hilum_sink_dicom
from hilum_core.config import PeerSettings
from hilum_core.testing import running_archive
from hilum_core.workers.associations import Associations
from hilum_sdk.testing import FakeContext, SinkConformance


@pytest.fixture(scope="module")
def archive():
    with running_archive() as archive:
        yield archive


class TestDicom(SinkConformance):
    plugin = hilum_sink_dicom
    type = "dicom"

    @pytest.fixture(autouse=True)
    def _empty(self, archive):
        self.archive = archive
        archive.arrivals.clear()

    @pytest.fixture
    def table(self):
        return {"peer": "archive"}

    @pytest.fixture
    def context(self, tmp_path):
        node = PeerSettings(ae_title="ARCHIVE", host="127.0.0.1", port=self.archive.port)
        return FakeContext(tmp_path / "context", dicom=Associations({"archive": node}, calling_ae="HILUM"))

    def arrived(self):
        return [arrival.data_set for arrival in self.archive.arrivals]

    def test_names_its_peer(self, spec, config):
        assert spec.peer(config) == "archive"
