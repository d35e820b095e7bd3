/* One side of a book: int64 values by int64 rank, lowest rank first.
 *
 * Ranks are grouped into pages of 64. A page is a bitmap of the ranks that are there and their values: packed while the
 * page is sparse (a level costs 8 bytes, and a page that holds one level 40), at a fixed place each once it is half
 * full (no search, no move). Pages stand in a two-level directory, chunks of at most 64, worst first, so that what
 * changes near the best price moves next to nothing. A small direct-mapped cache finds the pages that are in use without
 * the directory. docs/internals.md has the measurements behind each of these choices.
 *
 *   set, delete, look up     O(1) in a page that is cached, O(log pages) otherwise
 *   best                     O(1)
 *   walk                     O(levels walked)
 *   the k-th level           O(pages before it)
 *
 * Nothing here knows Python. Out of memory is a return value; whoever gets it must not go on with half a message.
 */
#ifndef OB_LADDER_H
#define OB_LADDER_H

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "decimal.h"

#ifdef _MSC_VER
#include <intrin.h>
static inline unsigned ob_low_bit(uint64_t mask) { unsigned long at; _BitScanForward64(&at, mask); return at; }
static inline unsigned ob_high_bit(uint64_t mask) { unsigned long at; _BitScanReverse64(&at, mask); return at; }
#else
static inline unsigned ob_low_bit(uint64_t mask) { return (unsigned)__builtin_ctzll(mask); }
static inline unsigned ob_high_bit(uint64_t mask) { return 63u - (unsigned)__builtin_clzll(mask); }
#endif

/* Not the compiler's builtin: without -mpopcnt, which a portable build cannot ask for, that is a call of a function. */
static inline unsigned ob_count_bits(uint64_t x) {
    x -= (x >> 1) & 0x5555555555555555ULL;
    x = (x & 0x3333333333333333ULL) + ((x >> 2) & 0x3333333333333333ULL);
    x = (x + (x >> 4)) & 0x0F0F0F0F0F0F0F0FULL;
    return (unsigned)((x * 0x0101010101010101ULL) >> 56);
}

#define OB_PAGE_BITS 6
#define OB_PAGE 64
#define OB_CHUNK 64
#define OB_CACHE 256

/* `wide` pages (with an order count beside each size) keep two numbers a level, next to each other. */
typedef struct ob_page {
    int64_t key; /* rank >> 6 */
    uint64_t mask;
    uint32_t count;
    uint32_t room; /* OB_PAGE: every rank has its own place */
    int64_t values[];
} ob_page;

typedef struct ob_chunk {
    uint32_t count;
    int64_t keys[OB_CHUNK]; /* falling: the best page stands last */
    ob_page *pages[OB_CHUNK];
} ob_chunk;

typedef struct ob_ladder {
    size_t levels;
    size_t chunk_count, chunk_room;
    ob_chunk **chunks; /* worst first */
    ob_page *best;
    int wide; /* 0 or 1: the shift that makes an index of a level the index of its first number */
    ob_page *cache[OB_CACHE];
} ob_ladder;

static inline void ob_ladder_init(ob_ladder *ladder, int wide) {
    memset(ladder, 0, sizeof *ladder);
    ladder->wide = wide;
}

static inline void ob_ladder_clear(ob_ladder *ladder) {
    for (size_t i = 0; i < ladder->chunk_count; i++) {
        ob_chunk *chunk = ladder->chunks[i];
        for (uint32_t k = 0; k < chunk->count; k++) free(chunk->pages[k]);
        free(chunk);
    }
    free(ladder->chunks);
    ob_ladder_init(ladder, 0);
}

static inline int64_t ob_page_key(int64_t rank) { return rank >> OB_PAGE_BITS; }
static inline unsigned ob_bit(int64_t rank) { return (unsigned)(rank & (OB_PAGE - 1)); }

static inline int64_t ob_page_rank(const ob_page *page, unsigned bit) {
    return (int64_t)(((uint64_t)page->key << OB_PAGE_BITS) | bit);
}

