"""Lives of orders: small tapes by hand, a slow witness on random ones, and every way to cut a tape into pieces."""

from __future__ import annotations

import pickle
import random
from typing import Any

import numpy as np
import pytest

import orderbook as ob
from orderbook.analytics.lifetimes import (
    Exit,
    Lifetimes,
    OrderKind,
    OrderLives,
    empirical_fill_table,
    order_kinds,
    order_lifetimes,
)

SECOND = 1_000_000_000
UNDEF = np.iinfo(np.int64).min
BID, ASK = ob.Side.BID, ob.Side.ASK


def add(order_id: int, side: ob.Side, price: Any, size: Any = 5, ts: int = 0) -> ob.OrderAdd:
    """An order that comes."""
    return ob.OrderAdd(order_id=order_id, side=side, price=price, size=size, ts_event=ts)


def lives_of(*tape: ob.Event, **options: Any) -> OrderLives:
    """The lives of a short tape."""
    return order_lifetimes(ob.Events.from_events(tape), **options)


def named(lives: OrderLives) -> list[tuple[int, str]]:
    """Which order ended how, in the order of the table."""
    return [(int(order), Exit(code).name) for order, code in zip(lives.order_id, lives.exit, strict=True)]


def test_one_of_each_end() -> None:
    """Filled, cancelled, replaced, still there; with times, sizes and what was filled on the way."""
    lives = lives_of(
        add(1, BID, 100, ts=0),
        add(2, BID, 99, ts=1 * SECOND),
        add(3, ASK, 101, ts=2 * SECOND),
        ob.OrderExecute(order_id=1, size=2, ts_event=3 * SECOND),
        ob.OrderExecute(order_id=1, size=3, ts_event=4 * SECOND),
        ob.OrderReplace(order_id=3, new_id=4, price=102, size=8, ts_event=5 * SECOND),
        ob.OrderCancel(order_id=2, size=1, ts_event=6 * SECOND),
        ob.OrderCancel(order_id=2, ts_event=7 * SECOND),
        ob.OrderExecute(order_id=4, size=1, ts_event=9 * SECOND),
    )
    assert [(1, "FILLED"), (3, "REPLACED"), (2, "CANCELLED"), (4, "LIVE")] == named(lives)
    assert [4, 3, 6, 4] == lives.seconds.tolist()
    assert [5, 0, 0, 1] == lives.filled.tolist()
    assert [2, 0, 0, 1] == lives.fills.tolist()
    assert [0, 5, 5, 0] == lives.cancelled.tolist()
    assert [0, 0, 0, 7] == lives.left.tolist()
    assert [1, -1, 1, -1] == lives.side.tolist()
    assert [False, False, False, True] == lives.censored.tolist()
    assert [100, 101, 99, 102] == lives.entry_price.tolist()


def test_distance_is_measured_before_the_message() -> None:
    """Behind the best of its own side positive, in front negative; unknown where nobody else was there."""
    lives = lives_of(
        add(1, BID, "100.0"),
        add(2, BID, "99.5"),
        add(3, BID, "100.25"),
        add(4, ASK, "101"),
        add(5, ASK, "100.25"),
        ob.OrderCancel(order_id=2),
        ob.OrderCancel(order_id=3),
    )
    by_id = {int(order): i for i, order in enumerate(lives.order_id)}
    distance = {order: lives.distance[i] for order, i in by_id.items()}
    assert {2: 0.5, 3: -0.25, 5: -0.75} == {order: distance[order] for order in (2, 3, 5)}
    assert np.isnan([distance[1], distance[4]]).all()
    assert [0.75, 0] == lives.exit_distance[:2].tolist()
    assert np.isnan(lives.exit_distance[2:]).all()
    assert [5] == lives.order_id[lives.marketable].tolist()


def test_orders_of_a_snapshot_are_left_truncated() -> None:
    """They are watched from the snapshot on; their age counts if the snapshot tells it, and else is not known."""
    orders = [ob.Order(1, BID, 100, 5, 4 * SECOND), ob.Order(2, ASK, 101, 5)]
    tape = [
        ob.OrderSnapshot(orders=orders, ts_event=10 * SECOND),
        add(3, BID, 100, ts=11 * SECOND),
        *(ob.OrderCancel(order_id=i, ts_event=(11 + i) * SECOND) for i in (1, 2, 3)),
    ]
    lives = lives_of(*tape)
    assert [True, True, False] == lives.left_truncated.tolist()
    assert [4 * SECOND, UNDEF, 11 * SECOND] == lives.entry_ts.tolist()
    assert [10 * SECOND, 10 * SECOND, 11 * SECOND] == lives.first_ts.tolist()
    risks = lives.risks()
    assert ([8, 3], [2, 2], [6, 0], 1) == (*(column.tolist() for column in risks[:3]), risks.left_out)


