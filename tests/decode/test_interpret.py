"""The interpreter of JSON tables: parsing, envelopes, channels, and who a message belongs to."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orderbook.decode.interpret import JsonDecoder, load_json
from orderbook.decode.symbols import Symbols, origin_parameter
from orderbook.decode.table import (
    Channels,
    Condition,
    Envelope,
    EventSpec,
    Field,
    JsonTable,
    Kind,
    Message,
    Scope,
    SymbolFrom,
    SymbolRule,
    Test,
    Wire,
)
from orderbook.errors import DecodeError, UsageError
from orderbook.events import Clear, Heartbeat, Status

ENVELOPE = Envelope(body=("data",), topic=("stream",), separator="@", symbol=0, channel=1, upper=True, origin="/ws/")


def table(*messages: Message, **more: Any) -> JsonTable:
    """A table of the given messages, in an envelope unless told otherwise."""
    return JsonTable(messages=messages, **{"envelope": ENVELOPE, **more})


def beats(name: str, *when: Condition, **more: Any) -> Message:
    """A kind of message that becomes a heartbeat."""
    return Message(name=name, when=when, events=(EventSpec(kind=Kind.HEARTBEAT, **more),))


def refusal(decoder: Any, payload: Any, **more: Any) -> DecodeError:
    """The error that a payload gives."""
    with pytest.raises(DecodeError) as caught:
        decoder.decode(payload, **more)
    return caught.value


# -- parsing ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("exact", [False, True])
@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview, lambda raw: bytes(raw).decode()])
def test_all_kinds_of_bytes_are_parsed(kind: Any, exact: bool) -> None:
    """Bytes in every wrapping, and text."""
    assert {"a": ["ä", 1]} == load_json(kind('{"a":["ä",1]}'.encode()), exact)


def test_parsed_objects_pass() -> None:
    """What was parsed before is not parsed again."""
    frame = {"a": 1}
    assert load_json(frame) is frame


@pytest.mark.parametrize("exact", [False, True])
@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b" ",
        b"{",
        b'{"a":1}{',
        b'{"a":NaN}',
        b"[Infinity]",
        b"[-Infinity]",
        b'{"a":"\xff"}',
        b"\xef\xbb\xbf{}",
        b"nul",
        b"[1,]",
        b"{'a':1}",
        b"[01]",
        b"[" * 100_000,
        b"[" * 100_000 + b"]" * 100_000,
        b'{"a":' * 100_000,
        b"\x00",
        "[1]\x00",
    ],
)
def test_malformed_json(payload: Any, exact: bool) -> None:
    """Whatever is wrong with the text, the error is a DecodeError at the top, and says malformed JSON."""
    with pytest.raises(DecodeError) as caught:
        load_json(payload, exact)
    assert "$" == caught.value.path
    assert caught.value.reason.startswith("malformed JSON: ")


def test_deep_nesting_is_named() -> None:
    """The standard library's parser runs out of stack; the error says why."""
    with pytest.raises(DecodeError) as caught:
        load_json(b"[" * 200_000, exact_numbers=True)
    assert "malformed JSON: nested too deeply - at `$`" == str(caught.value)


def test_huge_integers_are_refused() -> None:
    """A million digits cost quadratic time in int(): the parser's own limit stands."""
    with pytest.raises(DecodeError) as caught:
        load_json(b"[" + b"9" * 1_000_000 + b"]", exact_numbers=True)
    assert caught.value.reason.startswith("malformed JSON: Exceeds the limit")


def test_numbers_out_of_all_range() -> None:
    """An exponent that Decimal itself refuses."""
    with pytest.raises(DecodeError) as caught:
        load_json(b"[1.5e99999999999999999999]", exact_numbers=True)
    assert "malformed JSON: a number out of all range - at `$`" == str(caught.value)


@given(st.decimals(allow_nan=False, allow_infinity=False, places=12))
def test_exact_numbers(number: Decimal) -> None:
    """Every digit of a JSON number survives."""
    assert [number] == load_json(f"[{number:f}]", exact_numbers=True)


def test_floats_would_lose_digits() -> None:
    """The reason for the second parser."""
    assert Decimal("0.1000000000000000055") == load_json(b"[0.1000000000000000055]", exact_numbers=True)[0]
    assert 0.1 == load_json(b"[0.1000000000000000055]")[0]


