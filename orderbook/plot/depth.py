"""The depth chart: how much stands up to each price."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from orderbook.analytics._levels import BookLike
from orderbook.analytics.arrays._rows import Floats
from orderbook.analytics.grids import DepthCurve, PanelLike, depth_curve
from orderbook.plot._axes import COLOURS, INK, axes_or_new, plain
from orderbook.types import Side

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ("depth",)


def depth(book: BookLike | PanelLike, *, n: int | None = None, ax: Axes | None = None) -> Axes:
    """Draw the running total of size on both sides of a book, as steps, and return the axes. O(levels).

    ``book`` is a book, a view of one, or a panel of one row; ``n`` limits the levels a side. Where the book does not
    know what stands beyond the last level, the curve ends; where it knows that nothing does, it runs on flat.

    Raises:
        ValueError: ``n`` below 1, or a panel that has not one row.
        MissingExtra: matplotlib is not installed.

    >>> from matplotlib.figure import Figure
    >>> from orderbook import L2Book
    >>> book = L2Book("ETHUSDT")
    >>> book.apply_snapshot([("100.00", 5), ("99.99", 10)], [("100.02", 15)])
    >>> depth(book, ax=Figure().subplots()).get_title()
    'ETHUSDT  mid 100.01'
    """
    ax = axes_or_new(ax)
    curve = depth_curve(book, n)
    low, high = span_of(curve)
    for side, name, x, y, known in lines_of(curve):
        ax.fill_between(x, y, step="post", color=COLOURS[side], alpha=0.25, linewidth=0)
        ax.step(x, y, where="post", color=COLOURS[side], linewidth=1.5, label=f"{name}  {plain(y[-1])}")
        if not known:
            ax.plot(x[-1], y[-1], marker="o", markersize=4, color=COLOURS[side], fillstyle="none")
    ax.set(xlabel="price", ylabel="size up to this price", xlim=(low, high), title=_title(book, curve))
    ax.set_ylim(bottom=0)
    ax.ticklabel_format(axis="x", useOffset=False)
    ax.spines[["top", "right"]].set_visible(False)
    if len(curve.bid_px) and len(curve.ask_px):
        ax.axvline((curve.bid_px[0] + curve.ask_px[0]) / 2, color=INK, linewidth=0.8, linestyle=":")
    if len(curve.bid_px) or len(curve.ask_px):
        ax.legend(loc="upper center", framealpha=1.0, edgecolor="none")
    return ax


def lines_of(curve: DepthCurve) -> Iterator[tuple[Side, str, Floats, Floats, bool]]:
    """The step lines of the sides that have levels: side, name, prices, totals, and whether all levels are known."""
    low, high = span_of(curve)
    sides = (
        (Side.BID, "bids", curve.bid_px, curve.bid_total, curve.bids_known, low),
        (Side.ASK, "asks", curve.ask_px, curve.ask_total, curve.asks_known, high),
    )
    for side, name, px, total, known, end in sides:
        if len(px):
            # From nothing at the best price, each total holds until the next level.
            x, y = np.append(px[:1], px), np.append(0.0, total)
            yield side, name, np.append(x, end) if known else x, np.append(y, y[-1]) if known else y, known


def span_of(curve: DepthCurve) -> tuple[float, float]:
    """The prices to show: all levels and a little more."""
    prices = np.concatenate((curve.bid_px, curve.ask_px))
    if not len(prices):
        return 0.0, 1.0
    low, high = float(prices.min()), float(prices.max())
    margin = 0.04 * (high - low) or 0.001 * abs(high) or 1.0
    return low - margin, high + margin


def _title(book: Any, curve: DepthCurve) -> str:
    symbol = getattr(book, "symbol", "") or "book"
    if not len(curve.bid_px) or not len(curve.ask_px):
        return f"{symbol}  one side is empty" if len(curve.bid_px) + len(curve.ask_px) else f"{symbol}  empty"
    return f"{symbol}  mid {plain((curve.bid_px[0] + curve.ask_px[0]) / 2, 9)}"
