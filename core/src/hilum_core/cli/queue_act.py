"""`hilum queue retry`, `cancel` and `release`: what a person decides, kept in the ledger with the name."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import attrs
import click

from hilum_core.cli.failures import CommandError
from hilum_core.cli.figures import count_words, who_acts
from hilum_core.cli.queue_access import Access, open_queue, queue_options
from hilum_core.cli.queue_held import EVERYTHING, chosen_ids, held_options
from hilum_core.queue import ring
from hilum_core.queue.records import Acted, HeldFilter
from hilum_core.queue.states import DELIVERIES
from hilum_sdk.config import unknown_name

_AT_ONCE = 1000
_ALL = 1_000_000
_RETRIED = tuple({*DELIVERIES.moves["retry"].sources, *DELIVERIES.moves["retry_unrendered"].sources})
_HELD = DELIVERIES.moves["release"].sources
_FOR_A_PERSON = (*_HELD, DELIVERIES.moves["kill"].target)

Act = Callable[[Sequence[str]], Acted]

ids_argument = click.argument("any_ids", metavar="ID...", nargs=-1)


@click.command()
@ids_argument
@queue_options
@click.option("--sink", default="", help="All dead and waiting deliveries to this sink.")
@click.option("--all", "of_all", is_flag=True, help="All dead and waiting deliveries.")
@click.option("--because", default="", help="Why; kept in the ledger.")
def retry(
    *,
    any_ids: tuple[str, ...],
    config_path: Path | None,
    state_dir: Path | None,
    sink: str,
    of_all: bool,
    because: str,
) -> None:
    """Try dead or waiting deliveries again, now, with a fresh time to give up.

    An ID is that of a delivery, or of an object for all of its deliveries.
    """
    if bool(any_ids) + bool(sink) + of_all != 1:
        raise click.UsageError("say what to retry: IDs, or --sink NAME, or --all")
    with open_queue(config_path, state_dir) as queue:
        if any_ids:
            ids = _deliveries_of(queue, any_ids)
            acted = Acted(done=queue.store.retry(ids, by=who_acts(), because=because), skipped=0)
        else:
            retry_each = partial(queue.store.retry_each, by=who_acts(), because=because)
            acted = _in_groups(retry_each, _listed(queue, _RETRIED, sink))
        _ring(queue, "render", "deliver")
    click.echo(f"{count_words(acted.done, 'delivery', 'deliveries')} will be tried now{_skipped(acted)}")


@click.command()
@ids_argument
@queue_options
@held_options
@click.option("--sink", default="", help="All open deliveries to this sink.")
@click.option("--because", required=True, help="Why; kept in the ledger.")
def cancel(
    *,
    any_ids: tuple[str, ...],
    config_path: Path | None,
    state_dir: Path | None,
    which: HeldFilter,
    sure: bool,
    sink: str,
    because: str,
) -> None:
    """End deliveries, or all open deliveries of objects, held objects included.

    With --reason, --day or --sender, all that is held and fits, once you have seen the count.

    What has already been sent stays where it is. An object whose deliveries have all ended is kept for
    as long as the config's keep_settled says.
    """
    if bool(any_ids) + bool(sink or which != EVERYTHING) != 1:
        raise click.UsageError("say what to cancel: IDs, or --sink NAME, or --reason, --day or --sender")
    with open_queue(config_path, state_dir) as queue:
        if which != EVERYTHING:
            ids = chosen_ids(queue, attrs.evolve(which, sink=sink), "cancel", sure=sure)
            acted = _in_groups(partial(queue.store.cancel_held, by=who_acts(), because=because), ids)
            done = f"cancelled {acted.done:,}{_skipped(acted)}"
        elif any_ids:
            settled = queue.store.cancel(any_ids, by=who_acts(), because=because)
            done = f"cancelled; {count_words(len(settled), 'object')} settled by that"
        else:
            cancel_each = partial(queue.store.cancel_each, by=who_acts(), because=because)
            acted = _in_groups(cancel_each, _listed(queue, DELIVERIES.open, sink))
            done = f"cancelled {count_words(acted.done, 'delivery', 'deliveries')}{_skipped(acted)}"
        _ring(queue, "retain")
    click.echo(done)


@click.command()
@ids_argument
@queue_options
@held_options
@click.option("--sink", default="", help="All held deliveries to this sink.")
@click.option("--to", "sinks", multiple=True, metavar="SINK", help="Deliver held objects there as they came.")
@click.option("--because", default="", help="Why; kept in the ledger.")
def release(
    *,
    any_ids: tuple[str, ...],
    config_path: Path | None,
    state_dir: Path | None,
    which: HeldFilter,
    sure: bool,
    sinks: tuple[str, ...],
    sink: str,
    because: str,
) -> None:
    """Let held objects be routed again, and held deliveries go on.

    With --reason, --day or --sender, all that is held and fits, once you have seen the count.

    With --to, held objects go to these sinks as they came, whatever the routes say: for an object whose
    header cannot be read, the only way on.
    """
    if bool(any_ids) + bool(sink or which != EVERYTHING) != 1:
        raise click.UsageError("say what to release: IDs, or --sink NAME, or --reason, --day or --sender")
    if sinks and not any_ids:
        raise click.UsageError("--to goes with IDs of objects: the routes say where the others go")
    with open_queue(config_path, state_dir) as queue:
        release_each = partial(queue.store.release_each, by=who_acts(), because=because)
        if any_ids:
            _need_sinks(queue, sinks or _sinks_of(queue, any_ids))
            count = queue.store.release(any_ids, by=who_acts(), because=because, sinks=sinks)
            done = f"released {count:,}"
        elif which != EVERYTHING:
            which = attrs.evolve(which, sink=sink)
            _need_sinks(queue, [one.sink for one in queue.store.held_groups(which) if one.sink])
            acted = _in_groups(release_each, chosen_ids(queue, which, "release", sure=sure))
            done = f"released {acted.done:,}{_skipped(acted)}"
        else:
            _need_sinks(queue, [sink])
            acted = _in_groups(release_each, _listed(queue, _HELD, sink))
            done = f"released {acted.done:,}{_skipped(acted)}"
        _ring(queue, "route", "render", "deliver")
    click.echo(done)


@click.command()
@ids_argument
@queue_options
@click.option("--sink", default="", help="All held and dead deliveries to this sink.")
@click.option("--to", "target", required=True, metavar="SINK", help="The sink that gets them instead.")
@click.option("--because", required=True, help="Why; kept in the ledger.")
def redirect(
    *,
    any_ids: tuple[str, ...],
    config_path: Path | None,
    state_dir: Path | None,
    sink: str,
    target: str,
    because: str,
) -> None:
    """Deliver to another sink what a sink does not get: it is gone from the config, or refuses.

    Deliveries with transforms go by the same transforms. What is in a worker's hand is left alone.
    """
    if bool(any_ids) + bool(sink) != 1:
        raise click.UsageError("say what to redirect: IDs of deliveries, or --sink NAME")
    with open_queue(config_path, state_dir) as queue:
        _need_sinks(queue, [target])
        ids = any_ids or _listed(queue, _FOR_A_PERSON, sink)
        redirect_each = partial(queue.store.redirect_each, sink=target, by=who_acts(), because=because)
        acted = _in_groups(redirect_each, ids)
        _ring(queue, "render", "deliver", "retain")
    click.echo(f"{count_words(acted.done, 'delivery', 'deliveries')} will go to {target}{_skipped(acted)}")


def _need_sinks(queue: Access, sinks: Sequence[str]) -> None:
    """Refuse a sink that the router's config does not have: nobody would ever deliver there."""
    known = queue.configured_sinks() if sinks else None
    for sink in sinks:
        if known is not None and sink not in known:
            what_else = "; redirect what is held for it, or put it back into the config"
            raise CommandError(unknown_name("sink", sink, known) + what_else)


