"""The isolated transforms as the rendering worker sees them: transforms like all others.

Each call waits for its answer, because a rendering goes on from there. With `render_workers` above 1 a
chain leaves one worker to the others, whatever it waits for.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from hilum_core.queue.records import Failure
from hilum_core.registry import Isolated
from hilum_core.render.crossing import pack_state, unpack_state
from hilum_core.workers.failures import DEFECT
from hilum_core.workers.isolation import Ended, Isolation, put_back
from hilum_core.workers.pipe import Message
from hilum_core.workers.session import WorkerSession
from hilum_core.workers.wire import pack, unpack
from hilum_sdk import Discard, Hold
from hilum_sdk.elements import ElementsError, FileDraft, FileItem, MalformedDataSet

_NO_ANSWER = frozenset({"failed", "crashed", "unspent"})
_NO_SENSE = "its process answered what makes no sense"


class TransformsApart(Isolation):
    """The processes of the isolated transforms."""

    takes_files = True

    def __init__(
        self, session: WorkerSession, isolated: Iterable[Isolated], say_hello: Callable[[], None]
    ) -> None:
        limit_s = session.config.router.transform_timeout.total_seconds()
        super().__init__(session, "hilum_core.render.isolated", isolated, limit_s)
        self._say_hello = say_hello
        self._answers: dict[str, Message] = {}
        self._questions = 0

    def reasons(self) -> Mapping[str, str]:
        """Why isolated transforms cannot be used, by name."""
        return {label.removeprefix("transforms."): reason for label, reason in self.broken.items()}

    def answer(self, label: str, question: Message, files: Sequence[int] = ()) -> Message:
        """Ask a transform, and wait for it; what was handed over stays with the caller.

        Raises
        ------
        Ended
            It failed, its process died, or it is not there.
        """
        self._questions += 1
        question_id = str(self._questions)
        if not self.ask(label, question_id, question, files):
            raise Ended(put_back())
        while question_id not in self._answers:
            self.session.pump(None)
        answer = self._answers.pop(question_id)
        if not answer.keys().isdisjoint(_NO_ANSWER):
            raise Ended(answer)
        return answer

    def answered(self, question_id: str, answer: Message) -> None:
        """Keep the answer for who waits for it."""
        self._answers[question_id] = answer

    def changed(self) -> None:
        """Tell the coordinator, and through it the operator."""
        self._say_hello()


class ApartTransform:
    """One isolated transform, with the methods of `hilum_sdk.Transform`."""

    def __init__(self, apart: TransformsApart, one: Isolated, scratch_dir: Path) -> None:
        self._apart = apart
        self._label = one.label
        self._blame = f"{one.label} ({one.blame})"
        self._scratch_dir = scratch_dir
        self._told: tuple[object, str] | None = None
        """What it last told of its outside input, and the hello of the process that did."""

    @property
    def is_there(self) -> bool:
        """Whether its process has said anything yet."""
        return bool(self._apart.hello(self._label))

    @property
    def deidentifies(self) -> bool:
        """Whether it de-identifies, as far as it has said so yet."""
        return self._apart.hello(self._label).get("deidentifies") is True

    @property
    def verifies(self) -> bool:
        """Whether it looks at the outcome."""
        return self._apart.hello(self._label).get("verifies") is True

    def apply(self, draft: FileDraft) -> Discard | Hold | None:
        """Have the transform change the draft, or end its delivery. Raises `Ended` or as it itself does."""
        try:
            answer = self._with_draft("apply", draft, {})
            self._told = (self._apart.hello(self._label), str(answer["fingerprint"]))
            if "discard" in answer:
                return unpack(answer["discard"], Discard)
            if "hold" in answer:
                return unpack(answer["hold"], Hold)
            draft.take_over(unpack_state(answer["state"], answer["open_files"]))
            for code, count in answer["notes"].items():
                draft.note(code, count=count)
        except (Ended, ElementsError, OSError, MemoryError):
            raise
        except Exception as error:
            raise self._no_sense() from error
        return None

    def verify(self, original: FileDraft, rendered: FileItem) -> Sequence[Hold]:
        """Have the transform look at the outcome. Raises as `apply` does."""
        try:
            answer = self._with_draft("verify", original, {"item": pack(rendered)})
            return [unpack(hold, Hold) for hold in answer["holds"]]
        except (Ended, ElementsError, OSError, MemoryError):
            raise
        except Exception as error:
            raise self._no_sense() from error

    def fingerprint(self) -> str:
        """What stood for its outside input when it was last at work, or when its process began."""
        hello = self._apart.hello(self._label)
        if self._told is not None and self._told[0] is hello:
            return self._told[1]
        return str(hello.get("fingerprint", ""))

    def probe(self) -> None:
        """Have it say whether it could work now."""
        self._apart.answer(self._label, {"ask": "probe"})

    def _with_draft(self, ask: str, draft: FileDraft, more: Message) -> Message:
        state, files = pack_state(draft.state())
        question = {
            "ask": ask,
            "state": state,
            "instance": pack(draft.instance),
            "scratch_dir": str(self._scratch_dir),
            **more,
        }
        answer = self._apart.answer(self._label, question, files)
        if "unencodable" in answer:
            kind = MalformedDataSet if answer.get("is_unreadable") else ElementsError
            raise kind(str(answer["unencodable"]))
        if "disk" in answer:
            number = int(answer["disk"] or 0)
            raise OSError(number, os.strerror(number))
        return answer

    def _no_sense(self) -> Ended:
        failure = Failure(text=_NO_SENSE, kind=DEFECT, blame=self._blame)
        return Ended({"failed": pack(failure), "retry_after": None})
