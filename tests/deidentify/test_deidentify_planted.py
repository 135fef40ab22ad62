"""Identifiers planted in every real object of the test data: none is left, and none is lost in silence."""

from pathlib import Path

import pytest
from bench.deidentify.alone import Alone, DeclinedError
from bench.deidentify.corpus import real_objects
from bench.deidentify.planting import PLACES, Gardener, left_in

MOST_BYTES = 2 << 20  # the larger ones are planted by `make bench-deidentify`
OBJECTS = [path for path in real_objects() if path.stat().st_size <= MOST_BYTES]

# What cannot be judged without a rule that says it may go, by the word of the config that lets it.
ACTIONS = {"encapsulated-documents", "video", "burned-in-text"}


@pytest.fixture(scope="module")
def planted(tmp_path_factory):
    """Every object with its plants, as files."""
    folder = tmp_path_factory.mktemp("planted")
    gardener = Gardener()
    found = {}
    for number, source in enumerate(OBJECTS):
        path = folder / f"{number:03d}-{source.name}"
        data, plants = gardener.plant(source)
        path.write_bytes(data)
        found[path] = plants
    return found


def test_of_all_that_was_planted_nothing_is_left_and_no_object_is_declined(planted, tmp_path):
    alone = Alone(verify=True)
    left, places = [], set()
    for path, plants in planted.items():
        target = tmp_path / path.name
        alone.deidentify(path, target)
        left += [
            (path.name, plant.place, f"{plant.tag:08X}") for plant in left_in(target.read_bytes(), plants)
        ]
        places |= {plant.place for plant in plants}
    assert left == []
    assert places == set(PLACES)


def test_what_is_declined_by_default_says_what_lets_it_go(tmp_path):
    alone = Alone(verify=False, table={"allow": []})
    declined = []
    for path in OBJECTS:
        try:
            alone.deidentify(path, tmp_path / "out.dcm")
        except DeclinedError as error:
            declined.append(str(error))
    assert declined
    unexplained = [text for text in declined if not any(action in text for action in ACTIONS)]
    # Two objects are cut short.
    assert [text.split(": ")[0] for text in unexplained] == [
        "(7FE0,0010) at offset 1154",
        "(300A,00B0) at offset 1110",
    ]


def test_an_object_with_nothing_planted_is_hardly_ever_held_by_verify(tmp_path):
    plain, verified = Alone(verify=False), Alone(verify=True)
    held = []
    for path in OBJECTS:
        try:
            plain.deidentify(path, tmp_path / "plain.dcm")
        except DeclinedError:
            continue
        try:
            verified.deidentify(path, tmp_path / "verified.dcm")
        except DeclinedError as error:
            held.append((path.name, str(error)))
    assert len(held) <= len(OBJECTS) // 100, held


def test_files_say_nothing_of_when_they_were_made(planted, tmp_path):
    path = next(iter(planted))
    alone = Alone(verify=False)
    outputs = []
    for name in ("a", "b"):
        alone.deidentify(path, Path(tmp_path / name))
        outputs.append((tmp_path / name).read_bytes())
    assert outputs[0] == outputs[1]
