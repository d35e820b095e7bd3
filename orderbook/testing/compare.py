"""Does a book say what a model says? Everything that can be read is compared, exactly where the book is exact."""

from __future__ import annotations

import math
from decimal import Decimal
from fractions import Fraction
from typing import Any

from orderbook.testing.model import SIDES, Bound, NaiveL2, NaiveL3, NaiveLevel, exact
from orderbook.types import Side

Model = NaiveL2 | NaiveL3

_DEPTHS = (1, 2, 5, 1_000)


def check_book(book: Any, model: Model, *, measures: bool = True) -> None:
    """Hold everything that a book answers against a model, and run the book's own ``_check()`` too. O(n**2).

    Works for every class with the reading side of :class:`orderbook.L2Book`. ``measures=False`` leaves mid price,
    microprice, imbalance, vwap and depth views out, for books that have levels only.

    Raises:
        AssertionError: they differ; the message says where.

    >>> from orderbook.books import L2Book
    >>> book, model = L2Book(), NaiveL2()
    >>> book.apply_delta([("100.5", "1")], [])
    >>> check_book(book, model)  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    AssertionError: bids: the book has 1 levels, the model 0...
    """
    for side in SIDES:
        _check_side(book, model, side)
    if measures:
        _check_measures(book, model)
        _check_known(book, model)
        for side in SIDES:
            _check_vwap(book, model, side)
    if isinstance(model, NaiveL3):
        _check_orders(book, model)
    if hasattr(book, "_check"):
        book._check()


def check_known(book: Any, truth: Model) -> None:
    """Check a book that may know less than the truth: all it holds is so, and in its range nothing is missing. O(n**2).

    Raises:
        AssertionError: it holds something that is not so, or misses what it should know.

    >>> from orderbook.books import L2Book
    >>> book, truth = L2Book(), NaiveL2()
    >>> book.apply_snapshot([(100, 1)], [], complete=False)
    >>> truth.delta([(100, 1), (99, 2)], [])
    >>> check_known(book, truth)
    """
    limits = {Side.BID: book.known_range.bid_floor, Side.ASK: book.known_range.ask_ceiling}
    for side in SIDES:
        name = _NAMES[side]
        held = [_exact_level(book, level) for level in getattr(book, name)]
        true = [_plain(book, level) for level in truth.levels(side)]
        for level in held:
            assert level in true, f"{name}: the book holds {_show(level)}, the truth does not"
        bound = None if limits[side] is None else _number(book, limits[side], book.price_scale)
        for level in true:
            known = bound is None or side.value * level[0] >= side.value * bound
            assert not known or level in held, f"{name}: the book misses {_show(level)} inside its known range"


_NAMES = {Side.BID: "bids", Side.ASK: "asks"}


def _number(book: Any, value: Any, scale: int) -> Bound:
    """What a book's answer stands for; an infinity is the bound of a side of which nothing is known."""
    if isinstance(value, float) and math.isinf(value):
        return value
    kind = getattr(book, "price_type", "float")
    return Fraction(value, 10**scale) if kind == "fixed" else exact(value)


def _exact_level(book: Any, level: Any) -> tuple[Bound, Bound]:
    return _number(book, level.price, book.price_scale), _number(book, level.size, book.size_scale)


def _plain(book: Any, level: NaiveLevel) -> tuple[Bound, Bound]:
    """A true level as a book of floats can say it."""
    if getattr(book, "price_type", "float") != "float":
        return level.price, level.size
    return exact(float(level.price)), exact(float(level.size))


def _show(level: tuple[Bound, Bound]) -> str:
    return f"{float(level[0])!r} x {float(level[1])!r}"


def _check_side(book: Any, model: Model, side: Side) -> None:
    name = _NAMES[side]
    view, levels = getattr(book, name), model.levels(side)
    assert len(view) == len(levels), f"{name}: the book has {len(view)} levels, the model {len(levels)}"
    rows = list(view)
    for index, (row, level) in enumerate(zip(rows, levels, strict=True)):
        said, wanted = (*_exact_level(book, row), row.count), (*_plain(book, level), level.count)
        shown = f"{_show(wanted[:2])} count {level.count}"
        assert said == wanted, f"{name}[{index}]: the book says {row}, the model {shown}"
        assert view[index] == row, f"{name}[{index}] is {view[index]}, iterating gives {row}"
        assert view.get(row.price) == row, f"{name}.get({row.price!r}) is {view.get(row.price)}, not {row}"
    assert view[:3] == rows[:3], f"{name}[:3] is {view[:3]}, iterating gives {rows[:3]}"
    assert view[-1:] == rows[-1:], f"{name}[-1:] is {view[-1:]}, iterating gives {rows[-1:]}"
    best = getattr(book, "best_" + name[:-1])
    assert best == (rows[0] if rows else None), f"best_{name[:-1]} is {best}, the first level {rows[:1]}"