def test_a_gap_censors() -> None:
    """A disconnect or a new snapshot ends what was there, without a cause; the same ids then begin anew."""
    lives = lives_of(
        add(1, BID, 100, ts=1),
        ob.Disconnect(ts_event=5),
        ob.OrderSnapshot(orders=[ob.Order(1, BID, 100, 5)], ts_event=7),
        ob.OrderExecute(order_id=1, size=5, ts_event=9),
    )
    assert [(1, "GAP"), (1, "FILLED")] == named(lives)
    assert [5, 9] == lives.exit_ts.tolist()
    assert [False, True] == lives.left_truncated.tolist()
    assert 0 == lives.risks().cause[0]


def test_moving_to_another_price() -> None:
    """The life goes on, or, on demand, ends there and another begins."""
    tape = [
        add(1, BID, 100, ts=0),
        ob.OrderModify(order_id=1, size=9, ts_event=1),
        ob.OrderModify(order_id=1, price=99, size=4, ts_event=2),
        ob.OrderCancel(order_id=1, ts_event=5),
    ]
    lives = lives_of(*tape)
    assert [(1, "CANCELLED")] == named(lives)
    assert (2, 1, 4, 9) == (lives.changes[0], lives.reprices[0], lives.added[0], lives.cancelled[0])
    assert (100, 99) == (lives.entry_price[0], lives.price[0])
    assert [OrderKind.REPRICED] == order_kinds(lives).tolist()
    split = lives_of(*tape, split_on_price=True)
    assert [(1, "REPLACED"), (1, "CANCELLED")] == named(split)
    assert ([0, 2], [2, 5]) == (split.entry_ts.tolist(), split.exit_ts.tolist())
    assert ([5, 4], [9, 0]) == (split.size.tolist(), split.left.tolist())


def test_an_order_announced_again_is_the_same_life() -> None:
    """A venue that repeats an order with another price and size has changed it."""
    lives = lives_of(add(1, BID, 100, 5), add(1, BID, 99, 7), ob.OrderCancel(order_id=1))
    assert [(1, "CANCELLED")] == named(lives)
    assert (1, 2, 7) == (lives.reprices[0], lives.added[0], lives.cancelled[0])


def test_a_native_refill_is_the_same_life() -> None:
    """Filled to nothing and set again in the same message: an iceberg, which lives on."""
    lives = lives_of(
        add(1, ASK, 100, 10),
        ob.OrderExecute(order_id=1, size=10, is_last=False),
        ob.OrderModify(order_id=1, size=10),
        ob.OrderExecute(order_id=1, size=10),
    )
    assert [(1, "FILLED")] == named(lives)
    assert (20, 10, 2) == (lives.filled[0], lives.added[0], lives.fills[0])


def test_feeds_that_do_not_tell_fills() -> None:
    """What goes is removed, for reasons unknown; without times only rows tell how long it was there."""
    lives = lives_of(ob.OrderAdd(order_id=1, side=BID, price=1, size=1), ob.OrderCancel(order_id=1), tells_fills=False)
    assert [(1, "REMOVED")] == named(lives)
    assert np.isnan(lives.seconds[0])
    assert (0, 1) == (lives.entry_row[0], lives.exit_row[0])
    assert 1 == lives.risks().left_out


def test_the_unknown_and_the_empty() -> None:
    """A cancel of an order never seen is no life; no tape has no lives."""
    assert 0 == len(lives_of(ob.OrderCancel(order_id=9), ob.OrderExecute(order_id=8, size=1)))
    assert 0 == len(lives_of())
    table = empirical_fill_table(lives_of(), [1.0])
    assert (0, (0, 1)) == (len(table.groups), table.filled.shape)


def test_kinds() -> None:
    """Flashed is what never traded; what comes beyond the opposite best is marketable first."""
    lives = lives_of(
        add(1, BID, 100),
        add(2, ASK, 101),
        add(3, BID, 101),
        ob.OrderExecute(order_id=1, size=1),
        *(ob.OrderCancel(order_id=i) for i in (1, 2, 3)),
    )
    assert ["RESTING", "FLASHED", "MARKETABLE"] == [OrderKind(code).name for code in order_kinds(lives)]


