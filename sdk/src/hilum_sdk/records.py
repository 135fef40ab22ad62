"""The records that cross between the core and a plugin.

They are frozen and hold only what JSON can carry, because they also cross a process boundary: the
core decides in one process and plugins work in others.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import Enum
from typing import Literal, NewType

import attrs

PeerName = NewType("PeerName", str)
"""The name of a DICOM node in the `[peers]` table; the core refuses a config that names an unknown one."""


@attrs.frozen(kw_only=True, cache_hash=True)
class Association:
    """Who sent an object, and how: the facts of the association that it came in on.

    AE titles are stripped of insignificant spaces (PS3.5 6.2). ``peer`` is the sender's name in the
    inventory, ``address`` its IP address, ``tls_subject`` the subject of its certificate where the
    association was secured, ``user`` the user identity it gave (PS3.7 D.3.3.7).
    """

    calling_ae: str
    called_ae: str
    peer: str | None = None
    address: str = ""
    tls_subject: str | None = None
    user: str | None = None


@attrs.frozen(kw_only=True)
class Instance:
    """One object as it came in, told by its command set and its association.

    ``id`` is its name in the queue: the only name that may be logged where a route de-identifies,
    because UIDs identify (PS3.15 Annex E). ``data_set_bytes`` is the size of the data set without
    File Meta Information; ``received_at`` is aware UTC.
    """

    id: str
    sop_class_uid: str
    sop_instance_uid: str
    transfer_syntax_uid: str
    data_set_bytes: int
    received_at: datetime
    association: Association


@attrs.frozen(kw_only=True)
class Receipt:
    """What a sink says of a success.

    ``warning`` is in words: the object counts as delivered, and an operator sees the warning.
    ``status`` is the DIMSE or HTTP status. ``location`` says where the object can be found at the
    destination; it may identify a patient, so it is kept in the ledger and never logged.
    """

    warning: str | None = None
    status: int | None = None
    location: str | None = None


@attrs.frozen(kw_only=True)
class Discard:
    """A transform's word that its delivery ends here, by the rule named."""

    rule: str


@attrs.frozen(kw_only=True)
class Hold:
    """A transform's word that its delivery waits for a person; the object's other deliveries go on.

    ``reason`` is for the operator and holds no patient data; ``code`` is for counting.
    """

    reason: str
    code: str = "held"


class Fate(Enum):
    """What becomes of an element that gets no new value (`Level.rewrite`)."""

    KEEP = "keep"
    REMOVE = "remove"


@attrs.frozen(kw_only=True)
class SopReference:
    """One object as it was *sent*, which a transform may have given other UIDs than it came with."""

    sop_class_uid: str
    sop_instance_uid: str


@attrs.frozen(kw_only=True)
class ContextNeed:
    """A presentation context that a sink needs: one SOP class in any of these transfer syntaxes.

    ``transfer_syntaxes`` are in order of preference, the object's own first; ``waiting`` is how
    many objects wait for it.
    """

    sop_class_uid: str
    transfer_syntaxes: tuple[str, ...]
    waiting: int = 0


@attrs.frozen(kw_only=True)
class Timeouts:
    """How long to wait for a DICOM node.

    ``connect`` for the connection, ``association`` for the answer to the A-ASSOCIATE-RQ, ``send`` while
    the node takes nothing of what is sent, ``response`` for the answer to a message, from when the node's
    machine has its last byte; large objects get 1 s more a MiB.
    """

    connect: timedelta = timedelta(seconds=10)
    association: timedelta = timedelta(seconds=30)
    send: timedelta = timedelta(seconds=60)
    response: timedelta = timedelta(seconds=120)


@attrs.frozen(kw_only=True)
class CheckRequest:
    """A question to a commitment check: does the archive keep these objects?

    ``id`` is a UID, stored before `CommitmentCheck.ask` is called, and serves as the Transaction UID
    (PS3.4 J.3.2). ``tries`` counts earlier calls; at ``expires_at`` the core gives up waiting.
    """

    id: str
    sink: str
    peer: PeerName
    references: tuple[SopReference, ...]
    tries: int
    asked_at: datetime
    expires_at: datetime


@attrs.frozen(kw_only=True)
class CheckResult:
    """The archive's answer for one object; ``failure_reason`` as of PS3.3 C.14.1.1."""

    reference: SopReference
    verdict: Literal["kept", "missing", "refused"]
    failure_reason: int | None = None


@attrs.frozen(kw_only=True)
class Later:
    """A commitment check's word that there is no answer yet.

    The core asks again ``after`` this time, or waits for a message of the peer where it is ``None``.
    """

    after: timedelta | None = None
