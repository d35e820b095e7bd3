"""What the detectors of icebergs say, and what each venue lets them say.

What ``confidence`` means depends on the rule, and is written with every number of it:

* ``N1 N2 N3`` (same id): 1.0. The venue's own messages leave no other reading, if one event is what one message says.
* ``same_event`` (new id, same event): 1.0 where one order ended and one came; with k ended and m come at that price,
  any of the assignments may be true, and it is ``1 / max(k, m)``.
* ``synthetic`` (new id, later): how much more often such orders follow than chance explains, so that a link is more
  than a coincidence. That is all: whoever posts the same size again by habit, as market makers do, looks the same.

Screens of levels have a ``score`` instead, which is no probability (:class:`L2IcebergScreen`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Literal, NamedTuple, TypeAlias

from orderbook.analytics.icebergs.peak import Peak

__all__ = (
    "ICEBERG_MODES",
    "Evidence",
    "Iceberg",
    "IcebergMode",
    "IcebergRule",
    "IcebergState",
    "PriceSegment",
    "Refill",
)

IcebergMode: TypeAlias = Literal["same_id", "new_id_same_event", "hidden_print", "none"]
"""How a feed shows that an iceberg has more: see :data:`ICEBERG_MODES`."""

IcebergRule: TypeAlias = Literal["N1", "N2", "N3", "same_event", "synthetic"]
"""What revealed it: a fill beyond the display, a display that came back, one that grew, or a new order."""

IcebergState: TypeAlias = Literal["live", "filled", "cancelled", "unknown"]
"""``unknown``: the book was cleared (a gap, a new session) while it was live."""

ICEBERG_MODES: Final[Mapping[str, IcebergMode]] = MappingProxyType(
    {
        "lobster": "hidden_print",
        "bitfinex_raw": "none",
        "binance_spot": "none",
        "binance_usdm": "none",
        "binance_coinm": "none",
        "tardis_csv": "none",
    }
)
"""What each format of this library shows of icebergs, as far as the venue's documents confirm it.

* ``same_id``: the order's display comes back under its id, in the event of the fill: :class:`NativeIcebergs`. CME's
  order-by-order feed, also as Databento has it, is like that.
* ``new_id_same_event``: the next display is a new order in the event that ended the last: :class:`SameEventIcebergs`.
  Coinbase Exchange is documented so.
* ``hidden_print``: only the executions against what is not displayed are told, not whose: :class:`HiddenPrints`.
  LOBSTER marks them with type 5 (Nasdaq).
* ``none``: nothing confirmed. Bitfinex has hidden orders, but how its raw feed shows them was not confirmed; Binance
  spot has icebergs and its depth and trades do not name orders. :class:`SyntheticIcebergs` and
  :class:`L2IcebergScreen` need nothing of the venue, and say accordingly less.

