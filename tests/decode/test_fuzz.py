"""Whatever arrives, a decoder answers with sound events or a DecodeError: nothing else ever comes out."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orderbook.decode import Decoder, get_format
from orderbook.errors import DecodeError
from orderbook.events import BOOK_EVENTS, Event
from orderbook.levels import Levels
from orderbook.scale import parse
from orderbook.types import INT64_MAX, Side

SUBSCRIBED = {"event": "subscribed", "channel": "book", "chanId": 1, "symbol": "tBTCUSD", "prec": "R0"}

JSON_MESSAGES: dict[str, list[Any]] = {
    "binance_spot": [
        {"e": "depthUpdate", "E": 5, "s": "X", "U": 157, "u": 160, "b": [["0.0024", "10"]], "a": [["0.0026", "0"]]},
        {"stream": "x@depth@100ms", "data": {"e": "depthUpdate", "E": 5, "s": "X", "U": 1, "u": 2, "b": [], "a": []}},
        {"u": 5, "s": "X", "b": "1", "B": "2", "a": "3", "A": "4"},
        {"e": "trade", "E": 5, "s": "X", "t": 7, "p": "1", "q": "2", "T": 5, "m": True, "M": True},
        {"lastUpdateId": 5, "bids": [["1", "2"]], "asks": [["3", "4"]]},
        {"stream": "x@depthSnapshot", "generated": True, "data": {"lastUpdateId": 5, "bids": [], "asks": []}},
        {"e": "serverShutdown", "E": 5},
        {"code": -1121, "msg": "Invalid symbol."},
        {"result": None, "id": 1},
    ],
    "binance_usdm": [
        {"e": "depthUpdate", "E": 5, "T": 5, "s": "X", "U": 5, "u": 7, "pu": 4, "b": [["7.6110", "6"]], "a": []},
        {"e": "bookTicker", "u": 5, "s": "X", "b": "1", "B": "2", "a": "3", "A": "0", "T": 5, "E": 5},
        {"e": "aggTrade", "E": 5, "a": 7, "s": "X", "p": "1", "q": "2", "f": 1, "l": 1, "T": 5, "m": False},
        {"lastUpdateId": 5, "E": 5, "T": 5, "bids": [["1", "2"]], "asks": []},
    ],
    "binance_coinm": [
        {"lastUpdateId": 5, "symbol": "X", "pair": "X", "E": 5, "T": 5, "bids": [["1", "2"]], "asks": []},
    ],
    "bitfinex_raw": [
        SUBSCRIBED,
        {"event": "unsubscribed", "chanId": 1},
        {"event": "info", "code": 20051},
        {"event": "conf", "flags": 98304},
        {"event": "error", "msg": "no", "code": 10300},
        [1, [[34753002978, 7294.7, 1.54340371], [2, 5, -1]], 13, 1626992742289],
        [1, [], 14],
        [1, [34753002978, 0, 1], 19],
        [1, [34753002978, 7294.5, -1], 19],
        [1, "hb", 127],
        [1, "cs", -5, 128],
        [2, "hb", 129],
    ],
}

BEST = "asks[0].price,asks[0].amount,bids[0].price,bids[0].amount"
L2 = "exchange,symbol,timestamp,local_timestamp,is_snapshot,side,price,amount"
CSV_MESSAGES: dict[str, list[str]] = {
    "tardis_csv": [
        f"{L2}\nbitmex,X,4,5,true,bid,10,1\nbitmex,X,4,5,true,ask,11,1",
        f"{L2}\nbitmex,X,5,6,false,bid,10,0",
        "exchange,symbol,timestamp,local_timestamp,id,side,price,amount\nbitmex,X,4,5,a,buy,10,1",
        "exchange,symbol,timestamp,local_timestamp,ask_amount,ask_price,bid_price,bid_amount\nb,X,4,5,1,2,1,1",
        f"exchange,symbol,timestamp,local_timestamp,{BEST}\nb,X,4,5,11,1,10,2",
    ],
    "lobster": [
        "AAPL,2012-06-21,34200.004241176,1,16113575,18,5853300,1,5859400,200,5853300,18",
        "AAPL,2012-06-21,34200.1,3,16113575,18,5853300,1,5859400,200,5853200,10",
        "AAPL,2012-06-21,34200.2,4,1,200,5859400,-1,5859500,1,5853200,10",
        "AAPL,2012-06-21,34200.3,5,0,10,5859500,-1",
        "AAPL,2012-06-21,34200.4,7,0,0,-1,-1,9999999999,0,-9999999999,0",
    ],
}

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=6)
    | st.sampled_from(["0", "-1", "NaN", "1e400", "1e-400", "0.1", "", "depthUpdate", "hb", "R0", 2**63, -(2**63)])
)
ANYTHING = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("esubaUBAEp"), inner, max_size=3),
    max_leaves=6,
)


def places(value: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place in a message where something can be changed."""
    found = [at]
    if isinstance(value, dict):
        found += [place for key, inner in value.items() for place in places(inner, (*at, key))]
    elif isinstance(value, list):
        found += [place for i, inner in enumerate(value) for place in places(inner, (*at, i))]
    return found


def altered(value: Any, at: tuple[Any, ...], new: Any) -> Any:
    """A message with another value in one place."""
    if not at:
        return new
    key, *rest = at
    twin = dict(value) if isinstance(value, dict) else list(value)
    twin[key] = altered(value[key], tuple(rest), new)
    return twin


@st.composite
def mutated(draw: st.DrawFn, messages: list[Any]) -> Any:
    """A real message with up to two places changed."""
    message = draw(st.sampled_from(messages))
    for _ in range(draw(st.integers(0, 2))):
        message = altered(message, draw(st.sampled_from(places(message))), draw(ANYTHING))
    return message


