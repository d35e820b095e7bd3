"""Hypothesis strategies for whole feeds: what a real venue under a rule could send, sound, damaged, or as payloads."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from functools import cache
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeAlias

from hypothesis import strategies as st

from orderbook.continuity import Bridge, Family, Restart, Rule, Scope, get_rule
from orderbook.events import (
    Event,
    OrderAdd,
    OrderCancel,
    OrderExecute,
    OrderModify,
    OrderReplace,
    OrderSnapshot,
    Snapshot,
)
from orderbook.testing.faults import GARBAGE, FaultKind, Injected
from orderbook.testing.model import NaiveL3, NaiveOrder
from orderbook.testing.streams import Message, Stream, Venue, arrive, decimal_text
from orderbook.testing.values import (
    LOT_PLACES,
    MAX_LEVELS,
    MID,
    TICK_PLACES,
    lots,
    lots_or_none,
    price_text,
    size_text,
    snapshots,
)
from orderbook.testing.wire import LobsterWire, get_wire
from orderbook.types import Order, OrderId, RawMessage, Side

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

Draw: TypeAlias = Callable[..., Any]

MAX_MESSAGES: Final = 12
"""How many messages a made-up stream has at most, unless asked for more."""

_SYMBOL: Final = "TEST"


class _Plan(NamedTuple):
    """One message before anything is known of the book that it will meet, and what is special about it."""

    changes: list[Any]
    skip: int
    special: str


class _Wish(NamedTuple):
    """A snapshot to be taken after some messages; it arrives ``shift`` messages later (or earlier)."""

    after: int
    shift: int
    inside: int
    depth: int | None


# -- by price level --------------------------------------------------------------------------------------------------


def l2_streams(
    *,
    rule: Rule | str = "binance_spot",
    symbol: str = _SYMBOL,
    max_messages: int = MAX_MESSAGES,
    max_levels: int = MAX_LEVELS,
    crossed: bool = False,
) -> SearchStrategy[Stream]:
    """Return a strategy for feeds by price level that a venue under ``rule`` could send.

    A feed has at least one snapshot that bridges. Its numbers are right; snapshots come late or early where the venue
    has them on request, may be limited in depth and taken in the middle of a message; there are keepalives, legal
    restarts, deletes of levels that nobody holds, messages in two parts. No whole message leaves the book crossed
    unless asked.

    >>> from hypothesis import Phase, find, settings
    >>> quickly = settings(database=None, phases=[Phase.generate, Phase.shrink])
    >>> found = find(l2_streams(rule="deribit"), lambda stream: len(stream.story) > 1, settings=quickly)
    >>> [type(event).__name__ for event in found]
    ['Snapshot', 'Delta', 'Delta']
    """
    build: Any = st.composite(_draw_l2)
    return build(get_rule(rule), symbol, max_messages, max_levels, crossed)


def _draw_l2(draw: Draw, rule: Rule, symbol: str, max_messages: int, max_levels: int, crossed: bool) -> Stream:
    opening = draw(snapshots(symbol=symbol, max_levels=max_levels, crossed=crossed))
    venue = Venue(rule, opening, symbol=symbol)
    plans = draw(st.lists(_plans(rule, max_levels=max_levels), min_size=1, max_size=max_messages))
    wishes = draw(_wishes(rule, len(plans), max_levels))
    resolver = _Levels(opening, crossed=crossed)
    told = (_tell_levels(venue, resolver, plan) for plan in plans)
    return arrive(venue, _deliver(venue, told, wishes, len(plans)))


def _level_changes(max_levels: int) -> SearchStrategy[Any]:
    """A side, a place and a size: see :class:`_Levels`. Deletes are common, as they are everywhere."""
    # As few choices as will do: a stream is made of hundreds, and every one costs time to draw and to shrink.
    places = [(side, place) for place in (*range(2 * max_levels + 1), -1) for side in (Side.BID, Side.ASK)]
    return st.tuples(st.sampled_from(places), lots_or_none())


@cache
def _plans(rule: Rule, *, max_levels: int = 0, plain: bool = False) -> SearchStrategy[_Plan]:
    """Messages of a feed by level, or by order where ``max_levels`` is 0."""
    change = _level_changes(max_levels) if max_levels else _order_changes()
    specials = ["", "", "parts"]
    # The anchor of a bridge is something that a keepalive does not have.
    specials += ["beat"] if rule.bridge is not Bridge.ANCHOR else []
    # A restart is a matter of the stream; a snapshot on request from before one would fit nothing after it.
    specials += ["restart"] if rule.restart is not Restart.NEVER and not rule.buffers else []
    skips = rule.family is Family.PREV or rule.bridge is Bridge.ANCHOR
    return st.builds(
        _Plan,
        changes=st.lists(change, min_size=1 if plain else 0, max_size=4),
        skip=st.integers(0, 20) if skips else st.just(0),
        special=st.just("") if plain else st.sampled_from(specials),
    )


@cache
def _wishes(rule: Rule, messages: int, max_levels: int) -> SearchStrategy[list[_Wish]]:
    """Where snapshots are taken, and how much later they arrive; the first makes the stream usable."""
    if rule.family is Family.SNAP:
        return st.just([])
    shift = st.integers(-3, 3) if rule.buffers else st.just(0)
    inside = st.integers(0, 4)
    # A checksum is over all that the venue shows: a book with less could never match it.
    depth = st.none() if rule.family is Family.CRC else st.none() | st.integers(1, max_levels)
    least = 1 if rule.bridge is Bridge.ANCHOR else 0
    some = st.builds(_Wish, after=st.integers(least, messages), shift=shift, inside=inside, depth=depth)
    # A connection begins with a subscription, and that with a snapshot.
    first = some.map(lambda wish: wish._replace(after=0)) if rule.scope is Scope.CONNECTION else some
    # The anchor of a later snapshot has gone by when the book is live already.
    more = st.lists(some, max_size=0 if rule.bridge is Bridge.ANCHOR else 2)
    return st.tuples(first, more).map(lambda wishes: [wishes[0], *wishes[1]])


class _Levels:
    """Turns a place into a price: 0 is the best that does not cross, higher is further away, -1 takes the other side.

    Without the other side, places count from the own best price.
    """

    def __init__(self, opening: Snapshot, *, crossed: bool) -> None:
        self._crossed = crossed
        self._held: dict[Side, set[int]] = {Side.BID: set(), Side.ASK: set()}
        for side, rows in ((Side.BID, opening.bids), (Side.ASK, opening.asks)):
            self._held[side] = {price * 10 ** (TICK_PLACES - rows.price_scale) for price in rows.prices}

    def resolve(self, changes: Sequence[Any]) -> list[tuple[Side, str, str]]:
        """Return levels and sizes, each legal when its turn comes."""
        return [row for (side, place), size in changes for row in self._resolve(side, place, size)]

    def _resolve(self, side: Side, place: int, size: int) -> Iterator[tuple[Side, str, str]]:
        price = self._price(side, place)
        if size == 0:
            # One that is held if there are enough of them, one that is not otherwise: both are legal.
            held = sorted(self._held[side], key=lambda ticks: -side.value * ticks)
            price = held[place] if 0 <= place < len(held) else price
            self._held[side].discard(price)
            yield side, price_text(price), "0"
            return
        for other in sorted(self._held[side.opposite]):
            if not self._crossed and side.value * other <= side.value * price:
                self._held[side.opposite].discard(other)
                yield side.opposite, price_text(other), "0"
        self._held[side].add(price)
        yield side, price_text(price), size_text(size)

    def _price(self, side: Side, place: int) -> int:
        other, own = self._held[side.opposite], self._held[side]
        if other:
            best = min(other) if side is Side.BID else max(other)
            return best - side.value * (place + 1)
        best = (max(own) if side is Side.BID else min(own)) if own else MID
        return best - side.value * place


def _tell_levels(venue: Venue, resolver: _Levels, plan: _Plan) -> list[Message]:
    told = _before(venue, plan)
    changes = resolver.resolve(plan.changes)
    relink = plan.special == "restart" and venue.rule.restart is Restart.LINKED and bool(changes)
    parts = 2 if plan.special == "parts" else 1
    told.append(venue.change_levels(changes, skip=plan.skip, parts=parts, restart=relink))
    return told


def _before(venue: Venue, plan: _Plan) -> list[Message]:
    """A keepalive, or the snapshot of a restart."""
    beat = venue.beat() if plan.special == "beat" else None
    told = [] if beat is None else [beat]
    if plan.special == "restart" and venue.rule.restart is Restart.ONE and venue.rule.family is Family.INCR:
        told.append(venue.restart())
    return told


def _deliver(venue: Venue, told: Iterator[list[Message]], wishes: list[_Wish], count: int) -> list[Message]:
    """Put messages and snapshots in the order of their arrival."""
    slots: list[list[Message]] = [[] for _ in range(count + 1)]

    def take(done: int) -> None:
        for wish in wishes:
            if wish.after == done:
                arrives = min(max(done + wish.shift, 0), count)
                slots[arrives].append(_snapshot(venue, wish))

    take(0)
    messages = []
    for done, group in enumerate(told, 1):
        messages.append(group)
        take(done)
    arrived = slots[0]
    for group, slot in zip(messages, slots[1:], strict=True):
        arrived += [*group, *slot]
    return arrived


def _snapshot(venue: Venue, wish: _Wish) -> Message:
    updates = venue.updates
    if 0 < wish.inside < updates:
        return venue.snapshot(wish.depth, inside=wish.inside)
    depth = None if isinstance(venue.opening, OrderSnapshot) else wish.depth
    return venue.snapshot(depth, takes_number=venue.rule.scope is Scope.CONNECTION)


# -- order by order --------------------------------------------------------------------------------------------------


def l3_streams(
    *,
    rule: Rule | str = "none",
    symbol: str = _SYMBOL,
    max_messages: int = MAX_MESSAGES,
    max_orders: int = 2 * MAX_LEVELS,
) -> SearchStrategy[Stream]:
    """Return a strategy for feeds order by order that a venue under ``rule`` could send; never crossed.

    Orders arrive, shrink, grow, move, are replaced, cancelled and executed in the order of their queue. Where the
    rule counts single events a message is one event, otherwise one or more. Rules of a connection (Bitfinex) say how
    an order stands: upserts and whole cancels.

    >>> from hypothesis import Phase, find, settings
    >>> quickly = settings(database=None, phases=[Phase.generate, Phase.shrink])
    >>> found = find(l3_streams(rule="bitstamp_l3"), lambda stream: len(stream) > 1, settings=quickly)
    >>> [type(event).__name__ for event in found]
    ['OrderSnapshot', 'OrderAdd']
    """
    build: Any = st.composite(_draw_l3)
    return build(get_rule(rule), symbol, max_messages, max_orders)


def _draw_l3(draw: Draw, rule: Rule, symbol: str, max_messages: int, max_orders: int) -> Stream:
    opening = draw(_order_snapshots(symbol, max_orders))
    venue = Venue(rule, opening, symbol=symbol)
    plans = draw(st.lists(_plans(rule), min_size=1, max_size=max_messages))
    wishes = draw(_wishes(rule, len(plans), MAX_LEVELS))
    told = _tell_orders(venue, plans)
    return arrive(venue, _deliver(venue, told, wishes, len(plans)))


@cache
def _order_snapshots(symbol: str, max_orders: int) -> SearchStrategy[OrderSnapshot]:
    row = st.tuples(st.sampled_from((Side.BID, Side.ASK)), st.integers(0, MAX_LEVELS), lots())

    def build(rows: list[Any]) -> OrderSnapshot:
        placed = [(side, MID - side.value * away - (side is Side.BID), size) for side, away, size in rows]
        placed.sort(key=lambda row: (-row[0], -row[0] * row[1]))
        orders = (Order(i, side, price_text(price), size_text(size)) for i, (side, price, size) in enumerate(placed, 1))
        return OrderSnapshot(symbol=symbol, orders=orders)

    return st.lists(row, max_size=max_orders).map(build)


_ACTS: Final = ("add", "cancel", "execute", "shrink", "grow", "move", "replace")


def _order_changes() -> SearchStrategy[Any]:
    """What to do, on which side, to which of the orders there (or at which place), and how much."""
    acts = [(act, side) for act in _ACTS for side in (Side.BID, Side.ASK)]
    return st.tuples(st.sampled_from(acts), st.integers(0, 2 * MAX_LEVELS), lots())


def _tell_orders(venue: Venue, plans: list[_Plan]) -> Iterator[list[Message]]:
    acts = _Orders(venue)
    single = venue.rule.family in (Family.INCR, Family.PREV)
    for plan in plans:
        told = _before(venue, plan)
        changes = plan.changes[: 1 if single else None]
        events = [acts.event(act, side, pick, size) for (act, side), pick, size in changes]
        yield [*told, venue.tell(*events)] if events else told


class _Orders:
    """Turns what is to be done into an event that is legal when its turn comes."""

    def __init__(self, venue: Venue) -> None:
        assert isinstance(venue.book, NaiveL3)
        self._book = venue.book.copy()
        self._upserts = venue.rule.scope is Scope.CONNECTION
        self._next = 1_000

    def event(self, act: str, side: Side, pick: int, size: int) -> Event:
        """Return the event, and count on its being told."""
        own = [order for order in self._book.orders if order.side is side]
        if act == "add" or not own:
            event = self._add(side, pick, size)
        else:
            event = _CHANGES[act](self, own[pick % len(own)], pick, size)
        self._book.apply(event)
        return self._upsert(event) if self._upserts else event

    def _upsert(self, event: Any) -> Event:
        """The same, said as how the order stands now."""
        if not self._book.holds(event.order_id):
            return OrderCancel(order_id=event.order_id, side=event.side, price=event.price)
        _, side, price, size = self._book.order(event.order_id)
        return _modify(event.order_id, side=side, price=price, size=size, upsert=True)

    def _new_id(self) -> int:
        self._next += 1
        return self._next

    def _price(self, side: Side, place: int) -> str:
        other, own = self._book.best(side.opposite), self._book.best(side)
        tick = Fraction(side.value, 10**TICK_PLACES)
        if other is not None:
            return decimal_text(other.price - tick * (place + 1))
        return decimal_text((own.price if own else Fraction(MID, 10**TICK_PLACES)) - tick * place)

    def _add(self, side: Side, pick: int, size: int) -> Event:
        return OrderAdd(order_id=self._new_id(), side=side, price=self._price(side, pick), size=size_text(size))

    def _cancel(self, order: NaiveOrder, pick: int, size: int) -> Event:
        return OrderCancel(order_id=order.order_id, side=order.side, price=decimal_text(order.price))

    def _execute(self, order: NaiveOrder, pick: int, size: int) -> Event:
        best = self._book.best(order.side)
        assert best is not None
        first = self._book.queue(order.side, best.price)[0]
        taken = min(Fraction(size, 10**LOT_PLACES), first.size)
        return OrderExecute(
            order_id=first.order_id, size=decimal_text(taken), side=first.side, price=decimal_text(first.price)
        )

    def _shrink(self, order: NaiveOrder, pick: int, size: int) -> Event:
        half = Fraction(int(order.size * 10**LOT_PLACES) // 2, 10**LOT_PLACES)
        if not half:
            return self._cancel(order, pick, size)
        if pick % 2:
            return _modify(order.order_id, size=half)
        return OrderCancel(
            order_id=order.order_id, size=decimal_text(half), side=order.side, price=decimal_text(order.price)
        )

    def _grow(self, order: NaiveOrder, pick: int, size: int) -> Event:
        return _modify(order.order_id, size=order.size + Fraction(size, 10**LOT_PLACES))

    def _move(self, order: NaiveOrder, pick: int, size: int) -> Event:
        return OrderModify(order_id=order.order_id, price=self._price(order.side, pick))

    def _replace(self, order: NaiveOrder, pick: int, size: int) -> Event:
        if self._upserts:
            return self._move(order, pick, size)
        price = self._price(order.side, pick)
        return OrderReplace(order_id=order.order_id, new_id=self._new_id(), price=price, size=size_text(size))


def _modify(order_id: OrderId, *, price: Fraction | None = None, size: Fraction | None = None, **more: Any) -> Event:
    price_now = None if price is None else decimal_text(price)
    return OrderModify(order_id=order_id, price=price_now, size=None if size is None else decimal_text(size), **more)


_CHANGES: Final[dict[str, Callable[[_Orders, NaiveOrder, int, int], Event]]] = {
    "cancel": _Orders._cancel,
    "execute": _Orders._execute,
    "shrink": _Orders._shrink,
    "grow": _Orders._grow,
    "move": _Orders._move,
    "replace": _Orders._replace,
}


# -- damaged ---------------------------------------------------------------------------------------------------------


def faulty_streams(
    *,
    rule: Rule | str = "binance_spot",
    kinds: Sequence[FaultKind] = tuple(FaultKind),
    orders: bool = False,
    symbol: str = _SYMBOL,
    max_messages: int = MAX_MESSAGES,
) -> SearchStrategy[Stream]:
    """Return a strategy for feeds with one fault in them, which heals: a good snapshot comes some messages later.

    The fault is ``stream.injected[0]``; its :meth:`~orderbook.testing.Injected.outcome` is the right verdict. The
    truth of the undamaged feed stays: ``stream.truth(event)``. ``orders`` makes a feed order by order.

    >>> from hypothesis import Phase, find, settings
    >>> quickly = settings(database=None, phases=[Phase.generate, Phase.shrink])
    >>> found = find(faulty_streams(kinds=[FaultKind.DROP]), lambda stream: True, settings=quickly)
    >>> found.injected[0].outcome(found.rule).verdict.name
    'GAP'
    """
    build: Any = st.composite(_draw_faulty)
    return build(get_rule(rule), tuple(kinds), orders, symbol, max_messages)


def _draw_faulty(
    draw: Draw, rule: Rule, kinds: Sequence[FaultKind], orders: bool, symbol: str, max_messages: int
) -> Stream:
    opening = draw(_order_snapshots(symbol, MAX_LEVELS) if orders else snapshots(symbol=symbol))
    venue = Venue(rule, opening, symbol=symbol)
    plan = _plans(rule, max_levels=0 if orders else MAX_LEVELS, plain=True)
    plans = draw(st.lists(plan, min_size=6, max_size=max(6, max_messages)))
    # Two messages before it, so that the first snapshot is old by then; two after it, so that it shows before the next.
    fault = draw(st.integers(2, len(plans) - 4))
    heals = draw(st.integers(fault + 2, len(plans) - 2))
    if orders:
        told = _tell_orders(venue, plans)
    else:
        resolver = _Levels(opening, crossed=False)
        told = (_tell_levels(venue, resolver, plan) for plan in plans)
    messages, index = _with_snapshots(venue, told, fault, heals)
    injected = Injected(draw(st.sampled_from(tuple(kinds))), index)
    return injected.inject(arrive(venue, messages))


def _with_snapshots(venue: Venue, told: Iterator[list[Message]], fault: int, heals: int) -> tuple[list[Message], int]:
    """The messages with a snapshot of the beginning and one after ``heals``, and where message ``fault`` then stands.

    A snapshot that needs its anchor comes right before the message which is the anchor.
    """
    if venue.rule.family is Family.SNAP:
        return [message for group in told for message in group], fault
    early = venue.rule.bridge is Bridge.ANCHOR
    numbered = venue.rule.scope is Scope.CONNECTION
    messages = [] if early else [venue.snapshot(takes_number=numbered)]
    index = 0
    for number, group in enumerate(told):
        index = len(messages) if number == fault else index
        messages += group
        if number == heals or (early and number == 0):
            place = len(messages) - 1 if early else len(messages)
            messages.insert(place, venue.snapshot(takes_number=numbered))
    return messages, index


# -- payloads --------------------------------------------------------------------------------------------------------

_ORDER_FORMATS: Final = ("bitfinex_raw", "lobster")


def raw_messages(
    format: str = "binance_spot", *, symbol: str = _SYMBOL, max_messages: int = MAX_MESSAGES, garbage: bool = False
) -> SearchStrategy[list[RawMessage]]:
    """Return a strategy for what a recorder of a venue's feed holds: payloads in the venue's own format, with times.

    ``garbage`` turns some payloads into what nobody can read. Formats are those of
    :func:`orderbook.testing.write_capture`.

    >>> from hypothesis import Phase, find, settings
    >>> quickly = settings(database=None, phases=[Phase.generate, Phase.shrink])
    >>> found = find(raw_messages("binance_usdm"), lambda messages: len(messages) == 2, settings=quickly)
    >>> [b"lastUpdateId" in message.payload for message in found]
    [True, False]
    """
    get_wire(format, symbol)  # refuses a format that nothing writes
    make = l3_streams if format in _ORDER_FORMATS else l2_streams
    streams = make(rule=format, symbol=symbol, max_messages=max_messages)
    spoil = st.tuples(st.integers(0, 4 * max_messages), st.sampled_from(GARBAGE))
    spoiled = st.lists(spoil, max_size=3 if garbage else 0)
    return st.tuples(streams, spoiled).map(lambda drawn: _payloads(format, symbol, *drawn))


def _payloads(format: str, symbol: str, stream: Stream, spoiled: list[tuple[int, bytes]]) -> list[RawMessage]:
    wire = get_wire(format, symbol)
    if isinstance(wire, LobsterWire):
        wire.book.apply(stream.opening)
        wire.shares = 10**LOT_PLACES
    found = [
        RawMessage(message.events[0].ts_recv, payload)
        for message in stream.messages
        for payload in wire.encode(message)
    ]
    for index, payload in spoiled:
        if index < len(found):
            found[index] = found[index]._replace(payload=payload)
    return found
