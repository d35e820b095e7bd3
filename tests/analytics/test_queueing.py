"""Places in queues: the worked values, bounds that hold, simulations, and the chain solved another way."""

from __future__ import annotations

import math
import pickle
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from orderbook.analytics.queueing import (
    QueueEstimator,
    QueueVolumes,
    fill_before_move,
    queue_fill_prob,
    queue_fill_time,
)


def queue_of(front: float, level: float, **options: Any) -> QueueEstimator:
    """An order to buy at 100 with ``front`` ahead of it in a level of ``level``."""
    queue = QueueEstimator(side="buy", price=100.0, **options)
    queue.update(front)
    queue.update(level)
    return queue


@pytest.mark.parametrize(
    ("model", "ahead"), [("pow:1", 24.0), ("pow:2", 26.896552), ("pow:3", 28.540541), ("risk_averse", 30.0)]
)
def test_cancel_models(model: str, ahead: float) -> None:
    """Front 30, back 70, a cancel of 20."""
    queue = queue_of(30, 100, cancel_model=model)
    queue.update(80)
    assert queue.value is not None
    assert queue.value.ahead == pytest.approx(ahead, abs=5e-7)
    assert (10, 30) == (queue.value.ahead_low, queue.value.ahead_high)
    assert queue.value.behind == pytest.approx(80 - ahead, abs=5e-7)
    assert QueueVolumes(0, 20, 0) == queue.volumes


def test_trades_shorten_the_queue_from_the_front() -> None:
    """A trade is no cancel when the level shows it; what is beyond the queue has reached the order."""
    queue = queue_of(30, 100)
    queue.trade(100.0, 20)
    queue.update(80)
    assert queue.value is not None
    assert (10, 10, 10, 70) == queue.value[:4]
    queue.trade(100.0, 15)
    queue.update(65)
    assert queue.value is not None
    assert (0, 0, 0, 65, 5, 5, 5) == queue.value
    assert QueueVolumes(35, 0, 0) == queue.volumes


def test_a_trade_after_its_level_is_taken_for_a_cancel_first() -> None:
    """The order of calls matters, as the docstring says: the volume counts twice."""
    queue = queue_of(30, 100)
    queue.update(80)
    queue.trade(100.0, 20)
    assert queue.value is not None
    assert (4.0, QueueVolumes(20, 20, 0)) == (queue.value.ahead, queue.volumes)


def test_cancels_that_cannot_all_be_behind() -> None:
    """The pessimist too moves up when more goes than was behind; nobody is ahead of an empty level."""
    queue = queue_of(30, 40, cancel_model="risk_averse")
    queue.update(25)
    assert queue.value is not None
    assert (25, 15, 25, 0) == queue.value[:4]
    queue.update(0)
    assert queue.value is not None
    assert (0, 0, 0, 0) == queue.value[:4]


def test_other_prices() -> None:
    """A trade at a better price is none of ours; one beyond ours has filled us, whatever we asked for."""
    queue = queue_of(30, 100)
    queue.trade(100.5, 1_000)
    assert queue.value is not None
    assert (30, 0) == (queue.value.ahead, queue.value.reached)
    queue.trade(99.5, 1)
    assert queue.value is not None
    assert (0, math.inf, math.inf) == (queue.value.ahead, queue.value.reached_low, queue.value.reached)
    ask = QueueEstimator(side=-1, price=-5.0)
    ask.update(3)
    ask.trade(-4.0, 1)
    assert ask.value is not None
    assert math.inf == ask.value.reached


def test_hidden_policies() -> None:
    """A print of 50 at a level that shows 40: all taken as shown, set aside by its mark, or shown up to 40."""
    expected = {"ignore": (20, (50, 0, 0)), "flag": (0, (0, 40, 50)), "infer": (20, (40, 0, 10))}
    for policy, (reached, volumes) in expected.items():
        queue = queue_of(30, 40, hidden=policy)
        queue.trade(100.0, 50, hidden=True)
        queue.update(0)
        assert queue.value is not None
        assert (reached, QueueVolumes(*volumes)) == (queue.value.reached, queue.volumes)


def test_a_gap_starts_anew() -> None:
    """Before the first level and after a reset there is no value, and trades do nothing; then it joins at the back."""
    queue = QueueEstimator(side="sell", price=100.0)
    queue.trade(100.0, 5)
    assert queue.value is None
    queue.update(10)
    queue.trade(100.0, 4)
    queue.reset()
    assert (None, QueueVolumes(0, 0, 0)) == (queue.value, queue.volumes)
    queue.update(7)
    assert queue.value is not None
    assert 7 == queue.value.ahead


