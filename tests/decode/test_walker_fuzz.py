"""Damaged messages: what the compiled interpreter accepts, the readable one accepts too, and reads the same."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orderbook.decode import get_format
from orderbook.decode.table import Deletes, EventSpec, Field, JsonTable, Kind, LevelArrays, Message, Wire

Make = Callable[..., Any]

MESSAGES = (
    (
        b'{"stream":"x@depth@0ms","data":{"e":"depthUpdate","E":1723161251047,"T":5,"s":"ETHUSDT","U":157,"u":160,"pu":149,'
        b'"b":[["2683.80","10.500"],["0.0024","0.000"],["2683.79000000","0.00410000"]],"a":[["2683.81","1"],["2700","2"]]}}'
    ),
    b'{"e":"depthUpdate","E":1723161251047,"s":"ETHUSDT","U":157,"u":160,"b":[["2683.80","10.5"]],"a":[],"pu":1}',
    b'{"u":5,"s":"X","b":"1.50","B":"2","a":"3","A":"4"}',
    b'{"stream":"x@trade","data":{"e":"trade","E":5,"s":"X","t":7,"p":"1","q":"2.50","T":5,"m":true,"X":"MARKET"}}',
    b'{"e":"aggTrade","E":5,"a":7,"s":"X","p":"1","q":"2","f":1,"l":1,"T":5,"m":false}',
    b'{"e":"bookTicker","u":5,"s":"X","b":"1","B":"2","a":"3","A":"0","T":5,"E":5}',
    b'{"e":"kline","k":{"t":[1,2.5e3,{"x":"a\\nb \\ud83d\\ude00 \xc3\xa4"},null,true,false]}}',
    b'{"lastUpdateId":5,"bids":[["1","2"]],"asks":[["3","4"]]}',
)
TOKENS = (
    b'"', b"\\", b"{", b"}", b"[", b"]", b",", b":", b"0", b"9", b"-", b"+", b".", b"e", b"E5", b"e-999", b"1e400",
    b"\0", b" ", b"\n", b"\t", b"\x0b", b"\x1f", b"\x7f", b"\x80", b"\xc3\xa4", b"\xed\xa0\x80",
    b"\xf4\x90\x80\x80", b"\xff", b"\\u0062", b"\\ud800", b"\\udc00\\ud800", b"null", b"true", b"NaN", b"-0", b"00",
    b"9223372036854775807", b"9223372036854775808", b"18446744073709551616", b"1" * 41, b"[" * 70 + b"]" * 70,
    b'"b":[],', b'"e":"trade",', b'"data":{},', b'"s":"Y",', b'["1","2"],', b'"":1,', b"/**/", b"'",
    b"\xef\xbb\xbf",
)  # fmt: skip


def levelled(exact: bool, wire: Wire, count: str | None) -> JsonTable:
    """A table of levels as objects, in a place and with fields that Binance does not have."""
    fields = (Field("sequence", ("n",), Wire.INTEGER_TEXT), Field("checksum", ("c",), Wire.INTEGER))
    levels = LevelArrays(("d", 0, "b"), ("d", 0, "a"), wire, Deletes.ZERO_SIZE, "p", "q", count)
    spec = EventSpec(kind=Kind.DELTA, fields=fields, levels=levels)
    return JsonTable(exact_numbers=exact, messages=(Message(name="delta", events=(spec,)),))


# No counts among exact numbers: to make an int of 1E+999999999, the readable interpreter would take hours.
EXACT = levelled(True, Wire.NUMBER, None)
COUNTED = levelled(False, Wire.DECIMAL, "n")
EXACT_MESSAGES = (
    b'{"n":"17","c":5,"d":[{"b":[{"p":2683.80,"q":1.5e1,"n":3},{"n":"1","p":-1,"q":0}],"a":[{"p":1,"q":2,"n":0}]},{}]}',
)
COUNTED_MESSAGES = (
    b'{"n":"17","c":5,"d":[{"b":[{"p":"2683.80","q":"1.5e1","n":3},{"n":"1","p":"-1","q":"0"}],"a":[]},{}]}',
    b'{"c":5,"d":[{"a":[{"p":"1","q":"2","n":0,"x":[{}]}],"b":[]}],"n":"007"}',
)
TABLES = {
    "spot": (get_format("binance_spot").table, MESSAGES),
    "usdm": (get_format("binance_usdm").table, MESSAGES),
    "exact": (EXACT, EXACT_MESSAGES),
    "counted": (COUNTED, COUNTED_MESSAGES),
}


def damaged(rng: random.Random, raw: bytes) -> bytes:
    """A payload with one to four things done to it."""
    for _ in range(rng.choice((1, 1, 1, 2, 4))):
        at = rng.randrange(len(raw) + 1)
        end = min(len(raw), at + rng.choice((0, 1, 1, 2, 5, 20)))
        match rng.randrange(6):
            case 0:
                raw = raw[:at] + rng.choice(TOKENS) + raw[at:]
            case 1:
                raw = raw[:at] + rng.choice(TOKENS) + raw[end:]
            case 2:
                raw = raw[:at] + raw[end:]
            case 3:
                raw = raw[:at] + raw[at:end] * 2 + raw[end:]
            case 4:
                raw = raw[:at] + bytes(byte ^ 1 << rng.randrange(8) for byte in raw[at : at + 1]) + raw[at + 1 :]
            case _:
                raw = swapped(rng, raw)
    return raw if rng.random() < 0.97 else raw[: rng.randrange(len(raw) + 1)]


def swapped(rng: random.Random, raw: bytes) -> bytes:
    """The parts between two commas, the other way round: keys in another order, levels, torn objects."""
    parts = raw.split(b",")
    i, j = rng.randrange(len(parts)), rng.randrange(len(parts))
    parts[i], parts[j] = parts[j], parts[i]
    return b",".join(parts)


@pytest.mark.parametrize("name", TABLES)
@given(seed=st.integers(0, 2**64))
def test_damaged_bytes(name: str, twins: Make, seed: int) -> None:
    """A hundred damaged messages a time, over one connection."""
    table, messages = TABLES[name]
    rng = random.Random(seed)
    both = twins(table, ("X",), name)
    for _ in range(100):
        both.check(damaged(rng, rng.choice(messages)))


@pytest.mark.parametrize("name", TABLES)
def test_whole_messages_are_read(name: str, twins: Make) -> None:
    """What the damaged ones are made from is not declined, but for the REST snapshot."""
    table, messages = TABLES[name]
    both = twins(table)
    assert all(both.check(message) for message in messages if b"lastUpdateId" not in message)


@pytest.mark.parametrize("name", ["binance_spot", "binance_usdm"])
@given(payload=st.binary(max_size=40) | st.lists(st.sampled_from(TOKENS), max_size=12).map(b"".join))
def test_no_messages_at_all(name: str, payload: bytes, twins: Make) -> None:
    """Bytes of no format, and tokens in no order."""
    both = twins(get_format(name).table)
    both.check(payload)
    both.check(b'{"e":' + payload + b"}")


@pytest.mark.parametrize("message", MESSAGES[:-1])
def test_every_prefix_and_every_byte(message: bytes, twins: Make) -> None:
    """Cut anywhere, it is declined; with any one byte changed, both say the same."""
    both = twins(get_format("binance_usdm").table)
    assert both.check(message)
    assert not any(both.check(message[:end]) for end in range(len(message)))
    for at in range(len(message)):
        for byte in b'"\\{}[],:0-.e \x00\x80\xff':
            both.check(message[:at] + bytes([byte]) + message[at + 1 :])


@pytest.mark.parametrize("depth", [50, 1_000, 100_000])
def test_deep_nesting(depth: int, twins: Make) -> None:
    """Depth costs no stack."""
    both = twins(get_format("binance_usdm").table)
    for opening, closing in ((b"[", b"]"), (b'{"a":', b"}")):
        both.check(b'{"e":"kline","k":' + opening * depth + b"1" + closing * depth + b"}")
        both.check(b'{"e":"kline","k":' + opening * depth)
        both.check(opening * depth)


def test_many_levels(twins: Make) -> None:
    """A message of a hundred thousand levels is read; one beyond all bounds is declined."""
    both = twins(get_format("binance_usdm").table)
    message = b'{"e":"depthUpdate","E":5,"s":"X","U":1,"u":2,"pu":0,"a":[],"b":[%b]}'
    assert both.check(message % b",".join([b'["1","2"]'] * 100_000))
    assert not both.walker.accepts(message % b",".join([b'["1","2"]'] * (2**20 + 1)), both.scratch)
