"""Slow, obvious books to hold a fast one against: dicts of exact fractions, sorted whenever somebody looks.

Nothing here is shared with the books of the library and nothing is clever, so that the two can only agree by both
being right. :func:`orderbook.testing.check_book` compares everything that can be read from a book with a model.
"""

from __future__ import annotations

import math
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator
from fractions import Fraction
from typing import Any, NamedTuple, Self, TypeAlias

from orderbook.errors import DuplicateLevel, DuplicateOrder, OverExecuted, UnknownOrder, UsageError
from orderbook.events import (
    Clear,
    Delta,
    Event,
    OrderAdd,
    OrderCancel,
    OrderExecute,
    OrderModify,
    OrderReplace,
    OrderSnapshot,
    Reveal,
    Snapshot,
)
from orderbook.levels import Levels
from orderbook.types import OrderId, Side

SIDES = (Side.BID, Side.ASK)

Bound: TypeAlias = "Fraction | float"
"""An exact price, or an infinity."""


def exact(value: Any) -> Fraction:
    """Return the exact number that a text, int, Decimal or float (its shortest repr) stands for.

    >>> exact("0.10") == exact(0.1) == Fraction(1, 10)
    True
    """
    return Fraction(float.__repr__(value)) if isinstance(value, float) else Fraction(value)


class NaiveLevel(NamedTuple):
    """A level of a model: exact price and size, and the number of orders where it is known."""

    price: Fraction
    size: Fraction
    count: int | None = None  # type: ignore[assignment]  # tuple.count is of no use here


def naive_levels(rows: Any) -> Iterator[NaiveLevel]:
    """Read levels of an event, or rows of ``(price, size)`` or ``(price, size, count)``.

    >>> next(naive_levels([("100.5", "2")])).price
    Fraction(201, 2)
    """
    if isinstance(rows, Levels):
        unit, lot = 10**rows.price_scale, 10**rows.size_scale
        counts = rows.counts or (None,) * len(rows)
        for price, size, count in zip(rows.prices, rows.sizes, counts, strict=True):
            yield NaiveLevel(Fraction(price, unit), Fraction(size, lot), count)
        return
    for row in rows:
        yield NaiveLevel(exact(row[0]), exact(row[1]), row[2] if len(row) > 2 else None)


class _Naive:
    """What both models can be asked; they differ in what a level is made of."""

    def __init__(self, max_depth: int | None = None) -> None:
        self.max_depth = max_depth
        self.bounds: dict[Side, Bound | None] = {Side.BID: None, Side.ASK: None}
        """The worst price of each side that is known; None where all of it is, an infinity where nothing is."""

    def levels(self, side: Side) -> list[NaiveLevel]:
        """The levels of a side, best first."""
        raise NotImplementedError

    def _ordered(self, levels: Iterable[NaiveLevel], side: Side) -> list[NaiveLevel]:
        return sorted(levels, key=lambda level: -side.value * level.price)

    def best(self, side: Side) -> NaiveLevel | None:
        """The best level of a side, None when it is empty."""
        levels = self.levels(side)
        return levels[0] if levels else None

    def _worst(self, side: Side) -> Bound:
        """The price to which a depth-limited snapshot makes a side known: of one without levels nothing is."""
        levels = self.levels(side)
        return levels[-1].price if levels else side.value * math.inf

    def forget(self) -> None:
        """Remove everything, and know nothing of either side: what a gap leaves."""
        self.clear()
        self.bounds = {side: self._worst(side) for side in SIDES}

    def clear(self) -> None:
        """Remove everything; both sides are then known to be empty."""
        raise NotImplementedError

    def _discard(self, side: Side, price: Fraction) -> None:
        """Let go of a level."""
        raise NotImplementedError

    def _trim(self) -> None:
        """Keep the best ``max_depth`` levels of each side."""
        if self.max_depth is None:
            return
        for side in SIDES:
            levels = self.levels(side)
            kept, dropped = levels[: self.max_depth], levels[self.max_depth :]
            # What was known a moment ago and is dropped is unknown from now on.
            if any(self.is_known(side, level.price) for level in dropped):
                self.bounds[side] = kept[-1].price
            for level in dropped:
                self._discard(side, level.price)

    def _adopt(self, view_depth: int | None) -> None:
        """A snapshot said that the stream keeps to so many levels a side."""
        if view_depth is not None:
            self.max_depth = view_depth if self.max_depth is None else min(self.max_depth, view_depth)
            self._trim()

    def is_known(self, side: Side, price: Fraction) -> bool:
        """Whether the model would know of a level at this price."""
        bound = self.bounds[side]
        return bound is None or side.value * price >= side.value * bound

    def depth_is_known(self, side: Side, depth: int) -> bool:
        """Whether the best ``depth`` levels are known to be just that."""
        levels = self.levels(side)[:depth]
        return self.bounds[side] is None or (len(levels) == depth and self.is_known(side, levels[-1].price))

    def is_crossed(self) -> bool:
        """Whether the best bid stands above the best ask."""
        bid, ask = self.best(Side.BID), self.best(Side.ASK)
        return bid is not None and ask is not None and bid.price > ask.price

    def measures(self) -> dict[str, Fraction | None]:
        """Mid, spread and microprice by the name that a book gives them; None where a side is empty."""
        bid, ask = self.best(Side.BID), self.best(Side.ASK)
        if bid is None or ask is None:
            return dict.fromkeys(("mid_price", "spread", "spread_bps", "microprice"))
        mid, spread = (bid.price + ask.price) / 2, ask.price - bid.price
        micro = (ask.price * bid.size + bid.price * ask.size) / (bid.size + ask.size)
        bps = spread / mid * 10_000 if mid > 0 else None
        return {"mid_price": mid, "spread": spread, "spread_bps": bps, "microprice": micro}

    def imbalance(self, levels: int) -> Fraction | None:
        """``(B - A) / (B + A)`` over the best levels; None when a side is empty."""
        bids, asks = (sum((row.size for row in self.levels(side)[:levels]), Fraction(0)) for side in SIDES)
        return (bids - asks) / (bids + asks) if bids and asks else None

    def fill(self, side: Side, size: Fraction) -> tuple[Fraction, Fraction]:
        """Filled size and money paid when ``size`` is taken from a side."""
        filled = paid = Fraction(0)
        for level in self.levels(side):
            taken = min(level.size, size - filled)
            filled, paid = filled + taken, paid + taken * level.price
        return filled, paid


