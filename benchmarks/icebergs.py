"""How good the iceberg detectors are: tuned on some seeds, reported on others, written into the documentation.

    python benchmarks/icebergs.py                  # prints the tables
    python benchmarks/icebergs.py --write          # puts them into docs/analytics/iceberg-scores.md
    python benchmarks/icebergs.py --data ../shared/data --write    # with the injection into a real tape

A table stands between ``<!-- measured: NAME -->`` and ``<!-- end -->``. Everything is seeded: the same code gives the
same page on every machine. It takes a few minutes on one core.
"""

from __future__ import annotations

import argparse
import dataclasses
import functools
import importlib.util
import re
import sys
import textwrap
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np

import orderbook as ob
from orderbook.analytics.icebergs.heuristics import large_vs_neighbours, ratio_screen, upward_changes
from orderbook.analytics.icebergs.native import icebergs_native
from orderbook.analytics.icebergs.near_far import NearFar, near_far_excess
from orderbook.analytics.icebergs.records import Iceberg
from orderbook.analytics.icebergs.same_event import icebergs_same_event
from orderbook.analytics.icebergs.screen import L2IcebergScreen
from orderbook.analytics.icebergs.synthetic import icebergs_synthetic
from orderbook.analytics.tape import trades_of
from orderbook.testing.icebergs import (
    CandidateScores,
    IcebergMarket,
    IcebergScores,
    RecallBucket,
    SimulatedIcebergs,
    inject_icebergs,
    permuted_sizes,
    score_candidates,
    score_icebergs,
    simulate_icebergs,
    window_links,
)

PAGE: Final = Path(__file__).resolve().parent.parent / "docs" / "analytics" / "iceberg-scores.md"
SECTION: Final = re.compile(r"(<!-- measured: ([\w-]+) -->\n).*?(<!-- end -->)", re.DOTALL)
MS: Final = 1_000_000
SECOND: Final = 1000 * MS

TUNED_ON: Final = (1, 2)
# Fresh ones: a set that was looked at while a detector changed is no longer unseen.
REPORTED_ON: Final = (301, 302, 303, 304, 305)
HABIT: Final = IcebergMarket()
NOBODY: Final = dataclasses.replace(HABIT, makers=0.0)
MAKERS: Final = dataclasses.replace(HABIT, makers=0.07, reposts=0.8)
RANDOM_PEAKS: Final = dataclasses.replace(HABIT, random_peaks=1.0)
MARKETS: Final = {"nobody posts again": NOBODY, "anybody may": HABIT, "makers always do": MAKERS}
DTS: Final = (5 * MS, 20 * MS, 50 * MS)
CHAINS: Final = (2, 3, 4, 6, 8)


class Point(NamedTuple):
    """A setting of the detector of synthetic icebergs."""

    dt: int
    min_clip: float = 2
    min_chain: int = 3
    size_tol: float = 0.0

    def __str__(self) -> str:
        return f"{ms(self.dt)}, clip ≥ {self.min_clip}, chain ≥ {self.min_chain}"


# -- tapes, detections and scores, each made once ---------------------------------------------------------------------


@functools.cache
def market(params: IcebergMarket, seed: int) -> SimulatedIcebergs:
    """A tape with labels."""
    return simulate_icebergs(params, seed)


@functools.cache
def placebo(params: IcebergMarket, seed: int) -> ob.Events:
    """The same tape with permuted sizes."""
    return permuted_sizes(market(params, seed).events, seed)


def synthetic(events: ob.Events, point: Point) -> list[Iceberg]:
    """The chains at a setting."""
    options = {"min_clip": point.min_clip, "min_chain": point.min_chain, "size_tol": point.size_tol}
    return icebergs_synthetic(events, point.dt, **options)


@functools.cache
def chains(params: IcebergMarket, seed: int, point: Point) -> list[Iceberg]:
    """The chains of a tape."""
    return synthetic(market(params, seed).events, point)


