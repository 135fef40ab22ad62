"""TLS in both directions, against DCMTK, pynetdicom and OpenSSL: who gets in, and who does not."""

from __future__ import annotations

import contextlib
import gc
import socket
import ssl
import subprocess
import threading
import time

import pytest
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian
from pynetdicom import AE, evt

from hilum_core.testing import running_router

# pynetdicom leaves the socket of a handshake that failed to the garbage collector, which complains.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")

VERIFICATION = "1.2.840.10008.1.1"


@pytest.fixture(autouse=True)
def _collected():
    """What pynetdicom leaves is collected here, and not in the middle of another test."""
    yield
    gc.collect()


def said(router, *words):
    """Wait for a line of the log that has all these words."""

    def line():
        return any(all(word in one for word in words) for one in router.log().splitlines())

    router.wait_until(line, within_s=60)
    return True


def s_client(openssl, router, authority, *options, identity=None):
    """Connect by `openssl s_client`, say nothing, and return what it found out."""
    proof = ("-cert", identity.certificate, "-key", identity.key) if identity else ()
    where = ("-connect", f"127.0.0.1:{router.tls_port}", "-CAfile", authority.certificate)
    return openssl("s_client", *where, *proof, *options)


def by_pynetdicom(router, context, *, calling_ae="CT1"):
    ae = AE(calling_ae)
    ae.add_requested_context(VERIFICATION)
    ae.add_requested_context(CTImageStorage, ExplicitVRLittleEndian)
    return ae.associate("127.0.0.1", router.tls_port, ae_title="HILUM", tls_args=(context, "localhost"))


@contextlib.contextmanager
def running_storescp(program, proof, folder):
    """DCMTK's storescp with TLS; a caller needs a certificate."""
    folder.mkdir()
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    options = map(str, proof.options)
    process = subprocess.Popen([program("storescp"), "-q", "+B", *options, "-od", folder, str(port)])
    try:
        wait_for_port(port)
        yield port
    finally:
        process.kill()
        process.wait()


def wait_for_port(port):
    end = time.monotonic() + 60
    while time.monotonic() < end:
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", port)).close()
            return
        time.sleep(0.02)
    raise TimeoutError


# ---- who gets in


def test_an_object_keeps_the_subject_of_its_senders_certificate(
    router, run_dcmtk, ct1, make_object, tmp_path
):
    sent = make_object(tmp_path, 101)
    done = run_dcmtk("storescu", *ct1.options, "-aet", "CT1", "-aec", "HILUM",
                     "127.0.0.1", router.tls_port, sent.path)  # fmt: skip
    assert done.returncode == 0, done.stderr
    stored = router.wait_until(
        lambda: [o for o in router.objects() if o.stored.instance.sop_instance_uid == sent.sop_instance_uid]
    )
    assert stored[0].stored.instance.association.tls_subject == "CN=ct1,O=Clinic"
    assert stored[0].stored.instance.association.peer == "ct1"


@pytest.mark.parametrize("profile", ["+py", "+px", "+pz"])
def test_the_profiles_of_dcmtk_come_in(router, run_dcmtk, ct1, profile):
    done = run_dcmtk("echoscu", *ct1.options, profile, "-aet", "CT1", "-aec", "HILUM",
                     "127.0.0.1", router.tls_port)  # fmt: skip
    assert done.returncode == 0, done.stderr


def test_both_ports_take_objects_at_once(router, run_dcmtk, ct1, make_object, tmp_path):
    secure, plain = make_object(tmp_path, 111), make_object(tmp_path, 112)
    run_dcmtk("storescu", *ct1.options, "-aet", "CT1", "-aec", "HILUM",
              "127.0.0.1", router.tls_port, secure.path)  # fmt: skip
    run_dcmtk("storescu", "-aet", "PLAIN", "-aec", "HILUM", "127.0.0.1", router.port, plain.path)
    wanted = {secure.sop_instance_uid, plain.sop_instance_uid}
    router.wait_until(lambda: wanted <= {o.stored.instance.sop_instance_uid for o in router.objects()})


