"""Order flow imbalance, trade flow and VPIN: the worked examples, their properties, and streams equal to arrays."""

from __future__ import annotations

import math
import pickle
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from orderbook import L2Book, Panel
from orderbook.analytics.arrays.buckets import bvc, vpin, vpin_bvc
from orderbook.analytics.arrays.flow import (
    mlofi,
    mlofi_anchored,
    net_volume,
    ofi,
    ofi_integrated,
    ofi_window,
    trade_imbalance,
)
from orderbook.analytics.flow import OFI, TradeFlow
from orderbook.analytics.vpin import VPIN

Floats = npt.NDArray[np.float64]
MakePanel = Callable[..., Panel]
BooksOf = Callable[[Panel], Iterator[L2Book]]

NAN = math.nan

BID_PX = np.array([[100, 99], [100, 99], [101, 100], [101, 100], [100, 99]], float)
BID_SZ = np.array([[5, 10], [8, 10], [4, 8], [4, 8], [8, 9]], float)
ASK_PX = np.array([[102, 103], [102, 103], [102, 103], [103, 104], [103, 104]], float)
ASK_SZ = np.array([[7, 6], [7, 6], [3, 6], [6, 9], [6, 9]], float)
FIVE = (BID_PX, BID_SZ, ASK_PX, ASK_SZ)

SIDES = [1, -1, 1, 1, -1, -1]
SIZES = [4, 2, 6, 3, 5, 4]


def grids(panel: Panel) -> tuple[Floats, Floats, Floats, Floats]:
    """The four grids of a panel in the order of every array function."""
    return panel.bid_px, panel.bid_sz, panel.ask_px, panel.ask_sz


def number(value: float | None) -> float:
    """A value of a stream as arrays have it."""
    return NAN if value is None else value


def known_panel(panel: Panel) -> Panel:
    """The same rows where an absent level is truly not there."""
    yes = np.ones(len(panel), bool)
    names = ("ts", "state", "bid_px", "bid_sz", "ask_px", "ask_sz")
    return Panel(panel.symbol, **{name: getattr(panel, name) for name in names}, bids_known=yes, asks_known=yes)


def known_books(panel: Panel) -> Iterator[L2Book]:
    """Complete books of the rows: their sides have no more levels than are shown."""
    for i in range(len(panel)):
        book = L2Book()
        sides = []
        for px, sz in ((panel.bid_px[i], panel.bid_sz[i]), (panel.ask_px[i], panel.ask_sz[i])):
            sides.append(list(zip(px[sz > 0].tolist(), sz[sz > 0].tolist(), strict=True)))
        book.apply_snapshot(*sides)
        yield book


def random_tape(seed: int, count: int = 300) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], Floats]:
    """Times that repeat, signs of which some are unknown, and sizes that are no round numbers."""
    rng = np.random.default_rng(seed)
    return np.cumsum(rng.integers(0, 4, count)), rng.integers(-1, 2, count), rng.integers(1, 60, count) / 10


# ---- OFI -------------------------------------------------------------------------------------------------------------


def test_ofi_of_the_worked_example() -> None:
    """Five snapshots of two levels, and their sums."""
    e = mlofi(*FIVE)
    assert [[3, 0], [8, 8], [3, 6], [-4, -8]] == e[1:].tolist()
    assert np.isnan(e[0]).all()
    assert [[10, 6]] == ofi_window(e, range(5), [0, 5]).tolist()
    depth = np.mean([BID_SZ[:, 0], ASK_SZ[:, 0]])
    assert (5.8, 0.862) == (depth, round(10 / (2 * depth), 3))


def test_ofi_takes_the_old_size_when_a_price_retreats() -> None:
    """Not the new size, as in much code that is about: that would say 3, 8, 6, -8."""
    assert [3, 8, 3, -4] == ofi(*FIVE)[1:].tolist()


def test_ofi_is_the_first_column_of_mlofi(make_panel: MakePanel) -> None:
    """On odd rows too, with and without known sides."""
    panel = make_panel(1)
    for known in ({}, {"bids_known": np.ones(200, bool), "asks_known": np.arange(200) % 3 > 0}):
        np.testing.assert_array_equal(ofi(*grids(panel), **known), mlofi(*grids(panel), **known)[:, 0])


