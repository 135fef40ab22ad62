"""The feed of one sink, inside its worker: items that were pushed, and what the sink says of them."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import attrs

from hilum_core.crash_points import reach
from hilum_core.deliver.guarantee import why_not
from hilum_core.queue.records import ClaimedDelivery, Failure
from hilum_core.spool import SpoolDamage, data_set_span
from hilum_core.workers.failures import (
    PERMANENT,
    failure_of,
    local_failure,
    retry_after_s,
    sound_text,
)
from hilum_core.workers.freshness import verify_unless_fresh
from hilum_core.workers.pipe import Message
from hilum_core.workers.session import WorkerSession
from hilum_core.workers.wire import pack, unpack
from hilum_sdk import ContextNeed, HilumError, Item, Receipt
from hilum_sdk.elements import FileItem, SegmentReader, transfer_syntaxes_from

_MOST_STATUS = 0xFFFF


@attrs.frozen(kw_only=True)
class LaneItem(FileItem):
    """An item of a lane; ``notes`` tells in which other transfer syntaxes it was asked for."""

    notes: list[str] = attrs.field(factory=list, init=False)

    @classmethod
    def of(cls, claimed: ClaimedDelivery, path: Path, *, scratch_dir: Path) -> LaneItem:
        """Make the item of a delivery. Raises `SpoolDamage` or OSError: its file is not as it should be."""
        rendering, instance = claimed.rendering, claimed.stored.instance
        leaves = rendering or instance
        offset, length = data_set_span(path)
        deidentified = rendering is not None and rendering.deidentified
        return cls(
            id=claimed.delivery_id,
            attempt=claimed.attempt,
            path=path,
            data_set_offset=offset,
            data_set_length=length,
            sop_class_uid=leaves.sop_class_uid,
            sop_instance_uid=leaves.sop_instance_uid,
            transfer_syntax_uid=leaves.transfer_syntax_uid,
            transfer_syntaxes=transfer_syntaxes_from(leaves.transfer_syntax_uid),
            deidentified=deidentified,
            origin=None if deidentified else instance,
            scratch_dir=scratch_dir,
        )

    def data_set(self, transfer_syntax_uid: str | None = None) -> SegmentReader:
        """The encoded data set; re-encoding is noted for the ledger."""
        self._note(transfer_syntax_uid)
        return super().data_set(transfer_syntax_uid)

    def part10(self, transfer_syntax_uid: str | None = None) -> SegmentReader:
        """A DICOM file; re-encoding is noted for the ledger."""
        self._note(transfer_syntax_uid)
        return super().part10(transfer_syntax_uid)

    def _note(self, transfer_syntax_uid: str | None) -> None:
        if transfer_syntax_uid not in {None, self.transfer_syntax_uid}:
            # Where it is asked for twice, the last one is what left.
            self.notes[:] = [f"re-encoded from {self.transfer_syntax_uid} to {transfer_syntax_uid}"]


class LaneFeed:
    """Implements `hilum_sdk.Feed` over the pipe to the lane's coordinator."""

    def __init__(
        self, session: WorkerSession, *, deidentified_only: bool, blame: str, scratch_dir: Path
    ) -> None:
        self._session = session
        self._deidentified_only = deidentified_only
        self._blame = blame
        self._scratch_dir = scratch_dir
        scratch_dir.mkdir(mode=0o700, exist_ok=True)
        self._taken: dict[str, LaneItem] = {}
        self._raw: dict[str, Message] = {}
        self._begun: set[str] = set()
        self.settled = 0

    # ---- what a sink calls

    def needs(self, *, at_most: int = 128) -> Sequence[ContextNeed]:
        """What the waiting items need, most wanted first."""
        counts: dict[tuple[str, str], int] = {}
        for message in self._session.items:
            claimed = unpack(message["claimed"], ClaimedDelivery)
            leaves = claimed.rendering or claimed.stored.instance
            key = (leaves.sop_class_uid, leaves.transfer_syntax_uid)
            counts[key] = counts.get(key, 0) + 1
        for sop_class_uid, transfer_syntax_uid, waiting in self._session.ask("needs") or ():
            key = (sop_class_uid, transfer_syntax_uid)
            counts[key] = counts.get(key, 0) + waiting
        return _needs(counts)[:at_most]

    def take(
        self, *, wait: timedelta = timedelta(0), most_items: int = 1, most_bytes: int | None = None
    ) -> Sequence[Item]:
        """Take items, oldest first; waiting does not count against the time limit."""
        self._session.timer.pause()
        self._session.look()  # a lane that rests calls back what was pushed
        end = time.monotonic() + wait.total_seconds()
        taken: list[LaneItem] = []
        size = 0
        while len(taken) < most_items and not self._session.stopping:
            if not self._session.items and not self._wait_for_items(0 if taken else end - time.monotonic()):
                break
            message = self._session.items.popleft()
            item = self._make(message)
            if item is None:
                continue
            size += item.part10_bytes
            if taken and most_bytes is not None and size > most_bytes:
                self._session.items.appendleft(message)
                break
            taken.append(item)
            self._taken[item.id], self._raw[item.id] = item, message
        self._session.timer.beat()
        return taken

    def begin(self, item: Item) -> None:
        """From here on a failure spends an attempt of this item."""
        self._begun.add(item.id)
        self._session.begin(item.id)
        self._session.timer.beat()
        reach("deliver.worker.begun")

    def delivered(self, item: Item, receipt: Receipt = Receipt()) -> None:  # noqa: B008 - frozen
        """The destination has the item."""
        reach("deliver.worker.sent")
        notes = self._taken[item.id].notes
        self._settle(item.id, {"delivered": pack(_sound(receipt)), "notes": notes})

    def failed(self, item: Item, error: HilumError) -> None:
        """The item was not taken."""
        self._fail(item.id, error)

    def give_back(self, item: Item) -> None:
        """Offer the item again, in this session or another."""
        del self._taken[item.id]
        self._begun.discard(item.id)
        self._session.items.appendleft(self._raw.pop(item.id))

    # ---- what the worker calls

    def session_failed(self, error: BaseException) -> None:
        """`deliver` raised: what was begun fails with that, the rest goes back unspent."""
        begun = list(self._begun)
        for item_id in begun:
            self._fail(item_id, error)
        if not begun:
            self._session.pipe.post({"unavailable": pack(failure_of(error, blame=self._blame))})
        self.give_all_back()

    def end_session(self) -> None:
        """`deliver` returned: what it took and did not begin is offered again.

        Raises
        ------
        TypeError
            It began something and did not say what became of it: a defect of the sink.
        """
        if self._begun:
            raise TypeError("deliver() returned without settling what it began")
        for item in reversed(list(self._taken.values())):
            self.give_back(item)

    def give_all_back(self) -> None:
        """Return everything that is not settled to the coordinator, unspent."""
        for item_id in list(self._taken):
            self._settle(item_id, {"unspent": 1})
        self._session.recall()
        self._session.flush()

    # ---- how

    def _wait_for_items(self, wait_s: float) -> bool:
        self._session.pump(max(0.0, wait_s))
        return bool(self._session.items)

    def _make(self, message: Message) -> LaneItem | None:
        """The item of a message; None when there is nothing to deliver, which is then settled."""
        claimed = unpack(message["claimed"], ClaimedDelivery)
        path = Path(message["path"])
        unfit = ""
        try:
            item = LaneItem.of(claimed, path, scratch_dir=self._scratch_dir)
            if self._deidentified_only:
                unfit = why_not(claimed.rendering, item)
            if claimed.rendering is None and not unfit:
                received_at = claimed.stored.instance.received_at
                verify_unless_fresh(path, received_at, alive=self._session.say_alive)
        except SpoolDamage as error:
            kind = "rendering_lost" if claimed.rendering else "damaged"
            self._session.done(message["id"], {kind: pack(Failure(text=str(error)))})
            return None
        except OSError as error:  # no descriptor left, say: nothing is wrong with the object
            failure = pack(local_failure(error, blame="deliver"))
            self._session.done(message["id"], {"failed": failure, "retry_after": None})
            return None
        if unfit:
            failure = pack(Failure(text=unfit, kind=PERMANENT))
            self._session.done(message["id"], {"failed": failure, "retry_after": None})
            return None
        return item

    def _fail(self, item_id: str, error: BaseException) -> None:
        outcome: Message = {
            "failed": pack(failure_of(error, blame=self._blame)),
            "retry_after": retry_after_s(error),
        }
        self._settle(item_id, outcome)

    def _settle(self, item_id: str, outcome: Message) -> None:
        del self._taken[item_id]
        del self._raw[item_id]
        self._begun.discard(item_id)
        self.settled += 1
        self._session.done(item_id, outcome)


