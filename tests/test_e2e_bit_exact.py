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

_NO_DICOM = "not a DICOM file"
_NO_META = "its File Meta Information names no class, instance or transfer syntax"
CANNOT_BE_SENT = {
    "data_store/data/OT-PAL-8-face.dcm": _NO_DICOM,
    "deid_data/data/ultrasounds/GREYSCALE_CINE.zip": _NO_DICOM,
    "deid_data/data/ultrasounds/RGB_CINE.zip": _NO_DICOM,
    "pydicom/data/test_files/ExplVR_BigEndNoMeta.dcm": _NO_DICOM,
    "pydicom/data/test_files/ExplVR_LitEndNoMeta.dcm": _NO_DICOM,
    "pydicom/data/test_files/crayons.icc": _NO_DICOM,
    "pydicom/data/test_files/dicomdirtests/TINY_ALPHA/README": _NO_DICOM,
    "pydicom/data/test_files/empty_charset_LEI.dcm": _NO_META,
    "pydicom/data/test_files/meta_missing_tsyntax.dcm": _NO_META,
    "pydicom/data/test_files/nested_priv_SQ.dcm": _NO_META,
    "pydicom/data/test_files/no_meta.dcm": _NO_DICOM,
    "pydicom/data/test_files/rtplan.dump": _NO_DICOM,
    "pydicom/data/test_files/rtstruct.dcm": _NO_DICOM,
    "pydicom/data/test_files/rtstruct.dump": _NO_DICOM,
    "pydicom/data/test_files/zipMR.gz": _NO_DICOM,
}

_DICOMDIR = "No presentation context for 'Media Storage Directory Storage' has been accepted"
REFUSED_BY_ROUTER = {
    f"pydicom/data/test_files/dicomdirtests/{name}": _DICOMDIR
    for name in (
        "DICOMDIR",
        "DICOMDIR-bigEnd",
        "DICOMDIR-empty.dcm",
        "DICOMDIR-implicit",
        "DICOMDIR-nooffset",
        "DICOMDIR-nopatient",
        "DICOMDIR-reordered",
        "TINY_ALPHA/DICOMDIR",
    )
}
"""A DICOMDIR is no object of a modality: its SOP class is for media (PS3.10), not for associations."""

_MISMATCH = "mismatch: its data set has another SOP Instance UID than the C-STORE command named"
HELD = dict.fromkeys(
    (
        "data_store/data/bad_sequence.dcm",
        "pydicom/data/charset_files/chrJapMulti.dcm",
        "pydicom/data/charset_files/chrJapMultiExplicitIR6.dcm",
        "pydicom/data/test_files/badVR.dcm",
        "pydicom/data/test_files/rtdose.dcm",
        "pydicom/data/test_files/rtdose_1frame.dcm",
        "pydicom/data/test_files/rtdose_expb.dcm",
        "pydicom/data/test_files/rtdose_expb_1frame.dcm",
        "pydicom/data/test_files/rtplan.dcm",
        "pydicom/data/test_files/rtplan_truncated.dcm",
    ),
    _MISMATCH,
)
"""pynetdicom names in the command what the File Meta Information says, and here that is wrong."""

