"""Icebergs that a venue's own messages prove: by hand, row by row, and in every cutting of a tape."""

from __future__ import annotations

import pickle
import re
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import orderbook as ob
from orderbook.analytics.icebergs.hidden import HiddenPrints
from orderbook.analytics.icebergs.native import NativeIcebergs, icebergs_native
from orderbook.analytics.icebergs.records import ICEBERG_MODES, Iceberg, PriceSegment
from orderbook.analytics.icebergs.same_event import SameEventIcebergs, icebergs_same_event
from orderbook.analytics.icebergs.screen import L2IcebergScreen
from orderbook.analytics.icebergs.synthetic import SyntheticIcebergs

UNDEF = 2**63 - 1
LAST, SNAPSHOT, PUBLISHER, BAD = 0x80, 0x20, 0x02, 0x04
TOKEN = re.compile(r"(?P<kind>[AMCFTRNSHX])(?P<id>\d*)(?::(?P<side>[BA])?(?P<price>\d+)?(?:x(?P<size>\d+))?)?$")


def tape(text: str, step: int = 1_000) -> ob.Events:
    """Messages between bars: ``A7:B100x5`` adds, ``F7:x5`` fills; S is a snapshot's A, H a hidden T, X a lost R."""
    rows = []
    for number, message in enumerate(text.split("|")):
        tokens = message.split()
        for token in tokens:
            rows.append((number, token is tokens[-1], *parsed(token)))
    times = [number * step for number, *_ in rows]
    return ob.Events(
        ts_event=times,
        ts_recv=times,
        action=[row[2] for row in rows],
        side=[row[3] for row in rows],
        flags=np.array([row[4] | (LAST if row[1] else 0) for row in rows], "u1"),
        price=[row[5] for row in rows],
        size=[row[6] for row in rows],
        order_id=np.array([row[7] for row in rows], "u8"),
        sequence=np.zeros(len(rows), "u8"),
    )


def parsed(token: str) -> tuple[int, int, int, int, int, int]:
    """Action, side, flags, price, size and id of a token."""
    found = TOKEN.match(token)
    assert found is not None, token
    kind, flags = {"S": ("A", SNAPSHOT), "H": ("T", PUBLISHER), "X": ("R", BAD)}.get(found["kind"], (found["kind"], 0))
    price = int(found["price"]) if found["price"] else UNDEF
    size = int(found["size"]) if found["size"] else UNDEF
    if kind == "R":
        price = size = 0
    return ord(kind), ord(found["side"] or "N"), flags, price, size, int(found["id"] or 0)


def only(icebergs: list[Iceberg]) -> Iceberg:
    """The one iceberg."""
    [iceberg] = icebergs
    return iceberg


# -- native ------------------------------------------------------------------------------------------------------------


def test_the_conservation_law() -> None:
    """D0 10, one fill event of 25, then display 10: H = 25, total >= 35; of that 15 traded while hidden."""
    found = only(icebergs_native(tape("A7:B100x10 | F7:x25 M7:B100x10")))
    assert (25, 35) == (found.hidden_revealed, found.total_at_least)
    assert (10, 25, 10, 0, 0) == (
        found.first_display,
        found.executed,
        found.displayed,
        found.cancelled,
        found.amended,
    )
    assert (15, 1, ((7, 7),), ("N1", "N2"), "live") == (
        found.hidden_executed,
        found.refills,
        found.links,
        found.rules,
        found.state,
    )


def test_hidden_revealed_does_not_depend_on_how_messages_are_cut() -> None:
    """The same iceberg told tranche by tranche, and summed up in one fill: H is one, a sum of excesses is not."""
    by_tranche = only(icebergs_native(tape("A7:B100x10 | F7:x10 M7:B100x10 | F7:x10 M7:B100x10 | F7:x5 M7:B100x10")))
    at_once = only(icebergs_native(tape("A7:B100x10 | F7:x25 M7:B100x10")))
    assert (25, 25) == (by_tranche.hidden_revealed, at_once.hidden_revealed)
    assert (0, 15) == (by_tranche.hidden_executed, at_once.hidden_executed)
    assert (3, 1) == (by_tranche.refills, at_once.refills)
    assert ("N2", "N3") == by_tranche.rules


