"""Spread, mid, weighted mids, states and times: worked values, odd books, and both forms against each other."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from orderbook import BookState, Depth, L2Book, Level, Panel
from orderbook.analytics import prices
from orderbook.analytics.arrays import prices as arrays
from orderbook.types import INT64_MIN

NAN = float("nan")

MakePanel = Callable[..., Panel]
BooksOf = Callable[[Panel], Iterator[L2Book]]


def book_of(bids: list[tuple[str, float]], asks: list[tuple[str, float]]) -> L2Book:
    """A book of these levels."""
    book = L2Book()
    book.apply_snapshot(bids, asks)
    return book


def four(panel: Panel) -> tuple[Any, Any, Any, Any]:
    """The levels of a panel in the order of the array forms."""
    return panel.bid_px, panel.bid_sz, panel.ask_px, panel.ask_sz


ODD = {
    "empty": book_of([], []),
    "no bid": book_of([], [("101", 2)]),
    "no ask": book_of([("100", 2)], []),
}

# ---- worked values ---------------------------------------------------------------------------------------------------

SPREADS = [("price", 0.02), ("ticks", 2.0), ("bps", 1.99980002), ("log_bps", 1.9998000267)]

LEANING = [
    (prices.weighted_mid, arrays.weighted_mid, {}, 100.005),
    (prices.weighted_mid, arrays.weighted_mid, {"depth": 2}, 100 + 0.02 * 15 / 35),
    (prices.vamp, arrays.vamp, {}, 100.0036842),
    (prices.vamp, arrays.vamp, {"depth": 1}, 100.005),
    (prices.vamp, arrays.vamp, {"within_bps": 1}, 100.005),
    (prices.vamp, arrays.vamp, {"within_bps": 5}, 100.0036842),
    (prices.depth_price, arrays.depth_price, {}, 100.0226316),
    (prices.effective_vamp, arrays.effective_vamp, {}, 100.0048684),
]


@pytest.mark.parametrize(("unit", "expected"), SPREADS)
def test_spread_of_the_reference_book(b0: L2Book, p0: Panel, unit: Any, expected: float) -> None:
    """The four units of the spread, for a book and for arrays."""
    assert expected == pytest.approx(prices.spread(b0, unit, tick=0.01), rel=0, abs=5e-11)
    assert [expected] == pytest.approx(arrays.spread(p0.bid_px, p0.ask_px, unit, tick=0.01), rel=0, abs=5e-11)


@pytest.mark.parametrize(("one", "many", "options", "expected"), LEANING)
def test_leaning_prices_of_the_reference_book(
    b0: L2Book, p0: Panel, one: Any, many: Any, options: dict[str, Any], expected: float
) -> None:
    """Every price that depends on size, for a book and for arrays."""
    assert expected == pytest.approx(one(b0, **options), rel=0, abs=5e-8)
    assert [expected] == pytest.approx(many(*four(p0), **options), rel=0, abs=5e-8)


def test_mid_of_the_reference_book(b0: L2Book, p0: Panel) -> None:
    """Half way, for a book, a view, and arrays."""
    assert 100.01 == pytest.approx(prices.mid(b0), rel=0, abs=1e-12)
    assert prices.mid(b0) == prices.mid(b0.depth(1)) == arrays.mid(p0.bid_px, p0.ask_px)[0]


def test_both_identities_of_the_weighted_mid(make_panel: MakePanel) -> None:
    """W = I a + (1 - I) b = m + rho (a - b) / 2 on all rows with two sides."""
    panel = make_panel(1)
    bid, held, ask, offered = (values[:, 0] for values in four(panel))
    share = held / np.where(held + offered > 0, held + offered, NAN)
    weighted = arrays.weighted_mid(*four(panel))
    np.testing.assert_allclose(weighted, share * ask + (1 - share) * bid, rtol=1e-13)
    np.testing.assert_allclose(weighted, (bid + ask) / 2 + (2 * share - 1) * (ask - bid) / 2, rtol=1e-13)


def test_own_and_opposite_weights_lean_in_opposite_directions(b0: L2Book) -> None:
    """A heavy ask side is above the mid for the depth price and below it for the others."""
    middle = prices.mid(b0)
    depth_price, vamp, effective = prices.depth_price(b0), prices.vamp(b0), prices.effective_vamp(b0)
    assert middle and depth_price and vamp and effective
    assert depth_price > middle > effective > vamp


# ---- odd books -------------------------------------------------------------------------------------------------------

ALL = [
    prices.mid,
    prices.spread,
    prices.weighted_mid,
    prices.vamp,
    prices.depth_price,
    prices.effective_vamp,
    lambda book: prices.spread(book, "ticks", tick=0.01),
    lambda book: prices.spread(book, "bps"),
    lambda book: prices.spread(book, "log_bps"),
    lambda book: prices.vamp(book, within_bps=5),
]


@pytest.mark.parametrize("measure", ALL)
@pytest.mark.parametrize("name", ODD)
def test_a_missing_side_is_undefined(name: str, measure: Callable[[Any], Any]) -> None:
    """Nothing is said, and nothing raised, where a side is empty."""
    assert measure(ODD[name]) is None


def test_a_level_of_size_zero_is_no_level() -> None:
    """A view that shows an ask of size 0 has no price there to lean to."""
    view = Depth(symbol="", bids=(Level(99.0, 5.0),), asks=(Level(100.0, 0.0),), levels=1)
    assert [None] * len(ALL) == [measure(view) for measure in ALL]
    assert BookState.NO_ASK == prices.book_state(view)
    row = ([99.0], [5.0], [100.0], [0.0])
    for many in (arrays.weighted_mid, arrays.depth_price, arrays.effective_vamp, arrays.vamp):
        assert np.isnan(many(*row)).all()
    assert [BookState.NO_ASK] == arrays.book_state(*row)


def test_a_view_made_of_rows_of_arrays_may_have_absent_levels(b0: L2Book) -> None:
    """Price NaN and size 0 at the end, or a deleted level of size 0 in between, change no measure."""
    bids, asks = ([Level(*row) for row in side[:]] for side in (b0.bids, b0.asks))
    hole, end = Level(100.005, 0.0), Level(NAN, 0.0)
    view = Depth(symbol="", bids=(hole, *bids, end), asks=(asks[0], hole, *asks[1:], end), levels=5)
    assert [measure(b0) for measure in ALL] == [measure(view) for measure in ALL]
    assert BookState.NORMAL == prices.book_state(view)


def test_sizes_of_zero_on_both_sides_are_undefined() -> None:
    """No division by a total of nothing."""
    view = Depth(symbol="", bids=(Level(99.0, 0.0),), asks=(Level(100.0, 0.0),), levels=1)
    assert prices.vamp(view) is None
    assert np.isnan(arrays.vamp([99.0], [0.0], [100.0], [0.0])).all()


@pytest.mark.parametrize(
    ("bid", "ask", "state", "expected"),
    [("100.02", "100.02", "LOCKED", 0.0), ("100.04", "100.02", "CROSSED", -0.02), ("100", "100.02", "NORMAL", 0.02)],
)
def test_locked_and_crossed_keep_their_sign(bid: str, ask: str, state: str, expected: float) -> None:
    """Crossed books are computed with their sign, never clipped, and the state says so."""
    book = book_of([(bid, 1)], [(ask, 3)])
    assert state == prices.book_state(book).name
    assert expected == pytest.approx(prices.spread(book), abs=1e-12)
    assert round(expected / 0.01) == prices.spread(book, "ticks", tick=0.01)
    for unit in ("bps", "log_bps"):
        assert np.sign(expected) == np.sign(prices.spread(book, unit))  # type: ignore[arg-type]
    assert float(bid) + expected / 4 == pytest.approx(prices.weighted_mid(book), abs=1e-12)


@pytest.mark.parametrize(
    ("bid", "ask", "bps", "log_bps"),
    [
        ("-37.64", "-37.62", None, None),
        ("-0.01", "0.01", None, None),
        ("0", "0.01", 20_000.0, None),
        ("0.01", "0.02", 1e4 / 1.5, 1e4 * math.log(2)),
    ],
)
def test_prices_around_zero(bid: str, ask: str, bps: float | None, log_bps: float | None) -> None:
    """Absolute measures work at any sign; relative ones are undefined without a positive reference."""
    book = book_of([(bid, 1)], [(ask, 1)])
    low, high = float(bid), float(ask)
    assert high - low == pytest.approx(prices.spread(book), abs=1e-15)
    assert (low + high) / 2 == prices.mid(book) == pytest.approx(prices.weighted_mid(book), abs=1e-15)
    for unit, expected in (("bps", bps), ("log_bps", log_bps)):
        wanted = NAN if expected is None else expected
        assert (expected is None) == (prices.spread(book, unit) is None)  # type: ignore[arg-type]
        np.testing.assert_allclose(np.array([prices.spread(book, unit)], float), [wanted], rtol=1e-12)  # type: ignore[arg-type]
        np.testing.assert_allclose(arrays.spread([low], [high], unit), [wanted], rtol=1e-12)  # type: ignore[arg-type]
    banded = prices.vamp(book, within_bps=30_000)
    assert (banded is None) == (low + high <= 0)


def test_bps_band_includes_its_bound() -> None:
    """A level exactly at the bound is inside although float arithmetic puts it a digit beyond, one tick on is not."""
    bids = [("100.00", 1), ("99.91", 1), ("99.90", 1)]
    asks = [("100.20", 1), ("100.29", 2), ("100.30", 4), ("100.31", 8)]
    book = book_of(bids, asks)  # 20 bps of the mid 100.10 are 0.2002
    expected = (100.00 + 100.20 + 99.91 * 2 + 100.29 * 1 + 99.90 * 4 + 100.30 * 1) / (2 + 3 + 5)
    assert expected == pytest.approx(prices.vamp(book, within_bps=20), abs=1e-12)
    for bps in (9.99000999000999, 18.98101898101898):  # 0.1 and 0.19 of 100.10
        count = 1 if bps < 10 else 2
        assert prices.vamp(book, depth=count) == prices.vamp(book, within_bps=bps)


def test_other_price_types_give_the_same(b0: L2Book) -> None:
    """Decimal views give the same floats; fixed ones are counted in their own ints."""
    decimal, fixed = b0.depth(3, price_type="decimal"), b0.depth(3, price_type="fixed")
    assert prices.vamp(b0) == prices.vamp(decimal)
    assert 2.0 == prices.spread(fixed, "ticks", tick=1)


# ---- both forms ------------------------------------------------------------------------------------------------------

PAIRS = [
    (prices.mid, lambda p: arrays.mid(p.bid_px, p.ask_px)),
    *(
        (
            lambda book, unit=unit: prices.spread(book, unit, tick=0.01),
            lambda p, unit=unit: arrays.spread(p.bid_px, p.ask_px, unit, tick=0.01),
        )
        for unit, _ in SPREADS
    ),
    *(
        (lambda book, one=one, kw=kw: one(book, **kw), lambda p, many=many, kw=kw: many(*four(p), **kw))
        for one, many, kw in (
            (prices.weighted_mid, arrays.weighted_mid, {}),
            (prices.weighted_mid, arrays.weighted_mid, {"depth": 3}),
            (prices.weighted_mid, arrays.weighted_mid, {"depth": None}),
            (prices.vamp, arrays.vamp, {}),
            (prices.vamp, arrays.vamp, {"depth": 2}),
            (prices.vamp, arrays.vamp, {"within_bps": 4}),
            (prices.vamp, arrays.vamp, {"within_bps": 4, "depth": 2}),
            (prices.depth_price, arrays.depth_price, {}),
            (prices.depth_price, arrays.depth_price, {"depth": 2}),
            (prices.effective_vamp, arrays.effective_vamp, {}),
            (prices.effective_vamp, arrays.effective_vamp, {"depth": 2}),
        )
    ),
]


@pytest.mark.parametrize(("one", "many"), PAIRS)
def test_one_book_and_many_agree(
    make_panel: MakePanel, books_of: BooksOf, one: Callable[[Any], Any], many: Callable[[Panel], Any]
) -> None:
    """Each row is what the book of that row says, None where NaN."""
    panel = make_panel(2)
    expected = np.array([one(book) for book in books_of(panel)], float)
    assert 0 < np.isnan(expected).sum() < len(panel)
    np.testing.assert_allclose(many(panel), expected, rtol=1e-12, atol=1e-12)


def test_states_agree(make_panel: MakePanel, books_of: BooksOf) -> None:
    """All codes from 0 to 5 are found, as the panel has them and as each book says."""
    panel = make_panel(3, rows=600)
    states = arrays.book_state(*four(panel))
    assert np.uint8 == states.dtype
    assert {0, 1, 2, 3, 4, 5} == set(states.tolist())
    np.testing.assert_array_equal(panel.state, states)
    assert [prices.book_state(book) for book in books_of(panel)] == states.tolist()


@pytest.mark.parametrize("many", [arrays.weighted_mid, arrays.vamp, arrays.depth_price, arrays.effective_vamp])
def test_properties_of_leaning_prices(make_panel: MakePanel, many: Callable[..., Any]) -> None:
    """The scale of sizes does not matter, nor absent columns; swapped sides mirror the price."""
    panel = make_panel(4)
    bid_px, bid_sz, ask_px, ask_sz = four(panel)
    expected = many(bid_px, bid_sz, ask_px, ask_sz)
    np.testing.assert_allclose(many(bid_px, bid_sz * 7, ask_px, ask_sz * 7), expected, rtol=1e-13)
    np.testing.assert_allclose(many(-ask_px, ask_sz, -bid_px, bid_sz), -expected, rtol=1e-13)
    fills = (NAN, 0, NAN, 0)
    wide = [np.pad(side, ((0, 0), (0, 2)), constant_values=fill) for side, fill in zip(four(panel), fills, strict=True)]
    np.testing.assert_allclose(many(*wide), expected, rtol=1e-13)


def test_weighted_mid_lies_between_the_best_prices(make_panel: MakePanel) -> None:
    """b <= W <= a wherever the book is not crossed."""
    panel = make_panel(5)
    rows = np.isin(panel.state, (BookState.NORMAL, BookState.LOCKED))
    panel = panel[rows]
    weighted = arrays.weighted_mid(*four(panel))
    assert rows.sum() > 100
    assert (weighted >= panel.bid_px[:, 0] - 1e-12).all()
    assert (weighted <= panel.ask_px[:, 0] + 1e-12).all()


def test_ranks_that_only_one_side_has_do_not_count() -> None:
    """A size whose opposite price is missing is in neither sum."""
    book = book_of([("100", 5)], [("101", 5), ("102", 90)])
    assert 100.5 == prices.vamp(book)
    assert [100.5] == arrays.vamp([[100.0]], [[5.0]], [[101.0, 102.0]], [[5.0, 90.0]]).tolist()


@pytest.mark.parametrize("rows", [0, 3])
def test_no_levels_and_no_rows(rows: int) -> None:
    """Arrays without columns are empty books, arrays without rows give none."""
    none = np.empty((rows, 0))
    assert [BookState.EMPTY] * rows == arrays.book_state(none, none, none, none).tolist()
    for result in (
        arrays.mid(none, none),
        arrays.spread(none, none),
        arrays.weighted_mid(none, none, none, none),
        arrays.vamp(none, none, none, none, within_bps=1),
        arrays.depth_price(none, none, none, none),
        arrays.effective_vamp(none, none, none, none),
    ):
        assert (rows,) == result.shape
        assert np.isnan(result).all()


def test_infinite_prices_are_absent() -> None:
    """Some files write an absent level as an infinite price."""
    assert np.isnan(arrays.spread([-np.inf, 1.0], [2.0, np.inf])).all()
    assert np.isnan(arrays.mid([-np.inf, 1.0], [2.0, np.inf])).all()


def test_prices_in_ticks_have_their_own_absent_value() -> None:
    """Integer columns are read as they are, INT64_MIN as no level."""
    bid, ask = np.array([10_000, INT64_MIN]), np.array([10_002, 10_002])
    np.testing.assert_array_equal([2.0, NAN], arrays.spread(bid, ask, "ticks", tick=1))


# ---- ticks -----------------------------------------------------------------------------------------------------------


def test_to_ticks_undoes_float_arithmetic() -> None:
    """100 plus seven times 0.01 is not 100.07, but has as many ticks."""
    price = 100.0
    for _ in range(7):
        price += 0.01
    assert price == 100.07000000000004 != 100.07
    assert [10007, 10007] == arrays.to_ticks([price, 100.07], 0.01).tolist()


def test_to_ticks_keeps_shape_and_absence() -> None:
    """Absent and negative prices, in the shape given."""
    ticks = arrays.to_ticks([[99.5, NAN], [-0.25, 0.0]], 0.25)
    assert np.int64 == ticks.dtype
    assert [[398, INT64_MIN], [-1, 0]] == ticks.tolist()
    assert (0,) == arrays.to_ticks([], 0.25).shape
    assert [7, INT64_MIN] == arrays.to_ticks(np.array([7, INT64_MIN]), 1).tolist()


def test_to_ticks_of_fine_ticks_and_high_prices() -> None:
    """What a float64 price can hold is found again, though a quotient is off by far more than 1e-6 ticks."""
    ticks = np.arange(10**12, 10**12 + 1000)
    assert 1e-6 < np.abs(ticks * 1e-8 / 1e-8 - ticks).max()
    np.testing.assert_array_equal(ticks, arrays.to_ticks(ticks / 1e8, 1e-8))
    low, high = 98765.43210001, 98765.43210003
    assert 2.0 == prices.spread(book_of([(str(low), 1)], [(str(high), 1)]), "ticks", tick=1e-8)
    assert [2.0] == arrays.spread([low], [high], "ticks", tick=1e-8).tolist()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: arrays.to_ticks([1.0, 1.005], 0.01), "a price of 1.005 is no whole number of ticks of 0.01"),
        (lambda: arrays.to_ticks([[1.0, 2.0], [2.0, 2.5]], 1.0), "a price of 2.5 is no whole number of ticks of 1.0"),
        (
            lambda: arrays.to_ticks([1.0, -1e10], 1e-8),
            r"a price of -10000000000.0 has more than 2\*\*53 ticks of 1e-08",
        ),
        (lambda: arrays.to_ticks([1.0], 0), "tick is a number above 0, not 0"),
        (lambda: arrays.spread([1.0, 1.0], [2.0, 1.25], "ticks", tick=0.1), "a spread of 0.25 is no whole number of"),
        (lambda: arrays.spread([1.0], [2.0], "ticks"), "tick is needed to count in ticks"),
        (lambda: arrays.spread([1.0], [2.0], "pips"), "unit is one of 'price', 'ticks', 'bps', 'log_bps', not 'pips'"),
        (lambda: arrays.spread([1.0], [2.0, 3.0]), "one number of rows"),
        (lambda: arrays.vamp([1.0], [2.0], [3.0], [1.0, 2.0]), "one shape"),
        (lambda: arrays.vamp([1.0], [1.0], [2.0], [1.0], within_bps=-1), "within_bps is a number above 0, not -1"),
        (lambda: arrays.weighted_mid([1.0], [1.0], [2.0], [1.0], depth=0), "depth is at least 1, not 0"),
        (lambda: prices.spread(ODD["empty"], "ticks"), "tick is needed to count in ticks"),
        (lambda: prices.spread(ODD["empty"], "ticks", tick=NAN), "tick is a number above 0, not nan"),
        (lambda: prices.spread(ODD["empty"], "pips"), "unit is one of"),
        (
            lambda: prices.spread(book_of([("1", 1)], [("1.005", 1)]), "ticks", tick=0.01),
            "from 1.0 to 1.005 is no whole",
        ),
        (lambda: prices.vamp(ODD["empty"], within_bps=0), "within_bps is a number above 0, not 0"),
        (lambda: prices.vamp(ODD["empty"], depth=0), "depth is at least 1, not 0"),
    ],
)
def test_what_is_refused(call: Callable[[], Any], message: str) -> None:
    """Wrong arguments are named, whatever the data."""
    with pytest.raises(ValueError, match=message):
        call()


def test_depth_is_a_whole_number(b0: L2Book) -> None:
    """No rounding of a depth."""
    with pytest.raises(TypeError, match=r"depth is a whole number, not 1\.5"):
        prices.vamp(b0, depth=1.5)  # type: ignore[arg-type]


# ---- time ------------------------------------------------------------------------------------------------------------


def test_time_weighted_mean_counts_time_and_not_updates() -> None:
    """Ten quick updates count for as long as they last."""
    ts = np.array([0, *range(90, 100), 100])
    values = np.array([1.0, *[9.0] * 10, 5.0])
    assert (90 * 1 + 10 * 9) / 100 == arrays.time_weighted_mean(values, ts)
    assert (90 * 1 + 10 * 9) / 100 == arrays.time_weighted_mean(values, ts.astype("M8[us]"))


def test_time_weighted_mean_leaves_out_what_is_not_known() -> None:
    """A row before a reset, rows of other states, NaN, and the last row have no weight."""
    values = [1.0, 2.0, 4.0, 8.0, NAN, 16.0, 1e9]
    ts = [0, 1, 3, 6, 10, 15, 21]
    state = [0, 0, 5, 4, 1, 0, 0]
    reset = [False, False, False, False, False, False, True]
    assert (1 + 4 + 12 + 32 + 96) / 16 == arrays.time_weighted_mean(values, ts)
    assert (1 + 4 + 32 + 96) / 13 == arrays.time_weighted_mean(values, ts, state=state)
    assert (1 + 4 + 32) / 7 == arrays.time_weighted_mean(values, ts, state=state, reset=reset)


@pytest.mark.parametrize("rows", [0, 1])
def test_time_weighted_mean_of_no_time(rows: int) -> None:
    """Nothing stood for any time."""
    assert math.isnan(arrays.time_weighted_mean(np.ones(rows), np.zeros(rows, int)))
    assert math.isnan(arrays.time_weighted_mean([1.0, 2.0], [5, 5]))


def test_time_weighted_mean_refuses() -> None:
    """Times that fall or are no ints, and arrays that do not fit."""
    with pytest.raises(ValueError, match=r"ts never falls, but ts\[2\] is earlier than ts\[1\]"):
        arrays.time_weighted_mean([1.0, 1.0, 1.0], [0, 5, 4])
    with pytest.raises(ValueError, match="ts has one time a row"):
        arrays.time_weighted_mean([1.0, 1.0, 1.0], [0, 5])
    with pytest.raises(ValueError, match="state has one code a row"):
        arrays.time_weighted_mean([1.0, 1.0], [0, 5], state=[0])
    with pytest.raises(ValueError, match="values have one dimension"):
        arrays.time_weighted_mean([[1.0, 1.0]], [0])
    with pytest.raises(TypeError, match="ts holds int nanoseconds or datetime64, not float64"):
        arrays.time_weighted_mean([1.0, 1.0], [0.0, 5.0])


# ---- holes -----------------------------------------------------------------------------------------------------------


def test_compact_moves_holes_to_the_right() -> None:
    """Order is kept, absent levels lose their price, what was compact is unchanged, and nothing is written in place."""
    px = np.array([[5.0, 4.0, 3.0, 2.0], [NAN, 4.0, NAN, 2.0], [5.0, 4.0, NAN, NAN], [1.0, 1.0, 1.0, 1.0]])
    sz = np.array([[1.0, 0.0, 2.0, -3.0], [7.0, 1.0, 0.0, 2.0], [1.0, 2.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0]])
    given = px.copy(), sz.copy()
    got_px, got_sz = arrays.compact(px, sz)
    wanted = [[5.0, 3.0, NAN, NAN], [4.0, 2.0, NAN, NAN], [5.0, 4.0, NAN, NAN], [NAN] * 4]
    np.testing.assert_array_equal(got_px, wanted)
    np.testing.assert_array_equal(got_sz, [[1, 2, 0, 0], [1, 2, 0, 0], [1, 2, 0, 0], [0, 0, 0, 0]])
    np.testing.assert_array_equal(px, given[0])
    np.testing.assert_array_equal(sz, given[1])


def test_compact_undoes_holes_in_a_panel(make_panel: MakePanel) -> None:
    """Absent levels put in between come out again."""
    panel = make_panel(6)
    rng = np.random.default_rng(6)
    places = np.sort(rng.permuted(np.tile(np.arange(9), (len(panel), 1)), axis=1)[:, :6], axis=1)
    px, sz = np.full((len(panel), 9), NAN), np.zeros((len(panel), 9))
    np.put_along_axis(px, places, panel.bid_px, 1)
    np.put_along_axis(sz, places, panel.bid_sz, 1)
    got_px, got_sz = arrays.compact(px, sz)
    np.testing.assert_array_equal(got_px[:, :6], panel.bid_px)
    np.testing.assert_array_equal(got_sz[:, :6], panel.bid_sz)
    assert np.isnan(got_px[:, 6:]).all()
    assert [(2,), (2,)] == [values.shape for values in arrays.compact([1.0, NAN], [1.0, 0.0])]
