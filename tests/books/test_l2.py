from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import numpy as np
import pytest

from orderbook.books import MAX_LEVELS, L2Book
from orderbook.errors import (
    DuplicateLevel,
    OrderBookError,
    ScaleError,
    TimestampError,
    TooManyLevels,
    UsageError,
)
from orderbook.events import (
    Clear,
    Delta,
    Disconnect,
    Event,
    Fault,
    Heartbeat,
    OrderAdd,
    Quote,
    Snapshot,
    Status,
    Trade,
)
from orderbook.levels import Levels
from orderbook.types import INT64_MAX, INT64_MIN, BookState, KnownRange, Level, Side, Vwap

BookType = type[L2Book]

# The reference book of the analytics: tick 0.01.
BIDS = [("100.00", 5), ("99.99", 10), ("99.97", 20)]
ASKS = [("100.02", 15), ("100.03", 5), ("100.06", 40)]


@pytest.fixture
def book(l2: BookType) -> L2Book:
    """A small two-sided book."""
    made = l2("XYZ")
    made.apply_snapshot(BIDS, ASKS, sequence=10, ts_event=1_000, ts_recv=2_000)
    return made


def sizes(levels: Any) -> list[tuple[float, float]]:
    """Levels as plain pairs."""
    return [(level.price, level.size) for level in levels]


class TestEmpty:
    def test_undefined_is_none(self, l2: BookType) -> None:
        """Nothing is guessed of an empty book."""
        empty = l2()
        names = (
            "best_bid",
            "best_ask",
            "mid_price",
            "spread",
            "spread_bps",
            "microprice",
            "sequence",
            "ts_event",
            "ts_recv",
        )
        assert dict.fromkeys(names) == {name: getattr(empty, name) for name in names}

    def test_flags_and_sizes(self, l2: BookType) -> None:
        """An empty book is neither crossed nor locked, and has no imbalance."""
        empty = l2()
        assert (False, False, None, 0, 0) == (
            empty.is_crossed,
            empty.is_locked,
            empty.imbalance(),
            len(empty.bids),
            len(empty.asks),
        )

    def test_is_known_to_be_empty(self, l2: BookType) -> None:
        """A new book is empty, not unknown."""
        empty = l2()
        assert (KnownRange(None, None), True) == (empty.known_range, empty.depth(10).known)

    def test_defaults(self, l2: BookType) -> None:
        """A book needs no argument."""
        empty = l2()
        assert ("", None, "float", 0, 0) == (
            empty.symbol,
            empty.max_depth,
            empty.price_type,
            empty.price_scale,
            empty.size_scale,
        )

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            ({"symbol": 5}, "symbol is text, not `int`"),
            ({"symbol": "\ud800"}, "symbol cannot be written as UTF-8: '\\ud800'"),
            ({"max_depth": 0}, "max_depth 0 is not between 1 and 1000000"),
            ({"max_depth": True}, "max_depth is an int, not `bool`"),
            ({"max_depth": 2.0}, "max_depth is an int, not `float`"),
            ({"max_depth": MAX_LEVELS + 1}, "max_depth 1000001 is not between 1 and 1000000"),
            ({"price_type": "int"}, "price_type is one of 'float', 'decimal', 'fixed', not 'int'"),
            ({"price_type": ["float"]}, "price_type is one of 'float', 'decimal', 'fixed', not ['float']"),
        ],
    )
    def test_bad_arguments(self, l2: BookType, arguments: dict[str, Any], message: str) -> None:
        """A wrong argument is named."""
        with pytest.raises(UsageError) as caught:
            l2(**arguments)
        assert message == str(caught.value)

    def test_numpy_int_is_an_int(self, l2: BookType) -> None:
        """Depths come out of arrays too."""
        assert 3 == l2(max_depth=np.int64(3)).max_depth  # type: ignore[arg-type]

    def test_scales_are_read_only(self, book: L2Book) -> None:
        """What the stored ints mean cannot be changed from outside."""
        for name in ("price_scale", "size_scale", "price_type", "max_depth", "symbol"):
            with pytest.raises(AttributeError):
                setattr(book, name, 1)

    def test_a_misspelled_attribute_is_an_error(self, book: L2Book) -> None:
        """A typing error in a name does not make a new attribute."""
        with pytest.raises(AttributeError):
            book.seqence = 5  # type: ignore[attr-defined]


class TestSnapshot:
    def test_best_first_whatever_the_order(self, l2: BookType) -> None:
        """Rows come in any order and leave best first."""
        book = l2()
        book.apply_snapshot(BIDS[::-1], [ASKS[1], ASKS[2], ASKS[0]])
        book._check()
        assert [(100.0, 5.0), (99.99, 10.0), (99.97, 20.0)] == sizes(book.bids)
        assert [(100.02, 15.0), (100.03, 5.0), (100.06, 40.0)] == sizes(book.asks)

    def test_replaces_everything(self, book: L2Book) -> None:
        """Nothing of the old book is left."""
        book.apply_snapshot([("50", 1)], [])
        assert ([(50.0, 1.0)], []) == (sizes(book.bids), sizes(book.asks))

    def test_zero_sizes_are_no_levels(self, l2: BookType) -> None:
        """Some vendors write zero-size levels into snapshots."""
        book = l2()
        book.apply_snapshot([("100", "0.000"), ("99", 1)], [("101", 0)])
        assert ([(99.0, 1.0)], []) == (sizes(book.bids), sizes(book.asks))

    @pytest.mark.parametrize("size", [1, 0])
    def test_duplicate_price(self, book: L2Book, size: int) -> None:
        """A price that stands twice cannot be resolved, not even when one of the sizes is 0."""
        before = book.to_bytes()
        with pytest.raises(DuplicateLevel) as caught:
            book.apply_snapshot([], [("101.50", size), ("102", 1), ("101.5", 2)])
        assert "XYZ: price 101.5 stands twice among the asks" == str(caught.value)
        assert ("asks", Decimal("101.5")) == (caught.value.side, caught.value.price)
        assert before == book.to_bytes()

    def test_same_price_on_both_sides_is_locked(self, l2: BookType) -> None:
        """One price on both sides is legal."""
        book = l2()
        book.apply_snapshot([(100, 1)], [("100.0", 2)])
        assert (True, False, BookState.LOCKED) == (book.is_locked, book.is_crossed, book.state)

    def test_counts_come_with_level_rows(self, l2: BookType) -> None:
        """Order counts are kept where the feed has them."""
        book = l2()
        book.apply_snapshot([Level("100", "2", 7), Level("99", "1", None)], [])
        assert [Level(100.0, 2.0, 7), Level(99.0, 1.0, None)] == list(book.bids)

    def test_extreme_counts(self, l2: BookType) -> None:
        """None at all, and as many as a ``u4`` holds."""
        book = l2()
        book.apply_snapshot([Level(100, 2, 0), Level("99", "1", 2**32 - 1)], [])
        book._check()
        twin = l2.from_bytes(book.to_bytes())
        assert [0, 2**32 - 1] == [level.count for level in twin.bids] == twin.depth(2).to_numpy()["bid_ct"].tolist()

    def test_a_book_takes_its_own_levels(self, book: L2Book, l2: BookType) -> None:
        """What a book gives, a book takes: float round trips are exact."""
        twin = l2("XYZ")
        twin.apply_snapshot(book.bids, book.asks)
        assert book == twin

    @pytest.mark.parametrize(
        "rows", [{(100, 1): None}.keys(), np.array([[100.0, 1.0]]), ((100, 1),), [[100, 1]], [np.array([100, 1])]]
    )
    @pytest.mark.parametrize("kind", [iter, lambda rows: rows])
    def test_any_iterable_of_rows(self, l2: BookType, rows: Any, kind: Any) -> None:
        """Tuples, lists, arrays, views and iterators are rows."""
        book = l2()
        book.apply_snapshot(kind(rows), [])
        assert [(100.0, 1.0)] == sizes(book.bids)


