/* SPDX-License-Identifier: MIT */
/* What became of each object: rows on their way from the worker that read it to the ledger. */
#include "run/private.h"

#include <string.h>

enum column {
    KEY,
    TAG,
    STATE,
    BYTES,
    HASH,
    READ,
    WRITTEN,
    REJECTED,
    FILTERED,
    DUPLICATES,
    N_ROWS,
    REPLACES,
    N_COLUMNS
};

#define COLUMN(text, type_kind)                                                                    \
    {                                                                                              \
        .name = {text, sizeof(text) - 1}, .type = {.kind = (type_kind) }                           \
    }
static const struct shale_column_def columns[N_COLUMNS] = {
    [KEY] = COLUMN("key", SHALE_STRING),          [TAG] = COLUMN("tag", SHALE_STRING),
    [STATE] = COLUMN("state", SHALE_INT32),       [BYTES] = COLUMN("bytes", SHALE_INT64),
    [HASH] = COLUMN("hash", SHALE_STRING),        [READ] = COLUMN("read", SHALE_INT64),
    [WRITTEN] = COLUMN("written", SHALE_INT64),   [REJECTED] = COLUMN("rejected", SHALE_INT64),
    [FILTERED] = COLUMN("filtered", SHALE_INT64), [DUPLICATES] = COLUMN("duplicates", SHALE_INT64),
    [N_ROWS] = COLUMN("n_rows", SHALE_INT64), /* of the parcel, with this object */
    [REPLACES] = COLUMN("replaces", SHALE_INT64),
};
#undef COLUMN

const struct shale_schema consumed_schema = {columns, N_COLUMNS};

/* With 'replace' the rows are those of the version that was read last, and the ledger does not say
 * which that is: the bytes must be those of all of them. */
bool object_is_touched(const struct run *run, const struct object *object, const char *hash)
{
    size_t n_same = 0;
    for (size_t i = 0; i < object->n_hashes; i++)
        n_same += shale_str_is(object->hashes[i], hash);
    return run->stream->on_change == SHALE_ON_CHANGE_REPLACE
               ? n_same > 0 && n_same == object->n_hashes
               : n_same > 0;
}

/* Do what is in the table of this object, and its rejects, give way to what was read now? */
static bool replaces(const struct run *run, const struct object *object,
                     enum shale_ledger_state state, const char *hash)
{
    if (run->options->rebuild)
        return true;
    return object->changed && state == SHALE_LEDGER_DONE &&
           run->stream->on_change == SHALE_ON_CHANGE_REPLACE &&
           !object_is_touched(run, object, hash);
}

enum shale_status consumed_append(struct worker *worker, const struct object *object,
                                  enum shale_ledger_state state, const char *hash,
                                  const struct counts *before)
{
    struct shale_builder *builder = worker->consumed;
    const struct counts *now = &worker->counts;
    char tag[TAG_BYTES];
    if (before == NULL)
        before = now; /* nothing */
    shale_builder_bytes(builder, KEY, object->key);
    shale_builder_bytes(builder, TAG, tag_of(object, tag));
    shale_builder_i32(builder, STATE, (int32_t)state);
    shale_builder_i64(builder, BYTES, object->n_bytes);
    shale_builder_bytes(builder, HASH, shale_str_of(hash));
    shale_builder_i64(builder, READ, now->read - before->read);
    shale_builder_i64(builder, WRITTEN, now->written - before->written);
    shale_builder_i64(builder, REJECTED, now->rejected - before->rejected);
    shale_builder_i64(builder, FILTERED, now->filtered - before->filtered);
    shale_builder_i64(builder, DUPLICATES, 0); /* the sequencer knows */
    shale_builder_i64(builder, N_ROWS, shale_builder_n_rows(worker->builder));
    shale_builder_i64(builder, REPLACES, replaces(worker->run, object, state, hash));
    return shale_builder_row(builder);
}

enum shale_status consumed_add(struct shale_batch *batch, const struct counts *counts)
{
    enum shale_status status = shale_batch_add(batch, READ, counts->read);
    if (status == SHALE_OK)
        status = shale_batch_add(batch, WRITTEN, counts->written);
    if (status == SHALE_OK)
        status = shale_batch_add(batch, REJECTED, counts->rejected);
    if (status == SHALE_OK)
        status = shale_batch_add(batch, FILTERED, counts->filtered);
    if (status == SHALE_OK)
        status = shale_batch_add(batch, DUPLICATES, counts->duplicates);
    return status;
}

static struct shale_str text_of(const struct shale_batch *batch, enum column column, int64_t row)
{
    struct shale_column view;
    shale_batch_column(batch, column, &view);
    return (struct shale_str){(const char *)view.data + view.offsets[row],
                              (size_t)(view.offsets[row + 1] - view.offsets[row])};
}

static int64_t number_of(const struct shale_batch *batch, enum column column, int64_t row)
{
    struct shale_column view;
    shale_batch_column(batch, column, &view);
    return ((const int64_t *)view.data)[row];
}

void consumed_row(const struct shale_batch *batch, int64_t row, struct shale_ledger_row *out)
{
    struct shale_column state;
    shale_batch_column(batch, STATE, &state);
    *out = (struct shale_ledger_row){
        .key = text_of(batch, KEY, row),
        .tag = text_of(batch, TAG, row),
        .state = (enum shale_ledger_state)((const int32_t *)state.data)[row],
        .n_bytes = number_of(batch, BYTES, row),
        .hash = text_of(batch, HASH, row),
        .read = number_of(batch, READ, row),
        .written = number_of(batch, WRITTEN, row),
        .rejected = number_of(batch, REJECTED, row),
        .filtered = number_of(batch, FILTERED, row),
        .duplicates = number_of(batch, DUPLICATES, row),
    };
}

int64_t consumed_n_rows(const struct shale_batch *batch, int64_t row)
{
    return number_of(batch, N_ROWS, row);
}

enum shale_status consumed_drop(struct shale_batch *batch, int64_t row, int64_t n)
{
    enum shale_status status = shale_batch_add_at(batch, WRITTEN, row, -n);
    return status == SHALE_OK ? shale_batch_add_at(batch, DUPLICATES, row, n) : status;
}

bool consumed_replaces(const struct shale_batch *batch, int64_t row)
{
    return number_of(batch, REPLACES, row) != 0;
}