@functools.cache
def placebo_chains(params: IcebergMarket, seed: int, point: Point) -> list[Iceberg]:
    """The chains of a tape with permuted sizes."""
    return synthetic(placebo(params, seed), point)


@functools.cache
def chain_scores(params: IcebergMarket, seed: int, point: Point) -> IcebergScores:
    """Their scores."""
    return score_icebergs(chains(params, seed, point), market(params, seed).truth, kinds=["synthetic"], min_tranches=3)


def reported(params: IcebergMarket, point: Point, seeds: Sequence[int] = REPORTED_ON) -> IcebergScores:
    """The scores of a setting on tapes that are reported on."""
    return pooled([chain_scores(params, seed, point) for seed in seeds])


@functools.cache
def tuned() -> Point:
    """The setting with the best volume, on the tuning seeds, in the market where anybody may post again."""
    points = [Point(dt, min_chain=chain) for dt in DTS for chain in CHAINS]
    return max(points, key=lambda point: balance(pooled([chain_scores(HABIT, seed, point) for seed in TUNED_ON])))


def looser() -> Point:
    """The same with chains that are shorter by two."""
    return tuned()._replace(min_chain=max(2, tuned().min_chain - 2))


def balance(scores: IcebergScores) -> float:
    """The F-score of volume precision and recall at beta 0.5: a wrong iceberg costs more than one that was missed."""
    precision, recall = scores.volume_precision or 0.0, scores.volume_recall or 0.0
    return 1.25 * precision * recall / (0.25 * precision + recall) if precision + recall else 0.0


def pooled(scores: Sequence[Any]) -> Any:
    """The counts of several tapes added up, so that a tape with more to find weighs more."""
    first = scores[0]
    if isinstance(first, IcebergScores):
        names = [field.name for field in dataclasses.fields(first)]
        return IcebergScores(**{name: pooled([getattr(score, name) for score in scores]) for name in names})
    if isinstance(first, RecallBucket):
        return first._replace(true=sum(one.true for one in scores), found=sum(one.found for one in scores))
    if isinstance(first, NearFar):
        sums = [pooled(values) for values in zip(*map(dataclasses.astuple, scores), strict=True)]
        return NearFar(first.dt, *sums[1:])
    if isinstance(first, tuple):
        values = [pooled(column) for column in zip(*scores, strict=True)]
        return type(first)(*values) if hasattr(first, "_fields") else tuple(values)
    return sum(scores)


# -- words and tables -------------------------------------------------------------------------------------------------


def share(value: float | None) -> str:
    """A share with three digits; a dash for a ratio of nothing."""
    return "-" if value is None else f"{value:.3f}"


def ms(time: int) -> str:
    """A time in milliseconds."""
    return f"{time / MS:g} ms"


def listed(numbers: Iterable[int]) -> str:
    """Numbers with commas."""
    return ", ".join(map(str, numbers))


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(str(cell) for cell in line) + " |" for line in lines)


# -- the sections -----------------------------------------------------------------------------------------------------


def base() -> str:
    """How common icebergs and re-posters are on the tapes that are reported on."""
    rows = []
    for name, params in MARKETS.items():
        tapes = [market(params, seed) for seed in REPORTED_ON]
        rates = pooled([tape.truth.base for tape in tapes])
        icebergs = [iceberg for tape in tapes for iceberg in tape.truth.icebergs]
        links = [link for tape in tapes for link in tape.truth.links if link.kind == "synthetic"]
        shares = (
            rates.iceberg_adds / rates.adds,
            rates.reposts / rates.filled,
            rates.iceberg_lots / rates.lots,
            sum(link.twin for link in links) / len(links),
        )
        rows.append((name, f"{sum(len(tape.events) for tape in tapes):,}", len(icebergs), *map(share, shares)))
    head = ("who posts again", "rows", "icebergs", "of orders: icebergs'", "of filled orders: posted again")
    return table((*head, "of volume: icebergs'", "of synthetic links: beside a twin"), rows)


