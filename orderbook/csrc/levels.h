/* Arrays of levels, parsed while they are walked: into int64 columns at common scales.
 *
 * The columns start at the scales that the caller hinted at. A number that needs more digits widens its column, of both
 * sides, exactly; what no longer fits in int64 then declines the message.
 */
#ifndef OB_LEVELS_H
#define OB_LEVELS_H

/* Room for as many levels as the bytes that are left can hold, so that nothing grows inside the loop. */
OB_NOINLINE int ob_reserve(ob_levels *side, size_t bytes, int counts) {
    const size_t shortest = 6; /* `[1,2],` */
    size_t wanted = bytes / shortest + 1;
    if (wanted > OB_MAX_LEVELS) wanted = OB_MAX_LEVELS;
    if (wanted > side->capacity) {
        int64_t *prices, *sizes;
        wanted = wanted < 256 ? 256 : wanted;
        prices = (int64_t *)realloc(side->prices, wanted * sizeof *prices);
        if (prices == NULL) return OB_DECLINE;
        side->prices = prices;
        sizes = (int64_t *)realloc(side->sizes, wanted * sizeof *sizes);
        if (sizes == NULL) return OB_DECLINE;
        side->sizes = sizes;
        side->capacity = (uint32_t)wanted;
    }
    if (counts && side->counts_capacity < side->capacity) {
        uint32_t *grown = (uint32_t *)realloc(side->counts, side->capacity * sizeof *grown);
        if (grown == NULL) return OB_DECLINE;
        side->counts = grown;
        side->counts_capacity = side->capacity;
    }
    return OB_OK;
}

OB_NOINLINE int ob_widen(int64_t *column, uint32_t n, int from, int to) {
    for (uint32_t i = 0; i < n; i++) {
        if (ob_rescale(column[i], from, to, &column[i]) != OB_OK) return OB_DECLINE;
    }
    return OB_OK;
}

/* A number that needs more digits than its column has: first the column gets them. */
OB_NOINLINE int ob_finer(ob_reading *r, int is_price, const char *s, size_t n, int64_t *mantissa) {
    int32_t *scale = is_price ? &r->price_scale : &r->size_scale;
    int own;
    if (ob_parse_decimal(s, n, mantissa, &own) != OB_OK || own <= *scale) return OB_DECLINE;
    if (ob_widen(is_price ? r->bids.prices : r->bids.sizes, r->bids.n, *scale, own) != OB_OK) return OB_DECLINE;
    if (ob_widen(is_price ? r->asks.prices : r->asks.sizes, r->asks.n, *scale, own) != OB_OK) return OB_DECLINE;
    *scale = own;
    return OB_OK;
}

/* -- one level, however it is written ------------------------------------------------------------------------------ */

typedef struct {
    int64_t price, size;
    uint32_t count;
    int seen; /* bits: 1 price, 2 size, 4 count */
} ob_level;

/* A price or a size, as text or as a JSON number as the table says. */
OB_NOINLINE const char *ob_level_number(ob_run *w, const ob_lane *lane, int is_price, const char *p,
                                        int64_t *mantissa) {
    const char *start = p, *stop;
    int escaped, kind, code;
    if (lane->numbers) {
        int64_t number;
        if (*p != '-' && !ob_is_digit(*p)) return NULL;
        stop = p = ob_number(p, w->end, &kind, &number);
        if (p == NULL) return NULL;
    } else {
        if (*p != '"') return NULL;
        start = p + 1;
        stop = ob_string(start, w->end, &escaped);
        if (stop == NULL || escaped) return NULL;
        p = stop + 1;
    }
    size_t n = (size_t)(stop - start);
    code = ob_parse_at(start, n, is_price ? w->r->price_scale : w->r->size_scale, mantissa);
    if (code == OB_FINER) code = ob_finer(w->r, is_price, start, n, mantissa);
    return code == OB_OK ? p : NULL;
}

