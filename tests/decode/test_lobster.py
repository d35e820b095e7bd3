"""LOBSTER: the seed, the seven types, exact prices and times, and what is known without an order book file."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from orderbook.decode import Decoder, get_format
from orderbook.errors import DecodeError
from orderbook.events import OrderAdd, OrderCancel, OrderExecute, Reveal, Snapshot, Status, Trade
from orderbook.types import Side

OPEN = int(datetime(2012, 6, 21, 13, 30, tzinfo=UTC).timestamp()) * 10**9
TIME = OPEN + 10**9
BOOK = "5859400,200,5853300,18,5859800,200,5853000,150"


def decoder() -> Decoder:
    """A decoder of a new recording."""
    return get_format("lobster").decoder()


def seeded() -> Decoder:
    """A decoder that has its seed."""
    connection = decoder()
    connection.decode(line("34200", "1", "1", "18", "5853300", "1", BOOK))
    return connection


def line(*cells: str, day: str = "2012-06-21", symbol: str = "AAPL") -> str:
    """A joined row."""
    return ",".join((symbol, day, *cells))


def refusal(text: Any) -> str:
    """The whole text of the error that a row gives after the seed."""
    with pytest.raises(DecodeError) as caught:
        seeded().decode(text)
    return str(caught.value)


# -- the seed ---------------------------------------------------------------------------------------------------------


def test_first_row_is_the_seed() -> None:
    """The book after the first message, limited in depth; the message itself is in it."""
    wanted = Snapshot(
        symbol="AAPL",
        ts_event=OPEN + 4241176,
        asks=[("585.94", 200), ("585.98", 200)],
        bids=[("585.33", 18), ("585.30", 150)],
        complete=False,
        view_depth=2,
    )
    text = line("34200.004241176", "1", "16113575", "18", "5853300", "1", BOOK)
    assert [wanted] == decoder().decode(text)


def test_receive_time_is_the_sources() -> None:
    """The files have none."""
    text = line("34200", "1", "1", "18", "5853300", "1", BOOK)
    assert [None, 77] == [decoder().decode(text, ts_recv)[0].ts_recv for ts_recv in (None, 77)]


@pytest.mark.parametrize(
    ("book", "bids", "asks"),
    [
        ("9999999999,0,5853300,18", 1, 0),
        ("5859400,200,-9999999999,0", 0, 1),
        ("9999999999,0,-9999999999,0", 0, 0),
        ("5859400,200,5853300,18,9999999999,0,5853000,150", 2, 1),
    ],
)
def test_sentinels_are_absent(book: str, bids: int, asks: int) -> None:
    """No level, and not one at a price of a million dollars."""
    [event] = decoder().decode(line("34200", "1", "1", "18", "5853300", "1", book))
    assert (bids, asks) == (len(event.bids), len(event.asks))  # type: ignore[attr-defined]


def test_seed_of_a_hidden_execution() -> None:
    """The print still happened."""
    events = decoder().decode(line("34200", "5", "0", "100", "5859400", "-1", BOOK))
    assert [Snapshot, Trade] == [type(event) for event in events]
    assert [False, True] == [event.is_last for event in events]


def test_seed_of_an_execution() -> None:
    """So did this one; what it took is not in the seed any more."""
    events = decoder().decode(line("34200", "4", "7", "100", "5859400", "-1", BOOK))
    assert [Snapshot, Trade] == [type(event) for event in events]
    assert [False, True] == [event.is_last for event in events]


def test_seed_of_a_halt() -> None:
    """The status is kept."""
    events = decoder().decode(line("34200", "7", "0", "0", "-1", "-1", BOOK))
    assert [Snapshot, Status] == [type(event) for event in events]


def test_one_seed_a_day() -> None:
    """The second row is a change, and pushes the second bid out of view."""
    after = "5859400,200,5853300,18,5859800,200,5853200,18"
    events = seeded().decode(line("34201", "1", "2", "18", "5853200", "1", after))
    assert [OrderAdd] == [type(event) for event in events]


def test_level_that_comes_into_view() -> None:
    """A deletion lets one in from below, with a size that no message told: nobody knows whose it is."""
    after = "5859400,200,5853300,18,5859800,200,5852900,75"
    events = seeded().decode(line("34201", "3", "9", "150", "5853000", "1", after))
    assert [OrderCancel, Reveal] == [type(event) for event in events]
    assert Reveal(symbol="AAPL", ts_event=TIME, bids=[("585.29", 75)]) == events[1]
    assert [False, True] == [event.is_last for event in events]


def test_execution_that_brings_a_level_into_view() -> None:
    """All three are one message."""
    after = "5859800,200,5853300,18,5860000,5,5853000,150"
    events = seeded().decode(line("34201", "4", "9", "200", "5859400", "-1", after))
    assert [OrderExecute, Trade, Reveal] == [type(event) for event in events]
    assert [False, False, True] == [event.is_last for event in events]


@pytest.mark.parametrize(
    ("message", "after"),
    [
        # another level has changed
        (("1", "2", "18", "5853200", "1"), "5859400,100,5853300,18,5859800,200,5853200,18"),
        # the message's own level has another size than it leads to
        (("1", "2", "18", "5853300", "1"), "5859400,200,5853300,35,5859800,200,5853000,150"),
        # more was taken than rested there
        (("3", "2", "19", "5853300", "1"), "5859400,200,5853000,150,5859800,200,5852900,1"),
        # a level has gone without a message
        (("5", "0", "18", "5853300", "1"), "5859400,200,5853000,150,5859800,200,5852900,1"),
        # a level has come in the middle of the view
        (("5", "0", "18", "5853300", "1"), "5859400,200,5853300,18,5859800,200,5853200,1"),
        # the view is another one
        (("5", "0", "18", "5853300", "1"), "5859400,200,5853300,18"),
    ],
)
def test_row_that_does_not_follow(message: tuple[str, ...], after: str) -> None:
    """Rows are missing between: the book is taken anew, and the message's own order is in it."""
    events = seeded().decode(line("34201", *message, after))
    assert [Snapshot] == [type(event) for event in events][:1]
    assert not [event for event in events[1:] if not isinstance(event, Trade)]


