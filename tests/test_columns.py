"""Events as columns: the rows of each event, and that nothing is lost on the way there and back."""

from __future__ import annotations

import io
import pickle
import sys
import tracemalloc
import zipfile
from collections.abc import Callable, Iterable
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from orderbook.books import L2Book, L3Book
from orderbook.columns import PUBLISHER_SPECIFIC, UNDEF_PRICE, UNDEF_SIZE, Events, RowWriter
from orderbook.errors import CorruptSource, DecodeError, MissingExtra, ScaleError, SourceError, UsageError
from orderbook.events import (
    Clear,
    Delta,
    Disconnect,
    Event,
    Fault,
    Heartbeat,
    OrderAdd,
    OrderCancel,
    OrderExecute,
    OrderModify,
    OrderReplace,
    OrderSnapshot,
    Quote,
    Reveal,
    Snapshot,
    Status,
    Trade,
)
from orderbook.levels import Levels
from orderbook.types import UNDEF_TIMESTAMP, Flag, Level, Order, Side

D = Decimal
NAMES = ("ts_event", "ts_recv", "action", "side", "flags", "price", "size", "order_id", "sequence")
LAST, SNAPSHOT, MBP, TOB, BAD = (
    int(flag) for flag in (Flag.LAST, Flag.SNAPSHOT, Flag.MBP, Flag.TOB, Flag.MAYBE_BAD_BOOK)
)
OWN = PUBLISHER_SPECIFIC
NONE = UNDEF_PRICE


def rows(events: Events) -> list[tuple[Any, ...]]:
    """The columns as (action, side, flags, price, size, order_id)."""
    letters = (events.action.tolist(), events.side.tolist())
    numbers = (events.flags.tolist(), events.price.tolist(), events.size.tolist(), events.order_id.tolist())
    return list(zip(*(map(chr, column) for column in letters), *numbers, strict=True))


def columns_of(**changes: Any) -> dict[str, Any]:
    """The columns of one deletion of a level, as keyword arguments."""
    row: dict[str, Any] = {
        "ts_event": [1],
        "ts_recv": [2],
        "action": [ord("C")],
        "side": [ord("B")],
        "flags": [LAST | MBP],
        "price": [100],
        "size": [0],
        "order_id": [0],
        "sequence": [3],
    }
    return row | changes


# -- the rows of each event -----------------------------------------------------------------------------------------

BID, ASK = Side.BID, Side.ASK
LEVELS = Levels.parse([("100.5", "2"), ("100", "3")])
COUNTED = Levels.parse([Level("100", "2", 7), Level("99", "0", 0), Level("98", "1", None), Level("97", "1", 0)])

EXACT = {
    "snapshot": (
        Snapshot(bids=[("99.5", "2")], asks=[("100", "3"), ("101", "4")]),
        [
            ("R", "N", SNAPSHOT | MBP, NONE, 0, 0),
            ("A", "B", SNAPSHOT | MBP, 995, 2, 0),
            ("A", "A", SNAPSHOT | MBP, 1000, 3, 0),
            ("A", "A", SNAPSHOT | MBP | LAST, 1010, 4, 0),
        ],
    ),
    "snapshot limited in depth": (
        Snapshot(asks=[("100", "3")], complete=False),
        [("R", "N", SNAPSHOT | MBP | OWN, NONE, 0, 0), ("A", "A", SNAPSHOT | MBP | LAST, 100, 3, 0)],
    ),
    "snapshot of a stream that keeps to its best levels": (
        Snapshot(bids=[("100", "3")], view_depth=10),
        [("R", "N", SNAPSHOT | MBP, NONE, 0, 10), ("A", "B", SNAPSHOT | MBP | LAST, 100, 3, 0)],
    ),
    "empty snapshot": (Snapshot(), [("R", "N", SNAPSHOT | MBP | LAST, NONE, 0, 0)]),
    "delta": (
        Delta(bids=[("99.5", "2"), ("99", "0")], asks=[("100", "0")]),
        [("M", "B", MBP, 995, 2, 0), ("C", "B", MBP, 990, 0, 0), ("C", "A", MBP | LAST, 1000, 0, 0)],
    ),
    "delta with order counts": (
        Delta(bids=Levels([100, 98], [2, 1], [7, None])),
        [("M", "B", MBP, 100, 2, 7), ("M", "B", MBP | LAST, 98, 1, 0)],
    ),
    "empty delta": (Delta(), [("N", "N", MBP | LAST, NONE, 0, 0)]),
    "reveal": (
        Reveal(bids=[("99.5", "2")], asks=[("100", "3")]),
        [("A", "B", MBP, 995, 2, 0), ("A", "A", MBP | LAST, 1000, 3, 0)],
    ),
    "empty reveal": (Reveal(), [("N", "N", MBP | OWN | LAST, NONE, 0, 0)]),
    "order snapshot": (
        OrderSnapshot(orders=[Order(7, BID, D("99.5"), D(2), 5), Order(8, ASK, D(100), D("0.5"), None)]),
        [
            ("R", "N", SNAPSHOT, NONE, 0, 0),
            ("A", "B", SNAPSHOT, 995, 20, 7),
            ("A", "A", SNAPSHOT | LAST, 1000, 5, 8),
        ],
    ),
    "order snapshot limited in depth": (
        OrderSnapshot(orders=[Order(7, BID, D(99), D(2), None)], complete=False),
        [("R", "N", SNAPSHOT | OWN, NONE, 0, 0), ("A", "B", SNAPSHOT | LAST, 99, 2, 7)],
    ),
    "empty order snapshot": (OrderSnapshot(), [("R", "N", SNAPSHOT | LAST, NONE, 0, 0)]),
    "add": (OrderAdd(order_id=7, side=ASK, price=D("99.5"), size=D(2)), [("A", "A", LAST, 995, 2, 7)]),
    "modify": (
        OrderModify(order_id=7, side=BID, price=D("99.5"), size=D(2)),
        [("M", "B", LAST, 995, 2, 7)],
    ),
    "modify the size only": (OrderModify(order_id=7, size=D(2)), [("M", "N", LAST, NONE, 2, 7)]),
    "modify the price only": (OrderModify(order_id=7, price=D(2)), [("M", "N", LAST, 2, UNDEF_SIZE, 7)]),
    "modify or add": (
        OrderModify(order_id=7, side=BID, price=D(99), size=D(2), upsert=True),
        [("M", "B", LAST | OWN, 99, 2, 7)],
    ),
    "cancel": (OrderCancel(order_id=7), [("C", "N", LAST, NONE, UNDEF_SIZE, 7)]),
    "cancel in part": (
        OrderCancel(order_id=7, size=D("0.5"), side=ASK, price=D(99)),
        [("C", "A", LAST, 99, 5, 7)],
    ),
    "execute": (
        OrderExecute(order_id=7, size=D(2), side=BID, price=D(99)),
        [("F", "B", 0, 99, 2, 7), ("C", "B", LAST, 99, 2, 7)],
    ),
    "execute without side and price": (
        OrderExecute(order_id=7, size=D(2)),
        [("F", "N", 0, NONE, 2, 7), ("C", "N", LAST, NONE, 2, 7)],
    ),
    "replace": (
        OrderReplace(order_id=7, new_id=8, price=D("99.5"), size=D(2)),
        [("C", "N", 0, NONE, UNDEF_SIZE, 7), ("A", "N", LAST, 995, 2, 8)],
    ),
    "trade": (Trade(price=D("99.5"), size=D(2), side=BID, order_id=7), [("T", "B", LAST, 995, 2, 7)]),
    "trade of nobody": (Trade(price=D(99), size=D(2)), [("T", "N", LAST, 99, 2, 0)]),
    "hidden trade": (Trade(price=D(99), size=D(2), side=ASK, hidden=True), [("T", "A", LAST | OWN, 99, 2, 0)]),
    "quote": (
        Quote(bid_price=D("99.5"), bid_size=D(2), ask_price=D(100), ask_size=D(3)),
        [("N", "B", TOB, 995, 2, 0), ("N", "A", TOB | LAST, 1000, 3, 0)],
    ),
    "quote of one side": (
        Quote(ask_price=D(100), ask_size=D(3)),
        [("N", "B", TOB, NONE, UNDEF_SIZE, 0), ("N", "A", TOB | LAST, 100, 3, 0)],
    ),
    "clear": (Clear(), [("R", "N", LAST, NONE, 0, 0)]),
    "disconnect": (Disconnect(), [("R", "N", LAST | BAD, NONE, 0, 0)]),
    "heartbeat": (Heartbeat(), [("N", "N", LAST, NONE, 0, 0)]),
}
"""Events that come back equal, each with its rows."""

