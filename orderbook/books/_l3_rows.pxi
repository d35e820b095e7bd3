# The columns of orderbook.Events, as C reads them.

cdef enum:
    STRIDE = 1 << 16


@cython.auto_pickle(False)
cdef class RowsCore:
    """The columns of :class:`orderbook.Events` for C; they stay where they are."""

    def __cinit__(self, columns, int price_scale, int size_scale):
        memset(&self.rows, 0, sizeof(self.rows))
        self.held = 0
        self.rows.price_scale, self.rows.size_scale = price_scale, size_scale
        self.rows.count = len(columns["action"])
        # The columns are checked where they are made, but whoever has `_book_rows` comes in here.
        self.usable = 0 <= price_scale <= OB_MAX_SCALE and 0 <= size_scale <= OB_MAX_SCALE
        self.rows.ts_event = <const int64_t *>self.hold(columns["ts_event"], 8)
        self.rows.ts_recv = <const int64_t *>self.hold(columns["ts_recv"], 8)
        self.rows.action = <const uint8_t *>self.hold(columns["action"], 1)
        self.rows.side = <const uint8_t *>self.hold(columns["side"], 1)
        self.rows.flags = <const uint8_t *>self.hold(columns["flags"], 1)
        self.rows.price = <const int64_t *>self.hold(columns["price"], 8)
        self.rows.size = <const int64_t *>self.hold(columns["size"], 8)
        self.rows.order_id = <const uint64_t *>self.hold(columns["order_id"], 8)
        self.rows.sequence = <const uint64_t *>self.hold(columns["sequence"], 8)

    cdef const void *hold(self, object column, size_t item) except? NULL:
        cdef Py_buffer *buffer = &self.buffers[self.held]
        PyObject_GetBuffer(column, buffer, PyBUF_SIMPLE)
        self.held += 1
        # A column may begin anywhere in somebody's bytes.
        if <size_t>buffer.len != self.rows.count * item or <size_t>buffer.buf % item:
            self.usable = False
        return buffer.buf

    def __dealloc__(self):
        while self.held:
            self.held -= 1
            PyBuffer_Release(&self.buffers[self.held])