class TestDelta:
    def test_sets_changes_and_deletes(self, book: L2Book) -> None:
        """Sizes are absolute, 0 deletes."""
        book.apply_delta([("100.00", 0), ("99.99", "1.5"), ("99.98", 2)], [("100.01", 3)])
        book._check()
        assert [(99.99, 1.5), (99.98, 2.0), (99.97, 20.0)] == sizes(book.bids)
        assert (100.01, 3.0, None) == book.best_ask

    def test_deleting_the_unknown_is_legal(self, book: L2Book) -> None:
        """Venues delete levels that a limited snapshot never showed."""
        book.apply_delta([("12.5", 0)], [("12.5", 0)])
        assert (3, 3) == (len(book.bids), len(book.asks))

    def test_later_rows_win(self, l2: BookType) -> None:
        """Array order is the venue's order, also across spellings of one price."""
        book = l2()
        book.apply_delta([("100", 1), ("100.0", 0), ("100.00", 3)], [("101", 3), ("101", 0)])
        assert ([(100.0, 3.0)], []) == (sizes(book.bids), sizes(book.asks))

    def test_an_empty_delta_advances_the_header(self, book: L2Book) -> None:
        """A message without levels still has a number."""
        before = book.state_hash()
        book.apply_delta([], [], sequence=11)
        assert (11, 1_000, before) == (book.sequence, book.ts_event, book.state_hash())

    def test_counts_change_with_the_level(self, l2: BookType) -> None:
        """A delta without counts makes a count unknown; an old one would be a guess."""
        book = l2()
        book.apply_snapshot([Level(100, 2, 7)], [])
        book.apply_delta([(100, 3)], [])
        assert [Level(100.0, 3.0, None)] == list(book.bids)

    def test_parsed_levels_are_taken_as_they_are(self, l2: BookType) -> None:
        """Int columns at a scale need no text."""
        book = l2()
        book.apply_delta(Levels([10_050], [25], [2], price_scale=2, size_scale=1), Levels())
        assert [Level(100.5, 2.5, 2)] == list(book.bids)

    def test_negative_and_zero_prices(self, l2: BookType) -> None:
        """Spreads and one April day have them."""
        book = l2()
        book.apply_delta([("-37.63", 1), ("0", 2), ("-40", 3)], [])
        book._check()
        assert [(0.0, 2.0), (-37.63, 1.0), (-40.0, 3.0)] == sizes(book.bids)


BAD_ROWS: list[tuple[str, Any, type[OrderBookError], str]] = [
    ("nan price", [("nan", 1)], ScaleError, "not a finite decimal number: 'nan' - at `bids[0][0]`"),
    ("nan float", [(float("nan"), 1)], ScaleError, "not a finite decimal number: nan - at `bids[0][0]`"),
    ("infinite size", [(1, float("inf"))], ScaleError, "not a finite decimal number: inf - at `bids[0][1]`"),
    ("bool price", [(True, 1)], ScaleError, "expected a number, got `bool`: True - at `bids[0][0]`"),
    ("bool size", [(1, 1), (2, False)], ScaleError, "expected a number, got `bool`: False - at `bids[1][1]`"),
    ("none", [(None, 1)], ScaleError, "expected a number, got `NoneType`: None - at `bids[0][0]`"),
    ("negative size", [(1, 1), (2, "-1")], ScaleError, "negative size: '-1' - at `bids[1][1]`"),
    ("huge price", [("1e19", 1)], ScaleError, "does not fit in int64: '1e19' - at `bids[0][0]`"),
    ("huge exponent", [("1e999999", 1)], ScaleError, "does not fit in int64: '1e999999' - at `bids[0][0]`"),
    ("too fine", [("1e-19", 1)], ScaleError, "finer than 18 decimal digits: '1e-19' - at `bids[0][0]`"),
    ("short row", [(1,)], ScaleError, "expected a level with 1: (1,) - at `bids[0]`"),
    ("no row", [5], ScaleError, "expected a level with 0: 5 - at `bids[0]`"),
    ("no list", None, ScaleError, "expected a list of levels, got `NoneType`: None - at `bids`"),
    ("text", "100", ScaleError, "expected a list of levels, got `str`: '100' - at `bids`"),
    ("negative count", [Level(1, 1, -1)], ScaleError, "negative order count: -1 - at `bids[0][2]`"),
    ("huge count", [Level(1, 1, 1), Level(2, 1, 2**32)], ScaleError, "not an order count: 4294967296 - at `bids`"),
    ("raw numpy ints", Levels([np.int64(1)], [1]), ScaleError, "expected ints: (np.int64(1),) - at `bids`"),  # type: ignore[list-item]
    ("raw floats", Levels([1], [0.5]), ScaleError, "expected ints: (0.5,) - at `bids`"),  # type: ignore[list-item]
    ("raw bool", Levels([1], [True]), ScaleError, "expected ints: (True,) - at `bids`"),
    ("raw count", Levels([1], [1], [1.5]), ScaleError, "expected ints: [1.5] - at `bids`"),  # type: ignore[list-item]
    ("raw overflow", Levels([1, 2**63], [1, 1]), ScaleError, f"not an int64 or negative: {2**63} - at `bids`"),
    ("raw lowest", Levels([-(2**63)], [1]), ScaleError, f"not an int64 or negative: {-(2**63)} - at `bids`"),
    ("raw negative", Levels([1, 2], [5, -5]), ScaleError, "not an int64 or negative: -5 - at `bids`"),
    ("ragged columns", Levels([1, 2], [5]), UsageError, "the columns of bids differ in length"),
    ("ragged counts", Levels([1, 2], [5, 5], [1]), UsageError, "the columns of bids differ in length"),
]


