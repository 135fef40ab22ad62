"""Passcodes as they are kept."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hilum_core.credentials import PasscodeCheck, PasscodeHash


def test_a_hash_is_read_as_it_was_written_and_shows_neither_salt_nor_digest():
    hashed = PasscodeHash.of(b"geheim")
    assert PasscodeHash.parse(f" {hashed}\n") == hashed
    assert str(PasscodeHash.of(b"geheim")) != str(hashed)
    assert hashed.salt.hex() not in repr(hashed)
    assert "digest" not in repr(hashed)


def test_only_the_very_passcode_is_right():
    check, hashed = PasscodeCheck(), PasscodeHash.of(b"geheim")
    assert check.is_right("ct1", b"geheim", hashed)
    assert not check.is_right("ct1", b"geheim ", hashed)
    assert not check.is_right("ct1", b"", hashed)
    assert check.is_right("ct1", b"geheim", hashed)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "geheim",
        "scrypt:14:8:1:AAAA",
        "scrypt:14:8:1:c2FsdA==:AAAA",
        "md5:14:8:1:c2FsdA==:" + 43 * "A" + "=",
        "scrypt:10:8:1:c2FsdA==:" + 43 * "A" + "=",
        "scrypt:40:8:1:c2FsdA==:" + 43 * "A" + "=",
        "scrypt:14:8:99:c2FsdA==:" + 43 * "A" + "=",
        "scrypt:14:8:1::" + 43 * "A" + "=",
        "scrypt:14:8:1:c2FsdA==:" + 43 * "?" + "=",
    ],
)
def test_what_is_no_hash_or_too_weak_or_too_dear_is_refused(text):
    with pytest.raises(ValueError, match="is no hash of a passcode"):
        PasscodeHash.parse(text)


@settings(max_examples=200)
@given(st.text())
def test_any_text_is_read_or_refused(text):
    try:
        PasscodeHash.parse(text)
    except ValueError as error:
        assert str(error).startswith("is no hash of a passcode")
