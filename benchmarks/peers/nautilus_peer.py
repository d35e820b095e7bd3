"""nautilus_trader's book, written in Rust, through its Python objects: a delta object for each level or order."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from importlib.metadata import version
from typing import Any

import orjson
from worker import (
    Job,
    captures,
    columns,
    ladders,
    lines,
    number,
    parsed,
    reading,
    seed,
    series,
    serve,
    still_book,
    updates,
)

_data: Any = importlib.import_module("nautilus_trader.model.data")
_enums: Any = importlib.import_module("nautilus_trader.model.enums")
_objects: Any = importlib.import_module("nautilus_trader.model.objects")
OrderBook: Any = importlib.import_module("nautilus_trader.model.book").OrderBook

Delta, Deltas, Order = _data.OrderBookDelta, _data.OrderBookDeltas, _data.BookOrder
Price, Quantity = _objects.Price, _objects.Quantity
BUY, SELL = _enums.OrderSide.BUY, _enums.OrderSide.SELL
ADD, UPDATE, DELETE = _enums.BookAction.ADD, _enums.BookAction.UPDATE, _enums.BookAction.DELETE
NAME: Any = importlib.import_module("nautilus_trader.model.identifiers").InstrumentId.from_str("ETHUSDT.BINANCE")

Series = tuple[list[float], list[float]]


def delta(side: Any, price: str, size: str) -> Any:
    """One level as a delta; size 0 deletes."""
    order = Order(side, Price.from_str(price), Quantity.from_str(size), 0)
    return Delta(NAME, UPDATE if float(size) else DELETE, order, 0, 0, 0, 0)


def deltas(bids: Iterable[Any], asks: Iterable[Any]) -> Any:
    """One message as deltas."""
    made = [delta(BUY, price, size) for price, size in bids] + [delta(SELL, price, size) for price, size in asks]
    return Deltas(NAME, made) if made else None


def book_of(bids: Iterable[Any], asks: Iterable[Any]) -> Any:
    """An L2 book from a snapshot."""
    book = OrderBook(NAME, _enums.BookType.L2_MBP)
    book.apply_deltas(deltas(bids, asks))
    return book


def follow(messages: Iterable[Any]) -> Series:
    """Best prices after each message."""
    rest: Iterator[Any] = iter(messages)
    first = next(rest)
    book = book_of(first["bids"], first["asks"])
    best_bids, best_asks = [book.best_bid_price()], [book.best_ask_price()]
    for message in rest:
        made = deltas(message["data"]["b"], message["data"]["a"])
        if made is not None:
            book.apply_deltas(made)
        best_bids.append(book.best_bid_price())
        best_asks.append(book.best_ask_price())
    return best_bids, best_asks


def as_series(pair: Series) -> Any:
    """Its prices as floats, outside of the clock."""
    return series(([float(price) for price in pair[0]], [float(price) for price in pair[1]]))


def raw(tape: str) -> Job:
    """Bytes to best prices."""
    payloads = lines(tape)[1]
    note = "orjson.loads, a delta built for each level, `apply_deltas`, `best_bid_price()`"
    return Job(lambda: follow(map(orjson.loads, payloads)), as_series, note)


def ready(tape: str) -> Job:
    """Parsed messages to best prices."""
    messages = parsed(tape)
    return Job(lambda: follow(messages), as_series, "a delta built for each level, `apply_deltas`")


def rows(tape: str) -> Job:
    """Rows to best prices; the deltas are built outside of the clock."""
    start = [[(f"{price:.2f}", f"{size:.3f}") for price, size in side] for side in seed(tape)]
    prepared = [delta(BUY if is_bid else SELL, f"{price:.2f}", f"{size:.3f}") for is_bid, price, size in updates(tape)]

    def run() -> Series:
        book = book_of(*start)
        best_bids, best_asks = [book.best_bid_price()], [book.best_ask_price()]
        for one in prepared:
            book.apply_delta(one)
            best_bids.append(book.best_bid_price())
            best_asks.append(book.best_ask_price())
        return best_bids, best_asks

    return Job(run, as_series, "deltas built before; `apply_delta` and two best prices each")


def order_deltas(tape: str) -> list[Any]:
    """Deltas of single orders."""
    table = columns(tape)
    names = ("action", "side", "price", "size", "order_id")
    actions = {ord("A"): ADD, ord("M"): UPDATE, ord("C"): DELETE}
    made = []
    for action, side, price, size, order_id in zip(*(table[name].tolist() for name in names), strict=True):
        text = Price.from_str(f"{price / 100:.2f}"), Quantity.from_str(f"{size / 1000:.3f}")
        order = Order(BUY if side == ord("B") else SELL, *text, order_id)
        made.append(Delta(NAME, actions[action], order, 0, 0, 0, 0))
    return made


def levels(book: Any) -> Any:
    """Its final levels, best first."""
    sides = [[(float(level.price), float(level.size())) for level in side] for side in (book.bids(), book.asks())]
    return ladders(*sides)


def orders_bulk(tape: str) -> Job:
    """Orders into an L3 book in one call."""
    prepared = Deltas(NAME, order_deltas(tape))

    def run() -> Any:
        book = OrderBook(NAME, _enums.BookType.L3_MBO)
        book.apply_deltas(prepared)
        return book

    return Job(run, levels, "deltas built before; one `apply_deltas` of all")


def orders_one_by_one(tape: str) -> Job:
    """Orders into an L3 book, a call each."""
    prepared = order_deltas(tape)

    def run() -> Any:
        book = OrderBook(NAME, _enums.BookType.L3_MBO)
        for one in prepared:
            book.apply_delta(one)
        return book

    return Job(run, levels, "deltas built before; `apply_delta` each")


def reads() -> dict[str, Callable[[], Job]]:
    """What its methods answer; it has no depth of n levels, only all of a side."""
    book = book_of(*still_book())
    return {
        "best_bid": lambda: reading(book.best_bid_price, number, "`best_bid_price()`: a price without its size"),
        "spread": lambda: reading(book.spread, number, "`spread()`"),
        "mid_price": lambda: reading(book.midpoint, number, "`midpoint()`"),
    }


def main() -> None:
    """Serve all jobs."""
    jobs = {f"feed/{tape}": partial(raw, tape) for tape in captures()}
    jobs |= {f"parsed/{tape}": partial(ready, tape) for tape in captures()}
    jobs |= {"columns/synthetic": partial(rows, "synthetic")}
    jobs |= {"l3_bulk/orders": partial(orders_bulk, "orders"), "l3_calls/orders": partial(orders_one_by_one, "orders")}
    serve(
        "nautilus_trader", version("nautilus_trader"), jobs | {f"read/{name}": make for name, make in reads().items()}
    )


if __name__ == "__main__":
    main()
