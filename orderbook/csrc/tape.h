/* Columns of events, and what each event does to an L2 book.
 *
 * The twin of orderbook/columns/read.py (which rows make an event), of L2Book.apply (what it does to the levels) and of
 * a BookBuilder under the rule "none" (whether it may). Whatever is not plain L2 - an order, a row that no event
 * writes, a book beyond its limits - is refused before it touches anything, and the caller leaves it to Python, which
 * knows how to do it or what to raise. So nothing here trusts a row: columns can come out of a damaged file.
 */
#ifndef OB_TAPE_H
#define OB_TAPE_H

#include "book.h"

typedef struct ob_tape {
    const int64_t *ts_event, *ts_recv;
    const uint8_t *action, *side, *flags;
    const int64_t *price, *size;
    const uint64_t *order_id, *sequence;
    size_t rows;
    int price_scale, size_scale;
    /* Whether the book keeps the scales that single events would give it, as a reader of `price_scale` sees them. If
     * not it stands at the scales of the columns, which costs nothing and gives the same numbers. */
    int follow;
} ob_tape;

#define OB_NO_TIME INT64_MIN
#define OB_MAX_COUNT UINT32_MAX
#define OB_NO_ORDERS UINT64_MAX
#define OB_MAX_PARTS 1000000 /* events of one message */

enum { OB_F_LAST = 0x80, OB_F_TOB = 0x40, OB_F_SNAPSHOT = 0x20, OB_F_MBP = 0x10, OB_F_BAD = 0x04, OB_F_OURS = 0x02 };

/* What became of an event, or of a whole run; OB_REFUSED: nothing of it was done, Python is to look at it. */
enum { OB_FINE = 0, OB_OUT_OF_MEMORY = -1, OB_REFUSED = -2 };

typedef enum ob_kind {
    OB_DELTA,
    OB_NO_LEVELS, /* a delta without any */
    OB_SNAPSHOT,
    OB_CLEAR,
    OB_DISCONNECT,
    OB_HEARTBEAT,
    OB_PRINT, /* a trade or a quote */
    OB_NOT_L2
} ob_kind;

/* The rows from `first` to before `stop`. */
typedef struct ob_event {
    ob_kind kind;
    size_t first, stop;
} ob_event;

/* ---- rows to events ------------------------------------------------------------------------------------------- */

/* Here and below & and | stand where && and || would do: what a processor cannot predict costs more than it saves. */

/* Whether a row changes a level, set or deleted, outside a snapshot and of a book that is not in doubt. */
static inline int ob_is_change(const ob_tape *tape, size_t i) {
    const int action = tape->action[i], flags = tape->flags[i] & (OB_F_MBP | OB_F_BAD);
    return ((action == 'M') | (action == 'C')) & (flags == OB_F_MBP);
}

/* Whether a row belongs to the delta of the row before it. */
static inline int ob_goes_on(const ob_tape *tape, size_t i) {
    const size_t h = i - 1;
    const int is_back = (tape->side[i] == 'B') & (tape->side[h] == 'A');
    const int64_t times = (tape->ts_recv[i] ^ tape->ts_recv[h]) | (tape->ts_event[i] ^ tape->ts_event[h]);
    return ob_is_change(tape, i) & !is_back & !times & (tape->sequence[i] == tape->sequence[h]);
}

static inline int ob_is_snapshot_level(const ob_tape *tape, size_t i, size_t end) {
    const int both = OB_F_SNAPSHOT | OB_F_MBP;
    return i < end && tape->action[i] == 'A' && (tape->flags[i] & both) == both;
}

static ob_event ob_plan_clear(const ob_tape *tape, size_t i, size_t end) {
    if (!(tape->flags[i] & OB_F_SNAPSHOT)) return (ob_event){OB_CLEAR, i, i + 1};
    size_t stop = i + 1;
    /* DBN does not mark the R itself as MBP, so the first level says so as well. */
    const int levels = (tape->flags[i] & OB_F_MBP) || ob_is_snapshot_level(tape, stop, end);
    while (ob_is_snapshot_level(tape, stop, end)) stop++;
    return (ob_event){levels ? OB_SNAPSHOT : OB_NOT_L2, i, stop};
}

