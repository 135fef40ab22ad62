"""What ROUTE reads of an object: as much of its header as filters need, and the facts that the core keeps."""

from __future__ import annotations

import re
from collections.abc import Collection
from pathlib import Path

from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset

from hilum_core.queue.records import HeaderFacts
from hilum_core.route.patient_key import PatientKeys
from hilum_core.spool import open_data_set
from hilum_sdk import Component, ConfigError, Filter, Instance
from hilum_sdk.elements import read_header

SPECIFIC_CHARACTER_SET = 0x00080005
SOP_CLASS_UID = 0x00080016
SOP_INSTANCE_UID = 0x00080018
MODALITY = 0x00080060
PATIENT_ID = 0x00100020
ISSUER_OF_PATIENT_ID = 0x00100021
STUDY_INSTANCE_UID = 0x0020000D
SERIES_INSTANCE_UID = 0x0020000E

_PLAIN = re.compile(rb"[ -\[\]-}\0]*")
"""Text that reads the same in every character set: not so "\\" and "~", and what begins with an escape."""
_FACTS = frozenset(
    {
        SPECIFIC_CHARACTER_SET,
        SOP_CLASS_UID,
        SOP_INSTANCE_UID,
        MODALITY,
        PATIENT_ID,
        ISSUER_OF_PATIENT_ID,
        STUDY_INSTANCE_UID,
        SERIES_INSTANCE_UID,
    }
)


def check_needs(component: Component) -> None:
    """See that a filter asks for tags: else no header could be read, and every object would be blamed.

    Raises
    ------
    ConfigError
        Its ``needs`` are something else.
    """
    assert isinstance(component, Filter)
    needs: object = component.needs
    if needs is None:
        return
    if not isinstance(needs, Collection) or not all(isinstance(tag, int) for tag in needs):
        raise ConfigError("needs must be a collection of tags as numbers such as 0x00100020, or None")


def tags_to_read(filters: Collection[Filter]) -> frozenset[int] | None:
    """What the filters need and what the core keeps; None for the whole header."""
    needs = set(_FACTS)
    for component in filters:
        if component.needs is None:
            return None
        needs.update(component.needs)
    return frozenset(needs)


def header_of(path: Path, instance: Instance, needs: Collection[int] | None) -> Dataset:
    """Read the header of an object of the spool. Raises `ElementsError` or `SpoolDamage` if it has none."""
    with open_data_set(path) as file:
        return read_header(file, instance.transfer_syntax_uid, needs=needs)


def facts_of(header: Dataset, patient_keys: PatientKeys) -> HeaderFacts:
    """What the queue keeps of a header."""
    return HeaderFacts(
        study_instance_uid=_text(header, STUDY_INSTANCE_UID),
        series_instance_uid=_text(header, SERIES_INSTANCE_UID),
        modality=_text(header, MODALITY),
        patient_key=patient_keys.key(_text(header, PATIENT_ID), _text(header, ISSUER_OF_PATIENT_ID)),
    )


def mismatch(header: Dataset, instance: Instance) -> str:
    """What the data set says otherwise than the command that announced it; empty if nothing.

    PS3.7 9.1.1.1: Affected SOP Class and Instance UID are those of the object that is stored.
    """
    for name, tag, told in (
        ("SOP Class UID", SOP_CLASS_UID, instance.sop_class_uid),
        ("SOP Instance UID", SOP_INSTANCE_UID, instance.sop_instance_uid),
    ):
        stands = _text(header, tag)
        if stands and stands != told:
            return f"its data set has another {name} than the C-STORE command named"
    return ""


def _text(header: Dataset, tag: int) -> str:
    raw: object = header.get_item(tag)  # pydicom's types leave out that it may be raw, or absent
    if isinstance(raw, RawDataElement) and raw.value is not None and _PLAIN.fullmatch(raw.value):
        return raw.value.decode("ascii").strip("\0 ")
    element = header.get(tag)
    return "" if element is None or element.value is None else str(element.value).strip("\0 ")
