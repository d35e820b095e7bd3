"""Bitfinex raw books (``prec`` R0): order by order.

A frame is ``[chanId, payload, SEQ, TS]``, the last two only where the client asked for them (flags 65536 and 32768);
the number of the channel is given in answer to a subscription. SEQ counts *every* frame of the connection, heartbeats
and other channels included, so each of them becomes at least a :class:`~orderbook.events.Heartbeat` with its number.

A recording that starts in the middle lacks the subscriptions. With exactly one declared symbol an unknown channel is
taken for its raw book; otherwise it is an error.
"""

from __future__ import annotations

from typing import Any, Final

from orderbook.decode.format import Format
from orderbook.decode.table import (
    Channels,
    Condition,
    Deletes,
    EventSpec,
    Field,
    JsonTable,
    Kind,
    Message,
    OrderRows,
    Scope,
    SymbolFrom,
    SymbolRule,
    Test,
    Wire,
)

_MS: Final = 1_000_000
_SEQ_ALL: Final = 65536
_TIMESTAMP: Final = 32768

_RAW: Final = "book/R0"
_OURS: Final = Condition(Test.EQUALS, values=(_RAW,), scope=Scope.CHANNEL)
_OTHERS: Final = Condition(Test.DIFFERS, values=(_RAW,), scope=Scope.CHANNEL)
_FRAME: Final = Condition(Test.TYPE, values=("array",))
_CHANNEL_SYMBOL: Final = (SymbolRule(SymbolFrom.TOPIC),)


def _numbered(at: int) -> tuple[Field, ...]:
    """The sequence and the time, which stand last in a frame if they stand there at all."""
    return (
        Field("sequence", (at,), Wire.INTEGER, required=False),
        Field("ts_event", (at + 1,), Wire.INTEGER, unit=_MS, required=False),
    )


def _says(event: str) -> Condition:
    return Condition(Test.EQUALS, ("event",), (event,))


def _control(name: str, when: tuple[Condition, ...], spec: EventSpec) -> Message:
    return Message(name=name, when=when, events=(spec,))


def _status(code: int, status: str) -> Message:
    when = (_says("info"), Condition(Test.EQUALS, ("code",), (code,)))
    return _control(f"info {code}", when, EventSpec(kind=Kind.STATUS, constants=(("status", status),)))


def _beat(name: str, at: int, *when: Condition, **more: Any) -> Message:
    return _control(name, when, EventSpec(kind=Kind.HEARTBEAT, fields=_numbered(at), **more))


def _tagged(*tags: str) -> Condition:
    return Condition(Test.EQUALS, (1,), tags)


def _orders(name: str, kind: Kind, many: bool, *when: Condition) -> Message:
    # Price 0 deletes; the sign of the amount is the side. What is no array of three is refused, though the venue may
    # append fields: on a channel that was only assumed, a longer row is a trade or a ticker.
    rows = OrderRows(rows=(1,), wire=Wire.NUMBER, deletes=Deletes.ZERO_PRICE, many=many)
    # A raw book shows the best 1, 25, 100 or 250 orders a side: beyond the last one nothing is known.
    constants = (("complete", False),) if many else ()
    spec = EventSpec(kind=kind, symbol=_CHANNEL_SYMBOL, fields=_numbered(2), constants=constants, orders=rows)
    return Message(name=name, when=(_OURS, Condition(Test.TYPE, (1,), ("array",)), *when), events=(spec,))


BITFINEX_RAW: Final = Format(
    name="bitfinex_raw",
    rule="bitfinex_raw",
    framing="json_array",
    book="L3",
    table=JsonTable(
        exact_numbers=True,
        channels=Channels(
            key=(0,),
            when=(_FRAME,),
            early=(_tagged("hb"),),  # a channel may beat before the answer to its subscription has come
            number=("chanId",),
            symbol=("symbol",),
            name=(("channel",), ("prec",)),
            assumed=_RAW,
        ),
        messages=(
            # Frames first, and of them those that come most often: events are objects, so no order can confuse the two.
            _orders("snapshot", Kind.ORDER_SNAPSHOT, True, Condition(Test.TYPE, (1, 0), ("array",))),
            _orders("empty snapshot", Kind.ORDER_SNAPSHOT, True, Condition(Test.ABSENT, (1, 0))),
            _orders("update", Kind.ORDER_UPDATE, False),
            _beat("heartbeat", 2, _OURS, _tagged("hb"), symbol=_CHANNEL_SYMBOL),
            # Checks the book as it stood before this frame, over order ids.
            _beat("checksum", 3, _OURS, _tagged("cs"), symbol=_CHANNEL_SYMBOL),
            # Other channels: only their number matters. A tagged payload moves it one to the right.
            _beat("other channel, tagged", 3, _FRAME, _OTHERS, _tagged("cs", "te", "tu", "fte", "ftu")),
            _beat("other channel", 2, _FRAME, _OTHERS),
            _control("subscribed", (_says("subscribed"),), EventSpec(kind=Kind.SUBSCRIBED)),
            _control("unsubscribed", (_says("unsubscribed"),), EventSpec(kind=Kind.UNSUBSCRIBED)),
            _control(
                "error",
                (_says("error"),),
                EventSpec(
                    kind=Kind.ERROR,
                    fields=(
                        Field("code", ("code",), Wire.INTEGER, least=None, required=False),
                        Field("message", ("msg",), Wire.TEXT),
                    ),
                ),
            ),
            # With TIMESTAMP alone the time stands where the sequence stands otherwise, and every frame would be a gap.
            _control(
                "times without numbers",
                (_says("conf"), Condition(Test.BITS, ("flags",), (_SEQ_ALL | _TIMESTAMP, _TIMESTAMP))),
                EventSpec(
                    kind=Kind.REFUSED,
                    constants=(("message", "recorded with flag 32768 (TIMESTAMP) but without 65536 (SEQ_ALL)"),),
                ),
            ),
            # "Stop/Restart Websocket Server (please reconnect)", then maintenance and its end.
            _status(20051, "reconnect"),
            _status(20060, "maintenance"),
            _status(20061, "resumed"),
            _control("other event", (Condition(Test.TYPE, ("event",), ("string",)),), EventSpec(kind=Kind.IGNORED)),
        ),
    ),
    doc="Bitfinex raw books (R0), order by order, with the connection's sequence where there is one.",
)
