"""File descriptors: each open association needs two, its socket and the file that it writes."""

from __future__ import annotations

import math
import resource

from hilum_core.config import RouterSettings

_OF_A_PROCESS = 64
_OF_CALLERS = 128
"""Callers that have not said yet who they are, and those that are being sent away."""


def needed(router: RouterSettings) -> int:
    """How many a receiving process must be able to have open, for all associations that the config allows."""
    associations = math.ceil(router.most_associations / router.receive_processes)
    return _OF_A_PROCESS + _OF_CALLERS + 2 * associations


def allow(number: int) -> None:
    """Let this process and those that it starts have so many open, or what the system allows."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = number if hard == resource.RLIM_INFINITY else min(number, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def shortage(router: RouterSettings) -> str:
    """In words, what the hard limit of this process lacks for a config; nothing if it is enough."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    least = needed(router)
    if hard == resource.RLIM_INFINITY or hard >= least:
        return ""
    return (
        f"{router.most_associations} associations need {least} file descriptors in each receiving process, "
        f"and {hard} are allowed; raise the limit (LimitNOFILE of systemd, ulimit -Hn), or allow fewer"
    )
