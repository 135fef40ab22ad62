"""The URLs of the config: of the bucket, of the server, of a proxy."""

from __future__ import annotations

import re
from typing import Any, ClassVar, Literal, Self, cast
from urllib.parse import SplitResult, urlsplit

import attrs

Scheme = Literal["s3", "gs", "az"]
_URL = re.compile(r"(?P<scheme>[a-z][a-z0-9+.-]*)://(?P<bucket>[^/]*)(?:/(?P<prefix>.*))?", re.DOTALL)
_BUCKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{1,61}[A-Za-z0-9]")
_SCHEMES = {"s3": "S3", "gs": "Google Cloud Storage", "az": "Azure Blob Storage"}


@attrs.frozen
class BucketUrl:
    """A bucket (a container of Azure), and a prefix that all keys begin with."""

    config_words: ClassVar[str] = 'a URL such as "s3://bucket/prefix"'
    scheme: Scheme
    bucket: str
    prefix: tuple[str, ...] = ()

    @classmethod
    def from_config(cls, value: Any) -> Self:
        """Read the URL that stands in the config."""
        if not isinstance(value, str):
            raise TypeError
        found = _URL.fullmatch(value)
        if found is None or found["scheme"] not in _SCHEMES:
            kinds = ", ".join(f"{scheme}:// ({name})" for scheme, name in _SCHEMES.items())
            raise ValueError(f"begins with one of {kinds}, and then names the bucket")
        if not _BUCKET.fullmatch(found["bucket"]):
            raise ValueError(f"{found['bucket']!r} is no name for a bucket")
        prefix = (found["prefix"] or "").removesuffix("/")
        parts = tuple(prefix.split("/")) if prefix else ()
        if any(part in {"", ".", ".."} or not part.isprintable() for part in parts):
            raise ValueError("has a prefix with an empty name, '.' or '..' in it, or what cannot be printed")
        return cls(cast("Scheme", found["scheme"]), found["bucket"], parts)

    def key(self, names: tuple[str, ...]) -> str:
        """Give the key of an object by its names below the prefix."""
        return "/".join((*self.prefix, *names))

    def of(self, key: str) -> str:
        """Give the URL of an object by its key."""
        return f"{self.scheme}://{self.bucket}/{key}"

    def __str__(self) -> str:
        return self.of("/".join(self.prefix)).removesuffix("/")


@attrs.frozen
class ServerUrl:
    """Where a server or a proxy is reached."""

    config_words: ClassVar[str] = 'a URL such as "https://s3.example.org"'
    url: str

    @classmethod
    def from_config(cls, value: Any) -> Self:
        """Read the URL that stands in the config."""
        if not isinstance(value, str):
            raise TypeError
        parts = _split(value)
        # It would be a password in the config, and it is not quoted.
        if parts is not None and "@" in parts.netloc:
            raise ValueError("holds a user or password; give them by the keys made for that")
        if parts is None or parts.scheme not in {"http", "https"} or not parts.hostname:
            raise ValueError(f"expected {cls.config_words}, got {value!r}")
        if parts.query or parts.fragment:
            raise ValueError(f"ends with the host, port or path, got {value!r}")
        return cls(value.rstrip("/"))

    @property
    def is_encrypted(self) -> bool:
        """Whether it is reached by TLS."""
        return self.url.startswith("https://")

    def with_host_prefix(self, prefix: str) -> str:
        """Give the URL of a host one level below: ``bucket.host``."""
        scheme, _, rest = self.url.partition("://")
        return f"{scheme}://{prefix}.{rest}"

    def __str__(self) -> str:
        return self.url


def _split(value: str) -> SplitResult | None:
    try:
        parts = urlsplit(value)
        parts.port  # noqa: B018 - raises where it is none
    except ValueError:
        return None
    return parts if value.isprintable() and " " not in value else None
