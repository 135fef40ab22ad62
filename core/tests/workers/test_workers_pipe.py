"""Messages over a pair of sockets."""

from __future__ import annotations

import select

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hilum_core.workers.pipe import Pipe, PipeClosed, socket_pair

texts = st.dictionaries(st.text(max_size=8), st.text(max_size=300) | st.integers() | st.none(), max_size=5)


@pytest.fixture
def pipes():
    ours, theirs = socket_pair()
    pair = Pipe(ours), Pipe(theirs)
    yield pair
    for pipe in pair:
        pipe.close()


@given(st.lists(texts, max_size=20))
def test_messages_arrive_whole_and_in_order(messages):
    left, right = (Pipe(sock) for sock in socket_pair())
    for message in messages:
        left.post(message)
    left.flush()
    assert [right.receive(0) for _ in messages] == messages
    assert right.receive(0) is None
    left.close()
    right.close()


def test_what_was_sent_before_the_end_is_received(pipes):
    left, right = pipes
    left.send({"last": 1})
    left.close()
    assert right.receive(1) == {"last": 1}
    with pytest.raises(PipeClosed):
        right.receive(1)


def test_sending_to_nobody_says_so(pipes):
    left, right = pipes
    right.close()
    with pytest.raises(PipeClosed):
        left.send({"x": "y" * 100_000})


def test_a_length_that_no_worker_of_ours_sends_closes_the_pipe():
    ours, theirs = socket_pair()
    theirs.sendall(b"\xff\xff\xff\xff" + b"x" * 100)
    with pytest.raises(PipeClosed):
        Pipe(ours).receive(1)
    ours.close()
    theirs.close()


def test_what_made_sense_before_nonsense_counts_and_the_end_is_there_to_read():
    ours, theirs = socket_pair()
    with theirs:
        theirs.sendall(b"\0\0\0\x07" + b'{"a":1}' + b"\0\0\0\x01{")
        pipe = Pipe(ours)
        assert pipe.receive_all() == [{"a": 1}]
        assert select.select([pipe], [], [], 0)[0]
        with pytest.raises(PipeClosed):
            pipe.receive_all()
        pipe.close()
