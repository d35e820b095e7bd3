"""The rules as data, the judgements, the bridging and the table."""

from __future__ import annotations

import copy
import pickle
from collections import deque
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orderbook.continuity import (
    RULES,
    TRANSITIONS,
    Bridge,
    Connection,
    Family,
    Position,
    Rule,
    Scope,
    Signal,
    bridge,
    check_numbers,
    get_rule,
    is_empty,
    judge,
    judge_snapshot,
    oldest_usable,
    start,
)
from orderbook.errors import DecodeError, UsageError
from orderbook.events import Delta, Heartbeat, OrderCancel, Snapshot
from orderbook.verdicts import OnUnknownOrder, State, Verdict

LEVEL: Any = [("1", "1")]


def delta(**fields: Any) -> Delta:
    """A delta with one level."""
    return Delta(bids=LEVEL, **fields)


# -- verdicts -------------------------------------------------------------------------------------------------------


def test_verdicts_compare_by_kind_and_carry_numbers() -> None:
    """A numbered gap is a gap, in ==, in sets and in match statements."""
    gap = Verdict.GAP.numbered(expected=5, got=9)
    assert gap == Verdict.GAP
    assert gap in {Verdict.GAP, Verdict.NOOP}
    assert gap != Verdict.STALE
    assert (gap.expected, gap.got, gap.name, gap.value) == (5, 9, "GAP", "gap")
    assert (Verdict.GAP.expected, Verdict.GAP.got) == (None, None)
    match gap:
        case Verdict.GAP:
            pass
        case _:
            pytest.fail("a numbered gap does not match Verdict.GAP")


@pytest.mark.parametrize("verdict", [*Verdict, Verdict.GAP.numbered(expected=1, got=2)])
def test_verdicts_survive_pickle_and_copy(verdict: Verdict) -> None:
    """Numbers included; the plain ones stay singletons."""
    for again in (pickle.loads(pickle.dumps(verdict)), copy.deepcopy(verdict)):
        assert (again, again.expected, again.got) == (verdict, verdict.expected, verdict.got)
    assert Verdict("applied") is Verdict.APPLIED


def test_which_verdicts_leave_a_new_proven_book() -> None:
    """Applied, snapshot, reset."""
    assert [v.name for v in Verdict if v.changes_book] == ["APPLIED", "SNAPSHOT", "RESET"]


# -- the rows -------------------------------------------------------------------------------------------------------


def test_every_family_and_scope_has_a_row() -> None:
    """All seven families of the reference are used by some venue."""
    assert {rule.family for rule in RULES.values()} == set(Family)
    assert {rule.scope for rule in RULES.values()} == set(Scope)
    assert {rule.bridge for rule in RULES.values()} == set(Bridge)


def test_rows_are_named_and_frozen() -> None:
    """A row's key is its name, and nobody can change the table."""
    assert all(name == rule.name for name, rule in RULES.items())
    with pytest.raises(TypeError):
        RULES["x"] = RULES["none"]  # type: ignore[index]


def test_get_rule_takes_names_and_rules() -> None:
    """An own rule passes; an unknown name lists the known ones."""
    own = Rule(name="mine", family=Family.INCR)
    assert get_rule(own) is own
    assert get_rule("okx") is RULES["okx"]
    with pytest.raises(UsageError, match="unknown rule 'nyse'; known are binance_spot, binance_usdm"):
        get_rule("nyse")


def test_what_each_rule_can_prove() -> None:
    """A loss is invisible under exactly these rules, and only out-of-band snapshots are worth buffering for."""
    blind = sorted(name for name, rule in RULES.items() if not rule.detects_loss)
    assert blind == sorted(
        ["bitmex", "bitstamp", "coinbase_level2", "databento_mbo", "gemini_l2", "itch50", "lobster", "none"]
        + ["tardis_csv", "tardis_normalized"]
    )
    assert all(rule.buffers == (rule.bridge is not Bridge.IN_BAND) for rule in RULES.values())
    assert RULES["none"].on_unknown_order is OnUnknownOrder.RAISE


