"""The values of one run, and the targets that they are held against."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final, NamedTuple

from probes import Import, Memory
from rounds import Timing

OURS: Final = "orderbook"
LIMIT: Final = "limit"
MAY_GROW: Final = 4 * 2**20
"""Bytes that ten times the tape may add: allocators are not exact."""


class Version(NamedTuple):
    """What ran: a library, its version, the version of its interpreter."""

    who: str
    version: str
    python: str


class Results(NamedTuple):
    """Everything that one run found out."""

    machine: dict[str, str]
    settings: dict[str, Any]
    versions: list[Version]
    sizes: dict[str, dict[str, Any]]
    timings: list[Timing]
    memory: list[Memory]
    imports: list[Import]
    left_out: list[tuple[str, str]]

    def of(self, job: str) -> list[Timing]:
        """All timings of a job, fastest first."""
        return sorted((timing for timing in self.timings if timing.job == job), key=lambda timing: timing.best)

    def one(self, job: str, who: str = OURS) -> Timing | None:
        """The fastest timing of a job by one library; None where it is not there or the answer was wrong."""
        found = (timing for timing in self.of(job) if timing.who.split(" (")[0] == who)
        return next((timing for timing in found if timing.correct is not False), None)

    def rival(self, job: str) -> Timing | None:
        """The fastest other library with a right answer."""
        return next((t for t in self.of(job) if t.correct and t.who not in (OURS, LIMIT)), None)

    def ratio(self, above: Timing | None, below: Timing | None) -> float | None:
        """Best by best; None without both."""
        return None if above is None or below is None else above.best / below.best

    def tapes(self) -> list[str]:
        """The real tapes."""
        return [name for name, size in self.sizes.items() if size["kind"] == "raw"]


class Target(NamedTuple):
    """Something promised: what, the promise in words, the measured value in words, whether it was met."""

    what: str
    promise: str
    measured: str
    met: bool | None


def _target(
    what: str, promise: str, value: float | None, holds: Callable[[float], bool], unit: str, digits: int = 2
) -> Target:
    if value is None:
        return Target(what, promise, "not measured", None)
    return Target(what, promise, f"{value:.{digits}f}{unit}", holds(value))


def targets(results: Results) -> Iterator[Target]:
    """Every target, in the order of the sections."""
    for tape in results.tapes():
        yield from _raw_targets(results, tape)
    yield from _column_targets(results)
    yield from _order_targets(results)
    yield from _process_targets(results)


def _raw_targets(results: Results, tape: str) -> Iterator[Target]:
    """Rows 1 to 3."""
    parse, feed = results.one(f"parse/{tape}", LIMIT), results.one(f"feed/{tape}")
    yield _target(
        f"raw messages one at a time, {tape}",
        "at most 0.8 of orjson alone (aim: 0.5)",
        results.ratio(feed, parse),
        lambda ratio: ratio <= 0.8,
        " of orjson",
    )
    rival = results.rival(f"feed/{tape}")
    name = "" if rival is None else f" the speed of {rival.who}"
    yield _target(
        f"raw messages one at a time, {tape}",
        "at least 5x the best peer",
        results.ratio(rival, feed),
        lambda ratio: ratio >= 5,
        "x" + name,
    )
    alone = results.one(f"parse_bulk/{tape}", LIMIT)
    for job, call in (("load", "ob.load"), ("bbo", "ob.bbo"), ("sample", "ob.sample")):
        yield _target(
            f"file in bulk, `{call}`, {tape}",
            "at most 0.4 of orjson alone",
            results.ratio(results.one(f"{job}/{tape}"), alone),
            lambda ratio: ratio <= 0.4,
            " of orjson",
        )
    ready, levels = results.one(f"parsed/{tape}"), results.sizes[tape]["levels"]
    value = None if ready is None else ready.best / levels * 1e9
    yield _target(f"parsed messages, {tape}", "at most 45 ns a level", value, lambda ns: ns <= 45, " ns", 1)


def _column_targets(results: Results) -> Iterator[Target]:
    """Row 4."""
    job, what = "columns/synthetic", "columns to best prices"
    ours = results.one(job)
    limit, hft = results.one(job, LIMIT), results.one(job, "hftbacktest")
    yield _target(
        what, "at most 2.5x the dense array", results.ratio(ours, limit), lambda ratio: ratio <= 2.5, "x the limit"
    )
    levels = results.sizes["synthetic"]["levels"]
    value = None if ours is None else ours.best / levels * 1e9
    yield _target(what, "1,000,000 well under 38 ms", value, lambda ns: ns < 38, " ms a million", 1)
    yield _target(
        what,
        "at least 4x hftbacktest",
        results.ratio(hft, ours),
        lambda ratio: ratio >= 4,
        "x the speed of hftbacktest",
    )


def _order_targets(results: Results) -> Iterator[Target]:
    """Row 6."""
    for job, promise, least in (
        ("l3_bulk", "at least 4x nautilus_trader, deltas prebuilt", 4.0),
        ("l3_calls", "no slower than nautilus_trader", 1.0),
    ):
        what = "orders from columns" if job == "l3_bulk" else "orders by single calls"
        pair = results.one(f"{job}/orders", "nautilus_trader"), results.one(f"{job}/orders")
        yield _target(what, promise, results.ratio(*pair), lambda ratio, least=least: ratio >= least, "x its speed")  # type: ignore[misc]


def _process_targets(results: Results) -> Iterator[Target]:
    """Rows 8 and 9."""
    if len(results.memory) > 1:
        first, last = results.memory[0], results.memory[-1]
        grown = last.over_empty - first.over_empty
        yield Target(
            "memory of a replay",
            "does not grow with the tape",
            f"{grown / 2**20:+.1f} MiB from {first.updates:,} to {last.updates:,} updates",
            grown <= MAY_GROW and first.complete and last.complete,
        )
    for found in results.imports:
        if found.who == OURS:
            wrong = [name for name in found.heavy if name in ("pandas", "httpx", "pyarrow")]
            text = f"imports {', '.join(wrong)}" if wrong else "none of them"
            yield Target("import", "without pandas, httpx, pyarrow", text, not wrong)
