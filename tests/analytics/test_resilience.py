"""Resilience: the worked example, what is censored and what is no shock, and the stream equal to arrays."""

from __future__ import annotations

import math
import pickle
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from orderbook import L2Book, Panel, Side
from orderbook.analytics.arrays.recovery import band_resilience, resilience, touch_shocks
from orderbook.analytics.resilience import Resilience

MakePanel = Callable[..., Panel]
BooksOf = Callable[[Panel], Iterator[L2Book]]

NAN = math.nan
MS = 1_000_000
S = 1_000_000_000

DEPTH = [100, 40, 52, 64, 75, 88, 95]
TIMES = np.array([0, 0, 1, 2, 4, 8, 16]) * S


def test_resilience_of_the_worked_example() -> None:
    """The curve, and the half-life on the grid and between its times."""
    found = resilience(DEPTH, TIMES, [1], [s * S for s in (1, 2, 4, 8, 16)])
    assert [0.2, 0.4, 0.5833, 0.8, 0.9167] == found.curve[0].round(4).tolist()
    assert (4, 3.0909) == (found.half_life[0] / S, round(found.half_life_interpolated[0] / S, 4))
    assert (100, 40, 4, True) == (found.before[0], found.after[0], found.duration[0] / S, found.recovered[0])


def test_between_rows_the_last_one_holds_and_nothing_is_clipped() -> None:
    """A share may be above 1 and below 0."""
    found = resilience([100, 50, 45, 120], [0, 10, 20, 30], [1], [9, 10, 15, 20])
    assert [0, -0.1, -0.1, 1.4] == found.curve[0].tolist()


def test_what_is_not_seen_to_recover_is_censored() -> None:
    """By the horizon, the end, a reset or the next shock, each at its time."""
    depth, ts = [100, 40, 41, 42, 43], np.array([0, 10, 20, 30, 40])
    found = resilience(depth, ts, [1], [15])
    assert (False, 15, True) == (found.recovered[0], found.duration[0], math.isnan(found.half_life[0]))
    found = resilience(depth, ts, [1], [15, 100])
    assert (30, True) == (found.duration[0], math.isnan(found.curve[0, 1]))
    found = resilience(depth, ts, [1], [5, 15, 25], reset=[False, False, False, True, False])
    assert 10 == found.duration[0]  # nothing is known after the row before the gap
    assert [0.0, NAN, NAN] == pytest.approx(found.curve[0], nan_ok=True)
    found = resilience([100, 40, 41, 20, 100], ts, [1, 3], [10, 20, 30])
    assert ([20, 10], [False, True]) == (found.duration.tolist(), found.recovered.tolist())
    assert [1 / 60, NAN, NAN] == pytest.approx(found.curve[0], nan_ok=True)


def test_where_nothing_was_lost_there_was_no_shock() -> None:
    """All of it is undefined, and it does not cut short the shock before it."""
    found = resilience([100, 40, 60, 80, NAN, 5], [0, 1, 2, 3, 4, 5], [1, 2, 5], [4])
    assert [True, False, False] == found.recovered.tolist()
    assert [2, NAN, NAN] == pytest.approx(found.half_life, nan_ok=True)
    assert np.isnan(found.duration[1:]).all() and np.isnan(found.curve[1:]).all()
    assert np.isnan(resilience([100, 40], [0, 1], [1], [4], reset=[False, True]).duration).all()


def test_unknown_depth_on_the_way_is_passed_over() -> None:
    """The straight line then starts at the last share that was known."""
    found = resilience([100, 50, NAN, 100], [0, 10, 20, 30], [1], [10, 20])
    assert [NAN, 1.0] == pytest.approx(found.curve[0], nan_ok=True)
    assert (20, 10) == (found.half_life[0], found.half_life_interpolated[0])


def test_a_spread_recovers_when_negated() -> None:
    """Lower is better there."""
    found = resilience(-np.array([1.0, 3.0, 2.0, 1.0]), [0, 1, 2, 3], [1], [1, 2])
    assert [0.5, 1] == found.curve[0].tolist()


