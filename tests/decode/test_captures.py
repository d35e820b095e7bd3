"""Every line of the real captures is decoded, and says what its own text says."""

from __future__ import annotations

import gzip
import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from orderbook.decode import get_format
from orderbook.errors import DecodeError
from orderbook.events import (
    Delta,
    Event,
    Heartbeat,
    OrderAdd,
    OrderCancel,
    OrderExecute,
    OrderModify,
    OrderSnapshot,
    Quote,
    Reveal,
    Snapshot,
    Trade,
)
from orderbook.scale import to_decimal
from orderbook.types import Side

DataFile = Callable[[str], Path]

HTTP = re.compile(rb"(\S+) -> ([0-9.]+): (.*)")
WEBSOCKET = re.compile(rb"([0-9.]+): (.*)")


def stamped(path: Path) -> Iterator[tuple[int, bytes]]:
    """The lines of a ``<ns> <json>`` capture."""
    with gzip.open(path) as lines:
        for line in lines:
            when, _, payload = line.rstrip().partition(b" ")
            yield int(when), payload


def websocket(path: Path) -> Iterator[bytes]:
    """What the client of a text capture received."""
    with gzip.open(path) as lines:
        yield from (match[2] for line in lines if (match := WEBSOCKET.fullmatch(line.rstrip())))


def answers(path: Path) -> Iterator[tuple[str, bytes]]:
    """The answers of a text capture, with the URLs asked for."""
    with gzip.open(path) as lines:
        yield from ((match[1].decode(), match[3]) for line in lines if (match := HTTP.fullmatch(line.rstrip())))


def kinds(events: Iterable[Event]) -> dict[str, int]:
    """How many of each kind."""
    return dict(Counter(type(event).__name__ for event in events))


def exact(levels: Any) -> list[tuple[Decimal, Decimal]]:
    """Levels as exact numbers."""
    return [
        (to_decimal(price, levels.price_scale), to_decimal(size, levels.size_scale))
        for price, size in zip(levels.prices, levels.sizes, strict=True)
    ]


def decimals(rows: list[list[str]]) -> list[tuple[Decimal, Decimal]]:
    """The same numbers from the wire's own text, by another road."""
    return [(Decimal(price), Decimal(size)) for price, size in rows]


def check_depth(message: dict[str, Any], event: Any) -> None:
    """An event says exactly what its message says."""
    bids, asks = (message["b"], message["a"]) if "b" in message else (message["bids"], message["asks"])
    assert exact(event.bids) == decimals(bids)
    assert exact(event.asks) == decimals(asks)


# -- Binance ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("ethusdt_20240808.gz", {"Quote": 24077, "Delta": 3434, "Snapshot": 1, "Trade": 6106}),
        ("ethusdt_20240809.gz", {"Quote": 34681, "Delta": 3036, "Trade": 8409}),
    ],
)
def test_binance_spot(name: str, wanted: dict[str, int], data_file: DataFile) -> None:
    """All of both files, nothing ignored; update ids are consecutive ranges."""
    decoder = get_format("binance_spot").decoder()
    found: Counter[str] = Counter()
    last = None
    for when, payload in stamped(data_file(f"binance_spot/{name}")):
        [event] = decoder.decode(payload, when)
        found[type(event).__name__] += 1
        assert ("ETHUSDT", when, True) == (event.symbol, event.ts_recv, event.is_last)
        if isinstance(event, Delta):
            assert last is None or event.first_sequence == last + 1
            last = event.sequence
            check_depth(json.loads(payload)["data"], event)
    assert (wanted, 0) == (dict(found), decoder.ignored)


def test_binance_spot_snapshot(data_file: DataFile) -> None:
    """A thousand levels a side, and no word of the symbol: it is the only one of the connection."""
    decoder = get_format("binance_spot").decoder()
    for when, payload in stamped(data_file("binance_spot/ethusdt_20240808.gz")):
        [event] = decoder.decode(payload, when)
        if isinstance(event, Snapshot):
            break
    assert ("ETHUSDT", 35346513512, 1000, 1000, False) == (
        event.symbol,
        event.sequence,
        len(event.bids),  # type: ignore[attr-defined]
        len(event.asks),  # type: ignore[attr-defined]
        event.complete,  # type: ignore[attr-defined]
    )
    check_depth(json.loads(payload), event)


def test_binance_usdm(data_file: DataFile) -> None:
    """All of the file; every depth event follows the one before by pu."""
    decoder = get_format("binance_usdm").decoder()
    found: Counter[str] = Counter()
    last = None
    for when, payload in stamped(data_file("binance_usdm/ethusdt_20240808.gz")):
        [event] = decoder.decode(payload, when)
        found[type(event).__name__] += 1
        if isinstance(event, Delta):
            assert last is None or event.prev_sequence == last
            last = event.sequence
        if isinstance(event, (Quote, Trade)):
            message = json.loads(payload)["data"]
            assert message["E"] * 1_000_000 == event.ts_event
    assert ({"Quote": 53992, "Delta": 6586, "Snapshot": 1, "Trade": 14076}, 0) == (dict(found), decoder.ignored)


