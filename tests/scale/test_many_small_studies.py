"""Hundreds of studies of one object, and one study of hundreds: all pass, and nothing is left open.

How fast, and whether it becomes slower, the contest *scale* of the bench says.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from hilum_core.testing import RunningRouter, SentFile, running_router

COUNT = 300
ONE_STUDY = "2.25.4"
DEFAULT_LIMIT = 100
# A leak of one for each object would be hundreds; connections that are kept for a while are a few.
MORE_DESCRIPTORS = 20


@pytest.fixture(scope="module")
def files(make_object, tmp_path_factory) -> list[SentFile]:
    folder = tmp_path_factory.mktemp("objects")
    of_one = [make_object(folder, number, StudyInstanceUID=ONE_STUDY) for number in range(COUNT)]
    of_many = [
        make_object(folder, number, StudyInstanceUID=f"2.25.5.{number}", PatientID=f"PLANTED-{number}")
        for number in range(COUNT, 2 * COUNT)
    ]
    return [*of_one, *of_many]


@pytest.fixture(scope="module")
def archive(storescp, tmp_path_factory):
    return storescp(tmp_path_factory.mktemp("archive"), "--fork")


@pytest.fixture(scope="module")
def router(archive, tmp_path_factory) -> Iterator[RunningRouter]:
    config = f"""
        [peers.modality]
        ae_title = "MODALITY"
        may_send = true
        {archive.peer_toml("archive")}
        [sinks.archive]
        type = "dicom"
        peer = "archive"
        [[routes]]
        name = "all"
        sinks = ["archive"]
        """
    with running_router(tmp_path_factory.mktemp("router"), config) as running:
        yield running


@pytest.fixture(scope="module")
def descriptors(run_dcmtk, router, files) -> tuple[int, int]:
    """Send one object, then all others; the descriptors of the router's processes after it and at the end."""
    counts = []
    for start, end in ((0, 1), (1, COUNT), (COUNT, 2 * COUNT)):
        paths = [file.path for file in files[start:end]]
        to_router = ("-aet", "MODALITY", "-aec", "HILUM", "127.0.0.1", router.port)
        sent = run_dcmtk("dcmsend", "-q", *to_router, *paths)
        assert sent.returncode == 0, sent.stderr
        router.wait_until_idle(objects=end)
        counts.append(_open_descriptors(router))
    return counts[0], counts[-1]


def _open_descriptors(router: RunningRouter) -> int:
    pids = [pid for several in router.processes().values() for pid in several]
    return sum(len(list(Path(f"/proc/{pid}/fd").iterdir())) for pid in pids)


@pytest.mark.usefixtures("descriptors")
def test_hundreds_of_studies_and_one_of_hundreds_arrive_bit_for_bit(files, archive):
    arrived = {file.sop_instance_uid: file.data_set for file in archive.data_sets()}
    assert arrived == {file.sop_instance_uid: file.data_set for file in files}


def test_hundreds_of_objects_leave_no_descriptors_open(descriptors):
    before, after = descriptors
    assert after <= before + MORE_DESCRIPTORS


@pytest.mark.usefixtures("descriptors")
@pytest.mark.parametrize(
    ("options", "rows"),
    [
        ((), DEFAULT_LIMIT),
        (("--sink", "archive"), DEFAULT_LIMIT),
        (("--study", ONE_STUDY, "--limit", "1000"), COUNT),
        (("--study", f"2.25.5.{COUNT}"), 1),
    ],
)
def test_a_long_queue_is_listed_by_pages_and_by_study(hilum, router, options, rows):
    listed = hilum("queue", "list", "--config", router.config_path, "--json", *options)
    assert len(json.loads(listed.stdout)) == rows, listed.stderr
