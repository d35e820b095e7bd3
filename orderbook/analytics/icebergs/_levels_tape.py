"""The displayed size of every level, row by row, from a tape of levels or of orders."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, Literal, NamedTuple, TypeAlias

import numpy as np

from orderbook.analytics.icebergs._orders import Ints
from orderbook.analytics.tape import Clock, EventBy, EventColumns, EventNumbers, OrderTape
from orderbook.types import Action, Flag

Key: TypeAlias = tuple[int, int]
"""Side (+1, -1) and price in ints."""

StepKind: TypeAlias = Literal["level", "print", "clear", "end"]

_PUBLISHER_SPECIFIC: Final = 0x02
_SIGN: Final = np.zeros(256, "i1")
_SIGN[ord("B")], _SIGN[ord("A")] = 1, -1
_SET: Final = 0
_MOVE: Final = 1
_PRINT: Final = 2
_CLEAR: Final = 3


class LevelStep(NamedTuple):
    """A level that changed (``before`` to ``after``), a print of size ``after``, a clear, or the end of a message.

    ``hidden``: the print says that it was against hidden size. Of a message's end, ``after`` is 1 if a level changed.
    """

    kind: StepKind
    row: int
    ts: int
    event: int
    side: int = 0
    price: int = 0
    before: int = 0
    after: int = 0
    hidden: bool = False


class LevelTape:
    """Follows the levels of one instrument through consecutive pieces of its events; memory: the levels that exist."""

    def __init__(self, *, clock: Clock, event_by: EventBy) -> None:
        self._orders = OrderTape(clock=clock, event_by=event_by)
        self._clock, self._events = clock, EventNumbers(event_by)
        self._rows = 0
        self.sizes: dict[Key, int] = {}
        self.known = False
        """A snapshot, or the start of a session, said what is there."""
        self.limited = False
        """... but only near the best prices."""

    def steps(self, events: EventColumns) -> Iterator[LevelStep]:
        """Apply a piece row by row. O(rows)."""
        base = self._rows
        ts = events.ts_event if self._clock == "event" else events.ts_recv
        last = (events.flags & Flag.LAST) != 0
        event = self._events.number(ts, last)
        self._rows += len(ts)
        number, what, side, price, taken, size = self._changes(events, base)
        columns = (values.tolist() for values in (number, what, side, price, taken, size, ts[number], event[number]))
        flags, ends = events.flags, np.flatnonzero(last)
        messages = iter(zip(ends.tolist(), ts[ends].tolist(), event[ends].tolist(), strict=True))
        end = next(messages, None)
        changed = False
        for row, kind, way, at, less, more, when, which in zip(*columns, strict=True):
            while end is not None and end[0] < row:
                yield LevelStep("end", base + end[0], end[1], end[2], after=int(changed))
                end, changed = next(messages, None), False
            if kind == _PRINT:
                yield LevelStep("print", base + row, when, which, way, at, 0, more, bool(less))
            elif kind == _CLEAR:
                self._clear(int(flags[row]))
                yield LevelStep("clear", base + row, when, which)
                changed = True
            else:
                key = (way, at)
                before = self.sizes.get(key, 0)
                after = more if kind == _SET else max(before + more - less, 0)
                if after:
                    self.sizes[key] = after
                else:
                    self.sizes.pop(key, None)
                changed = True
                yield LevelStep("level", base + row, when, which, way, at, before, after)
        while end is not None:
            yield LevelStep("end", base + end[0], end[1], end[2], after=int(changed))
            end, changed = next(messages, None), False

    def _clear(self, flags: int) -> None:
        self.sizes.clear()
        self.known = not flags & Flag.MAYBE_BAD_BOOK
        self.limited = bool(flags & _PUBLISHER_SPECIFIC)

    def _changes(self, events: EventColumns, base: int) -> tuple[Ints, ...]:
        """Row, kind, side, price, what is taken off, what is put on (or set): of levels, orders, and prints."""
        rows = self._orders.update(events)
        at = rows.row - base
        off = np.flatnonzero((rows.before > 0) & (rows.side != 0))
        on = np.flatnonzero((rows.after > 0) & (rows.side != 0))
        same = np.flatnonzero((rows.before > 0) & (rows.after > 0) & (rows.price == rows.old_price) & (rows.side != 0))
        off, on = np.setdiff1d(off, same), np.setdiff1d(on, same)
        prints, clears = np.flatnonzero(rows.kind == Action.TRADE), np.flatnonzero(rows.kind == Action.CLEAR)
        is_level = (events.flags & (Flag.MBP | Flag.TOB)) == Flag.MBP
        level = np.flatnonzero(is_level & np.isin(events.action, (Action.ADD, Action.MODIFY, Action.CANCEL)))
        none = np.zeros
        parts = [
            (at[off], _MOVE, rows.side[off], rows.old_price[off], rows.before[off], none(len(off))),
            (at[same], _MOVE, rows.side[same], rows.price[same], rows.before[same], rows.after[same]),
            (at[on], _MOVE, rows.side[on], rows.price[on], none(len(on)), rows.after[on]),
            (at[prints], _PRINT, rows.side[prints], rows.price[prints], rows.hidden[prints], rows.size[prints]),
            (at[clears], _CLEAR, rows.side[clears], rows.price[clears], none(len(clears)), none(len(clears))),
            (level, _SET, _SIGN[events.side[level]], events.price[level], none(len(level)), events.size[level]),
        ]
        columns = [
            np.concatenate([np.full(len(part[0]), part[i]) if i == 1 else part[i] for part in parts]).astype(np.int64)
            for i in range(6)
        ]
        order = np.argsort(columns[0], kind="stable")
        return tuple(column[order] for column in columns)
