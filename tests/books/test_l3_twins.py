"""L3 books of every implementation beside the reference: hostile ids, big books, wide prices, bytes, columns."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from orderbook.books import L3Book, reference
from orderbook.columns import PUBLISHER_SPECIFIC, UNDEF_PRICE, UNDEF_SIZE, Events
from orderbook.columns.schema import DTYPES
from orderbook.errors import OrderBookError, UsageError
from orderbook.events import (
    Clear,
    Disconnect,
    Event,
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
    Trade,
)
from orderbook.types import INT64_MIN, UNDEF_TIMESTAMP, Flag, Order, Side

BookType = type[L3Book]
BID, ASK = Side.BID, Side.ASK

# Ids whose bits meet (-1 and 2**64 - 1), whose texts look like ints, and that differ in one bit.
IDS: list[Any] = [
    0,
    1,
    -1,
    2**63,
    2**63 - 1,
    INT64_MIN,
    2**64 - 1,
    2**32,
    2**32 + 1,
    "",
    "0",
    "1",
    "-1",
    "naïve",
    "x" * 200,
]
SIDES = st.sampled_from((BID, ASK))
PRICES = st.one_of(st.integers(-3, 6).map(str), st.sampled_from(("0.5", "99.25", "1e-8", 100, 100.5, "1000000000")))
SIZES = st.one_of(st.integers(1, 9), st.sampled_from(("0.5", "0.000001", 2.5, 0, "9e18", 9_000_000_000_000_000_000)))
TIMES = st.none() | st.integers(0, 9)


def same(book: Any, oracle: Any) -> None:
    """All of the state, in the order in which it can be seen."""
    book._check()
    assert oracle.to_bytes() == book.to_bytes()
    assert list(oracle.orders) == list(book.orders)


def outcome(call: Any, *arguments: Any, **named: Any) -> str | None:
    """What a call raised, as text."""
    try:
        call(*arguments, **named)
    except OrderBookError as error:
        return f"{type(error).__name__}: {error}"
    return None


STEPS = st.one_of(
    st.tuples(st.just("add"), st.sampled_from(IDS), SIDES, PRICES, SIZES),
    st.tuples(st.just("modify"), st.sampled_from(IDS), st.none() | PRICES, st.none() | SIZES),
    st.tuples(st.just("cancel"), st.sampled_from(IDS), st.none() | SIZES),
    st.tuples(st.just("execute"), st.sampled_from(IDS), SIZES),
    st.tuples(st.just("replace"), st.sampled_from(IDS), st.sampled_from(IDS), PRICES, SIZES),
    st.tuples(st.just("seed"), SIDES, PRICES, SIZES),
    st.tuples(st.just("take_anonymous"), SIDES, PRICES, SIZES),
)


def act(book: Any, step: tuple[Any, ...], header: dict[str, Any]) -> str | None:
    """Take one step."""
    verb, *rest = step
    if verb == "modify":
        return outcome(book.modify, rest[0], price=rest[1], size=rest[2], **header)
    if verb == "replace":
        return outcome(book.replace, rest[0], rest[1], price=rest[2], size=rest[3], **header)
    return outcome(getattr(book, verb), *rest, **header)


class TestHostileIds:
    @given(steps=st.lists(st.tuples(STEPS, TIMES), max_size=40), max_depth=st.none() | st.integers(1, 3))
    def test_walk(self, l3: BookType, steps: list[Any], max_depth: int | None) -> None:
        """Any steps with any ids lead to the same book and the same errors."""
        book, oracle = l3("X", max_depth=max_depth), reference.L3Book("X", max_depth=max_depth)
        for step, time in steps:
            header = {"ts_event": time, "sequence": None if time is None else 2**64 - 1 - time}
            assert act(oracle, step, header) == act(book, step, header)
            same(book, oracle)
        same(book.copy(), oracle.copy())
        assert oracle == book

    @pytest.mark.parametrize("key", [1.0, True, np.int64(1), np.uint64(1), np.str_("1"), "1"])
    def test_what_equals_an_id_finds_it(self, l3: BookType, key: Any) -> None:
        """As in a dict."""
        book = l3()
        book.add(1, BID, 100, 5)
        book.add("1", BID, 100, 6)
        size = 6.0 if isinstance(key, str) else 5.0
        assert (True, size) == (key in book.orders, book.orders[key].size)

    @pytest.mark.parametrize("key", [1.5, None, b"1", float("nan"), float("inf"), 2**64, -(2**63) - 1, (), "\udfff"])
    def test_what_is_no_id_does_not(self, l3: BookType, key: Any) -> None:
        """As in a dict."""
        book = l3()
        book.add(1, BID, 100, 5)
        assert (False, None) == (key in book.orders, book.orders.get(key))

    def test_what_cannot_be_hashed(self, l3: BookType) -> None:
        """As in a dict."""
        with pytest.raises(TypeError, match="unhashable type: 'list'"):
            _ = [] in l3().orders

    def test_texts_are_let_go(self, l3: BookType) -> None:
        """A text id that left may come again, also as another object, and a book of many keeps none of them."""
        book = l3(max_depth=2)
        for i in range(2_000):
            book.add(f"id-{i % 7}", BID, 100 + i, 1)
            book.replace(f"id-{i % 7}", f"new-{i}", price=100 + i, size=2)
            if i % 3 == 0:
                book.cancel(f"new-{i}")
        book._check()
        assert len(book.orders) <= 2

    def test_ids_in_a_row_and_far_apart(self, l3: BookType) -> None:
        """Whatever pattern ids have, each is found: sequential ones, multiples of powers of two, random ones."""
        rng = random.Random(7)
        patterns = (
            [i << shift for shift in range(0, 52, 4) for i in range(1, 300)],
            [2**64 - 1 - i for i in range(3_000)],
            [rng.getrandbits(64) for _ in range(3_000)],
        )
        for pattern in patterns:
            book = l3()
            distinct = list(dict.fromkeys(pattern))
            for order_id in distinct:
                book.add(order_id, BID, 100 + order_id % 5, 1)
            for order_id in distinct[::2]:
                book.cancel(order_id)
            book._check()
            assert distinct[1::2] == list(book.orders)


class TestBigBooks:
    def test_a_hundred_thousand_orders(self, l3: BookType) -> None:
        """Grown, thinned out, and grown again; the orders that are left are the right ones."""
        rng = random.Random(1)
        count = 100_000 if l3 is not reference.L3Book else 5_000
        book, wanted = l3(), {}
        for order_id in range(count):
            wanted[order_id] = (rng.choice((BID, ASK)), rng.randrange(10**12), rng.randrange(1, 100))
            book.add(order_id, *wanted[order_id])
        for order_id in rng.sample(range(count), count // 2):
            book.cancel(order_id)
            del wanted[order_id]
        for order_id in list(wanted)[::3]:
            side, price, _ = wanted.pop(order_id)
            wanted[order_id] = (side, price + 1, 7)
            book.modify(order_id, price=price + 1, size=7)
        assert [(o.order_id, o.side, o.price, o.size) for o in book.orders.values()] == [
            (order_id, side, float(price), float(size)) for order_id, (side, price, size) in wanted.items()
        ]
        if count < 10_000:
            book._check()

    def test_a_long_queue(self, l3: BookType) -> None:
        """Orders leave it from the front, the back and the middle."""
        book = l3()
        for order_id in range(1_000):
            book.add(order_id, ASK, "7.5", order_id + 1)
        gone = {0, 999, 500, 501, 1, 998}
        for order_id in gone:
            book.cancel(order_id)
        left = [order_id for order_id in range(1_000) if order_id not in gone]
        book._check()
        assert left == [order.order_id for order in book.queue(ASK, "7.50")]
        assert (len(left) - 1, float(sum(left[:-1]) + len(left) - 1)) == book.queue_ahead(997)

    @given(prices=st.lists(st.integers(-(2**63) + 1, 2**63 - 1), max_size=60))
    def test_wide_and_sparse(self, l3: BookType, prices: list[int]) -> None:
        """Prices from one end of int64 to the other."""
        book, oracle = l3(), reference.L3Book()
        for order_id, price in enumerate(prices):
            for each in (book, oracle):
                each.add(order_id, BID if order_id % 2 else ASK, price, 1)
        same(book, oracle)

    def test_widening_keeps_the_queues(self, l3: BookType) -> None:
        """A finer number moves everything, and nothing to another place."""
        book, oracle = l3(max_depth=3), reference.L3Book(max_depth=3)
        for each in (book, oracle):
            for order_id in range(20):
                each.add(order_id, BID, 100 + order_id % 4, 5)
            each.seed(BID, 103, 9)
            each.add(99, BID, "103.0001", "0.25")
            each.modify(3, size="4.125")
            each.cancel(99)
        same(book, oracle)


class TestBytes:
    def test_interchange(self, l3: BookType) -> None:
        """Each implementation reads what the other wrote, text ids and times included."""
        book = l3("XYZ", max_depth=5, price_type="decimal")
        for i, order_id in enumerate(IDS):
            book.add(order_id, BID if i % 2 else ASK, f"{100 + i % 3}.5", i + 1, ts_event=i or None, sequence=i)
        book.seed(BID, 100.25, 3)
        oracle = reference.L3Book.from_bytes(book.to_bytes())
        again = l3.from_bytes(oracle.to_bytes())
        same(again, oracle)
        assert book == oracle == again
        assert book.state_hash() == oracle.state_hash() == again.state_hash()


# ---- columns ---------------------------------------------------------------------------------------------------------

SMALL_IDS = st.integers(0, 9) | st.sampled_from((2**63, 2**64 - 1))
COLUMN_PRICES = st.one_of(st.integers(98, 103), st.sampled_from(("99.5", "100.25", "0.001")))
COLUMN_SIZES = st.one_of(st.integers(1, 9), st.sampled_from(("0.5", "2.125", 0)))
LEVELS = st.lists(st.tuples(COLUMN_PRICES, COLUMN_SIZES), max_size=3, unique_by=lambda row: float(row[0]))
ORDERS = st.lists(
    st.builds(Order, SMALL_IDS, SIDES, COLUMN_PRICES, st.integers(1, 5), TIMES),
    max_size=5,
    unique_by=lambda order: order.order_id,
)
EVENTS = st.one_of(
    st.builds(OrderAdd, order_id=SMALL_IDS, side=SIDES, price=COLUMN_PRICES, size=COLUMN_SIZES),
    st.builds(OrderAdd, order_id=SMALL_IDS, side=SIDES, price=COLUMN_PRICES, size=st.integers(1, 9)),
    st.builds(
        OrderModify,
        order_id=SMALL_IDS,
        side=st.none() | SIDES,
        price=st.none() | COLUMN_PRICES,
        size=st.none() | COLUMN_SIZES,
        upsert=st.booleans(),
    ),
    st.builds(
        OrderCancel,
        order_id=SMALL_IDS,
        size=st.none() | COLUMN_SIZES,
        side=st.none() | SIDES,
        price=st.none() | COLUMN_PRICES,
    ),
    st.builds(OrderExecute, order_id=SMALL_IDS, size=COLUMN_SIZES, side=SIDES, price=COLUMN_PRICES),
    st.builds(OrderReplace, order_id=SMALL_IDS, new_id=SMALL_IDS, price=COLUMN_PRICES, size=st.integers(1, 9)),
    st.builds(Snapshot, bids=LEVELS, asks=LEVELS, complete=st.booleans(), view_depth=st.none() | st.integers(1, 3)),
    st.builds(OrderSnapshot, orders=ORDERS, complete=st.booleans()),
    st.builds(Reveal, bids=LEVELS, asks=LEVELS),
    st.builds(Trade, price=COLUMN_PRICES, size=st.integers(1, 9), side=st.none() | SIDES, hidden=st.booleans()),
    st.builds(Quote, bid_price=st.none() | COLUMN_PRICES, bid_size=st.none() | st.integers(1, 5)),
    st.builds(Clear),
    st.builds(Disconnect),
    st.builds(Heartbeat),
)


def headed(event: Event, number: int, time: int | None, last: bool) -> Event:
    """The event with times and a number, which may be missing."""
    for name, value in (("sequence", number), ("ts_event", time), ("ts_recv", time), ("is_last", last)):
        object.__setattr__(event, name, value)
    return event


TAPES = st.lists(st.builds(headed, EVENTS, st.integers(1, 3) | st.just(2**64 - 1), TIMES, st.booleans()), max_size=30)


def replayed(book: Any, events: Iterable[Event]) -> list[str | None]:
    """Apply event by event, going on after errors, with what each raised."""
    return [outcome(book.apply, event) for event in events]


def mended(columns: dict[str, list[int]]) -> dict[str, list[int]]:
    """The rows with what columns are never without, and otherwise as they are."""
    columns["flags"][-1] |= Flag.LAST
    price, size, side = columns["price"], columns["size"], columns["side"]
    for i, action in enumerate(columns["action"]):
        level = columns["flags"][i] & Flag.MBP and action in b"AMC"
        if (level or action in b"AT") and price[i] == UNDEF_PRICE:
            price[i] = 1000
        if (level or action in b"ATF") and size[i] == UNDEF_SIZE:
            size[i] = 10
        whole = i and columns["action"][i - 1] in b"C" and size[i - 1] == UNDEF_SIZE
        open_before = i and not columns["flags"][i - 1] & (Flag.LAST | Flag.MBP)
        if (level or (action in b"A" and not (whole and open_before))) and side[i] in b"N":
            side[i] = b"A"[0]
        if level and action in b"C":
            size[i] = 0
    return columns


class TestColumns:
    @given(tape=TAPES, max_depth=st.none() | st.integers(1, 3), finer=st.booleans())
    def test_of_events(self, l3: BookType, tape: list[Event], max_depth: int | None, finer: bool) -> None:
        """Columns at once are what their events are one by one, up to the same error; then on from there."""
        events = Events.from_events(tape)
        book, oracle = l3(max_depth=max_depth), reference.L3Book(max_depth=max_depth)
        if finer:
            for each in (book, oracle):
                each.add(10**6, BID, "1.00001", "0.00001")
        assert outcome(oracle.apply_many, iter(events)) == outcome(book.apply_many, events)
        same(book, oracle)
        assert oracle._version == book._version

    @given(tape=TAPES, max_depth=st.none() | st.integers(1, 3), texts=st.booleans())
    def test_row_by_row(self, l3: BookType, tape: list[Event], max_depth: int | None, texts: bool) -> None:
        """Message by message, with errors passed over, so that every event is met in every state of a book."""
        events = Events.from_events(tape)
        book, oracle = l3(max_depth=max_depth), reference.L3Book(max_depth=max_depth)
        if texts:
            for each in (book, oracle):
                each.add("text", BID, 101, 1)
        ends = [0, *(np.flatnonzero(events.flags & Flag.LAST) + 1).tolist()]
        for start, stop in itertools.pairwise(ends):
            part = events[start:stop]
            assert outcome(oracle.apply_many, iter(part)) == outcome(book.apply_many, part)
            same(book, oracle)
        assert replayed(oracle, events) == replayed(book, list(events))
        same(book, oracle)

    @given(data=st.data(), count=st.integers(1, 25))
    def test_of_any_rows(self, l3: BookType, data: st.DataObject, count: int) -> None:
        """Rows that nobody wrote, as far as they pass for columns at all."""

        def column(values: list[int]) -> list[int]:
            return data.draw(st.lists(st.sampled_from(values), min_size=count, max_size=count))

        bits = [0, 0, Flag.LAST, Flag.LAST, Flag.MBP, Flag.SNAPSHOT, Flag.SNAPSHOT | Flag.MBP, Flag.MAYBE_BAD_BOOK]
        columns = {
            "ts_event": column([UNDEF_TIMESTAMP, 1, 2]),
            "ts_recv": column([UNDEF_TIMESTAMP, 1]),
            "action": column(list(b"AAACCMMRTFN")),
            "side": column(list(b"AABBN")),
            "flags": column([int(bit) | extra for bit in bits for extra in (0, PUBLISHER_SPECIFIC)]),
            "price": column([990, 1000, 1001, 1005, 1010, UNDEF_PRICE]),
            "size": column([0, 5, 10, 20, UNDEF_SIZE]),
            "order_id": column([0, 1, 2, 3, 2**64 - 1, 2**32]),
            "sequence": column([0, 1, 2**64 - 1]),
        }
        arrays: Any = {name: np.array(values, DTYPES[name]) for name, values in mended(columns).items()}
        events = Events(**arrays, price_exponent=-1, size_exponent=-1)
        book, oracle = l3(), reference.L3Book()
        for start in (0, 1):
            # Twice, so that the second time meets a book that is not empty.
            assert outcome(oracle.apply_many, iter(events)) == outcome(book.apply_many, events), start
            same(book, oracle)

    def test_counts_events(self, l3: BookType) -> None:
        """An execution is two rows and one event, a disconnect may be no row at all."""
        tape = [
            OrderAdd(order_id=1, side=BID, price="100.5", size=5),
            OrderExecute(order_id=1, side=BID, price="100.5", size=2),
            OrderReplace(order_id=1, new_id=2, price=99, size=1),
            Quote(bid_price=99, bid_size=1, ask_price=100, ask_size=1),
            OrderCancel(order_id=2),
        ]
        events = Events.from_events(tape)
        assert (5, 8) == (l3().apply_many(events), len(events))

    def test_another_symbol(self, l3: BookType) -> None:
        """Columns of another instrument are refused like its events."""
        events = Events.from_events([Clear(symbol="B")])
        with pytest.raises(UsageError, match="an event of 'B' does not belong to this book"):
            l3("A").apply_many(events)

    def test_a_subclass_is_asked(self, l3: BookType) -> None:
        """Whoever overrides a verb gets every event, from columns too."""
        seen: list[Any] = []

        class Listening(l3):  # type: ignore[misc, valid-type]
            """Writes down what is added."""

            def add(self, order_id: Any, *rest: Any, **named: Any) -> None:
                seen.append(order_id)
                super().add(order_id, *rest, **named)

        tape = [OrderAdd(order_id=i, side=ASK, price=100, size=1) for i in range(3)]
        book = Listening()
        book.apply_many(Events.from_events(tape))
        book.apply(OrderAdd(order_id=3, side=ASK, price=100, size=1))
        assert ([0, 1, 2, 3], 4) == (seen, len(book.orders))

    def test_a_long_tape(self, l3: BookType) -> None:
        """Enough orders that rows are looked up ahead, with cancels, moves and replacements among them."""
        rng = random.Random(5)
        live: list[int] = []
        tape: list[Event] = []
        for i in range(12_000 if l3 is not reference.L3Book else 1_500):
            if len(live) < 3_000 or rng.random() < 0.4:
                live.append(i)
                tape.append(OrderAdd(order_id=i, side=BID, price=rng.randrange(1, 5_000), size=rng.randrange(1, 9)))
                continue
            at = rng.randrange(len(live))
            live[at], live[-1] = live[-1], live[at]
            if rng.random() < 0.3:
                tape.append(OrderModify(order_id=live[-1], price=rng.randrange(1, 5_000), size=rng.randrange(1, 9)))
            elif rng.random() < 0.3:
                tape.append(OrderReplace(order_id=live.pop(), new_id=i, price=rng.randrange(1, 5_000), size=3))
                live.append(i)
            else:
                tape.append(OrderCancel(order_id=live.pop()))
        book, oracle = l3(), reference.L3Book()
        assert len(tape) == book.apply_many(Events.from_events(tape)) == oracle.apply_many(tape)
        same(book, oracle)
