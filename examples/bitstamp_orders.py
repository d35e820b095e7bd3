"""Your own recorder's CSV files as events: every order of a market, from its birth to its end.

The files here are those of a recorder of Bitstamp's ``live_orders`` and ``live_trades`` channels:

    orders.csv(.gz)  id,timestamp,exchange_timestamp,price,volume,action,direction    (times in ms, local and venue's)
    trades.csv       trade_id,timestamp,exchange_timestamp,price,amount,buy_order_id,sell_order_id,side
    meta.json        how many rows the recorder made itself, from a snapshot at the start and at the end

``events_of`` is all that is needed; to read another recorder, change what it makes of a row. Four things in it are
worth copying. The opening rows are a snapshot and no births, and the closing ones no cancels. A decrease is a fill
where the trades say so, and else a cancel. An order that comes in and trades at once never rested with what it traded:
it is added with what is left of it. And a recording may miss that an order went: it then stands in the way of the
best price to the end. The report names those that trades have passed; read the files again without them.

    python examples/bitstamp_orders.py [folder] [order to leave out ...]

Without a folder it writes a market of its own, of a few orders, into a temporary one.
"""

from __future__ import annotations

import csv
import gzip
import json
import sys
import tempfile
from collections import Counter, defaultdict
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

import numpy as np

import orderbook as ob
from orderbook.analytics import Exit, OrderLives, Trades, empirical_fill_table, order_lifetimes, trades_of

Row = dict[str, str]
MS = 1_000_000


def rows_of(path: Path) -> list[Row]:
    """The rows of a CSV file, which may be gzipped."""
    with path.open(newline="") if path.exists() else gzip.open(f"{path}.gz", "rt", newline="") as file:
        return list(csv.DictReader(file))


def events_of(folder: Path, without: Collection[str] = ()) -> Iterator[ob.Event]:
    """Every message of the recording, in the venue's order; ``without`` the orders of these ids."""
    meta = json.loads((folder / "meta.json").read_text())
    orders = rows_of(folder / "orders.csv")
    trades: defaultdict[tuple[str, str], list[Row]] = defaultdict(list)  # by resting order and moment
    takes: Counter[tuple[str, str]] = Counter()  # how many trades an order made by coming in, by order and moment
    for trade in rows_of(folder / "trades.csv"):
        ids = trade["sell_order_id"], trade["buy_order_id"]
        resting, taker = ids if trade["side"] == "buy" else ids[::-1]
        trades[resting, trade["exchange_timestamp"]].append(trade)
        takes[taker, trade["exchange_timestamp"]] += 1

    first, last = meta["synthetic_created"], len(orders) - meta["synthetic_deleted"]
    opening = [row for row in orders[:first] if row["id"] not in without]
    snapshot = [ob.Order(int(row["id"]), side_of(row), row["price"], row["volume"]) for row in opening]
    yield ob.OrderSnapshot(orders=snapshot, **times_of(orders[0]))
    left = {row["id"]: float(row["volume"]) for row in opening}
    limits: dict[str, str] = {}  # what an incoming order asked for: its later rows show the prices that it got
    for row in orders[first:last]:
        order, now, at = row["id"], float(row["volume"]), (row["id"], row["exchange_timestamp"])
        added = row["action"] == "created"
        if order in without:
            continue
        if takes[at]:
            if added:
                limits[order] = row["price"]
                continue
            takes[at] -= 1
            if takes[at] or not now:
                continue  # still trading, or nothing left that could rest
            added = True
        if added:
            price = limits.get(order, row["price"])
            yield ob.OrderAdd(order_id=int(order), side=side_of(row), price=price, size=row["volume"], **times_of(row))
        elif trades.get(at) and now < left.get(order, 0):
            yield from fill(row, trades[at].pop(0))
        elif row["action"] == "deleted":
            yield ob.OrderCancel(order_id=int(order), **times_of(row))
        else:
            yield ob.OrderModify(order_id=int(order), price=row["price"], size=row["volume"], **times_of(row))
        left[order] = now


def fill(row: Row, trade: Row) -> Iterator[ob.Event]:
    """A trade and what it took from the resting order, as one message."""
    when, taker = times_of(row), side_of(row).opposite
    yield ob.Trade(
        price=trade["price"], size=trade["amount"], side=taker, trade_id=trade["trade_id"], is_last=False, **when
    )
    yield ob.OrderExecute(order_id=int(row["id"]), size=trade["amount"], price=trade["price"], **when)


