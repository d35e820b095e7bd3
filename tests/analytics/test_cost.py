from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from orderbook import Depth, L2Book, Level, Panel, Side
from orderbook.analytics import cost
from orderbook.analytics.arrays import cost as array_cost
from orderbook.analytics.cost import Sweep, level_vwap, price_for_qty, qty_for_price, qty_to_move, sweep

FIELDS = array_cost.SWEEP.names
SIDES = ("buy", "sell")
POLICIES = ("nan", "partial", "worst", "inf")


def book_of(bids: list[tuple[float, float]], asks: list[tuple[float, float]], complete: bool = True) -> L2Book:
    """A book with these levels."""
    book = L2Book()
    book.apply_snapshot(bids, asks, complete=complete)
    return book


def view_of(bids: list[tuple[float, float]], asks: list[tuple[float, float]]) -> Depth:
    """A view with these levels, in floats as they are."""
    sides = [tuple(Level(price, size) for price, size in rows) for rows in (bids, asks)]
    return Depth(symbol="", bids=sides[0], asks=sides[1], levels=max(map(len, sides)))


def one_row(book: L2Book, side: str) -> tuple[np.ndarray, np.ndarray]:
    """The side that a taker takes, as arrays of one row."""
    rows = book.asks[:] if side == "buy" else book.bids[:]
    return np.array([[row.price for row in rows]]), np.array([[row.size for row in rows]])


def same(value: float | None, other: float) -> bool:
    """Whether a streaming and an array value agree: None and NaN, or to 1e-12."""
    return math.isnan(other) if value is None else other == pytest.approx(value, rel=1e-12, abs=1e-12)


# ---- worked values ---------------------------------------------------------------------------------------------------


def test_level_vwap_of_b0(b0: L2Book, p0: Panel) -> None:
    """The average price of levels is that of the book, whatever is wanted."""
    assert level_vwap(b0, "bid") == pytest.approx(99.98, abs=1e-12)
    assert level_vwap(b0, "ask") == pytest.approx(100.0475, abs=1e-12)
    assert array_cost.level_vwap(p0.ask_px, p0.ask_sz)[0] == pytest.approx(100.0475, abs=1e-12)
    assert array_cost.level_vwap(p0.bid_px, p0.bid_sz, depth=2)[0] == pytest.approx((500 + 999.9) / 15, abs=1e-12)


def test_sweep_of_b0(b0: L2Book) -> None:
    """Buying 30 takes two levels and a quarter of the third."""
    got = sweep(b0, "buy", 30)
    assert (got.filled, got.unfilled, got.levels, got.worst) == (30, 0, 3, 100.06)
    assert got.cost == pytest.approx(3001.05, abs=1e-9)
    assert got.avg == pytest.approx(100.035, abs=1e-12)
    assert got.slip_mid_bps == pytest.approx(2.4997500, abs=5e-8)
    assert got.slip_best_bps == pytest.approx(1.4997001, abs=5e-8)
    assert (got.last_level_fraction, got.new_best) == (0.25, 100.06)
    assert got.impact == pytest.approx(0.02, abs=1e-12)
    assert got.mid_after == pytest.approx(100.03, abs=1e-12)
    assert got.complete
    assert got.known


def test_sweep_beyond_what_is_there(b0: L2Book) -> None:
    """An order that the book cannot fill has no average price, and in a cut book nobody knows whether that is so."""
    got = sweep(b0, "buy", 100)
    assert (got.filled, got.unfilled, got.levels, got.complete, got.known) == (60, 40, 3, False, False)
    assert (got.avg, got.slip_mid_bps, got.slip_best_bps) == (None, None, None)
    assert (got.new_best, got.mid_after, got.impact) == (None, None, None)
    assert (got.worst, got.last_level_fraction) == (100.06, 1)


