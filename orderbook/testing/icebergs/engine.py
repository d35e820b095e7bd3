"""A venue with icebergs: queues by price and time, what a taker does to them, and the rows that a feed shows of it."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import Counter
from dataclasses import dataclass
from typing import Final

from orderbook.testing.icebergs.draw import Draw
from orderbook.testing.icebergs.rows import RowLog
from orderbook.testing.icebergs.truth import Ledger, Parent, TrueLink
from orderbook.types import Action

__all__ = ("Engine", "Resting")

_LEFT: Final = 2
"""Prices of a side that no taker ever empties."""


@dataclass(slots=True, eq=False)
class Resting:
    """A displayed order: ``clip`` is the size of its display when that was whole, ``pace`` how fast its owner is."""

    order_id: int
    side: int
    price: int
    size: int
    parent: Parent | None = None
    maker: bool = False
    pace: int = 0
    clip: int = 0
    twin: bool = False
    """Another order of the same side, price and clip ended in the same event."""

    def __post_init__(self) -> None:
        self.clip = self.size


Queue = dict[int, Resting]


class Engine:
    """Two sides of queues by price; acts are written as rows of the open message, and as truth where it matters."""

    def __init__(self, log: RowLog, ledger: Ledger, draw: Draw) -> None:
        self._log, self._ledger, self._draw = log, ledger, draw
        self._next_id = 1
        self.queues: dict[int, dict[int, Queue]] = {1: {}, -1: {}}
        self.prices: dict[int, list[int]] = {1: [], -1: []}
        self.adds = self.filled = self.lots = 0

    def best(self, side: int) -> int:
        """The best price of a side; sides are never empty."""
        return self.prices[side][-1 if side > 0 else 0]

    def crosses(self, side: int, price: int) -> bool:
        """Whether an order at that price would trade at once."""
        return (price - self.best(-side)) * side >= 0

    # -- orders that come, change and go -----------------------------------------------------------------------------

    def post(self, ts: int, order: Resting, flags: int = 0) -> Resting:
        """Let an order arrive at the back of its queue; it gets a new id."""
        order.order_id = self._next_id
        # Ids grow, but not by one: other instruments share the counter.
        self._next_id += 1 + self._draw.below(3)
        self.adds += 1
        if order.parent is not None:
            self._ledger.order(ts, order.order_id, order.size, order.parent)
        self._enter(order)
        self._log.add(ts, Action.ADD, order.side, order.price, order.size, order.order_id, flags)
        return order

    def cancel(self, ts: int, order: Resting, lots: int) -> None:
        """Take lots off an order, which keeps its place; all of them remove it."""
        order.size -= lots
        if not order.size:
            self._leave(order)
        self._log.add(ts, Action.CANCEL, order.side, order.price, lots, order.order_id)

    def change(self, ts: int, order: Resting, price: int, size: int) -> None:
        """Give an order another price or more size, at the back of the queue."""
        self._leave(order)
        order.price, order.size, order.clip = price, size, size
        self._enter(order)
        self._log.add(ts, Action.MODIFY, order.side, order.price, order.size, order.order_id)

    def _enter(self, order: Resting) -> None:
        queues = self.queues[order.side]
        if order.price not in queues:
            queues[order.price] = {}
            insort(self.prices[order.side], order.price)
        queues[order.price][order.order_id] = order

    def _leave(self, order: Resting) -> None:
        queue = self.queues[order.side][order.price]
        queue.pop(order.order_id, None)
        if not queue:
            self._close(order.side, order.price)

    def _close(self, side: int, price: int) -> None:
        del self.queues[side][price]
        prices = self.prices[side]
        del prices[bisect_left(prices, price)]

    # -- takers ------------------------------------------------------------------------------------------------------

    def take(self, ts: int, taker: int, lots: int, levels: int) -> list[Resting]:
        """Let a taker buy (+1) or sell (-1) through so many prices at most; return the orders that ended."""
        side, ended = -taker, []
        for _ in range(levels):
            if not lots or len(self.prices[side]) <= _LEFT:
                break
            price = self.best(side)
            gone, lots = self._take_price(ts, side, price, lots)
            ended += gone
        return ended

    def _take_price(self, ts: int, side: int, price: int, lots: int) -> tuple[list[Resting], int]:
        """Match one price as far as the taker reaches; return who ended there, and what the taker still wants."""
        queue = self.queues[side][price]
        shown = {order_id: order.size for order_id, order in queue.items()}
        touched: dict[int, tuple[Resting, int]] = {}
        ended, left = self._match(queue, lots, touched)
        reserves = [order for order in ended if order.parent and order.parent.kind == "same_event"]
        hidden = self._match_hidden(ts, reserves, left)
        self._log.add(ts, Action.TRADE, -side, price, lots - left + hidden, 0)
        for order, traded in touched.values():
            self._tell_fill(ts, order, traded, shown[order.order_id])
        self.lots += lots - left + hidden
        self.filled += len(ended)
        _mark_twins(ended)
        for order in reserves:
            self._show_again(ts, order)
        if not queue:
            self._close(side, price)
        return ended, left - hidden

    def _match(self, queue: Queue, lots: int, touched: dict[int, tuple[Resting, int]]) -> tuple[list[Resting], int]:
        """First in, first out; a native iceberg shows its next clip at the back. Returns who ended and what is left."""
        ended = []
        while lots and queue:
            order = next(iter(queue.values()))
            traded = min(lots, order.size)
            lots -= traded
            order.size -= traded
            touched[order.order_id] = (order, touched.get(order.order_id, (order, 0))[1] + traded)
            if order.size:
                break
            del queue[order.order_id]
            parent = order.parent
            if parent is not None and parent.kind == "native" and parent.rest:
                order.size = order.clip = parent.next_clip(self._draw)
                queue[order.order_id] = order
                # Rows tell it after whatever it now stands behind.
                touched[order.order_id] = touched.pop(order.order_id)
            else:
                ended.append(order)
        return ended, lots

    def _match_hidden(self, ts: int, reserves: list[Resting], lots: int) -> int:
        """What the taker gets of reserves whose display is gone, before they show again."""
        matched = 0
        for order in reserves:
            parent = order.parent
            assert parent is not None
            traded = min(lots - matched, parent.rest)
            if traded:
                parent.rest -= traded
                parent.beyond = True
                self._ledger.executed(ts, order.order_id, traded)
                matched += traded
        return matched

    def _tell_fill(self, ts: int, order: Resting, traded: int, shown: int) -> None:
        """The rows of all that one order traded in an event, as CME's feed sums it up in Databento's letters."""
        log, side, price, order_id = self._log, order.side, order.price, order.order_id
        log.add(ts, Action.FILL, side, price, traded, order_id)
        parent = order.parent
        if parent is not None:
            self._ledger.executed(ts, order_id, traded)
        if traded < shown or (traded == shown and not order.size):
            log.add(ts, Action.CANCEL, side, price, traded, order_id)
        elif not order.size:
            log.add(ts, Action.CANCEL, side, price, shown, order_id)
        else:
            assert parent is not None
            log.add(ts, Action.MODIFY, side, price, order.size, order_id)
            parent.tranches += 1
            self._ledger.link(TrueLink(order_id, order_id, "native", ts, 0, order.size, False))
        if parent is not None and traded > shown:
            parent.beyond = True

    def _show_again(self, ts: int, order: Resting) -> None:
        """A reserve whose display has gone shows its next clip under a new id, in the same event."""
        parent = order.parent
        assert parent is not None
        if parent.rest:
            clip = parent.next_clip(self._draw)
            child = self.post(ts, Resting(0, order.side, order.price, clip, parent))
            self._ledger.link(TrueLink(order.order_id, child.order_id, "same_event", ts, 0, clip, order.twin))


def _mark_twins(ended: list[Resting]) -> None:
    """Mark orders that end together with another of the same clip."""
    clips = Counter(order.clip for order in ended)
    for order in ended:
        order.twin = clips[order.clip] > 1
