"""Exceptions of plugins as failures that can be stored and shown: ours by their message, others by place."""

from __future__ import annotations

import os
from datetime import timedelta
from typing import Any

from hilum_core.log import describe_exception
from hilum_core.queue.records import Failure
from hilum_core.workers.limits import TimeLimitExceeded
from hilum_sdk import (
    ConfigError,
    DestinationUnavailable,
    HilumError,
    PermanentError,
    RefusedError,
    TemporaryError,
)

TEMPORARY = "TemporaryError"
REFUSED = "RefusedError"
PERMANENT = "PermanentError"
UNAVAILABLE = "DestinationUnavailable"
DEFECT = "defect"
TIME_LIMIT = "time limit"
LONGEST_RETRY_AFTER = timedelta(days=1)
_LONGEST_TEXT = 1000
_MOST_STATUS = 0xFFFF

_KINDS: tuple[tuple[type[HilumError], str], ...] = (
    (TemporaryError, TEMPORARY),
    (RefusedError, REFUSED),
    (PermanentError, PERMANENT),
    (DestinationUnavailable, UNAVAILABLE),
    (ConfigError, UNAVAILABLE),
)


def retry_after_s(error: BaseException) -> float | None:
    """When a plugin wants to be asked again, in seconds, made fit for a message; None if it did not say."""
    after = _said(error, "retry_after") if isinstance(error, TemporaryError) else None
    if not isinstance(after, timedelta):
        return None
    return min(max(after, timedelta(0)), LONGEST_RETRY_AFTER).total_seconds()


def local_failure(error: OSError, *, blame: str) -> Failure:
    """Say that the router's machine failed, not the object: the disk is full, no descriptor is left."""
    text = f"on the router's own machine: {os.strerror(error.errno or 0)}"
    return Failure(text=text, kind=TEMPORARY, blame=blame)


def failure_of(error: BaseException, *, blame: str) -> Failure:
    """Say what an exception of a component means.

    ``blame`` is the component's distribution and version. An exception that is not ours is a defect:
    its text may quote patient data and is not read.
    """
    if isinstance(error, TimeLimitExceeded):
        return Failure(text="did not finish within its time limit", kind=TIME_LIMIT, blame=blame)
    for cls, kind in _KINDS:
        if isinstance(error, cls):
            return Failure(text=_message(error), kind=kind, status=_status(error), blame=blame)
    text = sound_text(f"unexpected error: {describe_exception(error)}")
    return Failure(text=text, kind=DEFECT, blame=blame)


def sound_text(text: str) -> str:
    """Text of a plugin, fit to be stored: not endless, and without halves of characters."""
    return text[:_LONGEST_TEXT].encode("utf-8", "backslashreplace").decode()


def _message(error: BaseException) -> str:
    """What an error of ours says; one that a plugin has filled with something else, by its class."""
    message = _said(error, "message")
    return sound_text(message) if isinstance(message, str) else type(error).__name__


def _status(error: BaseException) -> int | None:
    status = _said(error, "status")
    is_status = isinstance(status, int) and 0 <= status <= _MOST_STATUS
    return int(status) if is_status else None


def _said(error: BaseException, attribute: str) -> Any:
    """An attribute of an error, whose class may be a plugin's: None where it raises or is not there."""
    try:
        return getattr(error, attribute, None)
    except Exception:  # noqa: BLE001 - it says nothing, then
        return None