def test_a_large_object_comes_in_whole_from_pynetdicom(router, ct1, make_object, tmp_path):
    sent = make_object(tmp_path, 121, PixelData=bytes(range(256)) * 40_000)
    association = by_pynetdicom(router, ct1.context)
    assert association.is_established
    assert association.send_c_store(sent.path).Status == 0
    association.release()
    stored = router.wait_until(
        lambda: [o for o in router.objects() if o.stored.instance.sop_instance_uid == sent.sop_instance_uid]
    )
    assert stored[0].stored.instance.data_set_bytes == len(sent.data_set)


def test_tls_1_3_is_preferred(router, openssl, authority, ct1):
    done = s_client(openssl, router, authority, identity=ct1.identity)
    assert "TLSv1.3" in done.stdout


# ---- who does not


def test_a_caller_without_a_certificate_is_refused(router, run_dcmtk, authority):
    done = run_dcmtk("echoscu", "+tla", "+cf", authority.certificate, "-aet", "CT1", "-aec", "HILUM",
                     "127.0.0.1", router.tls_port)  # fmt: skip
    assert done.returncode != 0
    assert said(router, 'ending="TLS failed"', "presents no certificate")


def test_a_certificate_of_a_stranger_is_refused(router, openssl, authority, stranger):
    s_client(openssl, router, authority, identity=stranger.issue("ct1"))
    assert said(router, 'ending="TLS failed"', "presents a certificate that is not accepted")


def test_a_certificate_that_has_expired_is_refused(router, openssl, authority):
    s_client(openssl, router, authority, identity=authority.issue("expired", days=-1))
    assert said(router, 'ending="TLS failed"', "certificate has expired")


def test_the_certificate_of_another_peer_does_not_open_the_door(router, run_dcmtk, authority, prove):
    other = prove(authority.issue("ct2"))
    done = run_dcmtk("echoscu", *other.options, "-aet", "CT1", "-aec", "HILUM",
                     "127.0.0.1", router.tls_port)  # fmt: skip
    assert done.returncode != 0
    assert "Calling AE Title Not Recognized" in done.stderr + done.stdout  # and no more than that
    assert said(router, "peers.ct1 must present a certificate of its own, not one of CN=ct2,O=Clinic")


@pytest.mark.parametrize("options", [("-tls1_1",), ("-tls1",)])
def test_versions_before_tls_1_2_are_refused(router, openssl, authority, ct1, options):
    options = (*options, "-cipher", "DEFAULT@SECLEVEL=0")
    done = s_client(openssl, router, authority, *options, identity=ct1.identity)
    assert "alert protocol version" in done.stderr
    assert said(router, 'ending="TLS failed"', "speaks a version of TLS that the profile forbids")


def test_a_suite_that_the_profile_does_not_have_is_refused(router, run_dcmtk, authority, prove):
    rsa = prove(authority.issue("rsa", rsa_bits=2048))  # the retired AES profile: RSA key exchange, CBC
    done = run_dcmtk("echoscu", *rsa.options, "+pa", "127.0.0.1", router.tls_port)
    assert done.returncode != 0
    assert said(router, 'ending="TLS failed"', "has no cipher suite that the profile permits")


def test_a_peer_that_must_call_by_tls_is_kept_out_of_the_plain_port(router, run_dcmtk):
    done = run_dcmtk("echoscu", "-aet", "CT1", "-aec", "HILUM", "127.0.0.1", router.port)
    assert done.returncode != 0
    assert said(router, "ending=rejected", "peers.ct1 must call by TLS")


def test_a_caller_from_another_network_is_kept_out_and_the_log_says_why(router, run_dcmtk):
    done = run_dcmtk("echoscu", "-aet", "FAR", "-aec", "HILUM", "127.0.0.1", router.port)
    assert done.returncode != 0
    assert said(router, "ending=rejected", "peers.far may not call from this address")


def test_who_calls_the_wrong_port_is_told_from_who_is_broken(router, run_dcmtk, ct1):
    run_dcmtk("echoscu", "-aet", "PLAIN", "-aec", "HILUM", "127.0.0.1", router.tls_port)
    assert said(router, 'ending="TLS failed"', "calls the TLS port without TLS")
    run_dcmtk("echoscu", *ct1.options, "127.0.0.1", router.port)
    assert said(router, "speaks TLS to a port without TLS")


