"""Structured logs of every process of the router: one record, one line, one ``write()``.

Lines of several processes share one stderr, so a line is never written in two pieces. A value can
come from a peer (an AE title, a status comment), so whatever could end a line or drive a terminal is
escaped. Texts of foreign exceptions and warnings may quote patient data: they never get here.
"""

from __future__ import annotations

import errno
import json
import logging
import os
import re
import sys
import threading
import warnings
from datetime import UTC, datetime
from types import TracebackType
from typing import Literal

from hilum_sdk import HilumError

LogFormat = Literal["text", "json"]

_ROOT = "hilum"
_COMPONENT = f"{_ROOT}.component."
_SHORT_LEVELS = {"WARNING": "WARN", "CRITICAL": "FATAL"}
_UID = re.compile(r"(?<![\w.])(?:[0-2](?:\.[0-9]+){3,}|2\.25\.[0-9]+)")
_STANDARD_UID = re.compile(r"1\.2\.840\.10008(?:\.|$)")
_BARE = re.compile(r"[\w.:/@+,%*#~\[\]-]+")
_LIBRARIES = frozenset(
    {"pydicom", "pynetdicom", "attr", "attrs", "cattrs", "apsw", "pluggy", "tomli", "hilum_sdk"}
)


class Log:
    """Writes events: a fixed sentence, and what it is about as named fields.

    An event is worded once and holds no values (``"association ended"``), so that it can be searched
    for and counted. Fields hold UIDs, AE titles, names of the config, numbers: never patient data.
    """

    __slots__ = ("_logger",)

    def __init__(self, logger: logging.Logger) -> None:
        self._logger = logger

    def debug(self, event: str, /, **fields: object) -> None:
        """For whoever hunts a fault; the only level at which objects are logged one by one."""
        self._write(logging.DEBUG, event, fields)

    def info(self, event: str, /, **fields: object) -> None:
        """What an operator wants to read later: starts, stops, associations."""
        self._write(logging.INFO, event, fields)

    def warning(self, event: str, /, **fields: object) -> None:
        """Something failed, and the router goes on by itself."""
        self._write(logging.WARNING, event, fields)

    def error(self, event: str, /, **fields: object) -> None:
        """Something failed, and somebody must mend it."""
        self._write(logging.ERROR, event, fields)

    def is_debug(self) -> bool:
        """Whether fields that cost something to make are worth making."""
        return self._logger.isEnabledFor(logging.DEBUG)

    def _write(self, level: int, event: str, fields: dict[str, object]) -> None:
        if self._logger.isEnabledFor(level):
            self._logger.log(level, "%s", event, extra={"fields": fields})


def get_logger(name: str) -> Log:
    """Get the log of a part of the core, such as ``"receive"``."""
    return Log(logging.getLogger(f"{_ROOT}.{name}"))


def component_logger(label: str) -> logging.Logger:
    """Get the logger that a plugin receives in its context; its lines carry ``component=<label>``."""
    return logging.getLogger(_COMPONENT + label)


def hush(label: str) -> None:
    """Have a component's logger name no UIDs, because it de-identifies: they identify (PS3.15 Annex E)."""

    def take_out(record: logging.LogRecord) -> bool:
        record.msg, record.args = without_uids(record.getMessage()), ()
        return True

    component_logger(label).addFilter(take_out)


def without_uids(text: str) -> str:
    """Take every UID out of a text but those of the standard, which name classes and encodings."""
    return _UID.sub(lambda found: found[0] if _STANDARD_UID.match(found[0]) else "(a UID)", text)


def configure(format: LogFormat, level: str, stage: str, *, fd: int = 2) -> None:  # noqa: A002 - as the option is called
    """Send the logs of this process to stderr. The last call holds.

    Loggers of libraries are not shown: their texts may quote patient data.

    Parameters
    ----------
    level
        ``debug``, ``info``, ``warning`` or ``error``.
    stage
        What this process is, such as ``receive``; it stands in every line.
    fd
        The file descriptor to write to.
    """
    handler = _LineHandler(fd)
    handler.setFormatter(_JsonFormatter(stage) if format == "json" else _TextFormatter(stage))
    ours = logging.getLogger(_ROOT)
    ours.handlers[:] = [handler]
    ours.setLevel(level.upper())
    ours.propagate = False
    # Without a handler at the root, Python prints the warnings of any library to stderr.
    if not logging.getLogger().handlers:
        logging.getLogger().addHandler(logging.NullHandler())


def start(
    format: LogFormat,  # noqa: A002 - as the option is called
    level: str,
    stage: str,
    *,
    reads_dicom: bool = True,
    fd: int = 2,
) -> None:
    """Set up a process of the router: its logs, silent libraries, and what ends it unexpectedly.

    One that never reads a data set starts faster, and smaller, without pydicom.
    """
    configure(format, level, stage, fd=fd)
    if reads_dicom:
        quiet_libraries()
    sys.excepthook = _log_uncaught
    threading.excepthook = lambda args: _log_uncaught(args.exc_type, args.exc_value, args.exc_traceback)


