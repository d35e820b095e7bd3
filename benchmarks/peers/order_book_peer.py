"""bmoscon's order_book, written in C, with float keys: its documentation shows Decimal, and floats are faster."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from importlib.metadata import version
from typing import Any

import orjson
from worker import DEPTH, Job, captures, ladders, lines, number, parsed, reading, seed, series, serve, still_book
from worker import updates as rows_of

OrderBook: Any = importlib.import_module("order_book").OrderBook

Series = tuple[list[float], list[float]]


def book_of(bids: Iterable[Any], asks: Iterable[Any]) -> Any:
    """A book from a snapshot."""
    book = OrderBook()
    book.bids = {float(price): float(size) for price, size in bids}
    book.asks = {float(price): float(size) for price, size in asks}
    return book


def put(side: Any, rows: Iterable[tuple[str, str]]) -> None:
    """New sizes; 0 deletes, and a level that is not there stays away."""
    for price, size in rows:
        amount = float(size)
        if amount:
            side[float(price)] = amount
        else:
            key = float(price)
            if key in side:
                del side[key]


def follow(messages: Iterable[Any]) -> Series:
    """Best prices after each message."""
    rest: Iterator[Any] = iter(messages)
    first = next(rest)
    book = book_of(first["bids"], first["asks"])
    bids, asks = book.bids, book.asks
    best_bids, best_asks = [bids.index(0)[0]], [asks.index(0)[0]]
    for message in rest:
        data = message["data"]
        put(bids, data["b"])
        put(asks, data["a"])
        best_bids.append(bids.index(0)[0])
        best_asks.append(asks.index(0)[0])
    return best_bids, best_asks


def follow_rows(rows: list[tuple[bool, float, float]], start: Any) -> Series:
    """Best prices after each level."""
    book = book_of(*start)
    bids, asks = book.bids, book.asks
    best_bids, best_asks = [bids.index(0)[0]], [asks.index(0)[0]]
    for is_bid, price, size in rows:
        side = bids if is_bid else asks
        if size:
            side[price] = size
        elif price in side:
            del side[price]
        best_bids.append(bids.index(0)[0])
        best_asks.append(asks.index(0)[0])
    return best_bids, best_asks


def raw(tape: str) -> Job:
    """Bytes to best prices."""
    payloads = lines(tape)[1]
    return Job(lambda: follow(map(orjson.loads, payloads)), series, "orjson.loads, item assignment, `index(0)`")


def ready(tape: str) -> Job:
    """Parsed messages to best prices."""
    messages = parsed(tape)
    return Job(lambda: follow(messages), series, "item assignment of floats, `index(0)`")


def rows(tape: str) -> Job:
    """Rows to best prices."""
    prepared, start = rows_of(tape), seed(tape)
    return Job(lambda: follow_rows(prepared, start), series, "item assignment in a loop over prepared floats")


def reads() -> dict[str, Callable[[], Job]]:
    """What its sides answer; ten levels are ten calls a side, for ``to_list`` gives all of them."""
    book = book_of(*still_book())
    bids, asks = book.bids, book.asks

    def depth() -> tuple[list[Any], list[Any]]:
        return [bids.index(i) for i in range(DEPTH)], [asks.index(i) for i in range(DEPTH)]

    return {
        "best_bid": lambda: reading(lambda: bids.index(0), lambda level: number(level[0]), "`bids.index(0)`, a tuple"),
        "spread": lambda: reading(
            lambda: asks.index(0)[0] - bids.index(0)[0], number, "`asks.index(0)[0] - bids.index(0)[0]`"
        ),
        "mid_price": lambda: reading(lambda: (asks.index(0)[0] + bids.index(0)[0]) / 2, number, "half the sum"),
        "depth": lambda: reading(depth, lambda sides: ladders(*sides), "`index(i)` ten times a side"),
    }


def main() -> None:
    """Serve all jobs."""
    jobs = {f"feed/{tape}": partial(raw, tape) for tape in captures()}
    jobs |= {f"parsed/{tape}": partial(ready, tape) for tape in captures()}
    jobs |= {"columns/synthetic": partial(rows, "synthetic")}
    found = version("order_book")
    serve("order_book", found, jobs | {f"read/{name}": make for name, make in reads().items()})


if __name__ == "__main__":
    main()
