"""A recorded tape as books: update by update, at one moment, or as columns.

Everything here pulls: a source is read as far as the caller asks, one message at a time, and is closed when the
caller stops. A message is atomic. Its time is that of its last part, and nothing sees it half applied.
"""

from __future__ import annotations

import functools
import math
import time
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing
from typing import Any, Final, Literal, Self, TypeAlias, TypeGuard

from orderbook.blocks import Block
from orderbook.books import L2Book, L3Book, backend
from orderbook.builder import Stats
from orderbook.bulk import Quick, QuickColumns, QuickMoment, can_be_quick
from orderbook.columns import Events, RowWriter
from orderbook.decode import Format
from orderbook.errors import FeedError, StaleBookError, UsageError
from orderbook.events import BOOK_EVENTS, Clear, Disconnect, Event, Fault, Quote, Trade
from orderbook.feed import Feed, Update
from orderbook.progress import watched
from orderbook.timestamps import When, to_ns
from orderbook.types import Place, RawMessage
from orderbook.verdicts import OnError, State, Verdict

Clock: TypeAlias = Literal["recv", "event"]
"""Which time orders a tape: when the recorder received a message, or when the venue sent it."""

MAX_PARTS: Final = 1_000_000
"""Parts that one message may come in before the source is taken to be broken."""

_Part: TypeAlias = "tuple[list[Event], Place | None]"
_UNSEEN: Final = (Verdict.BUFFERED, Verdict.STALE)


# -- the tape -------------------------------------------------------------------------------------------------------


class Message:
    """One whole message of a tape, decoded and not applied yet; ``ts`` is int ns UTC, None before any time was seen."""

    __slots__ = ("_feed", "_parts", "ts")

    def __init__(self, ts: int | None, parts: list[_Part], feed: Feed) -> None:
        self.ts = ts
        self._parts = parts
        self._feed = feed

    def apply(self) -> list[Update]:
        """Put it into the feed. To be called once, before the tape goes on."""
        return [update for events, place in self._parts for update in self._feed.take(events, place=place)]


class Tape:
    """The messages of a source in order, each with its time, for a feed to take or leave.

    Time never runs backwards: a message whose time is before the latest seen, or that has none, counts as at the
    latest seen.
    """

    def __init__(
        self,
        source: Iterable[Any],
        feed: Feed,
        *,
        clock: Clock = "recv",
        progress: bool = False,
        quick: Quick | None = None,
    ) -> None:
        if not isinstance(clock, str) or clock not in _TIMES:
            raise UsageError(f"clock is 'recv' or 'event', not {clock!r}")
        self._feed = feed
        self._time = _TIMES[clock]
        _check_source(source)
        self._quick = quick
        self._iterator: Iterator[Any] = iter(source) if quick is None else source.blocks()  # type: ignore[attr-defined]
        self._items = watched(source, _normalised(self._iterator), progress=progress)
        self._latest: int | None = None
        self._between = True

    def __iter__(self) -> Generator[Message, None, None]:
        try:
            yield from self._messages()
        finally:
            self.close()

    def close(self) -> None:
        """Close the source's iterator, also one that nothing was read from."""
        for items in (self._items, self._iterator):
            close = getattr(items, "close", None)
            if close is not None:
                close()

    def _messages(self) -> Iterator[Message]:
        parts: list[_Part] = []
        unfinished: set[str] = set()
        ts: int | None = None
        for item in self._one_by_one():
            events = self._decode(item)
            parts.append((events, item.place if isinstance(item, RawMessage) else None))
            ts = _later(ts, self._time(item, events))
            _follow(unfinished, events)
            self._between = not unfinished
            if not unfinished:
                yield self._message(parts, ts)
                parts, ts = [], None
            elif len(parts) >= MAX_PARTS:
                raise FeedError(f"a message of more than {MAX_PARTS} parts", symbol=min(unfinished))
        if parts:
            # The end of the tape ends its last message.
            yield self._message(parts, ts)

    def _one_by_one(self) -> Iterator[RawMessage | Event]:
        """The items that are not taken many at a time, which only happens between whole messages."""
        for item in self._items:
            if isinstance(item, Block):
                yield from self._of_block(item)
            else:
                yield item

    def _of_block(self, block: Block) -> Iterator[RawMessage | Event]:
        while block:
            if self._between and self._quick is not None:
                self._latest = self._quick.take(block, self._latest)
            item = block.take()
            if item is None:
                return
            yield item

    def _decode(self, item: RawMessage | Event) -> list[Event]:
        if self._feed.format is None and isinstance(item, RawMessage):
            raise UsageError(
                f"`{type(item.payload).__name__}` is no event, and nothing says which format it is in; "
                "wrap the messages: MemorySource(messages, format=...)"
            )
        if isinstance(item, _NAMED) and not item.symbol:
            # A feed keeps its books by symbol and would have nowhere to put it.
            raise UsageError(f"`{type(item).__name__}` names no instrument; give it a symbol")
        return self._feed.decode(item)

    def _message(self, parts: list[_Part], ts: int | None) -> Message:
        self._latest = _later(self._latest, ts)
        return Message(self._latest, parts, self._feed)


