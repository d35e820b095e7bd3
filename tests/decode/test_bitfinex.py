"""Bitfinex raw books: frames as they stand on the wire, numbers exact, every frame of the connection counted."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest

from orderbook.decode import Decoder, get_format
from orderbook.errors import DecodeError
from orderbook.events import Heartbeat, OrderCancel, OrderModify, OrderSnapshot, Status
from orderbook.types import Order, Side

SUBSCRIBED = {
    "event": "subscribed",
    "channel": "book",
    "chanId": 433290,
    "symbol": "tBTCUSD",
    "prec": "R0",
    "freq": "F0",
    "len": "100",
    "pair": "BTCUSD",
}


def decoder(*symbols: str, subscribed: bool = True) -> Decoder:
    """A decoder of a connection that has subscribed to the raw book, a price book, a ticker and trades."""
    connection = get_format("bitfinex_raw").decoder(symbols)
    if subscribed:
        for number, (channel, prec) in enumerate((("book", "R0"), ("book", "P0"), ("ticker", None), ("trades", None))):
            other = {**SUBSCRIBED, "channel": channel, "prec": prec, "chanId": 433290 + number}
            assert [] == connection.decode(other)
    return connection


def refusal(payload: Any, **more: Any) -> str:
    """The whole text of the error that a payload gives."""
    with pytest.raises(DecodeError) as caught:
        decoder(**more).decode(payload)
    return str(caught.value)


# -- the raw book -----------------------------------------------------------------------------------------------------


def test_snapshot() -> None:
    """All orders of the view, in the order of the array; the sign of the amount is the side."""
    [event] = decoder().decode(b"[433290,[[34753002978,7294.7,1.54340371],[34753002979,7294.80,-2]],13]", 5)
    wanted = OrderSnapshot(
        symbol="tBTCUSD",
        ts_recv=5,
        sequence=13,
        complete=False,
        orders=[
            Order(34753002978, Side.BID, Decimal("7294.7"), Decimal("1.54340371")),
            Order(34753002979, Side.ASK, Decimal("7294.80"), 2),
        ],
    )
    assert wanted == event


def test_empty_snapshot() -> None:
    """An empty array is an empty book, and not an update."""
    wanted = OrderSnapshot(symbol="tBTCUSD", sequence=13, complete=False)
    assert [wanted] == decoder().decode(b"[433290,[],13]")


def test_update_upserts() -> None:
    """New or changed: the venue does not say which."""
    wanted = OrderModify(
        symbol="tBTCUSD",
        sequence=18,
        order_id=34753002978,
        side=Side.ASK,
        price=Decimal("7294.7"),
        size=Decimal("0.00212042"),
        upsert=True,
    )
    assert [wanted] == decoder().decode(b"[433290,[34753002978,7294.7,-0.00212042],18]")


@pytest.mark.parametrize(("amount", "side"), [("1", Side.BID), ("-1", Side.ASK), ("0.5", Side.BID)])
@pytest.mark.parametrize("zero", ["0", "0.0", "0e5", "-0"])
def test_price_zero_deletes(amount: str, side: Side, zero: str) -> None:
    """However the zero is written; the amount tells the side only."""
    wanted = OrderCancel(symbol="tBTCUSD", sequence=19, order_id=34753002978, side=side)
    assert [wanted] == decoder().decode(f"[433290,[34753002978,{zero},{amount}],19]")


def test_numbers_are_exact() -> None:
    """Digits that a float would lose, and exponents that a float would write otherwise."""
    [event] = decoder().decode(b"[433290,[1,61390.0686421234567,1e-7],19]")
    assert ("61390.0686421234567", "1E-7") == (str(event.price), str(event.size))


def test_numbers_of_parsed_objects() -> None:
    """What was parsed elsewhere has floats, which mean their shortest repr."""
    [event] = decoder().decode([433290, [1, 60940.35136398, -0.1]])
    assert (60940.35136398, 0.1, None) == (event.price, event.size, event.sequence)


def test_sequence_and_time() -> None:
    """Both flags: the number, then milliseconds."""
    [event] = decoder().decode(b"[433290,[1,5,1],19,1626992742289]")
    assert (19, 1626992742289000000) == (event.sequence, event.ts_event)


def test_no_sequence() -> None:
    """Neither flag: nothing is numbered."""
    [event] = decoder().decode(b"[433290,[1,5,1]]")
    assert (None, None) == (event.sequence, event.ts_event)


@pytest.mark.parametrize(
    ("payload", "text"),
    [
        ("[433290,[1.5,5,1],19]", "tBTCUSD: expected an integer, got `Decimal` - at `$[1][0]`"),
        ('[433290,["1",5,1],19]', "tBTCUSD: expected an integer, got `str` - at `$[1][0]`"),
        ("[433290,[true,5,1],19]", "tBTCUSD: expected an integer, got `bool` - at `$[1][0]`"),
        ("[433290,[-1,5,1],19]", "tBTCUSD: -1 is no order id - at `$[1][0]`"),
        ("[433290,[9223372036854775808,5,1],19]", "tBTCUSD: 9223372036854775808 is no order id - at `$[1][0]`"),
        ("[433290,[1,null,1],19]", "tBTCUSD: expected a number, got `NoneType` - at `$[1][1]`"),
        ('[433290,[1,"5",1],19]', "tBTCUSD: expected a number, got `str` - at `$[1][1]`"),
        ("[433290,[1,5,false],19]", "tBTCUSD: expected a number, got `bool` - at `$[1][2]`"),
        ("[433290,[1,5,0],19]", "tBTCUSD: a size of 0 has no sign to tell the side - at `$[1][2]`"),
        ("[433290,[1,0,0],19]", "tBTCUSD: a size of 0 has no sign to tell the side - at `$[1][2]`"),
        ("[433290,[1,5],19]", "tBTCUSD: expected an array of 3, got 2 - at `$[1]`"),
        ("[433290,[1,5,1,7],19]", "tBTCUSD: expected an array of 3, got 4 - at `$[1]`"),
        ("[433290,[[1,5,1],[2,5]],19]", "tBTCUSD: expected an array of 3, got 2 - at `$[1][1]`"),
        ("[433290,[[1,5,1],7],19]", "tBTCUSD: expected an array of 3, got `int` - at `$[1][1]`"),
        ("[433290,[[1,0,1]],19]", "tBTCUSD: a snapshot holds an order that is none - at `$[1][0]`"),
        ("[433290,[1,1e40,1],19]", "tBTCUSD: does not fit in int64: Decimal('1E+40') - at `$[1][1]`"),
        ('[433290,[1,5,1],"19"]', "tBTCUSD: expected an integer, got `str` - at `$[2]`"),
        ("[433290,[1,5,1],19.5]", "tBTCUSD: expected an integer, got `Decimal` - at `$[2]`"),
        ("[433290,[1,5,1],19,-5]", "tBTCUSD: expected at least 0, got -5 - at `$[3]`"),
        ('[433290,"xx",19]', "no message of bitfinex_raw: [433290, 'xx', 19] - at `$`"),
        ("[433290,null,19]", "no message of bitfinex_raw: [433290, None, 19] - at `$`"),
        ("[433290]", "no message of bitfinex_raw: [433290] - at `$`"),
        ('[433290,"te",[1,2,3,4],5]', "no message of bitfinex_raw: [433290, 'te', [1, 2, 3, 4], 5] - at `$`"),
        ("[]", "expected the number of a channel, got nothing - at `$[0]`"),
        ("{}", "no message of bitfinex_raw: {} - at `$`"),
    ],
)
def test_wrong_frames(payload: str, text: str) -> None:
    """Every part of a frame that can be wrong, with its path."""
    assert text == refusal(payload)


# -- the connection's numbers -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("payload", "symbol", "sequence"),
    [
        ('[433290,"hb",127]', "tBTCUSD", 127),
        ('[433290,"cs",-1582707309,20]', "tBTCUSD", 20),
        ("[433291,[[7254.7,3,3.3],[7254.8,1,-0.5]],12]", "", 12),
        ("[433291,[215350,0,1],18]", "", 18),
        ('[433291,"cs",-1582707309,20]', "", 20),
        ('[433291,"hb",21]', "", 21),
        ("[433292,[236.62,10,236.9,8,1,0.01,236.7,5000,240,230],22]", "", 22),
        ('[433293,"te",[401597395,1574694478808,0.005,7245.3],23]', "", 23),
        ('[433293,"tu",[401597395,1574694478808,0.005,7245.3],24]', "", 24),
        ("[433293,[[401597393,1574694475039,0.005,7244.9]],25]", "", 25),
        ('[433293,"hb"]', "", None),
    ],
)
def test_every_frame_has_its_number(payload: str, symbol: str, sequence: int | None) -> None:
    """Other channels and heartbeats use up numbers: without them the validator would see gaps."""
    assert [Heartbeat(symbol=symbol, sequence=sequence)] == decoder().decode(payload)


def test_heartbeat_time() -> None:
    """The time stands behind the number."""
    [event] = decoder().decode('[433290,"hb",127,1626992742289]')
    assert 1626992742289000000 == event.ts_event


# -- events -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "event",
    [
        {"event": "info", "version": 2, "serverId": "x", "platform": {"status": 1}},
        {"event": "info", "code": 29999, "msg": "something new"},
        {"event": "conf", "status": "OK"},
        {"event": "conf", "status": "OK", "flags": 65536},
        {"event": "conf", "status": "OK", "flags": 98304},
        {"event": "conf", "status": "OK", "flags": 131072},
        {"event": "pong", "ts": 1},
        {"event": "subscribed", "channel": "ticker", "chanId": 5, "symbol": "tETHUSD"},
        {"event": "unsubscribed", "status": "OK", "chanId": 433291},
    ],
)
def test_control_messages_are_counted(event: Any) -> None:
    """They say nothing of the book."""
    connection = decoder()
    before = connection.ignored
    assert ([], before + 1) == (connection.decode(json.dumps(event)), connection.ignored)


@pytest.mark.parametrize(("code", "status"), [(20051, "reconnect"), (20060, "maintenance"), (20061, "resumed")])
def test_announcements(code: int, status: str) -> None:
    """What the venue says of itself."""
    payload = json.dumps({"event": "info", "code": code, "msg": "..."})
    assert [Status(status=status)] == decoder().decode(payload)


def test_venue_error() -> None:
    """In the venue's words."""
    payload = '{"event":"error","msg":"symbol: invalid","code":10300,"channel":"book"}'
    assert "the venue reports error 10300: symbol: invalid - at `$`" == refusal(payload)


