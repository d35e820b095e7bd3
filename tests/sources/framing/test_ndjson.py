"""One JSON value a line."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orderbook.errors import CorruptSource
from orderbook.types import Place, RawMessage

Framed = Callable[..., list[Any]]


def test_each_line_is_a_message(framed: Framed) -> None:
    """There is no receive time and no origin; the line is not parsed."""
    expected = [
        RawMessage(None, b'{"u": 1}', "", Place("tape", 1, 0)),
        RawMessage(None, b"not json", "", Place("tape", 4, 11)),
    ]
    assert expected == framed("ndjson", b'{"u": 1}\n\n\nnot json\n')


def test_a_line_that_is_too_long(framed: Framed) -> None:
    """The limit of a message holds for lines."""
    with pytest.raises(CorruptSource) as caught:
        framed("ndjson", b"[1]\n[1,2]\n", max_message=4)
    assert "tape:2: a line is longer than max_message (4 bytes)" == str(caught.value)


@given(st.lists(st.lists(st.integers() | st.text(), max_size=5)), st.integers(1, 40))
def test_round_trip(framed: Framed, cut: Callable[[bytes, int], list[bytes]], rows: list[Any], size: int) -> None:
    """What was written comes back, in chunks of any size."""
    data = "".join(f"{json.dumps(row)}\r\n" for row in rows).encode()
    assert rows == [json.loads(m.payload) for m in framed("ndjson", cut(data, size))]
