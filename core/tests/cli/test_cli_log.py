"""What stands in a line of the log, and what must never stand there."""

import json
import logging
import os
import re
import subprocess
import sys
from datetime import UTC, datetime

import pytest

from hilum_core import log
from hilum_sdk import PermanentError


@pytest.fixture
def lines():
    """Configure the logs to a pipe, and give a function that reads the lines written so far."""
    reading, writing = os.pipe()
    ours = logging.getLogger("hilum")
    before = (list(ours.handlers), ours.level, ours.propagate)

    def start(kind="text", level="info", stage="receive"):
        log.configure(kind, level, stage, fd=writing)

    def read():
        return os.read(reading, 1 << 20).decode().splitlines()

    start.read = read
    yield start
    ours.handlers[:], ours.level, ours.propagate = before
    os.close(reading)
    os.close(writing)


def test_a_text_line_has_time_level_stage_event_and_fields(lines):
    lines()
    log.get_logger("receive").info("association ended", peer="ct1", objects=500, took_s=1.23456789)
    (line,) = lines.read()
    assert re.fullmatch(
        r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}Z INFO  receive: association ended "
        r"peer=ct1 objects=500 took_s=1\.23457",
        line,
    )


def test_a_json_line_is_one_object(lines):
    lines("json")
    log.get_logger("receive").warning("association rejected", calling_ae="CT 1", reason="é\n")
    (line,) = lines.read()
    record = json.loads(line)
    assert list(record) == ["at", "level", "stage", "pid", "event", "fields"]
    assert record["level"] == "warning"
    assert record["pid"] == os.getpid()
    assert record["fields"] == {"calling_ae": "CT 1", "reason": "é\n"}


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("CT 1", '"CT 1"'),
        ("", '""'),
        ('a"b', '"a\\"b"'),
        ("a\\nb", '"a\\\\nb"'),
        ("evil\n2026-11-24 05:00:00.000Z INFO", '"evil\\n2026-11-24 05:00:00.000Z INFO"'),
        ("\x1b[31m", '"\\x1b[31m"'),
        ("a\u202eb", '"a\\u202eb"'),
        ("a\x85b\u2028c", '"a\\x85b\\u2028c"'),
        ("x peer=pacs", '"x peer=pacs"'),
        (None, "None"),
    ],
)
def test_a_value_cannot_forge_a_line_a_field_or_a_terminal_sequence(lines, value, shown):
    lines()
    log.get_logger("receive").info("seen", value=value)
    (line,) = lines.read()
    assert line.endswith(f"seen value={shown}")


@pytest.mark.parametrize("kind", ["text", "json"])
def test_a_time_among_the_fields_is_written_as_the_time_of_the_line(lines, kind):
    lines(kind)
    until = datetime(2026, 11, 24, 5, 0, 1, 123_456, tzinfo=UTC)
    log.get_logger("deliver").info("a lane rests", until=until)
    (line,) = lines.read()
    assert "2026-11-24T05:00:01.123Z" in line


def test_levels_below_the_one_asked_for_are_not_written(lines):
    lines(level="warning")
    own = log.get_logger("receive")
    own.info("quiet")
    own.error("loud")
    assert [line.split(": ")[1] for line in lines.read()] == ["loud"]
    assert not own.is_debug()


def test_a_components_logger_names_the_component_and_hides_foreign_texts(lines):
    lines()
    logger = log.component_logger("sinks.pacs")
    try:
        int("DOE^JOHN")
    except ValueError:
        logger.exception("could not %s", "work")
    (line,) = lines.read()
    assert "could not work component=sinks.pacs" in line
    assert "ValueError at test_cli_log.py:" in line
    assert "DOE" not in line


def test_a_plugins_bad_format_string_neither_raises_nor_prints_its_arguments(lines, capfd):
    lines()
    log.component_logger("sinks.pacs").warning("%d objects", "DOE^JOHN")
    log.get_logger("deliver").info("next")
    assert len(lines.read()) == 1
    assert "DOE" not in "".join(capfd.readouterr())


def test_a_log_that_cannot_be_written_stops_nothing(lines):
    reading, writing = os.pipe()
    os.close(reading)
    log.configure("text", "info", "receive", fd=writing)
    log.get_logger("receive").info("nobody reads this")
    os.close(writing)
    log.get_logger("receive").info("nor this")


def test_our_errors_speak_for_themselves():
    assert log.describe_exception(PermanentError("sinks.a: no")) == "sinks.a: no"


def test_foreign_errors_are_told_by_type_and_the_line_outside_libraries():
    def raised(action):
        with pytest.raises(Exception) as caught:
            action()
        return log.describe_exception(caught.value)

    import decimal

    from pydicom.dataset import Dataset

    assert re.fullmatch(r"AttributeError at test_cli_log.py:\d+", raised(lambda: Dataset().PatientName))
    assert re.fullmatch(r"KeyError at test_cli_log.py:\d+", raised(lambda: {}["DOE"]))
    assert re.fullmatch(r"InvalidOperation at test_cli_log.py:\d+", raised(lambda: decimal.Decimal("DOE")))
    assert raised(lambda: json.loads("DOE")).startswith("JSONDecodeError at test_cli_log.py:")
    assert log.describe_exception(ValueError("DOE")) == "ValueError"


def test_an_os_error_keeps_its_symbol():
    with pytest.raises(OSError) as caught:
        raise OSError(40, "Too many levels of symbolic links", "/patients/DOE")
    assert log.describe_exception(caught.value).startswith("OSError ELOOP at test_cli_log.py:")


def test_a_process_that_dies_of_an_unexpected_error_or_warns_quotes_nothing():
    program = """
import threading, warnings, logging
from hilum_core import log
log.start("text", "info", "render")
import pydicom.config
from pydicom.dataset import Dataset
from pydicom.dataelem import DataElement
DataElement(0x00100020, "SH", "DOE" * 40)
warnings.warn("DOE")
logging.getLogger("pydicom").error("DOE")
logging.getLogger("some.library").error("DOE")
thread = threading.Thread(target=lambda: {}["DOE"]); thread.start(); thread.join()
raise ValueError("DOE")
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "DOE" not in done.stdout + done.stderr
    first, second = done.stderr.splitlines()
    assert "render: ended by an unexpected error" in first
    assert "KeyError at" in first
    assert 'error="ValueError at <string>:' in second
