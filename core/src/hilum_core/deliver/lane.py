"""What a lane decides: how many objects may be at work, when to try again, when to rest.

A lane is *working*, *resting* (until a time, with a reason) or on *trial* (one object at a time, after
a rest, until one is delivered or enough have failed). It rests when its destination as a whole cannot
be used, or when ten different objects failed for good without a success between: then the destination
is at fault, and whatever still fails is put back unspent, so that a misconfigured archive does not turn
a day into dead letters. No clock and no socket here: times are passed in.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import Enum

from hilum_core.config import DeliverySettings
from hilum_core.queue.records import (
    ClaimedDelivery,
    DeliveryDead,
    DeliveryDeferred,
    DeliveryOutcome,
    Failure,
    LaneStatus,
    Sent,
)
from hilum_core.workers.backoff import backoff
from hilum_core.workers.failures import DEFECT, PERMANENT, REFUSED, TIME_LIMIT, UNAVAILABLE
from hilum_core.workers.patience import Patience, is_poison
from hilum_sdk import Receipt

WINDOW = 32
FAILURES_TO_REST = 10
_LONGEST_REST = timedelta(minutes=1)
_REFUSED_WAITS = (
    timedelta(minutes=10),
    timedelta(hours=1),
    timedelta(hours=3),
    timedelta(hours=8),
)
_BEHIND_RESTS = 64
_LONGEST_BEHIND = timedelta(hours=1)
_FOR_GOOD = frozenset({PERMANENT, REFUSED, DEFECT, TIME_LIMIT})


class LaneState(Enum):
    """See the module's text."""

    WORKING = "working"
    RESTING = "resting"
    TRIAL = "on trial"
    BROKEN = "broken"
    DISABLED = "disabled"


TROUBLED = frozenset({LaneState.RESTING, LaneState.TRIAL})
"""The destination is taken to be at fault."""