static ob_event ob_plan_none(const ob_tape *tape, size_t i, size_t end) {
    const int flags = tape->flags[i];
    if (flags & OB_F_MBP) return (ob_event){flags & OB_F_OURS ? OB_NOT_L2 : OB_NO_LEVELS, i, i + 1};
    if (!(flags & OB_F_TOB)) return (ob_event){OB_HEARTBEAT, i, i + 1};
    const size_t j = i + 1;
    const int pair = j < end && tape->action[j] == 'N' && (tape->flags[j] & OB_F_TOB) && tape->side[i] != tape->side[j];
    return (ob_event){OB_PRINT, i, j + (size_t)pair};
}

/* The event that begins at a row of a message, whatever the row says of the book's health. */
static ob_event ob_plan(const ob_tape *tape, size_t i, size_t end) {
    const int action = tape->action[i], side = tape->side[i];
    if (action == 'R') return ob_plan_clear(tape, i, end);
    if (action == 'N') return ob_plan_none(tape, i, end);
    if (action == 'T' && (side == 'A' || side == 'B' || side == 'N')) return (ob_event){OB_PRINT, i, i + 1};
    if ((action != 'M' && action != 'C') || !(tape->flags[i] & OB_F_MBP)) return (ob_event){OB_NOT_L2, i, i + 1};
    size_t stop = i + 1;
    while (stop < end && ob_goes_on(tape, stop)) stop++;
    return (ob_event){OB_DELTA, i, stop};
}

/* A place between the events of a message that ends before row `end`. */
typedef struct ob_walk {
    size_t at, end;
    int was_cut; /* the row at `at` has said that the book is in doubt, and has more to say */
} ob_walk;

static inline ob_event ob_next_event(const ob_tape *tape, ob_walk *walk) {
    const size_t i = walk->at;
    if (OB_UNLIKELY((tape->flags[i] & OB_F_BAD) && !walk->was_cut)) {
        const int alone = tape->action[i] == 'R' && !(tape->flags[i] & OB_F_SNAPSHOT);
        walk->was_cut = !alone;
        walk->at += (size_t)alone;
        return (ob_event){OB_DISCONNECT, i, walk->at};
    }
    const ob_event event = ob_plan(tape, i, walk->end);
    walk->was_cut = 0;
    walk->at = event.stop;
    return event;
}

/* ---- times ---------------------------------------------------------------------------------------------------- */

enum { OB_RECV = 0, OB_EVENT = 1 }; /* the clock */

static inline int64_t ob_later(int64_t a, int64_t b) { return a > b ? a : b; } /* OB_NO_TIME is before every time */

/* An event that changes a book cannot be dated before it was received; another one may do without a time. */
static inline int64_t ob_time(const ob_tape *tape, const ob_event *event, int clock) {
    const int64_t sent = tape->ts_event[event->first], received = tape->ts_recv[event->first];
    if (clock == OB_RECV) return received == OB_NO_TIME ? sent : received;
    return sent == OB_NO_TIME && event->kind <= OB_DISCONNECT ? received : sent;
}

/* Whether a level's row holds what a book can hold. */
static inline int ob_is_sound(const ob_tape *tape, size_t i) {
    const int64_t price = tape->price[i], size = tape->size[i];
    const uint64_t orders = tape->order_id[i];
    const int side = tape->side[i];
    return ((side == 'B') | (side == 'A')) & (price != INT64_MIN) & (price != INT64_MAX) & (size >= 0) &
           (size != INT64_MAX) & ((orders <= OB_MAX_COUNT) | (orders == OB_NO_ORDERS));
}

typedef struct ob_message {
    size_t first, stop;
    int64_t ts;
    int has_book; /* whether an event is of the book, so that a time may be required */
    int plain;    /* nothing but sound changes of levels */
} ob_message;

/* Read a message as far as it is nothing but changes; where each event of it begins is no matter then, for its time is
 * that of all its rows. 0: it is something else. */
