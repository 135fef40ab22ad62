"""`hilum reload`: a new config while the router works, without a caller or an object that notices."""

from __future__ import annotations

import os
import signal
import threading
from pathlib import Path

from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian

from hilum_core.testing import RawAssociation, running_router, send

CT = (CTImageStorage, ExplicitVRLittleEndian)
MODALITY = """
    [peers.modality]
    ae_title = "MODALITY"
    may_send = true
    """


def flow(folder: Path) -> str:
    folder.mkdir(exist_ok=True)
    return f"""{MODALITY}
        [sinks.archive]
        type = "folder"
        path = "{folder}"
        layout = "{{SOPInstanceUID}}.dcm"
        [[routes]]
        name = "all"
        sinks = ["archive"]
        """


def receivers(router) -> set[int]:
    return set(router.processes().get("receive", ()))


def test_a_reload_tells_what_it_took_what_it_refused_and_why(hilum, tmp_path):
    with running_router(tmp_path, flow(tmp_path / "archive")) as router:
        path, text = router.config_path, router.config_path.read_text()

        def reload():
            done = hilum("reload", "--config", path)
            return done.returncode, (done.stdout + done.stderr).splitlines()

        assert reload() == (0, ["not changed: revision 1 stays"])
        path.write_text(f"{text}\n# as before\n")
        status, said = reload()
        assert (status, said[0], said[-1]) == (0, f"{path}: no problems", "taken as revision 2")

        path.write_text(text.replace('type = "folder"', 'type = "flder"').replace("name", "nam"))
        status, said = reload()
        assert (status, said[0], said[-1]) == (78, f"{path}: 3 problems", "refused: revision 2 stays")
        assert "did you mean 'folder'?" in "".join(said)
        path.write_text(text.replace('state_dir = "', 'state_dir = "/nowhere'))
        done = hilum("reload", "--state-dir", router.state_dir)
        assert done.returncode == 78
        assert "only by a new start" in done.stderr
        path.write_text("[router\n")
        status, said = reload()
        assert (status, said[-1]) == (78, "refused: the running config stays")
        path.unlink()
        done = hilum("reload", "--state-dir", router.state_dir)
        assert done.returncode == 1
        assert done.stderr.endswith("revision 2 stays\n")
        assert sorted(one.name for one in (router.state_dir / "config").iterdir()) == [
            "000001.toml",
            "000002.toml",
        ]
        # What it refused has stopped nothing.
        path.write_text(text)
        assert reload()[1][-1] == "taken as revision 3"


def test_a_reload_finds_no_router_where_only_its_traces_are(hilum, tmp_path):
    with running_router(tmp_path, flow(tmp_path / "archive")) as router:
        router.process.kill()
        router.process.wait()
        router.wait_until(lambda: not router.processes())
        done = hilum("reload", "--config", router.config_path)
    assert done.returncode == 1
    assert done.stderr == f"hilum: {router.state_dir}: no router runs here; start it with hilum run\n"


def test_an_association_outlives_a_reload_and_the_receiver_ends_with_it(hilum, tmp_path):
    with running_router(tmp_path, flow(tmp_path / "archive")) as router:
        router.wait_until(lambda: len(receivers(router)) == 2)
        before = receivers(router)
        with RawAssociation.open(router.port, [CT], calling_ae="MODALITY") as association:
            assert association.store(CTImageStorage, "1.2.3.1", [bytes(2000)]) == 0
            router.config_path.write_text(router.config_path.read_text() + "# new\n")
            assert hilum("reload", "--config", router.config_path).returncode == 0
            # The receiver that serves nobody has gone: what is left does so for the association.
            router.wait_until(lambda: len(before & receivers(router)) == 1)
            assert association.store(CTImageStorage, "1.2.3.2", [bytes(2000)]) == 0
            association.release()
        router.wait_until(lambda: not before & receivers(router))
        router.wait_until(lambda: len(router.objects()) == 2)
        assert "stopped by us" not in router.log()


def test_a_receiver_that_sees_somebody_off_ends_when_the_router_stops(hilum, tmp_path):
    with running_router(tmp_path, flow(tmp_path / "archive"), stop_within="2s") as router:
        with RawAssociation.open(router.port, [CT], calling_ae="MODALITY"):
            router.config_path.write_text(router.config_path.read_text() + "# new\n")
            assert hilum("reload", "--config", router.config_path).returncode == 0
            assert router.stop() == 0
        assert not router.processes()


def test_no_caller_is_refused_while_configs_are_taken_one_after_the_other(hilum, make_object, tmp_path):
    files = [make_object(tmp_path / "objects", number) for number in range(1, 4)]
    faults, sent, done = [], [], threading.Event()

    def keep_sending():
        while not done.is_set():
            answers = send(files, port)
            sent.append(len(answers))
            faults.extend(answer for answer in answers.values() if answer != 0)

    with running_router(tmp_path, flow(tmp_path / "archive")) as router:
        port = router.port
        modality = threading.Thread(target=keep_sending)
        modality.start()
        try:
            for number in range(2, 6):
                already = len(sent)
                router.config_path.write_text(router.config_path.read_text() + f"# {number}\n")
                taken = hilum("reload", "--config", router.config_path)
                assert taken.stdout.endswith(f"taken as revision {number}\n")
                router.wait_until(lambda already=already: len(sent) > already + 1)
        finally:
            done.set()
            modality.join()
        assert not faults
        router.wait_until_idle(objects=sum(sent))
        assert "died" not in router.log()


def test_hangups_that_come_in_a_row_are_answered_with_the_newest_text(tmp_path):
    with running_router(tmp_path, flow(tmp_path / "archive")) as router:
        text = router.config_path.read_text()
        for number in range(3):
            router.config_path.write_text(f"{text}# {number}\n")
            os.kill(router.process.pid, signal.SIGHUP)
        newest = router.state_dir / "config"
        router.wait_until(
            lambda: any(one.read_text().endswith("# 2\n") for one in newest.glob("0*.toml")), within_s=60
        )