def test_view_that_is_not_full_hides_nothing() -> None:
    """With fewer levels than fit, there is none below: a level out of nowhere does not follow."""
    connection = decoder()
    thin = "5859400,200,5853300,18,9999999999,0,-9999999999,0"
    connection.decode(line("34200", "1", "1", "18", "5853300", "1", thin))
    after = "5859400,200,5853300,18,9999999999,0,5853000,5"
    assert [OrderAdd] == [type(e) for e in connection.decode(line("34201", "1", "2", "5", "5853000", "1", after))]
    again = "5859400,200,5853300,18,5859900,7,5853000,5"
    assert [Snapshot, Trade] == [type(e) for e in connection.decode(line("34202", "5", "0", "5", "1", "1", again))]


def test_halt_repeats_the_book() -> None:
    """The row of a halt is that of the row before."""
    assert [Status] == [type(event) for event in seeded().decode(line("34201", "7", "0", "0", "-1", "-1", BOOK))]


def test_row_after_an_unreadable_one_is_a_seed() -> None:
    """What the row did that was passed over is unknown."""
    connection = seeded()
    with pytest.raises(DecodeError):
        connection.decode(line("34201", "9", "2", "18", "5853200", "1", BOOK))
    assert [Snapshot] == [type(e) for e in connection.decode(line("34202", "1", "2", "18", "5853200", "1", BOOK))]


def test_new_day_new_seed() -> None:
    """Nothing rests overnight."""
    events = seeded().decode(line("34200", "1", "2", "18", "5853200", "1", BOOK, day="2012-06-22"))
    assert [Snapshot] == [type(event) for event in events]


