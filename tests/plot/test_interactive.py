from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from orderbook import L2Book, Panel, plot
from orderbook.analytics.grids import HeatmapGrid, heatmap_grid


def test_depth_has_the_totals(b0: L2Book) -> None:
    """Steps from nothing at the best price; the name says where more may stand."""
    bids, asks = plot.interactive.depth(b0).data
    assert ("bids (no more known)", [0, 5, 15, 35]) == (bids.name, bids.y.tolist())
    assert ("asks (no more known)", [100.02, 100.02, 100.03, 100.06]) == (asks.name, asks.x.tolist())
    assert {"hv"} == {bids.line.shape, asks.line.shape}


def test_depth_of_an_empty_book() -> None:
    """There is nothing to draw, and no error."""
    assert () == plot.interactive.depth(L2Book()).data


def test_heatmap_has_the_grid(panel: Panel) -> None:
    """Pointing at a cell tells its size; colours are on a logarithmic scale with the sign of the side."""
    figure = plot.interactive.heatmap(panel, tick=0.01, around=3)
    cells = figure.data[0]
    grid = heatmap_grid(panel, tick=0.01, around=3)
    np.testing.assert_array_equal(cells.customdata, grid.values)
    np.testing.assert_array_equal(cells.y, grid.price_edges)
    assert grid.t_edges.tolist() == cells.x.astype("M8[ns]").astype("i8").tolist()
    np.testing.assert_array_equal(np.sign(cells.z), np.sign(grid.values))
    assert -cells.zmin == cells.zmax
    assert cells.hoverongaps is False and np.isnan(cells.z).any()


@pytest.mark.parametrize(("side", "ends"), [("bid", (0, "#08306B")), ("ask", (0, "#7F2704")), ("both", (0, "#000000"))])
def test_one_side_has_half_of_the_scale(panel: Panel, side: str, ends: tuple[int, str]) -> None:
    """From white at nothing to the full colour of the side."""
    cells = plot.interactive.heatmap(heatmap_grid(panel, side=side)).data[0]  # type: ignore[arg-type]
    assert ("#FFFFFF", *ends) == (cells.colorscale[0][1], cells.zmin, cells.colorscale[-1][1])


def test_trades_are_traces_by_aggressor(panel: Panel) -> None:
    """Inside the time of the grid only, with widths that go with the square root of size."""
    ts = panel.ts[0] + np.array([0, 1, 2, 3, 99]) * 1_000_000_000
    trades = SimpleNamespace(
        ts=ts, price=np.full(5, 100.0), size=np.array([1.0, 4, 1, 1, 50]), side=np.array([1, 1, -1, 0, 1])
    )
    buyer, seller, other = plot.interactive.heatmap(panel, trades).data[1:]
    assert ("buyer", "seller", "trade") == (buyer.name, seller.name, other.name)
    assert ([1.0, 4.0], 1) == (buyer.customdata.tolist(), len(seller.x))
    assert pytest.approx(2) == buyer.marker.size[1] / buyer.marker.size[0]


def test_a_browser_is_spared(panel: Panel) -> None:
    """A panel is pooled; a grid of too many cells is refused with both numbers."""
    rows = 3_000
    sizes = np.ones((rows, 1))
    long = Panel(ts=np.arange(rows), state=np.zeros(rows), bid_px=sizes, bid_sz=sizes, ask_px=sizes + 1, ask_sz=sizes)
    assert plot.interactive.heatmap(long, tick=1).data[0].z.shape[1] <= 800
    grid = heatmap_grid(panel)
    huge = HeatmapGrid(np.zeros((1_000, 1_001), "f4"), grid.t_edges, grid.tick_edges, grid.known, 1.0, "signed")
    with pytest.raises(ValueError, match="at most 1,000,000 cells, not 1,001,000"):
        plot.interactive.heatmap(huge)


def test_a_figure_can_be_written(panel: Panel) -> None:
    """As JSON, which is what a page holds."""
    text = plot.interactive.heatmap(panel).to_json()
    assert '"type":"heatmap"' in text
