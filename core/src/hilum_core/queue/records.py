"""The records that go into the queue and come out of it. No SQL, no file names."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import attrs

from hilum_core.queue.states import UNFINISHED
from hilum_core.spool.records import StoredObject
from hilum_sdk import Receipt


@attrs.frozen(kw_only=True)
class HeaderFacts:
    """What ROUTE read of an object, kept so that "where is study X?" has an answer.

    ``patient_key`` is a digest that is equal for objects of one patient and tells nobody who it is.
    Empty where the object does not say.
    """

    study_instance_uid: str = ""
    series_instance_uid: str = ""
    modality: str = ""
    patient_key: str = ""


@attrs.frozen(kw_only=True)
class Failure:
    """Why something did not work, in words for an operator, without patient data.

    ``kind`` is the class of the error, such as ``TemporaryError`` or, of a defect, its type with
    file and line; ``status`` the DIMSE or HTTP status; ``blame`` the distribution and version, or
    the peer.
    """

    text: str
    kind: str = ""
    status: int | None = None
    blame: str = ""


# ---- routing


@attrs.frozen(kw_only=True)
class ClaimedObject:
    """An object that a router has leased. ``attempt`` counts this claim, from 1.

    A release by a person begins anew: ``attempt``, ``crashes`` and ``first_attempt_at`` count from there.
    """

    stored: StoredObject
    lease_no: int
    attempt: int
    crashes: int
    first_attempt_at: datetime
    released: bool
    """A person has released it from being held: the reasons to hold it do not hold it again."""


@attrs.frozen(kw_only=True)
class RouteMatch:
    """A route that took an object, and why, in the names of the filters that matched."""

    route: str
    why: str


@attrs.frozen(kw_only=True)
class NewDelivery:
    """One delivery to make. ``chain`` names the transforms in order; empty: the object as it came."""

    sink: str
    route: str
    chain: tuple[str, ...] = ()


@attrs.frozen(kw_only=True)
class Routed:
    """The object has been looked at and goes to these sinks. `notes` are codes, for the ledger."""

    object_id: str
    lease_no: int
    facts: HeaderFacts
    matches: tuple[RouteMatch, ...]
    deliveries: tuple[NewDelivery, ...]
    revision: int
    notes: tuple[str, ...] = ()


@attrs.frozen(kw_only=True)
class RoutingHeld:
    """The object waits for a person. ``code``: unmatched, unreadable, mismatch, loop, poison, …"""

    object_id: str
    lease_no: int
    code: str
    failure: Failure
    facts: HeaderFacts = HeaderFacts()


@attrs.frozen(kw_only=True)
class RoutingDiscarded:
    """No route took the object, and the config says that such objects end here."""

    object_id: str
    lease_no: int
    rule: str
    facts: HeaderFacts = HeaderFacts()


@attrs.frozen(kw_only=True)
class RoutingDeferred:
    """The object is to be looked at again.

    ``crashed``: a worker died with it in hand. ``spent``: whether the attempt counts (False gives it
    back).
    """

    object_id: str
    lease_no: int
    failure: Failure | None
    not_before: datetime
    crashed: bool = False
    spent: bool = True


RoutingOutcome = Routed | RoutingHeld | RoutingDiscarded | RoutingDeferred


# ---- rendering


@attrs.frozen(kw_only=True)
class ClaimedRendering:
    """A chain of transforms to apply to one object, leased. ``made_before`` is the file of an earlier one."""

    rendering_id: int
    stored: StoredObject
    chain: tuple[str, ...]
    revision: int
    lease_no: int
    attempt: int
    crashes: int
    first_attempt_at: datetime
    made_before: str | None = None


@attrs.frozen(kw_only=True)
class Rendering:
    """An object as it leaves after a chain: what stands in the file that RENDER wrote.

    ``deidentified``: a transform of the chain is registered as one that de-identifies. ``verified``:
    such a transform has looked at the outcome of the whole chain and found nothing. ``identity`` stands
    for the chain as it was: its settings, distributions with versions, and outside input.
    """

    file_name: str
    sop_class_uid: str
    sop_instance_uid: str
    transfer_syntax_uid: str
    data_set_bytes: int
    deidentified: bool
    verified: bool = False
    identity: str = ""


@attrs.frozen(kw_only=True)
class Rendered:
    """The chain was applied; the deliveries that wait for it are ready.

    ``notes`` count, by code. ``changed`` are the keywords of what is no longer as it came, at any depth.
    ``plugins`` say who made it, by distribution and version.
    """

    rendering_id: int
    lease_no: int
    rendering: Rendering
    notes: Mapping[str, int] = attrs.field(factory=dict)
    changed: tuple[str, ...] = ()
    plugins: tuple[str, ...] = ()


@attrs.frozen(kw_only=True)
class RenderingHeld:
    """A transform declined the object: the deliveries wait for a person."""

    rendering_id: int
    lease_no: int
    code: str
    failure: Failure


@attrs.frozen(kw_only=True)
class RenderingDiscarded:
    """A transform's rule ends the deliveries here."""

    rendering_id: int
    lease_no: int
    rule: str


