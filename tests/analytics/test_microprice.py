"""The micro-price: its closed form, its estimator rule by rule, and the up-move probabilities of two queues."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from orderbook import L2Book, Panel
from orderbook.analytics import arrays
from orderbook.analytics.arrays.microprice import (
    _Counts,
    _solved,
    _state,
    fit_microprice,
    hidden_depth_from_l1,
    next_mid_change,
    p_up,
)
from orderbook.analytics.microprice import MicropriceModel, microprice

Top = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]

Q = np.array([[0.5, 0.2, 0.0], [0.15, 0.5, 0.15], [0.0, 0.2, 0.5]])
R1 = np.array([[0.25, 0.05], [0.10, 0.10], [0.05, 0.25]])
R2 = np.array([[0.03, 0.09, 0.18], [0.05, 0.10, 0.05], [0.18, 0.09, 0.03]])
K = np.array([-1.0, 1.0])
SIZES = np.array([1.0, 3.0, 5.0])  # of the bid, out of 6: one value in each of three equal buckets

# Two moves down while the ask is heavy, one up while the bid is, by hand in the test below.
BID = np.array([10, 10, 9, 9, 10, 10, 9, 9])
HELD = np.array([3, 1, 1, 3, 3, 1, 1, 3])
ARGS: Top = (BID, HELD, BID + 1, 4 - HELD)


def fit(top: Top = ARGS, **given: Any) -> MicropriceModel:
    """A model of a tape, tick 1, three buckets, one spread, unless told otherwise."""
    return fit_microprice(*top, **{"tick": 1, "n_imb": 3, "n_spread": 1, **given})


def walk(seed: int, rows: int = 3_000, tick: float = 1.0) -> Top:
    """Best prices and sizes of a made-up walk with spreads of 1 to 4 ticks; ties of sizes at bounds of buckets."""
    rng = np.random.default_rng(seed)
    bid = 1_000 + np.cumsum(rng.choice([-1, 0, 0, 0, 0, 1], rows))
    ask = np.maximum(bid + rng.choice([1, 1, 1, 2, 3, 4], rows), bid + 1)
    held, offered = rng.integers(1, 13, (2, rows)).astype(float)
    return bid * tick, held, ask * tick, offered


def mirrored(top: Top) -> Top:
    """The same tape with its sides swapped about the price 0."""
    bid, held, ask, offered = top
    return -ask, offered, -bid, held


def simulated(seed: int, paths: int, steps: int) -> tuple[Top, np.ndarray]:
    """Quotes of the chain of the worked example, many paths one after the other, and where each begins."""
    rng = np.random.default_rng(seed)
    # What can happen in a state: land in y without a move, or with one down, or up.
    law = np.concatenate([Q, *(R1[:, [k]] * R2 / R2.sum(1, keepdims=True) for k in (0, 1))], axis=1).cumsum(1)
    state, mid = np.empty((2, steps, paths))
    x, m = rng.integers(0, 3, paths), np.zeros(paths)
    for t in range(steps):
        state[t], mid[t] = x, m
        outcome = np.minimum((rng.random(paths)[:, None] > law[x]).sum(1), 8)
        x, m = outcome % 3, m + np.array([0, -1, 1])[outcome // 3]
    held = SIZES[state.T.ravel().astype(int)]
    bid = 1_000 + mid.T.ravel()
    reset = np.zeros(paths * steps, bool)
    reset[::steps] = True
    return (bid, held, bid + 1, 6 - held), reset


# -- the closed form --------------------------------------------------------------------------------------------------


def test_worked_example() -> None:
    """First step, chain of moves, stationary law and adjustment of the reference, to the digits given there."""
    g1, b, pi, g, tail = _solved(_Counts(Q, R2, np.diag(R1 @ K)))
    np.testing.assert_allclose(g1, [-0.4, 0, 0.4], atol=1e-15)
    expected = [[0.178947, 0.342105, 0.478947], [0.297368, 0.405263, 0.297368], [0.478947, 0.342105, 0.178947]]
    np.testing.assert_allclose(b, expected, atol=5e-7)
    np.testing.assert_allclose(pi, [0.317416, 0.365169, 0.317416], atol=5e-7)
    np.testing.assert_allclose(g, [-4 / 13, 0, 4 / 13], atol=1e-15)
    six = sum(np.linalg.matrix_power(b, n) @ g1 for n in range(6))
    np.testing.assert_allclose(six, [-0.307468, 0, 0.307468], atol=5e-7)
    assert tail == pytest.approx(0.4 * 0.3**6, abs=1e-12)


def test_closed_form_is_the_long_sum() -> None:
    """On a fitted model with several spreads, the linear solve equals two thousand terms of the series."""
    model = fit(walk(1), n_imb=5, n_spread=3)
    total, term = np.zeros(15), model.G1.copy()
    for _ in range(2_000):
        total += term
        term = model.B @ term
    np.testing.assert_allclose(model.G, total, atol=1e-10)


def test_refit_from_simulated_quotes() -> None:
    """400,000 quotes of the worked example give back -4/13, 0, 4/13 within four standard errors."""
    top, reset = simulated(seed=7, paths=4_000, steps=100)
    model = fit(top, reset=reset)
    # Standard error of G over seeds of this size: 0.0017.
    np.testing.assert_allclose(model.G, [-4 / 13, 0, 4 / 13], atol=0.007)
    assert (model.diagnostics.transitions, model.diagnostics.cut) == (396_000, 3_999)
    np.testing.assert_allclose(model.B.sum(1), 1, atol=1e-14)


def test_small_tape_by_hand() -> None:
    """G1 = 3/11 and B lands in the same bucket with 7/11: G = (3/11) / (1 - 3/11) = 3/8."""
    model = fit()
    np.testing.assert_allclose(model.G1, [-3 / 11, np.nan, 3 / 11], atol=1e-15)
    np.testing.assert_allclose(model.B[[0, 2]][:, [0, 2]], [[7 / 11, 4 / 11], [4 / 11, 7 / 11]], atol=1e-15)
    np.testing.assert_allclose(model.G, [-3 / 8, np.nan, 3 / 8], atol=1e-15)
    assert model.counts.tolist() == [4, 0, 3]
    assert model.pi.tolist() == pytest.approx([0.5, 0, 0.5])


@pytest.mark.parametrize("edges", ["width", "quantile"])
@pytest.mark.parametrize("wide", ["drop", "pool"])
def test_properties_of_a_fitted_model(edges: Any, wide: Any) -> None:
    """Rows of B sum to 1, pi B = pi, pi G1 = 0, and G changes sign with the imbalance."""
    model = fit(walk(2), n_imb=9, n_spread=3, edges=edges, wide=wide)
    np.testing.assert_allclose(model.B.sum(1), 1, atol=1e-13)
    np.testing.assert_allclose(model.pi @ model.B, model.pi, atol=1e-13)
    assert abs(model.diagnostics.drift) < 1e-14
    by_spread = model.G.reshape(3, 9)
    np.testing.assert_allclose(by_spread, -by_spread[:, ::-1], atol=1e-12)
    assert np.abs(by_spread).max() > 0.01


def test_mirrored_tape_gives_the_same_model() -> None:
    """Swapping the sides of the tape changes nothing, also not where sizes fall on bounds of buckets."""
    top = walk(3)
    model, other = (fit(tape, n_imb=9, n_spread=3) for tape in (top, mirrored(top)))
    np.testing.assert_allclose(model.G, other.G, atol=1e-12)
    np.testing.assert_array_equal(model.counts.reshape(3, 9), other.counts.reshape(3, 9)[:, ::-1])


def test_micro_price_of_the_mirrored_book_is_the_negative() -> None:
    """Side-swap antisymmetry of the value itself."""
    top = walk(4)
    model = fit(top, n_imb=9, n_spread=3)
    np.testing.assert_allclose(
        arrays.microprice(model, *mirrored(top)), -arrays.microprice(model, *top), rtol=0, atol=1e-9
    )


def test_forecast_is_unbiased_on_another_period() -> None:
    """Given the bucket, the mean of the mid eight moves later is the micro-price of a model fitted on other quotes."""
    model = fit(simulated(seed=1, paths=2_000, steps=100)[0], reset=np.arange(200_000) % 100 == 0)
    (bid, held, _, _), _ = simulated(seed=2, paths=6_000, steps=150)
    mid = bid.reshape(6_000, 150)
    moves = np.cumsum(np.diff(mid, axis=1) != 0, axis=1)
    at = np.argmax(moves >= 8, axis=1) + 1
    assert (moves[:, -1] >= 8).all()
    gain = mid[np.arange(6_000), at] - mid[:, 0]
    first = np.searchsorted(SIZES, held.reshape(6_000, 150)[:, 0])
    for bucket in range(3):
        error = gain[first == bucket].std() / np.sqrt((first == bucket).sum())
        assert gain[first == bucket].mean() == pytest.approx(model.G[bucket], abs=4 * error)


# -- the rules of the estimator ---------------------------------------------------------------------------------------


def test_counts_are_those_of_a_loop() -> None:
    """The vectorised counts equal a plain loop over pairs of rows, resets and odd rows included."""
    bid, held, ask, offered = walk(5, rows=400)
    rng = np.random.default_rng(5)
    ask = np.where(rng.random(400) < 0.1, bid, ask)  # locked
    held = np.where(rng.random(400) < 0.05, 0.0, held)  # no bid
    reset = rng.random(400) < 0.1
    model = fit((bid, held, ask, offered), n_imb=3, n_spread=3, reset=reset)

    def state(i: int) -> int | None:
        spread = int(ask[i] - bid[i])
        if held[i] <= 0 or not 1 <= spread <= 3:
            return None
        rho = (held[i] - offered[i]) / (held[i] + offered[i])
        return (spread - 1) * 3 + (0 if rho < -1 / 3 else 2 if rho > 1 / 3 else 1)

    counts = np.zeros(9, int)
    for i in range(399):
        x, y = state(i), state(i + 1)
        if x is not None and y is not None and not reset[i + 1]:
            counts[x] += 1
    assert model.counts.tolist() == counts.tolist()
    assert model.diagnostics.transitions == counts.sum()


def test_repeated_rows_change_nothing() -> None:
    """A tape on which every row stands three times has the same adjustment: only transitions between states matter."""
    top = walk(6)
    model = fit(top, n_imb=5, n_spread=3)
    again = fit(tuple(np.repeat(values, 3) for values in top), n_imb=5, n_spread=3)  # type: ignore[arg-type]
    np.testing.assert_allclose(again.G, model.G, atol=1e-11)


@pytest.mark.parametrize("edges", ["width", "quantile"])
def test_buckets_are_exactly_symmetric(edges: Any) -> None:
    """Bounds are mirrored to the last bit; a balanced book is in the middle; a tie belongs to the inner bucket."""
    model = fit(walk(7), n_imb=9, n_spread=3, edges=edges)
    np.testing.assert_array_equal(model.edges, -model.edges[::-1])
    if edges == "width":
        assert model.edges[5] == 1 / 9
        # 2 : 1 is an imbalance of 1/3, the bound between buckets 5 and 6, and 1 : 2 the one between 3 and 2.
        x, _ = _state(
            np.zeros(3), np.array([2.0, 1, 1]), np.ones(3), np.array([1.0, 2, 1]), model.edges, 1.0, 1, "drop"
        )
        assert x.tolist() == [5, 3, 4]


def test_quantile_buckets_have_about_equal_shares() -> None:
    """With continuous sizes each of nine buckets holds a ninth of the rows."""
    rng = np.random.default_rng(8)
    bid, _, ask, _ = walk(8)
    held, offered = rng.exponential(size=(2, 3_000))
    model = fit((bid, held, ask, offered), n_imb=9, n_spread=1, wide="pool", edges="quantile")
    share = model.counts / model.counts.sum()
    np.testing.assert_allclose(share + share[::-1], 2 / 9, atol=1e-3)


def test_wide_spreads_are_reported_and_dropped_or_pooled() -> None:
    """Two rows of five ticks in eight: no state, and no transition into or out of it; or the state of ``n_spread``."""
    ask = BID + np.array([1, 1, 1, 5, 5, 1, 1, 1])
    dropped = fit((BID, HELD, ask, 4 - HELD))
    pooled = fit((BID, HELD, ask, 4 - HELD), wide="pool")
    assert (dropped.diagnostics.wide, dropped.diagnostics.wide_share) == (2, 0.25)
    assert (dropped.diagnostics.transitions, pooled.diagnostics.transitions) == (4, 7)
    assert pooled.diagnostics.wide_share == 0.25
    assert np.isnan(arrays.microprice(dropped, [9], [3], [14], [1]))[0]
    assert arrays.microprice(pooled, [9], [3], [14], [1])[0] == 11.5 + pooled.G[2]


def test_large_moves_are_left_out_and_counted() -> None:
    """A jump by 50 ticks among moves by one: with ``kmax`` it does not enter."""
    bid = np.append(BID, BID + 50)
    held = np.append(HELD, HELD)
    top = (bid, held, bid + 1, 4 - held)
    assert fit(top, kmax=4).diagnostics.jumps == 1
    assert fit(top).diagnostics.jumps == 0
    reset = np.arange(16) == 8
    np.testing.assert_array_equal(fit(top, kmax=4).G, fit(top, reset=reset).G)
    assert not np.array_equal(fit(top, kmax=4).G, fit(top).G)


def test_nothing_is_counted_across_a_reset() -> None:
    """A tape of two pieces has the counts of the pieces; the step between them is cut and counted."""
    bid = np.append(BID, BID + 700)
    held = np.append(HELD, HELD)
    model = fit((bid, held, bid + 1, 4 - held), reset=np.arange(16) == 8)
    np.testing.assert_allclose(model.G, fit().G, atol=1e-14)
    assert model.counts.tolist() == [8, 0, 6]
    assert model.diagnostics.cut == 1


@pytest.mark.parametrize(
    ("at", "bid", "held"),
    [(3, 10.0, 3.0), (3, 11.0, 3.0), (3, np.nan, 0.0), (3, 9.0, 0.0)],
    ids=["locked", "crossed", "no bid", "priced without size"],
)
def test_nothing_is_counted_across_an_odd_row(at: int, bid: float, held: float) -> None:
    """Rows before and after a row that is no state are no pair."""
    bids, sizes = BID.astype(float), HELD.astype(float)
    bids[at], sizes[at] = bid, held
    model = fit((bids, sizes, BID + 1, 4 - HELD))
    assert (model.diagnostics.odd, model.diagnostics.transitions) == (1, 5)
    assert np.isnan(arrays.microprice(model, bids, sizes, BID + 1, 4 - HELD)[at])


def test_unvisited_states_are_nan_and_reported() -> None:
    """No balanced book on the tape: its adjustment is unknown, not 0."""
    model = fit(n_spread=2)
    assert np.isnan(model.G).tolist() == [False, True, False, True, True, True]
    assert (model.diagnostics.unvisited, model.diagnostics.undefined) == (4, 4)
    assert np.isnan(model.B[1]).all() and model.B[0, 1] == 0


def test_state_without_a_move_is_nan_or_smoothed() -> None:
    """From a balanced book that never ends no move is reached; smoothing gives it the value of no knowledge."""
    bid = np.append(BID, [9, 9, 9])
    held = np.append(HELD, [2, 2, 2])
    top = (bid, held, bid + 1, 4 - held)
    model = fit(top)
    np.testing.assert_allclose(model.G, fit().G, atol=1e-15)
    assert (model.diagnostics.unvisited, model.diagnostics.undefined, model.diagnostics.dead_ends) == (0, 1, 2)
    smooth = fit(top, smoothing=1)
    assert smooth.G[1] == pytest.approx(0, abs=1e-15)
    assert 0 < smooth.G[2] < model.G[2]
    assert smooth.diagnostics.undefined == 0


def test_worlds_that_never_meet_have_no_micro_price() -> None:
    """Where bid-heavy books only ever move up, and ask-heavy ones down, the expected moves add up to no number."""
    bid = np.array([1, 2, 3, 4, 3, 2, 1])
    held = np.array([3, 3, 3, 3, 1, 1, 1])
    model = fit((bid, held, bid + 1, 4 - held), reset=np.arange(7) == 4)
    np.testing.assert_allclose(model.G1, [-1, np.nan, 1])
    assert np.isnan(model.G).all() and model.diagnostics.undefined == 3


def test_without_the_mirrored_copy_the_drift_is_taken_out_and_told() -> None:
    """A tape that rises has a drift; the adjustment is what is left, with mean 0 under pi."""
    top = walk(9)
    rising = (top[0] + np.arange(3_000) // 10, top[1], top[2] + np.arange(3_000) // 10, top[3])
    model = fit(rising, n_imb=5, n_spread=3, symmetrise=False)
    assert model.diagnostics.drift > 0.05
    assert model.pi @ model.G1 == pytest.approx(model.diagnostics.drift, abs=1e-14)
    assert model.pi @ model.G == pytest.approx(0, abs=1e-12)
    assert fit(rising, n_imb=5, n_spread=3).diagnostics.drift == pytest.approx(0, abs=1e-12)


def test_values_outside_of_the_spread_are_reported_and_not_clipped() -> None:
    """Trending quotes: every move is followed by more of the same, so that the micro-price leaves the spread."""
    up = np.concatenate([np.arange(20), 20 - np.arange(20)])
    held = np.where(np.arange(40) < 20, 5, 1)
    model = fit((up, held, up + 1, 6 - held))
    assert model.G[2] > 0.5 and model.diagnostics.frac_outside == 1
    assert arrays.microprice(model, [9], [5], [10], [1])[0] > 10
    assert fit().diagnostics.frac_outside == 0


def test_diagnostics_add_up() -> None:
    """What was given is what was counted plus what was left out, item by item."""
    model = fit(n_spread=2)
    found = model.diagnostics
    assert (found.rows, found.odd, found.wide, found.transitions, found.moves) == (8, 0, 0, 7, 3)
    assert model.counts.sum() == found.transitions
    assert found.tail == pytest.approx(np.abs(np.array([-3 / 11, 3 / 11]) * (3 / 11) ** 6).max(), rel=1e-9)


def test_prices_in_ticks_and_in_money_give_one_model() -> None:
    """The adjustment is in ticks, whatever the unit of prices and sizes; negative prices are prices."""
    top = walk(10)
    ticks = fit(top, n_imb=5, n_spread=3)
    money = fit(walk(10, tick=0.01), n_imb=5, n_spread=3, tick=0.01)
    below = fit((top[0] - 5_000, top[1], top[2] - 5_000, top[3]), n_imb=5, n_spread=3)
    np.testing.assert_array_equal(ticks.G, money.G)
    np.testing.assert_array_equal(ticks.G, below.G)
    whole = tuple(values.astype(np.int64) for values in top)
    np.testing.assert_array_equal(ticks.G, fit(whole, n_imb=5, n_spread=3).G)  # type: ignore[arg-type]
    lots = fit((top[0], top[1] / 4, top[2], top[3] / 4), n_imb=5, n_spread=3)
    np.testing.assert_array_equal(ticks.G, lots.G)


def test_only_the_best_level_is_read() -> None:
    """(T, N) arrays are read at column 0; appending absent levels changes nothing."""
    deep = tuple(
        np.column_stack([values, np.full(8, fill)]) for values, fill in zip(ARGS, [np.nan, 0] * 2, strict=True)
    )
    model = fit(deep)  # type: ignore[arg-type]
    np.testing.assert_array_equal(model.G, fit().G)
    np.testing.assert_array_equal(arrays.microprice(model, *deep), arrays.microprice(model, *ARGS))


# -- the model and its value ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("wide", ["drop", "pool"])
def test_book_and_arrays_agree(
    make_panel: Callable[..., Panel], books_of: Callable[[Panel], Iterator[L2Book]], wide: Any
) -> None:
    """One value whichever way it is asked for, None where the array says NaN; odd rows included."""
    panel = make_panel(11, rows=600)
    top = (panel.bid_px, panel.bid_sz, panel.ask_px, panel.ask_sz)
    model = fit_microprice(*top, tick=0.01, n_imb=5, n_spread=2, wide=wide, smoothing=0.5)
    expected = arrays.microprice(model, *top)
    values = [microprice(book, model) for book in books_of(panel)]
    got = np.array([np.nan if value is None else value for value in values])
    np.testing.assert_allclose(got, expected, rtol=1e-12)
    assert 50 < np.isnan(got).sum() < 500


def test_reference_book(b0: L2Book) -> None:
    """B0: an imbalance of -1/2 and a spread of 2 ticks, mid 100.01."""
    model = fit_microprice(*walk(12), tick=1, n_imb=3, n_spread=3)
    money = replace(model, tick=0.01)
    assert microprice(b0, money) == pytest.approx(100.01 + 0.01 * model.G[3], rel=1e-15)


def test_value_is_none_where_there_is_no_state() -> None:
    """Empty, one-sided, locked, crossed, too wide, and a state without data."""
    model, book = fit(), L2Book()
    assert microprice(book, model) is None
    for bids, asks in (
        ([(9, 1)], []),
        ([(9, 1)], [(9, 1)]),
        ([(10, 1)], [(9, 1)]),
        ([(9, 3)], [(11, 1)]),
        ([(9, 2)], [(10, 2)]),
    ):
        book.apply_snapshot(bids, asks)
        assert microprice(book, model) is None
    book.apply_snapshot([(9, 3)], [(10, 1)])
    assert microprice(book, model) == 9.875


@pytest.mark.parametrize(("bid", "ask"), [(10.5, 10.0), (10.0, 10.0)])
def test_no_grid_is_asked_for_where_there_is_no_spread(bid: float, ask: float) -> None:
    """A crossed book has no value, whatever its prices; in both forms."""
    book = L2Book()
    book.apply_snapshot([(bid, 1)], [(ask, 1)])
    assert microprice(book, fit()) is None
    assert np.isnan(arrays.microprice(fit(), [bid], [1], [ask], [1])).all()


def test_adjustment_is_not_that_of_the_weighted_mid() -> None:
    """In the bucket around I = 1/6 the weighted mid is a third of a tick below the mid, the micro-price 4/13."""
    *_, g, _ = _solved(_Counts(Q, R2, np.diag(R1 @ K)))
    assert arrays.weighted_mid([-0.5], SIZES[:1], [0.5], 6 - SIZES[:1])[0] == pytest.approx(-1 / 3, abs=1e-15)
    assert g[0] == pytest.approx(-0.307692, abs=5e-7)


def test_model_is_read_only_and_pickles() -> None:
    """A model is a value: nobody changes it by accident, and it can be kept in a file."""
    model = fit()
    with pytest.raises(ValueError, match="read-only"):
        model.G[0] = 1
    again = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(again.G, model.G)
    assert again.diagnostics == model.diagnostics
    with pytest.raises(ValueError, match="read-only"):
        again.G[0] = 1


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"n_imb": 4}, "n_imb is odd, so that a balanced book is in the middle bucket, not 4"),
        ({"n_imb": 0}, "n_imb is at least 1, not 0"),
        ({"n_spread": 0}, "n_spread is at least 1, not 0"),
        ({"kmax": 0}, "kmax is at least 1, not 0"),
        ({"tick": 0}, "tick is a number above 0, not 0"),
        ({"tick": 0.7}, r"the spread from 10.0 to 11.0 is no whole number of ticks of 0.7"),
        ({"smoothing": -1}, "smoothing is a number of transitions, 0 or more, not -1"),
        ({"edges": "qcut"}, "edges is one of 'width', 'quantile', not 'qcut'"),
        ({"wide": "keep"}, "wide is one of 'drop', 'pool', not 'keep'"),
        ({"reset": [True]}, r"reset has one value a row, \(8,\), not \(1,\)"),
        ({"tick": 0.1}, "no state leads to a move of the mid; rows 8, odd 0, transitions 0, moves 0"),
    ],
)
def test_wrong_arguments(given: dict[str, Any], message: str) -> None:
    """Each message names the argument and what is wanted."""
    with pytest.raises(ValueError, match=message):
        fit(**given)


def test_prices_off_the_grid_are_refused() -> None:
    """A tick that does not fit is an error and not a model of nothing; also when the model is used."""
    with pytest.raises(ValueError, match=r"the bid 10\.5 is no whole number of ticks of 1"):
        fit((BID + 0.5, HELD, BID + 1.5, 4 - HELD))
    book = L2Book()
    book.apply_snapshot([("9", 1)], [("9.5", 1)])
    with pytest.raises(ValueError, match=r"the spread from 9\.0 to 9\.5 is no whole number of ticks"):
        microprice(book, fit())
    with pytest.raises(ValueError, match=r"the spread from 9\.0 to 9\.5 is no whole number of ticks"):
        arrays.microprice(fit(), [9], [1], [9.5], [1])


@pytest.mark.parametrize("edges", ["width", "quantile"])
def test_no_rows(edges: Any) -> None:
    """An empty tape gives no model; a model of no rows no values."""
    empty = (np.empty(0),) * 4
    with pytest.raises(ValueError, match=r"no state leads|needs a row with both sides"):
        fit(empty, edges=edges)
    assert arrays.microprice(fit(), *empty).shape == (0,)


# -- what comes next --------------------------------------------------------------------------------------------------


def test_next_mid_change_is_that_of_a_loop(make_panel: Callable[..., Panel]) -> None:
    """The vectorised form equals looking ahead row by row, over odd rows and resets."""
    panel = make_panel(13, rows=400)
    bid, ask = panel.bid_px[:, 0], panel.ask_px[:, 0]
    mid = np.where(bid < ask, (bid + ask) / 2, np.nan)
    reset = np.random.default_rng(13).random(400) < 0.05
    expected = np.full(400, np.nan)
    for i in range(400):
        j = i + 1
        while j < 400 and not reset[j] and mid[j] == mid[i]:
            j += 1
        if j < 400 and not reset[j]:
            expected[i] = mid[j] - mid[i]
    got = next_mid_change(panel.bid_px, panel.bid_sz, panel.ask_px, panel.ask_sz, reset=reset)
    np.testing.assert_array_equal(got, expected)
    assert 50 < np.isnan(expected).sum() < 350
    assert next_mid_change([], [], [], []).shape == (0,)
    # Some files write an absent level as an infinite price.
    np.testing.assert_array_equal(
        next_mid_change([-np.inf, 1, 2], [1] * 3, [np.inf, 2, 3], [1] * 3), [np.nan, 1, np.nan]
    )


def test_rows_without_columns_are_empty_books() -> None:
    """N may be 0: no state, no value, no model."""
    none = (np.empty((2, 0)),) * 4
    for values in (arrays.microprice(fit(), *none), next_mid_change(*none), p_up(*none[:2])):
        assert np.isnan(values).tolist() == [True, True]
    assert np.isnan(hidden_depth_from_l1(*none[:2], [1, 0]))
    with pytest.raises(ValueError, match="no state leads to a move of the mid; rows 2, odd 2"):
        fit(none)


def test_p_up_of_the_reference() -> None:
    """Five at the bid, fifteen at the ask, by correlation of the queues and hidden size."""
    for rho, expected in ((-1, 0.25), (-0.5, 0.231631), (0, 0.204833)):
        assert p_up([5], [15], rho=rho)[0] == pytest.approx(expected, abs=5e-7)
    assert p_up([5], [15], hidden=10)[0] == pytest.approx(0.375, abs=1e-15)


@pytest.mark.parametrize("rho", [-0.5, 0.0, 0.6])
def test_p_up_solves_the_first_passage_problem(rho: float) -> None:
    """``p_xx + 2 rho p_xy + p_yy = 0``, by differences; 1 where the ask is gone, 0 where the bid is."""
    x, y = np.meshgrid(np.linspace(2, 20, 19), np.linspace(2, 20, 19))
    h = 1e-2

    def p(i: int, j: int) -> np.ndarray:
        return p_up((x + i * h).ravel(), (y + j * h).ravel(), rho=rho)

    along = p(1, 0) + p(-1, 0) + p(0, 1) + p(0, -1) - 4 * p(0, 0)
    across = (p(1, 1) + p(-1, -1) - p(1, -1) - p(-1, 1)) / 4
    np.testing.assert_allclose(along + 2 * rho * across, 0, atol=1e-9)
    assert np.abs(along).max() > (1e-6 if rho else 0)
    np.testing.assert_allclose(p_up([5.0, 1e-9], [1e-9, 5.0], rho=rho), [1, 0], atol=1e-8)


def test_p_up_is_a_probability_that_mirrors() -> None:
    """Between 0 and 1, one half when balanced, and the complement with the sides swapped; 1/2 as hidden size grows."""
    held, offered = np.random.default_rng(15).exponential(size=(2, 500))
    for rho in (-1.0, -0.9999, -0.3, 0.0, 0.7, 0.999):
        p = p_up(held, offered, rho=rho)
        assert ((p >= 0) & (p <= 1)).all()
        np.testing.assert_allclose(p + p_up(offered, held, rho=rho), 1, atol=1e-13)
        assert p_up([3], [3], rho=rho)[0] == 0.5
    np.testing.assert_allclose(p_up(held, offered, rho=-1 + 1e-12), held / (held + offered), atol=1e-6)
    np.testing.assert_allclose(p_up(held, offered, hidden=1e9), 0.5, atol=1e-8)


def test_p_up_without_a_side() -> None:
    """An absent side has no queue, hidden size or not."""
    assert np.isnan(p_up([0, 5, np.nan, 0], [5, 0, 5, 0], hidden=10)).all()


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"rho": 1}, "rho is a correlation from -1 to below 1, not 1"),
        ({"rho": np.nan}, "rho is a correlation"),
        ({"hidden": -1}, "hidden is a size of 0 or more, not -1"),
        ({"hidden": np.inf}, "hidden is a size of 0 or more, not inf"),
    ],
)
def test_p_up_refuses(given: dict[str, Any], message: str) -> None:
    """Parameters out of their range."""
    with pytest.raises(ValueError, match=message):
        p_up([1], [1], **given)


@pytest.mark.parametrize("hidden", [0.5, 10.0, 80.0])
def test_hidden_depth_is_recovered(hidden: float) -> None:
    """Outcomes drawn from the curve give its H back; twice the tape, the same answer."""
    rng = np.random.default_rng(16)
    held, offered = rng.integers(1, 60, (2, 200_000)).astype(float)
    up = rng.random(200_000) < p_up(held, offered, hidden=hidden)
    found = hidden_depth_from_l1(held, offered, up)
    assert found == pytest.approx(hidden, abs=0.3, rel=0.1)
    assert hidden_depth_from_l1(np.tile(held, 2), np.tile(offered, 2), np.tile(up, 2)) == pytest.approx(found, rel=1e-9)


def test_hidden_depth_is_the_least_error() -> None:
    """No H of a fine grid has a smaller squared error than the one found."""
    rng = np.random.default_rng(17)
    held, offered = rng.exponential(10, (2, 2_000))
    up = (rng.random(2_000) < p_up(held, offered, hidden=5)).astype(float)
    found = hidden_depth_from_l1(held, offered, up)

    def error(hidden: float) -> float:
        return float(((up - p_up(held, offered, hidden=hidden)) ** 2).sum())

    assert all(error(found) <= error(other) + 1e-9 for other in np.linspace(0, 100, 1_001))


def test_hidden_depth_at_its_bounds() -> None:
    """Displayed size that tells all: 0. That tells nothing, or the wrong way: inf. No usable row: NaN."""
    assert hidden_depth_from_l1([9] * 4, [1] * 4, [1] * 4) == 0
    assert hidden_depth_from_l1([9] * 4, [1] * 4, [1, 0, 1, 0]) == np.inf
    assert hidden_depth_from_l1([9] * 4, [1] * 4, [0] * 4) == np.inf
    assert np.isnan(hidden_depth_from_l1([9, 5, 0], [1, 5, 3], [np.nan, 1, 1]))
    assert np.isnan(hidden_depth_from_l1([], [], []))


def test_hidden_depth_refuses() -> None:
    """A sign instead of an outcome, or arrays of different lengths."""
    with pytest.raises(ValueError, match="up is 1 where the next move was up, 0 where it was down, NaN"):
        hidden_depth_from_l1([1, 2], [2, 1], [-1, 1])
    with pytest.raises(ValueError, match=r"up has one value a row, \(2,\), not \(1,\)"):
        hidden_depth_from_l1([1, 2], [2, 1], [1])