class TestAtomicity:
    """An error leaves the book exactly as it was, header and scales included."""

    @pytest.mark.parametrize("method", ["apply_snapshot", "apply_delta"])
    @pytest.mark.parametrize(("rows", "error", "message"), [pytest.param(*case[1:], id=case[0]) for case in BAD_ROWS])
    def test_bad_rows(self, book: L2Book, method: str, rows: Any, error: type[OrderBookError], message: str) -> None:
        """A bad number is found, and named, before anything is touched."""
        before, version = book.to_bytes(), book._version
        with pytest.raises(error) as caught:
            getattr(book, method)(rows, [("100.01", "0.001")], sequence=11)
        book._check()
        assert message == str(caught.value)
        assert (before, version) == (book.to_bytes(), book._version)

    @pytest.mark.parametrize("method", ["apply_snapshot", "apply_delta"])
    def test_bad_asks_after_good_bids(self, book: L2Book, method: str) -> None:
        """The good side is not applied either."""
        before = book.to_bytes()
        with pytest.raises(ScaleError, match=r"at `asks\[0\]\[1\]`"):
            getattr(book, method)([("100.01", 1)], [("101", "x")])
        assert before == book.to_bytes()

    @pytest.mark.parametrize("method", ["apply_snapshot", "apply_delta", "clear"])
    @pytest.mark.parametrize(
        ("header", "error"),
        [
            ({"sequence": "7"}, UsageError),
            ({"sequence": 1.5}, UsageError),
            ({"sequence": True}, UsageError),
            ({"sequence": 2**64}, UsageError),
            pytest.param({"sequence": 10**5000}, UsageError, id="huge"),
            ({"sequence": 1, "ts_event": dt.datetime(2024, 1, 1)}, TimestampError),  # noqa: DTZ001
            ({"ts_event": 1.5}, TimestampError),
            ({"ts_event": True}, TimestampError),
            ({"ts_recv": 2**63}, TimestampError),
            ({"ts_recv": np.datetime64("NaT", "ns")}, TimestampError),
        ],
    )
    def test_bad_header(self, book: L2Book, method: str, header: dict[str, Any], error: type[OrderBookError]) -> None:
        """A bad number or time stops the change as well."""
        before = book.to_bytes()
        with pytest.raises(error):
            getattr(book, method)(*([[], []] if method != "clear" else []), **header)
        assert before == book.to_bytes()

    def test_stored_prices_that_do_not_fit_at_the_finer_scale(self, l2: BookType) -> None:
        """Widening is refused when a stored price would overflow, and nothing has moved."""
        book = l2("BIG")
        book.apply_snapshot([(INT64_MAX, 1)], [])
        before = book.to_bytes()
        with pytest.raises(ScaleError) as caught:
            book.apply_delta([], [("0.5", 1)])
        book._check()
        assert f"does not fit in int64 with 1 decimal digits: Decimal('{INT64_MAX}')" == str(caught.value)
        assert (before, 0) == (book.to_bytes(), book.price_scale)

    def test_stored_sizes_that_do_not_fit_at_the_finer_scale(self, l2: BookType) -> None:
        """The same for sizes, wherever in the side the largest stands."""
        book = l2()
        book.apply_snapshot([], [(100, 1), (101, INT64_MAX), (102, 1)])
        before = book.to_bytes()
        with pytest.raises(ScaleError):
            book.apply_delta([(99, "0.1")], [])
        assert before == book.to_bytes()

    def test_a_bound_that_does_not_fit_at_the_finer_scale(self, l2: BookType) -> None:
        """The known range is a price too, even when no level stands there any more."""
        book = l2()
        book.apply_snapshot([], [(1, 1), (INT64_MAX, 1)], complete=False)
        book.apply_delta([], [(INT64_MAX, 0)])
        before = book.to_bytes()
        with pytest.raises(ScaleError):
            book.apply_delta([], [("0.5", 1)])
        assert before == book.to_bytes()

    def test_incoming_that_does_not_fit_at_the_book_scale(self, l2: BookType) -> None:
        """A large number cannot enter a book that keeps many digits."""
        book = l2()
        book.apply_snapshot([("0.00000001", 1)], [])
        before = book.to_bytes()
        for method in (book.apply_delta, book.apply_snapshot):
            with pytest.raises(ScaleError, match="does not fit in int64 with 8 decimal digits"):
                method([(10**12, 1)], [])
        assert before == book.to_bytes()

    def test_clear_starts_the_scales_anew(self, l2: BookType) -> None:
        """One absurdly fine price must not poison the book for ever."""
        book = l2()
        book.apply_snapshot([("0.000000000000000001", 1)], [])
        book.clear()
        book.apply_snapshot([(10**18, 1)], [])
        assert [(1e18, 1.0)] == sizes(book.bids)

    def test_apply_many_keeps_what_came_before_the_bad_event(self, l2: BookType) -> None:
        """Each event is atomic; those before the bad one stay applied."""
        book = l2()
        events: list[Event] = [
            Snapshot(bids=[(100, 1)]),
            Delta(bids=[(99, 1)]),
            OrderAdd(order_id=1, side=Side.BID, price=1, size=1),
        ]
        with pytest.raises(UsageError):
            book.apply_many(events)
        assert [(100.0, 1.0), (99.0, 1.0)] == sizes(book.bids)


class TestScale:
    def test_widens_exactly(self, l2: BookType) -> None:
        """A finer number widens the scale; everything that was there keeps its value."""
        book = l2()
        book.apply_snapshot([("100", 2)], [("101", 3)], complete=False)
        book.apply_delta([("100.12345678", "0.001")], [])
        book._check()
        assert (8, 3) == (book.price_scale, book.size_scale)
        assert [(100.12345678, 0.001), (100.0, 2.0)] == sizes(book.bids)
        assert KnownRange(100.0, 101.0) == book.known_range

    def test_delete_finds_the_level_after_widening(self, l2: BookType) -> None:
        """One price is one key at every scale."""
        book = l2()
        book.apply_snapshot([("100", 2), ("99.5", 1)], [])
        book.apply_delta([("98.125", 1), ("100.000", 0)], [])
        assert [(99.5, 1.0), (98.125, 1.0)] == sizes(book.bids)

    def test_trailing_zeros_do_not_widen(self, l2: BookType) -> None:
        """Binance writes every price with eight digits."""
        book = l2()
        book.apply_snapshot([("2683.80000000", "3.02920000")], [])
        assert (1, 4) == (book.price_scale, book.size_scale)

    def test_no_float_keys(self, l2: BookType) -> None:
        """0.1 + 0.2 is another price than 0.3, and both are kept apart."""
        book = l2()
        book.apply_delta([(0.1 + 0.2, 1), (0.3, 2)], [])
        assert [(0.30000000000000004, 1.0), (0.3, 2.0)] == sizes(book.bids)

    def test_largest_numbers(self, l2: BookType) -> None:
        """The whole range of int64 but its lowest value is usable."""
        book = l2(price_type="fixed")
        book.apply_snapshot([(INT64_MAX, INT64_MAX)], [(-INT64_MAX, INT64_MAX)])
        book._check()
        assert (INT64_MAX, INT64_MAX, None) == book.best_bid
        assert (-2 * INT64_MAX, True) == (book.spread, book.is_crossed)

    @pytest.mark.parametrize("value", [np.float64(100.5), Decimal("100.5"), "100.50", 100.5])
    def test_spellings_of_a_number(self, l2: BookType, value: Any) -> None:
        """Text, Decimal, float and numpy scalars of one number are one price."""
        book = l2()
        book.apply_delta([("100.5", 1)], [])
        book.apply_delta([(value, 2)], [])
        assert [(100.5, 2.0)] == sizes(book.bids)

    @pytest.mark.parametrize("value", [np.int64(7), np.uint8(7), np.float32(7), 7, "7", Decimal(7)])
    def test_spellings_of_a_size(self, l2: BookType, value: Any) -> None:
        """Sizes take the same types."""
        book = l2()
        book.apply_delta([], [(100, value)])
        assert (100.0, 7.0, None) == book.best_ask