@attrs.frozen(kw_only=True)
class RenderingDead:
    """The chain cannot be applied; the deliveries are dead letters, and nothing is sent untransformed."""

    rendering_id: int
    lease_no: int
    failure: Failure


@attrs.frozen(kw_only=True)
class RenderingDeferred:
    """Try again, not before a time. As of `RoutingDeferred`."""

    rendering_id: int
    lease_no: int
    failure: Failure | None
    not_before: datetime
    crashed: bool = False
    spent: bool = True


@attrs.frozen(kw_only=True)
class Compared:
    """How many renderings were compared with what their chain is now, and how many are to be made anew."""

    number: int
    outdated: int


RenderingOutcome = Rendered | RenderingHeld | RenderingDiscarded | RenderingDead | RenderingDeferred


# ---- delivering


@attrs.frozen(kw_only=True)
class ClaimedDelivery:
    """A delivery that a lane has leased. ``rendering`` is None where the object leaves as it came."""

    delivery_id: str
    sink: str
    route: str
    stored: StoredObject
    rendering: Rendering | None
    revision: int
    lease_no: int
    attempt: int
    crashes: int
    first_attempt_at: datetime
    patient_key: str


@attrs.frozen(kw_only=True)
class Sent:
    """The sink took it. Without a commitment check that is `delivered`."""

    delivery_id: str
    lease_no: int
    receipt: Receipt
    confirm: bool = False
    notes: tuple[str, ...] = ()


@attrs.frozen(kw_only=True)
class DeliveryDeferred:
    """Try again, not before a time. ``spent=False`` gives the attempt back."""

    delivery_id: str
    lease_no: int
    failure: Failure | None
    not_before: datetime
    crashed: bool = False
    spent: bool = True


@attrs.frozen(kw_only=True)
class DeliveryDead:
    """The sink will not take the object: a dead letter, kept with the reason."""

    delivery_id: str
    lease_no: int
    failure: Failure


@attrs.frozen(kw_only=True)
class RenderingLost:
    """The file that RENDER wrote is gone or damaged: render it again, spending no attempt."""

    delivery_id: str
    lease_no: int
    failure: Failure


@attrs.frozen(kw_only=True)
class ObjectDamaged:
    """The object's own file is gone or damaged: delivery and object are held, and somebody must look."""

    delivery_id: str
    lease_no: int
    failure: Failure


DeliveryOutcome = Sent | DeliveryDeferred | DeliveryDead | RenderingLost | ObjectDamaged


# ---- what the config has


@attrs.frozen(kw_only=True)
class Inventory:
    """The names that a config has, of what a delivery may be on its way through."""

    sinks: frozenset[str]
    routes: frozenset[str]
    transforms: frozenset[str]


