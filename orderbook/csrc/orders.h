/* The resting orders of a book: found by id, kept in queues, first in first out.
 *
 * Three arrays that grow by doubling and are addressed by 32-bit numbers, which a grown array leaves valid and which
 * are half the size of pointers:
 *
 *   orders   32 bytes each, two to a cache line and never across two; what is only read now and then stands in `past`
 *   queues   one per level; a level of the ladder holds its total size and the number of its queue
 *   index    id -> order: open addressing, linear probing. An entry is half a hash and an order, so that a probe that
 *            misses does not touch the order, and growing or closing a gap does not either. Deleting shifts back what
 *            follows: no tombstones, so a book that adds and cancels for days stays as fast as a new one.
 *
 * An id is 64 bits and a kind: an int that is not negative, one that is, or a text, whose 64 bits are whatever the
 * caller made unique. Ids come from strangers, so the hash is seeded.
 *
 *   find, put, take out, first and last of a queue   O(1)
 *
 * Nothing here knows Python. Room is reserved before anything is changed, and after that nothing fails.
 */
#ifndef OB_ORDERS_H
#define OB_ORDERS_H

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "decimal.h"

#if defined(_MSC_VER) && !defined(__clang__)
#define OB_PREFETCH(address) ((void)(address))
#else
#define OB_PREFETCH(address) __builtin_prefetch(address)
#endif

#define OB_NIL UINT32_MAX
#define OB_MAX_ORDERS (UINT32_C(1) << 29)
#define OB_TIME_MISSING INT64_MIN /* a missing time, as in the columns */

enum { OB_ID_INT = 0, OB_ID_NEGATIVE = 1, OB_ID_TEXT = 2, OB_ID_FREE = 3 };

typedef struct ob_id {
    uint64_t bits;
    uint32_t kind;
} ob_id;

typedef struct ob_order {
    uint64_t id;
    int64_t size;
    uint32_t next, prev; /* in its queue; `next` also in the list of free orders */
    uint32_t queue;
    uint32_t kind;
} ob_order;

/* `age` orders the orders by when they came, or last went to the back of a queue. */
typedef struct ob_past {
    int64_t ts_event;
    uint64_t age;
} ob_past;

typedef struct ob_queue {
    int64_t rank;
    int64_t anonymous;
    uint32_t head, tail; /* `head` also links the list of free queues */
    uint32_t count;
    int32_t side; /* -1: free */
} ob_queue;

typedef struct ob_index_entry {
    uint32_t tag;
    uint32_t order; /* OB_NIL: empty */
} ob_index_entry;

typedef struct ob_orders {
    ob_order *orders;
    ob_past *past;
    ob_queue *queues;
    ob_index_entry *index;
    uint32_t index_mask; /* entries - 1; 0: there is no index yet */
    uint32_t count;      /* resting orders */
    uint32_t room, used, free;
    uint32_t queue_room, queue_used, queue_free;
    uint32_t texts;  /* resting orders whose id is a text */
    uint32_t leavers; /* orders with a text id that left: kept aside until the caller lets go of the text */
    uint64_t age;
    uint64_t seed;
} ob_orders;

static inline void ob_orders_init(ob_orders *o, uint64_t seed) {
    memset(o, 0, sizeof *o);
    o->free = o->queue_free = o->leavers = OB_NIL;
    o->seed = seed;
}

static inline void ob_orders_clear(ob_orders *o) {
    const uint64_t seed = o->seed;
    free(o->orders);
    free(o->past);
    free(o->queues);
    free(o->index);
    ob_orders_init(o, seed);
}

/* ---- the index ------------------------------------------------------------------------------------------------- */

/* Murmur's finaliser over the seeded id: every bit of the id moves every bit of the tag. */
static inline uint32_t ob_id_tag(const ob_orders *o, ob_id id) {
    uint64_t x = (id.bits ^ o->seed) + id.kind * UINT64_C(0x9E3779B97F4A7C15);
    x = (x ^ x >> 33) * UINT64_C(0xFF51AFD7ED558CCD);
    x = (x ^ x >> 33) * UINT64_C(0xC4CEB9FE1A85EC53);
    return (uint32_t)(x >> 32);
}

static inline int ob_is_order(const ob_order *order, ob_id id) {
    return order->id == id.bits && order->kind == id.kind;
}

/* The order with an id, OB_NIL where none rests. */
static inline uint32_t ob_find_tagged(const ob_orders *o, ob_id id, uint32_t tag) {
    if (OB_UNLIKELY(!o->index_mask)) return OB_NIL;
    for (uint32_t at = tag & o->index_mask;; at = (at + 1) & o->index_mask) {
        const ob_index_entry entry = o->index[at];
        if (entry.order == OB_NIL) return OB_NIL;
        if (entry.tag == tag && OB_LIKELY(ob_is_order(&o->orders[entry.order], id))) return entry.order;
    }
}

