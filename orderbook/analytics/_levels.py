"""What the measures ask of a book: its best levels as plain floats, and up to which price it knows all of them.

Any object with ``bids`` and ``asks`` (best first, of :class:`orderbook.Level`) will do: a live book or a
:class:`orderbook.Depth`. Prices and sizes become float64 here, in the units in which the book hands them out. A level
whose size is not above 0 is no level, as in arrays: views made by hand out of rows of arrays have such.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
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


def held_levels(rows: Sequence[Level], n: int | None) -> list[Level]:
    """Return the best ``n`` levels of a side that hold something (None: all). O(n)."""
    best = rows[:n]
    found = [row for row in best if row.size > 0]
    return found if len(found) == len(best) else list(islice((row for row in rows if row.size > 0), n))


def levels_of(book: BookLike, side: Side, n: int | None = None) -> Levels:
    """Return price and size of the best ``n`` levels of a side (None: all) as floats. O(n)."""
    rows = book.bids if side is Side.BID else book.asks
    return [(float(row.price), float(row.size)) for row in held_levels(rows, n)]


def best_of(book: BookLike) -> tuple[float, float, float, float] | None:
    """Return ``(bid, bid size, ask, ask size)`` as floats, None where a side is empty. O(1)."""
    bids, asks = book.bids, book.asks
    if not len(bids) or not len(asks):
        return None
    bid, ask = bids[0], asks[0]
    if not (bid.size > 0 and ask.size > 0):
        best = held_levels(bids, 1) + held_levels(asks, 1)
        if len(best) < 2:
            return None
        bid, ask = best
    return float(bid.price), float(bid.size), float(ask.price), float(ask.size)


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
    bid, ask = held_levels(book.bids, 1), held_levels(book.asks, 1)
    if not bid:
        return BookState.NO_BID if ask else BookState.EMPTY
    if not ask:
        return BookState.NO_ASK
    if bid[0].price == ask[0].price:
        return BookState.LOCKED
    return BookState.CROSSED if bid[0].price > ask[0].price else BookState.NORMAL
