"""The parts that only the plain Python implementation has: its ladder, its queues, and what ``_check`` finds."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orderbook.books.arguments import as_levels, as_order_id, as_side, as_size, shown
from orderbook.books.base import is_tick
from orderbook.books.l2 import L2Book
from orderbook.books.l3 import L3Book
from orderbook.books.ladder import NOTHING, Aggregate, Ladder, coarsest, exact, scaled
from orderbook.books.queue import Queue, Resting
from orderbook.errors import ScaleError
from orderbook.levels import Levels
from orderbook.types import INT64_MAX, INT64_MIN, Side

BID, ASK = Side.BID, Side.ASK
TICKS = st.integers(-1_000, 1_000)


def ladder_of(side: Side, prices: Any, bound: int | None = None) -> Ladder[Aggregate]:
    """A ladder with size 1 at each price."""
    made: Ladder[Aggregate] = Ladder(side)
    made.fill((price, Aggregate(1, None)) for price in prices)
    made.bound = bound
    return made


class TestLadder:
    @given(st.sets(TICKS))
    def test_order(self, prices: set[int]) -> None:
        """Bids run down, asks run up, and a rank leads back to its price."""
        for side, expected in ((BID, sorted(prices, reverse=True)), (ASK, sorted(prices))):
            ladder = ladder_of(side, prices)
            assert expected == [price for price, _ in ladder.walk()]
            assert expected[::-1] == [price for price, _ in ladder.walk(reverse=True)]
            assert expected == [ladder.rank(ladder.rank(price)) for price in expected]
            assert expected[1:3] == [price for price, _ in ladder.walk(1, 3)]

    @given(st.sets(TICKS), TICKS)
    def test_get_put_drop(self, prices: set[int], price: int) -> None:
        """A level is where it was put, and gone once dropped; dropping twice is no error."""
        for side in Side:
            ladder = ladder_of(side, prices)
            ladder.put(price, Aggregate(5, 2))
            assert (Aggregate(5, 2), len(prices | {price})) == (ladder.get(price), len(ladder))
            ladder.drop(price)
            ladder.drop(price)
            assert (None, len(prices - {price})) == (ladder.get(price), len(ladder))

    @given(st.sets(TICKS, min_size=1), st.integers(1, 12), st.none() | TICKS)
    def test_trim(self, prices: set[int], depth: int, bound: int | None) -> None:
        """The best stay, the others are handed back, and the known range loses what fell out of it and nothing else."""
        ladder = ladder_of(ASK, prices, bound)
        dropped = ladder.trim(depth)
        best = sorted(prices)[:depth]
        assert (best, len(prices) - len(best)) == ([price for price, _ in ladder.walk()], len(dropped))
        lost = sorted(prices)[depth:]
        expected = best[-1] if lost and (bound is None or lost[0] <= bound) else bound
        assert expected == ladder.bound

    def test_known_to(self) -> None:
        """Counted from the best level down to the bound."""
        ladder = ladder_of(BID, [100, 99, 98], bound=-99)
        assert [True, True, False, False, False] == [ladder.is_known_to(n) for n in (1, 2, 3, 4, None)]
        assert [True, True, False] == [ladder.is_known(price) for price in (200, 99, 98)]
        ladder.bound = None
        assert [True, True, True] == [ladder.is_known_to(n) for n in (1, 9, None)]
        ladder.bound = NOTHING
        assert [False, False, False] == [ladder.is_known_to(1), ladder.is_known_to(None), ladder.is_known(INT64_MAX)]

    @pytest.mark.parametrize("bound", [None, NOTHING, -5])
    def test_widen_and_copy(self, bound: int | None) -> None:
        """Widening multiplies every price and a real bound; a copy is not affected."""
        ladder = ladder_of(BID, [5, -7], bound)
        twin = ladder.copy()
        ladder.widen(100, 10)
        assert [(500, Aggregate(10, None)), (-700, Aggregate(10, None))] == list(ladder.walk())
        assert (bound * 100 if bound == -5 else bound) == ladder.bound
        assert ([(5, Aggregate(1, None)), (-7, Aggregate(1, None))], bound) == (list(twin.walk()), twin.bound)

    @pytest.mark.parametrize(
        ("prices", "bound", "fits"),
        [
            ([1], None, True),
            ([INT64_MAX // 10], None, True),
            ([INT64_MAX // 10 + 1], None, False),
            ([1, -(INT64_MAX // 10) - 1], None, False),
            ([1], INT64_MAX // 10 + 1, False),
            ([1], NOTHING, True),
            ([], INT64_MAX, False),
            ([], None, True),
        ],
    )
    def test_require_room(self, prices: list[int], bound: int | None, fits: bool) -> None:
        """Both ends and the bound are looked at."""
        ladder = ladder_of(ASK, prices, bound)
        ladder.require_room(3, 0, 3, 0)
        if fits:
            ladder.require_room(3, 0, 4, 0)
        else:
            with pytest.raises(ScaleError):
                ladder.require_room(3, 0, 4, 0)


class TestNumbers:
    @given(st.integers(0, 18), st.lists(st.integers(-(10**18), 10**18)))
    def test_coarsest(self, scale: int, ticks: list[int]) -> None:
        """Exact, and no coarser scale would be."""
        coarse, divisor = coarsest(scale, ticks)
        assert 10 ** (scale - coarse) == divisor
        assert all(tick % divisor == 0 for tick in ticks)
        assert coarse == 0 or any(tick // divisor % 10 for tick in ticks)

    @given(st.integers(-(10**18), 10**18), st.integers(0, 18))
    def test_exact(self, mantissa: int, scale: int) -> None:
        """The number itself, without padding."""
        number = exact(mantissa, scale)
        assert Decimal(f"{mantissa}E-{scale}") == number
        assert "E" not in str(number) or scale > 6

    @given(st.lists(st.integers(-(10**12), 10**12)), st.integers(0, 9), st.integers(0, 9))
    def test_scaled(self, column: list[int], scale: int, more: int) -> None:
        """Every number by the same power of ten, or an error."""
        factor = 10**more
        if any(abs(tick) * factor > INT64_MAX for tick in column):
            with pytest.raises(ScaleError):
                scaled(column, scale, scale + more)
        else:
            assert [tick * factor for tick in column] == list(scaled(column, scale, scale + more))

    @pytest.mark.parametrize(
        ("value", "expected"),
        [(0, True), (INT64_MAX, True), (INT64_MIN, False), (True, False), (1.0, False), (None, False)],
    )
    def test_is_tick(self, value: Any, expected: bool) -> None:
        """An int of int64 with a sign to turn; a bool is none."""
        assert expected == is_tick(value)


class TestArguments:
    @pytest.mark.parametrize("side", [1, "1", "b", "B", "bid", "Buy", "BIDS", Side.BID])
    def test_bids(self, side: Any) -> None:
        """Every spelling of a bid."""
        assert BID is as_side(side)

    @pytest.mark.parametrize("side", [-1, "-1", "a", "s", "ask", "SELL", "offer", Side.ASK])
    def test_asks(self, side: Any) -> None:
        """Every spelling of an ask."""
        assert ASK is as_side(side)

    def test_shown(self) -> None:
        """An error message is short, whatever it is about."""
        values: list[Any] = ["x", "y" * 1_000, 10**5_000]
        assert ["'x'", "'" + "y" * 39 + "...", "<int>"] == [shown(value) for value in values]

    def test_sizes(self) -> None:
        """A size is above 0, exactly."""
        assert [(25, 1), (1, 0)] == [as_size("2.50"), as_size(1.0)]

    def test_order_ids(self) -> None:
        """Subclasses become the plain type, so that equal ids have one form."""

        class Text(str):
            __slots__ = ()

        assert (str, "x") == (type(as_order_id(Text("x"))), as_order_id(Text("x")))

    def test_levels_are_not_parsed_twice(self) -> None:
        """Parsed columns go through as they are."""
        levels = Levels.parse([("1.5", 2)])
        assert levels is as_levels(levels, "bids")

    def test_empty_columns(self) -> None:
        """No rows are no error."""
        assert 0 == len(as_levels([], "bids")) == len(as_levels(Levels(), "asks"))


class TestQueue:
    def test_cells_are_their_own(self) -> None:
        """A copied queue has other orders; widening changes the orders that the index holds."""
        queue, order = Queue(5), Resting(1, BID, 100, 7, None)
        queue.append(order)
        twin = queue.copy()
        assert queue is queue.widened(10, 100)
        assert (1000, 700, 500, 1200) == (order.price, order.size, queue.anonymous, queue.size)
        assert (100, 7, 5, 12) == (twin.orders[1].price, twin.orders[1].size, twin.anonymous, twin.size)

    def test_repr(self) -> None:
        """Readable in the dump of a failed check."""
        queue = Queue(5)
        queue.append(Resting("a", ASK, 100, 7, 3))
        assert "Queue(size=12, anonymous=5, orders=[Resting('a', ASK, 100, 7, 3)])" == repr(queue)


def small_l2() -> L2Book:
    """Two bids and an ask."""
    book = L2Book("XYZ", max_depth=2)
    book.apply_snapshot([(100, 5), (99, 1)], [(101, 2)])
    return book


def small_l3() -> L3Book:
    """Two orders behind anonymous liquidity, and one alone."""
    book = L3Book("XYZ")
    book.seed(BID, 100, 7)
    book.add(1, BID, 100, 5)
    book.add(2, BID, 100, 1)
    book.add(3, ASK, 101, 2)
    return book


def best(book: L3Book) -> Any:
    """The best bid's queue."""
    return book._bids.at(0)[1]


