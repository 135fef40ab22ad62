"""`hilum queue status`, `list` and `show`: they change nothing."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import attrs
import click

from hilum_core.cli.console import NEVER_SHOWN, out, print_json
from hilum_core.cli.failures import CommandError
from hilum_core.cli.queue_access import Access, open_queue, queue_options
from hilum_core.cli.queue_tables import (
    deliveries_table,
    discreet,
    objects_table,
    print_history,
    print_status,
)
from hilum_core.cli.queue_verdict import Limits, Verdict, judge, stranded, stranded_words, unknown
from hilum_core.incarnation import live_incarnations
from hilum_core.queue.records import DeliveryRow
from hilum_core.queue.states import DELIVERIES, OBJECTS
from hilum_sdk import HilumError
from hilum_sdk.config import parse_duration

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
_WIDE = 140
"""Columns from which a list has room for UIDs."""
_EVERY_STATE = tuple(dict.fromkeys((*OBJECTS.states, *DELIVERIES.states)))


class DurationType(click.ParamType[timedelta]):
    """A duration as in the config: ``15m``, ``1h30m``, ``14d``."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> timedelta:
        """Read the duration."""
        if isinstance(value, timedelta):
            return value
        try:
            return parse_duration(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


@click.command()
@queue_options
@click.option(
    "--check", is_flag=True, help="Print one line and end with 0, 1, 2 or 3, for a monitoring system."
)
@click.option("--max-age", type=DurationType(), default="15m", show_default=True, help="With --check.")
@click.option("--max-dead", type=click.IntRange(min=0), default=0, show_default=True, help="With --check.")
@json_option
def status(
    *,
    config_path: Path | None,
    state_dir: Path | None,
    check: bool,
    max_age: timedelta,
    max_dead: int,
    as_json: bool,
) -> None:
    """Show the queue in figures, the age of the oldest undelivered object first.

    \b
    With --check, as monitoring plugins do:
      0 OK
      1 WARNING   something is held, a lane rests, or a problem waits for a person
      2 CRITICAL  beyond --max-age or --max-dead, or the router does not run
      3 UNKNOWN   the queue cannot be read
    """  # noqa: D301 - click wants the character \b where it must not wrap
    limits = Limits(max_age=max_age, max_dead=max_dead)
    if check:
        verdict = _verdict(config_path, state_dir, limits)
        click.echo(verdict.line)
        sys.exit(verdict.level)
    with open_queue(config_path, state_dir) as queue:
        figures, running = queue.store.status(), _is_running(queue)
        if as_json:
            print_json({"running": running, "status": figures})
        else:
            print_status(out(), figures, queue.clock.now(), running=running)
            for sink, number in stranded(figures, queue.configured_sinks()).items():
                click.echo(
                    f"\n{stranded_words(sink, number)}: put it back, or `hilum queue cancel --sink {sink}`"
                )


@click.command("list")
@queue_options
@click.option("--state", "states", multiple=True, type=click.Choice(_EVERY_STATE), help="May be repeated.")
@click.option("--sink", default="", help="List the deliveries to this sink.")
@click.option("--study", default="", help="Only of this Study Instance UID.")
@click.option("--limit", type=click.IntRange(min=1), default=100, show_default=True)
@json_option
def list_rows(
    *,
    config_path: Path | None,
    state_dir: Path | None,
    states: tuple[str, ...],
    sink: str,
    study: str,
    limit: int,
    as_json: bool,
) -> None:
    """List objects; with --sink, or with a state that only deliveries have, list deliveries."""
    of_deliveries = bool(sink) or any(state not in OBJECTS.states for state in states)
    with open_queue(config_path, state_dir) as queue:
        if of_deliveries:
            deliveries = _deliveries(queue, states, sink, study, limit)
            rows, table = list[object](deliveries), deliveries_table(deliveries, queue.clock.now())
        else:
            found = queue.store.list_objects(states=states, study_instance_uid=study, limit=limit)
            objects = [discreet(row) for row in found]
            rows, table = (
                list[object](objects),
                objects_table(objects, queue.clock.now(), with_uids=out().width >= _WIDE),
            )
    if as_json:
        print_json(rows)
    elif rows:
        out().print(table)
        if len(rows) == limit:
            click.echo(f"(the first {limit}; --limit shows more)", err=True)
    else:
        click.echo("none", err=True)


@click.command()
@click.argument("any_id", metavar="ID")
@queue_options
@click.option(
    "--location", is_flag=True, help="With --json: where it lies at the sinks; may name the patient."
)
@json_option
def show(
    *, any_id: str, config_path: Path | None, state_dir: Path | None, location: bool, as_json: bool
) -> None:
    """Show all that is known of one object, by its ID or that of one of its deliveries."""
    with open_queue(config_path, state_dir) as queue:
        history = queue.store.history(any_id)
        if history is None:
            raise CommandError(f"no object or delivery has the id {any_id}; `hilum queue list` shows them")
        history = attrs.evolve(history, object=discreet(history.object))
        if as_json:
            print_json(history, hide=NEVER_SHOWN - ({"location"} if location else set()))
        else:
            print_history(out(), history, queue.clock.now())


def _verdict(config_path: Path | None, state_dir: Path | None, limits: Limits) -> Verdict:
    try:
        with open_queue(config_path, state_dir) as queue:
            return judge(
                queue.store.status(),
                limits,
                queue.clock.now(),
                running=_is_running(queue),
                configured=queue.configured_sinks(),
            )
    except (CommandError, HilumError) as error:
        return unknown(error.message)


def _is_running(queue: Access) -> bool:
    return bool(live_incarnations(queue.state_dir))


def _deliveries(
    queue: Access, states: Sequence[str], sink: str, study: str, limit: int
) -> Sequence[DeliveryRow]:
    if not study:
        return queue.store.list_deliveries(states=states, sink=sink, limit=limit)
    objects = queue.store.list_objects(study_instance_uid=study, limit=limit)
    histories = [queue.store.history(row.stored.instance.id) for row in objects]
    return [
        row
        for history in histories
        if history is not None
        for row in history.deliveries
        if (not sink or row.sink == sink) and (not states or row.state in states)
    ][:limit]
