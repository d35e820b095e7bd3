"""Every rule family over real captures of venues whose formats are not built in yet.

The decoders here are a few lines each and belong to the tests; what is proven is the rules, the bridging and the
books: by the venue's own numbers, and for Kraken by its checksum after every single message.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import orjson
import pytest

import orderbook as ob

Files = Callable[[str], Path]
Events = Iterator[ob.Event]


def messages(data_file: Files, *names: str) -> Iterator[tuple[str, Any]]:
    """Origin and parsed body of what a connection received, its websocket and REST halves merged by time."""
    source = ob.FileSource([data_file(f"captures/{name}.gz") for name in names], None, framing="capture")
    for item in source:
        if isinstance(item, ob.RawMessage) and item.payload[:1] in (b"{", b"["):
            yield item.origin, orjson.loads(item.payload)


class Run:
    """All events of a capture judged by one rule, an instrument at a time."""

    def __init__(self, rule: str | ob.Rule, events: Events, **options: Any) -> None:
        self.builders: dict[str, ob.BookBuilder[ob.L2Book]] = {}
        for event in events:
            if event.symbol not in self.builders:
                self.builders[event.symbol] = ob.BookBuilder(ob.L2Book(event.symbol), rule, **options)
            self.builders[event.symbol].apply(event)
        for builder in self.builders.values():
            builder.book._check()
        self.stats = sum((builder.stats for builder in self.builders.values()), ob.Stats())


def query(url: str, name: str) -> str:
    """One parameter of a request."""
    return parse_qs(urlsplit(url).query)[name][0]


def kucoin(data_file: Files) -> Events:
    """RANGE with a REST snapshot; rows of price 0 only advance the number."""
    for url, body in messages(data_file, "KUCOIN.ws.1.0", "KUCOIN.http.0.0"):
        data = body.get("data")
        if "/level2?" in url:
            yield ob.Snapshot(
                symbol=query(url, "symbol"), sequence=int(data["sequence"]), bids=data["bids"], asks=data["asks"]
            )
        elif body.get("subject") == "trade.l2update":
            sides = {side: [row for row in rows if row[0] != "0"] for side, rows in data["changes"].items()}
            yield ob.Delta(
                symbol=data["symbol"], first_sequence=data["sequenceStart"], sequence=data["sequenceEnd"], **sides
            )


def test_kucoin(data_file: Files) -> None:
    """3,853 messages of ten symbols, every one that has a snapshot bridges, no gap."""
    feed = Run("kucoin", kucoin(data_file))
    assert (feed.stats.gaps, feed.stats.stale > 0, feed.stats.noop > 0) == (0, True, True)
    live = [builder for builder in feed.builders.values() if builder.stats.snapshots]
    assert live and all(builder.state is ob.State.LIVE for builder in live)
    assert feed.stats.applied > 1_000


def gate(data_file: Files) -> Events:
    """RANGE with a REST snapshot of 100 levels."""
    for url, body in messages(data_file, "GATEIO.ws.1.0", "GATEIO.http.0.0"):
        if "/order_book?" in url:
            yield ob.Snapshot(
                symbol=query(url, "currency_pair"),
                sequence=body["id"],
                bids=body["bids"],
                asks=body["asks"],
                complete=False,
            )
        elif body.get("channel") == "spot.order_book_update" and body["event"] == "update":
            r = body["result"]
            yield ob.Delta(symbol=r["s"], first_sequence=r["U"], sequence=r["u"], bids=r["b"] or [], asks=r["a"] or [])


def test_gate(data_file: Files) -> None:
    """172 messages, no gap; every symbol with a snapshot is live."""
    feed = Run("gate", gate(data_file))
    assert feed.stats.gaps == 0
    assert {b.state for b in feed.builders.values() if b.stats.snapshots} == {ob.State.LIVE}


def deribit(data_file: Files) -> Events:
    """PREV in band; a level is [action, price, amount]."""
    for _, body in messages(data_file, "DERIBIT.ws.1.0"):
        params = body.get("params", {})
        if not params.get("channel", "").startswith("book."):
            continue
        data = params["data"]
        sides = {
            side: [(row[1], 0 if row[0] == "delete" else row[2]) for row in data[side]] for side in ("bids", "asks")
        }
        kind = ob.Snapshot if data["type"] == "snapshot" else ob.Delta
        yield kind(
            symbol=data["instrument_name"],
            sequence=data["change_id"],
            prev_sequence=data.get("prev_change_id"),
            **sides,
        )


def test_deribit(data_file: Files) -> None:
    """All 46 messages link."""
    feed = Run("deribit", deribit(data_file))
    stats = feed.stats
    assert (stats.gaps, stats.stale, stats.applied + stats.snapshots + stats.noop, stats.events) == (0, 0, 46, 46)


def kraken_futures(data_file: Files) -> Events:
    """INCR per product, one level a message."""
    for _, body in messages(data_file, "KRAKEN_FUTURES.ws.1.0"):
        feed = body.get("feed")
        if feed == "book_snapshot":
            bids, asks = ([(row["price"], row["qty"]) for row in body[side]] for side in ("bids", "asks"))
            yield ob.Snapshot(symbol=body["product_id"], sequence=body["seq"], bids=bids, asks=asks)
        elif feed == "book" and "side" in body:
            side = "bids" if body["side"] == "buy" else "asks"
            yield ob.Delta(symbol=body["product_id"], sequence=body["seq"], **{side: [(body["price"], body["qty"])]})


def test_kraken_futures(data_file: Files) -> None:
    """7,024 messages, no number missing, never crossed."""
    feed = Run("kraken_futures", kraken_futures(data_file))
    assert (feed.stats.gaps, feed.stats.stale, feed.stats.crossed) == (0, 0, 0)
    assert feed.stats.applied > 6_000


def hitbtc(data_file: Files) -> Events:
    """INCR in band, with snapshots sent again in the middle."""
    for _, body in messages(data_file, "HITBTC.ws.1.0"):
        method = body.get("method")
        if method in ("snapshotOrderbook", "updateOrderbook"):
            p = body["params"]
            bids, asks = ([(row["price"], row["size"]) for row in p[side]] for side in ("bid", "ask"))
            kind = ob.Snapshot if method == "snapshotOrderbook" else ob.Delta
            yield kind(symbol=p["symbol"], sequence=p["sequence"], bids=bids, asks=asks)


def test_hitbtc(data_file: Files) -> None:
    """Ten symbols are sent a second snapshot in the middle: legal, no gap, and it equals the book built from deltas."""
    rule = ob.Rule(name="hitbtc", family=ob.RULES["kraken_futures"].family)
    builders: dict[str, ob.BookBuilder[ob.L2Book]] = {}
    confirmed = 0
    for event in hitbtc(data_file):
        builder = builders.setdefault(event.symbol, ob.BookBuilder(ob.L2Book(event.symbol), rule))
        before = builder.book.copy() if isinstance(event, ob.Snapshot) and builder.state is ob.State.LIVE else None
        at = builder.sequence
        builder.apply(event)
        confirmed += before is not None and event.sequence == at and before == builder.book
    assert sum((builder.stats for builder in builders.values()), ob.Stats()).snapshots == 20
    assert [builder.stats.gaps for builder in builders.values()] == [0] * 10
    assert confirmed == 10


def bitstamp(data_file: Files) -> Events:
    """TIME: only events after the snapshot's microtimestamp count."""
    for url, body in messages(data_file, "BITSTAMP.ws.1.0", "BITSTAMP.http.0.0"):
        if "/order_book/" in url:
            kind, symbol, data = ob.Snapshot, url.rstrip("/").rsplit("/", 1)[-1], body
        elif body.get("channel", "").startswith("diff_order_book_") and body["event"] == "data":
            kind, symbol, data = ob.Delta, body["channel"].rsplit("_", 1)[-1], body["data"]
        else:
            continue
        when = int(data["microtimestamp"]) * 1_000
        yield kind(symbol=symbol, ts_event=when, bids=data["bids"], asks=data["asks"])


