"""Who we say we are on the wire and in files (PS3.7 D.3.3.2, PS3.10 7.1)."""

from __future__ import annotations

from typing import Final

IMPLEMENTATION_CLASS_UID: Final = "2.25.47800712001213095969346638402933432246"
"""Derived from a UUID (PS3.5 B.2), so that it needs no registered root."""

IMPLEMENTATION_VERSION_NAME: Final = "HILUM_0.1"
"""At most 16 characters."""
