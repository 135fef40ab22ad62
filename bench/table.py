"""The summaries as tables for people and as JSON for programs."""

from __future__ import annotations

import json
from collections.abc import Sequence

import attrs
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from bench.machine import Machine
from bench.measure import Case, Summary

_DURABLE = {True: "yes", False: "no", None: "-"}


def print_tables(console: Console, machine: Machine, summaries: Sequence[Summary]) -> None:
    """Print one table for each case."""
    for line in machine.lines():
        console.print(line)
    for case in dict.fromkeys(summary.case for summary in summaries):
        console.print()
        console.print(_table(case, [summary for summary in summaries if summary.case == case]))


def as_json(machine: Machine, summaries: Sequence[Summary]) -> str:
    """Put machine and summaries into JSON."""
    return json.dumps(
        {"machine": attrs.asdict(machine), "summaries": [attrs.asdict(one) for one in summaries]}, indent=2
    )


def _table(case: Case, summaries: Sequence[Summary]) -> Table:
    count = "1 association" if case.associations == 1 else f"{case.associations} associations"
    title = f"{case.contest}: {case.kind}, {count}"
    table = Table(title=title, title_justify="left", box=SIMPLE_HEAD, pad_edge=False)
    table.add_column("")
    for name in ("objects/s", "spread", "CPU ms each", "to Hilum"):
        table.add_column(name, justify="right")
    table.add_column("durable")
    table.add_column("arrived")
    for one in sorted(summaries, key=lambda summary: -summary.median_rate):
        table.add_row(
            one.words,
            f"{one.median_rate:,.0f}",
            f"{one.lowest_rate:,.0f} - {one.highest_rate:,.0f}",
            f"{one.cpu_ms:.2f}",
            "-" if one.ratio is None else f"{one.ratio:.2f}",
            _DURABLE[one.is_durable],
            f"{one.exact:,}" if one.exact == one.expected else f"{one.exact:,} of {one.expected:,}",
        )
    return table
