"""Changing raw elements: what was not changed keeps its bytes."""

from __future__ import annotations

import io
import shutil
import struct
import subprocess
from itertools import pairwise
from pathlib import Path

import pydicom
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydicom.data import get_testdata_file
from pydicom.dataset import Dataset
from pydicom.filereader import read_dataset

from hilum_sdk import PermanentError
from hilum_sdk.elements import ElementsError

IMPLICIT = "1.2.840.10008.1.2"
EXPLICIT = "1.2.840.10008.1.2.1"
BIG_ENDIAN = "1.2.840.10008.1.2.2"
DEFLATED = "1.2.840.10008.1.2.1.99"

SAMPLES = [
    "CT_small.dcm",  # explicit, private groups, elements after Pixel Data
    "MR_small_implicit.dcm",
    "MR_small_bigendian.dcm",
    "MR_small_RLE.dcm",  # encapsulated
    "rtplan.dcm",  # implicit, deep sequences
    "reportsi.dcm",  # sequences of undefined length
    "image_dfl.dcm",  # deflated
    "UN_sequence.dcm",  # UN of undefined length
    "nested_priv_SQ.dcm",
    "liver_expb_1frame.dcm",  # big-endian, sequences
]


def sample(name):
    path = get_testdata_file(name)
    assert path is not None
    return Path(path)


def written(draft) -> bytes:
    out = io.BytesIO()
    length = draft.write_data_set(out)
    assert length == len(out.getvalue())
    return out.getvalue()


def parsed(data_set: bytes, transfer_syntax_uid: str) -> Dataset:
    return read_dataset(
        io.BytesIO(data_set), transfer_syntax_uid == IMPLICIT, transfer_syntax_uid != BIG_ENDIAN
    )


def explicit(tag: int, vr: str, value: bytes) -> bytes:
    head = struct.pack("<HH", tag >> 16, tag & 0xFFFF) + vr.encode()
    if vr in {"SQ", "OB", "OW", "UN", "UT"}:
        return head + struct.pack("<HL", 0, len(value)) + value
    return head + struct.pack("<H", len(value)) + value


def undefined_sequence(tag: int, *items: bytes) -> bytes:
    head = struct.pack("<HH2sHL", tag >> 16, tag & 0xFFFF, b"SQ", 0, 0xFFFFFFFF)
    body = b"".join(
        struct.pack("<HHL", 0xFFFE, 0xE000, 0xFFFFFFFF) + item + struct.pack("<HHL", 0xFFFE, 0xE00D, 0)
        for item in items
    )
    return head + body + struct.pack("<HHL", 0xFFFE, 0xE0DD, 0)


def defined_sequence(tag: int, *items: bytes) -> bytes:
    return explicit(
        tag, "SQ", b"".join(struct.pack("<HHL", 0xFFFE, 0xE000, len(item)) + item for item in items)
    )


NAME = explicit(0x00100010, "PN", b"DOE^JOHN")
UID = explicit(0x00080018, "UI", b"2.25.1\0\0")


@pytest.mark.parametrize("wrap", [defined_sequence, undefined_sequence])
def test_lengths_of_what_holds_a_change_keep_their_style(wrap, make_file, open_draft):
    def whole(inner: bytes) -> bytes:
        other = wrap(0x00081115, explicit(0x0020000E, "UI", b"2.25.7"))
        return UID + other + wrap(0x00081140, NAME, wrap(0x00081199, inner)) + NAME

    path = make_file(whole(explicit(0x00081155, "UI", b"2.25.2")), EXPLICIT)
    with open_draft(path) as draft:
        draft.elements.put((0x00081140, 1, 0x00081199, 0, 0x00081155), "UI", b"2.25.12345")
        assert written(draft) == whole(explicit(0x00081155, "UI", b"2.25.12345"))


def test_new_elements_go_in_their_place_with_the_items_above_them(make_file, open_draft):
    with open_draft(make_file(UID + NAME, EXPLICIT)) as draft:
        draft.elements.put((0x00081140, 0, 0x00081155), "UI", b"2.25.3")
        assert written(draft) == (
            UID + defined_sequence(0x00081140, explicit(0x00081155, "UI", b"2.25.3")) + NAME
        )


