"""Revisions of the config."""

from __future__ import annotations

from hilum_core import revisions


def test_each_accepted_text_is_kept_for_good_under_a_number_of_its_own(tmp_path):
    assert revisions.latest(tmp_path) == 0
    assert revisions.accept(tmp_path, "a = 1") == 1
    assert revisions.accept(tmp_path, "a = 2") == 2
    assert revisions.accept(tmp_path, "a = 1") == 3
    assert [revisions.read(tmp_path, number) for number in (1, 2, 3)] == ["a = 1", "a = 2", "a = 1"]


def test_a_restart_with_the_same_text_makes_no_new_revision(tmp_path):
    assert revisions.accept(tmp_path, "a = 1") == 1
    assert revisions.accept(tmp_path, "a = 1") == 1


def test_a_revision_that_a_crash_left_half_written_is_not_one(tmp_path):
    revisions.accept(tmp_path, "a = 1")
    (tmp_path / "config" / "000002.new").write_text("half")
    assert revisions.latest(tmp_path) == 1
    assert revisions.accept(tmp_path, "a = 2") == 2
