"""What is true of a tape with icebergs: which orders are whose. Held by the generator, never told to a detector."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal, NamedTuple, TypeAlias

from orderbook.testing.icebergs.draw import Draw

__all__ = ("BaseRates", "IcebergKind", "IcebergTruth", "TrueIceberg", "TrueLink", "TrueOrder")

IcebergKind: TypeAlias = Literal["native", "synthetic", "same_event"]
"""How the next clip shows: under the same id, under a new one after a while, or under a new one in the same event."""

LinkKind: TypeAlias = Literal["native", "synthetic", "same_event", "maker"]


class TrueOrder(NamedTuple):
    """An order of an iceberg; sizes in lots.

    ``size`` is its first display, ``executed`` all that traded under its id, shown before or not.
    """

    order_id: int
    iceberg_id: int
    kind: IcebergKind
    size: int
    executed: int


class TrueLink(NamedTuple):
    """A clip of the same owner that followed another: under the same id for a native refill.

    ``at`` is when the next clip showed, ``latency`` how long after the end of the one before. ``twin`` says that
    another order of the same side, price and size ended in the same event: whose child it is, the tape cannot tell.
    ``kind`` is ``"maker"`` for the quote of a market maker: owned alike, but no iceberg.
    """

    prev_id: int
    order_id: int
    kind: LinkKind
    at: int
    latency: int
    size: int
    twin: bool


class TrueIceberg(NamedTuple):
    """A parent: ``total`` lots of which ``executed`` traded, in ``tranches`` displays that a tape shows.

    ``peak`` is its clip (the middle, where clips are ``random``), ``latency`` its pace in ns (0 where the venue
    refills). ``revealed`` says that the tape shows more than one display, or a fill beyond one: nobody can find others.
    ``price`` is in the tape's ints, ``begun`` and ``ended`` (None while it is live) in ns UTC.
    """

    iceberg_id: int
    kind: IcebergKind
    side: int
    price: int
    total: int
    executed: int
    tranches: int
    peak: int
    random: bool
    latency: int
    order_ids: tuple[int, ...]
    state: Literal["live", "filled", "cancelled"]
    begun: int
    ended: int | None
    revealed: bool


class BaseRates(NamedTuple):
    """How common what is looked for is, without which no precision means anything.

    ``adds`` orders were added, ``iceberg_adds`` of them by icebergs, ``reposts`` by makers who post again; ``filled``
    were executed to the end, ``lots`` traded, ``iceberg_lots`` of them against icebergs.
    """

    adds: int
    iceberg_adds: int
    reposts: int
    filled: int
    lots: int
    iceberg_lots: int


@dataclass(frozen=True, slots=True)
class IcebergTruth:
    """The labels of a tape: its icebergs, their links and orders (by id), the makers' links, and base rates."""

    icebergs: tuple[TrueIceberg, ...]
    links: tuple[TrueLink, ...]
    maker_links: tuple[TrueLink, ...]
    orders: dict[int, TrueOrder]
    base: BaseRates

    def of(self, *kinds: IcebergKind) -> tuple[TrueIceberg, ...]:
        """The icebergs of some kinds."""
        return tuple(iceberg for iceberg in self.icebergs if iceberg.kind in kinds)


@dataclass(slots=True, eq=False)
class Parent:
    """An iceberg while it lives; ``rest`` is what it has never shown."""

    kind: IcebergKind
    side: int
    price: int
    total: int
    peak: int
    spread: float
    latency: int
    rest: int = 0
    executed: int = 0
    tranches: int = 0
    state: Literal["live", "filled", "cancelled"] = "live"
    order_ids: list[int] = field(default_factory=list)
    begun: int = 0
    ended: int | None = None
    beyond: bool = False
    """Something traded that no display ever held."""

    def __post_init__(self) -> None:
        self.rest = self.total

    def next_clip(self, draw: Draw) -> int:
        """Take the next clip off what is hidden."""
        clip = draw.around(self.peak, self.spread) if self.spread else self.peak
        clip = min(clip, self.rest)
        self.rest -= clip
        return clip

    def end(self, state: Literal["filled", "cancelled"], ts: int) -> None:
        """It is over."""
        self.state, self.ended = state, ts

    def frozen(self) -> TrueIceberg:
        """What is true of it at the end."""
        return TrueIceberg(
            iceberg_id=self.order_ids[0],
            kind=self.kind,
            side=self.side,
            price=self.price,
            total=self.total,
            executed=self.executed,
            tranches=self.tranches,
            peak=self.peak,
            random=self.spread > 0,
            latency=self.latency,
            order_ids=tuple(self.order_ids),
            state=self.state,
            begun=self.begun,
            ended=self.ended,
            revealed=self.tranches > 1 or self.beyond,
        )


class Ledger:
    """Writes the truth down as it happens."""

    def __init__(self) -> None:
        self._parents: list[Parent] = []
        self._links: list[TrueLink] = []
        self._maker_links: list[TrueLink] = []
        self._orders: dict[int, list[int]] = {}
        self._owners: dict[int, Parent] = {}

    def order(self, ts: int, order_id: int, size: int, parent: Parent) -> None:
        """A new order of an iceberg."""
        self._orders[order_id] = [size, 0]
        self._owners[order_id] = parent
        if not parent.order_ids:
            self._parents.append(parent)
            parent.begun = ts
        parent.order_ids.append(order_id)
        parent.tranches += 1

    def link(self, link: TrueLink) -> None:
        """One clip followed another."""
        (self._maker_links if link.kind == "maker" else self._links).append(link)

    def executed(self, ts: int, order_id: int, lots: int) -> None:
        """Something traded under an order's id."""
        self._orders[order_id][1] += lots
        parent = self._owners[order_id]
        parent.executed += lots
        if parent.executed == parent.total:
            parent.end("filled", ts)

    def finish(self, *, adds: int, filled: int, lots: int) -> IcebergTruth:
        """All that was written, as values."""
        orders = {order_id: self._true_order(order_id) for order_id in self._orders}
        base = BaseRates(
            adds=adds,
            iceberg_adds=len(orders),
            reposts=len(self._maker_links),
            filled=filled,
            lots=lots,
            iceberg_lots=sum(parent.executed for parent in self._parents),
        )
        icebergs = tuple(parent.frozen() for parent in self._parents)
        return IcebergTruth(icebergs, _by_time(self._links), _by_time(self._maker_links), orders, base)

    def _true_order(self, order_id: int) -> TrueOrder:
        size, executed = self._orders[order_id]
        parent = self._owners[order_id]
        return TrueOrder(order_id, parent.order_ids[0], parent.kind, size, executed)


def _by_time(links: Iterable[TrueLink]) -> tuple[TrueLink, ...]:
    return tuple(sorted(links, key=lambda link: link.at))
