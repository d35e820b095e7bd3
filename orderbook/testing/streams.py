"""What a venue under a rule says about a changing book: messages with its numbers, and the truth behind each of them.

A :class:`Venue` holds the true book of one instrument. It is told what changes and answers with the messages that a
real venue under its rule would send. :class:`Stream` is what then arrives somewhere, in order, and knows the truth
behind every event; :mod:`orderbook.testing.faults` damages it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, fields, replace
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Final, overload

from orderbook.continuity import Bridge, Family, Restart, Rule, Scope, get_rule
from orderbook.errors import UsageError
from orderbook.events import BOOK_EVENTS, Delta, Event, Heartbeat, OrderSnapshot, Snapshot
from orderbook.levels import Levels
from orderbook.scale import MAX_SCALE, to_text
from orderbook.testing.compare import Model
from orderbook.testing.model import SIDES, NaiveL2, NaiveL3, NaiveLevel, checksum
from orderbook.types import Order, Side

if TYPE_CHECKING:
    from orderbook.testing.faults import Injected

START_TIME: Final = 1_700_000_000_000_000_000
"""When made-up venues open: 2023-11-14T22:13:20Z."""

_MS: Final = 1_000_000


@dataclass(frozen=True, slots=True, eq=False)
class Message:
    """One message: its events, and how many of the venue's changes a book covers after it.

    ``covers`` is None for a snapshot whose content is the truth by itself.
    """

    events: tuple[Event, ...]
    covers: int | None

    @property
    def is_snapshot(self) -> bool:
        """Whether it brings a whole book."""
        return isinstance(self.events[0], (Snapshot, OrderSnapshot))

    @property
    def changes(self) -> bool:
        """Whether it changes levels or orders: no snapshot, no keepalive, no trade."""
        return isinstance(self.events[0], BOOK_EVENTS) and not self.is_snapshot


class Numbering:
    """The numbers of one sequence, as the family of a rule counts them.

    >>> numbers = Numbering("binance_spot", first=100)
    >>> numbers.next(ids=3)
    {'first_sequence': 101, 'sequence': 103}
    >>> numbers.now()
    {'sequence': 103}
    """

    def __init__(self, rule: Rule | str, *, first: int = 1_000) -> None:
        self.rule = get_rule(rule)
        self.last = first
        self.group = 10 * first
        self._low = 1

    def next(self, ids: int = 1, skip: int = 0) -> dict[str, Any]:
        """The numbers of the next message, which covers ``ids`` updates; ``skip`` went to other instruments."""
        family, before = self.rule.family, self.last
        if family in (Family.TIME, Family.CRC, Family.NONE):
            return {}
        if family is Family.INCR:
            self.last += 1
            self.group += 1 + skip
            grouped = self.rule.bridge is Bridge.ANCHOR
            return {"sequence": self.last, "group_sequence": self.group} if grouped else {"sequence": self.last}
        first = before + 1 + (0 if family is Family.RANGE else skip)
        self.last = first + ids - 1
        if family is Family.RANGE:
            return {"first_sequence": first, "sequence": self.last}
        if family is Family.SNAP:
            return {"sequence": self.last}
        numbers = {"sequence": self.last, "prev_sequence": before}
        if self.rule.bridge is Bridge.BINANCE_FUTURES:
            numbers["first_sequence"] = first
        return numbers

    def now(self) -> dict[str, Any]:
        """The numbers of a snapshot of the present."""
        if self.rule.family in (Family.TIME, Family.CRC, Family.NONE):
            return {}
        grouped = self.rule.bridge is Bridge.ANCHOR
        return {"sequence": self.last, "group_sequence": self.group} if grouped else {"sequence": self.last}

    def beat(self) -> dict[str, Any] | None:
        """The numbers of a keepalive; None where the venue has none that takes part in the numbering."""
        if self.rule.name == "okx":
            return {"sequence": self.last, "prev_sequence": self.last}
        return self.next() if self.rule.family in (Family.INCR, Family.PREV, Family.RANGE) else None

    def relink(self) -> dict[str, Any]:
        """The numbers of a message that legally restarts lower (OKX maintenance)."""
        before, self.last, self._low = self.last, self._low, self._low + 1
        return {"sequence": self.last, "prev_sequence": before}


class Venue:
    """One instrument at a made-up venue: the true book, and what the venue says when it changes.

    ``opening`` is the book as it stands at first, a ``Snapshot`` or an ``OrderSnapshot``. ``numbering`` may be shared
    by the instruments of one connection.

    >>> venue = Venue("binance_spot", Snapshot(bids=[("99", "1")], asks=[("101", "1")]))
    >>> message = venue.change_levels([(Side.BID, "99.5", "3"), (Side.BID, "99", "0")])
    >>> message.events[0].first_sequence, message.events[0].sequence, len(venue.book.levels(Side.BID))
    (1001, 1002, 1)
    """

    def __init__(
        self,
        rule: Rule | str,
        opening: Snapshot | OrderSnapshot,
        *,
        symbol: str = "TEST",
        numbering: Numbering | None = None,
        time: int = START_TIME,
    ) -> None:
        self.rule = get_rule(rule)
        self.symbol = symbol
        self.time = time
        self.numbering = numbering or Numbering(self.rule)
        self.opening = opening
        self.story: list[tuple[Event, ...]] = []
        self.book: Model = NaiveL3() if isinstance(opening, OrderSnapshot) else NaiveL2()
        self.book.apply(opening)
        self._before = self.book
        self._changes: tuple[tuple[Side, str, str], ...] = ()

    @property
    def updates(self) -> int:
        """How many updates the last message had, if a snapshot may be taken between them; 0 otherwise."""
        return len(self._changes) if self.snapshots_inside else 0

    @property
    def snapshots_inside(self) -> bool:
        """Whether a snapshot may fall into the middle of a message: it has a number for each of its updates."""
        rule = self.rule
        return rule.buffers and (rule.family is Family.RANGE or rule.bridge in (Bridge.BINANCE_FUTURES, Bridge.COVERS))

    def change_levels(
        self,
        changes: Sequence[tuple[Side, str, str]],
        *,
        skip: int = 0,
        parts: int = 1,
        restart: bool = False,
        time: int | None = None,
    ) -> Message:
        """Set levels to new sizes, one update each (``"0"`` deletes), and return the message that says so.

        A level that changes twice is in the message once. ``parts=2`` makes bids and asks two events of one message.
        """
        before = self.book.copy()
        last = {(side, price): size for side, price, size in changes}
        bids, asks = (
            Levels.parse([(price, size) for (own, price), size in last.items() if own is side]) for side in SIDES
        )
        events = [Delta(bids=bids), Delta(asks=asks)] if parts > 1 and bids and asks else [Delta(bids=bids, asks=asks)]
        message = self.tell(*events, ids=max(1, len(changes)), skip=skip, restart=restart, time=time)
        self._before, self._changes = before, tuple(changes)
        return message

    def tell(
        self, *events: Event, ids: int = 1, skip: int = 0, restart: bool = False, time: int | None = None
    ) -> Message:
        """Apply events to the true book and return them as one message with the venue's numbers."""
        self._tick(time)
        for event in events:
            self.book.apply(event)
        numbers = self.numbering.relink() if restart else self.numbering.next(ids, skip)
        self.story.append(tuple(events))
        if self.rule.family is Family.SNAP:
            return self._message([self._whole(None)], numbers)
        if self.rule.family is Family.CRC:
            events = (*events[:-1], replace(events[-1], **_fitting(events[-1], self._proof())))
        return self._message(events, numbers)

    def beat(self) -> Message | None:
        """Return a message with nothing in it that takes part in the numbering; None where the venue has none."""
        numbers = self.numbering.beat()
        if numbers is None:
            return None
        self._tick(None)
        # By level it is a delta without levels, as on OKX; order by order, or counted one by one, a message of its own.
        by_level = isinstance(self.book, NaiveL2) and self.rule.family is not Family.INCR
        return self._message([Delta() if by_level else Heartbeat()], numbers)

    def snapshot(self, depth: int | None = None, *, inside: int | None = None, takes_number: bool = False) -> Message:
        """Return the whole book as it is, or the best ``depth`` levels.

        ``inside`` takes it in the middle of the last message, after that many of its updates. ``takes_number`` is for
        rules of a connection, where a snapshot is a frame like any other.
        """
        if inside is not None:
            return self._inside(inside, depth)
        numbers = self.numbering.next() if takes_number else self.numbering.now()
        return self._message([self._whole(depth)], numbers)

    def restart(self) -> Message:
        """Return the snapshot of a venue that restarted and counts from 1 (Bybit)."""
        if self.rule.restart is not Restart.ONE:
            raise UsageError(f"rule {self.rule.name!r} has no restart at 1")
        self._tick(None)
        self.numbering.last = 1
        return self._message([self._whole(None)], self.numbering.now())

    def _inside(self, updates: int, depth: int | None) -> Message:
        if not self.snapshots_inside or not 0 < updates <= len(self._changes):
            raise UsageError(f"no snapshot of rule {self.rule.name!r} can be taken inside a message, after {updates}")
        state = self._before.copy()
        for side, price, size in self._changes[:updates]:
            row = Levels.parse([(price, size)])
            state.apply(Delta(bids=row) if side is Side.BID else Delta(asks=row))
        number = self.numbering.last - len(self._changes) + updates
        event = replace(whole(state, depth), symbol=self.symbol, ts_event=self.time, sequence=number)
        return Message((event,), None)

    def _whole(self, depth: int | None) -> Event:
        event = whole(self.book, depth)
        return replace(event, **_fitting(event, self._proof())) if self.rule.family is Family.CRC else event

    def _proof(self) -> dict[str, Any]:
        return {"checksum": checksum(self.book)}

    def _tick(self, time: int | None) -> None:
        self._changes = ()
        self.time = max(self.time + _MS, time or 0)

    def _message(self, events: Sequence[Event], numbers: dict[str, Any]) -> Message:
        last = len(events) - 1
        own = (
            replace(event, symbol=self.symbol, ts_event=self.time, is_last=i == last, **_fitting(event, numbers))
            for i, event in enumerate(events)
        )
        return Message(tuple(own), len(self.story))