class TestMeasures:
    def test_prices(self, book: L2Book) -> None:
        """The worked example of the literature, to the last digit of a float."""
        assert (100.01, 0.02, 100.005) == (book.mid_price, book.spread, book.microprice)

    def test_spread_bps(self, book: L2Book) -> None:
        """In basis points of the mid, rounded once."""
        assert 10_000 * 0.02 / 100.01 == pytest.approx(book.spread_bps, rel=1e-12)

    @pytest.mark.parametrize(("levels", "expected"), [(1, -10 / 20), (2, -5 / 35), (3, -25 / 95), (50, -25 / 95)])
    def test_imbalance(self, book: L2Book, levels: int, expected: float) -> None:
        """(B - A) / (B + A) over the best levels; fewer than asked are all there are."""
        assert expected == book.imbalance(levels)

    def test_imbalance_of_one_side_is_undefined(self, l2: BookType) -> None:
        """A missing side is not a balance of 1."""
        book = l2()
        book.apply_snapshot([(100, 1)], [])
        assert book.imbalance() is None

    @pytest.mark.parametrize("levels", [0, -1, True, 1.0, None, "1"])
    def test_imbalance_arguments(self, book: L2Book, levels: Any) -> None:
        """At least one level, as an int."""
        with pytest.raises(UsageError, match="levels"):
            book.imbalance(levels)

    def test_one_sided_book(self, l2: BookType) -> None:
        """The mid of one side is not that side."""
        book = l2()
        book.apply_snapshot([], [(100, 1)])
        assert (None,) * 4 == (book.mid_price, book.spread, book.spread_bps, book.microprice)
        assert ((100.0, 1.0, None), None, BookState.NO_BID) == (book.best_ask, book.best_bid, book.state)

    @pytest.mark.parametrize(
        ("bids", "asks", "state"),
        [
            ([], [], BookState.EMPTY),
            ([(1, 1)], [], BookState.NO_ASK),
            ([], [(1, 1)], BookState.NO_BID),
            ([(1, 1)], [(2, 1)], BookState.NORMAL),
            ([(2, 1)], [(2, 1)], BookState.LOCKED),
            ([(3, 1)], [(2, 1)], BookState.CROSSED),
        ],
    )
    def test_state(self, l2: BookType, bids: Any, asks: Any, state: BookState) -> None:
        """Six things that a book can look like."""
        book = l2()
        book.apply_snapshot(bids, asks)
        crossed, locked = state is BookState.CROSSED, state is BookState.LOCKED
        assert (state, crossed, locked) == (book.state, book.is_crossed, book.is_locked)

    def test_crossed_measures_keep_their_sign(self, l2: BookType) -> None:
        """A crossed book has a negative spread: never abs, never clipped."""
        book = l2()
        book.apply_snapshot([("101", 1)], [("100", 3)])
        assert (-1.0, 100.5, 100.75) == (book.spread, book.mid_price, book.microprice)
        assert -10_000 / 100.5 == pytest.approx(book.spread_bps)

    def test_bps_need_a_positive_mid(self, l2: BookType) -> None:
        """Absolute measures work below zero, relative ones do not."""
        book = l2()
        book.apply_snapshot([("-2", 1)], [("-1", 1)])
        assert (1.0, -1.5, None) == (book.spread, book.mid_price, book.spread_bps)
        book.apply_snapshot([("-1", 1)], [("1", 1)])
        assert (0.0, None) == (book.mid_price, book.spread_bps)

    def test_mid_is_rounded_once(self, l2: BookType) -> None:
        """0.1 and 0.2 have the middle 0.15, which adding floats would miss."""
        book = l2()
        book.apply_snapshot([("0.1", 1)], [("0.2", 1)])
        assert (0.15, 0.1) == (book.mid_price, book.spread)


class TestVwap:
    def test_takes_from_the_named_side(self, book: L2Book) -> None:
        """Buying takes asks, selling takes bids."""
        assert Vwap((15 * 100.02 + 5 * 100.03) / 20, 20.0, True, True, 100.03) == book.vwap(Side.ASK, 20)
        assert Vwap(100.0, 5.0, True, True, 100.0) == book.vwap("bid", 5)

    def test_part_of_a_level(self, book: L2Book) -> None:
        """A size finer than the book's own scale is taken exactly and widens nothing."""
        assert Vwap(100.02, 0.001, True, True, 100.02) == book.vwap("ask", "0.001")
        assert 0 == book.size_scale

    def test_more_than_there_is(self, book: L2Book) -> None:
        """What cannot be filled is said, never extrapolated."""
        cost = 5 * 100 + 10 * 99.99 + 20 * 99.97
        assert Vwap(pytest.approx(cost / 35), 35.0, False, True, 99.97) == book.vwap("bid", 100)

    def test_empty_side(self, l2: BookType) -> None:
        """Nothing filled has no average price, and no price of 0."""
        assert Vwap(None, 0.0, False, True, None) == l2().vwap("ask", 1)

    def test_known_only_inside_the_range(self, l2: BookType) -> None:
        """Touching a level beyond the range, or running out of them, is touching unknown territory."""
        book = l2()
        book.apply_snapshot([], [(100, 1), (101, 1)], complete=False)
        book.apply_delta([], [(103, 1)])
        known = {size: book.vwap("ask", size).known for size in (1, 2, 3, 4)}
        assert {1: True, 2: True, 3: False, 4: False} == known
        assert [True, True, True, False] == [book.vwap("ask", size).complete for size in (1, 2, 3, 4)]

    @pytest.mark.parametrize("size", [0, -1, "0.0", Decimal("-0.5")])
    def test_size_must_be_positive(self, book: L2Book, size: Any) -> None:
        """Nothing, or less, cannot be taken."""
        with pytest.raises(UsageError) as caught:
            book.vwap("ask", size)
        assert f"XYZ: size must be above 0, not {size!r}" == str(caught.value)

    @pytest.mark.parametrize(("side", "size"), [("ask", "x"), ("ask", None), ("ask", True), ("ask", float("nan"))])
    def test_size_must_be_a_number(self, book: L2Book, side: str, size: Any) -> None:
        """What is no number is named."""
        with pytest.raises(ScaleError):
            book.vwap(side, size)

    @pytest.mark.parametrize("side", ["", "up", 0, None, True, [], pytest.param(10**5000, id="huge")])
    def test_side_must_be_a_side(self, book: L2Book, side: Any) -> None:
        """Any spelling of a side, and nothing else."""
        with pytest.raises(UsageError, match="expected a side, got"):
            book.vwap(side, 1)

    def test_exact_in_decimal(self, l2: BookType) -> None:
        """A Decimal answer is exact where a quotient can be."""
        book = l2(price_type="decimal")
        book.apply_snapshot([], [("0.1", 1), ("0.2", 1)])
        expected = Vwap(Decimal("0.15"), Decimal(2), True, True, Decimal("0.2"))
        assert expected == book.vwap("ask", 2)


