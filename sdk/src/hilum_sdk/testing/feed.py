"""A lane without a router: a list of items, and what the sink said of each."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Sequence
from datetime import timedelta

from hilum_sdk.components import BatchSink
from hilum_sdk.errors import HilumError
from hilum_sdk.records import ContextNeed, Receipt
from hilum_sdk.views import Item

_MOST_RETURNS = 5
_MOST_SESSIONS = 100


class ListFeed:
    """Implements `hilum_sdk.Feed` over a list; never waits.

    Attributes
    ----------
    receipts
        By item id, of what was delivered.
    errors
        By item id, of what failed, last error. An item that failed is not offered again.
    sessions
        How often `serve` has called the sink.
    """

    def __init__(self, items: Iterable[Item]) -> None:
        self.receipts: dict[str, Receipt] = {}
        self.errors: dict[str, BaseException] = {}
        self.sessions = 0
        self._waiting = deque(items)
        self._taken: dict[str, Item] = {}
        self._begun: set[str] = set()
        self._returns: Counter[str] = Counter()

    # ---- what a sink calls

    def needs(self, *, at_most: int = 128) -> Sequence[ContextNeed]:
        """What the waiting items need, most wanted first."""
        counts = Counter((item.sop_class_uid, tuple(item.transfer_syntaxes)) for item in self._waiting)
        return [
            ContextNeed(sop_class_uid=sop_class_uid, transfer_syntaxes=syntaxes, waiting=count)
            for (sop_class_uid, syntaxes), count in counts.most_common(at_most)
        ]

    def take(
        self,
        *,
        wait: timedelta = timedelta(0),  # noqa: ARG002 - nothing will come
        most_items: int = 1,
        most_bytes: int | None = None,
    ) -> Sequence[Item]:
        """Claim items, in the order of the list."""
        taken: list[Item] = []
        size = 0
        while self._waiting and len(taken) < most_items:
            size += self._waiting[0].part10_bytes
            if taken and most_bytes is not None and size > most_bytes:
                break
            item = self._waiting.popleft()
            self._taken[item.id] = item
            taken.append(item)
        return taken

    def begin(self, item: Item) -> None:
        """From here on a failure counts against this item."""
        assert item.id in self._taken, f"{item.id} was begun, but is not in hand"
        self._begun.add(item.id)

    def delivered(self, item: Item, receipt: Receipt = Receipt()) -> None:  # noqa: B008 - frozen
        """The destination has the item."""
        self._settle(item)
        self.receipts[item.id] = receipt

    def failed(self, item: Item, error: HilumError) -> None:
        """The item was not taken."""
        assert isinstance(error, HilumError), f"failed with {type(error).__name__}, which is no HilumError"
        self._settle(item)
        self.errors[item.id] = error

    def give_back(self, item: Item) -> None:
        """Return an item unspent; it is the next that is offered."""
        self._settle(item)
        self._returns[item.id] += 1
        assert self._returns[item.id] <= _MOST_RETURNS, f"{item.id} was given back again and again"
        self._waiting.appendleft(item)

    # ---- what a test calls

    @property
    def waiting(self) -> int:
        """How many items nobody has settled."""
        return len(self._waiting)

    def serve(self, sink: BatchSink) -> BaseException | None:
        """Call the sink as the core does while items wait; give what it raised at last, if it raised.

        What was begun then fails with that, and all else in hand waits again.
        """
        while self._waiting:
            self.sessions += 1
            assert self.sessions <= _MOST_SESSIONS, "the sink is called for ever and settles nothing"
            try:
                sink.deliver(self)
            except Exception as error:  # noqa: BLE001 - whatever a sink raises
                self._session_failed(error)
                return error
            assert not self._taken, f"the sink returned with {len(self._taken)} items in hand, not settled"
        return None

    def _settle(self, item: Item) -> None:
        assert item.id in self._taken, f"{item.id} was settled, but is not in hand"
        del self._taken[item.id]
        self._begun.discard(item.id)

    def _session_failed(self, error: BaseException) -> None:
        for item_id, item in reversed(self._taken.items()):
            if item_id in self._begun:
                self.errors[item_id] = error
            else:
                self._waiting.appendleft(item)
        self._taken.clear()
        self._begun.clear()
