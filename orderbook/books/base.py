"""What both books have in common beyond reading: how a change is made, equality, the byte form and the invariants.

Every change is planned first and made second: the plan may raise, the making may not, so an error leaves the book
exactly as it was.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Final, NamedTuple, Self

from orderbook.books.arguments import UINT64_MAX, as_int, as_ns, as_sequence
from orderbook.books.codec import Node, canonical_bytes, pack, unpack
from orderbook.books.ladder import MAX_LEVELS, NOTHING, CellT, Ladder, coarsest, exact, scaled
from orderbook.books.reading import FIELDS, Readable
from orderbook.errors import DuplicateLevel, TooManyLevels, UsageError
from orderbook.events import Event, Snapshot
from orderbook.levels import Levels
from orderbook.scale import MAX_SCALE
from orderbook.types import INT64_MAX, INT64_MIN, PriceType, Side
from orderbook.views import SIDE_NAMES, top_text

PRICE_TYPES: Final[tuple[PriceType, ...]] = ("float", "decimal", "fixed")


class Header(NamedTuple):
    """The numbering and times of a change, checked; None keeps what the book has."""

    sequence: int | None
    ts_event: int | None
    ts_recv: int | None


class Scales(NamedTuple):
    """Decimal digits of prices and of sizes."""

    price: int
    size: int


class Book(Readable[CellT]):
    """Base of :class:`~orderbook.L2Book` and :class:`~orderbook.L3Book`; not used by itself."""

    if not TYPE_CHECKING:
        __slots__ = ()

    _kind: ClassVar[str]
    _leaf: ClassVar[type[Book[Any]]]
    """The public class of this kind and implementation."""

    # ---- change ------------------------------------------------------------------------------------------------------

    def _header(self, sequence: Any, ts_event: Any, ts_recv: Any) -> Header:
        """Check the header of a change before anything is touched."""
        return Header(
            None if sequence is None else as_sequence(sequence),
            None if ts_event is None else as_ns(ts_event),
            None if ts_recv is None else as_ns(ts_recv),
        )

    def _finish(self, header: Header) -> None:
        """End a change: stamp what is not None, and tell the iterators that the book moved."""
        self._sequence = self._sequence if header.sequence is None else header.sequence
        self._ts_event = self._ts_event if header.ts_event is None else header.ts_event
        self._ts_recv = self._ts_recv if header.ts_recv is None else header.ts_recv
        self._trim()
        self._version += 1

    def _trim(self) -> None:
        """Let go of what is deeper than ``max_depth``."""
        if self._max_depth is None:
            return
        for ladder in (self._bids, self._asks):
            if len(ladder) > self._max_depth:
                self._let_go(ladder.trim(self._max_depth))

    def _let_go(self, cells: list[CellT]) -> None:
        """A book that knows more of a level than the level itself forgets it here."""

    def _view(self, event: Snapshot) -> int | None:
        """The view that a snapshot announces, checked before the snapshot is applied."""
        return None if event.view_depth is None else as_int(event.view_depth, "view_depth", 1, MAX_LEVELS)

    def _adopt_view(self, view_depth: int | None) -> None:
        """Keep no more than the stream shows; what leaves its view may change without a word."""
        if view_depth is not None:
            self._max_depth = view_depth if self._max_depth is None else min(view_depth, self._max_depth)
            self._trim()

    def _accept(self, event: object) -> None:
        """Refuse what is no event, and the event of another instrument."""
        if not isinstance(event, Event):
            raise UsageError(f"expected an event, got `{type(event).__name__}`", symbol=self._symbol)
        if event.symbol and self._symbol and event.symbol != self._symbol:
            raise UsageError(f"an event of {event.symbol!r} does not belong to this book", symbol=self._symbol)

    def _room(self, price_scale: int, size_scale: int) -> Scales:
        """The scales that hold what is stored and what comes in; ScaleError when what is stored would not fit."""
        target = Scales(max(self._price_scale, price_scale), max(self._size_scale, size_scale))
        for ladder in (self._bids, self._asks):
            ladder.require_room(self._price_scale, self._size_scale, target.price, target.size)
        return target

    def _widen(self, target: Scales) -> None:
        """Move to finer scales; :meth:`_room` has said that it can."""
        if target == (self._price_scale, self._size_scale):
            return
        factors = 10 ** (target.price - self._price_scale), 10 ** (target.size - self._size_scale)
        self._bids.widen(*factors)
        self._asks.widen(*factors)
        self._price_scale, self._size_scale = target

    def _target(self, *columns: Levels) -> Scales:
        """The scales that hold what the book keeps now and everything in the columns."""
        price_scale = max(self._price_scale, *(rows.price_scale for rows in columns))
        return Scales(price_scale, max(self._size_scale, *(rows.size_scale for rows in columns)))

    def _snapshot_side(
        self, side: Side, rows: Levels, target: Scales, make: Callable[[int, int | None], CellT], *, complete: bool
    ) -> Ladder[CellT]:
        """A side as a snapshot gives it, in any order. Levels of size 0 are no levels: some vendors write them."""
        prices = scaled(rows.prices, rows.price_scale, target.price)
        sizes = scaled(rows.sizes, rows.size_scale, target.size)
        counts = rows.counts or (None,) * len(prices)
        self._refuse_duplicates(side, rows)
        ladder: Ladder[CellT] = Ladder(side)
        rows_of_level = zip(prices, sizes, counts, strict=True)
        ladder.fill((price, make(size, count)) for price, size, count in rows_of_level if size)
        if not complete:
            ladder.limit_to_worst()
        return ladder

    def _refuse_duplicates(self, side: Side, rows: Levels) -> None:
        if len(set(rows.prices)) == len(rows.prices):
            return
        price = next(price for price, times in Counter(rows.prices).items() if times > 1)
        raise DuplicateLevel(side=SIDE_NAMES[side], price=exact(price, rows.price_scale), symbol=self._symbol)

    def _limit_rows(self, rows: Mapping[Side, Levels]) -> None:
        """Refuse a snapshot with too many levels before it is sorted."""
        for side, levels in rows.items():
            self._limit(side, len(levels) - levels.sizes.count(0))

    def _limit(self, side: Side, levels: int) -> None:
        """Refuse to grow past the limit; a book with a ``max_depth`` lets go of levels instead."""
        if self._max_depth is None and levels > MAX_LEVELS:
            raise TooManyLevels(side=SIDE_NAMES[side], levels=levels, limit=MAX_LEVELS, symbol=self._symbol)

    def clear(self, *, sequence: int | None = None, ts_event: Any = None, ts_recv: Any = None) -> None:
        """Empty the book: both sides are then known to be empty, and the scales start anew at 0. O(1).

        ``sequence`` and the times stay unless new ones are given.

        >>> from orderbook.books import L2Book
        >>> book = L2Book()
        >>> book.apply_snapshot([("100", 1)], [], complete=False)
        >>> book.clear()
        >>> len(book.bids), book.known_range
        (0, KnownRange(bid_floor=None, ask_ceiling=None))
        """
        header = self._header(sequence, ts_event, ts_recv)
        self._reset()
        self._finish(header)

    def forget(self) -> None:
        """Empty the book and mark all of it unknown: what a gap leaves. O(1).

        ``sequence`` and the times stay, as the last that were known.

        >>> from orderbook.books import L2Book
        >>> book = L2Book()
        >>> book.forget()
        >>> book.depth(1).known, book.known_range
        (False, KnownRange(bid_floor=inf, ask_ceiling=-inf))
        """
        self._reset()
        self._bids.limit_to_worst()
        self._asks.limit_to_worst()
        self._version += 1

    def _reset(self) -> None:
        """Empty both sides; a book that once saw an absurdly fine number must not refuse large ones for ever."""
        self._bids = Ladder(Side.BID)
        self._asks = Ladder(Side.ASK)
        self._price_scale = self._size_scale = 0

    # ---- value -------------------------------------------------------------------------------------------------------

    def _canonical(self) -> tuple[object, ...]:
        """What the book is, whatever its scales and history: what equality and :meth:`state_hash` compare.

        The scales are the coarsest that hold every number, so a book that once saw a finer price equals one that did
        not.
        """
        price_scale, price_divisor = coarsest(self._price_scale, self._all_prices())
        size_scale, size_divisor = coarsest(self._size_scale, self._all_sizes())
        sides = (ladder.canonical(price_divisor, size_divisor) for ladder in (self._bids, self._asks))
        return (self._kind, self._symbol, price_scale, size_scale, *sides)

    def _all_prices(self) -> Iterator[int]:
        for ladder in (self._bids, self._asks):
            for price, _ in ladder.walk():
                yield price
            if ladder.bound not in (None, NOTHING):
                yield ladder.bound

    def _all_sizes(self) -> Iterator[int]:
        for ladder in (self._bids, self._asks):
            for _, cell in ladder.walk():
                yield from cell.sizes()

    def state_hash(self) -> str:
        """Return 32 hex digits that are equal for equal books, on every machine and whatever their history. O(n).

        BLAKE2b-128 of what ``==`` compares: symbol, levels, counts and known range (and orders in queue order, in an
        L3 book) by number; not ``sequence`` or the times, so that a replayed book matches its live twin.

        >>> from orderbook.books import L2Book
        >>> a, b = L2Book("X"), L2Book("X")
        >>> a.apply_snapshot([("1.50", 2)], []); b.apply_snapshot([(1.5, "2.0")], [], sequence=9)
        >>> a == b, a.state_hash() == b.state_hash()
        (True, True)
        """
        from hashlib import blake2b  # late: it brings all of OpenSSL

        return blake2b(canonical_bytes(self._canonical()), digest_size=16).hexdigest()

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Book) or self._kind != other._kind:
            return NotImplemented
        return self._canonical() == other._canonical()

    # Compared by value and changed in place, like a list.
    __hash__ = None  # type: ignore[assignment]

    def copy(self) -> Self:
        """Return an independent book with the same state and header. O(n)."""
        twin = type(self).__new__(type(self))
        for name in FIELDS:
            setattr(twin, name, getattr(self, name))
        twin._bids, twin._asks = self._bids.copy(), self._asks.copy()
        # Only a subclass has one; what it keeps there belongs to the copy too.
        if hasattr(self, "__dict__"):
            twin.__dict__.update(self.__dict__)
        return twin

    def __copy__(self) -> Self:
        return self.copy()

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self.copy()

    def to_bytes(self) -> bytes:
        """Return the whole book, header included, as bytes that :meth:`from_bytes` takes on any machine. O(n).

        >>> from orderbook.books import L2Book
        >>> book = L2Book("ETHUSDT")
        >>> book.apply_snapshot([("100.5", 2)], [], sequence=7)
        >>> twin = L2Book.from_bytes(book.to_bytes())
        >>> twin == book, twin.sequence
        (True, 7)
        """
        return pack(self._body())

    def _body(self) -> dict[str, Any]:
        return {
            "kind": self._kind,
            "symbol": self._symbol,
            "price_type": self._price_type,
            "max_depth": self._max_depth,
            "price_scale": self._price_scale,
            "size_scale": self._size_scale,
            "sequence": self._sequence,
            "ts_event": self._ts_event,
            "ts_recv": self._ts_recv,
            "bids": self._side_body(self._bids),
            "asks": self._side_body(self._asks),
        }

    def _side_body(self, ladder: Ladder[CellT]) -> dict[str, Any]:
        raise NotImplementedError

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Return the book that :meth:`to_bytes` wrote. O(n).

        Raises:
            DecodeError: the bytes are damaged, of another version or kind of book, or say what no book can be; ``path``
                says where. Bytes from a stranger are safe to read: nothing in them is believed or executed.
        """
        body = unpack(data)
        kind = body.key("kind")
        if kind.text() != cls._kind:
            raise kind.fail(f"these are the bytes of an {kind.value} book, not of an {cls._kind} book")
        book = cls.__new__(cls)
        book._read_head(body)
        book._read_sides(body)
        return book

    def _read_head(self, body: Node) -> None:
        symbol = body.key("symbol")
        try:
            self._start(symbol.text(), None, _price_type(body.key("price_type")))
        except UsageError as error:
            raise symbol.fail(error.message) from None
        self._max_depth = body.key("max_depth").optional_integer(1, MAX_LEVELS)
        self._price_scale = body.key("price_scale").integer(0, MAX_SCALE)
        self._size_scale = body.key("size_scale").integer(0, MAX_SCALE)
        self._sequence = body.key("sequence").optional_integer(INT64_MIN, UINT64_MAX)
        self._ts_event = body.key("ts_event").optional_integer()
        self._ts_recv = body.key("ts_recv").optional_integer()

    def _read_sides(self, body: Node) -> None:
        raise NotImplementedError

    def _read_prices(self, side: Side, node: Node) -> tuple[Ladder[CellT], list[int]]:
        """An empty ladder with its bound, and the prices that shall stand on it: strictly from best to worst."""
        ladder: Ladder[CellT] = Ladder(side, bound=node.key("known_to").optional_integer(NOTHING))
        prices = node.key("prices")
        ticks = [item.integer() for item in prices.items()]
        limit = self._max_depth or MAX_LEVELS
        if len(ticks) > limit:
            raise prices.fail(f"{len(ticks)} levels are more than the limit of {limit}")
        ranks = [ladder.rank(price) for price in ticks]
        if any(a >= b for a, b in itertools.pairwise(ranks)):
            raise prices.fail("prices do not run strictly from best to worst")
        return ladder, ticks

    def __repr__(self) -> str:
        name = f"{type(self).__name__} {self._symbol}".rstrip()
        if not len(self._bids) and not len(self._asks):
            return f"<{name} {'empty' if self.depth(1).known else 'unknown'}>"
        crossed = ", CROSSED" if self.is_crossed else ""
        return f"<{name} {top_text(self.depth(1))}, {self._counts_text()}{crossed}>"

    def _counts_text(self) -> str:
        return f"{len(self._bids)} bids, {len(self._asks)} asks"

    def _repr_html_(self) -> str:
        """The best ten levels as a table for a notebook."""
        return self.depth(10)._repr_html_()

    # ---- invariants --------------------------------------------------------------------------------------------------

    def _check(self) -> None:
        """Walk every invariant; AssertionError, with the internals in its text, when one does not hold. O(n)."""
        try:
            self._check_all()
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self._dump()}") from None

    def _check_all(self) -> None:
        """What must hold in both books; each adds its own."""
        ensure(self._price_type in PRICE_TYPES, "unknown price_type")
        ensure(0 <= self._price_scale <= MAX_SCALE, "price_scale out of range")
        ensure(0 <= self._size_scale <= MAX_SCALE, "size_scale out of range")
        for side, ladder in ((Side.BID, self._bids), (Side.ASK, self._asks)):
            ensure(ladder.side is side, f"the {ladder.side.name} ladder stands on the {side.name} side")
            ensure(len(ladder) <= (self._max_depth or MAX_LEVELS), f"{side.name}: too many levels")
            ladder.check_order()
            known = ladder.bound in (None, NOTHING) or is_tick(ladder.bound)
            ensure(known, f"{side.name}: bound is not an int64")
            for price, cell in ladder.walk():
                ensure(is_tick(price), f"{side.name}: rank {ladder.rank(price)!r} is not an int64")
                ensure(is_tick(cell.size) and cell.size > 0, f"{side.name}: size {cell.size!r} is not one")

    def _dump(self) -> str:
        """The internals as text, for the message of a failed check."""
        lines = [f"{name} = {getattr(self, name)!r}" for name in FIELDS if name not in {"_bids", "_asks"}]
        for ladder in (self._bids, self._asks):
            lines.append(f"{ladder.side.name} bound = {ladder.bound!r}, cells by rank:")
            lines.extend(f"    {ladder.rank(price)!r}: {cell!r}" for price, cell in ladder.walk())
        return "\n".join(lines)


def ensure(condition: bool, message: str) -> None:
    """Raise AssertionError unless the condition holds; ``assert`` itself is gone under ``python -O``."""
    if not condition:
        raise AssertionError(message)


def is_tick(value: object) -> bool:
    """Return whether a value is an int that int64 can hold with either sign.

    >>> is_tick(2**63 - 1), is_tick(-(2**63)), is_tick(1.0)
    (True, False, False)
    """
    return type(value) is int and -INT64_MAX <= value <= INT64_MAX


def _price_type(node: Node) -> PriceType:
    name = node.choice(PRICE_TYPES)
    return PRICE_TYPES[PRICE_TYPES.index(name)]
