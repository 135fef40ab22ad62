"""The worker of RENDER: applies a chain to one object. `python -m hilum_core.render.worker`."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import attrs

from hilum_core.crash_points import reach
from hilum_core.queue.records import (
    ClaimedRendering,
    Failure,
    Rendered,
    Rendering,
    RenderingDiscarded,
    RenderingHeld,
)
from hilum_core.queue.states import GONE
from hilum_core.render.apart import ApartTransform, TransformsApart
from hilum_core.render.verdicts import sound_holds, sound_verdict
from hilum_core.render.writing import beside, write_rendering
from hilum_core.spool import SpoolDamage, data_set_span
from hilum_core.workers.failures import PERMANENT, failure_of, local_failure, retry_after_s
from hilum_core.workers.freshness import verify_unless_fresh
from hilum_core.workers.isolation import Ended
from hilum_core.workers.pipe import Message
from hilum_core.workers.session import WorkerSession
from hilum_core.workers.wire import pack, unpack
from hilum_sdk import Discard, Hold, Transform
from hilum_sdk.elements import ElementsError, FileDraft, FileItem

_CLOSE_WITHIN = timedelta(seconds=5)


@attrs.frozen
class _Link:
    """One transform of a chain, with whom to blame."""

    name: str
    transform: Transform | ApartTransform
    is_deidentifying: bool
    blame: str

    @property
    def deidentifies(self) -> bool:
        """Whether what passes it is de-identified."""
        if isinstance(self.transform, ApartTransform):
            return self.transform.deidentifies
        return self.is_deidentifying

    @property
    def verifies(self) -> bool:
        """Whether it looks at the outcome of the chain."""
        if isinstance(self.transform, ApartTransform):
            return self.transform.verifies
        return type(self.transform).verify is not Transform.verify


class RenderWorker:
    """Renders one object after another."""

    def __init__(self, session: WorkerSession) -> None:
        self._session = session
        made, broken = session.create_all("transforms")
        self._links: dict[str, _Link] = {}
        self._scratch_dir = session.arguments.state_dir / "scratch"
        self._scratch_dir.mkdir(mode=0o700, exist_ok=True)
        for name, component in made.items():
            composed = session.composition.components[f"transforms.{name}"]
            assert isinstance(component, Transform)
            blame = f"{name} ({composed.blame})"
            self._links[name] = _Link(name, component, is_deidentifying=composed.deidentifies, blame=blame)
        isolated = session.composition.isolated
        self._apart = TransformsApart(session, isolated.values(), broken)
        for label, one in isolated.items():
            name = label.removeprefix("transforms.")
            transform = ApartTransform(self._apart, one, self._scratch_dir)
            self._links[name] = _Link(name, transform, is_deidentifying=False, blame=one.blame)

    def run(self) -> None:
        """Work until the coordinator says stop."""
        session = self._session
        self._apart.settle_in()
        session.send({"hello": {"broken": self._apart.reasons()}})
        while (item := session.next_item()) is not None:
            session.begin(item["id"])
            reach("render.worker.begun")
            session.done(item["id"], self._outcome(item))
        session.flush()
        self._apart.close(_CLOSE_WITHIN)
        for link in self._links.values():
            link.transform.close(_CLOSE_WITHIN)
        session.end()

    def _outcome(self, item: Message) -> Message:
        claimed = unpack(item["claimed"], ClaimedRendering)
        reasons = self._apart.reasons()
        missing = [name for name in claimed.chain if name in reasons or name not in self._links]
        if missing:
            return self._without(missing[0], reasons, claimed)
        chain = [self._links[name] for name in claimed.chain]
        target = Path(item["target"])
        try:
            with beside(target) as path:
                message = self._render(claimed, chain, Path(item["path"]), path, target.name)
                if "rendered" in message:
                    reach("render.worker.synced")
                    path.replace(target)
                    reach("render.worker.in_place")
                return message
        except Ended as ended:
            return ended.message
        except SpoolDamage as error:
            return _ended(claimed, Hold(reason=error.message, code="damaged"))
        except ElementsError as error:
            return _failed(Failure(text=str(error), kind=PERMANENT, blame="the object"))
        except OSError as error:
            return _failed(local_failure(error, blame="render"))

    def _without(self, name: str, reasons: Mapping[str, str], claimed: ClaimedRendering) -> Message:
        """Wait for a transform that is broken, or misspelt; hold what wants one that is gone."""
        if name in reasons or self._session.is_faulty:
            reason = reasons.get(name, "the config has no such transform any more")
            return {"waits": {"label": f"transforms.{name}", "text": reason}}
        failure = Failure(text=f"the transform {name} is no longer in the config", kind=GONE)
        return _held(claimed, "gone", failure)

    def _render(
        self, claimed: ClaimedRendering, chain: Sequence[_Link], source: Path, path: Path, file_name: str
    ) -> Message:
        """Apply the chain to `source` and write `path`, which shall be called `file_name`."""
        instance = claimed.stored.instance
        verify_unless_fresh(source, instance.received_at, alive=self._session.say_alive)
        offset, length = data_set_span(source)

        def open_draft() -> FileDraft:
            return FileDraft.open(
                source,
                data_set_offset=offset,
                data_set_length=length,
                transfer_syntax_uid=instance.transfer_syntax_uid,
                instance=instance,
                scratch_dir=self._scratch_dir,
            )

        with open_draft() as draft:
            for link in chain:
                draft.next_transform()
                verdict = self._apply(link, draft)
                if verdict is not None:
                    return _ended(claimed, verdict)
            rendering = Rendering(
                file_name=file_name,
                sop_class_uid=draft.sop_class_uid,
                sop_instance_uid=draft.sop_instance_uid,
                transfer_syntax_uid=draft.transfer_syntax_uid,
                data_set_bytes=write_rendering(draft, path, alive=self._session.say_alive),
                deidentified=any(link.deidentifies for link in chain),
            )
            notes = dict(draft.notes)
        holds = self._verify(chain, open_draft, claimed, rendering, path)
        if holds:
            return _ended(claimed, holds[0])
        record = Rendered(
            rendering_id=claimed.rendering_id, lease_no=claimed.lease_no, rendering=rendering, notes=notes
        )
        return {"rendered": pack(record)}

    def _apply(self, link: _Link, draft: FileDraft) -> Discard | Hold | None:
        with self._calling(link):
            return sound_verdict(link.transform.apply(draft))

    def _verify(
        self,
        chain: Sequence[_Link],
        open_draft: Callable[[], FileDraft],
        claimed: ClaimedRendering,
        rendering: Rendering,
        path: Path,
    ) -> list[Hold]:
        """Let the transforms that care look at the outcome of the whole chain."""
        holds: list[Hold] = []
        for link in chain:
            if not link.verifies:
                continue
            with open_draft() as original, self._calling(link):
                holds += sound_holds(link.transform.verify(original, _item(claimed, rendering, path)))
        return holds

    @contextmanager
    def _calling(self, link: _Link) -> Iterator[None]:
        """Call a transform under its time limit; what it raises is its failure, or the object's."""
        session = self._session
        session.say_alive()  # each call has a limit of its own; their sum has none
        if isinstance(link.transform, ApartTransform):  # its process has a limit, and names it
            yield
            return
        session.enter(f"transforms.{link.name}")
        try:
            with session.timer.limit(self._limit_s()):
                yield
        except (MemoryError, ElementsError):
            raise
        except BaseException as error:
            failed = _failed(failure_of(error, blame=link.blame), retry_after_s(error))
            raise Ended(failed) from error

    def _limit_s(self) -> float:
        return self._session.config.router.transform_timeout.total_seconds()


