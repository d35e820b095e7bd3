"""The level-3 book: orders, liquidity known only as a sum, snapshots, and events."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple, Self

from orderbook.books.arguments import UINT64_MAX, as_levels, as_order_id, as_side, as_size
from orderbook.books.base import Scales, ensure, is_tick
from orderbook.books.codec import Node
from orderbook.books.l2 import L2Book
from orderbook.books.ladder import Aggregate, Ladder, exact
from orderbook.books.orders import L3Orders, OrdersView
from orderbook.books.pickles import restore_l3
from orderbook.books.queue import Queue, Resting
from orderbook.books.reading import FIELDS
from orderbook.errors import DuplicateLevel, UsageError
from orderbook.events import (
    Clear,
    Disconnect,
    Event,
    Heartbeat,
    OrderAdd,
    OrderCancel,
    OrderExecute,
    OrderModify,
    OrderReplace,
    OrderSnapshot,
    Quote,
    Reveal,
    Snapshot,
    Status,
    Trade,
)
from orderbook.scale import parse
from orderbook.types import INT64_MAX, INT64_MIN, Order, OrderId, Side
from orderbook.views import SIDE_NAMES


class QueueAhead(NamedTuple):
    """What stands ahead of an order: the number of known orders, and their size with the anonymous size before them.

    >>> QueueAhead(2, 15.0).size
    15.0
    """

    orders: int
    size: Any


class L3Methods(L3Orders):
    """What an L3 book does beside single orders, whoever keeps them; not used by itself."""

    if not TYPE_CHECKING:
        __slots__ = ()

    _kind = "L3"

    # ---- questions ---------------------------------------------------------------------------------------------------

    @property
    def orders(self) -> Mapping[OrderId, Order]:
        """The resting orders by id: live and read only, see :class:`~orderbook.books.orders.OrdersView`. O(1)."""
        return OrdersView(self)

    def queue(self, side: Side | str | int, price: Any) -> list[Order]:
        """Return the known orders of a level, first in line first; anonymous liquidity is before them. O(orders).

        >>> book = L3Book()
        >>> book.add(1, "bid", 100, 2)
        >>> book.queue("bid", "100.0")
        [Order(order_id=1, side=<Side.BID: 1>, price=100.0, size=2.0, ts_event=None)]
        """
        found = self._asked_queue(side, price)
        return [] if found is None else [self._out_order(order) for order in found.orders.values()]

    def anonymous(self, side: Side | str | int, price: Any) -> Any:
        """Return the size at a level that belongs to no known order, 0 when there is none. O(1).

        >>> book = L3Book()
        >>> book.seed("bid", 100, 7)
        >>> book.anonymous("bid", 100), book.anonymous("bid", 101)
        (7.0, 0.0)
        """
        found = self._asked_queue(side, price)
        return self._out_size(0 if found is None else found.anonymous)

    def _asked_queue(self, side: Any, price: Any) -> Queue | None:
        ladder = self._ladder(as_side(side))
        ticks = self._ask_price(price)
        return None if ticks is None else ladder.get(ticks)

    def queue_ahead(self, order_id: OrderId) -> QueueAhead:
        """Return how many known orders, and how much size in all, stand ahead of an order. O(orders ahead).

        Raises:
            UnknownOrder: the id does not rest in the book.

        >>> book = L3Book()
        >>> for order_id, size in ((1, 10), (2, 5), (3, 1)):
        ...     book.add(order_id, "ask", 100, size)
        >>> book.queue_ahead(3)
        QueueAhead(orders=2, size=15.0)
        """
        order = self._resting(order_id)
        queue = self._open(order.side, order.price)
        count, size = 0, queue.anonymous
        for other in queue.orders.values():
            if other is order:
                break
            count, size = count + 1, size + other.size
        return QueueAhead(count, self._out_size(size))

    def to_l2(self) -> L2Book:
        """Return an L2 book of the levels, with the header and the known range. O(levels).

        >>> book = L3Book("BTCUSD")
        >>> book.add(1, "bid", 100, 2); book.add(2, "bid", 100, 3)
        >>> book.to_l2()
        <L2Book BTCUSD 100 x 5 | -, 1 bids, 0 asks>
        """
        twin = L2Book(self._symbol, max_depth=self._max_depth, price_type=self._price_type)
        twin._price_scale, twin._size_scale = self._price_scale, self._size_scale
        twin._sequence, twin._ts_event, twin._ts_recv = self._sequence, self._ts_event, self._ts_recv
        for mine, other in ((self._bids, twin._bids), (self._asks, twin._asks)):
            other.fill((price, Aggregate(queue.size, queue.count)) for price, queue in mine.walk())
            other.bound = mine.bound
        return twin

    # ---- snapshots ---------------------------------------------------------------------------------------------------

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
        """Replace the whole book by levels, all of it anonymous liquidity: no order is known. O(n log n).

        Rows, ``complete`` and errors are those of :meth:`orderbook.L2Book.apply_snapshot`; counts are not kept.

        >>> book = L3Book()
        >>> book.apply_snapshot([("100", 7)], [])
        >>> book.best_bid, len(book.orders)
        (Level(price=100.0, size=7.0, count=None), 0)
        """
        header = self._header(sequence, ts_event, ts_recv)
        rows = {Side.BID: as_levels(bids, "bids"), Side.ASK: as_levels(asks, "asks")}
        self._limit_rows(rows)
        target = self._target(*rows.values())
        sides = [self._snapshot_side(side, rows[side], target, _anonymous, complete=complete) for side in rows]
        # Nothing above touched the book; nothing below can fail.
        self._take_over(target, *sides)
        self._finish(header)

    def apply_orders(
        self,
        orders: Iterable[Order],
        *,
        complete: bool = True,
        sequence: int | None = None,
        ts_event: Any = None,
        ts_recv: Any = None,
    ) -> None:
        """Replace the whole book by orders, in queue order within each level. O(n log n).

        ``complete=False``: a limited number of orders was shown, so each side is known only to the price before its
        worst, where more may rest; of a side with one price, or none, nothing is known.

        Raises:
            UsageError: an item that is no :class:`~orderbook.Order`; and the errors of :meth:`add`.

        >>> book = L3Book()
        >>> book.apply_orders([Order(1, Side.BID, 100, 2), Order(2, Side.BID, 100, 3)])
        >>> book.best_bid
        Level(price=100.0, size=5.0, count=2)
        """
        header = self._header(sequence, ts_event, ts_recv)
        # A book of its own takes the orders first, so that the one that fails leaves this book alone.
        staged: Any = self._leaf(self._symbol, price_type=self._price_type)
        staged._price_scale, staged._size_scale = self._price_scale, self._size_scale
        for order in orders:
            if not isinstance(order, Order):
                raise UsageError(f"expected an Order, got `{type(order).__name__}`", symbol=self._symbol)
            staged.add(order.order_id, order.side, order.price, order.size, ts_event=order.ts_event)
        for ladder in (staged._bids, staged._asks):
            ladder.bound = None
            if not complete:
                ladder.limit_to_worst(but=1)  # more orders may rest at the worst price than were shown
        self._become(staged)
        self._finish(header)

    def _take_over(self, scales: Scales, bids: Ladder[Queue], asks: Ladder[Queue]) -> None:
        """Keep other levels than before, and the orders that stand on them."""
        self._bids, self._asks = bids, asks
        self._price_scale, self._size_scale = scales
        self._index()

    def _become(self, staged: Any) -> None:
        """Take all levels and orders of a book that is used up by it."""
        self._bids, self._asks, self._orders = staged._bids, staged._asks, staged._orders
        self._price_scale, self._size_scale = staged._price_scale, staged._size_scale

    def reveal(
        self, bids: Any, asks: Any, *, sequence: int | None = None, ts_event: Any = None, ts_recv: Any = None
    ) -> None:
        """Take in levels that came into view: each side is known to the worst of them, and their size is anonymous.

        For streams of orders that show the best levels only (LOBSTER). O(k log n).

        Raises:
            DuplicateLevel: the book has a level at that price, which was in view then.
            ScaleError, TooManyLevels: as in :meth:`apply_snapshot`.

        >>> book = L3Book(max_depth=2)
        >>> book.apply_snapshot([("100", 7), ("99", 1)], [], complete=False)
        >>> book.take_anonymous("bid", "100", 7)
        >>> book.reveal([("97", 4)], [])
        >>> [level.price for level in book.bids], book.known_range.bid_floor
        ([99.0, 97.0], 97.0)
        """
        header = self._header(sequence, ts_event, ts_recv)
        rows = {Side.BID: as_levels(bids, "bids"), Side.ASK: as_levels(asks, "asks")}
        target = self._room(*self._target(*rows.values()))
        factor = 10 ** (target.price - self._price_scale)
        sides = [self._snapshot_side(side, rows[side], target, _anonymous, complete=False) for side in rows]
        for new in sides:
            self._refuse_held(new, factor)
        # Nothing above touched the book; nothing below can fail.
        self._widen(target)
        for new in sides:
            self._extend(self._ladder(new.side), new)
        self._finish(header)

    def _refuse_held(self, new: Ladder[Queue], factor: int) -> None:
        held = self._ladder(new.side)
        self._limit(new.side, len(held) + len(new))
        for price, _ in new.walk():
            if price % factor == 0 and held.get(price // factor) is not None:
                shown = exact(price // factor, self._price_scale)
                raise DuplicateLevel(side=SIDE_NAMES[new.side], price=shown, symbol=self._symbol)

    @staticmethod
    def _extend(held: Ladder[Queue], new: Ladder[Queue]) -> None:
        held.fill(new.walk())
        if len(new) and held.bound is not None and new.bound is not None:
            held.bound = max(held.bound, new.bound)

    def _let_go(self, cells: list[Queue]) -> None:
        for queue in cells:
            for order_id in queue.orders:
                del self._orders[order_id]

    def _reset(self) -> None:
        super()._reset()
        self._orders = {}

    # ---- events ------------------------------------------------------------------------------------------------------

    def apply(self, event: Event) -> None:
        """Apply an order event, a snapshot or a Clear; a Trade, Quote, Heartbeat or Status leaves the book alone.

        After a Disconnect nothing is known (:meth:`forget`), so columns with a gap in them can be applied as they are.

        A cancel or execution of an unknown order is taken from the anonymous liquidity of its level when the event
        names side, price and size, and the level has any.

        Raises:
            UsageError: any other event, or one of another symbol; and all that the method of each event raises.

        >>> book = L3Book()
        >>> book.apply(OrderAdd(order_id=1, side=Side.BID, price="100", size="5", sequence=9))
        >>> book.best_bid.size, book.sequence
        (5.0, 9)
        """
        self._accept(event)
        header = {"sequence": event.sequence, "ts_event": event.ts_event, "ts_recv": event.ts_recv}
        match event:
            case OrderAdd():
                self.add(event.order_id, event.side, event.price, event.size, **header)
            case OrderModify():
                self._apply_modify(event, header)
            case OrderCancel() | OrderExecute():
                self._apply_take(event, header)
            case OrderReplace():
                self.replace(event.order_id, event.new_id, price=event.price, size=event.size, **header)
            case Snapshot():
                view_depth = self._view(event)
                self.apply_snapshot(event.bids, event.asks, complete=event.complete, **header)
                self._adopt_view(view_depth)
            case Reveal():
                self.reveal(event.bids, event.asks, **header)
            case OrderSnapshot():
                self.apply_orders(event.orders, complete=event.complete, **header)
            case Clear():
                self.clear(**header)
            case Disconnect():
                self.forget()
            case Trade() | Quote() | Heartbeat() | Status():
                pass
            case _:
                raise UsageError(f"an L3 book cannot apply `{type(event).__name__}`", symbol=self._symbol)

    def apply_many(self, events: Iterable[Event]) -> int:
        """Apply events one after another and return how many; each is atomic, and the first that fails ends it.

        >>> L3Book().apply_many([OrderAdd(order_id=1, side=Side.BID, price=100, size=5), OrderCancel(order_id=1)])
        2
        """
        count = 0
        for event in events:
            self.apply(event)
            count += 1
        return count

    def _apply_modify(self, event: OrderModify, header: dict[str, int | None]) -> None:
        key = as_order_id(event.order_id)
        is_new = event.upsert and key not in self._orders
        if is_new and event.side is not None and event.price is not None and event.size is not None:
            self.add(key, event.side, event.price, event.size, **header)
            return
        order = self._resting(key)
        # An order cannot change sides, so a venue that says so means a new one under the old id.
        side = order.side if event.side is None else as_side(event.side)
        self._move(order, key, side, event.price, event.size, self._header(**header))

    def _apply_take(self, event: OrderCancel | OrderExecute, header: dict[str, int | None]) -> None:
        if self._is_anonymous(event):
            self.take_anonymous(event.side, event.price, event.size, **header)  # type: ignore[arg-type]
        elif isinstance(event, OrderExecute):
            self.execute(event.order_id, event.size, **header)
        else:
            self.cancel(event.order_id, event.size, **header)

    def _is_anonymous(self, event: OrderCancel | OrderExecute) -> bool:
        """Whether an unknown order can be one from before the tape: its level has anonymous liquidity."""
        if as_order_id(event.order_id) in self._orders:
            return False
        if event.side is None or event.price is None or event.size is None:
            return False
        place = self._place(as_side(event.side), parse(event.price), as_size(event.size))
        queue = self._queue_at(place)
        return queue is not None and queue.anonymous > 0

    # ---- value -------------------------------------------------------------------------------------------------------

    def copy(self) -> Self:
        """Return an independent book with the same state and header. O(n)."""
        twin = super().copy()
        twin._index()
        return twin

    def _index(self) -> None:
        ladders = (self._bids, self._asks)
        queues = (queue for ladder in ladders for queue in ladder.cells.values())
        self._orders = {key: order for queue in queues for key, order in queue.orders.items()}

    def __reduce__(self) -> tuple[Any, ...]:
        restore = restore_l3 if type(self) is self._leaf else type(self).from_bytes
        return restore, (self.to_bytes(),), getattr(self, "__dict__", None) or None

    def _counts_text(self) -> str:
        return f"{super()._counts_text()}, {len(self._orders)} orders"

    def _side_body(self, ladder: Ladder[Queue]) -> dict[str, Any]:
        prices, queues = ladder.columns()
        return {
            "known_to": ladder.bound,
            "prices": prices,
            "anonymous": [queue.anonymous for queue in queues],
            "orders": [[[o.order_id, o.size, o.ts_event] for o in queue.orders.values()] for queue in queues],
        }

    def _read_sides(self, body: Node) -> None:
        known: set[OrderId] = set()
        sides = [self._read_side(side, body.key(name), known) for side, name in SIDE_NAMES.items()]
        self._take_over(Scales(self._price_scale, self._size_scale), *sides)

    def _read_side(self, side: Side, node: Node, known: set[OrderId]) -> Ladder[Queue]:
        ladder, prices = self._read_prices(side, node)
        sums = node.key("anonymous").items(len(prices))
        rows = node.key("orders").items(len(prices))
        for price, anonymous, orders in zip(prices, sums, rows, strict=True):
            queue = Queue(anonymous.integer(low=0))
            for item in orders.items():
                queue.append(self._read_order(side, price, item, known))
            if not 0 < queue.size <= INT64_MAX:
                raise orders.fail(f"a level of size {queue.size}")
            ladder.put(price, queue)
        return ladder

    def _read_order(self, side: Side, price: int, node: Node, known: set[OrderId]) -> Resting:
        key, size, ts_event = node.items(3)
        order_id = key.integer(INT64_MIN, UINT64_MAX) if isinstance(key.value, int) else key.text()
        if order_id in known:
            raise key.fail(f"order {order_id!r} stands twice")
        known.add(order_id)
        return Resting(order_id, side, price, size.integer(low=1), ts_event.optional_integer())

    # ---- invariants --------------------------------------------------------------------------------------------------

    def _check_all(self) -> None:
        super()._check_all()
        seen: dict[OrderId, Resting] = {}
        for ladder in (self._bids, self._asks):
            for price, queue in ladder.walk():
                self._check_queue(ladder.side, price, queue)
                ensure(seen.keys().isdisjoint(queue.orders), f"an order of {price} stands on two levels")
                seen.update(queue.orders)
        ensure(seen.keys() == self._orders.keys(), "the index and the queues hold different orders")
        ensure(all(self._orders[key] is order for key, order in seen.items()), "the index holds other orders")

    def _check_queue(self, side: Side, price: int, queue: Queue) -> None:
        where = f"{side.name} {price}"
        ensure(is_tick(queue.anonymous) and queue.anonymous >= 0, f"{where}: anonymous size {queue.anonymous!r}")
        total = queue.anonymous + sum(order.size for order in queue.orders.values())
        ensure(queue.size == total, f"{where}: size {queue.size}, but its parts make {total}")
        for key, order in queue.orders.items():
            ensure(key == order.order_id, f"{where}: order {order!r} is filed under {key!r}")
            ensure((order.side, order.price) == (side, price), f"{where}: {order!r} belongs elsewhere")
            ensure(is_tick(order.size) and order.size > 0, f"{where}: {order!r} has no size")


class L3Book(L3Methods):
    """An order book of single orders in queue order, exact to the last digit.

    A price change or a size increase sends an order to the back of its queue, a decrease keeps its place. Liquidity
    known only as a sum (:meth:`seed`, or a snapshot of levels) stands ahead of the known orders of its level, whose
    ``count`` is then None. ``max_depth`` keeps the best levels of each side only; the orders of a level that falls out
    are forgotten, and unknown orders from then on. ``price_type`` says how prices and sizes leave: ``float``,
    ``decimal`` or ``fixed``. Compared by value, not hashable.

    Every change is atomic: when it raises, the book is as it was before.

    >>> book = L3Book("BTCUSD")
    >>> book.add(1, "bid", "100.5", 10)
    >>> book.add(2, "bid", "100.5", 5)
    >>> book.queue_ahead(2), book.bids[0]
    (QueueAhead(orders=1, size=10.0), Level(price=100.5, size=15.0, count=2))
    >>> book
    <L3Book BTCUSD 100.5 x 15 | -, 1 bids, 0 asks, 2 orders>
    """

    if not TYPE_CHECKING:
        __slots__ = ("__weakref__", "_orders", *FIELDS)


L3Book._leaf = L3Book


def _anonymous(size: int, count: int | None) -> Queue:
    return Queue(size)
