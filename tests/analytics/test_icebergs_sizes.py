"""Clips and totals of icebergs: the worked numbers, and the mistakes of others that they tell apart."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

import orderbook as ob
from orderbook.analytics.icebergs.native import icebergs_native
from orderbook.analytics.icebergs.peak import Peak, peak_size
from orderbook.analytics.icebergs.records import Iceberg
from orderbook.analytics.icebergs.sizes import IcebergSizeModel

TOTALS = [20, 30, 30, 40, 50, 60, 60, 80, 100, 120]
DONE = [True, True, False, True, True, True, False, True, False, True]


def model() -> IcebergSizeModel:
    """The example's: ten icebergs, three of them censored."""
    return IcebergSizeModel().fit(TOTALS, DONE)


def test_a_random_range_is_corrected_for_the_sample() -> None:
    """Six uniform clips: their mean, and half their range times (n + 1) / (n - 1)."""
    peak = peak_size([9, 12, 8, 11, 10, 12])
    assert peak is not None
    assert (10.333, 2.8, "random", 6) == (round(peak.size, 3), peak.half_range, peak.kind, peak.n)


@pytest.mark.parametrize(
    ("displays", "expected"),
    [
        ([], None),
        ([10], Peak(10, "prior", 0, 1)),
        ([10, 4], Peak(10, "prior", 0, 1)),
        ([10, 10, 4], Peak(10, "fixed", 0, 2)),
        ([10, 10, 10, 10, 12], Peak(10, "fixed", 0, 5)),
        ([10, 12], Peak(11, "random", 3, 2)),
        ([4, 10, 4], Peak(6, "random", 6, 3)),
    ],
    ids=str,
)
def test_peaks(displays: list[float], expected: Peak | None) -> None:
    """Four fifths alike are fixed; a last display smaller than all others is a remainder."""
    assert expected == peak_size(displays)


def test_a_peak_says_whether_it_tells_anything() -> None:
    """One lot is what everything shows, and a prior is a guess; a display of nothing is none."""
    assert [False, False, True] == [
        peak.informative for peak in (Peak(1, "fixed", 0, 9), Peak(5, "prior", 0, 1), Peak(5, "fixed", 0, 2))
    ]
    with pytest.raises(ValueError, match="displays are sizes above 0, not 0"):
        peak_size([5, 0])


def test_the_survival_of_totals() -> None:
    """S(v) by Kaplan and Meier, read from the probabilities of an iceberg of which nothing is known."""
    said = model().predict(0)
    survival = 1 - np.cumsum(said.probabilities)
    assert [20, 30, 40, 50, 60, 80, 120] == said.sizes.tolist()
    np.testing.assert_allclose(survival, [0.9, 0.8, 0.685714, 0.571429, 0.457143, 0.304762, 0], atol=5e-7)
    greenwood = [0.9 * (1 / 90) ** 0.5, 0.8 * (1 / 90 + 1 / 72) ** 0.5]
    np.testing.assert_allclose(said.std_error[:2], greenwood, rtol=1e-12)
    assert (70.905, 10, 10, False) == (round(said.mean or 0, 3), said.n, said.at_risk, said.pooled)


def test_predictions_given_what_is_executed() -> None:
    """Given 40 and given 60, the worked numbers."""
    said = model().predict(40)
    np.testing.assert_allclose(said.probabilities, [0.1667, 0.1667, 0.2222, 0.4444], atol=5e-5)
    assert [50, 60, 80, 120] == said.sizes.tolist()
    assert (89.444, 80, 120, 0) == (round(said.mean or 0, 3), said.median, said.mode, said.tail)
    said = model().predict(60)
    assert (106.667, 120) == (round(said.mean or 0, 3), said.median)


def test_predictors_that_are_wrong_are_told_apart() -> None:
    """S itself as the first probability: mean 73.67, mode 50. The unconditional S against a half: 80 beyond 60."""
    said, start = model().predict(40), model().predict(0)
    survival = 1 - np.cumsum(start.probabilities)[-4:]
    wrong = np.concatenate((survival[:1], -np.diff(survival)))
    assert (73.67, 50) == (round(float(wrong @ said.sizes / wrong.sum()), 2), said.sizes[np.argmax(wrong)])
    assert (89.44, 120) == (round(said.mean or 0, 2), said.mode)
    assert (80, 120) == (said.sizes[2:][survival[2:] <= 0.5][0], model().predict(60).median)


def test_censored_icebergs_are_not_left_out() -> None:
    """The mean of the completed ones alone is far below."""
    done = [total for total, done in zip(TOTALS, DONE, strict=True) if done]
    completed = IcebergSizeModel().fit(done, np.ones(len(done), bool)).predict(0).mean
    assert (57.143, 70.905) == (round(completed or 0, 3), round(model().predict(0).mean or 0, 3))


def test_alternative_chains_have_weights() -> None:
    """Sizes 20, 40 (.5), 40 (.5), 60: S = .6667, .3333, 0."""
    said = IcebergSizeModel().fit([20, 40, 40, 60], np.ones(4, bool), [1, 0.5, 0.5, 1]).predict(0)
    np.testing.assert_allclose(1 - np.cumsum(said.probabilities), [2 / 3, 1 / 3, 0], atol=1e-12)
    assert 3 == said.n