def test_what_the_average_of_a_partial_fill_is(b0: L2Book) -> None:
    """Each policy prices the 40 that are missing in its own way; what was filled is the same."""
    got = {policy: sweep(b0, "buy", 100, on_partial=policy) for policy in POLICIES}
    assert got["partial"].avg == pytest.approx(100.0475, abs=1e-12)
    assert got["worst"].avg == pytest.approx((6002.85 + 40 * 100.06) / 100, abs=1e-12)
    assert got["inf"].avg == math.inf
    assert got["inf"].slip_mid_bps == got["inf"].slip_best_bps == math.inf
    assert len({(one.filled, one.unfilled, one.cost, one.complete) for one in got.values()}) == 1
    assert sweep(b0, "sell", 100, on_partial="inf").avg == -math.inf
    assert sweep(b0, "sell", 100, on_partial="inf").slip_best_bps == math.inf


def test_sweep_for_a_budget(b0: L2Book) -> None:
    """2500 of money buys a bit less than 25, and what is left of a budget is money."""
    got = sweep(b0, "buy", 2_500, by="quote")
    assert got.filled == pytest.approx(24.9925044973, abs=5e-11)
    assert got.avg == pytest.approx(100.0299910027, abs=5e-11)
    assert got.cost == pytest.approx(2_500, abs=1e-9)
    rest = sweep(b0, "buy", 10_000, by="quote")
    assert (rest.filled, rest.complete) == (60, False)
    assert rest.unfilled == pytest.approx(10_000 - 6_002.85, abs=1e-9)
    worst = sweep(b0, "buy", 10_000, by="quote", on_partial="worst").avg
    assert worst == pytest.approx(10_000 / (60 + (10_000 - 6_002.85) / 100.06), abs=1e-9)


def test_average_is_not_the_last_price() -> None:
    """The case of gocryptotrader#962: 2 at 10000, 7 at 10100, 3 at 10200, bought 10: 0.9 percent and not 2."""
    book = book_of([], [(10_000, 2), (10_100, 7), (10_200, 3)])
    got = sweep(book, "buy", 10)
    assert (got.avg, got.worst) == (10_090, 10_200)
    assert got.slip_best_bps == pytest.approx(90, abs=1e-9)
    wiped = sweep(book, "buy", 13, on_partial="partial")
    assert not wiped.complete
    assert wiped.avg == pytest.approx((20_000 + 70_700 + 30_600) / 12)


def test_inverses_of_b0(b0: L2Book) -> None:
    """Quantity for a price, price for a quantity, quantity to move the best, and where the cut book knows no answer."""
    assert qty_for_price(b0, "buy", 100.03) == (20, True)
    assert qty_for_price(b0, "buy", 100.01) == (0, True)
    assert qty_for_price(b0, "buy", 100.06) == (60, True)
    assert qty_for_price(b0, "buy", 100.07) == (60, False)
    assert qty_for_price(b0, "sell", 99.985) == (15, True)
    assert price_for_qty(b0, "buy", 15) == (100.02, True)
    assert price_for_qty(b0, "buy", 15.5) == (100.03, True)
    assert price_for_qty(b0, "sell", 35) == (99.97, True)
    assert price_for_qty(b0, "sell", 36) == (None, False)
    assert qty_to_move(b0, "buy", ticks=1, tick=0.01) == (15, True)
    assert qty_to_move(b0, "buy", ticks=2, tick=0.01) == (20, True)
    assert qty_to_move(b0, "buy", ticks=4, tick=0.01) == (20, True)
    assert qty_to_move(b0, "buy", ticks=5, tick=0.01) == (60, False)
    assert qty_to_move(b0, "sell", ticks=1, tick=0.01) == (5, True)
    assert qty_to_move(b0, "sell", bps=2) == (15, True)


def test_a_complete_book_knows_that_it_is_thin(b0: L2Book) -> None:
    """The same levels of a book that shows all: what is not there is not there."""
    book = book_of([tuple(row[:2]) for row in b0.bids[:]], [tuple(row[:2]) for row in b0.asks[:]])
    assert sweep(book, "buy", 100).known
    assert price_for_qty(book, "buy", 100) == (None, True)
    assert qty_for_price(book, "buy", 200) == (60, True)
    assert qty_to_move(book, "buy", bps=1_000) == (60, True)


# ---- edges -----------------------------------------------------------------------------------------------------------


