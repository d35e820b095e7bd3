"""``<recv_ns> <json>`` lines."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orderbook.errors import CorruptSource
from orderbook.events import Fault
from orderbook.types import INT64_MAX, Place, RawMessage

Framed = Callable[..., list[Any]]


def test_time_and_payload(framed: Framed) -> None:
    """The time is the integer before the first space, the payload everything behind it."""
    data = b'1723161254024619568 {"stream": "x y"}\n5 [1, 2]'
    expected = [
        RawMessage(1_723_161_254_024_619_568, b'{"stream": "x y"}', "", Place("tape", 1, 0)),
        RawMessage(5, b"[1, 2]", "", Place("tape", 2, 38)),
    ]
    assert expected == framed("ns_json", data)


def test_blank_lines_are_passed_over(framed: Framed) -> None:
    """They carry nothing; the numbers of the lines behind them count them."""
    assert [(1, 2), (2, 4)] == [(m.ts_recv, m.place.line) for m in framed("ns_json", b"\n1 a\n \t\n2 b\n\n")]


@pytest.mark.parametrize(
    "line",
    [
        b'{"stream":"x"}',
        b"1723161254024619568",
        b"1723161254024619568 ",
        b"-5 {}",
        b"1.5 {}",
        b"1_0 {}",
        b" 5 {}",
        b"9223372036854775808 {}",
        b"00000000000000000001 {}",
        "٥ {}".encode(),
    ],
)
def test_other_lines_are_refused(framed: Framed, line: bytes) -> None:
    """No guess what a line without a time, or with another unit, may have meant."""
    with pytest.raises(CorruptSource) as caught:
        framed("ns_json", b"1 {}\n" + line)
    assert str(caught.value).startswith("tape:2: expected `<recv_ns> <json>`, got ")


def test_the_bounds_of_the_time(framed: Framed) -> None:
    """Zero and the last moment of int64 are times."""
    assert [0, INT64_MAX] == [m.ts_recv for m in framed("ns_json", b"0 a\n%d b" % INT64_MAX)]


def test_faults_are_counted_and_passed_over(framed: Framed) -> None:
    """Under SKIP a bad line is a fault between its neighbours."""
    first, fault, last = framed("ns_json", b"1 a\nbad\n2 b", skip=True)
    assert (1, 2) == (first.ts_recv, last.ts_recv)
    assert isinstance(fault, Fault)
    assert (Place("tape", 2, 4), None) == (fault.error.place, fault.ts_recv)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(st.lists(st.tuples(st.integers(0, INT64_MAX), JSON)), st.integers(1, 40))
def test_round_trip(framed: Framed, cut: Callable[[bytes, int], list[bytes]], rows: list[Any], size: int) -> None:
    """What a recorder writes comes back, in chunks of any size."""
    data = b"".join(b"%d %s\n" % (when, json.dumps(value).encode()) for when, value in rows)
    assert rows == [(m.ts_recv, json.loads(m.payload)) for m in framed("ns_json", cut(data, size))]


@given(st.binary())
def test_any_bytes_are_messages_or_faults(framed: Framed, data: bytes) -> None:
    """Nothing but messages and documented faults comes out."""
    assert {RawMessage, Fault} >= {type(item) for item in framed("ns_json", data, skip=True)}
