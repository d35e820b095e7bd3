"""Levels that show more than they should after trades: a screen for books without order ids.

What a level gains while it trades is hidden size, or other people's orders, less what was cancelled: nothing on such a
tape tells these apart. So this ranks levels, by how much faster they come back than they ordinarily grow.
"""

from __future__ import annotations

import math
from bisect import bisect_left, insort
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from orderbook.analytics._arguments import Span, as_count, span_ns
from orderbook.analytics.icebergs._levels_tape import Key, LevelStep, LevelTape
from orderbook.analytics.icebergs._orders import NEVER, Unit
from orderbook.analytics.icebergs._rates import LevelRates
from orderbook.analytics.tape import Clock, EventBy, EventColumns, Trades

__all__ = ("L2Candidate", "L2IcebergScreen", "Replenishment", "iceberg_screen_l2", "replenishment")

SECOND: Final = 1_000_000_000


class Replenishment(NamedTuple):
    """What a level gained while it traded (:func:`replenishment`); None where it is undefined.

    >>> Replenishment(75.0, 75 / 85, 1.7).net
    75.0
    """

    net: float
    ratio: float | None
    turnover: float | None


def replenishment(before: float, traded: float, after: float) -> Replenishment:
    """Return net replenishment, its ratio to what traded, and the turnover of a level between two looks at it.

    ``net = traded + after - before``; ``ratio = net / traded``; ``turnover = traded / before``. Net is hidden size,
    plus what others added, minus what was cancelled. It is *not* a hidden size, and may be negative.

    >>> net, ratio, turnover = replenishment(50, 85, 40)
    >>> net, round(ratio, 6), turnover
    (75, 0.882353, 1.7)
    """
    net = traded + after - before
    return Replenishment(net, net / traded if traded else None, traded / before if before else None)


@dataclass(frozen=True, slots=True)
class L2Candidate:
    """A level that came back after trades (:class:`L2IcebergScreen`), from ``since`` to what is known now.

    * ``known_at`` ns UTC and ``row``: when it became a candidate, or of its last trade while it is none; ``candidate``;
      ``side`` and ``price``;
    * ``score``: from 0 to below 1, for ranking; no probability;
    * ``net_replenishment``, ``ratio`` and ``turnover`` over all its brackets (:func:`replenishment`): ``traded`` in all
      against ``first_display``. ``refills`` of the ``brackets`` ended with more than the trades had left;
      ``variation``: the coefficient of variation of these gains, None below two;
    * ``exact``: in some event more traded than was displayed right before, ``beyond_display`` in all; only told of
      tapes that are ``sequenced``.

    >>> import orderbook as ob
    >>> screen = L2IcebergScreen()
    >>> book = ob.Snapshot(bids=[(100, 50)], asks=[(101, 9)], ts_event=0)
    >>> trade = ob.Trade(price=100, size=85, side=ob.Side.ASK, ts_event=1)
    >>> screen.update(ob.Events.from_events([book, trade, ob.Delta(bids=[(100, 40)], ts_event=2)]))
    []
    >>> [level] = screen.candidates
    >>> level.net_replenishment, level.turnover, level.candidate
    (75.0, 1.7, False)
    """

    known_at: int
    row: int
    side: int
    price: float
    since: int
    candidate: bool
    score: float
    net_replenishment: float
    ratio: float | None
    turnover: float | None
    traded: float
    first_display: float
    refills: int
    brackets: int
    variation: float | None
    exact: bool
    beyond_display: float


