"""Is this message the next one? Every continuity rule, as data, and the one state machine that uses them.

Everything that decides whether a message may touch a book lives in this file:

* :data:`RULES`: a row per venue channel: its family, its scope, how a snapshot joins the stream, what a legal restart
  looks like;
* :func:`judge` and :func:`judge_snapshot`: what one event is (a :class:`Signal`), given where the stream stands;
* :func:`bridge`: what becomes of the buffered events when a snapshot arrives;
* :data:`TRANSITIONS`: from a state and a signal to the next state and the :class:`Verdict`. The diagram in the
  documentation is drawn from this table.

All of it is pure: nothing here holds a book, a buffer or a clock.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from orderbook.errors import DecodeError, UsageError
from orderbook.events import Delta, Event, Heartbeat
from orderbook.verdicts import OnUnknownOrder, State, Verdict


class Family(enum.Enum):
    """The kinds of continuity rule that venues have."""

    RANGE = "range"
    """Stale if it ends at or before ours; a gap if it begins after ours + 1."""
    PREV = "prev"
    """In order if, and only if, it names our last number as its predecessor."""
    INCR = "incr"
    """Our last number + 1; lower is stale, higher a gap."""
    TIME = "time"
    """Later than ours; a loss cannot be seen."""
    CRC = "crc"
    """No numbers; a checksum after each message is the only proof."""
    SNAP = "snap"
    """Every message is a whole book."""
    NONE = "none"
    """A snapshot, then deltas that prove nothing."""


class Scope(enum.Enum):
    """What one sequence counts."""

    INSTRUMENT = "instrument"
    CONNECTION = "connection"
    """Every frame of the socket, whatever its channel: the validator must see them all."""


class Bridge(enum.Enum):
    """How a snapshot joins the stream."""

    IN_BAND = "in band"
    """It comes in the stream itself: deltas before it are of no use."""
    NEXT = "next"
    """Out of band; the first event after it follows the steady rule."""
    BINANCE_FUTURES = "binance futures"
    """Out of band; first event ``U <= L <= u`` or ``pu == L``; drop only ``u < L``."""
    COVERS = "covers"
    """Out of band; first event ``prev <= L < cur`` (OKX REST)."""
    ANCHOR = "anchor"
    """Out of band; the delta with the snapshot's own two numbers is the anchor (Bybit full)."""


class Restart(enum.Enum):
    """What a legal restart of the numbering looks like."""

    NEVER = "never"
    LINKED = "linked"
    """A lower number that links to ours (OKX maintenance)."""
    ONE = "one"
    """A snapshot numbered 1 (Bybit service restart)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One venue channel's continuity rule; build your own for a feed that is not in :data:`RULES`.

    ``unbound`` are snapshot numbers after which any first event is accepted (a new listing). ``snapshot`` says where a
    snapshot comes from, for the person who reads :attr:`orderbook.BookBuilder.needs_snapshot`.

    >>> RULES["binance_spot"].family, RULES["bitfinex_raw"].scope
    (<Family.RANGE: 'range'>, <Scope.CONNECTION: 'connection'>)
    """

    name: str
    family: Family
    scope: Scope = Scope.INSTRUMENT
    bridge: Bridge = Bridge.IN_BAND
    restart: Restart = Restart.NEVER
    unbound: frozenset[int] = frozenset()
    on_unknown_order: OnUnknownOrder = OnUnknownOrder.RAISE
    snapshot: str = "in the stream"

    @property
    def detects_loss(self) -> bool:
        """Whether a lost message shows up by itself: in the numbers, in a checksum, or because all is sent again."""
        return self.family not in (Family.TIME, Family.NONE)

    @property
    def buffers(self) -> bool:
        """Whether deltas that come before the snapshot are worth keeping."""
        return self.bridge is not Bridge.IN_BAND


_COUNT: Final = OnUnknownOrder.COUNT
_RANGE, _PREV, _INCR, _TIME = Family.RANGE, Family.PREV, Family.INCR, Family.TIME
_CRC, _SNAP, _NONE = Family.CRC, Family.SNAP, Family.NONE


def _fetched(name: str, family: Family, snapshot: str, bridge: Bridge = Bridge.NEXT, **more: Any) -> Rule:
    """A row whose snapshot is asked for out of band."""
    return Rule(name=name, family=family, snapshot=snapshot, bridge=bridge, **more)


