import pytest

import hilum_sink_folder
from hilum_sdk.testing import SinkConformance, data_set_bytes


class FolderConformance(SinkConformance):
    plugin = hilum_sink_folder
    type = "folder"

    @pytest.fixture(autouse=True)
    def _folder(self, tmp_path):
        self.folder = tmp_path / "out"
        self.folder.mkdir()

    def arrived(self):
        return [
            data_set_bytes(path) for path in self.folder.rglob("*") if path.is_file() and not _is_ours(path)
        ]


def _is_ours(path):
    return path.match(".hilum-incoming/lock")


class TestFolder(FolderConformance):
    @pytest.fixture
    def table(self):
        return {"path": str(self.folder)}


class TestFolderWithOneNameForAll(FolderConformance):
    @pytest.fixture
    def table(self):
        return {"path": str(self.folder), "layout": "{Modality}/{SeriesNumber:04}", "exists": "number"}


class TestFolderThatOverwrites(FolderConformance):
    @pytest.fixture
    def table(self):
        return {
            "path": str(self.folder),
            "layout": "{PatientName}/{PatientID}_{StudyDescription:.20}/{SOPInstanceUID}.dcm",
            "exists": "overwrite",
            "file_mode": "0600",
        }


class TestFolderThatKeeps(FolderConformance):
    @pytest.fixture
    def table(self):
        return {"path": str(self.folder), "exists": "keep"}
