"""One association as acceptor, against a peer that may send anything."""

import random
import re
import resource
import socket
import struct
import threading
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from hilum_core.dicom import command as dimse
from hilum_core.dicom import pdu
from hilum_core.dicom.acceptor import (
    CALLED_AE_NOT_RECOGNISED,
    CALLING_AE_NOT_RECOGNISED,
    AcceptorSettings,
    Admission,
    Ending,
    StoreRefused,
    serve_association,
)
from hilum_core.dicom.command import c_echo_rq, c_store_rq, decode_command, encode_command
from hilum_core.dicom.negotiation import UserIdentity, UserInformation, decode_associate_ac
from hilum_core.dicom.pdu import PDU_HEADER, PDV_HEADER

CT = "1.2.840.10008.5.1.4.1.1.2"
FIND = "1.2.840.10008.5.1.4.1.2.2.1"
VERIFICATION = "1.2.840.10008.1.1"
EXPLICIT = "1.2.840.10008.1.2.1"
IMPLICIT = "1.2.840.10008.1.2"
ABORT = pdu.A_ABORT
PROVIDER = (0, 0, 2)


def pdvs(*fragments):
    """One P-DATA-TF of several PDVs, given as (context ID, control, bytes)."""
    body = b"".join(
        PDV_HEADER.pack(len(data) + 2, number, control) + data for number, control, data in fragments
    )
    return pdu.frame(pdu.P_DATA_TF, body)


def read_response(peer):
    kind, body = peer.read()
    assert kind == pdu.P_DATA_TF
    length, context_id, control = PDV_HEADER.unpack_from(body)
    assert length == len(body) - 4
    assert control == pdu.COMMAND | pdu.LAST
    return context_id, decode_command(body[6:])


def status_of(peer):
    return read_response(peer)[1].status


def release(peer):
    peer.send(pdu.encode_release_rq())
    assert peer.read() == (pdu.A_RELEASE_RP, bytes(4))
    assert peer.read() is None
    peer.close()


# ---- objects


def test_an_object_is_received_with_all_facts_of_its_association(running, peer, encode_store):
    acceptor, scu = running(), None
    scu = peer(acceptor)
    kind, body = scu.associate((1, CT, [IMPLICIT, EXPLICIT]), calling_ae=" CT1", called_ae="HILUM")
    accept = decode_associate_ac(body)
    assert kind == pdu.A_ASSOCIATE_AC
    assert [(c.context_id, c.result, c.transfer_syntax) for c in accept.contexts] == [(1, 0, EXPLICIT)]
    assert accept.user.max_pdu_bytes == 131072
    scu.send(encode_store(b"data set", sop_instance_uid="1.2.3.4"))
    context_id, response = read_response(scu)
    assert (context_id, response.status, response.message_id, response.field) == (1, 0, 1, 0x8001)
    assert response.text(dimse.AFFECTED_SOP_CLASS_UID) == CT
    assert response.text(dimse.AFFECTED_SOP_INSTANCE_UID) == "1.2.3.4"
    release(scu)
    (request, data), report = acceptor.objects[0], acceptor.report()
    assert data == b"data set"
    assert (request.sop_class_uid, request.sop_instance_uid) == (CT, "1.2.3.4")
    assert (request.transfer_syntax_uid, request.message_id) == (EXPLICIT, 1)
    assert (request.move_originator_ae, request.move_originator_message_id) == (None, None)
    facts = request.association
    assert (facts.calling_ae, facts.called_ae, facts.peer, facts.address) == (
        "CT1",
        "HILUM",
        "ct1",
        "127.0.0.1",
    )
    assert (report.ending, report.stored, report.refused, report.data_bytes) == (Ending.RELEASED, 1, 0, 8)
    assert report.ended_well
    assert report.fields()["ending"] == "released"
    assert "text" not in report.fields()