def test_receive_clock() -> None:
    """By the local clock, a snapshot's orders have no birth."""
    tape = [
        ob.OrderSnapshot(orders=[ob.Order(1, BID, 1, 1, 3)], ts_event=5, ts_recv=50),
        ob.OrderCancel(order_id=1, ts_event=6, ts_recv=60),
    ]
    lives = lives_of(*tape, clock="recv")
    assert (UNDEF, 50, 60) == (lives.entry_ts[0], lives.first_ts[0], lives.exit_ts[0])
    with pytest.raises(ValueError, match="clock is"):
        Lifetimes(clock="wall")  # type: ignore[arg-type]


def test_fill_table() -> None:
    """By side: half of the bids filled within a second and half cancelled later; one ask of two censored."""
    tape = [add(i, BID if i < 5 else ASK, 100 if i < 5 else 101, ts=0) for i in range(1, 7)]
    tape += [ob.OrderExecute(order_id=i, size=5, ts_event=SECOND) for i in (1, 2)]
    tape += [ob.OrderExecute(order_id=5, size=5, ts_event=2 * SECOND)]
    tape += [ob.OrderCancel(order_id=i, ts_event=3 * SECOND) for i in (3, 4)]
    lives = lives_of(*tape)
    table = empirical_fill_table(lives, [0.5, 1, 5])
    assert [[-1], [1]] == table.groups.tolist()
    assert [2, 4] == table.orders.tolist()
    assert [[0, 0, 0.5], [0, 0.5, 0.5]] == table.filled.tolist()
    assert [[0, 0, 0], [0, 0, 0.5]] == table.cancelled.tolist()
    assert table.filled + table.cancelled + table.resting == pytest.approx(np.ones((2, 3)))
    fine = empirical_fill_table(lives, 5, by=(lives.side, lives.order_id > 3))
    assert [[-1, 1], [1, 0], [1, 1]] == fine.groups.tolist()
    assert [[0.5], [2 / 3], [0]] == fine.filled.tolist()


def test_fill_table_of_many_groups() -> None:
    """Each order in the group of its label, however many there are and in whatever order they come."""
    tape = [add(i, BID, 100) for i in range(40)]
    tape += [ob.OrderExecute(order_id=i, size=5, ts_event=SECOND * (1 + i % 3)) for i in range(40)]
    lives = lives_of(*tape)
    label = lives.order_id.astype(int) * 7 % 40
    table = empirical_fill_table(lives, [1], by=(label,))
    assert (list(range(40)), [1] * 40) == (table.groups[:, 0].tolist(), table.orders.tolist())
    filled = np.empty(40)
    filled[label] = lives.seconds <= 1
    assert filled.tolist() == table.filled[:, 0].tolist()
    assert (0, 0) == (len(empirical_fill_table(lives[:0], [1]).groups), empirical_fill_table(lives[:0], [1]).left_out)


def test_fill_table_is_checked() -> None:
    """Labels are for all orders; horizons are times."""
    lives = lives_of(add(1, BID, 100))
    with pytest.raises(ValueError, match="by is columns of 1 labels"):
        empirical_fill_table(lives, 1, by=([1, 2],))
    with pytest.raises(ValueError, match=r"by is columns of 1 labels, not of the shapes \[\]"):
        empirical_fill_table(lives, 1, by=())
    with pytest.raises(ValueError, match="horizons are seconds"):
        empirical_fill_table(lives, [-1])


def test_rows_are_chosen() -> None:
    """A mask gives a table of those orders."""
    lives = lives_of(add(1, BID, 100), add(2, ASK, 101))
    assert [2] == lives[lives.side < 0].order_id.tolist()
    assert [1] == lives[:1].order_id.tolist()


# -- a slow witness ----------------------------------------------------------------------------------------------------


