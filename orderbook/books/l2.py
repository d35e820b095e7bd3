"""The level-2 book: one size a price."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from orderbook.books.arguments import MAX_COUNT, as_levels
from orderbook.books.base import Book, Scales, ensure
from orderbook.books.codec import Node
from orderbook.books.ladder import MAX_LEVELS, Aggregate, Ladder, scaled
from orderbook.books.pickles import restore_l2
from orderbook.books.reading import FIELDS
from orderbook.errors import UsageError
from orderbook.events import Clear, Delta, Disconnect, Event, Heartbeat, Quote, Snapshot, Status, Trade
from orderbook.levels import Levels
from orderbook.types import Side


class L2Methods(Book[Aggregate]):
    """What an L2 book does, whoever keeps its levels; not used by itself."""

    if not TYPE_CHECKING:
        __slots__ = ()

    _kind = "L2"

    def apply_snapshot(
        self,
        bids: Any,
        asks: Any,
        *,
        complete: bool = True,
        sequence: int | None = None,
        ts_event: Any = None,
        ts_recv: Any = None,
    ) -> None:
        """Replace the whole book. O(n log n).

        Sides are rows of ``(price, size)`` or :class:`~orderbook.Level`, or parsed :class:`~orderbook.Levels`, in any
        order. Levels of size 0 are dropped. ``complete=False``: each side is known only to its worst level; of a side
        without levels nothing is known.

        Raises:
            ScaleError: a number that is not exact or does not fit in int64.
            DuplicateLevel: a price stands twice on a side.
            TooManyLevels: more than ``MAX_LEVELS`` on a side, and no ``max_depth``.

        >>> book = L2Book()
        >>> book.apply_snapshot([("99", 1), ("100", 2)], [], complete=False)
        >>> book.best_bid, book.known_range.bid_floor
        (Level(price=100.0, size=2.0, count=None), 99.0)
        """
        header = self._header(sequence, ts_event, ts_recv)
        target, sides = self._plan_snapshot(bids, asks, complete=complete)
        # Nothing above touched the book; nothing below can fail.
        self._bids, self._asks = sides
        self._price_scale, self._size_scale = target
        self._finish(header)

    def _plan_snapshot(self, bids: Any, asks: Any, *, complete: bool) -> tuple[Scales, list[Ladder[Aggregate]]]:
        """The scales and sides of the book to come; raises whatever is wrong with the rows."""
        rows = {Side.BID: as_levels(bids, "bids"), Side.ASK: as_levels(asks, "asks")}
        target = self._target(*rows.values())
        self._limit_rows(rows)
        return target, [self._snapshot_side(side, rows[side], target, Aggregate, complete=complete) for side in rows]

    def apply_delta(
        self, bids: Any, asks: Any, *, sequence: int | None = None, ts_event: Any = None, ts_recv: Any = None
    ) -> None:
        """Set levels to new absolute sizes; size 0 deletes, and deleting what is not there is legal. O(k log n).

        Where a price stands twice the later row wins, for array order is the venue's order. Deltas never widen the
        known range: a level set beyond it is kept and shown, while what lies between stays unknown.

        Raises:
            ScaleError: a number that is not exact, or does not fit in int64 at the scale that the book then needs.
            TooManyLevels: a side would hold more than ``MAX_LEVELS``, and no ``max_depth``.

        >>> book = L2Book()
        >>> book.apply_delta([("100", 1), ("100", 3), ("98", 0)], [])
        >>> list(book.bids)
        [Level(price=100.0, size=3.0, count=None)]
        """
        header = self._header(sequence, ts_event, ts_recv)
        target, changes = self._plan_delta(bids, asks)
        # Nothing above touched the book; nothing below can fail.
        self._widen(target)
        for side, change in changes.items():
            self._set(self._ladder(side), change)
        self._finish(header)

    def _plan_delta(self, bids: Any, asks: Any) -> tuple[Scales, dict[Side, dict[int, Aggregate]]]:
        """The scales and changes of a delta; raises whatever is wrong with the rows."""
        rows = {Side.BID: as_levels(bids, "bids"), Side.ASK: as_levels(asks, "asks")}
        target = self._room(*self._target(*rows.values()))
        return target, {side: self._changes(side, levels, target) for side, levels in rows.items()}

    def _changes(self, side: Side, rows: Levels, target: Scales) -> dict[int, Aggregate]:
        """The new cells by rank at the target scales; checks that the side can hold them."""
        ladder = self._ladder(side)
        prices = scaled(rows.prices, rows.price_scale, target.price)
        sizes = scaled(rows.sizes, rows.size_scale, target.size)
        counts = rows.counts or (None,) * len(prices)
        cells = map(Aggregate, sizes, counts)
        changes = {ladder.rank(price): cell for price, cell in zip(prices, cells, strict=True)}
        if len(ladder) + len(changes) > MAX_LEVELS:
            self._limit(side, self._levels_after(ladder, changes, 10 ** (target.price - self._price_scale)))
        return changes

    def _levels_after(self, ladder: Ladder[Aggregate], changes: dict[int, Aggregate], factor: int) -> int:
        """How many levels a side would have; ``factor`` leads from the ranks of now to those of the changes."""
        levels = len(ladder)
        for rank, cell in changes.items():
            there = rank % factor == 0 and ladder.get(ladder.rank(rank // factor)) is not None
            levels += bool(cell.size) - there
        return levels

    def _set(self, ladder: Ladder[Aggregate], changes: dict[int, Aggregate]) -> None:
        for rank, cell in changes.items():
            if cell.size:
                ladder.cells[rank] = cell
            else:
                ladder.cells.pop(rank, None)

    def apply(self, event: Event) -> None:
        """Apply a Snapshot, Delta or Clear; a Trade, Quote, Heartbeat or Status leaves the book alone.

        After a Disconnect nothing is known (:meth:`forget`), so columns with a gap in them can be applied as they are.

        Raises:
            UsageError: any other event, or one of another symbol; and all that ``apply_snapshot`` and ``apply_delta``
            raise.

        >>> book = L2Book("ETHUSDT")
        >>> book.apply(Snapshot(symbol="ETHUSDT", bids=[("100", 1)], sequence=5))
        >>> book.best_bid.price, book.sequence
        (100.0, 5)
        """
        self._accept(event)
        header = {"sequence": event.sequence, "ts_event": event.ts_event, "ts_recv": event.ts_recv}
        match event:
            case Snapshot():
                view_depth = self._view(event)
                self.apply_snapshot(event.bids, event.asks, complete=event.complete, **header)
                self._adopt_view(view_depth)
            case Delta():
                self.apply_delta(event.bids, event.asks, **header)
            case Clear():
                self.clear(**header)
            case Disconnect():
                self.forget()
            case Trade() | Quote() | Heartbeat() | Status():
                pass
            case _:
                raise UsageError(f"an L2 book cannot apply `{type(event).__name__}`", symbol=self._symbol)

    def apply_many(self, events: Iterable[Event]) -> int:
        """Apply events one after another and return how many; each is atomic, and the first that fails ends it.

        >>> L2Book().apply_many([Snapshot(bids=[("100", 1)]), Delta(bids=[("100", 0)])])
        2
        """
        count = 0
        for event in events:
            self.apply(event)
            count += 1
        return count

    def __reduce__(self) -> tuple[Any, ...]:
        restore = restore_l2 if type(self) is self._leaf else type(self).from_bytes
        return restore, (self.to_bytes(),), getattr(self, "__dict__", None) or None

    def _side_body(self, ladder: Ladder[Aggregate]) -> dict[str, Any]:
        prices, cells = ladder.columns()
        return {
            "known_to": ladder.bound,
            "prices": prices,
            "sizes": [cell.size for cell in cells],
            "counts": [cell.count for cell in cells],
        }

    def _read_sides(self, body: Node) -> None:
        self._bids = self._read_side(Side.BID, body.key("bids"))
        self._asks = self._read_side(Side.ASK, body.key("asks"))

    def _read_side(self, side: Side, node: Node) -> Ladder[Aggregate]:
        ladder, prices = self._read_prices(side, node)
        sizes = [item.integer(low=1) for item in node.key("sizes").items(len(prices))]
        counts = [item.optional_integer(0, MAX_COUNT) for item in node.key("counts").items(len(prices))]
        ladder.fill(zip(prices, map(Aggregate, sizes, counts), strict=True))
        return ladder

    def _check_all(self) -> None:
        super()._check_all()
        for ladder in (self._bids, self._asks):
            name = ladder.side.name
            for _, cell in ladder.walk():
                valid = cell.count is None or (type(cell.count) is int and 0 <= cell.count <= MAX_COUNT)
                ensure(valid, f"{name}: count {cell.count!r} is no order count")


class L2Book(L2Methods):
    """An order book of price levels, exact to the last digit.

    ``max_depth`` keeps the best levels of each side only; what falls out becomes unknown (``known_range``).
    ``price_type`` says how prices and sizes leave: ``float``, ``decimal``, or ``fixed`` (ints at ``price_scale`` and
    ``size_scale``; only levels handed to ``apply_...`` are numbers as they are). Books are compared by value and
    cannot be hashed.

    Every change is atomic: when it raises, the book is as it was before.

    >>> book = L2Book("ETHUSDT")
    >>> book.apply_snapshot([("2683.80", "3.0292")], [("2683.81", "31.4395")], sequence=1)
    >>> book.apply_delta([("2683.80", "0"), ("2683.79", "1.5")], [], sequence=2)
    >>> book
    <L2Book ETHUSDT 2683.79 x 1.5000 | 2683.81 x 31.4395, 1 bids, 1 asks>
    """

    if not TYPE_CHECKING:
        __slots__ = ("__weakref__", *FIELDS)


L2Book._leaf = L2Book
