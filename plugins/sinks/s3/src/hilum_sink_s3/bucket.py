"""The bucket: storing under a key that is free, storing over, and looking at what is there.

Knows keys and bytes only. What obstore raises becomes `RequestFailed`; the sink says what it means.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import obstore
from obstore.exceptions import AlreadyExistsError, BaseError, PreconditionError

from hilum_sdk import Item
from hilum_sdk.elements import holds_same_object
from hilum_sink_s3.answers import Answer
from hilum_sink_s3.content import Content
from hilum_sink_s3.stores import Store

if TYPE_CHECKING:  # they exist for type checkers only
    from obstore import Attributes

SHA256 = "sha256"
"""The name under which the checksum of the file stands in the user's metadata of what we store."""

_CONTENT_TYPE = "application/dicom"  # PS3.18 8.7.3.3, RFC 3240
_PARTS_AT_ONCE = 2
_READ_BYTES = 4 << 20
_NO_OBJECT = ".hilum-probe"  # no name made of an object begins with a dot


class RequestFailed(Exception):  # noqa: N818 - it names what happened
    """The store did not do what it was asked to. Its text holds nothing of the object."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.name)
        self.answer = answer


class Bucket:
    """One bucket, over its client; `beat` is called while something large is read or sent."""

    def __init__(
        self, store: Store, *, storage_class: str | None, conditional: bool, beat: Callable[[], None]
    ) -> None:
        self._store = store
        self._storage_class = storage_class
        self._conditional = conditional
        self._beat = beat

    def add(self, key: str, content: Content) -> bool:
        """Store under a key that nothing has; False if something has it, and then nothing is changed."""
        if content.whole is None or not self._conditional:
            # Parts cannot be put together on the condition that the key is free; so it is looked before.
            if self._is_taken(key):
                return False
            self.replace(key, content)
            return True
        attributes = self._attributes(content)
        with _asking():
            try:
                obstore.put(
                    self._store, key, content.whole, attributes=attributes, mode="create", use_multipart=False
                )
            except (AlreadyExistsError, PreconditionError):
                return False
        return True

    def replace(self, key: str, content: Content) -> None:
        """Store, whatever has the key. It is seen whole, or not at all."""
        attributes = self._attributes(content)
        with _asking():
            if content.whole is not None:
                obstore.put(self._store, key, content.whole, attributes=attributes, use_multipart=False)
                return
            obstore.put(
                self._store,
                key,
                content.chunks(),
                attributes=attributes,
                chunk_size=content.part_bytes,
                max_concurrency=_PARTS_AT_ONCE,
            )

    def holds(self, key: str, content: Content, item: Item) -> bool:
        """Whether what has the key is the same object: by our checksum, else by its data set."""
        with _asking():
            found = obstore.get(self._store, key, options={"head": True})
            if found.meta["size"] == content.size_bytes and found.attributes.get(SHA256) == content.sha256:
                return True
            remote = _Remote(self._store, key, self._beat)
        with io.BufferedReader(remote, _READ_BYTES) as there:
            return holds_same_object(there, item)

    def look(self, below: str) -> None:
        """Ask for what is never there: the answer tells of bucket, region and keys."""
        with _asking():
            obstore.get(self._store, f"{below}/{_NO_OBJECT}".lstrip("/"))

    def _is_taken(self, key: str) -> bool:
        with _asking():
            try:
                obstore.head(self._store, key)
            except FileNotFoundError:
                return False
        return True

    def _attributes(self, content: Content) -> Attributes:
        attributes: Attributes = {"Content-Type": _CONTENT_TYPE, SHA256: content.sha256}
        if self._storage_class is not None:
            attributes["Storage-Class"] = self._storage_class
        return attributes


class _Remote(io.RawIOBase):
    """An object of the bucket as a file to read."""

    def __init__(self, store: Store, key: str, beat: Callable[[], None]) -> None:
        self._file = obstore.open_reader(store, key, buffer_size=_READ_BYTES)
        self._beat = beat

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        return self._file.seek(offset, whence)

    def readinto(self, buffer: Any) -> int:
        self._beat()
        with _asking():
            found = memoryview(self._file.read(len(buffer)))
        buffer[: len(found)] = found
        return len(found)


@contextmanager
def _asking() -> Iterator[None]:
    try:
        yield
    except (BaseError, FileNotFoundError, ValueError) as error:
        # Its text holds the key, and so values of the object.
        raise RequestFailed(Answer.of(error)) from None
