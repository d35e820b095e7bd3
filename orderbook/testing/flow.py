"""A seeded matching engine: orders arrive, change, trade and leave by price and time. Integers only.

It stands in for the part of a venue that nobody sees. :class:`orderbook.testing.SyntheticMarket` makes events of what
happens here, and a book rebuilt from those events can be held against what really rests.
"""

from __future__ import annotations

import random
from bisect import bisect_left, insort
from typing import Final, NamedTuple

from orderbook.types import Side

# Round sizes cluster on every venue; the rest is noise.
_ROUND: Final = (1, 1, 2, 5, 5, 10, 10, 20, 25, 50, 100, 100, 200, 500, 1_000)


class Resting(NamedTuple):
    """An order in the engine, in ticks and lots."""

    order_id: int
    side: Side
    price: int
    size: int


class Act(NamedTuple):
    """One thing that happened to one order: ``size`` is what was added, taken off, or the new size of a change.

    ``kind`` is ``add``, ``cancel``, ``execute`` or ``change``; ``left`` is what rests afterwards, ``was`` the old
    price.
    """

    kind: str
    order_id: int
    side: Side
    price: int
    size: int
    left: int
    was: int


class Chance:
    """Random integers that are the same on every machine and in every version of Python.

    >>> chance = Chance(1)
    >>> [chance.below(10) for _ in range(5)]
    [1, 8, 7, 2, 4]
    """

    def __init__(self, seed: int) -> None:
        # Of all that random.Random offers only random() is promised never to change, and of floating point only what
        # IEEE 754 defines may be used: no logarithm, no power.
        self.unit = random.Random(seed).random
        """A float from 0 to 1, without 1."""

    def below(self, limit: int) -> int:
        """An int from 0 to ``limit`` - 1."""
        return int(self.unit() * limit)


