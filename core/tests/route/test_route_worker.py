"""A real routing worker, fed through its pipe as the coordinator does."""

from __future__ import annotations

import copy
import json
import os
import select
import socket
import textwrap
import time
from datetime import UTC, datetime
from pathlib import Path

import pydicom
import pytest
from pydicom.data import get_testdata_file
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.tag import BaseTag

from hilum_core import revisions
from hilum_core.queue.records import ClaimedObject, RoutingHeld
from hilum_core.route.headers import _text
from hilum_core.spool import open_spool
from hilum_core.stage import StageArguments
from hilum_core.workers.link import CAME_TO_ITS_END, WorkerLink
from hilum_core.workers.wire import pack, unpack
from hilum_sdk import Association
from hilum_sdk.elements import read_file_meta

CONFIG = """
    [router]
    state_dir = "{state_dir}"
    [peers.ct]
    ae_title = "CT"
    host = "127.0.0.1"
    port = 104
    may_send = true
    [sinks.out]
    type = "folder"
    path = "/nowhere"
    [sinks.back]
    type = "dicom"
    peer = "ct"
    """
ROUTE = """
    [[routes]]
    name = "{name}"
    sinks = {sinks}
    """

ENTRY_POINTS = """
[hilum.filters]
slow = acme_filters
keyword = acme_filters
says = acme_filters
opens = acme_filters
closes = acme_filters
tells = acme_filters
"""
FILTERS = """
    import attrs, json, os, stat, struct, time
    from hilum_sdk import ContextNeed, Filter, FilterSpec, hookimpl
    @attrs.frozen(kw_only=True)
    class Config:
        pass
    class Slow(Filter):
        needs = ()
        def matches(self, header, instance):
            time.sleep(1.1)
            return True
    class Keyword(Filter):
        needs = ("Modality",)
        def matches(self, header, instance):
            return True
    class Says(Filter):
        def matches(self, header, instance):
            "Say with each new process the next of what the test has put down, and no more."
            left = json.loads((self.context.data_dir / "left").read_text())
            (self.context.data_dir / "left").write_text(json.dumps(left[1:]))
            data = json.dumps(left[0]).encode()
            for fd in range(3, 64):
                try:
                    if stat.S_ISSOCK(os.fstat(fd).st_mode):
                        os.write(fd, struct.pack(">I", len(data)) + data)
                except OSError:
                    pass
            time.sleep(1000)
    class Tells(Filter):
        def matches(self, header, instance):
            return True
        def probe(self):
            need = ContextNeed(sop_class_uid="1.2.840.10008.1.1", transfer_syntaxes=("1.2.840.10008.1.2",))
            with self.context.dicom.associate("nobody", [need]):
                pass
        def explain(self, header, instance):
            context = self.context
            context.beat()
            return f"{context.label} {context.data_dir} {context.stopping()} {header.Modality}"
    class Opens(Keyword):
        def open(self):
            time.sleep(1000)
    class Closes(Keyword):
        needs = ()
        def close(self, timeout):
            time.sleep(1000)
    @hookimpl
    def hilum_register_filters():
        yield FilterSpec(type="tells", config=Config, create=Tells)
        yield FilterSpec(type="opens", config=Config, create=Opens)
        yield FilterSpec(type="closes", config=Config, create=Closes)
        yield FilterSpec(type="says", config=Config, create=Says)
        yield FilterSpec(type="slow", config=Config, create=Slow)
        yield FilterSpec(type="keyword", config=Config, create=Keyword)
    """

HURRIED = """
import datetime, sys
from hilum_core.route import worker
from hilum_core.workers import session
session._OPENS_WITHIN_S = session._LOOK_AFRESH_S = 0.5
session._CLOSES_WITHIN = datetime.timedelta(seconds=0.5)
worker.main()
"""
"""A routing worker with short time limits of its own."""


def route(name, sinks, more=""):
    return ROUTE.format(name=name, sinks=str(sinks).replace("'", '"')) + more


