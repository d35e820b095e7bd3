/* Both sides of a book, their scales, what is known of them, and the header of the last message.
 *
 * The twin of orderbook/books/base.py and l2.py in what it does, without Python and so without the interpreter's lock.
 * Levels come in as columns at the book's own scales: whoever calls has brought them there, so nothing here fails but
 * for want of memory.
 */
#ifndef OB_BOOK_H
#define OB_BOOK_H

#include <math.h>

#include "ladder.h"

enum { OB_BID = 0, OB_ASK = 1 };

#define OB_NO_BOUND INT64_MIN /* the bound of a side of which nothing is known */
#define OB_BOOK_LEVELS 1000000

typedef struct ob_side {
    ob_ladder ladder;
    int limited;   /* whether the side is known only down to ... */
    int64_t bound; /* ... this rank */
} ob_side;

enum { OB_NONE = 0, OB_SIGNED = 1, OB_UNSIGNED = 2 };

/* A number that may be missing; sequences may need all 64 bits. */
typedef struct ob_maybe {
    int kind;
    int64_t value;
} ob_maybe;

typedef struct ob_header {
    ob_maybe sequence, ts_event, ts_recv;
} ob_header;

typedef struct ob_book {
    ob_side sides[2];
    int price_scale, size_scale;
    int64_t max_depth; /* 0: no limit */
    int64_t version;
    ob_header header;
} ob_book;

/* A price as a rank and back: the best has the lowest on either side. */
static inline int64_t ob_rank(int side, int64_t price) { return side == OB_BID ? -price : price; }

/* ---- numbers -------------------------------------------------------------------------------------------------- */

/* mantissa / divisor, correctly rounded as Python's int / int is, where the mantissa has more bits than a double. */
static double ob_divide_long(uint64_t mantissa, uint64_t divisor) {
    uint64_t quotient = mantissa / divisor, rest = mantissa % divisor;
    int shift = 0;
    /* Two bits more than a double holds, and a last one that says whether there is more: one rounding, at the end. */
    for (; quotient < (uint64_t)1 << 55; shift++) {
        rest <<= 1;
        quotient <<= 1;
        if (rest >= divisor) {
            rest -= divisor;
            quotient |= 1;
        }
    }
    return ldexp((double)(quotient | (rest != 0)), -shift);
}

static const double OB_TEN_AS_DOUBLE[OB_MAX_SCALE + 1] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8, 1e9,
                                                          1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18};

/* The double nearest to mantissa / 10**scale. Both are exact doubles up to 2**53, and one division rounds once. */
static inline double ob_to_double(int64_t mantissa, int scale) {
    const int64_t exact = (int64_t)1 << 53;
    if (OB_LIKELY(mantissa <= exact && mantissa >= -exact)) return (double)mantissa / OB_TEN_AS_DOUBLE[scale];
    const double size = ob_divide_long(mantissa < 0 ? 0 - (uint64_t)mantissa : (uint64_t)mantissa, OB_TEN[scale]);
    return mantissa < 0 ? -size : size;
}

static inline int ob_fits(int64_t value, int64_t factor) {
    const int64_t limit = INT64_MAX / factor;
    return value <= limit && value >= -limit;
}

/* Bring a column to a finer scale; 0 when a number does not fit there, and then nothing has changed. */
static inline int ob_rescale_column(int64_t *column, size_t count, int scale, int target) {
    if (scale == target) return 1;
    const int64_t factor = (int64_t)OB_TEN[target - scale], limit = INT64_MAX / factor;
    for (size_t i = 0; i < count; i++)
        if (column[i] > limit || column[i] < -limit) return 0;
    for (size_t i = 0; i < count; i++) column[i] *= factor;
    return 1;
}

/* ---- life ----------------------------------------------------------------------------------------------------- */

static inline void ob_book_init(ob_book *book) { memset(book, 0, sizeof *book); }

/* Empty the levels: known to be empty, or unknown. The scales start anew, the header stays. */
static inline void ob_book_empty(ob_book *book, int known) {
    for (int i = 0; i < 2; i++) {
        ob_ladder_clear(&book->sides[i].ladder);
        book->sides[i].limited = !known;
        book->sides[i].bound = OB_NO_BOUND;
    }
    book->price_scale = book->size_scale = 0;
}

static inline void ob_stamp(ob_maybe *ours, ob_maybe theirs) {
    if (theirs.kind) *ours = theirs;
}

