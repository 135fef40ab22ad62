"""The command set: our codec against pynetdicom's, and against peers that write it badly."""

from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.uid import UID
from pynetdicom.dimse_messages import C_ECHO_RQ, C_STORE_RQ, C_STORE_RSP
from pynetdicom.dimse_primitives import C_ECHO, C_STORE
from pynetdicom.dsutils import decode

from hilum_core.dicom import command as dimse
from hilum_core.dicom import pdu
from hilum_core.dicom.command import c_echo_rq, c_store_rq, decode_command, encode_command, response_to
from hilum_core.dicom.pdu import ProtocolError

CT = "1.2.840.10008.5.1.4.1.1.2"
uids = st.lists(st.integers(0, 10**9), min_size=2, max_size=6).map(lambda parts: ".".join(map(str, parts)))


def theirs(message_class, primitive):
    message = message_class()
    message.primitive_to_message(primitive)
    values = [
        value for p_data in message.encode_msg(1, 0) for _, value in p_data.presentation_data_value_list
    ]
    return b"".join(value[1:] for value in values if value[0] & pdu.COMMAND)


def element(number, value, group=0):
    return (
        group.to_bytes(2, "little") + number.to_bytes(2, "little") + len(value).to_bytes(4, "little") + value
    )


ECHO = (
    element(dimse.COMMAND_FIELD, b"\x30\0")
    + element(dimse.MESSAGE_ID, b"\7\0")
    + element(dimse.DATA_SET_TYPE, b"\1\1")
)


@given(uids, st.integers(1, 0xFFFF))
def test_pynetdicom_reads_our_c_store_rq(uid, message_id):
    read = decode(BytesIO(c_store_rq(message_id, CT, uid)), True, True)
    assert (read.AffectedSOPClassUID, read.AffectedSOPInstanceUID) == (CT, uid)
    assert (read.CommandField, read.MessageID, read.Priority) == (1, message_id, 0)
    assert read.CommandDataSetType != 0x0101
    assert read.CommandGroupLength == len(c_store_rq(message_id, CT, uid)) - 12


@given(uids, st.integers(1, 0xFFFF))
def test_we_read_the_c_store_rq_of_pynetdicom(uid, message_id):
    request = C_STORE()
    request.MessageID = message_id
    request.AffectedSOPClassUID = CT
    request.AffectedSOPInstanceUID = UID(uid)
    request.MoveOriginatorApplicationEntityTitle = "PACS"
    request.MoveOriginatorMessageID = 9
    request.DataSet = BytesIO(b"x")
    command = decode_command(theirs(C_STORE_RQ, request))
    assert command.field == dimse.C_STORE_RQ
    assert command.message_id == message_id
    assert command.has_data_set
    assert not command.is_response
    assert command.text(dimse.AFFECTED_SOP_CLASS_UID) == CT
    assert command.text(dimse.AFFECTED_SOP_INSTANCE_UID) == uid
    assert command.text(dimse.MOVE_ORIGINATOR_AE) == "PACS"
    assert command.number(dimse.MOVE_ORIGINATOR_MESSAGE_ID) == 9


def test_both_codecs_of_c_echo_agree():
    request = C_ECHO()
    request.MessageID = 5
    request.AffectedSOPClassUID = "1.2.840.10008.1.1"
    assert theirs(C_ECHO_RQ, request) == c_echo_rq(5)


@given(st.integers(0, 0xFFFF), uids)
def test_we_read_the_c_store_rsp_of_pynetdicom(status, uid):
    response = C_STORE()
    response.MessageIDBeingRespondedTo = 3
    response.AffectedSOPClassUID = CT
    response.AffectedSOPInstanceUID = UID(uid)
    response.Status = status
    command = decode_command(theirs(C_STORE_RSP, response))
    assert command.is_response
    assert (command.message_id, command.status, command.has_data_set) == (3, status, False)


@given(st.dictionaries(st.integers(1, 0xFFFF), st.binary(min_size=1, max_size=20), max_size=10))
def test_what_is_encoded_is_read_back(elements):
    required = {
        dimse.COMMAND_FIELD: b"\x30\0",
        dimse.MESSAGE_ID: b"\1\0",
        dimse.DATA_SET_TYPE: b"\1\1",
        dimse.MESSAGE_ID_BEING_RESPONDED_TO: b"\2\0",
    }
    command = decode_command(encode_command(elements | required))
    assert {k: v for k, v in command.elements.items() if k} == elements | required