def test_times_without_numbers_are_refused() -> None:
    """Flag 32768 alone puts a time where the table, and everyone, expects the number."""
    text = "recorded with flag 32768 (TIMESTAMP) but without 65536 (SEQ_ALL) - at `$`"
    assert text == refusal('{"event":"conf","status":"OK","flags":32768}')


# -- channels ---------------------------------------------------------------------------------------------------------


def test_unknown_channel() -> None:
    """A recording from the middle of a connection."""
    text = (
        "channel 433290 was never subscribed to in this recording: "
        "pass the one symbol that it is of as symbols= - at `$[0]`"
    )
    assert text == refusal("[433290,[1,5,1],19]", subscribed=False)


def test_heartbeat_before_its_subscription() -> None:
    """A channel beats before the answer to its subscription has come: its number counts."""
    events = decoder(subscribed=False).decode('[433290,"hb",139]')
    assert [Heartbeat(sequence=139)] == events


def test_unknown_channel_of_a_declared_symbol() -> None:
    """The caller says that it is the raw book of that symbol."""
    [event] = decoder("tBTCUSD", subscribed=False).decode("[433290,[1,5,1],19]")
    assert ("tBTCUSD", 1) == (event.symbol, event.order_id)


def test_assumed_channel_refuses_what_is_no_order() -> None:
    """A trade or a ticker on it is an error, not an order."""
    connection = decoder("tBTCUSD", subscribed=False)
    for payload in ("[5,[[401597393,1574694475039,5,7244]],25]", "[5,[236,10,236,8,1,1,236,5000,240,230],22]"):
        with pytest.raises(DecodeError, match="expected an array of 3"):
            connection.decode(payload)


def test_known_channels_beat_the_declared_symbol() -> None:
    """A subscription in the recording says more than the caller's list."""
    connection = decoder("tETHUSD")
    assert "tBTCUSD" == connection.decode("[433290,[1,5,1],19]")[0].symbol


def test_two_raw_books() -> None:
    """Each channel has its symbol."""
    connection = decoder()
    connection.decode({**SUBSCRIBED, "chanId": 7, "symbol": "tETHUSD"})
    found = [connection.decode(f"[{number},[1,5,1],19]")[0].symbol for number in (433290, 7)]
    assert ["tBTCUSD", "tETHUSD"] == found


def test_reset_forgets_channels() -> None:
    """The next connection gives other numbers."""
    connection = decoder()
    connection.reset()
    with pytest.raises(DecodeError):
        connection.decode("[433290,[1,5,1],19]")
