"""Prices that one book tells: its spread, its mid, and mids that lean towards where the size is.

Each function reads a book or view (anything with ``bids`` and ``asks``) and returns a float64 in the units of the book,
or None where the measure is undefined: a side is empty, or a relative measure has no positive price to refer to. A
crossed book is computed with its sign. :mod:`orderbook.analytics.arrays` has the same functions for arrays.
"""

from __future__ import annotations

import math
import sys
from itertools import islice, takewhile
from typing import Any, Final, Literal, TypeAlias

from orderbook.analytics._arguments import as_count, as_positive, as_tick, one_of
from orderbook.analytics._levels import BookLike, Levels, best_of, held_levels, mid_of, state_of
from orderbook.types import BookState, Level

__all__ = ("book_state", "depth_price", "effective_vamp", "mid", "spread", "vamp", "weighted_mid")

SpreadUnit: TypeAlias = Literal["price", "ticks", "bps", "log_bps"]
"""What a spread is counted in: price, ticks, basis points of the mid, or basis points of log price."""

ROUNDING: Final = 1e-12
"""Relative distance below which two float prices are one: far above rounding, far below a tick."""

OFF_GRID: Final = 1e-6
"""How far from a whole number of ticks a price may be, in ticks."""


def slack_of(magnitude: Any, tick: float) -> Any:
    """How far from the grid float64 itself may put the difference of prices that add up to ``magnitude``, in ticks."""
    return OFF_GRID + sys.float_info.epsilon * magnitude / tick


def chosen(book: BookLike, depth: int | None, within_bps: float | None) -> tuple[list[Level], list[Level]]:
    """Return the best ``depth`` levels of both sides, of these the ones near the mid. O(levels returned).

    With a band and no positive mid to measure it from, there are none.
    """
    n = None if depth is None else as_count(depth, "depth")
    width = None if within_bps is None else as_positive(within_bps, "within_bps")
    if width is None:
        return held_levels(book.bids, n), held_levels(book.asks, n)
    centre = mid_of(book)
    if centre is None or centre <= 0:
        return [], []
    reach = centre * (width / 1e4 + ROUNDING)
    low, high = centre - reach, centre + reach
    bids, asks = ((row for row in rows if row.size > 0) for rows in (book.bids, book.asks))
    return (
        list(takewhile(lambda row: float(row.price) >= low, islice(bids, n))),
        list(takewhile(lambda row: float(row.price) <= high, islice(asks, n))),
    )


def _floats(rows: list[Level]) -> Levels:
    return [(float(row.price), float(row.size)) for row in rows]


def _total(levels: Levels) -> float:
    return math.fsum(size for _, size in levels)


def _value(levels: Levels) -> float:
    return math.fsum(price * size for price, size in levels)


def book_state(book: BookLike) -> BookState:
    """Return what a book looks like: normal, a side or both missing, locked, or crossed. O(1).

    Never ``STALE``: that a book is out of date is known to its builder, not to the book. Look at the state before a
    measure that a locked or crossed book makes odd: those are computed as they are, with their sign.

    >>> from orderbook import L2Book
    >>> book = L2Book()
    >>> book.apply_snapshot([("100.02", 5)], [("100.00", 15)])
    >>> book_state(book).name, round(spread(book), 2)
    ('CROSSED', -0.02)
    """
    return state_of(book)


def mid(book: BookLike) -> float | None:
    """Return half way between the best prices, ``m = (a + b) / 2``, None where a side is empty. O(1).

    >>> from orderbook import L2Book
    >>> book = L2Book()
    >>> book.apply_snapshot([("100.00", 5)], [("100.02", 15)])
    >>> round(mid(book), 6)
    100.01
    """
    return mid_of(book)


def spread(book: BookLike, unit: SpreadUnit = "price", *, tick: float | None = None) -> float | None:
    """Return best ask minus best bid: negative when crossed, 0 when locked, None where a side is empty. O(1).

    * ``price``: ``a - b``;
    * ``ticks``: ``rint((a - b) / tick)``, a float; the one unit that needs ``tick``;
    * ``bps``: ``1e4 (a - b) / m``, the quoted spread; None when the mid ``m`` is not above 0;
    * ``log_bps``: ``1e4 ln(a / b)``, which adds up over time; None when a price is not above 0.

    The mean over updates is not the average spread, for updates come in clusters: see ``arrays.time_weighted_mean``.

    Args:
        book: a book or view.
        unit: what to count in.
        tick: the price step, in the unit of the book's prices (its ints when ``price_type`` is ``fixed``).

    Raises:
        ValueError: no such unit; ``tick`` is missing or not above 0; the spread is not on the grid of ``tick``, by more
            than 1e-6 ticks and what rounding explains.

    >>> from orderbook import L2Book
    >>> book = L2Book()
    >>> book.apply_snapshot([("100.00", 5)], [("100.02", 15)])
    >>> spread(book, "ticks", tick=0.01), round(spread(book, "bps"), 6), round(spread(book, "log_bps"), 6)
    (2.0, 1.9998, 1.9998)
    """
    one_of(unit, SpreadUnit, "unit")
    step = as_tick(tick) if unit == "ticks" else 1.0
    best = best_of(book)
    if best is None:
        return None
    bid, _, ask, _ = best
    if unit == "price":
        return ask - bid
    if unit == "ticks":
        return _whole_ticks(bid, ask, step)
    if unit == "bps":
        return 1e4 * (ask - bid) / ((ask + bid) / 2) if ask + bid > 0 else None
    # log1p keeps the digits that ask / bid loses next to 1.
    return 1e4 * math.log1p((ask - bid) / bid) if min(bid, ask) > 0 else None


