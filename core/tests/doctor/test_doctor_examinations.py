"""Each examination says nothing of what is well, and names what is not."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hilum_core import revisions
from hilum_core.clock import microseconds
from hilum_core.doctor.certificates import examine_certificates
from hilum_core.doctor.clocks import examine_clocks
from hilum_core.doctor.configuration import examine_config
from hilum_core.doctor.disk import examine_disk
from hilum_core.doctor.examinations import EXAMINATIONS, examine
from hilum_core.doctor.findings import Case
from hilum_core.doctor.leases import examine_leases
from hilum_core.doctor.queue_file import examine_queue
from hilum_core.doctor.spool_files import examine_spool
from hilum_core.doctor.state_directory import examine_state_directory, fix_modes
from hilum_core.incarnation import Incarnation
from hilum_core.queue import SqliteQueue
from hilum_core.queue.mark import write_mark
from hilum_core.spool.ids import first_id_of


def test_what_others_may_use_is_named_and_mended(ward):
    assert ward.findings(examine_state_directory) == []
    (ward.root / "patient.key").write_text("a secret")
    (ward.root / "patient.key").chmod(0o644)
    (ward.root / "spool").chmod(0o755)
    ((level, what),) = ward.findings(examine_state_directory)
    assert (level, "patient.key, spool" in what) == ("fault", True)
    assert fix_modes(ward.root) == 2
    assert ward.findings(examine_state_directory) == []


def test_a_state_directory_that_is_not_there_is_a_fault(ward, tmp_path):
    ((level, what),) = ward.findings(examine_state_directory, state_dir=tmp_path / "none")
    assert (level, "is not there" in what) == ("fault", True)


def test_a_disk_with_less_room_than_the_router_keeps_is_a_fault(ward):
    (ward.root / "ballast").touch()
    revisions.accept(ward.root, ward.configure('refuse_below_free = "1 B"'))
    assert ward.findings(examine_disk) == []
    revisions.accept(ward.root, ward.configure('refuse_below_free = "900 TB"'))
    ((level, what),) = ward.findings(examine_disk)
    assert (level, "below refuse_below_free" in what) == ("fault", True)


def test_a_queue_that_is_sound_is_no_finding(ward):
    ward.store()
    assert ward.findings(examine_queue) == ward.findings(examine_queue, deep=True) == []


def test_a_queue_that_is_gone_is_a_fault_where_there_are_objects(ward):
    object_id = ward.store()
    ward.drop_queue()
    assert ward.findings(examine_queue) == [("fault", "it is gone, and there are objects")]
    ward.spool.locate(object_id).unlink()
    assert ward.findings(examine_queue) == []


def test_a_damaged_queue_is_a_fault(ward):
    ward.queue.close()
    for file in ward.root.glob("queue.sqlite-*"):
        file.unlink()
    file = ward.root / "queue.sqlite"
    whole = file.read_bytes()
    for damaged in (b"\x5a" * len(whole), whole[:8192] + b"\xa5" * (len(whole) - 8192)):
        file.write_bytes(damaged)
        assert [level for level, _ in ward.findings(examine_queue)] == ["fault"]


def test_an_older_queue_and_held_objects_are_told(ward):
    write_mark(ward.root, 99)
    ((level, what),) = ward.findings(examine_queue)
    assert (level, "an older copy" in what) == ("fault", True)
    write_mark(ward.root, 1)
    ward.store()
    ward.queue.distrust("a copy")
    assert ward.findings(examine_queue) == [("warning", "1 held for a person")]


def test_what_has_only_a_file_or_only_a_row_is_named(ward):
    gone, whole, alone = ward.store(), ward.store(), ward.store(with_row=False)
    ward.spool.locate(gone).unlink()
    found = dict(ward.findings(examine_spool))
    assert found.keys() == {"warning", "fault"}
    assert (alone in found["warning"], gone in found["fault"]) == (True, True)
    assert whole not in "".join(found.values())


def test_an_object_that_was_damaged_is_named(ward):
    assert ward.findings(examine_spool) == []
    object_id = ward.store()
    assert ward.findings(examine_spool) == []
    with ward.spool.locate(object_id).open("r+b") as file:
        file.seek(-1, 2)
        file.write(b"x")
    ((level, what),) = ward.findings(examine_spool, deep=True)
    assert (level, object_id in what) == ("fault", True)


def test_what_a_dead_process_has_in_hand_is_told(ward):
    ward.store()
    live = Incarnation.claim(ward.root, "route")
    other = SqliteQueue.open(ward.root / "queue.sqlite", live.number)
    assert len(other.claim_objects(1)) == 1
    assert ward.findings(examine_leases) == []
    live.close()
    other.close()
    assert ward.findings(examine_leases) == [("warning", "their process is dead: 1 in route")]


def test_objects_from_the_future_are_told(ward):
    assert ward.findings(examine_clocks) == []
    future = ward.spool.locate(ward.store(with_row=False))
    late = first_id_of(microseconds(datetime.now(UTC) + timedelta(days=1)))
    path = ward.spool.locate(late)
    path.parent.mkdir(parents=True)
    future.rename(path)
    ((level, what),) = ward.findings(examine_clocks)
    assert (level, "before the newest file" in what) == ("warning", True)


def test_a_config_that_is_wrong_or_not_the_one_in_use_is_told(ward):
    assert ward.findings(examine_config) == []
    ward.configure("# newer")
    ((level, what),) = ward.findings(examine_config)
    assert (level, "differs from revision 1" in what) == ("warning", True)
    ward.config_path.write_text("[router]\nae_tittle = 1\n")
    assert [level for level, _ in ward.findings(examine_config)] == ["fault"]
    assert ward.findings(examine_config, config_path=None) == []


def test_a_certificate_that_is_not_there_is_a_fault(ward, tmp_path):
    assert ward.findings(examine_certificates) == []
    names = {"certificate": "cert.pem", "key": "key.pem", "ca": "ca.pem"}
    tls = [f'tls.{key} = "{tmp_path}/{name}"' for key, name in names.items()]
    ward.configure("\n".join(['listen_tls = "127.0.0.1:2762"', *tls]))
    found = ward.findings(examine_certificates)
    assert found
    assert {level for level, _ in found} == {"fault"}


def test_an_examination_that_fails_is_a_fault_and_the_others_are_made(ward, monkeypatch):
    def fail(_case, _says):
        raise PermissionError("not yours")

    names = ("leases", "clock")
    monkeypatch.setattr(
        "hilum_core.doctor.examinations.EXAMINATIONS",
        {"disk": fail} | {name: EXAMINATIONS[name] for name in names},
    )
    found = list(examine(Case(state_dir=ward.root, config_path=None)))
    assert [(one.examination, str(one.level)) for one in found] == [
        ("disk", "fault"),
        ("leases", "ok"),
        ("clock", "ok"),
    ]