@dataclass(slots=True, eq=False)
class _Level:
    """A level that trades; a bracket is open while ``traded`` is above 0."""

    key: Key
    since: int
    first: int
    before: int = 0
    traded: int = 0
    opened: int = 0
    last: int = 0
    row: int = 0
    emptied: int | None = None
    event: int = NEVER
    event_before: int = 0
    event_traded: int = 0
    total: int = 0
    net: int = 0
    brackets: int = 0
    exposure: int = 0
    gains: list[float] = field(default_factory=lambda: [0, 0.0, 0.0])
    """Count, sum and sum of squares."""
    beyond: int = 0
    known_at: int | None = None
    score: float = 0.0

    def print(self, step: LevelStep, shown: int, *, is_known: bool) -> None:
        """Something traded; the bracket opens if it is not, with what was shown before the event."""
        if not self.traded:
            self.before, self.opened = shown, step.ts
        self.traded += step.after
        self.last = step.ts
        if self.event != step.event:
            self.event, self.event_before, self.event_traded = step.event, shown, 0
        past = max(self.event_traded - self.event_before, 0)
        self.event_traded += step.after
        if is_known:
            self.beyond += max(self.event_traded - self.event_before, 0) - past

    def close(self, step: LevelStep, shown: int, dt: int) -> None:
        """The book has been told since: the bracket ends with what is shown now."""
        gain = self.traded + shown - self.before
        self.total += self.traded
        self.net += gain
        self.brackets += 1
        self.exposure += max(step.ts - self.opened, dt)
        if gain > 0:
            self.gains[0] += 1
            self.gains[1] += gain
            self.gains[2] += gain * gain
        self.traded, self.row = 0, step.row

    @property
    def variation(self) -> float | None:
        """The coefficient of variation of the gains."""
        count, total, squares = self.gains
        if count < 2:
            return None
        mean = total / count
        return math.sqrt(max(squares / count - mean * mean, 0.0)) / mean

    def judge(self, rate: float) -> float:
        """How much more often it gained than a Poisson stream of its ordinary rate would, if its gains are alike."""
        expected, count = rate * self.exposure / SECOND, self.gains[0]
        if count <= expected or self.variation is None:
            return 0.0
        evidence = count * math.log(count / expected) - (count - expected)
        # One less than 1 - exp(-x) rounds to: a score is never 1.
        return min(-math.expm1(-evidence), 1 - 1e-9) / (1 + self.variation)


