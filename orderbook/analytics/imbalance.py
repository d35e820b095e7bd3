"""How much more rests on one side of a book than on the other: by rank, within a price band, or weighted by distance.

With the (weighted) sizes ``B`` of the bids and ``A`` of the asks, each function returns one of three kinds:

* ``signed``: ``(B - A) / (B + A)`` in [-1, 1], + for more bids;
* ``ratio``: ``B / (B + A)`` in [0, 1], which is ``(signed + 1) / 2``;
* ``log``: ``ln(B / A)``, without bounds, which is ``2 atanh(signed)``. Unlike ``B / A`` it is symmetric.

An imbalance is undefined (None) where either side holds nothing: there 0 would say "balanced".
``one_sided="extreme"`` makes that -1 or +1 instead (0 or 1 as a ratio, an infinity as a log) where one side does hold
something. None of this is order *flow* imbalance, which compares two moments.
:mod:`orderbook.analytics.arrays` has the same functions for arrays.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, Literal, TypeAlias

import numpy as np

from orderbook.analytics._arguments import as_positive, as_tick, one_of
from orderbook.analytics._levels import BookLike, mid_of
from orderbook.analytics.prices import ROUNDING, chosen
from orderbook.types import Level

__all__ = ("imbalance", "imbalance_weighted", "imbalance_within")

ImbalanceKind: TypeAlias = Literal["signed", "ratio", "log"]
"""``(B - A) / (B + A)``, ``B / (B + A)`` or ``ln(B / A)``."""

OneSided: TypeAlias = Literal["nan", "extreme"]
"""What an imbalance is where one side holds nothing: undefined, or as far as it can go."""

Weights: TypeAlias = "Literal['exp', 'inverse', 'rank'] | Callable[[Any], Any] | Sequence[float]"
"""How levels are weighted: ``exp(-lam d)``, ``1 / d``, ``1 / rank``, a function of the distance, or weights by rank."""

DistanceUnit: TypeAlias = Literal["ticks", "bps"]
"""What the distance of a level is counted in: ticks, or basis points of what it is counted from."""

DistanceFrom: TypeAlias = Literal["mid", "best"]
"""Where distances are counted from: the mid, or the best price of the level's own side."""

By: TypeAlias = Literal["size", "count"]
"""What is compared: the sizes of levels, or their numbers of orders."""


def check_result(kind: ImbalanceKind, one_sided: OneSided) -> None:
    """Refuse an unknown kind of result.

    Raises:
        ValueError: no such option.
    """
    one_of(kind, ImbalanceKind, "kind")
    one_of(one_sided, OneSided, "one_sided")


def as_rule(weights: Weights, lam: float | None) -> tuple[Any, float]:
    """Return the weights, by rank as a tuple of floats, and the rate of decay (0 where there is none).

    Raises:
        ValueError: no such name; weights that are negative, not finite, or none; ``lam`` is missing, not above 0, or
            belongs to no decay.
        TypeError: neither a name, a function nor numbers.
    """
    if (lam is not None) != (isinstance(weights, str) and weights == "exp"):
        raise ValueError(f"lam is the decay per unit of distance of weights='exp', and of no others, not {lam!r}")
    if isinstance(weights, str):
        one_of(weights, Literal["exp", "inverse", "rank"], "weights")
        return weights, 0.0 if lam is None else as_positive(lam, "lam")
    if callable(weights):
        return weights, 0.0
    if not np.iterable(weights):
        raise TypeError(f"weights are a name, a function of the distance, or numbers by rank, not {weights!r}")
    ranks = tuple(float(weight) for weight in weights)
    if not ranks or not all(0 <= weight < math.inf for weight in ranks):
        raise ValueError(f"weights by rank are finite and not negative, at least one, not {weights!r}")
    return ranks, 0.0


def is_by_rank(rule: Any) -> bool:
    """Whether a rule needs no distance."""
    return isinstance(rule, tuple) or rule == "rank"


