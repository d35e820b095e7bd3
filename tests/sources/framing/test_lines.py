"""Lines out of chunks of any size."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orderbook.errors import CorruptSource, TruncatedSource
from orderbook.events import Fault
from orderbook.sources.framing.base import Stream
from orderbook.sources.framing.lines import Lines, each_line, shown
from orderbook.types import Place, RawMessage
from orderbook.verdicts import OnError

Cut = Callable[[bytes, int], list[bytes]]


def lines(chunks: list[bytes], limit: int = 100) -> list[tuple[int, int, bytes | None]]:
    """All lines of chunks."""
    return list(Lines(Stream(name="tape", chunks=iter(chunks), max_message=limit)))


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", []),
        (b"\n", [(1, 0, b"")]),
        (b"a", [(1, 0, b"a")]),
        (b"a\n", [(1, 0, b"a")]),
        (b"a\n\nbc\n", [(1, 0, b"a"), (2, 2, b""), (3, 3, b"bc")]),
        (b"a\r\nb\r\n", [(1, 0, b"a"), (2, 3, b"b")]),
        (b"a\rb\r", [(1, 0, b"a\rb")]),
        (b"a\xff\x00b\n", [(1, 0, b"a\xff\x00b")]),
    ],
)
@pytest.mark.parametrize("size", [1, 2, 3, 100])
def test_lines(cut: Cut, data: bytes, expected: list[object], size: int) -> None:
    """Newlines end lines, a carriage return before one belongs to it, a last line needs none."""
    assert expected == lines(cut(data, size))


@pytest.mark.parametrize("size", [1, 3, 4, 5, 100])
def test_a_line_that_is_too_long(cut: Cut, size: int) -> None:
    """It is told once, at its place, and the lines behind it are read on."""
    data = b"abcd\nabcde\nx\n" + b"y" * 50
    assert [(1, 0, b"abcd"), (2, 5, None), (3, 11, b"x"), (4, 13, None)] == lines(cut(data, size), limit=4)


def test_what_is_too_long_is_not_held() -> None:
    """A gigabyte without a newline passes through in the memory of its chunks."""
    chunk = bytes(1 << 16)

    def endless() -> Iterator[bytes]:
        for _ in range(1 << 14):
            yield chunk
        yield b"\nend"

    found = list(Lines(Stream(name="tape", chunks=endless(), max_message=1 << 20)))
    assert [(1, 0, None), (2, (1 << 30) + 1, b"end")] == found


@given(st.lists(st.binary(max_size=20)), st.integers(1, 30))
def test_lines_agree_with_split(chunks: list[bytes], limit: int) -> None:
    """The lines are those of the whole text, whatever the chunks and the limit."""
    text = b"".join(chunks)
    expected, offset = [], 0
    for number, line in enumerate(text.split(b"\n"), 1):
        if line or number <= text.count(b"\n"):
            expected.append((number, offset, None if len(line) > limit else line.removesuffix(b"\r")))
        offset += len(line) + 1
    assert expected == lines(chunks, limit)


def test_the_error_of_the_stream_has_the_place_of_the_lost_line() -> None:
    """A line that was begun is not given: its number and offset stand in the error."""

    def cut_off() -> Iterator[bytes]:
        yield b"one\ntw"
        raise TruncatedSource("cut")

    found: list[Any] = []
    with pytest.raises(TruncatedSource) as caught:
        found.extend(Lines(Stream(name="tape", chunks=cut_off())))
    assert "tape:2: cut" == str(caught.value)
    assert Place("tape", 2, 4) == caught.value.place


def _numbers(line: bytes, place: Place) -> RawMessage | None:
    if line == b"bad":
        raise CorruptSource("bad line")
    return RawMessage(int(line), line, "", place) if line else None


def test_each_line_raises_at_the_bad_line() -> None:
    """Everything before it has been given."""
    found: list[Any] = []
    with pytest.raises(CorruptSource) as caught:
        found.extend(each_line(Stream(name="tape", chunks=iter([b"1\n\nbad\n2\n"])), _numbers))
    assert [RawMessage(1, b"1", "", Place("tape", 1, 0))] == found
    assert "tape:3: bad line" == str(caught.value)


def test_each_line_goes_on_where_the_policy_says_so() -> None:
    """Each refused line is one fault with its place, in its place among the messages."""
    chunks = iter([b"1\nbad\n" + b"9" * 30 + b"\n2\nbad"])
    stream = Stream(name="tape", chunks=chunks, on_error=OnError.SKIP, max_message=10)
    found = [str(item.error) if isinstance(item, Fault) else item.ts_recv for item in each_line(stream, _numbers)]
    too_long = "tape:3: a line is longer than max_message (10 bytes)"
    assert [1, "tape:2: bad line", too_long, 2, "tape:5: bad line"] == found


@pytest.mark.parametrize(
    ("line", "expected"),
    [(b"short", "'short'"), (b"it's", '"it\'s"'), (b"\xff", "'\\xff'"), (b"x" * 50, f"'{'x' * 40}'...")],
)
def test_shown(line: bytes, expected: str) -> None:
    """A message shows the beginning of a line and nothing that a terminal would obey."""
    assert expected == shown(line)