def test_any_cut_of_the_byte_stream_gives_the_same_objects(running, peer, encode_request, encode_store):
    acceptor = running(settings=AcceptorSettings(buffer_bytes=1024))
    chosen = random.Random(7)
    data = chosen.randbytes(5001)
    conversation = b"".join(
        [
            encode_request(),
            encode_store(data, message_id=1),
            encode_store(b"", message_id=2),
            encode_store(data[:77], message_id=3, max_pdu_bytes=20),
            pdu.encode_release_rq(),
        ]
    )
    for most in (1, 7, 100, 5000, len(conversation)):
        scu = peer(acceptor)
        position = 0
        while position < len(conversation):
            count = chosen.randint(1, most)
            scu.send(conversation[position : position + count])
            position += count
        assert scu.read()[0] == pdu.A_ASSOCIATE_AC
        assert [status_of(scu) for _ in range(3)] == [0, 0, 0]
        assert scu.read()[0] == pdu.A_RELEASE_RP
        scu.close()
    assert [received for _, received in acceptor.objects] == [data, b"", data[:77]] * 5


def test_command_and_data_in_one_pdu_and_odd_lengths(running, peer):
    acceptor = running()
    scu = peer(acceptor)
    scu.associate()
    command = c_store_rq(1, CT, "1.2.3")
    scu.send(pdvs((1, 1, command[:33]), (1, 3, command[33:]), (1, 0, b"abc"), (1, 0, b""), (1, 2, b"de")))
    assert status_of(scu) == 0
    assert acceptor.objects[0][1] == b"abcde"


def test_the_move_originator_is_kept(running, peer):
    acceptor = running()
    scu = peer(acceptor)
    scu.associate()
    values = {
        dimse.AFFECTED_SOP_CLASS_UID: CT,
        dimse.COMMAND_FIELD: dimse.C_STORE_RQ,
        dimse.MESSAGE_ID: 5,
        dimse.DATA_SET_TYPE: 1,
        dimse.AFFECTED_SOP_INSTANCE_UID: "1.2",
        dimse.MOVE_ORIGINATOR_AE: "PACS",
        dimse.MOVE_ORIGINATOR_MESSAGE_ID: 3,
    }
    scu.send(pdu.p_data(1, pdu.COMMAND, encode_command(values), 0), pdvs((1, 2, b"x")))
    assert status_of(scu) == 0
    request, _ = acceptor.objects[0]
    assert (request.move_originator_ae, request.move_originator_message_id) == ("PACS", 3)


def test_uids_are_echoed_as_they_came(running, peer):
    acceptor = running()
    scu = peer(acceptor)
    scu.associate()
    values = {
        dimse.AFFECTED_SOP_CLASS_UID: CT.encode() + b" ",
        dimse.COMMAND_FIELD: dimse.C_STORE_RQ,
        dimse.MESSAGE_ID: 1,
        dimse.DATA_SET_TYPE: 0,
        dimse.AFFECTED_SOP_INSTANCE_UID: b"1.2.3",
    }
    scu.send(pdu.p_data(1, pdu.COMMAND, encode_command(values), 0), pdvs((1, 2, b"x")))
    response = read_response(scu)[1]
    assert response.elements[dimse.AFFECTED_SOP_CLASS_UID] == CT.encode() + b" "
    assert response.elements[dimse.AFFECTED_SOP_INSTANCE_UID] == b"1.2.3"
    assert acceptor.objects[0][0].sop_class_uid == CT


def test_a_response_is_split_for_a_peer_of_small_pdus(running, peer, encode_store):
    scu = peer(running())
    scu.associate(user=UserInformation(max_pdu_bytes=30))
    scu.send(encode_store(b"x"))
    collected, last = b"", False
    while not last:
        _, body = scu.read()
        assert len(body) <= 30
        _, _, control = PDV_HEADER.unpack_from(body)
        collected, last = collected + body[6:], bool(control & pdu.LAST)
    assert decode_command(collected).status == 0


def test_pdus_larger_than_announced_are_taken_and_reported(running, peer):
    acceptor = running(settings=AcceptorSettings(max_pdu_bytes=4096, buffer_bytes=4096))
    scu = peer(acceptor)
    scu.associate()
    scu.send(pdu.p_data(1, pdu.COMMAND, c_store_rq(1, CT, "1.2"), 0), pdvs((1, 2, bytes(100_000))))
    assert status_of(scu) == 0
    release(scu)
    assert (len(acceptor.objects[0][1]), acceptor.report().oversized_pdus) == (100_000, 1)


