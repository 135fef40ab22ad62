"""Taking over what a transform did to a pydicom Dataset into the raw data set that it was read from.

An element that was merely looked at keeps its bytes: it is written again only if pydicom encodes it
otherwise than it would encode the element as it was.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import cast

import attrs
from pydicom.charset import default_encoding
from pydicom.dataelem import DataElement, RawDataElement, convert_raw_data_element
from pydicom.dataset import Dataset
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import correct_ambiguous_vr_element, write_data_element, write_dataset
from pydicom.tag import BaseTag

from hilum_sdk.elements.data_set import DataSet, items_of, set_items
from hilum_sdk.elements.element import Element
from hilum_sdk.elements.encoding import PIXEL_DATA, SPECIFIC_CHARACTER_SET, UNDEFINED, Encoding
from hilum_sdk.elements.errors import ElementsError, tag_text
from hilum_sdk.elements.layout import element_header
from hilum_sdk.elements.limits import LARGEST_VALUE
from hilum_sdk.elements.text import python_encodings
from hilum_sdk.elements.vr import TEXT, dictionary_vr
from hilum_sdk.elements.window import window_of_bytes

_AnyElement = RawDataElement | DataElement


@attrs.frozen(kw_only=True)
class _Before:
    """One level as it was read. ``data_set`` is kept so that its id stays its own."""

    data_set: Dataset
    elements: Mapping[BaseTag, _AnyElement]
    items: Mapping[BaseTag, tuple[Dataset, ...]]


@attrs.frozen(kw_only=True)
class _Level:
    """One level to compare: as pydicom has it, as it stands raw, and what it inherits."""

    now: Dataset
    raw: DataSet
    ancestors: tuple[Dataset, ...]
    charset_before: Sequence[str]
    charset_now: Sequence[str]


@attrs.frozen(kw_only=True)
class _Encoded:
    """One encoded element; of `fragments` the value has its delimiter."""

    vr: str
    value: bytes
    fragments: bool


class Comparison:
    """Remembers a data set as it was read, at every depth, and finds what became of it."""

    def __init__(self, data_set: Dataset) -> None:
        self._top = data_set
        self._before: dict[int, _Before] = {}
        todo = [data_set]
        while todo:
            level = todo.pop()
            elements = {tag: level.get_item(tag) for tag in level.keys()}  # noqa: SIM118 - iterating decodes
            items = {
                tag: tuple(element.value)
                for tag, element in elements.items()
                if isinstance(element, DataElement) and element.VR == "SQ"
            }
            self._before[id(level)] = _Before(data_set=level, elements=elements, items=items)
            todo.extend(item for sequence in items.values() for item in sequence)

    def take_over(self, raw: DataSet, *, encapsulated: bool) -> None:
        """Change the raw data set as the other was changed.

        `encapsulated` says that its transfer syntax is, so that new Pixel Data must hold fragments.

        Raises
        ------
        ElementsError
            pydicom cannot encode a new value, or not in the object's character set.
        """
        if encapsulated and PIXEL_DATA in self._top:
            self._top[PIXEL_DATA].is_undefined_length = True
        plain = [default_encoding]
        todo = [_Level(now=self._top, raw=raw, ancestors=(), charset_before=plain, charset_now=plain)]
        with warnings.catch_warnings():
            # pydicom warns of a character that cannot be encoded, and writes a question mark.
            warnings.simplefilter("ignore")
            warnings.filterwarnings("error", message="Failed to encode")
            while todo:
                todo.extend(self._take_level(todo.pop()))

    def _take_level(self, level: _Level) -> list[_Level]:
        """Take over one level; return those below that are still to do."""
        before = self._before[id(level.now)]
        level = attrs.evolve(
            level,
            charset_before=_charset(before.elements.get(_CHARSET), level.charset_before),
            charset_now=_charset(
                level.now.get_item(_CHARSET) if _CHARSET in level.now else None, level.charset_now
            ),
        )
        recoded = list(level.charset_before) != list(level.charset_now)
        if recoded:
            _refuse_unread_text(level)
        below: list[_Level] = []
        for tag in before.elements.keys() - level.now.keys():
            level.raw.remove(tag)
        for tag in sorted(level.now.keys()):
            if tag in before.items and _is_sequence(level.now, tag):
                below.extend(self._take_items(level, tag, before.items[tag]))
            else:
                _take_element(level, tag, before.elements.get(tag), recoded=recoded)
        return below

    def _take_items(self, level: _Level, tag: BaseTag, before: tuple[Dataset, ...]) -> list[_Level]:
        """Take over the items of a sequence: those that were there are compared, new ones encoded."""
        sequence = level.raw.find(tag)
        assert sequence is not None
        known = {id(item): raw for item, raw in zip(before, items_of(sequence), strict=True)}
        now = list(level.now[tag].value or ())
        if [id(item) for item in now] != [id(item) for item in before]:
            seen: set[int] = set()
            items = []
            for item in now:
                raw = known.get(id(item)) if id(item) not in seen else None
                seen.add(id(item))
                items.append(raw or DataSet.made(sequence, _encode_item(item, sequence, level)))
            set_items(sequence, items)
        ancestors = (level.now, *level.ancestors)
        return [
            attrs.evolve(level, now=item, raw=known[id(item)], ancestors=ancestors)
            for item in {id(item): item for item in now}.values()
            if id(item) in known
        ]


_CHARSET = BaseTag(SPECIFIC_CHARACTER_SET)


def _take_element(level: _Level, tag: BaseTag, before: _AnyElement | None, *, recoded: bool) -> None:
    element: _AnyElement = level.now.get_item(tag)
    if element is before:
        if not recoded or (element.VR or dictionary_vr(tag)) not in TEXT:
            return
        element = level.now[tag]  # which pydicom decodes by the character set as it was
    if isinstance(element, RawDataElement):
        element = level.now[tag]
    if tag & 0xFFFF == 0:
        return  # group lengths are not for transforms to set: see `Editor`
    if tag >> 16 in {0x0000, 0x0002, 0xFFFE}:
        raise ElementsError(f"{tag_text(tag)}: not an element of a data set")
    encoded = _encode(element, level, level.charset_now)
    if isinstance(before, RawDataElement) and not recoded and _is_as_before(element, before, level, encoded):
        return
    level.raw.put(tag, encoded.vr, encoded.value, fragments=encoded.fragments)


def _is_as_before(element: DataElement, before: RawDataElement, level: _Level, now: _Encoded) -> bool:
    """Whether the element is encoded as pydicom would have encoded it before."""
    try:
        decoded = convert_raw_data_element(before, encoding=list(level.charset_before), ds=level.now)
    except Exception:  # noqa: BLE001 - what pydicom could not decode before, it has a new value for
        return False
    try:
        return _encode(decoded, level, level.charset_before) == now
    except ElementsError:
        return bool(decoded.value == element.value)  # it was not encoded by the rules; is it another now?


def _encode(element: DataElement, level: _Level, charset: Sequence[str]) -> _Encoded:
    """Encode an element by pydicom, and take apart what it wrote."""
    encoding = level.raw.encoding
    out = _output(encoding)
    try:
        # Needed in implicit VR too, where pydicom would not know how to write a number.
        corrected = correct_ambiguous_vr_element(
            element, level.now, encoding.little, [level.now, *level.ancestors]
        )
        write_data_element(out, corrected, list(charset))
    except Exception as error:  # noqa: BLE001 - pydicom raises many kinds, with values in their texts
        raise _cannot_encode(element.tag, error) from None
    data = out.getvalue()
    header = element_header(window_of_bytes(data), 0, len(data), encoding)
    vr = header.vr or str(corrected.VR)
    undefined = header.length == UNDEFINED
    stop = len(data) - (8 if undefined and vr == "SQ" else 0)
    return _Encoded(vr=vr, value=data[header.value_at : stop], fragments=undefined and vr != "SQ")


def _encode_item(item: Dataset, sequence: Element, level: _Level) -> bytes:
    encoding = sequence.items_encoding
    assert encoding is not None
    out = _output(encoding)
    try:
        write_dataset(out, item, list(level.charset_now))
    except Exception as error:  # noqa: BLE001 - pydicom raises many kinds, with values in their texts
        raise _cannot_encode(sequence.tag, error) from None
    return out.getvalue()


def _cannot_encode(tag: int, error: Exception) -> ElementsError:
    # The text of the error may quote the value.
    return ElementsError(f"{tag_text(tag)}: pydicom cannot encode the new value ({type(error).__name__})")


def _output(encoding: Encoding) -> DicomBytesIO:
    out = DicomBytesIO()
    out.is_implicit_VR = not encoding.explicit
    out.is_little_endian = encoding.little
    return out


def _charset(element: _AnyElement | None, inherited: Sequence[str]) -> Sequence[str]:
    if element is None:
        return inherited
    value = element.value
    if isinstance(element, RawDataElement):
        return python_encodings(cast("bytes", value) or b"")
    terms = [value] if isinstance(value, str) else list(value or [""])
    return python_encodings("\\".join(terms).encode("ascii", "replace"))


def _is_sequence(data_set: Dataset, tag: BaseTag) -> bool:
    element = data_set.get_item(tag)
    return isinstance(element, DataElement) and element.VR == "SQ"


def _refuse_unread_text(level: _Level) -> None:
    """Long texts were not read, so they cannot be written in another character set."""
    for element in level.raw.elements():
        if element.value_length > LARGEST_VALUE and element.vr in TEXT:
            raise ElementsError(
                f"{tag_text(element.tag)}: too long to change its character set; leave (0008,0005) as it is"
            )
