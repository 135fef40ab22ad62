"""Summaries and goals as tables for people and as JSON for programs."""

from __future__ import annotations

import json
from collections.abc import Sequence

import attrs
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from bench.goals import Outcome
from bench.groups import Group, group, speed
from bench.machine import Machine
from bench.measure import Summary

_DURABLE = {True: "yes", False: "no", None: "-"}


def print_tables(
    console: Console, machine: Machine, summaries: Sequence[Summary], outcomes: Sequence[Outcome]
) -> None:
    """Print one table for each case, and one of the goals."""
    for line in machine.lines():
        console.print(line)
    for one in group(summaries):
        console.print()
        console.print(_table(one))
    if outcomes:
        console.print()
        console.print(_goals(outcomes))


def as_json(machine: Machine, summaries: Sequence[Summary], outcomes: Sequence[Outcome]) -> str:
    """Put all into JSON."""
    return json.dumps(
        {
            "machine": attrs.asdict(machine),
            "summaries": [attrs.asdict(one) for one in summaries],
            "goals": [{**attrs.asdict(one), "is_reached": one.is_reached} for one in outcomes],
        },
        indent=2,
    )


def _table(shown: Group) -> Table:
    table = _new_table(shown.title, "objects", "objects/s", "spread", "CPU ms each", "Hilum is")
    has_peaks = any(one.peak_mib is not None for _, one in shown.rows)
    if has_peaks:
        table.add_column("peak MiB", justify="right")
    table.add_column("durable")
    table.add_column("arrived")
    for words, one in shown.rows:
        table.add_row(
            words,
            f"{one.objects:,}",
            speed(one, one.median_rate),
            f"{speed(one, one.lowest_rate)} - {speed(one, one.highest_rate)}",
            f"{one.cpu_ms:.2f}",
            "-" if one.hilum_ratio is None else f"{one.hilum_ratio:.2f} x",
            *([_peak(one.peak_mib)] if has_peaks else []),
            _DURABLE[one.is_durable],
            f"{one.exact:,}" if one.exact == one.expected else f"{one.exact:,} of {one.expected:,}",
        )
    return table


def _goals(outcomes: Sequence[Outcome]) -> Table:
    table = _new_table("goals", "asked", "measured")
    table.add_column("reached")
    for one in outcomes:
        table.add_row(one.words, one.asked, one.measured_words, "yes" if one.is_reached else "NO")
    return table


def _new_table(title: str, *figures: str) -> Table:
    table = Table(title=title, title_justify="left", box=SIMPLE_HEAD, pad_edge=False)
    table.add_column("", no_wrap=True)
    for name in figures:
        table.add_column(name, justify="right", no_wrap=True)
    return table


def _peak(peak_mib: float | None) -> str:
    return "-" if peak_mib is None else f"{peak_mib:.0f}"
