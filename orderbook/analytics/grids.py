"""Books and panels made ready to be looked at: arrays that a picture shows as they are. Nothing is drawn here.

:func:`heatmap_grid` turns a panel into a picture's cells: price up, time to the right. It keeps the largest size of
what falls into one cell (an average would erase a wall that stands for a moment), holds each row until the next one
and never interpolates, and tells apart *no size* (0) from *not known* (NaN). :func:`envelope` does the same for a
line. :func:`depth_curve` and :func:`ladder_rows` are the two ways to see one moment.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final, Literal, NamedTuple, TypeAlias, TypeGuard, cast

import numpy as np
import numpy.typing as npt

from orderbook.analytics._arguments import as_count, as_finite, as_positive, one_of
from orderbook.analytics._levels import BookLike, is_known_to
from orderbook.analytics._pooling import (
    Cells,
    Ints,
    PanelLike,
    PanelSide,
    as_times,
    at_ends,
    columns_of,
    pieces_of,
    proven,
    side_of,
)
from orderbook.analytics.arrays._rows import NAN, Floats, as_levels, present
from orderbook.types import Level, Side

__all__ = (
    "DepthCurve",
    "Envelope",
    "GridAggregate",
    "GridSide",
    "HeatmapGrid",
    "LadderRow",
    "PanelLike",
    "depth_curve",
    "envelope",
    "heatmap_grid",
    "ladder_rows",
    "price_step",
)

GridAggregate: TypeAlias = Literal["max", "last", "time_mean"]
"""What a cell keeps of its time: the largest size, the size at its end, or the mean weighted by time."""

GridSide: TypeAlias = Literal["signed", "both", "bid", "ask"]
"""What a cell shows: bids above and asks below 0, both as they are, or one side."""


_SIDES: Final = (Side.BID, Side.ASK)

_MAX_DIGITS: Final = 12
_MAX_WHOLE: Final = 2.0**53


# ---- one moment ------------------------------------------------------------------------------------------------------


class DepthCurve(NamedTuple):
    """How much size stands up to each price: prices best first, and the running totals of size, per side.

    ``bids_known`` and ``asks_known`` say whether the curve is flat beyond its last price; if not, more may stand there.

    >>> DepthCurve(*map(np.array, ([100.0], [5.0], [101.0], [2.0])), True, False).asks_known
    False
    """

    bid_px: Floats
    bid_total: Floats
    ask_px: Floats
    ask_total: Floats
    bids_known: bool
    asks_known: bool


class LadderRow(NamedTuple):
    """One line of a price ladder.

    ``count`` is None where the feed has no order counts; ``total`` is the size from the best level to this one,
    ``share`` the size as a share of the largest one shown.

    >>> LadderRow(Side.ASK, 101.0, 2.0, None, 2.0, 1.0).side.name
    'ASK'
    """

    side: Side
    price: float
    size: float
    count: int | None  # type: ignore[assignment]  # the field's word, as in Level
    total: float
    share: float


def depth_curve(book: BookLike | PanelLike, n: int | None = None) -> DepthCurve:
    """Return the running totals of size of both sides, best first. O(levels).

    ``book`` is a book, a view of one, or a panel of one row; ``n`` limits the levels a side. A side without levels is
    two empty arrays.

    Raises:
        ValueError: ``n`` below 1, or a panel that has not one row.

    >>> from orderbook import L2Book
    >>> book = L2Book()
    >>> book.apply_snapshot([("100.00", 5), ("99.99", 10)], [("100.02", 15)])
    >>> curve = depth_curve(book)
    >>> curve.bid_px.tolist(), curve.bid_total.tolist(), curve.bids_known
    ([100.0, 99.99], [5.0, 15.0], True)
    """
    moment = _moment_of(book)
    (bid_px, bid_total, bids_known), (ask_px, ask_total, asks_known) = (_curve(moment, side, n) for side in _SIDES)
    return DepthCurve(bid_px, bid_total, ask_px, ask_total, bids_known, asks_known)


def _curve(moment: BookLike, side: Side, n: int | None) -> tuple[Floats, Floats, bool]:
    rows = moment.bids if side is Side.BID else moment.asks
    taken = _best(rows, n)
    prices = np.array([float(row.price) for row in taken])
    totals: Floats = np.cumsum([float(row.size) for row in taken], dtype=np.float64)
    return prices, totals, len(taken) == len(rows) and is_known_to(moment, side, -side * np.inf)


def ladder_rows(book: BookLike | PanelLike, n: int = 10) -> list[LadderRow]:
    """Return the best ``n`` levels of both sides from the highest ask down to the lowest bid. O(n).

    ``book`` is a book, a view of one, or a panel of one row.

    Raises:
        ValueError: ``n`` below 1, or a panel that has not one row.

    >>> from orderbook import L2Book
    >>> book = L2Book()
    >>> book.apply_snapshot([("100.00", 5), ("99.99", 10)], [("100.02", 20)])
    >>> [(row.side.name, row.price, row.total, row.share) for row in ladder_rows(book)]
    [('ASK', 100.02, 20.0, 1.0), ('BID', 100.0, 5.0, 0.25), ('BID', 99.99, 15.0, 0.5)]
    """
    moment = _moment_of(book)
    sides = ((Side.ASK, _best(moment.asks, n)), (Side.BID, _best(moment.bids, n)))
    largest = max((float(row.size) for _, rows in sides for row in rows), default=1.0)
    asks, bids = (list(_ladder(side, rows, largest)) for side, rows in sides)
    return [*reversed(asks), *bids]


def _ladder(side: Side, rows: Iterable[Level], largest: float) -> Iterable[LadderRow]:
    total = 0.0
    for row in rows:
        size = float(row.size)
        total += size
        yield LadderRow(side, float(row.price), size, row.count, total, size / largest)


def _best(rows: Any, n: int | None) -> list[Level]:
    return list(rows if n is None else rows[: as_count(n, "n")])


class _Moment(NamedTuple):
    """One row of a panel as a view: with the fields by which a view says how far it is known."""

    bids: list[Level]
    asks: list[Level]
    levels: int
    bids_known: bool
    asks_known: bool


def _is_panel(book: BookLike | PanelLike) -> TypeGuard[PanelLike]:
    return hasattr(book, "bid_px")


def _moment_of(book: BookLike | PanelLike) -> BookLike:
    return _row_of(book) if _is_panel(book) else cast("BookLike", book)


def _row_of(panel: PanelLike) -> _Moment:
    if len(panel.ts) != 1:
        raise ValueError(f"this shows one moment, not {len(panel.ts)} rows of a panel: choose one, panel[i : i + 1]")
    sides = [as_levels(panel.bid_px, panel.bid_sz), as_levels(panel.ask_px, panel.ask_sz)]
    bids, asks = (
        [Level(*pair) for pair in zip(px[present(px, sz)].tolist(), sz[present(px, sz)].tolist(), strict=True)]
        for px, sz in sides
    )
    return _Moment(bids, asks, sides[0][0].shape[1], bool(panel.bids_known[0]), bool(panel.asks_known[0]))


# ---- time ------------------------------------------------------------------------------------------------------------


class Envelope(NamedTuple):
    """The lowest and highest value of a line within each column of time; NaN in a column without any.

    >>> Envelope(np.array([0, 10]), np.array([1.0]), np.array([2.0])).high.tolist()
    [2.0]
    """

    t_edges: Ints
    low: Floats
    high: Floats


def envelope(ts: npt.ArrayLike, values: npt.ArrayLike, *, columns: int = 1200) -> Envelope:
    """Return between what values a step line runs in each of about ``columns`` equal columns of time. O(T + columns).

    A value holds until the next one; NaN is a gap. A long line is drawn as the area between ``low`` and ``high``, which
    keeps every spike, where taking every k-th value would lose most.

    Raises:
        ValueError: no rows, falling times, or ``columns`` below 1.
        TypeError: ``ts`` is neither int ns nor ``datetime64``.

    >>> envelope([0, 10, 20, 30], [1.0, 9.0, 2.0, np.nan], columns=2)
    Envelope(t_edges=array([ 0, 20, 40]), low=array([1., 2.]), high=array([9., 2.]))
    """
    times, line = as_times(ts), np.asarray(values, np.float64)
    if line.shape != times.shape:
        raise ValueError(f"values have one number a row, {times.shape}, not {line.shape}")
    edges, ends = columns_of(times, None, columns)
    pieces = pieces_of(times, ends, edges, np.isfinite(line))
    low, high = np.full(len(edges) - 1, NAN), np.full(len(edges) - 1, NAN)
    np.fmin.at(low, pieces.column, line[pieces.row])
    np.fmax.at(high, pieces.column, line[pieces.row])
    return Envelope(edges, low, high)


# ---- price and time --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, eq=False)
class HeatmapGrid:
    """Sizes by price and time, ready to be drawn.

    * ``values`` (P, C) float32, the lowest price first: sizes, 0 where none stood, NaN where nobody knows;
    * ``t_edges`` (C + 1,) ns UTC: column ``c`` spans ``t_edges[c] <= t < t_edges[c + 1]``;
    * ``tick_edges`` (P + 1,) ints: row ``p`` spans the ticks ``tick_edges[p] <= k < tick_edges[p + 1]``, each of price
      ``k * tick``;
    * ``known`` (C,) the share of each column's time with a proven book: below 1 hides a gap that is narrower than the
      column;
    * ``tick``, ``side``: as they were chosen.
    """

    values: npt.NDArray[np.float32]
    t_edges: Ints
    tick_edges: Ints
    known: Floats
    tick: float
    side: GridSide

    @property
    def price_edges(self) -> Floats:
        """(P + 1,) prices between the rows: half a tick beside the prices themselves. O(P)."""
        return np.asarray((self.tick_edges - 0.5) * self.tick, np.float64)


def heatmap_grid(
    panel: PanelLike,
    *,
    tick: float | None = None,
    around: int | None = None,
    prices: tuple[float, float] | None = None,
    columns: int = 1200,
    rows: int = 600,
    t_edges: npt.ArrayLike | None = None,
    agg: GridAggregate = "max",
    side: GridSide = "signed",
    reset: npt.ArrayLike | None = None,
) -> HeatmapGrid:
    """Return how much size stood at each price over time, in at most about ``rows`` x ``columns`` cells.

    A row of the panel holds until the next one (the last as long as rows mostly do). A column of time keeps the largest
    size of each price by default (``agg``). Where the prices need more than ``rows`` rows, neighbouring ticks share a
    row and their sizes at one moment are added. ``signed`` has bids above 0 and asks below; where one cell has seen
    both, the larger one counts.

    NaN is what nobody knows: before the first row, while the book is stale, between a row and one that does not
    continue it (``reset``), and beyond the last level of a row that has no room left or says that it is not known.

    ``tick`` is the step between prices, by default :func:`price_step`. The prices shown are ``prices`` (lowest,
    highest), or those within ``around`` ticks of any mid; by default that reaches as far as nine rows of ten do, so
    that a stray level far out makes no picture flat. ``t_edges`` replaces the equal columns.

    O(T N + cells) time; memory of the cells and of one block of rows.

    Raises:
        ValueError: no row with a price; a price between ticks; falling times; an option that is none.
        TypeError: ``t_edges`` are neither int ns nor ``datetime64``.

    >>> from orderbook import Panel
    >>> panel = Panel(ts=[0, 10, 20], state=[0, 0, 6], bid_px=[[99], [98], [np.nan]], bid_sz=[[5], [4], [0]],
    ...               ask_px=[[100], [100], [np.nan]], ask_sz=[[2], [3], [0]])
    >>> grid = heatmap_grid(panel, tick=1, prices=(98, 100))
    >>> grid.values
    array([[nan,  4., nan],
           [ 5.,  0., nan],
           [-2., -3., nan]], dtype=float32)
    >>> grid.t_edges.tolist(), grid.tick_edges.tolist(), grid.known.tolist()
    ([0, 10, 20, 30], [98, 99, 100, 101], [1.0, 1.0, 0.0])
    """
    one_of(agg, GridAggregate, "agg")
    one_of(side, GridSide, "side")
    step = price_step(panel) if tick is None else as_positive(tick, "tick")
    ts = as_times(panel.ts)
    edges, ends = columns_of(ts, t_edges, columns)
    sides = {name: side_of(panel, name, step) for name in _SIDES}
    tick_edges = _tick_edges(*_span(sides, step, around, prices), as_count(rows, "rows"))
    pieces = pieces_of(ts, ends, edges, proven(panel, reset))
    known = np.bincount(pieces.column, pieces.ns, len(edges) - 1) / np.diff(edges)
    if agg == "last":
        pieces = at_ends(pieces, ends, edges)
    cells = Cells(pieces, tick_edges, len(edges) - 1, by_time=agg == "time_mean")
    values = _chosen(side, cells, sides).astype(np.float32)
    return HeatmapGrid(values, edges, tick_edges, known, step, side)


def price_step(panel: PanelLike) -> float:
    """Return the largest step of which all prices of a panel are multiples: its tick, or a multiple of it. O(T N).

    A panel does not say its tick. Where few prices were seen this may be a multiple of the real one, which is as good
    for a picture and for nothing else.

    Raises:
        ValueError: no prices, or prices that no step of 12 decimal digits divides (averages, say).

    >>> from types import SimpleNamespace
    >>> price_step(SimpleNamespace(bid_px=np.array([[99.5, 98.75]]), ask_px=np.array([[100.0, np.nan]])))
    0.25
    """
    both = [np.asarray(side, np.float64).ravel() for side in (panel.bid_px, panel.ask_px)]
    prices = np.concatenate([side[np.isfinite(side)] for side in both])
    if not len(prices):
        raise ValueError("the panel has no row with a price")
    for digits in range(_MAX_DIGITS + 1):
        units = np.rint(prices * 10.0**digits)
        if np.abs(units).max() > _MAX_WHOLE:
            break  # no float is finer than one of these, so any number of digits would do
        # A price is the float nearest to its decimal text; dividing back meets it exactly if the digits are enough.
        if (units / 10.0**digits == prices).all():
            step = int(np.gcd.reduce(units.astype(np.int64)))
            alone = step == 0 or (units == units[0]).all()
            return float((1 if alone else step) / 10.0**digits)
    raise ValueError("tick is needed: the prices have no common step")


def _span(
    sides: dict[Side, PanelSide], tick: float, around: int | None, prices: tuple[float, float] | None
) -> tuple[int, int]:
    """The lowest and highest tick to show."""
    if prices is not None:
        if around is not None:
            raise ValueError("give around or prices, not both")
        low, high = (round(as_finite(price, "a price of prices") / tick) for price in prices)
        if low > high:
            raise ValueError(f"prices are the lowest and the highest, not {prices!r}")
        return low, high
    bid, ask = sides[Side.BID], sides[Side.ASK]
    # Of a one-sided row the best price there is stands for the mid.
    centre = np.where(np.isnan(bid.best), ask.best, np.where(np.isnan(ask.best), bid.best, (bid.best + ask.best) / 2))
    seen = np.isfinite(centre)
    if not seen.any():
        raise ValueError("the panel has no row with a price")
    if around is None:
        reach = np.fmax(centre - bid.deepest, ask.deepest - centre)[seen]
        around = max(int(np.ceil(np.quantile(reach, 0.9))), 1)
    k = as_count(around, "around")
    return int(np.floor(centre[seen].min())) - k, int(np.ceil(centre[seen].max())) + k


def _tick_edges(low: int, high: int, rows: int) -> Ints:
    """Equal rows of whole ticks."""
    width = -(-(high - low + 1) // rows)
    return np.arange(low, high + width + 1, width, dtype=np.int64)


def _chosen(side: GridSide, cells: Cells, sides: dict[Side, PanelSide]) -> Floats:
    """One side, or of both the larger one."""
    if side in ("bid", "ask"):
        return cells.of(sides[Side(side)])
    bids, asks = cells.of(sides[Side.BID]), cells.of(sides[Side.ASK])
    # A size that was seen is there whatever is known of the other side; that there is none needs both.
    unknown = np.isnan(bids) & ~(asks > 0) | np.isnan(asks) & ~(bids > 0)
    larger = np.where(np.nan_to_num(bids) >= np.nan_to_num(asks), bids, -asks if side == "signed" else asks)
    return np.where(unknown, NAN, larger)
