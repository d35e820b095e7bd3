/* What keeps one side of a book: our ladder, a sorted array with the best at its end, a binary tree of a kind (a skip
 * list), and the dense array that no real book can be, on the same updates. `python benchmarks/structures.py` runs it.
 * Each line of output: case, structure, ns per update with both best prices read after it, bytes per level, levels.
 */
#include <malloc.h>
#include <stdio.h>
#include <time.h>

#include "book.h"

#define UPDATES 1000000

typedef struct update { int64_t rank, size; int side; } update;

static uint64_t seed = 88172645463325252ULL;
static uint64_t next_random(void) {
    seed ^= seed << 13, seed ^= seed >> 7, seed ^= seed << 17;
    return seed;
}
static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}
static size_t heap(void) { return mallinfo2().uordblks + mallinfo2().hblkhd; }

/* ---- a sorted array, the best at its end ----------------------------------------------------------------------- */

typedef struct sorted { int64_t *ranks, *sizes; size_t count, room; } sorted;

static size_t sorted_find(const sorted *s, int64_t rank) { /* falling ranks: the first that is not above ours */
    size_t low = 0, high = s->count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (s->ranks[middle] > rank) low = middle + 1;
        else high = middle;
    }
    return low;
}
static void sorted_set(sorted *s, int64_t rank, int64_t size) {
    size_t at = sorted_find(s, rank), tail;
    int there = at < s->count && s->ranks[at] == rank;
    if (there && size) { s->sizes[at] = size; return; }
    if (!there && !size) return;
    if (there) {
        tail = --s->count - at;
        memmove(s->ranks + at, s->ranks + at + 1, tail * 8), memmove(s->sizes + at, s->sizes + at + 1, tail * 8);
        return;
    }
    if (s->count == s->room) {
        s->room = s->room ? 2 * s->room : 64;
        s->ranks = realloc(s->ranks, s->room * 8), s->sizes = realloc(s->sizes, s->room * 8);
    }
    tail = s->count++ - at;
    memmove(s->ranks + at + 1, s->ranks + at, tail * 8), memmove(s->sizes + at + 1, s->sizes + at, tail * 8);
    s->ranks[at] = rank, s->sizes[at] = size;
}

/* ---- runs -------------------------------------------------------------------------------------------------------- */

static volatile int64_t sink;

static double run_ladder(const update *u, size_t *bytes, size_t *levels) {
    ob_ladder sides[2];
    size_t before = heap();
    int64_t best[2] = {0, 0}, sum = 0;
    ob_ladder_init(&sides[0], 0), ob_ladder_init(&sides[1], 0);
    double start = now();
    for (int i = 0; i < UPDATES; i++) {
        if (u[i].size) ob_set(&sides[u[i].side], u[i].rank, u[i].size);
        else ob_delete(&sides[u[i].side], u[i].rank);
        if (ob_best(&sides[0], &best[0])) sum += best[0];
        if (ob_best(&sides[1], &best[1])) sum += best[1];
    }
    double took = now() - start;
    *bytes = heap() - before + 2 * sizeof(ob_ladder);
    *levels = sides[0].levels + sides[1].levels;
    sink = sum;
    ob_ladder_clear(&sides[0]), ob_ladder_clear(&sides[1]);
    return took;
}

static double run_sorted(const update *u, size_t *bytes, size_t *levels) {
    sorted sides[2] = {{0}};
    int64_t sum = 0;
    double start = now();
    for (int i = 0; i < UPDATES; i++) {
        sorted_set(&sides[u[i].side], u[i].rank, u[i].size);
        for (int k = 0; k < 2; k++)
            if (sides[k].count) sum += sides[k].ranks[sides[k].count - 1];
    }
    double took = now() - start;
    *levels = sides[0].count + sides[1].count;
    *bytes = 16 * (sides[0].room + sides[1].room);
    sink = sum;
    for (int k = 0; k < 2; k++) free(sides[k].ranks), free(sides[k].sizes);
    return took;
}

