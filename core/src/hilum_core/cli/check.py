"""`hilum check`."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import click

from hilum_core.cli.caller import explain_caller
from hilum_core.cli.failures import EX_FAILED, ConfigFaults
from hilum_core.cli.figures import count_words
from hilum_core.cli.location import config_option, find_config, read_config
from hilum_core.config import Config, report
from hilum_core.credentials import look_at_credentials, readable_by_others, secret_files
from hilum_core.deliver.stranded import inventory_of
from hilum_core.log import quiet_libraries
from hilum_core.queue import QUEUE_FILE, QueueUnavailable, QueueUnusable, SqliteQueue
from hilum_core.registry import Composition
from hilum_core.registry import check as examine
from hilum_sdk.config import ConfigProblem, ConfigProblems


@click.command()
@config_option
@click.option(
    "--environment", is_flag=True, help="Also ask disk, port and every component whether they could work now."
)
@click.option("--caller", metavar="AE@ADDRESS", help="Also say by which peer this caller would come in.")
def check(*, config_path: Path | None, environment: bool, caller: str | None) -> None:
    """Check a config: every fault of the whole file in one report, certificates and secrets included.

    Exit status: 78 if the config has faults, with --environment 1 if something could not work now.
    """
    quiet_libraries()
    path = find_config(config_path)
    try:
        config, composition, problems = examine(read_config(path), str(path))
    except ConfigProblems as error:
        raise ConfigFaults(report(error.problems, str(path))) from error
    found = look_at_credentials(config.router, config.peers, now=datetime.now(UTC))
    problems += found.faults
    notes = (*config.notes, *found.notes, *_open_to_others(composition))
    if problems:
        raise ConfigFaults(report(problems, str(path), notes=notes))
    click.echo(report((), str(path), notes=notes))
    click.echo(f"  {_summary(config)}")
    if caller is not None:
        click.echo(f"  {explain_caller(config, caller)}")
    for line in _stranded(config):
        click.echo(f"  {line}")
    if environment:
        from hilum_core.cli.environment import look_around  # noqa: PLC0415 - brings the wire

        findings = look_around(config, composition)
        for finding in findings:
            click.echo(f"  {finding}")
        if any(finding.fault for finding in findings):
            sys.exit(EX_FAILED)


def _open_to_others(composition: Composition) -> Iterator[ConfigProblem]:
    """The secrets of components that others can read."""
    for label, composed in composition.components.items():
        yield from readable_by_others(secret_files(label, composed.config))


def _stranded(config: Config) -> Iterator[str]:
    """Say how many deliveries on the way a router with this config would hold, if its queue can be read."""
    path = config.router.state_dir / QUEUE_FILE
    if not os.access(path, os.R_OK | os.W_OK):
        return
    try:
        with closing(SqliteQueue.open(path)) as queue:
            counts = queue.count_stranded(inventory_of(config))
    except (QueueUnavailable, QueueUnusable) as error:
        yield f"worth a look: what is on the way cannot be counted: {error.message}"
        return
    for why, number in sorted(counts.items()):
        yield f"worth a look: {count_words(number, 'delivery', 'deliveries')} would be held: {why}"


def _summary(config: Config) -> str:
    """Say what the config has, so that a table in the wrong place is noticed."""
    counts = [count_words(len(config.peers), "peer"), count_words(len(config.routes), "route")]
    counts += [
        count_words(len(entries), kind)
        for kind, entries in (
            ("filter", config.filters),
            ("transform", config.transforms),
            ("sink", config.sinks),
            ("check", config.checks),
            ("service", config.services),
        )
        if entries
    ]
    return ", ".join(counts)
