"""The objects that modalities send: made from a seed, each known by what shall arrive of it."""

from __future__ import annotations

import hashlib
import random
from pathlib import Path

import attrs
from bench.objects import BenchObject, Kind, ObjectSource
from pydicom.uid import CTImageStorage, SecondaryCaptureImageStorage

EDIT = {"InstitutionName": "Saved"}
"""What the transform sets; as long as what stood there before, so that every other byte stays."""

KINDS = (
    Kind(name="slice", words="a small slice", sop_class_uid=str(CTImageStorage), rows=64, columns=64),
    Kind(name="image", words="an image", sop_class_uid=str(CTImageStorage), rows=256, columns=256),
    Kind(
        name="capture",
        words="a large capture",
        sop_class_uid=str(SecondaryCaptureImageStorage),
        rows=1024,
        columns=1024,
    ),
)
_WEIGHTS = (12, 4, 1)


@attrs.frozen(kw_only=True)
class Sendable:
    """An object as a file, and the digests of the data sets that shall arrive, untouched and edited."""

    sop_instance_uid: str
    path: Path
    untouched: bytes
    edited: bytes


class Scanner:
    """Makes the objects of one modality: the same ones for the same seed."""

    def __init__(self, folder: Path, seed: str) -> None:
        self._folder = folder
        self._random = random.Random(seed)
        self._sources = [ObjectSource(kind, self._random.getrandbits(32)) for kind in KINDS]
        folder.mkdir(parents=True)

    def acquire(self, count: int) -> list[Sendable]:
        """Make the next objects, of all sizes."""
        sources = self._random.choices(self._sources, _WEIGHTS, k=count)
        return [self._write(source.make(1)[0]) for source in sources]

    def _write(self, made: BenchObject) -> Sendable:
        return Sendable(
            sop_instance_uid=made.sop_instance_uid,
            path=made.write(self._folder),
            untouched=_digest(made),
            edited=_digest(made.with_values(EDIT)),
        )


def digest(data_set: bytes) -> bytes:
    """What stands for the bytes of a data set."""
    return hashlib.sha256(data_set).digest()


def _digest(made: BenchObject) -> bytes:
    return digest(b"".join(made.data_set()))
