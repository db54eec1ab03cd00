/* SPDX-License-Identifier: MIT */
/* The two ends of a byte stream.  An implementation embeds the struct and fills it. */
#ifndef SHALE_BASE_IO_H
#define SHALE_BASE_IO_H

#include <stddef.h>

#include <stdint.h>

#include "base/err.h"
#include "base/status.h"

/* Where bytes come from.  One thread at a time. */
struct shale_source {
    /* Read up to 'capacity' (> 0) bytes into 'out' and say how many in '*n_bytes'; 0 means the
     * end, and only the end.  A failure is final. */
    enum shale_status (*read)(struct shale_source *source, void *out, size_t capacity,
                              size_t *n_bytes, struct shale_err *err);
};

SHALE_MUST_USE static inline enum shale_status shale_source_read(struct shale_source *source,
                                                                 void *out, size_t capacity,
                                                                 size_t *n_bytes,
                                                                 struct shale_err *err)
{
    return source->read(source, out, capacity, n_bytes, err);
}

/* A file whose bytes can be read at any place.  Any number of threads. */
struct shale_random {
    int64_t n_bytes; /* of the file */
    /* Read the 'n_bytes' from 'at' on, which lie within the file: all of them, or a failure. */
    enum shale_status (*read_at)(struct shale_random *file, int64_t at, void *out, size_t n_bytes,
                                 struct shale_err *err);
};

SHALE_MUST_USE static inline enum shale_status shale_random_read(struct shale_random *file,
                                                                 int64_t at, void *out,
                                                                 size_t n_bytes,
                                                                 struct shale_err *err)
{
    return file->read_at(file, at, out, n_bytes, err);
}

/* Where bytes go.  One thread at a time. */
struct shale_sink {
    /* Write all 'n_bytes'.  A failure is final: how much was written is not known. */
    enum shale_status (*write)(struct shale_sink *sink, const void *data, size_t n_bytes,
                               struct shale_err *err);
};

SHALE_MUST_USE static inline enum shale_status
shale_sink_write(struct shale_sink *sink, const void *data, size_t n_bytes, struct shale_err *err)
{
    return sink->write(sink, data, n_bytes, err);
}

#endif
