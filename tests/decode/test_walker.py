"""The compiled interpreter and the readable one are one: what it accepts it reads the same, down to the types."""

from __future__ import annotations

import gzip
import json
import os
import pickle
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orderbook.decode import get_format
from orderbook.decode.table import (
    Channels,
    Condition,
    Deletes,
    Envelope,
    EventSpec,
    Field,
    JsonTable,
    Kind,
    LevelArrays,
    Message,
    Scope,
    SymbolFrom,
    SymbolRule,
    Test,
    Wire,
)
from orderbook.errors import DecodeError
from orderbook.testing import raw_messages
from orderbook.types import Side

DataFile = Callable[[str], Path]
Make = Callable[..., Any]

BINANCE = ("binance_spot", "binance_usdm", "binance_coinm")
WEBSOCKET = re.compile(rb"([0-9.]+): (.*)")
DEPTH = b'{"e":"depthUpdate","E":5,"s":"X","U":1,"u":2,"pu":0,"b":[["1.50","2"],["1.25","0"]],"a":[["3","4.125"]]}'
TRADE = b'{"e":"trade","E":5,"s":"X","t":7,"p":"1.50","q":"2","T":5,"m":true,"M":true}'
QUOTE = b'{"u":5,"s":"X","b":"1.0","B":"2","a":"3","A":"0.000"}'


def binance(twins: Make, name: str = "binance_usdm", symbols: tuple[str, ...] = ()) -> Any:
    """Both decoders of a Binance format."""
    return twins(get_format(name).table, symbols, name)


# -- Binance ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", BINANCE)
def test_what_is_compiled(name: str, walker_module: ModuleType) -> None:
    """All messages but REST snapshots, of which there are few, and errors, which the readable one words."""
    table = get_format(name).table
    names = [message.name for message in table.messages]  # type: ignore[union-attr]
    compiled = walker_module.Walker.make(table).compiled
    assert ["error", "error reply", "depthSnapshot"] == [name for name in names if name not in compiled]


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("binance_spot", "binance_spot/ethusdt_20240808.gz"),
        ("binance_spot", "binance_spot/ethusdt_20240809.gz"),
        ("binance_usdm", "binance_usdm/ethusdt_20240808.gz"),
    ],
)
def test_captures(name: str, file: str, twins: Make, data_file: DataFile) -> None:
    """Every line of the captures; nothing but REST snapshots is declined."""
    both = binance(twins, name)
    declined = []
    with gzip.open(data_file(file)) as lines:
        for line in lines:
            when, _, payload = line.rstrip().partition(b" ")
            if not both.check(payload, int(when)):
                declined.append(payload[:15])
    assert {b'{"lastUpdateId"'} >= set(declined)


@pytest.mark.parametrize(("name", "venue"), [("binance_spot", "BINANCE"), ("binance_usdm", "BINANCE_FUTURES")])
def test_text_captures(name: str, venue: str, twins: Make, data_file: DataFile) -> None:
    """Every line that a client received, several symbols to a connection."""
    both = binance(twins, name)
    with gzip.open(data_file(f"captures/{venue}.ws.1.0.gz")) as lines:
        received = [match[2] for line in lines if (match := WEBSOCKET.fullmatch(line.rstrip()))]
    assert {True: len(received)} == Counter(both.check(payload) for payload in received)


@pytest.mark.parametrize("name", BINANCE[:2])
@given(data=st.data())
def test_synthetic_feeds(name: str, twins: Make, data: st.DataObject) -> None:
    """Made-up feeds with all that can go wrong on the way."""
    both = binance(twins, name)
    for message in data.draw(raw_messages(name)):
        both.check(message.payload, message.ts_recv)


