"""Links by size and time, how much of them is chance, and screens of levels."""

from __future__ import annotations

import dataclasses
import itertools
import math
import random
from typing import Any, Literal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import orderbook as ob
from orderbook.analytics.icebergs._rates import MOST, LevelRates, SizeCounts
from orderbook.analytics.icebergs.heuristics import large_vs_neighbours, ratio_screen, upward_changes
from orderbook.analytics.icebergs.matching import best_assignment
from orderbook.analytics.icebergs.near_far import NearFar, calibrate_dt, near_far_excess
from orderbook.analytics.icebergs.screen import L2IcebergScreen, iceberg_screen_l2, replenishment
from orderbook.analytics.icebergs.synthetic import SyntheticIcebergs, chance_level, icebergs_synthetic
from orderbook.analytics.tape import trades_of
from orderbook.testing.icebergs import IcebergMarket, simulate_icebergs

MS = 1_000_000
BID, ASK = ob.Side.BID, ob.Side.ASK


def added(order: int, ms: float, size: int = 5, price: int = 100, side: ob.Side = BID) -> ob.OrderAdd:
    """A new order."""
    return ob.OrderAdd(order_id=order, side=side, price=price, size=size, ts_event=round(ms * MS))


def filled(order: int, ms: float, size: int = 5) -> ob.OrderExecute:
    """An execution."""
    return ob.OrderExecute(order_id=order, size=size, ts_event=round(ms * MS))


def links(events: list[Any], **options: Any) -> list[tuple[int, int]]:
    """The links found, in pairs of ids."""
    icebergs = SyntheticIcebergs(**{"dt": 5 * MS, "min_chain": 2} | options)
    found = icebergs.update(ob.Events.from_events(events)) + icebergs.flush()
    return [(link.prev_id, link.order_id) for link in found]


# -- chance ------------------------------------------------------------------------------------------------------------


def test_chance_levels() -> None:
    """Unrelated orders of the size at 2 a second: the worked numbers, and the k-th power for a chain of k links."""
    levels = [chance_level(2.0, round(ms * MS)) for ms in (300, 50, 5, 1)]
    np.testing.assert_allclose(levels, [0.4512, 0.0952, 0.00995, 0.0020], atol=5e-5)
    assert math.isclose(levels[0] ** 3, chance_level(2.0, 300 * MS, links=3))
    assert 0.0 == chance_level(0.0, MS)
    with pytest.raises(ValueError, match="rate is not negative, unlike -1"):
        chance_level(-1, MS)


def test_near_and_far() -> None:
    """0.30 against 0.22: an excess of 0.267; undefined is None."""
    found = NearFar(MS, 9, 30, 100, 22, 100)
    assert (0.267, 1.29) == (round(found.excess or 0, 3), round(found.z or 0, 3))
    assert (None, None, None) == (
        NearFar(MS, 0, 0, 0, 0, 0).near,
        NearFar(MS, 9, 0, 5, 1, 5).excess,
        NearFar(MS, 0, 0, 0, 1, 1).z,
    )
    assert None is NearFar(MS, 9, 5, 5, 5, 5).z, "no variance"
    assert (NearFar(MS, 9, 1, 5, 2, 5).excess or 0) < 0


def test_near_far_counts_equal_orders_after_full_executions() -> None:
    """In the window but not in the event, at the price and side; far is as long, and later."""
    events = [added(1, 0), added(2, 0, 7), filled(1, 10), added(3, 10), added(4, 12), added(5, 13, 6), added(6, 15)]
    events += [added(7, 12, side=ASK), added(8, 12, price=99), added(9, 1011), added(10, 1011, 9), added(11, 1015)]
    [found] = near_far_excess(ob.Events.from_events(events), [5 * MS], event_by="time")
    assert NearFar(5 * MS, 1, 1, 2, 1, 2) == found
    [found] = near_far_excess(ob.Events.from_events(events), [5 * MS], min_clip=6)
    assert 0 == found.spent
    with pytest.raises(ValueError, match="far is at least as long as every dt"):
        near_far_excess(ob.Events.from_events(events), [5 * MS], far=MS)


