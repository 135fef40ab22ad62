"""A state directory in which a router has worked, and the findings about it."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from hilum_core import revisions
from hilum_core.clock import SystemClock
from hilum_core.doctor.findings import Case, Level, Says
from hilum_core.incarnation import prepare_state_dir
from hilum_core.queue import SqliteQueue
from hilum_core.queue.admission import admit
from hilum_core.spool import DiskGuard, ObjectIds, Spool
from hilum_sdk import Association

CONFIG = """
[router]
ae_title = "HILUM"
state_dir = "{}"
{}
"""
DEAD = 1


class Ward:
    """The state directory, its spool and its queue, of a process that has died since."""

    def __init__(self, root):
        self.root = root
        self.config_path = root.parent / "hilum.toml"
        prepare_state_dir(root)
        admit(root)
        revisions.accept(root, self.configure())
        guard = DiskGuard(root, refuse_below_free=0)
        self.spool = Spool(root, DEAD, ObjectIds(DEAD, SystemClock()), guard=guard)
        self.queue = SqliteQueue.open(root / "queue.sqlite", DEAD)

    def configure(self, more=""):
        """Write the config, with this at the end of [router]; returns it."""
        self.config_path.write_text(CONFIG.format(self.root, more))
        return self.config_path.read_text()

    def store(self, *, with_row=True):
        """Put an object into the spool, and tell the queue."""
        writer = self.spool.begin(
            sop_class_uid="1.2.840.10008.5.1.4.1.1.2",
            sop_instance_uid="1.2.3",
            transfer_syntax_uid="1.2.840.10008.1.2.1",
            association=Association(calling_ae="CT1", called_ae="HILUM", address="127.0.0.1"),
            received_at=datetime.now(UTC),
        )
        writer.write([memoryview(b"data set")])
        stored = writer.commit()
        if with_row:
            self.queue.add_objects([stored])
        return stored.instance.id

    def drop_queue(self):
        self.queue.close()
        for file in self.root.glob("queue.sqlite*"):
            file.unlink()

    def findings(self, examination, **case):
        """What one examination says, but for what is well: level and text."""
        about = Case(**({"state_dir": self.root, "config_path": self.config_path} | case))
        found = list(examination(about, Says("it")))
        assert found
        return [(str(one.level), one.what) for one in found if one.level is not Level.OK]


@pytest.fixture
def ward(tmp_path):
    made = Ward(tmp_path / "state")
    yield made
    made.queue.close()
