/* SPDX-License-Identifier: MIT */
/* Private to parquet: what a reader holds, shared by opening, indexes and scans. */
#ifndef SHALE_PARQUET_READER_PARTS_H
#define SHALE_PARQUET_READER_PARTS_H

#include "base/arena.h"
#include "base/limit.h"
#include "parquet/reader.h"

/* All memory of the reader and of its scans but this struct itself comes from &reader->limit.mem,
 * which any thread may use; a failed allocation is told by shale_reader_no_memory(). */
struct shale_reader {
    const struct shale_mem *mem; /* as given to open() */
    struct shale_limit limit;    /* of options.memory_bytes */
    struct shale_random *file;
    struct shale_reader_options options; /* the defaults filled in */
    struct shale_arena arena;            /* of 'meta', and the footer's bytes, which it points to */
    struct shale_file meta;
};

/* Make reader->meta (but footer_bytes) of the 'n_bytes' of the FileMetaData at 'bytes', which live
 * as long as the reader and lie at 'file_at' in the file. */
SHALE_MUST_USE enum shale_status shale_footer_read(struct shale_reader *reader, const void *bytes,
                                                   size_t n_bytes, int64_t file_at,
                                                   struct shale_err *err);

/* Where the bits of a chunk's bloom filter lie; '*n_bytes' is 0 when there is none, or one of a
 * kind that is not known.  Returns SHALE_OK, SHALE_CORRUPT or what the file's read_at() returned.
 */
SHALE_MUST_USE enum shale_status shale_bloom_find(const struct shale_reader *reader,
                                                  const struct shale_file_chunk *chunk, int64_t *at,
                                                  size_t *n_bytes, struct shale_err *err);

#endif
