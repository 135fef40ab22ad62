"""What the demo prints: what it is about to do, and the table at the end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from pydicom.uid import UID
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from hilum_core.demo.compare import Arrival
from hilum_core.demo.objects import DemoObject
from hilum_core.demo.peers import ARCHIVE_AE, LOOPBACK, MODALITY_AE
from hilum_core.demo.results import STORED, Cell, Result
from hilum_core.demo.scene import ROUTER_AE, SINKS, Scene

_SHORT = {
    "1.2.840.10008.1.2": "Implicit LE",
    "1.2.840.10008.1.2.1": "Explicit LE",
    "1.2.840.10008.1.2.2": "Explicit BE",
    "1.2.840.10008.1.2.5": "RLE",
    "1.2.840.10008.1.2.4.50": "JPEG",
    "1.2.840.10008.1.2.4.70": "JPEG lossless",
    "1.2.840.10008.1.2.4.90": "JPEG 2000",
}


def print_scene(console: Console, scene: Scene, objects: Sequence[DemoObject]) -> None:
    """Say who takes part, and show the router's config."""
    console.print(
        f"{len(objects)} objects that pydicom ships go from a modality through a router to two folders "
        "and an archive. Modality and archive are pynetdicom's, not our code."
    )
    console.print(f"\n$ hilum run --config {scene.config_path}", soft_wrap=True)
    for line in scene.config_text().splitlines():
        console.print(f"  {line}" if line else "", style="dim", soft_wrap=True)
    console.print(f"\nmodality  AE title {MODALITY_AE}")
    console.print(f"archive   AE title {ARCHIVE_AE}, port {scene.archive_port}")


def print_ready(console: Console, scene: Scene) -> None:
    """Say that the router answers."""
    console.print(f"router    AE title {ROUTER_AE}, port {scene.router_port}: answers C-ECHO")


def print_results(console: Console, results: Sequence[Result]) -> None:
    """Print the table, then one sentence that sums it up."""
    table = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False, padding=0)
    for name in ("object", "modality\nsyntax", "routes", *SINKS):
        table.add_column(name, overflow="fold", no_wrap=name == "object")
    for result in results:
        table.add_row(
            _first_and_second(_stem(result.item), "" if result.answer == STORED else result.answer),
            _first_and_second(result.item.modality, syntax_words(result.item.transfer_syntax_uid)),
            "\n".join(result.routes) or "none",
            *(_cell(result.cells[sink]) for sink in SINKS),
        )
    console.print()
    console.print(table)
    console.print()
    console.print(_sum(results))


def print_how_to_send(console: Console, scene: Scene) -> None:
    """Say how to send to the router that is left running, and how to look at it."""
    config = scene.config_path
    peer = f"{ROUTER_AE}@{LOOPBACK}:{scene.router_port}"
    console.print(
        "\nThe router runs until you press Ctrl-C. Send to it, and look at it, from another terminal:\n"
    )
    for line in (
        f"hilum send --calling-ae {MODALITY_AE} {peer} FILE-OR-FOLDER",
        f"storescu -aet {MODALITY_AE} -aec {ROUTER_AE} {LOOPBACK} {scene.router_port} FILE",
        f"hilum queue status --config {config}",
        f"hilum queue list --config {config}",
    ):
        console.print(f"  {line}", soft_wrap=True)
    console.print(f"\nWhat arrives lies in {scene.folder}", soft_wrap=True)


def print_kept(console: Console, folder: Path) -> None:
    """Say where everything was left."""
    console.print(f"Config, log, state and what arrived are left in {folder}", soft_wrap=True)


def syntax_words(uid: UID) -> str:
    """Name a transfer syntax in a few letters; the others by their names in the standard."""
    return _SHORT.get(uid, uid.name)


def _stem(item: DemoObject) -> str:
    return item.name.removesuffix(".dcm")


def _first_and_second(first: str, second: str) -> str:
    return f"{first}\n{second}" if second else first


def _cell(cell: Cell) -> Text:
    words = _first_and_second(cell.state, cell.arrival.value) if cell.state else cell.arrival.value
    return Text(words, style="" if cell.is_good else "bold red")


def _sum(results: Sequence[Result]) -> Text:
    bad = [result for result in results if not result.is_good]
    if bad:
        names = ", ".join(_stem(result.item) for result in bad)
        return Text(
            f"FAILED: {len(bad)} of {len(results)} objects are not as they should be: {names}",
            style="bold red",
        )
    found = Counter(cell.arrival for result in results for cell in result.cells.values())
    return Text(
        f"All {len(results)} objects arrived wherever a route takes them: "
        f"{found[Arrival.IDENTICAL]} deliveries with the same bytes, "
        f"{found[Arrival.EDITED]} edited as the config says, with the same pixels.",
        style="green",
    )