static inline int ob_read_plain(const ob_tape *tape, int clock, ob_message *message) {
    const size_t left = tape->rows - message->first;
    const size_t end = message->first + (left < OB_MAX_PARTS ? left : OB_MAX_PARTS - 1);
    const ob_event as = {OB_DELTA, message->first, message->first};
    message->ts = ob_time(tape, &as, clock);
    for (size_t i = message->first; i < end; i++) {
        if (OB_UNLIKELY(!(ob_is_change(tape, i) & ob_is_sound(tape, i)))) return 0;
        if (i > message->first) {
            const ob_event row = {OB_DELTA, i, i};
            message->ts = ob_later(message->ts, ob_time(tape, &row, clock));
        }
        if (tape->flags[i] & OB_F_LAST) {
            message->stop = i + 1;
            message->has_book = message->plain = 1;
            return 1;
        }
    }
    return 0;
}

static int ob_read_events(const ob_tape *tape, int clock, ob_message *message) {
    ob_walk walk = {message->first, message->stop, 0};
    size_t events = 0;
    message->ts = OB_NO_TIME;
    message->has_book = message->plain = 0;
    while (walk.at < walk.end) {
        const ob_event event = ob_next_event(tape, &walk);
        if (event.kind == OB_NOT_L2 || ++events >= OB_MAX_PARTS) return OB_REFUSED;
        message->ts = ob_later(message->ts, ob_time(tape, &event, clock));
        message->has_book |= event.kind <= OB_CLEAR;
    }
    return 1;
}

/* Look at the message that begins at a row. 1: here it is; 0: the columns end before it does; or OB_REFUSED. */
static inline int ob_read_message(const ob_tape *tape, size_t first, int clock, ob_message *message) {
    if (OB_UNLIKELY(first == tape->rows)) return 0;
    message->first = first;
    if (OB_LIKELY(ob_read_plain(tape, clock, message))) return 1;
    message->stop = first + 1;
    while (!(tape->flags[message->stop - 1] & OB_F_LAST))
        if (message->stop++ == tape->rows) return 0;
    return ob_read_events(tape, clock, message);
}

/* Whether no row from `first` on is of an order or a revealed level, which would make the whole tape one of orders. */
static int ob_is_l2(const ob_tape *tape, size_t first) {
    int wrong = 0;
    for (size_t i = first; i < tape->rows; i++) {
        const int action = tape->action[i], flags = tape->flags[i] & (OB_F_MBP | OB_F_SNAPSHOT);
        wrong |= (action == 'A' || action == 'M' || action == 'C') & !(flags & OB_F_MBP);
        wrong |= (action == 'A') & (flags == OB_F_MBP);
    }
    return !wrong;
}

/* ---- numbers -------------------------------------------------------------------------------------------------- */

static inline int ob_side_of(const ob_tape *tape, size_t i) { return tape->side[i] == 'A' ? OB_ASK : OB_BID; }

/* The number of orders as the book has it, -1 where it is not known. */
static inline int64_t ob_count_of(const ob_tape *tape, size_t i) {
    const uint64_t orders = tape->order_id[i];
    return orders == OB_NO_ORDERS ? 0 : orders ? (int64_t)orders : -1;
}

static inline ob_maybe ob_maybe_time(int64_t ts) { return (ob_maybe){ts != OB_NO_TIME, ts == OB_NO_TIME ? 0 : ts}; }

static inline ob_header ob_header_of(const ob_tape *tape, size_t i) {
    const uint64_t sequence = tape->sequence[i];
    const int kind = !sequence ? OB_NONE : sequence > INT64_MAX ? OB_UNSIGNED : OB_SIGNED;
    return (ob_header){{kind, (int64_t)sequence}, ob_maybe_time(tape->ts_event[i]), ob_maybe_time(tape->ts_recv[i])};
}

/* From the scales of the columns to those of the book: one of the two numbers of each pair is 1. */
typedef struct ob_factors {
    int64_t price, price_divisor, size, size_divisor;
} ob_factors;

static const ob_factors OB_SAME = {1, 1, 1, 1};

