/* SPDX-License-Identifier: MIT */
/* How far two names are apart. */
#include "base/distance.h"

#include <stdint.h>

size_t shale_distance(struct shale_str a, struct shale_str b)
{
    enum { LONGEST = 32 };
    size_t row[LONGEST + 1];
    if (a.n_bytes > LONGEST || b.n_bytes > LONGEST)
        return SIZE_MAX;
    for (size_t j = 0; j <= b.n_bytes; j++)
        row[j] = j;
    for (size_t i = 1; i <= a.n_bytes; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= b.n_bytes; j++) {
            size_t best = diagonal + (a.data[i - 1] != b.data[j - 1]);
            if (best > row[j] + 1)
                best = row[j] + 1;
            if (best > row[j - 1] + 1)
                best = row[j - 1] + 1;
            diagonal = row[j];
            row[j] = best;
        }
    }
    return row[b.n_bytes];
}
