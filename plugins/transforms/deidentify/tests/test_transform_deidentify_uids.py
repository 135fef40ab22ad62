"""UIDs that stand for others."""

import re
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hilum_transform_deidentify.identity import Keys, UidMap

KEYS = Keys.of(b"a project's secret, long enough")
UIDS = UidMap(KEYS.uids)
UID = st.from_regex(r"(?:0|[1-9][0-9]{0,6})(?:\.(?:0|[1-9][0-9]{0,9})){2,5}", fullmatch=True).filter(
    lambda uid: not uid.startswith("1.2.840.10008")
)


@given(uid=UID)
def test_a_uid_becomes_a_valid_one_that_says_nothing(uid):
    made = UIDS.replaced(uid.encode())
    assert re.fullmatch(rb"2\.25\.(?:0|[1-9][0-9]*)", made)
    assert len(made) <= 64
    number = uuid.UUID(int=int(made.removeprefix(b"2.25.")))
    assert (number.version, number.variant) == (8, uuid.RFC_4122)
    assert UIDS.replaced(uid.encode()) == made


@given(uid=UID, padding=st.sampled_from([b"\0", b" ", b"  ", b"\0\0", b" \0"]))
def test_padding_makes_no_other_uid(uid, padding):
    plain = UIDS.replaced(uid.encode())
    assert UIDS.replaced(uid.encode() + padding) == plain
    assert UIDS.replaced(padding + uid.encode()) == plain


@given(uids=st.lists(UID, min_size=1, max_size=5), others=st.lists(UID, max_size=5))
def test_each_of_several_is_replaced_as_if_it_stood_alone(uids, others):
    made = UIDS.replaced("\\".join(uids + others).encode() + b"\0")
    assert made.split(b"\\") == [UIDS.replaced(uid.encode()) for uid in uids + others]


@given(uids=st.sets(UID, min_size=2, max_size=20))
def test_different_uids_stay_different_and_other_secrets_agree_in_none(uids):
    made = {UIDS.replaced(uid.encode()) for uid in uids}
    other = UidMap(Keys.of(b"the secret of another project").uids)
    assert len(made) == len(uids)
    assert made.isdisjoint(other.replaced(uid.encode()) for uid in uids)


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        (b"", b""),
        (b"\0", b""),
        (b"1.2.840.10008.5.1.4.1.1.2\0", b"1.2.840.10008.5.1.4.1.1.2"),
        (b"1.2.840.10008.1.2 ", b"1.2.840.10008.1.2"),
        (b"1.2.840.10008.1.2\\1.2.840.10008.1.2.1\0", b"1.2.840.10008.1.2\\1.2.840.10008.1.2.1"),
        (b"\\", b"\\"),
    ],
)
def test_what_is_empty_or_of_the_standard_stays(value, kept):
    assert UIDS.replaced(value) == kept


@pytest.mark.parametrize(
    "value",
    [
        b"1.2.840.100081",
        b"1.2.840.10008.Planted^Name",
        b"1.2.840.10008." + b"1234567890." * 6 + b"1",
        b"11.2.840.10008.1",
        b"Planted^Name",
        b"1.2.840.10008\n",
    ],
)
def test_what_only_looks_like_the_standards_is_replaced(value):
    assert re.fullmatch(rb"2\.25\.[0-9]+", UIDS.replaced(value))


def test_a_uid_of_an_earlier_export_is_made_again():
    assert UIDS.replaced(b"1.2.3.4") == b"2.25.166441320833286013955697610701690626063"
