"""The sink: which key, what to do where it is taken, and what an answer means for the lane."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from itertools import count
from typing import NoReturn

from hilum_sdk import (
    ComponentContext,
    DestinationUnavailable,
    HilumError,
    Item,
    PermanentError,
    Receipt,
    RefusedError,
    Sink,
    TemporaryError,
)
from hilum_sdk.naming import numbered
from hilum_sink_s3.answers import Answer
from hilum_sink_s3.bucket import Bucket, RequestFailed
from hilum_sink_s3.config import S3Config
from hilum_sink_s3.content import Content, content_of
from hilum_sink_s3.meaning import Meaning, Verdict, meaning_of
from hilum_sink_s3.stores import open_store

_MOST_KEY_BYTES = 1024  # of S3, GCS and Azure alike
_DENIALS_OF_A_LANE = 2
_NOT_FOUND = 404
_FORBIDDEN = 403


class S3Sink(Sink):
    """Stores DICOM files in a bucket."""

    config: S3Config

    def __init__(self, config: S3Config, context: ComponentContext) -> None:
        super().__init__(config, context)
        self._bucket: Bucket | None = None
        self._denials = 0

    def open(self) -> None:
        """Read the secrets; nothing is asked yet."""
        self._bucket = self._made()

    def probe(self) -> None:
        """Ask for an object that is never there."""
        bucket = self._bucket or self._made()
        try:
            bucket.look("/".join(self.config.url.prefix))
        except RequestFailed as error:
            meaning = meaning_of(error.answer)
            # Keys that may store and not read are usual; whether they may store, only storing tells.
            if meaning.verdict not in {Verdict.NOTHING, Verdict.RIGHTS}:
                raise DestinationUnavailable(self._words(meaning, error.answer)) from None

    def close(self, timeout: timedelta) -> None:  # noqa: ARG002 - nothing here takes time
        """Let go of the connections."""
        self._bucket = None

    def deliver(self, item: Item) -> Receipt:
        """Store the object; return when the store has said that it keeps it."""
        self._bucket = self._bucket or self._made()
        wanted = self.config.layout.place(item, missing=self.config.missing)
        warning = wanted.warning
        key = self.config.url.key(wanted.names)
        with self._explained():
            place = self._put(self._bucket, item, key)
        self._denials = 0
        if place != key:
            warning = "another object has this key; stored beside it under a number"
        return Receipt(location=self.config.url.of(place), warning=warning)

    def _made(self) -> Bucket:
        return Bucket(
            open_store(self.config, label=self.context.label),
            storage_class=self.config.storage_class,
            conditional=self.config.conditional,
            beat=self.context.beat,
        )

    # ---- which key

    def _put(self, bucket: Bucket, item: Item, key: str) -> str:
        content = content_of(item, self.context, at_once=self.config.at_once)
        for number in count(1):
            place = key if number == 1 else numbered(key, number)
            if len(place.encode()) > _MOST_KEY_BYTES:
                raise PermanentError(
                    f"{self.context.label}.layout: the key of this object exceeds {_MOST_KEY_BYTES} bytes; "
                    "use other fields, or fewer"
                )
            if bucket.add(place, content) or self._is_there(bucket, place, content, item):
                return place
            if self.config.exists == "overwrite":
                bucket.replace(place, content)
                return place
            if self.config.exists == "keep":
                break
        raise PermanentError(
            f'{self.context.label}.exists: another object has this key and is kept; use "number" or '
            '"overwrite", or a layout with {SOPInstanceUID}'
        )

    def _is_there(self, bucket: Bucket, place: str, content: Content, item: Item) -> bool:
        try:
            return bucket.holds(place, content, item)
        except RequestFailed as error:
            if error.answer.status == _NOT_FOUND:  # it is gone meanwhile
                return False
            if error.answer.status != _FORBIDDEN:
                raise
            if self.config.exists == "overwrite":
                return False
            raise RefusedError(
                f"{self.context.label}.exists: something has this key already, and these keys may not read "
                'whether it is the same; grant s3:GetObject, or use "overwrite"',
                status=_FORBIDDEN,
            ) from None

    # ---- what an answer means

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except RequestFailed as error:
            self._tell(error.answer)

    def _tell(self, answer: Answer) -> NoReturn:
        meaning = meaning_of(answer)
        if meaning.verdict in {Verdict.RIGHTS, Verdict.PASSING, Verdict.NOTHING}:
            # Where it cannot even be asked, it is not about this object; and a bucket that is not there
            # can look like one without rights.
            self.probe()
        words = self._words(meaning, answer)
        raise self._error_class(meaning.verdict)(words, status=answer.status) from None

    def _error_class(self, verdict: Verdict) -> type[HilumError]:
        match verdict:
            case Verdict.UNAVAILABLE:
                return DestinationUnavailable
            case Verdict.PERMANENT:
                return PermanentError
            case Verdict.REFUSED:
                return RefusedError
            case Verdict.PASSING | Verdict.NOTHING:
                return TemporaryError
            case Verdict.RIGHTS:
                # Keys without rights rest the lane; one object that is locked must not rest it for ever.
                self._denials += 1
                return DestinationUnavailable if self._denials <= _DENIALS_OF_A_LANE else RefusedError

    def _words(self, meaning: Meaning, answer: Answer) -> str:
        where = f"{self.context.label}.{meaning.setting}" if meaning.setting else self.context.label
        server = self.config.endpoint.url if self.config.endpoint is not None else self.config.url.scheme
        said = f" [{answer.name}]" if answer.trouble == "answered" else ""
        return f"{where}: {server} ({self.config.url.bucket}) {meaning.words}{said}"
