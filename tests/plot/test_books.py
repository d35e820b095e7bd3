from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from orderbook import L2Book, L3Book, Panel, plot
from orderbook.plot._axes import COLOURS
from orderbook.types import Side

if TYPE_CHECKING:
    from matplotlib.axes import Axes


# ---- depth -----------------------------------------------------------------------------------------------------------


def test_depth_draws_the_totals(ax: Axes, b0: L2Book) -> None:
    """Each side is a step line from nothing at the best price outwards."""
    assert ax is plot.depth(b0, ax=ax)
    bids, asks = (line for line in ax.lines if line.get_label() in ("bids  35", "asks  60"))
    assert [100.0, 100.0, 99.99, 99.97] == bids.get_xdata().tolist()
    assert [0, 5, 15, 35] == bids.get_ydata().tolist()
    assert [0, 15, 20, 60] == asks.get_ydata().tolist()
    assert ("steps-post", COLOURS[Side.BID]) == (bids.get_drawstyle(), bids.get_color())
    assert "B0  mid 100.01" == ax.get_title()


def test_depth_runs_on_only_where_the_book_is_known(ax: Axes, b0: L2Book) -> None:
    """A whole book is flat to the edge of the picture; where more may stand, the line ends in an open circle."""
    plot.depth(b0, ax=ax)
    assert 2 == sum(line.get_marker() == "o" for line in ax.lines)
    whole = L2Book()
    whole.apply_snapshot([(99, 1)], [(101, 2)])
    ax.clear()
    plot.depth(whole, ax=ax)
    bids = next(line for line in ax.lines if line.get_label() == "bids  1")
    assert (ax.get_xlim()[0], 1.0) == (bids.get_xdata()[-1], bids.get_ydata()[-1])
    assert 0 == sum(line.get_marker() == "o" for line in ax.lines)


def test_depth_of_odd_books(ax: Axes) -> None:
    """One side, none, crossed, locked at 0, negative: drawn, and the title says what there is."""
    book = L2Book("X")
    assert "X  empty" == plot.depth(book, ax=ax).get_title()
    book.apply_snapshot([], [(100, 1)])
    assert "X  one side is empty" == plot.depth(book, ax=ax).get_title()
    book.apply_snapshot([(101, 1)], [(100, 1)])
    assert "X  mid 100.5" == plot.depth(book, ax=ax).get_title()
    book.apply_snapshot([(0, 1)], [(0, 1)])
    assert "X  mid 0" == plot.depth(book, ax=ax).get_title()
    book.apply_snapshot([(-2, 1)], [("-1.5", 1)])
    assert "X  mid -1.75" == plot.depth(book, ax=ax).get_title()


def test_depth_and_ladder_of_a_row_of_a_panel(ax: Axes, panel: Panel) -> None:
    """A panel of one row is a book; a longer one is refused."""
    plot.depth(panel[0:1], ax=ax)
    assert {"bids  6", "asks  10"} <= {str(line.get_label()) for line in ax.lines}
    ax.clear()
    plot.ladder(panel[0:1], ax=ax)
    assert ["100.02", "100.01", "99.99", "99.98"] == [label.get_text() for label in ax.get_yticklabels()]
    with pytest.raises(ValueError, match="one moment, not 10 rows"):
        plot.ladder(panel, ax=ax)


# ---- ladder ----------------------------------------------------------------------------------------------------------


def test_ladder_draws_sizes_and_totals(ax: Axes, b0: L2Book) -> None:
    """One line a level, a free line between the sides, prices with one number of digits."""
    plot.ladder(b0, 2, ax=ax)
    totals, sizes = (list(bars) for bars in ax.containers)
    assert [5, 15, 5, 10] == [bar.get_width() for bar in sizes]
    assert [20, 15, 5, 15] == [bar.get_width() for bar in totals]
    assert [0, 1, 3, 4] == [bar.get_y() + bar.get_height() / 2 for bar in sizes]
    assert ["100.03", "100.02", "100.00", "99.99"] == [label.get_text() for label in ax.get_yticklabels()]
    assert "spread 0.02  (2 bps)" in [text.get_text() for text in ax.texts]


