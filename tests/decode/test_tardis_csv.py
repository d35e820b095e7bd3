"""Tardis CSV datasets: the header decides, messages by local time, snapshots by their runs, state by symbol."""

from __future__ import annotations

from typing import Any

import pytest

from orderbook.decode import Decoder, get_format
from orderbook.errors import DecodeError
from orderbook.events import Delta, Event, Quote, Snapshot, Trade
from orderbook.types import Side

L2 = "exchange,symbol,timestamp,local_timestamp,is_snapshot,side,price,amount"
TRADES = "exchange,symbol,timestamp,local_timestamp,id,side,price,amount"
QUOTES = "exchange,symbol,timestamp,local_timestamp,ask_amount,ask_price,bid_price,bid_amount"
BOOK2 = (
    "exchange,symbol,timestamp,local_timestamp,"
    "asks[0].price,asks[0].amount,bids[0].price,bids[0].amount,"
    "asks[1].price,asks[1].amount,bids[1].price,bids[1].amount"
)


def decoder() -> Decoder:
    """A decoder of a new file."""
    return get_format("tardis_csv").decoder()


def payload(header: str, *rows: str) -> str:
    """A self-contained message."""
    return "\n".join((header, *rows))


def row(time: int, flag: str, side: str, price: str, amount: str, symbol: str = "XBTUSD") -> str:
    """A row of incremental_book_L2; the venue's time is one microsecond before the local one."""
    return f"bitmex,{symbol},{time - 1},{time},{flag},{side},{price},{amount}"


def shape(events: list[Event]) -> list[tuple[str, list[float], list[float]]]:
    """What kind of event, which bids, which asks."""
    return [(type(e).__name__, [x.price for x in e.bids], [x.price for x in e.asks]) for e in events]  # type: ignore[attr-defined]


def refusal(text: Any) -> str:
    """The whole text of the error that a payload gives."""
    with pytest.raises(DecodeError) as caught:
        decoder().decode(text)
    return str(caught.value)


# -- incremental_book_L2 ----------------------------------------------------------------------------------------------


def test_row_before_any_snapshot() -> None:
    """A delta: the builder in front of the book drops it, and counts it."""
    wanted = Delta(symbol="XBTUSD", ts_event=4_000, ts_recv=5_000, bids=[("7999.5", "10")])
    assert [wanted] == decoder().decode(payload(L2, row(5, "false", "bid", "7999.5", "10")))


def test_snapshot() -> None:
    """Rows of one local time are one message; how deep the venue's snapshot is is not said, so it is not complete."""
    text = payload(L2, row(5, "true", "bid", "10", "1"), row(5, "true", "ask", "11", "2"))
    levels = {"bids": [("10", "1")], "asks": [("11", "2")]}
    wanted = Snapshot(symbol="XBTUSD", ts_event=4_000, ts_recv=5_000, **levels, complete=False)
    assert [wanted] == decoder().decode(text)


def test_bytes_and_line_ends() -> None:
    """Bytes, a final newline and CR LF are all the same."""
    text = payload(L2, row(5, "true", "bid", "10", "1"), row(5, "true", "ask", "11", "2"))
    forms = [text, text.encode(), text + "\n", text.replace("\n", "\r\n"), bytearray(text.encode())]
    assert 1 == len({repr(decoder().decode(form)) for form in forms})


def test_reconnect() -> None:
    """The rows of worked example W23: the second snapshot starts anew."""
    connection = decoder()
    messages = [
        [row(1, "false", "bid", "9", "1")],
        [row(2, "true", "bid", "10", "1"), row(2, "true", "ask", "11", "1")],
        [row(3, "false", "bid", "10", "0")],
        [row(4, "false", "bid", "9.5", "2")],
        [row(8, "true", "bid", "7", "1"), row(8, "true", "ask", "8", "1")],
    ]
    events = [event for rows in messages for event in connection.decode(payload(L2, *rows))]
    wanted = [
        ("Delta", [9.0], []),
        ("Snapshot", [10.0], [11.0]),
        ("Delta", [10.0], []),
        ("Delta", [9.5], []),
        ("Snapshot", [7.0], [8.0]),
    ]
    assert wanted == shape(events)