def _sound(receipt: object) -> Receipt:
    """Make sure of what a plugin gave as receipt. Returning is delivering, so none at all is a plain one.

    Raises
    ------
    TypeError
        It is something else than the interface says.
    """
    if receipt is None:
        return Receipt()
    if not isinstance(receipt, Receipt):
        raise TypeError("a sink returns a Receipt")
    for value, kind in ((receipt.warning, str), (receipt.status, int), (receipt.location, str)):
        if value is not None and not isinstance(value, kind):
            raise TypeError("a Receipt holds a warning and a location in words and a status as number")
    if receipt.status is not None and not 0 <= receipt.status <= _MOST_STATUS:
        raise TypeError("a status is a number of DIMSE or HTTP")
    return Receipt(
        warning=None if receipt.warning is None else sound_text(receipt.warning),
        status=receipt.status,
        location=None if receipt.location is None else sound_text(receipt.location),
    )


def _needs(counts: dict[tuple[str, str], int]) -> list[ContextNeed]:
    """One need for each SOP class: its transfer syntaxes as they are, then what else can be supplied."""
    by_class: dict[str, dict[str, int]] = {}
    for (sop_class_uid, transfer_syntax_uid), waiting in counts.items():
        by_class.setdefault(sop_class_uid, {})[transfer_syntax_uid] = waiting
    needs = []
    for sop_class_uid, syntaxes in by_class.items():
        as_is = sorted(syntaxes, key=lambda uid: -syntaxes[uid])
        offered = dict.fromkeys([*as_is, *(uid for own in as_is for uid in transfer_syntaxes_from(own))])
        needs.append(
            ContextNeed(
                sop_class_uid=sop_class_uid,
                transfer_syntaxes=tuple(offered),
                waiting=sum(syntaxes.values()),
            )
        )
    return sorted(needs, key=lambda need: -need.waiting)