@st.composite
def damaged(draw: st.DrawFn, texts: list[str]) -> bytes:
    """A real payload with some bytes lost, doubled or replaced."""
    raw = draw(st.sampled_from(texts)).encode()
    for _ in range(draw(st.integers(0, 3))):
        start = draw(st.integers(0, len(raw)))
        stop = draw(st.integers(start, min(len(raw), start + 5)))
        raw = raw[:start] + draw(st.binary(max_size=4) | st.sampled_from([b",", b"\n", b"0", b"-", b'"'])) + raw[stop:]
    return raw


def check_event(event: Event) -> None:
    """What every builder and every column relies on."""
    assert isinstance(event.symbol, str)
    for name in ("ts_event", "ts_recv", "sequence", "first_sequence", "prev_sequence"):
        value = getattr(event, name)
        assert value is None or (type(value) is int and -1 <= value <= INT64_MAX)
    if isinstance(event, BOOK_EVENTS):
        assert event.symbol
    for name in ("bids", "asks"):
        levels = getattr(event, name, None)
        assert levels is None or (isinstance(levels, Levels) and all(size >= 0 for size in levels.sizes))
    for name in ("price", "size", "bid_price", "bid_size", "ask_price", "ask_size"):
        value = getattr(event, name, None)
        assert value is None or parse(value)
    assert getattr(event, "side", None) in (None, Side.BID, Side.ASK)


def answer(decoder: Decoder, payload: Any) -> list[Event] | DecodeError:
    """Events or the one error that may come out; any other ends the test."""
    try:
        return decoder.decode(payload, 77)
    except DecodeError as error:
        return error


def feed(name: str, payloads: list[Any]) -> None:
    """One connection through which all of them come."""
    decoder = get_format(name).decoder()
    for payload in payloads:
        found = answer(decoder, payload)
        if isinstance(found, DecodeError):
            assert 0 < len(str(found)) < 2_000
            continue
        for event in found:
            check_event(event)
        assert not found or found[-1].is_last


@pytest.mark.parametrize("name", JSON_MESSAGES)
@given(data=st.data())
def test_mutated_messages(name: str, data: st.DataObject) -> None:
    """Real messages with wrong values in any place, as text and as objects."""
    messages = data.draw(st.lists(mutated(JSON_MESSAGES[name]), max_size=6))
    feed(name, [json.dumps(message) for message in messages])
    feed(name, messages)


@pytest.mark.parametrize("name", JSON_MESSAGES)
@given(data=st.data())
def test_damaged_json(name: str, data: st.DataObject) -> None:
    """Real messages with damaged bytes."""
    texts = [json.dumps(message) for message in JSON_MESSAGES[name]]
    feed(name, data.draw(st.lists(damaged(texts), max_size=6)))


@pytest.mark.parametrize("name", CSV_MESSAGES)
@given(data=st.data())
def test_damaged_csv(name: str, data: st.DataObject) -> None:
    """Real rows with damaged bytes."""
    feed(name, data.draw(st.lists(damaged(CSV_MESSAGES[name]), max_size=8)))


@pytest.mark.parametrize("name", CSV_MESSAGES)
@given(data=st.data())
def test_wrong_cells(name: str, data: st.DataObject) -> None:
    """Real rows with another text in some cells."""
    known = ["", "0", "-1", "NaN", "1e400", "9" * 25, "true", "bid", "7", "-9999999999"]
    cell = st.text(max_size=4) | st.sampled_from(known)
    payloads = []
    for text in data.draw(st.lists(st.sampled_from(CSV_MESSAGES[name]), max_size=8)):
        header, _, rows = text.rpartition("\n")
        cells = rows.split(",")
        for _ in range(data.draw(st.integers(0, 2))):
            cells[data.draw(st.integers(0, len(cells) - 1))] = data.draw(cell)
        payloads.append(f"{header}\n{','.join(cells)}" if header else ",".join(cells))
    feed(name, payloads)


@pytest.mark.parametrize("name", [*JSON_MESSAGES, *CSV_MESSAGES])
@given(payload=ANYTHING | st.binary(max_size=30) | st.text(max_size=30))
def test_anything(name: str, payload: Any) -> None:
    """Bytes, text and objects of no format at all."""
    feed(name, [payload])


@pytest.mark.parametrize("name", JSON_MESSAGES)
def test_true_messages_pass(name: str) -> None:
    """The messages that the others are made from are understood, but for the one that reports an error."""
    decoder = get_format(name).decoder(["X"])
    reports = [message for message in JSON_MESSAGES[name] if "msg" in message]
    for message in JSON_MESSAGES[name]:
        if message not in reports and message not in ({"event": "unsubscribed", "chanId": 1}, [2, "hb", 129]):
            decoder.decode(json.dumps(message))
    for message in reports:
        with pytest.raises(DecodeError, match="the venue reports error"):
            decoder.decode(message)


@pytest.mark.parametrize("name", CSV_MESSAGES)
def test_true_rows_pass(name: str) -> None:
    """So are the rows."""
    for text in CSV_MESSAGES[name]:
        assert get_format(name).decoder().decode(text)


@pytest.mark.parametrize("name", [*JSON_MESSAGES, *CSV_MESSAGES])
def test_hostile_nesting(name: str) -> None:
    """Deep objects that were parsed elsewhere do not exhaust the stack."""
    deep: Any = []
    for _ in range(50_000):
        deep = [deep]
    keys = ("e", "b", "data", "bids", "s", "code", "msg", "lastUpdateId", "chanId", "event", "stream")
    feed(name, [deep, [1, deep], *({key: deep} for key in keys), dict.fromkeys(keys, deep)])