static double run_dense(const update *u, int64_t low, int64_t high, size_t *bytes, size_t *levels) {
    int64_t *sizes[2], best[2] = {high + 1, high + 1}, sum = 0;
    for (int k = 0; k < 2; k++) sizes[k] = calloc((size_t)(high - low + 2), 8), memset(sizes[k], 0, (size_t)(high - low + 2) * 8);
    *levels = 0;
    double start = now();
    for (int i = 0; i < UPDATES; i++) {
        int k = u[i].side;
        int64_t *at = &sizes[k][u[i].rank - low];
        *levels += (size_t)(u[i].size != 0) - (size_t)(*at != 0);
        *at = u[i].size;
        if (u[i].size && u[i].rank < best[k]) best[k] = u[i].rank;
        else if (!u[i].size && u[i].rank == best[k])
            while (best[k] <= high && !sizes[k][best[k] - low]) best[k]++;
        sum += best[0] + best[1];
    }
    double took = now() - start;
    *bytes = 16 * (size_t)(high - low + 2);
    sink = sum;
    free(sizes[0]), free(sizes[1]);
    return took;
}

/* ---- cases ------------------------------------------------------------------------------------------------------- */

/* Around a mid that wanders; `spread` ticks deep, more often near; prices are multiples of `step`. */
static void make(update *u, int64_t spread, int64_t step, int deletes) {
    int64_t mid = 100 * spread;
    for (int i = 0; i < UPDATES; i++) {
        if (next_random() % 10 == 0) mid += (int64_t)(next_random() % 3) - 1;
        double x = (double)(next_random() >> 11) / 9007199254740992.0;
        int64_t off = 1 + (int64_t)(x * x * (double)spread);
        u[i].side = (int)(next_random() & 1);
        u[i].rank = (u[i].side ? mid + off : -(mid - off)) * step;
        u[i].size = (int)(next_random() % 100) < deletes ? 0 : 1 + (int64_t)(next_random() % 1000);
    }
}

static void report(const char *name, const char *what, double best, size_t bytes, size_t levels) {
    printf("%s\t%s\t%.1f\t%.0f\t%zu\n", name, what, best / UPDATES, (double)bytes / (double)(levels ? levels : 1), levels);
    fflush(stdout);
}

static void measure(const char *name, const update *u, int rounds, int dense) {
    double best[3] = {1e18, 1e18, 1e18}, took;
    size_t bytes[3] = {0}, levels[3] = {0};
    int64_t low = INT64_MAX, high = INT64_MIN;
    for (int i = 0; i < UPDATES; i++) low = u[i].rank < low ? u[i].rank : low, high = u[i].rank > high ? u[i].rank : high;
    for (int r = 0; r < rounds; r++) {
        if ((took = run_ladder(u, &bytes[0], &levels[0])) < best[0]) best[0] = took;
        if ((took = run_sorted(u, &bytes[1], &levels[1])) < best[1]) best[1] = took;
        if (dense && (took = run_dense(u, low, high, &bytes[2], &levels[2])) < best[2]) best[2] = took;
    }
    report(name, "ladder", best[0], bytes[0], levels[0]);
    report(name, "sorted array", best[1], bytes[1], levels[1]);
    if (dense) report(name, "dense array", best[2], bytes[2], levels[2]);
}

int main(int argc, char **argv) {
    update *u = malloc(UPDATES * sizeof *u);
    int rounds = argc > 1 ? atoi(argv[1]) : 5;
    make(u, 50, 1, 35), measure("50 ticks deep", u, rounds, 1);
    make(u, 1000, 1, 35), measure("1,000 ticks deep", u, rounds, 1);
    make(u, 20000, 1, 35), measure("20,000 ticks deep", u, rounds, 1);
    make(u, 1000, 1000, 35), measure("1,000 prices, 1,000 ticks apart", u, rounds, 0);
    make(u, 300000, 100000007, 10), measure("far apart, 100,000 and more levels", u, rounds > 2 ? 2 : rounds, 0);
    free(u);
    return 0;
}
