"""A seeded market that does not exist: order flow, its books, and the streams that a venue would make of them.

The same seed gives the same market on every machine and in every version of Python. Nothing here needs more than the
library itself, so that examples and other people's tools can use it too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any, Final

from orderbook.continuity import Family, Rule, Scope, get_rule
from orderbook.errors import UsageError
from orderbook.events import (
    Event,
    OrderAdd,
    OrderCancel,
    OrderExecute,
    OrderModify,
    OrderSnapshot,
    Quote,
    Snapshot,
    Trade,
)
from orderbook.levels import Levels
from orderbook.scale import parse, to_text
from orderbook.testing.flow import Act, Chance, OrderFlow
from orderbook.testing.model import NaiveL2, NaiveL3
from orderbook.testing.streams import START_TIME, Message, Numbering, Stream, Venue, arrive
from orderbook.types import Order, Side

_MS: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class Plan:
    """What of a stream arrives, and when; see :meth:`SyntheticMarket.stream`."""

    messages: int
    drop: frozenset[int]
    resync_after: int | None
    lag: int
    opening_at: int

    def snapshots(self) -> set[int]:
        """The messages right after which a snapshot is taken."""
        taken = {self.opening_at}
        if self.resync_after is not None:
            taken |= {index + self.resync_after for index in self.drop}
        return taken


class SyntheticMarket:
    """One instrument with a life of its own: a moving price, clustered sizes, flicker near the top.

    ``tick`` and ``lot`` are the steps of price and size, ``mid`` is where it opens, with about ``levels`` levels a
    side. Numbers leave it as decimal text, times as int64 ns UTC.

    >>> market = SyntheticMarket(seed=7, symbol="SYNTH")
    >>> [type(event).__name__ for event in market.step()]
    ['OrderExecute', 'Trade']
    >>> market.level(Side.BID), market.level(Side.ASK)
    (('1999.99', '0.0100'), ('2000.01', '0.2423'))
    """

    def __init__(
        self,
        seed: int = 0,
        *,
        symbol: str = "SYNTH",
        tick: str = "0.01",
        lot: str = "0.0001",
        mid: str = "2000",
        levels: int = 40,
        start: int = START_TIME,
    ) -> None:
        self.symbol = symbol
        self.seed = seed
        self.time = start
        self._tick, self._price_scale = parse(tick)
        self._lot, self._size_scale = parse(lot)
        mantissa, scale = parse(mid)
        ticks, rest = divmod(mantissa * 10**self._price_scale, 10**scale * self._tick)
        if rest or ticks <= 4 * levels:
            raise UsageError(f"mid {mid} is a multiple of the tick {tick}, and well above {levels} of them")
        self.flow = OrderFlow(seed, mid=ticks, levels=levels)
        # A second source of chance, for what is no order flow: pauses, other instruments' numbers.
        self._noise = Chance(seed + 1)
        self._trades = 0

    # -- numbers as text ---------------------------------------------------------------------------------------------

    def price(self, ticks: int) -> str:
        """A price in ticks as decimal text."""
        return to_text(ticks * self._tick, self._price_scale)

    def size(self, lots: int) -> str:
        """A size in lots as decimal text."""
        return to_text(lots * self._lot, self._size_scale)

    # -- the truth ---------------------------------------------------------------------------------------------------

    def level(self, side: Side, index: int = 0) -> tuple[str, str]:
        """Price and size of a level of the true book, the best by default."""
        ticks = self.flow.prices(side)[index]
        return self.price(ticks), self.size(self.flow.size_at(side, ticks))

    def snapshot(self) -> Snapshot:
        """The true book by levels, without numbers. O(levels)."""
        bids, asks = (Levels.parse(list(self._rows(side))) for side in (Side.BID, Side.ASK))
        return Snapshot(symbol=self.symbol, ts_event=self.time, bids=bids, asks=asks)

    def _rows(self, side: Side) -> Iterator[tuple[str, str]]:
        for ticks in self.flow.prices(side):
            yield self.price(ticks), self.size(self.flow.size_at(side, ticks))

    def order_snapshot(self) -> OrderSnapshot:
        """The true book by orders, in queue order, without numbers. O(orders)."""
        orders = (
            Order(order.order_id, side, self.price(order.price), self.size(order.size))
            for side in (Side.BID, Side.ASK)
            for ticks in self.flow.prices(side)
            for order in self.flow.queue(side, ticks)
        )
        return OrderSnapshot(symbol=self.symbol, ts_event=self.time, orders=orders)

    def l2(self) -> NaiveL2:
        """The true book as a model of levels. O(levels)."""
        model = NaiveL2()
        model.apply(self.snapshot())
        return model

    def l3(self) -> NaiveL3:
        """The true book as a model of orders. O(orders**2)."""
        model = NaiveL3()
        model.apply(self.order_snapshot())
        return model

    # -- what happens ------------------------------------------------------------------------------------------------

    def acts(self) -> list[Act]:
        """Let time pass and one participant act; what it did, in ticks and lots."""
        self.time += _MS * self._noise.below(15)
        return self.flow.act()

    def step(self) -> list[Event]:
        """Let one participant act, and return the order events (and trades) of it, without numbers."""
        return [event for act in self.acts() for event in self.events_of(act)]

    def events_of(self, act: Act, *, upserts: bool = False) -> Iterator[Event]:
        """The order event of an act; an execution brings its trade.

        ``upserts`` says it as venues do that send how an order stands now, and not what happened to it.
        """
        common: dict[str, Any] = {
            "symbol": self.symbol,
            "ts_event": self.time,
            "order_id": act.order_id,
            "side": act.side,
            "price": self.price(act.price),
        }
        if not upserts:
            yield _KINDS[act.kind](**common, size=self.size(act.size))
        elif act.left:
            yield OrderModify(**common, size=self.size(act.left), upsert=True)
        else:
            yield OrderCancel(**common)
        if act.kind == "execute":
            yield self.trade_of(act)

    def trade_of(self, act: Act) -> Trade:
        """The trade of an execution; its side is the aggressor's."""
        self._trades += 1
        return Trade(
            symbol=self.symbol,
            ts_event=self.time,
            price=self.price(act.price),
            size=self.size(act.size),
            side=act.side.opposite,
            trade_id=1_000_000 + self._trades,
            order_id=act.order_id,
        )

    def quote(self) -> Quote:
        """The best bid and ask, without numbers."""
        (bid, bids), (ask, asks) = self.level(Side.BID), self.level(Side.ASK)
        return Quote(symbol=self.symbol, ts_event=self.time, bid_price=bid, bid_size=bids, ask_price=ask, ask_size=asks)

    # -- streams -----------------------------------------------------------------------------------------------------

    def stream(
        self,
        rule: Rule | str = "binance_spot",
        messages: int = 200,
        *,
        drop: Iterable[int] = (),
        resync_after: int | None = None,
        witnesses: bool = False,
        depth: int | None = None,
        lag: int = 4,
    ) -> Stream:
        """Return the next messages of a feed by price level, as a venue under ``rule`` would send them. O(all levels).

        Where the venue has snapshots on request, the first is taken inside an early message and comes ``lag``
        messages late, so that some of what was buffered is stale and one message bridges; otherwise it comes in the
        stream after two messages that nobody can use. ``depth`` limits snapshots. ``drop`` leaves messages out (they
        are counted from 0), and ``resync_after`` takes a new snapshot that many messages after each of them.
        ``witnesses`` adds trades and quotes; a quote carries the number of the update that it shows.

        >>> stream = SyntheticMarket(seed=1).stream("binance_spot", 8)
        >>> [type(event).__name__ for event in stream]
        ['Delta', 'Delta', 'Delta', 'Delta', 'Delta', 'Delta', 'Snapshot', 'Delta', 'Delta']
        """
        rule = get_rule(rule)
        venue = Venue(rule, self.snapshot(), symbol=self.symbol, time=self.time, numbering=self._numbering(rule))
        plan = self._plan(rule, messages, drop, resync_after, lag)
        told = (self._level_message(venue, witnesses) for _ in range(messages))
        return arrive(venue, _deliver(venue, plan, told, depth))

    def order_stream(
        self,
        rule: Rule | str = "none",
        messages: int = 200,
        *,
        drop: Iterable[int] = (),
        resync_after: int | None = None,
        witnesses: bool = False,
        lag: int = 4,
    ) -> Stream:
        """Return the next messages of a feed order by order; everything else is as in :meth:`stream`. O(all orders).

        >>> stream = SyntheticMarket(seed=1).order_stream("bitstamp_l3", 7)
        >>> [event.prev_sequence for event in stream[:3]] == [event.sequence for event in stream[:2]] + [None]
        False
        """
        rule = get_rule(rule)
        venue = Venue(rule, self.order_snapshot(), symbol=self.symbol, time=self.time, numbering=self._numbering(rule))
        plan = self._plan(rule, messages, drop, resync_after, lag)
        return arrive(venue, _deliver(venue, plan, self._order_messages(venue, messages, witnesses), None))

    def _numbering(self, rule: Rule) -> Numbering:
        return Numbering(rule, first=1_000_000 + self._noise.below(1_000_000))

    def _plan(self, rule: Rule, messages: int, drop: Iterable[int], resync_after: int | None, lag: int) -> Plan:
        # A snapshot in the stream is never late, and the first is what a subscription on a connection begins with.
        opening_at = -1 if rule.scope is Scope.CONNECTION else min(1, messages - 1)
        return Plan(messages, frozenset(drop), resync_after, lag if rule.buffers else 0, opening_at)

    def _level_message(self, venue: Venue, witnesses: bool) -> list[Message]:
        """A message of the changes of a few acts, and before it what other channels say of them."""
        changes: list[tuple[Side, str, str]] = []
        asides: list[tuple[int, Event]] = []
        for _ in range(1 + self._noise.below(8)):
            acts = self.acts()
            changes += self._changes(acts)
            if witnesses:
                asides += [(len(changes), self.trade_of(act)) for act in acts if act.kind == "execute"]
                asides.append((len(changes), self.quote()))
        skip = self._noise.below(500) if venue.rule.family is Family.PREV else 0
        message = venue.change_levels(changes, skip=skip, time=self.time)
        before = venue.numbering.last - len(changes)
        numbered = [_numbered(event, before + count) for count, event in asides]
        return [*(Message((event,), len(venue.story)) for event in numbered), message]

    def _changes(self, acts: Iterable[Act]) -> list[tuple[Side, str, str]]:
        """The levels that acts touched, with their sizes afterwards; a change of price touches two."""
        changes: dict[tuple[Side, int], int] = {}
        for act in acts:
            for price in (act.was, act.price):
                changes[act.side, price] = self.flow.size_at(act.side, price)
        return [(side, self.price(price), self.size(size) if size else "0") for (side, price), size in changes.items()]

    def _order_messages(self, venue: Venue, messages: int, witnesses: bool) -> Iterator[list[Message]]:
        """Messages of one order event each, or of all that one participant did where messages have no numbers."""
        single = venue.rule.family in (Family.INCR, Family.PREV)
        upserts = venue.rule.scope is Scope.CONNECTION
        told = 0
        while told < messages:
            events = [event for act in self.acts() for event in self.events_of(act, upserts=upserts)]
            changes = [event for event in events if not isinstance(event, Trade)]
            asides = [Message((event,), len(venue.story)) for event in events if isinstance(event, Trade) and witnesses]
            groups = [[event] for event in changes] if single else [changes]
            for group in groups[: messages - told]:
                told += 1
                yield [*asides, venue.tell(*group, time=self.time)]
                asides = []


