"""What ROUTE makes of what a worker says."""

from __future__ import annotations

import select
from datetime import UTC, datetime, timedelta

import attrs
import pytest

from hilum_core.clock import SteadyClock
from hilum_core.config import RouterSettings
from hilum_core.queue import Doorbell
from hilum_core.queue.records import (
    Failure,
    HeaderFacts,
    NewDelivery,
    Routed,
    RouteMatch,
    RoutingDeferred,
    RoutingHeld,
)
from hilum_core.route.coordinator import RouteCoordinator
from hilum_core.spool import open_spool
from hilum_core.stage import StageArguments, StopSignal, open_queue
from hilum_core.workers.failures import TEMPORARY
from hilum_core.workers.wire import pack
from hilum_sdk import Association

FAILED = {"failed": pack(Failure(text="not now", kind=TEMPORARY)), "retry_after": None}


@pytest.fixture
def desk(tmp_path):
    """A coordinator, with one object that was received and claimed."""
    tmp_path.chmod(0o700)
    (tmp_path / "run").mkdir()
    queue, spool = open_queue(tmp_path, 1), open_spool(tmp_path, 1)
    writer = spool.begin(
        sop_class_uid="1.2.840.10008.5.1.4.1.1.2",
        sop_instance_uid="1.2.3",
        transfer_syntax_uid="1.2.840.10008.1.2.1",
        association=Association(calling_ae="CT", called_ae="HILUM", peer="ct"),
        received_at=datetime.now(UTC) - timedelta(days=30),
    )
    queue.add_objects([writer.commit()])
    arguments = StageArguments(state_dir=tmp_path, revision=1, lifeline_fd=-1, lock_fd=-1, stop_within_s=5)
    settings = RouterSettings(state_dir=tmp_path)
    yield Desk(RouteCoordinator(queue, spool, settings, arguments, StopSignal(), clock=SteadyClock()), queue)
    queue.close()


@attrs.frozen
class Desk:
    coordinator: RouteCoordinator
    queue: object

    def hear(self, message, **changes):
        """Say something about the claimed object; returns the outcome."""
        (claimed,) = self.queue.claim_objects(1)
        object_id = claimed.stored.instance.id
        (link,) = self.coordinator.links
        link.in_hand[object_id] = attrs.evolve(claimed, **changes)
        outcomes = []
        self.coordinator.conclude = lambda _link, _item_id, outcome: outcomes.append(outcome)
        self.coordinator.heard(link, {"done": object_id, **message})
        return outcomes[0]


def test_the_time_to_give_up_counts_from_the_first_attempt_and_not_from_reception(desk):
    assert isinstance(desk.hear(FAILED), RoutingDeferred)


def test_an_object_is_held_when_it_was_tried_for_two_weeks(desk):
    outcome = desk.hear(FAILED, first_attempt_at=datetime.now(UTC) - timedelta(days=15), attempt=900)
    assert isinstance(outcome, RoutingHeld)
    assert (outcome.code, outcome.failure.text) == ("filter", "not now")


@pytest.mark.parametrize(("chains", "rung"), [([()], {"deliver"}), ([("anonymise",)], {"render", "deliver"})])
def test_who_goes_on_is_woken(desk, chains, rung):
    (claimed,) = desk.queue.claim_objects(1)
    state_dir = desk.coordinator.arguments.state_dir
    bells = {stage: Doorbell.bind(state_dir, stage) for stage in ("render", "deliver")}
    routed = Routed(
        object_id=claimed.stored.instance.id,
        lease_no=claimed.lease_no,
        facts=HeaderFacts(),
        matches=(RouteMatch(route="all", why=""),),
        deliveries=tuple(NewDelivery(sink="pacs", route="all", chain=chain) for chain in chains),
        revision=1,
    )
    desk.coordinator.settle([routed])
    assert {stage for stage, bell in bells.items() if select.select([bell], [], [], 0)[0]} == rung
    for bell in bells.values():
        bell.close()
