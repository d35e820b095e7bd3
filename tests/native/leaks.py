"""What one compiled entry keeps for good: ``python tests/native/leaks.py <case>`` prints the bytes and objects gained.

Run by test_leaks.py with PYTHONMALLOC=malloc, so that the C library's own count holds Python's objects too, and every
leak of 16 bytes a call shows.
"""

from __future__ import annotations

import ctypes
import gc
import pickle
import sys
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import orderbook as ob
from orderbook.books import L2Book, L3Book
from orderbook.decode import get_format
from orderbook.errors import OrderBookError
from orderbook.events import Delta, OrderAdd, OrderCancel, Snapshot
from orderbook.feed import Feed
from orderbook.sources import FileSource
from orderbook.types import RawMessage

ROUNDS = 60
WINDOWS = 40
CASES: dict[str, Callable[[], Callable[[], object]]] = {}
ROWS = [(str(100 + i), str(i + 1)) for i in range(100)]
REFUSED: tuple[Any, ...] = (
    [("x", 1)], [(1,)], [None], None, 7, [(1, -1)], [("1e30", 1)], [(float("nan"), 1)], [(1, 2), (1, "2" * 70)],
    [(True, 1)], [{}], "text", [(1, 2), b"x"], [(10**30, 1)], [("1", "1"), ("\u0661", "1")],
)  # fmt: skip


def case(make: Callable[[], Callable[[], object]]) -> Callable[[], Callable[[], object]]:
    """Add a case: it prepares, and returns what is done again and again."""
    CASES[make.__name__] = make
    return make


class Bytes(ctypes.Structure):
    """What mallinfo2() of the C library fills."""

    _fields_ = tuple(
        (name, ctypes.c_size_t)
        for name in "arena ordblks smblks hblks hblkhd usmblks fsmblks uordblks fordblks keepcost".split()
    )


def held() -> tuple[int, int]:
    """Bytes in use, and objects that the collector knows."""
    gc.collect()
    library = ctypes.CDLL(None)
    library.mallinfo2.restype = Bytes
    info = library.mallinfo2()
    return info.uordblks + info.hblkhd, len(gc.get_objects())


@case
def l2_changes() -> Callable[[], object]:
    """Snapshots and deltas that are taken, of every kind of row."""
    book = L2Book("X")

    def work() -> None:
        book.apply_snapshot(ROWS, [(300.5 + i, i + 1) for i in range(100)], sequence=2**63, ts_event=5)
        book.apply_delta([["99.25", "5"], ("100", 0)], [(400, 1), ("401.125", 2.5)], sequence=7)
        book.apply_delta(ob.Levels.parse([("9", "1")]), ob.Levels.parse([("500", "1")]))
        book.apply(Delta(symbol="X", bids=[("98", 1)], asks=[]))
        book.apply_many([Snapshot(symbol="X", bids=ROWS), Delta(symbol="X", bids=[("1", 0)])])
        book.forget()

    return work


@case
def l2_refusals() -> Callable[[], object]:
    """Rows that are refused, on either side, and headers."""
    book = L2Book()

    def work() -> None:
        for rows in REFUSED:
            for bids, asks in ((rows, ROWS), (ROWS, rows)):
                for change in (book.apply_snapshot, book.apply_delta):
                    with suppress(OrderBookError, TypeError):
                        change(bids, asks)
        with suppress(OrderBookError):
            book.apply_delta(ROWS, [], sequence=2**64)
        with suppress(OrderBookError):
            book.apply_snapshot([("1", 1), ("1.0", 1)], [])

    return work


@case
def reading() -> Callable[[], object]:
    """Depths, views, iterations that end early, measures, in each price type."""
    books: list[Any] = []
    for kind in ("float", "decimal", "fixed"):
        book = L2Book(price_type=kind)
        book.apply_snapshot(ROWS, [(300 + i, 1) for i in range(100)])
        books.append(book)
        orders = L3Book(price_type=kind)
        for i in range(150):
            orders.add(i, "bid", 100 - i % 90, 5)
            orders.add(f"id{i}", "ask", 200 + i % 90, 5)
        books.append(orders)

    def work() -> None:
        for book in books:
            book.depth(5), book.depth(None), book.best_bid, book.best_ask, book.mid_price, book.microprice
            next(iter(book.bids)), list(book.asks), book.bids[3], book.bids[-1], book.bids[2:70]
            book.imbalance(7), book.vwap("bid", 10), book.state, book.known_range, book.spread_bps
            with suppress(OrderBookError):
                book.depth(0)
            with suppress(IndexError):
                book.bids[1000]
            for place, _ in enumerate(reversed(book.bids)):
                if place == 5:
                    break

    return work


@case
def copies() -> Callable[[], object]:
    """Copies, pickles, bytes, bytes that are damaged, and levels out of orders."""
    flat, orders = L2Book("X"), L3Book("X")
    flat.apply_snapshot(ROWS[:10], [])
    for i in range(20):
        orders.add(i if i % 2 else str(i), "bid", 100 + i % 7, 5)
    books: list[Any] = [flat, orders]

    def work() -> None:
        for book in books:
            raw = book.to_bytes()
            assert book == type(book).from_bytes(raw) == book.copy() == pickle.loads(pickle.dumps(book))
            with suppress(OrderBookError):
                type(book).from_bytes(raw[:-1])
        orders.to_l2()

    return work


