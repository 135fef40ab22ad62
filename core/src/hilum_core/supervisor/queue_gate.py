"""Which stages may work: those that use the queue only while it is the right one, and sound.

Reception is not asked to wait: what it acknowledges is safe in files that tell of themselves.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from hilum_core.log import Log, describe_exception
from hilum_core.queue import Admission, Origin, QueueDamaged, QueueUnavailable, QueueUnusable, admit
from hilum_core.stage import StageArguments


class QueueGate:
    """Closed until the queue was looked at; closed for good when it is damaged."""

    def __init__(self, state_dir: Path, log: Log, look: Callable[[Path], Admission] = admit) -> None:
        self._state_dir = state_dir
        self._log = log
        self._look = look
        self._is_open = False
        self._is_damaged = False
        self._told = ""

    def lets_pass(self, arguments: StageArguments) -> bool:
        """Whether a stage may be started: RECEIVE always, the others when the gate is open."""
        return self._is_open or arguments.listen_fd >= 0

    def try_to_open(self) -> None:
        """Look at the queue, unless that is settled; where that is not possible now, stay closed."""
        if self._is_open or self._is_damaged:
            return
        try:
            admission = self._look(self._state_dir)
        except QueueDamaged as error:
            self.close(error.message)
        except QueueUnusable:
            self._is_open = True  # of a newer release: the first stage says so, and ends the router
        except (QueueUnavailable, OSError) as error:
            self._say_once(describe_exception(error))
        else:
            self._is_open = True
            self._tell(admission)

    def close(self, reason: str = "a stage could not go on with it") -> None:
        """The queue is damaged: nothing is sent, and nothing removed, on its word any more."""
        if self._is_damaged:
            return
        self._is_open, self._is_damaged = False, True
        self._log.error(
            "the queue is damaged; reception goes on, nothing is sent until hilum doctor --rebuild",
            reason=reason,
        )

    def _tell(self, admission: Admission) -> None:
        if admission.origin is Origin.REMADE:
            self._log.error("the queue was gone, an empty one is made; what lies in the spool is held")
        elif admission.origin is Origin.OLDER:
            self._log.error(
                "the queue is an older copy; what it would go on with is held",
                objects=admission.held.objects,
                deliveries=admission.held.deliveries,
            )

    def _say_once(self, reason: str) -> None:
        if reason != self._told:
            self._told = reason
            self._log.error("the queue cannot be looked at yet; reception goes on", reason=reason)