class L2IcebergScreen:
    """Ranks price levels by how they come back after trades, without order ids.

    A *bracket* of a level runs from its display before a trade to its display after the next message that changes the
    book, at least ``settle`` ns after the last trade in it (for feeds that tell depth late). Brackets with a gain are
    refills. The score compares their number ``k`` with the number ``m`` that the level's ordinary growth (a trailing
    rate of upward changes outside of brackets) gives in that time, each bracket counting at least ``dt``::

        score = (1 - exp(-(k ln(k / m) - (k - m)))) / (1 + variation of the gains)     for k > m, at least two; else 0

    A definition of ours, for ranking: always below 1, and no probability. A candidate has ``min_refills`` refills and
    ``min_score``; or it is *exact*: on a ``sequenced`` tape (depth and trades on one stream in true order) one event
    traded more than the level displayed right before. Without that, the excess is usually late depth; and none is told
    of a book that no snapshot or start of a session has made known.

    A level starts anew when it stays empty for longer than ``dwell``, when trades go through its price (an exact one is
    told then), and when the book is cleared. Much of what is found is makers that refresh, and coincidence: compare
    with the base rate of your own tape, the share of all prices that trade at which there is an iceberg.

    ``update`` takes consecutive pieces of a tape of levels, or of orders (their levels are added up). The aggressor's
    side of trades must be known. Memory: the levels, and episodes until :meth:`finished` hands them out. O(rows).

    Raises:
        ValueError: ``dt`` or ``dwell`` not above 0, ``settle`` negative, ``min_refills`` below 2, ``min_score`` not in
            [0, 1); no such ``event_by`` or ``clock``; pieces with different exponents.

    >>> import orderbook as ob
    >>> events = [ob.Snapshot(bids=[(100, 50)], asks=[(101, 9)], ts_event=0)]
    >>> for i in range(1, 4):
    ...     events.append(ob.Trade(price=100, size=30, side=ob.Side.ASK, ts_event=i * 10**9))
    ...     events.append(ob.Delta(asks=[(101, 9 + i)], ts_event=i * 10**9 + 1))
    >>> [found] = L2IcebergScreen().update(ob.Events.from_events(events))
    >>> found.refills, found.net_replenishment, found.candidate, found.exact
    (2, 60.0, True, False)
    """

    def __init__(
        self,
        *,
        dt: Span = 100_000_000,
        settle: int = 0,
        dwell: Span = SECOND,
        min_refills: int = 2,
        min_score: float = 0.5,
        sequenced: bool = False,
        event_by: EventBy = "message",
        clock: Clock = "event",
    ) -> None:
        if settle < 0:
            raise ValueError(f"settle is a time in ns that is not negative, not {settle!r}")
        if as_count(min_refills, "min_refills") < 2:
            raise ValueError(f"min_refills is at least 2, not {min_refills!r}")
        if not 0 <= min_score < 1:
            raise ValueError(f"min_score is a number from 0 to below 1, not {min_score!r}")
        self._dt, self._settle, self._dwell = span_ns(dt, "dt"), settle, span_ns(dwell, "dwell")
        self._min_refills, self._min_score, self._sequenced = min_refills, min_score, sequenced
        self._tape = LevelTape(clock=clock, event_by=event_by)
        self._rates = LevelRates()
        self._unit = Unit(1, 1)
        self._levels: dict[Key, _Level] = {}
        self._open: dict[Key, _Level] = {}
        # The prices of levels by side, ascending, and the levels that were emptied, by time.
        self._prices: dict[int, list[int]] = {1: [], -1: []}
        self._emptied: deque[tuple[int, _Level]] = deque()
        self._fresh = False
        self._event = NEVER
        self._before: dict[Key, int] = {}
        self._ended: list[_Level] = []

    def update(self, events: EventColumns) -> list[L2Candidate]:
        """Take the next piece of the tape (whole messages) and return the levels that became candidates in it.

        Raises:
            ValueError: the exponents are not those of the pieces before.
        """
        self._unit = Unit.of(events)
        return self._take(self._tape.steps(events))

    @property
    def candidates(self) -> list[L2Candidate]:
        """Every level that is followed now, and those that ended as candidates and were not handed out; best first."""
        levels = [*self._ended, *(level for level in self._levels.values() if level.brackets)]
        return sorted(map(self._told, levels), key=lambda found: (found.candidate, found.score), reverse=True)

    def finished(self) -> list[L2Candidate]:
        """Hand out the candidates that have ended since the last call, and forget them."""
        out = [self._told(level) for level in self._ended]
        self._ended.clear()
        return out

    # -- steps -------------------------------------------------------------------------------------------------------

    def _take(self, steps: Iterable[LevelStep]) -> list[L2Candidate]:
        out: list[L2Candidate] = []
        for step in steps:
            self._rates.begin(step.ts)
            if step.event != self._event:
                self._event = step.event
                self._before.clear()
            if step.kind == "level":
                self._level(step)
            elif step.kind == "print" and step.side:
                self._print(step, out)
            elif step.kind == "clear":
                self._clear()
                self._fresh = True
            elif step.kind == "end":
                self._fresh = False
                if step.after and self._open:
                    out += self._close(step)
        return out

    def _level(self, step: LevelStep) -> None:
        key = (step.side, step.price)
        self._expire(step.ts)
        level = self._levels.get(key)
        if level is None or level.event != step.event:  # what comes in an event before it trades there is displayed
            self._before[key] = max(self._before.get(key, 0), step.before, step.after)
        # What a snapshot shows has not grown.
        if step.after > step.before and key not in self._open and not self._fresh:
            self._rates.count(key, step.ts)
        if level is None:
            return
        if not step.after:
            level.emptied = step.ts
            self._emptied.append((step.ts, level))
        else:
            level.emptied = None

    def _print(self, step: LevelStep, out: list[L2Candidate]) -> None:
        side, price = key = (-step.side, step.price)
        prices = self._prices[side]
        while prices and (prices[-1 if side > 0 else 0] - price) * side > 0:
            self._go_through(self._levels[side, prices[-1 if side > 0 else 0]], step, out)
        self._expire(step.ts)
        shown = self._before.setdefault(key, self._tape.sizes.get(key, 0))
        if key not in self._levels:
            self._levels[key] = _Level(key, step.ts, shown)
            insort(prices, price)
        level = self._open[key] = self._levels[key]
        # A snapshot that is limited says nothing of the prices beyond it.
        is_known = self._tape.known and (shown > 0 or not self._tape.limited)
        level.print(step, shown, is_known=is_known)

    def _expire(self, ts: int) -> None:
        """End the levels that have been empty for too long."""
        while self._emptied and ts - self._emptied[0][0] > self._dwell:
            emptied, level = self._emptied.popleft()
            if level.emptied == emptied and self._levels.get(level.key) is level:
                self._end(level)

    def _go_through(self, level: _Level, step: LevelStep, out: list[L2Candidate]) -> None:
        """Trades at worse prices say that nothing is left of a level, which may have had more than it displayed."""
        if level.traded and level.known_at is None and self._sequenced and level.beyond:
            level.close(step, 0, self._dt)
            level.known_at = step.ts
            out.append(self._told(level))
        self._end(level)

    def _close(self, step: LevelStep) -> list[L2Candidate]:
        out = []
        for key, level in list(self._open.items()):
            if step.ts - level.last < self._settle:
                continue
            del self._open[key]
            level.close(step, self._tape.sizes.get(key, 0), self._dt)
            level.score = level.judge(self._rates.rate(key, step.ts))
            if level.known_at is None and self._is_candidate(level):
                level.known_at = step.ts
                out.append(self._told(level))
        return out

    def _is_candidate(self, level: _Level) -> bool:
        enough = level.gains[0] >= self._min_refills and level.score >= self._min_score
        return enough or (self._sequenced and level.beyond > 0)

    def _end(self, level: _Level) -> None:
        side, price = level.key
        del self._levels[level.key]
        prices = self._prices[side]
        del prices[bisect_left(prices, price)]
        self._open.pop(level.key, None)
        if level.known_at is not None:
            self._ended.append(level)

    def _clear(self) -> None:
        for level in list(self._levels.values()):
            self._end(level)
        self._before.clear()

    def _told(self, level: _Level) -> L2Candidate:
        size = self._unit.size
        _, ratio, turnover = replenishment(level.first, level.total, level.net + level.first - level.total)
        return L2Candidate(
            known_at=level.last if level.known_at is None else level.known_at,
            row=level.row,
            side=level.key[0],
            price=level.key[1] / self._unit.price,
            since=level.since,
            candidate=level.known_at is not None,
            score=level.score,
            net_replenishment=level.net / size,
            ratio=ratio,
            turnover=turnover,
            traded=level.total / size,
            first_display=level.first / size,
            refills=int(level.gains[0]),
            brackets=level.brackets,
            variation=level.variation,
            exact=self._sequenced and level.beyond > 0,
            beyond_display=level.beyond / size if self._sequenced else 0.0,
        )


