"""The book that ccxt.pro keeps for every venue: two lists ordered by bisection, fed directly, without its exchange."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from importlib.metadata import version
from typing import Any

import orjson
from worker import DEPTH, Job, captures, ladders, lines, number, parsed, reading, seed, series, serve, still_book
from worker import updates as rows_of

OrderBook: Any = importlib.import_module("ccxt.async_support.base.ws.order_book").OrderBook

Series = tuple[list[float], list[float]]


def floats(side: Iterable[Any]) -> list[list[float]]:
    """Levels as ccxt keeps them."""
    return [[float(price), float(size)] for price, size in side]


def book_of(bids: Iterable[Any], asks: Iterable[Any]) -> Any:
    """A book from a snapshot."""
    return OrderBook({"bids": floats(bids), "asks": floats(asks)})


def follow(messages: Iterable[Any]) -> Series:
    """Best prices after each message."""
    rest: Iterator[Any] = iter(messages)
    first = next(rest)
    book = book_of(first["bids"], first["asks"])
    bids, asks = book["bids"], book["asks"]
    best_bids, best_asks = [bids[0][0]], [asks[0][0]]
    for message in rest:
        data = message["data"]
        for price, size in data["b"]:
            bids.storeArray([float(price), float(size)])
        for price, size in data["a"]:
            asks.storeArray([float(price), float(size)])
        best_bids.append(bids[0][0])
        best_asks.append(asks[0][0])
    return best_bids, best_asks


def follow_rows(rows: list[tuple[bool, float, float]], start: Any) -> Series:
    """Best prices after each level."""
    book = book_of(*start)
    bids, asks = book["bids"], book["asks"]
    best_bids, best_asks = [bids[0][0]], [asks[0][0]]
    for is_bid, price, size in rows:
        (bids if is_bid else asks).storeArray([price, size])
        best_bids.append(bids[0][0])
        best_asks.append(asks[0][0])
    return best_bids, best_asks


def raw(tape: str) -> Job:
    """Bytes to best prices."""
    payloads = lines(tape)[1]
    return Job(lambda: follow(map(orjson.loads, payloads)), series, "orjson.loads, `storeArray` of floats, `[0]`")


def ready(tape: str) -> Job:
    """Parsed messages to best prices."""
    messages = parsed(tape)
    return Job(lambda: follow(messages), series, "`storeArray` of floats, `[0]`")


def rows(tape: str) -> Job:
    """Rows to best prices."""
    prepared, start = rows_of(tape), seed(tape)
    return Job(lambda: follow_rows(prepared, start), series, "`storeArray` in a loop over prepared floats")


def reads() -> dict[str, Callable[[], Job]]:
    """What its lists answer in one expression."""
    book = book_of(*still_book())
    bids, asks = book["bids"], book["asks"]
    return {
        "best_bid": lambda: reading(lambda: bids[0], lambda level: number(level[0]), "`bids[0]`, a live list"),
        "spread": lambda: reading(lambda: asks[0][0] - bids[0][0], number, "`asks[0][0] - bids[0][0]`"),
        "mid_price": lambda: reading(lambda: (asks[0][0] + bids[0][0]) / 2, number, "half the sum"),
        "depth": lambda: reading(
            lambda: (bids[:DEPTH], asks[:DEPTH]), lambda sides: ladders(*sides), "`[:10]` of both sides, live rows"
        ),
    }


def main() -> None:
    """Serve all jobs."""
    jobs = {f"feed/{tape}": partial(raw, tape) for tape in captures()}
    jobs |= {f"parsed/{tape}": partial(ready, tape) for tape in captures()}
    jobs |= {"columns/synthetic": partial(rows, "synthetic")}
    serve("ccxt", version("ccxt"), jobs | {f"read/{name}": make for name, make in reads().items()})


if __name__ == "__main__":
    main()
