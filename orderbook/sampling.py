"""A tape as a panel: depth at a regular grid of moments, or every so many changes of the book."""

from __future__ import annotations

import re
from collections.abc import Iterable
from contextlib import closing
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

from orderbook import _backend
from orderbook.bulk import QuickPanel, can_be_quick
from orderbook.columns import Events
from orderbook.errors import UsageError
from orderbook.feed import Feed, Update
from orderbook.panel import Panel
from orderbook.replay import Clock, Tape, feed_for, is_compiled, only_symbol, require_time
from orderbook.timestamps import Duration, When, duration_ns, from_ns, to_ns
from orderbook.types import UNDEF_TIMESTAMP, BookState
from orderbook.verdicts import State

if TYPE_CHECKING:
    from orderbook.columns import _kernels
else:
    _kernels = _backend.load("orderbook.columns._kernels", "the compiled kernels")

MAX_ROWS: Final = 10_000_000
"""Rows that :func:`sample` makes at most unless told otherwise: a day at 10 ms, about 4 GB at ten levels."""

_COUNT: Final = re.compile(r"([0-9]{1,18}) ?ev", re.ASCII)
_FIRST_ROWS: Final = 4_096


def sample(
    source: Iterable[Any],
    every: Duration,
    depth: int = 10,
    *,
    symbol: str | None = None,
    start: When | None = None,
    stop: When | None = None,
    clock: Clock = "recv",
    max_rows: int = MAX_ROWS,
    progress: bool = False,
    feed: Feed | None = None,
) -> Panel:
    """Return the best ``depth`` levels of a book at regular moments. O(messages + rows x depth).

    ``every`` is a duration (``"100ms"``, a timedelta, int ns): rows stand at whole multiples of it since 1970, from
    the first at or after the first message to the last at or before the last message, and before ``stop``. A row at
    t holds every message with time <= t and nothing later. Or it is a count (``"100ev"``): a row after each that
    many messages that changed the book, counted from the beginning of the tape, stamped with the message's time.

    ``clock`` says which time orders the tape: ``"recv"`` or ``"event"`` (each falls back on the other). Time never
    runs backwards: a message older than the latest seen counts as at the latest seen. A row without a proven book
    is NaN with state ``STALE``. ``start`` leaves out rows, not messages: the panel is the same as the end of a full
    one.

    From :class:`~orderbook.Events` of an L2 book this is compiled code, which lets other threads run meanwhile.

    Raises:
        UsageError: several symbols and none named; a tape without times; a grid of more than ``max_rows`` rows.
        FeedError, BookError, SourceError: as in :func:`orderbook.replay`.

    >>> from orderbook.events import Delta, Snapshot
    >>> tape = [
    ...     Snapshot(symbol="ETHUSDT", ts_recv=95, bids=[("99.5", 2)], asks=[("100", 1)]),
    ...     Delta(symbol="ETHUSDT", ts_recv=110, bids=[("99.75", 1)]),
    ...     Delta(symbol="ETHUSDT", ts_recv=111, bids=[("99.75", 0)]),
    ... ]
    >>> panel = sample(tape, every=10, depth=2)
    >>> panel.ts.tolist(), panel.bid_px[:, 0].tolist()
    ([100, 110], [99.5, 99.75])
    """
    # The cost of a wrong argument is known before hours of tape are read.
    rows = _Rows(_positive("depth", depth), _positive("max_rows", max_rows))
    bounds = (None if start is None else to_ns(start), None if stop is None else to_ns(stop))
    count = _COUNT.fullmatch(every) if isinstance(every, str) else None
    step = duration_ns(every) if count is None else _positive("every", int(count[1]))
    if feed is None and not progress and _kernels is not None and is_compiled(source, symbol, clock):
        panel = _compiled(source, step, rows, bounds, by_count=count is not None, clock=clock)
        if panel is not None:
            return panel
    shared = feed is not None
    feed = feed_for(source, None if symbol is None else [symbol]) if feed is None else feed
    sampler = (_Grid if count is None else _Counter)(rows, feed, symbol, *bounds, step)
    quick = None
    if can_be_quick(source, feed, progress=progress):
        quick = QuickPanel(feed, sampler, by_event_time=clock == "event", shared=shared)
    with closing(iter(Tape(source, feed, clock=clock, progress=progress, quick=quick))) as messages:
        for message in messages:
            sampler.before(message.ts)
            if sampler.done:
                break
            sampler.after(message.ts, message.apply())
    if not sampler.done:
        sampler.end()
    return rows.panel(only_symbol(feed, symbol) or _declared(feed))


