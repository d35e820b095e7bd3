"""Recorded files many lines at a time: what :func:`~orderbook.sample`, ``load`` and ``book_at`` do where they can.

A :class:`Quick` stands between a tape and its reader. It hands blocks of lines to the compiled reader, which takes the
plain ones (deltas that are the next ones, trades, quotes) from the bytes to the result without a Python object, and
leaves the others where they are. The tape takes those one by one, as it does without all this: they are the
specification, and what is decided there (a gap, a snapshot, an error) is decided in one place.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, Final, Protocol

import numpy.typing as npt

from orderbook import _backend
from orderbook.blocks import Block, has_blocks
from orderbook.columns import RowWriter
from orderbook.errors import TimestampError, UsageError
from orderbook.feed import Feed
from orderbook.timestamps import to_ns


@functools.cache
def _load() -> Any:
    """The compiled reader, None in plain Python; loaded with the first file."""
    return _backend.load("orderbook._bulk", "the compiled bulk reader")


_ROWS: Final = 1 << 16
_DATE: Final = 19


class Quick:
    """Takes what is plain of a tape's blocks; subclasses say where it goes to.

    ``shared`` says that others can see the feed's books meanwhile, so that the interpreter's lock is kept.
    """

    def __init__(self, feed: Feed, *, by_event_time: bool, shared: bool) -> None:
        self._compiled = _load()
        self._bulk = self._compiled.Bulk(feed._receiver, by_event_time, shared)

    def take(self, block: Block, latest: int | None) -> int | None:
        """Take the lines of a block as far as they are plain; returns the latest time seen. O(lines)."""
        framing = self._compiled.FRAMINGS.get(block.framing)
        if framing is None or not block.is_quick or not self._begin():
            return latest
        self._bulk.now = latest
        while True:
            code, at, lines = self._bulk.run(block.data, block.at, block.end, framing, block.before)
            block.passed(at, lines)
            if code != self._compiled.NEEDS_PYTHON or not self._turn_the_clock(block):
                break
        now: int | None = self._bulk.now
        self._end()
        return now

    def _turn_the_clock(self, block: Block) -> bool:
        """Tell the reader where the second of the next line begins; False if that is not why it stopped."""
        if block.framing != "tardis_raw":
            return False
        date = block.line()[:_DATE]
        if date == self._date or len(date) < _DATE:
            return False
        try:
            second = to_ns(date.decode("latin-1") + "Z")
        except TimestampError:
            return False
        self._date = date
        self._bulk.set_date(date, second)
        return True

    _date: bytes = b""

    def _begin(self) -> bool:
        """Make ready; False where the next line cannot go this way."""
        return True

    def _end(self) -> None:
        """Take over what was written."""


class QuickMoment(Quick):
    """Brings the books to a moment."""

    def __init__(self, feed: Feed, moment: int, *, by_event_time: bool, shared: bool) -> None:
        super().__init__(feed, by_event_time=by_event_time, shared=shared)
        self._bulk.until(moment)


class Rows(Protocol):
    """The growing arrays of a panel."""

    arrays: dict[str, npt.NDArray[Any]]
    count: int
    depth: int


class Sampler(Protocol):
    """What says when rows are due: on a grid ``next`` is the next moment, by count ``changes`` counts."""

    by_count: bool
    step: int
    start: int | None
    stop: int | None

    @property
    def rows(self) -> Rows:
        """Where they are written."""

    def symbol(self) -> str | None:
        """The instrument that is sampled, None before it shows."""

    def quick_state(self) -> tuple[int | None, int]:
        """The next moment, and the changes so far."""

    def take_over(self, now: int | None, next: int | None, changes: int) -> None:
        """Go on from here."""


class QuickPanel(Quick):
    """Writes the rows of a panel."""

    def __init__(self, feed: Feed, sampler: Sampler, *, by_event_time: bool, shared: bool) -> None:
        super().__init__(feed, by_event_time=by_event_time, shared=shared)
        self._sampler = sampler
        self._bulk.sample(sampler.by_count, sampler.step, sampler.start, sampler.stop)

    def _begin(self) -> bool:
        symbol = _told(self._sampler.symbol)
        moment, changes = self._sampler.quick_state()
        # The first message sets the grid, and that is not this one's to decide.
        if symbol is None or (moment is None and not self._sampler.by_count) or not self._bulk.watch(symbol):
            return False
        rows = self._sampler.rows
        self._bulk.next, self._bulk.changes = moment, changes
        self._bulk.write_panel(rows.arrays, rows.count, rows.depth)
        return True

    def _end(self) -> None:
        self._sampler.rows.count = self._bulk.count
        self._sampler.take_over(self._bulk.now, self._bulk.next, self._bulk.changes)


class QuickColumns(Quick):
    """Writes the rows of columns."""

    def __init__(
        self,
        feed: Feed,
        rows: RowWriter,
        symbol: Callable[[], str | None],
        is_live: Callable[[], bool],
        *,
        shared: bool,
    ) -> None:
        super().__init__(feed, by_event_time=False, shared=shared)
        self._rows = rows
        self._symbol = symbol
        self._is_live = is_live

    def _begin(self) -> bool:
        symbol = _told(self._symbol)
        if symbol is None or not self._is_live() or not self._bulk.watch(symbol):
            return False
        arrays = self._rows.room(_ROWS)
        self._bulk.write_columns(arrays, len(self._rows), *self._rows.scales)
        return True

    def _end(self) -> None:
        self._rows.commit(self._bulk.count)


def _told(symbol: Callable[[], str | None]) -> str | None:
    """The instrument; None also where there are several, which the message that comes next will be refused for."""
    try:
        return symbol()
    except UsageError:
        return None


def can_be_quick(source: Any, feed: Feed, *, progress: bool) -> bool:
    """Whether a tape can go this way: a source of blocks, a feed that is compiled, and nobody who counts messages."""
    return not progress and feed._receiver is not None and has_blocks(source) and _load() is not None
