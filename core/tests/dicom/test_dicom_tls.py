"""TLS as what carries an association: two transports on loopback, and whoever does not play by the rules."""

from __future__ import annotations

import shutil
import socket
import ssl
import subprocess
import threading
import time

import pytest

from hilum_core.dicom.channel import ConnectionEnded, PduChannel, PeerSilent
from hilum_core.dicom.peer_certificate import subject_text
from hilum_core.dicom.stream import PduStream
from hilum_core.dicom.tls import TlsTransport
from hilum_core.dicom.tls_profiles import PROFILES
from hilum_core.dicom.transport import HandshakeFailed, PlainTransport, TransportBroken
from hilum_core.testing import Authority

PATIENCE_S = 60


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    if shutil.which("openssl") is None:
        pytest.skip("needs openssl")
    return Authority.found(tmp_path_factory.mktemp("ca"))


@pytest.fixture(scope="module")
def contexts(authority):
    """A server's context and a client's, each with a certificate of one CA."""
    sides = []
    for purpose, name in ((ssl.PROTOCOL_TLS_SERVER, "router"), (ssl.PROTOCOL_TLS_CLIENT, "ct1")):
        context = ssl.SSLContext(purpose)
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(authority.certificate)
        context.options |= ssl.OP_NO_RENEGOTIATION
        identity = authority.issue(name)
        context.load_cert_chain(identity.certificate, identity.key)
        sides.append(context)
    return sides


@pytest.fixture
def pair():
    with socket.create_server(("127.0.0.1", 0)) as listening:
        ours = socket.create_connection(listening.getsockname(), timeout=PATIENCE_S)
        theirs, _ = listening.accept()
    theirs.settimeout(PATIENCE_S)
    yield ours, theirs
    ours.close()
    theirs.close()


def channel_over(transport, *, send_timeout_s=PATIENCE_S):
    stream = PduStream(buffer_bytes=1 << 16, max_pdu_bytes=1 << 16, most_pdu_bytes=1 << 20)
    return PduChannel(transport, stream, send_timeout_s=send_timeout_s)


@pytest.fixture
def secured(pair, contexts):
    """Our side as a channel that has shaken hands, theirs as an ordinary TLS socket of Python's."""
    opened = []

    def secure():
        ours = channel_over(TlsTransport(PlainTransport(pair[0]), contexts[0], is_server=True))
        shaking = threading.Thread(target=ours.open, args=(deadline(),))
        shaking.start()
        theirs = contexts[1].wrap_socket(pair[1], server_hostname="localhost", suppress_ragged_eofs=False)
        shaking.join(PATIENCE_S)
        opened.extend((ours, theirs))
        return ours, theirs

    yield secure
    for one in opened:
        one.close()


def shake_hands(client, incoming, outgoing, sock):
    """The client's part, by hand: what it has encrypted then comes out of `outgoing`."""
    while True:
        try:
            client.do_handshake()
        except ssl.SSLWantReadError:
            sock.sendall(outgoing.read())
            incoming.write(sock.recv(1 << 16))
        else:
            sock.sendall(outgoing.read())
            return


def deadline(seconds=PATIENCE_S):
    return time.monotonic() + seconds


def received(channel, count):
    """So many bytes, as they stand in the stream's buffer."""
    while channel.stream.pending < count:
        channel.receive(deadline())
    return channel.stream.peek(count)


def test_both_sides_learn_who_the_other_is(pair, contexts, authority):
    server = TlsTransport(PlainTransport(pair[0]), contexts[0], is_server=True)
    client = TlsTransport(PlainTransport(pair[1]), contexts[1], is_server=False, server_name="localhost")
    shaking = threading.Thread(target=channel_over(server).open, args=(deadline(),))
    shaking.start()
    channel_over(client).open(deadline())
    shaking.join(PATIENCE_S)
    assert client.certificate.subject == "CN=router,O=Clinic"
    assert server.certificate.subject == "CN=ct1,O=Clinic"
    assert len(server.certificate.fingerprint) == 64


