"""The codec of A-ASSOCIATE-RQ and -AC (PS3.8 9.3.2, 9.3.3; user information PS3.7 Annex D.3.3).

Reading is forgiving, because one odd item must not cost a modality its association: unknown items are
passed over (PS3.8 9.3.1), padding of UIDs is taken off, and a presentation context that cannot be read
comes out without an abstract syntax, to be refused alone. Only a length that goes past its PDU is an
error.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping, Sized
from typing import Final

import attrs

from hilum_core.dicom.implementation import IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME
from hilum_core.dicom.pdu import A_ASSOCIATE_AC, A_ASSOCIATE_RQ, ProtocolError, frame, wire_text

APPLICATION_CONTEXT: Final = "1.2.840.10008.3.1.1.1"
USERNAME: Final = 1
USERNAME_AND_PASSCODE: Final = 2
IDENTITY_TYPES: Final = {
    USERNAME: "a user name",
    USERNAME_AND_PASSCODE: "a user name and passcode",
    3: "a Kerberos ticket",
    4: "a SAML assertion",
    5: "a JSON Web Token",
}
"""The types of a user identity (PS3.7 Table D.3-14)."""
HEAD_BYTES: Final = 74
"""Six bytes of PDU header and what stands before the variable items: enough to know who calls whom."""

MOST_CONTEXTS: Final = 128
"""Of an association: their ids are the odd numbers up to 255 (PS3.8 9.3.2.2)."""

_FIXED = struct.Struct(">H2x16s16s32s")
_ITEM = struct.Struct(">BxH")


@attrs.frozen(kw_only=True)
class ProposedContext:
    """A presentation context as proposed. Without an abstract syntax: it could not be read."""

    context_id: int
    abstract_syntax: str
    transfer_syntaxes: tuple[str, ...]


@attrs.frozen(kw_only=True)
class ContextResult:
    """The answer to a presentation context; ``result`` by PS3.8 Table 9-18, 0 is acceptance."""

    context_id: int
    result: int
    transfer_syntax: str


@attrs.frozen(kw_only=True)
class UserIdentity:
    """Who the requestor says it is (PS3.7 D.3.3.7).

    ``primary`` is the name of a user, or a ticket, assertion or token; ``secondary`` a passcode.
    Neither is shown.
    """

    type: int
    wants_response: bool
    primary: bytes = attrs.field(repr=False)
    secondary: bytes = attrs.field(default=b"", repr=False)


@attrs.frozen(kw_only=True)
class UserInformation:
    """The sub-items of user information that we read or write.

    ``roles`` are (SCU, SCP) by SOP class. ``extended`` is the application information of SOP Class
    Extended Negotiation. ``max_pdu_bytes`` 0 sets no limit. The asynchronous operations window and
    SOP Class Common Extended Negotiation are passed over: neither is ever answered by us, which leaves
    one operation at a time (PS3.7 D.3.3.3) and the SOP classes as they are (D.3.3.6).
    """

    max_pdu_bytes: int
    implementation_class_uid: str = IMPLEMENTATION_CLASS_UID
    implementation_version_name: str = IMPLEMENTATION_VERSION_NAME
    roles: Mapping[str, tuple[bool, bool]] = attrs.field(factory=dict)
    extended: Mapping[str, bytes] = attrs.field(factory=dict)
    user_identity: UserIdentity | None = None
    identity_response: bytes | None = None


@attrs.frozen(kw_only=True)
class AssociateRequest:
    """An A-ASSOCIATE-RQ. ``names`` are the 64 bytes that an A-ASSOCIATE-AC gives back as they came."""

    called_ae: str
    calling_ae: str
    contexts: tuple[ProposedContext, ...]
    user: UserInformation
    application_context: str = APPLICATION_CONTEXT
    protocol_version: int = 1
    names: bytes = b""


@attrs.frozen(kw_only=True)
class AssociateAccept:
    """An A-ASSOCIATE-AC. ``names`` are of no meaning to who receives it (PS3.8 9.3.3)."""

    names: bytes
    contexts: tuple[ContextResult, ...]
    user: UserInformation


# ---- reading


def decode_head(head: bytes) -> tuple[str, str]:
    """Read called and calling AE title from the first `HEAD_BYTES` of an A-ASSOCIATE-RQ PDU."""
    _, called_ae, calling_ae, _ = _FIXED.unpack_from(head, HEAD_BYTES - _FIXED.size)
    return wire_text(called_ae), wire_text(calling_ae)


def decode_associate_rq(body: bytes) -> AssociateRequest:
    """Read an A-ASSOCIATE-RQ.

    Raises
    ------
    ProtocolError
        It is too short, the length of an item goes past its end, or it has too many contexts.
    """
    version, called_ae, calling_ae, names, items = _decode_associate(body)
    application_context = ""
    contexts: list[ProposedContext] = []
    user = UserInformation(max_pdu_bytes=0, implementation_class_uid="", implementation_version_name="")
    for item_type, value in items:
        if item_type == 0x10:
            application_context = wire_text(value)
        elif item_type == 0x20:
            _check_count(contexts)
            contexts.append(_decode_proposed(value))
        elif item_type == 0x50:
            user = _decode_user(value)
    return AssociateRequest(
        called_ae=wire_text(called_ae),
        calling_ae=wire_text(calling_ae),
        contexts=tuple(contexts),
        user=user,
        application_context=application_context,
        protocol_version=version,
        names=names,
    )


def decode_associate_ac(body: bytes) -> AssociateAccept:
    """Read an A-ASSOCIATE-AC.

    Raises
    ------
    ProtocolError
        As of `decode_associate_rq`.
    """
    _, _, _, names, items = _decode_associate(body)
    contexts: list[ContextResult] = []
    user = UserInformation(max_pdu_bytes=0, implementation_class_uid="", implementation_version_name="")
    for item_type, value in items:
        if item_type == 0x21:
            _check_count(contexts)
            contexts.append(_decode_result(value))
        elif item_type == 0x50:
            user = _decode_user(value)
    return AssociateAccept(names=names, contexts=tuple(contexts), user=user)


def _check_count(contexts: Sized) -> None:
    """See that another context may come. Without it, 256 KiB of empty ones hold a process for 0.1 s."""
    if len(contexts) >= MOST_CONTEXTS:
        raise ProtocolError(f"sent more than {MOST_CONTEXTS} presentation contexts")


def _decode_associate(body: bytes) -> tuple[int, bytes, bytes, bytes, Iterator[tuple[int, bytes]]]:
    if len(body) < _FIXED.size:
        raise ProtocolError(f"sent an associate PDU of {len(body)} bytes; it has at least {_FIXED.size}")
    version, called_ae, calling_ae, _ = _FIXED.unpack_from(body)
    return version, called_ae, calling_ae, body[4 : _FIXED.size], _items(body[_FIXED.size :])


def _items(encoded: bytes) -> Iterator[tuple[int, bytes]]:
    position = 0
    while position < len(encoded):
        if len(encoded) - position < _ITEM.size:
            raise ProtocolError(
                f"sent an associate PDU with {len(encoded) - position} bytes after its last item"
            )
        item_type, length = _ITEM.unpack_from(encoded, position)
        position += _ITEM.size
        if length > len(encoded) - position:
            raise ProtocolError(f"sent an item {item_type:02X}H that announces {length} bytes and has fewer")
        yield item_type, encoded[position : position + length]
        position += length


def _decode_proposed(value: bytes) -> ProposedContext:
    context_id = value[0] if value else 0
    abstract_syntax, transfer_syntaxes = "", []
    try:
        for item_type, uid in _items(value[4:]):
            if item_type == 0x30:
                abstract_syntax = wire_text(uid)
            elif item_type == 0x40:
                transfer_syntaxes.append(wire_text(uid))
    except ProtocolError:
        abstract_syntax, transfer_syntaxes = "", []
    return ProposedContext(
        context_id=context_id, abstract_syntax=abstract_syntax, transfer_syntaxes=tuple(transfer_syntaxes)
    )


def _decode_result(value: bytes) -> ContextResult:
    if len(value) < 4:
        raise ProtocolError("answered a presentation context in too few bytes")
    # PS3.8 9.3.3.2: of a context that is not accepted the transfer syntax is not significant.
    syntaxes = [wire_text(uid) for item_type, uid in _items(value[4:]) if item_type == 0x40] or [""]
    return ContextResult(context_id=value[0], result=value[2], transfer_syntax=syntaxes[0])


def _decode_user(value: bytes) -> UserInformation:
    fields: dict[str, object] = {
        "max_pdu_bytes": 0,
        "implementation_class_uid": "",
        "implementation_version_name": "",
    }
    roles: dict[str, tuple[bool, bool]] = {}
    extended: dict[str, bytes] = {}
    for item_type, item in _items(value):
        if item_type == 0x51:
            fields["max_pdu_bytes"] = int.from_bytes(item[:4], "big")
        elif item_type == 0x52:
            fields["implementation_class_uid"] = wire_text(item)
        elif item_type == 0x55:
            fields["implementation_version_name"] = wire_text(item)
        elif item_type == 0x54:
            uid, rest = _counted(item)
            roles[wire_text(uid)] = (rest[:1] == b"\1", rest[1:2] == b"\1")
        elif item_type == 0x56:
            uid, rest = _counted(item)
            extended[wire_text(uid)] = rest
        elif item_type == 0x58 and len(item) >= 2:
            primary, rest = _counted(item[2:])
            fields["user_identity"] = UserIdentity(
                type=item[0], wants_response=item[1] == 1, primary=primary, secondary=_counted(rest)[0]
            )
        elif item_type == 0x59:
            fields["identity_response"] = _counted(item)[0]
    return UserInformation(roles=roles, extended=extended, **fields)  # type: ignore[arg-type] # by item type


def _counted(encoded: bytes) -> tuple[bytes, bytes]:
    """Split off a field that has its length, two bytes, before it."""
    length = int.from_bytes(encoded[:2], "big")
    return encoded[2 : 2 + length], encoded[2 + length :]


# ---- writing


def encode_associate_rq(request: AssociateRequest) -> bytes:
    """Encode the whole PDU."""
    fixed = _FIXED.pack(
        request.protocol_version, _padded_ae(request.called_ae), _padded_ae(request.calling_ae), bytes(32)
    )
    items = [_item(0x10, request.application_context.encode("ascii"))]
    for context in request.contexts:
        syntaxes = [_item(0x30, context.abstract_syntax.encode("ascii"))]
        syntaxes += [_item(0x40, uid.encode("ascii")) for uid in context.transfer_syntaxes]
        items.append(_item(0x20, bytes((context.context_id, 0, 0, 0)) + b"".join(syntaxes)))
    items.append(_encode_user(request.user))
    return frame(A_ASSOCIATE_RQ, fixed + b"".join(items))


def encode_associate_ac(accept: AssociateAccept) -> bytes:
    """Encode the whole PDU."""
    items = [_item(0x10, APPLICATION_CONTEXT.encode("ascii"))]
    for context in accept.contexts:
        syntax = _item(0x40, context.transfer_syntax.encode("ascii"))
        items.append(_item(0x21, bytes((context.context_id, 0, context.result, 0)) + syntax))
    items.append(_encode_user(accept.user))
    return frame(A_ASSOCIATE_AC, b"\0\1\0\0" + accept.names + b"".join(items))


def _encode_user(user: UserInformation) -> bytes:
    items = [
        _item(0x51, user.max_pdu_bytes.to_bytes(4, "big")),
        _item(0x52, user.implementation_class_uid.encode("ascii")),
    ]
    for uid, (scu, scp) in user.roles.items():
        items.append(_item(0x54, _count(uid.encode("ascii")) + bytes((scu, scp))))
    items.append(_item(0x55, user.implementation_version_name.encode("ascii")))
    for uid, information in user.extended.items():
        items.append(_item(0x56, _count(uid.encode("ascii")) + information))
    if identity := user.user_identity:
        header = bytes((identity.type, identity.wants_response))
        items.append(_item(0x58, header + _count(identity.primary) + _count(identity.secondary)))
    if user.identity_response is not None:
        items.append(_item(0x59, _count(user.identity_response)))
    return _item(0x50, b"".join(items))


def _item(item_type: int, value: bytes) -> bytes:
    return _ITEM.pack(item_type, len(value)) + value


def _count(field: bytes) -> bytes:
    return len(field).to_bytes(2, "big") + field


def _padded_ae(title: str) -> bytes:
    return title.encode("ascii").ljust(16)
