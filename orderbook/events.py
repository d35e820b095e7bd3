"""What a message means, whatever venue said it: frozen values that decoders make and builders judge.

Every event carries its instrument (``symbol``), both times in int64 ns UTC, and the venue's own numbering where there
is one: ``sequence`` is the (last) number that the event covers, ``first_sequence`` the first of a range,
``prev_sequence`` the number that it follows. ``is_last`` is False on all but the last event of one message.

Sizes in :class:`Delta` are absolute (0 deletes); sizes in :class:`OrderCancel` and :class:`OrderExecute` are
subtracted.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, fields

from orderbook.errors import OrderBookError
from orderbook.levels import Levels
from orderbook.types import Number, Order, OrderId, Side


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class Event:
    """What all events have in common; not used by itself."""

    symbol: str = ""
    ts_event: int | None = None
    ts_recv: int | None = None
    sequence: int | None = None
    first_sequence: int | None = None
    prev_sequence: int | None = None
    is_last: bool = True

    # Once for all of them: written out for each class, as a dataclass does, they take a third of its making.
    def __eq__(self, other: object) -> bool:
        if other.__class__ is not self.__class__:
            return NotImplemented
        return all(getattr(self, field.name) == getattr(other, field.name) for field in fields(self))

    def __hash__(self) -> int:
        return hash(tuple(getattr(self, field.name) for field in fields(self)))

    def __repr__(self) -> str:
        shown = ", ".join(f"{field.name}={getattr(self, field.name)!r}" for field in fields(self))
        return f"{type(self).__qualname__}({shown})"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class _Levelled(Event):
    bids: Levels = field(default_factory=Levels)
    asks: Levels = field(default_factory=Levels)
    checksum: int | None = None
    group_sequence: int | None = None
    """A second number that orders messages across depths of one book (Bybit ``seq``)."""

    def __post_init__(self) -> None:
        for name in ("bids", "asks"):
            rows = getattr(self, name)
            if not isinstance(rows, Levels):
                object.__setattr__(self, name, Levels.parse(rows))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class Snapshot(_Levelled):
    """The whole book, or its best part: replaces what was there.

    ``complete`` False says that the snapshot is limited in depth: beyond its last level a side is unknown, not empty.
    ``view_depth`` says that the stream that follows keeps to the best so many levels of each side: one that is pushed
    out of them is no longer known, without a word from the venue. On an :class:`~orderbook.L3Book` the levels become
    anonymous liquidity.

    >>> Snapshot(symbol="ETHUSDT", bids=[("100.5", "2")], asks=[], sequence=7).bids[0].price
    100.5
    """

    complete: bool = True
    view_depth: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class Delta(_Levelled):
    """Changed levels with their new absolute sizes; size 0 deletes. An empty one only advances the sequence.

    >>> Delta(symbol="ETHUSDT", bids=[("100.5", "0")], first_sequence=8, sequence=9).bids[0].size
    0.0
    """


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class OrderSnapshot(Event):
    """All resting orders, best first and in queue order inside a level: replaces what was there.

    ``complete`` False: from the worst price of a side on the book is unknown, for more orders may rest there.

    >>> OrderSnapshot(orders=[Order(1, Side.BID, "100", "2")]).orders[0].order_id
    1
    """

    orders: Iterable[Order] = ()
    complete: bool = True

    def __post_init__(self) -> None:
        object.__setattr__(self, "orders", tuple(self.orders))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class OrderAdd(Event):
    """A new order at the back of its level's queue."""

    order_id: OrderId
    side: Side
    price: Number
    size: Number


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class OrderModify(Event):
    """A resting order's new price, size or both (None keeps it).

    ``upsert`` says that the venue announces new orders the same way: an unknown id that brings side, price and size is
    added.
    """

    order_id: OrderId
    side: Side | None = None
    price: Number | None = None
    size: Number | None = None
    upsert: bool = False


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class OrderCancel(Event):
    """``size`` taken off a resting order without a trade; all of it when None.

    ``side`` and ``price`` let an order from before the tape be taken from a level's anonymous liquidity.
    """

    order_id: OrderId
    size: Number | None = None
    side: Side | None = None
    price: Number | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class OrderExecute(Event):
    """``size`` of a resting order traded. ``side`` is the resting order's."""

    order_id: OrderId
    size: Number
    side: Side | None = None
    price: Number | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class OrderReplace(Event):
    """An order leaves and another takes its side at the back of a queue."""

    order_id: OrderId
    new_id: OrderId
    price: Number
    size: Number


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class Reveal(_Levelled):
    """Levels that come into the view of a depth-limited order stream, with their whole size: whose it is is not known.

    Up to the worst of them a side is known from here (LOBSTER: a level enters the L best as a better one goes).
    """


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class Trade(Event):
    """A print. ``side`` is the aggressor's (None where the venue does not say); the book is untouched.

    ``hidden`` marks an execution against liquidity that the book never showed.
    """

    price: Number
    size: Number
    side: Side | None = None
    trade_id: OrderId | None = None
    order_id: OrderId | None = None
    hidden: bool = False


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class Quote(Event):
    """The venue's own best bid and ask; an independent witness, never applied to the book. None: that side is empty."""

    bid_price: Number | None = None
    bid_size: Number | None = None
    ask_price: Number | None = None
    ask_size: Number | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class Heartbeat(Event):
    """A legal message with nothing for the book, which may still use up a sequence number."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class Status(Event):
    """The venue's word on trading (``halted``, ``quoting``, ``trading``, ``shutdown`` ...); the book is untouched."""

    status: str


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class Clear(Event):
    """The venue declares the book empty; it is known, and live, from here."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class Disconnect(Event):
    """The recorder or socket lost its connection: what follows comes from a new one.

    Without a symbol it means every instrument of the connection.
    """


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class Fault(Event):
    """Something that could not be read and was passed over under an explicit policy; ``error`` says what and where."""

    error: OrderBookError


BOOK_EVENTS = (Snapshot, Delta, OrderSnapshot, OrderAdd, OrderModify, OrderCancel, OrderExecute, OrderReplace, Reveal)
"""The events that change a book."""
