"""Events in columns, made ready for what looks at single orders: who had how much before and after every row.

:class:`OrderTape` follows all orders of an instrument through consecutive pieces of its events and answers with
:class:`OrderRows`. Nothing loops over rows in Python: rows are sorted by order once, and what an order has left is a
running sum since its size was last set. :func:`trades_of` picks out the prints.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, Literal, NamedTuple, Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

from orderbook.types import INT64_MAX, UNDEF_TIMESTAMP, Action, Flag, Side

__all__ = ("Clock", "EventBy", "EventColumns", "LiveOrder", "OrderRows", "OrderTape", "Trades", "trades_of")

Clock: TypeAlias = Literal["event", "recv"]
"""Whose time: the venue's (``ts_event``) or the recorder's (``ts_recv``)."""

EventBy: TypeAlias = Literal["message", "time"]
"""What one match event is: a message, or consecutive messages with one time (feeds that tell each fill by itself)."""

Ints: TypeAlias = npt.NDArray[np.int64]
Bools: TypeAlias = npt.NDArray[np.bool_]
Array: TypeAlias = npt.NDArray[Any]

_UNDEF: Final = INT64_MAX
_PUBLISHER_SPECIFIC: Final = 0x02
_SIGN: Final = np.zeros(256, "i1")
_SIGN[ord("B")], _SIGN[ord("A")] = Side.BID, Side.ASK
_ORDER_ACTIONS: Final = (Action.ADD, Action.MODIFY, Action.CANCEL, Action.FILL)


class EventColumns(Protocol):
    """What is read of :class:`orderbook.Events`."""

    @property
    def ts_event(self) -> Ints:
        """The venue's time, ns UTC."""

    @property
    def ts_recv(self) -> Ints:
        """The local time, ns UTC."""

    @property
    def action(self) -> npt.NDArray[np.uint8]:
        """Codes of :class:`orderbook.Action`."""

    @property
    def side(self) -> npt.NDArray[np.uint8]:
        """The letters ``B``, ``A`` and ``N``."""

    @property
    def flags(self) -> npt.NDArray[np.uint8]:
        """Bits of :class:`orderbook.Flag`."""

    @property
    def price(self) -> Ints:
        """Prices in units of ``10**price_exponent``."""

    @property
    def size(self) -> Ints:
        """Sizes in units of ``10**size_exponent``."""

    @property
    def order_id(self) -> npt.NDArray[np.uint64]:
        """The venue's order numbers."""

    @property
    def price_exponent(self) -> int:
        """The unit of prices, a power of ten."""

    @property
    def size_exponent(self) -> int:
        """The unit of sizes, a power of ten."""


class LiveOrder(NamedTuple):
    """An order that rests after the last piece: its side (+1, -1), price and displayed size in the tape's ints.

    >>> LiveOrder(1, 10_000, 5).size
    5
    """

    side: int
    price: int
    size: int


@dataclass(frozen=True, slots=True)
class OrderRows:
    """The rows of a piece that touch an order, clear the book or print a trade, in order; all columns have one length.

    * ``row`` the number of the row on the tape, from 0, counting all of them;
    * ``ts`` int64 ns UTC by the chosen clock; ``event`` the number of the match event, never falling;
    * ``kind`` codes of :class:`orderbook.Action`: ``ADD MODIFY CANCEL FILL TRADE CLEAR``. A fill and the cancel that
      takes it off the book are one ``FILL``. A modify that announces an unknown order is an ``ADD``;
    * ``order_id``; ``side`` +1 or -1 of the resting order (of a trade: the aggressor's), 0 unknown;
    * ``price`` the order's after the row (of a trade: the trade's), ``old_price`` before it, in ints; ``INT64_MAX``
      where the tape does not say (a cancel of an unknown order);
    * ``size`` what was added, the new size of a ``MODIFY``, what a ``CANCEL`` took off, what traded (more than
      ``before`` if some was hidden);
    * ``before`` and ``after``: what the order displayed before and after the row, 0 where it is not there. After a
      ``FILL`` that is ``max(before - size, 0)``, until a ``MODIFY`` of the same event says otherwise;
    * ``known`` whether the tape knew the order before the row; ``snapshot`` whether the row belongs to a snapshot (an
      ``ADD`` that is no birth); ``hidden`` whether a trade was against what the book never showed.

    A price in ints times ``price_scale`` is a price, a size times ``size_scale`` a size.
    """

    row: Ints
    ts: Ints
    event: Ints
    kind: npt.NDArray[np.uint8]
    order_id: npt.NDArray[np.uint64]
    side: npt.NDArray[np.int8]
    price: Ints
    old_price: Ints
    size: Ints
    before: Ints
    after: Ints
    known: Bools
    snapshot: Bools
    hidden: Bools
    price_scale: float
    size_scale: float

    def __len__(self) -> int:
        return len(self.row)