@given(st.binary(max_size=200))
def test_garbage_is_a_protocol_error_of_the_service_user_or_a_command(garbage):
    try:
        decode_command(garbage)
    except ProtocolError as error:
        assert (error.source, error.reason) == (pdu.SERVICE_USER, 0)


@pytest.mark.parametrize("padding", [b"\0", b" ", b"", b"\0\0", b"  "])
def test_uids_are_read_without_their_padding_and_echoed_with_it(padding):
    raw = b"1.2.3.45" + padding
    command = decode_command(ECHO + element(dimse.AFFECTED_SOP_INSTANCE_UID, raw))
    assert command.text(dimse.AFFECTED_SOP_INSTANCE_UID) == "1.2.3.45"
    answer = decode_command(response_to(command, 0))
    assert answer.elements[dimse.AFFECTED_SOP_INSTANCE_UID] == raw


def test_a_wrong_group_length_is_ignored():
    for wrong in (0, 1, 0xFFFFFFFF):
        assert decode_command(element(0, wrong.to_bytes(4, "little")) + ECHO).field == dimse.C_ECHO_RQ


def test_the_order_of_the_elements_is_not_looked_at():
    assert decode_command(element(dimse.STATUS, b"\0\0") + ECHO).message_id == 7


def test_text_that_could_drive_a_terminal_is_escaped():
    command = decode_command(ECHO + element(dimse.AFFECTED_SOP_INSTANCE_UID, b"1.2\x1b[2J\xff"))
    assert command.text(dimse.AFFECTED_SOP_INSTANCE_UID) == "1.2\\x1b[2J\\xff"


def test_the_requested_uids_of_an_n_request_are_echoed_as_the_affected_ones():
    request = decode_command(dimse.n_action_rq(4, "1.2.840.10008.1.20.1", "1.2.840.10008.1.20.1.1", 1))
    answer = decode_command(response_to(request, 0x0211))
    assert answer.text(dimse.AFFECTED_SOP_CLASS_UID) == "1.2.840.10008.1.20.1"
    assert answer.text(dimse.AFFECTED_SOP_INSTANCE_UID) == "1.2.840.10008.1.20.1.1"
    assert answer.field == 0x8130


def test_a_comment_is_cut_to_what_the_element_holds():
    answer = decode_command(response_to(decode_command(ECHO), 0xA700, "x" * 100))
    assert answer.text(dimse.ERROR_COMMENT) == "x" * 64


@pytest.mark.parametrize(
    ("encoded", "words"),
    [
        (ECHO + b"\0\0\0", "3 bytes are left after its last element"),
        (ECHO + element(0x1000, b"1.2")[:-1], r"\(0000,1000\) announces 3 bytes"),
        (ECHO + element(0x0010, b"DOE", group=0x10), r"\(0010,0010\) does not belong"),
        (b"", r"no \(0000,0100\)"),
        (element(dimse.COMMAND_FIELD, b"\1\0"), r"no \(0000,0800\)"),
        (ECHO.replace(element(dimse.MESSAGE_ID, b"\7\0"), b""), r"no \(0000,0110\)"),
        (
            ECHO.replace(b"\x30\0\0\0", b"\x30\x80\0\0") + element(dimse.COMMAND_FIELD, b"\x30\x80"),
            r"\(0000,0120\)",
        ),
        (element(dimse.COMMAND_FIELD, b"\1\0\0\0"), r"no \(0000,0100\) of two bytes"),
    ],
)
def test_a_malformed_command_set_is_named_without_its_values(encoded, words):
    with pytest.raises(ProtocolError, match=words) as caught:
        decode_command(encoded)
    assert "DOE" not in caught.value.text
    assert (caught.value.source, caught.value.reason) == (pdu.SERVICE_USER, 0)


def test_a_response_without_a_status_is_malformed():
    command = decode_command(
        encode_command(
            {
                dimse.COMMAND_FIELD: 0x8001,
                dimse.MESSAGE_ID_BEING_RESPONDED_TO: 1,
                dimse.DATA_SET_TYPE: dimse.NO_DATA_SET,
            }
        )
    )
    with pytest.raises(ProtocolError, match="without a status"):
        command.status  # noqa: B018 - the look is what raises