LOSSY = {
    "status": (Status(status="halted"), [("N", "N", LAST, NONE, 0, 0)], Heartbeat()),
    "fault": (Fault(error=DecodeError("bad")), [("N", "N", LAST, NONE, 0, 0)], Heartbeat()),
    "trade id": (
        Trade(price=D(9), size=D(1), trade_id="x", order_id="y"),
        [("T", "N", LAST, 9, 1, 0)],
        Trade(price=D(9), size=D(1)),
    ),
    "trade against order -1": (
        Trade(price=D(9), size=D(1), order_id=-1),
        [("T", "N", LAST, 9, 1, 0)],
        Trade(price=D(9), size=D(1)),
    ),
    "count of a deleted level": (
        Delta(bids=Levels([9], [0], [0])),
        [("C", "B", MBP | LAST, 9, 0, 0)],
        Delta(bids=Levels([9], [0])),
    ),
    "numbering": (
        Delta(bids=[(9, 1)], first_sequence=3, sequence=4, prev_sequence=2, checksum=5, group_sequence=6),
        [("M", "B", MBP | LAST, 9, 1, 0)],
        Delta(bids=[(9, 1)], sequence=4),
    ),
    "sequence 0": (Heartbeat(sequence=0), [("N", "N", LAST, NONE, 0, 0)], Heartbeat()),
}
"""Events of which the columns keep less, with what comes back."""


@pytest.mark.parametrize("name", EXACT)
def test_rows_of_an_event(name: str) -> None:
    """Each event makes the rows that the table in the documentation says."""
    event, expected = EXACT[name]
    assert expected == rows(Events.from_events([event]))


@pytest.mark.parametrize("name", EXACT)
def test_an_event_comes_back(name: str) -> None:
    """Reading the rows gives the event again."""
    event, _ = EXACT[name]
    assert [event] == list(Events.from_events([event]))


@pytest.mark.parametrize("name", EXACT)
def test_header_fields_come_back(name: str) -> None:
    """Symbol, both times and the sequence stand in every row."""
    event, expected = EXACT[name]
    event = replace(event, symbol="ETHUSDT", ts_event=11, ts_recv=12, sequence=13)
    events = Events.from_events([event])
    assert ([12] * len(expected), [13] * len(expected)) == (events.ts_recv.tolist(), events.sequence.tolist())
    assert [event] == list(events)


@pytest.mark.parametrize("name", LOSSY)
def test_what_columns_do_not_keep(name: str) -> None:
    """What has no column is left out, as documented, and nothing else."""
    event, expected, back = LOSSY[name]
    events = Events.from_events([event])
    assert (expected, [back]) == (rows(events), list(events))


def test_a_level_of_zero_orders_is_told_from_an_uncounted_one() -> None:
    """A count of 0 beside a size is nonsense that some feed may send; it is no missing count."""
    levels = Levels([9, 8], [1, 1], [0, None])
    events = Events.from_events([Delta(bids=levels)])
    assert (2**64 - 1, [Delta(bids=levels)]) == (int(events.order_id[0]), list(events))


def test_missing_times_are_nat() -> None:
    """A missing time has the bits of numpy's NaT."""
    events = Events.from_events([Clear()])
    assert (UNDEF_TIMESTAMP, True) == (int(events.ts_event[0]), bool(np.isnat(events.ts_recv.view("M8[ns]")[0])))


def test_orders_of_a_snapshot_keep_their_own_times() -> None:
    """An order's time is not the snapshot's."""
    orders = [Order(1, BID, D(9), D(1), 70), Order(2, BID, D(9), D(1), None)]
    event = OrderSnapshot(orders=orders, ts_event=99)
    events = Events.from_events([event])
    assert ([99, 70, UNDEF_TIMESTAMP], [event]) == (events.ts_event.tolist(), list(events))


# -- messages -------------------------------------------------------------------------------------------------------

TRADE = Trade(price=D(9), size=D(1), is_last=False)


@pytest.mark.parametrize(
    "message",
    [
        [TRADE, Delta(bids=[(9, 1)])],
        [Snapshot(bids=[(9, 1)], is_last=False), Delta(bids=[(9, 2)])],
        [Snapshot(bids=[(9, 1)], is_last=False), OrderAdd(order_id=1, side=BID, price=D(9), size=D(1))],
        [Snapshot(bids=[(9, 1)], is_last=False), Snapshot(bids=[(8, 1)])],
        [OrderSnapshot(orders=[Order(1, BID, D(9), D(1), None)], is_last=False), Snapshot(bids=[(9, 1)])],
        [Clear(is_last=False), OrderAdd(order_id=1, side=BID, price=D(9), size=D(1))],
        [Disconnect(is_last=False), Snapshot(bids=[(9, 1)])],
        [Quote(bid_price=D(9), bid_size=D(1), is_last=False), Quote(ask_price=D(9), ask_size=D(1))],
        [OrderExecute(order_id=1, size=D(1), is_last=False), OrderExecute(order_id=1, size=D(1))],
        [OrderExecute(order_id=1, size=D(1), is_last=False), OrderCancel(order_id=1, size=D(1))],
        [OrderCancel(order_id=1, is_last=False), OrderAdd(order_id=2, side=ASK, price=D(9), size=D(1))],
        [OrderCancel(order_id=1, is_last=False), OrderReplace(order_id=2, new_id=3, price=D(9), size=D(1))],
        [TRADE, OrderExecute(order_id=1, size=D(1), is_last=False), Heartbeat()],
        [Delta(bids=[(9, 1)], sequence=1, is_last=False), Delta(bids=[(9, 2)], sequence=2)],
        [Delta(bids=[(9, 1)], ts_event=1, is_last=False), Delta(bids=[(9, 2)], ts_event=2)],
        [Delta(bids=[(9, 1)], ts_recv=1, is_last=False), Delta(bids=[(9, 2)], ts_recv=2)],
        [Delta(asks=[(9, 1)], is_last=False), Delta(bids=[(9, 2)])],
        [Delta(is_last=False), Delta(bids=[(9, 2)])],
        [OrderSnapshot(is_last=False), Snapshot()],
        [Reveal(bids=[(9, 1)], is_last=False), Delta(bids=[(9, 2)])],
        [Delta(bids=[(9, 1)], is_last=False), Reveal(bids=[(9, 2)])],
        [Snapshot(bids=[(9, 1)], is_last=False), Reveal(bids=[(8, 2)])],
        [Snapshot(is_last=False), OrderSnapshot()],
    ],
    ids=lambda message: "+".join(type(event).__name__ for event in message),
)
def test_a_message_of_several_events_comes_back(message: list[Event]) -> None:
    """Events of one message stay apart, and only its last row ends it."""
    events = Events.from_events(message)
    assert (message, 1) == (list(events), events.messages())