def test_memory_does_not_grow_with_the_object(running, peer):
    resident = []

    class Sink:
        def begin(self, request):
            return self

        def write(self, pieces):
            pages = int(Path("/proc/self/statm").read_text().split()[1])
            resident.append(pages * resource.getpagesize())

        def commit(self):
            pass

        def discard(self):
            pass

    acceptor = running(receiver=Sink())
    scu = peer(acceptor)
    scu.associate()
    scu.send(pdu.p_data(1, pdu.COMMAND, c_store_rq(1, CT, "1.2"), 0))
    chunk = pdvs((1, 0, bytes(131066)))
    for _ in range(512):
        scu.send(chunk)
    scu.send(pdvs((1, 2, b"")))
    assert status_of(scu) == 0
    assert max(resident) - resident[0] < 8 * 1024 * 1024


# ---- other messages


def test_c_echo_is_answered(running, peer):
    scu = peer(running())
    scu.associate((1, VERIFICATION, [IMPLICIT]))
    scu.send(pdu.p_data(1, pdu.COMMAND, c_echo_rq(9), 0))
    _, response = read_response(scu)
    assert (response.field, response.status, response.message_id) == (0x8030, 0, 9)


def test_c_echo_of_a_peer_that_may_not_is_refused_on_any_context(running, peer):
    scu = peer(running(decision=Admission(peer="ct1", may_echo=False)))
    scu.associate((1, CT, [IMPLICIT]))
    scu.send(pdu.p_data(1, pdu.COMMAND, c_echo_rq(9), 0))
    assert status_of(scu) == 0x0124


def test_unknown_commands_are_answered_as_unrecognised_and_their_data_set_is_passed_over(
    running, peer, encode_store
):
    acceptor = running()
    scu = peer(acceptor)
    scu.associate()
    find = {
        dimse.AFFECTED_SOP_CLASS_UID: FIND,
        dimse.COMMAND_FIELD: 0x0020,
        dimse.MESSAGE_ID: 2,
        dimse.DATA_SET_TYPE: 1,
    }
    scu.send(pdu.p_data(1, pdu.COMMAND, encode_command(find), 0), pdvs((1, 0, b"que"), (1, 2, b"ry")))
    _, response = read_response(scu)
    assert (response.field, response.status, response.message_id) == (0x8020, 0x0211, 2)
    scu.send(encode_store(b"x", message_id=3))
    assert status_of(scu) == 0


def test_c_cancel_and_responses_nobody_asked_for_are_ignored(running, peer, encode_store):
    scu = peer(running())
    scu.associate()
    stray = {
        dimse.COMMAND_FIELD: 0x8001,
        dimse.MESSAGE_ID_BEING_RESPONDED_TO: 1,
        dimse.DATA_SET_TYPE: dimse.NO_DATA_SET,
        dimse.STATUS: 0,
    }
    scu.send(
        pdu.p_data(1, pdu.COMMAND, dimse.c_cancel_rq(1), 0),
        pdu.p_data(1, pdu.COMMAND, encode_command(stray), 0),
    )
    scu.send(encode_store(b"x", message_id=3))
    _, response = read_response(scu)
    assert (response.message_id, response.status) == (3, 0)


# ---- what the receiver refuses


@pytest.mark.parametrize("where", ["begin", "write", "commit"])
def test_a_refused_object_is_drained_and_answered_and_the_next_is_taken(running, peer, encode_store, where):
    acceptor = running()
    scu = peer(acceptor)
    scu.associate()
    acceptor.shelf.fail_at[where] = StoreRefused(0xA700, "disk full")
    scu.send(encode_store(bytes(100_000)))
    _, response = read_response(scu)
    assert (response.status, response.text(dimse.ERROR_COMMENT)) == (0xA700, "disk full")
    assert acceptor.shelf.discarded == (0 if where == "begin" else 1)
    acceptor.shelf.fail_at.clear()
    scu.send(encode_store(b"next", message_id=2))
    assert status_of(scu) == 0
    release(scu)
    report = acceptor.report()
    assert (report.stored, report.refused, report.data_bytes) == (1, 1, 100_004)
    assert report.trouble == "0xA700 out of resources: disk full"
    assert not report.ended_well


