"""What detectors of icebergs found, drawn over a heatmap."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np

from orderbook._extras import require
from orderbook.analytics.icebergs.records import Iceberg, Refill
from orderbook.plot._axes import COLOURS, FOUND, axes_or_new, marker_areas, moments, time_axis
from orderbook.types import Side

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ("icebergs",)


class _Mark(NamedTuple):
    """Something to be marked: when, at what price, how large and how sure."""

    ts: int
    price: float
    size: float
    confidence: float


_STYLES: Final = {
    "tranche": ("o", "T  tranche"),
    "detected": ("D", "D  detected"),
    "filled": ("s", "E  executed to its end"),
    "cancelled": ("X", "C  cancelled"),
}
"""Marker and legend of each kind, in the order of drawing."""

_SMALLEST: Final = 22.0


def icebergs(found: Iterable[Refill | Iceberg], *, ax: Axes | None = None) -> Axes:
    """Mark icebergs and their refills by time and price, and return the axes. O(records).

    ``found`` has :class:`~orderbook.analytics.icebergs.Refill` records,
    :class:`~orderbook.analytics.icebergs.Iceberg` records, or both.
    Each mark stands at the time when the tape revealed it, never earlier: a diamond where an iceberg was detected (of
    refills alone: the first of each iceberg), a circle for each further tranche, with an area in proportion to what was
    executed, a square where it was executed to its end, a cross where it was cancelled. A line goes along the life of
    an iceberg, blue on the bid side and orange on the ask side. The yellow of the marks fades with less confidence.

    The axes keep their limits if they have an image, as those of :func:`heatmap` do.

    Raises:
        MissingExtra: matplotlib is not installed.

    >>> from matplotlib.figure import Figure
    >>> first = Refill(10**9, 4, 2, "N2", 7, 7, 7, 1, 100.0, 5.0, 5.0, 5.0, 1.0, ())
    >>> again = Refill(2 * 10**9, 9, 5, "N2", 7, 7, 7, 1, 100.0, 5.0, 5.0, 5.0, 1.0, ())
    >>> ax = icebergs([first, again], ax=Figure().subplots())
    >>> [text.get_text() for text in ax.get_legend().get_texts()]
    ['T  tranche', 'D  detected']
    """
    ax = axes_or_new(ax, 9.0, 5.0)
    limits = (ax.get_xlim(), ax.get_ylim()) if ax.images else None
    records = list(found)
    lives = [record for record in records if isinstance(record, Iceberg)]
    marks = _marks(sorted((record for record in records if isinstance(record, Refill)), key=_when), lives)
    if not limits:
        ax.xaxis_date(tz="UTC")
        time_axis(ax)
        ax.set_ylabel("price")
        ax.ticklabel_format(axis="y", useOffset=False)
    _draw_lives(ax, lives, max((mark.ts for mine in marks.values() for mark in mine), default=0))
    # One measure for the areas of all kinds.
    largest = max((mark.size for mine in marks.values() for mark in mine), default=0.0)
    for kind, mine in marks.items():
        _draw_marks(ax, kind, mine, largest)
    if limits:
        ax.set(xlim=limits[0], ylim=limits[1])
    _draw_legend(ax, marks)
    return ax


def _when(refill: Refill) -> tuple[int, int]:
    return refill.known_at, refill.row


def _marks(refills: Sequence[Refill], lives: Sequence[Iceberg]) -> dict[str, list[_Mark]]:
    """What to mark, by kind."""
    marks: dict[str, list[_Mark]] = {kind: [] for kind in _STYLES}
    detected: dict[int, int] = {life.iceberg_id: life.known_at for life in lives}
    at_detection: dict[int, float] = {}
    for refill in refills:
        since = detected.setdefault(refill.iceberg_id, refill.known_at)
        mark = _Mark(refill.known_at, refill.price, refill.executed, refill.confidence)
        if refill.known_at == since and refill.iceberg_id not in at_detection:
            at_detection[refill.iceberg_id] = refill.executed
            marks["detected"].append(mark)
        else:
            marks["tranche"].append(mark)
    for life in lives:
        if life.iceberg_id not in at_detection:
            marks["detected"].append(_Mark(life.known_at, life.price, 0.0, life.confidence))
        if life.ended_at is not None and life.state in marks:
            marks[life.state].append(_Mark(life.ended_at, life.price, 0.0, life.confidence))
    return marks


def _draw_lives(ax: Axes, lives: Sequence[Iceberg], last: int) -> None:
    for life in lives:
        # A live one goes on at least until the last mark.
        end = max(last, life.known_at) if life.ended_at is None else life.ended_at
        colour = COLOURS[Side(life.side)]
        ax.plot(moments([life.first_seen, end]), [life.price] * 2, color="white", linewidth=3.4, zorder=5)
        ax.plot(moments([life.first_seen, end]), [life.price] * 2, color=colour, linewidth=1.6, zorder=5)


def _draw_marks(ax: Axes, kind: str, marks: Sequence[_Mark], largest: float) -> None:
    if not marks:
        return
    colors = require("matplotlib.colors", extra="plot")
    sizes = np.array([mark.size for mark in marks])
    areas = marker_areas(np.append(sizes, largest), 160.0, _SMALLEST)[:-1]
    if kind in ("filled", "cancelled"):
        areas = np.full(len(marks), 60.0)
    faces = [colors.to_rgba(FOUND, 0.15 + 0.85 * min(mark.confidence, 1.0)) for mark in marks]
    times, prices = moments([mark.ts for mark in marks]), [mark.price for mark in marks]
    # A white rim keeps the mark apart from the colours of a heatmap.
    ax.scatter(times, prices, areas * 1.7, marker=_STYLES[kind][0], color="white", linewidth=0, zorder=6)
    ax.scatter(times, prices, areas, marker=_STYLES[kind][0], facecolor=faces, edgecolor="black", zorder=6)


def _draw_legend(ax: Axes, marks: dict[str, list[_Mark]]) -> None:
    """A legend of the kinds that there are, below, so that it leaves that of the trades alone."""
    lines = require("matplotlib.lines", extra="plot")
    handles: list[Any] = [
        lines.Line2D(
            [],
            [],
            linestyle="",
            marker=_STYLES[kind][0],
            markeredgecolor="black",
            markerfacecolor=FOUND,
            label=_STYLES[kind][1],
        )
        for kind, mine in marks.items()
        if mine
    ]
    if not handles:
        return
    earlier = ax.get_legend()
    ax.legend(handles=handles, loc="upper left", bbox_to_anchor=(0, -0.07), ncols=4, fontsize="small", frameon=False)
    if earlier is not None:
        ax.add_artist(earlier)
