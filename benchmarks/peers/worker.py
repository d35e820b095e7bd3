"""What every adapter shares: the prepared inputs, and the loop that times a job whenever it is asked to.

An adapter runs in the interpreter of its own environment, so this module needs numpy, orjson and nothing of ours. The
first line of its output says who it is; then each line of its input asks for one timed run of one job, and each line
of its output answers. Between two runs it sleeps, so rounds of several libraries can take turns.
"""

from __future__ import annotations

import gc
import json
import os
import platform
import sys
import time
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple, TextIO

import numpy as np
import numpy.typing as npt
import orjson

Array = npt.NDArray[Any]
Answer = dict[str, Array]
Rows = list[tuple[float, float]]

READS = 10_000
"""Reads in one run of a job that reads."""

DEPTH = 10

KEPT = 4
"""Prepared jobs that a worker holds: those of one group, which take turns."""


def _nothing() -> None:
    """No preparation."""


class Job(NamedTuple):
    """``run`` is timed; ``before`` prepares a run and ``answer`` makes arrays of its result, outside of the clock."""

    run: Callable[[], Any]
    answer: Callable[[Any], Answer]
    note: str
    before: Callable[[], None] = _nothing


Jobs = Mapping[str, Callable[[], Job]]


# -- inputs ---------------------------------------------------------------------------------------------------------


def folder() -> Path:
    """Where the prepared inputs are."""
    return Path(sys.argv[1])


def sizes() -> dict[str, Any]:
    """What was prepared: tapes by name."""
    found: dict[str, Any] = json.loads((folder() / "sizes.json").read_bytes())
    return found


def captures() -> list[str]:
    """The names of the tapes of raw messages."""
    return [name for name, size in sizes().items() if size["kind"] == "raw"]


@cache
def lines(tape: str) -> tuple[list[int], list[bytes]]:
    """Receive times and payloads of a raw tape; the first is the snapshot."""
    pairs = [line.split(b" ", 1) for line in (folder() / f"{tape}.lines").read_bytes().splitlines()]
    return [int(ts) for ts, _ in pairs], [payload for _, payload in pairs]


@cache
def parsed(tape: str) -> list[dict[str, Any]]:
    """The same messages as objects."""
    return [orjson.loads(payload) for payload in lines(tape)[1]]


@cache
def columns(tape: str) -> dict[str, Array]:
    """The columns of a synthetic tape, and of the book before it."""
    with np.load(folder() / f"{tape}.npz") as archive:
        return {name: archive[name] for name in archive.files}


@cache
def updates(tape: str) -> list[tuple[bool, float, float]]:
    """The rows after the snapshot as (is a bid, price, size) with floats, for books that take one level at a time."""
    rows = columns(tape)
    start = int(rows["seed_rows"])
    is_bid = (rows["side"][start:] == ord("B")).tolist()
    prices = (rows["price"][start:] / rows["price_unit"]).tolist()
    return list(zip(is_bid, prices, (rows["size"][start:] / rows["size_unit"]).tolist(), strict=True))


@cache
def seed(tape: str) -> tuple[Rows, Rows]:
    """Bids and asks of the snapshot that begins a synthetic tape."""
    rows = columns(tape)
    span = slice(1, int(rows["seed_rows"]))
    side, price, size = rows["side"][span], rows["price"][span], rows["size"][span]
    levels = [(p / rows["price_unit"], s / rows["size_unit"]) for p, s in zip(price, size, strict=True)]
    pairs = list(zip(side.tolist(), levels, strict=True))
    return [level for kind, level in pairs if kind == ord("B")], [level for kind, level in pairs if kind == ord("A")]


def still_book() -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
    """Bids and asks, best first, of the book of 1,000 levels a side that is read from."""
    bids = [(f"{2_680 - i / 100:.2f}", f"{1 + i}") for i in range(1_000)]
    return bids, [(f"{2_680.03 + i / 100:.2f}", f"{2 + i}") for i in range(1_000)]


# -- answers --------------------------------------------------------------------------------------------------------


def series(pair: tuple[list[float], list[float]]) -> Answer:
    """Best prices after each message."""
    return {"bid": np.array(pair[0], "f8"), "ask": np.array(pair[1], "f8")}


def ladders(bids: Any, asks: Any) -> Answer:
    """Levels of both sides, best first."""
    return {"bids": np.array(bids, "f8").reshape(-1, 2), "asks": np.array(asks, "f8").reshape(-1, 2)}


def number(value: Any) -> Answer:
    """One number."""
    return {"value": np.array([float(value)])}


def reading(read: Callable[[], Any], answer: Callable[[Any], Answer], note: str) -> Job:
    """The job of calling ``read`` many times; ``read`` makes the loop's cost part of the figure, for all alike."""

    def run() -> Any:
        for _ in range(READS):
            value = read()
        return value

    return Job(run, answer, note)


# -- the loop -------------------------------------------------------------------------------------------------------


def timed(job: Job) -> tuple[float, Any]:
    """Seconds of one run without the garbage collector, as ``timeit`` does it, and its result."""
    job.before()
    gc.collect()
    gc.disable()
    try:
        begin = time.perf_counter()
        result = job.run()
        return time.perf_counter() - begin, result
    finally:
        gc.enable()


def serve(name: str, version: str, jobs: Jobs) -> None:
    """Introduce the library, then time what is asked for until the input ends."""
    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what a library prints must not end up between the answers
    made: dict[str, Job] = {}
    _send(out, {"name": name, "version": version, "python": platform.python_version(), "jobs": sorted(jobs)})
    for line in sys.stdin:
        request = json.loads(line)
        try:
            _send(out, _answer(request["job"], request["save"], jobs, made))
        except Exception as error:  # noqa: BLE001 - whatever a library does wrong is told, and it is left out
            _send(out, {"error": f"{type(error).__name__}: {error}"})


def _answer(name: str, save: str | None, jobs: Jobs, made: dict[str, Job]) -> dict[str, Any]:
    if name not in made:
        if len(made) >= KEPT:
            made.clear()
        made[name] = jobs[name]()
        gc.collect()
        gc.freeze()  # prepared inputs are not to be walked through again and again
    seconds, result = timed(made[name])
    if save is not None:
        answer: Any = made[name].answer(result)
        np.savez(save, **answer)
    return {"seconds": seconds, "note": made[name].note}


def _send(out: TextIO, message: dict[str, Any]) -> None:
    out.write(json.dumps(message) + "\n")
    out.flush()
