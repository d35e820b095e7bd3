/* A tape as rows of a panel: the best levels of its book on a regular grid of moments, or every so many changes.
 *
 * The twin of orderbook/sampling.py, without Python and so without the interpreter's lock: the book is the sampler's
 * own. A run goes on until it is through, or needs something - more room, an answer to Ctrl-C - and can be taken up
 * again: no message is begun before what comes before it is written, so a message is never seen half applied.
 */
#ifndef OB_REPLAY_H
#define OB_REPLAY_H

#include "panel.h"
#include "tape.h"

/* What a run stopped for, beside OB_FINE, OB_OUT_OF_MEMORY and OB_REFUSED. */
enum { OB_MORE_ROOM = 1, OB_BREATH = 2 };

#define OB_BREATH_EVERY (1 << 20) /* messages: some tens of milliseconds */

typedef struct ob_sampler {
    ob_tape tape;
    ob_builder builder;
    ob_panel rows;
    int clock, by_count;
    int64_t step;        /* ns, or messages that changed the book */
    int64_t start, stop; /* OB_NO_TIME where there is no such bound */
    size_t at;           /* the row of the tape where the next message begins */
    int64_t now;         /* the latest time seen */
    int64_t next;        /* the next moment of the grid, OB_NO_TIME before the first */
    int64_t left;        /* by count: changes to come before the next row */
    int due;             /* by count: the row of the last message is not written yet */
    int done;
    /* With OB_MORE_ROOM: how many rows are to come at once, and the first and last moment among which they are. */
    uint64_t wanted;
    int64_t wanted_first, wanted_last;
} ob_sampler;

static inline void ob_sampler_init(ob_sampler *sampler) {
    memset(sampler, 0, sizeof *sampler);
    ob_builder_init(&sampler->builder);
    sampler->now = sampler->next = sampler->start = sampler->stop = OB_NO_TIME;
}

/* To be called once the tape is set. */
static inline void ob_sampler_start(ob_sampler *sampler) { ob_empty_book(&sampler->tape, &sampler->builder.book, 0); }

static inline void ob_sampler_free(ob_sampler *sampler) { ob_book_empty(&sampler->builder.book, 0); }

/* ---- room ----------------------------------------------------------------------------------------------------- */

static int ob_want(ob_sampler *sampler, uint64_t more, int64_t first, int64_t last) {
    sampler->wanted = more;
    sampler->wanted_first = first;
    sampler->wanted_last = last;
    return OB_MORE_ROOM;
}

/* The book as a row shows it. */
static inline const ob_book *ob_shown(const ob_sampler *sampler) {
    return OB_LIKELY(sampler->builder.live) ? &sampler->builder.book : NULL;
}

/* ---- a regular grid ------------------------------------------------------------------------------------------- */

/* The first moment of the grid at or after a time. OB_REFUSED: it is beyond int64. */
static int ob_first_moment(ob_sampler *sampler, int64_t ts) {
    const int64_t step = sampler->step, first = ob_later(ts, sampler->start);
    const int64_t over = first % step; /* with the sign of `first` */
    const int64_t up = over > 0 ? step - over : -over;
    if (first > INT64_MAX - up) return OB_REFUSED;
    sampler->next = first + up;
    return OB_FINE;
}

/* Rows for the moments of the grid before `until`, and before the end. */
static int ob_fill_grid(ob_sampler *sampler, int64_t until) {
    ob_panel *rows = &sampler->rows;
    const int64_t begin = sampler->next, step = sampler->step;
    const int64_t last = sampler->stop != OB_NO_TIME && sampler->stop < until ? sampler->stop : until;
    if (OB_LIKELY(last <= begin)) return OB_FINE;
    const uint64_t span = (uint64_t)last - (uint64_t)begin - 1;
    const uint64_t more = span / (uint64_t)step + 1, left = span % (uint64_t)step;
    if (more > rows->room - rows->count) return ob_want(sampler, more, begin, last - 1);
    const int64_t final = last - 1 - (int64_t)left;
    if (final > INT64_MAX - step) return OB_REFUSED;
    ob_write_row(rows, ob_shown(sampler), begin);
    for (uint64_t i = 1; i < more; i++) ob_repeat_row(rows, begin + (int64_t)i * step);
    sampler->next = final + step;
    return OB_FINE;
}

/* All moments of the grid before a message that is about to be applied. */
static int ob_before_message(ob_sampler *sampler, const ob_message *message) {
    if (message->ts != OB_NO_TIME) {
        if (sampler->next == OB_NO_TIME && ob_first_moment(sampler, message->ts)) return OB_REFUSED;
        sampler->now = message->ts;
        const int code = ob_fill_grid(sampler, message->ts);
        if (code) return code;
        sampler->done = sampler->stop != OB_NO_TIME && sampler->next >= sampler->stop;
    } else if (message->has_book) {
        return OB_REFUSED; /* a grid needs times */
    }
    return OB_FINE;
}

