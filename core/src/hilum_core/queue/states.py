"""The states of objects, renderings and deliveries, and every way from one to another.

This is the only file that compares state names: all SQL that asks for a state or changes one is built
from these tables, the indexes of the schema included.

Invariants
----------
* An object is never forgotten: it leaves only through `settled`, and it is settled only when every one
  of its deliveries has ended. A delivery that is `dead` or `held` has not ended: it waits for a person.
* Bytes are removed only on the way `settled` -> `purging` -> `purged`; rows only
  of what is purged (see `forgetting`).
* What a worker has in hand (`routing`, `leased`) belongs to one incarnation and one lease number; only
  they may move it on, until that incarnation is dead and the lease is recovered.
* A delivery with a chain is `ready` only after its rendering is `rendered`: nothing that a transform did
  not take is ever sent. What was rendered before the router started or took its config is claimed only
  when RENDER has compared it with what it would make now (see `outdating`).
* Nothing leaves the end of a delivery; an object that is settled can only be purged.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import attrs


@attrs.frozen(kw_only=True)
class Move:
    """One transition: the states it starts from, and the one it ends in."""

    sources: tuple[str, ...]
    target: str

    @property
    def changes(self) -> str:
        """The assignment of an UPDATE."""
        return f"state = '{self.target}'"

    @property
    def applies(self) -> str:
        """The condition under which the move is allowed, as SQL."""
        return is_one_of(self.sources)


@attrs.frozen(kw_only=True)
class StateTable:
    """What one kind of row can be, how it enters, and how it moves."""

    entries: Mapping[str, str]
    moves: Mapping[str, Move]
    open: tuple[str, ...]
    """Not ended: something or somebody still has to act."""

    @property
    def states(self) -> tuple[str, ...]:
        """All states, in the order of the table."""
        seen = dict.fromkeys(self.entries.values())
        for move in self.moves.values():
            seen |= dict.fromkeys((*move.sources, move.target))
        return tuple(seen)

    @property
    def ended(self) -> tuple[str, ...]:
        """The states in which nobody has to act any more."""
        return tuple(state for state in self.states if state not in self.open)


def is_one_of(states: Iterable[str], column: str = "state") -> str:
    """Say in SQL that a column has one of the states.

    SQLite uses a partial index only where the query repeats the index's condition word for word, so
    schema and queries both take it from here.
    """
    names = tuple(states)
    if len(names) == 1:
        return f"{column} = '{names[0]}'"
    return f"{column} IN ({', '.join(repr(name) for name in names)})"


def _moves(**moves: tuple[str, str]) -> dict[str, Move]:
    return {
        name: Move(sources=tuple(sources.split()), target=target) for name, (sources, target) in moves.items()
    }


OBJECTS = StateTable(
    entries={"receive": "received", "find": "held"},
    moves=_moves(
        claim=("received", "routing"),
        put_back=("routing", "received"),
        route=("routing", "routed"),
        hold=("routing", "held"),
        discard=("routing", "settled"),
        damage=("routed", "held"),
        distrust=("received routing", "held"),
        release=("held", "received"),
        resume=("held", "routed"),
        cancel=("received held", "settled"),
        settle=("routed", "settled"),
        purge=("settled", "purging"),
        purged=("purging", "purged"),
    ),
    open=("received", "routing", "held", "routed"),
)

RENDERINGS = StateTable(
    entries={"order": "pending"},
    moves=_moves(
        claim=("pending", "leased"),
        put_back=("leased", "pending"),
        render=("leased", "rendered"),
        hold=("leased", "held"),
        discard=("leased", "discarded"),
        kill=("leased", "dead"),
        drop=("pending held dead", "dropped"),
        lose=("rendered", "pending"),
        outdate=("rendered", "pending"),
        revive=("held discarded dead dropped", "pending"),
        retry=("pending", "pending"),
    ),
    open=("pending", "leased", "held", "dead"),
)

DELIVERIES = StateTable(
    entries={"wait": "waiting", "order": "unrendered", "queue": "ready", "too_old": "superseded"},
    moves=_moves(
        complete=("waiting", "ready"),
        complete_unrendered=("waiting", "unrendered"),
        rendered=("unrendered", "ready"),
        hold=("unrendered", "held"),
        strand=("waiting unrendered ready", "held"),
        discard=("unrendered", "discarded"),
        kill_unrendered=("unrendered", "dead"),
        claim=("ready", "leased"),
        put_back=("leased", "ready"),
        lose_rendering=("leased", "unrendered"),
        unrender=("ready", "unrendered"),
        send=("leased", "sent"),
        deliver=("leased", "delivered"),
        kill=("leased", "dead"),
        damage=("leased", "held"),
        distrust=("waiting unrendered ready leased", "held"),
        confirm=("sent", "confirmed"),
        miss=("sent", "ready"),
        supersede=("waiting unrendered ready", "superseded"),
        retry=("ready dead", "ready"),
        retry_unrendered=("unrendered dead", "unrendered"),
        release=("held", "ready"),
        release_unrendered=("held", "unrendered"),
        cancel=("waiting unrendered ready sent held dead", "cancelled"),
    ),
    open=("waiting", "unrendered", "ready", "leased", "sent", "held", "dead"),
)

UNFINISHED = ("waiting", "unrendered", "ready", "leased")
"""Deliveries that go on by themselves: a newer one of the same instance waits for them."""

TAKEN = ("sent", "delivered", "confirmed")
"""Deliveries that the sink has taken."""

GONE = "Gone"
"""The kind of failure of what is held because the config has its route, chain or sink no more."""

CLAIMED = {"objects": "routing", "renderings": "leased", "deliveries": "leased"}
"""The state in which a row of each table is in a worker's hand."""

ADVISED = {
    "received": "ROUTE has not looked at it yet; try again in a moment",
    "routing": "ROUTE has it in hand; try again in a moment",
    "routed": "act on its deliveries: `hilum queue show` names them",
    "purging": "its bytes are being removed; ask the sender for it again",
    "purged": "its bytes were removed; ask the sender for it again",
    "waiting": "it waits for the rest of its study",
    "unrendered": "it waits for its transforms; `retry` makes that due at once",
    "ready": "its lane has it; `hilum queue status` says what the lane waits for",
    "leased": "a worker has it in hand; try again when its outcome is known",
    "sent": "the sink took it; its commitment check goes on",
    "held": "release or cancel it",
    "dead": "retry or cancel it",
}


def advice(state: str) -> str:
    """What a person can do about a row in this state."""
    return ADVISED.get(state, "it has ended; nothing is left to do")