def test_near_far_looks_at_what_a_loop_would_look_at() -> None:
    """Against the obvious loop, on a random tape with few sizes and prices."""
    rng = random.Random(5)
    events, live, ms = [], [], 0.0
    births, deaths = [], []
    for order in range(1, 400):
        ms += rng.choice((0.5, 1, 3, 40))
        size, price = rng.randint(1, 3), rng.randint(100, 101)
        events.append(added(order, ms, size, price))
        births.append((ms, size, price))
        live.append((order, size, price))
        if rng.random() < 0.8:
            ms += 0.25
            gone = live.pop(rng.randrange(len(live)))
            events.append(filled(gone[0], ms, gone[1]))
            deaths.append((ms, gone[1], gone[2]))
    [found] = near_far_excess(ob.Events.from_events(events), [5 * MS], far=100 * MS)
    counts = [0, 0, 0, 0]
    for (when, size, price), (start, at) in itertools.product(deaths, ((0, 0), (100, 2))):
        for came, other, where in births:
            if size >= 2 and price == where and when + start <= came < when + start + 5:
                counts[at] += size == other
                counts[at + 1] += 1
    assert counts == [found.near_equal, found.near_adds, found.far_equal, found.far_adds]
    assert min(counts) > 5


def test_dt_is_the_longest_that_finds_more_than_chance() -> None:
    """Reposts after 2 ms among chance; on a tape without any there is no such dt."""
    rng = random.Random(3)

    def market(repost: bool) -> ob.Events:
        events: list[tuple[float, Any]] = []
        for number in range(600):
            start, order, size = 20.0 * number, 3 * number + 1, rng.choice((2, 3, 5, 7))
            events.append((start, added(order, start, size)))
            events.append((start + 1, filled(order, start + 1, size)))
            if repost and number % 2:
                events.append((start + 3, added(order + 1, start + 3, size)))
            for extra in range(2):
                when = start + rng.uniform(1.5, 19)
                events.append((when, added(10_000 + 2 * number + extra, when, rng.choice((2, 3, 5, 7)))))
        return ob.Events.from_events(event for _, event in sorted(events, key=lambda item: item[0]))

    dts = [MS, 4 * MS, 19 * MS]
    found = calibrate_dt(market(True), dts)
    assert found is not None and found.dt == 4 * MS
    assert calibrate_dt(market(False), dts) is None
    with pytest.raises(ValueError, match="min_excess is a share above 0, at most 1, not 0"):
        calibrate_dt(market(False), dts, min_excess=0)


# -- links -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("second", "options", "expected"),
    [
        (added(2, 12), {}, [(1, 2)]),
        (added(2, 15), {}, []),
        (added(2, 14.9), {}, [(1, 2)]),
        (added(2, 10), {"event_by": "time"}, []),
        (added(2, 12, 4), {}, []),
        (added(2, 12, 4), {"size_tol": 0.2}, [(1, 2)]),
        (added(2, 12, price=99), {}, []),
        (added(2, 12, side=ASK), {}, []),
        (added(2, 12), {"min_clip": 6}, []),
        (added(2, 12), {"min_chain": 3}, []),
    ],
    ids="link late in_time same_event size tolerance price side clip chain".split(),
)
@pytest.mark.parametrize("match", ["greedy", "optimal"])
def test_what_is_a_link(second: ob.OrderAdd, options: dict[str, Any], expected: list[Any], match: str) -> None:
    """Same side, price and size, less than dt after the full execution, in another event."""
    assert expected == links([added(1, 0), filled(1, 10), second], match=match, **options)


def test_cancelled_and_refilled_orders_are_not_followed() -> None:
    """Only an order that was executed to the end, and stayed away."""
    assert [] == links([added(1, 0), ob.OrderCancel(order_id=1, ts_event=10 * MS), added(2, 11)])
    assert [] == links([added(1, 0), filled(1, 10, 4), added(2, 11)])
    refilled = [added(1, 0), filled(1, 10), ob.OrderModify(order_id=1, size=5, ts_event=10 * MS), added(2, 11)]
    assert [] == links(refilled, event_by="time")


