"""Binance: spot, USD-M and COIN-M futures.

The three speak one dialect. Futures add ``pu`` (the update id that an event follows) and the time of the matching
engine; COIN-M snapshots name their symbol. Frames come bare or in the envelope of a combined stream,
``{"stream": "ethusdt@depth@100ms", "data": {...}}``; recorders inject REST snapshots bare or as ``@depthSnapshot``.
"""

from __future__ import annotations

from typing import Final

from orderbook.decode.format import Format
from orderbook.decode.table import (
    Condition,
    Deletes,
    Envelope,
    EventSpec,
    Field,
    JsonTable,
    Kind,
    LevelArrays,
    LimitRule,
    Message,
    Scope,
    SymbolFrom,
    SymbolRule,
    Test,
    Wire,
)
from orderbook.types import Side

_MS: Final = 1_000_000  # "E" and "T" count milliseconds

_SYMBOL: Final = (SymbolRule(SymbolFrom.FIELD, ("s",)),)
_EVENT_TIME: Final = Field("ts_event", ("E",), Wire.INTEGER, unit=_MS)
# Spot sends no time with bookTicker and REST snapshots.
_EVENT_TIME_IF_ANY: Final = Field("ts_event", ("E",), Wire.INTEGER, unit=_MS, required=False)

_ENVELOPE: Final = Envelope(
    body=("data",), topic=("stream",), separator="@", symbol=0, channel=1, upper=True, origin="/ws/"
)

_DEPTH_FIELDS: Final = (
    _EVENT_TIME,
    Field("first_sequence", ("U",), Wire.INTEGER),
    Field("sequence", ("u",), Wire.INTEGER),
)
_PREVIOUS: Final = Field("prev_sequence", ("pu",), Wire.INTEGER)

_QUOTE: Final = EventSpec(
    kind=Kind.QUOTE,
    symbol=_SYMBOL,
    fields=(
        _EVENT_TIME_IF_ANY,
        Field("sequence", ("u",), Wire.INTEGER),
        Field("bid_price", ("b",), Wire.DECIMAL, least=None),
        Field("bid_size", ("B",), Wire.DECIMAL),
        Field("ask_price", ("a",), Wire.DECIMAL, least=None),
        Field("ask_size", ("A",), Wire.DECIMAL),
    ),
)


def _event(name: str) -> tuple[Condition, ...]:
    return (Condition(Test.EQUALS, ("e",), (name,)),)


def _ignored(name: str, *when: Condition) -> Message:
    return Message(name=name, when=when, events=(EventSpec(kind=Kind.IGNORED),))


def _error(name: str, at: tuple[str, ...]) -> Message:
    code, text = (*at, "code"), (*at, "msg")
    fields = (Field("code", code, Wire.INTEGER, least=None), Field("message", text, Wire.TEXT))
    return Message(
        name=name,
        when=(Condition(Test.PRESENT, code), Condition(Test.PRESENT, text)),
        events=(EventSpec(kind=Kind.ERROR, fields=fields),),
    )


def _trade(name: str, trade_id: str, *more: Condition, hidden: bool = False, title: str = "") -> Message:
    fields = (
        _EVENT_TIME,
        Field("price", ("p",), Wire.DECIMAL, least=None),
        Field("size", ("q",), Wire.DECIMAL),
        # "m": is the buyer the maker? Then the seller was the aggressor.
        Field("side", ("m",), Wire.BOOLEAN, choices=((True, Side.ASK), (False, Side.BID))),
        Field("trade_id", (trade_id,), Wire.INTEGER),
    )
    spec = EventSpec(kind=Kind.TRADE, symbol=_SYMBOL, fields=fields, constants=(("hidden", hidden),))
    return Message(name=title or name, when=(*_event(name), *more), events=(spec,))


def _depth(fields: tuple[Field, ...]) -> Message:
    levels = LevelArrays(bids=("b",), asks=("a",), wire=Wire.DECIMAL, deletes=Deletes.ZERO_SIZE)
    spec = EventSpec(kind=Kind.DELTA, symbol=_SYMBOL, fields=fields, levels=levels)
    # Other streams use the same event for other books (rpiDepth): only diff depth may get here.
    when = (*_event("depthUpdate"), Condition(Test.EQUALS, values=("", "depth"), scope=Scope.CHANNEL))
    return Message(name="depthUpdate", when=when, events=(spec,))


