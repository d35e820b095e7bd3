"""The models are too simple to be wrong; these are the few things that they are asked by hand."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest

from orderbook.errors import BookError, DuplicateLevel, DuplicateOrder, OverExecuted, UnknownOrder, UsageError
from orderbook.events import (
    Clear,
    Event,
    OrderAdd,
    OrderCancel,
    OrderExecute,
    OrderModify,
    OrderReplace,
    OrderSnapshot,
    Reveal,
    Snapshot,
    Trade,
)
from orderbook.levels import Levels
from orderbook.testing import NaiveL2, NaiveL3, checksum, exact
from orderbook.types import Level, Order, Side

BID, ASK = Side.BID, Side.ASK
INFINITY = float("inf")


def rows(model: Any, side: Side) -> list[tuple[float, float, int | None]]:
    """A side as plain numbers."""
    return [(float(level.price), float(level.size), level.count) for level in model.levels(side)]


@pytest.mark.parametrize("value", ["0.10", 0.1, Decimal("0.1"), Fraction(1, 10), "1e-1", "+.1"])
def test_exact(value: Any) -> None:
    """However a number is written, it is that number, and a float means its shortest repr."""
    assert Fraction(1, 10) == exact(value)


ONE_LEVEL = [("100.5", "2", 3)]


@pytest.mark.parametrize("level_rows", [ONE_LEVEL, [Level(100.5, 2.0, 3)], Levels.parse(ONE_LEVEL, count=2)])
def test_levels_come_in_any_form(level_rows: Any) -> None:
    """Rows, Level values and parsed Levels are the same."""
    model = NaiveL2()
    model.snapshot(level_rows, [])
    assert [(100.5, 2.0, 3)] == rows(model, BID)


def test_l2_snapshot_delta_clear() -> None:
    """A snapshot replaces, a delta sets and deletes, a clear empties."""
    model = NaiveL2()
    model.snapshot([(99, 1), (100, 2)], [(102, 1), (101, 0)])
    model.delta([(100, 0), (98, 5), (98, 6), (50, 0)], [(101, 4)])
    assert [(99.0, 1.0, None), (98.0, 6.0, None)] == rows(model, BID)
    assert [(101.0, 4.0, None), (102.0, 1.0, None)] == rows(model, ASK)
    model.clear()
    assert ([], []) == (rows(model, BID), rows(model, ASK))


def test_l2_known_range() -> None:
    """A limited snapshot is known to its last level, of an empty side nothing is known, and a delta widens nothing."""
    model = NaiveL2()
    model.snapshot([(100, 1), (99, 1)], [], complete=False)
    model.delta([(90, 1)], [(101, 1)])
    assert {BID: 99, ASK: -INFINITY} == model.bounds
    assert [True, True, False, False] == [model.depth_is_known(BID, depth) for depth in (1, 2, 3, 4)]
    assert not model.depth_is_known(ASK, 1)
    model.snapshot([(100, 1)], [])
    assert {BID: None, ASK: None} == model.bounds
    model.forget()
    assert {BID: INFINITY, ASK: -INFINITY} == model.bounds


def test_max_depth() -> None:
    """What is deeper than the best levels is let go of and no longer known; what was not known stays so."""
    model = NaiveL2(max_depth=2)
    model.snapshot([(100, 1), (99, 1), (98, 1)], [(101, 1)])
    assert ([100.0, 99.0], 99) == ([row[0] for row in rows(model, BID)], model.bounds[BID])
    model.delta([(99, 0), (97, 1)], [])
    assert ([100.0, 97.0], 99) == ([row[0] for row in rows(model, BID)], model.bounds[BID])
    model.delta([(96, 1)], [])
    assert 99 == model.bounds[BID]


def test_view_depth() -> None:
    """A snapshot may say that its stream keeps to so many levels."""
    model = NaiveL2()
    model.apply(Snapshot(bids=[(100, 1), (99, 1)], view_depth=1))
    assert [(100.0, 1.0, None)] == rows(model, BID)


def test_measures() -> None:
    """Mid, spread, microprice and so on, exactly."""
    model = NaiveL2()
    model.snapshot([(100, 5), (99, 1)], [("100.5", 15), (102, 3)])
    assert {
        "mid_price": Fraction(401, 4),
        "spread": Fraction(1, 2),
        "spread_bps": Fraction(20_000, 401),
        "microprice": Fraction(801, 8),
    } == model.measures()
    assert [Fraction(-1, 2), Fraction(-1, 2)] == [model.imbalance(1), model.imbalance(2)]
    assert (16, Fraction(15 * 201, 2) + 102) == model.fill(ASK, Fraction(16))
    assert not model.is_crossed()
    assert {None} == set(NaiveL2().measures().values())
    assert NaiveL2().imbalance(1) is None


def test_l3_queue() -> None:
    """More size or another price goes to the back of a queue; less size stays."""
    model = NaiveL3()
    for order_id, size in ((1, 5), (2, 7), (3, 9)):
        model.add(order_id, BID, 100, size)
    model.modify(2, size=6)
    model.modify(1, size=8)
    assert [2, 3, 1] == [order.order_id for order in model.queue(BID, exact(100))]
    assert (2, 15) == model.ahead(1)
    model.cancel(2, 4)
    assert [(100.0, 19.0, 3)] == rows(model, BID)
    model.modify(3, side=ASK, price=101)
    model.replace(1, 10, price=100, size=1)
    assert [2, 10] == [order.order_id for order in model.queue(BID, exact(100))]
    assert [(101.0, 9.0, 1)] == rows(model, ASK)


def test_l3_anonymous() -> None:
    """Unknown orders stand ahead of known ones, and hide how many there are."""
    model = NaiveL3()
    model.add(1, BID, 100, 5)
    model.seed(BID, 100, 7)
    assert ([(100.0, 12.0, None)], (0, 7)) == (rows(model, BID), model.ahead(1))
    model.take_anonymous(BID, 100, 7)
    assert [(100.0, 5.0, 1)] == rows(model, BID)


@pytest.mark.parametrize(
    ("event", "left"),
    [
        (OrderCancel(order_id=99, side=BID, price=100, size=4), 3.0),
        (OrderExecute(order_id=99, side=BID, price=100, size=7), 0.0),
        (Clear(), 0.0),
        (Trade(price=100, size=1), 7.0),
        (Reveal(bids=[("98", 1)]), 7.0),
        (Snapshot(bids=[(100, 3)]), 3.0),
    ],
)
def test_l3_events_on_unknown_orders(event: Event, left: float) -> None:
    """An event that names side and price reaches what nobody knows by name."""
    model = NaiveL3()
    model.seed(BID, 100, 7)
    model.apply(event)
    assert left == sum(size for price, size, _ in rows(model, BID) if price == 100)


def test_l3_events() -> None:
    """Every event of orders, one after another."""
    model = NaiveL3()
    model.apply(OrderSnapshot(orders=[Order(1, BID, 100, 2), Order(2, BID, 100, 3)], complete=False))
    model.apply(OrderAdd(order_id=3, side=ASK, price=101, size=1))
    model.apply(OrderModify(order_id=1, size=1))
    model.apply(OrderModify(order_id=4, side=ASK, price=101, size=5, upsert=True))
    model.apply(OrderExecute(order_id=3, size=1))
    model.apply(OrderReplace(order_id=2, new_id=5, price=99, size=4))
    model.apply(OrderCancel(order_id=1))
    assert [(99.0, 4.0, 1)] == rows(model, BID)
    assert [(101.0, 5.0, 1)] == rows(model, ASK)
    assert {BID: INFINITY, ASK: -INFINITY} == model.bounds


def test_l3_limited_orders() -> None:
    """So many orders and no more: the level that the last of them is in may have others."""
    model = NaiveL3()
    orders = [Order(1, BID, 100, 2), Order(2, BID, "99.5", 3), Order(3, BID, 98, 1), Order(4, ASK, 101, 1)]
    model.order_snapshot(orders, complete=False)
    assert {BID: Fraction(199, 2), ASK: -INFINITY} == model.bounds
    model.order_snapshot(orders)
    assert {BID: None, ASK: None} == model.bounds


@pytest.mark.parametrize(
    ("act", "error"),
    [
        (lambda model: model.add(1, BID, 100, 1), DuplicateOrder),
        (lambda model: model.add(2, BID, 100, 0), UsageError),
        (lambda model: model.cancel(9), UnknownOrder),
        (lambda model: model.modify(9, size=1), UnknownOrder),
        (lambda model: model.cancel(1, 99), OverExecuted),
        (lambda model: model.take_anonymous(BID, 100, 99), OverExecuted),
        (lambda model: model.replace(1, 3, price=100, size=1), DuplicateOrder),
        (lambda model: model.reveal([(100, 1)], []), DuplicateLevel),
        (lambda model: model.snapshot([(1, 1), (1, 2)], []), DuplicateLevel),
    ],
)
def test_models_refuse(act: Any, error: type[BookError]) -> None:
    """What a book refuses the model refuses, with the same error and unchanged."""
    model = NaiveL3()
    model.add(1, BID, 100, 5)
    model.add(3, ASK, 101, 5)
    before = (list(model.orders), dict(model.anonymous))
    with pytest.raises(error):
        act(model)
    assert before == (model.orders, model.anonymous)


def test_copies_share_nothing() -> None:
    """A copy lives its own life."""
    l2, l3 = NaiveL2(), NaiveL3()
    l2.delta([(100, 1)], [])
    l3.add(1, BID, 100, 1)
    for model in (l2, l3):
        twin: Any = model.copy()
        twin.clear()
        assert 1 == len(model.levels(BID))


def test_checksum_sees_every_level() -> None:
    """Each price and size of either side matters, and a book and its model agree."""
    from orderbook.books import L2Book

    book, model = L2Book(), NaiveL2()
    seen = set()
    for bids, asks in ([(100, 1)], []), ([(99, 1)], []), ([], [(101, 1)]), ([(99, 2)], []):
        book.apply_delta(bids, asks)
        model.delta(bids, asks)
        assert checksum(book) == checksum(model)
        seen.add(checksum(book))
    assert 4 == len(seen)
