"""Liquidity as what it costs to trade: the round trip, and how it ranks against the recent past."""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections import deque
from typing import NamedTuple

from orderbook.analytics._arguments import Span, as_positive, in_order, span_ns
from orderbook.analytics._levels import BookLike, mid_of
from orderbook.analytics.cost import sweep

__all__ = ("Liquidity", "LiquidityScore", "round_trip_bps")


def round_trip_bps(book: BookLike, notional: float) -> float | None:
    """Return the cost of buying and selling for ``notional`` at once, in basis points of the mid. O(levels touched).

    ``1e4 * (average ask - average bid) / mid``, each the average price of a sweep for that much money: the measure that
    Deutsche Boerse publishes as XLM. 10 bps for 25,000 EUR are 25 EUR. None where a side cannot fill ``notional``, and
    without a mid above 0. Whether an order that is not filled is impossible or unknown says :func:`~.sweep`.

    Raises:
        ValueError: ``notional`` is not above 0.

    >>> import orderbook as ob
    >>> book = ob.L2Book()
    >>> bids, asks = [("100.00", 5), ("99.99", 10), ("99.97", 20)], [("100.02", 15), ("100.03", 5), ("100.06", 40)]
    >>> book.apply_snapshot(bids, asks)
    >>> round(round_trip_bps(book, 2_500), 7), round_trip_bps(book, 1_000_000)
    (4.5988644, None)
    """
    money, mid = as_positive(notional, "notional"), mid_of(book)
    ask = sweep(book, "buy", money, by="quote").avg
    bid = sweep(book, "sell", money, by="quote").avg
    if mid is None or mid <= 0 or ask is None or bid is None:
        return None
    return 1e4 * (ask - bid) / mid


class Liquidity(NamedTuple):
    """The cost of a round trip now, and its rank from 0 (dearest of its window) to 100 (cheapest).

    ``score`` is None while there is nothing to compare with.
    """

    cost_bps: float
    score: float | None


class LiquidityScore:
    """How cheap a round trip is now, against the same instrument's own recent past: :class:`Liquidity`, raw and ranked.

    ``score`` is the share of the earlier samples of the last ``window`` that were dearer than now, equal ones counted
    by half, times 100. It looks back only. It is a rank: it compares a market with itself, never two markets with each
    other; for that take ``cost_bps``. A moment without a cost (an empty side, too little depth) is no sample.

    Samples are weighed one each, however long they lasted: update at regular times where that matters. An update costs
    O(w) in the worst case, with w samples in the window, and as many are kept.

    Raises:
        ValueError: ``notional`` or ``window`` is not above 0.

    >>> import orderbook as ob
    >>> score = LiquidityScore(notional=200, window=ob.duration_ns("1h"))
    >>> for second, ask in enumerate([101, 103, 102]):
    ...     book = ob.L2Book()
    ...     book.apply_snapshot([(99, 10)], [(ask, 10)])
    ...     score.update(book, second * 10**9)
    >>> score.value.score  # dearer than the first, cheaper than the second
    50.0
    """

    def __init__(self, *, notional: float, window: Span) -> None:
        self.notional = as_positive(notional, "notional")
        self.window = span_ns(window)
        self.reset()

    def reset(self) -> None:
        """Forget the window, as before the first update."""
        self._samples: deque[tuple[int, float]] = deque()
        self._sorted: list[float] = []
        self._value: Liquidity | None = None
        self._ts: int | None = None

    def update(self, book: BookLike, ts: int) -> None:
        """Take the book as it is at ``ts`` (int ns UTC).

        Raises:
            ValueError: ``ts`` is before that of the update before.
        """
        self._ts = in_order(ts, self._ts)
        while self._samples and self._samples[0][0] <= ts - self.window:
            del self._sorted[bisect_left(self._sorted, self._samples.popleft()[1])]
        cost = round_trip_bps(book, self.notional)
        if cost is None:
            self._value = None
            return
        self._value = Liquidity(cost, self._rank(cost))
        self._samples.append((ts, cost))
        insort(self._sorted, cost)

    def _rank(self, cost: float) -> float | None:
        count = len(self._sorted)
        if not count:
            return None
        cheaper, not_dearer = bisect_left(self._sorted, cost), bisect_right(self._sorted, cost)
        return 100 * ((count - not_dearer) + (not_dearer - cheaper) / 2) / count

    @property
    def value(self) -> Liquidity | None:
        """Cost and rank as of the last update, None where that had no cost."""
        return self._value