def test_two_deltas_of_one_message_may_come_back_as_one() -> None:
    """Rows of deltas with the same times and number are one run, in which the levels keep their order."""
    parts = [Delta(bids=[(9, 1)], is_last=False), Delta(bids=[(9, 2)], asks=[(10, 1)])]
    assert [Delta(bids=[(9, 1), (9, 2)], asks=[(10, 1)])] == list(Events.from_events(parts))


def test_the_end_ends_the_last_message() -> None:
    """An iterable that stops inside a message gives columns whose last message is whole."""
    events = Events.from_events([Clear(), Clear(is_last=False)])
    assert ([LAST, LAST], 2) == (events.flags.tolist(), events.messages())


def test_nothing_makes_empty_columns() -> None:
    """No events, no rows, and everything still answers."""
    events = Events.from_events([])
    assert (0, 0, [], "L2", "") == (len(events), events.messages(), list(events), events.book, events.symbol)


def test_a_fill_by_itself_is_a_heartbeat() -> None:
    """Databento's F row never touches the book; where its reduction comes as an M the F says nothing more."""
    columns = columns_of(action=[ord("F")], flags=[LAST], size=[1], order_id=[7])
    assert [Heartbeat(ts_event=1, ts_recv=2, sequence=3)] == list(Events(**columns))


def test_a_snapshot_as_databento_marks_it() -> None:
    """DBN marks the levels as MBP and not the R row: it is a snapshot of levels all the same."""
    columns = columns_of(
        action=list(b"RA"),
        side=list(b"NB"),
        flags=[SNAPSHOT, SNAPSHOT | MBP | LAST],
        price=[UNDEF_PRICE, 9],
        size=[0, 1],
    )
    for name in ("ts_event", "ts_recv", "order_id", "sequence"):
        columns[name] = [0, 0]
    assert [Snapshot(bids=[(9, 1)], ts_event=0, ts_recv=0)] == list(Events(**columns))


def test_a_row_of_doubt_on_another_row_disconnects_first() -> None:
    """MAYBE_BAD_BOOK on a row that says something: the book is unknown before it says so."""
    columns = columns_of(flags=[LAST | MBP | BAD])
    header: dict[str, Any] = {"ts_event": 1, "ts_recv": 2, "sequence": 3}
    assert [Disconnect(**header, is_last=False), Delta(bids=[(100, 0)], **header)] == list(Events(**columns))


def test_long_tapes_are_read_in_blocks() -> None:
    """More rows than a block holds, in messages that straddle its border, come back in order."""
    tape = [Delta(bids=[(i + 1, 1), (i + 2, 2), (i + 3, 3)], sequence=i + 1) for i in range(12_000)]
    assert tape == list(Events.from_events(tape))


def test_a_message_longer_than_a_block() -> None:
    """A snapshot of more levels than a block has rows is one event."""
    snapshot = Snapshot(bids=Levels(range(1, 40_001), [1] * 40_000))
    assert [snapshot, Clear()] == list(Events.from_events([snapshot, Clear()]))


def test_iterating_takes_constant_memory() -> None:
    """A long tape is never all Python objects at once."""
    count = 60_000
    zeros = np.zeros(count, "i8")
    events = Events(
        **columns_of(
            **dict.fromkeys(("ts_event", "ts_recv", "size"), zeros),
            **dict.fromkeys(("order_id", "sequence"), zeros.astype("u8")),
            **{
                name: np.full(count, value, "u1")
                for name, value in (("action", 67), ("side", 66), ("flags", LAST | MBP))
            },
            price=np.arange(1, count + 1),
        )
    )
    tracemalloc.start()
    seen = sum(1 for _ in events)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert count == seen
    assert peak < 8_000_000  # all 60,000 events at once take three times that


# -- the same book --------------------------------------------------------------------------------------------------

PRICES = st.integers(-50, 50).map(lambda n: D(n) / 4)
SIZES = st.integers(1, 40).map(lambda n: D(n) / 8)
SIDES = st.sampled_from(Side)
TIMES = st.none() | st.integers(0, 2**62)


@st.composite
def level_lists(draw: st.DrawFn, smallest: int = 0) -> Levels:
    """Distinct prices with sizes, sometimes with order counts; without them size 0 where allowed."""
    prices = draw(st.lists(PRICES, unique=True, max_size=6))
    if draw(st.booleans()):
        return Levels.parse([Level(price, draw(SIZES), draw(st.integers(1, 9))) for price in prices])
    sizes = SIZES if smallest else SIZES | st.just(D(0))
    return Levels.parse([(price, draw(sizes)) for price in prices])


@st.composite
def l2_events(draw: st.DrawFn) -> Event:
    """One event of a feed of levels."""
    common: dict[str, Any] = {
        "symbol": "ETHUSDT",
        "ts_event": draw(TIMES),
        "ts_recv": draw(TIMES),
        "sequence": draw(st.none() | st.integers(1, 2**64 - 1)),
        "is_last": draw(st.booleans()),
    }
    kind = draw(st.sampled_from(["delta", "delta", "snapshot", "trade", "quote", "clear"]))
    if kind == "delta":
        return Delta(bids=draw(level_lists()), asks=draw(level_lists()), **common)
    if kind == "snapshot":
        bids, asks = draw(level_lists(1)), draw(level_lists(1))
        return Snapshot(bids=bids, asks=asks, complete=draw(st.booleans()), **common)
    if kind == "trade":
        return Trade(price=draw(PRICES), size=draw(SIZES), side=draw(st.none() | SIDES), **common)
    if kind == "quote":
        return Quote(bid_price=draw(PRICES), bid_size=draw(SIZES), **common)
    return Clear(**common)


