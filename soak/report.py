"""What a soak found: figures, and what is not as it must be."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence

import attrs

from soak.processes import Held

_NAMED = 10


@attrs.frozen(kw_only=True)
class Arrival:
    """What came to one destination; ``missing`` and ``odd`` must be empty.

    ``copies`` is more than ``objects`` where some came twice. ``missing`` was acknowledged and is not there,
    ``odd`` are files that are not what was sent.
    """

    objects: int
    copies: int
    missing: Sequence[str]
    odd: Sequence[str]


@attrs.frozen(kw_only=True)
class Report:
    """All of it.

    Attributes
    ----------
    unanswered
        How many objects their modality gave up to send: there was no success for them as long as it tried.
    unsettled
        Objects and deliveries that wait for a person, or for anything else, by state.
    defects
        What the router itself calls an error of its own, and its ends that nobody ordered.
    leftovers
        Files in the state directory that belong to no object that is still kept.
    incomplete
        Files that no sender got an answer for, set aside for a person.
    start, greatest, end
        What processes held: at the start, at most, and at the end.
    """

    seed: int
    seconds: float
    kills: Mapping[str, int]
    reloads: int
    destination_stops: int
    acknowledged: int
    acknowledged_bytes: int
    sent_again: int
    unanswered: int
    arrivals: Mapping[str, Arrival]
    unsettled: Mapping[str, int]
    defects: Sequence[str]
    leftovers: Sequence[str]
    incomplete: int
    queue_bytes: int
    start: Mapping[str, Held]
    greatest: Mapping[str, Held]
    end: Mapping[str, Held]

    @property
    def is_whole(self) -> bool:
        """Whether something was acknowledged, and nothing lost, damaged, stuck, defective or left behind."""
        return not any(self._faults())

    def as_json(self) -> str:
        """For programs."""
        record = {"is_whole": self.is_whole, "kills_in_all": sum(self.kills.values()), **attrs.asdict(self)}
        return json.dumps(record, indent=2)

    def lines(self) -> Iterator[str]:
        """For people."""
        yield f"seed {self.seed}, {self.seconds:,.0f} s"
        yield f"kills: {sum(self.kills.values())}, {self.reloads} reloads, {self.destination_stops} stops"
        for what, times in sorted(self.kills.items(), key=lambda kill: -kill[1]):
            yield f"  {times:4} {what}"
        mib = self.acknowledged_bytes / (1 << 20)
        yield f"acknowledged: {self.acknowledged:,} objects, {mib:,.0f} MiB; {self.sent_again} sent again"
        for name, arrival in self.arrivals.items():
            again = arrival.copies - arrival.objects
            yield f"{name}: {arrival.objects:,} arrived exact, {again} of them came again"
        yield f"queue: {self.queue_bytes / (1 << 20):,.1f} MiB; set aside: {self.incomplete} half received"
        yield f"{'process':16} MiB at start, at most, at end    descriptors at start, at most, at end"
        for module in self.greatest:
            lives = [one.get(module) for one in (self.start, self.greatest, self.end)]
            memory = " ".join(f"{life.memory_mib:8.1f}" if life else "       -" for life in lives)
            descriptors = " ".join(f"{life.descriptors:8}" if life else "       -" for life in lives)
            yield f"{module:16} {memory}      {descriptors}"
        yield from self._faults()
        yield "nothing was lost" if self.is_whole else "NOT WHOLE"

    def _faults(self) -> Iterator[str]:
        for name, arrival in self.arrivals.items():
            if arrival.missing:
                yield f"{name}: MISSING {len(arrival.missing)}: {_some(arrival.missing)}"
            if arrival.odd:
                yield f"{name}: NOT WHAT WAS SENT {len(arrival.odd)}: {_some(arrival.odd)}"
        if not self.acknowledged:
            yield "NOTHING WAS ACKNOWLEDGED, so nothing is shown"
        if self.unanswered:
            yield f"NOT ANSWERED WITH SUCCESS: {self.unanswered}"
        for state, count in self.unsettled.items():
            yield f"NOT AT AN END: {count} {state}"
        if self.defects:
            yield f"DEFECTS {len(self.defects)}: {_some(self.defects)}"
        if self.leftovers:
            yield f"LEFT BEHIND {len(self.leftovers)}: {_some(self.leftovers)}"


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:_NAMED])
