"""Transform ``edit``: set, remove, copy, look up and rewrite elements."""

from __future__ import annotations

from collections.abc import Iterable

from hilum_sdk import TransformSpec, hookimpl
from hilum_transform_edit.config import EditConfig


@hookimpl
def hilum_register_transforms() -> Iterable[TransformSpec]:
    """Register the transform."""
    yield TransformSpec(
        type="edit",
        config=EditConfig,
        create="hilum_transform_edit.transform:EditTransform",
        summary="Sets, removes, copies, looks up and rewrites elements",
    )
