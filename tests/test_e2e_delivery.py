"""What becomes of objects whose destinations are slow, dead, picky, refusing, or not meant for them."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest
from pydicom import dcmread
from pydicom.uid import (
    CTImageStorage,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEGLSLossless,
)

from hilum_core.testing import (
    Archive,
    RawAssociation,
    SentFile,
    running_archive,
    running_router,
    send,
)

MODALITY = """
    [peers.modality]
    ae_title = "MODALITY"
    may_send = true
    """


def dicom_sink(archive: Archive, name: str = "archive", *, delivery: str = "", more: str = "") -> str:
    """A peer and a sink that sends to it; `more` of the peer."""
    return f"""
        {archive.peer_toml(name)}
        {more}
        [sinks.{name}]
        type = "dicom"
        peer = "{name}"
        delivery = {{ first_retry = "200ms"{delivery} }}
        """


def folder_sink(folder: Path, name: str = "folder", more: str = "") -> str:
    folder.mkdir(exist_ok=True)
    return f"""
        [sinks.{name}]
        type = "folder"
        path = "{folder}"
        layout = "{{SOPInstanceUID}}.dcm"
        {more}
        """


def route(*sinks: str, name: str = "all", more: str = "") -> str:
    return f'[[routes]]\nname = "{name}"\nsinks = {list(sinks)}\n{more}\n'.replace("'", '"')


@pytest.fixture
def objects(make_object, tmp_path):
    def make(count: int, first: int = 1, **elements: object) -> list[SentFile]:
        return [
            make_object(tmp_path / "objects", number, **elements) for number in range(first, first + count)
        ]

    return make


def uids(files: Sequence[SentFile]) -> list[str]:
    return [file.sop_instance_uid for file in files]


@contextmanager
def waiting_archive(ae_title: str = "SLOW") -> Iterator[tuple[Archive, threading.Event]]:
    """An archive that answers nothing until told to."""
    go_on = threading.Event()
    with running_archive(ae_title, answer=lambda _: 0 if go_on.wait(60) else 0xA700) as archive:
        try:
            yield archive, go_on
        finally:
            go_on.set()


# ---- lanes


def test_neither_a_dead_nor_a_slow_destination_delays_another(objects, hilum, tmp_path):
    dead = Archive("DEAD")
    dead.start()
    dead.stop()
    with waiting_archive() as (slow, go_on), running_archive("QUICK") as quick:
        config = (
            MODALITY
            + dicom_sink(dead, "dead")
            + dicom_sink(slow, "slow")
            + dicom_sink(quick, "quick")
            + folder_sink(tmp_path / "sink")
            + route("dead", "slow", "quick", "folder")
        )
        with running_router(tmp_path, config) as router:
            files = objects(50)
            assert set(send(files, router.port).values()) == {0}
            router.wait_until(lambda: len(router.deliveries("quick", "delivered")) == 50)
            router.wait_until(lambda: len(router.deliveries("folder", "delivered")) == 50)
            assert len(slow.arrivals) == 1
            assert [arrival.sop_instance_uid for arrival in quick.arrivals] == uids(files)
            with router.queue() as queue:
                reasons = {row.sink: row.lane.reason for row in queue.status().sinks}
            assert "refused" in reasons["dead"]
            monitor = hilum("queue", "status", "--check", "--max-age", "0s", "--config", router.config_path)
            assert monitor.returncode == 2 and "oldest undelivered" in monitor.stdout
            go_on.set()
            dead.start()
            router.wait_until_idle(objects=50, within_s=120)
            assert {row.attempts for row in router.deliveries("dead")} == {1}  # a dead node spends none
            assert sorted(uid for uid in dead.data_sets()) == sorted(uids(files))
            dead.stop()


def test_versions_of_one_instance_arrive_in_order_and_the_last_one_stays(make_object, tmp_path):
    with waiting_archive() as (slow, go_on):
        config = MODALITY + dicom_sink(slow, "slow") + route("slow")
        with running_router(tmp_path, config) as router:
            first, second, third = (
                make_object(tmp_path / version, 1, SeriesDescription=version) for version in ("a", "b", "c")
            )
            send([first], router.port)
            router.wait_until(lambda: slow.arrivals)
            send([second], router.port)
            send([third], router.port)
            router.wait_until(lambda: len(router.deliveries("slow")) == 3)
            go_on.set()
            router.wait_until_idle(objects=3)
            assert [arrival.data_set for arrival in slow.arrivals] == [first.data_set, third.data_set]
            assert sorted(row.state for row in router.deliveries("slow")) == [
                "delivered",
                "delivered",
                "superseded",
            ]


# ---- what archives answer


@pytest.mark.parametrize("status", [0xA900, 0xC123])
def test_an_archive_that_refuses_everything_rests_and_dead_letters_no_more_than_ten(
    objects, hilum, tmp_path, status
):
    with running_archive(answer=lambda _: status) as archive:
        config = MODALITY + dicom_sink(archive, delivery=", refused_tries = 1") + route("archive")
        with running_router(tmp_path, config) as router:
            files = objects(40)
            send(files, router.port)
            router.wait_until(lambda: "a lane rests" in router.log())
            router.wait_until(lambda: len(archive.arrivals) >= 12)  # trials go on
            assert len(router.deliveries("archive", "dead")) <= 10
            with router.queue() as queue:
                (sink,) = queue.status().sinks
            assert f"{status:04X}" in sink.lane.reason
            archive.answer = lambda _: 0
            router.wait_until(lambda: "a lane works again" in router.log())
            # By itself the router tries in an hour what was refused; who mended the archive need not wait.
            mended = ("--sink", "archive", "--because", "the archive is mended")
            retried = hilum("queue", "retry", *mended, "--config", router.config_path)
            assert retried.returncode == 0, retried.stderr
            router.wait_until_idle(objects=40)
            assert archive.data_sets() == {file.sop_instance_uid: file.data_set for file in files}


def test_warnings_and_duplicates_count_as_delivered_and_are_kept(objects, hilum, tmp_path):
    statuses = [0xB000, 0xB006, 0xB007, 0x0111, 0x0000]
    with running_archive(answer=lambda _: statuses[len(archive.arrivals) - 1]) as archive:
        config = MODALITY + dicom_sink(archive) + route("archive")
        with running_router(tmp_path, config) as router:
            send(objects(5), router.port)
            router.wait_until_idle(objects=5)
            rows = sorted(router.deliveries(), key=lambda row: row.delivery_id)
            assert [row.receipt.status for row in rows] == statuses
            assert [bool(row.receipt.warning) for row in rows] == [True, True, True, True, False]
            shown = hilum("queue", "show", rows[0].object_id, "--json", "--config", router.config_path)
            assert "coercion of data elements" in shown.stdout
            assert len(archive.arrivals) == 5


def test_out_of_resources_is_tried_again_until_it_is_taken(objects, tmp_path):
    answers = iter([0xA700, 0x0110, 0xA7FF])
    with running_archive(answer=lambda _: next(answers, 0)) as archive:
        config = MODALITY + dicom_sink(archive) + route("archive")
        with running_router(tmp_path, config) as router:
            send(objects(1), router.port)
            router.wait_until_idle(objects=1)
            (row,) = router.deliveries()
            assert (row.attempts, len(archive.arrivals)) == (4, 4)


def test_what_is_tried_too_long_is_a_dead_letter_with_the_reason(objects, tmp_path):
    with running_archive(answer=lambda _: 0xA700) as archive:
        config = MODALITY + dicom_sink(archive, delivery=', give_up_after = "1s"') + route("archive")
        with running_router(tmp_path, config) as router:
            send(objects(1), router.port)
            (row,) = router.wait_until(lambda: router.deliveries("archive", "dead"))
            assert row.last_failure.status == 0xA700
            assert "out of resources" in row.last_failure.text
            assert [held.state for held in router.objects()] == ["routed"]


# ---- presentation contexts


def test_more_than_128_contexts_take_several_associations(make_object, tmp_path):
    classes = [f"1.2.826.0.1.3680043.10.1553.9.{number}" for number in range(150)]
    contexts = [(sop_class, ExplicitVRLittleEndian) for sop_class in classes]
    with running_archive(contexts=contexts) as archive:
        config = MODALITY + dicom_sink(archive, more="") + route("archive")
        archive.stop()
        with running_router(tmp_path, config) as router:
            files = [
                make_object(tmp_path / "objects", number, sop_class_uid=sop_class)
                for number, sop_class in enumerate(classes, 1)
            ]
            assert set(send(files, router.port).values()) == {0}
            archive.start()
            router.wait_until_idle(objects=150)
            assert archive.data_sets() == {file.sop_instance_uid: file.data_set for file in files}
            assert max(archive.associations) <= 128
            assert len(archive.associations) >= 2


def test_what_the_peer_does_not_take_as_it_is_is_re_encoded_and_the_ledger_says_so(objects, tmp_path):
    with running_archive(only=[ImplicitVRLittleEndian]) as archive:
        config = MODALITY + dicom_sink(archive) + folder_sink(tmp_path / "sink") + route("archive", "folder")
        with running_router(tmp_path, config) as router:
            (file,) = objects(1)
            send([file], router.port)
            router.wait_until_idle(objects=1)
            (arrival,) = archive.arrivals
            assert arrival.transfer_syntax_uid == ImplicitVRLittleEndian
            assert b"Doe^Planted" in arrival.data_set and arrival.data_set != file.data_set
            assert SentFile.read(tmp_path / "sink" / f"{file.sop_instance_uid}.dcm").data_set == file.data_set
            with router.queue() as queue:
                notes = [
                    event.detail.get("notes") for event in queue.events(0, 100) if event.sink == "archive"
                ]
            assert [f"re-encoded from {ExplicitVRLittleEndian} to {ImplicitVRLittleEndian}"] in notes


def test_a_compressed_object_for_a_peer_without_its_syntax_is_dead_and_the_others_go_on(
    objects, corpus, tmp_path
):
    compressed = next(file for file in corpus.files.values() if file.transfer_syntax_uid == JPEGLSLossless)
    with running_archive(only=[ExplicitVRLittleEndian, ImplicitVRLittleEndian]) as archive:
        config = MODALITY + dicom_sink(archive) + route("archive")
        with running_router(tmp_path, config) as router:
            files = objects(10)
            send([*files[:5], compressed, *files[5:]], router.port)
            router.wait_until_quiet(objects=11)
            (dead,) = router.deliveries("archive", "dead")
            assert "JPEG-LS" in dead.last_failure.text and dead.attempts == 1
            assert archive.data_sets() == {file.sop_instance_uid: file.data_set for file in files}


# ---- routes


def test_an_object_does_not_go_back_to_its_sender_and_a_loop_is_held(objects, tmp_path):
    with running_archive() as archive:
        config = (
            MODALITY
            + dicom_sink(archive, more="may_send = true")
            + folder_sink(tmp_path / "sink")
            + route("archive", "folder")
        )
        with running_router(tmp_path, config) as router:
            own, other = objects(2)
            send([own], router.port, calling_ae="ARCHIVE")
            router.wait_until_idle(objects=1)
            assert [row.sink for row in router.deliveries()] == ["folder"]
            assert archive.arrivals == []
            send([other], router.port)
            router.wait_until_idle(objects=2)
            send([other], router.port, calling_ae="ARCHIVE")
            (loop,) = router.wait_until(lambda: router.objects("held"))
            assert loop.reason.startswith("loop")
            assert len(archive.arrivals) == 1


def test_a_route_that_stops_is_the_last_one_asked(objects, tmp_path):
    config = (
        MODALITY
        + '[filters.ct]\ntype = "tags"\nwhere = { Modality = ["CT"] }\n'
        + "".join(folder_sink(tmp_path / name, name) for name in ("first", "second", "third"))
        + route("first", name="first")
        + route("second", name="second", more='filters = ["ct"]\nstop = true')
        + route("third", name="third")
    )
    with running_router(tmp_path, config) as router:
        send([*objects(1), *objects(1, first=2, Modality="MR")], router.port)
        router.wait_until_idle(objects=2)
        arrived = {
            name: sorted(path.stem.rpartition(".")[2] for path in (tmp_path / name).glob("*.dcm"))
            for name in ("first", "second", "third")
        }
        assert arrived == {"first": ["1", "2"], "second": ["1"], "third": ["2"]}


@pytest.mark.parametrize(("unmatched", "state"), [("hold", "held"), ("discard", "settled")])
def test_what_no_route_takes_is_held_or_discarded(objects, tmp_path, unmatched, state):
    config = (
        MODALITY
        + '[filters.mr]\ntype = "tags"\nwhere = { Modality = ["MR"] }\n'
        + folder_sink(tmp_path / "sink")
        + route("folder", more='filters = ["mr"]')
    )
    with running_router(tmp_path, config, unmatched=unmatched) as router:
        send(objects(1), router.port)
        (row,) = router.wait_until(lambda: router.objects(state))
        assert "no route matched" in row.reason
        assert router.deliveries() == []


# ---- transforms


def test_an_edit_changes_what_one_sink_gets_and_not_what_another_gets(objects, tmp_path):
    config = (
        MODALITY
        + '[transforms.teach]\ntype = "edit"\nset = { PatientName = "Teaching" }\nremove = ["PatientID"]\n'
        + folder_sink(tmp_path / "whole", "whole")
        + folder_sink(tmp_path / "edited", "edited")
        + route("whole", name="whole")
        + route("edited", name="edited", more='transforms = ["teach"]')
    )
    with running_router(tmp_path, config) as router:
        (file,) = objects(1)
        send([file], router.port)
        router.wait_until_idle(objects=1)
        assert SentFile.read(tmp_path / "whole" / f"{file.sop_instance_uid}.dcm").data_set == file.data_set
        edited = dcmread(tmp_path / "edited" / f"{file.sop_instance_uid}.dcm")
        assert edited.PatientName == "Teaching" and "PatientID" not in edited
        assert edited.PixelData == dcmread(file.path).PixelData


FAILING = """
    from hilum_sdk import PermanentError, Transform, TransformSpec, hookimpl
    import attrs
    @attrs.frozen(kw_only=True)
    class Config:
        permanent: bool = False
    class Failing(Transform):
        def apply(self, draft):
            if self.config.permanent:
                raise PermanentError("this object cannot be changed")
            raise KeyError("Doe^Planted")
    @hookimpl
    def hilum_register_transforms():
        yield TransformSpec(type="failing", config=Config, create="acme_failing:Failing")
    """


@pytest.mark.parametrize("permanent", [True, False])
def test_a_failing_transform_never_lets_the_original_out(install, objects, tmp_path, permanent):
    install("acme-failing", "transforms", "failing", FAILING)
    with running_archive() as archive:
        config = (
            MODALITY
            + f'[transforms.failing]\ntype = "failing"\npermanent = {str(permanent).lower()}\n'
            + dicom_sink(archive)
            + folder_sink(tmp_path / "sink")
            + route("folder", name="whole")
            + route("archive", name="changed", more='transforms = ["failing"]')
        )
        with running_router(tmp_path, config) as router:
            send(objects(3), router.port)
            router.wait_until(lambda: len(router.deliveries("folder", "delivered")) == 3)
            if permanent:
                rows = router.wait_until(
                    lambda: len(found := router.deliveries("archive", "dead")) == 3 and found
                )
                assert {row.last_failure.text for row in rows} == {"this object cannot be changed"}
            else:
                router.wait_until(lambda: router.log().count("a rendering failed") == 3)
                assert {row.state for row in router.deliveries("archive")} == {"unrendered"}
                assert "KeyError at acme_failing.py:11" in router.log()
            assert "acme-failing 1.5" in router.log()
            assert "Planted" not in router.log()
            assert archive.arrivals == []


PRETENDS_TO_DEIDENTIFY = """
    from hilum_sdk import Transform, TransformSpec, hookimpl
    import attrs
    @attrs.frozen(kw_only=True)
    class Config:
        pass
    class Blank(Transform):
        def apply(self, draft):
            draft.dataset.PatientIdentityRemoved = "YES"
        def verify(self, original, rendered):
            return []
    @hookimpl
    def hilum_register_transforms():
        yield TransformSpec(
            type="blank", config=Config, create="acme_blank:Blank", deidentifies=lambda config: True
        )
    """


def test_a_sink_for_de_identified_objects_takes_no_others(install, objects, hilum, tmp_path):
    install("acme-blank", "transforms", "blank", PRETENDS_TO_DEIDENTIFY)
    config = (
        MODALITY
        + '[transforms.blank]\ntype = "blank"\n'
        + folder_sink(tmp_path / "trial", "trial", more="deidentified_only = true")
        + '[filters.mr]\ntype = "tags"\nwhere = { Modality = ["MR"] }\n'
        + route("trial", more='transforms = ["blank"]\nfilters = ["mr"]')
    )
    with running_router(tmp_path, config) as router:
        without = router.config_path.with_name("without.toml")
        without.write_text(router.config_path.read_text().replace('transforms = ["blank"]\n', ""))
        check = hilum("check", "--config", without)
        assert check.returncode == 78 and "de-identif" in check.stderr
        send([*objects(1), *objects(1, first=2, Modality="MR")], router.port)
        router.wait_until(lambda: len(router.deliveries("trial", "delivered")) == 1)
        (held,) = router.wait_until(lambda: router.objects("held"))
        # By hand the object would go as it came, and that must not go there.
        by_hand = ("queue", "release", held.stored.instance.id, "--to", "trial")
        release = hilum(*by_hand, "--config", router.config_path)
        assert release.returncode == 0, release.stderr
        (dead,) = router.wait_until(lambda: router.deliveries("trial", "dead"))
        assert "de-identified objects only" in dead.last_failure.text
        assert [path.stem.rpartition(".")[2] for path in (tmp_path / "trial").glob("*.dcm")] == ["2"]


# ---- what can be asked


def test_where_is_study_x_has_an_answer(objects, hilum, tmp_path):
    with running_archive(answer=lambda _: 0xA700) as archive:
        config = (
            MODALITY
            + '[filters.ct]\ntype = "tags"\nwhere = { Modality = ["CT"] }\n'
            + '[transforms.teach]\ntype = "edit"\nset = { PatientName = "Teaching" }\n'
            + folder_sink(tmp_path / "sink")
            + dicom_sink(archive)
            + route("archive", name="clinical", more='from = ["modality"]')
            + route("folder", name="teaching", more='filters = ["ct"]\ntransforms = ["teach"]')
        )
        with running_router(tmp_path, config) as router:
            (file,) = objects(1)
            send([file], router.port)
            router.wait_until(lambda: router.deliveries("folder", "delivered"))
            router.wait_until(lambda: [row for row in router.deliveries("archive") if row.last_failure])
            study = dcmread(file.path).StudyInstanceUID
            there = ("--json", "--config", router.config_path)
            (found,) = json.loads(hilum("queue", "list", "--study", study, *there).stdout)
            shown = json.loads(hilum("queue", "show", found["stored"]["instance"]["id"], *there).stdout)
    assert shown["object"]["stored"]["instance"]["association"]["peer"] == "modality"
    states = {row["sink"]: (row["route"], row["chain"], row["state"]) for row in shown["deliveries"]}
    assert states["folder"] == ("teaching", ["teach"], "delivered")
    assert states["archive"][2] in {"ready", "leased"}
    (failure,) = [row["last_failure"] for row in shown["deliveries"] if row["sink"] == "archive"]
    assert "out of resources" in failure["text"] and "archive" in failure["text"]
    (routed,) = [event["detail"] for event in shown["events"] if event["kind"] == "routed"]
    assert dict(routed["routes"]) == {"clinical": "from modality", "teaching": "ct"}
    assert {"received", "routed", "rendered", "sent"} <= {event["kind"] for event in shown["events"]}


def test_a_monitoring_system_is_told_in_one_line_and_a_status(objects, hilum, tmp_path):
    config = MODALITY + folder_sink(tmp_path / "sink") + route("folder")
    with running_router(tmp_path, config) as router:
        send(objects(3), router.port)
        router.wait_until_idle(objects=3)
        well = hilum("queue", "status", "--check", "--config", router.config_path)
    stopped = hilum("queue", "status", "--check", "--config", router.config_path)
    assert (well.returncode, stopped.returncode) == (0, 2)
    assert well.stdout.startswith("HILUM OK - nothing undelivered |")
    assert "the router does not run" in stopped.stdout


def test_with_several_workers_a_patients_objects_stay_in_order(make_object, tmp_path):
    with running_archive() as archive:
        config = MODALITY + dicom_sink(archive, delivery=", workers = 2") + route("archive")
        with running_router(tmp_path, config) as router:
            files = [
                make_object(tmp_path / "objects", number, PatientID=f"PATIENT-{number % 20}")
                for number in range(1, 61)
            ]
            send(files, router.port)
            router.wait_until_idle(objects=60)
            assert len(archive.associations) >= 2  # which worker a patient gets hangs on the router's secret
            patients = {file.sop_instance_uid: number % 20 for number, file in enumerate(files, 1)}
            for patient in range(20):
                sent = [uid for uid, whose in patients.items() if whose == patient]
                came = [
                    one.sop_instance_uid
                    for one in archive.arrivals
                    if patients[one.sop_instance_uid] == patient
                ]
                assert came == sent


def test_an_object_whose_file_is_gone_is_held_and_the_others_go_on(objects, tmp_path):
    with running_archive() as archive:
        archive.stop()
        config = MODALITY + dicom_sink(archive) + route("archive")
        with running_router(tmp_path, config) as router:
            files = objects(5)
            send(files, router.port)
            router.wait_until(lambda: len(router.deliveries("archive")) == 5)
            (lost,) = [
                path
                for path in (router.state_dir / "spool").rglob("*")
                if path.is_file() and SentFile.read(path).sop_instance_uid == files[2].sop_instance_uid
            ]
            lost.unlink()
            archive.start()
            router.wait_until_quiet(objects=5)
            assert sorted(archive.data_sets()) == sorted(uids([*files[:2], *files[3:]]))
            (held,) = router.objects("held")
            assert held.stored.instance.sop_instance_uid == files[2].sop_instance_uid
            assert "an object is damaged" in router.log()


# ---- retention


def test_only_the_bytes_of_settled_objects_are_removed_and_their_history_stays(objects, tmp_path):
    dead = Archive("DEAD")
    dead.start()
    dead.stop()
    config = (
        MODALITY
        + '[filters.mr]\ntype = "tags"\nwhere = { Modality = ["MR"] }\n'
        + folder_sink(tmp_path / "sink")
        + dicom_sink(dead, "dead")
        + route("folder")
        + route("dead", name="dead", more='filters = ["mr"]')
    )
    with running_router(tmp_path, config, keep_settled="1s") as router:
        settled, waiting = objects(1), objects(1, first=2, Modality="MR")
        send([*settled, *waiting], router.port)
        (purged,) = router.wait_until(lambda: router.objects("purged"), within_s=40)
        assert purged.stored.instance.sop_instance_uid == settled[0].sop_instance_uid
        spooled = [path for path in (router.state_dir / "spool").rglob("*") if path.is_file()]
        (kept,) = [path for path in spooled if SentFile.read(path).data_set == waiting[0].data_set]
        assert len(spooled) == 1, kept
        with router.queue() as queue:
            history = queue.history(purged.stored.instance.id)
        assert [event.kind for event in history.events][-1] == "purged"
        assert [row.state for row in history.deliveries] == ["delivered"]
        dead.start()
        router.wait_until(lambda: dead.arrivals, within_s=90)
        assert dead.arrivals[0].data_set == waiting[0].data_set
        dead.stop()


def test_an_object_of_unknown_class_and_private_content_passes(make_object, tmp_path):
    sop_class = "1.2.826.0.1.3680043.10.1553.8.1"
    config = MODALITY + folder_sink(tmp_path / "sink") + route("folder")
    with running_router(tmp_path, config) as router:
        file = make_object(tmp_path / "objects", 1, sop_class_uid=sop_class)
        with RawAssociation.open(
            router.port, [(sop_class, ExplicitVRLittleEndian), (CTImageStorage, "1.2.3")]
        ) as one:
            assert one.store(sop_class, file.sop_instance_uid, [file.data_set]) == 0
            # Nobody knows this transfer syntax, so nobody can read the header: kept and held.
            assert one.store(CTImageStorage, "1.2.3.4", [b"abcdef"], transfer_syntax_uid="1.2.3") == 0
            one.release()
        router.wait_until(lambda: len(router.objects("settled")) == 1 and len(router.objects("held")) == 1)
        assert SentFile.read(tmp_path / "sink" / f"{file.sop_instance_uid}.dcm").data_set == file.data_set
