"""The clip of an iceberg: how much it shows at a time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final, Literal, NamedTuple

__all__ = ("Peak", "peak_size")

FIXED_SHARE: Final = 0.8
"""From this share of equal displays on, a peak counts as fixed."""


class Peak(NamedTuple):
    """The clip of an iceberg (:func:`peak_size`).

    ``kind``: ``"prior"``, only one display is known, ``size`` is that one; ``"fixed"``, ``size`` is the one that nearly
    all displays have; ``"random"``, they vary by ``half_range`` around ``size``. ``n``: the displays it rests on.

    >>> Peak(10.0, "fixed", 0.0, 5).informative, Peak(1.0, "fixed", 0.0, 5).informative
    (True, False)
    """

    size: float
    kind: Literal["prior", "fixed", "random"]
    half_range: float
    n: int

    @property
    def informative(self) -> bool:
        """False for a peak of 1, which orders without any hidden size have too, and for one that is only a prior."""
        return self.kind != "prior" and self.size != 1


def peak_size(displays: Sequence[float]) -> Peak | None:
    """Return the clip behind the displays of an iceberg, the first one first; None without any. O(n).

    The last display is left out if it is smaller than all before: it may be what remained. If at least 80 % of the
    others are equal, that size is the peak. Else the clips are taken for uniform draws: their middle is the mean, and
    half their range is ``(n + 1) / (n - 1) * (max - min) / 2``, which corrects for a sample that rarely holds the ends.

    A display that follows a fill beyond the one before may be partly executed already: leave it out (the detectors do).

    Raises:
        ValueError: a display that is not above 0.

    >>> peak_size([10, 10, 10, 4])
    Peak(size=10.0, kind='fixed', half_range=0.0, n=3)
    >>> peak_size([9, 12, 8, 11, 10, 12]).half_range
    2.8
    """
    if not displays:
        return None
    if not min(displays) > 0:
        raise ValueError(f"displays are sizes above 0, not {min(displays)!r}")
    earlier = Counter(displays[:-1])
    if not earlier or displays[-1] >= min(earlier):
        earlier[displays[-1]] += 1
    return peak_of(earlier)


def peak_of(counts: Mapping[float, int]) -> Peak:
    """The peak of complete displays, given by how often each size was shown."""
    n = sum(counts.values())
    common, most = max(counts.items(), key=lambda item: (item[1], item[0]))
    if n == 1:
        return Peak(float(common), "prior", 0.0, 1)
    if most >= FIXED_SHARE * n:
        return Peak(float(common), "fixed", 0.0, n)
    mean = sum(size * count for size, count in counts.items()) / n
    return Peak(mean, "random", (n + 1) / (n - 1) * (max(counts) - min(counts)) / 2, n)
