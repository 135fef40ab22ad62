"""Every hot statement goes by an index: one that scans is fast on the first day only."""

from __future__ import annotations

import re
from pathlib import Path

import apsw
import pytest

from hilum_core.clock import SystemClock
from hilum_core.queue import (
    SqliteQueue,
    delivering,
    forgetting,
    intake,
    leases,
    ordering,
    outdating,
    rendering,
    retention,
    routing,
    settling,
    status,
)

MODULES = (
    intake,
    routing,
    ordering,
    outdating,
    settling,
    rendering,
    delivering,
    leases,
    retention,
    forgetting,
    status,
)
STATEMENT = re.compile(r"\s*(SELECT|UPDATE|INSERT|DELETE|WITH)\b")
TABLE_SCAN = re.compile(r"SCAN (objects|deliveries|renderings|events|[a-z])\b")

INDEXED = {
    "CANDIDATE_OBJECTS": "objects_listed (state=? AND due_at=?)",
    "PROMOTE_OBJECTS": "objects_listed (state=? AND due_at>? AND due_at<?)",
    "NEXT_OBJECT_DUE": "objects_listed (state=?)",
    "CANDIDATE_RENDERINGS": "renderings_open (state=? AND chain=? AND due_at=?)",
    "PROMOTE_RENDERINGS": "renderings_open (state=? AND chain=? AND due_at>? AND due_at<?)",
    "CANDIDATE_DELIVERIES": "deliveries_open (state=? AND sink=? AND due_at=? AND rank>?)",
    "FIRST_OF_SHARD": "deliveries_sharded (sink=? AND <expr>=?)",
    "PROMOTE_DELIVERIES": "deliveries_open (state=? AND sink=? AND due_at>? AND due_at<?)",
    "NEXT_DELIVERY_LATER": "deliveries_open (state=? AND sink=? AND due_at>?)",
    "CHAINS_TO_COMPARE": "deliveries_rendered (chain>?)",
    "TO_COMPARE": "deliveries_rendered (chain=? AND rendering>?)",
    "LEASED[deliver]": "deliveries_open (state=?)",
    "RENEW[deliver]": "deliveries_open (state=?)",
    "PURGEABLE": "objects_purgeable (settled_at<?)",
    "RECORDS": "o USING INTEGER PRIMARY KEY (rowid>?)",
    "LINES": "events USING INTEGER PRIMARY KEY (rowid>?)",
    "PURGES_DUE": "objects_listed (state=?)",
    "PURGES_DEFERRED": "objects_listed (state=? AND due_at>?)",
}


def statements():
    for module in MODULES:
        for name, value in vars(module).items():
            for key, sql in value.items() if isinstance(value, dict) else [("", value)]:
                if isinstance(sql, str) and STATEMENT.match(sql):
                    yield f"{name}[{key}]" if key else name, sql


@pytest.fixture(scope="module")
def database(tmp_path_factory):
    path: Path = tmp_path_factory.mktemp("plans") / "queue.sqlite"
    SqliteQueue.open(path, 1, SystemClock()).close()
    return apsw.Connection(str(path))


def plan(database, sql):
    bound = (0,) * 20
    count = len(set(re.findall(r"\?\d+", sql))) or sql.count("?")
    return [row[3] for row in database.execute(f"EXPLAIN QUERY PLAN {sql}", bound[:count])]


@pytest.mark.parametrize(("name", "sql"), sorted(dict(statements()).items()))
def test_statement_of_the_queue_scans_no_table(database, name, sql):
    steps = plan(database, sql)
    if not name.startswith("COUNT"):  # counting goes through an index of what is open, from end to end
        assert not [step for step in steps if TABLE_SCAN.match(step)], steps
    if name.startswith("CANDIDATE"):
        assert not [step for step in steps if "TEMP B-TREE" in step], steps
    if name in INDEXED:
        assert any(INDEXED[name] in step for step in steps), steps


def test_each_expected_index_belongs_to_a_statement():
    assert set(INDEXED) <= {name for name, _ in statements()}
