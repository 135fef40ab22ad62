"""The figures as a picture: `make plot`, or `python -m bench.plot FIGURES.json PICTURE.svg`.

A panel for each case: bars are medians, thin lines go from the lowest to the highest. Hilum is black; of the
others those that answer before it is on the disk are empty, those that answer afterwards are grey. The same
figures make the same file, byte for byte.

It has an environment of its own: with Matplotlib comes NumPy, which pydicom loads where it finds it, and
every process of Hilum would be measured with it.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cattrs
import click
import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from bench.contestants.hilum import HILUM
from bench.groups import Group, group, speed
from bench.machine import Machine
from bench.measure import Summary

_COLUMNS = 2
_WIDTH_INCHES = 12.0
_ROW_INCHES = 0.26
_PANEL_INCHES = 0.75
_HEAD_INCHES = 0.9
_SETTINGS: Any = {
    "svg.fonttype": "none",
    "svg.hashsalt": "hilum",
    "font.family": "sans-serif",
    "font.size": 9,
}
_HILUM, _DURABLE, _OTHER = "black", "0.6", "white"


def draw(machine: Machine, summaries: Sequence[Summary], path: Path) -> None:
    """Draw all cases into an SVG file."""
    groups = group(summaries)
    with mpl.rc_context(_SETTINGS):
        figure = _figure(machine, groups)
        figure.savefig(path, format="svg", metadata={"Date": None, "Creator": None})


def _figure(machine: Machine, groups: Sequence[Group]) -> Figure:
    lines = [groups[start : start + _COLUMNS] for start in range(0, len(groups), _COLUMNS)]
    heights = [_PANEL_INCHES + _ROW_INCHES * max(len(one.rows) for one in line) for line in lines]
    figure = Figure(figsize=(_WIDTH_INCHES, _HEAD_INCHES + sum(heights)), layout="constrained")
    panels = figure.subplots(len(lines), _COLUMNS, squeeze=False, gridspec_kw={"height_ratios": heights})
    figure.suptitle("\n".join(["objects a second: the longer the faster", *machine.lines()]), fontsize=8)
    figure.legend(handles=_legend(), loc="outside lower center", ncols=3, frameon=False, fontsize=8)
    for line, places in zip(lines, panels, strict=True):
        for axes, one in zip(places, line, strict=False):
            _draw_group(axes, one, places=max(len(other.rows) for other in line))
    for axes in panels.flat[len(groups) :]:
        axes.set_visible(False)
    return figure


def _legend() -> list[Patch]:
    return [
        Patch(facecolor=_HILUM, edgecolor="black", label="Hilum (durable)"),
        Patch(facecolor=_DURABLE, edgecolor="black", label="others, durable"),
        Patch(facecolor=_OTHER, edgecolor="black", label="others, not durable"),
    ]


def _draw_group(axes: Axes, shown: Group, *, places: int) -> None:
    """Draw one panel, with room for so many bars, so that they are as high as those beside it."""
    summaries = [one for _, one in shown.rows]
    rates = [one.median_rate for one in summaries]
    below = [one.median_rate - one.lowest_rate for one in summaries]
    above = [one.highest_rate - one.median_rate for one in summaries]
    rows = range(len(summaries))
    axes.barh(rows, rates, height=0.7, color=[_color(one) for one in summaries], edgecolor="black")
    # Grey on black and on white alike can be seen.
    axes.errorbar(rates, rows, xerr=(below, above), fmt="none", ecolor="0.45", elinewidth=1.2, capsize=2.5)
    right = max(one.highest_rate for one in summaries)
    for row, one in enumerate(summaries):
        axes.text(one.highest_rate + right * 0.015, row, _figures(one), va="center", fontsize=8)
    axes.set_yticks(rows, [words for words, _ in shown.rows])
    axes.set_ylim(places - 0.5, -0.5)
    axes.set_xlim(0, right * 1.5)
    axes.set_title(shown.title, loc="left", fontsize=9, fontweight="bold")
    axes.tick_params(axis="x", labelsize=7)
    axes.tick_params(axis="y", length=0)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)


def _color(one: Summary) -> str:
    if one.contestant == HILUM:
        return _HILUM
    return _DURABLE if one.is_durable else _OTHER


def _figures(one: Summary) -> str:
    rate = speed(one, one.median_rate)
    if one.contestant == HILUM or one.hilum_ratio is None:
        return rate
    return f"{rate}  (Hilum {one.hilum_ratio:.2f} x)"


@click.command()
@click.argument("figures", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.argument("picture", type=click.Path(path_type=Path, dir_okay=False))
def main(*, figures: Path, picture: Path) -> None:
    """Draw what `python -m bench --json FIGURES` wrote."""
    saved = json.loads(figures.read_text(encoding="utf-8"))
    machine = cattrs.structure(saved["machine"], Machine)
    draw(machine, cattrs.structure(saved["summaries"], list[Summary]), picture)


if __name__ == "__main__":
    main(prog_name="python -m bench.plot")