def random_tape(seed: int, length: int = 300) -> list[list[ob.Event]]:
    """Messages of every kind that touches orders, from a market that keeps to its own ids (which it uses again)."""
    rng = random.Random(seed)
    live: dict[int, int] = {}
    messages: list[list[ob.Event]] = []
    for ts in range(10, 10 + length):
        when = {"ts_event": ts * 7}
        kind = rng.random()
        order = rng.choice(list(live)) if live else 0
        if not live or kind < 0.4:
            fresh = rng.choice([i for i in range(1, 60) if i not in live])
            live[fresh] = rng.randint(1, 9)
            side, price = rng.choice([BID, ASK]), rng.randint(95, 105)
            messages.append([ob.OrderAdd(order_id=fresh, side=side, price=price, size=live[fresh], **when)])
        elif kind < 0.6:
            taken = rng.randint(1, live[order])
            messages.append([ob.OrderExecute(order_id=order, size=taken, **when)])
            live[order] -= taken
            if not live[order] and rng.random() < 0.3:
                messages[-1] = [ob.OrderExecute(order_id=order, size=taken, is_last=False, **when)]
                messages[-1].append(ob.OrderModify(order_id=order, size=4, **when))
                live[order] = 4
        elif kind < 0.8:
            whole = rng.random() < 0.7
            taken = live[order] if whole else rng.randint(1, live[order])
            messages.append([ob.OrderCancel(order_id=order, size=None if whole else taken, **when)])
            live[order] -= taken
        elif kind < 0.9:
            live[order] = rng.randint(1, 9)
            price = rng.choice([None, rng.randint(95, 105)])
            messages.append([ob.OrderModify(order_id=order, price=price, size=live[order], **when)])
        elif kind < 0.95:
            fresh = rng.choice([i for i in range(1, 60) if i not in live])
            del live[order]
            live[fresh] = 3
            price = rng.randint(95, 105)
            messages.append([ob.OrderReplace(order_id=order, new_id=fresh, price=price, size=3, **when)])
        elif kind < 0.97:
            messages.append([ob.OrderCancel(order_id=77, **when), ob.Trade(price=100, size=1, side=BID, **when)])
        else:
            live = dict.fromkeys(rng.sample(range(1, 60), 4), 5)
            orders = [ob.Order(i, BID if i % 2 else ASK, 100 + i % 3, 5, ts * 7 - i) for i in live]
            messages.append([ob.OrderSnapshot(orders=orders, **when)])
        live = {i: size for i, size in live.items() if size}
    return messages


class Witness:
    """Follows lives in a dict, one event at a time."""

    def __init__(self) -> None:
        self.live: dict[int, dict[str, Any]] = {}
        self.ended: list[dict[str, Any]] = []

    def best(self, side: int) -> float | None:
        """The best price of a side."""
        prices = [one["price"] for one in self.live.values() if one["side"] == side]
        return (max(prices) if side > 0 else min(prices)) if prices else None

    def distance(self, bests: dict[int, float | None], side: int, price: float) -> float:
        """Behind the best that was there before the message."""
        best = bests[side]
        return np.nan if best is None else (best - price) * side

    def message(self, events: list[ob.Event]) -> None:
        """Take one message."""
        bests = {side: self.best(side) for side in (1, -1)}
        for event in events:
            self.event(event, bests)
        for order in [i for i, one in self.live.items() if not one["left"]]:
            self.end(order, self.live[order].pop("reason"), events[0].ts_event, bests)

    def event(self, event: Any, bests: dict[int, float | None]) -> None:
        """Take one event."""
        ts = event.ts_event
        if isinstance(event, ob.OrderAdd):
            self.begin(event.order_id, event.side, event.price, event.size, ts, bests)
        elif isinstance(event, ob.OrderSnapshot):
            for order in list(self.live):
                self.end(order, "GAP", ts, {1: None, -1: None})
            for one in event.orders:
                self.begin(one.order_id, one.side, one.price, one.size, one.ts_event, {1: None, -1: None})
                self.live[one.order_id] |= {"first": ts, "truncated": True, "marketable": False}
        elif isinstance(event, ob.OrderReplace):
            side = self.live[event.order_id]["side"]
            self.live[event.order_id]["cancelled"] += self.live[event.order_id]["left"]
            self.live[event.order_id]["left"] = 0
            self.end(event.order_id, "REPLACED", ts, bests)
            self.begin(event.new_id, side, event.price, event.size, ts, bests)
        elif not isinstance(event, ob.Trade) and event.order_id in self.live:
            self.touch(self.live[event.order_id], event)

    def touch(self, one: dict[str, Any], event: Any) -> None:
        """What an event does to a resting order."""
        if isinstance(event, ob.OrderExecute):
            one["left"] -= event.size
            one["filled"] += event.size
            one["fills"] += 1
            one["reason"] = "FILLED"
        elif isinstance(event, ob.OrderCancel):
            taken = one["left"] if event.size is None else event.size
            one["left"] -= taken
            one["cancelled"] += taken
            one["reason"] = "CANCELLED"
        else:
            grown = event.size - one["left"]
            one["added"] += max(grown, 0)
            one["cancelled"] += max(-grown, 0)
            one["left"] = event.size
            one["changes"] += 1
            if event.price is not None:
                one["reprices"] += event.price != one["price"]
                one["price"] = event.price

    def begin(self, order: Any, side: int, price: Any, size: Any, ts: Any, bests: dict[int, float | None]) -> None:
        """A new life."""
        other = bests[-side]
        self.live[order] = dict(
            dict.fromkeys(("filled", "cancelled", "added", "fills", "changes", "reprices"), 0),
            order=order,
            side=int(side),
            entry=ts,
            first=ts,
            truncated=False,
            size=size,
            entry_price=price,
            price=price,
            left=size,
            distance=self.distance(bests, side, price),
            marketable=other is not None and (price - other) * side >= 0,
        )

    def end(self, order: int, reason: str, ts: Any, bests: dict[int, float | None]) -> None:
        """The end of one."""
        one = self.live.pop(order)
        one.pop("reason", None)
        self.ended.append({**one, "exit": reason, "exit_distance": self.distance(bests, one["side"], one["price"])})
        self.ended[-1]["end"] = ts


