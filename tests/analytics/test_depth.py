from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from orderbook import Depth, L2Book, Level, Panel, Side
from orderbook.analytics import depth
from orderbook.analytics.arrays import depth as array_depth
from orderbook.analytics.depth import DepthWithin, depth_within, slope

NOTHING = DepthWithin(None, None, None, None, None, None, False, False)


def b0_times(factor: float, scale: int = 1) -> Depth:
    """The reference book with all prices times a factor, and all sizes times a scale."""
    bids = [(100.00, 5), (99.99, 10), (99.97, 20)]
    asks = [(100.02, 15), (100.03, 5), (100.06, 40)]
    sides = [tuple(Level(price * factor, size * scale) for price, size in rows) for rows in (bids, asks)]
    return Depth(symbol="B0", bids=sides[0], asks=sides[1], levels=3)


# ---- bands -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("bps", "bid", "ask", "complete"), [(1, 5, 15, True), (2, 15, 20, True), (3, 15, 20, True), (5, 35, 60, False)]
)
def test_bands_of_b0(b0: L2Book, p0: Panel, bps: float, bid: float, ask: float, complete: bool) -> None:
    """Depth around the mid, and whether the cut book shows all of it, in both forms."""
    got = depth_within(b0, bps=bps)
    assert (got.bid, got.ask, got.complete_bid, got.complete_ask) == (bid, ask, complete, complete)
    for px, sz, side, size in ((p0.bid_px, p0.bid_sz, "bid", bid), (p0.ask_px, p0.ask_sz, "ask", ask)):
        bands = array_depth.depth_bands(px, sz, 100.01, bps, side)
        assert (bands.size[0, 0], bands.complete[0, 0]) == (size, complete)


def test_what_a_band_holds(b0: L2Book) -> None:
    """Money and levels beside the sizes."""
    got = depth_within(b0, bps=2)
    assert (got.bid_levels, got.ask_levels) == (2, 2)
    assert got.bid_quote == pytest.approx(5 * 100 + 10 * 99.99, abs=1e-9)
    assert got.ask_quote == pytest.approx(15 * 100.02 + 5 * 100.03, abs=1e-9)


def test_band_around_the_best_or_a_price(b0: L2Book) -> None:
    """The reference is the side's own best, or any price."""
    best = depth_within(b0, ticks=1, tick=0.01, ref="best")
    assert (best.bid, best.ask, best.complete_bid) == (15, 20, True)
    price = depth_within(b0, ticks=2, tick=0.01, ref=100.015)
    assert (price.bid, price.ask) == (5, 20)


def test_bound_of_a_band_is_inclusive() -> None:
    """A level on the bound is inside at any scale of prices, however the arithmetic rounds."""
    for factor in (1e-6, 0.01, 0.1, 0.3, 1, 3, 7e4):
        book = b0_times(factor)
        got = depth_within(book, ticks=3, tick=0.01 * factor, ref="best")
        assert (got.bid, got.ask) == (35, 20)
        mid = depth_within(book, ticks=5, tick=0.01 * factor)
        assert (mid.bid, mid.ask) == (35, 60)
        assert (mid.complete_bid, mid.complete_ask) == (False, True)  # the last bid is four ticks away
        for side, rows, size, complete in (("bid", book.bids, 35, False), ("ask", book.asks, 60, True)):
            px, sz = np.array([[row.price, row.size] for row in rows]).T[:, None]
            reference = (book.bids[0].price + book.asks[0].price) / 2
            bands = array_depth.depth_bands(px, sz, reference, 1e4 * 0.05 / 100.01, side)
            assert (bands.size[0, 0], bands.complete[0, 0]) == (size, complete)


def test_band_without_a_reference_is_undefined() -> None:
    """No mid in a one-sided book; its own best it has. Below 0 there are no basis points, but ticks there are."""
    book = L2Book()
    assert depth_within(book, bps=10) == NOTHING
    book.apply_snapshot([(100, 5)], [])
    assert depth_within(book, bps=10) == NOTHING
    got = depth_within(book, bps=10, ref="best")
    assert (got.bid, got.ask, got.complete_bid, got.complete_ask) == (5, None, True, False)
    fixed = depth_within(book, bps=10, ref=100.0)
    assert (fixed.ask, fixed.ask_quote, fixed.ask_levels, fixed.complete_ask) == (0, 0, 0, True)
    negative = Depth(symbol="", bids=(Level(-2.0, 5),), asks=(Level(-1.0, 2),), levels=1)
    assert depth_within(negative, bps=10) == NOTHING
    assert depth_within(negative, ticks=1, tick=0.5)[:2] == (5, 2)
    bands = array_depth.depth_bands([-2.0, np.nan, 1.0], [5, 0, 5], [-1.5, 1.0, np.nan], [10, 20], "bid")
    np.testing.assert_array_equal(bands.size, [[np.nan] * 2, [0, 0], [np.nan] * 2])
    assert not bands.complete.any()


