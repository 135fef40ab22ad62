"""A whole router for tests, and peers around it that share no code with it."""

from hilum_core.testing.archive import Archive, Arrival, running_archive
from hilum_core.testing.bucket_server import SeaweedFs
from hilum_core.testing.certificates import Authority, Identity
from hilum_core.testing.modality import SentFile, send
from hilum_core.testing.raw import RawAssociation
from hilum_core.testing.router import RunningRouter, running_router
from hilum_core.testing.rude import RudeArchive

__all__ = [
    "Archive",
    "Arrival",
    "Authority",
    "Identity",
    "RawAssociation",
    "RudeArchive",
    "RunningRouter",
    "SeaweedFs",
    "SentFile",
    "running_archive",
    "running_router",
    "send",
]
