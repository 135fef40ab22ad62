"""What is wrong with a plugin, in words safe to store: type and place of an exception, never its text."""

from __future__ import annotations

from collections.abc import Iterator
from types import TracebackType

from hilum_core.log import describe_exception
from hilum_sdk import HilumError


class PluginError(HilumError):
    """A plugin is broken. ``fault`` says how; ``blame`` is its distribution and version."""

    def __init__(self, fault: str, *, blame: str) -> None:
        self.fault = fault
        self.blame = blame
        super().__init__(f"{blame}: {fault}")


def place_of(error: BaseException) -> str:
    """Say what was raised and where in the plugin, as in ``raised KeyError at sink.py:12``."""
    if isinstance(error, SyntaxError) and error.filename:
        return f"raised {type(error).__name__} at {error.filename.rpartition('/')[2]}:{error.lineno}"
    if isinstance(error, ModuleNotFoundError) and error.name:
        return f"needs the module {error.name}, which is not installed{_at_plugin(error)}"
    said = f"raised {describe_exception(error.with_traceback(_beyond_us(error.__traceback__)))}"
    # What the SDK's own records say of a plugin's mistake holds no data of anybody.
    frames = list(_modules(error.__traceback__))
    if isinstance(error, ValueError) and frames and frames[-1] == "hilum_sdk.specs":
        said += f": {error}"
    return said


def _at_plugin(error: BaseException) -> str:
    beyond = _beyond_us(error.__traceback__)
    place = describe_exception(error.with_traceback(beyond)).partition(" at ")[2] if beyond else ""
    return "" if not place or place.startswith("<") else f" ({place})"


def _beyond_us(traceback: TracebackType | None) -> TracebackType | None:
    """Leave out the frames of the core, which only called the plugin."""
    while traceback is not None and _module(traceback).startswith("hilum_core."):
        traceback = traceback.tb_next
    return traceback


def _modules(traceback: TracebackType | None) -> Iterator[str]:
    while traceback is not None:
        yield _module(traceback)
        traceback = traceback.tb_next


def _module(traceback: TracebackType) -> str:
    return str(traceback.tb_frame.f_globals.get("__name__", ""))