def test_a_view_made_of_rows_of_arrays_may_have_absent_levels(b0: L2Book) -> None:
    """Levels of size 0 are none, and a view with such has room left: it shows all that there is."""
    hole, end = Level(100.005, 0.0), Level(math.nan, 0.0)
    view = Depth(symbol="", bids=(hole, *b0.bids[:], end), asks=(b0.asks[0], hole, *b0.asks[1:], end), levels=5)
    whole = Depth(symbol="", bids=tuple(b0.bids[:]), asks=tuple(b0.asks[:]), levels=5)
    for bps in (1, 3, 9):
        assert depth_within(view, bps=bps) == depth_within(whole, bps=bps)
    assert depth_within(view, bps=9).complete_bid
    for kind in ("ns", "hs", "log_hs", "dggw", "shape"):
        assert slope(view, kind) == slope(whole, kind)  # type: ignore[arg-type]
    priced = Depth(symbol="", bids=(*b0.bids[:2], Level(99.0, 0.0)), asks=tuple(b0.asks[:]), levels=3, bids_known=False)
    assert not depth_within(priced, bps=50).complete_bid  # the level at 99 that is none says nothing


def test_rounding_is_far_below_a_tick() -> None:
    """A price of billions with a tick of 1: the bound is inclusive, and one tick beyond it is outside."""
    rows = (Level(1_600_000_000.0, 5.0), Level(1_599_999_999.0, 7.0), Level(1_599_999_998.0, 3.0))
    view = Depth(symbol="", bids=rows, asks=(), levels=3)
    assert depth_within(view, ticks=1, tick=1, ref="best").bid == 12
    px, sz = np.array(rows)[:, :2].astype(float).T[:, None]
    assert array_depth.depth_bands(px, sz, 1.6e9, 1e4 / 1.6e9, "bid").size[0, 0] == 12


@pytest.mark.parametrize("ref", [math.inf, -math.inf, math.nan, 0.0])
def test_bands_around_what_is_no_price_are_undefined(ref: float) -> None:
    """An infinite price says that a level is absent in some files: there is nothing around it."""
    bands = array_depth.depth_bands([[1.0, np.nan]], [[1, 0]], ref, [5], "bid", known=[True])
    assert np.isnan([bands.size[0, 0], bands.quote[0, 0], bands.levels[0, 0]]).all()
    assert not bands.complete.any()


def test_rows_without_columns_are_empty_sides() -> None:
    """N may be 0."""
    none = np.empty((2, 0))
    bands = array_depth.depth_bands(none, none, 100, [1, 5, 9], "bid", known=[True, False])
    assert (bands.size.tolist(), bands.complete.tolist()) == ([[0] * 3] * 2, [[True] * 3, [False] * 3])
    for measure in (array_depth.slope_ns, array_depth.depth_slope, array_depth.shape_exponent):
        assert np.isnan(measure(none, none, 100, "bid")).tolist() == [True, True]
    assert np.isnan(array_depth.quote_slope(none, none, none, none)).tolist() == [True, True]


def test_locked_and_crossed_books_have_bands() -> None:
    """Crossed levels lie on the near side of any bound."""
    crossed = Depth(symbol="", bids=(Level(102.0, 5),), asks=(Level(100.0, 2),), levels=1)
    assert depth_within(crossed, bps=1)[:2] == (5, 2)


@given(st.lists(st.integers(1, 50), min_size=1, max_size=8), st.integers(1, 30))
def test_bands_grow_to_the_whole_side(gaps: list[int], seed: int) -> None:
    """A wider band never holds less; all of a side is in a wide one, with the level VWAP as its price."""
    rng = np.random.default_rng(seed)
    px = 100 - np.cumsum(gaps)[None] / 100
    sz = rng.integers(1, 9, px.shape).astype(float)
    bands = array_depth.depth_bands(px, sz, 100, [1, 5, 20, 50, 9_000], "bid")
    assert (np.diff(bands.size, axis=1) >= 0).all()
    assert (np.diff(bands.levels, axis=1) >= 0).all()
    assert (np.diff(bands.complete.astype(int), axis=1) <= 0).all()
    assert (bands.size[0, -1], bands.levels[0, -1]) == (sz.sum(), len(gaps))
    assert bands.quote[0, -1] == pytest.approx((px * sz).sum())


