from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from orderbook import BookState, L2Book, Panel
from orderbook.analytics.grids import (
    GridAggregate,
    GridSide,
    HeatmapGrid,
    depth_curve,
    envelope,
    heatmap_grid,
    ladder_rows,
    price_step,
)
from orderbook.types import Side

NAN = float("nan")
TICK = 0.01


def panel_of(*rows: tuple[list[tuple[float, float]], list[tuple[float, float]]], **columns: Any) -> Panel:
    """A panel of rows of (bids, asks), ten ns apart; an absent level is filled up."""
    depth = columns.pop("depth", max(len(side) for row in rows for side in row))
    filled = [[[*side, *[(NAN, 0.0)] * (depth - len(side))] for side in row] for row in rows]
    values = np.array(filled, float).reshape(len(rows), 2, depth, 2)
    return Panel(
        **{"ts": 10 * np.arange(len(rows)), "state": np.zeros(len(rows))} | columns,
        bid_px=values[:, 0, :, 0],
        bid_sz=values[:, 0, :, 1],
        ask_px=values[:, 1, :, 0],
        ask_sz=values[:, 1, :, 1],
    )


STILL = ([(99.0, 5.0)], [(100.0, 2.0)])


# ---- one moment ------------------------------------------------------------------------------------------------------


def test_depth_curve_of_the_reference_book(b0: L2Book) -> None:
    """Totals run from the best level; a depth-limited book says nothing of what is beyond."""
    curve = depth_curve(b0)
    assert ([100.0, 99.99, 99.97], [5.0, 15.0, 35.0]) == (curve.bid_px.tolist(), curve.bid_total.tolist())
    assert ([100.02, 100.03, 100.06], [15.0, 20.0, 60.0]) == (curve.ask_px.tolist(), curve.ask_total.tolist())
    assert (False, False) == (curve.bids_known, curve.asks_known)


def test_depth_curve_is_that_of_a_view_and_of_a_row(b0: L2Book, p0: Panel) -> None:
    """A book, a view of it and a row of a panel give one curve."""
    for other in (b0.depth(3), p0):
        for one, two in zip(depth_curve(b0), depth_curve(other), strict=True):
            np.testing.assert_array_equal(one, two)


def test_depth_curve_knows_where_a_book_ends() -> None:
    """A whole book is known to be flat beyond its last level, unless the curve was cut before it."""
    book = L2Book()
    book.apply_snapshot([(99, 1), (98, 1)], [(100, 1)])
    assert (True, True) == depth_curve(book)[4:]
    assert (False, True) == depth_curve(book, 1)[4:]
    assert (True, True) == depth_curve(book.depth(5))[4:]
    assert (False, False) == depth_curve(book.depth(1))[4:]
    assert (True, False) == depth_curve(panel_of(([(99, 1)], [(100, 1), (101, 1)])))[4:]


def test_depth_curve_of_missing_sides() -> None:
    """A side without levels is two empty arrays, never an error."""
    book = L2Book()
    assert [0, 0, 0, 0] == [len(values) for values in depth_curve(book)[:4]]
    book.apply_snapshot([], [(100, 1)])
    assert [0, 0, 1, 1] == [len(values) for values in depth_curve(book)[:4]]


def test_ladder_rows_of_the_reference_book(b0: L2Book) -> None:
    """Asks from the highest down, then bids; totals begin at the best of each side."""
    rows = ladder_rows(b0, 2)
    assert [100.03, 100.02, 100.0, 99.99] == [row.price for row in rows]
    assert [Side.ASK, Side.ASK, Side.BID, Side.BID] == [row.side for row in rows]
    assert [20.0, 15.0, 5.0, 15.0] == [row.total for row in rows]
    assert [5 / 15, 1.0, 5 / 15, 10 / 15] == [row.share for row in rows]


def test_ladder_rows_of_an_empty_book() -> None:
    """There is nothing to list."""
    assert [] == ladder_rows(L2Book())


@pytest.mark.parametrize("shows", [depth_curve, ladder_rows])
def test_one_moment_is_one_row(shows: Callable[..., Any], p0: Panel) -> None:
    """A longer panel is refused, and so is no level at all."""
    with pytest.raises(ValueError, match=r"this shows one moment, not 2 rows of a panel: choose one"):
        shows(panel_of(STILL, STILL))
    with pytest.raises(ValueError, match="n is at least 1, not 0"):
        shows(p0, 0)