def test_levels_come_out_at_their_smallest_scales(twins: Make) -> None:
    """As parsing the rows one by one gives them: each side has its own."""
    both = binance(twins)
    assert both.check(DEPTH)
    [event] = both.compiled.decode(DEPTH)
    assert ((150, 125), 2, (2, 0), 0) == (
        event.bids.prices,
        event.bids.price_scale,
        event.bids.sizes,
        event.bids.size_scale,
    )
    assert ((3,), 0, (4125,), 3) == (
        event.asks.prices,
        event.asks.price_scale,
        event.asks.sizes,
        event.asks.size_scale,
    )


@pytest.mark.parametrize("scales", [(0, 0), (2, 3), (8, 8), (18, 18)])
def test_hinted_scales(scales: tuple[int, int], walker_module: ModuleType) -> None:
    """A walk accepts the same from every scale that the numbers fit in."""
    walker = walker_module.Walker.make(get_format("binance_usdm").table)
    assert walker.accepts(DEPTH, walker.scratch(), *scales)
    wide = DEPTH.replace(b'"3"', b'"30"')
    assert (scales[0] < 18) == walker.accepts(wide, walker.scratch(), *scales)


@pytest.mark.parametrize("scale", [-1, 19])
def test_a_scale_that_is_none(scale: int, walker_module: ModuleType) -> None:
    """A hint out of range is declined, not used as an index."""
    walker = walker_module.Walker.make(get_format("binance_usdm").table)
    assert not walker.accepts(DEPTH, walker.scratch(), scale, 0)
    assert not walker.accepts(DEPTH, walker.scratch(), 0, scale)


