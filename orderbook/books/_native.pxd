"""The compiled books as other compiled modules see them."""

from libc.stdint cimport int64_t, uint64_t

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


cdef class BookCore:
    cdef object __weakref__
    cdef ob_book book
    cdef str symbol_text
    cdef str price_type_text
    cdef int kind
    cdef object level(self, int side, int64_t rank, const int64_t *numbers, int kind)
    cdef list levels_between(self, int side, Py_ssize_t start, Py_ssize_t stop, int kind)
    cdef object quotient(self, int64_t numerator, int64_t denominator)
    cdef object sum_of(self, int side, int64_t count)
    cdef object shot(self, int64_t count, int kind)
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