_ODD = "aborted by its application while an object was sent"
_NO_CONTEXT = "storescp: accepts no presentation context for Color Palette Storage"
REFUSED_BY_STORESCP = {
    "deid_data/data/humans/ctbrain1.dcm": _ODD,
    "deid_data/data/humans/ctbrain2.dcm": _ODD,
    "pydicom/data/test_files/rtplan_truncated.dcm": _ODD,
    "pydicom/data/palettes/fall.dcm": _NO_CONTEXT,
    "pydicom/data/palettes/hotiron.dcm": _NO_CONTEXT,
    "pydicom/data/palettes/hotmetalblue.dcm": _NO_CONTEXT,
    "pydicom/data/palettes/pet.dcm": _NO_CONTEXT,
    "pydicom/data/palettes/pet20step.dcm": _NO_CONTEXT,
    "pydicom/data/palettes/spring.dcm": _NO_CONTEXT,
    "pydicom/data/palettes/summer.dcm": _NO_CONTEXT,
    "pydicom/data/palettes/winter.dcm": _NO_CONTEXT,
}
"""DCMTK breaks the association at a data set of odd length, and knows no colour palettes."""

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
        held: dict[str, str] = {}
        for batch in rounds(corpus.files):
            sent = send(list(batch.values()), router.port)
            answers |= {name: sent[file.path] for name, file in batch.items()}
            taken = sum(answer == 0 for answer in answers.values())
            router.wait_until_quiet(objects=taken)
            by_uid = {file.sop_instance_uid: name for name, file in batch.items()}
            for row in router.objects():
                names.setdefault(row.stored.instance.id, by_uid.get(row.stored.instance.sop_instance_uid, ""))
            if reasons := {row.stored.instance.id: row.reason for row in router.objects("held")}:
                held |= reasons
                to = [word for sink in ("folder", "archive", "storescp") for word in ("--to", sink)]
                released = hilum("queue", "release", *reasons, *to, "--config", router.config_path)
                assert released.stdout == f"released {len(reasons)}\n", released.stderr
                router.wait_until_quiet(objects=taken)
        dead: dict[str, dict[str, str]] = {"folder": {}, "archive": {}, "storescp": {}}
        for row in router.deliveries("", "dead"):
            assert row.last_failure is not None
            dead[row.sink][names[row.object_id]] = row.last_failure.text
        return Outcome(
            answers=answers,
            held={names[object_id]: reason for object_id, reason in held.items()},
            dead=dead,
            arrived={
                "folder": {key(SentFile.read(path)) for path in (place / "sink").glob("*.dcm")},
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
        delivery = {{ first_retry = "1s", refused_tries = 1 }}
        [[routes]]
        name = "all"
        sinks = ["folder", "archive", "storescp"]
        """
    with running_router(place, config) as router:
        yield router


def rounds(files: Mapping[str, SentFile]) -> list[dict[str, SentFile]]:
    """Files of one SOP Instance UID go one after the other: a newer one would supersede an older.

    Those of odd length, at which DCMTK breaks the association, go before others that must get past them.
    """
    seen: Counter[str] = Counter()
    found: defaultdict[int, dict[str, SentFile]] = defaultdict(dict)
    for name, file in sorted(files.items(), key=lambda item: len(item[1].data_set) % 2 == 0):
        found[seen[file.sop_instance_uid]][name] = file
        seen[file.sop_instance_uid] += 1
    return list(found.values())


def expected(files: Mapping[str, SentFile], *, but: Iterable[str] = ()) -> set[Key]:
    left_out = {*REFUSED_BY_ROUTER, *but}
    return {key(file) for name, file in files.items() if name not in left_out}


def named(keys: set[Key], files: Mapping[str, SentFile]) -> list[str]:
    """The files that these keys belong to, for a message that can be read."""
    names = {key(file): name for name, file in files.items()}
    return sorted(names.get(one, f"unknown: {one[0]} {one[1]} {len(one[2])} bytes") for one in keys)


def assert_reasons(found: Mapping[str, object], table: Mapping[str, str]) -> None:
    """The files are those of the table, and each gives the reason of the table."""
    assert found.keys() == table.keys()
    assert {name: text for name, text in found.items() if table[name] not in str(text)} == {}


def test_what_cannot_be_sent_is_what_we_know_of(corpus):
    assert corpus.not_sent == CANNOT_BE_SENT


def test_the_router_takes_every_file_but_media_directories(corpus, outcome):
    assert outcome.answers.keys() == corpus.files.keys()
    assert_reasons(
        {name: answer for name, answer in outcome.answers.items() if answer != 0}, REFUSED_BY_ROUTER
    )


def test_what_disagrees_with_its_command_is_held_and_goes_on_by_hand(outcome):
    assert_reasons(outcome.held, HELD)


@pytest.mark.parametrize("sink", ["folder", "archive"])
def test_every_file_arrives_bit_for_bit(corpus, outcome, sink):
    assert named(expected(corpus.files) ^ outcome.arrived[sink], corpus.files) == []
    assert outcome.dead[sink] == {}


def test_every_file_arrives_bit_for_bit_at_dcmtk_unless_dcmtk_refuses_it(corpus, outcome):
    assert_reasons(outcome.dead["storescp"], REFUSED_BY_STORESCP)
    want = expected(corpus.files, but=REFUSED_BY_STORESCP)
    assert named(want ^ outcome.arrived["storescp"], corpus.files) == []


MISREAD_BY_DCMSEND = {"data_store/data/explicit_VR-UN.dcm", "pydicom/data/test_files/rtdose_rle.dcm"}
"""Their UIDs stand there with VR UN, and dcmsend names both "31" in its command."""


@pytest.mark.parametrize("command", ["dcmsend -q -nh -nuc -dn", "storescu -q -nh -R -xi"])
def test_what_dcmtk_sends_arrives_as_if_sent_directly(corpus, storescp, run_dcmtk, tmp_path, command):
    """DCMTK's senders re-encode native data on their way out, so what they leave directly is the measure."""
    direct, behind = (storescp(tmp_path / name, "+xa") for name in ("direct", "behind"))
    left_out = {*REFUSED_BY_ROUTER, *REFUSED_BY_STORESCP, *HELD, *MISREAD_BY_DCMSEND}
    batch = {name: file for name, file in rounds(corpus.files)[0].items() if name not in left_out}
    paths = [file.path for file in batch.values()]
    config = f"""
        [peers.modality]
        ae_title = "MODALITY"
        may_send = true
        {behind.peer_toml("storescp")}
        [sinks.storescp]
        type = "dicom"
        peer = "storescp"
        [[routes]]
        name = "all"
        sinks = ["storescp"]
        """
    with running_router(tmp_path, config) as router:
        for port in (direct.port, router.port):
            sent = run_dcmtk(*command.split(), "-aet", "MODALITY", "-aec", "HILUM", "127.0.0.1", port, *paths)
            assert sent.returncode == 0, sent.stderr
        router.wait_until_idle(objects=len(direct.data_sets()))
    want = {key(file) for file in direct.data_sets()}
    assert len(want) > 100
    assert named(want ^ {key(file) for file in behind.data_sets()}, batch) == []
