"""Icebergs that keep their order id: what a venue's own order-by-order messages prove.

Such a feed cannot hide that more traded than was shown, nor that a display came back. No time window is involved, and
no threshold: an event either reveals an iceberg or it does not.
"""

from __future__ import annotations

import numpy as np

from orderbook.analytics.icebergs._detector import ChainDetector
from orderbook.analytics.icebergs._orders import Bools, Chain, OrderHistory, Step, rows_to_replay
from orderbook.analytics.icebergs.records import Evidence, Iceberg, Refill
from orderbook.analytics.tape import Clock, EventBy, EventColumns, OrderRows
from orderbook.types import Action

__all__ = ("NativeIcebergs", "icebergs_native")


class NativeIcebergs(ChainDetector):
    """Finds icebergs whose refills keep the order id, exactly, event by event.

    * **N1**: the fills of an order within an event exceed what it displayed. The excess was hidden.
    * **N2**: its display is fully executed, and in the same event it shows again.
    * **N3**: it is partly executed, and in the same event it shows more than was left.

    An event is a message, or (``event_by="time"``, for feeds that tell each fill by itself) consecutive messages with
    one time. A larger size *outside* an event with its fill is an amendment by its owner, and so is one at another
    price; orders of a snapshot are not births; fills of an order that is not in the book yet are what it took on
    arrival (:attr:`Iceberg.taken`). Auctions and busted trades are for the feed to leave out.

    ``update`` takes consecutive pieces of a tape, of any length, and returns what each reveals: the same in all
    cuttings. Memory: the orders that rest, and icebergs until :meth:`finished` hands them out. O(rows log rows),
    about 1 s for a million rows; only orders that are filled in some way of note are looked at one by one.

    The principle (more traded than rested; changes after trade events) is that of Zotikov and Antonov, arXiv
    1909.09495; the rules are stated here because theirs are not.

    Raises:
        ValueError: no such ``event_by`` or ``clock``; pieces with different exponents.

    >>> import orderbook as ob
    >>> tape = ob.Events.from_events([
    ...     ob.OrderAdd(order_id=7, side=ob.Side.BID, price=100, size=10, ts_event=1),
    ...     ob.OrderExecute(order_id=7, size=25, ts_event=2),
    ...     ob.OrderModify(order_id=7, size=10, ts_event=2),
    ... ])
    >>> icebergs = NativeIcebergs(event_by="time")
    >>> [(refill.rule, refill.executed, refill.shown_after) for refill in icebergs.update(tape)]
    [('N1', 25.0, 0.0), ('N2', 25.0, 10.0)]
    >>> [iceberg] = icebergs.icebergs
    >>> iceberg.hidden_revealed, iceberg.total_at_least
    (25.0, 35.0)
    """

    def __init__(self, *, event_by: EventBy = "message", clock: Clock = "event") -> None:
        super().__init__(event_by, clock)

    def update(self, events: EventColumns) -> list[Refill]:
        """Take the next piece of the tape (whole messages) and return what its rows reveal, in their order.

        Raises:
            ValueError: the exponents are not those of the pieces before.
        """
        rows = self._rows(events)
        chosen = rows_to_replay(rows, _revealing(rows), self._ledger.ids())
        out = [self._refill(rows, step) for step in self._ledger.replay(rows, chosen) if step.rule]
        self._end_chains()
        return out

    def _refill(self, rows: OrderRows, step: Step) -> Refill:
        history, rule, at = step.history, step.rule, step.at
        assert history is not None and rule is not None  # noqa: S101 - a step with a rule is about an order
        chain = self._chains.setdefault(history, Chain([history]))
        ts = int(rows.ts[at])
        chain.reveal(rule, ts)
        after = int(rows.after[at])
        if rule != "N1":
            chain.links.append((history.order_id, history.order_id))
        size = self._unit.size
        return Refill(
            known_at=ts,
            row=int(rows.row[at]),
            event=int(rows.event[at]),
            rule=rule,
            iceberg_id=history.order_id,
            prev_id=history.order_id,
            order_id=history.order_id,
            side=history.side,
            price=history.price / self._unit.price,
            shown_before=step.shown / size,
            executed=step.executed / size,
            shown_after=after / size,
            confidence=1.0,
            evidence=_evidence(step, after, history, size),
        )


def icebergs_native(events: EventColumns, *, event_by: EventBy = "message", clock: Clock = "event") -> list[Iceberg]:
    """Return the icebergs of a tape that keep their order id (:class:`NativeIcebergs`), in order of discovery.

    Raises:
        ValueError: no such ``event_by`` or ``clock``.

    >>> import orderbook as ob
    >>> icebergs_native(ob.Events.from_events([ob.Clear()]))
    []
    """
    found = NativeIcebergs(event_by=event_by, clock=clock)
    found.update(events)
    return found.discovered()


def _evidence(step: Step, after: int, history: OrderHistory, size: int) -> tuple[Evidence, ...]:
    out = []
    if step.executed > step.shown:
        out.append(Evidence("beyond_display", (step.executed - step.shown) / size))
    if step.rule != "N1":
        name = "part_fill" if step.rule == "N3" else "full_fill"
        out.append(Evidence(name, step.shown / size))
        if after == history.first:
            out.append(Evidence("clip", after / size))
    return tuple(out)


def _revealing(rows: OrderRows) -> Bools:
    """Rows that reveal an iceberg, or may: a larger size in an event with a fill of the order."""
    is_fill = rows.kind == Action.FILL
    grows = np.isin(rows.kind, (Action.ADD, Action.MODIFY)) & rows.known & (rows.after > rows.before)
    revealing: Bools = rows.known & is_fill & (rows.size > rows.before)
    larger = np.flatnonzero(grows)
    if len(larger):
        fills = np.flatnonzero(is_fill & np.isin(rows.event, rows.event[larger]))
        filled = set(zip(rows.event[fills].tolist(), rows.order_id[fills].tolist(), strict=True))
        pairs = zip(rows.event[larger].tolist(), rows.order_id[larger].tolist(), strict=True)
        revealing[larger[[pair in filled for pair in pairs]]] = True
    return revealing
