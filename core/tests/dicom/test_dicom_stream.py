"""The incoming bytes, taken apart: whatever the network does, and whatever a peer sends."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hilum_core.dicom import pdu
from hilum_core.dicom.pdu import P_DATA_TF, PDU_HEADER, PDV_HEADER, ProtocolError, WholePdu
from hilum_core.dicom.stream import PduStream


def make_stream(**options):
    return PduStream(**{"buffer_bytes": 4096, "max_pdu_bytes": 512, "most_pdu_bytes": 2048} | options)


def feed(stream, encoded, sizes):
    """Give the stream the bytes in portions; the events, with the pieces of a fragment joined."""
    events = []
    position = 0
    sizes = iter(sizes)
    while True:
        event = stream.next_event()
        if isinstance(event, WholePdu):
            events.append(event)
        elif event is not None:
            key = (event.context_id, event.is_command)
            started = events[-1] if events and isinstance(events[-1], tuple) else None
            if started and started[:2] == key and not started[2]:
                events[-1] = (*key, event.is_last, started[3] + bytes(event.payload))
            else:
                events.append((*key, event.is_last, bytes(event.payload)))
        elif position < len(encoded):
            room = stream.room()
            count = min(next(sizes, len(encoded)), len(room), len(encoded) - position)
            room[:count] = encoded[position : position + count]
            stream.received(count)
            position += count
        else:
            return events


def p_data(*fragments):
    body = b"".join(
        PDV_HEADER.pack(len(data) + 2, number, control) + data for number, control, data in fragments
    )
    return pdu.frame(P_DATA_TF, body)


fragments = st.tuples(st.sampled_from([1, 3, 255]), st.integers(0, 3), st.binary(max_size=40))
pdus = st.one_of(
    st.lists(fragments, min_size=1, max_size=4).map(lambda parts: p_data(*parts)),
    st.sampled_from([pdu.encode_release_rq(), pdu.encode_release_rp(), pdu.encode_abort(2, 1)]),
    st.binary(max_size=200).map(lambda body: pdu.frame(pdu.A_ASSOCIATE_RQ, body)),
)


@given(st.lists(pdus, max_size=8).map(b"".join), st.lists(st.integers(1, 50), max_size=100))
def test_the_cuts_of_the_network_change_nothing(encoded, sizes):
    assert feed(make_stream(), encoded, sizes) == feed(make_stream(), encoded, [])


@given(st.binary(max_size=300), st.lists(st.integers(1, 50), max_size=50))
def test_garbage_is_an_error_or_incomplete_and_never_anything_else(garbage, sizes):
    try:
        feed(make_stream(), garbage, sizes)
    except ProtocolError as error:
        assert error.text


def test_command_and_data_in_one_pdu_come_out_in_order():
    encoded = p_data((1, 3, b"command"), (1, 0, b"da"), (1, 2, b"ta"))
    assert feed(make_stream(), encoded, []) == [(1, True, True, b"command"), (1, False, True, b"data")]


def test_only_two_bits_of_the_control_header_are_looked_at():
    assert feed(make_stream(), p_data((1, 0xFF, b"x")), []) == [(1, True, True, b"x")]


def test_a_last_fragment_may_be_empty():
    assert feed(make_stream(), p_data((1, 0, b"abc"), (1, 2, b"")), []) == [(1, False, True, b"abc")]


def test_a_p_data_larger_than_the_buffer_is_handed_out_in_pieces():
    data = bytes(range(256)) * 16
    stream = make_stream(buffer_bytes=256, max_pdu_bytes=5000, most_pdu_bytes=5000)
    assert feed(stream, p_data((1, 2, data)), []) == [(1, False, True, data)]
    assert stream.oversized == 0


def test_six_bytes_over_the_maximum_are_tolerated():
    stream = make_stream()
    feed(stream, p_data((1, 2, bytes(512))), [])
    assert stream.oversized == 0


def test_a_larger_pdu_than_announced_is_read_and_counted():
    stream = make_stream()
    assert feed(stream, p_data((1, 2, bytes(1000))), []) == [(1, False, True, bytes(1000))]
    assert stream.oversized == 1


@pytest.mark.parametrize(
    ("encoded", "words", "reason"),
    [
        (b"GET / HTTP/1.1\r\n", "PDU of unknown type 47H", pdu.UNRECOGNISED_PDU),
        (PDU_HEADER.pack(0, 4), "PDU of unknown type 00H", pdu.UNRECOGNISED_PDU),
        (PDU_HEADER.pack(8, 4), "PDU of unknown type 08H", pdu.UNRECOGNISED_PDU),
        (PDU_HEADER.pack(P_DATA_TF, 2049), "announces 2049 bytes; 512 were agreed", pdu.INVALID_PARAMETER),
        (PDU_HEADER.pack(P_DATA_TF, 0), "hold no PDV", pdu.INVALID_PARAMETER),
        (PDU_HEADER.pack(P_DATA_TF, 5), "hold no PDV", pdu.INVALID_PARAMETER),
        (PDU_HEADER.pack(pdu.A_ASSOCIATE_RQ, 1 << 31), "announces 2147483648 bytes", pdu.INVALID_PARAMETER),
        (PDU_HEADER.pack(P_DATA_TF, 10) + PDV_HEADER.pack(7, 1, 0), "PDV of 7 bytes", pdu.INVALID_PARAMETER),
        (PDU_HEADER.pack(P_DATA_TF, 10) + PDV_HEADER.pack(1, 1, 0), "PDV of 1 bytes", pdu.INVALID_PARAMETER),
        (PDU_HEADER.pack(P_DATA_TF, 10) + PDV_HEADER.pack(0, 1, 0), "PDV of 0 bytes", pdu.INVALID_PARAMETER),
        (
            PDU_HEADER.pack(P_DATA_TF, 11) + PDV_HEADER.pack(6, 1, 0) + bytes(5),
            "1 bytes after its last PDV",
            pdu.INVALID_PARAMETER,
        ),
    ],
)
def test_what_breaks_the_protocol_is_named_and_has_its_reason(encoded, words, reason):
    with pytest.raises(ProtocolError, match=words) as caught:
        feed(make_stream(), encoded, [])
    assert (caught.value.source, caught.value.reason) == (pdu.SERVICE_PROVIDER, reason)


def test_fragments_for_a_peer_are_even_and_fit():
    assert pdu.fragment_bytes(16384, 1 << 20) == 16378
    assert pdu.fragment_bytes(16383, 1 << 20) == 16376
    assert pdu.fragment_bytes(0, 1 << 20) == 1 << 20
    assert pdu.fragment_bytes(3, 1 << 20) == 2


@given(st.binary(max_size=300), st.integers(0, 100))
def test_what_is_laid_out_for_a_peer_is_read_back(message, max_pdu_bytes):
    encoded = pdu.p_data(5, pdu.COMMAND, message, max_pdu_bytes)
    assert feed(make_stream(), encoded, []) == [(5, True, True, message)]


def test_the_words_of_an_abort_and_of_a_rejection():
    assert pdu.abort_in_words(bytes((0, 0, 2, 1))) == "aborted by its protocol layer: unrecognised PDU"
    assert pdu.abort_in_words(b"") == "aborted by its application"
    assert pdu.reject_in_words(1, 1, 7) == "rejected permanently: called AE title not recognised"
    assert pdu.reject_in_words(2, 3, 2) == "rejected for now: local limit exceeded"
    assert pdu.reject_in_words(9, 9, 9) == "rejected with result 9: source 9, reason 9"
