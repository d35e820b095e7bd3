"""Binance: every kind of message as it stands on the wire, and what is not to be mistaken for one."""

from __future__ import annotations

import json
from typing import Any

import pytest

from orderbook.decode import Decoder, get_format
from orderbook.errors import DecodeError
from orderbook.events import Delta, Quote, Snapshot, Status, Trade
from orderbook.types import Side

FORMATS = ("binance_spot", "binance_usdm", "binance_coinm")
FUTURES = FORMATS[1:]

SPOT_DEPTH = (
    '{"e":"depthUpdate","E":1672515782136,"s":"BNBBTC","U":157,"u":160,"b":[["0.0024","10"]],"a":[["0.0026","100"]]}'
)
USDM_DEPTH = (
    '{"e":"depthUpdate","E":1626992742289,"T":1626992742285,"s":"SUSHIUSDT","U":600859605926,"u":600859607423,'
    '"pu":600859604824,"b":[["7.6110","6"]],"a":[]}'
)
SPOT_SNAPSHOT = '{"lastUpdateId":1027024,"bids":[["4.00000000","431.00000000"]],"asks":[["4.00000200","12.00000000"]]}'
USDM_SNAPSHOT = (
    '{"lastUpdateId":600859605926,"E":1626992741264,"T":1626992741261,"bids":[["7.6110","6"]],"asks":[["7.6120","9"]]}'
)
COINM_SNAPSHOT = (
    '{"lastUpdateId":16769853,"symbol":"BTCUSD_PERP","pair":"BTCUSD","E":1591250106370,"T":1591250106368,'
    '"bids":[["9638.0","431"]],"asks":[["9638.2","12"]]}'
)
SPOT_TICKER = (
    '{"u":35346513501,"s":"ETHUSDT","b":"2683.80000000","B":"3.02920000","a":"2683.81000000","A":"31.43950000"}'
)
USDM_TICKER = (
    '{"e":"bookTicker","u":5123107838717,"s":"ETHUSDT","b":"2681.62","B":"1.165","a":"2681.63","A":"73.077",'
    '"T":1723161256310,"E":1723161256311}'
)
SPOT_TRADE = (
    '{"e":"trade","E":1723161255612,"s":"ETHUSDT","t":1520538925,"p":"2683.80000000","q":"0.00200000",'
    '"T":1723161255611,"m":true,"M":true}'
)
USDM_TRADE = (
    '{"e":"trade","E":1723161256560,"T":1723161256560,"s":"ETHUSDT","t":4308068523,"p":"2681.62","q":"1.000",'
    '"X":"MARKET","m":true}'
)
AGG_TRADE = (
    '{"e":"aggTrade","E":1626992741575,"a":16599292,"s":"CTKUSDT","p":"1.01100","q":"10","f":23961322,"l":23961322,'
    '"T":1626992741421,"m":false}'
)
URL = "https://api.binance.com/api/v3/depth?symbol=ETHUSDT&limit=5000"


def decoder(name: str = "binance_spot", *symbols: str) -> Decoder:
    """A decoder of a new connection."""
    return get_format(name).decoder(symbols)


def combined(stream: str, text: str, **more: Any) -> str:
    """A frame of a combined stream."""
    return json.dumps({"stream": stream, **more, "data": json.loads(text)})


def changed(text: str, **fields: Any) -> str:
    """A message with some fields replaced; None takes one out."""
    message = {**json.loads(text), **fields}
    return json.dumps({key: value for key, value in message.items() if value is not None})


def refusal(text: Any, name: str = "binance_spot", *symbols: str, **more: Any) -> str:
    """The whole text of the error that a message gives."""
    with pytest.raises(DecodeError) as caught:
        decoder(name, *symbols).decode(text, **more)
    return str(caught.value)


def many(levels: int) -> list[list[str]]:
    """So many levels."""
    return [[str(price), "1"] for price in range(1, levels + 1)]