class Lane:
    """The decisions of one sink's lane."""

    def __init__(self, sink: str, settings: DeliverySettings, *, disabled: bool, now: datetime) -> None:
        self.sink = sink
        self.settings = settings
        self._patience = Patience(
            first_retry=settings.first_retry,
            longest_retry=settings.longest_retry,
            give_up_after=settings.give_up_after,
        )
        self.state = LaneState.DISABLED if disabled else LaneState.WORKING
        self.resting_until: datetime | None = None
        self._reason = ""
        self._since = now
        self._rests = 0
        self._rest_length = timedelta(0)
        self._trial_failures = 0
        self._failed: set[str] = set()

    # ---- what may happen now

    def window(self, in_hand: int) -> int:
        """How many more objects may be handed to a worker that holds `in_hand`."""
        if self.state is LaneState.WORKING:
            return WINDOW - in_hand if in_hand <= WINDOW // 2 else 0
        if self.state is LaneState.TRIAL:
            return 1 if in_hand == 0 else 0
        return 0

    def probe_due(self, now: datetime) -> bool:
        """Whether the rest is over and the destination is to be asked."""
        return (
            self.state is LaneState.RESTING and self.resting_until is not None and now >= self.resting_until
        )

    def status(self) -> LaneStatus:
        """The lane as `hilum queue status` shows it."""
        return LaneStatus(
            sink=self.sink,
            state=self.state.value,
            reason=self._reason,
            since=self._since,
            resting_until=self.resting_until,
        )

    def resume(self, before: LaneStatus, now: datetime) -> None:
        """Go on where the process before this one was: a destination that was at fault is probed first."""
        if self.state is LaneState.WORKING and before.state in {state.value for state in TROUBLED}:
            self._rests = 1
            self._enter(LaneState.RESTING, now, before.reason)
            self._since = before.since or now
            self.resting_until = now

    def carry(self, by: timedelta) -> None:
        """Move its times along: the clock was set."""
        self._since += by
        if self.resting_until is not None:
            self.resting_until += by

    # ---- what happens

    def succeeded(
        self, claimed: ClaimedDelivery, receipt: Receipt, notes: tuple[str, ...], now: datetime
    ) -> Sent:
        """The destination took an object: it works."""
        self._failed.clear()
        self._rests = 0
        if self.state in {LaneState.TRIAL, LaneState.RESTING}:
            self._enter(LaneState.WORKING, now)
        return Sent(delivery_id=claimed.delivery_id, lease_no=claimed.lease_no, receipt=receipt, notes=notes)

    def failed(
        self, claimed: ClaimedDelivery, failure: Failure, retry_after: timedelta | None, now: datetime
    ) -> DeliveryOutcome:
        """The destination, or the plugin, did not take an object."""
        if failure.kind == UNAVAILABLE:
            self.rest(failure, now)
            return self._back(claimed, failure, now, behind=self.settings.first_retry)
        if failure.kind in _FOR_GOOD and self._is_at_fault(claimed):
            if self._has_tried_enough():
                self.rest(failure, now)
            behind = min(self._rest_length * _BEHIND_RESTS, _LONGEST_BEHIND)
            return self._back(claimed, failure, now, behind=behind)
        if self._gives_up(claimed, failure, now):
            return DeliveryDead(delivery_id=claimed.delivery_id, lease_no=claimed.lease_no, failure=failure)
        return DeliveryDeferred(
            delivery_id=claimed.delivery_id,
            lease_no=claimed.lease_no,
            failure=failure,
            not_before=now + self._wait(claimed, failure, retry_after),
        )

    def crashed(self, claimed: ClaimedDelivery, failure: Failure, now: datetime) -> DeliveryOutcome:
        """A worker died, or had to be killed, with an object in hand."""
        if is_poison(claimed.crashes):
            return DeliveryDead(delivery_id=claimed.delivery_id, lease_no=claimed.lease_no, failure=failure)
        return DeliveryDeferred(
            delivery_id=claimed.delivery_id,
            lease_no=claimed.lease_no,
            failure=failure,
            not_before=now + self._wait(claimed, failure),
            crashed=True,
        )

    @staticmethod
    def unspent(claimed: ClaimedDelivery, now: datetime) -> DeliveryDeferred:
        """An object was not begun: it goes back as if it had not been claimed."""
        return DeliveryDeferred(
            delivery_id=claimed.delivery_id,
            lease_no=claimed.lease_no,
            failure=None,
            not_before=now,
            spent=False,
        )

    def rest(self, failure: Failure, now: datetime) -> None:
        """Rest, longer each time in a row, at most a minute: probing costs a destination nothing."""
        if self.state is LaneState.RESTING:
            return
        self._rests += 1
        longest = min(self.settings.longest_retry, _LONGEST_REST)
        first = min(self.settings.first_retry, longest)
        self._enter(LaneState.RESTING, now, failure.text)
        self._rest_length = backoff(self._rests, first=first, longest=longest)
        self.resting_until = now + self._rest_length

    def probed(self, failure: Failure | None, now: datetime) -> None:
        """The destination answered a probe, or did not."""
        if self.state is not LaneState.RESTING:
            return
        if failure is None:
            self._trial_failures = 0
            self._enter(LaneState.TRIAL, now, self._reason)
        else:
            since = self._since
            self.state = LaneState.TRIAL  # so that `rest` counts this as one more
            self.rest(failure, now)
            self._since = since

    def broke(self, reason: str, now: datetime) -> None:
        """The sink's plugin cannot be loaded; the lane waits with all its objects."""
        self._enter(LaneState.BROKEN, now, reason)

    def mended(self, now: datetime) -> None:
        """The sink's plugin has been loaded."""
        if self.state is LaneState.BROKEN:
            self._enter(LaneState.WORKING, now)

    # ---- how

    def _enter(self, state: LaneState, now: datetime, reason: str = "") -> None:
        if state is not self.state:
            self._since = now
        self.state, self._reason, self.resting_until = state, reason, None

    def _is_at_fault(self, claimed: ClaimedDelivery) -> bool:
        """Count a failure for good; whether by now the destination is at fault rather than its objects."""
        self._failed.add(claimed.stored.instance.id)
        if self.state is LaneState.TRIAL:
            self._trial_failures += 1
        return self.state is not LaneState.WORKING or len(self._failed) >= FAILURES_TO_REST

    def _has_tried_enough(self) -> bool:
        """Whether a trial ends without a success: the first tries one object, each later one twice as many.

        So a lane comes past any number of objects that its destination refuses.
        """
        return self.state is not LaneState.TRIAL or self._trial_failures >= min(
            2 ** (self._rests - 1), WINDOW
        )

    def _back(
        self, claimed: ClaimedDelivery, failure: Failure, now: datetime, *, behind: timedelta
    ) -> DeliveryDeferred:
        """Put an object back unspent, behind others, so that the next trials are made with those.

        It may be what the destination stumbles over each time, and would stand before all others.
        """
        return DeliveryDeferred(
            delivery_id=claimed.delivery_id,
            lease_no=claimed.lease_no,
            failure=failure,
            not_before=(self.resting_until or now) + behind,
            spent=False,
        )

    def _gives_up(self, claimed: ClaimedDelivery, failure: Failure, now: datetime) -> bool:
        if failure.kind == REFUSED and claimed.attempt >= self.settings.refused_tries:
            return True
        return self._patience.is_exhausted(
            failure, attempt=claimed.attempt, since=claimed.first_attempt_at, now=now
        )

    def _wait(
        self, claimed: ClaimedDelivery, failure: Failure, retry_after: timedelta | None = None
    ) -> timedelta:
        if failure.kind == REFUSED:
            return _REFUSED_WAITS[min(claimed.attempt, len(_REFUSED_WAITS)) - 1]
        return self._patience.wait(claimed.attempt, retry_after)