class OrderFlow:
    """Random orders in two queues by price; the same seed gives the same orders on every machine.

    >>> flow = OrderFlow(7, mid=200_000, levels=20)
    >>> flow.act()[0].kind in ("add", "cancel", "execute", "change")
    True
    >>> flow.best(Side.BID) < flow.best(Side.ASK)
    True
    """

    def __init__(self, seed: int, *, mid: int, levels: int) -> None:
        self._chance = Chance(seed)
        self._levels = levels
        self._next_id = 1
        self._trend = Side.BID
        self._recent: list[int] = []
        self.orders: dict[int, Resting] = {}
        self.queues: dict[Side, dict[int, dict[int, None]]] = {Side.BID: {}, Side.ASK: {}}
        self._prices: dict[Side, list[int]] = {Side.BID: [], Side.ASK: []}
        self._open(mid)

    def _open(self, mid: int) -> None:
        for side in Side:
            for distance in range(self._levels):
                price = mid - side.value * (1 + distance + self._chance.below(1 + distance // 4))
                for _ in range(1 + self._chance.below(2)):
                    self._add(side, price, self._size())

    # -- what rests --------------------------------------------------------------------------------------------------

    def prices(self, side: Side) -> list[int]:
        """The occupied prices of a side, best first."""
        prices = self._prices[side]
        return prices[::-1] if side is Side.BID else prices[:]

    def best(self, side: Side) -> int:
        """The best price of a side; a side is never empty."""
        return self._prices[side][-1 if side is Side.BID else 0]

    def size_at(self, side: Side, price: int) -> int:
        """The total size at a price, 0 where nothing rests."""
        return sum(self.orders[order_id].size for order_id in self.queues[side].get(price, ()))

    def queue(self, side: Side, price: int) -> list[Resting]:
        """The orders at a price, first in the queue first."""
        return [self.orders[order_id] for order_id in self.queues[side][price]]

    def top(self, side: Side) -> tuple[int, int]:
        """Best price and its size."""
        price = self.best(side)
        return price, self.size_at(side, price)

    # -- what happens ------------------------------------------------------------------------------------------------

    def act(self) -> list[Act]:
        """Let one participant do one thing; a large taker may touch several orders."""
        if self._chance.unit() < 0.01:
            self._trend = self._trend.opposite
        side = Side.BID if self._chance.unit() < 0.5 else Side.ASK
        crowd = len(self._prices[side])
        if crowd <= self._levels // 2 + 2:
            return [self._arrive(side)]
        roll = self._chance.unit()
        if roll < 0.40:
            return [self._leave(side)] if crowd > 2 * self._levels else [self._arrive(side)]
        if roll < 0.78:
            return [self._leave(side)]
        if roll < 0.84:
            return [self._shrink(side)]
        if roll < 0.91:
            return [self._change(side)]
        return self._take()

    def _size(self) -> int:
        if self._chance.unit() < 0.7:
            return 100 * _ROUND[self._chance.below(len(_ROUND))]
        return 1 + self._chance.below(20_000)

    def _arrive(self, side: Side) -> Act:
        best, other = self.best(side), self.best(side.opposite)
        room = abs(other - best) - 1
        if room > 0 and self._chance.unit() < 0.35:
            price = best + side.value * (1 + self._chance.below(min(room, 3)))
        else:
            # The cube crowds them near the top, with a few far out.
            draw = self._chance.unit()
            price = best - side.value * int(draw * draw * draw * 2 * self._levels)
        order = self._add(side, max(price, 1), self._size())
        return Act("add", order.order_id, side, order.price, order.size, order.size, order.price)

    def _leave(self, side: Side) -> Act:
        order = self._pick(side)
        self._remove(order)
        return Act("cancel", order.order_id, order.side, order.price, order.size, 0, order.price)

    def _shrink(self, side: Side) -> Act:
        order = self._pick(side)
        if order.size < 2:
            return self._arrive(side)
        taken = 1 + self._chance.below(order.size - 1)
        self._resize(order, order.size - taken)
        return Act("cancel", order.order_id, order.side, order.price, taken, order.size - taken, order.price)

    def _change(self, side: Side) -> Act:
        order = self._pick(side)
        if self._chance.unit() < 0.3:
            size = max(1, order.size // 2)
            self._resize(order, size)
            return Act("change", order.order_id, order.side, order.price, size, size, order.price)
        # More size, or another price: to the back of a queue.
        size, price = order.size, order.price
        if self._chance.unit() < 0.5:
            size += 100
        else:
            away = self._chance.unit() < 0.5 or price == self.best(order.side)
            price -= order.side.value * (1 if away else -1)
        self._remove(order)
        if price * order.side.value >= self.best(order.side.opposite) * order.side.value or price < 1:
            price = order.price
        self._insert(Resting(order.order_id, order.side, price, size))
        return Act("change", order.order_id, order.side, price, size, size, order.price)

    def _take(self) -> list[Act]:
        """A taker, more often with the trend than against it; never the whole side."""
        taker = self._trend if self._chance.unit() < 0.65 else self._trend.opposite
        side, wanted = taker.opposite, self._size()
        acts: list[Act] = []
        while wanted > 0 and len(self._prices[side]) > self._levels // 2:
            price = self.best(side)
            order = self.orders[next(iter(self.queues[side][price]))]
            taken = min(wanted, order.size)
            wanted -= taken
            if taken == order.size:
                self._remove(order)
            else:
                self._resize(order, order.size - taken)
            acts.append(Act("execute", order.order_id, side, price, taken, order.size - taken, price))
        return acts or [self._arrive(side)]

    def _pick(self, side: Side) -> Resting:
        """The order of somebody who acts: often the newest of all (flicker), otherwise one near the top."""
        while self._recent and self._recent[-1] not in self.orders:
            self._recent.pop()
        if self._recent and self._chance.unit() < 0.4:
            order = self.orders[self._recent.pop()]
            if len(self._prices[order.side]) > self._levels // 2:
                return order
        prices = self._prices[side]
        draw = self._chance.unit()
        index = int(draw * draw * len(prices))
        queue = list(self.queues[side][prices[-1 - index] if side is Side.BID else prices[index]])
        return self.orders[queue[self._chance.below(len(queue))]]

    # -- the queues --------------------------------------------------------------------------------------------------

    def _add(self, side: Side, price: int, size: int) -> Resting:
        order = Resting(self._next_id, side, price, size)
        # Ids grow, but not by one: other instruments share the counter.
        self._next_id += 1 + self._chance.below(5)
        self._recent = [*self._recent[-15:], order.order_id]
        self._insert(order)
        return order

    def _insert(self, order: Resting) -> None:
        queues = self.queues[order.side]
        if order.price not in queues:
            queues[order.price] = {}
            insort(self._prices[order.side], order.price)
        queues[order.price][order.order_id] = None
        self.orders[order.order_id] = order

    def _resize(self, order: Resting, size: int) -> None:
        self.orders[order.order_id] = order._replace(size=size)

    def _remove(self, order: Resting) -> None:
        queues = self.queues[order.side]
        del queues[order.price][order.order_id]
        del self.orders[order.order_id]
        if not queues[order.price]:
            del queues[order.price]
            prices = self._prices[order.side]
            del prices[bisect_left(prices, order.price)]
