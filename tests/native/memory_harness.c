/* Books without Python while memory runs out, for AddressSanitizer (with its leak check) and UBSan to watch.
 *
 *   memory_harness ROUNDS SEED
 *
 * Every allocation of the headers goes through failing_malloc or failing_realloc. A round takes a random step; the first
 * allocations of it may fail. What failed must have changed nothing, or have left the book empty and unknown, as its
 * comment says; then the same step is taken again with memory enough, and must come out as in a plain array. Exits with
 * 1, and says why, where that is not so.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static long until_failure = -1; /* allocations that still succeed; -1: all of them */
static int keeps_failing;
static unsigned long failures;

static int fails_now(void) {
    if (until_failure < 0) return 0;
    if (until_failure > 0) {
        until_failure--;
        return 0;
    }
    if (!keeps_failing) until_failure = -1;
    failures++;
    return 1;
}

static void *failing_malloc(size_t n) { return fails_now() ? NULL : malloc(n); }
static void *failing_realloc(void *block, size_t n) { return fails_now() ? NULL : realloc(block, n); }

#define malloc failing_malloc
#define realloc failing_realloc
#include "l3_rows.h"
#undef malloc
#undef realloc

static uint64_t state;

/* xorshift64*: the same steps on every machine for a seed. */
static uint64_t random_below(uint64_t n) {
    state ^= state >> 12;
    state ^= state << 25;
    state ^= state >> 27;
    return state * UINT64_C(2685821657736338717) % n;
}

static void ensure(int holds, const char *why) {
    if (holds) return;
    fprintf(stderr, "%s\n", why);
    exit(1);
}

/* ---- ladders -------------------------------------------------------------------------------------------------- */

#define RANKS 3000

/* Dense near 0, far apart elsewhere, both edges of int64 among them. */
static int64_t rank_of(size_t i) {
    if (i == 0) return -INT64_MAX;
    if (i == 1) return INT64_MAX;
    return i < RANKS / 2 ? (int64_t)i - RANKS / 4 : ((int64_t)i - RANKS) * 1000003;
}

static void check_ladder(const ob_ladder *ladder) {
    size_t levels = 0;
    int64_t before = INT64_MAX;
    for (size_t i = 0; i < ladder->chunk_count; i++) {
        const ob_chunk *chunk = ladder->chunks[i];
        ensure(chunk->count > 0 && chunk->count <= OB_CHUNK, "a chunk without pages");
        for (uint32_t k = 0; k < chunk->count; k++) {
            const ob_page *page = chunk->pages[k];
            ensure(chunk->keys[k] == page->key && page->key < before, "pages out of order");
            ensure(page->count && page->count <= page->room && page->count == ob_count_bits(page->mask), "a miscount");
            before = page->key;
            levels += page->count;
        }
    }
    ensure(levels == ladder->levels, "the number of levels");
    for (size_t i = 0; i < OB_CACHE; i++) {
        const ob_page *page = ladder->cache[i];
        if (page) ensure(ob_look_page(ladder, page->key) == page, "a page in the cache that is none");
    }
}

static void check_against(const ob_ladder *ladder, const int64_t *sizes) {
    size_t levels = 0;
    check_ladder(ladder);
    for (size_t i = 0; i < RANKS; i++) {
        const int64_t *numbers = ob_get(ladder, rank_of(i));
        ensure((numbers ? numbers[0] : 0) == sizes[i], "a level that is another");
        levels += numbers != NULL;
    }
    ensure(levels == ladder->levels, "a level that nobody put there");
}

static void let_fail(void) {
    until_failure = (long)random_below(random_below(2) ? 2 : 60);
    keeps_failing = (int)random_below(2);
}

static void let_succeed(void) { until_failure = -1; }

static void step_set(ob_ladder *ladder, int64_t *sizes, size_t i, int64_t size) {
    if (!size) {
        ob_delete(ladder, rank_of(i));
    } else {
        let_fail();
        if (ob_set(ladder, rank_of(i), size)) {
            let_succeed();
            if (!random_below(64)) check_against(ladder, sizes);
            ensure(ob_set(ladder, rank_of(i), size) == 0, "no memory though there is");
        }
        let_succeed();
    }
    sizes[i] = size;
}

static void step_copy(ob_ladder *ladder, const int64_t *sizes) {
    ob_ladder copy;
    let_fail();
    const int code = ob_ladder_copy(&copy, ladder, 0, 1, 1);
    let_succeed();
    if (code) ensure(!copy.levels && !copy.chunks && !copy.best, "a failed copy that is not empty");
    else check_against(&copy, sizes);
    check_against(ladder, sizes);
    ob_ladder_clear(&copy);
}

