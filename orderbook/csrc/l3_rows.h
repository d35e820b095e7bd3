/* Rows of columns into a book of orders: orderbook/columns/read.py and L3Methods.apply in one, without Python.
 *
 * An event is what a row or several rows say together (a fill and its cancel, a snapshot), and is atomic: it is applied
 * whole, or declined with nothing changed. Whoever gets OB_DECLINED lets Python read the same rows as an event and
 * apply that, which raises what is wrong or does what is rare: a finer scale, a level of no orders, ids that are text.
 */
#ifndef OB_L3_ROWS_H
#define OB_L3_ROWS_H

#include "l3.h"

#define OB_ROW_UNDEF INT64_MAX /* a missing price or size */
#define OB_ROW_MAX_COUNT UINT32_MAX
#define OB_L3_FEW 16

enum { OB_FLAG_SPECIFIC = 0x02, OB_FLAG_BAD_BOOK = 0x04, OB_FLAG_MBP = 0x10, OB_FLAG_SNAPSHOT = 0x20,
       OB_FLAG_TOB = 0x40, OB_FLAG_LAST = 0x80 };

/* The columns of orderbook.Events. */
typedef struct ob_table {
    const int64_t *ts_event, *ts_recv;
    const uint8_t *action, *side, *flags;
    const int64_t *price, *size;
    const uint64_t *order_id, *sequence;
    size_t count;
    int price_scale, size_scale;
} ob_table;

static inline void ob_row_header(const ob_table *r, size_t i, ob_header *header) {
    header->sequence.kind = r->sequence[i] > (uint64_t)INT64_MAX ? OB_UNSIGNED : r->sequence[i] ? OB_SIGNED : OB_NONE;
    header->sequence.value = (int64_t)r->sequence[i];
    header->ts_event.kind = r->ts_event[i] == OB_TIME_MISSING ? OB_NONE : OB_SIGNED;
    header->ts_event.value = r->ts_event[i];
    header->ts_recv.kind = r->ts_recv[i] == OB_TIME_MISSING ? OB_NONE : OB_SIGNED;
    header->ts_recv.value = r->ts_recv[i];
}

static inline ob_id ob_row_id(const ob_table *r, size_t i) {
    const ob_id id = {r->order_id[i], OB_ID_INT};
    return id;
}

/* -1: no side. */
static inline int ob_row_side(const ob_table *r, size_t i) {
    return r->side[i] == 'B' ? OB_BID : r->side[i] == 'A' ? OB_ASK : -1;
}

/* A price as a rank, and a size above 0, at the book's scales; 0 where they are missing, wrong, or too fine for it. */
static inline int ob_row_rank(ob_l3 l3, const ob_table *r, size_t i, int side, int64_t *rank) {
    int64_t price = r->price[i];
    if (OB_UNLIKELY(price == OB_ROW_UNDEF || price == INT64_MIN)) return 0;
    if (OB_UNLIKELY(ob_rescale(price, r->price_scale, l3.book->price_scale, &price) != OB_OK)) return 0;
    *rank = ob_rank(side, price);
    return 1;
}

static inline int ob_row_size(ob_l3 l3, const ob_table *r, size_t i, int64_t *size) {
    const int64_t value = r->size[i];
    if (OB_UNLIKELY(value == OB_ROW_UNDEF || value <= 0)) return 0;
    return OB_LIKELY(ob_rescale(value, r->size_scale, l3.book->size_scale, size) == OB_OK);
}

/* ---- one order ------------------------------------------------------------------------------------------------- */

static inline int ob_row_add(ob_l3 l3, const ob_table *r, size_t i) {
    ob_wish wish = {ob_row_id(r, i), ob_row_side(r, i), 0, 0};
    ob_header header;
    if (wish.side < 0 || !ob_row_rank(l3, r, i, wish.side, &wish.rank)) return OB_DECLINED;
    if (!ob_row_size(l3, r, i, &wish.size)) return OB_DECLINED;
    ob_row_header(r, i, &header);
    return ob_l3_add(l3, &wish, &header);
}

