/* SPDX-License-Identifier: MIT */
/* Private to parquet: the state of a file that is being written, for one whose first row groups are
 * those of another file. */
#ifndef SHALE_PARQUET_PARQUET_PARTS_H
#define SHALE_PARQUET_PARQUET_PARTS_H

#include "parquet/footer.h"
#include "parquet/parquet.h"

/* Row groups that are there before the first one is written.  Whoever has them embeds this. */
struct shale_kept {
    size_t n_row_groups;
    int64_t column_index_bytes, offset_index_bytes;
    /* Write their column indexes ('offsets': their offset indexes), as many bytes as said and in
     * the order of their pieces. */
    enum shale_status (*put_indexes)(struct shale_kept *kept, bool offsets, struct shale_sink *sink,
                                     struct shale_err *err);
    struct shale_str others; /* SHALE_OTHERS_KEY, "" for none */
};

struct shale_parquet {
    const struct shale_mem *mem;
    const struct shale_schema *schema;
    size_t n_leaves;
    enum shale_codec codec;
    struct shale_buf created_by;
    struct shale_footer_parts parts;
    struct shale_buf marks; /* struct shale_parquet_mark, one a row group */
    int64_t n_bytes;
    int64_t n_rows;
    size_t n_row_groups;
    struct shale_kept *kept; /* borrowed; NULL: none */
};

/* A row group is complete, but for the bytes of its page indexes: n_bytes, n_rows and parts say how
 * things stand behind it.  Returns SHALE_OK, SHALE_NOMEM or SHALE_LIMIT. */
SHALE_MUST_USE enum shale_status shale_parquet_mark(struct shale_parquet *file);

/* Words for a failure of the footer's buffers. */
enum shale_status shale_parquet_worded(enum shale_status status, struct shale_err *err);

#endif
