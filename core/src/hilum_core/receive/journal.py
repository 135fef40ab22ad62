"""The log of associations: a line for each, and not more lines than somebody can read.

One stranger may knock a thousand times a second, and a modality may open an association for each object. Of
every peer, and of all strangers together, so many ends get a line of their own in a minute. The others are
counted, and a line for all of them follows when the minute is over.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable
from typing import Final

import attrs

from hilum_core.dicom.acceptor import AssociationReport, Ending
from hilum_core.log import Log

PERIOD_S: Final = 60.0
LINES_OF_A_PEER: Final = 120
LINES_OF_STRANGERS: Final = 60
LINES_OF_AN_ADDRESS: Final = 20
"""In a period, of each receiving process."""

SILENT_WORTH_A_LINE: Final = 60
"""So many connections that say nothing in a period are no mere checks of the port."""

_SAYS_SOMETHING: Final = {Ending.PROTOCOL_ERROR, Ending.NOT_SECURE}
"""Of a caller that has not said who it is, what is more than a check of the port."""

_MOST_ADDRESSES: Final = 1024
"""So many are told apart in a period."""


@attrs.define
class _Rest:
    """What was not written line by line."""

    count: int = 0
    stored: int = 0
    refused: int = 0
    data_bytes: int = 0
    is_bad: bool = False
    endings: Counter[str] = attrs.field(factory=Counter)

    def add(self, report: AssociationReport) -> None:
        self.count += 1
        self.stored += report.stored
        self.refused += report.refused
        self.data_bytes += report.data_bytes
        self.is_bad |= not report.ended_well
        self.endings[report.ending.value] += 1

    def fields(self) -> dict[str, object]:
        sums = {"stored": self.stored, "refused": self.refused, "data_bytes": self.data_bytes}
        endings = ", ".join(f"{ending} {count}" for ending, count in self.endings.most_common())
        return {
            "count": self.count,
            **{name: value for name, value in sums.items() if value},
            "endings": endings,
        }


@attrs.define
class _Period:
    since: float
    lines: Counter[str | None] = attrs.field(factory=Counter)
    rest: dict[str | None, _Rest] = attrs.field(factory=dict)
    addresses: Counter[str] = attrs.field(factory=Counter)
    silent: int = 0


class Journal:
    """Takes the report of each association. Any thread may call it.

    Strangers are those that no peer of the inventory is found for: ``peer`` is None.
    """

    def __init__(self, log: Log, clock: Callable[[], float] = time.monotonic) -> None:
        self._log = log
        self._clock = clock
        self._lock = threading.Lock()
        self._period = _Period(clock())
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._keep_time, name="journal", daemon=True)

    def start(self) -> None:
        """Write what was counted when a period is over, from now on."""
        self._thread.start()

    def close(self) -> None:
        """Write what was counted so far."""
        self._closing.set()
        self._thread.join()
        self._end_period()

    def _keep_time(self) -> None:
        while not self._closing.wait(PERIOD_S / 12):
            self.tick()

    def tick(self) -> None:
        """Write what was counted if the period is over."""
        if self._clock() >= self._period.since + PERIOD_S:
            self._end_period()

    def note(self, report: AssociationReport) -> None:
        """Write a line, or count the report among those that get one together."""
        if report.calling_ae or report.ending in _SAYS_SOMETHING:
            with self._lock:
                has_a_line = self._has_a_line(report)
            if has_a_line:
                write = self._log.info if report.ended_well else self._log.warning
                write("association ended", **report.fields())
            return
        with self._lock:
            self._period.silent += 1
        self._log.debug("association ended", **report.fields())

    def _has_a_line(self, report: AssociationReport) -> bool:
        period, peer = self._period, report.peer
        if peer is None:
            is_known = report.address in period.addresses or len(period.addresses) < _MOST_ADDRESSES
            address = report.address if is_known else ""
            period.addresses[address] += 1
            has_a_line = period.addresses[address] <= LINES_OF_AN_ADDRESS
            has_a_line &= period.lines[None] < LINES_OF_STRANGERS
        else:
            has_a_line = period.lines[peer] < LINES_OF_A_PEER
        if has_a_line:
            period.lines[peer] += 1
        else:
            period.rest.setdefault(peer, _Rest()).add(report)
        return has_a_line

    def _end_period(self) -> None:
        with self._lock:
            period, self._period = self._period, _Period(self._clock())
        seconds = round(self._period.since - period.since)
        strangers = period.rest.pop(None, _Rest())
        if strangers.count or period.silent >= SILENT_WORTH_A_LINE:
            most_from, of_these = next(iter(period.addresses.most_common(1)), ("", 0))
            self._log.warning(
                "more strangers came than are listed",
                **strangers.fields(),
                silent=period.silent,
                addresses=len(period.addresses),
                most_from=most_from,
                of_these=of_these,
                seconds=seconds,
            )
        for peer, rest in period.rest.items():
            write = self._log.warning if rest.is_bad else self._log.info
            write("a peer had more associations than are listed", peer=peer, **rest.fields(), seconds=seconds)
