"""The queue as tables. UIDs, states, names of the config and reasons: nothing that names a patient."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

import attrs
from rich.console import Console
from rich.table import Table

from hilum_core.cli.console import NEVER_SHOWN, plain_table
from hilum_core.cli.figures import age_since, age_words, size_words, time_words
from hilum_core.log import escape
from hilum_core.queue.records import (
    DeliveryRow,
    Event,
    Failure,
    LaneStatus,
    ObjectHistory,
    ObjectRow,
    QueueStatus,
    SinkCounts,
)

_COUNTED = ("waiting", "unrendered", "ready", "leased", "sent", "dead", "held")
_ALWAYS = ("ready", "leased", "dead", "held")
_WITHHELD = "withheld"
_EMPTY: tuple[object, ...] = (None, "", [], {})


def discreet(row: ObjectRow) -> ObjectRow:
    """An object without its UIDs, if a route de-identifies it: then its ID is its only name for people."""
    if not row.withholds_uids:
        return row
    instance = attrs.evolve(row.stored.instance, sop_instance_uid=_WITHHELD)
    facts = attrs.evolve(row.facts, study_instance_uid=_WITHHELD, series_instance_uid=_WITHHELD)
    return attrs.evolve(row, stored=attrs.evolve(row.stored, instance=instance), facts=facts)


def print_status(console: Console, status: QueueStatus, now: datetime, *, running: bool) -> None:
    """Print the age of the oldest undelivered object first, then what is where, then what must be mended."""
    oldest = status.oldest_unfinished_at
    since = f"   received {time_words(oldest)}" if oldest else ""
    console.print(f"oldest undelivered  {age_words(age_since(oldest, now)) if oldest else 'none'}{since}")
    objects = ", ".join(f"{count:,} {state}" for state, count in status.objects.items() if count)
    console.print(f"objects             {objects or 'none'}")
    console.print(f"router              {'running' if running else 'not running'}")
    if status.sinks:
        console.print()
        console.print(_sinks(status.sinks, now))
    if status.problems:
        console.print("\nproblems")
        for problem in status.problems:
            console.print(f"  {problem.label}: {escape(problem.text)} (since {time_words(problem.since)})")


def objects_table(rows: Sequence[ObjectRow], now: datetime, *, with_uids: bool = True) -> Table:
    """One line an object, as `hilum queue list` shows it; without UIDs it fits a narrow terminal."""
    uids = ("SOP instance",) if with_uids else ()
    table = plain_table("object", "state", "received", "from", "modality", *uids, "reason")
    for row in rows:
        instance = row.stored.instance
        table.add_row(
            instance.id,
            row.state,
            f"{age_words(age_since(instance.received_at, now))} ago",
            instance.association.peer or escape(instance.association.calling_ae),
            escape(row.facts.modality) or "-",
            *((escape(instance.sop_instance_uid),) if with_uids else ()),
            escape(row.reason) or "-",
        )
    return table


def deliveries_table(rows: Sequence[DeliveryRow], now: datetime) -> Table:
    """One line a delivery, as `hilum queue list` and `show` show it."""
    table = plain_table(
        "delivery", "sink", "route", "state", "tries", "next try", "last error", right=("tries",)
    )
    for row in rows:
        table.add_row(
            row.delivery_id,
            row.sink,
            " > ".join((row.route, *row.chain)),
            row.state,
            str(row.attempts),
            _next_try(row, now),
            _failure(row.last_failure) or _warning(row) or "-",
        )
    return table


def print_history(console: Console, history: ObjectHistory, now: datetime) -> None:
    """Print all that is known of one object: the facts, where it goes, what happened."""
    row = history.object
    for name, value in _facts(row).items():
        console.print(f"{name:<16} {value}")
    console.print("\ndeliveries")
    if history.deliveries:
        console.print(deliveries_table(history.deliveries, now))
    else:
        console.print("none")
    console.print("\nwhat happened")
    table = plain_table("time", "what", "sink", "by", "detail")
    for event in history.events:
        table.add_row(
            time_words(event.at), event.kind, event.sink or "-", escape(event.by or "-"), _detail(event)
        )
    console.print(table)


def _sinks(sinks: Sequence[SinkCounts], now: datetime) -> Table:
    shown = [
        state for state in _COUNTED if state in _ALWAYS or any(one.by_state.get(state, 0) for one in sinks)
    ]
    table = plain_table("sink", *shown, "oldest", "lane", right=(*shown, "oldest"))
    for one in sinks:
        counts = [f"{one.by_state.get(state, 0):,}" for state in shown]
        table.add_row(one.sink, *counts, age_words(age_since(one.oldest_at, now)), _lane(one.lane))
    return table


def _lane(lane: LaneStatus | None) -> str:
    if lane is None:
        return "not started"
    until = f" until {time_words(lane.resting_until)}" if lane.resting_until else ""
    reason = f": {escape(lane.reason)}" if lane.reason else ""
    return f"{lane.state}{until}{reason}"


def _facts(row: ObjectRow) -> Mapping[str, str]:
    instance, association = row.stored.instance, row.stored.instance.association
    sender = f"{escape(association.calling_ae)} at {association.address or '?'}"
    state = f"{row.state}: {escape(row.reason)}" if row.reason else row.state
    return {
        "object": instance.id,
        "state": state,
        "received": time_words(instance.received_at),
        "from": f"{association.peer} ({sender})" if association.peer else sender,
        "called AE": escape(association.called_ae),
        "SOP class": _named(instance.sop_class_uid),
        "SOP instance": escape(instance.sop_instance_uid),
        "study": escape(row.facts.study_instance_uid) or "-",
        "series": escape(row.facts.series_instance_uid) or "-",
        "modality": escape(row.facts.modality) or "-",
        "transfer syntax": _named(instance.transfer_syntax_uid),
        "data set": f"{size_words(instance.data_set_bytes)}, CRC-32 {row.stored.checksum:08x}",
        "settled": time_words(row.settled_at),
        "bytes removed": time_words(row.purged_at),
    }


def _named(uid: str) -> str:
    from pydicom.uid import UID  # noqa: PLC0415 - only `show` names UIDs

    name = UID(uid).name
    return escape(uid) if name == uid else f"{name} ({uid})"


def _next_try(row: DeliveryRow, now: datetime) -> str:
    if row.ended_at is not None or row.next_attempt_at is None:
        return "-"
    wait = row.next_attempt_at - now
    return f"in {age_words(wait)}" if wait.total_seconds() >= 1 else "now"


def _failure(failure: Failure | None) -> str:
    if failure is None:
        return ""
    status = f" (0x{failure.status:04X})" if failure.status is not None else ""
    return f"{escape(failure.text)}{status}"


def _warning(row: DeliveryRow) -> str:
    return f"warning: {escape(row.receipt.warning)}" if row.receipt and row.receipt.warning else ""


def _detail(event: Event) -> str:
    shown = {key: value for key, value in event.detail.items() if key not in NEVER_SHOWN}
    return "; ".join(f"{key} {_value(key, value)}" for key, value in shown.items() if value not in _EMPTY)


def _value(key: str, value: object) -> str:
    """Put a value of the ledger, which is JSON, into words."""
    if key == "status" and isinstance(value, int):
        return f"0x{value:04X}"
    if isinstance(value, Mapping):
        return ", ".join(f"{escape(str(name))} {_value('', item)}" for name, item in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(map(_item, value))
    return escape(str(value))


def _item(value: object) -> str:
    match value:
        case [name, why]:
            return f"{escape(str(name))} ({escape(str(why))})"
    return _value("", value)
