"""The icebergs of the testing kit: tapes that replay to what was true, labels that hold, scores counted by hand."""

from __future__ import annotations

import hashlib
import itertools
from collections import Counter
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import orderbook as ob
from orderbook.analytics.icebergs.native import icebergs_native
from orderbook.analytics.icebergs.synthetic import icebergs_synthetic
from orderbook.analytics.tape import OrderTape
from orderbook.columns.schema import DTYPES
from orderbook.errors import UsageError
from orderbook.testing.icebergs import (
    BaseRates,
    IcebergMarket,
    IcebergTruth,
    InjectedIcebergs,
    SimulatedIcebergs,
    TrueIceberg,
    TrueLink,
    TrueOrder,
    inject_icebergs,
    permuted_sizes,
    score_candidates,
    score_icebergs,
    simulate_icebergs,
    window_links,
)
from orderbook.testing.icebergs.draw import Draw
from orderbook.types import Action, Flag

BUSY = IcebergMarket(seconds=240, native=1800, synthetic=1800, same_event=900)
QUIET = IcebergMarket(seconds=240, native=0, synthetic=0, same_event=0)


@pytest.fixture(scope="module")
def busy() -> SimulatedIcebergs:
    """Four minutes full of icebergs."""
    return simulate_icebergs(BUSY, seed=5)


@pytest.fixture(scope="module")
def injected() -> InjectedIcebergs:
    """Icebergs put into a tape that has none."""
    return inject_icebergs(simulate_icebergs(QUIET, seed=5).events, seed=2, native=60, synthetic=60)


def book_of(events: ob.Events) -> ob.L3Book:
    """The book after all rows."""
    book = ob.L3Book()
    for event in events:
        book.apply(event)
    return book


def orders_of(book: ob.L3Book) -> set[tuple[int, int, int, int]]:
    """Its orders with prices in cents."""
    return {(int(o.order_id), int(o.side), round(o.price * 100), int(o.size)) for o in book.orders.values()}


# -- the simulated market ---------------------------------------------------------------------------------------------


def test_the_book_of_the_rows_is_the_book_of_the_venue(busy: SimulatedIcebergs) -> None:
    """Every order of the engine rests in a book that is rebuilt from the tape, with its size, and no other."""
    assert {(o.order_id, int(o.side), o.price, o.size) for o in busy.resting} == orders_of(book_of(busy.events))


def test_the_book_is_never_crossed(busy: SimulatedIcebergs) -> None:
    """The venue matches before it lets an order rest."""
    book = ob.L3Book()
    for event in busy.events:
        book.apply(event)
        if event.is_last:
            assert book.best_bid is not None
            assert book.best_ask is not None
            assert book.best_bid.price < book.best_ask.price


def test_the_tape_is_the_same_everywhere() -> None:
    """A digest of rows: another machine, Python or numpy must give the same."""
    events = simulate_icebergs(IcebergMarket(seconds=60), seed=11).events
    digest = hashlib.sha256(b"".join(getattr(events, name).astype("<i8").tobytes() for name in DTYPES))
    assert "591e25976a7711bb" == digest.hexdigest()[:16]
    assert events == simulate_icebergs(IcebergMarket(seconds=60), seed=11).events
    assert events != simulate_icebergs(IcebergMarket(seconds=60), seed=12).events


