"""A capture in, a proven book out.

Without a file: makes a minute of a synthetic market in Binance's format, loses one message on purpose, and shows how
the gap is caught, what happens to the book, and how a snapshot heals it.

With a file (or several that make up one tape): the same for your own capture.

    python examples/quickstart.py
    python examples/quickstart.py day1.gz day2.gz --format binance_spot
    python examples/quickstart.py AAPL_*_message_10.csv AAPL_*_orderbook_10.csv --format lobster
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

import orderbook as ob
from orderbook.testing import write_capture
from orderbook.types import UNDEF_TIMESTAMP

SYMBOL = "SYNTHUSDT"
MESSAGES = 2_000
LOST = 1_200
SHOWN = 12
STEPS = ("10ms", "50ms", "100ms", "500ms", "1s", "5s", "10s", "30s", "1min", "5min", "10min", "30min", "1h", "6h", "1d")


@dataclass
class Story:
    """What a replay had to tell: the rare verdicts, and when the tape begins and ends."""

    feed: ob.Feed
    lines: list[str] = field(default_factory=list)
    told: int = 0
    first: int | None = None
    last: int | None = None
    applied: int | None = None
    gap_at: dict[str, int | None] = field(default_factory=dict)
    blind: list[tuple[int, int]] = field(default_factory=list)

    def hear(self, update: ob.Update) -> None:
        """Note one update; the usual ones leave no line."""
        now = update.ts_event if update.ts_recv is None else update.ts_recv
        self.first = now if self.first is None else self.first
        self.last = now if now is not None else self.last
        verdict = update.verdict
        if verdict in (ob.Verdict.APPLIED, ob.Verdict.NOOP):
            self.applied = now if verdict == ob.Verdict.APPLIED else self.applied
            return
        self.told += 1
        if verdict == ob.Verdict.GAP:
            text = f"expected {verdict.expected}, got {verdict.got}: the book is cleared, nothing is published"
            self.gap_at[update.symbol] = now
            self.blind.append((self.applied or 0, now or 0))
        elif verdict == ob.Verdict.SNAPSHOT:
            text = f"{len(update.book.bids)} bids, {len(update.book.asks)} asks{self.healed(update.symbol, now)}"
        else:
            text = type(update.event).__name__
        if len(self.lines) < SHOWN:
            self.lines.append(f"{clock(now)}  {update.symbol:<10} {verdict.name:<12} {text}")

    def healed(self, symbol: str, now: int | None) -> str:
        """How long the book was away, if it was."""
        if symbol not in self.gap_at:
            return ""
        since = self.gap_at.pop(symbol)
        away = "" if since is None or now is None else f" after {(now - since) / 1e9:.3f} s"
        return f": live again{away}"


def synthetic_capture(path: Path, *, damaged: bool = True) -> None:
    """Write the capture of the synthetic market; ``damaged`` leaves a message out, as a recorder does that loses it."""
    lost = [LOST] if damaged else []
    write_capture(path, "binance_spot", seed=3, messages=MESSAGES, drop=lost, resync_after=40, levels=100)


def clock(ns: int | None) -> str:
    """The time of day in UTC, to the millisecond."""
    return "--:--:--.---" if ns is None else ob.from_ns(ns)[11:23]


def title(text: str) -> None:
    """A heading."""
    print(f"\n{text}\n{'─' * len(text)}")


def tell(source: ob.FileSource, symbols: Sequence[str] | None) -> Story:
    """Replay the tape once and print what happened."""
    run = ob.replay(source, symbols=symbols)
    story = Story(run.feed)
    for update in run:
        story.hear(update)
    title("What happened")
    print("\n".join(story.lines) or "nothing but updates in order")
    if story.told > len(story.lines):
        print(f"... and {story.told - len(story.lines)} more")
    stats = run.stats
    names = (
        "messages",
        "applied",
        "snapshots",
        "stale",
        "buffered",
        "gaps",
        "resyncs",
        "crossed",
        "unknown_orders",
        "faults",
    )
    title("Counts")
    for row in (names[:5], names[5:]):
        print("   ".join(f"{name.replace('_', ' ')} {getattr(stats, name)}" for name in row))
    return story


def choose(story: Story, symbol: str | None) -> str:
    """The instrument to look at: the one that was asked for, else the busiest."""
    builders = story.feed.builders
    if not builders:
        raise ob.UsageError("the tape holds no message of any book")
    if symbol is not None and symbol not in builders:
        raise ob.UsageError(f"no message of {symbol}; the tape has {', '.join(sorted(builders))}")
    return symbol or max(sorted(builders), key=lambda name: builders[name].stats.applied)


def grid(story: Story, every: str | None) -> str:
    """A step that makes about a dozen rows, if none was asked for; a tape without times is counted instead."""
    if every is not None:
        return every
    if story.first is None or story.last is None:
        return f"{max(1, story.feed.stats.applied // SHOWN)}ev"
    span = story.last - story.first
    return next((step for step in STEPS if span <= (SHOWN + 1) * ob.duration_ns(step)), STEPS[-1])


def show_best_prices(source: ob.FileSource, symbol: str, every: str, digits: int) -> None:
    """Print the best prices at a regular grid, the first rows of it."""
    panel = ob.sample(source, every, depth=1, symbol=symbol)
    title(f"{symbol}: best prices every {every}, nothing later than the moment itself")
    print(f"{'time':<12} {'bid size':>14} {'bid':>12} {'ask':>12} {'ask size':>14}  state")
    for i in range(min(len(panel), SHOWN + 1)):
        bid, ask = (f"{px[i, 0]:.{digits}f}" if px[i, 0] == px[i, 0] else "" for px in (panel.bid_px, panel.ask_px))
        bids, asks = (f"{sz[i, 0]:.4f}" if sz[i, 0] else "" for sz in (panel.bid_sz, panel.ask_sz))
        ts = int(panel.ts[i])
        when = clock(None if ts == UNDEF_TIMESTAMP else ts)
        print(f"{when:<12} {bids:>14} {bid:>12} {ask:>12} {asks:>14}  {ob.BookState(panel.state[i]).name}")
    if len(panel) > SHOWN + 1:
        print(f"... and {len(panel) - SHOWN - 1} rows more")


def show_ladder(story: Story, symbol: str, depth: int) -> None:
    """Print the book as the tape leaves it."""
    builder = story.feed.builders[symbol]
    title("The book at the end")
    if builder.state is ob.State.LIVE:
        view = builder.book.depth(depth)
        print(view)
        print(f"every level here is known: {'yes' if view.known else 'no, the snapshot did not reach so far'}")
    else:
        print(f"there is none: {symbol} is {builder.state.name} and needs {builder.needs_snapshot}")


def show_proof(story: Story, damaged: ob.FileSource, whole: ob.FileSource) -> None:
    """Compare the book on the damaged tape with the one on the undamaged tape, ten times a second."""
    got, truth = (ob.sample(tape, "100ms", depth=10) for tape in (damaged, whole))
    same = np.ones(len(got), bool)
    for name in ("bid_px", "bid_sz", "ask_px", "ask_sz"):
        same &= (getattr(got, name) == getattr(truth, name)).all(axis=1)
    withheld = got.state == ob.BookState.STALE
    # Between the loss and the next message there is nothing that could show it.
    blind = np.zeros(len(got), bool)
    for since, until in story.blind:
        blind |= (got.ts > since) & (got.ts < until) & ~withheld
    title("The proof")
    print("compared with the same tape without the loss, ten levels a side every 100 ms:")
    print(
        f"  {withheld.sum()} rows of {len(got)} were withheld: before the first snapshot, and while the book was stale"
    )
    print(f"  {blind.sum()} row stands between the loss and the message that revealed it: nobody could know yet")
    print(f"  all others equal to the book of the undamaged tape: {'yes' if (same | withheld | blind).all() else 'NO'}")


def show(source: ob.FileSource, arguments: argparse.Namespace) -> Story:
    """Everything about one tape."""
    story = tell(source, None if arguments.symbol is None else [arguments.symbol])
    symbol = choose(story, arguments.symbol)
    digits = story.feed.builders[symbol].book.price_scale
    show_best_prices(source, symbol, grid(story, arguments.every), digits)
    show_ladder(story, symbol, arguments.depth)
    return story


def show_synthetic(arguments: argparse.Namespace) -> None:
    """Make a capture, lose a message of it, and show both."""
    with tempfile.TemporaryDirectory() as folder:
        damaged, whole = Path(folder, "damaged.gz"), Path(folder, "whole.gz")
        synthetic_capture(damaged)
        synthetic_capture(whole, damaged=False)
        if arguments.write is not None:
            Path(arguments.write).write_bytes(damaged.read_bytes())
        print(f"A synthetic minute of {SYMBOL} in Binance's format; depth message {LOST} of {MESSAGES} was lost.")
        tapes = [ob.FileSource(path, "binance_spot", symbols=[SYMBOL]) for path in (damaged, whole)]
        show_proof(show(tapes[0], arguments), *tapes)


def parser() -> argparse.ArgumentParser:
    """The command line."""
    made = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("paths", nargs="*", metavar="FILE", help="a capture; several are read as one tape")
    made.add_argument("--format", metavar="NAME", help=f"what is in it: {', '.join(ob.formats())}")
    made.add_argument(
        "--framing", default="auto", metavar="NAME", help="how it was recorded (default: looked up in it)"
    )
    made.add_argument("--symbol", metavar="NAME", help="the instrument to look at (default: the busiest)")
    made.add_argument("--every", metavar="STEP", help="the grid, such as 100ms or 5000ev (default: about a dozen rows)")
    made.add_argument("--depth", type=int, default=10, metavar="N", help="levels of the ladder (default: 10)")
    made.add_argument("--write", metavar="FILE", help="without a capture: keep the synthetic one here")
    return made


def main() -> int:
    """Run; an error of the library is one line, and exit code 1."""
    made = parser()
    arguments = made.parse_args()
    if bool(arguments.paths) != bool(arguments.format):
        made.error("a capture needs --format, and --format a capture")
    if arguments.paths and arguments.write:
        made.error("--write keeps the synthetic capture; it takes no files")
    try:
        if arguments.paths:
            symbols = None if arguments.symbol is None else [arguments.symbol]
            tape = ob.FileSource(arguments.paths, arguments.format, framing=arguments.framing, symbols=symbols)
            show(tape, arguments)
        else:
            arguments.symbol = arguments.symbol or SYMBOL
            show_synthetic(arguments)
    except ob.OrderBookError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
