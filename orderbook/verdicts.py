"""What a builder can be, what it can say of an event, and what it is told to do about trouble. No logic."""

from __future__ import annotations

import enum
from typing import Any, Final, Self


class State(enum.Enum):
    """Where a builder stands.

    >>> State.LIVE.value
    'live'
    """

    EMPTY = "empty"
    """Nothing usable has arrived."""
    BUFFERING = "buffering"
    """Deltas are kept until a snapshot bridges them."""
    LIVE = "live"
    """The book is proven as far as the venue's rule can prove it."""
    STALE = "stale"
    """Continuity was lost: the book is unknown until the next snapshot."""


class Verdict(enum.Enum):
    """What became of one event. ``expected`` and ``got`` are set on a gap and on a bad checksum.

    Verdicts compare by kind: a gap that knows its numbers equals ``Verdict.GAP``.

    >>> gap = Verdict.GAP.numbered(expected=101, got=105)
    >>> gap == Verdict.GAP, gap.expected, gap.got
    (True, 101, 105)
    """

    APPLIED = "applied"
    """The event changed the book."""
    SNAPSHOT = "snapshot"
    """The book was replaced, and what was buffered bridged."""
    STALE = "stale"
    """Already covered by the book, or of no use without a snapshot: dropped."""
    NOOP = "noop"
    """Legal, with nothing to do to the book; the sequence may have advanced."""
    BUFFERED = "buffered"
    """Kept until a snapshot arrives."""
    GAP = "gap"
    """Continuity broken; the book was cleared before anything wrong reached it."""
    RESET = "reset"
    """A legal restart announced by the venue, or a disconnect."""
    CHECKSUM_BAD = "checksum_bad"
    """The venue's checksum contradicts the book; treated as a gap."""

    expected: int | None
    got: int | None

    def __init__(self, _: str) -> None:
        self.expected = None
        self.got = None

    def numbered(self, *, expected: int | None, got: int | None) -> Self:
        """Return this verdict carrying the two numbers that contradict each other."""
        # As enum.Flag does for combinations: an unlisted instance of the same kind. A list of pairs beside the enum
        # would make every caller unpack what only two kinds carry.
        copy = object.__new__(type(self))
        copy.__dict__.update(self.__dict__)
        copy.expected = expected
        copy.got = got
        return copy

    @property
    def changes_book(self) -> bool:
        """Whether it changed the book. After a disconnect's RESET the book is unknown; the builder's state says so."""
        return self.value in _CHANGES_BOOK

    def __eq__(self, other: object) -> bool:
        return self.value == other.value if isinstance(other, Verdict) else NotImplemented

    def __hash__(self) -> int:
        return hash(self.value)

    def __reduce_ex__(self, protocol: Any) -> tuple[Any, ...]:
        return _verdict, (self.value, self.expected, self.got)


_CHANGES_BOOK: Final = ("applied", "snapshot", "reset")


def _verdict(value: str, expected: int | None, got: int | None) -> Verdict:
    verdict = Verdict(value)
    return verdict if expected is None and got is None else verdict.numbered(expected=expected, got=got)


class OnGap(enum.Enum):
    """What a gap does beyond clearing the book and waiting for a snapshot.

    >>> OnGap("raise")
    <OnGap.RAISE: 'raise'>
    """

    RESYNC = "resync"
    """Say so in the verdict and wait for a snapshot."""
    RAISE = "raise"
    """The same, and raise :class:`~orderbook.SequenceGap`."""


class OnCrossed(enum.Enum):
    """What happens when a book is crossed after a whole message. Transient crosses are legal on many venues.

    >>> OnCrossed("count")
    <OnCrossed.COUNT: 'count'>
    """

    COUNT = "count"
    """Count it in the stats; the book stays as the venue says."""
    RESYNC = "resync"
    """Treat it as a gap."""
    RAISE = "raise"
    """Treat it as a gap and raise :class:`~orderbook.CrossedBookError`."""


class OnUnknownOrder(enum.Enum):
    """What a change of an order does that the book does not hold.

    >>> OnUnknownOrder("count")
    <OnUnknownOrder.COUNT: 'count'>
    """

    RAISE = "raise"
    """The book is not what the venue thinks: go stale and raise :class:`~orderbook.UnknownOrder`."""
    COUNT = "count"
    """Count it in the stats and pass on: the venue says that it is normal."""


class OnError(enum.Enum):
    """What to do with a message that cannot be read.

    >>> OnError("skip")
    <OnError.SKIP: 'skip'>
    """

    RAISE = "raise"
    """Raise the error; everything before it has been delivered."""
    SKIP = "skip"
    """Count it as a fault and go on. Where the venue's rule cannot see a loss, the books go stale."""