def as_rows(lives: OrderLives) -> list[dict[str, Any]]:
    """The table in the witness's words."""
    names = {"order_id": "order", "entry_ts": "entry", "first_ts": "first", "exit_ts": "end"}
    names["left_truncated"] = "truncated"
    columns = {names.get(name, name): values.tolist() for name, values in lives.columns().items()}
    columns["exit"] = [Exit(code).name for code in columns["exit"]]
    del columns["entry_row"], columns["exit_row"]
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def same(a: dict[str, Any], b: dict[str, Any]) -> bool:
    """Equal, with NaN equal to NaN."""
    return a.keys() == b.keys() and all(a[k] == b[k] or (a[k] != a[k] and b[k] != b[k]) for k in a)


@pytest.mark.parametrize("seed", range(25))
def test_against_the_witness(seed: int) -> None:
    """Every column of every life, on tapes with refills, partial cancels, reused ids, snapshots and unknown orders."""
    messages = random_tape(seed)
    witness = Witness()
    for message in messages:
        witness.message(message)
    events = ob.Events.from_events(event for message in messages for event in message)
    lifetimes = Lifetimes()
    ended = as_rows(lifetimes.update(events))
    key = lambda one: (one["end"], one["order"])  # noqa: E731
    assert len(witness.ended) == len(ended)
    for expected, got in zip(sorted(witness.ended, key=key), sorted(ended, key=key), strict=True):
        assert same(expected, got), (expected, got)
    resting = {one["order"]: one for one in as_rows(lifetimes.resting)}
    assert witness.live.keys() == resting.keys()
    for order, one in witness.live.items():
        one.pop("reason", None)
        expected = {**one, "exit": "LIVE", "exit_distance": np.nan, "end": events.ts_event[-1]}
        assert same(expected, resting[order]), (expected, resting[order])


@pytest.mark.parametrize("split", [False, True])
@pytest.mark.parametrize("seed", range(8))
def test_pieces_make_no_difference(seed: int, split: bool) -> None:
    """However a tape is cut, the lives are the same; what is out never changes; sizes add up."""
    messages = random_tape(seed, 200)
    whole = order_lifetimes(ob.Events.from_events(e for m in messages for e in m), split_on_price=split)
    rng = random.Random(seed)
    lifetimes = Lifetimes(split_on_price=split)
    tables, at = [], 0
    while at < len(messages):
        step = rng.choice([1, 2, 3, 40])
        piece = [event for message in messages[at : at + step] for event in message]
        tables.append(lifetimes.update(ob.Events.from_events(piece)))
        lifetimes = pickle.loads(pickle.dumps(lifetimes))
        at += step
    tables.append(lifetimes.resting)
    for name, values in whole.columns().items():
        pieces = np.concatenate([getattr(table, name) for table in tables])
        np.testing.assert_array_equal(values, pieces, err_msg=name)
    np.testing.assert_array_equal(whole.size + whole.added, whole.filled + whole.cancelled + whole.left)
