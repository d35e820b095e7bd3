"""Trades against size that was never displayed: proof of hidden volume at a price, not of whose it was."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from orderbook.analytics.icebergs._levels_tape import Key, LevelStep, LevelTape
from orderbook.analytics.icebergs._orders import NEVER, Unit
from orderbook.analytics.tape import Clock, EventBy, EventColumns

__all__ = ("HiddenPrint", "HiddenPrints")


@dataclass(frozen=True, slots=True)
class HiddenPrint:
    """A print that was against hidden size, wholly or in part (:class:`HiddenPrints`).

    ``known_at`` ns UTC, ``row`` and ``event`` of the print; ``side`` of the hidden size (+1 bid, 0 where neither the
    feed nor the book tells); ``price``; ``traded``, the size of the print; ``displayed``, what the level showed
    before the event traded there; ``hidden``, how much of the print was not displayed. ``rule``: the venue says so
    (``"flagged"``), or the prints of the event exceed the level (``"beyond_display"``).

    >>> HiddenPrint(7, 2, 1, 1, 100.0, 25.0, 10.0, 15.0, "beyond_display").hidden
    15.0
    """

    known_at: int
    row: int
    event: int
    side: int
    price: float
    traded: float
    displayed: float
    hidden: float
    rule: Literal["flagged", "beyond_display"]


class HiddenPrints:
    """Finds executions against hidden size, on tapes of orders or of levels.

    * A print that the venue marks as hidden (LOBSTER's type 5) is hidden as a whole.
    * The other prints of an event at a price, taken together, can use up what the level displayed before the first of
      them (the most that it did in the event); what they have beyond that was hidden. Exact where one event holds the
      prints and what they did to the book, as where one print stands for displayed and undisclosed size (TSX).
      ``beyond_display=False`` leaves it out: for feeds whose depth and trades are separate streams, where an excess is
      late depth.

    Not counted: prints before a snapshot or a clear has said what is there (``from_start=True`` says that the tape
    begins with an empty book), after a lost connection, and at prices that a depth-limited snapshot does not reach.

    ``update`` takes consecutive pieces of a tape; the same prints are found in all cuttings. Memory: the levels.
    O(rows), about 4 s for a million.

    Raises:
        ValueError: no such ``event_by`` or ``clock``; pieces with different exponents.

    >>> import orderbook as ob
    >>> tape = ob.Events.from_events([
    ...     ob.OrderSnapshot(orders=[ob.Order(1, ob.Side.BID, 100, 10)]),
    ...     ob.Trade(price=100, size=25, side=ob.Side.ASK, ts_event=7),
    ... ])
    >>> [(found.hidden, found.side, found.rule) for found in HiddenPrints().update(tape)]
    [(15.0, 1, 'beyond_display')]
    """

    def __init__(
        self,
        *,
        event_by: EventBy = "message",
        clock: Clock = "event",
        beyond_display: bool = True,
        from_start: bool = False,
    ) -> None:
        self._tape = LevelTape(clock=clock, event_by=event_by)
        self._tape.known = from_start
        self._beyond_display = beyond_display
        self._event = NEVER
        self._before: dict[Key, int] = {}
        self._printed: dict[Key, int] = {}

    def update(self, events: EventColumns) -> list[HiddenPrint]:
        """Take the next piece of the tape (whole messages) and return the hidden prints in it.

        Raises:
            ValueError: the exponents are not those of the pieces before.
        """
        unit = Unit.of(events)
        out = []
        for step in self._tape.steps(events):
            if step.event != self._event:
                self._event = step.event
                self._before.clear()
                self._printed.clear()
            if step.kind == "level":
                key = (step.side, step.price)
                if key not in self._printed:  # an order may come and trade in one event: it was displayed
                    self._before[key] = max(self._before.get(key, 0), step.before, step.after)
            elif step.kind == "clear":
                self._before.clear()
            elif step.kind == "print":
                found = self._judge(step, unit)
                if found is not None:
                    out.append(found)
        return out

    def _judge(self, step: LevelStep, unit: Unit) -> HiddenPrint | None:
        side = -step.side or self._side_of(step.price)
        shown = self._before[side, step.price] = self._shown((side, step.price))
        if step.hidden:
            return _print(step, side, shown, step.after, "flagged", unit)
        before = self._printed.get((side, step.price), 0)
        self._printed[side, step.price] = before + step.after
        hidden = max(before + step.after - max(shown, before), 0)
        if not hidden or not self._beyond_display or not self._tape.known or (self._tape.limited and not shown):
            return None
        return _print(step, side, shown, hidden, "beyond_display", unit)

    def _shown(self, key: Key) -> int:
        """What a level displayed at most in the event before it traded."""
        return self._before.get(key, self._tape.sizes.get(key, 0))

    def _side_of(self, price: int) -> int:
        """The side that a level is on, 0 if none is there."""
        return next((side for side in (1, -1) if self._shown((side, price))), 0)


def _print(
    step: LevelStep, side: int, shown: int, hidden: int, rule: Literal["flagged", "beyond_display"], unit: Unit
) -> HiddenPrint:
    return HiddenPrint(
        known_at=step.ts,
        row=step.row,
        event=step.event,
        side=side,
        price=step.price / unit.price,
        traded=step.after / unit.size,
        displayed=shown / unit.size,
        hidden=hidden / unit.size,
        rule=rule,
    )
