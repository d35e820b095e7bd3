"""Quotes around a book: where a market maker with an inventory might stand, by Avellaneda and Stoikov (2008).

Replays a synthetic market, keeps the volatility of the mid over a window, and once a second suggests a bid and an ask:
the reservation price leans against the inventory, the distance grows with risk. A quote counts as filled when a trade
goes through its price. An example of the parts of the library at work, and no advice: fees, latency, one's own place in
the queue and one's own effect on the market are left out, and the market does not exist.

    python examples/market_making.py
    python examples/market_making.py --gamma 2 --window 10s --seed 5
    python examples/market_making.py day1.gz --format binance_spot --symbol BTCUSDT --tick 0.01
"""

from __future__ import annotations

import argparse
import math
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import orderbook as ob
from orderbook import analytics
from orderbook.testing import write_capture

SYMBOL = "SYNTHUSDT"
MESSAGES = 3_000
STEP = ob.duration_ns("1s")
SHOWN = 12

Book: TypeAlias = ob.L2Book | ob.L3Book


@dataclass(frozen=True)
class Settings:
    """The parameters of the model.

    ``gamma`` is the aversion to risk, ``k`` how fast the chance of a fill falls with the distance from the mid, both
    per unit of price. ``horizon`` is how many seconds of price risk are looked ahead; the original has the time that is
    left until the close.
    """

    gamma: float
    k: float
    horizon: float
    tick: float


@dataclass(frozen=True)
class Quotes:
    """A suggestion, and what it rests on."""

    reservation: float
    bid: float
    ask: float


def suggest(settings: Settings, book: Book, sigma: float, inventory: int) -> Quotes | None:
    """The quotes for an inventory in units of one fill; None while the book has no mid.

    ``r = mid - q gamma sigma^2 tau``, and on both sides of it ``gamma sigma^2 tau / 2 + ln(1 + gamma / k) / gamma``.
    """
    mid = analytics.mid(book)
    if mid is None:
        return None
    risk = settings.gamma * sigma**2 * settings.horizon
    reservation = mid - inventory * risk
    half = risk / 2 + math.log1p(settings.gamma / settings.k) / settings.gamma
    # On the grid, outwards, and never through the other side: a maker's order must not take.
    best_bid, best_ask, tick = float(book.bids[0].price), float(book.asks[0].price), settings.tick
    bid = min(math.floor((reservation - half) / tick) * tick, best_ask - tick)
    ask = max(math.ceil((reservation + half) / tick) * tick, best_bid + tick)
    return Quotes(reservation, bid, ask)


class Maker:
    """One unit on each side, quoted anew once a step; its fills, inventory and cash."""

    def __init__(self, settings: Settings, window: int) -> None:
        self.settings = settings
        self.history = analytics.MidHistory(window=window, returns="price")
        self.spread = analytics.Rolling(window=window)  # the market's
        self.own = analytics.Rolling(window=window)
        self.quotes: Quotes | None = None
        self.due = 0
        self.inventory = self.bought = self.sold = 0
        self.cash = 0.0
        self.lines: list[str] = []

    def hear(self, update: ob.Update) -> None:
        """Take one update of the replay."""
        now = update.ts_recv if update.ts_event is None else update.ts_event
        if update.verdict == ob.Verdict.GAP:
            # Nothing is known about the book: no quotes, and no return across the gap.
            self.history.reset()
            self.spread.reset()
            self.own.reset()
            self.quotes = None
        elif isinstance(update.event, ob.Trade):
            self.fill(float(update.event.price), update.event.side)
        elif update.state is ob.State.LIVE and now is not None and now >= self.due:
            self.look(update.book, now)

    def fill(self, price: float, aggressor: ob.Side | None) -> None:
        """Fill the quote that a trade went through, and quote no more on that side until the next step."""
        if self.quotes is None or aggressor is None:
            return
        if aggressor is ob.Side.ASK and price < self.quotes.bid:
            self.inventory, self.bought, self.cash = self.inventory + 1, self.bought + 1, self.cash - self.quotes.bid
        elif aggressor is ob.Side.BID and price > self.quotes.ask:
            self.inventory, self.sold, self.cash = self.inventory - 1, self.sold + 1, self.cash + self.quotes.ask
        else:
            return
        self.quotes = None

    def look(self, book: Book, now: int) -> None:
        """Update the windows and the quotes."""
        self.due = now + STEP
        self.history.update(book, now)
        self.spread.update(now, analytics.spread(book))
        sigma = self.history.volatility
        self.quotes = None if sigma is None else suggest(self.settings, book, sigma, self.inventory)
        if self.quotes is not None and sigma is not None:
            q = self.quotes
            self.own.update(now, q.ask - q.bid)
            self.lines.append(
                f"{ob.from_ns(now)[11:19]} {self.history.value or 0:>10.3f} {sigma:>8.4f} {self.inventory:>4} "
                f"{q.reservation:>10.3f} {q.bid:>10.2f} {q.ask:>10.2f}"
            )

    def worth(self) -> float:
        """Cash, and the inventory at the last mid."""
        return self.cash + self.inventory * (self.history.value or 0.0)