/* Where the value of a rank is, or would go. */
static inline unsigned ob_place(const ob_page *page, unsigned bit) {
    if (OB_LIKELY(page->room == OB_PAGE)) return bit;
    return ob_count_bits(page->mask & (((uint64_t)1 << bit) - 1));
}

/* ---- the directory -------------------------------------------------------------------------------------------- */

/* The chunk that holds a key, or would take it. There must be one. */
static inline size_t ob_find_chunk(const ob_ladder *ladder, int64_t key) {
    size_t low = 0, high = ladder->chunk_count - 1;
    if (OB_LIKELY(key <= ladder->chunks[high]->keys[0])) return high;
    /* The last chunk whose first (worst) key is not better than ours. */
    while (low < high) {
        size_t middle = (low + high + 1) / 2;
        if (ladder->chunks[middle]->keys[0] >= key) low = middle;
        else high = middle - 1;
    }
    return low;
}

/* The first place in a chunk whose key is not worse than ours. */
static inline uint32_t ob_find_slot(const ob_chunk *chunk, int64_t key) {
    uint32_t low = 0, high = chunk->count;
    while (low < high) {
        uint32_t middle = (low + high) / 2;
        if (chunk->keys[middle] > key) low = middle + 1;
        else high = middle;
    }
    return low;
}

static inline ob_page *ob_search_page(ob_ladder *ladder, int64_t key) {
    if (!ladder->chunk_count) return NULL;
    const ob_chunk *chunk = ladder->chunks[ob_find_chunk(ladder, key)];
    uint32_t slot = ob_find_slot(chunk, key);
    if (slot == chunk->count || chunk->keys[slot] != key) return NULL;
    ladder->cache[key & (OB_CACHE - 1)] = chunk->pages[slot];
    return chunk->pages[slot];
}

static inline ob_page *ob_find_page(ob_ladder *ladder, int64_t key) {
    ob_page *page = ladder->cache[key & (OB_CACHE - 1)];
    if (OB_LIKELY(page && page->key == key)) return page;
    return ob_search_page(ladder, key);
}

/* As above for a book that is only read, which readers in other threads may do at the same time. */
static inline const ob_page *ob_look_page(const ob_ladder *ladder, int64_t key) {
    const ob_page *page = ladder->cache[key & (OB_CACHE - 1)];
    if (page && page->key == key) return page;
    if (!ladder->chunk_count) return NULL;
    const ob_chunk *chunk = ladder->chunks[ob_find_chunk(ladder, key)];
    uint32_t slot = ob_find_slot(chunk, key);
    return slot < chunk->count && chunk->keys[slot] == key ? chunk->pages[slot] : NULL;
}

static inline void ob_note_best(ob_ladder *ladder) {
    if (!ladder->chunk_count) {
        ladder->best = NULL;
        return;
    }
    const ob_chunk *last = ladder->chunks[ladder->chunk_count - 1];
    ladder->best = last->pages[last->count - 1];
}

static int ob_insert_chunk(ob_ladder *ladder, size_t at, ob_chunk *chunk) {
    if (ladder->chunk_count == ladder->chunk_room) {
        size_t room = ladder->chunk_room ? 2 * ladder->chunk_room : 4;
        ob_chunk **grown = realloc(ladder->chunks, room * sizeof *grown);
        if (!grown) return -1;
        ladder->chunks = grown;
        ladder->chunk_room = room;
    }
    memmove(ladder->chunks + at + 1, ladder->chunks + at, (ladder->chunk_count - at) * sizeof *ladder->chunks);
    ladder->chunks[at] = chunk;
    ladder->chunk_count++;
    return 0;
}

/* Make room in a full chunk; the better half becomes a chunk of its own. */
static int ob_split_chunk(ob_ladder *ladder, size_t at) {
    ob_chunk *worse = ladder->chunks[at], *better = malloc(sizeof *better);
    if (!better) return -1;
    const uint32_t half = OB_CHUNK / 2;
    better->count = worse->count - half;
    memcpy(better->keys, worse->keys + half, better->count * sizeof *better->keys);
    memcpy(better->pages, worse->pages + half, better->count * sizeof *better->pages);
    if (ob_insert_chunk(ladder, at + 1, better)) {
        free(better);
        return -1;
    }
    worse->count = half;
    return 0;
}