class Tape:
    """Order events that a venue could send: only known orders are changed, and no more is taken than rests."""

    def __init__(self, draw: st.DrawFn) -> None:
        self.draw = draw
        self.book = L3Book("ETHUSDT", price_type="decimal")
        self.next_id = 1

    def event(self) -> Event:
        """The next event, applied to the book."""
        known = list(self.book.orders.values())
        acts = ["add", "add", "upsert", "snapshot", "seed", "trade"]
        acts += ["modify", "cancel", "execute", "replace"] if known else []
        event: Event = getattr(self, self.draw(st.sampled_from(acts)))(known)
        self.book.apply(event)
        return event

    def common(self) -> dict[str, Any]:
        """The fields that every event has."""
        return {"symbol": "ETHUSDT", "ts_event": self.draw(TIMES), "is_last": self.draw(st.booleans())}

    def new_id(self) -> int:
        """An id that no order had before."""
        self.next_id += self.draw(st.integers(1, 2**40))
        return self.next_id

    def quantity(self) -> dict[str, Any]:
        """A price and a size."""
        return {"price": self.draw(PRICES), "size": self.draw(SIZES)}

    def order(self) -> Order:
        """A new order."""
        return Order(self.new_id(), self.draw(SIDES), self.draw(PRICES), self.draw(SIZES), self.draw(TIMES))

    def some(self, order: Order) -> Decimal:
        """All of an order's size, or half."""
        return order.size if self.draw(st.booleans()) else order.size / 2

    def add(self, known: list[Order]) -> Event:
        """A new order."""
        return OrderAdd(order_id=self.new_id(), side=self.draw(SIDES), **self.quantity(), **self.common())

    def upsert(self, known: list[Order]) -> Event:
        """A new order, announced as a change."""
        common = self.quantity() | self.common()
        return OrderModify(order_id=self.new_id(), side=self.draw(SIDES), upsert=True, **common)

    def modify(self, known: list[Order]) -> Event:
        """A change of price, size, both or nothing."""
        order = self.draw(st.sampled_from(known))
        price, size = self.draw(st.none() | PRICES), self.draw(st.none() | SIZES)
        return OrderModify(order_id=order.order_id, price=price, size=size, **self.common())

    def cancel(self, known: list[Order]) -> Event:
        """Less of an order, or none."""
        order = self.draw(st.sampled_from(known))
        size = None if self.draw(st.booleans()) else self.some(order)
        return OrderCancel(order_id=order.order_id, size=size, side=order.side, price=order.price, **self.common())

    def execute(self, known: list[Order]) -> Event:
        """A trade against a resting order."""
        order = self.draw(st.sampled_from(known))
        return OrderExecute(order_id=order.order_id, size=self.some(order), **self.common())

    def replace(self, known: list[Order]) -> Event:
        """One order for another."""
        order = self.draw(st.sampled_from(known))
        return OrderReplace(order_id=order.order_id, new_id=self.new_id(), **self.quantity(), **self.common())

    def snapshot(self, known: list[Order]) -> Event:
        """All orders, best first."""
        orders = [self.order() for _ in range(self.draw(st.integers(0, 4)))]
        orders.sort(key=lambda order: (order.side, -order.side * order.price))
        return OrderSnapshot(orders=orders, complete=self.draw(st.booleans()), **self.common())

    def seed(self, known: list[Order]) -> Event:
        """Anonymous liquidity."""
        bids, asks = self.draw(level_lists(1)), self.draw(level_lists(1))
        return Snapshot(bids=bids, asks=asks, **self.common())

    def trade(self, known: list[Order]) -> Event:
        """A print."""
        return Trade(**self.quantity(), **self.common())


@st.composite
def l3_tapes(draw: st.DrawFn) -> tuple[list[Event], L3Book]:
    """A tape of order events and the book after it."""
    tape = Tape(draw)
    return [tape.event() for _ in range(draw(st.integers(0, 12)))], tape.book


def closed(tape: list[Event]) -> list[Event]:
    """The tape with its last message ended, as columns end it."""
    return tape[:-1] + [replace(event, is_last=True) for event in tape[-1:]]


@given(st.lists(l2_events(), max_size=8))
def test_l2_columns_build_the_same_book(tape: list[Event]) -> None:
    """Applying the columns gives the book that applying the events gives: levels, counts, known range and header."""
    direct, through = L2Book("ETHUSDT"), L2Book("ETHUSDT")
    direct.apply_many(tape)
    through.apply_many(Events.from_events(tape))
    assert (direct, direct.sequence, direct.ts_event) == (through, through.sequence, through.ts_event)


@given(l3_tapes())
def test_l3_columns_build_the_same_book(made: tuple[list[Event], L3Book]) -> None:
    """Applying the columns gives the same orders in the same queues, and the same anonymous liquidity."""
    tape, direct = made
    through = L3Book("ETHUSDT")
    through.apply_many(Events.from_events(tape))
    assert direct.state_hash() == through.state_hash()


@given(l3_tapes())
def test_order_events_come_back(made: tuple[list[Event], L3Book]) -> None:
    """Every order event comes back equal."""
    tape, _ = made
    assert closed(tape) == list(Events.from_events(tape))


@given(st.lists(l2_events().map(lambda event: closed([event])[0]), max_size=8))
def test_l2_events_come_back(tape: list[Event]) -> None:
    """Every message of one event comes back equal."""
    assert tape == list(Events.from_events(tape))


@given(st.lists(l2_events(), max_size=8))
def test_columns_of_columns_are_equal(tape: list[Event]) -> None:
    """Reading columns and writing them again changes nothing."""
    events = Events.from_events(tape)
    assert events == Events.from_events(events, symbol=events.symbol)


def test_a_seeded_l3_book_comes_back() -> None:
    """Anonymous liquidity stays ahead of the known orders of its level."""
    tape = [
        Snapshot(symbol="X", bids=[(9, 5)], asks=[(10, 5)], complete=False, is_last=False),
        OrderAdd(symbol="X", order_id=1, side=BID, price=9, size=2),
        OrderExecute(symbol="X", order_id=99, side=BID, price=9, size=3),
    ]
    direct, through = L3Book("X"), L3Book("X")
    direct.apply_many(tape)
    through.apply_many(Events.from_events(tape))
    assert (direct, (0, 2.0)) == (through, tuple(through.queue_ahead(1)))


# -- numbers --------------------------------------------------------------------------------------------------------


def test_exponents_widen_exactly() -> None:
    """A finer number widens the whole column; a coarser one is brought to it; missing prices stay missing."""
    tape = [
        Clear(),
        Delta(bids=[(9, 3)]),
        Delta(bids=[("9.25", "0.5")]),
        OrderModify(order_id=1, size=2),
        Delta(asks=[("10.5", "0.125")]),
    ]
    events = Events.from_events(tape)
    assert (-2, -3) == (events.price_exponent, events.size_exponent)
    assert [UNDEF_PRICE, 900, 925, UNDEF_PRICE, 1050] == events.price.tolist()
    assert [0, 3000, 500, 2000, 125] == events.size.tolist()