class TestPriceType:
    def test_decimal(self, l2: BookType) -> None:
        """Every price and size leaves as an exact Decimal."""
        book = l2(price_type="decimal")
        book.apply_snapshot([("100.00", "5")], [("100.02", "15.5")], complete=False)
        assert (Decimal("100.00"), Decimal(5), None) == book.best_bid
        assert (Decimal("100.01"), Decimal("0.02")) == (book.mid_price, book.spread)
        assert KnownRange(Decimal(100), Decimal("100.02")) == book.known_range
        assert isinstance(book.microprice, Decimal)

    def test_decimal_is_not_rounded_to_the_callers_context(self, l2: BookType) -> None:
        """19 digits stay 19 digits."""
        book = l2(price_type="decimal")
        book.apply_snapshot([("92233720368.54775807", 1)], [("92233720368.54775805", 1)])
        assert (Decimal("92233720368.54775806"), Decimal("-0.00000002")) == (book.mid_price, book.spread)

    def test_fixed(self, l2: BookType) -> None:
        """Prices are ints at the book's scale; what falls between ticks is a float of ticks."""
        book = l2(price_type="fixed")
        book.apply_snapshot([("100.00", "5")], [("100.03", "15.5")], complete=False)
        assert (10_000, 50, None) == book.best_bid
        assert (10_001.5, 3) == (book.mid_price, book.spread)
        assert KnownRange(10_000, 10_003) == book.known_range

    @pytest.mark.parametrize("price_type", ["float", "decimal", "fixed"])
    def test_what_it_gives_it_takes(self, l2: BookType, price_type: Any) -> None:
        """Asking for a price that a book gave finds its level, whatever the type."""
        book = l2(price_type=price_type)
        book.apply_snapshot([("100.5", "2.25"), ("99", 1)], [("101.125", 3)])
        assert list(book.bids) == [book.bids.get(level.price) for level in book.bids]
        assert book.bids[0].size == book.vwap("bid", book.bids[0].size).filled

    @pytest.mark.parametrize("price", ["10000", 100.0, Decimal(100), True, None])
    def test_a_fixed_book_is_asked_in_ints(self, l2: BookType, price: Any) -> None:
        """Text or a float would be ambiguous there."""
        book = l2(price_type="fixed")
        book.apply_snapshot([("100.00", 5)], [])
        with pytest.raises(ScaleError, match="a book of price_type 'fixed' is asked in ints at its scale"):
            book.bids.get(price)

    def test_a_fixed_book_takes_numpy_ints(self, l2: BookType) -> None:
        """Ints of an array are ints."""
        book = l2(price_type="fixed")
        book.apply_snapshot([("100.25", 5)], [])
        assert (10_025, 5, None) == book.bids.get(np.int64(10_025))

    def test_depth_overrides(self, book: L2Book) -> None:
        """One view may speak another type."""
        view = book.depth(1, price_type="fixed")
        assert ((Level(10_000, 5, None),), "fixed", 2) == (view.bids, view.price_type, view.price_scale)
        assert (100.0, 5.0, None) == book.best_bid

    def test_measures_of_one_book_agree(self, l2: BookType) -> None:
        """The three types say the same."""
        mids = {}
        for price_type in ("float", "decimal", "fixed"):
            book = l2(price_type=price_type)  # type: ignore[arg-type]
            book.apply_snapshot([("100.01", 3)], [("100.02", 4)])
            mids[price_type] = (book.mid_price, book.spread, book.spread_bps, book.imbalance())
        assert (100.015, 0.01) == mids["float"][:2]
        assert (Decimal("100.015"), Decimal("0.01")) == mids["decimal"][:2]
        assert (10_001.5, 1) == mids["fixed"][:2]
        assert mids["float"][2:] == mids["decimal"][2:] == mids["fixed"][2:]


