"""A format of your own, as a table: no change to the library, and everything that it does works on it.

An imaginary venue sends whole books (``"type": "snap"``) and changes (``"type": "upd"``), numbered one by one:

    {"type": "upd", "sym": "ABC-USD", "seq": 8, "ts": 1700000000123, "b": [["99.5", "3"]], "a": []}

The table says where everything sits. To share it, a distribution names it in its pyproject.toml, and nobody needs to
call ``register``:

    [project.entry-points."orderbook.formats"]
    imaginary = "my_package.formats:IMAGINARY"
"""

from __future__ import annotations

import orderbook as ob
from orderbook.decode.table import (
    Condition,
    Deletes,
    EventSpec,
    Field,
    JsonTable,
    Kind,
    LevelArrays,
    Message,
    SymbolFrom,
    SymbolRule,
    Test,
    Wire,
)


def message(kind: Kind, type_: str, deletes: Deletes) -> Message:
    """One kind of message: how it is told apart, and the event that it becomes."""
    spec = EventSpec(
        kind=kind,
        symbol=(SymbolRule(SymbolFrom.FIELD, ("sym",)),),
        fields=(
            Field("sequence", ("seq",), Wire.INTEGER),
            Field("ts_event", ("ts",), Wire.INTEGER, unit=1_000_000),  # milliseconds
        ),
        levels=LevelArrays(bids=("b",), asks=("a",), wire=Wire.DECIMAL, deletes=deletes),
    )
    return Message(name=type_, when=(Condition(Test.EQUALS, ("type",), (type_,)),), events=(spec,))


IMAGINARY = ob.Format(
    name="imaginary",
    rule="kraken_futures",  # the row of ob.RULES that fits: the last number + 1, snapshots in the stream
    table=JsonTable(
        messages=(
            message(Kind.SNAPSHOT, "snap", Deletes.NOTHING),
            message(Kind.DELTA, "upd", Deletes.ZERO_SIZE),
        )
    ),
    doc="The imaginary venue of examples/own_format.py.",
)

TAPE = [
    b'{"type":"snap","sym":"ABC-USD","seq":7,"ts":1700000000000,"b":[["99.5","3"],["99","8"]],"a":[["100","1"]]}',
    b'{"type":"upd","sym":"ABC-USD","seq":8,"ts":1700000000100,"b":[["99.75","2"]],"a":[]}',
    b'{"type":"upd","sym":"ABC-USD","seq":9,"ts":1700000000200,"b":[],"a":[["100","0"],["100.25","4"]]}',
    b'{"type":"upd","sym":"ABC-USD","seq":11,"ts":1700000000400,"b":[["99","0"]],"a":[]}',
    b'{"type":"snap","sym":"ABC-USD","seq":12,"ts":1700000000500,"b":[["99.5","2"]],"a":[["100.25","4"]]}',
]


def main() -> None:
    """Replay five messages, of which the fourth follows a hole."""
    ob.register(IMAGINARY)
    tape = ob.MemorySource(TAPE, format="imaginary")
    print("time          verdict    best bid   best ask")
    for update in ob.replay(tape):
        prices = [f"{best.price:10.2f}" if best else " " * 10 for best in (update.book.best_bid, update.book.best_ask)]
        print(ob.from_ns(update.ts_event or 0)[11:23], f" {update.verdict.name:<9}", *prices)
    panel = ob.sample(tape, "100ms", depth=1)
    print("\nsampled every 100 ms:", *(f"{px:g}" for px in panel.bid_px[:, 0]))
    try:
        ob.get_format("imaginary").decoder().decode(b'{"type":"upd","sym":"ABC-USD","seq":"8","ts":1,"b":[],"a":[]}')
    except ob.DecodeError as error:
        print("\nand a message that breaks the promise:", error)


if __name__ == "__main__":
    main()
