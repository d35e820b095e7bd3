# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""The quick half of a feed: a message that is plainly the next one goes from bytes into the book in one call.

A :class:`Receiver` stands in front of one :class:`~orderbook.Feed`. It takes deltas that follow what a live book already
has, trades and quotes, and messages that a format ignores. Everything else (snapshots, gaps, repetitions, whatever the
compiled decoder declines, a number finer than the book's) it leaves alone, having changed nothing: the feed's own code is
the specification, and does it.

While a :class:`Lane` carries an instrument, its position and its counters stand here; the builder asks for them back
(``hand_back``) before anybody looks at it or changes it.
"""

cimport cython
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE
from libc.stdint cimport INT64_MAX, INT64_MIN, int64_t, uint32_t

from orderbook.books._native cimport OB_NONE, OB_SIGNED, ob_maybe
from orderbook.decode._walker cimport (
    OB_KIND_DELTA, OB_KIND_IGNORED, OB_KIND_QUOTE, OB_KIND_TRADE, OB_OK, OB_TS_EVENT, Scratch, Walker, ob_reading, ob_walk,
)

from orderbook.books.native import L2Book
from orderbook.continuity import Bridge, Family, Position, Restart, Scope
from orderbook.decode.interpret import JsonDecoder
from orderbook.decode.lazy import DeferredDelta, DeferredQuote, DeferredTrade
from orderbook.events import Event
from orderbook.types import RawMessage
from orderbook.verdicts import OnCrossed, State, Verdict

cdef extern from "objects.h":
    object ob_new_update(object type, object a, object b, object c, object d, object e, object f, object g)
    object ob_new_empty(object type)
    int ob_store(object descriptor, object object, object value) except -1

cdef dict _families = {
    Family.RANGE: OB_BY_RANGE,
    Family.PREV: OB_BY_PREV,
    Family.INCR: OB_BY_INCR,
    Family.TIME: OB_BY_TIME,
    Family.NONE: OB_BY_NOTHING,
    Family.CRC: OB_BY_NOTHING,
}

cdef bint is_plain_time(object ts) except -1:
    return type(ts) is int and INT64_MIN < ts <= INT64_MAX


cdef object _applied = Verdict.APPLIED
cdef object _noop = Verdict.NOOP
cdef object _live = State.LIVE
cdef object _pending = Event.symbol


@cython.final
@cython.auto_pickle(False)
cdef class Lane:
    """One instrument that goes the quick way; its track is what C sees of it."""

    def hand_back(self):
        """Give the builder what happened here since it was asked last; it goes on by itself from there."""
        cdef ob_track *track = &self.track
        builder = self.builder
        if track.armed:
            track.armed = 0
            builder._lane = None
            if track.moved:
                builder._at = Position(None if track.last == OB_NOT_NUMBERED else track.last)
        stats = builder._stats
        stats.events += track.events
        stats.applied += track.applied
        stats.noop += track.noop
        stats.crossed += track.crossed
        stats.locked += track.locked
        track.moved = 0
        track.events = track.applied = track.noop = track.crossed = track.locked = 0


@cython.final
@cython.auto_pickle(False)
cdef class Receiver:
    """Takes the plain messages of one feed; see the module."""

    @staticmethod
    def make(feed, Feed, update):
        """Return a receiver for a feed whose format and rule go the quick way, None for others."""
        cdef Receiver made
        rule = feed.rule
        decoder = feed._decoder
        if type(decoder) is not JsonDecoder or type(decoder.walker) is not Walker:
            return None
        # A feed that says itself what becomes of a message must be asked.
        if any(getattr(type(feed), name) is not getattr(Feed, name) for name in ("decode", "take")):
            return None
        if rule.scope is not Scope.INSTRUMENT or rule.bridge is Bridge.ANCHOR or rule.family not in _families:
            return None
        made = Receiver.__new__(Receiver)
        made.feed, made.rule, made.decoder, made.update = feed, rule, decoder, update
        made.walker = decoder.walker
        made.scratch = Scratch()
        made.lanes = {}
        return made

    # ---- one message -------------------------------------------------------------------------------------------------

    cdef list receive(self, bytes payload, object ts_recv):
        """The updates of a message, None where the feed's own code has to take it."""
        cdef ob_reading *reading = &self.scratch.reading
        cdef const char *text = PyBytes_AS_STRING(payload)
        cdef Py_ssize_t length = PyBytes_GET_SIZE(payload)
        cdef int64_t clock = OB_NO_TIME
        cdef Lane lane = self.latest_lane
        cdef uint32_t generation
        if ts_recv is not None:
            if not is_plain_time(ts_recv):
                return None
            clock = ts_recv
        if not self.resumed and not self.resume():
            return None
        if lane is not None:
            reading.price_scale, reading.size_scale = lane.book.book.price_scale, lane.book.book.size_scale
        if ob_walk(self.walker.program, text, length, reading) != OB_OK:
            return None
        if reading.kind == OB_KIND_IGNORED:
            self.watch(clock)
            self.ignored += 1
            return []
        generation = reading.generation
        lane = self.lane_of(reading)
        # Python may have run meanwhile, and another thread have read another message here.
        if lane is None or generation != reading.generation or not ob_has_plain_header(reading):
            return None
        if reading.kind == OB_KIND_DELTA:
            verdict = self.take_delta(lane, reading, text, length, clock)
            if verdict is None:
                return None
            kind = DeferredDelta
        elif reading.kind == OB_KIND_QUOTE or reading.kind == OB_KIND_TRADE:
            lane.track.events += 1
            lane.track.noop += 1
            verdict, kind = _noop, DeferredQuote if reading.kind == OB_KIND_QUOTE else DeferredTrade
        else:
            return None
        self.watch(clock)
        ts_event = reading.values[OB_TS_EVENT].number if ob_has(reading, OB_TS_EVENT) else None
        return [self.make_update(lane, payload, ts_event, ts_recv, verdict, kind)]

    cdef object take_delta(self, Lane lane, ob_reading *reading, const char *text, Py_ssize_t length, int64_t clock):
        """The verdict on a delta that is in the book, None where nothing has changed."""
        cdef ob_maybe ts_recv
        cdef int code
        ts_recv.kind = OB_NONE if clock == OB_NO_TIME else OB_SIGNED
        ts_recv.value = clock
        if not ob_read_at_scale(&lane.track, self.walker.program, text, length, reading):
            return None
        code = ob_take_delta(&lane.track, reading, ts_recv)
        if code == OB_REFUSED_DELTA:
            return None
        if code == OB_LOST_DELTA:
            lane.builder.lose()
            raise MemoryError
        return _applied if reading.bids.n or reading.asks.n else _noop

    cdef object make_update(
        self, Lane lane, bytes payload, object ts_event, object ts_recv, object verdict, object kind
    ):
        cdef object event = ob_new_empty(kind)
        ob_store(_pending, event, (self.walker, payload, ts_recv))
        return ob_new_update(self.update, lane.symbol, verdict, event, lane.book, ts_event, ts_recv, _live)

    cdef void watch(self, int64_t ts_recv) noexcept:
        self.messages += 1
        if ts_recv < self.clock:  # OB_NO_TIME is below every time
            self.backwards += ts_recv != OB_NO_TIME
        else:
            self.clock = ts_recv

    # ---- lanes -------------------------------------------------------------------------------------------------------

    cdef Lane lane_of(self, const ob_reading *reading):
        """The lane of a message's instrument, ready to take it; None where it has none now."""
        cdef Lane lane = self.latest_lane
        if lane is None or not ob_is_track_of(&lane.track, reading):
            key = reading.symbol[: reading.symbol_length]
            lane = self.lanes.get(key)
            if lane is None:
                lane = self.open_lane(key)
                if lane is None:
                    return None
            self.latest_lane = lane
        if not lane.track.armed and not self.arm(lane):
            return None
        return lane

    cdef Lane open_lane(self, bytes key):
        cdef Lane lane
        symbol = key.decode("utf-8", "surrogatepass")
        builder = self.feed._builders.get(symbol)
        if builder is None or type(builder.book) is not L2Book:
            return None
        lane = Lane.__new__(Lane)
        lane.builder, lane.book, lane.symbol, lane.key = builder, builder.book, builder.symbol, key
        lane.track.symbol, lane.track.symbol_length = PyBytes_AS_STRING(lane.key), PyBytes_GET_SIZE(lane.key)
        lane.track.book = &lane.book.book
        lane.track.family = _families[self.rule.family]
        lane.track.restarts = self.rule.restart is Restart.ONE
        lane.track.ranged = self.rule.bridge is Bridge.BINANCE_FUTURES
        self.lanes[key] = lane
        return lane

    cdef bint arm(self, Lane lane) except -1:
        """Take over from the builder, where all is well with its instrument."""
        builder = lane.builder
        if builder.rule is not self.rule or builder.state is not _live or builder._lane is not None:
            return False
        if builder._open is not None or builder._dirty:
            return False
        if builder.on_crossed is not OnCrossed.COUNT or builder.checksum is not None or builder.book is not lane.book:
            return False
        at = builder._at
        if at.fresh or (at.last is None and lane.track.family != OB_BY_NOTHING):
            return False
        if at.last is not None and not -INT64_MAX < at.last < INT64_MAX:
            return False
        if not self.decoder.knows(lane.symbol):
            return False
        lane.track.last = OB_NOT_NUMBERED if at.last is None else at.last
        lane.track.moved = 0
        lane.track.armed = 1
        builder._lane = lane
        return True

    cdef bint resume(self) except -1:
        """Go on from the feed's clock; False where that stands at a time that is none of int64."""
        latest = self.feed._latest
        if latest is not None and not is_plain_time(latest):
            return False
        self.clock = OB_NO_TIME if latest is None else latest
        self.resumed = True
        return True

    def hand_back(self):
        """Give the feed what was counted here since it was asked last."""
        stats = self.feed._stats
        stats.messages += self.messages
        stats.backwards += self.backwards
        self.decoder.ignored += self.ignored
        if self.resumed and self.clock != OB_NO_TIME:
            self.feed._latest = self.clock
        self.resumed = False
        self.messages = self.backwards = self.ignored = 0


def receive(self, payload, ts_recv=None, *, origin="", place=None):
    # A method of Feed, which says in Python what it does; here to spare each message a Python frame.
    cdef object receiver = self._receiver
    if receiver is not None:
        if type(payload) is bytes:
            if not origin:
                updates = (<Receiver>receiver).receive(<bytes>payload, ts_recv)
                if updates is not None:
                    return updates
        elif type(payload) is RawMessage and type(payload.payload) is bytes and not payload.origin:
            updates = (<Receiver>receiver).receive(<bytes>payload.payload, payload.ts_recv)
            if updates is not None:
                return updates
    return self._receive(payload, ts_recv, origin=origin, place=place)
