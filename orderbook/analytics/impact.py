"""What trading does to prices, event by event: Kyle's lambda and effective spreads.

Both join a tape with a book: give them every book by ``update(book, ts)`` and every trade by ``trade(...)``, in the
order of one clock.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Sequence
from typing import Final, Literal, NamedTuple, TypeAlias

import numpy as np

from orderbook.analytics._arguments import SideLike, Span, as_count, as_finite, as_size, in_order, sign_of, span_ns
from orderbook.analytics._levels import BookLike, best_of, mid_of
from orderbook.analytics._rolling import Scales, same_scales
from orderbook.analytics.arrays._rows import Floats
from orderbook.analytics.arrays.impact import ImpactFit, finish_fit, fit_rows

__all__ = ("EffectiveSpread", "KyleLambda", "RealisedSpread", "SpreadMeans")

Fair: TypeAlias = "Literal['mid', 'weighted_mid'] | Callable[[BookLike], float | None]"
"""The price that counts as fair: by name, or a function of a book, such as a fitted micro-price."""


class KyleLambda:
    """Kyle's lambda: how far the mid moves for one unit of net volume, by a line through windows of time.

    Time is cut into intervals of ``interval`` (multiples of it since 1970); each gives one pair of net volume and
    change of the mid, as :func:`orderbook.analytics.arrays.net_volume` and
    :func:`~orderbook.analytics.arrays.mid_change` on those edges do. The line is that of
    :func:`~orderbook.analytics.arrays.kyle_lambda` (``"ols"``, or ``"origin"`` without ``intercept``) over the last
    ``window`` intervals, None: over all, by co-moments updated in one pass (Welford). An interval without a mid at
    both ends is left out. O(1) an update and O(window) for a value. Source: Kyle (1985).

    Pitfall: call :meth:`reset` as soon as a gap is known; intervals of it that a trade has ended by then are counted
    as without a move, where the array form, which knows the whole tape, leaves them out.

    Raises:
        ValueError: ``interval`` or ``window`` is not above 0.

    >>> from orderbook import L2Book
    >>> book, impact = L2Book(), KyleLambda(interval=10)
    >>> for ts, (bid, side, size) in enumerate([(99, 1, 10), (101, -1, 5), (100, 1, 20), (104, -1, 15), (101, 1, 1)]):
    ...     book.apply_snapshot([(bid, 1)], [(bid + 2, 1)])
    ...     impact.update(book, ts * 10 - 1)
    ...     impact.trade(ts * 10, side, size)
    >>> round(impact.value, 4)
    0.2
    """

    def __init__(self, *, interval: Span, window: int | None = None, intercept: bool = True) -> None:
        self._interval = span_ns(interval, "interval")
        self._intercept = bool(intercept)
        self._pairs: deque[tuple[float, float]] | None = None
        if window is not None:
            self._pairs = deque(maxlen=as_count(window, "window"))
        self._moments = _Moments(self._intercept)
        self._ts: int | None = None
        self._scales: Scales = None
        self._current = 0  # number of the interval that is open
        self._flow = 0.0
        self._mid: float | None = None
        self._start: float | None = None  # the mid at the interval's start

    @property
    def fit(self) -> ImpactFit | None:
        """The line through the intervals that have ended; None before two of them, or without variance of volume."""
        if self._pairs is None:
            row = self._moments.fit()
        else:
            x, y = np.array(self._pairs, np.float64).reshape(-1, 2).T
            row = fit_rows(x[None], y[None], intercept=self._intercept)[0]
        slope, intercept, t, r2, n = row.tolist()
        return None if slope != slope else ImpactFit(slope, intercept, t, r2, int(n))

    @property
    def value(self) -> float | None:
        """Lambda, price per unit of size."""
        fit = self.fit
        return None if fit is None else fit.slope

    def update(self, book: BookLike, ts: int) -> None:
        """Take the mid of a book.

        Raises:
            ValueError: ``ts`` is earlier than the last, or a book of ints has changed its scales.
        """
        self._scales = same_scales(book, self._scales)
        self._advance(ts)
        self._mid = mid_of(book)

    def trade(self, ts: int, side: SideLike | None, size: float) -> None:
        """Count a trade; ``side`` is the aggressor's, 0 or None where it is unknown.

        Raises:
            ValueError: ``ts`` is earlier than the last, no such side, or no size.
        """
        sign, volume = sign_of(side), as_size(size)
        self._advance(ts)
        self._flow += sign * volume

    def reset(self) -> None:
        """Forget the mid, after a gap: no change is counted across it."""
        self._mid = self._start = None

    def _advance(self, ts: int) -> None:
        """End the intervals that are over at ``ts``."""
        interval = ts // self._interval
        if self._ts is None:
            self._current = interval
        self._ts = in_order(ts, self._ts)
        if interval > self._current:
            change = None if self._mid is None or self._start is None else self._mid - self._start
            self._end(self._flow, change, 1)
            self._end(0.0, None if self._mid is None else 0.0, interval - self._current - 1)
            self._current, self._flow, self._start = interval, 0.0, self._mid

    def _end(self, flow: float, change: float | None, times: int) -> None:
        """Take in ``times`` intervals that are alike: a quiet night is one step, not one for each of its intervals."""
        if self._pairs is not None:
            pair = (flow, float("nan") if change is None else change)
            self._pairs.extend([pair] * min(times, self._pairs.maxlen or 0))
        elif change is not None and times:
            self._moments.add(flow, change, times)


class _Moments:
    """Count, means and co-moments of pairs, about the means (Welford) or, without an intercept, about 0."""

    def __init__(self, intercept: bool) -> None:
        self._intercept = intercept
        self._n = 0
        self._x = self._y = 0.0
        self._xx = self._xy = self._yy = 0.0

    def add(self, x: float, y: float, times: int) -> None:
        """Take in a pair, several times over."""
        before, self._n = self._n, self._n + times
        dx, dy = x - self._x, y - self._y
        weight: float = times
        if self._intercept:
            self._x += dx * times / self._n
            self._y += dy * times / self._n
            weight = times * (before / self._n)
        self._xx += dx * dx * weight
        self._xy += dx * dy * weight
        self._yy += dy * dy * weight

    def fit(self) -> Floats:
        """Slope, intercept, t, r2, n."""
        moments = np.array([self._n, self._x, self._y, self._xx, self._xy, self._yy])
        return finish_fit(*moments, intercept=self._intercept)


class RealisedSpread(NamedTuple):
    """One trade at one horizon, in price: what became known when the horizon had passed."""

    ts: int
    """Time of the trade."""
    horizon: int
    """The horizon in ns; known at ``ts + horizon`` and not before."""
    effective: float
    realised: float
    impact: float


class SpreadMeans(NamedTuple):
    """Means in bps of the reference, weighted with dollar volume; one entry a horizon in the tuples."""

    effective: float
    """Over all trades with a reference and a side."""
    realised: tuple[float | None, ...]
    """Over the trades whose horizon has passed; None where there is none."""
    impact: tuple[float | None, ...]
    """Over the same trades as ``realised``."""
    n: int
    """Trades in ``effective``."""
    n_realised: tuple[int, ...]
    """Trades in ``realised`` and ``impact``."""


class _Pending(NamedTuple):
    """A trade that waits for its horizon."""

    ts: int
    sign: int
    price: float
    reference: float
    dollars: float


class EffectiveSpread:
    """Effective, realised spread and impact of each trade, without looking ahead: realised comes when it is known.

    ``horizons`` are lengths of time after a trade. ``ref`` is the price that counts as fair: ``"mid"``,
    ``"weighted_mid"``, or a function of a book. The reference of a trade is that of the last book *strictly before*
    it, that of a horizon the last book at or before it, as in :func:`orderbook.analytics.arrays.effective_spread`.
    :meth:`trade` returns the effective spread and :meth:`update` what has become known since, in price. O(1) a trade
    and horizon. ``max_pending`` trades wait at most for each horizon; beyond, the oldest is dropped and
    :attr:`dropped` counts it.

    Pitfall: a trade of unknown side, or without a book before it, has no spread (None).

    Raises:
        ValueError: no such ``ref``, or a horizon or ``max_pending`` is not above 0.

    >>> from orderbook import L2Book
    >>> book, spread = L2Book(), EffectiveSpread(horizons=[5])
    >>> for ts, bid in [(0, 99), (10, 100), (20, 101)]:
    ...     book.apply_snapshot([(bid, 1)], [(bid + 2, 1)])
    ...     for known in spread.update(book, ts):
    ...         print(known)
    ...     if ts == 0:
    ...         print(spread.trade(7, "buy", 102, 3))
    4.0
    RealisedSpread(ts=7, horizon=5, effective=4.0, realised=2.0, impact=2.0)
    """

    def __init__(self, *, horizons: Sequence[Span] = (), ref: Fair = "mid", max_pending: int = 100_000) -> None:
        if not callable(ref) and ref not in _FAIR:
            raise ValueError(f"ref is one of {', '.join(map(repr, _FAIR))} or a function of a book, not {ref!r}")
        self._fair = ref
        self._horizons = tuple(span_ns(span, "horizon") for span in horizons)
        self._pending: list[deque[_Pending]] = [deque() for _ in self._horizons]
        self._most = as_count(max_pending, "max_pending")
        self._dropped = 0
        self._now: float | None = None  # the reference of the last book
        self._earlier: float | None = None  # and of the last book before its time
        self._book_ts: int | None = None
        self._ts: int | None = None
        self._scales: Scales = None
        self._effective = _Mean()
        self._realised = [_Mean() for _ in self._horizons]
        self._impact = [_Mean() for _ in self._horizons]

    @property
    def value(self) -> SpreadMeans | None:
        """The dollar-weighted means so far, in bps; None before a trade with a spread."""
        effective = self._effective.value
        if effective is None:
            return None
        return SpreadMeans(
            effective,
            tuple(mean.value for mean in self._realised),
            tuple(mean.value for mean in self._impact),
            self._effective.n,
            tuple(mean.n for mean in self._realised),
        )

    @property
    def dropped(self) -> int:
        """Trades whose realised spread will never be known: by a reset, or because too many waited."""
        return self._dropped

    def update(self, book: BookLike, ts: int) -> list[RealisedSpread]:
        """Take the reference of a book, and return the spreads of trades whose horizon has passed.

        Raises:
            ValueError: ``ts`` is earlier than the last, or a book of ints has changed its scales.
        """
        self._scales, self._ts = same_scales(book, self._scales), in_order(ts, self._ts)
        known = [spread for i in range(len(self._horizons)) for spread in self._due(i, ts)]
        if self._book_ts is None or ts > self._book_ts:
            self._earlier = self._now
        self._now, self._book_ts = reference_of(book, self._fair), ts
        return known

    def trade(self, ts: int, side: SideLike | None, price: float, size: float) -> float | None:
        """Return the effective spread of a trade in price; ``side`` is the aggressor's, 0 or None: unknown.

        Raises:
            ValueError: ``ts`` is earlier than the last, no such side, or no price or size.
        """
        sign, paid, volume = sign_of(side), as_finite(price, "price"), as_size(size)
        self._ts = in_order(ts, self._ts)
        reference = self._earlier if self._book_ts == ts else self._now
        if reference is None or not sign:
            return None
        effective = 2.0 * sign * (paid - reference)
        trade = _Pending(ts, sign, paid, reference, abs(paid) * volume)
        self._effective.add(effective, trade)
        for waiting in self._pending:
            waiting.append(trade)
            if len(waiting) > self._most:
                waiting.popleft()
                self._dropped += 1
        return effective

    def reset(self) -> None:
        """Forget the book, after a gap: trades that still wait will not know what the price was."""
        self._dropped += sum(map(len, self._pending))
        for waiting in self._pending:
            waiting.clear()
        self._now = self._earlier = self._book_ts = None

    def _due(self, i: int, ts: int) -> list[RealisedSpread]:
        """What a horizon makes known before a book at ``ts``: until then the last reference held."""
        waiting, horizon, known = self._pending[i], self._horizons[i], []
        while waiting and waiting[0].ts + horizon < ts:
            trade = waiting.popleft()
            if self._now is None:
                self._dropped += 1
                continue
            realised = 2.0 * trade.sign * (trade.price - self._now)
            impact = 2.0 * trade.sign * (self._now - trade.reference)
            self._realised[i].add(realised, trade)
            self._impact[i].add(impact, trade)
            effective = 2.0 * trade.sign * (trade.price - trade.reference)
            known.append(RealisedSpread(trade.ts, horizon, effective, realised, impact))
        return known


class _Mean:
    """A mean in bps, weighted with dollars."""

    def __init__(self) -> None:
        self.n = 0
        self._total = self._weight = 0.0

    @property
    def value(self) -> float | None:
        return self._total / self._weight if self._weight else None

    def add(self, spread: float, trade: _Pending) -> None:
        if trade.reference > 0:
            self.n += 1
            self._total += trade.dollars * 1e4 * spread / trade.reference
            self._weight += trade.dollars


def reference_of(book: BookLike, fair: Fair) -> float | None:
    """The price of a book that counts as fair, None where there is none (a function may also say NaN)."""
    price = fair(book) if callable(fair) else _FAIR[fair](book)
    return price if price is not None and math.isfinite(price) else None


def _weighted_mid(book: BookLike) -> float | None:
    best = best_of(book)
    if best is None:
        return None
    bid, bid_size, ask, ask_size = best
    return (bid * ask_size + ask * bid_size) / (bid_size + ask_size)


_FAIR: Final[dict[str, Callable[[BookLike], float | None]]] = {"mid": mid_of, "weighted_mid": _weighted_mid}
