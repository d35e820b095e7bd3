"""The applier of one instrument: judges an event before it touches the book, and says what became of it."""

from __future__ import annotations

import functools
import logging
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any, Final, Generic, NamedTuple, Protocol, TypeVar

from orderbook.continuity import (
    TRANSITIONS,
    Family,
    Judgement,
    Position,
    Rule,
    Scope,
    Signal,
    advance,
    bridge,
    check_numbers,
    get_rule,
    is_empty,
    judge,
    judge_snapshot,
    oldest_usable,
    start,
)
from orderbook.errors import (
    ChecksumMismatch,
    CrossedBookError,
    DecodeError,
    OrderBookError,
    SequenceGap,
    UnknownOrder,
    UsageError,
)
from orderbook.events import (
    BOOK_EVENTS,
    Clear,
    Delta,
    Disconnect,
    Event,
    Fault,
    Heartbeat,
    OrderAdd,
    OrderCancel,
    OrderExecute,
    OrderModify,
    OrderReplace,
    OrderSnapshot,
    Reveal,
    Snapshot,
)
from orderbook.verdicts import OnCrossed, OnGap, OnUnknownOrder, State, Verdict

log = logging.getLogger(__name__)

DEFAULT_MAX_BUFFER: Final = 10_000


class _Book(Protocol):
    """What a builder needs of a book."""

    sequence: int | None
    ts_event: int | None
    ts_recv: int | None

    @property
    def symbol(self) -> str: ...
    @property
    def is_crossed(self) -> bool: ...
    @property
    def is_locked(self) -> bool: ...
    @property
    def best_bid(self) -> Any: ...
    @property
    def best_ask(self) -> Any: ...
    def apply(self, event: Event) -> None: ...
    def forget(self) -> None: ...


BookT = TypeVar("BookT", bound=_Book)


class _Lane(Protocol):
    """What a builder needs of the compiled path."""

    def hand_back(self) -> None: ...


class _Watched:
    """An attribute that the compiled path has looked at: set, it takes the builder back first.

    Without ``__get__`` it is read from the instance as any other, at no cost.
    """

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    def __set__(self, builder: BookBuilder[Any], value: Any) -> None:
        state = vars(builder)
        if state.get("_lane") is not None:
            builder._take_back()
        state[self._name] = value


@dataclass(slots=True)
class Stats:
    """What happened so far, counted; every dropped or doubtful thing is here.

    >>> (Stats(gaps=1) + Stats(gaps=2, applied=5)).gaps
    3
    """

    messages: int = 0
    """Payloads received (a feed's; 0 in a builder)."""
    events: int = 0
    """Events decoded from them."""
    applied: int = 0
    snapshots: int = 0
    stale: int = 0
    noop: int = 0
    buffered: int = 0
    gaps: int = 0
    resyncs: int = 0
    """Snapshots that brought a book back after a gap, reset or disconnect."""
    resets: int = 0
    checksums_ok: int = 0
    checksums_bad: int = 0
    crossed: int = 0
    """Messages after which the best bid stood above the best ask."""
    locked: int = 0
    unknown_orders: int = 0
    overflows: int = 0
    """Events pushed out of a full buffer."""
    disconnects: int = 0
    refused: int = 0
    """Events that a book could not take."""
    faults: int = 0
    """Messages that could not be read."""
    ignored: int = 0
    """Messages of other channels, and events of symbols that were not asked for."""
    backwards: int = 0
    """Messages whose receive time is before the latest seen."""

    def __add__(self, other: Stats) -> Stats:
        return Stats(*(getattr(self, f.name) + getattr(other, f.name) for f in fields(self)))


class SnapshotRequest(NamedTuple):
    """Which snapshot a builder waits for: ``min_sequence`` is the lowest number that can bridge (None: any new one).

    >>> SnapshotRequest("ETHUSDT", 281916628, "GET /api/v3/depth?symbol=ETHUSDT&limit=5000").min_sequence
    281916628
    """

    symbol: str
    min_sequence: int | None
    source: str