def test_every_row_that_reveals_is_told_at_its_time() -> None:
    """N1 at the fill, N2 at the change that shows again, N3 at the one that tops up; nothing is dated back."""
    events = tape("A7:A100x10 | N | F7:x4 | F7:x16 M7:A100x10 | F7:x3 M7:A100x10 | F7:x10 C7:x10")
    found = NativeIcebergs().update(events)
    assert [("N1", 3), ("N2", 4), ("N3", 6)] == [(refill.rule, refill.row) for refill in found]
    assert [3_000, 3_000, 4_000] == [refill.known_at for refill in found]
    told = [(refill.shown_before, refill.executed, refill.shown_after) for refill in found]
    assert [(6, 16, 0), (6, 16, 10), (10, 3, 10)] == told
    assert {(7, 7, 7, -1, 100.0, 1.0)} == {
        (one.iceberg_id, one.prev_id, one.order_id, one.side, one.price, one.confidence) for one in found
    }
    assert [("beyond_display", 10.0)] == [tuple(item) for item in found[0].evidence]
    assert [("part_fill", 10.0), ("clip", 10.0)] == [tuple(item) for item in found[2].evidence]


@pytest.mark.parametrize(
    "text",
    [
        "A7:B100x10 | F7:x6 C7:x6 | F7:x4 C7:x4",
        "A7:B100x10 | F7:x9 M7:B100x1",
        "A7:B100x10 | F7:x10 C7:x10 | A8:B100x10",
        "A7:B100x10 | F7:x10 C7:x10 | M7:B100x10",
        "A7:B100x10 | M7:B100x30 | F7:x10 C7:x10",
        "A7:B100x10 | F7:x5 C7:x5 | M7:B100x10",
        "A7:B100x10 | F7:x5 M7:B101x10",
        "A7:B100x10 | F7:x4 M7:B99x6 M7:B99x10",
        "R S7:B100x10 | R S7:B100x20",
        "F9:x25 | F9:x5 M9:B100x10",
        "A7:B100x10 | F7:x10 C7:x10 A8:B100x10",
        "A7:B100x10 F7:x5 C7:x5",
    ],
    ids="halves rest_told new_later id_gone amended amended_after price moved snapshots unknown other_id one".split(),
)
def test_what_is_no_iceberg(text: str) -> None:
    """More than half filled, wholly filled, amended, seen again in a snapshot: some of it is called one elsewhere."""
    assert [] == NativeIcebergs().update(tape(text))


def test_the_public_bugs() -> None:
    """A fill of more than half is none, though it exceeds what is left; a full fill and a new display is one."""
    ordinary, refilled = "A7:B100x10 | F7:x6 C7:x6", "A7:B100x10 | F7:x10 M7:B100x10"
    assert [0, 1] == [len(NativeIcebergs().update(tape(text))) for text in (ordinary, refilled)]


def test_amendments_cancels_and_prices_are_accounted_for() -> None:
    """A and C enter the law, and each price is a segment of its own."""
    found = only(
        icebergs_native(
            tape("A7:B100x10 | F7:x10 M7:B100x10 | M7:B100x15 | M7:B101x12 | F7:x12 M7:B101x12 | C7:x2 | F7:x10 C7:x10")
        )
    )
    assert (32, 0, 5, 5, 10) == (
        found.executed,
        found.displayed,
        found.cancelled,
        found.amended,
        found.first_display,
    )
    assert (22, 37, "filled") == (found.hidden_revealed, found.total_at_least, found.state)
    assert (PriceSegment(100.0, 10.0, 1), PriceSegment(101.0, 22.0, 1)) == found.segments
    assert (0, 1_000, 6_000) == (found.first_seen, found.known_at, found.ended_at)


def test_states_and_what_is_handed_out() -> None:
    """Filled, cancelled, lost in a gap, live; what ended is handed out once and forgotten."""
    refill = "F{0}:x5 M{0}:B100x5"
    steps = ["A1:B100x5 A2:B100x5 A3:B100x5 A4:B100x5", *(refill.format(i) for i in (1, 2, 3))]
    icebergs = NativeIcebergs()
    icebergs.update(tape(" | ".join([*steps, "F1:x5 C1:x5", "C2:x5"])))
    assert [(1, "filled"), (2, "cancelled"), (3, "live")] == [(one.iceberg_id, one.state) for one in icebergs.icebergs]
    assert [1, 2] == [one.iceberg_id for one in icebergs.finished()]
    assert [] == icebergs.finished()
    icebergs.update(tape("X"))
    assert [(3, "unknown", 0)] == [(one.iceberg_id, one.state, one.ended_at) for one in icebergs.finished()]
    assert [] == icebergs.icebergs


