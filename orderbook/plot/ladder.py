"""The price ladder: one line a level, asks above, bids below."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from orderbook.analytics._levels import BookLike
from orderbook.analytics.grids import LadderRow, PanelLike, ladder_rows
from orderbook.plot._axes import COLOURS, INK, axes_or_new, decimals_of, plain
from orderbook.types import Side

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ("ladder",)


def ladder(book: BookLike | PanelLike, n: int = 10, *, ax: Axes | None = None) -> Axes:
    """Draw the best ``n`` levels of both sides as bars of their size, and return the axes. O(n).

    Levels stand one below the other whatever the distance of their prices. The pale bars behind are the running total
    from the best level on. The line between the sides says the spread.

    Raises:
        ValueError: ``n`` below 1, or a panel that has not one row.
        MissingExtra: matplotlib is not installed.

    >>> from matplotlib.figure import Figure
    >>> from orderbook import L2Book
    >>> book = L2Book("ETHUSDT")
    >>> book.apply_snapshot([("100.00", 5), ("99.99", 10)], [("100.02", 15)])
    >>> ax = ladder(book, ax=Figure().subplots())
    >>> [label.get_text() for label in ax.get_yticklabels()]
    ['100.02', '100.00', '99.99']
    """
    rows = ladder_rows(book, n)
    ax = axes_or_new(ax, 5.5, max(2.0, 0.27 * len(rows) + 1.2))
    asks = sum(row.side is Side.ASK for row in rows)
    # A line is left free between the sides.
    y = np.arange(len(rows)) + (np.arange(len(rows)) >= asks)
    sizes, colours = [row.size for row in rows], [COLOURS[row.side] for row in rows]
    ax.barh(y, [row.total for row in rows], height=1.0, color=colours, alpha=0.13)
    bars = ax.barh(y, sizes, height=0.8, color=colours, alpha=0.8)
    ax.bar_label(bars, [plain(size) for size in sizes], padding=3, fontsize="small", color=INK)
    digits = max((decimals_of(float(f"{row.price:.12g}")) for row in rows), default=0)
    ax.set_yticks(y, [f"{row.price:.{digits}f}" for row in rows])
    ax.tick_params(axis="y", length=0)
    ax.set(
        xlabel="size (pale: running total)", title=getattr(book, "symbol", "") or "book", ylim=(len(rows) + 0.6, -0.6)
    )
    ax.set_xlim(0, 1.12 * max((row.total for row in rows), default=1.0))
    ax.spines[["top", "right", "left"]].set_visible(False)
    ax.annotate(
        _spread(rows, asks), (0.01, asks), xycoords=("axes fraction", "data"), ha="left", va="center", fontsize="small"
    )
    return ax


def _spread(rows: Sequence[LadderRow], asks: int) -> str:
    if not 0 < asks < len(rows):
        return "no spread: a side is empty"
    ask, bid = rows[asks - 1].price, rows[asks].price
    mark = "crossed, " if bid > ask else "locked, " if bid == ask else ""
    bps = f"  ({plain(2e4 * (ask - bid) / (ask + bid), 3)} bps)" if ask + bid > 0 else ""
    return f"{mark}spread {plain(ask - bid)}{bps}"
