"""Icebergs whose next display is a new order, in the very event that used up the last one."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from orderbook.analytics.icebergs._detector import ChainDetector
from orderbook.analytics.icebergs._orders import NEVER, Bools, Chain, OrderHistory, rows_to_replay
from orderbook.analytics.icebergs.records import Evidence, Iceberg, Refill
from orderbook.analytics.tape import Clock, EventBy, EventColumns, OrderRows
from orderbook.types import Action

__all__ = ("SameEventIcebergs", "icebergs_same_event")


@dataclass(slots=True)
class _Meeting:
    """What ended and what came at one side and price in an event."""

    waiting: list[OrderHistory] = field(default_factory=list)
    ended: int = 0
    came: int = 0


class SameEventIcebergs(ChainDetector):
    """Links an order whose display is used up to a new one at its side and price in the same event.

    Coinbase Exchange is documented to work so; reserve orders elsewhere are replenished alike. There is no time window:
    by chance a link needs an unrelated order inside one transaction of the engine. That hardly happens on feeds that
    are not conflated; it happens all the time on those that are, and with ``event_by="time"`` on a coarse clock.

    Where k orders ended and m came, a new order follows one whose clip was equal, then one that is known for an
    iceberg, then the least larger; among equals the oldest. The confidence is ``1 / max(k, m)``, as far as the event
    is known by then: the rule of choice is ours, and a tape cannot prove it. Each is used once.

    ``update`` takes consecutive pieces of a tape and returns what each reveals: the same in all cuttings.
    ``event_by`` and ``clock`` are those of :class:`~orderbook.analytics.OrderTape`. Memory: the orders that rest, and
    chains until :meth:`finished` hands them out. O(rows log rows).

    Raises:
        ValueError: no such ``event_by`` or ``clock``; pieces with different exponents.

    >>> import orderbook as ob
    >>> tape = ob.Events.from_events([
    ...     ob.OrderAdd(order_id=1, side=ob.Side.BID, price=100, size=5, ts_event=1),
    ...     ob.OrderExecute(order_id=1, size=5, ts_event=2),
    ...     ob.OrderAdd(order_id=2, side=ob.Side.BID, price=100, size=5, ts_event=2),
    ... ])
    >>> icebergs = SameEventIcebergs(event_by="time")
    >>> [(refill.prev_id, refill.order_id, refill.confidence) for refill in icebergs.update(tape)]
    [(1, 2, 1.0)]
    """

    def __init__(self, *, event_by: EventBy = "message", clock: Clock = "event") -> None:
        super().__init__(event_by, clock)
        self._event = NEVER
        self._meetings: dict[tuple[int, int], _Meeting] = {}

    def update(self, events: EventColumns) -> list[Refill]:
        """Take the next piece of the tape (whole messages) and return the links in it, in order.

        Raises:
            ValueError: the exponents are not those of the pieces before.
        """
        rows = self._rows(events)
        chosen = rows_to_replay(rows, _meeting(rows), self._ledger.ids())
        out = []
        for step in self._ledger.replay(rows, chosen):
            self._begin(int(rows.event[step.at]))
            history, kind, at = step.history, rows.kind[step.at], step.at
            if history is None:
                continue
            meeting = self._meetings.setdefault((history.side, history.price), _Meeting())
            if kind == Action.FILL and history.state == "filled" and rows.before[at]:
                meeting.waiting.append(history)
                meeting.ended += 1
            elif kind == Action.ADD and history.from_birth and not rows.known[at]:
                meeting.came += 1
                before = self._predecessor(meeting, history.first)
                if before is not None:
                    out.append(self._link(rows, at, meeting, before, history))
        self._end_chains()
        return out

    def _begin(self, event: int) -> None:
        if event != self._event:
            self._event = event
            self._meetings.clear()

    def _predecessor(self, meeting: _Meeting, size: int) -> OrderHistory | None:
        """The order that a new one of that size follows best; None if none waits. What was refilled does not wait."""
        waiting = [history for history in meeting.waiting if history.state == "filled"]

        def doubt(history: OrderHistory) -> tuple[bool, bool, bool, int]:
            off = history.first - size
            return off != 0, history not in self._chains, off < 0, abs(off)

        return min(waiting, key=doubt, default=None)

    def _link(self, rows: OrderRows, at: int, meeting: _Meeting, before: OrderHistory, after: OrderHistory) -> Refill:
        ts, choices = int(rows.ts[at]), max(meeting.ended, meeting.came)
        meeting.waiting.remove(before)
        chain = self._chains.pop(before, None) or Chain([before])
        chain.reveal("same_event", ts)
        chain.orders.append(after)
        chain.links.append((before.order_id, after.order_id))
        chain.confidence /= choices
        self._chains[after] = chain
        size = self._unit.size
        evidence = [Evidence("full_fill", before.run_shown / size), Evidence("alternatives", float(choices))]
        if after.first == before.first:
            evidence.append(Evidence("clip", after.first / size))
        return Refill(
            known_at=ts,
            row=int(rows.row[at]),
            event=int(rows.event[at]),
            rule="same_event",
            iceberg_id=chain.first_id,
            prev_id=before.order_id,
            order_id=after.order_id,
            side=after.side,
            price=after.price / self._unit.price,
            shown_before=before.run_shown / size,
            executed=before.run_executed / size,
            shown_after=after.first / size,
            confidence=1 / choices,
            evidence=tuple(evidence),
        )


def icebergs_same_event(
    events: EventColumns, *, event_by: EventBy = "message", clock: Clock = "event"
) -> list[Iceberg]:
    """Return the icebergs of a tape that show a new order in the same event (:class:`SameEventIcebergs`), by discovery.

    Raises:
        ValueError: no such ``event_by`` or ``clock``.

    >>> import orderbook as ob
    >>> icebergs_same_event(ob.Events.from_events([ob.Clear()]))
    []
    """
    found = SameEventIcebergs(event_by=event_by, clock=clock)
    found.update(events)
    return found.discovered()


def _meeting(rows: OrderRows) -> Bools:
    """Births in an event with a full execution at their side and price; all births of what may go on from before."""
    ended = (rows.kind == Action.FILL) & rows.known & (rows.after == 0) & (rows.before > 0)
    came = (rows.kind == Action.ADD) & ~rows.known & ~rows.snapshot
    first = rows.event[:1].min(initial=np.iinfo(np.int64).max)
    out: Bools = came & (rows.event == first)
    births = np.flatnonzero(came & np.isin(rows.event, rows.event[ended]))
    deaths = np.flatnonzero(ended & np.isin(rows.event, rows.event[births]))
    names = (rows.event, rows.side, rows.price)
    keys = set(zip(*(values[deaths].tolist() for values in names), strict=True))
    of_births = list(zip(*(values[births].tolist() for values in names), strict=True))
    meets = [key in keys for key in of_births]
    out[births[meets]] = True
    met = {key for key, meet in zip(of_births, meets, strict=True) if meet}
    of_deaths = zip(*(values[deaths].tolist() for values in names), strict=True)
    out[deaths[[key in met for key in of_deaths]]] = True
    return out
