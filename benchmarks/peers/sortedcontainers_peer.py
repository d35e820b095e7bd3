"""A book by hand on ``sortedcontainers``: what one writes in an afternoon. Float prices, no continuity check."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial
from importlib.metadata import version
from typing import Any

import orjson
from sortedcontainers import SortedDict
from worker import DEPTH, Job, captures, columns, ladders, lines, number, parsed, reading, seed, series, serve
from worker import still_book as still
from worker import updates as rows_of

Series = tuple[list[float], list[float]]


def book_of(bids: Iterable[Any], asks: Iterable[Any]) -> tuple[Any, Any]:
    """Both sides by price; the best bid is the last key, the best ask the first."""
    made = [SortedDict({float(price): float(size) for price, size in side}) for side in (bids, asks)]
    return made[0], made[1]


def put(side: Any, rows: Iterable[tuple[str, str]]) -> None:
    """New sizes; 0 deletes."""
    for price, size in rows:
        amount = float(size)
        if amount:
            side[float(price)] = amount
        else:
            side.pop(float(price), None)


def follow(messages: Iterable[Any]) -> Series:
    """Best prices after each message."""
    rest: Iterator[Any] = iter(messages)
    first = next(rest)
    bids, asks = book_of(first["bids"], first["asks"])
    best_bids, best_asks = [bids.peekitem(-1)[0]], [asks.peekitem(0)[0]]
    for message in rest:
        data = message["data"]
        put(bids, data["b"])
        put(asks, data["a"])
        best_bids.append(bids.peekitem(-1)[0])
        best_asks.append(asks.peekitem(0)[0])
    return best_bids, best_asks


def follow_rows(rows: list[tuple[bool, float, float]], start: Any) -> Series:
    """Best prices after each level."""
    bids, asks = book_of(*start)
    best_bids, best_asks = [bids.peekitem(-1)[0]], [asks.peekitem(0)[0]]
    for is_bid, price, size in rows:
        side = bids if is_bid else asks
        if size:
            side[price] = size
        else:
            side.pop(price, None)
        best_bids.append(bids.peekitem(-1)[0])
        best_asks.append(asks.peekitem(0)[0])
    return best_bids, best_asks


def raw(tape: str) -> Job:
    """Bytes to best prices."""
    payloads = lines(tape)[1]
    return Job(lambda: follow(map(orjson.loads, payloads)), series, "orjson.loads, SortedDict of floats, peekitem")


def ready(tape: str) -> Job:
    """Parsed messages to best prices."""
    messages = parsed(tape)
    return Job(lambda: follow(messages), series, "SortedDict of floats, peekitem")


def rows(tape: str) -> Job:
    """Rows to best prices."""
    prepared, start = rows_of(tape), seed(tape)
    return Job(lambda: follow_rows(prepared, start), series, "a loop over prepared tuples of floats")


def l3_rows(tape: str) -> Job:
    """Orders in a dict, sizes by price in two SortedDicts."""
    table = columns(tape)
    names = ("action", "side", "order_id")
    prepared = list(
        zip(
            *(table[name].tolist() for name in names),
            (table["price"] / table["price_unit"]).tolist(),
            (table["size"] / table["size_unit"]).tolist(),
            strict=True,
        )
    )
    return Job(lambda: follow_orders(prepared), lambda sides: ladders(*sides), "a dict of orders, sums by price")


def follow_orders(rows: list[Any]) -> tuple[Any, Any]:
    """The final levels, best first."""
    bids, asks = SortedDict(), SortedDict()
    orders: dict[int, tuple[float, float]] = {}
    for action, side, order_id, price, size in rows:
        levels = bids if side == 66 else asks
        if action != 65:
            was_price, was_size = orders.pop(order_id)
            left = round(levels[was_price] - was_size, 3)
            if left:
                levels[was_price] = left
            else:
                del levels[was_price]
        if action != 67:
            orders[order_id] = (price, size)
            levels[price] = round(levels.get(price, 0.0) + size, 3)
    return list(reversed(bids.items())), list(asks.items())


def reads() -> dict[str, Any]:
    """What a book by hand answers in one expression."""
    bids, asks = book_of(*still())
    return {
        "best_bid": lambda: reading(
            lambda: bids.peekitem(-1), lambda level: number(level[0]), "`bids.peekitem(-1)`, a tuple"
        ),
        "spread": lambda: reading(
            lambda: asks.peekitem(0)[0] - bids.peekitem(-1)[0], number, "`asks.peekitem(0)[0] - bids.peekitem(-1)[0]`"
        ),
        "mid_price": lambda: reading(
            lambda: (asks.peekitem(0)[0] + bids.peekitem(-1)[0]) / 2, number, "half the sum of two `peekitem`"
        ),
        "depth": lambda: reading(
            lambda: (bids.items()[: -DEPTH - 1 : -1], asks.items()[:DEPTH]),
            lambda sides: ladders(*sides),
            "`items()[:10]` of both sides, lists of tuples",
        ),
    }


def main() -> None:
    """Serve all jobs."""
    jobs = {f"feed/{tape}": partial(raw, tape) for tape in captures()}
    jobs |= {f"parsed/{tape}": partial(ready, tape) for tape in captures()}
    jobs |= {"columns/synthetic": partial(rows, "synthetic"), "l3_bulk/orders": partial(l3_rows, "orders")}
    jobs |= {f"read/{name}": make for name, make in reads().items()}
    serve("sortedcontainers by hand", version("sortedcontainers"), jobs)


if __name__ == "__main__":
    main()