/* The moment of the last message is on the grid if it falls on a point of it. */
static int ob_end_grid(ob_sampler *sampler) {
    if (sampler->next == OB_NO_TIME) return OB_FINE;
    return sampler->now == INT64_MAX ? OB_REFUSED : ob_fill_grid(sampler, sampler->now + 1);
}

/* ---- by count ------------------------------------------------------------------------------------------------- */

/* The row that the last message made due. */
static inline int ob_write_due(ob_sampler *sampler) {
    if (OB_UNLIKELY(sampler->rows.count == sampler->rows.room))
        return ob_want(sampler, 1, sampler->now, sampler->now);
    ob_write_row(&sampler->rows, ob_shown(sampler), sampler->now);
    sampler->due = 0;
    return OB_FINE;
}

/* A message was applied; count it if it changed the book. */
static inline int ob_count_message(ob_sampler *sampler, const ob_message *message) {
    if (!sampler->builder.changed || !sampler->builder.live) return OB_FINE;
    const int64_t ts = message->ts, start = sampler->start;
    const int is_bound = start != OB_NO_TIME || sampler->stop != OB_NO_TIME;
    if (is_bound && ts == OB_NO_TIME && message->has_book) return OB_REFUSED;
    if (--sampler->left > 0) return OB_FINE;
    sampler->left = sampler->step;
    sampler->due = ts == OB_NO_TIME || start == OB_NO_TIME || ts >= start;
    return OB_FINE;
}

/* ---- every best price ------------------------------------------------------------------------------------------ */

/* The best level of a side as a row shows it. */
typedef struct ob_best_level {
    double price, size;
    int64_t rank;
    int there, known;
} ob_best_level;

static inline void ob_look_best(const ob_book *book, int side, ob_best_level *best) {
    const ob_side *from = &book->sides[side];
    const int64_t *numbers = ob_best(&from->ladder, &best->rank);
    best->there = numbers != NULL;
    best->price = numbers ? ob_to_double(ob_rank(side, best->rank), book->price_scale) : NAN;
    best->size = numbers ? ob_to_double(numbers[0], book->size_scale) : 0;
    best->known = !from->limited || (numbers && best->rank <= from->bound);
}

static inline void ob_write_both(ob_panel *rows, const ob_best_level best[2], int64_t ts) {
    const size_t row = rows->count++;
    const int64_t bid = -best[0].rank, ask = best[1].rank;
    int state = bid > ask ? OB_STATE_CROSSED : bid == ask ? OB_STATE_LOCKED : OB_STATE_NORMAL;
    if (OB_UNLIKELY(!(best[0].there & best[1].there)))
        state = best[0].there ? OB_STATE_NO_ASK : best[1].there ? OB_STATE_NO_BID : OB_STATE_EMPTY;
    rows->ts[row] = ts;
    rows->prices[0][row] = best[0].price;
    rows->sizes[0][row] = best[0].size;
    rows->prices[1][row] = best[1].price;
    rows->sizes[1][row] = best[1].size;
    rows->counts[0][row] = rows->counts[1][row] = 0;
    rows->known[0][row] = (uint8_t)best[0].known;
    rows->known[1][row] = (uint8_t)best[1].known;
    rows->state[row] = (uint8_t)state;
}

/* Whether messages can go the short way below: a row each of both best prices, and nothing else to look at. */
static inline int ob_is_short(const ob_sampler *sampler) {
    const ob_book *book = &sampler->builder.book;
    return sampler->by_count && sampler->step == 1 && sampler->rows.depth == 1 && sampler->start == OB_NO_TIME &&
           sampler->stop == OB_NO_TIME && sampler->builder.live && !book->max_depth && !book->sides[0].ladder.wide &&
           !book->sides[1].ladder.wide;
}

/* Messages of a single level, as most are, for as long as they come: only one side of the row changes. */
static int ob_sample_best(ob_sampler *sampler) {
    const ob_tape tape = sampler->tape;
    ob_panel rows = sampler->rows;
    ob_book *book = &sampler->builder.book;
    ob_best_level best[2];
    size_t i = sampler->at;
    int64_t now = sampler->now;
    int code = OB_FINE;
    ob_look_best(book, OB_BID, &best[OB_BID]);
    ob_look_best(book, OB_ASK, &best[OB_ASK]);
    for (; i < tape.rows && rows.count < rows.room; i++) {
        const int is_plain = ob_is_change(&tape, i) & ob_is_sound(&tape, i) & (tape.flags[i] >> 7) & !tape.order_id[i];
        if (OB_UNLIKELY(!(is_plain & ob_has_room(book, 1)))) break;
        const int side = ob_side_of(&tape, i);
        const int64_t rank = ob_rank(side, tape.price[i]), size = tape.size[i];
        const ob_event event = {OB_DELTA, i, i + 1};
        if (!size) ob_delete(&book->sides[side].ladder, rank);
        else if (OB_UNLIKELY(ob_set(&book->sides[side].ladder, rank, size))) {
            code = OB_OUT_OF_MEMORY;
            break;
        }
        ob_look_best(book, side, &best[side]);
        now = ob_later(now, ob_time(&tape, &event, sampler->clock));
        ob_write_both(&rows, best, now);
    }
    sampler->rows.count = rows.count;
    sampler->now = now;
    sampler->at = i;
    return code;
}

