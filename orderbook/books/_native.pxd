"""The compiled books as other compiled modules see them."""

from cpython.buffer cimport Py_buffer
from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t

cdef extern from "book.h" nogil:
    enum: OB_BID, OB_ASK
    enum: OB_NONE, OB_SIGNED, OB_UNSIGNED
    enum: OB_STATE_NORMAL, OB_STATE_NO_BID, OB_STATE_NO_ASK, OB_STATE_EMPTY, OB_STATE_LOCKED, OB_STATE_CROSSED
    enum: OB_STATE_STALE
    enum: OB_OK, OB_FINER, OB_MAX_SCALE
    int64_t OB_NO_BOUND
    int64_t OB_BOOK_LEVELS
    const uint64_t OB_TEN[19]

    ctypedef struct ob_ladder:
        size_t levels
        int wide

    ctypedef struct ob_cursor:
        int64_t rank
        const int64_t *numbers

    ctypedef struct ob_side:
        ob_ladder ladder
        int limited
        int64_t bound

    ctypedef struct ob_maybe:
        int kind
        int64_t value

    ctypedef struct ob_header:
        ob_maybe sequence
        ob_maybe ts_event
        ob_maybe ts_recv

    ctypedef struct ob_book:
        ob_side sides[2]
        int price_scale
        int size_scale
        int64_t max_depth
        int64_t version
        ob_header header

    ctypedef struct ob_top:
        int64_t bid
        int64_t bid_size
        int64_t ask
        int64_t ask_size

    int ob_parse_decimal(const char *s, size_t n, int64_t *mantissa, int *scale)
    int ob_parse_at(const char *s, size_t n, int scale, int64_t *mantissa)
    int64_t ob_rank(int side, int64_t price)
    double ob_to_double(int64_t mantissa, int scale)
    int ob_fits(int64_t value, int64_t factor)
    int ob_rescale_column(int64_t *column, size_t count, int scale, int target)

    void ob_ladder_init(ob_ladder *ladder, int wide)
    void ob_ladder_clear(ob_ladder *ladder)
    int ob_ladder_copy(ob_ladder *to, const ob_ladder *source, int wide, int64_t rank_factor, int64_t size_factor)
    const int64_t *ob_get(const ob_ladder *ladder, int64_t rank)
    int64_t *ob_find(ob_ladder *ladder, int64_t rank)
    int64_t *ob_put(ob_ladder *ladder, int64_t rank, int *is_new)
    int ob_set(ob_ladder *ladder, int64_t rank, int64_t size)
    int ob_delete(ob_ladder *ladder, int64_t rank)
    const int64_t *ob_best(const ob_ladder *ladder, int64_t *rank)
    int64_t ob_worst(const ob_ladder *ladder)
    void ob_start(ob_cursor *at, const ob_ladder *ladder)
    int ob_next(ob_cursor *at)
    void ob_seek(ob_cursor *at, const ob_ladder *ladder, size_t index)

    void ob_book_init(ob_book *book)
    void ob_book_empty(ob_book *book, int known)
    void ob_book_stamp(ob_book *book, const ob_header *header)
    int ob_book_fits(const ob_book *book, int price_scale, int size_scale)
    int ob_book_widen(ob_book *book, int price_scale, int size_scale)
    int ob_set_levels(ob_book *book, int side, const int64_t *prices, const int64_t *sizes, const int64_t *counts,
                      size_t count)
    int ob_fill_side(ob_side *to, int side, const int64_t *prices, const int64_t *sizes, const int64_t *counts,
                     size_t count, int complete)
    int ob_is_known_to(const ob_side *side, size_t levels)
    void ob_trim_side(ob_side *side, size_t depth, void (*dropped)(void *, const int64_t *) noexcept, void *context)
    void ob_book_finish(ob_book *book, const ob_header *header)
    int ob_book_top(const ob_book *book, ob_top *top)
    int ob_book_state(const ob_book *book)


