"""TLS over a TCP connection, for both roles (RFC 8446; PS3.15 Annex B).

OpenSSL never sees the socket. It gets the bytes that came and gives the bytes that shall leave, and the
waiting stays with `PlainTransport`: ticks, deadlines and the end are those of a plain connection. One
read of the socket brings many TLS records, where OpenSSL's own would take two calls for each.
"""

from __future__ import annotations

import ssl
from contextlib import suppress
from typing import Any, Final

import attrs

from hilum_core.dicom.peer_certificate import PeerCertificate, peer_certificate
from hilum_core.dicom.transport import HandshakeFailed, PlainTransport, TransportBroken

_READ_BYTES: Final = 256 * 1024
_WRITE_BYTES: Final = 64 * 1024
"""How much is encrypted at a time. While a slow peer takes it, it counts as nothing sent."""
_MOST_ANSWERS: Final = 256 * 1024
"""What may wait to be sent that TLS itself wants to say, to a peer that asks and does not read."""
_HANDSHAKE: Final = 0x16
_ALERT: Final = 0x15
"""The types of the TLS records that a connection may begin with (RFC 8446 5.1)."""

_IN_WORDS: Final = {
    "PEER_DID_NOT_RETURN_A_CERTIFICATE": "presents no certificate",
    "NO_SHARED_CIPHER": "has no cipher suite that the profile permits",
    "NO_SUITABLE_SIGNATURE_ALGORITHM": "takes no signature that our certificate can make",
    "UNSUPPORTED_PROTOCOL": "speaks a version of TLS that the profile forbids",
    "VERSION_TOO_LOW": "speaks a version of TLS that the profile forbids",
    "TLSV1_ALERT_PROTOCOL_VERSION": "speaks no version of TLS that the profile permits",
    "SSLV3_ALERT_HANDSHAKE_FAILURE": "finds no cipher suite, or no certificate, that both sides permit",
    "TLSV1_ALERT_INSUFFICIENT_SECURITY": "finds our cipher suites too weak",
    "TLSV13_ALERT_CERTIFICATE_REQUIRED": "wants a certificate of ours",
    "TLSV1_ALERT_UNKNOWN_CA": "does not trust who issued our certificate",
    "SSLV3_ALERT_BAD_CERTIFICATE": "refuses our certificate",
    "SSLV3_ALERT_UNSUPPORTED_CERTIFICATE": "refuses our certificate: it is of a kind that it does not take",
    "SSLV3_ALERT_CERTIFICATE_REVOKED": "refuses our certificate: it is revoked",
    "SSLV3_ALERT_CERTIFICATE_EXPIRED": "refuses our certificate: it has expired",
    "SSLV3_ALERT_CERTIFICATE_UNKNOWN": "refuses our certificate",
    "TLSV1_ALERT_DECRYPT_ERROR": "cannot verify our certificate",
    "TLSV1_ALERT_ACCESS_DENIED": "denies access to our certificate",
}
"""OpenSSL's reasons that an operator can do something about, completing the sentence "the peer …"."""


@attrs.frozen(kw_only=True)
class ClientTls:
    """How a peer is called by TLS.

    ``server_name`` stands in the peer's certificate, where ``context`` checks that. If there are
    ``fingerprints``, its certificate must be one of these (SHA-256, hexadecimal digits).
    """

    context: ssl.SSLContext
    server_name: str | None = None
    fingerprints: frozenset[str] = frozenset()