def test_each_symbol_has_its_seed() -> None:
    """Several pairs may be read as one tape."""
    events = seeded().decode(line("34200", "1", "2", "18", "5853200", "1", BOOK, symbol="MSFT"))
    assert [("MSFT", Snapshot)] == [(event.symbol, type(event)) for event in events]


def test_reset_seeds_again() -> None:
    """After a loss the next row holds a whole book."""
    connection = seeded()
    connection.reset()
    assert [Snapshot] == [type(e) for e in connection.decode(line("34201", "1", "2", "18", "5853200", "1", BOOK))]


def test_unreadable_first_row_is_no_seed() -> None:
    """Passed over, the next one is."""
    connection = decoder()
    with pytest.raises(DecodeError):
        connection.decode(line("34200", "1", "1", "18", "5853300", "1", "5859400,200,5853300,x"))
    assert [Snapshot] == [type(e) for e in connection.decode(line("34201", "1", "2", "18", "5853200", "1", BOOK))]


def test_no_order_book_file_no_seed() -> None:
    """The start is unknown: the messages are decoded, and no book is invented."""
    events = decoder().decode(line("34200", "1", "2", "18", "5853200", "1"))
    assert [OrderAdd] == [type(event) for event in events]


@pytest.mark.parametrize(
    ("book", "text"),
    [
        ("5859400,200,5853300", "AAPL: expected four cells for each level, got 3 - at `$[0]`"),
        ("5859400,200,5853300,x", "AAPL: expected integer text, got 'x' - at `$[0].bid_size_1`"),
        ("5859400.5,200,5853300,1", "AAPL: expected integer text, got '5859400.5' - at `$[0].ask_price_1`"),
        ("5859400,-1,5853300,1", "AAPL: expected at least 0, got -1 - at `$[0].ask_size_1`"),
        (BOOK + ",9999999999,5,5852900,1", "AAPL: no price, but a size of '5' - at `$[0].ask_size_3`"),
    ],
)
def test_wrong_seed(book: str, text: str) -> None:
    """Its columns have names in errors, though the file has no header."""
    with pytest.raises(DecodeError) as caught:
        decoder().decode(line("34200", "1", "1", "18", "5853300", "1", book))
    assert text == str(caught.value)


# -- the types --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("direction", "side"), [("1", Side.BID), ("-1", Side.ASK)])
def test_submission(direction: str, side: Side) -> None:
    """Type 1: an order at the back of its queue."""
    wanted = OrderAdd(symbol="AAPL", ts_event=TIME, order_id=16113584, side=side, price=Decimal("585.32"), size=18)
    assert [wanted] == seeded().decode(line("34201", "1", "16113584", "18", "5853200", direction))


@pytest.mark.parametrize("kind", ["2", "3"])
def test_cancellations(kind: str) -> None:
    """Types 2 and 3: just the size named, and where it rested, so that orders of the seed can be found."""
    wanted = OrderCancel(symbol="AAPL", ts_event=TIME, order_id=7, size=18, side=Side.BID, price=Decimal("585.32"))
    assert [wanted] == seeded().decode(line("34201", kind, "7", "18", "5853200", "1"))


def test_execution() -> None:
    """Type 4: the resting order shrinks, and the other side was the aggressor. One message."""
    order: dict[str, Any] = {"symbol": "AAPL", "ts_event": TIME, "order_id": 7, "price": Decimal("585.94"), "size": 100}
    wanted = [
        OrderExecute(**order, side=Side.ASK, is_last=False),
        Trade(**order, side=Side.BID),
    ]
    assert wanted == seeded().decode(line("34201", "4", "7", "100", "5859400", "-1"))


def test_hidden_execution() -> None:
    """Type 5: a print against liquidity that no level showed."""
    wanted = Trade(symbol="AAPL", ts_event=TIME, price=Decimal("585.94"), size=100, side=Side.ASK, hidden=True)
    assert [wanted] == seeded().decode(line("34201", "5", "0", "100", "5859400", "1"))


