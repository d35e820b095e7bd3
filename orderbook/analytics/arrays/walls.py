"""Levels that are large for their book, over many rows at once, and those of them that stay."""

from __future__ import annotations

from functools import partial
from typing import Final, Literal, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from orderbook.analytics._arguments import Span, as_count, as_positive, one_of, span_ns
from orderbook.analytics.arrays._rows import NAN, Array, Floats, as_flags, as_levels, in_blocks, present
from orderbook.analytics.arrays._windows import as_times
from orderbook.analytics.prices import slack_of
from orderbook.analytics.walls import MAD_FLOOR, MAD_SCALE

__all__ = ("persistent_walls", "robust_walls")

Bools: TypeAlias = npt.NDArray[np.bool_]

Baseline: TypeAlias = Literal["row", "trailing"]
"""What a level is compared with: the other levels of its row, or earlier sizes at its distance from the best."""

_FEWEST: Final = 10
"""Sizes that a distance must have shown before anything there can stand out."""


def robust_walls(
    px: npt.ArrayLike,
    sz: npt.ArrayLike,
    k: float = 5.0,
    robust_z: float = 3.5,
    *,
    baseline: Baseline = "row",
    window: int | None = None,
    bucket: float | None = None,
    mad_floor: float = MAD_FLOOR,
) -> Bools:
    """Return which levels stand out: a mask (T, N). O(T N log N), for "trailing" O(T N log(window N)).

    A wall passes two tests: its size is at least ``k`` times the mean of what it is compared with, and
    ``(ln q - median) / (1.4826 MAD)`` of the logarithms is at least ``robust_z``; ``mad_floor`` is the least MAD. It is
    compared with

    * ``"row"``: its own row, the mean without itself. The same as :func:`orderbook.analytics.walls`.
    * ``"trailing"``: all sizes that stood in the same ``bucket`` (units of price) of distance from the best in the last
      full block of ``window`` rows. A book that is always thick three ticks away has no wall there. It looks back only:
      rows 0 to ``window - 1`` have no walls, the rows after them are compared with these, and so on, block by block. A
      bucket that held fewer than 10 sizes says nothing.

    Raises:
        ValueError: shapes that do not fit, a threshold that is not above 0, an unknown ``baseline``, ``window`` below
            1, or ``window`` and ``bucket`` not given for "trailing", or given for "row".

    >>> px = [[100.0 - i for i in range(10)]]
    >>> robust_walls(px, [[5, 8, 6, 7, 9, 6, 80, 7, 5, 8]]).nonzero()
    (array([0]), array([6]))
    """
    one_of(baseline, Baseline, "baseline")
    prices, sizes = as_levels(px, sz)
    limits = _Limits(as_positive(k, "k"), as_positive(robust_z, "robust_z"), as_positive(mad_floor, "mad_floor"))
    if baseline == "row":
        if window is not None or bucket is not None:
            raise ValueError("window= and bucket= belong to baseline='trailing'")
        if not prices.size:
            return np.zeros(prices.shape, bool)
        shape = prices.shape[1:]
        return in_blocks(partial(_walls_of_row, limits=limits), prices, sizes, shape=shape, dtype=bool)
    if window is None or bucket is None:
        raise ValueError("baseline='trailing' needs window=, in rows, and bucket=, in units of price")
    return _walls_of_past(prices, sizes, limits, as_count(window, "window"), as_positive(bucket, "bucket"))


class _Limits(NamedTuple):
    ratio: float
    robust_z: float
    mad_floor: float


def _walls_of_row(px: Floats, sz: Floats, limits: _Limits) -> Bools:
    there = present(px, sz)
    size = np.where(there, sz, 0)
    logs = np.where(there, np.log(size), np.inf)  # absent ones sort to the right end
    count = there.sum(1)
    middle = _median(logs, count)[:, None]
    spread = np.fmax(_median(np.where(there, np.abs(logs - middle), np.inf), count), limits.mad_floor)[:, None]
    # Summed from both ends: the total less a level that dwarfs the others may be 0.
    others = np.zeros(size.shape)
    others[:, 1:] += np.cumsum(size, 1)[:, :-1]
    others[:, :-1] += np.cumsum(size[:, ::-1], 1)[:, -2::-1]
    ratio = size * (count[:, None] - 1) / others
    return np.asarray(there & (ratio >= limits.ratio) & ((logs - middle) / (MAD_SCALE * spread) >= limits.robust_z))