def test_an_association_that_is_cut_off_leaves_nothing_behind(router, ct1, make_object, tmp_path):
    sent = make_object(tmp_path, 131, PixelData=bytes(4_000_000))
    relay = CuttingRelay(router.tls_port, after_bytes=1_000_000)
    ae = AE("CT1")
    ae.add_requested_context(CTImageStorage, ExplicitVRLittleEndian)
    association = ae.associate("127.0.0.1", relay.port, ae_title="HILUM", tls_args=(ct1.context, "localhost"))
    assert association.is_established
    association.send_c_store(sent.path)
    assert said(router, "ending=lost", "peer=ct1", "cut the TLS connection off")
    assert sent.sop_instance_uid not in {o.stored.instance.sop_instance_uid for o in router.objects()}


class CuttingRelay:
    """Passes one connection on, and closes it towards the router when so much has gone by."""

    def __init__(self, port, after_bytes):
        listening = socket.create_server(("127.0.0.1", 0))
        self.port = listening.getsockname()[1]
        self._target, self._left = port, after_bytes
        threading.Thread(target=self._serve, args=(listening,), daemon=True).start()

    def _serve(self, listening):
        target = ("127.0.0.1", self._target)
        with listening, listening.accept()[0] as caller, socket.create_connection(target) as router:
            back = threading.Thread(target=self._pass, args=(router, caller), daemon=True)
            back.start()
            while self._left > 0 and (data := caller.recv(min(self._left, 1 << 16))):
                self._left -= len(data)
                router.sendall(data)
            router.shutdown(socket.SHUT_WR)
            back.join(60)

    @staticmethod
    def _pass(source, target):
        try:
            while data := source.recv(1 << 16):
                target.sendall(data)
        except OSError:
            return


def test_callers_that_dribble_a_handshake_keep_nobody_out(router, run_dcmtk, ct1):
    dribbling = [socket.create_connection(("127.0.0.1", router.tls_port)) for _ in range(40)]
    for one in dribbling:
        one.sendall(b"\x16\3\1")
    done = run_dcmtk("echoscu", *ct1.options, "-aet", "CT1", "-aec", "HILUM",
                     "127.0.0.1", router.tls_port)  # fmt: skip
    for one in dribbling:
        one.close()
    assert done.returncode == 0, done.stderr


# ---- renewal


@pytest.fixture
def served(openssl, router, authority, ct1):
    """The fingerprint of the certificate that the router serves now."""

    def ask():
        shown = s_client(openssl, router, authority, identity=ct1.identity).stdout
        said = openssl("x509", "-noout", "-fingerprint", "-sha256", said=shown).stdout
        return said.strip().partition("=")[2]

    return ask


def test_a_renewed_certificate_is_served_while_associations_go_on(router, authority, ct1, served, an_object):
    association = by_pynetdicom(router, ct1.context)
    assert association.is_established
    before = served()
    renewed = authority.issue("router")  # in place: the router reads the same paths
    router.wait_until(lambda: served() != before, within_s=60)
    assert renewed.fingerprint == served()
    assert said(router, "took a renewed certificate")
    assert association.send_c_store(an_object.path).Status == 0
    association.release()


@pytest.fixture
def an_object(make_object, tmp_path):
    return make_object(tmp_path, 141)


# ---- calling others


@pytest.fixture(scope="module")
def archive(authority, tmp_path_factory):
    """An archive of pynetdicom that wants TLS and a certificate."""
    identity = authority.issue("pacs")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=authority.certificate)
    context.load_cert_chain(identity.certificate, identity.key)
    context.verify_mode = ssl.CERT_REQUIRED
    stored = []

    def keep(event):
        stored.append(event.request.AffectedSOPInstanceUID)
        return 0

    ae = AE("PACS")
    ae.add_supported_context(VERIFICATION)
    ae.add_supported_context(CTImageStorage, ExplicitVRLittleEndian)
    server = ae.start_server(
        ("127.0.0.1", 0),
        block=False,
        ssl_context=context,
        evt_handlers=[
            (evt.EVT_C_STORE, lambda event: stored.append(event.request.AffectedSOPInstanceUID) or 0)
        ],
    )
    yield server.socket.getsockname()[1], stored
    server.shutdown()


