"""A real rendering worker, fed through its pipe as the coordinator does."""

from __future__ import annotations

import os
import struct
import textwrap
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from pydicom import dcmread
from pydicom.data import get_testdata_file

from hilum_core import revisions
from hilum_core.queue.records import ClaimedRendering, Rendered, RenderingHeld
from hilum_core.spool import open_spool
from hilum_core.stage import StageArguments
from hilum_core.workers.link import CAME_TO_ITS_END, WorkerLink
from hilum_core.workers.wire import unpack
from hilum_sdk import Association
from hilum_sdk.elements import read_file_meta

CONFIG = """
    [router]
    state_dir = "{state_dir}"
    [peers.ct]
    ae_title = "CT"
    may_send = true
    [transforms.mark]
    type = "edit"
    set = {{ InstitutionName = "Hilum" }}
    [transforms.told]
    type = "edit"
    set = {{ StationName = "Hilum" }}
    original_attributes = "CORRECT"
    [sinks.out]
    type = "folder"
    path = "/nowhere"
    [[routes]]
    name = "all"
    transforms = ["mark"]
    sinks = ["out"]
    """


def sequence(tag, items):
    """A sequence of explicit VR, with these encoded items."""
    return struct.pack("<HH2sHL", tag >> 16, tag & 0xFFFF, b"SQ", 0, len(items)) + items


def nested(depth):
    """Sequences in sequences."""
    made = b""
    for _ in range(depth):
        made = sequence(0x0008001F, struct.pack("<HHL", 0xFFFE, 0xE000, len(made)) + made)
    return made


ENTRY_POINTS = """
[hilum.transforms]
clean = acme_transforms
slow = acme_transforms
"""
TRANSFORMS = """
    import attrs, os, threading, time
    from hilum_sdk import Hold, Transform, TransformSpec, hookimpl
    @attrs.frozen(kw_only=True)
    class Config:
        pass
    class Clean(Transform):
        def apply(self, draft):
            threading.Timer(0.7, os._exit, [1]).start()
        def verify(self, original, rendered):
            return [Hold(reason="something is left", code="seen")]
    class Slow(Transform):
        def apply(self, draft):
            time.sleep(1)
    @hookimpl
    def hilum_register_transforms():
        clean = dict(deidentifies=lambda config: True)
        yield TransformSpec(type="clean", config=Config, create=Clean, **clean)
        yield TransformSpec(type="slow", config=Config, create=Slow)
    """
APART = """
    [transforms.clean]
    type = "clean"
    [transforms.slow]
    type = "slow"
    """


class Bench:
    """A spool with one object, and a worker to render it."""

    def __init__(self, state_dir, more=""):
        text = CONFIG.format(state_dir=state_dir) + more
        self.spool = open_spool(state_dir, 1)
        self.lock_fd = os.open(state_dir / "lock", os.O_CREAT | os.O_RDWR)
        arguments = StageArguments(
            state_dir=state_dir,
            revision=revisions.accept(state_dir, text),
            lifeline_fd=-1,
            lock_fd=self.lock_fd,
            stop_within_s=5,
        )
        self.link = WorkerLink(
            "hilum_core.render.worker", "render-1", arguments, memory_bytes=1 << 30, call_limit_s=30
        )

    def store(self, data_set, meta, age=timedelta(0)):
        writer = self.spool.begin(
            sop_class_uid=meta.sop_class_uid,
            sop_instance_uid=meta.sop_instance_uid,
            transfer_syntax_uid=meta.transfer_syntax_uid,
            association=Association(calling_ae="CT", called_ae="HILUM", peer="ct"),
            received_at=datetime.now(UTC) - age,
        )
        writer.write([memoryview(data_set)])
        return writer.commit()

    def render(self, stored, chain=("mark",)):
        claimed = ClaimedRendering(
            rendering_id=7,
            stored=stored,
            chain=chain,
            revision=1,
            lease_no=3,
            attempt=1,
            crashes=0,
            first_attempt_at=datetime.now(UTC),
        )
        folder = self.spool.rendering_folder(stored.instance.id)
        more = {"path": str(self.spool.locate(stored.instance.id)), "folder": str(folder)}
        if not self.link.running:
            self.link.start_if_due()
        self.link.push([("7", claimed, more)])
        end = time.monotonic() + 30
        while time.monotonic() < end:
            for message in self.link.receive():
                if "done" in message:
                    made = message.get("rendered")
                    return message, folder / made["rendering"]["file_name"] if made else folder
        raise TimeoutError

    def close(self):
        if self.link.running:
            self.link.send({"stop": 1})
            while self.link.talking and (self.link.receive() or self.link.talking):
                pass
            assert self.link.retire() == CAME_TO_ITS_END
        os.close(self.lock_fd)


@pytest.fixture
def bench(tmp_path):
    made = Bench(tmp_path)
    yield made
    made.close()


@pytest.fixture
def bench_apart(tmp_path, monkeypatch):
    """With the isolated transforms `clean`, whose process dies once it has been applied, and `slow`."""
    site = tmp_path / "site"
    monkeypatch.setenv("PYTHONPATH", str(site))
    about = site / "acme_transforms-1.5.dist-info"
    about.mkdir(parents=True)
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: acme-transforms\nVersion: 1.5\n")
    (about / "entry_points.txt").write_text(ENTRY_POINTS)
    (site / "acme_transforms.py").write_text(textwrap.dedent(TRANSFORMS))
    (tmp_path / "state").mkdir(mode=0o700)
    made = Bench(tmp_path / "state", APART)
    yield made
    made.close()