class _Held(NamedTuple):
    """What is carried from piece to piece of an order: also of one that has gone while its event goes on (a refill)."""

    side: int
    price: int
    size: int
    filled_in: int
    """The event of its last row if that was a fill, else -1."""


class EventNumbers:
    """Numbers the match events of a tape through consecutive pieces; ``last`` is the number given last.

    Raises:
        ValueError: no such ``event_by``.

    >>> numbers = EventNumbers("time")
    >>> numbers.number(np.array([5, 5, 6]), np.array([True, True, True])), numbers.last
    (array([0, 0, 1]), 1)
    """

    def __init__(self, event_by: EventBy) -> None:
        if event_by not in ("message", "time"):
            raise ValueError(f"event_by is 'message' or 'time', not {event_by!r}")
        self._event_by = event_by
        self._last_ts = UNDEF_TIMESTAMP
        self.last = -1

    def number(self, ts: Ints, last: Bools) -> Ints:
        """Return the match event of every row of the next piece; ``last`` says which rows end a message. O(rows)."""
        if not len(ts):
            return np.zeros(0, np.int64)
        begins = np.concatenate(([True], last[:-1]))
        times = ts[begins]
        new = np.ones(len(times), bool)
        if self._event_by == "time":
            new = (times != np.concatenate(([self._last_ts], times[:-1]))) | (times == UNDEF_TIMESTAMP)
            self._last_ts = int(times[-1])
        number: Ints = self.last + np.cumsum(new)
        self.last = int(number[-1])
        numbers: Ints = number[np.cumsum(begins) - 1]
        return numbers


class OrderTape:
    """Follows every order of one instrument through consecutive pieces of its events.

    A piece is any :class:`orderbook.Events` of whole messages; pieces give the same rows as the tape in one piece.
    ``clock`` chooses the times, ``event_by`` what counts as one match event. Memory: the resting orders.

    Raises:
        ValueError: no such ``clock`` or ``event_by``; pieces with different exponents.

    >>> import orderbook as ob
    >>> tape = OrderTape()
    >>> added = ob.OrderAdd(order_id=7, side=ob.Side.BID, price=100, size=5, ts_event=1)
    >>> executed = ob.OrderExecute(order_id=7, size=2, ts_event=2)
    >>> rows = tape.update(ob.Events.from_events([added, executed]))
    >>> bytes(rows.kind), rows.before.tolist(), rows.after.tolist(), tape.live
    (b'AF', [0, 5], [5, 3], {7: LiveOrder(side=1, price=100, size=3)})
    """

    def __init__(self, *, clock: Clock = "event", event_by: EventBy = "message") -> None:
        if clock not in ("event", "recv"):
            raise ValueError(f"clock is 'event' or 'recv', not {clock!r}")
        self._clock = clock
        self._events = EventNumbers(event_by)
        self._rows = 0
        self._exponents: tuple[int, int] | None = None
        self._held: dict[int, _Held] = {}
        self._gone: set[int] = set()

    @property
    def live(self) -> dict[int, LiveOrder]:
        """The resting orders after the last piece, by id: a new dict. O(orders)."""
        return {order: LiveOrder(*held[:3]) for order, held in self._held.items() if held.size}

    def update(self, events: EventColumns) -> OrderRows:
        """Take the next piece and return its rows. O(n log n) in the rows of the piece.

        Raises:
            ValueError: the exponents are not those of the pieces before.
        """
        self._check_exponents(events)
        ts = events.ts_event if self._clock == "event" else events.ts_recv
        event = self._events.number(ts, (events.flags & Flag.LAST) != 0)
        at = _selected(events)
        rows = _Rows(events, at, ts, event)
        held = self._held_for(rows)
        solved = _solve(rows, held)
        self._carry(rows, solved)
        numbers = at + self._rows
        self._rows += len(ts)
        return _finished(rows, solved, numbers, events)

    def _check_exponents(self, events: EventColumns) -> None:
        if not len(events.action):
            return  # no row has no unit
        exponents = (events.price_exponent, events.size_exponent)
        if self._exponents is None:
            self._exponents = exponents
        elif exponents != self._exponents:
            raise ValueError(
                f"pieces of one tape have one pair of exponents: {self._exponents}, not {exponents}; give "
                "price_exponent and size_exponent to Events.from_events"
            )

    def _held_for(self, rows: _Rows) -> dict[int, _Held]:
        """The orders of earlier pieces that the rows before the first clear speak of."""
        first = rows.order_id[(rows.epoch == 0) & rows.is_order]
        return {order: self._held[order] for order in np.unique(first).tolist() if order in self._held}

    def _carry(self, rows: _Rows, solved: _Solved) -> None:
        """Keep what rests after the piece, and what a fill of the event that may still go on has just used up."""
        if rows.epochs:
            self._held.clear()
            self._gone.clear()
        ends = solved.ends & (rows.epoch == rows.epochs)
        filled = np.where(rows.kind == Action.FILL, rows.event, -1)
        fields = (rows.order_id, solved.side, solved.price, solved.after, filled, solved.known | (solved.after > 0))
        columns = (values[ends].tolist() for values in fields)
        for order, side, price, size, filled_in, is_order in zip(*columns, strict=True):
            if is_order:
                self._held[order] = _Held(side, price, size, filled_in)
            else:
                self._held.pop(order, None)
            if is_order and not size:
                self._gone.add(order)
            else:
                self._gone.discard(order)
        for order in [order for order in self._gone if self._held[order].filled_in != self._events.last]:
            del self._held[order]
            self._gone.discard(order)