# -- diff depth -------------------------------------------------------------------------------------------------------


def test_spot_depth() -> None:
    """U and u are a range; there is no previous id."""
    event = Delta(
        symbol="BNBBTC",
        ts_event=1672515782136000000,
        ts_recv=5,
        first_sequence=157,
        sequence=160,
        bids=[("0.0024", "10")],
        asks=[("0.0026", "100")],
    )
    assert [event] == decoder().decode(SPOT_DEPTH, 5)


@pytest.mark.parametrize("name", FUTURES)
def test_futures_depth(name: str) -> None:
    """Futures link each event to the one before."""
    event = Delta(
        symbol="SUSHIUSDT",
        ts_event=1626992742289000000,
        first_sequence=600859605926,
        sequence=600859607423,
        prev_sequence=600859604824,
        bids=[("7.6110", "6")],
    )
    assert [event] == decoder(name).decode(USDM_DEPTH)


@pytest.mark.parametrize("stream", ["bnbbtc@depth", "bnbbtc@depth@100ms", "bnbbtc@depth@0ms"])
def test_combined_depth(stream: str) -> None:
    """The envelope of a combined stream changes nothing of what is inside."""
    assert decoder().decode(SPOT_DEPTH) == decoder().decode(combined(stream, SPOT_DEPTH))


def test_bytes_text_and_objects_are_one() -> None:
    """However the payload arrives."""
    forms = [SPOT_DEPTH, SPOT_DEPTH.encode(), memoryview(SPOT_DEPTH.encode()), json.loads(SPOT_DEPTH)]
    assert 1 == len({repr(decoder().decode(form)) for form in forms})


def test_size_zero_is_a_delete() -> None:
    """It is kept: the book decides what there is to delete."""
    [event] = decoder().decode(changed(SPOT_DEPTH, b=[["0.0024", "0.00000000"]]))
    assert (0,) == event.bids.sizes


def test_empty_depth() -> None:
    """An event without levels still moves the sequence."""
    [event] = decoder().decode(changed(SPOT_DEPTH, b=[], a=[]))
    assert (0, 0, 160) == (len(event.bids), len(event.asks), event.sequence)


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"u": "160"}, "BNBBTC: expected an integer, got `str` - at `$.u`"),
        ({"u": 160.0}, "BNBBTC: expected an integer, got `float` - at `$.u`"),
        ({"u": True}, "BNBBTC: expected an integer, got `bool` - at `$.u`"),
        ({"u": -1}, "BNBBTC: expected at least 0, got -1 - at `$.u`"),
        ({"u": 2**64}, "BNBBTC: expected an integer, got `float` - at `$.u`"),
        ({"u": 2**63}, "BNBBTC: 9223372036854775808 as an integer does not fit in int64 - at `$.u`"),
        ({"u": None}, "BNBBTC: expected an integer, got nothing - at `$.u`"),
        ({"U": None}, "BNBBTC: expected an integer, got nothing - at `$.U`"),
        ({"E": "x"}, "BNBBTC: expected an integer, got `str` - at `$.E`"),
        ({"s": None}, "expected a symbol, got nothing - at `$.s`"),
        ({"s": 7}, "expected a symbol, got `int` - at `$.s`"),
        ({"s": ""}, "expected a symbol, got an empty text - at `$.s`"),
        ({"b": None}, "BNBBTC: expected an array of levels, got nothing - at `$.b`"),
        ({"a": {}}, "BNBBTC: expected an array of levels, got `dict` - at `$.a`"),
        ({"b": [["1", "2"], 5]}, "BNBBTC: expected a level, got `int` - at `$.b[1]`"),
        ({"b": [["1"]]}, "BNBBTC: expected decimal text, got nothing - at `$.b[0][1]`"),
        ({"b": [["1", "-2"]]}, "BNBBTC: negative size: '-2' - at `$.b[0][1]`"),
        ({"a": [["NaN", "2"]]}, "BNBBTC: not a finite decimal number: 'NaN' - at `$.a[0][0]`"),
        ({"a": [["1e300", "2"]]}, "BNBBTC: does not fit in int64: '1e300' - at `$.a[0][0]`"),
        ({"a": [[1.5, "2"]]}, "BNBBTC: expected decimal text, got `float` - at `$.a[0][0]`"),
    ],
)
def test_wrong_depth(fields: dict[str, Any], text: str) -> None:
    """Every field that can be wrong, with its path."""
    assert text == refusal(changed(SPOT_DEPTH, **fields))


