"""When to try again: exponential, with jitter, between two bounds."""

from __future__ import annotations

import random
from datetime import timedelta


def backoff(attempt: int, *, first: timedelta, longest: timedelta) -> timedelta:
    """How long to wait after the `attempt`-th failure (from 1).

    Doubles from `first` to `longest`; shortened at random by up to a quarter, so that what failed
    together does not come back together.
    """
    doublings = min(attempt - 1, 40)
    full = min(first * (1 << doublings), longest)
    return full * random.uniform(0.75, 1.0)  # noqa: S311 - jitter is no secret