@pytest.mark.parametrize("payload", ["1", '"text"', "null", "true", 7, None, 1.5])
def test_scalars_are_no_messages(payload: Any) -> None:
    """A frame is an object or an array."""
    error = refusal(JsonDecoder(table(beats("any"))), payload)
    assert error.reason.startswith("expected an object or an array, got `")


# -- telling messages apart -------------------------------------------------------------------------------------------


def test_first_match_wins() -> None:
    """The order of the table decides."""
    first = Message(name="first", when=(Condition(Test.PRESENT, ("a",)),), events=(EventSpec(kind=Kind.CLEAR),))
    second = beats("second", Condition(Test.PRESENT, ("b",)))
    decoder = JsonDecoder(table(first, second))
    assert [Clear()] == decoder.decode({"a": 1, "b": 1})
    assert [Heartbeat()] == decoder.decode({"b": 1})


def test_all_conditions_must_hold() -> None:
    """One that fails is enough."""
    both = beats("both", Condition(Test.PRESENT, ("a",)), Condition(Test.PRESENT, ("b",)))
    decoder = JsonDecoder(table(both), name="x")
    assert "no message of x: {'a': 1} - at `$`" == str(refusal(decoder, {"a": 1}))


def test_ignored_messages_are_counted() -> None:
    """Nothing is dropped without a trace."""
    ignored = Message(name="ack", when=(Condition(Test.PRESENT, ("id",)),), events=(EventSpec(kind=Kind.IGNORED),))
    decoder = JsonDecoder(table(ignored))
    assert [[], []] == [decoder.decode({"id": 1}), decoder.decode({"id": 2})]
    assert 2 == decoder.ignored


def test_several_events_are_one_message() -> None:
    """All but the last say that more is to come."""
    both = Message(name="both", when=(), events=(EventSpec(kind=Kind.CLEAR), EventSpec(kind=Kind.HEARTBEAT)))
    assert [Clear(is_last=False), Heartbeat()] == JsonDecoder(table(both)).decode({})


def test_constants_and_times_go_into_events() -> None:
    """What every message of a kind has in common is in the table."""
    spec = EventSpec(
        kind=Kind.STATUS, fields=(Field("ts_event", ("t",), Wire.INTEGER),), constants=(("status", "halted"),)
    )
    decoder = JsonDecoder(table(Message(name="halt", events=(spec,))))
    assert [Status(status="halted", ts_event=5, ts_recv=9)] == decoder.decode({"t": 5}, 9)


def test_venue_errors_are_errors() -> None:
    """With the code where there is one, and no more of the text than can be read."""
    spec = EventSpec(
        kind=Kind.ERROR,
        fields=(
            Field("code", ("c",), Wire.INTEGER, required=False),
            Field("message", ("m",), Wire.TEXT),
        ),
    )
    decoder = JsonDecoder(table(Message(name="error", events=(spec,))))
    assert "the venue reports error 7: no - at `$`" == str(refusal(decoder, {"c": 7, "m": "no"}))
    assert "the venue reports error: no - at `$`" == str(refusal(decoder, {"m": "no"}))
    assert 400 > len(str(refusal(decoder, {"m": "x" * 10_000})))


def test_refused_messages_say_why() -> None:
    """A setting under which the rest could not be read."""
    spec = EventSpec(kind=Kind.REFUSED, constants=(("message", "not like this"),))
    error = refusal(JsonDecoder(table(Message(name="conf", events=(spec,)))), {})
    assert "not like this - at `$`" == str(error)


# -- envelopes --------------------------------------------------------------------------------------------------------

BY_TOPIC = (SymbolRule(SymbolFrom.TOPIC),)
TOPICS = table(
    beats("ours", Condition(Test.EQUALS, values=("depth",), scope=Scope.CHANNEL), symbol=BY_TOPIC),
    beats("none", Condition(Test.EQUALS, values=("",), scope=Scope.CHANNEL)),
    beats("other", symbol=(SymbolRule(SymbolFrom.DECLARED),)),
)


