"""A queue with a clock that stands, and the steps of an object through it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from hilum_core.clock import ManualClock
from hilum_core.queue import SqliteQueue
from hilum_core.queue.records import (
    DeliveryDead,
    DeliveryDeferred,
    Failure,
    HeaderFacts,
    NewDelivery,
    Rendered,
    Rendering,
    Routed,
    RouteMatch,
    RoutingDeferred,
    RoutingHeld,
    Sent,
)
from hilum_core.spool import ObjectIds, StoredObject
from hilum_sdk import Association, Instance, Receipt

CT = "1.2.840.10008.5.1.4.1.1.2"
EXPLICIT = "1.2.840.10008.1.2.1"
FAILURE = Failure(text="PACS: out of resources", kind="TemporaryError", status=0xA700, blame="PACS")


class Desk:
    """Takes objects through a queue, one step at a time."""

    failure = FAILURE

    def __init__(self, path, clock, incarnation=1):
        self.path = path
        self.clock = clock
        self.ids = ObjectIds(incarnation, clock)
        self.queue = SqliteQueue.open(path, incarnation, clock)

    def another(self, incarnation):
        """A second process at the same queue."""
        return Desk(self.path, self.clock, incarnation)

    def stored(self, uid="1.2.3", checksum=1, **association):
        facts = {"calling_ae": "CT1", "called_ae": "HILUM", "peer": "ct1", "address": "10.1.20.5"}
        instance = Instance(
            id=self.ids.new(),
            sop_class_uid=CT,
            sop_instance_uid=uid,
            transfer_syntax_uid=EXPLICIT,
            data_set_bytes=524288,
            received_at=self.clock.now(),
            association=Association(**(facts | association)),
        )
        return StoredObject(instance=instance, checksum=checksum)

    def receive(self, uid="1.2.3", checksum=1, **association):
        stored = self.stored(uid, checksum, **association)
        assert self.queue.add_objects([stored]) == 1
        self.clock.advance(timedelta(milliseconds=1))
        return stored.instance.id

    def routed(self, claimed, *sinks, chain=(), patient="p1", study="1.2"):
        return Routed(
            object_id=claimed.stored.instance.id,
            lease_no=claimed.lease_no,
            facts=HeaderFacts(study_instance_uid=study, patient_key=patient, modality="CT"),
            matches=tuple(RouteMatch(route=f"to-{sink}", why="emergency_ct") for sink in sinks),
            deliveries=tuple(NewDelivery(sink=sink, route=f"to-{sink}", chain=chain) for sink in sinks),
            revision=7,
        )

    def route(self, *sinks, chain=(), patient="p1", study="1.2"):
        """Route all that is due to these sinks; returns what that settled."""
        claimed = self.queue.claim_objects(1000)
        outcomes = [self.routed(c, *sinks, chain=chain, patient=patient, study=study) for c in claimed]
        return self.queue.settle_routings(outcomes)

    def hold(self, code="unmatched", text="no route matched"):
        (claimed,) = self.queue.claim_objects(1)
        object_id = claimed.stored.instance.id
        held = RoutingHeld(
            object_id=object_id, lease_no=claimed.lease_no, code=code, failure=Failure(text=text)
        )
        self.queue.settle_routings([held])
        return object_id

    def put_back(self, claimed, *, in_s=0.0, **changes):
        """The outcome of a claimed object or delivery that is to be tried again."""
        not_before = self.clock.now() + timedelta(seconds=in_s)
        common = {"lease_no": claimed.lease_no, "failure": FAILURE, "not_before": not_before} | changes
        if hasattr(claimed, "delivery_id"):
            return DeliveryDeferred(delivery_id=claimed.delivery_id, **common)
        return RoutingDeferred(object_id=claimed.stored.instance.id, **common)

    def render(self):
        """Apply every chain that is due."""
        claimed = self.queue.claim_renderings(1000)
        self.queue.settle_renderings([self.rendered(c) for c in claimed])
        return claimed

    def rendered(self, claimed):
        made = Rendering(
            file_name=f"{claimed.stored.instance.id}-safe.dcm",
            sop_class_uid=CT,
            sop_instance_uid="2.25.1",
            transfer_syntax_uid=EXPLICIT,
            data_set_bytes=500000,
            deidentified=True,
        )
        return Rendered(rendering_id=claimed.rendering_id, lease_no=claimed.lease_no, rendering=made)

    def sent(self, claimed, **receipt):
        return Sent(
            delivery_id=claimed.delivery_id, lease_no=claimed.lease_no, receipt=Receipt(status=0, **receipt)
        )

    def dead(self, claimed):
        return DeliveryDead(delivery_id=claimed.delivery_id, lease_no=claimed.lease_no, failure=FAILURE)

    def send(self, sink="pacs"):
        """Deliver all that is due; returns what that settled."""
        claimed = self.queue.claim_deliveries(sink, 1000)
        return self.queue.settle_deliveries([self.sent(c) for c in claimed])

    def kill(self, sink="pacs"):
        claimed = self.queue.claim_deliveries(sink, 1000)
        self.queue.settle_deliveries([self.dead(c) for c in claimed])
        return [c.delivery_id for c in claimed]

    def order(self, sink="pacs", limit=1000, **shards):
        """Claim, tell the instances in order, and give back unspent."""
        claimed = self.queue.claim_deliveries(sink, limit, **shards)
        self.queue.settle_deliveries([self.put_back(c, failure=None, spent=False) for c in claimed])
        return [c.stored.instance.sop_instance_uid for c in claimed]

    def state(self, any_id):
        history = self.queue.history(any_id)
        for delivery in history.deliveries:
            if delivery.delivery_id == any_id:
                return delivery.state
        return history.object.state

    def deliveries(self, object_id):
        """Sink: state."""
        return {d.sink: d.state for d in self.queue.history(object_id).deliveries}

    def delivery(self, object_id, sink="pacs"):
        (found,) = [d for d in self.queue.history(object_id).deliveries if d.sink == sink]
        return found

    def story(self, object_id):
        """The kinds of the object's lines in the ledger."""
        return [event.kind for event in self.queue.history(object_id).events]

    def settled(self):
        return [row.stored.instance.id for row in self.queue.list_objects(states=["settled"])]


@pytest.fixture
def clock():
    return ManualClock()


@pytest.fixture
def desk(tmp_path, clock):
    opened = Desk(tmp_path / "queue.sqlite", clock)
    yield opened
    opened.queue.close()
