from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from matplotlib.dates import date2num

from orderbook import Panel, plot
from orderbook.analytics.grids import heatmap_grid
from orderbook.analytics.tape import Trades
from orderbook.plot._axes import BUYER, SELLER, marker_areas
from orderbook.types import BookState

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SECOND = 1_000_000_000


def trades_at(panel: Panel, *rows: tuple[float, float, float, int]) -> Trades:
    """Trades of (seconds since the first row, price, size, side)."""
    seconds, price, size, side = (np.array(column) for column in zip(*rows, strict=True))
    ts = panel.ts[0] + (seconds * SECOND).astype("i8")
    return Trades(ts, price, size, side.astype("i1"), np.zeros(len(ts), "u8"), np.zeros(len(ts), bool))


def spans_of(ax: Axes, hatch: str | None) -> list[tuple[float, float]]:
    """Begin and end, in days, of the spans of time with a hatch."""
    found = [collection for collection in ax.collections if collection.get_hatch() == hatch]
    return [
        (path.vertices[:, 0].min(), path.vertices[:, 0].max())
        for collection in found
        for path in collection.get_paths()
    ]


# ---- heatmap ---------------------------------------------------------------------------------------------------------


def test_heatmap_shows_the_grid(ax: Axes, panel: Panel) -> None:
    """The image is the grid, its axes are time and price."""
    assert ax is plot.heatmap(panel, tick=0.01, around=3, ax=ax)
    image = ax.images[0].get_array()
    grid = heatmap_grid(panel, tick=0.01, around=3)
    np.testing.assert_array_equal(np.ma.filled(image, np.nan), grid.values)
    assert pytest.approx((99.955, 100.035), abs=1e-6) == ax.get_ylim()
    assert pytest.approx(date2num(grid.t_edges[[0, -1]].view("M8[ns]"))) == ax.get_xlim()
    assert "SYNTH" == ax.get_title(loc="left")


def test_heatmap_takes_a_grid_of_ones_own(ax: Axes, panel: Panel) -> None:
    """With columns of different lengths, and one side."""
    edges = panel.ts[0] + np.array([0, 1, 3, 10]) * SECOND
    grid = heatmap_grid(panel, t_edges=edges, side="ask")
    image = plot.heatmap(grid, ax=ax).images[0]
    np.testing.assert_array_equal(np.ma.filled(image.get_array(), np.nan), grid.values)
    white = image.cmap(image.norm(0.0))
    assert pytest.approx((1, 1, 1, 1), abs=0.01) == white


def test_heatmap_has_no_more_columns_than_pixels(ax: Axes) -> None:
    """Where it had, matplotlib would leave some out; a wall of one row stays."""
    rows = 5_000
    sizes = np.ones((rows, 1))
    sizes[1_234] = 77
    prices = np.full((rows, 1), 100.0)
    panel = Panel(
        ts=np.arange(rows), state=np.zeros(rows), bid_px=prices, bid_sz=sizes, ask_px=prices + 1, ask_sz=sizes * 0 + 1
    )
    image = plot.heatmap(panel, tick=1, ax=ax).images[0].get_array()
    assert image.shape[1] <= ax.figure.get_window_extent().width
    assert 77 == image.max()


def test_bids_and_asks_have_their_colours_and_nothing_is_white(ax: Axes, panel: Panel) -> None:
    """The scale is symmetric and logarithmic; NaN is transparent, so that the grey ground shows."""
    image = plot.heatmap(panel, ax=ax).images[0]
    assert -image.norm.vmin == image.norm.vmax == pytest.approx(9.0, rel=0.2)
    bid, ask, none = (image.cmap(image.norm(size)) for size in (4.0, -4.0, 0.0))
    assert bid[2] > bid[0] and ask[0] > ask[2]
    assert pytest.approx((1, 1, 1, 1), abs=0.01) == none
    assert 0 == image.cmap(np.ma.masked)[3]
    steps = [image.norm(size) for size in (2.0, 4.0, 8.0)]
    assert pytest.approx(steps[1] - steps[0], rel=0.2) == steps[2] - steps[1]


def test_gaps_are_hatched(ax: Axes, panel: Panel) -> None:
    """Time without a proven book is a hatched span; a part of a column is a mark."""
    plot.heatmap(panel, ax=ax)
    gap = date2num((panel.ts[[4, 6]]).view("M8[ns]"))
    spans = spans_of(ax, "////")
    assert pytest.approx(gap) == (spans[0][0], spans[-1][1])
    ax.clear()
    plot.heatmap(heatmap_grid(panel, columns=2), ax=ax)
    assert ([], 2) == (spans_of(ax, "////"), len(spans_of(ax, None)))


