"""Tardis raw feed lines."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orderbook.errors import CorruptSource
from orderbook.events import Disconnect, Fault
from orderbook.timestamps import to_ns
from orderbook.types import Place, RawMessage

Framed = Callable[..., list[Any]]
FIRST = 1_559_347_200_100_000_000


def test_w24_framing_part(framed: Framed) -> None:
    """W24: four messages and one disconnect, which carries the time of the message before it."""
    data = (
        b'2019-06-01T00:00:00.1000000Z {"table":"orderBookL2","action":"partial"}\n'
        b'2019-06-01T00:00:00.2000010Z {"table":"orderBookL2","action":"insert"}\n'
        b"\n"
        b'2019-06-01T00:00:09.5000000Z {"table":"orderBookL2","action":"update"}\n'
        b'2019-06-01T00:00:09.6000000Z {"table":"orderBookL2","action":"partial"}\n'
    )
    expected = [
        RawMessage(FIRST, b'{"table":"orderBookL2","action":"partial"}', "", Place("tape", 1, 0)),
        RawMessage(FIRST + 100_001_000, b'{"table":"orderBookL2","action":"insert"}', "", Place("tape", 2, 72)),
        Disconnect(ts_recv=FIRST + 100_001_000),
        RawMessage(FIRST + 9_400_000_000, b'{"table":"orderBookL2","action":"update"}', "", Place("tape", 4, 144)),
        RawMessage(FIRST + 9_500_000_000, b'{"table":"orderBookL2","action":"partial"}', "", Place("tape", 5, 215)),
    ]
    assert expected == framed("tardis_raw", data)


def test_all_seven_digits_are_kept(framed: Framed) -> None:
    """The last digit is 100 ns; clients that keep microseconds lose it."""
    (message,) = framed("tardis_raw", b"1970-01-01T00:00:00.0000007Z []")
    assert (700, b"[]") == (message.ts_recv, message.payload)


@pytest.mark.parametrize("blank", [b"\n", b"\n\n", b"\r\n\n\r\n"])
def test_empty_lines_together_are_one_disconnect(framed: Framed, blank: bytes) -> None:
    """However many there are, the connection was lost once."""
    line = b"2019-06-01T00:00:00.1000000Z {}\n"
    kinds = [type(item) for item in framed("tardis_raw", line + blank + line + blank)]
    assert [RawMessage, Disconnect, RawMessage, Disconnect] == kinds


def test_a_file_that_begins_with_a_disconnect(framed: Framed) -> None:
    """The connection was lost before the first minute of this file: no time is known, but it counts."""
    items = framed("tardis_raw", b"\n2019-06-01T00:00:00.1000000Z {}\n")
    assert [Disconnect(), FIRST] == [items[0], items[1].ts_recv]


@pytest.mark.parametrize("data", [b"", b"2019-06-01T00:00:00.1000000Z {}"])
def test_the_end_is_no_disconnect(framed: Framed, data: bytes) -> None:
    """An empty minute is an empty body, and a last newline may be missing."""
    assert [] == [item for item in framed("tardis_raw", data) if isinstance(item, Disconnect)]


@pytest.mark.parametrize(
    "line",
    [
        b"2019-06-01T00:00:00.100000Z {}",
        b"2019-06-01T00:00:00.1000000 {}",
        b"2019-06-01T00:00:00.1000000Z{}",
        b"2019-06-01T00:00:00.1000000Z ",
        b"2019-06-01T00:00:00.1000000Z",
        b"2019-06-01T00:00:00.10000x0Z {}",
        b"2019-06-01T00:00:00,1000000Z {}",
        b"1559347200100000000 {}",
        b" ",
        b"{}",
    ],
)
def test_other_lines_are_refused(framed: Framed, line: bytes) -> None:
    """The time has one form of 28 bytes."""
    with pytest.raises(CorruptSource) as caught:
        framed("tardis_raw", line)
    assert str(caught.value).startswith("tape:1: expected `yyyy-MM-ddTHH:mm:ss.fffffffZ <json>`, got ")


@pytest.mark.parametrize(
    "line", [b"2019-02-29T00:00:00.0000000Z {}", b"2019-06-01T00:00+01.0000000Z {}", b"2019-06-01T00:00:60.0000000Z {}"]
)
def test_moments_that_do_not_exist(framed: Framed, line: bytes) -> None:
    """The form is right and the date is not: the fault is the file's, not the caller's."""
    with pytest.raises(CorruptSource):
        framed("tardis_raw", line)


def test_faults_do_not_hide_a_disconnect(framed: Framed) -> None:
    """Under SKIP a bad line stands between its neighbours, and an empty line after it still counts."""
    items = framed("tardis_raw", b"2019-06-01T00:00:00.1000000Z {}\nbad\n\n2019-06-01T00:00:00.1000000Z {}", skip=True)
    assert [RawMessage, Fault, Disconnect, RawMessage] == [type(item) for item in items]


@given(
    st.lists(st.tuples(st.datetimes(datetime(2000, 1, 1), datetime(2200, 1, 1)), st.integers(0, 9))),  # noqa: DTZ001
    st.integers(1, 64),
)
def test_round_trip(framed: Framed, cut: Callable[[bytes, int], list[bytes]], rows: list[Any], size: int) -> None:
    """Every time of seven digits comes back, in chunks of any size."""
    data = b"".join(
        f"{moment.isoformat(timespec='microseconds')}{digit}Z [{digit}]\n".encode() for moment, digit in rows
    )
    expected = [(to_ns(moment.replace(tzinfo=UTC)) + digit * 100, b"[%d]" % digit) for moment, digit in rows]
    assert expected == [(m.ts_recv, m.payload) for m in framed("tardis_raw", cut(data, size))]
