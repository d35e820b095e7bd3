"""The readable interpreter of a :class:`~orderbook.decode.table.JsonTable`: payloads in, events out.

``orjson`` parses the frame, except where prices are JSON numbers: those go through the standard library's parser, which
can hand the digits to ``Decimal`` before they have been a float.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any, NamedTuple, NoReturn

import orjson

from orderbook.decode.build import build_event
from orderbook.decode.read import brief, expected, holds, walk
from orderbook.decode.symbols import Symbols
from orderbook.decode.table import MAX_CHANNELS, Channels, Envelope, EventSpec, JsonTable, Kind, Message, Path
from orderbook.errors import DecodeError, UsageError
from orderbook.events import Disconnect, Event


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


class JsonDecoder:
    """Decodes one connection of a format of JSON messages; see :class:`~orderbook.decode.format.Decoder`."""

    def __init__(self, table: JsonTable, symbols: Sequence[str] = (), *, name: str = "") -> None:
        self.ignored = 0
        self._table = table
        self._name = name
        self._symbols = Symbols(symbols)
        self._topics: dict[int, Topic] = {}

    def reset(self) -> None:
        """Forget the numbers of the channels. The symbols shown so far stay known: they can only make a guess safer."""
        self._topics.clear()

    def lost(self) -> None:
        """Nothing to do: no message of a JSON format is completed by the next."""

    def decode(self, payload: Any, ts_recv: int | None = None, origin: str = "") -> list[Event]:
        """Return the events of one payload; see :meth:`~orderbook.decode.format.Decoder.decode`. O(size)."""
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
    name = origin.partition(envelope.origin)[2].partition("?")[0]
    alone = name and "/" not in name
    return frame, (), _split_topic(envelope, name) if alone else Topic()


def _split_topic(envelope: Envelope, text: str) -> Topic:
    parts = text.split(envelope.separator)
    if len(parts) <= max(envelope.symbol, envelope.channel):
        return Topic(channel=text)
    symbol = parts[envelope.symbol]
    return Topic(parts[envelope.channel], symbol.upper() if envelope.upper else symbol)