def test_anchored_ofi_counts_a_shifted_rank_once() -> None:
    """Only the touch changed in the second event: 8 in all, where the ranks say 8 and 8."""
    assert 8 == mlofi_anchored(*FIVE)[2]


def test_anchored_ofi_reads_only_prices_that_both_rows_show() -> None:
    """A level that falls out of view because a better one came is no flow."""
    bids = [[100, 99], [101, 100]], [[5, 9], [1, 5]]
    asks = [[102, 103], [102, 103]], [[1, 1], [1, 1]]
    assert 1 == mlofi_anchored(*bids, *asks)[1]
    short = [[100, 99], [101, NAN]], [[5, 9], [1, 0]]
    # Of the second row no price below 101 is known, unless it is said that there is none.
    assert 1 == mlofi_anchored(*short, *asks)[1]
    assert 1 - (5 + 9) == mlofi_anchored(*short, *asks, bids_known=[False, True])[1]


@pytest.mark.parametrize("function", [ofi, mlofi, mlofi_anchored])
def test_ofi_changes_its_sign_when_sides_are_swapped(function: Callable[..., Floats], make_panel: MakePanel) -> None:
    """Bids at p become asks at -p."""
    panel = make_panel(2)
    swapped = function(-panel.ask_px, panel.ask_sz, -panel.bid_px, panel.bid_sz)
    np.testing.assert_array_equal(function(*grids(panel)), -swapped)


def test_ofi_telescopes_while_prices_stand() -> None:
    """With constant prices the sum is the change of the bid size less that of the ask size."""
    rng = np.random.default_rng(3)
    bid, ask = rng.integers(1, 50, (2, 100)).astype(float)
    e = ofi(np.full(100, 0.1), bid, np.full(100, 0.2), ask)
    assert (bid[-1] - bid[0]) - (ask[-1] - ask[0]) == np.nansum(e)


@pytest.mark.parametrize("function", [ofi, mlofi, mlofi_anchored])
def test_ofi_is_never_differenced_across_a_reset(function: Callable[..., Floats]) -> None:
    """A reset row is undefined, and nothing else changes."""
    reset = np.array([False, False, True, False, False])
    plain, cut = function(*FIVE), function(*FIVE, reset=reset)
    assert np.isnan(cut[2]).all() and not np.isnan(plain[2]).any()
    np.testing.assert_array_equal(plain[[0, 1, 3, 4]], cut[[0, 1, 3, 4]])


def test_ofi_is_undefined_where_a_side_is_absent() -> None:
    """Before or after, empty or a size of 0 at a price; never 0."""
    bid = [100, NAN, 100, 100, 100]
    e = ofi(bid, [5, 0, 5, 0, 5], [101] * 5, [1] * 5)
    assert np.isnan(e).all()


def test_a_level_known_to_be_absent_appears_and_disappears_with_its_size() -> None:
    """Then the whole size came or went; from absent to absent nothing did."""
    yes = [True] * 5
    e = ofi([100, NAN, NAN, 100, 100], [5, 0, 0, 7, 7], [101] * 5, [1] * 5, bids_known=yes)
    assert [-5, 0, 7, 0] == e[1:].tolist()
    e = ofi([90] * 5, [1] * 5, [100, NAN, NAN, 100, 100], [5, 0, 0, 7, 7], asks_known=yes)
    assert [5, 0, -7, 0] == e[1:].tolist()


def test_absent_columns_change_nothing(make_panel: MakePanel) -> None:
    """Columns of NaN and 0 to the right leave the other columns as they are."""
    panel = make_panel(4)
    wide = [
        np.hstack([grid, np.full((200, 2), fill)]) for grid, fill in zip(grids(panel), (NAN, 0, NAN, 0), strict=True)
    ]
    np.testing.assert_array_equal(mlofi(*grids(panel)), mlofi(*wide)[:, :6])
    # No flag says that a row which is not full any more shows all there is.
    np.testing.assert_array_equal(mlofi_anchored(*grids(panel)), mlofi_anchored(*wide))


def test_levels_cuts_columns(make_panel: MakePanel) -> None:
    """The same as cutting the input."""
    panel = make_panel(5)
    cut = [grid[:, :2] for grid in grids(panel)]
    np.testing.assert_array_equal(mlofi(*cut), mlofi(*grids(panel), levels=2))
    np.testing.assert_array_equal(mlofi_anchored(*cut), mlofi_anchored(*grids(panel), levels=2))


