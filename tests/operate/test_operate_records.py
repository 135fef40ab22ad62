"""Records of a router at work: what is done with goes after its time, what waits keeps its own."""

from __future__ import annotations

from hilum_core.testing import running_router

CONFIG = """
    [peers.modality]
    ae_title = "MODALITY"
    may_send = true
    [sinks.archive]
    type = "folder"
    path = "{0}/archive"
    [[routes]]
    name = "all"
    called = ["HILUM"]
    sinks = ["archive"]
    """


def test_old_records_go_while_the_router_works_and_what_waits_keeps_its_own(run_dcmtk, make_object, tmp_path):
    (tmp_path / "archive").mkdir()
    files = [make_object(tmp_path / "objects", number) for number in range(1, 7)]
    settings = {"also_called": ["HILUM_TEST"], "keep_settled": "1s", "keep_records": "2s"}
    with running_router(tmp_path, CONFIG.format(tmp_path), **settings) as router:

        def store(file, called="HILUM"):
            where = ("-aet", "MODALITY", "-aec", called, "127.0.0.1", router.port)
            assert run_dcmtk("storescu", *where, file.path).returncode == 0

        store(files[0], "HILUM_TEST")  # no route takes it: it is held
        for file in files[1:5]:
            store(file)
        router.wait_until(lambda: not router.objects("received", "routing", "routed"), within_s=60)
        (held,) = router.objects("held")
        store(files[5])

        def left():
            return {row.stored.instance.sop_instance_uid for row in router.objects()}

        router.wait_until(
            lambda: left() == {files[0].sop_instance_uid, files[5].sop_instance_uid}, within_s=60
        )
        assert "removed old records" in router.log()
        with router.queue() as queue:
            kinds = [event.kind for event in queue.history(held.stored.instance.id).events]
        assert kinds == ["received", "held"]
