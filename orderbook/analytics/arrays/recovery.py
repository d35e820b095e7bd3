"""How fast depth comes back after a trade took it, on arrays.

A shock is named by its row: the first row *after* it. So depth before is that of row s - 1, depth left is that of row
s, and the path is what follows. A shock that was not seen to recover is censored, not slow: see :func:`resilience`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from orderbook.analytics._arguments import SideLike, Span, as_count, as_positive, as_side
from orderbook.analytics.arrays._rows import NAN, Array, Floats, as_flags, as_levels, present
from orderbook.analytics.arrays._windows import Times, after, as_horizons, as_times, in_steps

__all__ = ("ResilienceCurves", "band_resilience", "resilience", "touch_shocks")

HALF: Final = 0.5


class ResilienceCurves(NamedTuple):
    """What :func:`resilience` and :func:`band_resilience` return: one row a shock, times in float ns after it."""

    curve: Floats
    """(S, H) share of the loss that had come back at each horizon; may be above 1 or below 0. NaN where censored."""
    half_life: Floats
    """(S,) time of the first row with a share of 1/2 or more; NaN where none was seen."""
    half_life_interpolated: Floats
    """(S,) the same with a straight line from the row before: for sampled books, where a jump falls between rows."""
    duration: Floats
    """(S,) how long the shock was watched: to its half-life, or to where it was censored. NaN: it was no shock."""
    recovered: npt.NDArray[np.bool_]
    """(S,) whether the half-life was seen; False is right-censored at ``duration``."""
    before: Floats
    """(S,) depth just before."""
    after: Floats
    """(S,) depth just after."""


def touch_shocks(
    px: npt.ArrayLike, sz: npt.ArrayLike, side: SideLike, share: float = 0.5, reset: npt.ArrayLike | None = None
) -> npt.NDArray[np.int64]:
    """Return the rows that lost at least ``share`` of the size at the best price of the row before.

    What is left is the size at that price or better. ``px`` and ``sz`` (T, N) are the levels of ``side``; a side that
    is absent before or after makes no shock. O(T N). Our own rule; it sees cancels as well as trades, so keep only
    rows that follow a trade (``np.searchsorted`` on trade times) where that matters.

    Raises:
        ValueError: the shapes do not fit, or ``share`` is not in (0, 1].

    >>> touch_shocks([[100, 99], [100, 99], [99, 98]], [[10, 5], [4, 5], [5, 7]], "bid")
    array([1, 2])
    """
    grid, sizes = _as_side(px, sz)
    least = as_share(share, "share")
    sign = int(as_side(side))

    def lost(px: Floats, sz: Floats) -> Floats:
        there = present(px, sz)
        key, size = np.where(there, sign * px, NAN), np.where(there, sz, 0.0)
        best = key[:-1, :1]
        left = np.where(key[1:] >= best, size[1:], 0.0).sum(axis=1)
        # Not 1 - left / size: 1 - 8 / 10 is below 0.2 as a float.
        return np.where(there[1:, 0] & there[:-1, 0], (size[:-1, 0] - left) / size[:-1, 0], NAN)

    found = in_steps(lost, grid, sizes) >= least
    return np.flatnonzero(found & ~as_flags(reset, len(grid)))


def resilience(
    depth: npt.ArrayLike,
    ts: npt.ArrayLike,
    shocks: npt.ArrayLike,
    horizons: Sequence[Span],
    reset: npt.ArrayLike | None = None,
) -> ResilienceCurves:
    """Return how much of the depth lost in each shock had come back at each horizon, and when half of it had.

    With D- = ``depth[s - 1]``, D+ = ``depth[s]`` and t0 = ``ts[s]``::

        R(tau) = (D(t0 + tau) - D+) / (D- - D+)      half-life = first time with R >= 1/2

    ``depth`` (T,) is any one quantity, such as the size within a fixed price range; a spread works too when negated.
    It must not be that of the best level, which is another price after the shock; :func:`band_resilience` sums it in
    a band that is anchored at each shock. A shock is right-censored by the longest horizon, the next shock, a
    ``reset`` and the end of the rows: give ``duration`` and ``recovered`` to a Kaplan-Meier estimate, for the mean of
    those that recovered is too short. Where D- <= D+ or either is NaN nothing was lost, and all is NaN.
    O(shocks * rows within the horizon).

    For event time give a count of updates in place of ``ts``: ``np.arange(T)``, or one that steps where a best price
    or its size changed. Horizons, half-lives and durations are then numbers of updates.

    Raises:
        ValueError: the lengths differ, shocks do not rise or are not rows, no horizon, or times fall.
        TypeError: ``ts`` are no times.

    >>> times = np.array([0, 0, 1, 2, 4, 8, 16]) * 10**9
    >>> found = resilience([100, 40, 52, 64, 75, 88, 95], times, [1], [4 * 10**9, 16 * 10**9])
    >>> found.curve.round(4), found.half_life / 1e9, (found.half_life_interpolated / 1e9).round(4)
    (array([[0.5833, 0.9167]]), array([4.]), array([3.0909]))
    """
    values = np.asarray(depth, np.float64)
    times = as_times(ts, "ts")
    if values.shape != times.shape:
        raise ValueError(f"depth has one value for each of {len(times)} times, not the shape {values.shape}")
    return _curves(lambda _, start, stop: values[start:stop], times, shocks, horizons, reset)


def band_resilience(
    px: npt.ArrayLike,
    sz: npt.ArrayLike,
    ts: npt.ArrayLike,
    shocks: npt.ArrayLike,
    horizons: Sequence[Span],
    *,
    side: SideLike,
    band_ticks: int,
    tick: float,
    known: npt.ArrayLike | None = None,
    reset: npt.ArrayLike | None = None,
) -> ResilienceCurves:
    """Return :func:`resilience` of the depth in a price band that is anchored at each shock and then stays.

    The band of a shock reaches from ``band_ticks`` ticks behind the best price *before* it to any better price. Rows
    whose levels end within the band are unknown (NaN), unless ``known`` (T,) says that the side has no more.
    ``px`` and ``sz`` (T, N) are the levels of ``side``; ``ts`` may count updates there too.
    O(shocks * rows within the horizon * N).

    Raises:
        ValueError: the shapes do not fit, shocks do not rise or are not rows, or a number is not above 0.
        TypeError: ``ts`` are no times.

    >>> px, sz = [[100, 99], [99, 98], [100, 99]], [[10, 5], [5, 7], [6, 5]]
    >>> found = band_resilience(px, sz, [0, 1, 3], [1], [2], side="bid", band_ticks=1, tick=1)
    >>> found.before, found.after, found.curve, found.half_life
    (array([15.]), array([5.]), array([[0.6]]), array([2.]))
    """
    grid, sizes = _as_side(px, sz)
    times, sign = as_times(ts, "ts"), int(as_side(side))
    if len(grid) != len(times):
        raise ValueError(f"px and sz have one row for each of {len(times)} times, not {len(grid)}")
    ticks, unit = as_count(band_ticks, "band_ticks"), as_positive(tick, "tick")
    flags = as_flags(known, len(grid), "known")

    def depth(shock: int, start: int, stop: int) -> Floats:
        anchor = sign * grid[shock - 1, 0]
        # Half a tick beyond the band takes in its last price however it is rounded.
        limit, inside = anchor - (ticks + HALF) * unit, anchor - (ticks - HALF) * unit
        return _band(sign * grid[start:stop], sizes[start:stop], flags[start:stop], limit, inside)

    return _curves(depth, times, shocks, horizons, reset)


def _as_side(px: npt.ArrayLike, sz: npt.ArrayLike) -> tuple[Floats, Floats]:
    grid, sizes = as_levels(px, sz)
    if not grid.shape[1]:
        raise ValueError(f"px and sz have at least one level, not the shape {grid.shape}")
    return grid, sizes


def as_share(value: float, name: str) -> float:
    """Return a share of something that is lost.

    Raises:
        ValueError: not in (0, 1].
    """
    share = float(value)
    if not 0 < share <= 1:
        raise ValueError(f"{name} is above 0 and at most 1, not {value!r}")
    return share


def half_time(start: float, start_share: float, end: float, end_share: float) -> float:
    """When a straight line between two shares, the first below 1/2, passes 1/2."""
    return start + (HALF - start_share) / (end_share - start_share) * (end - start)


def _band(key: Floats, sz: Floats, known: Array, limit: float, inside: float) -> Floats:
    """The size with a price key of at least ``limit``, NaN where levels may be missing above ``inside``."""
    there = present(key, sz)
    depth = np.where(there & (key >= limit), sz, 0.0).sum(axis=1)
    reaches = (there & (key <= inside)).any(axis=1)
    return np.where(reaches | (known & ~there.all(axis=1)), depth, NAN)


def _curves(
    depth: Callable[[int, int, int], Floats],
    times: Times,
    shocks: npt.ArrayLike,
    horizons: Sequence[Span],
    reset: npt.ArrayLike | None,
) -> ResilienceCurves:
    """``depth(shock, start, stop)`` gives the depth of these rows as the shock sees it."""
    spans, rows = as_horizons(horizons), _as_rows(shocks, len(times))
    if not len(spans):
        raise ValueError("horizons holds at least one length of time")
    resets = as_flags(reset, len(times))
    ends = np.array([depth(shock, shock - 1, shock + 1) for shock in rows.tolist()]).reshape(-1, 2)
    valid = (ends[:, 0] > ends[:, 1]) & ~resets[rows]
    starts, breaks = rows[valid], np.flatnonzero(resets)
    curve = np.full((len(rows), len(spans)), NAN)
    found = np.full((len(rows), 3), NAN)
    # One turn a shock: what each of them sees is an array of its own, and shocks are few.
    for at in np.flatnonzero(valid).tolist():
        shock, (full, left) = int(rows[at]), ends[at]
        end, seen = _watched(shock, times, starts, breaks)
        due = np.searchsorted(times, after(times[shock], spans), side="right")  # one past the row that a horizon reads
        stop = min(end, int(due.max()))
        share = (depth(shock, shock, stop) - left) / (full - left)
        elapsed = times[shock:stop] - times[shock]
        known = (spans <= seen - times[shock]) & (due <= end)
        curve[at] = np.where(known, share[np.minimum(due, stop) - 1 - shock], NAN)
        found[at] = (*_half_life(share, elapsed), min(int(seen - times[shock]), int(spans.max())))
    recovered = ~np.isnan(found[:, 0])
    duration = np.where(recovered, found[:, 0], found[:, 2])
    return ResilienceCurves(curve, found[:, 0], found[:, 1], duration, recovered, ends[:, 0], ends[:, 1])


def _as_rows(shocks: npt.ArrayLike, count: int) -> npt.NDArray[np.int64]:
    rows = np.asarray(shocks)
    if rows.size == 0:
        return np.zeros(0, np.int64)
    if rows.dtype.kind not in "iu" or rows.ndim != 1:
        raise ValueError(f"shocks holds row numbers, not {rows.dtype} of the shape {rows.shape}")
    if rows[0] < 1 or rows[-1] >= count or (np.diff(rows) <= 0).any():
        raise ValueError(f"shocks rises from row 1 at the earliest to row {count - 1} at the latest, not {rows!r}")
    return rows.astype(np.int64)


def _watched(shock: int, times: Times, starts: Array, breaks: Array) -> tuple[int, int]:
    """The row where watching ends (not part of it), and up to which time the shock was seen."""
    ends = [(len(times), int(times[-1]))]
    for cuts, back in ((starts, 0), (breaks, 1)):
        following = int(np.searchsorted(cuts, shock, side="right"))
        if following < len(cuts):
            row = int(cuts[following])
            # The next shock hits at its own time; when a gap began is not known, only the row before it is sure.
            ends.append((row, int(times[row - back])))
    return min(ends)


def _half_life(share: Floats, elapsed: Times) -> tuple[float, float]:
    """The time of the first share of 1/2 or more, as is and interpolated from the last known share before."""
    reached = np.flatnonzero(share >= HALF)
    if not len(reached):
        return NAN, NAN
    first = int(reached[0])
    known = int(np.flatnonzero(~np.isnan(share[:first]))[-1])  # row 0 is the shock itself: share 0
    end = float(elapsed[first])
    return end, half_time(float(elapsed[known]), float(share[known]), end, float(share[first]))
