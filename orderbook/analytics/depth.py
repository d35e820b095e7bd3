"""How much rests near the price, and how the book thickens away from it."""

from __future__ import annotations

import math
from typing import Literal, NamedTuple, TypeAlias

from orderbook.analytics._arguments import as_count, as_finite, one_of
from orderbook.analytics._levels import BookLike, Levels, Reference, best_of, is_known_to, levels_of, mid_of
from orderbook.analytics.cost import Distance, levels_within, rounding_of
from orderbook.types import Side

__all__ = ("DepthWithin", "Slope", "depth_within", "slope")

SlopeKind: TypeAlias = Literal["ns", "hs", "log_hs", "dggw", "shape"]
"""Naes and Skjeltorp; Hasbrouck and Seppi, of prices or of their logarithms; depth over distance; the exponent."""


class DepthWithin(NamedTuple):
    """What rests within a distance (:func:`depth_within`): sizes, money, numbers of levels; None without a reference.

    ``complete_bid`` and ``complete_ask``: the book knows every level of the band. Where False the rest is a lower
    bound.
    """

    bid: float | None
    ask: float | None
    bid_quote: float | None
    ask_quote: float | None
    bid_levels: int | None
    ask_levels: int | None
    complete_bid: bool
    complete_ask: bool


class Slope(NamedTuple):
    """The slope of either side and of the book (:func:`slope`); None where it is undefined."""

    bid: float | None
    ask: float | None
    book: float | None


def depth_within(
    book: BookLike,
    *,
    bps: float | None = None,
    ticks: float | None = None,
    ref: Reference = "mid",
    tick: float | None = None,
) -> DepthWithin:
    """Return what rests within ``bps`` of a reference, or within ``ticks`` of size ``tick``; the bound is inclusive.

    Bids at ``ref - distance`` or above, asks at ``ref + distance`` or below. ``ref`` is the mid, the side's own best
    price ("best"), or a price such as a micro-price. A level that rounding alone puts outside is inside (1e-12 of the
    price). None where there is no reference, and for ``bps`` of one that is not above 0. O(levels in the band).

    Raises:
        ValueError: not exactly one of ``bps`` and ``ticks``, ``ticks`` without ``tick``, one not above 0, or no such
            ``ref``.

    >>> import orderbook as ob
    >>> book = ob.L2Book()
    >>> bids, asks = [("100.00", 5), ("99.99", 10), ("99.97", 20)], [("100.02", 15), ("100.03", 5), ("100.06", 40)]
    >>> book.apply_snapshot(bids, asks, complete=False)
    >>> within = depth_within(book, bps=3)
    >>> within.bid, within.ask, within.bid_levels, within.complete_ask
    (15.0, 20.0, 2, True)
    >>> depth_within(book, bps=5).ask, depth_within(book, bps=5).complete_ask  # a lower bound
    (60.0, False)
    """
    distance = Distance.of(ticks, bps, tick)
    if isinstance(ref, str):
        one_of(ref, Literal["mid", "best"], "ref, where it is no price,")
    else:
        ref = as_finite(ref, "ref")
    sides = []
    for side in (Side.BID, Side.ASK):
        reference = _reference(book, side, ref)
        away = None if reference is None else distance.from_price(reference)
        sides.append(None if reference is None or away is None else _band(book, side, reference, away))
    bid, ask = (_Band(None, None, None, False) if band is None else band for band in sides)
    return DepthWithin(bid.size, ask.size, bid.quote, ask.quote, bid.levels, ask.levels, bid.complete, ask.complete)


class _Band(NamedTuple):
    size: float | None
    quote: float | None
    levels: int | None
    complete: bool


def _reference(book: BookLike, side: Side, ref: Reference) -> float | None:
    if ref == "mid":
        return mid_of(book)
    if ref == "best":
        best = levels_of(book, side, 1)
        return best[0][0] if best else None
    return ref


def _band(book: BookLike, side: Side, reference: float, away: float) -> _Band:
    limit, slack = reference - side * away, side * rounding_of(reference, away)
    rows = levels_within(book, side, limit - slack)
    size, quote = sum(size for _, size in rows), sum(price * size for price, size in rows)
    return _Band(float(size), float(quote), len(rows), is_known_to(book, side, limit + slack))


# ---- slope and shape -------------------------------------------------------------------------------------------------