def test_equal_ticks_of_a_panel_are_equal_and_ticks_as_int_are_too() -> None:
    """Rounded prices compare exactly; computed ones do not, which is what int ticks are for."""
    computed = 100.0
    for _ in range(7):
        computed += 0.01
    assert [NAN, 2.0] == pytest.approx(ofi([100.07, 100.07], [5, 7], [101, 101], [1, 1]), nan_ok=True)
    assert 7 == ofi([100.07, computed], [5, 7], [101, 101], [1, 1])[1]  # a better price, wrongly
    ticks = np.array([10007, 10007, np.iinfo(np.int64).min])
    assert [2.0, NAN] == pytest.approx(ofi(ticks, [5, 7, 0], [10100] * 3, [1] * 3)[1:], nan_ok=True)


def test_ofi_of_locked_crossed_zero_and_negative_prices() -> None:
    """All are prices like any other."""
    e = ofi([-1, 0, 0, 2], [5, 6, 6, 1], [1, 1, 0, 1], [2, 2, 3, 2])
    assert [6, -3, 1 + 3] == e[1:].tolist()


def test_blocks_do_not_show() -> None:
    """More rows than a block holds give what row by row gives."""
    rng = np.random.default_rng(6)
    rows = 9_000
    bid = 100 + rng.integers(-2, 3, rows).astype(float)
    sizes = rng.integers(1, 9, (2, rows)).astype(float)
    e = ofi(bid, sizes[0], bid + 1, sizes[1])
    cut = [
        ofi(bid[i : i + 2], sizes[0, i : i + 2], bid[i : i + 2] + 1, sizes[1, i : i + 2])[1] for i in range(rows - 1)
    ]
    assert cut == e[1:].tolist()


@pytest.mark.parametrize("rows", [0, 1])
def test_ofi_of_few_rows(rows: int) -> None:
    """No row is no step."""
    assert (rows, 3) == mlofi(*[np.ones((rows, 3))] * 4).shape
    assert np.isnan(ofi(*[np.ones((rows, 3))] * 4)).all()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((BID_PX, BID_SZ, ASK_PX[:4], ASK_SZ[:4]), "bids and asks have one shape"),
        ((*FIVE, 3), "levels is at most 2"),
        ((*FIVE, 0), "levels is at least 1"),
        ([np.zeros((3, 0))] * 4, r"bids and asks have at least one level, not the shape \(3, 0\)"),
        ((*FIVE, None, [True]), "reset has one value a row"),
    ],
)
def test_arguments_of_mlofi(arguments: tuple[Any, ...], message: str) -> None:
    """What does not fit is named."""
    with pytest.raises(ValueError, match=message):
        mlofi(*arguments)


def test_window_sums_of_ofi() -> None:
    """Edges belong to the window they open; empty is 0, nothing but undefined is NaN, and one NaN is a choice."""
    e, ts = [NAN, 1, 2, NAN, 4], [0, 1, 1, 5, 6]
    assert [1 + 2, 0] == ofi_window(e, ts, [0, 2, 5]).tolist()
    assert [NAN, 4.0] == pytest.approx(ofi_window(e, ts, [5, 6, 7]), nan_ok=True)
    assert [NAN, 3.0, NAN] == pytest.approx(ofi_window(e, ts, [0, 1, 5, 7], on_nan="nan"), nan_ok=True)
    stamps = np.array(ts, "M8[ns]")
    assert 7 == ofi_window(e, stamps, np.array([0, 7], "M8[ns]"))[0]


def test_arguments_of_windows() -> None:
    """Times rise, edges are two, policies are spelled."""
    with pytest.raises(ValueError, match="on_nan is one of 'skip', 'nan', not 'zero'"):
        ofi_window([1], [0], [0, 1], on_nan="zero")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"ts never falls, but ts\[1\]"):
        ofi_window([1, 1], [1, 0], [0, 1])
    with pytest.raises(ValueError, match="edges are at least 2 times, not 1"):
        ofi_window([1], [0], [0])
    with pytest.raises(ValueError, match="e has one row for each of 2 times"):
        ofi_window([1], [0, 1], [0, 1])
    with pytest.raises(TypeError, match="ts holds int nanoseconds or datetime64, not float64"):
        ofi_window([1], [0.5], [0, 1])