/* A number of orders: an integer, or plain digits as text. */
OB_NOINLINE const char *ob_level_count(ob_run *w, const char *p, uint32_t *count) {
    int text = *p == '"', kind, scale;
    int64_t number;
    const char *start = p + text, *stop;
    stop = ob_digits_of(start, w->end);
    if (stop == start || stop - start > 10) return NULL;
    if (text) {
        if (stop == w->end || *stop != '"') return NULL;
        if (ob_parse_decimal(start, (size_t)(stop - start), &number, &scale) != OB_OK) return NULL;
        stop++;
    } else {
        stop = ob_number(start, w->end, &kind, &number);
        if (stop == NULL || kind != OB_INTEGER) return NULL;
    }
    if (number > UINT32_MAX) return NULL;
    *count = (uint32_t)number;
    return stop;
}

/* One element of a level: `part` is the bit of what it is, 0 for something else. */
OB_INLINE const char *ob_level_part(ob_run *w, const ob_lane *lane, int part, const char *p, ob_level *level) {
    if (level->seen & part) return NULL; /* a key twice */
    level->seen |= part;
    switch (part) {
    case 1: return ob_level_number(w, lane, 1, p, &level->price);
    case 2: return ob_level_number(w, lane, 0, p, &level->size);
    case 4: return ob_level_count(w, p, &level->count);
    default: return ob_skip(p, w->end);
    }
}

OB_INLINE int ob_part_of_index(const ob_lane *lane, int i) {
    return i == lane->price ? 1 : i == lane->size ? 2 : i == lane->count ? 4 : 0;
}

OB_INLINE int ob_part_of_key(const ob_run *w, const ob_lane *lane, const char *key, size_t n) {
    if (ob_same_text(w->program, lane->price_key, key, n)) return 1;
    if (ob_same_text(w->program, lane->size_key, key, n)) return 2;
    return lane->count >= 0 && ob_same_text(w->program, lane->count_key, key, n) ? 4 : 0;
}

/* A level from its bracket or brace to behind its end. */
OB_NOINLINE const char *ob_level_row(ob_run *w, const ob_lane *lane, ob_levels *side, const char *p) {
    const char *end = w->end;
    char close = lane->keyed ? '}' : ']';
    ob_level level = {0, 0, 0, 0};
    if (p == end || *p != (lane->keyed ? '{' : '[')) return NULL;
    for (int i = 0; i < 1024; i++) {
        int part = lane->keyed ? 0 : ob_part_of_index(lane, i);
        p = ob_space(p + 1, end);
        if (lane->keyed) {
            int escaped;
            if (p == end || *p != '"') return NULL;
            const char *key = p + 1, *stop = ob_string(key, end, &escaped);
            if (stop == NULL || escaped) return NULL;
            part = ob_part_of_key(w, lane, key, (size_t)(stop - key));
            p = ob_space(stop + 1, end);
            if (p == end || *p != ':') return NULL;
            p = ob_space(p + 1, end);
        }
        if (p == end) return NULL;
        p = ob_level_part(w, lane, part, p, &level);
        if (p == NULL) return NULL;
        p = ob_space(p, end);
        if (p == end) return NULL;
        if (*p == ',') continue;
        if (*p != close || (level.seen & 3) != 3 || (lane->count >= 0 && !(level.seen & 4))) return NULL;
        if (level.size < 0 || side->n == side->capacity) return NULL;
        side->prices[side->n] = level.price;
        side->sizes[side->n] = level.size;
        if (lane->count >= 0) side->counts[side->n] = level.count;
        side->n++;
        return p + 1;
    }
    return NULL;
}

#include "quick.h"

/* An array of levels at a node, from behind its bracket. */
OB_NOINLINE const char *ob_level_array(ob_run *w, int node, const char *p) {
    const ob_lane *lane = &w->program->lanes[w->program->nodes[node].lane];
    ob_levels *side = lane->ask ? &w->r->asks : &w->r->bids;
    const char *end = w->end;
    if (side->node >= 0) return NULL; /* two arrays for one side: the message will want just one of them */
    side->node = node;
    p = ob_space(p, end);
    if (p < end && *p == ']') return p + 1;
    if (ob_reserve(side, (size_t)(end - p), lane->count >= 0) != OB_OK) return NULL;
    for (;;) {
        int more = 1;
        if (lane->quick) p = ob_quick_rows(w, side, p, &more);
        if (more) p = ob_level_row(w, lane, side, ob_space(p, end));
        if (p == NULL) return NULL;
        p = ob_space(p, end);
        if (p == end) return NULL;
        if (*p == ']') return p + 1;
        if (*p != ',') return NULL;
        p++;
    }
}

#endif
