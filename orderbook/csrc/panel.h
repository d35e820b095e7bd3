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

static inline void ob_write_level(ob_panel *rows, const ob_book *book, int side, size_t to, int64_t rank,
                                  const int64_t *numbers) {
    rows->prices[side][to] = ob_to_double(ob_rank(side, rank), book->price_scale);
    rows->sizes[side][to] = ob_to_double(numbers[0], book->size_scale);
    rows->counts[side][to] = book->sides[side].ladder.wide && numbers[1] > 0 ? (uint32_t)numbers[1] : 0;
}

/* The best levels of a side; returns whether they are known to be just that. */
static inline int ob_write_side(ob_panel *rows, const ob_book *book, int side, size_t row) {
    const ob_side *from = &book->sides[side];
    const size_t depth = rows->depth, first = row * depth;
    size_t levels = 0;
    int64_t rank = 0;
    if (depth == 1) { /* without a walk: this is every update's best price */
        const int64_t *numbers = ob_best(&from->ladder, &rank);
        if (numbers) ob_write_level(rows, book, side, first, rank, numbers);
        levels = numbers != NULL;
    } else {
        ob_cursor at;
        for (ob_start(&at, &from->ladder); levels < depth && ob_next(&at); levels++)
            ob_write_level(rows, book, side, first + levels, rank = at.rank, at.numbers);
    }
    if (levels < depth) ob_write_absent(rows, side, first + levels, first + depth);
    return !from->limited || (levels == depth && rank <= from->bound);
}

/* The next row: of a live book, or of none (NULL), which says STALE. There must be room. */
static inline void ob_write_row(ob_panel *rows, const ob_book *book, int64_t ts) {
    const size_t row = rows->count++;
    rows->ts[row] = ts;
    for (int side = 0; side < 2; side++) {
        if (OB_LIKELY(book != NULL)) {
            rows->known[side][row] = (uint8_t)ob_write_side(rows, book, side, row);
        } else {
            ob_write_absent(rows, side, row * rows->depth, (row + 1) * rows->depth);
            rows->known[side][row] = 0;
        }
    }
    rows->state[row] = (uint8_t)(book != NULL ? ob_book_state(book) : OB_STATE_STALE);
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
