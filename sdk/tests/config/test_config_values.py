"""Durations, sizes and secrets as a config writes them, and the validators of the SDK."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hilum_sdk import ConfigError
from hilum_sdk.config import (
    ReadsConfig,
    Secret,
    ae_title,
    duration_text,
    not_empty,
    parse_duration,
    parse_size,
    port_number,
    positive,
    size_text,
    uid,
)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("10s", 10),
        ("15m", 900),
        ("2h", 7200),
        ("1d", 86400),
        ("14d", 1209600),
        ("1h30m", 5400),
        ("250ms", 0.25),
        ("0s", 0),
    ],
)
def test_a_duration_is_a_number_with_its_unit(text, seconds):
    assert parse_duration(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize("text", ["", "10", "s", "-1s", "1.5h", "1 h", "1m1h", "1H", "\u0661s", "1s\n"])
def test_what_is_no_duration_is_refused(text):
    with pytest.raises(ValueError, match="a duration"):
        parse_duration(text)


@given(st.timedeltas(min_value=timedelta(0), max_value=timedelta(days=9999)))
def test_a_duration_is_written_as_it_is_read(duration):
    duration -= timedelta(microseconds=duration.microseconds % 1000)
    assert parse_duration(duration_text(duration)) == duration


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("256MiB", 2**28),
        ("10 GiB", 10 * 2**30),
        ("1kB", 1000),
        ("1.5 KiB", 1536),
        ("7B", 7),
        (7, 7),
        ("0B", 0),
    ],
)
def test_a_size_is_a_number_of_bytes(text, size):
    assert parse_size(text) == size


@pytest.mark.parametrize(
    "text", ["", "10", "GiB", "-1B", "1 gib", "1e3 B", "0.1 B", "8388608TiB", "1  B", "1B\n"]
)
def test_what_is_no_size_is_refused(text):
    with pytest.raises(ValueError, match="a size"):
        parse_size(text)


@given(st.integers(0, 2**63 - 1))
def test_a_size_is_written_as_it_is_read(size):
    assert parse_size(size_text(size)) == size


def test_a_secret_is_read_from_the_environment_when_it_is_wanted(monkeypatch):
    secret = Secret(env="HILUM_TEST_SECRET")
    with pytest.raises(ConfigError, match="no variable HILUM_TEST_SECRET; set it"):
        secret.reveal()
    monkeypatch.setenv("HILUM_TEST_SECRET", "hunter2")
    assert secret.reveal() == "hunter2"
    assert repr(secret) == "Secret(env='HILUM_TEST_SECRET', file=None)"


def test_a_secret_is_read_from_a_file_without_its_line_end(tmp_path):
    path = tmp_path / "secret"
    secret = Secret(file=path)
    with pytest.raises(ConfigError, match="cannot be read: No such file"):
        secret.reveal()
    path.write_bytes(b"hunter2\r\n")
    assert secret.reveal() == "hunter2"
    assert "hunter2" not in f"{secret} {secret!r}"
    path.write_bytes(b"\xff")
    with pytest.raises(ConfigError, match="is not UTF-8 text"):
        secret.reveal()


def test_a_secret_has_one_source():
    with pytest.raises(ValueError, match="either env or file"):
        Secret()
    with pytest.raises(ValueError, match="either env or file"):
        Secret(env="A", file=Path("/x"))
    assert isinstance(Secret, ReadsConfig)


@pytest.mark.parametrize(
    ("validator", "good", "bad"),
    [
        (
            ae_title,
            ["CT1", "A" * 16, "A B", None],
            ["", " ", "A" * 17, " CT", "CT ", "A\\B", "Ä", "A\n", "A\tB"],
        ),
        (port_number, [1, 104, 65535, None], [0, -1, 65536]),
        (not_empty, ["a", ("a",), {"a": 1}, None], ["", "  ", (), {}]),
        (
            uid,
            ["1.2.840.10008.1.1", "0.0", "1." * 31 + "10", None],
            ["", "1", "1.", "1.02", "1.a", "1." * 32 + "1", "1.2\n"],
        ),
        (positive, [1, 0.1, timedelta(seconds=1), None], [0, -1, 0.0, timedelta(0)]),
    ],
)
def test_a_validator_passes_what_is_right_and_refuses_the_rest(validator, good, bad):
    for value in good:
        validator(None, None, value)
    for value in bad:
        with pytest.raises(ValueError, match=" "):
            validator(None, None, value)
