"""The state of every object and delivery: the interface of the store, its embedded default, the ledger."""

from hilum_core.queue.committer import GroupCommit
from hilum_core.queue.errors import QueueRefusal, QueueUnavailable, QueueUnusable
from hilum_core.queue.reconcile import Reconciled, reconcile
from hilum_core.queue.sqlite import QUEUE_FILE, SqliteQueue
from hilum_core.queue.store import QueueStore
from hilum_core.queue.wakeup import Doorbell, ring

__all__ = [
    "QUEUE_FILE",
    "Doorbell",
    "GroupCommit",
    "QueueRefusal",
    "QueueStore",
    "QueueUnavailable",
    "QueueUnusable",
    "Reconciled",
    "SqliteQueue",
    "reconcile",
    "ring",
]