def _selected(events: EventColumns) -> Ints:
    """The rows that are about orders, trades or the whole book."""
    action = events.action
    order = np.isin(action, _ORDER_ACTIONS) & ((events.flags & (Flag.MBP | Flag.TOB)) == 0)
    chosen = order | (action == Action.TRADE) | (action == Action.CLEAR)
    return np.flatnonzero(chosen)


class _Rows:
    """The selected rows of a piece as they stand, fills without the cancels that belong to them."""

    def __init__(self, events: EventColumns, at: Ints, ts: Ints, event: Ints) -> None:
        last = (events.flags & Flag.LAST) != 0
        message = np.cumsum(last)[at] - last[at]
        keep = ~_settles(events.action[at], events.order_id[at], events.size[at], message)
        self.keep = keep
        chosen = at[keep]
        self.ts, self.event = ts[chosen], event[chosen]
        self.kind = events.action[chosen].copy()
        self.flags = events.flags[chosen]
        self.order_id = events.order_id[chosen]
        self.side = _SIGN[events.side[chosen]]
        self.price, self.size = events.price[chosen], events.size[chosen]
        self.is_order = np.isin(self.kind, _ORDER_ACTIONS)
        # The clear itself belongs to what it begins.
        self.epoch: Ints = np.cumsum(self.kind == Action.CLEAR)
        self.epochs = int(self.epoch[-1]) if len(chosen) else 0

    def __len__(self) -> int:
        return len(self.kind)


def _settles(action: Array, order_id: Array, size: Ints, message: Ints) -> Bools:
    """Which cancels only take off the book what a fill of the same message has told: same order, same size, in turn.

    A change between the two says what is left of the order, the fill included: what is cancelled then is more.
    """
    out = np.zeros(len(action), bool)
    fills = action == Action.FILL
    if not fills.any():
        return out
    told = np.isin(action, (Action.FILL, Action.CANCEL, Action.MODIFY))
    either = np.flatnonzero(told & np.isin(message, message[fills]))
    either = either[np.lexsort((either, order_id[either], message[either]))]
    changes = action[either] == Action.MODIFY
    either, since = either[~changes], np.cumsum(changes)[~changes]
    is_cancel = ~fills[either]
    order = np.lexsort((either, is_cancel, size[either], since, order_id[either], message[either]))
    at, is_cancel = either[order], is_cancel[order]
    new = _changes(message[at], order_id[at], since[order], size[at])
    group = np.cumsum(new) - 1
    start = np.flatnonzero(new)
    filled = np.bincount(group, ~is_cancel).astype(np.int64)
    rank = np.arange(len(at)) - start[group] - filled[group]
    out[at[is_cancel & (rank < filled[group])]] = True
    return out


def _changes(*keys: Array) -> Bools:
    """Where a sorted table begins a new key."""
    new = np.zeros(len(keys[0]), bool)
    new[:1] = True
    for key in keys:
        new[1:] |= key[1:] != key[:-1]
    return new


@dataclass(slots=True)
class _Solved:
    """What was found out about each row, in the order of the rows."""

    side: npt.NDArray[np.int8]
    price: Ints
    old_price: Ints
    before: Ints
    after: Ints
    known: Bools
    ends: Bools
    """The last row of its order in its epoch."""
    upserts: Bools


