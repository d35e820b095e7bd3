/* The limit for "columns to best prices": every price is known to lie in [low, low + width), so a side is an array of
 * sizes and setting a level is one store. A search runs only when the best level goes away, and a best price is made
 * into a float only when it changes. No exactness is given up, but nothing is checked either: rows are trusted, one row
 * is one message, and there is no book left to ask. */
#include <math.h>
#include <stdint.h>

typedef struct {
    double *bid_px, *bid_sz, *ask_px, *ask_sz;
    uint32_t *bid_ct, *ask_ct;
    int64_t *ts;
    uint8_t *state, *bids_known, *asks_known;
} panel;

typedef struct {
    int64_t *sizes; /* by price - low */
    int64_t best;   /* where the best level is; -1 or width when there is none */
    double px, sz;
} side_of;

static uint8_t state_of(int64_t bid, int64_t ask, int64_t width)
{
    if (bid < 0 || ask >= width)
        return bid >= 0 ? 2 : ask < width ? 1 : 3;
    return bid < ask ? 0 : bid == ask ? 4 : 5;
}

/* Set one level; `step` leads from a best level to the next worse one. */
static inline void set_level(side_of *side, int64_t at, int64_t size, int64_t step, int64_t low, int64_t width,
                             double price_unit, double size_unit)
{
    side->sizes[at] = size;
    if ((at - side->best) * step > 0)
        return; /* behind the best */
    if (size)
        side->best = at;
    else if (at == side->best)
        while (side->best >= 0 && side->best < width && !side->sizes[side->best])
            side->best += step;
    int has_level = side->best >= 0 && side->best < width;
    side->px = has_level ? (double)(side->best + low) / price_unit : NAN;
    side->sz = has_level ? (double)side->sizes[side->best] / size_unit : 0.0;
}

static inline void write_row(panel *out, int64_t row, int64_t ts, const side_of *bid, const side_of *ask, int64_t width)
{
    out->ts[row] = ts;
    out->bid_px[row] = bid->px;
    out->bid_sz[row] = bid->sz;
    out->ask_px[row] = ask->px;
    out->ask_sz[row] = ask->sz;
    out->bid_ct[row] = out->ask_ct[row] = 0;
    out->bids_known[row] = out->asks_known[row] = 1;
    out->state[row] = state_of(bid->best, ask->best, width);
}

/* `count` rows; a row of output after each from `first` on. `bids` and `asks` hold `width` zeros each. */
void best_prices(int64_t count, int64_t first, const int64_t *ts, const uint8_t *side, const int64_t *price,
                 const int64_t *size, int64_t low, int64_t width, double price_unit, double size_unit, int64_t *bids,
                 int64_t *asks, panel *out)
{
    side_of bid = {bids, -1, NAN, 0.0}, ask = {asks, width, NAN, 0.0};
    for (int64_t i = 0; i < count; i++) {
        int64_t at = price[i] - low;
        if (side[i] == 'B')
            set_level(&bid, at, size[i], -1, low, width, price_unit, size_unit);
        else
            set_level(&ask, at, size[i], 1, low, width, price_unit, size_unit);
        if (i >= first)
            write_row(out, i - first, ts[i], &bid, &ask, width);
    }
}
