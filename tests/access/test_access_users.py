"""User identity, in both directions: who gives no user, or the wrong passcode, does not come in."""

from __future__ import annotations

import pytest
from pynetdicom import AE, evt
from pynetdicom.pdu_primitives import UserIdentityNegotiation

from hilum_core.credentials import PasscodeHash
from hilum_core.testing import running_router

VERIFICATION = "1.2.840.10008.1.1"
PASSCODE = "correct horse battery"


@pytest.fixture(scope="module")
def router(tmp_path_factory):
    folder = tmp_path_factory.mktemp("router")
    hashed = folder / "portal.passcode"
    hashed.write_text(str(PasscodeHash.of(PASSCODE.encode())))
    hashed.chmod(0o600)
    config = f"""
[peers.portal]
ae_title = "PORTAL"
may_send = true
user = "portal"
passcode_hash = {{ file = "{hashed}" }}
[peers.open]
ae_title = "OPEN"
may_send = true
[sinks.folder]
type = "folder"
path = "{folder}"
[[routes]]
name = "all"
sinks = ["folder"]
"""
    with running_router(folder, config) as running:
        yield running


def storescu(run_dcmtk, router, file, *options, calling_ae="PORTAL"):
    where = ("127.0.0.1", router.port)
    return run_dcmtk("storescu", *options, "-aet", calling_ae, "-aec", "HILUM", *where, file.path)


@pytest.fixture
def an_object(make_object, tmp_path):
    return make_object(tmp_path, 201)


def test_the_right_passcode_opens_the_door_and_the_object_keeps_the_user(router, run_dcmtk, an_object):
    done = storescu(run_dcmtk, router, an_object, "-usr", "portal", "-pwd", PASSCODE, "-rsp")
    assert done.returncode == 0, done.stderr
    stored = router.wait_until(router.objects)
    assert stored[0].stored.instance.association.user == "portal"


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ((), "it names no user"),
        (("-usr", "portal"), "it gives no passcode"),
        (("-usr", "portal", "-pwd", "wrong horse"), "its passcode is wrong"),
        (("-usr", "admin", "-pwd", PASSCODE), "it names another user than peers.portal.user"),
    ],
)
def test_any_other_user_is_rejected_and_the_operator_knows_why(router, run_dcmtk, an_object, options, why):
    assert storescu(run_dcmtk, router, an_object, *options).returncode != 0
    router.wait_until(lambda: f"user identity not verified: {why}" in router.log())
    assert "horse" not in router.log()


def test_tickets_and_tokens_are_refused_where_a_user_is_wanted(router):
    identity = UserIdentityNegotiation()
    identity.user_identity_type, identity.primary_field = 3, b"a ticket"
    ae = AE("PORTAL")
    ae.add_requested_context(VERIFICATION)
    association = ae.associate("127.0.0.1", router.port, ae_title="HILUM", ext_neg=[identity])
    assert association.is_rejected
    answer = association.acceptor.primitive
    assert (answer.result, answer.result_source, answer.diagnostic) == (2, 2, 1)


def test_a_peer_without_a_user_comes_in_whoever_it_names(router, run_dcmtk, an_object):
    for options in ((), ("-usr", "anybody", "-pwd", "anything")):
        done = storescu(run_dcmtk, router, an_object, *options, calling_ae="OPEN")
        assert done.returncode == 0, done.stderr


def test_the_router_gives_its_own_user_when_it_calls(hilum, tmp_path, monkeypatch):
    heard = []

    def verify(event):
        heard.append((event.user_id_type, event.primary_field, event.secondary_field))
        return event.secondary_field == PASSCODE.encode(), None

    ae = AE("PACS")
    ae.add_supported_context(VERIFICATION)
    server = ae.start_server(("127.0.0.1", 0), block=False, evt_handlers=[(evt.EVT_USER_ID, verify)])
    path = tmp_path / "hilum.toml"
    path.write_text(
        f'[router]\nstate_dir = "{tmp_path}/state"\n[peers.pacs]\nae_title = "PACS"\nhost = "127.0.0.1"\n'
        f"port = {server.socket.getsockname()[1]}\n"
        '[peers.pacs.login]\nuser = "hilum"\npasscode = { env = "HILUM_TEST_PASSCODE" }\n'
    )
    try:
        monkeypatch.setenv("HILUM_TEST_PASSCODE", PASSCODE)
        assert hilum("echo", "pacs", "--config", path).returncode == 0
        assert heard == [(2, b"hilum", PASSCODE.encode())]
        monkeypatch.setenv("HILUM_TEST_PASSCODE", "wrong")
        done = hilum("echo", "pacs", "--config", path)
        assert done.returncode == 1
        assert "the association was rejected" in done.stderr
    finally:
        server.shutdown()
