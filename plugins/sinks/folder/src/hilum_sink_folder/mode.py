"""File permissions as the config writes them."""

from __future__ import annotations

import re
from typing import Any, ClassVar, Self

import attrs


@attrs.frozen
class FileMode:
    """Permission bits of files; those of the folders that hold them follow."""

    config_words: ClassVar[str] = 'a file mode such as "0640"'
    bits: int

    @classmethod
    def from_config(cls, value: Any) -> Self:
        """Read octal digits from a string: TOML's own integers would be taken for decimal."""
        if not isinstance(value, str):
            raise TypeError
        if not re.fullmatch("0?[0-7]{3}", value):
            raise ValueError(f'expected three octal digits such as "0640", got {value!r}')
        bits = int(value, 8)
        if bits & 0o600 != 0o600 or bits & 0o111:
            raise ValueError(
                f"files must be readable and writable by the router and are no programs, got {value!r}"
            )
        return cls(bits)

    @property
    def folder_bits(self) -> int:
        """The same for folders: who may read may also enter (0640 gives 0750)."""
        return self.bits | (self.bits & 0o444) >> 2

    def __str__(self) -> str:
        return f"{self.bits:04o}"