def parameters() -> str:
    """All of them, and the seeds."""
    rows = [(f"`{name}`", f"`{value}`") for name, value in HABIT.table()]
    told = (
        f"Tuned on the seeds {listed(TUNED_ON)}, reported on {listed(REPORTED_ON)}, all together. *Nobody posts again* "
        "has `makers=0`; *makers always do* has `makers=0.07, reposts=0.8`."
    )
    return f"{textwrap.fill(told, 120)}\n\n{table(('parameter', 'value'), rows)}"


def exact() -> str:
    """Same id, and new id in the same event."""
    rows = []
    for kind, detect in (("native", icebergs_native), ("same_event", icebergs_same_event)):
        for name, params in MARKETS.items():
            scores, every = [], []
            for seed in REPORTED_ON:
                tape = market(params, seed)
                found = detect(tape.events)
                scores.append(score_icebergs(found, tape.truth, kinds=[kind]))
                every.append(score_icebergs(found, tape.truth, kinds=[kind], min_tranches=1))
            one, most = pooled(scores), pooled(every)
            ratios = (one.link_precision, one.link_recall, one.volume_precision, one.parent_recall, most.parent_recall)
            rows.append((f"`{kind}`", name, one.links, *map(share, ratios)))
    head = ("icebergs", "who posts again", "links said", "link precision", "link recall", "volume precision")
    return table((*head, "parents with a second display: found", "all parents: found"), rows)


def links() -> str:
    """Every link, as a first attempt has them and as the detector has them."""
    rows = []
    asked = [(dt, 2, name) for dt in (5 * MS, 20 * MS) for name in MARKETS]
    for dt, clip, name in [*asked, (300 * MS, 1, "anybody may")]:
        params, plain = MARKETS[name], []
        for seed in REPORTED_ON:
            tape = market(params, seed)
            said = window_links(tape.events, dt=dt, min_clip=clip)
            plain.append(score_icebergs(said, tape.truth, kinds=["synthetic"]))
        first, second = pooled(plain), reported(params, Point(dt, clip, 2))
        ratios = (first.link_precision, first.link_recall, second.link_precision, second.link_recall)
        rows.append((f"{ms(dt)}, {clip}", name, *map(share, ratios), share(second.clear_link_recall)))
    plain_head = ("dt, least clip", "who posts again", "`window_links`: precision", "recall")
    return table((*plain_head, "`icebergs_synthetic`, chain ≥ 2: precision", "recall", "clear recall"), rows)


def long_chains() -> str:
    """How precision grows with the length of chains."""
    rows = []
    best = tuned()
    for name, params in MARKETS.items():
        for length in CHAINS:
            point = best._replace(min_chain=length)
            scores = reported(params, point)
            ratios = (
                scores.link_precision,
                scores.chain_right,
                scores.chain_mostly,
                scores.volume_precision,
                scores.volume_recall,
                scores.parent_recall,
                scores.maker_share,
            )
            label = f"**{length}**" if point == best else str(length)
            rows.append((name, label, scores.chains, *map(share, ratios)))
    head = (
        "who posts again",
        "chain ≥",
        "chains",
        "link precision",
        "all right",
        "mostly icebergs",
        "volume precision",
    )
    told = f"All at dt {ms(best.dt)} and clips of {best.min_clip} and more. Chosen on the tuning seeds: **{best}**."
    body = table((*head, "volume recall", "parents found", "of wrong links: makers'"), rows)
    return f"{told}\n\n{body}"