def _fitting(event: Event, numbers: dict[str, Any]) -> dict[str, Any]:
    return {name: number for name, number in numbers.items() if hasattr(event, name)}


def whole(book: Model, depth: int | None = None) -> Snapshot | OrderSnapshot:
    """Return a model's content as a snapshot, of the best ``depth`` levels if given. O(n log n).

    >>> model = NaiveL2()
    >>> model.delta([("100", "1"), ("99", "1")], [])
    >>> whole(model, depth=1).complete
    False
    """
    sides = {side: book.levels(side) for side in SIDES}
    complete = depth is None or all(len(levels) <= depth for levels in sides.values())
    if isinstance(book, NaiveL3):
        if depth is not None or book.anonymous:
            raise UsageError("a snapshot of orders has all of them, and none without a name")
        return OrderSnapshot(orders=_orders(book, sides))
    bids, asks = (Levels.parse([_texts(level) for level in sides[side][:depth]]) for side in SIDES)
    return Snapshot(bids=bids, asks=asks, complete=complete)


def _texts(level: NaiveLevel) -> tuple[str, str]:
    return decimal_text(level.price), decimal_text(level.size)


def _orders(book: NaiveL3, sides: dict[Side, list[NaiveLevel]]) -> Iterator[Order]:
    for side, levels in sides.items():
        for level in levels:
            for order in book.queue(side, level.price):
                yield Order(order.order_id, side, decimal_text(order.price), decimal_text(order.size))


