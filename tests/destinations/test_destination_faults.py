"""One router, a dozen archives, and everything that an archive can do wrong with an association.

Each fault of the table is done once, or as often as its row says, by an archive that otherwise works. The
lanes run side by side, so that their time limits are waited for together; the tests then look at what
became of each row's object.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Mapping

import attrs
import pytest

from hilum_core.testing import RudeArchive, RunningRouter, SentFile, running_router, send
from hilum_core.testing.rude import C_ECHO_RSP, Call, Message, Script

LANES = 12
SLOW = ("hang", "answers by half", "answers after")
"""Rows that wait for a time limit: they come first, to wait for it together."""

# ---- how an association ends


def hang(call: Call) -> None:
    call.hang()


def close(call: Call) -> None:
    call.close()


def reset(call: Call) -> None:
    call.reset()


def abort(call: Call) -> None:
    call.abort()


def once_connected(end: Script) -> Script:
    return end


def once_asked(end: Script) -> Script:
    def script(call: Call) -> None:
        call.read_request()
        end(call)

    return script


def once_accepted(end: Script) -> Script:
    def script(call: Call) -> None:
        call.accept()
        end(call)

    return script


def within_the_object(end: Script) -> Script:
    def script(call: Call) -> None:
        call.accept()
        call.sock.recv(64)
        end(call)

    return script


def instead_of_an_answer(end: Script) -> Script:
    def script(call: Call) -> None:
        call.accept()
        call.next_message()
        end(call)

    return script


def at_release(end: Script) -> Script:
    def script(call: Call) -> None:
        call.accept()
        while (message := call.next_message()) is not None:
            call.take(message)
        end(call)

    return script


# ---- what it says


def says(kind: int, body: bytes) -> Script:
    """Another PDU in place of the A-ASSOCIATE-AC."""

    def script(call: Call) -> None:
        call.read_request()
        call.send(kind, body)
        call.hang()

    return script


def rejects(result: int, source: int, reason: int) -> Script:
    return lambda call: call.reject(result, source, reason)


def answers(say: Callable[[Call, Message], None]) -> Script:
    """Something else than the answer to the object that came."""

    def script(call: Call) -> None:
        call.accept()
        message = call.next_message()
        assert message is not None
        say(call, message)
        call.hang()

    return script


def answers_late(call: Call) -> None:
    """Success for the first object, once the router has given up and sent it again on another connection."""
    call.accept()
    message = call.next_message()
    assert message is not None
    while message.sop_instance_uid not in call.archive.data_sets() and not call.archive.stopping.wait(0.05):
        pass
    call.answer(message)


def answers_twice(call: Call) -> None:
    """A second success, which the next object must not take for its own."""
    call.accept()
    message = call.next_message()
    assert message is not None
    call.take(message)
    call.answer(message)
    call.hang()


# ---- what it accepts


def takes_pdus_of(most_pdu_bytes: int) -> Script:
    def script(call: Call) -> None:
        call.accept(most_pdu_bytes=most_pdu_bytes)
        call.serve()

    return script


def accepts_nothing(call: Call) -> None:
    call.accept(lambda *_: False)
    call.serve()


@attrs.frozen(kw_only=True)
class Row:
    """A fault, and whether the lane rests for it; if not, the object is sent again at once."""

    fault: Script
    rests: bool = False


def _rows() -> dict[str, Row]:
    rows: dict[str, Row] = {}
    for end in (hang, close, reset, abort):
        for step in (once_connected, once_asked):
            # Without an association the node as a whole cannot be used.
            rows[f"{end.__name__} {step.__name__}"] = Row(fault=step(end), rests=True)
        for step in (once_accepted, within_the_object, instead_of_an_answer, at_release):
            rows[f"{end.__name__} {step.__name__}"] = Row(fault=step(end))
    for result in (1, 2):
        for source, reasons in {1: (1, 2, 3, 7), 2: (1, 2), 3: (1, 2), 9: (9,)}.items():
            for reason in reasons:
                script = rejects(result, source, reason)
                rows[f"rejects {result}/{source}/{reason}"] = Row(fault=script, rests=True)
    for name, most in {"no": 0, "tiny": 7, "small": 64, "odd": 4097, "one byte": 1, "huge": 1 << 31}.items():
        rows[f"{name} limit to PDUs"] = Row(fault=takes_pdus_of(most))
    garbage = bytes(range(200)) * 4
    rows |= {
        "accepts no context": Row(fault=accepts_nothing, rests=True),
        "accepts with garbage": Row(fault=says(2, garbage), rests=True),
        "accepts with nothing": Row(fault=says(2, b""), rests=True),
        "says another PDU than asked": Row(fault=says(6, bytes(4)), rests=True),
        "speaks no DICOM": Row(fault=says(0x48, garbage), rests=True),
        "answers another message": Row(fault=answers(lambda c, m: c.answer(m, message_id=m.message_id + 1))),
        "answers another object": Row(fault=answers(lambda c, m: c.answer(m, sop_instance_uid="1.2.3"))),
        "answers another service": Row(fault=answers(lambda c, m: c.answer(m, field=C_ECHO_RSP))),
        "answers without a status": Row(fault=answers(lambda c, m: c.answer(m, b""))),
        "answers with a status of one byte": Row(fault=answers(lambda c, m: c.answer(m, bytes(1)))),
        "answers with garbage": Row(fault=answers(lambda c, _: c.send(4, garbage))),
        "answers by half": Row(fault=answers(lambda c, _: c.sock.sendall(bytes((4, 0, 0, 0, 0, 64, 0, 0))))),
        "answers after the time": Row(fault=answers_late),
        "answers twice": Row(fault=answers_twice),
    }
    slow = tuple(name for name in rows if name.startswith(SLOW))
    return {name: rows[name] for name in dict.fromkeys([*slow, *rows])}


ROWS = _rows()


@attrs.frozen(kw_only=True)
class Outcome:
    """What was to be seen of a row when its delivery had been stored as done."""

    attempts: int
    had_it: bool
    got: list[bytes]
    sent: bytes
    rests: int
    worked_again: int


class Lane:
    """A sink of the router and the archive behind it."""

    def __init__(self, number: int) -> None:
        self.name = f"lane{number}"
        self.archive = RudeArchive(f"RUDE{number}")

    def toml(self) -> str:
        return f"""
            {self.archive.peer_toml(self.name)}
            [sinks.{self.name}]
            type = "dicom"
            peer = "{self.name}"
            idle = "1ms"
            connect_timeout = "3s"
            association_timeout = "3s"
            send_timeout = "3s"
            response_timeout = "3s"
            delivery = {{ first_retry = "50ms", longest_retry = "50ms" }}
            [[routes]]
            name = "{self.name}"
            filters = ["for_{self.name}"]
            sinks = ["{self.name}"]
            [filters.for_{self.name}]
            type = "tags"
            where = {{ StationName = ["{self.name}"] }}
            """

    def lines(self, router: RunningRouter, text: str) -> int:
        return sum(text in line and f"sink={self.name} " in f"{line} " for line in router.log().splitlines())


@pytest.fixture(scope="module")
def outcomes(make_object, tmp_path_factory) -> Iterator[Mapping[str, Outcome]]:
    """Have every fault of the table happen, as many at a time as there are lanes."""
    folder = tmp_path_factory.mktemp("faults")
    with contextlib.ExitStack() as stack:
        lanes = [Lane(number) for number in range(LANES)]
        for lane in lanes:
            stack.enter_context(lane.archive)
        config = '[peers.modality]\nae_title = "MODALITY"\nmay_send = true\n'
        config += "".join(map(Lane.toml, lanes))
        router = stack.enter_context(running_router(folder, config))
        found: dict[str, Outcome] = {}
        rows = list(enumerate(ROWS, 1))
        for first in range(0, len(rows), LANES):
            at_work = {
                name: (lane, make_object(folder / "objects", number, StationName=lane.name))
                for (number, name), lane in zip(rows[first:], lanes, strict=False)
            }
            found |= _happen(at_work, router)
        yield found


def _happen(at_work: Mapping[str, tuple[Lane, SentFile]], router: RunningRouter) -> dict[str, Outcome]:
    """One fault in each lane, and an object that meets it."""
    logged = {}
    for name, (lane, _) in at_work.items():
        # What is at its release must not carry the next object past the fault that is meant for it.
        router.wait_until(lambda lane=lane: not lane.archive.busy)
        lane.archive.plan.append(ROWS[name].fault)
        logged[name] = lane.lines(router, "a lane rests"), lane.lines(router, "a lane works again")
    assert set(send([file for _, file in at_work.values()], router.port).values()) == {0}
    found: dict[str, Outcome] = {}

    def all_delivered() -> bool:
        time.sleep(0.1)  # the processor is for the router
        uid_of = {row.stored.instance.id: row.stored.instance.sop_instance_uid for row in router.objects()}
        rows = {uid_of[row.object_id]: row for row in router.deliveries("", "delivered")}
        for name, (lane, file) in at_work.items():
            uid = file.sop_instance_uid
            if name not in found and uid in rows:
                got = [message.data_set for message in lane.archive.taken if message.sop_instance_uid == uid]
                found[name] = Outcome(
                    attempts=rows[uid].attempts,
                    had_it=bool(got),
                    got=got,
                    sent=file.data_set,
                    rests=lane.lines(router, "a lane rests") - logged[name][0],
                    worked_again=lane.lines(router, "a lane works again") - logged[name][1],
                )
        return len(found) == len(at_work)

    router.wait_until(all_delivered, within_s=60)
    return found


@pytest.mark.parametrize("name", ROWS)
def test_an_object_survives_an_archive_that(outcomes, name):
    outcome, row = outcomes[name], ROWS[name]
    assert outcome.had_it, "it counted as delivered before the archive had answered so"
    assert set(outcome.got) == {outcome.sent}
    assert outcome.attempts == 1
    assert (outcome.rests, outcome.worked_again) == ((1, 1) if row.rests else (0, 0))
