"""What is often sold as iceberg detection, under names that say what it does.

None of these finds icebergs. They are here so that their scores can stand beside those of the detectors, on the same
tape (``orderbook.testing.icebergs``), and so that nobody has to write them again to see it. For walls, which large
levels really are about, see :func:`orderbook.analytics.walls`.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import deque
from collections.abc import Iterator
from typing import Final, Literal, NamedTuple, TypeAlias

from orderbook.analytics._arguments import Span, as_count, as_positive, span_ns
from orderbook.analytics.icebergs._levels_tape import Key, LevelStep, LevelTape
from orderbook.analytics.icebergs._orders import Unit
from orderbook.analytics.tape import Clock, EventColumns

__all__ = ("Candidate", "large_vs_neighbours", "ratio_screen", "upward_changes")

HeuristicName: TypeAlias = Literal["large_vs_neighbours", "ratio_screen", "upward_changes"]

_TEN_MINUTES: Final = 600_000_000_000


class Candidate(NamedTuple):
    """A price that a heuristic points at: when (ns UTC), by which row, and the number that exceeded a limit.

    >>> Candidate(7, 0, "ratio_screen", 1, 100.0, 3.5).value
    3.5
    """

    known_at: int
    row: int
    rule: HeuristicName
    side: int
    price: float
    value: float


def large_vs_neighbours(
    events: EventColumns, *, k: float = 5.0, neighbours: int = 3, clock: Clock = "event"
) -> list[Candidate]:
    """Return the levels that grew to ``k`` times the mean of the next levels, ``neighbours`` on either hand.

    An iceberg is what is *not* displayed: a large level is the opposite. Each level is told once until it is empty.
    O(changes x levels).

    Raises:
        ValueError: ``k`` not above 0, ``neighbours`` below 1, no such ``clock``.

    >>> import orderbook as ob
    >>> book = ob.Snapshot(bids=[(100, 5), (99, 6), (98, 60), (97, 4)], asks=[])
    >>> [found.price for found in large_vs_neighbours(ob.Events.from_events([book]))]
    [98.0]
    """
    least, reach = as_positive(k, "k"), as_count(neighbours, "neighbours")
    tape, unit = LevelTape(clock=clock, event_by="message"), Unit.of(events)
    prices: dict[int, list[int]] = {1: [], -1: []}
    told: set[Key] = set()
    changed: dict[Key, LevelStep] = {}
    out = []
    for step in tape.steps(events):
        if step.kind == "clear":
            prices = {1: [], -1: []}
            told.clear()
            changed.clear()
        elif step.kind == "level":
            _keep(prices[step.side], step)
            changed[step.side, step.price] = step
        elif step.kind == "end":
            for key, last in changed.items():
                size = tape.sizes.get(key)
                if size is None:
                    told.discard(key)
                elif key not in told:
                    ratio = _ratio(tape.sizes, prices[key[0]], key, reach)
                    if ratio >= least:
                        told.add(key)
                        out.append(_candidate(last, "large_vs_neighbours", key, ratio, unit))
            changed.clear()
    return out


def ratio_screen(events: EventColumns, *, k: float = 3.0, clock: Clock = "event") -> list[Candidate]:
    """Return the levels of which ``k`` times as much was executed as they ever displayed, since they were last empty.

    Any level with steady arrivals gets there in time, and so does any large order with a few fills where executed size
    alone is the limit. Each level is told once until it is empty at the end of a message. O(rows).

    Raises:
        ValueError: ``k`` not above 0, no such ``clock``.

    >>> import orderbook as ob
    >>> events = [ob.Snapshot(bids=[(100, 5)], asks=[])]
    >>> events += [ob.Trade(price=100, size=4, side=ob.Side.ASK, ts_event=i) for i in range(4)]
    >>> [(found.known_at, found.value) for found in ratio_screen(ob.Events.from_events(events))]
    [(3, 3.2)]
    """
    least = as_positive(k, "k")
    tape, unit = LevelTape(clock=clock, event_by="message"), Unit.of(events)
    executed: dict[Key, int] = {}
    largest: dict[Key, int] = {}
    told: set[Key] = set()
    emptied: set[Key] = set()
    out = []
    for step in tape.steps(events):
        key = (step.side, step.price)
        if step.kind == "level":
            largest[key] = max(largest.get(key, 0), step.before, step.after)
            if not step.after:
                emptied.add(key)
        elif step.kind == "print" and step.side:
            key = (-step.side, step.price)
            executed[key] = executed.get(key, 0) + step.after
            shown = max(largest.get(key, 0), tape.sizes.get(key, 0))
            if shown and key not in told and executed[key] >= least * shown:
                told.add(key)
                out.append(_candidate(step, "ratio_screen", key, executed[key] / shown, unit))
        elif step.kind == "clear":
            for state in (executed, largest):
                state.clear()
            told.clear()
        elif emptied:
            for key in emptied - tape.sizes.keys():
                executed.pop(key, None)
                largest.pop(key, None)
                told.discard(key)
            emptied.clear()
    return out


def upward_changes(
    events: EventColumns, *, changes: int = 5, window: Span = _TEN_MINUTES, clock: Clock = "event"
) -> list[Candidate]:
    """Return the levels whose size went up so many times within ``window``, whatever traded.

    That is what levels do. Each is told once until it has had less for a whole window. O(rows).

    Raises:
        ValueError: ``changes`` below 1, ``window`` not above 0, no such ``clock``.

    >>> import orderbook as ob
    >>> events = [ob.Delta(bids=[(100, size)], ts_event=size) for size in (1, 2, 3)]
    >>> [(found.known_at, found.value) for found in upward_changes(ob.Events.from_events(events), changes=3)]
    [(3, 3.0)]
    """
    least, span = as_count(changes, "changes"), span_ns(window)
    tape, unit = LevelTape(clock=clock, event_by="message"), Unit.of(events)
    times: dict[Key, deque[int]] = {}
    told: dict[Key, int] = {}
    out = []
    for step in _upward(tape.steps(events)):
        key = (step.side, step.price)
        seen = times.setdefault(key, deque())
        seen.append(step.ts)
        while seen[0] <= step.ts - span:
            seen.popleft()
        if len(seen) >= least:
            if told.get(key, step.ts - span) <= step.ts - span:
                out.append(_candidate(step, "upward_changes", key, float(len(seen)), unit))
            told[key] = step.ts
    return out


def _upward(steps: Iterator[LevelStep]) -> Iterator[LevelStep]:
    """Changes of a level to more than it showed; what a snapshot sets is none."""
    fresh = False
    for step in steps:
        if step.kind == "clear":
            fresh = True
        elif step.kind == "end":
            fresh = False
        elif step.kind == "level" and step.after > step.before and not fresh:
            yield step


def _keep(prices: list[int], step: LevelStep) -> None:
    """Keep the prices of a side sorted."""
    if not step.before and step.after:
        insort(prices, step.price)
    elif step.before and not step.after:
        del prices[bisect_left(prices, step.price)]


def _ratio(sizes: dict[Key, int], prices: list[int], key: Key, reach: int) -> float:
    """The size of a level over the mean of its neighbours, 0 without any."""
    side, price = key
    at = bisect_left(prices, price)
    around = prices[max(at - reach, 0) : at] + prices[at + 1 : at + 1 + reach]
    if not around:
        return 0.0
    return sizes[key] * len(around) / sum(sizes[side, other] for other in around)


def _candidate(step: LevelStep, rule: HeuristicName, key: Key, value: float, unit: Unit) -> Candidate:
    return Candidate(step.ts, step.row, rule, key[0], key[1] / unit.price, value)