static inline uint32_t ob_find_order(const ob_orders *o, ob_id id) { return ob_find_tagged(o, id, ob_id_tag(o, id)); }

static inline void ob_index_put(ob_index_entry *index, uint32_t mask, ob_index_entry entry) {
    uint32_t at = entry.tag & mask;
    while (index[at].order != OB_NIL) at = (at + 1) & mask;
    index[at] = entry;
}

static void ob_index_remove(ob_orders *o, uint32_t order) {
    const uint32_t mask = o->index_mask;
    const ob_id id = {o->orders[order].id, o->orders[order].kind};
    uint32_t gap = ob_id_tag(o, id) & mask;
    while (o->index[gap].order != order) gap = (gap + 1) & mask;
    for (uint32_t at = (gap + 1) & mask; o->index[at].order != OB_NIL; at = (at + 1) & mask) {
        const uint32_t home = o->index[at].tag & mask;
        /* It may move into the gap unless that lies before the place where its search begins. */
        if (((at - home) & mask) < ((at - gap) & mask)) continue;
        o->index[gap] = o->index[at];
        gap = at;
    }
    o->index[gap].order = OB_NIL;
}

/* An index of so many entries (a power of two) with everything that is in the old one; -1: out of memory. */
static int ob_index_resize(ob_orders *o, size_t entries) {
    ob_index_entry *index = malloc(entries * sizeof *index);
    if (!index) return -1;
    memset(index, 0xFF, entries * sizeof *index); /* every order OB_NIL */
    if (o->index_mask)
        for (size_t i = 0; i <= o->index_mask; i++)
            if (o->index[i].order != OB_NIL) ob_index_put(index, (uint32_t)(entries - 1), o->index[i]);
    free(o->index);
    o->index = index;
    o->index_mask = (uint32_t)(entries - 1);
    return 0;
}

/* ---- room ------------------------------------------------------------------------------------------------------ */

/* A larger copy of an array in the place of it; -1: out of memory, and the array is as it was. */
static int ob_grow_array(void **array, size_t count, size_t bytes) {
    void *grown = count > SIZE_MAX / bytes ? NULL : realloc(*array, count * bytes);
    if (!grown) return -1;
    *array = grown;
    return 0;
}

static int ob_grow_orders(ob_orders *o) {
    const uint32_t room = o->room ? 2 * o->room : 32;
    void *orders = o->orders, *past = o->past;
    if (room > OB_MAX_ORDERS) return -1;
    if (ob_grow_array(&orders, room, sizeof *o->orders)) return -1;
    o->orders = orders;
    if (ob_grow_array(&past, room, sizeof *o->past)) return -1;
    o->past = past;
    o->room = room;
    return 0;
}

static int ob_grow_queues(ob_orders *o) {
    const uint32_t room = o->queue_room ? 2 * o->queue_room : 32;
    void *queues = o->queues;
    if (room > OB_MAX_ORDERS || ob_grow_array(&queues, room, sizeof *o->queues)) return -1;
    o->queues = queues;
    o->queue_room = room;
    return 0;
}

static inline int ob_reserve_queue(ob_orders *o) {
    return o->queue_free == OB_NIL && o->queue_used == o->queue_room ? ob_grow_queues(o) : 0;
}

/* Room for one more order and for a queue of its own; -1: out of memory. */
static inline int ob_reserve_order(ob_orders *o) {
    if (OB_UNLIKELY(o->free == OB_NIL && o->used == o->room) && ob_grow_orders(o)) return -1;
    if (OB_UNLIKELY(ob_reserve_queue(o))) return -1;
    /* At most a quarter full: nearly every search ends where it begins, and the processor can count on that. */
    const size_t entries = (size_t)o->index_mask + 1;
    if (OB_UNLIKELY(!o->index_mask)) return ob_index_resize(o, 64);
    if (OB_UNLIKELY(((size_t)o->count + 1) * 4 > entries)) return ob_index_resize(o, 2 * entries);
    return 0;
}

/* ---- queues ---------------------------------------------------------------------------------------------------- */

/* A queue without orders; there must be room. */
static inline uint32_t ob_new_queue(ob_orders *o, int side, int64_t rank) {
    uint32_t at = o->queue_free;
    if (at != OB_NIL) o->queue_free = o->queues[at].head;
    else at = o->queue_used++;
    const ob_queue fresh = {rank, 0, OB_NIL, OB_NIL, 0, side};
    o->queues[at] = fresh;
    return at;
}

static inline void ob_free_queue(ob_orders *o, uint32_t at) {
    o->queues[at].side = -1;
    o->queues[at].count = 0;
    o->queues[at].head = o->queue_free;
    o->queue_free = at;
}

/* Where an order's neighbours say what is next to it: in themselves, or in the queue at its ends. Addresses, and not
 * branches: which of them it is cannot be predicted. */
