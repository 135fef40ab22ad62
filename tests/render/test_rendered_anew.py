"""What waits when the config changes is rendered anew; what a sink has taken is not."""

from __future__ import annotations

from pathlib import Path

from pydicom import dcmread

from hilum_core.testing import running_router, send

MODALITY = """
    [peers.modality]
    ae_title = "MODALITY"
    may_send = true
    """


def editing(institution: str) -> str:
    return f"""
    [transforms.mark]
    type = "edit"
    set = {{ InstitutionName = "{institution}" }}
    """


def folder(path: Path, name: str, *, disabled: bool = False) -> str:
    path.mkdir(exist_ok=True)
    return f"""
    [sinks.{name}]
    type = "folder"
    path = "{path}"
    layout = "{{SOPInstanceUID}}.dcm"
    disabled = {str(disabled).lower()}
    [[routes]]
    name = "to-{name}"
    transforms = ["mark"]
    sinks = ["{name}"]
    """


def institutions(path: Path) -> set[str]:
    return {dcmread(file).InstitutionName for file in path.glob("*.dcm")}


def kinds(router) -> list[str]:
    (row,) = router.objects()
    with router.queue() as queue:
        return [event.kind for event in queue.history(row.stored.instance.id).events]


def test_what_waits_is_rendered_by_the_new_config_and_the_ledger_says_so(hilum, make_object, tmp_path):
    out = tmp_path / "out"
    before = MODALITY + editing("Before") + folder(out, "out", disabled=True)
    with running_router(tmp_path, before) as router:
        send([make_object(tmp_path / "objects", 1)], router.port)
        router.wait_until(lambda: router.deliveries("out", "ready"))
        text = router.config_path.read_text().replace("Before", "After").replace("disabled = true", "")
        router.config_path.write_text(text)
        done = hilum("reload", "--config", router.config_path)
        assert done.returncode == 0, done.stderr
        router.wait_until_idle(objects=1)
        assert kinds(router).count("rendering outdated") == 1
        renderings = list((tmp_path / "state" / "renderings").rglob("*.dcm"))
    assert institutions(out) == {"After"}
    assert len(renderings) == 1


def test_what_is_still_the_same_is_sent_as_it_was_made(make_object, tmp_path):
    out = tmp_path / "out"
    before = MODALITY + editing("Before") + folder(out, "out", disabled=True)
    with running_router(tmp_path, before) as router:
        send([make_object(tmp_path / "objects", 1)], router.port)
        router.wait_until(lambda: router.deliveries("out", "ready"))
        router.stop()
        router.config_path.write_text(router.config_path.read_text().replace("disabled = true", ""))
        router.start()
        router.wait_until_idle(objects=1)
        assert kinds(router).count("rendered") == 1
    assert institutions(out) == {"Before"}


def test_what_one_sink_has_taken_is_rendered_anew_for_the_others_only(hilum, make_object, tmp_path):
    first, second = tmp_path / "first", tmp_path / "second"
    before = MODALITY + editing("Before") + folder(first, "first") + folder(second, "second", disabled=True)
    with running_router(tmp_path, before) as router:
        send([make_object(tmp_path / "objects", 1)], router.port)
        router.wait_until(lambda: router.deliveries("first", "delivered"))
        text = router.config_path.read_text().replace("Before", "After").replace("disabled = true", "")
        router.config_path.write_text(text)
        assert hilum("reload", "--config", router.config_path).returncode == 0
        router.wait_until_idle(objects=1)
    assert institutions(first) == {"Before"}
    assert institutions(second) == {"After"}
