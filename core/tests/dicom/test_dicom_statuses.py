"""The one table of C-STORE statuses."""

import pytest
from pynetdicom.status import GENERAL_STATUS, STORAGE_SERVICE_CLASS_STATUS

from hilum_core.dicom.statuses import Verdict, is_warning, judge_store, status_in_words

D, R, N = Verdict.DELIVERED, Verdict.RETRY, Verdict.REFUSED


@pytest.mark.parametrize(
    ("status", "verdict", "words"),
    [
        (0x0000, D, "0x0000 success"),
        (0x0001, D, "0x0001 warning: requested optional attributes not supported"),
        (0x0107, D, "0x0107 warning: attribute list error"),
        (0x0110, R, "0x0110 processing failure"),
        (0x0111, D, "0x0111 duplicate SOP instance"),
        (0x0117, N, "0x0117 invalid SOP instance"),
        (0x0122, N, "0x0122 SOP class not supported"),
        (0x0124, N, "0x0124 not authorised"),
        (0x0210, R, "0x0210 duplicate invocation"),
        (0x0211, N, "0x0211 unrecognised operation"),
        (0x0212, N, "0x0212 mistyped argument"),
        (0xA700, R, "0xA700 out of resources"),
        (0xA702, R, "0xA702 out of resources"),
        (0xA7FF, R, "0xA7FF out of resources"),
        (0xA900, N, "0xA900 data set does not match SOP class"),
        (0xA9FF, N, "0xA9FF data set does not match SOP class"),
        (0xB000, D, "0xB000 warning: coercion of data elements"),
        (0xB006, D, "0xB006 warning: elements discarded"),
        (0xB007, D, "0xB007 warning: data set does not match SOP class"),
        (0xBFFF, D, "0xBFFF warning"),
        (0xC000, N, "0xC000 cannot understand"),
        (0xCFFF, N, "0xCFFF cannot understand"),
        (0xFE00, N, "0xFE00 unknown status"),
        (0x1234, N, "0x1234 unknown status"),
    ],
)
def test_a_status_has_a_verdict_and_words(status, verdict, words):
    assert judge_store(status) is verdict
    assert status_in_words(status) == words


def test_warnings_are_all_that_is_delivered_but_success():
    assert not is_warning(0x0000)
    assert is_warning(0xB000)
    assert is_warning(0x0111)
    assert not is_warning(0xA700)


@pytest.mark.parametrize("table", [STORAGE_SERVICE_CLASS_STATUS, GENERAL_STATUS])
def test_no_failure_counts_as_delivered_and_no_warning_as_failed(table):
    for status, (category, _) in table.items():
        if category in {"Success", "Warning"}:
            assert judge_store(status) is D, hex(status)
        elif status != 0x0111:  # the peer has it already
            assert judge_store(status) is not D, hex(status)


def test_no_status_alone_makes_a_dead_letter():
    assert Verdict.DEAD not in {judge_store(status) for status in range(0x10000)}