def _stream(name: str, family: Family, **more: Any) -> Rule:
    """A row whose snapshot comes in the stream."""
    return Rule(name=name, family=family, **more)


# A row per channel, as in the venues' own documentation. L2 rows need no word on unknown levels: deleting a level that
# is not there is legal everywhere (Binance and Kraken say so explicitly). COUNT stands where a venue says the same of
# orders: Coinbase, "not all done or change messages will result in changing the order book"; Kraken prunes level3 by
# depth.
_ROWS: Final = (
    _fetched("binance_spot", _RANGE, "GET /api/v3/depth?symbol=SYMBOL&limit=5000", unbound=frozenset({-1})),
    _fetched("binance_usdm", _PREV, "GET /fapi/v1/depth?symbol=SYMBOL&limit=1000", Bridge.BINANCE_FUTURES),
    _fetched("binance_coinm", _PREV, "GET /dapi/v1/depth?symbol=SYMBOL&limit=1000", Bridge.BINANCE_FUTURES),
    _fetched("coinbase_full", _INCR, "GET /products/SYMBOL/book?level=3", on_unknown_order=_COUNT),
    _stream("coinbase_level2", _NONE),
    _stream("coinbase", _INCR, scope=Scope.CONNECTION),
    _stream("kraken", _CRC),
    _stream("kraken_level3", _CRC, on_unknown_order=_COUNT),
    _stream("kraken_futures", _INCR),
    _stream("okx", _PREV, restart=Restart.LINKED),
    _fetched("okx_rest", _PREV, "GET /api/v5/market/books?instId=SYMBOL", Bridge.COVERS, restart=Restart.LINKED),
    _stream("okx_books5", _SNAP),
    _stream("bybit", _INCR, restart=Restart.ONE),
    _stream("bybit_level1", _SNAP, restart=Restart.ONE),
    _fetched("bybit_full", _INCR, "GET /v5/market/full_orderbook?symbol=SYMBOL", Bridge.ANCHOR, restart=Restart.ONE),
    _stream("bitfinex", _INCR, scope=Scope.CONNECTION),
    _stream("bitfinex_raw", _INCR, scope=Scope.CONNECTION, on_unknown_order=_COUNT),
    _fetched("bitstamp", _TIME, "GET /api/v2/order_book/SYMBOL/"),
    _fetched("bitstamp_l3", _PREV, "GET /api/v2/order_book/SYMBOL/?group=2", on_unknown_order=_COUNT),
    _stream("deribit", _PREV),
    _fetched("kucoin", _RANGE, "GET /api/v3/market/orderbook/level2?symbol=SYMBOL", unbound=frozenset({-1, 0})),
    _fetched("gate", _RANGE, "GET /api/v4/spot/order_book?currency_pair=SYMBOL&limit=100&with_id=true"),
    _stream("gate_obu", _RANGE),
    _fetched("htx", _PREV, "req market.SYMBOL.mbp.150 on the same socket"),
    _stream("bitget", _PREV),
    _stream("crypto_com", _PREV),
    _stream("bitmex", _NONE),
    _stream("dydx", _INCR, scope=Scope.CONNECTION),
    _stream("hyperliquid", _SNAP),
    _stream("gemini", _RANGE),
    _stream("gemini_l2", _NONE),
    _stream("tardis_csv", _NONE, snapshot="the next is_snapshot=true rows"),
    _stream("tardis_normalized", _NONE, snapshot="the next book_change with isSnapshot"),
    _stream("databento_mbo", _NONE, snapshot="the next record with action R", on_unknown_order=_COUNT),
    _stream("itch50", _NONE, snapshot="the start of the day"),
    _stream("lobster", _NONE, snapshot="the first row of the orderbook file", on_unknown_order=_COUNT),
    _stream("none", _NONE),
)
RULES: Final[Mapping[str, Rule]] = MappingProxyType({row.name: row for row in _ROWS})
"""Every venue row by name; ``none`` checks nothing and is what decoded events without a format get."""


def get_rule(rule: Rule | str) -> Rule:
    """Return a rule by name, or the rule itself. O(1).

    Raises:
        UsageError: no such rule; the message lists those there are.

    >>> get_rule("deribit").family.name
    'PREV'
    """
    if isinstance(rule, Rule):
        return rule
    try:
        return RULES[rule]
    except KeyError:
        raise UsageError(f"unknown rule {rule!r}; known are {', '.join(RULES)}") from None


