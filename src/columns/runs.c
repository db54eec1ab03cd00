/* SPDX-License-Identifier: MIT */
/* Runs of rows, and bits. */
#include "columns/runs.h"

#include "columns/column.h"

/* Up to eight bits from bit 'first' on, in the low bits; the others are anything. */
static unsigned eight_bits(const uint8_t *from, int64_t first, int64_t n)
{
    unsigned shift = (unsigned)(first & 7), bits = (unsigned)from[first >> 3] >> shift;
    if (shift > 0 && n > 8 - (int64_t)shift)
        bits |= (unsigned)from[(first >> 3) + 1] << (8 - shift);
    return bits;
}

void shale_bits_copy(uint8_t *to, int64_t at, const uint8_t *from, int64_t first, int64_t n)
{
    for (; n > 0 && (at & 7) != 0; at++, first++, n--)
        to[at >> 3] = (uint8_t)(to[at >> 3] | (unsigned)shale_bit(from, first) << (at & 7));
    for (; n >= 8; at += 8, first += 8, n -= 8)
        to[at >> 3] = (uint8_t)eight_bits(from, first, 8);
    if (n > 0)
        to[at >> 3] = (uint8_t)(eight_bits(from, first, n) & ((1u << n) - 1));
}

int64_t shale_bits_count(const uint8_t *bits, int64_t n)
{
    int64_t count = 0, i = 0;
    for (; i + 8 <= n; i += 8)
        count += __builtin_popcount(bits[i >> 3]);
    for (; i < n; i++)
        count += shale_bit(bits, i);
    return count;
}

uint8_t *shale_bits_gather(struct shale_blocks *blocks, const uint8_t *from, int64_t offset,
                           const struct shale_runs *runs)
{
    uint8_t *to = shale_blocks_zeroed(blocks, (size_t)runs->n_rows / 8 + 1, 1);
    int64_t at = 0;
    if (to == NULL)
        return NULL;
    for (size_t i = 0; i < runs->n_runs; i++) {
        shale_bits_copy(to, at, from, offset + runs->runs[i].first, runs->runs[i].n);
        at += runs->runs[i].n;
    }
    return to;
}

bool shale_runs_of_bits(struct shale_blocks *blocks, const uint8_t *bits, int64_t n,
                        struct shale_runs *out)
{
    struct shale_run_of_rows *runs;
    size_t n_runs = 0;
    *out = (struct shale_runs){NULL, 0, 0};
    for (int64_t i = 0; i < n; i++)
        n_runs += shale_bit(bits, i) && (i == 0 || !shale_bit(bits, i - 1));
    runs = shale_blocks_alloc(blocks, n_runs, sizeof *runs);
    if (runs == NULL)
        return false;
    n_runs = 0;
    for (int64_t i = 0; i < n; i++) {
        if (!shale_bit(bits, i))
            continue;
        if (i == 0 || !shale_bit(bits, i - 1))
            runs[n_runs++] = (struct shale_run_of_rows){i, 0};
        runs[n_runs - 1].n++;
        out->n_rows++;
    }
    out->runs = runs;
    out->n_runs = n_runs;
    return true;
}
