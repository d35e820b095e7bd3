"""CSV with a header line, by message and by row."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orderbook.errors import CorruptSource, TruncatedSource
from orderbook.events import Fault
from orderbook.sources import FRAMINGS, Stream
from orderbook.types import INT64_MAX, Place, RawMessage

Framed = Callable[..., list[Any]]
HEADER = b"exchange,symbol,timestamp,local_timestamp,is_snapshot,side,price,amount"


def row(when: int, price: str = "1", symbol: str = "X") -> bytes:
    """A row of incremental_book_L2."""
    return f"e,{symbol},{when},{when},false,bid,{price},1".encode()


def table(*rows: bytes) -> bytes:
    """A file of rows."""
    return b"\n".join((HEADER, *rows)) + b"\n"


def test_rows_of_one_time_are_one_message(framed: Framed) -> None:
    """The payload is the header and those rows; the time is microseconds made nanoseconds."""
    a, b, c = row(5, "1"), row(5, "2"), row(6, "3")
    expected = [
        RawMessage(5_000, HEADER + b"\n" + a + b"\n" + b, "", Place("tape", 2, 72)),
        RawMessage(6_000, HEADER + b"\n" + c, "", Place("tape", 4, 72 + len(a + b) + 2)),
    ]
    assert expected == framed("tardis_csv", table(a, b, c))


def test_only_neighbours_are_one_message(framed: Framed) -> None:
    """A time that comes back later is another message: the order of the file is the order of the tape."""
    assert [5_000, 6_000, 5_000] == [m.ts_recv for m in framed("tardis_csv", table(row(5), row(6), row(5)))]


def test_grouped_symbols_stay_together(framed: Framed) -> None:
    """A message may name several instruments: the decoder tells them apart."""
    (message,) = framed("tardis_csv", table(row(5, symbol="A"), row(5, symbol="B")))
    assert 3 == len(message.payload.splitlines())


@pytest.mark.parametrize("data", [b"", b"\n\n", HEADER, HEADER + b"\n"])
@pytest.mark.parametrize("framing", ["tardis_csv", "csv_rows"])
def test_no_rows(framed: Framed, framing: str, data: bytes) -> None:
    """An empty day is an empty file, or a header alone."""
    assert [] == framed(framing, data)


def test_blank_lines_and_repeated_headers(framed: Framed) -> None:
    """Files that were joined repeat their header; the message is not cut there."""
    data = b"\r\n" + table(row(5)) + b"\n" + table(row(5), row(6)).replace(b"\n", b"\r\n")
    assert [(5_000, 3), (6_000, 2)] == [(m.ts_recv, len(m.payload.splitlines())) for m in framed("tardis_csv", data)]


def test_a_last_line_without_newline(framed: Framed) -> None:
    """It is a row like the others."""
    assert [5_000] == [m.ts_recv for m in framed("tardis_csv", table(row(5))[:-1])]


def test_other_columns(framed: Framed) -> None:
    """Where local_timestamp stands is read from the header."""
    (message,) = framed("tardis_csv", b"id,local_timestamp\nx,7")
    assert (7_000, b"id,local_timestamp\nx,7") == (message.ts_recv, message.payload)


def test_a_header_without_the_time(framed: Framed) -> None:
    """Without local_timestamp nothing can be grouped: the file is not what it claims to be."""
    with pytest.raises(CorruptSource) as caught:
        framed("tardis_csv", b"\nid,timestamp,price\n", skip=True)
    expected = "tape:2: expected a header line with local_timestamp, got 'id,timestamp,price'"
    assert expected == str(caught.value)


@pytest.mark.parametrize("when", ["", "x", "-5", "5.0", "1_0", "9" * 17, str(INT64_MAX // 1_000 + 1)])
def test_times_that_are_none(framed: Framed, when: str) -> None:
    """A row without its time cannot be placed; the message before it has been given."""
    bad = f"e,X,5,{when},false,bid,1,1".encode()
    found = framed("tardis_csv", table(row(5), bad, row(6)), skip=True)
    assert [Fault, RawMessage, RawMessage] == [type(item) for item in found]
    with pytest.raises(CorruptSource) as caught:
        framed("tardis_csv", table(bad))
    assert str(caught.value).startswith("tape:2: expected local_timestamp in microseconds in column 4, got 'e,X,5,")


def test_a_row_that_is_too_short(framed: Framed) -> None:
    """Half a row has no time either."""
    with pytest.raises(CorruptSource):
        framed("tardis_csv", table(b"e,X,5"))


def test_a_message_that_is_too_long(framed: Framed) -> None:
    """A million rows of one time are bounded by max_message: told once, dropped whole, the next message is whole."""
    rows = [row(5)] * 20 + [row(6)]
    first, message = framed("tardis_csv", table(*rows), skip=True, max_message=200)
    assert (Fault, 5_000, Place("tape", 2, 72)) == (type(first), first.ts_recv, first.error.place)
    assert "tape:2: a message is longer than max_message (200 bytes)" == str(first.error)
    assert RawMessage(6_000, HEADER + b"\n" + row(6), "", Place("tape", 22, message.place.offset)) == message
    with pytest.raises(CorruptSource):
        framed("tardis_csv", table(*rows), max_message=200)


@pytest.mark.parametrize("framing", ["tardis_csv", "csv_rows"])
def test_a_row_that_is_too_long(framed: Framed, framing: str) -> None:
    """The limit holds for single rows and for the header as well."""
    found = framed(framing, table(row(5, "1" * 300), row(6)), skip=True, max_message=200)
    assert [Fault, RawMessage] == [type(item) for item in found]
    with pytest.raises(CorruptSource) as caught:
        framed(framing, table(row(5)), skip=True, max_message=20)
    assert "tape:1: the header line is longer than max_message (20 bytes)" == str(caught.value)


def test_the_message_before_a_cut_is_not_given() -> None:
    """Rows of it may be missing, and half a message is a wrong book; the messages before it are given."""

    def cut_off() -> Iterator[bytes]:
        yield table(row(5), row(6), row(6)) + b"e,X,6"
        raise TruncatedSource("cut")

    found: list[Any] = []
    with pytest.raises(TruncatedSource) as caught:
        found.extend(FRAMINGS["tardis_csv"].read(Stream(name="tape", chunks=cut_off())))
    assert ([5_000], "tape:5: cut") == ([item.ts_recv for item in found], str(caught.value))


def test_csv_rows(framed: Framed) -> None:
    """Every row is one message under its header; nothing is read as a time."""
    expected = [
        RawMessage(None, b"id,price\n1,2", "", Place("tape", 2, 9)),
        RawMessage(None, b"id,price\n1,2", "", Place("tape", 3, 13)),
    ]
    assert expected == framed("csv_rows", b"id,price\n1,2\n1,2\n")


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(1, 99))), st.integers(1, 90))
def test_round_trip(framed: Framed, cut: Callable[[bytes, int], list[bytes]], rows: list[Any], size: int) -> None:
    """The rows of all messages are the rows of the file, in order; neighbours with one time are never apart."""
    data = table(*(row(when, str(price)) for when, price in rows))
    messages = framed("tardis_csv", cut(data, size))
    assert [row(when, str(price)) for when, price in rows] == [r for m in messages for r in m.payload.split(b"\n")[1:]]
    assert all(a.ts_recv != b.ts_recv for a, b in pairwise(messages))
    assert messages == framed("tardis_csv", data)