# ---- the grid, worked by hand ----------------------------------------------------------------------------------------


def test_a_row_holds_until_the_next() -> None:
    """Sizes are held, not interpolated, at irregular times; the last row lasts as long as rows mostly do."""
    panel = panel_of(
        ([(99, 5)], [(100, 2)]), ([(99, 1)], [(100, 2)]), ([(99, 3)], [(100, 2)]), ts=np.array([0, 20, 30]), depth=2
    )
    grid = heatmap_grid(panel, tick=1, prices=(99, 99))
    assert [0, 10, 20, 30, 40, 50] == grid.t_edges.tolist()[:6]
    assert [[5.0, 5.0, 1.0, 3.0, 3.0]] == grid.values[:, :5].tolist()


def test_pooling_keeps_what_stood_for_a_moment() -> None:
    """A wall of one row in a hundred is in the pooled picture; a mean would have lost it."""
    rows = [STILL] * 100
    rows[37] = ([(99.0, 500.0)], [(100.0, 2.0)])
    grid = heatmap_grid(panel_of(*rows, depth=2), tick=1, prices=(99, 99), columns=10)
    assert [[5.0, 5.0, 5.0, 500.0, *[5.0] * 6]] == grid.values.tolist()
    mean = heatmap_grid(panel_of(*rows, depth=2), tick=1, prices=(99, 99), columns=10, agg="time_mean")
    assert pytest.approx((9 * 5 + 500) / 10) == mean.values[0, 3]
    last = heatmap_grid(panel_of(*rows, depth=2), tick=1, prices=(99, 99), columns=10, agg="last")
    assert 5.0 == last.values[0, 3]


def test_no_size_is_zero_and_not_known_is_nan() -> None:
    """A full row says nothing beyond its last level; one with room left says that there is nothing."""
    full = heatmap_grid(panel_of(STILL), tick=1, prices=(97, 102))
    np.testing.assert_array_equal(full.values[:, 0], [NAN, NAN, 5.0, -2.0, NAN, NAN])
    room = heatmap_grid(panel_of(STILL, depth=2), tick=1, prices=(97, 102))
    assert [0.0, 0.0, 5.0, -2.0, 0.0, 0.0] == room.values[:, 0].tolist()
    told = panel_of(STILL, depth=2, bids_known=[False], asks_known=[True])
    np.testing.assert_array_equal(
        heatmap_grid(told, tick=1, prices=(97, 102)).values[:, 0], [NAN, NAN, 5.0, -2.0, 0.0, 0.0]
    )


def test_a_side_of_which_nothing_is_known() -> None:
    """Without levels and without knowledge no price of the side is known; with knowledge all are empty."""
    panel = panel_of(([], [(100.0, 2.0)]), depth=2, bids_known=[False], state=[BookState.NO_BID])
    assert np.isnan(heatmap_grid(panel, tick=1, prices=(98, 101), side="bid").values).all()
    assert [0.0, 0.0, 2.0, 0.0] == heatmap_grid(panel, tick=1, prices=(98, 101), side="ask").values[:, 0].tolist()
    np.testing.assert_array_equal(heatmap_grid(panel, tick=1, prices=(98, 101)).values[:, 0], [NAN, NAN, -2.0, NAN])
    known = panel_of(([], [(100.0, 2.0)]), depth=2, state=[BookState.NO_BID])
    assert [0.0, 0.0, -2.0, 0.0] == heatmap_grid(known, tick=1, prices=(98, 101)).values[:, 0].tolist()


def test_gaps_stay_gaps() -> None:
    """A stale row is NaN, and so is the time between a row and one that does not continue it."""
    panel = panel_of(STILL, STILL, ([], []), STILL, depth=2, state=np.array([0, 0, BookState.STALE, 0]))
    grid = heatmap_grid(panel, tick=1, prices=(99, 99))
    np.testing.assert_array_equal(grid.values, [[5.0, 5.0, NAN, 5.0]])
    assert [1.0, 1.0, 0.0, 1.0] == grid.known.tolist()
    whole = panel_of(*[STILL] * 4, depth=2)
    cut = heatmap_grid(whole, tick=1, prices=(99, 99), reset=[False, False, True, False])
    np.testing.assert_array_equal(cut.values, [[5.0, NAN, 5.0, 5.0]])


