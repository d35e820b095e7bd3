"""Order flow imbalance and trade flow on arrays.

OFI is flow in the *book*: what was added at the best prices less what was taken away. Trade imbalance is flow in the
*tape*: who bought and who sold. They are different numbers, and neither is the imbalance of the resting sizes.

All rows of an OFI are (T,) or (T, N) with NaN in row 0, so that row i belongs to ``ts[i]``: it is the step from row
i - 1 to row i. Prices are compared exactly. Those of an :class:`orderbook.Panel` are correctly rounded, so equal ticks
are equal floats; prices that were computed (``100 + 7 * 0.01``) are not, give int64 ticks instead.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from orderbook.analytics._arguments import as_count
from orderbook.analytics.arrays._rows import NAN, Array, Floats, as_flags, as_grid, as_levels, as_row, present
from orderbook.analytics.arrays._windows import as_edges, as_signs, as_sizes, as_times, in_steps, window_sums

__all__ = (
    "IntegratedOFI",
    "mlofi",
    "mlofi_anchored",
    "net_volume",
    "ofi",
    "ofi_integrated",
    "ofi_window",
    "trade_imbalance",
)


class IntegratedOFI(NamedTuple):
    """What :func:`ofi_integrated` returns."""

    value: Floats
    """(T,) the weighted sum of the levels, in units of the mean depth."""
    weights: Floats
    """(N,) weight of each level; their absolute values sum to 1 and they lean to the positive side."""
    explained: float
    """Share of the variance of all levels along the weights; NaN where weights were given."""


def ofi(
    bid_px: npt.ArrayLike,
    bid_sz: npt.ArrayLike,
    ask_px: npt.ArrayLike,
    ask_sz: npt.ArrayLike,
    reset: npt.ArrayLike | None = None,
    *,
    bids_known: npt.ArrayLike | None = None,
    asks_known: npt.ArrayLike | None = None,
) -> Floats:
    """Return the order flow imbalance of the best level, row by row.

    With b, a the best prices and q, s their sizes, and ' for the row before::

        e = q [b >= b'] - q' [b <= b'] - s [a <= a'] + s' [a >= a']

    So a better bid counts with its whole size, a worse one with the whole *old* size, an equal one with the change;
    asks the other way round. (T, N) in, of which column 0 is read; (T,) out, unit of size, + = buy pressure. O(T).
    Source: Cont, Kukanov and Stoikov (2014), J. Financial Econometrics 12(1), 47-88.

    NaN in row 0, where ``reset`` says that a row does not continue the one before, and where a side is absent before
    or after. ``bids_known`` and ``asks_known`` (T,) (as in :class:`orderbook.Panel`) say that an absent level is truly
    not there: it then appears with its size and disappears with its old size.

    Pitfall: it wants every change of the best level; on sampled rows, flow that came and went is not seen.

    Raises:
        ValueError: the shapes do not fit.

    >>> ofi([100, 100, 101, 101, 100], [5, 8, 4, 4, 8], [102, 102, 102, 103, 103], [7, 7, 3, 6, 6])
    array([nan,  3.,  8.,  3., -4.])
    """
    steps = mlofi(bid_px, bid_sz, ask_px, ask_sz, 1, reset, bids_known=bids_known, asks_known=asks_known)
    return steps[:, 0]


def mlofi(
    bid_px: npt.ArrayLike,
    bid_sz: npt.ArrayLike,
    ask_px: npt.ArrayLike,
    ask_sz: npt.ArrayLike,
    levels: int | None = None,
    reset: npt.ArrayLike | None = None,
    *,
    bids_known: npt.ArrayLike | None = None,
    asks_known: npt.ArrayLike | None = None,
) -> Floats:
    """Return the multi-level order flow imbalance: the rule of :func:`ofi` at each rank, (T, N).

    Column 0 equals :func:`ofi`. ``levels`` reads the best so many columns (None: all). A level that is absent before
    or after is NaN, unless ``bids_known``/``asks_known`` say that it is truly not there. O(T N).
    Source: Xu, Gould and Howison (2018), Market Microstructure and Liquidity 4(3&4), 1950011.

    Pitfall: ranks shift. When a new best bid appears, the second level becomes what the first was and reports flow at
    a price where nothing happened; see :func:`mlofi_anchored`.

    Raises:
        ValueError: the shapes do not fit, or ``levels`` is not among the columns.

    >>> mlofi([[100, 99], [101, 100]], [[8, 10], [4, 8]], [[102, 103], [102, 103]], [[7, 6], [3, 6]])
    array([[nan, nan],
           [ 8.,  8.]])
    """
    bids, asks, flags = _sides(bid_px, bid_sz, ask_px, ask_sz, levels, bids_known, asks_known)

    def steps(bid_px: Floats, bid_sz: Floats, ask_px: Floats, ask_sz: Floats, bids: Array, asks: Array) -> Array:
        return _gained(*_ranked(bid_px, bid_sz, bids)) - _gained(*_ranked(-ask_px, ask_sz, asks))

    out = in_steps(steps, *bids, *asks, *flags, shape=(bids[0].shape[1],))
    out[as_flags(reset, len(out))] = NAN
    return out


def mlofi_anchored(
    bid_px: npt.ArrayLike,
    bid_sz: npt.ArrayLike,
    ask_px: npt.ArrayLike,
    ask_sz: npt.ArrayLike,
    levels: int | None = None,
    reset: npt.ArrayLike | None = None,
    *,
    bids_known: npt.ArrayLike | None = None,
    asks_known: npt.ArrayLike | None = None,
) -> Floats:
    """Return the change of bid size less the change of ask size over fixed prices, (T,): OFI without shifted ranks.

    Summed over the prices that both rows show: from the best down to the worse of the two worst levels. A row that
    has fewer than ``levels`` levels and is known (``bids_known``, ``asks_known``) shows all prices. So nothing is
    counted twice, and a level that only fell out of view is no flow. O(T N). Our own definition, which answers the
    pitfall of :func:`mlofi`.

    NaN in row 0, at ``reset``, and where a side is absent and not known to be empty.

    Raises:
        ValueError: the shapes do not fit, or ``levels`` is not among the columns.

    >>> book = [[100, 99], [101, 100]], [[8, 10], [4, 8]], [[102, 103], [102, 103]], [[7, 6], [3, 6]]
    >>> mlofi_anchored(*book), mlofi(*book).sum(axis=1)
    (array([nan,  8.]), array([nan, 16.]))
    """
    bids, asks, flags = _sides(bid_px, bid_sz, ask_px, ask_sz, levels, bids_known, asks_known)

    def steps(bid_px: Floats, bid_sz: Floats, ask_px: Floats, ask_sz: Floats, bids: Array, asks: Array) -> Array:
        return _grown(bid_px, bid_sz, bids) - _grown(-ask_px, ask_sz, asks)

    out = in_steps(steps, *bids, *asks, *flags)
    out[as_flags(reset, len(out))] = NAN
    return out


def ofi_window(
    e: npt.ArrayLike, ts: npt.ArrayLike, edges: npt.ArrayLike, *, on_nan: Literal["skip", "nan"] = "skip"
) -> Floats:
    """Return the sums of OFI rows within ``edges[k] <= ts < edges[k + 1]``: (K,), or (K, N) of (T, N) rows.

    A window without rows is 0: no event is no flow. Of undefined rows, ``"skip"`` leaves them out, but a window with
    nothing but undefined rows is NaN; ``"nan"`` makes every window with an undefined row NaN. O(T N + K log T).

    Raises:
        ValueError: no such policy, the shapes do not fit, or times fall.
        TypeError: ``ts`` or ``edges`` are no times.

    >>> ofi_window([np.nan, 3, 8, 3, -4], [0, 1, 2, 3, 4], [0, 3, 5, 9])
    array([11., -1.,  0.])
    """
    if on_nan not in ("skip", "nan"):
        raise ValueError(f"on_nan is one of 'skip', 'nan', not {on_nan!r}")
    rows, times, cuts = np.asarray(e, np.float64), as_times(ts, "ts"), as_edges(edges)
    if len(rows) != len(times):
        raise ValueError(f"e has one row for each of {len(times)} times, not {len(rows)}")
    defined = np.isfinite(rows)
    sums: Floats = window_sums(np.where(defined, rows, 0.0), times, cuts)
    missing = window_sums(~defined, times, cuts)
    count = window_sums(np.ones(len(times)), times, cuts).reshape(-1, *(1,) * (rows.ndim - 1))
    sums[(missing > 0) & ((missing == count) | (on_nan == "nan"))] = NAN
    return sums


def ofi_integrated(e: npt.ArrayLike, depth: npt.ArrayLike = 1.0, weights: npt.ArrayLike | None = None) -> IntegratedOFI:
    """Combine the levels of a multi-level OFI into one number by their first principal component.

    Rows are divided by ``depth`` (a number, or one a row: the mean size of the levels there); the weights are the
    first eigenvector of their covariance, divided by its L1 norm, with the sign that makes their sum positive (an
    eigenvector has no sign of its own). Rows with a NaN take no part and are NaN. (T, N) in. O(T N^2 + N^3).
    Source: the integrated OFI of Cont, Cucuringu and Zhang, "Cross-impact of order flow imbalance in equity markets".

    Pitfall: weights fitted to the rows they are applied to have seen the future; give the ``weights`` of an earlier
    period for anything predictive. Weights are NaN with fewer than two usable rows.

    Raises:
        ValueError: the shapes do not fit.

    >>> flow = ofi_integrated([[1, 2], [2, 4], [-1, -2], [-2, -4]])
    >>> flow.weights.round(6), flow.value.round(6), round(flow.explained, 6)
    (array([0.333333, 0.666667]), array([ 1.666667,  3.333333, -1.666667, -3.333333]), 1.0)
    """
    rows = as_grid(e, "e")
    with np.errstate(all="ignore"):
        scaled = rows / as_row(depth, len(rows), "depth")[:, None]
    scaled[~np.isfinite(scaled).all(axis=1)] = NAN
    explained = NAN
    if weights is None:
        given, explained = _component(scaled[~np.isnan(scaled[:, 0])] if scaled.size else scaled[:0])
    else:
        given = np.asarray(weights, np.float64)
    if given.shape != rows.shape[1:]:
        raise ValueError(f"weights has one number a level, {rows.shape[1:]}, not {given.shape}")
    with np.errstate(all="ignore"):
        return IntegratedOFI(scaled @ given, given, explained)


def net_volume(side: npt.ArrayLike, size: npt.ArrayLike, ts: npt.ArrayLike, edges: npt.ArrayLike) -> Floats:
    """Return bought less sold volume of the trades with ``edges[k] <= ts < edges[k + 1]``, (K,).

    ``side`` is the aggressor's: +1, -1, or 0 (unknown), which counts on neither side. A window without trades is 0.
    O(T + K log T).

    Raises:
        ValueError: a sign or size is none, the lengths differ, or times fall.
        TypeError: ``ts`` or ``edges`` are no times.

    >>> net_volume([1, -1, 1, 1, -1, -1], [4, 2, 6, 3, 5, 4], range(6), [0, 3, 6])
    array([ 8., -6.])
    """
    signed, _ = _volumes(side, size, ts, edges)
    return signed


def trade_imbalance(side: npt.ArrayLike, size: npt.ArrayLike, ts: npt.ArrayLike, edges: npt.ArrayLike) -> Floats:
    """Return (bought - sold) / all volume of the trades with ``edges[k] <= ts < edges[k + 1]``, (K,) in [-1, 1].

    ``side`` is the aggressor's: +1, -1, or 0 (unknown); unknown volume is part of all volume, so it pulls to 0. NaN
    where nothing traded. O(T + K log T).

    Pitfall: venues disagree on whose side they print; :class:`orderbook.Events` has the aggressor's.

    Raises:
        ValueError: a sign or size is none, the lengths differ, or times fall.
        TypeError: ``ts`` or ``edges`` are no times.

    >>> trade_imbalance([1, -1, 1, 1, -1, -1], [4, 2, 6, 3, 5, 4], range(6), [0, 6, 9]).round(6)
    array([0.083333,      nan])
    """
    signed, volume = _volumes(side, size, ts, edges)
    share: Floats = np.divide(signed, volume, out=np.full(len(volume), NAN), where=volume > 0)
    return share


def _volumes(
    side: npt.ArrayLike, size: npt.ArrayLike, ts: npt.ArrayLike, edges: npt.ArrayLike
) -> tuple[Floats, Floats]:
    signs, sizes, times, cuts = as_signs(side), as_sizes(size), as_times(ts, "ts"), as_edges(edges)
    if not len(signs) == len(sizes) == len(times):
        raise ValueError(
            f"side, size and ts have one value a trade each, not {len(signs)}, {len(sizes)} and {len(times)}"
        )
    return window_sums(signs * sizes, times, cuts), window_sums(sizes, times, cuts)


def _sides(
    bid_px: npt.ArrayLike,
    bid_sz: npt.ArrayLike,
    ask_px: npt.ArrayLike,
    ask_sz: npt.ArrayLike,
    levels: int | None,
    bids_known: npt.ArrayLike | None,
    asks_known: npt.ArrayLike | None,
) -> tuple[tuple[Floats, ...], tuple[Floats, ...], tuple[Array, Array]]:
    """The four grids cut to ``levels`` columns, and the two flags."""
    bids, asks = as_levels(bid_px, bid_sz), as_levels(ask_px, ask_sz)
    if bids[0].shape != asks[0].shape:
        raise ValueError(f"bids and asks have one shape, not {bids[0].shape} and {asks[0].shape}")
    rows, columns = bids[0].shape
    if not columns:
        raise ValueError(f"bids and asks have at least one level, not the shape {bids[0].shape}")
    count = as_count(columns if levels is None else levels, "levels")
    if count > columns:
        raise ValueError(f"levels is at most {columns}, the columns given, not {count}")
    flags = as_flags(bids_known, rows, "bids_known"), as_flags(asks_known, rows, "asks_known")
    return tuple(side[:, :count] for side in bids), tuple(side[:, :count] for side in asks), flags


def _ranked(key: Floats, sz: Floats, known: Array) -> tuple[Floats, Floats]:
    """Price keys (greater is better) and sizes: truly absent is the worst of all prices with size 0, unknown is NaN."""
    there = present(key, sz)
    if there.all():
        return key, sz
    key, sz = key.copy(), sz.copy()
    key[~there], sz[~there] = NAN, NAN
    if known.any():
        empty = ~there & known[:, None]
        key[empty], sz[empty] = -np.inf, 0.0
    return key, sz


def _gained(key: Floats, sz: Floats) -> Floats:
    """What each rank gained: its size where the price is better, less its old size where it is worse, both if equal."""
    now, before, size, old = key[1:], key[:-1], sz[1:], sz[:-1]
    # A size of NaN stays NaN when multiplied with False.
    gained: Floats = size * (now >= before) - old * (now <= before)
    return gained


def _grown(key: Floats, sz: Floats, known: Array) -> Floats:
    """By how much the size at the prices that both of two rows show has grown."""
    there = present(key, sz)
    floor, sizes = key[:, -1], sz
    if not there.all():
        sizes = np.where(there, sz, 0.0)
        worst = np.where(there, key, np.inf).min(axis=1)
        short = ~there.all(axis=1)
        floor = np.where(short & known, -np.inf, np.where(there[:, 0], worst, NAN))
    shared = np.maximum(floor[1:], floor[:-1])[:, None]
    # einsum is the quickest sum over few columns.
    now = np.einsum("ij->i", sizes[1:] * (key[1:] >= shared))
    before = np.einsum("ij->i", sizes[:-1] * (key[:-1] >= shared))
    return np.where(np.isnan(shared[:, 0]), NAN, now - before)


def _component(rows: Floats) -> tuple[Floats, float]:
    """The first principal component with L1 norm 1 and a sum above 0, and the share of the variance along it."""
    if len(rows) < 2:
        return np.full(rows.shape[1], NAN), NAN
    with np.errstate(all="ignore"):
        # Counted from the first row: rows that are all alike then have a variance of exactly 0.
        moved = rows - rows[0]
        centred = moved - moved.mean(axis=0)
        scatter = centred.T @ centred
    if not np.isfinite(scatter).all() or not scatter.any():
        return np.full(rows.shape[1], NAN), NAN
    variances, vectors = np.linalg.eigh(scatter)
    first = vectors[:, -1] / np.abs(vectors[:, -1]).sum()
    # A sum of 0 leaves the sign open: then the first weight that is not 0 is positive.
    lean = first.sum() or first[np.argmax(first != 0)]
    return first if lean > 0 else -first, float(variances[-1] / variances.sum())