class TestKnownRange:
    def test_limited_snapshot(self, l2: BookType) -> None:
        """Each side is known to its worst level, whatever the order of the rows."""
        book = l2()
        book.apply_snapshot([(98, 1), (100, 1), (99, 1)], [(102, 1), (101, 1)], complete=False)
        assert KnownRange(98.0, 102.0) == book.known_range

    def test_zero_size_rows_do_not_extend_it(self, l2: BookType) -> None:
        """A row that is no level proves nothing."""
        book = l2()
        book.apply_snapshot([(100, 1), (90, 0)], [], complete=False)
        assert 100.0 == book.known_range.bid_floor

    @pytest.mark.parametrize("price_type", ["float", "decimal", "fixed"])
    def test_a_side_without_levels_is_unknown(self, l2: BookType, price_type: Any) -> None:
        """A limited snapshot with an empty side says nothing of it: the bound is beyond every price."""
        book = l2(price_type=price_type)
        book.apply_snapshot([], [], complete=False)
        assert KnownRange(math.inf, -math.inf) == book.known_range
        book.apply_delta([("100.5", 1)], [])
        book._check()
        assert (False, False) == (book.depth(1).bids_known, book.vwap("bid", 1).known)
        assert KnownRange(math.inf, -math.inf) == type(book).from_bytes(book.to_bytes()).known_range

    def test_unknown_is_not_empty(self, l2: BookType) -> None:
        """Equality, hash and repr tell the two apart."""
        empty, unknown = l2(), l2()
        unknown.forget()
        assert ("<L2Book empty>", "<L2Book unknown>") == (repr(empty), repr(unknown))
        assert (False, True) == (empty == unknown, empty.state_hash() != unknown.state_hash())

    def test_forget(self, book: L2Book) -> None:
        """After a gap nothing is known, and the header says what was the last that was."""
        book.forget()
        book._check()
        assert (10, 1_000, 2_000, 0, 0) == (
            book.sequence,
            book.ts_event,
            book.ts_recv,
            len(book.bids),
            book.price_scale,
        )
        assert (False, False, Vwap(None, 0.0, False, False, None)) == (
            book.depth(1).bids_known,
            book.depth(None).asks_known,
            book.vwap("ask", 1),
        )

    def test_forget_and_clear(self, book: L2Book) -> None:
        """A forgotten book becomes known by a Clear or a snapshot, not by deltas."""
        book.forget()
        book.apply_delta(BIDS, ASKS)
        assert not book.depth(1).known
        book.clear()
        assert book.depth(1).known
        book.forget()
        book.apply_snapshot(BIDS, ASKS)
        assert book.depth(10).known

    def test_complete_snapshot_and_clear_lift_it(self, l2: BookType) -> None:
        """A whole book is known without limit, and so is an empty one."""
        book = l2()
        for lift in (lambda: book.apply_snapshot([(100, 1)], [(101, 1)]), book.clear):
            book.apply_snapshot([(100, 1)], [(101, 1)], complete=False)
            lift()
            assert KnownRange(None, None) == book.known_range

    def test_depth_says_when_it_reaches_beyond(self, l2: BookType) -> None:
        """Deltas beyond the range are shown, but what lies between stays unknown."""
        book = l2()
        book.apply_snapshot([(100, 1), (99, 1)], [], complete=False)
        book.apply_delta([(97, 1)], [])
        assert [100.0, 99.0, 97.0] == [level.price for level in book.depth(3).bids]
        assert [True, True, False, False] == [book.depth(n).bids_known for n in (1, 2, 3, 4)]
        assert not book.depth(None).bids_known

    def test_consumed_range(self, l2: BookType) -> None:
        """Once every known level is gone, even the best level is a guess."""
        book = l2()
        book.apply_snapshot([], [(100, 1)], complete=False)
        book.apply_delta([], [(100, 0), (105, 2)])
        assert (False, 100.0, (105.0, 2.0, None)) == (
            book.depth(1).asks_known,
            book.known_range.ask_ceiling,
            book.best_ask,
        )

    def test_range_in_fixed(self, l2: BookType) -> None:
        """The bound follows the scale when it widens."""
        book = l2(price_type="fixed")
        book.apply_snapshot([(100, 1)], [(101, 1)], complete=False)
        book.apply_delta([("99.5", 1)], [])
        assert KnownRange(1_000, 1_010) == book.known_range


class TestMaxDepth:
    def test_keeps_the_best(self, l2: BookType) -> None:
        """The worst levels fall out on both sides."""
        book = l2(max_depth=2)
        book.apply_snapshot(BIDS, ASKS)
        book._check()
        assert ([100.0, 99.99], [100.02, 100.03]) == ([b.price for b in book.bids], [a.price for a in book.asks])

    def test_what_falls_out_is_unknown(self, l2: BookType) -> None:
        """The known range ends at the worst level kept, as after a limited snapshot."""
        book = l2(max_depth=2)
        book.apply_snapshot(BIDS, ASKS)
        assert KnownRange(99.99, 100.03) == book.known_range
        assert (True, False) == (book.depth(2).known, book.depth(3).known)

    def test_nothing_falls_out_nothing_is_unknown(self, l2: BookType) -> None:
        """A bound of three is no loss for three levels."""
        book = l2(max_depth=3)
        book.apply_snapshot(BIDS, ASKS)
        assert (KnownRange(None, None), True) == (book.known_range, book.depth(10).known)

    def test_a_better_level_pushes_the_worst_out(self, l2: BookType) -> None:
        """After each change the best ones are kept, and the range shrinks with them."""
        book = l2(max_depth=2)
        book.apply_snapshot([(100, 1), (99, 1)], [])
        book.apply_delta([(101, 1)], [])
        book._check()
        assert ([(101.0, 1.0), (100.0, 1.0)], KnownRange(100.0, None)) == (sizes(book.bids), book.known_range)

    def test_hole_after_a_delete(self, l2: BookType) -> None:
        """A delete leaves fewer levels; what stood behind is gone and unknown, not empty."""
        book = l2(max_depth=2)
        book.apply_snapshot([(100, 1), (99, 1), (98, 1)], [])
        book.apply_delta([(100, 0)], [])
        view = book.depth(2)
        assert (((99.0, 1.0, None),), False) == (view.bids, view.bids_known)

    def test_dropping_a_level_that_was_beyond_the_range_leaves_the_range(self, l2: BookType) -> None:
        """It was never known to have no better neighbour, so nothing known is lost, and nothing is gained."""
        book = l2(max_depth=2)
        book.apply_snapshot([(100, 1), (95, 1)], [], complete=False)
        book.apply_delta([(95, 0), (90, 1)], [])
        book.apply_delta([(99, 1)], [])
        assert ([(100.0, 1.0), (99.0, 1.0)], 95.0) == (sizes(book.bids), book.known_range.bid_floor)

    def test_the_range_never_widens(self, l2: BookType) -> None:
        """Levels kept beyond the range do not drag it along."""
        book = l2(max_depth=2)
        book.apply_snapshot([(100, 1)], [], complete=False)
        book.apply_delta([(99, 1), (98, 1), (97, 1)], [])
        assert (100.0, [True, False]) == (
            book.known_range.bid_floor,
            [book.depth(n).bids_known for n in (1, 2)],
        )

    def test_a_snapshot_restores_it(self, l2: BookType) -> None:
        """A complete snapshot starts the range anew."""
        book = l2(max_depth=1)
        book.apply_snapshot([(100, 1), (99, 1)], [])
        book.apply_snapshot([(100, 1)], [])
        assert KnownRange(None, None) == book.known_range


class TestViewDepth:
    """A snapshot may announce that its stream shows the best levels only."""

    def test_becomes_the_depth_of_the_book(self, l2: BookType) -> None:
        """What is pushed out of the view is forgotten, for it may change without a word."""
        book = l2()
        book.apply(Snapshot(bids=BIDS, asks=ASKS, view_depth=3))
        assert (3, KnownRange(None, None)) == (book.max_depth, book.known_range)
        book.apply(Delta(bids=[("100.01", 1)]))
        book._check()
        assert (3, 99.99) == (len(book.bids), book.known_range.bid_floor)

    @pytest.mark.parametrize(("mine", "theirs", "expected"), [(None, 2, 2), (1, 2, 1), (3, 2, 2), (2, None, 2)])
    def test_the_smaller_depth_holds(self, l2: BookType, mine: Any, theirs: Any, expected: int) -> None:
        """A view never makes a book deeper than was asked for."""
        book = l2(max_depth=mine)
        book.apply(Snapshot(bids=BIDS, asks=ASKS, view_depth=theirs))
        book._check()
        assert (expected, expected, expected) == (book.max_depth, len(book.bids), len(book.asks))

    @pytest.mark.parametrize("view_depth", [0, -1, True, 1.5, "3", MAX_LEVELS + 1])
    def test_bad_views(self, book: L2Book, view_depth: Any) -> None:
        """The view is checked before the snapshot is applied."""
        before = book.to_bytes()
        with pytest.raises(UsageError, match="view_depth"):
            book.apply(Snapshot(bids=[(1, 1)], view_depth=view_depth))
        assert before == book.to_bytes()