static int ob_insert_page(ob_ladder *ladder, ob_page *page) {
    if (!ladder->chunk_count) {
        ob_chunk *first = malloc(sizeof *first);
        if (!first) return -1;
        first->count = 0;
        if (ob_insert_chunk(ladder, 0, first)) {
            free(first);
            return -1;
        }
    }
    /* An empty first chunk has no key to compare with. */
    size_t at = ladder->chunks[0]->count ? ob_find_chunk(ladder, page->key) : 0;
    if (ladder->chunks[at]->count == OB_CHUNK) {
        if (ob_split_chunk(ladder, at)) return -1;
        at = ob_find_chunk(ladder, page->key);
    }
    ob_chunk *chunk = ladder->chunks[at];
    uint32_t slot = ob_find_slot(chunk, page->key);
    memmove(chunk->keys + slot + 1, chunk->keys + slot, (chunk->count - slot) * sizeof *chunk->keys);
    memmove(chunk->pages + slot + 1, chunk->pages + slot, (chunk->count - slot) * sizeof *chunk->pages);
    chunk->keys[slot] = page->key;
    chunk->pages[slot] = page;
    chunk->count++;
    ladder->cache[page->key & (OB_CACHE - 1)] = page;
    ob_note_best(ladder);
    return 0;
}

static void ob_remove_page(ob_ladder *ladder, ob_page *page) {
    size_t at = ob_find_chunk(ladder, page->key);
    ob_chunk *chunk = ladder->chunks[at];
    uint32_t slot = ob_find_slot(chunk, page->key);
    chunk->count--;
    memmove(chunk->keys + slot, chunk->keys + slot + 1, (chunk->count - slot) * sizeof *chunk->keys);
    memmove(chunk->pages + slot, chunk->pages + slot + 1, (chunk->count - slot) * sizeof *chunk->pages);
    if (!chunk->count) {
        free(chunk);
        ladder->chunk_count--;
        memmove(ladder->chunks + at, ladder->chunks + at + 1, (ladder->chunk_count - at) * sizeof *ladder->chunks);
    }
    ob_page **cached = &ladder->cache[page->key & (OB_CACHE - 1)];
    if (*cached == page) *cached = NULL;
    free(page);
    ob_note_best(ladder);
}

/* ---- a page --------------------------------------------------------------------------------------------------- */

static inline size_t ob_page_bytes(uint32_t room, int wide) {
    return sizeof(ob_page) + (((size_t)room << wide) * sizeof(int64_t));
}

static ob_page *ob_new_page(ob_ladder *ladder, int64_t key) {
    ob_page *page = malloc(ob_page_bytes(2, ladder->wide));
    if (!page) return NULL;
    page->key = key;
    page->mask = 0;
    page->count = 0;
    page->room = 2;
    if (ob_insert_page(ladder, page)) {
        free(page);
        return NULL;
    }
    return page;
}

/* A page of twice the room in the place of a full one; at 64 each value gets a place of its own. */
static ob_page *ob_grow_page(ob_ladder *ladder, ob_page *page) {
    const uint32_t room = 2 * page->room;
    const int wide = ladder->wide;
    ob_page *grown = malloc(ob_page_bytes(room, wide));
    if (!grown) return NULL;
    memcpy(grown, page, sizeof *page);
    grown->room = room;
    if (room < OB_PAGE) {
        memcpy(grown->values, page->values, ((size_t)page->count << wide) * sizeof(int64_t));
    } else {
        memset(grown->values, 0, ((size_t)OB_PAGE << wide) * sizeof(int64_t));
        uint32_t from = 0;
        for (uint64_t left = page->mask; left; left &= left - 1, from++)
            memcpy(grown->values + ((size_t)ob_low_bit(left) << wide), page->values + ((size_t)from << wide),
                   sizeof(int64_t) << wide);
    }
    ob_chunk *chunk = ladder->chunks[ob_find_chunk(ladder, page->key)];
    chunk->pages[ob_find_slot(chunk, page->key)] = grown;
    ladder->cache[page->key & (OB_CACHE - 1)] = grown;
    if (ladder->best == page) ladder->best = grown;
    free(page);
    return grown;
}

