"""Which new order follows which used-up one: greedily at once, or by the best assignment of all that compete."""

from __future__ import annotations

import heapq
import math
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal, NamedTuple, Protocol, TypeAlias

from orderbook.analytics.icebergs._orders import OrderHistory

__all__ = ("best_assignment",)

Match: TypeAlias = Literal["greedy", "optimal"]
"""How links are chosen among candidates: see :class:`~orderbook.analytics.icebergs.SyntheticIcebergs`."""

Key: TypeAlias = tuple[int, int]

LARGEST_GROUP: Final = 64
"""So many arrivals that compete are assigned together; the time of an assignment grows with their third power."""


@dataclass(slots=True, eq=False)
class Spent:
    """An order that was fully executed and may be followed."""

    history: OrderHistory
    ts: int
    event: int
    clip: int
    rest: Arrival | None = None
    """What may be the last, smaller clip, if no equal one comes in time."""


class Arrival(NamedTuple):
    """A new order that may follow one; orders come there at ``rate`` a second, the share ``common`` has its size."""

    history: OrderHistory
    ts: int
    row: int
    event: int
    size: int
    rate: float
    common: float

    @property
    def rarity(self) -> float:
        """How much it says that the size fits, in nats."""
        return -math.log(self.common)


class Pair(NamedTuple):
    """A link as chosen; ``remainder``: a last, smaller clip of a chain."""

    spent: Spent
    arrival: Arrival
    known_at: int
    remainder: bool = False


Established: TypeAlias = Callable[[OrderHistory], bool]
"""Whether an order is the last of a chain that is long enough to be believed."""


class Matcher(Protocol):
    """Used-up orders wait here for a while; arrivals are offered to them."""

    def wait(self, key: Key, spent: Spent) -> None:
        """Let a used-up order wait."""

    def has(self, key: Key) -> bool:
        """Whether any waits for an arrival at that side and price."""

    def offer(self, key: Key, arrival: Arrival) -> list[Pair]:
        """Offer an arrival; the links that are decided by it."""

    def pass_time(self, ts: int | None) -> Iterator[Pair | Spent]:
        """Links that are decided by time, and used-up orders that nothing can follow any more; None is the end."""


@dataclass(slots=True)
class Rules:
    """What fits: the window in ns, the relative tolerance of sizes, and which chains may end with a smaller clip."""

    dt: int
    tol: float
    established: Established

    def fits(self, spent: Spent, arrival: Arrival) -> bool:
        """A clip of the same size, in another event, in time, after an order that was not refilled by itself."""
        return self.in_time(spent, arrival) and abs(arrival.size - spent.clip) <= self.tol * spent.clip

    def ends(self, spent: Spent, arrival: Arrival) -> bool:
        """A last, smaller clip of a chain."""
        return self.in_time(spent, arrival) and arrival.size < spent.clip and self.established(spent.history)

    def in_time(self, spent: Spent, arrival: Arrival) -> bool:
        """In another event, less than the window later."""
        is_open = spent.event != arrival.event and spent.history.state == "filled"
        return is_open and 0 <= arrival.ts - spent.ts < self.dt