@pytest.mark.parametrize(
    "payload",
    [
        DEPTH,
        TRADE,
        QUOTE,
        b'{"stream":"x@depth@100ms","data":' + DEPTH + b"}",
        b'{"data":' + DEPTH + b',"stream":"x@depth"}',
        b'{"stream":"x@depth20","data":{"lastUpdateId":1,"bids":[],"asks":[]}}',
        b'{"stream":"x@rpiDepth","data":' + DEPTH + b"}",
        b'{"stream":"nothing","data":[1,{"a":[null,true,false]}]}',
        b'{"stream":1,"data":' + DEPTH + b',"u":5,"s":"X","b":"1","B":"2","a":"3","A":"4"}',
        b'{"stream":"x@trade","data":1,"result":null,"id":7}',
        b'{"result":null,"id":1}',
        b'{"e":"kline","k":{"i":"1m"}}',
        b'{"e":"serverShutdown","E":5}',
        b'{"e":"aggTrade","E":5,"a":7,"s":"X","p":"1","q":"2","f":1,"l":1,"T":5,"m":false}',
        b'{"e":"trade","E":5,"s":"X","t":7,"p":"1","q":"2","m":false,"X":"INSURANCE_FUND"}',
        b'{"e":"trade","E":5,"s":"X","t":7,"p":"1","q":"2","m":false,"X":null}',
        b'{"e":"bookTicker","E":5,"u":5,"s":"X","b":"0","B":"0","a":"3","A":"4"}',
        b' \t\r\n{ "u" : 5 , "s" : "X" , "b" : "1" , "B" : "2" , "a" : "3" , "A" : "4" } \n',
        DEPTH.replace(b",", b" ,\n").replace(b"[", b"[ ").replace(b"]", b" ]").replace(b":", b" : "),
        DEPTH.replace(b'"2"]', b'"2",[{"x":["\\ud83d\\ude00\\n"]}],1.5e3]'),
        DEPTH.replace(b'"E"', b'"x":{"a":[[],{},"\xc3\xa4 \\u00e4"]},"E"'),
        DEPTH.replace(b'"X"', '"ΕΘ币"'.encode()),
        DEPTH.replace(b'"1.50"', b'"-1.5e-3"'),
        DEPTH.replace(b'"1.50"', b'"+.5"'),
        DEPTH.replace(b'"1.50"', b'"00000000000000000000001.5000000000000000000000000"'),
        DEPTH.replace(b'"2"', b'"-0.0"'),
        DEPTH.replace(b'"2"', b'"12345678.12345678"'),
        DEPTH.replace(b'"2"', b'"123456789.123456789"'),
    ],
)
def test_read_by_itself(payload: bytes, twins: Make) -> None:
    """Sound messages of every shape are not declined."""
    for name in BINANCE:
        assert binance(twins, name).check(payload)


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b" ",
        b"7",
        b'"x"',
        b"{}",
        b"[]",
        DEPTH[:-1],
        DEPTH + b"x",
        DEPTH + b"\0",
        DEPTH + DEPTH,
        b"\xef\xbb\xbf" + DEPTH,
        DEPTH.replace(b'"E":5', b'"E":5,"E":6'),
        DEPTH.replace(b'"E":5', b'"E":05'),
        DEPTH.replace(b'"E":5', b'"E":-5'),
        DEPTH.replace(b'"E":5', b'"E":5.0'),
        DEPTH.replace(b'"E":5', b'"E":"5"'),
        DEPTH.replace(b'"E":5', b'"E":9223372036855'),
        DEPTH.replace(b'"u":2', b'"u":9223372036854775808'),
        DEPTH.replace(b'"u":2', b'"u":null'),
        DEPTH.replace(b'"E":5', b'"E":5,"x":1e400'),
        DEPTH.replace(b'"E":5', b'"E":5,"x":NaN'),
        DEPTH.replace(b'"E":5', b'"E":5,"x":"\xed\xa0\x80"'),
        DEPTH.replace(b'"E":5', b'"E":5,"x":"\xc0\x80"'),
        DEPTH.replace(b'"E":5', b'"E":5,"x":"\\ud800"'),
        DEPTH.replace(b'"E":5', b'"E":5,"x":"\x1f"'),
        DEPTH.replace(b'"E":5', b'"E":5,"x":[1,]'),
        DEPTH.replace(b'"E":5', b'"E":5,"x":{"a":1,}'),
        DEPTH.replace(b'"E":5', b'"E":5,"x":' + b"[" * 2000 + b"]" * 2000),
        DEPTH.replace(b'"E":5', b'"\\u0045":5'),
        DEPTH.replace(b'"X"', b'"\\u0058"'),
        DEPTH.replace(b'"X"', b'""'),
        DEPTH.replace(b'"X"', b"5"),
        DEPTH.replace(b'"2"', b'"-2"'),
        DEPTH.replace(b'"2"', b"2"),
        DEPTH.replace(b'"2"', b'"NaN"'),
        DEPTH.replace(b'"2"', b'"9223372036854775808"'),
        DEPTH.replace(b'"2"', b'"0.0000000000000000001"'),
        DEPTH.replace(b'"2"', b'"' + b"0" * 65 + b'"'),
        DEPTH.replace(b'["1.25","0"]', b'["9223372036854775807","0"]'),
        DEPTH.replace(b'["1.25","0"]', b'["1.25"]'),
        DEPTH.replace(b'["1.25","0"]', b"[]"),
        DEPTH.replace(b'["1.25","0"]', b'"10"'),
        DEPTH.replace(b'["1.25","0"]', b'{"0":"1","1":"2"}'),
        DEPTH.replace(b',"a":[["3","4.125"]]', b""),
        DEPTH.replace(b'"b":[["1.50","2"],["1.25","0"]]', b'"b":null'),
        b'{"code":-1121,"msg":"Invalid symbol."}',
        b'{"lastUpdateId":5,"bids":[["1","2"]],"asks":[["3","4"]]}',
        b'{"stream":"x\\u0040depth","data":' + DEPTH + b"}",
        b'{"stream":"x@depth","data":' + DEPTH + b',"data":{}}',
    ],
)
def test_left_to_the_readable_one(payload: bytes, twins: Make) -> None:
    """What is wrong, rare or ambiguous is declined; the answer is then the readable one's, error and all."""
    for name in ("binance_usdm", "binance_coinm"):
        assert not binance(twins, name, ("X",)).check(payload)


