/* Blocks of lines, from the bytes of a file into books and out of them into arrays, without Python.
 *
 * A run takes the lines of a block one after the other for as long as they are plain: a framing and a format that are
 * compiled, deltas that are plainly the next ones of live books, trades, quotes, messages that the format ignores. At the
 * first that is not it stops in front of it, and the feed's own code takes that line; then the next run goes on. No
 * message is begun before what comes before it is written, so none is ever seen half applied.
 */
#ifndef OB_BULK_H
#define OB_BULK_H

#include "panel.h"
#include "track.h"

/* How a recorder stored messages: orderbook/sources/framing. */
enum { OB_NS_JSON = 1, OB_NDJSON, OB_TARDIS_RAW, OB_CAPTURE };

/* Why a run stopped. */
enum {
    OB_BLOCK_ENDS = 0,
    OB_NEEDS_PYTHON,   /* a line that is not plain */
    OB_NEEDS_ARMING,   /* a line of a track that is not armed: `latest` */
    OB_NEEDS_ROOM,     /* more rows than there is room for */
    OB_TURN_ENDS,      /* another tape is due */
    OB_LOST            /* out of memory: `latest` has lost its book */
};

enum { OB_INTO_NOTHING = 0, OB_INTO_GRID, OB_INTO_COUNTS, OB_INTO_COLUMNS };

/* The columns of orderbook.Events. */
typedef struct ob_columns {
    int64_t *ts_event, *ts_recv, *price, *size;
    uint64_t *order_id, *sequence;
    uint8_t *action, *side, *flags;
    size_t count, room;
    int price_scale, size_scale;
} ob_columns;

typedef struct ob_line {
    const char *payload;
    size_t length;
    int64_t ts_recv; /* OB_NO_TIME where the framing has none */
} ob_line;

typedef struct ob_bulk {
    const ob_program *program;
    ob_reading *reading;
    ob_track **tracks; /* by a hash of the symbol, NULL where there is none; `slots` is a power of two */
    size_t slots;
    ob_track *latest, *mine;
    int framing, by_event_time, sink;
    int64_t before;     /* lines received at or after this are another tape's turn; OB_NO_TIME: none is */
    int64_t until;      /* a message later than this is not to be applied; OB_NO_TIME: there is none */
    int64_t now;        /* the latest time seen */
    int64_t clock;      /* the latest receive time of the feed */
    int64_t messages, ignored, backwards;
    /* Where the second of the last line's date begins, in ns. */
    char date[19];
    int64_t second;
    /* A panel. */
    ob_panel rows;
    int64_t step, next, start, stop;
    uint64_t changes;
    /* Columns. */
    ob_columns columns;
} ob_bulk;

/* ---- tracks --------------------------------------------------------------------------------------------------- */

static inline size_t ob_hash_symbol(const char *symbol, size_t length) {
    uint64_t hash = UINT64_C(1469598103934665603); /* FNV-1a */
    for (size_t i = 0; i < length; i++) hash = (hash ^ (unsigned char)symbol[i]) * UINT64_C(1099511628211);
    return (size_t)(hash ^ hash >> 32);
}

/* Put a track into a table that has room. */
static void ob_add_track(ob_track **tracks, size_t slots, ob_track *track) {
    size_t at = ob_hash_symbol(track->symbol, track->symbol_length) & (slots - 1);
    while (tracks[at]) at = (at + 1) & (slots - 1);
    tracks[at] = track;
}

static inline ob_track *ob_find_track(const ob_bulk *bulk) {
    const ob_reading *reading = bulk->reading;
    if (bulk->latest && ob_is_track_of(bulk->latest, reading)) return bulk->latest;
    if (!bulk->slots) return NULL;
    size_t at = ob_hash_symbol(reading->symbol, reading->symbol_length) & (bulk->slots - 1);
    for (; bulk->tracks[at]; at = (at + 1) & (bulk->slots - 1))
        if (ob_is_track_of(bulk->tracks[at], reading)) return bulk->tracks[at];
    return NULL;
}

/* ---- framings ------------------------------------------------------------------------------------------------- */