def bbo(
    source: Iterable[Any],
    *,
    symbol: str | None = None,
    start: When | None = None,
    stop: When | None = None,
    clock: Clock = "recv",
    max_rows: int = MAX_ROWS,
    progress: bool = False,
    feed: Feed | None = None,
) -> Panel:
    """Return the best bid and ask after every message that changed the book: ``sample(source, "1ev", depth=1)``.

    All the rest is as in :func:`orderbook.sample`. From :class:`~orderbook.Events` it takes some tens of nanoseconds a
    message.

    Raises:
        UsageError: several symbols and none named; ``start`` or ``stop`` on a tape without times; more than
            ``max_rows`` changes.
        FeedError, BookError, SourceError: as in :func:`orderbook.replay`.

    >>> from orderbook.events import Delta, Snapshot
    >>> tape = [
    ...     Snapshot(symbol="ETHUSDT", ts_recv=95, bids=[("99.5", 2)], asks=[("100", 1)]),
    ...     Delta(symbol="ETHUSDT", ts_recv=110, bids=[("99.75", 1)]),
    ... ]
    >>> best = bbo(tape)
    >>> best.ts.tolist(), best.bid_px[:, 0].tolist(), best.ask_px[:, 0].tolist()
    ([95, 110], [99.5, 99.75], [100.0, 100.0])
    """
    options: dict[str, Any] = {"start": start, "stop": stop, "clock": clock, "max_rows": max_rows}
    return sample(source, "1ev", 1, symbol=symbol, progress=progress, feed=feed, **options)


def _compiled(
    events: Events,
    step: int,
    rows: _Rows,
    bounds: tuple[int | None, int | None],
    *,
    by_count: bool,
    clock: Clock,
) -> Panel | None:
    """The panel from columns of an L2 book; None where it is for the way that knows everything."""
    options: dict[str, Any] = {"by_count": by_count, "clock": clock, "start": bounds[0], "stop": bounds[1]}
    arrays = _kernels.sample(events, rows.depth, step, max_rows=rows.limit, refuse=rows.too_many, **options)
    return None if arrays is None else Panel(events.symbol, **arrays)


def _declared(feed: Feed) -> str:
    """The instrument of a tape on which it never showed, where only one was asked for."""
    return next(iter(feed.symbols)) if feed.symbols is not None and len(feed.symbols) == 1 else ""