class Signal(enum.Enum):
    """What an event is, before anyone decides what to do about it."""

    HELD = "delta, no snapshot yet"
    EARLY = "delta before an in-band snapshot"
    IN_ORDER = "next delta"
    OLD = "delta already covered"
    EMPTY = "next, with nothing in it"
    RESTART = "legal restart"
    BREAK = "delta after a hole"
    SNAPSHOT = "snapshot that bridges"
    SNAPSHOT_OLD = "snapshot older than what we have"
    SNAPSHOT_SAME = "snapshot again"
    SNAPSHOT_RESTART = "snapshot that restarts"
    SNAPSHOT_HOLE = "hole in the buffer"
    CLEARED = "venue clears the book"
    CUT = "disconnect"
    LOST = "loss elsewhere"
    REFUSED = "book refuses the event"
    CHECKSUM_BAD = "checksum contradicts"


TRANSITIONS: Final[Mapping[tuple[State, Signal], tuple[State, Verdict]]] = MappingProxyType(
    {
        (State.EMPTY, Signal.HELD): (State.BUFFERING, Verdict.BUFFERED),
        (State.EMPTY, Signal.EARLY): (State.EMPTY, Verdict.STALE),
        (State.EMPTY, Signal.SNAPSHOT): (State.LIVE, Verdict.SNAPSHOT),
        (State.EMPTY, Signal.CLEARED): (State.LIVE, Verdict.RESET),
        (State.EMPTY, Signal.CUT): (State.EMPTY, Verdict.RESET),
        (State.EMPTY, Signal.LOST): (State.EMPTY, Verdict.GAP),
        (State.EMPTY, Signal.REFUSED): (State.EMPTY, Verdict.GAP),
        (State.BUFFERING, Signal.HELD): (State.BUFFERING, Verdict.BUFFERED),
        (State.BUFFERING, Signal.SNAPSHOT): (State.LIVE, Verdict.SNAPSHOT),
        # The buffer survives a snapshot that is too old: fetch again.
        (State.BUFFERING, Signal.SNAPSHOT_OLD): (State.BUFFERING, Verdict.STALE),
        (State.BUFFERING, Signal.SNAPSHOT_HOLE): (State.BUFFERING, Verdict.GAP),
        (State.BUFFERING, Signal.CLEARED): (State.LIVE, Verdict.RESET),
        (State.BUFFERING, Signal.CUT): (State.EMPTY, Verdict.RESET),
        (State.BUFFERING, Signal.LOST): (State.EMPTY, Verdict.GAP),
        (State.BUFFERING, Signal.REFUSED): (State.BUFFERING, Verdict.GAP),
        (State.LIVE, Signal.IN_ORDER): (State.LIVE, Verdict.APPLIED),
        (State.LIVE, Signal.OLD): (State.LIVE, Verdict.STALE),
        (State.LIVE, Signal.EMPTY): (State.LIVE, Verdict.NOOP),
        (State.LIVE, Signal.RESTART): (State.LIVE, Verdict.RESET),
        (State.LIVE, Signal.BREAK): (State.STALE, Verdict.GAP),
        (State.LIVE, Signal.SNAPSHOT): (State.LIVE, Verdict.SNAPSHOT),
        (State.LIVE, Signal.SNAPSHOT_OLD): (State.LIVE, Verdict.STALE),
        (State.LIVE, Signal.SNAPSHOT_SAME): (State.LIVE, Verdict.NOOP),
        (State.LIVE, Signal.SNAPSHOT_RESTART): (State.LIVE, Verdict.RESET),
        (State.LIVE, Signal.CLEARED): (State.LIVE, Verdict.RESET),
        (State.LIVE, Signal.CUT): (State.STALE, Verdict.RESET),
        (State.LIVE, Signal.LOST): (State.STALE, Verdict.GAP),
        (State.LIVE, Signal.REFUSED): (State.STALE, Verdict.GAP),
        (State.LIVE, Signal.CHECKSUM_BAD): (State.STALE, Verdict.CHECKSUM_BAD),
        (State.STALE, Signal.HELD): (State.STALE, Verdict.BUFFERED),
        (State.STALE, Signal.EARLY): (State.STALE, Verdict.STALE),
        (State.STALE, Signal.SNAPSHOT): (State.LIVE, Verdict.SNAPSHOT),
        (State.STALE, Signal.SNAPSHOT_OLD): (State.STALE, Verdict.STALE),
        (State.STALE, Signal.SNAPSHOT_HOLE): (State.STALE, Verdict.GAP),
        (State.STALE, Signal.CLEARED): (State.LIVE, Verdict.RESET),
        (State.STALE, Signal.CUT): (State.STALE, Verdict.RESET),
        (State.STALE, Signal.LOST): (State.STALE, Verdict.GAP),
        (State.STALE, Signal.REFUSED): (State.STALE, Verdict.GAP),
    }
)
"""``(state, signal) -> (next state, verdict)``; a pair that is not here cannot happen."""