static inline int ob_row_modify(ob_l3 l3, const ob_table *r, size_t i) {
    const uint32_t at = ob_find_order(l3.orders, ob_row_id(r, i));
    ob_header header;
    if (at == OB_NIL) return r->flags[i] & OB_FLAG_SPECIFIC ? ob_row_add(l3, r, i) : OB_DECLINED;
    const ob_order *order = &l3.orders->orders[at];
    const ob_queue *queue = &l3.orders->queues[order->queue];
    const int side = ob_row_side(r, i);
    ob_wish wish = {ob_row_id(r, i), side < 0 ? queue->side : side, 0, order->size};
    /* A price that is not named stays, also where the order is said to be on the other side now. */
    if (r->price[i] == OB_ROW_UNDEF) wish.rank = wish.side == queue->side ? queue->rank : -queue->rank;
    else if (!ob_row_rank(l3, r, i, wish.side, &wish.rank)) return OB_DECLINED;
    if (r->size[i] != OB_ROW_UNDEF && !ob_row_size(l3, r, i, &wish.size)) return OB_DECLINED;
    ob_row_header(r, i, &header);
    return ob_l3_modify(l3, at, &wish, &header);
}

/* An order that nobody announced: one from before the tape, where its level has anonymous liquidity. */
OB_NOINLINE int ob_row_take_anonymous(ob_l3 l3, const ob_table *r, size_t i) {
    const int side = ob_row_side(r, i);
    int64_t rank, size;
    ob_header header;
    if (side < 0 || !ob_row_rank(l3, r, i, side, &rank) || !ob_row_size(l3, r, i, &size)) return OB_DECLINED;
    if (ob_l3_take_anonymous(l3, side, rank, size) != OB_DONE) return OB_DECLINED;
    ob_row_header(r, i, &header);
    ob_l3_finish(l3, &header);
    return OB_DONE;
}

/* A cancel, or with `whole` 0 an execution, which must have a size. */
static inline int ob_row_take(ob_l3 l3, const ob_table *r, size_t i, int whole) {
    const uint32_t at = ob_find_order(l3.orders, ob_row_id(r, i));
    int64_t size = -1;
    ob_header header;
    if (OB_UNLIKELY(at == OB_NIL)) return ob_row_take_anonymous(l3, r, i);
    if ((r->size[i] != OB_ROW_UNDEF || !whole) && !ob_row_size(l3, r, i, &size)) return OB_DECLINED;
    ob_row_header(r, i, &header);
    return ob_l3_take(l3, at, size, &header);
}

/* A cancel of one order and an add of another in its place: rows i and i + 1. */
static inline int ob_row_replace(ob_l3 l3, const ob_table *r, size_t i) {
    const uint32_t at = ob_find_order(l3.orders, ob_row_id(r, i));
    ob_wish wish = {ob_row_id(r, i + 1), 0, 0, 0};
    ob_header header;
    if (at == OB_NIL) return OB_DECLINED;
    if (r->order_id[i] != r->order_id[i + 1] && ob_find_order(l3.orders, wish.id) != OB_NIL) return OB_DECLINED;
    wish.side = l3.orders->queues[l3.orders->orders[at].queue].side;
    if (!ob_row_rank(l3, r, i + 1, wish.side, &wish.rank) || !ob_row_size(l3, r, i + 1, &wish.size)) return OB_DECLINED;
    ob_row_header(r, i, &header);
    return ob_l3_requeue(l3, at, &wish, &header);
}

/* ---- levels that come into view -------------------------------------------------------------------------------- */

/* Whether a row is a level that a reveal may bring: not held, and not brought by a row before it. */
static int ob_row_reveals(ob_l3 l3, const ob_table *r, size_t start, size_t i) {
    const int side = ob_row_side(r, i);
    int64_t rank, size;
    if (side < 0 || !ob_row_rank(l3, r, i, side, &rank) || !ob_row_size(l3, r, i, &size)) return 0;
    if (r->order_id[i] > OB_ROW_MAX_COUNT && r->order_id[i] != UINT64_MAX) return 0;
    for (size_t k = start; k < i; k++)
        if (r->price[k] == r->price[i] && r->side[k] == r->side[i]) return 0;
    return !ob_get(ob_l3_ladder(l3, side), rank);
}

