"""Events to rows. The columns grow as C arrays: no Python object stays behind per row."""

from __future__ import annotations

import functools
from array import array
from collections.abc import Callable, Iterable
from itertools import repeat
from typing import Any, Final

import numpy as np
import numpy.typing as npt

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
from orderbook.errors import ScaleError, UsageError
from orderbook.events import (
    Clear,
    Delta,
    Disconnect,
    Event,
    Fault,
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
from orderbook.levels import Levels
from orderbook.scale import MAX_SCALE, parse, rescale, to_decimal
from orderbook.types import INT64_MAX, UNDEF_TIMESTAMP, Action, Flag, Number, Side

_UNDEF: Final = {"price": UNDEF_PRICE, "size": UNDEF_SIZE}
_LEVEL: Final = int(Flag.MBP)
_TYPECODES: Final = {name: {"i8": "q", "u8": "Q", "u1": "B"}[dtype.str[1:]] for name, dtype in DTYPES.items()}
_LETTER: Final = {Side.BID: BID, Side.ASK: ASK, None: NO_SIDE}
_UINT64: Final = 2**64


class RowWriter:
    """Columns that grow by events of one instrument; their exponents widen exactly when finer numbers arrive.

    >>> rows = RowWriter("ETHUSDT")
    >>> rows.append(Delta(symbol="ETHUSDT", bids=[("100.5", "2")], asks=[("101", "0")]))
    >>> columns, exponents = rows.finish()
    >>> columns["price"], bytes(columns["action"]), exponents
    (array([1005, 1010]), b'MC', (-1, 0))
    """

    def __init__(self, symbol: str = "", *, price_scale: int = 0, size_scale: int = 0) -> None:
        self.symbol = symbol
        self._least = {"price": price_scale, "size": size_scale}
        for name, scale in self._least.items():
            if not 0 <= scale <= MAX_SCALE:
                raise UsageError(f"{name}s have from 0 to {MAX_SCALE} decimal digits, not {scale}")
        self._start()

    def _start(self) -> None:
        self._columns: dict[str, array[Any]] = {name: array(code) for name, code in _TYPECODES.items()}
        self._scales = dict(self._least)
        self._ended = 0
        self._whole = _Rows()

    def __len__(self) -> int:
        return self._whole.count + self._held

    @property
    def _held(self) -> int:
        """Rows that events were written to one by one, since the last that came many at once."""
        return len(self._columns["action"])

    def append(self, event: Event) -> None:
        """Add the rows of one event, and end the message if it is its last. O(rows of the event), amortised.

        Raises:
            UsageError: another instrument's event, or an order id or sequence that is no uint64.
            ScaleError: a number that does not fit in int64 together with the others. Nothing is added on an error.
        """
        self.add(event)
        if event.is_last:
            self.end()

    def add(self, event: Event) -> None:
        """Add the rows of one event and leave the message open, whatever the event says. See :meth:`append`."""
        self._name(event)
        kind: Any = type(event)
        writer = _writer(kind)
        if writer is None:
            raise UsageError(f"columns have no row for `{type(event).__name__}`")
        mark = self._held
        try:
            writer(self, event)
        except OverflowError:
            self._cut(mark)
            raise UsageError("a time is not int64, or a sequence not uint64", symbol=self.symbol or None) from None
        except UsageError as error:
            self._cut(mark)
            error.at(symbol=self.symbol)
            raise

    def end(self) -> None:
        """End the message: the last row gets LAST. Without a new row nothing happens. O(1)."""
        if self._held > self._ended:
            self._columns["flags"][-1] |= Flag.LAST
        self._ended = self._held

    def finish(self) -> tuple[Columns, tuple[int, int]]:
        """End the last message, hand over the columns (not copied) and exponents, and start anew. O(1)."""
        self.end()
        columns = self._held_columns()
        if self._whole.count:
            self._whole.add(columns)
            columns = self._whole.columns()
        exponents = (-self._scales["price"], -self._scales["size"])
        self._start()
        return columns, exponents

    @property
    def scales(self) -> tuple[int, int]:
        """Decimal digits that the columns keep of prices and of sizes. O(1)."""
        return self._scales["price"], self._scales["size"]

    def room(self, rows: int) -> Columns:
        """Return columns that have room for so many rows after the first ``len(self)``. To be used between messages.

        What is written there, of whole messages and at the :attr:`scales`, counts once :meth:`commit` says so.
        """
        self._whole.add(self._held_columns())
        self._columns = {name: array(code) for name, code in _TYPECODES.items()}
        self._ended = 0
        return self._whole.room(rows)

    def commit(self, rows: int) -> None:
        """Say that there are so many rows now. O(1)."""
        self._whole.count = rows

    def _held_columns(self) -> Columns:
        return {name: np.frombuffer(values, DTYPES[name]) for name, values in self._columns.items()}

    def _name(self, event: Event) -> None:
        if not self.symbol:
            self.symbol = event.symbol
        elif event.symbol not in ("", self.symbol):
            raise UsageError(f"columns hold one instrument: {self.symbol!r}, not {event.symbol!r} as well")

    def _cut(self, mark: int) -> None:
        for values in self._columns.values():
            del values[mark:]

    # -- rows -------------------------------------------------------------------------------------------------------

    def _row(
        self,
        event: Event,
        action: int,
        side: int = NO_SIDE,
        flags: int = 0,
        *,
        price: Number | None = None,
        size: Number | None = 0,
        order_id: int = 0,
    ) -> None:
        prices, sizes = [self._number("price", price)], [self._number("size", size)]
        self._extend(event, [action], [side], flags, prices, sizes, [order_id])

    def _extend(
        self,
        event: Event,
        actions: Any,
        sides: Any,
        flags: int,
        prices: Any,
        sizes: Any,
        order_ids: Any,
        times: Any = None,
    ) -> None:
        columns, count = self._columns, len(prices)
        columns["action"].extend(actions)
        columns["side"].extend(sides)
        columns["flags"].extend(repeat(flags, count))
        columns["price"].extend(prices)
        columns["size"].extend(sizes)
        columns["order_id"].extend(order_ids)
        columns["ts_event"].extend(repeat(_time(event.ts_event), count) if times is None else times)
        columns["ts_recv"].extend(repeat(_time(event.ts_recv), count))
        columns["sequence"].extend(repeat(event.sequence or 0, count))

    def _number(self, name: str, value: Number | None) -> int:
        if value is None:
            return _UNDEF[name]
        mantissa, scale = parse(value)
        return self._scaled(name, (mantissa,), scale)[0]

    def _numbers(self, name: str, values: Iterable[Number]) -> tuple[int, ...]:
        """Several at once: they widen the column together, before any of them is in it."""
        parsed = [parse(value) for value in values]
        scale = max((scale for _, scale in parsed), default=0)
        return self._scaled(name, tuple(rescale(mantissa, own, scale) for mantissa, own in parsed), scale)

    def _scaled(self, name: str, mantissas: tuple[int, ...], scale: int) -> tuple[int, ...]:
        """The numbers at the column's scale, which widens first where they are finer."""
        ours = self._scales[name]
        if scale > ours:
            self._widen(name, scale)
        elif scale < ours:
            mantissas = tuple(rescale(mantissa, scale, ours) for mantissa in mantissas)
        if _UNDEF[name] in mantissas:
            raise ScaleError(to_decimal(INT64_MAX, max(scale, ours)), f"is what marks a missing {name}")
        return mantissas

    def _widen(self, name: str, scale: int) -> None:
        ours = self._scales[name]
        factor = 10 ** (scale - ours)
        largest = max(_largest(self._columns[name], _UNDEF[name]), _largest(self._whole.column(name), _UNDEF[name]))
        if largest * factor >= INT64_MAX:
            reason = f"does not fit in int64 with the {scale} decimal digits of another {name}"
            raise ScaleError(to_decimal(largest, ours), reason)
        for values in (np.frombuffer(self._columns[name], np.int64), self._whole.column(name)):
            values[values != _UNDEF[name]] *= factor
        self._scales[name] = scale

    # -- one kind of event each -------------------------------------------------------------------------------------

    def _levels(self, event: Event, levels: Levels, side: int, flags: int, action: int | None) -> None:
        prices = self._scaled("price", levels.prices, levels.price_scale)
        sizes = self._scaled("size", levels.sizes, levels.size_scale)
        actions = [action or (Action.MODIFY if size else Action.CANCEL) for size in sizes]
        counts: Iterable[int] = repeat(0, len(sizes))
        if levels.counts is not None:
            counts = [_count(count, size) for count, size in zip(levels.counts, sizes, strict=True)]
        self._extend(event, actions, repeat(side, len(sizes)), flags, prices, sizes, counts)

    def _snapshot(self, event: Snapshot) -> None:
        flags = _LEVEL | Flag.SNAPSHOT
        view_depth = _order_id(event.view_depth or 0)
        self._row(event, Action.CLEAR, flags=flags | _depth_limit(event.complete), order_id=view_depth)
        self._levels(event, event.bids, BID, flags, Action.ADD)
        self._levels(event, event.asks, ASK, flags, Action.ADD)

    def _delta(self, event: Delta) -> None:
        if not event.bids and not event.asks:
            return self._row(event, Action.NONE, flags=_LEVEL)
        self._levels(event, event.bids, BID, _LEVEL, None)
        return self._levels(event, event.asks, ASK, _LEVEL, None)

    def _reveal(self, event: Reveal) -> None:
        if not event.bids and not event.asks:
            return self._row(event, Action.NONE, flags=_LEVEL | PUBLISHER_SPECIFIC)
        self._levels(event, event.bids, BID, _LEVEL, Action.ADD)
        return self._levels(event, event.asks, ASK, _LEVEL, Action.ADD)

    def _order_snapshot(self, event: OrderSnapshot) -> None:
        self._row(event, Action.CLEAR, flags=Flag.SNAPSHOT | _depth_limit(event.complete))
        orders = tuple(event.orders)
        prices = self._numbers("price", (order.price for order in orders))
        sizes = self._numbers("size", (order.size for order in orders))
        sides = [_LETTER[order.side] for order in orders]
        ids = [_order_id(order.order_id) for order in orders]
        times = [_time(order.ts_event) for order in orders]
        self._extend(event, repeat(int(Action.ADD), len(orders)), sides, int(Flag.SNAPSHOT), prices, sizes, ids, times)

    def _order_row(self, event: Any, action: int, flags: int = 0) -> None:
        order_id = _order_id(event.order_id)
        side = _LETTER[event.side]
        self._row(event, action, side, flags, price=event.price, size=event.size, order_id=order_id)

    def _order_add(self, event: OrderAdd) -> None:
        self._order_row(event, Action.ADD)

    def _order_modify(self, event: OrderModify) -> None:
        self._order_row(event, Action.MODIFY, PUBLISHER_SPECIFIC if event.upsert else 0)

    def _order_cancel(self, event: OrderCancel) -> None:
        self._order_row(event, Action.CANCEL)

    def _order_execute(self, event: OrderExecute) -> None:
        self._order_row(event, Action.FILL)
        self._order_row(event, Action.CANCEL)

    def _order_replace(self, event: OrderReplace) -> None:
        self._row(event, Action.CANCEL, size=None, order_id=_order_id(event.order_id))
        self._row(event, Action.ADD, price=event.price, size=event.size, order_id=_order_id(event.new_id))

    def _trade(self, event: Trade) -> None:
        flags = PUBLISHER_SPECIFIC if event.hidden else 0
        # A text id costs a trade nothing: it names an order for information only.
        order_id = _order_id(event.order_id) if _is_uint64(event.order_id) else 0
        side = _LETTER[event.side]
        self._row(event, Action.TRADE, side, flags, price=event.price, size=event.size, order_id=order_id)

    def _quote(self, event: Quote) -> None:
        self._row(event, Action.NONE, BID, Flag.TOB, price=event.bid_price, size=event.bid_size)
        self._row(event, Action.NONE, ASK, Flag.TOB, price=event.ask_price, size=event.ask_size)

    def _clear(self, event: Event) -> None:
        self._row(event, Action.CLEAR)

    def _disconnect(self, event: Event) -> None:
        self._row(event, Action.CLEAR, flags=Flag.MAYBE_BAD_BOOK)

    def _nothing(self, event: Event) -> None:
        self._row(event, Action.NONE)


_WRITERS: Final[dict[type[Event], Callable[[RowWriter, Any], None]]] = {
    Snapshot: RowWriter._snapshot,
    Delta: RowWriter._delta,
    Reveal: RowWriter._reveal,
    OrderSnapshot: RowWriter._order_snapshot,
    OrderAdd: RowWriter._order_add,
    OrderModify: RowWriter._order_modify,
    OrderCancel: RowWriter._order_cancel,
    OrderExecute: RowWriter._order_execute,
    OrderReplace: RowWriter._order_replace,
    Trade: RowWriter._trade,
    Quote: RowWriter._quote,
    Clear: RowWriter._clear,
    Disconnect: RowWriter._disconnect,
    Heartbeat: RowWriter._nothing,
    Status: RowWriter._nothing,
    Fault: RowWriter._nothing,
}


@functools.cache
def _writer(kind: Any) -> Callable[[RowWriter, Any], None] | None:
    """What writes events of a class, or of one that it is derived from."""
    return next((_WRITERS[base] for base in kind.__mro__ if base in _WRITERS), None)


class _Rows:
    """Rows that came many at once: arrays that are twice as long whenever they are full.

    The first are so long that the system may back them by large pages, which are not touched before they are written.
    """

    def __init__(self) -> None:
        self.count = 0
        self._arrays: dict[str, npt.NDArray[Any]] = {}

    def room(self, rows: int) -> Columns:
        """The arrays, with room for so many more rows."""
        wanted = self.count + rows
        if not self._arrays or wanted > len(self._arrays["action"]):
            size = max(_FIRST_ROWS, wanted, 2 * self.count)
            grown = {name: np.empty(size, dtype) for name, dtype in DTYPES.items()}
            for name, values in self._arrays.items():
                grown[name][: self.count] = values[: self.count]
            self._arrays = grown
        return self._arrays

    def add(self, columns: Columns) -> None:
        """Copy rows behind the others."""
        rows = len(columns["action"])
        if not rows:
            return
        for name, values in self.room(rows).items():
            values[self.count : self.count + rows] = columns[name]
        self.count += rows

    def column(self, name: str) -> npt.NDArray[Any]:
        """One column as far as it is written."""
        return self._arrays[name][: self.count] if self._arrays else np.empty(0, DTYPES[name])

    def columns(self) -> Columns:
        """All of them."""
        return {name: self.column(name) for name in DTYPES}


_FIRST_ROWS: Final = 1 << 19


def _largest(column: Any, undef: int) -> int:
    # By itself, because a view of an array that an exception's traceback keeps alive would forbid it to shrink.
    values = np.frombuffer(column, np.int64) if len(column) else np.empty(0, np.int64)
    return int(np.abs(values[values != undef]).max(initial=0))


def _time(ns: int | None) -> int:
    return UNDEF_TIMESTAMP if ns is None else ns


def _depth_limit(complete: bool) -> int:
    return 0 if complete else PUBLISHER_SPECIFIC


def _count(count: int | None, size: int) -> int:
    """The number of orders in a level's ``order_id``; a level that is deleted has none that could matter."""
    if count is None or size == 0:
        return 0
    return count or NO_ORDERS


def _is_uint64(value: Any) -> bool:
    # Not int(): "12" is a text id, and 12 another order.
    return isinstance(value, (int, np.integer)) and 0 <= int(value) < _UINT64


def _order_id(value: Any) -> int:
    if not _is_uint64(value):
        raise UsageError(f"columns hold order ids as uint64, not {value!r}; text ids are not supported in columns")
    return int(value)
