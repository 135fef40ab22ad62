"""Figures and JSON as commands print them."""

from datetime import UTC, datetime, timedelta

import attrs
import pytest

from hilum_core.cli.console import to_json
from hilum_core.cli.figures import age_words, count_words, size_words, time_words, who_acts


@pytest.mark.parametrize(
    ("age", "words"),
    [
        (None, "-"),
        (timedelta(0), "0 s"),
        (timedelta(seconds=-3), "0 s"),
        (timedelta(seconds=59.9), "59 s"),
        (timedelta(minutes=1), "1 min"),
        (timedelta(minutes=1, seconds=5), "1 min 5 s"),
        (timedelta(hours=3, minutes=12, seconds=9), "3 h 12 min"),
        (timedelta(days=2, seconds=5), "2 d"),
    ],
)
def test_an_age_has_at_most_two_units(age, words):
    assert age_words(age) == words


@pytest.mark.parametrize(("size", "words"), [(0, "0 B"), (999, "999 B"), (1500, "1.5 kB"), (2.5e9, "2.5 GB")])
def test_a_size_has_a_decimal_unit(size, words):
    assert size_words(size) == words


def test_counts_are_grouped_and_numbered():
    assert count_words(1, "delivery", "deliveries") == "1 delivery"
    assert count_words(1204, "object") == "1,204 objects"


def test_times_are_utc():
    at = datetime(2026, 11, 24, 6, 0, 1, 999_000, tzinfo=UTC).astimezone()
    assert time_words(at) == "2026-11-24 06:00:01Z"
    assert to_json(at) == "2026-11-24T06:00:01.999Z"


def test_behind_sudo_both_names_are_kept(monkeypatch):
    monkeypatch.setenv("LOGNAME", "root")
    monkeypatch.setenv("SUDO_USER", "alice")
    assert who_acts() == "alice as root"
    monkeypatch.delenv("SUDO_USER")
    assert who_acts() == "root"


def test_json_hides_what_tells_of_a_patient():
    @attrs.frozen
    class Row:
        sop_instance_uid: str
        patient_key: str
        more: dict

    row = Row("1.2.3", "digest", {"location": "/DOE^JOHN", "took": timedelta(seconds=2), "tags": ("a",)})
    assert to_json(row) == {"sop_instance_uid": "1.2.3", "more": {"took": 2.0, "tags": ["a"]}}
    assert to_json(row, hide=())["more"]["location"] == "/DOE^JOHN"
