"""Random histories: whatever happens in whatever order, no object is lost and none is held twice."""

from __future__ import annotations

import shutil
import tempfile
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from hilum_core.clock import ManualClock
from hilum_core.queue import QueueRefusal, SqliteQueue
from hilum_core.queue.records import (
    DeliveryDead,
    DeliveryDeferred,
    Failure,
    HeaderFacts,
    NewDelivery,
    ObjectDamaged,
    Rendered,
    Rendering,
    RenderingDead,
    RenderingDeferred,
    RenderingDiscarded,
    RenderingHeld,
    RenderingLost,
    Routed,
    RouteMatch,
    RoutingDeferred,
    RoutingDiscarded,
    RoutingHeld,
    Sent,
)
from hilum_core.queue.states import DELIVERIES, OBJECTS, UNFINISHED
from hilum_core.spool import ObjectIds, StoredObject
from hilum_sdk import Association, Instance, Receipt

WHY = Failure(text="refused", status=0xA700)
SINKS = ("pacs", "research")
ASSOCIATION = Association(calling_ae="CT1", called_ae="HILUM")
WHO = {"by": "mona", "because": "test"}
Draw = st.data()


class QueueMachine(RuleBasedStateMachine):
    def __init__(self):
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.clock = ManualClock()
        self.incarnation = 0
        self.versions = {}  # object id: (instance, checksum)
        self.sent = []  # (sink, instance, object id) in the order of delivery
        self.start()

    def start(self):
        self.incarnation += 1
        self.queue = SqliteQueue.open(self.folder / "queue.sqlite", self.incarnation, self.clock)
        self.queue._session._connection.pragma("synchronous", 0)  # for speed: no power cuts here
        self.ids = ObjectIds(self.incarnation, self.clock, self.queue.last_object_id())
        self.routing, self.rendering, self.delivering = {}, {}, {}

    def teardown(self):
        self.queue.close()
        shutil.rmtree(self.folder)

    @rule(instance=st.integers(0, 2), checksum=st.integers(0, 1))
    def receive(self, instance, checksum):
        self.clock.advance(timedelta(milliseconds=1))
        stored = StoredObject(
            instance=Instance(
                id=self.ids.new(),
                sop_class_uid="1.2",
                sop_instance_uid=f"1.{instance}",
                transfer_syntax_uid="1.2.840.10008.1.2",
                data_set_bytes=1,
                received_at=self.clock.now(),
                association=ASSOCIATION,
            ),
            checksum=checksum,
        )
        self.queue.add_objects([stored])
        self.versions[stored.instance.id] = (instance, checksum)

    @rule(limit=st.integers(1, 4))
    def claim_objects(self, limit):
        for claimed in self.queue.claim_objects(limit):
            assert claimed.stored.instance.id not in self.routing
            self.routing[claimed.stored.instance.id] = claimed

    @precondition(lambda self: self.routing)
    @rule(draw=Draw)
    def settle_routing(self, draw):
        object_id = draw.draw(st.sampled_from(sorted(self.routing)))
        lease_no = self.routing.pop(object_id).lease_no
        key = {"object_id": object_id, "lease_no": lease_no}
        sinks = draw.draw(
            st.lists(st.tuples(st.sampled_from(SINKS), st.sampled_from([(), ("safe",)])), max_size=3)
        )
        deliveries = tuple(NewDelivery(sink=sink, route="r", chain=chain) for sink, chain in sinks)
        matches = (RouteMatch(route="r", why="f"),)
        routed = Routed(**key, facts=HeaderFacts(), matches=matches, deliveries=deliveries, revision=1)
        others = [
            RoutingHeld(**key, code="unmatched", failure=WHY),
            RoutingDiscarded(**key, rule="discard"),
            RoutingDeferred(**key, failure=WHY, not_before=self.clock.now() + timedelta(seconds=5)),
            RoutingDeferred(**key, failure=WHY, not_before=self.clock.now(), crashed=True),
        ]
        self.queue.settle_routings([draw.draw(st.sampled_from([routed, routed, routed, *others]))])

    @rule(limit=st.integers(1, 4))
    def claim_renderings(self, limit):
        for claimed in self.queue.claim_renderings(limit):
            assert claimed.rendering_id not in self.rendering
            self.rendering[claimed.rendering_id] = claimed

    @precondition(lambda self: self.rendering)
    @rule(draw=Draw)
    def settle_rendering(self, draw):
        number = draw.draw(st.sampled_from(sorted(self.rendering)))
        key = {"rendering_id": number, "lease_no": self.rendering.pop(number).lease_no}
        made = Rendering(
            file_name="x",
            sop_class_uid="1",
            sop_instance_uid="1",
            transfer_syntax_uid="1",
            data_set_bytes=1,
            deidentified=True,
        )
        rendered = Rendered(**key, rendering=made)
        others = [
            RenderingHeld(**key, code="x", failure=WHY),
            RenderingDiscarded(**key, rule="x"),
            RenderingDead(**key, failure=WHY),
            RenderingDeferred(**key, failure=WHY, not_before=self.clock.now()),
        ]
        self.queue.settle_renderings([draw.draw(st.sampled_from([rendered, rendered, rendered, *others]))])

    @rule(sink=st.sampled_from(SINKS), limit=st.integers(1, 4))
    def claim_deliveries(self, sink, limit):
        for claimed in self.queue.claim_deliveries(sink, limit):
            assert claimed.delivery_id not in self.delivering
            self.delivering[claimed.delivery_id] = claimed
            self.check_order(claimed)

    def check_order(self, claimed):
        """No older unfinished delivery of the same (sink, chain, instance) is anywhere."""
        uid = claimed.stored.instance.sop_instance_uid
        mine = next(d for d in self.rows() if d.delivery_id == claimed.delivery_id)
        for row in self.rows():
            same_lane = (row.sink, row.chain) == (mine.sink, mine.chain)
            same_instance = f"1.{self.versions[row.object_id][0]}" == uid
            if same_lane and same_instance and row.object_id < mine.object_id:
                assert row.state not in UNFINISHED

    @precondition(lambda self: self.delivering)
    @rule(draw=Draw)
    def settle_delivery(self, draw):
        name = draw.draw(st.sampled_from(sorted(self.delivering)))
        claimed = self.delivering.pop(name)
        key = {"delivery_id": name, "lease_no": claimed.lease_no}
        sent = Sent(**key, receipt=Receipt(status=0))
        others = [
            DeliveryDeferred(**key, failure=WHY, not_before=self.clock.now() + timedelta(seconds=3)),
            DeliveryDeferred(**key, failure=None, not_before=self.clock.now(), spent=False),
            DeliveryDead(**key, failure=WHY),
            RenderingLost(**key, failure=WHY) if claimed.rendering else ObjectDamaged(**key, failure=WHY),
        ]
        outcome = draw.draw(st.sampled_from([sent, sent, sent, *others]))
        if outcome is sent:
            object_id = claimed.stored.instance.id
            lane = (claimed.sink, claimed.rendering is None, self.versions[object_id][0])
            self.check_no_newer_went_before(lane, object_id)
            self.sent.append((lane, object_id))
        self.queue.settle_deliveries([outcome])

    def check_no_newer_went_before(self, lane, object_id):
        for other_lane, other in self.sent:
            if other_lane == lane and self.versions[other] != self.versions[object_id]:
                assert other < object_id, "the sink got an older version after a newer one"

    @rule(draw=Draw, act=st.sampled_from(["retry", "cancel", "release", "hand"]))
    def person(self, draw, act):
        names = [d.delivery_id for d in self.rows()] if act == "retry" else []
        if act != "retry":
            names = [*self.versions, *(d.delivery_id for d in self.rows())]
        if not names:
            return
        name = draw.draw(st.sampled_from(sorted(names)))
        try:
            if act == "hand":
                self.queue.release([name], **WHO, sinks=["research"])
            else:
                getattr(self.queue, act)([name], **WHO)
        except QueueRefusal:
            pass

    @rule()
    def die_and_recover(self):
        self.queue.close()
        self.start()
        for stage in ("route", "render", "deliver"):
            self.queue.recover_leases(stage=stage, live={self.incarnation})

    @rule(seconds=st.integers(1, 10))
    def wait(self, seconds):
        self.clock.advance(timedelta(seconds=seconds))

    @rule()
    def purge(self):
        self.queue.finish_purge(self.queue.start_purge(self.clock.now(), 10))

    def rows(self):
        return self.queue.list_deliveries(limit=10_000)

    @invariant()
    def nothing_is_lost_and_settled_means_ended(self):
        objects = {row.stored.instance.id: row for row in self.queue.list_objects(limit=10_000)}
        assert set(objects) == set(self.versions)
        still_open = {d.object_id for d in self.rows() if d.state in DELIVERIES.open}
        for object_id, row in objects.items():
            if row.state in OBJECTS.open:
                assert row.state != "routed" or object_id in still_open
            else:
                assert object_id not in still_open

    @invariant()
    def leases_are_those_that_we_hold(self):
        assert {d.delivery_id for d in self.rows() if d.state == "leased"} == set(self.delivering)

    @invariant()
    def figures_are_those_of_the_rows(self):
        status = self.queue.status()
        rows = self.rows()
        for sink in status.sinks:
            for state, number in sink.by_state.items():
                assert number == sum(1 for d in rows if (d.sink, d.state) == (sink.sink, state))
        assert sum(sum(sink.by_state.values()) for sink in status.sinks) == len(rows)
        assert sum(status.objects.values()) == len(self.versions)


@pytest.mark.filterwarnings("ignore:.*Hypothesis.*")
class TestQueueMachine(QueueMachine.TestCase):
    settings = settings(
        max_examples=40, stateful_step_count=40, deadline=None, suppress_health_check=list(HealthCheck)
    )
