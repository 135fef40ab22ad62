"""The worker of ROUTE: reads headers, asks filters. `python -m hilum_core.route.worker`."""

from __future__ import annotations

import re
import sys
from collections.abc import Collection
from datetime import timedelta
from pathlib import Path

from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset

from hilum_core.crash_points import reach
from hilum_core.log import describe_exception
from hilum_core.queue.records import (
    ClaimedObject,
    Failure,
    HeaderFacts,
    Routed,
    RoutingDiscarded,
    RoutingHeld,
)
from hilum_core.route.decide import Decision, RoutingPlan, decide
from hilum_core.route.patient_key import PatientKeys
from hilum_core.spool import SpoolDamage, open_data_set
from hilum_core.workers.failures import failure_of, retry_after_s
from hilum_core.workers.limits import TimeLimitExceeded
from hilum_core.workers.pipe import Message
from hilum_core.workers.session import WorkerSession
from hilum_core.workers.wire import pack, unpack
from hilum_sdk import Component, ConfigError, Filter, Instance, TemporaryError
from hilum_sdk.elements import ElementsError, read_header

SPECIFIC_CHARACTER_SET = 0x00080005
SOP_CLASS_UID = 0x00080016
SOP_INSTANCE_UID = 0x00080018
MODALITY = 0x00080060
PATIENT_ID = 0x00100020
ISSUER_OF_PATIENT_ID = 0x00100021
STUDY_INSTANCE_UID = 0x0020000D
SERIES_INSTANCE_UID = 0x0020000E

_PLAIN = re.compile(rb"[ -\[\]-}\0]*")
"""Text that reads the same in every character set: not so "\\" and "~", and what begins with an escape."""
_CLOSE_WITHIN = timedelta(seconds=5)
_FACTS = frozenset(
    {
        SPECIFIC_CHARACTER_SET,
        SOP_CLASS_UID,
        SOP_INSTANCE_UID,
        MODALITY,
        PATIENT_ID,
        ISSUER_OF_PATIENT_ID,
        STUDY_INSTANCE_UID,
        SERIES_INSTANCE_UID,
    }
)


class RouteWorker:
    """Looks at one object after another."""

    def __init__(self, session: WorkerSession) -> None:
        self._session = session
        self._filters: dict[str, Filter] = {}
        made, broken = session.create_all("filters", inspect=_check_needs)
        for name, component in made.items():
            assert isinstance(component, Filter)
            self._filters[name] = component
        config, composition = session.config, session.composition
        self._blame = {label.removeprefix("filters."): c.blame for label, c in composition.components.items()}
        self._plan = RoutingPlan(
            routes=config.routes,
            sink_peers=composition.sink_peers,
            broken={
                **{f"filters.{name}": reason for name, reason in broken.items()},
                **{label: reason for label, reason in config.broken.items() if label.startswith("routes[")},
            },
            unmatched=config.router.unmatched,
        )
        self._needs = _needs(self._filters.values())
        self._patient_keys = PatientKeys.of(session.arguments.state_dir)

    def run(self) -> None:
        """Work until the coordinator says stop."""
        session = self._session
        session.pipe.send({"hello": {"broken": dict(self._plan.broken)}})
        while (item := session.next_item()) is not None:
            session.begin(item["id"])
            reach("route.worker.begun")
            outcome = self._outcome(item)
            reach("route.worker.decided")
            session.done(item["id"], outcome)
        session.pipe.flush()
        for component in self._filters.values():
            component.close(_CLOSE_WITHIN)

    def _outcome(self, item: Message) -> Message:
        claimed = unpack(item["claimed"], ClaimedObject)
        instance = claimed.stored.instance
        try:
            header = self._read(Path(item["path"]), instance)
            facts = self._facts(header)
        except (ElementsError, SpoolDamage) as error:
            return _held(claimed, "unreadable", f"its header cannot be read: {error}")
        except MemoryError:
            raise
        except Exception as error:  # noqa: BLE001 - a header that breaks the reader is kept, not lost
            return _held(claimed, "unreadable", f"its header cannot be read: {describe_exception(error)}")
        if not claimed.released and (reason := _mismatch(header, instance)):
            return _held(claimed, "mismatch", reason, facts)
        return self._decide(claimed, header, facts)

    def _read(self, path: Path, instance: Instance) -> Dataset:
        with open_data_set(path) as file:
            return read_header(file, instance.transfer_syntax_uid, needs=self._needs)

    def _facts(self, header: Dataset) -> HeaderFacts:
        return HeaderFacts(
            study_instance_uid=_text(header, STUDY_INSTANCE_UID),
            series_instance_uid=_text(header, SERIES_INSTANCE_UID),
            modality=_text(header, MODALITY),
            patient_key=self._patient_keys.key(
                _text(header, PATIENT_ID), _text(header, ISSUER_OF_PATIENT_ID)
            ),
        )

    def _decide(self, claimed: ClaimedObject, header: Dataset, facts: HeaderFacts) -> Message:
        instance = claimed.stored.instance
        asked: dict[str, bool] = {}

        def matches(name: str) -> bool:
            if name not in asked:
                asked[name] = self._ask(name, header, instance)
            return asked[name]

        try:
            decision = decide(self._plan, instance, matches)
        except _FilterFailed as failed:
            return failed.message
        except TemporaryError as error:
            return {"failed": pack(failure_of(error, blame="config")), "retry_after": None}
        if not decision.matches:
            if self._plan.unmatched == "discard":
                record = RoutingDiscarded(
                    object_id=instance.id, lease_no=claimed.lease_no, rule="no route matched", facts=facts
                )
                return {"discarded": pack(record)}
            return _held(claimed, "unmatched", "no route matched", facts)
        if not decision.deliveries:
            return _held(claimed, "returned", _why_returned(decision), facts)
        routed = Routed(
            object_id=instance.id,
            lease_no=claimed.lease_no,
            facts=facts,
            matches=decision.matches,
            deliveries=decision.deliveries,
            revision=self._session.arguments.revision,
            notes=decision.notes,
        )
        return {"routed": pack(routed), "return_sinks": self._return_sinks(claimed)}

    def _ask(self, name: str, header: Dataset, instance: Instance) -> bool:
        """Ask one filter, under its time limit."""
        self._session.say_alive()  # each call has a limit of its own; their sum has none
        try:
            with self._session.timer.limit(self._session.config.router.filter_timeout.total_seconds()):
                return bool(self._filters[name].matches(header, instance))
        except MemoryError:
            raise
        except (Exception, TimeLimitExceeded) as error:
            failure = failure_of(error, blame=f"filters.{name} ({self._blame[name]})")
            raise _FilterFailed(failure, error) from error

    def _return_sinks(self, claimed: ClaimedObject) -> list[str]:
        """The sinks that send to where the object came from, unless coming back is allowed."""
        peer = claimed.stored.instance.association.peer
        if claimed.released or peer is None or peer not in self._session.config.peers:
            return []
        if self._session.config.peers[peer].returning == "accept":
            return []
        return [sink for sink, its_peer in self._plan.sink_peers.items() if its_peer == peer]


