"""What is held, by the thousand: counted, shown, and acted on after the person has seen the count."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import click
from rich.table import Table

from hilum_core.cli.console import err, out, plain_table, print_json
from hilum_core.cli.queue_access import Access, open_queue, queue_options
from hilum_core.log import escape
from hilum_core.queue.records import HeldFilter, HeldGroup

EVERYTHING = HeldFilter()


class DayType(click.ParamType[str]):
    """A day in UTC, as ``2026-01-31``."""

    name = "day"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Read the day."""
        if not value:
            return ""
        try:
            return date.fromisoformat(value).isoformat()
        except ValueError:
            self.fail("a day is written as 2026-01-31", param, ctx)


def filter_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add ``--reason``, ``--day`` and ``--sender``; the command gets ``which``."""

    @functools.wraps(command)
    def with_filter(*, reason: str, day: str, sender: str, **options: Any) -> Any:
        return command(which=HeldFilter(reason=reason, day=day, sender=sender), **options)

    for option in (
        click.option("--sender", default="", metavar="PEER", help="What is held from this sender."),
        click.option("--day", default="", type=DayType(), help="What is held and was received then (UTC)."),
        click.option("--reason", default="", metavar="TEXT", help="What is held with this in its reason."),
    ):
        with_filter = option(with_filter)
    return with_filter


def held_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the filter, and ``--yes``; the command gets ``which`` and ``sure``."""
    return filter_options(click.option("--yes", "sure", is_flag=True, help="Do not ask.")(command))


@click.command()
@queue_options
@filter_options
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def held(*, config_path: Path | None, state_dir: Path | None, which: HeldFilter, as_json: bool) -> None:
    """Count what is held, by reason, day and sender."""
    with open_queue(config_path, state_dir) as queue:
        groups = queue.store.held_groups(which)
    if as_json:
        print_json(groups)
    elif groups:
        out().print(held_table(groups))
    else:
        click.echo("none", err=True)


def held_table(groups: Sequence[HeldGroup]) -> Table:
    """One line a group."""
    table = plain_table("reason", "day", "sender", "held", "number", right=("number",))
    for one in groups:
        what = f"deliveries to {one.sink}" if one.sink else "objects"
        table.add_row(escape(one.reason) or "-", one.day, escape(one.sender), what, f"{one.number:,}")
    return table


def chosen_ids(queue: Access, which: HeldFilter, verb: str, *, sure: bool) -> Sequence[str]:
    """The ids of what the filter takes, once the person has seen the count and said yes."""
    groups = queue.store.held_groups(which)
    if not groups:
        return ()
    err().print(held_table(groups))
    if not sure:
        click.confirm(f"{verb} {sum(one.number for one in groups):,}?", abort=True, err=True)
    return queue.store.list_held(which)
