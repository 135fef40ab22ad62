"""Untouched means bit-exact: every real file that we know of, through the router to three places.

Senders and archives are not our code and decode nothing: pynetdicom from the path, pynetdicom's SCP and
DCMTK's `storescp +B`. What cannot pass is named in the tables, with the reason, and nothing else is.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import attrs
import pytest
from pydicom.uid import DeflatedExplicitVRLittleEndian

from hilum_core.testing import RunningRouter, SentFile, running_archive, running_router, send

NO_META: dict[str, str] = {}
REFUSED_BY_ROUTER: dict[str, str] = {}
HELD: dict[str, str] = {}
REFUSED_BY_STORESCP: dict[str, str] = {}
REENCODED_FOR_STORESCP: set[str] = set()

Key = tuple[str, str, bytes]


def key(file: SentFile) -> Key:
    """What must arrive of a file: its instance, its transfer syntax and its bytes."""
    data_set = file.data_set
    if file.transfer_syntax_uid == DeflatedExplicitVRLittleEndian and len(data_set) % 2:
        data_set += b"\0"  # PS3.5 A.5
    return file.sop_instance_uid, file.transfer_syntax_uid, data_set


@attrs.frozen
class Outcome:
    """What became of the corpus: by file name where it was not simply taken, and by sink what arrived."""

    answers: Mapping[str, int | str]
    held: Mapping[str, str]
    released: str
    dead: Mapping[str, Mapping[str, str]]
    arrived: Mapping[str, set[Key]]


@pytest.fixture(scope="module")
def outcome(corpus, storescp, hilum, tmp_path_factory) -> Outcome:
    """Send the whole corpus once; deliver by hand what was held, as an operator would."""
    place = tmp_path_factory.mktemp("bit-exact")
    dcmtk = storescp(place / "storescp", "+xa", "-pm", "+uf")
    contexts = {(file.sop_class_uid, file.transfer_syntax_uid) for file in corpus.files.values()}
    with (
        running_archive(contexts=contexts) as archive,
        three_sinks(place, archive.peer_toml("archive"), dcmtk.peer_toml("storescp")) as router,
    ):
        answers: dict[str, int | str] = {}
        names: dict[str, str] = {}
        for batch in rounds(corpus.files):
            sent = send(list(batch.values()), router.port)
            answers |= {name: sent[file.path] for name, file in batch.items()}
            taken = sum(answer == 0 for answer in answers.values())
            router.wait_until_quiet(objects=taken)
            by_uid = {file.sop_instance_uid: name for name, file in batch.items()}
            for row in router.objects():
                names.setdefault(row.stored.instance.id, by_uid.get(row.stored.instance.sop_instance_uid, ""))
        held = {row.stored.instance.id: row.reason for row in router.objects("held")}
        to = [word for sink in ("folder", "archive", "storescp") for word in ("--to", sink)]
        released = hilum("queue", "release", *held, *to, "--config", router.config_path)
        router.wait_until_quiet(objects=taken)
        dead: dict[str, dict[str, str]] = {"folder": {}, "archive": {}, "storescp": {}}
        for row in router.deliveries("", "dead"):
            assert row.last_failure is not None
            dead[row.sink][names[row.object_id]] = row.last_failure.text
        return Outcome(
            answers=answers,
            held={names[object_id]: reason for object_id, reason in held.items()},
            released=released.stdout + released.stderr,
            dead=dead,
            arrived={
                "folder": {key(SentFile.read(path)) for path in (place / "sink").iterdir()},
                "archive": {
                    (one.sop_instance_uid, one.transfer_syntax_uid, one.data_set) for one in archive.arrivals
                },
                "storescp": {key(file) for file in dcmtk.data_sets()},
            },
        )


@contextmanager
def three_sinks(place: Path, *peers: str) -> Iterator[RunningRouter]:
    (place / "sink").mkdir()
    config = f"""
        [peers.modality]
        ae_title = "MODALITY"
        may_send = true
        {"".join(peers)}
        [sinks.folder]
        type = "folder"
        path = "{place / "sink"}"
        layout = "{{SOPInstanceUID}}.dcm"
        [sinks.archive]
        type = "dicom"
        peer = "archive"
        [sinks.storescp]
        type = "dicom"
        peer = "storescp"
        delivery = {{ first_retry = "1s" }}
        [[routes]]
        name = "all"
        sinks = ["folder", "archive", "storescp"]
        """
    with running_router(place, config) as router:
        yield router


def rounds(files: Mapping[str, SentFile]) -> list[dict[str, SentFile]]:
    """Files of one SOP Instance UID go one after the other: a newer one would supersede an older."""
    seen: Counter[str] = Counter()
    found: defaultdict[int, dict[str, SentFile]] = defaultdict(dict)
    for name, file in files.items():
        found[seen[file.sop_instance_uid]][name] = file
        seen[file.sop_instance_uid] += 1
    return list(found.values())


def expected(corpus, outcome: Outcome, sink: str, *, but: Iterable[str] = ()) -> set[Key]:
    left_out = {*REFUSED_BY_ROUTER, *but}
    return {key(file) for name, file in corpus.files.items() if name not in left_out}


def named(keys: set[Key], files: Mapping[str, SentFile]) -> list[str]:
    """The files that these keys belong to, for a message that can be read."""
    names = {key(file): name for name, file in files.items()}
    return sorted(names.get(one, f"unknown: {one[0]} {one[1]} {len(one[2])} bytes") for one in keys)


def test_files_without_meta_are_those_that_we_know(corpus):
    assert corpus.not_sent == NO_META


def test_the_router_answers_every_other_file_with_success(corpus, outcome):
    assert {name: answer for name, answer in outcome.answers.items() if answer != 0} == REFUSED_BY_ROUTER
    assert len(outcome.answers) == len(corpus.files)


def test_held_are_those_whose_data_set_disagrees_with_the_command_or_cannot_be_read(outcome):
    assert outcome.held == HELD


def test_held_objects_are_released_by_hand(outcome):
    assert f"released {len(HELD)}" in outcome.released


@pytest.mark.parametrize("sink", ["folder", "archive"])
def test_every_file_arrives_bit_for_bit(corpus, outcome, sink):
    want = expected(corpus, outcome, sink)
    assert named(want ^ outcome.arrived[sink], corpus.files) == []
    assert outcome.dead[sink] == {}


def test_every_file_arrives_bit_for_bit_at_dcmtk(corpus, outcome):
    assert outcome.dead["storescp"] == REFUSED_BY_STORESCP
    want = expected(corpus, outcome, "storescp", but={*REFUSED_BY_STORESCP, *REENCODED_FOR_STORESCP})
    assert named(want - outcome.arrived["storescp"], corpus.files) == []