class Greedy:
    """Each arrival takes at once the waiting order that is nearest in size, then in time; each is used once.

    A last, smaller clip is taken for one only when the window is over without an equal one: smaller orders come all the
    time.
    """

    def __init__(self, rules: Rules) -> None:
        self._rules = rules
        self._waiting: dict[Key, list[Spent]] = {}
        self._order: deque[tuple[Key, Spent]] = deque()

    def wait(self, key: Key, spent: Spent) -> None:
        """Let a used-up order wait; one that the venue refilled in between waits once."""
        waiting = self._waiting.setdefault(key, [])
        waiting[:] = [other for other in waiting if other.history is not spent.history]
        waiting.append(spent)
        self._order.append((key, spent))

    def has(self, key: Key) -> bool:
        """Whether any waits for an arrival at that side and price."""
        return key in self._waiting

    def offer(self, key: Key, arrival: Arrival) -> list[Pair]:
        """Offer an arrival; the link that it makes, if any."""
        waiting = self._waiting[key]
        spent = _nearest([spent for spent in waiting if self._rules.fits(spent, arrival)], arrival, self._rules)
        if spent is None:
            spent = _latest([spent for spent in waiting if not spent.rest and self._rules.ends(spent, arrival)])
            if spent is not None:
                spent.rest = arrival
            return []
        self._forget(key, spent)
        for other in waiting:
            if other.rest is not None and other.rest.history is spent.history:
                other.rest = None  # it is followed, and so the last of nothing
        return [Pair(spent, arrival, arrival.ts)]

    def pass_time(self, ts: int | None) -> Iterator[Pair | Spent]:
        """Used-up orders that nothing can follow any more, and the last clips of those that have one."""
        while self._order and (ts is None or self._order[0][1].ts + self._rules.dt <= ts):
            key, spent = self._order.popleft()
            if spent not in self._waiting.get(key, ()):
                continue
            self._forget(key, spent)
            rest = spent.rest
            if rest is None or rest.history.price != key[1] or not self._rules.ends(spent, rest):
                yield spent
                continue
            for other in [one for one in self._waiting.get(key, ()) if one.history is rest.history]:
                self._forget(key, other)
            yield Pair(spent, rest, spent.ts + self._rules.dt, remainder=True)

    def _forget(self, key: Key, spent: Spent) -> None:
        waiting = self._waiting[key]
        waiting.remove(spent)
        if not waiting:
            del self._waiting[key]


def _nearest(waiting: Sequence[Spent], arrival: Arrival, rules: Rules) -> Spent | None:
    """The best of what fits: by size, then the latest; of several that ended together one that is a chain already."""

    def doubt(spent: Spent) -> tuple[int, int, bool]:
        return abs(arrival.size - spent.clip), -spent.ts, not rules.established(spent.history)

    return min(waiting, key=doubt, default=None)


def _latest(waiting: Sequence[Spent]) -> Spent | None:
    return waiting[-1] if waiting else None


@dataclass(slots=True, eq=False)
class _Group:
    """What competes at one side and price."""

    spent: list[Spent] = field(default_factory=list)
    arrivals: list[Arrival] = field(default_factory=list)
    closes: int = 0


class Optimal:
    """Waits until nothing more can compete, then takes the assignment of the largest total weight.

    A pair weighs ``rarity + (1 - latency / dt) + (1 - size difference / tolerance)``: our own choice, in nats of
    evidence for the first term and less than a nat for each of the others.
    """

    def __init__(self, rules: Rules) -> None:
        self._rules = rules
        self._groups: dict[Key, _Group] = {}
        self._due: list[tuple[int, int, Key]] = []
        self._turn = 0

    def wait(self, key: Key, spent: Spent) -> None:
        """Let a used-up order wait; its group stays open for as long."""
        group = self._groups.setdefault(key, _Group())
        group.spent = [other for other in group.spent if other.history is not spent.history]
        group.spent.append(spent)
        group.closes = max(group.closes, spent.ts + self._rules.dt)
        self._turn += 1
        heapq.heappush(self._due, (group.closes, self._turn, key))

    def has(self, key: Key) -> bool:
        """Whether any waits for an arrival at that side and price."""
        return key in self._groups

    def offer(self, key: Key, arrival: Arrival) -> list[Pair]:
        """Offer an arrival; links only where the group has become too large to wait for more."""
        group = self._groups[key]
        group.arrivals.append(arrival)
        if len(group.arrivals) < LARGEST_GROUP:
            return []
        pairs = self._decided(group, arrival.ts)
        used = {id(pair.spent) for pair in pairs}
        group.spent = [spent for spent in group.spent if id(spent) not in used]
        group.arrivals.clear()
        return pairs

    def pass_time(self, ts: int | None) -> Iterator[Pair | Spent]:
        """The links of the groups that are complete, then their orders that nothing follows."""
        while self._due and (ts is None or self._due[0][0] <= ts):
            closes, _, key = heapq.heappop(self._due)
            group = self._groups.get(key)
            if group is None or group.closes != closes:
                continue  # it has been extended since
            del self._groups[key]
            pairs = self._decided(group, closes)
            yield from pairs
            used = {id(pair.spent) for pair in pairs}
            yield from (spent for spent in group.spent if id(spent) not in used)

    def _decided(self, group: _Group, ts: int) -> list[Pair]:
        weights = [[self._weight(spent, arrival) for arrival in group.arrivals] for spent in group.spent]
        chosen = best_assignment(weights)
        pairs = [Pair(group.spent[i], group.arrivals[j], ts) for i, j in chosen]
        left = [spent for i, spent in enumerate(group.spent) if i not in dict(chosen)]
        taken, followed = {j for _, j in chosen}, {pair.spent.history for pair in pairs}
        for j, arrival in enumerate(group.arrivals):
            if j in taken or arrival.history in followed:
                continue
            spent = _latest([one for one in left if self._rules.ends(one, arrival)])
            if spent is not None:
                left.remove(spent)
                pairs.append(Pair(spent, arrival, ts, remainder=True))
        return sorted(pairs, key=lambda pair: pair.arrival.row)

    def _weight(self, spent: Spent, arrival: Arrival) -> float:
        if not self._rules.fits(spent, arrival):
            return 0.0
        off, most = abs(arrival.size - spent.clip), self._rules.tol * spent.clip
        likeness = 1 - off / most if most else 1.0
        return arrival.rarity + (1 - (arrival.ts - spent.ts) / self._rules.dt) + likeness