def test_snapshot_orders_are_of_unknown_age_and_arrivals_may_trade() -> None:
    """A refill of an order from a snapshot is one, of a part; what an order took before it rested is apart."""
    found = only(icebergs_native(tape("R S7:B100x4 | F7:x4 M7:B100x10")))
    assert (False, 10, "prior") == (found.from_birth, found.hidden_revealed, found.peak.kind)
    assert 10 == found.peak.size, "the rest of a clip is no clip"
    found = only(icebergs_native(tape("F7:x30 A7:B100x10 | F7:x10 M7:B100x10")))
    assert (30, 10) == (found.taken, found.executed)


def test_peaks_are_those_of_whole_clips() -> None:
    """A display after a fill that went beyond may be partly executed, and the last one may be a remainder."""
    text = "A7:B100x10 | F7:x10 M7:B100x10 | F7:x14 M7:B100x6 | F7:x6 M7:B100x10 | F7:x10 M7:B100x3"
    peak = only(icebergs_native(tape(text))).peak
    assert (10, "fixed", 3) == (peak.size, peak.kind, peak.n)


def test_fills_told_one_by_one_are_an_event_by_their_time() -> None:
    """Messages of one time are one event if asked for, across pieces too."""
    events = tape("A7:B100x10 | F7:x10 C7:x10 | M7:B100x10", step=0)
    by_time, by_message = NativeIcebergs(event_by="time"), NativeIcebergs()
    assert [] == by_time.update(events[:3]) == by_message.update(events[:3])
    assert ["N2"] == [refill.rule for refill in by_time.update(events[3:])]
    assert [] == by_message.update(events[3:])
    assert "live" == only(by_time.icebergs).state


def test_a_venue_may_add_the_same_id_again() -> None:
    """Taken off and added under its id in one event: the same order."""
    assert ["N2"] == [refill.rule for refill in NativeIcebergs().update(tape("A7:B9x5 | F7:x5 C7:x5 A7:B9x5"))]


def test_empty_tapes_and_wrong_arguments() -> None:
    """Nothing says nothing; an unknown word is refused."""
    nothing = tape("N")[:0]
    for detector in (NativeIcebergs(), SameEventIcebergs(), HiddenPrints()):
        assert [] == detector.update(nothing)
    with pytest.raises(ValueError, match="event_by is 'message' or 'time', not 'row'"):
        NativeIcebergs(event_by="row")  # type: ignore[arg-type]


def test_modes_are_said_of_every_format() -> None:
    """The table has all formats of the library."""
    assert set(ob.formats()) <= set(ICEBERG_MODES)
    assert {"same_id", "new_id_same_event", "hidden_print", "none"} >= set(ICEBERG_MODES.values())


# -- same event --------------------------------------------------------------------------------------------------------


def test_a_new_order_in_the_event_that_used_up_the_last() -> None:
    """Chains over events; E, V and H are sums over their orders."""
    text = "A1:B100x10 | F1:x10 C1:x10 A2:B100x10 | F2:x10 C2:x10 A3:B100x4 | F3:x4 C3:x4"
    found = only(icebergs_same_event(tape(text)))
    assert ((1, 2, 3), ((1, 2), (2, 3))) == (found.order_ids, found.links)
    assert (24, 0, 14, "filled", 1.0) == (
        found.executed,
        found.displayed,
        found.hidden_revealed,
        found.state,
        found.confidence,
    )
    assert ((PriceSegment(100.0, 24.0, 2),), (10.0, "fixed")) == (found.segments, (found.peak.size, found.peak.kind))


@pytest.mark.parametrize(
    "text",
    [
        "A1:B100x10 | F1:x10 C1:x10 | A2:B100x10",
        "A1:B100x10 | F1:x4 C1:x4 A2:B100x10",
        "A1:B100x10 | C1:x10 A2:B100x10",
        "A1:B100x10 | F1:x10 C1:x10 A2:A100x10",
        "A1:B100x10 | F1:x10 C1:x10 A2:B99x10",
        "A1:B100x10 | A2:B100x10 F1:x10 C1:x10",
        "A1:B100x10 | F1:x10 M1:B100x10 A2:B100x10",
    ],
    ids="later part cancelled side price before native".split(),
)
def test_what_is_no_link(text: str) -> None:
    """Another event, side or price, an order that was not used up, or that came before, or was refilled by itself."""
    assert [] == SameEventIcebergs().update(tape(text))


