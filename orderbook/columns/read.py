"""Rows back to events: the exact reverse of :mod:`orderbook.columns.write`."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any, Final, TypeAlias, TypeVar

import numpy as np

from orderbook.columns.schema import (
    ASK,
    BID,
    DTYPES,
    NO_ORDERS,
    NO_SIDE,
    PUBLISHER_SPECIFIC,
    UNDEF_PRICE,
    UNDEF_SIZE,
    Columns,
)
from orderbook.events import (
    Clear,
    Delta,
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
    Trade,
)
from orderbook.levels import Levels
from orderbook.scale import to_decimal
from orderbook.types import UNDEF_TIMESTAMP, Action, Flag, Order, Side

BLOCK: Final = 16_384
"""Rows that are Python objects at any one time, or the rows of one message where those are more."""

_SIDE: Final = {BID: Side.BID, ASK: Side.ASK, NO_SIDE: None}
_LAST, _SNAPSHOT, _MBP, _TOB = int(Flag.LAST), int(Flag.SNAPSHOT), int(Flag.MBP), int(Flag.TOB)
_LEVEL_ACTIONS: Final = (Action.ADD, Action.MODIFY, Action.CANCEL)

E = TypeVar("E", bound=Event)
_Make: TypeAlias = "Callable[[_Block, int, int], Event]"


def read_events(symbol: str, columns: Columns, price_scale: int, size_scale: int) -> Iterator[Event]:
    """Yield the events of checked columns, in order. O(rows) time, O(BLOCK) memory."""
    ends = np.flatnonzero(columns["flags"] & _LAST) + 1
    start = done = 0
    while done < len(ends):
        # As many whole messages as fit in a block, at least one.
        more = max(int(np.searchsorted(ends, start + BLOCK, side="right")), done + 1)
        stop = int(ends[more - 1])
        block = _Block(symbol, {name: columns[name][start:stop].tolist() for name in DTYPES}, price_scale, size_scale)
        yield from block.events((ends[done:more] - start).tolist())
        start, done = stop, more


def read_whole(symbol: str, columns: Columns, price_scale: int, size_scale: int) -> Iterator[Event]:
    """Yield the events of rows that are read as one message. O(rows)."""
    block = _Block(symbol, {name: columns[name].tolist() for name in DTYPES}, price_scale, size_scale)
    return block.events([len(columns["action"])])


class _Block:
    """Whole messages as lists; every method reads from row ``i`` and returns the event and the row after it."""

    def __init__(self, symbol: str, rows: dict[str, list[int]], price_scale: int, size_scale: int) -> None:
        self.symbol = symbol
        self.price_scale = price_scale
        self.size_scale = size_scale
        self.ts_event, self.ts_recv, self.sequence = rows["ts_event"], rows["ts_recv"], rows["sequence"]
        self.action, self.side, self.flags = rows["action"], rows["side"], rows["flags"]
        self.prices, self.sizes, self.order_id = rows["price"], rows["size"], rows["order_id"]

    def events(self, ends: list[int]) -> Iterator[Event]:
        """The events of all messages."""
        i = 0
        for self.end in ends:
            while i < self.end:
                if self.flags[i] & Flag.MAYBE_BAD_BOOK:
                    alone = self.action[i] == Action.CLEAR and not self.flags[i] & _SNAPSHOT
                    yield self._event(Disconnect, i, i + alone)
                    i += alone
                    if alone:
                        continue
                stop, make = self._plan(i)
                yield make(self, i, stop)
                i = stop

    def _event(self, kind: type[E], i: int, stop: int, **fields: Any) -> E:
        """An event that covers the rows from ``i`` up to ``stop``."""
        ts_event, ts_recv = self.ts_event[i], self.ts_recv[i]
        return kind(
            symbol=self.symbol,
            ts_event=None if ts_event == UNDEF_TIMESTAMP else ts_event,
            ts_recv=None if ts_recv == UNDEF_TIMESTAMP else ts_recv,
            sequence=self.sequence[i] or None,
            is_last=stop == self.end,
            **fields,
        )

    def _plan(self, i: int) -> tuple[int, _Make]:
        """Which rows make the event that begins at ``i``, and what makes it of them."""
        action, flags = self.action[i], self.flags[i]
        if action == Action.CLEAR:
            return self._plan_clear(i, flags)
        if flags & _MBP and action in _LEVEL_ACTIONS:
            return self._levels_end(i), _Block._reveal if action == Action.ADD else _Block._delta
        if action == Action.FILL and self._is_taken(i):
            return i + 2, _Block._execute
        if action == Action.CANCEL and self._is_replaced(i):
            return i + 2, _Block._replace
        if action == Action.NONE:
            return self._plan_none(i, flags)
        return i + 1, _SINGLE[action]

    def _plan_clear(self, i: int, flags: int) -> tuple[int, _Make]:
        if not flags & _SNAPSHOT:
            return i + 1, _Block._clear
        stop = i + 1
        # DBN does not mark the R itself as MBP, so the first level says so as well.
        mbp = flags & _MBP or (self._snapshot_bits(stop) & _MBP)
        while self._snapshot_bits(stop) == _SNAPSHOT | mbp:
            stop += 1
        return stop, _Block._snapshot if mbp else _Block._order_snapshot

    def _snapshot_bits(self, i: int) -> int:
        """What a row adds to a snapshot: SNAPSHOT for an order, SNAPSHOT and MBP for a level, else 0."""
        if i >= self.end or self.action[i] != Action.ADD or not self.flags[i] & _SNAPSHOT:
            return 0
        return self.flags[i] & (_SNAPSHOT | _MBP)

    def _plan_none(self, i: int, flags: int) -> tuple[int, _Make]:
        if flags & _MBP:
            return i + 1, _Block._empty_reveal if flags & PUBLISHER_SPECIFIC else _Block._empty_delta
        if flags & _TOB:
            pair = i + 1 < self.end and self.action[i + 1] == Action.NONE and self.flags[i + 1] & _TOB
            return i + 1 + bool(pair and self.side[i] != self.side[i + 1]), _Block._quote
        return i + 1, _Block._heartbeat

    # -- where an event of several rows ends ------------------------------------------------------------------------

    def _levels_end(self, i: int) -> int:
        """Levels of one side after the other, with the same times and number: those of another event follow."""
        stop = i + 1
        while stop < self.end and self._goes_on(stop):
            stop += 1
        return stop

    def _goes_on(self, i: int) -> bool:
        h = i - 1
        return (
            self.action[i] in _LEVEL_ACTIONS
            and (self.action[i] == Action.ADD) == (self.action[h] == Action.ADD)
            and self.flags[i] & (_MBP | Flag.MAYBE_BAD_BOOK) == _MBP
            and not (self.side[i] == BID and self.side[h] == ASK)
            and self.sequence[i] == self.sequence[h]
            and self.ts_event[i] == self.ts_event[h]
            and self.ts_recv[i] == self.ts_recv[h]
        )

    def _is_taken(self, i: int) -> bool:
        """Whether the cancel that takes a fill's size off the book comes right after it."""
        j = i + 1
        return (
            j < self.end
            and self.action[j] == Action.CANCEL
            and not self.flags[j] & _MBP
            and self.order_id[i] == self.order_id[j]
            and self.sizes[i] == self.sizes[j]
            and self.prices[i] == self.prices[j]
            and self.side[i] == self.side[j]
        )

    def _is_replaced(self, i: int) -> bool:
        j = i + 1
        return j < self.end and self.action[j] == Action.ADD and self.side[j] == NO_SIDE and self.sizes[i] == UNDEF_SIZE

    # -- numbers ----------------------------------------------------------------------------------------------------

    def _price(self, i: int) -> Decimal | None:
        value = self.prices[i]
        return None if value == UNDEF_PRICE else to_decimal(value, self.price_scale)

    def _size(self, i: int) -> Decimal | None:
        value = self.sizes[i]
        return None if value == UNDEF_SIZE else to_decimal(value, self.size_scale)

    def _levels(self, start: int, stop: int, side: int) -> Levels:
        rows = [i for i in range(start, stop) if self.side[i] == side]
        if not rows:
            return Levels()
        prices, price_scale = _shortest([self.prices[i] for i in rows], self.price_scale)
        sizes, size_scale = _shortest([self.sizes[i] for i in rows], self.size_scale)
        ids = [self.order_id[i] for i in rows]
        counts = [_count(count) for count in ids] if any(ids) else None
        return Levels(prices, sizes, counts, price_scale=price_scale, size_scale=size_scale)

    # -- one kind of event each -------------------------------------------------------------------------------------

    def _snapshot(self, i: int, stop: int) -> Event:
        bids, asks = self._levels(i + 1, stop, BID), self._levels(i + 1, stop, ASK)
        limits = {"complete": not self.flags[i] & PUBLISHER_SPECIFIC, "view_depth": self.order_id[i] or None}
        return self._event(Snapshot, i, stop, bids=bids, asks=asks, **limits)

    def _order_snapshot(self, i: int, stop: int) -> Event:
        orders = [self._order(j) for j in range(i + 1, stop)]
        return self._event(OrderSnapshot, i, stop, orders=orders, complete=not self.flags[i] & PUBLISHER_SPECIFIC)

    def _order(self, i: int) -> Order:
        ts_event = self.ts_event[i]
        when = None if ts_event == UNDEF_TIMESTAMP else ts_event
        side = Side.BID if self.side[i] == BID else Side.ASK
        return Order(self.order_id[i], side, self._price(i), self._size(i), when)

    def _delta(self, i: int, stop: int) -> Event:
        return self._event(Delta, i, stop, bids=self._levels(i, stop, BID), asks=self._levels(i, stop, ASK))

    def _empty_delta(self, i: int, stop: int) -> Event:
        return self._event(Delta, i, stop)

    def _reveal(self, i: int, stop: int) -> Event:
        return self._event(Reveal, i, stop, bids=self._levels(i, stop, BID), asks=self._levels(i, stop, ASK))

    def _empty_reveal(self, i: int, stop: int) -> Event:
        return self._event(Reveal, i, stop)

    def _execute(self, i: int, stop: int) -> Event:
        return self._event(OrderExecute, i, stop, **self._order_fields(i))

    def _replace(self, i: int, stop: int) -> Event:
        old, new, j = self.order_id[i], self.order_id[i + 1], i + 1
        return self._event(OrderReplace, i, stop, order_id=old, new_id=new, price=self._price(j), size=self._size(j))

    def _add(self, i: int, stop: int) -> Event:
        return self._event(OrderAdd, i, stop, **self._order_fields(i))

    def _cancel(self, i: int, stop: int) -> Event:
        return self._event(OrderCancel, i, stop, **self._order_fields(i))

    def _modify(self, i: int, stop: int) -> Event:
        upsert = bool(self.flags[i] & PUBLISHER_SPECIFIC)
        return self._event(OrderModify, i, stop, **self._order_fields(i), upsert=upsert)

    def _order_fields(self, i: int) -> dict[str, Any]:
        return {
            "order_id": self.order_id[i],
            "side": _SIDE[self.side[i]],
            "price": self._price(i),
            "size": self._size(i),
        }

    def _trade(self, i: int, stop: int) -> Event:
        fields = self._order_fields(i)
        fields["order_id"] = fields["order_id"] or None
        return self._event(Trade, i, stop, **fields, hidden=bool(self.flags[i] & PUBLISHER_SPECIFIC))

    def _quote(self, i: int, stop: int) -> Event:
        fields: dict[str, Any] = {}
        for j in range(i, stop):
            name = "ask" if self.side[j] == ASK else "bid"
            fields |= {f"{name}_price": self._price(j), f"{name}_size": self._size(j)}
        return self._event(Quote, i, stop, **fields)

    def _clear(self, i: int, stop: int) -> Event:
        return self._event(Clear, i, stop)

    def _heartbeat(self, i: int, stop: int) -> Event:
        # Also a fill whose reduction comes as another kind of row: it never touches the book.
        return self._event(Heartbeat, i, stop)


_SINGLE: Final[dict[int, _Make]] = {
    Action.ADD: _Block._add,
    Action.CANCEL: _Block._cancel,
    Action.MODIFY: _Block._modify,
    Action.TRADE: _Block._trade,
    Action.FILL: _Block._heartbeat,
}


def _count(value: int) -> int | None:
    return 0 if value == NO_ORDERS else value or None


def _shortest(mantissas: list[int], scale: int) -> tuple[list[int], int]:
    """The numbers at the smallest scale that holds them all, as :meth:`Levels.parse` gives them."""
    common = math.gcd(*mantissas)
    if not common:
        return mantissas, 0
    drop = 0
    while drop < scale and common % 10 == 0:
        common //= 10
        drop += 1
    return ([mantissa // 10**drop for mantissa in mantissas], scale - drop) if drop else (mantissas, scale)