class BookBuilder(Generic[BookT]):
    """One instrument's continuity in front of one book: nothing reaches the book unjudged.

    ``rule`` is a :class:`~orderbook.Rule` or the name of a venue row in :data:`~orderbook.RULES`. A gap clears the
    book, and the builder is ``STALE`` until a snapshot bridges; it keeps at most ``max_buffer`` events for that.
    ``checksum`` computes what the venue's ``checksum`` field should be from the book.

    >>> from orderbook import Delta, L2Book, Snapshot
    >>> builder = BookBuilder(L2Book("ETHUSDT"), "binance_spot")
    >>> builder.apply(Delta(first_sequence=11, sequence=12, bids=[("99", "1")])).name
    'BUFFERED'
    >>> builder.apply(Snapshot(sequence=10, bids=[("98", "1")], asks=[("101", "2")])).name
    'SNAPSHOT'
    >>> builder.book.best_bid.price, builder.state.name
    (99.0, 'LIVE')
    >>> gap = builder.apply(Delta(first_sequence=20, sequence=21))
    >>> gap.name, gap.expected, gap.got, builder.needs_snapshot.min_sequence, builder.book.best_bid
    ('GAP', 13, 20, 19, None)
    """

    if not TYPE_CHECKING:
        book = _Watched()
        rule = _Watched()
        state = _Watched()
        on_crossed = _Watched()
        checksum = _Watched()

    def __init__(
        self,
        book: BookT,
        rule: Rule | str = "none",
        *,
        on_gap: OnGap = OnGap.RESYNC,
        on_crossed: OnCrossed = OnCrossed.COUNT,
        on_unknown_order: OnUnknownOrder | None = None,
        max_buffer: int = DEFAULT_MAX_BUFFER,
        checksum: Callable[[BookT], int] | None = None,
    ) -> None:
        if max_buffer < 1:
            raise UsageError(f"max_buffer is at least 1, not {max_buffer}")
        if book.best_bid is not None or book.best_ask is not None:
            raise UsageError("a builder starts from an empty book: what is in this one cannot be proven")
        book.forget()  # nothing is known before the first snapshot, not even that the book is empty
        self.book = book
        self.rule = get_rule(rule)
        self.on_gap = OnGap(on_gap)
        self.on_crossed = OnCrossed(on_crossed)
        self.on_unknown_order = OnUnknownOrder(on_unknown_order or self.rule.on_unknown_order)
        self.checksum = checksum
        self._stats = Stats()
        self.state = State.EMPTY
        self.bridged: tuple[Event, ...] = ()
        """The last snapshot that went live, and the buffered events that were applied on top of it."""
        self._at = Position(None)
        self._max_buffer = max_buffer
        self._buffer: deque[Event] = deque()
        self._open: Verdict | None = None
        """The verdict of a message whose last part has not come yet."""
        self._open_number: int | None = None
        self._dirty = False
        self._lane: _Lane | None = None
        """Where deltas go the quick way, while they do (orderbook._receiver)."""

    def __getstate__(self) -> dict[str, Any]:
        self._take_back()
        return vars(self).copy()

    @property
    def stats(self) -> Stats:
        """What happened so far, counted: a copy. O(1)."""
        self._take_back()
        return replace(self._stats)

    def _take_back(self) -> None:
        """Have the compiled path tell what it did; it asks again before it goes on."""
        if self._lane is not None:
            self._lane.hand_back()

    @property
    def symbol(self) -> str:
        """The instrument, as the book names it."""
        return self.book.symbol

    @property
    def sequence(self) -> int | None:
        """The last number (or time) that the live book covers; None when it is not live. O(1)."""
        self._take_back()
        return self._at.last

    @property
    def needs_snapshot(self) -> SnapshotRequest | None:
        """The snapshot that would make the book live, None when it is. O(1)."""
        if self.state is State.LIVE:
            return None
        low = oldest_usable(self.rule, self._buffer[0]) if self._buffer else None
        return SnapshotRequest(self.symbol, low, self.rule.snapshot.replace("SYMBOL", self.symbol))

    def apply(self, event: Event) -> Verdict:
        """Judge one event, apply it if it is the next one, and say what became of it. Cost of the book's own operation.

        Raises:
            DecodeError: the event lacks a number that the rule needs.
            BookError, ScaleError: the book refuses the event (an unknown order under the strict policy, a number that
            does
                not fit).
            SequenceGap, ChecksumMismatch, CrossedBookError: only under the policies that ask for it.

        After any of them a live builder is stale and waits for a snapshot.
        """
        self._take_back()
        self._stats.events += 1
        try:
            verdict = self._take(event)
        except DecodeError as error:
            self._refuse(error)
            self._open = None if event.is_last else Verdict.STALE
            raise
        except OrderBookError:
            # What is left of a refused message must not be taken for a message of its own.
            self._open = None if event.is_last else Verdict.STALE
            raise
        self._count(verdict)
        # A fault is its own error, which whoever met it raises.
        if self.on_gap is OnGap.RAISE and verdict == Verdict.GAP and not isinstance(event, Fault):
            raise SequenceGap(expected=verdict.expected, got=verdict.got, symbol=self.symbol)
        return verdict

    def lose(self, verdict: Verdict = Verdict.GAP) -> Verdict:
        """Say that something of unknown content was lost for this instrument: the book is stale from here. O(book)."""
        self._take_back()
        self._lose()
        self._count(verdict)
        return verdict

    def _lose(self) -> Verdict:
        verdict = self._move(Signal.LOST)
        self._drop_book()
        self._buffer.clear()
        self._open = None if self._open is None else Verdict.STALE
        return verdict

    # -- one event --------------------------------------------------------------------------------------------------

    def _take(self, event: Event) -> Verdict:
        halved = self._is_cut_short(event) and self._open != Verdict.STALE
        if halved:
            self._lose()
        if self._is_cut_short(event):
            self._open = None
        # A snapshot or a clear stands for itself, whatever it came with.
        goes_on = isinstance(event, BOOK_EVENTS) and not isinstance(event, _WHOLE)
        verdict = self._go_on(event, self._open) if goes_on and self._open is not None else self._judge(event)
        if event.is_last:
            self._open = None
        elif isinstance(event, (*BOOK_EVENTS, Clear)):
            self._open, self._open_number = verdict, event.sequence
        if halved:
            return Verdict.GAP
        # A checksum that a snapshot was bridged under is the one of the last event that was put on top of it.
        last = self.bridged[-1] if verdict == Verdict.SNAPSHOT else event
        return self._settle(last, verdict) if event.is_last and self._dirty else verdict

    def _is_cut_short(self, event: Event) -> bool:
        """Whether a message with another number begins before the last one was complete."""
        if self._open is None or self._open_number == event.sequence or self.rule.scope is Scope.CONNECTION:
            return False
        return self.rule.family in _NUMBERED and isinstance(event, BOOK_EVENTS)

    def _judge(self, event: Event) -> Verdict:
        kind: Any = type(event)
        handler = _handler(kind)
        return Verdict.NOOP if handler is None else handler(self, event)

    def _delta(self, event: Event) -> Verdict:
        if self.state is not State.LIVE:
            return self._before_snapshot(event)
        judgement = judge(self.rule, self._at, event)
        if judgement.signal is Signal.BREAK:
            return self._break(event, judgement)
        verdict = self._move(judgement.signal)
        if verdict != Verdict.STALE and not self._put(event):
            verdict = Verdict.NOOP
        self._at = advance(self.rule, self._at, event, judgement)
        return verdict

    def _heartbeat(self, event: Event) -> Verdict:
        # One without a number is a sign of life only; one with a number takes its place in the sequence.
        return Verdict.NOOP if event.sequence is None else self._delta(event)

    def _before_snapshot(self, event: Event) -> Verdict:
        if not self.rule.buffers:
            return self._move(Signal.EARLY)
        check_numbers(self.rule, event)  # now, while its place is known; later it would spoil every snapshot
        verdict = self._move(Signal.HELD)
        self._hold(event)
        return verdict

    def _hold(self, event: Event) -> bool:
        """Keep an event; False when its own message had to go to make room, so that the rest of it is of no use."""
        if len(self._buffer) >= self._max_buffer:
            log.warning(
                "buffer of %d events is full, the oldest is dropped", self._max_buffer, extra={"symbol": self.symbol}
            )
            if not self._drop_oldest():
                return False
        self._buffer.append(event)
        return True

    def _drop_oldest(self) -> bool:
        """Drop the oldest whole message: a snapshot fetched from now on is newer. False if its end is not here yet."""
        while self._buffer:
            oldest = self._buffer.popleft()
            self._stats.overflows += 1
            if oldest.is_last:
                return True
        return self._open is None

    def _break(self, event: Event, judgement: Judgement) -> Verdict:
        verdict = self._move(Signal.BREAK).numbered(expected=judgement.expected, got=judgement.got)
        self._drop_book()
        if self.rule.buffers:
            self._hold(event)  # it is true, and the next snapshot may need it
        log.warning("gap: expected %s, got %s", verdict.expected, verdict.got, extra={"symbol": self.symbol})
        return verdict

    def _snapshot(self, event: Event) -> Verdict:
        if self.state is State.LIVE:
            signal = judge_snapshot(self.rule, self._at, event)
            if signal in (Signal.SNAPSHOT_OLD, Signal.SNAPSHOT_SAME):
                return self._move(signal)
            return self._replace(event, signal, start(self.rule, event))
        plan = bridge(self.rule, event, self._buffer)
        self._stats.stale += plan.old
        if plan.signal is Signal.SNAPSHOT:
            return self._replace(event, plan.signal, plan.at, plan.kept)
        verdict = self._move(plan.signal)
        for _ in range(plan.stop):
            self._buffer.popleft()
        if verdict == Verdict.GAP and plan.judgement is not None:
            verdict = verdict.numbered(expected=plan.judgement.expected, got=plan.judgement.got)
        return verdict

    def _replace(self, snapshot: Event, signal: Signal, at: Position, kept: tuple[Event, ...] = ()) -> Verdict:
        again = self.state is State.STALE
        self._put(snapshot)
        verdict = self._move(signal)
        self._buffer.clear()
        put = [event for event in kept if self._put(event)]
        self._at = at
        self._stats.applied += len(put)
        self._stats.resyncs += again
        self.bridged = (snapshot, *put)
        return verdict

    def _clear(self, event: Event) -> Verdict:
        at = start(self.rule, event)
        numbered = self.state is State.LIVE and self.rule.family in _NUMBERED
        if numbered and at.last is not None and self._at.last is not None and at.last <= self._at.last:
            # One that comes again, or late, must not empty a book that has moved on.
            return self._move(Signal.OLD)
        return self._replace(event, Signal.CLEARED, at)

    def _disconnect(self, event: Event) -> Verdict:
        verdict = self._move(Signal.CUT)
        self._drop_book()
        self._buffer.clear()
        self._stats.disconnects += bool(event.symbol)  # a connection's own are counted once, by the feed
        return verdict

    def _fault(self, event: Event) -> Verdict:
        self._stats.faults += bool(event.symbol)
        # Between the parts of a message it may have been one of them.
        return Verdict.NOOP if self._sees_loss and self._open is None else self._lose()

    @property
    def _sees_loss(self) -> bool:
        return self.rule.detects_loss and (self.rule.family is not Family.CRC or self.checksum is not None)

    def _go_on(self, event: Event, verdict: Verdict) -> Verdict:
        """A later part of a message whose first part was judged: it shares that part's fate."""
        if verdict == Verdict.BUFFERED or (verdict == Verdict.GAP and self.rule.buffers):
            return verdict if self._hold(event) else Verdict.STALE
        if self.state is not State.LIVE or verdict == Verdict.STALE:
            return verdict
        if not self._put(event):
            return Verdict.NOOP
        # The first part may have had nothing in it.
        return Verdict.APPLIED if verdict == Verdict.NOOP and not is_empty(event) else verdict

    # -- the book ---------------------------------------------------------------------------------------------------

    def _put(self, event: Event) -> bool:
        """Apply to the book; False when it was for an order that the book does not hold and the policy allows it."""
        known = True
        try:
            self.book.apply(event)
        except UnknownOrder as error:
            if self.on_unknown_order is OnUnknownOrder.RAISE:
                self._refuse(error)
                raise
            self._stats.unknown_orders += 1
            known = False
        except OrderBookError as error:
            self._refuse(error)
            raise
        self._stamp(event)
        self._dirty |= known
        return known

    def _stamp(self, event: Event) -> None:
        """The book covers this event's number and times even where its levels did not change."""
        book = self.book
        book.sequence = book.sequence if event.sequence is None else event.sequence
        book.ts_event = book.ts_event if event.ts_event is None else event.ts_event
        book.ts_recv = book.ts_recv if event.ts_recv is None else event.ts_recv

    def _refuse(self, error: OrderBookError) -> None:
        was_live = self.state is State.LIVE
        self._move(Signal.REFUSED)
        self._stats.refused += 1
        self._open = None
        if was_live:
            self._drop_book()
            self._count(Verdict.GAP)
        error.at(symbol=self.symbol)

    def _drop_book(self) -> None:
        self.book.forget()
        self._at = Position(None)
        self._dirty = False

    def _settle(self, event: Event, verdict: Verdict) -> Verdict:
        """Look at the book once the whole message is in, never inside one: checksum first, then crossing."""
        self._dirty = False
        if self.state is not State.LIVE:
            return verdict
        wanted = getattr(event, "checksum", None)
        if self.checksum is not None and wanted is not None:
            got = self.checksum(self.book)
            if got != wanted:
                return self._contradicted(wanted, got)
            self._stats.checksums_ok += 1
        self._stats.locked += self.book.is_locked
        if not self.book.is_crossed:
            return verdict
        self._stats.crossed += 1
        return verdict if self.on_crossed is OnCrossed.COUNT else self._crossed()

    def _contradicted(self, wanted: int, got: int) -> Verdict:
        verdict = self._move(Signal.CHECKSUM_BAD).numbered(expected=wanted, got=got)
        self._drop_book()
        if self.on_gap is OnGap.RAISE:
            self._count(verdict)
            raise ChecksumMismatch(expected=wanted, got=got, symbol=self.symbol)
        return verdict

    def _crossed(self) -> Verdict:
        bid, ask = self.book.best_bid.price, self.book.best_ask.price
        verdict = self._move(Signal.LOST)
        self._drop_book()
        if self.on_crossed is OnCrossed.RAISE:
            self._count(verdict)
            raise CrossedBookError(bid=bid, ask=ask, symbol=self.symbol)
        return verdict

    def _move(self, signal: Signal) -> Verdict:
        state, verdict = TRANSITIONS[self.state, signal]
        if state is not self.state:
            self.state = state
        return verdict

    def _count(self, verdict: Verdict) -> None:
        name = _COUNTERS[verdict.value]
        setattr(self._stats, name, getattr(self._stats, name) + 1)


