"""One connection, many instruments: bytes in, judged updates out. No I/O, no clock, no thread."""

from __future__ import annotations

import functools
import logging
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from orderbook import _backend
from orderbook.books import L2Book, L3Book
from orderbook.builder import DEFAULT_MAX_BUFFER, BookBuilder, SnapshotRequest, Stats
from orderbook.continuity import Connection, Scope, get_rule
from orderbook.decode import Decoder, Format, get_format
from orderbook.errors import (
    BookError,
    DecodeError,
    FeedError,
    OrderBookError,
    SequenceGap,
    StaleBookError,
    UsageError,
)
from orderbook.events import BOOK_EVENTS, Clear, Disconnect, Event, Fault, OrderAdd, OrderModify, OrderSnapshot, Status
from orderbook.types import Place, RawMessage
from orderbook.verdicts import OnCrossed, OnError, OnGap, OnUnknownOrder, State, Verdict

log = logging.getLogger(__name__)


_SKIPPED: Final = (DecodeError, BookError, UsageError)
"""What one event can be at fault for; a gap, a cross or a bad checksum is raised only where a policy asks for it."""

_ORDER_EVENTS: Final = (OrderSnapshot, OrderAdd, OrderModify)

MAX_SYMBOLS: Final = 100_000
"""More instruments than any connection carries; a feed that invents symbols is stopped here."""


class Update(NamedTuple):
    """One event of one instrument and what became of it.

    ``book`` is the live book, which later messages change: take ``book.depth(n)`` or ``book.copy()`` to keep it. Unless
    ``state`` is ``LIVE`` it is empty and marked unknown. ``event`` may be read from the message only when somebody
    looks at it; until then its class is derived from the event's (``isinstance`` and pattern matching do not mind).

    >>> from orderbook import Snapshot
    >>> (update,) = Feed().receive(Snapshot(symbol="X", bids=[("100", "2")]))
    >>> update.symbol, update.verdict.name, update.book.best_bid.price
    ('X', 'SNAPSHOT', 100.0)
    """

    symbol: str
    verdict: Verdict
    event: Event
    book: L2Book | L3Book
    ts_event: int | None
    ts_recv: int | None
    state: State = State.LIVE