def test_chains_are_told_when_they_are_long_enough() -> None:
    """The first link of three orders is known with the second; and what is said of the chain adds up."""
    steps = [added(1, 0), filled(1, 1), added(2, 2), filled(2, 10), added(3, 11, 5), filled(3, 20), added(4, 21, 2)]
    icebergs = SyntheticIcebergs(dt=5 * MS)
    found = icebergs.update(ob.Events.from_events(steps))
    found += icebergs.update(ob.Events.from_events([added(9, 26, 9, 99)]))
    assert [(1, 2, 11 * MS), (2, 3, 11 * MS), (3, 4, 25 * MS)] == [
        (link.prev_id, link.order_id, link.known_at) for link in found
    ], "the last one when its window is over"
    assert "remainder" in [item.name for item in found[2].evidence], "a smaller one may end a chain"
    [chain] = icebergs.icebergs
    assert (15, 2, 12, 5, "live") == (
        chain.executed,
        chain.displayed,
        chain.hidden_revealed,
        chain.peak.size,
        chain.state,
    )
    assert (11 * MS, (1, 2, 3, 4)) == (chain.known_at, chain.order_ids)
    more = ob.Events.from_events([filled(4, 27, 2), added(5, 28, 2), added(6, 40)])
    assert [] == icebergs.update(more), "nothing follows a remainder"
    assert ["filled"] == [one.state for one in icebergs.finished()]
    assert [] == icebergs.icebergs


CLIPS = [added(1, 0), filled(1, 1), added(2, 2), filled(2, 10), added(3, 11), filled(3, 20)]


def test_a_smaller_order_is_no_last_clip_if_an_equal_one_comes() -> None:
    """Single lots come all the time: the next clip that comes in the same window is the one that follows."""
    steps = [*CLIPS, added(4, 20.1, 1), added(5, 22)]
    assert [(1, 2), (2, 3), (3, 5)] == links(steps, min_chain=3)
    assert [(1, 2), (2, 3), (3, 4)] == links([*steps[:-1], added(5, 26)], min_chain=3)
    assert [(1, 2), (2, 3), (3, 4)] == links([*steps[:-1], added(5, 21, 1)], min_chain=3), "the first smaller one"


@pytest.mark.parametrize("match", ["greedy", "optimal"])
def test_a_last_clip_is_used_once(match: str) -> None:
    """One that was filled and followed by its equal is no last clip; one that was filled and not followed is."""
    followed = [*CLIPS, added(4, 20.5, 3), filled(4, 21, 3), added(5, 22, 3)]
    assert [(1, 2), (2, 3), (4, 5)] == links(followed, match=match)
    alone = [*CLIPS, added(4, 20.5, 3), filled(4, 21, 3), added(5, 40, 3)]
    icebergs = SyntheticIcebergs(dt=5 * MS, match=match)  # type: ignore[arg-type]
    icebergs.update(ob.Events.from_events(alone))
    icebergs.flush()
    assert [((1, 2, 3, 4), "filled")] == [(one.order_ids, one.state) for one in icebergs.finished()]


@pytest.mark.parametrize("match", ["greedy", "optimal"])
@pytest.mark.parametrize("size_tol", [0.0, 0.4])
def test_no_order_is_used_twice(match: Literal["greedy", "optimal"], size_tol: float) -> None:
    """On a busy tape every order follows one at most, is followed by one at most, and is in one chain."""
    events = simulate_icebergs(IcebergMarket(seconds=300), seed=5).events
    icebergs = SyntheticIcebergs(dt=50 * MS, match=match, size_tol=size_tol, min_chain=2)
    found = icebergs.update(events) + icebergs.flush()
    assert sum("remainder" in [fact.name for fact in link.evidence] for link in found) > 20
    assert len(found) == len({link.prev_id for link in found}) == len({link.order_id for link in found}) > 200
    orders = [order for one in icebergs.icebergs for order in one.order_ids]
    assert len(orders) == len(set(orders)) == len(found) + len(icebergs.icebergs)
    assert all(link.known_at >= int(events.ts_event[link.row]) for link in found)


def test_an_order_that_moved_is_no_last_clip() -> None:
    """At the end of the window it stands at another price."""
    moved = ob.OrderModify(order_id=4, price=99, size=2, ts_event=21 * MS)
    assert [(1, 2), (2, 3)] == links([*CLIPS, added(4, 20.5, 2), moved])


