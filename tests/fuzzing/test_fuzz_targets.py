"""What `make fuzz` does for long, in short and always the same: no bytes harm what reads bytes of others."""

from __future__ import annotations

import pytest
from fuzz.targets import TARGETS
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

NUMBERS = [0, 1, 2, 0x7F, 0x80, 0xFE, 0xFF]


@pytest.fixture(scope="module")
def seeds_of():
    made = {name: target.seeds() for name, target in TARGETS.items()}
    return made.__getitem__


def mutated(seed, cuts, data):
    """Some stretches of a seed replaced, left out or doubled, and numbers made extreme."""
    for place, length, what in cuts:
        at = place % (len(seed) + 1)
        match what:
            case "cut":
                seed = seed[:at] + seed[at + length :]
            case "double":
                seed = seed[: at + length] + seed[at:]
            case "insert":
                seed = seed[:at] + data + seed[at:]
            case number:
                seed = seed[:at] + bytes([number]) * min(length, len(seed) - at) + seed[at + length :]
    return seed


@pytest.mark.parametrize("name", TARGETS)
def test_what_the_fuzzer_begins_with_is_read_or_refused(name, seeds_of):
    for seed in seeds_of(name):
        TARGETS[name].check(seed)


@pytest.mark.parametrize("name", TARGETS)
@settings(
    max_examples=300,
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
)
@given(
    chosen=st.integers(0, 1000),
    cuts=st.lists(
        st.tuples(
            st.integers(0, 20_000),
            st.integers(1, 8),
            st.sampled_from(["cut", "double", "insert", *NUMBERS]),
        ),
        min_size=1,
        max_size=6,
    ),
    data=st.binary(max_size=20),
)
def test_bytes_that_are_no_dicom_are_refused_in_words_of_the_protocol(name, seeds_of, chosen, cuts, data):
    seeds = seeds_of(name)
    TARGETS[name].check(mutated(seeds[chosen % len(seeds)], cuts, data))
