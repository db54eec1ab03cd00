/* SPDX-License-Identifier: MIT */
/* Temporary files that nobody finishes, directories that are empty.  Private to this folder. */
#ifndef SHALE_STORE_CLEAN_H
#define SHALE_STORE_CLEAN_H

#include "store/objects.h"

/* Those below the directory 'root' (one that is not there has none): as shale_store_clean(). */
SHALE_MUST_USE enum shale_status shale_clean(const struct shale_mem *mem, const char *root,
                                             const struct shale_store_cleaning *what,
                                             int64_t *n_removed, struct shale_err *err);

#endif