def test_an_odd_value_is_padded_by_its_vr(make_file, open_draft):
    with open_draft(make_file(UID, EXPLICIT)) as draft:
        draft.elements.put((0x00100010,), "PN", b"DOE")
        draft.elements.put((0x0020000D,), "UI", b"2.25.11")
        draft.elements.put((0x00420011,), "OB", io.BytesIO(b"%PD"))
        assert written(draft) == (
            UID
            + explicit(0x00100010, "PN", b"DOE ")
            + explicit(0x0020000D, "UI", b"2.25.11\0")
            + explicit(0x00420011, "OB", b"%PD\0")
        )


def test_putting_what_is_there_changes_nothing(make_file, open_draft):
    with open_draft(make_file(UID + NAME, EXPLICIT)) as draft:
        draft.elements.put((0x00100010,), "PN", b"DOE^JOHN")
        assert not draft.changed


def test_a_group_length_goes_when_its_group_changes_in_size(make_file, open_draft):
    length8, length10 = (explicit(tag, "UL", b"\x10\0\0\0") for tag in (0x00080000, 0x00100000))
    path = make_file(length8 + UID + length10 + NAME, EXPLICIT)
    with open_draft(path) as draft:
        draft.elements.put((0x00080018,), "UI", b"2.25.2\0\0")  # of the same length
        draft.elements.put((0x00100010,), "PN", b"X")
        assert written(draft) == (
            length8 + explicit(0x00080018, "UI", b"2.25.2\0\0") + explicit(0x00100010, "PN", b"X ")
        )


def test_what_is_removed_takes_all_below_it_along(make_file, open_draft):
    path = make_file(UID + undefined_sequence(0x00081140, NAME, NAME) + NAME, EXPLICIT)
    seen = []
    with open_draft(path) as draft:
        for place, element in draft.elements.walk():
            seen.append(place)
            if element.tag == 0x00081140:
                draft.elements.remove(place)
        assert written(draft) == UID + NAME
    assert seen == [(0x00080018,), (0x00081140,), (0x00100010,)]


def test_the_element_just_yielded_may_be_replaced_or_removed_at_every_depth(make_file, open_draft):
    inner = undefined_sequence(0x00081199, NAME + UID, UID)
    path = make_file(UID + defined_sequence(0x00081140, inner, NAME) + NAME, EXPLICIT)
    other = explicit(0x00080018, "UI", b"2.25.99\0")
    with open_draft(path) as draft:
        for place, element in draft.elements.walk():
            if element.tag == 0x00100010:
                draft.elements.remove(place)
            elif element.vr == "UI":
                draft.elements.put(place, "UI", b"2.25.99")
        assert written(draft) == other + defined_sequence(
            0x00081140, undefined_sequence(0x00081199, other, other), b""
        )


def test_a_walk_within_a_walk_does_not_disturb_it(make_file, open_draft):
    path = make_file(UID + defined_sequence(0x00081140, NAME + defined_sequence(0x00401000, NAME)), EXPLICIT)
    with open_draft(path) as draft:
        everything = [place for place, _ in draft.elements.walk()]
        outer = []
        for place, element in draft.elements.walk():
            assert [inner for inner, _ in draft.elements.walk()]
            if element.tag == 0x00401000:
                draft.elements.remove(place)
            outer.append(place)
        assert outer == everything[:-1]
        assert written(draft) == UID + defined_sequence(0x00081140, NAME)


@pytest.mark.parametrize(
    ("path", "vr", "value"),
    [
        ((), "LO", b""),
        ((0x00081140, 0), "SQ", b""),
        ((0x00081140, 3, 0x00100010), "PN", b"X"),
        ((0x00081140, -1, 0x00100010), "PN", b"X"),
        ((0x00080018, 0, 0x00100010), "PN", b"X"),
        ((0x00081140,), "SQ", b"\xfe\xff\x00\xe0\0\0\0\0"),
        ((0x00100010,), "US or SS", b"\0\0"),
        ((0xFFFEE000,), "LO", b""),
        ((0x00081199, 1, 0x00081199, 0, 0x00100010), "PN", b"X"),
    ],
)
def test_what_is_no_place_for_an_element_is_refused_and_nothing_changes(
    path, vr, value, make_file, open_draft
):
    with open_draft(make_file(UID + defined_sequence(0x00081140, NAME), EXPLICIT)) as draft:
        with pytest.raises(ValueError):
            draft.elements.put(path, vr, value)
        assert not draft.changed


