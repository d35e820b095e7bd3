/* A book of orders: a ladder whose levels hold a total size and the number of a queue, and the orders in the queues.
 *
 * The twin of orderbook/books/orders.py. Everything comes in at the book's own scales. What would be an error is
 * OB_DECLINED and has changed nothing: the caller lets the reference's code say what is wrong, or do what is rare (a
 * finer scale, the last level that fits). So is OB_NO_MEMORY, for room is reserved before anything is touched.
 */
#ifndef OB_L3_H
#define OB_L3_H

#include "book.h"
#include "orders.h"

enum { OB_NO_MEMORY = -1, OB_DECLINED = 0, OB_DONE = 1 };

typedef struct ob_l3 {
    ob_book *book;
    ob_orders *orders;
} ob_l3;

/* An order to come or to change: all of it at the book's scales. */
typedef struct ob_wish {
    ob_id id;
    int side;
    int64_t rank;
    int64_t size;
} ob_wish;

/* A double at a scale, where plainly its shortest repr needs no more digits than that: 1, or 0 and ask the slow way.
 * Two decimals of up to 15 digits are never the same double, so the one found here is what repr() would write. */
static inline int ob_double_at(double value, int scale, int64_t *mantissa) {
    const double power = OB_TEN_AS_DOUBLE[scale], ticks = nearbyint(value * power);
    if (!(ticks < 1e15 && ticks > -1e15) || ticks / power != value) return 0;
    *mantissa = (int64_t)ticks;
    return 1;
}

/* ---- the whole book -------------------------------------------------------------------------------------------- */

/* The ladders of such a book are wide from the first level on. */
static inline void ob_l3_ready(ob_book *book) { book->sides[0].ladder.wide = book->sides[1].ladder.wide = 1; }

static inline void ob_l3_empty(ob_l3 l3, int known) {
    ob_book_empty(l3.book, known);
    ob_l3_ready(l3.book);
    ob_orders_clear(l3.orders);
}

static void ob_l3_drop_level(void *orders, const int64_t *numbers) { ob_drop_queue(orders, (uint32_t)numbers[1]); }

/* Let go of what is deeper than the book keeps, and of its orders. */
static inline void ob_l3_trim(ob_l3 l3) {
    const size_t depth = (size_t)l3.book->max_depth;
    if (!depth) return;
    for (int i = 0; i < 2; i++) {
        ob_side *side = &l3.book->sides[i];
        if (side->ladder.levels > depth) ob_trim_side(side, depth, ob_l3_drop_level, l3.orders);
    }
}

/* The end of every change. */
static inline void ob_l3_finish(ob_l3 l3, const ob_header *header) {
    ob_book_stamp(l3.book, header);
    ob_l3_trim(l3);
    l3.book->version++;
}

/* Move to finer scales, which ob_book_fits() has allowed; -1: out of memory, and the book is empty and unknown. */
OB_NOINLINE int ob_l3_widen(ob_l3 l3, int price_scale, int size_scale) {
    const int64_t prices = (int64_t)OB_TEN[price_scale - l3.book->price_scale];
    const int64_t sizes = (int64_t)OB_TEN[size_scale - l3.book->size_scale];
    ob_orders *o = l3.orders;
    if (prices == 1 && sizes == 1) return 0;
    if (ob_book_widen(l3.book, price_scale, size_scale)) {
        ob_l3_empty(l3, 0);
        return -1;
    }
    /* The free ones among them too: what they hold means nothing, and unsigned numbers may overflow. */
    for (uint32_t i = 0; i < o->queue_used; i++) {
        o->queues[i].rank = ob_times(o->queues[i].rank, prices);
        o->queues[i].anonymous = ob_times(o->queues[i].anonymous, sizes);
    }
    for (uint32_t i = 0; i < o->used; i++) o->orders[i].size = ob_times(o->orders[i].size, sizes);
    return 0;
}

