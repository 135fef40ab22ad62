"""`hilum doctor`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import click
from rich.console import Console
from rich.text import Text

from hilum_core.cli.console import out, print_json
from hilum_core.cli.failures import EX_FAILED
from hilum_core.cli.figures import count_words
from hilum_core.cli.location import find_config, read_reception
from hilum_core.cli.queue_access import queue_options
from hilum_core.cli.queue_held import held_table
from hilum_core.doctor.examinations import examine
from hilum_core.doctor.findings import Case, Finding, Level
from hilum_core.doctor.rebuild import Rebuilt, rebuild
from hilum_core.doctor.state_directory import fix_modes
from hilum_core.log import escape, quiet_libraries

_STYLES = {Level.OK: "green", Level.WARNING: "yellow", Level.FAULT: "bold red"}
_NAME_WIDTH = 16
_LEVEL_WIDTH = 8


@click.command()
@queue_options
@click.option("--deep", is_flag=True, help="Also read every object, and compare all indexes of the queue.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option("--rebuild", "do_rebuild", is_flag=True, help="Make the queue anew from the objects' files.")
@click.option("--fix-modes", "do_fix_modes", is_flag=True, help="Take the rights of others away.")
def doctor(
    *,
    config_path: Path | None,
    state_dir: Path | None,
    deep: bool,
    as_json: bool,
    do_rebuild: bool,
    do_fix_modes: bool,
) -> None:
    """Examine all that a router rests on, beside a running one or without; change nothing unless told.

    With --rebuild, the router must not run. The queue is moved to aside/, and a new one made from the files
    of the objects; all of them are held, because it is not known what was sent.

    Exit status: 0 no fault, 1 a fault, or something could not be done.
    """
    quiet_libraries()
    if state_dir is None:
        config_path = find_config(config_path)
        state_dir = read_reception(config_path).router.state_dir
    if do_rebuild:
        _report_rebuilt(rebuild(state_dir))
        return
    if do_fix_modes:
        click.echo(
            f"changed the modes of {count_words(fix_modes(state_dir), 'file or folder', 'files and folders')}"
        )
        return
    console = out()
    findings = []
    for finding in examine(Case(state_dir=state_dir, config_path=config_path, deep=deep)):
        findings.append(finding)
        if not as_json:
            _print(console, finding)
    if as_json:
        print_json(findings)
    sys.exit(EX_FAILED if _faults(findings) else 0)


def _faults(findings: Sequence[Finding]) -> bool:
    return any(finding.level is Level.FAULT for finding in findings)


def _print(console: Console, finding: Finding) -> None:
    line = Text()
    line.append(f"{finding.level:<{_LEVEL_WIDTH}}", _STYLES[finding.level])
    line.append(f"{finding.examination:<{_NAME_WIDTH}}")
    line.append(escape(finding.what))
    if finding.do:
        line.append(f"; {escape(finding.do)}", "dim")
    console.print(line, soft_wrap=True)


def _report_rebuilt(done: Rebuilt) -> None:
    number = sum(one.number for one in done.held)
    click.echo(f"made a new queue; {count_words(number, 'object')} held, see `hilum queue held`")
    if done.held:
        out().print(held_table(done.held))
    if done.aside is not None:
        click.echo(f"the queue before lies in {done.aside}")
    if done.incomplete:
        click.echo(f"{count_words(len(done.incomplete), 'file')} not whole, set aside in spool/incomplete/")
    for object_id in done.damaged:
        click.echo(f"{object_id}: in settled/, and not whole; it stays there")
