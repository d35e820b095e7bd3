"""What is written in a venue's format reads back as the events that it was made of."""

from __future__ import annotations

import json
from typing import Any

import pytest

from orderbook.decode import get_format
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
from orderbook.testing import (
    BinanceWire,
    BitfinexWire,
    LobsterWire,
    Message,
    SyntheticMarket,
    TardisWire,
    get_wire,
    wire_formats,
)
from orderbook.testing.streams import START_TIME
from orderbook.types import Order, Side

BID, ASK = Side.BID, Side.ASK


def said(*events: Event) -> Message:
    """One message of some events."""
    return Message(events, None)


@pytest.mark.parametrize("format", ["binance_spot", "binance_usdm", "binance_coinm"])
def test_binance_reads_back(format: str) -> None:
    """Deltas, snapshots, quotes and trades, with every number and the time in milliseconds."""
    market = SyntheticMarket(2, symbol="ETHUSDT")
    wire = get_wire(format, "ETHUSDT")
    decoder = get_format(format).decoder(["ETHUSDT"])
    for message in market.stream(format, 60, witnesses=True).messages:
        (payload,) = wire.encode(message)
        (wanted,) = message.events
        (event,) = decoder.decode(payload, wanted.ts_recv)
        assert type(wanted) is type(event)
        for name in ("symbol", "sequence", "first_sequence", "prev_sequence", "bids", "asks", "ts_recv"):
            assert getattr(wanted, name, None) == getattr(event, name, None)
        if isinstance(wanted, (Delta, Trade)):
            assert wanted.ts_event == event.ts_event
        if isinstance(wanted, Trade):
            assert (wanted.side, float(wanted.price)) == (event.side, float(event.price))  # type: ignore[attr-defined]


def test_binance_by_hand() -> None:
    """As in a real capture: eight digits on spot, those of the tick on futures, and every part in its place."""
    row = Levels.parse([("2683.8", "3.0292")])
    delta = Delta(ts_event=1_723_161_255_308_000_000, first_sequence=1, sequence=5, prev_sequence=0, bids=row)
    assert (
        b'{"stream":"ethusdt@depth@100ms","data":{"e":"depthUpdate","E":1723161255308,"s":"ETHUSDT","U":1,"u":5,'
        b'"b":[["2683.80000000","3.02920000"]],"a":[]}}'
    ) == BinanceWire("ETHUSDT").encode(said(delta))[0]
    futures = BinanceWire("ETHUSDT", futures=True)
    assert (
        b'{"stream":"ethusdt@depth@0ms","data":{"e":"depthUpdate","E":1723161255308,"T":1723161255308,"s":"ETHUSDT",'
        b'"U":1,"u":5,"pu":0,"b":[["2683.80","3.0292"]],"a":[]}}'
    ) == futures.encode(said(delta))[0]
    quote = Quote(sequence=7, bid_price="9.5", bid_size=1, ask_price=10, ask_size="0.25")
    assert (
        b'{"stream":"ethusdt@bookTicker","data":{"u":7,"s":"ETHUSDT","b":"9.50000000","B":"1.00000000",'
        b'"a":"10.00000000","A":"0.25000000"}}'
    ) == BinanceWire("ETHUSDT").encode(said(quote))[0]


def test_binance_parts_are_one_frame() -> None:
    """Bids and asks that came as two events of one message are one frame."""
    parts = (Delta(bids=Levels.parse([(1, 1)]), is_last=False), Delta(asks=Levels.parse([(2, 1)])))
    (payload,) = BinanceWire("X").encode(said(*parts))
    data = json.loads(payload)["data"]
    assert (1, 1) == (len(data["b"]), len(data["a"]))


def test_tardis_reads_back() -> None:
    """Rows of a message share a local time, and a snapshot says so in every row."""
    market = SyntheticMarket(2, symbol="ETHUSDT")
    wire, decoder = TardisWire("ETHUSDT"), get_format("tardis_csv").decoder(["ETHUSDT"])
    for message in market.stream("tardis_csv", 40).messages:
        (payload,) = wire.encode(message)
        found: list[Any] = decoder.decode(payload)
        (wanted,) = message.events
        assert {type(wanted)} == {type(event) for event in found}
        for side in ("bids", "asks"):
            rows = [level for event in found for level in getattr(event, side)]
            assert list(getattr(wanted, side)) == rows
        assert {(wanted.ts_event, wanted.ts_recv)} == {(event.ts_event, event.ts_recv) for event in found}
    assert [] == wire.encode(said(Delta()))