/* Up to `most` digits; returns how many. */
static inline size_t ob_read_digits(const char *p, const char *end, size_t most, int64_t *number) {
    size_t n = 0;
    uint64_t value = 0; /* 19 digits of any kind fit */
    for (; n < most && p + n < end && ob_is_digit(p[n]); n++) value = 10 * value + (uint64_t)(p[n] - '0');
    *number = (int64_t)value;
    return n;
}

/* `<ns> <json>`. 19 digits up to 8 999... are int64; more is Python's. */
static int ob_frame_ns_json(const char *p, const char *end, ob_line *line) {
    const size_t n = ob_read_digits(p, end, 19, &line->ts_recv);
    if (!n || p + n + 1 >= end || p[n] != ' ') return 0;
    if (n == 19 && p[0] > '8') return 0;
    line->payload = p + n + 1;
    return 1;
}

/* `<seconds>.<fraction>: <json>`: local epoch seconds as a decimal, taken digit by digit. */
static int ob_frame_capture(const char *p, const char *end, ob_line *line) {
    int64_t seconds, fraction;
    size_t n = ob_read_digits(p, end, 9 + 1, &seconds);
    if (!n || n > 10 || seconds > 9000000000 || p + n >= end || p[n] != '.') return 0;
    p += n + 1;
    n = ob_read_digits(p, end, 9, &fraction);
    if (!n || p + n + 2 >= end || p[n] != ':' || p[n + 1] != ' ') return 0;
    for (size_t i = n; i < 9; i++) fraction *= 10;
    line->ts_recv = seconds * 1000000000 + fraction;
    line->payload = p + n + 2;
    return 1;
}

/* `yyyy-MM-ddTHH:mm:ss.fffffffZ <json>`, where the second is the one that Python read last. */
static int ob_frame_tardis(const ob_bulk *bulk, const char *p, const char *end, ob_line *line) {
    int64_t fraction;
    /* Before Python has read a date there is none, and a run of NUL bytes in a damaged file must not look like one. */
    if (end - p < 30 || !bulk->date[0] || memcmp(p, bulk->date, sizeof bulk->date)) return 0;
    if (p[19] != '.' || p[27] != 'Z' || p[28] != ' ' || ob_read_digits(p + 20, end, 7, &fraction) != 7) return 0;
    line->ts_recv = bulk->second + fraction * 100;
    line->payload = p + 29;
    return 1;
}

/* Split a line, without its end, into its time and its message; 0 for one that is not plain. */
static inline int ob_frame(const ob_bulk *bulk, const char *p, const char *end, ob_line *line) {
    int plain = 1;
    if (end > p && end[-1] == '\r') end--;
    switch (bulk->framing) {
    case OB_NS_JSON: plain = ob_frame_ns_json(p, end, line); break;
    case OB_CAPTURE: plain = ob_frame_capture(p, end, line); break;
    case OB_TARDIS_RAW: plain = ob_frame_tardis(bulk, p, end, line); break;
    default: line->ts_recv = OB_NO_TIME, line->payload = p;
    }
    if (!plain || line->payload >= end) return 0;
    line->length = (size_t)(end - line->payload);
    return 1;
}

/* ---- time ----------------------------------------------------------------------------------------------------- */

/* The time of a message by the clock asked for, as orderbook.replay has it. */
static inline int64_t ob_message_time(const ob_bulk *bulk, const ob_line *line, int is_event) {
    const ob_reading *reading = bulk->reading;
    const int has_event = is_event && ob_has(reading, OB_TS_EVENT);
    const int64_t event = has_event ? reading->values[OB_TS_EVENT].number : OB_NO_TIME;
    if (!bulk->by_event_time) return line->ts_recv != OB_NO_TIME ? line->ts_recv : event;
    /* What changes a book without saying when cannot be dated before it was received. */
    return !has_event && is_event && reading->kind == OB_KIND_DELTA ? line->ts_recv : event;
}

static inline void ob_watch_clock(ob_bulk *bulk, int64_t ts_recv) {
    bulk->messages++;
    if (ts_recv == OB_NO_TIME) return;
    if (bulk->clock != OB_NO_TIME && ts_recv < bulk->clock) bulk->backwards++;
    else bulk->clock = ts_recv;
}

