/* SPDX-License-Identifier: MIT */
/* A file's state: its row groups are kept as the Thrift that the footer will hold, and so are its
 * page indexes, which go in front of it so that a reader has all of them in one read. */
#include "parquet/parquet.h"

#include <assert.h>

#include "base/checked.h"
#include "parquet/parquet_parts.h"

static const char MAGIC[4] = {'P', 'A', 'R', '1'};

/* How things stood after a row group. */
struct mark {
    size_t thrift, pieces, column_indexes, offset_indexes; /* bytes of the footer's parts */
    int64_t n_bytes;                                       /* of the file */
    int64_t n_rows;
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
    shale_buf_init(&file->parts.thrift, mem, INT32_MAX);
    shale_buf_init(&file->parts.pieces, mem, INT32_MAX);
    shale_buf_init(&file->parts.indexes.columns, mem, INT32_MAX);
    shale_buf_init(&file->parts.indexes.offsets, mem, INT32_MAX);
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
    shale_buf_fini(&file->parts.thrift);
    shale_buf_fini(&file->parts.pieces);
    shale_buf_fini(&file->parts.indexes.columns);
    shale_buf_fini(&file->parts.indexes.offsets);
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

static struct mark mark_of(const struct shale_parquet *file)
{
    return (struct mark){
        .thrift = file->parts.thrift.n_bytes,
        .pieces = file->parts.pieces.n_bytes,
        .column_indexes = file->parts.indexes.columns.n_bytes,
        .offset_indexes = file->parts.indexes.offsets.n_bytes,
        .n_bytes = file->n_bytes,
        .n_rows = file->n_rows,
    };
}

static void go_back(struct shale_parquet *file, const struct mark *mark)
{
    file->parts.thrift.n_bytes = mark->thrift;
    file->parts.pieces.n_bytes = mark->pieces;
    file->parts.indexes.columns.n_bytes = mark->column_indexes;
    file->parts.indexes.offsets.n_bytes = mark->offset_indexes;
    file->n_bytes = mark->n_bytes;
    file->n_rows = mark->n_rows;
}

enum shale_status shale_parquet_worded(enum shale_status status, struct shale_err *err)
{
    if (status == SHALE_LIMIT)
        return SHALE_ERR(err, parquet_footer_too_large);
    return status == SHALE_NOMEM ? SHALE_ERR(err, no_memory) : status;
}

enum shale_status shale_parquet_mark(struct shale_parquet *file)
{
    struct mark mark = mark_of(file);
    enum shale_status status = shale_buf_append(&file->marks, &mark, sizeof(mark));
    file->n_row_groups += status == SHALE_OK;
    return status;
}

static enum shale_status add_row_group(struct shale_parquet *file,
                                       const struct shale_row_group *group, struct shale_sink *sink,
                                       struct shale_err *err)
{
    enum shale_status status =
        shale_parquet_worded(shale_footer_row_group(&file->parts, file->schema, file->codec, group,
                                                    file->n_bytes, file->n_row_groups),
                             err);
    for (size_t i = 0; i < file->n_leaves; i++)
        file->n_bytes += group->metas[i].compressed_bytes;
    for (size_t i = 0; i < file->n_leaves && status == SHALE_OK; i++) {
        const struct shale_buf *bloom = &group->metas[i].bloom;
        if (bloom->n_bytes > 0)
            status = shale_sink_write(sink, bloom->data, bloom->n_bytes, err);
        file->n_bytes += (int64_t)bloom->n_bytes;
    }
    file->n_rows += group->n_rows;
    return status == SHALE_OK ? shale_parquet_worded(shale_parquet_mark(file), err) : status;
}

enum shale_status shale_parquet_row_group(struct shale_parquet *file,
                                          const struct shale_row_group *group,
                                          struct shale_sink *sink, struct shale_err *err)
{
    const struct mark before = mark_of(file);
    enum shale_status status = add_row_group(file, group, sink, err);
    assert(before.n_bytes > 0);
    for (size_t i = 0; i < file->n_leaves; i++)
        shale_chunk_meta_fini(&group->metas[i]);
    if (status != SHALE_OK)
        go_back(file, &before);
    return status;
}

/* FileMetaData, its length, the magic. */
static enum shale_status make_footer(const struct shale_footer *footer, struct shale_buf *out)
{
    struct shale_thrift thrift;
    uint32_t n_bytes;
    shale_thrift_init(&thrift, out);
    shale_footer_file(&thrift, footer);
    n_bytes = (uint32_t)out->n_bytes;
    for (unsigned shift = 0; shift < 32 && thrift.status == SHALE_OK; shift += 8)
        thrift.status = shale_buf_append_byte(out, (char)(n_bytes >> shift));
    if (thrift.status == SHALE_OK)
        thrift.status = shale_buf_append(out, MAGIC, sizeof(MAGIC));
    return thrift.status;
}

/* The page indexes of one kind: of the row groups that were there, then of those written. */
static enum shale_status put_indexes(struct shale_parquet *file, bool offsets,
                                     struct shale_sink *sink, struct shale_err *err)
{
    const struct shale_footer_indexes *indexes = &file->parts.indexes;
    const struct shale_buf *own = offsets ? &indexes->offsets : &indexes->columns;
    enum shale_status status = SHALE_OK;
    if (file->kept != NULL) {
        status = file->kept->put_indexes(file->kept, offsets, sink, err);
        file->n_bytes += offsets ? file->kept->offset_index_bytes : file->kept->column_index_bytes;
    }
    if (status == SHALE_OK && own->n_bytes > 0)
        status = shale_sink_write(sink, own->data, own->n_bytes, err);
    file->n_bytes += (int64_t)own->n_bytes;
    return status;
}

enum shale_status shale_parquet_finish(struct shale_parquet *file,
                                       const struct shale_key_value *pairs, size_t n_pairs,
                                       struct shale_sink *sink, struct shale_err *err)
{
    struct shale_buf bytes;
    struct shale_footer footer = {
        .schema = file->schema,
        .parts = &file->parts,
        .n_row_groups = file->n_row_groups,
        .n_rows = file->n_rows,
        .created_by = shale_buf_str(&file->created_by),
        .pairs = pairs,
        .n_pairs = n_pairs,
        .others = file->kept == NULL ? (struct shale_str){"", 0} : file->kept->others,
    };
    enum shale_status status;
    assert(file->n_bytes > 0);
    footer.column_indexes_at = file->n_bytes;
    status = put_indexes(file, false, sink, err);
    footer.offset_indexes_at = file->n_bytes;
    if (status == SHALE_OK)
        status = put_indexes(file, true, sink, err);
    if (status != SHALE_OK)
        return status;
    shale_buf_init(&bytes, file->mem, INT32_MAX);
    status = shale_parquet_worded(make_footer(&footer, &bytes), err);
    if (status == SHALE_OK)
        status = shale_sink_write(sink, bytes.data, bytes.n_bytes, err);
    file->n_bytes += (int64_t)bytes.n_bytes;
    shale_buf_fini(&bytes);
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
    struct mark mark = {.n_bytes = sizeof(MAGIC)};
    assert(n_row_groups <= file->n_row_groups);
    assert(file->kept == NULL || n_row_groups >= file->kept->n_row_groups);
    if (n_row_groups > 0)
        memcpy(&mark, file->marks.data + (n_row_groups - 1) * sizeof(mark), sizeof(mark));
    file->marks.n_bytes = n_row_groups * sizeof(mark);
    go_back(file, &mark);
    file->n_row_groups = n_row_groups;
}