def decimal_text(value: Fraction) -> str:
    """Return an exact decimal number as text.

    >>> decimal_text(Fraction(201, 2))
    '100.5'
    """
    places = next(digits for digits in range(MAX_SCALE + 1) if 10**digits % value.denominator == 0)
    return to_text(int(value * 10**places), places)


@dataclass(frozen=True, eq=False, repr=False)
class Stream(Sequence[Event]):
    """What arrives, in order: a sequence of events that knows the truth behind each of them.

    ``messages`` are the same events by message; ``injected`` what was done to them.
    """

    rule: Rule
    messages: tuple[Message, ...]
    opening: Event
    story: tuple[tuple[Event, ...], ...]
    injected: tuple[Injected, ...] = ()
    _covers: dict[int, int | None] = field(init=False)
    _events: tuple[Event, ...] = field(init=False)
    _memo: list[tuple[int, Model]] = field(init=False, default_factory=list)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_events", tuple(event for message in self.messages for event in message.events))
        # By identity: two events may be equal and stand for different moments (a keepalive sent twice).
        covers = {id(event): message.covers for message in self.messages for event in message.events}
        object.__setattr__(self, "_covers", covers)

    @overload
    def __getitem__(self, index: int) -> Event: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Event]: ...
    def __getitem__(self, index: int | slice) -> Event | Sequence[Event]:
        return self._events[index]

    def __len__(self) -> int:
        return len(self._events)

    def truth(self, event: Event | None = None) -> Model:
        """Return what the venue's book was as of an event of this stream; its last book without one.

        O(book) for events asked about in order, O(all changes before it) otherwise.

        Raises:
            UsageError: the event is not of this stream.
        """
        covers: int | None = len(self.story)
        if event is not None:
            if id(event) not in self._covers:
                raise UsageError("this event is not of this stream")
            covers = self._covers[id(event)]
        if covers is not None:
            return self._after(covers)
        model = self._empty()
        model.apply(event or self.opening)
        return model

    def _empty(self) -> Model:
        return NaiveL3() if isinstance(self.opening, OrderSnapshot) else NaiveL2()

    def _after(self, covers: int) -> Model:
        done, model = self._memo.pop() if self._memo else (-1, self._empty())
        if not 0 <= done <= covers:
            done, model = 0, self._empty()
            model.apply(self.opening)
        for events in self.story[done:covers]:
            for change in events:
                model.apply(change)
        self._memo.append((covers, model))
        return model.copy()

    def with_messages(self, messages: Iterable[Message], *injected: Injected) -> Stream:
        """Return a stream with the same truth and other messages."""
        return replace(self, messages=tuple(messages), injected=(*self.injected, *injected))

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        """A failing example of Hypothesis shows the events, not the fields of this class."""
        printer.text(repr(self))

    def __repr__(self) -> str:
        lines = "".join(f"\n    {_brief(event)}," for event in self._events)
        damage = f", injected={list(self.injected)}" if self.injected else ""
        return f"Stream({self.rule.name!r}{damage}, [{lines}\n])"