def test_of_several_the_likeliest_and_no_certainty() -> None:
    """An equal clip first, then a known iceberg; the confidence says how many could have been."""
    text = "A1:B9x5 A2:B9x10 A3:B9x7 | F1:x5 C1:x5 F2:x10 C2:x10 F3:x7 C3:x7 A4:B9x10 A5:B9x6"
    found = SameEventIcebergs().update(tape(text))
    assert [(2, 4), (3, 5)] == [(link.prev_id, link.order_id) for link in found]
    assert [1 / 3, 1 / 3] == [link.confidence for link in found]
    assert ("alternatives", 3.0) == tuple(found[0].evidence[1])
    [link] = SameEventIcebergs().update(tape("A1:B9x5 | A2:B9x5 F1:x5 C1:x5 A3:B9x5"))
    assert (1, 3, 0.5) == (link.prev_id, link.order_id, link.confidence), "another one came that might have been it"
    text = "A1:B9x5 A7:B9x5 | F1:x5 C1:x5 A2:B9x5 | F7:x5 C7:x5 F2:x5 C2:x5 A3:B9x5"
    assert [(1, 2), (2, 3)] == [(link.prev_id, link.order_id) for link in SameEventIcebergs().update(tape(text))]
    text = "A1:B9x5 | F1:x5 C1:x5 A2:B9x5 A3:B9x9 | F2:x5 C2:x5 F3:x9 C3:x9 A4:B9x2"
    assert [(1, 2), (2, 4)] == [(link.prev_id, link.order_id) for link in SameEventIcebergs().update(tape(text))]


# -- hidden prints -----------------------------------------------------------------------------------------------------


def test_prints_beyond_the_display() -> None:
    """Together they use up what was shown before the event; the rest was hidden. Each print says its part."""
    events = tape("R S1:B100x10 S2:B99x5 | T:A100x8 F1:x8 C1:x8 T:A100x9 F1:x2 C1:x2 T:A100x4 | T:A99x5 F2:x5 C2:x5")
    found = HiddenPrints().update(events)
    assert [(6, 9, 7, 10), (9, 4, 4, 10)] == [(one.row, one.traded, one.hidden, one.displayed) for one in found]
    assert {("beyond_display", 1, 100.0, 1_000)} == {(one.rule, one.side, one.price, one.known_at) for one in found}


def test_flagged_prints_are_hidden_as_a_whole() -> None:
    """Whatever the book shows; and a side that nobody tells is the one that is there."""
    found = HiddenPrints().update(tape("R S1:A100x10 | H:100x3 | H:B101x3"))
    assert [("flagged", 3.0, 10.0, -1), ("flagged", 3.0, 0.0, -1)] == [
        (one.rule, one.hidden, one.displayed, one.side) for one in found
    ]
    assert [0] == [one.side for one in HiddenPrints().update(tape("R | H:100x3"))]


@pytest.mark.parametrize(
    ("text", "options", "count"),
    [
        ("A1:B100x10 | T:A100x25", {}, 0),
        ("A1:B100x10 | T:A100x25", {"from_start": True}, 1),
        ("R S1:B100x10 | T:A100x25", {"beyond_display": False}, 0),
        ("R S1:B100x10 | X | T:A100x25", {}, 0),
        ("R S1:B100x10 | A2:B100x20 | T:A100x25", {}, 0),
        ("R S1:B100x10 | M1:B99x10 | T:A100x5 | T:A99x10", {}, 1),
        ("R S1:B100x10 | A2:B100x5 T:A100x15 F1:x10 C1:x10 F2:x5 C2:x5", {}, 0),
        ("R S1:B100x10 | F1:x10 C1:x10 T:A100x10", {}, 0),
        ("R S1:B100x10 | T:A100x10 F1:x10 C1:x10 A2:B100x10 T:A100x5", {}, 1),
    ],
    ids="unknown start not_asked gap enough moved came_first told_last came_after".split(),
)
def test_an_excess_is_told_only_of_a_known_book(text: str, options: dict[str, bool], count: int) -> None:
    """Before a snapshot and after a gap an excess means nothing."""
    assert count == len(HiddenPrints(**options).update(tape(text)))


# -- every cutting says the same ---------------------------------------------------------------------------------------


@st.composite
def tapes(draw: st.DrawFn) -> str:
    """Messages over a handful of orders at two prices, so that much of it is about the same ones; also nonsense."""
    messages, fresh = [], 10
    for _ in range(draw(st.integers(1, 20))):
        rows = []
        for _ in range(draw(st.integers(1, 4))):
            key, size, price = draw(st.integers(1, 4)), draw(st.integers(2, 4)), draw(st.sampled_from((100, 101)))
            kind = draw(st.sampled_from("AAAFFFFMMCTTHRX" if not rows else "AFFFMMCT"))
            if kind == "A" and draw(st.booleans()):
                key, fresh = fresh, fresh + 1
            side = draw(st.sampled_from("BBA"))
            rows.append(kind if kind in "RX" else f"{kind}{key if kind not in 'TH' else ''}:{side}{price}x{size}")
        messages.append(" ".join(rows))
    return " | ".join(messages)


