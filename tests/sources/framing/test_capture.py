"""Text captures of websocket and REST sessions."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from orderbook.errors import CorruptSource
from orderbook.events import Disconnect, Fault
from orderbook.sources import FileSource
from orderbook.types import Place, RawMessage

Framed = Callable[..., list[Any]]
OPEN = b"wss://stream.binance.com:9443/stream?streams=a@depth/b@depth <-> 1633998511.25\n"


def test_a_websocket_session(framed: Framed) -> None:
    """What the client sent is passed over, what it received is a message with its exact time."""
    data = OPEN + b'wss://x <- 1633998511.5: {"op":"subscribe"}\n1633998512.0633569: {"u": 1}\n\n1633998513: [2]\n'
    expected = [
        RawMessage(1_633_998_512_063_356_900, b'{"u": 1}', "", Place("tape", 3, 123)),
        RawMessage(1_633_998_513_000_000_000, b"[2]", "", Place("tape", 5, 153)),
    ]
    assert expected == framed("capture", data)


def test_a_rest_answer_has_its_url_as_origin(framed: Framed) -> None:
    """The URL may be the only place that names the symbol."""
    url = "https://api.binance.com/api/v3/depth?symbol=NKNUSDT&limit=1000"
    (message,) = framed("capture", f'{url} -> 1633998512.320639: {{"lastUpdateId":1}}'.encode())
    assert RawMessage(1_633_998_512_320_639_000, b'{"lastUpdateId":1}', url, Place("tape", 1, 0)) == message


def test_connecting_again_is_a_disconnect(framed: Framed) -> None:
    """The first opening is none; each further one is, at the time of the opening."""
    again = b"wss://x <-> 1633998520.5\n"
    items = framed("capture", OPEN + b"1633998512.5: {}\n" + again + again)
    disconnect = Disconnect(ts_recv=1_633_998_520_500_000_000)
    assert [1_633_998_512_500_000_000, disconnect, disconnect] == [items[0].ts_recv, *items[1:]]


def test_arrows_inside_a_text_mean_nothing(framed: Framed) -> None:
    """Only the beginning of a line says what it is."""
    (message,) = framed("capture", b'1633998512.5: "wss://x <-> 1633998511.25"')
    assert b'"wss://x <-> 1633998511.25"' == message.payload


@pytest.mark.parametrize(
    "frame",
    [
        b"\x1f\x8b\x08\x00 gzip",
        b"",
        bytes(range(256)),
        b"it's",
        b'say "it"',
        b"both ' and \"",
        b"back\\slash\\x41\\n",
        b"\r\n\t",
    ],
)
def test_frames_that_python_wrote(framed: Framed, frame: bytes) -> None:
    """A bytes literal as ``repr`` writes it becomes those bytes, in both kinds of quotes."""
    data = f"1633998512.5: {frame!r}\nhttps://x -> 1633998512.5: {frame!r}".encode()
    assert [frame, frame] == [message.payload for message in framed("capture", data)]


@given(st.binary())
def test_every_frame_comes_back(framed: Framed, frame: bytes) -> None:
    """Our reading of a literal is Python's."""
    assert [frame] == [message.payload for message in framed("capture", f"1.5: {frame!r}".encode())]


@pytest.mark.parametrize(
    "literal",
    [
        b"b'",
        b"b'abc",
        b"b'a'b'",
        b"b'\\x4'",
        b"b'\\x4G'",
        b"b'\\q'",
        b"b'\\101'",
        b"b'\\'",
        b"b'a' + b'c'",
        b"b'" + b"\xff" + b"'",
        b"b'a' * 10**9",
        b"b\"a'",
    ],
)
def test_other_literals_are_refused(framed: Framed, literal: bytes) -> None:
    """What ``repr`` does not write is no literal: nothing is evaluated."""
    with pytest.raises(CorruptSource) as caught:
        framed("capture", b"1.5: " + literal)
    assert str(caught.value).startswith("tape:1: not a whole Python bytes literal: ")


def test_a_hostile_literal_costs_one_pass(framed: Framed) -> None:
    """A megabyte that is nearly a literal is refused at once (no backtracking)."""
    with pytest.raises(CorruptSource):
        framed("capture", b"1.5: b'" + b"\\x41a" * 200_000 + b"\\")


def test_text_that_begins_with_b_is_text(framed: Framed) -> None:
    """Only a quote makes a literal."""
    assert [b"bid"] == [message.payload for message in framed("capture", b"1.5: bid")]


@pytest.mark.parametrize(
    "line",
    [
        b"{}",
        b"1633998512.5 {}",
        b"1633998512.5:{}",
        b"wss://x <-> 1633998512.5: text",
        b"wss://x <- 1633998512.5",
        b"https://x -> 1633998512.5",
        b"https://x => 1633998512.5: {}",
        b"two words <-> 1633998512.5",
    ],
)
def test_other_lines_are_refused(framed: Framed, line: bytes) -> None:
    """A line is one of four things."""
    with pytest.raises(CorruptSource) as caught:
        framed("capture", line)
    expected = "tape:1: expected `ts: text` or `URL <-> ts`, `<- ts: text`, `-> ts: body`, got "
    assert str(caught.value).startswith(expected)


@pytest.mark.parametrize("when", [b"1.2.3", b".", b"1.0000000001", b"99999999999999"])
def test_times_that_are_none(framed: Framed, when: bytes) -> None:
    """The form is right and the number is not: the fault is the file's, and one fault under SKIP."""
    (fault,) = framed("capture", when + b": {}", skip=True)
    assert (Fault, CorruptSource) == (type(fault), type(fault.error))


@given(st.floats(1.0e9, 2.0e9))
def test_times_are_exact(framed: Framed, when: float) -> None:
    """The decimal that the recorder wrote, not the float that it meant."""
    (message,) = framed("capture", f"{when!r}: x".encode())
    assert int(Decimal(repr(when)) * 10**9) == message.ts_recv


@pytest.mark.parametrize(
    ("name", "received"),
    [
        ("BINANCE.ws.1.0.gz", 265),
        ("BITFINEX.ws.11.0.gz", 1_693),
        ("COINBASE.ws.28.0.gz", 9_946),
        ("HUOBI.ws.44.0.gz", 362),
        ("KRAKEN.ws.50.0.gz", 4_321),
        ("KUCOIN.ws.1.0.gz", 4_721),
        ("KUCOIN.http.0.0.gz", 9),
        ("INDEPENDENT_RESERVE.http.0.0.gz", 5),
    ],
)
def test_real_captures(data_file: Callable[[str], Path], name: str, received: int) -> None:
    """Every received line of a real capture is a message whose payload is JSON."""
    messages = list(FileSource(data_file(f"captures/{name}"), None))
    payloads = [m.payload if m.payload[:1] in b"[{" else gzip.decompress(m.payload) for m in messages]  # type: ignore[union-attr]
    assert received == len([orjson.loads(payload) for payload in payloads])
    times = [m.ts_recv for m in messages]
    assert sorted(times) == times  # type: ignore[type-var]


def test_real_rest_answers_name_their_symbol(data_file: Callable[[str], Path]) -> None:
    """The origin of each answer is the URL that was asked."""
    origins = [m.origin for m in FileSource(data_file("captures/BINANCE.http.0.0.gz"), None)]  # type: ignore[union-attr]
    symbols = ["NKNUSDT", "BLZETH", "LRCBTC", "RUNEEUR"]
    assert [f"https://api.binance.com/api/v3/depth?symbol={symbol}&limit=1000" for symbol in symbols] == origins
