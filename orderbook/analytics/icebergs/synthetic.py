"""Icebergs that are kept up from outside: a new order of the same size soon after the last one was filled.

The venue knows nothing of these, so nothing on a tape proves them. What can be done is to link what fits, to say how
likely each link is by chance, and to believe long chains only. What no tape can tell apart is an iceberg from a market
maker who posts the same clip again and again.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import Final, get_args

import numpy as np

from orderbook.analytics._arguments import Span, as_count, as_positive, span_ns
from orderbook.analytics.icebergs._detector import ChainDetector
from orderbook.analytics.icebergs._orders import Chain, OrderHistory
from orderbook.analytics.icebergs._rates import LevelRates, SizeCounts
from orderbook.analytics.icebergs.matching import Arrival, Greedy, Match, Matcher, Optimal, Pair, Rules, Spent
from orderbook.analytics.icebergs.records import Evidence, Iceberg, Refill
from orderbook.analytics.tape import Clock, EventBy, EventColumns, OrderRows
from orderbook.types import UNDEF_TIMESTAMP, Action

__all__ = ("SyntheticIcebergs", "chance_level", "icebergs_synthetic")

_SECOND: Final = 1e9


@dataclass(slots=True, eq=False)
class _Tail:
    """A chain by its last order, with the links that are not told yet because it is too short."""

    chain: Chain
    untold: list[Refill] = field(default_factory=list)
    chance: float = 1.0
    """That every link is by chance."""
    known_at: int = UNDEF_TIMESTAMP
    """When its last link was known: a clock that steps back makes nothing known earlier."""


class SyntheticIcebergs(ChainDetector):
    """Links orders that were fully executed to new ones of their size, side and price within ``dt``, into chains.

    Assumed, and nothing else: the next clip comes less than ``dt`` after the last was *executed* to the end (not
    cancelled), in another event, at the same price, with the same size; a last, smaller clip may end a chain that is
    long enough already, if no equal one came by the end of its window (then it is known). Each order is used once.
    Chasing orders (another price) are not looked for.

    * ``dt``: measure it, per instrument and venue (:func:`near_far_excess`). A large one finds chance.
    * ``min_clip``: smaller orders are not linked; orders of one lot are what everything looks like.
    * ``min_chain``: orders that a chain has before anything is said of it. Its links are told when it is that long, and
      known only from then on. Long chains are what can be believed: from three orders on, better from six.
    * ``size_tol``: how much clips may differ, relative to the one before, for random peaks; it finds more by chance
      too.
    * ``match``: ``"greedy"``, each new order follows the one nearest in size, then the latest; or ``"optimal"``, the
      assignment that fits best among all that compete (:func:`best_assignment`), known only when the window is over.
    * ``excess``: the near/far excess measured at this ``dt``; no link is given a confidence above it.

    The chance that an unrelated order fits is ``1 - exp(-rate dt)``, with the rate of orders at that price (a trailing
    one) times how common the size is on the tape so far. A link's confidence is 1 minus that chance over the share of
    used-up orders that were followed so far: of what fits, so much is more than chance. A chain's is 1 minus the
    product of ``1 - confidence`` of its links, that not all of it is chance. Neither tells icebergs from makers who
    post again.

    ``event_by`` and ``clock`` are those of :class:`~orderbook.analytics.OrderTape`; the venue's clock is the better
    one.

    ``update`` takes consecutive pieces of a tape and returns the links of chains that are long enough: the same in all
    cuttings. Memory: the orders that rest, what waits for ``dt``, and chains until :meth:`finished` hands them out.
    O(rows), about 5 s for a million.

    Zotikov and Antonov (arXiv 1909.09495) look for new limit orders within a short time after a trade; the rest is
    ours.

    Raises:
        ValueError: ``dt``, ``min_clip`` or ``excess`` is not above 0, ``min_chain`` is below 2, ``size_tol`` is not in
            [0, 1), no such ``match``, ``event_by`` or ``clock``; pieces with different exponents.

    >>> import orderbook as ob
    >>> events = []
    >>> for i in range(4):
    ...     events.append(ob.OrderAdd(order_id=i, side=ob.Side.ASK, price=100, size=137, ts_event=1000 * i))
    ...     events.append(ob.OrderExecute(order_id=i, size=137, ts_event=1000 * i + 500))
    >>> icebergs = SyntheticIcebergs(dt=ob.duration_ns("5ms"))
    >>> [(link.prev_id, link.order_id) for link in icebergs.update(ob.Events.from_events(events))]
    [(0, 1), (1, 2), (2, 3)]
    >>> icebergs.icebergs[0].executed, icebergs.icebergs[0].peak.size
    (548.0, 137.0)
    """

    def __init__(
        self,
        *,
        dt: Span,
        min_clip: float = 2,
        min_chain: int = 3,
        size_tol: float = 0.0,
        match: Match = "greedy",
        excess: float | None = None,
        event_by: EventBy = "message",
        clock: Clock = "event",
    ) -> None:
        if match not in get_args(Match):
            raise ValueError(f"match is 'greedy' or 'optimal', not {match!r}")
        if not 0 <= size_tol < 1:
            raise ValueError(f"size_tol is a share from 0 to below 1, not {size_tol!r}")
        if as_count(min_chain, "min_chain") < 2:
            raise ValueError(f"min_chain is at least 2 orders, not {min_chain!r}")
        self._dt = span_ns(dt, "dt")
        self._min_clip, self._min_chain = as_positive(min_clip, "min_clip"), min_chain
        self._size_tol = size_tol
        self._most = 1.0 if excess is None else min(as_positive(excess, "excess"), 1.0)
        super().__init__(event_by, clock)
        rules = Rules(self._dt, size_tol, self._is_established)
        self._matcher: Matcher = Greedy(rules) if match == "greedy" else Optimal(rules)
        self._rates, self._sizes = LevelRates(), SizeCounts()
        self._tails: dict[OrderHistory, _Tail] = {}
        self._waited = self._followed = 0

    def update(self, events: EventColumns) -> list[Refill]:
        """Take the next piece of the tape (whole messages) and return the links that are known now, in their order.

        Raises:
            ValueError: the exponents are not those of the pieces before.
        """
        rows = self._rows(events)
        out: list[Refill] = []
        everything = np.flatnonzero(rows.kind != Action.TRADE)
        came = ((rows.kind == Action.ADD) & ~rows.known).tolist()
        ended = ((rows.kind == Action.FILL) & (rows.before > 0) & (rows.after == 0)).tolist()
        times, events_of = rows.ts.tolist(), rows.event.tolist()
        for step in self._ledger.replay(rows, everything):
            ts, history = times[step.at], step.history
            self._pass_time(ts, out)
            if self._ledger.ended:
                self._settle()
            if history is None:
                continue
            if came[step.at] and history.from_birth:
                self._arrive(rows, step.at, history, out)
            elif ended[step.at]:
                self._spend(history, ts, events_of[step.at])
        self._settle()
        return out

    def flush(self) -> list[Refill]:
        """Decide what still waits for its window to end, as if nothing more came: at the end of a tape.

        That is last, smaller clips, and all links of ``match="optimal"``. Chains that could have gone on have then
        ended.
        """
        out: list[Refill] = []
        self._pass_time(None, out)
        return out

    def _live(self) -> list[Chain]:
        return [tail.chain for tail in self._tails.values() if tail.chain.rules]

    # -- what happens ------------------------------------------------------------------------------------------------

    def _arrive(self, rows: OrderRows, at: int, history: OrderHistory, out: list[Refill]) -> None:
        key, ts, size = (history.side, history.price), int(rows.ts[at]), history.first
        if self._matcher.has(key):
            rate, common = self._rates.rate(key, ts), self._sizes.share(size, self._size_tol)
            arrival = Arrival(history, ts, int(rows.row[at]), int(rows.event[at]), size, rate, common)
            for pair in self._matcher.offer(key, arrival):
                self._link(pair, out)
        self._rates.count(key, ts)
        self._sizes.count(size)

    def _spend(self, history: OrderHistory, ts: int, event: int) -> None:
        clip = history.displays[-1] if history.displays else history.first
        tail = self._tails.get(history)
        # Without a time nobody can say what came soon after.
        follows = ts != UNDEF_TIMESTAMP and clip >= self._min_clip * self._unit.size
        if follows and not (tail and tail.chain.closed):
            self._waited += 1
            self._matcher.wait((history.side, history.price), Spent(history, ts, event, clip))
        else:
            self._end(history)

    def _pass_time(self, ts: int | None, out: list[Refill]) -> None:
        for item in self._matcher.pass_time(ts):
            if isinstance(item, Pair):
                self._link(item, out)
            elif item.history.state != "live":  # else the venue refilled it by itself
                self._end(item.history)

    def _settle(self) -> None:
        """Chains whose last order is gone by another way than a fill have ended."""
        for history in self._ledger.ended:
            if history.state != "filled":
                self._end(history)
        self._ledger.ended.clear()

    def _end(self, history: OrderHistory) -> None:
        tail = self._tails.pop(history, None)
        if tail is not None and tail.chain.rules:
            self._ended.append(tail.chain)

    # -- links -------------------------------------------------------------------------------------------------------

    def _is_established(self, history: OrderHistory) -> bool:
        tail = self._tails.get(history)
        return tail is not None and bool(tail.chain.rules)

    def _link(self, pair: Pair, out: list[Refill]) -> None:
        before, after = pair.spent.history, pair.arrival.history
        tail = self._tails.pop(before, None) or _Tail(Chain([before]))
        self._followed += 1
        tail.known_at = max(tail.known_at, pair.known_at)
        pair = pair._replace(known_at=tail.known_at)
        link = self._refill(pair, tail.chain.first_id)
        chain = tail.chain
        chain.orders.append(after)
        chain.links.append((before.order_id, after.order_id))
        chain.closed = pair.remainder
        tail.chance *= 1 - link.confidence
        chain.confidence = 1 - tail.chance
        tail.untold.append(link)
        if len(chain.orders) >= self._min_chain:
            chain.reveal("synthetic", pair.known_at)
            out += [replace(untold, known_at=pair.known_at) for untold in tail.untold]
            tail.untold.clear()
        self._tails[after] = tail
        over = chain.closed or after.first < self._min_clip * self._unit.size
        if after.state in ("cancelled", "unknown") or (after.state == "filled" and over):
            self._end(after)  # the assignment came after the order had gone

    def _refill(self, pair: Pair, iceberg_id: int) -> Refill:
        spent, arrival, size = pair.spent, pair.arrival, self._unit.size
        # Any smaller order would do for a remainder.
        chance = chance_level(arrival.rate * (1 if pair.remainder else arrival.common), self._dt)
        evidence = [Evidence("latency", float(arrival.ts - spent.ts)), Evidence("rarity", arrival.rarity)]
        if pair.remainder:
            evidence.append(Evidence("remainder", arrival.size / size))
        evidence.append(Evidence("chance", chance))
        return Refill(
            known_at=pair.known_at,
            row=arrival.row,
            event=arrival.event,
            rule="synthetic",
            iceberg_id=iceberg_id,
            prev_id=spent.history.order_id,
            order_id=arrival.history.order_id,
            side=arrival.history.side,
            price=arrival.history.price / self._unit.price,
            shown_before=spent.history.run_shown / size,
            executed=spent.history.run_executed / size,
            shown_after=arrival.size / size,
            confidence=self._confidence(chance),
            evidence=tuple(evidence),
        )

    def _confidence(self, chance: float) -> float:
        """Of the used-up orders that are followed, so many more than by chance."""
        followed = (self._followed + 1) / (self._waited + 2)
        return min(max(1 - chance / followed, 0.0), self._most)


def icebergs_synthetic(
    events: EventColumns,
    dt: Span,
    *,
    min_clip: float = 2,
    min_chain: int = 3,
    size_tol: float = 0.0,
    match: Match = "greedy",
    excess: float | None = None,
    event_by: EventBy = "message",
    clock: Clock = "event",
) -> list[Iceberg]:
    """Return chains of equal orders that follow each other within ``dt`` (:class:`SyntheticIcebergs`), by discovery.

    Publish the excess of :func:`near_far_excess` at the same ``dt`` and ``min_clip`` beside them.

    Raises:
        ValueError: as :class:`SyntheticIcebergs`.

    >>> import orderbook as ob
    >>> icebergs_synthetic(ob.Events.from_events([ob.Clear()]), dt=5_000_000)
    []
    """
    found = SyntheticIcebergs(
        dt=dt,
        min_clip=min_clip,
        min_chain=min_chain,
        size_tol=size_tol,
        match=match,
        excess=excess,
        event_by=event_by,
        clock=clock,
    )
    found.update(events)
    found.flush()
    return found.discovered()


def chance_level(rate: float, dt: Span, links: int = 1) -> float:
    """Return how likely a chain of so many links is among unrelated orders: ``(1 - exp(-rate dt)) ** links``.

    ``rate`` is in orders per second that would fit, at that side and price. Poisson arrivals are assumed; after a trade
    they come in bursts, so this is the least that chance does.

    Raises:
        ValueError: a negative ``rate``, ``dt`` not above 0, ``links`` below 1.

    >>> [round(chance_level(2.0, ms * 1_000_000), 4) for ms in (300, 50, 5, 1)]
    [0.4512, 0.0952, 0.01, 0.002]
    """
    if not rate >= 0:
        raise ValueError(f"rate is not negative, unlike {rate!r}")
    return float(-(math.expm1(-rate * span_ns(dt, "dt") / _SECOND) ** as_count(links, "links")))
