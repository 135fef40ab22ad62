"""The interface of the queue: small, batch-wise, and free of the ways of any one database.

One store belongs to one process and is used by one thread at a time. Every call that changes
something is one durable transaction. A call that settles a lease does nothing for a lease that is no
longer ours (the outcome of a worker that we gave up on comes too late).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Protocol

from hilum_core.queue.records import (
    Acted,
    ClaimedDelivery,
    ClaimedObject,
    ClaimedRendering,
    Compared,
    DeliveryOutcome,
    DeliveryRow,
    Distrusted,
    Event,
    Forgotten,
    HeldFilter,
    HeldGroup,
    Inventory,
    LaneStatus,
    ObjectHistory,
    ObjectRow,
    QueueStatus,
    RenderingOutcome,
    RoutingOutcome,
)
from hilum_core.spool.records import StoredObject


class QueueStore(Protocol):
    """See `hilum_core.queue.sqlite.SqliteQueue` for the embedded default."""

    # ---- RECEIVE

    def add_objects(self, stored: Sequence[StoredObject], *, found: str = "") -> int:
        """Insert objects as `received`, or as `held` with reason `found` where that is not empty.

        Rows that exist are left alone (reconcile may find them again). Returns how many were new.
        """
        ...

    def known_objects(self, object_ids: Collection[str]) -> set[str]:
        """Those of the ids that have a row, whatever its state."""
        ...

    def last_object_id(self, *, beside: str | None = None) -> str | None:
        """The greatest id that has a row: new ones must come after it, whatever the clock says.

        With `beside`, only of the incarnation that gave this id, and None if none is greater.
        """
        ...

    # ---- whether the queue is the one that was here last, see `hilum_core.queue.trust`

    def trusted_since(self) -> datetime:
        """When this queue was made, or put in place of another: older files without a row are held."""
        ...

    def last_mark(self) -> int:
        """The number of the queue's last mark; 0 if it has none."""
        ...

    def needs_mark(self) -> bool:
        """Whether anything has happened since the last mark."""
        ...

    def advance_mark(self, *, after: int = 0) -> int:
        """Give the queue its next mark, greater than `after`; durable, with all that was written before."""
        ...

    def distrust(self, reason: str, *, received_until: datetime | None = None) -> Distrusted:
        """Hold all that would go on by itself: it may have been sent since this copy was made.

        Files without a row are held too, of now or of `received_until`, where that is later, and before.
        """
        ...

    # ---- ROUTE

    def claim_objects(self, limit: int) -> Sequence[ClaimedObject]:
        """Lease objects that are `received` and due, oldest first, counting an attempt of each.

        One that was in hand at three deaths of a worker comes alone in its batch.
        """
        ...

    def settle_routings(self, outcomes: Sequence[RoutingOutcome]) -> Sequence[str]:
        """Record what became of leased objects; returns the ids of objects that are now settled.

        Deliveries are unique per (object, sink, chain). Per (sink, chain, SOP Instance UID) an older
        unfinished one with another checksum becomes `superseded` unless it is leased; one that is
        itself older than what the sink was given becomes `superseded` at once.
        """
        ...

    def delivered_to(self, sinks: Collection[str], sop_instance_uid: str, checksum: int) -> bool:
        """Whether these very bytes, as they came, were already delivered through one of the sinks."""
        ...

    # ---- RENDER

    def claim_renderings(
        self, limit: int, *, busy: Collection[tuple[str, ...]] = ()
    ) -> Sequence[ClaimedRendering]:
        """Lease renderings that are due, taking turns between chains, none of the `busy` chains."""
        ...

    def note_transforms(self, deidentifying: Mapping[str, bool]) -> None:
        """Keep of transforms whether they de-identify: see `ObjectRow.withholds_uids`."""
        ...

    def chains_to_compare(self) -> Sequence[tuple[str, ...]]:
        """The chains of which something rendered waits that nobody has compared since the router started.

        Nor since it took its config. Until then no lane claims it.
        """
        ...

    def compare_renderings(
        self, chain: tuple[str, ...], identity: str | None, *, limit: int = 500
    ) -> Compared:
        """Compare some of a chain's with what the chain is now; None: it is no more, and they stay.

        What was made otherwise is rendered anew for the sinks that have not taken it.
        """
        ...

    def settle_renderings(self, outcomes: Sequence[RenderingOutcome]) -> Sequence[str]:
        """Record renderings and move their deliveries on; returns the objects that are now settled."""
        ...

    # ---- DELIVER

    def claim_deliveries(
        self, sink: str, limit: int, *, shard: int = 0, shards: int = 1
    ) -> Sequence[ClaimedDelivery]:
        """Lease deliveries of a sink that are `ready` and due, oldest reception first, counting an attempt.

        None while an older unfinished delivery of the same (sink, chain, SOP Instance UID) exists.
        With `shards` > 1 all objects of a patient fall to one shard. One that was in hand at three
        deaths of a worker comes alone.
        """
        ...

    def upcoming_needs(self, sink: str, *, look_at: int = 1000) -> Sequence[tuple[str, str, int]]:
        """(SOP class, transfer syntax, how many) among the next deliveries of a sink; claims nothing."""
        ...

    def settle_deliveries(self, outcomes: Sequence[DeliveryOutcome]) -> Sequence[str]:
        """Record what became of leased deliveries; returns the ids of objects that are now settled."""
        ...

    def renew_leases(self, until: datetime) -> None:
        """Move the end of all leases of this incarnation."""
        ...

    def recover_leases(self, *, stage: str, live: Collection[int]) -> int:
        """Return what dead incarnations had leased in `stage` (route, render, deliver); how many."""
        ...

    def next_due_at(self, *, stage: str, sink: str | None = None) -> datetime | None:
        """When the next object, rendering or delivery (of `sink`) may be claimed; None if none waits."""
        ...

    def carry_times(self, stage: str, by: timedelta) -> None:
        """Move the times of waiting and trying of a stage along: the clock was set, or nobody worked."""
        ...

    def note_time(self, stage: str) -> None:
        """Keep the time, so that the next process of the stage knows for how long nobody worked."""
        ...

    def time_noted(self, stage: str) -> datetime | None:
        """The time that a process of the stage kept last; None if none did."""
        ...

    def set_lane(self, status: LaneStatus, *, tell: bool = False) -> None:
        """Show what a lane is doing; with `tell` it is a line in the ledger, too."""
        ...

    def lanes(self) -> Mapping[str, LaneStatus]:
        """What each lane was doing when it was last shown."""
        ...

    def keep_lanes(self, sinks: Collection[str]) -> None:
        """Forget what lanes of other sinks than these said: the config has them no more."""
        ...

    def set_problem(self, label: str, text: str) -> None:
        """Show a problem in the status; an empty text takes it away."""
        ...

    def clear_problems(self, prefix: str) -> None:
        """Take away all problems whose label starts with `prefix`."""
        ...

    # ---- what a new config has no more

    def count_stranded(self, inventory: Inventory) -> Mapping[str, int]:
        """How many deliveries that nobody has in hand are for what this config has not, by reason."""
        ...

    def find_stranded(self, inventory: Inventory) -> Sequence[tuple[int, str]]:
        """Those deliveries, each with the reason, for `hold_stranded`."""
        ...

    def hold_stranded(self, stranded: Sequence[tuple[int, str]]) -> int:
        """Hold some of them for a person, with the reason; how many had not moved on."""
        ...

    # ---- retention

    def start_purge(
        self, settled_before: datetime, limit: int, *, settled_after: datetime | None = None
    ) -> Sequence[str]:
        """Mark settled objects `purging`, synced; also returns those left so before that are due.

        Settled before the one time, or after the other: while the clock was ahead.
        """
        ...

    def defer_purge(self, object_ids: Sequence[str], until: datetime) -> None:
        """Some of their bytes cannot be removed now: they stay `purging`, and are tried again later."""
        ...

    def count_deferred_purges(self) -> int:
        """How many objects wait to be tried again."""
        ...

    def finish_purge(self, object_ids: Sequence[str]) -> None:
        """Their bytes are gone: mark them `purged`. Rows and ledger stay until they are forgotten."""
        ...

    def forget_objects(
        self, kept_from: datetime, kept_to: datetime, *, after: int = 0, limit: int
    ) -> Forgotten:
        """Remove rows and ledger of objects that are purged, and were outside the times to keep.

        Looks at `limit` rows after a number, no further than to the first that came within those times.
        """
        ...

    def forget_lines(
        self, kept_from: datetime, kept_to: datetime, *, after: int = 0, limit: int
    ) -> Forgotten:
        """As `forget_objects`: lines of the ledger that belong to no object."""
        ...

    # ---- people and machines that look

    def status(self) -> QueueStatus:
        """The whole queue in figures."""
        ...

    def list_objects(
        self, *, states: Collection[str] = (), study_instance_uid: str = "", limit: int = 100
    ) -> Sequence[ObjectRow]:
        """Objects, newest first."""
        ...

    def list_deliveries(
        self, *, states: Collection[str] = (), sink: str = "", limit: int = 100
    ) -> Sequence[DeliveryRow]:
        """Deliveries, those of the newest objects first."""
        ...

    def history(self, any_id: str) -> ObjectHistory | None:
        """Of an object, or of the object of a delivery."""
        ...

    def events(self, after: int, limit: int) -> Sequence[Event]:
        """Lines of the ledger after a cursor, in order."""
        ...

    # ---- people who act; but for the `…_each` and `cancel_held`, a state that forbids it raises
    # `QueueRefusal` with what to do, and undoes the whole act

    def retry(self, delivery_ids: Sequence[str], *, by: str, because: str) -> int:
        """Make dead or waiting deliveries due at once, with a fresh time to give up; how many."""
        ...

    def retry_each(self, delivery_ids: Sequence[str], *, by: str, because: str) -> Acted:
        """As `retry`; what is not possible, because the router works on beside, is skipped and counted."""
        ...

    def cancel(self, any_ids: Sequence[str], *, by: str, because: str) -> Sequence[str]:
        """End deliveries, or all open ones of objects (a held object too); returns objects now settled."""
        ...

    def cancel_each(self, delivery_ids: Sequence[str], *, by: str, because: str) -> Acted:
        """As `cancel`, of deliveries; what is not possible is skipped and counted."""
        ...

    def release(self, any_ids: Sequence[str], *, by: str, because: str, sinks: Sequence[str] = ()) -> int:
        """Let held deliveries or objects go on; with `sinks`, deliver held objects there as they came."""
        ...

    def release_each(self, any_ids: Sequence[str], *, by: str, because: str) -> Acted:
        """As `release`; what is not possible is skipped and counted."""
        ...

    def redirect_each(self, delivery_ids: Sequence[str], sink: str, *, by: str, because: str) -> Acted:
        """Deliver to another sink, by the same chain; what is in hand or ended is skipped."""
        ...

    def cancel_held(self, any_ids: Sequence[str], *, by: str, because: str) -> Acted:
        """As `cancel`, of what is still held; what is not is skipped and counted."""
        ...

    # ---- what is held, by the thousand: see `hilum_core.queue.held`

    def held_groups(self, which: HeldFilter) -> Sequence[HeldGroup]:
        """What is held, counted by reason, day, sender and sink."""
        ...

    def list_held(self, which: HeldFilter) -> Sequence[str]:
        """The ids of the held objects and deliveries, in order of reception."""
        ...

    def close(self) -> None:
        """Let go of the database. Safe twice."""
        ...


GROUP_COMMIT_S = 0.020
GROUP_COMMIT_CHANGES = 512
LEASE = timedelta(minutes=5)
