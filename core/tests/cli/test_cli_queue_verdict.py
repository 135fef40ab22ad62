"""What `hilum queue status --check` tells a monitoring system."""

from datetime import UTC, datetime, timedelta

import pytest

from hilum_core.cli.queue_verdict import Level, Limits, judge, unknown
from hilum_core.queue.records import LaneStatus, Problem, QueueStatus, SinkCounts

NOW = datetime(2026, 11, 24, 5, tzinfo=UTC)
LIMITS = Limits(max_age=timedelta(minutes=15), max_dead=0)


def status(*, age_s=None, dead=0, held=0, ready=0, resting=False, problems=(), held_objects=0):
    oldest = None if age_s is None else NOW - timedelta(seconds=age_s)
    lane = LaneStatus(sink="pacs", state="resting", resting_until=NOW) if resting else None
    sink = SinkCounts(
        sink="pacs", by_state={"dead": dead, "held": held, "ready": ready}, oldest_at=oldest, lane=lane
    )
    return QueueStatus(
        objects={"held": held_objects}, sinks=(sink,), oldest_unfinished_at=oldest, problems=tuple(problems)
    )


@pytest.mark.parametrize(
    ("figures", "level", "words"),
    [
        (status(), Level.OK, "nothing undelivered"),
        (status(age_s=12, ready=2), Level.OK, "2 deliveries on the way, the oldest for 12 s"),
        (status(age_s=900, ready=1), Level.OK, "1 delivery on the way, the oldest for 15 min"),
        (status(held=1), Level.WARNING, "1 held"),
        (status(held=1, held_objects=2), Level.WARNING, "3 held"),
        (status(resting=True), Level.WARNING, "pacs rests"),
        (
            status(problems=[Problem(label="sinks.s3", text="broken | by\nplugin", since=NOW)]),
            Level.WARNING,
            "sinks.s3: broken / by plugin",
        ),
        (status(age_s=901, ready=1), Level.CRITICAL, "oldest undelivered 15 min 1 s > 15 min"),
        (status(dead=1, held=1), Level.CRITICAL, "1 dead > 0; 1 held"),
    ],
)
def test_the_verdict_has_level_words_and_figures_in_one_line(figures, level, words):
    verdict = judge(figures, LIMITS, NOW, running=True)
    assert verdict.level is level
    assert verdict.line.startswith(f"HILUM {level.name} - {words} | oldest=")
    assert len(verdict.line.splitlines()) == 1


def test_the_figures_are_performance_data():
    line = judge(status(age_s=12, ready=3), LIMITS, NOW, running=True).line
    assert line.endswith("| oldest=12s;;900;0 dead=0;;0;0 held=0;;;0 ready=3;;;0 leased=0;;;0")


def test_a_router_that_does_not_run_is_critical():
    verdict = judge(status(), LIMITS, NOW, running=False)
    assert verdict.level is Level.CRITICAL
    assert "the router does not run" in verdict.line


def test_a_queue_that_cannot_be_read_is_unknown():
    assert unknown("no\nqueue").line == "HILUM UNKNOWN - no queue"
    assert [level.value for level in Level] == [0, 1, 2, 3]