def test_integrated_ofi_finds_the_common_direction() -> None:
    """Rows along one direction are explained by it in full, whatever sign the eigenvector came with."""
    rng = np.random.default_rng(7)
    direction = np.array([3.0, 2.0, 1.0])
    flow = rng.normal(size=50)
    found = ofi_integrated(np.outer(flow, direction), depth=2.0)
    np.testing.assert_allclose(found.weights, direction / 6, atol=1e-12)
    np.testing.assert_allclose(found.value, flow * (direction @ direction) / 6 / 2, atol=1e-12)
    assert 1 == pytest.approx(found.explained)


def test_integrated_ofi_leaves_undefined_rows_out() -> None:
    """They have no value and no say; a depth of 0 is undefined too."""
    rows = np.array([[1, 2], [NAN, 5], [2, 3], [-1, 1], [7, 7]], float)
    found = ofi_integrated(rows, depth=[1, 1, 1, 1, 0])
    assert [False, True, False, False, True] == np.isnan(found.value).tolist()
    np.testing.assert_allclose(found.weights, ofi_integrated(rows[[0, 2, 3]]).weights)
    assert 1 == pytest.approx(np.abs(found.weights).sum())
    assert found.weights.sum() > 0


def test_integrated_ofi_with_weights_of_another_period() -> None:
    """They are applied as they are; too few rows to fit any give NaN."""
    found = ofi_integrated([[1, 2], [3, 4]], weights=[0.5, 0.5])
    assert ([1.5, 3.5], True) == (found.value.tolist(), math.isnan(found.explained))
    assert np.isnan(ofi_integrated([[1, 2]]).weights).all()
    assert np.isnan(ofi_integrated([[1, 2], [1, 2]]).weights).all()
    with pytest.raises(ValueError, match="weights has one number a level"):
        ofi_integrated([[1, 2]], weights=[1])


@pytest.mark.parametrize("rows", [[[0.1, 0.7]] * 7, [[1e300, 1.0], [-1e300, 2.0]]])
def test_integrated_ofi_without_a_variance_that_is_a_number(rows: list[list[float]]) -> None:
    """Rounding in the mean of equal rows is no direction, and neither is what is too large for a float."""
    found = ofi_integrated(rows)
    assert np.isnan([*found.weights, found.explained]).all()


# ---- OFI, streaming --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("known", [False, True])
def test_streaming_ofi_is_the_array_form(seed: int, known: bool, make_panel: MakePanel, books_of: BooksOf) -> None:
    """Row by row and level by level, with None where the array has NaN."""
    panel = make_panel(seed)
    panel = known_panel(panel) if known else panel
    flags = {"bids_known": panel.bids_known, "asks_known": panel.asks_known} if known else {}
    ranks, anchored = OFI(levels=6), OFI(levels=6, anchored=True)
    got, got_anchored = [], []
    for ts, book in zip(panel.ts.tolist(), known_books(panel) if known else books_of(panel), strict=True):
        ranks.update(book, ts)
        anchored.update(book, ts)
        got.append([number(value) for value in ranks.values])
        got_anchored.append(number(anchored.value))
    np.testing.assert_allclose(got, mlofi(*grids(panel), **flags), rtol=0, atol=1e-12)
    np.testing.assert_allclose(got_anchored, mlofi_anchored(*grids(panel), **flags), rtol=0, atol=1e-12)


def test_streaming_ofi_sums_over_a_window(make_panel: MakePanel, books_of: BooksOf) -> None:
    """Of time (open at its start) or of updates; undefined updates are left out."""
    panel = make_panel(8)
    e = ofi(*grids(panel))
    span = 100_000_000
    timed, counted = OFI(window=timedelta(milliseconds=100)), OFI(events=7)
    for i, (ts, book) in enumerate(zip(panel.ts.tolist(), books_of(panel), strict=True)):
        timed.update(book, ts)
        counted.update(book, ts)
        expected = ofi_window(e[: i + 1], panel.ts[: i + 1], [ts - span + 1, ts + 1])[0]
        assert expected == pytest.approx(number(timed.value), abs=1e-12, nan_ok=True)
        last = e[max(i - 6, 0) : i + 1]
        expected = NAN if np.isnan(last).all() else np.nansum(last)
        assert expected == pytest.approx(number(counted.value), abs=1e-12, nan_ok=True)