class NaiveL2(_Naive):
    """Price levels as two dicts of fractions.

    >>> model = NaiveL2()
    >>> model.delta([("100", "1"), ("99.5", "2")], [])
    >>> [str(level.price) for level in model.levels(Side.BID)]
    ['100', '199/2']
    """

    def __init__(self, max_depth: int | None = None) -> None:
        super().__init__(max_depth)
        self.sides: dict[Side, dict[Fraction, NaiveLevel]] = {Side.BID: {}, Side.ASK: {}}

    def levels(self, side: Side) -> list[NaiveLevel]:
        """The levels of a side, best first. O(n log n)."""
        return self._ordered(self.sides[side].values(), side)

    def clear(self) -> None:
        """Empty both sides; they are then known to be empty."""
        for side in SIDES:
            self.sides[side], self.bounds[side] = {}, None

    def snapshot(self, bids: Any, asks: Any, *, complete: bool = True) -> None:
        """Replace both sides.

        Raises:
            DuplicateLevel: a price stands twice on a side.
        """
        new: dict[Side, dict[Fraction, NaiveLevel]] = {}
        for side, rows in zip(SIDES, (bids, asks), strict=True):
            levels = list(naive_levels(rows))
            prices = [level.price for level in levels]
            twice = sorted(price for price, times in Counter(prices).items() if times > 1)
            if twice:
                raise DuplicateLevel(side=side.name, price=twice[0])
            new[side] = {level.price: level for level in levels if level.size}
        self.sides = new
        for side in SIDES:
            self.bounds[side] = None if complete else self._worst(side)
        self._trim()

    def delta(self, bids: Any, asks: Any) -> None:
        """Set levels to their new sizes, in order; size 0 deletes."""
        for side, rows in zip(SIDES, (bids, asks), strict=True):
            for level in naive_levels(rows):
                self.sides[side].pop(level.price, None)
                if level.size:
                    self.sides[side][level.price] = level
        self._trim()

    def _discard(self, side: Side, price: Fraction) -> None:
        del self.sides[side][price]

    def apply(self, event: Event) -> None:
        """Apply a Snapshot, Delta or Clear; other events change nothing."""
        if isinstance(event, Snapshot):
            self.snapshot(event.bids, event.asks, complete=event.complete)
            self._adopt(event.view_depth)
        elif isinstance(event, Delta):
            self.delta(event.bids, event.asks)
        elif isinstance(event, Clear):
            self.clear()

    def copy(self) -> Self:
        """Return a model that shares nothing with this one."""
        other = type(self)(self.max_depth)
        other.sides = {side: dict(levels) for side, levels in self.sides.items()}
        other.bounds = dict(self.bounds)
        return other


class NaiveOrder(NamedTuple):
    """A resting order of a model."""

    order_id: OrderId
    side: Side
    price: Fraction
    size: Fraction


