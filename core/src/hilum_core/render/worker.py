"""The worker of RENDER: applies a chain to one object. `python -m hilum_core.render.worker`."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path

from pydicom.dataset import Dataset

from hilum_core.crash_points import reach
from hilum_core.queue.records import (
    ClaimedRendering,
    Failure,
    Rendered,
    RenderingDiscarded,
    RenderingHeld,
)
from hilum_core.queue.states import GONE
from hilum_core.render.apart import ApartTransform, TransformsApart
from hilum_core.render.applying import Made, Original, render
from hilum_core.render.silence import hushed
from hilum_core.render.steps import Step
from hilum_core.render.writing import beside
from hilum_core.spool import SpoolDamage, data_set_span, open_data_set
from hilum_core.workers.failures import PERMANENT, failure_of, local_failure, retry_after_s
from hilum_core.workers.freshness import verify_unless_fresh
from hilum_core.workers.isolation import Ended
from hilum_core.workers.pipe import Message
from hilum_core.workers.session import WorkerSession
from hilum_core.workers.wire import pack, unpack
from hilum_sdk import Discard, Hold, Transform
from hilum_sdk.elements import ElementsError, LimitExceeded, MalformedDataSet, read_header

_CLOSE_WITHIN = timedelta(seconds=5)


class RenderWorker:
    """Renders one object after another."""

    def __init__(self, session: WorkerSession) -> None:
        self._session = session
        made, self._broken = session.create_all("transforms")
        self._steps: dict[str, Step] = {}
        self._scratch_dir = session.arguments.state_dir / "scratch"
        self._scratch_dir.mkdir(mode=0o700, exist_ok=True)
        for name, component in made.items():
            composed = session.composition.components[f"transforms.{name}"]
            assert isinstance(component, Transform)
            self._steps[name] = Step.of(composed, component)
        isolated = session.composition.isolated
        self._apart = TransformsApart(session, isolated.values(), self._say_hello)
        for label, one in isolated.items():
            name = label.removeprefix("transforms.")
            self._steps[name] = Step(
                entry=session.config.transforms[name],
                transform=ApartTransform(self._apart, one, self._scratch_dir),
                distribution=one.distribution,
                version=one.version,
            )

    def run(self) -> None:
        """Work until the coordinator says stop."""
        session = self._session
        self._apart.settle_in()
        self._say_hello()
        while (item := session.next_item()) is not None:
            session.begin(item["id"])
            reach("render.worker.begun")
            session.done(item["id"], self._outcome(item))
        session.flush()
        self._apart.close(_CLOSE_WITHIN)
        for name, step in self._steps.items():
            if isinstance(step.transform, Transform):
                session.close(step.transform, label=f"transforms.{name}")
        session.end()

    # ---- what the coordinator has to know

    def _say_hello(self) -> None:
        """Tell what can be used, as what, and what cannot; again when a transform's process comes or goes."""
        identities = {}
        for name, step in self._steps.items():
            if name in self._reasons() or not step.is_there:
                continue
            try:
                with self._calling(step):
                    identities[name] = step.identity()
            except Ended as ended:
                failure = unpack(ended.message["failed"], Failure)
                self._broken[name] = f"{failure.text} ({failure.blame})"
                self._session.look_afresh()
        hello = {
            "broken": self._reasons(),
            "identities": identities,
            "unknown": sorted({*self._reasons(), *self._steps} - identities.keys()),
            "deidentifying": [name for name in identities if self._steps[name].deidentifies],
            "is_faulty": self._session.is_faulty,
        }
        self._session.send({"hello": hello})

    def _reasons(self) -> Mapping[str, str]:
        """Why transforms cannot be used, by name."""
        return {**self._broken, **self._apart.reasons()}

    # ---- rendering

    def _outcome(self, item: Message) -> Message:
        claimed = unpack(item["claimed"], ClaimedRendering)
        reasons = self._reasons()
        missing = [name for name in claimed.chain if name in reasons or name not in self._steps]
        if missing:
            return self._without(missing[0], reasons, claimed)
        source = Path(item["path"])
        try:
            return self._render(claimed, source, Path(item["folder"]))
        except Ended as ended:
            return self._hushed(ended.message, claimed, source)
        except SpoolDamage as error:
            return _held(claimed, "damaged", Failure(text=error.message))
        except ElementsError as error:
            return _unencodable(claimed, error)
        except OSError as error:
            return _failed(local_failure(error, blame="render"))

    def _without(self, name: str, reasons: Mapping[str, str], claimed: ClaimedRendering) -> Message:
        """Wait for a transform that is broken, or misspelt; hold what wants one that is gone."""
        if name in reasons or self._session.is_faulty:
            reason = reasons.get(name, "the config has no such transform any more")
            return {"waits": {"label": f"transforms.{name}", "text": reason}}
        failure = Failure(text=f"the transform {name} is no longer in the config", kind=GONE)
        return _held(claimed, "gone", failure)

    def _render(self, claimed: ClaimedRendering, source: Path, folder: Path) -> Message:
        """Apply the chain to `source` and put what comes of it into `folder`, under a name of its own."""
        alive = self._session.say_alive
        verify_unless_fresh(source, claimed.stored.instance.received_at, alive=alive)
        original = Original(
            id=str(claimed.rendering_id),
            attempt=claimed.attempt,
            instance=claimed.stored.instance,
            path=source,
            data_set_offset=data_set_span(source)[0],
            scratch_dir=self._scratch_dir,
        )
        chain = [self._steps[name] for name in claimed.chain]
        with beside(folder / str(claimed.rendering_id)) as path:
            made = render(
                original,
                chain,
                path,
                system=self._session.config.router.ae_title,
                calling=self._calling,
                alive=alive,
            )
            if not isinstance(made, Made):
                return self._hushed(_ended(claimed, made), claimed, source)
            reach("render.worker.synced")
            path.replace(folder / made.rendering.file_name)
            reach("render.worker.in_place")
        if claimed.made_before not in (None, made.rendering.file_name):
            with suppress(OSError):  # no delivery is offered it any more; the purge takes what is left
                (folder / str(claimed.made_before)).unlink()
        record = Rendered(
            rendering_id=claimed.rendering_id,
            lease_no=claimed.lease_no,
            rendering=made.rendering,
            notes=made.notes,
            changed=made.changed,
            plugins=made.plugins,
        )
        return {"rendered": pack(record)}

    def _hushed(self, outcome: Message, claimed: ClaimedRendering, source: Path) -> Message:
        """See that what a transform says tells nothing of an object that is to be de-identified."""

        def header() -> Dataset:
            with open_data_set(source) as file:
                return read_header(file, claimed.stored.instance.transfer_syntax_uid)

        return hushed(outcome, chain=[self._steps[name] for name in claimed.chain], header=header)

    @contextmanager
    def _calling(self, step: Step) -> Iterator[None]:
        """Call a transform under its time limit; what it raises is its failure, or the object's."""
        session = self._session
        session.say_alive()  # each call has a limit of its own; their sum has none
        if isinstance(step.transform, ApartTransform):  # its process has a limit, and names it
            yield
            return
        session.enter(step.entry.label)
        try:
            with session.timer.limit(self._limit_s()):
                yield
        except (MemoryError, ElementsError):
            raise
        except BaseException as error:
            failed = _failed(failure_of(error, blame=step.blame), retry_after_s(error))
            raise Ended(failed) from error

    def _limit_s(self) -> float:
        return self._session.config.router.transform_timeout.total_seconds()


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


def _unencodable(claimed: ClaimedRendering, error: ElementsError) -> Message:
    """Hold an object that is at fault itself; what a transform did that cannot be encoded is a failure."""
    if isinstance(error, (MalformedDataSet, LimitExceeded)):
        return _held(claimed, "unreadable", Failure(text=str(error), blame="the object"))
    return _failed(Failure(text=str(error), kind=PERMANENT, blame="the object"))


def _failed(failure: Failure, retry_after: float | None = None) -> Message:
    return {"failed": pack(failure), "retry_after": retry_after}


def main() -> None:
    """Entry of the process."""
    RenderWorker(WorkerSession.start(sys.argv[1:], kind="transforms")).run()


if __name__ == "__main__":
    main()
