"""The fields that both books have, and all that can be read from them.

A book never stores a float. Prices and sizes are ints ("ticks") at ``price_scale`` and ``size_scale`` decimal digits;
they become what ``price_type`` says on their way out, in one division that is correctly rounded.
"""

from __future__ import annotations

import decimal
import math
import operator
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final, Generic

from orderbook.books.arguments import as_int, as_ns, as_sequence, as_side, as_text, shown
from orderbook.books.ladder import MAX_LEVELS, NOTHING, CellT, Ladder
from orderbook.errors import ScaleError, UsageError
from orderbook.scale import converter, parse
from orderbook.types import INT64_MAX, BookState, KnownRange, Level, PriceType, Side, Vwap
from orderbook.views import Depth, LevelsView

# Exact for every sum and half of int64 numbers; only a true quotient (microprice, vwap) is rounded, to 34 digits.
_DECIMAL: Final = decimal.Context(prec=34, rounding=decimal.ROUND_HALF_EVEN)


FIELDS: Final = (
    "_asks",
    "_bids",
    "_max_depth",
    "_price_scale",
    "_price_type",
    "_sequence",
    "_size_scale",
    "_symbol",
    "_ts_event",
    "_ts_recv",
    "_version",
)
"""What a book of either kind keeps."""


class Readable(Generic[CellT]):
    """The fields of a book and what can be read from them; nothing here changes a level."""

    if not TYPE_CHECKING:
        # The fields are slots of the classes at the end of the line: the compiled books keep theirs elsewhere.
        __slots__ = ()

    def __init__(self, symbol: str = "", *, max_depth: int | None = None, price_type: PriceType = "float") -> None:
        self._start(symbol, max_depth, price_type)

    def _start(self, symbol: str, max_depth: int | None, price_type: PriceType) -> None:
        self._symbol = as_text(symbol, "symbol")
        self._max_depth = None if max_depth is None else as_int(max_depth, "max_depth", 1, MAX_LEVELS)
        converter(price_type)  # refuses an unknown name
        self._price_type: PriceType = price_type
        self._price_scale = 0
        self._size_scale = 0
        self._sequence: int | None = None
        self._ts_event: int | None = None
        self._ts_recv: int | None = None
        self._version = 0
        self._bids: Ladder[CellT] = Ladder(Side.BID)
        self._asks: Ladder[CellT] = Ladder(Side.ASK)

    # ---- header ------------------------------------------------------------------------------------------------------

    @property
    def symbol(self) -> str:
        """The instrument."""
        return self._symbol

    @property
    def max_depth(self) -> int | None:
        """How many levels each side keeps, None for all; a snapshot with a ``view_depth`` may lower it."""
        return self._max_depth

    @property
    def price_type(self) -> PriceType:
        """How prices and sizes leave the book: ``float``, ``decimal`` or ``fixed``."""
        return self._price_type

    @property
    def price_scale(self) -> int:
        """Decimal digits that the book keeps of prices; grows with the finest price seen."""
        return self._price_scale

    @property
    def size_scale(self) -> int:
        """Decimal digits that the book keeps of sizes; grows with the finest size seen."""
        return self._size_scale

    @property
    def sequence(self) -> int | None:
        """The venue's number of the last message, None before one; may be set."""
        return self._sequence

    @sequence.setter
    def sequence(self, value: int | None) -> None:
        self._sequence = None if value is None else as_sequence(value)

    @property
    def ts_event(self) -> int | None:
        """The venue's time of the last message, int64 ns UTC, None before one; may be set."""
        return self._ts_event

    @ts_event.setter
    def ts_event(self, value: Any) -> None:
        self._ts_event = None if value is None else as_ns(value)

    @property
    def ts_recv(self) -> int | None:
        """The local time of the last message, int64 ns UTC, None before one; may be set."""
        return self._ts_recv

    @ts_recv.setter
    def ts_recv(self, value: Any) -> None:
        self._ts_recv = None if value is None else as_ns(value)

    # ---- numbers -----------------------------------------------------------------------------------------------------

    def _out_price(self, price: int) -> Any:
        return converter(self._price_type)(price, self._price_scale)

    def _out_size(self, size: int) -> Any:
        return converter(self._price_type)(size, self._size_scale)

    def _quotient(self, numerator: int, denominator: int) -> Any:
        """A price that may fall between ticks: exact to the last digit of its type.

        int / int is correctly rounded in Python, so a float is the one nearest to the true value.
        """
        if self._price_type == "fixed":
            return numerator / denominator
        denominator *= 10**self._price_scale
        if self._price_type == "decimal":
            return _DECIMAL.divide(decimal.Decimal(numerator), decimal.Decimal(denominator))
        return numerator / denominator

    def _ask_number(self, value: Any, scale: int) -> tuple[int, int]:
        """A number that the user asks about, as ``(mantissa, scale)``; a fixed book is asked in its own ints."""
        if self._price_type != "fixed":
            return parse(value)
        try:
            if not isinstance(value, bool):
                return operator.index(value), scale
        except TypeError:
            pass
        raise ScaleError(value, "a book of price_type 'fixed' is asked in ints at its scale")

    def _ask_price(self, value: Any) -> int | None:
        """A price that the user asks about, in ticks; None when it falls between them, where no level can be."""
        mantissa, scale = self._ask_number(value, self._price_scale)
        if scale > self._price_scale:
            return None
        factor: int = 10 ** (self._price_scale - scale)
        return mantissa * factor

    # ---- levels ------------------------------------------------------------------------------------------------------

    def _ladder(self, side: Side) -> Ladder[CellT]:
        return self._bids if side is Side.BID else self._asks

    def _row(self, price: int, cell: CellT) -> Level:
        return Level(self._out_price(price), self._out_size(cell.size), cell.count)

    def _level_count(self, side: Side) -> int:
        return len(self._ladder(side))

    def _level_at(self, side: Side, index: int) -> Level:
        return self._row(*self._ladder(side).at(index))

    def _level_range(self, side: Side, start: int, stop: int, reverse: bool) -> Iterator[Level]:
        for price, cell in self._ladder(side).walk(start, stop, reverse=reverse):
            yield self._row(price, cell)

    def _level_find(self, side: Side, price: Any) -> Level | None:
        ticks = self._ask_price(price)
        cell = None if ticks is None else self._ladder(side).get(ticks)
        return None if ticks is None or cell is None else self._row(ticks, cell)

    @property
    def bids(self) -> LevelsView:
        """The bid levels, highest price first: live, see :class:`~orderbook.views.LevelsView`. O(1)."""
        return LevelsView(self, Side.BID)

    @property
    def asks(self) -> LevelsView:
        """The ask levels, lowest price first: live, see :class:`~orderbook.views.LevelsView`. O(1)."""
        return LevelsView(self, Side.ASK)

    @property
    def best_bid(self) -> Level | None:
        """The highest bid, None when there is none. O(1)."""
        return self._level_at(Side.BID, 0) if len(self._bids) else None

    @property
    def best_ask(self) -> Level | None:
        """The lowest ask, None when there is none. O(1)."""
        return self._level_at(Side.ASK, 0) if len(self._asks) else None

    def _top(self) -> tuple[int, int, int, int] | None:
        """``(bid, bid size, ask, ask size)`` in ticks, None when a side is empty."""
        if not len(self._bids) or not len(self._asks):
            return None
        (bid, bids), (ask, asks) = self._bids.at(0), self._asks.at(0)
        return bid, bids.size, ask, asks.size

    # ---- measures ----------------------------------------------------------------------------------------------------

    @property
    def mid_price(self) -> Any:
        """Half way between best bid and best ask, None when a side is empty. O(1).

        >>> from orderbook.books import L2Book
        >>> book = L2Book()
        >>> book.apply_snapshot([("100", 5)], [("100.5", 15)])
        >>> book.mid_price, book.spread, book.microprice
        (100.25, 0.5, 100.125)
        """
        top = self._top()
        return None if top is None else self._quotient(top[0] + top[2], 2)

    @property
    def spread(self) -> Any:
        """Best ask minus best bid, negative when crossed, None when a side is empty. O(1)."""
        top = self._top()
        return None if top is None else self._out_price(top[2] - top[0])

    @property
    def spread_bps(self) -> float | None:
        """The spread in basis points of the mid price; None when a side is empty or the mid is not positive. O(1)."""
        top = self._top()
        if top is None or top[0] + top[2] <= 0:
            return None
        return 20_000 * (top[2] - top[0]) / (top[2] + top[0])

    @property
    def microprice(self) -> Any:
        """The mid weighted by the size of the opposite side, None when a side is empty. O(1).

        ``(ask * bid_size + bid * ask_size) / (bid_size + ask_size)``: the side with more size pushes the price away.
        """
        top = self._top()
        if top is None:
            return None
        bid, bid_size, ask, ask_size = top
        return self._quotient(ask * bid_size + bid * ask_size, bid_size + ask_size)

    def imbalance(self, levels: int = 1) -> float | None:
        """Return (B - A) / (B + A) over the sizes of the best ``levels`` of each side, None if one is empty. O(levels).

        From -1 (all asks) to +1 (all bids). Raises UsageError unless ``levels`` is at least 1.

        >>> from orderbook.books import L2Book
        >>> book = L2Book()
        >>> book.apply_snapshot([("100", 5), ("99", 5)], [("101", 15)])
        >>> book.imbalance(), book.imbalance(2)
        (-0.5, -0.2)
        """
        count = as_int(levels, "levels", 1, INT64_MAX)
        if not len(self._bids) or not len(self._asks):
            return None
        bid, ask = (sum(cell.size for _, cell in side.walk(0, count)) for side in (self._bids, self._asks))
        return (bid - ask) / (bid + ask)

    def vwap(self, side: Side | str | int, size: Any) -> Vwap:
        """Return what it costs to take ``size`` from a side (``Side.ASK`` to buy). O(levels touched).

        Raises:
            UsageError: not a side, or a size that is not above 0.
            ScaleError: not a number.

        >>> from orderbook.books import L2Book
        >>> book = L2Book()
        >>> book.apply_snapshot([], [("100", 1), ("101", 3)])
        >>> book.vwap("ask", 2)
        Vwap(price=100.5, filled=2.0, complete=True, known=True, worst_price=101.0)
        """
        ladder = self._ladder(as_side(side))
        wanted, own = self._ask_number(size, self._size_scale)
        if wanted <= 0:
            raise UsageError(f"size must be above 0, not {shown(size)}", symbol=self._symbol)
        scale = max(own, self._size_scale)
        wanted *= 10 ** (scale - own)
        factor = 10 ** (scale - self._size_scale)
        left, cost, worst = wanted, 0, None
        for price, cell in ladder.walk():
            take = min(left, cell.size * factor)
            left, cost, worst = left - take, cost + price * take, price
            if not left:
                break
        filled = wanted - left
        return Vwap(
            price=self._quotient(cost, filled) if filled else None,
            filled=converter(self._price_type)(filled, scale),
            complete=not left,
            known=ladder.bound is None if left or worst is None else ladder.is_known(worst),
            worst_price=None if worst is None else self._out_price(worst),
        )

    @property
    def is_crossed(self) -> bool:
        """Whether the best bid is above the best ask. O(1)."""
        top = self._top()
        return top is not None and top[0] > top[2]

    @property
    def is_locked(self) -> bool:
        """Whether the best bid equals the best ask, which is legal. O(1)."""
        top = self._top()
        return top is not None and top[0] == top[2]

    @property
    def state(self) -> BookState:
        """What the book looks like; never ``STALE``, for that is what its builder knows. O(1)."""
        if not len(self._bids):
            return BookState.NO_BID if len(self._asks) else BookState.EMPTY
        if not len(self._asks):
            return BookState.NO_ASK
        return BookState.CROSSED if self.is_crossed else BookState.LOCKED if self.is_locked else BookState.NORMAL

    @property
    def known_range(self) -> KnownRange:
        """The worst price of each side up to which every level is known; None: the side is known without limit. O(1).

        Where nothing is known the floor is ``inf`` (the ceiling ``-inf``).

        >>> from orderbook.books import L2Book
        >>> book = L2Book()
        >>> book.apply_snapshot([("100", 1), ("99", 1)], [], complete=False)
        >>> book.known_range
        KnownRange(bid_floor=99.0, ask_ceiling=-inf)
        """
        return KnownRange(*(self._out_bound(ladder) for ladder in (self._bids, self._asks)))

    def _out_bound(self, ladder: Ladder[CellT]) -> Any:
        """A bound as a price; where nothing is known, the infinity that no price reaches."""
        if ladder.bound == NOTHING:
            return ladder.side * math.inf
        price = ladder.bound_price()
        return None if price is None else self._out_price(price)

    def depth(self, n: int | None = 10, *, price_type: PriceType | None = None) -> Depth:
        """Return the best ``n`` levels of each side (None: all) as an immutable :class:`~orderbook.Depth`. O(n).

        Raises:
            UsageError: ``n`` is below 1, or ``price_type`` is unknown.

        >>> from orderbook.books import L2Book
        >>> book = L2Book("ETHUSDT")
        >>> book.apply_snapshot([("100.50", 1)], [("101", 1), ("102", 2)])
        >>> book.depth(1, price_type="decimal").asks
        (Level(price=Decimal('101.0'), size=Decimal('1'), count=None),)
        """
        count = None if n is None else as_int(n, "n", 1, INT64_MAX)
        kind = self._price_type if price_type is None else price_type
        return Depth(
            symbol=self._symbol,
            bids=self._depth_side(self._bids, count, kind),
            asks=self._depth_side(self._asks, count, kind),
            levels=max(len(self._bids), len(self._asks)) if count is None else count,
            sequence=self._sequence,
            ts_event=self._ts_event,
            ts_recv=self._ts_recv,
            bids_known=self._bids.is_known_to(count),
            asks_known=self._asks.is_known_to(count),
            price_type=kind,
            price_scale=self._price_scale,
            size_scale=self._size_scale,
        )

    def _depth_side(self, ladder: Ladder[CellT], count: int | None, kind: PriceType) -> tuple[Level, ...]:
        out = converter(kind)
        rows = ladder.walk(0, count)
        return tuple(
            Level(out(price, self._price_scale), out(cell.size, self._size_scale), cell.count) for price, cell in rows
        )
