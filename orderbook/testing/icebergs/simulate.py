"""A seeded market with icebergs of every kind, and with everything that only looks like one."""

from __future__ import annotations

import functools
import heapq
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal

from orderbook.columns import Events
from orderbook.testing.icebergs.draw import Draw
from orderbook.testing.icebergs.engine import Engine, Resting
from orderbook.testing.icebergs.params import IcebergMarket
from orderbook.testing.icebergs.rows import RowLog
from orderbook.testing.icebergs.truth import IcebergKind, IcebergTruth, Ledger, Parent, TrueLink
from orderbook.types import Action, Flag, Order, Side

__all__ = ("SimulatedIcebergs", "simulate_icebergs")

_SECOND: Final = 1_000_000_000
_HOUR: Final = 3600
_PATIENCE: Final = 10 * _SECOND
"""How long owners wait, on average, before they cancel or amend an iceberg."""


@dataclass(frozen=True, slots=True)
class SimulatedIcebergs:
    """A tape and what is true of it: ``resting`` are the orders at the end, in ticks and lots, best price first."""

    params: IcebergMarket
    seed: int
    events: Events
    truth: IcebergTruth
    resting: tuple[Order, ...]


def simulate_icebergs(params: IcebergMarket | None = None, seed: int = 0) -> SimulatedIcebergs:
    """Let a made-up venue trade and return its order-by-order tape with labels. About 2 s for 200,000 rows.

    The same parameters and seed give the same tape on every machine and in every version of Python and numpy. Rows are
    as Databento has them for CME: a trade (T) per price that a taker reaches, then what each resting order did. All
    that one order traded in an event is one F, followed by the C that takes it off the book; a native iceberg that was
    refilled has an M to its new display instead, and its F is larger than what it showed if the taker went on.

    What the tape cannot say: a native refill goes to the back of its queue, but an M that does not raise the size keeps
    its place in a book that is rebuilt from rows. Levels and orders are right, places of refilled orders need not be.

    Results on such tapes are properties of this generator and its parameters, not of any market.

    >>> tape = simulate_icebergs(IcebergMarket(seconds=60, native=3600), seed=1)
    >>> tape.events, tape.truth.base.adds
    (<Events ICEBERGS: 3108 rows, 1364 messages, L3>, 932)
    >>> tape.truth.icebergs[0].kind, tape.truth.icebergs[0].tranches
    ('native', 1)
    """
    market = _Market(params or IcebergMarket(), seed)
    market.run()
    return market.result()


