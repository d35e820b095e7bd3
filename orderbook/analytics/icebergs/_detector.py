"""What the detectors that follow single orders have in common."""

from __future__ import annotations

from collections.abc import Iterable

from orderbook.analytics.icebergs._orders import Chain, Ledger, OrderHistory, Unit
from orderbook.analytics.icebergs.records import Iceberg
from orderbook.analytics.tape import Clock, EventBy, EventColumns, OrderRows, OrderTape


class ChainDetector:
    """Follows a tape, keeps the chains of orders that are not over, and hands out what it knows of each."""

    def __init__(self, event_by: EventBy, clock: Clock) -> None:
        self._tape = OrderTape(clock=clock, event_by=event_by)
        self._ledger = Ledger(event_by)
        self._unit = Unit(1, 1)
        self._chains: dict[OrderHistory, Chain] = {}
        """By the last order of each."""
        self._ended: list[Chain] = []

    @property
    def icebergs(self) -> list[Iceberg]:
        """The icebergs that ended and were not handed out yet, then the live ones, as far as known. O(icebergs)."""
        return [chain.iceberg(self._unit) for chain in (*self._ended, *self._live())]

    def discovered(self) -> list[Iceberg]:
        """All icebergs that were not handed out, in the order in which they became known. O(n log n)."""
        return sorted(self.icebergs, key=lambda iceberg: iceberg.known_at)

    def finished(self) -> list[Iceberg]:
        """Hand out the icebergs that have ended since the last call, and forget them."""
        out = [chain.iceberg(self._unit) for chain in self._ended]
        self._ended.clear()
        return out

    def _live(self) -> Iterable[Chain]:
        return self._chains.values()

    def _rows(self, events: EventColumns) -> OrderRows:
        """The rows of the next piece."""
        rows = self._tape.update(events)
        self._unit = Unit.of(events)
        return rows

    def _end_chains(self) -> None:
        """Chains whose last order has gone for good are over."""
        for history in self._ledger.ended:
            chain = self._chains.pop(history, None)
            if chain is not None:
                self._ended.append(chain)
        self._ledger.ended.clear()