def test_widening_inside_one_event() -> None:
    """The asks of a delta can be finer than its bids."""
    events = Events.from_events([Delta(bids=[(9, 1)], asks=[("9.5", "0.5")])])
    assert ([90, 95], [10, 5]) == (events.price.tolist(), events.size.tolist())


def test_pieces_of_a_tape_can_have_one_unit() -> None:
    """The given exponents are the coarsest; a finer number still widens, and nonsense is refused."""
    for price, expected in (("99", -2), ("99.25", -2), ("99.125", -3)):
        piece = Events.from_events([Delta(bids=[(price, "2")])], price_exponent=-2, size_exponent=-1)
        assert (expected, -1) == (piece.price_exponent, piece.size_exponent)
        assert [Delta(bids=[(price, "2")])] == list(piece)
    for options in ({"price_exponent": 1}, {"size_exponent": -19}):
        with pytest.raises(UsageError, match="have from 0 to 18 decimal digits, not"):
            Events.from_events([], **options)


def test_exponents_are_never_positive() -> None:
    """Round numbers have exponent 0."""
    events = Events.from_events([Delta(bids=[("1000", "5e3")])])
    assert (0, 0, [1000], [5000]) == (
        events.price_exponent,
        events.size_exponent,
        events.price.tolist(),
        events.size.tolist(),
    )


def test_a_column_that_cannot_widen_is_refused() -> None:
    """A number in the column that does not fit with more digits is named; nothing is rounded."""
    with pytest.raises(ScaleError) as caught:
        Events.from_events([Delta(symbol="X", bids=[(10**18, 1)]), Delta(symbol="X", bids=[("0.01", 1)])])
    assert "X: does not fit in int64 with the 2 decimal digits of another price: Decimal('1000000000000000000')" == str(
        caught.value
    )


def test_a_number_that_does_not_fit_the_column_is_refused() -> None:
    """The same the other way round: the incoming number is too large for the digits that the column has."""
    with pytest.raises(ScaleError) as caught:
        Events.from_events([Delta(symbol="X", bids=[("0.01", 1)]), Delta(symbol="X", bids=[(10**18, 1)])])
    assert "X: does not fit in int64 with 2 decimal digits: Decimal('1000000000000000000')" == str(caught.value)


@pytest.mark.parametrize(
    ("event", "message"),
    [
        (Delta(bids=[(2**63 - 1, 1)]), "is what marks a missing price: Decimal('9223372036854775807')"),
        (Delta(bids=[(1, 2**63 - 1)]), "is what marks a missing size: Decimal('9223372036854775807')"),
        (
            OrderAdd(order_id=1, side=BID, price="922337203685477580.7", size=1),
            "is what marks a missing price: Decimal('922337203685477580.7')",
        ),
    ],
)
def test_the_mark_of_a_missing_number_is_no_number(event: Event, message: str) -> None:
    """The one mantissa that means "missing" cannot be stored, and is not stored as something else."""
    with pytest.raises(ScaleError) as caught:
        Events.from_events([event])
    assert message == str(caught.value)


@pytest.mark.parametrize(
    ("event", "message"),
    [
        (
            OrderAdd(symbol="X", order_id="7", side=BID, price=1, size=1),
            "X: columns hold order ids as uint64, not '7'; text ids are not supported in columns",
        ),
        (
            OrderCancel(symbol="X", order_id=-1),
            "X: columns hold order ids as uint64, not -1; text ids are not supported in columns",
        ),
        (
            OrderReplace(symbol="X", order_id=1, new_id=2**64, price=1, size=1),
            "X: columns hold order ids as uint64, not 18446744073709551616; text ids are not supported in columns",
        ),
        (Clear(symbol="X", ts_recv=2**63), "X: a time is not int64, or a sequence not uint64"),
        (Clear(symbol="X", sequence=-1), "X: a time is not int64, or a sequence not uint64"),
        (Clear(symbol="Y"), "columns hold one instrument: 'X', not 'Y' as well"),
        (Event(symbol="X"), "columns have no row for `Event`"),
    ],
)
def test_events_that_do_not_fit_are_refused_whole(event: Event, message: str) -> None:
    """What has no place in the columns is an error, and leaves no half of itself behind."""
    writer = RowWriter()
    writer.append(Delta(symbol="X", bids=[(9, 1)]))
    with pytest.raises(UsageError) as caught:
        writer.append(event)
    assert message == str(caught.value)
    writer.append(Clear(symbol="X"))
    expected = Events.from_events([Delta(symbol="X", bids=[(9, 1)]), Clear(symbol="X")])
    assert expected == Events.from_rows(writer)


def test_half_an_event_is_taken_back() -> None:
    """The rows of an event that fails at its last number are gone, and so is their effect on the next message."""
    writer = RowWriter("X")
    with pytest.raises(ScaleError):
        writer.append(Snapshot(bids=[(9, 1)] * 3, asks=[(2**63 - 1, 1)]))
    writer.end()
    assert 0 == len(writer)


def test_a_writer_starts_anew() -> None:
    """finish() hands the columns over and forgets them."""
    writer = RowWriter("X")
    writer.append(Delta(bids=[("9.5", 1)]))
    first = Events.from_rows(writer)
    writer.append(Clear())
    second = Events.from_rows(writer)
    assert (1, -1, 1, 0, "X") == (len(first), first.price_exponent, len(second), second.price_exponent, second.symbol)


def test_numpy_ids_are_taken() -> None:
    """Ids that come out of an array are integers too."""
    events = Events.from_events([OrderCancel(order_id=np.uint64(2**63))])
    assert [2**63] == events.order_id.tolist()


# -- the value ------------------------------------------------------------------------------------------------------

TAPE = [
    Snapshot(symbol="ETHUSDT", bids=[("99.5", 2)], asks=[("100.25", "0.5")], ts_recv=1, sequence=5),
    Delta(symbol="ETHUSDT", bids=[("99.5", 0)], ts_recv=2, ts_event=1, sequence=6),
    Trade(symbol="ETHUSDT", price="100", size=1, side=BID, ts_recv=3, ts_event=2),
]


@pytest.fixture
def events() -> Events:
    """Three messages in five rows."""
    return Events.from_events(TAPE)


@pytest.mark.parametrize(
    ("name", "dtype"),
    [
        ("ts_event", "i8"),
        ("ts_recv", "i8"),
        ("action", "u1"),
        ("side", "u1"),
        ("flags", "u1"),
        ("price", "i8"),
        ("size", "i8"),
        ("order_id", "u8"),
        ("sequence", "u8"),
    ],
)
def test_column_types(events: Events, name: str, dtype: str) -> None:
    """Each column is one contiguous, read-only array of the type in the contract."""
    column = getattr(events, name)
    assert (np.dtype(dtype), (5,), True, False) == (
        column.dtype,
        column.shape,
        column.flags.c_contiguous,
        column.flags.writeable,
    )


def test_columns_are_not_copied() -> None:
    """Arrays of the right type are taken as they are, and stay writable for their owner."""
    price = np.array([100])
    events = Events(**columns_of(price=price))
    assert (True, True) == (np.shares_memory(price, events.price), price.flags.writeable)


