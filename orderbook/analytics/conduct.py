"""How orders behave, in numbers: messages for a trade, cancels by distance, orders that come and go at once.

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
from orderbook.analytics._lives import UNDEF, Exit, Flow, Piece
from orderbook.analytics.arrays._rows import as_flags
from orderbook.analytics.arrays._windows import after, as_stamps, as_times
from orderbook.analytics.lifetimes import OrderLives
from orderbook.analytics.survival import cumulative_incidence
from orderbook.analytics.tape import Clock, EventColumns, Trades
from orderbook.types import UNDEF_TIMESTAMP, Action

__all__ = (
    "Burst",
    "CancelledImbalance",
    "ImbalanceAround",
    "Indicator",
    "MessageStats",
    "MessageSummary",
    "cancel_ratio",
    "cancelled_volume_imbalance",
    "fleeting_share",
    "imbalance_around",
    "layering_indicator",
    "message_burst",
    "order_to_trade",
    "strategic_runs_indicator",
)

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
_DISTANCES: Final = 5


def order_to_trade(ordered: float, traded: float) -> float | None:
    """Return ``ordered / traded - 1``, for volumes or for counts; None where nothing traded. O(1).

    Venues count differently: say whether a modify is one message or two, and which orders belong to it.

    Raises:
        ValueError: a number below 0.

    >>> order_to_trade(1200, 100), order_to_trade(48, 6), order_to_trade(5, 0)
    (11.0, 7.0, None)
    """
    for name, value in (("ordered", ordered), ("traded", traded)):
        if not value >= 0:
            raise ValueError(f"{name} is at least 0, not {value!r}")
    return float(ordered) / float(traded) - 1 if traded else None


def cancel_ratio(cancelled: npt.ArrayLike, executed: npt.ArrayLike) -> Floats:
    """Return ``cancelled / (cancelled + executed)`` for each bucket, NaN where both are 0. O(n).

    :class:`MessageStats` counts both by the distance at which an order stands when it goes, and by the one at which it
    came. The second matters more: an order does not choose where the market is when it leaves.

    >>> cancel_ratio([3, 0, 0], [1, 2, 0])
    array([0.75, 0.  ,  nan])
    """
    gone = np.asarray(cancelled, np.float64)
    return _ratio(gone, gone + np.asarray(executed, np.float64))


class CancelledImbalance(NamedTuple):
    """``by_level`` (n,) for each level or bucket, NaN where nothing was cancelled; ``total`` of all, None likewise.

    >>> cancelled_volume_imbalance([3, 0], [1, 0]).total
    0.5
    """

    by_level: Floats
    total: float | None


def cancelled_volume_imbalance(bid_cancelled: npt.ArrayLike, ask_cancelled: npt.ArrayLike) -> CancelledImbalance:
    """Return ``(bid - ask) / (bid + ask)`` of cancelled volumes: + where more *bids* were cancelled. O(n).

    Mind the sign: cancelled bids take buying interest off the book.

    Raises:
        ValueError: shapes that differ.

    >>> imbalance = cancelled_volume_imbalance([30, 120, 250], [20, 40, 60])
    >>> imbalance.by_level.round(6), round(imbalance.total, 6)
    (array([0.2     , 0.5     , 0.612903]), 0.538462)
    """
    bid, ask = (np.atleast_1d(np.asarray(side, np.float64)) for side in (bid_cancelled, ask_cancelled))
    if bid.shape != ask.shape:
        raise ValueError(f"bid_cancelled and ask_cancelled have one shape, not {bid.shape} and {ask.shape}")
    total = float((bid + ask).sum())
    return CancelledImbalance(_ratio(bid - ask, bid + ask), float((bid - ask).sum()) / total if total else None)


class Burst(NamedTuple):
    """Messages in bins of time: B bins from the first message to the last.

    ``ts`` (B,) int64 where each bin begins; ``messages`` (B,) how many came in it; ``z`` (B,) by how many standard
    deviations that is above the mean of the bins before, NaN while there are not enough of them or all were empty.

    >>> message_burst([0, 5, 12, 40], width=10, trailing=2).messages
    array([2, 1, 0, 0, 1])
    """

    ts: Ints
    messages: Ints
    z: Floats


def message_burst(ts: npt.ArrayLike, *, width: Span, trailing: int) -> Burst:
    """Return how unusual the number of messages in each bin of ``width`` is beside the ``trailing`` bins before it.

    ``z = (count - mean) / max(sd, sqrt(mean))``. The second term is the spread of messages that come independently; it
    keeps a quiet stretch with the same count in every bin from making anything a burst. O(n + B).

    Args:
        ts: (n,) int ns or datetime64, never falling: the time of each message; ``UNDEF_TIMESTAMP`` is passed over.
        width: of a bin, for instance ``orderbook.duration_ns("100ms")``.
        trailing: bins before, not counting the one itself.

    Raises:
        ValueError: times that fall, a width that is not above 0, or fewer than 2 trailing bins.
        TypeError: ``ts`` are no times.

    Gai, Yao and Ye (2012) measure quoting by messages in short bins. Bins are empty where nothing came: over a day of
    10 ms there are 8.6 million.

    >>> ts = [0, 1, 2, 3, 4, 5, 6, 6, 6, 6]
    >>> message_burst(ts, width=1, trailing=4).z
    array([nan, nan, nan, nan,  0.,  0.,  3.])
    """
    times, bin_ns, before = as_stamps(ts, "ts"), span_ns(width, "width"), as_count(trailing, "trailing")
    times = times[times != UNDEF_TIMESTAMP]
    if before < 2:
        raise ValueError("trailing is at least 2 bins, not 1")
    if (times[1:] < times[:-1]).any():
        raise ValueError("ts is one column of times that never fall")
    if not len(times):
        return Burst(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0))
    start = int(times[0]) // bin_ns
    count = np.bincount(times // bin_ns - start).astype(np.int64)
    sums = np.concatenate(([0], np.cumsum(count)))
    squares = np.concatenate(([0], np.cumsum(count * count)))
    z = np.full(len(count), np.nan)
    if len(count) > before:
        total, square = (column[before:-1] - column[: -before - 1] for column in (sums, squares))
        # Whole numbers until the last step: the variance of a constant is exactly 0.
        variance = np.maximum((before * square - total * total) / (before * (before - 1)), total / before)
        z[before:] = _ratio(count[before:] - total / before, np.sqrt(variance))
    return Burst((start + np.arange(len(count))) * bin_ns, count, z)


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


class MessageSummary(NamedTuple):
    """What :class:`MessageStats` has counted (with a half-life: counts that fade).

    ``adds changes cancels fills`` are messages about resting orders, ``ordered cancelled executed`` their volumes
    (ordered: what was added or grown; cancelled: also what a change took off). ``order_to_trade_count`` is
    ``(adds + changes + cancels) / fills - 1``, ``order_to_trade_volume`` is ``ordered / executed - 1``,
    ``cancels_per_fill`` the ratio of counts; None without a fill. By distance from the best price, B buckets:
    ``cancel_ratio_at_entry cancel_ratio_at_exit`` (B,) of :func:`cancel_ratio`, by the distance at which orders came
    and at which they stood when they went; ``cancelled_imbalance`` by the latter.

    >>> MessageStats().value.adds
    0.0
    """

    adds: float
    changes: float
    cancels: float
    fills: float
    ordered: float
    cancelled: float
    executed: float
    order_to_trade_count: float | None
    order_to_trade_volume: float | None
    cancels_per_fill: float | None
    cancel_ratio_at_entry: Floats
    cancel_ratio_at_exit: Floats
    cancelled_imbalance: CancelledImbalance


class MessageStats:
    """Counts messages and volumes of resting orders, by kind and by distance from the best price.

    Distances are in price units, behind the best of the order's own side just before the message (negative: in front).
    ``edges`` (ascending, K of them) make K + 1 buckets: below the first, from each up to the next, from the last on.
    What has no distance (that side was empty, the order is of a snapshot) is in the totals and in no bucket. Snapshots
    are no messages. Memory: the resting orders.

    Args:
        edges: where the buckets of distances begin.
        halflife: the time after which a message counts half; None: all count alike.
        clock: whose time, ``"event"`` or ``"recv"``.

    Raises:
        ValueError: edges that do not ascend, a half-life not above 0, no such clock.

    >>> import orderbook as ob
    >>> stats = MessageStats(edges=[0, 1])
    >>> tape = [ob.OrderAdd(order_id=i, side=ob.Side.BID, price=100 - i, size=5, ts_event=i) for i in range(3)]
    >>> tape += [ob.OrderExecute(order_id=0, size=5, ts_event=3), ob.OrderCancel(order_id=2, ts_event=4)]
    >>> stats.update(ob.Events.from_events(tape))
    >>> stats.value.order_to_trade_count, stats.value.order_to_trade_volume, stats.value.cancel_ratio_at_exit
    (3.0, 2.0, array([nan,  0.,  1.]))
    """

    def __init__(
        self, *, edges: Sequence[float] = (0.0,), halflife: Span | None = None, clock: Clock = "event"
    ) -> None:
        self._edges = np.asarray(edges, np.float64)
        if self._edges.ndim != 1 or np.isnan(self._edges).any() or not (np.diff(self._edges) > 0).all():
            raise ValueError(f"edges are prices that ascend, not {edges!r}")
        self._halflife = None if halflife is None else span_ns(halflife, "halflife")
        self._clock = clock
        self.reset()

    def reset(self) -> None:
        """Forget everything: a new tape begins."""
        self._flow, self._now = Flow(clock=self._clock, split_on_price=False), UNDEF_TIMESTAMP
        self._counts, self._volumes = np.zeros(4), np.zeros(3)
        # Cancelled and executed; at entry and at exit; bid and ask; buckets.
        self._buckets = np.zeros((2, 2, 2, len(self._edges) + 1))

    def update(self, events: EventColumns) -> None:
        """Take the next piece of a tape, whole messages. O(n log n) in its rows, plus the resting orders.

        Raises:
            ValueError: the exponents are not those of the pieces before.
        """
        done, piece = self._flow.rows, self._flow.update(events)
        latest = self._fade(events.ts_event if self._clock == "event" else events.ts_recv)
        price_unit, size_unit = 10.0**-events.price_exponent, 10.0**-events.size_exponent
        rows = piece.rows
        weight = self._weights(rows.ts, latest[rows.row - done])
        for i, kind in enumerate((Action.ADD, Action.MODIFY, Action.CANCEL, Action.FILL)):
            self._counts[i] += weight[(rows.kind == kind) & ~rows.snapshot].sum()
        change = rows.after - rows.before
        grown = np.where(np.isin(rows.kind, (Action.ADD, Action.MODIFY)) & ~rows.snapshot, np.maximum(change, 0), 0)
        pulled = np.where(np.isin(rows.kind, (Action.MODIFY, Action.CANCEL)), np.maximum(-change, 0), 0)
        executed = np.where((rows.kind == Action.FILL) & rows.known, rows.size, 0)
        volumes = [column * weight / size_unit for column in (grown, pulled, executed)]
        self._volumes += [column.sum() for column in volumes]
        self._add_to_buckets(piece, volumes[1:], price_unit)

    def _weights(self, ts: Ints, latest: Ints) -> Floats:
        if self._halflife is None or self._now == UNDEF_TIMESTAMP:
            return np.ones(len(ts))
        return np.asarray(np.exp2((np.where(ts == UNDEF_TIMESTAMP, latest, ts) - self._now) / self._halflife))

    def _fade(self, ts: Ints) -> Ints:
        """Fade the counts to the latest time so far (a clock that falls back revives none); the latest at each row."""
        told = np.append(ts[ts != UNDEF_TIMESTAMP], UNDEF_TIMESTAMP)
        before = int(told[0]) if self._now == UNDEF_TIMESTAMP else self._now
        latest: Ints = np.maximum.accumulate(np.maximum(ts, before))
        self._now = int(np.max(latest, initial=before))
        if self._halflife is not None and before != UNDEF_TIMESTAMP:
            faded = 2.0 ** ((before - self._now) / self._halflife)
            self._counts *= faded
            self._volumes *= faded
            self._buckets *= faded
        return latest

    def _add_to_buckets(self, piece: Piece, volumes: list[Floats], price_unit: float) -> None:
        goes = np.flatnonzero((piece.life >= 0) & ((volumes[0] > 0) | (volumes[1] > 0)))
        side = np.where(piece.rows.side[goes] > 0, 0, 1)
        for place, distance in enumerate((piece.lives["distance"][piece.life[goes]], piece.distance[goes])):
            known = distance != UNDEF
            bucket = np.searchsorted(self._edges, distance[known] / price_unit, side="right")
            for kind, volume in enumerate(volumes):
                np.add.at(self._buckets[kind, place], (side[known], bucket), volume[goes][known])

    @property
    def value(self) -> MessageSummary:
        """The counts so far. O(B)."""
        adds, changes, cancels, fills = (float(count) for count in self._counts)
        ordered, cancelled, executed = (float(volume) for volume in self._volumes)
        gone, filled = self._buckets
        return MessageSummary(
            *(adds, changes, cancels, fills, ordered, cancelled, executed),
            order_to_trade(adds + changes + cancels, fills),
            order_to_trade(ordered, executed),
            cancels / fills if fills else None,
            cancel_ratio(gone[0].sum(axis=0), filled[0].sum(axis=0)),
            cancel_ratio(gone[1].sum(axis=0), filled[1].sum(axis=0)),
            cancelled_volume_imbalance(gone[1, 0], gone[1, 1]),
        )


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


def _ratio(numerator: Any, denominator: Any) -> Floats:
    """A ratio, NaN over 0."""
    below = np.asarray(denominator, np.float64)
    out = np.full(below.shape, np.nan)
    np.divide(numerator, below, out=out, where=below != 0)
    return out