@pytest.mark.parametrize("step", [1, 7, 1000])
def test_records_that_come_in_pieces_are_put_together(pair, contexts, step):
    ours = channel_over(TlsTransport(PlainTransport(pair[0]), contexts[0], is_server=True))
    shaking = threading.Thread(target=ours.open, args=(deadline(),))
    shaking.start()
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = contexts[1].wrap_bio(incoming, outgoing, server_hostname="localhost")
    shake_hands(client, incoming, outgoing, pair[1])
    shaking.join(PATIENCE_S)
    data = bytes(range(256)) * 20
    client.write(data)
    encrypted = outgoing.read()
    pair[1].setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for start in range(0, len(encrypted), step):
        pair[1].sendall(encrypted[start : start + step])
    assert received(ours, len(data)) == data
    ours.close()


def test_much_goes_out_whole_to_a_peer_that_reads_slowly(secured):
    ours, theirs = secured()
    data = bytes(range(256)) * 40_000
    sending = threading.Thread(target=ours.send, args=(data,))
    sending.start()
    came = bytearray()
    while len(came) < len(data):
        came += theirs.recv(100_000)
    sending.join(PATIENCE_S)
    assert bytes(came) == data
    ours.close()
    assert theirs.recv(1) == b""  # a close_notify: without, this side would raise


def test_a_peer_that_takes_nothing_is_noticed(secured):
    ours, _ = secured()
    ours._send_timeout_s = 0.1
    with pytest.raises(PeerSilent, match="took nothing"):
        ours.send(bytes(64 << 20))
    ours.close()


def test_an_orderly_end_is_told_from_one_that_was_cut_off(secured):
    ours, theirs = secured()
    theirs.sendall(b"\4\0")
    assert received(ours, 2) == b"\4\0"
    theirs.shutdown(socket.SHUT_WR)  # TCP ends, TLS does not
    with pytest.raises(ConnectionEnded, match="cut the TLS connection off"):
        ours.receive(deadline())
    ours.close()


def test_a_close_notify_closes_the_connection(secured):
    ours, theirs = secured()
    ending = threading.Thread(target=theirs.unwrap)
    ending.start()
    with pytest.raises(ConnectionEnded, match="closed the connection"):
        ours.receive(deadline())
    ours.close()
    ending.join(PATIENCE_S)
    assert not ending.is_alive()  # it got the close_notify that it waited for


def test_a_record_that_was_tampered_with_ends_the_connection(secured):
    ours, theirs = secured()
    raw = socket.socket(fileno=theirs.detach())
    raw.sendall(b"\x17\3\3\0\x20" + bytes(32))
    with pytest.raises(ConnectionEnded, match="broke off TLS"):
        ours.receive(deadline())
    ours.close()
    raw.close()


def test_who_speaks_no_tls_is_told_by_its_first_byte(pair, contexts):
    ours = channel_over(TlsTransport(PlainTransport(pair[0]), contexts[0], is_server=True))
    pair[1].sendall(b"\1\0\0\0\0\xcd" + bytes(200))
    with pytest.raises(HandshakeFailed, match="calls the TLS port without TLS"):
        ours.open(deadline())
    ours.close()


def test_a_server_that_speaks_no_tls_is_told_by_its_first_byte(pair, contexts):
    ours = channel_over(
        TlsTransport(PlainTransport(pair[0]), contexts[1], is_server=False, server_name="localhost")
    )
    pair[1].sendall(b"\7\0\0\0\0\4\0\0\2\0")
    with pytest.raises(HandshakeFailed, match="answers without TLS"):
        ours.open(deadline())
    ours.close()


def test_a_handshake_ends_at_its_deadline_however_slowly_it_comes(pair, contexts):
    ours = channel_over(TlsTransport(PlainTransport(pair[0]), contexts[0], is_server=True))
    stop = threading.Event()

    def dribble():
        client = contexts[1].wrap_bio(ssl.MemoryBIO(), hello := ssl.MemoryBIO(), server_hostname="localhost")
        with pytest.raises(ssl.SSLWantReadError):
            client.do_handshake()
        for byte in hello.read()[:-1]:
            pair[1].sendall(bytes((byte,)))
            if stop.wait(0.05):
                return

    dribbling = threading.Thread(target=dribble)
    dribbling.start()
    with pytest.raises(PeerSilent, match="TLS handshake in time"):
        ours.open(deadline(1))
    stop.set()
    dribbling.join(PATIENCE_S)
    ours.close()