def _positive(name: str, value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise UsageError(f"{name} is a whole number from 1, not {value!r}")
    return value


class _Sampler:
    """What both ways of sampling share: which book, and what a row of it is."""

    def __init__(self, rows: _Rows, feed: Feed, symbol: str | None, start: int | None, stop: int | None) -> None:
        self.done = False
        self.rows = rows
        self.start = start
        self.stop = stop
        self._feed = feed
        self._symbol = symbol

    def symbol(self) -> str | None:
        """The instrument that is sampled, None before it shows."""
        return only_symbol(self._feed, self._symbol)

    def _write(self, ts: npt.ArrayLike, count: int) -> None:
        """Rows of the book as it is now."""
        symbol = self.symbol()
        builder = None if symbol is None else self._feed.builders.get(symbol)
        book = builder.book if builder is not None and builder.state is State.LIVE else None
        self.rows.add(ts, count, book)


class _Grid(_Sampler):
    """Rows at multiples of ``step`` ns. A row is made when the grid point is passed, so quiet books cost nothing."""

    by_count = False

    def __init__(
        self, rows: _Rows, feed: Feed, symbol: str | None, start: int | None, stop: int | None, step: int
    ) -> None:
        super().__init__(rows, feed, symbol, start, stop)
        self.step = step
        self._next: int | None = None
        self._now = 0

    def before(self, ts: int | None) -> None:
        """All grid points before a message that is about to be applied."""
        if ts is None:
            return
        if self._next is None:
            first = ts if self.start is None else max(ts, self.start)
            self._next = -(-first // self.step) * self.step
        self._now = ts
        self._next = self._fill(self._next, ts)
        self.done = self.stop is not None and self._next >= self.stop

    def after(self, ts: int | None, updates: list[Update]) -> None:
        """A message was applied."""
        only_symbol(self._feed, self._symbol)
        require_time(ts, updates, "a regular grid (try every='100ev')")

    def quick_state(self) -> tuple[int | None, int]:
        """The next moment of the grid."""
        return self._next, 0

    def take_over(self, now: int | None, next: int | None, changes: int) -> None:
        """Go on from a moment at which everything before it was written."""
        self._now = self._now if now is None else now
        self._next = next

    def end(self) -> None:
        """The last message was applied: its own moment is a grid point if it falls on one."""
        if self._next is not None:
            self._fill(self._next, self._now + 1)

    def _fill(self, begin: int, until: int) -> int:
        """Rows for the grid points from ``begin`` to before ``until``; returns the next one."""
        last = until if self.stop is None else min(until, self.stop)
        count = -((begin - last) // self.step)
        if count <= 0:
            return begin
        self.rows.check(count, begin, last - 1)
        self._write(begin + self.step * np.arange(count), count)
        return begin + self.step * count


class _Counter(_Sampler):
    """A row after each ``step`` messages that changed the book."""

    by_count = True

    def __init__(
        self, rows: _Rows, feed: Feed, symbol: str | None, start: int | None, stop: int | None, step: int
    ) -> None:
        super().__init__(rows, feed, symbol, start, stop)
        self.step = step
        self._changes = 0

    def before(self, ts: int | None) -> None:
        """Nothing is due before a message; it may be beyond the end."""
        self.done = self.stop is not None and ts is not None and ts >= self.stop

    def after(self, ts: int | None, updates: list[Update]) -> None:
        """A message was applied; count it if it changed the book."""
        symbol = only_symbol(self._feed, self._symbol)
        mine = [update for update in updates if update.symbol == symbol]
        if not mine or mine[-1].state is not State.LIVE or not any(update.verdict.changes_book for update in mine):
            return
        if self.start is not None or self.stop is not None:
            require_time(ts, updates, "start and stop")
        self._changes += 1
        if self._changes % self.step == 0 and (ts is None or self.start is None or ts >= self.start):
            moment = UNDEF_TIMESTAMP if ts is None else ts
            self.rows.check(1, moment, moment)
            self._write(moment, 1)

    def quick_state(self) -> tuple[int | None, int]:
        """How many messages changed the book."""
        return None, self._changes

    def take_over(self, now: int | None, next: int | None, changes: int) -> None:
        """Go on after so many messages that changed the book."""
        self._changes = changes

    def end(self) -> None:
        """Nothing is due after the last message."""


class _Rows:
    """The growing arrays of a panel: doubled when full, so that a row costs no Python object to keep."""

    def __init__(self, depth: int, limit: int) -> None:
        self.depth = depth
        self.limit = limit
        self.count = 0
        self.arrays = self._empty(min(_FIRST_ROWS, limit))

    def _empty(self, rows: int) -> dict[str, npt.NDArray[Any]]:
        shape = (rows, self.depth)
        return {
            "ts": np.empty(rows, "i8"),
            "state": np.full(rows, BookState.STALE, "u1"),
            "bids_known": np.zeros(rows, bool),
            "asks_known": np.zeros(rows, bool),
            "bid_px": np.full(shape, np.nan),
            "bid_sz": np.zeros(shape),
            "bid_ct": np.zeros(shape, "u4"),
            "ask_px": np.full(shape, np.nan),
            "ask_sz": np.zeros(shape),
            "ask_ct": np.zeros(shape, "u4"),
        }

    def check(self, more: int, first: int, last: int) -> None:
        """Refuse to grow past the limit, before anything is allocated."""
        if self.count + more > self.limit:
            raise self.too_many(self.count + more, more, first, last)

    def too_many(self, total: int, more: int, first: int, last: int) -> UsageError:
        """The error of a panel that would have ``total`` rows, the last ``more`` of them between two moments."""
        return UsageError(
            f"{total} rows are more than max_rows={self.limit}, "
            f"{more} of them from {_moment(first)} to {_moment(last)}; "
            "take a longer every, bound it with start and stop, or raise max_rows"
        )

    def add(self, ts: npt.ArrayLike, count: int, book: Any) -> None:
        """``count`` equal rows of a book; None: no proven book."""
        at = slice(self.count, self.count + count)
        if at.stop > len(self.arrays["ts"]):
            self._grow(at.stop)
        self.count = at.stop
        self.arrays["ts"][at] = ts
        if book is None:
            return
        view = book.depth(self.depth, price_type="float")
        self.arrays["state"][at] = book.state
        for side, levels, known in (("bid", view.bids, view.bids_known), ("ask", view.asks, view.asks_known)):
            self.arrays[f"{side}s_known"][at] = known
            if levels:
                self._side(side, at, levels)

    def _side(self, side: str, at: slice, levels: Any) -> None:
        prices, sizes, counts = zip(*levels, strict=True)
        width = len(prices)
        self.arrays[f"{side}_px"][at, :width] = prices
        self.arrays[f"{side}_sz"][at, :width] = sizes
        if any(counts):
            self.arrays[f"{side}_ct"][at, :width] = [count or 0 for count in counts]

    def _grow(self, needed: int) -> None:
        old = self.arrays
        self.arrays = self._empty(min(self.limit, max(needed, 2 * len(old["ts"]))))
        for name, values in old.items():
            self.arrays[name][: self.count] = values[: self.count]

    def panel(self, symbol: str) -> Panel:
        """The rows so far, without the room that was kept for more."""
        return Panel(symbol, **{name: values[: self.count].copy() for name, values in self.arrays.items()})


def _moment(ts: int) -> str:
    return "no time" if ts == UNDEF_TIMESTAMP else from_ns(ts)
