"""Secrets leave no trace, and nobody but their owner reads the files of a router that was at work."""

from __future__ import annotations

import os
import stat
import subprocess
import sys

import pytest
from pynetdicom import AE, evt

from hilum_core.credentials import PasscodeHash
from hilum_core.testing import running_router

VERIFICATION = "1.2.840.10008.1.1"
CT = "1.2.840.10008.5.1.4.1.1.2"
EXPLICIT = "1.2.840.10008.1.2.1"

PLANTED = "pl4nted-s3cret-0f-the-w4rd"
OF_CALLER = "pl4nted-p4sscode-0f-a-c4ller"
WRONG = "pl4nted-wr0ng-p4sscode"
OF_KEY = "pl4nted-k3y-p4sscode"
ALL_PLANTED = (PLANTED, OF_CALLER, WRONG, OF_KEY)


@pytest.fixture(scope="module")
def archive():
    """An archive that takes the planted user only."""
    ae = AE("PACS")
    ae.add_supported_context(VERIFICATION)
    ae.add_supported_context(CT, EXPLICIT)
    server = ae.start_server(
        ("127.0.0.1", 0),
        block=False,
        evt_handlers=[
            (evt.EVT_USER_ID, lambda event: (event.secondary_field == PLANTED.encode(), None)),
            (evt.EVT_C_STORE, lambda _: 0),
        ],
    )
    yield server.socket.getsockname()[1]
    server.shutdown()


@pytest.fixture(scope="module")
def used(authority, archive, run_dcmtk, make_object, tmp_path_factory):
    """A router that has received, routed, edited, delivered, refused, reloaded and restarted; and its folder.

    It ran under a umask that lets everybody read.
    """
    folder = tmp_path_factory.mktemp("used")
    identity = authority.issue("locked", passcode=OF_KEY)
    secrets = folder / "secrets"
    secrets.mkdir()
    hashed = PasscodeHash.of(OF_CALLER.encode())
    for name, text in (("key", OF_KEY), ("login", PLANTED), ("hash", str(hashed))):
        (secrets / name).write_text(f"{text}\n")
        (secrets / name).chmod(0o600)
    config = f"""
[router.tls]
certificate = "{identity.certificate}"
key = "{identity.key}"
key_passcode = {{ file = "{secrets}/key" }}
ca = "{authority.certificate}"
[peers.portal]
ae_title = "PORTAL"
may_send = true
user = "portal"
passcode_hash = {{ file = "{secrets}/hash" }}
[peers.pacs]
ae_title = "PACS"
host = "127.0.0.1"
port = {archive}
login = {{ user = "hilum", passcode = {{ file = "{secrets}/login" }} }}
[transforms.mark]
type = "edit"
set = {{ InstitutionName = "Clinic" }}
[sinks.pacs]
type = "dicom"
peer = "pacs"
[[routes]]
name = "all"
transforms = ["mark"]
sinks = ["pacs"]
"""
    sent = make_object(folder / "objects", 301)
    before = os.umask(0)
    try:
        with running_router(folder, config, listen_tls="127.0.0.1:0") as router:
            for passcode in (WRONG, OF_CALLER):
                run_dcmtk("storescu", "-usr", "portal", "-pwd", passcode, "-aet", "PORTAL", "-aec", "HILUM",
                          "127.0.0.1", router.port, sent.path)  # fmt: skip
            router.wait_until_idle(objects=1)
            yield router, folder, hashed
    finally:
        os.umask(before)


def hilum(*arguments):
    """Run a command, and return all that it said."""
    done = subprocess.run(
        [sys.executable, "-m", "hilum_core.cli", *map(str, arguments)],
        capture_output=True, text=True, timeout=120, check=False, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    return done.stdout + done.stderr


def test_no_secret_is_in_the_log_in_any_output_or_in_the_state_directory(used):
    router, folder, hashed = used
    config = ("--config", router.config_path)
    (object_row,) = router.objects()
    said = [
        router.log(),
        hilum("check", *config),
        hilum("check", "--environment", *config),
        hilum("echo", "pacs", *config),
        hilum("queue", "status", *config),
        hilum("queue", "status", "--json", *config),
        hilum("queue", "list", "--json", *config),
        hilum("queue", "show", object_row.stored.instance.id, *config),
        hilum("plugins", "--json"),
    ]
    (folder / "secrets" / "key").write_text(f"{WRONG}\n")  # now the key cannot be opened
    said += [hilum("check", *config), hilum("echo", "pacs", *config)]
    assert "is encrypted; its key_passcode is not the right one" in said[-2]
    (folder / "secrets" / "key").write_text(f"{OF_KEY}\n")
    (folder / "secrets" / "login").write_text(f"{WRONG}\n")  # now the archive rejects us
    said.append(hilum("echo", "pacs", *config))
    assert "rejected" in said[-1]
    planted = [secret.encode() for secret in (*ALL_PLANTED, str(hashed))]
    kept = [path for path in router.state_dir.rglob("*") if path.is_file()]
    assert kept
    for text in [text.encode() for text in said] + [path.read_bytes() for path in kept]:
        assert not [secret for secret in planted if secret in text]


def test_every_file_of_a_used_state_directory_is_its_owners_alone(used):
    router, _, _ = used
    found = [router.state_dir, *router.state_dir.rglob("*")]
    kinds = {path.relative_to(router.state_dir).parts[0] for path in found[1:]}
    assert {"queue.sqlite", "queue.sqlite-wal", "queue.sqlite-shm", "run", "config", "lock"} <= kinds
    for path in found:
        mode = path.lstat().st_mode
        private = 0o600 if stat.S_ISREG(mode) else 0o700
        assert stat.S_IMODE(mode) | private == private, f"{path}: {stat.filemode(mode)}"
