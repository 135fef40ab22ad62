"""Plugins that hang, crash, leak or raise: reception goes on, the others go on, and the culprit is named."""

from __future__ import annotations

import json
import signal
from pathlib import Path

import pytest

from hilum_core.testing import RunningRouter, running_router, send

MODALITY = """
    [peers.modality]
    ae_title = "MODALITY"
    may_send = true
    """


def folder_flow(folder: Path, more: str = "") -> str:
    """A folder sink, and a route to it, both by the folder's name."""
    folder.mkdir()
    return f"""
        [sinks.{folder.name}]
        type = "folder"
        path = "{folder}"
        layout = "{{SOPInstanceUID}}.dcm"
        [[routes]]
        name = "{folder.name}"
        sinks = ["{folder.name}"]
        {more}
        """


def bad_sink(delivery: str) -> str:
    return f"""
        [sinks.bad]
        type = "bad"
        delivery = {{ {delivery} }}
        [[routes]]
        name = "bad"
        sinks = ["bad"]
        """


SINK = """
    import attrs, os, time
    from hilum_sdk import Receipt, Sink, SinkSpec, hookimpl
    @attrs.frozen(kw_only=True)
    class Config:
        pass
    class Bad(Sink):
        def deliver(self, item):
            if str(item.header.SeriesDescription) == "bad":
                {what}
            return Receipt()
    @hookimpl
    def hilum_register_sinks():
        yield SinkSpec(type="bad", config=Config, create="acme_bad:Bad")
    """

TRANSFORM = """
    import attrs, os, time
    from hilum_sdk import Transform, TransformSpec, hookimpl
    @attrs.frozen(kw_only=True)
    class Config:
        pass
    class Bad(Transform):
        def apply(self, draft):
            if str(draft.instance.sop_instance_uid).endswith(".3"):
                {what}
    @hookimpl
    def hilum_register_transforms():
        yield TransformSpec(type="bad", config=Config, create="acme_bad:Bad")
    """

FILTER = """
    import attrs, os, time
    from hilum_sdk import Filter, FilterSpec, TemporaryError, hookimpl
    @attrs.frozen(kw_only=True)
    class Config:
        pass
    class Bad(Filter):
        needs = {{0x0008103E}}
        def matches(self, header, instance):
            if str(header.SeriesDescription) == "bad":
                {what}
            return True
    @hookimpl
    def hilum_register_filters():
        yield FilterSpec(type="bad", config=Config, create="acme_bad:Bad")
    """

SLEEPS = "time.sleep(1000)"
ENDS_THE_PROCESS = "os._exit(3)"
LEAKS = "bytearray(1 << 40)"


@pytest.fixture
def files(make_object, tmp_path):
    """Ten objects, of which the third is the one that the plugins stumble over."""
    return [
        make_object(tmp_path / "objects", number, SeriesDescription="bad" if number == 3 else "good")
        for number in range(1, 11)
    ]


def arrived(folder: Path) -> list[str]:
    return sorted(path.stem.rpartition(".")[2] for path in folder.glob("*.dcm"))


def problems(hilum, router: RunningRouter) -> str:
    status = hilum("queue", "status", "--json", "--config", router.config_path)
    return json.dumps(json.loads(status.stdout)["status"]["problems"])


GOOD = sorted(str(number) for number in range(1, 11) if number != 3)


def history(router: RunningRouter, any_id: str) -> str:
    with router.queue() as queue:
        return json.dumps([dict(event.detail) for event in queue.history(any_id).events])


@pytest.mark.parametrize("what", [SLEEPS, ENDS_THE_PROCESS])
def test_a_sink_that_hangs_or_crashes_delays_neither_reception_nor_its_other_objects(
    install, files, tmp_path, what
):
    install("acme-bad", "sinks", "bad", SINK.format(what=what))
    config = MODALITY + folder_flow(tmp_path / "sink") + bad_sink('timeout = "500ms", first_retry = "1s"')
    reason = {SLEEPS: "did not finish within its time limit", ENDS_THE_PROCESS: "(exit status 3)"}[what]
    with running_router(tmp_path, config) as router:
        assert set(send(files, router.port).values()) == {0}
        router.wait_until(lambda: len(router.deliveries("sink", "delivered")) == 10)
        router.wait_until(lambda: len(router.deliveries("bad", "delivered")) == 9)
        (bad,) = router.objects("routed")
        assert bad.stored.instance.sop_instance_uid == files[2].sop_instance_uid
        (row,) = router.wait_until(
            lambda: [
                row
                for row in router.deliveries("bad")
                if row.object_id == bad.stored.instance.id and row.last_failure
            ]
        )
        assert reason in row.last_failure.text
        assert row.last_failure.blame == "acme-bad 1.5"
        assert reason in router.log()