def test_wrong_depth_in_an_envelope() -> None:
    """The path starts at the frame."""
    message = changed(SPOT_DEPTH, b=[["1", "2"]] * 3 + [[[], "2"]])
    text = "BNBBTC: expected decimal text, got `list` - at `$.data.b[3][0]`"
    assert text == refusal(combined("bnbbtc@depth", message))


@pytest.mark.parametrize("name", FUTURES)
def test_futures_need_pu(name: str) -> None:
    """Without it nothing links two events."""
    assert "BNBBTC: expected an integer, got nothing - at `$.pu`" == refusal(SPOT_DEPTH, name)


def test_microseconds_are_refused() -> None:
    """timeUnit=MICROSECOND is another format: its times are not taken for a far future."""
    message = changed(SPOT_DEPTH, E=1672515782136000)
    text = "BNBBTC: 1672515782136000 as a time in nanoseconds does not fit in int64 - at `$.E`"
    assert text == refusal(message)


# -- what must not pass for diff depth ---------------------------------------------------------------------------------


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("channel", ["depth5", "depth10@100ms", "depth20@500ms"])
def test_partial_books_are_ignored(name: str, channel: str) -> None:
    """A view of the best levels is no snapshot of the book and no change of it."""
    connection = decoder(name)
    message = USDM_DEPTH if name in FUTURES else SPOT_SNAPSHOT
    assert [] == connection.decode(combined(f"sushiusdt@{channel}", message))
    assert 1 == connection.ignored


def test_bare_partial_books_are_known_by_their_url() -> None:
    """A connection to that one stream says so."""
    connection = decoder()
    assert [] == connection.decode(SPOT_SNAPSHOT, origin="wss://stream.binance.com:9443/ws/ethusdt@depth20@100ms")
    assert 1 == connection.ignored


@pytest.mark.parametrize("name", FORMATS)
def test_other_books_are_ignored(name: str) -> None:
    """rpiDepth speaks of another book with the same event."""
    connection = decoder(name)
    assert [] == connection.decode(combined("sushiusdt@rpiDepth@500ms", USDM_DEPTH))
    assert 1 == connection.ignored


# -- snapshots --------------------------------------------------------------------------------------------------------


def test_spot_snapshot() -> None:
    """A bare REST line: whose it is stands in the URL; there is no time."""
    event = Snapshot(
        symbol="ETHUSDT",
        sequence=1027024,
        ts_recv=9,
        bids=[("4", "431")],
        asks=[("4.000002", "12")],
        complete=True,
    )
    assert [event] == decoder().decode(SPOT_SNAPSHOT, 9, URL)


def test_futures_snapshot_has_a_time() -> None:
    """E, in milliseconds."""
    [event] = decoder("binance_usdm", "SUSHIUSDT").decode(USDM_SNAPSHOT)
    assert ("SUSHIUSDT", 1626992741264000000) == (event.symbol, event.ts_event)


def test_coinm_snapshot_names_its_symbol() -> None:
    """COIN-M alone does."""
    [event] = decoder("binance_coinm").decode(COINM_SNAPSHOT)
    assert "BTCUSD_PERP" == event.symbol