@case
def l3_changes() -> Callable[[], object]:
    """Orders with ids of each kind: all verbs, taken and refused."""
    book = L3Book("X")
    keys: list[Any] = [7, -5, 2**64 - 1, "seven", "\xe4" * 3]

    def work() -> None:
        for key in keys:
            book.add(key, "bid", "100.5", 5)
            book.modify(key, size=7)
            book.modify(key, price="99.25")
            book.replace(key, "other", price=98, size=2)
            book.replace("other", key, price=97, size=3)
            book.cancel(key, 1)
            for bad in (lambda key=key: book.add(key, "bid", 1, 1), lambda key=key: book.cancel(key, 100)):
                with suppress(OrderBookError):
                    bad()
            assert [order.order_id for order in book.queue("bid", 97)] == [key]
            book.queue_ahead(key)
            book.execute(key, 2)
            for wrong in (key, None, 2**70, [], "\ud800"):
                with suppress(OrderBookError, TypeError):
                    book.cancel(wrong)
            book.apply(OrderAdd(symbol="X", order_id=key, side=ob.Side.ASK, price="100", size="5"))
        book.apply(OrderCancel(symbol="X", order_id=7))
        book.clear()

    return work


@case
def l3_columns() -> Callable[[], object]:
    """Columns of orders into a book."""
    table = ob.Events.from_events(
        [OrderAdd(symbol="X", order_id=i, side=ob.Side.BID, price=100 + i % 9, size=5, ts_recv=i) for i in range(500)]
        + [OrderCancel(symbol="X", order_id=i, ts_recv=i) for i in range(0, 500, 3)]
    )

    def work() -> None:
        book = L3Book("X")
        book.apply_many(table)
        with suppress(OrderBookError):
            book.apply_many(table)

    return work


def snapshot(number: int) -> RawMessage:
    """A REST snapshot of Binance spot."""
    body = b'{"lastUpdateId":%d,"bids":[["100","1"]],"asks":[["101","2"]]}' % number
    return RawMessage(5, body, "https://host/api/v3/depth?symbol=X&limit=1")


def delta(number: int) -> bytes:
    """The diff of a number."""
    return b'{"e":"depthUpdate","E":1700000000000,"s":"X","U":%d,"u":%d,"b":[["%d","1"]],"a":[]}' % (
        number, number, 1 + number % 90,
    )  # fmt: skip


@case
def feeds() -> Callable[[], object]:
    """Messages that a feed takes quickly, declines, or never looks into; feeds that are dropped with all they hold."""

    def work() -> None:
        feed = Feed("binance_spot")
        feed.receive(snapshot(10))
        kept = [feed.receive(delta(n), n) for n in range(11, 20)]
        assert kept[0][0].event.bids
        feed.receive(delta(5), 5)
        feed.receive(b'{"u":5,"s":"X","b":"1","B":"2","a":"3","A":"4"}')
        feed.receive(b'{"e":"trade","E":5,"s":"X","t":7,"p":"1","q":"2","T":5,"m":true}', 3)
        for bad in (b"{", b'{"e":"depthUpdate"}', delta(99), b'{"e":"depthUpdate","s":"X","U":1,"u":"x","b":[["1"]]}'):
            with suppress(OrderBookError):
                feed.receive(bad)
        feed.stats, feed.builders  # noqa: B018

    return work


@case
def walker() -> Callable[[], object]:
    """What the compiled interpreter reads, and what it declines."""
    from orderbook.decode._walker import Walker

    compiled: Any = Walker
    table = get_format("binance_usdm").table

    def work() -> None:
        made = compiled.make(table)
        scratch = made.scratch()
        for payload in (delta(5), b'{"u":5,"s":"X","b":"1.5","B":"2","a":"3","A":"4"}', b"{", b'{"e":"kline"}'):
            made.read(payload, 5, scratch)

    return work


@case
def files() -> Callable[[], object]:
    """Files in bulk: loaded, sampled in both ways, and as columns."""
    tape = Path(tempfile.mkdtemp()) / "x.txt"
    lines = [b"%d %s" % (n, delta(n)) for n in range(11, 60)]
    lines[40:40] = [b"9 {", b"9 []"]
    tape.write_bytes(b"\n".join(lines) + b"\n")
    events = [Snapshot(symbol="X", bids=ROWS[:5], asks=[("900", 1)], ts_recv=1)]
    events += [Delta(symbol="X", bids=[(str(n), "2")], asks=[], ts_recv=n) for n in range(2, 50)]
    table = ob.Events.from_events(events)

    def work() -> None:
        for read in (ob.load, lambda source, **more: ob.sample(source, 10, depth=3, **more)):
            feed = Feed("binance_spot")
            feed.receive(snapshot(10))
            with suppress(OrderBookError):
                read(FileSource(tape, "binance_spot", symbols=["X"], framing="ns_json"), feed=feed)
        ob.sample(table, 10, depth=3)
        ob.sample(table, "7ev", depth=1)
        L2Book("X").apply_many(table)

    return work


def main() -> None:
    """Measure the case that the command line names, until it stands still; what leaks never does."""
    work = CASES[sys.argv[1]]()
    for _ in range(ROUNDS // 3):
        work()
    # What is there now is not looked at again, which makes it cheap to collect after every round; otherwise when the
    # collector happens to run decides how much memory there is.
    gc.collect()
    gc.freeze()
    gc.disable()
    for _ in range(WINDOWS):
        before = held()
        for _ in range(ROUNDS):
            work()
            gc.collect()
        gained = [new - old for new, old in zip(held(), before, strict=True)]
        if gained[0] < 8 * ROUNDS and gained[1] < ROUNDS // 2:
            break
    print(*gained)  # noqa: T201


if __name__ == "__main__":
    main()
