"""Pictures of books with matplotlib: the extra ``plot``. Interactive ones, with plotly, are in ``plot.interactive``.

Every function takes a book, a view or a :class:`orderbook.Panel`, draws on the axes that you give it or on new ones,
and returns the axes. None shows a window, writes a file or changes a setting of matplotlib::

    from orderbook import plot

    ax = plot.heatmap(panel, trades)
    plot.icebergs(found, ax=ax)
    ax.figure.savefig("heatmap.png")

Bids are blue and asks are orange everywhere, two colours that colour-blind people tell apart. What a picture shows is
prepared by :mod:`orderbook.analytics.grids`, which needs numpy alone.
"""

from orderbook.plot import interactive
from orderbook.plot.depth import depth
from orderbook.plot.heatmap import heatmap
from orderbook.plot.icebergs import icebergs
from orderbook.plot.ladder import ladder
from orderbook.plot.queue import queue
from orderbook.plot.series import imbalance, ofi, prices

__all__ = ("depth", "heatmap", "icebergs", "imbalance", "interactive", "ladder", "ofi", "prices", "queue")
