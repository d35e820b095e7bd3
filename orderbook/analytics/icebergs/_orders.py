"""The history of single orders, row by row, and the chains of orders that an iceberg is.

Everything here is in the tape's ints, so that sums are exact; a chain becomes an :class:`Iceberg` in the units of the
tape at the end. Which rows are worth a look is for the detectors to find out beforehand, with whole columns.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from orderbook.analytics.icebergs.peak import Peak, peak_size
from orderbook.analytics.icebergs.records import Iceberg, IcebergRule, IcebergState, PriceSegment
from orderbook.analytics.tape import EventBy, EventColumns, OrderRows
from orderbook.types import Action

Ints: TypeAlias = npt.NDArray[np.int64]
Bools: TypeAlias = npt.NDArray[np.bool_]

NEVER: Final = -1


class Unit(NamedTuple):
    """What ints of a tape are divided by: exact powers of ten, so that the quotient is correctly rounded."""

    price: int
    size: int

    @classmethod
    def of(cls, events: EventColumns) -> Unit:
        """The units of a tape."""
        return cls(10**-events.price_exponent, 10**-events.size_exponent)


class OrderHistory:
    """All that one order id did since it came: the terms of the conservation law, and the event it is in.

    ``run_*`` is about the fills of the present event: what was shown before them (since it was last set), what they
    took, whether that was more.
    """

    __slots__ = (
        "amended",
        "cancelled",
        "displays",
        "ended_at",
        "executed",
        "first",
        "first_seen",
        "from_birth",
        "hidden",
        "order_id",
        "price",
        "run_event",
        "run_executed",
        "run_shown",
        "segment_executed",
        "segment_refills",
        "segments",
        "shown",
        "side",
        "state",
        "taken",
    )

    def __init__(self, order_id: int, side: int, price: int, size: int, ts: int, *, from_birth: bool) -> None:
        self.order_id, self.side, self.price = order_id, side, price
        self.first = self.shown = size
        self.executed = self.cancelled = self.amended = self.hidden = self.taken = 0
        self.first_seen, self.from_birth = ts, from_birth
        self.state: IcebergState = "live"
        self.ended_at: int | None = None
        # What a snapshot shows may be the rest of a clip.
        self.displays = [size] if from_birth else []
        self.segments: list[tuple[int, int, int]] = []
        self.segment_executed = self.segment_refills = 0
        self.run_event, self.run_shown, self.run_executed = NEVER, 0, 0

    def fill(self, event: int, size: int, before: int, after: int, ts: int) -> bool:
        """Trade; whether that was more than what is shown."""
        if self.run_event != event:
            self.run_event, self.run_shown, self.run_executed = event, before, 0
        self.run_executed += size
        self.executed += size
        self.segment_executed += size
        self.hidden += max(size - before, 0)
        self.shown = after
        if not after:
            self.state, self.ended_at = "filled", ts
        return size > before

    def change(self, event: int, price: int, before: int, after: int, ts: int) -> bool:
        """Show another size, or another price; whether that is a refill."""
        filled = self.run_event == event and self.run_executed > 0
        refill = filled and after > before and price == self.price
        if refill:
            if self.run_executed <= self.run_shown:  # else the new display may be partly executed already
                self.displays.append(after)
            self.segment_refills += 1
        elif after > before:
            self.amended += after - before
        else:
            self.cancelled += before - after
        if price != self.price:
            self.segments.append((self.price, self.segment_executed, self.segment_refills))
            self.price, self.segment_executed, self.segment_refills = price, 0, 0
            self.run_event = NEVER  # what traded at the other price brings nothing back at this one
        self.shown = after
        self.state, self.ended_at = ("live", None) if after else ("cancelled", ts)
        return refill

    def cancel(self, before: int, after: int, ts: int) -> None:
        """Lose size by its owner's will."""
        self.cancelled += before - after
        self.shown = after
        if before and not after:
            self.state, self.ended_at = "cancelled", ts

    def all_segments(self) -> Iterator[tuple[int, int, int]]:
        """Price, executed and refills of every stay at a price."""
        yield from self.segments
        yield self.price, self.segment_executed, self.segment_refills