@pytest.mark.parametrize(
    ("bids", "asks", "text"),
    [
        ([(101, 1)], [(100, 1)], "crossed, spread -1  (-99.5 bps)"),
        ([(100, 1)], [(100, 1)], "locked, spread 0  (0 bps)"),
        ([(-2, 1)], [(-1, 1)], "spread 1"),
        ([], [(100, 1)], "no spread: a side is empty"),
        ([], [], "no spread: a side is empty"),
    ],
)
def test_ladder_says_the_spread(ax: Axes, bids: list[tuple[int, int]], asks: list[tuple[int, int]], text: str) -> None:
    """With its sign, its mark, and without bps where there is no positive price to refer to."""
    book = L2Book()
    book.apply_snapshot(bids, asks)
    plot.ladder(book, ax=ax)
    assert text == ax.texts[-1].get_text()


# ---- queue -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def l3() -> L3Book:
    """Three orders at 100, of which the second is the newest, behind 4 that nobody knows."""
    book = L3Book("Q")
    book.seed("ask", 100, 4)
    for order_id, size, second in ((7, 10, 1), (8, 5, 3), (9, 1, 2)):
        book.add(order_id, "ask", 100, size, ts_event=second * 1_000_000_000)
    return book


def test_queue_draws_who_is_ahead(ax: Axes, l3: L3Book) -> None:
    """A bar begins where the size ahead of the order ends."""
    plot.queue(l3, "ask", ax=ax)
    unknown, *orders = ax.patches
    assert (0, 4, "////") == (unknown.get_x(), unknown.get_width(), unknown.get_hatch())
    assert [(4, 10), (14, 5), (19, 1)] == [(bar.get_x(), bar.get_width()) for bar in orders]
    for order_id, bar in zip((7, 8, 9), orders, strict=True):
        assert l3.queue_ahead(order_id).size == bar.get_x()
    assert "Q  ask 100: 3 orders, size 20" == ax.get_title()
    assert ["unknown", "7", "8", "9"] == [label.get_text() for label in ax.get_yticklabels()]


def test_queue_colours_by_age(ax: Axes, l3: L3Book) -> None:
    """The scale goes from the newest change to the oldest; equal ages have equal colours, others do not."""
    plot.queue(l3, "ask", 100, ax=ax)
    colours = [bar.get_facecolor() for bar in ax.patches[1:]]
    assert 3 == len(set(colours))
    bar = ax.figure.axes[-1]
    assert ("seconds since last change", 2.0) == (bar.get_ylabel(), bar.get_ylim()[1])


def test_queue_without_times_has_no_scale(ax: Axes) -> None:
    """Ages that nobody knows are not shown."""
    book = L3Book()
    book.add(1, "bid", 100, 2)
    plot.queue(book, "bid", ax=ax)
    assert 1 == len(ax.figure.axes)


def test_queue_of_many_orders_has_no_names(ax: Axes) -> None:
    """Ids that could not be read are left out, bars are not."""
    book = L3Book()
    for order_id in range(200):
        book.add(order_id, "bid", 100, 1)
    plot.queue(book, "bid", ax=ax)
    assert (200, 0, "place in line") == (len(ax.patches), len(ax.texts), ax.get_ylabel())


def test_queue_needs_something_to_show(ax: Axes, l3: L3Book) -> None:
    """An empty side, an empty price and a side that is none are errors that name what was asked."""
    with pytest.raises(ValueError, match="nothing rests on the bid side at price None"):
        plot.queue(l3, "bid", ax=ax)
    with pytest.raises(ValueError, match="nothing rests on the ask side at price 101"):
        plot.queue(l3, "ask", 101, ax=ax)
    with pytest.raises(ValueError, match="middle"):
        plot.queue(l3, "middle", ax=ax)
