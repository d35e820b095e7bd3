"""How large an iceberg will turn out to be: Kaplan and Meier's estimate over the icebergs that are finished.

Zotikov and Antonov (arXiv 1909.09495) predict totals so, with icebergs that were cancelled after a partial execution as
censored: their total is at least what is known. Leaving these out makes icebergs look smaller than they are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Self, cast

import numpy as np
import numpy.typing as npt

from orderbook.analytics.icebergs.records import Iceberg
from orderbook.analytics.survival import SurvivalCurve, kaplan_meier

__all__ = ("IcebergSizeModel", "SizePrediction")

LEAST_GROUP: Final = 30
"""With fewer icebergs of a peak the prediction pools all of them, in units of their peaks."""

ROUNDING: Final = 1e-12
"""Sizes that differ by less than this share are equal: pooled ones were divided by a peak and multiplied again."""


@dataclass(frozen=True, slots=True)
class SizePrediction:
    """What the total of an iceberg may be, given what is known of it (:meth:`IcebergSizeModel.predict`).

    * ``known``: the size that was given; ``sizes`` and ``probabilities``: P(total = size | what is known), for the
      totals seen beyond; ``tail``: the probability of more than the largest of them, which nothing is known about;
    * ``mean``: the mean over ``sizes`` and, for the tail, the largest size known: a lower bound where ``tail`` > 0.
      ``median``: the first size at which at most one half is left, None if it lies in the tail. ``mode``: the most
      likely of ``sizes``. All three None where no total beyond was seen;
    * ``std_error``: Greenwood's, of the probability to be larger than each of ``sizes``, not conditional;
    * ``n``: the icebergs that the estimate rests on (by weight), ``at_risk``: how many of them were larger; ``pooled``:
      over all peaks.

    What remains is each of these less what is executed.

    >>> IcebergSizeModel().fit([20, 40, 40, 60], [True, True, False, True]).predict(20).probabilities
    array([0.33333333, 0.66666667])
    """

    known: float
    sizes: npt.NDArray[np.float64]
    probabilities: npt.NDArray[np.float64]
    std_error: npt.NDArray[np.float64]
    tail: float
    mean: float | None
    median: float | None
    mode: float | None
    n: float
    at_risk: float
    pooled: bool


class IcebergSizeModel:
    """Predicts the total size of an iceberg from the totals of finished ones.

    ``fit`` takes finished icebergs, or bare totals. An iceberg that was filled is an event; one that was cancelled,
    lost in a gap or is still live is *censored*, and so is one that was there before the tape (``from_birth`` is
    False): its total is at least what is known. Icebergs are grouped by peak; a
    group of fewer than ``least`` (30) is pooled with all others, totals counted in peaks.

    ``S(v) = product over totals s <= v of (1 - d / n)`` (Kaplan and Meier), then ``P(X = v | X > v0) = (S(v-) - S(v)) /
    S(v0)``. Cancelling is not independent of size, large icebergs found early live longer, and most native ones have
    one refill or two: a prediction after the first refill is little more than the prior. Judge it out of sample by a
    proper score of the probabilities (Brier, CRPS), not by how often the mode is right.

    Raises:
        ValueError: ``least`` below 1.

    >>> totals = [20, 30, 30, 40, 50, 60, 60, 80, 100, 120]
    >>> finished = [size != 100 and i not in (2, 6) for i, size in enumerate(totals)]
    >>> model = IcebergSizeModel().fit(totals, finished)
    >>> said = model.predict(40)
    >>> round(said.mean, 3), said.median, said.mode
    (89.444, 80.0, 120.0)
    """

    def __init__(self, *, least: int = LEAST_GROUP) -> None:
        if least < 1:
            raise ValueError(f"least is at least 1, not {least!r}")
        self._least = least
        self._groups: dict[float, tuple[SurvivalCurve, float]] = {}
        self._pooled: tuple[SurvivalCurve, float] | None = None
        self._has_peaks = False

    def fit(
        self,
        totals: Sequence[Iceberg] | npt.ArrayLike,
        event: npt.ArrayLike | None = None,
        weights: npt.ArrayLike | None = None,
        peaks: npt.ArrayLike | None = None,
    ) -> Self:
        """Learn from icebergs or from totals, and return the model; what was learnt before is forgotten. O(n log n).

        Args:
            totals: icebergs (their ``total_at_least``, state and peak are taken), or (n,) total sizes.
            event: (n,) bool, whether each total is complete; False: censored. Not with icebergs.
            weights: (n,) how much each counts: the shares of alternative chains that cannot all be true.
            peaks: (n,) the clip of each total, to group by. Not with icebergs; without it all are one group.

        Raises:
            ValueError: no iceberg, lengths that differ, a size or peak that is not above 0.
            TypeError: ``event`` or ``peaks`` beside icebergs, or totals without ``event``.
        """
        sample = _sample(totals, event, peaks)
        given = np.ones(len(sample.total)) if weights is None else np.asarray(weights, float)
        if given.shape != sample.total.shape:
            raise ValueError(f"weights have the shape {sample.total.shape} of the totals, not {given.shape}")
        self._has_peaks = sample.peak is not None
        unit = np.ones_like(sample.total) if sample.peak is None else sample.peak
        self._pooled = kaplan_meier(sample.total / unit, sample.event, given), float(given.sum())
        self._groups = {}
        for peak in np.unique(unit).tolist():
            chosen = unit == peak
            if self._has_peaks and given[chosen].sum() >= self._least:
                curve = kaplan_meier(sample.total[chosen], sample.event[chosen], given[chosen])
                self._groups[peak] = curve, float(given[chosen].sum())
        return self

    def predict(self, beyond: Iceberg | float, peak: float | None = None) -> SizePrediction:
        """Return what the total may be of an iceberg of which this much is known. O(totals of its peak).

        Args:
            beyond: the size that the total exceeds; or a live iceberg, whose total is at least its ``total_at_least``.
            peak: the clip, where ``beyond`` is a size and the model was fitted with peaks.

        Raises:
            ValueError: the model is not fitted, a negative size, a peak that is missing or not above 0.
        """
        if self._pooled is None:
            raise ValueError("the model knows no icebergs: call fit first")
        clip: float | None
        if isinstance(beyond, Iceberg):
            # It may end with what it shows now: from just below that on.
            known, clip, just = beyond.total_at_least, float(beyond.peak.size), 1 - ROUNDING
        else:
            known, clip, just = float(beyond), peak, 1 + ROUNDING
        if not known >= 0:
            raise ValueError(f"beyond is a size that is not negative, not {known!r}")
        if not self._has_peaks:
            return _given(*self._pooled, known, known * just, unit=None)
        if clip is None or not clip > 0:
            raise ValueError(f"the model was fitted with peaks: peak is a size above 0, not {clip!r}")
        if clip in self._groups:
            return _given(*self._groups[clip], known, known * just, unit=None)
        return _given(*self._pooled, known, known * just, unit=clip)


@dataclass(slots=True)
class _Sample:
    total: npt.NDArray[np.float64]
    event: npt.NDArray[np.bool_]
    peak: npt.NDArray[np.float64] | None


def _sample(totals: Sequence[Iceberg] | npt.ArrayLike, event: object, peaks: npt.ArrayLike | None) -> _Sample:
    items: Any = totals if isinstance(totals, np.ndarray) else list(cast("Sequence[Any]", totals))
    if len(items) and isinstance(items[0], Iceberg):
        if event is not None or peaks is not None:
            raise TypeError("icebergs bring their ends and peaks: leave out event and peaks")
        # Of one that was there before the tape only a part is known.
        rows = [(one.total_at_least, one.state == "filled" and one.from_birth, one.peak.size) for one in items]
        table = np.array(rows, float)
        sample = _Sample(table[:, 0], table[:, 1].astype(bool), table[:, 2])
    else:
        if event is None:
            raise TypeError("event says of each total whether it is complete: it is missing")
        peak = None if peaks is None else np.asarray(peaks, float)
        sample = _Sample(np.asarray(items, float), np.asarray(event, bool), peak)
    for name, values in (("event", sample.event), ("peaks", sample.peak)):
        if values is not None and values.shape != sample.total.shape:
            raise ValueError(f"{name} has the shape {sample.total.shape} of the totals, not {values.shape}")
    if sample.total.ndim != 1 or not len(sample.total) or not (sample.total > 0).all():
        raise ValueError("totals are one or more sizes above 0")
    if sample.peak is not None and not (sample.peak > 0).all():
        raise ValueError("peaks are sizes above 0")
    return sample


def _given(curve: SurvivalCurve, n: float, known: float, bound: float, unit: float | None) -> SizePrediction:
    """The distribution of the total, in sizes, given that it is larger than the bound."""
    sizes = curve.time if unit is None else curve.time * unit
    at = int(np.searchsorted(sizes, bound, side="right"))
    steps = np.concatenate(([1.0], curve.survival))[at:]
    later, left = sizes[at:], float(steps[0])
    nothing = not len(later) or left <= 0
    share = np.zeros(len(later)) if nothing else -np.diff(steps) / left
    tail = 1.0 if nothing else float(steps[-1]) / left
    below = np.flatnonzero(steps[1:] <= left / 2)
    return SizePrediction(
        known=known,
        sizes=later,
        probabilities=share,
        std_error=curve.std_error[at:],
        tail=tail,
        mean=None if nothing else float(share @ later + tail * later[-1]),
        median=None if nothing or not len(below) else float(later[below[0]]),
        mode=None if nothing else float(later[int(np.argmax(share))]),
        n=n,
        at_risk=float(curve.at_risk[at]) if len(later) else 0.0,
        pooled=unit is not None,
    )
