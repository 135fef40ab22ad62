"""`hilum queue` on a real queue, as a router leaves it."""

import json
import re
from datetime import UTC, datetime, timedelta

import pytest

from hilum_core import revisions
from hilum_core.clock import ManualClock
from hilum_core.incarnation import Incarnation
from hilum_core.queue import QUEUE_FILE, SqliteQueue
from hilum_core.queue.records import (
    DeliveryDead,
    DeliveryDeferred,
    Failure,
    HeaderFacts,
    LaneStatus,
    NewDelivery,
    Routed,
    RouteMatch,
    RoutingHeld,
    Sent,
)
from hilum_core.spool.ids import ObjectIds
from hilum_core.spool.records import StoredObject
from hilum_sdk import Association, Instance, Receipt

STUDY = "1.2.840.1"
SECRET = "DOE^JOHN"


RECEIVED_AT = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=2)
FIRST, SECOND, THIRD = (ObjectIds(number, ManualClock(RECEIVED_AT)).new() for number in (1, 2, 3))


def stored(number, object_id):
    return StoredObject(
        instance=Instance(
            id=object_id,
            sop_class_uid="1.2.840.10008.5.1.4.1.1.2",
            sop_instance_uid=f"1.2.3.{number}",
            transfer_syntax_uid="1.2.840.10008.1.2.1",
            data_set_bytes=1_500_000,
            received_at=RECEIVED_AT,
            association=Association(calling_ae="CT1", called_ae="HILUM", peer="ct1", address="10.1.20.5"),
        ),
        checksum=0x1234ABCD,
    )


@pytest.fixture
def state_dir(tmp_path):
    """The state directory of a router with one object in every kind of trouble.

    Object 1 is delivered to the folder and dead at the archive, 2 waits for its next try at the archive,
    3 is held.
    """
    folder = tmp_path / "state"
    folder.mkdir()
    now = datetime.now(UTC)
    queue = SqliteQueue.open(folder / QUEUE_FILE, incarnation=1, clock=ManualClock(RECEIVED_AT))
    queue.add_objects([stored(number, one) for number, one in enumerate((FIRST, SECOND, THIRD), 1)])
    claimed = {one.stored.instance.id: one for one in queue.claim_objects(10)}
    facts = HeaderFacts(study_instance_uid=STUDY, modality="CT", patient_key="digest-of-a-patient")
    matches = (RouteMatch(route="all", why="no filter"),)
    routed = {
        object_id: Routed(
            object_id=object_id,
            lease_no=claimed[object_id].lease_no,
            facts=facts,
            matches=matches,
            deliveries=tuple(NewDelivery(sink=sink, route="all") for sink in sinks),
            revision=1,
        )
        for object_id, sinks in {FIRST: ("folder", "archive"), SECOND: ("archive",)}.items()
    }
    held = RoutingHeld(
        object_id=THIRD,
        lease_no=claimed[THIRD].lease_no,
        code="unmatched",
        failure=Failure(text="no route took it"),
    )
    queue.settle_routings([*routed.values(), held])
    (kept,) = queue.claim_deliveries("folder", 10)
    receipt = Receipt(warning="kept another", location=f"/data/{SECRET}/1.dcm")
    queue.settle_deliveries([Sent(delivery_id=kept.delivery_id, lease_no=kept.lease_no, receipt=receipt)])
    first, second = queue.claim_deliveries("archive", 10)
    refused = Failure(text="archive answered A900H\n: no", kind="RefusedError", status=0xA900)
    queue.settle_deliveries(
        [
            DeliveryDead(delivery_id=first.delivery_id, lease_no=first.lease_no, failure=refused),
            DeliveryDeferred(
                delivery_id=second.delivery_id,
                lease_no=second.lease_no,
                failure=Failure(text="connection refused"),
                not_before=now + timedelta(hours=1),
            ),
        ]
    )
    queue.set_lane(LaneStatus(sink="archive", state="resting", reason="refused", resting_until=now))
    queue.set_problem("sinks.s3", "hilum-sink-s3 0.1: raised KeyError at sink.py:3")
    queue.close()
    return folder


@pytest.fixture
def queue(hilum, state_dir):
    """Run `hilum queue COMMAND` on that state directory, in a terminal that is wide enough."""

    def run(command, *arguments):
        return hilum("queue", command, "--state-dir", state_dir, *arguments, COLUMNS="250", LOGNAME="alice")

    return run


def rows_of(shown):
    return [line.split() for line in shown.stdout.splitlines()]


def ids(queue, *arguments):
    key = "delivery_id" if "--sink" in arguments else "stored"
    rows = json.loads(queue("list", "--json", *arguments).stdout)
    return [row[key] if key == "delivery_id" else row["stored"]["instance"]["id"] for row in rows]


