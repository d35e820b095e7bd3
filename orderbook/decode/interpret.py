"""The readable interpreter of a :class:`~orderbook.decode.table.JsonTable`: payloads in, events out.

``orjson`` parses the frame, except where prices are JSON numbers: those go through the standard library's parser, which
can hand the digits to ``Decimal`` before they have been a float.

Bytes are first shown to the compiled interpreter (:mod:`orderbook.decode._walker`) where there is one. It reads the
messages that come most often, and declines whatever is wrong or rare: this module remains the specification, and has
the last word.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from types import EllipsisType
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn

import orjson

from orderbook import _backend
from orderbook.decode.build import build_event
from orderbook.decode.read import brief, expected, holds, walk
from orderbook.decode.symbols import Symbols
from orderbook.decode.table import MAX_CHANNELS, Channels, Envelope, EventSpec, JsonTable, Kind, Message, Path
from orderbook.errors import DecodeError, UsageError
from orderbook.events import Disconnect, Event

if TYPE_CHECKING:
    from orderbook.decode._walker import Walker

_compiled: Any = _backend.load("orderbook.decode._walker", "the compiled decoder")


class Topic(NamedTuple):
    """The channel that a message came over, and whose it is; empty where nothing says so."""

    channel: str = ""
    symbol: str = ""


@dataclass(slots=True)
class Reading:
    """One payload on its way through the interpreter."""

    frame: Any
    body: Any
    at: Path
    topic: Topic
    ts_recv: int | None
    origin: str


def load_json(payload: Any, exact_numbers: bool = False) -> Any:
    """Return a payload parsed; what is neither bytes nor text has been parsed before and is returned as it is.

    Raises:
        DecodeError: no JSON, not UTF-8, nested too deeply, or a number that is none (``NaN``).

    >>> load_json(b'[7254.70]', exact_numbers=True)
    [Decimal('7254.70')]
    """
    if not isinstance(payload, (bytes, bytearray, memoryview, str)):
        return payload
    try:
        return _load_exact(payload) if exact_numbers else orjson.loads(payload)
    except RecursionError:
        raise DecodeError("malformed JSON: nested too deeply", path="$") from None
    except InvalidOperation:
        raise DecodeError("malformed JSON: a number out of all range", path="$") from None
    except ValueError as error:
        # Both parsers' errors and UnicodeDecodeError are ValueErrors; their text names the place in the line.
        raise DecodeError(f"malformed JSON: {error}", path="$") from None


def _load_exact(payload: bytes | bytearray | memoryview | str) -> Any:
    text = payload if isinstance(payload, str) else str(payload, "utf-8")
    return json.loads(text, parse_float=Decimal, parse_constant=_refuse)


def _refuse(text: str) -> NoReturn:
    raise ValueError(f"{text} is not a number")


def walker_for(table: JsonTable) -> Walker | None:
    """Return a table compiled; None where it cannot be, or where plain Python was asked for. O(size of the table)."""
    return None if _compiled is None else _compiled.Walker.make(table)


class JsonDecoder:
    """Decodes one connection of a format of JSON messages; see :class:`~orderbook.decode.format.Decoder`.

    ``walker`` is the table compiled, which reads bytes first: by default what the backend has, None for none.
    """

    def __init__(
        self,
        table: JsonTable,
        symbols: Sequence[str] = (),
        *,
        name: str = "",
        walker: Walker | EllipsisType | None = ...,
    ) -> None:
        self.ignored = 0
        self.walker = walker_for(table) if isinstance(walker, EllipsisType) else walker
        self._table = table
        self._name = name
        self._symbols = Symbols(symbols)
        self._topics: dict[int, Topic] = {}
        self._scratch: Any = None if self.walker is None else self.walker.scratch()
        self._origin = ""

    def reset(self) -> None:
        """Forget the numbers of the channels. The symbols shown so far stay known: they can only make a guess safer."""
        self._topics.clear()

    def lost(self) -> None:
        """Nothing to do: no message of a JSON format is completed by the next."""

    def knows(self, symbol: str) -> bool:
        """Whether one more message that names this symbol changes nothing here, and is no error. O(1)."""
        return self._symbols.has_noted(symbol)

    def decode(self, payload: Any, ts_recv: int | None = None, origin: str = "") -> list[Event]:
        """Return the events of one payload; see :meth:`~orderbook.decode.format.Decoder.decode`. O(size)."""
        if self.walker is not None and type(payload) is bytes:
            events = self._walk(self.walker, payload, ts_recv, origin)
            if events is not None:
                return events
        return self._interpret(payload, ts_recv, origin)

    def _walk(self, walker: Walker, payload: bytes, ts_recv: int | None, origin: str) -> list[Event] | None:
        """Return the events by the compiled interpreter, None where it has nothing to say."""
        if origin != self._origin:
            envelope = self._table.envelope
            self._scratch.set_bare_channel("" if envelope is None else _topic_of_origin(envelope, origin).channel)
            self._origin = origin
        events = walker.read(payload, ts_recv, self._scratch)
        if events is None:
            return None
        if not events:
            self.ignored += 1
        elif events[0].symbol:
            self._symbols.note(events[0].symbol)
        return events

    def _interpret(self, payload: Any, ts_recv: int | None, origin: str) -> list[Event]:
        frame = load_json(payload, self._table.exact_numbers)
        if type(frame) is not dict and type(frame) is not list:
            raise expected("an object or an array", frame, ())
        reading = self._open(frame, ts_recv, origin)
        message = self._match(reading)
        found: list[Event] = []
        for spec in message.events:
            event = self._become(spec, message, reading, len(found) + 1 == len(message.events))
            if event is not None:
                found.append(event)
        return found

    def _open(self, frame: Any, ts_recv: int | None, origin: str) -> Reading:
        """Look at what stands around the message."""
        body, topic = frame, Topic()
        at: Path = ()
        envelope, channels = self._table.envelope, self._table.channels
        if envelope is not None:
            body, at, topic = _unwrap(envelope, frame, origin)
        if channels is not None and all(holds(test, frame, frame, "") for test in channels.when):
            topic = self._topic_of(channels, frame)
        return Reading(frame, body, at, topic, ts_recv, origin)

    def _topic_of(self, channels: Channels, frame: Any) -> Topic:
        number = walk(frame, channels.key)
        if type(number) is not int:
            raise expected("the number of a channel", number, channels.key)
        topic = self._topics.get(number)
        if topic is None and self._symbols.declared is not None:
            topic = Topic(channels.assumed, self._symbols.declared)
        if topic is None and channels.early and all(holds(test, frame, frame, "") for test in channels.early):
            return Topic()
        if topic is None:
            raise DecodeError(
                f"channel {brief(number)} was never subscribed to in this recording: "
                "pass the one symbol that it is of as symbols=",
                path="$[0]",
            )
        return topic

    def _match(self, reading: Reading) -> Message:
        body, frame, channel = reading.body, reading.frame, reading.topic.channel
        for message in self._table.messages:
            if all(holds(test, body, frame, channel) for test in message.when):
                return message
        raise DecodeError(f"no message of {self._name}: {brief(reading.body)}", path="$")

    def _become(self, spec: EventSpec, message: Message, reading: Reading, is_last: bool) -> Event | None:
        match spec.kind:
            case Kind.IGNORED:
                self.ignored += 1
                return None
            case Kind.SUBSCRIBED | Kind.UNSUBSCRIBED:
                return self._subscribe(spec.kind, reading.body, reading.ts_recv)
        symbol = self._symbols.find(spec.symbol, reading.body, reading.at, reading.topic.symbol, reading.origin)
        try:
            return build_event(spec, reading.body, reading.at, symbol, reading.ts_recv, reading.origin, is_last)
        except DecodeError as error:
            raise error.at(symbol=symbol or None) from None

    def _subscribe(self, kind: Kind, body: Any, ts_recv: int | None) -> Event | None:
        channels = self._table.channels
        if channels is None:
            raise UsageError(f"the table of {self._name} speaks of subscriptions but numbers no channels")
        number = walk(body, channels.number)
        if type(number) is not int:
            raise expected("the number of a channel", number, channels.number)
        self.ignored += 1
        if kind is Kind.UNSUBSCRIBED:
            topic = self._topics.pop(number, Topic())
            # No more will come: the book must not stand there as if nothing moved.
            ours = topic.channel == channels.assumed and topic.symbol
            return Disconnect(symbol=topic.symbol, ts_recv=ts_recv) if ours else None
        if len(self._topics) >= MAX_CHANNELS:
            raise DecodeError(f"more than {MAX_CHANNELS} channels on one connection", path="$")
        name = "/".join(part for path in channels.name if isinstance(part := walk(body, path), str))
        symbol = walk(body, channels.symbol)
        self._topics[number] = Topic(name, symbol if isinstance(symbol, str) else "")
        return None


def _unwrap(envelope: Envelope, frame: Any, origin: str) -> tuple[Any, Path, Topic]:
    body, text = walk(frame, envelope.body), walk(frame, envelope.topic)
    if isinstance(text, str) and isinstance(body, (dict, list)):
        return body, envelope.body, _split_topic(envelope, text)
    return frame, (), _topic_of_origin(envelope, origin)


def _topic_of_origin(envelope: Envelope, origin: str) -> Topic:
    """The topic of a bare message, if its connection was opened for just one."""
    name = origin.partition(envelope.origin)[2].partition("?")[0]
    alone = name and "/" not in name
    return _split_topic(envelope, name) if alone else Topic()


def _split_topic(envelope: Envelope, text: str) -> Topic:
    parts = text.split(envelope.separator)
    if len(parts) <= max(envelope.symbol, envelope.channel):
        return Topic(channel=text)
    symbol = parts[envelope.symbol]
    return Topic(parts[envelope.channel], symbol.upper() if envelope.upper else symbol)
