"""One target in a process of its own: `python -m fuzz.one TARGET FILE` replays what was found.

Called by `python -m fuzz` with options of libFuzzer in place of the file; only then atheris is needed.
"""

from __future__ import annotations

import sys
from pathlib import Path


def _fuzz(name: str, arguments: list[str]) -> None:
    import atheris  # noqa: PLC0415 - only there in the environment of `make fuzz`

    with atheris.instrument_imports(include=["hilum_core", "hilum_sdk"]):
        from fuzz.targets import TARGETS  # noqa: PLC0415 - what is imported here is watched

    atheris.Setup([sys.argv[0], *arguments], TARGETS[name].check)
    atheris.Fuzz()


def _replay(name: str, path: Path) -> None:
    from fuzz.targets import TARGETS  # noqa: PLC0415 - see above

    TARGETS[name].check(path.read_bytes())
    print(f"{name}: as it should be")


if __name__ == "__main__":
    if sys.argv[2].startswith("-"):
        _fuzz(sys.argv[1], sys.argv[2:])
    else:
        _replay(sys.argv[1], Path(sys.argv[2]))