# -- judgements -----------------------------------------------------------------------------------------------------


@given(st.integers(1, 50), st.integers(1, 50), st.integers(0, 9))
def test_range_by_definition(last: int, first: int, length: int) -> None:
    """Stale if it ends at or before ours, a gap if it begins after ours + 1, else next."""
    got = judge(RULES["binance_spot"], Position(last), delta(first_sequence=first, sequence=first + length))
    wanted = Signal.OLD if first + length <= last else Signal.BREAK if first > last + 1 else Signal.IN_ORDER
    assert got.signal is wanted
    if wanted is Signal.BREAK:
        assert (got.expected, got.got) == (last + 1, first)


@given(st.integers(1, 20), st.integers(1, 20), st.integers(1, 20))
def test_prev_by_definition(last: int, prev: int, number: int) -> None:
    """In order iff it names ours as its predecessor; nothing is stale."""
    got = judge(RULES["deribit"], Position(last), delta(prev_sequence=prev, sequence=number))
    assert got.signal is (Signal.IN_ORDER if prev == last else Signal.BREAK)


@given(st.integers(1, 20), st.integers(1, 20))
def test_incr_by_definition(last: int, number: int) -> None:
    """Ours + 1 is next, lower is stale, higher a gap."""
    got = judge(RULES["kraken_futures"], Position(last), delta(sequence=number))
    wanted = Signal.IN_ORDER if number == last + 1 else Signal.OLD if number <= last else Signal.BREAK
    assert got.signal is wanted


def test_time_by_definition() -> None:
    """Only strictly later is next."""
    signals = [judge(RULES["bitstamp"], Position(5), delta(ts_event=ts)).signal for ts in (4, 5, 6)]
    assert signals == [Signal.OLD, Signal.OLD, Signal.IN_ORDER]


@pytest.mark.parametrize("name", ["none", "kraken", "bitmex", "bitfinex_raw"])
def test_unnumbered_rules_take_everything_after_a_snapshot(name: str) -> None:
    """There is nothing to compare (a connection's numbers are compared elsewhere)."""
    assert judge(RULES[name], Position(None), delta()).signal is Signal.IN_ORDER
    assert judge(RULES[name], Position(None), Heartbeat()).signal is Signal.EMPTY


def test_whole_book_rules_refuse_deltas() -> None:
    """A delta on a snapshot-only channel is not guessed at."""
    with pytest.raises(DecodeError, match="rule 'hyperliquid' knows whole books only, got `Delta`"):
        judge(RULES["hyperliquid"], Position(None), delta())


@pytest.mark.parametrize(
    ("name", "fields", "missing"),
    [
        ("binance_spot", {"sequence": 5}, "first_sequence"),
        ("binance_spot", {"first_sequence": 5}, "sequence"),
        ("binance_usdm", {"first_sequence": 5, "sequence": 5}, "prev_sequence"),
        ("binance_usdm", {"prev_sequence": 5, "sequence": 5}, "first_sequence"),
        ("okx", {"sequence": 5}, "prev_sequence"),
        ("bybit", {}, "sequence"),
        ("bybit_full", {"sequence": 5}, "group_sequence"),
        ("bitstamp", {"sequence": 5}, "ts_event"),
    ],
)
def test_a_vanished_number_is_an_error(name: str, fields: dict[str, int], missing: str) -> None:
    """A validator whose input vanishes must fail loudly, not pass."""
    with pytest.raises(DecodeError, match=f"rule '{name}' needs {missing}, the event has none"):
        judge(RULES[name], Position(1), delta(**fields))


def test_an_upside_down_range_is_an_error() -> None:
    """U above u cannot be compared with anything."""
    with pytest.raises(DecodeError, match="first_sequence 7 is after sequence 6"):
        check_numbers(RULES["binance_spot"], delta(first_sequence=7, sequence=6))