DETECTORS: dict[str, Callable[..., Any]] = {
    "native": NativeIcebergs,
    "same_event": SameEventIcebergs,
    "hidden": lambda **options: HiddenPrints(from_start=True, **options),
    "greedy": lambda **options: SyntheticIcebergs(dt=4_000, min_chain=2, size_tol=0.5, **options),
    "optimal": lambda **options: SyntheticIcebergs(dt=4_000, min_chain=2, match="optimal", **options),
    "screen": lambda **options: L2IcebergScreen(dt=1, dwell=3_000, min_score=0.0, sequenced=True, **options),
}


@pytest.mark.parametrize("name", DETECTORS)
@given(text=tapes(), step=st.sampled_from((0, 700)), by_time=st.booleans(), data=st.data())
def test_a_tape_in_pieces_says_the_same(name: str, text: str, step: int, by_time: bool, data: st.DataObject) -> None:
    """What is found does not depend on the cuts, so what is found in a prefix is the beginning of what is found."""
    events, options = tape(text, step), {"event_by": "time" if by_time else "message"}
    whole, pieces = DETECTORS[name](**options), DETECTORS[name](**options)
    ends = (np.flatnonzero(events.flags & LAST) + 1).tolist()
    cuts = sorted(data.draw(st.sets(st.sampled_from(ends))) | {0, len(events)})
    parts = [pieces.update(events[start:stop]) for start, stop in pairwise(cuts)]
    assert whole.update(events) == [item for part in parts for item in part]
    if name in ("native", "same_event", "greedy", "optimal"):
        assert sorted(whole.icebergs, key=repr) == sorted(pieces.icebergs, key=repr)


@pytest.mark.parametrize("name", DETECTORS)
def test_detectors_can_be_put_away_and_taken_up_again(name: str) -> None:
    """A pickle in the middle of a tape goes on as the detector would have."""
    begins = "R S1:B9x5 | F1:x9 C1:x5 A2:B9x5 | F2:x8 M2:B9x5 T:A9x8 | F2:x5 C2:x5 | A3:B9x5"
    events = tape(begins + " | F3:x5 C3:x5 T:A9x7 | A4:B9x5 | N | N | N | N | N | N | A9:B8x5")
    whole, first = DETECTORS[name](), DETECTORS[name]()
    middle = int(np.flatnonzero(events.flags & LAST)[3]) + 1
    found = first.update(events[:middle])
    again = pickle.loads(pickle.dumps(first))
    expected = whole.update(events)
    assert expected, "there is something to find"
    assert expected == found + again.update(events[middle:])


@given(text=tapes(), by_time=st.booleans())
def test_what_holds_of_every_native_iceberg(text: str, by_time: bool) -> None:
    """None without a fill, H never negative, and each hidden lot was executed or is in a display that came again."""
    icebergs = NativeIcebergs(event_by="time" if by_time else "message")
    found = icebergs.update(tape(text))
    for one in icebergs.icebergs:
        assert one.executed > 0
        refilled = sum(link.shown_after for link in found if link.order_id == one.iceberg_id and link.rule == "N2")
        assert one.hidden_revealed >= one.hidden_executed >= 0
        assert refilled == 0 or one.hidden_revealed > 0
        assert one.executed == sum(segment.executed for segment in one.segments)
        assert one.refills == sum(segment.refills for segment in one.segments)


@given(text=tapes())
def test_what_holds_of_every_chain(text: str) -> None:
    """Each order is in one chain once, chains are as long as asked for, and nothing is known before its row."""
    events = tape(text, 500)
    icebergs = SyntheticIcebergs(dt=4_000, min_chain=3, match="optimal", size_tol=0.4)
    links = icebergs.update(events) + icebergs.flush()
    assert all(link.known_at >= int(events.ts_event[link.row]) for link in links)
    orders = [order for one in icebergs.icebergs for order in one.order_ids]
    births = np.count_nonzero(events.action == ord("A"))
    assert all(len(one.order_ids) >= 3 for one in icebergs.icebergs)
    assert len(orders) <= births
    assert len({(link.prev_id, link.order_id, link.row) for link in links}) == len(links)
    assert all(one.hidden_revealed >= 0 and 0 <= one.confidence <= 1 for one in icebergs.icebergs)