@pytest.mark.parametrize("where", ["begin", "write", "commit"])
def test_a_defect_of_the_receiver_is_answered_and_told_without_its_text(running, peer, encode_store, where):
    acceptor = running()
    scu = peer(acceptor)
    scu.associate()
    acceptor.shelf.fail_at[where] = KeyError("DOE^JOHN")
    scu.send(encode_store(b"x"))
    assert status_of(scu) == 0x0110
    release(scu)
    assert acceptor.report().trouble.startswith("KeyError at conftest.py:")


def test_a_defect_of_the_gatekeeper_aborts_and_is_reported(running, peer):
    acceptor = running(decision=KeyError("x"))
    scu = peer(acceptor)
    assert scu.associate() == (ABORT, bytes((*PROVIDER, 0)))
    scu.close()
    report = acceptor.report()
    assert report.ending is Ending.DEFECT
    assert report.text.startswith("KeyError at conftest.py:")


def test_a_command_without_a_data_set_is_refused(running, peer, encode_store):
    acceptor = running()
    scu = peer(acceptor)
    scu.associate()
    values = {
        dimse.AFFECTED_SOP_CLASS_UID: CT,
        dimse.COMMAND_FIELD: dimse.C_STORE_RQ,
        dimse.MESSAGE_ID: 1,
        dimse.DATA_SET_TYPE: dimse.NO_DATA_SET,
        dimse.AFFECTED_SOP_INSTANCE_UID: "1.2",
    }
    scu.send(pdu.p_data(1, pdu.COMMAND, encode_command(values), 0))
    _, response = read_response(scu)
    assert (response.status, response.text(dimse.ERROR_COMMENT)) == (
        0xC000,
        "the command announces no data set",
    )
    scu.send(encode_store(b"x", message_id=2))
    assert status_of(scu) == 0
    assert len(acceptor.objects) == 1


@pytest.mark.parametrize("missing", [dimse.AFFECTED_SOP_CLASS_UID, dimse.AFFECTED_SOP_INSTANCE_UID])
def test_a_command_that_names_no_instance_is_refused(running, peer, missing):
    acceptor = running()
    scu = peer(acceptor)
    scu.associate()
    values = {
        dimse.AFFECTED_SOP_CLASS_UID: CT,
        dimse.COMMAND_FIELD: dimse.C_STORE_RQ,
        dimse.MESSAGE_ID: 1,
        dimse.DATA_SET_TYPE: 1,
        dimse.AFFECTED_SOP_INSTANCE_UID: "1.2",
    }
    del values[missing]
    scu.send(pdu.p_data(1, pdu.COMMAND, encode_command(values), 0), pdvs((1, 2, b"x")))
    assert status_of(scu) == 0x0117
    assert acceptor.objects == []


def test_an_object_in_the_context_of_c_echo_is_refused(running, peer, encode_store):
    acceptor = running()
    scu = peer(acceptor)
    scu.associate((1, VERIFICATION, [EXPLICIT]))
    scu.send(encode_store(b"x"))
    assert status_of(scu) == 0x0122
    assert acceptor.objects == []


# ---- who may come in


@pytest.mark.parametrize("rejection", [CALLED_AE_NOT_RECOGNISED, CALLING_AE_NOT_RECOGNISED])
def test_a_caller_is_rejected_with_the_reason(running, peer, rejection):
    acceptor = running(decision=rejection)
    scu = peer(acceptor)
    assert scu.associate() == (
        pdu.A_ASSOCIATE_RJ,
        bytes((0, rejection.result, rejection.source, rejection.reason)),
    )
    assert scu.read() is None
    scu.close()
    report = acceptor.report()
    assert (report.ending, report.text, report.calling_ae) == (Ending.REJECTED, rejection.text, "CT1")
    assert not report.ended_well


def test_a_caller_is_rejected_by_its_first_74_bytes(running, peer, encode_request):
    scu = peer(running(decision=CALLING_AE_NOT_RECOGNISED))
    scu.send(encode_request()[:74])
    assert scu.read()[0] == pdu.A_ASSOCIATE_RJ


def test_ae_titles_reach_the_gatekeeper_stripped(running, peer):
    acceptor = running()
    peer(acceptor).associate(called_ae="  HILUM", calling_ae="CT1  ")
    assert acceptor.door.callers == [("HILUM", "CT1", "127.0.0.1")]


