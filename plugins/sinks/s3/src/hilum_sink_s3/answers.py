"""What a failed request says: status and code of the server, or why there was no answer.

obstore's text holds the key of the object, and so values of it: only what is looked for here leaves.
"""

from __future__ import annotations

import re
from typing import Literal, Self

import attrs

_STATUS = re.compile(r"status code: ([1-5][0-9]{2})\b")
_CODE = re.compile(r"<Code>([A-Za-z0-9_.]{1,64})</Code>")
_REDIRECT = "Received redirect without LOCATION"
_KEYLESS = re.compile(r"/latest/(?:api|meta-data)|/computeMetadata|/metadata/identity|/v2/credentials")
_SILENCES = (
    ("dns error", "its name is not known"),
    ("invalid peer certificate", "its certificate is not trusted; set ca_file"),
    ("InvalidMessage(", "it does not speak TLS"),
    ("ConnectionRefused", "it refuses the connection"),
    ("kind: Timeout", "it does not answer in time"),
    ("kind: Connect", "no connection"),
    ("HTTP error", "the connection broke"),
)

Trouble = Literal["answered", "silent", "no keys", "moved", "unknown"]


@attrs.frozen(kw_only=True)
class Answer:
    """How a request failed.

    ``trouble`` is ``answered`` where the server said so, by ``status`` and, mostly, ``code``; ``silent``
    where it gave no answer, for the reason in ``words``; ``no keys`` where no credentials were found
    to sign with; ``moved`` where the server sent us elsewhere, unsaid where.
    """

    trouble: Trouble
    status: int | None = None
    code: str = ""
    words: str = ""

    @classmethod
    def of(cls, error: Exception) -> Self:
        """Read an exception of obstore."""
        text = str(error)
        if _REDIRECT in text:
            return cls(trouble="moved")
        if _KEYLESS.search(text):
            return cls(trouble="no keys")
        if status := _STATUS.search(text):
            code = _CODE.search(text)
            return cls(trouble="answered", status=int(status[1]), code=code[1] if code else "")
        for mark, words in _SILENCES:
            if mark in text:
                return cls(trouble="silent", words=words)
        return cls(trouble="unknown", words=type(error).__name__)

    @property
    def name(self) -> str:
        """The answer as an operator looks it up."""
        if self.status is None:
            return self.words or self.trouble
        return f"{self.code} ({self.status})" if self.code else f"status {self.status}"