class Position(NamedTuple):
    """Where a live stream stands: the last number (a time for ``TIME``), and whether it came from a snapshot."""

    last: int | None
    fresh: bool = False
    group: int | None = None


class Judgement(NamedTuple):
    """What an event is, and the two numbers that say why."""

    signal: Signal
    expected: int | None = None
    got: int | None = None


def start(rule: Rule, event: Event) -> Position:
    """Where the stream stands once a snapshot (or a clear) was taken. O(1).

    Raises:
        DecodeError: it lacks the number that later events are compared with.
    """
    _snapshot_number(rule, event)
    return _after(rule, event)._replace(fresh=True)


def _after(rule: Rule, event: Event) -> Position:
    last = event.ts_event if rule.family is Family.TIME else event.sequence
    return Position(last, group=getattr(event, "group_sequence", None))


def judge(rule: Rule, at: Position, event: Event) -> Judgement:
    """Say what a delta (or any event that takes a number) is in a live stream that stands at ``at``. O(1).

    Raises:
        DecodeError: the event lacks a number that the rule needs; a validator whose input vanishes must not pass.
    """
    check_numbers(rule, event)
    if rule.scope is Scope.CONNECTION:
        return _judge_unnumbered(rule, at, event)
    return _FAMILIES[rule.family](rule, at, event)


def check_numbers(rule: Rule, event: Event) -> None:
    """Refuse an event that lacks a number its rule compares, or whose range is upside down. O(1).

    Raises:
        DecodeError: see above.
    """
    if rule.scope is Scope.CONNECTION:
        return
    for name in (*_NEEDED.get(rule.family, ()), *_NEEDED_TO_BRIDGE.get(rule.bridge, ())):
        if getattr(event, name, None) is None:
            raise DecodeError(f"rule {rule.name!r} needs {name}, the event has none", symbol=event.symbol or None)
    first, last = event.first_sequence, event.sequence
    if first is not None and last is not None and first > last:
        raise DecodeError(f"first_sequence {first} is after sequence {last}", symbol=event.symbol or None)


def judge_snapshot(rule: Rule, at: Position, event: Event) -> Signal:
    """Say what a snapshot is in a live stream that stands at ``at``. O(1)."""
    number = _snapshot_number(rule, event)
    if rule.restart is Restart.ONE and number == 1 and at.last != 1:
        return Signal.SNAPSHOT_RESTART
    if number is None or at.last is None:
        return Signal.SNAPSHOT
    if rule.family is Family.SNAP:
        return Signal.SNAPSHOT_SAME if number == at.last else Signal.SNAPSHOT
    # A snapshot fetched out of band can be older than the live book; taking it would lose newer deltas.
    # One that comes in the stream cannot: the venue replaces the book, whatever the numbers.
    return Signal.SNAPSHOT_OLD if rule.buffers and number < at.last else Signal.SNAPSHOT


class Bridged(NamedTuple):
    """What becomes of a buffer under a snapshot.

    ``old`` counts the events that it covers. With ``SNAPSHOT`` those in ``kept`` follow it, and the stream then stands
    ``at``; otherwise the snapshot is of no use, and neither are the events before ``stop``.
    """

    signal: Signal
    old: int
    kept: tuple[Event, ...]
    stop: int
    at: Position
    judgement: Judgement | None = None


