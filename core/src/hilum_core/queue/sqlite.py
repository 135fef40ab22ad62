"""The embedded queue: one SQLite file in the state directory, in WAL mode, every commit synced.

Written by several processes at once; each has one connection and commits in groups. Schema, state tables
and each topic have a module of their own; this one puts them together.
"""

from __future__ import annotations

from pathlib import Path

from hilum_core.clock import Clock, SystemClock
from hilum_core.queue.delivering import Delivering
from hilum_core.queue.forgetting import Forgetting
from hilum_core.queue.held import Held
from hilum_core.queue.intake import Intake
from hilum_core.queue.leases import Leases
from hilum_core.queue.outdating import Outdating
from hilum_core.queue.people import People
from hilum_core.queue.rendering import Renderings
from hilum_core.queue.retention import Retention
from hilum_core.queue.routing import Routing
from hilum_core.queue.session import PATIENCE_S, Session
from hilum_core.queue.status import Status
from hilum_core.queue.stranding import Stranding
from hilum_core.queue.trust import Trust
from hilum_core.spool.space import BALLAST_FILE, Ballast

QUEUE_FILE = "queue.sqlite"
"""Its name in the state directory."""


class SqliteQueue:
    """Implements `QueueStore`, whose docstrings hold.

    Raises
    ------
    QueueUnavailable
        By every method: the queue could not be read or written in time. Nothing was changed.
    QueueUnusable
        When opened: the file is of a newer release, or damaged (`QueueDamaged`, which any method may raise).
    """

    def __init__(self, session: Session) -> None:  # noqa: PLR0915 - one line for each method
        self._session = session

        intake = Intake(session)
        self.add_objects = intake.add_objects
        self.known_objects = intake.known_objects
        self.last_object_id = intake.last_object_id

        trust = Trust(session)
        self.trusted_since = trust.trusted_since
        self.last_mark = trust.last_mark
        self.needs_mark = trust.needs_mark
        self.advance_mark = trust.advance_mark
        self.distrust = trust.distrust

        routing = Routing(session)
        self.claim_objects = routing.claim_objects
        self.settle_routings = routing.settle_routings
        self.delivered_to = routing.delivered_to

        renderings = Renderings(session)
        self.claim_renderings = renderings.claim_renderings
        self.settle_renderings = renderings.settle_renderings

        outdating = Outdating(session)
        self.note_transforms = outdating.note_transforms
        self.chains_to_compare = outdating.chains_to_compare
        self.compare_renderings = outdating.compare_renderings

        delivering = Delivering(session)
        self.claim_deliveries = delivering.claim_deliveries
        self.upcoming_needs = delivering.upcoming_needs
        self.settle_deliveries = delivering.settle_deliveries

        leases = Leases(session)
        self.renew_leases = leases.renew_leases
        self.recover_leases = leases.recover_leases
        self.next_due_at = leases.next_due_at
        self.carry_times = leases.carry_times
        self.note_time = leases.note_time
        self.time_noted = leases.time_noted

        stranding = Stranding(session)
        self.count_stranded = stranding.count_stranded
        self.find_stranded = stranding.find_stranded
        self.hold_stranded = stranding.hold_stranded

        retention = Retention(session)
        self.start_purge = retention.start_purge
        self.defer_purge = retention.defer_purge
        self.count_deferred_purges = retention.count_deferred_purges
        self.finish_purge = retention.finish_purge

        forgetting = Forgetting(session)
        self.forget_objects = forgetting.forget_objects
        self.forget_lines = forgetting.forget_lines

        status = Status(session)
        self.set_lane = status.set_lane
        self.lanes = status.lanes
        self.keep_lanes = status.keep_lanes
        self.set_problem = status.set_problem
        self.clear_problems = status.clear_problems
        self.status = status.status
        self.list_objects = status.list_objects
        self.list_deliveries = status.list_deliveries
        self.history = status.history
        self.events = status.events

        people = People(session)
        self.retry = people.retry
        self.retry_each = people.retry_each
        self.cancel = people.cancel
        self.cancel_each = people.cancel_each
        self.release = people.release
        self.release_each = people.release_each
        self.redirect_each = people.redirect_each
        self.cancel_held = people.cancel_held

        held = Held(session)
        self.held_groups = held.held_groups
        self.list_held = held.list_held

    @classmethod
    def open(
        cls,
        path: Path,
        incarnation: int = 0,
        clock: Clock | None = None,
        *,
        patience_s: float = PATIENCE_S,
        epoch: str = "",
    ) -> SqliteQueue:
        """Open the queue, making it if it is not there. Where the disk is full it takes the ballast.

        Parameters
        ----------
        path
            The file, `QUEUE_FILE` in the state directory.
        incarnation
            Owner of the leases taken here; 0 for those who only look, and act for people.
        patience_s
            How long each call waits for another process that writes.
        epoch
            The start of the router, or of a config, that the process works for.
        """
        ballast = Ballast(path.with_name(BALLAST_FILE))
        session = Session(
            path, incarnation, clock or SystemClock(), ballast, patience_s=patience_s, epoch=epoch
        )
        return cls(session)

    def close(self) -> None:
        """Close the connection. Safe twice."""
        self._session.close()
