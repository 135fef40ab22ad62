"""Objects in a bucket of a real server: whole, once, under the right key, and what failing says."""

import hashlib
import io
import subprocess
import sys
import textwrap
from concurrent.futures import ThreadPoolExecutor

import attrs
import pytest

from hilum_sdk import ConfigError, DestinationUnavailable, PermanentError, RefusedError, TemporaryError
from hilum_sdk.config import structure
from hilum_sdk.elements import encode_file_meta, read_file_meta
from hilum_sdk.testing import (
    PLANTED,
    BreakingItem,
    FakeContext,
    assert_silent_about_patients,
    data_set_bytes,
    item_from,
    make_object,
)
from hilum_sink_s3.config import S3Config
from hilum_sink_s3.sink import S3Sink

KEY = f"{PLANTED[1]}/3.dcm"


def _pair(tmp_path):
    """Two objects that differ and have one key in the layout of these tests."""
    return make_object(tmp_path, seed=1, rows=8), make_object(tmp_path, seed=2, rows=8)


def _data_set(data):
    return data[read_file_meta(io.BytesIO(data)).data_set_offset :]


# ---- what is stored


@pytest.mark.parametrize("settings", [{}, {"at_once": "1KiB"}], ids=["at once", "in parts"])
def test_an_object_is_a_dicom_file_with_type_and_checksum(tmp_path, place, sink, settings):
    path = make_object(tmp_path)
    receipt = sink(encryption="AES256", storage_class="STANDARD_IA", **settings).deliver(item_from(path))
    whole = item_from(path).part10().read()
    assert place.bytes_of(KEY) == whole
    assert place.facts(KEY).attributes == {
        "Content-Type": "application/dicom",
        "sha256": hashlib.sha256(whole).hexdigest(),
    }
    assert receipt.location == f"s3://hilum/{place.prefix}/{KEY}"
    assert receipt.warning is None


@pytest.mark.parametrize("settings", [{}, {"at_once": "1KiB"}, {"conditional": False}])
@pytest.mark.parametrize("exists", ["keep", "overwrite", "number"])
def test_an_object_that_is_there_is_not_sent_again(tmp_path, place, sink, settings, exists):
    item = item_from(make_object(tmp_path))
    one = sink(exists=exists, **settings)
    first = one.deliver(item)
    stored_at = place.facts(KEY).meta["last_modified"]
    assert one.deliver(item) == first
    assert place.stored_keys() == [KEY]
    assert place.facts(KEY).meta["last_modified"] == stored_at


def test_the_same_data_set_in_a_file_of_others_counts_as_there(tmp_path, place, sink):
    path = make_object(tmp_path)
    meta = encode_file_meta([(0x00020010, "UI", item_from(path).transfer_syntax_uid.encode())])
    place.put(KEY, meta + data_set_bytes(path))
    receipt = sink(exists="keep").deliver(item_from(path))
    assert receipt.warning is None
    assert place.stored_keys() == [KEY]


@pytest.mark.parametrize("there", [b"", b"no DICOM", bytes(200)])
def test_what_is_there_and_is_no_object_is_left_alone(tmp_path, place, sink, there):
    place.put(KEY, there)
    receipt = sink(exists="number").deliver(item_from(make_object(tmp_path)))
    assert receipt.location.endswith("/3-2.dcm")
    assert place.bytes_of(KEY) == there


def test_number_keeps_all_and_says_so(tmp_path, place, sink):
    paths = [make_object(tmp_path, seed=seed, rows=8) for seed in range(3)]
    one = sink(exists="number")
    receipts = [one.deliver(item_from(path)) for path in paths]
    assert [one.deliver(item_from(path)) for path in paths] == receipts
    assert place.stored_keys() == [f"{PLANTED[1]}/3-2.dcm", f"{PLANTED[1]}/3-3.dcm", KEY]
    assert receipts[0].warning is None
    assert receipts[1].warning == "another object has this key; stored beside it under a number"


def test_overwrite_keeps_the_last(tmp_path, place, sink):
    first, last = _pair(tmp_path)
    one = sink(exists="overwrite")
    one.deliver(item_from(first))
    one.deliver(item_from(last))
    assert place.stored_keys() == [KEY]
    assert _data_set(place.bytes_of(KEY)) == data_set_bytes(last)