def test_emptiness() -> None:
    """Heartbeats and deltas without levels; an order event never."""
    assert [is_empty(e) for e in (Heartbeat(), Delta(), delta(), OrderCancel(order_id=1))] == [True, True, False, False]


# -- snapshots ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "number", "wanted"),
    [
        ("binance_spot", 9, Signal.SNAPSHOT_OLD),
        ("binance_spot", 10, Signal.SNAPSHOT),
        ("binance_spot", 11, Signal.SNAPSHOT),
        ("okx", 9, Signal.SNAPSHOT),
        ("bybit", 1, Signal.SNAPSHOT_RESTART),
        ("bybit", 9, Signal.SNAPSHOT),
        ("bybit_level1", 10, Signal.SNAPSHOT_SAME),
        ("bybit_level1", 11, Signal.SNAPSHOT),
        ("bybit_level1", 1, Signal.SNAPSHOT_RESTART),
        ("hyperliquid", None, Signal.SNAPSHOT),
        ("none", None, Signal.SNAPSHOT),
    ],
)
def test_a_snapshot_over_a_live_book(name: str, number: int | None, wanted: Signal) -> None:
    """One fetched out of band may be older than the book; one in the stream never is."""
    assert judge_snapshot(RULES[name], Position(10), Snapshot(sequence=number)) is wanted


@pytest.mark.parametrize(("name", "field"), [("binance_spot", "sequence"), ("bitstamp", "ts_event")])
def test_a_snapshot_needs_the_number_that_is_compared(name: str, field: str) -> None:
    """Without it nothing could be bridged."""
    with pytest.raises(DecodeError, match=f"needs {field}, the snapshot has none"):
        start(RULES[name], Snapshot())


def test_a_new_listing_takes_any_first_event() -> None:
    """lastUpdateId -1 names no number: whatever comes is next, but only the first time."""
    rule = RULES["binance_spot"]
    at = start(rule, Snapshot(sequence=-1))
    assert judge(rule, at, delta(first_sequence=500, sequence=501)).signal is Signal.IN_ORDER
    assert judge(rule, Position(-1), delta(first_sequence=500, sequence=501)).signal is Signal.BREAK


ranges = st.lists(st.integers(1, 3), min_size=0, max_size=8)


@given(ranges, st.integers(0, 30), st.none() | st.integers(0, 7))
def test_bridging_a_range_by_definition(lengths: list[int], number: int, hole: int | None) -> None:
    """Against the plain statement: every id above L up to the end must be in the buffer, else it does not bridge."""
    events, ids, at = [], [], 10
    for index, length in enumerate(lengths):
        if index != hole:
            events.append(delta(first_sequence=at, sequence=at + length - 1))
            ids.append(set(range(at, at + length)))
        at += length
    plan = bridge(RULES["binance_spot"], Snapshot(sequence=number), deque(events))
    have = set().union(*ids) if ids else set()
    needed = set(range(number + 1, max(have, default=0) + 1))
    assert (plan.signal is Signal.SNAPSHOT) == (needed <= have)
    assert plan.old == sum(
        max(group) <= number for group in ids[: plan.stop if plan.signal is not Signal.SNAPSHOT else None]
    )
    if plan.signal is Signal.SNAPSHOT:
        assert plan.at.last == max(number, max(have, default=0))
    elif plan.signal is Signal.SNAPSHOT_OLD:
        assert plan.stop == 0


def test_bridging_drops_what_is_covered_wherever_it_stands() -> None:
    """A message that was overtaken is dropped alone; the ones around it stay."""
    events = [delta(first_sequence=n, sequence=n) for n in (12, 11, 13)]
    plan = bridge(RULES["binance_spot"], Snapshot(sequence=11), events)
    assert (plan.signal, plan.old, plan.kept, plan.at.last) == (Signal.SNAPSHOT, 1, (events[0], events[2]), 13)