def _brief(event: Event) -> str:
    """An event without its times and without what it has by default: a stream is read by its order."""
    left_out = {"symbol", "ts_event", "ts_recv"}
    shown = [
        f"{item.name}={value!r}"
        for item in fields(event)
        if item.name not in left_out and (value := getattr(event, item.name)) not in (item.default, (), Levels())
    ]
    return f"{type(event).__name__}({', '.join(shown)})"


def arrive(venue: Venue, messages: Iterable[Message], *, latency: int = 5 * _MS) -> Stream:
    """Stamp messages with receive times in the order given, and return them as a stream. O(events).

    >>> venue = Venue("none", Snapshot(bids=[("99", "1")], asks=[]))
    >>> stream = arrive(venue, [venue.snapshot(), venue.change_levels([(Side.BID, "98", "2")])])
    >>> [type(event).__name__ for event in stream], len(stream.truth().levels(Side.BID))
    (['Snapshot', 'Delta'], 2)
    """
    stamped = []
    clock = 0
    for message in messages:
        clock = max(clock + 1_000, (message.events[0].ts_event or START_TIME) + latency)
        events = tuple(replace(event, ts_recv=clock) for event in message.events)
        stamped.append(Message(events, message.covers))
    return Stream(venue.rule, tuple(stamped), venue.opening, tuple(venue.story))


def is_connection_scoped(rule: Rule | str) -> bool:
    """Whether a rule counts the frames of a whole connection, so that only a :class:`orderbook.Feed` can check it.

    >>> is_connection_scoped("bitfinex_raw")
    True
    """
    return get_rule(rule).scope is Scope.CONNECTION
