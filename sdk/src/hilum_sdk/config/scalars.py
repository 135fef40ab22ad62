"""Readers of single values: strict about their kind, so that no string becomes a number in silence.

A reader raises TypeError for a value of another kind, ValueError for one that is of the kind and wrong.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from datetime import date, datetime, time, timedelta
from functools import partial
from pathlib import Path
from typing import Any

from hilum_sdk.config.problems import shown, unknown_name
from hilum_sdk.config.values import Size, parse_duration, parse_size
from hilum_sdk.records import PeerName

Reader = Callable[[Any], Any]


def scalar_readers(peers: frozenset[str] | None) -> Mapping[Any, Reader]:
    """Give the reader of each type; a `PeerName` is one of `peers`, or anything where they are None."""
    return {
        **{kind: partial(_exactly, kind) for kind in (str, bool, datetime, date, time)},
        int: _integer,
        float: _number,
        Path: _path,
        timedelta: _quoting(parse_duration),
        Size: _quoting(parse_size),
        PeerName: partial(_peer_name, peers),
        Any: _anything,
        object: _anything,
    }


def _exactly(kind: type, value: Any) -> Any:
    if type(value) is not kind:
        raise TypeError
    return value


def _integer(value: Any) -> int:
    number: int = _exactly(int, value)
    if not -(2**63) <= number < 2**63:
        raise ValueError("must be an integer of 64 bits")  # TOML 1.0
    return number


def _number(value: Any) -> float:
    number = float(_integer(value)) if type(value) is int else float(_exactly(float, value))
    if not math.isfinite(number):
        raise ValueError(f"must be a finite number, got {shown(value)}")
    return number


def _path(value: Any) -> Path:
    text: str = _exactly(str, value)
    if not text or "\0" in text:
        raise ValueError(f"must name a file or folder, got {shown(value)}")
    if text == "~" or text.startswith("~/"):
        raise ValueError(f"write the whole path, '~' is not expanded; got {shown(value)}")
    return Path(text)


def _peer_name(peers: frozenset[str] | None, value: Any) -> str:
    name: str = _exactly(str, value)
    if peers is not None and name not in peers:
        raise ValueError(unknown_name("peer", name, peers))
    return name


def _quoting(parse: Reader) -> Reader:
    def read(value: Any) -> Any:
        try:
            return parse(value)
        except ValueError as error:
            raise ValueError(f"{error}, got {shown(value)}") from None

    return read


def _anything(value: Any) -> Any:
    return value