static inline ob_factors ob_factors_to(const ob_tape *tape, int price_scale, int size_scale) {
    const int price = price_scale - tape->price_scale, size = size_scale - tape->size_scale;
    return (ob_factors){(int64_t)OB_TEN[price > 0 ? price : 0], (int64_t)OB_TEN[price < 0 ? -price : 0],
                        (int64_t)OB_TEN[size > 0 ? size : 0], (int64_t)OB_TEN[size < 0 ? -size : 0]};
}

/* The processor divides so slowly that a look at the divisor pays. */
static inline int64_t ob_rescaled(int64_t value, int64_t factor, int64_t divisor) {
    return divisor == 1 ? value * factor : value / divisor;
}

/* The scale that a number of the columns needs, if it is finer than `scale`. */
static inline int ob_finer(int64_t value, int columns, int scale) {
    while (scale < columns && value % (int64_t)OB_TEN[columns - scale]) scale++;
    return scale;
}

/* The scales that the book needs for an event, never coarser than its own. OB_REFUSED: a number does not fit there. */
static int ob_event_scales(const ob_tape *tape, size_t first, size_t stop, int *price_scale, int *size_scale) {
    for (size_t i = first; i < stop; i++) {
        *price_scale = ob_finer(tape->price[i], tape->price_scale, *price_scale);
        *size_scale = ob_finer(tape->size[i], tape->size_scale, *size_scale);
    }
    const ob_factors by = ob_factors_to(tape, *price_scale, *size_scale);
    if (by.price == 1 && by.size == 1) return OB_FINE;
    for (size_t i = first; i < stop; i++)
        if (!ob_fits(tape->price[i], by.price) || !ob_fits(tape->size[i], by.size)) return OB_REFUSED;
    return OB_FINE;
}

/* ---- one event to the book ------------------------------------------------------------------------------------ */

/* The end of a change. Whoever does not follow the scales has no use for the header either. */
static inline void ob_finish_event(const ob_tape *tape, const ob_event *event, ob_book *book) {
    if (!tape->follow && !book->max_depth) return;
    const ob_header header = ob_header_of(tape, event->first);
    ob_book_finish(book, &header);
}

/* Set one level, 0 deletes. */
static inline int ob_put_row(const ob_tape *tape, size_t i, ob_book *book, const ob_factors *by) {
    const int side = ob_side_of(tape, i);
    ob_ladder *ladder = &book->sides[side].ladder;
    int64_t price = tape->price[i], size = tape->size[i];
    if (tape->follow) {
        price = ob_rescaled(price, by->price, by->price_divisor);
        size = ob_rescaled(size, by->size, by->size_divisor);
    }
    if (!size) {
        ob_delete(ladder, ob_rank(side, price));
        return OB_FINE;
    }
    if (OB_LIKELY(!tape->order_id[i] && !ladder->wide)) return ob_set(ladder, ob_rank(side, price), size);
    if (ob_make_wide(ladder)) return OB_OUT_OF_MEMORY;
    return ob_set_counted(ladder, ob_rank(side, price), size, ob_count_of(tape, i));
}

/* Whether both sides surely stay within the limit of levels. */
static inline int ob_has_room(const ob_book *book, size_t more) {
    return book->max_depth || ((book->sides[0].ladder.levels + more <= OB_BOOK_LEVELS) &
                               (book->sides[1].ladder.levels + more <= OB_BOOK_LEVELS));
}

static inline int ob_can_put(const ob_tape *tape, const ob_event *event, const ob_book *book) {
    for (size_t i = event->first; i < event->stop; i++)
        if (OB_UNLIKELY(!ob_is_sound(tape, i))) return 0;
    return ob_has_room(book, event->stop - event->first);
}

/* Bring the book to scales that hold the rows of a delta as well. */
static int ob_widen_for(const ob_tape *tape, const ob_event *event, ob_book *book, ob_factors *by) {
    int price_scale = book->price_scale, size_scale = book->size_scale;
    if (ob_event_scales(tape, event->first, event->stop, &price_scale, &size_scale)) return OB_REFUSED;
    if (price_scale != book->price_scale || size_scale != book->size_scale) {
        if (!ob_book_fits(book, price_scale, size_scale)) return OB_REFUSED;
        if (ob_book_widen(book, price_scale, size_scale)) return OB_OUT_OF_MEMORY;
    }
    *by = ob_factors_to(tape, price_scale, size_scale);
    return OB_FINE;
}

