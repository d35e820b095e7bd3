"""The rules of ``framing="auto"``."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orderbook.errors import UsageError
from orderbook.sources import FRAMINGS, FileSource, Framing
from orderbook.sources.framing import HEAD, detect, get_framing

NS = b"1723161254024619568 "
LOBSTER = "AAPL_2012-06-21_34200000_57600000_message_10.csv"
TARDIS = b"exchange,symbol,timestamp,local_timestamp,is_snapshot,side,price,amount\n"


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        (b"", "ndjson"),
        (b" \n\r\n", "ndjson"),
        (b"2019-06-01T00:00:00.1000000Z {}", "tardis_raw"),
        (b"\n\n2019-06-01T00:00:00.1000000Z []\n", "tardis_raw"),
        (NS + b"{}", "ns_json"),
        (NS + b"[1]\n", "ns_json"),
        (b"1633998512.0633569: {}", "capture"),
        (b"1633998512: b'x'", "capture"),
        (b"wss://x/y?z=a@b <-> 1633998512.06\n1633998513.1: {}", "capture"),
        (b"wss://x <- 1633998512.06: {}", "capture"),
        (b"https://x/y -> 1633998512.06: {}", "capture"),
        (TARDIS, "tardis_csv"),
        (b"exchange,symbol,timestamp,local_timestamp\r\n", "tardis_csv"),
        (b"{}\n", "ndjson"),
        (b'{"a":"}"}', "ndjson"),
        (b"[1,2]\n[3,4]\n", "ndjson"),
        (b"[\n  [1,2],\n  [3,4]\n]", "json_array"),
        (b'[{"a":1},\n{"a":2}]', "json_array"),
    ],
)
def test_by_the_first_line(head: bytes, expected: str) -> None:
    """Each recorder's first line is unlike the others'."""
    assert expected == detect(head, complete=True)


@pytest.mark.parametrize(
    "head",
    [
        b"[[1,2],[3,4]]",
        b"[[1,2],[3,4]]\n\n",
        b"{\n  1\n}",
        b"1723161254024619 {}",
        b"1723161254 {}",
        b"1723161254024619568",
        b"2019-06-01T00:00:00.100000Z {}",
        b"id,timestamp,price\n1,2,3\n",
        b"34200.004241176,1,16113575,18,5853300,1\n",
        b"\x00\x00S\x00\x00",
        b"DBN\x03",
        b"text",
        b"null",
        b"\xef\xbb\xbf{}",
    ],
)
def test_what_no_rule_can_tell(head: bytes) -> None:
    """Microseconds, one array in one line, numbers without a name: each could be two things, or is none."""
    assert None is detect(head, complete=True)


@pytest.mark.parametrize(
    ("head", "complete", "declared", "expected"),
    [
        (b"", True, "tardis_raw", "tardis_raw"),
        (b"[[1,2],[3,4]]", True, "json_array", "json_array"),
        (b"[[1,2],[3,4]]", True, "ndjson", "ndjson"),
        (b"[1,2]\n[3,4]\n", True, "json_array", "ndjson"),
        (b"[1,2,\n3]", True, "ndjson", "json_array"),
        (b'{"event":"info"}\n', True, "json_array", "ndjson"),
        (b"[[1,2],[3,", False, "json_array", "json_array"),
        (b"[[1,2],[3,", False, "auto", None),
        (b'{"a":[1,2', False, "auto", "ndjson"),
        (b"[1]\n", False, "auto", "ndjson"),
        (NS + b"{}", True, "json_array", "ns_json"),
        (b"1633998512.06: {}", True, "ns_json", "capture"),
        (b"text", True, "csv_rows", "csv_rows"),
        (b"[[1,2],[3,4]]", True, "ns_json", "ns_json"),
        (b"34200.004241176,1,16113575,18,5853300,1\n", True, "lobster", "lobster"),
    ],
)
def test_the_formats_own_framing(head: bytes, complete: bool, declared: str, expected: str | None) -> None:
    """It decides where the bytes do not: a single array in one line, and what no rule knows."""
    assert expected == detect(head, complete, declared=declared)


@pytest.mark.parametrize(
    ("head", "filename", "expected"),
    [
        (b"34200.004241176,1,16113575,18,5853300,1\n", LOBSTER, "lobster"),
        (b"5859400,200,5853300,18\n", LOBSTER.replace("message", "orderbook"), "lobster"),
        (b"9999999999,0,-9999999999,0\n", LOBSTER.replace("message", "orderbook"), "lobster"),
        (b"", LOBSTER, "lobster"),
        (NS + b"{}", LOBSTER, "ns_json"),
        (b"time,type,id\n", LOBSTER, None),
        (b"34200.004241176,1,16113575,18,5853300,1\n", "AAPL.csv", None),
    ],
)
def test_lobster_by_name_and_content(head: bytes, filename: str, expected: str | None) -> None:
    """The name alone is not enough, and the numbers alone are not either."""
    assert expected == detect(head, complete=True, filename=filename)


@given(st.binary(max_size=300), st.booleans())
def test_any_bytes_are_decided_or_not(head: bytes, complete: bool) -> None:
    """The answer is a framing that exists, or None; nothing else ever happens."""
    assert detect(head, complete) in (*FRAMINGS, None)


def test_get_framing() -> None:
    """By name, as a value of one's own, or an error with the names."""
    own = Framing("own", FRAMINGS["ndjson"].read, timed=False)
    assert (FRAMINGS["capture"], own) == (get_framing("capture"), get_framing(own))
    with pytest.raises(UsageError) as caught:
        get_framing("nsjson")
    names = "ns_json, tardis_raw, capture, ndjson, json_array, tardis_csv, csv_rows, lobster"
    assert f"unknown framing 'nsjson'; known are auto, {names}" == str(caught.value)


