"""What archives answer to objects, what they accept, where they are, and what becomes of the objects."""

from __future__ import annotations

import pytest
from pydicom.uid import (
    CTImageStorage,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    MRImageStorage,
)

from hilum_core.testing import RudeArchive, running_router, send
from hilum_core.testing.rude import Call, Message

RETRIES = 'first_retry = "50ms", longest_retry = "200ms"'
MODALITY = '[peers.modality]\nae_title = "MODALITY"\nmay_send = true\n'
LARGE_BYTES = 12_000_000
"""More than the buffers of the system hold."""
DELIVERED = {
    0x0000: None,
    0x0001: "requested optional attributes not supported",
    0x0107: "attribute list error",
    0x0111: "duplicate SOP instance",
    0x0116: "attribute value out of range",
    0xB000: "coercion of data elements",
    0xB006: "elements discarded",
    0xB007: "data set does not match SOP class",
    0xBFFF: "warning",
}
TRIED_AGAIN = {
    0x0110: "processing failure",
    0x0210: "duplicate invocation",
    0xA700: "out of resources",
    0xA7FF: "out of resources",
}
REFUSED = {
    0x0117: "invalid SOP instance",
    0x0119: "class-instance conflict",
    0x0122: "SOP class not supported",
    0x0124: "not authorised",
    0x0211: "unrecognised operation",
    0x0212: "mistyped argument",
    0xA800: "unknown status",
    0xA900: "data set does not match SOP class",
    0xA9FF: "data set does not match SOP class",
    0xC000: "cannot understand",
    0xCFFF: "cannot understand",
    0xD000: "unknown status",
    0xFE00: "unknown status",  # cancelled
    0xFF00: "unknown status",  # pending
    0xFFFF: "unknown status",
}


def sink(
    archive: RudeArchive, name: str = "archive", keys: str = "", *, delivery: str = RETRIES, host: str = ""
) -> str:
    return f"""
        {archive.peer_toml(name, host or None)}
        [sinks.{name}]
        type = "dicom"
        peer = "{name}"
        idle = "1ms"
        {keys}
        delivery = {{ {delivery} }}
        """


def route(*sinks: str) -> str:
    return f'[[routes]]\nname = "all"\nsinks = {list(sinks)}\n'.replace("'", '"')


def test_every_status_is_read_as_the_standard_means_it_and_nothing_is_lost(make_object, hilum, tmp_path):
    statuses = [*DELIVERED, *TRIED_AGAIN, *REFUSED]
    with RudeArchive() as archive:
        files = [make_object(tmp_path / "objects", number) for number in range(2 * len(statuses))]
        # Between any two a success: ten refusals in a row would rest the lane.
        told = {file.sop_instance_uid: status for file, status in zip(files[::2], statuses, strict=True)}

        def take(call: Call, message: Message) -> None:
            status = told.get(message.sop_instance_uid, 0)
            if status in DELIVERED:
                call.take(message, status)
            else:
                call.answer(message, status)

        def script(call: Call) -> None:
            call.accept()
            call.serve(take)

        archive.usual = script
        patience = 'first_retry = "10m", refused_tries = 1'
        config = MODALITY + sink(archive, delivery=patience) + route("archive")
        with running_router(tmp_path, config) as router:
            assert set(send(files, router.port).values()) == {0}

            def rows():
                uids = {
                    row.stored.instance.id: row.stored.instance.sop_instance_uid for row in router.objects()
                }
                return {uids[row.object_id]: row for row in router.deliveries("archive")}

            def each_was_answered() -> bool:
                answered = [row for row in rows().values() if row.receipt or row.last_failure]
                return len(answered) == len(files)

            router.wait_until(each_was_answered, within_s=60)
            for uid, row in rows().items():
                status = told.get(uid, 0)
                if status in DELIVERED:
                    assert (row.state, row.receipt.status) == ("delivered", status)
                    assert row.receipt.warning is None or DELIVERED[status] in row.receipt.warning
                    assert bool(row.receipt.warning) == bool(status)
                    continue
                assert row.state == ("ready" if status in TRIED_AGAIN else "dead"), hex(status)
                assert row.last_failure.status == status
                assert (TRIED_AGAIN | REFUSED)[status] in row.last_failure.text
            assert archive.data_sets().keys() == {
                file.sop_instance_uid for file in files if told.get(file.sop_instance_uid, 0) in DELIVERED
            }
            told.clear()  # the archive is mended
            mended = ("--sink", "archive", "--because", "the archive is mended")
            assert hilum("queue", "retry", *mended, "--config", router.config_path).returncode == 0
            router.wait_until_idle(objects=len(files))
            assert archive.data_sets() == {file.sop_instance_uid: file.data_set for file in files}


