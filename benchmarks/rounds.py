"""Adapters as processes, and rounds in which they take turns."""

from __future__ import annotations

import json
import subprocess
import threading
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Final, NamedTuple, Self

import numpy as np
from answers import Answer, agree

_LIMIT: Final = 300
"""Seconds that one run may take, with the preparation of its input."""

_BUDGET: Final = 20.0
"""Seconds that the rounds of one job of one library may take together; slow ones get fewer rounds."""


class WorkerError(Exception):
    """An adapter died or could not do a job; the text says why."""


class Timing(NamedTuple):
    """One job of one library: seconds of each round, whether its answer was right, and what exactly ran."""

    who: str
    job: str
    seconds: tuple[float, ...]
    correct: bool | None
    note: str
    moved: int = 0

    @property
    def best(self) -> float:
        """The fastest round: what noise added least to."""
        return min(self.seconds)


class Worker:
    """An adapter that runs and waits; ``name``, ``version``, ``python`` and ``jobs`` are what it said of itself."""

    def __init__(self, python: Path | str, adapter: Path, folder: Path) -> None:
        self._log = (folder / f"{adapter.stem}.log").open("w+")
        self._process = subprocess.Popen(  # noqa: S603 - our own adapters
            [str(python), "-X", "utf8", str(adapter), str(folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
        )
        try:
            hello = self._receive()
        except WorkerError:
            self.close()
            raise
        self.name = str(hello["name"])
        self.version = str(hello["version"])
        self.python = str(hello["python"])
        self.jobs: frozenset[str] = frozenset(hello["jobs"])

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def ask(self, job: str, save: Path | None = None) -> dict[str, Any]:
        """Time one run; its answer goes to ``save``."""
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps({"job": job, "save": None if save is None else str(save)}) + "\n")
            self._process.stdin.flush()
        except OSError as error:
            raise WorkerError(f"the adapter is gone: {error}") from error
        return self._receive()

    def _receive(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        watchdog = threading.Timer(_LIMIT, self._process.kill)
        watchdog.start()
        try:
            line = self._process.stdout.readline()
        finally:
            watchdog.cancel()
        if not line:
            raise WorkerError(f"the adapter died: {self._last_words()}")
        message: dict[str, Any] = json.loads(line)
        if "error" in message:
            raise WorkerError(message["error"])
        return message

    def _last_words(self) -> str:
        self._log.seek(0)
        return next((line.strip() for line in reversed(self._log.readlines()) if line.strip()), "without a word")

    def close(self) -> None:
        """End the process."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()
        self._log.close()


class Entry(NamedTuple):
    """A worker's way to do a job: some have several, told apart by what follows ``#``."""

    who: str
    worker: Worker
    job: str


def entries(workers: dict[str, Worker], jobs: Sequence[str]) -> list[Entry]:
    """Who can do any of some jobs that belong together."""
    found = []
    for who, worker in workers.items():
        for name in sorted(worker.jobs):
            base, _, variant = name.partition("#")
            if base in jobs:
                found.append(Entry(f"{who} ({variant})" if variant else who, worker, name))
    return found


def run(
    group: list[Entry], rounds: int, right: dict[str, Answer], folder: Path
) -> tuple[list[Timing], list[tuple[str, str]]]:
    """Time all entries of a group round by round, each round in another order; also what failed and why."""
    seconds: list[list[float]] = [[] for _ in group]
    notes: list[str] = [""] * len(group)
    verdicts: list[tuple[bool | None, int]] = [(None, 0)] * len(group)
    allowed = [rounds] * len(group)
    failed: dict[int, str] = {}
    for number in range(rounds + 1):  # one more, which warms up, is checked, and does not count
        for turn in range(len(group)):
            at = (turn + number) % len(group)
            entry, save = group[at], folder / "answer.npz"
            if at in failed or number > allowed[at]:
                continue
            try:
                reply = entry.worker.ask(entry.job, save if number == 0 else None)
            except WorkerError as error:
                failed[at] = str(error)
                continue
            if number == 0:
                notes[at] = reply["note"]
                allowed[at] = max(1, min(rounds, int(_BUDGET / reply["seconds"])))
                verdicts[at] = check(save, right.get(entry.job.partition("#")[0]))
            else:
                seconds[at].append(reply["seconds"])
    timings = [
        Timing(entry.who, entry.job.partition("#")[0], tuple(seconds[at]), verdicts[at][0], notes[at], verdicts[at][1])
        for at, entry in enumerate(group)
        if at not in failed
    ]
    return timings, [(f"{group[at].who}, {group[at].job}", reason) for at, reason in failed.items()]


def check(path: Path, expected: Answer | None) -> tuple[bool | None, int]:
    """Whether a saved answer is right (None where there is no question), and the bytes that it says were moved."""
    with np.load(path) as archive:
        got = {name: archive[name] for name in archive.files}
    moved = int(got["moved"][0]) if "moved" in got else 0
    return (None if expected is None else agree(expected, got)), moved
