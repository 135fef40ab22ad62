"""What is said of an object that is to be de-identified tells nothing of it."""

from __future__ import annotations

import pytest
from pydicom.dataset import Dataset

from hilum_core.config import ComponentEntry
from hilum_core.render.silence import WITHHELD, safe_words
from hilum_core.render.steps import Step
from hilum_sdk import Transform
from hilum_sdk.elements import MalformedDataSet

CT = "1.2.840.10008.5.1.4.1.1.2"


class Nothing(Transform):
    def apply(self, draft):
        return None


def chain(distribution="acme", *, is_deidentifying=True):
    entry = ComponentEntry(kind="transforms", name="blank", type="blank", table={})
    step = Step(
        entry=entry,
        transform=Nothing(None, None),
        distribution=distribution,
        version="1",
        is_deidentifying=is_deidentifying,
    )
    return [step]


def header():
    ds = Dataset()
    ds.PatientName = "Plantagenet^Geoffrey"
    ds.PatientID = "PLANT-4711"
    ds.PatientAddress = None
    return ds


def unreadable():
    raise MalformedDataSet("not a data set")


@pytest.mark.parametrize(
    ("said", "stored"),
    [
        ("1.2.826.0.1.99 is odd", "(a UID) is odd"),
        ("see 2.25.329800735698586629295641978511506172918.", "see (a UID)."),
        (f"a {CT} in 1.2.840.10008.1.2.1", f"a {CT} in 1.2.840.10008.1.2.1"),
        ("(0008,0018) at offset 17; version 1.2.3", "(0008,0018) at offset 17; version 1.2.3"),
        ("1.2.840.100081.1 is of somebody else", "(a UID) is of somebody else"),
        ("the file of GEOFFREY", WITHHELD),
        ("no 4711 in the table", WITHHELD),
        ("PatientName is left in (0008,103E)", "PatientName is left in (0008,103E)"),
    ],
)
def test_neither_uids_nor_words_of_the_object_are_stored(said, stored):
    assert safe_words(said, chain=chain(), header=header) == stored


def test_words_are_withheld_where_the_object_cannot_be_read():
    assert safe_words("fine", chain=chain(), header=unreadable) == WITHHELD


def test_those_of_ours_are_looked_through_for_uids_only():
    ours = chain("hilum-transform-edit")
    assert safe_words("1.2.826.0.1.99 of Geoffrey", chain=ours, header=unreadable) == "(a UID) of Geoffrey"


def test_where_nothing_is_de_identified_words_are_stored_as_they_are():
    plain = chain(is_deidentifying=False)
    assert safe_words("1.2.826.0.1.99", chain=plain, header=unreadable) == "1.2.826.0.1.99"