/* ---- into a panel --------------------------------------------------------------------------------------------- */

/* The moments of the grid before a message; the book is the one before it. */
static int ob_fill_moments(ob_bulk *bulk, int64_t ts) {
    ob_panel *rows = &bulk->rows;
    const int64_t last = bulk->stop != OB_NO_TIME && bulk->stop < ts ? bulk->stop : ts;
    if (bulk->next < last) {
        const uint64_t span = (uint64_t)last - (uint64_t)bulk->next - 1;
        const uint64_t more = span / (uint64_t)bulk->step + 1;
        if (more > rows->room - rows->count) return OB_NEEDS_ROOM;
        const uint64_t left = (uint64_t)INT64_MAX - (uint64_t)bulk->next;
        if (span > left || (uint64_t)bulk->step > left - span) return OB_NEEDS_PYTHON;
        ob_write_row(rows, bulk->mine->book, bulk->next);
        for (uint64_t i = 1; i < more; i++) ob_repeat_row(rows, bulk->next + (int64_t)i * bulk->step);
        bulk->next += (int64_t)more * bulk->step;
    }
    return bulk->stop != OB_NO_TIME && bulk->next >= bulk->stop ? OB_NEEDS_PYTHON : OB_BLOCK_ENDS;
}

/* What is due before a message at `ts`, by which everything before it is complete. The one that ends it all is left to
 * the reader, who sees it as without all this: decoded, counted so far, and not applied. */
static inline int ob_before(ob_bulk *bulk, int64_t ts) {
    if (bulk->until != OB_NO_TIME && ts > bulk->until) return OB_NEEDS_PYTHON;
    if (bulk->sink == OB_INTO_GRID) return ob_fill_moments(bulk, ts);
    if (bulk->sink != OB_INTO_COUNTS) return OB_BLOCK_ENDS;
    if (bulk->stop != OB_NO_TIME && ts >= bulk->stop) return OB_NEEDS_PYTHON;
    /* Room for the row that this message may make due. */
    return bulk->rows.count == bulk->rows.room ? OB_NEEDS_ROOM : OB_BLOCK_ENDS;
}

/* A message changed the book of the panel. */
static inline void ob_count_change(ob_bulk *bulk) {
    if (++bulk->changes % (uint64_t)bulk->step) return;
    if (bulk->start == OB_NO_TIME || bulk->now >= bulk->start) ob_write_row(&bulk->rows, bulk->mine->book, bulk->now);
}

/* ---- into columns --------------------------------------------------------------------------------------------- */

enum { OB_F_LAST = 0x80, OB_F_TOB = 0x40, OB_F_MBP = 0x10, OB_F_PUBLISHER = 0x02 };

static inline void ob_add_row(ob_bulk *bulk, int64_t ts_recv, char action, char side, int flags, int64_t price,
                              int64_t size) {
    ob_columns *columns = &bulk->columns;
    const ob_reading *reading = bulk->reading;
    const size_t at = columns->count++;
    /* OB_NO_TIME is what the columns write for a missing time: UNDEF_TIMESTAMP. */
    columns->ts_event[at] = ob_has(reading, OB_TS_EVENT) ? reading->values[OB_TS_EVENT].number : OB_NO_TIME;
    columns->ts_recv[at] = ts_recv;
    columns->action[at] = (uint8_t)action;
    columns->side[at] = (uint8_t)side;
    columns->flags[at] = (uint8_t)flags;
    columns->price[at] = price;
    columns->size[at] = size;
    columns->order_id[at] = 0;
    columns->sequence[at] = ob_has(reading, OB_SEQUENCE) ? (uint64_t)reading->values[OB_SEQUENCE].number : 0;
}

static inline void ob_fill(int64_t *column, size_t n, int64_t value) {
    for (size_t i = 0; i < n; i++) column[i] = value;
}