# ---- acting


@attrs.frozen(kw_only=True)
class Acted:
    """What became of an act on many deliveries. ``skipped``: in a worker's hand, ended, or overtaken."""

    done: int
    skipped: int


@attrs.frozen(kw_only=True)
class Distrusted:
    """How many objects and deliveries are held because the queue may not know what became of them."""

    objects: int = 0
    deliveries: int = 0


@attrs.frozen(kw_only=True)
class HeldFilter:
    """Which of what is held: all that is not empty must fit.

    ``reason`` is a part of the reason, ``day`` that of reception (UTC), as ``2026-01-31``, ``sender`` the
    name of a peer, or the AE title of one without a name.
    """

    reason: str = ""
    day: str = ""
    sender: str = ""
    sink: str = ""


@attrs.frozen(kw_only=True)
class HeldGroup:
    """So many held objects, or held deliveries to a sink, of one reason, day and sender."""

    reason: str
    day: str
    sender: str
    sink: str
    number: int


@attrs.frozen(kw_only=True)
class Forgotten:
    """What one step removed: how many records, and after which number to go on; None: it was the last."""

    number: int
    go_on_after: int | None


# ---- looking


@attrs.frozen(kw_only=True)
class LaneStatus:
    """What a lane says of itself. ``resting_until`` and ``reason`` while its breaker is open."""

    sink: str
    state: str
    reason: str = ""
    since: datetime | None = None
    resting_until: datetime | None = None


@attrs.frozen(kw_only=True)
class SinkCounts:
    """One line of `hilum queue status`. ``oldest_at``: reception of the oldest unfinished object."""

    sink: str
    by_state: Mapping[str, int]
    oldest_at: datetime | None
    lane: LaneStatus | None

    @property
    def unfinished(self) -> int:
        """How many of its deliveries go on by themselves."""
        return sum(self.by_state.get(state, 0) for state in UNFINISHED)


@attrs.frozen(kw_only=True)
class Problem:
    """Something that a person must mend: a broken component, a refused reload. ``label`` names it."""

    label: str
    text: str
    since: datetime


@attrs.frozen(kw_only=True)
class QueueStatus:
    """The whole queue in figures, from which nobody can be identified."""

    objects: Mapping[str, int]
    sinks: tuple[SinkCounts, ...]
    oldest_unfinished_at: datetime | None
    problems: tuple[Problem, ...]


@attrs.frozen(kw_only=True)
class ObjectRow:
    """One object as `hilum queue list` shows it.

    ``withholds_uids``: a transform de-identifies what goes to one of its sinks, or may do so. Then its UIDs,
    by which who has the one could find the other, are not for people to see (PS3.15 E.1.1).
    """

    stored: StoredObject
    facts: HeaderFacts
    state: str
    reason: str
    attempts: int
    settled_at: datetime | None
    purged_at: datetime | None
    withholds_uids: bool = False


@attrs.frozen(kw_only=True)
class DeliveryRow:
    """One delivery as `hilum queue list` and `show` show it."""

    delivery_id: str
    object_id: str
    sink: str
    route: str
    chain: tuple[str, ...]
    state: str
    attempts: int
    next_attempt_at: datetime | None
    ended_at: datetime | None
    last_failure: Failure | None
    receipt: Receipt | None
    revision: int


@attrs.frozen(kw_only=True)
class Event:
    """One line of the ledger. ``detail`` is JSON-able; ``by`` names who did it, if a person."""

    cursor: int
    at: datetime
    kind: str
    object_id: str | None
    delivery_id: str | None
    sink: str | None
    by: str | None
    detail: Mapping[str, object]


@attrs.frozen(kw_only=True)
class ObjectHistory:
    """All that is known of one object, for `hilum queue show`."""

    object: ObjectRow
    deliveries: tuple[DeliveryRow, ...]
    events: tuple[Event, ...]
