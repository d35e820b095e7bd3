# The columns of Events as C sees them, for the compiled modules that run over them.

cdef enum:
    MAX_SCALE = 18


@cython.internal
cdef class Tape:
    """Pointers into columns, and what keeps the columns alive."""

    cdef ob_tape rows
    cdef const int64_t[::1] ts_event, ts_recv, price, size
    cdef const uint8_t[::1] action, side, flags
    cdef const uint64_t[::1] order_id, sequence

    cdef int bind(self, dict columns) except -1:
        """Take the columns; 0 where they are not of one length."""
        cdef Py_ssize_t count = len(columns["action"])
        self.ts_event, self.ts_recv = columns["ts_event"], columns["ts_recv"]
        self.action, self.side, self.flags = columns["action"], columns["side"], columns["flags"]
        self.price, self.size = columns["price"], columns["size"]
        self.order_id, self.sequence = columns["order_id"], columns["sequence"]
        for values in columns.values():
            if values.ndim != 1 or len(values) != count or not values.flags.aligned:
                return 0
        self.rows.rows = count
        if count:
            self.point()
        return 1

    cdef void point(self) noexcept:
        self.rows.ts_event, self.rows.ts_recv = &self.ts_event[0], &self.ts_recv[0]
        self.rows.action, self.rows.side, self.rows.flags = &self.action[0], &self.side[0], &self.flags[0]
        self.rows.price, self.rows.size = &self.price[0], &self.size[0]
        self.rows.order_id, self.rows.sequence = &self.order_id[0], &self.sequence[0]


cdef Tape tape_of(object events, bint follow):
    """The columns of Events; None where they are not as Events make them. Raises what a first look at a file raises."""
    cdef Tape tape = Tape()
    price_exponent, size_exponent = events.price_exponent, events.size_exponent
    if not -MAX_SCALE <= price_exponent <= 0 or not -MAX_SCALE <= size_exponent <= 0:
        return None
    columns = events._columns()
    try:
        if not tape.bind(columns):
            return None
    except (TypeError, ValueError, BufferError):
        return None
    tape.rows.price_scale, tape.rows.size_scale = -price_exponent, -size_exponent
    tape.rows.follow = follow
    return tape
