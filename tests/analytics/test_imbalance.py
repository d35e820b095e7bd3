"""Imbalance by rank, band and distance: worked values, odd books, properties, and both forms against each other."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from orderbook import Depth, L2Book, L3Book, Level, Panel
from orderbook import analytics as books
from orderbook.analytics import arrays

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


# ---- worked values ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("depth", "signed", "ratio"),
    [(1, -0.5, 0.25), (2, -0.142857, 0.428571), (3, -0.263158, 0.368421), (None, -0.263158, 0.368421)],
)
def test_reference_book_by_rank(b0: L2Book, p0: Panel, depth: int | None, signed: float, ratio: float) -> None:
    """The three kinds at each depth, and how they belong together."""
    for kind, expected in (("signed", signed), ("ratio", ratio), ("log", 2 * math.atanh(signed))):
        tolerance = 3e-6 if kind == "log" else 5e-7
        assert expected == pytest.approx(books.imbalance(b0, depth, kind=kind), rel=0, abs=tolerance)  # type: ignore[arg-type]
        got = arrays.imbalance(p0.bid_sz, p0.ask_sz, depth, kind=kind)  # type: ignore[arg-type]
        assert [expected] == pytest.approx(got, rel=0, abs=tolerance)


def test_defaults() -> None:
    """A book is asked for its best level, arrays for all that they hold."""
    book = book_of([("100", 1), ("99", 8)], [("101", 3)])
    assert (-0.5, 0.5) == (books.imbalance(book), books.imbalance(book, None))
    assert [0.5] == arrays.imbalance([[1, 8]], [[3, 0]]).tolist()


@pytest.mark.parametrize(
    ("weights", "options", "expected"),
    [
        ("exp", {"lam": 0.5, "tick": 0.01}, -0.2031651876),
        ("rank", {}, -0.2982456140),
        ([1, 1 / 2, 1 / 3], {}, -0.2982456140),
        (lambda d: np.exp(-0.5 * d), {"tick": 0.01}, -0.2031651876),
        ([1.0], {}, -0.5),
        ([0, 1], {}, 1 / 3),
        ("rank", {"depth": 1}, -0.5),
        # Distances of 1, 2 and 4 ticks and 1, 2 and 5: from the own best 0, 1, 3 and 0, 1, 4.
        ("inverse", {"tick": 0.01}, (5 + 5 + 5 - 15 - 2.5 - 8) / (5 + 5 + 5 + 15 + 2.5 + 8)),
        (lambda d: 1 / (1 + d), {"tick": 0.01, "origin": "best"}, (5 + 5 + 5 - 15 - 2.5 - 8) / (15 + 25.5)),
        (lambda d: d < 2.5, {"unit": "bps"}, -1 / 7),
    ],
)
def test_reference_book_by_distance(
    b0: L2Book, p0: Panel, weights: Any, options: dict[str, Any], expected: float
) -> None:
    """Named weights, weights by rank, and functions, from the mid and from the own best price."""
    assert expected == pytest.approx(books.imbalance_weighted(b0, weights, **options), rel=0, abs=5e-11)
    assert [expected] == pytest.approx(arrays.imbalance_weighted(*four(p0), weights, **options), rel=0, abs=5e-11)


@pytest.mark.parametrize(("bps", "held", "offered"), [(1, 5, 15), (2, 15, 20), (3, 15, 20), (5, 35, 60)])
def test_reference_book_by_band(b0: L2Book, p0: Panel, bps: float, held: int, offered: int) -> None:
    """The sizes within 1, 2, 3 and 5 bps of the mid."""
    expected = held / (held + offered)
    assert expected == pytest.approx(books.imbalance_within(b0, bps, kind="ratio"), rel=1e-14)
    assert [expected] == pytest.approx(arrays.imbalance_within(*four(p0), bps, kind="ratio"), rel=1e-14)


def test_counts_of_orders(p0: Panel) -> None:
    """Numbers of orders instead of sizes; unknown where one level of the range has none."""
    bids = (Level(100.0, 50.0, 1), Level(99.0, 1.0, 5), Level(98.0, 1.0, None))
    asks = (Level(101.0, 1.0, 3), Level(102.0, 1.0, 3), Level(103.0, 1.0, 1))
    view = Depth(symbol="", bids=bids, asks=asks, levels=3)
    assert (-0.5, 0.0) == (books.imbalance(view, by="count"), books.imbalance(view, 2, by="count"))
    assert books.imbalance(view, 3, by="count") is None
    assert books.imbalance(view, 3) is not None
    assert -0.5 == books.imbalance_within(view, 51, by="count")
    assert (1 + 2.5 - 4.5) / (3.5 + 4.5) == books.imbalance_weighted(view, "rank", by="count", depth=2)
    counts = np.array([[1, 5, 0]], "u4"), np.array([[3, 3, 1]], "u4")
    assert [[-0.5], [0.0]] == [arrays.imbalance(*counts, depth).tolist() for depth in (1, 2)]


def test_an_order_book_knows_its_counts() -> None:
    """Two small orders against a large one."""
    book = L3Book()
    for order_id, side, price, size in ((1, "bid", 100, 1), (2, "bid", 100, 1), (3, "ask", 101, 6)):
        book.add(order_id, side, price, size)
    assert (1 / 3, -0.5) == (books.imbalance(book, by="count"), books.imbalance(book))


# ---- odd books -------------------------------------------------------------------------------------------------------

CALLS = [
    books.imbalance,
    lambda book, **kw: books.imbalance(book, None, **kw),
    lambda book, **kw: books.imbalance_weighted(book, "rank", **kw),
    lambda book, **kw: books.imbalance_weighted(book, lam=0.5, tick=1, origin="best", **kw),
]


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize(
    ("bids", "asks", "extreme"),
    [([("100", 2)], [], (1.0, 1.0, math.inf)), ([], [("100", 2)], (-1.0, 0.0, -math.inf)), ([], [], (None,) * 3)],
)
def test_one_side(bids: Any, asks: Any, extreme: tuple[float | None, ...], call: Callable[..., Any]) -> None:
    """Undefined by default, as far as it goes on request, and undefined in any case without either side."""
    book = book_of(bids, asks)
    for kind, expected in zip(("signed", "ratio", "log"), extreme, strict=True):
        assert call(book, kind=kind) is None
        assert expected == call(book, kind=kind, one_sided="extreme")


def test_a_band_may_be_one_sided_in_a_book_that_is_not() -> None:
    """A level far from its mid: the band has one side, or none."""
    book = book_of([("100", 1)], [("102", 9), ("102.5", 1)])  # 101 +- 99 bps
    assert books.imbalance_within(book, 98) is None
    assert books.imbalance_within(book, 98, one_sided="extreme") is None
    deep = book_of([("100", 0.5), ("90", 9)], [("102", 9)])
    assert 0.5 / 9.5 == pytest.approx(books.imbalance_within(deep, 100, kind="ratio"))
    # Of a crossed book, all that is on the far side of the mid is in the band.
    crossed = book_of([("102", 1)], [("100", 3)])
    assert -0.5 == books.imbalance_within(crossed, 1)


def test_a_band_and_distances_from_the_mid_need_one() -> None:
    """Without a mid to count from not even the extreme is known."""
    book = book_of([("100", 2)], [])
    below = book_of([("-101", 2)], [("-100", 2)])
    assert books.imbalance_within(book, 5, one_sided="extreme") is None
    assert books.imbalance_weighted(book, lam=1, tick=1, one_sided="extreme") is None
    assert books.imbalance_weighted(book, lambda d: 1.0, tick=1, one_sided="extreme") is None
    assert books.imbalance_within(below, 5) is None
    assert books.imbalance_weighted(below, "inverse", unit="bps") is None
    assert 0.0 == books.imbalance_weighted(below, "inverse", tick=1)
    row, low = ([100.0], [2.0], [NAN], [0.0]), ([-101.0], [2.0], [-100.0], [2.0])
    for got in (
        arrays.imbalance_within(*row, 5, one_sided="extreme"),
        arrays.imbalance_weighted(*row, lam=1, tick=1, one_sided="extreme"),
        arrays.imbalance_weighted(*row, np.ones_like, tick=1, one_sided="extreme"),
        arrays.imbalance_within(*low, 5),
        arrays.imbalance_weighted(*low, "inverse", unit="bps"),
    ):
        assert np.isnan(got).all()


def test_locked_is_normal_but_for_inverse_distances() -> None:
    """1 / 0 is no weight; everything else has one."""
    book = book_of([("100.01", 1), ("100.00", 5)], [("100.01", 3)])
    assert -0.5 == books.imbalance(book)
    assert books.imbalance_weighted(book, "inverse", tick=0.01) is None
    assert (1 + 5 / math.e - 3) / (1 + 5 / math.e + 3) == pytest.approx(
        books.imbalance_weighted(book, lam=1, tick=0.01), rel=1e-12
    )


def test_a_level_at_the_mid_is_there_and_not_a_rounding_error_away() -> None:
    """Of a crossed book a level may lie on the mid, which float arithmetic misses by a digit."""
    bids, asks = [("100.02", 1), ("100.01", 2)], [("100.00", 1)]
    assert 100.01 != (100.00 + 100.02) / 2
    assert books.imbalance_weighted(book_of(bids, asks), "inverse", tick=0.01) is None
    row = ([[100.02, 100.01]], [[1, 2]], [[100.00, NAN]], [[1, 0]])
    assert np.isnan(arrays.imbalance_weighted(*row, "inverse", tick=0.01)).all()


def test_a_wide_spread_does_not_make_all_weights_zero() -> None:
    """Only differences of distance matter to an exponential weight: exp(-5000) is no float."""
    bids, asks = [("1", 1)], [("201", 3), ("202", 3 * math.e)]
    assert (1 - 6) / 7 == pytest.approx(books.imbalance_weighted(book_of(bids, asks), lam=1, tick=1), rel=1e-9)
    row = ([[1.0, NAN]], [[1, 0]], [[20001.0, 20002.0]], [[3, 3 * math.e]])
    np.testing.assert_allclose(arrays.imbalance_weighted(*row, lam=1, tick=1), [-5 / 7], rtol=1e-9)


# ---- both forms ------------------------------------------------------------------------------------------------------

WEIGHTED: list[tuple[Any, dict[str, Any]]] = [
    ("exp", {"lam": 0.5, "tick": 0.01}),
    ("exp", {"lam": 0.5, "tick": 0.01, "origin": "best"}),
    ("exp", {"lam": 2, "unit": "bps"}),
    ("inverse", {"tick": 0.01}),
    ("inverse", {"unit": "bps", "depth": 2}),
    ("rank", {}),
    ((3, 2, 1), {}),
    (lambda d: 1 / (1 + d), {"tick": 0.01}),
]
PAIRS: list[tuple[Callable[..., Any], Callable[..., Any]]] = [
    *(
        (
            lambda book, depth=depth, **kw: books.imbalance(book, depth, **kw),
            lambda p, depth=depth, **kw: arrays.imbalance(p.bid_sz, p.ask_sz, depth, **kw),
        )
        for depth in (1, 3, None)
    ),
    *(
        (
            lambda book, bps=bps, **kw: books.imbalance_within(book, bps, **kw),
            lambda p, bps=bps, **kw: arrays.imbalance_within(*four(p), bps, **kw),
        )
        for bps in (0.5, 3)
    ),
    *(
        (
            lambda book, how=how, options=options, **kw: books.imbalance_weighted(book, how, **options, **kw),
            lambda p, how=how, options=options, **kw: arrays.imbalance_weighted(*four(p), how, **options, **kw),
        )
        for how, options in WEIGHTED
    ),
]


@pytest.mark.parametrize(("one", "many"), PAIRS)
@pytest.mark.parametrize("kind", ["signed", "ratio", "log"])
def test_one_book_and_many_agree(
    make_panel: MakePanel, books_of: BooksOf, one: Callable[..., Any], many: Callable[..., Any], kind: str
) -> None:
    """Each row is what the book of that row says, None where NaN, also where one side is empty."""
    panel = make_panel(11, rows=120)
    for one_sided in ("nan", "extreme"):
        expected = np.array([one(book, kind=kind, one_sided=one_sided) for book in books_of(panel)], float)
        assert np.isfinite(expected).any()
        assert np.isnan(expected).any() or one_sided == "extreme"
        np.testing.assert_allclose(many(panel, kind=kind, one_sided=one_sided), expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("many", [many for _, many in PAIRS])
def test_properties(make_panel: MakePanel, many: Callable[..., Any]) -> None:
    """Swapped sides change the sign, the scale of sizes and absent columns nothing; the kinds belong together."""
    panel = make_panel(12)
    rows = {"ts": panel.ts, "state": panel.state}

    def of(bid_px: Any, bid_sz: Any, ask_px: Any, ask_sz: Any) -> Panel:
        return Panel(bid_px=bid_px, bid_sz=bid_sz, ask_px=ask_px, ask_sz=ask_sz, **rows)

    bid_px, bid_sz, ask_px, ask_sz = four(panel)
    signed, ratio, log = (many(panel, kind=kind) for kind in ("signed", "ratio", "log"))
    assert np.nanmax(np.abs(signed)) <= 1
    np.testing.assert_allclose(ratio, (signed + 1) / 2, rtol=1e-12)
    np.testing.assert_allclose(log, 2 * np.arctanh(signed), rtol=1e-9, atol=1e-12)
    scaled = of(bid_px, bid_sz * 7, ask_px, ask_sz * 7)
    np.testing.assert_allclose(many(scaled), signed, rtol=1e-12, atol=1e-14)
    fills = (NAN, 0, NAN, 0)
    wide = [np.pad(side, ((0, 0), (0, 2)), constant_values=fill) for side, fill in zip(four(panel), fills, strict=True)]
    np.testing.assert_allclose(many(of(*wide)), signed, rtol=1e-12, atol=1e-14)
    # Each row is mirrored at its mid, which stays where it is.
    mids = (bid_px[:, 0] + ask_px[:, 0])[:, None] / 2
    twice = 2 * np.where(np.isnan(mids), 100.0, mids)
    mirror = of(twice - ask_px, ask_sz, twice - bid_px, bid_sz)
    np.testing.assert_allclose(many(mirror), -signed, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("rows", [0, 3])
def test_no_levels_and_no_rows(rows: int) -> None:
    """Arrays without columns are empty books, arrays without rows give none."""
    none = np.empty((rows, 0))
    for got in (
        arrays.imbalance(none, none),
        arrays.imbalance_within(none, none, none, none, 5),
        arrays.imbalance_weighted(none, none, none, none, lam=1, tick=1),
        arrays.imbalance_weighted(none, none, none, none, "rank"),
        arrays.imbalance_zscore(none, none, events=2),
    ):
        assert (rows,) == got.shape
        assert np.isnan(got).all()


def test_a_view_may_have_absent_levels(b0: L2Book) -> None:
    """Levels of size 0 have no rank and no weight, whatever their price."""
    hole, end = Level(100.005, 0.0, 7), Level(NAN, 0.0)
    view = Depth(symbol="", bids=(hole, *b0.bids[:], end), asks=(b0.asks[0], hole, *b0.asks[1:], end), levels=5)
    for call in (
        lambda book: books.imbalance(book, None),
        lambda book: books.imbalance_within(book, 3),
        lambda book: books.imbalance_weighted(book, "rank"),
        lambda book: books.imbalance_weighted(book, lam=0.5, tick=0.01),
        lambda book: books.imbalance_weighted(book, "inverse", tick=0.01, origin="mid"),
    ):
        assert call(view) == call(b0) is not None


def test_sizes_that_are_no_sizes_are_absent() -> None:
    """Zero, negative and NaN sizes count for nothing; one column may be given as (T,)."""
    np.testing.assert_array_equal([1 / 3, NAN], arrays.imbalance([[2, -5], [NAN, 0]], [[NAN, 1], [1, 1]]))
    assert [0.5] == arrays.imbalance([3], [1]).tolist()


# ---- rolling score ---------------------------------------------------------------------------------------------------


def scores_by_hand(values: np.ndarray, width: int, reset: np.ndarray) -> np.ndarray:
    """The definition, row by row."""
    out = np.full(len(values), NAN)
    for t in range(width - 1, len(values)):
        if reset[t - width + 2 : t + 1].any() or np.isnan(values[t]):
            continue
        window = values[t - width + 1 : t + 1]
        window = window[~np.isnan(window)]
        if (window != window[0]).any():
            out[t] = (values[t] - window.mean()) / window.std()
    return out


@pytest.mark.parametrize("width", [2, 3, 7, 64, 200])
def test_zscore_is_what_it_is_defined_as(make_panel: MakePanel, width: int) -> None:
    """Against the definition, with one-sided rows and resets."""
    panel = make_panel(14, rows=300)
    reset = np.zeros(300, bool)
    reset[[40, 41, 230]] = True
    held, offered = panel.bid_sz[:, :2].sum(1), panel.ask_sz[:, :2].sum(1)
    values = np.where((held > 0) & (offered > 0), held - offered, NAN)
    for flags in (reset, ~reset & False):
        expected = scores_by_hand(values, width, flags)
        got = arrays.imbalance_zscore(panel.bid_sz, panel.ask_sz, events=width, depth=2, reset=flags)
        np.testing.assert_allclose(got, expected, rtol=1e-9, atol=1e-9)
        assert np.isfinite(expected).any() or flags is reset


def test_zscore_keeps_its_digits_on_a_high_level() -> None:
    """A difference of sizes near a billion that moves by single lots."""
    rng = np.random.default_rng(15)
    held = 1e9 + rng.integers(0, 5, 1000)
    expected = scores_by_hand(held - 1.0, 50, np.zeros(1000, bool))
    np.testing.assert_allclose(arrays.imbalance_zscore(held, np.ones(1000), events=50), expected, rtol=1e-6, atol=1e-9)


def test_zscore_of_equal_numbers_is_undefined() -> None:
    """A window without spread has no score, also right after a jump whose squares do not cancel."""
    held = np.repeat([0.1, 12345.7], 20)
    got = arrays.imbalance_zscore(held, np.full(40, 0.03), events=4)
    np.testing.assert_array_equal(np.isfinite(got), np.isin(np.arange(40), (20, 21, 22)))


def test_zscore_looks_at_nothing_later(make_panel: MakePanel) -> None:
    """The scores of a beginning are the beginning of the scores, to the last digit."""
    panel = make_panel(16, rows=100)
    whole = arrays.imbalance_zscore(panel.bid_sz, panel.ask_sz, events=7)
    for rows in (1, 6, 7, 8, 50, 99):
        part = arrays.imbalance_zscore(panel.bid_sz[:rows], panel.ask_sz[:rows], events=7)
        np.testing.assert_array_equal(whole[:rows], part)


def test_zscore_after_a_reset_to_another_level() -> None:
    """What was before a reset, or a long stretch without a side, is not what precision is measured by."""
    rng = np.random.default_rng(16)
    values = np.repeat([0.0, 1e7, 3e9], 40) + rng.integers(0, 3, 120)
    values[60:80] = NAN
    reset = np.isin(np.arange(120), (40, 85))
    got = arrays.imbalance_zscore(
        np.where(np.isnan(values), 0, values + 5e9), np.full(120, 5e9), events=10, reset=reset
    )
    expected = scores_by_hand(values, 10, reset)
    np.testing.assert_array_equal(np.isnan(got), np.isnan(expected))
    np.testing.assert_allclose(got, expected, rtol=1e-6, atol=1e-6)


def test_zscore_of_a_window_that_never_fills() -> None:
    """No memory is asked for a window longer than the rows."""
    assert np.isnan(arrays.imbalance_zscore([1, 2, 3], [1, 1, 1], events=10**15)).all()


# ---- refused ---------------------------------------------------------------------------------------------------------

EMPTY = book_of([], [])
ROW = ([1.0], [1.0], [2.0], [1.0])


@pytest.mark.parametrize("weights", [None, 5])
def test_weights_are_of_some_kind(weights: Any) -> None:
    """Neither a name, a function nor numbers."""
    with pytest.raises(TypeError, match=f"weights are a name, a function .* not {weights}"):
        books.imbalance_weighted(EMPTY, weights, tick=1)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: books.imbalance(EMPTY, 0), "depth is at least 1, not 0"),
        (lambda: books.imbalance(EMPTY, kind="odds"), "kind is one of 'signed', 'ratio', 'log', not 'odds'"),
        (lambda: books.imbalance(EMPTY, one_sided="zero"), "one_sided is one of 'nan', 'extreme', not 'zero'"),
        (lambda: books.imbalance(EMPTY, by="orders"), "by is one of 'size', 'count', not 'orders'"),
        (lambda: books.imbalance_within(EMPTY, 0), "^bps is a number above 0, not 0"),
        (lambda: books.imbalance_within(EMPTY, 5, by="orders"), "by is one of"),
        (lambda: books.imbalance_weighted(EMPTY, tick=1), "lam is the decay .* not None"),
        (lambda: books.imbalance_weighted(EMPTY, "rank", lam=1), "lam is the decay .* not 1"),
        (lambda: books.imbalance_weighted(EMPTY, lam=0, tick=1), "lam is a number above 0, not 0"),
        (lambda: books.imbalance_weighted(EMPTY, lam=1), "tick is needed to count in ticks"),
        (lambda: books.imbalance_weighted(EMPTY, "inverse", tick=-1), "tick is a number above 0, not -1"),
        (lambda: books.imbalance_weighted(EMPTY, "box"), "weights is one of 'exp', 'inverse', 'rank', not 'box'"),
        (lambda: books.imbalance_weighted(EMPTY, []), "weights by rank are finite"),
        (lambda: books.imbalance_weighted(EMPTY, [1, -1]), "weights by rank are finite"),
        (lambda: books.imbalance_weighted(EMPTY, [NAN]), "weights by rank are finite"),
        (lambda: books.imbalance_weighted(EMPTY, "rank", unit="cm"), "unit is one of 'ticks', 'bps', not 'cm'"),
        (lambda: books.imbalance_weighted(EMPTY, "rank", origin="last"), "origin is one of 'mid', 'best', not 'last'"),
        (lambda: arrays.imbalance([1], [1], 0), "depth is at least 1, not 0"),
        (lambda: arrays.imbalance([1], [1], kind="odds"), "kind is one of"),
        (lambda: arrays.imbalance([1], [1, 2]), "one number of rows"),
        (lambda: arrays.imbalance_within(*ROW, -5), "bps is a number above 0, not -5"),
        (lambda: arrays.imbalance_weighted(*ROW, lam=1), "tick is needed to count in ticks"),
        (lambda: arrays.imbalance_weighted(*ROW, lambda d: 1.0, tick=1), r"a function of an array to one of its shape"),
        (lambda: arrays.imbalance_zscore([1], [1], events=1), "events is at least 2, not 1"),
        (lambda: arrays.imbalance_zscore([1], [1], events=2, reset=[True, False]), "reset has one value a row"),
    ],
)
def test_what_is_refused(call: Callable[[], Any], message: str) -> None:
    """Wrong arguments are named, whatever the data."""
    with pytest.raises(ValueError, match=message):
        call()
