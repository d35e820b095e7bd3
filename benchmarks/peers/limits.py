"""What nobody can beat without leaving something out: parsing alone, and a dense array whose range is known."""

from __future__ import annotations

import ctypes
import shutil
import subprocess
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, Final

import numpy as np
import orjson
from worker import Answer, Array, Job, captures, columns, folder, lines, serve

_COLUMNS: Final = {
    "bid_px": "f8",
    "bid_sz": "f8",
    "ask_px": "f8",
    "ask_sz": "f8",
    "bid_ct": "u4",
    "ask_ct": "u4",
    "ts": "i8",
    "state": "u1",
    "bids_known": "u1",
    "asks_known": "u1",
}


class _Panel(ctypes.Structure):
    """The output of ``dense.c``, column by column."""

    _fields_ = tuple((name, ctypes.c_void_p) for name in _COLUMNS)


def compiler() -> str | None:
    """The system's C compiler."""
    return shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")


def compiler_version() -> str:
    """What the compiler says of itself, in a line."""
    path = compiler()
    if path is None:
        return "no C compiler"
    done = subprocess.run([path, "--version"], capture_output=True, text=True, check=False)  # noqa: S603
    return next(iter(done.stdout.splitlines()), "a C compiler")


def kernel() -> Any:
    """``dense.c``, compiled beside the inputs."""
    library = folder() / "dense.so"
    source = Path(__file__).with_name("dense.c")
    command = [compiler() or "cc", "-O3", "-std=c99", "-shared", "-fPIC", str(source), "-lm", "-o", str(library)]
    subprocess.run(command, check=True)  # noqa: S603 - our own source
    function = ctypes.CDLL(str(library)).best_prices
    function.restype = None
    return function


def parse(tape: str) -> Job:
    """orjson alone."""
    payloads = lines(tape)[1]

    def run() -> None:
        for payload in payloads:
            orjson.loads(payload)

    return Job(run, lambda _: {}, "`orjson.loads` of each line and nothing else")


def pointer(values: Array) -> ctypes.c_void_p:
    """Where an array is."""
    return ctypes.c_void_p(values.ctypes.data)


def dense() -> Job:
    """The dense array, with all outputs of ``ob.bbo``."""
    function, table = kernel(), columns("synthetic")
    names = ("ts_recv", "side", "price", "size")
    rows = [np.ascontiguousarray(table[name][1:]) for name in names]  # without the row that clears
    low, count = int(rows[2].min()), len(rows[0])
    width, first = int(rows[2].max()) - low + 1, int(table["seed_rows"]) - 2
    units = [ctypes.c_double(float(table[name])) for name in ("price_unit", "size_unit")]

    def run() -> dict[str, Array]:
        out = {name: np.empty(count - first, kind) for name, kind in _COLUMNS.items()}
        book = np.zeros(width, "i8"), np.zeros(width, "i8")
        panel = _Panel(*(pointer(values) for values in out.values()))
        numbers = [ctypes.c_int64(n) for n in (count, first, low, width)]
        inputs, sides = [pointer(values) for values in rows], [pointer(side) for side in book]
        function(*numbers[:2], *inputs, *numbers[2:], *units, *sides, ctypes.byref(panel))
        return out

    def answer(out: dict[str, Array]) -> Answer:
        return {"bid": out["bid_px"], "ask": out["ask_px"]}

    return Job(run, answer, "`dense.c`, -O3: arrays of sizes by price, same outputs as `ob.bbo`, nothing checked")


def main() -> None:
    """Serve the limits that this machine can run."""
    jobs: dict[str, Callable[[], Job]] = {}
    for tape in captures():
        jobs[f"parse/{tape}"] = jobs[f"parse_bulk/{tape}"] = partial(parse, tape)  # once beside each table
    if compiler() is not None:
        jobs["columns/synthetic"] = dense
    serve("limit", f"orjson {orjson.__version__}; {compiler_version()}", jobs)


if __name__ == "__main__":
    main()