def test_bridging_judges_a_message_once() -> None:
    """The later parts of one message share its number."""
    parts = [delta(sequence=5, is_last=False), delta(sequence=5, is_last=True), delta(sequence=6)]
    plan = bridge(RULES["coinbase_full"], Snapshot(sequence=4), parts)
    assert (plan.signal, plan.old, plan.stop, plan.at.last) == (Signal.SNAPSHOT, 0, 3, 6)
    covered = bridge(RULES["coinbase_full"], Snapshot(sequence=5), parts)
    assert (covered.signal, covered.old) == (Signal.SNAPSHOT, 2)


@pytest.mark.parametrize(
    ("name", "first", "wanted"),
    [
        ("binance_spot", delta(first_sequence=7, sequence=9), 6),
        ("binance_usdm", delta(first_sequence=7, sequence=9, prev_sequence=4), 4),
        ("coinbase_full", delta(sequence=9), 8),
        ("bitstamp", delta(ts_event=9), None),
    ],
)
def test_the_oldest_snapshot_that_helps(name: str, first: Delta, wanted: int | None) -> None:
    """What a person has to ask the venue for."""
    assert oldest_usable(RULES[name], first) == wanted


# -- the table ------------------------------------------------------------------------------------------------------

ANYWHERE = {Signal.SNAPSHOT, Signal.CLEARED, Signal.CUT, Signal.LOST, Signal.REFUSED}
NOT_LIVE = ANYWHERE | {Signal.HELD}


@pytest.mark.parametrize("state", State)
def test_every_state_answers_what_can_happen_in_it(state: State) -> None:
    """Exactly the signals that the builder can produce there; no other row exists."""
    wanted = {
        State.EMPTY: NOT_LIVE | {Signal.EARLY},
        State.BUFFERING: NOT_LIVE | {Signal.SNAPSHOT_OLD, Signal.SNAPSHOT_HOLE},
        State.STALE: NOT_LIVE | {Signal.EARLY, Signal.SNAPSHOT_OLD, Signal.SNAPSHOT_HOLE},
        State.LIVE: set(Signal) - {Signal.HELD, Signal.EARLY, Signal.SNAPSHOT_HOLE},
    }[state]
    assert {signal for at, signal in TRANSITIONS if at is state} == wanted


def test_only_snapshots_and_clears_make_a_book_live() -> None:
    """No row leads to LIVE from elsewhere but through a new book."""
    ways = {signal for (at, signal), (to, _) in TRANSITIONS.items() if to is State.LIVE and at is not State.LIVE}
    assert ways == {Signal.SNAPSHOT, Signal.CLEARED}


def test_a_lost_book_is_never_called_changed() -> None:
    """Leaving LIVE never comes with a verdict that readers take for a good book, but for the announced disconnect."""
    verdicts = {v for (at, _), (to, v) in TRANSITIONS.items() if at is State.LIVE and to is not State.LIVE}
    assert verdicts == {Verdict.GAP, Verdict.CHECKSUM_BAD, Verdict.RESET}


# -- connections ----------------------------------------------------------------------------------------------------


def test_a_connection_counts_every_frame() -> None:
    """First number as it comes, then +1; a repetition is stale, a jump or a restart a gap that names both."""
    link = Connection(RULES["bitfinex"])
    got = [link.check(number) for number in (7, 8, 8, 9, 12, 13, 1, 2)]
    assert [v.name for v in got] == ["NOOP", "NOOP", "STALE", "NOOP", "GAP", "NOOP", "GAP", "NOOP"]
    assert (got[4].expected, got[4].got, got[6].expected, got[6].got) == (10, 12, 14, 1)


def test_a_connection_whose_numbers_vanish_is_a_gap() -> None:
    """Never numbered proves nothing and passes; no longer numbered is loud; a reset starts over."""
    link = Connection(RULES["bitfinex"])
    assert [link.check(number).name for number in (None, None, 4, None, None, 9)] == ["NOOP"] * 3 + ["GAP"] + [
        "NOOP"
    ] * 2
    link.reset()
    assert link.check(1) == Verdict.NOOP