def test_origin_names_the_channel(twins: Make) -> None:
    """A connection opened for a partial book sends bare messages that look like diff depth."""
    both = binance(twins)
    for origin in ("", "wss://x/ws/ethusdt@depth20", "wss://x/ws/a@depth/b@depth5", "wss://x/ws/x@rpiDepth", ""):
        assert both.check(DEPTH, origin=origin)
    assert 2 == both.compiled.ignored


def test_only_bytes_are_walked(walker_module: ModuleType, twins: Make) -> None:
    """Text and parsed objects take the way that they always took."""
    both = binance(twins)
    events = both.compiled.decode(DEPTH)
    assert events == both.compiled.decode(DEPTH.decode()) == both.compiled.decode(json.loads(DEPTH))


def test_python_decodes_without_it(project_root: Path) -> None:
    """ORDERBOOK_BACKEND=python holds for decoders too."""
    code = "from orderbook.decode import get_format; print(get_format('binance_spot').decoder().walker)"
    env = {**os.environ, "ORDERBOOK_BACKEND": "python"}
    command = [sys.executable, "-c", code]
    result = subprocess.run(command, capture_output=True, text=True, check=True, cwd=project_root, env=env)
    assert "None\n" == result.stdout


def test_a_second_symbol_after_a_guess(twins: Make) -> None:
    """The rule for messages without a symbol knows those that the compiled interpreter has read."""
    both = binance(twins)
    snapshot = b'{"lastUpdateId":5,"bids":[],"asks":[]}'
    for payload in (snapshot, DEPTH, snapshot, DEPTH, TRADE.replace(b'"X"', b'"Y"'), DEPTH, snapshot):
        both.check(payload)
    with pytest.raises(DecodeError, match="but Y is here too"):
        both.compiled.decode(TRADE.replace(b'"X"', b'"Y"'))


def test_a_walker_can_be_pickled(walker_module: ModuleType) -> None:
    """It is made again from its table; so is the room to read into."""
    walker = walker_module.Walker.make(get_format("binance_spot").table)
    twin, scratch = pickle.loads(pickle.dumps((walker, walker.scratch())))
    assert walker.image() == twin.image()
    assert twin.read(QUOTE, 7, scratch) == walker.read(QUOTE, 7, walker.scratch())
    with pytest.raises(TypeError, match=r"Walker\.make"):
        walker_module.Walker()


# -- other tables -----------------------------------------------------------------------------------------------------

ANY: tuple[Condition, ...] = ()
OTHERS = Envelope(body=("body", 0), topic=("topic",), separator="--", symbol=2, channel=1, upper=False, origin="/x/")


def one(spec: EventSpec, *when: Condition, **more: Any) -> JsonTable:
    """A table of one message."""
    return JsonTable(messages=(Message(name="it", when=when, events=(spec,)),), **more)


def delta(**more: Any) -> EventSpec:
    """Levels at ``b`` and ``a`` unless told otherwise."""
    return EventSpec(
        kind=Kind.DELTA, levels=LevelArrays(**{"bids": ("b",), "asks": ("a",), "deletes": Deletes.ZERO_SIZE, **more})
    )


