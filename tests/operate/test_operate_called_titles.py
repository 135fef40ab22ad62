"""One router under several AE titles: tests and production apart, for routes and for peers."""

from __future__ import annotations

from hilum_core.testing import running_router

CONFIG = """
    [peers.modality]
    ae_title = "MODALITY"
    may_send = true
    [peers.trainee]
    ae_title = "TRAINEE"
    may_send = true
    may_call = ["HILUM_TEST"]
    [sinks.archive]
    type = "folder"
    path = "{0}/archive"
    layout = "{{SOPInstanceUID}}.dcm"
    [sinks.test]
    type = "folder"
    path = "{0}/test"
    layout = "{{SOPInstanceUID}}.dcm"
    [[routes]]
    name = "production"
    called = ["HILUM"]
    sinks = ["archive"]
    [[routes]]
    name = "test"
    called = ["HILUM_TEST"]
    sinks = ["test"]
    """


def test_each_called_title_has_its_routes_and_a_peer_calls_what_it_may(run_dcmtk, make_object, tmp_path):
    for name in ("archive", "test"):
        (tmp_path / name).mkdir()
    files = [make_object(tmp_path / "objects", number) for number in (1, 2, 3, 4)]
    config = CONFIG.format(tmp_path)
    with running_router(tmp_path, config, also_called=["HILUM_TEST"]) as router:

        def store(file, calling, called):
            where = ("-aet", calling, "-aec", called, "127.0.0.1", router.port)
            return run_dcmtk("storescu", *where, file.path)

        assert store(files[0], "MODALITY", "HILUM").returncode == 0
        assert store(files[1], "MODALITY", "HILUM_TEST").returncode == 0
        assert store(files[2], "TRAINEE", "HILUM_TEST").returncode == 0
        refused = store(files[3], "TRAINEE", "HILUM")
        assert refused.returncode != 0
        assert "Called AE Title Not Recognized" in refused.stderr + refused.stdout
        router.wait_until_idle(objects=3)
        assert "peers.trainee may not call HILUM" in router.log()
        arrived = {
            name: {path.stem for path in (tmp_path / name).glob("*.dcm")} for name in ("archive", "test")
        }
        assert arrived == {
            "archive": {files[0].sop_instance_uid},
            "test": {files[1].sop_instance_uid, files[2].sop_instance_uid},
        }


def test_a_title_that_the_router_has_not_is_a_fault_with_the_nearest_name(hilum, tmp_path):
    path = tmp_path / "hilum.toml"
    router = '[router]\nstate_dir = "/nowhere"\nalso_called = ["HILUM_TEST"]\n'
    path.write_text(
        router + CONFIG.format(tmp_path).replace('called = ["HILUM_TEST"]', 'called = ["HILUM_TST"]')
    )
    said = hilum("check", "--config", path).stderr
    assert (
        "routes[1].called[0]: no AE title of the router is called 'HILUM_TST'; did you mean 'HILUM_TEST'?"
        in said
    )
    path.write_text(
        router + CONFIG.format(tmp_path).replace('may_call = ["HILUM_TEST"]', 'may_call = ["HILUM_TSET"]')
    )
    done = hilum("check", "--config", path)
    assert done.returncode == 78
    assert "peers.trainee.may_call[0]: no AE title of the router is called 'HILUM_TSET'" in done.stderr