/* ---- levels --------------------------------------------------------------------------------------------------- */

/* The numbers of a rank, NULL where there is none. */
static inline const int64_t *ob_get(const ob_ladder *ladder, int64_t rank) {
    const ob_page *page = ob_look_page(ladder, ob_page_key(rank));
    const unsigned bit = ob_bit(rank);
    if (!page || !(page->mask >> bit & 1)) return NULL;
    return page->values + ((size_t)ob_place(page, bit) << ladder->wide);
}

/* The same to write through. */
static inline int64_t *ob_find(ob_ladder *ladder, int64_t rank) {
    ob_page *page = ob_find_page(ladder, ob_page_key(rank));
    const unsigned bit = ob_bit(rank);
    if (!page || !(page->mask >> bit & 1)) return NULL;
    return page->values + ((size_t)ob_place(page, bit) << ladder->wide);
}

/* The numbers of a rank, which is put in (with numbers of any value) where it is not there; NULL: out of memory. */
static inline int64_t *ob_put(ob_ladder *ladder, int64_t rank, int *is_new) {
    const int wide = ladder->wide;
    ob_page *page = ob_find_page(ladder, ob_page_key(rank));
    const unsigned bit = ob_bit(rank);
    if (OB_UNLIKELY(!page)) {
        page = ob_new_page(ladder, ob_page_key(rank));
        if (!page) return NULL;
    }
    *is_new = !(page->mask >> bit & 1);
    if (!*is_new) return page->values + ((size_t)ob_place(page, bit) << wide);
    if (OB_UNLIKELY(page->count == page->room)) {
        page = ob_grow_page(ladder, page);
        if (!page) return NULL;
    }
    const unsigned at = ob_place(page, bit);
    int64_t *place = page->values + ((size_t)at << wide);
    if (page->room != OB_PAGE && at < page->count)
        memmove(place + ((size_t)1 << wide), place, (((size_t)page->count - at) << wide) * sizeof(int64_t));
    page->mask |= (uint64_t)1 << bit;
    page->count++;
    ladder->levels++;
    return place;
}

/* Put a size; 0: done, -1: out of memory, and nothing has changed. */
static inline int ob_set(ob_ladder *ladder, int64_t rank, int64_t size) {
    int is_new;
    int64_t *place = ob_put(ladder, rank, &is_new);
    if (OB_UNLIKELY(!place)) return -1;
    *place = size;
    return 0;
}

/* Take a level out; 0 where there was none. Never fails. */
static inline int ob_delete(ob_ladder *ladder, int64_t rank) {
    ob_page *page = ob_find_page(ladder, ob_page_key(rank));
    const unsigned bit = ob_bit(rank);
    if (!page || !(page->mask >> bit & 1)) return 0;
    ladder->levels--;
    if (page->count == 1) {
        ob_remove_page(ladder, page);
        return 1;
    }
    if (page->room != OB_PAGE) {
        const unsigned at = ob_place(page, bit);
        int64_t *place = page->values + ((size_t)at << ladder->wide);
        memmove(place, place + ((size_t)1 << ladder->wide),
                (((size_t)page->count - at - 1) << ladder->wide) * sizeof(int64_t));
    }
    page->mask &= ~((uint64_t)1 << bit);
    page->count--;
    return 1;
}

/* The lowest rank and its numbers; NULL where there are none. */
static inline const int64_t *ob_best(const ob_ladder *ladder, int64_t *rank) {
    const ob_page *page = ladder->best;
    if (!page) return NULL;
    const unsigned bit = ob_low_bit(page->mask);
    *rank = ob_page_rank(page, bit);
    return page->values + (page->room == OB_PAGE ? (size_t)bit << ladder->wide : 0);
}

/* ---- walks ---------------------------------------------------------------------------------------------------- */

