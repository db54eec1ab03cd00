/* SPDX-License-Identifier: MIT */
/* Rows in order to a segment of keys.  Row groups are small, because one is read to find a key. */
#include "dataset/keys_parts.h"

#include <inttypes.h>
#include <stdio.h>

#include "dataset/first_input.h"
#include "dataset/footer_hash.h"
#include "parquet/file_writer.h"

enum {
    GROUP_BYTES = 8 << 20, /* where keys are long */
    PAGE_BYTES = 64 << 10,
    KEPT_BYTES = 64 << 10, /* there is no dictionary to wait for */
    LAST_BYTES = 1 << 30,
};

#define COLUMN(text, type_kind, how)                                                               \
    {                                                                                              \
        .name = {text, sizeof(text) - 1}, .type = {.kind = (type_kind)}, .encoding = (how)         \
    }
/* Nothing repeats but a beginning here and there. */
static const struct shale_column_def columns[SHALE_KEYS_N_COLUMNS] = {
    [SHALE_KEYS_HASH] = COLUMN("hash", SHALE_INT64, SHALE_ENCODE_PLAIN),
    [SHALE_KEYS_KEY] = COLUMN("key", SHALE_BINARY, SHALE_ENCODE_PLAIN),
    [SHALE_KEYS_TIME] = COLUMN("time_us", SHALE_INT64, SHALE_ENCODE_PLAIN),
};
#undef COLUMN

const struct shale_schema shale_keys_schema = {columns, SHALE_KEYS_N_COLUMNS};

struct shale_keys_writer {
    const struct shale_mem *mem;
    struct shale_keys_writer_options options;
    struct shale_file_writer *file;
    struct shale_builder *builder; /* the row group under construction */
    struct shale_buf last_key;
    struct shale_key_entry last;
    struct shale_segment sums;
};

void shale_keys_writer_free(struct shale_keys_writer *writer)
{
    if (writer == NULL)
        return;
    shale_file_writer_free(writer->file);
    shale_builder_free(writer->builder);
    shale_buf_fini(&writer->last_key);
    shale_mem_free(writer->mem, writer);
}

enum shale_status shale_keys_writer_new(const struct shale_mem *mem, struct shale_sink *sink,
                                        const struct shale_keys_writer_options *options,
                                        struct shale_keys_writer **out, struct shale_err *err)
{
    const struct shale_file_writer_options file_options = {
        .chunk = {.codec = options->compress ? SHALE_CODEC_ZSTD : SHALE_CODEC_NONE,
                  .level = options->compress ? 1 : 0,
                  .page_bytes = PAGE_BYTES,
                  .kept_bytes = KEPT_BYTES},
        .row_group_bytes = 1, /* a row group a piece */
        .created_by = "shale version " SHALE_VERSION};
    struct shale_keys_writer *writer = shale_mem_zeroed(mem, 1, sizeof *writer);
    enum shale_status status;
    *out = NULL;
    if (writer == NULL)
        return SHALE_ERR(err, no_memory);
    writer->mem = mem;
    writer->options = *options;
    shale_buf_init(&writer->last_key, mem, LAST_BYTES);
    status = shale_builder_new(mem, &shale_keys_schema, &writer->builder) == SHALE_OK
                 ? SHALE_OK
                 : SHALE_ERR(err, no_memory);
    if (status == SHALE_OK)
        status =
            shale_file_writer_new(mem, &shale_keys_schema, &file_options, sink, &writer->file, err);
    if (status == SHALE_OK)
        *out = writer;
    else
        shale_keys_writer_free(writer);
    return status;
}

/* The builder outlives the writing of its piece. */
static void release_nothing(void *owner)
{
    (void)owner;
}

static enum shale_status write_group(struct shale_keys_writer *writer, struct shale_err *err)
{
    struct shale_column views[SHALE_KEYS_N_COLUMNS];
    const struct shale_file_piece piece = {views, shale_builder_n_rows(writer->builder),
                                           shale_builder_n_bytes(writer->builder), release_nothing,
                                           NULL};
    enum shale_status status;
    if (piece.n_rows == 0)
        return SHALE_OK;
    for (size_t i = 0; i < SHALE_KEYS_N_COLUMNS; i++)
        shale_builder_column(writer->builder, i, &views[i]);
    status = shale_file_writer_append(writer->file, &piece, err);
    shale_builder_reset(writer->builder, SIZE_MAX);
    return status;
}

static enum shale_status keep_last(struct shale_keys_writer *writer,
                                   const struct shale_key_entry *entry, struct shale_err *err)
{
    shale_buf_reset(&writer->last_key);
    if (shale_buf_append_str(&writer->last_key, entry->key) != SHALE_OK)
        return SHALE_ERR(err, no_memory);
    writer->last =
        (struct shale_key_entry){entry->hash, entry->time_us, shale_buf_str(&writer->last_key)};
    return SHALE_OK;
}

