"""What is on the way when the config changes: it goes on as it was decided, or is held and counted."""

from __future__ import annotations

from pathlib import Path

from hilum_core.testing import running_router, send

MODALITY = """
    [peers.modality]
    ae_title = "MODALITY"
    may_send = true
    """


def dead_archive(name: str, port: int) -> str:
    return f"""
    [peers.{name}]
    ae_title = "NOBODY"
    host = "127.0.0.1"
    port = {port}
    [sinks.{name}]
    type = "dicom"
    peer = "{name}"
    [[routes]]
    name = "to-{name}"
    sinks = ["{name}"]
    """


def folder(path: Path) -> str:
    path.mkdir(exist_ok=True)
    return f"""
    [sinks.folder]
    type = "folder"
    path = "{path}"
    layout = "{{SOPInstanceUID}}.dcm"
    [[routes]]
    name = "to-folder"
    sinks = ["folder"]
    """


def lanes(router) -> set[str]:
    with router.queue() as queue:
        return {one.sink for one in queue.status().sinks if one.lane}


def test_what_a_config_drops_is_announced_held_and_sent_by_a_person_only(
    hilum, make_object, free_port, tmp_path
):
    files = [make_object(tmp_path / "objects", number) for number in range(1, 4)]
    archive, other = dead_archive("archive", free_port()), folder(tmp_path / "out")
    with running_router(tmp_path, MODALITY + archive) as router:

        def act(*words):
            done = hilum(*words, "--config", router.config_path)
            assert done.returncode == 0, done.stderr
            return done.stdout

        send(files, router.port)
        router.wait_until(lambda: len(router.deliveries("archive", "ready")) == 3)
        with_archive = router.config_path.read_text()
        router.config_path.write_text(with_archive.replace(archive, other))
        gone = "3 deliveries would be held: the sink archive is no longer in the config"
        assert gone in act("check")
        assert gone in act("reload")
        router.wait_until(lambda: len(router.deliveries("archive", "held")) == 3)
        reasons = {row.last_failure.text for row in router.deliveries("archive")}
        assert reasons == {"the sink archive is no longer in the config"}
        # Back again, it gets nothing by itself, and nobody can release to what is not there.
        refused = hilum("queue", "release", "--sink", "archive", "--config", router.config_path)
        assert refused.returncode == 1
        assert "no sink is called 'archive'" in refused.stderr
        router.config_path.write_text(with_archive + other)
        act("reload")
        router.wait_until(lambda: {"archive", "folder"} <= lanes(router))
        assert len(router.deliveries("archive", "held")) == 3
        kept, *rest = [row.delivery_id for row in router.deliveries("archive")]
        act("queue", "release", kept)
        assert {row.delivery_id for row in router.deliveries("archive", "ready", "leased")} == {kept}
        moved = act("queue", "redirect", *rest, "--to", "folder", "--because", "new archive")
        assert moved == "2 deliveries will go to folder\n"
        router.wait_until(lambda: len(list((tmp_path / "out").glob("*.dcm"))) == 2)
        act("queue", "redirect", kept, "--to", "folder", "--because", "new archive")
        router.wait_until_idle(objects=3)
    for file in files:
        assert file.path.read_bytes().endswith(file.data_set)
        out = tmp_path / "out" / f"{file.sop_instance_uid}.dcm"
        assert out.read_bytes().endswith(file.data_set)


def test_what_a_faulty_config_seems_not_to_have_holds_nothing(make_object, free_port, tmp_path):
    archive, other = dead_archive("archive", free_port()), folder(tmp_path / "out")
    (tmp_path / "out").rmdir()
    with running_router(tmp_path, MODALITY + archive + other) as router:
        send([make_object(tmp_path / "objects", 1)], router.port)
        router.wait_until(lambda: len(router.deliveries("", "ready")) == 2)
        assert router.stop() == 0
        misspelt = archive.replace("[sinks.", "[sink.").replace("[[routes]]", "[[route]]")
        router.config_path.write_text(router.config_path.read_text().replace(archive, misspelt))
        (tmp_path / "out").mkdir()
        router.start()
        router.wait_until(lambda: "a part of the config waits" in router.log())
        # The other lane works: whatever was to be held before any lane begins is held by now.
        router.wait_until(lambda: router.deliveries("folder", "delivered"))
        assert [row.state for row in router.deliveries("archive")] == ["ready"]