def bridge(rule: Rule, snapshot: Event, buffer: Iterable[Event]) -> Bridged:
    """Plan how ``snapshot`` joins the buffered events; nothing is applied here. O(events).

    Events that the snapshot covers are dropped, the rest must follow it without a hole. A hole at the very first event
    means that the snapshot is too old (fetch again, keep the buffer); a later one is a gap in the buffer itself.
    """
    at = start(rule, snapshot)
    kept: list[Event] = []
    index = -1
    inside = covered = False
    for index, event in enumerate(buffer):
        if not inside:
            judgement = judge(rule, at, event)
            if judgement.signal is Signal.BREAK:
                signal = Signal.SNAPSHOT_OLD if index == 0 else Signal.SNAPSHOT_HOLE
                return Bridged(signal, index - len(kept), (), index, at, judgement)
            covered = judgement.signal is Signal.OLD
            at = advance(rule, at, event, judgement)
        if not covered:  # covered ones can stand between others: a message that was overtaken
            kept.append(event)
        inside = not event.is_last
    return Bridged(Signal.SNAPSHOT, index + 1 - len(kept), tuple(kept), index + 1, at)


def advance(rule: Rule, at: Position, event: Event, judgement: Judgement) -> Position:
    """Where a live stream stands after an event that was judged. O(1)."""
    if judgement.signal is not Signal.OLD:
        return _after(rule, event)
    # Bybit full: "the delta with the same seq and the same u is the anchor"; only after it does the steady rule hold.
    anchored = (event.sequence, getattr(event, "group_sequence", None)) == (at.last, at.group)
    return at._replace(fresh=False) if anchored else at


def oldest_usable(rule: Rule, first: Event) -> int | None:
    """The lowest snapshot number that can still bridge to ``first``, None where the rule has none. O(1)."""
    if rule.family is Family.RANGE and first.first_sequence is not None:
        return first.first_sequence - 1
    if rule.family is Family.PREV:
        return first.prev_sequence
    if rule.family is Family.INCR and rule.bridge is Bridge.NEXT and first.sequence is not None:
        return first.sequence - 1
    return None


def is_empty(event: Event) -> bool:
    """Whether an event changes nothing: a heartbeat, or a delta without levels. O(1)."""
    return isinstance(event, Heartbeat) or (isinstance(event, Delta) and not event.bids and not event.asks)


# -- the families ---------------------------------------------------------------------------------------------------


def _judge_range(rule: Rule, at: Position, event: Event) -> Judgement:
    """Binance spot: "drop any event where u is <= lastUpdateId"; the first kept needs ``U <= L+1 <= u``.

    The page also says that lastUpdateId lies within [U;u] of the first event. After the drop that is impossible for a
    consecutive stream (a capture bridges 499869752 with [499869753, 499869754]), so it is not used.
    """
    if at.fresh and at.last in rule.unbound:
        return _in_order(event)
    first, last, ours = _int(event.first_sequence), _int(event.sequence), _int(at.last)
    if last <= ours:
        return Judgement(Signal.OLD, ours + 1, first)
    if first > ours + 1:
        return Judgement(Signal.BREAK, ours + 1, first)
    return _in_order(event)


def _judge_prev(rule: Rule, at: Position, event: Event) -> Judgement:
    """In order iff ``prev == last``; anything else is a gap, also a repetition."""
    last, prev, ours = _int(event.sequence), _int(event.prev_sequence), _int(at.last)
    if at.fresh and rule.bridge is not Bridge.IN_BAND:
        return _judge_first_prev(rule, ours, event, last, prev)
    if prev != ours:
        return Judgement(Signal.BREAK, ours, prev)
    if rule.restart is Restart.LINKED and last < prev:
        return Judgement(Signal.RESTART, ours, last)
    return _in_order(event)


def _judge_first_prev(rule: Rule, ours: int, event: Event, last: int, prev: int) -> Judgement:
    """The first event after an out-of-band snapshot, which may be in the middle of its range."""
    if rule.bridge is Bridge.BINANCE_FUTURES:
        # "Drop any event where u is < lastUpdateId": strictly less, unlike spot. "The first processed event should have
        # U <= lastUpdateId AND u >= lastUpdateId"; a stream may also continue the snapshot directly (pu == L).
        old = last < ours
        joins = _int(event.first_sequence) <= ours <= last or prev == ours
    else:
        old = last <= ours
        joins = prev <= ours if rule.bridge is Bridge.COVERS else prev == ours
    if old:
        return Judgement(Signal.OLD, ours, prev)
    return _in_order(event) if joins else Judgement(Signal.BREAK, ours, prev)


def _judge_incr(rule: Rule, at: Position, event: Event) -> Judgement:
    number, ours = _int(event.sequence), _int(at.last)
    if at.fresh and rule.bridge is Bridge.ANCHOR:
        return _judge_anchor(rule, at, event, number)
    if rule.restart is Restart.ONE and number == 1 and ours > 1:
        # "u == 1: service restart"; without a snapshot in it the old book is void.
        return Judgement(Signal.BREAK, ours + 1, number)
    if number <= ours:
        return Judgement(Signal.OLD, ours + 1, number)
    return _in_order(event) if number == ours + 1 else Judgement(Signal.BREAK, ours + 1, number)