LEVELS = [
    (delta(wire=Wire.DECIMAL), b'{"b":[["411.8","10","0","4"]],"a":[["412",  "1" , [] ]]}', False),
    (delta(wire=Wire.DECIMAL, count=3), b'{"b":[["411.8","10","0","4"]],"a":[]}', False),
    (delta(wire=Wire.DECIMAL, count=2), b'{"b":[["411.8","10",17],["1","2","03"]],"a":[["1","1",0]]}', False),
    (delta(wire=Wire.DECIMAL, price=2, size=0), b'{"b":[["10",{},"411.8"]],"a":[]}', False),
    (
        delta(wire=Wire.NUMBER, price="price", size="qty"),
        b'{"b":[{"price":411.80,"qty":1e1},{"x":[1],"qty":0,"price":-0.5}],"a":[]}',
        True,
    ),
    (
        delta(wire=Wire.DECIMAL, price="price", size="qty", count="n"),
        b'{"b":[{"price":"411.80","n":3,"qty":"10"}],"a":[{"qty":"1","price":"500","n":0}]}',
        False,
    ),
    (delta(wire=Wire.NUMBER, count=2), b'{"b":[[411.80,10,3],[0.1,1.5e-3,4]],"a":[]}', True),
    (delta(wire=Wire.DECIMAL, bids=("d", 1, "b"), asks=("d", 0)), b'{"d":[[["5","6"]],{"b":[["3","4"]]},7]}', False),
]


@pytest.mark.parametrize(("spec", "payload", "exact"), LEVELS)
def test_levels_of_every_shape(spec: EventSpec, payload: bytes, exact: bool, twins: Make) -> None:
    """Extra elements, keys, counts, other places, numbers that are no text."""
    both = twins(one(spec, exact_numbers=exact))
    assert both.check(payload)
    for wrong in (b"null", b"true", b'"x"', b"-1", b"[]", b"{}", b"1e9", b'"1e9"', b"1.5", b'"\\u0031"'):
        for part in re.finditer(rb'"[0-9.]+"|[0-9][0-9.e-]*', payload):
            both.check(payload[: part.start()] + wrong + payload[part.end() :])


def test_keys_twice_in_a_level(twins: Make) -> None:
    """The last one counts, says the other parser: declined if it is one that we need."""
    both = twins(one(delta(wire=Wire.DECIMAL, price="p", size="q")))
    assert both.check(b'{"b":[{"p":"1","q":"2","x":1,"x":2}],"a":[]}')
    assert not both.check(b'{"b":[{"p":"1","q":"2","p":"3"}],"a":[]}')
    assert not both.check(b'{"b":[{"p":"1","q":"2","\\u0070":"3"}],"a":[]}')


def test_floats_are_not_compiled(walker_module: ModuleType) -> None:
    """Without exact_numbers the reference's number has been a float, and says something else than its digits."""
    assert walker_module.Walker.make(one(delta(wire=Wire.NUMBER))) is None
    field = Field("price", ("p",), Wire.NUMBER)
    spec = EventSpec(kind=Kind.TRADE, fields=(field, Field("size", ("q",), Wire.DECIMAL)))
    assert walker_module.Walker.make(one(spec)) is None
    assert walker_module.Walker.make(one(spec, exact_numbers=True)) is not None


SIDES = (("buy", Side.BID), ("sell", Side.ASK), (1, Side.BID), (True, Side.ASK))
FIELDS = (
    Field("ts_event", ("t",), Wire.INTEGER, unit=1_000_000, required=False),
    Field("sequence", ("n", "i"), Wire.INTEGER_TEXT, least=None, required=False, unless=("n", "j")),
    Field("price", ("p",), Wire.DECIMAL, least=5),
    Field("size", ("q",), Wire.NUMBER, required=False),
    Field("side", ("s",), Wire.TEXT, choices=SIDES, required=False, empty=("", "none")),
    Field("trade_id", ("l", 1), Wire.TEXT, required=False),
    Field("hidden", ("h",), Wire.BOOLEAN, required=False),
    Field("order_id", ("o",), Wire.INTEGER, choices=((7, "seven"), (-8, "eight")), least=None, required=False),
)
VALUES = st.sampled_from(
    [0, 7, -8, 5, 2**63, -(2**70), 1.5, True, False, None, [], [1, "a"], [1, ""], {}, Decimal("1.50")]
    + "none buy sell 5 -8 - 007 1.5 0.5 9223372036854775807 9223372036854775808 x".split()
    + ["", {"i": "5"}, {"i": "5", "j": "5"}, {"i": "5", "j": 5}, {"i": 5, "j": 5}, {"i": "-0"}]
)


