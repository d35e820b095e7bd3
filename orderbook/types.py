"""Plain values and enums that every other module shares. No logic beyond parsing a spelling.

Sizes and prices here are what *leaves* the library (see ``price_type`` in :class:`orderbook.L2Book`);
inside, both are int64 at a book's scale and never a float.
"""

from __future__ import annotations

import enum
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple, Self, TypeAlias

Number: TypeAlias = "str | int | float | Decimal"
"""A price or size on its way in: decimal text, int, Decimal, or float (its shortest repr)."""

OrderId: TypeAlias = "int | str"
"""A venue's order id: an integer, or text where the venue uses UUIDs."""

PriceType: TypeAlias = Literal["float", "decimal", "fixed"]
"""How prices and sizes leave a book: float64, exact ``Decimal``, or the int at the book's scale."""

INT64_MAX: Final = 2**63 - 1
INT64_MIN: Final = -(2**63)

UNDEF_TIMESTAMP: Final = INT64_MIN
"""What a missing time is in an int64 column (the same bits as ``numpy.datetime64('NaT')``)."""


class Side(enum.IntEnum):
    """A side of the book; its value is the sign of buying pressure (+1 bid, -1 ask).

    Every spelling that a venue uses parses: ``b bid buy B 1`` and ``a ask offer sell s S A -1``.

    >>> Side("buy"), Side("offer"), Side(-1)
    (<Side.BID: 1>, <Side.ASK: -1>, <Side.ASK: -1>)
    >>> Side.BID.opposite
    <Side.ASK: -1>
    """

    BID = 1
    ASK = -1

    if TYPE_CHECKING:  # what IntEnum says takes ints only

        def __new__(cls, value: int | str) -> Self:
            """Return the side of any spelling."""

    @classmethod
    def _missing_(cls, value: object) -> Self | None:
        if not isinstance(value, str):
            return None
        name = _SIDE_SPELLINGS.get(value.lower())
        return None if name is None else cls[name]

    @property
    def opposite(self) -> Side:
        """The other side."""
        return Side.ASK if self is Side.BID else Side.BID

    @property
    def letter(self) -> Literal["A", "B"]:
        """Databento's letter for the side."""
        return "B" if self is Side.BID else "A"


_SIDE_SPELLINGS: Final = {
    **dict.fromkeys(("b", "bid", "bids", "buy", "1"), "BID"),
    **dict.fromkeys(("a", "ask", "asks", "offer", "sell", "s", "-1"), "ASK"),
}


class Action(enum.IntEnum):
    """What a row of :class:`orderbook.Events` does; values are the bytes of Databento's letters.

    ``T``, ``F`` and ``N`` never touch the book (DBN ``enums.rs``).

    >>> Action(ord("M")), chr(Action.CLEAR)
    (<Action.MODIFY: 77>, 'R')
    """

    ADD = ord("A")
    CANCEL = ord("C")
    MODIFY = ord("M")
    CLEAR = ord("R")
    TRADE = ord("T")
    FILL = ord("F")
    NONE = ord("N")


class Flag(enum.IntFlag):
    """Bits of the ``flags`` column, as in DBN ``flags.rs``.

    >>> Flag(0x90)
    <Flag.LAST|MBP: 144>
    """

    LAST = 0x80
    """The last row of a message: the book may be read only after it."""
    TOB = 0x40
    """A top-of-book record (a quote), not a resting order or level."""
    SNAPSHOT = 0x20
    """The row comes from a snapshot, not from live order flow."""
    MBP = 0x10
    """An aggregated level; ``order_id`` names no order."""
    BAD_TS_RECV = 0x08
    """The receive time cannot be trusted."""
    MAYBE_BAD_BOOK = 0x04
    """Continuity was lost here: the book is unknown until the next snapshot."""


class BookState(enum.IntEnum):
    """What a row of a :class:`orderbook.Panel` can be trusted to say (codes 0 to 5 as in the literature on L2 panels).

    >>> BookState(4).name
    'LOCKED'
    """

    NORMAL = 0
    NO_BID = 1
    NO_ASK = 2
    EMPTY = 3
    LOCKED = 4
    """Best bid equals best ask: legal."""
    CROSSED = 5
    """Best bid above best ask."""
    STALE = 6
    """No proven book at that moment: before the first snapshot, or between a gap and the resync."""


class Level(NamedTuple):
    """One price level: price, total visible size, and the number of orders (None where the feed has none).

    >>> Level(100.5, 2.0, None).price
    100.5
    """

    price: Any
    size: Any
    count: int | None = None  # type: ignore[assignment]  # the field's word; tuple.count is of no use here


class Order(NamedTuple):
    """One resting order. ``ts_event`` is int64 ns UTC of the last change, or None.

    >>> Order(7, Side.BID, 100.0, 5.0, None).side.name
    'BID'
    """

    order_id: OrderId
    side: Side
    price: Any
    size: Any
    ts_event: int | None = None


class KnownRange(NamedTuple):
    """The prices between which a book knows every level; None means that the side is known without limit.

    A depth-limited snapshot says nothing about levels beyond its last one: they are unknown, not empty.

    >>> KnownRange(bid_floor=99.5, ask_ceiling=None).bid_floor
    99.5
    """

    bid_floor: Any
    ask_ceiling: Any


class Vwap(NamedTuple):
    """What it costs to take ``size`` from one side (:meth:`orderbook.L2Book.vwap`).

    ``price`` is the size-weighted average of what could be filled, None when nothing could.
    ``complete`` says that all of ``size`` was there; ``known`` that no unknown territory was touched.

    >>> Vwap(100.5, 2.0, True, True, 101.0).complete
    True
    """

    price: Any
    filled: Any
    complete: bool
    known: bool
    worst_price: Any


class Place(NamedTuple):
    """Where a message came from: file (or URL), 1-based line, and 0-based byte offset, each None if unknown.

    >>> str(Place("tape.gz", 7))
    'tape.gz:7'
    """

    source: str | None = None
    line: int | None = None
    offset: int | None = None

    def __str__(self) -> str:
        text = self.source or "<memory>"
        if self.line is not None:
            return f"{text}:{self.line}"
        return text if self.offset is None else f"{text}@{self.offset}"


class RawMessage(NamedTuple):
    """One message as a recorder or socket gave it.

    ``ts_recv`` is the local receive time (int64 ns UTC) or None, ``payload`` the venue's own bytes (or the object
    they were parsed to), ``origin`` what the recorder said of where they came from (a request URL, a channel).

    >>> RawMessage(1, b"{}").payload
    b'{}'
    """

    ts_recv: int | None
    payload: Any
    origin: str = ""
    place: Place | None = None
