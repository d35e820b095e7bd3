"""A second opinion on continuity: one instrument's messages judged straight from the rules as the venues write them.

It shares no code with :mod:`orderbook.continuity` and keeps every message that it may still need, without a bound. It
knows the families whose verdicts are not obvious (``RANGE``, ``PREV``, ``INCR``), and levels only.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from orderbook.continuity import Bridge, Family, Restart, Rule, Scope, get_rule
from orderbook.errors import UsageError
from orderbook.events import Delta, Disconnect, Event, Heartbeat, Snapshot
from orderbook.testing.model import NaiveL2


class NaiveReplay:
    """Judges messages and keeps the book that may be published: ``book`` is None whenever none may.

    >>> replay = NaiveReplay("binance_spot")
    >>> replay.take([Delta(first_sequence=11, sequence=12, bids=[("99", "1")])])
    'buffered'
    >>> replay.take([Snapshot(sequence=10, bids=[("98", "1")], asks=[])])
    'snapshot'
    >>> replay.take([Delta(first_sequence=14, sequence=14)]), replay.book
    ('gap', None)
    """

    def __init__(self, rule: Rule | str) -> None:
        self.rule = get_rule(rule)
        checkable = self.rule.family in (Family.RANGE, Family.PREV, Family.INCR)
        if not checkable or self.rule.scope is Scope.CONNECTION or self.rule.bridge is Bridge.ANCHOR:
            raise UsageError(f"rule {self.rule.name!r} is not one that this oracle knows")
        self.book: NaiveL2 | None = None
        self.kept: list[Sequence[Event]] = []
        self._last = 0
        self._fresh = False

    def take(self, message: Sequence[Event]) -> str:
        """Judge one whole message and return the verdict's value."""
        first = message[0]
        if isinstance(first, Snapshot):
            return self._take_snapshot(first)
        if isinstance(first, Disconnect):
            self.book, self.kept = None, []
            return "reset"
        if not isinstance(first, (Delta, Heartbeat)) or first.sequence is None:
            return "noop"
        return self._take_delta(message)

    def _take_delta(self, message: Sequence[Event]) -> str:
        if self.book is None:
            if self.rule.bridge is Bridge.IN_BAND:
                return "stale"
            self.kept.append(message)
            return "buffered"
        verdict = self._follow(self.book, message)
        if verdict == "gap":
            self.book = None
            self.kept = [] if self.rule.bridge is Bridge.IN_BAND else [message]
        return verdict

    def _take_snapshot(self, snapshot: Snapshot) -> str:
        number = snapshot.sequence or 0
        if self.book is not None:
            if self.rule.restart is Restart.ONE and number == 1 and self._last != 1:
                self._start(snapshot)
                return "reset"
            if self.rule.bridge is not Bridge.IN_BAND and number < self._last:
                return "stale"
            self._start(snapshot)
            return "snapshot"
        book = self._start(snapshot)
        for place, message in enumerate(self.kept):
            if self._follow(book, message) == "gap":
                self.book = None
                if place == 0:
                    return "stale"  # too old, fetch again; what was kept is still good
                self.kept = self.kept[place:]
                return "gap"
        self.kept = []
        return "snapshot"

    def _start(self, snapshot: Snapshot) -> NaiveL2:
        self.book = NaiveL2()
        self.book.apply(snapshot)
        self._last, self._fresh = snapshot.sequence or 0, True
        return self.book

    def _follow(self, book: NaiveL2, message: Sequence[Event]) -> str:
        """Judge a message against a live book and apply it if it is the next one."""
        verdict = self._compare(message[0])
        if verdict == "stale" and message[0].sequence == self._last:
            self._fresh = False  # the snapshot ends just where this message ends: from here on the stream is joined
        if verdict in ("stale", "gap"):
            return verdict
        for event in message:
            book.apply(event)
        self._last, self._fresh = message[0].sequence or 0, False
        empty = all(isinstance(event, Heartbeat) or not (event.bids or event.asks) for event in message)  # type: ignore[attr-defined]
        return "noop" if empty and verdict == "applied" else verdict

    def _compare(self, event: Event) -> str:
        last = self._last
        number = event.sequence or 0
        if self.rule.family is Family.PREV:
            return self._compare_links(event, number)
        # An INCR message is a range of one.
        updates = range(number if event.first_sequence is None else event.first_sequence, number + 1)
        if updates[-1] <= last:
            return "stale"
        return "applied" if last + 1 in updates else "gap"

    def _compare_links(self, event: Event, number: int) -> str:
        last, before = self._last, event.prev_sequence
        linked = before == last
        if self._fresh and self.rule.bridge is Bridge.BINANCE_FUTURES:
            if number < last:
                return "stale"
            linked = linked or last in range(event.first_sequence or 0, number + 1)
        elif self._fresh and self.rule.bridge is not Bridge.IN_BAND:
            if number <= last:
                return "stale"
            linked = linked or (self.rule.bridge is Bridge.COVERS and (before or 0) <= last)
        if not linked:
            return "gap"
        return "reset" if self.rule.restart is Restart.LINKED and number < last else "applied"


def by_message(events: Iterable[Event]) -> Iterator[list[Event]]:
    """Return events as whole messages: up to and with each one whose ``is_last`` is True.

    >>> [len(message) for message in by_message([Delta(is_last=False), Delta(), Delta()])]
    [2, 1]
    """
    message: list[Event] = []
    for event in events:
        message.append(event)
        if event.is_last:
            yield message
            message = []
    if message:
        yield message