def test_envelope_names_channel_and_symbol() -> None:
    """The topic's parts, the symbol in capitals."""
    events = JsonDecoder(TOPICS).decode({"stream": "ethusdt@depth@100ms", "data": {}})
    assert [Heartbeat(symbol="ETHUSDT")] == events


def test_bare_message_has_no_channel() -> None:
    """Nothing stands around it."""
    assert [Heartbeat()] == JsonDecoder(TOPICS).decode({})


@pytest.mark.parametrize(
    ("origin", "symbol"),
    [
        ("wss://stream.example:9443/ws/ethusdt@depth", "ETHUSDT"),
        ("wss://stream.example:9443/ws/ethusdt@depth?timeUnit=MILLISECOND", "ETHUSDT"),
        ("wss://stream.example:9443/ws/ethusdt@depth/btcusdt@depth", ""),
        ("wss://stream.example:9443/ws/", ""),
        ("wss://stream.example:9443/stream?streams=ethusdt@depth", ""),
        ("", ""),
    ],
)
def test_origin_names_a_single_stream(origin: str, symbol: str) -> None:
    """A connection to one stream says which in its URL; one to several says nothing of a message."""
    assert [Heartbeat(symbol=symbol)] == JsonDecoder(TOPICS).decode({}, origin=origin)


@pytest.mark.parametrize(
    "frame", [{"stream": 5, "data": {}}, {"stream": "x@depth", "data": "text"}, {"stream": "x@depth"}]
)
def test_half_an_envelope_is_none(frame: Any) -> None:
    """An envelope is a topic around an object or an array."""
    assert [Heartbeat()] == JsonDecoder(TOPICS).decode(frame)


def test_topic_without_separator_is_a_channel() -> None:
    """As in ``!bookTicker``: all symbols on one channel."""
    decoder = JsonDecoder(TOPICS, ["ETHUSDT"])
    assert [Heartbeat(symbol="ETHUSDT")] == decoder.decode({"stream": "!bookTicker", "data": {}})


def test_paths_go_through_the_envelope() -> None:
    """An error names its place from the top of the frame, and the symbol if that was known."""
    spec = EventSpec(
        kind=Kind.HEARTBEAT,
        symbol=(SymbolRule(SymbolFrom.TOPIC),),
        fields=(Field("sequence", ("u",), Wire.INTEGER),),
    )
    decoder = JsonDecoder(table(Message(name="beat", events=(spec,))))
    error = refusal(decoder, {"stream": "ethusdt@x", "data": {"u": "5"}})
    assert "ETHUSDT: expected an integer, got `str` - at `$.data.u`" == str(error)
    assert "ETHUSDT" == error.symbol


# -- numbered channels ------------------------------------------------------------------------------------------------

NUMBERED = JsonTable(
    channels=Channels(
        key=(0,),
        when=(Condition(Test.TYPE, values=("array",)),),
        early=(Condition(Test.EQUALS, (1,), ("early",)),),
        number=("id",),
        symbol=("symbol",),
        name=(("channel",), ("prec",)),
        assumed="book/R0",
    ),
    messages=(
        Message(name="on", when=(Condition(Test.PRESENT, ("on",)),), events=(EventSpec(kind=Kind.SUBSCRIBED),)),
        Message(name="off", when=(Condition(Test.PRESENT, ("off",)),), events=(EventSpec(kind=Kind.UNSUBSCRIBED),)),
        beats(
            "book",
            Condition(Test.EQUALS, values=("book/R0",), scope=Scope.CHANNEL),
            symbol=(SymbolRule(SymbolFrom.TOPIC),),
        ),
        beats("other"),
    ),
)
SUBSCRIBED = {"on": 1, "id": 17, "channel": "book", "prec": "R0", "symbol": "tBTCUSD"}


def test_subscription_gives_a_number_its_meaning() -> None:
    """Frames are known by it from then on."""
    decoder = JsonDecoder(NUMBERED)
    assert [] == decoder.decode(SUBSCRIBED)
    assert [Heartbeat(symbol="tBTCUSD")] == decoder.decode([17, "hb"])
    assert 1 == decoder.ignored


def test_channel_name_is_made_of_what_is_there() -> None:
    """A subscription without ``prec`` is another channel."""
    decoder = JsonDecoder(NUMBERED)
    decoder.decode({"on": 1, "id": 17, "channel": "book", "symbol": "tBTCUSD"})
    assert [Heartbeat()] == decoder.decode([17, "hb"])


