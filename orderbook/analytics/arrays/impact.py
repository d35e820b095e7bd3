"""What trading does to prices, on arrays: Kyle's lambda, Amihud's ratio, effective and realised spreads."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, Literal, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from orderbook.analytics._arguments import Span, as_count
from orderbook.analytics.arrays._rows import NAN, Array, Floats, as_flags, in_blocks
from orderbook.analytics.arrays._windows import Times, after, as_edges, as_horizons, as_signs, as_sizes, as_times

__all__ = (
    "DollarMean",
    "ImpactFit",
    "ImpactFits",
    "SpreadParts",
    "amihud",
    "dollar_mean",
    "effective_spread",
    "kyle_lambda",
    "kyle_lambda_rolling",
    "mid_change",
)

Method: TypeAlias = Literal["ols", "origin", "hasbrouck"]

_UNITS: Final = {"ols": 1.0, "origin": 1.0, "hasbrouck": 1e6}


class ImpactFit(NamedTuple):
    """A line through price changes over flows; NaN where it is undefined."""

    slope: float
    """Lambda: the change of the price for one unit of flow (times 1e6 with ``"hasbrouck"``)."""
    intercept: float
    """Alpha; 0 where the line goes through the origin."""
    t: float
    """Slope over its standard error."""
    r2: float
    """Share of the variance explained; of the raw sum of squares where the line goes through the origin."""
    n: int
    """Pairs that took part."""


class ImpactFits(NamedTuple):
    """Lines over rolling windows, (K,) each; see :class:`ImpactFit`."""

    slope: Floats
    intercept: Floats
    t: Floats
    r2: Floats
    n: npt.NDArray[np.int64]


class SpreadParts(NamedTuple):
    """What :func:`effective_spread` returns, in price: per trade (n,), and per trade and horizon (n, H)."""

    reference: Floats
    """(n,) the reference price just before the trade."""
    effective: Floats
    """(n,) 2 d (P - m)."""
    realised: Floats
    """(n, H) 2 d (P - m at the horizon): what the maker kept. Looks ahead by the horizon."""
    impact: Floats
    """(n, H) 2 d (m at the horizon - m): what the maker lost to the move. Looks ahead by the horizon."""

    @property
    def effective_bps(self) -> Floats:
        """(n,) effective spread in 1e-4 of the reference; NaN where that is not above 0."""
        return self._bps(self.effective[:, None])[:, 0]

    @property
    def realised_bps(self) -> Floats:
        """(n, H) realised spread in 1e-4 of the reference; NaN where that is not above 0."""
        return self._bps(self.realised)

    @property
    def impact_bps(self) -> Floats:
        """(n, H) price impact in 1e-4 of the reference; NaN where that is not above 0."""
        return self._bps(self.impact)

    def _bps(self, parts: Floats) -> Floats:
        reference = np.where(self.reference > 0, self.reference, NAN)
        with np.errstate(all="ignore"):
            bps: Floats = 1e4 * parts / reference[:, None]
        return bps


class DollarMean(NamedTuple):
    """What :func:`dollar_mean` returns: the mean, and over how many trades."""

    mean: Any
    """float64, or (H,) of (n, H) values; NaN where no trade took part."""
    n: Any
    """int64, or (H,)."""


def mid_change(
    ts: npt.ArrayLike, mid: npt.ArrayLike, edges: npt.ArrayLike, reset: npt.ArrayLike | None = None
) -> Floats:
    """Return the change of the mid (or any reference price) from each edge to the next, (K,).

    The price at an edge is that of the last row *before* it, so that a change and the flow of the same window (rows
    and trades with ``edges[k] <= ts < edges[k + 1]``) cover the same time. NaN before the first row, where the price
    is NaN, where a row in between is a ``reset``, and at an edge in a gap: its next row is a reset, so the price may
    have been gone already. O(T + K log T).

    Raises:
        ValueError: the lengths differ, or times fall.
        TypeError: ``ts`` or ``edges`` are no times.

    >>> mid_change([0, 5, 12, 18], [100.0, 100.5, 101.0, 100.75], [1, 10, 20])
    array([0.5 , 0.25])
    """
    times, cuts = as_times(ts, "ts"), as_edges(edges)
    prices = _one_each(mid, len(times), "mid")
    resets = as_flags(reset, len(times))
    at = np.searchsorted(times, cuts, side="left") - 1
    price, part = _as_of(prices, at), np.concatenate([[0], np.cumsum(resets)])
    in_gap = np.append(resets, False)[at + 1]
    price[in_gap] = NAN
    with np.errstate(all="ignore"):
        return np.where(np.diff(part[at + 1]) == 0, np.diff(price), NAN)


def kyle_lambda(flow: npt.ArrayLike, change: npt.ArrayLike, method: Method = "ols") -> ImpactFit:
    """Fit price changes to flows: the price impact of one unit of flow.

    * ``"ols"``: ``change = alpha + lambda flow + noise``;
    * ``"origin"``: the same with alpha = 0;
    * ``"hasbrouck"``: through the origin and times 1e6, for ``change`` a return and ``flow`` the sum of the signed
      square roots of dollar volume, ``net_volume(side, np.sqrt(price * size), ts, edges)``.

    The three are not comparable. With net volume as ``flow`` this is Kyle's lambda; with :func:`ofi_window` it is the
    slope of Cont, Kukanov and Stoikov. (K,) windows each in; pairs with a NaN are left out. NaN without variance of
    the flow (never 0: that would say that there is no impact). O(K). Sources: Kyle (1985); Hasbrouck (2009).

    Pitfall: use changes of the *mid*; trade prices bounce between bid and ask.

    Raises:
        ValueError: no such method, or the lengths differ.

    >>> fit = kyle_lambda([10, -5, 20, -15], [0.02, -0.01, 0.03, -0.02])
    >>> round(fit.slope, 14), round(fit.t, 4), fit.n
    (0.00151724137931, 10.3709, 4)
    """
    flows, changes = _pairs(flow, change, method)
    row = fit_rows(flows[None], changes[None], intercept=method == "ols")[0]
    slope, intercept, t, r2 = (float(number) for number in row[:4])
    return ImpactFit(slope * _UNITS[method], intercept, t, r2, int(row[4]))


def kyle_lambda_rolling(flow: npt.ArrayLike, change: npt.ArrayLike, window: int, method: Method = "ols") -> ImpactFits:
    """Fit :func:`kyle_lambda` over each run of ``window`` pairs, (K,); the first ``window - 1`` are NaN.

    Entry k uses pairs k - window + 1 to k and nothing later. O(K window): each window is summed anew, for running sums
    lose their digits.

    Raises:
        ValueError: no such method, the lengths differ, or ``window`` is below 1.

    >>> kyle_lambda_rolling([10, -5, 20, -15], [2.0, -1, 4, -3], window=3).slope
    array([nan, nan, 0.2, 0.2])
    """
    flows, changes = _pairs(flow, change, method)
    width = as_count(window, "window")
    out = np.full((len(flows), 5), NAN)
    out[:, 4] = 0
    if len(flows) >= width:
        views = (np.lib.stride_tricks.sliding_window_view(values, width) for values in (flows, changes))
        out[width - 1 :] = in_blocks(lambda x, y: fit_rows(x, y, intercept=method == "ols"), *views, shape=(5,))
    slope, intercept, t, r2, n = out.T.copy()
    return ImpactFits(slope * _UNITS[method], intercept, t, r2, n.astype(np.int64))


def amihud(returns: npt.ArrayLike, dollar_volume: npt.ArrayLike) -> float:
    """Return Amihud's illiquidity: the mean of ``abs(return) / dollar volume`` over windows, in 1 / currency.

    (K,) each in. Windows without volume, or with a NaN, take no part; NaN if none is left. O(K).
    Source: Amihud (2002).

    Raises:
        ValueError: the lengths differ.

    >>> amihud([0.01, -0.02, 0.03], [100, 100, 0])
    0.00015000000000000001
    """
    moves = np.abs(_windows(returns, "returns"))
    volume = _one_each(dollar_volume, len(moves), "dollar_volume")
    usable = (volume > 0) & np.isfinite(moves)
    with np.errstate(all="ignore"):
        return float((moves[usable] / volume[usable]).mean()) if usable.any() else NAN


def effective_spread(
    ts: npt.ArrayLike,
    side: npt.ArrayLike,
    price: npt.ArrayLike,
    book_ts: npt.ArrayLike,
    reference: npt.ArrayLike,
    horizons: Sequence[Span] = (),
    *,
    reset: npt.ArrayLike | None = None,
) -> SpreadParts:
    """Split what trades paid into what the maker kept and what the price moved.

    With d the aggressor's sign, P the trade's price, m the reference just before and m+ at the horizon::

        effective = 2 d (P - m) = realised + impact,   realised = 2 d (P - m+),   impact = 2 d (m+ - m)

    ``ts``, ``side`` and ``price`` (n,) are the trades; ``book_ts`` and ``reference`` (T,) the book's rows with the
    price that counts as fair: a mid, a weighted mid or a micro-price, of which NaN is unknown. m is that of the last
    row *strictly before* the trade, for the row with its time shows the book that the trade has left behind. m+ is
    that of the last row at or before ts + horizon; NaN beyond the last row, across a ``reset`` and in the gap before
    one. A trade without m has no parts at all, so that the means of the parts add up too.
    O(n H log T). Source: the definitions as documented by frds (frds.io).

    Pitfalls: realised and impact look ahead, so they are no signal. Trades of unknown side (0) are NaN: an absolute
    value in place of the sign would push the realised spread up. Several trades of one sweep have one m.

    Raises:
        ValueError: a sign is none, the lengths differ, times fall, or a horizon is not above 0.
        TypeError: times are no times.

    >>> parts = effective_spread([10], [1], [100.03], [9, 12], [100.01, 100.02], [2])
    >>> parts.effective_bps.round(7), parts.realised_bps.round(7), parts.impact_bps.round(7)
    (array([3.9996]), array([[1.9998]]), array([[1.9998]]))
    """
    times, rows, spans = as_times(ts, "ts"), as_times(book_ts, "book_ts"), as_horizons(horizons)
    signs = _one_each(as_signs(side), len(times), "side")
    prices = _one_each(price, len(times), "price")
    references = _one_each(reference, len(rows), "reference")
    resets = as_flags(reset, len(rows))
    before = np.searchsorted(rows, times, side="left") - 1
    now = _as_of(references, before)
    parts = np.concatenate([[0], np.cumsum(resets)])
    # The row of the trade's own time may be a reset: then the row before it belongs to another book.
    now[parts[np.searchsorted(rows, times, side="right")] != parts[before + 1]] = NAN
    later = _later(times, spans, rows, references, resets, before)
    later[np.isnan(now)] = NAN
    doubled = np.where(signs == 0, NAN, 2 * signs)
    with np.errstate(all="ignore"):
        return SpreadParts(
            now,
            doubled * (prices - now),
            doubled[:, None] * (prices[:, None] - later),
            doubled[:, None] * (later - now[:, None]),
        )


def dollar_mean(values: npt.ArrayLike, price: npt.ArrayLike, size: npt.ArrayLike) -> DollarMean:
    """Return the mean of per-trade values weighted with ``abs(price) * size``, and how many trades took part.

    ``values`` is (n,), or (n, H) for one mean a column; NaN take no part. O(n H).

    Raises:
        ValueError: a size is negative or NaN, or the lengths differ.

    >>> dollar_mean([1.0, 4.0, np.nan], [100, 100, 100], [2, 1, 5])
    DollarMean(mean=np.float64(2.0), n=np.int64(2))
    """
    given = np.asarray(values, np.float64)
    sizes = as_sizes(size)
    if given.shape[:1] != sizes.shape:
        raise ValueError(f"values has one row a trade, {len(sizes)}, not the shape {given.shape}")
    prices = np.abs(_one_each(price, len(sizes), "price"))
    with np.errstate(all="ignore"):
        weights = (prices * sizes).reshape(-1, *(1,) * (given.ndim - 1))
        usable = np.isfinite(given) & np.isfinite(weights)
        total = np.where(usable, weights, 0.0).sum(axis=0)
        mean = np.where(usable, given * weights, 0.0).sum(axis=0) / total
    return DollarMean(mean[()], usable.sum(axis=0))


def fit_rows(x: Floats, y: Floats, *, intercept: bool) -> Floats:
    """Fit a line to each row of (R, n) pairs: (R, 5) of slope, intercept, t, r2, n. Pairs with a NaN are left out."""
    if not x.shape[1]:
        x = y = np.full((len(x), 1), NAN)  # no pair says as much as one that is undefined
    usable = np.isfinite(x) & np.isfinite(y)
    x, y = np.where(usable, x, 0.0), np.where(usable, y, 0.0)
    n = usable.sum(axis=1, keepdims=True).astype(np.float64)
    with np.errstate(all="ignore"):
        x_mean, y_mean = (_mean(values, usable, n) if intercept else np.zeros_like(n) for values in (x, y))
        dx, dy = np.where(usable, x - x_mean, 0.0), np.where(usable, y - y_mean, 0.0)
        moments = ((a * b).sum(axis=1) for a, b in ((dx, dx), (dx, dy), (dy, dy)))
        return finish_fit(n[:, 0], x_mean[:, 0], y_mean[:, 0], *moments, intercept=intercept)


def finish_fit(n: Any, x_mean: Any, y_mean: Any, sxx: Any, sxy: Any, syy: Any, *, intercept: bool) -> Floats:
    """The line that has these moments (about the means, or about 0 without an intercept), (..., 5)."""
    with np.errstate(all="ignore"):
        slope = np.where(sxx > 0, sxy / sxx, NAN)
        residual = np.maximum(syy - slope * sxy, 0.0)
        variance = np.where(n > 1 + intercept, residual / (n - 1 - intercept), NAN)
        t = np.where(slope == 0, np.where(variance > 0, 0.0, NAN), slope / np.sqrt(variance / sxx))
        r2 = np.where(syy > 0, 1 - residual / syy, NAN)
        start = y_mean - slope * x_mean if intercept else np.where(np.isnan(slope), NAN, 0.0)
        return np.stack([slope, start, t, np.where(np.isnan(slope), NAN, r2), np.asarray(n, np.float64)], axis=-1)


def _mean(values: Floats, usable: Array, n: Floats) -> Floats:
    """The mean of each row, counted from its first value: equal values then differ from their mean by exactly 0."""
    first = np.take_along_axis(values, usable.argmax(axis=1)[:, None], axis=1)
    mean: Floats = first + np.where(usable, values - first, 0.0).sum(axis=1, keepdims=True) / n
    return mean


def _pairs(flow: npt.ArrayLike, change: npt.ArrayLike, method: str) -> tuple[Floats, Floats]:
    if method not in _UNITS:
        raise ValueError(f"method is one of {', '.join(map(repr, _UNITS))}, not {method!r}")
    flows = _windows(flow, "flow")
    return flows, _one_each(change, len(flows), "change")


def _windows(values: npt.ArrayLike, name: str) -> Floats:
    given = np.asarray(values, np.float64)
    if given.ndim != 1:
        raise ValueError(f"{name} has the shape (windows,), not {given.shape}")
    return given


def _one_each(values: npt.ArrayLike, count: int, name: str) -> Floats:
    given = np.asarray(values, np.float64)
    if given.shape != (count,):
        raise ValueError(f"{name} has {count} values like the others, not the shape {given.shape}")
    return given


def _as_of(values: Floats, at: Array) -> Floats:
    """``values[at]``, NaN where ``at`` is before the first row."""
    return np.where(at < 0, NAN, np.append(values, NAN)[at])


def _later(times: Times, spans: Times, rows: Times, references: Floats, resets: Array, before: Array) -> Floats:
    """The reference at each time plus each horizon; NaN past the last row or across a reset."""
    if not len(rows):
        return np.full((len(times), len(spans)), NAN)
    due = after(times[:, None], spans)
    at = np.searchsorted(rows, due, side="right") - 1
    parts = np.concatenate([[0], np.cumsum(resets)])
    in_gap = np.append(resets, False)[at + 1]
    known = (due <= rows[-1]) & ~in_gap & (parts[at + 1] == parts[before + 1][:, None])
    return np.where(known, _as_of(references, at), NAN)