cdef extern from "l3_rows.h" nogil:
    enum: OB_NO_MEMORY, OB_DECLINED, OB_DONE
    enum: OB_ID_INT, OB_ID_NEGATIVE, OB_ID_TEXT, OB_ID_FREE
    uint32_t OB_NIL
    int64_t OB_TIME_MISSING

    ctypedef struct ob_id:
        uint64_t bits
        uint32_t kind

    ctypedef struct ob_order:
        uint64_t id
        int64_t size
        uint32_t next
        uint32_t prev
        uint32_t queue
        uint32_t kind

    ctypedef struct ob_past:
        int64_t ts_event
        uint64_t age

    ctypedef struct ob_queue:
        int64_t rank
        int64_t anonymous
        uint32_t head
        uint32_t tail
        uint32_t count
        int32_t side

    ctypedef struct ob_orders:
        ob_order *orders
        ob_past *past
        ob_queue *queues
        uint32_t count
        uint32_t used
        uint32_t texts
        uint32_t queue_used
        uint32_t leavers

    ctypedef struct ob_l3:
        ob_book *book
        ob_orders *orders

    ctypedef struct ob_wish:
        ob_id id
        int side
        int64_t rank
        int64_t size

    ctypedef struct ob_table:
        const int64_t *ts_event
        const int64_t *ts_recv
        const uint8_t *action
        const uint8_t *side
        const uint8_t *flags
        const int64_t *price
        const int64_t *size
        const uint64_t *order_id
        const uint64_t *sequence
        size_t count
        int price_scale
        int size_scale

    ctypedef struct ob_row_run:
        size_t row
        size_t stop
        size_t events

    int ob_double_at(double value, int scale, int64_t *mantissa)
    void ob_orders_init(ob_orders *o, uint64_t seed)
    void ob_orders_clear(ob_orders *o)
    int ob_orders_copy(ob_orders *to, const ob_orders *source)
    uint32_t ob_id_tag(const ob_orders *o, ob_id id)
    int ob_is_order(const ob_order *order, ob_id id)
    uint32_t ob_find_order(const ob_orders *o, ob_id id)
    int ob_next_leaver(ob_orders *o, uint64_t *text)

    void ob_l3_ready(ob_book *book)
    void ob_l3_empty(ob_l3 l3, int known)
    void ob_l3_trim(ob_l3 l3)
    void ob_l3_finish(ob_l3 l3, const ob_header *header)
    int ob_l3_widen(ob_l3 l3, int price_scale, int size_scale)
    void ob_l3_renumber(ob_l3 l3)
    int ob_l3_insert(ob_l3 l3, const ob_wish *wish, uint32_t tag, int64_t time)
    int ob_l3_add(ob_l3 l3, const ob_wish *wish, const ob_header *header)
    void ob_l3_remove(ob_l3 l3, uint32_t at)
    void ob_l3_shrink(ob_l3 l3, uint32_t at, int64_t by, const ob_header *header)
    int ob_l3_take(ob_l3 l3, uint32_t at, int64_t size, const ob_header *header)
    int ob_l3_requeue(ob_l3 l3, uint32_t at, const ob_wish *wish, const ob_header *header)
    int ob_l3_modify(ob_l3 l3, uint32_t at, const ob_wish *wish, const ob_header *header)
    int ob_l3_add_anonymous(ob_l3 l3, int side, int64_t rank, int64_t size)
    int ob_l3_take_anonymous(ob_l3 l3, int side, int64_t rank, int64_t size)
    const char *ob_l3_check(const ob_book *book, const ob_orders *o)
    void ob_limit_side(ob_side *side, size_t but)
    int ob_rows_event(ob_l3 l3, const ob_table *r, size_t i, size_t *stop)
    int ob_rows_apply(ob_l3 l3, const ob_table *r, size_t limit, ob_row_run *run)


cdef class BookCore:
    cdef object __weakref__
    cdef ob_book book
    cdef str symbol_text
    cdef str price_type_text
    cdef int kind
    # What was read last, and of which version of the book: a reader often asks more than once between two messages.
    cdef object seen_bid, seen_ask, seen_depth
    cdef int64_t version_of_bid, version_of_ask, version_of_depth, count_of_depth
    cdef int kind_of_depth
    cdef void forget_seen(self) noexcept
    cdef object level(self, int side, int64_t rank, const int64_t *numbers, int kind)
    cdef object level_of(self, int side, const int64_t *seen, int kind)
    cdef Py_ssize_t see(self, int side, Py_ssize_t start, Py_ssize_t stop, int64_t *seen) noexcept
    cdef list levels_between(self, int side, Py_ssize_t start, Py_ssize_t stop, int kind)
    cdef object quotient(self, int64_t numerator, int64_t denominator)
    cdef object sum_of(self, int side, int64_t count)
    cdef object shot(self, int64_t count, int kind)
    cdef object new_shot(self, int64_t count, int kind)
    cdef object count_of(self, int side, const int64_t *numbers)
    cdef int64_t count_number(self, int side, const int64_t *numbers) noexcept nogil
    cdef void free_cells(self) noexcept
    cdef void end_change(self, const ob_header *header) noexcept


cdef struct Columns:
    int64_t *prices
    int64_t *sizes
    int64_t *counts
    bint counted
    size_t count
    size_t room
    int price_scale
    int size_scale


cdef class L2Core(BookCore):
    cdef Columns columns[2]
    cdef int read_header(self, object sequence, object ts_event, object ts_recv, ob_header *header) except -1
    cdef int take_rows(self, object bids, object asks) except -1
    cdef int side_has_room(self, int side) noexcept
    cdef int ready(self, object bids, object asks) except -1
    cdef int put_columns(self, const ob_header *header) except -1
    cdef int out_of_memory(self) except -1
    cdef int few_rows(self) noexcept
    cdef int fill_sides(self, ob_side *sides, bint complete) except -1


cdef class RowsCore:
    cdef ob_table rows
    cdef Py_buffer buffers[9]
    cdef int held
    cdef readonly bint usable
    cdef const void *hold(self, object column, size_t item) except? NULL


cdef class L3Core(BookCore):
    cdef ob_orders orders_kept
    cdef ob_l3 l3
    cdef dict texts
    cdef bint plain
    cdef int read_id(self, object value, ob_id *out) except -1
    cdef uint32_t find(self, object order_id) except? 0xFFFFFFFE
    cdef object id_of(self, uint32_t at)
    cdef int adopt_text(self, object order_id, ob_id *id) except -1
    cdef int settle(self) except -1
    cdef int settle_if(self, int code) except -1
    cdef int out_of_memory(self) except -1
    cdef int place(self, object side, object price, object size, ob_wish *wish) except -1
    cdef int try_add(self, object order_id, object side, object price, object size, const ob_header *header) except -1
    cdef int try_modify(
        self, uint32_t at, object side, object price, object size, const ob_header *header
    ) except -1
    cdef int try_take(self, object order_id, object size, const ob_header *header) except -1
    cdef int try_replace(
        self, object order_id, object new_id, object price, object size, const ob_header *header
    ) except -1
    cdef int try_event(self, object event) except -1
    cdef int try_modify_event(self, object event, const ob_header *header) except -1
    cdef object apply_rows(self, RowsCore rows, object events)
    cdef int look(self, uint32_t at, ob_order *order, ob_queue *queue) except -1
    cdef uint32_t resting(self, object order_id) except? 0xFFFFFFFE
    cdef object order_at(self, uint32_t at)
    cdef object resting_at(self, uint32_t at)