def test_fills_come_first_in_first_out(busy: SimulatedIcebergs) -> None:
    """What trades at a price is what arrived there first; a refilled order counts as new."""
    rows = OrderTape().update(busy.events)
    queues: dict[tuple[int, int], dict[int, None]] = {}
    filled: dict[tuple[int, int], set[int]] = {}
    for i in np.flatnonzero(rows.kind == Action.FILL).tolist():
        filled.setdefault((int(rows.event[i]), int(rows.price[i])), set()).add(int(rows.order_id[i]))
    for i in range(len(rows)):
        order, key = int(rows.order_id[i]), (int(rows.side[i]), int(rows.price[i]))
        orders = filled.pop((int(rows.event[i]), key[1]), None) if rows.kind[i] == Action.FILL else None
        if orders is not None:
            assert orders == set(list(queues[key])[: len(orders)])
        if rows.kind[i] in (Action.ADD, Action.MODIFY):
            queues.get((int(rows.side[i]), int(rows.old_price[i])), {}).pop(order, None)
            queues.setdefault(key, {})[order] = None
        elif rows.kind[i] != Action.TRADE and not rows.after[i]:
            queues.get(key, {}).pop(order, None)


def test_prints_are_what_was_filled_and_hidden(busy: SimulatedIcebergs) -> None:
    """All prints together are all lots; fills fall short of them by what reserves traded without a display."""
    action, size = busy.events.action, busy.events.size
    printed, filled = int(size[action == Action.TRADE].sum()), int(size[action == Action.FILL].sum())
    assert busy.truth.base.lots == printed
    assert 0 < printed - filled < busy.truth.base.iceberg_lots


def test_native_labels_are_rows_of_the_tape(busy: SimulatedIcebergs) -> None:
    """Each native link is an M in the message of an F of the same order; no other M follows an F."""
    events = busy.events
    modified = np.flatnonzero(events.action == Action.MODIFY)
    refills = modified[events.action[modified - 1] == Action.FILL]
    assert (events.order_id[refills] == events.order_id[refills - 1]).all()
    told = Counter(zip(events.order_id[refills].tolist(), events.ts_event[refills].tolist(), strict=True))
    assert told == Counter((link.order_id, link.at) for link in busy.truth.links if link.kind == "native")
    assert len(refills) > 100


def test_some_fills_are_larger_than_the_display(busy: SimulatedIcebergs) -> None:
    """A native iceberg trades beyond what it showed in one F, and nobody else ever does."""
    rows = OrderTape().update(busy.events)
    beyond = (rows.kind == Action.FILL) & (rows.size > rows.before)
    kinds = {busy.truth.orders[order].kind for order in rows.order_id[beyond].tolist()}
    assert kinds == {"native"}


def test_synthetic_labels_follow_from_the_tape(busy: SimulatedIcebergs) -> None:
    """A linked order arrives, at side and price of the one before, as long after its end as the label says."""
    rows = OrderTape().update(busy.events)
    births = {int(rows.order_id[i]): i for i in np.flatnonzero(rows.kind == Action.ADD)}
    ends = {int(rows.order_id[i]): i for i in np.flatnonzero((rows.kind == Action.FILL) & (rows.after == 0))}
    links = [link for link in (*busy.truth.links, *busy.truth.maker_links) if link.kind != "native"]
    assert {"synthetic", "same_event", "maker"} == {link.kind for link in links}
    for link in links:
        before, after = ends[link.prev_id], births[link.order_id]
        assert (rows.side[before], rows.price[before]) == (rows.side[after], rows.price[after])
        assert (link.at, link.latency) == (rows.ts[after], rows.ts[after] - rows.ts[before])
        assert link.size == rows.size[after]
        assert (rows.event[before] == rows.event[after]) == (link.kind == "same_event")


def test_twins_end_together(busy: SimulatedIcebergs) -> None:
    """A link with a twin has another order of its side and price that ended in the same event."""
    rows = OrderTape().update(busy.events)
    gone = np.flatnonzero((rows.kind == Action.FILL) & (rows.after == 0))
    where = {int(rows.order_id[i]): (rows.event[i], rows.side[i], rows.price[i]) for i in gone}
    together = Counter(where.values())
    twins = [link for link in busy.truth.links if link.twin]
    assert twins
    assert all(together[where[link.prev_id]] > 1 for link in twins)


