# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""Blocks of lines through a feed's books at once: what ``orderbook/csrc/bulk.h`` does, for :mod:`orderbook.bulk`."""

cimport cython
from cpython.bytearray cimport PyByteArray_AS_STRING
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE
from cpython.mem cimport PyMem_Calloc, PyMem_Free
from libc.stdint cimport INT64_MAX, int64_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memcpy

from orderbook._receiver cimport (
    OB_CAPTURE, OB_INTO_COLUMNS, OB_INTO_COUNTS, OB_INTO_GRID, OB_INTO_NOTHING, OB_LOST,
    OB_NDJSON, OB_NEEDS_ARMING, OB_NEEDS_PYTHON, OB_NO_TIME, OB_NS_JSON, OB_TARDIS_RAW, Lane,
    Receiver, ob_add_track, ob_bulk, ob_run_block, ob_track,
)

NEEDS_PYTHON = OB_NEEDS_PYTHON

FRAMINGS = {"ns_json": OB_NS_JSON, "ndjson": OB_NDJSON, "tardis_raw": OB_TARDIS_RAW, "capture": OB_CAPTURE}


cdef int64_t given(object value):
    return OB_NO_TIME if value is None else value


cdef object shown(int64_t value):
    return None if value == OB_NO_TIME else value


@cython.final
@cython.auto_pickle(False)
cdef class Bulk:
    """Takes blocks of lines for one feed; ``shared`` says that its books can be seen from outside meanwhile."""

    cdef Receiver receiver
    cdef ob_bulk bulk
    cdef int lanes, builders
    cdef bint shared
    cdef list arrays

    def __cinit__(self, Receiver receiver not None, bint by_event_time, bint shared):
        self.receiver = receiver
        self.shared = shared
        self.bulk.program = receiver.walker.program
        self.bulk.reading = &receiver.scratch.reading
        self.bulk.by_event_time = by_event_time
        self.bulk.sink = OB_INTO_NOTHING
        self.bulk.before = self.bulk.until = self.bulk.now = self.bulk.clock = OB_NO_TIME
        self.bulk.next = self.bulk.start = self.bulk.stop = OB_NO_TIME
        self.bulk.step = 1

    def __dealloc__(self):
        PyMem_Free(self.bulk.tracks)

    # ---- what is asked for -------------------------------------------------------------------------------------------

    @property
    def now(self):
        """The latest time seen, None before one."""
        return shown(self.bulk.now)

    @now.setter
    def now(self, value):
        self.bulk.now = given(value)

    @property
    def next(self):
        """The next moment of the grid."""
        return shown(self.bulk.next)

    @next.setter
    def next(self, value):
        self.bulk.next = given(value)

    @property
    def changes(self):
        """How many messages changed the book."""
        return self.bulk.changes

    @changes.setter
    def changes(self, value):
        self.bulk.changes = value

    @property
    def count(self):
        """How many rows are written."""
        return self.bulk.columns.count if self.bulk.sink == OB_INTO_COLUMNS else self.bulk.rows.count

    def until(self, moment):
        """Say after which moment no message is to be applied."""
        self.bulk.until = given(moment)

    def sample(self, bint by_count, step, start, stop):
        """Say which rows a panel shall have."""
        self.bulk.sink = OB_INTO_COUNTS if by_count else OB_INTO_GRID
        self.bulk.step = step
        self.bulk.start, self.bulk.stop = given(start), given(stop)

    def write_panel(self, dict arrays, size_t count, size_t depth):
        """Write rows into the arrays of a panel, from row ``count`` on."""
        cdef int64_t[::1] ts = arrays["ts"]
        cdef uint8_t[::1] state = arrays["state"]
        cdef int i
        rows = &self.bulk.rows
        rows.ts, rows.state = &ts[0], &state[0]
        rows.count, rows.room, rows.depth = count, ts.shape[0], depth
        self.arrays = [ts, state]
        for i, name in enumerate(("bid", "ask")):
            self.write_side(i, arrays, name)

    cdef int write_side(self, int i, dict arrays, str name) except -1:
        cdef uint8_t[::1] known = arrays[name + "s_known"].view("u1")
        cdef double[:, ::1] prices = arrays[name + "_px"]
        cdef double[:, ::1] sizes = arrays[name + "_sz"]
        cdef uint32_t[:, ::1] counts = arrays[name + "_ct"]
        self.bulk.rows.known[i] = &known[0]
        self.bulk.rows.prices[i] = &prices[0, 0]
        self.bulk.rows.sizes[i] = &sizes[0, 0]
        self.bulk.rows.counts[i] = &counts[0, 0]
        self.arrays += [known, prices, sizes, counts]
        return 0

    def write_columns(self, dict arrays, size_t count, int price_scale, int size_scale):
        """Write rows into the columns of events, from row ``count`` on."""
        cdef int64_t[::1] ts_event = arrays["ts_event"]
        cdef int64_t[::1] ts_recv = arrays["ts_recv"]
        cdef int64_t[::1] price = arrays["price"]
        cdef int64_t[::1] size = arrays["size"]
        cdef uint64_t[::1] order_id = arrays["order_id"]
        cdef uint64_t[::1] sequence = arrays["sequence"]
        cdef uint8_t[::1] action = arrays["action"]
        cdef uint8_t[::1] side = arrays["side"]
        cdef uint8_t[::1] flags = arrays["flags"]
        columns = &self.bulk.columns
        columns.ts_event, columns.ts_recv = &ts_event[0], &ts_recv[0]
        columns.price, columns.size = &price[0], &size[0]
        columns.order_id, columns.sequence = &order_id[0], &sequence[0]
        columns.action, columns.side, columns.flags = &action[0], &side[0], &flags[0]
        columns.count, columns.room = count, ts_event.shape[0]
        columns.price_scale, columns.size_scale = price_scale, size_scale
        self.arrays = [ts_event, ts_recv, price, size, order_id, sequence, action, side, flags]
        self.bulk.sink = OB_INTO_COLUMNS

    def watch(self, symbol):
        """Say whose book the rows are of; whether it goes the quick way now."""
        cdef Lane lane = self.open(symbol)
        self.bulk.mine = NULL if lane is None else &lane.track
        return lane is not None and (lane.track.armed or self.receiver.arm(lane))

    cdef Lane open(self, object symbol):
        """The lane of an instrument; None where it can have none now."""
        cdef bytes key = symbol.encode("utf-8", "surrogatepass")
        cdef Lane lane = self.receiver.lanes.get(key)
        return self.receiver.open_lane(key) if lane is None else lane

    # ---- a block -----------------------------------------------------------------------------------------------------

    def set_date(self, bytes date, second):
        """Say where the second begins that a date and time of Tardis stands for."""
        if PyBytes_GET_SIZE(date) == 19:
            memcpy(self.bulk.date, PyBytes_AS_STRING(date), 19)
            self.bulk.second = second

    def run(self, bytearray block not None, size_t at, size_t size, int framing, before):
        """Take the lines from ``at`` on as far as they are plain: why it stopped, where, and how many lines later."""
        cdef unsigned char[::1] held = block  # nobody can change its size while this is there
        cdef const char *text = PyByteArray_AS_STRING(block)
        cdef size_t lines = 0
        cdef int code
        if at > size or size > <size_t>held.shape[0]:
            raise IndexError(size)
        self.bulk.framing = framing
        # No line is received later than int64 can say.
        self.bulk.before = OB_NO_TIME if before is not None and before > INT64_MAX else given(before)
        if not self.begin():
            return OB_NEEDS_PYTHON, at, 0
        try:
            while True:
                if self.shared:
                    code = ob_run_block(&self.bulk, text, size, &at, &lines)
                else:
                    with nogil:
                        code = ob_run_block(&self.bulk, text, size, &at, &lines)
                if code != OB_NEEDS_ARMING or not self.receiver.arm(self.lane_of(self.bulk.latest)):
                    break
        finally:
            self.end()
        if code == OB_LOST:
            self.lane_of(self.bulk.latest).builder.lose()
            raise MemoryError
        return OB_NEEDS_PYTHON if code == OB_NEEDS_ARMING else code, at, lines

    cdef Lane lane_of(self, const ob_track *track):
        return self.receiver.lanes[track.symbol[: track.symbol_length]]

    cdef bint begin(self) except -1:
        self.collect()
        if not self.receiver.resumed and not self.receiver.resume():
            return False
        self.bulk.clock = self.receiver.clock
        self.bulk.messages = self.bulk.ignored = self.bulk.backwards = 0
        return True

    cdef void end(self) noexcept:
        self.receiver.clock = self.bulk.clock
        self.receiver.messages += self.bulk.messages
        self.receiver.ignored += self.bulk.ignored
        self.receiver.backwards += self.bulk.backwards

    cdef int collect(self) except -1:
        """Bring the table of tracks up to date: one for every instrument that has a book."""
        cdef Lane lane
        cdef size_t slots = 8
        if self.builders == len(self.receiver.feed._builders) and self.lanes == len(self.receiver.lanes):
            return 0  # neither ever becomes less, and this is asked once a line that is not plain
        self.builders = len(self.receiver.feed._builders)
        for symbol in self.receiver.feed._builders:
            self.open(symbol)
        if self.lanes == len(self.receiver.lanes):
            return 0
        while slots < <size_t>(2 * len(self.receiver.lanes)):
            slots *= 2
        PyMem_Free(self.bulk.tracks)
        self.bulk.slots = 0
        self.bulk.tracks = <ob_track **>PyMem_Calloc(slots, sizeof(ob_track *))
        if self.bulk.tracks == NULL:
            raise MemoryError
        self.bulk.slots = slots
        for lane in self.receiver.lanes.values():
            ob_add_track(self.bulk.tracks, slots, &lane.track)
        self.lanes = len(self.receiver.lanes)
        return 0