def _check_source(source: Any) -> None:
    if isinstance(source, (str, bytes, dict)) or not isinstance(source, Iterable):
        raise UsageError(f"expected a source or an iterable of messages, got `{type(source).__name__}`")


def _normalised(items: Iterator[Any]) -> Iterator[RawMessage | Event | Block]:
    """What a source gives, in the forms there are."""
    for item in items:
        if isinstance(item, (Event, RawMessage, Block)):
            yield item
        elif isinstance(item, tuple):
            yield _pair(item)
        else:
            yield RawMessage(None, item)


def _pair(item: tuple[Any, ...]) -> RawMessage:
    if len(item) != 2:
        raise UsageError(f"expected (ts_recv, payload), got a tuple of {len(item)}")
    return RawMessage(None if item[0] is None else to_ns(item[0]), item[1])


def _follow(unfinished: set[str], events: list[Event]) -> None:
    """Which instruments are in the middle of a message."""
    for event in events:
        if isinstance(event, (Disconnect, Fault)) and not event.symbol:
            unfinished.clear()
        elif event.is_last:
            unfinished.discard(event.symbol)
        else:
            unfinished.add(event.symbol)


def _later(a: int | None, b: int | None) -> int | None:
    if a is None or b is None:
        return b if a is None else a
    return max(a, b)


def _recv_time(item: RawMessage | Event, events: list[Event]) -> int | None:
    """When the recorder had it; a tape without receive times goes by the venue's."""
    if isinstance(item, RawMessage) and item.ts_recv is not None:
        return item.ts_recv
    times = [event.ts_event if event.ts_recv is None else event.ts_recv for event in events]
    return max((ts for ts in times if ts is not None), default=None)


def _event_time(item: RawMessage | Event, events: list[Event]) -> int | None:
    """When the venue sent it.

    What changes a book without saying when (a REST snapshot) cannot be dated before it was received, so it counts from
    there. Quotes and heartbeats without a time leave the clock alone.
    """
    times = [event.ts_event for event in events if event.ts_event is not None]
    if any(event.ts_event is None and isinstance(event, _DATED) for event in events):
        ts = _recv_time(item, events)
        times += [] if ts is None else [ts]
    return max(times, default=None)


_NAMED: Final = (*BOOK_EVENTS, Clear)
_DATED: Final = (*_NAMED, Disconnect)
_TIMES: Final[dict[str, Callable[[Any, list[Event]], int | None]]] = {"recv": _recv_time, "event": _event_time}


# Columns give events and no payloads, so there is nothing to decode; but which book they are of must be said.
@functools.cache
def _orders() -> Format:
    from orderbook.decode.table import JsonTable

    return Format(name="columns", rule="none", book="L3", table=JsonTable(messages=()))


def feed_for(source: Any, symbols: Iterable[str] | None = None) -> Feed:
    """Return the feed that a source asks for: its format, its symbols unless others are given, and its ``on_error``."""
    _check_source(source)
    wanted = getattr(source, "symbols", None) if symbols is None else symbols
    kind = getattr(source, "format", None)
    if isinstance(source, Events) and source.book == "L3":
        kind = _orders()
    return Feed(kind, symbols=wanted, on_error=getattr(source, "on_error", OnError.RAISE))