def run(source: ob.FileSource, settings: Settings, window: int) -> Maker:
    """Replay the tape in front of a maker."""
    maker = Maker(settings, window)
    for update in ob.replay(source):
        maker.hear(update)
    return maker


def tell(maker: Maker) -> None:
    """Print what it did."""
    print(f"{'time':<8} {'mid':>10} {'sigma':>8} {'inv':>4} {'reserve':>10} {'bid':>10} {'ask':>10}")
    step = max(1, len(maker.lines) // SHOWN)
    print("\n".join(maker.lines[::step]))
    print(f"\n{len(maker.lines)} suggestions, {maker.bought} units bought, {maker.sold} sold, {maker.inventory} held")
    print(f"worth at the last mid: {maker.worth():+.3f}, before everything that this example leaves out")
    if maker.own.mean is not None and maker.spread.mean is not None:
        print(f"spread over the last window: own {maker.own.mean:.3f}, the market's {maker.spread.mean:.3f}")


def positive(text: str) -> float:
    """A number above 0."""
    number = float(text)
    if not 0 < number < math.inf:
        raise argparse.ArgumentTypeError(f"{text} is not above 0")
    return number


def parser() -> argparse.ArgumentParser:
    """The command line."""
    made = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("path", nargs="?", metavar="FILE", help="a capture (default: a synthetic one)")
    made.add_argument("--format", metavar="NAME", help=f"what is in it: {', '.join(ob.formats())}")
    made.add_argument("--symbol", default=SYMBOL, metavar="NAME", help="the instrument (default: %(default)s)")
    made.add_argument("--tick", type=positive, default=0.01, help="its price step (default: %(default)s)")
    made.add_argument("--gamma", type=positive, default=1.0, help="aversion to risk (default: %(default)s)")
    made.add_argument("--k", type=positive, default=25.0, help="decay of fills with distance (default: %(default)s)")
    made.add_argument("--horizon", type=positive, default=5.0, metavar="SECONDS", help="default: %(default)s")
    made.add_argument("--window", default="20s", metavar="TIME", help="of the volatility (default: %(default)s)")
    made.add_argument("--seed", type=int, default=3, help="of the synthetic market (default: %(default)s)")
    return made


def main() -> int:
    """Run; an error of the library is one line, and exit code 1."""
    made = parser()
    arguments = made.parse_args()
    if bool(arguments.path) != bool(arguments.format):
        made.error("a capture needs --format, and --format a capture")
    settings = Settings(arguments.gamma, arguments.k, arguments.horizon, arguments.tick)
    try:
        with tempfile.TemporaryDirectory() as folder:
            path = arguments.path or str(Path(folder, "synthetic.gz"))
            if arguments.path is None:
                market = {"seed": arguments.seed, "symbol": arguments.symbol, "messages": MESSAGES, "levels": 100}
                write_capture(path, "binance_spot", **market)
            tape = ob.FileSource(path, arguments.format or "binance_spot", symbols=[arguments.symbol])
            tell(run(tape, settings, ob.duration_ns(arguments.window)))
    except ob.OrderBookError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