def test_a_gap_within_a_column_is_told() -> None:
    """Pooling shows what stood beside the gap, and ``known`` says that a part is missing."""
    panel = panel_of(STILL, STILL, ([], []), STILL, depth=2, state=np.array([0, 0, BookState.STALE, 0]))
    grid = heatmap_grid(panel, tick=1, prices=(99, 99), columns=2)
    assert ([[5.0, 5.0]], [1.0, 0.5]) == (grid.values.tolist(), grid.known.tolist())


def test_before_the_first_and_after_the_last_row_nothing_is_known() -> None:
    """Edges of one's own may reach beyond the panel."""
    panel = panel_of(STILL, STILL, depth=2)
    grid = heatmap_grid(panel, tick=1, prices=(99, 99), t_edges=[-20, -10, 5, 15, 20, 40])
    np.testing.assert_array_equal(grid.values, [[NAN, 5.0, 5.0, 5.0, NAN]])
    np.testing.assert_allclose(grid.known, [0, 5 / 15, 1, 1, 0])


def test_sides() -> None:
    """Bids above and asks below 0, both as they are, or one of them."""
    panel = panel_of(STILL, depth=2)
    signs = {"signed": [5.0, -2.0], "both": [5.0, 2.0], "bid": [5.0, 0.0], "ask": [0.0, 2.0]}
    got = {side: heatmap_grid(panel, tick=1, prices=(99, 100), side=side).values[:, 0].tolist() for side in signs}  # type: ignore[arg-type]
    assert signs == got


def test_the_larger_side_counts_where_a_cell_has_seen_both() -> None:
    """The price moved through the cell within one column."""
    panel = panel_of(([(99, 5)], [(100, 2)]), ([(100, 1)], [(101, 3)]), depth=2)
    assert [-2.0] == heatmap_grid(panel, tick=1, prices=(100, 100), columns=1).values[0].tolist()


def test_a_crossed_row_of_one_level_shows_both() -> None:
    """Its bid is above its ask; neither is hidden as unknown."""
    panel = panel_of(([(101, 5)], [(100, 2)]), state=[BookState.CROSSED])
    assert [-2.0, 5.0] == heatmap_grid(panel, tick=1, prices=(100, 101)).values[:, 0].tolist()


def test_ticks_that_share_a_row_are_added_at_one_moment() -> None:
    """Sizes of one moment add up, those of different moments do not."""
    panel = panel_of(([(99, 5), (98, 1)], [(100, 2), (101, 4)]), ([(99, 1), (98, 2)], [(100, 9), (101, 4)]), depth=3)
    grid = heatmap_grid(panel, tick=1, prices=(98, 101), rows=2, columns=1)
    assert ([98, 100, 102], [[6.0], [-13.0]]) == (grid.tick_edges.tolist(), grid.values.tolist())


def test_edges_are_half_a_tick_beside_prices() -> None:
    """So that a cell has its price in the middle."""
    grid = heatmap_grid(panel_of(STILL), tick=0.5, prices=(99, 100))
    assert [98.75, 99.25, 99.75, 100.25] == grid.price_edges.tolist()


def test_around_follows_the_mid() -> None:
    """All prices within k ticks of any mid, and no more."""
    panel = panel_of(([(99, 5)], [(100, 2)]), ([(109, 5)], [(110, 2)]))
    assert (96, 114) == tuple(heatmap_grid(panel, tick=1, around=3).tick_edges[[0, -1]])
    one_sided = panel_of(([(99, 5)], []), state=[BookState.NO_ASK])
    assert (96, 103) == tuple(heatmap_grid(one_sided, tick=1, around=3).tick_edges[[0, -1]])


def test_a_stray_level_makes_no_picture_flat() -> None:
    """One row of a hundred with an order far out does not decide what is shown."""
    rows = [([(99.0, 5.0), (98.0, 1.0)], [(100.0, 2.0), (101.0, 1.0)])] * 100
    rows[5] = ([(99.0, 5.0), (1.0, 1.0)], [(100.0, 2.0), (101.0, 1.0)])
    assert (97, 103) == tuple(heatmap_grid(panel_of(*rows), tick=1).tick_edges[[0, -1]])


def test_negative_prices_are_prices() -> None:
    """Spreads trade below 0."""
    panel = panel_of(([(-1.0, 5.0)], [(0.0, 2.0)]))
    assert [[5.0], [-2.0]] == heatmap_grid(panel, tick=0.5, prices=(-1, 0)).values[[0, 2]].tolist()