def test_a_clock_that_steps_back_makes_nothing_known_earlier() -> None:
    """A chain rests on all of its rows, also on those with a later time than its last."""
    steps = [added(1, 0), filled(1, 10), added(2, 12), filled(2, 5), added(3, 6)]
    icebergs = SyntheticIcebergs(dt=5 * MS)
    assert [12 * MS] * 2 == [link.known_at for link in icebergs.update(ob.Events.from_events(steps))]
    assert [12 * MS] == [one.known_at for one in icebergs.icebergs]


def test_without_times_nothing_follows() -> None:
    """Rows without a time are not at the same time."""
    steps = [added(1, 0), filled(1, 1), added(9, 1, 9), added(2, 2), filled(2, 3), added(3, 4)]
    events = ob.Events.from_events([dataclasses.replace(step, ts_event=None) for step in steps])
    icebergs = SyntheticIcebergs(dt=5 * MS, min_chain=2)
    assert [] == icebergs.update(events) + icebergs.flush()
    [found] = near_far_excess(events, [5 * MS])
    assert (0, 0, 0) == (found.spent, found.near_adds, found.far_adds)


def test_forgotten_sizes_were_seen_all_the_same() -> None:
    """Where nearly every size is another one, a new one stays rare when the table is full; memory is bounded."""
    sizes = SizeCounts()
    for size in range(3 * MOST):
        sizes.count(size)
        assert size < 100 or sizes.share(-1, 0.0) < 0.01
    assert MOST >= len(sizes._counts)


def test_prices_with_news_are_not_forgotten() -> None:
    """Of too many prices that goes which had nothing for the longest time, however long it has been known."""
    rates = LevelRates()
    for other in range(3 * MOST):
        rates.count((1, 0), other * 1_000)
        rates.count((1, 1 + other), other * 1_000)
    assert MOST == len(rates._counts)
    now = 3 * MOST * 1_000
    assert rates.rate((1, 0), now) > MOST * rates.rate((1, 1), now) > 0


def test_each_order_is_used_once_and_the_latest_first() -> None:
    """Two used-up orders, three that come: two links."""
    events = [added(1, 0), added(2, 0), filled(1, 10), filled(2, 11), added(3, 12), added(4, 12.5), added(5, 13)]
    assert [(2, 3), (1, 4)] == links(events)


def test_the_optimal_match_gives_up_a_link_for_a_better_total() -> None:
    """Greedily the first new order takes the nearest, and the second is left without; together both fit."""
    events = [added(1, 0, 10), added(2, 0, 12), filled(1, 10, 10), filled(2, 10, 12), added(3, 12, 11), added(4, 13, 9)]
    greedy = [added(5, 0, 10), filled(5, 10, 10)]
    assert [(2, 3), (1, 4)] == links(events, match="optimal", size_tol=0.15)
    assert [(5, 6)] == links([*greedy, added(6, 11, 10)], match="optimal")
    icebergs = SyntheticIcebergs(dt=5 * MS, min_chain=2, match="optimal")
    assert [] == icebergs.update(ob.Events.from_events([*greedy, added(6, 11, 10)])), "more may come"
    [link] = icebergs.update(ob.Events.from_events([added(7, 16, 3)]))
    assert (15 * MS, 6) == (link.known_at, link.order_id)


def test_confidence_falls_with_how_common_the_size_is() -> None:
    """137 among fives is evidence; a five is not; and no link is surer than the measured excess."""

    def confidence(size: int, **options: Any) -> float:
        rng = random.Random(1)
        noise = [added(100 + i, 10 * i, rng.choice((5, 5, 5, 6))) for i in range(300)]
        steps = [added(1, 3000.1, size), filled(1, 3001, size), added(2, 3002, size)]
        icebergs = SyntheticIcebergs(dt=5 * MS, min_chain=2, **options)
        [link] = icebergs.update(ob.Events.from_events([*noise, *steps]))
        return link.confidence

    assert confidence(137) > 0.99 > 0.6 > confidence(5)
    assert 0.25 == confidence(137, excess=0.25)