class _Sorted:
    """The order rows, sorted by epoch and order, with one row ahead for each order that is held from before."""

    def __init__(self, rows: _Rows, held: dict[int, _Held]) -> None:
        self.at = np.flatnonzero(rows.is_order)
        count = len(held)
        kept = np.array(list(held.values()), np.int64).reshape(count, 4)
        ids = np.concatenate((np.fromiter(held, np.uint64, count), rows.order_id[self.at]))
        epoch = np.concatenate((np.zeros(count, np.int64), rows.epoch[self.at]))
        self.order = np.lexsort((np.arange(len(ids)), ids, epoch))
        self.sorted_at = np.empty(len(ids), np.int64)
        self.sorted_at[self.order] = np.arange(len(ids))
        self.count = count

        def both(first: Any, values: Array) -> Array:
            column: Array = np.concatenate((np.asarray(first, values.dtype), values[self.at]))[self.order]
            return column

        self.kind = both(np.full(count, Action.ADD), rows.kind)
        self.flags = both(np.zeros(count), rows.flags)
        self.side = both(kept[:, 0], rows.side)
        self.price, self.size = both(kept[:, 1], rows.price), both(kept[:, 2], rows.size)
        self.event = both(kept[:, 3], rows.event)
        self.is_fill = both(np.where(kept[:, 3] >= 0, Action.FILL, 0), rows.kind) == Action.FILL
        upserts = (self.kind == Action.MODIFY) & ((self.flags & _PUBLISHER_SPECIFIC) != 0)
        self.announces = (self.kind == Action.ADD) | upserts
        self.is_held = self.order < count
        self.starts = _changes(epoch[self.order], ids[self.order])
        self.group = np.maximum.accumulate(np.where(self.starts, np.arange(len(ids)), 0))

    def last_where(self, mask: Bools) -> Ints:
        """For every row the last one up to it, of the same order, where the mask holds; -1 where there is none."""
        found = np.maximum.accumulate(np.where(mask, np.arange(len(mask)), -1)) if len(mask) else np.zeros(0, np.int64)
        return np.where(found >= self.group, found, -1)

    def shifted(self, values: Array, first: Any = 0) -> Array:
        """The value of the row before, of the same order; ``first`` where there is none."""
        out = np.empty_like(values)
        out[:1] = first
        out[1:] = values[:-1]
        out[self.starts] = first
        return out

    def unsorted(self, values: Array) -> Array:
        """The values in the order of the order rows, without those of held orders."""
        return values[self.sorted_at[self.count :]]

    def place(self, rows: Ints) -> Ints:
        """Where rows of the piece stand in this table."""
        return self.sorted_at[self.count + np.searchsorted(self.at, rows)]


def _solve(rows: _Rows, held: dict[int, _Held]) -> _Solved:
    table = _Sorted(rows, held)
    before, after, known = _sizes(table)
    told = known | table.announces
    births = table.announces & ((table.kind == Action.ADD) | (before == 0))
    price = _prices(table, told)

    def placed(values: Array, rest: Array) -> Array:
        out = rest.copy()
        out[table.at] = table.unsorted(values)
        return out

    zeros, nowhere = np.zeros(len(rows), np.int64), np.zeros(len(rows), bool)
    side = rows.side.copy()
    side[table.at] = _sides(rows, table, told, births)
    return _Solved(
        side=side,
        price=placed(price, rows.price),
        old_price=placed(np.where(known, table.shifted(price), 0), zeros),
        before=placed(before, zeros),
        after=placed(after, zeros),
        known=placed(known, nowhere),
        ends=placed(np.append(table.starts[1:], True), nowhere) if len(price) else nowhere,
        upserts=placed(births & (table.kind == Action.MODIFY), nowhere),
    )


def _sizes(table: _Sorted) -> tuple[Ints, Ints, Bools]:
    """What each order displays before and after each of its rows, and whether it was known before it."""
    is_modify = table.kind == Action.MODIFY
    sets = table.announces | (is_modify & (table.size != _UNDEF))
    whole = (table.kind == Action.CANCEL) & (table.size == _UNDEF)
    takes = np.where((table.kind == Action.FILL) | ((table.kind == Action.CANCEL) & ~whole), table.size, 0)
    taken = np.cumsum(takes)
    while True:
        value = np.where(sets & (table.size != _UNDEF), table.size, 0)
        since = table.last_where(sets | whole)
        after = np.where(since >= 0, np.maximum(value[since] - (taken - taken[since]), 0), 0)
        before = table.shifted(after)
        known = (before > 0) | _refillable(table, before)
        wrong = sets & ~table.announces & ~known
        if not wrong.any():
            return before, after, known
        sets = sets & ~wrong  # a change to an order that is not there makes none


