r"""Text captures of websocket and REST sessions, one thing a line; every time is local epoch seconds as a decimal.

==========================  ====================================================================================
``wss://.. <-> ts``         a connection was opened; when one was open before, this is a :class:`Disconnect`
``wss://.. <- ts: text``    what the client sent; passed over
``https://.. -> ts: body``  the answer to a request: a message whose ``origin`` is the URL
``ts: text``                what the client received: a message
==========================  ====================================================================================

The time is taken digit by digit: as a float it would be off by up to 120 ns. Frames that were no text stand as Python
writes bytes (``b'\x1f\x8b...'``); they become those bytes again. Only what ``repr`` itself writes is understood, and
by a table of six escapes: no Python is parsed. Blank lines are passed over.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from orderbook.errors import CorruptSource, TimestampError
from orderbook.events import Disconnect
from orderbook.sources.base import Item
from orderbook.sources.framing.base import Framing, Stream
from orderbook.sources.framing.lines import each_line, shown
from orderbook.timestamps import seconds_to_ns
from orderbook.types import Place, RawMessage

_RECEIVED: Final = re.compile(rb"([0-9.]{1,60}): ")
_CONNECTION: Final = re.compile(rb"(\S+) (<->|<-|->) ([0-9.]{1,60})(: |$)")

# Possessive, so that a long hostile line costs one pass. repr chooses double quotes only around a single one.
_REPR: Final = re.compile(
    rb"""b'(?:[ -&(-\[\]-~]++|\\(?:[\\'nrt]|x[0-9a-f]{2}))*+'|b"(?:[ !#-\[\]-~]++|\\(?:[\\nrt]|x[0-9a-f]{2}))*+\""""
)
_ESCAPE: Final = re.compile(rb"\\(x..|.)")
_PLAIN: Final = {b"\\": b"\\", b"'": b"'", b"n": b"\n", b"r": b"\r", b"t": b"\t"}


def read(stream: Stream) -> Iterator[Item]:
    """Yield what a text capture received, and a :class:`Disconnect` where it connected again."""
    return each_line(stream, _Parser().parse)


class _Parser:
    def __init__(self) -> None:
        self._open = False

    def parse(self, line: bytes, place: Place) -> Item | None:
        received = _RECEIVED.match(line)
        if received is not None:
            return RawMessage(_time(received[1]), _frame(line[received.end() :]), "", place)
        other = _CONNECTION.match(line)
        if other is not None and (other[2] == b"<->") != bool(other[4]):
            return self._connection(other, line, place)
        if not line.strip():
            return None
        raise CorruptSource(f"expected `ts: text` or `URL <-> ts`, `<- ts: text`, `-> ts: body`, got {shown(line)}")

    def _connection(self, match: re.Match[bytes], line: bytes, place: Place) -> Item | None:
        url, arrow, when, _ = match.groups()
        ts_recv = _time(when)
        if arrow == b"->":
            return RawMessage(ts_recv, _frame(line[match.end() :]), url.decode("utf-8", "backslashreplace"), place)
        if arrow == b"<-":
            return None
        again, self._open = self._open, True
        return Disconnect(ts_recv=ts_recv) if again else None


def _time(text: bytes) -> int:
    try:
        return seconds_to_ns(text)
    except TimestampError as error:
        raise CorruptSource(str(error)) from error


def _frame(text: bytes) -> bytes:
    """The bytes that were received: the text itself, or what a Python bytes literal stands for."""
    if not text.startswith((b"b'", b'b"')):
        return text
    if _REPR.fullmatch(text) is None:
        raise CorruptSource(f"not a whole Python bytes literal: {shown(text)}")
    return _ESCAPE.sub(_unescaped, text[2:-1])


def _unescaped(match: re.Match[bytes]) -> bytes:
    escape = match[1]
    return bytes((int(escape[1:], 16),)) if len(escape) > 1 else _PLAIN[escape]


CAPTURE = Framing("capture", read, timed=True, lines=lambda: _Parser().parse)