def test_coinm_snapshot_goes_by_its_url_first() -> None:
    """What was asked for is what was answered."""
    url = "https://dapi.binance.com/dapi/v1/depth?symbol=ETHUSD_PERP"
    [event] = decoder("binance_coinm").decode(COINM_SNAPSHOT, origin=url)
    assert "ETHUSD_PERP" == event.symbol


def test_generated_snapshot() -> None:
    """A recorder's own frame: the topic names the symbol."""
    [event] = decoder().decode(combined("btcusdt@depthSnapshot", SPOT_SNAPSHOT, generated=True))
    assert ("BTCUSDT", 1027024, False) == (event.symbol, event.sequence, event.complete)


def test_declared_symbol() -> None:
    """The caller says whose it is."""
    [event] = decoder("binance_spot", "ETHUSDT").decode(SPOT_SNAPSHOT)
    assert "ETHUSDT" == event.symbol


def test_only_symbol_so_far() -> None:
    """One symbol on the connection: it can be no other's."""
    connection = decoder()
    connection.decode(SPOT_TICKER)
    [event] = connection.decode(SPOT_SNAPSHOT)
    assert "ETHUSDT" == event.symbol


def test_symbol_of_ignored_messages_is_no_evidence() -> None:
    """A kline says nothing of whose depth is recorded."""
    connection = decoder()
    connection.decode({"e": "kline", "s": "BTCUSDT", "k": {}})
    with pytest.raises(DecodeError):
        connection.decode(SPOT_SNAPSHOT)


def test_nobody_known_yet() -> None:
    """No guess."""
    text = (
        "the message names no symbol (shown so far: none yet): "
        "pass symbols= to say whose it is, or its request URL as origin - at `$`"
    )
    assert text == refusal(SPOT_SNAPSHOT)


def test_guess_that_may_have_been_wrong() -> None:
    """A second symbol after a snapshot was taken for the only one."""
    connection = decoder()
    connection.decode(SPOT_TICKER)
    connection.decode(SPOT_SNAPSHOT)
    with pytest.raises(DecodeError) as caught:
        connection.decode(SPOT_DEPTH)
    assert caught.value.reason.startswith("a snapshot that names no symbol was taken for ETHUSDT, ")
    assert "pass symbols=" in caught.value.reason


def test_guess_survives_a_reconnect() -> None:
    """The symbols stay known: a reconnect does not make another one likelier."""
    connection = decoder()
    connection.decode(SPOT_TICKER)
    connection.reset()
    assert "ETHUSDT" == connection.decode(SPOT_SNAPSHOT)[0].symbol


@pytest.mark.parametrize(
    ("levels", "url", "complete"),
    [
        (3, "?symbol=X&limit=5", True),
        (5, "?symbol=X&limit=5", False),
        (6, "?symbol=X&limit=5", False),
        (3, "?symbol=X", False),
        (3, "?symbol=X&limit=", False),
        (3, "?symbol=X&limit=abc", False),
        (3, "?symbol=X&limit=-5", False),
        (0, "?symbol=X&limit=0", False),
        (3, "?symbol=X&limit=" + "9" * 5000, False),
        (4999, "?symbol=X&limit=5000", True),
        (5000, "?symbol=X&limit=5000", False),
        (5000, "?symbol=X&limit=10000", False),
        (4999, "?symbol=X&limit=10000", True),
    ],
)
def test_complete_snapshot(levels: int, url: str, complete: bool) -> None:
    """Fewer levels than could have come are all that there are; the venue gives 5000 at most."""
    message = changed(SPOT_SNAPSHOT, bids=many(levels), asks=many(levels))
    [event] = decoder().decode(message, origin=f"https://api.binance.com/api/v3/depth{url}")
    assert complete is event.complete


def test_complete_on_both_sides() -> None:
    """One full side, and the book may go on beyond it."""
    message = changed(SPOT_SNAPSHOT, bids=many(5), asks=many(2))
    [event] = decoder().decode(message, origin="https://api.binance.com/api/v3/depth?symbol=X&limit=5")
    assert not event.complete