def test_empty_side_fills_nothing() -> None:
    """Nothing is filled, nothing is undefined as 0, and a side of which nothing is known says so."""
    for known, book in ((True, book_of([(100, 5)], [])), (True, L2Book()), (False, book_of([], [], complete=False))):
        got = sweep(book, "buy", 1)
        assert got.known == known
        assert (got.filled, got.unfilled, got.cost, got.levels, got.complete) == (0, 1, 0, 0, False)
        assert {got.avg, got.worst, got.last_level_fraction, got.new_best, got.mid_after, got.impact} == {None}
        assert qty_for_price(book, "buy", 100).value == 0
        assert qty_to_move(book, "buy", bps=1).value is None
        assert level_vwap(book, "ask") is None
    assert sweep(L2Book(), "buy", 1, on_partial="worst").avg is None
    assert sweep(L2Book(), "buy", 1, on_partial="inf").avg == math.inf


def test_one_sided_book_has_a_cost_against_the_best_only() -> None:
    """Without the other side there is no mid, but the sweep itself works."""
    got = sweep(book_of([], [(100, 1), (101, 1)]), "buy", 2)
    assert (got.avg, got.slip_mid_bps, got.mid_after, got.impact) == (100.5, None, None, None)
    assert got.slip_best_bps == pytest.approx(50)


def test_locked_and_crossed_books_are_swept_like_others() -> None:
    """A crossed book costs less than the mid: the sign stays."""
    assert sweep(book_of([(100, 1)], [(100, 1)]), "buy", 1).slip_mid_bps == 0
    crossed = sweep(book_of([(102, 1)], [(100, 1)]), "buy", 1).slip_mid_bps
    assert crossed is not None
    assert crossed < 0


def test_a_view_made_of_rows_of_arrays_may_have_absent_levels(b0: L2Book) -> None:
    """Levels of size 0 are none: at the end, in between, or all of a side."""
    rows = [[(row.price, row.size) for row in side[:]] for side in (b0.bids, b0.asks)]
    hole, end = (100.005, 0.0), (math.nan, 0.0)
    whole = view_of(*rows)
    view = view_of([hole, *rows[0], end], [rows[1][0], hole, *rows[1][1:], end])
    for side in SIDES:
        for ask in (
            lambda book, side=side: sweep(book, side, 30),
            lambda book, side=side: price_for_qty(book, side, 16),
            lambda book, side=side: qty_for_price(book, side, 100),
            lambda book, side=side: qty_to_move(book, side, ticks=2, tick=0.01),
            lambda book, side=side: level_vwap(book, side),
        ):
            assert ask(view) == ask(whole)
    assert sweep(view, "buy", 100).known  # four rows of a view of five levels hold a level: there is room left
    nothing = view_of([(99.0, 0.0)], [(100.0, 0.0)])
    assert (sweep(nothing, "buy", 1).filled, qty_to_move(nothing, "buy", bps=1).value) == (0, None)
    assert level_vwap(nothing, "ask") is None


def test_rounding_is_far_below_a_tick() -> None:
    """A price of billions with a tick of 1, as in rupiah: the next tick is another price, in both forms."""
    book = book_of([(1_600_000_000, 5), (1_599_999_999, 7), (1_599_999_990, 3)], [])
    px, sz = one_row(book, "sell")
    assert qty_for_price(book, "sell", 1_600_000_000) == (5, True)
    assert qty_to_move(book, "sell", ticks=1, tick=1) == (5, True)
    assert qty_to_move(book, "sell", ticks=2, tick=1) == (12, True)
    assert array_cost.qty_for_price(px, sz, 1_600_000_000, "sell").value[0] == 5
    assert array_cost.qty_to_move(px, sz, "sell", ticks=1, tick=1).value[0] == 5