def _near(book: Any, said: Any, wanted: Fraction | None, *, price: bool, what: str) -> None:
    """Compare a quotient, which a book rounds, to 12 digits; the sign and the absence are exact."""
    if wanted is None or said is None:
        assert said is wanted, f"{what}: the book says {said}, the model {wanted}"
        return
    fixed = price and getattr(book, "price_type", "float") == "fixed"
    target = float(wanted * 10**book.price_scale) if fixed else float(wanted)
    assert isinstance(said, (int, float, Decimal)), f"{what}: the book says {said!r}"
    assert math.isclose(float(said), target, rel_tol=1e-12, abs_tol=0.0), f"{what}: {said!r}, the model says {target!r}"


def _check_measures(book: Any, model: Model) -> None:
    for name, wanted in model.measures().items():
        _near(book, getattr(book, name), wanted, price=name != "spread_bps", what=name)
    for levels in _DEPTHS[:3]:
        _near(book, book.imbalance(levels), model.imbalance(levels), price=False, what=f"imbalance({levels})")
    bid, ask = model.best(Side.BID), model.best(Side.ASK)
    locked = bid is not None and ask is not None and bid.price == ask.price
    assert book.is_crossed == model.is_crossed(), f"is_crossed: the book says {book.is_crossed}"
    assert book.is_locked == locked, f"is_locked: the book says {book.is_locked}"


def _check_known(book: Any, model: Model) -> None:
    limits = {Side.BID: book.known_range.bid_floor, Side.ASK: book.known_range.ask_ceiling}
    for side, limit in limits.items():
        said = None if limit is None else _number(book, limit, book.price_scale)
        bound = model.bounds[side]
        wanted = bound if bound is None or isinstance(bound, float) else _plain(book, NaiveLevel(bound, bound))[0]
        assert said == wanted, f"known range of the {_NAMES[side]}: the book says {limit}, the model {wanted}"
    for depth in _DEPTHS:
        view = book.depth(depth)
        for side, known in ((Side.BID, view.bids_known), (Side.ASK, view.asks_known)):
            name = _NAMES[side]
            wanted_rows = getattr(book, name)[:depth]
            assert list(getattr(view, name)) == list(wanted_rows), f"depth({depth}).{name} are not the best {depth}"
            wanted_known = model.depth_is_known(side, depth)
            assert known == wanted_known, f"depth({depth}).{name}_known is {known}, the model says {wanted_known}"


def _check_vwap(book: Any, model: Model, side: Side) -> None:
    levels = model.levels(side)
    total = sum((level.size for level in levels), Fraction(0))
    if not total:
        return
    # Asked for the whole side, in the exact form, so that float sizes do not decide whether it was enough.
    size = int(total * 10**book.size_scale) if getattr(book, "price_type", "float") == "fixed" else _decimal(total)
    said = book.vwap(side, size)
    filled, paid = model.fill(side, total)
    assert said.complete, f"vwap({side.name}, {size}) does not fill, the model fills all"
    _near(book, said.price, paid / filled, price=True, what=f"vwap({side.name}, {size})")
    known = model.is_known(side, levels[-1].price)
    assert said.known == known, f"vwap({side.name}, {size}).known is {said.known}, the model says {known}"


def _decimal(value: Fraction) -> Decimal:
    places = 18
    return Decimal(f"{value * 10**places}E-{places}")


def _check_orders(book: Any, model: NaiveL3) -> None:
    assert len(book.orders) == len(model.orders), f"orders: {len(book.orders)}, the model has {len(model.orders)}"
    for order in model.orders:
        said = book.orders[order.order_id]
        level = NaiveLevel(order.price, order.size)
        assert (said.order_id, said.side) == (order.order_id, order.side), f"orders[{order.order_id!r}] is {said}"
        assert _exact_level(book, said) == _plain(book, level), f"orders[{order.order_id!r}] is {said}, not {order}"
        ahead, size = book.queue_ahead(order.order_id)
        orders, total = model.ahead(order.order_id)
        wanted = _plain(book, NaiveLevel(total, total))[0]
        got = (ahead, _number(book, size, book.size_scale))
        assert got == (orders, wanted), f"queue_ahead({order.order_id!r}) is {got}, not {(orders, wanted)}"
    for side in SIDES:
        for level, row in zip(model.levels(side), getattr(book, _NAMES[side]), strict=True):
            said_ids = [order.order_id for order in book.queue(side, row.price)]
            ids = [order.order_id for order in model.queue(side, level.price)]
            assert said_ids == ids, f"queue({side.name}, {row.price!r}) is {said_ids}, not {ids}"
            hidden = model.anonymous.get((side, level.price), Fraction(0))
            got_hidden = _number(book, book.anonymous(side, row.price), book.size_scale)
            assert got_hidden == _plain(book, NaiveLevel(hidden, hidden))[0], f"anonymous({side.name}, {row.price!r})"