def test_unknown_number() -> None:
    """Without its subscription nobody knows what a frame is of."""
    text = (
        "channel 17 was never subscribed to in this recording: "
        "pass the one symbol that it is of as symbols= - at `$[0]`"
    )
    assert text == str(refusal(JsonDecoder(NUMBERED), [17, "hb"]))


def test_unknown_number_that_may_come_early() -> None:
    """A venue may send such frames before it answers the subscription."""
    assert [Heartbeat()] == JsonDecoder(NUMBERED).decode([17, "early"])


def test_unknown_number_with_one_declared_symbol() -> None:
    """The caller knows."""
    assert [Heartbeat(symbol="tBTCUSD")] == JsonDecoder(NUMBERED, ["tBTCUSD"]).decode([17, "hb"])


def test_unknown_number_with_two_declared_symbols() -> None:
    """Two are no answer."""
    assert "$[0]" == refusal(JsonDecoder(NUMBERED, ["tBTCUSD", "tETHUSD"]), [17, "hb"]).path


def test_unsubscribed_number_is_forgotten() -> None:
    """It may be given to another channel."""
    decoder = JsonDecoder(NUMBERED)
    for message in (SUBSCRIBED, {"off": 1, "id": 17}):
        decoder.decode(message)
    assert "$[0]" == refusal(decoder, [17, "hb"]).path
    assert [] == decoder.decode({"off": 1, "id": 99})


def test_reset_forgets_numbers() -> None:
    """A new connection numbers its channels anew."""
    decoder = JsonDecoder(NUMBERED)
    decoder.decode(SUBSCRIBED)
    decoder.reset()
    assert "$[0]" == refusal(decoder, [17, "hb"]).path


@pytest.mark.parametrize("frame", [[], ["17", "hb"], [True, "hb"], [None], [17.5]])
def test_number_must_be_an_integer(frame: Any) -> None:
    """A frame without a channel is no frame."""
    assert refusal(JsonDecoder(NUMBERED), frame).reason.startswith("expected the number of a channel, got ")


def test_subscription_without_number() -> None:
    """Nor is a subscription."""
    error = refusal(JsonDecoder(NUMBERED), {"on": 1, "id": "17"})
    assert "expected the number of a channel, got `str` - at `$.id`" == str(error)


def test_subscriptions_need_channels() -> None:
    """A third party's table that speaks of subscriptions must say where the numbers are."""
    with pytest.raises(UsageError) as caught:
        JsonDecoder(JsonTable(messages=NUMBERED.messages), name="mine").decode(SUBSCRIBED)
    assert "the table of mine speaks of subscriptions but numbers no channels" == str(caught.value)


# -- whose message ----------------------------------------------------------------------------------------------------

FIELD = SymbolRule(SymbolFrom.FIELD, ("s",))
SNAPSHOT_RULES = (
    SymbolRule(SymbolFrom.ORIGIN, parameter="symbol"),
    FIELD,
    SymbolRule(SymbolFrom.TOPIC),
    SymbolRule(SymbolFrom.DECLARED),
    SymbolRule(SymbolFrom.SEEN),
)


def find(symbols: Symbols, body: Any = None, *, topic: str = "", origin: str = "") -> str:
    """Whose a snapshot is."""
    return symbols.find(SNAPSHOT_RULES, body or {}, (), topic, origin)


def test_no_rules_no_symbol() -> None:
    """Some messages are of the connection."""
    assert "" == Symbols().find((), {}, (), "ETHUSDT", "")


def test_rules_in_order() -> None:
    """The first that knows is believed."""
    symbols = Symbols(["D"])
    url = "https://api.example/depth?symbol=O&limit=5"
    assert "O" == find(symbols, {"s": "F"}, topic="T", origin=url)
    assert "F" == find(symbols, {"s": "F"}, topic="T")
    assert "T" == find(symbols, topic="T")
    assert "D" == find(symbols)


def test_the_only_one_seen() -> None:
    """What one connection has shown so far, if it is one."""
    symbols = Symbols()
    symbols.find((FIELD,), {"s": "ETHUSDT"}, (), "", "")
    assert "ETHUSDT" == find(symbols)