class _Market:
    """Participants who act by themselves, and plans of theirs that come due."""

    def __init__(self, params: IcebergMarket, seed: int) -> None:
        self._params, self._seed = params, seed
        self._draw = Draw(seed)
        self._log, self._ledger = RowLog("ICEBERGS"), Ledger()
        self._engine = Engine(self._log, self._ledger, self._draw)
        self._now = params.start
        self._due: list[tuple[int, int, Callable[[], None]]] = []
        self._plans = 0
        self._trend = 1
        # Ordinary orders in a list, so that one of them can be drawn, with the place of each.
        self._ordinary: list[Resting] = []
        self._place: dict[int, int] = {}
        self._live: dict[Parent, Resting] = {}
        self._open()

    def _open(self) -> None:
        params = self._params
        self._log.add(self._now, Action.CLEAR, 0, 0, 0, 0, Flag.SNAPSHOT)
        for side in (1, -1):
            for level in range(params.levels):
                price = params.mid - side * (1 + level)
                for _ in range(params.orders):
                    order = Resting(0, side, price, self._size())
                    self._remember(self._engine.post(self._now, order, Flag.SNAPSHOT))
        self._log.end()

    # -- time --------------------------------------------------------------------------------------------------------

    def run(self) -> None:
        """Let everybody act until the market closes."""
        params, draw = self._params, self._draw
        close = params.start + params.seconds * _SECOND
        fixed: list[tuple[float, Callable[[], None]]] = [
            (params.adds, self._arrive),
            (params.takes, self._take),
            *((getattr(params, kind) / _HOUR, functools.partial(self._iceberg, kind)) for kind in _KINDS),
        ]
        steady = sum(rate for rate, _ in fixed)
        while True:
            cancels = params.cancels * len(self._ordinary)
            total = steady + cancels
            self._until(min(close, self._now + draw.wait(int(_SECOND / total)) if total else close))
            if self._now >= close:
                return
            at = draw.unit() * (steady + cancels)
            for rate, act in fixed:
                at -= rate
                if at < 0:
                    act()
                    break
            else:
                self._pull()
            self._log.end()

    def _until(self, time: int) -> None:
        """Move the clock; plans that come due on the way are carried out."""
        while self._due and self._due[0][0] <= time:
            due, _, act = heapq.heappop(self._due)
            self._now = max(due, self._now + 1)
            act()
            self._log.end()
        self._now = max(time, self._now + 1)

    def _plan(self, delay: int, act: Callable[[], None]) -> None:
        self._plans += 1
        heapq.heappush(self._due, (self._now + delay, self._plans, act))

    # -- ordinary participants ---------------------------------------------------------------------------------------

    def _size(self) -> int:
        params, draw = self._params, self._draw
        if draw.happens(params.one_lot):
            return 1
        return draw.pick(params.clusters) if draw.happens(0.7) else 1 + draw.below(params.largest)

    def _price(self, side: int) -> int:
        """A passive price: inside the spread now and then, otherwise the more rarely the farther from the best."""
        engine, draw, levels = self._engine, self._draw, self._params.levels
        best = engine.best(side)
        room = abs(engine.best(-side) - best) - 1
        if room > 0 and draw.happens(0.3):
            return best + side * (1 + draw.below(min(room, 2)))
        if len(engine.prices[side]) <= levels // 2 + 2:
            return max(1, best - side * draw.below(levels))
        distance = 0
        while distance < levels - 1 and draw.happens(0.5):
            distance += 1
        return max(1, best - side * distance)

    def _side(self) -> int:
        return 1 if self._draw.happens(0.5) else -1

    def _remember(self, order: Resting) -> None:
        self._place[order.order_id] = len(self._ordinary)
        self._ordinary.append(order)

    def _forget(self, order: Resting) -> None:
        place = self._place.pop(order.order_id)
        last = self._ordinary.pop()
        if last is not order:
            self._ordinary[place] = last
            self._place[last.order_id] = place

    def _arrive(self) -> None:
        params, draw, side = self._params, self._draw, self._side()
        maker = draw.happens(params.makers)
        size = self._size()
        pace = draw.quantile(params.latency) if maker else 0
        self._remember(self._engine.post(self._now, Resting(0, side, self._price(side), size, None, maker, pace)))

    def _pull(self) -> None:
        """The owner of an ordinary order takes some or all of it back, asks for more, or moves it."""
        params, draw, engine = self._params, self._draw, self._engine
        order = draw.pick(self._ordinary)
        if not draw.happens(params.amends):
            if self._may_go(order):
                self._forget(order)
                engine.cancel(self._now, order, order.size)
        elif order.size > 1 and draw.happens(0.5):
            engine.cancel(self._now, order, 1 + draw.below(order.size - 1))
        elif draw.happens(0.5):
            engine.change(self._now, order, order.price, order.size + self._size())
        elif self._may_go(order):
            engine.change(self._now, order, self._price(order.side), order.size)

    def _may_go(self, order: Resting) -> bool:
        """Not the last but two prices of a side: a market without a side is another matter."""
        return len(self._engine.prices[order.side]) > 3

    def _take(self) -> None:
        draw = self._draw
        if draw.happens(0.3):
            self._trend = -self._trend
        lots = self._size() * draw.pick((1, 1, 2, 4))
        for order in self._engine.take(self._now, self._trend, lots, levels=3):
            self._ended(order)

    def _ended(self, order: Resting) -> None:
        """What owners do when an order has traded to its end."""
        parent = order.parent
        if parent is None:
            self._forget(order)
            if order.maker and self._draw.happens(self._params.reposts):
                delay = self._draw.around(order.pace, 0.5)
                self._plan(delay, functools.partial(self._quote_again, order, self._now))
        elif parent.kind == "synthetic" and parent.rest:
            delay = self._draw.around(parent.latency, 0.5)
            self._plan(delay, functools.partial(self._next_child, parent, order, self._now))

    def _quote_again(self, order: Resting, ended: int) -> None:
        if not self._engine.crosses(order.side, order.price):
            quote = Resting(0, order.side, order.price, order.clip, None, True, order.pace)
            self._remember(self._engine.post(self._now, quote))
            self._linked(order, quote, "maker", ended)

    # -- owners of icebergs ------------------------------------------------------------------------------------------

    def _iceberg(self, kind: IcebergKind) -> None:
        params, draw, side = self._params, self._draw, self._side()
        peak = draw.pick(params.peaks)
        low, high = params.tranches
        total = peak * (low + draw.below(high - low + 1)) - (draw.below(peak) if draw.happens(0.5) else 0)
        spread = params.spread if draw.happens(params.random_peaks) else 0.0
        latency = draw.quantile(params.latency) if kind == "synthetic" else 0
        parent = Parent(kind, side, self._price(side), total, peak, spread, latency)
        order = self._engine.post(self._now, Resting(0, side, parent.price, parent.next_clip(draw), parent))
        self._shown(parent, order)

    def _shown(self, parent: Parent, order: Resting) -> None:
        """A tranche stands in the book; its owner may already plan something else."""
        if parent.kind != "same_event":  # those change their order inside the venue
            self._live[parent] = order
        if self._draw.happens(self._params.gives_up):
            self._plan(self._draw.wait(_PATIENCE), functools.partial(self._give_up, parent))
        if parent.kind == "native" and self._draw.happens(self._params.amended):
            self._plan(self._draw.wait(_PATIENCE), functools.partial(self._ask_for_more, parent))

    def _next_child(self, parent: Parent, before: Resting, ended: int) -> None:
        if parent.state != "live":
            return
        if self._engine.crosses(parent.side, parent.price):
            parent.end("cancelled", self._now)
            return
        clip = parent.next_clip(self._draw)
        child = self._engine.post(self._now, Resting(0, parent.side, parent.price, clip, parent))
        self._linked(before, child, "synthetic", ended)
        self._shown(parent, child)

    def _linked(self, before: Resting, order: Resting, kind: Literal["synthetic", "maker"], ended: int) -> None:
        latency = self._now - ended
        link = TrueLink(before.order_id, order.order_id, kind, self._now, latency, order.size, before.twin)
        self._ledger.link(link)

    def _give_up(self, parent: Parent) -> None:
        order = self._live.get(parent)
        if parent.state != "live" or order is None:
            return
        if order.size and not self._may_go(order):
            return
        parent.end("cancelled", self._now)
        if order.size:
            self._engine.cancel(self._now, order, order.size)

    def _ask_for_more(self, parent: Parent) -> None:
        order = self._live[parent]
        if parent.state == "live" and order.size:
            parent.total += parent.peak
            self._engine.change(self._now, order, order.price, order.size + parent.peak)

    # -- the end -----------------------------------------------------------------------------------------------------

    def result(self) -> SimulatedIcebergs:
        """The tape, its truth and the book at the end."""
        engine = self._engine
        resting = tuple(
            Order(order.order_id, Side(side), order.price, order.size)
            for side in (1, -1)
            for price in engine.prices[side][::-side]
            for order in engine.queues[side][price].values()
        )
        truth = self._ledger.finish(adds=engine.adds, filled=engine.filled, lots=engine.lots)
        return SimulatedIcebergs(self._params, self._seed, self._log.events(), truth, resting)


_KINDS: Final[tuple[IcebergKind, ...]] = ("native", "synthetic", "same_event")