def _judge_anchor(rule: Rule, at: Position, event: Event, number: int) -> Judgement:
    """Bybit full: drop ``seq`` below the snapshot's; the delta with equal ``seq`` must have an equal ``u``."""
    group, ours = _int(getattr(event, "group_sequence", None)), _int(at.group)
    if group < ours or (group == ours and number == at.last):
        return Judgement(Signal.OLD, at.last, number)
    return Judgement(Signal.BREAK, at.last, number)


def _judge_time(rule: Rule, at: Position, event: Event) -> Judgement:
    when, ours = _int(event.ts_event), _int(at.last)
    return _in_order(event) if when > ours else Judgement(Signal.OLD, ours, when)


def _judge_unnumbered(rule: Rule, at: Position, event: Event) -> Judgement:
    return _in_order(event)


def _judge_whole(rule: Rule, at: Position, event: Event) -> Judgement:
    if is_empty(event):
        return Judgement(Signal.EMPTY)
    raise DecodeError(f"rule {rule.name!r} knows whole books only, got `{type(event).__name__}`", symbol=event.symbol)


_FAMILIES: Final[Mapping[Family, Callable[[Rule, Position, Event], Judgement]]] = MappingProxyType(
    {
        Family.RANGE: _judge_range,
        Family.PREV: _judge_prev,
        Family.INCR: _judge_incr,
        Family.TIME: _judge_time,
        Family.CRC: _judge_unnumbered,
        Family.SNAP: _judge_whole,
        Family.NONE: _judge_unnumbered,
    }
)


def _in_order(event: Event) -> Judgement:
    return Judgement(Signal.EMPTY if is_empty(event) else Signal.IN_ORDER)


_NEEDED: Final[Mapping[Family, tuple[str, ...]]] = {
    Family.RANGE: ("first_sequence", "sequence"),
    Family.PREV: ("sequence", "prev_sequence"),
    Family.INCR: ("sequence",),
    Family.TIME: ("ts_event",),
}
_NEEDED_TO_BRIDGE: Final[Mapping[Bridge, tuple[str, ...]]] = {
    Bridge.BINANCE_FUTURES: ("first_sequence",),
    Bridge.ANCHOR: ("group_sequence",),
}


def _int(number: int | None) -> int:
    # check_numbers() and _snapshot_number() have refused what is missing before anything is compared.
    if number is None:
        raise DecodeError("a number that the rule compares is missing")
    return number


def _snapshot_number(rule: Rule, event: Event) -> int | None:
    """The number (or time) that later deltas are compared with; required where the rule compares."""
    if rule.scope is Scope.CONNECTION or rule.family in (Family.CRC, Family.NONE):
        return None
    if rule.family is Family.SNAP:
        return event.sequence
    names = ["ts_event" if rule.family is Family.TIME else "sequence"]
    names += ["group_sequence"] if rule.bridge is Bridge.ANCHOR else []
    for name in names:
        if getattr(event, name, None) is None:
            raise DecodeError(f"rule {rule.name!r} needs {name}, the snapshot has none", symbol=event.symbol or None)
    number: int | None = getattr(event, names[0])
    return number


class Connection:
    """Continuity of a whole connection, for rules whose numbers count every frame of the socket.

    >>> link = Connection(RULES["bitfinex_raw"])
    >>> [link.check(number).name for number in (1, 2, 3, 5)]
    ['NOOP', 'NOOP', 'NOOP', 'GAP']
    """

    def __init__(self, rule: Rule) -> None:
        self.rule = rule
        self.last: int | None = None

    def check(self, sequence: int | None) -> Verdict:
        """Judge the number of one frame. O(1).

        A feed that never numbers its frames proves nothing and passes; one that stops numbering them, or starts to
        count anew without a word, is a gap.
        """
        last, self.last = self.last, sequence
        if last is None:
            return Verdict.NOOP
        if sequence == last:
            return Verdict.STALE
        if sequence == last + 1:
            return Verdict.NOOP
        return Verdict.GAP.numbered(expected=last + 1, got=sequence)

    def reset(self) -> None:
        """A new connection counts from the start."""
        self.last = None
