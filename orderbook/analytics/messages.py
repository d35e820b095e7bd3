"""Messages and what they move: order-to-trade ratios, cancels by distance, bursts.

All of it is counting. Venues count differently, and every ratio here is also high where people quote both sides.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from orderbook.analytics._arguments import Span, as_count, span_ns
from orderbook.analytics._lives import UNDEF, Flow, Piece
from orderbook.analytics.arrays._windows import as_stamps
from orderbook.analytics.tape import Clock, EventColumns
from orderbook.types import UNDEF_TIMESTAMP, Action

__all__ = (
    "Burst",
    "CancelledImbalance",
    "MessageStats",
    "MessageSummary",
    "cancel_ratio",
    "cancelled_volume_imbalance",
    "message_burst",
    "order_to_trade",
)

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

MAX_BINS = 100_000_000
"""What one stray time must not exceed: 2.4 GB."""


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
        ValueError: times that fall, a width that is not above 0, fewer than 2 trailing bins, or times so far apart that
            they make more than 100 million bins.
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
    start, bins = int(times[0]) // bin_ns, int(times[-1]) // bin_ns - int(times[0]) // bin_ns + 1
    if bins > MAX_BINS:
        raise ValueError(f"{bins} bins of {bin_ns} ns are too many: a wider width, or a stray time in ts?")
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


def _ratio(numerator: Any, denominator: Any) -> Floats:
    """A ratio, NaN over 0."""
    below = np.asarray(denominator, np.float64)
    out = np.full(below.shape, np.nan)
    np.divide(numerator, below, out=out, where=below != 0)
    return out