def test_removing_what_is_not_there_changes_nothing(make_file, open_draft):
    with open_draft(make_file(UID + defined_sequence(0x00081140, NAME), EXPLICIT)) as draft:
        for path in [(0x00100010,), (0x00081140, 1, 0x00100010), (0x00080018, 0, 0x00100010)]:
            draft.elements.remove(path)
            assert draft.elements.get(path) is None
        assert not draft.changed


def test_of_elements_that_stand_twice_all_are_removed_and_one_is_put(make_file, open_draft):
    path = make_file(UID + NAME + NAME, EXPLICIT)
    with open_draft(path) as draft:
        draft.elements.remove((0x00100010,))
        assert written(draft) == UID
    with open_draft(path) as draft:
        draft.elements.put((0x00100010,), "PN", b"X ")
        assert written(draft) == UID + explicit(0x00100010, "PN", b"X ")


def test_private_sequences_and_un_are_seen_through(make_file, open_draft):
    item = struct.pack("<HHL", 0x0010, 0x0010, 8) + b"DOE^JOHN"
    items = struct.pack("<HHL", 0xFFFE, 0xE000, len(item)) + item
    known = explicit(0x00091001, "UN", items)
    path = make_file(explicit(0x00090010, "LO", b"ACME") + known, EXPLICIT)
    with open_draft(path) as draft:
        assert draft.elements.get((0x00091001,)).is_sequence
        assert draft.elements.get((0x00091001, 0, 0x00100010)).value == b"DOE^JOHN"
        draft.elements.put((0x00091001, 0, 0x00100010), "PN", b"X")
        shorter = struct.pack("<HHL", 0x0010, 0x0010, 2) + b"X "
        items = struct.pack("<HHL", 0xFFFE, 0xE000, len(shorter)) + shorter
        assert written(draft) == explicit(0x00090010, "LO", b"ACME") + explicit(0x00091001, "UN", items)


def test_binary_data_that_begins_like_an_item_is_no_sequence(make_file, open_draft):
    value = b"\xfe\xff\x00\xe0\x04\0\0\0" + b"\x01" * 9 + b"\0"
    with open_draft(make_file(explicit(0x00091001, "UN", value), EXPLICIT)) as draft:
        assert not draft.elements.get((0x00091001,)).is_sequence
        assert [element.value for _, element in draft.elements.walk()] == [value]


def test_implicit_items_in_an_explicit_sequence_are_read_and_kept(make_file, open_draft):
    item = struct.pack("<HHL", 0x0010, 0x0010, 8) + b"DOE^JOHN"
    path = make_file(UID + defined_sequence(0x00081140, item), EXPLICIT)
    with open_draft(path) as draft:
        draft.elements.put((0x00081140, 0, 0x00100020), "LO", b"17")
        more = item + struct.pack("<HHL", 0x0010, 0x0020, 2) + b"17"
        assert written(draft) == UID + defined_sequence(0x00081140, more)


def test_a_value_too_long_for_its_vr_becomes_un(make_file, open_draft):
    with open_draft(make_file(UID, EXPLICIT)) as draft:
        draft.elements.put((0x00100010,), "PN", b"X" * 70_000)
        assert written(draft) == UID + explicit(0x00100010, "UN", b"X" * 70_000)
        assert draft.elements.get((0x00100010,)).value.length == 70_000


def test_zero_bytes_that_fill_up_the_end_stay(make_file, open_draft):
    for filling in (1, 3, 8, 2000):
        path = make_file(UID + NAME + bytes(filling), EXPLICIT)
        with open_draft(path) as draft:
            draft.elements.put((0x00100010,), "PN", b"X ")
            assert written(draft) == UID + explicit(0x00100010, "PN", b"X ") + bytes(filling)


def test_encapsulated_pixel_data_cannot_be_put_as_plain(open_draft):
    with open_draft(sample("MR_small_RLE.dcm")) as draft, pytest.raises(ValueError, match="replace_pixels"):
        draft.elements.put((0x7FE00010,), "OB", b"\0\0")