@pytest.mark.parametrize(
    ("tape", "book"),
    [(TAPE, "L2"), ([Clear()], "L2"), ([OrderCancel(order_id=1)], "L3"), ([Reveal(bids=[(9, 1)])], "L3")],
)
def test_which_book(tape: list[Event], book: str) -> None:
    """Events know which kind of book they are of."""
    assert book == Events.from_events(tape).book


def test_as_a_source(events: Events) -> None:
    """Events say about themselves what a source says."""
    assert (None, ("ETHUSDT",)) == (events.format, events.symbols)


@pytest.mark.parametrize(
    ("chosen", "count", "messages"),
    [(slice(None), 5, 3), (slice(3), 3, 1), (slice(3, None), 2, 2), (slice(-1, None), 1, 1), (slice(4, 3), 0, 0)],
)
def test_slices_are_whole_messages(events: Events, chosen: slice, count: int, messages: int) -> None:
    """A slice along message borders is Events over the same memory."""
    part = events[chosen]
    assert (count, messages, "ETHUSDT", -2) == (len(part), part.messages(), part.symbol, part.price_exponent)
    assert not count or np.shares_memory(part.price, events.price)


@pytest.mark.parametrize(
    ("chosen", "message"),
    [
        (slice(1), "row 1 is inside a message; it begins at row 0, the next at row 3"),
        (slice(2, None), "row 2 is inside a message; it begins at row 0, the next at row 3"),
        (slice(None, None, 2), "a slice of events takes every row, not every 2th"),
        (2, "rows are chosen by a slice, not 2; the columns themselves take every index"),
    ],
)
def test_half_a_message_is_refused(events: Events, chosen: Any, message: str) -> None:
    """A slice that would cut a message in half says where its borders are."""
    with pytest.raises(UsageError) as caught:
        events[chosen]
    assert message == str(caught.value)


def test_equality_is_by_number() -> None:
    """The same numbers at another exponent are the same events."""
    coarse = Events(**columns_of(price=[9], size=[0]))
    fine = Events(**columns_of(price=[900], size=[0]), price_exponent=-2, size_exponent=-3)
    assert (True, True) == (coarse == fine, fine == coarse)


@pytest.mark.parametrize(
    "other",
    [
        Events(**columns_of(price=[901], size=[0]), price_exponent=-2),
        Events(**columns_of(price=[9], size=[0]), price_exponent=-2),
        Events(**columns_of(action=[ord("N")], flags=[LAST], price=[UNDEF_PRICE]), price_exponent=-2),
        Events("X", **columns_of(price=[9])),
        Events(**columns_of(price=[9], sequence=[4])),
        Events(**columns_of(price=[9], side=[ord("A")])),
        (),
    ],
)
def test_inequality(other: object) -> None:
    """Any difference counts."""
    assert Events(**columns_of(price=[9])) != other


def test_missing_prices_equal_at_any_exponent() -> None:
    """A missing price has no exponent; a number that has the same bits at another one is not missing."""
    missing = {"action": [ord("R")], "flags": [LAST], "side": [ord("N")], "price": [UNDEF_PRICE]}
    assert Events(**columns_of(**missing)) == Events(**columns_of(**missing), price_exponent=-2)


def test_events_have_no_hash(events: Events) -> None:
    """A table is no key."""
    with pytest.raises(TypeError, match="unhashable type: 'Events'"):
        hash(events)


def test_pickle(events: Events) -> None:
    """A worker process can hand columns to its parent; they are read-only there too."""
    copy = pickle.loads(pickle.dumps(events))
    assert (events, False) == (copy, copy.price.flags.writeable)


def test_repr(events: Events) -> None:
    """The repr says what and how much."""
    assert "<Events ETHUSDT: 5 rows, 3 messages, L2>" == repr(events)


def test_html(events: Events) -> None:
    """The notebook table has a row a row, numbers as numbers, and no markup from a symbol."""
    text = events._repr_html_()
    assert (6, 1, 1) == (text.count("<tr>"), text.count("<td>100.25</td>"), text.count("<td>T</td>"))
    assert "&lt;b&gt;" in Events.from_events([Clear(symbol="<b>")])._repr_html_()


# -- columns from elsewhere -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"action": [ord("X")]}, "row 0: no such action"),
        ({"side": [ord("b")]}, "row 0: no such side"),
        ({"size": [-1]}, "row 0: a negative size"),
        ({"price": [-(2**63)]}, "row 0: a price beyond int64"),
        ({"side": [ord("N")]}, "row 0: a level without side, price or size"),
        ({"price": [UNDEF_PRICE]}, "row 0: a level without side, price or size"),
        ({"size": [1]}, "row 0: a level is deleted with size 0, not reduced"),
        ({"action": [ord("T")], "price": [UNDEF_PRICE]}, "row 0: an order or trade without price or size"),
        (
            {"action": [ord("A")], "flags": [LAST], "size": [UNDEF_SIZE]},
            "row 0: an order or trade without price or size",
        ),
        ({"action": [ord("A")], "flags": [LAST], "side": [ord("N")]}, "row 0: an order without a side"),
        ({"action": [ord("F")], "flags": [LAST], "size": [UNDEF_SIZE]}, "row 0: an execution without a size"),
        ({"action": [ord("A")], "flags": [LAST | TOB]}, "row 0: a quote (TOB) touches nothing: its action is N"),
        ({"flags": [MBP]}, "row 0: the last row must end a message (LAST)"),
        ({"price_exponent": 1}, "price_exponent is from -18 to 0, not 1"),
        ({"size_exponent": -19}, "size_exponent is from -18 to 0, not -19"),
        ({"price": [1, 2]}, "column price has the shape (2,), column action (1,)"),
        ({"action": 67}, "column ts_event has the shape (1,), column action ()"),
        ({"price": [1.5]}, "column price is int64, not float64"),
        ({"flags": [300]}, "column flags does not fit in uint8"),
        ({"order_id": [-1]}, "column order_id does not fit in uint64"),
        ({"side": ["B"]}, "column side is uint8, not <U1"),
    ],
)
def test_nonsense_is_refused(changes: dict[str, Any], message: str) -> None:
    """Columns that no events could have written are refused with the row."""
    with pytest.raises(UsageError) as caught:
        Events(**columns_of(**changes))
    assert message == str(caught.value)


def test_the_row_of_the_fault_is_named() -> None:
    """Among good rows the bad one is found."""
    good = Events.from_events([Delta(bids=[(9, 1)])] * 5)
    columns = {name: getattr(good, name).copy() for name in NAMES}
    columns["side"][3] = 0
    with pytest.raises(UsageError) as caught:
        Events(**columns)
    assert "row 3: no such side" == str(caught.value)


@pytest.mark.parametrize("name", EXACT)
def test_what_is_written_passes_the_check(name: str) -> None:
    """Every row that an event makes is accepted from elsewhere as well."""
    written = Events.from_events([EXACT[name][0]])
    exponents = {"price_exponent": written.price_exponent, "size_exponent": written.size_exponent}
    assert written == Events(**{column: getattr(written, column) for column in NAMES}, **exponents)


