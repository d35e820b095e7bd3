from __future__ import annotations

import math
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import numpy as np
import pytest

from orderbook.books import MAX_LEVELS, L3Book, QueueAhead
from orderbook.errors import (
    BookError,
    DuplicateLevel,
    DuplicateOrder,
    OrderBookError,
    OverExecuted,
    ScaleError,
    TooManyLevels,
    UnknownOrder,
    UsageError,
)
from orderbook.events import (
    Clear,
    Delta,
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
    Status,
    Trade,
)
from orderbook.levels import Levels
from orderbook.types import INT64_MAX, INT64_MIN, KnownRange, Level, Order, Side

BookType = type[L3Book]
BID, ASK = Side.BID, Side.ASK


@pytest.fixture
def book(l3: BookType) -> L3Book:
    """Two orders on the best bid, one behind, one ask, and anonymous size ahead of the bids."""
    made = l3("XYZ")
    made.seed(BID, "100", 7)
    made.add(1, BID, "100", 10, ts_event=1)
    made.add(2, BID, "100", 5, ts_event=2)
    made.add(3, BID, "99.5", 1, ts_event=3)
    made.add(4, ASK, "101", "2.5", sequence=4, ts_event=4, ts_recv=5)
    return made


def ids(book: L3Book, side: Side = BID, price: Any = 100) -> list[Any]:
    """The order ids of a level, first in line first."""
    return [order.order_id for order in book.queue(side, price)]


class TestQueue:
    def test_databento_w27(self, l3: BookType) -> None:
        """The worked example W27: adds, a size increase, a decrease, a cancel in part, an execution, a clear."""
        book = l3()
        book.add(1, BID, 100, 10)
        book.add(2, BID, 100, 5)
        assert ((100.0, 15.0, 2), [1, 2]) == (book.best_bid, ids(book))
        book.modify(1, price=100, size=12)
        assert [2, 1] == ids(book)
        book.modify(2, price=100, size=3)
        assert [2, 1] == ids(book)
        book.cancel(1, 4)
        assert ([2, 1], 8.0, (100.0, 11.0, 2)) == (ids(book), book.orders[1].size, book.best_bid)
        book.apply(Trade(price=100, size=8, side=ASK))
        assert (100.0, 11.0, 2) == book.best_bid
        book.cancel(1, 8)
        assert ([2], False) == (ids(book), 1 in book.orders)
        book.apply(Clear())
        assert (0, None) == (len(book.orders), book.best_bid)
        book._check()

    def test_coinbase_w13(self, l3: BookType) -> None:
        """The book's part of W13: a match leaves the rest of a maker order in its place."""
        book = l3()
        book.apply(OrderSnapshot(orders=[Order("ac928c66", BID, "400.23", "12.234412")], sequence=48))
        book.apply(OrderExecute(order_id="ac928c66", size="5.23512", sequence=50))
        assert (6.999292, 50) == (book.orders["ac928c66"].size, book.sequence)
        before = book.to_bytes()
        with pytest.raises(UnknownOrder):
            book.apply(OrderModify(order_id="unknown", size="1", sequence=51))
        assert before == book.to_bytes()

    @pytest.mark.parametrize(
        ("change", "expected"),
        [
            ({"size": 12}, [2, 1]),
            ({"size": 10}, [1, 2]),
            ({"size": "10.000"}, [1, 2]),
            ({"size": "9.999"}, [1, 2]),
            ({"size": "10.001"}, [2, 1]),
            ({"price": 100}, [1, 2]),
            ({"price": "100.00"}, [1, 2]),
            ({"price": 100, "size": 1}, [1, 2]),
            ({}, [1, 2]),
            ({"price": 101}, [2]),
            ({"price": "100.001", "size": 1}, [2]),
        ],
    )
    def test_priority(self, l3: BookType, change: dict[str, Any], expected: list[int]) -> None:
        """A larger size or another price loses the place; what is the same number, or smaller, keeps it."""
        book = l3()
        book.add(1, BID, 100, 10)
        book.add(2, BID, 100, 5)
        book.modify(1, **change)
        book._check()
        assert expected == ids(book)

    def test_a_new_price_is_the_back_of_the_new_queue(self, book: L3Book) -> None:
        """Orders that were there first stay first."""
        book.modify(1, price="99.5")
        book._check()
        assert ([2], [3, 1], 10.0) == (ids(book), ids(book, BID, "99.5"), book.orders[1].size)

    def test_there_and_back_is_the_back(self, book: L3Book) -> None:
        """A place that was left is lost."""
        book.modify(1, price=99)
        book.modify(1, price=100)
        assert [2, 1] == ids(book)

    def test_execution_out_of_turn(self, book: L3Book) -> None:
        """The venue decides who trades; the others keep their places."""
        book.execute(2, 2)
        assert ([1, 2], 3.0, (100.0, 20.0, None)) == (ids(book), book.orders[2].size, book.best_bid)

    @pytest.mark.parametrize("method", ["cancel", "execute"])
    def test_down_to_nothing_removes(self, book: L3Book, method: str) -> None:
        """At 0 the order is gone, and with the last one its level."""
        getattr(book, method)(4, "2.50")
        book._check()
        assert (False, None, 0) == (4 in book.orders, book.best_ask, len(book.asks))

    def test_cancel_without_a_size_takes_all(self, book: L3Book) -> None:
        """None means the whole order."""
        book.cancel(1)
        assert ([2], (100.0, 12.0, None)) == (ids(book), book.best_bid)

    def test_replace(self, book: L3Book) -> None:
        """The new order keeps the side, not the place."""
        book.replace(1, 9, price=100, size=10)
        book._check()
        assert ([2, 9], BID) == (ids(book), book.orders[9].side)

    def test_replace_by_the_same_id(self, book: L3Book) -> None:
        """An id may follow itself."""
        book.replace(1, 1, price=100, size=1)
        book._check()
        assert ([2, 1], 1.0) == (ids(book), book.orders[1].size)

    def test_replace_on_an_emptied_level(self, book: L3Book) -> None:
        """The level of a lone order is closed and opened again."""
        book.replace(4, 5, price=101, size=1)
        assert [Level(101.0, 1.0, 1)] == list(book.asks)

    def test_queue_ahead(self, book: L3Book) -> None:
        """Orders are counted when known; the size ahead includes what is anonymous."""
        assert [QueueAhead(0, 7.0), QueueAhead(1, 17.0), QueueAhead(0, 0.0)] == [book.queue_ahead(i) for i in (1, 2, 3)]

    def test_queue_ahead_moves_up(self, book: L3Book) -> None:
        """What leaves ahead shortens the queue, what leaves behind does not."""
        book.cancel(1, 4)
        book.take_anonymous(BID, 100, 2)
        assert QueueAhead(1, 11.0) == book.queue_ahead(2)
        book.cancel(2)
        assert QueueAhead(0, 5.0) == book.queue_ahead(1)

    def test_queue_ahead_of_the_unknown(self, book: L3Book) -> None:
        """An unknown order is nowhere in line."""
        with pytest.raises(UnknownOrder) as caught:
            book.queue_ahead(99)
        assert ("XYZ: unknown order 99", 99) == (str(caught.value), caught.value.order_id)

    def test_queue_of_no_level(self, book: L3Book) -> None:
        """Where nothing stands, nobody queues; a price between the ticks is such a place."""
        assert [] == ids(book, ASK, 100) + ids(book, BID, "98") + ids(book, BID, "99.123456")

    @pytest.mark.parametrize("side", ["bid", "BUY", 1, "b", Side.BID])
    def test_spellings_of_a_side(self, book: L3Book, side: Any) -> None:
        """Every spelling of a side is a side."""
        book.add(10, side, 98, 1)
        assert (BID, [10]) == (book.orders[10].side, [order.order_id for order in book.queue(side, 98)])

    def test_crossing_orders_rest(self, l3: BookType) -> None:
        """A book records what the feed says; it does not match."""
        book = l3()
        book.add(1, BID, 101, 1)
        book.add(2, ASK, 100, 1)
        assert (True, -1.0) == (book.is_crossed, book.spread)


