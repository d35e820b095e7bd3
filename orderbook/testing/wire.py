"""Events written as venues write them: the opposite of a decoder, for the formats that have a synthetic market.

Each class turns :class:`~orderbook.testing.Message` values of one instrument into payloads. It writes every number in
full, as the venue does, and keeps what the wire needs and an event does not say (the size that is left of an order).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from fractions import Fraction
from types import MappingProxyType
from typing import Any, Final, Protocol

from orderbook.errors import UsageError
from orderbook.events import (
    Delta,
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
    Snapshot,
    Trade,
)
from orderbook.levels import Levels
from orderbook.scale import to_text
from orderbook.testing.model import NaiveL3, exact
from orderbook.testing.streams import START_TIME, Message, decimal_text
from orderbook.types import Number, OrderId, Side

_MS: Final = 1_000_000
_US: Final = 1_000
_GARBAGE: Final = b'{"e":"depthUp'


class Wire(Protocol):
    """Writes messages of one instrument in one format."""

    def encode(self, message: Message) -> list[bytes]:
        """Return the payloads that say what a message says; none for what the format has no words for."""


def _padded(text: str, places: int | None) -> str:
    """Decimal text with at least so many digits after the point."""
    if places is None:
        return text
    whole, _, fraction = text.partition(".")
    return f"{whole}.{fraction.ljust(places, '0')}" if places else whole


def _json(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def _number(value: Number | None) -> str:
    return decimal_text(exact(value or 0))


class BinanceWire:
    """Frames of a combined stream, and REST snapshots bare. ``futures`` adds ``pu`` and the engine's time.

    >>> wire = BinanceWire("ETHUSDT")
    >>> delta = Delta(symbol="ETHUSDT", first_sequence=7, sequence=8, bids=Levels.parse([("9.5", "1")]))
    >>> wire.encode(Message((delta,), None))[0][:60]
    b'{"stream":"ethusdt@depth@100ms","data":{"e":"depthUpdate","E'
    """

    def __init__(self, symbol: str, *, futures: bool = False, places: tuple[int, int] | None = None) -> None:
        self.symbol = symbol
        self.futures = futures
        # Spot writes eight digits whatever the tick; futures write those of the tick.
        self.places = places or ((2, 3) if futures else (8, 8))

    def encode(self, message: Message) -> list[bytes]:
        """Return one frame, or one REST body."""
        event = message.events[0]
        if isinstance(event, Snapshot):
            return [_json(self._rest(event))]
        if isinstance(event, Delta):
            # All events of a message are one frame: bids and asks may have come apart on the way here.
            return [self._frame(f"depth@{'0ms' if self.futures else '100ms'}", self._depth(event, message.events))]
        if isinstance(event, Quote):
            return [self._frame("bookTicker", self._ticker(event))]
        if isinstance(event, Trade):
            return [self._frame("trade", self._trade(event))]
        return [_GARBAGE] if isinstance(event, Fault) else []

    def _frame(self, channel: str, data: dict[str, Any]) -> bytes:
        return _json({"stream": f"{self.symbol.lower()}@{channel}", "data": data})

    def _rows(self, levels: Levels) -> list[list[str]]:
        price_places, size_places = self.places
        return [
            [
                _padded(to_text(price, levels.price_scale), price_places),
                _padded(to_text(size, levels.size_scale), size_places),
            ]
            for price, size in zip(levels.prices, levels.sizes, strict=True)
        ]

    def _time(self, event: Event) -> dict[str, int]:
        time = (event.ts_event or 0) // _MS
        return {"E": time, "T": time} if self.futures else {"E": time}

    def _rest(self, event: Snapshot) -> dict[str, Any]:
        time = self._time(event) if self.futures else {}
        sides = {"bids": self._rows(event.bids), "asks": self._rows(event.asks)}
        return {"lastUpdateId": event.sequence, **time, **sides}

    def _depth(self, event: Delta, parts: tuple[Event, ...]) -> dict[str, Any]:
        numbers = {"U": event.first_sequence, "u": event.sequence}
        if self.futures:
            numbers["pu"] = event.prev_sequence
        deltas = [part for part in parts if isinstance(part, Delta)]
        bids = [row for part in deltas for row in self._rows(part.bids)]
        asks = [row for part in deltas for row in self._rows(part.asks)]
        return {"e": "depthUpdate", **self._time(event), "s": self.symbol, **numbers, "b": bids, "a": asks}

    def _ticker(self, event: Quote) -> dict[str, Any]:
        price, size = self.places
        top = {
            "u": event.sequence,
            "s": self.symbol,
            "b": _padded(_number(event.bid_price), price),
            "B": _padded(_number(event.bid_size), size),
            "a": _padded(_number(event.ask_price), price),
            "A": _padded(_number(event.ask_size), size),
        }
        # Spot's bookTicker has neither a name nor a time.
        return {"e": "bookTicker", **top, **self._time(event)} if self.futures else top

    def _trade(self, event: Trade) -> dict[str, Any]:
        price, size = self.places
        trade = {
            "e": "trade",
            **self._time(event),
            "s": self.symbol,
            "t": event.trade_id,
            "p": _padded(_number(event.price), price),
            "q": _padded(_number(event.size), size),
            "m": event.side is Side.ASK,
        }
        return {**trade, "X": "MARKET"} if self.futures else trade


TARDIS_HEADER: Final = b"exchange,symbol,timestamp,local_timestamp,is_snapshot,side,price,amount"


class TardisWire:
    """Rows of an ``incremental_book_L2`` file; a payload is the header and the rows of one message.

    >>> delta = Delta(ts_event=1_000, ts_recv=2_000, bids=Levels.parse([("9.5", "1")]))
    >>> TardisWire("ETHUSDT").rows(Message((delta,), None))
    [b'synthetic,ETHUSDT,1,2,false,bid,9.5,1']
    """

    def __init__(self, symbol: str) -> None:
        self.symbol = symbol

    def rows(self, message: Message) -> list[bytes]:
        """Return a row for each level."""
        found = []
        for event in message.events:
            if isinstance(event, (Snapshot, Delta)):
                for name, levels in (("bid", event.bids), ("ask", event.asks)):
                    found += [self._row(event, name, levels, i) for i in range(len(levels))]
        return found

    def _row(self, event: Event, side: str, levels: Levels, i: int) -> bytes:
        price, size = to_text(levels.prices[i], levels.price_scale), to_text(levels.sizes[i], levels.size_scale)
        times = f"{(event.ts_event or 0) // _US},{(event.ts_recv or 0) // _US}"
        flag = "true" if isinstance(event, Snapshot) else "false"
        return f"synthetic,{self.symbol},{times},{flag},{side},{price},{size}".encode()

    def encode(self, message: Message) -> list[bytes]:
        """Return one payload, none for a message without levels."""
        if isinstance(message.events[0], Fault):
            return [TARDIS_HEADER + b"\nsynthetic,half a row"]
        rows = self.rows(message)
        return [b"\n".join((TARDIS_HEADER, *rows))] if rows else []


class BitfinexWire:
    """Frames of a raw book (R0) with the connection's sequence. Every snapshot comes with a subscription of its own.

    The channel says how an order stands, so it takes upserts and whole cancels only.

    >>> wire = BitfinexWire("tBTCUSD")
    >>> wire.encode(Message((OrderAdd(order_id=7, side=Side.ASK, price="9.5", size="1", sequence=3),), None))
    [b'[17000,[7,9.5,-1],3]']
    """

    def __init__(self, symbol: str, *, channel: int = 17_000) -> None:
        self.symbol = symbol
        self.channel = channel
        self._subscribed = False

    def encode(self, message: Message) -> list[bytes]:
        """Return the frames of a message: one, or up to three where a snapshot needs a new subscription."""
        return [frame for event in message.events for frame in self._frames(event)]

    def _frames(self, event: Event) -> Iterator[bytes]:
        if isinstance(event, OrderSnapshot):
            yield from self._subscribe()
            rows = ",".join(_raw_order(order.order_id, order.price, order.size, order.side) for order in event.orders)
            yield f"[{self.channel},[{rows}],{event.sequence}]".encode()
        elif isinstance(event, Heartbeat):
            yield f'[{self.channel},"hb",{event.sequence}]'.encode()
        elif isinstance(event, Fault):
            yield b"[17000,["
        elif isinstance(event, (OrderAdd, OrderModify, OrderCancel)):
            yield f"[{self.channel},{self._row(event)},{event.sequence}]".encode()

    def _subscribe(self) -> Iterator[bytes]:
        if self._subscribed:
            yield _json({"event": "unsubscribed", "status": "OK", "chanId": self.channel})
            self.channel += 1
        self._subscribed = True
        about = {"symbol": self.symbol, "prec": "R0", "freq": "F0", "len": "250", "pair": self.symbol.removeprefix("t")}
        yield _json({"event": "subscribed", "channel": "book", "chanId": self.channel, **about})

    def _row(self, event: OrderAdd | OrderModify | OrderCancel) -> str:
        if event.side is None or event.price is None or (isinstance(event, OrderCancel) and event.size is not None):
            raise UsageError("a raw book has whole orders only: side and price, and no part of one cancelled")
        if isinstance(event, OrderCancel):
            return f"[{event.order_id},0,{event.side:d}]"
        return _raw_order(event.order_id, event.price, event.size, event.side)


def _raw_order(order_id: OrderId, price: Number, size: Number | None, side: Side) -> str:
    """The sign of the amount is the side."""
    return f"[{order_id},{_number(price)},{'-' if side is Side.ASK else ''}{_number(size)}]"


class LobsterWire:
    """Lines of a message file, joined with symbol and date as :class:`orderbook.FileSource` joins them; no orderbook.

    A price is dollars times 10000, a size is in shares: ``shares`` of them make a size of 1. What changes its price, or
    grows, leaves and comes back under a new id. ``book`` is what rests, by the file's own ids; it starts with what
    rested before the first line.

    >>> wire = LobsterWire("AAPL")
    >>> add = OrderAdd(order_id=7, side=Side.BID, price="9.5", size=100, ts_event=START_TIME)
    >>> wire.encode(Message((add,), None))
    [b'AAPL,2023-11-14,34200.000000000,1,7,100,95000,1']
    """

    def __init__(self, symbol: str, *, date: str = "2023-11-14", opened: int = START_TIME, shares: int = 1) -> None:
        self.symbol = symbol
        self.date = date
        self.shares = shares
        self.book = NaiveL3()
        self._opened = opened
        self._names: dict[OrderId, int] = {}
        self._next = 900_000_000

    def encode(self, message: Message) -> list[bytes]:
        """Return a line for each order event; a change of price is two, and a snapshot none."""
        prefix = f"{self.symbol},{self.date},".encode()
        lines = []
        for event in message.events:
            if isinstance(event, Fault):
                lines.append(prefix + b"34200.0,1")
            else:
                lines += [prefix + self.line(part) for part in self.parts(event)]
        return lines

    def parts(self, event: Event) -> Iterator[Event]:
        """Yield what an event is in LOBSTER's terms, under the file's ids; nothing for what it has no line for."""
        if isinstance(event, OrderModify):
            yield from self._modified(event)
        elif isinstance(event, OrderReplace):
            yield from self._replaced(event)
        elif isinstance(event, (OrderAdd, OrderCancel, OrderExecute)):
            yield replace(event, order_id=self._name(event.order_id))
        elif isinstance(event, Trade) and event.hidden:
            yield event

    def _modified(self, event: OrderModify) -> Iterator[Event]:
        name = self._name(event.order_id)
        times: dict[str, Any] = {"ts_event": event.ts_event, "ts_recv": event.ts_recv}
        old = self.book.order(name)
        price = old.price if event.price is None else exact(event.price)
        size = old.size if event.size is None else exact(event.size)
        side = event.side or old.side
        if (side, price) == (old.side, old.price) and size <= old.size:
            if size < old.size:
                yield OrderCancel(order_id=name, size=decimal_text(old.size - size), **times)
            return
        yield OrderCancel(order_id=name, **times)
        self._next += 1
        self._names[event.order_id] = self._next
        yield OrderAdd(order_id=self._next, side=side, price=decimal_text(price), size=decimal_text(size), **times)

    def _replaced(self, event: OrderReplace) -> Iterator[Event]:
        name = self._name(event.order_id)
        side = self.book.order(name).side
        yield OrderCancel(order_id=name, ts_event=event.ts_event)
        yield OrderAdd(order_id=event.new_id, side=side, price=event.price, size=event.size, ts_event=event.ts_event)

    def _name(self, order_id: OrderId) -> int:
        return self._names.get(order_id, int(order_id))

    def line(self, event: Event) -> bytes:
        """Return the message columns of one of the :meth:`parts`, and apply it to the book."""
        if isinstance(event, OrderAdd):
            self.book.apply(event)
            return self._columns(event, 1, event.order_id, exact(event.size), exact(event.price), event.side)
        if isinstance(event, Trade):
            side = (event.side or Side.BID).opposite
            return self._columns(event, 5, 0, exact(event.size), exact(event.price), side)
        if not isinstance(event, (OrderCancel, OrderExecute)):
            raise UsageError(f"LOBSTER has no line for `{type(event).__name__}`")
        order = self.book.order(event.order_id)
        taken = order.size if event.size is None else exact(event.size)
        self.book.apply(event)
        kind = 4 if isinstance(event, OrderExecute) else 3 if taken == order.size else 2
        return self._columns(event, kind, event.order_id, taken, order.price, order.side)

    def _columns(
        self, event: Event, kind: int, order_id: OrderId, size: Fraction, price: Fraction, side: Side
    ) -> bytes:
        seconds = _padded(decimal_text(34_200 + Fraction((event.ts_event or 0) - self._opened, 10**9)), 9)
        return f"{seconds},{kind},{order_id},{int(size * self.shares)},{int(price * 10_000)},{side:d}".encode()


_WIRES: Final[Mapping[str, Callable[[str], Wire]]] = MappingProxyType(
    {
        "binance_spot": BinanceWire,
        "binance_usdm": lambda symbol: BinanceWire(symbol, futures=True),
        "binance_coinm": lambda symbol: BinanceWire(symbol, futures=True),
        "tardis_csv": TardisWire,
        "bitfinex_raw": BitfinexWire,
        "lobster": LobsterWire,
    }
)


def wire_formats() -> tuple[str, ...]:
    """The formats that can be written.

    >>> "binance_spot" in wire_formats()
    True
    """
    return tuple(_WIRES)


def get_wire(format: str, symbol: str) -> Wire:
    """Return what writes a format.

    Raises:
        UsageError: nothing writes it; the message lists those that can be written.

    >>> get_wire("binance_usdm", "ETHUSDT").futures
    True
    """
    if format not in _WIRES:
        raise UsageError(f"no synthetic market writes {format!r}; those that are written: {', '.join(_WIRES)}")
    return _WIRES[format](symbol)