def _sinks_of(queue: Access, any_ids: Sequence[str]) -> Sequence[str]:
    """Where the deliveries among some ids go."""
    histories = [queue.store.history(any_id) for any_id in any_ids]
    return [
        row.sink
        for any_id, history in zip(any_ids, histories, strict=True)
        if history is not None
        for row in history.deliveries
        if row.delivery_id == any_id
    ]


def _listed(queue: Access, states: Sequence[str], sink: str) -> list[str]:
    rows = queue.store.list_deliveries(states=states, sink=sink, limit=_ALL)
    return [row.delivery_id for row in rows]


def _in_groups(act: Act, any_ids: Sequence[str]) -> Acted:
    """Act on many, a transaction for each group, so that the router can write in between."""
    starts = range(0, len(any_ids), _AT_ONCE)
    groups = [act(any_ids[start : start + _AT_ONCE]) for start in starts]
    return Acted(done=sum(one.done for one in groups), skipped=sum(one.skipped for one in groups))


def _skipped(acted: Acted) -> str:
    if not acted.skipped:
        return ""
    return f"; {acted.skipped:,} skipped: in a worker's hand, ended meanwhile, or a newer version is there"


def _deliveries_of(queue: Access, any_ids: Sequence[str]) -> list[str]:
    """The ids of deliveries: those given, and those of the objects given that can be retried."""
    found: list[str] = []
    for any_id in any_ids:
        history = queue.store.history(any_id)
        if history is None:
            raise CommandError(f"no object or delivery has the id {any_id}; `hilum queue list` shows them")
        if any_id == history.object.stored.instance.id:
            found += [row.delivery_id for row in history.deliveries if row.state in _RETRIED]
        else:
            found.append(any_id)
    return list(dict.fromkeys(found))


def _ring(queue: Access, *stages: str) -> None:
    """Wake the stages that have something to do now; a router that does not run looks when it starts."""
    for stage in stages:
        ring(queue.state_dir, stage)