def _whole_ticks(bid: float, ask: float, tick: float) -> float:
    exact = (ask - bid) / tick
    if abs(exact - round(exact)) > slack_of(abs(bid) + abs(ask), tick):
        raise ValueError(f"the spread from {bid!r} to {ask!r} is no whole number of ticks of {tick!r}, but {exact!r}")
    return float(round(exact))


def weighted_mid(book: BookLike, depth: int | None = 1) -> float | None:
    """Return the mid pulled towards the side with less size, None where a side is empty. O(depth).

    ``W = (b A + a B) / (A + B) = I a + (1 - I) b = m + rho (a - b) / 2`` with the sizes ``B`` and ``A`` of the best
    ``depth`` levels (None: all), ``I = B / (A + B)`` and ``rho = 2 I - 1``. The prices are the best at any depth. Many
    libraries call this the micro-price; the micro-price of Stoikov (2018) is an estimate from data and not this. At
    depth 1 it is the ``microprice`` property of a book, as a float.

    Raises:
        ValueError: ``depth`` is below 1.
        TypeError: ``depth`` is not a whole number.

    >>> from orderbook import L2Book
    >>> book = L2Book()
    >>> book.apply_snapshot([("100.00", 5), ("99.99", 10)], [("100.02", 15), ("100.03", 5)])
    >>> round(weighted_mid(book), 6), round(weighted_mid(book, depth=2), 6)
    (100.005, 100.008571)
    """
    bids, asks = map(_floats, chosen(book, depth, None))
    held, offered = _total(bids), _total(asks)
    if held <= 0 or offered <= 0:
        return None
    bid, ask = bids[0][0], asks[0][0]
    return bid + (ask - bid) * held / (held + offered)


def vamp(book: BookLike, depth: int | None = None, *, within_bps: float | None = None) -> float | None:
    """Return the volume-adjusted mid price: prices weighted by the *opposite* side's size at the same rank. O(levels).

    ``(S b_i qa_i + S a_i qb_i) / (S qa_i + S qb_i)`` over the ranks ``i`` at which both sides have a level: the best
    ``depth`` (None: all), or those of them whose price is within ``within_bps`` basis points of the mid, the bound
    included. With one level it is :func:`weighted_mid`. None where no rank has both sides, or, with a band, where the
    mid is not above 0. As VAMP in the tutorials of hftbacktest.

    Pitfall: a live book without a depth or band counts orders far from the price.

    Raises:
        ValueError: ``depth`` is below 1, or ``within_bps`` is not above 0.
        TypeError: ``depth`` is not a whole number.

    >>> from orderbook import L2Book
    >>> book = L2Book()
    >>> book.apply_snapshot([("100.00", 5), ("99.99", 10)], [("100.02", 15), ("100.03", 5)])
    >>> round(vamp(book, depth=2), 6), round(vamp(book, within_bps=1), 6)
    (100.01, 100.005)
    """
    bids, asks = map(_floats, chosen(book, depth, within_bps))
    ranks = list(zip(bids, asks, strict=False))
    size = math.fsum(held + offered for (_, held), (_, offered) in ranks)
    cost = math.fsum(bid * offered + ask * held for (bid, held), (ask, offered) in ranks)
    return cost / size if size > 0 else None


def depth_price(book: BookLike, depth: int | None = None) -> float | None:
    """Return the average price of the displayed size of both sides, each level weighted by its *own* size. O(depth).

    ``(S b_i qb_i + S a_i qa_i) / (S qb + S qa)`` over the best ``depth`` levels (None: all). Where the size lies, not
    where the price leans: a heavy ask side pulls it **up**, the opposite way to :func:`vamp`. None where a side is
    empty.

    Raises:
        ValueError: ``depth`` is below 1.
        TypeError: ``depth`` is not a whole number.

    >>> from orderbook import L2Book
    >>> book = L2Book()
    >>> book.apply_snapshot([("100.00", 5)], [("100.02", 15)])
    >>> round(depth_price(book), 6), round(vamp(book), 6), round(mid(book), 6)
    (100.015, 100.005, 100.01)
    """
    bids, asks = map(_floats, chosen(book, depth, None))
    held, offered = _total(bids), _total(asks)
    if held <= 0 or offered <= 0:
        return None
    return (_value(bids) + _value(asks)) / (held + offered)


def effective_vamp(book: BookLike, depth: int | None = None) -> float | None:
    """Return the average prices of the two sides, each weighted by the total size of the *other* side. O(depth).

    ``(Pb A + Pa B) / (A + B)`` over the best ``depth`` levels (None: all), with ``Pb`` and ``Pa`` the size-weighted
    average prices and ``B`` and ``A`` the total sizes of bids and asks. None where a side is empty. Compared with
    :func:`vamp` no rank is paired with another, so the sides may have different numbers of levels.

    Raises:
        ValueError: ``depth`` is below 1.
        TypeError: ``depth`` is not a whole number.

    >>> from orderbook import L2Book
    >>> book = L2Book()
    >>> book.apply_snapshot([("100.00", 5), ("99.99", 10)], [("100.02", 15), ("100.03", 5)])
    >>> round(effective_vamp(book), 6)
    100.005833
    """
    bids, asks = map(_floats, chosen(book, depth, None))
    held, offered = _total(bids), _total(asks)
    if held <= 0 or offered <= 0:
        return None
    return (_value(bids) / held * offered + _value(asks) / offered * held) / (held + offered)