def test_a_reset_is_not_differenced_across() -> None:
    """The update after it is undefined; what was summed before stays in the window."""
    book, flow = L2Book(), OFI(events=10)
    for ts, size in enumerate([5, 8]):
        book.apply_snapshot([(100, size)], [(101, 1)])
        flow.update(book, ts)
    flow.reset()
    book.apply_snapshot([(90, 99)], [(91, 1)])
    flow.update(book, 2)
    assert 3 == flow.value
    book.apply_snapshot([(90, 98)], [(91, 1)])
    flow.update(book, 3)
    assert 2 == flow.value


def test_ofi_before_it_is_defined(b0: L2Book) -> None:
    """None, for each level."""
    flow = OFI(levels=2)
    assert (None, None) == flow.values
    flow.update(b0, 0)
    assert None is flow.value


def test_ofi_reads_a_view_and_survives_a_pickle(b0: L2Book) -> None:
    """A Depth is as good as a live book, and an estimator goes on after a pickle."""
    flow = OFI(levels=2, window=10)
    flow.update(b0.depth(2), 0)
    flow = pickle.loads(pickle.dumps(flow))
    b0.apply_snapshot([(100, 6)], [("100.02", 15), ("100.03", 5)])
    flow.update(b0, 1)
    assert (1, -10) == flow.values


def test_arguments_of_the_streams() -> None:
    """A window is one thing, and times never fall."""
    with pytest.raises(ValueError, match="not both"):
        OFI(window=1, events=1)
    with pytest.raises(ValueError, match="levels is at least 1, not 0"):
        OFI(levels=0)
    with pytest.raises(ValueError, match="window of time or a number of events"):
        TradeFlow()
    tape = TradeFlow(events=2)
    tape.update(5, "buy", 1)
    with pytest.raises(ValueError, match="ts never falls: 4 is earlier than the last, 5"):
        tape.update(4, "buy", 1)
    with pytest.raises(ValueError, match="size is a finite number of at least 0, not -1"):
        tape.update(5, "buy", -1)


def test_rolling_sums_do_not_drift() -> None:
    """After huge sizes have left the window nothing of their rounding is left in it."""
    tape = TradeFlow(window=3)
    for ts in range(1000):
        tape.update(ts, 1, 1e16 if ts % 2 else 0.1)
    for ts in range(1000, 1010):
        tape.update(ts, -1, 0.1)
    assert (-1.0, 0.1 + 0.1 + 0.1) == (tape.value, tape.volume)


def test_rolling_sums_keep_what_is_small_beside_what_leaves() -> None:
    """A huge trade that leaves the window takes nothing of the small ones with it, at once."""
    tape = TradeFlow(events=2)
    for ts, size in enumerate([1e17, 1, 1]):
        tape.update(ts, "buy", size)
    assert (1.0, 2.0) == (tape.value, tape.volume)
    tape = TradeFlow(window=3)
    for ts, signed in enumerate([1e12, 1e-5, -3e-5, 1e-5]):
        tape.update(ts, 1 if signed > 0 else -1, abs(signed))
    assert -0.2 == pytest.approx(tape.value, abs=1e-12)


# ---- trades ----------------------------------------------------------------------------------------------------------


def test_trade_imbalance_of_the_worked_example() -> None:
    """One twelfth."""
    assert 0.0833333 == round(float(trade_imbalance(SIDES, SIZES, range(6), [0, 6])[0]), 7)
    assert [2] == net_volume(SIDES, SIZES, range(6), [0, 6]).tolist()


def test_trades_of_an_empty_window() -> None:
    """Their sum is 0 and their ratio is undefined."""
    assert [0] == net_volume(SIDES, SIZES, range(6), [10, 20]).tolist()
    assert np.isnan(trade_imbalance([0], [0], [0], [0, 1])).all()


def test_unknown_sides_are_volume_without_a_side() -> None:
    """They pull the imbalance to 0."""
    assert [0.5] == trade_imbalance([1, 0], [3, 3], [0, 0], [0, 1]).tolist()


