"""A lane's worker as the coordinator of DELIVER sees it: it may be asked to probe, too."""

from __future__ import annotations

from datetime import datetime

from hilum_core.config import ComponentEntry
from hilum_core.deliver.lane import Lane
from hilum_core.queue.records import ClaimedDelivery
from hilum_core.stage import StageArguments
from hilum_core.workers.link import WorkerLink


class LaneLink(WorkerLink[ClaimedDelivery]):
    """A worker of a lane; with several, each serves its own share of the patients."""

    def __init__(
        self, lane: Lane, shard: int, entry: ComponentEntry, arguments: StageArguments, memory_bytes: int
    ) -> None:
        label = entry.label if lane.settings.workers == 1 else f"{entry.label}#{shard + 1}"
        super().__init__(
            "hilum_core.deliver.worker",
            label,
            arguments,
            memory_bytes=memory_bytes,
            call_limit_s=lane.settings.timeout.total_seconds(),
        )
        self.lane = lane
        self.shard = shard
        self.due_in_queue: datetime | None = None
        """When more becomes due by the clock, as of the last claim that came up short."""
        self._is_probing = False

    @property
    def owes_an_answer(self) -> bool:
        """Whether it has items in hand, or is to probe."""
        return bool(self.in_hand) or self._is_probing

    def probe(self) -> None:
        """Have the sink ask its destination, unless it is at that already."""
        if not self._is_probing:
            self._expect_an_answer()
            self._is_probing = True
            self.send({"probe": 1})

    def probed(self) -> None:
        """Note that the answer has come."""
        self._is_probing = False

    def retire(self) -> str:
        """Clear up after the process; a probe dies with it."""
        self._is_probing = False
        return super().retire()
