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
import numpy as np
from PIL import Image

import orderbook as ob
from orderbook import analytics, plot
from orderbook.analytics import Trades, arrays, trades_of
from orderbook.analytics.icebergs import NativeIcebergs
from orderbook.testing import IcebergMarket, SyntheticMarket, simulate_icebergs

FOLDER: Final = Path(__file__).resolve().parent / "img"
LIMIT: Final = 100_000
"""Bytes of one file."""

COLOURS: Final = 200
BID, ASK, INK = "#0072B2", "#D55E00", "#333333"
SECOND: Final = 1_000_000_000


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


def long_panel() -> ob.Panel:
    """Every change of the best prices for a quarter of an hour: what a fit needs."""
    tape = simulate_icebergs(IcebergMarket(seconds=1_800, native=0, synthetic=0, same_event=0), seed=9)
    return ob.bbo(tape.events, clock="event")


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


# -- one for each family of measures --------------------------------------------------------------------------------


def axes_of(title: str, x: str, y: str) -> Any:
    """Axes of a figure of their own, with names."""
    _, ax = plt.subplots(figsize=(9, 4), layout="constrained")
    ax.set(title=title, xlabel=x, ylabel=y)
    ax.spines[["top", "right"]].set_visible(False)
    return ax


def draw_imbalance(panel: ob.Panel) -> Any:
    """The same moments by the best level and by ten levels."""
    figure, axes = plt.subplots(2, sharex=True, figsize=(9, 4.5), layout="constrained")
    for ax, depth in zip(axes, (1, 10), strict=True):
        plot.imbalance(panel, depth=depth, ax=ax)
        ax.label_outer()
    return figure


def draw_cost(book: Any) -> Any:
    """What a marketable order pays against the mid, by its size, until the book ends."""
    ax = axes_of("cost of a marketable order", "size", "average price against the mid, bps")
    sizes = np.linspace(0.5, 60, 240)
    for side, colour, name in (("buy", ASK, "buy"), ("sell", BID, "sell")):
        swept = [analytics.sweep(book, side, size) for size in sizes]
        average = [np.nan if sweep.slip_mid_bps is None else sweep.slip_mid_bps for sweep in swept]
        ax.plot(sizes, average, color=colour, label=name)
    ax.legend(frameon=False)
    return ax.figure


def draw_microprice(panel: ob.Panel) -> Any:
    """The fitted adjustment of the mid beside that of the weighted mid, at the narrowest spread."""
    levels = (panel.bid_px, panel.bid_sz, panel.ask_px, panel.ask_sz)
    model = arrays.fit_microprice(*levels, tick=0.01, n_imb=9, n_spread=2)
    centres = (model.edges[1:] + model.edges[:-1]) / 2
    ax = axes_of("micro-price at a spread of one tick", "imbalance at the best prices", "adjustment of the mid, ticks")
    ax.plot(centres, model.G[: len(centres)], "o-", color=INK, label="fitted (Stoikov)")
    ax.plot(centres, centres / 2, "--", color=ASK, label="weighted mid")
    ax.axhline(0, color=INK, linewidth=0.6)
    ax.legend(frameon=False)
    return ax.figure


def draw_flow(panel: ob.Panel) -> Any:
    """Order flow imbalance of each second beside the move of the mid in it."""
    edges = np.arange(panel.ts[0], panel.ts[-1], SECOND)
    steps = arrays.ofi(panel.bid_px, panel.bid_sz, panel.ask_px, panel.ask_sz)
    flow = arrays.ofi_window(steps, panel.ts, edges)
    move = arrays.mid_change(panel.ts, arrays.mid(panel.bid_px, panel.ask_px), edges)
    fit = arrays.kyle_lambda(flow, move)
    ax = axes_of("order flow and the price", "order flow imbalance in a second", "change of the mid in that second")
    ax.scatter(flow, move, s=14, color=BID, alpha=0.6, linewidths=0)
    ends = np.array([np.nanmin(flow), np.nanmax(flow)])
    ax.plot(ends, fit.intercept + fit.slope * ends, color=ASK, label=f"slope {fit.slope:.4f}, t = {fit.t:.1f}")
    ax.legend(frameon=False)
    return ax.figure


