"""Results as Markdown: caveats first, then targets, then every table, then what is not there."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from probes import Import
from results import LIMIT, OURS, Results, Target, targets
from rounds import Timing

CAVEATS = """\
# Performance

<!-- Written by `python benchmarks/compare.py --output docs/performance.md`; change that, not this. -->

Benchmarks mislead; these do too. What to keep in mind before a number is quoted:

- **One machine, one run.** Ratios within a table are worth more than its nanoseconds: all rows of a table were taken in
  turns, in the same minutes, each in a process of its own. Read the spread; where it is wide, the machine was busy.
- **Not the same work.** This library checks continuity, keeps exact integers and refuses what it cannot read. The
  others get floats and are trusted with a tape that is known to be whole. None of that is made up for in the figures.
- **Adapters are ours.** Each is the shortest honest use of a public interface that we know; *what ran* says which. An
  expert of another library may do better: `benchmarks/peers/` is short, and corrections are welcome.
- **Different interpreters** where a library needs them: the table of versions says which.
- **The real tapes are two instruments** of one venue on one night, {minutes}. Only their depth
  messages are used, with the snapshot put first, so that no library needs a bridge. The synthetic tapes are kinder to
  caches than a market is.
- **A still book is easily read.** The table of reads asks one question again and again, so a cached answer counts; the
  loop and a call of a `lambda` are in every figure.
- **Fresh memory is slow.** On some machines the first touch of a page costs more than the work in it. The best of
  several rounds mostly reuses what the process has; the worst shows what a first call may cost.
- **`limit` is no library.** It is `orjson` that parses and throws away, or an array whose price range is known in
  advance, in C, that checks nothing.

Each figure is the best of up to {rounds} rounds (*best*; slow jobs get fewer), beside the median and the worst. The
garbage collector is off, as in `timeit`. A first round warms up, is compared with the readable reference books
(*correct*) and does not count. A wrong answer gives no ratio. *vs ours* is how many times our best time it took.
"""

_QUICK = """
!!! warning
    A `--quick` run: small inputs and few rounds, good to see that everything works and for nothing else.
"""


def markdown(results: Results) -> str:
    """The whole page."""
    parts = [CAVEATS.format(rounds=results.settings["rounds"], minutes=_minutes(results))]
    if results.settings["quick"]:
        parts.append(_QUICK.strip("\n") + "\n")
    parts += [_targets(results), _missed(), _inputs(results)]
    for tape in results.tapes():
        parts += _raw(results, tape)
    parts += [_columns(results), _grid(results), _orders(results), _reads(results), _processes(results)]
    parts += [_machine(results), _left_out(results), _again()]
    return "\n".join(part for part in parts if part).rstrip() + "\n"


def _minutes(results: Results) -> str:
    """How long the real tapes are."""
    real = {tape: results.sizes[tape]["seconds"] / 60 for tape in results.tapes()}
    spans = [f"{minutes:.1f} minutes (`{tape}`)" for tape, minutes in real.items()]
    return " and ".join(spans) or "and not here"


# -- pieces ---------------------------------------------------------------------------------------------------------


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines) + "\n"


def duration(seconds: float) -> str:
    """A time with three digits in a unit that suits it."""
    for unit, size in (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6)):
        if seconds >= size:
            return f"{seconds / size:.3g} {unit}" if seconds / size < 999.5 else f"{seconds / size:.0f} {unit}"
    return f"{seconds * 1e9:.3g} ns"


def median(timing: Timing) -> float:
    """The middle round."""
    return sorted(timing.seconds)[len(timing.seconds) // 2]


def spread(timing: Timing) -> list[str]:
    """Best, median and worst."""
    return [duration(timing.best), duration(median(timing)), duration(max(timing.seconds))]


def verdict(correct: bool | None) -> str:
    """The ``correct`` column."""
    return {True: "yes", False: "**no**", None: "-"}[correct]


def versus(timing: Timing, ours: Timing | None) -> str:
    """How many times our time; nothing where a book was wrong."""
    if ours is None or ours.correct is False or timing.correct is False:
        return "-"
    return f"{timing.best / ours.best:.3g}"


def name(timing: Timing) -> str:
    """Who, with ourselves set off."""
    return f"**{timing.who}**" if timing.who == OURS else timing.who


def timed(rows: list[Timing], ours: Timing | None, levels: int, messages: int) -> str:
    """A table of timings."""
    head = ("", "correct", "best", "median", "worst", "ns per level", "ns per message", "vs ours", "what ran")
    body = [
        (
            name(row),
            verdict(row.correct),
            *spread(row),
            f"{row.best / levels * 1e9:.1f}",
            f"{row.best / messages * 1e9:.1f}",
            versus(row, ours),
            row.note,
        )
        for row in rows
    ]
    return table(head, body)


def section(title: str, text: str, *tables: str) -> str:
    """A heading, a paragraph, tables."""
    return "\n".join([f"## {title}\n", *([text + "\n"] if text else []), *tables])


# -- sections -------------------------------------------------------------------------------------------------------


def _targets(results: Results) -> str:
    met = {True: "yes", False: "**no**", None: "-"}

    def row(target: Target) -> tuple[str, str, str, str]:
        return target.what, target.promise, target.measured, met[target.met]

    text = "What this library set out to reach, met or not."
    return section("Targets", text, table(("", "target", "measured", "met"), map(row, targets(results))))


MISSED = """\
What the profiles say, and what it would take. Times here are of a busy virtual machine, on which `orjson` alone
takes about 110 ns a level; the targets that are counted in nanoseconds were set on one where it took 75 to 97.