@pytest.mark.parametrize("settings", [{}, {"at_once": "1KiB"}], ids=["at once", "in parts"])
def test_keep_keeps_the_first_and_refuses_the_other(tmp_path, place, sink, settings):
    first, last = _pair(tmp_path)
    one = sink(exists="keep", **settings)
    one.deliver(item_from(first))
    with pytest.raises(PermanentError) as caught:
        one.deliver(item_from(last))
    assert str(caught.value).startswith("sinks.out.exists: another object has this key and is kept; use ")
    assert _data_set(place.bytes_of(KEY)) == data_set_bytes(first)


def test_workers_that_deliver_at_once_lose_nothing(tmp_path, place, sink):
    paths = [make_object(tmp_path, seed=seed, rows=8) for seed in range(6)]
    sinks = [sink(exists="number") for _ in range(4)]

    def work(one):
        for path in paths:
            one.deliver(item_from(path))

    with ThreadPoolExecutor() as pool:
        list(pool.map(work, sinks))
    stored = [_data_set(place.bytes_of(key)) for key in place.stored_keys()]
    assert sorted(stored) == sorted(map(data_set_bytes, paths))


def test_keys_hold_what_names_can(tmp_path, place, sink):
    path = make_object(tmp_path, rows=4, elements={"PatientID": "a/b ü%~#?"})
    receipt = sink(layout="{PatientID}/x y.dcm").deliver(item_from(path))
    (key,) = place.stored_keys()
    assert key.startswith("a_b ü%~#_~")
    assert receipt.location == f"s3://hilum/{place.prefix}/{key}"


def test_a_key_that_is_too_long_is_a_dead_letter(tmp_path, sink):
    one = sink(layout="/".join(["{PatientName}"] * 8))
    with pytest.raises(PermanentError, match=r"^sinks.out.layout: the key of this object exceeds 1024 bytes"):
        one.deliver(item_from(make_object(tmp_path, elements={"PatientName": "x" * 170})))


def test_a_large_object_goes_through_little_memory(tmp_path, place):
    size_mib, most_mib = 256, 160
    program = f"""
        import attrs
        from hilum_sdk.config import structure
        from hilum_sdk.testing import FakeContext, item_from
        from hilum_sink_s3.config import S3Config
        from hilum_sink_s3.sink import S3Sink
        from pathlib import Path

        config = structure({place.table()!r}, S3Config)
        S3Sink(config, FakeContext(Path({str(tmp_path)!r}))).deliver(item_from(Path(PATH)))
        status = Path('/proc/self/status').read_text()  # the greatest of this program, not of who started it
        print(int(status.partition('VmHWM:')[2].split()[0]) >> 10)
    """
    path = make_object(tmp_path, rows=8)
    with path.open("r+b") as file:  # padding after the data set, as long as an image
        file.seek(0, io.SEEK_END)
        file.write(b"\xfc\xff\xfc\xffOB\0\0" + (size_mib << 20).to_bytes(4, "little"))
        file.truncate(file.tell() + (size_mib << 20))
    code = textwrap.dedent(program).replace("PATH", repr(str(path)))
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) < most_mib
    assert place.facts(KEY).meta["size"] == item_from(path).part10_bytes


# ---- when it cannot be stored


def test_a_disk_of_the_router_that_fails_is_not_the_stores_fault(tmp_path, place, sink):
    path = make_object(tmp_path, rows=3000)  # more than one part
    for settings in ({}, {"at_once": "1KiB"}):
        with pytest.raises(TemporaryError, match=r"^sinks.out: the object cannot be read from the router's"):
            sink(**settings).deliver(BreakingItem(item_from(path), after=9 << 20))
    assert place.stored_keys() == []


@pytest.mark.parametrize(
    "case",
    [
        ("S3_SECRET", "wrong", "SignatureDoesNotMatch (403)"),
        ("S3_KEY_ID", "nobody", "InvalidAccessKeyId (403)"),
    ],
)
def test_wrong_keys_rest_the_lane(tmp_path, place, sink, monkeypatch, case):
    variable, value, code = case
    monkeypatch.setenv(variable, value)
    one = sink()
    for call in (one.probe, lambda: one.deliver(item_from(make_object(tmp_path)))):
        with pytest.raises(DestinationUnavailable) as caught:
            call()
        assert str(caught.value) == (
            f"sinks.out: {place.server.endpoint} (hilum) does not accept the keys; "
            f"look at the credentials of this sink [{code}]"
        )