def test_a_port_check_is_no_failed_handshake(pair, contexts):
    ours = channel_over(TlsTransport(PlainTransport(pair[0]), contexts[0], is_server=True))
    pair[1].close()
    with pytest.raises(ConnectionEnded, match="closed the connection"):
        ours.open(deadline())
    ours.close()


@pytest.fixture
def s_client(authority, contexts):
    """OpenSSL's own client, which new keys can be asked of, and our side of its connection."""
    opened = []

    def connect(version):
        ct1 = authority.issue("s_client")
        with socket.create_server(("127.0.0.1", 0)) as listening:
            client = subprocess.Popen(
                ["openssl", "s_client", "-connect", f"127.0.0.1:{listening.getsockname()[1]}", version,
                 "-cert", ct1.certificate, "-key", ct1.key, "-CAfile", authority.certificate],
                stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            )  # fmt: skip
            sock, _ = listening.accept()
        transport = TlsTransport(PlainTransport(sock), contexts[0], is_server=True)
        opened.append((client, transport))
        channel_over(transport).open(deadline())

        def say(line):
            client.stdin.write(line + b"\n")
            client.stdin.flush()

        return say, transport

    yield connect
    for client, transport in opened:
        transport.close()
        client.kill()
        client.communicate()


def heard(transport):
    """What comes next; None where it was for TLS alone."""
    room = memoryview(bytearray(100))
    end = deadline()
    while not transport.has_bytes():
        assert time.monotonic() < end
        time.sleep(0.01)
    count = transport.receive_into(room)
    return None if count is None else bytes(room[:count])


def test_new_keys_are_taken_on_the_way(s_client):
    say, transport = s_client("-tls1_3")
    say(b"before")
    assert heard(transport) == b"before\n"
    say(b"K")  # both sides are to change their keys (RFC 8446 4.6.3)
    assert heard(transport) is None
    say(b"after")
    assert heard(transport) == b"after\n"
    assert transport.send(memoryview(b"seen")) == 4


def test_a_renegotiation_is_refused(s_client):
    say, transport = s_client("-tls1_2")
    say(b"R")
    with pytest.raises(TransportBroken):
        while True:
            heard(transport)


@pytest.mark.parametrize("name", PROFILES)
def test_every_suite_that_a_profile_names_is_one_that_openssl_knows(name):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_ciphers(":".join((*PROFILES[name].suites, "@SECLEVEL=0")))
    known = {cipher["name"] for cipher in context.get_ciphers()}
    assert set(PROFILES[name].suites) <= known


@pytest.mark.parametrize("name", PROFILES)
def test_no_profile_lets_a_suite_in_without_forward_secrecy_or_authenticated_encryption(name):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_ciphers(PROFILES[name].ciphers)
    for cipher in context.get_ciphers():
        assert cipher["aead"]
        assert cipher["protocol"] == "TLSv1.3" or "DHE" in cipher["name"]


@pytest.mark.parametrize(
    ("subject", "text"),
    [
        ((), ""),
        (((("countryName", "DE"),), (("organizationName", "Clinic"),), (("commonName", "ct1"),)),
         "CN=ct1,O=Clinic,C=DE"),
        (((("commonName", "a"), ("userId", "b")),), "CN=a+UID=b"),
        (((("serialNumber", "7"),),), "serialNumber=7"),
        (((("commonName", 'x, "y"; z+\\'),),), 'CN=x\\, \\"y\\"\\; z\\+\\\\'),
        (((("commonName", " #x "),),), "CN=\\ #x\\ "),
    ],
)  # fmt: skip
def test_a_subject_is_written_as_rfc_4514_has_it(subject, text):
    assert subject_text(subject) == text


def test_a_subject_ends_no_line_of_the_log():
    assert "\n" not in subject_text(((("commonName", "x\n2026 ERROR"),),))