class TestAnonymous:
    def test_count_is_unknown(self, book: L3Book) -> None:
        """Nobody knows how many orders an anonymous size is."""
        assert [None, 1] == [level.count for level in book.bids]

    def test_count_is_known_again(self, book: L3Book) -> None:
        """Once the anonymous part is gone, the orders are all there are."""
        book.take_anonymous(BID, 100, 7)
        book._check()
        assert (Level(100.0, 15.0, 2), 0.0) == (book.best_bid, book.anonymous(BID, 100))

    def test_seed_goes_ahead_and_adds_up(self, book: L3Book) -> None:
        """What is seeded late was there early."""
        book.seed(BID, 100, "0.5")
        assert (7.5, QueueAhead(0, 7.5)) == (book.anonymous(BID, 100), book.queue_ahead(1))

    def test_a_level_of_nothing_else(self, l3: BookType) -> None:
        """Anonymous liquidity is a level like any other, and goes like any other."""
        book = l3()
        book.seed(ASK, 101, 3)
        assert (Level(101.0, 3.0, None), []) == (book.best_ask, book.queue(ASK, 101))
        book.take_anonymous(ASK, 101, 3)
        book._check()
        assert 0 == len(book.asks)

    def test_orders_leave_the_anonymous_part(self, book: L3Book) -> None:
        """The level stays as long as any of it does."""
        book.cancel(1)
        book.cancel(2)
        assert (Level(100.0, 7.0, None), []) == (book.best_bid, ids(book))

    @pytest.mark.parametrize(
        ("side", "price", "size", "resting"),
        [
            (BID, 100, "7.001", Decimal(7)),
            (BID, "99.5", 1, Decimal(0)),
            (BID, "99.75", 1, Decimal(0)),
            (ASK, 100, 1, Decimal(0)),
        ],
    )
    def test_more_than_there_is(self, book: L3Book, side: Side, price: Any, size: Any, resting: Decimal) -> None:
        """The orders of a level do not stand in for its anonymous part."""
        before = book.to_bytes()
        with pytest.raises(OverExecuted) as caught:
            book.take_anonymous(side, price, size)
        assert f"XYZ: anonymous liquidity: {size} to take, only {resting} resting" == str(caught.value)
        assert (None, resting, Decimal(str(size))) == (
            caught.value.order_id,
            caught.value.resting,
            caught.value.asked,
        )
        assert before == book.to_bytes()

    def test_unknown_cancel_is_taken_from_it(self, book: L3Book) -> None:
        """An order from before the tape is part of what was seeded."""
        book.apply(OrderCancel(order_id=77, side=BID, price=100, size=3, sequence=9))
        assert (4.0, 9) == (book.anonymous(BID, 100), book.sequence)

    def test_unknown_execution_is_taken_from_it(self, book: L3Book) -> None:
        """So is one that trades."""
        book.apply(OrderExecute(order_id=77, side="buy", price="100.0", size=7))  # type: ignore[arg-type]
        book._check()
        assert (0.0, 15.0) == (book.anonymous(BID, 100), book.bids[0].size)

    @pytest.mark.parametrize(
        "event",
        [
            OrderCancel(order_id=77),
            OrderCancel(order_id=77, side=BID, price=100),
            OrderCancel(order_id=77, side=BID, size=1),
            OrderCancel(order_id=77, price=100, size=1),
            OrderCancel(order_id=77, side=ASK, price=100, size=1),
            OrderCancel(order_id=77, side=BID, price="99.5", size=1),
            OrderCancel(order_id=77, side=BID, price="99.123", size=1),
            OrderExecute(order_id=77, size=1),
            OrderExecute(order_id=77, size=1, side=ASK, price=101),
        ],
    )
    def test_otherwise_it_is_an_unknown_order(self, book: L3Book, event: Event) -> None:
        """Without side, price and size, or without anonymous liquidity there, nothing can be taken."""
        before = book.to_bytes()
        with pytest.raises(UnknownOrder, match="unknown order 77"):
            book.apply(event)
        assert before == book.to_bytes()

    def test_unknown_takes_more_than_is_anonymous(self, book: L3Book) -> None:
        """Nothing is clamped."""
        before = book.to_bytes()
        with pytest.raises(OverExecuted, match="anonymous liquidity: 8 to take, only 7 resting"):
            book.apply(OrderCancel(order_id=77, side=BID, price=100, size=8))
        assert before == book.to_bytes()

    def test_a_known_order_never_takes_from_it(self, book: L3Book) -> None:
        """An id that rests is that order, whatever else the event says."""
        book.apply(OrderExecute(order_id=1, size=4, side=BID, price=100))
        assert (7.0, 6.0) == (book.anonymous(BID, 100), book.orders[1].size)

    def test_fixed(self, l3: BookType) -> None:
        """In a fixed book sizes and prices of questions and answers are ints."""
        book = l3(price_type="fixed")
        book.seed(BID, "100.5", "0.25")
        book.add(1, BID, "100.5", 1)
        assert (25, 0, QueueAhead(0, 25), [1]) == (
            book.anonymous(BID, 1_005),
            book.anonymous(BID, 1_000),
            book.queue_ahead(1),
            [order.order_id for order in book.queue(BID, 1_005)],
        )


