"""The worker of one lane: runs the sink. `python -m hilum_core.deliver.worker --label sinks.NAME`."""

from __future__ import annotations

import sys

from hilum_core.deliver.feed import LaneFeed
from hilum_core.registry import Composed
from hilum_core.workers.failures import failure_of
from hilum_core.workers.limits import TimeLimitExceeded
from hilum_core.workers.session import WorkerSession
from hilum_core.workers.wire import pack
from hilum_sdk import BatchSink, Component, DestinationUnavailable, Sink

_FRUITLESS = 3


class LaneWorker:
    """Runs one sink until the coordinator says stop."""

    def __init__(self, session: WorkerSession, composed: Composed) -> None:
        self._session = session
        self._entry = composed.entry
        self._blame = composed.blame
        self._sink: Component | None = None
        self._composed = composed
        self._feed = LaneFeed(
            session,
            deidentified_only=composed.entry.deidentified_only,
            blame=self._blame,
            scratch_dir=session.arguments.state_dir / "scratch",
        )
        self._fruitless = 0

    def run(self) -> None:
        """Serve sessions of the sink while there are items; probe when asked."""
        session = self._session
        session.send({"hello": {"blame": self._blame}})
        while not session.stopping:
            if session.probe_wanted:
                session.probe_wanted = False
                self._probe()
            elif session.items:
                self._serve()
            else:
                session.pump(None)
        self._feed.give_all_back()
        if self._sink is not None:
            session.close(self._sink, label=self._entry.label)
        session.end()

    def _serve(self) -> None:
        settled = self._feed.settled
        try:
            with self._session.timer.limit(self._limit_s()):
                self._deliver(self._opened())
            self._feed.end_session()
        except MemoryError:
            raise
        except TimeLimitExceeded as error:
            self._feed.session_failed(error)
            self._session.end()  # what was interrupted may be in any state: start afresh
        except BaseException as error:  # noqa: BLE001 - whatever a plugin raises, SystemExit too
            self._feed.session_failed(error)
            return
        self._fruitless = 0 if self._feed.settled > settled else self._fruitless + 1
        if self._fruitless >= _FRUITLESS and self._session.items:
            self._fruitless = 0
            self._feed.session_failed(
                DestinationUnavailable("the sink ended several sessions without taking any object")
            )

    def _opened(self) -> Component:
        if self._sink is None:
            self._sink = self._session.create(self._composed)
        return self._sink

    def _deliver(self, sink: Component) -> None:
        if isinstance(sink, BatchSink):
            sink.deliver(self._feed)
            return
        assert isinstance(sink, Sink)
        while items := self._feed.take():
            for item in items:
                self._feed.begin(item)
                self._feed.delivered(item, sink.deliver(item))

    def _probe(self) -> None:
        failure = None
        try:
            with self._session.timer.limit(self._limit_s()):
                self._opened().probe()
        except MemoryError:
            raise
        except BaseException as error:  # noqa: BLE001 - as above
            failure = pack(failure_of(error, blame=self._blame))
        self._session.send({"probed": failure})

    def _limit_s(self) -> float:
        return self._entry.delivery.timeout.total_seconds()


def main() -> None:
    """Entry of the process."""
    session = WorkerSession.start(sys.argv[1:])
    label = session.arguments.label.partition("#")[0]
    composed = session.composition.components.get(label)
    if composed is None:
        reason = {**session.config.broken, **session.composition.broken}.get(label, "not in the config")
        session.send({"broken": reason})
        session.end()
    LaneWorker(session, composed).run()


if __name__ == "__main__":
    main()