class Feed:
    """Everything that one connection sends: decodes, checks continuity and keeps a book per instrument.

    ``format`` is a name from :func:`orderbook.formats`, a :class:`~orderbook.Format`, or None for events that are
    decoded already. ``symbols`` limits the feed to some instruments (and names the one that a bare snapshot belongs
    to).

    >>> feed = Feed("binance_spot", symbols=["BNBBTC"])
    >>> snapshot = b'{"lastUpdateId":159,"bids":[["0.0024","1"]],"asks":[["0.0026","5"]]}'
    >>> delta = b'{"e":"depthUpdate","E":1672515782136,"s":"BNBBTC","U":157,"u":160,"b":[["0.0024","10"]],"a":[]}'
    >>> [update.verdict.name for raw in (snapshot, delta) for update in feed.receive(raw)]
    ['SNAPSHOT', 'APPLIED']
    >>> feed.builders["BNBBTC"].book.best_bid.size, feed.stats.gaps
    (10.0, 0)
    """

    def __init__(
        self,
        format: str | Format | None = None,
        *,
        symbols: Iterable[str] | None = None,
        on_gap: OnGap = OnGap.RESYNC,
        on_crossed: OnCrossed = OnCrossed.COUNT,
        on_unknown_order: OnUnknownOrder | None = None,
        on_error: OnError = OnError.RAISE,
        max_buffer: int = DEFAULT_MAX_BUFFER,
        max_depth: int | None = None,
    ) -> None:
        if isinstance(symbols, str):
            raise UsageError(f"symbols is a list of symbols, not the text {symbols!r}")
        self.format = None if format is None else get_format(format)
        self.rule = get_rule("none" if self.format is None else self.format.rule)
        names = None if symbols is None else tuple(symbols)
        self.symbols = None if names is None else frozenset(names)
        self.on_error = OnError(on_error)
        self._on_gap = OnGap(on_gap)
        self._policies: dict[str, Any] = {
            "on_crossed": on_crossed,
            "on_unknown_order": on_unknown_order,
            "max_buffer": max_buffer,
        }
        self._max_depth = max_depth
        self._decoder: Decoder | None = None if self.format is None else self.format.decoder(names)
        self._connection = Connection(self.rule) if self.rule.scope is Scope.CONNECTION else None
        self._builders: dict[str, BookBuilder[Any]] = {}
        self._stats = Stats()
        self._latest: int | None = None
        self._place: Place | None = None
        self._make_receiver()

    def _make_receiver(self) -> None:
        quick = _load_quick()
        self._receiver = None if quick is None else quick.Receiver.make(self, Feed, Update)

    def __getstate__(self) -> dict[str, Any]:
        self._take_back()
        # A copy has books of its own, and so a quick way of its own into them.
        return {**vars(self), "_receiver": None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self._make_receiver()

    @property
    def builders(self) -> Mapping[str, BookBuilder[Any]]:
        """The builder of each instrument seen so far, by symbol (read-only)."""
        return MappingProxyType(self._builders)

    @property
    def stats(self) -> Stats:
        """What happened so far over all instruments. O(instruments)."""
        self._take_back()
        total = sum((builder.stats for builder in self._builders.values()), self._stats)
        total.ignored += 0 if self._decoder is None else self._decoder.ignored
        return total

    @property
    def needs_snapshots(self) -> list[SnapshotRequest]:
        """The snapshots that instruments wait for; empty when all are live. O(instruments)."""
        return [request for builder in self._builders.values() if (request := builder.needs_snapshot) is not None]

    def receive(
        self, payload: Any, ts_recv: int | None = None, *, origin: str = "", place: Place | None = None
    ) -> list[Update]:
        """Take one message and return an update per event in it, after the whole message was applied.

        ``payload`` is the venue's bytes or text, the object parsed from it, a :class:`~orderbook.RawMessage` or an
        event. Trades, quotes and heartbeats come back with the verdict ``NOOP``. Cost: decoding plus the books' own
        operations.

        Raises:
            DecodeError: the message cannot be read and ``on_error`` is ``RAISE`` (the default).
            BookError, ScaleError: a book refuses an event; that instrument is stale. Not under ``SKIP``.
            SequenceGap: only under ``OnGap.RAISE``.
        """
        if isinstance(payload, RawMessage):
            place = payload.place
        return self.take(self.decode(payload, ts_recv, origin=origin, place=place), place=place)

    def decode(
        self, payload: Any, ts_recv: int | None = None, *, origin: str = "", place: Place | None = None
    ) -> list[Event]:
        """The first half of :meth:`receive`: return the events of one message, which touch nothing yet.

        A message that cannot be read becomes a :class:`~orderbook.Fault`, which :meth:`take` raises or counts. Messages
        must be decoded in the order of the connection, each once.

        >>> Feed("binance_spot").decode(b'{"result":null,"id":1}')
        []
        """
        if isinstance(payload, RawMessage):
            payload, ts_recv, origin, place = payload.payload, payload.ts_recv, payload.origin, payload.place
        self._take_back()
        if isinstance(payload, Event):
            self._watch_clock(payload.ts_recv)
            if isinstance(payload, Fault) and self._decoder is not None:
                self._decoder.lost()
            return [payload]
        self._watch_clock(ts_recv)
        if self._decoder is None:
            raise UsageError(f"a feed without a format takes events, got `{type(payload).__name__}`; pass format=")
        try:
            return self._decoder.decode(payload, ts_recv, origin)
        except DecodeError as error:
            spoiled = [] if error.spoils is None else [Disconnect(symbol=error.spoils, ts_recv=ts_recv)]
            return [*spoiled, Fault(error=error.at(place=place), ts_recv=ts_recv)]

    def take(self, events: list[Event], *, place: Place | None = None) -> list[Update]:
        """The second half of :meth:`receive`: judge and apply the events of one message."""
        self._take_back()
        self._stats.messages += 1
        self._place = place
        try:
            updates = self._apply(events)
        except OrderBookError as error:
            error.at(place=place)
            raise
        for event in events:
            if isinstance(event, Fault) and not event.symbol:
                if self.on_error is OnError.RAISE:
                    raise event.error
                log.warning("skipped: %s", event.error)
        return updates

    def _take_back(self) -> None:
        """Have the compiled path tell what it counted; it asks again before it goes on."""
        if self._receiver is not None:
            self._receiver.hand_back()

    # -- one message ------------------------------------------------------------------------------------------------

    def _watch_clock(self, ts_recv: int | None) -> None:
        if ts_recv is None:
            return
        if self._latest is not None and ts_recv < self._latest:
            self._stats.backwards += 1
        else:
            self._latest = ts_recv

    def _apply(self, events: list[Event]) -> list[Update]:
        """Every instrument gets what is its own before anything is raised: one's error is not another's loss."""
        updates: list[Update] = []
        errors: list[OrderBookError] = []
        if self._connection is not None and events and not isinstance(events[0], (Disconnect, Fault, Status)):
            verdict = self._connection.check(events[0].sequence)
            if verdict == Verdict.STALE:
                return self._repeated(events)
            if verdict == Verdict.GAP:
                updates += self._lose_all(events[0], verdict, errors)
        for event in events:
            if isinstance(event, (Disconnect, Fault, Status)) and not event.symbol:
                updates += self._everywhere(event, errors)
            elif event.symbol or self._is_nameless(event):
                updates += self._route(event, errors)
        if errors:
            raise errors[0]
        return updates

    def _route(self, event: Event, errors: list[OrderBookError]) -> list[Update]:
        if self.symbols is not None and event.symbol not in self.symbols:
            self._stats.ignored += 1
            return []
        builder = self._builders.get(event.symbol)
        if builder is None or self._is_mistaken(builder, event):
            builder = self._new_builder(event)
        return self._give(builder, event, errors)

    def _give(self, builder: BookBuilder[Any], event: Event, errors: list[OrderBookError]) -> list[Update]:
        try:
            return [self._update(builder, builder.apply(event), event)]
        except OrderBookError as error:
            if self.on_error is OnError.RAISE or not isinstance(error, _SKIPPED):
                errors.append(error)
                return []
            # The builder has gone stale over it: that is news, with the reason in the event.
            log.warning("refused: %s", error)
            error.at(place=self._place)
            fault = Fault(error=error, symbol=event.symbol, ts_event=event.ts_event, ts_recv=event.ts_recv)
            return [self._update(builder, Verdict.GAP, fault)]

    def _everywhere(self, event: Event, errors: list[OrderBookError]) -> list[Update]:
        """A disconnect, an unreadable message or the venue's word on itself concerns every instrument."""
        if isinstance(event, Disconnect):
            self._stats.disconnects += 1
            if self._decoder is not None:
                self._decoder.reset()
            if self._connection is not None:
                self._connection.reset()
        elif isinstance(event, Fault):
            self._stats.faults += 1
            if self._connection is not None and self._connection.last is None:
                # Frames without numbers: the next one would not show that this one is missing.
                return [self._update(builder, builder.lose(), event) for builder in self._builders.values()]
        builders = tuple(self._builders.values())
        return [update for builder in builders for update in self._give(builder, event, errors)]

    def _lose_all(self, event: Event, verdict: Verdict, errors: list[OrderBookError]) -> list[Update]:
        """The connection's numbers have a hole: any instrument may have lost something."""
        if self._on_gap is OnGap.RAISE:
            errors.append(SequenceGap(expected=verdict.expected, got=verdict.got))
        return [self._update(builder, builder.lose(verdict), event) for builder in self._builders.values()]

    def _repeated(self, events: list[Event]) -> list[Update]:
        self._stats.stale += len(events)
        return []

    def _new_builder(self, event: Event) -> BookBuilder[Any]:
        if len(self._builders) >= MAX_SYMBOLS:
            raise FeedError(f"more than {MAX_SYMBOLS} symbols on one connection", symbol=event.symbol)
        book: L2Book | L3Book
        if self._is_order_by_order(event):
            book = L3Book(event.symbol)
        else:
            book = L2Book(event.symbol, max_depth=self._max_depth)
        builder: BookBuilder[Any] = BookBuilder(book, self.rule, on_gap=self._on_gap, **self._policies)
        if event.symbol in self._builders:
            builder._stats = self._builders[event.symbol].stats
        self._builders[event.symbol] = builder
        return builder

    def _is_nameless(self, event: Event) -> bool:
        """Without a format, events may be of one book that has no name; a heartbeat alone makes none."""
        return self.format is None and ("" in self._builders or isinstance(event, (*BOOK_EVENTS, Clear)))

    def _is_order_by_order(self, event: Event) -> bool:
        return isinstance(event, _ORDER_EVENTS) if self.format is None else self.format.book == "L3"

    def _is_mistaken(self, builder: BookBuilder[Any], event: Event) -> bool:
        """Without a format the first events (a trade, say) may not show yet that orders will come."""
        waiting = self.format is None and builder.state is State.EMPTY
        return waiting and isinstance(event, _ORDER_EVENTS) and isinstance(builder.book, L2Book)

    @staticmethod
    def _update(builder: BookBuilder[Any], verdict: Verdict, event: Event) -> Update:
        return Update(builder.symbol, verdict, event, builder.book, event.ts_event, event.ts_recv, builder.state)

    def book(self, symbol: str | None = None) -> L2Book | L3Book:
        """Return the proven book of an instrument (of the only one, without a symbol); it is live, not a copy. O(1).

        Raises:
            StaleBookError: there is no proven book right now.
            UsageError: no symbol was given and there are several.
        """
        if symbol is None:
            if len(self._builders) > 1:
                raise UsageError(f"several symbols, name one: {', '.join(sorted(self._builders))}")
            symbol = next(iter(self._builders), None)
        builder = self._builders.get(symbol) if symbol is not None else None
        if builder is None or builder.state is not State.LIVE:
            state = State.EMPTY if builder is None else builder.state
            raise StaleBookError(state.value, symbol=symbol)
        book: L2Book | L3Book = builder.book
        return book


@functools.cache
def _load_quick() -> Any:
    """The compiled half of a feed, None in plain Python; loaded with the first feed, for it brings the decoders."""
    quick: Any = _backend.load("orderbook._receiver", "the compiled feed")
    if quick is not None:
        # The same method, but that plain messages go from bytes into the book without a stop.
        quick.receive.__doc__ = Feed.receive.__doc__
        Feed._receive = Feed.receive  # type: ignore[attr-defined]
        Feed.receive = quick.receive  # type: ignore[method-assign]
    return quick
