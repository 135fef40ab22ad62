"""The range of the SDK that a distribution asks for."""

from __future__ import annotations

import pytest

from hilum_core.registry.versions import normalized, unmet_range


@pytest.mark.parametrize(
    ("requirement", "installed", "unmet"),
    [
        ("hilum-sdk>=0.1,<1", "0.1.0", ""),
        ("hilum-sdk<1,>=0.1", "0.9", ""),
        ("hilum-sdk (>=0.9)", "0.1.0", ">=0.9"),
        ("hilum-sdk<1,>=0.9", "0.1.0", ">=0.9,<1"),
        ("Hilum_SDK >= 0.9", "0.1.0", ">= 0.9"),
        ("hilum.sdk>=0.10", "0.9", ">=0.10"),
        ("hilum-sdk<1", "1.0.0", "<1"),
        ("hilum-sdk<1", "1.0rc1", "<1"),
        ("hilum-sdk>=1", "1.0rc1", ">=1"),
        ("hilum-sdk>=1.0rc1", "1.0rc1", ""),
        ("hilum-sdk==0.1.*", "0.1.7", ""),
        ("hilum-sdk==0.1.*", "0.10", "==0.1.*"),
        ("hilum-sdk!=0.1.*", "0.1.7", "!=0.1.*"),
        ("hilum-sdk==0.1", "0.1.0", ""),
        ("hilum-sdk!=0.1", "0.1.0", "!=0.1"),
        ("hilum-sdk~=0.1", "0.9", ""),
        ("hilum-sdk~=0.1", "1.0", "~=0.1"),
        ("hilum-sdk~=0.1.2", "0.2", "~=0.1.2"),
        ("hilum-sdk>0.1", "0.1.0", ">0.1"),
        ("hilum-sdk<=0.1", "0.1.0", ""),
        ("hilum-sdk", "0.1.0", ""),
        ("hilum-sdk>=9; extra == 'x'", "0.1.0", ""),
        ("hilum-sdk[testing]>=9", "0.1.0", ">=9"),
        ("hilum-sdk-more>=9", "0.1.0", ""),
        ("hilum-sdk===nonsense", "0.1.0", ""),
        ("not a requirement ???", "0.1.0", ""),
    ],
)
def test_a_range_is_met_or_told(requirement, installed, unmet):
    assert unmet_range(["pydicom>=9", requirement], "hilum-sdk", installed) == unmet


def test_all_spellings_of_a_name_are_one():
    assert normalized("Acme._-Tools") == normalized("acme-tools")
