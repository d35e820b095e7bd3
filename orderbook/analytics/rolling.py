"""Windows that move with the stream: statistics of any measure, the history of the mid, and how late messages are.

:class:`Rolling` takes the values of a measure, :class:`MidHistory` a book, :class:`LatencyTracker` the two times of a
message. A window is the last ``window`` of time, open at its start, ``(ts - window, ts]``; or the last ``events``
values; or what both allow. ``events`` is what bounds the memory when the stream is fast. Time is what is passed in: ns,
and never falls. A value is known from its update on, and nothing later is used.
"""

from __future__ import annotations

import math
import operator
from collections import deque
from collections.abc import Callable
from typing import Any, Final, Generic, Literal, NamedTuple, TypeAlias, TypeVar

import numpy as np
import numpy.typing as npt

from orderbook.analytics._arguments import Span, as_count, in_order, one_of, span_ns
from orderbook.analytics._levels import BookLike, mid_of

__all__ = ("LatencyTracker", "MidHistory", "Returns", "Rolling")

Returns: TypeAlias = Literal["log", "price"]
"""A change of the mid as difference of logarithms, or in price."""

T = TypeVar("T")

_NEVER: Final = -(2**63)


class _Queue(Generic[T]):
    """Items in the order of their times, with the merged total of all of them. O(1) amortised for each call.

    Two stacks: the older items, each with the total of itself and those after it, and the younger with one total.
    Nothing is ever subtracted, so that no rounding piles up however long the stream, and a minimum comes as cheap as a
    sum.
    """

    def __init__(self, merged: Callable[[T, T], T], nothing: T) -> None:
        self._merged, self._nothing = merged, nothing
        self._older: list[tuple[int, T, T]] = []
        self._younger: list[tuple[int, T]] = []
        self._total = nothing  # of the younger

    def __len__(self) -> int:
        return len(self._older) + len(self._younger)

    def push(self, ts: int, item: T) -> None:
        """Add the youngest item."""
        self._younger.append((ts, item))
        self._total = self._merged(self._total, item)

    def pop(self) -> None:
        """Take the oldest item out."""
        self._turn()
        self._older.pop()

    def oldest(self) -> tuple[int, T]:
        """The oldest item and its time."""
        return self._older[-1][:2] if self._older else self._younger[0]

    def total(self) -> T:
        """All items merged."""
        return self._merged(self._older[-1][2], self._total) if self._older else self._total

    def after_oldest(self) -> T:
        """All items but the oldest merged."""
        self._turn()
        return self._merged(self._older[-2][2] if len(self._older) > 1 else self._nothing, self._total)

    def _turn(self) -> None:
        if not self._older:
            total = self._nothing
            for ts, item in reversed(self._younger):
                total = self._merged(item, total)
                self._older.append((ts, item, total))
            self._younger, self._total = [], self._nothing


class _Moments(NamedTuple):
    """Number, mean, sum of squares about it, least and greatest of some values."""

    n: int
    mean: float
    squares: float
    low: float
    high: float


_NOTHING: Final = _Moments(0, 0.0, 0.0, math.inf, -math.inf)


def _pooled(one: _Moments, other: _Moments) -> _Moments:
    """The moments of both together (Chan, Golub and LeVeque 1983)."""
    if not one.n or not other.n:
        return one if one.n else other
    n, gap = one.n + other.n, other.mean - one.mean
    mean = one.mean + gap * other.n / n
    squares = one.squares + other.squares + gap * gap * one.n * other.n / n
    return _Moments(n, mean, squares, min(one.low, other.low), max(one.high, other.high))


def _added(one: tuple[float, float], other: tuple[float, float]) -> tuple[float, float]:
    return one[0] + other[0], one[1] + other[1]


class _Limits:
    """Which items a window still holds: those after :meth:`start`, and not more than ``events`` of them."""

    def __init__(self, window: Span | None, events: int | None) -> None:
        if window is None and events is None:
            raise ValueError("a window is a time or a number of events, or both: give window, events, or the two")
        self.span = None if window is None else span_ns(window)
        self.events = math.inf if events is None else as_count(events, "events")

    def start(self, ts: int) -> int:
        """The time at which the window that ends at ``ts`` opens; what has this time is not in it."""
        return _NEVER if self.span is None else ts - self.span