@pytest.mark.parametrize(
    ("fields", "reason"),
    [({"protocol_version": 2}, (1, 2, 2)), ({"application_context": "1.2.3"}, (1, 1, 2))],
)
def test_another_protocol_is_rejected(running, peer, fields, reason):
    assert peer(running()).associate(**fields) == (pdu.A_ASSOCIATE_RJ, bytes((0, *reason)))


def test_bad_contexts_are_refused_alone_and_the_names_given_back(running, peer, encode_request):
    asked = [
        (1, CT, [EXPLICIT]),
        (2, CT, [EXPLICIT]),
        (3, FIND, [EXPLICIT]),
        (5, "strange uid", [EXPLICIT]),
        (7, "1.2.3.4.5.6", ["1.2.3.4.5.7"]),
        (9, CT, []),
        (11, VERIFICATION, [IMPLICIT]),
    ]
    kind, body = peer(running()).associate(*asked)
    assert kind == pdu.A_ASSOCIATE_AC
    accept = decode_associate_ac(body)
    assert {c.context_id: c.result for c in accept.contexts} == {1: 0, 2: 2, 3: 3, 5: 3, 7: 0, 9: 4, 11: 0}
    assert accept.names == encode_request()[10:74]


def test_no_common_context_is_an_acceptance_that_can_be_released(running, peer):
    acceptor = running()
    scu = peer(acceptor)
    kind, body = scu.associate((1, FIND, [EXPLICIT]))
    assert kind == pdu.A_ASSOCIATE_AC
    assert [context.result for context in decode_associate_ac(body).contexts] == [3]
    release(scu)
    assert acceptor.report().ending is Ending.RELEASED


def test_the_user_is_answered_and_told_to_the_receiver(running, peer, encode_store):
    acceptor = running()
    scu = peer(acceptor)
    identity = UserIdentity(type=1, wants_response=True, primary=b"alice")
    _, body = scu.associate(user=UserInformation(max_pdu_bytes=0, user_identity=identity))
    assert decode_associate_ac(body).user.identity_response == b""
    scu.send(encode_store(b"x"))
    assert status_of(scu) == 0
    assert acceptor.objects[0][0].association.user == "alice"


# ---- peers that break the protocol


def headed(kind, length, rest=b""):
    return PDU_HEADER.pack(kind, length) + rest


BEFORE = [
    (b"GET / HTTP/1.1\r\n\r\n", 1, "sent a PDU of unknown type 47H"),
    (headed(pdu.A_ASSOCIATE_RQ, 0xFFFFFFFF), 6, "announces 4294967295 bytes"),
    (headed(pdu.A_ASSOCIATE_RQ, 10, bytes(10)), 6, "too short to say who calls whom"),
    (headed(pdu.A_ASSOCIATE_RQ, 71, bytes(71)), 6, "3 bytes after its last item"),
    (pdvs((1, 2, b"x")), 2, "P-DATA-TF before an A-ASSOCIATE-RQ"),
    (pdu.encode_release_rp(), 2, "A-RELEASE-RP before an A-ASSOCIATE-RQ"),
]
AFTER = [
    (headed(0x55, 4), 1, "sent a PDU of unknown type 55H"),
    (headed(pdu.P_DATA_TF, 1 << 30), 6, "announces 1073741824 bytes; 131072 were agreed"),
    (headed(pdu.P_DATA_TF, 20, PDV_HEADER.pack(100, 1, 3)), 6, "PDV of 100 bytes"),
    (headed(pdu.P_DATA_TF, 2, bytes(2)), 6, "hold no PDV"),
    (pdvs((3, 3, b"x")), 6, "presentation context 3: not accepted"),
    (pdvs((1, 1, b"x"), (5, 1, b"x")), 6, "presentation context 5: not accepted"),
    (pdu.encode_release_rp(), 2, "A-RELEASE-RP in an association"),
    (headed(pdu.A_ASSOCIATE_AC, 4, bytes(4)), 2, "A-ASSOCIATE-AC in an association"),
]
COMMAND = c_store_rq(1, CT, "1.2.3")
WITHIN = [
    (pdvs((1, 2, b"data first")), "data set where a command set belongs"),
    (pdvs((1, 3, COMMAND), (1, 3, COMMAND)), "command set where a data set belongs"),
    (pdvs((1, 3, b"garbage")), "malformed command set"),
    (pdvs((1, 3, COMMAND[:-1])), "malformed command set"),
    (pdvs((1, 3, COMMAND.replace(struct.pack("<HHIH", 0, 0x110, 2, 1), b""))), r"no \(0000,0110\)"),
    (pdvs((1, 1, COMMAND)) + pdu.encode_release_rq(), "A-RELEASE-RQ in an association"),
    (pdvs((1, 3, COMMAND), (1, 0, b"half")) + pdu.encode_release_rq(), "A-RELEASE-RQ in the middle"),
    (pdvs((1, 1, bytes(70_000))), "command set of more than 64 KiB"),
]


