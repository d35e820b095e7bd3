"""What needs a fresh process each time: peak memory over the length of a tape, and the time of an import."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np

_LEVELS: Final = 50
_BLOCK: Final = 2_000
"""Messages that are written again and again, with new numbers: the book is bounded, the tape is not."""

_PEAK: Final = """
import json, resource, sys
def peak():
    try:
        with open("/proc/self/status") as status:
            return next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmHWM"))
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
"""
_EMPTY: Final = _PEAK + "print(json.dumps({'peak': peak()}))"
_REPLAY: Final = (
    _PEAK
    + """
import orderbook as ob
base = peak()
run = ob.replay(ob.FileSource(sys.argv[1], "binance_usdm", symbols=["ETHUSDT"]))
count = sum(1 for _ in run)
print(json.dumps({'peak': peak(), 'imported': base, 'messages': count, 'gaps': run.stats.gaps}))
"""
)
_HEAVY: Final = ("pandas", "httpx", "pyarrow", "polars", "hypothesis")
_IMPORTED: Final = "import sys, json, {module}; print(json.dumps([name for name in {heavy} if name in sys.modules]))"


class Memory(NamedTuple):
    """Peak bytes of replaying a tape of ``updates`` levels, over an interpreter that does nothing."""

    updates: int
    over_empty: int
    over_import: int
    complete: bool


class Import(NamedTuple):
    """Seconds that importing a module adds to starting its interpreter, and heavy modules that come with it."""

    who: str
    seconds: tuple[float, ...]
    bare: tuple[float, ...]
    heavy: tuple[str, ...]

    @property
    def cost(self) -> float:
        """Best minus best."""
        return min(self.seconds) - min(self.bare)


def memory(folder: Path, updates: int) -> Memory:
    """Write a tape of that many level updates, replay it in a process of its own, and remove it."""
    tape = folder / "long.lines"
    messages = write_tape(tape, updates // _LEVELS)
    try:
        found = _json([sys.executable, "-c", _REPLAY, str(tape)])
    finally:
        tape.unlink()
    empty = _json([sys.executable, "-c", _EMPTY])["peak"]
    complete = found["messages"] == messages and found["gaps"] == 0
    return Memory(updates, found["peak"] - empty, found["peak"] - found["imported"], complete)


def write_tape(path: Path, messages: int) -> int:
    """A snapshot and messages of fifty levels as a recorder of Binance USD-M stores them; returns how many."""
    rng = np.random.default_rng(1)
    bodies = [_body(rng) for _ in range(_BLOCK)]
    ts = 1_700_000_000_000_000_000
    with path.open("w") as file:
        bids, asks = ([[f"{2_680 + sign * (1 + i) / 100:.2f}", "1.000"] for i in range(500)] for sign in (-1, 1))
        file.write(f"{ts} {json.dumps({'lastUpdateId': 0, 'bids': bids, 'asks': asks}, separators=(',', ':'))}\n")
        for i in range(messages):
            ts += 100_000_000
            file.write(
                f'{ts} {{"stream":"ethusdt@depth@0ms","data":{{"e":"depthUpdate","E":{ts // 1_000_000},'
                f'"T":{ts // 1_000_000},"s":"ETHUSDT","U":{i},"u":{i + 1},"pu":{i},{bodies[i % _BLOCK]}}}}}\n'
            )
    return messages + 1


def _body(rng: np.random.Generator) -> str:
    """Half of the levels on either side of a mid price that stands still; a third of them deleted."""
    distances = rng.integers(1, 500, _LEVELS).tolist()
    sizes = np.where(rng.random(_LEVELS) < 0.35, 0, rng.integers(1, 50_000, _LEVELS)).tolist()
    half = _LEVELS // 2
    sides = [
        ",".join(f'["{2_680 + sign * d / 100:.2f}","{s / 1_000:.3f}"]' for d, s in zip(ds, ss, strict=True))
        for sign, ds, ss in ((-1, distances[:half], sizes[:half]), (1, distances[half:], sizes[half:]))
    ]
    return f'"b":[{sides[0]}],"a":[{sides[1]}]'


def imports(who: str, python: Path | str, module: str, rounds: int) -> Import | None:
    """Start an interpreter with and without an import, taking turns; None where the import fails."""
    code = _IMPORTED.format(module=module, heavy=_HEAVY)
    pairs = []
    try:
        heavy = _json([str(python), "-c", code])
        for _ in range(rounds):
            pairs.append((_seconds([str(python), "-c", code]), _seconds([str(python), "-c", "import sys, json"])))
    except subprocess.CalledProcessError:
        return None
    with_import, bare = zip(*pairs, strict=True)
    return Import(who, with_import, bare, tuple(heavy))


def _seconds(command: list[str]) -> float:
    begin = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True)  # noqa: S603
    return time.perf_counter() - begin


def _json(command: list[str]) -> Any:
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)  # noqa: S603