static inline int ob_put_delta(const ob_tape *tape, const ob_event *event, ob_book *book) {
    ob_factors by = OB_SAME;
    if (OB_UNLIKELY(!ob_can_put(tape, event, book))) return OB_REFUSED;
    if (tape->follow) {
        const int code = ob_widen_for(tape, event, book, &by);
        if (code) return code;
    }
    for (size_t i = event->first; i < event->stop; i++)
        if (OB_UNLIKELY(ob_put_row(tape, i, book, &by))) return OB_OUT_OF_MEMORY;
    ob_finish_event(tape, event, book);
    return OB_FINE;
}

/* A side of a snapshot, into an empty ladder. OB_REFUSED: a price stands twice. */
static int ob_fill_rows(const ob_tape *tape, const ob_event *event, int side, const ob_factors *by, ob_ladder *to) {
    int is_new = 1;
    ob_ladder_init(to, 0);
    for (size_t i = event->first + 1; i < event->stop; i++)
        if (ob_side_of(tape, i) == side && tape->order_id[i]) to->wide = 1;
    for (size_t i = event->first + 1; i < event->stop; i++) {
        if (ob_side_of(tape, i) != side) continue;
        const int64_t price = ob_rescaled(tape->price[i], by->price, by->price_divisor);
        int64_t *place = ob_put(to, ob_rank(side, price), &is_new);
        if (!place || !is_new) {
            ob_ladder_clear(to);
            return place ? OB_REFUSED : OB_OUT_OF_MEMORY;
        }
        place[0] = ob_rescaled(tape->size[i], by->size, by->size_divisor);
        if (to->wide) place[1] = ob_count_of(tape, i);
    }
    /* Some vendors write levels of size 0, which are none; but a price that stands twice is refused with them. */
    for (size_t i = event->first + 1; i < event->stop; i++)
        if (ob_side_of(tape, i) == side && !tape->size[i])
            ob_delete(to, ob_rank(side, ob_rescaled(tape->price[i], by->price, by->price_divisor)));
    return OB_FINE;
}

/* Put new ladders in the place of the old ones. */
static void ob_replace_sides(ob_book *book, ob_ladder ladders[2], int complete) {
    for (int k = 0; k < 2; k++) {
        ob_side *side = &book->sides[k];
        ob_ladder_clear(&side->ladder);
        side->ladder = ladders[k];
        side->limited = !complete;
        side->bound = side->ladder.levels ? ob_worst(&side->ladder) : OB_NO_BOUND;
    }
}

/* Keep no more than the stream shows; what leaves its view may change without a word. */
static void ob_adopt_view(ob_book *book, int64_t view_depth) {
    if (!view_depth) return;
    if (!book->max_depth || view_depth < book->max_depth) book->max_depth = view_depth;
    ob_trim_side(&book->sides[0], (size_t)book->max_depth, NULL, NULL);
    ob_trim_side(&book->sides[1], (size_t)book->max_depth, NULL, NULL);
}

static int ob_put_snapshot(const ob_tape *tape, const ob_event *event, ob_book *book) {
    const size_t first = event->first + 1, rows = event->stop - first;
    const uint64_t view_depth = tape->order_id[event->first];
    int price_scale = book->price_scale, size_scale = book->size_scale;
    ob_factors by = OB_SAME;
    ob_ladder ladders[2];
    if (view_depth > OB_BOOK_LEVELS || (!book->max_depth && rows > OB_BOOK_LEVELS)) return OB_REFUSED;
    for (size_t i = first; i < event->stop; i++)
        if (!ob_is_sound(tape, i)) return OB_REFUSED;
    if (tape->follow) {
        if (ob_event_scales(tape, first, event->stop, &price_scale, &size_scale)) return OB_REFUSED;
        by = ob_factors_to(tape, price_scale, size_scale);
    }
    for (int side = 0; side < 2; side++) {
        const int code = ob_fill_rows(tape, event, side, &by, &ladders[side]);
        if (code == OB_FINE) continue;
        if (side) ob_ladder_clear(&ladders[0]);
        return code;
    }
    ob_replace_sides(book, ladders, !(tape->flags[event->first] & OB_F_OURS));
    book->price_scale = price_scale;
    book->size_scale = size_scale;
    ob_finish_event(tape, event, book);
    ob_adopt_view(book, (int64_t)view_depth);
    return OB_FINE;
}