def check_aborted(acceptor, scu, answer, words):
    assert scu.read() == answer
    assert scu.read() is None
    scu.close()
    report = acceptor.report()
    assert report.ending is Ending.PROTOCOL_ERROR
    assert not report.ended_well
    assert re.search(words, report.text)
    assert acceptor.objects == []


@pytest.mark.parametrize(("sent", "reason", "words"), BEFORE)
def test_what_is_no_request_is_aborted_with_the_reason(running, peer, sent, reason, words):
    acceptor = running()
    scu = peer(acceptor)
    scu.send(sent)
    check_aborted(acceptor, scu, (ABORT, bytes((*PROVIDER, reason))), words)


@pytest.mark.parametrize(("sent", "reason", "words"), AFTER)
def test_a_broken_pdu_is_aborted_with_the_reason(running, peer, sent, reason, words):
    acceptor = running()
    scu = peer(acceptor)
    scu.associate()
    scu.send(sent)
    check_aborted(acceptor, scu, (ABORT, bytes((*PROVIDER, reason))), words)


@pytest.mark.parametrize(("sent", "words"), WITHIN)
def test_a_broken_message_is_aborted_by_the_service_user(running, peer, sent, words):
    acceptor = running()
    scu = peer(acceptor)
    scu.associate()
    scu.send(sent)
    check_aborted(acceptor, scu, (ABORT, bytes(4)), words)


def test_two_contexts_in_one_message_are_aborted(running, peer):
    acceptor = running()
    scu = peer(acceptor)
    scu.associate((1, CT, [EXPLICIT]), (3, CT, [IMPLICIT]))
    scu.send(pdvs((1, 3, COMMAND), (3, 2, b"x")))
    check_aborted(acceptor, scu, (ABORT, bytes((*PROVIDER, 6))), "two presentation contexts")


# ---- the end


