/* SPDX-License-Identifier: MIT */
/* Private to dataset: a decision from all rows of one key. */
#ifndef SHALE_DATASET_DECIDE_H
#define SHALE_DATASET_DECIDE_H

#include "dataset/ledger.h"

/*     begin --add, a row of the key each--> ... --end--> a decision */
struct shale_tally {
    struct shale_str tag; /* of the object that is decided; borrowed */
    bool known;
    char definition[SHALE_HASH_BYTES + 1]; /* of that tag's row ... */
    char hash[SHALE_HASH_BYTES + 1];       /* ... and that of its bytes */
    struct shale_buf texts;                /* hashes of done tags, one behind the other ... */
    struct shale_buf hashes;               /* ... struct shale_str of each */
};

void shale_tally_init(struct shale_tally *tally, const struct shale_mem *mem);
void shale_tally_fini(struct shale_tally *tally);

void shale_tally_begin(struct shale_tally *tally, struct shale_str tag);
/* False: there is no memory. */
bool shale_tally_add(struct shale_tally *tally, const struct shale_ledger_row *row);
/* 'out' points into the tally until the next begin. */
void shale_tally_end(struct shale_tally *tally, struct shale_decision *out);

#endif