def _item(claimed: ClaimedRendering, rendering: Rendering, path: Path) -> FileItem:
    offset, length = data_set_span(path)
    return FileItem(
        id=str(claimed.rendering_id),
        attempt=claimed.attempt,
        path=path,
        data_set_offset=offset,
        data_set_length=length,
        sop_class_uid=rendering.sop_class_uid,
        sop_instance_uid=rendering.sop_instance_uid,
        transfer_syntax_uid=rendering.transfer_syntax_uid,
        transfer_syntaxes=(rendering.transfer_syntax_uid,),
        deidentified=rendering.deidentified,
        origin=None if rendering.deidentified else claimed.stored.instance,
        scratch_dir=path.parent,
    )


def _ended(claimed: ClaimedRendering, verdict: Discard | Hold) -> Message:
    if isinstance(verdict, Discard):
        discarded = RenderingDiscarded(
            rendering_id=claimed.rendering_id, lease_no=claimed.lease_no, rule=verdict.rule
        )
        return {"discarded": pack(discarded)}
    return _held(claimed, verdict.code, Failure(text=verdict.reason))


def _held(claimed: ClaimedRendering, code: str, failure: Failure) -> Message:
    held = RenderingHeld(
        rendering_id=claimed.rendering_id, lease_no=claimed.lease_no, code=code, failure=failure
    )
    return {"held": pack(held)}


def _failed(failure: Failure, retry_after: float | None = None) -> Message:
    return {"failed": pack(failure), "retry_after": retry_after}


def main() -> None:
    """Entry of the process."""
    RenderWorker(WorkerSession.start(sys.argv[1:], kind="transforms")).run()


if __name__ == "__main__":
    main()
