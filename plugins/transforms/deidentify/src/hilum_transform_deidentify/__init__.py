"""Transform ``deidentify``: the Application Level Confidentiality Profiles of PS3.15 Annex E."""

from __future__ import annotations

from collections.abc import Iterable

from hilum_sdk import TransformSpec, hookimpl
from hilum_transform_deidentify.config import DeidentifyConfig


@hookimpl
def hilum_register_transforms() -> Iterable[TransformSpec]:
    """Register the transform."""
    yield TransformSpec(
        type="deidentify",
        config=DeidentifyConfig,
        create="hilum_transform_deidentify.transform:DeidentifyTransform",
        summary="De-identifies to DICOM PS3.15 Annex E",
        deidentifies=lambda config: True,  # noqa: ARG005 - under every config
    )