@given(values=st.dictionaries(st.sampled_from("tnpqslho"), VALUES))
def test_fields_of_every_kind(values: dict[str, Any], twins: Make) -> None:
    """Right and wrong values in all fields."""
    both = twins(one(EventSpec(kind=Kind.TRADE, fields=FIELDS, constants=(("hidden", True),)), exact_numbers=True))
    both.check(json.dumps(values, default=float).encode())
    both.check(json.dumps({"p": "5", **values}, default=float).encode())


def test_good_fields_are_read(twins: Make) -> None:
    """The test above is not about declining."""
    both = twins(one(EventSpec(kind=Kind.TRADE, fields=FIELDS, symbol=()), exact_numbers=True))
    assert both.check(b'{"t":5,"n":{"i":"-5","j":"6"},"p":"5","q":1.50,"s":"sell","l":[0,"x"],"h":false,"o":-8}')
    assert both.check(b'{"n":{"i":"5","j":"5"},"p":"5","q":-0,"s":"none","l":[0]}')
    [event] = both.compiled.decode(b'{"p":"5","q":1.50}')
    assert (Decimal, "1.50") == (type(event.size), str(event.size))


CONDITIONS = (
    st.builds(
        Condition,
        st.sampled_from([Test.PRESENT, Test.ABSENT, Test.EQUALS, Test.DIFFERS]),
        st.sampled_from([(), ("a",), ("a", "b"), ("a", 0), ("a", 0, 1), ("longer key than eight",), ("a", -1)]),
        st.lists(st.sampled_from(["x", "y", 1, 0, True, False, None, 2**65, "channel"]), max_size=3).map(tuple),
        st.sampled_from(Scope),
    )
    | st.builds(
        Condition,
        st.just(Test.TYPE),
        st.sampled_from([(), ("a",), ("a", 0)]),
        st.lists(st.sampled_from("object array string integer number boolean null".split()), max_size=2).map(tuple),
        st.sampled_from(Scope),
    )
    | st.builds(Condition, st.just(Test.BITS), st.just(("a",)), st.sampled_from([(1, 1), (3, 2), (-1, -2), (2**65, 0)]))
)
NODES = st.recursive(
    st.sampled_from(["x", "y", 1, 0, 2, -2, True, False, None, 1.5]),
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["a", "b", "longer key than eight"]), inner)
    ),
    max_leaves=5,
)
TOPICS = st.sampled_from(["z--channel--X", "z--channel", "x", "", "--", "----", "z--x--", "z--y--X--more", 5, None])


@given(
    tests=st.lists(st.lists(CONDITIONS, max_size=3), min_size=1, max_size=3),
    body=NODES,
    topic=TOPICS,
    wrapped=st.booleans(),
    envelope=st.booleans(),
)
def test_conditions(
    tests: list[list[Condition]], body: Any, topic: Any, wrapped: bool, envelope: bool, twins: Make
) -> None:
    """The first message whose conditions hold is the same one."""
    messages = [
        Message(name=str(i), when=tuple(when), events=(EventSpec(kind=Kind.STATUS, constants=(("status", str(i)),)),))
        for i, when in enumerate(tests)
    ]
    both = twins(JsonTable(messages=tuple(messages), envelope=OTHERS if envelope else None))
    if both.walker is not None:
        both.check(json.dumps({"topic": topic, "body": [body]} if wrapped else body).encode())


def test_levels_that_are_looked_into(walker_module: ModuleType, twins: Make) -> None:
    """An array is read as levels or looked into, not both: then its message is declined, and the others are not."""
    table = JsonTable(
        messages=(
            Message(
                name="odd", when=(Condition(Test.EQUALS, ("b", 0), ("x",)),), events=(EventSpec(kind=Kind.IGNORED),)
            ),
            Message(name="delta", when=(Condition(Test.PRESENT, ("a",)),), events=(delta(wire=Wire.DECIMAL),)),
        )
    )
    both = twins(table)
    assert ("odd",) == both.walker.compiled
    assert both.check(b'{"b":["x"],"a":[]}')
    assert not both.check(b'{"b":[["1","2"]],"a":[]}')