class TlsTransport:
    """TLS. Carries nothing before `open` has said that it is ready."""

    def __init__(
        self,
        below: PlainTransport,
        context: ssl.SSLContext,
        *,
        is_server: bool,
        server_name: str | None = None,
        fingerprints: frozenset[str] = frozenset(),
    ) -> None:
        self.certificate: PeerCertificate | None = None
        self._below = below
        self._is_server = is_server
        self._fingerprints = fingerprints
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._tls = context.wrap_bio(
            self._incoming, self._outgoing, server_side=is_server, server_hostname=server_name
        )
        self._scratch = memoryview(bytearray(_READ_BYTES))
        self._unsent = memoryview(b"")
        self._begun = 0
        self._has_heard = False

    def open(self) -> bool:
        """See `Transport`: a step of the handshake."""
        try:
            self._tls.do_handshake()
        except ssl.SSLWantReadError:
            self._answer()
            self._take_in()
            return False
        except ssl.SSLEOFError as error:
            if not self._has_heard:  # a port check, say
                raise TransportBroken("closed the connection") from error
            raise HandshakeFailed("closed the connection during the TLS handshake") from error
        except ssl.SSLError as error:
            self._say_alert()
            raise HandshakeFailed(self._in_words(error)) from error
        self._answer()
        self.certificate = peer_certificate(self._tls)
        if self._fingerprints and (
            self.certificate is None or self.certificate.fingerprint not in self._fingerprints
        ):
            raise HandshakeFailed("presents another certificate than the one that is expected of it")
        return True

    def receive_into(self, room: memoryview) -> int | None:
        """See `Transport`."""
        count = self._decrypt_into(room)
        if count is None and self._take_in():
            count = self._decrypt_into(room)
        return count

    def _decrypt_into(self, room: memoryview) -> int | None:
        filled = 0
        try:
            while filled < len(room):
                count: Any = self._tls.read(len(room) - filled, room[filled:])  # a number, as it has a buffer
                if not count:  # a close_notify
                    return filled
                filled += count
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLError as error:
            if not filled:  # otherwise the next call says it
                self._say_alert()
                raise TransportBroken(self._in_words(error)) from error
        self._answer()
        return filled or None

    def _take_in(self) -> bool:
        """Wait a tick at most for bytes of TCP, or its end; whether they came."""
        count = self._below.receive_into(self._scratch)
        if count is None:
            return False
        if not self._has_heard and count:
            self._has_heard = True
            self._expect_tls(self._scratch[0])
        if count:
            self._incoming.write(self._scratch[:count])
        else:
            self._incoming.write_eof()
        return True

    def _expect_tls(self, first_byte: int) -> None:
        if first_byte not in {_HANDSHAKE, _ALERT}:
            how = "calls the TLS port without TLS" if self._is_server else "answers without TLS on this port"
            raise HandshakeFailed(f"{how} (first byte {first_byte:02X}H)")

    def has_bytes(self) -> bool:
        """See `Transport`. What there is may be less than a record, and then takes a tick."""
        return bool(self._tls.pending() or self._incoming.pending) or self._below.has_bytes()

    def send(self, data: memoryview) -> int:
        """See `Transport`: a piece counts when the last of its records has left."""
        try:
            piece = data[: _WRITE_BYTES if not self._begun else 0]
            while piece:
                written = self._tls.write(piece)
                self._begun += written
                piece = piece[written:]
        except ssl.SSLError as error:
            raise TransportBroken(self._in_words(error)) from error
        if not self._flush():
            raise BlockingIOError
        sent, self._begun = self._begun, 0
        return sent

    def wait_until_sendable(self, timeout_s: float) -> bool:
        """See `Transport`."""
        return self._below.wait_until_sendable(timeout_s)

    def _flush(self) -> bool:
        """Send what is encrypted, as far as it can leave; whether all has."""
        try:
            while self._unsent or self._outgoing.pending:
                self._unsent = self._unsent or memoryview(self._outgoing.read())
                self._unsent = self._unsent[self._below.send(self._unsent) :]
        except BlockingIOError:
            return False
        return True

    def _answer(self) -> None:
        """Send what TLS itself has to say: of a handshake, or for new keys."""
        if not self._flush() and len(self._unsent) + self._outgoing.pending > _MOST_ANSWERS:
            raise TransportBroken("asks for TLS answers that it does not read")

    def _say_alert(self) -> None:
        with suppress(OSError):
            self._flush()

    def end_sending(self) -> None:
        """See `Transport`."""
        self._say_goodbye()
        self._below.end_sending()

    def _say_goodbye(self) -> None:
        """Send the close_notify (RFC 8446 6.1), as far as it can leave without waiting."""
        with suppress(OSError):  # of `ssl`: the peer's own has not come, or there was no handshake
            self._tls.unwrap()
        with suppress(OSError):
            self._flush()

    def discard_into(self, scratch: bytearray) -> int | None:
        """See `Transport`."""
        return self._below.discard_into(scratch)

    def close(self) -> None:
        """See `Transport`."""
        self._say_goodbye()
        self._below.close()

    def bytes_acknowledged(self) -> int | None:
        """See `Transport`."""
        return self._below.bytes_acknowledged()

    @staticmethod
    def _in_words(error: ssl.SSLError) -> str:
        if isinstance(error, ssl.SSLCertVerificationError):
            return f"presents a certificate that is not accepted: {error.verify_message.rstrip('.')}"
        if isinstance(error, ssl.SSLEOFError):
            # RFC 8446 6.1: without a close_notify, whoever stands between may have cut the connection off.
            return "cut the TLS connection off, without closing it in order"
        reason = error.reason or "no reason given"
        return _IN_WORDS.get(reason, f"broke off TLS: {reason.lower().replace('_', ' ')}")