def _median(values: Floats, count: Array) -> Floats:
    """The median of the ``count`` smallest values of each row."""
    ordered = np.sort(values, 1)
    middle = (np.maximum(count - 1, 0) // 2, count // 2)
    low, high = (np.take_along_axis(ordered, at[:, None], 1)[:, 0] for at in middle)
    return np.asarray((low + high) / 2)


def _walls_of_past(px: Floats, sz: Floats, limits: _Limits, window: int, bucket: float) -> Bools:
    there = present(px, sz)
    walls = np.zeros(px.shape, bool)
    past: _Past | None = None
    for start in range(0, len(px), window):
        block = slice(start, start + window)
        size = sz[block][there[block]]
        # A distance of three ticks may come out as 2.9999999 of them.
        prices = np.where(there[block], px[block], NAN)
        distance = np.abs(prices - prices[:, :1])
        steps = np.floor(distance / bucket + slack_of(2 * np.abs(prices[:, :1]) + distance, bucket))[there[block]]
        if past is not None:
            walls[block][there[block]] = past.are_walls(steps, size, limits)
        past = _Past.of(steps, size)
    return walls


class _Past(NamedTuple):
    """What sizes stood in each bucket of distance: one entry a bucket, in rising order."""

    steps: Floats
    mean: Floats
    median: Floats
    mad: Floats

    @classmethod
    def of(cls, steps: Floats, size: Floats) -> _Past:
        logs = np.log(size)
        order = np.lexsort((logs, steps))
        ids, first, count = np.unique(steps[order], return_index=True, return_counts=True)
        low, high = first + (count - 1) // 2, first + count // 2
        middle = (logs[order][low] + logs[order][high]) / 2
        group = np.searchsorted(ids, steps)
        away = np.abs(logs - middle[group])
        away = away[np.lexsort((away, steps))]
        total = np.bincount(group, size, len(ids))
        enough = count >= _FEWEST
        columns = (ids, total / count, middle, (away[low] + away[high]) / 2)
        return cls(*(column[enough] for column in columns))

    def are_walls(self, steps: Floats, size: Floats, limits: _Limits) -> Bools:
        at = np.searchsorted(self.steps, steps)
        walls = np.zeros(len(steps), bool)
        seen = np.flatnonzero(at < len(self.steps))
        seen = seen[self.steps[at[seen]] == steps[seen]]
        at, size = at[seen], size[seen]
        far = (np.log(size) - self.median[at]) / (MAD_SCALE * np.fmax(self.mad[at], limits.mad_floor))
        walls[seen] = (size >= limits.ratio * self.mean[at]) & (far >= limits.robust_z)
        return walls


def persistent_walls(
    walls: npt.ArrayLike, px: npt.ArrayLike, ts: npt.ArrayLike, tau: Span, *, reset: npt.ArrayLike | None = None
) -> Bools:
    """Return which walls have stood at their price for at least ``tau``: a mask (T, N). O(W log W) for W walls.

    ``walls`` is a mask (T, N) of one side, of :func:`robust_walls` or your own; ``ts`` int ns UTC. A wall goes on
    while every row has one at exactly the same price; a row without it, or a ``reset``, ends it. It looks back only:
    the first rows of a wall are never marked, for then nobody knew that it would stay.

    Raises:
        ValueError: shapes that do not fit, times that fall, or ``tau`` is not above 0.
        TypeError: ``ts`` holds neither whole numbers nor ``datetime64``.

    >>> px = [[100.0, 99.0], [99.5, 99.0], [99.5, 99.0]]
    >>> persistent_walls([[False, True]] * 3, px, [0, 10, 25], tau=20)[:, 1]
    array([False, False,  True])
    """
    mask, prices, times = np.asarray(walls, bool), np.asarray(px, np.float64), as_times(ts, "ts")
    if mask.ndim != 2 or mask.shape != prices.shape or times.shape != mask.shape[:1]:
        raise ValueError(f"walls and px are (T, N) and ts is (T,), not {mask.shape}, {prices.shape} and {times.shape}")
    least, section = span_ns(tau, "tau"), np.cumsum(as_flags(reset, len(mask)))
    row, column = mask.nonzero()
    order = np.lexsort((row, prices[row, column]))
    row, column = row[order], column[order]
    price = prices[row, column]
    begins = np.ones(len(row), bool)
    begins[1:] = (price[1:] != price[:-1]) | (row[1:] != row[:-1] + 1) | (section[row[1:]] != section[row[:-1]])
    run = np.maximum.accumulate(np.where(begins, np.arange(len(row)), 0))
    out = np.zeros(mask.shape, bool)
    out[row, column] = times[row] - times[row[run]] >= least
    return out