@pytest.mark.parametrize("name", FUTURES)
def test_futures_give_fewer_levels(name: str) -> None:
    """A thousand at most, whatever was asked for."""
    message = changed(USDM_SNAPSHOT, bids=many(1000), asks=many(1000))
    [event] = decoder(name).decode(message, origin="https://fapi.binance.com/fapi/v1/depth?symbol=X&limit=5000")
    assert not event.complete


def test_new_listing() -> None:
    """Nothing has an id yet."""
    [event] = decoder("binance_spot", "NEWUSDT").decode(changed(SPOT_SNAPSHOT, lastUpdateId=-1, bids=[], asks=[]))
    assert (-1, 0, 0) == (event.sequence, len(event.bids), len(event.asks))


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"lastUpdateId": "5"}, "X: expected an integer, got `str` - at `$.lastUpdateId`"),
        ({"lastUpdateId": -2}, "X: expected at least -1, got -2 - at `$.lastUpdateId`"),
        ({"bids": None}, "X: expected an array of levels, got nothing - at `$.bids`"),
        ({"asks": [["1", "1"], ["2", "x"]]}, "X: not a finite decimal number: 'x' - at `$.asks[1][1]`"),
    ],
)
def test_wrong_snapshot(fields: dict[str, Any], text: str) -> None:
    """The same care as for changes."""
    assert text == refusal(changed(SPOT_SNAPSHOT, **fields), "binance_spot", "X")


def test_wrong_symbol_of_coinm_snapshot() -> None:
    """A symbol that is no text."""
    text = "expected a symbol, got `int` - at `$.symbol`"
    assert text == refusal(changed(COINM_SNAPSHOT, symbol=5), "binance_coinm")


# -- quotes and trades ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", [SPOT_TICKER, combined("ethusdt@bookTicker", SPOT_TICKER)])
def test_spot_quote(text: str) -> None:
    """No e and no time on spot."""
    event = Quote(
        symbol="ETHUSDT",
        sequence=35346513501,
        bid_price="2683.80000000",
        bid_size="3.02920000",
        ask_price="2683.81000000",
        ask_size="31.43950000",
    )
    assert [event] == decoder().decode(text)


def test_futures_quote() -> None:
    """Both on futures."""
    [event] = decoder("binance_usdm").decode(USDM_TICKER)
    assert (1723161256311000000, 5123107838717, "2681.62", "73.077") == (
        event.ts_event,
        event.sequence,
        event.bid_price,
        event.ask_size,
    )


@pytest.mark.parametrize("zero", ["0", "0.00000000"])
def test_one_sided_quote(zero: str) -> None:
    """A size of 0 is no quote at all, and neither is its price."""
    [event] = decoder().decode(changed(SPOT_TICKER, b=zero, B=zero))
    assert (None, None, "2683.81000000") == (event.bid_price, event.bid_size, event.ask_price)


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"u": None, "e": "bookTicker"}, "ETHUSDT: expected an integer, got nothing - at `$.u`"),
        ({"b": 2683.8}, "ETHUSDT: expected decimal text, got `float` - at `$.b`"),
        ({"A": "-1"}, "ETHUSDT: expected at least 0, got '-1' - at `$.A`"),
        ({"a": "inf"}, "ETHUSDT: not a finite decimal number: 'inf' - at `$.a`"),
    ],
)
def test_wrong_quote(fields: dict[str, Any], text: str) -> None:
    """A witness must be sound itself."""
    assert text == refusal(changed(SPOT_TICKER, **fields))


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("text", [SPOT_TRADE, USDM_TRADE])
def test_trade_of_a_selling_aggressor(name: str, text: str) -> None:
    """The buyer was the maker."""
    [event] = decoder(name).decode(text)
    assert (Side.ASK, False) == (event.side, event.hidden)


