"""The examinations, in the order of the report. A new one is a module of its own and a line here."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from hilum_core.doctor.certificates import examine_certificates
from hilum_core.doctor.clocks import examine_clocks
from hilum_core.doctor.configuration import examine_config
from hilum_core.doctor.disk import examine_disk
from hilum_core.doctor.findings import Case, Examination, Finding, Says
from hilum_core.doctor.leases import examine_leases
from hilum_core.doctor.plugins import examine_plugins
from hilum_core.doctor.queue_file import examine_queue
from hilum_core.doctor.spool_files import examine_spool
from hilum_core.doctor.state_directory import examine_state_directory
from hilum_core.log import describe_exception

EXAMINATIONS: Mapping[str, Examination] = {
    "state directory": examine_state_directory,
    "disk": examine_disk,
    "queue": examine_queue,
    "spool": examine_spool,
    "leases": examine_leases,
    "clock": examine_clocks,
    "config": examine_config,
    "certificates": examine_certificates,
    "plugins": examine_plugins,
}


def examine(case: Case) -> Iterator[Finding]:
    """Make every examination, whatever becomes of the others."""
    for name, examination in EXAMINATIONS.items():
        says = Says(name)
        try:
            yield from examination(case, says)
        except Exception as error:  # noqa: BLE001 - what cannot be examined is a finding, too
            yield says.fault(
                f"cannot be examined: {describe_exception(error)}", "act as the user of the router"
            )
