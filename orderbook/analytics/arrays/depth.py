"""Depth in bands and slopes over many rows at once: the array forms of :mod:`orderbook.analytics.depth`."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from orderbook.analytics._arguments import SideLike, as_side
from orderbook.analytics.arrays._rows import NAN, Floats, as_flags, as_levels, as_row, in_blocks
from orderbook.analytics.arrays.cost import best_levels, clean
from orderbook.analytics.arrays.prices import first_column
from orderbook.analytics.prices import ROUNDING
from orderbook.types import Side

__all__ = ("Bands", "depth_bands", "depth_slope", "quote_slope", "shape_exponent", "slope_ns")

Bools: TypeAlias = npt.NDArray[np.bool_]


class Bands(NamedTuple):
    """What rests within bands around a price: (T, K) each, cumulative; per bin: ``np.diff(bands.size, prepend=0)``.

    Sizes, money, numbers of levels, and whether the row shows every level of the band; where it does not, the rest is a
    lower bound.
    """

    size: Floats
    quote: Floats
    levels: Floats
    complete: Bools


def depth_bands(
    px: npt.ArrayLike,
    sz: npt.ArrayLike,
    ref: npt.ArrayLike,
    bps: npt.ArrayLike,
    side: SideLike,
    *,
    known: npt.ArrayLike | None = None,
) -> Bands:
    """Return what rests on a side of the book within each of K distances from ``ref``, in basis points of it. O(T N K).

    (T, N) to (T, K). Bids at ``ref * (1 - bps / 1e4)`` or above, asks at ``ref * (1 + bps / 1e4)`` or below; the bound
    is inclusive, and a level that rounding alone puts outside is inside (1e-12 of the price). ``ref`` is a number or
    one a row: the mid, the side's own best price, a micro-price. NaN where it is not a finite number above 0. ``known``
    (T,), such as ``panel.asks_known``: where it is True and a row has room left, there are no more levels than are
    shown.

    Raises:
        ValueError: shapes that do not fit, a distance that is not above 0, or not a side.

    >>> bands = depth_bands([[100.02, 100.03, 100.06]], [[15, 5, 40]], 100.01, [1, 2, 3, 5], "ask")
    >>> bands.size, bands.complete
    (array([[15., 20., 20., 60.]]), array([[ True,  True,  True, False]]))
    """
    prices, sizes = best_levels(px, sz)
    widths = np.atleast_1d(np.asarray(bps, np.float64))
    if widths.ndim != 1 or not ((widths > 0) & (widths < np.inf)).all():
        raise ValueError(f"bps are one or more distances above 0, not {bps!r}")
    kernel = partial(_depth_bands, widths=widths, side=as_side(side))
    reference = as_row(ref, len(prices), "ref")
    shape = (4, len(widths))
    found = in_blocks(kernel, prices, sizes, reference, as_flags(known, len(prices), "known"), shape=shape)
    return Bands(found[:, 0], found[:, 1], found[:, 2], found[:, 3] > 0)


def _depth_bands(px: Floats, sz: Floats, ref: Floats, known: Bools, widths: Floats, side: Side) -> Floats:
    p, q = clean(px, sz)
    there = q > 0
    away = np.where(there, (ref - p) * side, np.inf)
    money, all_shown = p * q, known & ~there[-1]
    # Absent levels are infinitely far, so they have to be kept from being the farthest one seen.
    farthest = np.where(there, away, -np.inf).max(0)
    out = np.empty((len(px), 4, len(widths)))
    for k, width in enumerate(widths):
        limit = ref * (width / 1e4)
        slack = ROUNDING * np.fmax(ref, limit)
        inside = away <= limit + slack
        out[:, 0, k] = np.where(inside, q, 0).sum(0)
        out[:, 1, k] = np.where(inside, money, 0).sum(0)
        out[:, 2, k] = inside.sum(0)
        out[:, 3, k] = (farthest >= limit - slack) | all_shown
    undefined = ~((ref > 0) & (ref < np.inf))
    out[undefined, :3] = NAN
    out[undefined, 3] = 0
    return out


# ---- slope and shape -------------------------------------------------------------------------------------------------


def slope_ns(
    px: npt.ArrayLike, sz: npt.ArrayLike, mid: npt.ArrayLike, side: SideLike, depth: int | None = None
) -> Floats:
    """Return the slope of a side of the book by Naes and Skjeltorp (2006). (T, N) to (T,), O(T N).

    ``(v_1 / (d_1 / m) + sum_k (v_{k+1} / v_k - 1) / |p_{k+1} / p_k - 1|) / K`` with ``v_k`` the logarithm of the size
    up to level k and ``d_1`` the distance of the best price from the mid ``m``. The slope of the book is the mean of
    its sides. **It has ln(size) in it**: fix a unit. NaN where the best size is not above 1 or the best price not
    beyond the mid.

    Raises:
        ValueError: shapes that do not fit, not a side, or ``depth`` below 1.

    >>> slope_ns([[100.02, 100.03, 100.06]], [[15, 5, 40]], 100.01, "ask").round(5)
    array([9789.51011])
    """
    return _one_side(_slope_ns, px, sz, mid, side, depth)


def _slope_ns(px: Floats, sz: Floats, mid: Floats, side: Side) -> Floats:
    p, q = clean(px, sz)
    there = q > 0
    away = side * (mid - p[0])
    total = np.cumsum(q, 0)
    # ln(Q + q) / ln(Q) - 1, without taking the difference of two numbers that are nearly one.
    grown = np.log1p(q[1:] / total[:-1]) / np.log(total[:-1])
    steps = grown / (np.abs(p[1:] - p[:-1]) / p[:-1])
    value = np.log(total[0]) / (away / mid) + np.where(there[1:], steps, 0).sum(0)
    defined = (mid > 0) & (away > 0) & (total[0] > 1) & ((p > 0) | ~there).all(0)
    return np.where(defined, value / there.sum(0), NAN)


def depth_slope(
    px: npt.ArrayLike, sz: npt.ArrayLike, mid: npt.ArrayLike, side: SideLike, depth: int | None = None
) -> Floats:
    """Return size per unit of price: the size up to the last of the levels over its distance from the mid. O(T N).

    (T, N) to (T,). The measure "dggw" of :func:`orderbook.analytics.slope`. NaN where that level is not beyond the mid.

    Raises:
        ValueError: shapes that do not fit, not a side, or ``depth`` below 1.

    >>> depth_slope([[100.02, 100.03, 100.06]], [[15, 5, 40]], 100.01, "ask").round(6)
    array([1200.])
    """
    return _one_side(_depth_slope, px, sz, mid, side, depth)


def _depth_slope(px: Floats, sz: Floats, mid: Floats, side: Side) -> Floats:
    p, q = clean(px, sz)
    count = (q > 0).sum(0)
    away = side * (mid - p[np.maximum(count - 1, 0), np.arange(len(mid))])
    return np.where((away > 0) & (count > 0), q.sum(0) / away, NAN)


def shape_exponent(
    px: npt.ArrayLike, sz: npt.ArrayLike, mid: npt.ArrayLike, side: SideLike, depth: int | None = None
) -> Floats:
    """Return g of the least-squares fit ``ln Q = g ln d + c``: how depth gathers away from the mid. O(T N).

    (T, N) to (T,), a definition of ours: ``Q`` is the size up to a level, ``d`` its distance from the mid. Above 1,
    depth gathers faster away from the touch. NaN with fewer than 3 levels, or where the best price is not beyond the
    mid.

    Raises:
        ValueError: shapes that do not fit, not a side, or ``depth`` below 1.

    >>> shape_exponent([[100.02, 100.03, 100.06]], [[15, 5, 40]], 100.01, "ask").round(6)
    array([0.879007])
    """
    return _one_side(_shape_exponent, px, sz, mid, side, depth)


def _shape_exponent(px: Floats, sz: Floats, mid: Floats, side: Side) -> Floats:
    p, q = clean(px, sz)
    there = q > 0
    count = there.sum(0)
    away = side * (mid - p)
    x, y = np.where(there, np.log(away), 0), np.where(there, np.log(np.cumsum(q, 0)), 0)
    dx, dy = np.where(there, x - x.sum(0) / count, 0), y - y.sum(0) / count
    defined = (count >= 3) & (away[0] > 0)
    return np.where(defined, (dx * dy).sum(0) / (dx * dx).sum(0), NAN)


def _one_side(
    kernel: Callable[..., Floats],
    px: npt.ArrayLike,
    sz: npt.ArrayLike,
    mid: npt.ArrayLike,
    side: SideLike,
    depth: int | None,
) -> Floats:
    prices, sizes = best_levels(px, sz, depth)
    return in_blocks(partial(kernel, side=as_side(side)), prices, sizes, as_row(mid, len(prices), "mid"))


def quote_slope(
    bid_px: npt.ArrayLike, bid_sz: npt.ArrayLike, ask_px: npt.ArrayLike, ask_sz: npt.ArrayLike, *, log: bool = False
) -> Floats:
    """Return the quote slope of Hasbrouck and Seppi (2001): the spread over the logarithms of the best sizes. O(T).

    ``(ask - bid) / (ln ask size + ln bid size)``, with ``ln(ask / bid)`` on top where ``log`` is set. (T,) or (T, N) to
    (T,); only the best level counts. NaN where a side is empty or the product of the sizes is not above 1.

    Raises:
        ValueError: shapes that do not fit.

    >>> quote_slope([100.00], [5], [100.02], [15]).round(8)
    array([0.00463232])
    """
    grids = (*as_levels(bid_px, bid_sz), *as_levels(ask_px, ask_sz))
    columns = [first_column(grid) for grid in grids]
    return in_blocks(partial(_quote_slope, log=log), *columns)


def _quote_slope(bid: Floats, bid_size: Floats, ask: Floats, ask_size: Floats, log: bool) -> Floats:
    below = np.log(bid_size) + np.log(ask_size)
    above = np.log1p((ask - bid) / bid) if log else ask - bid
    defined = (bid_size > 0) & (ask_size > 0) & (below > 0)
    if log:
        defined &= (bid > 0) & (ask > 0)
    return np.where(defined, above / below, NAN)
