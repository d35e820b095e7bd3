"""The order-level detectors on real tapes, end to end: what they say where a venue has no native icebergs."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import orderbook as ob
from orderbook.analytics.icebergs.hidden import HiddenPrints
from orderbook.analytics.icebergs.native import NativeIcebergs
from orderbook.analytics.icebergs.near_far import near_far_excess
from orderbook.analytics.icebergs.same_event import SameEventIcebergs
from orderbook.analytics.icebergs.screen import L2IcebergScreen
from orderbook.analytics.icebergs.synthetic import SyntheticIcebergs

Files = Callable[[str], Path]

MS = 1_000_000
COLUMNS = ("ts_event", "ts_recv", "action", "side", "flags", "price", "size", "order_id", "sequence")
ANY_SIZE = 1e-8

pytestmark = pytest.mark.xdist_group("bitstamp_orders")


def pieces_of(events: ob.Events, count: int) -> list[ob.Events]:
    """About as many pieces of whole messages."""
    ends = np.flatnonzero(events.flags & int(ob.Flag.LAST)) + 1
    cuts = [0, *ends[np.linspace(0, len(ends) - 1, count + 1).astype(int)[1:]].tolist()]
    exponents = {"price_exponent": events.price_exponent, "size_exponent": events.size_exponent}
    return [
        ob.Events(events.symbol, **{name: getattr(events, name)[a:b] for name in COLUMNS}, **exponents)
        for a, b in itertools.pairwise(cuts)
    ]


def found_by(make: Callable[[], Any], events: ob.Events, count: int = 3) -> list[Any]:
    """What a detector says of a tape: in pieces the same, and never known before its row."""
    whole, pieces = make(), make()
    found: list[Any] = whole.update(events)
    assert found == [one for piece in pieces_of(events, count) for one in pieces.update(piece)]
    assert all(one.known_at >= int(events.ts_event[one.row]) for one in found)
    return found


def test_a_venue_with_new_ids_has_no_native_icebergs(bitstamp_tape: ob.Events) -> None:
    """None of 284 fills exceeds the display of its order, and none brings it back."""
    assert 284 == np.count_nonzero(bitstamp_tape.action == int(ob.Action.FILL))
    for event_by in ("message", "time"):
        assert [] == found_by(functools.partial(NativeIcebergs, event_by=event_by), bitstamp_tape)


def test_a_clock_of_milliseconds_joins_what_is_unrelated(bitstamp_tape: ob.Events) -> None:
    """By message nothing comes in the event of a fill; by time an order of a third of the size does, as documented."""
    assert [] == found_by(SameEventIcebergs, bitstamp_tape)
    [link] = found_by(functools.partial(SameEventIcebergs, event_by="time"), bitstamp_tape)
    assert link.shown_before > 3 * link.shown_after > 0
    assert "clip" not in [fact.name for fact in link.evidence]


def test_trades_are_against_what_is_displayed(bitstamp_tape: ob.Events) -> None:
    """No trade has more than its level shows, not even where the order came in the same millisecond."""
    for event_by in ("message", "time"):
        assert [] == found_by(functools.partial(HiddenPrints, event_by=event_by), bitstamp_tape)


def test_equal_orders_come_back_after_fills_at_human_speed(bitstamp_tape: ob.Events) -> None:
    """None within 5 ms, eight times as many near as far within 300 ms, and no chain of three: makers, or chance."""
    fast, slow = near_far_excess(bitstamp_tape, [5 * MS, 300 * MS], min_clip=ANY_SIZE)
    assert (0, 8, 1) == (fast.near_equal, slow.near_equal, slow.far_equal)
    assert fast.spent == slow.spent == 156
    for match in ("greedy", "optimal"):
        pairs = functools.partial(SyntheticIcebergs, dt=300 * MS, min_clip=ANY_SIZE, min_chain=2, match=match)
        links = found_by(pairs, bitstamp_tape)
        latencies = [link.evidence[0].value for link in links]
        assert 9 == len(links), match
        assert min(latencies) > 25 * MS
        assert all(0 <= link.confidence < 1 for link in links)
        assert [] == found_by(functools.partial(pairs, min_chain=3), bitstamp_tape)


def test_the_screen_finds_nothing_among_few_trades(bitstamp_tape: ob.Events) -> None:
    """284 trades in half an hour at ever new prices: hardly any level trades twice, none beyond its display."""
    assert [] == found_by(L2IcebergScreen, bitstamp_tape)
    assert [] == found_by(functools.partial(L2IcebergScreen, sequenced=True, event_by="time"), bitstamp_tape)


def test_a_tape_without_fills_says_nothing(bitfinex_tape: ob.Events) -> None:
    """62,977 changes and 37,021 cancels without a trade: what grows is amended, what goes is not known to be filled."""
    actions = [np.count_nonzero(bitfinex_tape.action == int(code)) for code in (ob.Action.MODIFY, ob.Action.CANCEL)]
    assert ([62_977, 37_021], 0) == (actions, np.count_nonzero(bitfinex_tape.action == int(ob.Action.FILL)))
    for make in (
        NativeIcebergs,
        SameEventIcebergs,
        HiddenPrints,
        L2IcebergScreen,
        functools.partial(SyntheticIcebergs, dt=5 * MS, min_clip=ANY_SIZE, min_chain=2),
    ):
        assert [] == make().update(bitfinex_tape)
    [found] = near_far_excess(bitfinex_tape, [5 * MS], min_clip=ANY_SIZE)
    assert (0, None) == (found.spent, found.excess)
