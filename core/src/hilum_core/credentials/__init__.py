"""What the router proves itself with, and how it verifies what others prove: certificates and passcodes.

It makes of the settings what `hilum_core.dicom` works with. No text or log of it holds a secret.
"""

from hilum_core.credentials.contexts import CredentialError, client_tls, server_context
from hilum_core.credentials.findings import Findings, certificate_files, expiry, look_at_credentials
from hilum_core.credentials.outgoing import remote_node
from hilum_core.credentials.passcodes import PasscodeCheck, PasscodeHash, TooManyPasscodes, read_hash
from hilum_core.credentials.renewal import ServerTls
from hilum_core.credentials.secret_files import readable_by_others, secret_files

__all__ = [
    "CredentialError",
    "Findings",
    "PasscodeCheck",
    "PasscodeHash",
    "ServerTls",
    "TooManyPasscodes",
    "certificate_files",
    "client_tls",
    "expiry",
    "look_at_credentials",
    "read_hash",
    "readable_by_others",
    "remote_node",
    "secret_files",
    "server_context",
]
