"""A DICOM node without a network: what a component does with associations can be seen and scripted."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager

import attrs
from pydicom.dataset import Dataset

from hilum_sdk.errors import DestinationUnavailable, HilumError
from hilum_sdk.records import ContextNeed, PeerName, Receipt, Timeouts
from hilum_sdk.views import Item


@attrs.frozen(kw_only=True)
class Arrival:
    """One object as it came: in which transfer syntax, and the bytes of its data set."""

    sop_instance_uid: str
    transfer_syntax_uid: str
    data_set: bytes = attrs.field(repr=False)


class FakeNode:
    """Implements `hilum_sdk.DicomService` for any peer; keeps what it is sent.

    Parameters
    ----------
    accepts
        Says of a SOP class and a transfer syntax whether there will be a presentation context.

    Attributes
    ----------
    is_down
        While it is, no association comes about.
    answers
        What the next objects are answered with: a receipt, or the error that `store` raises; a
        `DestinationUnavailable` breaks the association. When all are used, success.
    associations
        Every association that came about, in order.
    arrivals
        Every object that was taken, in order.
    """

    def __init__(self, accepts: Callable[[str, str], bool] = lambda sop_class_uid, syntax: True) -> None:  # noqa: ARG005
        self.is_down = False
        self.answers: deque[Receipt | HilumError] = deque()
        self.associations: list[FakeAssociation] = []
        self.arrivals: list[Arrival] = []
        self.found: list[Dataset] = []
        self._accepts = accepts

    @contextmanager
    def associate(
        self,
        peer: PeerName,
        needs: Sequence[ContextNeed],
        *,
        calling_ae: str | None = None,
        roles: Mapping[str, tuple[bool, bool]] | None = None,  # noqa: ARG002 - all are granted
        timeouts: Timeouts | None = None,  # noqa: ARG002 - it answers at once
    ) -> Iterator[FakeAssociation]:
        """Open an association, as the core does."""
        assert 1 <= len(needs) <= 128, f"{len(needs)} contexts were asked for, 1 to 128 are possible"
        accepted: dict[str, set[str]] = {}
        for need in needs:
            syntaxes = {s for s in need.transfer_syntaxes if self._accepts(need.sop_class_uid, s)}
            if syntaxes:
                accepted.setdefault(need.sop_class_uid, set()).update(syntaxes)
        if self.is_down:
            raise DestinationUnavailable(f"{peer}: connection refused")
        if not accepted:
            raise DestinationUnavailable(f"{peer}: accepts no presentation context")
        association = FakeAssociation(self, tuple(needs), accepted, calling_ae=calling_ae)
        self.associations.append(association)
        try:
            yield association
        finally:
            association.is_open = False


class FakeAssociation:
    """Implements `hilum_sdk.DicomAssociation`."""

    def __init__(
        self,
        node: FakeNode,
        needs: Sequence[ContextNeed],
        accepted: Mapping[str, Collection[str]],
        *,
        calling_ae: str | None,
    ) -> None:
        self.needs = needs
        self.calling_ae = calling_ae
        self.is_open = True
        self.echoes = 0
        self._node = node
        self._accepted = accepted

    @property
    def accepted(self) -> Mapping[str, Collection[str]]:
        """By SOP class, the transfer syntaxes that the node accepted."""
        return self._accepted

    def store(self, item: Item, transfer_syntax_uid: str) -> Receipt:
        """Take an object, or answer as the test has said."""
        self._check_open()
        assert transfer_syntax_uid in self._accepted.get(item.sop_class_uid, ()), "sent without a context"
        with item.data_set(transfer_syntax_uid) as source:
            data_set = source.read()
        answer = self._node.answers.popleft() if self._node.answers else Receipt(status=0)
        if isinstance(answer, HilumError):
            self.is_open = not isinstance(answer, DestinationUnavailable)
            raise answer
        self._node.arrivals.append(
            Arrival(
                sop_instance_uid=item.sop_instance_uid,
                transfer_syntax_uid=transfer_syntax_uid,
                data_set=data_set,
            )
        )
        return answer

    def echo(self) -> None:
        """Count."""
        self._check_open()
        self.echoes += 1

    def n_action(self, sop_class_uid: str, sop_instance_uid: str, action_type: int, dataset: Dataset) -> int:  # noqa: ARG002
        """Do nothing, and say success."""
        self._check_open()
        return 0x0000

    def find(self, model_uid: str, query: Dataset) -> Iterator[Dataset]:  # noqa: ARG002
        """Give what the test has put into the node's ``found``, whatever is asked."""
        self._check_open()
        yield from self._node.found

    def _check_open(self) -> None:
        assert self.is_open, "the association is over: it broke, or its block ended"