def test_bitfinex_by_hand() -> None:
    """A subscription before each snapshot, the sign of the amount as the side, price 0 for an order that is gone."""
    wire = BitfinexWire("tBTCUSD", channel=7)
    snapshot = OrderSnapshot(sequence=1, orders=[Order(1, BID, "9.5", "2"), Order(2, ASK, "10", "0.5")])
    about = b'"symbol":"tBTCUSD","prec":"R0","freq":"F0","len":"250","pair":"BTCUSD"}'
    assert [
        b'{"event":"subscribed","channel":"book","chanId":7,' + about,
        b"[7,[[1,9.5,2],[2,10,-0.5]],1]",
    ] == wire.encode(said(snapshot))
    frames = [
        OrderModify(order_id=1, side=BID, price="9.25", size=2, upsert=True, sequence=2),
        OrderCancel(order_id=2, side=ASK, price=10, sequence=3),
        Heartbeat(sequence=4),
    ]
    wanted = [b"[7,[1,9.25,2],2]", b"[7,[2,0,-1],3]", b'[7,"hb",4]']
    assert wanted == [payload for frame in frames for payload in wire.encode(said(frame))]
    again = wire.encode(said(snapshot))
    assert b'{"event":"unsubscribed","status":"OK","chanId":7}' == again[0]
    assert again[2].startswith(b"[8,")


@pytest.mark.parametrize(
    "event",
    [
        OrderCancel(order_id=1, side=BID, price=9, size=1),
        OrderModify(order_id=1, size=3),
        OrderAdd(order_id=1, side=None, price=9, size=1),  # type: ignore[arg-type]
    ],
)
def test_bitfinex_has_whole_orders_only(event: Event) -> None:
    """What the channel has no words for is refused, not left out."""
    with pytest.raises(UsageError, match="a raw book has whole orders only"):
        BitfinexWire("tBTCUSD").encode(said(event))


def lobster_lines(*events: Any) -> list[str]:
    """The columns of the message file for events on two resting orders."""
    wire = LobsterWire("AAPL")
    wire.book.apply(OrderSnapshot(orders=[Order(1, BID, "9.5", 100), Order(2, ASK, "10", 200)]))
    lines = [line for event in events for line in wire.encode(said(event))]
    assert all(line.startswith(b"AAPL,2023-11-14,") for line in lines)
    return [line.decode().split(",", 2)[2] for line in lines]


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        (OrderAdd(order_id=3, side=BID, price="9.4", size=5), ["1,3,5,94000,1"]),
        (OrderCancel(order_id=1, size=40), ["2,1,40,95000,1"]),
        (OrderCancel(order_id=1), ["3,1,100,95000,1"]),
        (OrderExecute(order_id=2, size=200), ["4,2,200,100000,-1"]),
        (Trade(price="9.5", size=7, side=ASK, hidden=True), ["5,0,7,95000,1"]),
        (Trade(price="9.5", size=7), []),
        (OrderModify(order_id=1, size=60), ["2,1,40,95000,1"]),
        (OrderModify(order_id=1, size=100), []),
        (OrderModify(order_id=1, size=160), ["3,1,100,95000,1", "1,900000001,160,95000,1"]),
        (OrderModify(order_id=1, price="9.6"), ["3,1,100,95000,1", "1,900000001,100,96000,1"]),
        (OrderReplace(order_id=1, new_id=9, price="9.3", size=1), ["3,1,100,95000,1", "1,9,1,93000,1"]),
        (Heartbeat(), []),
    ],
)
def test_lobster_by_hand(event: Any, expected: list[str]) -> None:
    """Each event in LOBSTER's terms: type, id, size, price in 1/10000 dollars, side of the resting order."""
    object.__setattr__(event, "ts_event", START_TIME + 1_500_000_000)
    assert [f"34201.500000000,{line}" for line in expected] == lobster_lines(event)


def test_lobster_goes_on_under_the_new_id() -> None:
    """An order that came back under another id keeps it."""
    moved, gone = OrderModify(order_id=1, price="9.6"), OrderCancel(order_id=1)
    for event in (moved, gone):
        object.__setattr__(event, "ts_event", START_TIME)
    assert "34200.000000000,3,900000001,100,96000,1" == lobster_lines(moved, gone)[-1]


@pytest.mark.parametrize("format", wire_formats())
def test_fault_is_written_as_garbage(format: str) -> None:
    """A fault in a stream becomes a payload that cannot be read, in every format."""
    from orderbook.errors import DecodeError

    (payload,) = get_wire(format, "tX").encode(said(Fault(error=DecodeError("no"))))
    with pytest.raises(DecodeError):
        get_format(format).decoder(["tX"]).decode(payload, 1)


def test_unknown_format() -> None:
    """The message lists what can be written."""
    with pytest.raises(UsageError, match="no synthetic market writes 'okx'; those that are written: binance_spot, "):
        get_wire("okx", "X")


def test_snapshot_of_binance() -> None:
    """Bare, as REST sends it; futures with both times."""
    snapshot = Snapshot(ts_event=5_000_000, sequence=7, bids=Levels.parse([("1", "2")]))
    spot = BinanceWire("X").encode(said(snapshot))
    assert [b'{"lastUpdateId":7,"bids":[["1.00000000","2.00000000"]],"asks":[]}'] == spot
    futures = json.loads(BinanceWire("X", futures=True).encode(said(snapshot))[0])
    assert ["lastUpdateId", "E", "T", "bids", "asks"] == list(futures)
