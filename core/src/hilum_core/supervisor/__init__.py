"""`hilum run`: starts the stages, starts again what dies, stops everything within its time.

The supervisor loads no plugin and opens no queue. It binds the port and hands the socket down, so that
while a receiving process is started again callers wait and are not refused. Its children end when it
ends, however it ends (see `hilum_core.stage`), and hold its lock on the state directory until then.
"""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path

from hilum_core import crash_points, log
from hilum_core.config import Config, load
from hilum_core.credentials import look_at_credentials
from hilum_core.incarnation import StateDirError
from hilum_core.registry import check, report
from hilum_core.stage import StopSignal
from hilum_core.supervisor.listening import CannotListen
from hilum_core.supervisor.processes import EXIT_FAILED, Supervisor
from hilum_sdk.config import ConfigProblem, ConfigProblems

EXIT_CONFIG = 78

__all__ = ["EXIT_CONFIG", "EXIT_FAILED", "Supervisor", "run"]


def run(config_path: Path, *, strict: bool, log_format: log.LogFormat, log_level: str) -> int:
    """Run the router until SIGTERM or SIGINT; a second one ends it at once.

    Returns
    -------
    The exit status: 0 stopped as told, 1 could not start or had to be killed, 78 a faulty config
    (with `strict` any fault; without, only one in ``[router]`` or ``[peers]``).
    """
    log.start(log_format, log_level, "supervisor", reads_dicom=False)
    stopping = StopSignal()
    stopping.listen(to_terminal=True)
    try:
        if points := crash_points.look_at_start():
            log.get_logger("supervisor").warning("this is a test: crash points may be armed", folder=points)
    except crash_points.CrashPointsError as error:
        _say(f"hilum: {error}")
        return EXIT_FAILED
    try:
        text = config_path.read_text(encoding="utf-8")
        config, problems = _accept(text, config_path, strict=strict)
    except ConfigProblems as error:
        _say(report(error.problems, str(config_path)))
        return EXIT_CONFIG
    except (OSError, UnicodeDecodeError):
        _say(f"{config_path}: cannot be read; name a config with --config")
        return EXIT_CONFIG
    try:
        supervisor = Supervisor(
            config_path, config, text, stopping, log_format=log_format, log_level=log_level
        )
    except (StateDirError, CannotListen) as error:
        _say(f"hilum: {error}")
        return EXIT_FAILED
    for problem in problems:
        supervisor.log.error("a part of the config waits; hilum check says why", where=problem.path)
    return supervisor.run()


def _accept(text: str, path: Path, *, strict: bool) -> tuple[Config, tuple[ConfigProblem, ...]]:
    """Read a config; plugins are loaded here only for `strict`, which wants every fault found."""
    if not strict:
        return load(text, source=str(path))
    config, _composition, problems = check(text, source=str(path))
    problems += look_at_credentials(config.router, config.peers, now=datetime.now(UTC)).faults
    if problems:
        raise ConfigProblems(problems)
    return config, problems


def _say(line: str) -> None:
    """Tell the person who started the router, in whatever format the log is."""
    sys.stderr.write(f"{line}\n")