@pytest.fixture
def calling(authority, tmp_path):
    """Write a config with one peer to call."""

    def write(port, details):
        path = tmp_path / "hilum.toml"
        tls = authority.issue("router").table(authority.certificate)
        path.write_text(
            f'[router]\nstate_dir = "{tmp_path}/state"\n[router.tls]\n{tls}\n'
            f'[peers.pacs]\nae_title = "PACS"\nhost = "localhost"\nport = {port}\n{details}\n'
        )
        return path

    return write


def test_hilum_echo_calls_by_tls(archive, hilum, calling):
    done = hilum("echo", "pacs", "--config", calling(archive[0], "tls = true"))
    assert done.returncode == 0, done.stderr


def test_hilum_send_calls_by_tls(archive, hilum, tmp_path, make_object, calling):
    sent = make_object(tmp_path / "objects", 151, PixelData=bytes(3_000_000))
    config = calling(archive[0], "tls = true")
    done = hilum("send", "pacs", sent.path, "--config", config)
    assert done.returncode == 0, done.stderr
    assert sent.sop_instance_uid in archive[1]


@pytest.mark.parametrize(
    ("details", "words"),
    [
        ('tls = { server_name = "other.example" }', "Hostname mismatch"),
        (f'tls = {{ fingerprints = ["{"ab" * 32}"] }}', "presents another certificate than the one that"),
        ("", "no association: the peer"),
    ],
)
def test_a_peer_that_is_not_the_one_we_mean_gets_nothing(archive, hilum, details, words, calling):
    done = hilum("echo", "pacs", "--config", calling(archive[0], details))
    assert done.returncode == 1
    assert words in done.stderr


def test_a_name_that_does_not_fit_can_be_let_be(archive, hilum, calling):
    for details in ('tls = { server_name = "localhost" }', "tls = { check_name = false }"):
        config = calling(archive[0], f'{details}\ndescription = "x"')
        assert hilum("echo", "pacs", "--config", config).returncode == 0


def test_an_archive_whose_ca_we_do_not_trust_gets_nothing(archive, hilum, stranger, calling):
    config = calling(archive[0], f'tls = {{ ca = "{stranger.certificate}" }}')
    done = hilum("echo", "pacs", "--config", config)
    assert "presents a certificate that is not accepted" in done.stderr


def test_an_archive_without_tls_is_told_from_one_that_is_away(storescp, hilum, tmp_path, calling):
    plain = storescp(tmp_path / "archive")
    config = calling(plain.port, "tls = true")
    done = hilum("echo", "pacs", "--config", config)
    assert done.returncode == 1
    assert "no TLS: the peer" in done.stderr


def test_objects_go_on_by_tls_to_storescp(program, authority, prove, ct1, make_object, run_dcmtk, tmp_path):  # noqa: PLR0917 - a story of five programs
    pacs = prove(authority.issue("storescp"))
    with running_storescp(program, pacs, tmp_path / "got") as port:
        tls = authority.issue("router").table(authority.certificate)
        config = f"""
[router.tls]
{tls}
[peers.ct1]
ae_title = "CT1"
may_send = true
tls      = true
[peers.pacs]
ae_title = "STORESCP"
host     = "127.0.0.1"
port     = {port}
tls      = {{ fingerprints = ["{pacs.identity.fingerprint}"] }}
[sinks.pacs]
type = "dicom"
peer = "pacs"
[[routes]]
name  = "all"
sinks = ["pacs"]
"""
        (tmp_path / "router").mkdir()
        sent = make_object(tmp_path, 161, PixelData=bytes(range(256)) * 20_000)
        with running_router(tmp_path / "router", config, listen_tls="127.0.0.1:0") as router:
            done = run_dcmtk("storescu", *ct1.options, "-aet", "CT1", "-aec", "HILUM",
                             "127.0.0.1", router.tls_port, sent.path)  # fmt: skip
            assert done.returncode == 0, done.stderr
            router.wait_until_idle(objects=1)
        got = [type(sent).read(path) for path in (tmp_path / "got").iterdir()]
        assert [one.data_set for one in got] == [sent.data_set]