def test_snapshot_over_several_messages() -> None:
    """The run of true rows goes on: what comes later adds to the snapshot."""
    connection = decoder()
    events = [
        event
        for time, price in ((1, "10"), (2, "9"), (3, "8"))
        for event in connection.decode(payload(L2, row(time, "true", "bid", price, "1")))
    ]
    assert [("Snapshot", [10.0], []), ("Delta", [9.0], []), ("Delta", [8.0], [])] == shape(events)


@pytest.mark.parametrize("again", ["10", "10.0", "1e1", "9"])
def test_snapshots_back_to_back(again: str) -> None:
    """A price that the run has shown already begins the next snapshot, however it is written."""
    connection = decoder()
    for time, price in ((1, "10"), (2, "9")):
        connection.decode(payload(L2, row(time, "true", "bid", price, "1")))
    events = connection.decode(payload(L2, row(3, "true", "bid", again, "1"), row(3, "true", "ask", "11.25", "1")))
    assert "Snapshot" == shape(events)[0][0]
    events = connection.decode(payload(L2, row(4, "true", "bid", "8", "1")))
    assert "Delta" == shape(events)[0][0]


def test_one_price_on_two_sides() -> None:
    """The same price on the other side was not seen yet."""
    connection = decoder()
    connection.decode(payload(L2, row(1, "true", "bid", "10", "1")))
    assert "Delta" == shape(connection.decode(payload(L2, row(2, "true", "ask", "10", "1"))))[0][0]


def test_seen_prices_are_forgotten_with_the_run() -> None:
    """After a delta the same prices are a new snapshot by their flag alone."""
    connection = decoder()
    connection.decode(payload(L2, row(1, "true", "bid", "10", "1")))
    connection.decode(payload(L2, row(2, "false", "bid", "10", "2")))
    assert "Snapshot" == shape(connection.decode(payload(L2, row(3, "true", "bid", "10", "1"))))[0][0]


def test_price_twice_in_one_message() -> None:
    """Both stay: which holds is for the book to refuse, not for the decoder to choose."""
    text = payload(L2, row(1, "true", "bid", "10", "1"), row(1, "true", "bid", "10", "2"))
    assert [("Snapshot", [10.0, 10.0], [])] == shape(decoder().decode(text))


def test_flag_changes_inside_a_message() -> None:
    """Two events, of which the first says that more is to come."""
    rows = (row(1, "false", "bid", "9", "1"), row(1, "true", "bid", "10", "1"), row(1, "true", "ask", "11", "1"))
    text = payload(L2, *rows)
    events = decoder().decode(text)
    assert [("Delta", [9.0], []), ("Snapshot", [10.0], [11.0])] == shape(events)
    assert [False, True] == [event.is_last for event in events]


def test_grouped_symbols() -> None:
    """Each instrument has its own runs, though their rows are interleaved."""
    connection = decoder()
    text = payload(
        L2,
        row(1, "true", "bid", "10", "1", "A"),
        row(1, "true", "bid", "20", "1", "B"),
        row(1, "true", "ask", "11", "1", "A"),
    )
    events = connection.decode(text)
    assert [("Snapshot", [10.0], [11.0]), ("Snapshot", [20.0], [])] == shape(events)
    assert [("A", True), ("B", True)] == [(event.symbol, event.is_last) for event in events]
    rows = (row(2, "false", "bid", "10", "0", "A"), row(2, "true", "bid", "19", "1", "B"))
    events = connection.decode(payload(L2, *rows))
    assert [("Delta", [10.0], []), ("Delta", [19.0], [])] == shape(events)


def test_whole_file_as_one_payload() -> None:
    """A payload may hold many messages; each is closed by itself."""
    rows = (row(1, "true", "bid", "10", "1"), row(2, "false", "bid", "10", "0"), row(2, "false", "bid", "9", "1"))
    text = payload(L2, *rows)
    events = decoder().decode(text)
    assert [("Snapshot", [10.0], []), ("Delta", [10.0, 9.0], [])] == shape(events)
    assert [(1_000, True), (2_000, True)] == [(event.ts_recv, event.is_last) for event in events]


