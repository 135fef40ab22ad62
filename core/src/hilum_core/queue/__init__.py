"""The state of every object and delivery: the interface of the store, its embedded default, the ledger."""

from hilum_core.queue.admission import Admission, Origin, admit
from hilum_core.queue.committer import GroupCommit
from hilum_core.queue.errors import QueueDamaged, QueueRefusal, QueueUnavailable, QueueUnusable
from hilum_core.queue.mark import MARK_FILE, MarkKeeper
from hilum_core.queue.reconcile import Reconciled, reconcile
from hilum_core.queue.sqlite import QUEUE_FILE, SqliteQueue
from hilum_core.queue.store import QueueStore
from hilum_core.queue.wakeup import Doorbell, ring

__all__ = [
    "MARK_FILE",
    "QUEUE_FILE",
    "Admission",
    "Doorbell",
    "GroupCommit",
    "MarkKeeper",
    "Origin",
    "QueueDamaged",
    "QueueRefusal",
    "QueueStore",
    "QueueUnavailable",
    "QueueUnusable",
    "Reconciled",
    "SqliteQueue",
    "admit",
    "reconcile",
    "ring",
]