/* Column by column, which the compiler makes into a few wide stores each. */
static inline void ob_add_side(ob_bulk *bulk, const ob_levels *side, char letter, int64_t ts_recv) {
    ob_columns *columns = &bulk->columns;
    const ob_reading *reading = bulk->reading;
    const size_t at = columns->count, n = side->n;
    const int64_t *sizes = side->sizes;
    uint8_t *action = columns->action + at;
    if (!n) return;
    ob_fill(columns->ts_event + at, n, ob_has(reading, OB_TS_EVENT) ? reading->values[OB_TS_EVENT].number : OB_NO_TIME);
    ob_fill(columns->ts_recv + at, n, ts_recv);
    ob_fill((int64_t *)columns->sequence + at, n, ob_has(reading, OB_SEQUENCE) ? reading->values[OB_SEQUENCE].number : 0);
    memcpy(columns->price + at, side->prices, n * sizeof(int64_t));
    memcpy(columns->size + at, sizes, n * sizeof(int64_t));
    memset(columns->order_id + at, 0, n * sizeof(uint64_t));
    memset(columns->side + at, letter, n);
    memset(columns->flags + at, OB_F_MBP, n);
    for (size_t i = 0; i < n; i++) action[i] = sizes[i] ? 'M' : 'C';
    columns->count += n;
}

static inline int ob_fit_column(const int64_t *column, uint32_t n, int scale, int target) {
    if (scale > target) return 0;
    const int64_t factor = (int64_t)OB_TEN[target - scale];
    /* INT64_MAX is what marks a missing number there. No multiple of ten is it. */
    for (uint32_t i = 0; i < n; i++)
        if (column[i] == INT64_MAX || !ob_fits(column[i], factor)) return 0;
    return 1;
}

static inline int ob_fit_levels(const ob_columns *columns, const ob_levels *side, const ob_reading *reading) {
    return ob_fit_column(side->prices, side->n, reading->price_scale, columns->price_scale) &&
           ob_fit_column(side->sizes, side->n, reading->size_scale, columns->size_scale);
}

/* Whether the rows of a message can be written: what is refused here widens the columns, or does not fit in them. */
static int ob_can_add(const ob_bulk *bulk) {
    const ob_reading *reading = bulk->reading;
    const ob_book *book = bulk->mine->book;
    if (ob_has(reading, OB_SEQUENCE) && reading->values[OB_SEQUENCE].number < 0) return 0;
    if (reading->kind != OB_KIND_DELTA) return 1;
    /* The levels come to the columns by way of the book's scales, which may be finer where it was live before. */
    if (book->price_scale > bulk->columns.price_scale || book->size_scale > bulk->columns.size_scale) return 0;
    return ob_fit_levels(&bulk->columns, &reading->bids, reading) && ob_fit_levels(&bulk->columns, &reading->asks, reading);
}

/* The levels of a delta that was applied, from the book's scales to the columns', where ob_can_add() knows them to fit. */
static inline void ob_add_delta(ob_bulk *bulk, int64_t ts_recv) {
    ob_columns *columns = &bulk->columns;
    ob_reading *reading = bulk->reading;
    const size_t from = columns->count;
    ob_rescale_column(reading->bids.prices, reading->bids.n, reading->price_scale, columns->price_scale);
    ob_rescale_column(reading->asks.prices, reading->asks.n, reading->price_scale, columns->price_scale);
    ob_rescale_column(reading->bids.sizes, reading->bids.n, reading->size_scale, columns->size_scale);
    ob_rescale_column(reading->asks.sizes, reading->asks.n, reading->size_scale, columns->size_scale);
    ob_add_side(bulk, &reading->bids, 'B', ts_recv);
    ob_add_side(bulk, &reading->asks, 'A', ts_recv);
    if (columns->count > from) columns->flags[columns->count - 1] |= OB_F_LAST;
}

/* A number of a trade or a quote at a scale of the columns; 0 where it does not fit, or would widen them. */
static int ob_column_number(const ob_value *value, int scale, int64_t *out) {
    if (value->tag != OB_DECIMAL_TEXT && value->tag != OB_JSON_NUMBER) return 0;
    if (value->scale > scale) return 0;
    return ob_rescale(value->number, value->scale, scale, out) == OB_OK && *out != INT64_MAX;
}