def slope(book: BookLike, kind: SlopeKind = "ns", depth: int | None = None) -> Slope:
    """Return how steeply depth grows away from the mid, over the best ``depth`` levels a side (None: all). O(depth).

    With ``p_k`` and ``Q_k`` the price of level k and the size up to it, ``m`` the mid, ``d_k = |p_k - m|``, and K
    levels:

    * ``"ns"`` (Naes and Skjeltorp 2006), ``v_k = ln Q_k``:
      ``(v_1 / (d_1 / m) + sum_k (v_{k+1} / v_k - 1) / |p_{k+1} / p_k - 1|) / K``. **It has ln(size) in it**: lots and
      thousands of lots have different slopes, so fix a unit. Undefined where the best size is not above 1.
    * ``"hs"`` (Hasbrouck and Seppi 2001): ``(ask - bid) / (ln ask size + ln bid size)`` at the best prices, one number
      for the book; ``"log_hs"`` has ``ln(ask / bid)`` on top. Undefined where the product of the sizes is not above 1.
    * ``"dggw"``: ``Q_K / d_K``, size per unit of price.
    * ``"shape"``, a definition of ours: g of the least-squares fit ``ln Q = g ln d + c``. Above 1, depth gathers faster
      away from the touch. Needs 3 levels; does not depend on the unit of size.

    ``book`` is the mean of both sides. A side whose best price is not beyond the mid (locked, crossed) has no "ns" and
    no "shape"; a book without a mid has none at all.

    Raises:
        ValueError: an unknown ``kind``, or ``depth`` is below 1.

    >>> import orderbook as ob
    >>> book = ob.L2Book()
    >>> bids, asks = [("100.00", 5), ("99.99", 10), ("99.97", 20)], [("100.02", 15), ("100.03", 5), ("100.06", 40)]
    >>> book.apply_snapshot(bids, asks)
    >>> [round(value, 5) for value in slope(book)], round(slope(book, "hs").book, 10)
    ([8162.09994, 9789.51011, 8975.80503], 0.0046323231)
    """
    one_of(kind, SlopeKind, "kind")
    count = None if depth is None else as_count(depth, "depth")
    mid = mid_of(book)
    if kind in ("hs", "log_hs"):
        return Slope(None, None, _quote_slope(book, kind == "log_hs"))
    if mid is None:
        return Slope(None, None, None)
    bid, ask = (_SIDE_SLOPES[kind](levels_of(book, side, count), mid, side) for side in (Side.BID, Side.ASK))
    return Slope(bid, ask, None if bid is None or ask is None else (bid + ask) / 2)


def _slope_ns(rows: Levels, mid: float, side: Side) -> float | None:
    (best, total), away = rows[0], side * (mid - rows[0][0])
    if mid <= 0 or away <= 0 or total <= 1 or min(price for price, _ in rows) <= 0:
        return None
    value = math.log(total) / (away / mid)
    for price, size in rows[1:]:
        # ln(Q + q) / ln(Q) - 1, without taking the difference of two numbers that are nearly one.
        grown = math.log1p(size / total) / math.log(total)
        value += grown / (abs(price - best) / best)
        best, total = price, total + size
    return value / len(rows)


def _slope_dggw(rows: Levels, mid: float, side: Side) -> float | None:
    away = side * (mid - rows[-1][0])
    return sum(size for _, size in rows) / away if away > 0 else None


def _shape(rows: Levels, mid: float, side: Side) -> float | None:
    if len(rows) < 3 or side * (mid - rows[0][0]) <= 0:
        return None
    total, points = 0.0, []
    for price, size in rows:
        total += size
        points.append((math.log(side * (mid - price)), math.log(total)))
    mean_x, mean_y = (sum(values) / len(rows) for values in zip(*points, strict=True))
    top: float = sum((x - mean_x) * (y - mean_y) for x, y in points)
    below: float = sum((x - mean_x) ** 2 for x, _ in points)
    return top / below


_SIDE_SLOPES = {"ns": _slope_ns, "dggw": _slope_dggw, "shape": _shape}


def _quote_slope(book: BookLike, log: bool) -> float | None:
    best = best_of(book)
    if best is None:
        return None
    bid, bid_size, ask, ask_size = best
    below = math.log(bid_size) + math.log(ask_size)
    if below <= 0 or (log and min(bid, ask) <= 0):
        return None
    return (math.log1p((ask - bid) / bid) if log else ask - bid) / below
