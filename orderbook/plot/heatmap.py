"""The book over time: price up, time to the right, size as colour, and the trades on top."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from orderbook._extras import require
from orderbook.analytics.grids import HeatmapGrid, PanelLike, heatmap_grid
from orderbook.plot._axes import (
    BUYER,
    INK,
    SELLER,
    UNKNOWN,
    TradeColumns,
    axes_or_new,
    colour_ends,
    hatch_times,
    marker_areas,
    moments,
    plain,
    price_axis,
    signed_colours,
    time_axis,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ("heatmap",)


def heatmap(
    book: PanelLike | HeatmapGrid,
    trades: TradeColumns | None = None,
    *,
    tick: float | None = None,
    around: int | None = None,
    colorbar: bool = True,
    ax: Axes | None = None,
) -> Axes:
    """Draw a panel as a heatmap of sizes, with trades on top, and return the axes (``ax.images`` has the image).

    Bids are blue, asks orange, on a logarithmic scale of size; white is no size. Prices that nobody knows, beyond the
    last level of the panel, are grey; time without a proven book is hatched, and where it is shorter than a column of
    the picture it is a dark mark at the bottom edge. Each column shows the largest size that stood at a price within
    it, and there are no more columns than the axes have pixels, so that a wall that stood for a moment is not lost.

    ``trades`` has ``ts``, ``price``, ``size`` and ``side`` (:func:`orderbook.analytics.trades_of`): a triangle points
    up for a buyer and down for a seller, a dot is a trade without a side; areas are in proportion to size.

    ``tick`` and ``around`` are those of :func:`orderbook.analytics.heatmap_grid`; for its other options make the grid
    there and give it here in place of the panel. O(T N + pixels).

    Raises:
        ValueError: no row with a price, or a price that is no multiple of ``tick``.
        MissingExtra: matplotlib is not installed.

    >>> from matplotlib.figure import Figure
    >>> from orderbook import Panel
    >>> panel = Panel("ETHUSDT", ts=[0, 10**9], state=[0, 0], bid_px=[[99], [98]], bid_sz=[[5], [4]],
    ...               ask_px=[[100], [100]], ask_sz=[[2], [3]])
    >>> ax = heatmap(panel, ax=Figure().subplots())
    >>> tuple(map(float, ax.get_ylim())), ax.images[0].get_array().shape
    ((97.5, 101.5), (4, 2))
    """
    ax = axes_or_new(ax, 9.0, 5.0)
    grid = book if isinstance(book, HeatmapGrid) else _grid_for(ax, book, tick, around)
    dates = require("matplotlib.dates", extra="plot")
    times, prices = dates.date2num(moments(grid.t_edges)), grid.price_edges
    ax.set_facecolor(UNKNOWN)
    image = ax.pcolorfast(times, prices, grid.values, cmap=_colours(grid), norm=_norm(grid))
    _mark_gaps(ax, grid, times)
    ax.xaxis_date(tz="UTC")
    time_axis(ax)
    price_axis(ax.yaxis, grid.tick)
    if trades is not None:
        _draw_trades(ax, grid, trades)
    ax.set(xlim=(times[0], times[-1]), ylim=(prices[0], prices[-1]), ylabel="price")
    ax.set_title(getattr(book, "symbol", ""), loc="left")
    if colorbar:
        _draw_scale(ax, grid, image)
    return ax


def _grid_for(ax: Axes, panel: PanelLike, tick: float | None, around: int | None) -> HeatmapGrid:
    """As many cells as the axes have pixels: matplotlib would leave out columns where there are more."""
    extent = ax.get_window_extent()
    columns, rows = (max(int(0.85 * pixels), 16) for pixels in (extent.width, extent.height))
    return heatmap_grid(panel, tick=tick, around=around, columns=columns, rows=rows)


def _colours(grid: HeatmapGrid) -> Any:
    whole = signed_colours()
    if grid.side == "signed":
        return whole
    # One side is one half of the map; both sides as they are have the colour of neither.
    colors = require("matplotlib.colors", extra="plot")
    if grid.side == "both":
        steps: Any = ("#FFFFFF", "#BDBDBD", "#636363", "#000000")
    else:
        steps = whole(np.linspace(0.5, 1.0 if grid.side == "bid" else 0.0, 64))
    return colors.LinearSegmentedColormap.from_list(grid.side, steps).with_extremes(bad=(0, 0, 0, 0))


def _norm(grid: HeatmapGrid) -> Any:
    colors = require("matplotlib.colors", extra="plot")
    low, high = colour_ends(grid.values)
    return colors.SymLogNorm(low, linscale=0.6, vmin=-high if grid.side == "signed" else 0, vmax=high)


def _draw_scale(ax: Axes, grid: HeatmapGrid, image: Any) -> None:
    """The colour bar: sizes at whole powers of ten, without a sign, for the side tells it."""
    low, high = colour_ends(grid.values)
    decades = 10.0 ** np.arange(np.ceil(np.log10(low)), np.floor(np.log10(high)) + 1)
    marks = np.unique(np.concatenate(([0.0], decades, [high])))
    # The last decade may stand too close to the end of the scale to be read.
    marks = np.delete(marks, -2) if len(marks) > 2 and high / marks[-2] < 2.5 else marks
    if grid.side == "signed":
        marks = np.concatenate((-marks[:0:-1], marks))
    bar = ax.figure.colorbar(image, ax=ax, pad=0.015, ticks=marks, extend="both" if grid.side == "signed" else "max")
    bar.ax.set_yticklabels([plain(abs(mark), 2) for mark in marks])
    bar.ax.minorticks_off()
    bar.set_label({"signed": "ask size      |      bid size", "both": "size"}.get(grid.side, f"{grid.side} size"))


def _mark_gaps(ax: Axes, grid: HeatmapGrid, times: Any) -> None:
    """Hatch the columns without a proven book, and mark those where a part of the time is without one."""
    whole, part = ([*zip(times[:-1][which], np.diff(times)[which], strict=True)] for which in _gaps(grid))
    hatch_times(ax, whole)
    if part:
        ax.broken_barh(part, (0, 0.018), transform=ax.get_xaxis_transform(), color=INK, linewidth=0, zorder=3)


def _gaps(grid: HeatmapGrid) -> tuple[Any, Any]:
    return grid.known == 0, (grid.known > 0) & (grid.known < 1)


def _draw_trades(ax: Axes, grid: HeatmapGrid, trades: TradeColumns) -> None:
    ts, price = np.asarray(trades.ts), np.asarray(trades.price, np.float64)
    low, high = grid.price_edges[0], grid.price_edges[-1]
    inside = (ts >= grid.t_edges[0]) & (ts < grid.t_edges[-1]) & (price >= low) & (price <= high)
    areas = marker_areas(np.asarray(trades.size, np.float64)[inside])
    times, price, side = moments(ts)[inside], price[inside], np.asarray(trades.side)[inside]
    # The largest first, so that none hides a smaller one.
    order = np.argsort(-areas, kind="stable")
    kinds = ((1, "^", BUYER, "buyer"), (-1, "v", SELLER, "seller"), (0, "o", "#999999", "trade"))
    for sign, marker, colour, name in kinds:
        mine = order[side[order] == sign]
        if len(mine):
            ax.scatter(
                *(times[mine], price[mine], areas[mine]),
                marker=marker,
                color=colour,
                edgecolor="black",
                linewidth=0.3,
                label=name,
                zorder=4,
            )
    if inside.any():
        legend = ax.legend(loc="lower right", bbox_to_anchor=(1, 1), ncols=3, frameon=False, borderaxespad=0.2)
        handles: list[Any] = list(legend.legend_handles)
        for handle in handles:
            handle.set_sizes([40.0])
