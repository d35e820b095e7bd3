"""Orders in queue order: how each comes, changes and goes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from orderbook.books.arguments import as_order_id, as_side, as_size
from orderbook.books.base import Book, Header, Scales
from orderbook.books.ladder import exact
from orderbook.books.queue import Queue, Resting
from orderbook.errors import DuplicateOrder, OverExecuted, ScaleError, UnknownOrder, UsageError
from orderbook.scale import parse, rescale
from orderbook.types import INT64_MAX, Order, OrderId, PriceType, Side


class OrdersView(Mapping[OrderId, Order]):
    """The resting orders of a live book by id, read only; follows the book, while its orders are values.

    >>> from orderbook.books import L3Book
    >>> book = L3Book()
    >>> book.add(7, "bid", "100.5", 2)
    >>> book.orders[7]
    Order(order_id=7, side=<Side.BID: 1>, price=100.5, size=2.0, ts_event=None)
    """

    __slots__ = ("_book",)

    def __init__(self, book: L3Orders) -> None:
        self._book = book

    def __len__(self) -> int:
        return len(self._book._orders)

    def __getitem__(self, order_id: OrderId) -> Order:
        return self._book._out_order(self._book._orders[order_id])

    def __iter__(self) -> Iterator[OrderId]:
        return self._guarded(self._book._version)

    def _guarded(self, version: int) -> Iterator[OrderId]:
        ids = iter(self._book._orders)
        while True:
            if self._book._version != version:
                raise RuntimeError("the book changed during iteration; iterate over list(book.orders) instead")
            try:
                order_id = next(ids)
            except StopIteration:
                return
            yield order_id

    def __contains__(self, order_id: object) -> bool:
        return order_id in self._book._orders

    def __repr__(self) -> str:
        return f"<{len(self)} orders of {self._book!r}>"


class Place(NamedTuple):
    """Where an order shall stand, in ticks at scales that the book may not have yet."""

    side: Side
    price: int
    size: int
    scales: Scales


class L3Orders(Book[Queue]):
    """How orders come, change and go; :class:`L3Book` adds snapshots, events and the byte form. Not used by itself."""

    if not TYPE_CHECKING:
        __slots__ = ()

    def _start(self, symbol: str, max_depth: int | None, price_type: PriceType) -> None:
        super()._start(symbol, max_depth, price_type)
        self._orders: dict[OrderId, Resting] = {}

    # ---- one order ---------------------------------------------------------------------------------------------------

    def add(
        self,
        order_id: OrderId,
        side: Side | str | int,
        price: Any,
        size: Any,
        *,
        sequence: int | None = None,
        ts_event: Any = None,
        ts_recv: Any = None,
    ) -> None:
        """Put a new order at the back of its level's queue. O(log n).

        Raises:
            DuplicateOrder: the id rests in the book already.
            ScaleError: a number that is not exact, or an order or level that does not fit in int64.
            UsageError: an id that is neither text nor an int of 64 bits, no side, size 0.
            TooManyLevels: it would open a level past ``MAX_LEVELS``.

        >>> from orderbook.books import L3Book
        >>> book = L3Book()
        >>> book.add(1, "bid", "100.5", 2)
        >>> book.best_bid
        Level(price=100.5, size=2.0, count=1)
        """
        header = self._header(sequence, ts_event, ts_recv)
        key = as_order_id(order_id)
        if key in self._orders:
            raise DuplicateOrder(key, symbol=self._symbol)
        place = self._place(as_side(side), parse(price), as_size(size))
        self._require_space(place)
        self._widen(place.scales)
        self._insert(Resting(key, place.side, place.price, place.size, header.ts_event))
        self._finish(header)

    def modify(
        self,
        order_id: OrderId,
        *,
        price: Any = None,
        size: Any = None,
        sequence: int | None = None,
        ts_event: Any = None,
        ts_recv: Any = None,
    ) -> None:
        """Give a resting order a new price, size or both (None keeps it). O(log n).

        A new price or a larger size goes to the back of the queue; a smaller size, or the same, keeps its place.

        Raises:
            UnknownOrder: the id does not rest in the book.
            UsageError: size 0; and ScaleError, TooManyLevels as in :meth:`add`.

        >>> from orderbook.books import L3Book
        >>> book = L3Book()
        >>> for order_id, size in ((1, 10), (2, 5)):
        ...     book.add(order_id, "bid", 100, size)
        >>> book.modify(1, size=12)
        >>> [order.order_id for order in book.queue("bid", 100)]
        [2, 1]
        """
        header = self._header(sequence, ts_event, ts_recv)
        order = self._resting(order_id)
        self._move(order, order.order_id, order.side, price, size, header)

    def replace(
        self,
        order_id: OrderId,
        new_id: OrderId,
        *,
        price: Any,
        size: Any,
        sequence: int | None = None,
        ts_event: Any = None,
        ts_recv: Any = None,
    ) -> None:
        """Take an order out and put another on its side, at the back of a queue. O(log n).

        Raises:
            UnknownOrder: ``order_id`` does not rest in the book.
            DuplicateOrder: ``new_id`` already does; and the errors of :meth:`add`.

        >>> from orderbook.books import L3Book
        >>> book = L3Book()
        >>> book.add(1, "ask", 101, 5)
        >>> book.replace(1, 2, price=102, size=4)
        >>> book.best_ask, list(book.orders)
        (Level(price=102.0, size=4.0, count=1), [2])
        """
        header = self._header(sequence, ts_event, ts_recv)
        order = self._resting(order_id)
        key = as_order_id(new_id)
        if key in self._orders and key != order.order_id:
            raise DuplicateOrder(key, symbol=self._symbol)
        self._requeue(order, key, self._place(order.side, parse(price), as_size(size)), header)

    def cancel(
        self,
        order_id: OrderId,
        size: Any = None,
        *,
        sequence: int | None = None,
        ts_event: Any = None,
        ts_recv: Any = None,
    ) -> None:
        """Take ``size`` off an order, all of it when None; what is left keeps its place. O(log n).

        Raises:
            UnknownOrder: the id does not rest in the book.
            OverExecuted: more than rests; nothing is clamped.
            UsageError: size 0.

        >>> from orderbook.books import L3Book
        >>> book = L3Book()
        >>> book.add(1, "bid", 100, 12)
        >>> book.cancel(1, 4)
        >>> book.orders[1].size
        8.0
        """
        header = self._header(sequence, ts_event, ts_recv)
        self._take(self._resting(order_id), size, header)

    def execute(
        self,
        order_id: OrderId,
        size: Any,
        *,
        sequence: int | None = None,
        ts_event: Any = None,
        ts_recv: Any = None,
    ) -> None:
        """Take ``size`` off an order because it traded; at 0 the order is gone. O(log n).

        It need not be the first of its queue: the venue decides who trades.

        Raises:
            UnknownOrder: the id does not rest in the book.
            OverExecuted: more than rests; nothing is clamped.
            UsageError: size 0, or no size.

        >>> from orderbook.books import L3Book
        >>> book = L3Book()
        >>> book.add(1, "bid", 100, 12)
        >>> book.execute(1, 12)
        >>> len(book.orders), book.best_bid
        (0, None)
        """
        header = self._header(sequence, ts_event, ts_recv)
        order = self._resting(order_id)
        if size is None:
            raise UsageError("an execution needs a size", symbol=self._symbol)
        self._take(order, size, header)

    # ---- anonymous liquidity -----------------------------------------------------------------------------------------

    def seed(
        self,
        side: Side | str | int,
        price: Any,
        size: Any,
        *,
        sequence: int | None = None,
        ts_event: Any = None,
        ts_recv: Any = None,
    ) -> None:
        """Add size that is known only as a sum, ahead of the known orders of its level. O(log n).

        For what rested before the tape began: a LOBSTER orderbook row, an aggregated snapshot under an order feed.

        Raises:
            UsageError: no side, size 0; and ScaleError, TooManyLevels as in :meth:`add`.

        >>> from orderbook.books import L3Book
        >>> book = L3Book()
        >>> book.seed("bid", 100, 7)
        >>> book.add(1, "bid", 100, 5)
        >>> book.queue_ahead(1), book.best_bid
        (QueueAhead(orders=0, size=7.0), Level(price=100.0, size=12.0, count=None))
        """
        header = self._header(sequence, ts_event, ts_recv)
        place = self._place(as_side(side), parse(price), as_size(size))
        self._require_space(place)
        self._widen(place.scales)
        self._put_anonymous(place.side, place.price, place.size)
        self._finish(header)

    def take_anonymous(
        self,
        side: Side | str | int,
        price: Any,
        size: Any,
        *,
        sequence: int | None = None,
        ts_event: Any = None,
        ts_recv: Any = None,
    ) -> None:
        """Take ``size`` off the anonymous liquidity of a level. O(log n).

        Raises:
            OverExecuted: more than the anonymous part of the level; nothing is clamped. ``order_id`` is None.
            UsageError: no side, size 0.

        >>> from orderbook.books import L3Book
        >>> book = L3Book()
        >>> book.seed("bid", 100, 7)
        >>> book.take_anonymous("bid", 100, 7)
        >>> book.best_bid is None
        True
        """
        header = self._header(sequence, ts_event, ts_recv)
        place = self._place(as_side(side), parse(price), as_size(size))
        queue = self._queue_at(place)
        factor = 10 ** (place.scales.size - self._size_scale)
        resting = 0 if queue is None else queue.anonymous * factor
        if queue is None or place.size > resting:
            raise self._over(None, resting, place.size, place.scales.size)
        self._widen(place.scales)
        self._put_anonymous(place.side, place.price, -place.size)
        self._finish(header)

    def _out_order(self, order: Resting) -> Order:
        return Order(
            order.order_id, order.side, self._out_price(order.price), self._out_size(order.size), order.ts_event
        )

    # ---- plans: these raise and change nothing -----------------------------------------------------------------------

    def _resting(self, order_id: Any) -> Resting:
        key = as_order_id(order_id)
        if key not in self._orders:
            raise UnknownOrder(key, symbol=self._symbol)
        return self._orders[key]

    def _place(self, side: Side, price: tuple[int, int], size: tuple[int, int]) -> Place:
        """Bring a price and a size (mantissa, scale) to common scales with the book; all of it must fit in int64."""
        scales = self._room(price[1], size[1])
        return Place(side, rescale(*price, scales.price), rescale(*size, scales.size), scales)

    def _queue_at(self, place: Place) -> Queue | None:
        """The queue at a price that may be finer than the book's own scale."""
        price, rest = divmod(place.price, 10 ** (place.scales.price - self._price_scale))
        return None if rest else self._ladder(place.side).get(price)

    def _require_space(self, place: Place, leaving: Resting | None = None) -> None:
        """Check the total of the level and the number of levels, once ``leaving`` has left."""
        queue = self._queue_at(place)
        total = 0 if queue is None else queue.size
        if leaving is not None and self._stands_on(leaving, place):
            total -= leaving.size
        total = total * 10 ** (place.scales.size - self._size_scale) + place.size
        if total > INT64_MAX:
            raise ScaleError(exact(total, place.scales.size), "the size of the level does not fit in int64")
        if queue is None:
            freed = leaving is not None and leaving.side is place.side and self._is_alone(leaving)
            self._limit(place.side, len(self._ladder(place.side)) + 1 - freed)

    def _stands_on(self, order: Resting, place: Place) -> bool:
        """Whether an order is on a level already, at a scale that the book may not have yet."""
        factor = 10 ** (place.scales.price - self._price_scale)
        return order.side is place.side and order.price * factor == place.price

    def _is_alone(self, order: Resting) -> bool:
        """Whether nothing else is on an order's level."""
        queue = self._ladder(order.side).get(order.price)
        return queue is not None and queue.size == order.size

    def _over(self, order_id: OrderId | None, resting: int, asked: int, scale: int) -> OverExecuted:
        return OverExecuted(order_id, resting=exact(resting, scale), asked=exact(asked, scale), symbol=self._symbol)

    # ---- changes: planned above, these do not fail -------------------------------------------------------------------

    def _open(self, side: Side, price: int) -> Queue:
        queue = self._ladder(side).get(price)
        if queue is None:
            queue = Queue()
            self._ladder(side).put(price, queue)
        return queue

    def _close(self, side: Side, price: int) -> None:
        """Drop a level on which nothing is left."""
        ladder = self._ladder(side)
        queue = ladder.get(price)
        if queue is not None and not queue.size:
            ladder.drop(price)

    def _put_anonymous(self, side: Side, price: int, size: int) -> None:
        """Add to the anonymous size of a level; take off where ``size`` is negative."""
        queue = self._open(side, price)
        queue.anonymous += size
        queue.size += size
        self._close(side, price)

    def _insert(self, order: Resting) -> None:
        self._open(order.side, order.price).append(order)
        self._orders[order.order_id] = order

    def _remove(self, order: Resting) -> None:
        self._open(order.side, order.price).remove(order)
        self._close(order.side, order.price)
        del self._orders[order.order_id]

    def _move(self, order: Resting, key: OrderId, side: Side, price: Any, size: Any, header: Header) -> None:
        """Modify: in place when side and price stay and the size does not grow, to the back of a queue otherwise."""
        place = self._place(
            side,
            (order.price, self._price_scale) if price is None else parse(price),
            (order.size, self._size_scale) if size is None else as_size(size),
        )
        by = rescale(order.size, self._size_scale, place.scales.size) - place.size
        if by < 0 or not self._stands_on(order, place):
            self._requeue(order, key, place, header)
            return
        self._widen(place.scales)
        self._shrink(order, by, header)

    def _requeue(self, order: Resting, key: OrderId, place: Place, header: Header) -> None:
        self._require_space(place, leaving=order)
        self._widen(place.scales)
        self._remove(order)
        # A modified order keeps the last time that is known of it; a replacement has no time but its own.
        before = order.ts_event if key == order.order_id else None
        ts_event = before if header.ts_event is None else header.ts_event
        self._insert(Resting(key, place.side, place.price, place.size, ts_event))
        self._finish(header)

    def _take(self, order: Resting, size: Any, header: Header) -> None:
        """Cancel or execute: all of the order when ``size`` is None."""
        if size is None:
            self._remove(order)
            self._finish(header)
            return
        place = self._place(order.side, (order.price, self._price_scale), as_size(size))
        resting = order.size * 10 ** (place.scales.size - self._size_scale)
        if place.size > resting:
            raise self._over(order.order_id, resting, place.size, place.scales.size)
        self._widen(place.scales)
        if place.size == resting:
            self._remove(order)
            self._finish(header)
        else:
            self._shrink(order, place.size, header)

    def _shrink(self, order: Resting, by: int, header: Header) -> None:
        order.size -= by
        self._open(order.side, order.price).size -= by
        order.ts_event = order.ts_event if header.ts_event is None else header.ts_event
        self._finish(header)