def is_compiled(source: Any, symbol: str | None, clock: str) -> TypeGuard[Events]:
    """Whether compiled code may read a source itself: columns, and the instrument that is meant is theirs. O(1).

    A subclass may give other events than its columns say; events without a name belong to no book.
    """
    return (
        backend == "native"
        and type(source) is Events
        and bool(source.symbol)
        and symbol in (None, source.symbol)
        and clock in _TIMES
    )


def only_symbol(feed: Feed, symbol: str | None) -> str | None:
    """Return the instrument that is meant: the one that was named, or the only one there is (None before it shows).

    Raises:
        UsageError: none was named and there are several.
    """
    if symbol is not None or not feed.builders:
        return symbol
    if len(feed.builders) > 1:
        raise UsageError(f"several symbols, name one: {', '.join(sorted(feed.builders))}")
    return next(iter(feed.builders))


def require_time(ts: int | None, updates: list[Update], what: str) -> None:
    """Refuse a tape whose book moves while no message has yet brought a time.

    Raises:
        UsageError: ``what`` needs times.
    """
    if ts is None and any(isinstance(update.event, _NAMED) for update in updates):
        raise UsageError(f"{what} needs a tape with times, and this one has none")


# -- update by update -----------------------------------------------------------------------------------------------


class Replay(Iterator[Update]):
    """The updates of a tape, lazily: what :func:`replay` returns.

    ``feed`` holds the builders and counts, ``stats`` is short for ``feed.stats``. Closing it (or leaving its ``with``
    block, or using it up) closes the source.

    >>> from orderbook.events import Snapshot
    >>> with replay([Snapshot(symbol="ETHUSDT", bids=[("99.5", 2)])]) as tape:
    ...     update = next(tape)
    >>> update.symbol, tape.stats.snapshots
    ('ETHUSDT', 1)
    """

    def __init__(
        self,
        source: Iterable[Any],
        *,
        start: When | None = None,
        stop: When | None = None,
        symbols: Iterable[str] | None = None,
        progress: bool = False,
        speed: float | None = None,
        feed: Feed | None = None,
    ) -> None:
        if isinstance(symbols, str):
            raise UsageError(f"symbols is a list of symbols, not the text {symbols!r}")
        self._symbols = None if symbols is None else frozenset(symbols)
        self.feed = feed_for(source, self._symbols) if feed is None else feed
        self._start = None if start is None else to_ns(start)
        self._stop = None if stop is None else to_ns(stop)
        self._pace = None if speed is None else _Pace(speed)
        self._tape = Tape(source, self.feed, progress=progress)
        self._updates = self._run()

    @property
    def stats(self) -> Stats:
        """What happened so far over all instruments. O(instruments)."""
        return self.feed.stats

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Update:
        return next(self._updates)

    def close(self) -> None:
        """Stop reading and close the source; what is in ``feed`` stays. O(1)."""
        self._updates.close()
        self._tape.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _run(self) -> Generator[Update, None, None]:
        with closing(iter(self._tape)) as messages:
            for message in messages:
                if self._stop is not None and message.ts is not None and message.ts >= self._stop:
                    return
                updates = message.apply()
                if self._start is not None or self._stop is not None:
                    require_time(message.ts, updates, "start and stop")
                updates = [update for update in updates if self._is_wanted(update)]
                if updates and self._has_begun(message.ts):
                    if self._pace is not None:
                        self._pace.wait(message.ts)
                    yield from updates

    def _is_wanted(self, update: Update) -> bool:
        return update.verdict not in _UNSEEN and (self._symbols is None or update.symbol in self._symbols)

    def _has_begun(self, ts: int | None) -> bool:
        return self._start is None or (ts is not None and ts >= self._start)


