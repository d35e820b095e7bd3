"""How rows of a panel are sorted into cells of time and price: what :mod:`orderbook.analytics.grids` is made of.

A row holds from its time to that of the next one. Cut at the edges of the columns, rows become *pieces*, each within
one column; then every level of a piece goes to its cell. Nothing loops over rows.
"""

from __future__ import annotations

from typing import Final, NamedTuple, Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

from orderbook.analytics._arguments import as_count
from orderbook.analytics.arrays._rows import NAN, Array, Floats, as_flags, as_levels, present
from orderbook.analytics.arrays._windows import as_stamps
from orderbook.analytics.prices import OFF_GRID
from orderbook.types import UNDEF_TIMESTAMP, BookState, Side

Ints: TypeAlias = npt.NDArray[np.int64]
Bools: TypeAlias = npt.NDArray[np.bool_]

_BLOCK: Final = 500_000
"""Levels that are sorted into cells at a time."""


class PanelLike(Protocol):
    """The columns of :class:`orderbook.Panel` that are read here."""

    @property
    def ts(self) -> Ints:
        """(T,) ns UTC, never falling."""

    @property
    def bid_px(self) -> Floats:
        """(T, N), best first; so are the others."""

    @property
    def bid_sz(self) -> Floats:
        """(T, N)."""

    @property
    def ask_px(self) -> Floats:
        """(T, N)."""

    @property
    def ask_sz(self) -> Floats:
        """(T, N)."""

    @property
    def state(self) -> npt.NDArray[np.uint8]:
        """(T,) codes of :class:`orderbook.BookState`."""

    @property
    def bids_known(self) -> Bools:
        """(T,) whether an absent bid is known to be absent."""

    @property
    def asks_known(self) -> Bools:
        """(T,) whether an absent ask is known to be absent."""


class Pieces(NamedTuple):
    """What rows and columns of time have in common: the row, the column, and for how many ns; by row, so by column."""

    row: Ints
    column: Ints
    ns: Ints


def as_times(ts: npt.ArrayLike) -> Ints:
    """Return times that never fall.

    Raises:
        ValueError: they do, or a row has none.
        TypeError: neither whole numbers nor ``datetime64``.
    """
    times = as_stamps(ts, "ts")
    if len(times) and (times[0] == UNDEF_TIMESTAMP or (np.diff(times) < 0).any()):
        raise ValueError("ts never falls, and every row has a time")
    return times