class Step(NamedTuple):
    """A row as it was applied; ``history`` is None for a clear. ``rule``: what it revealed of the order by itself."""

    at: int
    history: OrderHistory | None
    rule: IcebergRule | None = None
    shown: int = 0
    executed: int = 0


class Ledger:
    """Keeps the histories of orders that live, and for the rest of their event those that were just filled."""

    def __init__(self, event_by: EventBy) -> None:
        self._whole_events = event_by == "message"
        self.orders: dict[int, OrderHistory] = {}
        self._filled: list[OrderHistory] = []
        self._arriving: dict[int, int] = {}
        self._event = NEVER
        self.ended: list[OrderHistory] = []
        """Orders that are gone for good, in the order of their ends; whoever reads it empties it."""

    def ids(self) -> npt.NDArray[np.uint64]:
        """The orders that have a history, or have traded on their arrival."""
        known = self.orders.keys() | self._arriving.keys()
        return np.fromiter(known, np.uint64, len(known))

    def replay(self, rows: OrderRows, chosen: Ints) -> Iterator[Step]:
        """Apply chosen rows in order; all rows of an order that has, or shall have, a history must be among them."""
        names = (rows.kind, rows.event, rows.ts, rows.order_id, rows.side, rows.price, rows.size, rows.before)
        more = (rows.after, rows.known, rows.snapshot)
        columns = (values[chosen].tolist() for values in (*names, *more))
        for at, kind, event, ts, order_id, side, price, size, before, after, known, snapshot in zip(
            chosen.tolist(), *columns, strict=True
        ):
            if event != self._event:
                self._begin(event)
            history = self.orders.get(order_id)
            if kind == Action.CLEAR:
                self._clear(ts)
                yield Step(at, None)
            elif kind == Action.ADD and not (history and known and not before):
                yield Step(at, self._add(order_id, side, price, after, ts, from_birth=not snapshot))
            elif history is None or not known:
                if kind == Action.FILL:
                    self._arriving[order_id] = self._arriving.get(order_id, 0) + size
            elif kind == Action.FILL:
                beyond = history.fill(event, size, before, after, ts)
                if not after:
                    self._filled.append(history)
                yield Step(at, history, "N1" if beyond else None, history.run_shown, history.run_executed)
            elif kind == Action.CANCEL:
                history.cancel(before, after, ts)
                self._settle(history)
                yield Step(at, history)
            else:
                yield self._change(at, history, event, price, before, after, ts)
        if len(rows) and (self._whole_events or int(rows.event[-1]) != self._event):
            self._begin(int(rows.event[-1]))

    def _change(self, at: int, history: OrderHistory, event: int, price: int, before: int, after: int, ts: int) -> Step:
        shown, executed = history.run_shown, history.run_executed
        if not history.change(event, price, before, after, ts):
            self._settle(history)
            return Step(at, history)
        history.run_shown, history.run_executed = after, 0
        return Step(at, history, "N3" if before else "N2", shown, executed)

    def _begin(self, event: int) -> None:
        """A new event: what was filled in the one before stays gone, and fills of orders to come were not theirs."""
        self._event = event
        for history in self._filled:
            if history.state == "filled" and self.orders.get(history.order_id) is history:
                del self.orders[history.order_id]
                self.ended.append(history)
        self._filled.clear()
        self._arriving.clear()

    def _settle(self, history: OrderHistory) -> None:
        if history.state == "cancelled":
            del self.orders[history.order_id]
            self.ended.append(history)

    def _add(self, order_id: int, side: int, price: int, size: int, ts: int, *, from_birth: bool) -> OrderHistory:
        before = self.orders.pop(order_id, None)
        if before is not None:
            self._lose(before, ts)
        history = OrderHistory(order_id, side, price, size, ts, from_birth=from_birth)
        history.taken = self._arriving.pop(order_id, 0)
        self.orders[order_id] = history
        return history

    def _lose(self, history: OrderHistory, ts: int) -> None:
        """Nobody knows what becomes of it."""
        if history.state == "live":
            history.state, history.ended_at = "unknown", ts
        self.ended.append(history)

    def _clear(self, ts: int) -> None:
        for history in self.orders.values():
            self._lose(history, ts)
        self.orders.clear()
        self._filled.clear()
        self._arriving.clear()


