"""Runs this library and every installable peer over the same inputs, and writes what came out as Markdown.

``python benchmarks/compare.py --help`` says how; ``README.md`` beside this file says what is measured.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

import probes
import rivals
import rounds
from answers import right_answers
from report import markdown
from results import LIMIT, OURS, Results, Version
from tapes import prepare

import orderbook as ob

ROOT: Final = Path(__file__).resolve().parents[1]
READS: Final = 10_000
"""As in ``peers/worker.py``."""


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    default = Path(os.environ.get("ORDERBOOK_DATA") or ROOT.parent / "shared" / "data")
    parser.add_argument("--data", type=Path, default=default, help="folder with the real captures")
    parser.add_argument(
        "--peers",
        type=Path,
        default=Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "orderbook-peers",
        help="folder for the environments of the peers, never inside the repository (default: %(default)s)",
    )
    parser.add_argument("--python", action="append", default=[], help="another interpreter that peers may use")
    parser.add_argument("--only", action="append", default=[], help="only this peer; `none` for no peer at all")
    parser.add_argument("--quick", action="store_true", help="small inputs, few rounds: a smoke test")
    parser.add_argument("--rounds", type=int, help="rounds that count (7, or 3 with --quick)")
    parser.add_argument("--output", type=Path, help="write the page here instead of to the terminal")
    parser.add_argument("--json", type=Path, help="write all timings here, too")
    return parser.parse_args()


def check_arguments(options: argparse.Namespace) -> None:
    """Refuse what would do harm or nothing."""
    if options.peers.resolve().is_relative_to(ROOT):
        sys.exit("--peers must not be inside the repository")
    unknown = set(options.only) - {rival.key for rival in rivals.RIVALS} - {"none"}
    if unknown:
        sys.exit(f"--only: no such peer: {', '.join(unknown)}; there are {', '.join(r.key for r in rivals.RIVALS)}")


# -- who takes part -------------------------------------------------------------------------------------------------


class Field:
    """Everybody who takes part, and who does not and why."""

    def __init__(self, stack: ExitStack, folder: Path) -> None:
        self.workers: dict[str, rounds.Worker] = {}
        self.pythons: dict[str, tuple[Path | str, str]] = {}
        self.left_out: list[tuple[str, str]] = []
        self._stack = stack
        self._folder = folder

    def enter(self, key: str, python: Path | str, adapter: str, module: str = "") -> None:
        """Start an adapter."""
        try:
            worker = self._stack.enter_context(rounds.Worker(python, rivals.ADAPTERS / adapter, self._folder))
        except rounds.WorkerError as error:
            self.left_out.append((key, str(error)))
            return
        self.workers[key] = worker
        if module:
            self.pythons[key] = (python, module)

    def versions(self) -> list[Version]:
        """What runs."""
        return [Version(key, worker.version, worker.python) for key, worker in self.workers.items()]


def gather(stack: ExitStack, folder: Path, options: argparse.Namespace) -> Field:
    """Install and start everybody."""
    field = Field(stack, folder)
    field.enter(OURS, sys.executable, "ours.py", "orderbook")
    field.enter(LIMIT, sys.executable, "limits.py")
    pythons = rivals.interpreters(options.python)
    for rival in rivals.RIVALS:
        if options.only and rival.key not in options.only:
            field.left_out.append((rival.key, "not asked for (`--only`)"))
            continue
        python, reason = rivals.install(rival, options.peers, pythons)
        if python is None:
            field.left_out.append((rival.key, f"`pip install {rival.requirement}`: {reason}"))
        else:
            field.enter(rival.key, python, rival.adapter, rival.module)
    return field


# -- what is run ----------------------------------------------------------------------------------------------------


def groups(tapes: list[str]) -> list[list[str]]:
    """Jobs whose figures stand in one table or in one ratio, and so take turns."""
    found = [[f"{job}/{tape}" for job in ("parse", "feed")] for tape in tapes]
    found += [[f"{job}/{tape}" for job in ("parse_bulk", "load", "bbo", "sample")] for tape in tapes]
    found += [[f"parsed/{tape}"] for tape in tapes]
    found += [["columns/synthetic"], ["grid/synthetic"], ["l3_bulk/orders"], ["l3_calls/orders"]]
    return found + [[f"read/{name}"] for name in ("best_bid", "spread", "mid_price", "depth")]


def measure(field: Field, folder: Path, sizes: dict[str, dict[str, Any]], count: int) -> list[rounds.Timing]:
    """Every group in turn."""
    right = right_answers(folder, sizes)
    timings: list[rounds.Timing] = []
    for jobs in groups([name for name, size in sizes.items() if size["kind"] == "raw"]):
        group = rounds.entries(field.workers, jobs)
        found, failed = rounds.run(group, count, right, folder)
        timings += found
        field.left_out += failed
    return timings


def machine() -> dict[str, str]:
    """Where this ran."""
    found = {
        "processor": _processor(),
        "cores": str(os.cpu_count()),
        "system": f"{platform.system()} {platform.release()}, {platform.machine()}",
        "Python": f"{platform.python_implementation()} {platform.python_version()}",
    }
    if hasattr(os, "getloadavg"):
        found["load before"] = f"{os.getloadavg()[0]:.2f}"
    return found


def _processor() -> str:
    """Its name, where the system tells."""
    try:
        text = Path("/proc/cpuinfo").read_text()
    except OSError:
        return platform.processor() or "unknown"
    names = [line.split(":", 1)[1].strip() for line in text.splitlines() if line.startswith("model name")]
    return names[0] if names else platform.processor() or "unknown"


def run(options: argparse.Namespace, folder: Path) -> Results:
    """Everything."""
    count = options.rounds or (3 if options.quick else 7)
    where = machine()
    prepared = prepare(folder, options.data, quick=options.quick)
    for title, reason in prepared.missing:
        sys.stderr.write(f"{title}: {reason}\n")
    with ExitStack() as stack:
        field = gather(stack, folder, options)
        if OURS not in field.workers:
            sys.exit(f"our own adapter failed: {dict(field.left_out)[OURS]}")
        timings = measure(field, folder, prepared.sizes, count)
    lengths = (20_000, 200_000) if options.quick else (1_000_000, 10_000_000)
    memory = [probes.memory(folder, length) for length in lengths]
    imports = [probes.imports(who, *where, count) for who, where in field.pythons.items()]
    return Results(
        where,
        {"rounds": count, "quick": options.quick, "backend": ob.backend, "reads": READS},
        field.versions(),
        prepared.sizes,
        timings,
        memory,
        [found for found in imports if found is not None],
        [*prepared.missing, *field.left_out, *rivals.NOT_COMPARED],
    )


def main() -> None:
    """Measure, then write the page."""
    options = arguments()
    check_arguments(options)
    with tempfile.TemporaryDirectory(prefix="orderbook-bench-") as folder:
        results = run(options, Path(folder))
    if options.json is not None:
        options.json.write_text(json.dumps(_plain(results), indent=1))
    page = markdown(results)
    if options.output is None:
        sys.stdout.write(page)
    else:
        options.output.write_text(page)


def _plain(value: Any) -> Any:
    """Named tuples as objects."""
    if hasattr(value, "_asdict"):
        return {key: _plain(item) for key, item in value._asdict().items()}
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list | tuple) else value


if __name__ == "__main__":
    main()