/* Number the orders anew, level by level and in queue order: as the reference's index stands after a copy. */
static inline void ob_l3_renumber(ob_l3 l3) {
    ob_orders *o = l3.orders;
    ob_cursor at;
    o->age = 0;
    for (int i = 0; i < 2; i++)
        for (ob_start(&at, &l3.book->sides[i].ladder); ob_next(&at);)
            for (uint32_t k = o->queues[at.numbers[1]].head; k != OB_NIL; k = o->orders[k].next)
                o->past[k].age = o->age++;
}

/* ---- levels ---------------------------------------------------------------------------------------------------- */

static inline ob_ladder *ob_l3_ladder(ob_l3 l3, int side) { return &l3.book->sides[side].ladder; }

/* Total and queue of a level that can take `size` more, opened where it is not there yet: then its total is 0. Room for
 * a queue must be there. */
static inline int ob_l3_open_level(ob_l3 l3, int side, int64_t rank, int64_t size, int64_t **numbers) {
    ob_ladder *ladder = ob_l3_ladder(l3, side);
    int is_new;
    int64_t *found = ob_find(ladder, rank);
    if (OB_LIKELY(found)) {
        *numbers = found;
        return found[0] > INT64_MAX - size ? OB_DECLINED : OB_DONE;
    }
    if (!l3.book->max_depth && ladder->levels >= OB_BOOK_LEVELS) return OB_DECLINED;
    found = ob_put(ladder, rank, &is_new);
    if (OB_UNLIKELY(!found)) return OB_NO_MEMORY;
    found[0] = 0;
    found[1] = ob_new_queue(l3.orders, side, rank);
    *numbers = found;
    return OB_DONE;
}

/* Take size off the total of a queue's level, which goes when nothing is left of it. */
static inline void ob_l3_lower(ob_l3 l3, uint32_t queue, int64_t by) {
    const ob_queue *q = &l3.orders->queues[queue];
    ob_ladder *ladder = ob_l3_ladder(l3, q->side);
    int64_t *numbers = ob_find(ladder, q->rank);
    numbers[0] -= by;
    if (numbers[0]) return;
    ob_delete(ladder, q->rank);
    ob_free_queue(l3.orders, queue);
}

/* ---- single orders --------------------------------------------------------------------------------------------- */

static inline int64_t ob_l3_time_or(const ob_header *header, int64_t otherwise) {
    return header->ts_event.kind ? header->ts_event.value : otherwise;
}

/* An order at the back of its level's queue; its id must be new. */
static inline int ob_l3_insert(ob_l3 l3, const ob_wish *wish, uint32_t tag, int64_t time) {
    int64_t *numbers;
    if (OB_UNLIKELY(ob_reserve_order(l3.orders))) return OB_NO_MEMORY;
    const int code = ob_l3_open_level(l3, wish->side, wish->rank, wish->size, &numbers);
    if (OB_UNLIKELY(code != OB_DONE)) return code;
    numbers[0] += wish->size;
    ob_new_order(l3.orders, wish->id, tag, (uint32_t)numbers[1], wish->size, time);
    return OB_DONE;
}

static inline int ob_l3_add(ob_l3 l3, const ob_wish *wish, const ob_header *header) {
    const uint32_t tag = ob_id_tag(l3.orders, wish->id);
    if (OB_UNLIKELY(ob_find_tagged(l3.orders, wish->id, tag) != OB_NIL)) return OB_DECLINED;
    const int code = ob_l3_insert(l3, wish, tag, ob_l3_time_or(header, OB_TIME_MISSING));
    if (OB_LIKELY(code == OB_DONE)) ob_l3_finish(l3, header);
    return code;
}

/* Take an order out of the book. */
static inline void ob_l3_remove(ob_l3 l3, uint32_t at) {
    const uint32_t queue = l3.orders->orders[at].queue;
    const int64_t size = l3.orders->orders[at].size;
    ob_queue_detach(l3.orders, at);
    ob_l3_lower(l3, queue, size);
    ob_free_order(l3.orders, at);
}

/* Make an order smaller, in its place. */
static inline void ob_l3_shrink(ob_l3 l3, uint32_t at, int64_t by, const ob_header *header) {
    ob_order *order = &l3.orders->orders[at];
    order->size -= by;
    ob_l3_lower(l3, order->queue, by);
    if (header->ts_event.kind) l3.orders->past[at].ts_event = header->ts_event.value;
    ob_l3_finish(l3, header);
}