def test_trades_are_drawn_by_aggressor_and_size(ax: Axes, panel: Panel) -> None:
    """Up for buyers, down for sellers, a dot for nobody; only what is in the picture, the largest first."""
    trades = trades_at(
        panel,
        (0.5, 100.0, 1, 1),
        (1, 100.01, 4, 1),
        (2, 99.99, 2, -1),
        (3, 100.0, 1, 0),
        (4, 150.0, 9, 1),
        (99, 100.0, 9, 1),
    )
    plot.heatmap(panel, trades, ax=ax)
    marks = {str(scatter.get_label()): scatter for scatter in ax.collections if scatter.get_label()[0] != "_"}
    assert {"buyer": 2, "seller": 1, "trade": 1} == {name: len(mark.get_offsets()) for name, mark in marks.items()}
    assert [100.01, 100.0] == marks["buyer"].get_offsets()[:, 1].tolist()
    big, small = marks["buyer"].get_sizes()
    assert 4 == pytest.approx(big / small)
    assert {"buyer", "seller", "trade"} == {text.get_text() for text in ax.get_legend().get_texts()}
    assert BUYER != SELLER


def test_heatmap_without_trades_in_sight_has_no_legend(ax: Axes, panel: Panel) -> None:
    """There is nothing to explain."""
    plot.heatmap(panel, trades_at(panel, (99, 100.0, 9, 1)), ax=ax)
    assert ax.get_legend() is None


def test_the_colour_bar_is_an_option(ax: Axes, panel: Panel) -> None:
    """It says sizes without a sign."""
    plot.heatmap(panel, colorbar=False, ax=ax)
    assert [ax] == ax.figure.axes
    plot.heatmap(panel, ax=ax)
    bar = ax.figure.axes[1]
    ax.figure.canvas.draw()
    texts = [label.get_text() for label in bar.get_yticklabels()]
    assert "0" in texts and texts == texts[::-1] and not any("-" in text for text in texts)


def test_a_grid_of_nothing_known_can_be_drawn(ax: Axes, panel: Panel) -> None:
    """All NaN, or all 0: no colour scale can be made of it, and none is needed."""
    for prices in ((90.0, 90.05), (100.0, 100.0)):
        ax.clear()
        plot.heatmap(heatmap_grid(panel, tick=0.01, prices=prices), ax=ax)
        ax.figure.canvas.draw()
        assert 1 == len(ax.images)


def test_marker_areas_go_with_size() -> None:
    """So the width goes with its square root; the smallest can still be seen."""
    assert [110.0, 55.0, 4.0] == marker_areas(np.array([10.0, 5.0, 0.001])).tolist()
    assert [4.0] == marker_areas(np.array([0.0])).tolist()


# ---- lines -----------------------------------------------------------------------------------------------------------


def lines_of(ax: Axes) -> dict[str, Any]:
    """The drawn lines by name."""
    return {str(line.get_label()): line for line in ax.lines}


def test_prices_are_steps_with_gaps(ax: Axes, panel: Panel) -> None:
    """Best bid and ask as they are, the weighted mid of both, and no line where there is no price."""
    lines = lines_of(plot.prices(panel, ax=ax))
    np.testing.assert_array_equal(lines["bid"].get_ydata(), panel.bid_px[:, 0])
    np.testing.assert_array_equal(lines["ask"].get_ydata(), panel.ask_px[:, 0])
    fair = lines["weighted mid"].get_ydata()
    assert pytest.approx((99.99 * 2 + 100.01 * 4) / 6) == fair[0]
    assert [4, 5, 8] == np.flatnonzero(np.isnan(fair)).tolist()
    assert {"steps-post"} == {line.get_drawstyle() for line in lines.values()}
    assert [pytest.approx(date2num(panel.ts[[4, 6]].view("M8[ns]")))] == spans_of(ax, "////")


def test_prices_takes_a_fair_price(ax: Axes, panel: Panel) -> None:
    """One a row, under the name of a micro-price."""
    fair = np.full(10, 100.003)
    np.testing.assert_array_equal(lines_of(plot.prices(panel, micro=fair, ax=ax))["micro-price"].get_ydata(), fair)
    with pytest.raises(ValueError, match=r"there is one value a row, \(10,\), not \(9,\)"):
        plot.prices(panel, micro=fair[1:], ax=ax)


