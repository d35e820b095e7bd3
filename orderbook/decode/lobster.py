"""LOBSTER: a message file and an order book file for each symbol and day; row i of the book is that *after* message i.

A payload is one line that joins the pair: ``symbol,date``, the six columns of the message, and, where there is an order
book file, its four columns for each level. Symbol and date come from the file's name, the rest from row i of both.

The first row of a symbol and day is the seed: the book after its message, as far down as the file goes, with every
order in it anonymous. The message is in the seed already: only what touches no book (a print, a halt) is taken from it.

The files show a window. What happens below it is not told, so a level that is pushed out is unknown from then on, and
one that comes in brings its size with it: a :class:`~orderbook.events.Reveal`. In the first 998 rows of the published
AAPL sample 318 reveal a level; by the messages alone the book would lack one in 871. A row that does not follow from
the one before (rows are missing) is a new seed.

Without an order book file the start of the day is unknown, and a book built from the messages alone would be wrong in
every level. So there is no seed, and nothing is invented: the orders' events are decoded, and a builder in front of a
book waits for the snapshot that someone who knows the start has to give it (``Clear`` where no order came before).
"""

from __future__ import annotations

from typing import Final

from orderbook.decode.format import Format
from orderbook.decode.table import (
    Condition,
    CsvTable,
    EventSpec,
    Field,
    Kind,
    Message,
    Test,
    WideLevels,
    Wire,
)
from orderbook.types import Side

_DOLLAR_DIGITS: Final = 4  # a price is dollars times 10000

_TIME: Final = Field("ts_event", ("time",), Wire.SECONDS_OF_DAY, zone="America/New_York", day=("date",))
_PRICE: Final = Field("price", ("price",), Wire.INTEGER_TEXT, scale=_DOLLAR_DIGITS, least=1)
_SIZE: Final = Field("size", ("size",), Wire.INTEGER_TEXT, least=1)
_ORDER_ID: Final = Field("order_id", ("order_id",), Wire.INTEGER_TEXT)
# Direction is that of the resting order; "execution of a sell limit order corresponds to a buyer initiated trade".
_RESTING: Final = Field("side", ("direction",), Wire.INTEGER_TEXT, choices=((1, Side.BID), (-1, Side.ASK)), least=None)
_TAKER: Final = Field("side", ("direction",), Wire.INTEGER_TEXT, choices=((1, Side.ASK), (-1, Side.BID)), least=None)

_ORDER: Final = (_TIME, _ORDER_ID, _RESTING, _PRICE, _SIZE)
_PRINT: Final = (_TIME, _PRICE, _SIZE)


def _message(code: str, name: str, *events: EventSpec) -> Message:
    return Message(name=name, when=(Condition(Test.EQUALS, ("type",), (code,)),), events=events)


LOBSTER: Final = Format(
    name="lobster",
    rule="lobster",
    book="L3",
    framing="lobster",
    table=CsvTable(
        columns=("symbol", "date", "time", "type", "order_id", "size", "price", "direction"),
        symbol=("symbol",),
        day=("date",),
        messages=(
            _message("1", "submission", EventSpec(kind=Kind.ORDER_ADD, fields=_ORDER)),
            _message("2", "partial cancellation", EventSpec(kind=Kind.ORDER_CANCEL, fields=_ORDER)),
            # Its size is all that rests. Taking just that much, and not "all", works on anonymous orders of the seed
            # too and refuses a size above what rests.
            _message("3", "deletion", EventSpec(kind=Kind.ORDER_CANCEL, fields=_ORDER)),
            _message(
                "4",
                "execution",
                EventSpec(kind=Kind.ORDER_EXECUTE, fields=_ORDER),
                EventSpec(kind=Kind.TRADE, fields=(*_PRINT, _ORDER_ID, _TAKER)),
            ),
            # "order_id is 0": never taken from a level, even where the price is one.
            _message(
                "5",
                "hidden execution",
                EventSpec(kind=Kind.TRADE, fields=(*_PRINT, _TAKER), constants=(("hidden", True),)),
            ),
            # An auction's print, order id below 0: a sum of executions that have messages of their own.
            _message("6", "cross trade", EventSpec(kind=Kind.TRADE, fields=_PRINT)),
            _message(
                "7",
                "halt",
                EventSpec(
                    kind=Kind.STATUS,
                    fields=(
                        _TIME,
                        # No price at all: -1 begins the halt, 0 resumes quoting, 1 trading.
                        Field(
                            "status",
                            ("price",),
                            Wire.INTEGER_TEXT,
                            choices=((-1, "halted"), (0, "quoting"), (1, "trading")),
                            least=None,
                        ),
                    ),
                ),
            ),
        ),
        seed=EventSpec(
            kind=Kind.SNAPSHOT,
            fields=(_TIME,),
            constants=(("complete", False),),
            levels=WideLevels(
                ask_price="ask_price_{}",
                ask_size="ask_size_{}",
                bid_price="bid_price_{}",
                bid_size="bid_size_{}",
                wire=Wire.INTEGER_TEXT,
                absent=(("9999999999", "0"), ("-9999999999", "0")),
                scale=_DOLLAR_DIGITS,
                first=1,
            ),
        ),
        reveal=EventSpec(kind=Kind.REVEAL, fields=(_TIME,)),
    ),
    doc="LOBSTER: message file joined with the order book file, seeded from its first row.",
)