class _FilterFailed(Exception):  # noqa: N818 - it carries the answer to give
    """A filter could not say whether the object matches."""

    def __init__(self, failure: Failure, error: BaseException) -> None:
        super().__init__(failure.text)
        self.message: Message = {"failed": pack(failure), "retry_after": retry_after_s(error)}


def _check_needs(component: Component) -> None:
    """See that a filter asks for tags: else no header could be read, and every object would be blamed.

    Raises
    ------
    ConfigError
        Its ``needs`` are something else.
    """
    assert isinstance(component, Filter)
    needs: object = component.needs
    if needs is None:
        return
    if not isinstance(needs, Collection) or not all(isinstance(tag, int) for tag in needs):
        raise ConfigError("needs must be a collection of tags as numbers such as 0x00100020, or None")


def _needs(filters: Collection[Filter]) -> frozenset[int] | None:
    """The tags to read: what the filters need and what the core keeps; None for the whole header."""
    needs = set(_FACTS)
    for component in filters:
        if component.needs is None:
            return None
        needs.update(component.needs)
    return frozenset(needs)


def _text(header: Dataset, tag: int) -> str:
    raw: object = header.get_item(tag)  # pydicom's types leave out that it may be raw, or absent
    if isinstance(raw, RawDataElement) and raw.value is not None and _PLAIN.fullmatch(raw.value):
        return raw.value.decode("ascii").strip("\0 ")
    element = header.get(tag)
    return "" if element is None or element.value is None else str(element.value).strip("\0 ")


def _mismatch(header: Dataset, instance: Instance) -> str:
    """What the data set says otherwise than the command that announced it; empty if nothing.

    PS3.7 9.1.1.1: Affected SOP Class and Instance UID are those of the object that is stored.
    """
    for name, tag, told in (
        ("SOP Class UID", SOP_CLASS_UID, instance.sop_class_uid),
        ("SOP Instance UID", SOP_INSTANCE_UID, instance.sop_instance_uid),
    ):
        stands = _text(header, tag)
        if stands and stands != told:
            return f"its data set has another {name} than the C-STORE command named"
    return ""


def _why_returned(decision: Decision) -> str:
    names = ", ".join(match.route for match in decision.matches)
    return (
        f"the route would only return it to its sender ({names}); set return_to_sender = true there, "
        f"or give it another sink"
    )


def _held(claimed: ClaimedObject, code: str, reason: str, facts: HeaderFacts = HeaderFacts()) -> Message:  # noqa: B008 - frozen
    return {
        "held": pack(
            RoutingHeld(
                object_id=claimed.stored.instance.id,
                lease_no=claimed.lease_no,
                code=code,
                failure=Failure(text=reason),
                facts=facts,
            )
        )
    }


def main() -> None:
    """Entry of the process."""
    RouteWorker(WorkerSession.start(sys.argv[1:], kind="filters")).run()


if __name__ == "__main__":
    main()