@pytest.mark.parametrize("order_id", ["-1", "-2", "-3"])
def test_cross_trade(order_id: str) -> None:
    """Type 6: an auction's print; its order id is a code, and nobody was the aggressor."""
    wanted = Trade(symbol="AAPL", ts_event=TIME, price=Decimal("585.94"), size=5000)
    assert [wanted] == seeded().decode(line("34201", "6", order_id, "5000", "5859400", "-1"))


@pytest.mark.parametrize(("price", "status"), [("-1", "halted"), ("0", "quoting"), ("1", "trading")])
def test_halts(price: str, status: str) -> None:
    """Type 7: the price is a code."""
    wanted = Status(symbol="AAPL", ts_event=TIME, status=status)
    assert [wanted] == seeded().decode(line("34201", "7", "0", "0", price, "-1"))


def test_bytes() -> None:
    """As files give them."""
    text = line("34201", "1", "16113584", "18", "5853200", "1")
    assert seeded().decode(text) == seeded().decode((text + "\r\n").encode())


def test_prices_are_exact() -> None:
    """Ten-thousandths of a dollar, without a float between."""
    [event] = seeded().decode(line("34201", "1", "2", "1", "900719925474099301", "1"))
    assert Decimal("90071992547409.9301") == event.price  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("cells", "text"),
    [
        (("x", "1", "7", "5", "100", "1"), "AAPL: not a finite decimal number: 'x' - at `$[0].time`"),
        (("90000", "1", "7", "5", "100", "1"), "AAPL: expected seconds after midnight, got '90000' - at `$[0].time`"),
        (("1", "8", "7", "5", "100", "1"), "no row of lobster: 'AAPL,2012-06-21,1,8,7,5,100,1' - at `$[0]`"),
        (("1", "", "7", "5", "100", "1"), "no row of lobster: 'AAPL,2012-06-21,1,,7,5,100,1' - at `$[0]`"),
        (("1", "1", "x", "5", "100", "1"), "AAPL: expected integer text, got 'x' - at `$[0].order_id`"),
        (("1", "1", "-7", "5", "100", "1"), "AAPL: expected at least 0, got -7 - at `$[0].order_id`"),
        (("1", "1", "7", "0", "100", "1"), "AAPL: expected at least 1, got 0 - at `$[0].size`"),
        (("1", "4", "7", "-5", "100", "1"), "AAPL: expected at least 1, got -5 - at `$[0].size`"),
        (("1", "1", "7", "5.5", "100", "1"), "AAPL: expected integer text, got '5.5' - at `$[0].size`"),
        (("1", "1", "7", "5", "-1", "1"), "AAPL: expected at least 1, got -1 - at `$[0].price`"),
        (("1", "1", "7", "5", "1.5", "1"), "AAPL: expected integer text, got '1.5' - at `$[0].price`"),
        (("1", "1", "7", "5", "100", "0"), "AAPL: expected one of 1, -1, got 0 - at `$[0].direction`"),
        (("1", "7", "0", "0", "2", "-1"), "AAPL: expected one of -1, 0, 1, got 2 - at `$[0].price`"),
        (("1", "1", "7", "5", "100"), "expected 8 cells, got 7 - at `$[0]`"),
    ],
)
def test_wrong_rows(cells: tuple[str, ...], text: str) -> None:
    """Every cell that can be wrong, with its name."""
    assert text == refusal(line(*cells))


def test_wrong_date() -> None:
    """The day comes from a file's name, which anyone can change."""
    text = "AAPL: expected a date as YYYY-MM-DD, got '2012-99-21' - at `$[0].date`"
    assert text == refusal(line("1", "1", "7", "5", "100", "1", day="2012-99-21"))


def test_missing_symbol() -> None:
    """No instrument, no event."""
    text = "expected text, got an empty one - at `$[0].symbol`"
    assert text == refusal(line("1", "1", "7", "5", "100", "1", symbol=""))
