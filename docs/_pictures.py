"""Renders the pictures of the documentation into ``docs/img``, from seeded synthetic markets.

    python docs/_pictures.py

The same seed gives the same market everywhere; the files differ by what the version of matplotlib draws, so nobody
compares them. Look at them after a change.
"""

from __future__ import annotations

import io
import sys
from pathlib import Path
from typing import Any, Final

import matplotlib as mpl

mpl.use("Agg")

import matplotlib.pyplot as plt
from PIL import Image

import orderbook as ob
from orderbook import plot
from orderbook.analytics.icebergs.native import NativeIcebergs
from orderbook.analytics.tape import Trades, trades_of
from orderbook.testing import SyntheticMarket
from orderbook.testing.icebergs.params import IcebergMarket
from orderbook.testing.icebergs.simulate import simulate_icebergs

FOLDER: Final = Path(__file__).resolve().parent / "img"
LIMIT: Final = 100_000
"""Bytes of one file."""

COLOURS: Final = 200


def save(name: str, figure: Any) -> None:
    """Write a figure as an 8 bit PNG.

    Raises:
        SystemExit: the file is larger than pictures of the documentation may be.
    """
    raw = io.BytesIO()
    figure.savefig(raw, dpi=110)
    plt.close(figure)
    path = FOLDER / f"{name}.png"
    Image.open(raw).convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE).save(path, optimize=True)
    size = path.stat().st_size
    print(f"{path.name}: {size:,} bytes")
    if size > LIMIT:
        raise SystemExit(f"{path.name} has {size:,} bytes, more than {LIMIT:,}")


def market() -> tuple[ob.Panel, Trades, Any]:
    """A minute and a half of a market that loses a message and gets a snapshot some seconds later."""
    source = SyntheticMarket(seed=3, symbol="SYNTH", levels=60)
    stream = list(source.stream("binance_spot", 2_400, drop=[1_300], resync_after=110, witnesses=True))
    panel = ob.sample(stream, "50ms", depth=25, clock="event", feed=ob.Feed("binance_spot"))
    book = ob.book_at(stream, int(panel.ts[-1]), clock="event", feed=ob.Feed("binance_spot"))
    return panel, trades_of(ob.Events.from_events(stream)), book


def order_book() -> ob.L3Book:
    """A book order by order."""
    source = SyntheticMarket(seed=8, symbol="SYNTH", levels=12)
    book = ob.L3Book("SYNTH")
    book.apply(source.order_snapshot())
    for _ in range(6_000):
        book.apply_many(source.step())
    return book


def busiest(book: ob.L3Book) -> Any:
    """The bid price with most orders."""
    return max(book.bids, key=lambda level: level.count or 0).price


def draw_icebergs() -> Any:
    """Native icebergs of a simulated tape: everything drawn on top was found in it, nothing is told."""
    events = simulate_icebergs(
        IcebergMarket(seconds=90, native=700, synthetic=0, same_event=0, gives_up=0.08), seed=5
    ).events
    panel = ob.sample(events, "200ms", depth=10, clock="event")
    found = NativeIcebergs()
    refills = found.update(events)
    ax = plot.heatmap(panel, trades_of(events), around=8)
    return plot.icebergs([*refills, *found.icebergs], ax=ax).figure


def main() -> int:
    """Render all of them."""
    FOLDER.mkdir(exist_ok=True)
    panel, trades, book = market()
    save("depth", plot.depth(book, n=40).figure)
    save("ladder", plot.ladder(book, 8).figure)
    save("heatmap", plot.heatmap(panel, trades, around=45).figure)
    figure, axes = plt.subplots(3, sharex=True, figsize=(9, 7), layout="constrained", height_ratios=(2, 1, 1))
    part = panel[len(panel) // 2 - 300 : len(panel) // 2 + 300]
    plot.prices(part, ax=axes[0])
    plot.imbalance(part, depth=5, ax=axes[1])
    plot.ofi(part, ax=axes[2])
    for ax in axes:
        ax.label_outer()
    save("series", figure)
    save("icebergs", draw_icebergs())
    orders = order_book()
    save("queue", plot.queue(orders, "bid", busiest(orders)).figure)
    return 0


if __name__ == "__main__":
    sys.exit(main())
