"""One level of an L3 book: orders first in, first out, behind liquidity that is known only as a sum."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Self

from orderbook.types import OrderId, Side


class Resting:
    """One resting order, in ticks."""

    __slots__ = ("order_id", "price", "side", "size", "ts_event")

    def __init__(self, order_id: OrderId, side: Side, price: int, size: int, ts_event: int | None) -> None:
        self.order_id = order_id
        self.side = side
        self.price = price
        self.size = size
        self.ts_event = ts_event

    def __repr__(self) -> str:
        return f"Resting({self.order_id!r}, {self.side.name}, {self.price}, {self.size}, {self.ts_event})"


class Queue:
    """The orders of a level in queue order, the ``anonymous`` size ahead of them, and the ``size`` of it all.

    Anonymous liquidity was there before the tape began, so it stands ahead of every order whose arrival was seen.
    """

    __slots__ = ("anonymous", "orders", "size")

    def __init__(self, anonymous: int = 0) -> None:
        self.anonymous = anonymous
        self.orders: dict[OrderId, Resting] = {}
        self.size = anonymous

    @property
    def count(self) -> int | None:
        """The number of orders; None while some of the size is anonymous, for nobody knows how many those are."""
        return None if self.anonymous else len(self.orders)

    def append(self, order: Resting) -> None:
        """Put an order at the back. O(1)."""
        self.orders[order.order_id] = order
        self.size += order.size

    def remove(self, order: Resting) -> None:
        """Take an order out. O(1)."""
        del self.orders[order.order_id]
        self.size -= order.size

    def copy(self) -> Queue:
        """Return a queue with orders of its own. O(orders)."""
        twin = Queue(self.anonymous)
        for order in self.orders.values():
            twin.append(Resting(order.order_id, order.side, order.price, order.size, order.ts_event))
        return twin

    def widened(self, price_factor: int, size_factor: int) -> Self:
        """Change to a finer scale in place, for the book's index holds the same orders. O(orders)."""
        self.anonymous *= size_factor
        self.size *= size_factor
        for order in self.orders.values():
            order.price *= price_factor
            order.size *= size_factor
        return self

    def canonical(self, size_divisor: int) -> tuple[object, ...]:
        """Return the anonymous size, and id and size of every order in queue order."""
        orders = ((order.order_id, order.size // size_divisor) for order in self.orders.values())
        return (self.anonymous // size_divisor, tuple(orders))

    def sizes(self) -> Iterable[int]:
        """Return the anonymous size and every order's."""
        return (self.anonymous, *(order.size for order in self.orders.values()))

    def __repr__(self) -> str:
        return f"Queue(size={self.size}, anonymous={self.anonymous}, orders={list(self.orders.values())})"
