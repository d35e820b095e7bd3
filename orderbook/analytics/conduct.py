"""How orders behave, in numbers: orders that come and go at once, runs, layers, and what the book made of them.

All of it is description. No feed without account ids can tell intent, and every pattern here is also made by people who
quote both sides all day: so nothing is called a detector, each ``*_indicator`` is a share of orders, and beside it
stands the same share among comparable smaller orders (:class:`Indicator`). Where the two are alike the pattern says
nothing about large orders.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from orderbook.analytics._arguments import Span, as_count, span_ns
from orderbook.analytics._lives import Exit
from orderbook.analytics.arrays._rows import as_flags
from orderbook.analytics.arrays._windows import after, as_times
from orderbook.analytics.lifetimes import OrderLives
from orderbook.analytics.survival import cumulative_incidence
from orderbook.analytics.tape import Trades
from orderbook.types import UNDEF_TIMESTAMP

__all__ = (
    "ImbalanceAround",
    "Indicator",
    "fleeting_share",
    "imbalance_around",
    "layering_indicator",
    "strategic_runs_indicator",
)

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
_DISTANCES: Final = 5


class Indicator(NamedTuple):
    """A share of the large orders, and the same among comparable smaller ones; None where there are none.

    The smaller ones are weighted so that they come to the sides and distances from the best price in the same
    proportions as the large ones do. ``orders base_orders`` are how many there are of each; ``size`` is from which size
    on an order is large.

    >>> Indicator(rate=0.19, base_rate=0.21, orders=480, base_orders=3_500, size=10.0).rate
    0.19
    """

    rate: float | None
    base_rate: float | None
    orders: int
    base_orders: int
    size: float


def fleeting_share(
    lives: OrderLives, within: Sequence[Span] = (50_000_000, 500_000_000, 2_000_000_000), *, size_quantile: float = 0.9
) -> list[Indicator]:
    """Return which share of orders was pulled within each time of its birth, large ones beside comparable small ones.

    Of orders that came without crossing the spread; pulled is cancelled, replaced or removed. The share is a cumulative
    incidence: fills compete with it, and what the tape cuts off is censored. O(n log n) for each time.

    Args:
        lives: the orders; those of a snapshot are passed over.
        within: times; 2 s are those of Hasbrouck and Saar (2009), and long today.
        size_quantile: an order above this quantile of sizes is large.

    Raises:
        ValueError: a time not above 0, a quantile not between 0 and 1.

    >>> import orderbook as ob
    >>> from orderbook.analytics.lifetimes import order_lifetimes
    >>> tape = [ob.OrderAdd(order_id=i, side=ob.Side.BID, price=100, size=i, ts_event=0) for i in (1, 2, 3)]
    >>> tape += [ob.OrderCancel(order_id=3, ts_event=10**7), ob.OrderCancel(order_id=2, ts_event=10**9)]
    >>> fleeting_share(order_lifetimes(ob.Events.from_events(tape)), [50_000_000])
    [Indicator(rate=1.0, base_rate=0.0, orders=1, base_orders=1, size=3.0)]
    """
    seconds = [span_ns(span, "within") / 1e9 for span in within]
    lives = lives[_timed(lives) & ~lives.marketable]
    group = _Groups(lives, size_quantile)
    cause = np.where(lives.censored, 0, np.where(lives.exit == Exit.FILLED, 1, 2))
    large = cumulative_incidence(lives.seconds, cause, group.large)
    small = cumulative_incidence(lives.seconds, cause, group.weight)
    return [group.indicator(float(large.at(2, until)), float(small.at(2, until))) for until in seconds]


def strategic_runs_indicator(
    lives: OrderLives, *, within: Span = 100_000_000, at_least: int = 3, size_quantile: float = 0.9
) -> Indicator:
    """Return which share of orders belongs to a run: pulled, and put back with the same side and size, again and again.

    An order that was pulled untouched is linked to the next one of its side and size if that comes ``within`` the time
    and no other order of the kind was pulled in between. A run is a chain of ``at_least`` orders. O(n log n).

    Args:
        lives: the orders; those of a snapshot are passed over.
        within: the longest pause between a cancel and the next order.
        at_least: orders in a run.
        size_quantile: an order above this quantile of sizes is large.

    Raises:
        ValueError: a time or number that is not above 0, a quantile not between 0 and 1.

    After Hasbrouck and Saar (2013), who link orders of one trader as far as messages tell. Here a link is a coincidence
    of side, size and time: common sizes make chance links, which is what the base rate shows.

    >>> import orderbook as ob
    >>> from orderbook.analytics.lifetimes import order_lifetimes
    >>> tape = []
    >>> for i in range(4):
    ...     tape += [ob.OrderAdd(order_id=i, side=ob.Side.BID, price=100 + i, size=7, ts_event=1_000 * i),
    ...              ob.OrderCancel(order_id=i, ts_event=1_000 * i + 900)]
    >>> strategic_runs_indicator(order_lifetimes(ob.Events.from_events(tape)), within=200).rate
    1.0
    """
    pause, length = span_ns(within, "within"), as_count(at_least, "at_least")
    lives = lives[_timed(lives)]
    return _Groups(lives, size_quantile).share(_run_lengths(lives, pause) >= length)


def layering_indicator(
    lives: OrderLives,
    trades: Trades,
    *,
    at_least: int = 3,
    within: Span = 50_000_000,
    pulled_within: Span = 10_000_000_000,
    size_quantile: float = 0.9,
) -> Indicator:
    """Return which share of orders stood in layers that were pulled after a trade on the other side.

    A layer set is ``at_least`` orders of one side at different prices, each entered ``within`` the time of the one
    before it, all pulled untouched no more than ``pulled_within`` after they came; and while they stood, after the last
    came and before the last went, an order of the other side of the book was hit. The sets of large orders and those of
    small ones are looked for by themselves. O(n log n).

    Args:
        lives: the orders; those of a snapshot are passed over.
        trades: the prints of the same tape (:func:`trades_of`), by the same clock.
        at_least: different prices in a set.
        within: the longest pause between entries.
        pulled_within: the longest life of a layer.
        size_quantile: an order above this quantile of sizes is large.

    Raises:
        ValueError: a time or number that is not above 0, a quantile not between 0 and 1.

    The thresholds are yours, and no venue's or regulator's. On a busy book almost any time holds a trade: read the rate
    beside the base rate, or not at all. After the orders described by Lee, Eom and Park (2013).

    >>> import orderbook as ob
    >>> from orderbook.analytics.lifetimes import order_lifetimes
    >>> from orderbook.analytics.tape import trades_of
    >>> tape = [ob.OrderAdd(order_id=i, side=ob.Side.BID, price=100 - i, size=9, ts_event=i) for i in range(3)]
    >>> tape += [ob.Trade(price=101, size=1, side=ob.Side.BID, ts_event=5)]
    >>> tape += [ob.OrderCancel(order_id=i, ts_event=10 + i) for i in range(3)]
    >>> events = ob.Events.from_events(tape)
    >>> layering_indicator(order_lifetimes(events), trades_of(events)).rate
    1.0
    """
    count, pause = as_count(at_least, "at_least"), span_ns(within, "within")
    life = span_ns(pulled_within, "pulled_within")
    lives = lives[_timed(lives)]
    group = _Groups(lives, size_quantile)
    brief = _untouched(lives) & (lives.exit_ts - lives.entry_ts <= life)
    flagged = np.zeros(len(lives), bool)
    for sizes in (group.large, ~group.large):
        for side in (1, -1):
            # A bid that stands gains by what sells: the aggressor who hit an ask has the side of the bid.
            hits = np.sort(trades.ts[trades.side == side])
            _flag_layers(lives, np.flatnonzero(brief & sizes & (lives.side == side)), hits, count, pause, flagged)
    return group.share(flagged)


class ImbalanceAround(NamedTuple):
    """Changes around each order, (n,) each, + towards the order's own side; NaN where not known.

    ``came`` with the message that brought it; ``went`` with the one that pulled it; ``later`` from just before that to
    the horizon after it, which looks ahead.

    >>> ImbalanceAround(*np.array([[0.4], [-0.4], [-0.1]])).came
    array([0.4])
    """

    came: Floats
    went: Floats
    later: Floats


def imbalance_around(
    lives: OrderLives, ts: npt.ArrayLike, imbalance: npt.ArrayLike, *, horizon: Span, reset: npt.ArrayLike | None = None
) -> ImbalanceAround:
    """Return how the book's imbalance changed when each order came, when it was pulled, and ``horizon`` after that.

    ``imbalance`` (T,) is of any kind, + where bids weigh more, at the rows ``ts`` (T,) of the book, by the clock of
    ``lives``; ``reset`` (T,) marks rows that do not continue the one before. A change is that from the last row before
    a time to the last at or before another. Pulled is cancelled, replaced or removed; orders of a snapshot or of no
    side are NaN. O(n log T).

    Raises:
        ValueError: shapes that differ, times that fall, a horizon not above 0.
        TypeError: ``ts`` or ``horizon`` are no times.

    What happens at one time is one change, whoever made it: compare large orders with small ones at the same distance.
    After Tao, Day, Ling and Drapeau (2020).

    >>> import orderbook as ob
    >>> from orderbook.analytics.lifetimes import order_lifetimes
    >>> add = ob.OrderAdd(order_id=7, side=ob.Side.ASK, price=100, size=5, ts_event=10)
    >>> lives = order_lifetimes(ob.Events.from_events([add, ob.OrderCancel(order_id=7, ts_event=20)]))
    >>> imbalance_around(lives, [0, 10, 20, 25], [0.25, -0.5, 0.0, 0.25], horizon=5)
    ImbalanceAround(came=array([0.75]), went=array([-0.5]), later=array([-0.75]))
    """
    times, values = as_times(ts, "ts"), np.asarray(imbalance, np.float64)
    until = after(lives.exit_ts, span_ns(horizon, "horizon"))
    if values.shape != times.shape:
        raise ValueError(f"imbalance has one value for each of {len(times)} times, not the shape {values.shape}")
    breaks, padded = np.append(as_flags(reset, len(times)), False), np.append(values, np.nan)
    part, end = np.append(0, np.cumsum(breaks)), times[-1] if len(times) else UNDEF_TIMESTAMP
    sign = np.where(lives.side == 0, np.nan, lives.side)

    def change(start: Ints, stop: Ints, wanted: Bools) -> Floats:
        old, new = np.searchsorted(times, start, "left"), np.searchsorted(times, stop, "right")
        # In a gap, where the next row is a reset, nothing is known of the book.
        known = wanted & (start != UNDEF_TIMESTAMP) & (old > 0) & (stop <= end)
        known &= (part[old] == part[new]) & ~breaks[new]
        return np.asarray(np.where(known, sign * (padded[new - 1] - padded[old - 1]), np.nan))

    born, gone = ~lives.left_truncated, lives.exit_ts
    pulled = born & np.isin(lives.exit, (Exit.CANCELLED, Exit.REPLACED, Exit.REMOVED))
    came = change(lives.entry_ts, lives.entry_ts, born)
    return ImbalanceAround(came, change(gone, gone, pulled), change(gone, until, pulled))


class _Groups:
    """Large orders, and the weights under which the small ones stand at the same sides and distances."""

    def __init__(self, lives: OrderLives, quantile: float) -> None:
        if not 0 < quantile < 1:
            raise ValueError(f"size_quantile is between 0 and 1, not {quantile!r}")
        self.size = _large_from(lives.size, quantile) if len(lives) else float("nan")
        self.large: Bools = lives.size >= self.size
        cuts = lives.distance[self.large & np.isfinite(lives.distance)]
        edges = np.unique(np.quantile(cuts, np.linspace(0, 1, _DISTANCES + 1))) if len(cuts) else cuts
        # Beyond all large orders nothing is comparable; an unknown distance sorts last and stays by itself.
        edges = np.concatenate((edges[:-1], np.nextafter(edges[-1:], np.inf), [np.inf]))
        bucket: Ints = np.searchsorted(edges, lives.distance, side="right") * 3 + lives.side + 1
        count = 3 * (len(edges) + 1)
        large = np.bincount(bucket[self.large], minlength=count)
        small = np.bincount(bucket[~self.large], minlength=count)
        share: Floats = np.divide(large, np.maximum(small, 1))
        self.weight: Floats = np.where(self.large, 0.0, share[bucket])

    def indicator(self, rate: float, base_rate: float) -> Indicator:
        """The two rates, None where there is no order of that kind."""
        orders, base = int(np.count_nonzero(self.large)), int(np.count_nonzero(self.weight))
        return Indicator(rate if orders else None, base_rate if base else None, orders, base, self.size)

    def share(self, flags: Bools) -> Indicator:
        """How often a flag is set."""
        large, weight = int(np.count_nonzero(self.large)), float(self.weight.sum())
        rate = int(np.count_nonzero(flags & self.large)) / large if large else 0.0
        return self.indicator(rate, float(self.weight[flags].sum()) / weight if weight else 0.0)


def _large_from(sizes: Floats, quantile: float) -> float:
    """The smallest size above the quantile; the quantile itself where there is none."""
    # Round sizes are shared by many: at the quantile stand often more orders than it should leave above.
    below = float(np.quantile(sizes, quantile, method="lower"))
    return float(np.min(sizes[sizes > below], initial=np.inf)) if (sizes > below).any() else below


def _timed(lives: OrderLives) -> Bools:
    """Orders whose birth was seen, with times that do not run backwards."""
    known = (lives.entry_ts != UNDEF_TIMESTAMP) & (lives.exit_ts >= lives.entry_ts)
    return np.asarray(known & ~lives.left_truncated)


def _untouched(lives: OrderLives) -> Bools:
    """Orders that were pulled without ever having traded."""
    return np.asarray((lives.filled == 0) & np.isin(lives.exit, (Exit.CANCELLED, Exit.REPLACED, Exit.REMOVED)))


def _run_lengths(lives: OrderLives, pause: int) -> Ints:
    """The number of orders in the chain that each order belongs to."""
    count = len(lives)
    pulled = np.flatnonzero(_untouched(lives))
    of = np.concatenate((np.arange(count), pulled))
    row = np.concatenate((lives.entry_row, lives.exit_row[pulled]))
    ts = np.concatenate((lives.entry_ts, lives.exit_ts[pulled]))
    enters = np.arange(len(of)) < count
    order = np.lexsort((row, lives.size[of], lives.side[of]))
    of, ts, enters = of[order], ts[order], enters[order]
    follows = enters[1:] & ~enters[:-1] & (ts[1:] - ts[:-1] <= pause)
    follows &= (lives.size[of[1:]] == lives.size[of[:-1]]) & (lives.side[of[1:]] == lives.side[of[:-1]])
    first = np.arange(count)
    first[of[1:][follows]] = of[:-1][follows]
    while True:  # each pass doubles how far back an order looks for the first of its chain
        further = first[first]
        if (further == first).all():
            break
        first = further
    lengths: Ints = np.bincount(first, minlength=count)[first]
    return lengths


def _flag_layers(lives: OrderLives, at: Ints, hits: Ints, at_least: int, pause: int, flagged: npt.NDArray[Any]) -> None:
    """Flag those of the chosen orders of one side that form layer sets."""
    if not len(at):
        return
    at = at[np.lexsort((lives.entry_row[at], lives.entry_ts[at]))]
    entry = lives.entry_ts[at]
    group = np.concatenate(([0], np.cumsum(np.diff(entry) > pause)))
    count = int(group[-1]) + 1
    order = np.lexsort((lives.entry_price[at], group))
    price, of = lives.entry_price[at][order], group[order]
    new = np.concatenate(([True], (price[1:] != price[:-1]) | (of[1:] != of[:-1])))
    prices = np.bincount(of[new], minlength=count)
    starts = np.searchsorted(group, np.arange(count))
    came = np.maximum.reduceat(entry, starts)
    went = np.maximum.reduceat(lives.exit_ts[at], starts)
    hit = np.searchsorted(hits, went, side="left") > np.searchsorted(hits, came, side="right")
    flagged[at] |= ((prices >= at_least) & hit)[group]