/* One side of a quote: absent where it has no price or no size, and where the size is 0. */
static int ob_quote_side(const ob_bulk *bulk, int price_name, int size_name, int64_t *price, int64_t *size) {
    const ob_value *prices = &bulk->reading->values[price_name], *sizes = &bulk->reading->values[size_name];
    *price = *size = INT64_MAX;
    if (prices->tag == OB_ABSENT || sizes->tag == OB_ABSENT) return 1;
    int64_t p, s;
    if (!ob_column_number(prices, bulk->columns.price_scale, &p) || !ob_column_number(sizes, bulk->columns.size_scale, &s))
        return 0;
    if (s) *price = p, *size = s;
    return 1;
}

static int ob_add_quote(ob_bulk *bulk, int64_t ts_recv) {
    int64_t bid, bid_size, ask, ask_size;
    if (!ob_quote_side(bulk, OB_BID_PRICE, OB_BID_SIZE, &bid, &bid_size)) return 0;
    if (!ob_quote_side(bulk, OB_ASK_PRICE, OB_ASK_SIZE, &ask, &ask_size)) return 0;
    ob_add_row(bulk, ts_recv, 'N', 'B', OB_F_TOB, bid, bid_size);
    ob_add_row(bulk, ts_recv, 'N', 'A', OB_F_TOB, ask, ask_size);
    return 1;
}

static int ob_add_trade(ob_bulk *bulk, int64_t ts_recv) {
    const ob_value *values = bulk->reading->values, *side = &values[OB_SIDE], *hidden = &values[OB_HIDDEN];
    int64_t price, size;
    if (!ob_column_number(&values[OB_PRICE], bulk->columns.price_scale, &price)) return 0;
    if (!ob_column_number(&values[OB_SIZE], bulk->columns.size_scale, &size)) return 0;
    if (values[OB_ORDER_ID].tag != OB_ABSENT || (side->tag != OB_ABSENT && side->tag != OB_CHOICE)) return 0;
    if (side->tag == OB_CHOICE && side->number != 1 && side->number != -1) return 0;
    if (hidden->tag != OB_ABSENT && hidden->tag != OB_CONSTANT && hidden->tag != OB_BOOL) return 0;
    const char letter = side->tag == OB_ABSENT ? 'N' : side->number == 1 ? 'B' : 'A';
    const int is_hidden = hidden->tag != OB_ABSENT && hidden->number;
    ob_add_row(bulk, ts_recv, 'T', letter, is_hidden ? OB_F_PUBLISHER : 0, price, size);
    return 1;
}

/* ---- a line --------------------------------------------------------------------------------------------------- */

static inline ob_maybe ob_maybe_time(int64_t ts) {
    const ob_maybe made = {ts == OB_NO_TIME ? OB_NONE : OB_SIGNED, ts == OB_NO_TIME ? 0 : ts};
    return made;
}

static int ob_take_book(ob_bulk *bulk, const ob_line *line) {
    ob_track *track = bulk->latest;
    ob_reading *reading = bulk->reading;
    const int is_mine = track == bulk->mine;
    if (bulk->sink == OB_INTO_COLUMNS && is_mine && !ob_can_add(bulk)) return OB_NEEDS_PYTHON;
    const int code = ob_take_delta(track, reading, ob_maybe_time(line->ts_recv));
    if (code) return code == OB_LOST_DELTA ? OB_LOST : OB_NEEDS_PYTHON;
    if (!is_mine) return OB_BLOCK_ENDS;
    const int changed = reading->bids.n || reading->asks.n;
    if (bulk->sink == OB_INTO_COUNTS && changed) ob_count_change(bulk);
    if (bulk->sink == OB_INTO_COLUMNS) ob_add_delta(bulk, line->ts_recv);
    return OB_BLOCK_ENDS;
}