def _snapshot(most: int) -> Message:
    """A REST snapshot: at most ``most`` levels a side, and no word of whose it is except on COIN-M."""
    spec = EventSpec(
        kind=Kind.SNAPSHOT,
        symbol=(
            SymbolRule(SymbolFrom.ORIGIN, parameter="symbol"),
            SymbolRule(SymbolFrom.FIELD, ("symbol",)),
            SymbolRule(SymbolFrom.TOPIC),
            SymbolRule(SymbolFrom.DECLARED),
            SymbolRule(SymbolFrom.SEEN),
        ),
        # A new listing has nothing to number yet and says -1.
        fields=(_EVENT_TIME_IF_ANY, Field("sequence", ("lastUpdateId",), Wire.INTEGER, least=-1)),
        levels=LevelArrays(bids=("bids",), asks=("asks",), wire=Wire.DECIMAL, deletes=Deletes.NOTHING),
        limit=LimitRule("limit", most),
    )
    when = (
        Condition(Test.PRESENT, ("lastUpdateId",)),
        Condition(Test.EQUALS, values=("", "depth", "depthSnapshot"), scope=Scope.CHANNEL),
    )
    return Message(name="depthSnapshot", when=when, events=(spec,))


def _table(depth_fields: tuple[Field, ...], most: int) -> JsonTable:
    # The first message whose conditions hold is the one: what must not be mistaken for something else stands first.
    return JsonTable(
        envelope=_ENVELOPE,
        messages=(
            _error("error", ()),
            _error("error reply", ("error",)),
            # The best 5, 10 or 20 levels, re-sent whole. On futures they even call themselves depthUpdate: applied as
            # one, no level that left the view would ever be deleted.
            _ignored(
                "partial book",
                Condition(Test.EQUALS, values=("depth5", "depth10", "depth20"), scope=Scope.CHANNEL),
            ),
            _depth(depth_fields),
            Message(name="bookTicker", when=_event("bookTicker"), events=(_QUOTE,)),
            # Futures list what the insurance fund and auto-deleveraging settle as trades too; none of it met the book.
            _trade(
                "trade",
                "t",
                Condition(Test.PRESENT, ("X",)),
                Condition(Test.DIFFERS, ("X",), ("MARKET",)),
                hidden=True,
                title="trade outside the book",
            ),
            _trade("trade", "t"),
            _trade("aggTrade", "a"),
            # "e" is missing from spot's bookTicker; nothing else has both "B" and "A" beside "u".
            Message(
                name="bookTicker without e",
                when=(
                    Condition(Test.ABSENT, ("e",)),
                    *(Condition(Test.PRESENT, (key,)) for key in ("u", "B", "A")),
                ),
                events=(_QUOTE,),
            ),
            Message(
                name="serverShutdown",
                when=_event("serverShutdown"),
                events=(
                    EventSpec(kind=Kind.STATUS, fields=(_EVENT_TIME_IF_ANY,), constants=(("status", "shutdown"),)),
                ),
            ),
            _snapshot(most),
            _ignored("reply", Condition(Test.PRESENT, ("result",)), Condition(Test.PRESENT, ("id",))),
            _ignored("other event", Condition(Test.TYPE, ("e",), ("string",))),
            _ignored("other stream", Condition(Test.PRESENT, ("stream",), scope=Scope.FRAME)),
        ),
    )


BINANCE_SPOT: Final = Format(
    name="binance_spot",
    rule="binance_spot",
    # rest-api.md: with a limit above 5000, only 5000 entries are returned.
    table=_table(_DEPTH_FIELDS, most=5000),
    doc="Binance spot: diff depth, bookTicker, trades, REST snapshots.",
)
BINANCE_USDM: Final = Format(
    name="binance_usdm",
    rule="binance_usdm",
    table=_table((*_DEPTH_FIELDS, _PREVIOUS), most=1000),
    doc="Binance USD-M futures: diff depth with pu, bookTicker, trades, REST snapshots.",
)
BINANCE_COINM: Final = Format(
    name="binance_coinm",
    rule="binance_coinm",
    table=_table((*_DEPTH_FIELDS, _PREVIOUS), most=1000),
    doc="Binance COIN-M futures: as USD-M; snapshots name their symbol.",
)