>>> ICEBERG_MODES["lobster"]
'hidden_print'
"""


class Evidence(NamedTuple):
    """A fact that speaks for a link, with its number where it has one.

    Names: ``beyond_display`` (what traded beyond it), ``full_fill`` and ``part_fill`` (what the display was), ``clip``
    (the display has the size of the first), ``alternatives`` (orders that ended, or came, there in this event),
    ``latency`` (ns), ``rarity`` (minus the log of how common the size is, in nats), ``chance`` (that an unrelated order
    fits), ``remainder`` (a last, smaller clip).

    >>> Evidence("beyond_display", 15.0).name
    'beyond_display'
    """

    name: str
    value: float | None = None


@dataclass(frozen=True, slots=True)
class Refill:
    """One thing that one row revealed of an iceberg: hidden size that traded, or a display that came again.

    * ``known_at``: ns UTC of the row that reveals it, never earlier; ``row`` and ``event``: the numbers of the row with
      the fill, change or new order that it is about (``known_at`` is later than that row where only later rows decide);
    * ``rule``; ``iceberg_id``: the first order of the chain; ``prev_id`` and ``order_id``: the order whose display was
      used up and the one that shows the next, the same under rules N1 to N3;
    * ``side`` (+1 bid) and ``price``; ``shown_before``: the display before the fills; ``executed``: what they took in
      this event; ``shown_after``: the display after this row (0 under N1: the next one is a row of its own);
    * ``confidence``: 1.0 under N1 to N3; what it means under the other rules is said by :class:`SameEventIcebergs` and
      :class:`SyntheticIcebergs`; ``evidence``: what speaks for it.

    >>> from orderbook.analytics.icebergs.native import NativeIcebergs
    >>> import orderbook as ob
    >>> order = dict(order_id=7, ts_event=1)
    >>> tape = [ob.OrderAdd(side=ob.Side.BID, price=100, size=5, **order), ob.OrderExecute(size=8, **order)]
    >>> [refill] = NativeIcebergs().update(ob.Events.from_events(tape))
    >>> refill.rule, refill.shown_before, refill.executed, refill.evidence
    ('N1', 5.0, 8.0, (Evidence(name='beyond_display', value=3.0),))
    """

    known_at: int
    row: int
    event: int
    rule: IcebergRule
    iceberg_id: int
    prev_id: int
    order_id: int
    side: int
    price: float
    shown_before: float
    executed: float
    shown_after: float
    confidence: float
    evidence: tuple[Evidence, ...]


class PriceSegment(NamedTuple):
    """A stay of an iceberg at one price: what traded there, and how often its display came again.

    >>> PriceSegment(100.0, 25.0, 2).executed
    25.0
    """

    price: float
    executed: float
    refills: int


@dataclass(frozen=True, slots=True)
class Iceberg:
    """An iceberg as far as it is known (sizes in the units of the tape).

    * ``iceberg_id``: its first order; ``order_ids``: all of them, in order; ``links``: (one, next) for each display
      that came again, twice the same id where the venue keeps it; ``refills``: how many;
    * ``executed`` E, ``displayed`` V (now), ``cancelled`` C (taken off by its owner), ``amended`` A (added by the owner
      outside of fills), ``first_display`` D0;
    * ``hidden_revealed`` H = E + V + C - D0 - A, never negative: what it turned out to have beyond its first display.
      This does not depend on how the feed cuts its messages; ``hidden_executed``, what traded beyond the display of
      the moment, does;
    * ``total_at_least`` = E + V + C: the least it can have been;
    * ``taken``: what it bought or sold on arrival, before it rested; in none of the numbers above;
    * ``peak``: its clip (:func:`peak_size`); ``state``; ``first_seen``, ``known_at`` (when it was first revealed) and
      ``ended_at`` (None while live), ns UTC; ``from_birth``: False if it was there before the tape or a snapshot, so
      that all of its totals are of a part;
    * ``rules`` that revealed it, in order of their first time; ``confidence``; ``segments`` by price.

    >>> from orderbook.analytics.icebergs.native import icebergs_native
    >>> import orderbook as ob
    >>> order = dict(order_id=7, ts_event=1)
    >>> tape = [ob.OrderAdd(side=ob.Side.BID, price=100, size=5, **order), ob.OrderExecute(size=8, **order)]
    >>> [iceberg] = icebergs_native(ob.Events.from_events(tape))
    >>> iceberg.hidden_revealed, iceberg.state
    (3.0, 'filled')
    """

    iceberg_id: int
    side: int
    price: float
    order_ids: tuple[int, ...]
    links: tuple[tuple[int, int], ...]
    executed: float
    displayed: float
    cancelled: float
    amended: float
    first_display: float
    hidden_executed: float
    taken: float
    peak: Peak
    state: IcebergState
    first_seen: int
    known_at: int
    ended_at: int | None
    from_birth: bool
    rules: tuple[IcebergRule, ...]
    confidence: float
    segments: tuple[PriceSegment, ...]

    @property
    def refills(self) -> int:
        """How many times a display came again."""
        return len(self.links)

    @property
    def total_at_least(self) -> float:
        """E + V + C: a known lower bound of its total size."""
        return self.executed + self.displayed + self.cancelled

    @property
    def hidden_revealed(self) -> float:
        """E + V + C - D0 - A: what it turned out to have beyond what it showed first."""
        return self.total_at_least - self.first_display - self.amended
