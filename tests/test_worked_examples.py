"""The worked examples of the venue reference, W1 to W27, each as a test of its name."""

from __future__ import annotations

import zlib
from typing import Any

from orderbook.books import L2Book, L3Book
from orderbook.builder import BookBuilder
from orderbook.events import (
    Clear,
    Delta,
    Disconnect,
    Heartbeat,
    OrderAdd,
    OrderCancel,
    OrderExecute,
    OrderModify,
    OrderSnapshot,
    Snapshot,
    Status,
    Trade,
)
from orderbook.feed import Feed
from orderbook.types import Order, Side
from orderbook.verdicts import State, Verdict

BID, ASK = Side.BID, Side.ASK
LEVEL: Any = [("1", "1")]


def span(first: int, last: int, prev: int | None = None, **fields: Any) -> Delta:
    """A delta that covers first..last and changes one level."""
    return Delta(first_sequence=first, sequence=last, prev_sequence=prev, **{"bids": LEVEL, **fields})


def link(prev: int, last: int, **fields: Any) -> Delta:
    """A delta that follows prev."""
    return Delta(prev_sequence=prev, sequence=last, **{"bids": LEVEL, **fields})


def step(number: int, **fields: Any) -> Delta:
    """A delta with a plain number."""
    return Delta(sequence=number, **{"bids": LEVEL, **fields})


def snap(number: int | None, **fields: Any) -> Snapshot:
    """A snapshot with one level a side."""
    return Snapshot(sequence=number, **{"bids": [("1", "1")], "asks": [("2", "1")], **fields})


def builder(rule: str, *events: Any) -> BookBuilder[L2Book]:
    """A builder that has taken some events."""
    made = BookBuilder(L2Book("X"), rule)
    for event in events:
        made.apply(event)
    return made


def verdicts(made: BookBuilder[Any], *events: Any) -> list[str]:
    """The verdict of each event, by name."""
    return [made.apply(event).name for event in events]


def test_w1_binance_spot_normal_bridge() -> None:
    """Two buffered events are covered (one ends exactly at L), the third bridges at L+1."""
    made = builder("binance_spot")
    buffered = [span(259345536, 259345539), span(259345540, 259345543), span(259345544, 259345545)]
    assert verdicts(made, *buffered, snap(259345543)) == ["BUFFERED"] * 3 + ["SNAPSHOT"]
    assert (made.stats.stale, made.stats.applied, made.sequence) == (2, 1, 259345545)


def test_w2_binance_spot_snapshot_older_than_buffer() -> None:
    """A snapshot with a hole before the buffer is refused and the buffer kept; L == U-1 has no hole."""
    made = builder("binance_spot", span(281916629, 281916629))
    assert made.apply(snap(281916627)) == Verdict.STALE
    assert made.state is State.BUFFERING
    assert made.needs_snapshot is not None and made.needs_snapshot.min_sequence == 281916628
    assert made.apply(snap(281916628)) == Verdict.SNAPSHOT
    assert (made.sequence, made.stats.applied) == (281916629, 1)


def test_w3_binance_spot_gap() -> None:
    """One id skipped is a gap and clears the book; an event that ends at ours is stale."""
    made = builder("binance_spot", snap(281916628))
    assert made.apply(span(281916620, 281916628)) == Verdict.STALE
    gap = made.apply(span(281916630, 281916631))
    assert (gap, gap.expected, gap.got) == (Verdict.GAP, 281916629, 281916630)
    assert (made.book.best_bid, made.state) == (None, State.STALE)


def test_w4_binance_usdm_bridge() -> None:
    """u < L is dropped, u == L is kept; afterwards only pu counts."""
    made = builder("binance_usdm", span(600859606259, 600859607807, 600859603268))
    made.apply(span(600859618057, 600859619434, 600859607807))
    assert made.apply(snap(600859619434)) == Verdict.SNAPSHOT
    assert (made.stats.stale, made.stats.applied, made.sequence) == (1, 1, 600859619434)
    assert made.apply(span(700000000000, 700000000001, 600859619434)) == Verdict.APPLIED


def test_w5_binance_usdm_gap_and_false_gap() -> None:
    """U far beyond last+1 is no gap while pu links; a wrong pu is."""
    made = builder("binance_usdm", snap(600859607423))
    made.apply(span(600859607000, 600859607423, 600859606000))
    assert made.apply(span(600859609000, 600859610000, 600859607423)) == Verdict.APPLIED
    broken = builder("binance_usdm", snap(600859607423), span(600859607000, 600859607423, 600859606000))
    assert broken.apply(span(600859609000, 600859610000, 600859608000)) == Verdict.GAP


