"""Dates that go back, and ages that are capped."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hilum_transform_deidentify.identity import capped, shifted

DATES = st.dates(min_value=date(1200, 1, 1), max_value=date(9999, 12, 31))
DAYS = st.integers(1, 4000)
TIMES = st.sampled_from(
    [
        "",
        "09",
        "0930",
        "093059",
        "235960",
        "093059.5",
        "093059.123456",
        "093059.123456+0100",
        "-0330",
        "1200+1400",
    ]
)


def encoded(day):
    return f"{day:%Y%m%d}".rjust(8, "0").encode()


@given(day=DATES, days=DAYS)
def test_a_date_goes_back_by_whole_days(day, days):
    assert shifted("DA", encoded(day), days) == encoded(day - timedelta(days=days))


@given(day=DATES, days=DAYS, time=TIMES)
def test_a_date_and_time_keeps_time_and_zone(day, days, time):
    made = shifted("DT", encoded(day) + time.encode() + b" ", days)
    assert made == encoded(day - timedelta(days=days)) + time.encode()


@given(first=DATES, second=DATES, days=DAYS)
def test_the_time_between_two_dates_stays(first, second, days):
    made = shifted("DA", encoded(first) + b"\\" + encoded(second), days)
    one, other = (date(int(v[:4]), int(v[4:6]), int(v[6:])) for v in made.split(b"\\"))
    assert other - one == second - first


@pytest.mark.parametrize(
    ("vr", "value"),
    [
        ("DA", b"2024"),
        ("DA", b"202401"),
        ("DA", b"20240230"),
        ("DA", b"20241301"),
        ("DA", b"00000101"),
        ("DA", b"2024.01.31"),
        ("DA", b"20240131-20240229"),
        ("DA", b"20240131-"),
        ("DA", b"20240131120000"),
        ("DA", b"20240131\\2024"),
        ("DA", b"Planted "),
        ("DA", b"00010101"),
        ("DA", "\uff12\uff10\uff12\uff14\uff10\uff11\uff13\uff11".encode()),
        ("DT", b"2024"),
        ("DT", b"202401"),
        ("DT", b"20240131-20240229"),
        ("DT", b"20240131-2024"),
        ("DT", b"2024013124"),
        ("DT", b"202401311260"),
        ("DT", b"20240131120000.1234567"),
        ("DT", b"20240131 Planted"),
        ("TM", b"093059"),
        ("OB", b"20240131"),
        ("UN", b"20240131"),
        ("LO", b"20240131"),
    ],
)
def test_what_is_no_whole_date_is_not_shifted(vr, value):
    assert shifted(vr, value, 10) is None


def test_what_is_empty_stays_empty():
    assert shifted("DA", b"", 3) == b""
    assert shifted("DA", b"  ", 3) == b""
    assert shifted("DA", b"20240131\\\\20240131 ", 3) == b"20240128\\\\20240128"


@pytest.mark.parametrize(
    ("value", "made"),
    [
        (b"", b""),
        (b"045Y", b"045Y"),
        (b"090Y", b"090Y"),
        (b"091Y", b"090Y"),
        (b"104Y", b"090Y"),
        (b"95Y ", b"090Y"),
        (b"6W", b"6W"),
        (b"999M", b"999M"),
        (b"1200M", b"090Y"),
        (b"999W", b"999W"),
        (b"030D\\099Y", b"030D\\090Y"),
        (b"95", b""),
        (b"104 years", b""),
        (b"Planted ", b""),
    ],
)
def test_ages_above_90_years_are_capped(value, made):
    assert capped(value) == made


@given(number=st.integers(0, 9999), unit=st.sampled_from("DWMY"))
def test_no_age_above_90_years_is_left(number, unit):
    value = capped(f"{number:03d}{unit}".encode())
    assert int(value[:-1]) <= {"D": 90 * 365, "W": 90 * 52, "M": 90 * 12, "Y": 90}[chr(value[-1])]