def test_crossed_prices_have_a_ribbon_of_their_own(ax: Axes, panel: Panel) -> None:
    """It is red, and only there when the book is crossed."""
    plot.prices(panel, ax=ax)
    usual = {tuple(ribbon.get_facecolor()[0]) for ribbon in ax.collections if ribbon.get_hatch() is None}
    panel.bid_px[2], panel.state[2] = 100.05, BookState.CROSSED
    ax.clear()
    plot.prices(panel, ax=ax)
    new = {tuple(ribbon.get_facecolor()[0]) for ribbon in ax.collections if ribbon.get_hatch() is None} - usual
    assert [(0.8, 0.0, 0.0, 0.5)] == [pytest.approx(colour) for colour in new]


def test_imbalance_of_the_best_levels(ax: Axes, panel: Panel) -> None:
    """(B - A) / (B + A), NaN in gaps and on one side; two colours by its sign."""
    values = lines_of(plot.imbalance(panel, ax=ax))["imbalance"].get_ydata()
    assert pytest.approx([1 / 3] * 4) == values[:4]
    assert pytest.approx(7 / 11) == values[6]
    assert [4, 5, 8] == np.flatnonzero(np.isnan(values)).tolist()
    assert "imbalance\nbest level" == ax.get_ylabel()
    ax.clear()
    assert pytest.approx(-4 / 16) == lines_of(plot.imbalance(panel, None, ax=ax))["imbalance"].get_ydata()[0]


def test_ofi_bars_sum_the_flow(ax: Axes, panel: Panel) -> None:
    """The bid that grew from 4 to 9 follows a gap and is no flow; its return to 4 is one of -5."""
    plot.ofi(panel, bins=10, ax=ax)
    bars = {
        round((bar.get_x() - date2num(panel.ts[0].view("M8[ns]"))) * 86_400): bar.get_height() for bar in ax.patches
    }
    assert (-5.0, 0.0) == (bars[6], bars[1])
    assert not {3.0, 4.0} & {*bars.values()}


def test_ofi_of_a_span_without_defined_rows_has_no_bar(ax: Axes, panel: Panel) -> None:
    """Row 0, the stale rows, the rows after them and around the missing ask have no flow."""
    drawn = len(plot.ofi(panel, bins=10, ax=ax).patches)
    assert 0 < drawn < 10


@pytest.mark.parametrize("shows", [plot.prices, plot.imbalance])
def test_long_lines_are_pooled(ax: Axes, shows: Any) -> None:
    """A line of a hundred rows a pixel is drawn as the area it covers, with its spikes."""
    rows = 80_000
    bid = np.full((rows, 1), 100.0)
    sizes = np.ones((rows, 1))
    bid[777], sizes[777] = 95.0, 1_000.0
    panel = Panel(
        ts=np.arange(rows), state=np.zeros(rows), bid_px=bid, bid_sz=sizes, ask_px=bid * 0 + 101, ask_sz=sizes * 0 + 1
    )
    shows(panel, ax=ax)
    areas = [area for area in ax.collections if str(area.get_label()) in ("bid", "imbalance")]
    heights = areas[0].get_paths()[0].vertices[:, 1]
    assert len(heights) < 10_000
    spike = heights.min() if shows is plot.prices else heights.max()
    assert pytest.approx(95.0 if shows is plot.prices else 999 / 1001) == spike


@pytest.mark.parametrize("shows", [plot.prices, plot.imbalance, plot.ofi, plot.heatmap])
def test_a_panel_without_rows_is_refused(ax: Axes, panel: Panel, shows: Any) -> None:
    """With a reason."""
    with pytest.raises(ValueError, match="a panel without rows has nothing to show"):
        shows(panel[:0], **({"tick": 1} if shows is plot.heatmap else {}), ax=ax)


@pytest.mark.parametrize("shows", [plot.prices, plot.imbalance, plot.ofi])
def test_a_panel_of_one_row_can_be_drawn(ax: Axes, panel: Panel, shows: Any) -> None:
    """There is no line yet, and no error."""
    shows(panel[:1], ax=ax)
    ax.figure.canvas.draw()


def test_times_are_in_utc_and_prices_at_ticks(ax: Axes, panel: Panel) -> None:
    """Whatever the time zone of the settings; between two ticks there is no label."""
    plot.heatmap(panel, tick=0.01, around=3, ax=ax)
    ax.figure.canvas.draw()
    assert "2023-Nov-14 22:13 UTC" == ax.xaxis.get_major_formatter().get_offset()
    shown = [label.get_text() for label in ax.get_yticklabels()]
    assert {"99.97", "100.00", "100.03"} <= set(shown)
    label = ax.yaxis.get_major_formatter()
    assert ("100.01", "") == (label(100.01), label(100.014))