@pytest.mark.parametrize("limit", [math.inf, -math.inf, math.nan])
def test_limits_that_are_no_prices_are_undefined_on_arrays(limit: float) -> None:
    """One row without a limit does not stop the others; in ticks it is the int that says absent."""
    got = array_cost.qty_for_price([[5.0, 4.0]] * 2, [[1, 2]] * 2, [limit, 5.0], "sell")
    np.testing.assert_array_equal(got.value, [math.nan, 1])
    assert got.known.tolist() == [False, True]
    ticks = np.array([np.iinfo(np.int64).min, 5])
    np.testing.assert_array_equal(array_cost.qty_for_price([[5, 4]] * 2, [[1, 2]] * 2, ticks, "sell").value, got.value)


def test_negative_prices_have_costs_but_no_basis_points() -> None:
    """Below zero an order has an average, no slippage in bps, and a budget cannot be spent."""
    book = view_of([(-2.0, 5)], [(-1.0, 2), (1.0, 4)])
    got = sweep(book, "buy", 3)
    assert got.avg == pytest.approx(-1 / 3)
    assert (got.slip_mid_bps, got.slip_best_bps) == (None, None)
    assert got.impact == 1
    for price in (-1.0, 0.0):
        budget = sweep(view_of([], [(price, 2), (1.0, 4)]), "buy", 3, by="quote")
        assert (budget.filled, budget.unfilled, budget.complete, budget.new_best) == (0, 3, False, price)
        rows = array_cost.sweep([[price, 1.0]], [[2, 4]], 3, "buy", by="quote")
        assert (rows["filled"][0], rows["unfilled"][0], rows["complete"][0], rows["new_best"][0]) == (
            0,
            3,
            False,
            price,
        )
    down = sweep(view_of([(1.0, 2), (-1.0, 4)], []), "sell", 3, by="quote")
    assert (down.filled, down.unfilled, down.new_best) == (2, 1, -1)
    assert array_cost.sweep([[1.0, -1.0]], [[2, 4]], 3, "sell", by="quote")["new_best"][0] == -1
    assert qty_to_move(book, "buy", bps=1) == (None, False)
    assert qty_to_move(book, "buy", ticks=1, tick=2) == (2, True)


@pytest.mark.parametrize("sizes", [(0.7, 0.1), (0.1, 0.2), (0.1,) * 10])
def test_rounding_is_no_unfilled_rest(sizes: tuple[float, ...]) -> None:
    """0.7 + 0.1 is a bit less than 0.8, 0.1 + 0.2 a bit more than 0.3: an order for the sum takes each level whole."""
    asks = [(100.0 + i, size) for i, size in enumerate(sizes)] + [(200.0, 1.0)]
    wanted = round(sum(sizes), 10)
    got = sweep(view_of([(99.0, 1.0)], asks), "buy", wanted)
    assert (got.levels, got.last_level_fraction, got.new_best, got.complete) == (len(sizes), 1, 200, True)
    assert got.unfilled == 0
    px, sz = np.array(asks).T[:, None]
    row = array_cost.sweep(px, sz, wanted, "buy")[0]
    assert (row["levels"], row["last_level_fraction"], row["new_best"]) == (len(sizes), 1, 200)


def test_bound_that_rounding_moves_is_inclusive() -> None:
    """100 plus seven times 0.01 is not 100.07 in floats, and a limit computed so reaches that level all the same."""
    limit = 100.0
    for _ in range(7):
        limit += 0.01
    below = 200.14 - limit
    assert limit != 100.07
    assert below < 100.07
    for bound in (limit, below):
        assert qty_for_price(book_of([], [(100.07, 3)], complete=False), "buy", bound) == (3, True)
        assert array_cost.qty_for_price([100.07], [3], bound, "buy").value[0] == 3
        assert array_cost.qty_for_price([100.07], [3], bound, "buy").known[0]


@pytest.mark.parametrize("qty", [0, -1, math.nan, math.inf])
def test_quantities_are_above_zero(b0: L2Book, p0: Panel, qty: float) -> None:
    """Both forms refuse the same quantities, and name the argument."""
    for ask in (
        lambda: sweep(b0, "buy", qty),
        lambda: price_for_qty(b0, "buy", qty),
        lambda: array_cost.sweep(p0.ask_px, p0.ask_sz, qty, "buy"),
        lambda: array_cost.sweep(p0.ask_px, p0.ask_sz, [qty], "buy"),
        lambda: array_cost.price_for_qty(p0.ask_px, p0.ask_sz, [qty]),
    ):
        with pytest.raises(ValueError, match="qty is a number above 0"):
            ask()