enum shale_status shale_keys_writer_add(struct shale_keys_writer *writer,
                                        const struct shale_key_entry *entry, struct shale_err *err)
{
    struct shale_segment *sums = &writer->sums;
    enum shale_status status;
    if (sums->n_rows > 0 && shale_key_compare(&writer->last, entry) >= 0)
        return SHALE_ERR(err, keys_order, (long long)sums->n_rows);
    if (sums->n_rows == 0 || entry->time_us < sums->first_us)
        sums->first_us = entry->time_us;
    if (sums->n_rows == 0 || entry->time_us > sums->last_us)
        sums->last_us = entry->time_us;
    sums->n_rows++;
    shale_builder_i64(writer->builder, SHALE_KEYS_HASH, entry->hash);
    shale_builder_bytes(writer->builder, SHALE_KEYS_KEY, entry->key);
    shale_builder_i64(writer->builder, SHALE_KEYS_TIME, entry->time_us);
    if (shale_builder_row(writer->builder) != SHALE_OK)
        return SHALE_ERR(err, no_memory);
    status = keep_last(writer, entry, err);
    if (status == SHALE_OK && (shale_builder_n_rows(writer->builder) == SHALE_KEYS_GROUP_ROWS ||
                               shale_builder_n_bytes(writer->builder) >= GROUP_BYTES))
        status = write_group(writer, err);
    return status;
}

enum shale_status shale_keys_writer_finish(struct shale_keys_writer *writer,
                                           struct shale_segment *segment, struct shale_err *err)
{
    char width[24];
    struct shale_key_value pairs[3] = {{SHALE_STR(SHALE_KEYS_NAMES), writer->options.names},
                                       {SHALE_STR(SHALE_KEYS_WIDTH), {width, 0}},
                                       {SHALE_STR(SHALE_TAG_INPUT), writer->options.input}};
    enum shale_status status = write_group(writer, err);
    pairs[1].value.n_bytes =
        (size_t)snprintf(width, sizeof width, "%" PRId64, writer->options.width_us);
    *segment = writer->sums;
    if (status == SHALE_OK)
        status = shale_file_writer_finish(writer->file, pairs,
                                          writer->options.input.n_bytes > 0 ? 3 : 2, err);
    return status;
}

/* ---- In a store -------------------------------------------------------------------------------
 */

/* What the manifest says of a file that is there. */
static enum shale_status describe(struct shale_store *store, const char *path,
                                  struct shale_arena *arena, struct shale_segment *out,
                                  struct shale_err *err)
{
    char hash[SHALE_CONTENT_HASH_CHARS + 1];
    struct shale_store_file *file;
    const char *texts[2] = {NULL, NULL};
    enum shale_status status = shale_store_open(store, path, &file, err);
    if (status != SHALE_OK)
        return status;
    status = shale_footer_hash(store->env->mem, &file->random, hash, err);
    if (status == SHALE_OK) {
        texts[0] = shale_arena_copy(arena, shale_str_of(path));
        texts[1] = shale_arena_copy(arena, shale_str_of(hash));
        if (texts[0] == NULL || texts[1] == NULL)
            status = SHALE_ERR(err, no_memory);
    }
    if (status == SHALE_OK) {
        out->path = shale_str_of(texts[0]);
        out->footer_hash = shale_str_of(texts[1]);
        out->n_bytes = file->random.n_bytes;
    }
    shale_store_close(file);
    return status;
}

static enum shale_status copy_all(struct shale_keys_writer *writer,
                                  struct shale_keys_source *source, struct shale_err *err)
{
    const struct shale_key_entry *entry;
    enum shale_status status;
    while ((status = source->next(source, &entry, err)) == SHALE_OK && entry != NULL) {
        status = shale_keys_writer_add(writer, entry, err);
        if (status != SHALE_OK)
            break;
    }
    return status;
}

enum shale_status shale_keys_store(struct shale_store *store, const char *path,
                                   const struct shale_keys_writer_options *options,
                                   struct shale_keys_source *source, struct shale_arena *arena,
                                   struct shale_segment *segment, struct shale_err *err)
{
    struct shale_store_put *put = NULL;
    struct shale_keys_writer *writer = NULL;
    enum shale_status status = shale_store_create(store, path, &put, err);
    if (status != SHALE_OK)
        return status;
    status = shale_keys_writer_new(store->env->mem, &put->sink, options, &writer, err);
    if (status == SHALE_OK)
        status = copy_all(writer, source, err);
    if (status == SHALE_OK)
        status = shale_keys_writer_finish(writer, segment, err);
    if (status == SHALE_OK)
        status = put->finish(put, err);
    else
        put->abandon(put);
    shale_keys_writer_free(writer);
    return status == SHALE_OK ? describe(store, path, arena, segment, err) : status;
}
