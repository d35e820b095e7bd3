"""What the measures ask of a book: its best levels as plain floats, and up to which price it knows all of them.

Any object with ``bids`` and ``asks`` (best first, of :class:`orderbook.Level`) will do: a live book or a
:class:`orderbook.Depth`. Prices and sizes become float64 here, in the units in which the book hands them out. A level
whose size is not above 0 is no level, as in arrays: views made by hand out of rows of arrays have such.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, Protocol, TypeAlias

from orderbook.types import BookState, Level, Side

Reference: TypeAlias = "Literal['mid', 'best'] | float"
"""Where distances are counted from: the mid price, the side's own best price, or a price."""


class BookLike(Protocol):
    """A book or a view of one."""

    @property
    def bids(self) -> Sequence[Level]:
        """The bid levels, best first."""

    @property
    def asks(self) -> Sequence[Level]:
        """The ask levels, best first."""


Levels: TypeAlias = list[tuple[float, float]]
"""Price and size of levels, best first."""


def levels_of(book: BookLike, side: Side, n: int | None = None) -> Levels:
    """Return price and size of the best ``n`` levels of a side (None: all) as floats. O(n)."""
    rows = book.bids if side is Side.BID else book.asks
    return [(float(row.price), float(row.size)) for row in rows[:n] if row.size > 0]


def best_of(book: BookLike) -> tuple[float, float, float, float] | None:
    """Return ``(bid, bid size, ask, ask size)`` as floats, None where a side is empty. O(1)."""
    bid, ask = _first(book.bids), _first(book.asks)
    if bid is None or ask is None:
        return None
    return float(bid.price), float(bid.size), float(ask.price), float(ask.size)


def _first(rows: Sequence[Level]) -> Level | None:
    if len(rows) and rows[0].size > 0:
        return rows[0]
    return next((row for row in rows if row.size > 0), None)


def mid_of(book: BookLike) -> float | None:
    """Return half way between best bid and best ask as a float, None where a side is empty. O(1)."""
    best = best_of(book)
    return None if best is None else (best[0] + best[2]) / 2


def is_known_to(book: BookLike, side: Side, limit: float) -> bool:
    """Whether the book shows every level of a side from the best up to the price ``limit``. O(1).

    False says that there may be more than is seen: beyond a depth-limited snapshot, or behind the last level of a view.
    """
    known = getattr(book, "known_range", None)
    if known is not None:
        bound = known.bid_floor if side is Side.BID else known.ask_ceiling
        return bound is None or (limit - float(bound)) * side >= 0
    rows = book.bids if side is Side.BID else book.asks
    last = next((row for row in reversed(rows) if row.size > 0), None)
    if last is not None and (limit - float(last.price)) * side >= 0:
        return True
    flag = "bids_known" if side is Side.BID else "asks_known"
    # A view that is full may have been cut; one with room left shows all that its book had.
    full = len(rows) >= getattr(book, "levels", 0) and last is not None and rows[-1].size > 0
    return bool(getattr(book, flag, False)) and not full


def state_of(book: BookLike) -> BookState:
    """Return what a book or view looks like; never ``STALE``, which only its builder knows. O(1).

    >>> from orderbook import L2Book
    >>> book = L2Book()
    >>> state_of(book).name
    'EMPTY'
    """
    bid, ask = _first(book.bids), _first(book.asks)
    if bid is None:
        return BookState.EMPTY if ask is None else BookState.NO_BID
    if ask is None:
        return BookState.NO_ASK
    if bid.price == ask.price:
        return BookState.LOCKED
    return BookState.CROSSED if bid.price > ask.price else BookState.NORMAL
