/* Rows of a panel: the best levels of a book at one moment, into arrays that somebody else has made room in. */
#ifndef OB_PANEL_H
#define OB_PANEL_H

#include "book.h"

#define OB_NO_TIME INT64_MIN

/* The arrays of a panel, bids first; levels are rows of `depth`. */
typedef struct ob_panel {
    int64_t *ts;
    uint8_t *state, *known[2];
    double *prices[2], *sizes[2];
    uint32_t *counts[2];
    size_t count, room, depth;
} ob_panel;

static inline void ob_write_absent(ob_panel *rows, int side, size_t from, size_t to) {
    for (size_t i = from; i < to; i++) {
        rows->prices[side][i] = NAN;
        rows->sizes[side][i] = 0;
        rows->counts[side][i] = 0;
    }
}

static inline uint32_t ob_shown_count(const ob_ladder *ladder, const int64_t *numbers) {
    return ladder->wide && numbers[1] > 0 ? (uint32_t)numbers[1] : 0;
}

/* The best levels of a side; returns whether they are known to be just that. */
static int ob_write_side(ob_panel *rows, const ob_book *book, int side, size_t row) {
    const ob_side *from = &book->sides[side];
    const size_t depth = rows->depth, first = row * depth;
    const int price_scale = book->price_scale, size_scale = book->size_scale;
    double *prices = rows->prices[side] + first, *sizes = rows->sizes[side] + first;
    uint32_t *counts = rows->counts[side] + first;
    size_t levels = 0;
    ob_cursor at;
    for (ob_start(&at, &from->ladder); levels < depth && ob_next(&at); levels++) {
        prices[levels] = ob_to_double(ob_rank(side, at.rank), price_scale);
        sizes[levels] = ob_to_double(at.numbers[0], size_scale);
        counts[levels] = ob_shown_count(&from->ladder, at.numbers);
    }
    ob_write_absent(rows, side, first + levels, first + depth);
    return !from->limited || (levels == depth && at.rank <= from->bound);
}

/* The same for depth 1 without a walk: this is every update's best price. */
static inline int ob_write_best(ob_panel *rows, const ob_book *book, int side, size_t row) {
    const ob_side *from = &book->sides[side];
    int64_t rank;
    const int64_t *numbers = ob_best(&from->ladder, &rank);
    if (OB_UNLIKELY(!numbers)) {
        ob_write_absent(rows, side, row, row + 1);
        return !from->limited;
    }
    rows->prices[side][row] = ob_to_double(ob_rank(side, rank), book->price_scale);
    rows->sizes[side][row] = ob_to_double(numbers[0], book->size_scale);
    rows->counts[side][row] = ob_shown_count(&from->ladder, numbers);
    return !from->limited || rank <= from->bound;
}

/* The next row: of a live book, or of none (NULL), which says STALE. There must be room. */
static inline void ob_write_row(ob_panel *rows, const ob_book *book, int64_t ts) {
    const size_t row = rows->count++;
    int bids_known = 0, asks_known = 0;
    if (OB_UNLIKELY(book == NULL)) {
        for (int side = 0; side < 2; side++) ob_write_absent(rows, side, row * rows->depth, (row + 1) * rows->depth);
    } else if (rows->depth == 1) {
        bids_known = ob_write_best(rows, book, OB_BID, row);
        asks_known = ob_write_best(rows, book, OB_ASK, row);
    } else {
        bids_known = ob_write_side(rows, book, OB_BID, row);
        asks_known = ob_write_side(rows, book, OB_ASK, row);
    }
    /* Bytes may be anything to a compiler, also what it has just read: they come last. */
    const int state = book == NULL ? OB_STATE_STALE : ob_book_state(book);
    rows->ts[row] = ts;
    rows->known[OB_BID][row] = (uint8_t)bids_known;
    rows->known[OB_ASK][row] = (uint8_t)asks_known;
    rows->state[row] = (uint8_t)state;
}

/* The last row once more, at a later moment. */
static inline void ob_repeat_row(ob_panel *rows, int64_t ts) {
    const size_t row = rows->count++, depth = rows->depth, to = row * depth, from = to - depth;
    rows->ts[row] = ts;
    rows->state[row] = rows->state[row - 1];
    for (int side = 0; side < 2; side++) {
        rows->known[side][row] = rows->known[side][row - 1];
        memcpy(rows->prices[side] + to, rows->prices[side] + from, depth * sizeof(double));
        memcpy(rows->sizes[side] + to, rows->sizes[side] + from, depth * sizeof(double));
        memcpy(rows->counts[side] + to, rows->counts[side] + from, depth * sizeof(uint32_t));
    }
}

#endif
