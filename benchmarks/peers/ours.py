"""This library through its public API; what is not there yet is not served."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from worker import DEPTH, Answer, Job, captures, columns, folder, ladders, lines, number, parsed, reading, serve, sizes
from worker import series as as_series
from worker import still_book as still

import orderbook as ob
from orderbook.books import reference

SYMBOL = "ETHUSDT"
EVERY = "100ms"

bbo: Callable[[Any], ob.Panel] | None = getattr(ob, "bbo", None)


def file_of(tape: str) -> ob.FileSource:
    """A raw tape as a file, decompressed before."""
    return ob.FileSource(folder() / f"{tape}.lines", sizes()[tape]["format"], symbols=[SYMBOL])


def events_of(tape: str) -> ob.Events:
    """A synthetic tape as columns."""
    table = columns(tape)
    names = ("ts_event", "ts_recv", "action", "side", "flags", "price", "size", "order_id", "sequence")
    return ob.Events(SYMBOL, **{name: table[name] for name in names}, price_exponent=-2, size_exponent=-3)


def tops(panel: ob.Panel) -> Answer:
    """Best prices of a panel."""
    return {"bid": panel.bid_px[:, 0], "ask": panel.ask_px[:, 0]}


def whole(panel: ob.Panel) -> Answer:
    """All prices and sizes of a panel."""
    return {name: getattr(panel, name) for name in ("bid_px", "bid_sz", "ask_px", "ask_sz")}


def final(book: Any) -> Answer:
    """All levels of a book."""
    return ladders(*([(level.price, level.size) for level in side] for side in (book.bids, book.asks)))


def replayed(events: ob.Events) -> Answer:
    """The book that columns lead to, made by the reference."""
    book = reference.L2Book(SYMBOL)
    book.apply_many(events)
    return final(book)


# -- jobs -----------------------------------------------------------------------------------------------------------


def feed(tape: str) -> Job:
    """Bytes to best prices, a message at a time."""
    messages, venue = list(zip(*lines(tape), strict=True)), sizes()[tape]["format"]

    def run() -> tuple[list[float], list[float]]:
        receiver = ob.Feed(venue, symbols=[SYMBOL])
        bids: list[float] = []
        asks: list[float] = []
        for ts, payload in messages:
            for update in receiver.receive(payload, ts):
                book: Any = update.book
                bids.append(book.best_bid.price)
                asks.append(book.best_ask.price)
        return bids, asks

    return Job(run, as_series, "`Feed.receive(payload, ts)`, continuity checked, `best_bid` and `best_ask` read")


def ready(tape: str) -> Job:
    """Parsed messages to best prices."""
    messages = parsed(tape)

    def run() -> tuple[list[float], list[float]]:
        book: Any = ob.L2Book(SYMBOL)
        book.apply_snapshot(messages[0]["bids"], messages[0]["asks"])
        bids, asks = [book.best_bid.price], [book.best_ask.price]
        for message in messages[1:]:
            data = message["data"]
            book.apply_delta(data["b"], data["a"])
            bids.append(book.best_bid.price)
            asks.append(book.best_ask.price)
        return bids, asks

    return Job(run, as_series, "`L2Book.apply_delta(rows, rows)`, `best_bid` and `best_ask` read")


def bulk(tape: str, work: Callable[[Any], Any], answer: Callable[[Any], Answer], note: str) -> Job:
    """A whole file at once."""
    source = file_of(tape)
    return Job(lambda: work(source), answer, note)


def load(tape: str) -> Job:
    """A file to columns."""
    return bulk(tape, ob.load, replayed, "`ob.load(FileSource)`, decompressed file")


def file_bbo(tape: str) -> Job:
    """A file to best prices."""
    assert bbo is not None
    return bulk(tape, bbo, tops, "`ob.bbo(FileSource)`, decompressed file")


def file_sample(tape: str) -> Job:
    """A file to a grid."""
    note = f'`ob.sample(FileSource, "{EVERY}", depth={DEPTH})`, decompressed file'
    return bulk(tape, lambda source: ob.sample(source, EVERY, depth=DEPTH), whole, note)


def best(tape: str) -> Job:
    """Columns to best prices after every update."""
    events = events_of(tape)
    if bbo is None:
        return Job(lambda: ob.sample(events, "1ev", depth=1), tops, '`ob.sample(events, "1ev", depth=1)`: no `bbo` yet')
    return Job(partial(bbo, events), tops, "`ob.bbo(events)`")


def grid(tape: str) -> Job:
    """Columns to ladders on a grid."""
    events = events_of(tape)

    def answer(panel: ob.Panel) -> Answer:
        read = sum(getattr(events, name).nbytes for name in columns(tape) if hasattr(events, name))
        written = sum(getattr(panel, name).nbytes for name in panel.__slots__ if name != "symbol")
        return {**whole(panel), "moved": np.array([read + written])}

    return Job(partial(ob.sample, events, EVERY, DEPTH), answer, f'`ob.sample(events, "{EVERY}", depth={DEPTH})`')


def orders_bulk(tape: str) -> Job:
    """Orders from columns."""
    events = events_of(tape)

    def run() -> ob.L3Book:
        book = ob.L3Book(SYMBOL)
        book.apply_many(events)
        return book

    return Job(run, final, "`L3Book.apply_many(events)`")


def orders_one_by_one(tape: str) -> Job:
    """Orders by single calls, with numbers as text made before."""
    table = columns(tape)
    names = ("action", "side", "order_id", "price", "size")
    rows = []
    for action, side, order_id, price, size in zip(*(table[name].tolist() for name in names), strict=True):
        kind = ob.Side.BID if side == ord("B") else ob.Side.ASK
        rows.append((action, kind, order_id, f"{price / 100:.2f}", f"{size / 1000:.3f}"))

    def run() -> ob.L3Book:
        book = ob.L3Book(SYMBOL)
        for action, side, order_id, price, size in rows:
            if action == 65:
                book.add(order_id, side, price, size)
            elif action == 77:
                book.modify(order_id, price=price, size=size)
            else:
                book.cancel(order_id)
        return book

    return Job(run, final, "`add`, `modify`, `cancel`; prices and sizes are text")


def reads() -> dict[str, Callable[[], Job]]:
    """Questions to a book that stands still."""
    book: Any = ob.L2Book(SYMBOL)
    book.apply_snapshot(*still())

    def levels(view: ob.Depth) -> Answer:
        return ladders(*([(level.price, level.size) for level in side] for side in (view.bids, view.asks)))

    return {
        "best_bid": lambda: reading(
            lambda: book.best_bid, lambda level: number(level.price), "`best_bid`: a `Level` with price and size"
        ),
        "spread": lambda: reading(lambda: book.spread, number, "`spread`"),
        "mid_price": lambda: reading(lambda: book.mid_price, number, "`mid_price`"),
        "depth": lambda: reading(lambda: book.depth(DEPTH), levels, "`depth(10)`: an immutable view of both sides"),
    }


def main() -> None:
    """Serve all jobs."""
    kinds = {"feed": feed, "parsed": ready, "load": load, "sample": file_sample}
    kinds |= {} if bbo is None else {"bbo": file_bbo}
    jobs: dict[str, Callable[[], Job]] = {
        f"{kind}/{tape}": partial(make, tape) for kind, make in kinds.items() for tape in captures()
    }
    jobs |= {
        "columns/synthetic": partial(best, "synthetic"),
        "grid/synthetic": partial(grid, "synthetic"),
        "l3_bulk/orders": partial(orders_bulk, "orders"),
        "l3_calls/orders": partial(orders_one_by_one, "orders"),
    }
    jobs |= {f"read/{name}": make for name, make in reads().items()}
    serve("orderbook", f"{ob.__version__} ({ob.backend})", jobs)


if __name__ == "__main__":
    main()