def test_options_are_listed_when_refused(b0: L2Book, p0: Panel) -> None:
    """An unknown option is answered with those that there are."""
    with pytest.raises(ValueError, match="by is one of 'base', 'quote', not 'lots'"):
        sweep(b0, "buy", 1, by="lots")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="on_partial is one of 'nan', 'partial', 'worst', 'inf', not 'raise'"):
        array_cost.sweep(p0.ask_px, p0.ask_sz, 1, "buy", on_partial="raise")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="'up' is not a valid Side"):
        sweep(b0, "up", 1)
    with pytest.raises(ValueError, match="limit is a finite number, not nan"):
        qty_for_price(b0, "buy", math.nan)
    with pytest.raises(ValueError, match="depth is at least 1, not 0"):
        level_vwap(b0, "bid", 0)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, "one of ticks= and bps="),
        ({"ticks": 1, "bps": 1}, "one of ticks= and bps="),
        ({"ticks": 1}, "needs tick="),
        ({"ticks": 1, "tick": 0}, "tick is a number above 0, not 0"),
        ({"bps": -1}, "bps is a number above 0, not -1"),
    ],
)
def test_distances_are_said_in_one_way(b0: L2Book, p0: Panel, given: dict[str, float], message: str) -> None:
    """Ticks or basis points, and ticks have a size."""
    with pytest.raises(ValueError, match=message):
        qty_to_move(b0, "buy", **given)
    with pytest.raises(ValueError, match=message):
        array_cost.qty_to_move(p0.ask_px, p0.ask_sz, "buy", **given)


# ---- properties ------------------------------------------------------------------------------------------------------

sizes = st.lists(st.integers(1, 400).map(lambda lots: lots / 8), min_size=1, max_size=6)


@given(sizes, st.floats(0.01, 300), st.floats(0.01, 300))
def test_sweep_grows_with_the_quantity(of: list[float], one: float, other: float) -> None:
    """More wanted is never less filled, never cheaper, never a better last price."""
    book = view_of([(99.0, 1.0)], [(100.0 + i, size) for i, size in enumerate(of)])
    less, more = (sweep(book, "buy", qty, on_partial="partial") for qty in sorted((one, other)))
    assert less.filled <= more.filled
    assert less.avg is not None
    assert more.avg is not None
    assert less.avg <= more.avg + 1e-9
    assert less.levels <= more.levels
    assert more.filled + more.unfilled == pytest.approx(max(one, other))


@given(sizes)
def test_the_ends_of_a_sweep(of: list[float]) -> None:
    """The best level costs the best price, all levels cost their level VWAP, and the inverses agree."""
    asks = [(100.0 + i, size) for i, size in enumerate(of)]
    book = view_of([(99.0, 1.0)], asks)
    first, whole = sweep(book, "buy", of[0]), sweep(book, "buy", sum(of))
    assert (first.avg, first.slip_best_bps, first.levels) == (pytest.approx(100), pytest.approx(0), 1)
    assert whole.complete
    assert whole.avg == pytest.approx(level_vwap(book, "ask"), rel=1e-12)
    assert price_for_qty(book, "buy", sum(of)).value == asks[-1][0]
    assert qty_for_price(book, "buy", asks[-1][0]).value == pytest.approx(sum(of))
    assert qty_to_move(book, "buy", ticks=1, tick=1).value == of[0]


@given(sizes, st.floats(0.01, 300), st.sampled_from(POLICIES))
def test_buying_on_the_mirrored_book_is_selling(of: list[float], qty: float, on_partial: cost.OnPartial) -> None:
    """Negated prices and swapped sides: the costs are the same with the other sign."""
    up = view_of([(-3.0, 2.0)], [(float(i), size) for i, size in enumerate(of)])
    down = view_of([(-float(i), size) for i, size in enumerate(of)], [(3.0, 2.0)])
    bought, sold = (sweep(up, "buy", qty, on_partial=on_partial), sweep(down, "sell", qty, on_partial=on_partial))
    assert (bought.filled, bought.unfilled, bought.levels) == (sold.filled, sold.unfilled, sold.levels)
    for name in ("cost", "avg", "worst", "new_best", "mid_after", "impact"):
        value, other = getattr(bought, name), getattr(sold, name)
        assert value == (None if other is None else -other)