class TestLimits:
    def test_too_many_in_a_snapshot(self, book: L2Book) -> None:
        """The limit is checked before anything is sorted or stored."""
        before = book.to_bytes()
        rows = Levels(range(MAX_LEVELS + 1), [1] * (MAX_LEVELS + 1))
        with pytest.raises(TooManyLevels) as caught:
            book.apply_snapshot([], rows)
        message = "XYZ: 1000001 asks are more than the limit of 1000000; set max_depth to keep the best levels only"
        assert message == str(caught.value)
        assert ("asks", 1_000_001, 1_000_000) == (caught.value.side, caught.value.levels, caught.value.limit)
        assert before == book.to_bytes()

    def test_zero_sizes_do_not_count(self, l2: BookType) -> None:
        """Rows that are no levels may be any number."""
        book = l2()
        book.apply_snapshot(Levels(range(MAX_LEVELS + 1), [0] * MAX_LEVELS + [1]), [])
        assert [(float(MAX_LEVELS), 1.0)] == sizes(book.bids)

    def test_max_depth_bounds_any_snapshot(self, l2: BookType) -> None:
        """With a depth the book takes any number of levels and keeps the best."""
        book = l2(max_depth=3)
        rows = Levels(range(MAX_LEVELS + 5), [1] * (MAX_LEVELS + 5))
        book.apply_snapshot(rows, [])
        book._check()
        assert [1000004.0, 1000003.0, 1000002.0] == [level.price for level in book.bids]

    def test_growth_by_deltas(self, l2: BookType) -> None:
        """A delta may fill the last place, swap levels at the limit, and not go past it."""
        book = l2()
        book.apply_snapshot(Levels(range(1, MAX_LEVELS), [1] * (MAX_LEVELS - 1)), [])
        book.apply_delta([(MAX_LEVELS, 1), (MAX_LEVELS, 2)], [])
        with pytest.raises(TooManyLevels, match=r"^1000001 bids are more than the limit"):
            book.apply_delta([("0.5", 1)], [])
        book.apply_delta([("0.5", 1), ("7.0", 0), (-1, 0)], [])
        assert (MAX_LEVELS, 1, 0.5) == (len(book.bids), book.price_scale, book.bids[-1].price)


class TestEvents:
    def test_snapshot_and_delta(self, l2: BookType) -> None:
        """Events carry levels and header into the book."""
        book = l2("X")
        book.apply(
            Snapshot(symbol="X", bids=[(100, 1)], asks=[(101, 1)], sequence=5, ts_event=1, ts_recv=2, complete=False)
        )
        assert (5, 1, 2, KnownRange(100.0, 101.0)) == (book.sequence, book.ts_event, book.ts_recv, book.known_range)
        book.apply(Delta(symbol="X", bids=[(100, 0)], sequence=6))
        assert (6, 1, 2, 0) == (book.sequence, book.ts_event, book.ts_recv, len(book.bids))

    def test_clear(self, book: L2Book) -> None:
        """A Clear empties, and brings its own header."""
        book.apply(Clear(symbol="XYZ", sequence=12))
        assert (BookState.EMPTY, 12, 1_000) == (book.state, book.sequence, book.ts_event)

    @pytest.mark.parametrize(
        "event",
        [
            Trade(symbol="XYZ", price=1, size=1, sequence=99),
            Quote(symbol="XYZ", bid_price=1, bid_size=1, sequence=99),
            Heartbeat(symbol="XYZ", sequence=99),
            Status(symbol="XYZ", status="halted", sequence=99),
        ],
        ids=lambda event: type(event).__name__,
    )
    def test_events_without_levels(self, book: L2Book, event: Event) -> None:
        """They are accepted and change nothing, not even the header."""
        before = book.to_bytes()
        book.apply(event)
        assert before == book.to_bytes()

    @pytest.mark.parametrize(
        ("event", "name"),
        [
            (Fault(error=OrderBookError("x")), "Fault"),
            (OrderAdd(order_id=1, side=Side.BID, price=1, size=1), "OrderAdd"),
            (Event(), "Event"),
        ],
        ids=lambda value: value if isinstance(value, str) else "",
    )
    def test_events_of_others(self, book: L2Book, event: Event, name: str) -> None:
        """What an L2 book cannot apply is an error, not a shrug."""
        with pytest.raises(UsageError) as caught:
            book.apply(event)
        assert f"XYZ: an L2 book cannot apply `{name}`" == str(caught.value)

    def test_after_a_disconnect_nothing_is_known(self, book: L2Book) -> None:
        """So that columns with a gap in them can be applied as they are."""
        assert 2 == book.apply_many([Disconnect(), Snapshot(bids=[("5", "1")])])
        assert [5.0] == [level.price for level in book.bids]
        book.apply(Disconnect())
        assert ([], False) == (list(book.bids), book.depth(1).known)

    @pytest.mark.parametrize("event", [None, {}, "snapshot", (1, 2)])
    def test_no_event_at_all(self, book: L2Book, event: Any) -> None:
        """Only events are applied."""
        with pytest.raises(UsageError) as caught:
            book.apply(event)
        assert f"XYZ: expected an event, got `{type(event).__name__}`" == str(caught.value)

    def test_another_symbol(self, book: L2Book) -> None:
        """The event of another instrument would corrupt the book in silence."""
        before = book.to_bytes()
        with pytest.raises(UsageError) as caught:
            book.apply(Delta(symbol="ABC", bids=[(1, 1)]))
        assert "XYZ: an event of 'ABC' does not belong to this book" == str(caught.value)
        assert before == book.to_bytes()

    @pytest.mark.parametrize(("mine", "theirs"), [("", "ABC"), ("ABC", ""), ("", "")])
    def test_a_missing_symbol_matches(self, l2: BookType, mine: str, theirs: str) -> None:
        """A book or an event without a name belongs to whoever asks."""
        book = l2(mine)
        book.apply(Delta(symbol=theirs, bids=[(1, 1)]))
        assert (mine, 1) == (book.symbol, len(book.bids))

    def test_apply_many(self, l2: BookType) -> None:
        """Any iterable of events; the answer is how many."""
        book = l2()
        events: list[Event] = [Snapshot(bids=[(100, 1)]), Heartbeat(), Delta(bids=[(99, 1)], sequence=3)]
        assert (3, 3, 2) == (book.apply_many(iter(events)), book.sequence, len(book.bids))

    def test_events_equal_direct_calls(self, l2: BookType, book: L2Book) -> None:
        """Both ways into the book lead to the same place."""
        twin = l2("XYZ")
        twin.apply(Snapshot(bids=BIDS, asks=ASKS, sequence=10, ts_event=1_000, ts_recv=2_000))
        assert book.to_bytes() == twin.to_bytes()