def iceberg_screen_l2(
    depth: EventColumns,
    trades: Trades | None = None,
    *,
    dt: Span = 100_000_000,
    settle: int = 0,
    dwell: Span = SECOND,
    min_refills: int = 2,
    min_score: float = 0.5,
    sequenced: bool = False,
    event_by: EventBy = "message",
    clock: Clock = "event",
) -> list[L2Candidate]:
    """Return the candidates of a tape (:class:`L2IcebergScreen`), each with all that it came to, the best score first.

    ``trades`` are prints of a stream of their own, which are put before the first message of ``depth`` that is not
    older (and prints in ``depth`` are then left out); None takes those in ``depth``. Prices and sizes of both in the
    same units.

    Raises:
        ValueError: as :class:`L2IcebergScreen`; ``sequenced`` with trades of their own.

    >>> import orderbook as ob
    >>> iceberg_screen_l2(ob.Events.from_events([ob.Clear()]))
    []
    """
    if sequenced and trades is not None:
        raise ValueError("sequenced says that depth and trades are one stream: trades of their own are not")
    screen = L2IcebergScreen(
        dt=dt,
        settle=settle,
        dwell=dwell,
        min_refills=min_refills,
        min_score=min_score,
        sequenced=sequenced,
        event_by=event_by,
        clock=clock,
    )
    if trades is None:
        screen.update(depth)
    else:
        screen._unit = Unit.of(depth)
        screen._take(_merged(screen._tape.steps(depth), trades, screen._unit))
    return [found for found in screen.candidates if found.candidate]


def _merged(steps: Iterable[LevelStep], trades: Trades, unit: Unit) -> Iterator[LevelStep]:
    """The steps of a depth stream with the prints of another, which come between messages."""
    columns = (values.tolist() for values in (trades.ts, trades.price, trades.size, trades.side))
    waiting = iter(list(zip(*columns, strict=True)))
    trade = next(waiting, None)
    begins = True
    for step in steps:
        while begins and trade is not None and trade[0] <= step.ts:
            ts, price, size, side = trade
            yield LevelStep(
                "print", step.row, ts, step.event, side, round(price * unit.price), 0, round(size * unit.size)
            )
            trade = next(waiting, None)
        begins = step.kind == "end"
        if step.kind != "print":
            yield step