static inline uint32_t *ob_link_after(ob_orders *o, ob_queue *q, uint32_t prev) {
    return prev == OB_NIL ? &q->head : &o->orders[prev].next;
}

static inline uint32_t *ob_link_before(ob_orders *o, ob_queue *q, uint32_t next) {
    return next == OB_NIL ? &q->tail : &o->orders[next].prev;
}

/* Put an order at the back. */
static inline void ob_queue_append(ob_orders *o, uint32_t at, uint32_t queue) {
    ob_order *order = &o->orders[at];
    ob_queue *q = &o->queues[queue];
    order->queue = queue;
    order->prev = q->tail;
    order->next = OB_NIL;
    *ob_link_after(o, q, q->tail) = at;
    q->tail = at;
    q->count++;
}

/* Take an order out of its queue; it stays in the index. */
static inline void ob_queue_detach(ob_orders *o, uint32_t at) {
    const ob_order *order = &o->orders[at];
    ob_queue *q = &o->queues[order->queue];
    const uint32_t next = order->next, prev = order->prev;
    *ob_link_after(o, q, prev) = next;
    *ob_link_before(o, q, next) = prev;
    q->count--;
}

/* ---- orders ---------------------------------------------------------------------------------------------------- */

/* A new order at the back of a queue, findable by its id; there must be room, and no other order of that id. */
static inline uint32_t ob_new_order(ob_orders *o, ob_id id, uint32_t tag, uint32_t queue, int64_t size, int64_t time) {
    uint32_t at = o->free;
    if (at != OB_NIL) o->free = o->orders[at].next;
    else at = o->used++;
    const ob_index_entry entry = {tag, at};
    o->orders[at].id = id.bits;
    o->orders[at].kind = id.kind;
    o->orders[at].size = size;
    o->past[at].ts_event = time;
    o->past[at].age = o->age++;
    ob_queue_append(o, at, queue);
    ob_index_put(o->index, o->index_mask, entry);
    o->count++;
    o->texts += id.kind == OB_ID_TEXT;
    return at;
}

/* Forget an order that is in no queue any more. */
static inline void ob_free_order(ob_orders *o, uint32_t at) {
    ob_order *order = &o->orders[at];
    ob_index_remove(o, at);
    o->count--;
    if (OB_UNLIKELY(order->kind == OB_ID_TEXT)) {
        o->texts--;
        order->next = o->leavers;
        o->leavers = at;
    } else {
        order->next = o->free;
        o->free = at;
    }
    order->kind = OB_ID_FREE;
}

/* The text of an order that left, for the caller to let go of; 0: there is none. */
static inline int ob_next_leaver(ob_orders *o, uint64_t *text) {
    const uint32_t at = o->leavers;
    if (at == OB_NIL) return 0;
    *text = o->orders[at].id;
    o->leavers = o->orders[at].next;
    o->orders[at].next = o->free;
    o->free = at;
    return 1;
}

/* Forget a queue with all its orders. */
static inline void ob_drop_queue(ob_orders *o, uint32_t queue) {
    for (uint32_t at = o->queues[queue].head; at != OB_NIL;) {
        const uint32_t next = o->orders[at].next;
        ob_free_order(o, at);
        at = next;
    }
    ob_free_queue(o, queue);
}

/* An order under another id, which nobody has; its place in the queue stays. A text that it had is the caller's. */
static inline void ob_rename_order(ob_orders *o, uint32_t at, ob_id id) {
    ob_order *order = &o->orders[at];
    const ob_index_entry entry = {ob_id_tag(o, id), at};
    ob_index_remove(o, at);
    o->texts += (uint32_t)(id.kind == OB_ID_TEXT) - (uint32_t)(order->kind == OB_ID_TEXT);
    order->id = id.bits;
    order->kind = id.kind;
    ob_index_put(o->index, o->index_mask, entry);
}

/* The same orders in arrays of their own; -1: out of memory, and `to` is empty. */
OB_NOINLINE int ob_orders_copy(ob_orders *to, const ob_orders *from) {
    const size_t entries = from->index_mask ? (size_t)from->index_mask + 1 : 0;
    *to = *from;
    to->orders = malloc((from->room + 1) * sizeof *to->orders);
    to->past = malloc((from->room + 1) * sizeof *to->past);
    to->queues = malloc((from->queue_room + 1) * sizeof *to->queues);
    to->index = malloc((entries + 1) * sizeof *to->index);
    if (!to->orders || !to->past || !to->queues || !to->index) {
        ob_orders_clear(to);
        return -1;
    }
    if (from->used) memcpy(to->orders, from->orders, from->used * sizeof *to->orders);
    if (from->used) memcpy(to->past, from->past, from->used * sizeof *to->past);
    if (from->queue_used) memcpy(to->queues, from->queues, from->queue_used * sizeof *to->queues);
    if (entries) memcpy(to->index, from->index, entries * sizeof *to->index);
    return 0;
}

#endif
