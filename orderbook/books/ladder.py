"""One side of a book: price levels in order, and how far down they are known.

Levels are kept by *rank*, the price in ticks of the book's scale with the sign turned on the bid side, so that on both
sides the lowest rank is the best price. Every comparison of prices in the library is one of two ints here.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from itertools import islice
from typing import TYPE_CHECKING, Final, Generic, NamedTuple, Protocol, Self, TypeVar

from sortedcontainers import SortedDict

from orderbook.scale import rescale, to_decimal
from orderbook.types import INT64_MIN, Side

MAX_LEVELS: Final = 1_000_000
"""The most price levels that one side of a book holds; a side that would grow past it raises TooManyLevels."""


NOTHING: Final = INT64_MIN
"""The bound of a side of which nothing is known: below the rank of every price."""


class Cell(Protocol):
    """What stands at one price: ``size`` in ticks, and the ``count`` of orders or None where it is not known."""

    @property
    def size(self) -> int:
        """The whole size at the price."""

    @property
    def count(self) -> int | None:
        """How many orders there are."""

    def copy(self) -> Self:
        """Return a cell that shares nothing mutable with this one."""

    def widened(self, price_factor: int, size_factor: int) -> Self:
        """Return the cell at a finer scale; a mutable cell may change itself and return itself."""

    def canonical(self, size_divisor: int) -> tuple[object, ...]:
        """Return what equality and the state hash compare."""

    def sizes(self) -> Iterable[int]:
        """Return every size that is stored here."""


CellT = TypeVar("CellT", bound=Cell)


class Aggregate(NamedTuple):
    """A level of an L2 book: one size, and the order count where the feed sends one."""

    size: int
    count: int | None  # type: ignore[assignment]  # NamedTuple brings tuple.count, which nobody calls on a level

    def copy(self) -> Self:
        """Return itself: it never changes."""
        return self

    def widened(self, price_factor: int, size_factor: int) -> Self:
        """Return the level at a finer size scale."""
        return self._replace(size=self.size * size_factor)

    def canonical(self, size_divisor: int) -> tuple[object, ...]:
        """Return size and count; equal numbers give equal values at any scale."""
        return (self.size // size_divisor, self.count)

    def sizes(self) -> Iterable[int]:
        """Return the one size."""
        return (self.size,)


class Rungs(Generic[CellT]):
    """What can be said of one side of a book, whoever keeps its levels."""

    if not TYPE_CHECKING:
        __slots__ = ()

    side: Side
    bound: int | None
    """The rank of the worst known price, None when all are known."""

    def __len__(self) -> int:
        raise NotImplementedError

    def at(self, index: int) -> tuple[int, CellT]:
        """Return ``(price, cell)`` of the level at an index, best first."""
        raise NotImplementedError

    def walk(self, start: int = 0, stop: int | None = None, *, reverse: bool = False) -> Iterator[tuple[int, CellT]]:
        """Iterate over ``(price, cell)`` of a range of levels."""
        raise NotImplementedError

    def get(self, price: int) -> CellT | None:
        """Return the level at a price."""
        raise NotImplementedError

    def columns(self) -> tuple[list[int], list[CellT]]:
        """Return all prices and all cells, best first. O(n)."""
        rows = list(self.walk())
        return [price for price, _ in rows], [cell for _, cell in rows]

    def rank(self, price: int) -> int:
        """Return the rank of a price; applied to a rank it returns the price, for the map is its own inverse."""
        return -self.side.value * price

    def is_known(self, price: int) -> bool:
        """Return whether a price lies where every level is known. O(1)."""
        return self.bound is None or self.rank(price) <= self.bound

    def is_known_to(self, levels: int | None) -> bool:
        """Return whether the best ``levels`` (None: all) are known to be just that. O(log n)."""
        if self.bound is None:
            return True
        return levels is not None and levels <= len(self) and self.rank(self.at(levels - 1)[0]) <= self.bound

    def bound_price(self) -> int | None:
        """Return the worst known price, None when the side is known without limit; not for :data:`NOTHING`."""
        return None if self.bound is None else self.rank(self.bound)

    def require_room(self, price_scale: int, size_scale: int, new_price_scale: int, new_size_scale: int) -> None:
        """Raise ScaleError unless all that is stored fits in int64 at finer scales. O(1) for prices, O(n) for sizes."""
        if new_price_scale > price_scale:
            for rank in self._outermost():
                rescale(self.rank(rank), price_scale, new_price_scale)
        if new_size_scale > size_scale and len(self):
            rescale(max(cell.size for _, cell in self.walk()), size_scale, new_size_scale)

    def _outermost(self) -> list[int]:
        """The ranks among which the one furthest from zero must be."""
        ranks = [self.rank(self.at(index)[0]) for index in (0, -1)] if len(self) else []
        return ranks if self.bound in (None, NOTHING) else [*ranks, self.bound]

    def canonical(self, price_divisor: int, size_divisor: int) -> tuple[object, ...]:
        """Return what equality and the state hash compare: the bound, then price and cell of every level."""
        bound = self.bound if self.bound in (None, NOTHING) else self.bound // price_divisor
        rows = ((price // price_divisor, *cell.canonical(size_divisor)) for price, cell in self.walk())
        return (bound, tuple(rows))


class Ladder(Rungs[CellT]):
    """The levels of one side by rank, best first; ``bound`` is the rank of the worst known price, None when all are."""

    __slots__ = ("bound", "cells", "side")

    def __init__(self, side: Side, cells: Iterable[tuple[int, CellT]] = (), bound: int | None = None) -> None:
        self.side = side
        self.cells: SortedDict[int, CellT] = SortedDict(cells)
        self.bound = bound

    def __len__(self) -> int:
        return len(self.cells)

    def at(self, index: int) -> tuple[int, CellT]:
        """Return ``(price, cell)`` of the level at an index, best first. O(log n)."""
        rank, cell = self.cells.peekitem(index)
        return self.rank(rank), cell

    def walk(self, start: int = 0, stop: int | None = None, *, reverse: bool = False) -> Iterator[tuple[int, CellT]]:
        """Iterate over ``(price, cell)`` of a range of levels. O(log n + levels)."""
        for rank in self.cells.islice(start, stop, reverse):
            yield self.rank(rank), self.cells[rank]

    def get(self, price: int) -> CellT | None:
        """Return the level at a price. O(1)."""
        cell: CellT | None = self.cells.get(self.rank(price))
        return cell

    def put(self, price: int, cell: CellT) -> None:
        """Set the level at a price. O(log n)."""
        self.cells[self.rank(price)] = cell

    def check_order(self) -> None:
        """Raise AssertionError unless the levels stand in order."""
        self.cells._check()

    def fill(self, cells: Iterable[tuple[int, CellT]]) -> None:
        """Set many levels at once from pairs of price and cell. O(n log n)."""
        self.cells.update((self.rank(price), cell) for price, cell in cells)

    def drop(self, price: int) -> None:
        """Delete the level at a price; one that is not there is no error. O(log n)."""
        self.cells.pop(self.rank(price), None)

    def limit_to_worst(self, *, but: int = 0) -> None:
        """Say that the side is known to its worst level (``but`` so many levels) and no further. O(log n).

        Without levels nothing is known.
        """
        self.bound = self.cells.keys()[-1 - but] if len(self) > but else NOTHING

    def trim(self, depth: int) -> list[CellT]:
        """Keep the best ``depth`` levels and return the others. O(log n) for each that falls out, O(n) at most.

        What falls out was known a moment ago and is unknown from now on, so the bound moves up to the worst level
        kept. It never moves down: levels that were already beyond the bound say nothing about their neighbours.
        """
        if len(self) <= depth:
            return []
        first_dropped = self.cells.keys()[depth]
        dropped = [cell for _, cell in self.walk(depth)]
        if len(self) > 2 * depth:
            self.cells = SortedDict(islice(self.cells.items(), depth))
        while len(self) > depth:
            self.cells.popitem()
        if self.bound is None or first_dropped <= self.bound:
            self.bound = self.cells.keys()[depth - 1]
        return dropped

    def copy(self) -> Ladder[CellT]:
        """Return a ladder that shares nothing mutable with this one. O(n)."""
        return Ladder(self.side, ((rank, cell.copy()) for rank, cell in self.cells.items()), self.bound)

    def widen(self, price_factor: int, size_factor: int) -> None:
        """Multiply every price and size. O(n); order is kept, since the factors are positive."""
        pairs = [(rank * price_factor, cell.widened(price_factor, size_factor)) for rank, cell in self.cells.items()]
        self.cells = SortedDict(pairs)
        self.bound = self.bound if self.bound in (None, NOTHING) else self.bound * price_factor


def coarsest(scale: int, ticks: Iterable[int]) -> tuple[int, int]:
    """Return the smallest scale that holds every number exactly, and the divisor that leads there. O(n).

    >>> coarsest(3, [1500, 20]), coarsest(3, [])
    ((2, 10), (0, 1000))
    """
    common = math.gcd(*ticks)
    coarse = scale if common else 0
    while coarse and common % 10 == 0:
        common, coarse = common // 10, coarse - 1
    return coarse, 10 ** (scale - coarse)


def exact(mantissa: int, scale: int) -> Decimal:
    """Return a number for an error message: a Decimal without padding.

    >>> exact(12500, 3)
    Decimal('12.5')
    """
    coarse, divisor = coarsest(scale, (mantissa,))
    return to_decimal(mantissa // divisor, coarse)


def scaled(column: Sequence[int], scale: int, target: int) -> Sequence[int]:
    """Return a column at a finer scale. O(n).

    Raises:
        ScaleError: a number does not fit in int64 there.

    >>> scaled((15, 2), 1, 3)
    [1500, 200]
    """
    if scale == target or not column:
        return column
    for extreme in (min(column), max(column)):
        rescale(extreme, scale, target)
    factor = 10 ** (target - scale)
    return [mantissa * factor for mantissa in column]
