"""Tardis.dev CSV datasets: ``incremental_book_L2``, ``book_snapshot_N``, ``trades``, ``quotes`` and ``book_ticker``.

The header says which it is. Times are integer microseconds; rows that share a ``local_timestamp`` are one message.
Files of grouped symbols interleave instruments, so all state is kept by symbol.

Rows before the first ``is_snapshot=true`` become deltas without a book to go on, which a builder drops.
"""

from __future__ import annotations

from typing import Final

from orderbook.decode.format import Format
from orderbook.decode.table import CsvTable, Deletes, EventSpec, Field, Kind, LevelRow, Message, WideLevels, Wire
from orderbook.types import Side

_US: Final = 1000

_TIMES: Final = (
    # A timestamp that equals local_timestamp means that the venue gave none.
    Field(
        "ts_event",
        ("timestamp",),
        Wire.INTEGER_TEXT,
        unit=_US,
        unless=("local_timestamp",),
        required=False,
        empty=("",),
    ),
    Field("ts_recv", ("local_timestamp",), Wire.INTEGER_TEXT, unit=_US),
)

_INCREMENTAL: Final = EventSpec(
    kind=Kind.DELTA,
    fields=_TIMES,
    levels=LevelRow(
        side=Field("side", ("side",), Wire.TEXT, choices=(("bid", Side.BID), ("ask", Side.ASK))),
        price=Field("price", ("price",), Wire.DECIMAL, least=None),
        size=Field("size", ("amount",), Wire.DECIMAL),
        snapshot=Field("is_snapshot", ("is_snapshot",), Wire.TEXT, choices=(("true", True), ("false", False))),
        deletes=Deletes.ZERO_SIZE,
        complete=False,  # as deep as the venue gives: 1,000 or 5,000 levels of Binance, 400 of OKX
    ),
)

_BOOK_SNAPSHOT: Final = EventSpec(
    kind=Kind.SNAPSHOT,
    fields=_TIMES,
    constants=(("complete", False),),
    levels=WideLevels(
        ask_price="asks[{}].price",
        ask_size="asks[{}].amount",
        bid_price="bids[{}].price",
        bid_size="bids[{}].amount",
        wire=Wire.DECIMAL,
        absent=(("", ""),),
    ),
)

_TRADE: Final = EventSpec(
    kind=Kind.TRADE,
    fields=(
        *_TIMES,
        Field("trade_id", ("id",), Wire.TEXT, required=False, empty=("",)),
        # The liquidity taker's side, as it is.
        Field("side", ("side",), Wire.TEXT, choices=(("buy", Side.BID), ("sell", Side.ASK), ("unknown", None))),
        Field("price", ("price",), Wire.DECIMAL, least=None),
        Field("size", ("amount",), Wire.DECIMAL),
    ),
)


def _optional(name: str, column: str, least: int | None) -> Field:
    return Field(name, (column,), Wire.DECIMAL, least=least, required=False, empty=("",))


_QUOTE: Final = EventSpec(
    kind=Kind.QUOTE,
    fields=(
        *_TIMES,
        _optional("ask_size", "ask_amount", 0),
        _optional("ask_price", "ask_price", None),
        _optional("bid_price", "bid_price", None),
        _optional("bid_size", "bid_amount", 0),
    ),
)

_COMMON: Final = ("exchange", "symbol", "timestamp", "local_timestamp")


def _data_type(name: str, spec: EventSpec, *columns: str) -> Message:
    return Message(name=name, columns=(*_COMMON, *columns), events=(spec,))


TARDIS_CSV: Final = Format(
    name="tardis_csv",
    rule="tardis_csv",
    framing="tardis_csv",
    table=CsvTable(
        symbol=("symbol",),
        group=("local_timestamp",),
        source=("exchange",),
        messages=(
            _data_type("incremental_book_L2", _INCREMENTAL, "is_snapshot", "side", "price", "amount"),
            _data_type("trades", _TRADE, "id", "side", "price", "amount"),
            _data_type("quotes", _QUOTE, "ask_amount", "ask_price", "bid_price", "bid_amount"),
            _data_type(
                "book_snapshot",
                _BOOK_SNAPSHOT,
                *("asks[0].price", "asks[0].amount", "bids[0].price", "bids[0].amount"),
            ),
        ),
    ),
    doc="Tardis.dev CSV datasets: incremental_book_L2, book_snapshot_N, trades, quotes, book_ticker.",
)
