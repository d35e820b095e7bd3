/* The compiled interpreter of a JSON format: bytes in, a reading of the message out, in one pass.
 *
 *   ob_reading r;
 *   ob_reading_init(&r);                       once a thread
 *   r.price_scale = ..., r.size_scale = ...;   what the book has: the levels come out at these scales, or finer
 *   if (ob_walk(program, buf, len, &r) == OB_OK) ... else the readable interpreter decides
 *   ob_reading_free(&r);
 *
 * A walk accepts nothing that the readable interpreter (orderbook/decode/interpret.py) refuses, and reads the same out
 * of what it accepts. It validates the whole document. Whatever is wrong, rare or not compiled is OB_DECLINE: nothing
 * is approximated, and errors are the readable interpreter's to word. No Python, no NUL terminator, no read past `len`.
 */
#ifndef OB_WALKER_H
#define OB_WALKER_H

#include <stdlib.h>

#include "program.h"

#define OB_DECLINE (-16)
#define OB_MAX_LEVELS (1u << 20) /* of one side of a message */

/* One attribute of the event. `tag` says where it comes from, which is also its type:
 *   OB_ABSENT        there is none (None)
 *   OB_INT           number
 *   OB_DECIMAL_TEXT  text, which is the number number / 10**scale in canonical form
 *   OB_JSON_NUMBER   the same, written as a JSON number
 *   OB_TEXT          text
 *   OB_BOOL          number, 0 or 1
 *   OB_CHOICE        choice is its place in the program's `wanted`; number its meaning if that is an integer (a side)
 *   OB_CONSTANT      the table's own value: number if that is an integer or a boolean
 * `text` points into the bytes that were walked. */
typedef struct {
    int64_t number;
    const char *text;
    uint32_t length;
    int16_t choice;
    int8_t scale;
    uint8_t tag;
} ob_value;

/* Levels in the order of the message; counts only if ob_reading.has_counts. */
typedef struct {
    int64_t *prices, *sizes;
    uint32_t *counts;
    uint32_t n, capacity, counts_capacity;
    int32_t node; /* where they stood; -1: nowhere */
} ob_levels;

/* What stands at a node of the frame. */
typedef struct {
    int64_t number;
    const char *text;
    uint32_t length, generation; /* of the walk that filled it: older ones count as absent, so nothing is cleared */
    int32_t kind;
} ob_slot;

/* One thread's; used again from message to message. What it says holds until the next walk. */
typedef struct {
    /* In: the channel of a message without an envelope, where its origin names one. */
    const char *bare_channel;
    uint32_t bare_channel_length;
    /* In and out: the scales of the levels. After OB_DECLINE they are as they were. */
    int32_t price_scale, size_scale;
    /* Out. */
    int32_t message, kind, enveloped, has_counts;
    const char *symbol, *channel;
    uint32_t symbol_length, channel_length; /* symbol_length 0: a message of no instrument */
    ob_value values[OB_ATTRIBUTES];
    ob_levels bids, asks;
    /* The walker's own. */
    ob_slot *slots;
    uint32_t n_slots, generation;
} ob_reading;

typedef struct {
    const ob_program *program;
    ob_reading *r;
    const char *begin, *end;
    ob_slot channel; /* the channel's name, as if it stood at a node */
} ob_run;

OB_NOINLINE void ob_reading_init(ob_reading *r) {
    memset(r, 0, sizeof *r);
    r->bare_channel = r->symbol = r->channel = "";
}

OB_NOINLINE void ob_reading_free(ob_reading *r) {
    free(r->bids.prices);
    free(r->bids.sizes);
    free(r->bids.counts);
    free(r->asks.prices);
    free(r->asks.sizes);
    free(r->asks.counts);
    free(r->slots);
    ob_reading_init(r);
}

#include "levels.h"

/* -- the tree ----------------------------------------------------------------------------------------------------- */

static const char *ob_walk_object(ob_run *w, int node, const char *p);
static const char *ob_walk_array(ob_run *w, int node, const char *p);

/* A value at a node: noted, and gone into where the table looks deeper. */
OB_INLINE const char *ob_walk_value(ob_run *w, int node, const char *p) {
    ob_slot *slot = &w->r->slots[node];
    const ob_node *here = &w->program->nodes[node];
    int escaped;
    /* The same key twice: the other parsers keep the last one. Rare enough to leave to them. */
    if (slot->generation == w->r->generation) return NULL;
    slot->generation = w->r->generation;
    slot->text = p;
    switch (*p) {
    case '"':
        slot->kind = OB_STRING;
        slot->text = ++p;
        p = ob_string(p, w->end, &escaped);
        if (p == NULL || escaped || p - slot->text > INT32_MAX) return NULL;
        slot->length = (uint32_t)(p - slot->text);
        return p + 1;
    case '{':
        slot->kind = OB_OBJECT;
        return here->mask >= 0 ? ob_walk_object(w, node, p + 1) : ob_skip_nested(p, w->end);
    case '[':
        slot->kind = OB_ARRAY;
        if (here->lane >= 0) return ob_level_array(w, node, p + 1);
        return here->indexed ? ob_walk_array(w, node, p + 1) : ob_skip_nested(p, w->end);
    case '-': case '0': case '1': case '2': case '3': case '4': case '5': case '6': case '7': case '8': case '9':
        p = ob_number(p, w->end, &slot->kind, &slot->number);
        if (p == NULL || slot->kind == OB_HUGE) return NULL;
        slot->length = (uint32_t)(p - slot->text);
        return p;
    default:
        return ob_literal(p, w->end, &slot->kind);
    }
}