def as_step(rule: Any, unit: DistanceUnit, tick: float | None, origin: DistanceFrom) -> float | None:
    """Return the length of one unit of distance, None for a relative one and where no distance is needed.

    Raises:
        ValueError: no such unit or origin; ``tick`` is missing or not above 0.
    """
    one_of(unit, DistanceUnit, "unit")
    one_of(origin, DistanceFrom, "origin")
    return as_tick(tick) if unit == "ticks" and not is_by_rank(rule) else None


def _amounts(rows: Sequence[Level], by: By) -> list[float]:
    """Size or number of orders of each level, NaN for a number that the feed does not tell."""
    if by == "size":
        return [float(row.size) for row in rows]
    return [math.nan if row.count is None else float(row.count) for row in rows]


def _compared(bid: float, ask: float, kind: ImbalanceKind, one_sided: OneSided) -> float | None:
    if not math.isfinite(bid + ask) or max(bid, ask) <= 0 or (one_sided == "nan" and min(bid, ask) <= 0):
        return None
    if kind == "signed":
        return (bid - ask) / (bid + ask)
    if kind == "ratio":
        return bid / (bid + ask)
    return math.log(bid / ask) if min(bid, ask) > 0 else math.copysign(math.inf, bid - ask)


def imbalance(
    book: BookLike,
    depth: int | None = 1,
    *,
    kind: ImbalanceKind = "signed",
    by: By = "size",
    one_sided: OneSided = "nan",
) -> float | None:
    """Return the imbalance of the best ``depth`` levels of each side (None: all of them). O(depth).

    Over total sizes: ``signed`` is ``(B - A) / (B + A)``, + for more bids, ``ratio`` is ``B / (B + A)``, and ``log`` is
    ``ln(B / A)``. None where a side is empty; ``one_sided="extreme"`` gives the end of the range (-1 or 1, 0 or 1, an
    infinity) where one is not. ``by="count"`` compares numbers of orders, and is None where the feed tells none. Depth
    1 is the queue imbalance of Gould and Bonart (arXiv 1512.03492).

    Pitfall: the best n levels are not the same range of prices from one moment to the next; :func:`imbalance_within`
    is.

    Raises:
        ValueError: ``depth`` is below 1, or there is no such option.
        TypeError: ``depth`` is not a whole number.

    >>> from orderbook import L2Book
    >>> book = L2Book()
    >>> book.apply_snapshot([("100.00", 5), ("99.99", 10)], [("100.02", 15), ("100.03", 5)])
    >>> imbalance(book), round(imbalance(book, depth=2), 6), imbalance(book, kind="ratio")
    (-0.5, -0.142857, 0.25)
    """
    check_result(kind, one_sided)
    one_of(by, By, "by")
    bids, asks = chosen(book, depth, None)
    return _compared(math.fsum(_amounts(bids, by)), math.fsum(_amounts(asks, by)), kind, one_sided)


def imbalance_within(
    book: BookLike, bps: float, *, kind: ImbalanceKind = "signed", by: By = "size", one_sided: OneSided = "nan"
) -> float | None:
    """Return the imbalance of the levels within ``bps`` basis points of the mid, the bound included. O(levels there).

    ``B`` is the size at prices from ``m (1 - bps / 1e4)`` up, ``A`` at prices up to ``m (1 + bps / 1e4)``; ``kind``,
    ``by`` and ``one_sided`` as in :func:`imbalance`. None where a side of the book is empty or the mid is not above 0.

    Pitfall: what lies beyond a depth-limited snapshot is not counted although it may be within the band.

    Raises:
        ValueError: ``bps`` is not above 0, or there is no such option.

    >>> from orderbook import L2Book
    >>> book = L2Book()
    >>> book.apply_snapshot([("100.00", 5), ("99.99", 10)], [("100.02", 15), ("100.03", 5)])
    >>> imbalance_within(book, 1), round(imbalance_within(book, 2), 6)
    (-0.5, -0.142857)
    """
    check_result(kind, one_sided)
    one_of(by, By, "by")
    bids, asks = chosen(book, None, as_positive(bps, "bps"))
    return _compared(math.fsum(_amounts(bids, by)), math.fsum(_amounts(asks, by)), kind, one_sided)


