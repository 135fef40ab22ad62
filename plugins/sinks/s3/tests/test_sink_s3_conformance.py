import io

import pytest

import hilum_sink_s3
from hilum_sdk.elements import read_file_meta
from hilum_sdk.testing import SinkConformance


class S3Conformance(SinkConformance):
    plugin = hilum_sink_s3
    type = "s3"

    @pytest.fixture(autouse=True)
    def _place(self, place):
        self.place = place

    def arrived(self):
        found = []
        for key in self.place.stored_keys():
            data = self.place.bytes_of(key)
            found.append(data[read_file_meta(io.BytesIO(data)).data_set_offset :])
        return found


class TestS3(S3Conformance):
    @pytest.fixture
    def table(self, place):
        return place.table(layout="{PatientID}/{SOPInstanceUID}.dcm")


class TestS3WithOneKeyForAll(S3Conformance):
    @pytest.fixture
    def table(self, place):
        return place.table(layout="{Modality}/{SeriesNumber:04}", exists="number")


class TestS3InParts(S3Conformance):
    @pytest.fixture
    def table(self, place):
        return place.table(
            layout="{SOPInstanceUID}", at_once="1KiB", exists="overwrite", checksum="CRC64NVME"
        )


class TestS3WithoutConditions(S3Conformance):
    @pytest.fixture
    def table(self, place):
        return place.table(layout="{SOPInstanceUID}", conditional=False, exists="keep", checksum="none")
