"""`make bench-deidentify`: plant, race, look for what is left."""

from __future__ import annotations

import json
import sys
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from statistics import median

import attrs
import click
from rich.console import Console
from rich.table import Table

from bench.deidentify.contestants import CONTESTANTS, Warm
from bench.deidentify.corpus import real_objects
from bench.deidentify.planting import PLACES, Gardener, Plant, left_in

_Plants = Mapping[str, Sequence[Plant]]


@attrs.frozen(kw_only=True)
class Outcome:
    """What one engine did: seconds of each round, files declined, planted values left by place."""

    name: str
    seconds: Sequence[float]
    files: int
    declined: Mapping[str, str]
    planted: int
    left: Mapping[str, int]

    @property
    def rate(self) -> float:
        """Objects a second, by the median of the rounds."""
        return (self.files - len(self.declined)) / median(self.seconds)


@click.command()
@click.option("--rounds", type=click.IntRange(min=1), default=7, show_default=True)
@click.option(
    "--only",
    multiple=True,
    type=click.Choice([one.name for one in CONTESTANTS]),
    help="Only this engine; may be repeated.",
)
@click.option("--seed", type=int, default=0, show_default=True, help="Of what is planted where.")
@click.option("--json", "json_path", type=click.Path(path_type=Path), help="Write the figures there.")
def main(rounds: int, only: Sequence[str], seed: int, json_path: Path | None) -> None:
    """Plant identifiers in every real object of the test-data packages; see who leaves them, and how fast."""
    with tempfile.TemporaryDirectory(prefix="hilum-bench-") as folder:
        source = Path(folder) / "planted"
        plants = _plant(source, seed)
        outcomes = _race(source, Path(folder), plants, rounds, only)
    _print(outcomes)
    if json_path is not None:
        json_path.write_text(json.dumps([_as_json(one) for one in outcomes], indent=1) + "\n")


def _plant(source: Path, seed: int) -> _Plants:
    source.mkdir()
    gardener = Gardener(seed)
    plants: dict[str, Sequence[Plant]] = {}
    for number, path in enumerate(real_objects()):
        name = f"{number:03d}-{path.name}"
        planted, plants[name] = gardener.plant(path)
        missing = len(plants[name]) - len(left_in(planted, plants[name]))
        if missing:
            raise SystemExit(f"{path.name}: {missing} planted values cannot be found in what was planted")
        (source / name).write_bytes(planted)
    return plants


def _race(source: Path, folder: Path, plants: _Plants, rounds: int, only: Sequence[str]) -> Sequence[Outcome]:
    """Run all engines in turn, round by round, so that what disturbs one round disturbs all."""
    wanted = [one for one in CONTESTANTS if not only or one.name in only]
    with ExitStack() as stack:
        engines = [stack.enter_context(Warm(one, source, folder / "out" / one.name)) for one in wanted]
        seconds: dict[str, list[float]] = {engine.name: [] for engine in engines}
        declined: dict[str, dict[str, str]] = {}
        for number in range(rounds + 1):
            for engine in engines:
                took, declined[engine.name] = engine.run()
                if number:  # the first is for caches to get warm
                    seconds[engine.name].append(took)
            print(f"round {number} of {rounds}", file=sys.stderr)
    return [
        _outcome(engine, seconds[engine.name], declined[engine.name], plants, len(plants))
        for engine in engines
    ]


def _outcome(
    engine: Warm, seconds: Sequence[float], declined: Mapping[str, str], plants: _Plants, files: int
) -> Outcome:
    left: Counter[str] = Counter()
    planted = 0
    for name, here in plants.items():
        if name in declined:
            continue
        planted += len(here)
        left.update(plant.place for plant in left_in((engine.target / name).read_bytes(), here))
    return Outcome(
        name=engine.name,
        seconds=tuple(seconds),
        files=files,
        declined=dict(declined),
        planted=planted,
        left=dict(left),
    )


def _print(outcomes: Sequence[Outcome]) -> None:
    console = Console(width=max(140, Console().width))
    table = Table(title="De-identification: planted values left, and speed (bytes in, file out, no sync)")
    for title in (
        "engine",
        "objects",
        "declined",
        "planted",
        "left",
        "objects/s",
        "spread",
        "left, by place",
    ):
        table.add_column(title, justify="left" if title in {"engine", "left, by place"} else "right")
    for one in outcomes:
        where = ", ".join(f"{place} {one.left[place]}" for place in PLACES if place in one.left)
        spread = f"{min(one.seconds):.2f}-{max(one.seconds):.2f} s"
        table.add_row(
            one.name,
            str(one.files - len(one.declined)),
            str(len(one.declined)),
            f"{one.planted:,}",
            f"{sum(one.left.values()):,}",
            f"{one.rate:,.0f}",
            spread,
            where,
        )
    console.print(table)
    by_name = {one.name: one for one in outcomes}
    python = [one for one in CONTESTANTS if one.is_python and one.requirement and one.name in by_name]
    if "hilum" not in by_name or not python:
        return
    ours = by_name["hilum"].rate
    fastest = max((by_name[one.name] for one in python), key=lambda one: one.rate)
    console.print(f"to the fastest in Python, {fastest.name}: {ours / fastest.rate:.1f} (goal 8)")
    if "dcmanon" in by_name:
        console.print(f"to dcmanon, in Rust: {ours / by_name['dcmanon'].rate:.2f} (goal 0.5)")


def _as_json(one: Outcome) -> dict[str, object]:
    return {**attrs.asdict(one), "rate": one.rate}


if __name__ == "__main__":
    main()
