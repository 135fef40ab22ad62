"""On what machine the figures were taken, because without that they say nothing."""

from __future__ import annotations

import os
import platform
import re
import shutil
import subprocess
from importlib import metadata
from pathlib import Path

import attrs

from hilum_core.filesystem import file_system


@attrs.frozen(kw_only=True)
class Machine:
    """Processor, disk, programs, and how busy it was before the first run."""

    processor: str
    cores: int
    memory_gib: float
    kernel: str
    file_system: str
    load_before: float
    versions: dict[str, str]

    def lines(self) -> list[str]:
        """For people."""
        versions = ", ".join(f"{name} {version}" for name, version in self.versions.items())
        machine = f"{self.processor}, {self.cores} cores, {self.memory_gib:.0f} GiB, Linux {self.kernel}"
        return [f"{machine}, {self.file_system}, load before {self.load_before:.2f}", versions]


def look(folder: Path) -> Machine:
    """Look at this machine, and at the disk that holds the folder."""
    return Machine(
        processor=_processor(),
        cores=len(os.sched_getaffinity(0)),
        memory_gib=os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30,
        kernel=platform.release(),
        file_system=file_system(folder),
        load_before=os.getloadavg()[0],
        versions={
            "Python": platform.python_version(),
            "hilum-core": metadata.version("hilum-core"),
            "pynetdicom": metadata.version("pynetdicom"),
            "DCMTK": _version("storescp"),
            "Orthanc": _version("Orthanc"),
        },
    )


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def _version(program: str) -> str:
    """The first number with a point in what a program says about itself."""
    if shutil.which(program) is None:
        return "not installed"
    text = subprocess.run([program, "--version"], capture_output=True, text=True, check=False).stdout
    found = re.search(r"\d+(\.\d+)+", text)
    return found[0] if found else "unknown"