class NaiveL3(_Naive):
    """Orders in one list, oldest first: the queue of a price is what a filter of that list gives.

    >>> model = NaiveL3()
    >>> model.add(1, Side.BID, "100", 5)
    >>> model.add(2, Side.BID, "100", 7)
    >>> model.modify(1, size=6)
    >>> [order.order_id for order in model.queue(Side.BID, exact(100))]
    [2, 1]
    """

    def __init__(self, max_depth: int | None = None) -> None:
        super().__init__(max_depth)
        self.orders: list[NaiveOrder] = []
        self.anonymous: dict[tuple[Side, Fraction], Fraction] = {}

    def levels(self, side: Side) -> list[NaiveLevel]:
        """The levels of a side, best first. O(n log n)."""
        sizes = {price: size for (own, price), size in self.anonymous.items() if own is side}
        counts: dict[Fraction, int | None] = dict.fromkeys(sizes)
        for order in self.orders:
            if order.side is side:
                sizes[order.price] = sizes.get(order.price, Fraction(0)) + order.size
                if (side, order.price) not in self.anonymous:
                    counts[order.price] = (counts.get(order.price) or 0) + 1
        return self._ordered((NaiveLevel(price, size, counts[price]) for price, size in sizes.items()), side)

    def queue(self, side: Side, price: Fraction) -> list[NaiveOrder]:
        """The known orders of a level, first in the queue first."""
        return [order for order in self.orders if (order.side, order.price) == (side, price)]

    def ahead(self, order_id: OrderId) -> tuple[int, Fraction]:
        """How many known orders, and how much size in all, stand ahead of an order."""
        order = self.order(order_id)
        queue = self.queue(order.side, order.price)
        before = queue[: queue.index(order)]
        size = sum((other.size for other in before), self.anonymous.get((order.side, order.price), Fraction(0)))
        return len(before), size

    def order(self, order_id: OrderId) -> NaiveOrder:
        """Find an order.

        Raises:
            UnknownOrder: it does not rest here.
        """
        for order in self.orders:
            if order.order_id == order_id:
                return order
        raise UnknownOrder(order_id)

    def holds(self, order_id: OrderId) -> bool:
        """Whether an order rests here."""
        return any(order.order_id == order_id for order in self.orders)

    def clear(self) -> None:
        """Remove everything; both sides are then known to be empty."""
        self.orders, self.anonymous = [], {}
        self.bounds = dict.fromkeys(SIDES)

    def add(self, order_id: OrderId, side: Side, price: Any, size: Any) -> None:
        """Put a new order at the back of its queue.

        Raises:
            DuplicateOrder: the id rests here already.
            UsageError: the size is 0.
        """
        if self.holds(order_id):
            raise DuplicateOrder(order_id)
        self.orders.append(NaiveOrder(order_id, Side(side), exact(price), _positive(size)))
        self._trim()

    def modify(self, order_id: OrderId, *, side: Side | None = None, price: Any = None, size: Any = None) -> None:
        """Change an order: its place is lost by a new price, a new side or more size, and kept otherwise."""
        old = self.order(order_id)
        new = NaiveOrder(
            order_id,
            old.side if side is None else Side(side),
            old.price if price is None else exact(price),
            old.size if size is None else _positive(size),
        )
        place = self.orders.index(old)
        self.orders.remove(old)
        moved = (new.side, new.price) != (old.side, old.price) or new.size > old.size
        self.orders.insert(len(self.orders) if moved else place, new)
        self._trim()

    def cancel(self, order_id: OrderId, size: Any = None) -> None:
        """Take ``size``, or all, off an order.

        Raises:
            OverExecuted: more than rests.
        """
        old = self.order(order_id)
        taken = old.size if size is None else _positive(size)
        if taken > old.size:
            raise OverExecuted(order_id, resting=old.size, asked=taken)
        place = self.orders.index(old)
        self.orders.remove(old)
        if taken < old.size:
            self.orders.insert(place, old._replace(size=old.size - taken))

    def replace(self, order_id: OrderId, new_id: OrderId, *, price: Any, size: Any) -> None:
        """Take an order out and put another on its side at the back of a queue."""
        old = self.order(order_id)
        if new_id != order_id and self.holds(new_id):
            raise DuplicateOrder(new_id)
        new = NaiveOrder(new_id, old.side, exact(price), _positive(size))
        self.orders.remove(old)
        self.orders.append(new)
        self._trim()

    def seed(self, side: Side, price: Any, size: Any) -> None:
        """Add liquidity of unknown orders ahead of a level's known ones."""
        key = (Side(side), exact(price))
        self.anonymous[key] = self.anonymous.get(key, Fraction(0)) + _positive(size)
        self._trim()

    def take_anonymous(self, side: Side, price: Any, size: Any) -> None:
        """Take size off the unknown orders of a level.

        Raises:
            OverExecuted: more than is there.
        """
        key = (Side(side), exact(price))
        held, taken = self.anonymous.get(key, Fraction(0)), _positive(size)
        if taken > held:
            raise OverExecuted(None, resting=held, asked=taken)
        self.anonymous[key] = held - taken
        if not self.anonymous[key]:
            del self.anonymous[key]

    def snapshot(self, bids: Any, asks: Any, *, complete: bool = True) -> None:
        """Replace everything by levels of unknown orders."""
        flat = NaiveL2()
        flat.snapshot(bids, asks, complete=complete)
        self.orders, self.bounds = [], flat.bounds
        self.anonymous = {(side, row.price): row.size for side in SIDES for row in flat.levels(side)}
        self._trim()

    def reveal(self, bids: Any, asks: Any) -> None:
        """Take in levels that came into view, as unknown orders; each side is then known to the worst of them.

        Raises:
            DuplicateLevel: there is a level at that price.
        """
        seen = NaiveL2()
        seen.snapshot(bids, asks)
        for side in SIDES:
            held = {level.price for level in self.levels(side)}
            for level in seen.levels(side):
                if level.price in held:
                    raise DuplicateLevel(side=side.name, price=level.price)
        for side in SIDES:
            for level in seen.levels(side):
                self.anonymous[side, level.price] = level.size
                bound = self.bounds[side]
                if bound is not None and not self.is_known(side, level.price):
                    self.bounds[side] = level.price
        self._trim()

    def _discard(self, side: Side, price: Fraction) -> None:
        self.anonymous.pop((side, price), None)
        self.orders = [order for order in self.orders if (order.side, order.price) != (side, price)]

    def order_snapshot(self, orders: Iterable[Any], *, complete: bool = True) -> None:
        """Replace everything by known orders, each level in queue order.

        One that is limited to so many orders may end inside a level: a side is known to the level before its worst.
        """
        new = type(self)()
        for order in orders:
            new.add(order.order_id, order.side, order.price, order.size)
        for side in SIDES:
            levels = new.levels(side)
            whole = levels[-2].price if len(levels) > 1 else side.value * math.inf
            new.bounds[side] = None if complete else whole
        self.orders, self.anonymous, self.bounds = new.orders, {}, new.bounds
        self._trim()

    def _reduce(self, event: OrderCancel | OrderExecute) -> None:
        """An order from before the tape is taken from the unknown liquidity of its level."""
        place = None if event.side is None or event.price is None else (Side(event.side), exact(event.price))
        if place in self.anonymous and place and event.size is not None and not self.holds(event.order_id):
            self.take_anonymous(place[0], event.price, event.size)
        else:
            self.cancel(event.order_id, event.size)

    def _change(self, event: OrderModify) -> None:
        side, price, size = event.side, event.price, event.size
        if event.upsert and not self.holds(event.order_id) and side and price is not None and size is not None:
            self.add(event.order_id, side, price, size)
        else:
            self.modify(event.order_id, side=side, price=price, size=size)

    def apply(self, event: Event) -> None:
        """Apply a snapshot, an order event or Clear; other events change nothing."""
        match event:
            case Snapshot():
                self.snapshot(event.bids, event.asks, complete=event.complete)
                self._adopt(event.view_depth)
            case Reveal():
                self.reveal(event.bids, event.asks)
            case OrderSnapshot():
                self.order_snapshot(event.orders, complete=event.complete)
            case OrderAdd():
                self.add(event.order_id, event.side, event.price, event.size)
            case OrderModify():
                self._change(event)
            case OrderCancel() | OrderExecute():
                self._reduce(event)
            case OrderReplace():
                self.replace(event.order_id, event.new_id, price=event.price, size=event.size)
            case Clear():
                self.clear()

    def flat(self) -> NaiveL2:
        """Return the levels as a model of their own."""
        model = NaiveL2()
        model.sides = {side: {level.price: level for level in self.levels(side)} for side in SIDES}
        model.bounds = dict(self.bounds)
        return model

    def copy(self) -> Self:
        """Return a model that shares nothing with this one."""
        other = type(self)(self.max_depth)
        other.orders, other.anonymous, other.bounds = list(self.orders), dict(self.anonymous), dict(self.bounds)
        return other


def _positive(size: Any) -> Fraction:
    number = exact(size)
    if number <= 0:
        raise UsageError(f"a size here is above 0, not {size!r}")
    return number


def checksum(book: Any, depth: int = 1_000) -> int:
    """Return a checksum over the best levels of a book or a model, for rules whose only proof is one. O(depth).

    No venue's own: it is there so that a made-up venue of the family ``CRC`` can be made to speak.

    >>> model = NaiveL2()
    >>> model.delta([("100", "1")], [])
    >>> checksum(model) == checksum(NaiveL2())
    False
    """
    sides = [book.levels(side) for side in SIDES] if isinstance(book, _Naive) else [book.bids, book.asks]
    rows = [[(float(level.price), float(level.size)) for level in side[:depth]] for side in sides]
    return zlib.crc32(repr(rows).encode())
