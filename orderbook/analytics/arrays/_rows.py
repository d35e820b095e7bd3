"""How the array forms are evaluated: checked once, then in blocks of rows whose temporaries stay in the cache.

A kernel is the plain numpy form of a measure over some rows. :func:`in_blocks` runs it over a few hundred to a few
thousand rows at a time and writes into one result, so that memory is read once and a temporary never has T rows.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, TypeAlias

import numpy as np
import numpy.typing as npt

from orderbook.types import INT64_MIN

Array: TypeAlias = npt.NDArray[Any]
Floats: TypeAlias = npt.NDArray[np.float64]

NAN: Final = float("nan")

_CELLS: Final = 16_384
"""Cells (rows times levels) of one block: 128 KiB an array, so that a kernel's temporaries fit in a cache."""


def as_levels(px: npt.ArrayLike, sz: npt.ArrayLike) -> tuple[Floats, Floats]:
    """Return prices and sizes of one side as (T, N) float64, not copied where they are that; (T,) means one level.

    An int64 price of ``INT64_MIN`` (an absent level in ticks) becomes NaN.

    Raises:
        ValueError: the shapes differ, or have more than two dimensions.
    """
    prices, sizes = as_grid(px, "prices"), as_grid(sz, "sizes")
    if prices.shape != sizes.shape:
        raise ValueError(f"prices and sizes have one shape, not {prices.shape} and {sizes.shape}")
    return prices, sizes


def as_grid(values: npt.ArrayLike, name: str) -> Floats:
    """Return (T, N) float64, not copied where it is that; (T,) means one column.

    Raises:
        ValueError: more than two dimensions, or none.
    """
    given = np.asarray(values)
    if given.ndim == 1:
        given = given[:, None]
    if given.ndim != 2:
        raise ValueError(f"{name} have the shape (rows, levels) or (rows,), not {given.shape}")
    return _floats(given)


def _floats(given: Array) -> Floats:
    """The numbers as float64, NaN where one is the int that says absent."""
    if given.dtype.kind == "i":
        absent = given == INT64_MIN
        return np.where(absent, NAN, given) if absent.any() else given.astype(np.float64)
    return np.asarray(given, np.float64)


def as_row(values: npt.ArrayLike, rows: int, name: str) -> Floats:
    """Return one float64 a row: (T,) as it is, a scalar repeated (without memory). ``INT64_MIN`` becomes NaN.

    Raises:
        ValueError: neither a scalar nor T values.
    """
    given = _floats(np.asarray(values))
    if given.ndim == 0:
        return np.broadcast_to(given, (rows,))
    if given.shape != (rows,):
        raise ValueError(f"{name} is a number or has one value a row, ({rows},), not {given.shape}")
    return given


def as_flags(values: npt.ArrayLike | None, rows: int, name: str = "reset") -> npt.NDArray[np.bool_]:
    """Return one bool a row; None means False everywhere.

    Raises:
        ValueError: not T values.
    """
    if values is None:
        return np.zeros(rows, bool)
    given = np.asarray(values, bool)
    if given.shape != (rows,):
        raise ValueError(f"{name} has one value a row, ({rows},), not {given.shape}")
    return given


def same_rows(*arrays: Array) -> int:
    """Return the number of rows that all arrays have.

    Raises:
        ValueError: they differ.
    """
    counts = {len(values) for values in arrays}
    if len(counts) != 1:
        raise ValueError(f"all arrays have one number of rows, not {sorted(counts)}")
    return counts.pop()


def present(px: Floats, sz: Floats) -> npt.NDArray[np.bool_]:
    """Where a level is there: a size above 0 and a finite price."""
    return (sz > 0) & np.isfinite(px)


def in_blocks(
    kernel: Callable[..., Array], *arrays: Array, shape: tuple[int, ...] = (), dtype: Any = np.float64
) -> Array:
    """Evaluate ``kernel`` over blocks of rows of the arrays, and return its rows as one (T, *shape) array.

    The kernel gets the same rows of every array and returns a row of ``shape`` for each. O(T N) time; the memory of
    the result and of one block. Warnings of numpy about NaN, division and overflow are off inside: what is undefined
    is NaN by the kernel's own hand.
    """
    rows = same_rows(*arrays)
    width = max(values.size // max(rows, 1) for values in arrays)
    step = max(_CELLS // max(width, 1), 64)
    out = np.empty((rows, *shape), dtype)
    with np.errstate(all="ignore"):
        for start in range(0, rows, step):
            out[start : start + step] = kernel(*(values[start : start + step] for values in arrays))
    return out


def row_sums(values: Array) -> Floats:
    """Return the sum of every row. Rows with a NaN give NaN.

    Not ``sum(axis=1)``, which sets itself up anew for every short row and takes twice as long; and not a product with
    ones, which would be as quick, but whose last digit depends on where in an array a row stands.
    """
    out: Floats = np.einsum("ij->i", values)
    return out