def test_using_dataset_and_elements_in_one_transform_is_a_defect(open_draft):
    with open_draft(sample("CT_small.dcm")) as draft:
        assert draft.elements.get((0x00100010,))
        with pytest.raises(RuntimeError, match="one of the two"):
            _ = draft.dataset
        draft.next_transform()
        assert draft.dataset.PatientName
        with pytest.raises(RuntimeError, match="one of the two"):
            _ = draft.elements


# ---- text


@pytest.mark.parametrize(
    "case",  # term of Specific Character Set, VR, text, encoded text
    [
        ("", "PN", "DOE^JOHN", b"DOE^JOHN"),
        ("ISO_IR 100", "PN", "Müller^Änne", "Müller^Änne".encode("latin-1")),
        ("ISO_IR 192", "LO", "Ωμέγα\\漢", "Ωμέγα\\漢".encode()),
        ("ISO_IR 144", "LO", "Яблоко", "Яблоко".encode("iso8859-5")),
        (
            "\\ISO 2022 IR 87",
            "PN",
            "Yamada^Tarou=山田^太郎",
            b"Yamada^Tarou=\x1b$B;3ED\x1b(B^\x1b$BB@O:\x1b(B",
        ),
    ],
)
def test_text_is_encoded_in_the_object_s_character_set(case, make_file, open_draft):
    term, vr, text, encoded = case
    value = term.encode() + b" " * (len(term) % 2)
    path = make_file(explicit(0x00080005, "CS", value) + UID, EXPLICIT)
    with open_draft(path) as draft:
        assert draft.elements.encode_text(vr, text) == encoded


@pytest.mark.parametrize(
    ("term", "value", "text"),
    [
        ("", b"plain ", "plain"),
        ("ISO_IR 100", "Müller".encode("latin-1"), "Müller"),
        ("ISO_IR 192", "漢\\Ω".encode(), "漢\\Ω"),
        ("\\ISO 2022 IR 87", b"a\\\x1b$B;3ED\x1b(B", "a\\山田"),
        ("GB18030", "王小东".encode("gb18030"), "王小东"),
    ],
)
def test_text_is_decoded_by_its_character_set(term, value, text, make_file, open_draft):
    charset = term.encode() + b" " * (len(term) % 2)
    path = make_file(
        explicit(0x00080005, "CS", charset)
        + UID
        + explicit(0x00104000, "LT", value + b" " * (len(value) % 2)),
        EXPLICIT,
    )
    with open_draft(path) as draft:
        assert draft.elements.text((0x00104000,)) == text
        assert draft.elements.text((0x00080018,)) == "2.25.1"
        assert draft.elements.text((0x00100010,)) is None


@pytest.mark.parametrize(
    ("term", "value"),
    [
        ("", b"M\xfcller"),
        ("ISO_IR 192", b"M\xfcller"),
        ("\\ISO 2022 IR 87", b"\x1b$B;3E"),
        ("NO SUCH TERM", b"M\xfcller"),
    ],
)
def test_text_that_means_nothing_in_its_character_set_is_not_guessed(term, value, make_file, open_draft):
    charset = term.encode() + b" " * (len(term) % 2)
    path = make_file(
        explicit(0x00080005, "CS", charset)
        + UID
        + explicit(0x00104000, "LT", value + b" " * (len(value) % 2)),
        EXPLICIT,
    )
    with open_draft(path) as draft:
        with pytest.raises(PermanentError) as caught:
            draft.elements.text((0x00104000,))
        assert "ller" not in str(caught.value)


def test_an_item_may_have_a_character_set_of_its_own(make_file, open_draft):
    own = explicit(0x00080005, "CS", b"ISO_IR 192") + explicit(0x00080104, "LO", "Ä".encode())
    inherited = explicit(0x00080104, "LO", b"\xc4 ")
    items = b"".join(struct.pack("<HHL", 0xFFFE, 0xE000, len(one)) + one for one in (own, inherited))
    path = make_file(
        explicit(0x00080005, "CS", b"ISO_IR 100") + UID + explicit(0x00081032, "SQ", items), EXPLICIT
    )
    with open_draft(path) as draft:
        elements = draft.elements
        assert elements.item_count((0x00081032,)) == 2
        assert elements.item_count((0x00080018,)) == elements.item_count((0x00081140,)) == 0
        for number in (0, 1):
            place = (0x00081032, number, 0x00080104)
            assert elements.text(place) == "Ä"
            assert elements.encode_text("LO", "Ä", place) == (b"\xc3\x84" if number == 0 else b"\xc4")