@pytest.mark.parametrize("side", ["bid", "ask"])
@pytest.mark.parametrize("ref", ["mid", "best"])
def test_bands_are_the_same_on_arrays(
    make_panel: Callable[..., Panel], books_of: Callable[[Panel], Iterator[L2Book]], side: str, ref: str
) -> None:
    """Sizes, money, levels and completeness, over rows with everything that can be odd."""
    panel = make_panel(8, rows=150)
    px, sz = (panel.bid_px, panel.bid_sz) if side == "bid" else (panel.ask_px, panel.ask_sz)
    reference = (panel.bid_px[:, 0] + panel.ask_px[:, 0]) / 2 if ref == "mid" else px[:, 0]
    widths = [1, 3, 8]
    bands = array_depth.depth_bands(px, sz, reference, widths, side)
    for i, book in enumerate(books_of(panel)):
        for k, width in enumerate(widths):
            got = depth_within(book.depth(6), bps=width, ref=ref)  # type: ignore[arg-type]
            for name in ("size", "quote", "levels"):
                value = getattr(got, side if name == "size" else f"{side}_{name}")
                np.testing.assert_allclose(
                    getattr(bands, name)[i, k], np.nan if value is None else value, rtol=1e-12, err_msg=name
                )
            assert getattr(got, f"complete_{side}") == bands.complete[i, k]


def test_known_rows_have_complete_bands() -> None:
    """A row with room left whose side is known shows all that there is."""
    for flags, expected in (([True], True), ([False], False), (None, False)):
        bands = array_depth.depth_bands([[100.0, np.nan]], [[5, 0]], 100.01, [50], "bid", known=flags)
        assert bands.complete[0, 0] == expected


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, "one of ticks= and bps="),
        ({"ticks": 2}, "needs tick="),
        ({"bps": 0}, "bps is a number above 0"),
        ({"bps": 1, "ref": "last"}, "is one of 'mid', 'best', not 'last'"),
        ({"bps": 1, "ref": math.nan}, "ref is a finite number, not nan"),
    ],
)
def test_bands_refuse_what_they_cannot_mean(b0: L2Book, given: dict[str, object], message: str) -> None:
    """A distance in one unit and a reference that there is."""
    with pytest.raises(ValueError, match=message):
        depth_within(b0, **given)  # type: ignore[arg-type]


def test_array_bands_refuse_what_they_cannot_mean(p0: Panel) -> None:
    """Distances above 0, and arrays that fit."""
    with pytest.raises(ValueError, match="bps are one or more distances above 0"):
        array_depth.depth_bands(p0.bid_px, p0.bid_sz, 100, [1, 0], "bid")
    with pytest.raises(ValueError, match="one shape"):
        array_depth.depth_bands(p0.bid_px, p0.bid_sz[:, :2], 100, [1], "bid")
    with pytest.raises(ValueError, match="ref is a number or has one value a row"):
        array_depth.depth_bands(p0.bid_px, p0.bid_sz, [1, 2], [1], "bid")


# ---- slope and shape -------------------------------------------------------------------------------------------------


def test_slopes_of_b0(b0: L2Book) -> None:
    """All kinds, to the digits of the reference."""
    assert slope(b0) == pytest.approx((8162.09994, 9789.51011, 8975.80503), abs=5e-6)
    assert slope(b0, "dggw") == pytest.approx((875, 1200, 1037.5), abs=1e-6)
    assert slope(b0, "shape")[:2] == pytest.approx((1.403677, 0.879007), abs=5e-7)
    assert slope(b0, "hs").book == pytest.approx(0.0046323231, abs=5e-11)
    assert slope(b0, "log_hs").book == pytest.approx(4.63185995e-05, abs=5e-14)
    assert slope(b0, "hs")[:2] == (None, None)


def test_the_unit_of_size_changes_some_slopes() -> None:
    """What has ln(size) in it depends on the unit, depth over distance is proportional to it, the shape has none."""
    lots, shares = b0_times(1), b0_times(1, scale=100)
    assert slope(shares).book == pytest.approx(23085.70, abs=5e-3)
    assert slope(shares, "dggw").bid == pytest.approx(87_500)
    assert slope(shares, "shape") == pytest.approx(slope(lots, "shape"))


def test_a_slope_needs_more_than_one_unit_at_the_best() -> None:
    """ln(1) is 0 and below that logarithms are negative: undefined, not infinite."""
    for size in (1.0, 0.5):
        book = Depth(symbol="", bids=(Level(99.0, size),), asks=(Level(101.0, size),), levels=1)
        assert slope(book) == (None, None, None)
        assert slope(book, "hs").book is None
        assert np.isnan(array_depth.slope_ns([101.0], [size], 100, "ask"))
        assert np.isnan(array_depth.quote_slope([99.0], [size], [101.0], [size]))