def test_an_archive_that_changes_its_mind_gets_each_object_as_it_wants_it_now(make_object, tmp_path):
    def accepts(*pairs, most_pdu_bytes=16384):
        def script(call: Call) -> None:
            call.accept(lambda *pair: pair in pairs, most_pdu_bytes=most_pdu_bytes)
            call.serve()

        return script

    as_is, implicit = (CTImageStorage, ExplicitVRLittleEndian), (CTImageStorage, ImplicitVRLittleEndian)
    with RudeArchive() as archive:
        config = MODALITY + sink(archive) + route("archive")
        with running_router(tmp_path, config) as router:
            taken = []
            minds = (
                accepts(as_is),
                accepts(implicit, most_pdu_bytes=0),
                accepts(as_is, implicit, most_pdu_bytes=33),
                accepts(implicit),
            )
            for number, mind in enumerate(minds, 1):
                router.wait_until(lambda: not archive.busy)
                archive.plan.append(mind)
                taken.append(make_object(tmp_path / "objects", number))
                send(taken[-1:], router.port)
                router.wait_until_idle(objects=number)
            assert not archive.plan
            got = archive.data_sets()
            assert [got[file.sop_instance_uid] == file.data_set for file in taken] == [
                True,
                False,
                True,
                False,
            ]
            # It takes other classes now, and this one no more: no reason to ask again and again.
            archive.usual = accepts((MRImageStorage, ExplicitVRLittleEndian))
            other = make_object(tmp_path / "objects", 5, sop_class_uid=MRImageStorage)
            router.wait_until(lambda: not archive.busy)
            send([other, make_object(tmp_path / "objects", 6)], router.port)
            (dead,) = router.wait_until(lambda: router.deliveries("archive", "dead"))
            assert "accepts no presentation context for CT Image Storage" in dead.last_failure.text
            router.wait_until(lambda: other.sop_instance_uid in archive.data_sets())


def test_an_archive_whose_window_stays_closed_is_left_and_called_again(make_object, tmp_path):
    def takes_nothing(call: Call) -> None:
        call.accept()
        call.hang()

    with RudeArchive(small_window=True) as archive:
        config = MODALITY + sink(archive, keys='send_timeout = "2s"') + route("archive")
        with running_router(tmp_path, config) as router:
            archive.plan.append(takes_nothing)
            large = make_object(tmp_path, 1, PixelData=bytes(LARGE_BYTES))
            send([large], router.port)
            router.wait_until_idle(objects=1)
            assert archive.data_sets() == {large.sop_instance_uid: large.data_set}


@pytest.mark.parametrize("host", ["::1", "localhost"])
def test_an_archive_is_reached_by_name_and_over_ipv6(make_object, tmp_path, host):
    with RudeArchive(host=host if ":" in host else "127.0.0.1") as archive:
        config = MODALITY + sink(archive, host=host) + route("archive")
        with running_router(tmp_path, config) as router:
            file = make_object(tmp_path, 1)
            send([file], router.port)
            router.wait_until_idle(objects=1)
            assert archive.data_sets() == {file.sop_instance_uid: file.data_set}
            assert router.deliveries()[0].attempts == 1


def test_an_archive_without_an_address_rests_its_lane_and_spends_nothing(make_object, tmp_path):
    with RudeArchive() as archive:
        config = MODALITY + sink(archive, host="no-such-host.invalid") + route("archive")
        with running_router(tmp_path, config) as router:
            send([make_object(tmp_path, 1)], router.port)
            router.wait_until(lambda: "a lane rests" in router.log())
            (row,) = router.deliveries()
            assert (row.state, row.attempts) == ("ready", 0)