@pytest.mark.parametrize(
    ("term", "vr", "text"),
    [
        ("", "PN", "Müller"),
        ("ISO_IR 100", "LO", "漢"),
        ("ISO_IR 192", "CS", "É"),
        ("\\ISO 2022 IR 87", "PN", "Ж€"),
    ],
)
def test_text_that_the_character_set_has_not_is_refused_unquoted(term, vr, text, make_file, open_draft):
    value = term.encode() + b" " * (len(term) % 2)
    with open_draft(make_file(explicit(0x00080005, "CS", value) + UID, EXPLICIT)) as draft:
        with pytest.raises(PermanentError) as caught:
            draft.elements.encode_text(vr, text)
        assert text not in str(caught.value)


# ---- any edit of any file, read again by others


def elements_of(draft) -> list[tuple[tuple[int, ...], str, bytes]]:
    """All elements in memory, group lengths aside, which go when they would be wrong."""
    return [
        (path, element.vr, element.value)
        for path, element in draft.elements.walk()
        if isinstance(element.value, bytes) and element.tag & 0xFFFF
    ]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(name=st.sampled_from(SAMPLES), data=st.data())
def test_random_edits_are_what_others_read_and_nothing_else_changes(name, data, make_file, open_draft):
    path = sample(name)
    with open_draft(path) as draft:
        uid = draft.transfer_syntax_uid
        before = elements_of(draft)
        expected = {place: (vr, value) for place, vr, value in before}
        # Character set and Pixel Representation say how the others are to be understood.
        choices = [element for element in before if element[0][-1] not in {0x00080005, 0x00280103}]
        for place, vr, _ in data.draw(st.lists(st.sampled_from(choices), max_size=6)):
            removed = {other for other in expected if other[: len(place)] == place}
            if not removed:
                continue
            if vr in {"LO", "SH", "PN", "UI", "CS"} and data.draw(st.booleans()):
                text = data.draw(st.text("0123456789.", max_size=40)).encode()
                draft.elements.put(place, vr, text)
                expected[place] = (vr, text + (b"\0" if vr == "UI" else b" ") * (len(text) & 1))
            else:
                draft.elements.remove(place)
                for other in removed:
                    del expected[other]
        if data.draw(st.booleans()):
            draft.elements.put((0x00400275, 0, 0x00400008, 0, 0x00080104), "LO", b"added")
            added = expected.setdefault((0x00400275, 0, 0x00400008, 0, 0x00080104), ("LO", b"added "))
            assert added == ("LO", b"added ")
            expected.setdefault((0x00400275,), ("SQ", b""))
            expected.setdefault((0x00400275, 0, 0x00400008), ("SQ", b""))
        result = make_file(written(draft), uid)
    with open_draft(result) as again:
        after = elements_of(again)
        assert {place: (vr, value) for place, vr, value in after} == expected
        for (a, *_), (b, *_) in pairwise(after):
            assert a < b
    pydicom.dcmread(result).walk(lambda data_set, element: None)
    assert_dcmdump_reads(result)


def assert_dcmdump_reads(path) -> None:
    dcmdump = shutil.which("dcmdump")
    if dcmdump is None:
        pytest.skip("needs DCMTK's dcmdump")
    done = subprocess.run([dcmdump, "-q", str(path)], capture_output=True, check=False)
    assert done.returncode == 0, done.stderr


def test_messages_of_errors_hold_no_values(make_file, open_draft):
    path = make_file(UID + NAME + struct.pack("<HH2sH", 0x0010, 0x0020, b"LO", 60) + b"SECRET-17", EXPLICIT)
    with open_draft(path) as draft, pytest.raises(ElementsError) as caught:
        list(draft.elements.walk())
    assert "SECRET" not in str(caught.value)
    assert "DOE" not in str(caught.value)