/* A place in a ladder that nobody changes meanwhile. */
typedef struct ob_cursor {
    const ob_ladder *ladder;
    size_t chunk;
    uint32_t slot;
    const ob_page *page;
    uint64_t left; /* ranks of the page that are still to come */
    uint32_t next; /* place of the next one of a packed page */
    int64_t rank;
    const int64_t *numbers;
} ob_cursor;

static inline void ob_enter(ob_cursor *at, const ob_page *page) {
    at->page = page;
    at->left = page->mask;
    at->next = 0;
}

/* Before the best level. */
static inline void ob_start(ob_cursor *at, const ob_ladder *ladder) {
    memset(at, 0, sizeof *at);
    at->ladder = ladder;
    if (!ladder->chunk_count) return;
    at->chunk = ladder->chunk_count - 1;
    at->slot = ladder->chunks[at->chunk]->count - 1;
    ob_enter(at, ladder->best);
}

static inline int ob_turn_page(ob_cursor *at) {
    if (at->slot) {
        at->slot--;
    } else {
        if (!at->chunk) return 0;
        at->chunk--;
        at->slot = at->ladder->chunks[at->chunk]->count - 1;
    }
    ob_enter(at, at->ladder->chunks[at->chunk]->pages[at->slot]);
    return 1;
}

/* To the next level, a worse one; 0 at the end. */
static inline int ob_next(ob_cursor *at) {
    if (OB_UNLIKELY(!at->left) && (!at->page || !ob_turn_page(at))) return 0;
    const unsigned bit = ob_low_bit(at->left);
    at->left &= at->left - 1;
    at->rank = ob_page_rank(at->page, bit);
    at->numbers = at->page->values + ((size_t)(at->page->room == OB_PAGE ? bit : at->next) << at->ladder->wide);
    at->next++;
    return 1;
}

/* Before the level of an index, which must not be beyond the number of levels. */
static inline void ob_seek(ob_cursor *at, const ob_ladder *ladder, size_t index) {
    ob_start(at, ladder);
    if (!at->page) return;
    while (index >= at->page->count) {
        index -= at->page->count;
        at->left = 0;
        if (!ob_turn_page(at)) return;
    }
    for (; index; index--) ob_next(at);
}

/* The highest rank there is; the ladder must not be empty. */
static inline int64_t ob_worst(const ob_ladder *ladder) {
    const ob_page *page = ladder->chunks[0]->pages[0];
    return ob_page_rank(page, ob_high_bit(page->mask));
}

/* The rank that has `below` levels below it, fewer than there are. O(pages below it). */
static inline int64_t ob_rank_from_worst(const ob_ladder *ladder, size_t below) {
    for (size_t i = 0; i < ladder->chunk_count; i++) {
        const ob_chunk *chunk = ladder->chunks[i];
        for (uint32_t k = 0; k < chunk->count; k++) {
            const ob_page *page = chunk->pages[k];
            if (below >= page->count) {
                below -= page->count;
                continue;
            }
            uint64_t mask = page->mask;
            for (; below; below--) mask &= ~((uint64_t)1 << ob_high_bit(mask));
            return ob_page_rank(page, ob_high_bit(mask));
        }
    }
    return 0;
}

/* ---- whole ladders -------------------------------------------------------------------------------------------- */

static inline int64_t ob_times(int64_t a, int64_t b) { return (int64_t)((uint64_t)a * (uint64_t)b); }

/* Copy every level, ranks and sizes multiplied (which must fit), into an empty ladder; -1: out of memory, `to` is empty.
 * The second number of wide levels is a count, which no scale changes. */
static int ob_ladder_copy(ob_ladder *to, const ob_ladder *from, int wide, int64_t rank_factor, int64_t size_factor) {
    ob_cursor at;
    int is_new;
    ob_ladder_init(to, wide);
    for (ob_start(&at, from); ob_next(&at);) {
        int64_t *place = ob_put(to, ob_times(at.rank, rank_factor), &is_new);
        if (!place) {
            ob_ladder_clear(to);
            return -1;
        }
        place[0] = ob_times(at.numbers[0], size_factor);
        if (wide) place[1] = from->wide ? at.numbers[1] : -1;
    }
    return 0;
}

#endif
