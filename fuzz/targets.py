"""What is fuzzed, one target for each surface that bytes of others reach."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import attrs

from fuzz import files, seeds, wire


@attrs.frozen(kw_only=True)
class Target:
    """One surface.

    ``check`` returns for any bytes: they gave a right value or the exception that is documented.
    Whatever else it raises is a finding. ``seeds`` makes inputs to begin with, good ones and near ones.
    """

    check: Callable[[bytes], None]
    seeds: Callable[[], Sequence[bytes]]


TARGETS: Final = {
    "acceptor": Target(check=wire.check_acceptor, seeds=seeds.conversations_of_callers),
    "negotiation": Target(check=wire.check_negotiation, seeds=seeds.negotiations),
    "command": Target(check=wire.check_command, seeds=seeds.commands),
    "requestor": Target(check=wire.check_requestor, seeds=seeds.answers_of_archives),
    "file": Target(check=files.check_file, seeds=seeds.spool_files),
    "header": Target(check=files.check_header, seeds=seeds.data_sets),
}
