"""How long the array measures take a row, beside the plain numpy form of each and beside one copy of what they read.

Run ``python benchmarks/analytics.py --output docs/analytics/speed.md``; ``--rows`` and ``--rounds`` make it shorter.
Both forms take turns in one process on the same panel, and their answers are compared.
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt
from compare import machine

from orderbook.analytics import arrays

Array = npt.NDArray[Any]
TICK: Final = 0.01
NAN: Final = np.nan

HEAD: Final = """\
# Speed of the array measures

<!-- Written by `python benchmarks/analytics.py --output docs/analytics/speed.md`; change that, not this. -->

Nanoseconds a row over a panel of {rows:,} rows of {depth} levels a side, best of {rounds} rounds in which both forms
took turns, with the median in brackets. *Plain* is the textbook numpy form over the whole arrays, without a look at
absent levels, units or state, and for one answer where ours has several (a sweep has thirteen fields, a depth band
four). *Copy* is what one copy of the arrays that the measure reads costs here: what memory itself allows. *Peak* is the
memory above the panel and the answer, in bytes a row, as numpy counts it. The answers agree to 1e-9 relative on every
row (*correct*).

{machine}

| measure | ns a row | plain numpy | ratio | copy | peak ours | peak plain | correct |
|---|---:|---:|---:|---:|---:|---:|---|
"""


class Panel(NamedTuple):
    """Made-up depth: every level there, so that the plain forms are right."""

    bid_px: Array
    bid_sz: Array
    ask_px: Array
    ask_sz: Array
    ts: Array


class Job(NamedTuple):
    """A measure, its plain form, and the arrays that it reads."""

    name: str
    ours: Callable[[], Array]
    plain: Callable[[], Array]
    reads: tuple[Array, ...]


def market(rows: int, depth: int, seed: int = 0) -> Panel:
    """A mid price that wanders in ticks and sizes that repeat."""
    rng = np.random.default_rng(seed)
    bid = 10_000 + np.cumsum(rng.integers(-1, 2, rows))
    ask = bid + rng.integers(1, 4, rows)
    steps = np.arange(depth)
    sizes = rng.integers(1, 200, (2, rows, depth)) / 4
    prices = np.stack([bid[:, None] - steps, ask[:, None] + steps]) / 100
    return Panel(prices[0], sizes[0], prices[1], sizes[1], np.cumsum(rng.integers(1, 50, rows)) * 1_000_000)


def jobs(panel: Panel) -> Iterator[Job]:
    """What is measured."""
    bp, bs, ap, asz, _ = panel
    book = (bp, bs, ap, asz)
    mid = (bp[:, 0] + ap[:, 0]) / 2
    yield Job("spread, bps", lambda: arrays.spread(bp, ap, "bps"), lambda: plain_spread(bp, ap), (bp[:, 0], ap[:, 0]))
    yield Job("weighted mid", lambda: arrays.weighted_mid(*book), lambda: plain_weighted(*book), (bp[:, 0], ap[:, 0]))
    yield Job("imbalance, all levels", lambda: arrays.imbalance(bs, asz), lambda: plain_imbalance(bs, asz), (bs, asz))
    yield Job(
        "imbalance, exp weights",
        lambda: arrays.imbalance_weighted(*book, "exp", lam=0.5, tick=TICK),
        lambda: plain_weighted_imbalance(*book),
        book,
    )
    yield Job("VAMP", lambda: arrays.vamp(*book), lambda: plain_vamp(*book), book)
    yield Job("level VWAP", lambda: arrays.level_vwap(bp, bs), lambda: (bp * bs).sum(1) / bs.sum(1), (bp, bs))
    yield Job(
        "sweep, average price",
        lambda: arrays.sweep(ap, asz, 100.0, "buy")["avg"],
        lambda: plain_sweep(ap, asz, 100.0),
        (ap, asz),
    )
    yield Job(
        "round trip, bps",
        lambda: arrays.round_trip_bps(*book, 5_000.0),
        lambda: plain_round_trip(*book, 5_000.0),
        book,
    )
    yield Job(
        "depth within 3 bps, bid",
        lambda: arrays.depth_bands(bp, bs, mid, [3.0], "bid").size[:, 0],
        lambda: np.where(bp >= (mid * (1 - 3e-4))[:, None] - 1e-9, bs, 0.0).sum(1),
        (bp, bs),
    )
    yield Job("OFI", lambda: arrays.ofi(*book), lambda: plain_ofi(*book)[:, 0], tuple(x[:, 0] for x in book))
    yield Job("MLOFI, 10 levels", lambda: arrays.mlofi(*book), lambda: plain_ofi(*book), book)


def plain_spread(bp: Array, ap: Array) -> Array:
    """1e4 (a - b) / m."""
    bid, ask = bp[:, 0], ap[:, 0]
    return 2e4 * (ask - bid) / (ask + bid)


def plain_weighted(bp: Array, bs: Array, ap: Array, asz: Array) -> Array:
    """(b qa + a qb) / (qa + qb)."""
    return (bp[:, 0] * asz[:, 0] + ap[:, 0] * bs[:, 0]) / (asz[:, 0] + bs[:, 0])


def plain_imbalance(bs: Array, asz: Array) -> Array:
    """(B - A) / (B + A)."""
    bid, ask = bs.sum(1), asz.sum(1)
    return (bid - ask) / (bid + ask)


def plain_weighted_imbalance(bp: Array, bs: Array, ap: Array, asz: Array) -> Array:
    """The same with exp(-distance / 2) as weights, distance in ticks from the mid."""
    mid = ((bp[:, 0] + ap[:, 0]) / 2)[:, None]
    bid = (np.exp(-0.5 * np.abs(bp - mid) / TICK) * bs).sum(1)
    ask = (np.exp(-0.5 * np.abs(ap - mid) / TICK) * asz).sum(1)
    return (bid - ask) / (bid + ask)


def plain_vamp(bp: Array, bs: Array, ap: Array, asz: Array) -> Array:
    """(S b qa + S a qb) / (S qa + S qb)."""
    return ((bp * asz).sum(1) + (ap * bs).sum(1)) / (asz.sum(1) + bs.sum(1))


def plain_sweep(px: Array, sz: Array, qty: float) -> Array:
    """The average price of a marketable order."""
    cum = sz.cumsum(1)
    take = np.clip(qty - (cum - sz), 0, sz)
    filled = take.sum(1)
    return np.where(filled >= qty * (1 - 1e-12), (take * px).sum(1) / filled, NAN)


def plain_round_trip(bp: Array, bs: Array, ap: Array, asz: Array, notional: float) -> Array:
    """1e4 (average ask - average bid) / mid for a budget on each side."""
    average = []
    for px, sz in ((bp, bs), (ap, asz)):
        value = px * sz
        cum = value.cumsum(1)
        take = np.clip(notional - (cum - value), 0, value)
        spent = take.sum(1)
        average.append(np.where(spent >= notional * (1 - 1e-12), spent / (take / px).sum(1), NAN))
    return 2e4 * (average[1] - average[0]) / (bp[:, 0] + ap[:, 0])


def plain_ofi(bp: Array, bs: Array, ap: Array, asz: Array) -> Array:
    """The rule of Cont, Kukanov and Stoikov at every level."""
    out = np.full(bp.shape, NAN)
    p, pp, q, qq = bp[1:], bp[:-1], bs[1:], bs[:-1]
    r, rr, s, ss = ap[1:], ap[:-1], asz[1:], asz[:-1]
    bid = np.where(p > pp, q, np.where(p < pp, -qq, q - qq))
    ask = np.where(r < rr, s, np.where(r > rr, -ss, s - ss))
    out[1:] = bid - ask
    return out


class Timing(NamedTuple):
    """Seconds of every round, and bytes at the peak."""

    seconds: list[float]
    peak: int


def peak_of(work: Callable[[], Array]) -> int:
    """Bytes above the answer that numpy had at the worst moment."""
    import tracemalloc

    tracemalloc.start()
    answer = work()
    peak = tracemalloc.get_traced_memory()[1] - answer.nbytes
    tracemalloc.stop()
    return max(peak, 0)


def measure(job: Job, rounds: int) -> str:
    """One row of the table."""
    right = np.allclose(job.ours(), job.plain(), rtol=1e-9, atol=1e-9, equal_nan=True)
    times: dict[str, list[float]] = {"ours": [], "plain": [], "copy": []}
    works: dict[str, Callable[[], Any]] = {
        "ours": job.ours,
        "plain": job.plain,
        "copy": lambda: [array.copy() for array in job.reads],
    }
    for _ in range(rounds):
        for name, work in works.items():
            start = time.perf_counter()
            work()
            times[name].append(time.perf_counter() - start)
    rows = len(job.reads[0])
    ns = {name: 1e9 * min(values) / rows for name, values in times.items()}
    middle = {name: 1e9 * statistics.median(values) / rows for name, values in times.items()}
    peaks = [peak_of(work) / rows for work in (job.ours, job.plain)]
    return (
        f"| {job.name} | {ns['ours']:.1f} ({middle['ours']:.1f}) | {ns['plain']:.1f} ({middle['plain']:.1f}) "
        f"| {ns['ours'] / ns['plain']:.2f} | {ns['copy']:.1f} | {peaks[0]:.0f} | {peaks[1]:.0f} "
        f"| {'yes' if right else '**no**'} |"
    )


def main() -> None:
    """Measure and print, or write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--depth", type=int, default=10)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--output", type=Path)
    options = parser.parse_args()
    panel = market(options.rows, options.depth)
    facts = (
        f"{machine()['processor']}, {os.cpu_count()} cores, Python {platform.python_version()}, numpy {np.__version__}."
    )
    head = HEAD.format(rows=options.rows, depth=options.depth, rounds=options.rounds, machine=facts)
    text = head + "\n".join(measure(job, options.rounds) for job in jobs(panel)) + "\n"
    if options.output is None:
        print(text)  # noqa: T201 - a script
    else:
        options.output.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