# ---- both forms ------------------------------------------------------------------------------------------------------


def asked(book: L2Book, side: str, qty: float, by: cost.By, on_partial: cost.OnPartial) -> list[float]:
    """The fields of a sweep in their order, NaN for None."""
    got: Sweep = sweep(book, side, qty, by=by, on_partial=on_partial)
    return [math.nan if getattr(got, name) is None else float(getattr(got, name)) for name in FIELDS]


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("by", ["base", "quote"])
@pytest.mark.parametrize("on_partial", POLICIES)
def test_sweep_is_the_same_on_arrays(
    make_panel: Callable[..., Panel],
    books_of: Callable[[Panel], Iterator[L2Book]],
    side: str,
    by: cost.By,
    on_partial: cost.OnPartial,
) -> None:
    """Field by field, None where there is NaN, over rows with everything that can be odd."""
    panel = make_panel(11, rows=120)
    qty = np.random.default_rng(3).integers(1, 45, len(panel)) * (1 if by == "base" else 100)
    px, sz = (panel.ask_px, panel.ask_sz) if side == "buy" else (panel.bid_px, panel.bid_sz)
    mid = (panel.bid_px[:, 0] + panel.ask_px[:, 0]) / 2
    rows = array_cost.sweep(px, sz, qty, side, by=by, on_partial=on_partial, mid=mid)
    streamed = [asked(book, side, q, by, on_partial) for book, q in zip(books_of(panel), qty, strict=True)]
    for name, column in zip(FIELDS, np.array(streamed).T, strict=True):
        np.testing.assert_allclose(rows[name].astype(float), column, rtol=1e-12, atol=1e-12, err_msg=name)
    assert 0 < rows["complete"].sum() < len(rows)


@pytest.mark.parametrize("side", SIDES)
def test_inverses_are_the_same_on_arrays(
    make_panel: Callable[..., Panel], books_of: Callable[[Panel], Iterator[L2Book]], side: str
) -> None:
    """Values and what is known, over rows with everything that can be odd."""
    panel = make_panel(5, rows=150)
    px, sz = (panel.ask_px, panel.ask_sz) if side == "buy" else (panel.bid_px, panel.bid_sz)
    resting = Side(side).opposite
    limits = 100 + np.random.default_rng(3).integers(-15, 15, len(panel)) / 100
    books = [book.depth(6) for book in books_of(panel)]
    pairs = [
        (
            array_cost.qty_for_price(px, sz, limits, side),
            [qty_for_price(b, side, x) for b, x in zip(books, limits, strict=True)],
        ),
        (array_cost.price_for_qty(px, sz, 12.5), [price_for_qty(b, side, 12.5) for b in books]),
        (
            array_cost.qty_to_move(px, sz, side, ticks=3, tick=0.01),
            [qty_to_move(b, side, ticks=3, tick=0.01) for b in books],
        ),
        (array_cost.qty_to_move(px, sz, side, bps=5), [qty_to_move(b, side, bps=5) for b in books]),
    ]
    for answers, streamed in pairs:
        assert all(same(one.value, value) for one, value in zip(streamed, answers.value, strict=True))
        assert [one.known for one in streamed] == answers.known.tolist()
        assert 0 < answers.known.sum() < len(panel)
    vwaps = array_cost.level_vwap(px, sz, 3)
    assert all(same(level_vwap(book, resting, 3), value) for book, value in zip(books, vwaps, strict=True))


