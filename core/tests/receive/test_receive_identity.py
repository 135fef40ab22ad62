"""Whether a caller's user is the one that its peer must give."""

from __future__ import annotations

import threading

import pytest

from hilum_core.config import PeerSettings
from hilum_core.credentials import PasscodeCheck, PasscodeHash, passcodes
from hilum_core.dicom.negotiation import UserIdentity
from hilum_core.receive.identity import UserCheck
from hilum_sdk.config import Secret

HASH = PasscodeHash.of(b"tr\xc3\xa8s secret")


@pytest.fixture
def portal(tmp_path):
    file = tmp_path / "portal.passcode"
    file.write_text(f"{HASH}\n")
    return UserCheck(
        "portal",
        PeerSettings(ae_title="PORTAL", user="portal", passcode_hash=Secret(file=file)),
        PasscodeCheck(),
    )


def identity(kind=2, user=b"portal", passcode=b"tr\xc3\xa8s secret"):
    return UserIdentity(type=kind, wants_response=False, primary=user, secondary=passcode)


def test_the_right_user_with_the_right_passcode_comes_in_again_and_again(portal):
    for _ in range(3):
        assert portal(identity()) is None


@pytest.mark.parametrize(
    ("given", "why"),
    [
        (None, "it names no user"),
        (identity(user=b"Portal"), "another user than peers.portal.user"),
        (identity(kind=1, passcode=b""), "it gives no passcode"),
        (identity(passcode=b""), "its passcode is wrong"),
        (identity(passcode=b"tres secret"), "its passcode is wrong"),
        (identity(kind=3, passcode=b""), "a Kerberos ticket"),
        (identity(kind=4, passcode=b""), "a SAML assertion"),
        (identity(kind=5, passcode=b""), "a JSON Web Token"),
        (identity(kind=77), "an identity of type 77"),
    ],
)
def test_any_other_is_rejected_and_nothing_of_it_is_quoted(portal, given, why):
    rejection = portal(given)
    assert (rejection.result, rejection.source, rejection.reason) == (2, 2, 1)
    assert why in rejection.text
    assert "secret" not in rejection.text
    assert "Portal" not in rejection.text


def test_a_user_without_a_passcode_needs_none():
    check = UserCheck("x", PeerSettings(ae_title="X", user="x"), PasscodeCheck())
    assert check(identity(kind=1, user=b"x", passcode=b"")) is None
    assert check(identity(user=b"x", passcode=b"whatever")) is None
    assert check(identity(kind=1, user=b"y", passcode=b"")) is not None


def test_a_passcode_is_hashed_once_while_it_and_its_hash_stay_the_same(portal, monkeypatch):
    computed = []
    compute = PasscodeHash.compute
    monkeypatch.setattr(
        PasscodeHash, "compute", lambda self, passcode: computed.append(1) or compute(self, passcode)
    )
    assert [portal(identity()) for _ in range(5)] == [None] * 5
    assert len(computed) == 1
    portal.peer.passcode_hash.file.write_text(str(PasscodeHash.of(b"another")))
    assert "its passcode is wrong" in portal(identity()).text


def test_a_flood_of_passcodes_is_turned_away_for_now_and_computes_one_at_a_time(portal, monkeypatch):
    monkeypatch.setattr(passcodes, "_LONGEST_WAIT_S", 0.01)
    begun, go_on = threading.Event(), threading.Event()

    def slow(_self, _passcode):
        begun.set()
        go_on.wait(60)
        return bytes(32)

    monkeypatch.setattr(PasscodeHash, "compute", slow)
    first = threading.Thread(target=portal, args=(identity(passcode=b"1"),))
    first.start()
    assert begun.wait(60)
    rejection = portal(identity(passcode=b"2"))
    go_on.set()
    first.join()
    assert (rejection.result, rejection.source, rejection.reason) == (2, 3, 2)


def test_a_hash_that_cannot_be_read_keeps_everybody_out(portal):
    portal.peer.passcode_hash.file.write_text("plain passcode")
    assert "peers.portal.passcode_hash: what it refers to is no hash" in portal(identity()).text
    portal.peer.passcode_hash.file.unlink()
    assert "cannot be read" in portal(identity()).text
