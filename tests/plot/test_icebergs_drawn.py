from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from matplotlib.collections import PathCollection
from matplotlib.dates import date2num

from orderbook import Event, Events, OrderAdd, OrderExecute, OrderModify, Panel, plot
from orderbook.analytics.icebergs.native import NativeIcebergs
from orderbook.analytics.icebergs.records import Iceberg, Refill
from orderbook.plot._axes import COLOURS
from orderbook.types import Side

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SECOND = 1_000_000_000
START = 1_700_000_000 * SECOND


def refill(second: int, iceberg_id: int = 7, *, executed: float = 5.0, confidence: float = 1.0) -> Refill:
    """A refill at 100 on the bid side."""
    return Refill(
        known_at=START + second * SECOND,
        row=second,
        event=second,
        rule="synthetic",
        iceberg_id=iceberg_id,
        prev_id=iceberg_id,
        order_id=iceberg_id,
        side=1,
        price=100.0,
        shown_before=5.0,
        executed=executed,
        shown_after=5.0,
        confidence=confidence,
        evidence=(),
    )


def found_in_a_tape() -> list[Refill | Iceberg]:
    """A native iceberg on the ask side: 10 shown, refilled twice, and executed to its end; in an event each."""
    steps: list[Event] = [OrderAdd(order_id=7, side=Side.ASK, price=100, size=10, ts_event=START)]
    for second in (1, 2):
        common: dict[str, Any] = {"order_id": 7, "size": 10, "ts_event": START + second * SECOND}
        steps += [OrderExecute(**common), OrderModify(**common)]
    steps.append(OrderExecute(order_id=7, size=10, ts_event=START + 3 * SECOND))
    detector = NativeIcebergs(event_by="time")
    found: list[Refill | Iceberg] = [*detector.update(Events.from_events(steps))]
    return [*found, *detector.icebergs]


def marks_of(ax: Axes) -> list[tuple[float, float]]:
    """Seconds and prices of the marks, without the rims behind them."""
    scatters = [each for each in ax.collections if isinstance(each, PathCollection)][1::2]
    first = date2num(np.datetime64(START, "ns"))
    return [(round((x - first) * 86_400, 3), y) for each in scatters for x, y in each.get_offsets()]


def names_of(ax: Axes) -> list[str]:
    """The first letters of the legend."""
    return [text.get_text()[0] for text in ax.get_legend().get_texts()]


def test_the_first_refill_is_the_detection(ax: Axes) -> None:
    """Of refills alone: a diamond for the first of each iceberg, whatever their order, circles for the others."""
    plot.icebergs([refill(3), refill(1), refill(2), refill(2, 8)], ax=ax)
    assert ["T", "D"] == names_of(ax)
    assert [(2, 100.0), (3, 100.0), (1, 100.0), (2, 100.0)] == marks_of(ax)


def test_the_life_of_an_iceberg(ax: Axes) -> None:
    """Detected, a tranche, executed to its end; the line runs from its birth to its end, in the colour of its side."""
    plot.icebergs(found_in_a_tape(), ax=ax)
    assert ["T", "D", "E"] == names_of(ax)
    assert [(2, 100.0), (1, 100.0), (3, 100.0)] == marks_of(ax)
    line = ax.lines[-1]
    assert [START, START + 3 * SECOND] == np.asarray(line.get_xdata()).astype("i8").tolist()
    assert COLOURS[Side.ASK] == line.get_color()


def test_an_iceberg_alone_tells_when_it_was_known(ax: Axes) -> None:
    """Without its refills the detection is marked at ``known_at``, not at its birth."""
    lives = [each for each in found_in_a_tape() if isinstance(each, Iceberg)]
    plot.icebergs(lives, ax=ax)
    assert [(1, 100.0), (3, 100.0)] == marks_of(ax)


def test_areas_and_colours_say_size_and_confidence(ax: Axes) -> None:
    """Areas go with what was executed, on one measure; the fill fades with less confidence."""
    plot.icebergs([refill(1), refill(2, executed=50.0), refill(3, executed=100.0, confidence=0.5)], ax=ax)
    circles = [each for each in ax.collections if isinstance(each, PathCollection)][1]
    assert [80.0, 160.0] == circles.get_sizes().tolist()
    assert [1.0, pytest.approx(0.575)] == circles.get_facecolor()[:, 3].tolist()


def test_overlay_leaves_the_heatmap_as_it_is(ax: Axes, panel: Panel) -> None:
    """Limits and the legend of the trades stay; the marks are in the picture's coordinates."""
    trades = SimpleNamespace(ts=panel.ts[:1], price=np.array([100.0]), size=np.ones(1), side=np.ones(1, "i1"))
    plot.heatmap(panel, trades, ax=ax)
    before = ax.get_xlim(), ax.get_ylim()
    legend = ax.get_legend()
    plot.icebergs([refill(-1_000), refill(2)], ax=ax)
    assert before == (ax.get_xlim(), ax.get_ylim())
    assert legend in ax.get_children() and names_of(ax) == ["T", "D"]


def test_nothing_found_is_nothing_drawn(ax: Axes) -> None:
    """No marks, no legend, no error."""
    plot.icebergs([], ax=ax)
    assert (None, []) == (ax.get_legend(), list(ax.collections))
