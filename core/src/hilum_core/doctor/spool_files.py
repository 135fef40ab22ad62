"""Files against rows: every object has both, and what has only one is named with its reason."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from itertools import islice
from pathlib import Path

import apsw

from hilum_core.doctor.findings import Case, Finding, Says
from hilum_core.incarnation import is_live
from hilum_core.queue import QUEUE_FILE
from hilum_core.queue.inspection import Inspection, inspect
from hilum_core.spool import SpoolDamage, incarnation_of, is_object_id, verify
from hilum_core.spool.layout import Layout, hours, ids_of_hour

_SAMPLE = 20
_NAMED = 3


def examine_spool(case: Case, says: Says) -> Iterator[Finding]:
    """Compare the folders with the queue; read the newest objects, or all."""
    places = Layout(case.state_dir)
    received, settled = _ids_below(places.received), _ids_below(places.settled)  # before rows: see `_compare`
    yield says.ok(f"{len(received):,} objects not settled, {len(settled):,} settled")
    path = case.state_dir / QUEUE_FILE
    if path.is_file() and path.stat().st_size:
        try:
            with inspect(path) as queue:
                yield from _compare(case, says, queue, received, settled)
                yield from _renderings(says, queue, places)
        except apsw.Error:
            yield says.warn("cannot be compared with the queue", "see what is said of the queue")
    paths = [places.received_path(one) for one in sorted(received, reverse=True)]
    paths += [places.settled_path(one) for one in sorted(settled, reverse=True)]
    yield from _read(case, says, paths if case.deep else paths[:_SAMPLE])
    incomplete = len(list(places.incomplete.glob("*"))) if places.incomplete.is_dir() else 0
    if incomplete:
        yield says.warn(
            f"{incomplete:,} files in spool/incomplete/", "look at them; remove those that nobody needs"
        )


def _ids_below(folder: Path) -> set[str]:
    return {object_id for hour in hours(folder) for object_id in ids_of_hour(hour)}


def _compare(
    case: Case, says: Says, queue: Inspection, received: AbstractSet[str], settled: AbstractSet[str]
) -> Iterator[Finding]:
    """Name what has only a file, or only a row. Listed before the rows: what comes later is no part."""
    places = Layout(case.state_dir)
    rows = queue.objects_with_bytes()
    without_row = [one for one in sorted((received | settled) - rows.keys()) if not queue.has_row(one)]
    alive = {number: is_live(case.state_dir, number) for number in set(map(incarnation_of, without_row))}
    orphans = [one for one in without_row if not alive[incarnation_of(one)]]
    in_spool, in_settled = (
        [one for one in orphans if one in received],
        [one for one in orphans if one in settled],
    )
    if in_spool:
        yield says.warn(
            f"{_named(in_spool)} in spool/ have no row: their process died before it told the queue",
            "the next start of the router takes them in, or holds them where they are old",
        )
    if in_settled:
        yield says.warn(
            f"{_named(in_settled)} in settled/ have no row: they belong to a queue that was lost",
            "hilum doctor --rebuild gives them one; or remove them when nobody needs them",
        )
    without_file = sorted(rows.keys() - received - settled)
    missing = [one for one in without_file if not _is_there(places, one) and queue.needs_file(one)]
    if missing:
        yield says.fault(
            f"{_named(missing)} have a row and no file: it was removed, or the disk lost it",
            "ask the sender for them again, then hilum queue cancel ID",
        )


def _renderings(says: Says, queue: Inspection, places: Layout) -> Iterator[Finding]:
    folders = [path.name for hour in hours(places.renderings) for path in hour.iterdir() if path.is_dir()]
    orphans = [name for name in folders if is_object_id(name) and not queue.has_row(name)]
    if orphans:
        yield says.warn(
            f"{_named(orphans)} in renderings/ have no row: they belong to a queue that was lost",
            "remove them when the router is well",
        )


def _read(case: Case, says: Says, paths: Sequence[Path]) -> Iterator[Finding]:
    """Read objects by their seals; those of a process that lives may be on their way in."""
    damaged = [path for path in paths if _is_damaged(case, path)]
    if damaged:
        yield says.fault(
            f"{_named([path.stem for path in damaged])} are not whole: not completed, or damaged since",
            "look at the disk; at its turn, what has a row is held, and what has none is set aside",
        )
    else:
        yield says.ok(f"{len(paths):,} read, all as they came")


def _is_damaged(case: Case, path: Path) -> bool:
    try:
        verify(path)
    except SpoolDamage:
        return path.exists() and not is_live(case.state_dir, incarnation_of(path.stem))
    return False


def _is_there(places: Layout, object_id: str) -> bool:
    """Asked again: it may have been settled since the folders were listed."""
    return places.settled_path(object_id).exists() or places.received_path(object_id).exists()


def _named(object_ids: Sequence[str]) -> str:
    names = ", ".join(islice(object_ids, _NAMED))
    rest = f" and {len(object_ids) - _NAMED:,} more" if len(object_ids) > _NAMED else ""
    return names + rest