static void ladders(uint64_t rounds) {
    static int64_t sizes[RANKS];
    ob_ladder ladder;
    memset(sizes, 0, sizeof sizes);
    ob_ladder_init(&ladder, 0);
    for (uint64_t round = 0; round < rounds; round++) {
        /* Phases of growth and of decay. */
        const int64_t size = random_below(8) < (round / 4000 % 2 ? 2 : 6) ? (int64_t)random_below(1000) + 1 : 0;
        step_set(&ladder, sizes, random_below(RANKS), size);
        if (!random_below(500)) step_copy(&ladder, sizes);
        if (!random_below(500)) check_against(&ladder, sizes);
    }
    ob_ladder_clear(&ladder);
}

/* ---- L2 books -------------------------------------------------------------------------------------------------- */

static void ensure_lost(const ob_book *book) {
    for (int i = 0; i < 2; i++) {
        const ob_side *side = &book->sides[i];
        ensure(!side->ladder.levels && side->limited && side->bound == OB_NO_BOUND, "a lost book that is not unknown");
    }
    ensure(!book->price_scale && !book->size_scale, "a lost book that keeps its scales");
}

static void fill_book(ob_book *book, size_t levels) {
    ob_book_empty(book, 1);
    for (size_t i = 0; i < levels; i++)
        ensure(!ob_set(&book->sides[i & 1].ladder, (int64_t)random_below(100000), 1), "no memory though there is");
}

static void step_widen(ob_book *book) {
    const size_t bids = book->sides[0].ladder.levels, asks = book->sides[1].ladder.levels;
    let_fail();
    const int code = ob_book_widen(book, book->price_scale + 1, book->size_scale + 1);
    let_succeed();
    check_ladder(&book->sides[0].ladder);
    check_ladder(&book->sides[1].ladder);
    if (code) ensure_lost(book);
    else ensure(bids == book->sides[0].ladder.levels && asks == book->sides[1].ladder.levels, "levels lost on the way");
}

static void step_counts(ob_book *book) {
    ob_ladder *ladder = &book->sides[0].ladder;
    const size_t levels = ladder->levels;
    const int was = ladder->wide;
    let_fail();
    const int code = ob_make_wide(ladder);
    let_succeed();
    check_ladder(ladder);
    ensure(levels == ladder->levels && ladder->wide == (code ? was : 1), "counts: neither before nor after");
}

static void step_snapshot(void) {
    int64_t prices[200], sizes[200];
    ob_side side;
    const size_t count = random_below(200);
    memset(&side, 0, sizeof side);
    for (size_t i = 0; i < count; i++) prices[i] = (int64_t)i * 37 - 3000, sizes[i] = (int64_t)random_below(3);
    if (count > 1 && !random_below(4)) prices[count - 1] = prices[0];
    let_fail();
    const int code = ob_fill_side(&side, (int)random_below(2), prices, sizes, random_below(2) ? sizes : NULL, count, 0);
    let_succeed();
    check_ladder(&side.ladder);
    if (code != 1) ensure(!side.ladder.levels && !side.ladder.chunks, "a failed snapshot that is not empty");
    ob_ladder_clear(&side.ladder);
}

static void books(uint64_t rounds) {
    ob_book book;
    ob_book_init(&book);
    for (uint64_t round = 0; round < rounds; round++) {
        fill_book(&book, random_below(400));
        step_widen(&book);
        step_counts(&book);
        step_snapshot();
    }
    ob_book_empty(&book, 0);
}

/* ---- L3 books -------------------------------------------------------------------------------------------------- */

/* A number for everything that can be seen of a book of orders. */
static uint64_t fingerprint(const ob_book *book, const ob_orders *o) {
    uint64_t sum = (uint64_t)book->version * 31 + o->count;
    ob_cursor at;
    for (int side = 0; side < 2; side++)
        for (ob_start(&at, &book->sides[side].ladder); ob_next(&at);) {
            sum = sum * UINT64_C(1099511628211) + (uint64_t)at.rank * 7 + (uint64_t)at.numbers[0];
            for (uint32_t k = o->queues[at.numbers[1]].head; k != OB_NIL; k = o->orders[k].next)
                sum = sum * UINT64_C(1099511628211) + o->orders[k].id * 3 + (uint64_t)o->orders[k].size + o->past[k].age;
        }
    return sum;
}

static void ensure_sound(const ob_book *book, const ob_orders *o) {
    const char *wrong = ob_l3_check(book, o);
    ensure(!wrong, wrong ? wrong : "");
    check_ladder(&book->sides[0].ladder);
    check_ladder(&book->sides[1].ladder);
}