class TestHeader:
    def test_none_keeps(self, book: L2Book) -> None:
        """Only what is given is overwritten."""
        book.apply_delta([], [], ts_recv=3_000)
        assert (10, 1_000, 3_000) == (book.sequence, book.ts_event, book.ts_recv)

    def test_clear_keeps(self, book: L2Book) -> None:
        """An emptied book still knows when it is."""
        book.clear()
        assert (10, 1_000, 2_000, 0, 0) == (
            book.sequence,
            book.ts_event,
            book.ts_recv,
            book.price_scale,
            len(book.asks),
        )

    def test_times_in_words(self, book: L2Book) -> None:
        """Times are taken in every unambiguous spelling."""
        book.apply_delta([], [], ts_event="1970-01-01T00:00:01Z", ts_recv=np.datetime64(5, "ns"))
        assert (1_000_000_000, 5) == (book.ts_event, book.ts_recv)

    def test_settable(self, book: L2Book) -> None:
        """A builder advances the header of a message that has nothing for the book."""
        book.sequence, book.ts_event, book.ts_recv = 11, 12, None
        assert (11, 12, None) == (book.sequence, book.ts_event, book.ts_recv)

    @pytest.mark.parametrize(("name", "value"), [("sequence", "1"), ("ts_event", 1.0), ("ts_recv", "yesterday")])
    def test_setting_is_checked(self, book: L2Book, name: str, value: Any) -> None:
        """What would not be taken as an argument is not taken as a value."""
        with pytest.raises(UsageError):
            setattr(book, name, value)

    @pytest.mark.parametrize("sequence", [0, -1, 2**64 - 1, INT64_MIN])
    def test_extreme_sequences(self, book: L2Book, sequence: int) -> None:
        """Venues count in signed and unsigned 64 bits."""
        book.apply_delta([], [], sequence=sequence)
        assert sequence == type(book).from_bytes(book.to_bytes()).sequence


class TestValue:
    def test_equal_by_number(self, l2: BookType) -> None:
        """Scales, spellings, history, header and type of price do not matter."""
        a, b = l2("X"), l2("X", price_type="decimal")
        a.apply_snapshot([("100.5", 1)], [], sequence=1)
        b.apply_snapshot([("99.123", "0.5"), ("100.50", "1.0")], [])
        b.apply_delta([("99.123", 0)], [])
        assert (True, a.state_hash()) == (a == b, b.state_hash())

    @pytest.mark.parametrize(
        "change",
        [
            lambda book: book.apply_delta([("100.00", "5.1")], []),
            lambda book: book.apply_delta([("100.00", 0)], []),
            lambda book: book.apply_delta([], [("100.00", 1)]),
            lambda book: book.apply_snapshot([Level(*row, 1) for row in BIDS], ASKS),
            lambda book: book.apply_snapshot(BIDS, ASKS, complete=False),
            lambda book: book.apply_snapshot([(float(p) * 10, s) for p, s in BIDS], ASKS),
            lambda book: book.clear(),
        ],
    )
    def test_differs(self, book: L2Book, change: Callable[[L2Book], None]) -> None:
        """Every level, count and bound counts."""
        twin = book.copy()
        change(twin)
        assert (False, True) == (book == twin, book.state_hash() != twin.state_hash())

    def test_symbol_and_kind_count(self, book: L2Book, l2: BookType, l3: Any) -> None:
        """Another instrument, or another kind of book, is another book."""
        assert l2("A") != l2("B")
        assert l2("A") != l3("A")
        assert l2("A").state_hash() != l3("A").state_hash()
        assert book != 5

    def test_sides_do_not_mix(self, l2: BookType) -> None:
        """The same level on the other side is another book."""
        a, b = l2(), l2()
        a.apply_snapshot([(1, 1)], [])
        b.apply_snapshot([], [(1, 1)])
        assert a.state_hash() != b.state_hash()

    def test_hash_is_fixed(self, l2: BookType) -> None:
        """The same on every machine, in every version: written down here once and for all."""
        book = l2("ETHUSDT")
        book.apply_snapshot([("2683.80", "3.0292")], [("2683.81", "31.4395"), ("2684", 1)], complete=False)
        assert STATE_HASH == book.state_hash()

    def test_unhashable(self, book: L2Book) -> None:
        """Compared by value and changed in place, like a list."""
        with pytest.raises(TypeError, match="unhashable type: 'L2Book'"):
            hash(book)

    def test_copy_is_independent(self, book: L2Book) -> None:
        """Neither sees what happens to the other."""
        twin, before = book.copy(), book.to_bytes()
        assert before == twin.to_bytes()
        twin.apply_delta([("100.00", 0), ("3.14159", 1)], ASKS[:1], sequence=99)
        twin._check()
        assert before == book.to_bytes()
        book.clear()
        assert 3 == len(twin.bids)

    def test_copy_keeps_everything(self, l2: BookType) -> None:
        """Depth, type and header come along."""
        book = l2("X", max_depth=2, price_type="fixed")
        book.apply_snapshot(BIDS, ASKS, sequence=3)
        twin = book.copy()
        assert (2, "fixed", 3, book.to_bytes()) == (twin.max_depth, twin.price_type, twin.sequence, twin.to_bytes())


STATE_HASH = "9817fbf6d2e0569366f00bfe49743593"


class TestRepr:
    def test_full(self, book: L2Book) -> None:
        """The first look: name, best prices and sizes, how deep."""
        assert "<L2Book XYZ 100.00 x 5 | 100.02 x 15, 3 bids, 3 asks>" == repr(book)

    @pytest.mark.parametrize(
        ("symbol", "bids", "asks", "expected"),
        [
            ("", [], [], "<L2Book empty>"),
            ("X", [], [], "<L2Book X empty>"),
            ("X", [(1, 1)], [], "<L2Book X 1 x 1 | -, 1 bids, 0 asks>"),
            ("", [], [("1.5", 1)], "<L2Book - | 1.5 x 1, 0 bids, 1 asks>"),
            ("X", [(3, 1)], [("1.5", "0.25")], "<L2Book X 3.0 x 1.00 | 1.5 x 0.25, 1 bids, 1 asks, CROSSED>"),
            ("X", [("1e-8", INT64_MAX)], [], f"<L2Book X 0.00000001 x {INT64_MAX} | -, 1 bids, 0 asks>"),
        ],
    )
    def test_shapes(self, l2: BookType, symbol: str, bids: Any, asks: Any, expected: str) -> None:
        """Missing sides, crossed books and extreme numbers stay readable."""
        book = l2(symbol, price_type="decimal")
        book.apply_snapshot(bids, asks)
        assert expected == repr(book)
