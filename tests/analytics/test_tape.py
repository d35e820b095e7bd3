"""The order tape against a dictionary that is updated row by row, made-up and real, in one piece and in many."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import orderbook as ob
from orderbook.analytics.tape import LiveOrder, OrderRows, OrderTape, trades_of

UNDEF = 2**63 - 1
LAST, SNAPSHOT, MBP, PUBLISHER = 0x80, 0x20, 0x10, 0x02


def tape_of(rows: Sequence[dict[str, Any]]) -> ob.Events:
    """Columns of rows that are given by what matters: ``kind`` letter, ``id``, ``side``, ``price``, ``size`` ..."""
    last = [LAST if row.get("end", True) else 0 for row in rows[:-1]] + [LAST] * bool(rows)
    flags = [flag | row.get("flags", 0) for flag, row in zip(last, rows, strict=True)]
    times = [row.get("ts", 10 * i) for i, row in enumerate(rows)]
    return ob.Events(
        ts_event=times,
        ts_recv=times,
        action=[ord(row["kind"]) for row in rows],
        side=[ord(row.get("side", "N")) for row in rows],
        flags=np.array(flags, "u1"),
        price=[row.get("price", UNDEF) for row in rows],
        size=[row.get("size", UNDEF) for row in rows],
        order_id=np.array([row.get("id", 0) for row in rows], "u8"),
        sequence=np.zeros(len(rows), "u8"),
        price_exponent=-2,
    )


def naive(events: ob.Events) -> list[tuple[str, int, int, int, int, bool]]:
    """``(kind, id, side, before, after, known)`` of every order row, the obvious way."""
    orders: dict[int, tuple[int, int]] = {}
    gone: dict[int, tuple[int, int]] = {}
    out: list[tuple[str, int, int, int, int, bool]] = []
    settled = settling(events)
    for i in range(len(events)):
        kind, key = chr(events.action[i]), int(events.order_id[i])
        if i and events.flags[i - 1] & LAST:
            gone.clear()
        if kind == "R":
            orders.clear()
        if kind in "RTN" or events.flags[i] & MBP or i in settled:
            continue
        known = key in orders or key in gone
        side, before = orders.get(key) or gone.get(key) or ({66: 1, 65: -1}.get(int(events.side[i]), 0), 0)
        if kind == "A":
            side = {66: 1, 65: -1}.get(int(events.side[i])) or out[-1][2]
        if kind == "M" and events.flags[i] & PUBLISHER and not before:
            kind, side = "A", {66: 1, 65: -1}[int(events.side[i])]
        after = left(kind, before, int(events.size[i]), known)
        orders.pop(key, None)
        gone.pop(key, None)
        if after:
            orders[key] = (side, after)
        elif kind == "F" and known:
            gone[key] = (side, 0)
        out.append((kind, key, side, before, after, known))
    return out


def left(kind: str, before: int, size: int, known: bool) -> int:
    """What an order displays after a row."""
    if kind == "A":
        return size if size != UNDEF else 0
    if kind == "M":
        return size if known and size != UNDEF else before
    return max(before - size, 0)  # a cancel without a size takes all: that is a very large size


def settling(events: ob.Events) -> set[int]:
    """The cancels that only take off the book what a fill of their message has told, each used once."""
    out: set[int] = set()
    for i in np.flatnonzero(events.action == ord("F")).tolist():
        for j in np.flatnonzero(events.action == ord("C")).tolist():
            same = events.order_id[j] == events.order_id[i] and events.size[j] == events.size[i]
            if (
                same
                and j not in out
                and message_of(events, j) == message_of(events, i)
                and not set_between(events, i, j)
            ):
                out.add(j)
                break
    return out


def set_between(events: ob.Events, one: int, other: int) -> bool:
    """Whether a change of the same order stands between two rows."""
    between = slice(min(one, other), max(one, other))
    return bool(((events.action[between] == ord("M")) & (events.order_id[between] == events.order_id[one])).any())


def message_of(events: ob.Events, row: int) -> int:
    """The number of the message that a row belongs to."""
    return int(np.count_nonzero(events.flags[:row] & LAST))


def seen(rows: OrderRows) -> list[tuple[str, int, int, int, int, bool]]:
    """The same six facts of what the tape found."""
    is_order = np.isin(rows.kind, [ord(letter) for letter in "AMCF"])
    columns = (rows.order_id, rows.side, rows.before, rows.after, rows.known)
    facts = zip(*(values[is_order].tolist() for values in columns), strict=True)
    return [(chr(kind), *fact) for kind, fact in zip(rows.kind[is_order].tolist(), facts, strict=True)]


def joined(pieces: list[OrderRows]) -> dict[str, list[Any]]:
    """The columns of all pieces, one after the other."""
    names = [field.name for field in fields(OrderRows) if not field.name.endswith("scale")]
    return {name: [value for piece in pieces for value in getattr(piece, name).tolist()] for name in names}


@st.composite
def tapes(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Messages over a handful of ids, so that everything happens to the same orders: also what makes no sense."""
    rows: list[dict[str, Any]] = []
    for _ in range(draw(st.integers(1, 25))):
        key, size = draw(st.integers(1, 4)), draw(st.integers(1, 3))
        base = {"id": key, "price": draw(st.integers(99, 101)), "side": draw(st.sampled_from("AB"))}
        what = draw(st.sampled_from(["A", "A", "C", "all", "M", "up", "F", "FC", "FM", "FMC", "replace", "R", "T"]))
        if what in ("A", "C", "M", "F", "T"):
            rows.append({**base, "kind": what, "size": size})
        elif what == "all":
            rows.append({**base, "kind": "C"})
        elif what == "up":
            rows.append({**base, "kind": "M", "size": size, "flags": PUBLISHER})
        elif what == "R":
            rows.append({"kind": "R"})
        elif what == "replace":
            rows.append({**base, "kind": "C", "side": "N", "end": False})
            rows.append({**base, "kind": "A", "side": "N", "id": 5 + key, "size": size})
        else:
            steps = [{**base, "kind": letter, "size": size, "end": False} for letter in what]
            rows += [*steps[:-1], {**steps[-1], "end": True}]
    return rows


