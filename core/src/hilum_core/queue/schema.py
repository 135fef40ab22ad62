"""The tables of the embedded queue, and which versions of them this release can read.

Times are whole microseconds since 1970. `due_at` is 0 where something may be done at once, so that what
is due is found in order of reception and what is not yet due is not looked at (see `claiming`). `rank`
is the time of reception. `chain` is empty where the object goes as it came. `identity` names what made a
rendering, and `epoch` the start of the router for which it is known to be good (see `outdating`).
"""

from __future__ import annotations

import apsw

from hilum_core.queue.errors import QueueUnusable
from hilum_core.queue.states import DELIVERIES, OBJECTS, RENDERINGS, is_one_of

VERSION = 2
_APPLICATION_ID = 0x48494C55  # "HILU", in the header of the file, so that file(1) and people can tell

OBJECTS_LISTED = is_one_of((*OBJECTS.open, OBJECTS.moves["purge"].target))
"""The condition of the index of objects that have not ended or whose bytes are being removed."""

OBJECTS_PURGEABLE = is_one_of(OBJECTS.moves["purge"].sources)
RENDERINGS_OPEN = is_one_of(RENDERINGS.open)
DELIVERIES_OPEN = is_one_of(DELIVERIES.open)
DELIVERIES_AT_ONCE = f"{is_one_of(DELIVERIES.moves['claim'].sources)} AND due_at = 0"
_RENDERED = f"{is_one_of(DELIVERIES.moves['claim'].sources)} AND rendering IS NOT NULL"

SHARDS = 256
SHARD = f"shard_key % {SHARDS}"
"""All objects of a patient fall to one of these; the n workers of a lane take every n-th of them."""

_INDEX_OF_RENDERED = f"CREATE INDEX deliveries_rendered ON deliveries (chain, rendering) WHERE {_RENDERED};"
_TRANSFORMS = """
CREATE TABLE transforms (name TEXT PRIMARY KEY, deidentifies INTEGER NOT NULL) STRICT, WITHOUT ROWID;
"""

_LEASE_COLUMNS = """
    attempts INTEGER NOT NULL DEFAULT 0,
    crashes INTEGER NOT NULL DEFAULT 0,
    first_attempt_at INTEGER,
    lease_owner INTEGER NOT NULL DEFAULT 0,
    lease_no INTEGER NOT NULL DEFAULT 0,
    lease_until INTEGER,
    failure TEXT"""