@pytest.mark.parametrize(
    ("format", "venue", "wanted", "ignored"),
    [
        ("binance_spot", "BINANCE", {"Delta": 177, "Quote": 84, "Trade": 2}, 2),
        ("binance_usdm", "BINANCE_FUTURES", {"Delta": 764, "Quote": 613, "Trade": 91}, 67),
    ],
)
def test_binance_text_captures(
    format: str, venue: str, wanted: dict[str, int], ignored: int, data_file: DataFile
) -> None:
    """Four symbols on one connection; only klines are of no use."""
    decoder = get_format(format).decoder()
    events = [event for raw in websocket(data_file(f"captures/{venue}.ws.1.0.gz")) for event in decoder.decode(raw)]
    assert (wanted, ignored) == (kinds(events), decoder.ignored)
    assert 4 == len({event.symbol for event in events})


@pytest.mark.parametrize(("format", "venue"), [("binance_spot", "BINANCE"), ("binance_usdm", "BINANCE_FUTURES")])
def test_binance_rest_captures(format: str, venue: str, data_file: DataFile) -> None:
    """Each answer belongs to the symbol that its URL asked for."""
    decoder = get_format(format).decoder()
    found = {}
    for url, body in answers(data_file(f"captures/{venue}.http.0.0.gz")):
        [event] = decoder.decode(body, origin=url)
        assert f"symbol={event.symbol}&" in url
        check_depth(json.loads(body), event)
        found[event.symbol] = event
    assert 4 == len(found)


def test_answers_without_their_urls_are_refused(data_file: DataFile) -> None:
    """Four symbols were shown: whose snapshot it is cannot be known."""
    decoder = get_format("binance_spot").decoder()
    for raw in websocket(data_file("captures/BINANCE.ws.1.0.gz")):
        decoder.decode(raw)
    _, body = next(answers(data_file("captures/BINANCE.http.0.0.gz")))
    with pytest.raises(DecodeError, match=r"names no symbol .*: pass symbols="):
        decoder.decode(body)


# -- Bitfinex ---------------------------------------------------------------------------------------------------------


def test_bitfinex_raw(data_file: DataFile) -> None:
    """One snapshot of 50 orders, then updates; a naive dict of orders ends with 19 on each side."""
    decoder = get_format("bitfinex_raw").decoder()
    with gzip.open(data_file("bitfinex_raw/bitfinex_L3_feed.json.gz")) as tape:
        messages = json.load(tape, parse_float=Decimal)
    events = [event for message in messages for event in decoder.decode(message)]
    assert {"OrderSnapshot": 1, "OrderModify": 62977, "OrderCancel": 37021} == kinds(events)
    first = events[0]
    assert isinstance(first, OrderSnapshot)
    orders = {order.order_id: order.side for order in first.orders}
    added = 0
    for event in events[1:]:
        assert "tBTCUSD" == event.symbol
        if isinstance(event, OrderModify):
            added += event.order_id not in orders
            orders[event.order_id] = event.side or Side.BID
        elif isinstance(event, OrderCancel):
            assert orders.pop(event.order_id) is event.side
    assert (50, 37009, {Side.BID: 19, Side.ASK: 19}) == (len(first.orders), added, Counter(orders.values()))


def test_bitfinex_raw_from_text(data_file: DataFile) -> None:
    """The same from text: numbers keep the venue's own digits."""
    decoder = get_format("bitfinex_raw").decoder()
    with gzip.open(data_file("bitfinex_raw/bitfinex_L3_feed.json.gz")) as tape:
        messages = json.load(tape, parse_float=Decimal)[:3000]
    for message in messages:
        text = json.dumps(message, default=float)
        events = decoder.decode(text)
        if isinstance(message, list) and isinstance(message[1][0], int):
            _, price, amount = message[1]
            [event] = events
            if isinstance(event, OrderModify):
                assert (price, abs(amount)) == (event.price, event.size)
            else:
                assert 0 == price


def test_bitfinex_connection_is_numbered_without_a_break(data_file: DataFile) -> None:
    """A session of other channels: every frame becomes a heartbeat with the next number."""
    decoder = get_format("bitfinex_raw").decoder()
    events = [event for raw in websocket(data_file("captures/BITFINEX.ws.11.0.gz")) for event in decoder.decode(raw)]
    assert {"Heartbeat": 1670} == kinds(events)
    assert all(isinstance(event, Heartbeat) and event.symbol == "" for event in events)
    assert list(range(1, 1671)) == [event.sequence for event in events]


# -- LOBSTER ----------------------------------------------------------------------------------------------------------