def test_none_seen_yet() -> None:
    """Nothing to go by."""
    with pytest.raises(DecodeError) as caught:
        find(Symbols())
    text = (
        "the message names no symbol (shown so far: none yet): "
        "pass symbols= to say whose it is, or its request URL as origin - at `$`"
    )
    assert text == str(caught.value)


def test_several_seen() -> None:
    """Too much to go by."""
    symbols = Symbols()
    for name in ("ETHUSDT", "BTCUSDT"):
        symbols.find((FIELD,), {"s": name}, (), "", "")
    with pytest.raises(DecodeError) as caught:
        find(symbols)
    assert caught.value.reason.startswith("the message names no symbol (shown so far: ETHUSDT and BTCUSDT): pass")


def test_second_symbol_after_inference() -> None:
    """The guess may have been wrong: never silently."""
    symbols = Symbols()
    symbols.find((FIELD,), {"s": "ETHUSDT"}, (), "", "")
    find(symbols)
    for _ in range(2):
        with pytest.raises(DecodeError) as caught:
            symbols.find((FIELD,), {"s": "BTCUSDT"}, (), "", "")
        text = (
            "a snapshot that names no symbol was taken for ETHUSDT, the only one shown until then, "
            "but BTCUSDT is here too: pass symbols= to say whose it is, or its request URL as origin"
        )
        assert text == str(caught.value)
    assert "ETHUSDT" == symbols.find((FIELD,), {"s": "ETHUSDT"}, (), "", "")


def test_second_symbol_without_inference() -> None:
    """Two symbols are nothing wrong where every message names its own."""
    symbols = Symbols()
    assert ["A", "B", "C"] == [symbols.find((FIELD,), {"s": name}, (), "", "") for name in "ABC"]


def test_declared_symbol_is_no_inference() -> None:
    """The caller's word stands, whatever else the connection carries."""
    symbols = Symbols(["ETHUSDT"])
    assert "ETHUSDT" == find(symbols)
    assert "BTCUSDT" == symbols.find((FIELD,), {"s": "BTCUSDT"}, (), "", "")


def test_several_declared_and_one_seen() -> None:
    """With two expected, the one that showed first proves nothing."""
    symbols = Symbols(["ETHUSDT", "BTCUSDT"])
    symbols.find((FIELD,), {"s": "ETHUSDT"}, (), "", "")
    with pytest.raises(DecodeError):
        find(symbols)


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ({}, "expected a symbol, got nothing - at `$.data.s`"),
        ({"s": 5}, "expected a symbol, got `int` - at `$.data.s`"),
        ({"s": ""}, "expected a symbol, got an empty text - at `$.data.s`"),
    ],
)
def test_symbol_fields_must_be_text(body: Any, text: str) -> None:
    """Where it is the only way to know."""
    with pytest.raises(DecodeError) as caught:
        Symbols().find((FIELD,), body, ("data",), "", "")
    assert text == str(caught.value)


@pytest.mark.parametrize(
    ("origin", "value"),
    [
        ("https://api.example/depth?symbol=ETHUSDT&limit=1000", "ETHUSDT"),
        ("https://api.example/depth?limit=1000&symbol=ETHUSDT", "ETHUSDT"),
        ("https://api.example/depth?symbol=ETH%2FUSDT", "ETH/USDT"),
        ("https://api.example/depth?symbol=A&symbol=B", None),
        ("https://api.example/depth?symbol=", None),
        ("https://api.example/depth", None),
        ("https://[api.example/depth?symbol=ETHUSDT", None),
        ("book snapshot", None),
        ("", None),
    ],
)
def test_origin_parameter(origin: str, value: str | None) -> None:
    """A parameter of the request, if it stands there once."""
    assert value == origin_parameter(origin, "symbol")


# -- anything ---------------------------------------------------------------------------------------------------------


@given(st.binary(max_size=50) | st.text(max_size=50))
def test_any_bytes_are_parsed_or_refused(payload: Any) -> None:
    """A DecodeError or what the standard library parses: nothing else comes out."""
    try:
        found = load_json(payload, exact_numbers=True)
    except DecodeError:
        return
    assert found == json.loads(payload, parse_float=Decimal)
