/* SPDX-License-Identifier: MIT */
/* Actions as rows of the struct columns txn, add, remove, metaData and protocol. */
#include <string.h>

#include "dataset/log_checkpoint.h"

enum {
    PIECE_ROWS = 4096,
    PIECE_BYTES = 1024 * 1024,
    GROUP_BYTES = 16 * 1024 * 1024,
    KEEP_BYTES = 4 * 1024 * 1024,
};

/* ---- The columns ------------------------------------------------------------------------------
 */

enum column { TXN, ADD, REMOVE, METADATA, PROTOCOL, N_COLUMNS };

#define NAME(text)                                                                                 \
    {                                                                                              \
        "" text, sizeof(text) - 1                                                                  \
    }
#define TEXT(name)                                                                                 \
    {                                                                                              \
        NAME(name),                                                                                \
        {                                                                                          \
            .kind = SHALE_STRING                                                                   \
        }                                                                                          \
    }
#define NUMBER(name)                                                                               \
    {                                                                                              \
        NAME(name),                                                                                \
        {                                                                                          \
            .kind = SHALE_INT64                                                                    \
        }                                                                                          \
    }
#define SMALL(name)                                                                                \
    {                                                                                              \
        NAME(name),                                                                                \
        {                                                                                          \
            .kind = SHALE_INT32                                                                    \
        }                                                                                          \
    }
#define FLAG(name)                                                                                 \
    {                                                                                              \
        NAME(name),                                                                                \
        {                                                                                          \
            .kind = SHALE_BOOL                                                                     \
        }                                                                                          \
    }
#define MAP(name)                                                                                  \
    {                                                                                              \
        NAME(name),                                                                                \
        {                                                                                          \
            .kind = SHALE_MAP, .members = text_map, .n_members = 2                                 \
        }                                                                                          \
    }
#define LIST(name)                                                                                 \
    {                                                                                              \
        NAME(name),                                                                                \
        {                                                                                          \
            .kind = SHALE_LIST, .members = text_list, .n_members = 1                               \
        }                                                                                          \
    }
#define STRUCT(name, of)                                                                           \
    {                                                                                              \
        NAME(name),                                                                                \
        {                                                                                          \
            .kind = SHALE_STRUCT, .members = of, .n_members = sizeof(of) / sizeof *(of)            \
        }                                                                                          \
    }

static const struct shale_type_member text_map[] = {TEXT("key"), TEXT("value")};
static const struct shale_type_member text_list[] = {TEXT("element")};
static const struct shale_type_member txn_members[] = {TEXT("appId"), NUMBER("version"),
                                                       NUMBER("lastUpdated")};
static const struct shale_type_member add_members[] = {
    TEXT("path"),       MAP("partitionValues"),
    NUMBER("size"),     NUMBER("modificationTime"),
    FLAG("dataChange"), MAP("tags"),
    TEXT("stats")};
static const struct shale_type_member remove_members[] = {TEXT("path"), NUMBER("deletionTimestamp"),
                                                          FLAG("dataChange")};
static const struct shale_type_member format_members[] = {TEXT("provider"), MAP("options")};
static const struct shale_type_member metadata_members[] = {
    TEXT("id"),           TEXT("name"),
    TEXT("description"),  STRUCT("format", format_members),
    TEXT("schemaString"), LIST("partitionColumns"),
    MAP("configuration"), NUMBER("createdTime")};
static const struct shale_type_member protocol_members[] = {SMALL("minReaderVersion"),
                                                            SMALL("minWriterVersion")};

#define COLUMN(text, of)                                                                           \
    {                                                                                              \
        .name = NAME(text), .type = {                                                              \
            .kind = SHALE_STRUCT,                                                                  \
            .members = of,                                                                         \
            .n_members = sizeof(of) / sizeof *(of)                                                 \
        }                                                                                          \
    }
static const struct shale_column_def columns[N_COLUMNS] = {
    [TXN] = COLUMN("txn", txn_members),
    [ADD] = COLUMN("add", add_members),
    [REMOVE] = COLUMN("remove", remove_members),
    [METADATA] = COLUMN("metaData", metadata_members),
    [PROTOCOL] = COLUMN("protocol", protocol_members),
};
static const struct shale_schema schema = {columns, N_COLUMNS};

/* ---- Pieces -----------------------------------------------------------------------------------
 */

/* Rows on their way into the file. */
struct piece {
    const struct shale_mem *mem;
    struct shale_batch *batch;
    struct shale_column columns[N_COLUMNS];
    struct shale_column nodes[]; /* of all columns */
};