OB_NOINLINE int ob_rows_reveal(ob_l3 l3, const ob_table *r, size_t start, size_t stop) {
    ob_header header;
    int64_t rank = 0, size = 0;
    if (stop - start > OB_L3_FEW) return OB_DECLINED;
    for (size_t i = 0; i < 2 && !l3.book->max_depth; i++)
        if (l3.book->sides[i].ladder.levels + (stop - start) > OB_BOOK_LEVELS) return OB_DECLINED;
    for (size_t i = start; i < stop; i++)
        if (!ob_row_reveals(l3, r, start, i)) return OB_DECLINED;
    for (size_t i = start; i < stop; i++) {
        ob_side *side = &l3.book->sides[ob_row_side(r, i)];
        ob_row_rank(l3, r, i, ob_row_side(r, i), &rank);
        ob_row_size(l3, r, i, &size);
        if (ob_l3_add_anonymous(l3, ob_row_side(r, i), rank, size) != OB_DONE) {
            ob_l3_empty(l3, 0); /* half of it is in: nothing of the book can be believed any more */
            return OB_NO_MEMORY;
        }
        if (side->limited && side->bound < rank) side->bound = rank;
    }
    ob_row_header(r, start, &header);
    ob_l3_finish(l3, &header);
    return OB_DONE;
}

/* ---- snapshots ------------------------------------------------------------------------------------------------- */

/* The first scale, from one on, that holds a number of a column exactly. */
static inline int ob_row_scale(int64_t value, int column_scale, int scale) {
    while (scale < column_scale && value % (int64_t)OB_TEN[column_scale - scale]) scale++;
    return scale;
}

/* A book aside at the scales that hold what the book keeps now and the rows. */
static void ob_l3_stage(ob_l3 l3, const ob_table *r, size_t start, size_t stop, ob_book *book, ob_orders *orders) {
    ob_book_init(book);
    ob_l3_ready(book);
    ob_orders_init(orders, l3.orders->seed);
    book->price_scale = l3.book->price_scale;
    book->size_scale = l3.book->size_scale;
    for (size_t i = start; i < stop; i++) {
        book->price_scale = ob_row_scale(r->price[i], r->price_scale, book->price_scale);
        book->size_scale = ob_row_scale(r->size[i], r->size_scale, book->size_scale);
    }
}

/* One row of a snapshot of orders, with a time of its own. */
static int ob_l3_stage_order(ob_l3 staged, const ob_table *r, size_t i) {
    ob_wish wish = {ob_row_id(r, i), r->side[i] == 'B' ? OB_BID : OB_ASK, 0, 0};
    const uint32_t tag = ob_id_tag(staged.orders, wish.id);
    if (!ob_row_rank(staged, r, i, wish.side, &wish.rank) || !ob_row_size(staged, r, i, &wish.size)) return OB_DECLINED;
    if (ob_find_tagged(staged.orders, wish.id, tag) != OB_NIL) return OB_DECLINED;
    return ob_l3_insert(staged, &wish, tag, r->ts_event[i]);
}

/* One row of a snapshot of levels. */
static int ob_l3_stage_level(ob_l3 staged, const ob_table *r, size_t i) {
    const int side = ob_row_side(r, i);
    int64_t rank, size;
    if (side < 0 || !ob_row_rank(staged, r, i, side, &rank) || !ob_row_size(staged, r, i, &size)) return OB_DECLINED;
    if (r->order_id[i] > OB_ROW_MAX_COUNT && r->order_id[i] != UINT64_MAX) return OB_DECLINED;
    if (ob_get(ob_l3_ladder(staged, side), rank)) return OB_DECLINED;
    return ob_l3_add_anonymous(staged, side, rank, size);
}

