"""Between the rows of the embedded queue and the records of `hilum_core.queue.records`."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any

import attrs

from hilum_core.clock import from_microseconds, microseconds
from hilum_core.queue.records import DeliveryRow, Event, Failure, HeaderFacts, ObjectRow, Rendering
from hilum_core.spool.records import StoredObject
from hilum_sdk import Association, Instance, Receipt

STORED = """o.id, o.sop_class_uid, o.sop_instance_uid, o.transfer_syntax_uid, o.data_set_bytes,
    o.received_at, o.checksum, o.calling_ae, o.called_ae, o.peer, o.address, o.tls_subject,
    o.user_identity"""
"""The columns of `stored_object`, of a table called o."""

STORED_WIDTH = 13
_MOST_DIGITS = 19  # of a row number: 64 bits

ADD_OBJECT_COLUMNS = """id, sop_class_uid, sop_instance_uid, transfer_syntax_uid, data_set_bytes,
    received_at, checksum, calling_ae, called_ae, peer, address, tls_subject, user_identity"""

RENDERING = """r.file_name, r.sop_class_uid, r.sop_instance_uid, r.transfer_syntax_uid,
    r.data_set_bytes, r.deidentified, r.verified, r.identity"""
"""The columns of `rendering`, of a table called r."""

RENDERING_WIDTH = 8

OBJECT_ROW = f"""{STORED}, o.study_instance_uid, o.series_instance_uid, o.modality, o.patient_key,
    o.state, o.reason, o.attempts, o.settled_at, o.purged_at, EXISTS (
        SELECT 1 FROM deliveries d, json_each(d.chain) step WHERE d.object = o.seq AND d.chain <> ''
            AND NOT EXISTS (SELECT 1 FROM transforms t WHERE t.name = step.value AND t.deidentifies = 0))"""

DELIVERY_ROW = """d.seq, o.id, d.sink, d.route, d.chain, d.state, d.attempts, d.due_at, d.ended_at,
    d.failure, d.receipt, d.revision, o.received_at"""

EVENT_ROW = """e.cursor, e.at, e.kind, o.id, e.delivery, e.sink, e.by_whom, e.detail"""

_encode = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False).encode


def stored_values(stored: StoredObject) -> tuple[object, ...]:
    """The values of ADD_OBJECT_COLUMNS."""
    instance = stored.instance
    association = instance.association
    return (
        instance.id,
        instance.sop_class_uid,
        instance.sop_instance_uid,
        instance.transfer_syntax_uid,
        instance.data_set_bytes,
        microseconds(instance.received_at),
        stored.checksum,
        association.calling_ae,
        association.called_ae,
        association.peer,
        association.address,
        association.tls_subject,
        association.user,
    )


def stored_object(row: Sequence[Any]) -> StoredObject:
    """An object of the columns STORED."""
    return StoredObject(
        instance=Instance(
            id=row[0],
            sop_class_uid=row[1],
            sop_instance_uid=row[2],
            transfer_syntax_uid=row[3],
            data_set_bytes=row[4],
            received_at=from_microseconds(row[5]),
            association=_association(tuple(row[7:STORED_WIDTH])),
        ),
        checksum=row[6],
    )


@lru_cache(maxsize=256)
def _association(values: tuple[Any, ...]) -> Association:
    """The same object for all that came in on an association: rows of one mostly follow one another."""
    calling_ae, called_ae, peer, address, tls_subject, user = values
    return Association(
        calling_ae=calling_ae,
        called_ae=called_ae,
        peer=peer,
        address=address,
        tls_subject=tls_subject,
        user=user,
    )


def rendering(row: Sequence[Any]) -> Rendering | None:
    """A rendering of the columns RENDERING; None where there is none."""
    if row[0] is None:
        return None
    return Rendering(
        file_name=row[0],
        sop_class_uid=row[1],
        sop_instance_uid=row[2],
        transfer_syntax_uid=row[3],
        data_set_bytes=row[4],
        deidentified=bool(row[5]),
        verified=bool(row[6]),
        identity=row[7] or "",
    )


def object_row(row: Sequence[Any]) -> ObjectRow:
    """An object of the columns OBJECT_ROW."""
    study, series, modality, patient, *rest = row[STORED_WIDTH:]
    state, reason, attempts, settled_at, purged_at, withholds_uids = rest
    return ObjectRow(
        stored=stored_object(row),
        facts=HeaderFacts(
            study_instance_uid=study, series_instance_uid=series, modality=modality, patient_key=patient
        ),
        state=state,
        reason=reason,
        attempts=attempts,
        settled_at=time_or_none(settled_at),
        purged_at=time_or_none(purged_at),
        withholds_uids=bool(withholds_uids),
    )


def delivery_row(row: Sequence[Any], *, can_be_tried: bool) -> DeliveryRow:
    """A delivery of the columns DELIVERY_ROW; `can_be_tried`: whether it waits for a time or a turn."""
    seq, object_id, sink, route, chain, state, attempts, due_at, ended_at, why, receipt, revision, since = row
    return DeliveryRow(
        delivery_id=delivery_id(object_id, seq),
        object_id=object_id,
        sink=sink,
        route=route,
        chain=chain_names(chain),
        state=state,
        attempts=attempts,
        next_attempt_at=from_microseconds(due_at or since) if can_be_tried else None,
        ended_at=time_or_none(ended_at),
        last_failure=failure(why),
        receipt=Receipt(**json.loads(receipt)) if receipt else None,
        revision=revision,
    )


def event(row: Sequence[Any]) -> Event:
    """A line of the ledger, of the columns EVENT_ROW."""
    cursor, at, kind, object_id, delivery, sink, by, detail = row
    return Event(
        cursor=cursor,
        at=from_microseconds(at),
        kind=kind,
        object_id=object_id,
        delivery_id=delivery_id(object_id, delivery) if delivery is not None else None,
        sink=sink,
        by=by,
        detail=json.loads(detail) if detail else {},
    )


def delivery_id(object_id: str, seq: int) -> str:
    """Name a delivery: by its object, so that the name stays unique when a queue is made anew."""
    return f"{object_id}-{seq}"


def delivery_seq(text: str) -> int:
    """The row of a delivery; -1 where the text is not the name of one."""
    number = text.rpartition("-")[2]
    return int(number) if number.isdecimal() and len(number) < _MOST_DIGITS else -1


@lru_cache(maxsize=256)
def chain_text(names: tuple[str, ...]) -> str:
    """How a chain stands in a row: empty if there are no transforms."""
    return _encode(names) if names else ""


@lru_cache(maxsize=256)
def chain_names(text: str) -> tuple[str, ...]:
    """The inverse of `chain_text`."""
    return tuple(json.loads(text)) if text else ()


def failure_text(why: Failure | None) -> str | None:
    """How a failure stands in a row."""
    return _encode(failure_detail(why)) if why else None


def failure_detail(why: Failure | None) -> dict[str, object]:
    """A failure as the ledger tells it, without what is empty."""
    return (
        {}
        if why is None
        else {name: value for name, value in attrs.asdict(why).items() if value not in ("", None)}
    )


def failure(text: str | None) -> Failure | None:
    """The inverse of `failure_text`."""
    return Failure(**json.loads(text)) if text else None


def receipt_detail(receipt: Receipt) -> dict[str, object]:
    """A receipt as the ledger tells it, without what is empty."""
    values = (("warning", receipt.warning), ("status", receipt.status), ("location", receipt.location))
    return {name: value for name, value in values if value is not None}


def receipt_text(receipt: Receipt) -> str | None:
    """How a receipt stands in a row."""
    detail = receipt_detail(receipt)
    return _encode(detail) if detail else None


def time_or_none(value: int | None) -> datetime | None:
    """A time of a column that may be empty."""
    return None if value is None else from_microseconds(value)


def placeholders(values: Iterable[object]) -> str:
    """As many question marks as there are values."""
    return ", ".join("?" for _ in values)
