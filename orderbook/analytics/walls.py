"""Levels that are large for their book: walls, by two tests that must agree, and the plain ratio of many tools."""

from __future__ import annotations

import math
from itertools import accumulate
from operator import add
from statistics import median
from typing import Final, NamedTuple

from orderbook.analytics._arguments import as_count, as_positive
from orderbook.analytics._levels import BookLike, levels_of
from orderbook.types import Side

__all__ = ("Wall", "large_levels", "walls")

MAD_SCALE: Final = 1.4826
"""What makes a median absolute deviation the standard deviation of a normal sample."""

MAD_FLOOR: Final = 0.1
"""The least spread of ln(size), about a tenth: among equal sizes everything else would be infinitely far away."""


class Wall(NamedTuple):
    """A level that stands out (:func:`walls`).

    ``ratio``: its size over the mean of the other levels. ``robust_z``: how far ln(size) lies above the median, in
    robust deviations. ``distance``: from the best price of its side, in units of price, 0 at the best.
    """

    side: Side
    price: float
    size: float
    ratio: float
    robust_z: float
    distance: float


def walls(
    book: BookLike, k: float = 5.0, robust_z: float = 3.5, depth: int = 50, *, mad_floor: float = MAD_FLOOR
) -> list[Wall]:
    """Return the levels that stand out among the best ``depth`` of their side, bids first. O(depth log depth).

    A wall passes two tests: its size is at least ``k`` times the mean of the *other* levels, and ``(ln q - median) /
    (1.4826 MAD)`` of the logarithms of the sizes is at least ``robust_z``. ``mad_floor`` is the least MAD, for sides
    whose sizes are all alike. Neither test is diluted by the wall itself, as a z-score is: among n levels that cannot
    exceed ``sqrt(n - 1)``, 3.0 for ten.

    A large level is no intention: round prices and mixed tick sizes pile up orders too, and displayed size can be
    pulled.

    Raises:
        ValueError: a threshold that is not above 0, or ``depth`` below 1.

    >>> import orderbook as ob
    >>> book = ob.L2Book()
    >>> book.apply_snapshot([(100 - i, q) for i, q in enumerate([5, 8, 6, 7, 9, 6, 80, 7, 5, 8])], [(101, 1)])
    >>> [(wall.side.name, wall.price, round(wall.ratio, 3), round(wall.robust_z, 3)) for wall in walls(book)]
    [('BID', 94.0, 11.803, 10.659)]
    """
    least, far = as_positive(k, "k"), as_positive(robust_z, "robust_z")
    floor, count = as_positive(mad_floor, "mad_floor"), as_count(depth, "depth")
    judged = [wall for side in (Side.BID, Side.ASK) for wall in _judged(book, side, count, floor)]
    return [wall for wall in judged if wall.ratio >= least and wall.robust_z >= far]


def large_levels(book: BookLike, threshold: float = 5.0, depth: int = 10) -> list[Wall]:
    """Return the levels larger than ``threshold`` times the mean of the others of their side, among the best ``depth``.

    What many scripts call detection of large, institutional or iceberg orders. It shows none of these: an L2 level is
    a sum of orders, a reserve is what is *not* displayed, and in sizes as uneven as those of most books some level
    exceeds the mean of the others several times at any moment. :func:`walls` asks for more. O(depth log depth).

    Raises:
        ValueError: ``threshold`` is not above 0, or ``depth`` is below 1.

    >>> import orderbook as ob
    >>> book = ob.L2Book()
    >>> book.apply_snapshot([(100, 1), (99, 2), (98, 12), (97, 3)], [])
    >>> [(level.price, level.ratio) for level in large_levels(book)], walls(book)
    ([(98.0, 6.0)], [])
    """
    least, count = as_positive(threshold, "threshold"), as_count(depth, "depth")
    judged = [wall for side in (Side.BID, Side.ASK) for wall in _judged(book, side, count, MAD_FLOOR)]
    return [wall for wall in judged if wall.ratio > least]


def _judged(book: BookLike, side: Side, depth: int, floor: float) -> list[Wall]:
    """Every level of a side with its measures; none where no other level is there to compare it with."""
    rows = levels_of(book, side, depth)
    if len(rows) < 2:
        return []
    sizes = [size for _, size in rows]
    # Summed from both ends: the total less a level that dwarfs the others may be 0.
    before, behind = accumulate(sizes, initial=0.0), [*accumulate(reversed(sizes), initial=0.0)][-2::-1]
    logs = [math.log(size) for size in sizes]
    middle = median(logs)
    spread = MAD_SCALE * max(median(abs(value - middle) for value in logs), floor)
    return [
        Wall(
            side=side,
            price=price,
            size=size,
            ratio=size * (len(rows) - 1) / others,
            robust_z=(value - middle) / spread,
            distance=(rows[0][0] - price) * side,
        )
        for (price, size), value, others in zip(rows, logs, map(add, before, behind), strict=True)
    ]
