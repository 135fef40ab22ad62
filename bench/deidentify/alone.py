"""Hilum's transform without the router around it: a file in, a file out, nothing synced."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from hilum_sdk.config import structure
from hilum_sdk.elements import ElementsError, minimal_file_meta
from hilum_sdk.testing.context import FakeContext
from hilum_sdk.testing.objects import draft_from, item_from
from hilum_transform_deidentify.config import DeidentifyConfig
from hilum_transform_deidentify.transform import DeidentifyTransform

_VARIABLE = "HILUM_BENCH_SECRET"
_SECRET = "a secret that only the bench knows"


class DeclinedError(Exception):
    """The transform holds the object; the text is its reason."""


class Alone:
    """One transform with a secret of its own; whatever it might hold for a person, it may pass."""

    def __init__(
        self, *, verify: bool, secret: str = _SECRET, table: dict[str, object] | None = None
    ) -> None:
        os.environ[_VARIABLE] = secret
        asked = {"secret": {"env": _VARIABLE}, "allow": ["encapsulated-documents", "video", "burned-in-text"]}
        config = structure(asked | (table or {}), DeidentifyConfig)
        self._folder = Path(tempfile.mkdtemp(prefix="hilum-alone-"))
        self._transform = DeidentifyTransform(config, FakeContext(self._folder))
        self._transform.open()
        self._verify = verify

    def deidentify(self, source: Path, target: Path) -> None:
        """Make `target` of `source`; raises `DeclinedError` where that is not to be."""
        try:
            self._write(source, target)
        except ElementsError as error:  # the router holds such an object
            raise DeclinedError(str(error)) from error
        if self._verify:
            self._check(source, target)

    def _write(self, source: Path, target: Path) -> None:
        with draft_from(source) as draft:
            verdict = self._transform.apply(draft)
            if verdict is not None:
                raise DeclinedError(verdict.reason)
            meta = minimal_file_meta(
                sop_class_uid=draft.sop_class_uid,
                sop_instance_uid=draft.sop_instance_uid,
                transfer_syntax_uid=draft.transfer_syntax_uid,
            )
            with target.open("wb", buffering=0) as out:
                out.write(meta)
                draft.write_data_set(out)

    def _check(self, source: Path, target: Path) -> None:
        with draft_from(source) as original:
            holds = self._transform.verify(original, item_from(target, deidentified=True))
        if holds:
            raise DeclinedError("; ".join(hold.reason for hold in holds))
