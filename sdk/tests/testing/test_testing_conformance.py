"""The suites find what is wrong: each defective plugin fails just the tests that are about its defect."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

DEFECTS = Path(__file__).with_name("defective_plugins.py")
EVERYBODY_FAILS = "test_entry_point_names_the_plugin"  # these plugins are not installed


@pytest.fixture(scope="module")
def failed():
    """What failed in `defective_plugins.py`, by class."""
    done = subprocess.run(
        [sys.executable, "-m", "pytest", str(DEFECTS), "-rfE", "--tb=no", "-p", "no:cacheprovider"],
        capture_output=True,
        text=True,
        check=False,
    )
    failures = {}
    for name, test in re.findall(r"(?:FAILED|ERROR) \S+::(\w+)::(\w+)", done.stdout):
        failures.setdefault(name, set()).add(test)
    assert failures, done.stdout + done.stderr
    return {name: tests - {EVERYBODY_FAILS} for name, tests in failures.items()}


@pytest.mark.parametrize(
    ("name", "tests"),
    [
        ("TestSoundFilter", set()),
        ("TestFilterThatReadsMore", {"test_answers_the_same_for_what_it_says_it_needs"}),
        ("TestFilterThatForgets", {"test_answers_the_same_again"}),
        ("TestFilterThatChangesTheHeader", {"test_leaves_the_header_as_it_is"}),
        ("TestFilterThatQuotes", {"test_survives_hostile_objects"}),
        ("TestUnexplainedFilter", {"test_every_setting_is_explained"}),
        ("TestSoundTransform", set()),
        ("TestTransformThatRolls", {"test_gives_the_same_bytes_again"}),
        ("TestTransformThatTouchesPixels", {"test_keeps_pixels_bit_for_bit"}),
        ("TestTransformThatQuotes", {"test_is_silent_about_patients"}),
        ("TestTransformThatOnlyClaims", {"test_hides_what_identifies_if_it_says_so"}),
        ("TestSoundSink", set()),
        ("TestSinkThatWritesInPlace", {"test_interrupted_delivery_leaves_nothing_half"}),
        ("TestSinkThatAddsABit", None),
        ("TestSinkThatNamesByPatient", {"test_survives_hostile_objects"}),
        ("TestSinkThatClosesOnce", None),
    ],
)
def test_a_defect_fails_what_is_about_it(failed, name, tests):
    if tests is None:
        assert failed[name]
    else:
        assert failed[name] == tests