def test_w6_gate_bridge() -> None:
    """Gate bridges as Binance spot does."""
    made = builder("gate", span(69526943, 69526943), span(69526944, 69526951), span(69526952, 69526959))
    assert made.apply(snap(69526951)) == Verdict.SNAPSHOT
    assert (made.stats.stale, made.stats.applied, made.sequence) == (2, 1, 69526959)


def test_w7_kucoin_price_zero_rows() -> None:
    """A message whose only row is price 0 changes nothing but its number counts."""
    made = builder("kucoin", snap(1612694580140))
    nothing = span(1612694580141, 1612694580141, bids=[])
    assert verdicts(made, span(1612694580140, 1612694580140), nothing, span(1612694580142, 1612694580142)) == [
        "STALE",
        "NOOP",
        "APPLIED",
    ]


def test_w8_okx_documented_sequence() -> None:
    """Equal ids are a keep-alive, a lower id that links is a maintenance reset, a wrong link is a gap."""
    made = builder("okx")
    events = [snap(10, prev_sequence=-1), link(10, 15), link(15, 15, bids=[]), link(15, 3), link(3, 5), link(9, 11)]
    assert verdicts(made, *events) == ["SNAPSHOT", "APPLIED", "NOOP", "RESET", "APPLIED", "GAP"]


def test_w9_okx_rest_bridge() -> None:
    """The first event after a REST book straddles its id; an older book is refused."""
    buffer = [link(100, 104), link(104, 109), link(109, 110)]
    made = builder("okx_rest", *buffer)
    assert made.apply(snap(105)) == Verdict.SNAPSHOT
    assert (made.stats.stale, made.stats.applied, made.sequence) == (1, 2, 110)
    refused = builder("okx_rest", *buffer)
    assert refused.apply(snap(99)) == Verdict.STALE
    assert refused.needs_snapshot is not None and refused.needs_snapshot.min_sequence == 100


def test_w10_deribit() -> None:
    """A jump of ids is normal, a wrong link is a gap."""
    made = builder("deribit", snap(13169025645))
    assert verdicts(made, link(13169025645, 13169031288), link(13169031290, 13169031299)) == ["APPLIED", "GAP"]


def test_w11_bybit_restart() -> None:
    """A snapshot numbered 1 is a service restart; level 1 repeats an equal number when idle."""
    made = builder("bybit", snap(177400507))
    assert verdicts(made, step(177400508), snap(1), step(2), step(4)) == ["APPLIED", "RESET", "APPLIED", "GAP"]
    level1 = builder("bybit_level1", snap(7))
    assert verdicts(level1, snap(7), snap(9)) == ["NOOP", "SNAPSHOT"]


def test_w12_bybit_full_bridge() -> None:
    """The delta with the snapshot's own seq and u is the anchor; equal seq with another u means fetch again."""

    def buffer() -> list[Delta]:
        return [step(u, group_sequence=seq) for u, seq in ((500, 9001), (501, 9007), (502, 9012))]

    made = builder("bybit_full", *buffer())
    assert made.apply(snap(501, group_sequence=9007)) == Verdict.SNAPSHOT
    assert (made.stats.stale, made.stats.applied, made.sequence) == (2, 1, 502)
    other = builder("bybit_full", *buffer())
    assert other.apply(snap(500, group_sequence=9007)) != Verdict.SNAPSHOT
    assert other.state is not State.LIVE
    older = builder("bybit_full", *buffer())
    assert older.apply(snap(499, group_sequence=8990)) == Verdict.STALE
    assert older.apply(snap(501, group_sequence=9007)) == Verdict.SNAPSHOT


def test_w12_bybit_full_goes_on_after_the_anchor() -> None:
    """Once the anchor was seen, in the buffer or live, the steady rule holds."""
    made = builder("bybit_full", step(501, group_sequence=9007))
    made.apply(snap(501, group_sequence=9007))
    assert verdicts(made, step(502, group_sequence=9012), step(504, group_sequence=9020)) == ["APPLIED", "GAP"]
    live = builder("bybit_full", snap(501, group_sequence=9007))
    assert verdicts(live, step(501, group_sequence=9007), step(502, group_sequence=9012)) == ["STALE", "APPLIED"]