static void release(void *owner)
{
    struct piece *piece = owner;
    shale_batch_free(piece->mem, piece->batch);
    shale_mem_free(piece->mem, piece);
}

/* Hand the builder's rows to the file. */
static enum shale_status flush(struct shale_log_checkpoint_file *file, struct shale_err *err)
{
    struct shale_file_piece given = {.n_rows = shale_builder_n_rows(file->builder)};
    struct piece *piece;
    size_t n_nodes = 0;
    if (given.n_rows == 0)
        return SHALE_OK;
    for (size_t i = 0; i < N_COLUMNS; i++)
        n_nodes += shale_type_n_nodes(&columns[i].type);
    piece = shale_mem_alloc(file->mem, sizeof *piece + n_nodes * sizeof piece->nodes[0]);
    if (piece == NULL)
        return SHALE_ERR(err, no_memory);
    piece->mem = file->mem;
    if (shale_builder_split(file->builder, NULL, 1, &piece->batch) != SHALE_OK) {
        shale_mem_free(file->mem, piece);
        return SHALE_ERR(err, no_memory);
    }
    n_nodes = 0;
    for (size_t i = 0; i < N_COLUMNS; i++) {
        shale_batch_column(piece->batch, i, &piece->nodes[n_nodes]);
        piece->columns[i] = piece->nodes[n_nodes];
        n_nodes += shale_type_n_nodes(&columns[i].type);
    }
    given.columns = piece->columns;
    given.n_bytes = shale_batch_n_bytes(piece->batch);
    given.release = release;
    given.owner = piece;
    shale_builder_reset(file->builder, KEEP_BYTES);
    return shale_file_writer_append(file->writer, &given, err);
}

/* ---- Rows -------------------------------------------------------------------------------------
 */

static void put_text(struct shale_builder *builder, enum column column, struct shale_str text)
{
    shale_builder_bytes(builder, column, text);
}

/* Null when it is empty. */
static void put_optional(struct shale_builder *builder, enum column column, struct shale_str text)
{
    if (text.n_bytes > 0)
        shale_builder_bytes(builder, column, text);
    else
        shale_builder_null(builder, column);
}

/* Null when it is not said. */
static void put_number(struct shale_builder *builder, enum column column, int64_t value)
{
    if (value >= 0)
        shale_builder_i64(builder, column, value);
    else
        shale_builder_null(builder, column);
}

static void put_pairs(struct shale_builder *builder, enum column column,
                      const struct shale_log_pair *pairs, size_t n)
{
    shale_builder_list_begin(builder, column);
    for (size_t i = 0; i < n; i++) {
        shale_builder_bytes(builder, column, pairs[i].key);
        shale_builder_bytes(builder, column, pairs[i].value);
    }
    shale_builder_list_end(builder, column);
}

static enum shale_status end_row(struct shale_log_checkpoint_file *file, enum column column,
                                 struct shale_err *err)
{
    struct shale_builder *builder = file->builder;
    shale_builder_struct_end(builder, column);
    for (size_t i = 0; i < N_COLUMNS; i++)
        if (i != column)
            shale_builder_null(builder, i);
    if (shale_builder_row(builder) != SHALE_OK)
        return SHALE_ERR(err, no_memory);
    file->n_rows++;
    file->n_adds += column == ADD;
    if (shale_builder_n_rows(builder) < PIECE_ROWS && shale_builder_n_bytes(builder) < PIECE_BYTES)
        return SHALE_OK;
    return flush(file, err);
}

enum shale_status shale_log_checkpoint_protocol(struct shale_log_checkpoint_file *file,
                                                const struct shale_log_state *state,
                                                struct shale_err *err)
{
    shale_builder_struct_begin(file->builder, PROTOCOL);
    shale_builder_i32(file->builder, PROTOCOL, state->reader_version);
    shale_builder_i32(file->builder, PROTOCOL, state->writer_version);
    return end_row(file, PROTOCOL, err);
}

