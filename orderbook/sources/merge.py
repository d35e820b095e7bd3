"""Several tapes as one, by time.

A heap of one waiting item a tape. A day of minute files is 1,440 tapes, so a tape is opened when its first message is
due and not before: files that follow each other need one open file, files that overlap as many as overlap. To know
when it is due, each is opened once at the start as far as its first time and closed again.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from heapq import heapify, heappop, heappush
from typing import Any, Generic, TypeAlias, TypeVar

from orderbook.errors import SourceError
from orderbook.sources.base import Item

Items: TypeAlias = "Generator[Item, None, None]"
ItemT = TypeVar("ItemT")


@dataclass(frozen=True, slots=True)
class Tape(Generic[ItemT]):
    """Something that can be opened as items, any number of times, and the time that an item is merged by (None: none).

    ``peek`` opens the same, for a look at the beginning that does not count as progress.
    """

    open: Callable[[], Iterator[ItemT]]
    peek: Callable[[], Items]
    key: Callable[[Item], int | None]


class _Run:
    """A tape while it is merged. Its key is the time of the waiting item, or the last one known."""

    __slots__ = ("_items", "_tape", "index", "item", "key")

    def __init__(self, tape: Tape[Item], index: int) -> None:
        self._tape = tape
        self._items: Iterator[Item] | None = None
        self.index = index
        self.item: Item | None = None
        self.key = first_key(tape)

    def __lt__(self, other: _Run) -> bool:
        return (self.key, self.index) < (other.key, other.index)

    def advance(self) -> None:
        """Wait with the next item, or None at the end."""
        if self._items is None:
            self._items = self._tape.open()
        self.item = next(self._items, None)
        key = None if self.item is None else self._tape.key(self.item)
        if key is not None:
            self.key = key

    def close(self) -> None:
        close = getattr(self._items, "close", None)
        if close is not None:
            close()


def first_key(tape: Tape[Any]) -> float:
    """Return the first time on a tape; a tape without one, or that fails before it, comes after all others.

    There, its error is raised when everything else has been delivered.
    """
    with closing(tape.peek()) as items:
        try:
            for item in items:
                key = tape.key(item)
                if key is not None:
                    return key
        except SourceError:
            pass
    return math.inf


def merge(tapes: Sequence[Tape[Item]]) -> Iterator[Item]:
    """Yield the items of all tapes by time, ties in the order of the tapes. O(log tapes) an item, one item held a tape.

    Inside a tape the order never changes: an item without a time, or one whose time goes backwards, follows the one
    before it at once. An error of a tape comes after everything that is due before it.
    """
    runs = [_Run(tape, index) for index, tape in enumerate(tapes)]
    heap = runs.copy()
    heapify(heap)
    try:
        while heap:
            run = heappop(heap)
            if run.item is None:
                run.advance()
            while run.item is not None and not (heap and heap[0] < run):
                yield run.item
                run.advance()
            if run.item is not None:
                heappush(heap, run)
    finally:
        for run in runs:
            run.close()