def test_w13_coinbase_full() -> None:
    """received takes a number, a match reduces the maker, an unknown order is nothing, 53 after 51 is a gap."""
    made = BookBuilder(L3Book("BTC-USD"), "coinbase_full")
    maker = Order("ac928c66", BID, "400.23", "12.234412")
    assert made.apply(OrderSnapshot(sequence=48, orders=[maker])) == Verdict.SNAPSHOT
    events = [
        OrderCancel(sequence=48, order_id="ac928c66"),
        Heartbeat(sequence=49),
        OrderExecute(sequence=50, order_id="ac928c66", size="5.23512"),
        OrderModify(sequence=51, order_id="unknown", size="1"),
    ]
    assert verdicts(made, *events) == ["STALE", "NOOP", "APPLIED", "NOOP"]
    assert (made.sequence, made.stats.unknown_orders) == (51, 1)
    assert made.book.orders["ac928c66"].size == 6.999292
    assert made.apply(OrderCancel(sequence=53, order_id="ac928c66")) == Verdict.GAP


def test_w14_crypto_com_heartbeat() -> None:
    """An empty delta advances the chain; the old link again is a gap."""
    made = builder("crypto_com", snap(78795598162080))
    events = [
        link(78795598162080, 78795598253024),
        link(78795598253024, 78795598253999, bids=[]),
        link(78795598253024, 78795598254001),
    ]
    assert verdicts(made, *events) == ["APPLIED", "NOOP", "GAP"]


def test_w15_bitfinex_connection_sequence() -> None:
    """Tickers and heartbeats use up the connection's numbers; hiding them from the validator would look like a gap."""
    feed = Feed("bitfinex_raw")
    feed.receive(b'{"event":"subscribed","channel":"ticker","chanId":232949,"symbol":"tBTCUSD","pair":"BTCUSD"}')
    subscribed = (
        b'{"event":"subscribed","channel":"book","chanId":206543,"symbol":"tBTCUSD","prec":"R0","freq":"F0","len":"25"}'
    )
    feed.receive(subscribed)
    feed.receive(b"[232949,[1,2,3,4,5,6,7,8,9,10],1]")
    feed.receive(b"[206543,[[34753002978,7294.7,1.54340371]],2]")
    feed.receive(b'[232949,"hb",3]')
    feed.receive(b"[206543,[34753002979,7294.8,-1],4]")
    assert (feed.stats.gaps, feed.builders["tBTCUSD"].state) == (0, State.LIVE)
    updates = feed.receive(b"[206543,[34753002979,0,-1],6]")
    assert [(u.verdict, u.verdict.expected, u.verdict.got) for u in updates if u.verdict == Verdict.GAP] == [
        (Verdict.GAP, 5, 6)
    ]
    assert feed.builders["tBTCUSD"].state is State.STALE


def test_w16_bitmex_id_keyed() -> None:
    """Rows before the partial are dropped; afterwards ids carry the price."""
    made = BookBuilder(L3Book("XBTUSD"), "bitmex")
    assert made.apply(OrderModify(order_id=8799999900, size=70)) == Verdict.STALE
    partial = [Order(8799999900, BID, 1, 100), Order(8799999700, ASK, 3, 300)]
    events = [
        OrderSnapshot(orders=partial),
        OrderAdd(order_id=8799999800, side=ASK, price=2, size=50),
        OrderModify(order_id=8799999900, size=70),
        OrderCancel(order_id=8799999800),
    ]
    assert verdicts(made, *events) == ["SNAPSHOT", "APPLIED", "APPLIED", "APPLIED"]
    book = made.book
    assert book.best_bid is not None and book.best_ask is not None
    assert (book.best_bid.price, book.best_bid.size, book.best_ask.price) == (1.0, 70.0, 3.0)


def okx_checksum(book: L2Book) -> int:
    """OKX: ``bid1px:bid1sz:ask1px:ask1sz:...`` over the top 25, CRC-32 as signed int32 (venues' section 2)."""
    depth = book.depth(25, price_type="decimal")
    text: list[str] = []
    for i in range(max(len(depth.bids), len(depth.asks))):
        for side in (depth.bids, depth.asks):
            text += [format(n.normalize(), "f") for n in side[i][:2]] if i < len(side) else []
    crc = zlib.crc32(":".join(text).encode())
    return crc - (1 << 32) if crc >> 31 else crc


def test_w20_okx_sequence_and_checksum() -> None:
    """The published checksums hold along a sequence; a frame without one is neither ok nor bad; a wrong one ends it."""
    made = BookBuilder(L2Book("BTC-USDT"), "okx", checksum=okx_checksum)
    book = snap(1, bids=[("3366.1", "7"), ("3366", "6")], asks=[("3366.8", "9"), ("3368", "8")], checksum=-1881014294)
    assert made.apply(book) == Verdict.SNAPSHOT
    assert made.apply(link(1, 2, bids=[("3366", "0")], asks=[("3372", "8")], checksum=831078360)) == Verdict.APPLIED
    assert (made.stats.checksums_ok, made.stats.checksums_bad) == (2, 0)
    assert made.apply(link(2, 3, bids=[("3365", "1")])) == Verdict.APPLIED
    assert (made.stats.checksums_ok, made.stats.checksums_bad) == (2, 0)
    bad = made.apply(link(3, 4, bids=[("3364", "1")], checksum=1))
    assert (bad, bad.expected, made.state, made.book.best_bid) == (Verdict.CHECKSUM_BAD, 1, State.STALE, None)