_TABLES = f"""
CREATE TABLE queue (name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT, WITHOUT ROWID;

CREATE TABLE objects (
    seq INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    state TEXT NOT NULL,
    due_at INTEGER NOT NULL DEFAULT 0,
    sop_class_uid TEXT NOT NULL,
    sop_instance_uid TEXT NOT NULL,
    transfer_syntax_uid TEXT NOT NULL,
    data_set_bytes INTEGER NOT NULL,
    received_at INTEGER NOT NULL,
    checksum INTEGER NOT NULL,
    calling_ae TEXT NOT NULL,
    called_ae TEXT NOT NULL,
    peer TEXT,
    address TEXT NOT NULL,
    tls_subject TEXT,
    user_identity TEXT,
    study_instance_uid TEXT NOT NULL DEFAULT '',
    series_instance_uid TEXT NOT NULL DEFAULT '',
    modality TEXT NOT NULL DEFAULT '',
    patient_key TEXT NOT NULL DEFAULT '',
    released INTEGER NOT NULL DEFAULT 0,
    reason TEXT NOT NULL DEFAULT '',
    settled_at INTEGER,
    purged_at INTEGER,{_LEASE_COLUMNS}
) STRICT;
CREATE INDEX objects_listed ON objects (state, due_at, id) WHERE {OBJECTS_LISTED};
CREATE INDEX objects_purgeable ON objects (settled_at) WHERE {OBJECTS_PURGEABLE};
CREATE INDEX objects_instance ON objects (sop_instance_uid, id);
CREATE INDEX objects_study ON objects (study_instance_uid) WHERE study_instance_uid <> '';

CREATE TABLE renderings (
    seq INTEGER PRIMARY KEY,
    object INTEGER NOT NULL REFERENCES objects,
    chain TEXT NOT NULL,
    state TEXT NOT NULL,
    due_at INTEGER NOT NULL DEFAULT 0,
    rank INTEGER NOT NULL,
    revision INTEGER NOT NULL,
    file_name TEXT,
    sop_class_uid TEXT,
    sop_instance_uid TEXT,
    transfer_syntax_uid TEXT,
    data_set_bytes INTEGER,
    deidentified INTEGER,
    verified INTEGER,
    identity TEXT,
    epoch TEXT NOT NULL DEFAULT '',{_LEASE_COLUMNS},
    UNIQUE (object, chain)
) STRICT;
CREATE INDEX renderings_open ON renderings (state, chain, due_at, rank) WHERE {RENDERINGS_OPEN};

CREATE TABLE deliveries (
    seq INTEGER PRIMARY KEY,
    object INTEGER NOT NULL REFERENCES objects,
    sink TEXT NOT NULL,
    chain TEXT NOT NULL,
    route TEXT NOT NULL,
    state TEXT NOT NULL,
    due_at INTEGER NOT NULL DEFAULT 0,
    rank INTEGER NOT NULL,
    shard_key INTEGER NOT NULL,
    rendering INTEGER REFERENCES renderings,
    revision INTEGER NOT NULL,
    ended_at INTEGER,
    receipt TEXT,{_LEASE_COLUMNS},
    UNIQUE (object, sink, chain)
) STRICT;
CREATE INDEX deliveries_open ON deliveries (state, sink, due_at, rank) WHERE {DELIVERIES_OPEN};
CREATE INDEX deliveries_sharded ON deliveries (sink, {SHARD}, rank) WHERE {DELIVERIES_AT_ONCE};
{_INDEX_OF_RENDERED}

CREATE TABLE events (
    cursor INTEGER PRIMARY KEY,
    at INTEGER NOT NULL,
    kind TEXT NOT NULL,
    object INTEGER,
    delivery INTEGER,
    sink TEXT,
    by_whom TEXT,
    detail TEXT
) STRICT;
CREATE INDEX events_object ON events (object) WHERE object IS NOT NULL;

CREATE TABLE ended (
    sink TEXT NOT NULL, state TEXT NOT NULL, number INTEGER NOT NULL, PRIMARY KEY (sink, state)
) STRICT, WITHOUT ROWID;
CREATE TABLE lanes (
    sink TEXT PRIMARY KEY, state TEXT NOT NULL, reason TEXT NOT NULL, since INTEGER, resting_until INTEGER
) STRICT, WITHOUT ROWID;
CREATE TABLE problems (
    label TEXT PRIMARY KEY, text TEXT NOT NULL, since INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
{_TRANSFORMS}
"""

_STEPS = {
    1: f"""
ALTER TABLE renderings ADD COLUMN verified INTEGER;
ALTER TABLE renderings ADD COLUMN identity TEXT;
ALTER TABLE renderings ADD COLUMN epoch TEXT NOT NULL DEFAULT '';
{_INDEX_OF_RENDERED}
{_TRANSFORMS}
""",
}
"""What makes a queue of each version into one of the next."""


def create_or_check(connection: apsw.Connection, created_at: int) -> None:
    """Make the tables in an empty file, or bring those in it to this version. In a transaction.

    Raises
    ------
    QueueUnusable
        A newer release wrote the file: its rows may mean what this one does not know.
    """
    found = int(connection.pragma("user_version"))
    if found > VERSION:
        raise QueueUnusable(
            f"{connection.filename}: the queue has version {found} and this release reads {VERSION}; "
            f"install the newer release again"
        )
    if found == VERSION:
        return
    if found == 0:
        connection.execute(_TABLES)
        connection.execute("INSERT INTO queue VALUES ('created_at', ?)", (created_at,))
        connection.pragma("application_id", _APPLICATION_ID)
    else:
        for step in range(found, VERSION):
            connection.execute(_STEPS[step])
    connection.pragma("user_version", VERSION)
