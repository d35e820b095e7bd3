"""The queue of one price: who stands where in line, and since when."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final, Protocol

import numpy as np

from orderbook._extras import require
from orderbook.analytics._arguments import SideLike, as_side
from orderbook.plot._axes import INK, UNKNOWN, axes_or_new, plain
from orderbook.types import Level, Order, Side

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ("queue",)

_LABELLED: Final = 40
"""Orders that have room for their ids."""


class OrderBookLike(Protocol):
    """A book order by order: :class:`orderbook.L3Book`."""

    @property
    def bids(self) -> Sequence[Level]:
        """The bid levels, best first."""

    @property
    def asks(self) -> Sequence[Level]:
        """The ask levels, best first."""

    def queue(self, side: Side, price: Any) -> list[Order]:
        """The orders of a level, first in line first."""

    def anonymous(self, side: Side, price: Any) -> Any:
        """The size at a level that belongs to no known order."""


def queue(book: OrderBookLike, side: SideLike, price: Any = None, *, ax: Axes | None = None) -> Axes:
    """Draw the orders of a price in the order in which they are filled, and return the axes. O(orders of the level).

    The first in line is at the top; a bar begins where the size ahead of it ends, so its left edge is what must trade
    before it. The colour is the time since the order was last changed, up to the newest change in the queue or the
    time of the book. Anonymous size stands ahead of every order, hatched. ``price`` is the best by default.

    Raises:
        ValueError: no such side, or nothing rests at the price.
        MissingExtra: matplotlib is not installed.

    >>> from matplotlib.figure import Figure
    >>> from orderbook import L3Book
    >>> book = L3Book("ETHUSDT")
    >>> for order_id, size in ((1, 10), (2, 5), (3, 1)):
    ...     book.add(order_id, "ask", 100, size)
    >>> ax = queue(book, "ask", ax=Figure().subplots())
    >>> [float(bar.get_x()) for bar in ax.patches], ax.get_title()
    ([0.0, 10.0, 15.0], 'ETHUSDT  ask 100: 3 orders, size 16')
    """
    which = as_side(side)
    levels = book.bids if which is Side.BID else book.asks
    if price is None and len(levels):
        price = levels[0].price
    orders = [] if price is None else book.queue(which, price)
    ahead = 0.0 if price is None else float(book.anonymous(which, price))
    if not orders and not ahead:
        raise ValueError(f"nothing rests on the {which.name.lower()} side at price {price!r}")
    ax = axes_or_new(ax, 7.0, min(8.0, max(2.4, 0.24 * len(orders) + 1.4)))
    sizes = np.array([float(order.size) for order in orders])
    total = ahead + float(sizes.sum())
    if ahead:
        ax.barh(-1, ahead, height=0.86, color=UNKNOWN, edgecolor=INK, hatch="////", linewidth=0.6)
    _draw_orders(ax, orders, sizes, ahead, total, getattr(book, "ts_event", None))
    noun = "order" if len(orders) == 1 else "orders"
    name = getattr(book, "symbol", "") or "book"
    ax.set_title(f"{name}  {which.name.lower()} {price:.12g}: {len(orders)} {noun}, size {plain(total)}")
    ax.set(xlabel="size in line", xlim=(0, total), ylim=(len(orders) - 0.4, -1.6 if ahead else -0.6))
    ax.spines[["top", "right"]].set_visible(False)
    return ax


def _draw_orders(ax: Axes, orders: list[Order], sizes: Any, ahead: float, total: float, now: int | None) -> None:
    starts = ahead + np.cumsum(sizes) - sizes
    ages = _ages(orders, now)
    colours, scale = _colours(ages)
    # The rim keeps the smallest orders visible.
    ax.barh(range(len(orders)), sizes, left=starts, height=0.86, color=colours, edgecolor=colours, linewidth=0.8)
    if scale is not None:
        bar = ax.figure.colorbar(scale, ax=ax, pad=0.02)
        bar.set_label("seconds since last change")
    rows = [(-1, "unknown")] if ahead else []
    if len(orders) <= _LABELLED:
        rows += [(rank, str(order.order_id)) for rank, order in enumerate(orders)]
        ax.set_ylabel("order, first in line first")
        for rank, (start, size) in enumerate(zip(starts, sizes, strict=True)):
            # The text stands on the side of the bar where there is more room.
            left = start + size / 2 > total / 2
            x, align, pad = (start, "right", -3) if left else (start + size, "left", 3)
            ax.annotate(
                plain(size), (x, rank), (pad, 0), textcoords="offset points", ha=align, va="center", fontsize="small"
            )
        ax.set_yticks([at for at, _ in rows], [text for _, text in rows])
        ax.tick_params(axis="y", length=0)
    else:
        ax.set_ylabel("place in line")


def _ages(orders: list[Order], now: int | None) -> Any:
    """Seconds since each order was changed; NaN where that is not known."""
    times = [order.ts_event for order in orders]
    told = [ts for ts in (*times, now) if ts is not None]
    return np.array([np.nan if ts is None else (max(told) - ts) / 1e9 for ts in times])


def _colours(ages: Any) -> tuple[Any, Any]:
    """A colour for each order, and the scale of them if any age is known."""
    if not np.isfinite(ages).any():
        return "#5B7C99", None
    cm = require("matplotlib.cm", extra="plot")
    colors = require("matplotlib.colors", extra="plot")
    pyplot_maps = require("matplotlib", extra="plot").colormaps
    # Without the ends of the map: its yellow is hard to see on white.
    colour_map = colors.LinearSegmentedColormap.from_list("age", pyplot_maps["viridis_r"](np.linspace(0.15, 1, 64)))
    colour_map = colour_map.with_extremes(bad=UNKNOWN)
    norm = colors.Normalize(0, max(float(np.nanmax(ages)), 1e-9))
    scale = cm.ScalarMappable(norm, colour_map)
    return scale.to_rgba(np.ma.masked_invalid(ages)), scale
