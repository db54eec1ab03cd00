/* SPDX-License-Identifier: MIT */
/* Writing a segment.  Row groups are cut by the rows alone, so that the same rows give the same
 * bytes; they are small, so that one key costs little to find. */
#include <assert.h>

#include "base/checked.h"
#include "codec/content_hash.h"
#include "dataset/first_input.h"
#include "dataset/ledger_parts.h"
#include "json/text.h"
#include "parquet/file_writer.h"

enum {
    GROUP_ROWS = 16384,
    GROUP_BYTES = 16 << 20, /* of columns: where keys are very long */
    PAGE_BYTES = 64 << 10,  /* of values: a thousand keys or two */
    FOOTER_TAIL_BYTES = 8,
    TAIL_CAP = 1 << 30,
};

/* Between the writer and the object: counts, and keeps what is written since 'keeps'. */
struct tap {
    struct shale_sink sink; /* first member */
    struct shale_sink *under;
    int64_t n_bytes;
    bool keeps;
    struct shale_buf kept;
};

struct shale_ledger_writer {
    const struct shale_mem *mem;
    struct shale_segment_name name;
    struct shale_store_put *put; /* NULL: finished or given up */
    struct tap tap;
    struct shale_file_writer *file;
    struct shale_builder *builder; /* the row group under construction */
    struct shale_buf first, last;  /* texts of the first and the last row */
    struct shale_ledger_row first_row, last_row;
    struct shale_segment sums; /* its numbers */
    enum shale_status status;  /* sticky */
    struct shale_str input;    /* borrowed; "": not said */
};

static enum shale_status tap_write(struct shale_sink *sink, const void *data, size_t n_bytes,
                                   struct shale_err *err)
{
    struct tap *tap = (struct tap *)(void *)sink;
    if (tap->keeps && shale_buf_append(&tap->kept, data, n_bytes) != SHALE_OK)
        return SHALE_ERR(err, no_memory);
    tap->n_bytes += (int64_t)n_bytes;
    return shale_sink_write(tap->under, data, n_bytes, err);
}

void shale_ledger_writer_free(struct shale_ledger_writer *writer)
{
    if (writer == NULL)
        return;
    shale_file_writer_free(writer->file);
    if (writer->put != NULL)
        writer->put->abandon(writer->put);
    shale_builder_free(writer->builder);
    shale_buf_fini(&writer->tap.kept);
    shale_buf_fini(&writer->first);
    shale_buf_fini(&writer->last);
    shale_mem_free(writer->mem, writer);
}

static enum shale_status begin(struct shale_ledger_writer *writer, struct shale_store *store,
                               struct shale_err *err)
{
    /* A row group a piece. */
    const struct shale_file_writer_options options = {
        .chunk = {.codec = SHALE_CODEC_ZSTD, .level = 1, .page_bytes = PAGE_BYTES, .modern = true},
        .row_group_bytes = 1,
        .created_by = "shale version " SHALE_VERSION};
    enum shale_status status;
    if (shale_builder_new(writer->mem, &shale_ledger_schema, &writer->builder) != SHALE_OK)
        return SHALE_ERR(err, no_memory);
    status = shale_store_create(store, writer->name.text, &writer->put, err);
    if (status != SHALE_OK)
        return status;
    writer->tap.sink.write = tap_write;
    writer->tap.under = &writer->put->sink;
    return shale_file_writer_new(writer->mem, &shale_ledger_schema, &options, &writer->tap.sink,
                                 &writer->file, err);
}

enum shale_status shale_ledger_writer_new(struct shale_store *store, const char *path,
                                          struct shale_ledger_writer **out, struct shale_err *err)
{
    const struct shale_mem *mem = store->env->mem;
    struct shale_ledger_writer *writer;
    enum shale_status status;
    *out = NULL;
    if (strlen(path) > SHALE_KEY_BYTES)
        return SHALE_ERR(err, ledger_path, SHALE_STR_ARG(shale_str_of(path)));
    writer = shale_mem_zeroed(mem, 1, sizeof *writer);
    if (writer == NULL)
        return SHALE_ERR(err, no_memory);
    writer->mem = mem;
    memcpy(writer->name.text, path, strlen(path) + 1);
    shale_buf_init(&writer->tap.kept, mem, TAIL_CAP);
    shale_buf_init(&writer->first, mem, TAIL_CAP);
    shale_buf_init(&writer->last, mem, TAIL_CAP);
    status = begin(writer, store, err);
    if (status == SHALE_OK)
        *out = writer;
    else
        shale_ledger_writer_free(writer);
    return status;
}

/* The builder outlives the writing of its piece. */
static void release_nothing(void *owner)
{
    (void)owner;
}

static enum shale_status write_group(struct shale_ledger_writer *writer, struct shale_err *err)
{
    struct shale_column columns[SHALE_LEDGER_N_COLUMNS];
    const struct shale_file_piece piece = {columns, shale_builder_n_rows(writer->builder),
                                           shale_builder_n_bytes(writer->builder), release_nothing,
                                           NULL};
    enum shale_status status;
    if (piece.n_rows == 0)
        return SHALE_OK;
    for (size_t i = 0; i < SHALE_LEDGER_N_COLUMNS; i++)
        shale_builder_column(writer->builder, i, &columns[i]);
    status = shale_file_writer_append(writer->file, &piece, err);
    shale_builder_reset(writer->builder, SIZE_MAX);
    return status;
}

