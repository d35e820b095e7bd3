"""What looks beyond one row: steps from row to row, sums between times, and the checks of times, signs and sizes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final, TypeAlias

import numpy as np
import numpy.typing as npt

from orderbook.analytics._arguments import Span, span_ns
from orderbook.analytics.arrays._rows import NAN, Array, Floats, same_rows
from orderbook.types import INT64_MAX

Times: TypeAlias = npt.NDArray[np.int64]

_CELLS: Final = 16_384
"""Cells of one block, as in :func:`~orderbook.analytics.arrays._rows.in_blocks`."""


def in_steps(kernel: Callable[..., Array], *arrays: Array, shape: tuple[int, ...] = ()) -> Floats:
    """Evaluate ``kernel`` over pairs of neighbouring rows, in blocks; row 0 of the (T, *shape) result is NaN.

    The kernel gets n + 1 rows of every array and returns the n steps between them. Blocks overlap by one row, so
    that each row is prepared once although it takes part in two steps.
    """
    rows = same_rows(*arrays)
    width = max(values.size // max(rows, 1) for values in arrays)
    step = max(_CELLS // max(width, 1), 64)
    out = np.full((rows, *shape), NAN)
    with np.errstate(all="ignore"):
        for start in range(1, rows, step):
            out[start : start + step] = kernel(*(values[start - 1 : start + step] for values in arrays))
    return out


def as_stamps(values: npt.ArrayLike, name: str) -> Times:
    """Return times in any order as int64 ns; ``datetime64`` of any unit is converted.

    Raises:
        ValueError: not one-dimensional, or a time outside of int64 ns (1677 to 2262).
        TypeError: neither whole numbers nor ``datetime64``.
    """
    given = np.asarray(values)
    if given.ndim != 1:
        raise ValueError(f"{name} has the shape (rows,), not {given.shape}")
    if given.dtype.kind == "M":
        given = _in_ns(given, name)
    elif given.dtype.kind not in "iu" and given.size:
        raise TypeError(f"{name} holds int nanoseconds or datetime64, not {given.dtype}")
    return given.astype(np.int64)


def _in_ns(given: Array, name: str) -> Array:
    """The same times in ns; before numpy 2.5 what does not fit wraps around without a word."""
    try:
        exact = given.astype("M8[ns]")
    except OverflowError:
        exact = None
    if exact is None or not ((exact.astype(given.dtype) == given) | np.isnat(given)).all():
        raise ValueError(f"{name} has a time that is no whole number of ns in int64 (1677 to 2262)")
    return exact


def as_times(values: npt.ArrayLike, name: str) -> Times:
    """Return times as int64 ns; ``datetime64`` of any unit is converted.

    Raises:
        ValueError: not one-dimensional, or a time is earlier than the one before it.
        TypeError: neither whole numbers nor ``datetime64``.
    """
    times = as_stamps(values, name)
    if (times[1:] < times[:-1]).any():
        at = int(np.argmax(times[1:] < times[:-1])) + 1
        raise ValueError(f"{name} never falls, but {name}[{at}] is earlier than {name}[{at - 1}]")
    return times


def as_edges(values: npt.ArrayLike) -> Times:
    """Return the edges of windows, at least two.

    Raises:
        ValueError: fewer than two, or they fall.
        TypeError: no times.
    """
    edges = as_times(values, "edges")
    if len(edges) < 2:
        raise ValueError(f"edges are at least 2 times, not {len(edges)}")
    return edges


def as_horizons(horizons: Sequence[Span]) -> Times:
    """Return lengths of time as int64 ns.

    Raises:
        ValueError: one is not above 0.
        TypeError: one is no length of time.
    """
    return np.array([span_ns(span, "horizon") for span in horizons], np.int64)


def after(times: Any, spans: Any) -> Any:
    """Return ``times + spans``, at most the last time there is: an endless horizon must not come round to 1677."""
    return np.minimum(times, INT64_MAX - spans) + spans


def as_signs(side: npt.ArrayLike, name: str = "side") -> Floats:
    """Return the aggressors' sides as +1, -1 or 0 (unknown).

    Raises:
        ValueError: anything else.
    """
    given = np.asarray(side)
    if given.dtype.kind not in "iuf" or given.ndim != 1 or not np.isin(given, (-1, 0, 1)).all():
        raise ValueError(f"{name} holds +1 (buyer took), -1 (seller took) or 0 (unknown), one a trade")
    return given.astype(np.float64)


def as_sizes(size: npt.ArrayLike, name: str = "size") -> Floats:
    """Return sizes of trades.

    Raises:
        ValueError: one is negative, NaN or infinite.
    """
    given = np.asarray(size, np.float64)
    if given.ndim != 1 or not (np.isfinite(given) & (given >= 0)).all():
        raise ValueError(f"{name} holds finite numbers of at least 0, one a trade")
    return given


def window_sums(values: Array, ts: Times, edges: Times) -> Any:
    """Return the sums of the rows with ``edges[k] <= ts < edges[k + 1]`` for each k; 0 where there is no row."""
    cuts = np.searchsorted(ts, edges, side="left")
    out = np.zeros((len(edges) - 1, *values.shape[1:]))
    # reduceat sums from one start to the next; a window without rows starts where the next does and has no sum.
    filled = cuts[1:] > cuts[:-1]
    if filled.any():
        out[filled] = np.add.reduceat(values[: cuts[-1]], cuts[:-1][filled], axis=0, dtype=np.float64)
    return out