def test_rows_of_one_time_all_count_for_the_largest() -> None:
    """Of several rows at one ns each is seen by ``max``, and only the last by what weighs time."""
    panel = panel_of(([(99, 50)], [(100, 2)]), STILL, STILL, ts=np.array([0, 0, 10]), depth=2)
    assert [[50.0, 5.0]] == heatmap_grid(panel, tick=1, prices=(99, 99)).values[:, :2].tolist()
    for agg in ("last", "time_mean"):
        grid = heatmap_grid(panel, tick=1, prices=(99, 99), agg=agg)  # type: ignore[arg-type]
        assert 5.0 == grid.values[0, 0]


# ---- the grid against a slow one -------------------------------------------------------------------------------------


def slow_side(panel: Panel, grid: HeatmapGrid, side: Side, agg: str) -> np.ndarray:
    """Every cell of one side by itself, in plain Python."""
    edges, ticks = grid.t_edges.tolist(), grid.tick_edges.tolist()
    out = np.full(grid.values.shape, NAN)
    for p, c in np.ndindex(*out.shape):
        seen = []
        for i, (start, end) in enumerate(zip(panel.ts.tolist(), [*panel.ts[1:].tolist(), edges[-1]], strict=True)):
            begin, stop = max(start, edges[c]), min(end, edges[c + 1])
            size = slow_size(panel, i, side, ticks[p], ticks[p + 1])
            in_force = stop == edges[c + 1] or agg != "last"
            if begin < stop and in_force and panel.state[i] != BookState.STALE and size is not None:
                seen.append((stop - begin, size))
        if seen and agg == "time_mean":
            out[p, c] = sum(ns * size for ns, size in seen) / sum(ns for ns, _ in seen)
        elif seen:
            out[p, c] = max(size for _, size in seen)
    return out


def slow_size(panel: Panel, i: int, side: Side, low: int, high: int) -> float | None:
    """The size of one side of a row within some ticks, None where it is not known."""
    name = "bid" if side is Side.BID else "ask"
    px, sz = getattr(panel, f"{name}_px")[i].tolist(), getattr(panel, f"{name}_sz")[i].tolist()
    levels = [(round(price / TICK), size) for price, size in zip(px, sz, strict=True) if size > 0]
    if not (getattr(panel, f"{name}s_known")[i] and len(levels) < panel.depth):
        if not levels:
            return None
        deepest = levels[-1][0]
        if high - 1 < deepest if side is Side.BID else low > deepest:
            return None
    return sum(size for tick, size in levels if low <= tick < high)


def slow_grid(panel: Panel, grid: HeatmapGrid, agg: str) -> np.ndarray:
    """Bids above and asks below 0."""
    sides = [slow_side(panel, grid, side, agg) for side in (Side.BID, Side.ASK)]
    out = np.full(grid.values.shape, NAN)
    for at in np.ndindex(*out.shape):
        bid, ask = (float(side[at]) for side in sides)
        if bid > 0 and not ask > bid:
            out[at] = bid
        elif ask > 0:
            out[at] = -ask
        elif bid == 0 and ask == 0:
            out[at] = 0.0
    return out


@pytest.mark.parametrize("agg", ["max", "last", "time_mean"])
@pytest.mark.parametrize(("columns", "rows"), [(1, 3), (7, 400), (23, 9)])
@pytest.mark.parametrize("seed", [1, 2])
def test_grid_is_that_of_the_definition(
    make_panel: Callable[..., Panel], agg: GridAggregate, columns: int, rows: int, seed: int
) -> None:
    """Every cell of a random panel, with stale rows, cut rows and crossed rows, as a slow program finds it."""
    panel = make_panel(seed, rows=40, depth=4)
    panel.state[[5, 6, 20]] = BookState.STALE
    panel.bids_known[10:15] = False
    grid = heatmap_grid(panel, tick=TICK, columns=columns, rows=rows, agg=agg)
    np.testing.assert_allclose(grid.values, slow_grid(panel, grid, agg), rtol=1e-6)