class Bench:
    """A spool with one object of CT, and a worker to route it."""

    def __init__(self, state_dir, config, module="hilum_core.route.worker", label="route-1"):
        self.spool = open_spool(state_dir, 1)
        self.lock_fd = os.open(state_dir / "lock", os.O_CREAT | os.O_RDWR)
        arguments = StageArguments(
            state_dir=state_dir,
            revision=revisions.accept(state_dir, CONFIG.format(state_dir=state_dir) + config),
            lifeline_fd=-1,
            lock_fd=self.lock_fd,
            stop_within_s=5,
        )
        self.link = WorkerLink(module, label, arguments, memory_bytes=1 << 30, call_limit_s=30)
        self.heard = []

    def store(self):
        with Path(get_testdata_file("CT_small.dcm")).open("rb") as stream:
            meta = read_file_meta(stream)
            stream.seek(meta.data_set_offset)
            data_set = stream.read()
        writer = self.spool.begin(
            sop_class_uid=meta.sop_class_uid,
            sop_instance_uid=meta.sop_instance_uid,
            transfer_syntax_uid=meta.transfer_syntax_uid,
            association=Association(calling_ae="CT", called_ae="HILUM", peer="ct"),
            received_at=datetime.now(UTC),
        )
        writer.write([memoryview(data_set)])
        return writer.commit()

    def route(self):
        stored = self.store()
        claimed = ClaimedObject(
            stored=stored,
            lease_no=3,
            attempt=1,
            crashes=0,
            first_attempt_at=datetime.now(UTC),
            released=False,
        )
        object_id = stored.instance.id
        if not self.link.running:
            self.link.start_if_due()
        self.link.push([(object_id, claimed, {"path": str(self.spool.locate(object_id))})])
        end = time.monotonic() + 30
        while time.monotonic() < end:
            if not select.select([self.link.fileno()], [], [], 1)[0]:
                continue
            for message in self.link.receive():
                self.heard.append(message)
                if "done" in message:
                    return message
        raise TimeoutError(self.heard)

    def close(self):
        if self.link.running:
            self.link.kill()
            self.link.retire()
        os.close(self.lock_fd)


@pytest.fixture
def free_tcp_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        yield probe.getsockname()[1]  # bound, and nobody listens


def iter_messages(link):
    while link.talking:
        yield from link.receive()


@pytest.fixture
def bench(tmp_path):
    made = []

    def bench(*routes, **more):
        (tmp_path / "state").mkdir(mode=0o700)
        made.append(Bench(tmp_path / "state", "".join(routes), **more))
        return made[0]

    yield bench
    made[0].close()


@pytest.fixture
def acme_filters(tmp_path, monkeypatch):
    """A distribution with the filters `slow` and `keyword`."""
    site = tmp_path / "site"
    monkeypatch.setenv("PYTHONPATH", str(site))
    about = site / "acme_filters-1.5.dist-info"
    about.mkdir(parents=True)
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: acme-filters\nVersion: 1.5\n")
    (about / "entry_points.txt").write_text(ENTRY_POINTS)
    (site / "acme_filters.py").write_text(textwrap.dedent(FILTERS))
    (site / "hurried.py").write_text(HURRIED)


def test_an_object_that_only_its_sender_would_get_is_held(bench):
    held = unpack(bench(route("all", ["back"])).route()["held"], RoutingHeld)
    assert held.code == "returned"
    assert held.failure.text == (
        "the route would only return it to its sender (all); set return_to_sender = true there, "
        "or give it another sink"
    )
    assert held.facts.modality == "CT"


def test_an_object_that_another_sink_takes_is_routed_there(bench):
    routed = bench(route("all", ["back"]), route("keep", ["out"])).route()["routed"]
    assert [delivery["sink"] for delivery in routed["deliveries"]] == ["out"]
    assert routed["notes"] == ["not returned to its sender through back"]


@pytest.mark.usefixtures("acme_filters")
def test_the_worker_says_before_each_filter_that_it_is_alive(bench):
    filters = "".join(f'[filters.{name}]\ntype = "slow"\nisolate = false\n' for name in ("a", "b", "c"))
    at_work = bench(filters, route("all", ["out"], 'filters = ["a", "b", "c"]\n'))
    assert "routed" in at_work.route()
    kinds = [next(iter(message)) for message in at_work.heard]
    assert kinds[kinds.index("hello") :].count("beat") >= 2  # at most one a second


@pytest.mark.usefixtures("acme_filters")
def test_a_filter_that_needs_no_tags_is_broken_and_no_object_is_blamed(bench):
    filters = '[filters.odd]\ntype = "keyword"\n'
    routes = route("own", ["out"]), route("odd", ["out"], 'filters = ["odd"]\nfrom = ["mr"]\n')
    peers = '[peers.mr]\nae_title = "MR"\nmay_send = true\n'
    at_work = bench(peers, filters, *routes)
    assert "routed" in at_work.route()
    reason = "needs must be a collection of tags as numbers such as 0x00100020, or None (acme-filters 1.5)"
    assert at_work.heard[0]["hello"]["broken"] == {"filters.odd": reason}


