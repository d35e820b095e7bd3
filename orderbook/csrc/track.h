/* One instrument of a feed while all goes well with it: whose book, by which rule, and where its stream stands.
 *
 * The twin of orderbook.continuity.judge for deltas that are plainly the next ones. Whatever is not - a repetition, a
 * hole, a number finer than the book's - is refused with nothing changed, for the feed's own code to judge.
 */
#ifndef OB_TRACK_H
#define OB_TRACK_H

#include "book.h"
#include "walker.h"

enum { OB_BY_RANGE = 1, OB_BY_PREV, OB_BY_INCR, OB_BY_TIME, OB_BY_NOTHING };

#define OB_NOT_NUMBERED INT64_MIN
#define OB_FULL_SIDE (OB_BOOK_LEVELS / 2) /* from here on the limit of levels is counted exactly, elsewhere */

typedef struct ob_track {
    const char *symbol;
    size_t symbol_length;
    ob_book *book;
    int family;
    int restarts; /* number 1 is a restart (Bybit) */
    int ranged;   /* a first number must be there (the bridge of Binance futures) */
    int armed;
    int moved; /* `last` is ahead of what the builder knows */
    int64_t last;
    int64_t events, applied, noop, crossed, locked;
} ob_track;

static inline int ob_has(const ob_reading *reading, int name) { return reading->values[name].tag == OB_INT; }

/* Whether a value is a plain integer or absent. */
static inline int ob_is_plain(const ob_reading *reading, int name) {
    return reading->values[name].tag == OB_INT || reading->values[name].tag == OB_ABSENT;
}

static inline int ob_follows_range(const ob_track *track, const ob_reading *reading) {
    const int64_t first = reading->values[OB_FIRST_SEQUENCE].number, last = reading->values[OB_SEQUENCE].number;
    return ob_has(reading, OB_FIRST_SEQUENCE) && last > track->last && first <= track->last + 1;
}

static inline int ob_follows_prev(const ob_track *track, const ob_reading *reading) {
    if (!ob_has(reading, OB_PREV_SEQUENCE) || reading->values[OB_PREV_SEQUENCE].number != track->last) return 0;
    return reading->values[OB_SEQUENCE].number >= track->last;
}

/* Whether the time and the number that every event shows are plain integers, or absent. */
static inline int ob_has_plain_header(const ob_reading *reading) {
    return ob_is_plain(reading, OB_TS_EVENT) && ob_is_plain(reading, OB_SEQUENCE);
}

/* Whether a delta is plainly the next one. */
static inline int ob_follows(const ob_track *track, const ob_reading *reading) {
    const int64_t number = reading->values[OB_SEQUENCE].number;
    const int has_first = ob_has(reading, OB_FIRST_SEQUENCE), has_number = ob_has(reading, OB_SEQUENCE);
    if (!ob_is_plain(reading, OB_FIRST_SEQUENCE) || !ob_is_plain(reading, OB_PREV_SEQUENCE)) return 0;
    if (reading->values[OB_GROUP_SEQUENCE].tag != OB_ABSENT) return 0;
    /* What check_numbers() asks of every event, whatever its rule compares. */
    if (track->ranged && !has_first) return 0;
    if (has_first && has_number && reading->values[OB_FIRST_SEQUENCE].number > number) return 0;
    if (track->family == OB_BY_NOTHING) return 1;
    if (track->family == OB_BY_TIME)
        return ob_has(reading, OB_TS_EVENT) && reading->values[OB_TS_EVENT].number > track->last;
    if (!has_number || track->last == INT64_MAX) return 0;
    if (track->family == OB_BY_INCR) return number == track->last + 1 && !(track->restarts && number == 1);
    return track->family == OB_BY_PREV ? ob_follows_prev(track, reading) : ob_follows_range(track, reading);
}

static inline int ob_rescale_levels(ob_levels *side, const ob_reading *reading, const ob_book *book) {
    return ob_rescale_column(side->prices, side->n, reading->price_scale, book->price_scale) &&
           ob_rescale_column(side->sizes, side->n, reading->size_scale, book->size_scale);
}

/* Bring the levels to the book's scales; 0 where the book would have to change its own, or might be full. */
static inline int ob_fits_track(const ob_track *track, ob_reading *reading) {
    ob_book *book = track->book;
    const ob_ladder *bids = &book->sides[OB_BID].ladder, *asks = &book->sides[OB_ASK].ladder;
    if (reading->has_counts || bids->wide || asks->wide) return 0;
    if (reading->price_scale > book->price_scale || reading->size_scale > book->size_scale) return 0;
    if (bids->levels + reading->bids.n > OB_FULL_SIDE || asks->levels + reading->asks.n > OB_FULL_SIDE) return 0;
    if (!ob_rescale_levels(&reading->bids, reading, book) || !ob_rescale_levels(&reading->asks, reading, book)) return 0;
    reading->price_scale = book->price_scale;
    reading->size_scale = book->size_scale;
    return 1;
}

static inline ob_maybe ob_given(const ob_reading *reading, int name) {
    ob_maybe made = {OB_NONE, 0};
    if (ob_has(reading, name)) made = (ob_maybe){OB_SIGNED, reading->values[name].number};
    return made;
}

/* Apply a delta that follows and fits. -1: out of memory; the book is empty and unknown, and must be said to be lost. */
static inline int ob_put_delta(ob_track *track, const ob_reading *reading, ob_maybe ts_recv) {
    ob_book *book = track->book;
    const ob_header header = {ob_given(reading, OB_SEQUENCE), ob_given(reading, OB_TS_EVENT), ts_recv};
    ob_top top;
    if (ob_set_levels(book, OB_BID, reading->bids.prices, reading->bids.sizes, NULL, reading->bids.n) ||
        ob_set_levels(book, OB_ASK, reading->asks.prices, reading->asks.sizes, NULL, reading->asks.n)) {
        ob_book_empty(book, 0);
        return -1;
    }
    ob_book_finish(book, &header);
    track->moved = 1;
    track->last = OB_NOT_NUMBERED;
    if (track->family == OB_BY_TIME) track->last = header.ts_event.value;
    else if (header.sequence.kind) track->last = header.sequence.value;
    track->events++;
    if (reading->bids.n || reading->asks.n) track->applied++;
    else track->noop++;
    if (ob_book_top(book, &top)) {
        track->locked += top.bid == top.ask;
        track->crossed += top.bid > top.ask;
    }
    return 0;
}

static inline int ob_is_track_of(const ob_track *track, const ob_reading *reading) {
    return track->symbol_length == reading->symbol_length &&
           memcmp(track->symbol, reading->symbol, track->symbol_length) == 0;
}

enum { OB_TAKEN = 0, OB_REFUSED_DELTA = 1, OB_LOST_DELTA = -1 };

/* A message may have been read at the scales of another book: then it is read again. */
static inline int ob_read_at_scale(const ob_track *track, const ob_program *program, const char *payload, size_t length,
                                   ob_reading *reading) {
    const ob_book *book = track->book;
    if (reading->price_scale <= book->price_scale && reading->size_scale <= book->size_scale) return 1;
    reading->price_scale = book->price_scale;
    reading->size_scale = book->size_scale;
    return ob_walk(program, payload, length, reading) == OB_OK;
}

/* Judge and apply a delta. */
static inline int ob_take_delta(ob_track *track, ob_reading *reading, ob_maybe ts_recv) {
    if (!ob_follows(track, reading) || !ob_fits_track(track, reading)) return OB_REFUSED_DELTA;
    return ob_put_delta(track, reading, ts_recv) ? OB_LOST_DELTA : OB_TAKEN;
}

#endif
