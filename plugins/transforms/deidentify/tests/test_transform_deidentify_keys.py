"""The keys of a secret, against the test cases of RFC 5869 (Appendix A) for SHA-256."""

import pytest

from hilum_transform_deidentify.identity import Keys
from hilum_transform_deidentify.identity.keys import derived

RFC_5869 = [
    (
        "0b" * 22,
        "000102030405060708090a0b0c",
        "f0f1f2f3f4f5f6f7f8f9",
        "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865",
    ),
    (
        bytes(range(0x50)).hex(),
        bytes(range(0x60, 0xB0)).hex(),
        bytes(range(0xB0, 0x100)).hex(),
        "b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c59045a99cac7827271cb",
    ),
    (
        "0b" * 22,
        "",
        "",
        "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8",
    ),
]


@pytest.mark.parametrize(("secret", "salt", "info", "key"), RFC_5869)
def test_keys_are_derived_as_the_rfc_says(secret, salt, info, key):
    made = derived(
        bytes.fromhex(secret), salt=bytes.fromhex(salt), info=bytes.fromhex(info), length=len(key) // 2
    )
    assert made.hex() == key


def test_each_purpose_has_a_key_of_its_own_and_they_never_change():
    keys = Keys.of(b"a project's secret, long enough")
    assert len({keys.uids, keys.dates, keys.subjects}) == 3
    # What was given out must be made again by every later version.
    assert keys.uids.hex() == "f70eced7de09ec78fbf757fb4d8ac953bcaa412986bc0dbb5215ca4c9b69ffbe"
    assert keys.dates.hex() == "554dbbd80fd215a7ecdf227518f642d2fe15637d51f7f95704b5c6cb1e0017f9"
    assert keys.subjects.hex() == "106f8b12a79133d36d06d30089b736cca59ed2368b48263710a953ec55d4bca4"


def test_a_secret_that_could_be_guessed_is_refused_and_not_quoted():
    Keys.of(b"sixteen bytes...")
    with pytest.raises(ValueError, match="shorter than 16 bytes") as caught:
        Keys.of(b"fifteen bytes..")
    assert "fifteen" not in str(caught.value)


def test_keys_do_not_show_when_they_are_printed():
    keys = Keys.of(b"a project's secret, long enough")
    assert repr(keys.uids) not in repr(keys)
    assert keys.uids.hex() not in str(keys)