class _Pace:
    """Waits until a message is due, at ``speed`` times the pace at which the tape was recorded."""

    def __init__(
        self,
        speed: float,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], object] = time.sleep,
    ) -> None:
        if isinstance(speed, bool) or not isinstance(speed, (int, float)) or not 0 < speed < math.inf:
            raise UsageError(f"speed is a positive number (1 is the pace of the recording), not {speed!r}")
        self._speed = speed
        self._clock = clock
        self._sleep = sleep
        self._first: tuple[int, float] | None = None

    def wait(self, ts: int | None) -> None:
        """Return when ``ts`` is due: the first at once, and one without a time together with the one before it."""
        if ts is None:
            return
        if self._first is None:
            self._first = ts, self._clock()
        first, began = self._first
        due = began + (ts - first) / 1e9 / self._speed
        # From the beginning each time, so that what a message costs does not add up.
        while (left := due - self._clock()) > 0:
            self._sleep(min(left, _LONGEST_SLEEP))


_LONGEST_SLEEP: Final = 3_600.0


def replay(
    source: Iterable[Any],
    *,
    start: When | None = None,
    stop: When | None = None,
    symbols: Iterable[str] | None = None,
    progress: bool = False,
    speed: float | None = None,
    feed: Feed | None = None,
) -> Replay:
    """Yield an :class:`~orderbook.Update` for every event of a tape, once its whole message is applied. O(1) memory.

    ``source`` is a source, or any iterable of :class:`~orderbook.RawMessage`, ``(ts_recv, payload)``, payloads or
    events; :class:`~orderbook.Events` too. ``start`` and ``stop`` bound what is yielded, half-open, by receive time
    (the venue's where the tape has none); everything before ``start`` is still applied. Updates that only say
    "buffered" or "stale" are not yielded, but counted in ``.stats``. ``speed=1`` keeps the pace of the recording,
    None goes as fast as it can. ``feed`` brings policies of your own (``Feed(format, on_gap=...)``).

    Raises:
        FeedError, BookError, SourceError: at the place of the tape where it happens, after everything before it.
        UsageError: payloads without a format, or bounds on a tape without times.

    >>> from orderbook.events import Delta, Snapshot
    >>> tape = [
    ...     Snapshot(symbol="ETHUSDT", ts_recv=1, bids=[("99.5", 2)], asks=[("100", 1)]),
    ...     Delta(symbol="ETHUSDT", ts_recv=2, bids=[("99.75", 1)]),
    ... ]
    >>> [(update.ts_recv, update.verdict.name, update.book.best_bid.price) for update in replay(tape, start=2)]
    [(2, 'APPLIED', 99.75)]
    """
    return Replay(source, start=start, stop=stop, symbols=symbols, progress=progress, speed=speed, feed=feed)


# -- one moment -----------------------------------------------------------------------------------------------------


def book_at(
    source: Iterable[Any],
    when: When,
    symbol: str | None = None,
    *,
    clock: Clock = "recv",
    progress: bool = False,
    feed: Feed | None = None,
) -> L2Book | L3Book:
    """Return the book as it was at a moment: a copy that holds every message with time <= ``when`` and none after.

    Reads the tape from its beginning up to that moment. O(messages before it).

    Raises:
        StaleBookError: there is no proven book then: before the first snapshot, or between a gap and the resync.
        UsageError: no symbol was named and there are several; a tape without times.

    >>> from orderbook.events import Delta, Snapshot
    >>> tape = [
    ...     Snapshot(symbol="ETHUSDT", ts_recv=10, bids=[("99.5", 2)], asks=[("100", 1)]),
    ...     Delta(symbol="ETHUSDT", ts_recv=20, bids=[("99.75", 1)]),
    ... ]
    >>> book_at(tape, 19).best_bid.price
    99.5
    """
    moment = to_ns(when)
    if feed is None and not progress and is_compiled(source, symbol, clock):
        compiled = _compiled_book(source, moment, clock)
        if compiled is not None:
            return compiled
    shared = feed is not None
    feed = feed_for(source, None if symbol is None else [symbol]) if feed is None else feed
    quick = None
    if can_be_quick(source, feed, progress=progress):
        quick = QuickMoment(feed, moment, by_event_time=clock == "event", shared=shared)
    with closing(iter(Tape(source, feed, clock=clock, progress=progress, quick=quick))) as messages:
        for message in messages:
            if message.ts is not None and message.ts > moment:
                break
            require_time(message.ts, message.apply(), "a moment")
    return _live_book(feed, only_symbol(feed, symbol), moment)


