"""The incremental splitter of one JSON array, against ``json``."""

from __future__ import annotations

import json
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orderbook.errors import CorruptSource, SourceError, TruncatedSource
from orderbook.events import Fault
from orderbook.sources import FRAMINGS, FileSource, Stream
from orderbook.sources.framing.json_array import MAX_DEPTH, ArraySplitter
from orderbook.types import Place, RawMessage

Framed = Callable[..., list[Any]]
Cut = Callable[[bytes, int], list[bytes]]

TEXT = st.text() | st.text('"\\[]{},: \n\t/u0041', max_size=8)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=12,
)


def split(chunks: list[bytes], max_size: int = 1 << 20, max_depth: int = MAX_DEPTH) -> list[tuple[int, bytes | None]]:
    """All elements with their offsets."""
    splitter = ArraySplitter(max_size, max_depth)
    found = [element for chunk in chunks for element in splitter.feed(chunk)]
    splitter.finish()
    return found


def outcome(chunks: list[bytes]) -> tuple[list[tuple[int, bytes | None]], str, int]:
    """What was given, how it ended, and the offset that was left."""
    splitter = ArraySplitter(1000)
    found: list[tuple[int, bytes | None]] = []
    try:
        for chunk in chunks:
            found.extend(splitter.feed(chunk))
        splitter.finish()
    except SourceError as error:
        return found, f"{type(error).__name__}: {error}", splitter.offset
    return found, "", splitter.offset


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", []),
        (b" \n", []),
        (b"[]", []),
        (b" [ ] \n", []),
        (b"[1]", [(1, b"1")]),
        (b"[1,2 , 3]", [(1, b"1"), (3, b"2"), (7, b"3")]),
        (b'["a,]\\"b"]', [(1, b'"a,]\\"b"')]),
        (b'["\\\\",1]', [(1, b'"\\\\"'), (6, b"1")]),
        (b'[{"a":"}"},[[],[]]]', [(1, b'{"a":"}"}'), (11, b"[[],[]]")]),
        (b"[\r\n\tnull\r\n,\ttrue]", [(4, b"null"), (12, b"true")]),
        (b'["\\u005d"]', [(1, b'"\\u005d"')]),
        ('["é]ü", "日本"]'.encode(), [(1, '"é]ü"'.encode()), (10, '"日本"'.encode())]),
    ],
)
@pytest.mark.parametrize("size", [1, 2, 3, 100])
def test_elements(cut: Cut, data: bytes, expected: list[object], size: int) -> None:
    """The raw bytes of each element, with the offset where it begins."""
    assert expected == split(cut(data, size))


@given(st.lists(JSON), st.sampled_from([None, 1, "\t"]), st.booleans(), st.integers(1, 7))
def test_elements_agree_with_json(cut: Cut, value: list[Any], indent: Any, ascii_only: bool, size: int) -> None:
    """However an array is written, its elements are those that json.loads finds, at the offsets that they have."""
    data = json.dumps(value, indent=indent, ensure_ascii=ascii_only).encode("utf-8", "surrogatepass")
    found = split(cut(data, size))
    assert value == [json.loads(element) for _, element in found]  # type: ignore[arg-type]
    assert all(data[offset : offset + len(element)] == element for offset, element in found if element is not None)


@given(st.text('[]{}",:\\ 1a\n', max_size=14), st.integers(1, 7))
def test_no_more_and_no_less_than_json_accepts(cut: Cut, text: str, size: int) -> None:
    """An array is accepted and all its elements parse exactly where json.loads accepts the whole."""
    try:
        parsed = json.loads(text)
    except ValueError:
        parsed = None
    try:
        mine: Any = [json.loads(element) for _, element in split(cut(text.encode(), size))]  # type: ignore[arg-type]
    except (ValueError, SourceError):
        mine = None
    if text.strip(" \n"):
        assert (parsed if isinstance(parsed, list) else None) == mine


@given(st.text('[]{}",:\\ 1a\n', max_size=20))
def test_the_outcome_does_not_depend_on_chunks(cut: Cut, text: str) -> None:
    """Elements, error and offset are the same for every chunk size, sound or not."""
    data = text.encode()
    first, *others = [outcome(cut(data, size)) for size in (1, 2, 3, 7, 100)]
    assert [first] * len(others) == others


@pytest.mark.parametrize(
    ("data", "elements", "message"),
    [
        (b"{}", 0, "CorruptSource: expected a JSON array, got '{' at byte 0"),
        (b"\xef\xbb\xbf[]", 0, "CorruptSource: expected a JSON array, got 'ï' at byte 0"),
        (b"[,1]", 0, "CorruptSource: expected an element, got ',' at byte 1"),
        (b"[1,]", 1, "CorruptSource: expected an element, got ']' at byte 3"),
        (b"[1,,2]", 1, "CorruptSource: expected an element, got ',' at byte 3"),
        (b"[1 2]", 1, "CorruptSource: expected `,` or `]`, got '2' at byte 3"),
        (b'[{} "x"]', 1, "CorruptSource: expected `,` or `]`, got '\"' at byte 4"),
        (b"[1{}]", 0, "CorruptSource: expected `,` or `]`, got '{' at byte 2"),
        (b"[{]", 0, "CorruptSource: brackets do not match, got ']' at byte 2"),
        (b"[1,[}", 1, "CorruptSource: brackets do not match, got '}' at byte 4"),
        (b"[1]x", 1, "CorruptSource: something stands after the array, got 'x' at byte 3"),
        (b"[1][2]", 1, "CorruptSource: something stands after the array, got '[' at byte 3"),
        (b"[", 0, "TruncatedSource: the JSON array is not closed: the file was cut off"),
        (b"[1", 0, "TruncatedSource: the JSON array is not closed: the file was cut off"),
        (b"[1,", 1, "TruncatedSource: the JSON array is not closed: the file was cut off"),
        (b'["a', 0, "TruncatedSource: the JSON array is not closed: the file was cut off"),
        (b'[{"a":1}', 1, "TruncatedSource: the JSON array is not closed: the file was cut off"),
    ],
)
@pytest.mark.parametrize("size", [1, 100])
def test_what_is_no_array(cut: Cut, data: bytes, elements: int, message: str, size: int) -> None:
    """Each fault of the structure has its message and its byte, after the elements before it."""
    found, error, _ = outcome(cut(data, size))
    assert (elements, message) == (len(found), error)