@pytest.mark.parametrize("seed", range(3))
def test_streaming_trade_flow_is_the_array_form(seed: int) -> None:
    """Over windows that end at each trade."""
    ts, side, size = random_tape(seed)
    timed, counted = TradeFlow(window=20), TradeFlow(events=9)
    for i in range(len(ts)):
        timed.update(int(ts[i]), int(side[i]), float(size[i]))
        counted.update(int(ts[i]), int(side[i]), float(size[i]))
        past = side[: i + 1], size[: i + 1], ts[: i + 1], [ts[i] - 19, ts[i] + 1]
        assert trade_imbalance(*past)[0] == pytest.approx(number(timed.value), abs=1e-12)
        assert net_volume(*past)[0] == pytest.approx(timed.net, abs=1e-12)
        last = slice(max(i - 8, 0), i + 1)
        assert (side[last] * size[last]).sum() / size[last].sum() == pytest.approx(counted.value, abs=1e-12)


def test_trade_flow_lets_go_of_old_trades() -> None:
    """When it is told the time; a trade without size counts nothing."""
    tape = TradeFlow(window=10)
    assert (None, 0.0, 0.0) == (tape.value, tape.net, tape.volume)
    tape.update(0, None, 0.0)
    assert None is tape.value
    tape.update(0, "sell", 4)
    tape.advance(9)
    assert -1 == tape.value
    tape.advance(10)
    assert None is tape.value


@pytest.mark.parametrize(
    ("side", "size", "message"),
    [([2], [1], "side holds"), (["buy"], [1], "side holds"), ([1], [-1], "size holds"), ([1], [1, 2], "one value a")],
)
def test_arguments_of_trades(side: Any, size: Any, message: str) -> None:
    """What is no sign or size is named."""
    with pytest.raises(ValueError, match=message):
        net_volume(side, size, range(len(side)), [0, 1])


# ---- VPIN ------------------------------------------------------------------------------------------------------------


def test_vpin_of_the_worked_example() -> None:
    """Buy volumes 6, 7, 0 of 8, with trades split across buckets."""
    found = vpin(SIDES, SIZES, bucket=8, n=3)
    assert [0.5, 0.75, 1.0] == found.imbalance.tolist()
    assert [NAN, NAN, 0.75] == pytest.approx(found.value, nan_ok=True)


def test_bulk_volume_classification_of_the_worked_example() -> None:
    """6.730758, 2.468300 and 4.0 of 8, and the VPIN of these."""
    bought = bvc([0.02, -0.01, 0], 0.02, 8)
    np.testing.assert_allclose(bought, [6.730758, 2.468300, 4.0], atol=5e-7)
    assert 0.355205 == round(float(np.mean(np.abs(2 * bought - 8)) / 8), 6)
    found = vpin_bvc([100.00, 100.02, 100.01, 100.01], [4, 4, 8, 8], 8, 0.02, n=3)
    assert 0.355205 == round(float(found.value[-1]), 6)


def test_bvc_keeps_its_digits_in_the_tail_and_is_undefined_without_sigma() -> None:
    """Phi(-10) is 7.6e-24, not 0."""
    assert 7.61985302416e-24 == pytest.approx(bvc([-10], 1, 1)[0], rel=1e-10)
    assert np.isnan(bvc([1, 1], [0, NAN], 1)).all()


def test_an_incomplete_bucket_is_dropped_and_tenths_fill_one() -> None:
    """Ten times 0.1 is one, though not as a float."""
    assert 1 == len(vpin([1] * 10, [0.1] * 10, bucket=1, n=1).imbalance)
    assert 0 == len(vpin([1] * 9, [0.1] * 9, bucket=1, n=1).imbalance)
    assert 0 == len(vpin([], [], bucket=1).value)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(("bucket", "n"), [(7.3, 5), (0.7, 3), (1000, 2)])
