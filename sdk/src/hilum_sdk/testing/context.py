"""A component's context without a router."""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta
from pathlib import Path

from hilum_sdk.context import DicomService


class FakeContext:
    """Implements `hilum_sdk.ComponentContext`: a clock that stands, a log that is kept, no network.

    Parameters
    ----------
    folder
        Where the component's data folder is made, such as pytest's ``tmp_path``.
    dicom
        What `dicom` gives, such as a `FakeNode`.

    Attributes
    ----------
    log_lines
        Everything that the component has logged, as text, tracebacks included.
    beats
        How often it has said that it is alive.
    """

    def __init__(
        self, folder: Path, *, label: str = "testing.component", dicom: DicomService | None = None
    ) -> None:
        self.log_lines: list[str] = []
        self.beats = 0
        self.is_stopping = False
        self._label = label
        self._data_dir = folder / "data"
        self._dicom = dicom
        self._now = datetime(2026, 1, 1, 12, tzinfo=UTC)
        self._logger = logging.Logger(label, logging.DEBUG)  # noqa: LOG001 - of its own: no handler of others
        self._logger.addHandler(_Keeping(self.log_lines))

    @property
    def label(self) -> str:
        """Where the component stands in the config."""
        return self._label

    @property
    def logger(self) -> logging.Logger:
        """A logger whose lines are kept in `log_lines`."""
        return self._logger

    @property
    def data_dir(self) -> Path:
        """A folder of its own, made at first use."""
        self._data_dir.mkdir(parents=True, exist_ok=True)
        return self._data_dir

    def now(self) -> datetime:
        """The time, which passes only by `sleep`."""
        return self._now

    def sleep(self, duration: timedelta) -> None:
        """Let time pass."""
        self._now += duration

    def stopping(self) -> bool:
        """Whether the test has set `is_stopping`."""
        return self.is_stopping

    def beat(self) -> None:
        """Count."""
        self.beats += 1

    @property
    def dicom(self) -> DicomService:
        """The service that the test has given."""
        if self._dicom is None:
            raise LookupError("this FakeContext was made without a DicomService; give it one: dicom=…")
        return self._dicom


class _Keeping(logging.Handler):
    def __init__(self, lines: list[str]) -> None:
        super().__init__()
        self._lines = lines

    def emit(self, record: logging.LogRecord) -> None:
        self._lines.append(self.format(record))
