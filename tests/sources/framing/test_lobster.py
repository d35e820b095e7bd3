"""LOBSTER pairs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from orderbook.errors import CorruptSource, TruncatedSource, UsageError
from orderbook.events import Fault
from orderbook.sources import FRAMINGS, FileSource, Stream
from orderbook.sources.framing.lobster import PATTERN, Name, pair_up, parse_name, venue_time
from orderbook.types import Place, RawMessage

Framed = Callable[..., list[Any]]
MESSAGES = "AAPL_2012-06-21_34200000_57600000_message_1.csv"
BOOKS = "AAPL_2012-06-21_34200000_57600000_orderbook_1.csv"
ROWS = b"34200.004241176,1,16113575,18,5853300,1\n34200.00426064,1,16113584,18,5853200,1\n"
STATES = b"5859400,200,5853300,18\n5859400,200,5853200,18\n"


def books(data: bytes = STATES, filename: str = BOOKS, limit: int = 1 << 20) -> Stream:
    """The stream of an orderbook file."""
    return Stream(name=filename, filename=filename, chunks=iter([data]), max_message=limit)


def pair(framed: Framed, rows: bytes = ROWS, states: bytes = STATES, **kwargs: Any) -> list[Any]:
    """Everything that a pair gives."""
    return framed("lobster", rows, filename=MESSAGES, companion=books(states), **kwargs)


@pytest.mark.parametrize(
    ("filename", "expected"),
    [
        (MESSAGES, ("AAPL", "2012-06-21", "message", 1)),
        ("BRK_B_2012-06-21_0_1_orderbook_50.csv.gz", ("BRK_B", "2012-06-21", "orderbook", 50)),
        ("A_2012-06-21_34200000_57600000_message_10.csv.xz", ("A", "2012-06-21", "message", 10)),
    ],
)
def test_parse_name(filename: str, expected: tuple[object, ...]) -> None:
    """Ticker, day, kind and levels stand in the name."""
    name = parse_name(filename)
    assert isinstance(name, Name)
    assert expected == name[:4]


@pytest.mark.parametrize(
    "filename",
    [
        "AAPL_message_10.csv",
        "AAPL_2012-06-21_34200000_57600000_trades_10.csv",
        "_2012-06-21_34200000_57600000_message_10.csv",
        "AAPL_2012-06-21_34200000_57600000_message_10.txt",
        "A,B_2012-06-21_34200000_57600000_message_10.csv",
        "AAPL_2012-06-21_34200000_57600000_message_.csv",
        "",
    ],
)
def test_other_names(filename: str) -> None:
    """A name that says less says nothing."""
    assert None is parse_name(filename)


def test_pairs_by_name() -> None:
    """A pair differs in one word; the order is that of the message files, and a message file may be alone."""
    other = MESSAGES.replace("AAPL", "MSFT")
    deeper = MESSAGES.replace("_1.csv", "_5.csv")
    assert [(1, 0), (2, None), (3, 4)] == pair_up([BOOKS, MESSAGES, other, deeper, BOOKS.replace("_1.csv", "_5.csv")])


@pytest.mark.parametrize(
    ("filenames", "message"),
    [
        ([BOOKS], "AAPL_2012-06-21_34200000_57600000_orderbook_1.csv comes without its message file"),
        ([MESSAGES, MESSAGES], f"two files are called {MESSAGES}"),
        (
            ["AAPL.csv"],
            f"a LOBSTER file is called {PATTERN} (or ..._orderbook_{{L}}.csv), not 'AAPL.csv'",
        ),
    ],
)
def test_what_cannot_be_paired(filenames: list[str], message: str) -> None:
    """Nothing is guessed and nothing is left out."""
    with pytest.raises(UsageError) as caught:
        pair_up(filenames)
    assert message == str(caught.value)


def test_a_pair_is_joined_row_by_row(framed: Framed) -> None:
    """Ticker, day, the message, and the book after it."""
    expected = [
        b"AAPL,2012-06-21,34200.004241176,1,16113575,18,5853300,1,5859400,200,5853300,18",
        b"AAPL,2012-06-21,34200.00426064,1,16113584,18,5853200,1,5859400,200,5853200,18",
    ]
    found = pair(framed)
    assert expected == [message.payload for message in found]
    assert [(None, Place(MESSAGES, 1, 0)), (None, Place(MESSAGES, 2, 40))] == [(m.ts_recv, m.place) for m in found]


def test_a_message_file_alone(framed: Framed) -> None:
    """The book columns are left out."""
    found = framed("lobster", ROWS, filename=MESSAGES)
    assert b"AAPL,2012-06-21,34200.00426064,1,16113584,18,5853200,1" == found[1].payload


def test_blank_lines_do_not_shift_the_rows(framed: Framed) -> None:
    """They are passed over in both files."""
    assert [m.payload for m in pair(framed)] == [
        m.payload for m in pair(framed, ROWS.replace(b"\n", b"\r\n\n"), b"\n" + STATES)
    ]


@pytest.mark.parametrize(
    ("rows", "states", "message"),
    [
        (ROWS, STATES[:23], f"{MESSAGES}:2: row without its partner: {BOOKS} has fewer rows than {MESSAGES}"),
        (ROWS[:40], STATES, f"{BOOKS}:2: row without its partner: {MESSAGES} has fewer rows than {BOOKS}"),
    ],
)
def test_files_of_different_length(rows: bytes, states: bytes, message: str) -> None:
    """All whole pairs are given, then the error names the row that is alone, under SKIP as well."""
    found: list[Any] = []
    with pytest.raises(CorruptSource) as caught:
        found.extend(
            FRAMINGS["lobster"].read(
                Stream(name=MESSAGES, filename=MESSAGES, chunks=iter([rows]), companion=books(states))
            )
        )
    assert (1, message) == (len(found), str(caught.value))


@pytest.mark.parametrize(
    ("rows", "states", "message"),
    [
        (b"1,1,1,1,1\n", b"1,1,1,1", f"{MESSAGES}:1: expected 6 columns, got 5: '1,1,1,1,1'"),
        (b"1,1,1,1,1,1,null\n", b"1,1,1,1", f"{MESSAGES}:1: expected 6 columns, got 7: '1,1,1,1,1,1,null'"),
        (b"1,1,1,1,1,1\n", b"1,1,1", f"{BOOKS}:1: expected 4 columns, got 3: '1,1,1'"),
        (b"1,1,1,1,1,1\n", b"1,1,1,1,2,2,2,2", f"{BOOKS}:1: expected 4 columns, got 8: '1,1,1,1,2,2,2,2'"),
    ],
)
def test_rows_of_other_widths(framed: Framed, rows: bytes, states: bytes, message: str) -> None:
    """One column more or less and the join would put prices where sizes are."""
    with pytest.raises(CorruptSource) as caught:
        pair(framed, rows, states)
    assert message == str(caught.value)


def test_a_bad_row_takes_its_partner_along(framed: Framed) -> None:
    """Under SKIP row i of both files is passed over, so that the rows behind it still belong together."""
    fault, message = pair(framed, b"bad\n" + ROWS[40:], STATES, skip=True)
    assert isinstance(fault, Fault)
    assert message.payload.endswith(b",5853200,1,5859400,200,5853200,18")


def test_a_row_that_is_too_long(framed: Framed) -> None:
    """The limit holds in both files."""
    with pytest.raises(CorruptSource) as caught:
        pair(framed, max_message=20)
    assert f"{MESSAGES}:1: a row is longer than max_message (20 bytes)" == str(caught.value)
    with pytest.raises(CorruptSource) as caught:
        framed("lobster", ROWS, filename=MESSAGES, companion=books(limit=20))
    assert f"{BOOKS}:1: a row is longer than max_message (1048576 bytes)" == str(caught.value)


def test_a_cut_in_either_file_has_its_place() -> None:
    """The error names the file that was cut, after all whole pairs."""

    def cut_off(data: bytes) -> Iterator[bytes]:
        yield data
        raise TruncatedSource("cut")

    second = Stream(name=BOOKS, filename=BOOKS, chunks=cut_off(STATES[:30]))
    found: list[Any] = []
    with pytest.raises(TruncatedSource) as caught:
        found.extend(
            FRAMINGS["lobster"].read(Stream(name=MESSAGES, filename=MESSAGES, chunks=iter([ROWS]), companion=second))
        )
    assert (1, f"{BOOKS}:2: cut") == (len(found), str(caught.value))


def test_a_file_of_another_name(framed: Framed) -> None:
    """Without ticker, day and levels there is no message to make."""
    with pytest.raises(UsageError):
        framed("lobster", ROWS, filename="AAPL.csv")


def test_venue_time_orders_days_and_rows() -> None:
    """The key for merging is the exchange's time; what it cannot read keeps its place."""

    def at(day: str, seconds: str) -> RawMessage:
        return RawMessage(None, f"X,{day},{seconds},1,1,1,1,1".encode())

    times = [venue_time(at("2012-06-21", "34200.000000001")), venue_time(at("2012-06-21", "34200.1"))]
    later = venue_time(at("2012-06-22", "0"))
    assert [99_999_999, True] == [times[1] - times[0], later > times[1]]  # type: ignore[operator]
    assert [None, None, None] == [
        venue_time(at("2012-06-21", "x")),
        venue_time(at("x", "1")),
        venue_time(Fault(error=CorruptSource("x"))),
    ]


def test_the_real_pair(data_dir: Path) -> None:
    """AAPL 2012-06-21: 999 rows of both files, joined, whichever is named first."""
    paths = sorted((data_dir / "lobster").glob("AAPL*_10.csv"))
    payloads = [m.payload for m in FileSource(paths, None)]  # type: ignore[union-attr]
    assert payloads == [m.payload for m in FileSource(paths[::-1], None, framing="lobster")]  # type: ignore[union-attr]
    message, book = paths[0].read_bytes().split(b"\n"), paths[1].read_bytes().split(b"\n")
    assert (999, {2 + 6 + 40}) == (len(payloads), {payload.count(b",") + 1 for payload in payloads})
    assert b"AAPL,2012-06-21," + message[500].strip() + b"," + book[500].strip() == payloads[500]