def test_estimators_pickle() -> None:
    """A copy goes on as the original does."""
    queue = queue_of(30, 100)
    copy = pickle.loads(pickle.dumps(queue))
    for one in (queue, copy):
        one.update(70)
    assert queue.value == copy.value


STEPS = st.lists(st.tuples(st.booleans(), st.integers(0, 60)), max_size=30)


@given(st.integers(0, 50), STEPS, st.floats(0, 9), st.sampled_from(["ignore", "flag", "infer"]))
def test_bounds_hold(front: int, steps: list[tuple[bool, int]], power: float, hidden: Any) -> None:
    """Whatever comes: low <= estimate <= high <= level, nothing negative, and nobody falls back."""
    queue = QueueEstimator(side="buy", price=1.0, cancel_model=f"pow:{power:.3f}", hidden=hidden)
    queue.update(front)
    ahead = float(front)
    for is_trade, size in steps:
        if is_trade:
            queue.trade(1.0, size)
        else:
            queue.update(size)
        value = queue.value
        assert value is not None
        tolerance = 1e-9
        assert -tolerance <= value.ahead_low <= value.ahead + tolerance <= value.ahead_high + 2 * tolerance
        assert value.ahead <= ahead + tolerance
        assert is_trade or value.ahead_high <= size
        assert 0 <= value.reached_low <= value.reached + tolerance <= value.reached_high + 2 * tolerance
        ahead = value.ahead


def test_large_powers_do_not_overflow() -> None:
    """A power of 5,000 is the pessimist or the optimist, not an error."""
    for level, ahead in ((100, 30), (50, 10)):
        queue = queue_of(30, level, cancel_model="pow:5000")
        queue.update(level - 20)
        assert queue.value is not None
        assert queue.value.ahead == pytest.approx(ahead)


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"side": "up"}, "up"),
        ({"price": math.nan}, "price"),
        ({"cancel_model": "pow"}, "cancel_model is 'pow:n'"),
        ({"cancel_model": "pow:-1"}, "cancel_model is 'pow:n'"),
        ({"hidden": "guess"}, "hidden is 'ignore', 'flag' or 'infer'"),
    ],
)
def test_options_are_checked(options: dict[str, Any], named: str) -> None:
    """The message says what would do."""
    with pytest.raises(ValueError, match=named):
        QueueEstimator(**{"side": "buy", "price": 1.0, **options})


def test_sizes_are_checked() -> None:
    """No negative level, no trade of nothing known."""
    queue = QueueEstimator(side="buy", price=1.0)
    with pytest.raises(ValueError, match="level_size"):
        queue.update(-1)
    with pytest.raises(ValueError, match="size is a size"):
        queue.trade(1.0, math.nan)
    with pytest.raises(ValueError, match="price is a number"):
        queue.trade(math.nan, 1)


def test_fill_within_a_second() -> None:
    """Two ahead, mu 1, theta 0.5; and the mean."""
    assert queue_fill_prob(2, 1.0, 0.5, 1.0) == pytest.approx(0.1717588, abs=5e-8)
    assert queue_fill_time(2, 1.0, 0.5) == pytest.approx(2.1667, abs=5e-5)


def test_fill_with_repeated_rates() -> None:
    """Without cancels the time is a sum of equal exponentials; theta near 0 comes to the same."""
    erlang = 1 - math.exp(-2.0) * (1 + 2 + 2 + 8 / 6)
    assert queue_fill_prob(3, 1.0, 0.0, 2.0) == pytest.approx(erlang, rel=1e-12)
    assert queue_fill_prob(3, 1.0, 1e-9, 2.0) == pytest.approx(erlang, rel=1e-7)
    assert queue_fill_time(3, 1.0, 0.0) == 4


def test_fill_probability_is_the_sum_of_exponentials() -> None:
    """The partial fractions of distinct rates say the same, for a queue where they still can."""
    n, mu, theta, horizon = 6, 0.7, 0.3, 4.0
    rates = mu + theta * np.arange(n + 1)
    parts = [np.prod([b / (b - a) for b in rates if b != a]) * (1 - math.exp(-a * horizon)) for a in rates]
    assert queue_fill_prob(n, mu, theta, horizon) == pytest.approx(float(np.sum(parts)), rel=1e-9)