static int step_order(ob_l3 l3, const ob_wish *wish, int what) {
    static const ob_header header;
    const uint32_t at = ob_find_order(l3.orders, wish->id);
    if (at == OB_NIL) return ob_l3_add(l3, wish, &header);
    if (what == 0) return ob_l3_take(l3, at, wish->size, &header);
    if (what == 1) return ob_l3_take(l3, at, -1, &header);
    return ob_l3_modify(l3, at, wish, &header);
}

static void step_orders_copy(ob_l3 l3) {
    ob_orders copy;
    let_fail();
    const int code = ob_orders_copy(&copy, l3.orders);
    let_succeed();
    ensure(code ? !copy.orders && !copy.index && !copy.count : copy.count == l3.orders->count, "a torn copy of orders");
    ob_orders_clear(&copy);
}

static void orders(uint64_t rounds) {
    ob_book book;
    ob_orders kept;
    const ob_l3 l3 = {&book, &kept};
    ob_book_init(&book);
    ob_l3_ready(&book);
    ob_orders_init(&kept, 0x5EED);
    for (uint64_t round = 0; round < rounds; round++) {
        const ob_wish wish = {{random_below(3000), (uint32_t)random_below(2)}, (int)random_below(2),
                              (int64_t)random_below(round / 3000 % 2 ? 60 : 100000), (int64_t)random_below(50) + 1};
        const int what = (int)random_below(4);
        const uint64_t before = random_below(16) ? 0 : fingerprint(&book, &kept);
        let_fail();
        int code = step_order(l3, &wish, what);
        let_succeed();
        if (before && code == OB_NO_MEMORY) ensure(before == fingerprint(&book, &kept), "a failed step that did something");
        if (code == OB_NO_MEMORY) code = step_order(l3, &wish, what);
        ensure(code != OB_NO_MEMORY, "no memory though there is");
        if (!random_below(300)) ensure_sound(&book, &kept);
        if (!random_below(300)) step_orders_copy(l3);
        if (!random_below(2000)) {
            let_fail();
            code = ob_l3_widen(l3, book.price_scale ? book.price_scale : 1, book.size_scale);
            let_succeed();
            if (code) ensure_lost(&book);
            ensure_sound(&book, &kept);
        }
    }
    ob_l3_empty(l3, 0);
}

/* Rows of columns: an event is in, or it is not, or the book is lost. */
static void rows(uint64_t rounds) {
    enum { ROWS = 64 };
    int64_t ts[ROWS], price[ROWS], size[ROWS];
    uint8_t action[ROWS], side[ROWS], flags[ROWS];
    uint64_t id[ROWS], sequence[ROWS];
    const ob_table table = {ts, ts, action, side, flags, price, size, id, sequence, ROWS, 2, 0};
    ob_book book;
    ob_orders kept;
    const ob_l3 l3 = {&book, &kept};
    ob_book_init(&book);
    ob_l3_ready(&book);
    ob_orders_init(&kept, 0x5EED);
    for (uint64_t round = 0; round < rounds; round++) {
        static const uint8_t kinds[] = {0x80, 0x80, 0x80, 0xA0, 0x20, 0x30, 0xB0, 0x90, 0x10, 0x82, 0x92, 0x84};
        for (int i = 0; i < ROWS; i++) {
            ts[i] = (int64_t)i;
            price[i] = random_below(40) ? (int64_t)random_below(2000) : OB_ROW_UNDEF;
            size[i] = random_below(40) ? (int64_t)random_below(90) : OB_ROW_UNDEF;
            action[i] = (uint8_t)"AAAAACCMFTRN?"[random_below(13)];
            side[i] = (uint8_t)"BABABAN"[random_below(7)];
            flags[i] = kinds[random_below(sizeof kinds)];
            id[i] = random_below(300);
            sequence[i] = random_below(3);
        }
        ob_row_run run = {0, 0, 0};
        while (run.row < ROWS) {
            let_fail();
            const int code = ob_rows_apply(l3, &table, ROWS, &run);
            let_succeed();
            if (code == OB_DECLINED) run.row = run.stop;
            /* As Python does where a finer scale is asked for. */
            if (code == OB_DECLINED && book.price_scale < 2 && ob_book_fits(&book, 2, 0)) ob_l3_widen(l3, 2, 0);
            if (code == OB_NO_MEMORY && !random_below(2)) run.row++;
        }
        ensure_sound(&book, &kept);
    }
    ob_l3_empty(l3, 0);
}

int main(int argc, char **argv) {
    if (argc != 3) return 2;
    const uint64_t rounds = strtoull(argv[1], NULL, 10);
    state = strtoull(argv[2], NULL, 10) * 2 + 1;
    ladders(rounds);
    books(rounds / 100);
    orders(rounds);
    rows(rounds / 50);
    printf("%lu allocations failed\n", failures);
    return 0;
}