@st.composite
def strange_rows(draw: st.DrawFn) -> dict[str, Any]:
    """Columns of letters, flags and numbers in every combination, most of which no event writes."""
    count = draw(st.integers(1, 5))

    def some(*values: int) -> list[int]:
        return draw(st.lists(st.sampled_from(values), min_size=count, max_size=count))

    bits = zip(
        some(0, LAST), some(0, MBP), some(0, SNAPSHOT), some(0, OWN), some(0, 0, BAD), some(0, 0, TOB), strict=True
    )
    flags = [sum(row) for row in bits]
    flags[-1] |= LAST
    ids = [0 if flag & MBP else value for flag, value in zip(flags, some(0, 1, 2), strict=True)]
    return {
        "ts_event": some(1, 2),
        "ts_recv": some(1),
        "action": some(*b"ACMRTFN"),
        "side": some(*b"ABN"),
        "flags": flags,
        "price": some(5, 50, UNDEF_PRICE),
        "size": some(0, 0, 1, UNDEF_SIZE),
        "order_id": ids,
        "sequence": some(0, 7),
    }


@given(strange_rows())
def test_strange_rows_are_refused_or_read(columns: dict[str, Any]) -> None:
    """What passes the check can be read to the end: as many messages as there are, which come back as they are."""
    try:
        events = Events(**columns)
    except UsageError:
        return
    read = list(events)
    assert events.messages() == sum(event.is_last for event in read)
    assert read == list(Events.from_events(read))


# -- exports --------------------------------------------------------------------------------------------------------


def test_to_numpy(events: Events) -> None:
    """One structured array with the columns as fields, copied."""
    table = events.to_numpy()
    assert (NAMES, 5, False) == (table.dtype.names, len(table), np.shares_memory(table, events.price))
    for name in NAMES:
        np.testing.assert_array_equal(getattr(events, name), table[name])


def test_to_pandas(events: Events) -> None:
    """Times in UTC with NaT, letters, floats with NaN."""
    frame = events.to_pandas()
    assert list(NAMES) == list(frame.columns)
    assert ["datetime64[ns, UTC]"] * 2 == [str(frame[name].dtype) for name in ("ts_event", "ts_recv")]
    assert (list("RAAMT")[:3], ["N", "B", "A"]) == (frame.action.tolist()[:3], frame.side.tolist()[:3])
    assert ([99.5, 100.25, 99.5, 100.0], [True, False]) == (frame.price[1:].tolist(), frame.price.isna()[:2].tolist())
    assert (3, [2.0, 0.5]) == (int(frame.ts_event.isna().sum()), frame["size"][1:3].tolist())


@pytest.mark.parametrize(
    ("price_type", "expected"),
    [("float", 100.25), ("fixed", 10025), ("decimal", D("100.25"))],
)
def test_price_types(events: Events, price_type: Any, expected: Any) -> None:
    """Prices leave as floats, as the int64 column, or exactly."""
    assert expected == events.to_pandas(price_type=price_type).price[2]


def test_missing_decimals_are_none(events: Events) -> None:
    """A missing price is no Decimal."""
    assert events.to_pandas(price_type="decimal").price[0] is None


def test_an_unknown_price_type_is_refused(events: Events) -> None:
    """The message lists the price types."""
    with pytest.raises(UsageError) as caught:
        events.to_pandas(price_type="text")
    assert "price_type is one of 'float', 'decimal', 'fixed', not 'text'" == str(caught.value)


@given(st.lists(st.integers(-(2**63) + 1, 2**63 - 2), min_size=1, max_size=20), st.integers(-18, 0))
def test_floats_are_the_nearest_ones(mantissas: list[int], exponent: int) -> None:
    """A price beyond 2**53 is rounded once, as float() of its text is."""
    count = len(mantissas)
    columns = {name: values * count for name, values in columns_of().items()} | {"price": mantissas}
    frame = Events(**columns, price_exponent=exponent).to_pandas()
    assert [float(D(mantissa).scaleb(exponent)) for mantissa in mantissas] == frame.price.tolist()


def test_to_polars(events: Events) -> None:
    """The same columns in polars."""
    frame = events.to_polars()
    assert (list(NAMES), "RAACT", [99.5, 100.25]) == (
        frame.columns,
        "".join(frame["action"]),
        frame["price"][1:3].to_list(),
    )
    assert ("Datetime(time_unit='ns', time_zone='UTC')", 3) == (
        str(frame["ts_recv"].dtype),
        frame["ts_event"].null_count(),
    )


def test_to_arrow(events: Events) -> None:
    """The same columns in arrow."""
    table = events.to_arrow()
    assert (list(NAMES), "RAACT") == (table.column_names, "".join(table["action"].to_pylist()))
    assert ("timestamp[ns, tz=UTC]", 3) == (str(table.schema.field("ts_event").type), table["ts_event"].null_count)


@pytest.mark.parametrize("export", [Events.to_pandas, Events.to_polars, Events.to_arrow])
@pytest.mark.parametrize("price_type", ["fixed", "decimal"])
def test_every_export_takes_every_price_type(events: Events, export: Callable[..., Any], price_type: str) -> None:
    """Exact numbers survive each export."""
    column = export(events, price_type=price_type)["price"]
    values = column.to_pylist() if hasattr(column, "to_pylist") else list(column)
    assert {"fixed": 10025, "decimal": D("100.25")}[price_type] == values[2]


@pytest.mark.parametrize(
    ("package", "export", "extra"),
    [
        ("pandas", Events.to_pandas, "pandas"),
        ("polars", Events.to_polars, "polars"),
        ("pyarrow", Events.to_arrow, "arrow"),
    ],
)
def test_a_missing_package_is_named(
    events: Events, monkeypatch: pytest.MonkeyPatch, package: str, export: Callable[[Events], Any], extra: str
) -> None:
    """Without the package the error names the extra that brings it."""
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(MissingExtra) as caught:
        export(events)
    assert f"this needs {package}: pip install 'orderbook-kit[{extra}]'" == str(caught.value)


# -- files ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("compress", [False, True])
def test_a_file_comes_back(events: Events, tmp_path: Path, compress: bool) -> None:
    """What is saved is what is opened, at the path that was given."""
    path = tmp_path / "tape"
    events.save(path, compress=compress)
    again = Events.open(path)
    assert (events, events.price_exponent, ["tape"]) == (
        again,
        again.price_exponent,
        [found.name for found in tmp_path.iterdir()],
    )