enum shale_status shale_log_checkpoint_metadata(struct shale_log_checkpoint_file *file,
                                                const struct shale_log_state *state,
                                                struct shale_err *err)
{
    struct shale_builder *builder = file->builder;
    shale_builder_struct_begin(builder, METADATA);
    put_text(builder, METADATA, state->table_id);
    put_optional(builder, METADATA, state->name);
    put_optional(builder, METADATA, state->description);
    shale_builder_struct_begin(builder, METADATA);
    put_text(builder, METADATA, SHALE_STR("parquet"));
    put_pairs(builder, METADATA, state->format_options, state->n_format_options);
    shale_builder_struct_end(builder, METADATA);
    put_text(builder, METADATA, state->schema_json);
    shale_builder_list_begin(builder, METADATA);
    for (size_t i = 0; i < state->n_partition_columns; i++)
        put_text(builder, METADATA, state->partition_columns[i]);
    shale_builder_list_end(builder, METADATA);
    put_pairs(builder, METADATA, state->configuration, state->n_configuration);
    put_number(builder, METADATA, state->created_ms);
    return end_row(file, METADATA, err);
}

enum shale_status shale_log_checkpoint_txn(struct shale_log_checkpoint_file *file,
                                           const struct shale_log_txn *txn, struct shale_err *err)
{
    struct shale_builder *builder = file->builder;
    shale_builder_struct_begin(builder, TXN);
    put_text(builder, TXN, txn->app_id);
    shale_builder_i64(builder, TXN, txn->version);
    put_number(builder, TXN, txn->updated_ms);
    return end_row(file, TXN, err);
}

enum shale_status shale_log_checkpoint_add(struct shale_log_checkpoint_file *file,
                                           const struct shale_log_add *add, struct shale_err *err)
{
    struct shale_builder *builder = file->builder;
    shale_builder_struct_begin(builder, ADD);
    put_text(builder, ADD, add->url);
    shale_builder_list_begin(builder, ADD);
    for (size_t i = 0; i < add->n_partition_values; i++) {
        put_text(builder, ADD, add->partition_values[i].name);
        put_optional(builder, ADD, add->partition_values[i].value);
    }
    shale_builder_list_end(builder, ADD);
    shale_builder_i64(builder, ADD, add->n_bytes);
    put_number(builder, ADD, add->modified_ms < 0 ? 0 : add->modified_ms);
    shale_builder_bool(builder, ADD, add->data_change);
    if (add->n_tags > 0)
        put_pairs(builder, ADD, add->tags, add->n_tags);
    else
        shale_builder_null(builder, ADD);
    put_optional(builder, ADD, add->stats);
    return end_row(file, ADD, err);
}

enum shale_status shale_log_checkpoint_remove(struct shale_log_checkpoint_file *file,
                                              const struct shale_log_remove *remove,
                                              struct shale_err *err)
{
    struct shale_builder *builder = file->builder;
    shale_builder_struct_begin(builder, REMOVE);
    put_text(builder, REMOVE, remove->url);
    put_number(builder, REMOVE, remove->deleted_ms);
    shale_builder_bool(builder, REMOVE, remove->data_change);
    return end_row(file, REMOVE, err);
}

/* ---- The file ---------------------------------------------------------------------------------
 */

enum shale_status shale_log_checkpoint_open(struct shale_store *store, const char *key,
                                            struct shale_log_checkpoint_file *file,
                                            struct shale_err *err)
{
    /* snappy: every reader of a Delta log has it. */
    const struct shale_file_writer_options options = {.chunk = {.codec = SHALE_CODEC_SNAPPY},
                                                      .row_group_bytes = GROUP_BYTES,
                                                      .created_by = "shale version " SHALE_VERSION};
    enum shale_status status;
    *file = (struct shale_log_checkpoint_file){.mem = store->env->mem};
    if (shale_builder_new(file->mem, &schema, &file->builder) != SHALE_OK)
        return SHALE_ERR(err, no_memory);
    status = shale_store_create(store, key, &file->put, err);
    if (status != SHALE_OK)
        return status;
    return shale_file_writer_new(file->mem, &schema, &options, &file->put->sink, &file->writer,
                                 err);
}

enum shale_status shale_log_checkpoint_finish(struct shale_log_checkpoint_file *file,
                                              struct shale_err *err)
{
    struct shale_store_put *put = file->put;
    enum shale_status status = flush(file, err);
    if (status == SHALE_OK)
        status = shale_file_writer_finish(file->writer, NULL, 0, err);
    if (status != SHALE_OK)
        return status;
    file->put = NULL;
    return put->finish(put, err);
}

void shale_log_checkpoint_close(struct shale_log_checkpoint_file *file)
{
    shale_file_writer_free(file->writer);
    if (file->put != NULL)
        file->put->abandon(file->put);
    shale_builder_free(file->builder);
    file->writer = NULL;
    file->put = NULL;
    file->builder = NULL;
}