def best_assignment(weights: Sequence[Sequence[float]]) -> list[tuple[int, int]]:
    """Return the pairs (row, column) of the largest total weight, each row and column used at most once. O(n^3).

    Pairs of weight 0 or less are not made. The Hungarian method with potentials (Kuhn 1955, Munkres 1957).

    Raises:
        ValueError: rows of different lengths.

    >>> best_assignment([[3, 2], [3, 0]])
    [(0, 1), (1, 0)]
    """
    rows = len(weights)
    columns = len(weights[0]) if rows else 0
    if any(len(row) != columns for row in weights):
        raise ValueError(f"weights has rows of one length, {columns} as the first")
    if rows > columns:
        turned = best_assignment([[weights[i][j] for i in range(rows)] for j in range(columns)])
        return sorted((i, j) for j, i in turned)
    # A row that is better left alone gets a column of its own, of weight 0.
    costs = [[-max(weight, 0.0) for weight in row] + [0.0] * rows for row in weights]
    column_of = _assigned(costs)
    return [(i, j) for i, j in enumerate(column_of) if j < columns and weights[i][j] > 0]


def _assigned(costs: list[list[float]]) -> list[int]:
    """The column of each row, of the least total cost; there are at least as many columns as rows."""
    rows, columns = len(costs), len(costs[0]) if costs else 0
    row_price, column_price = [0.0] * (rows + 1), [0.0] * (columns + 1)
    owner = [0] * (columns + 1)  # rows count from 1; column 0 holds the row that is being placed
    for row in range(1, rows + 1):
        owner[0] = row
        way = _cheapest_path(costs, row_price, column_price, owner)
        at = way.pop()
        while way:
            owner[at] = owner[way[-1]]
            at = way.pop()
    out = [0] * rows
    for column, row in enumerate(owner):
        if column and row:
            out[row - 1] = column - 1
    return out


def _cheapest_path(
    costs: list[list[float]], row_price: list[float], column_price: list[float], owner: list[int]
) -> list[int]:
    """From column 0 to a free column by the cheapest exchanges; prices are kept such that no exchange is a gain."""
    count = len(owner)
    least, came_from, used = [float("inf")] * count, [0] * count, [False] * count
    at = 0
    while owner[at]:
        used[at] = True
        row, step, nearest = owner[at], float("inf"), 0
        for column in range(1, count):
            if used[column]:
                continue
            cost = costs[row - 1][column - 1] - row_price[row] - column_price[column]
            if cost < least[column]:
                least[column], came_from[column] = cost, at
            if least[column] < step:
                step, nearest = least[column], column
        for column in range(count):
            if used[column]:
                row_price[owner[column]] += step
                column_price[column] -= step
            else:
                least[column] -= step
        at = nearest
    way = [at]
    while way[-1]:
        way.append(came_from[way[-1]])
    return way[::-1]
