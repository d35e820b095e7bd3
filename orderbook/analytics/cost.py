"""What an order would cost against the levels that a book shows: averages, sweeps and their inverses.

Four different things go by the name of VWAP. Here are three: :func:`level_vwap` is the average price of levels,
whatever anyone wants of them; :func:`sweep` is what a marketable order pays for a quantity, or for a budget
(``by="quote"``). The fourth, the average price of trades, belongs to the trades.

Nothing here forecasts. A sweep counts what is displayed now: no hidden size, no refill, no reaction of others, no fees.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple, TypeAlias

from orderbook.analytics._arguments import SideLike, as_count, as_finite, as_positive, as_side, one_of
from orderbook.analytics._levels import BookLike, Levels, is_known_to, levels_of, mid_of
from orderbook.analytics.prices import ROUNDING
from orderbook.types import Side

__all__ = ("Answer", "Sweep", "level_vwap", "price_for_qty", "qty_for_price", "qty_to_move", "sweep")

By: TypeAlias = Literal["base", "quote"]
"""What the quantity of an order counts: units of the instrument, or money."""

OnPartial: TypeAlias = Literal["nan", "partial", "worst", "inf"]
"""The average price of an order that the book cannot fill."""

SIZE_ROUNDING: Final = 1e-12
"""What is left of an order below this share of it is rounding: ``0.7 + 0.1`` is a bit less than 0.8."""


class Answer(NamedTuple):
    """A number read from one side, and whether the book knows that side as far as it had to be read.

    Where ``known`` is False there may be more levels than are seen: a quantity is then a lower bound, and a price that
    is None may exist. ``value`` is None where it is undefined.
    """

    value: float | None
    known: bool


@dataclass(frozen=True, slots=True)
class Sweep:
    """What a marketable order gets from the levels of a book (:func:`sweep`); None where a number is undefined.

    * ``filled``: what is bought or sold, in base units. ``unfilled``: what is left of the order, in its own units (of
      money ``by="quote"``). ``cost``: the money paid or received for ``filled``.
    * ``avg``: the average price; of an order that is not complete, what ``on_partial`` says.
    * ``worst``: the last price touched. ``levels``: how many were. ``last_level_fraction``: the share taken of the
      last.
    * ``slip_mid_bps``, ``slip_best_bps``: ``avg`` against the mid and against the best price of the side taken, in
      basis points, + is a cost; None where what it is compared with is not above 0.
    * ``new_best``: the best price left on that side, None when nothing is. ``mid_after``: the mid then. ``impact``:
      ``mid_after`` minus the mid: mechanical, it leaves out hidden size, refills and reactions.
    * ``complete``: the order was filled. ``known``: no level was touched, or missed, where the book knows not all
      levels.
    """

    filled: float
    unfilled: float
    cost: float
    avg: float | None
    worst: float | None
    levels: int
    slip_mid_bps: float | None
    slip_best_bps: float | None
    last_level_fraction: float | None
    new_best: float | None
    mid_after: float | None
    impact: float | None
    complete: bool
    known: bool


def level_vwap(book: BookLike, side: SideLike, depth: int | None = None) -> float | None:
    """Return the size-weighted average price of the best ``depth`` levels of a side of the book (None: all). O(depth).

    ``sum(price * size) / sum(size)``. Not the price of any order: that is :func:`sweep`. None on an empty side.

    Raises:
        ValueError: not a side, or ``depth`` is below 1.

    >>> import orderbook as ob
    >>> book = ob.L2Book()
    >>> book.apply_snapshot([("100.00", 5), ("99.99", 10), ("99.97", 20)], [("100.02", 15), ("100.03", 5)])
    >>> round(level_vwap(book, "bid"), 10), level_vwap(book, "bid", depth=1)
    (99.98, 100.0)
    """
    rows = levels_of(book, as_side(side), None if depth is None else as_count(depth, "depth"))
    if not rows:
        return None
    return sum(price * size for price, size in rows) / sum(size for _, size in rows)


def sweep(book: BookLike, side: SideLike, qty: float, *, by: By = "base", on_partial: OnPartial = "nan") -> Sweep:
    """Return what a marketable order gets: the levels of the other side, best first, until ``qty`` is filled.

    ``side`` is the taker's: "buy" takes asks. ``qty`` counts units of the instrument, or money (``by="quote"``). A
    budget cannot be spent at a price of 0 or below: filling ends there. O(levels touched).

    ``on_partial`` is the average price of an order for which the levels do not suffice: ``"nan"`` says that there is
    none (None), ``"partial"`` is the average of what was filled, ``"worst"`` prices the rest at the last price
    touched, and ``"inf"`` at an infinitely bad price. Not filled in a book that is not :attr:`Sweep.known` means
    unknown, not thin.

    Raises:
        ValueError: not a side, a ``qty`` that is not above 0, or an unknown option.

    >>> import orderbook as ob
    >>> book = ob.L2Book()
    >>> book.apply_snapshot([("100.00", 5)], [("100.02", 15), ("100.03", 5), ("100.06", 40)])
    >>> got = sweep(book, "buy", 30)
    >>> round(got.avg, 6), got.worst, got.levels, round(got.slip_mid_bps, 4), round(got.impact, 6)
    (100.035, 100.06, 3, 2.4998, 0.02)
    >>> got = sweep(book, "buy", 100)
    >>> got.filled, got.unfilled, got.avg, got.complete, got.known
    (60.0, 40.0, None, False, True)
    """
    taker, wanted = as_side(side), as_positive(qty, "qty")
    one_of(by, By, "by")
    one_of(on_partial, OnPartial, "on_partial")
    fill = _fill(book, taker.opposite, wanted, by)
    avg = _average(fill, taker, by, on_partial)
    mid = mid_of(book)
    impact = None if mid is None or fill.new_best is None or fill.best is None else (fill.new_best - fill.best) / 2
    return Sweep(
        filled=fill.filled,
        unfilled=fill.left,
        cost=fill.cost,
        avg=avg,
        worst=fill.worst,
        levels=fill.levels,
        slip_mid_bps=_slip(avg, mid, taker),
        slip_best_bps=_slip(avg, fill.best, taker),
        last_level_fraction=fill.fraction,
        new_best=fill.new_best,
        mid_after=None if mid is None or impact is None else mid + impact,
        impact=impact,
        complete=not fill.left,
        known=_is_known(book, taker.opposite, fill),
    )


class _Fill(NamedTuple):
    """How far an order got; ``left`` is in the units of the order."""

    filled: float
    left: float
    cost: float
    levels: int
    best: float | None
    worst: float | None
    fraction: float | None
    new_best: float | None


def _fill(book: BookLike, resting: Side, wanted: float, by: By) -> _Fill:
    """Take from the levels of a side until nothing is wanted, and look at the one level after."""
    dust = SIZE_ROUNDING * wanted
    spent = filled = cost = 0.0
    best = worst = fraction = following = None
    levels = 0
    for price, size in _levels(book, resting):
        best = price if best is None else best
        left = wanted - spent
        if left <= dust or (by == "quote" and price <= 0):
            following = price
            break
        offered = price * size if by == "quote" else size
        taken = offered if offered - left <= dust else left
        base = taken / price if by == "quote" else taken
        spent, filled, cost = spent + taken, filled + base, cost + base * price
        worst, fraction, levels = price, taken / offered, levels + 1
    left = wanted - spent
    new_best = worst if fraction is not None and fraction < 1 else following
    return _Fill(filled, left if left > dust else 0.0, cost, levels, best, worst, fraction, new_best)


def _levels(book: BookLike, side: Side) -> Iterator[tuple[float, float]]:
    """Price and size of the levels of a side, best first, read one by one."""
    for row in book.bids if side is Side.BID else book.asks:
        if row.size > 0:
            yield float(row.price), float(row.size)


def _average(fill: _Fill, taker: Side, by: By, on_partial: OnPartial) -> float | None:
    if not fill.left or on_partial == "partial":
        return fill.cost / fill.filled if fill.filled else None
    if on_partial == "inf":
        return taker * math.inf
    if on_partial == "nan" or fill.worst is None:
        return None
    if by == "quote":
        return (fill.cost + fill.left) / (fill.filled + fill.left / fill.worst)
    return (fill.cost + fill.left * fill.worst) / (fill.filled + fill.left)


def _slip(avg: float | None, reference: float | None, taker: Side) -> float | None:
    """How much worse than a reference, in basis points of it."""
    if avg is None or reference is None or reference <= 0:
        return None
    return taker * 1e4 * (avg - reference) / reference


def _is_known(book: BookLike, resting: Side, fill: _Fill) -> bool:
    """Whether the book knows all levels that were touched, or all that there are where they did not suffice."""
    limit = fill.worst if not fill.left and fill.worst is not None else -resting * math.inf
    return is_known_to(book, resting, limit)


# ---- inverses of a sweep ---------------------------------------------------------------------------------------------


def price_for_qty(book: BookLike, side: SideLike, qty: float) -> Answer:
    """Return the price that a marketable order for ``qty`` must be ready to pay: of the last level it touches.

    ``side`` is the taker's. The value is None where the levels do not suffice. O(levels touched).

    Raises:
        ValueError: not a side, or a ``qty`` that is not above 0.

    >>> import orderbook as ob
    >>> book = ob.L2Book()
    >>> book.apply_snapshot([], [("100.02", 15), ("100.03", 5)], complete=False)
    >>> price_for_qty(book, "buy", 16), price_for_qty(book, "buy", 21)
    (Answer(value=100.03, known=True), Answer(value=None, known=False))
    """
    resting = as_side(side).opposite
    fill = _fill(book, resting, as_positive(qty, "qty"), "base")
    return Answer(None if fill.left else fill.worst, _is_known(book, resting, fill))


def qty_for_price(book: BookLike, side: SideLike, limit: float) -> Answer:
    """Return how much a marketable limit order at ``limit`` can take: all sizes at that price or better.

    ``side`` is the taker's: "buy" counts asks at ``limit`` or below. 0 where nothing is so cheap, an empty side
    included; ask ``known`` whether that is so or only not seen. O(levels touched).

    Raises:
        ValueError: not a side, or a ``limit`` that is not finite.

    >>> import orderbook as ob
    >>> book = ob.L2Book()
    >>> book.apply_snapshot([("100.00", 5)], [("100.02", 15), ("100.03", 5)], complete=False)
    >>> qty_for_price(book, "buy", 100.03), qty_for_price(book, "sell", 99.5)
    (Answer(value=20.0, known=True), Answer(value=5.0, known=False))
    """
    resting, bound = as_side(side).opposite, as_finite(limit, "limit")
    slack = resting * ROUNDING * abs(bound)
    found = levels_within(book, resting, bound - slack)
    return Answer(float(sum(size for _, size in found)), is_known_to(book, resting, bound + slack))


def qty_to_move(
    book: BookLike,
    side: SideLike,
    *,
    ticks: float | None = None,
    bps: float | None = None,
    tick: float | None = None,
) -> Answer:
    """Return how much must be taken to move the best price by at least ``ticks`` of size ``tick``, or by ``bps`` of it.

    ``side`` is the taker's. All sizes at prices nearer to the best than that: the next larger order leaves none of
    them. None on an empty side, and for ``bps`` of a best price that is not above 0. O(levels touched).

    Raises:
        ValueError: not a side, not exactly one of ``ticks`` and ``bps``, ``ticks`` without ``tick``, or one not above
            0.

    >>> import orderbook as ob
    >>> book = ob.L2Book()
    >>> book.apply_snapshot([], [("100.02", 15), ("100.03", 5), ("100.06", 40)], complete=False)
    >>> qty_to_move(book, "buy", ticks=2, tick=0.01), qty_to_move(book, "buy", bps=10).known
    (Answer(value=20.0, known=True), False)
    """
    resting, distance = as_side(side).opposite, Distance.of(ticks, bps, tick)
    first = next(_levels(book, resting), None)
    away = None if first is None else distance.from_price(first[0])
    if first is None or away is None:
        return Answer(None, is_known_to(book, resting, -resting * math.inf))
    nearer = first[0] - resting * (away - rounding_of(first[0], away))
    found = levels_within(book, resting, nearer)
    return Answer(float(sum(size for _, size in found)), is_known_to(book, resting, nearer))


# ---- shared by the measures of cost and depth ------------------------------------------------------------------------


def levels_within(book: BookLike, side: Side, limit: float) -> Levels:
    """Return the levels of a side from the best to the price ``limit``, that one included. O(levels returned)."""
    found = []
    for price, size in _levels(book, side):
        if (price - limit) * side < 0:
            break
        found.append((price, size))
    return found


class Distance(NamedTuple):
    """How far from a price, in units of price or in basis points of that price."""

    size: float
    relative: bool

    @classmethod
    def of(cls, ticks: float | None, bps: float | None, tick: float | None) -> Distance:
        """Return what the arguments of a measure say.

        Raises:
            ValueError: not exactly one of ``ticks`` and ``bps``, ``ticks`` without ``tick``, or one not above 0.
        """
        if (ticks is None) == (bps is None):
            raise ValueError(f"give one of ticks= and bps=, not ticks={ticks!r} and bps={bps!r}")
        if ticks is None:
            return cls(as_positive(bps, "bps") / 1e4, True)
        if tick is None:
            raise ValueError("ticks= needs tick=, the size of one")
        return cls(as_positive(ticks, "ticks") * as_positive(tick, "tick"), False)

    def from_price(self, price: float) -> float | None:
        """Return the distance in units of price, None for basis points of a price that is not above 0."""
        if not self.relative:
            return self.size
        return price * self.size if price > 0 else None


def rounding_of(price: float, away: float) -> float:
    """Return by how much rounding may have moved the sum of a price and a distance from it.

    ``100 + 7 * 0.01`` is not quite 100.07 in floats.
    """
    return ROUNDING * max(abs(price), away)