/* Cancel or execute: `size` at the book's scale and above 0, or -1 for all of it. */
static inline int ob_l3_take(ob_l3 l3, uint32_t at, int64_t size, const ob_header *header) {
    const int64_t resting = l3.orders->orders[at].size;
    if (OB_UNLIKELY(size > resting)) return OB_DECLINED;
    if (size >= 0 && size < resting) {
        ob_l3_shrink(l3, at, size, header);
        return OB_DONE;
    }
    ob_l3_remove(l3, at);
    ob_l3_finish(l3, header);
    return OB_DONE;
}

/* An order to the back of the queue of another level. */
static inline int ob_l3_change_level(ob_l3 l3, uint32_t at, const ob_wish *wish) {
    int64_t *numbers;
    ob_orders *o = l3.orders;
    if (OB_UNLIKELY(ob_reserve_queue(o))) return OB_NO_MEMORY;
    const int code = ob_l3_open_level(l3, wish->side, wish->rank, wish->size, &numbers);
    if (OB_UNLIKELY(code != OB_DONE)) return code;
    const uint32_t from = o->orders[at].queue, to = (uint32_t)numbers[1];
    numbers[0] += wish->size;
    ob_queue_detach(o, at);
    ob_l3_lower(l3, from, o->orders[at].size);
    ob_queue_append(o, at, to);
    return OB_DONE;
}

/* An order to the back of its own queue, with another size. */
static inline int ob_l3_change_place(ob_l3 l3, uint32_t at, int64_t size) {
    const uint32_t queue = l3.orders->orders[at].queue;
    const ob_queue *q = &l3.orders->queues[queue];
    int64_t *numbers = ob_find(ob_l3_ladder(l3, q->side), q->rank);
    const int64_t others = numbers[0] - l3.orders->orders[at].size;
    if (others > INT64_MAX - size) return OB_DECLINED;
    numbers[0] = others + size;
    ob_queue_detach(l3.orders, at);
    ob_queue_append(l3.orders, at, queue);
    return OB_DONE;
}

/* Whether an order stands on a level. */
static inline int ob_l3_stands_on(const ob_orders *o, uint32_t at, int side, int64_t rank) {
    const ob_queue *q = &o->queues[o->orders[at].queue];
    return q->rank == rank && q->side == side;
}

/* Modify or replace: an order as it shall be, at the back of a queue. Its id is its own or nobody's. */
static inline int ob_l3_requeue(ob_l3 l3, uint32_t at, const ob_wish *wish, const ob_header *header) {
    ob_orders *o = l3.orders;
    const int stays = ob_l3_stands_on(o, at, wish->side, wish->rank);
    const int code = stays ? ob_l3_change_place(l3, at, wish->size) : ob_l3_change_level(l3, at, wish);
    if (OB_UNLIKELY(code != OB_DONE)) return code;
    int64_t before = o->past[at].ts_event;
    if (!ob_is_order(&o->orders[at], wish->id)) {
        ob_rename_order(o, at, wish->id);
        before = OB_TIME_MISSING; /* a replacement has no time but its own */
    }
    o->orders[at].size = wish->size;
    o->past[at].ts_event = ob_l3_time_or(header, before);
    o->past[at].age = o->age++;
    ob_l3_finish(l3, header);
    return OB_DONE;
}

/* Modify: in place where the level stays and the size does not grow. */
static inline int ob_l3_modify(ob_l3 l3, uint32_t at, const ob_wish *wish, const ob_header *header) {
    const int64_t by = l3.orders->orders[at].size - wish->size;
    if (by < 0 || !ob_l3_stands_on(l3.orders, at, wish->side, wish->rank)) return ob_l3_requeue(l3, at, wish, header);
    ob_l3_shrink(l3, at, by, header);
    return OB_DONE;
}

/* ---- anonymous liquidity --------------------------------------------------------------------------------------- */