STEM = "lobster/AAPL_2012-06-21_34200000_57600000"


def apply(book: dict[tuple[Side, Decimal], Decimal], event: Any) -> None:
    """The visible book by price alone, the naive way."""
    if isinstance(event, (OrderAdd, OrderCancel, OrderExecute)):
        assert event.side is not None and event.size is not None
        key = (event.side, Decimal(str(event.price)))
        sign = 1 if isinstance(event, OrderAdd) else -1
        book[key] = book.get(key, Decimal(0)) + sign * Decimal(event.size)
        assert book[key] >= 0
        if not book[key]:
            del book[key]
    if isinstance(event, Reveal):
        for side, levels in ((Side.BID, event.bids), (Side.ASK, event.asks)):
            for price, size in exact(levels):
                assert (side, price) not in book
                book[side, price] = size


def in_view(book: dict[tuple[Side, Decimal], Decimal], depth: int) -> dict[tuple[Side, Decimal], Decimal]:
    """The best levels of each side."""
    best = [sorted((-side * price, price) for own, price in book if own is side)[:depth] for side in Side]
    keys = [(side, price) for side, prices in zip(Side, best, strict=True) for _, price in prices]
    return {key: book[key] for key in keys}


def shown(row: str) -> dict[tuple[Side, Decimal], Decimal]:
    """A row of the order book file."""
    cells = list(map(int, row.split(",")))
    book = {}
    for i in range(0, len(cells), 4):
        book[Side.ASK, Decimal(cells[i]) / 10_000] = Decimal(cells[i + 1])
        book[Side.BID, Decimal(cells[i + 2]) / 10_000] = Decimal(cells[i + 3])
    return book


def lobster(data_file: DataFile, *, drop: int | None = None) -> list[tuple[list[Event], str]]:
    """The events of each row of the pair, with the row; one row can be left out."""
    decoder = get_format("lobster").decoder()
    messages = data_file(f"{STEM}_message_10.csv").read_text(encoding="ascii").split()
    rows = data_file(f"{STEM}_orderbook_10.csv").read_text(encoding="ascii").split()
    pairs = [pair for i, pair in enumerate(zip(messages, rows, strict=True)) if i != drop]
    return [(decoder.decode(f"AAPL,2012-06-21,{message},{row}"), row) for message, row in pairs]


def test_lobster_reproduces_the_order_book_file(data_file: DataFile) -> None:
    """Seeded from row 0, messages and revealed levels lead to every one of the other 998 rows, all ten levels of it."""
    (first, row), *others = lobster(data_file)
    [seed] = first
    assert isinstance(seed, Snapshot)
    assert (10, False) == (seed.view_depth, seed.complete)
    book = {(Side.BID, price): size for price, size in exact(seed.bids)}
    book |= {(Side.ASK, price): size for price, size in exact(seed.asks)}
    assert shown(row) == book
    for events, row in others:
        for event in events:
            apply(book, event)
        book = in_view(book, 10)
        assert shown(row) == book
    found = kinds(event for events, _ in others for event in events)
    assert {"OrderAdd": 470, "OrderCancel": 369, "OrderExecute": 98, "Trade": 159, "Reveal": 318} == found


def seeds(data_file: DataFile, drop: int) -> list[int]:
    """Which rows are seeds when one is left out."""
    rows = lobster(data_file, drop=drop)
    return [i for i, (events, _) in enumerate(rows) if isinstance(events[0], Snapshot)]


@pytest.mark.parametrize("drop", [1, 21, 500, 997])
def test_lobster_notices_a_missing_row(drop: int, data_file: DataFile) -> None:
    """The next row does not follow from the one before the hole: it is a seed, and the book is right again."""
    assert [0, drop] == seeds(data_file, drop)


def test_lobster_misses_nothing_without_a_hidden_execution(data_file: DataFile) -> None:
    """It changed no level, so the rows around it follow from each other."""
    messages = data_file(f"{STEM}_message_10.csv").read_text(encoding="ascii").split()
    hidden = next(i for i, row in enumerate(messages) if row.split(",")[1] == "5")
    assert [0] == seeds(data_file, hidden)


def test_lobster_counts_and_times(data_file: DataFile) -> None:
    """Every type of the file, in the order of time."""
    decoder = get_format("lobster").decoder()
    messages = data_file(f"{STEM}_message_10.csv").read_text(encoding="ascii").split()
    events = [event for row in messages for event in decoder.decode(f"AAPL,2012-06-21,{row}")]
    assert {"OrderAdd": 471, "OrderCancel": 369, "OrderExecute": 98, "Trade": 98 + 61} == kinds(events)
    assert 61 == sum(isinstance(event, Trade) and event.hidden for event in events)
    times = [event.ts_event or 0 for event in events]
    assert sorted(times) == times
    assert (1340285400004241176, 1340285449086375027) == (times[0], times[-1])
