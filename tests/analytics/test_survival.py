"""Kaplan-Meier and Aalen-Johansen: worked values, a slow count as witness, censoring and late entry."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from orderbook.analytics.survival import cumulative_incidence, kaplan_meier

TOTALS = [20, 30, 30, 40, 50, 60, 60, 80, 100, 120]
FINISHED = [True, True, False, True, True, True, False, True, False, True]


def test_totals_of_icebergs() -> None:
    """Ten totals of which three are censored: the steps, what was at risk, and the restricted mean."""
    curve = kaplan_meier(TOTALS, FINISHED)
    assert [20, 30, 40, 50, 60, 80, 120] == curve.time.tolist()
    assert [10, 9, 7, 6, 5, 3, 1] == curve.at_risk.tolist()
    assert [1, 1, 1, 1, 1, 1, 1] == curve.ended.tolist()
    assert curve.survival == pytest.approx([0.9, 0.8, 0.685714, 0.571429, 0.457143, 0.304762, 0], abs=5e-7)
    assert curve.survival[-1] == 0
    assert curve.restricted_mean == pytest.approx(70.905, abs=5e-4)
    assert np.mean(np.array(TOTALS)[FINISHED]) == pytest.approx(57.143, abs=5e-4)
    assert curve.median == 60


def test_weights_of_alternative_chains() -> None:
    """Sizes 20, 40 (half), 40 (half), 60 are three cases."""
    curve = kaplan_meier([20, 40, 40, 60], [True] * 4, [1, 0.5, 0.5, 1])
    assert curve.survival == pytest.approx([0.6667, 0.3333, 0], abs=5e-5)


def test_competing_fates_of_orders() -> None:
    """Eight orders: the incidences, and what taking cancels for censoring would have said of the fills."""
    times, fates = [1, 2, 2, 3, 4, 5, 6, 7], [2, 1, 2, 1, 2, 1, 2, 0]
    result = cumulative_incidence(times, fates)
    assert [1, 2] == result.causes.tolist()
    assert (result.at(1, 7), result.at(2, 7), result.survival_at(7)) == pytest.approx((0.375, 0.5, 0.125))
    naive = kaplan_meier(times, np.array(fates) == 1)
    assert 1 - naive.at(7) == pytest.approx(0.542857, abs=5e-7)


def test_greenwood() -> None:
    """The error after the first of ten deaths is that of a share; at survival 0 there is none."""
    curve = kaplan_meier(TOTALS, FINISHED)
    assert curve.std_error[0] == pytest.approx(math.sqrt(0.9 * 0.1 / 10))
    assert curve.std_error[1] == pytest.approx(0.8 * math.sqrt(1 / 90 + 1 / 72))
    assert np.isnan(curve.std_error[-1])


def test_curves_are_steps() -> None:
    """Before the first step nothing has ended; a step counts at its own time; NaN stays NaN."""
    curve = kaplan_meier([2, 4], [True, False])
    assert [1, 1, 0.5, 0.5] == curve.at([0, 1.999, 2, 9]).tolist()
    assert np.isnan(curve.at(math.nan))
    fates = cumulative_incidence([2, 4], [3, 0])
    assert [0, 0.5, 0.5] == fates.at(3, [1, 2, 9]).tolist()
    assert 0 == fates.at(1, 9)


def test_late_entry() -> None:
    """Who comes in at age 5 is at risk after 5 only; an end at the very age of entry was not under observation."""
    curve = kaplan_meier([5, 6, 8], [True, True, True], entry=[0, 5, 0])
    assert [2, 2, 1] == curve.at_risk.tolist()
    assert [0.5, 0.25, 0] == curve.survival.tolist()
    unaware = kaplan_meier([5, 6, 8], [True, True, True])
    assert [3, 2, 1] == unaware.at_risk.tolist()


def test_an_end_at_once_counts() -> None:
    """Seen from its birth on, what lasts no time at all has ended nevertheless."""
    curve = kaplan_meier([0, 1], [True, True])
    assert ([0, 1], [0.5, 0]) == (curve.time.tolist(), curve.survival.tolist())


def test_nothing_ended() -> None:
    """Censored all, or no case at all: no step, no median, no mean."""
    for curve in (kaplan_meier([1, 2], [False, False]), kaplan_meier([], [])):
        assert 0 == len(curve.time)
        assert (None, None) == (curve.median, curve.restricted_mean)
        assert 1 == curve.at(5)
    fates = cumulative_incidence([], [])
    assert ((0,), (0, 0)) == (fates.causes.shape, fates.incidence.shape)
    assert (0, 1) == (fates.at(1, 5), fates.survival_at(5))


def test_no_weight_is_no_case() -> None:
    """A case of weight 0 changes nothing, not even where the steps are."""
    assert [1.0] == kaplan_meier([1, 2], [True, True], [1, 0]).time.tolist()
    assert [1] == cumulative_incidence([1, 2], [1, 2], [1, 0]).causes.tolist()


@given(
    st.lists(
        st.tuples(st.integers(0, 8), st.integers(0, 3), st.integers(1, 3), st.integers(0, 8)), min_size=1, max_size=40
    )
)
def test_against_counting(cases: list[tuple[int, int, int, int]]) -> None:
    """Every step is a plain count; incidences rise, and with the survival sum to 1; weights are repeated cases."""
    durations, causes, weights, ages = (np.array(column) for column in zip(*cases, strict=True))
    entry = np.minimum(ages, durations)
    result = cumulative_incidence(durations, causes, weights, entry=entry)
    repeated = cumulative_incidence(
        *(np.repeat(c, weights) for c in (durations, causes)), entry=np.repeat(entry, weights)
    )
    assert result.incidence == pytest.approx(repeated.incidence)
    seen = [case for case in zip(durations, causes, weights, entry, strict=True) if not 0 < case[0] == case[3]]
    survival, incidence = 1.0, dict.fromkeys(result.causes.tolist(), 0.0)
    steps = sorted({duration for duration, cause, _, _ in seen if cause})
    assert steps == result.time.tolist()
    for i, time in enumerate(steps):
        risk = sum(w for d, _, w, e in seen if d >= time and (e < time or e == 0))
        assert risk == result.at_risk[i]
        ended = {cause: sum(w for d, c, w, _ in seen if (d, c) == (time, cause)) for cause in incidence}
        for cause, gone in ended.items():
            incidence[cause] += survival * gone / risk
        survival *= 1 - sum(ended.values()) / risk
        assert result.survival[i] == pytest.approx(survival)
        assert list(incidence.values()) == pytest.approx(result.incidence[:, i].tolist())
    assert result.incidence.sum(axis=0) + result.survival == pytest.approx(np.ones(len(steps)))
    assert (np.diff(result.incidence, axis=1) >= 0).all()


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (([1, 2], [True]), "event has the shape"),
        (([[1.0]], [[True]]), "durations has the shape"),
        (([-1], [True]), "durations are at least 0"),
        (([math.nan], [True]), "durations are at least 0"),
        (([1], [True], [-1]), "weights are at least 0"),
        (([1], [True], [1, 2]), "weights has the shape"),
    ],
)
def test_what_is_refused(arguments: tuple[list[float], ...], named: str) -> None:
    """The message names the argument."""
    with pytest.raises(ValueError, match=named):
        kaplan_meier(*arguments)


def test_late_entry_and_causes_are_checked() -> None:
    """Nobody enters after the end; causes are whole numbers."""
    with pytest.raises(ValueError, match="entry is at most"):
        kaplan_meier([1], [True], entry=[2])
    with pytest.raises(ValueError, match="cause is whole numbers"):
        cumulative_incidence([1], [-1])
    with pytest.raises(ValueError, match="cause is whole numbers"):
        cumulative_incidence([1], [1.5])


def test_what_is_no_number_is_refused() -> None:
    """An event of NaN has not happened, and endless weights weigh nothing else."""
    with pytest.raises(ValueError, match="event is True or False, and not NaN"):
        kaplan_meier([1, 2], [math.nan, 1])
    with pytest.raises(ValueError, match="weights are finite"):
        kaplan_meier([1, 2], [True, True], [math.inf, 1])
    with pytest.raises(ValueError, match="cause is whole numbers"):
        cumulative_incidence([1, 2], [math.inf, 1])