def test_bitstamp(data_file: Files) -> None:
    """Every symbol bridges by time; none is crossed afterwards."""
    feed = Run("bitstamp", bitstamp(data_file))
    assert (feed.stats.gaps, feed.stats.crossed) == (0, 0)
    assert {b.state for b in feed.builders.values() if b.stats.snapshots} == {ob.State.LIVE}
    assert feed.stats.applied > 100


# -- Kraken: a checksum after every message ----------------------------------------------------------------------------


def kraken(data_file: Files, digits: dict[str, tuple[int, int]]) -> Events:
    """CRC, two payload objects may share one frame; notes how many digits the wire writes, for the checksum."""
    for _, body in messages(data_file, "KRAKEN.ws.50.0"):
        if not isinstance(body, list) or not str(body[-2]).startswith("book-"):
            continue
        parts = {key: value for part in body[1:-2] for key, value in part.items()}
        symbol = body[-1]
        if "as" in parts:
            price, size = parts["as"][0][:2]
            digits[symbol] = len(price.split(".")[1]), len(size.split(".")[1])
            yield ob.Snapshot(symbol=symbol, bids=parts["bs"], asks=parts["as"], view_depth=1_000)
        else:
            yield ob.Delta(symbol=symbol, bids=parts.get("b", []), asks=parts.get("a", []), checksum=int(parts["c"]))