def test_no_venue_time() -> None:
    """A timestamp equal to the local one means that the venue gave none."""
    [event] = decoder().decode(payload(L2, "bitmex,XBTUSD,5,5,false,bid,1,1"))
    assert (None, 5_000) == (event.ts_event, event.ts_recv)


def test_columns_are_known_by_name() -> None:
    """Their order is the header's, and a column more does no harm."""
    header = "amount,price,side,is_snapshot,local_timestamp,timestamp,symbol,exchange,extra"
    [event] = decoder().decode(payload(header, "1,10,bid,true,5,4,XBTUSD,bitmex,?"))
    times = {"ts_event": 4_000, "ts_recv": 5_000}
    assert Snapshot(symbol="XBTUSD", **times, bids=[("10", "1")], complete=False) == event


def test_header_alone() -> None:
    """No rows, no events."""
    assert [] == decoder().decode(L2)


def test_reset_forgets_the_run() -> None:
    """The next file begins with a snapshot of its own."""
    connection = decoder()
    connection.decode(payload(L2, row(1, "true", "bid", "10", "1")))
    connection.reset()
    assert "Snapshot" == shape(connection.decode(payload(L2, row(2, "true", "bid", "9", "1"))))[0][0]


@pytest.mark.parametrize(
    ("cells", "text"),
    [
        ("bitmex,X,4,5,true,buy,1,1", "X: expected one of 'bid', 'ask', got 'buy' - at `$[1].side`"),
        ("bitmex,X,4,5,TRUE,bid,1,1", "expected one of 'true', 'false', got 'TRUE' - at `$[1].is_snapshot`"),
        ("bitmex,X,4,5,,bid,1,1", "expected text, got an empty one - at `$[1].is_snapshot`"),
        ("bitmex,X,4,5,true,bid,,1", "X: not a finite decimal number: '' - at `$[1].price`"),
        ("bitmex,X,4,5,true,bid,nan,1", "X: not a finite decimal number: 'nan' - at `$[1].price`"),
        ("bitmex,X,4,5,true,bid,1,-1", "X: expected at least 0, got '-1' - at `$[1].amount`"),
        ("bitmex,X,4,5,true,bid,1,1e60", "X: does not fit in int64: '1e60' - at `$[1].amount`"),
        ("bitmex,X,4.5,5,true,bid,1,1", "X: expected integer text, got '4.5' - at `$[1].timestamp`"),
        ("bitmex,X,4,9223372036854775,true,bid,1,1", None),
        (
            "bitmex,X,4,9223372036854776,true,bid,1,1",
            "X: 9223372036854776 as a time in nanoseconds does not fit in int64 - at `$[1].local_timestamp`",
        ),
        ("bitmex,,4,5,true,bid,1,1", "expected text, got an empty one - at `$[1].symbol`"),
        ("bitmex,X,4,5,true,bid,1", "expected 8 cells, got 7 - at `$[1]`"),
        ("bitmex,X,4,5,true,bid,1,1,1", "expected 8 cells, got 9 - at `$[1]`"),
        ("okex,X,4,5,true,bid,1,1", "X comes from both bitmex and okex: use one feed for each - at `$[1].exchange`"),
    ],
)
def test_wrong_rows(cells: str, text: str | None) -> None:
    """Every cell that can be wrong, with its row and column."""
    message = payload(L2, "bitmex,X,4,5,true,bid,10,1", cells)
    if text is None:
        assert decoder().decode(message)
    else:
        assert text == refusal(message)


