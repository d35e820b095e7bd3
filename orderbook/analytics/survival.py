"""How long things last when the end of some is not seen: Kaplan-Meier, and competing ways to end (Aalen-Johansen).

Durations are in any unit. What is still going on at the end of the data, or is lost in a gap, is *censored*: it says
"at least so long". Leaving it out, or taking it for an end, makes everything look shorter than it is.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

__all__ = ("CumulativeIncidence", "SurvivalCurve", "cumulative_incidence", "kaplan_meier")

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class SurvivalCurve:
    """A survival function: a step down at each of K times at which something ended.

    ``time`` (K,) ascending; ``at_risk`` (K,) how much (by weight) was still going on just before; ``ended`` (K,) how
    much ended then; ``survival`` (K,) the probability to last beyond that time; ``std_error`` (K,) Greenwood's, NaN
    where the survival is 0 (there is nothing left to estimate it from).

    >>> kaplan_meier([1, 2, 3, 4], [True, True, False, True]).at([0, 1, 2.5])
    array([1.  , 0.75, 0.5 ])
    """

    time: Floats
    at_risk: Floats
    ended: Floats
    survival: Floats
    std_error: Floats

    def at(self, when: npt.ArrayLike) -> Floats:
        """Return the probability to last beyond each time ``when``; 1 before the first step, NaN for NaN. O(log K)."""
        return _step(self.time, self.survival, 1.0, when)

    @property
    def median(self) -> float | None:
        """The first time at which the survival is one half or less, None if it stays above. O(log K).

        >>> kaplan_meier([1, 2, 3, 4], [True, True, True, False]).median
        2.0
        """
        below = np.flatnonzero(self.survival <= 0.5)
        return float(self.time[below[0]]) if len(below) else None

    @property
    def restricted_mean(self) -> float | None:
        """The mean duration up to the last step (the area under the curve), None without a step. O(K).

        It is the mean itself where the curve reaches 0, and else less: what lasts longer is counted up to there.

        >>> kaplan_meier([2, 4], [True, True]).restricted_mean
        3.0
        """
        if not len(self.time):
            return None
        lasting = np.concatenate(([1.0], self.survival[:-1]))
        return float(np.sum(lasting * np.diff(self.time, prepend=0.0)))


@dataclass(frozen=True, slots=True)
class CumulativeIncidence:
    """Competing ways to end: how likely each has happened by each of K times.

    ``time`` (K,) ascending; ``at_risk`` (K,) by weight; ``causes`` (C,) the codes, ascending; ``incidence`` (C, K) the
    probability of an end by that cause up to that time; ``survival`` (K,) of none so far. At every time the incidences
    and the survival sum to 1.

    >>> fates = cumulative_incidence([1, 2, 3, 4], [1, 2, 1, 0])
    >>> fates.at(1, 3), fates.at(2, 3), fates.survival_at(3)
    (np.float64(0.5), np.float64(0.25), np.float64(0.25))
    """

    time: Floats
    at_risk: Floats
    causes: npt.NDArray[np.int64]
    incidence: Floats
    survival: Floats

    def at(self, cause: int, when: npt.ArrayLike) -> Floats:
        """Return the probability of an end by ``cause`` up to each time ``when``, 0 if never seen. O(log K)."""
        row = np.flatnonzero(self.causes == cause)
        values = self.incidence[row[0]] if len(row) else np.zeros(len(self.time))
        return _step(self.time, values, 0.0, when)

    def survival_at(self, when: npt.ArrayLike) -> Floats:
        """Return the probability of no end of any cause up to each time ``when``. O(log K)."""
        return _step(self.time, self.survival, 1.0, when)


def kaplan_meier(
    durations: npt.ArrayLike,
    event: npt.ArrayLike,
    weights: npt.ArrayLike | None = None,
    *,
    entry: npt.ArrayLike | None = None,
) -> SurvivalCurve:
    """Estimate how long things last from durations of which some are censored. O(n log n).

    ``S(t) = product over times s <= t of (1 - d / n)``: of ``n`` at risk at time ``s``, ``d`` ended. What is censored
    at ``s`` still counts as at risk there.

    Args:
        durations: (n,) how long each was seen to last, at least 0.
        event: (n,) bool, whether it ended then; False: censored.
        weights: (n,) how much each counts, 1 if left out. Greenwood's error takes them for counts of cases.
        entry: (n,) the age at which each came under observation (left truncation), 0 if left out: before that age its
            end would not have been seen, so it is at risk only after it (and not at all if it ended there).

    Raises:
        ValueError: lengths that differ, NaN, a negative duration or weight, an entry after the end.

    Kaplan and Meier (1958); the error is Greenwood's (1926). Where not all ends are of one kind, an end of another kind
    is not a censoring: use :func:`cumulative_incidence`.

    >>> curve = kaplan_meier([20, 30, 30, 40], [True, True, False, True])
    >>> curve.time, curve.survival
    (array([20., 30., 40.]), array([0.75, 0.5 , 0.  ]))
    """
    sample = _Sample(durations, weights, entry)
    ended = sample.flags("event", event)
    time = np.unique(sample.duration[ended])
    at_risk = sample.at_risk(time)
    d = sample.weight_at(time, ended)
    survival = np.multiply.accumulate(_staying(d, at_risk))
    left = np.where(survival > 0, at_risk - d, 1.0)
    variance = np.cumsum(np.where(survival > 0, d / (at_risk * left), 0.0))
    error = np.where(survival > 0, survival * np.sqrt(variance), np.nan)
    return SurvivalCurve(time, at_risk, d, survival, error)


def cumulative_incidence(
    durations: npt.ArrayLike,
    cause: npt.ArrayLike,
    weights: npt.ArrayLike | None = None,
    *,
    entry: npt.ArrayLike | None = None,
) -> CumulativeIncidence:
    """Estimate how likely each of several ways to end is by each time (Aalen-Johansen). O(n log n + C K).

    ``F_c(t) = sum over times s <= t of S(s-) d_c / n``, with ``S`` the Kaplan-Meier survival of an end by any cause.
    For an order, a fill and a cancel compete. One minus the Kaplan-Meier curve of fills, with cancels as censored,
    answers another question (what if nobody ever cancelled) and is always at least as high.

    Args:
        durations: (n,) how long each was seen to last, at least 0.
        cause: (n,) int, how it ended; 0: censored.
        weights: (n,) how much each counts, 1 if left out.
        entry: (n,) the age at which each came under observation (left truncation), 0 if left out.

    Raises:
        ValueError: lengths that differ, NaN, a negative duration, cause or weight, an entry after the end.

    Aalen and Johansen (1978).

    >>> fates = cumulative_incidence([1, 2, 3, 4], [1, 2, 1, 0])
    >>> fates.causes, fates.incidence[:, -1], fates.survival[-1]
    (array([1, 2]), array([0.5 , 0.25]), np.float64(0.25))
    """
    sample = _Sample(durations, weights, entry)
    code = sample.codes("cause", cause)
    ended = code > 0
    time = np.unique(sample.duration[ended])
    at_risk = sample.at_risk(time)
    survival = np.multiply.accumulate(_staying(sample.weight_at(time, ended), at_risk))
    before = np.concatenate(([1.0], survival[:-1])) if len(time) else survival
    causes = np.unique(code[ended])
    per_cause = [np.cumsum(before * sample.weight_at(time, code == one) / at_risk) for one in causes]
    incidence = np.array(per_cause, np.float64).reshape(len(causes), len(time))
    return CumulativeIncidence(time, at_risk, causes, incidence, survival)


class _Sample:
    """Durations with their weights and ages of entry, checked."""

    def __init__(self, durations: npt.ArrayLike, weights: npt.ArrayLike | None, entry: npt.ArrayLike | None) -> None:
        self.duration = np.asarray(durations, np.float64)
        if self.duration.ndim != 1:
            raise ValueError(f"durations has the shape (n,), not {self.duration.shape}")
        _not_negative("durations", self.duration)
        ones, zeros = np.ones(len(self.duration)), np.zeros(len(self.duration))
        self.weight = ones if weights is None else self._like("weights", np.asarray(weights, np.float64))
        self.entry = zeros if entry is None else self._like("entry", np.asarray(entry, np.float64))
        _not_negative("weights", self.weight)
        if np.isinf(self.weight).any():
            raise ValueError("weights are finite")
        if not (self.entry <= self.duration).all():
            raise ValueError("entry is at most the duration, and not NaN")
        # What ended just as it came under observation was never seen to be at risk.
        self.weight = np.where((self.entry > 0) & (self.entry == self.duration), 0.0, self.weight)

    def _like(self, name: str, values: npt.NDArray[np.float64]) -> Floats:
        if values.shape != self.duration.shape:
            raise ValueError(f"{name} has the shape {self.duration.shape} like durations, not {values.shape}")
        return values

    def flags(self, name: str, values: npt.ArrayLike) -> npt.NDArray[np.bool_]:
        """Bools; what has no weight has not ended either."""
        given = self._like(name, np.asarray(values, np.float64))
        if np.isnan(given).any():
            raise ValueError(f"{name} is True or False, and not NaN")
        flags: npt.NDArray[np.bool_] = given != 0
        return flags & (self.weight > 0)

    def codes(self, name: str, values: npt.ArrayLike) -> npt.NDArray[np.int64]:
        """Codes of at least 0; 0 where there is no weight."""
        codes = self._like(name, np.asarray(values, np.float64))
        if not ((codes >= 0) & (codes == np.floor(codes)) & np.isfinite(codes)).all():
            raise ValueError(f"{name} is whole numbers, 0 for censored")
        return np.where(self.weight > 0, codes, 0).astype(np.int64)

    def at_risk(self, time: Floats) -> Floats:
        """The weight that is under observation just before each time."""
        late = self.entry > 0
        # Entered at 0 is seen from its beginning, and can end there; who enters later is at risk only after that.
        return _weight_from(self.duration, self.weight, time) - _weight_from(self.entry[late], self.weight[late], time)

    def weight_at(self, time: Floats, of: npt.NDArray[np.bool_]) -> Floats:
        """The weight of the chosen that end at each time."""
        out = np.zeros(len(time))
        np.add.at(out, np.searchsorted(time, self.duration[of]), self.weight[of])
        return out


def _weight_from(values: Floats, weight: Floats, time: Floats) -> Floats:
    """The weight of all values that are at least each time."""
    order = np.argsort(values, kind="stable")
    # Summed from the end, so that the last ones are not the rest of a large sum.
    rest = np.append(np.cumsum(weight[order][::-1])[::-1], 0.0)
    return rest[np.searchsorted(values[order], time, side="left")]


def _staying(ended: Floats, at_risk: Floats) -> Floats:
    """The share that does not end; exactly 0 where all do, however the weights were summed."""
    left = at_risk - ended
    return np.where(left <= 1e-12 * at_risk, 0.0, left / at_risk)


def _step(time: Floats, values: Floats, first: float, when: npt.ArrayLike) -> Floats:
    where = np.asarray(when, np.float64)
    out = np.concatenate(([first], values))[np.searchsorted(time, where, side="right")]
    found: Floats = np.where(np.isnan(where), np.nan, out)[()]  # a number for a number
    return found


def _not_negative(name: str, values: Floats) -> None:
    if not (values >= 0).all():
        raise ValueError(f"{name} are at least 0, and not NaN")
