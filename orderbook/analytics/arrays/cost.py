"""Averages, sweeps and their inverses over many rows at once: the array forms of :mod:`orderbook.analytics.cost`.

Functions of one side take its prices and sizes, (T, N) with column 0 the best, and the taker's side: "buy" with asks.
"""

from __future__ import annotations

import math
from functools import partial
from typing import Any, Final, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from orderbook.analytics._arguments import SideLike, Span, as_count, as_positive, as_side, one_of, span_ns
from orderbook.analytics.arrays._rows import (
    NAN,
    Array,
    Floats,
    as_flags,
    as_levels,
    as_row,
    in_blocks,
    present,
    same_rows,
)
from orderbook.analytics.arrays._windows import as_times
from orderbook.analytics.cost import SIZE_ROUNDING, By, Distance, OnPartial
from orderbook.analytics.prices import ROUNDING
from orderbook.types import Side

__all__ = (
    "SWEEP",
    "Answers",
    "level_vwap",
    "liquidity_score",
    "price_for_qty",
    "qty_for_price",
    "qty_to_move",
    "round_trip_bps",
    "sweep",
)

Bools: TypeAlias = npt.NDArray[np.bool_]

SWEEP: Final = np.dtype(
    {
        "names": [
            *("filled", "unfilled", "cost", "avg", "worst", "levels", "slip_mid_bps", "slip_best_bps"),
            *("last_level_fraction", "new_best", "mid_after", "impact", "complete", "known"),
        ],
        "formats": ["f8"] * 5 + ["i8"] + ["f8"] * 6 + ["?"] * 2,
    },
    align=True,
)
"""The fields of :func:`sweep`, those of :class:`orderbook.analytics.Sweep`."""


class Answers(NamedTuple):
    """A number a row, and whether the row shows its side as far as it had to be read: (T,) each.

    Where ``known`` is False there may be more levels than are seen: a quantity is then a lower bound, and a price that
    is NaN may exist.
    """

    value: Floats
    known: Bools


def level_vwap(px: npt.ArrayLike, sz: npt.ArrayLike, depth: int | None = None) -> Floats:
    """Return the size-weighted average price of the best ``depth`` levels (None: all). (T, N) to (T,), O(T N).

    ``sum(price * size) / sum(size)``; NaN in an empty row.

    Raises:
        ValueError: shapes that do not fit, or ``depth`` below 1.

    >>> level_vwap([[100.02, 100.03, 100.06]], [[15, 5, 40]]).round(10)
    array([100.0475])
    """
    prices, sizes = best_levels(px, sz, depth)
    return in_blocks(_level_vwap, prices, sizes)


def _level_vwap(px: Floats, sz: Floats) -> Floats:
    p, q = clean(px, sz)
    return np.asarray((p * q).sum(0) / q.sum(0))  # 0 / 0 is NaN: an empty row has no average


def sweep(
    px: npt.ArrayLike,
    sz: npt.ArrayLike,
    qty: npt.ArrayLike,
    side: SideLike,
    *,
    by: By = "base",
    on_partial: OnPartial = "nan",
    mid: npt.ArrayLike | None = None,
    known: npt.ArrayLike | None = None,
) -> Array:
    """Return what a marketable order gets in each row: a structured array (T,), fields as in :data:`SWEEP`. O(T N).

    The same as :func:`orderbook.analytics.sweep`, field by field; NaN for None. ``px`` and ``sz`` are the side that is
    taken, ``qty`` a number or one a row, ``by`` what it counts ("base" or "quote"). ``slip_mid_bps``, ``mid_after``
    and ``impact`` need the ``mid`` of each row. ``known`` (T,), such as ``panel.asks_known``: where it is True and a
    row has room left, there are no more levels than are shown; without it a row is taken to be cut after its last
    level.

    Raises:
        ValueError: shapes that do not fit, a quantity that is not above 0, not a side, or an unknown option.

    >>> ask_px, ask_sz = [[100.02, 100.03, 100.06]] * 2, [[15, 5, 40]] * 2
    >>> got = sweep(ask_px, ask_sz, [30, 100], "buy", mid=100.01)
    >>> got["avg"].round(6), got["filled"], got["complete"], got["slip_mid_bps"].round(7)
    (array([100.035,     nan]), array([30., 60.]), array([ True, False]), array([2.49975,     nan]))
    """
    prices, sizes = best_levels(px, sz)
    rows = len(prices)
    one_of(by, By, "by")
    one_of(on_partial, OnPartial, "on_partial")
    kernel = partial(_sweep, taker=as_side(side), by=by, on_partial=on_partial)
    middle = as_row(NAN if mid is None else mid, rows, "mid")
    return in_blocks(kernel, prices, sizes, quantities(qty, rows), middle, as_flags(known, rows, "known"), dtype=SWEEP)