class _Steps:
    """How long which value was in force: its sum over time, of any stretch that ends now."""

    def __init__(self) -> None:
        self._closed: _Queue[tuple[float, float]] = _Queue(_added, (0.0, 0.0))
        self._since = 0
        self._value: float | None = None

    def update(self, ts: int, value: float | None) -> None:
        """End the value that was in force until now, and begin another (None: no value)."""
        if self._value is not None and ts > self._since:
            self._closed.push(ts, (float(ts - self._since), self._value * (ts - self._since)))
        self._since, self._value = ts, value

    def forget(self, start: int) -> None:
        """Let go of what ended before a time."""
        while self._closed and self._closed.oldest()[0] <= start:
            self._closed.pop()

    def over(self, start: int) -> tuple[float, float]:
        """From ``start`` to the last update: the ns that had a value, and the integral of the value over them."""
        if not self._closed:
            return 0.0, 0.0
        end, (length, integral) = self._closed.oldest()
        inside = min(length, float(end - start))
        return _added(self._closed.after_oldest(), (inside, integral / length * inside))


class Rolling:
    """Mean, deviation, extremes and time-weighted mean of a measure over the last stretch of a stream.

    ``update(ts, value)`` with what any measure returned: ``spread.update(ts, analytics.spread(book, "bps"))``. A value
    that is None, NaN or infinite is undefined: it moves the time on, ends the value before it, and enters no statistic.
    All answers are as of the last update, and None where the window has no value.

    * ``value``: the last value, None if it was undefined;
    * ``mean``, ``std`` (divisor n - 1, None below two values), ``min``, ``max``: of the values of the window, each
      update counting once;
    * ``zscore``: ``(value - mean) / std``, None when all values are equal. The value is one of its own window: of n
      values none has a score above ``(n - 1) / sqrt(n)``;
    * ``time_weighted_mean``: each value weighted by how long it stood within the window, also the one that was there
      before the window opened; the last has stood for no time yet. None where no time has passed.

    Pitfall: updates come in clusters, so that ``mean`` is not the average over time.

    ``len()`` is the number of values in the window. O(1) amortised an update and a read; memory for the values of the
    window, ``events`` of them at most.

    Raises:
        ValueError: neither ``window`` nor ``events``, or one that is not above 0.

    >>> from orderbook import duration_ns
    >>> rolling = Rolling(window=duration_ns("1s"))
    >>> for ms, value in [(0, 1.0), (900, 3.0), (1000, 2.0)]:
    ...     rolling.update(ms * 1_000_000, value)
    >>> rolling.mean, rolling.min, rolling.max, round(rolling.time_weighted_mean, 6)
    (2.5, 2.0, 3.0, 1.2)
    """

    def __init__(self, *, window: Span | None = None, events: int | None = None) -> None:
        self._limits = _Limits(window, events)
        self._values = _Queue(_pooled, _NOTHING)
        self._steps = _Steps()
        self._ts: int | None = None
        self._start = _NEVER
        self._value: float | None = None

    def __len__(self) -> int:
        return len(self._values)

    def update(self, ts: int, value: float | None) -> None:
        """Take the value that a measure has from ``ts`` on; None if it is undefined. O(1) amortised.

        Raises:
            ValueError: ``ts`` is earlier than the last.
        """
        self._ts = in_order(ts, self._ts)
        self._value = None if value is None or not math.isfinite(value) else float(value)
        self._steps.update(ts, self._value)
        values, limits = self._values, self._limits
        if self._value is not None:
            values.push(ts, _Moments(1, self._value, 0.0, self._value, self._value))
        opened = limits.start(ts)
        while values and values.oldest()[0] <= opened:
            values.pop()
        if len(values) > limits.events:
            values.pop()
            # What was pushed out by number takes the time it stood with it.
            self._start = values.oldest()[0]
        self._start = max(self._start, opened)
        self._steps.forget(self._start)

    def reset(self) -> None:
        """End the last value, after a gap: how long it stood is not known. The values before it stay in the window."""
        self._value = None
        if self._ts is not None:
            self._steps.update(self._ts, None)

    @property
    def value(self) -> float | None:
        """The last value, None if it is undefined."""
        return self._value

    @property
    def mean(self) -> float | None:
        """The mean of the values."""
        return self._values.total().mean if self._values else None

    @property
    def std(self) -> float | None:
        """The sample standard deviation of the values, None below two of them."""
        moments = self._values.total()
        return math.sqrt(moments.squares / (moments.n - 1)) if moments.n > 1 else None

    @property
    def min(self) -> float | None:
        """The least value."""
        return self._values.total().low if self._values else None

    @property
    def max(self) -> float | None:
        """The greatest value."""
        return self._values.total().high if self._values else None

    @property
    def zscore(self) -> float | None:
        """How many standard deviations the last value is above the mean."""
        mean, std = self.mean, self.std
        return None if self._value is None or mean is None or not std else (self._value - mean) / std

    @property
    def time_weighted_mean(self) -> float | None:
        """The mean over time."""
        length, integral = self._steps.over(self._start)
        return integral / length if length else None