def test_keys_without_rights_rest_the_lane_and_one_locked_object_does_not_for_ever(
    tmp_path, place, sink, monkeypatch
):
    monkeypatch.setenv("S3_KEY_ID", "reader")
    one, item = sink(), item_from(make_object(tmp_path))
    one.probe()
    for expected in (DestinationUnavailable, DestinationUnavailable, RefusedError, RefusedError):
        with pytest.raises(
            expected, match=r"^sinks.out.url: .* needs? s3:PutObject.* \[AccessDenied \(403\)\]$"
        ):
            one.deliver(item)


def test_keys_that_may_only_write_are_enough_for_what_is_new(tmp_path, place, sink, monkeypatch):
    monkeypatch.setenv("S3_KEY_ID", "drop")
    item = item_from(make_object(tmp_path))
    one = sink()
    one.probe()
    one.deliver(item)
    with pytest.raises(
        RefusedError, match=r"^sinks.out.exists: something has this key already, and these keys"
    ):
        one.deliver(item)
    sink(exists="overwrite").deliver(item)
    assert place.stored_keys() == [KEY]


def test_a_server_that_is_down_rests_the_lane_until_it_is_back(tmp_path, place, sink):
    one, item = sink(), item_from(make_object(tmp_path))
    place.server.stop()
    try:
        for call in (one.probe, lambda: one.deliver(item)):
            with pytest.raises(
                DestinationUnavailable, match=r"cannot be reached: it refuses the connection$"
            ):
                call()
    finally:
        place.server.start()
    one.probe()
    one.deliver(item)
    assert place.stored_keys() == [KEY]


@attrs.frozen
class _Interrupting:
    """An item at whose reading something happens after the first part."""

    item: object
    happens: object

    def __getattr__(self, name):
        return getattr(self.item, name)

    def part10(self):
        return io.BufferedReader(_Read(self.item.part10(), self.happens))


class _Read(io.RawIOBase):
    def __init__(self, stream, happens):
        self._stream = stream
        self._happens = happens

    def readable(self):
        return True

    def readinto(self, buffer):
        if self._stream.tell() > 9 << 20 and self._happens:
            self._happens.pop()()
        return self._stream.readinto(buffer)


def test_a_server_that_ends_in_the_middle_of_an_object_has_nothing_half(tmp_path, place, sink):
    path = make_object(tmp_path, rows=3000)
    one = sink(at_once="1KiB")
    # The object is read twice: for its checksum, and to be sent.
    happens = [place.server.stop, lambda: None]
    try:
        with pytest.raises(DestinationUnavailable) as caught:
            one.deliver(_Interrupting(item_from(path), happens))
    finally:
        place.server.start()
    assert not happens
    assert_silent_about_patients(one.context, caught.value)
    assert place.stored_keys() == []
    one.deliver(item_from(path))
    assert _data_set(place.bytes_of(KEY)) == data_set_bytes(path)


def test_a_bucket_that_is_not_there_rests_the_lane(tmp_path, place, sink):
    one = sink(url="s3://no-such-bucket/x")
    for call in (one.probe, lambda: one.deliver(item_from(make_object(tmp_path)))):
        with pytest.raises(DestinationUnavailable) as caught:
            call()
        assert str(caught.value) == (
            f"sinks.out.url: {place.server.endpoint} (no-such-bucket) has no such bucket; "
            "make it, or correct the URL [NoSuchBucket (404)]"
        )


def test_a_secret_that_is_not_there_is_a_fault_of_the_config(tmp_path, place, monkeypatch):
    monkeypatch.delenv("S3_SECRET")
    one = S3Sink(structure(place.table(), S3Config), FakeContext(tmp_path))
    with pytest.raises(ConfigError, match="the environment has no variable S3_SECRET"):
        one.open()


def test_no_error_quotes_the_object(tmp_path, place, sink, monkeypatch):
    item = item_from(make_object(tmp_path))
    one = sink()
    monkeypatch.setenv("S3_SECRET", "wrong")
    two = sink()
    for broken in (two, sink(url="s3://no-such-bucket/x"), sink(endpoint="http://127.0.0.1:1")):
        with pytest.raises(DestinationUnavailable) as caught:
            broken.deliver(item)
        assert_silent_about_patients(broken.context, caught.value)
    one.deliver(item)
