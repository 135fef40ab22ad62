"""What the spool knows of one object."""

from __future__ import annotations

import attrs

from hilum_sdk import Instance


@attrs.frozen(kw_only=True)
class StoredObject:
    """An object that is on stable storage, as its file tells it.

    ``checksum`` is the CRC-32 of the data set's bytes: against damage, not against tampering.
    """

    instance: Instance
    checksum: int
