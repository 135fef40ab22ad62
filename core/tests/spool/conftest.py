"""A spool in a folder of its own, and one association that objects come in on."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from hilum_core.clock import ManualClock
from hilum_core.spool import DiskGuard, ObjectIds, Spool
from hilum_sdk import Association

CT = "1.2.840.10008.5.1.4.1.1.2"
EXPLICIT = "1.2.840.10008.1.2.1"
ASSOCIATION = Association(
    calling_ae="CT1", called_ae="HILUM", peer="ct1", address="10.1.20.5", tls_subject="CN=ct1", user="Müller"
)


class Desk:
    def __init__(self, root, clock, incarnation=1, guard=None):
        self.root = root
        self.clock = clock
        guard = guard or DiskGuard(root, refuse_below_free=0)
        self.spool = Spool(root, incarnation, ObjectIds(incarnation, clock), guard=guard)

    def begin(self, uid="1.2.3", association=ASSOCIATION, received_at=None):
        return self.spool.begin(
            sop_class_uid=CT,
            sop_instance_uid=uid,
            transfer_syntax_uid=EXPLICIT,
            association=association,
            received_at=received_at or datetime(2026, 1, 1, 12, 0, 0, 123456, tzinfo=UTC),
        )

    def store(self, data=b"data set", uid="1.2.3", **begin):
        writer = self.begin(uid, **begin)
        writer.write([memoryview(data)])
        return writer.commit()

    def path(self, stored):
        return self.spool.locate(stored.instance.id)

    def files(self):
        return sorted(p.relative_to(self.root).as_posix() for p in self.root.rglob("*") if p.is_file())


@pytest.fixture
def clock():
    return ManualClock()


@pytest.fixture
def desk(tmp_path, clock):
    return Desk(tmp_path, clock)


@pytest.fixture
def make_desk(tmp_path, clock):
    return lambda **more: Desk(tmp_path, clock, **more)
