"""Two routers with one secret agree on all UIDs of a study. `make study` takes 20,000 objects."""

from bench.deidentify.study import compare


def test_two_routers_with_one_secret_agree_and_another_agrees_on_nothing(tmp_path):
    said = compare(tmp_path, 400)
    assert said[0].startswith("400 objects, 40")
