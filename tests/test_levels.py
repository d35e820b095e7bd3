"""Levels: what a message's rows become."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orderbook.errors import ScaleError
from orderbook.levels import Levels
from orderbook.types import Level

rows = st.lists(st.tuples(st.integers(-(10**9), 10**9), st.integers(0, 10**9)), max_size=20)


@given(rows, st.integers(0, 8))
def test_columns_share_the_smallest_scale(pairs: list[tuple[int, int]], scale: int) -> None:
    """Each column is exact and no finer than its finest value."""
    text = [(f"{p}e-{scale}", str(s)) for p, s in pairs]
    levels = Levels.parse(text)
    assert [p * 10 ** (scale - levels.price_scale) for p in levels.prices] == [p for p, _ in pairs]
    assert levels.price_scale <= scale
    assert levels.price_scale == 0 or any(p % 10 for p in levels.prices)
    assert list(levels.sizes) == [s for _, s in pairs]


@given(rows)
def test_is_an_immutable_sequence_of_levels(pairs: list[tuple[int, int]]) -> None:
    """len, index, slice, iteration and negative indexes agree with a list of Level."""
    levels, wanted = Levels.parse(pairs), [Level(float(p), float(s)) for p, s in pairs]
    assert list(levels) == wanted
    assert levels[1:7:2] == wanted[1:7:2]
    assert len(levels) == len(wanted)
    assert [levels[-1 - i] for i in range(len(wanted))] == wanted[::-1]
    assert pickle.loads(pickle.dumps(levels)) == levels == copy.deepcopy(levels)
    assert hash(Levels.parse(pairs)) == hash(levels)


def test_equality_is_by_number() -> None:
    """Text, floats and padding make no difference; counts do."""
    assert Levels.parse([("1.50", "2")]) == Levels.parse([(1.5, 2)])
    assert Levels.parse([("1.50", "2")]) != Levels.parse([("1.51", "2")])
    assert Levels.parse([Level(1, 2, 3)]) != Levels.parse([(1, 2)])
    assert Levels.parse([]) != []


def test_rows_may_be_mappings_or_longer() -> None:
    """Kraken v2 sends objects, OKX four columns: the caller says where things are."""
    assert Levels.parse([{"price": "1", "qty": "2"}], "price", "qty") == Levels.parse([("1", "2")])
    assert Levels.parse([["1", "2", "0", "13"]], count=3).counts == (13,)


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        ([("1", "2"), ("x", "3")], "not a finite decimal number: 'x' - at `[1][0]`"),
        ([("1", "-2")], "negative size: '-2' - at `[0][1]`"),
        ([("1",)], "expected a level with 1: ('1',) - at `[0]`"),
        ([5], "expected a level with 0: 5 - at `[0]`"),
        ([None], "expected a level with 0: None - at `[0]`"),
        (["12", "34"], "expected a level, got `str`: '12' - at `[0]`"),
        ({"12": "34"}, "expected a level, got `str`: '12' - at `[0]`"),
        ([b"12"], "expected a level, got `bytes`: b'12' - at `[0]`"),
        ("12", "expected a list of levels, got `str`: '12'"),
        (None, "expected a list of levels, got `NoneType`: None"),
        ([("1", None)], "expected a number, got `NoneType`: None - at `[0][1]`"),
        ([("1e18", 1), ("0.1", 1)], "does not fit in int64 with 1 decimal digits: Decimal('1000000000000000000')"),
    ],
)
def test_bad_rows_say_where(bad: Any, message: str) -> None:
    """The whole message, with the index of the row and the field."""
    with pytest.raises(ScaleError) as caught:
        Levels.parse(bad)
    assert str(caught.value) == message


@pytest.mark.parametrize("count", ["x", -1, [], "1.5"])
def test_bad_counts_are_refused(count: Any) -> None:
    """An order count is a natural number or absent."""
    with pytest.raises(ScaleError):
        Levels.parse([Level(1, 1, count)])


def test_repr_shows_the_first_levels() -> None:
    """Short enough for a log."""
    assert repr(Levels.parse([(i, 1) for i in range(9)])).endswith("(4.0, 1.0), ...])")
    assert repr(Levels.parse([("1.5", "2")])) == "Levels([(1.5, 2.0)])"