- **A file in bulk.** Walking the bytes and setting the levels take 30 to 35 ns a level; what is left over is paid
  once a tape, and these tapes are a few thousand messages: telling how the file was recorded, the snapshot and the
  messages before it, which go the slow way. A longer tape comes closer. `ob.load` writes 51 bytes a row beside
  that, into memory that was never touched, and on such a machine the first touch costs more than the writing. It
  would take memory that is kept from call to call, which a library should not hold for its user.
- **Parsed messages.** Four fifths of the compiled time go into reading the texts out of Python's lists, two reads
  of memory that is all over the place for each number, and one fifth into the book. The way through bytes, above,
  avoids it.
- **Columns to best prices.** The limit itself, which checks nothing and knows the range of prices, needs most of
  the time that the target in milliseconds allows here; against it the ladder is well inside. hftbacktest's depth
  writes no arrays and takes one side's update at a time. It would take a ladder that sets the levels of a message
  side by side.
- **Reads.** What was read last is kept until the book moves (`best_bid`, `best_ask`, `depth`), as in the lists of
  others; the first read after a change makes the values: about 90 ns for a `Level`, and 2 us for ten levels a side.
- **Import** was to take less than 150 ms, and takes what the table of imports says. Three fifths of it are numpy;
  of the rest the classes of events (dataclasses) are the largest part. It would take numpy on demand."""


def _missed() -> str:
    """What a reader of the table above asks next."""
    return section("Where a target is missed", MISSED, "")


def _inputs(results: Results) -> str:
    rows = [
        (f"`{tape}`", size["title"], f"{size['messages']:,}", f"{size['levels']:,}", f"{size['bytes']:,}")
        for tape, size in results.sizes.items()
        if size["kind"] == "raw"
    ]
    updates, orders = results.sizes["synthetic"], results.sizes["orders"]
    rows += [
        ("`synthetic`", _share(updates["deletes"]), f"{updates['messages']:,}", f"{updates['levels']:,}", ""),
        ("`orders`", "adds, modifies, cancels around a mid that stands still", f"{orders['messages']:,}", "", ""),
    ]
    return section("Inputs", "", table(("tape", "what", "messages", "levels", "bytes"), rows))


def _share(deletes: float) -> str:
    return f"levels around a mid price that walks, {deletes:.0%} deletes, seeded"


def _raw(results: Results, tape: str) -> list[str]:
    size = results.sizes[tape]
    counts = size["levels"], size["messages"]
    feed, parsed = results.of(f"feed/{tape}"), results.of(f"parsed/{tape}")
    bulk = [row for job in ("load", "bbo", "sample") for row in results.of(f"{job}/{tape}")]
    inflate = size["inflate"]
    parts = [
        section(
            f"Raw messages, one at a time: {tape}",
            f"{size['title']}: bytes in, best bid and ask read after every message.",
            timed([*results.of(f"parse/{tape}"), *feed], results.one(f"feed/{tape}"), *counts),
        ),
    ]
    if bulk:
        text = f"A decompressed file in one call. *vs orjson* is how much of the time of `orjson.loads` alone it took. \
Decompression is not in these figures: `gzip.decompress` of the whole recording ({inflate['lines']:,} lines of all \
kinds, {inflate['bytes']:,} bytes) took {duration(inflate['seconds'])}."
        parts.append(section(f"Raw file in bulk: {tape}", text, _bulk(bulk, results.of(f"parse_bulk/{tape}"), counts)))
    text = "The same messages, parsed by `orjson` before the clock starts."
    parts.append(
        section(f"Parsed messages: {tape}", text, timed(parsed, results.one(f"parsed/{tape}"), *counts)),
    )
    return parts


def _bulk(rows: list[Timing], limit: list[Timing], counts: tuple[int, int]) -> str:
    head = ("", "correct", "best", "median", "worst", "ns per level", "ns per message", "vs orjson")
    body = []
    for row in [*limit, *rows]:
        ratio = f"{row.best / limit[0].best:.2f}" if limit and row.correct is not False else "-"
        levels, messages = (f"{row.best / count * 1e9:.1f}" for count in counts)
        body.append((row.note, verdict(row.correct), *spread(row), levels, messages, ratio))
    return table(head, body)


def _columns(results: Results) -> str:
    size = results.sizes["synthetic"]
    rows = results.of("columns/synthetic")
    text = "Every best bid and ask after every update. Libraries in Python take prepared rows one at a time."
    counts = size["levels"], size["messages"]
    return (
        section("Columns to best prices", text, timed(rows, results.one("columns/synthetic"), *counts)) if rows else ""
    )


def _grid(results: Results) -> str:
    rows = results.of("grid/synthetic")
    head = ("", "correct", "best", "median", "worst", "bytes in and out", "GB/s")
    body = [
        (row.note, verdict(row.correct), *spread(row), f"{row.moved:,}", f"{row.moved / row.best / 1e9:.3f}")
        for row in rows
    ]
    text = "The synthetic updates as ten levels a side on a grid of 100 ms: bytes of all columns read and written."
    return section("Columns to ladders", text, table(head, body)) if rows else ""


def _orders(results: Results) -> str:
    count = results.sizes["orders"]["messages"]
    parts = []
    for job, title in (("l3_bulk", "All at once:"), ("l3_calls", "A Python call each:")):
        rows = results.of(f"{job}/orders")
        if rows:
            parts += [title + "\n", timed(rows, results.one(f"{job}/orders"), count, count)]
    return (
        section("Order by order", "Adds, modifies and cancels; one order is one level here.", *parts) if parts else ""
    )


def _reads(results: Results) -> str:
    body = []
    for job in ("best_bid", "spread", "mid_price", "depth"):
        ours = results.one(f"read/{job}")
        for row in results.of(f"read/{job}"):
            times = [duration(value / results.settings["reads"]) for value in (row.best, median(row), max(row.seconds))]
            body.append((f"`{job}`", name(row), verdict(row.correct), *times, versus(row, ours), row.note))
    head = ("question", "", "correct", "best", "median", "worst", "vs ours", "what ran")
    text = "A book of 1,000 levels a side that stands still; every library that answers the same question."
    return section("Reading a book", text, table(head, body)) if body else ""


def _processes(results: Results) -> str:
    parts = []
    if results.memory:
        rows = [
            (
                f"{found.updates:,}",
                f"{found.over_empty / 2**20:.1f} MiB",
                f"{found.over_import / 2**20:.1f} MiB",
                verdict(found.complete),
            )
            for found in results.memory
        ]
        parts.append(
            section(
                "Memory",
                "Peak resident memory of replaying a recorded file, each length in a process of its own.",
                table(("level updates", "over an empty interpreter", "over `import orderbook`", "all replayed"), rows),
            )
        )
    if results.imports:
        head = ("", "best, over a bare interpreter", "interpreter alone", "heavy modules that come along")
        text = "A whole process that imports and ends, less one that only ends."
        parts.append(section("Import", text, table(head, map(_import_row, results.imports))))
    return "\n".join(parts)


def _import_row(found: Import) -> tuple[str, ...]:
    who = f"**{found.who}**" if found.who == OURS else found.who
    return who, duration(max(found.cost, 0.0)), duration(min(found.bare)), ", ".join(found.heavy) or "none"


def _machine(results: Results) -> str:
    machine = table(("", ""), results.machine.items())
    rows = [(v.who if v.who != LIMIT else "limit", v.version, v.python) for v in results.versions]
    return section("Machine and versions", "", machine, table(("library", "version", "Python"), rows))


def _left_out(results: Results) -> str:
    text = "Not in the tables, and why."
    return section("Left out", text, table(("what", "why"), results.left_out)) if results.left_out else ""


def _again() -> str:
    text = "`benchmarks/README.md` says what is needed; a run takes some minutes."
    return section("Run it again", text, "```bash\npython benchmarks/compare.py --output docs/performance.md\n```")