def test_the_age_of_the_oldest_undelivered_object_is_the_first_figure(queue):
    shown = queue("status")
    assert shown.exit_code == 0
    assert shown.stdout.startswith("oldest undelivered  2 h")


def test_the_status_counts_by_sink_and_names_lanes_and_problems(queue):
    shown = queue("status")
    rows = rows_of(shown)
    header = next(row for row in rows if row[:1] == ["sink"])
    archive = next(row for row in rows if row[:1] == ["archive"])
    counts = dict(zip(header, archive, strict=False))
    assert (counts["ready"], counts["leased"], counts["dead"], counts["held"]) == ("1", "0", "1", "0")
    assert "resting until" in shown.stdout
    assert "sinks.s3: hilum-sink-s3 0.1: raised KeyError at sink.py:3 (since " in shown.stdout
    assert "router              not running" in shown.stdout


def test_the_status_says_that_the_router_runs_while_one_of_its_processes_lives(queue, state_dir):
    life = Incarnation.claim(state_dir, "receive")
    assert "router              running" in queue("status").stdout
    life.close()


def test_the_status_is_json_on_demand(queue):
    status = json.loads(queue("status", "--json").stdout)
    assert status["running"] is False
    assert status["status"]["objects"]["held"] == 1
    assert {sink["sink"] for sink in status["status"]["sinks"]} == {"archive", "folder"}


def test_monitoring_gets_one_line_and_a_status(queue, state_dir, hilum):
    life = Incarnation.claim(state_dir, "receive")
    shown = queue("status", "--check", "--max-age", "15m", "--max-dead", "0")
    assert shown.exit_code == 2
    words = r"HILUM CRITICAL - oldest undelivered 2 h( \d+ min)? > 15 min; 1 dead > 0; 1 held; "
    assert re.match(words, shown.stdout)
    assert len(shown.stdout.splitlines()) == 1
    assert queue("status", "--check", "--max-age", "3h", "--max-dead", "1").exit_code == 1
    life.close()
    assert "the router does not run" in queue("status", "--check", "--max-age", "3h").stdout
    nowhere = hilum("queue", "status", "--check", "--state-dir", state_dir / "none")
    assert nowhere.exit_code == 3
    assert nowhere.stdout.startswith("HILUM UNKNOWN - ")


def test_deliveries_for_a_sink_that_the_config_has_not_are_told(queue, state_dir):
    life = Incarnation.claim(state_dir, "receive")
    assert "the config has not" not in queue("status").stdout  # no config was accepted yet
    revisions.accept(state_dir, '[sinks.folder]\ntype = "folder"\npath = "/data"\n')
    words = "1 delivery waits for archive, a sink that the config has not"
    shown = queue("status").stdout
    assert f"{words}: put it back, or `hilum queue cancel --sink archive`" in shown
    checked = queue("status", "--check", "--max-age", "3h", "--max-dead", "1")
    assert checked.exit_code == 1
    assert words in checked.stdout
    assert queue("cancel", "--sink", "archive", "--because", "gone").exit_code == 0
    assert "the config has not" not in queue("status").stdout
    life.close()


def test_an_age_is_written_as_in_the_config(queue):
    shown = queue("status", "--check", "--max-age", "15")
    assert shown.exit_code == 2
    assert "a duration is written with d, h, m, s or ms" in shown.stderr


def test_objects_are_listed_by_state_and_study(queue):
    assert len(ids(queue)) == 3
    assert ids(queue, "--state", "held") == [THIRD]
    assert sorted(ids(queue, "--study", STUDY)) == [FIRST, SECOND]
    assert len(ids(queue, "--limit", "2")) == 2
    shown = queue("list", "--state", "held")
    assert "1.2.3.3" in shown.stdout
    assert "unmatched" in shown.stdout


def test_deliveries_are_listed_by_sink_and_by_states_that_only_they_have(queue):
    assert len(ids(queue, "--sink", "archive")) == 2
    dead = json.loads(queue("list", "--state", "dead", "--json").stdout)
    assert [(row["sink"], row["object_id"]) for row in dead] == [("archive", FIRST)]
    assert len(ids(queue, "--sink", "archive", "--study", STUDY, "--state", "ready")) == 1
    shown = queue("list", "--state", "dead")
    assert "archive answered A900H\\n: no (0xA900)" in shown.stdout


def test_an_empty_list_says_so_on_stderr(queue):
    shown = queue("list", "--study", "1.9")
    assert (shown.exit_code, shown.stdout, shown.stderr) == (0, "", "none\n")


def test_show_tells_sender_routes_states_and_history_by_the_id_of_object_or_delivery(queue):
    shown = queue("show", FIRST)
    assert shown.exit_code == 0
    for words in (
        "ct1 (CT1 at 10.1.20.5)",
        "CT Image Storage (1.2.840.10008.5.1.4.1.1.2)",
        "1.5 MB, CRC-32 1234abcd",
        STUDY,
        "warning: kept another",
        "what happened",
    ):
        assert words in shown.stdout
    delivery, _ = ids(queue, "--sink", "archive")
    assert queue("show", delivery).stdout.splitlines()[0] == shown.stdout.splitlines()[0]