/* The node of the key at p (after its quote), -1 for one that the table does not name; *close is the closing quote. */
OB_INLINE int ob_walk_key(ob_run *w, const ob_node *parent, const char *p, const char **close) {
    int escaped;
    if (OB_LIKELY(w->end - p >= 16)) {
        unsigned n = ob_special16(p);
        if (OB_LIKELY(n <= 8 && p[n] == '"')) {
            uint64_t word = n ? ob_load8(p) << (8 * (8 - n)) >> (8 * (8 - n)) : 0;
            *close = p + n;
            return ob_find_key(w->program, parent, word, p, n);
        }
    }
    *close = ob_string(p, w->end, &escaped);
    /* An escaped key may be one that the table names. */
    if (*close == NULL || escaped) {
        *close = NULL;
        return -1;
    }
    size_t n = (size_t)(*close - p);
    return ob_find_key(w->program, parent, ob_load_upto8(p, n), p, n);
}

/* An object that the table looks into, from behind its brace. */
static const char *ob_walk_object(ob_run *w, int node, const char *p) {
    const ob_node *here = &w->program->nodes[node];
    const char *end = w->end, *close;
    p = ob_space(p, end);
    if (p < end && *p == '}') return p + 1;
    for (;;) {
        if (p == end || *p != '"') return NULL;
        int child = ob_walk_key(w, here, p + 1, &close);
        if (close == NULL) return NULL;
        p = ob_space(close + 1, end);
        if (p == end || *p != ':') return NULL;
        p = ob_space(p + 1, end);
        if (p == end) return NULL;
        p = child < 0 ? ob_skip(p, end) : ob_walk_value(w, child, p);
        if (p == NULL) return NULL;
        p = ob_space(p, end);
        if (p == end) return NULL;
        if (*p == '}') return p + 1;
        if (*p != ',') return NULL;
        p = ob_space(p + 1, end);
    }
}

/* An array that the table looks into, from behind its bracket. */
static const char *ob_walk_array(ob_run *w, int node, const char *p) {
    const char *end = w->end;
    p = ob_space(p, end);
    if (p < end && *p == ']') return p + 1;
    for (int i = 0; i < INT32_MAX; i++) {
        if (p == end) return NULL;
        int child = ob_find_index(w->program, node, i);
        p = child < 0 ? ob_skip(p, end) : ob_walk_value(w, child, p);
        if (p == NULL) return NULL;
        p = ob_space(p, end);
        if (p == end) return NULL;
        if (*p == ']') return p + 1;
        if (*p != ',') return NULL;
        p = ob_space(p + 1, end);
    }
    return NULL;
}

#include "choose.h"

/* -- the way in --------------------------------------------------------------------------------------------------- */

OB_INLINE int ob_prepare(const ob_program *p, ob_reading *r) {
    if (r->n_slots < (uint32_t)p->n_nodes) {
        ob_slot *slots = (ob_slot *)realloc(r->slots, (size_t)p->n_nodes * sizeof *slots);
        if (slots == NULL) return OB_DECLINE;
        r->slots = slots;
        r->n_slots = (uint32_t)p->n_nodes;
        r->generation = UINT32_MAX;
    }
    if (++r->generation == 0) { /* once in four billion walks, and with new slots */
        memset(r->slots, 0, r->n_slots * sizeof *r->slots);
        r->generation = 1;
    }
    r->bids.n = r->asks.n = 0;
    r->bids.node = r->asks.node = -1;
    r->message = -1;
    return OB_OK;
}

/* Read one message. OB_OK: `r` says what it is; OB_DECLINE: nothing in `r` means anything. */
OB_NOINLINE int ob_walk(const ob_program *program, const char *buf, size_t len, ob_reading *r) {
    ob_run w;
    w.program = program;
    w.r = r;
    w.begin = buf;
    w.end = buf + len;
    int32_t price_scale = r->price_scale, size_scale = r->size_scale;
    int ok = (unsigned)price_scale <= OB_MAX_SCALE && (unsigned)size_scale <= OB_MAX_SCALE;
    if (ok && len && ob_prepare(program, r) == OB_OK) {
        const char *p = ob_space(buf, w.end);
        if (p < w.end && (*p == '{' || *p == '[')) {
            p = ob_walk_value(&w, 0, p);
            if (p != NULL && ob_space(p, w.end) == w.end && ob_choose(&w) == OB_OK) return OB_OK;
        }
    }
    r->price_scale = price_scale;
    r->size_scale = size_scale;
    return OB_DECLINE;
}

#endif