def test_batch_and_wrong_arguments() -> None:
    """The batch is in the order of discovery; options are refused by name."""
    steps = [item for i in range(4) for item in (added(i, 2 * i), filled(i, 2 * i + 1))]
    [found] = icebergs_synthetic(ob.Events.from_events(steps), 5 * MS)
    assert ((0, 1, 2, 3), "filled", ("synthetic",)) == (found.order_ids, found.state, found.rules)
    for options, message in [
        ({"match": "best"}, "match is 'greedy' or 'optimal', not 'best'"),
        ({"size_tol": 1}, "size_tol is a share from 0 to below 1, not 1"),
        ({"min_chain": 1}, "min_chain is at least 2 orders, not 1"),
        ({"min_clip": 0}, "min_clip is a number above 0, not 0"),
        ({"excess": 0}, "excess is a number above 0, not 0"),
        ({"dt": 0}, "dt is a time above 0, not 0"),
    ]:
        with pytest.raises(ValueError, match=message):
            SyntheticIcebergs(**{"dt": MS} | options)


@given(st.integers(0, 4), st.integers(0, 4), st.data())
def test_the_best_assignment_is_the_best(rows: int, columns: int, data: st.DataObject) -> None:
    """No other choice of pairs weighs more, by trying all."""
    weight = st.integers(-2, 9)
    weights = data.draw(st.lists(st.lists(weight, min_size=columns, max_size=columns), min_size=rows, max_size=rows))
    chosen = best_assignment(weights)
    assert len({i for i, _ in chosen}) == len({j for _, j in chosen}) == len(chosen)
    short, long = sorted((rows, columns))
    best = 0
    for way in itertools.permutations(range(long), short):
        pairs = [(i, j) if rows <= columns else (j, i) for i, j in enumerate(way)]
        best = max(best, sum(max(weights[i][j], 0) for i, j in pairs))
    assert best == sum(weights[i][j] for i, j in chosen)


# -- levels ------------------------------------------------------------------------------------------------------------


def l2(*steps: tuple[Any, ...]) -> ob.Events:
    """A book of 50 at 100 and 9 at 101; then ``("T", ms, size, price)`` sells and ``("D", ms, size, price)`` bids."""
    events: list[Any] = [ob.Snapshot(bids=[(100, 50)], asks=[(101, 9)], ts_event=0)]
    for kind, ms, size, *price in steps:
        at, ts = (price or [100])[0], round(ms * MS)
        if kind == "T":
            events.append(ob.Trade(price=at, size=size, side=ASK, ts_event=ts))
        else:
            events.append(ob.Delta(bids=[(at, size)], ts_event=ts))
    return ob.Events.from_events(events)


def test_net_replenishment() -> None:
    """Q0 50, V 85, Q1 40: 75, 0.882353 and 1.7; undefined without trades or display."""
    net, ratio, turnover = replenishment(50, 85, 40)
    assert (75, 0.882353, 1.7) == (net, round(ratio or 0, 6), turnover)
    assert (0, None, None) == replenishment(0, 0, 0)
    assert -5 == replenishment(10, 2, 3).net, "cancelled"


def test_the_screen_measures_brackets() -> None:
    """Trades between two looks at the level are one bracket; the numbers are those of the formula."""
    screen = L2IcebergScreen()
    assert [] == screen.update(l2(("T", 10, 45), ("T", 11, 40), ("D", 12, 40)))
    [found] = screen.candidates
    assert (75, 0.882353, 1.7) == (found.net_replenishment, round(found.ratio or 0, 6), found.turnover)
    assert (1, 1, False, 0.0, None) == (found.refills, found.brackets, found.candidate, found.score, found.variation)


def test_candidates_need_refills_and_scores_stay_below_one() -> None:
    """Known at the second refill; alike gains score higher than uneven ones; nothing is certain."""
    even = [step for i in range(1, 40) for step in (("T", 1000 * i, 30), ("D", 1000 * i + 1, 50))]
    screen = L2IcebergScreen()
    [found] = screen.update(l2(*even))
    assert (2001 * MS, 2) == (found.known_at, found.refills)
    [last] = screen.candidates
    assert (39, 1) == (last.refills, round(last.score, 6))
    assert last.score < 1
    uneven = [("T", 1000, 30), ("D", 1001, 50), ("T", 2000, 50), ("D", 2001, 10), ("T", 3000, 1), ("D", 3001, 10)]
    [worse] = iceberg_screen_l2(l2(*uneven), min_score=0.1)
    assert worse.score < screen.candidates[0].score