def test_streaming_vpin_is_the_array_form(seed: int, bucket: float, n: int) -> None:
    """Bucket by bucket, also where one trade fills many, from signs and from prices."""
    ts, side, size = random_tape(seed, 200)
    price = np.round(100 + np.cumsum(np.random.default_rng(seed).integers(-1, 2, 200)) / 100, 2)
    by_sign, by_price = vpin(side, size, bucket, n), vpin_bvc(price, size, bucket, 0.02, n)
    streams = VPIN(bucket=bucket, n=n), VPIN(bucket=bucket, n=n, signs="bvc", sigma=0.02)
    for i in range(len(ts)):
        for stream, found in zip(streams, (by_sign, by_price), strict=True):
            stream.update(int(ts[i]), int(side[i]), float(size[i]), float(price[i]))
            full = int(np.searchsorted(found.end, i, side="right"))
            assert full == stream.buckets
            expected = found.value[full - 1] if full else NAN
            assert expected == pytest.approx(number(stream.value), abs=1e-12, nan_ok=True)
            np.testing.assert_allclose(stream.imbalances, found.imbalance[max(full - n, 0) : full], atol=1e-12)
    assert np.all((by_sign.imbalance >= 0) & (by_sign.imbalance <= 1))


def test_tenths_fill_a_bucket_of_a_stream_too() -> None:
    """Many in one, and one in many."""
    stream = VPIN(bucket=1, n=1)
    for ts in range(10):
        stream.update(ts, 1, 0.1)
    assert 1 == stream.buckets
    stream = VPIN(bucket=0.1, n=5)
    stream.update(0, 1, 0.3)
    assert (3, 3) == (stream.buckets, len(vpin([1], [0.3], bucket=0.1).imbalance))


def test_one_huge_trade_is_quick() -> None:
    """Of the buckets it fills only the last n are looked at, and all are counted."""
    stream = VPIN(bucket=1e-6, n=3)
    stream.update(0, "buy", 1e6)
    assert (1.0, 3) == (stream.value, len(stream.imbalances))
    assert 10**12 == pytest.approx(stream.buckets, abs=1)


def test_a_reset_drops_the_open_bucket() -> None:
    """What traded in a gap is missing from it."""
    stream = VPIN(bucket=8, n=1)
    stream.update(0, "buy", 7)
    stream.reset()
    stream.update(1, "sell", 8)
    assert (1, 1.0) == (stream.buckets, stream.value)


def test_arguments_of_vpin() -> None:
    """Sigma goes with bulk classification, which needs prices."""
    with pytest.raises(ValueError, match="signs is one of 'feed', 'bvc', not 'tick'"):
        VPIN(bucket=1, signs="tick")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="sigma is given with signs='bvc' and only then"):
        VPIN(bucket=1, sigma=1)
    with pytest.raises(ValueError, match="sigma is given with signs='bvc' and only then"):
        VPIN(bucket=1, signs="bvc")
    with pytest.raises(ValueError, match="needs the price of each trade"):
        VPIN(bucket=1, signs="bvc", sigma=1).update(0, "buy", 1)
    with pytest.raises(ValueError, match="bucket is a number above 0, not 0"):
        vpin([1], [1], bucket=0)
    with pytest.raises(ValueError, match=r"one value a trade is needed of each, not side \(1,\), size \(2,\)"):
        vpin([1], [1, 1], bucket=1)


def test_a_price_that_is_none_does_not_poison_a_stream() -> None:
    """It is refused, and leaves the bucket as it was."""
    stream = VPIN(bucket=1, n=1, signs="bvc", sigma=1)
    with pytest.raises(ValueError, match="price is a finite number, not nan"):
        stream.update(0, "buy", 1, NAN)
    stream.update(0, "buy", 1, 2)
    assert (1, 0.0) == (stream.buckets, stream.value)


def test_changes_beyond_all_numbers_are_no_warning() -> None:
    """An infinite score is surely bought."""
    assert [1.0] == bvc([1e300], 1e-300, 1).tolist()
    assert [1.0] == vpin_bvc([-1e308, 1e308], [1, 1], 2, 1, n=1).imbalance.tolist()


def test_a_fixed_book_that_changes_its_scale_is_refused() -> None:
    """A finer price makes other ints of all: 1001 and 10010 are one price, and no flow lies between them."""
    book, flow = L2Book(price_type="fixed"), OFI(events=5)
    flow.update(book, 0)
    book.apply_snapshot([("100.1", 1)], [("100.2", 2)])
    flow.update(book, 1)
    book.apply_snapshot([("100.1", 4)], [("100.2", 2)])
    flow.update(book.depth(1), 2)
    assert 2 == flow.value
    book.apply_delta([("99.95", 3)], [])
    with pytest.raises(ValueError, match=r"went from \(1, 0\) to \(2, 0\), .* give a book with price_type 'float'"):
        flow.update(book, 3)
    assert 2 == flow.value
