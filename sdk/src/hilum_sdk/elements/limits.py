"""How much one reading of a data set may cost."""

from __future__ import annotations

import attrs

LARGEST_VALUE = 0xFFFF
"""The longest value, in bytes, that is held in memory unasked; longer ones stay on disk."""


@attrs.frozen(kw_only=True)
class Limits:
    """The bounds of one reading, each far above what honest objects need.

    ``depth`` counts nested sequences. ``bytes_read`` is what may be read to find elements, the
    values that are skipped not included. ``inflated_bytes`` is what a deflated data set may unfold
    to: deflate packs up to 1032 to 1, so 1 MB may hold 1 GB. ``elements`` counts element and item
    headers, at every depth.
    """

    depth: int = 64
    bytes_read: int = 16 << 20
    inflated_bytes: int = 1 << 30
    elements: int = 500_000


LIMITS = Limits()
"""The limits where nobody says otherwise."""