NO_SIZE = "size must be above 0, not 0; cancel() removes an order"
FULL_ORDER = "does not fit in int64 with 1 decimal digits: Decimal('1000000000000000000')"
FULL_LEVEL = "the size of the level does not fit in int64: Decimal('922337203685477{}')"

BAD_ADDS: list[tuple[tuple[Any, ...], type[OrderBookError], str]] = [
    ((1, BID, 100, 1), DuplicateOrder, "XYZ: order 1 is already in the book"),
    ((np.int64(1), ASK, 105, 1), DuplicateOrder, "XYZ: order 1 is already in the book"),
    ((5, BID, 100, 0), UsageError, NO_SIZE),
    ((5, BID, 100, "0.00"), UsageError, "size must be above 0, not '0.00'; cancel() removes an order"),
    ((5, BID, 100, -1), ScaleError, "negative size: -1"),
    ((5, BID, 100, None), ScaleError, "expected a number, got `NoneType`: None"),
    ((5, BID, None, 1), ScaleError, "expected a number, got `NoneType`: None"),
    ((5, BID, "nan", 1), ScaleError, "not a finite decimal number: 'nan'"),
    ((5, BID, True, 1), ScaleError, "expected a number, got `bool`: True"),
    ((5, BID, 100, True), ScaleError, "expected a number, got `bool`: True"),
    ((5, BID, "1e19", 1), ScaleError, "does not fit in int64: '1e19'"),
    ((5, 0, 100, 1), UsageError, "expected a side, got 0; write Side.BID or Side.ASK"),
    ((5, None, 100, 1), UsageError, "expected a side, got None; write Side.BID or Side.ASK"),
    ((5, True, 100, 1), UsageError, "expected a side, got True; write Side.BID or Side.ASK"),
    ((None, BID, 100, 1), UsageError, "order_id is an int, not `NoneType`"),
    ((1.0, BID, 100, 1), UsageError, "order_id is an int, not `float`"),
    ((True, BID, 100, 1), UsageError, "order_id is an int, not `bool`"),
    ((b"1", BID, 100, 1), UsageError, "order_id is an int, not `bytes`"),
    (([1], BID, 100, 1), UsageError, "order_id is an int, not `list`"),
    ((2**64, BID, 100, 1), UsageError, f"order_id {2**64} is not between {INT64_MIN} and {2**64 - 1}"),
    (("\udfff", BID, 100, 1), UsageError, "order_id cannot be written as UTF-8: '\\udfff'"),
    ((5, ASK, 101, INT64_MAX), ScaleError, f"does not fit in int64 with 1 decimal digits: Decimal('{INT64_MAX}')"),
    (
        (5, ASK, 101, INT64_MAX // 10),
        ScaleError,
        "the size of the level does not fit in int64: Decimal('922337203685477582.5')",
    ),
    ((5, BID, INT64_MAX, 1), ScaleError, f"does not fit in int64 with 1 decimal digits: Decimal('{INT64_MAX}')"),
    ((5, BID, "1e-18", 1), ScaleError, "does not fit in int64 with 18 decimal digits: Decimal('100.0')"),
]


class TestErrors:
    """An error leaves the book exactly as it was, header and scales included."""

    @pytest.mark.parametrize(("arguments", "error", "message"), BAD_ADDS, ids=[str(i) for i in range(len(BAD_ADDS))])
    def test_add(self, book: L3Book, arguments: Any, error: type[OrderBookError], message: str) -> None:
        """Each wrong argument of an add."""
        before, version = book.to_bytes(), book._version
        with pytest.raises(error) as caught:
            book.add(*arguments, sequence=99)
        book._check()
        assert message == str(caught.value)
        assert (before, version) == (book.to_bytes(), book._version)

    @pytest.mark.parametrize(
        ("call", "error", "message"),
        [
            (lambda b: b.modify(99, size=1), UnknownOrder, "XYZ: unknown order 99"),
            (lambda b: b.modify("1", size=1), UnknownOrder, "XYZ: unknown order '1'"),
            (lambda b: b.modify(1, size=0), UsageError, NO_SIZE),
            (lambda b: b.modify(1, size=-1), ScaleError, "negative size: -1"),
            (lambda b: b.modify(1, price="x"), ScaleError, "not a finite decimal number: 'x'"),
            (lambda b: b.modify(1, price=100, size="1e18"), ScaleError, FULL_ORDER),
            (lambda b: b.modify(1, size="922337203685477580"), ScaleError, FULL_LEVEL.format(592)),
            (lambda b: b.modify([], size=1), UsageError, "order_id is an int, not `list`"),
            (lambda b: b.cancel(99), UnknownOrder, "XYZ: unknown order 99"),
            (lambda b: b.cancel(1, "10.5"), OverExecuted, "XYZ: order 1: 10.5 to take, only 10 resting"),
            (lambda b: b.cancel(4, "2.500000001"), OverExecuted, "XYZ: order 4: 2.500000001 to take, only 2.5 resting"),
            (lambda b: b.cancel(1, 0), UsageError, NO_SIZE),
            (lambda b: b.cancel(1, float("inf")), ScaleError, "not a finite decimal number: inf"),
            (lambda b: b.execute(99, 1), UnknownOrder, "XYZ: unknown order 99"),
            (lambda b: b.execute(1, 11), OverExecuted, "XYZ: order 1: 11 to take, only 10 resting"),
            (lambda b: b.execute(1, None), UsageError, "XYZ: an execution needs a size"),
            (lambda b: b.replace(99, 100, price=1, size=1), UnknownOrder, "XYZ: unknown order 99"),
            (lambda b: b.replace(1, 2, price=1, size=1), DuplicateOrder, "XYZ: order 2 is already in the book"),
            (lambda b: b.replace(1, 9, price=1, size=0), UsageError, NO_SIZE),
            (lambda b: b.replace(1, None, price=1, size=1), UsageError, "order_id is an int, not `NoneType`"),
            (lambda b: b.seed(BID, 100, 0), UsageError, NO_SIZE),
            (lambda b: b.seed("x", 100, 1), UsageError, "expected a side, got 'x'; write Side.BID or Side.ASK"),
            (lambda b: b.seed(BID, 100, 922337203685477580), ScaleError, FULL_LEVEL.format(602)),
            (lambda b: b.take_anonymous(BID, 100, 0), UsageError, NO_SIZE),
            (lambda b: b.take_anonymous(BID, 100, None), ScaleError, "expected a number, got `NoneType`: None"),
            (lambda b: b.add(9, BID, 100, 1, ts_event="noon"), UsageError, None),
            (lambda b: b.add(9, BID, 100, 1, sequence=0.5), UsageError, "sequence is an int, not `float`"),
            (lambda b: b.queue("x", 100), UsageError, "expected a side, got 'x'; write Side.BID or Side.ASK"),
            (lambda b: b.queue(BID, None), ScaleError, "expected a number, got `NoneType`: None"),
            (lambda b: b.anonymous(BID, "nan"), ScaleError, "not a finite decimal number: 'nan'"),
        ],
    )  # fmt: skip
    def test_calls(
        self, book: L3Book, call: Callable[[L3Book], None], error: type[OrderBookError], message: str | None
    ) -> None:
        """Each wrong argument of every other method."""
        before, version = book.to_bytes(), book._version
        with pytest.raises(error) as caught:
            call(book)
        book._check()
        assert message is None or message == str(caught.value)
        assert (before, version) == (book.to_bytes(), book._version)

    def test_fields_of_over_executed(self, book: L3Book) -> None:
        """Numbers in errors are exact Decimals, without the padding of the scale."""
        with pytest.raises(OverExecuted) as caught:
            book.execute(1, "10.25")
        assert (1, Decimal(10), Decimal("10.25")) == (caught.value.order_id, caught.value.resting, caught.value.asked)

    def test_all_are_book_errors(self) -> None:
        """Whoever applies events catches one class."""
        assert all(issubclass(kind, BookError) for kind in (UnknownOrder, DuplicateOrder, OverExecuted))

    def test_int_and_text_ids_are_two(self, l3: BookType) -> None:
        """7 and "7" are different orders."""
        book = l3()
        book.add(7, BID, 100, 1)
        book.add("7", BID, 100, 2)
        assert [7, "7"] == ids(book)

    @pytest.mark.parametrize("order_id", [0, -1, INT64_MIN, 2**64 - 1, "", "a" * 1_000, "naïve-ïd", np.uint64(2**63)])
    def test_odd_ids(self, l3: BookType, order_id: Any) -> None:
        """Any int of 64 bits and any text is an id, and survives the bytes."""
        book = l3()
        book.add(order_id, BID, 100, 1)
        twin = l3.from_bytes(book.to_bytes())
        assert [order_id] == list(twin.orders)

    def test_subtraction_finer_than_the_book(self, book: L3Book) -> None:
        """A finer cancel widens the size scale, exactly."""
        book.cancel(1, "0.000001")
        book._check()
        assert (6, 9.999999, 21.999999) == (book.size_scale, book.orders[1].size, book.bids[0].size)

    def test_the_largest_level(self, l3: BookType) -> None:
        """A level may hold all of int64, and not one tick more, however it is divided."""
        book = l3()
        book.add(1, BID, 100, INT64_MAX - 10)
        book.add(2, BID, 100, 9)
        book.seed(BID, 100, 1)
        book._check()
        before = book.to_bytes()
        for call in (
            lambda: book.add(3, BID, 100, 1),
            lambda: book.seed(BID, 100, 1),
            lambda: book.modify(2, size=10),
            lambda: book.replace(2, 3, price=100, size=10),
            lambda: book.cancel(1, "0.5"),
        ):
            with pytest.raises(ScaleError):
                call()
        assert before == book.to_bytes()

    def test_the_largest_level_at_a_finer_scale(self, l3: BookType) -> None:
        """The total is taken at the scale that the new order brings."""
        book = l3()
        book.add(1, BID, 100, INT64_MAX // 10)
        before = book.to_bytes()
        with pytest.raises(ScaleError, match="the size of the level does not fit in int64"):
            book.add(2, BID, 100, "0.8")
        assert before == book.to_bytes()
        book.add(2, BID, 100, "0.7")
        book._check()
        assert 1 == book.size_scale

    def test_the_level_limit(self, l3: BookType) -> None:
        """A full side takes no new level, but its orders may move, and existing levels grow."""
        book = l3()
        book.apply_snapshot([], Levels(range(1, MAX_LEVELS), [1] * (MAX_LEVELS - 1)))
        book.add(1, ASK, MAX_LEVELS, 5)
        for call in (
            lambda: book.add(2, ASK, MAX_LEVELS + 1, 1),
            lambda: book.seed(ASK, "0.5", 1),
            lambda: book.reveal([], [(0, 1)]),
            lambda: book.apply_snapshot([], Levels(range(MAX_LEVELS + 1), [1] * (MAX_LEVELS + 1))),
        ):
            with pytest.raises(TooManyLevels, match="1000001 asks are more than the limit of 1000000"):
                call()
        book.modify(1, price="0.5")
        book.add(2, ASK, "0.50", 1)
        with pytest.raises(TooManyLevels):
            book.modify(2, price="0.25")
        book.replace(2, 3, price=1, size=1)
        assert (MAX_LEVELS, Level(0.5, 5.0, 1), 1) == (len(book.asks), book.best_ask, book.price_scale)

    def test_making_room_on_the_way(self, l3: BookType) -> None:
        """What an order leaves behind counts as free for the same order."""
        book = l3()
        book.add(1, BID, 100, INT64_MAX - 5)
        book.add(2, BID, 100, 5)
        book.replace(2, 3, price=100, size=5)
        book.replace(1, 4, price=100, size=INT64_MAX - 5)
        book._check()
        assert [3, 4] == ids(book)


class TestEvents:
    def test_each_kind(self, l3: BookType) -> None:
        """Every order event does what its method does, and brings its header."""
        book = l3("X")
        applied = book.apply_many(
            [
                OrderAdd(symbol="X", order_id=1, side=BID, price="100", size="10", sequence=1, ts_event=11, ts_recv=21),
                OrderAdd(symbol="X", order_id=2, side=ASK, price="101", size="4", sequence=2),
                OrderModify(symbol="X", order_id=1, price="99", sequence=3),
                OrderCancel(symbol="X", order_id=1, size="2", sequence=4),
                OrderExecute(symbol="X", order_id=1, size="3", sequence=5),
                OrderReplace(symbol="X", order_id=2, new_id=3, price="102", size="5", sequence=6, ts_event=16),
            ]
        )
        book._check()
        assert (6, 6, 16, 21) == (applied, book.sequence, book.ts_event, book.ts_recv)
        assert ([Level(99.0, 5.0, 1)], [Level(102.0, 5.0, 1)]) == (list(book.bids), list(book.asks))

    def test_order_times(self, l3: BookType) -> None:
        """An order carries the time of its last change that had one; a replacement carries its own or none."""
        book = l3()
        book.add(1, BID, 100, 10, ts_event=1)
        book.modify(1, size=20)
        assert 1 == book.orders[1].ts_event
        book.cancel(1, 5, ts_event=2)
        assert 2 == book.orders[1].ts_event
        book.modify(1, price=99, ts_event=3)
        assert 3 == book.orders[1].ts_event
        book.replace(1, 2, price=98, size=1)
        assert (None, 3) == (book.orders[2].ts_event, book.ts_event)

    def test_upsert_adds(self, book: L3Book) -> None:
        """Some venues announce a new order as a change."""
        book.apply(OrderModify(order_id=9, side=BID, price=100, size=1, upsert=True))
        assert [1, 2, 9] == ids(book)

    def test_upsert_modifies(self, book: L3Book) -> None:
        """An id that rests is modified."""
        book.apply(OrderModify(order_id=1, side=BID, price=100, size=4, upsert=True))
        assert ([1, 2], 4.0) == (ids(book), book.orders[1].size)

    @pytest.mark.parametrize(
        "event",
        [
            OrderModify(order_id=9, side=BID, price=100, size=1),
            OrderModify(order_id=9, side=BID, price=100, upsert=True),
            OrderModify(order_id=9, side=BID, size=1, upsert=True),
            OrderModify(order_id=9, price=100, size=1, upsert=True),
        ],
    )
    def test_no_upsert(self, book: L3Book, event: Event) -> None:
        """Without the mark, or without all three, the order is unknown."""
        with pytest.raises(UnknownOrder, match="unknown order 9"):
            book.apply(event)

    def test_another_side(self, book: L3Book) -> None:
        """An order that is on the other side now is a new one under its old id."""
        book.apply(OrderModify(order_id=1, side=ASK, price=101))
        book._check()
        assert ([2], [4, 1], ASK, 10.0) == (ids(book), ids(book, ASK, 101), book.orders[1].side, book.orders[1].size)

    def test_another_side_at_the_same_price(self, l3: BookType) -> None:
        """The side alone is enough to move."""
        book = l3()
        book.add(1, BID, 100, 5)
        book.apply(OrderModify(order_id=1, side=ASK, size=2))
        book._check()
        assert (0, [Level(100.0, 2.0, 1)]) == (len(book.bids), list(book.asks))

    def test_the_same_side_is_no_move(self, book: L3Book) -> None:
        """Naming the side that it has keeps the place."""
        book.apply(OrderModify(order_id=1, side=BID, size=9))
        assert [1, 2] == ids(book)

    def test_failed_move_to_another_side(self, book: L3Book) -> None:
        """Remove and add are one change."""
        before = book.to_bytes()
        with pytest.raises(ScaleError):
            book.apply(OrderModify(order_id=1, side=ASK, price=101, size=INT64_MAX // 10))
        assert before == book.to_bytes()

    @pytest.mark.parametrize(
        "event",
        [
            Trade(symbol="XYZ", price=100, size=10, order_id=1, sequence=99),
            Quote(symbol="XYZ", sequence=99),
            Heartbeat(symbol="XYZ", sequence=99),
            Status(symbol="XYZ", status="trading", sequence=99),
        ],
        ids=lambda event: type(event).__name__,
    )
    def test_events_without_orders(self, book: L3Book, event: Event) -> None:
        """They are accepted and change nothing; a Trade is no execution."""
        before = book.to_bytes()
        book.apply(event)
        assert before == book.to_bytes()

    @pytest.mark.parametrize("event", [Delta(symbol="XYZ"), Event()], ids=lambda event: type(event).__name__)
    def test_events_of_others(self, book: L3Book, event: Event) -> None:
        """Absolute sizes of levels say nothing of orders."""
        with pytest.raises(UsageError) as caught:
            book.apply(event)
        assert f"XYZ: an L3 book cannot apply `{type(event).__name__}`" == str(caught.value)

    def test_after_a_disconnect_nothing_is_known(self, book: L3Book) -> None:
        """No order, no level, and the book says so."""
        book.apply(Disconnect())
        assert (0, [], False) == (len(book.orders), list(book.bids), book.depth(1).known)

    @pytest.mark.parametrize("event", [None, {}, Order(1, BID, 1, 1)])
    def test_no_event_at_all(self, book: L3Book, event: Any) -> None:
        """Only events are applied."""
        with pytest.raises(UsageError, match="expected an event, got"):
            book.apply(event)

    def test_another_symbol(self, book: L3Book) -> None:
        """The event of another instrument is refused."""
        with pytest.raises(UsageError, match="an event of 'ABC' does not belong to this book"):
            book.apply(OrderCancel(symbol="ABC", order_id=1))
        assert 1 in book.orders

    def test_clear(self, book: L3Book) -> None:
        """A Clear takes orders, anonymous liquidity and levels."""
        book.apply(Clear(sequence=5))
        book._check()
        assert (0, 0, 0, 5, KnownRange(None, None)) == (
            len(book.orders),
            len(book.bids),
            book.anonymous(BID, 100),
            book.sequence,
            book.known_range,
        )

    def test_forget(self, book: L3Book) -> None:
        """A gap takes everything, and the book says that it is unknown."""
        book.forget()
        book._check()
        assert ("<L3Book XYZ unknown>", 0, 4) == (repr(book), len(book.orders), book.sequence)


class TestSnapshots:
    def test_levels_become_anonymous(self, book: L3Book) -> None:
        """A snapshot of levels tells sizes, not orders."""
        book.apply(Snapshot(bids=[(100, 7), (99, 0)], asks=[Level(101, 3, 2)], sequence=8))
        book._check()
        assert ([Level(100.0, 7.0, None)], [Level(101.0, 3.0, None)]) == (list(book.bids), list(book.asks))
        assert (0, 7.0, 8) == (len(book.orders), book.anonymous(BID, 100), book.sequence)

    def test_limited_levels(self, l3: BookType) -> None:
        """The range of a limited snapshot is known to its worst level."""
        book = l3()
        book.apply_snapshot([(100, 7), (99, 1)], [(101, 1)], complete=False)
        assert (KnownRange(99.0, 101.0), True, False) == (book.known_range, book.depth(1).known, book.depth(2).known)

    def test_bad_levels(self, book: L3Book) -> None:
        """A snapshot that fails takes nothing away."""
        before = book.to_bytes()
        with pytest.raises(DuplicateLevel):
            book.apply_snapshot([(100, 7), ("100.0", 1)], [])
        with pytest.raises(ScaleError, match=r"at `asks\[0\]\[0\]`"):
            book.apply_snapshot([], [("x", 1)])
        assert before == book.to_bytes()

    def test_orders(self, book: L3Book) -> None:
        """All orders at once, in queue order within each level, whatever the order of the levels."""
        orders = [
            Order(11, BID, "99", 1, 5),
            Order(12, BID, "100", 2),
            Order(13, ASK, 101, 3),
            Order(10, BID, 99, "0.5"),
        ]
        book.apply(OrderSnapshot(orders=orders, sequence=8, ts_event=9))
        book._check()
        assert ([12], [11, 10], [13]) == (ids(book), ids(book, BID, 99), ids(book, ASK, 101))
        assert (Level(99.0, 1.5, 2), 5, None, 8, 9) == (
            book.bids[1],
            book.orders[11].ts_event,
            book.orders[10].ts_event,
            book.sequence,
            book.ts_event,
        )
        assert KnownRange(None, None) == book.known_range

    def test_limited_orders(self, l3: BookType) -> None:
        """From the worst price of a side on the book is unknown: more orders may rest there than were shown."""
        book = l3()
        book.apply(
            OrderSnapshot(orders=[Order(1, BID, 100, 1), Order(2, BID, 99, 1), Order(3, ASK, 101, 1)], complete=False)
        )
        assert KnownRange(100.0, -math.inf) == book.known_range
        depths = [book.depth(n) for n in (1, 2)]
        assert [(True, False), (False, False)] == [(depth.bids_known, depth.asks_known) for depth in depths]

    def test_orders_beyond_the_range_do_not_widen_it(self, l3: BookType) -> None:
        """An add out there is shown, and said to be in unknown territory."""
        book = l3()
        book.apply_orders([Order(1, BID, 101, 1), Order(2, BID, 99, 1)], complete=False)
        book.add(3, BID, 98, 1)
        assert [True, False, False] == [book.depth(n).bids_known for n in (1, 2, 3)]
        assert 101.0 == book.known_range.bid_floor

    @pytest.mark.parametrize(
        ("bad", "error"),
        [
            (Order(12, ASK, 101, 1), DuplicateOrder),
            (Order(13, BID, 100, 0), UsageError),
            (Order(13, BID, "nan", 1), ScaleError),
            (Order(13, "nowhere", 100, 1), UsageError),  # type: ignore[arg-type]
            (Order(13, BID, 100, INT64_MAX), ScaleError),
            (Order(None, BID, 100, 1), UsageError),  # type: ignore[arg-type]
            ((13, BID, 100, 1), UsageError),
            (None, UsageError),
        ],
    )
    def test_bad_orders(self, book: L3Book, bad: Any, error: type[OrderBookError]) -> None:
        """The last of many orders may fail, and the book is as it was."""
        before = book.to_bytes()
        with pytest.raises(error):
            book.apply_orders([Order(12, BID, "100.125", 2), bad])
        book._check()
        assert before == book.to_bytes()

    def test_a_source_that_fails(self, book: L3Book) -> None:
        """Even an iterator that raises half way leaves no half a book."""

        def orders() -> Any:
            yield Order(12, BID, 100, 2)
            raise OSError("lost")

        before = book.to_bytes()
        with pytest.raises(OSError, match="lost"):
            book.apply_orders(orders())
        assert before == book.to_bytes()


class TestMaxDepth:
    def test_orders_of_a_dropped_level_are_forgotten(self, l3: BookType) -> None:
        """A level that falls out takes its orders with it, and the range ends above it."""
        book = l3(max_depth=2)
        for order_id, price in ((1, 99), (2, 99), (3, 100), (4, 101)):
            book.add(order_id, BID, price, 1)
        book._check()
        assert ([3, 4], 100.0, 2) == (list(book.orders), book.known_range.bid_floor, book.max_depth)

    def test_a_level_beyond_the_depth_is_not_kept(self, l3: BookType) -> None:
        """An add behind the best levels is legal, and its order unknown afterwards."""
        book = l3(max_depth=1)
        book.add(1, ASK, 100, 1)
        book.add(2, ASK, 101, 1, sequence=7)
        book._check()
        assert ([1], 7, 100.0) == (list(book.orders), book.sequence, book.known_range.ask_ceiling)
        with pytest.raises(UnknownOrder):
            book.cancel(2)

    def test_a_better_order_pushes_out(self, l3: BookType) -> None:
        """Every kind of change keeps the best."""
        book = l3(max_depth=1)
        book.apply_orders([Order(1, BID, 100, 1), Order(2, BID, 99, 1)])
        assert [1] == list(book.orders)
        book.seed(BID, 101, 5)
        book._check()
        assert ([], 5.0) == (list(book.orders), book.anonymous(BID, 101))
        book.apply_snapshot([(100, 1), (90, 1)], [])
        assert [Level(100.0, 1.0, None)] == list(book.bids)

    def test_moving_out_of_the_depth(self, l3: BookType) -> None:
        """A modified order may leave the best levels by itself."""
        book = l3(max_depth=2)
        for order_id, price in ((1, 101), (2, 100)):
            book.add(order_id, BID, price, 1)
        book.add(3, BID, 101, 1)
        book.modify(3, price=99)
        book._check()
        assert ([1, 2], 100.0) == (list(book.orders), book.known_range.bid_floor)

    def test_survives_copies(self, l3: BookType) -> None:
        """The depth goes where the book goes."""
        book = l3(max_depth=2)
        twins = (book.copy(), l3.from_bytes(book.to_bytes()), book.to_l2())
        assert [2, 2, 2] == [twin.max_depth for twin in twins]

    def test_view_depth(self, l3: BookType) -> None:
        """A snapshot may announce the depth of its stream."""
        book = l3()
        book.apply(Snapshot(bids=[(100, 1), (99, 1), (98, 1)], view_depth=2))
        book._check()
        assert (2, 2, 99.0) == (book.max_depth, len(book.bids), book.known_range.bid_floor)

    def test_bad_view_depth(self, book: L3Book) -> None:
        """It is checked before the snapshot is applied."""
        before = book.to_bytes()
        with pytest.raises(UsageError, match="view_depth 0 is not between 1 and 1000000"):
            book.apply(Snapshot(bids=[(1, 1)], view_depth=0))
        assert before == book.to_bytes()


class TestReveal:
    """Levels that come into the view of a depth-limited order stream."""

    @pytest.fixture
    def view(self, l3: BookType) -> L3Book:
        """Two levels a side in view."""
        book = l3("LOB")
        book.apply(
            Snapshot(bids=[(100, 7), (99, 1)], asks=[(101, 2), (102, 3)], complete=False, view_depth=2, sequence=1)
        )
        return book

    def test_extends_the_range(self, view: L3Book) -> None:
        """A level is anonymous, and the side is known down to it."""
        view.take_anonymous(BID, 100, 7)
        view.apply(Reveal(bids=[("97.5", 4)], sequence=2))
        view._check()
        assert [Level(99.0, 1.0, None), Level(97.5, 4.0, None)] == list(view.bids)
        assert (KnownRange(97.5, 102.0), True, 2, 4.0) == (
            view.known_range,
            view.depth(2).known,
            view.sequence,
            view.anonymous(BID, "97.5"),
        )

    def test_keeps_orders(self, view: L3Book) -> None:
        """Nothing that was known is lost."""
        view.add(1, BID, 100, 5)
        view.take_anonymous(BID, 99, 1)
        view.reveal([(98, 1)], [])
        view._check()
        assert ([1], [100.0, 98.0]) == (list(view.orders), [level.price for level in view.bids])

    def test_inside_the_range_does_not_shrink_it(self, view: L3Book) -> None:
        """The range is known as far as it was."""
        view.take_anonymous(ASK, 101, 2)
        view.reveal([], [("101.5", 1)])
        assert 102.0 == view.known_range.ask_ceiling

    def test_of_an_unlimited_side(self, l3: BookType) -> None:
        """Where everything is known, nothing more can be."""
        book = l3()
        book.reveal([(100, 1)], [])
        assert (KnownRange(None, None), [100.0]) == (book.known_range, [level.price for level in book.bids])

    def test_of_nothing(self, view: L3Book) -> None:
        """An empty one, or one of zero sizes, brings a header and no level."""
        before = view.state_hash()
        view.reveal([(98, 0)], [], sequence=5)
        assert (before, 5) == (view.state_hash(), view.sequence)

    @pytest.mark.parametrize("price", [100, "99.00", 99])
    def test_a_held_level(self, view: L3Book, price: Any) -> None:
        """What is in view cannot come into it; whose size holds cannot be known."""
        before = view.to_bytes()
        with pytest.raises(DuplicateLevel) as caught:
            view.reveal([("97.125", 1), (price, 1)], [])
        assert (before, "bids", Decimal(str(price)).normalize()) == (
            view.to_bytes(),
            caught.value.side,
            caught.value.price.normalize(),
        )

    def test_a_held_level_at_another_scale(self, view: L3Book) -> None:
        """One price is one level, whatever scales the book has been through."""
        view.add(1, BID, "99.25", 1)
        for price in ("99.25", "99.2500"):
            with pytest.raises(DuplicateLevel):
                view.reveal([(price, 1), ("97.123456", 1)], [])

    @pytest.mark.parametrize(
        ("bids", "error"),
        [([(98, 1), ("98.0", 1)], DuplicateLevel), ([("x", 1)], ScaleError), ([("1e-18", 1)], ScaleError)],
    )
    def test_bad_levels(self, view: L3Book, bids: Any, error: type[OrderBookError]) -> None:
        """As atomic as everything else."""
        before = view.to_bytes()
        with pytest.raises(error):
            view.reveal(bids, [(103, 1)])
        view._check()
        assert before == view.to_bytes()

    def test_more_than_the_view_holds(self, view: L3Book) -> None:
        """The depth of the view still holds."""
        view.reveal([(98, 1)], [])
        view._check()
        assert ([100.0, 99.0], 99.0) == ([level.price for level in view.bids], view.known_range.bid_floor)


class TestOrdersView:
    def test_is_a_mapping(self, book: L3Book) -> None:
        """Everything that a read-only dict does."""
        orders = book.orders
        assert Order(1, BID, 100.0, 10.0, 1) == orders[1]
        assert ([1, 2, 3, 4], 4) == (list(orders), len(orders))
        assert (True, False, None) == (1 in orders, "1" in orders, orders.get(99))
        assert {1, 2, 3, 4} == set(orders.keys())
        assert [10.0, 5.0, 1.0, 2.5] == [order.size for order in orders.values()]

    def test_missing(self, book: L3Book) -> None:
        """As in a dict."""
        with pytest.raises(KeyError):
            _ = book.orders[99]

    def test_read_only(self, book: L3Book) -> None:
        """Orders change through the book alone."""
        with pytest.raises(TypeError):
            book.orders[1] = None  # type: ignore[index]

    def test_live_rows_are_values(self, book: L3Book) -> None:
        """The view follows the book, an order that was read does not."""
        orders, before = book.orders, book.orders[1]
        book.cancel(1, 9)
        assert (10.0, 1.0) == (before.size, orders[1].size)
        book.clear()
        assert 0 == len(orders)

    def test_changing_under_iteration(self, book: L3Book) -> None:
        """A book that moves while it is walked says so."""
        walk = iter(book.orders)
        next(walk)
        book.cancel(4)
        with pytest.raises(RuntimeError, match="the book changed during iteration"):
            next(walk)

    def test_walking_a_list_while_changing(self, book: L3Book) -> None:
        """The way to do it."""
        for order_id in list(book.orders):
            book.cancel(order_id)
        assert (0, Level(100.0, 7.0, None)) == (len(book.orders), book.best_bid)

    def test_decimal(self, l3: BookType) -> None:
        """Orders leave in the units of the book."""
        book = l3(price_type="decimal")
        book.add(1, BID, "100.50", "0.1")
        assert Order(1, BID, Decimal("100.5"), Decimal("0.1"), None) == book.orders[1]


class TestValue:
    def test_queue_order_counts(self, l3: BookType) -> None:
        """The same orders in another order are another book."""
        a, b = l3(), l3()
        for order_id in (1, 2):
            a.add(order_id, BID, 100, 1)
        for order_id in (2, 1):
            b.add(order_id, BID, 100, 1)
        assert (False, True) == (a == b, a.state_hash() != b.state_hash())
        b.modify(2, size=2)
        b.modify(2, size=1)
        assert (True, a.state_hash()) == (a == b, b.state_hash())

    def test_times_do_not_count(self, l3: BookType) -> None:
        """A replayed book equals its live twin."""
        a, b = l3(), l3()
        a.add(1, BID, 100, 1, ts_event=5, sequence=1)
        b.add(1, BID, "100.00", "1.0")
        assert (True, a.state_hash()) == (a == b, b.state_hash())

    @pytest.mark.parametrize(
        "change",
        [
            lambda book: book.cancel(1, "0.5"),
            lambda book: book.seed(BID, 100, 1),
            lambda book: book.replace(3, "3", price="99.5", size=1),
            lambda book: (book.take_anonymous(BID, 100, 1), book.modify(2, size=6)),
            lambda book: book.forget(),
        ],
    )
    def test_differs(self, book: L3Book, change: Callable[[L3Book], None]) -> None:
        """Sizes, ids and the anonymous part count."""
        twin = book.copy()
        change(twin)
        assert (False, True) == (book == twin, book.state_hash() != twin.state_hash())

    def test_widening_does_not_count(self, book: L3Book) -> None:
        """A book that once saw finer numbers is the same book."""
        twin = book.copy()
        twin.add(50, ASK, "103.123456", "0.0001")
        twin.cancel(50)
        assert (True, True, 6) == (book == twin, book.state_hash() == twin.state_hash(), twin.price_scale)

    def test_hash_is_fixed(self, book: L3Book) -> None:
        """The same on every machine, in every version."""
        assert STATE_HASH == book.state_hash()

    def test_copy_is_independent(self, book: L3Book) -> None:
        """Neither book, nor any order of theirs, is shared."""
        twin, before = book.copy(), book.to_bytes()
        twin._check()
        assert before == twin.to_bytes()
        twin.cancel(1, 1)
        twin.add(60, BID, "100.001", 1)
        twin.take_anonymous(BID, 100, 1)
        twin._check()
        assert before == book.to_bytes()
        book.clear()
        assert 5 == len(twin.orders)

    def test_unhashable(self, book: L3Book) -> None:
        """As every book."""
        with pytest.raises(TypeError, match="unhashable type: 'L3Book'"):
            hash(book)

    def test_to_l2(self, book: L3Book, l2: BookType) -> None:
        """Levels, header and range go over; the two books are independent."""
        levels = book.to_l2()
        levels._check()
        assert l2 is type(levels)
        assert (list(book.bids), list(book.asks)) == (list(levels.bids), list(levels.asks))
        assert ("XYZ", 4, 4, 5) == (levels.symbol, levels.sequence, levels.ts_event, levels.ts_recv)
        book.clear()
        assert 2 == len(levels.bids)

    def test_to_l2_keeps_range_and_type(self, l3: BookType) -> None:
        """What is unknown stays unknown."""
        book = l3(price_type="decimal")
        book.apply_snapshot([(100, 1)], [], complete=False)
        levels = book.to_l2()
        assert (Decimal(100), "decimal", book.known_range) == (
            levels.known_range.bid_floor,
            levels.price_type,
            levels.known_range,
        )

    def test_repr(self, book: L3Book) -> None:
        """Name, top, depth, and how many orders are known."""
        assert "<L3Book XYZ 100 x 22.0 | 101 x 2.5, 2 bids, 1 asks, 4 orders>" == repr(book)

    def test_measures_are_shared(self, book: L3Book) -> None:
        """An L3 book answers every question of an L2 book, with the same answers."""
        levels = book.to_l2()
        for name in ("mid_price", "spread", "spread_bps", "microprice", "state", "best_bid", "known_range"):
            assert getattr(levels, name) == getattr(book, name)
        assert (levels.imbalance(2), levels.vwap("bid", 22.5)) == (book.imbalance(2), book.vwap("bid", 22.5))
        assert levels.depth(5) == book.depth(5)


STATE_HASH = "c628ea3bd166db4d9019add37c317f90"