static inline void ob_book_stamp(ob_book *book, const ob_header *header) {
    ob_stamp(&book->header.sequence, header->sequence);
    ob_stamp(&book->header.ts_event, header->ts_event);
    ob_stamp(&book->header.ts_recv, header->ts_recv);
}

/* ---- scales --------------------------------------------------------------------------------------------------- */

static int ob_side_fits(const ob_side *side, int64_t price_factor, int64_t size_factor) {
    const ob_ladder *ladder = &side->ladder;
    if (side->limited && side->bound != OB_NO_BOUND && !ob_fits(side->bound, price_factor)) return 0;
    int64_t best;
    if (!ob_best(ladder, &best)) return 1;
    if (!ob_fits(best, price_factor) || !ob_fits(ob_worst(ladder), price_factor)) return 0;
    if (size_factor == 1) return 1;
    ob_cursor at;
    for (ob_start(&at, ladder); ob_next(&at);)
        if (!ob_fits(at.numbers[0], size_factor)) return 0;
    return 1;
}

/* Whether all that is stored fits in int64 at finer scales. */
static inline int ob_book_fits(const ob_book *book, int price_scale, int size_scale) {
    const int64_t prices = (int64_t)OB_TEN[price_scale - book->price_scale];
    const int64_t sizes = (int64_t)OB_TEN[size_scale - book->size_scale];
    return ob_side_fits(&book->sides[0], prices, sizes) && ob_side_fits(&book->sides[1], prices, sizes);
}

static int ob_side_widen(ob_side *side, int64_t price_factor, int64_t size_factor) {
    ob_ladder finer;
    if (ob_ladder_copy(&finer, &side->ladder, side->ladder.wide, price_factor, size_factor)) return -1;
    ob_ladder_clear(&side->ladder);
    side->ladder = finer;
    if (side->limited && side->bound != OB_NO_BOUND) side->bound *= price_factor;
    return 0;
}

/* Move to finer scales, which ob_book_fits() has allowed; -1: out of memory, and the book is empty and unknown. */
static int ob_book_widen(ob_book *book, int price_scale, int size_scale) {
    if (price_scale == book->price_scale && size_scale == book->size_scale) return 0;
    const int64_t prices = (int64_t)OB_TEN[price_scale - book->price_scale];
    const int64_t sizes = (int64_t)OB_TEN[size_scale - book->size_scale];
    if (ob_side_widen(&book->sides[0], prices, sizes) || ob_side_widen(&book->sides[1], prices, sizes)) {
        ob_book_empty(book, 0);
        return -1;
    }
    book->price_scale = price_scale;
    book->size_scale = size_scale;
    return 0;
}

/* ---- levels --------------------------------------------------------------------------------------------------- */

/* Give every level of a ladder a place for its number of orders. */
static int ob_make_wide(ob_ladder *ladder) {
    ob_ladder wider;
    if (ladder->wide) return 0;
    if (ob_ladder_copy(&wider, ladder, 1, 1, 1)) return -1;
    ob_ladder_clear(ladder);
    *ladder = wider;
    return 0;
}

/* Set one level with its number of orders (-1: not known) on a wide ladder; size 0 deletes. */
static inline int ob_set_counted(ob_ladder *ladder, int64_t rank, int64_t size, int64_t count) {
    int is_new;
    if (!size) {
        ob_delete(ladder, rank);
        return 0;
    }
    int64_t *place = ob_put(ladder, rank, &is_new);
    if (!place) return -1;
    place[0] = size;
    place[1] = count;
    return 0;
}

/* Set levels to absolute sizes in the order given, 0 deletes; `counts` may be NULL. -1: out of memory, half done. */
static inline int ob_set_levels(ob_book *book, int side, const int64_t *prices, const int64_t *sizes,
                                const int64_t *counts, size_t count) {
    ob_ladder *ladder = &book->sides[side].ladder;
    if (counts && ob_make_wide(ladder)) return -1;
    if (ladder->wide) {
        for (size_t i = 0; i < count; i++)
            if (ob_set_counted(ladder, ob_rank(side, prices[i]), sizes[i], counts ? counts[i] : -1)) return -1;
        return 0;
    }
    for (size_t i = 0; i < count; i++) {
        const int64_t rank = ob_rank(side, prices[i]);
        if (!sizes[i]) ob_delete(ladder, rank);
        else if (OB_UNLIKELY(ob_set(ladder, rank, sizes[i]))) return -1;
    }
    return 0;
}