/* Say that a side is known to its worst level, but so many of them. */
static void ob_limit_side(ob_side *side, size_t but) {
    side->limited = 1;
    side->bound = side->ladder.levels > but ? ob_rank_from_worst(&side->ladder, but) : OB_NO_BOUND;
}

/* The levels and orders of a staged book in the place of those of the book, whose header and depth stay. */
static void ob_l3_become(ob_l3 l3, ob_l3 staged) {
    ob_l3_empty(l3, 1);
    for (int i = 0; i < 2; i++) l3.book->sides[i] = staged.book->sides[i];
    l3.book->price_scale = staged.book->price_scale;
    l3.book->size_scale = staged.book->size_scale;
    *l3.orders = *staged.orders;
}

/* R, then what the book consists of from here: rows start + 1 up to stop, levels or orders. */
OB_NOINLINE int ob_rows_snapshot(ob_l3 l3, const ob_table *r, size_t start, size_t stop, int levels) {
    ob_book book;
    ob_orders orders;
    ob_header header;
    const ob_l3 staged = {&book, &orders};
    const uint64_t view = levels ? r->order_id[start] : 0;
    int code = OB_DONE;
    if (l3.orders->texts || view > OB_BOOK_LEVELS) return OB_DECLINED;
    ob_l3_stage(l3, r, start + 1, stop, &book, &orders);
    book.max_depth = levels ? l3.book->max_depth : 0; /* as many levels as the reference takes */
    for (size_t i = start + 1; i < stop && code == OB_DONE; i++)
        code = levels ? ob_l3_stage_level(staged, r, i) : ob_l3_stage_order(staged, r, i);
    if (code != OB_DONE) {
        ob_l3_empty(staged, 1);
        return code;
    }
    if (r->flags[start] & OB_FLAG_SPECIFIC)
        for (int i = 0; i < 2; i++) ob_limit_side(&book.sides[i], !levels);
    ob_l3_become(l3, staged);
    ob_row_header(r, start, &header);
    ob_l3_finish(l3, &header);
    if (view && (!l3.book->max_depth || (int64_t)view < l3.book->max_depth)) {
        l3.book->max_depth = (int64_t)view;
        ob_l3_trim(l3);
    }
    return OB_DONE;
}

/* The book is empty, or nothing is known of it. */
OB_NOINLINE int ob_row_empty(ob_l3 l3, const ob_table *r, size_t i, int known) {
    ob_header header;
    if (l3.orders->texts) return OB_DECLINED;
    ob_l3_empty(l3, known);
    ob_row_header(r, i, &header);
    if (known) ob_book_stamp(l3.book, &header);
    l3.book->version++;
    return OB_DONE;
}

/* ---- events ---------------------------------------------------------------------------------------------------- */

/* Whether the row after this one belongs to the same message. */
static inline int ob_row_goes_on(const ob_table *r, size_t i) {
    return !(r->flags[i] & OB_FLAG_LAST) && i + 1 < r->count;
}

static inline int ob_row_is_level(const ob_table *r, size_t i) {
    return r->flags[i] & OB_FLAG_MBP && (r->action[i] == 'A' || r->action[i] == 'M' || r->action[i] == 'C');
}

/* Whether the cancel that takes a fill's size off the book comes right after it. */
static inline int ob_row_is_taken(const ob_table *r, size_t i) {
    const size_t j = i + 1;
    if (!ob_row_goes_on(r, i) || r->action[j] != 'C' || r->flags[j] & OB_FLAG_MBP) return 0;
    return r->order_id[i] == r->order_id[j] && r->size[i] == r->size[j] && r->price[i] == r->price[j] &&
           r->side[i] == r->side[j];
}

static inline int ob_row_is_replaced(const ob_table *r, size_t i) {
    return r->size[i] == OB_ROW_UNDEF && ob_row_goes_on(r, i) && r->action[i + 1] == 'A' && r->side[i + 1] == 'N';
}

