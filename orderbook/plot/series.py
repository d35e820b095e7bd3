"""Lines over time: the best prices, the imbalance, the order flow."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from orderbook._extras import require
from orderbook.analytics._arguments import as_count
from orderbook.analytics.arrays.flow import ofi as flow_of
from orderbook.analytics.arrays.flow import ofi_window
from orderbook.analytics.arrays.imbalance import imbalance as imbalance_of
from orderbook.analytics.arrays.prices import weighted_mid
from orderbook.analytics.grids import PanelLike, envelope
from orderbook.plot._axes import COLOURS, INK, axes_or_new, hatch_times, moments, time_axis
from orderbook.types import BookState, Side

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ("imbalance", "ofi", "prices")

_PER_PIXEL: Final = 4
"""Rows a pixel from which a line is drawn as the area that it covers."""


def prices(panel: PanelLike, *, micro: npt.ArrayLike | None = None, ax: Axes | None = None) -> Axes:
    """Draw best bid, best ask, the spread as a ribbon between them, and a fair price, and return the axes. O(T).

    The fair price is ``micro`` (one a row, such as :func:`orderbook.analytics.arrays.microprice` gives) or else the
    weighted mid of the best level. Prices hold until the next row; where the book is stale the ground is hatched, and
    where a side is empty its line stops. Where the book is crossed the ribbon is red.

    Raises:
        ValueError: no rows, falling times, or ``micro`` of another length.
        MissingExtra: matplotlib is not installed.

    >>> from matplotlib.figure import Figure
    >>> from orderbook import Panel
    >>> panel = Panel("ETHUSDT", ts=[0, 10**9], state=[0, 0], bid_px=[[99], [98]], bid_sz=[[5], [4]],
    ...               ask_px=[[100], [100]], ask_sz=[[5], [4]])
    >>> ax = prices(panel, ax=Figure().subplots())
    >>> [(line.get_label(), line.get_ydata().tolist()) for line in ax.lines]
    [('ask', [100.0, 100.0]), ('bid', [99.0, 98.0]), ('weighted mid', [99.5, 99.0])]
    """
    sides = ((panel.bid_px, panel.bid_sz), (panel.ask_px, panel.ask_sz))
    bid, ask = (np.where(sz[:, 0] > 0, px[:, 0], np.nan) for px, sz in sides)
    name, fair = "micro-price", micro
    if fair is None:
        name, fair = "weighted mid", weighted_mid(panel.bid_px, panel.bid_sz, panel.ask_px, panel.ask_sz)
    ax = axes_or_new(ax, 9.0, 4.0)
    bids, asks, spreads = (_line(ax, panel, values) for values in (bid, ask, ask - bid))
    crossed = spreads.low < 0
    for where, colour, alpha in ((~crossed, "#8C8C8C", 0.22), (crossed, "#CC0000", 0.5)):
        if where.any():
            ax.fill_between(
                bids.times, bids.low, asks.high, where=where, step="post", color=colour, alpha=alpha, linewidth=0
            )
    _draw(ax, asks, COLOURS[Side.ASK], "ask")
    _draw(ax, bids, COLOURS[Side.BID], "bid")
    _draw(ax, _line(ax, panel, np.asarray(fair, np.float64)), INK, name, 0.8)
    ax.ticklabel_format(axis="y", useOffset=False)
    _finish(ax, panel, "price")
    ax.set_title(getattr(panel, "symbol", ""), loc="left")
    ax.legend(loc="lower right", bbox_to_anchor=(1, 1), ncols=3, frameon=False, borderaxespad=0.2)
    return ax


def imbalance(panel: PanelLike, depth: int | None = 1, *, ax: Axes | None = None) -> Axes:
    """Draw the imbalance of the best ``depth`` levels (None: all) over time, and return the axes. O(T N).

    ``(B - A) / (B + A)`` with bid size ``B`` and ask size ``A`` (:func:`orderbook.analytics.arrays.imbalance`): blue
    above 0 is bid heavy, orange below is ask heavy. Where it is undefined there is no line.

    Raises:
        ValueError: no rows, falling times, or ``depth`` below 1.
        MissingExtra: matplotlib is not installed.

    >>> from matplotlib.figure import Figure
    >>> from orderbook import Panel
    >>> panel = Panel("ETHUSDT", ts=[0, 10**9], state=[0, 0], bid_px=[[99], [98]], bid_sz=[[6], [4]],
    ...               ask_px=[[100], [100]], ask_sz=[[2], [4]])
    >>> imbalance(panel, ax=Figure().subplots()).lines[0].get_ydata().tolist()
    [0.5, 0.0]
    """
    values = imbalance_of(panel.bid_sz, panel.ask_sz, depth)
    ax = axes_or_new(ax, 9.0, 2.6)
    line = _line(ax, panel, values)
    _draw(ax, line, INK, "imbalance", 0.7)
    for side, low, high in (
        (Side.BID, np.zeros_like(line.high), np.maximum(line.high, 0)),
        (Side.ASK, np.minimum(line.low, 0), np.zeros_like(line.low)),
    ):
        # Where the imbalance is NaN there is nothing to fill.
        told = np.isfinite(line.low)
        ax.fill_between(line.times, low, high, where=told, step="post", color=COLOURS[side], alpha=0.4, linewidth=0)
    ax.axhline(0, color=INK, linewidth=0.6, zorder=0.4)  # a gap hides it
    ax.set_ylim(-1.05, 1.05)
    levels = "all levels" if depth is None else "best level" if depth == 1 else f"best {depth} levels"
    _finish(ax, panel, f"imbalance\n{levels}")
    return ax


def ofi(panel: PanelLike, *, bins: int = 120, reset: npt.ArrayLike | None = None, ax: Axes | None = None) -> Axes:
    """Draw the order flow imbalance of the best level, summed in ``bins`` equal spans of time, and return the axes.

    Each bar is the sum of :func:`orderbook.analytics.arrays.ofi` over the rows in it, in units of size: blue above 0
    is buying pressure. Nothing is differenced across a gap; a span without a defined row has no bar. O(T + bins).

    Raises:
        ValueError: no rows, falling times, or ``bins`` below 1.
        MissingExtra: matplotlib is not installed.

    >>> from matplotlib.figure import Figure
    >>> from orderbook import Panel
    >>> panel = Panel("ETHUSDT", ts=[0, 10**9], state=[0, 0], bid_px=[[99], [99]], bid_sz=[[5], [9]],
    ...               ask_px=[[100], [100]], ask_sz=[[2], [3]])
    >>> [float(bar.get_height()) for bar in ofi(panel, bins=1, ax=Figure().subplots()).patches]
    [3.0]
    """
    ts = np.asarray(panel.ts, np.int64)
    flows = flow_of(panel.bid_px, panel.bid_sz, panel.ask_px, panel.ask_sz, reset)
    edges = _edges(ts, as_count(bins, "bins"))
    sums = ofi_window(flows, ts, edges)
    ax = axes_or_new(ax, 9.0, 2.6)
    dates = require("matplotlib.dates", extra="plot").date2num(moments(edges))
    told = np.isfinite(sums)
    colours = np.where(sums >= 0, COLOURS[Side.BID], COLOURS[Side.ASK])
    ax.bar(dates[:-1][told], sums[told], np.diff(dates)[told], align="edge", color=colours[told], linewidth=0)
    ax.axhline(0, color=INK, linewidth=0.6, zorder=0.4)  # a gap hides it
    _finish(ax, panel, "order flow\nimbalance")
    return ax


class _Line(NamedTuple):
    """A step line: as it is, with ``low`` and ``high`` alike, or what it covers in each pixel."""

    times: npt.NDArray[np.datetime64]
    low: npt.NDArray[np.float64]
    high: npt.NDArray[np.float64]
    pooled: bool


def _line(ax: Axes, panel: PanelLike, values: npt.NDArray[np.float64]) -> _Line:
    if values.shape != (len(panel.ts),):
        raise ValueError(f"there is one value a row, ({len(panel.ts)},), not {values.shape}")
    if not len(values):
        raise ValueError("a panel without rows has nothing to show")
    pixels = max(int(ax.get_window_extent().width), 16)
    if len(values) <= _PER_PIXEL * pixels:
        return _Line(moments(panel.ts), values, values, False)
    pooled = envelope(panel.ts, values, columns=pixels)
    # The last column ends at the last edge.
    low, high = (np.append(side, side[-1]) for side in pooled[1:])
    return _Line(moments(pooled.t_edges), low, high, True)


def _draw(ax: Axes, line: _Line, colour: str, name: str, width: float = 1.2) -> None:
    if line.pooled:
        # The rim makes a column visible whose ends are one price.
        ax.fill_between(line.times, line.low, line.high, step="post", color=colour, linewidth=width / 2, label=name)
    else:
        ax.step(line.times, line.low, where="post", color=colour, linewidth=width, label=name)


def _edges(ts: npt.NDArray[np.int64], bins: int) -> npt.NDArray[np.int64]:
    """Equal spans from the first row to just past the last."""
    if not len(ts):
        raise ValueError("a panel without rows has nothing to show")
    width = -(-int(ts[-1] - ts[0] + 1) // bins)
    return np.asarray(ts[0] + width * np.arange(bins + 1), np.int64)


def _finish(ax: Axes, panel: PanelLike, label: str) -> None:
    """Hatch the time without a proven book, and label the axes."""
    ax.xaxis_date(tz="UTC")
    _hatch_gaps(ax, panel)
    time_axis(ax)
    ax.set(ylabel=label)
    ax.set_xlim(*moments(panel.ts)[[0, -1]] if panel.ts[0] < panel.ts[-1] else (None, None))
    ax.spines[["top", "right"]].set_visible(False)


def _hatch_gaps(ax: Axes, panel: PanelLike) -> None:
    stale = np.asarray(panel.state) == BookState.STALE
    if not stale.any():
        return
    change = np.diff(np.concatenate(([False], stale, [False])).astype(np.int8))
    begins, ends = np.flatnonzero(change == 1), np.minimum(np.flatnonzero(change == -1), len(stale) - 1)
    times = require("matplotlib.dates", extra="plot").date2num(moments(panel.ts))
    spans: list[Any] = list(zip(times[begins], times[ends] - times[begins], strict=True))
    hatch_times(ax, spans)