def test_known_rows_show_all_that_there_is(p0: Panel) -> None:
    """A row with room left whose side is known is not cut: what it does not show is not there."""
    px, sz = (
        np.pad(values, ((0, 0), (0, 1)), constant_values=fill) for values, fill in ((p0.ask_px, np.nan), (p0.ask_sz, 0))
    )
    for flags, expected in (([True], True), ([False], False), (None, False)):
        assert array_cost.sweep(px, sz, 100, "buy", known=flags)["known"][0] == expected
        assert array_cost.price_for_qty(px, sz, 100, known=flags).known[0] == expected
        assert array_cost.qty_for_price(px, sz, 101, "buy", known=flags).known[0] == expected
        assert array_cost.qty_to_move(px, sz, "buy", bps=50, known=flags).known[0] == expected
        # Full to its last column, a row may have been cut there.
        assert not array_cost.sweep(p0.ask_px, p0.ask_sz, 100, "buy", known=flags)["known"][0]


def test_absent_levels_change_nothing(make_panel: Callable[..., Panel]) -> None:
    """Columns of absent levels at the right end, NaN or with a price and no size."""
    panel = make_panel(2, rows=80)
    wide = np.full((80, 2), np.nan)
    wide[::2] = 123.0
    px, sz = np.hstack([panel.ask_px, wide]), np.hstack([panel.ask_sz, np.zeros((80, 2))])
    for mine, other in (
        (array_cost.sweep(panel.ask_px, panel.ask_sz, 20, "buy"), array_cost.sweep(px, sz, 20, "buy")),
        (
            array_cost.round_trip_bps(panel.bid_px, panel.bid_sz, panel.ask_px, panel.ask_sz, 900),
            array_cost.round_trip_bps(panel.bid_px, panel.bid_sz, px, sz, 900),
        ),
    ):
        for name in mine.dtype.names or [...]:
            np.testing.assert_allclose(mine[name], other[name], rtol=1e-12, atol=1e-11)


def test_ticks_and_lots_give_what_floats_give() -> None:
    """Integers are taken as they are, and the int that says absent is absent."""
    nothing = np.iinfo(np.int64).min
    px, sz = np.array([[100, 101, nothing]]), np.array([[2, 3, 0]])
    assert array_cost.sweep(px, sz, 4, "buy")["avg"][0] == 100.5
    assert array_cost.level_vwap(px, sz)[0] == pytest.approx(100.6)


def test_arguments_that_are_no_numbers_are_named(b0: L2Book, p0: Panel) -> None:
    """The message says which argument it was."""
    for ask in (lambda: sweep(b0, "buy", None), lambda: array_cost.sweep(p0.ask_px, p0.ask_sz, None, "buy")):  # type: ignore[arg-type]
        with pytest.raises(TypeError, match="qty is a number, not None"):
            ask()
    with pytest.raises(ValueError, match="qty is a number, not 'ten'"):
        sweep(b0, "buy", "ten")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="limit is a number, not None"):
        qty_for_price(b0, "buy", None)  # type: ignore[arg-type]


def test_rows_without_columns_are_empty_sides() -> None:
    """N may be 0: nothing is filled, and nobody knows whether there is more."""
    none = np.empty((2, 0))
    rows = array_cost.sweep(none, none, 1, "buy", known=[True, False])
    assert (rows["unfilled"].tolist(), rows["known"].tolist()) == ([1, 1], [True, False])
    for answers, value in (
        (array_cost.price_for_qty(none, none, 1), math.nan),
        (array_cost.qty_for_price(none, none, 1, "buy"), 0),
        (array_cost.qty_to_move(none, none, "buy", bps=1), math.nan),
    ):
        np.testing.assert_array_equal(answers.value, [value, value])
        assert not answers.known.any()
    assert np.isnan(array_cost.level_vwap(none, none)).tolist() == [True, True]
    assert np.isnan(array_cost.round_trip_bps(none, none, none, none, 5)).tolist() == [True, True]


def test_no_rows_are_no_rows() -> None:
    """T may be 0."""
    none = np.empty((0, 3))
    assert array_cost.sweep(none, none, 1, "buy").shape == (0,)
    assert array_cost.qty_to_move(none, none, "buy", bps=1).value.shape == (0,)
    assert array_cost.level_vwap(none, none).shape == (0,)