@pytest.fixture(scope="module")
def any_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One path for all examples of a property."""
    return tmp_path_factory.mktemp("columns") / "tape"


@given(tape=st.lists(l2_events(), max_size=5), symbol=st.text("aé\0/-", max_size=5))
def test_every_tape_and_symbol_comes_back(any_path: Path, tape: list[Event], symbol: str) -> None:
    """Also empty columns, and symbols with zeros and letters beyond ASCII."""
    writer = RowWriter(symbol)
    for event in tape:
        writer.append(replace(event, symbol=""))
    events = Events.from_rows(writer)
    events.save(any_path)
    assert (events, symbol) == (Events.open(any_path), Events.open(str(any_path)).symbol)


def test_numpy_reads_the_file(events: Events, tmp_path: Path) -> None:
    """The file is a plain npz for everybody else."""
    path = tmp_path / "tape.npz"
    events.save(path)
    with np.load(path, allow_pickle=False) as archive:
        assert (events.price.tolist(), b"ETHUSDT") == (archive["price"].tolist(), archive["symbol"].tobytes())


def test_compression_pays(tmp_path: Path) -> None:
    """A deflated file of a repetitive tape is much smaller."""
    events = Events.from_events(Delta(bids=[(9, 1)], sequence=i + 1) for i in range(2_000))
    events.save(tmp_path / "plain")
    events.save(tmp_path / "deflated", compress=True)
    plain, deflated = ((tmp_path / name).stat().st_size for name in ("plain", "deflated"))
    assert deflated < plain / 4


def archive_of(path: Path, members: dict[str, Any]) -> Path:
    """An npz of the members: arrays, or bytes as they are."""
    with zipfile.ZipFile(path, "w") as archive:
        for name, value in members.items():
            if isinstance(value, bytes):
                archive.writestr(name + ".npy", value)
                continue
            buffer = io.BytesIO()
            np.save(buffer, value, allow_pickle=True)
            archive.writestr(name + ".npy", buffer.getvalue())
    return path


def saved_members(events: Events) -> dict[str, Any]:
    """The members of a good file."""
    members: dict[str, Any] = {name: getattr(events, name) for name in NAMES}
    symbol = np.frombuffer(events.symbol.encode(), "u1")
    return members | {
        "version": np.int64(1),
        "symbol": symbol,
        "price_exponent": np.int64(-2),
        "size_exponent": np.int64(-1),
    }


def npy(dtype: str, shape: str) -> bytes:
    """An npy file that claims a shape and has no data."""
    header = f"{{'descr': '{dtype}', 'fortran_order': False, 'shape': {shape}, }}".encode()
    header += b" " * (64 - (len(header) + 11) % 64) + b"\n"
    return b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header


def test_the_forged_files_are_forged_from_a_good_one(events: Events, tmp_path: Path) -> None:
    """The helper below makes a file that opens; what is changed in it is what the tests are about."""
    assert events == Events.open(archive_of(tmp_path / "good", saved_members(events)))


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"version": np.int64(2)}, "version 2, this library knows 1"),
        ({"price": np.zeros(5)}, "price is float64 of shape (5,)"),
        ({"price": np.zeros((5, 1), "i8")}, "price is int64 of shape (5, 1)"),
        ({"price": np.zeros(5, ">i8")}, "price is >i8 of shape (5,)"),
        ({"action": np.array(["A"] * 5, object)}, "action is object of shape (5,)"),
        ({"price": npy("<i8", "(1000000000000,)")}, "price claims 1000000000000 values in 128 bytes"),
        ({"price": npy("<i8", "(-1,)")}, "price claims -1 values in 128 bytes"),
        ({"price": b"\x93NUMPY\x03\x00"}, "price has another npy version"),
        ({"symbol": np.zeros(5_000, "u1")}, "symbol claims 5000 values in 5128 bytes"),
    ],
)
def test_hostile_members_are_refused(events: Events, tmp_path: Path, changes: dict[str, Any], reason: str) -> None:
    """A file that claims what it does not hold is refused before anything of that size is allocated or unpickled."""
    path = archive_of(tmp_path / "bad", saved_members(events) | changes)
    with pytest.raises(CorruptSource) as caught:
        Events.open(path)
    assert f"{path}: not columns as Events.save() writes them: {reason}" == str(caught.value)


@pytest.mark.parametrize("name", [*NAMES, "version", "symbol", "price_exponent", "size_exponent"])
def test_every_member_is_needed(events: Events, tmp_path: Path, name: str) -> None:
    """A file without one of its members is not ours."""
    members = saved_members(events)
    del members[name]
    with pytest.raises(CorruptSource, match=f"no item named '{name}.npy' in the archive"):
        Events.open(archive_of(tmp_path / "bad", members))


def test_nonsense_in_a_file_is_corruption(events: Events, tmp_path: Path) -> None:
    """Rows that make no sense are the file's fault, not the caller's."""
    path = archive_of(tmp_path / "bad", saved_members(events) | {"side": np.zeros(5, "u1")})
    with pytest.raises(CorruptSource) as caught:
        Events.open(path)
    assert f"{path}: row 0: no such side" == str(caught.value)


@pytest.mark.parametrize("content", [b"", b"PK", b"\x1f\x8b", b"x" * 100])
def test_other_files_are_refused(tmp_path: Path, content: bytes) -> None:
    """What is no archive is not opened."""
    path = tmp_path / "other"
    path.write_bytes(content)
    with pytest.raises(CorruptSource, match="File is not a zip file"):
        Events.open(path)


@pytest.mark.parametrize(("name", "reason"), [("missing", "No such file or directory"), (".", "Is a directory")])
def test_what_cannot_be_opened(tmp_path: Path, name: str, reason: str) -> None:
    """A missing file is a source error with the path."""
    with pytest.raises(SourceError) as caught:
        Events.open(tmp_path / name)
    assert f"{tmp_path / name}: cannot read the file: {reason}" == str(caught.value)


@pytest.fixture(scope="module", params=[False, True], ids=["stored", "deflated"])
def good_file(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, bytes]:
    """A place to write to, and the bytes of a good file."""
    path = tmp_path_factory.mktemp("columns") / "tape"
    Events.from_events(TAPE).save(path, compress=request.param)
    return path, path.read_bytes()


@given(data=st.data())
def test_damage_never_passes_as_something_else(good_file: tuple[Path, bytes], data: st.DataObject) -> None:
    """Cut off or with flipped bits, a file is refused, or the damage did not touch what it says."""
    path, content = good_file
    end = data.draw(st.integers(0, len(content)))
    flips = data.draw(st.lists(st.tuples(st.integers(0, len(content) - 1), st.integers(1, 255)), max_size=3))
    damaged = bytearray(content)
    for at, mask in flips:
        damaged[at] ^= mask
    path.write_bytes(damaged[:end])
    try:
        opened = Events.open(path)
    except CorruptSource:
        return
    assert Events.from_events(TAPE) == opened


def same(items: Iterable[object]) -> bool:
    """Whether all items are equal."""
    first, *rest = items
    return all(first == item for item in rest)


def test_columns_of_one_tape_are_equal_however_they_came(events: Events, tmp_path: Path) -> None:
    """Events, a list, a generator, a slice, a pickle and a file give the same columns."""
    events.save(tmp_path / "tape")
    made = [
        Events.from_events(event for event in TAPE),
        events[:],
        Events.from_events(events),
        Events.open(tmp_path / "tape"),
    ]
    assert same([events, *made])