BREAKS_BOTH: list[tuple[Callable[[Any], Any], str]] = [
    (lambda book: setattr(book, "_price_type", "text"), "unknown price_type"),
    (lambda book: setattr(book, "_price_scale", 19), "price_scale out of range"),
    (lambda book: setattr(book, "_size_scale", -1), "size_scale out of range"),
    (lambda book: setattr(book._bids, "side", ASK), "the ASK ladder stands on the BID side"),
    (lambda book: setattr(book._asks, "bound", 0.5), "ASK: bound is not an int64"),
    (lambda book: setattr(book._asks, "bound", 2**63), "ASK: bound is not an int64"),
    (lambda book: book._asks.cells.update({1.5: book._asks.at(0)[1]}), "ASK: rank 1.5 is not an int64"),
]

BREAKS_L2: list[tuple[Callable[[L2Book], Any], str]] = [
    (lambda book: book._bids.put(100, Aggregate(0, None)), "BID: size 0 is not one"),
    (lambda book: book._bids.put(100, Aggregate(-5, None)), "BID: size -5 is not one"),
    (lambda book: book._bids.put(100, Aggregate(0.5, None)), "BID: size 0.5 is not one"),  # type: ignore[arg-type]
    (lambda book: book._bids.put(100, Aggregate(5, -1)), "BID: count -1 is no order count"),
    (lambda book: book._bids.put(100, Aggregate(5, True)), "BID: count True is no order count"),
    (lambda book: book._bids.put(98, Aggregate(5, None)), "BID: too many levels"),
]