def test_fill_probability_at_the_edges() -> None:
    """Nothing is filled in no time or without market orders; long queues neither overflow nor lose themselves."""
    assert (0, 0) == (queue_fill_prob(0, 1.0, 0.5, 0.0), queue_fill_prob(3, 0.0, 0.5, 9.0))
    assert queue_fill_prob(0, 2.0, 0.0, 1.5) == pytest.approx(1 - math.exp(-3))
    assert queue_fill_prob(10_000, 1.0, 0.0, 10_001.0) == pytest.approx(0.5, abs=0.01)
    assert queue_fill_prob(10_000, 1.0, 1.0, 1e6) == 1
    assert math.inf == queue_fill_time(2, 0.0, 1.0)


def test_fill_probability_of_many_horizons() -> None:
    """An array gives an array of its shape, rising, and equal to the numbers one by one."""
    horizons = np.linspace(0, 30, 12).reshape(3, 4)
    curve = queue_fill_prob(4, 0.8, 0.2, horizons)
    assert horizons.shape == curve.shape
    assert [queue_fill_prob(4, 0.8, 0.2, float(t)) for t in horizons.flat] == pytest.approx(curve.ravel().tolist())
    assert (np.diff(curve.ravel()) > 0).all()


def test_fill_before_the_price_moves() -> None:
    """Two ahead, three opposite; and a simulation of another case."""
    assert fill_before_move(2, 3, mu=1.0, theta=0.5, arrivals=1.5) == pytest.approx(0.6093429, abs=5e-8)
    rng = np.random.default_rng(7)
    own, opposite = np.full(20_000, 1), np.full(20_000, 2)
    filled, moved = np.zeros(20_000, bool), np.zeros(20_000, bool)
    for _ in range(400):
        live = ~(filled | moved)
        rates = np.stack([0.6 + 0.3 * own, np.full(len(own), 0.8), 1.1 + 0.2 * opposite])
        what = (rng.random(len(own)) * rates.sum(axis=0) > np.cumsum(rates, axis=0)).sum(axis=0)
        filled |= live & (what == 0) & (own == 0)
        own -= live & (what == 0) & (own > 0)
        opposite += live * ((what == 1).astype(int) - (what == 2))
        moved |= live & (opposite == 0)
    exact = fill_before_move(1, 2, mu=0.6, theta=0.3, arrivals=0.8, opposite_mu=1.1, opposite_theta=0.2)
    assert (filled | moved).all()
    assert filled.mean() == pytest.approx(exact, abs=0.012)


def test_fill_before_a_move_at_the_edges() -> None:
    """No opposite order: too late. No market order: never. An opposite side that stays: surely."""
    assert 0 == fill_before_move(2, 0, mu=1.0, theta=0.5, arrivals=1.0)
    assert 0 == fill_before_move(0, 3, mu=0.0, theta=0.5, arrivals=1.0)
    stays = fill_before_move(2, 3, mu=1.0, theta=0.5, arrivals=0.0, opposite_mu=0.0, opposite_theta=0.0)
    assert stays == pytest.approx(1)
    assert fill_before_move(0, 1, mu=2.0, theta=0.0, arrivals=0.0, opposite_mu=3.0) == pytest.approx(2 / 5)


@pytest.mark.parametrize(
    ("ahead", "opposite", "rates", "named"),
    [
        (-1, 3, {}, "orders are a whole number"),
        (1, 501, {}, "opposite is at most 500"),
        (1, 3, {"mu": -1.0}, "mu is a rate"),
        (1, 3, {"theta": math.inf}, "theta is a rate"),
        (1, 3, {"arrivals": math.nan}, "arrivals is a rate"),
        (0, 40, {"mu": 1e-7, "opposite_theta": 0.0, "opposite_mu": 1.0}, "mu is too small"),
    ],
)
def test_chains_are_checked(ahead: int, opposite: int, rates: dict[str, float], named: str) -> None:
    """The message names what is wrong."""
    with pytest.raises(ValueError, match=named):
        fill_before_move(ahead, opposite, **{"mu": 1.0, "theta": 0.5, "arrivals": 1.0, **rates})


def test_horizons_are_checked() -> None:
    """Neither negative nor endless."""
    for horizon in (-1.0, math.inf, math.nan):
        with pytest.raises(ValueError, match="horizon is a time"):
            queue_fill_prob(1, 1.0, 1.0, horizon)


def test_a_market_that_hardly_trades_fills_never() -> None:
    """The mean is infinite with no market orders, and with too few for a float."""
    assert math.inf == queue_fill_time(2, 0.0, 0.5)
    assert math.inf == queue_fill_time(2, 1e-320, 0.0)