def test_nothing_that_names_a_patient_is_shown_unless_it_is_asked_for(queue):
    everything = [
        queue("status"),
        queue("status", "--json"),
        queue("list"),
        queue("list", "--json"),
        queue("list", "--sink", "folder"),
        queue("list", "--sink", "folder", "--json"),
        queue("show", FIRST),
        queue("show", FIRST, "--json"),
    ]
    for shown in everything:
        assert SECRET not in shown.output
        assert "digest-of-a-patient" not in shown.output
    assert SECRET in queue("show", FIRST, "--json", "--location").stdout


def test_an_unknown_id_is_refused(queue):
    for command in (("show", "nothing"), ("retry", "nothing")):
        shown = queue(*command)
        assert shown.exit_code == 1
        assert shown.stderr.startswith("hilum: no object or delivery has the id nothing; ")


def states(queue):
    rows = json.loads(queue("list", "--sink", "archive", "--json").stdout)
    return {row["object_id"]: (row["state"], row["next_attempt_at"]) for row in rows}


@pytest.mark.parametrize("which", [(FIRST,), ("--sink", "archive"), ("--all",)])
def test_retry_makes_deliveries_due_now_with_the_name_of_who_asked(queue, which):
    shown = queue("retry", *which, "--because", "mended")
    assert shown.exit_code == 0
    count = 1 if which == (FIRST,) else 2
    assert shown.stdout == f"{count} deliver{'y' if count == 1 else 'ies'} will be tried now\n"
    now = datetime.now(UTC).isoformat()
    due = [at for state, at in states(queue).values() if state == "ready" and at <= now]
    assert len(due) == count
    history = queue("show", FIRST).stdout
    assert "alice" in history
    assert "because mended" in history


def test_retry_wants_exactly_one_way_to_say_which(queue):
    for arguments in ((), ("--all", "--sink", "archive"), (FIRST, "--all")):
        shown = queue("retry", *arguments)
        assert shown.exit_code == 2
        assert "say what to retry" in shown.stderr


def test_retry_of_a_delivery_that_is_done_is_refused_with_the_reason(queue):
    (delivery,) = ids(queue, "--sink", "folder")
    shown = queue("retry", delivery)
    assert shown.exit_code == 1
    assert len(shown.stderr.splitlines()) == 1
    assert shown.stderr.startswith("hilum: ")


def test_cancel_wants_a_reason_and_ends_what_is_open(queue):
    assert queue("cancel", FIRST).exit_code == 2
    shown = queue("cancel", FIRST, THIRD, "--because", "a phantom")
    assert shown.exit_code == 0
    assert shown.stdout == "cancelled; 2 objects settled by that\n"
    assert states(queue)[FIRST][0] == "cancelled"
    assert sorted(ids(queue, "--state", "settled")) == [FIRST, THIRD]


def test_cancel_of_a_sink_ends_what_is_open_there_and_skips_what_a_worker_has(queue, state_dir):
    assert queue("cancel", FIRST, "--sink", "archive", "--because", "x").exit_code == 2
    assert queue("cancel", "--because", "x").exit_code == 2
    worker = SqliteQueue.open(state_dir / QUEUE_FILE, incarnation=7)
    assert queue("retry", "--sink", "archive").exit_code == 0
    worker.claim_deliveries("archive", 1)
    shown = queue("cancel", "--sink", "archive", "--because", "archive is gone")
    assert shown.exit_code == 0
    assert shown.stdout.startswith("cancelled 1 delivery; 1 skipped: in a worker's hand")
    assert sorted(state for state, _ in states(queue).values()) == ["cancelled", "leased"]
    worker.close()


def test_release_sends_a_held_object_to_the_routes_or_to_sinks(queue):
    assert queue("release").exit_code == 2
    shown = queue("release", THIRD, "--to", "archive")
    assert (shown.exit_code, shown.stdout) == (0, "released 1\n")
    assert states(queue)[THIRD][0] == "ready"


def test_a_state_directory_without_a_queue_is_named(hilum, tmp_path):
    shown = hilum("queue", "status", "--state-dir", tmp_path)
    assert shown.exit_code == 1
    assert shown.stderr == f"hilum: {tmp_path}: no router has worked here yet (it has no queue.sqlite)\n"
    assert list(tmp_path.iterdir()) == []


def test_the_state_directory_is_that_of_the_config(hilum, state_dir, write_config):
    broken_elsewhere = f'[router]\nstate_dir = "{state_dir}"\n[sinks.x]\ntype = "none"\n'
    shown = hilum("queue", "status", "--config", write_config(broken_elsewhere))
    assert shown.exit_code == 0
