"""The process of one isolated transform: `python -m hilum_core.render.isolated --label transforms.NAME`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from hilum_core.registry import Composed
from hilum_core.render.crossing import pack_state, unpack_state
from hilum_core.render.verdicts import sound_holds, sound_verdict
from hilum_core.workers.isolated import IsolatedComponent, serve
from hilum_core.workers.pipe import Message
from hilum_core.workers.session import WorkerSession
from hilum_core.workers.wire import pack, unpack
from hilum_sdk import Discard, Instance, Transform
from hilum_sdk.elements import ElementsError, FileDraft, FileItem, LimitExceeded, MalformedDataSet


class IsolatedTransform(IsolatedComponent[Transform]):
    """Goes on with a draft of the worker, and gives it back with what its transform has changed."""

    _draft: FileDraft | None = None

    def about(self) -> Message:
        """Say what the worker must know before it has anything rendered."""
        return {
            "deidentifies": self.composed.deidentifies,
            "verifies": type(self.component).verify is not Transform.verify,
            "fingerprint": str(self.component.fingerprint()),
        }

    def answer(self, question: Message) -> tuple[Message, Sequence[int]]:
        """Have the transform change a draft, or look at the outcome; or say how it is."""
        ask = question["ask"]
        if ask == "probe":
            with self.calling():
                self.component.probe()
            return {}, ()
        state = unpack_state(question["state"], question["open_files"])
        scratch_dir = Path(question["scratch_dir"])
        try:
            self._draft = FileDraft.resume(
                state, instance=unpack(question["instance"], Instance), scratch_dir=scratch_dir
            )
            if ask == "apply":
                return self._apply(self._draft)
            with self.calling():
                holds = self.component.verify(self._draft, unpack(question["item"], FileItem))
                return {"holds": [pack(hold) for hold in sound_holds(holds)]}, ()
        except ElementsError as error:
            is_unreadable = isinstance(error, (MalformedDataSet, LimitExceeded))
            return {"unencodable": str(error), "is_unreadable": is_unreadable}, ()

    def _apply(self, draft: FileDraft) -> tuple[Message, Sequence[int]]:
        with self.calling():
            verdict = sound_verdict(self.component.apply(draft))
            fingerprint = str(self.component.fingerprint())
        if verdict is not None:
            kind = "discard" if isinstance(verdict, Discard) else "hold"
            return {kind: pack(verdict), "fingerprint": fingerprint}, ()
        try:
            record, files = pack_state(draft.state())
        except OSError as error:
            return {"disk": error.errno}, ()
        return {"state": record, "notes": dict(draft.notes), "fingerprint": fingerprint}, files

    def forget(self) -> None:
        """Close the draft, which the worker has its own descriptors of by now."""
        if self._draft is not None:
            self._draft.close()
            self._draft = None


def _make(session: WorkerSession, composed: Composed) -> IsolatedTransform:
    component = session.create(composed)
    assert isinstance(component, Transform)
    limit_s = session.config.router.transform_timeout.total_seconds()
    return IsolatedTransform(session, composed, component, limit_s)


if __name__ == "__main__":
    serve(sys.argv[1:], _make)