def test_a_connection_lost_in_the_middle_of_an_object_keeps_and_answers_nothing(running, peer, encode_store):
    acceptor = running()
    scu = peer(acceptor)
    scu.associate()
    message = encode_store(bytes(50_000))
    scu.send(message[: len(message) // 2])
    scu.sock.shutdown(socket.SHUT_WR)
    assert scu.read() is None
    report = acceptor.report()
    assert (report.ending, report.stored, report.text) == (Ending.LOST, 0, "closed the connection")
    assert (acceptor.objects, acceptor.shelf.discarded) == ([], 1)


def test_a_reset_in_the_middle_of_an_object_keeps_nothing(running, peer, encode_store):
    acceptor = running()
    scu = peer(acceptor)
    scu.associate()
    scu.send(encode_store(bytes(50_000))[:30_000])
    scu.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    scu.close()
    assert acceptor.report().ending is Ending.LOST
    assert acceptor.shelf.discarded == 1


def test_an_abort_in_the_middle_of_an_object_keeps_nothing(running, peer):
    acceptor = running()
    scu = peer(acceptor)
    scu.associate()
    scu.send(pdvs((1, 3, COMMAND), (1, 0, b"half")), pdu.encode_abort())
    assert scu.read() is None
    report = acceptor.report()
    assert (report.ending, report.text) == (Ending.ABORTED_BY_PEER, "aborted by its application")
    assert acceptor.shelf.discarded == 1


def test_a_check_of_the_port_is_nothing_to_warn_of(running, peer):
    acceptor = running()
    peer(acceptor).close()
    report = acceptor.report()
    assert (report.ending, report.calling_ae) == (Ending.LOST, "")
    assert report.ended_well


def test_an_object_with_a_uid_of_kilobytes_is_refused_and_the_next_one_taken(running, peer, encode_store):
    acceptor = running()
    scu = peer(acceptor)
    scu.associate()
    scu.send(encode_store(b"x" * 100, sop_instance_uid="1." * 5000))
    assert status_of(scu) == 0x0117
    scu.send(encode_store(b"x" * 100, message_id=2))
    assert status_of(scu) == 0
    assert len(acceptor.objects) == 1


def test_who_sends_no_request_is_closed_when_artim_is_over(running, peer):
    acceptor = running(settings=AcceptorSettings(artim_s=0.2))
    scu = peer(acceptor)
    scu.send(b"\1")
    assert scu.read() is None
    assert acceptor.report().ending is Ending.TIMED_OUT


def test_an_association_that_is_silent_for_too_long_is_aborted(running, peer):
    acceptor = running(settings=AcceptorSettings(idle_s=0.2))
    scu = peer(acceptor)
    scu.associate()
    scu.send(pdvs((1, 3, COMMAND), (1, 0, b"half")))
    assert scu.read() == (ABORT, bytes(4))
    scu.close()
    report = acceptor.report()
    assert report.ending is Ending.TIMED_OUT
    assert acceptor.shelf.discarded == 1


def test_an_object_that_comes_by_the_byte_is_aborted(running, peer, encode_store):
    acceptor = running(settings=AcceptorSettings(idle_s=0.6, artim_s=0.3))
    scu = peer(acceptor)
    scu.associate()
    message = encode_store(data=bytes(10_000))
    scu.send(message[:-9_000])
    with pytest.raises(OSError):
        for byte in message[-9_000:]:
            scu.send(bytes((byte,)))
            time.sleep(0.02)
    assert acceptor.report().ending is Ending.TIMED_OUT
    assert acceptor.objects == []


def test_a_peer_that_does_not_close_is_closed_when_artim_is_over(running, peer):
    acceptor = running(settings=AcceptorSettings(artim_s=0.2))
    scu = peer(acceptor)
    scu.associate()
    scu.send(pdu.encode_release_rq())
    assert scu.read()[0] == pdu.A_RELEASE_RP
    assert acceptor.report().ending is Ending.RELEASED


def test_every_read_is_followed_by_a_quick_acknowledgement(peer, encode_request, encode_store):
    # A sender with Nagle's algorithm on otherwise stalls for 40 to 90 ms per object.
    calls = []

    class Recorded(socket.socket):
        def recv_into(self, *arguments):
            count = super().recv_into(*arguments)
            calls.append("read")
            return count

        def setsockopt(self, level, option, value):
            if option == socket.TCP_QUICKACK:
                calls.append("quickack")
            super().setsockopt(level, option, value)

    with socket.create_server(("127.0.0.1", 0)) as listening:
        scu = socket.create_connection(listening.getsockname())
        accepted, _ = listening.accept()
        scu.sendall(encode_request() + encode_store(bytes(100_000)))
        scu.shutdown(socket.SHUT_WR)
        report = serve_association(
            Recorded(fileno=accepted.detach()),
            "127.0.0.1",
            gatekeeper=SimpleNamespace(admit=lambda **_: Admission(peer="ct1")),
            receiver=SimpleNamespace(begin=lambda _: SimpleNamespace(write=len, commit=lambda: None)),
            settings=AcceptorSettings(buffer_bytes=4096),
            stopping=lambda: False,
        )
        scu.close()
    assert report.stored == 1
    assert len(calls) > 25 * 2
    assert calls == ["read", "quickack"] * (len(calls) // 2)


def test_many_hostile_peers_at_once_end_alone(running, peer, encode_store):
    acceptor = running(most_associations=100)
    good = peer(acceptor)
    good.associate()
    chosen = random.Random(3)

    def attack():
        scu = peer(acceptor)
        scu.associate()
        scu.sock.sendall(chosen.randbytes(2000))
        scu.close()

    attackers = [threading.Thread(target=attack) for _ in range(20)]
    for attacker in attackers:
        attacker.start()
    for number in range(1, 51):
        good.send(encode_store(bytes(1000), message_id=number))
        assert status_of(good) == 0
    for attacker in attackers:
        attacker.join()
    assert len(acceptor.all_reports(20)) == 20
    assert all(report.ending in {Ending.PROTOCOL_ERROR, Ending.LOST} for report in acceptor.reports)