_WHOLE: Final = (Snapshot, OrderSnapshot)
_NUMBERED: Final = (Family.RANGE, Family.PREV, Family.INCR)

_COUNTERS: Final = {
    "applied": "applied",
    "snapshot": "snapshots",
    "stale": "stale",
    "noop": "noop",
    "buffered": "buffered",
    "gap": "gaps",
    "reset": "resets",
    "checksum_bad": "checksums_bad",
}

# Trades, quotes and status are not here: they never touch the book and take no number of its sequence.
_HANDLERS: Final[dict[type[Event], Callable[[BookBuilder[Any], Any], Verdict]]] = {
    Snapshot: BookBuilder._snapshot,
    OrderSnapshot: BookBuilder._snapshot,
    Delta: BookBuilder._delta,
    OrderAdd: BookBuilder._delta,
    OrderModify: BookBuilder._delta,
    OrderCancel: BookBuilder._delta,
    OrderExecute: BookBuilder._delta,
    OrderReplace: BookBuilder._delta,
    Reveal: BookBuilder._delta,
    Heartbeat: BookBuilder._heartbeat,
    Clear: BookBuilder._clear,
    Disconnect: BookBuilder._disconnect,
    Fault: BookBuilder._fault,
}


@functools.cache
def _handler(kind: Any) -> Callable[[BookBuilder[Any], Any], Verdict] | None:
    """What takes events of a class, or of one that it is derived from."""
    return next((_HANDLERS[base] for base in kind.__mro__ if base in _HANDLERS), None)