def _sweep(
    px: Floats, sz: Floats, qty: Floats, mid: Floats, known: Bools, taker: Side, by: By, on_partial: OnPartial
) -> Array:
    fill = _fill(px, sz, qty, by)
    out = np.empty(len(qty), SWEEP)
    for name in ("filled", "cost", "worst", "levels", "new_best"):
        out[name] = getattr(fill, name)
    out["unfilled"], out["last_level_fraction"] = fill.left, fill.fraction
    out["complete"] = fill.left == 0
    out["avg"] = _average(fill, taker, by, on_partial)
    out["slip_mid_bps"] = _slip(out["avg"], mid, taker)
    out["slip_best_bps"] = _slip(out["avg"], fill.best, taker)
    out["impact"] = np.where(np.isnan(mid), NAN, (fill.new_best - fill.best) / 2)
    out["mid_after"] = mid + out["impact"]
    out["known"] = out["complete"] | (known & fill.has_room)
    return out


class _Fill(NamedTuple):
    """How far the order of each row got; ``left`` is in the units of the order."""

    filled: Floats
    left: Floats
    cost: Floats
    levels: npt.NDArray[np.int64]
    best: Floats
    worst: Floats
    fraction: Floats
    new_best: Floats
    has_room: Bools


class _Taken(NamedTuple):
    """What the order of each row takes of each level: (N, rows). ``offered`` and ``taken`` are in its own units."""

    price: Floats
    there: Bools
    offered: Floats
    taken: Floats
    base: Floats


def _take(px: Floats, sz: Floats, qty: Floats, by: By) -> _Taken:
    p, q = clean(px, sz)
    there = q > 0
    offered = q
    if by == "quote":
        # A price of 0 or below swallows any budget, so that nothing is left for the levels behind it.
        offered = np.where(there & (p <= 0), np.inf, p * q)
    before = np.zeros_like(offered)
    np.cumsum(offered[:-1], 0, out=before[1:])
    dust, left = SIZE_ROUNDING * qty, qty - before
    taken = np.where(left > dust, np.where(offered - left <= dust, offered, left), 0)
    if by == "base":
        return _Taken(p, there, offered, taken, taken)
    taken = np.where(p > 0, taken, 0)
    return _Taken(p, there, offered, taken, np.where(p > 0, taken / p, 0))


def _left(taken: Floats, qty: Floats) -> Floats:
    left = qty - taken.sum(0)
    return np.where(left > SIZE_ROUNDING * qty, left, 0)


def _fill(px: Floats, sz: Floats, qty: Floats, by: By) -> _Fill:
    p, there, offered, taken, base = _take(px, sz, qty, by)
    depth, rows = p.shape[0], np.arange(p.shape[1])
    levels = (taken > 0).sum(0)
    last, behind = np.maximum(levels - 1, 0), np.minimum(levels, depth - 1)
    worst = np.where(levels > 0, p[last, rows], NAN)
    fraction = np.where(levels > 0, taken[last, rows] / offered[last, rows], NAN)
    following = np.where((levels < depth) & there[behind, rows], p[behind, rows], NAN)
    return _Fill(
        filled=base.sum(0),
        left=_left(taken, qty),
        cost=(base * p).sum(0),
        levels=levels,
        best=np.where(there[0], p[0], NAN),
        worst=worst,
        fraction=fraction,
        new_best=np.where(fraction < 1, worst, following),
        has_room=~there[-1],
    )