def test_no_shock_gives_no_rows() -> None:
    """But the columns of the horizons."""
    assert (0, 2) == resilience(DEPTH, TIMES, [], [S, 2 * S]).curve.shape


@pytest.mark.parametrize(
    ("depth", "shocks", "horizons", "message"),
    [
        (DEPTH, [0], [1], "shocks rises from row 1"),
        (DEPTH, [7], [1], "to row 6 at the latest"),
        (DEPTH, [2, 2], [1], "shocks rises"),
        (DEPTH, [1.5], [1], "shocks holds row numbers"),
        (DEPTH, [1], [], "horizons holds at least one"),
        (DEPTH[1:], [1], [1], "depth has one value for each of 7 times"),
    ],
)
def test_arguments_of_resilience(depth: Any, shocks: Any, horizons: Any, message: str) -> None:
    """What does not fit is named."""
    with pytest.raises(ValueError, match=message):
        resilience(depth, TIMES, shocks, horizons)


def test_touch_shocks_are_losses_at_the_best_price_of_before() -> None:
    """By size or by price; a better price with size makes up for it; absent sides and resets make none."""
    px = [[100, 99], [100, 99], [101, 99], [100, 99], [NAN, NAN], [98, 97], [97, 96], [96, 95]]
    sz = [[10, 5], [6, 5], [6, 5], [6, 5], [0, 0], [4, 4], [4, 4], [4, 4]]
    assert [3, 6, 7] == touch_shocks(px, sz, "bid").tolist()
    assert [1, 3, 6, 7] == touch_shocks(px, sz, Side.BID, share=0.4).tolist()
    reset = np.arange(8) == 6
    assert [3, 7] == touch_shocks(px, sz, "bid", reset=reset).tolist()
    assert [3, 6, 7] == touch_shocks(-np.array(px), sz, "ask").tolist()
    for share in (0, 1.1, NAN):
        with pytest.raises(ValueError, match="share is above 0 and at most 1"):
            touch_shocks(px, sz, "bid", share)


def test_the_band_stays_where_the_shock_anchored_it() -> None:
    """Depth that comes back below the band does not count, at the band's last price it does."""
    px = [[100.0, 99.9, 99.8], [99.9, 99.8, 99.7], [99.9, 99.8, 99.7]]
    sz = [[10, 5, 50], [5, 50, 50], [10, 90, 90]]
    found = band_resilience(px, sz, [0, 1, 2], [1], [5], side="bid", band_ticks=1, tick=0.1)
    assert (15, 5, True) == (found.before[0], found.after[0], found.recovered[0])
    found = band_resilience(np.negative(px), sz, [0, 1, 2], [1], [5], side="ask", band_ticks=2, tick=0.1)
    assert (65, 55, True) == (found.before[0], found.after[0], found.recovered[0])


def test_the_last_price_of_a_band_is_in_it_however_it_is_rounded() -> None:
    """100.01 - 2 * 0.01 is above 99.99 as a float."""
    assert 100.01 - 2 * 0.01 > 99.99
    px, sz = [[100.01, 99.99, 99.98], [100.0, 99.99, 99.98]], [[8, 5, 1], [1, 5, 1]]
    found = band_resilience(px, sz, [0, 1], [1], [5], side="bid", band_ticks=2, tick=0.01)
    assert (13, 6) == (found.before[0], found.after[0])


def test_a_band_that_is_not_seen_to_its_end_is_unknown() -> None:
    """Unless it is said that the side has no more."""
    px, sz = [[100, 99], [99, NAN], [100, 99]], [[10, 5], [5, 0], [10, 5]]
    arguments: Any = (px, sz, [0, 1, 2], [1], [5])
    band: Any = {"side": "bid", "band_ticks": 1, "tick": 1}
    assert 5 == band_resilience(*arguments, **band).after[0]  # 99 is the end of the band
    band["band_ticks"] = 2
    assert math.isnan(band_resilience(*arguments, **band).after[0])
    assert 5 == band_resilience(*arguments, **band, known=[False, True, False]).after[0]
    full = ([[100, 99], [97, 96], [100, 99]], [[10, 5], [5, 5], [10, 5]], *arguments[2:])
    assert 0 == band_resilience(*full, **band).after[0]
    band["band_ticks"] = 5  # a row that is full may have been cut, whatever is known of the side
    assert math.isnan(band_resilience(*full, **band, known=[True] * 3).after[0])
    with pytest.raises(ValueError, match="band_ticks is at least 1, not 0"):
        band_resilience(*arguments, **(band | {"band_ticks": 0}))
    with pytest.raises(ValueError, match="px and sz have one row for each of 2 times"):
        band_resilience(px, sz, [0, 1], [1], [5], **band)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("side", list(Side))