/* ---- a run ---------------------------------------------------------------------------------------------------- */

static inline int ob_sample_message(ob_sampler *sampler, ob_message *message) {
    message->ts = ob_later(message->ts, sampler->now);
    if (sampler->by_count) {
        sampler->now = message->ts;
        sampler->done = sampler->stop != OB_NO_TIME && message->ts != OB_NO_TIME && message->ts >= sampler->stop;
    } else {
        const int code = ob_before_message(sampler, message);
        if (code) return code;
    }
    if (sampler->done) return OB_FINE;
    const int code = ob_take_message(&sampler->tape, message, &sampler->builder);
    if (code) return code;
    sampler->at = message->stop;
    return sampler->by_count ? ob_count_message(sampler, message) : OB_FINE;
}

static int ob_end_run(ob_sampler *sampler) {
    /* What comes after the end decides which kind of tape it is as well. */
    if (!ob_is_l2(&sampler->tape, sampler->at)) return OB_REFUSED;
    return sampler->done || sampler->by_count ? OB_FINE : ob_end_grid(sampler);
}

static int ob_sample(ob_sampler *sampler) {
    ob_message message = {0};
    for (int i = 0; i < OB_BREATH_EVERY; i++) {
        if (sampler->due) {
            const int code = ob_write_due(sampler);
            if (code) return code;
        }
        if (ob_is_short(sampler) && ob_sample_best(sampler)) return OB_OUT_OF_MEMORY;
        int code = ob_read_message(&sampler->tape, sampler->at, sampler->clock, &message);
        if (code == 0) return ob_end_run(sampler);
        if (code == OB_REFUSED) return OB_REFUSED;
        code = ob_sample_message(sampler, &message);
        if (code) return code;
        if (OB_UNLIKELY(sampler->done)) return ob_end_run(sampler);
    }
    return OB_BREATH;
}

/* ---- one moment ----------------------------------------------------------------------------------------------- */

/* Bring a builder to a moment: every message with time <= `moment` from row `*at` on, and none after. OB_BREATH: not
 * there yet. `*now` is the latest time seen. */
static int ob_run_until(const ob_tape *tape, ob_builder *builder, int clock, int64_t moment, size_t *at, int64_t *now) {
    ob_message message = {0};
    for (int i = 0; i < OB_BREATH_EVERY; i++) {
        int code = ob_read_message(tape, *at, clock, &message);
        if (code == 0) return ob_is_l2(tape, *at) ? OB_FINE : OB_REFUSED;
        if (code == OB_REFUSED) return OB_REFUSED;
        *now = ob_later(*now, message.ts);
        if (*now == OB_NO_TIME && message.has_book) return OB_REFUSED; /* a moment needs times */
        if (*now != OB_NO_TIME && *now > moment) return ob_is_l2(tape, *at) ? OB_FINE : OB_REFUSED;
        code = ob_take_message(tape, &message, builder);
        if (code) return code;
        *at = message.stop;
    }
    return OB_BREATH;
}

/* ---- L2Book.apply_many ---------------------------------------------------------------------------------------- */

/* Apply events to a book from the message at row `*at` on, and count them. When it stops (anything but OB_FINE), `*at`
 * is where the message of the event begins that was not applied, and `*inside` how many events of it were. */
static int ob_apply_events(const ob_tape *tape, ob_book *book, size_t *at, int64_t *applied, int64_t *inside) {
    ob_message message = {0};
    for (int i = 0; i < OB_BREATH_EVERY; i++) {
        *inside = 0;
        const int found = ob_read_message(tape, *at, OB_RECV, &message);
        if (found == 0) return OB_FINE;
        if (found == OB_REFUSED) return OB_REFUSED;
        ob_walk walk = {message.first, message.stop, 0};
        while (walk.at < walk.end) {
            const ob_event event = ob_next_event(tape, &walk);
            const int code = ob_put_event(tape, &event, book);
            if (code) return code;
            ++*inside;
        }
        *applied += *inside;
        *at = message.stop;
    }
    return OB_BREATH;
}

#endif