def draw_impact(panel: ob.Panel, trades: Trades) -> Any:
    """Effective spread as realised spread and impact, by horizon."""
    horizons = [int(seconds * SECOND) for seconds in (0.1, 0.2, 0.5, 1, 2, 5, 10)]
    mid = arrays.mid(panel.bid_px, panel.ask_px)
    parts = arrays.effective_spread(trades.ts, trades.side, trades.price, panel.ts, mid, horizons)
    # The same trades at every horizon, so that the parts add up to one effective spread.
    whole = np.isfinite(parts.realised).all(axis=1)
    weights = (trades.price[whole], trades.size[whole])
    means = [arrays.dollar_mean(values[whole], *weights).mean for values in (parts.realised, parts.impact)]
    ax = axes_of("effective spread = realised spread + price impact", "horizon, seconds", "in price")
    seconds = np.array(horizons) / SECOND
    for values, colour, name in zip(means, (BID, ASK), ("realised spread", "price impact"), strict=True):
        ax.plot(seconds, values, "o-", color=colour, label=name)
    ax.plot(seconds, means[0] + means[1], "--", color=INK, label="effective spread")
    ax.set_xscale("log")
    ax.legend(frameon=False)
    return ax.figure


def draw_orders(events: ob.Events) -> Any:
    """What becomes of orders, and what one minus Kaplan-Meier would say of fills."""
    risks = analytics.order_lifetimes(events).risks()
    fates = analytics.cumulative_incidence(risks.durations, risks.cause)
    naive = analytics.kaplan_meier(risks.durations, risks.cause == 1)
    seconds = np.linspace(0, 120, 400)
    ax = axes_of("what becomes of orders", "age, seconds", "probability")
    ax.plot(seconds, fates.at(1, seconds), color=BID, label="filled")
    ax.plot(seconds, fates.at(2, seconds), color=ASK, label="cancelled")
    ax.plot(seconds, 1 - naive.at(seconds), ":", color=BID, label="filled, had nobody ever cancelled (1 - KM)")
    ax.legend(frameon=False)
    return ax.figure


def draw_rolling(panel: ob.Panel) -> Any:
    """The mid and its mean over five seconds, with two standard deviations."""
    window = analytics.Rolling(window=5 * SECOND)
    mid = arrays.mid(panel.bid_px, panel.ask_px)
    band = []
    for ts, value in zip(panel.ts.tolist(), mid.tolist(), strict=True):
        if np.isnan(value):  # stale: how long the last value stood is not known, and nothing is drawn
            window.reset()
            band.append((np.nan, np.nan))
        else:
            window.update(ts, value)
            band.append((window.mean, window.std))
    mean, spread = np.array(band, float).T
    seconds = (panel.ts - panel.ts[0]) / SECOND
    ax = axes_of("a rolling window over the mid", "seconds", "price")
    ax.fill_between(seconds, mean - 2 * spread, mean + 2 * spread, color=BID, alpha=0.2, linewidth=0, label="2 sd")
    ax.plot(seconds, mean, color=BID, label="mean of 5 s")
    ax.plot(seconds, mid, color=INK, linewidth=0.8, label="mid")
    ax.ticklabel_format(useOffset=False)
    ax.legend(frameon=False)
    return ax.figure


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
    save("prices", plot.prices(part).figure)
    save("imbalance", draw_imbalance(part))
    save("cost", draw_cost(book))
    save("impact", draw_impact(panel, trades))
    save("rolling", draw_rolling(part))
    save("microprice", draw_microprice(long_panel()))
    save("flow", draw_flow(panel))
    save("orders", draw_orders(simulate_icebergs(IcebergMarket(seconds=900), seed=4).events))
    save("icebergs", draw_icebergs())
    orders = order_book()
    save("queue", plot.queue(orders, "bid", busiest(orders)).figure)
    return 0


if __name__ == "__main__":
    sys.exit(main())
