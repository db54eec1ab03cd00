/* SPDX-License-Identifier: MIT */
/* One local file whose bytes are read at any place. */
#ifndef SHALE_STORE_LOCAL_H
#define SHALE_STORE_LOCAL_H

#include "base/io.h"

/* The caller's storage.  It must not move while it is open. */
struct shale_local {
    struct shale_random random; /* first member: read_at() on it, by any thread */
    int fd;                     /* -1: not open */
    int64_t mtime_ns;           /* when opened */
    const char *path;           /* for messages */
};

/* Open the regular file at 'path' (borrowed until it is closed; symbolic links are followed).
 * Returns SHALE_OK, SHALE_NOT_FOUND (also for what is no regular file), SHALE_DENIED, SHALE_AGAIN
 * (out of descriptors) or SHALE_IO.  Reading returns as this does, or SHALE_AGAIN when the file has
 * become shorter. */
SHALE_MUST_USE enum shale_status shale_local_open(struct shale_local *file, const char *path,
                                                  struct shale_err *err);

/* After the last read: is it still the file that was opened (size and time)?
 * Returns SHALE_OK, SHALE_AGAIN (changed while being read) or SHALE_IO. */
SHALE_MUST_USE enum shale_status shale_local_check(const struct shale_local *file,
                                                   struct shale_err *err);

/* After a failed open it does nothing. */
void shale_local_close(struct shale_local *file);

#endif