@given(tapes(), st.data())
def test_rows_are_those_of_a_dictionary_updated_row_by_row(rows: list[dict[str, Any]], data: st.DataObject) -> None:
    """What every order had before and after each row; and any way to cut the tape gives the same rows."""
    events = tape_of(rows)
    assert naive(events) == seen(OrderTape().update(events))
    check_pieces(events, OrderTape(), OrderTape(), data)


def test_a_cancel_after_a_refill_takes_off_the_refill() -> None:
    """Filled, shown again and cancelled in one message: nothing is left, and the book that the rows make agrees."""
    base = {"id": 7, "price": 100, "side": "B", "size": 10}
    steps = [{**base, "kind": kind, "end": kind == "C"} for kind in "FMC"]
    events, tape, book = tape_of([{**base, "kind": "A"}, *steps]), OrderTape(), ob.L3Book()
    rows = tape.update(events)
    book.apply_many(events)
    assert ("AFMC", [0, 10, 0, 10]) == (bytes(rows.kind).decode(), rows.before.tolist())
    assert ({}, []) == (tape.live, list(book.bids))


@given(tapes(), st.sampled_from([0, 1]), st.data())
def test_events_by_time_may_span_pieces(rows: list[dict[str, Any]], same: int, data: st.DataObject) -> None:
    """An order that a fill has used up may come again as long as its event goes on, however the tape is cut."""
    events = tape_of([{**row, "ts": i // 7 * same} for i, row in enumerate(rows)])
    check_pieces(events, OrderTape(event_by="time"), OrderTape(event_by="time"), data)


def check_pieces(events: ob.Events, whole: OrderTape, pieces: OrderTape, data: st.DataObject) -> None:
    """A tape cut anywhere between messages gives the rows and the orders of the tape in one piece."""
    ends = np.flatnonzero(events.flags & LAST) + 1
    cuts = sorted(data.draw(st.sets(st.sampled_from(ends.tolist()))) | {0, len(events)})
    parts = [pieces.update(events[start:stop]) for start, stop in pairwise(cuts)]
    assert joined([whole.update(events)]) == joined(parts)
    assert whole.live == pieces.live


def test_a_native_refill_keeps_the_order() -> None:
    """A fill of all that shows and a change of the same id in the same message: one order, that comes back."""
    steps = [
        {"kind": "A", "id": 7, "side": "B", "price": 100, "size": 10},
        {"kind": "F", "id": 7, "side": "B", "price": 100, "size": 10, "end": False},
        {"kind": "M", "id": 7, "side": "B", "price": 100, "size": 10},
        {"kind": "F", "id": 7, "side": "B", "price": 100, "size": 10},
        {"kind": "M", "id": 7, "side": "B", "price": 100, "size": 10},
    ]
    tape = OrderTape()
    rows = tape.update(tape_of(steps))
    assert [0, 10, 0, 10, 0] == rows.before.tolist()
    assert [10, 0, 10, 0, 0] == rows.after.tolist()
    assert [False, True, True, True, False] == rows.known.tolist(), "a change in a later message is to nothing"
    assert {} == tape.live


def test_events_by_time_join_messages() -> None:
    """Fills that a feed tells one by one, at one time, are one event; also across pieces."""
    steps = [{"kind": "T", "price": 1, "size": 1, "ts": ts} for ts in (5, 5, 6, 6, 7)]
    events = tape_of(steps)
    tape = OrderTape(event_by="time")
    assert [0, 0, 1, 1, 2] == [*tape.update(events[:1]).event, *tape.update(events[1:]).event]
    assert [0, 1, 2, 3, 4] == OrderTape().update(events).event.tolist()


def test_snapshots_hidden_trades_and_levels() -> None:
    """Orders of a snapshot say so, hidden prints say so, and aggregated levels are none of its business."""
    events = ob.Events.from_events(
        [
            ob.OrderSnapshot(orders=[ob.Order(1, ob.Side.BID, 100, 5)]),
            ob.Reveal(bids=[(99, 1)]),
            ob.Trade(price=100, size=2, side=ob.Side.ASK, hidden=True),
            ob.OrderReplace(order_id=1, new_id=2, price=101, size=3),
        ]
    )
    rows = OrderTape().update(events)
    assert b"RATCA" == bytes(rows.kind)
    assert [True, True, False, False, False] == rows.snapshot.tolist()
    assert [False, False, True, False, False] == rows.hidden.tolist()
    assert [0, 1, -1, 1, 1] == rows.side.tolist(), "a replacement has the side of what it replaces"
    assert [0, 1, 3, 4, 5] == rows.row.tolist(), "rows are counted over the whole tape"


def test_wrong_arguments_are_refused() -> None:
    """No such clock or event, and pieces of different units."""
    with pytest.raises(ValueError, match="clock is 'event' or 'recv', not 'venue'"):
        OrderTape(clock="venue")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="event_by is 'message' or 'time', not 'row'"):
        OrderTape(event_by="row")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="clock is"):
        trades_of(tape_of([]), clock="venue")  # type: ignore[arg-type]
    tape = OrderTape()
    tape.update(tape_of([{"kind": "R"}]))
    with pytest.raises(ValueError, match=r"one pair of exponents: \(-2, 0\), not \(0, 0\)"):
        tape.update(ob.Events.from_events([ob.Clear()]))


def test_trades_are_floats_with_the_aggressors_sign() -> None:
    """Prices are correctly rounded, and an unknown side stays unknown."""
    events = ob.Events.from_events(
        [ob.Trade(price="0.3", size="1.5", side=side, ts_event=7) for side in (ob.Side.BID, None)]
    )
    trades = trades_of(events)
    assert ([0.3, 0.3], [1.5, 1.5], [1, 0]) == (trades.price.tolist(), trades.size.tolist(), trades.side.tolist())


def test_bitfinex_ends_with_the_book_of_the_replay(bitfinex_tape: ob.Events) -> None:
    """The orders that rest at the end are those of an L3 book that applied every event."""
    events = bitfinex_tape
    book = ob.L3Book(price_type="fixed")
    book.apply_many(events)
    tape = OrderTape()
    rows = tape.update(events)
    scale = (10 ** (-events.price_exponent - book.price_scale), 10 ** (-events.size_exponent - book.size_scale))
    expected = {
        order.order_id: LiveOrder(int(order.side), order.price * scale[0], order.size * scale[1])
        for order in book.orders.values()
    }
    assert expected == tape.live
    assert 37_059 == int(np.count_nonzero(rows.kind == ob.Action.ADD)), "with the 50 of the snapshot"
    assert 37_021 == int(np.count_nonzero((rows.kind == ob.Action.CANCEL) & (rows.after == 0)))


def test_a_piece_without_rows_has_no_unit() -> None:
    """Nothing in the first piece does not say that prices are whole."""
    tape = OrderTape()
    tape.update(ob.Events.from_events([]))
    add = ob.OrderAdd(order_id=7, side=ob.Side.BID, price="100.25", size=5, ts_event=1)
    assert 1 == len(tape.update(ob.Events.from_events([add])))
    tape.update(ob.Events.from_events([]))
    assert {7: (1, 10_025, 5)} == tape.live
