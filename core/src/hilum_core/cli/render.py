"""`hilum render`."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import click
from pydicom.dataset import Dataset

from hilum_core.cli.component_context import CommandContext
from hilum_core.cli.dicom_files import DicomFile, find_dicom_files
from hilum_core.cli.failures import EX_FAILED, CommandError, ConfigFaults
from hilum_core.cli.figures import count_words
from hilum_core.cli.location import read_config
from hilum_core.config import Config, RouteSettings, report
from hilum_core.log import describe_exception, hush, quiet_libraries
from hilum_core.registry import Composition, check
from hilum_core.render.applying import Made, Original
from hilum_core.render.applying import render as apply_chain
from hilum_core.render.silence import safe_words
from hilum_core.render.steps import Step
from hilum_core.render.writing import beside
from hilum_core.spool.file_format import SUFFIX
from hilum_core.workers.failures import failure_of
from hilum_sdk import Discard, Hold, Transform
from hilum_sdk.config import ConfigProblems, nearest
from hilum_sdk.elements import ElementsError, read_header

_CLOSE_WITHIN = timedelta(seconds=5)


@click.command()
@click.argument("config_path", metavar="CONFIG", type=click.Path(path_type=Path, dir_okay=False))
@click.argument("route_name", metavar="ROUTE")
@click.argument(
    "paths", metavar="FILE...", nargs=-1, required=True, type=click.Path(path_type=Path, exists=True)
)
@click.option(
    "-o",
    "--output",
    metavar="DIR",
    required=True,
    type=click.Path(path_type=Path, file_okay=False),
    help="The folder to write to; made if it is not there.",
)
def render(*, config_path: Path, route_name: str, paths: tuple[Path, ...], output: Path) -> None:
    """Write what a route would send: FILEs as its transforms make them, whatever its filters say.

    Of a folder, all DICOM files below it. Each result is called by its new SOP Instance UID; its path is
    printed. What the route would hold or discard, and what fails, is told with the reason, and the status
    is 1. No router need run, and a running one is not asked.
    """
    quiet_libraries()
    config, composition, route = _examine(config_path, route_name)
    found = find_dicom_files(paths)
    output.mkdir(parents=True, exist_ok=True)
    complaints = [(str(one.path), one.reason) for one in found.unsendable]
    written = 0
    with tempfile.TemporaryDirectory(prefix="hilum-render-") as scratch, ExitStack() as stack:
        chain = [
            stack.enter_context(open_step(name, composition, config, Path(scratch)))
            for name in route.transforms
        ]
        shop = _Shop(chain, config.router.ae_title, output, Path(scratch))
        # Where what leaves is de-identified, even the name of a file may tell of a patient.
        is_secret = any(step.deidentifies for step in chain)
        for number, file in enumerate(found.files, 1):
            try:
                click.echo(str(shop.make(file, number)))
                written += 1
            except _NotMadeError as error:
                reason = safe_words(str(error), chain=chain, header=partial(_header_of, file))
                complaints.append((f"file {number}" if is_secret else str(file.path), reason))
    for what, why in complaints:
        click.echo(f"{what}: {why}", err=True)
    click.echo(f"{count_words(written, 'object')} written to {output}", err=True)
    if complaints or not written:
        sys.exit(EX_FAILED)


def _examine(path: Path, route_name: str) -> tuple[Config, Composition, RouteSettings]:
    """Read the config and compose the transforms of the route, and no other component."""
    text = read_config(path)
    try:
        config, composition, problems = check(text, str(path), only=())
        route = _find_route(config, route_name)
        if not problems:
            labels = [f"transforms.{name}" for name in route.transforms]
            config, composition, problems = check(text, str(path), only=labels)
    except ConfigProblems as error:
        raise ConfigFaults(report(error.problems, str(path))) from error
    if problems:
        raise ConfigFaults(report(problems, str(path)))
    return config, composition, route


def _find_route(config: Config, name: str) -> RouteSettings:
    for route in config.routes:
        if route.name == name:
            return route
    names = [route.name for route in config.routes]
    near = nearest(name, names)
    hint = f"did you mean {near!r}?" if near else f"there are: {', '.join(names) or 'none'}"
    raise CommandError(f"no route is called {name!r}; {hint}")


@contextmanager
def open_step(name: str, composition: Composition, config: Config, scratch: Path) -> Iterator[Step]:
    """One transform, opened, in this very process."""
    composed = composition.components[f"transforms.{name}"]
    data_dir = scratch / f"data-{name}"
    data_dir.mkdir()
    if composed.deidentifies:
        hush(composed.entry.label)
    component = composed.create(CommandContext(label=composed.entry.label, data_dir=data_dir, config=config))
    assert isinstance(component, Transform)
    component.open()
    try:
        yield Step.of(composed, component)
    finally:
        component.close(_CLOSE_WITHIN)


def _header_of(file: DicomFile) -> Dataset:
    with file.path.open("rb") as stream:
        stream.seek(file.data_set_offset)
        return read_header(stream, file.transfer_syntax_uid)


class _NotMadeError(Exception):
    """Why there is no result of a file."""


class _Shop:
    """Renders one file after another into a folder."""

    def __init__(self, chain: Sequence[Step], system: str, output: Path, scratch: Path) -> None:
        self._chain = chain
        self._system = system
        self._output = output
        self._scratch = scratch
        self._made: set[Path] = set()

    def make(self, file: DicomFile, number: int) -> Path:
        """Write the result of a file and say where. Raises `_NotMadeError`."""
        instance = file.instance(object_id=f"{number:016}", received_at=datetime.now(UTC))
        original = Original(
            id=str(number),
            attempt=1,
            instance=instance,
            path=file.path,
            data_set_offset=file.data_set_offset,
            scratch_dir=self._scratch,
        )
        with beside(self._output / f"rendering-{number}") as path:
            made = self._apply(original, path)
            target = self._output / f"{made.rendering.sop_instance_uid}{SUFFIX}"
            if target in self._made:
                raise _NotMadeError("its SOP Instance UID is that of an earlier result")
            path.replace(target)
            self._made.add(target)
        return target

    def _apply(self, original: Original, path: Path) -> Made:
        try:
            made = apply_chain(
                original,
                self._chain,
                path,
                system=self._system,
                calling=bound_to_nothing,
                alive=lambda: None,
            )
        except ElementsError as error:
            raise _NotMadeError(str(error)) from error
        except OSError as error:
            raise _NotMadeError(describe_exception(error)) from error
        match made:
            case Hold():
                raise _NotMadeError(f"held: {made.reason} ({made.code})")
            case Discard():
                raise _NotMadeError(f"discarded by the rule {made.rule}")
        return made


@contextmanager
def bound_to_nothing(step: Step) -> Iterator[None]:
    """Call a transform without a limit, and name whose fault it is when it fails."""
    try:
        yield
    except ElementsError:
        raise
    except Exception as error:
        failure = failure_of(error, blame=step.blame)
        raise _NotMadeError(f"{failure.text} ({failure.blame})") from error
