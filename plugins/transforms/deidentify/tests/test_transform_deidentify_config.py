"""What the config may ask for; the README's configs can be read, and it explains every key."""

import re
from pathlib import Path

import pytest
import tomli

from hilum_sdk import ConfigError
from hilum_sdk.config import ConfigProblems, describe, structure
from hilum_sdk.testing import FakeContext
from hilum_transform_deidentify.config import MAY_GO, DeidentifyConfig
from hilum_transform_deidentify.judging import ALLOWABLE
from hilum_transform_deidentify.options import NOT_YET, Option
from hilum_transform_deidentify.transform import DeidentifyTransform

TEXT = (Path(__file__).parents[1] / "README.md").read_text()
SECRET = {"secret": {"env": "HILUM_TEST_SECRET"}}


def problem(**settings):
    with pytest.raises(ConfigProblems) as caught:
        structure({**SECRET, **settings}, DeidentifyConfig)
    return str(caught.value)


def test_every_config_of_the_readme_can_be_read():
    blocks = re.findall(r"```toml\n(.*?)```", TEXT, re.DOTALL)
    assert blocks
    for block in blocks:
        for table in tomli.loads(block)["transforms"].values():
            table.pop("type", None)
            structure(table, DeidentifyConfig)


def test_every_key_is_explained():
    assert [field.key for field in describe(DeidentifyConfig) if f"| `{field.key}` |" not in TEXT] == []


@pytest.mark.parametrize("name", NOT_YET)
def test_an_option_that_is_not_there_is_refused_with_the_reason(name):
    for key in ("retain", "clean"):
        assert f"{name!r} is an option that is not there yet: {NOT_YET[name]}" in problem(**{key: [name]})


def test_a_misspelt_option_is_refused_with_the_one_that_was_meant():
    assert "there is no 'uid'; did you mean 'uids'?" in problem(retain=["uid"])
    assert "there is no 'safe-private'; there is structured-content, graphics" in problem(
        clean=["safe-private"]
    )
    assert "one name stands there twice" in problem(retain=["uids", "uids"])


def test_dates_are_kept_in_full_or_modified():
    both = ["longitudinal-full-dates", "longitudinal-modified-dates"]
    assert "dates are kept in full or modified, not both" in problem(retain=both)


@pytest.mark.parametrize("days", [0, -1, 36_501])
def test_dates_are_shifted_by_a_sensible_number_of_days(days):
    assert "must be 1 to 36500 days" in problem(most_days=days)


def test_every_option_can_be_asked_for():
    config = structure(
        {
            **SECRET,
            "retain": [o.value for o in list(Option)[1:7]],
            "clean": [o.value for o in list(Option)[7:]],
        },
        DeidentifyConfig,
    )
    assert config.options == set(Option) - {Option.FULL_DATES}


def test_what_may_be_allowed_is_what_is_held():
    assert set(MAY_GO) == set(ALLOWABLE)


def test_a_secret_that_could_be_guessed_is_refused_unquoted(tmp_path, monkeypatch):
    monkeypatch.setenv("HILUM_TEST_SECRET", "geheim")
    transform = DeidentifyTransform(
        structure(SECRET, DeidentifyConfig), FakeContext(tmp_path, label="transforms.x")
    )
    for call in (transform.open, transform.probe):
        with pytest.raises(ConfigError, match=r"transforms\.x\.secret: .*shorter than 16") as caught:
            call()
        assert "geheim" not in str(caught.value)


def test_another_secret_is_another_fingerprint(tmp_path, monkeypatch):
    found = set()
    for secret in ("a secret of sixteen bytes", "another secret of 16 bytes", "a secret of sixteen bytes"):
        monkeypatch.setenv("HILUM_TEST_SECRET", secret)
        found.add(
            DeidentifyTransform(structure(SECRET, DeidentifyConfig), FakeContext(tmp_path)).fingerprint()
        )
    assert len(found) == 2