def _average(fill: _Fill, taker: Side, by: By, on_partial: OnPartial) -> Floats:
    avg = np.where(fill.filled > 0, fill.cost / fill.filled, NAN)
    if on_partial == "partial":
        return avg
    rest: Any = NAN
    if on_partial == "inf":
        rest = taker * math.inf
    elif on_partial == "worst" and by == "quote":
        rest = (fill.cost + fill.left) / (fill.filled + fill.left / fill.worst)
    elif on_partial == "worst":
        rest = (fill.cost + fill.left * fill.worst) / (fill.filled + fill.left)
    return np.where(fill.left == 0, avg, rest)


def _slip(avg: Floats, reference: Floats, taker: Side) -> Floats:
    return np.where(reference > 0, taker * 1e4 * (avg - reference) / reference, NAN)


# ---- inverses of a sweep ---------------------------------------------------------------------------------------------


def price_for_qty(
    px: npt.ArrayLike, sz: npt.ArrayLike, qty: npt.ArrayLike, *, known: npt.ArrayLike | None = None
) -> Answers:
    """Return the price that a marketable order for ``qty`` must be ready to pay: of the last level it touches. O(T N).

    (T, N) to (T,); NaN where the levels do not suffice. ``known`` as for :func:`sweep`.

    Raises:
        ValueError: shapes that do not fit, or a quantity that is not above 0.

    >>> price_for_qty([[100.02, 100.03]] * 2, [[15, 5]] * 2, [16, 21])
    Answers(value=array([100.03,    nan]), known=array([ True, False]))
    """
    prices, sizes = best_levels(px, sz)
    wanted = quantities(qty, len(prices))
    found = in_blocks(_price_for_qty, prices, sizes, wanted, as_flags(known, len(prices), "known"), shape=(2,))
    return Answers(found[:, 0], found[:, 1] > 0)


def _price_for_qty(px: Floats, sz: Floats, qty: Floats, known: Bools) -> Floats:
    fill = _fill(px, sz, qty, "base")
    complete = fill.left == 0
    return np.stack([np.where(complete, fill.worst, NAN), complete | (known & fill.has_room)], 1)


def qty_for_price(
    px: npt.ArrayLike, sz: npt.ArrayLike, limit: npt.ArrayLike, side: SideLike, *, known: npt.ArrayLike | None = None
) -> Answers:
    """Return how much a marketable limit order at ``limit`` can take: all sizes at that price or better. O(T N).

    (T, N) to (T,). 0 where nothing is so cheap, an empty row included; NaN where ``limit`` is not finite. ``side`` is
    the taker's: "buy" counts asks at ``limit`` or below. ``known`` as for :func:`sweep`.

    Raises:
        ValueError: shapes that do not fit, or not a side.

    >>> qty_for_price([[100.02, 100.03, 100.06]], [[15, 5, 40]], 100.03, "buy")
    Answers(value=array([20.]), known=array([ True]))
    """
    prices, sizes = best_levels(px, sz)
    bound = as_row(limit, len(prices), "limit")
    bound = np.where(np.isfinite(bound), bound, NAN)
    resting = as_side(side).opposite
    slack = resting * ROUNDING * np.abs(bound)
    return _size_to(prices, sizes, bound - slack, bound + slack, resting, as_flags(known, len(prices), "known"))


def qty_to_move(
    px: npt.ArrayLike,
    sz: npt.ArrayLike,
    side: SideLike,
    *,
    ticks: float | None = None,
    bps: float | None = None,
    tick: float | None = None,
    known: npt.ArrayLike | None = None,
) -> Answers:
    """Return how much must be taken to move the best price by at least ``ticks`` of size ``tick``, or by ``bps`` of it.

    (T, N) to (T,), O(T N): all sizes at prices nearer to the best than that. ``side`` is the taker's. NaN in an empty
    row, and for ``bps`` of a best price that is not above 0. ``known`` as for :func:`sweep`.

    Raises:
        ValueError: shapes that do not fit, not a side, not exactly one of ``ticks`` and ``bps``, ``ticks`` without
            ``tick``, or one not above 0.

    >>> qty_to_move([[100.02, 100.03, 100.06]], [[15, 5, 40]], "buy", ticks=2, tick=0.01)
    Answers(value=array([20.]), known=array([ True]))
    """
    prices, sizes = best_levels(px, sz)
    resting, distance = as_side(side).opposite, Distance.of(ticks, bps, tick)
    first = np.where(present(prices[:, 0], sizes[:, 0]), prices[:, 0], NAN)
    away = np.where(first > 0, first * distance.size, NAN) if distance.relative else np.full(len(first), distance.size)
    nearer = first - resting * (away - ROUNDING * np.fmax(np.abs(first), away))
    flags = as_flags(known, len(prices), "known")
    found = _size_to(prices, sizes, nearer, nearer, resting, flags)
    # Where there is no best price, or no distance from it, only a side without more levels is known.
    return Answers(found.value, np.where(np.isnan(nearer), flags & ~present(prices[:, -1], sizes[:, -1]), found.known))


