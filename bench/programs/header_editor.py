"""Edits the header of an object by the code of RENDER, or copies its file: `WAY SOURCE TARGET`.

Prints JSON: how long it took until the result was on stable storage, and the most memory that it had.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from bench.processes import peak_memory_mib
from hilum_core.cli.dicom_files import find_dicom_files
from hilum_core.cli.render import bound_to_nothing, open_step
from hilum_core.log import quiet_libraries
from hilum_core.registry import check
from hilum_core.render.applying import Original, render

EDIT = {"StationName": "RADIO"}
_CONFIG = f"""
[router]
state_dir = "/nowhere"
[peers.modality]
ae_title = "MODALITY"
may_send = true
[transforms.edit]
type = "edit"
set = {{ {", ".join(f'{keyword} = "{value}"' for keyword, value in EDIT.items())} }}
[sinks.archive]
type = "folder"
path = "/nowhere"
[[routes]]
name = "all"
transforms = ["edit"]
sinks = ["archive"]
"""
_STRETCH = 16 << 20


def main() -> None:
    """Do it once."""
    quiet_libraries()
    way, source, target = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
    took_s = {"hilum": _edit, "copy": _copy}[way](source, target)
    used = resource.getrusage(resource.RUSAGE_SELF)
    figures = {
        "took_s": took_s,
        "cpu_s": used.ru_utime + used.ru_stime,
        "peak_mib": peak_memory_mib(os.getpid()),  # not ru_maxrss, which begins with that of the parent
    }
    print(json.dumps(figures))


def _edit(source: Path, target: Path) -> float:
    config, composition, problems = check(_CONFIG, "bench", only={"transforms.edit"})
    assert not problems
    (file,) = find_dicom_files([source]).files
    with tempfile.TemporaryDirectory(dir=target.parent) as scratch:
        original = Original(
            id="1",
            attempt=1,
            instance=file.instance(object_id="1", received_at=datetime.now(UTC)),
            path=source,
            data_set_offset=file.data_set_offset,
            scratch_dir=Path(scratch),
        )
        with open_step("edit", composition, config, Path(scratch)) as step:
            return _timed(
                lambda: render(
                    original, [step], target, system="BENCH", calling=bound_to_nothing, alive=lambda: None
                )
            )


def _copy(source: Path, target: Path) -> float:
    def copy() -> None:
        with source.open("rb", buffering=0) as file, target.open("wb", buffering=0) as out:
            while os.copy_file_range(file.fileno(), out.fileno(), _STRETCH):
                pass
            os.fdatasync(out.fileno())

    return _timed(copy)


def _timed(act: Callable[[], object]) -> float:
    started = time.perf_counter()
    act()
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