static size_t ob_rows_levels_end(const ob_table *r, size_t i) {
    for (; ob_row_goes_on(r, i); i++) {
        const size_t j = i + 1;
        if (!ob_row_is_level(r, j) || (r->action[i] == 'A') != (r->action[j] == 'A')) break;
        if (r->flags[j] & OB_FLAG_BAD_BOOK || (r->side[j] == 'B' && r->side[i] == 'A')) break;
        if (r->sequence[i] != r->sequence[j]) break;
        if (r->ts_event[i] != r->ts_event[j] || r->ts_recv[i] != r->ts_recv[j]) break;
    }
    return i + 1;
}

/* Rows of a snapshot; *levels says whether they are levels. The R itself need not be marked MBP: its first level is. */
static size_t ob_rows_snapshot_end(const ob_table *r, size_t i, int *levels) {
    const int both = OB_FLAG_SNAPSHOT | OB_FLAG_MBP;
    int wanted = OB_FLAG_SNAPSHOT | (r->flags[i] & OB_FLAG_MBP);
    if (ob_row_goes_on(r, i) && r->action[i + 1] == 'A' && r->flags[i + 1] & OB_FLAG_SNAPSHOT)
        wanted |= r->flags[i + 1] & OB_FLAG_MBP;
    while (ob_row_goes_on(r, i) && r->action[i + 1] == 'A' && (r->flags[i + 1] & both) == wanted) i++;
    *levels = wanted == both;
    return i + 1;
}

/* Rows that are no order's: R, N and levels. */
OB_NOINLINE int ob_rows_rare(ob_l3 l3, const ob_table *r, size_t i, size_t *stop) {
    const uint8_t flags = r->flags[i];
    int levels;
    *stop = i + 1;
    if (r->action[i] == 'R') {
        if (!(flags & OB_FLAG_SNAPSHOT)) return ob_row_empty(l3, r, i, !(flags & OB_FLAG_BAD_BOOK));
        *stop = ob_rows_snapshot_end(r, i, &levels);
        return flags & OB_FLAG_BAD_BOOK ? OB_DECLINED : ob_rows_snapshot(l3, r, i, *stop, levels);
    }
    if (r->action[i] == 'N') {
        if (flags & OB_FLAG_MBP) {
            if (!(flags & OB_FLAG_SPECIFIC) || flags & OB_FLAG_BAD_BOOK) return OB_DECLINED;
            return ob_rows_reveal(l3, r, i, i);
        }
        if (flags & OB_FLAG_TOB)
            *stop += ob_row_goes_on(r, i) && r->action[i + 1] == 'N' && r->flags[i + 1] & OB_FLAG_TOB &&
                     r->side[i] != r->side[i + 1];
        return flags & OB_FLAG_BAD_BOOK ? OB_DECLINED : OB_DONE;
    }
    if (!ob_row_is_level(r, i)) return OB_DECLINED;
    *stop = ob_rows_levels_end(r, i);
    if (r->action[i] != 'A' || flags & OB_FLAG_BAD_BOOK) return OB_DECLINED;
    return ob_rows_reveal(l3, r, i, *stop);
}

/* Apply the event that begins at a row; *stop is the row after it. OB_DONE, OB_DECLINED or OB_NO_MEMORY. */
static inline int ob_rows_event(ob_l3 l3, const ob_table *r, size_t i, size_t *stop) {
    const uint8_t action = r->action[i];
    const uint8_t odd = r->flags[i] & (OB_FLAG_BAD_BOOK | OB_FLAG_MBP);
    int pair = 0, code;
    *stop = i + 1;
    if (OB_UNLIKELY(odd & OB_FLAG_MBP) || action == 'R' || action == 'N') {
        if (action != 'F' && action != 'T') return ob_rows_rare(l3, r, i, stop);
    }
    if (action == 'F') pair = ob_row_is_taken(r, i);
    else if (action == 'C') pair = ob_row_is_replaced(r, i);
    *stop += pair;
    if (OB_UNLIKELY(odd & OB_FLAG_BAD_BOOK)) return OB_DECLINED; /* a disconnect, and then the event */
    switch (action) {
    case 'A': code = ob_row_add(l3, r, i); break;
    case 'C': code = pair ? ob_row_replace(l3, r, i) : ob_row_take(l3, r, i, 1); break;
    case 'M': code = ob_row_modify(l3, r, i); break;
    case 'F': code = pair ? ob_row_take(l3, r, i, 0) : OB_DONE; break;
    case 'T': code = OB_DONE; break;
    default: code = OB_DECLINED;
    }
    return code;
}

