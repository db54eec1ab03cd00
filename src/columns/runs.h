/* SPDX-License-Identifier: MIT */
/* Private to columns: some rows of a column, as runs of rows that follow one another, and the bits
 * of such rows. */
#ifndef SHALE_COLUMNS_RUNS_H
#define SHALE_COLUMNS_RUNS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "columns/blocks.h"

struct shale_run_of_rows {
    int64_t first, n;
};

struct shale_runs {
    const struct shale_run_of_rows *runs;
    size_t n_runs;
    int64_t n_rows; /* of all runs */
};

/* Append 'n' bits of 'from' from bit 'first' on at bit 'at' of 'to', whose bits from there on are
 * zero. */
void shale_bits_copy(uint8_t *to, int64_t at, const uint8_t *from, int64_t first, int64_t n);

/* How many of the first 'n' bits are set. */
int64_t shale_bits_count(const uint8_t *bits, int64_t n);

/* The bits of the runs, one after the other, shifted by 'offset' in 'from'; NULL without memory. */
uint8_t *shale_bits_gather(struct shale_blocks *blocks, const uint8_t *from, int64_t offset,
                           const struct shale_runs *runs);

/* Set 'out' to the runs of the set bits among 'n'; false without memory. */
bool shale_runs_of_bits(struct shale_blocks *blocks, const uint8_t *bits, int64_t n,
                        struct shale_runs *out);

/* The rows [first, first + n): 'run' is the storage. */
static inline struct shale_runs shale_runs_one(struct shale_run_of_rows *run, int64_t first,
                                               int64_t n)
{
    *run = (struct shale_run_of_rows){first, n};
    return (struct shale_runs){run, 1, n};
}

#endif