@pytest.mark.parametrize("side", ["signed", "both", "bid", "ask"])
def test_columns_pool_what_narrower_columns_say(make_panel: Callable[..., Panel], side: GridSide) -> None:
    """Pooling twice is pooling once: the largest of the cells of narrower columns (of ``signed``: by magnitude)."""
    panel = make_panel(3, rows=60)
    fine = np.arange(int(panel.ts[0]), int(panel.ts[-1]) + 8_000_000, 1_000_000)[: 8 * 150 + 1]
    narrow, wide = (heatmap_grid(panel, tick=TICK, t_edges=edges, side=side).values for edges in (fine, fine[::8]))
    parts = narrow.reshape(len(narrow), -1, 8)[:, : wide.shape[1]]
    pooled = np.fmax.reduce(np.abs(parts), axis=2)
    np.testing.assert_array_equal(np.abs(wide)[:, : parts.shape[1]], pooled)


def test_absent_columns_change_nothing(make_panel: Callable[..., Panel]) -> None:
    """A panel with room for more levels than there are gives the same sizes where both know them."""
    panel = make_panel(4, rows=50)
    pad = [(0, 0), (0, 2)]
    wider = Panel(
        ts=panel.ts,
        state=panel.state,
        bid_px=np.pad(panel.bid_px, pad, constant_values=NAN),
        bid_sz=np.pad(panel.bid_sz, pad),
        ask_px=np.pad(panel.ask_px, pad, constant_values=NAN),
        ask_sz=np.pad(panel.ask_sz, pad),
    )
    one, two = (heatmap_grid(each, tick=TICK, around=12).values for each in (panel, wider))
    assert not np.isnan(two).any()
    known = ~np.isnan(one)
    np.testing.assert_array_equal(one[known], two[known])


def test_the_budget_is_kept(make_panel: Callable[..., Panel]) -> None:
    """However long the panel, there are no more cells than asked for."""
    grid = heatmap_grid(make_panel(5, rows=3_000), tick=TICK, columns=100, rows=20)
    assert grid.values.shape[0] <= 21 and grid.values.shape[1] <= 100
    assert np.float32 == grid.values.dtype


def test_a_regular_panel_has_a_column_a_row() -> None:
    """Nothing is pooled where there is nothing to pool."""
    grid = heatmap_grid(panel_of(*[STILL] * 37), tick=1)
    assert (37, [10] * 37) == (grid.values.shape[1], np.diff(grid.t_edges).tolist())


# ---- the step of prices, errors --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("prices", "step"),
    [
        ([100.07, 100.01, 99.98], 0.01),
        ([0.000123, 0.000125], 0.000001),
        ([5.0, 10.0, 25.0], 5.0),
        ([2683.8], 0.1),
        ([-1.5, 0.0], 1.5),
        ([0.0, 0.0], 1.0),
        ([1e-08, 3e-08], 1e-08),
    ],
)
def test_price_step(prices: list[float], step: float) -> None:
    """The largest step that divides all prices; of one price alone, its last digit."""
    assert step == price_step(SimpleNamespace(bid_px=np.array([prices]), ask_px=np.array([[NAN]])))  # type: ignore[arg-type]


def test_price_step_is_the_default(make_panel: Callable[..., Panel]) -> None:
    """A panel of prices in cents needs no tick."""
    panel = make_panel(6)
    assert TICK == heatmap_grid(panel).tick
    np.testing.assert_array_equal(heatmap_grid(panel).values, heatmap_grid(panel, tick=TICK).values)


def test_no_step_divides_averages() -> None:
    """A panel of means needs a tick, and says so."""
    with pytest.raises(ValueError, match="tick is needed: the prices have no common step"):
        price_step(panel_of(([(1 / 3, 1.0)], [(2 / 3, 1.0)])))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"agg": "mean"}, "agg is one of 'max', 'last', 'time_mean', not 'mean'"),
        ({"side": "buy"}, "side is one of 'signed', 'both', 'bid', 'ask', not 'buy'"),
        ({"tick": 0}, "tick is a number above 0, not 0"),
        ({"tick": 0.3}, r"prices are multiples of tick, 0\.3, and not .*100"),
        ({"columns": 0}, "columns is at least 1, not 0"),
        ({"rows": 0}, "rows is at least 1, not 0"),
        ({"around": 0}, "around is at least 1, not 0"),
        ({"around": 5, "prices": (1, 2)}, "give around or prices, not both"),
        ({"prices": (2, 1)}, r"prices are the lowest and the highest, not \(2, 1\)"),
        ({"t_edges": [5]}, "t_edges are at least two times, rising"),
        ({"t_edges": [5, 5]}, "t_edges are at least two times, rising"),
        ({"reset": [True]}, r"reset has one value a row"),
    ],
)
def test_wrong_options(options: dict[str, Any], message: str) -> None:
    """Each option says what it wants."""
    with pytest.raises(ValueError, match=message):
        heatmap_grid(panel_of(STILL, STILL), **{"tick": 1.0} | options)


