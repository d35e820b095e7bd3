"""Pictures to zoom into, with plotly: the extra ``interactive``.

The same data as in :mod:`orderbook.plot`, pooled before it is handed over, for a browser draws every cell that it is
given: a heatmap of a day must not become a file of 50 MB. Each function returns a ``plotly.graph_objects.Figure``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from orderbook._extras import require
from orderbook.analytics._levels import BookLike
from orderbook.analytics.grids import HeatmapGrid, PanelLike, depth_curve, heatmap_grid
from orderbook.plot._axes import (
    BUYER,
    COLOURS,
    SELLER,
    SIGNED,
    UNKNOWN,
    TradeColumns,
    colour_ends,
    decimals_of,
    marker_areas,
    moments,
    plain,
)
from orderbook.plot.depth import lines_of, span_of

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

__all__ = ("MAX_CELLS", "depth", "heatmap")

MAX_CELLS: Final = 1_000_000
"""Cells that a heatmap has at most: more make a browser wait."""


_KINDS: Final = (
    (1, "triangle-up", BUYER, "buyer"),
    (-1, "triangle-down", SELLER, "seller"),
    (0, "circle", "#999999", "trade"),
)


def depth(book: BookLike | PanelLike, *, n: int | None = None) -> Figure:
    """Return the running total of size on both sides of a book as a plotly figure. O(levels).

    See :func:`orderbook.plot.depth`.

    Raises:
        ValueError: ``n`` below 1, or a panel that has not one row.
        MissingExtra: plotly is not installed.

    >>> from orderbook import L2Book
    >>> book = L2Book("ETHUSDT")
    >>> book.apply_snapshot([("100.00", 5), ("99.99", 10)], [("100.02", 15)])
    >>> [(trace.name, trace.y.tolist()) for trace in depth(book).data]
    [('bids', [0.0, 5.0, 15.0, 15.0]), ('asks', [0.0, 15.0, 15.0])]
    """
    graph = require("plotly.graph_objects", extra="interactive")
    curve = depth_curve(book, n)
    figure = graph.Figure()
    for side, name, x, y, known in lines_of(curve):
        figure.add_scatter(
            x=x,
            y=y,
            name=name if known else f"{name} (no more known)",
            mode="lines",
            fill="tozeroy",
            line={"shape": "hv", "color": COLOURS[side]},
            hovertemplate="%{y} up to %{x}<extra>" + name + "</extra>",
        )
    figure.update_layout(
        title=getattr(book, "symbol", "") or "book",
        xaxis={"title": "price", "range": span_of(curve), "tickformat": ".12~g"},
        yaxis={"title": "size up to this price", "rangemode": "tozero"},
        template="plotly_white",
    )
    return figure


def heatmap(
    book: PanelLike | HeatmapGrid,
    trades: TradeColumns | None = None,
    *,
    tick: float | None = None,
    around: int | None = None,
) -> Figure:
    """Return a panel as a heatmap of sizes with trades on top, as a plotly figure. O(T N + cells).

    See :func:`orderbook.plot.heatmap`; pointing at a cell tells its size, negative on the ask side. A panel is pooled
    to at most 800 columns of 400 prices, a grid of your own may have :data:`MAX_CELLS`.

    Raises:
        ValueError: no row with a price, a price that is no multiple of ``tick``, or a grid with too many cells.
        MissingExtra: plotly is not installed.

    >>> from orderbook import Panel
    >>> panel = Panel("ETHUSDT", ts=[0, 10**9], state=[0, 0], bid_px=[[99], [98]], bid_sz=[[5], [4]],
    ...               ask_px=[[100], [100]], ask_sz=[[2], [3]])
    >>> figure = heatmap(panel)
    >>> figure.data[0].type, figure.data[0].customdata.tolist()[1]
    ('heatmap', [5.0, 0.0])
    """
    graph = require("plotly.graph_objects", extra="interactive")
    grid = book
    if not isinstance(grid, HeatmapGrid):
        grid = heatmap_grid(grid, tick=tick, around=around, columns=800, rows=400)
    if grid.values.size > MAX_CELLS:
        raise ValueError(f"a grid to be drawn in a browser has at most {MAX_CELLS:,} cells, not {grid.values.size:,}")
    figure = graph.Figure(_cells(graph, grid))
    if trades is not None:
        for trace in _trades(graph, grid, trades):
            figure.add_trace(trace)
    figure.update_layout(
        title=getattr(book, "symbol", ""),
        template="plotly_white",
        plot_bgcolor=UNKNOWN,
        # Markers at the edges would widen the axes.
        xaxis={"title": "UTC", "showgrid": False, "range": moments(grid.t_edges[[0, -1]])},
        yaxis={
            "title": "price",
            "showgrid": False,
            "range": grid.price_edges[[0, -1]],
            "tickformat": f".{decimals_of(grid.tick)}f",
        },
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "itemsizing": "constant"},
    )
    return figure


def _cells(graph: Any, grid: HeatmapGrid) -> Any:
    low, high = colour_ends(grid.values)
    signed = grid.side == "signed"
    marks = low * 10.0 ** np.arange(int(np.log10(high / low)) + 1)
    marks = np.concatenate((-marks[::-1], [0.0], marks)) if signed else np.append(0.0, marks)
    top = float(_logarithmic(np.array(high), low))
    return graph.Heatmap(
        x=moments(grid.t_edges),
        y=grid.price_edges,
        z=_logarithmic(grid.values, low),
        customdata=grid.values,
        zmin=-top if signed else 0,
        zmax=top,
        colorscale=_scale(grid),
        hoverongaps=False,
        hovertemplate="%{x}<br>price %{y}<br>size %{customdata:.6~g}<extra></extra>",
        colorbar={
            "title": "size",
            "tickvals": _logarithmic(marks, low),
            "ticktext": [plain(abs(mark), 2) for mark in marks],
        },
    )


def _logarithmic(sizes: Any, low: float) -> Any:
    """Sizes on a scale that is straight below ``low`` and logarithmic above, with their sign; plotly has none."""
    return np.sign(sizes) * np.log10(1 + np.abs(sizes) / low)


def _scale(grid: HeatmapGrid) -> list[tuple[float, str]]:
    middle = len(SIGNED) // 2
    colours: tuple[str, ...] = {
        "signed": SIGNED,
        "bid": SIGNED[middle:],
        "ask": SIGNED[middle::-1],
        "both": ("#FFFFFF", "#BDBDBD", "#636363", "#000000"),
    }[grid.side]
    return [(float(at), colour) for at, colour in zip(np.linspace(0, 1, len(colours)), colours, strict=True)]


def _trades(graph: Any, grid: HeatmapGrid, trades: TradeColumns) -> list[Any]:
    ts = np.asarray(trades.ts)
    inside = (ts >= grid.t_edges[0]) & (ts < grid.t_edges[-1])
    size, side = np.asarray(trades.size, np.float64), np.asarray(trades.side)
    # Plotly takes widths, which go with the square root of areas.
    widths = np.sqrt(marker_areas(np.where(inside, size, 0.0))) * 1.6
    traces = []
    for sign, symbol, colour, name in _KINDS:
        mine = inside & (side == sign)
        if not mine.any():
            continue
        marker = {"symbol": symbol, "color": colour, "size": widths[mine], "line": {"width": 0.5, "color": "black"}}
        traces.append(
            graph.Scattergl(
                x=moments(ts)[mine],
                y=np.asarray(trades.price)[mine],
                customdata=size[mine],
                mode="markers",
                marker=marker,
                name=name,
                hovertemplate="%{x}<br>%{customdata} at %{y}<extra>" + name + "</extra>",
            )
        )
    return traces
