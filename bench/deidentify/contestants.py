"""Who races: each engine in an environment of its own, made once below `.tools/engines`."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, Self

import attrs

_ROOT = Path(__file__).resolve().parents[2]
_UV = _ROOT / ".tools" / "bin" / "uv"
_ENGINE = Path(__file__).with_name("engine.py")


@attrs.frozen
class Contestant:
    """An engine, by the name that `engine.py` knows it by; without a requirement it is ours."""

    name: str
    requirement: str | None = None
    is_python: bool = True

    def python(self) -> Path:
        """The interpreter that has the engine, installed at first use."""
        if self.requirement is None:
            return Path(sys.executable)
        folder = _ROOT / ".tools" / "engines" / self.requirement
        python = folder / "bin" / "python"
        if not python.exists():
            subprocess.run([_UV, "venv", "-q", "--python", sys.executable, folder], check=True)
            subprocess.run([_UV, "pip", "install", "-q", "--python", python, self.requirement], check=True)
        return python


CONTESTANTS = (
    Contestant("hilum"),
    Contestant("hilum, verified"),
    Contestant("dcmanon", "dcmanon==0.3.1", is_python=False),
    Contestant("dicom-anonymizer", "dicom-anonymizer==2.1.0"),
    Contestant("dcm-anonymizer", "dcm-anonymizer==0.5.0"),
    Contestant("dicognito", "dicognito==0.19.0"),
    Contestant("deid", "deid==0.4.13"),
)


class Warm:
    """A running engine that de-identifies the whole corpus each time it is asked."""

    def __init__(self, contestant: Contestant, source: Path, target: Path) -> None:
        target.mkdir(parents=True)
        self.name = contestant.name
        self.target = target
        self._process = subprocess.Popen(
            [contestant.python(), _ENGINE, contestant.name, source, target],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=os.environ | {"PYTHONPATH": str(_ROOT)} if contestant.requirement is None else None,
            text=True,
        )
        self._answer()

    def run(self) -> tuple[float, dict[str, str]]:
        """De-identify once: the seconds, and the files that the engine declined, with the reason."""
        assert self._process.stdin is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        answer = self._answer()
        return float(answer["seconds"]), dict(answer["declined"])

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(timeout=60)

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise SystemExit(f"{self.name} ended with status {self._process.wait()}")
        answer: dict[str, Any] = json.loads(line)
        return answer
