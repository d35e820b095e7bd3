from __future__ import annotations

import pickle
from collections.abc import Callable, Iterator
from datetime import timedelta

import numpy as np
import pytest

from orderbook import L2Book, Panel
from orderbook.analytics.arrays.cost import liquidity_score, round_trip_bps
from orderbook.analytics.cost import sweep
from orderbook.analytics.liquidity import LiquidityScore
from orderbook.analytics.liquidity import round_trip_bps as of_book


def ranked(cost: np.ndarray, ts: np.ndarray, window: int, reset: np.ndarray) -> np.ndarray:
    """The score by its definition, one row after the other."""
    out = np.full(len(cost), np.nan)
    for i in range(len(cost)):
        first = max((j for j in range(i + 1) if reset[j]), default=0)
        past = np.array([cost[j] for j in range(first, i) if ts[j] > ts[i] - window and not np.isnan(cost[j])])
        if len(past) and not np.isnan(cost[i]):
            out[i] = 100 * ((past > cost[i]).sum() + (past == cost[i]).sum() / 2) / len(past)
    return out


def book_at(ask: float) -> L2Book:
    """A book with one level a side."""
    book = L2Book()
    book.apply_snapshot([(99, 10)], [(ask, 10)])
    return book


def test_round_trip_of_b0(b0: L2Book, p0: Panel) -> None:
    """The two halves against the mid add up to the round trip."""

    assert of_book(b0, 2_500) == pytest.approx(4.5988644, abs=5e-8)
    halves = [sweep(b0, side, 2_500, by="quote").slip_mid_bps for side in ("buy", "sell")]
    assert halves == pytest.approx([1.9989004, 2.5999640], abs=5e-8)
    assert round_trip_bps(p0.bid_px, p0.bid_sz, p0.ask_px, p0.ask_sz, 2_500)[0] == pytest.approx(4.5988644, abs=5e-8)


def test_round_trip_that_cannot_be_filled_is_undefined(b0: L2Book) -> None:
    """Bids are worth 3499.3: more than that cannot be sold. Nor without a side, nor around a mid of 0."""
    assert of_book(b0, 3_499) is not None
    assert of_book(b0, 3_500) is None
    assert of_book(L2Book(), 1) is None
    one_sided = L2Book()
    one_sided.apply_snapshot([(100, 5)], [])
    assert of_book(one_sided, 1) is None
    assert np.isnan(round_trip_bps([-1.0], [5], [1.0], [5], 1))[0]
    with pytest.raises(ValueError, match="notional is a number above 0, not 0"):
        of_book(b0, 0)
    with pytest.raises(ValueError, match="notional is a number above 0 in every row"):
        round_trip_bps([1.0], [5], [1.0], [5], [-1])


def test_round_trip_of_locked_and_crossed_books() -> None:
    """Free when locked; a gain, with its sign, when crossed."""
    assert round_trip_bps([100.0, 101.0], [5, 5], [100.0, 100.0], [5, 5], 10) == pytest.approx([0, -1e4 / 100.5])


def test_round_trip_is_the_same_on_arrays(
    make_panel: Callable[..., Panel], books_of: Callable[[Panel], Iterator[L2Book]]
) -> None:
    """None where there is NaN, over rows with everything that can be odd."""
    panel = make_panel(4, rows=200)
    values = round_trip_bps(panel.bid_px, panel.bid_sz, panel.ask_px, panel.ask_sz, 1_800)
    expected = np.array([of_book(book, 1_800) for book in books_of(panel)], float)
    np.testing.assert_allclose(values, expected, rtol=1e-12, atol=1e-12)
    assert 0 < np.isnan(values).sum() < 150


def test_score_ranks_against_the_past() -> None:
    """Nothing to compare with, the dearest, the cheapest, as dear as half of them."""
    score = LiquidityScore(notional=200, window=100)
    seen = []
    for ts, ask in enumerate([101, 102, 100.5, 101]):
        score.update(book_at(ask), ts)
        assert score.value is not None
        assert score.value.cost_bps == of_book(book_at(ask), 200)
        seen.append(score.value.score)
    assert seen == [None, 0, 100, 50]


