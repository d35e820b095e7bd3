"""What a type checker sees from bytes to arrays. Never run; read by ``tests/test_typing.py``."""

from __future__ import annotations

import datetime

import numpy as np

import orderbook as ob


def values() -> None:
    reveal_type(ob.Side("buy"))  # assert "Side" in typ
    reveal_type(ob.Side.BID.opposite)  # assert "Side" in typ
    reveal_type(ob.Level(1.0, 2.0).count)  # assert "int" in typ and "None" in typ
    reveal_type(ob.to_ns("2024-08-08T00:00:00Z"))  # assert typ == "int"
    ob.to_ns(np.datetime64("2024-08-08"))
    ob.to_ns(datetime.datetime.now(datetime.UTC))
    ob.to_ns(1.5)  # error: arg-type
    ob.to_ns(None)  # error: arg-type


def builder() -> None:
    made = ob.BookBuilder(ob.L3Book("ETHUSDT"), "none", on_gap=ob.OnGap.RAISE)
    reveal_type(made.book)  # assert "L3Book" in typ
    reveal_type(made.apply(ob.Clear()))  # assert "Verdict" in typ
    reveal_type(made.state)  # assert "State" in typ
    reveal_type(made.needs_snapshot)  # assert "SnapshotRequest" in typ and "None" in typ
    reveal_type(made.stats.gaps)  # assert typ == "int"
    ob.BookBuilder(ob.L2Book(), "none", on_gap="raise")  # error: arg-type
    ob.Delta("ETHUSDT")  # error: misc or call-arg
    ob.OrderAdd(order_id=1, side=ob.Side.BID, price="1")  # error: call-arg


def feed(made: ob.Feed) -> None:
    reveal_type(made.receive(b"{}", 1))  # assert "list[" in typ and "Update" in typ
    for update in made.receive(b"{}"):
        reveal_type(update.verdict)  # assert "Verdict" in typ
        reveal_type(update.symbol)  # assert typ == "str"
        reveal_type(update.ts_recv)  # assert "int" in typ and "None" in typ
        reveal_type(update.book.best_ask)  # assert "Level" in typ and "None" in typ
    reveal_type(made.builders["ETHUSDT"].state)  # assert "State" in typ
    ob.Feed("lobster", on_error="skip")  # error: arg-type


def replay(source: ob.FileSource) -> None:
    protocol: ob.ReplaySource = source
    reveal_type(ob.replay(protocol))  # assert "Replay" in typ
    for update in ob.replay(source, start="2024-08-08T00:00:00Z", symbols=["ETHUSDT"]):
        reveal_type(update)  # assert "Update" in typ
    reveal_type(ob.book_at(source, 0))  # assert "L2Book" in typ and "L3Book" in typ
    panel = ob.sample(source, "100ms", depth=10)
    reveal_type(panel)  # assert "Panel" in typ
    reveal_type(ob.bbo(source, stop="2024-08-08T00:00:00Z"))  # assert "Panel" in typ
    reveal_type(panel.ts)  # assert "ndarray" in typ
    reveal_type(panel.bid_px)  # assert "ndarray" in typ
    reveal_type(panel[1:])  # assert "Panel" in typ
    reveal_type(ob.load(source))  # assert "Events" in typ
    ob.sample(source, "1s", clock="wall")  # error: arg-type
    ob.replay(source, "2024-08-08T00:00:00Z")  # error: misc or call-arg
    panel.to_pandas("wide")  # error: arg-type