def test_parents_add_up(busy: SimulatedIcebergs) -> None:
    """What orders traded is what their parents did; a filled one traded its total, displays are one more than links."""
    truth = busy.truth
    shown = Counter(truth.orders[link.order_id].iceberg_id for link in truth.links)
    for iceberg in truth.icebergs:
        assert iceberg.executed == sum(truth.orders[order].executed for order in iceberg.order_ids)
        assert (iceberg.state == "filled") == (iceberg.executed == iceberg.total)
        assert iceberg.executed <= iceberg.total
        assert iceberg.tranches == 1 + shown[iceberg.iceberg_id]
        assert iceberg.ended is None or iceberg.ended >= iceberg.begun
        assert iceberg.revealed or iceberg.tranches == 1
    assert {"live", "filled", "cancelled"} == {iceberg.state for iceberg in truth.icebergs}
    assert truth.base.iceberg_lots == sum(iceberg.executed for iceberg in truth.icebergs)


def test_the_market_has_what_the_protocol_asks_for(busy: SimulatedIcebergs) -> None:
    """Random and fixed peaks, several icebergs at one level, events that touch many orders, one-lot orders."""
    truth, events = busy.truth, busy.events
    assert {True, False} == {iceberg.random for iceberg in truth.icebergs}
    spans = sorted((i.side, i.price, i.begun, i.ended or 2**62) for i in truth.icebergs)
    assert any(a[:2] == b[:2] and b[2] < a[3] for a, b in itertools.pairwise(spans))
    fills = np.bincount((np.cumsum((events.flags & Flag.LAST) != 0))[events.action == Action.FILL])
    assert fills.max() > 10
    adds = events.size[events.action == Action.ADD]
    assert 0.2 < (adds == 1).mean() < 0.5


def test_without_makers_nobody_reposts() -> None:
    """The switch for the market without false positives."""
    truth = simulate_icebergs(replace(BUSY, makers=0), seed=1).truth
    assert ((), 0) == (truth.maker_links, truth.base.reposts)
    assert truth.links


def test_a_market_without_anybody_is_a_snapshot() -> None:
    """No rates: the opening book and nothing else."""
    nobody = replace(QUIET, adds=0, takes=0, cancels=0)
    tape = simulate_icebergs(nobody)
    assert (1, 1 + 2 * nobody.levels * nobody.orders) == (tape.events.messages(), len(tape.events))


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"makers": 1.5}, "makers is a share from 0 to 1, not 1.5"),
        ({"takes": -1}, "takes is not negative, unlike -1"),
        ({"peaks": ()}, r"peaks holds ints of at least 1, not \(\)"),
        ({"peaks": (0,)}, r"peaks holds ints of at least 1, not \(0,\)"),
        ({"latency": (5,)}, r"latency is two or more quantiles that never fall, not \(5,\)"),
        ({"latency": (5, 4)}, r"latency is two or more quantiles that never fall"),
        ({"tranches": (3, 2)}, r"tranches is the least and the most of them, not \(3, 2\)"),
        ({"levels": 0}, "levels is at least 1, not 0"),
        ({"mid": 10}, "mid is well above 8 levels, not 10"),
    ],
)
def test_wrong_parameters_are_named(wrong: dict[str, Any], message: str) -> None:
    """What is wrong, what was given and what is wanted."""
    with pytest.raises(UsageError, match=message):
        IcebergMarket(**wrong)