def test_the_stream_is_the_array_form(seed: int, side: Side, make_panel: MakePanel, books_of: BooksOf) -> None:
    """Shock by shock: when, how much, how long, and whether it recovered; with a gap."""
    panel = make_panel(seed, rows=400)
    px, sz = (panel.bid_px, panel.bid_sz) if side is Side.BID else (panel.ask_px, panel.ask_sz)
    reset = np.arange(400) % 97 == 96
    horizon = 150 * MS
    shocks = touch_shocks(px, sz, side, 0.6, reset)
    band: Any = {"side": side, "band_ticks": 3, "tick": 0.01}
    found = band_resilience(px, sz, panel.ts, shocks, [horizon], **band, reset=reset)
    stream = Resilience(**band, horizon=horizon, shock=0.6)
    for i, (ts, book) in enumerate(zip(panel.ts.tolist(), books_of(panel), strict=True)):
        if reset[i]:
            stream.reset()
        stream.update(book, ts)
    stream.reset()
    real = ~np.isnan(found.duration)
    assert real.sum() > 20 and 0 < found.recovered.sum() < real.sum()
    mine = stream.recoveries
    assert panel.ts[shocks[real]].tolist() == [shock.ts for shock in mine]
    np.testing.assert_allclose(found.before[real], [shock.before for shock in mine], atol=1e-12)
    np.testing.assert_allclose(found.after[real], [shock.after for shock in mine], atol=1e-12)
    assert found.duration[real].tolist() == [shock.duration for shock in mine]
    assert found.recovered[real].tolist() == [shock.recovered for shock in mine]
    for column, name in ((found.half_life, "half_life"), (found.half_life_interpolated, "half_life_interpolated")):
        got = [NAN if getattr(shock, name) is None else getattr(shock, name) for shock in mine]
        np.testing.assert_allclose(column[real], got, rtol=1e-12)


def books(sizes: list[float]) -> Iterator[tuple[int, L2Book]]:
    """A bid at 100 of these sizes, one a time, over 5 at 99."""
    book = L2Book()
    for ts, size in enumerate(sizes):
        book.apply_snapshot([(100, size), (99, 5)] if size else [(99, 5)], [(101, 1)])
        yield ts, book


def test_the_stream_counts_what_was_watched_to_the_end() -> None:
    """A shock cut short by the next says nothing about recovery."""
    watch = Resilience(side="bid", band_ticks=1, tick=1, horizon=3)
    assert (None, ()) == (watch.value, watch.recoveries)
    for ts, book in books([10, 4, 8, 8, 8, 2, 2, 2, 2, 2, 1, 0]):
        watch.update(book, ts)
    outcomes = [(shock.ts, shock.duration, shock.recovered) for shock in watch.recoveries]
    assert [(1, 1, True), (5, 3, False), (10, 1, False)] == outcomes
    assert 0.5 == watch.value


def test_recovery_at_the_very_horizon_is_seen() -> None:
    """Later is not."""
    for horizon, recovered in [(3, True), (2, False)]:
        watch = Resilience(side="bid", band_ticks=1, tick=1, horizon=horizon)
        for ts, book in books([10, 4, 4, 4, 8]):
            watch.update(book, ts)
        found = resilience([15, 9, 9, 9, 13], range(4 + 1), [1], [horizon])
        assert (recovered, horizon) == (found.recovered[0], found.duration[0])
        assert [(recovered, horizon)] == [(shock.recovered, shock.duration) for shock in watch.recoveries]