BREAKS_L3: list[tuple[Callable[[L3Book], Any], str]] = [
    (lambda book: setattr(best(book), "size", 14), "BID 100: size 14, but its parts make 13"),
    (lambda book: setattr(best(book), "anonymous", -1), "BID 100: anonymous size -1"),
    (lambda book: setattr(book._orders[1], "size", 6), "BID 100: size 13, but its parts make 14"),
    (lambda book: setattr(book._orders[1], "price", 99), "BID 100: Resting(1, BID, 99, 5, None) belongs elsewhere"),
    (lambda book: setattr(book._orders[1], "side", ASK), "BID 100: Resting(1, ASK, 100, 5, None) belongs elsewhere"),
    (
        lambda book: setattr(book._orders[1], "order_id", 9),
        "BID 100: order Resting(9, BID, 100, 5, None) is filed under 1",
    ),
    (lambda book: book._orders.pop(1), "the index and the queues hold different orders"),
    (lambda book: book._orders.update({9: book._orders[1]}), "the index and the queues hold different orders"),
    (lambda book: book._orders.update({1: Resting(1, BID, 100, 5, None)}), "the index holds other orders"),
    (lambda book: book._bids.put(99, best(book).copy()), "BID 99: Resting(1, BID, 100, 5, None) belongs elsewhere"),
]


class TestCheck:
    """``_check`` finds what is broken, says what, and shows the internals."""

    def test_sound_books(self) -> None:
        """What the methods make holds every invariant."""
        for book in (small_l2(), small_l3(), L2Book(), L3Book()):
            book._check()

    @pytest.mark.parametrize(("damage", "message"), BREAKS_BOTH, ids=[message for _, message in BREAKS_BOTH])
    @pytest.mark.parametrize("make", [small_l2, small_l3])
    def test_both(self, make: Callable[[], Any], damage: Callable[[Any], Any], message: str) -> None:
        """What holds in both books."""
        self.find(make(), damage, message)

    @pytest.mark.parametrize(("damage", "message"), BREAKS_L2, ids=[message for _, message in BREAKS_L2])
    def test_l2(self, damage: Callable[[L2Book], Any], message: str) -> None:
        """What holds in an L2 book."""
        self.find(small_l2(), damage, message)

    @pytest.mark.parametrize(("damage", "message"), BREAKS_L3, ids=[message for _, message in BREAKS_L3])
    def test_l3(self, damage: Callable[[L3Book], Any], message: str) -> None:
        """What holds in an L3 book."""
        self.find(small_l3(), damage, message)

    def test_an_order_on_two_levels(self) -> None:
        """One order stands in one queue."""
        book = small_l3()
        twin = Queue()
        twin.append(Resting(1, ASK, 102, 5, None))
        self.find(book, lambda broken: broken._asks.put(102, twin), "an order of 102 stands on two levels")

    def find(self, book: Any, damage: Callable[[Any], Any], message: str) -> None:
        """Break one thing and read the message: what is wrong, then the internals."""
        damage(book)
        with pytest.raises(AssertionError) as caught:
            book._check()
        lines = str(caught.value).splitlines()
        assert message == lines[0]
        assert any(line.startswith("_symbol = 'XYZ'") for line in lines)
        assert any(line.endswith("cells by rank:") for line in lines)
