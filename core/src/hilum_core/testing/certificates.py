"""A certification authority for tests, by the program `openssl`."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import attrs

_OPENSSL = shutil.which("openssl")


@attrs.frozen
class Identity:
    """A certificate and its key, as files."""

    certificate: Path
    key: Path

    @property
    def fingerprint(self) -> str:
        """The SHA-256 of the certificate, as `openssl` prints it."""
        said = _openssl("x509", "-in", self.certificate, "-noout", "-fingerprint", "-sha256")
        return said.strip().partition("=")[2]

    def table(self, ca: Path) -> str:
        """Its keys in TOML, for `[router.tls]`."""
        return f'certificate = "{self.certificate}"\nkey = "{self.key}"\nca = "{ca}"\n'


@attrs.frozen
class Authority:
    """A CA in a folder. ``certificate`` is what to trust."""

    folder: Path
    certificate: Path
    key: Path

    @classmethod
    def found(cls, folder: Path, name: str = "CA") -> Authority:
        """Make a new one. Raises FileNotFoundError where there is no `openssl`."""
        folder.mkdir(parents=True, exist_ok=True)
        certificate, key = folder / "ca.pem", folder / "ca.key"
        _openssl("req", "-x509", *_new_key(""), "-keyout", key, "-out", certificate, "-days", 3650,
                 "-subj", f"/O=Clinic/CN={name}")  # fmt: skip
        return cls(folder, certificate, key)

    def issue(
        self,
        name: str,
        *,
        subject: str = "",
        host: str = "DNS:localhost,IP:127.0.0.1",
        days: int = 365,
        passcode: str = "",
        rsa_bits: int = 0,
    ) -> Identity:
        """Issue a certificate; again under the same name renews it.

        Parameters
        ----------
        subject
            As `openssl` takes it. By default ``/O=Clinic/CN=NAME``.
        host
            Its subject alternative names.
        days
            How long it is valid; a negative number has expired.
        passcode
            What to encrypt the key with.
        rsa_bits
            Make an RSA key of so many bits, rather than an elliptic one.
        """
        issued = Identity(self.folder / f"{name}.pem", self.folder / f"{name}.key")
        request, extensions = self.folder / f"{name}.csr", self.folder / f"{name}.ext"
        extensions.write_text(f"subjectAltName={host}\nbasicConstraints=CA:FALSE\n")
        _openssl("req", "-new", *_new_key(passcode, rsa_bits), "-keyout", issued.key, "-out", request,
                 "-subj", subject or f"/O=Clinic/CN={name}")  # fmt: skip
        _openssl("x509", "-req", "-in", request, "-CA", self.certificate, "-CAkey", self.key, "-sha256",
                 "-days", days, "-extfile", extensions, "-out", issued.certificate)  # fmt: skip
        return issued


def _new_key(passcode: str, rsa_bits: int = 0) -> list[str]:
    kind = [f"rsa:{rsa_bits}"] if rsa_bits else ["ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
    return ["-newkey", *kind, *(["-passout", f"pass:{passcode}"] if passcode else ["-nodes"])]


def _openssl(*arguments: object) -> str:
    if _OPENSSL is None:
        raise FileNotFoundError("openssl")
    return subprocess.run(  # noqa: S603 - our own arguments
        [_OPENSSL, *map(str, arguments)], capture_output=True, text=True, check=True
    ).stdout