@pytest.mark.parametrize("size", [1, 7, 10_000])
def test_depth_is_bounded(cut: Cut, size: int) -> None:
    """As deep as the limit is legal; deeper is refused before anything deep is parsed."""
    deep = b"[" * MAX_DEPTH + b"]" * MAX_DEPTH
    assert [(1, deep)] == split(cut(b"[" + deep + b"]", size))
    with pytest.raises(CorruptSource) as caught:
        split(cut(b"[[" + deep + b"]]", size))
    assert f"an element is nested deeper than {MAX_DEPTH}" == str(caught.value)


@pytest.mark.parametrize("size", [1, 3, 5, 1000])
def test_element_size_is_bounded(cut: Cut, size: int) -> None:
    """A long element is told once, at its place, and the elements behind it are read on."""
    data = b'["abc", "abcd", [1,[2,3],4], {"a": 1}, 12345, 123456, 7]'
    expected = [(1, b'"abc"'), (8, None), (16, None), (29, None), (39, b"12345"), (46, None), (54, b"7")]
    assert expected == split(cut(data, size), max_size=5)


def test_memory_is_bounded_by_the_longest_element() -> None:
    """Megabytes of small elements, and one element of a hundred megabytes, pass in little memory."""

    def chunks() -> Iterator[bytes]:
        yield b"["
        for _ in range(5):
            yield b'{"u":[1,2,"three"]},' * 3_000
        yield b'"'
        for _ in range(1_500):
            yield b"x" * 65_536
        yield b'"]'

    tracemalloc.start()
    try:
        splitter = ArraySplitter(1 << 16)
        counts = {True: 0, False: 0}
        for chunk in chunks():
            for _, element in splitter.feed(chunk):
                counts[element is None] += 1
        splitter.finish()
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert {True: 1, False: 15_000} == counts
    assert peak < 1 << 20


def test_framing(framed: Framed) -> None:
    """Each element is a message without a time, placed by its offset."""
    expected = [
        RawMessage(None, b"[1]", "", Place("tape", None, 1)),
        RawMessage(None, b"{}", "", Place("tape", None, 6)),
    ]
    assert expected == framed("json_array", [b"[[1]", b", {}", b"]"])


def test_framing_errors_have_a_place(framed: Framed) -> None:
    """The offset of the element that could not be given."""
    for data, expected in (
        (b"[1, [2", "tape@4: the JSON array is not closed: the file was cut off"),
        (b"[1, }", "tape@4: expected an element, got '}' at byte 4"),
        (b"[1, [}", "tape@4: brackets do not match, got '}' at byte 5"),
        (b"[1, 1000000]", "tape@4: an element is longer than max_message (5 bytes)"),
    ):
        with pytest.raises(SourceError) as caught:
            framed("json_array", data, max_message=5)
        assert expected == str(caught.value)


def test_framing_skips_what_is_too_long(framed: Framed) -> None:
    """Under SKIP a long element is a fault between its neighbours; a broken structure ends the file all the same."""
    first, fault, last = framed("json_array", b"[1, 1000000, 2]", skip=True, max_message=5)
    assert (b"1", Place("tape", None, 4), b"2") == (first.payload, fault.error.place, last.payload)
    assert isinstance(fault, Fault)
    with pytest.raises(CorruptSource):
        framed("json_array", b"[1, }, 2]", skip=True)


def test_the_error_of_the_stream_has_a_place() -> None:
    """A cut inside an element names where the element began."""

    def cut_off() -> Iterator[bytes]:
        yield b"[1, [2, 3], [4"
        raise TruncatedSource("cut")

    found: list[Any] = []
    with pytest.raises(TruncatedSource) as caught:
        found.extend(FRAMINGS["json_array"].read(Stream(name="tape", chunks=cut_off())))
    assert ([b"1", b"[2, 3]"], "tape@12: cut") == ([m.payload for m in found], str(caught.value))


def test_a_real_array(data_file: Callable[[str], Path]) -> None:
    """Bitfinex raw: two frames of the protocol, one snapshot, 99,998 updates."""
    source = FileSource(data_file("bitfinex_raw/bitfinex_L3_feed.json.gz"), None, framing="json_array")
    payloads = [m.payload for m in source]  # type: ignore[union-attr]
    assert (100_001, 50) == (len(payloads), len(json.loads(payloads[2])[1]))
    assert b'{"event": "info"' == payloads[0][:16]
    assert {3} == {len(json.loads(payload)[1]) for payload in payloads[3:]}
