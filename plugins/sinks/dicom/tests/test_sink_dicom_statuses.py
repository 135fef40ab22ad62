"""Statuses whose meaning the config changes."""

from __future__ import annotations

import pytest

from hilum_sdk import PermanentError, Receipt, RefusedError, TemporaryError
from hilum_sdk.config import ConfigProblems, structure
from hilum_sink_dicom.config import DicomConfig
from hilum_sink_dicom.statuses import as_configured, meaning_of

MEANINGS = {"A900": "retry", "a9xx": "dead", "Cxxx": "delivered", "B007": "refused"}


@pytest.mark.parametrize(
    ("status", "meaning"),
    [
        (0xA900, "retry"),
        (0xA901, "dead"),
        (0xC123, "delivered"),
        (0xB007, "refused"),
        (0xB000, None),
        (0x0000, None),
        (None, None),
    ],
)
def test_the_most_exact_pattern_says_what_a_status_means(status, meaning):
    assert meaning_of(status, MEANINGS) == meaning


def test_an_answer_gets_the_meaning_of_the_config_and_keeps_status_and_words():
    refused = RefusedError("pacs answered A900H: data set mismatch", status=0xA900)
    retried = as_configured(refused, MEANINGS)
    assert type(retried) is TemporaryError
    assert (retried.message, retried.status) == (refused.message, 0xA900)
    taken = as_configured(RefusedError("cannot understand", status=0xC001), MEANINGS)
    assert taken == Receipt(status=0xC001, warning="cannot understand")
    warned = as_configured(Receipt(status=0xB007, warning="data set does not match"), MEANINGS)
    assert type(warned) is RefusedError


def test_what_the_config_does_not_name_stays_as_it_is():
    error = PermanentError("no", status=0x0122)
    assert as_configured(error, MEANINGS) is error
    assert as_configured(Receipt(status=0), {}) == Receipt(status=0)


@pytest.mark.parametrize("pattern", ["A9", "A9000", "GGGG", "xA90", "A9x0", "xxxx"])
def test_what_is_no_status_is_refused(pattern):
    with pytest.raises(ConfigProblems, match="four hexadecimal digits"):
        structure({"peer": "pacs", "statuses": {pattern: "retry"}}, DicomConfig, peers={"pacs"})