def _size_to(px: Floats, sz: Floats, limit: Floats, inner: Floats, resting: Side, known: Bools) -> Answers:
    found = in_blocks(partial(_size_to_kernel, resting=resting), px, sz, limit, inner, known, shape=(2,))
    return Answers(found[:, 0], found[:, 1] > 0)


def _size_to_kernel(px: Floats, sz: Floats, limit: Floats, inner: Floats, known: Bools, resting: Side) -> Floats:
    p, q = clean(px, sz)
    there = q > 0
    size = np.where((p - limit) * resting >= 0, q, 0).sum(0)
    # Every level up to a price is shown where a level at it or behind it is, or where there are no more.
    seen = (there & ((inner - p) * resting >= 0)).any(0) | (known & ~there[-1])
    return np.stack([np.where(np.isnan(limit), NAN, size), seen], 1)


# ---- liquidity -------------------------------------------------------------------------------------------------------


def round_trip_bps(
    bid_px: npt.ArrayLike, bid_sz: npt.ArrayLike, ask_px: npt.ArrayLike, ask_sz: npt.ArrayLike, notional: npt.ArrayLike
) -> Floats:
    """Return the cost of buying and selling for ``notional`` at once, in basis points of the mid (XLM). O(T N).

    ``1e4 * (average ask - average bid) / mid``, (T, N) to (T,); ``notional`` is a number or one a row. NaN where a side
    cannot fill it, and without a mid above 0. Deutsche Boerse publishes this measure as XLM.

    Raises:
        ValueError: shapes that do not fit, or a notional that is not above 0.

    >>> bids, asks = ([[100.00, 99.99, 99.97]], [[5, 10, 20]]), ([[100.02, 100.03, 100.06]], [[15, 5, 40]])
    >>> round_trip_bps(*bids, *asks, 2_500).round(7)
    array([4.5988644])
    """
    bids, asks = best_levels(bid_px, bid_sz), best_levels(ask_px, ask_sz)
    rows = same_rows(*bids, *asks)
    return in_blocks(_round_trip_bps, *bids, *asks, quantities(notional, rows, "notional"))


def _round_trip_bps(bid_px: Floats, bid_sz: Floats, ask_px: Floats, ask_sz: Floats, money: Floats) -> Floats:
    (bid, bid_avg), (ask, ask_avg) = (_budget(px, sz, money) for px, sz in ((bid_px, bid_sz), (ask_px, ask_sz)))
    mid = (bid + ask) / 2
    return np.where(mid > 0, 1e4 * (ask_avg - bid_avg) / mid, NAN)


def _budget(px: Floats, sz: Floats, money: Floats) -> tuple[Floats, Floats]:
    """The best price of each row, and the average price for all of the money."""
    p, there, _, taken, base = _take(px, sz, money, "quote")
    avg = np.where(_left(taken, money) == 0, (base * p).sum(0) / base.sum(0), NAN)
    return np.where(there[0], p[0], NAN), avg