def test_prices_of_no_common_scale() -> None:
    """Each fits in int64, both at one scale do not; no row is to blame alone."""
    text = refusal(payload(L2, row(1, "true", "bid", "1e18", "1"), row(1, "true", "bid", "1e-18", "1")))
    assert text.startswith("XBTUSD: does not fit in int64 with 18 decimal digits")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "malformed CSV: a line is empty - at `$`"),
        ("\n", "malformed CSV: a line is empty - at `$`"),
        (f"{L2}\n\n{row(1, 'true', 'bid', '1', '1')}", "malformed CSV: a line is empty - at `$`"),
        ("a,b,c\n1,2,3", "no header of tardis_csv: 'a,b,c' - at `$`"),
        ("1,2,3", "no header of tardis_csv: '1,2,3' - at `$`"),
        (L2 + ",side\n", "a column stands twice in the header - at `$`"),
        (f'{L2}\nbitmex,"X,4', "malformed CSV: unexpected end of data - at `$`"),
        (f"{L2}\na\rb,c", None),
        (b"\xff\xfe", None),
        (5, "expected lines of text, got `int` - at `$`"),
        (["a"], "expected lines of text, got `list` - at `$`"),
        (None, "expected lines of text, got `NoneType` - at `$`"),
    ],
)
def test_wrong_payloads(text: Any, reason: str | None) -> None:
    """What is no CSV, or none of these."""
    found = refusal(text)
    assert found.startswith("malformed CSV: ") if reason is None else reason == found


# -- after an error that was passed over ------------------------------------------------------------------------------


def test_rest_of_a_broken_snapshot_is_no_snapshot() -> None:
    """Where the first message of a run cannot be read, the others do not pass for the whole book."""
    connection = decoder()
    with pytest.raises(DecodeError):
        connection.decode(payload(L2, row(1, "true", "bid", "10", "x")))
    assert "Delta" == shape(connection.decode(payload(L2, row(2, "true", "bid", "9", "1"))))[0][0]
    connection.decode(payload(L2, row(3, "false", "bid", "9", "0")))
    assert "Snapshot" == shape(connection.decode(payload(L2, row(4, "true", "bid", "9", "1"))))[0][0]


def test_broken_delta_leaves_the_next_snapshot_alone() -> None:
    """It was no part of one."""
    connection = decoder()
    with pytest.raises(DecodeError):
        connection.decode(payload(L2, row(1, "false", "bid", "10", "x")))
    assert "Snapshot" == shape(connection.decode(payload(L2, row(2, "true", "bid", "9", "1"))))[0][0]


def test_symbol_unknown_until_the_doubt() -> None:
    """Whose broken rows these were is unknown, so a symbol that shows first in the middle of a run gets no snapshot."""
    connection = decoder()
    with pytest.raises(DecodeError):
        connection.decode(payload(L2, "bitmex,A,1,2,true,bid"))
    events = connection.decode(payload(L2, row(3, "true", "bid", "9", "1", "A")))
    events += connection.decode(payload(L2, row(4, "false", "bid", "8", "1", "A")))
    events += connection.decode(payload(L2, row(5, "true", "bid", "7", "1", "A")))
    assert ["Delta", "Delta", "Snapshot"] == [name for name, _, _ in shape(events)]


def test_reset_ends_the_doubt() -> None:
    """A new file is a new file."""
    connection = decoder()
    with pytest.raises(DecodeError):
        connection.decode(payload(L2, row(1, "true", "bid", "10", "x")))
    connection.reset()
    assert "Snapshot" == shape(connection.decode(payload(L2, row(2, "true", "bid", "9", "1"))))[0][0]


# -- trades -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("word", "side"), [("buy", Side.BID), ("sell", Side.ASK), ("unknown", None)])
def test_trade(word: str, side: Side | None) -> None:
    """The side is the taker's, where it is known."""
    wanted = Trade(symbol="XBTUSD", ts_event=4_000, ts_recv=5_000, price="8001.5", size="100", side=side, trade_id="a1")
    assert [wanted] == decoder().decode(payload(TRADES, f"bitmex,XBTUSD,4,5,a1,{word},8001.5,100"))


def test_trade_without_id() -> None:
    """An empty cell is none."""
    [event] = decoder().decode(payload(TRADES, "bitmex,XBTUSD,4,5,,buy,1,1"))
    assert None is event.trade_id


def test_trades_of_one_message() -> None:
    """All but the last of one local time say that more is to come."""
    rows = [f"bitmex,XBTUSD,4,{time},{n},buy,1,1" for n, time in enumerate((5, 5, 6))]
    assert [False, True, True] == [event.is_last for event in decoder().decode(payload(TRADES, *rows))]