def test_two_ways_to_write_one_place(twins: Make) -> None:
    """The first message's way is compiled; the other message is declined."""
    named = (Condition(Test.EQUALS, ("e",), ("named",)),)
    table = JsonTable(
        messages=(
            Message(name="named", when=named, events=(delta(wire=Wire.DECIMAL, price=1, size=0),)),
            Message(name="plain", when=(), events=(delta(wire=Wire.DECIMAL),)),
        )
    )
    both = twins(table)
    assert both.check(b'{"e":"named","b":[["1","2"]],"a":[]}')
    assert not both.check(b'{"b":[["1","2"]],"a":[]}')


@pytest.mark.parametrize(
    "spec",
    [
        EventSpec(kind=Kind.ERROR, fields=(Field("message", ("m",), Wire.TEXT),)),
        EventSpec(kind=Kind.REFUSED, constants=(("message", "no"),)),
        EventSpec(kind=Kind.ORDER_SNAPSHOT),
        EventSpec(kind=Kind.HEARTBEAT, symbol=(SymbolRule(SymbolFrom.TOPIC),)),
        EventSpec(kind=Kind.HEARTBEAT, fields=(Field("sequence", ("a", -1), Wire.INTEGER),)),
        EventSpec(kind=Kind.HEARTBEAT, fields=(Field("sequence", ("a",), Wire.INTEGER, scale=2),)),
        EventSpec(kind=Kind.HEARTBEAT, fields=(Field("ts_event", ("a",), Wire.SECONDS_OF_DAY),)),
        EventSpec(kind=Kind.HEARTBEAT, fields=(Field("sequence", ("a",) * 17, Wire.INTEGER),)),
        EventSpec(kind=Kind.HEARTBEAT, fields=(Field("sequence", ("\ud800",), Wire.INTEGER),)),
        EventSpec(kind=Kind.HEARTBEAT, fields=(Field("sequence", ("x" * 5000,), Wire.INTEGER),)),
        EventSpec(kind=Kind.HEARTBEAT, constants=(("symbol", None),)),
        EventSpec(kind=Kind.QUOTE, constants=(("bid_size", 1),)),
        EventSpec(kind=Kind.QUOTE, fields=(Field("bid_size", ("a",), Wire.TEXT),)),
        EventSpec(kind=Kind.TRADE),
        delta(wire=Wire.DECIMAL, price=0, size=0),
        delta(wire=Wire.DECIMAL, price="p", size=0),
        delta(wire=Wire.DECIMAL, bids=("a",)),
    ],
)
def test_not_compiled(spec: EventSpec, walker_module: ModuleType) -> None:
    """A table of which nothing can be compiled has no walker."""
    assert walker_module.Walker.make(one(spec)) is None


def test_tables_without_a_walker(walker_module: ModuleType) -> None:
    """Numbered channels, separators that split nothing, more messages than there is room for."""
    beat = Message(name="beat", events=(EventSpec(kind=Kind.HEARTBEAT),))
    channels = Channels(key=(0,), when=(), early=(), number=("n",), symbol=("s",), name=(("c",),), assumed="x")
    make = walker_module.Walker.make
    assert make(JsonTable(messages=(beat,))) is not None
    assert make(JsonTable(messages=(beat,), channels=channels)) is None
    assert make(JsonTable(messages=(beat,) * 1000)) is None
    assert make(JsonTable(messages=())) is None
    split = Envelope(body=("d",), topic=("t",), separator="", symbol=0, channel=1, upper=True, origin="/")
    assert make(JsonTable(messages=(beat,), envelope=split)) is None