TARDIS_HEADER = b"exchange,symbol,timestamp,local_timestamp,is_snapshot,side,price,amount\n"


def tardis(ts: int, *rows: str) -> bytes:
    """One message of an incremental_book_L2 file."""
    return TARDIS_HEADER + b"".join(f"x,S,{ts},{ts + 1},{row}\n".encode() for row in rows)


def test_w23_tardis_csv_reconnect() -> None:
    """false to true clears both sides: the bid of before the reconnect must be gone."""
    feed = Feed("tardis_csv")
    assert [u.verdict.name for u in feed.receive(tardis(1, "false,bid,9,1"))] == ["STALE"]
    feed.receive(tardis(2, "true,bid,10,1", "true,ask,11,1"))
    feed.receive(tardis(3, "false,bid,10,0", "false,bid,9.5,2"))
    book = feed.builders["S"].book
    assert [tuple(level)[:2] for level in book.bids] == [(9.5, 2.0)]
    feed.receive(tardis(8, "true,bid,7,1", "true,ask,8,1"))
    assert [tuple(level)[:2] for level in book.bids] == [(7.0, 1.0)]
    assert [tuple(level)[:2] for level in book.asks] == [(8.0, 1.0)]


def test_w24_tardis_raw_disconnect() -> None:
    """After the empty line the state is void: an update before the second partial is dropped."""
    made = BookBuilder(L3Book("XBTUSD"), "bitmex")
    partial = OrderSnapshot(orders=[Order(8799999700, ASK, 3, 300)])
    update = OrderModify(order_id=8799999700, size=5)
    assert verdicts(made, partial, update, Disconnect(), update, partial) == [
        "SNAPSHOT",
        "APPLIED",
        "RESET",
        "STALE",
        "SNAPSHOT",
    ]
    assert made.book.orders[8799999700].size == 300.0
    assert made.stats.resyncs == 1


LOBSTER_SEED = "5859400,200,5853300,18,9999999999,0,-9999999999,0"


def test_w26_lobster_halt() -> None:
    """A halt and a hidden execution leave the book alone; sentinels are no levels."""
    feed = Feed("lobster")
    feed.receive(f"AAPL,2012-06-21,36000.0,1,16113575,18,5853300,1,{LOBSTER_SEED}".encode())
    book = feed.builders["AAPL"].book
    assert [level.price for level in book.asks] == [585.94]
    assert [level.price for level in book.bids] == [585.33]
    before = book.state_hash()
    (halt,) = feed.receive(b"AAPL,2012-06-21,36023,7,0,0,-1,-1")
    (hidden,) = feed.receive(b"AAPL,2012-06-21,36024,5,0,100,5859400,1")
    assert isinstance(halt.event, Status) and halt.event.status == "halted"
    assert isinstance(hidden.event, Trade) and hidden.event.hidden
    assert [halt.verdict, hidden.verdict] == [Verdict.NOOP, Verdict.NOOP]
    assert book.state_hash() == before


def test_w27_databento_queue() -> None:
    """An increase goes to the back, a decrease keeps its place, a cancel subtracts, trades do nothing, R empties."""
    made = BookBuilder(L3Book("ES"), "databento_mbo")

    def queue() -> list[Any]:
        return [order.order_id for order in made.book.queue(BID, 100)]

    made.apply(Clear())
    made.apply(OrderAdd(order_id=1, side=BID, price=100, size=10))
    made.apply(OrderAdd(order_id=2, side=BID, price=100, size=5))
    assert (made.book.best_bid.size, queue()) == (15.0, [1, 2])
    made.apply(OrderModify(order_id=1, side=BID, price=100, size=12))
    assert queue() == [2, 1]
    made.apply(OrderModify(order_id=2, side=BID, price=100, size=3))
    assert queue() == [2, 1]
    made.apply(OrderCancel(order_id=1, size=4))
    assert made.book.orders[1].size == 8.0
    assert made.apply(Trade(price=100, size=8, side=ASK)) == Verdict.NOOP
    assert made.book.orders[1].size == 8.0
    made.apply(OrderCancel(order_id=1, size=8))
    assert 1 not in made.book.orders
    made.apply(Clear())
    assert (len(made.book.orders), made.book.best_bid) == (0, None)