def test_a_file_that_cannot_be_told_names_the_options(tape: Callable[..., Path]) -> None:
    """The error names the file and what to say, before anything is delivered."""
    path = tape(b"[[1,2],[3,4]]")
    with pytest.raises(UsageError) as caught:
        next(iter(FileSource(path, None)))
    names = "ns_json, tardis_raw, capture, ndjson, json_array, tardis_csv, csv_rows, lobster"
    assert f"{path}: cannot tell how this was recorded; say framing= one of {names}" == str(caught.value)


def test_detection_does_not_depend_on_chunks(tape: Callable[..., Path], compression: str) -> None:
    """The same first bytes decide for every chunk size and compression, whatever the length of the first line."""
    long_line = b'{"a":"' + b"x" * (HEAD + 5) + b'"}\n[1]\n'
    path = tape(long_line, compression)
    for size in (1000, HEAD - 1, HEAD, HEAD + 1, 1 << 20):
        assert 2 == len(list(FileSource(path, None, chunk_size=size)))


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("binance_spot/ethusdt_20240808.gz", "ns_json"),
        ("binance_usdm/ethusdt_20240808.gz", "ns_json"),
        ("captures/BINANCE.http.0.0.gz", "capture"),
        ("captures/DERIBIT.ws.1.0.gz", "capture"),
        ("bybit/bybit-xrpusdt-ob500.data.zip", "ndjson"),
        ("lobster/AAPL_2012-06-21_34200000_57600000_message_10.csv", "lobster"),
    ],
)
def test_real_files(data_file: Callable[[str], Path], name: str, expected: str) -> None:
    """Reading by the rules is reading by the name."""
    path = data_file(name)
    by_rule, by_name = iter(FileSource(path, None)), iter(FileSource(path, None, framing=expected))
    assert [next(by_name) for _ in range(4)] == [next(by_rule) for _ in range(4)]
    for running in (by_rule, by_name):
        running.close()  # type: ignore[attr-defined]
