"""What goes wrong between a venue and a book, as functions on lists of messages, and what a right book must say to it.

The functions work on lists of anything: payloads, events, :class:`~orderbook.testing.Message` values. An
:class:`Injected` is one fault at one place; it damages a :class:`~orderbook.testing.Stream` and knows the right
verdict under every family of rules.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Final, NamedTuple, TypeVar

from orderbook.continuity import Family, Rule, Scope, get_rule
from orderbook.errors import DecodeError, UsageError
from orderbook.events import Disconnect, Event, Fault
from orderbook.testing.streams import Message, Stream
from orderbook.types import RawMessage
from orderbook.verdicts import Verdict

T = TypeVar("T")

GARBAGE: Final = (
    b"",
    b"\x00",
    b"\xff\xfe\xfd",
    b"{",
    b'{"e":"depthUpdate","s":"TEST","U":1,"u":',
    b"[" * 2_000,
    b"<html><body>502 Bad Gateway</body></html>",
    b'{"code":-1121,"msg":"Invalid symbol."}',
    b"null",
    b"NaN",
    b'"text"',
    b"1e999999999",
)
"""Payloads that no format can read: every decoder must say so with a ``DecodeError``."""


def drop(messages: Sequence[T], *indices: int) -> list[T]:
    """Return the messages without some of them.

    >>> drop("abcd", 1, 2)
    ['a', 'd']
    """
    gone = {range(len(messages))[index] for index in indices}
    return [message for index, message in enumerate(messages) if index not in gone]


def duplicate(messages: Sequence[T], index: int, *, later: int = 0) -> list[T]:
    """Return the messages with one of them delivered twice, the second time after ``later`` others.

    >>> duplicate("abcd", 1), duplicate("abcd", 1, later=1)
    (['a', 'b', 'b', 'c', 'd'], ['a', 'b', 'c', 'b', 'd'])
    """
    return insert(messages, index + 1 + later, messages[index])


def reorder(messages: Sequence[T], index: int, *, later: int = 1) -> list[T]:
    """Return the messages with one of them delivered after the ``later`` that follow it.

    >>> reorder("abcd", 1)
    ['a', 'c', 'b', 'd']
    """
    return insert(drop(messages, index), index + later, messages[index])


def insert(messages: Sequence[T], index: int, *more: T) -> list[T]:
    """Return the messages with others put in before one of them: an old snapshot, for example.

    >>> insert("abc", 1, "x", "y")
    ['a', 'x', 'y', 'b', 'c']
    """
    return [*messages[:index], *more, *messages[index:]]


def replaced(messages: Sequence[T], index: int, message: T) -> list[T]:
    """Return the messages with one of them turned into something else: garbage, for example.

    >>> replaced("abc", 1, "?")
    ['a', '?', 'c']
    """
    return [*messages[:index], message, *messages[index + 1 :]]


def cut(payload: bytes, at: int) -> bytes:
    """Return the start of a payload, as after a connection broke or a disk filled up.

    >>> cut(b'{"u":1}', 4)
    b'{"u"'
    """
    return payload[:at]


def flip(payload: bytes, bit: int) -> bytes:
    """Return a payload with one bit turned over. What comes out may still be legal, and say something else.

    >>> flip(b"A", 1)
    b'C'
    """
    place, rest = divmod(bit, 8)
    return payload[:place] + bytes([payload[place] ^ (1 << rest)]) + payload[place + 1 :]


def reconnect(messages: Sequence[T], index: int, *fresh: T, lost: int = 0) -> list[T]:
    """Return the messages with ``lost`` of them missing from an index on and ``fresh`` ones in their place.

    ``fresh`` is what a new connection begins with: a ``Disconnect``, then perhaps a snapshot.

    >>> reconnect("abcd", 1, "|", "S", lost=2)
    ['a', '|', 'S', 'd']
    """
    return [*messages[:index], *fresh, *messages[index + lost :]]


def garbled(messages: Sequence[RawMessage], index: int, payload: bytes = GARBAGE[3]) -> list[RawMessage]:
    """Return raw messages with one payload that nobody can read.

    >>> garbled([RawMessage(1, b"{}")], 0)[0].payload
    b'{'
    """
    return replaced(messages, index, messages[index]._replace(payload=payload))


class FaultKind(enum.Enum):
    """What can happen to a message on its way."""

    DROP = "drop"
    DUPLICATE = "duplicate"
    REORDER = "reorder"
    STALE_SNAPSHOT = "stale snapshot"
    RECONNECT = "reconnect"
    GARBAGE = "garbage"


class Outcome(NamedTuple):
    """What a right book says to a fault: which verdict, and at which of the damaged messages.

    ``trusted`` says whether a book may still be published after that message; if not, none may be until the next
    snapshot. ``visible`` is False where the rule cannot know: the book is then wrong, and nothing can be done about
    it.
    """

    verdict: Verdict
    at: int
    trusted: bool
    visible: bool = True


@dataclass(frozen=True, slots=True)
class Injected:
    """One fault at one message of a stream.

    ``index`` counts messages of the undamaged stream. For ``STALE_SNAPSHOT`` it is the message before which a snapshot
    of long ago comes again; a ``RECONNECT`` loses that message, and garbage takes its place.

    >>> Injected(FaultKind.DROP, 5).outcome("binance_spot")
    Outcome(verdict=<Verdict.GAP: 'gap'>, at=5, trusted=False, visible=True)
    >>> Injected(FaultKind.DROP, 5).outcome("tardis_csv").visible
    False
    """

    kind: FaultKind
    index: int

    def inject(self, stream: Stream) -> Stream:
        """Return the stream with this fault in it.

        Raises:
            UsageError: there is no snapshot before the index to come again, or no message after it to show the fault.
        """
        messages = list(stream.messages)
        if not 0 <= self.index < len(messages) - 1:
            raise UsageError(f"no message {self.index} with another behind it in {len(messages)}")
        return stream.with_messages(_INJECTORS[self.kind](messages, self.index), self)

    def outcome(self, rule: Rule | str) -> Outcome:
        """Return the right verdict for a live book, when this message and the next change levels.

        For rules that number the frames of a connection it is what :meth:`orderbook.Feed.receive` must say.
        """
        return _OUTCOMES[self.kind](get_rule(rule), self.index)


def _stale_snapshot(messages: list[Message], index: int) -> list[Message]:
    old = next((message for message in messages[:index] if message.is_snapshot), None)
    if old is None:
        raise UsageError(f"there is no snapshot before message {index}")
    return insert(messages, index, old)


def _reconnect(messages: list[Message], index: int) -> list[Message]:
    return reconnect(messages, index, _instead(messages[index], Disconnect()), lost=1)


def _garbage(messages: list[Message], index: int) -> list[Message]:
    return replaced(messages, index, _instead(messages[index], Fault(error=DecodeError("garbage"))))


def _instead(message: Message, event: Event) -> Message:
    first = message.events[0]
    event = replace(event, symbol=first.symbol, ts_event=first.ts_event, ts_recv=first.ts_recv)
    return Message((event,), message.covers)


_INJECTORS: Final[Mapping[FaultKind, Callable[[list[Message], int], list[Message]]]] = MappingProxyType(
    {
        FaultKind.DROP: drop,
        FaultKind.DUPLICATE: duplicate,
        FaultKind.REORDER: reorder,
        FaultKind.STALE_SNAPSHOT: _stale_snapshot,
        FaultKind.RECONNECT: _reconnect,
        FaultKind.GARBAGE: _garbage,
    }
)

# -- the right answers -------------------------------------------------------------------------------------------------

_NUMBERED: Final = (Family.RANGE, Family.PREV, Family.INCR)


def _hole(rule: Rule, index: int) -> Outcome:
    """The message at ``index`` of the damaged stream comes too early: what was before it is missing."""
    if rule.family in _NUMBERED:
        return Outcome(Verdict.GAP, index, trusted=False)
    if rule.family is Family.CRC:
        return Outcome(Verdict.CHECKSUM_BAD, index, trusted=False)
    if rule.family is Family.SNAP:
        return Outcome(Verdict.SNAPSHOT, index, trusted=True)
    return Outcome(Verdict.APPLIED, index, trusted=True, visible=False)


def _twice(rule: Rule, index: int) -> Outcome:
    verdicts = {
        Family.PREV: Verdict.GAP,  # it does not name the last message as its predecessor, whatever it brings
        Family.CRC: Verdict.APPLIED,  # sizes are absolute: the same book, and the checksum says so
        Family.NONE: Verdict.APPLIED,
        Family.SNAP: Verdict.NOOP,
    }
    verdict = verdicts.get(rule.family, Verdict.STALE)
    return Outcome(verdict, index + 1, trusted=verdict is not Verdict.GAP)


def _swapped(rule: Rule, index: int) -> Outcome:
    if rule.family is Family.TIME:
        # The later one passes; the earlier one then is too old, and what it said is lost.
        return Outcome(Verdict.STALE, index + 1, trusted=True, visible=False)
    if rule.family is Family.SNAP:
        return Outcome(Verdict.SNAPSHOT, index, trusted=True, visible=False)
    return _hole(rule, index)


def _old_snapshot(rule: Rule, index: int) -> Outcome:
    if rule.buffers or rule.scope is Scope.CONNECTION:
        return Outcome(Verdict.STALE, index, trusted=True)
    if rule.family is Family.SNAP:
        return Outcome(Verdict.SNAPSHOT, index, trusted=True, visible=False)
    # A snapshot in the stream is believed; the next message does not follow it.
    return _hole(rule, index + 1)


def _lost_connection(rule: Rule, index: int) -> Outcome:
    return Outcome(Verdict.RESET, index, trusted=False)


def _unreadable(rule: Rule, index: int) -> Outcome:
    if not rule.detects_loss:
        # Nothing later would show that something is missing.
        return Outcome(Verdict.GAP, index, trusted=False)
    return _hole(rule, index + 1)


_OUTCOMES: Final[Mapping[FaultKind, Callable[[Rule, int], Outcome]]] = MappingProxyType(
    {
        FaultKind.DROP: _hole,
        FaultKind.DUPLICATE: _twice,
        FaultKind.REORDER: _swapped,
        FaultKind.STALE_SNAPSHOT: _old_snapshot,
        FaultKind.RECONNECT: _lost_connection,
        FaultKind.GARBAGE: _unreadable,
    }
)
