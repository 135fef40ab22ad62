"""How `hilum reload` reaches the router of a state directory, and what it is told.

To connect to the socket ``run/reload`` is to ask; the answer comes as one line of JSON. No process is
looked up and no signal is sent: where nobody listens any more the connection is refused, whatever number
a dead router had. The folder lets in nobody but the owner of the router.
"""

from __future__ import annotations

import json
import socket
from contextlib import suppress
from pathlib import Path
from typing import Literal

import attrs

from hilum_core.unix_sockets import address_in
from hilum_sdk import HilumError

_NAME = "reload"
_ANSWER_WITHIN_S = 180.0
_TAKES_IT_WITHIN_S = 1.0
_MOST_BYTES = 1 << 20

Outcome = Literal["taken", "unchanged", "refused", "failed"]


class NoRouter(HilumError):  # noqa: N818 - it names a state of the world
    """Nobody listens in the state directory, or whoever did has gone."""


@attrs.frozen(kw_only=True)
class Answer:
    """What became of a reload: ``revision`` is the one that holds now, ``text`` the report for people."""

    outcome: Outcome
    revision: int
    text: str


class ReloadRequests:
    """The router's side. `fileno` is readable when somebody asks."""

    def __init__(self, state_dir: Path) -> None:
        run = state_dir / "run"
        (run / _NAME).unlink(missing_ok=True)  # of a router that is dead: the lock is ours
        self._listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
        with address_in(run, _NAME) as address:
            self._listening.bind(address)
        self._listening.listen()
        self._listening.setblocking(False)
        self._asking: list[socket.socket] = []

    def fileno(self) -> int:
        """The listening socket, for `select`."""
        return self._listening.fileno()

    def take(self) -> bool:
        """Let in who asks; whether anybody does."""
        with suppress(OSError):  # gone again, or no descriptor left: it stays in the backlog
            while True:
                self._asking.append(self._listening.accept()[0])
        return bool(self._asking)

    def hand_over(self) -> list[socket.socket]:
        """Give those who have asked so far: they wait for the reload that begins now."""
        asking, self._asking = self._asking, []
        return asking

    def close(self) -> None:
        """Hang up on everybody."""
        for one in (self._listening, *self.hand_over()):
            one.close()


def tell(asking: list[socket.socket], answer: Answer) -> None:
    """Answer those who asked, and hang up."""
    line = json.dumps(attrs.asdict(answer)).encode()
    for one in asking:
        with one, suppress(OSError):  # who does not listen any more gets no answer
            one.settimeout(_TAKES_IT_WITHIN_S)
            one.sendall(line)


def ask_for_reload(state_dir: Path) -> Answer:
    """Have the router of a state directory read its config again, and wait for what becomes of it.

    Raises
    ------
    NoRouter
        None runs there, it ended meanwhile, or it does not answer.
    """
    try:
        with (
            socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as asking,
            address_in(state_dir / "run", _NAME) as address,
        ):
            asking.settimeout(_ANSWER_WITHIN_S)
            asking.connect(address)
            said = b"".join(iter(lambda: asking.recv(_MOST_BYTES), b""))
    except (FileNotFoundError, ConnectionRefusedError) as error:
        raise NoRouter(f"{state_dir}: no router runs here; start it with hilum run") from error
    except TimeoutError as error:
        raise NoRouter(f"{state_dir}: the router does not answer; see its log") from error
    except PermissionError as error:
        raise NoRouter(f"{state_dir}: not allowed; act as the user of the router") from error
    except ConnectionResetError:
        said = b""  # it ended before it let us in
    if not said:
        raise NoRouter(f"{state_dir}: the router ended before it answered; see its log")
    return Answer(**json.loads(said))