@pytest.mark.parametrize(
    ("cells", "text"),
    [
        ("b,X,4,5,1,BUY,1,1", "X: expected one of 'buy', 'sell', 'unknown', got 'BUY' - at `$[0].side`"),
        ("b,X,4,5,1,buy,,1", "X: not a finite decimal number: '' - at `$[0].price`"),
        ("b,X,4,5,1,buy,1,-1", "X: expected at least 0, got '-1' - at `$[0].amount`"),
    ],
)
def test_wrong_trades(cells: str, text: str) -> None:
    """With row and column."""
    assert text == refusal(payload(TRADES, cells))


# -- quotes -----------------------------------------------------------------------------------------------------------


def test_quote() -> None:
    """The columns stand mirrored: amount, price, price, amount."""
    wanted = Quote(
        symbol="XBTUSD",
        ts_event=4_000,
        ts_recv=5_000,
        ask_size="3",
        ask_price="8001",
        bid_price="8000.5",
        bid_size="7",
    )
    assert [wanted] == decoder().decode(payload(QUOTES, "bitmex,XBTUSD,4,5,3,8001,8000.5,7"))


@pytest.mark.parametrize("cells", [",,8000.5,7", "0,8001,8000.5,7", "3,,8000.5,7", ",8001,8000.5,7"])
def test_one_sided_quote(cells: str) -> None:
    """Empty cells, or a size of 0: that side is empty."""
    [event] = decoder().decode(payload(QUOTES, f"bitmex,XBTUSD,4,5,{cells}"))
    assert (None, None, "8000.5") == (event.ask_price, event.ask_size, event.bid_price)


# -- book_snapshot_N --------------------------------------------------------------------------------------------------


def test_book_snapshot() -> None:
    """Every row is a snapshot as deep as the columns go, and unknown beyond."""
    [event] = decoder().decode(payload(BOOK2, "bitmex,XBTUSD,4,5,11,1,10,2,12,3,9.5,4"))
    wanted = Snapshot(
        symbol="XBTUSD",
        ts_event=4_000,
        ts_recv=5_000,
        asks=[("11", "1"), ("12", "3")],
        bids=[("10", "2"), ("9.5", "4")],
        complete=False,
    )
    assert wanted == event


def test_thin_book_snapshot() -> None:
    """Empty cells are no levels."""
    [event] = decoder().decode(payload(BOOK2, "bitmex,XBTUSD,4,5,11,1,10,2,,,9.5,4"))
    assert [("Snapshot", [10.0, 9.5], [11.0])] == shape([event])


@pytest.mark.parametrize(
    ("cells", "text"),
    [
        ("11,1,10,2,,3,9,4", "X: no price, but a size of '3' - at `$[0].asks[1].amount`"),
        ("11,1,10,2,12,,9,4", "X: not a finite decimal number: '' - at `$[0].asks[1].amount`"),
        ("11,1,10,2,12,3,x,4", "X: not a finite decimal number: 'x' - at `$[0].bids[1].price`"),
        ("11,1,10,-2,12,3,9,4", "X: expected at least 0, got '-2' - at `$[0].bids[0].amount`"),
    ],
)
def test_wrong_book_snapshot(cells: str, text: str) -> None:
    """With the column's own name."""
    assert text == refusal(payload(BOOK2, f"b,X,4,5,{cells}"))


def test_book_snapshot_prices_of_no_common_scale() -> None:
    """No column alone is to blame."""
    text = refusal(payload(BOOK2, "b,X,4,5,1e18,1,10,2,1e-18,3,9,4"))
    assert text.startswith("X: does not fit in int64 with 18 decimal digits")


def test_deep_book_snapshot() -> None:
    """As many levels as the header has: 25 as well as 5."""
    names = [f"{side}[{n}].{what}" for n in range(25) for side in ("asks", "bids") for what in ("price", "amount")]
    cells = [cell for n in range(25) for cell in (str(100 + n), "1", str(99 - n), "1")]
    header = ",".join(("exchange,symbol,timestamp,local_timestamp", *names))
    [event] = decoder().decode(payload(header, ",".join(("b,X,4,5", *cells))))
    assert (25, 25, 124.0, 75.0) == (len(event.asks), len(event.bids), event.asks[-1].price, event.bids[-1].price)
