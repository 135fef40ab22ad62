"""What can be wrong with the queue as a whole, and what it refuses to people."""

from __future__ import annotations

from hilum_sdk import HilumError


class QueueRefusal(HilumError):  # noqa: N818 - it is the queue's answer to a person, not a fault
    """What a person asks for is not possible in this state; the message says what is."""


class QueueUnavailable(HilumError):  # noqa: N818 - it names a state of the world
    """The queue cannot be read or written now: locked for long, disk full, or disk failing. Try again."""


class QueueUnusable(HilumError):  # noqa: N818 - as above
    """The file is no queue, is damaged, or was written by a newer release: a person must act."""


class QueueDamaged(QueueUnusable):
    """The file is no queue, or its pages make no sense: `hilum doctor --rebuild` makes a new one."""