def test_an_object_that_crashes_its_sink_five_times_is_a_dead_letter(install, files, tmp_path):
    install("acme-bad", "sinks", "bad", SINK.format(what=ENDS_THE_PROCESS))
    config = MODALITY + bad_sink('first_retry = "50ms", longest_retry = "100ms"')
    with running_router(tmp_path, config) as router:
        send(files, router.port)
        (dead,) = router.wait_until(lambda: router.deliveries("bad", "dead"))
        router.wait_until(lambda: len(router.deliveries("bad", "delivered")) == 9)
        assert dead.attempts == 5
        assert "died with it in hand" in dead.last_failure.text
        assert "a delivery is dead" in router.log()


@pytest.mark.parametrize("what", [ENDS_THE_PROCESS, LEAKS, SLEEPS])
def test_a_transform_that_crashes_leaks_or_hangs_stops_no_other_object(install, files, tmp_path, what):
    install("acme-bad", "transforms", "bad", TRANSFORM.format(what=what))
    config = (
        MODALITY
        + folder_flow(tmp_path / "whole")
        + folder_flow(tmp_path / "changed", 'transforms = ["bad"]')
        + '[transforms.bad]\ntype = "bad"\n'
    )
    with running_router(tmp_path, config, transform_timeout="500ms", worker_memory="512MiB") as router:
        assert set(send(files, router.port).values()) == {0}
        router.wait_until(lambda: len(router.deliveries("whole", "delivered")) == 10)
        router.wait_until(lambda: len(router.deliveries("changed", "delivered")) == 9)
        assert arrived(tmp_path / "changed") == GOOD
        (row,) = router.deliveries("changed", "unrendered")
        reason = "did not finish within its time limit" if what == SLEEPS else "died with it in hand"
        router.wait_until(lambda: reason in history(router, row.object_id))


def test_a_filter_that_hangs_holds_back_the_object_and_no_other(install, files, tmp_path):
    install("acme-bad", "filters", "bad", FILTER.format(what=SLEEPS))
    config = MODALITY + folder_flow(tmp_path / "sink", 'filters = ["bad"]') + '[filters.bad]\ntype = "bad"\n'
    with running_router(tmp_path, config, filter_timeout="300ms") as router:
        assert set(send(files, router.port).values()) == {0}
        router.wait_until(lambda: len(router.objects("settled")) == 9)
        assert arrived(tmp_path / "sink") == GOOD
        router.wait_until(lambda: "filters.bad (acme-bad 1.5)" in router.log())
        assert len(router.objects("received", "routing")) == 1


def test_reception_goes_on_though_everything_else_of_the_config_is_broken(files, hilum, tmp_path):
    broken = """
        [filters.a]
        type = "no such"
        [transforms.b]
        kind = 1
        [sinks.c]
        type = "dicom"
        peer = "nobody"
        [[routes]]
        name = "all"
        filters = ["zzz"]
        sinks = ["c"]
        [nonsense]
        x = 1
        """
    with running_router(tmp_path, MODALITY + broken) as router:
        assert set(send(files, router.port).values()) == {0}
        router.wait_until(lambda: len(router.objects()) == 10)
        assert {row.state for row in router.objects()} <= {"received", "routing"}
        router.wait_until(lambda: "routes[0]" in problems(hilum, router))
        # Mended, everything goes its way.
        text = router.config_path.read_text()
        router.config_path.write_text(text.replace(broken, folder_flow(tmp_path / "sink")))
        router.process.send_signal(signal.SIGHUP)
        router.wait_until_idle(objects=10)
        assert len(arrived(tmp_path / "sink")) == 10
        router.wait_until(lambda: problems(hilum, router) == "[]")
