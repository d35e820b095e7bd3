"""Imbalance of many books at once: (T, N) levels in, (T,) float64 out, NaN where undefined.

The definitions are those of :mod:`orderbook.analytics.imbalance`, which has the same functions for one book, and so
are the kinds: ``signed``, ``ratio`` and ``log``. Column 0 is the best level. For the imbalance of numbers of orders
pass counts (``panel.bid_ct``) where sizes are asked for.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from orderbook.analytics._arguments import as_count, as_positive
from orderbook.analytics.arrays._rows import NAN, Floats, as_flags, as_grid, in_blocks, row_sums, same_rows
from orderbook.analytics.arrays.prices import (
    best_price,
    first_columns,
    four_grids,
    sizes_near,
    sizes_of,
)
from orderbook.analytics.imbalance import (
    DistanceFrom,
    DistanceUnit,
    ImbalanceKind,
    OneSided,
    Weights,
    as_rule,
    as_step,
    check_result,
    is_by_rank,
)
from orderbook.analytics.prices import ROUNDING

__all__ = ("imbalance", "imbalance_weighted", "imbalance_within", "imbalance_zscore")


def _compared(bid: Floats, ask: Floats, kind: ImbalanceKind, one_sided: OneSided) -> Floats:
    held = (bid > 0) & (ask > 0) if one_sided == "nan" else (bid > 0) | (ask > 0)
    if kind == "signed":
        values = (bid - ask) / (bid + ask)
    elif kind == "ratio":
        values = bid / (bid + ask)
    else:
        values = np.log(bid / ask)
    return np.where(held & np.isfinite(bid + ask), values, NAN)


def _held(sz: Floats) -> Floats:
    return row_sums(np.where(sz > 0, sz, 0.0))


def _sizes(bid_sz: npt.ArrayLike, ask_sz: npt.ArrayLike, depth: int | None) -> tuple[Floats, Floats]:
    bids, asks = as_grid(bid_sz, "bid_sz"), as_grid(ask_sz, "ask_sz")
    same_rows(bids, asks)
    return first_columns(bids, depth), first_columns(asks, depth)


def imbalance(
    bid_sz: npt.ArrayLike,
    ask_sz: npt.ArrayLike,
    depth: int | None = None,
    *,
    kind: ImbalanceKind = "signed",
    one_sided: OneSided = "nan",
) -> Floats:
    """Return the imbalance of the first ``depth`` columns, of **all** columns without it. O(T depth).

    ``(B - A) / (B + A)`` over total sizes, + for more bids; NaN where a side holds nothing, unless
    ``one_sided="extreme"``. The function of this name for a book takes the best level alone unless told otherwise: an
    array holds the levels that were wanted, a book holds all. See :func:`orderbook.analytics.imbalance`.

    Raises:
        ValueError: ``depth`` is below 1, there is no such option, or shapes that do not fit together.
        TypeError: ``depth`` is not a whole number.

    >>> imbalance([[5, 10], [5, 0]], [[15, 5], [0, 0]]).round(6).tolist()
    [-0.142857, nan]
    >>> imbalance([[5, 10], [5, 0]], [[15, 5], [0, 0]], depth=1, one_sided="extreme").tolist()
    [-0.5, 1.0]
    """
    check_result(kind, one_sided)
    sizes = _sizes(bid_sz, ask_sz, depth)
    return in_blocks(lambda bids, asks: _compared(_held(bids), _held(asks), kind, one_sided), *sizes)


def imbalance_within(
    bid_px: npt.ArrayLike,
    bid_sz: npt.ArrayLike,
    ask_px: npt.ArrayLike,
    ask_sz: npt.ArrayLike,
    bps: float,
    *,
    kind: ImbalanceKind = "signed",
    one_sided: OneSided = "nan",
) -> Floats:
    """Return the imbalance of the levels within ``bps`` basis points of the mid, the bound included. O(T N).

    NaN where a side of the book is absent or the mid is not above 0. See
    :func:`orderbook.analytics.imbalance_within`.

    Pitfall: a band that reaches beyond the last column counts what the columns hold.

    Raises:
        ValueError: ``bps`` is not above 0, there is no such option, or shapes that do not fit together.

    >>> bids, asks = ([[100.0, 99.9]], [[5, 10]]), ([[100.1, 100.3]], [[15, 5]])
    >>> imbalance_within(*bids, *asks, bps=20).tolist()
    [0.0]
    """
    check_result(kind, one_sided)
    width = as_positive(bps, "bps")

    def kernel(bid_px: Floats, bid_sz: Floats, ask_px: Floats, ask_sz: Floats) -> Floats:
        bids, asks = sizes_near(bid_px, bid_sz, ask_px, ask_sz, width)
        return _compared(row_sums(bids), row_sums(asks), kind, one_sided)

    return in_blocks(kernel, *four_grids(bid_px, bid_sz, ask_px, ask_sz, None))


def imbalance_weighted(
    bid_px: npt.ArrayLike,
    bid_sz: npt.ArrayLike,
    ask_px: npt.ArrayLike,
    ask_sz: npt.ArrayLike,
    weights: Weights = "exp",
    *,
    lam: float | None = None,
    tick: float | None = None,
    unit: DistanceUnit = "ticks",
    origin: DistanceFrom = "mid",
    depth: int | None = None,
    kind: ImbalanceKind = "signed",
    one_sided: OneSided = "nan",
) -> Floats:
    """Return the imbalance of weighted levels, ``B = S w_i qb_i`` and ``A = S w_i qa_i``. O(T depth).

    Weights are ``exp(-lam d)``, ``1 / d``, ``1 / rank``, a sequence of weights by rank, or a function of an array of
    distances (NaN at absent levels); ``d`` is the distance from the mid, or from the own side's best price, in ticks or
    basis points. All as in :func:`orderbook.analytics.imbalance_weighted`.

    Raises:
        ValueError: there is no such option; ``tick`` is missing for a distance in ticks, ``lam`` for ``"exp"``; a
            number that must be above 0 is not; ``depth`` is below 1; shapes that do not fit together.
        TypeError: ``depth`` is not a whole number.

    >>> bids, asks = ([[100.00, 99.99]], [[5, 10]]), ([[100.02, 100.03]], [[15, 5]])
    >>> imbalance_weighted(*bids, *asks, lam=0.5, tick=0.01).round(6).tolist()
    [-0.239445]
    >>> imbalance_weighted(*bids, *asks, lambda d: d < 1.5, tick=0.01).tolist()
    [-0.5]
    """
    check_result(kind, one_sided)
    rule, decay = as_rule(weights, lam)
    step = as_step(rule, unit, tick, origin)

    def kernel(bid_px: Floats, bid_sz: Floats, ask_px: Floats, ask_sz: Floats) -> Floats:
        held, offered = sizes_of(bid_px, bid_sz), sizes_of(ask_px, ask_sz)
        if is_by_rank(rule):
            ours, theirs = _ranked(rule, bid_px.shape[1]), _ranked(rule, ask_px.shape[1])
        else:
            bid, ask = best_price(bid_px, bid_sz), best_price(ask_px, ask_sz)
            starts = (bid, ask) if origin == "best" else ((bid + ask) / 2,) * 2
            ours, theirs = _weighed(
                rule, decay, _distances(bid_px, held, starts[0], step), _distances(ask_px, offered, starts[1], step)
            )
        bids, asks = (row_sums(np.where(q > 0, w * q, 0.0)) for w, q in ((ours, held), (theirs, offered)))
        return _compared(bids, asks, kind, one_sided)

    return in_blocks(kernel, *four_grids(bid_px, bid_sz, ask_px, ask_sz, depth))


def _ranked(rule: Any, levels: int) -> Floats:
    if rule == "rank":
        return 1 / np.arange(1.0, levels + 1)
    weights = np.zeros(levels)
    weights[: len(rule)] = rule[:levels]
    return weights


def _distances(px: Floats, sizes: Floats, start: Floats, step: float | None) -> Floats:
    """The distance of each level in units, NaN where there is no level or nothing to count from."""
    scale = np.where(start > 0, start / 1e4, NAN)[:, None] if step is None else step
    gap = np.abs(px - start[:, None])
    # As for one book: a level at the very price is there, not a rounding error away.
    distance = np.where(gap <= ROUNDING * np.abs(px), 0.0, gap / scale)
    return np.where(sizes > 0, distance, NAN)


def _weighed(rule: Any, decay: float, bids: Floats, asks: Floats) -> tuple[Floats, Floats]:
    if callable(rule):
        return _applied(rule, bids), _applied(rule, asks)
    if rule == "inverse":
        return 1 / bids, 1 / asks
    # As for one book: the nearest level weighs 1, so that a wide spread does not underflow to 0.
    nearest = np.fmin(np.fmin.reduce(bids, 1, initial=np.inf), np.fmin.reduce(asks, 1, initial=np.inf))[:, None]
    return np.exp(decay * (nearest - bids)), np.exp(decay * (nearest - asks))


def _applied(function: Callable[[Any], Any], distances: Floats) -> Floats:
    weights = np.asarray(function(distances), np.float64)
    if weights.shape != distances.shape:
        raise ValueError(
            f"weights are a function of an array to one of its shape, {distances.shape}, not {weights.shape}"
        )
    # An unknown distance has no weight, whatever the function makes of NaN.
    return np.where(np.isnan(distances), NAN, weights)


def imbalance_zscore(
    bid_sz: npt.ArrayLike,
    ask_sz: npt.ArrayLike,
    *,
    events: int,
    depth: int | None = None,
    reset: npt.ArrayLike | None = None,
) -> Floats:
    """Return how unusual ``x = B - A`` is among the last ``events`` rows: ``(x - mean) / std``. O(T).

    The row itself is the last of its window, and nothing later is looked at. ``std`` is that of the window itself
    (divided by n). Rows where a side holds nothing are NaN and left out of other windows. NaN also before ``events``
    rows have come since the start or a ``reset``, and where the window has no spread. As the standardised imbalance in
    the tutorials of hftbacktest. B and A are total sizes of the first ``depth`` columns (None: all).

    Pitfall: a window of rows is short in time when the market is busy.

    Raises:
        ValueError: ``events`` is below 2, ``depth`` below 1, or shapes that do not fit together.
        TypeError: ``events`` or ``depth`` is not a whole number.

    >>> imbalance_zscore([2, 4, 6, 2], [1, 1, 1, 1], events=3).round(6).tolist()
    [nan, nan, 1.224745, -1.224745]
    """
    width = as_count(events, "events")
    if width < 2:
        raise ValueError("events is at least 2, not 1: a single row has no spread")
    bids, asks = _sizes(bid_sz, ask_sz, depth)

    def kernel(bids: Floats, asks: Floats) -> Floats:
        held, offered = _held(bids), _held(asks)
        return np.where((held > 0) & (offered > 0), held - offered, NAN)

    starts = as_flags(reset, len(bids))
    if width > len(bids):
        return np.full(len(bids), NAN)
    rows = np.arange(len(bids))
    seen = rows - np.maximum.accumulate(np.where(starts, rows, 0)) + 1
    return np.where(seen >= width, _zscore(in_blocks(kernel, bids, asks), width), NAN)


def _zscore(values: Floats, width: int) -> Floats:
    """The z-score of each row in the ``width`` rows up to it; wrong, not NaN, before there are so many.

    A window is the end of one block of ``width`` rows and the beginning of the next; the moments of both are pooled
    (Chan, Golub and LeVeque 1983). Nothing is ever taken out of a sum, so that errors do not grow with the rows.
    """
    padded = np.full(-(-len(values) // width) * width, NAN)
    padded[: len(values)] = values
    now = padded.reshape(-1, width)
    backwards = np.concatenate([np.full((1, width), NAN), now[:-1]])[:, ::-1]
    origin, count, mean, squares = _moments(now)
    # The last row of a block needs nothing of the block before, the first all but one.
    before, *ends = _moments(backwards)
    others, end, end_squares = (np.pad(part[:, -2::-1], ((0, 0), (0, 1))) for part in ends)
    gap, share = before - origin + (end - mean), others / np.maximum(count + others, 1)
    with np.errstate(invalid="ignore", divide="ignore"):
        variance = (squares + end_squares + gap * gap * count * share) / (count + others)
        # What is left of equal numbers after rounding is no spread.
        spread = variance > (ROUNDING * now) ** 2
        scores = np.where(spread, (now - origin - mean - gap * share) / np.sqrt(variance), NAN)
    return np.asarray(scores.ravel()[: len(values)])


def _moments(values: Floats) -> tuple[Floats, Floats, Floats, Floats]:
    """An origin for each row, and of the numbers up to each column: how many, mean from there, sum of squares about it.

    The origin is the first number, so that equal ones have no deviation at all. NaN is no number. (Welford 1962)
    """
    there = np.isfinite(values)
    origin = np.nan_to_num(np.take_along_axis(values, there.argmax(1)[:, None], 1))
    away = np.where(there, values - origin, 0.0)
    count = there.cumsum(1).astype(np.float64)
    mean = away.cumsum(1) / np.maximum(count, 1)
    before = np.pad(mean[:, :-1], ((0, 0), (1, 0)))
    return origin, count, mean, np.where(there, (away - before) * (away - mean), 0.0).cumsum(1)