/* ---- many events ----------------------------------------------------------------------------------------------- */

/* How far ahead of the row that is being applied memory is asked for: entry of the index, then order, then what the
 * order is linked to. Each step reads what the one before has brought. */
enum { OB_AHEAD_ENTRY = 24, OB_AHEAD_ORDER = 16, OB_AHEAD_LINKS = 8, OB_AHEAD_RING = 32 };

/* Below so many orders all of them are in the processor's cache anyway. */
#define OB_AHEAD_FROM 2048

typedef struct ob_rows_ahead {
    uint32_t tags[OB_AHEAD_RING];
    uint32_t orders[OB_AHEAD_RING];
} ob_rows_ahead;

static inline uint32_t ob_row_below(uint32_t at, uint32_t used) { return at < used ? at : 0; }

/* Without branches: what they would depend on is whatever the rows are. An order that is not there is number 0. */
static inline void ob_rows_look_ahead(const ob_orders *o, const ob_table *r, size_t i, ob_rows_ahead *ahead) {
    const size_t soon = i + OB_AHEAD_ENTRY < r->count ? i + OB_AHEAD_ENTRY : i;
    const uint32_t coming = ob_id_tag(o, ob_row_id(r, soon));
    ahead->tags[(i + OB_AHEAD_ENTRY) % OB_AHEAD_RING] = coming;
    OB_PREFETCH(&o->index[coming & o->index_mask]);

    const uint32_t tag = ahead->tags[(i + OB_AHEAD_ORDER) % OB_AHEAD_RING];
    const ob_index_entry first = o->index[tag & o->index_mask], second = o->index[(tag + 1) & o->index_mask];
    uint32_t at = second.tag == tag ? second.order : 0;
    at = ob_row_below(first.tag == tag ? first.order : at, o->used);
    ahead->orders[(i + OB_AHEAD_ORDER) % OB_AHEAD_RING] = at;
    OB_PREFETCH(&o->orders[at]);
    OB_PREFETCH(&o->past[at]);

    /* The orders may be others by now. */
    const ob_order *found = &o->orders[ob_row_below(ahead->orders[(i + OB_AHEAD_LINKS) % OB_AHEAD_RING], o->used)];
    OB_PREFETCH(&o->orders[ob_row_below(found->next, o->used)]);
    OB_PREFETCH(&o->orders[ob_row_below(found->prev, o->used)]);
    OB_PREFETCH(&o->queues[ob_row_below(found->queue, o->queue_used)]);
}

/* Where a run over rows is, and how many events it has applied. */
typedef struct ob_row_run {
    size_t row;  /* the next event's first row */
    size_t stop; /* the row after it, once it has been declined */
    size_t events;
} ob_row_run;

/* Apply events from run->row on, up to the first that begins at or after `limit`: OB_DONE; or up to the one that is
 * declined or lacks memory, which is not applied. */
OB_NOINLINE int ob_rows_apply(ob_l3 l3, const ob_table *r, size_t limit, ob_row_run *run) {
    ob_rows_ahead ahead;
    memset(&ahead, 0, sizeof ahead);
    while (run->row < limit) {
        /* There is an index once there are orders. */
        if (l3.orders->count >= OB_AHEAD_FROM) ob_rows_look_ahead(l3.orders, r, run->row, &ahead);
        const int code = ob_rows_event(l3, r, run->row, &run->stop);
        if (OB_UNLIKELY(code != OB_DONE)) return code;
        run->row = run->stop;
        run->events++;
    }
    return OB_DONE;
}

#endif