/* Put size that belongs to no order on a level; `size` above 0. */
static inline int ob_l3_add_anonymous(ob_l3 l3, int side, int64_t rank, int64_t size) {
    int64_t *numbers;
    if (ob_reserve_queue(l3.orders)) return OB_NO_MEMORY;
    const int code = ob_l3_open_level(l3, side, rank, size, &numbers);
    if (code != OB_DONE) return code;
    numbers[0] += size;
    l3.orders->queues[numbers[1]].anonymous += size;
    return OB_DONE;
}

/* Take size off what belongs to no order. */
static inline int ob_l3_take_anonymous(ob_l3 l3, int side, int64_t rank, int64_t size) {
    const int64_t *numbers = ob_get(ob_l3_ladder(l3, side), rank);
    if (!numbers) return OB_DECLINED;
    ob_queue *q = &l3.orders->queues[numbers[1]];
    if (!q->anonymous || size > q->anonymous) return OB_DECLINED;
    q->anonymous -= size;
    ob_l3_lower(l3, (uint32_t)numbers[1], size);
    return OB_DONE;
}

/* ---- invariants ------------------------------------------------------------------------------------------------ */

/* What is wrong with one queue, NULL where nothing is. */
static const char *ob_check_queue(const ob_orders *o, uint32_t queue, int64_t total, uint32_t *seen) {
    const ob_queue *q = &o->queues[queue];
    uint64_t sum = (uint64_t)q->anonymous;
    uint32_t count = 0, before = OB_NIL;
    if (q->anonymous < 0) return "a negative anonymous size";
    for (uint32_t at = q->head; at != OB_NIL; before = at, at = o->orders[at].next) {
        if (at >= o->used || count++ > o->count) return "a queue leads out of the orders";
        const ob_order *order = &o->orders[at];
        const ob_id id = {order->id, order->kind};
        if (order->queue != queue || order->prev != before) return "an order is linked to another queue";
        if (order->kind >= OB_ID_FREE || order->size <= 0) return "an order in a queue is free, or has no size";
        if (ob_find_order(o, id) != at) return "the index does not find an order that rests";
        sum += (uint64_t)order->size;
    }
    if (q->tail != before || q->count != count) return "a queue miscounts its orders";
    if (sum != (uint64_t)total) return "the size of a level is not that of its parts";
    *seen += count;
    return NULL;
}

static uint32_t ob_orders_chain(const ob_orders *o, uint32_t at) {
    uint32_t length = 0;
    for (; at != OB_NIL && length <= o->used; at = o->orders[at].next) length++;
    return length;
}

/* What is wrong with the orders of a book, NULL where nothing is. O(n). */
OB_NOINLINE const char *ob_l3_check(const ob_book *book, const ob_orders *o) {
    uint32_t seen = 0, queues = 0, entries = 0, spare = 0;
    ob_cursor at;
    for (int side = 0; side < 2; side++)
        for (ob_start(&at, &book->sides[side].ladder); ob_next(&at); queues++) {
            if (at.numbers[1] < 0 || at.numbers[1] >= o->queue_used) return "a level without a queue";
            const ob_queue *q = &o->queues[at.numbers[1]];
            if (q->side != side || q->rank != at.rank) return "a level has the queue of another";
            const char *wrong = ob_check_queue(o, (uint32_t)at.numbers[1], at.numbers[0], &seen);
            if (wrong) return wrong;
        }
    for (size_t i = 0; o->index_mask && i <= o->index_mask; i++) entries += o->index[i].order != OB_NIL;
    for (uint32_t i = o->queue_free; i != OB_NIL && spare <= o->queue_used; i = o->queues[i].head) spare++;
    if (seen != o->count || entries != o->count) return "the index and the queues hold different orders";
    if (queues + spare != o->queue_used) return "a queue belongs to no level";
    if (o->count + ob_orders_chain(o, o->free) + ob_orders_chain(o, o->leavers) != o->used) return "an order is lost";
    if (!book->sides[0].ladder.wide || !book->sides[1].ladder.wide) return "a ladder without room for its queues";
    return NULL;
}

#endif