def imbalance_weighted(
    book: BookLike,
    weights: Weights = "exp",
    *,
    lam: float | None = None,
    tick: float | None = None,
    unit: DistanceUnit = "ticks",
    origin: DistanceFrom = "mid",
    depth: int | None = None,
    kind: ImbalanceKind = "signed",
    by: By = "size",
    one_sided: OneSided = "nan",
) -> float | None:
    """Return the imbalance of weighted levels, ``B = S w_i qb_i`` and ``A = S w_i qa_i``. O(depth).

    The weight of a level at distance ``d`` is

    * ``"exp"``: ``exp(-lam d)``, with ``lam`` per unit of distance;
    * ``"inverse"``: ``1 / d``; None where a level is at distance 0, as the best levels of a locked book are;
    * ``"rank"``: ``1 / rank``, and a sequence gives the weights of rank 1, 2, ... (0 after its end); no distance;
    * a function: ``f(d)``. For :mod:`~orderbook.analytics.arrays` it must take and return arrays, as numpy's do.

    ``d`` is ``|price - mid| / tick``, or from the best price of the own side with ``origin="best"``, or in basis points
    of either with ``unit="bps"``. None where that is not known, or for bps not above 0. ``kind``, ``by`` and
    ``one_sided`` as in :func:`imbalance`.

    Pitfall: ``lam`` belongs to a unit and an origin. Seen from the mid, a wide spread makes all weights small, and
    what is left of a difference between them is that of the distances.

    Raises:
        ValueError: there is no such option; ``tick`` is missing for a distance in ticks, ``lam`` for ``"exp"``; a
            number that must be above 0 is not; ``depth`` is below 1.
        TypeError: ``depth`` is not a whole number.

    >>> from orderbook import L2Book
    >>> book = L2Book()
    >>> book.apply_snapshot([("100.00", 5), ("99.99", 10)], [("100.02", 15), ("100.03", 5)])
    >>> round(imbalance_weighted(book, lam=0.5, tick=0.01), 6), round(imbalance_weighted(book, "rank"), 6)
    (-0.239445, -0.272727)
    """
    check_result(kind, one_sided)
    one_of(by, By, "by")
    rule, decay = as_rule(weights, lam)
    step = as_step(rule, unit, tick, origin)
    bids, asks = chosen(book, depth, None)
    if is_by_rank(rule):
        factors = [_ranked(rule, rows) for rows in (bids, asks)]
    else:
        centre = mid_of(book) if origin == "mid" else None
        factors = _weighed(rule, decay, [_distances(rows, centre, step, origin) for rows in (bids, asks)])
    bid, ask = (
        math.fsum(weight * amount for weight, amount in zip(own, _amounts(rows, by), strict=False))
        for own, rows in zip(factors, (bids, asks), strict=True)
    )
    return _compared(bid, ask, kind, one_sided)


def _ranked(rule: Any, rows: list[Level]) -> list[float]:
    return list(rule) if rule != "rank" else [1 / rank for rank in range(1, len(rows) + 1)]


def _distances(rows: list[Level], centre: float | None, step: float | None, origin: DistanceFrom) -> list[float]:
    """The distance of each level in units, NaN where there is nothing to count from."""
    prices = [float(row.price) for row in rows]
    start = prices[0] if origin == "best" and prices else math.nan if centre is None else centre
    scale = step if step is not None else start / 1e4 if start > 0 else math.nan
    gaps = [abs(price - start) for price in prices]
    # A level at the very price must be there, not a rounding error away: 1 / d would make that everything.
    return [0.0 if gap <= ROUNDING * abs(price) else gap / scale for gap, price in zip(gaps, prices, strict=True)]


def _weighed(rule: Any, decay: float, sides: list[list[float]]) -> list[list[float]]:
    if callable(rule):
        # An unknown distance has no weight, whatever the function makes of NaN.
        return [[math.nan if math.isnan(distance) else float(rule(distance)) for distance in side] for side in sides]
    if rule == "inverse":
        return [[1 / distance if distance else math.inf for distance in side] for side in sides]
    # A common factor changes no imbalance: with the nearest level at 1, a wide spread does not underflow to 0.
    nearest = min((distance for side in sides for distance in side), default=0.0)
    return [[math.exp(decay * (nearest - distance)) for distance in side] for side in sides]