def _compiled_book(events: Events, moment: int, clock: Clock) -> L2Book | None:
    """The book from columns of an L2 book; None where it is for the way that knows everything."""
    book: Any = L2Book(events.symbol)
    state: str | None = book._run_until(events, moment, clock)
    if state is None:
        return None
    if state != State.LIVE.value:
        raise StaleBookError(state, symbol=events.symbol, when=moment)
    compiled: L2Book = book
    return compiled


def _live_book(feed: Feed, symbol: str | None, moment: int) -> L2Book | L3Book:
    builder = None if symbol is None else feed.builders.get(symbol)
    if builder is None or builder.state is not State.LIVE:
        state = State.EMPTY if builder is None else builder.state
        raise StaleBookError(state.value, symbol=symbol, when=moment)
    book: L2Book | L3Book = builder.book
    return book.copy()


# -- columns --------------------------------------------------------------------------------------------------------


def load(
    source: Iterable[Any], symbol: str | None = None, *, progress: bool = False, feed: Feed | None = None
) -> Events:
    """Return what a tape proves about one instrument, as columns: applying them rebuilds its book exactly.

    They hold what changed the live book, and trades and quotes. Where continuity was lost there is a row that says
    so (R, MAYBE_BAD_BOOK), and nothing of the book until the next snapshot. A snapshot and the buffered deltas that
    it bridged are one message, as they were one for the book. O(messages), with a constant number of Python
    objects.

    Raises:
        UsageError: several symbols and none named; order ids that are text.
        ScaleError: prices or sizes that do not fit in int64 at one common exponent.

    >>> from orderbook.events import Delta, Snapshot
    >>> tape = [
    ...     Delta(symbol="ETHUSDT", bids=[("98", 1)]),
    ...     Snapshot(symbol="ETHUSDT", bids=[("99.5", 2)], asks=[("100", 1)]),
    ...     Delta(symbol="ETHUSDT", bids=[("99.75", 1)]),
    ... ]
    >>> events = load(tape)
    >>> bytes(events.action), events.price_exponent
    (b'RAAM', -2)
    """
    shared = feed is not None
    feed = feed_for(source, None if symbol is None else [symbol]) if feed is None else feed
    loader = _Loader(feed, symbol)
    quick = None
    if can_be_quick(source, feed, progress=progress):
        quick = QuickColumns(feed, loader.rows, loader.symbol, loader.is_live, shared=shared)
    with closing(iter(Tape(source, feed, progress=progress, quick=quick))) as messages:
        for message in messages:
            loader.take(message.apply())
    return Events.from_rows(loader.rows)


class _Loader:
    """Writes rows of what became of each event."""

    def __init__(self, feed: Feed, symbol: str | None) -> None:
        self.rows = RowWriter(symbol or "")
        self._feed = feed
        self._symbol = symbol
        self._was_live = False

    def symbol(self) -> str | None:
        """The instrument, None before it shows."""
        return only_symbol(self._feed, self._symbol)

    def is_live(self) -> bool:
        """Whether the book is proven, and what changes it is written."""
        return self._was_live

    def take(self, updates: list[Update]) -> None:
        """The updates of one message."""
        symbol = self.symbol()
        for update in updates:
            if update.symbol == symbol:
                self._write(update)
        self.rows.end()

    def _write(self, update: Update) -> None:
        is_live = update.state is State.LIVE
        if is_live and update.verdict.changes_book:
            for event in self._changes(update):
                self.rows.add(event)
        elif isinstance(update.event, (Trade, Quote)):
            self.rows.add(update.event)
        if self._was_live and not is_live:
            # Whatever the reason was: a gap, a bad checksum, a disconnect, a refused event.
            self.rows.add(Disconnect(symbol=update.symbol, ts_event=update.ts_event, ts_recv=update.ts_recv))
        self._was_live = is_live

    def _changes(self, update: Update) -> tuple[Event, ...]:
        """The event, or the snapshot and what was buffered for it."""
        bridged: tuple[Event, ...] = self._feed.builders[update.symbol].bridged
        return bridged if bridged and bridged[0] is update.event else (update.event,)