def test_agg_trade() -> None:
    """Several fills of one order at one price; the buyer was the taker."""
    event = Trade(
        symbol="CTKUSDT",
        ts_event=1626992741575000000,
        price="1.01100",
        size="10",
        side=Side.BID,
        trade_id=16599292,
    )
    assert [event] == decoder("binance_usdm").decode(AGG_TRADE)


@pytest.mark.parametrize("kind", ["INSURANCE_FUND", "ADL", "NA"])
def test_trades_outside_the_book(kind: str) -> None:
    """What was settled elsewhere took nothing that the book showed."""
    [event] = decoder("binance_usdm").decode(changed(USDM_TRADE, X=kind))
    assert event.hidden


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"m": 1}, "ETHUSDT: expected a boolean, got `int` - at `$.m`"),
        ({"m": None}, "ETHUSDT: expected a boolean, got nothing - at `$.m`"),
        ({"p": 5}, "ETHUSDT: expected decimal text, got `int` - at `$.p`"),
        ({"q": "-1"}, "ETHUSDT: expected at least 0, got '-1' - at `$.q`"),
        ({"t": "1"}, "ETHUSDT: expected an integer, got `str` - at `$.t`"),
    ],
)
def test_wrong_trade(fields: dict[str, Any], text: str) -> None:
    """Each of its fields."""
    assert text == refusal(changed(SPOT_TRADE, **fields))


# -- the rest ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "frame",
    [
        {"result": None, "id": 1},
        {"id": 3, "result": ["btcusdt@depth"]},
        {"e": "kline", "E": 1, "s": "X", "k": {}},
        {"e": "24hrMiniTicker"},
        {"stream": "x@kline_1m", "data": {"e": "kline", "s": "X"}},
        {"stream": "!miniTicker@arr", "data": [{"e": "24hrMiniTicker"}]},
        {"stream": "x@avgPrice", "data": {"w": "25"}},
    ],
)
def test_other_messages_are_ignored(frame: Any) -> None:
    """Acknowledgements and other streams: understood, counted, of no use."""
    connection = decoder()
    assert ([], 1) == (connection.decode(frame), connection.ignored)


@pytest.mark.parametrize(
    ("frame", "text"),
    [
        ({"code": -1121, "msg": "Invalid symbol."}, "the venue reports error -1121: Invalid symbol. - at `$`"),
        (
            {"error": {"code": 2, "msg": "Invalid request"}, "id": 7},
            "the venue reports error 2: Invalid request - at `$`",
        ),
        (
            {"stream": "x@depthSnapshot", "generated": True, "data": {"code": -1003, "msg": "Too many requests"}},
            "the venue reports error -1003: Too many requests - at `$.data`",
        ),
    ],
)
def test_venue_errors(frame: Any, text: str) -> None:
    """An error object inside a 200 body is an error, in the venue's words."""
    assert text == refusal(frame)


@pytest.mark.parametrize(
    "text",
    ['{"e":"serverShutdown","E":5}', '{"stream":"!serverShutdown","data":{"e":"serverShutdown","E":5}}'],
)
def test_server_shutdown(text: str) -> None:
    """The venue announces a disconnect; it is of the whole connection."""
    assert [Status(status="shutdown", ts_event=5_000_000)] == decoder().decode(text)


@pytest.mark.parametrize(
    ("frame", "text"),
    [
        ({}, "no message of binance_spot: {} - at `$`"),
        ({"foo": 1}, "no message of binance_spot: {'foo': 1} - at `$`"),
        ([], "no message of binance_spot: [] - at `$`"),
        ([{"e": "24hrMiniTicker"}], "no message of binance_spot: [{'e': '24hrMiniTicker'}] - at `$`"),
        ({"e": 5}, "no message of binance_spot: {'e': 5} - at `$`"),
    ],
)
def test_no_message_at_all(frame: Any, text: str) -> None:
    """What the table does not know is an error, not something to skip."""
    assert text == refusal(frame)