class MidHistory:
    """The mid of a book over the last stretch of time: when it changed, by how much, and how volatile it was.

    ``update(book, ts)`` after every message, or on a clock of one's own. An entry is kept for each change of the mid:
    ``ts`` and ``mid`` are arrays of one length, oldest first, the mid NaN where it became undefined (a side empty; for
    ``log`` also a mid that is not above 0). The first entry is the one in force when the window opened. ``returns`` has
    the change *into* each entry, NaN for the first, and next to a NaN: nothing is differenced across it.

    * ``value``: the mid now, None if undefined;
    * ``volatility``: realised, ``sqrt(sum of squared returns / seconds with a mid)`` over the window; per sqrt second,
      in units of ``returns``. None before any time has passed.

    Pitfall: on every update, the bounce between two mids counts as volatility; at a coarser clock it counts less.
    Compare a few before relying on one.

    O(1) amortised an update, O(n) an array; memory for the changes in the window, ``events`` of them at most.

    Raises:
        ValueError: neither ``window`` nor ``events``, or one that is not above 0; no such ``returns``.

    >>> from orderbook import L2Book, duration_ns
    >>> book, history = L2Book(), MidHistory(window=duration_ns("1min"), returns="price")
    >>> for second, bid in enumerate([99, 101, 101, 99, 99]):
    ...     book.apply_snapshot([(bid, 1)], [(bid + 2, 1)])
    ...     history.update(book, second * 1_000_000_000)
    >>> history.mid, history.returns, round(history.volatility, 6)  # sqrt((4 + 4) / 4 s)
    (array([100., 102., 100.]), array([nan,  2., -2.]), 1.414214)
    """

    def __init__(self, *, window: Span | None = None, events: int | None = None, returns: Returns = "log") -> None:
        one_of(returns, Returns, "returns")
        self._limits = _Limits(window, events)
        self._log = returns == "log"
        self._entries: deque[tuple[int, float]] = deque()
        self._squares: _Queue[float] = _Queue(operator.add, 0.0)  # of the returns, one for each entry
        self._steps = _Steps()
        self._ts: int | None = None
        self._start = _NEVER

    def __len__(self) -> int:
        return len(self._entries)

    def update(self, book: BookLike, ts: int) -> None:
        """Look at the book as it is from ``ts`` on. O(1) amortised.

        Raises:
            ValueError: ``ts`` is earlier than the last.
        """
        self._ts = in_order(ts, self._ts)
        mid = mid_of(book)
        self._enter(ts, math.nan if mid is None or (self._log and mid <= 0) else mid)
        self._trim(ts)

    def reset(self) -> None:
        """Make the mid undefined, after a gap: no return reaches across it, and no time is counted in it."""
        if self._ts is not None:
            self._enter(self._ts, math.nan)
            self._trim(self._ts)

    @property
    def value(self) -> float | None:
        """The mid now, None where it is undefined."""
        mid = self._mid
        return None if math.isnan(mid) else mid

    @property
    def ts(self) -> npt.NDArray[np.int64]:
        """When the mid became what it is in :attr:`mid`, ns, (n,)."""
        return np.array([ts for ts, _ in self._entries], np.int64)

    @property
    def mid(self) -> npt.NDArray[np.float64]:
        """The mids, NaN where there was none, (n,)."""
        return np.array([mid for _, mid in self._entries], np.float64)

    @property
    def returns(self) -> npt.NDArray[np.float64]:
        """The change into each mid, NaN where there is no mid before it, (n,)."""
        mid = np.log(self.mid) if self._log else self.mid
        return np.diff(mid, prepend=math.nan)[: len(mid)]

    @property
    def volatility(self) -> float | None:
        """Realised volatility per sqrt second."""
        ns, _ = self._steps.over(self._start)
        return math.sqrt(self._squares.after_oldest() / (ns * 1e-9)) if ns else None

    @property
    def _mid(self) -> float:
        return self._entries[-1][1] if self._entries else math.nan

    def _enter(self, ts: int, mid: float) -> None:
        before = self._mid
        self._steps.update(ts, None if math.isnan(mid) else mid)
        if mid == before or (math.isnan(mid) and math.isnan(before)):
            return
        change = math.log(mid / before) if self._log else mid - before
        self._entries.append((ts, mid))
        self._squares.push(ts, 0.0 if math.isnan(change) else change * change)

    def _trim(self, ts: int) -> None:
        entries, opened = self._entries, self._limits.start(ts)
        while len(entries) > 1 and entries[1][0] <= opened:
            self._drop()
        self._start = max(self._start, opened)
        if len(entries) > self._limits.events:
            self._drop()
            self._start = max(self._start, entries[0][0])
        self._steps.forget(self._start)

    def _drop(self) -> None:
        self._entries.popleft()
        self._squares.pop()