def quiet_libraries() -> None:
    """Switch off the warnings and logs of libraries, once for the process.

    pydicom's quote the values that they complain of. Reading is not validated either: the router
    passes on what it gets, and judges it nowhere.
    """
    from pydicom import config as pydicom_config  # noqa: PLC0415 - commands that read no DICOM start without it

    pydicom_config.settings.reading_validation_mode = pydicom_config.IGNORE
    warnings.simplefilter("ignore")
    for name in ("pydicom", "pynetdicom"):
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)


def describe_exception(error: BaseException) -> str:
    """Put an exception into words that are safe to log and to store.

    Of ours the message, which is written for operators. Of any other the type and the place, as in
    ``KeyError at sink.py:123``, never the text. The place is the innermost frame that belongs neither
    to Python nor to a library of ours: for a plugin's fault, a line of the plugin.
    """
    if isinstance(error, HilumError) and isinstance(message := getattr(error, "message", None), str):
        return message
    name = type(error).__name__
    if type(error) is OSError and error.errno is not None and error.errno in errno.errorcode:
        name = f"{name} {errno.errorcode[error.errno]}"
    place = _place(error.__traceback__)
    return f"{name} at {place}" if place else name


def escape(text: str) -> str:
    """Make text fit for one line of a log or a terminal: what does not print becomes an escape."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else _escape_char(char) for char in text)


def _escape_char(char: str) -> str:
    known = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}.get(char)
    if known:
        return known
    code = ord(char)
    if code <= 0xFF:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"


def _frames(traceback: TracebackType | None) -> list[tuple[str, str]]:
    """Each frame's top-level package and ``file.py:line``, outermost first."""
    frames = []
    while traceback is not None:
        code = traceback.tb_frame.f_code
        package = str(traceback.tb_frame.f_globals.get("__name__", "")).partition(".")[0]
        frames.append((package, f"{os.path.basename(code.co_filename)}:{traceback.tb_lineno}"))  # noqa: PTH119
        traceback = traceback.tb_next
    return frames


def _place(traceback: TracebackType | None) -> str:
    frames = _frames(traceback)
    for package, place in reversed(frames):
        if package not in _LIBRARIES and (package == "__main__" or package not in sys.stdlib_module_names):
            return place
    return frames[-1][1] if frames else ""


def _log_uncaught(
    kind: type[BaseException], error: BaseException | None, traceback: TracebackType | None
) -> None:
    if kind is KeyboardInterrupt or kind is SystemExit:
        return
    what = describe_exception(error) if error is not None else kind.__name__
    way = " > ".join(place for _, place in _frames(traceback))
    get_logger("main").error("ended by an unexpected error", error=what, traceback=way)


class _LineHandler(logging.Handler):
    """Writes each line with one ``write()``; a log that cannot be written never stops the work."""

    def __init__(self, fd: int) -> None:
        super().__init__()
        self._fd = fd

    def emit(self, record: logging.LogRecord) -> None:
        try:
            data = (self.format(record) + "\n").encode("utf-8", "backslashreplace")
            while data:
                data = data[os.write(self._fd, data) :]
        except (OSError, ValueError, TypeError, KeyError):
            # The reader of our stderr is gone, or a plugin gave a format that does not fit its
            # arguments. logging's own answer would print the arguments.
            return


class _TextFormatter(logging.Formatter):
    def __init__(self, stage: str) -> None:
        super().__init__()
        self._stage = stage

    def format(self, record: logging.LogRecord) -> str:
        at = _time_text(_at(record), " ")
        level = _SHORT_LEVELS.get(record.levelname, record.levelname)
        fields = "".join(f" {name}={_text_value(value)}" for name, value in _fields(record).items())
        return f"{at} {level:<5} {self._stage}: {escape(record.getMessage())}{fields}"


class _JsonFormatter(logging.Formatter):
    def __init__(self, stage: str) -> None:
        super().__init__()
        self._stage = stage

    def format(self, record: logging.LogRecord) -> str:
        # ASCII JSON escapes control characters, and no reader has to guess an encoding.
        return json.dumps(
            {
                "at": _time_text(_at(record), "T"),
                "level": record.levelname.lower(),
                "stage": self._stage,
                "pid": record.process,
                "event": record.getMessage(),
                "fields": _fields(record),
            },
            default=_json_value,
        )


def _at(record: logging.LogRecord) -> datetime:
    return datetime.fromtimestamp(record.created, UTC)


def _time_text(at: datetime, separator: str) -> str:
    text = at.astimezone(UTC).isoformat(sep=separator, timespec="milliseconds")
    return text.replace("+00:00", "Z")


def _json_value(value: object) -> str:
    return _time_text(value, "T") if isinstance(value, datetime) else str(value)


def _fields(record: logging.LogRecord) -> dict[str, object]:
    fields: dict[str, object] = {}
    if record.name.startswith(_COMPONENT):
        fields["component"] = record.name.removeprefix(_COMPONENT)
    fields.update(getattr(record, "fields", {}))
    if record.exc_info and record.exc_info[1] is not None:
        fields["error"] = describe_exception(record.exc_info[1])
    return fields


def _text_value(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, datetime):
        value = _time_text(value, "T")
    text = escape(str(value).replace("\\", "\\\\"))
    if _BARE.fullmatch(text):
        return text
    return '"' + text.replace('"', '\\"') + '"'