@pytest.mark.parametrize(
    ("panel", "message"),
    [
        (panel_of(([], []), depth=1, state=[BookState.EMPTY]), "the panel has no row with a price"),
        (panel_of(STILL, STILL, ts=np.array([1, 0])), "ts never falls"),
        (panel_of(STILL, ts=np.array([np.iinfo("i8").min])), "every row has a time"),
        (panel_of(STILL)[:0], "a panel without rows has nothing to show"),
    ],
    ids=["no price", "falling", "no time", "no rows"],
)
def test_panels_with_nothing_to_show(panel: Panel, message: str) -> None:
    """What cannot be drawn is refused with a reason."""
    with pytest.raises(ValueError, match=message):
        heatmap_grid(panel, tick=1)


def test_a_panel_without_levels_has_no_price() -> None:
    """Depth 0 is legal for a panel, and nothing to look at."""
    panel = panel_of(([], []), depth=0, state=[BookState.EMPTY])
    with pytest.raises(ValueError, match="no row with a price"):
        heatmap_grid(panel, tick=1)


# ---- lines -----------------------------------------------------------------------------------------------------------


def test_envelope_keeps_spikes_and_gaps() -> None:
    """Every column has the extremes of the values held in it, a column without any is NaN."""
    values = np.zeros(1_000)
    values[[137, 138]] = 7.0, -3.0
    values[500:650] = NAN
    found = envelope(np.arange(1_000), values, columns=10)
    assert [7.0 if i == 1 else NAN if i == 5 else 0.0 for i in range(10)] == pytest.approx(
        found.high.tolist(), nan_ok=True
    )
    assert [-3.0 if i == 1 else NAN if i == 5 else 0.0 for i in range(10)] == pytest.approx(
        found.low.tolist(), nan_ok=True
    )


def test_envelope_holds_a_value_until_the_next() -> None:
    """Columns between two rows have the first one's value."""
    found = envelope([0, 1, 50, 51], [1.0, 2.0, 3.0, 4.0], columns=5)
    assert [2.0] * 3 == found.high[1:4].tolist() == found.low[1:4].tolist()


def test_envelope_says_what_is_wrong() -> None:
    """One value a row."""
    with pytest.raises(ValueError, match=r"values have one number a row, \(2,\), not \(3,\)"):
        envelope([0, 1], [1, 2, 3])


def test_times_of_any_unit_are_the_same_times() -> None:
    """datetime64 of days is not a count of days for ns; floats are no times."""
    days = np.array(["2026-01-01", "2026-01-03"], "M8[D]")
    assert days.astype("M8[ns]").astype(np.int64).tolist() == envelope(days, [1.0, 2.0], columns=2).t_edges[:2].tolist()
    panel = panel_of(STILL, STILL)
    edges = np.array([0, 1], "M8[us]")
    assert [0, 1_000] == heatmap_grid(panel, tick=1, t_edges=edges).t_edges.tolist()
    with pytest.raises(TypeError, match="t_edges holds int nanoseconds or datetime64, not float64"):
        heatmap_grid(panel, tick=1, t_edges=[0.0, 10.5])
    with pytest.raises(TypeError, match="ts holds int nanoseconds or datetime64, not float64"):
        envelope([0.5, 1.5], [1.0, 2.0])
    with pytest.raises(ValueError, match="a price of prices is a finite number, not nan"):
        heatmap_grid(panel, tick=1, prices=(NAN, 3.0))


@pytest.mark.parametrize("prices", [[1e19, 2e19], [1e9 / 3, 2e9 / 7]])
def test_no_step_is_made_of_rounding(prices: list[float]) -> None:
    """Where a float has no digits left, every number of them fits."""
    panel = SimpleNamespace(bid_px=np.array([prices[:1]]), ask_px=np.array([prices[1:]]))
    with pytest.raises(ValueError, match="tick is needed: the prices have no common step"):
        price_step(panel)  # type: ignore[arg-type]