def test_a_level_that_grows_anyway_is_no_candidate() -> None:
    """The same refills where orders keep coming without trades."""
    refills = [("T", 1000.5, 30), ("D", 1001, 50), ("T", 2000.5, 30), ("D", 2001, 50)]
    grows = [("D", 2 * i, 50 + i % 2) for i in range(1, 1000)]
    assert 1 == len(iceberg_screen_l2(l2(*refills)))
    assert [] == iceberg_screen_l2(l2(*sorted([*refills, *grows], key=lambda step: step[1])))


@pytest.mark.parametrize("between", [[("D", 1500, 0), ("D", 2600, 50)], [("T", 1500, 1, 99)]], ids=["empty", "through"])
def test_levels_start_anew(between: list[tuple[Any, ...]]) -> None:
    """After it was empty for longer than dwell, or traded through, what was before does not count."""
    before, after = [("T", 1000, 30), ("D", 1001, 50)], [("T", 3000, 30), ("D", 3001, 50)]
    assert 1 == len(iceberg_screen_l2(l2(*before, *after)))
    assert [] == iceberg_screen_l2(l2(*before, *between, *after))


def test_exact_only_on_one_stream() -> None:
    """One event that trades more than was displayed; elsewhere that is late depth."""
    events = l2(("T", 10, 85), ("D", 11, 40))
    [found] = iceberg_screen_l2(events, sequenced=True)
    assert (True, 35, True) == (found.exact, found.beyond_display, found.candidate)
    assert [] == iceberg_screen_l2(events)
    apart = l2(("T", 10, 45), ("T", 11, 40), ("D", 12, 40))
    assert [] == iceberg_screen_l2(apart, sequenced=True), "two events"


def test_an_excess_is_not_exact_where_the_book_is_not_known() -> None:
    """Before any snapshot, after a gap, and at a price that a limited snapshot does not reach."""
    trade, book = ob.Trade(price=100, size=5, side=ASK, ts_event=2), ob.Delta(bids=[(99, 6)], ts_event=3)
    snapshot = ob.Snapshot(bids=[(99, 5)], asks=[(101, 9)], ts_event=1)
    for first, count in (
        ([ob.Delta(bids=[(99, 5)], ts_event=1)], 0),
        ([snapshot], 1),
        ([snapshot, ob.Disconnect()], 0),
        ([dataclasses.replace(snapshot, complete=False)], 0),
    ):
        found = iceberg_screen_l2(ob.Events.from_events([*first, trade, book]), sequenced=True)
        assert count == len(found), first


def test_what_comes_before_the_trade_of_an_event_is_displayed() -> None:
    """An order that came and traded in one event hides nothing; what comes after the trade does not count as shown."""
    book = ob.Snapshot(bids=[(100, 50)], asks=[(101, 9)], ts_event=0)
    came, trade = ob.Delta(bids=[(100, 85)], ts_event=10 * MS), ob.Trade(price=100, size=85, side=ASK, ts_event=10 * MS)
    gone = ob.Delta(bids=[(100, 0)], ts_event=10 * MS)
    for steps, count in (((came, trade, gone), 0), ((trade, came, gone), 1), ((trade, gone), 1)):
        events = ob.Events.from_events([book, *steps, ob.Delta(asks=[(101, 8)], ts_event=11 * MS)])
        assert count == len(iceberg_screen_l2(events, sequenced=True, event_by="time")), steps


def test_an_exact_excess_is_told_when_trades_go_through() -> None:
    """A taker who empties a level and more, and goes on: what was beyond the display is not forgotten."""
    through = [ob.Trade(price=99, size=5, side=ASK, ts_event=10 * MS), ob.Delta(bids=[(100, 0)], ts_event=11 * MS)]
    book = ob.Snapshot(bids=[(100, 50), (99, 20)], asks=[(101, 9)], ts_event=0)
    events = ob.Events.from_events([book, ob.Trade(price=100, size=85, side=ASK, ts_event=10 * MS), *through])
    [found] = iceberg_screen_l2(events, sequenced=True)
    assert (100.0, True, 35, 35, 1, 10 * MS) == (
        found.price,
        found.exact,
        found.beyond_display,
        found.net_replenishment,
        found.brackets,
        found.known_at,
    )
    assert [] == iceberg_screen_l2(events)