/* A copy of what identifies the row. */
static bool keep(struct shale_buf *texts, struct shale_ledger_row *copy,
                 const struct shale_ledger_row *row)
{
    shale_buf_reset(texts);
    if (shale_buf_append_str(texts, row->source) != SHALE_OK ||
        shale_buf_append_str(texts, row->key) != SHALE_OK ||
        shale_buf_append_str(texts, row->tag) != SHALE_OK)
        return false;
    copy->source = (struct shale_str){texts->data, row->source.n_bytes};
    copy->key = (struct shale_str){texts->data + row->source.n_bytes, row->key.n_bytes};
    copy->tag = (struct shale_str){copy->key.data + row->key.n_bytes, row->tag.n_bytes};
    return true;
}

static bool add_counts(struct shale_segment *sums, const struct shale_ledger_row *row)
{
    return SHALE_ADD(sums->read, row->read, &sums->read) &&
           SHALE_ADD(sums->written, row->written, &sums->written) &&
           SHALE_ADD(sums->rejected, row->rejected, &sums->rejected) &&
           SHALE_ADD(sums->filtered, row->filtered, &sums->filtered) &&
           SHALE_ADD(sums->duplicates, row->duplicates, &sums->duplicates);
}

static enum shale_status add(struct shale_ledger_writer *writer, const struct shale_ledger_row *row,
                             struct shale_err *err)
{
    enum shale_status status;
    if (!shale_utf8_valid(row->source) || !shale_utf8_valid(row->key) ||
        !shale_utf8_valid(row->tag))
        return SHALE_ERR(err, ledger_text);
    if (writer->sums.n_rows > 0 && shale_ledger_compare(&writer->last_row, row) >= 0)
        return SHALE_ERR(err, ledger_order, (long long)writer->sums.n_rows);
    if (!add_counts(&writer->sums, row))
        return SHALE_ERR(err, ledger_counts);
    if ((writer->sums.n_rows == 0 && !keep(&writer->first, &writer->first_row, row)) ||
        !keep(&writer->last, &writer->last_row, row))
        return SHALE_ERR(err, no_memory);
    writer->sums.n_rows++;
    status = shale_ledger_append(writer->builder, row);
    if (status != SHALE_OK)
        return status == SHALE_NOMEM ? SHALE_ERR(err, no_memory) : SHALE_ERR(err, ledger_counts);
    if (shale_builder_n_rows(writer->builder) < GROUP_ROWS &&
        shale_builder_n_bytes(writer->builder) < GROUP_BYTES)
        return SHALE_OK;
    return write_group(writer, err);
}

void shale_ledger_writer_set_input(struct shale_ledger_writer *writer, struct shale_str input)
{
    writer->input = input;
}

static enum shale_status failed(struct shale_ledger_writer *writer, enum shale_status status,
                                struct shale_err *err)
{
    writer->status = status;
    shale_err_at(err, writer->name.text, -1, -1);
    return status;
}

enum shale_status shale_ledger_writer_add(struct shale_ledger_writer *writer,
                                          const struct shale_ledger_row *row, struct shale_err *err)
{
    enum shale_status status;
    assert(writer->put != NULL);
    if (writer->status != SHALE_OK)
        return writer->status;
    status = add(writer, row, err);
    return status == SHALE_OK ? SHALE_OK : failed(writer, status, err);
}

/* The footer and what stands before it are written with 'keeps' set. */
static struct shale_str footer_of(const struct tap *tap)
{
    size_t n_kept = tap->kept.n_bytes, n_footer;
    uint32_t length;
    assert(n_kept >= FOOTER_TAIL_BYTES);
    memcpy(&length, tap->kept.data + n_kept - FOOTER_TAIL_BYTES, sizeof length);
    n_footer = length;
    assert(n_footer <= n_kept - FOOTER_TAIL_BYTES);
    return (struct shale_str){tap->kept.data + n_kept - FOOTER_TAIL_BYTES - n_footer, n_footer};
}

static bool copy_text(struct shale_arena *arena, struct shale_str text, struct shale_str *out)
{
    out->data = shale_arena_copy(arena, text);
    out->n_bytes = text.n_bytes;
    return out->data != NULL;
}

static bool describe(const struct shale_ledger_writer *writer, struct shale_arena *arena,
                     struct shale_segment *out)
{
    char hash[SHALE_CONTENT_HASH_CHARS + 1];
    shale_content_hash(footer_of(&writer->tap), hash);
    *out = writer->sums;
    out->n_bytes = writer->tap.n_bytes;
    return copy_text(arena, shale_str_of(writer->name.text), &out->path) &&
           copy_text(arena, writer->first_row.source, &out->first_source) &&
           copy_text(arena, writer->first_row.key, &out->first_key) &&
           copy_text(arena, writer->last_row.source, &out->last_source) &&
           copy_text(arena, writer->last_row.key, &out->last_key) &&
           copy_text(arena, shale_str_of(hash), &out->footer_hash);
}

enum shale_status shale_ledger_writer_finish(struct shale_ledger_writer *writer,
                                             struct shale_arena *arena,
                                             struct shale_segment *segment, struct shale_err *err)
{
    const struct shale_key_value pairs[] = {{SHALE_STR("shale.ledger"), SHALE_STR("1")},
                                            {SHALE_STR(SHALE_TAG_INPUT), writer->input}};
    struct shale_store_put *put = writer->put;
    enum shale_status status = writer->status;
    assert(put != NULL);
    if (status != SHALE_OK)
        return status;
    status = write_group(writer, err);
    writer->tap.keeps = true;
    if (status == SHALE_OK)
        status =
            shale_file_writer_finish(writer->file, pairs, writer->input.n_bytes > 0 ? 2 : 1, err);
    if (status == SHALE_OK && !describe(writer, arena, segment))
        status = SHALE_ERR(err, no_memory);
    if (status == SHALE_OK) {
        writer->put = NULL; /* finish() frees it */
        status = put->finish(put, err);
    }
    return status == SHALE_OK ? SHALE_OK : failed(writer, status, err);
}
