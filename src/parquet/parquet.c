/* SPDX-License-Identifier: MIT */
/* A file's state: its row groups are kept as the Thrift that the footer will hold. */
#include "parquet/parquet.h"

#include <assert.h>

#include "base/checked.h"
#include "parquet/footer.h"

static const char MAGIC[4] = {'P', 'A', 'R', '1'};

/* How things stood after a row group. */
struct mark {
    size_t n_thrift_bytes; /* of row_groups */
    int64_t n_bytes;       /* of the file */
    int64_t n_rows;
};

struct shale_parquet {
    const struct shale_mem *mem;
    const struct shale_schema *schema;
    size_t n_leaves;
    enum shale_codec codec;
    struct shale_buf created_by;
    struct shale_buf row_groups; /* RowGroup structs */
    struct shale_buf marks;      /* struct mark, one a row group */
    int64_t n_bytes;
    int64_t n_rows;
    size_t n_row_groups;
};

enum shale_status shale_parquet_new(const struct shale_mem *mem, const struct shale_schema *schema,
                                    enum shale_codec codec, const char *created_by,
                                    struct shale_parquet **out)
{
    struct shale_parquet *file = shale_mem_zeroed(mem, 1, sizeof(*file));
    enum shale_status status;
    *out = NULL;
    if (file == NULL)
        return SHALE_NOMEM;
    file->mem = mem;
    file->schema = schema;
    file->n_leaves = shale_leaf_count(schema);
    file->codec = codec;
    shale_buf_init(&file->created_by, mem, INT32_MAX);
    shale_buf_init(&file->row_groups, mem, INT32_MAX);
    shale_buf_init(&file->marks, mem, INT32_MAX);
    status = shale_buf_append_str(&file->created_by, shale_str_of(created_by));
    if (status != SHALE_OK) {
        shale_parquet_free(file);
        return status;
    }
    *out = file;
    return SHALE_OK;
}

void shale_parquet_free(struct shale_parquet *file)
{
    if (file == NULL)
        return;
    shale_buf_fini(&file->created_by);
    shale_buf_fini(&file->row_groups);
    shale_buf_fini(&file->marks);
    shale_mem_free(file->mem, file);
}

enum shale_status shale_parquet_begin(struct shale_parquet *file, struct shale_sink *sink,
                                      struct shale_err *err)
{
    assert(file->n_bytes == 0);
    file->n_bytes = sizeof(MAGIC);
    return shale_sink_write(sink, MAGIC, sizeof(MAGIC), err);
}

static int64_t compressed_bytes(const struct shale_parquet *file,
                                const struct shale_chunk_meta *metas)
{
    int64_t n_bytes = 0;
    for (size_t i = 0; i < file->n_leaves; i++)
        n_bytes += metas[i].compressed_bytes;
    return n_bytes;
}

enum shale_status shale_parquet_row_group(struct shale_parquet *file,
                                          const struct shale_chunk_meta *metas, int64_t n_rows)
{
    size_t before = file->row_groups.n_bytes;
    struct shale_thrift thrift;
    struct mark mark;
    assert(file->n_bytes > 0);
    shale_thrift_init(&thrift, &file->row_groups);
    shale_footer_row_group(&thrift, file->schema, file->codec, metas, n_rows, file->n_bytes,
                           file->n_row_groups);
    mark = (struct mark){file->row_groups.n_bytes, file->n_bytes + compressed_bytes(file, metas),
                         file->n_rows + n_rows};
    if (thrift.status == SHALE_OK)
        thrift.status = shale_buf_append(&file->marks, &mark, sizeof(mark));
    if (thrift.status != SHALE_OK) {
        file->row_groups.n_bytes = before;
        return thrift.status;
    }
    file->n_bytes = mark.n_bytes;
    file->n_rows = mark.n_rows;
    file->n_row_groups++;
    return SHALE_OK;
}

/* FileMetaData, its length, the magic. */
static enum shale_status make_footer(const struct shale_parquet *file, struct shale_buf *out)
{
    struct shale_thrift thrift;
    uint32_t n_bytes;
    shale_thrift_init(&thrift, out);
    shale_footer_file(&thrift, file->schema, file->n_rows, shale_buf_str(&file->row_groups),
                      file->n_row_groups, shale_buf_str(&file->created_by));
    n_bytes = (uint32_t)out->n_bytes;
    for (unsigned shift = 0; shift < 32 && thrift.status == SHALE_OK; shift += 8)
        thrift.status = shale_buf_append_byte(out, (char)(n_bytes >> shift));
    if (thrift.status == SHALE_OK)
        thrift.status = shale_buf_append(out, MAGIC, sizeof(MAGIC));
    return thrift.status;
}

enum shale_status shale_parquet_finish(struct shale_parquet *file, struct shale_sink *sink,
                                       struct shale_err *err)
{
    struct shale_buf footer;
    enum shale_status status;
    assert(file->n_bytes > 0);
    shale_buf_init(&footer, file->mem, INT32_MAX);
    status = make_footer(file, &footer);
    if (status == SHALE_OK)
        status = shale_sink_write(sink, footer.data, footer.n_bytes, err);
    else if (status == SHALE_LIMIT)
        status = SHALE_ERR(err, parquet_footer_too_large);
    else
        status = SHALE_ERR(err, no_memory);
    if (status == SHALE_OK)
        file->n_bytes += (int64_t)footer.n_bytes;
    shale_buf_fini(&footer);
    return status;
}

int64_t shale_parquet_n_bytes(const struct shale_parquet *file)
{
    return file->n_bytes;
}

int64_t shale_parquet_n_rows(const struct shale_parquet *file)
{
    return file->n_rows;
}

size_t shale_parquet_n_row_groups(const struct shale_parquet *file)
{
    return file->n_row_groups;
}

void shale_parquet_rewind(struct shale_parquet *file, size_t n_row_groups)
{
    struct mark mark = {0, sizeof(MAGIC), 0};
    assert(n_row_groups <= file->n_row_groups);
    if (n_row_groups > 0)
        memcpy(&mark, file->marks.data + (n_row_groups - 1) * sizeof(mark), sizeof(mark));
    file->marks.n_bytes = n_row_groups * sizeof(mark);
    file->row_groups.n_bytes = mark.n_thrift_bytes;
    file->n_bytes = mark.n_bytes;
    file->n_rows = mark.n_rows;
    file->n_row_groups = n_row_groups;
}
