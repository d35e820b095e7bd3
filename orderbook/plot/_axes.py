"""What all pictures share: colours, axes of price and time, and how numbers are written."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC
from typing import TYPE_CHECKING, Any, Final, Protocol

import numpy as np
import numpy.typing as npt

from orderbook._extras import require
from orderbook.types import Side

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# From the palette of Okabe and Ito, which colour-blind people tell apart.
COLOURS: Final = {Side.BID: "#0072B2", Side.ASK: "#D55E00"}
BUYER: Final = "#009E73"
SELLER: Final = "#CC79A7"
FOUND: Final = "#F0E442"
INK: Final = "#333333"
UNKNOWN: Final = "#EDEDED"

# From full asks over nothing to full bids.
SIGNED: Final = ("#7F2704", "#D94801", "#FDAE6B", "#FFFFFF", "#9ECAE1", "#2171B5", "#08306B")


class TradeColumns(Protocol):
    """What is read of trades: the columns of :class:`orderbook.analytics.Trades`."""

    @property
    def ts(self) -> npt.NDArray[np.int64]:
        """ns UTC."""

    @property
    def price(self) -> npt.NDArray[np.float64]:
        """Prices."""

    @property
    def size(self) -> npt.NDArray[np.float64]:
        """Sizes."""

    @property
    def side(self) -> npt.NDArray[np.int8]:
        """The aggressor's sign: +1 buyer, -1 seller, 0 unknown."""


def hatch_times(ax: Axes, spans: Sequence[tuple[float, float]]) -> None:
    """Hatch spans of time, (begin, length) in matplotlib's days, over the whole height: there was no proven book."""
    if spans:
        ax.broken_barh(
            spans,
            (0, 1),
            transform=ax.get_xaxis_transform(),
            facecolor=UNKNOWN,
            edgecolor="#A8A8A8",
            hatch="////",
            linewidth=0,
            zorder=0.5,
        )


def axes_or_new(ax: Axes | None, width: float = 8.0, height: float = 4.5) -> Axes:
    """Return the axes, or those of a new figure of pyplot (which a notebook shows by itself).

    Raises:
        MissingExtra: matplotlib is not installed.
    """
    if ax is not None:
        return ax
    pyplot = require("matplotlib.pyplot", extra="plot")
    made: Axes = pyplot.subplots(figsize=(width, height), layout="constrained")[1]
    return made


def moments(ts: npt.ArrayLike) -> npt.NDArray[np.datetime64]:
    """Return int64 ns as times that matplotlib and plotly take."""
    return np.asarray(ts, np.int64).view("M8[ns]")


def time_axis(ax: Axes) -> None:
    """Label the x axis with short times, in UTC whatever the settings say."""
    dates = require("matplotlib.dates", extra="plot")
    locator = dates.AutoDateLocator(tz=UTC, minticks=4, maxticks=8)
    ax.xaxis.set_major_locator(locator)
    # The date stands once, below the last label; so does the zone.
    offsets = [f"{text} UTC".strip() for text in ("", "%Y", "%Y-%b", "%Y-%b-%d", "%Y-%b-%d", "%Y-%b-%d %H:%M")]
    ax.xaxis.set_major_formatter(dates.ConciseDateFormatter(locator, tz=UTC, offset_formats=offsets))


def price_axis(axis: Any, tick: float) -> None:
    """Label a matplotlib axis at whole ticks, with as many digits as the tick has."""
    ticker = require("matplotlib.ticker", extra="plot")
    digits = decimals_of(tick)

    def text(value: float, _: object = None) -> str:
        # Between two ticks there is no price, however far one zooms in.
        off = abs(value / tick - round(value / tick)) > 1e-3
        return "" if off else f"{value:.{digits}f}"

    axis.set_major_locator(ticker.MaxNLocator(nbins=9, steps=[1, 2, 5, 10]))
    axis.set_major_formatter(ticker.FuncFormatter(text))


def decimals_of(step: float) -> int:
    """Return how many decimal digits a step has.

    >>> decimals_of(0.25), decimals_of(1.0), decimals_of(1e-05)
    (2, 0, 5)
    """
    text = np.format_float_positional(step, trim="-")
    return len(text.partition(".")[2])


def plain(value: float, digits: int = 4) -> str:
    """Return a number in a few significant digits, without an exponent.

    >>> plain(1234567.0), plain(0.000123456), plain(2000.415, 9)
    ('1235000', '0.0001235', '2000.415')
    """
    return np.format_float_positional(float(f"{value:.{digits}g}"), trim="-")


def signed_colours() -> Any:
    """Return the colour map from asks (below 0) over white to bids (above 0); NaN is transparent."""
    colors = require("matplotlib.colors", extra="plot")
    return colors.LinearSegmentedColormap.from_list("orderbook", SIGNED).with_extremes(bad=(0, 0, 0, 0))


def marker_areas(sizes: npt.NDArray[np.float64], largest: float = 110.0, smallest: float = 4.0) -> Any:
    """Return the areas of markers: in proportion to size, so that the width goes with its square root."""
    top = float(sizes.max(initial=0.0))
    return np.maximum(largest * sizes / (top or 1.0), smallest)


def colour_ends(sizes: npt.NDArray[Any]) -> tuple[float, float]:
    """Return the sizes at which a logarithmic colour scale begins and is full.

    Sizes have heavy tails: the few largest share the darkest colour, and the smallest the palest.
    """
    seen = np.abs(sizes[np.isfinite(sizes) & (sizes != 0)])
    if not len(seen):
        return 0.5, 1.0
    low, high = (float(value) for value in np.quantile(seen, (0.2, 0.995)))
    return min(low, high / 10), high
