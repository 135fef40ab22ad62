"""The errors by which a plugin tells the core what to do next.

A message is for an operator: peer, setting, status in words, and what to do. It never holds patient
data. Of any exception that is not one of these, the core keeps type, file and line only, because its
text may quote patient data; it is taken for a defect of the plugin, tried again up to the limit, and
blamed on the plugin's distribution and version.
"""

from __future__ import annotations

from datetime import timedelta


class HilumError(Exception):
    """The root of all errors that Hilum raises on purpose.

    Parameters
    ----------
    message
        For an operator; no patient data.
    status
        The DIMSE or HTTP status behind it, where there was one.
    """

    def __init__(self, message: str, *, status: int | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.status = status


class ConfigError(HilumError):
    """A component cannot work as it is configured; `hilum check --environment` shows it."""


class TemporaryError(HilumError):
    """Try this object again later: at ``retry_after``, or by the lane's own backoff."""

    def __init__(
        self, message: str, *, status: int | None = None, retry_after: timedelta | None = None
    ) -> None:
        super().__init__(message, status=status)
        self.retry_after = retry_after


class RefusedError(HilumError):
    """The destination refuses this object, perhaps for good: a few tries over hours, then a dead letter.

    Ten different objects refused in a row rest the whole lane: then the destination is at fault, not
    the objects.
    """


class PermanentError(HilumError):
    """The object can never be delivered there: a dead letter now, kept with the reason."""


class DestinationUnavailable(HilumError):  # noqa: N818 - it names a state of the world that many raise and catch
    """The destination as a whole cannot be used: the lane rests, no object spends an attempt.

    The core calls `Component.probe` until it returns, then goes on.
    """