def test_what_nobody_lived_to_see_is_in_the_tail() -> None:
    """Where the largest is censored some mass has no size; beyond everything nothing is known."""
    known = IcebergSizeModel().fit([10, 20, 30], [True, True, False])
    said = known.predict(0)
    assert (1 / 3, 2 / 3) == (pytest.approx(said.tail), pytest.approx(said.probabilities.sum()))
    assert (pytest.approx((10 + 20 + 20) / 3), 20) == (said.mean, said.median), "the mean is a lower bound"
    assert known.predict(10).median == 20
    beyond = known.predict(25)
    assert (None, None, None, 1.0, 0) == (beyond.mean, beyond.median, beyond.mode, beyond.tail, len(beyond.sizes))
    assert None is IcebergSizeModel().fit([10, 20, 20], [True, False, False]).predict(0).median


def test_small_groups_are_pooled_in_peaks() -> None:
    """Totals of 2 and 3 peaks, for a peak that was never seen; a group that is large enough speaks for itself."""
    pooled = IcebergSizeModel(least=3).fit([20, 30, 10, 15, 8], np.ones(5, bool), peaks=[10, 10, 5, 5, 5])
    said = pooled.predict(7, peak=7)
    assert ([14, 21], True, 5) == (said.sizes[1:].round(9).tolist(), said.pooled, said.n)
    said = pooled.predict(0, peak=5)
    assert ([8, 10, 15], False, 3) == (said.sizes.tolist(), said.pooled, said.n)


def finished(total: int, state_row: str) -> list[Iceberg]:
    """An iceberg of clips of 10 that showed ``total`` and was then filled, or cancelled."""
    add = ob.OrderAdd(order_id=1, side=ob.Side.BID, price=9, size=10, ts_event=0)
    events: list[ob.Event] = [add]
    for number in range(1, total // 10):
        events.append(ob.OrderExecute(order_id=1, size=10, ts_event=number))
        events.append(ob.OrderModify(order_id=1, size=10, ts_event=number))
    if state_row == "filled":
        events.append(ob.OrderExecute(order_id=1, size=10, ts_event=99))
    elif state_row == "cancelled":
        events.append(ob.OrderCancel(order_id=1, ts_event=99))
    return icebergs_native(ob.Events.from_events(events), event_by="time")


def test_icebergs_bring_their_ends_and_peaks() -> None:
    """Cancelled is censored; a live one has at least what it shows."""
    sample = [*finished(20, "filled"), *finished(30, "cancelled"), *finished(40, "filled")]
    assert [20, 30, 40] == [one.total_at_least for one in sample]
    fitted = IcebergSizeModel(least=1).fit(sample)
    np.testing.assert_allclose(fitted.predict(0, peak=10).probabilities, [1 / 3, 2 / 3])
    [live] = finished(20, "live")
    said = fitted.predict(live)
    assert ([20, 40], 20) == (said.sizes.tolist(), said.known), "it may end with what it shows"


def test_an_iceberg_from_before_the_tape_is_censored() -> None:
    """Only a part of it was seen, however it ended: its total is at least that."""
    [one] = finished(30, "filled")
    part = dataclasses.replace(*finished(20, "filled"), from_birth=False)
    said = IcebergSizeModel(least=1).fit([one, part]).predict(0, peak=10)
    assert ([30], [1]) == (said.sizes.tolist(), said.probabilities.tolist())


def test_wrong_arguments_are_refused() -> None:
    """With the name of the argument."""
    with pytest.raises(ValueError, match="call fit first"):
        IcebergSizeModel().predict(1)
    with pytest.raises(ValueError, match="least is at least 1, not 0"):
        IcebergSizeModel(least=0)
    with pytest.raises(TypeError, match="event says of each total"):
        IcebergSizeModel().fit([1, 2])
    with pytest.raises(TypeError, match="leave out event and peaks"):
        IcebergSizeModel().fit(finished(20, "live"), [True])
    with pytest.raises(ValueError, match=r"event has the shape \(2,\)"):
        IcebergSizeModel().fit([1, 2], [True])
    with pytest.raises(ValueError, match=r"weights have the shape \(2,\)"):
        IcebergSizeModel().fit([1, 2], [True, True], [1])
    for totals in ([], [0.0], [float("nan")]):
        with pytest.raises(ValueError, match="totals are one or more sizes above 0"):
            IcebergSizeModel().fit(totals, np.ones(len(totals), bool))
    with pytest.raises(ValueError, match="peaks are sizes above 0"):
        IcebergSizeModel().fit([1], [True], peaks=[0])
    with pytest.raises(ValueError, match="beyond is a size that is not negative, not -1"):
        model().predict(-1)
    with pytest.raises(ValueError, match="peak is a size above 0, not None"):
        IcebergSizeModel().fit([1], [True], peaks=[1]).predict(0)