def test_snapshots_are_no_growth() -> None:
    """A book that is told anew again and again does not grow by that; nor does it matter that it has no time."""
    refills = [("T", 1000, 30), ("D", 1001, 50), ("T", 2000, 30), ("D", 2001, 50)]
    steps = [event for kind, ms, size in refills for event in (l2((kind, ms, size))[3:],)]
    again, untimed = l2(), ob.Events.from_events([ob.Snapshot(bids=[(100, 50)], asks=[(101, 9)])])
    scores = []
    for before in ([l2()], [again] * 50 + [l2()], [untimed]):
        screen = L2IcebergScreen()
        for piece in [*before, *steps]:
            screen.update(piece)
        scores.append(screen.candidates[0].score)
    assert scores[0] == scores[1] > 0.5
    assert scores[2] > 0.5


def test_trades_of_their_own() -> None:
    """A second stream is put in by time, and gives what one stream gives."""
    steps = [("T", 1000, 30), ("D", 1001, 50), ("T", 2000, 30), ("D", 2001, 50)]
    whole, depth = l2(*steps), l2(*(step for step in steps if step[0] == "D"))
    [one], [other] = iceberg_screen_l2(whole), iceberg_screen_l2(depth, trades_of(whole))
    assert (one.score, one.known_at, one.net_replenishment) == (other.score, other.known_at, other.net_replenishment)
    with pytest.raises(ValueError, match="trades of their own"):
        iceberg_screen_l2(depth, trades_of(whole), sequenced=True)


def test_settling_waits_for_late_depth() -> None:
    """Depth that comes in two messages after a trade: with a wait it is one bracket without a gain."""
    steps = [("T", 10, 30), ("D", 11, 7, 99), ("D", 15, 20)]
    found = []
    for screen in (L2IcebergScreen(), L2IcebergScreen(settle=3 * MS)):
        screen.update(l2(*steps))
        found.append(screen.candidates[0].net_replenishment)
    assert [30, 0] == found


def test_screen_refuses_wrong_arguments() -> None:
    """By name."""
    for options, message in [
        ({"settle": -1}, "settle is a time in ns"),
        ({"min_refills": 1}, "min_refills is at least 2, not 1"),
        ({"min_score": 1}, "min_score is a number from 0 to below 1, not 1"),
        ({"dwell": 0}, "dwell is a time above 0"),
    ]:
        with pytest.raises(ValueError, match=message):
            L2IcebergScreen(**options)  # type: ignore[arg-type]


def test_heuristics_do_what_their_names_say() -> None:
    """A large level, much executed against its display, and many changes upwards: each without any iceberg."""
    events = [ob.Snapshot(bids=[(100 - i, 60 if i == 2 else 5) for i in range(5)], asks=[(101, 9)], ts_event=1)]
    assert [(1, 98.0, 12.0)] == [(c.side, c.price, c.value) for c in large_vs_neighbours(ob.Events.from_events(events))]
    ordinary = [item for i in range(8) for item in (added(i, 2 * i), filled(i, 2 * i + 1))]
    trades = [ob.Trade(price=100, size=5, side=ASK, ts_event=(2 * i + 1) * MS) for i in range(8)]
    resting = [added(99, -1, 5)]
    stream = sorted([*resting, *ordinary, *trades], key=lambda event: event.ts_event)
    [found] = ratio_screen(ob.Events.from_events(stream))
    assert (1, 100.0) == (found.side, found.price)
    grows = [ob.Delta(bids=[(100, 1 + i)], ts_event=i * MS) for i in range(6)]
    assert [(4 * MS, 5.0)] == [(c.known_at, c.value) for c in upward_changes(ob.Events.from_events(grows))]
    assert [] == upward_changes(ob.Events.from_events(grows), window=3 * MS)
    for call, options in ((large_vs_neighbours, {"k": 0}), (ratio_screen, {"k": 0}), (upward_changes, {"changes": 0})):
        with pytest.raises(ValueError, match=r"k is a number above 0|changes is at least 1"):
            call(ob.Events.from_events([]), **options)  # type: ignore[operator]