def placebos() -> str:
    """What is found where nothing is."""
    rows = []
    best = tuned()
    for length in CHAINS:
        point = best._replace(min_chain=length)
        real = sum(len(chains(HABIT, seed, point)) for seed in REPORTED_ON)
        chance = sum(len(placebo_chains(HABIT, seed, point)) for seed in REPORTED_ON)
        rows.append((f"chains ≥ {length}", real, chance, share(chance / real)))
    events = [market(HABIT, seed).events for seed in REPORTED_ON]
    near, far = (sum(len(window_links(e, dt=best.dt, shift=at, min_clip=2)) for e in events) for at in (0, 1000 * MS))
    rows.append(("`window_links`, near and far", near, far, share(far / near)))
    return table(("what", "on the tape", "on the placebo", "ratio"), rows)


def near_and_far() -> str:
    """The excess, and the precision that it does not tell."""
    rows = []
    for dt in DTS:
        for name, params in MARKETS.items():
            found = pooled([near_far_excess(market(params, seed).events, [dt])[0] for seed in REPORTED_ON])
            said = reported(params, Point(dt, 2, 2))
            rows.append((ms(dt), name, *map(share, (found.near, found.far, found.excess, said.link_precision))))
    return table(("dt", "who posts again", "near", "far", "excess", "link precision, chain ≥ 2"), rows)


def random_peaks() -> str:
    """Tolerance of sizes."""
    rows = []
    for tolerance in (0.0, 0.25, 0.5):
        for length in (2, tuned().min_chain):
            point = tuned()._replace(size_tol=tolerance, min_chain=length)
            scores = reported(RANDOM_PEAKS, point, REPORTED_ON[:2])
            ratios = (scores.link_precision, scores.link_recall, scores.volume_precision, scores.volume_recall)
            rows.append((tolerance, length, *map(share, ratios)))
    return table(("size_tol", "chain ≥", "link precision", "link recall", "volume precision", "volume recall"), rows)


def recall() -> str:
    """Which ones are found at the chosen setting."""
    scores = reported(HABIT, tuned())
    told = {
        "latency of the link": [(f"from {ms(bucket.low)}", bucket) for bucket in scores.by_latency],
        "peak of the iceberg": [(f"from {bucket.low} lots", bucket) for bucket in scores.by_peak],
        "displays of the iceberg": [(f"from {bucket.low}", bucket) for bucket in scores.by_tranches],
    }
    rows = [(what, low, b.true, share(b.recall)) for what, buckets in told.items() for low, b in buckets if b.true]
    parents = (
        "Links by latency; icebergs with at least three displays, by peak and by displays, of which a link was found."
    )
    return f"{parents}\n\n{table(('by', '', 'true', 'recall'), rows)}"


class Candidate(NamedTuple):
    """A side, a price and a time."""

    side: int
    price: float
    known_at: int


