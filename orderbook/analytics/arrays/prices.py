"""Prices of many books at once: (T, N) levels or (T,) best prices in, (T,) float64 out, NaN where undefined.

The definitions are those of :mod:`orderbook.analytics.prices`, which has the same functions for one book. Column 0 is
the best level; an absent level is price NaN and size 0 (a size of 0 or less is absent even with a price), at the right
end only: :func:`compact` makes it so. Everything is O(T N) time, in blocks of rows, and needs no memory but the result.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from orderbook.analytics._arguments import as_count, as_positive, as_tick, one_of
from orderbook.analytics.arrays._rows import (
    NAN,
    Array,
    Floats,
    as_flags,
    as_grid,
    as_levels,
    in_blocks,
    present,
    row_sums,
    same_rows,
)
from orderbook.analytics.arrays._windows import as_times
from orderbook.analytics.prices import ROUNDING, SpreadUnit, slack_of
from orderbook.types import INT64_MIN, BookState

__all__ = (
    "book_state",
    "compact",
    "depth_price",
    "effective_vamp",
    "mid",
    "spread",
    "time_weighted_mean",
    "to_ticks",
    "vamp",
    "weighted_mid",
)


_EXACT: Final = 2.0**53
"""Up to here a float64 tells two whole numbers apart."""


def first_column(grid: Floats) -> Floats:
    """Return the best level of each row, NaN where the grid has no level at all."""
    return grid[:, 0] if grid.shape[1] else np.full(len(grid), NAN)


def first_columns(grid: Floats, depth: int | None) -> Floats:
    """Return the best ``depth`` levels of each row (None: all), not copied."""
    return grid if depth is None else grid[:, : as_count(depth, "depth")]


def four_grids(
    bid_px: npt.ArrayLike, bid_sz: npt.ArrayLike, ask_px: npt.ArrayLike, ask_sz: npt.ArrayLike, depth: int | None
) -> tuple[Floats, Floats, Floats, Floats]:
    """Return the best ``depth`` levels of both sides as the kernels take them.

    Raises:
        ValueError: shapes that do not fit together, or ``depth`` below 1.
    """
    grids = (*as_levels(bid_px, bid_sz), *as_levels(ask_px, ask_sz))
    same_rows(*grids)
    bids, held, asks, offered = (first_columns(grid, depth) for grid in grids)
    return bids, held, asks, offered


def sizes_of(px: Floats, sz: Floats) -> Floats:
    """Return the sizes, 0 where a level is absent."""
    return np.where(present(px, sz), sz, 0.0)


def best_price(px: Floats, sz: Floats) -> Floats:
    """Return the best price of each row, NaN where that level is absent."""
    return np.where(present(first_column(px), first_column(sz)), first_column(px), NAN)


def sizes_near(
    bid_px: Floats, bid_sz: Floats, ask_px: Floats, ask_sz: Floats, within_bps: float
) -> tuple[Floats, Floats]:
    """Return the sizes within a band around the mid, 0 outside, and everywhere where the mid is not above 0."""
    centre = (best_price(bid_px, bid_sz) + best_price(ask_px, ask_sz)) / 2
    centre = np.where(centre > 0, centre, NAN)[:, None]
    reach = centre * (within_bps / 1e4 + ROUNDING)
    bids, asks = sizes_of(bid_px, bid_sz), sizes_of(ask_px, ask_sz)
    return np.where(bid_px >= centre - reach, bids, 0.0), np.where(ask_px <= centre + reach, asks, 0.0)


def _value(px: Floats, sizes: Floats) -> Floats:
    # NaN * 0 of an absent level would spoil the sum.
    return row_sums(np.where(sizes > 0, px * sizes, 0.0))


def book_state(
    bid_px: npt.ArrayLike, bid_sz: npt.ArrayLike, ask_px: npt.ArrayLike, ask_sz: npt.ArrayLike
) -> npt.NDArray[np.uint8]:
    """Return the code of :class:`orderbook.BookState` of each row, (T,) uint8. O(T).

    0 normal, 1 no bid, 2 no ask, 3 empty, 4 locked, 5 crossed. Never 6, stale: that a row is out of date cannot be seen
    in it (an :class:`orderbook.Panel` carries it in ``state``). Only the best level counts.

    Raises:
        ValueError: shapes that do not fit together.

    >>> book_state([100.00, 100.02, 100.03], [5, 0, 5], [100.02, 100.02, 100.02], [1, 1, 1]).tolist()
    [0, 1, 5]
    """

    def kernel(bid_px: Floats, bid_sz: Floats, ask_px: Floats, ask_sz: Floats) -> Array:
        bid, ask = best_price(bid_px, bid_sz), best_price(ask_px, ask_sz)
        missing = np.isnan(bid) * int(BookState.NO_BID) + np.isnan(ask) * int(BookState.NO_ASK)
        return np.where(bid > ask, int(BookState.CROSSED), np.where(bid == ask, int(BookState.LOCKED), missing))

    return in_blocks(kernel, *four_grids(bid_px, bid_sz, ask_px, ask_sz, 1), dtype=np.uint8)


def mid(bid_px: npt.ArrayLike, ask_px: npt.ArrayLike) -> Floats:
    """Return half way between the best prices, ``m = (a + b) / 2``, NaN where a price is. O(T).

    (T, N) prices are read in column 0. Sizes are not looked at: a level of size 0 must have the price NaN here.

    Raises:
        ValueError: shapes that do not fit together.

    >>> mid([100.00, float("nan")], [100.50, 100.50]).tolist()
    [100.25, nan]
    """
    return in_blocks(lambda bid, ask: _finite((bid + ask) / 2), *_best_prices(bid_px, ask_px))


def spread(
    bid_px: npt.ArrayLike, ask_px: npt.ArrayLike, unit: SpreadUnit = "price", *, tick: float | None = None
) -> Floats:
    """Return best ask minus best bid of each row: negative when crossed, 0 when locked, NaN where a price is. O(T).

    * ``price``: ``a - b``;
    * ``ticks``: ``rint((a - b) / tick)``; the one unit that needs ``tick``;
    * ``bps``: ``1e4 (a - b) / m``, the quoted spread; NaN when the mid ``m`` is not above 0;
    * ``log_bps``: ``1e4 ln(a / b)``; NaN when a price is not above 0.

    (T, N) prices are read in column 0. Do not average over rows: rows are updates, which come in clusters; use
    :func:`time_weighted_mean`.

    Raises:
        ValueError: no such unit; ``tick`` is missing or not above 0; a spread is not on the grid of ``tick``, by more
            than 1e-6 ticks and what rounding explains; shapes that do not fit together.

    >>> spread([100.00, 100.02], [100.02, 100.01], "ticks", tick=0.01).tolist()
    [2.0, -1.0]
    """
    one_of(unit, SpreadUnit, "unit")
    step = as_tick(tick) if unit == "ticks" else 1.0

    def kernel(bid: Floats, ask: Floats) -> Floats:
        if unit == "price":
            return _finite(ask - bid)
        if unit == "ticks":
            return _whole(_finite(ask - bid), step, slack_of(np.abs(bid) + np.abs(ask), step), "spread")
        if unit == "bps":
            return _finite(np.where(ask + bid > 0, 1e4 * (ask - bid) / ((ask + bid) / 2), NAN))
        return _finite(np.where(np.minimum(bid, ask) > 0, 1e4 * np.log1p((ask - bid) / bid), NAN))

    return in_blocks(kernel, *_best_prices(bid_px, ask_px))


def _best_prices(bid_px: npt.ArrayLike, ask_px: npt.ArrayLike) -> tuple[Floats, Floats]:
    return first_column(as_grid(bid_px, "bid_px")), first_column(as_grid(ask_px, "ask_px"))


def _finite(values: Floats) -> Floats:
    return np.where(np.isfinite(values), values, NAN)


def _whole(values: Floats, tick: float, slack: Floats, what: str) -> Floats:
    """Whole ticks, NaN where a value is, refused where rounding would move one by more than the slack."""
    exact = values / tick
    ticks = np.rint(exact)
    wrong = np.abs(exact - ticks) > slack
    if wrong.any():
        raise ValueError(f"a {what} of {float(values[wrong][0])!r} is no whole number of ticks of {tick!r}")
    return ticks


def weighted_mid(
    bid_px: npt.ArrayLike, bid_sz: npt.ArrayLike, ask_px: npt.ArrayLike, ask_sz: npt.ArrayLike, depth: int | None = 1
) -> Floats:
    """Return the mid pulled towards the side with less size, NaN where a side is absent. O(T depth).

    ``W = (b A + a B) / (A + B)`` with the best prices and the sizes of the best ``depth`` levels (None: all columns);
    see :func:`orderbook.analytics.weighted_mid`. It is not the micro-price of Stoikov (2018).

    Raises:
        ValueError: ``depth`` is below 1, or shapes that do not fit together.
        TypeError: ``depth`` is not a whole number.

    >>> weighted_mid([100.0], [5], [102.0], [15]).tolist()
    [100.5]
    """

    def kernel(bid_px: Floats, bid_sz: Floats, ask_px: Floats, ask_sz: Floats) -> Floats:
        bids, asks = sizes_of(bid_px, bid_sz), sizes_of(ask_px, ask_sz)
        bid, ask = first_column(bid_px), first_column(ask_px)
        held, offered = row_sums(bids), row_sums(asks)
        both = (first_column(bids) > 0) & (first_column(asks) > 0)
        return np.where(both, bid + (ask - bid) * held / (held + offered), NAN)

    return in_blocks(kernel, *four_grids(bid_px, bid_sz, ask_px, ask_sz, depth))


def vamp(
    bid_px: npt.ArrayLike,
    bid_sz: npt.ArrayLike,
    ask_px: npt.ArrayLike,
    ask_sz: npt.ArrayLike,
    depth: int | None = None,
    *,
    within_bps: float | None = None,
) -> Floats:
    """Return the volume-adjusted mid price: prices weighted by the *opposite* side's size at the same rank. O(T N).

    ``(S b_i qa_i + S a_i qb_i) / (S qa_i + S qb_i)`` over the ranks at which both sides have a level: the first
    ``depth`` columns (None: all), or those of them within ``within_bps`` basis points of the mid, the bound included.
    NaN where no rank has both sides, or, with a band, where the mid is not above 0. See
    :func:`orderbook.analytics.vamp`.

    Raises:
        ValueError: ``depth`` is below 1, ``within_bps`` is not above 0, or shapes that do not fit together.
        TypeError: ``depth`` is not a whole number.

    >>> vamp([[100.0, 99.0]], [[5, 5]], [[102.0, 103.0]], [[15, 5]], depth=2).round(6).tolist()
    [100.666667]
    """
    width = None if within_bps is None else as_positive(within_bps, "within_bps")

    def kernel(bid_px: Floats, bid_sz: Floats, ask_px: Floats, ask_sz: Floats) -> Floats:
        if width is None:
            held, offered = sizes_of(bid_px, bid_sz), sizes_of(ask_px, ask_sz)
        else:
            held, offered = sizes_near(bid_px, bid_sz, ask_px, ask_sz, width)
        ranks = min(bid_px.shape[1], ask_px.shape[1])
        held, offered = held[:, :ranks], offered[:, :ranks]
        both = (held > 0) & (offered > 0)
        cost = np.where(both, bid_px[:, :ranks] * offered + ask_px[:, :ranks] * held, 0.0)
        return row_sums(cost) / row_sums(np.where(both, held + offered, 0.0))

    return in_blocks(kernel, *four_grids(bid_px, bid_sz, ask_px, ask_sz, depth))


def depth_price(
    bid_px: npt.ArrayLike, bid_sz: npt.ArrayLike, ask_px: npt.ArrayLike, ask_sz: npt.ArrayLike, depth: int | None = None
) -> Floats:
    """Return the average price of the size of both sides, each level weighted by its *own* size. O(T depth).

    ``(S b_i qb_i + S a_i qa_i) / (S qb + S qa)`` over the first ``depth`` columns (None: all). A heavy ask side pulls
    it **up**, the opposite way to :func:`vamp`. NaN where a side is absent. See
    :func:`orderbook.analytics.depth_price`.

    Raises:
        ValueError: ``depth`` is below 1, or shapes that do not fit together.
        TypeError: ``depth`` is not a whole number.

    >>> depth_price([100.0], [5], [102.0], [15]).tolist()
    [101.5]
    """

    def kernel(bid_px: Floats, bid_sz: Floats, ask_px: Floats, ask_sz: Floats) -> Floats:
        bids, asks = sizes_of(bid_px, bid_sz), sizes_of(ask_px, ask_sz)
        held, offered = row_sums(bids), row_sums(asks)
        cost = _value(bid_px, bids) + _value(ask_px, asks)
        return np.where((held > 0) & (offered > 0), cost / (held + offered), NAN)

    return in_blocks(kernel, *four_grids(bid_px, bid_sz, ask_px, ask_sz, depth))


def effective_vamp(
    bid_px: npt.ArrayLike, bid_sz: npt.ArrayLike, ask_px: npt.ArrayLike, ask_sz: npt.ArrayLike, depth: int | None = None
) -> Floats:
    """Return the average prices of the sides, each weighted by the total size of the *other* side. O(T depth).

    ``(Pb A + Pa B) / (A + B)`` over the first ``depth`` columns (None: all), with ``Pb`` and ``Pa`` the size-weighted
    average prices and ``B`` and ``A`` the total sizes. NaN where a side is absent. See
    :func:`orderbook.analytics.effective_vamp`.

    Raises:
        ValueError: ``depth`` is below 1, or shapes that do not fit together.
        TypeError: ``depth`` is not a whole number.

    >>> effective_vamp([[100.0, 98.0]], [[5, 5]], [[102.0, 103.0]], [[15, 15]]).tolist()
    [99.875]
    """

    def kernel(bid_px: Floats, bid_sz: Floats, ask_px: Floats, ask_sz: Floats) -> Floats:
        bids, asks = sizes_of(bid_px, bid_sz), sizes_of(ask_px, ask_sz)
        held, offered = row_sums(bids), row_sums(asks)
        bid, ask = _value(bid_px, bids) / held, _value(ask_px, asks) / offered
        return (bid * offered + ask * held) / (held + offered)

    return in_blocks(kernel, *four_grids(bid_px, bid_sz, ask_px, ask_sz, depth))


def time_weighted_mean(
    values: npt.ArrayLike,
    ts: npt.ArrayLike,
    *,
    state: npt.ArrayLike | None = None,
    reset: npt.ArrayLike | None = None,
) -> float:
    """Return the mean of a measure over time: row ``t`` counts for as long as it stood, ``ts[t + 1] - ts[t]``. O(T).

    Left out are NaN values, the last row (nobody knows how long it stood), the row before a ``reset`` (it may have
    ended at any time in the gap) and, with ``state``, rows that are neither normal nor locked. NaN where no time is
    left.

    Args:
        values: (T,) a measure, for example a spread.
        ts: (T,) int64 ns or ``datetime64``, not falling.
        state: (T,) codes of :class:`orderbook.BookState`.
        reset: (T,) bool, True where a row does not continue the one before.

    Raises:
        ValueError: ``ts`` falls, or shapes that do not fit together.
        TypeError: ``ts`` holds neither whole numbers nor ``datetime64``.

    >>> time_weighted_mean([2.0, 4.0, 4.0, 4.0], [0, 97, 98, 100])  # the mean over updates is 3.5
    2.06
    """
    numbers = np.asarray(values, np.float64)
    if numbers.ndim != 1:
        raise ValueError(f"values have one dimension, one value a row, not the shape {numbers.shape}")
    times = as_times(ts, "ts")
    if times.shape != numbers.shape:
        raise ValueError(f"ts has one time a row, {numbers.shape}, not the shape {times.shape}")
    starts = as_flags(reset, len(numbers))
    weight = np.diff(times).astype(np.float64)
    numbers = numbers[:-1]
    used = np.isfinite(numbers) & ~starts[1:]
    if state is not None:
        codes = np.asarray(state)
        if codes.shape != times.shape:
            raise ValueError(f"state has one code a row, {times.shape}, not the shape {codes.shape}")
        used &= np.isin(codes[:-1], (int(BookState.NORMAL), int(BookState.LOCKED)))
    weight, numbers = weight[used], numbers[used]
    length = float(weight.sum())
    return float(np.dot(weight, numbers)) / length if length > 0 else NAN


def compact(px: npt.ArrayLike, sz: npt.ArrayLike) -> tuple[Floats, Floats]:
    """Return prices and sizes of one side with the absent levels pushed to the right end, as price NaN and size 0.

    The present levels keep their order. Sources that drop a level by setting its size to 0 leave such holes, and all
    functions here expect none. O(T N), and copies.

    Raises:
        ValueError: shapes that do not fit together.

    >>> px, sz = compact([[100.0, 99.0, 98.0]], [[5.0, 0.0, 7.0]])
    >>> px.tolist(), sz.tolist()
    ([[100.0, 98.0, nan]], [[5.0, 7.0, 0.0]])
    """
    prices, sizes = as_levels(px, sz)
    there = present(prices, sizes)
    prices, sizes = np.where(there, prices, NAN), np.where(there, sizes, 0.0)
    rows = np.flatnonzero((there[:, 1:] & ~there[:, :-1]).any(1))
    order = np.argsort(~there[rows], axis=1, kind="stable")
    prices[rows] = np.take_along_axis(prices[rows], order, 1)
    sizes[rows] = np.take_along_axis(sizes[rows], order, 1)
    shape = np.shape(px)
    return prices.reshape(shape), sizes.reshape(shape)


def to_ticks(px: npt.ArrayLike, tick: float) -> npt.NDArray[np.int64]:
    """Return prices as whole numbers of ticks, int64 in the same shape; ``INT64_MIN`` where a price is NaN. O(size).

    Prices must be compared in ticks: ``100.0`` plus seven times ``0.01`` is ``100.07000000000004``, and that is not
    ``100.07``.

    Raises:
        ValueError: ``tick`` is not above 0; a price is not on its grid, by more than 1e-6 ticks and what rounding
            explains, or has more ticks than a float64 can tell apart (2**53).

    >>> to_ticks([100.07, 100.07000000000004, float("nan")], 0.01).tolist()
    [10007, 10007, -9223372036854775808]
    """
    step = as_positive(tick, "tick")
    prices = as_grid(px, "prices")

    def kernel(prices: Floats) -> Array:
        prices = _finite(prices)
        size = np.abs(prices) / step
        if (size > _EXACT).any():
            raise ValueError(f"a price of {float(prices[size > _EXACT][0])!r} has more than 2**53 ticks of {step!r}")
        # Price, tick and quotient are each off by half a unit in the last place.
        ticks = _whole(prices, step, slack_of(2 * size, 1.0), "price")
        return np.where(np.isnan(ticks), INT64_MIN, ticks.astype(np.int64))

    return in_blocks(kernel, prices, shape=prices.shape[1:], dtype=np.int64).reshape(np.shape(px))