def _refillable(table: _Sorted, before: Ints) -> Bools:
    """Where an order has just gone by a fill of the same event: it is still the one it was, and may be refilled."""
    follows = table.shifted(table.event, -1) == table.event
    there = (before > 0) | table.is_held
    broken = np.cumsum(~(table.is_fill & (there | follows)))
    last = table.shifted(table.last_where(there), -1)
    unbroken: Bools = (last >= 0) & table.is_fill[last] & (table.shifted(broken) == broken[last])
    unbroken &= follows
    return unbroken


def _prices(table: _Sorted, told: Bools) -> Ints:
    """The price of the order after each row: what was set last; of an unknown order what the row itself says."""
    sets = told & np.isin(table.kind, (Action.ADD, Action.MODIFY)) & (table.price != _UNDEF)
    last = table.last_where(sets)
    return np.where(told & (last >= 0), table.price[last], table.price)


def _sides(rows: _Rows, table: _Sorted, told: Bools, births: Bools) -> npt.NDArray[np.int8]:
    """The side of each order row: as announced, or that of the order which the row before took off (a replacement)."""
    side = table.side.copy()
    inherits = np.flatnonzero((rows.kind == Action.ADD) & (rows.side == 0))
    while True:
        last = table.last_where(births)
        filled = np.zeros(len(rows), np.int8)
        filled[table.at] = table.unsorted(np.where(told & (last >= 0), side[last], side))
        inherits = inherits[filled[inherits] == 0]
        # A chain of replacements is followed a link at a time: each pass knows the sides that the last one found.
        found = inherits[(inherits > 0) & (filled[inherits - 1] != 0)]
        if not len(found):
            return filled[table.at]
        side[table.place(found)] = filled[found - 1]


def _finished(rows: _Rows, solved: _Solved, numbers: Ints, events: EventColumns) -> OrderRows:
    kind = np.where(solved.upserts, np.uint8(Action.ADD), rows.kind)
    size = np.where(kind == Action.CANCEL, solved.before - solved.after, rows.size)
    size = np.where(kind == Action.MODIFY, solved.after, size)
    is_clear = kind == Action.CLEAR
    return OrderRows(
        row=numbers[rows.keep],
        ts=rows.ts,
        event=rows.event,
        kind=kind,
        order_id=np.where(is_clear, np.uint64(0), rows.order_id),
        side=solved.side,
        price=np.where(is_clear, 0, solved.price),
        old_price=solved.old_price,
        size=np.where(is_clear, 0, size),
        before=solved.before,
        after=solved.after,
        known=solved.known,
        snapshot=(rows.flags & Flag.SNAPSHOT) != 0,
        hidden=(kind == Action.TRADE) & ((rows.flags & _PUBLISHER_SPECIFIC) != 0),
        price_scale=10.0**events.price_exponent,
        size_scale=10.0**events.size_exponent,
    )


class Trades(NamedTuple):
    """The prints of a tape, in order: six arrays of one length.

    ``ts`` int64 ns UTC; ``price`` and ``size`` float64; ``side`` int8, the aggressor's sign (0 where the venue does not
    say); ``order_id`` uint64 (0 where there is none); ``hidden`` bool.
    """

    ts: Ints
    price: npt.NDArray[np.float64]
    size: npt.NDArray[np.float64]
    side: npt.NDArray[np.int8]
    order_id: npt.NDArray[np.uint64]
    hidden: Bools


def trades_of(events: EventColumns, *, clock: Clock = "event") -> Trades:
    """Return the trades of a tape as arrays. O(rows).

    The side is the aggressor's, as every decoder of this library hands it out whatever the venue's own convention.

    Raises:
        ValueError: no such clock.

    >>> import orderbook as ob
    >>> trades_of(ob.Events.from_events([ob.Trade(price="100.5", size=2, side=ob.Side.ASK, ts_event=1)])).price
    array([100.5])
    """
    if clock not in ("event", "recv"):
        raise ValueError(f"clock is 'event' or 'recv', not {clock!r}")
    at = np.flatnonzero(events.action == Action.TRADE)
    return Trades(
        ts=(events.ts_event if clock == "event" else events.ts_recv)[at],
        price=events.price[at] / 10.0**-events.price_exponent,
        size=events.size[at] / 10.0**-events.size_exponent,
        side=_SIGN[events.side[at]],
        order_id=events.order_id[at],
        hidden=(events.flags[at] & _PUBLISHER_SPECIFIC) != 0,
    )