def test_a_slope_needs_distance_levels_and_a_mid() -> None:
    """Locked and crossed books, one-sided ones, and fits through two points."""
    locked = Depth(symbol="", bids=(Level(100.0, 5), Level(99.0, 5), Level(98.0, 5)), asks=(Level(100.0, 5),), levels=3)
    assert slope(locked) == (None, None, None)
    assert slope(locked, "shape").bid is None
    assert slope(locked, "dggw").bid == 7.5
    assert slope(locked, "hs").book == 0
    crossed = Depth(symbol="", bids=(Level(101.0, 5),), asks=(Level(100.0, 5),), levels=1)
    assert slope(crossed) == slope(crossed, "dggw") == (None, None, None)
    value = slope(crossed, "hs").book
    assert value is not None
    assert value < 0
    for kind in ("ns", "hs", "log_hs", "dggw", "shape"):
        assert slope(L2Book(), kind) == (None, None, None)  # type: ignore[arg-type]
    assert slope(b0_times(1), "shape", depth=2) == (None, None, None)
    assert slope(b0_times(-1), "ns") == slope(b0_times(-1), "log_hs") == (None, None, None)


def test_the_shape_of_a_power_law_is_its_power() -> None:
    """Depth that grows like the square of the distance has the exponent 2."""
    away = np.arange(1.0, 7.0)
    sizes = np.diff(away**2, prepend=0)
    assert array_depth.shape_exponent(100 + away[None], sizes[None], 100, "ask")[0] == pytest.approx(2)
    assert array_depth.shape_exponent(100 - away[None], 7 * sizes[None], 100, "bid")[0] == pytest.approx(2)


def test_depth_limits_the_levels(b0: L2Book) -> None:
    """A slope over fewer levels is that of the book cut there; a depth beyond the book changes nothing."""
    cut = b0.depth(2)
    for kind in ("ns", "dggw"):
        assert slope(b0, kind, 2) == slope(cut, kind)  # type: ignore[arg-type]
        assert slope(b0, kind, 9) == slope(b0, kind)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="depth is at least 1"):
        slope(b0, depth=0)
    with pytest.raises(ValueError, match="kind is one of 'ns', 'hs', 'log_hs', 'dggw', 'shape', not 'nss'"):
        slope(b0, "nss")  # type: ignore[arg-type]


@pytest.mark.parametrize(("kind", "name"), [("ns", "slope_ns"), ("dggw", "depth_slope"), ("shape", "shape_exponent")])
@pytest.mark.parametrize("levels", [None, 4])
def test_side_slopes_are_the_same_on_arrays(
    make_panel: Callable[..., Panel],
    books_of: Callable[[Panel], Iterator[L2Book]],
    kind: depth.SlopeKind,
    name: str,
    levels: int | None,
) -> None:
    """None where there is NaN, over rows with everything that can be odd; absent columns change nothing."""
    panel = make_panel(21, rows=200)
    mid = (panel.bid_px[:, 0] + panel.ask_px[:, 0]) / 2
    measure = getattr(array_depth, name)
    streamed = [slope(book, kind, levels) for book in books_of(panel)]
    for side, px, sz in ((Side.BID, panel.bid_px, panel.bid_sz), (Side.ASK, panel.ask_px, panel.ask_sz)):
        expected = [one.bid if side is Side.BID else one.ask for one in streamed]
        values = measure(px, sz, mid, side, levels)
        np.testing.assert_allclose(values, np.array(expected, float), rtol=1e-12)
        assert 0 < np.isnan(values).sum() < len(values) / 2
        wide = np.hstack([px, np.full((200, 3), np.nan)]), np.hstack([sz, np.zeros((200, 3))])
        np.testing.assert_allclose(measure(*wide, mid, side, levels), values, rtol=1e-12)


@pytest.mark.parametrize("log", [False, True])
def test_quote_slope_is_the_same_on_arrays(
    make_panel: Callable[..., Panel], books_of: Callable[[Panel], Iterator[L2Book]], log: bool
) -> None:
    """None where there is NaN, from all levels or from the best column alone."""
    panel = make_panel(22, rows=150)
    expected = [slope(book, "log_hs" if log else "hs").book for book in books_of(panel)]
    values = array_depth.quote_slope(panel.bid_px, panel.bid_sz, panel.ask_px, panel.ask_sz, log=log)
    np.testing.assert_allclose(values, np.array(expected, float), rtol=1e-12)
    best = (panel.bid_px[:, 0], panel.bid_sz[:, 0], panel.ask_px[:, 0], panel.ask_sz[:, 0])
    np.testing.assert_array_equal(values, array_depth.quote_slope(*best, log=log))
