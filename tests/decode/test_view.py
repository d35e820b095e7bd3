"""Windows on a book: what they show, and whether one leads to the next."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orderbook.decode.view import Change, Window, changes, parse_window, revealed
from orderbook.events import Heartbeat, OrderAdd, OrderCancel, OrderExecute, Trade
from orderbook.types import Side

ABSENT = (("9999999999", "0"), ("-9999999999", "0"))


def test_parse_window() -> None:
    """Ask price, ask size, bid price, bid size, level by level."""
    cells = ["101", "5", "100", "7", "102", "6", "99", "8"]
    assert Window({100: 7, 99: 8}, {101: 5, 102: 6}, 2) == parse_window(cells, ABSENT)


def test_parse_thin_window() -> None:
    """Sentinels are no levels, and the depth is what would fit."""
    cells = ["101", "5", "-9999999999", "0", "9999999999", "0", "-9999999999", "0"]
    assert Window({}, {101: 5}, 2) == parse_window(cells, ABSENT)


@pytest.mark.parametrize("cell", ["", "x", "1.5", " 1", "1_0", "١", "+1", "1e3", "9" * 19, "--1"])
def test_what_is_no_integer_is_no_window(cell: str) -> None:
    """int() would take some of these."""
    assert None is parse_window(["101", "5", "100", cell], ABSENT)


def test_changes() -> None:
    """What orders do to the size of their level; a print does nothing."""
    order: dict[str, Any] = {"order_id": 1, "side": Side.ASK, "price": "585.33", "size": 18}
    events = [OrderAdd(**order), OrderCancel(**order), OrderExecute(**order), Trade(price="1", size="1"), Heartbeat()]
    added, taken = Change(Side.ASK, 5853300, 18), Change(Side.ASK, 5853300, -18)
    assert [added, taken, taken] == list(changes(events, 4))


def test_cancel_without_a_place_changes_nothing_known() -> None:
    """All that is left of an order: how much that is the event does not say."""
    assert [] == list(changes([OrderCancel(order_id=1)], 4))


FULL = Window({100: 7, 99: 8}, {101: 5, 102: 6}, 2)


@pytest.mark.parametrize(
    ("after", "made", "bids", "asks"),
    [
        (FULL, [], {}, {}),
        (Window({100: 9, 99: 8}, {101: 5, 102: 6}, 2), [Change(Side.BID, 100, 2)], {}, {}),
        (Window({100: 7, 99: 8}, {101: 1, 102: 6}, 2), [Change(Side.ASK, 101, -4)], {}, {}),
        (Window({100: 7, 99: 8}, {102: 6, 103: 9}, 2), [Change(Side.ASK, 101, -5)], {}, {103: 9}),
        (Window({99: 8, 90: 1}, {101: 5, 102: 6}, 2), [Change(Side.BID, 100, -7)], {90: 1}, {}),
        (Window({99: 8}, {101: 5, 102: 6}, 2), [Change(Side.BID, 100, -7)], {}, {}),
        (Window({105: 1, 100: 7}, {101: 5, 102: 6}, 2), [Change(Side.BID, 105, 1)], {}, {}),
    ],
)
def test_rows_that_follow(after: Window, made: list[Change], bids: dict[int, int], asks: dict[int, int]) -> None:
    """Nothing, a change, a level gone, a level let in, a level pushed out."""
    assert {Side.BID: bids, Side.ASK: asks} == revealed(FULL, after, made)


@pytest.mark.parametrize(
    ("after", "made"),
    [
        (Window({100: 9, 99: 8}, {101: 5, 102: 6}, 2), []),
        (Window({100: 9, 99: 8}, {101: 5, 102: 6}, 2), [Change(Side.BID, 100, 1)]),
        (Window({100: 9, 99: 8}, {101: 5, 102: 6}, 2), [Change(Side.ASK, 100, 2)]),
        (Window({99: 8, 90: 1}, {101: 5, 102: 6}, 2), [Change(Side.BID, 100, -8)]),
        (Window({99: 8, 90: 1}, {101: 5, 102: 6}, 2), []),
        (Window({100: 7, 99: 8}, {101: 5}, 2), []),
        (Window({100: 7, 99: 8}, {101: 5, 103: 6}, 2), [Change(Side.BID, 100, 0)]),
        (Window({105: 1, 100: 7}, {101: 5, 102: 6}, 2), []),
    ],
)
def test_rows_that_do_not_follow(after: Window, made: list[Change]) -> None:
    """A size, a level or a gap that no message accounts for."""
    assert None is revealed(FULL, after, made)


def test_thin_side_reveals_nothing() -> None:
    """Where not all places are taken there is nothing below that could come in."""
    before = Window({100: 7}, {}, 2)
    assert None is revealed(before, Window({100: 7, 99: 1}, {}, 2), [])


LADDERS = st.dictionaries(st.integers(1, 30), st.integers(1, 9), max_size=12)


def window(bids: dict[int, int], asks: dict[int, int], depth: int) -> Window:
    """The best levels of two full ladders."""
    best_bids = sorted(bids, reverse=True)[:depth]
    best_asks = sorted(asks)[:depth]
    return Window({price: bids[price] for price in best_bids}, {price: asks[price] for price in best_asks}, depth)


@given(
    bids=LADDERS,
    asks=LADDERS,
    depth=st.integers(1, 5),
    steps=st.lists(st.tuples(st.sampled_from(Side), st.integers(1, 30), st.integers(1, 9), st.booleans()), max_size=20),
)
def test_window_is_followed_through_any_true_stream(
    bids: dict[int, int], asks: dict[int, int], depth: int, steps: list[tuple[Side, int, int, bool]]
) -> None:
    """Whatever happens in the book, what is told of the window and what is revealed lead from row to row."""
    shown = window(bids, asks, depth)
    for side, price, wish, add in steps:
        ladder = bids if side is Side.BID else asks
        size = wish if add else -min(wish, ladder.get(price, 0))
        ladder[price] = ladder.get(price, 0) + size
        if not ladder[price]:
            del ladder[price]
        after = window(bids, asks, depth)
        # The venue tells of what touches the window, before or after, and of nothing else.
        told = price in shown.side(side) or price in after.side(side)
        found = revealed(shown, after, [Change(side, price, size)] if told and size else [])
        assert found is not None
        for own in Side:
            assert all(after.side(own)[at] == seen for at, seen in found[own].items())
            assert not shown.side(own).keys() & found[own].keys()
        shown = after
