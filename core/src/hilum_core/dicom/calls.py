"""Whom a requestor calls and how, and what can go wrong with it."""

from __future__ import annotations

import attrs

from hilum_core.dicom.negotiation import UserIdentity
from hilum_core.dicom.pdu import reject_in_words
from hilum_core.dicom.tls import ClientTls
from hilum_sdk import HilumError


@attrs.frozen(kw_only=True)
class RemoteNode:
    """An application entity that can be called.

    ``host`` is a name or an IPv4 or IPv6 address. Without ``tls`` it is called without. ``user`` is who
    we say we are (PS3.7 D.3.3.7).
    """

    host: str
    port: int
    ae_title: str
    tls: ClientTls | None = attrs.field(default=None, repr=False)
    user: UserIdentity | None = attrs.field(default=None, repr=False)

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.ae_title}@{host}:{self.port}"


@attrs.frozen(kw_only=True)
class RequestorSettings:
    """How a requestor calls.

    Attributes
    ----------
    max_pdu_bytes
        Announced to the peer; responses are small.
    association_timeout_s
        For the answer to A-ASSOCIATE-RQ.
    response_timeout_s, response_timeout_s_per_mib
        For the answer to a message, from its last byte on: archives store before they answer, and
        larger objects take longer.
    send_timeout_s
        How long the peer may take none of the bytes that we send, or not acknowledge them.
    release_timeout_s
        For the answer to A-RELEASE-RQ; after that the connection is closed without.
    """

    calling_ae: str
    max_pdu_bytes: int = 128 * 1024
    connect_timeout_s: float = 10.0
    association_timeout_s: float = 30.0
    response_timeout_s: float = 120.0
    response_timeout_s_per_mib: float = 1.0
    send_timeout_s: float = 60.0
    release_timeout_s: float = 10.0


@attrs.frozen(kw_only=True)
class StoreAnswer:
    """The peer's answer to C-STORE. ``comment`` is its Error Comment, which may quote the object."""

    status: int
    comment: str = ""


class RequestorError(HilumError):
    """The root of what a requestor raises; the message is for an operator and does not name the peer."""


class NotConnected(RequestorError):  # noqa: N818 - it names a state of the world
    """There is no association: no connection, or no answer to the request for one."""


class AssociationRejected(RequestorError):  # noqa: N818 - the standard's word
    """The peer answered with A-ASSOCIATE-RJ (PS3.8 Table 9-21)."""

    def __init__(self, result: int, source: int, reason: int) -> None:
        super().__init__(f"the association was {reject_in_words(result, source, reason)}")
        self.result = result
        self.source = source
        self.reason = reason

    @property
    def in_words(self) -> str:
        """What the message says."""
        return self.message


class NoContextAccepted(RequestorError):  # noqa: N818 - it names a state of the world
    """The peer accepted no presentation context: none at all (`open`), or none for this object (`store`)."""


class AssociationLost(RequestorError):  # noqa: N818 - it names what happened
    """The association has ended before its time, and cannot be used any more.

    ``nothing_sent`` is True where not a byte of the message can have been understood: the association
    had died while it was idle, which says nothing about the object.
    """

    def __init__(self, text: str, *, nothing_sent: bool) -> None:
        super().__init__(text)
        self.nothing_sent = nothing_sent
