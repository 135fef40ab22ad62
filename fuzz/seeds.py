"""What the targets begin with: files that pydicom ships, and what our own encoders make. Never kept."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import pydicom.data
from pydicom.dataset import Dataset
from zlib_ng.zlib_ng import crc32

from fuzz.files import SYNTAXES
from fuzz.wire import CT, DEFLATED, EXPLICIT, FIND, IMPLICIT, NEEDS
from hilum_core.dicom import command as dimse
from hilum_core.dicom import pdu
from hilum_core.dicom.contexts import ACCEPTED, VERIFICATION, offer_contexts
from hilum_core.dicom.data_sets import encode_data_set
from hilum_core.dicom.negotiation import (
    AssociateAccept,
    AssociateRequest,
    ContextResult,
    ProposedContext,
    UserIdentity,
    UserInformation,
    encode_associate_ac,
    encode_associate_rq,
)
from hilum_core.spool.file_format import header, seal
from hilum_sdk import Association
from hilum_sdk.elements import ElementsError, FileMeta, read_file_meta

_LARGEST: Final = 16 * 1024


def _files() -> Iterator[tuple[FileMeta, bytes]]:
    """The small files that pydicom ships: sequences, UN, undefined lengths, deflated, big endian."""
    folder = Path(pydicom.data.__file__).parent / "test_files"
    for path in sorted(folder.glob("*.dcm")):
        if path.stat().st_size <= _LARGEST:
            with path.open("rb") as stream:
                try:
                    yield read_file_meta(stream), path.read_bytes()
                except ElementsError:
                    continue


def data_sets() -> Sequence[bytes]:
    """Data sets, each after the byte that chooses its transfer syntax."""
    found = [b""]
    for meta, data in _files():
        uid = meta.transfer_syntax_uid
        number = SYNTAXES.index(uid) if uid in SYNTAXES else SYNTAXES.index(EXPLICIT)
        found.append(bytes((number,)) + data[meta.data_set_offset :])
    bomb = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    found.append(bytes((SYNTAXES.index(DEFLATED),)) + bomb.compress(bytes(1 << 20)) + bomb.flush())
    return found


def spool_files() -> Sequence[bytes]:
    """Files as others write them, and as the spool does."""
    association = Association(
        calling_ae="CT1", called_ae="HILUM", peer="ct1", address="::1", tls_subject="CN=ct1", user="Müller"
    )
    found = [data for _, data in _files()]
    for content in (b"", b"data set"):
        head = header(
            sop_class_uid=CT,
            sop_instance_uid="1.2.3",
            transfer_syntax_uid=EXPLICIT,
            association=association,
            received_at=datetime(2026, 1, 1, tzinfo=UTC),
        )
        sealed = bytearray(head.encoded)
        mark = seal(len(content), crc32(content))
        sealed[head.seal_offset : head.seal_offset + len(mark)] = mark
        found += [head.encoded + content, bytes(sealed) + content]
    return found


# ---- the wire


def _request() -> bytes:
    return encode_associate_rq(
        AssociateRequest(
            called_ae="HILUM",
            calling_ae="CT1",
            contexts=(
                ProposedContext(context_id=1, abstract_syntax=CT, transfer_syntaxes=(EXPLICIT, IMPLICIT)),
                ProposedContext(context_id=3, abstract_syntax=VERIFICATION, transfer_syntaxes=(IMPLICIT,)),
            ),
            user=UserInformation(
                max_pdu_bytes=16384,
                roles={CT: (True, True)},
                user_identity=UserIdentity(
                    type=2, wants_response=True, primary=b"user", secondary=b"passcode"
                ),
            ),
        )
    )


def _acceptance(syntax: str = EXPLICIT, max_pdu_bytes: int = 16384) -> bytes:
    """An A-ASSOCIATE-AC; queries are accepted in this transfer syntax only."""
    contexts = tuple(
        ContextResult(
            context_id=context.context_id,
            result=ACCEPTED if context.abstract_syntax != FIND or syntax in context.transfer_syntaxes else 4,
            transfer_syntax=context.transfer_syntaxes[0],
        )
        for context in offer_contexts(NEEDS)
    )
    user = UserInformation(max_pdu_bytes=max_pdu_bytes, roles={CT: (True, False)})
    return encode_associate_ac(AssociateAccept(names=bytes(64), contexts=contexts, user=user))


def negotiations() -> Sequence[bytes]:
    """Requests and acceptances, without the header of their PDU."""
    return [b"", *(whole[pdu.PDU_HEADER.size :] for whole in (_request(), _acceptance(), _acceptance("", 0)))]


def commands() -> Sequence[bytes]:
    """Requests of every kind, and answers to them."""
    requests = [
        dimse.c_store_rq(1, CT, "1.2.3"),
        dimse.c_echo_rq(1),
        dimse.c_find_rq(1, FIND),
        dimse.c_cancel_rq(1),
        dimse.n_action_rq(1, CT, "1.2.3", 1),
    ]
    answers = [
        dimse.response_to(command, 0xA700, "out of room")
        for command in map(dimse.decode_command, requests)
        if not command.is_response
    ]
    return [b"", *requests, *answers]


def conversations_of_callers() -> Sequence[bytes]:
    """What callers say: nothing, an echo, objects in one fragment and in many, an abort."""
    store = dimse.c_store_rq(1, CT, "1.2.3")
    objects = [
        pdu.p_data(1, pdu.COMMAND, store, size) + pdu.p_data(1, 0, bytes(200), size) for size in (16384, 64)
    ]
    echo = pdu.p_data(3, pdu.COMMAND, dimse.c_echo_rq(2), 16384)
    release = pdu.encode_release_rq()
    return [
        b"",
        _request() + release,
        _request() + echo + release,
        _request() + b"".join(objects) + release,
        _request() + objects[1] + echo + pdu.encode_abort(),
        _request() + objects[0][:-9],
        pdu.encode_abort(),
    ]


def answers_of_archives() -> Sequence[bytes]:
    """What archives answer to a first request of each kind, and to one for an association."""
    found = [b"", pdu.encode_reject(1, 1, 7), pdu.encode_abort(), _acceptance()]
    contexts = {context.abstract_syntax: context.context_id for context in offer_contexts(NEEDS)}
    for request, uid in (
        (dimse.c_store_rq(1, CT, "1.2.3"), CT),
        (dimse.c_echo_rq(1), VERIFICATION),
        (dimse.c_find_rq(1, FIND), FIND),
    ):
        answer = dimse.response_to(dimse.decode_command(request), 0)
        said = pdu.p_data(contexts[uid], pdu.COMMAND, answer, 16384)
        found.append(_acceptance() + said + pdu.encode_release_rp())
    return [
        *found,
        *(_acceptance(syntax) + _matches(contexts[FIND], syntax) for syntax in (EXPLICIT, DEFLATED)),
    ]


def _matches(context_id: int, syntax: str) -> bytes:
    """One match of a query, and its end."""
    match = Dataset()
    match.PatientID = "1"
    pending = dimse.encode_command(
        {
            dimse.AFFECTED_SOP_CLASS_UID: FIND,
            dimse.COMMAND_FIELD: dimse.C_FIND_RQ | dimse.RESPONSE,
            dimse.MESSAGE_ID_BEING_RESPONDED_TO: 1,
            dimse.DATA_SET_TYPE: 0,
            dimse.STATUS: 0xFF00,
        }
    )
    done = dimse.response_to(dimse.decode_command(dimse.c_find_rq(1, FIND)), 0)
    return b"".join(
        (
            pdu.p_data(context_id, pdu.COMMAND, pending, 16384),
            pdu.p_data(context_id, 0, encode_data_set(match, syntax), 16384),
            pdu.p_data(context_id, pdu.COMMAND, done, 16384),
            pdu.encode_release_rp(),
        )
    )
