"""How fast depth comes back after it was taken, book by book."""

from __future__ import annotations

import math
from collections import deque
from typing import NamedTuple

from orderbook.analytics._arguments import SideLike, Span, as_count, as_positive, as_side, in_order, span_ns
from orderbook.analytics._levels import BookLike, is_known_to
from orderbook.analytics._rolling import Scales, same_scales
from orderbook.analytics.arrays.recovery import HALF, as_share, half_time

__all__ = ("Recovery", "Resilience")


class Recovery(NamedTuple):
    """What became of one shock."""

    ts: int
    """When it was seen."""
    before: float
    """Depth of its band just before."""
    after: float
    """And just after."""
    half_life: int | None
    """Time in ns until half of the loss was back; None where that was not seen."""
    half_life_interpolated: float | None
    """The same with a straight line from the book before."""
    duration: int
    """How long it was watched, in ns: to its half-life, or to where it was censored."""
    recovered: bool
    """Whether half of the loss came back; False is right-censored at ``duration``."""


class Resilience:
    """Watches one side for shocks and measures how long half of the lost depth takes to come back.

    A shock is an update after which at least ``shock`` (a share) of the size at the best price is gone, at that price
    or better. Its band reaches from ``band_ticks`` ticks of ``tick`` behind the best price before it to any better
    price, and stays there. It is watched until half of the loss is back or, right-censored, until the ``horizon``, the
    next shock or a :meth:`reset`. The same as :func:`orderbook.analytics.arrays.touch_shocks` with
    :func:`~orderbook.analytics.arrays.band_resilience`. One shock is watched at a time; O(levels of the band) an
    update, and the last ``keep`` outcomes are kept.

    For event time give a count of updates in place of ``ts``, and the ``horizon`` in updates.

    Pitfall: cancels make shocks too, for a book does not say why a size is gone.

    Raises:
        ValueError: no such side, or a number is out of its range.

    >>> from orderbook import L2Book
    >>> book, watch = L2Book(), Resilience(side="bid", band_ticks=1, tick=1, horizon=100)
    >>> for ts, size in [(0, 12), (1, 4), (2, 6), (5, 10)]:
    ...     book.apply_snapshot([(100, size), (99, 5)], [(101, 1)])
    ...     watch.update(book, ts)
    >>> watch.value, watch.recoveries[0].half_life, watch.recoveries[0].half_life_interpolated
    (1.0, 4, 2.5)
    """

    def __init__(
        self,
        *,
        side: SideLike,
        band_ticks: int,
        tick: float,
        horizon: Span,
        shock: float = 0.5,
        keep: int = 10_000,
    ) -> None:
        self._side = as_side(side)
        self._ticks, self._tick = as_count(band_ticks, "band_ticks"), as_positive(tick, "tick")
        self._horizon = span_ns(horizon, "horizon")
        self._share = as_share(shock, "shock")
        self._recoveries: deque[Recovery] = deque(maxlen=as_count(keep, "keep"))
        self._ts: int | None = None
        self._scales: Scales = None
        self._best: tuple[float, float] | None = None
        self._depth = math.nan
        self._watched: _Shock | None = None

    @property
    def value(self) -> float | None:
        """The share of the kept shocks that recovered, of those watched to the end; None before the first.

        Shocks cut short by another or by a reset are not in it: for all of them, give ``duration`` and ``recovered``
        of :attr:`recoveries` to a Kaplan-Meier estimate.
        """
        ended = [shock.recovered for shock in self._recoveries if shock.recovered or shock.duration == self._horizon]
        return sum(ended) / len(ended) if ended else None

    @property
    def recoveries(self) -> tuple[Recovery, ...]:
        """The outcomes of the last shocks, oldest first."""
        return tuple(self._recoveries)

    def update(self, book: BookLike, ts: int) -> None:
        """Look at the book after a change.

        Raises:
            ValueError: ``ts`` is earlier than the last, or a book of ints has changed its scales.
        """
        self._scales = same_scales(book, self._scales)
        last, self._ts = self._ts, in_order(ts, self._ts)
        shock = self._new_shock(book, ts)
        watched = self._watched
        if watched is not None and ts > watched.ts + self._horizon:
            self._end(watched.ts + self._horizon)
        elif watched is not None and shock is not None:
            self._end(ts)
        elif watched is not None:
            self._look(watched, book, ts, last)
        if shock is not None:
            self._watched = shock
        self._remember(book)

    def reset(self) -> None:
        """Stop watching, after a gap: what happened in it is not known."""
        if self._watched is not None and self._ts is not None:
            self._end(self._ts)
        self._best = None

    def _new_shock(self, book: BookLike, ts: int) -> _Shock | None:
        """The shock that this update is, if it is one."""
        levels = book.bids if self._side > 0 else book.asks
        if self._best is None or not len(levels):
            return None
        price, size = self._best
        if (size - self._above(book, price)) / size < self._share:
            return None
        after = self._band(book, price)
        return _Shock(ts, price, self._depth, after) if self._depth > after else None

    def _look(self, watched: _Shock, book: BookLike, ts: int, last: int | None) -> None:
        """See how much of the loss is back."""
        share = (self._band(book, watched.price) - watched.after) / (watched.before - watched.after)
        if share >= HALF:
            between = half_time(watched.seen - watched.ts, watched.share, ts - watched.ts, share)
            self._end(ts, ts - watched.ts, between)
        elif not math.isnan(share):
            watched.seen, watched.share = ts, share

    def _end(self, ts: int, half_life: int | None = None, interpolated: float | None = None) -> None:
        watched = self._watched
        if watched is not None:
            outcome = half_life, interpolated, ts - watched.ts, half_life is not None
            self._recoveries.append(Recovery(watched.ts, watched.before, watched.after, *outcome))
        self._watched = None

    def _remember(self, book: BookLike) -> None:
        """Keep what a shock is measured against."""
        levels = book.bids if self._side > 0 else book.asks
        self._best = (float(levels[0].price), float(levels[0].size)) if len(levels) else None
        self._depth = self._band(book, self._best[0]) if self._best else math.nan

    def _band(self, book: BookLike, price: float) -> float:
        """The size down to the end of the band of ``price``; NaN where the book does not know all of it."""
        # Half a tick beyond the band takes in its last price however it is rounded.
        inside = price - self._side * (self._ticks - HALF) * self._tick
        limit = price - self._side * (self._ticks + HALF) * self._tick
        return self._above(book, limit) if is_known_to(book, self._side, inside) else math.nan

    def _above(self, book: BookLike, limit: float) -> float:
        """The size at the price ``limit`` and better."""
        total = 0.0
        for price, size, _ in book.bids if self._side > 0 else book.asks:
            if (float(price) - limit) * self._side < 0:
                break
            total += float(size)
        return total


class _Shock:
    """A shock that is being watched, and the last share of its loss that was known to be back."""

    __slots__ = ("after", "before", "price", "seen", "share", "ts")

    def __init__(self, ts: int, price: float, before: float, after: float) -> None:
        self.ts, self.price, self.before, self.after = ts, price, before, after
        self.seen, self.share = ts, 0.0