def test_window_is_open_at_its_far_end() -> None:
    """A sample exactly as old as the window is gone."""
    score = LiquidityScore(notional=200, window=timedelta(microseconds=1))
    for ts, expected in ((0, None), (999, 50), (1_000, 50), (1_999, 50), (2_999, None)):
        score.update(book_at(101), ts)
        assert score.value is not None
        assert score.value.score == expected
    np.testing.assert_array_equal(
        liquidity_score([1, 1, 1, 1, 1], [0, 999, 1_000, 1_999, 2_999], 1_000), [np.nan, 50, 50, 50, np.nan]
    )


def test_moment_without_a_cost_is_no_sample() -> None:
    """There is no value then, and nothing of it is ranked later."""
    score = LiquidityScore(notional=200, window=100)
    for ts, book in enumerate([book_at(101), L2Book(), book_at(102)]):
        score.update(book, ts)
        assert (score.value is None) == (ts == 1)
    assert score.value is not None
    assert score.value.score == 0


def test_reset_forgets_and_pickles_remember() -> None:
    """After a reset it is as new; a copy goes on alike."""
    score = LiquidityScore(notional=200, window=100)
    for ts, ask in enumerate([101, 102]):
        score.update(book_at(ask), ts + 50)
    copy = pickle.loads(pickle.dumps(score))
    for one in (score, copy):
        one.update(book_at(101.5), 60)
    assert score.value == copy.value
    assert copy.value.score == 50
    score.reset()
    assert score.value is None
    score.update(book_at(103), 0)
    assert score.value is not None
    assert score.value.score is None


def test_time_never_falls() -> None:
    """A time before the last is refused, in both forms."""
    score = LiquidityScore(notional=200, window=100)
    score.update(book_at(101), 5)
    with pytest.raises(ValueError, match="ts never falls: 4 is earlier than the last, 5"):
        score.update(book_at(101), 4)
    with pytest.raises(ValueError, match="ts never falls"):
        liquidity_score([1, 2], [5, 4], 10)
    with pytest.raises(TypeError, match="ts holds int nanoseconds or datetime64, not float64"):
        liquidity_score([1, 2], [5.5, 6.5], 10)
    with pytest.raises(ValueError, match="one value a row"):
        liquidity_score([1, 2], [5], 10)
    with pytest.raises(ValueError, match="window is a time above 0"):
        liquidity_score([1], [5], 0)
    with pytest.raises(ValueError, match="notional is a number above 0"):
        LiquidityScore(notional=-1, window=10)


@pytest.mark.parametrize("seed", range(6))
def test_score_is_what_its_definition_says(seed: int) -> None:
    """Ties, equal times, rows without a cost, resets and windows of all lengths, against one row after the other."""
    rng = np.random.default_rng(seed)
    rows = int(rng.integers(1, 160))
    cost = rng.integers(0, 2 + seed * 4, rows) / 3
    cost[rng.random(rows) < 0.1] = np.nan
    ts = np.cumsum(rng.integers(0, 4, rows))
    reset = rng.random(rows) < 0.03
    for window in (1, 7, 60, 10_000):
        expected = ranked(cost, ts, window, reset)
        np.testing.assert_allclose(liquidity_score(cost, ts, window, reset=reset), expected, rtol=1e-12)


def test_score_never_looks_ahead() -> None:
    """The scores of a prefix are the prefix of the scores."""
    rng = np.random.default_rng(7)
    cost, ts = rng.random(300), np.arange(300)
    np.testing.assert_array_equal(liquidity_score(cost[:120], ts[:120], 50), liquidity_score(cost, ts, 50)[:120])
    assert liquidity_score([], [], 50).shape == (0,)
    np.testing.assert_array_equal(liquidity_score([np.nan], [0], 50), [np.nan])


def test_score_is_the_same_streamed(
    make_panel: Callable[..., Panel], books_of: Callable[[Panel], Iterator[L2Book]]
) -> None:
    """Update by update, with a reset in the middle."""
    panel = make_panel(9, rows=150)
    window = 400_000_000
    score = LiquidityScore(notional=900, window=window)
    seen = []
    for i, (book, ts) in enumerate(zip(books_of(panel), panel.ts, strict=True)):
        if i == 70:
            score.reset()
        score.update(book, int(ts))
        seen.append(None if score.value is None else score.value.score)
    cost = round_trip_bps(panel.bid_px, panel.bid_sz, panel.ask_px, panel.ask_sz, 900)
    scores = liquidity_score(cost, panel.ts, window, reset=np.arange(len(panel)) == 70)
    np.testing.assert_allclose(scores, np.array(seen, float), rtol=1e-12)