def rows_to_replay(rows: OrderRows, chosen: Bools, held: npt.NDArray[np.uint64]) -> Ints:
    """The rows of all orders of which a row is chosen, that are held from before, or that live on; and the clears.

    Orders that came and went within the piece without anything of note are most of a tape, and are left out here.
    """
    is_clear, is_print = rows.kind == Action.CLEAR, rows.kind == Action.TRADE
    at = np.flatnonzero(~is_clear & ~is_print)
    ids, which = np.unique(rows.order_id[at], return_inverse=True)
    last = np.zeros(len(ids), np.int64)
    last[which] = at  # the last of equal indices stays
    clears = np.flatnonzero(is_clear)
    lives = (rows.after[last] > 0) & (last > (clears[-1] if len(clears) else -1))
    wanted = lives | np.isin(ids, held)
    # The last event may go on in the next piece: what is filled in it may be refilled there, or arrive.
    chosen = chosen | ((rows.kind == Action.FILL) & (rows.event == rows.event[-1:].max(initial=NEVER)))
    wanted[which[chosen[at]]] = True
    return np.sort(np.concatenate((clears, at[wanted[which]])))


@dataclass(slots=True, eq=False)
class Chain:
    """Orders that are one iceberg, one after the other, and since when that is known."""

    orders: list[OrderHistory]
    links: list[tuple[int, int]] = field(default_factory=list)
    rules: list[IcebergRule] = field(default_factory=list)
    known_at: int = 0
    confidence: float = 1.0
    closed: bool = False
    """Its last order was a remainder: nothing follows."""

    @property
    def first_id(self) -> int:
        """The id of the iceberg."""
        return self.orders[0].order_id

    def reveal(self, rule: IcebergRule, ts: int) -> None:
        """Something was found."""
        if not self.rules:
            self.known_at = ts
        if rule not in self.rules:
            self.rules.append(rule)

    def iceberg(self, unit: Unit) -> Iceberg:
        """What is known of it now."""
        orders = self.orders
        first, last = orders[0], orders[-1]

        def total(name: str) -> float:
            ints: int = sum(getattr(order, name) for order in orders)
            return ints / unit.size

        return Iceberg(
            iceberg_id=first.order_id,
            side=last.side,
            price=last.price / unit.price,
            order_ids=tuple(order.order_id for order in orders),
            links=tuple(self.links),
            executed=total("executed"),
            displayed=total("shown"),
            cancelled=total("cancelled"),
            amended=total("amended"),
            first_display=first.first / unit.size,
            hidden_executed=total("hidden"),
            taken=total("taken"),
            peak=self._peak(unit),
            state=last.state,
            first_seen=first.first_seen,
            known_at=self.known_at,
            ended_at=last.ended_at,
            from_birth=first.from_birth,
            rules=tuple(self.rules),
            confidence=self.confidence,
            segments=self._segments(unit),
        )

    def _peak(self, unit: Unit) -> Peak:
        displays = [size / unit.size for order in self.orders for size in order.displays]
        return peak_size(displays) or Peak(self.orders[0].first / unit.size, "prior", 0.0, 1)

    def _segments(self, unit: Unit) -> tuple[PriceSegment, ...]:
        """Stays at one price; the orders of a chain at the same price are one stay."""
        out: list[tuple[int, int, int]] = []
        for number, order in enumerate(self.orders):
            begun = False
            for price, executed, refills in order.all_segments():
                same = out.pop() if out and out[-1][0] == price else (price, 0, 0)
                came = refills + (number > 0 and not begun)  # the first display of a later order came again
                out.append((price, same[1] + executed, same[2] + came))
                begun = True
        return tuple(PriceSegment(price / unit.price, executed / unit.size, came) for price, executed, came in out)