static int ob_take_print(ob_bulk *bulk, const ob_line *line) {
    ob_track *track = bulk->latest;
    if (bulk->sink == OB_INTO_COLUMNS && track == bulk->mine) {
        if (!ob_can_add(bulk)) return OB_NEEDS_PYTHON;
        const int is_quote = bulk->reading->kind == OB_KIND_QUOTE;
        if (!(is_quote ? ob_add_quote(bulk, line->ts_recv) : ob_add_trade(bulk, line->ts_recv))) return OB_NEEDS_PYTHON;
        bulk->columns.flags[bulk->columns.count - 1] |= OB_F_LAST;
    }
    track->events++;
    track->noop++;
    return OB_BLOCK_ENDS;
}

static inline int64_t ob_latest(int64_t a, int64_t b) { return a > b ? a : b; /* OB_NO_TIME is the least of all */ }

/* What a message needs before it may be taken: a time where times count, a live book, room. */
static inline int ob_admit(ob_bulk *bulk, const ob_line *line, int is_event, int64_t *ts) {
    *ts = ob_latest(bulk->now, ob_message_time(bulk, line, is_event));
    if (*ts == OB_NO_TIME) return bulk->sink == OB_INTO_COLUMNS ? OB_BLOCK_ENDS : OB_NEEDS_PYTHON;
    if (bulk->sink == OB_INTO_COLUMNS) return OB_BLOCK_ENDS;
    if (bulk->sink != OB_INTO_NOTHING && !bulk->mine->armed) return OB_NEEDS_PYTHON;
    return ob_before(bulk, *ts);
}

/* Take a line that was read; it is either taken as a whole or not at all. */
static inline int ob_take_line(ob_bulk *bulk, const ob_line *line) {
    ob_reading *reading = bulk->reading;
    const int is_event = reading->kind != OB_KIND_IGNORED;
    int64_t ts;
    if (is_event) {
        if (reading->kind != OB_KIND_DELTA && reading->kind != OB_KIND_QUOTE && reading->kind != OB_KIND_TRADE)
            return OB_NEEDS_PYTHON;
        ob_track *track = ob_find_track(bulk);
        if (!track) return OB_NEEDS_PYTHON;
        bulk->latest = track;
        if (!track->armed) return OB_NEEDS_ARMING;
        if (!ob_has_plain_header(reading)) return OB_NEEDS_PYTHON;
        if (!ob_read_at_scale(track, bulk->program, line->payload, line->length, reading)) return OB_NEEDS_PYTHON;
        if (bulk->sink == OB_INTO_COLUMNS) {
            const size_t most = (size_t)reading->bids.n + reading->asks.n + 2;
            if (most > bulk->columns.room - bulk->columns.count) return OB_NEEDS_ROOM;
        }
    }
    int code = ob_admit(bulk, line, is_event, &ts);
    if (code) return code;
    const int64_t before = bulk->now;
    bulk->now = ts;
    if (is_event) code = reading->kind == OB_KIND_DELTA ? ob_take_book(bulk, line) : ob_take_print(bulk, line);
    else bulk->ignored++;
    if (code) bulk->now = before;
    else ob_watch_clock(bulk, line->ts_recv);
    return code;
}

/* Take the lines of a block from *at on, as far as they are plain; *at and *lines say how far that was. */
static int ob_run_block(ob_bulk *bulk, const char *block, size_t size, size_t *at, size_t *lines) {
    ob_reading *reading = bulk->reading;
    ob_line line;
    while (*at < size) {
        const char *begin = block + *at, *end = memchr(begin, '\n', size - *at);
        if (!end) return OB_NEEDS_PYTHON;
        if (!ob_frame(bulk, begin, end, &line)) return OB_NEEDS_PYTHON;
        if (bulk->before != OB_NO_TIME && line.ts_recv >= bulk->before) return OB_TURN_ENDS;
        if (bulk->latest) {
            reading->price_scale = bulk->latest->book->price_scale;
            reading->size_scale = bulk->latest->book->size_scale;
        }
        if (ob_walk(bulk->program, line.payload, line.length, reading) != OB_OK) return OB_NEEDS_PYTHON;
        const int code = ob_take_line(bulk, &line);
        if (code) return code;
        *at = (size_t)(end + 1 - block);
        ++*lines;
    }
    return OB_BLOCK_ENDS;
}

#endif
