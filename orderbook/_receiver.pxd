"""The quick half of a feed as the bulk reader sees it."""

from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t

from orderbook.books._native cimport L2Core, ob_book, ob_maybe
from orderbook.columns._panel cimport ob_panel
from orderbook.decode._walker cimport Scratch, Walker, ob_program, ob_reading

cdef extern from "bulk.h" nogil:
    enum: OB_BY_RANGE, OB_BY_PREV, OB_BY_INCR, OB_BY_TIME, OB_BY_NOTHING
    enum: OB_TAKEN, OB_REFUSED_DELTA, OB_LOST_DELTA
    enum: OB_NS_JSON, OB_NDJSON, OB_TARDIS_RAW, OB_CAPTURE
    enum: OB_BLOCK_ENDS, OB_NEEDS_PYTHON, OB_NEEDS_ARMING, OB_NEEDS_ROOM, OB_TURN_ENDS, OB_LOST
    enum: OB_INTO_NOTHING, OB_INTO_GRID, OB_INTO_COUNTS, OB_INTO_COLUMNS
    int64_t OB_NO_TIME
    int64_t OB_NOT_NUMBERED

    ctypedef struct ob_track:
        const char *symbol
        size_t symbol_length
        ob_book *book
        int family
        int restarts
        int ranged
        int armed
        int moved
        int64_t last
        int64_t events
        int64_t applied
        int64_t noop
        int64_t crossed
        int64_t locked

    ctypedef struct ob_columns:
        int64_t *ts_event
        int64_t *ts_recv
        int64_t *price
        int64_t *size
        uint64_t *order_id
        uint64_t *sequence
        uint8_t *action
        uint8_t *side
        uint8_t *flags
        size_t count
        size_t room
        int price_scale
        int size_scale

    ctypedef struct ob_bulk:
        const ob_program *program
        ob_reading *reading
        ob_track **tracks
        size_t slots
        ob_track *latest
        ob_track *mine
        int framing
        int by_event_time
        int sink
        int64_t before
        int64_t until
        int64_t now
        int64_t clock
        int64_t messages
        int64_t ignored
        int64_t backwards
        char date[19]
        int64_t second
        ob_panel rows
        int64_t step
        int64_t next
        int64_t start
        int64_t stop
        uint64_t changes
        ob_columns columns

    int ob_has(const ob_reading *reading, int name)
    int ob_has_plain_header(const ob_reading *reading)
    int ob_is_track_of(const ob_track *track, const ob_reading *reading)
    int ob_read_at_scale(const ob_track *track, const ob_program *program, const char *payload, size_t length,
                         ob_reading *reading)
    int ob_take_delta(ob_track *track, ob_reading *reading, ob_maybe ts_recv)
    void ob_add_track(ob_track **tracks, size_t slots, ob_track *track)
    int ob_run_block(ob_bulk *bulk, const char *block, size_t size, size_t *at, size_t *lines)


cdef class Lane:
    cdef object builder
    cdef L2Core book
    cdef str symbol
    cdef bytes key
    cdef ob_track track


cdef class Receiver:
    cdef object feed, rule, decoder
    cdef type update
    cdef Walker walker
    cdef Scratch scratch
    cdef dict lanes
    cdef Lane latest_lane
    cdef bint resumed
    cdef int64_t clock, messages, ignored, backwards
    cdef list receive(self, bytes payload, object ts_recv)
    cdef object take_delta(self, Lane lane, ob_reading *reading, const char *text, Py_ssize_t length, int64_t clock)
    cdef object make_update(self, Lane lane, bytes payload, object ts_event, object ts_recv, object verdict, object kind)
    cdef void watch(self, int64_t ts_recv) noexcept
    cdef Lane lane_of(self, const ob_reading *reading)
    cdef Lane open_lane(self, bytes key)
    cdef bint arm(self, Lane lane) except -1
    cdef bint resume(self) except -1
