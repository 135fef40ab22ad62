"""What an acceptor asks of the rest of the router, and what it tells it."""

from __future__ import annotations

import enum
from collections.abc import Callable, Sequence
from typing import Final, Protocol

import attrs

from hilum_core.dicom.negotiation import UserIdentity
from hilum_core.dicom.peer_certificate import PeerCertificate
from hilum_sdk import Association

MOST_PIECES: Final = 512
"""What is handed on at once: some peers send fragments of a few bytes, and one `writev` takes 1024."""


@attrs.frozen(kw_only=True)
class AcceptorSettings:
    """How an acceptor treats its peers.

    Attributes
    ----------
    max_pdu_bytes
        Announced to the peers. 128 KiB is the most that DCMTK sends.
    most_pdu_bytes
        Larger P-DATA-TFs than announced are read too, up to here: a length beyond is garbage.
    buffer_bytes
        How much is received at once, and the memory of an association.
    artim_s
        PS3.8 9.1.5: how long a connection may take to send its A-ASSOCIATE-RQ, all of it, or to close after
        the last PDU.
    idle_s
        How long an association may be silent between messages, and how long it may take within one for
        the next few hundred bytes (see `hilum_core.dicom.patience`).
    """

    max_pdu_bytes: int = 128 * 1024
    most_pdu_bytes: int = 16 * 1024 * 1024
    buffer_bytes: int = 256 * 1024
    artim_s: float = 30.0
    idle_s: float = 60.0


@attrs.frozen(kw_only=True)
class Admission:
    """A caller may come in.

    Attributes
    ----------
    peer
        Its name in the inventory.
    transfer_syntaxes
        In order of preference, where several are proposed for one presentation context; then in the
        requestor's order. Empty: Explicit VR Little Endian, Implicit VR Little Endian.
    most_associations
        How many it may have open at a time; None for as many as there are places.
    verify_user
        Asked about the user that the request names, if any, before the association is accepted: why it
        is not, if so. Called on the thread of the association. None: whoever it names is taken.
    """

    peer: str | None
    may_store: bool = True
    may_echo: bool = True
    transfer_syntaxes: tuple[str, ...] = ()
    most_associations: int | None = None
    verify_user: Callable[[UserIdentity | None], Rejection | None] | None = None


@attrs.frozen(kw_only=True)
class Rejection:
    """A caller may not come in: the fields of an A-ASSOCIATE-RJ (PS3.8 Table 9-21), and why, for the log.

    ``peer`` is its name in the inventory, if it is known and only has to wait.
    """

    result: int
    source: int
    reason: int
    text: str
    peer: str | None = None


CALLED_AE_NOT_RECOGNISED: Final = Rejection(
    result=1, source=1, reason=7, text="called AE title not recognised"
)
CALLING_AE_NOT_RECOGNISED: Final = Rejection(
    result=1, source=1, reason=3, text="calling AE title not recognised"
)
USER_NOT_VERIFIED: Final = Rejection(result=2, source=2, reason=1, text="user identity not verified")
"""PS3.8 Table 9-21 has no reason of its own for it: transient, of the ACSE, no reason given."""
CONGESTED: Final = Rejection(result=2, source=3, reason=1, text="temporary congestion: no thread is left")
LIMIT_EXCEEDED: Final = Rejection(result=2, source=3, reason=2, text="local limit exceeded")


@attrs.frozen(kw_only=True)
class CallerTls:
    """A caller has come by TLS; ``certificate`` is what it presented and is verified, if it did."""

    certificate: PeerCertificate | None


class Gatekeeper(Protocol):
    """Decides who may come in."""

    def admit(
        self, *, called_ae: str, calling_ae: str, address: str, tls: CallerTls | None = None
    ) -> Admission | Rejection:
        """Decide by the first 74 bytes of the request. Called on the thread of the association.

        AE titles are without their insignificant spaces; what is not printable ASCII is escaped.
        """
        ...


@attrs.frozen(kw_only=True)
class StoreRequest:
    """A C-STORE-RQ whose data set is about to come. UIDs are without their padding.

    ``sop_class_uid`` is the command's; it may differ from the presentation context's, which a
    requestor may negotiate for a related general SOP class (PS3.4 B.3.1). ``move_originator_ae`` is
    set where a C-MOVE of that AE is what sends the object.
    """

    association: Association
    sop_class_uid: str
    sop_instance_uid: str
    transfer_syntax_uid: str
    message_id: int
    move_originator_ae: str | None = None
    move_originator_message_id: int | None = None


class StoreRefused(Exception):  # noqa: N818 - an answer, not an error
    """Raised by a receiver or its writer: the rest of the data set is read, and this answered.

    Parameters
    ----------
    status
        Of the C-STORE-RSP (PS3.4 Table B.2-1).
    comment
        Its Error Comment: at most 64 characters, no patient data.
    """

    def __init__(self, status: int, comment: str = "") -> None:
        super().__init__(f"0x{status:04X} {comment}")
        self.status = status
        self.comment = comment


class ObjectWriter(Protocol):
    """Takes one data set as it comes in. Used by one thread."""

    def write(self, pieces: Sequence[memoryview]) -> None:
        """Take the next bytes, in the pieces that they came in.

        At most `MOST_PIECES`, from one read of the network; they are valid during the call only.
        """
        ...

    def commit(self) -> None:
        """Make the object durable: once this returns, the sender is told that it is safe."""
        ...

    def discard(self) -> None:
        """Forget the object. Called once if `write` or `commit` raised, or the message was not completed."""
        ...


class ObjectReceiver(Protocol):
    """Takes the objects of all associations."""

    def begin(self, request: StoreRequest) -> ObjectWriter:
        """Get ready for one object. Called on the thread of the association.

        Raises
        ------
        StoreRefused
            It cannot be taken. Any other exception, here or of the writer, is a defect: the sender is
            told 0x0110, and the association goes on.
        """
        ...


class Ending(enum.Enum):
    """How an association ended."""

    RELEASED = "released"
    REJECTED = "rejected"
    ABORTED_BY_PEER = "aborted by the peer"
    LOST = "lost"
    TIMED_OUT = "timed out"
    NOT_SECURE = "TLS failed"
    PROTOCOL_ERROR = "protocol error"
    STOPPED = "stopped by us"
    DEFECT = "defect of ours"


@attrs.frozen(kw_only=True)
class AssociationReport:
    """What one log line says of an association.

    ``calling_ae`` is empty where the connection ended before it said who it is: a port check of a
    load balancer, say. ``text`` says more of how it ended, ``trouble`` what the last refused object was
    refused for, or a defect of the receiver. ``oversized_pdus`` were larger than announced.
    """

    calling_ae: str
    called_ae: str
    address: str
    peer: str | None
    stored: int
    refused: int
    data_bytes: int
    seconds: float
    ending: Ending
    text: str = ""
    trouble: str = ""
    oversized_pdus: int = 0

    @property
    def ended_well(self) -> bool:
        """Whether an operator need not look: released in order, or a mere check of the port, or our stop."""
        is_port_check = self.ending is Ending.LOST and not self.calling_ae
        return is_port_check or (self.ending in {Ending.RELEASED, Ending.STOPPED} and not self.refused)

    def fields(self) -> dict[str, object]:
        """The report as fields of a log line, leaving out what has nothing to say."""
        fields = attrs.asdict(self) | {"ending": self.ending.value, "seconds": round(self.seconds, 3)}
        return {name: value for name, value in fields.items() if value not in {None, ""}}