def test_waits_have_the_mean_asked_for() -> None:
    """The table of logarithms is one of an exponential distribution: mean 1, and a median of ln 2."""
    draw = Draw(3)
    waits = sorted(draw.wait(1_000_000) for _ in range(20_000))
    assert 1_000_000 == pytest.approx(sum(waits) / len(waits), rel=0.03)
    assert 693_147 == pytest.approx(waits[len(waits) // 2], rel=0.03)


# -- injection --------------------------------------------------------------------------------------------------------


def test_injection_leaves_every_row_of_the_tape(injected: InjectedIcebergs) -> None:
    """Without the injected rows the tape is what it was, flags and all."""
    tape = simulate_icebergs(QUIET, seed=5).events
    for name in DTYPES:
        assert np.array_equal(getattr(tape, name), getattr(injected.events, name)[~injected.injected])
    assert len(tape) + injected.injected.sum() == len(injected.events)


def test_injected_orders_replay_with_the_tape(injected: InjectedIcebergs) -> None:
    """The book of all rows is the tape's own and the injected orders that still rest."""
    tape = simulate_icebergs(QUIET, seed=5)
    own = {(o.order_id, int(o.side), o.price, o.size) for o in tape.resting}
    both = orders_of(book_of(injected.events))
    assert own <= both
    live = {i.order_ids[-1] for i in injected.truth.icebergs if i.state == "live"}
    assert {order for order, *_ in both - own} <= live
    assert (np.diff(injected.events.ts_event) >= 0).all()


def test_injected_orders_stand_in_line(injected: InjectedIcebergs) -> None:
    """An injected fill comes with a fill of the tape at its price or a worse one, of an order that came later."""
    rows = OrderTape().update(injected.events)
    mine = np.isin(rows.order_id, list(injected.truth.orders))
    arrived: dict[int, int] = {}
    checked = 0
    for i in range(len(rows)):
        order = int(rows.order_id[i])
        if rows.kind[i] in (Action.ADD, Action.MODIFY):
            arrived[order] = i
        if not (mine[i] and rows.kind[i] == Action.FILL):
            continue
        with_it = np.flatnonzero((rows.event == rows.event[i]) & ~mine & (rows.kind == Action.FILL))
        worse = (rows.price[i] - rows.price[with_it]) * rows.side[i]
        came = np.array([arrived[other] for other in rows.order_id[with_it].tolist()])
        assert ((worse > 0) | ((worse == 0) & (came > arrived[order]))).any()
        checked += 1
    assert checked > 100


def test_injected_icebergs_add_up(injected: InjectedIcebergs) -> None:
    """As many as asked for, and their orders trade what they do."""
    truth = injected.truth
    assert (60, 60) == (len(truth.of("native")), len(truth.of("synthetic")))
    for iceberg in truth.icebergs:
        assert iceberg.executed == sum(truth.orders[order].executed for order in iceberg.order_ids) <= iceberg.total
    fills = injected.events.action[injected.injected] == Action.FILL
    assert truth.base.iceberg_lots == injected.events.size[injected.injected][fills].sum()


def test_recall_of_same_id_injection_is_one(injected: InjectedIcebergs) -> None:
    """Refills under the same id are all found by the rule of the venue, and nothing else is."""
    scores = score_icebergs(icebergs_native(injected.events), injected.truth, kinds=("native",))
    assert (1.0, 1.0, 1.0, 1.0) == (
        scores.link_precision,
        scores.link_recall,
        scores.parent_recall,
        scores.volume_recall,
    )
    assert scores.found_links > 50


def test_a_snapshot_ends_injected_icebergs() -> None:
    """A venue that begins anew has forgotten them: no row of theirs comes after it."""
    first = simulate_icebergs(QUIET, seed=5).events
    again = {name: np.concatenate((getattr(first, name), getattr(first, name))) for name in DTYPES}
    again["ts_event"] = again["ts_event"].copy()
    again["ts_event"][len(first) :] += QUIET.seconds * 10**9
    again["order_id"] = again["order_id"].copy()
    again["order_id"][len(first) :] += 10**6
    twice = ob.Events("ICEBERGS", price_exponent=-2, **again)
    truth = inject_icebergs(twice, seed=2, native=60, synthetic=60).truth
    border = int(twice.ts_event[len(first)])
    before = [iceberg for iceberg in truth.icebergs if iceberg.begun < border]
    assert len(before) > 20
    assert all(iceberg.ended is not None and iceberg.ended <= border for iceberg in before)


def test_injection_needs_fills() -> None:
    """A tape without fills of its own orders cannot say when an injected one would have traded."""
    tape = ob.Events.from_events([ob.OrderAdd(order_id=1, side=ob.Side.BID, price=5, size=1, ts_event=1)])
    with pytest.raises(UsageError, match=r"no order of the tape is added and filled \(A, then F\)"):
        inject_icebergs(tape)
    with pytest.raises(UsageError, match="lot is at least 1, not 0"):
        inject_icebergs(tape, lot=0)


def test_a_hand_made_injection() -> None:
    """An order that the tape fills after the injected one arrived lets as much of it trade, and more goes through."""
    tape = [
        ob.OrderAdd(order_id=1, side=ob.Side.BID, price=10, size=4, ts_event=1),
        ob.OrderAdd(order_id=2, side=ob.Side.BID, price=10, size=3, ts_event=2),
        ob.OrderExecute(order_id=1, size=4, ts_event=3),
        ob.OrderAdd(order_id=3, side=ob.Side.BID, price=9, size=100, ts_event=4),
        ob.OrderExecute(order_id=2, size=3, ts_event=5),
        ob.OrderExecute(order_id=3, size=90, ts_event=6),
    ]
    params = IcebergMarket(peaks=(5,), tranches=(3, 3), random_peaks=0)
    seed = next(seed for seed in range(99) if Draw(seed).below(3) == 0)  # it arrives behind order 1
    out = inject_icebergs(ob.Events.from_events(tape), seed, native=1, synthetic=0, params=params)
    mine = [
        (chr(out.events.action[i]), int(out.events.size[i]), int(out.events.ts_event[i]))
        for i in np.flatnonzero(out.injected)
    ]
    # Order 1 stood before it; of order 2 as much trades, and takers who reach order 3 take all that is left at once.
    assert [("A", 5, 1), ("F", 3, 5), ("C", 3, 5), ("F", 12, 6), ("C", 2, 6)] == mine
    (iceberg,) = out.truth.icebergs
    assert (15, 15, "filled", 1, True) == (
        iceberg.total,
        iceberg.executed,
        iceberg.state,
        iceberg.tranches,
        iceberg.revealed,
    )


def test_injection_follows_replaced_orders() -> None:
    """An order that took another's place is filled: it came later than the injected one, on the side of the first."""
    tape = [
        ob.OrderAdd(order_id=1, side=ob.Side.BID, price=10, size=4, ts_event=1),
        ob.OrderAdd(order_id=2, side=ob.Side.BID, price=9, size=4, ts_event=2),
        ob.OrderExecute(order_id=1, size=1, ts_event=3),
        ob.OrderReplace(order_id=2, new_id=5, price=10, size=7, ts_event=4),
        ob.OrderExecute(order_id=5, size=7, ts_event=5),
    ]
    params = IcebergMarket(peaks=(5,), tranches=(3, 3), random_peaks=0)
    out = inject_icebergs(ob.Events.from_events(tape), native=1, synthetic=0, params=params)
    (iceberg,) = out.truth.icebergs
    assert (5, 2) == (iceberg.executed, iceberg.tranches)


# -- placebos ---------------------------------------------------------------------------------------------------------


def test_permuted_sizes_keep_all_but_the_pairing(busy: SimulatedIcebergs) -> None:
    """The same times, orders and sizes of a level, a book that can be rebuilt, and prints that fit the fills."""
    placebo = permuted_sizes(busy.events, seed=1)
    for name in set(DTYPES) - {"size"}:
        assert np.array_equal(getattr(busy.events, name), getattr(placebo, name))
    adds = busy.events.action == Action.ADD
    keys = [busy.events.side[adds], busy.events.price[adds]]
    before = sorted(zip(*keys, busy.events.size[adds], strict=True))
    assert before == sorted(zip(*keys, placebo.size[adds], strict=True))
    assert (placebo.size[adds] != busy.events.size[adds]).mean() > 0.4
    assert {order[:3] for order in orders_of(book_of(busy.events))} == {
        order[:3] for order in orders_of(book_of(placebo))
    }
    assert hidden_of(busy.events) == hidden_of(placebo)


def hidden_of(events: ob.Events) -> int:
    """What was printed and not filled."""
    return int(events.size[events.action == Action.TRADE].sum() - events.size[events.action == Action.FILL].sum())


def test_a_tape_without_orders_has_no_placebo() -> None:
    """Nothing to permute is no error."""
    tape = ob.Events.from_events([ob.Clear()])
    assert permuted_sizes(tape) == tape
    assert [] == window_links(tape, dt=1)


def test_far_windows_hold_no_true_link(busy: SimulatedIcebergs) -> None:
    """Near windows find most true links of fixed peaks, far ones only chance."""
    near = score_icebergs(window_links(busy.events, dt=200_000_000), busy.truth, kinds=("synthetic",))
    far = score_icebergs(window_links(busy.events, dt=200_000_000, shift=10**9), busy.truth, kinds=("synthetic",))
    assert near.found_links > 100
    assert 0 == far.right_links
    assert far.links > 0


def test_long_chains_are_worth_more_than_chance(busy: SimulatedIcebergs) -> None:
    """What chains name is far richer in icebergs than the market, and the placebo has next to none."""
    setting = {"dt": 50_000_000, "min_chain": 6}
    scores = score_icebergs(icebergs_synthetic(busy.events, **setting), busy.truth, kinds=("synthetic",))
    base = busy.truth.base
    assert scores.chains > 5
    assert scores.volume_precision is not None
    assert scores.volume_precision > 2 * base.iceberg_lots / base.lots
    assert len(icebergs_synthetic(permuted_sizes(busy.events), **setting)) < scores.chains / 3


def test_native_detection_is_exact(busy: SimulatedIcebergs) -> None:
    """Among makers, amendments and icebergs of other kinds nothing but refills is found, and all of them."""
    scores = score_icebergs(icebergs_native(busy.events), busy.truth, kinds=("native",))
    ratios = (scores.link_precision, scores.link_recall, scores.chain_right, scores.parent_recall)
    assert (1.0, 1.0, 1.0, 1.0) == ratios
    assert scores.volume_precision == 1.0


def test_window_links_use_each_execution_once() -> None:
    """Side, price and size are equal, the window is half open, and the latest execution is taken."""
    add = {"side": ob.Side.BID, "price": 10, "size": 5}
    tape = [
        ob.OrderAdd(order_id=1, ts_event=0, **add),
        ob.OrderAdd(order_id=2, ts_event=0, **add),
        ob.OrderExecute(order_id=1, size=5, ts_event=100),
        ob.OrderExecute(order_id=2, size=5, ts_event=150),
        ob.OrderAdd(order_id=3, ts_event=199, **add),
        ob.OrderAdd(order_id=4, ts_event=200, **add),
    ]
    events = ob.Events.from_events(tape)
    assert [(2, 3)] == [link.order_ids for link in window_links(events, dt=100)]
    assert [(2, 3), (1, 4)] == [link.order_ids for link in window_links(events, dt=101)]
    assert [(1, 3), (2, 4)] == [link.order_ids for link in window_links(events, dt=100, shift=50)]
    assert [] == window_links(events, dt=101, min_clip=6)
    with pytest.raises(ValueError, match="dt is positive and shift not negative, not 0 and 0"):
        window_links(events, dt=0)


# -- scores -----------------------------------------------------------------------------------------------------------

MS = 1_000_000


def true_iceberg(first: int, orders: tuple[int, ...], kind: Any = "synthetic", **fields: Any) -> TrueIceberg:
    """One with clips of 10."""
    given = {
        "side": 1,
        "price": 100,
        "total": 10 * len(orders),
        "executed": 10 * len(orders),
        "tranches": len(orders),
        "peak": 10,
        "random": False,
        "latency": MS,
        "state": "filled",
        "begun": 0,
        "ended": 100,
        "revealed": len(orders) > 1,
    }
    return TrueIceberg(iceberg_id=first, kind=kind, order_ids=orders, **(given | fields))


@pytest.fixture
def truth() -> IcebergTruth:
    """Icebergs 1-2-3 and 4-5, a native one 6 with two refills, 7 that showed once, and a maker's quotes 8-9."""
    links = (
        TrueLink(1, 2, "synthetic", 5, 2 * MS, 10, False),
        TrueLink(2, 3, "synthetic", 6, 30 * MS, 10, True),
        TrueLink(4, 5, "synthetic", 7, 2 * MS, 10, False),
        TrueLink(6, 6, "native", 8, 0, 10, False),
        TrueLink(6, 6, "native", 9, 0, 10, False),
    )
    icebergs = (
        true_iceberg(1, (1, 2, 3)),
        true_iceberg(4, (4, 5), price=101),
        true_iceberg(6, (6,), "native", tranches=3, executed=30, total=30, revealed=True),
        true_iceberg(7, (7,)),
    )
    owners = {1: 1, 2: 1, 3: 1, 4: 4, 5: 4, 6: 6, 7: 7}
    orders = {n: TrueOrder(n, owner, "native" if n == 6 else "synthetic", 10, 10) for n, owner in owners.items()}
    orders[6] = orders[6]._replace(executed=30)
    maker_links = (TrueLink(8, 9, "maker", 9, MS, 10, False),)
    return IcebergTruth(icebergs, links, maker_links, orders, BaseRates(20, 7, 2, 15, 150, 90))


def said(*links: tuple[int, int], orders: tuple[int, ...] | None = None, executed: float = 20) -> SimpleNamespace:
    """A detected iceberg."""
    ids = orders or tuple(dict.fromkeys(order for link in links for order in link))
    return SimpleNamespace(order_ids=ids, links=links, executed=executed)


def test_scores_are_what_one_counts(truth: IcebergTruth) -> None:
    """One right link, one wrong one, a maker's, and a refill said once."""
    detected = [said((1, 2), (2, 50), executed=30), said((8, 9)), said((6, 6), executed=30)]
    scores = score_icebergs(detected, truth)
    assert (4, 2, 5, 2) == (scores.links, scores.right_links, scores.true_links, scores.found_links)
    assert (0.5, 0.4) == (scores.link_precision, scores.link_recall)
    assert (4, 2, 0.5) == (scores.clear_links, scores.found_clear_links, scores.clear_link_recall)
    assert (1, 0.5) == (scores.maker_links, scores.maker_share)
    assert (1 / 3, 2 / 3) == (scores.chain_right, scores.chain_mostly)
    assert (3, 2) == (scores.parents, scores.found_parents)
    assert (80.0, 20.0 + 30.0) == (scores.volume, scores.right_volume)
    assert (80.0, 50.0) == (scores.true_volume, scores.found_volume)
    assert (0.625, 0.625) == (scores.volume_precision, scores.volume_recall)


def test_recall_counts_only_the_kinds_asked_for(truth: IcebergTruth) -> None:
    """A right link of another kind stays right, but nobody asked for it."""
    scores = score_icebergs([said((6, 6))], truth, kinds=("synthetic",))
    assert (1.0, 0.0, 3, 0.0) == (scores.link_precision, scores.link_recall, scores.true_links, scores.parent_recall)


def test_parents_by_their_displays(truth: IcebergTruth) -> None:
    """From three displays, from one, and by a fill beyond the display without any link."""
    detected = [said((4, 5)), said(orders=(7,))]
    assert (2, 0) == counts(score_icebergs(detected, truth, min_tranches=3))
    assert (3, 1) == counts(score_icebergs(detected, truth, min_tranches=2))
    assert (4, 2) == counts(score_icebergs(detected, truth, min_tranches=1))
    with pytest.raises(ValueError, match="min_tranches is at least 1, not 0"):
        score_icebergs([], truth, min_tranches=0)


def test_a_chain_without_links_is_right_by_its_order(truth: IcebergTruth) -> None:
    """What was found by a fill beyond the display alone has nothing but an order to be right about."""
    scores = score_icebergs([said(orders=(7,)), said(orders=(8,))], truth)
    assert (0, 2, 1, None) == (scores.links, scores.chains, scores.right_chains, scores.link_precision)


def counts(scores: Any) -> tuple[int, int]:
    """Parents and those found."""
    return scores.parents, scores.found_parents


def test_recall_by_latency_peak_and_tranches(truth: IcebergTruth) -> None:
    """Each true one is in one bucket."""
    scores = score_icebergs([said((1, 2)), said((6, 6), (6, 6))], truth)
    assert [(0, 2, 2), (MS, 2, 1), (20 * MS, 1, 0)] == [bucket for bucket in scores.by_latency if bucket.true]
    assert [(10, 3, 2)] == [bucket for bucket in scores.by_peak if bucket.true]
    assert [(2, 1, 0), (3, 2, 2)] == [bucket for bucket in scores.by_tranches if bucket.true]
    assert scores.by_tranches[-1].recall is None


def test_nothing_said_is_no_precision(truth: IcebergTruth) -> None:
    """A ratio without a denominator is None, never 0."""
    scores = score_icebergs([], truth)
    nothing = (scores.link_precision, scores.chain_right, scores.volume_precision, scores.maker_share)
    assert (None, None, None, None) == nothing
    assert (0.0, 0.0) == (scores.link_recall, scores.volume_recall)


def test_volume_in_sizes_of_the_detections(truth: IcebergTruth) -> None:
    """A tape in hundredths: lots are turned into sizes."""
    scores = score_icebergs([said((4, 5), executed=0.2)], truth, size_scale=0.01)
    assert 1.0 == pytest.approx(scores.volume_precision)
    assert 0.25 == pytest.approx(scores.volume_recall)


def test_the_truth_scores_one(busy: SimulatedIcebergs) -> None:
    """A detector that knows everything is right in everything."""
    truth = busy.truth
    by_parent: dict[int, list[tuple[int, int]]] = {iceberg.iceberg_id: [] for iceberg in truth.icebergs}
    for link in truth.links:
        by_parent[truth.orders[link.order_id].iceberg_id].append((link.prev_id, link.order_id))
    detected = [said(*by_parent[i.iceberg_id], orders=i.order_ids, executed=i.executed) for i in truth.icebergs]
    scores = score_icebergs(detected, truth, min_tranches=1)
    ratios = (scores.link_precision, scores.link_recall, scores.parent_recall, scores.chain_mostly)
    assert (1.0, 1.0, 1.0, 1.0) == ratios
    assert (1.0, 1.0) == (scores.volume_precision, scores.volume_recall)


def test_candidates_point_at_a_price_and_a_time(truth: IcebergTruth) -> None:
    """Right while an iceberg is live there, or shortly after; wrong elsewhere, before, and later."""
    at = [(1, 1.0, 50), (1, 1.0, 150), (-1, 1.0, 50), (1, 1.01, 99), (1, 1.02, 50), (1, 1.0, 10**10)]
    given = [SimpleNamespace(side=side, price=price, known_at=ts) for side, price, ts in at]
    scores = score_candidates(given, truth)
    assert (6, 3, 3, 3) == scores
    assert (0.5, 1.0) == (scores.precision, scores.recall)
    assert (6, 2, 2, 2) == score_candidates(given, truth, kinds=("synthetic",), grace=0)
