"""De-identifying objects that a test makes by hand."""

from __future__ import annotations

import io
import zlib

import attrs
import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.filewriter import write_dataset

from hilum_sdk.config import structure
from hilum_sdk.elements import minimal_file_meta
from hilum_sdk.testing import FakeContext, draft_from, instance_from
from hilum_transform_deidentify.config import DeidentifyConfig
from hilum_transform_deidentify.transform import DeidentifyTransform

CT = "1.2.840.10008.5.1.4.1.1.2"
IMPLICIT = "1.2.840.10008.1.2"
EXPLICIT = "1.2.840.10008.1.2.1"
BIG_ENDIAN = "1.2.840.10008.1.2.2"
DEFLATED = "1.2.840.10008.1.2.1.99"
ALL = ["encapsulated-documents", "video", "burned-in-text"]


@attrs.frozen
class Result:
    """What became of an object: a verdict, or a data set."""

    verdict: object
    data_set: bytes
    transfer_syntax_uid: str
    notes: dict[str, int]

    @property
    def read(self) -> Dataset:
        meta = minimal_file_meta(
            sop_class_uid=CT, sop_instance_uid="1.2", transfer_syntax_uid=self.transfer_syntax_uid
        )
        return pydicom.dcmread(io.BytesIO(meta + self.data_set))

    @property
    def plain(self) -> bytes:
        is_deflated = self.transfer_syntax_uid == DEFLATED
        return zlib.decompress(self.data_set, -zlib.MAX_WBITS) if is_deflated else self.data_set


def encoded(data_set: Dataset, transfer_syntax_uid: str = EXPLICIT) -> bytes:
    """Encode a data set, also of what no file may hold."""
    out = pydicom.filebase.DicomBytesIO()
    out.is_implicit_VR = transfer_syntax_uid == IMPLICIT
    out.is_little_endian = transfer_syntax_uid != BIG_ENDIAN
    write_dataset(out, data_set)
    plain = out.getvalue()
    if transfer_syntax_uid != DEFLATED:
        return plain
    deflater = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    packed = deflater.compress(plain) + deflater.flush()
    return packed + b"\0" * (len(packed) & 1)


@pytest.fixture(scope="session")
def deidentify(tmp_path_factory):
    """De-identify a data set, or bytes of one; settings by keyword."""
    folder = tmp_path_factory.mktemp("deidentify")
    secret = folder / "secret"
    secret.write_text("a secret of sixteen bytes, or more")

    def transform(**settings):
        table = {"secret": {"file": str(secret)}, **settings}
        made = DeidentifyTransform(
            structure(table, DeidentifyConfig), FakeContext(folder, label="transforms.x")
        )
        made.open()
        return made

    def run(data_set, transfer_syntax_uid=EXPLICIT, sop_class_uid=CT, **settings):
        path = folder / "object.dcm"
        meta = minimal_file_meta(
            sop_class_uid=sop_class_uid, sop_instance_uid="1.2.3", transfer_syntax_uid=transfer_syntax_uid
        )
        body = data_set if isinstance(data_set, bytes) else encoded(data_set, transfer_syntax_uid)
        path.write_bytes(meta + body)
        assert instance_from(path).sop_class_uid == sop_class_uid
        out = io.BytesIO()
        with draft_from(path) as draft:
            verdict = transform(**settings).apply(draft)
            if verdict is None:
                draft.write_data_set(out)
            notes = dict(draft.notes)
            syntax = draft.transfer_syntax_uid
        return Result(verdict, out.getvalue(), syntax, notes)

    run.transform = transform
    return run