/* Empty the levels: known to be empty, or unknown. */
static void ob_empty_book(const ob_tape *tape, ob_book *book, int known) {
    ob_book_empty(book, known);
    if (tape->follow) return;
    book->price_scale = tape->price_scale;
    book->size_scale = tape->size_scale;
}

/* What L2Book.apply does with an event. */
static int ob_put_event(const ob_tape *tape, const ob_event *event, ob_book *book) {
    switch (event->kind) {
        case OB_DELTA: return ob_put_delta(tape, event, book);
        case OB_SNAPSHOT: return ob_put_snapshot(tape, event, book);
        case OB_NO_LEVELS: ob_finish_event(tape, event, book); return OB_FINE;
        case OB_CLEAR:
            ob_empty_book(tape, book, 1);
            ob_finish_event(tape, event, book);
            return OB_FINE;
        case OB_DISCONNECT:
            ob_empty_book(tape, book, 0);
            book->version++;
            return OB_FINE;
        case OB_HEARTBEAT:
        case OB_PRINT: return OB_FINE;
        default: return OB_REFUSED;
    }
}

/* ---- the builder ---------------------------------------------------------------------------------------------- */

/* A book of which nothing is known before the first snapshot, and again after a disconnect. */
typedef struct ob_builder {
    ob_book book;
    int live, was_live;
    int changed; /* whether the message so far has changed the book, or what is known of it */
} ob_builder;

static inline void ob_builder_init(ob_builder *builder) {
    memset(builder, 0, sizeof *builder);
    ob_book_empty(&builder->book, 0);
}

/* Apply an event if the book is live or it makes it so. */
static int ob_judge(const ob_tape *tape, const ob_event *event, ob_builder *builder) {
    const ob_kind kind = event->kind;
    if (!builder->live && kind != OB_SNAPSHOT && kind != OB_CLEAR && kind != OB_DISCONNECT) return OB_FINE;
    const int code = ob_put_event(tape, event, &builder->book);
    if (code) return code;
    if (kind == OB_HEARTBEAT && tape->sequence[event->first]) {
        /* One with a number takes its place in the sequence. */
        const ob_header header = ob_header_of(tape, event->first);
        ob_book_stamp(&builder->book, &header);
    }
    builder->changed |= kind == OB_DELTA || kind == OB_SNAPSHOT || kind == OB_CLEAR || kind == OB_DISCONNECT;
    builder->live = kind != OB_DISCONNECT; /* what else comes here found it live or has made it so */
    builder->was_live |= builder->live;
    return OB_FINE;
}

/* The rows of a plain message at once: without a view to keep to and scales to follow its events make no difference. */
static inline int ob_take_plain(const ob_tape *tape, const ob_message *message, ob_book *book) {
    if (OB_UNLIKELY(!ob_has_room(book, message->stop - message->first))) return OB_REFUSED;
    for (size_t i = message->first; i < message->stop; i++)
        if (OB_UNLIKELY(ob_put_row(tape, i, book, &OB_SAME))) return OB_OUT_OF_MEMORY;
    return OB_FINE;
}

/* Apply a whole message, as far as it goes. */
static inline int ob_take_message(const ob_tape *tape, const ob_message *message, ob_builder *builder) {
    builder->changed = builder->live;
    if (OB_LIKELY(message->plain)) {
        if (!builder->live) return OB_FINE;
        if (!tape->follow && !builder->book.max_depth) return ob_take_plain(tape, message, &builder->book);
    }
    builder->changed = 0;
    ob_walk walk = {message->first, message->stop, 0};
    while (walk.at < walk.end) {
        const ob_event event = ob_next_event(tape, &walk);
        const int code = ob_judge(tape, &event, builder);
        if (code) return code;
    }
    return OB_FINE;
}

#endif