def columns_of(ts: Ints, t_edges: npt.ArrayLike | None, columns: int) -> tuple[Ints, Ints]:
    """Return the edges of the columns, and when each row ends. The last row lasts as long as rows mostly do.

    Raises:
        ValueError: no rows, fewer columns than one, or edges that do not rise.
        TypeError: edges that are neither whole numbers nor ``datetime64``.
    """
    count = as_count(columns, "columns")
    if not len(ts):
        raise ValueError("a panel without rows has nothing to show")
    steps = np.diff(ts)
    usual = max(int(np.median(steps)), 1) if len(steps) else 1
    ends = np.append(ts[1:], ts[-1] + usual)
    if t_edges is not None:
        edges = as_stamps(t_edges, "t_edges")
        if len(edges) < 2 or (np.diff(edges) <= 0).any():
            raise ValueError("t_edges are at least two times, rising")
        return edges, ends
    # No more columns than the shortest step fills: a regular panel gets one a row until there are too many.
    span, shortest = int(ends[-1] - ts[0]), int(steps[steps > 0].min(initial=usual))
    width = max(-(-span // count), shortest)
    edges = ts[0] + width * np.arange(-(-span // width) + 1)
    ends[-1] = edges[-1]
    return edges, ends


def pieces_of(ts: Ints, ends: Ints, edges: Ints, shown: Bools) -> Pieces:
    """Cut the rows at the edges; a row that another one follows at the same ns still counts, for no time."""
    first = np.searchsorted(edges, ts, "right") - 1
    last = np.maximum(np.searchsorted(edges, ends, "left") - 1, first)
    first, last = np.maximum(first, 0), np.minimum(last, len(edges) - 2)
    counts = np.where(shown & (ends >= edges[0]) & (ts < edges[-1]), np.maximum(last - first + 1, 0), 0)
    row = np.repeat(np.arange(len(ts)), counts)
    column = first[row] + np.arange(len(row)) - np.repeat(np.cumsum(counts) - counts, counts)
    ns = np.minimum(ends[row], edges[column + 1]) - np.maximum(ts[row], edges[column])
    return Pieces(row, column, np.maximum(ns, 0))


def proven(panel: PanelLike, reset: npt.ArrayLike | None) -> Bools:
    """Which rows may be shown until the next row: neither stale nor followed by what does not continue them."""
    state = np.asarray(panel.state)
    breaks = as_flags(reset, len(state))
    shown: Bools = (state != BookState.STALE) & ~np.append(breaks[1:], False)
    return shown


class PanelSide(NamedTuple):
    """One side of a panel: its levels; per row the best and the deepest price there is, in ticks, and the last tick
    up to which the row knows every level (infinite where it knows all, or nothing).
    """

    side: Side
    px: Floats
    sz: Floats
    best: Floats
    deepest: Floats
    bound: Floats
    tick: float

    def ticks(self, rows: Ints) -> tuple[Ints, Ints, Floats]:
        """Return the levels of some rows: which of the rows, the tick, the size.

        Raises:
            ValueError: a price is no multiple of the tick.
        """
        px, sz = self.px[rows], self.sz[rows]
        which, level = np.nonzero(present(px, sz))
        at = px[which, level] / self.tick
        whole = np.rint(at)
        off = np.abs(at - whole) > np.maximum(OFF_GRID, 4 * np.spacing(np.abs(at)))
        if off.any():
            raise ValueError(f"prices are multiples of tick, {self.tick!r}, and not {px[which, level][off][0]!r}")
        return which, whole.astype(np.int64), sz[which, level]


def side_of(panel: PanelLike, side: Side, tick: float) -> PanelSide:
    """Return one side of a panel, with its prices in ticks."""
    given = (panel.bid_px, panel.bid_sz) if side is Side.BID else (panel.ask_px, panel.ask_sz)
    px, sz = as_levels(*given)
    told = np.asarray(panel.bids_known if side is Side.BID else panel.asks_known, bool)
    there = present(px, sz)
    count = there.sum(axis=1)
    rows = np.arange(len(px))
    levels = px.shape[1]
    found = np.where(count > 0, px[rows, np.maximum(count - 1, 0)] if levels else NAN, NAN) / tick
    # A row with room left and nothing unknown has no more levels; a side of which nothing is known begins nowhere.
    bound = np.where(told & (count < levels), -side * np.inf, np.where(count > 0, np.rint(found), side * np.inf))
    best = np.where(count > 0, px[:, 0] if levels else NAN, NAN) / tick
    return PanelSide(side, px, sz, best, found, bound, tick)


def at_ends(pieces: Pieces, ends: Ints, edges: Ints) -> Pieces:
    """The pieces that are in force when their column ends."""
    last = np.append(pieces.column[1:] != pieces.column[:-1], True) if len(pieces.row) else np.zeros(0, bool)
    last &= ends[pieces.row] >= edges[pieces.column + 1]
    return Pieces(*(values[last] for values in pieces))


class Cells:
    """Sorts the levels of pieces into cells."""

    def __init__(self, pieces: Pieces, tick_edges: Ints, columns: int, *, by_time: bool) -> None:
        self.pieces = pieces
        self.first, self.width = int(tick_edges[0]), int(tick_edges[1] - tick_edges[0])
        self.shape = (len(tick_edges) - 1, columns)
        self.by_time = by_time

    def of(self, side: PanelSide) -> Floats:
        """The sizes of one side, NaN where they are not known."""
        known, sizes = self._known(side), self._sizes(side)
        with np.errstate(invalid="ignore"):
            scaled = sizes / known if self.by_time else sizes
        return np.where(known > 0, scaled, NAN)

    def _sizes(self, side: PanelSide) -> Floats:
        """The largest size in each cell, or the sum of sizes times ns."""
        count, columns = self.shape
        out = np.zeros(count * columns)
        step = max(_BLOCK // max(side.px.shape[1], 1), 1)
        for start in range(0, len(self.pieces.row), step):
            row, column, ns = (values[start : start + step] for values in self.pieces)
            which, ticks, sizes = side.ticks(row)
            bins = (ticks - self.first) // self.width
            inside = (bins >= 0) & (bins < count)
            which, bins, sizes = _added(which[inside], bins[inside], sizes[inside])
            cell = bins * columns + column[which]
            if self.by_time:
                np.add.at(out, cell, sizes * ns[which])
            else:
                np.maximum.at(out, cell, sizes)
        return out.reshape(self.shape)

    def _known(self, side: PanelSide) -> Ints:
        """In how many pieces, or for how many ns, each cell was within what the side knows."""
        count, columns = self.shape
        row, column, ns = self.pieces
        bound = np.floor((side.bound[row] - self.first) / self.width)
        # Bids are known from the bound upwards, asks up to the bound.
        begin = np.clip(bound, 0, count).astype(np.int64) if side.side is Side.BID else np.zeros(len(row), np.int64)
        end = np.full(len(row), count) if side.side is Side.BID else np.clip(bound + 1, 0, count).astype(np.int64)
        weight = ns if self.by_time else np.ones(len(row), np.int64)
        change = np.zeros((count + 1, columns), np.int64)
        np.add.at(change, (begin, column), weight)
        np.add.at(change, (end, column), -weight)
        known: Ints = np.cumsum(change, axis=0)[:count]
        return known


def _added(which: Ints, bins: Ints, sizes: Array) -> tuple[Ints, Ints, Array]:
    """Add up the levels of one row that share a bin: they are neighbours, for levels are in order of price."""
    if not len(bins):
        return which, bins, sizes
    begins = np.flatnonzero(np.append(True, (np.diff(which) != 0) | (np.diff(bins) != 0)))
    return which[begins], bins[begins], np.add.reduceat(sizes, begins)