def liquidity_score(
    cost_bps: npt.ArrayLike, ts: npt.ArrayLike, window: Span, *, reset: npt.ArrayLike | None = None
) -> Floats:
    """Return how cheap each row is against the rows of the ``window`` before it: 0 dearest, 100 cheapest.

    (T,) costs of :func:`round_trip_bps` and times (int ns UTC) to (T,): the share of earlier rows with a time after
    ``ts - window`` that were dearer, equal ones counted by half, times 100. It never looks ahead. NaN where the cost
    is, and where no earlier row has one. A window does not reach back beyond a ``reset``. O(T log T) time, O(T)
    memory, however long the window.

    Raises:
        ValueError: shapes that do not fit, times that fall, or a window that is not above 0.
        TypeError: ``ts`` holds neither whole numbers nor ``datetime64``.

    >>> liquidity_score([4.0, 6.0, 5.0], [0, 1, 2], window=10)
    array([nan,  0., 50.])
    """
    cost, times = np.asarray(cost_bps, np.float64), as_times(ts, "ts")
    if cost.shape != times.shape:
        raise ValueError(f"cost_bps and ts have one value a row, not the shapes {cost.shape} and {times.shape}")
    section = np.cumsum(as_flags(reset, len(cost)))
    there = np.flatnonzero(~np.isnan(cost))
    kept = times[there]
    opens = np.searchsorted(section[there], section[there])
    starts = np.maximum(np.searchsorted(kept, kept - span_ns(window), side="right"), opens)
    ends = np.arange(len(there))
    less, equal = _counts_below(np.unique(cost[there], return_inverse=True)[1], starts, ends)
    out = np.full(len(cost), NAN)
    with np.errstate(invalid="ignore"):  # 0 / 0: nothing to compare with
        out[there] = 100 * ((ends - starts - less - equal) + equal / 2) / (ends - starts)
    return out


def _counts_below(ranks: Array, starts: Array, ends: Array) -> tuple[Array, Array]:
    """For each i, how many of ``ranks[starts[i]:ends[i]]`` are below ``ranks[i]``, and how many are equal to it.

    A wavelet matrix walked down bit by bit, by all queries together: of those whose higher bits agree, the ones with a
    0 where the query has a 1 are below it. Only one level of the matrix is ever kept.
    """
    values, order = ranks, ranks
    low, high = starts, ends
    less = np.zeros(len(ranks), np.int64)
    for bit in reversed(range(int(ranks.max(initial=0)).bit_length())):
        ones = (order >> bit) & 1
        zeros = np.concatenate([[0], np.cumsum(1 - ones)])
        own = ((values >> bit) & 1).astype(bool)
        low_zeros, high_zeros = zeros[low], zeros[high]
        less += np.where(own, high_zeros - low_zeros, 0)
        low = np.where(own, zeros[-1] + low - low_zeros, low_zeros)
        high = np.where(own, zeros[-1] + high - high_zeros, high_zeros)
        order = np.concatenate([order[ones == 0], order[ones == 1]])
    return less, high - low


# ---- shared by the measures of cost and depth ------------------------------------------------------------------------


def best_levels(px: npt.ArrayLike, sz: npt.ArrayLike, depth: int | None = None) -> tuple[Floats, Floats]:
    """Return the first ``depth`` columns of both (None: all) as (T, N) float64; one of absent levels if there is none.

    The kernels look at the first and the last level of a row.
    """
    prices, sizes = as_levels(px, sz)
    count = None if depth is None else as_count(depth, "depth")
    if not prices.shape[1]:
        return np.full((len(prices), 1), NAN), np.zeros((len(prices), 1))
    return prices[:, :count], sizes[:, :count]


def clean(px: Floats, sz: Floats) -> tuple[Floats, Floats]:
    """Return prices and sizes levels first, (N, rows), with 0 for both where a level is absent.

    A NaN would spoil the sums; and along the first axis they are additions of whole rows, several times as fast.
    """
    p, q = np.ascontiguousarray(px.T), np.ascontiguousarray(sz.T)
    there = present(p, q)
    return (p, q) if there.all() else (np.where(there, p, 0), np.where(there, q, 0))


def quantities(values: npt.ArrayLike, rows: int, name: str = "qty") -> Floats:
    """Return one quantity a row.

    Raises:
        ValueError: one is not a finite number above 0, or they are not as many as the rows.
    """
    if np.ndim(values) == 0:
        return as_row(as_positive(values, name), rows, name)
    given = as_row(values, rows, name)
    if not ((given > 0) & (given < np.inf)).all():
        raise ValueError(f"{name} is a number above 0 in every row")
    return given