@pytest.mark.usefixtures("acme_filters")
def test_filters_that_share_the_worker_and_hang_as_they_open_or_close_hold_it_up_for_a_while_only(bench):
    filters = "".join(f'[filters.{name}]\ntype = "{name}"\nisolate = false\n' for name in ("opens", "closes"))
    routes = route("odd", ["out"], 'filters = ["opens"]\nfrom = ["mr"]\n'), route("own", ["out"])
    peers = '[peers.mr]\nae_title = "MR"\nmay_send = true\n'
    link = bench(peers, filters, *routes, module="hurried").link
    link.start_if_due()
    # As something is broken, it wants to be started afresh.
    assert select.select([link.ending], [], [], 30)[0]
    heard = [message for message in iter_messages(link) if "hello" in message]
    reason = "did not finish within its time limit (acme-filters 1.5)"
    assert heard == [{"hello": {"broken": {"filters.opens": reason}}}]
    assert link.retire() == CAME_TO_ITS_END


@pytest.mark.usefixtures("acme_filters")
def test_an_isolated_filter_has_the_context_that_it_would_have_elsewhere(bench, free_tcp_port, tmp_path):
    peers = f'[peers.nobody]\nae_title = "X"\nhost = "127.0.0.1"\nport = {free_tcp_port}\n'
    config = peers, '[filters.own]\ntype = "tells"\n', route("all", ["out"])
    at_work = bench(*config, module="hilum_core.route.isolated", label="filters.own")
    stored = at_work.store()
    path = str(at_work.spool.locate(stored.instance.id))
    explain = {"ask": "explain", "path": path, "instance": pack(stored.instance)}
    at_work.link.start_if_due()
    told = []
    for number, question in enumerate(({"ask": "probe"}, explain, explain)):
        if number == 2:
            at_work.link.send({"stopping": 1})
        at_work.link.push([(str(number), None, question)])
        while len(told) <= number and select.select([at_work.link.fileno()], [], [], 30)[0]:
            told += [message for message in at_work.link.receive() if "done" in message]
    assert told[0]["failed"]["kind"] == "DestinationUnavailable"
    folder = tmp_path / "state" / "data" / "filters.own"
    assert [message["explain"] for message in told[1:]] == [
        f"filters.own {folder} False CT",
        f"filters.own {folder} True CT",
    ]
    assert folder.is_dir()


NONSENSE = (
    {},
    {"matches": "yes"},
    {"failed": {"text": "x"}},
    {"unreadable": 7},
)


@pytest.mark.usefixtures("acme_filters")
def test_an_isolated_filter_that_answers_nonsense_loses_no_object_and_ends_alone(bench, tmp_path):
    filters = '[filters.odd]\ntype = "says"\n'
    at_work = bench(filters, route("all", ["out"], 'filters = ["odd"]\n'))
    folder = tmp_path / "state" / "data" / "filters.odd"
    folder.mkdir(parents=True)
    # The questions of a routing worker are numbered.
    says = [{"done": str(number), **more} for number, more in enumerate(NONSENSE, 1)]
    (folder / "left").write_text(json.dumps(says))
    for nonsense in NONSENSE:
        assert "died with it in hand" in at_work.route()["crashed"]["text"], nonsense


@pytest.mark.parametrize(
    "value", [b"plain", b"A^B ", b"1.2.3\0", b"a\\b", b"a~b", b"\xb1\xb2", b"\x1b$Bxx", b""]
)
def test_facts_read_as_pydicom_reads_them_in_every_character_set(value):
    for charset in ("", "ISO_IR 13", "ISO_IR 192", "ISO 2022 IR 87"):
        header = Dataset()
        header.SpecificCharacterSet = charset
        encoded = charset and pydicom.charset.convert_encodings(charset)
        header.set_original_encoding(False, True, encoded or ["iso8859"])
        header._dict[BaseTag(0x00100020)] = RawDataElement(
            BaseTag(0x00100020), "LO", len(value), value, 0, False, True, True
        )
        plain = copy.deepcopy(header)
        read = plain[0x00100020].value
        assert _text(header, 0x00100020) == ("" if read is None else str(read).strip("\0 "))