_KINDS: Final[dict[str, Callable[..., Event]]] = {
    "add": OrderAdd,
    "change": OrderModify,
    "cancel": OrderCancel,
    "execute": OrderExecute,
}


def _numbered(event: Event, number: int) -> Event:
    return replace(event, sequence=number) if isinstance(event, Quote) else event


def _deliver(venue: Venue, plan: Plan, told: Iterable[list[Message]], depth: int | None) -> Iterator[Message]:
    """Put messages and snapshots in the order of their arrival, without those that get lost."""
    due: dict[int, Message] = {}
    if plan.opening_at < 0:
        yield venue.snapshot(depth, takes_number=venue.rule.scope is Scope.CONNECTION)
    for index, (*asides, message) in enumerate(told):
        yield from asides
        if index not in plan.drop:
            yield message
        if venue.rule.family is not Family.SNAP and index in plan.snapshots():
            due[min(index + plan.lag, plan.messages - 1)] = _take(venue, message, depth)
        if index in due:
            yield due.pop(index)


def _take(venue: Venue, message: Message, depth: int | None) -> Message:
    # The first number of the message, where it has more than one: the snapshot then ends inside it, and it bridges.
    event = message.events[0]
    inside = None
    if venue.snapshots_inside and isinstance(event.first_sequence, int) and event.first_sequence != event.sequence:
        inside = 1
    return venue.snapshot(depth, inside=inside, takes_number=venue.rule.scope is Scope.CONNECTION)