def every_price(events: ob.Events) -> list[Candidate]:
    """Pointing at everything that trades: each price once a second."""
    trades = trades_of(events)
    columns = (trades.side.tolist(), trades.price.tolist(), (trades.ts // SECOND).tolist())
    said = dict.fromkeys(zip(*columns, strict=True))
    return [Candidate(-side, price, (second + 1) * SECOND - 1) for side, price, second in said]


BLIND: Final = "every price that trades, once a second (base rate)"
NAIVE: Final = "`ratio_screen`, executed ≥ 3 x displayed"
SCREENS: Final[dict[str, Callable[[ob.Events], Sequence[Any]]]] = {
    BLIND: every_price,
    NAIVE: ratio_screen,
    "`ratio_screen`, ≥ 5 x": functools.partial(ratio_screen, k=5.0),
    "`large_vs_neighbours`, ≥ 5 x mean": large_vs_neighbours,
    "`upward_changes`, 5 in 10 minutes": upward_changes,
    "`L2IcebergScreen`": lambda events: L2IcebergScreen().update(events),
    "the same, exact ones of a sequenced tape": lambda events: [
        found for found in L2IcebergScreen(sequenced=True).update(events) if found.exact
    ],
    "`icebergs_native`": icebergs_native,
    "`icebergs_synthetic`, as chosen": lambda events: synthetic(events, tuned()),
    "`icebergs_synthetic`, chains shorter by two": lambda events: synthetic(events, looser()),
}


@functools.cache
def screened(name: str, params: IcebergMarket, seed: int) -> CandidateScores:
    """How often a rule points at an iceberg of any kind."""
    tape = market(params, seed)
    return score_candidates(SCREENS[name](tape.events), tape.truth)


def screens() -> str:
    """Rules that point at prices, beside the base rate."""
    rows = []
    for name in SCREENS:
        quiet, habit = (pooled([screened(name, p, seed) for seed in REPORTED_ON]) for p in (NOBODY, HABIT))
        ratios = (quiet.precision, quiet.recall, habit.precision, habit.recall)
        rows.append((name, habit.candidates, *map(share, ratios)))
    head = ("rule", "candidates", "nobody posts again: right", "icebergs pointed at", "anybody may: right")
    return table((*head, "icebergs pointed at"), rows)


class Margin(NamedTuple):
    """What the chains of one tape are worth, beside what they are measured against."""

    scores: IcebergScores
    chance: int
    price: float
    naive: float
    blind: float

    @property
    def market(self) -> float:
        """The share of all volume that is icebergs'."""
        return self.scores.base.iceberg_lots / self.scores.base.lots

    @property
    def volume(self) -> float:
        """The share of the volume said that is icebergs'."""
        return self.scores.volume_precision or 0.0


def margin_of(seed: int, point: Point) -> Margin:
    """The margin on one tape where anybody may post again."""
    here = score_candidates(chains(HABIT, seed, point), market(HABIT, seed).truth)
    others = (screened(rule, HABIT, seed).precision or 0.0 for rule in (NAIVE, BLIND))
    chance = len(placebo_chains(HABIT, seed, point))
    return Margin(chain_scores(HABIT, seed, point), chance, here.precision or 0.0, *others)


def margin() -> str:
    """What chains are worth more than what they are measured against, on every seed that nobody tuned on."""
    rows, told = [], ["On every single one of the seeds that nobody tuned on, where anybody may post again:", ""]
    for name, point in (("as chosen", tuned()), (f"chain ≥ {looser().min_chain}", looser())):
        found = [margin_of(seed, point) for seed in REPORTED_ON]
        richer = min(one.volume / one.market for one in found)
        ahead = min(one.price - one.naive for one in found)
        chance = max(one.chance / one.scores.chains for one in found)
        at_least = "at least " if ahead > 0 else "not always: "
        told.append(
            f"- {name}: the volume that chains name is at least **{richer:.1f} times** as rich in icebergs as the "
            f"market's; the placebo has at most **{share(chance)}** as many chains; chains are right about the price "
            f"more often than the ratio screen ({at_least}**{share(ahead)}**)."
        )
        for seed, one in zip(REPORTED_ON, found, strict=True):
            ratios = (one.volume, one.market, one.price, one.naive, one.blind)
            rows.append((name, seed, one.scores.chains, one.chance, *map(share, ratios)))
    head = ("setting", "seed", "chains", "on the placebo", "volume precision", "icebergs' share of volume")
    body = table((*head, "right about the price: chains", "`ratio_screen` ≥ 3 x", "every price"), rows)
    return f"{wrapped(told)}\n\n{body}"


def summary() -> str:
    """The page in a few lines."""
    best, loose = reported(HABIT, tuned()), reported(HABIT, looser())
    quiet, makers = reported(NOBODY, tuned()), reported(MAKERS, tuned())
    naive, blind = (pooled([screened(name, HABIT, seed) for seed in REPORTED_ON]) for name in (NAIVE, BLIND))
    volume = best.base.iceberg_lots / best.base.lots
    exactly = "- **Same id** (native): every link is right and every second display is found, by the venue's own rule."
    guessed = (
        f"- **New id** (synthetic) at the setting chosen on other seeds ({tuned()}): of the volume said to be "
        f"icebergs', {share(quiet.volume_precision)} is where nobody else posts again, {share(best.volume_precision)} "
        f"where anybody may, {share(makers.volume_precision)} where makers always do. Icebergs have {share(volume)} of "
        "all volume. "
        f"Where anybody may, {share(best.volume_recall)} of their volume is found; with chains from "
        f"{looser().min_chain} orders it is {share(loose.volume_recall)}, at a precision of "
        f"{share(loose.volume_precision)}."
    )
    never = "- **Makers who always post again** cannot be told from icebergs by times, prices and sizes."
    screening = (
        f"- A **ratio screen** is right about the price {share(naive.precision)} of the time; whoever points at every "
        f"price that trades is right {share(blind.precision)} of the time."
    )
    return wrapped([exactly, guessed, never, screening])


def wrapped(lines: Iterable[str]) -> str:
    """Lines of a readable length, those after the first of an item indented."""
    return "\n".join(textwrap.fill(line, 120, subsequent_indent="  ") if line.strip() else "" for line in lines)


def injected(data: Path | None) -> str:
    """Icebergs put into tapes that have none of ours."""
    quiet = dataclasses.replace(HABIT, native=0, synthetic=0, same_event=0)
    tapes = {"simulated, anybody may post again": (simulate_icebergs(quiet, REPORTED_ON[0]).events, 1)}
    if data is not None:
        tapes["Bitstamp BTC/USD, 30 minutes"] = (real_tape(data), 10_000)
    rows = []
    for name, (events, lot) in tapes.items():
        tape = inject_icebergs(events, seed=7, native=200, synthetic=200, lot=lot)
        fills = int(np.count_nonzero(events.action == ob.Action.FILL))
        scale = 10.0**events.size_exponent
        for kind, said in (
            ("native", icebergs_native(tape.events)),
            ("synthetic", synthetic(tape.events, finest(lot))),
        ):
            scores = score_icebergs(said, tape.truth, kinds=[kind], size_scale=scale)
            ratios = (scores.link_precision, scores.link_recall, scores.volume_precision, scores.parent_recall)
            rows.append((name, fills, f"`{kind}`", scores.true_links, scores.links, *map(share, ratios)))
    head = ("tape", "its fills", "icebergs", "true links", "links said", "link precision", "link recall")
    return table((*head, "volume precision", "parents found"), rows)


def finest(lot: int) -> Point:
    """The chosen setting; on a real tape with few fills every clip, and chains from two orders on."""
    return tuned() if lot == 1 else Point(tuned().dt, 1e-8, 2)


def real_tape(data: Path) -> ob.Events:
    """The recorded orders of Bitstamp, read by the example that does just that."""
    path = PAGE.parents[2] / "examples" / "bitstamp_orders.py"
    spec = importlib.util.spec_from_file_location("bitstamp_orders", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return ob.Events.from_events(module.events_of(data / "bitstamp_l3"), symbol="BTCUSD")


def sections(data: Path | None) -> dict[str, Callable[[], str]]:
    """What makes each part of the page, by name."""
    return {
        "summary": summary,
        "base": base,
        "parameters": parameters,
        "exact": exact,
        "links": links,
        "chains": long_chains,
        "placebo": placebos,
        "near-far": near_and_far,
        "random": random_peaks,
        "recall": recall,
        "screens": screens,
        "margin": margin,
        "injected": functools.partial(injected, data),
    }


def main() -> None:
    """Measure, then print or write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", action="store_true", help="put the tables into the documentation")
    parser.add_argument("--data", type=Path, help="the folder of real captures")
    options = parser.parse_args()
    measured = {name: make() for name, make in sections(options.data).items()}
    if options.write:
        page = PAGE.read_text(encoding="utf-8")
        page = SECTION.sub(lambda part: f"{part[1]}{measured[part[2]]}\n{part[3]}", page)
        PAGE.write_text(page, encoding="utf-8")
    else:
        for name, text in measured.items():
            sys.stdout.write(f"## {name}\n\n{text}\n\n")


if __name__ == "__main__":
    main()
