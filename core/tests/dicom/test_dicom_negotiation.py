"""The association codec: ours against pynetdicom's, and against proposals that are partly wrong."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pynetdicom.pdu import A_ASSOCIATE_AC, A_ASSOCIATE_RQ

from hilum_core.dicom import negotiation, pdu
from hilum_core.dicom.negotiation import (
    AssociateAccept,
    AssociateRequest,
    ContextResult,
    ProposedContext,
    UserIdentity,
    UserInformation,
    decode_associate_ac,
    decode_associate_rq,
    decode_head,
    encode_associate_ac,
    encode_associate_rq,
)
from hilum_core.dicom.pdu import ProtocolError

CT = "1.2.840.10008.5.1.4.1.1.2"
EXPLICIT = "1.2.840.10008.1.2.1"

uids = st.lists(st.integers(0, 10**6), min_size=2, max_size=5).map(lambda parts: ".".join(map(str, parts)))
titles = st.text(st.characters(codec="ascii", categories=["L", "N"]), min_size=1, max_size=16)
users = st.builds(
    UserInformation,
    max_pdu_bytes=st.integers(0, 0xFFFFFFFF),
    implementation_class_uid=uids,
    implementation_version_name=titles,
    roles=st.dictionaries(uids, st.tuples(st.booleans(), st.booleans()), max_size=3),
    extended=st.dictionaries(uids, st.binary(max_size=8), max_size=2),
    user_identity=st.none()
    | st.builds(
        UserIdentity,
        type=st.integers(1, 5),
        wants_response=st.booleans(),
        primary=st.binary(min_size=1, max_size=20),
    ),
)
contexts = st.lists(
    st.builds(
        ProposedContext,
        context_id=st.integers(0, 127).map(lambda n: 2 * n + 1),
        abstract_syntax=uids,
        transfer_syntaxes=st.lists(uids, min_size=1, max_size=4).map(tuple),
    ),
    min_size=1,
    max_size=6,
    unique_by=lambda context: context.context_id,
).map(tuple)
requests = st.builds(AssociateRequest, called_ae=titles, calling_ae=titles, contexts=contexts, user=users)
accepts = st.builds(
    AssociateAccept,
    names=st.just(b"HILUM".ljust(16) + b"CT1".ljust(16) + bytes(32)),
    contexts=st.lists(
        st.builds(
            ContextResult,
            context_id=st.integers(0, 127).map(lambda n: 2 * n + 1),
            result=st.integers(0, 4),
            transfer_syntax=uids,
        ),
        min_size=1,
        max_size=5,
    ).map(tuple),
    user=users.map(lambda user: negotiation.attrs.evolve(user, user_identity=None, identity_response=b"")),
)


def body(encoded):
    kind, length = pdu.PDU_HEADER.unpack_from(encoded)
    assert kind in {pdu.A_ASSOCIATE_RQ, pdu.A_ASSOCIATE_AC}
    assert length == len(encoded) - 6
    return encoded[6:]


@given(requests)
def test_a_request_is_read_back(request):
    encoded = encode_associate_rq(request)
    read = decode_associate_rq(body(encoded))
    assert read == negotiation.attrs.evolve(request, names=encoded[10:74])
    assert decode_head(encoded) == (request.called_ae, request.calling_ae)


@given(accepts)
def test_an_acceptance_is_read_back(accept):
    assert decode_associate_ac(body(encode_associate_ac(accept))) == accept


@given(requests)
def test_pynetdicom_reads_our_request(request):
    theirs = A_ASSOCIATE_RQ()
    theirs.decode(encode_associate_rq(request))
    assert theirs.called_ae_title.strip() == request.called_ae
    assert theirs.calling_ae_title.strip() == request.calling_ae
    assert theirs.application_context_name == negotiation.APPLICATION_CONTEXT
    assert [
        (context.presentation_context_id, context.abstract_syntax, tuple(context.transfer_syntax))
        for context in theirs.presentation_context
    ] == [(c.context_id, c.abstract_syntax, c.transfer_syntaxes) for c in request.contexts]
    user = theirs.user_information
    assert user.maximum_length == request.user.max_pdu_bytes
    assert user.implementation_class_uid == request.user.implementation_class_uid
    assert user.implementation_version_name == request.user.implementation_version_name
    assert {
        uid: (item.scu == 1, item.scp == 1) for uid, item in (user.role_selection or {}).items()
    } == request.user.roles
    assert theirs.encode() == encode_associate_rq(request)


@given(accepts)
def test_pynetdicom_reads_our_acceptance(accept):
    theirs = A_ASSOCIATE_AC()
    theirs.decode(encode_associate_ac(accept))
    assert [
        (item.presentation_context_id, item.result, item.transfer_syntax)
        for item in theirs.presentation_context
    ] == [(c.context_id, c.result, c.transfer_syntax) for c in accept.contexts]
    assert theirs.user_information.maximum_length == accept.user.max_pdu_bytes


@given(st.binary(max_size=300))
def test_garbage_is_a_protocol_error_or_read(garbage):
    for decode in (decode_associate_rq, decode_associate_ac):
        try:
            decode(bytes(68) + garbage)
        except ProtocolError as error:
            assert error.reason == pdu.INVALID_PARAMETER


def item(kind, value):
    return bytes((kind, 0)) + len(value).to_bytes(2, "big") + value


def request_body(*items, called_ae=b"HILUM", calling_ae=b"CT1"):
    return b"\0\1\0\0" + called_ae.ljust(16) + calling_ae.ljust(16) + bytes(32) + b"".join(items)


def test_uids_are_read_without_padding_and_unknown_items_passed_over():
    proposed = bytes((1, 0, 0, 0)) + item(0x30, CT.encode() + b"\0") + item(0x77, b"?") + item(0x40, b"1.2 ")
    read = decode_associate_rq(
        request_body(
            item(0x10, negotiation.APPLICATION_CONTEXT.encode() + b" "),
            item(0x99, b"?"),
            item(0x20, proposed),
        )
    )
    assert read.application_context == negotiation.APPLICATION_CONTEXT
    assert read.contexts == (ProposedContext(context_id=1, abstract_syntax=CT, transfer_syntaxes=("1.2",)),)


def test_a_context_that_cannot_be_read_comes_out_without_an_abstract_syntax_and_others_as_they_are():
    broken = bytes((1, 0, 0, 0)) + item(0x30, CT.encode()) + b"\x40\0\xff\xff1.2"
    good = bytes((3, 0, 0, 0)) + item(0x30, CT.encode()) + item(0x40, EXPLICIT.encode())
    read = decode_associate_rq(request_body(item(0x20, broken), item(0x20, b""), item(0x20, good)))
    assert read.contexts == (
        ProposedContext(context_id=1, abstract_syntax="", transfer_syntaxes=()),
        ProposedContext(context_id=0, abstract_syntax="", transfer_syntaxes=()),
        ProposedContext(context_id=3, abstract_syntax=CT, transfer_syntaxes=(EXPLICIT,)),
    )


def test_ae_titles_are_stripped_and_what_does_not_print_is_escaped():
    read = decode_associate_rq(request_body(called_ae=b"  HILUM\0", calling_ae=b"CT\n\xe4"))
    assert (read.called_ae, read.calling_ae) == ("HILUM", "CT\\n\\xe4")


@pytest.mark.parametrize(
    ("encoded", "words"),
    [
        (bytes(67), "67 bytes; it has at least 68"),
        (request_body(b"\x10\0\0"), "3 bytes after its last item"),
        (request_body(b"\x20\0\xff\xff"), "item 20H that announces 65535 bytes"),
        (request_body(item(0x50, b"\x51\0\0\4\0")), "item 51H that announces 4 bytes"),
    ],
)
def test_lengths_that_go_past_the_end_are_an_error(encoded, words):
    with pytest.raises(ProtocolError, match=words):
        decode_associate_rq(encoded)


def test_the_passcode_of_a_user_is_read_and_not_shown():
    identity = item(0x58, bytes((2, 1)) + b"\0\5alice" + b"\0\6secret")
    read = decode_associate_rq(request_body(item(0x50, identity)))
    expected = UserIdentity(type=2, wants_response=True, primary=b"alice", secondary=b"secret")
    assert read.user.user_identity == expected
    assert "secret" not in repr(read)
    assert "alice" not in repr(read)


@pytest.mark.parametrize(
    ("decode", "item_type"),
    [(negotiation.decode_associate_rq, 0x20), (negotiation.decode_associate_ac, 0x21)],
)
def test_more_contexts_than_there_are_ids_are_refused(decode, item_type):
    def body(count):
        fixed = b"\0\1\0\0" + b"CALLED".ljust(16) + b"CALLING".ljust(16) + bytes(32)
        return fixed + bytes((item_type, 0, 0, 4, 1, 0, 0, 0)) * count

    assert len(decode(body(negotiation.MOST_CONTEXTS)).contexts) == 128
    with pytest.raises(ProtocolError, match="sent more than 128 presentation contexts"):
        decode(body(30_000))
