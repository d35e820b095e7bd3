"""Axes without pyplot, so that no test needs a display or leaves a figure behind."""

from __future__ import annotations

from typing import TYPE_CHECKING

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from orderbook import BookState, L2Book, Panel

if TYPE_CHECKING:
    from matplotlib.axes import Axes


mpl.use("Agg")  # before pyplot looks for a display


@pytest.fixture
def ax() -> Axes:
    """New axes, 8 by 4 inches at 100 dots an inch, that can really be drawn."""
    figure = Figure(figsize=(8, 4), dpi=100)
    FigureCanvasAgg(figure)
    return figure.subplots()


@pytest.fixture
def b0() -> L2Book:
    """A small book, known to its last level and not beyond."""
    book = L2Book("B0")
    book.apply_snapshot(
        [("100.00", 5), ("99.99", 10), ("99.97", 20)], [("100.02", 15), ("100.03", 5), ("100.06", 40)], complete=False
    )
    return book


@pytest.fixture
def panel() -> Panel:
    """Ten rows a second apart around 100; rows 4 and 5 are stale, row 8 has no ask."""
    bid_px = np.tile([99.99, 99.98], (10, 1))
    ask_px = np.tile([100.01, 100.02], (10, 1))
    bid_sz, ask_sz = np.tile([4.0, 2.0], (10, 1)), np.tile([2.0, 8.0], (10, 1))
    state = np.zeros(10, "u1")
    state[4:6], state[8] = BookState.STALE, BookState.NO_ASK
    for px, sz in ((bid_px, bid_sz), (ask_px, ask_sz)):
        px[4:6], sz[4:6] = np.nan, 0
    ask_px[8], ask_sz[8] = np.nan, 0
    bid_sz[6, 0] = 9.0
    ts = 1_700_000_000_000_000_000 + 1_000_000_000 * np.arange(10)
    return Panel("SYNTH", ts=ts, state=state, bid_px=bid_px, bid_sz=bid_sz, ask_px=ask_px, ask_sz=ask_sz)