def side_of(row: Row) -> ob.Side:
    """The side of an order."""
    return ob.Side(row["direction"])


def times_of(row: Row) -> dict[str, Any]:
    """Both times in nanoseconds."""
    return {"ts_event": int(row["exchange_timestamp"]) * MS, "ts_recv": int(row["timestamp"]) * MS}


MADE_UP = {
    "orders.csv": """\
id,timestamp,exchange_timestamp,price,volume,action,direction
1,1000,1000,99.0,2.0,created,bid
2,1000,1000,101.0,1.5,created,ask
3,1101,1100,100.0,0.5,created,bid
4,1201,1200,100.5,1.0,created,ask
3,1301,1300,100.0,0.5,deleted,bid
5,1401,1400,101.0,2.0,created,bid
5,1401,1400,100.5,1.0,changed,bid
4,1401,1400,100.5,0.0,deleted,ask
5,1402,1400,101.0,0.75,changed,bid
2,1402,1400,101.0,1.25,changed,ask
5,1403,1400,101.0,0.75,deleted,bid
6,1501,1500,100.0,3.0,created,bid
1,1900,1900,99.0,2.0,deleted,bid
2,1900,1900,101.0,1.25,deleted,ask
6,1900,1900,100.0,3.0,deleted,bid
""",
    "trades.csv": """\
trade_id,timestamp,exchange_timestamp,price,amount,buy_order_id,sell_order_id,side
71,1402,1400,100.5,1.0,5,4,buy
72,1403,1400,101.0,0.25,5,2,buy
""",
    "meta.json": json.dumps({"synthetic_created": 2, "synthetic_deleted": 3}),
}
"""The buy order 5 takes all of 4 and a quarter of 2, rests for an instant with the 0.75 that remain, and is gone."""


def report(folder: Path, without: Collection[str] = ()) -> None:
    """Print what became of the orders of a recording."""
    events = ob.Events.from_events(events_of(folder, without), symbol="BTCUSD")
    print(events)
    lives = order_lifetimes(events)
    print(f"{len(lives)} orders, {np.count_nonzero(lives.left_truncated)} of them older than the tape; by their end:")
    for end in Exit:
        print(f"  {end.name.lower():<9} {np.count_nonzero(lives.exit == end):>8}")
    table = empirical_fill_table(lives, [0.1, 1, 10, 60])
    print("of those that were born here, up to   ", *(f"{seconds:>6g} s" for seconds in table.horizons))
    for (side,), filled, cancelled in zip(table.groups, table.filled, table.cancelled, strict=True):
        for name, shares in (("filled", filled), ("cancelled", cancelled)):
            print(f"  {ob.Side(int(side)).name.lower()} {name:<32}", *(f"{100 * share:>6.2f} %" for share in shares))
    stuck = passed_orders(lives[lives.exit == Exit.LIVE], trades_of(events))
    print(f"orders left in the book that later trades have passed: {len(stuck)}")
    for order, side, price in zip(stuck.order_id, stuck.side, stuck.price, strict=True):
        print(f"  {order}, {ob.Side(int(side)).name.lower()} at {price:g}")


def passed_orders(resting: OrderLives, trades: Trades) -> OrderLives:
    """The resting orders that would have been filled before a trade that was: their end was missed."""
    passed = np.zeros(len(resting), bool)
    for side in (ob.Side.BID, ob.Side.ASK):
        hits = trades.side == -side  # a resting bid is hit by who sells
        # How far from this side's orders any trade goes from here to the end.
        furthest = np.minimum.accumulate((side * trades.price[hits])[::-1])[::-1]
        next_hit = np.searchsorted(trades.ts[hits], resting.first_ts, side="right")
        lowest = np.append(furthest, np.inf)[next_hit]
        passed |= (resting.side == side) & (side * resting.price > lowest)
    return resting[passed]


def main() -> None:
    """Report on the folder of the command line, or on a market of six orders."""
    if len(sys.argv) > 1:
        report(Path(sys.argv[1]), set(sys.argv[2:]))
        return
    with tempfile.TemporaryDirectory() as folder:
        for name, text in MADE_UP.items():
            (Path(folder) / name).write_text(text)
        report(Path(folder))


if __name__ == "__main__":
    main()