def test_a_side_that_is_taken_whole_is_no_shock_until_it_is_seen_again() -> None:
    """As in the array form: without a best price there is nothing to compare."""
    watch = Resilience(side="bid", band_ticks=1, tick=1, horizon=3)
    book = L2Book()
    for ts, bids in enumerate([[(100, 5)], [], [(100, 5)], [(100, 1)], [(100, 5)]]):
        book.apply_snapshot(bids, [(101, 1)])
        watch.update(book, ts)
    assert [3] == [shock.ts for shock in watch.recoveries]


def test_the_stream_keeps_so_many_and_survives_a_pickle() -> None:
    """The oldest outcome goes first."""
    watch = Resilience(side="bid", band_ticks=1, tick=1, horizon=3, keep=1)
    for ts, book in books([10, 4, 8, 2, 8]):
        watch.update(book, ts)
        watch = pickle.loads(pickle.dumps(watch))
    assert [3] == [shock.ts for shock in watch.recoveries]


def test_arguments_of_the_stream() -> None:
    """What is out of its range is named, and times never fall."""
    with pytest.raises(ValueError, match="shock is above 0 and at most 1, not 0"):
        Resilience(side="bid", band_ticks=1, tick=1, horizon=3, shock=0)
    with pytest.raises(ValueError, match="tick is a number above 0, not 0"):
        Resilience(side="bid", band_ticks=1, tick=0, horizon=3)
    watch = Resilience(side="bid", band_ticks=1, tick=1, horizon=3)
    watch.update(L2Book(), 5)
    with pytest.raises(ValueError, match="ts never falls: 4 is earlier than the last, 5"):
        watch.update(L2Book(), 4)


@pytest.mark.parametrize(("left", "share"), [(8, 0.2), (9, 0.1), (7, 0.3), (4, 0.6), (1, 0.9)])
def test_exactly_the_share_is_a_shock(left: int, share: float) -> None:
    """Of 10, in both forms: 1 - 8 / 10 is below 0.2 as a float."""
    assert [1] == touch_shocks([100, 100], [10, left], "bid", share).tolist()
    watch = Resilience(side="bid", band_ticks=1, tick=1, horizon=3, shock=share)
    for ts, book in books([10, left]):
        watch.update(book, ts)
    watch.reset()
    assert [1] == [shock.ts for shock in watch.recoveries]


def test_an_endless_horizon_watches_to_the_end() -> None:
    """The sum of a time and the longest span does not come round to before the shock."""
    found = resilience([100, 40, 50, 90], [10, 11, 12, 13], [1], [np.iinfo(np.int64).max])
    assert (2, True, True) == (found.half_life[0], found.recovered[0], math.isnan(found.curve[0, 0]))


def test_event_time_counts_updates() -> None:
    """The worked example by the number of the row: half is back at the third update, the curve is that of rows."""
    found = resilience(DEPTH, np.arange(7), [1], [1, 2, 3, 4, 5])
    assert [0.2, 0.4, 0.5833, 0.8, 0.9167] == found.curve[0].round(4).tolist()
    assert (3, 3) == (found.half_life[0], found.duration[0])


def test_a_side_without_columns_is_refused() -> None:
    """A panel of depth 0 is legal, and has no best price."""
    nothing = np.zeros((2, 0))
    with pytest.raises(ValueError, match=r"px and sz have at least one level, not the shape \(2, 0\)"):
        touch_shocks(nothing, nothing, "bid")
    with pytest.raises(ValueError, match="px and sz have at least one level"):
        band_resilience(nothing, nothing, [0, 1], [1], [5], side="bid", band_ticks=1, tick=1)


def test_a_fixed_book_that_changes_its_scale_is_refused() -> None:
    """A band of the old unit is nowhere in the new one."""
    book, watch = L2Book(price_type="fixed"), Resilience(side="bid", band_ticks=1, tick=1, horizon=9)
    book.apply_snapshot([("100.1", 1)], [("100.2", 2)])
    watch.update(book, 0)
    book.apply_delta([], [("100.25", 1)])
    with pytest.raises(ValueError, match=r"went from \(1, 0\) to \(2, 0\)"):
        watch.update(book, 1)