/* A side as a snapshot gives it, into an empty ladder, rows of size 0 left out. 1: done; 0: a price stands twice;
 * -1: out of memory. Unless it is 1 the ladder is empty again. */
static int ob_fill_side(ob_side *to, int side, const int64_t *prices, const int64_t *sizes, const int64_t *counts,
                        size_t count, int complete) {
    ob_ladder *ladder = &to->ladder;
    int is_new = 1;
    ob_ladder_init(ladder, counts != NULL);
    for (size_t i = 0; i < count && is_new; i++) {
        int64_t *place = ob_put(ladder, ob_rank(side, prices[i]), &is_new);
        if (!place) {
            ob_ladder_clear(ladder);
            return -1;
        }
        place[0] = sizes[i];
        if (counts) place[1] = counts[i];
    }
    if (!is_new) {
        ob_ladder_clear(ladder);
        return 0;
    }
    for (size_t i = 0; i < count; i++)
        if (!sizes[i]) ob_delete(ladder, ob_rank(side, prices[i]));
    to->limited = !complete;
    to->bound = ladder->levels ? ob_worst(ladder) : OB_NO_BOUND;
    return 1;
}

/* Whether the best `levels` (at least 1) of a side are known to be just that. */
static inline int ob_is_known_to(const ob_side *side, size_t levels) {
    if (!side->limited) return 1;
    if (levels > side->ladder.levels) return 0;
    ob_cursor at;
    if (ob_worst(&side->ladder) <= side->bound) return 1;
    ob_seek(&at, &side->ladder, levels - 1);
    return ob_next(&at) && at.rank <= side->bound;
}

/* Let go of what is deeper than the book keeps. `dropped` (may be NULL) is told of every level that goes. */
static void ob_trim_side(ob_side *side, size_t depth, void (*dropped)(void *, const int64_t *), void *context) {
    ob_ladder *ladder = &side->ladder;
    if (ladder->levels <= depth) return;
    const size_t surplus = ladder->levels - depth;
    const int64_t first_dropped = ob_rank_from_worst(ladder, surplus - 1);
    const int64_t last_kept = ob_rank_from_worst(ladder, surplus);
    while (ladder->levels > depth) {
        const int64_t worst = ob_worst(ladder);
        if (dropped) dropped(context, ob_find(ladder, worst));
        ob_delete(ladder, worst);
    }
    /* Known a moment ago, unknown from now on. Levels already beyond the bound said nothing about their neighbours. */
    if (!side->limited || first_dropped <= side->bound) {
        side->limited = 1;
        side->bound = last_kept;
    }
}

/* The end of every change. */
static inline void ob_book_finish(ob_book *book, const ob_header *header) {
    ob_book_stamp(book, header);
    if (book->max_depth) {
        ob_trim_side(&book->sides[0], (size_t)book->max_depth, NULL, NULL);
        ob_trim_side(&book->sides[1], (size_t)book->max_depth, NULL, NULL);
    }
    book->version++;
}

/* ---- the top -------------------------------------------------------------------------------------------------- */

typedef struct ob_top {
    int64_t bid, bid_size, ask, ask_size;
} ob_top;

/* Both best levels; 0 when a side is empty. */
static inline int ob_book_top(const ob_book *book, ob_top *top) {
    const int64_t *bid = ob_best(&book->sides[0].ladder, &top->bid);
    const int64_t *ask = ob_best(&book->sides[1].ladder, &top->ask);
    if (!bid || !ask) return 0;
    top->bid = -top->bid;
    top->bid_size = bid[0];
    top->ask_size = ask[0];
    return 1;
}

/* The codes of orderbook.BookState. */
enum { OB_STATE_NORMAL = 0, OB_STATE_NO_BID, OB_STATE_NO_ASK, OB_STATE_EMPTY, OB_STATE_LOCKED, OB_STATE_CROSSED,
       OB_STATE_STALE };

static inline int ob_book_state(const ob_book *book) {
    ob_top top;
    if (!book->sides[0].ladder.levels) return book->sides[1].ladder.levels ? OB_STATE_NO_BID : OB_STATE_EMPTY;
    if (!ob_book_top(book, &top)) return OB_STATE_NO_ASK;
    return top.bid > top.ask ? OB_STATE_CROSSED : top.bid == top.ask ? OB_STATE_LOCKED : OB_STATE_NORMAL;
}

#endif