@pytest.fixture(scope="module")
def ct():
    with Path(get_testdata_file("CT_small.dcm")).open("rb") as stream:
        meta = read_file_meta(stream)
        stream.seek(meta.data_set_offset)
        return stream.read(), meta


def test_a_chain_is_applied_and_the_outcome_is_an_ordinary_file(bench, ct):
    stored = bench.store(*ct)
    message, target = bench.render(stored)
    rendered = unpack(message["rendered"], Rendered)
    assert rendered.lease_no == 3
    assert rendered.rendering.file_name == target.name
    assert rendered.changed == ("InstitutionName",)
    assert [plugin.partition(" ")[0] for plugin in rendered.plugins] == ["hilum-transform-edit"]
    ds = dcmread(target)
    assert ds.InstitutionName == "Hilum"
    assert ds.PixelData == dcmread(get_testdata_file("CT_small.dcm")).PixelData
    assert not [tag for tag in ds.file_meta if 0x00020016 <= tag.tag <= 0x00020102]


def test_what_a_transform_changes_is_recorded_in_the_object_where_it_is_configured(bench, ct):
    stored = bench.store(*ct)
    _, target = bench.render(stored, chain=("mark", "told"))
    ds = dcmread(target)
    assert (ds.InstitutionName, ds.StationName) == ("Hilum", "Hilum")
    (item,) = ds.OriginalAttributesSequence
    assert [element.keyword for element in item.ModifiedAttributesSequence[0]] == ["StationName"]
    assert (item.ModifyingSystem, item.ReasonForTheAttributeModification) == ("HILUM", "CORRECT")


def test_rendering_again_gives_the_same_bytes(bench, ct):
    stored = bench.store(*ct)
    _, target = bench.render(stored, chain=("mark", "told"))
    first = target.read_bytes()
    target.unlink()
    _, target = bench.render(stored, chain=("mark", "told"))
    assert target.read_bytes() == first


def test_who_reads_an_earlier_rendering_reads_it_to_its_end(bench, ct):
    stored = bench.store(*ct)
    _, target = bench.render(stored)
    whole = target.read_bytes()
    with target.open("rb") as reader:
        bench.render(stored)
        assert reader.read() == whole
    assert list(target.parent.iterdir()) == [target]


def test_a_failure_leaves_nothing_half_written(bench, ct):
    stored = bench.store(*ct)
    _, target = bench.render(stored)
    bench.spool.locate(stored.instance.id).unlink()
    bench.render(stored)
    assert list(target.parent.iterdir()) == [target]


def test_an_object_that_cannot_be_read_is_never_rendered(bench, ct):
    data_set, meta = ct
    message, target = bench.render(bench.store(data_set[:-40_000] + b"\xff" * 40_000 + data_set[:7], meta))
    assert unpack(message["held"], RenderingHeld).code == "unreadable"
    assert not target.exists()


@pytest.mark.parametrize(
    ("odd", "reason"),
    [
        # A sequence that nobody edits, whose item is longer than it is.
        (sequence(0x00081140, b"\xfe\xff\x00\xe0\xff\x00\x00\x00"), "longer than what holds it"),
        (nested(200), "nested deeper than 64 sequences"),
    ],
    ids=["a lie", "depth"],
)
def test_an_object_that_lies_about_a_length_or_is_too_deep_is_held_with_the_reason(bench, ct, odd, reason):
    data_set, meta = ct
    place = data_set.index(b"\x08\x00\x20\x00DA")
    message, _ = bench.render(bench.store(data_set[:place] + odd + data_set[place:], meta))
    held = unpack(message["held"], RenderingHeld)
    assert held.code == "unreadable"
    assert reason in held.failure.text


def test_an_object_whose_file_is_gone_is_held(bench, ct):
    stored = bench.store(*ct)
    bench.spool.locate(stored.instance.id).unlink()
    message, target = bench.render(stored)
    assert unpack(message["held"], RenderingHeld).code == "damaged"
    assert not target.exists()


def test_an_object_that_was_damaged_since_it_came_is_held(bench, ct):
    stored = bench.store(*ct, age=timedelta(hours=1))
    with bench.spool.locate(stored.instance.id).open("r+b") as file:
        file.seek(-2000, os.SEEK_END)
        file.write(b"\x5a")
    message, target = bench.render(stored)
    held = unpack(message["held"], RenderingHeld)
    assert held.code == "damaged"
    assert "checksum" in held.failure.text
    assert not target.exists()


def test_an_object_that_waited_and_is_whole_is_rendered(bench, ct):
    message, _ = bench.render(bench.store(*ct, age=timedelta(hours=1)))
    assert "rendered" in message


def test_a_chain_that_the_config_does_not_know_any_more_is_held(bench, ct):
    message, _ = bench.render(bench.store(*ct), chain=("mark", "gone"))
    held = unpack(message["held"], RenderingHeld)
    assert (held.code, held.failure.text) == ("gone", "the transform gone is no longer in the config")


def test_what_an_isolated_transform_is_to_verify_is_verified_though_its_process_died(bench_apart, ct):
    message, _ = bench_apart.render(bench_apart.store(*ct), ("clean", "slow"))
    assert "held" in message or "unspent" in message  # as its process is there again by then, or not
