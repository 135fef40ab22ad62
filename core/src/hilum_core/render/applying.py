"""Applies a chain of transforms to one object and writes what comes of it. Knows no queue and no pipe."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path

import attrs

from hilum_core.queue.records import Rendering
from hilum_core.render.identity import chain_identity
from hilum_core.render.steps import Step
from hilum_core.render.verdicts import sound_holds, sound_verdict
from hilum_core.render.writing import write_rendering
from hilum_core.spool import rendering_name
from hilum_core.spool.file_format import data_set_span
from hilum_sdk import Discard, Hold, Instance
from hilum_sdk.elements import FileDraft, FileItem, drop_signatures, record_originals, remember

Calling = Callable[[Step], AbstractContextManager[None]]
"""Bounds a call of a transform, and says whose fault it is if it fails."""


@attrs.frozen(kw_only=True)
class Original:
    """The object to render, as it lies in a file. ``id`` and ``attempt`` are those of the rendering."""

    id: str
    attempt: int
    instance: Instance
    path: Path
    data_set_offset: int
    scratch_dir: Path

    def open(self) -> FileDraft:
        """Begin a draft of it."""
        return FileDraft.open(
            self.path,
            data_set_offset=self.data_set_offset,
            data_set_length=self.instance.data_set_bytes,
            transfer_syntax_uid=self.instance.transfer_syntax_uid,
            instance=self.instance,
            scratch_dir=self.scratch_dir,
        )


@attrs.frozen(kw_only=True)
class Made:
    """What a chain made of an object, with what is told of it."""

    rendering: Rendering
    notes: dict[str, int]
    changed: tuple[str, ...]
    plugins: tuple[str, ...]


def render(
    original: Original,
    chain: Sequence[Step],
    path: Path,
    *,
    system: str,
    calling: Calling,
    alive: Callable[[], None],
) -> Made | Discard | Hold:
    """Apply a chain and write `path`, on stable storage; or say what ends the object's way.

    ``system`` names the router where what was changed is recorded. ``alive`` is called again and again
    while the core itself is at work.

    Raises
    ------
    MalformedDataSet, LimitExceeded
        The object cannot be read as a whole, at every depth.
    ElementsError
        What a transform did cannot be encoded.
    """
    deidentified = any(step.deidentifies for step in chain)
    with original.open() as draft:
        if chain:
            draft.examine()
        for step in chain:
            before = remember(draft.top) if step.records and not deidentified else None
            with calling(step):
                verdict = sound_verdict(step.transform.apply(draft))
            if verdict is not None:
                return verdict
            if before is not None:
                at = original.instance.received_at  # a retry renders the same bytes
                record_originals(draft.top, before, system=system, reason=step.records, at=at)
        if dropped := drop_signatures(draft.top):
            draft.note("removed signatures", count=dropped)
        length = write_rendering(draft, path, alive=alive)
        identity = _identity(chain, calling)
        rendering = Rendering(
            file_name=rendering_name(original.instance.id, identity),
            sop_class_uid=draft.sop_class_uid,
            sop_instance_uid=draft.sop_instance_uid,
            transfer_syntax_uid=draft.transfer_syntax_uid,
            data_set_bytes=length,
            deidentified=deidentified,
            verified=any(step.deidentifies and step.verifies for step in chain),
            identity=identity,
        )
        notes, changed = dict(draft.notes), tuple(draft.changed_keywords)
    holds = _verify(original, chain, rendering, path, calling)
    if holds:
        return holds[0]
    plugins = tuple(dict.fromkeys(step.plugin for step in chain))
    return Made(rendering=rendering, notes=notes, changed=changed, plugins=plugins)


def _identity(chain: Sequence[Step], calling: Calling) -> str:
    """Ask after the work: what a transform reads outside, it may have read anew."""
    identities = []
    for step in chain:
        with calling(step):
            identities.append(step.identity())
    return chain_identity(identities)


def _verify(
    original: Original, chain: Sequence[Step], rendering: Rendering, path: Path, calling: Calling
) -> list[Hold]:
    """Let the transforms that care look at the outcome of the whole chain."""
    holds: list[Hold] = []
    for step in chain:
        if not step.verifies:
            continue
        with original.open() as draft, calling(step):
            holds += sound_holds(step.transform.verify(draft, _item(original, rendering, path)))
    return holds


def _item(original: Original, rendering: Rendering, path: Path) -> FileItem:
    offset, length = data_set_span(path)
    return FileItem(
        id=original.id,
        attempt=original.attempt,
        path=path,
        data_set_offset=offset,
        data_set_length=length,
        sop_class_uid=rendering.sop_class_uid,
        sop_instance_uid=rendering.sop_instance_uid,
        transfer_syntax_uid=rendering.transfer_syntax_uid,
        transfer_syntaxes=(rendering.transfer_syntax_uid,),
        deidentified=rendering.deidentified,
        origin=None if rendering.deidentified else original.instance,
        scratch_dir=path.parent,
    )