def kraken_checksum(book: ob.L2Book, digits: tuple[int, int]) -> int:
    """CRC-32 over the top ten asks, then bids, each number as the wire writes it without the dot and leading zeros."""
    depth = book.depth(10, price_type="decimal")
    text = ""
    for level in (*depth.asks, *depth.bids):
        for number, places in zip(level[:2], digits, strict=True):
            text += f"{number:.{places}f}".replace(".", "").lstrip("0")
    return zlib.crc32(text.encode())


def test_kraken_checksums(data_file: Files) -> None:
    """CRC32 of 4,269 of 4,269 updates, and one digit more in one size is found at once."""
    digits: dict[str, tuple[int, int]] = {}

    def check(book: ob.L2Book) -> int:
        return kraken_checksum(book, digits[book.symbol])

    events = list(kraken(data_file, digits))
    stats = Run("kraken", iter(events), checksum=check).stats
    assert (stats.checksums_ok, stats.checksums_bad, stats.snapshots) == (4_269, 0, 10)

    first = next(i for i, e in enumerate(events) if isinstance(e, ob.Delta) and e.bids and e.bids[0].size)
    wrong = events[first]
    assert isinstance(wrong, ob.Delta)
    events[first] = ob.Delta(
        symbol=wrong.symbol,
        bids=[(level.price, level.size + 1) for level in wrong.bids],
        asks=wrong.asks,
        checksum=wrong.checksum,
    )
    assert Run("kraken", iter(events[: first + 1]), checksum=check).stats.checksums_bad == 1


@pytest.mark.parametrize(
    ("rule", "decode"), [("kucoin", kucoin), ("deribit", deribit), ("kraken_futures", kraken_futures)]
)
def test_any_lost_message_is_one_gap(data_file: Files, rule: str, decode: Callable[[Files], Events]) -> None:
    """Of every instrument's stream: without one message in its middle, exactly one gap, there, and silence after."""
    by_symbol: dict[str, list[ob.Event]] = {}
    for event in decode(data_file):
        by_symbol.setdefault(event.symbol, []).append(event)
    tried = 0
    for symbol, events in by_symbol.items():
        whole = ob.BookBuilder(ob.L2Book(symbol), rule)
        verdicts = [whole.apply(event) for event in events]
        live = [i for i, v in enumerate(verdicts) if v in (ob.Verdict.APPLIED, ob.Verdict.NOOP)]
        if len(live) < 3:
            continue
        lost = live[len(live) // 2]
        if any(isinstance(event, ob.Snapshot) for event in events[lost:]):
            continue
        broken = ob.BookBuilder(ob.L2Book(symbol), rule)
        got = [broken.apply(event) for i, event in enumerate(events) if i != lost]
        assert got[:lost] == verdicts[:lost]
        assert (got[lost], broken.stats.gaps) == (ob.Verdict.GAP, 1)
        assert {v.name for v in got[lost + 1 :]} <= {"BUFFERED", "STALE"}
        tried += 1
    assert tried