class LatencyTracker:
    """How late messages arrive: ``ts_recv - ts_event`` in ns, over the last ``events`` messages, in constant memory.

    ``update(ts_event, ts_recv)`` with the two times of an :class:`orderbook.Update`; a time that the feed does not tell
    is None, and counted as ``untimed``. With ``window`` only messages received within it count. All answers are None
    without a message.

    * ``value``: the lag of the last message;
    * ``min``, ``mean``, ``p50``, ``p95``, ``p99`` of the window, ``quantile(q)`` for others: the least lag that at
      least a share q of the messages does not exceed;
    * counted since the beginning: ``messages`` with both times, ``untimed`` ones without; ``negative`` lags (the clocks
      disagree); ``recv_backwards`` and ``event_backwards``, a time earlier than that of the message before.

    Pitfall: the lag holds the difference of two clocks. Only its changes are delay: look at ``p99 - min``, and at
    ``min`` over time for the clocks.

    O(1) an update, O(events) a read.

    Raises:
        ValueError: ``events`` or ``window`` is not above 0.

    >>> tracker = LatencyTracker(events=1_000)
    >>> for ts_event, ts_recv in [(1_000, 1_300), (2_000, 2_250), (1_900, 2_900), (3_000, 2_990), (None, 3_000)]:
    ...     tracker.update(ts_event, ts_recv)
    >>> tracker.min, tracker.p50, tracker.p99, tracker.mean
    (-10.0, 250.0, 1000.0, 385.0)
    >>> tracker.negative, tracker.event_backwards, tracker.recv_backwards, tracker.untimed
    (1, 1, 0, 1)
    """

    def __init__(self, *, events: int = 8_192, window: Span | None = None) -> None:
        self._span = None if window is None else span_ns(window)
        self._lags = np.zeros(as_count(events, "events"), np.int64)
        self._recv = np.zeros_like(self._lags)
        self._latest = _NEVER
        self._before: tuple[int, int] | None = None
        self._value: float | None = None
        self.messages = self.untimed = self.negative = self.recv_backwards = self.event_backwards = 0

    def update(self, ts_event: int | None, ts_recv: int | None) -> None:
        """Take the times of a message. O(1)."""
        if ts_event is None or ts_recv is None:
            self.untimed += 1
            return
        if self._before is not None:
            self.event_backwards += ts_event < self._before[0]
            self.recv_backwards += ts_recv < self._before[1]
        self._before = ts_event, ts_recv
        lag, slot = ts_recv - ts_event, self.messages % len(self._lags)
        self._lags[slot], self._recv[slot] = lag, ts_recv
        self._latest = max(self._latest, ts_recv)
        self._value = float(lag)
        self.messages += 1
        self.negative += lag < 0

    def reset(self) -> None:
        """Forget the last times, after a gap or a new connection: the next message is compared with none."""
        self._before = None

    @property
    def value(self) -> float | None:
        """The lag of the last message."""
        return self._value

    @property
    def min(self) -> float | None:
        """The least lag."""
        return self._of_window(np.min)

    @property
    def mean(self) -> float | None:
        """The mean lag."""
        return self._of_window(np.mean)

    @property
    def p50(self) -> float | None:
        """The median lag."""
        return self.quantile(0.5)

    @property
    def p95(self) -> float | None:
        """The lag that 95 of 100 messages do not exceed."""
        return self.quantile(0.95)

    @property
    def p99(self) -> float | None:
        """The lag that 99 of 100 messages do not exceed."""
        return self.quantile(0.99)

    def quantile(self, q: float) -> float | None:
        """Return the least lag that at least a share ``q`` of the messages does not exceed. O(events).

        Raises:
            ValueError: ``q`` is not from 0 to 1.
        """
        if not 0 <= q <= 1:
            raise ValueError(f"q is a share from 0 to 1, not {q!r}")
        return self._of_window(lambda lags: np.quantile(lags, q, method="inverted_cdf"))

    def _of_window(self, statistic: Callable[[npt.NDArray[np.int64]], Any]) -> float | None:
        lags, recv = self._lags[: self.messages], self._recv[: self.messages]
        if self._span is not None:
            lags = lags[recv > self._latest - self._span]
        return float(statistic(lags)) if len(lags) else None
