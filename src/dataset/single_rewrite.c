/* SPDX-License-Identifier: MIT */
/* The bytes of a checkpoint file whose rows are written anew: all in one order, or row group by row
 * group without the rows that go.
 *
 *     [row groups that are copied][row groups that are moved, or written anew ...][footer] */
#include "base/log.h"
#include "base/mem.h"
#include "dataset/rewrite_parts.h"
#include "dataset/single_parts.h"
#include "parquet/append.h"

enum {
    ARENA_BYTES = 64 << 20,
    ROW_GROUP_BYTES = 32 << 20,
    MEMORY_BYTES = 128 << 20,
    N_PAIRS = 3,
};

struct anew {
    struct shale_rewrite_receiver to; /* first member */
    const struct shale_single *single;
    const struct shale_single_file *old;
    const struct shale_single_rewrite *rewrite;
    struct shale_rewrite_options how;
    struct shale_log_state log;
    struct shale_arena arena;
    struct shale_schema schema; /* of the new file */
    struct shale_append *append;
    struct shale_file_writer *writer;
    struct shale_rewrite_wait wait; /* rows of its row group */
    uint64_t limit;                 /* of their bytes */
    size_t n_copied;                /* row groups that were, where they were or elsewhere */
    size_t n_sorting;               /* of the rows that come */
    int64_t n_gone;
};

/* ---- Rows --------------------------------------------------------------------------------------
 */

static enum shale_status read_waiting(void *ctx, void *owner, size_t column,
                                      const struct shale_column **out, struct shale_err *err)
{
    struct anew *anew = ctx;
    return shale_rewrite_wait_read(&anew->wait, owner, column, out, err);
}

static enum shale_status take(struct shale_packed_sink *sink, struct shale_packed *packed,
                              struct shale_err *err)
{
    struct anew *anew = (struct anew *)(void *)sink;
    const int64_t n_rows = packed->n_rows;
    enum shale_status status = SHALE_OK;
    for (int64_t at = 0; at < n_rows && status == SHALE_OK;) {
        status = shale_rewrite_wait_fill(&anew->wait, &packed, &at, anew->limit, anew->writer, err);
        if (status == SHALE_OK && anew->wait.n_row_bytes >= anew->limit)
            status = shale_rewrite_wait_cut(&anew->wait, anew->writer, err);
    }
    shale_packed_free(packed);
    return status;
}

/* Rows of another order come: only those that have none may share a row group. */
static enum shale_status set_sorting(struct anew *anew, const struct shale_parquet_sorting *sorting,
                                     size_t n, struct shale_err *err)
{
    struct shale_parquet_sorting *copy;
    enum shale_status status;
    if (n == 0 && anew->n_sorting == 0)
        return SHALE_OK;
    copy = shale_arena_zeroed(&anew->arena, n + 1, sizeof *copy);
    if (copy == NULL)
        return SHALE_ERR(err, no_memory);
    for (size_t i = 0; i < n; i++)
        copy[i] = sorting[i];
    status = shale_rewrite_wait_cut(&anew->wait, anew->writer, err);
    if (status != SHALE_OK)
        return status;
    shale_file_writer_set_sorting(anew->writer, copy, n);
    anew->n_sorting = n;
    return SHALE_OK;
}

static enum shale_status sorted(struct shale_rewrite_receiver *to,
                                const struct shale_parquet_sorting *sorting, size_t n_sorting,
                                struct shale_err *err)
{
    return set_sorting((struct anew *)(void *)to, sorting, n_sorting, err);
}

static enum shale_status write_rows(struct anew *anew, size_t first, size_t n,
                                    struct shale_err *err)
{
    struct shale_rewritten rewritten;
    enum shale_status status =
        shale_rewrite_reader(anew->single->store->env, &anew->how, anew->old->reader, first, n,
                             &anew->to, &rewritten, err);
    anew->n_gone += rewritten.rows_in - rewritten.rows_out;
    return status;
}

/* A row group without some of its rows has the order that it had. */
static enum shale_status write_row_group(struct anew *anew, size_t i, struct shale_err *err)
{
    const struct shale_file *file = shale_reader_file(anew->old->reader);
    const struct shale_file_row_group *group = &file->row_groups[i];
    bool same_leaves = shale_leaf_count(&anew->schema) == file->n_leaves;
    size_t n = same_leaves ? group->n_sorting : 0;
    struct shale_parquet_sorting *sorting =
        shale_arena_zeroed(&anew->arena, n + 1, sizeof *sorting);
    enum shale_status status;
    if (sorting == NULL)
        return SHALE_ERR(err, no_memory);
    for (size_t k = 0; k < n; k++)
        sorting[k] = (struct shale_parquet_sorting){
            group->sorting[k].leaf, group->sorting[k].descending, group->sorting[k].nulls_first};
    status = set_sorting(anew, sorting, n, err);
    return status == SHALE_OK ? write_rows(anew, i, 1, err) : status;
}

static bool stays(const struct anew *anew, size_t i)
{
    return anew->rewrite->stays != NULL && anew->rewrite->stays[i];
}

/* As it is, where it comes to lie. */
static enum shale_status move_row_group(struct anew *anew, size_t i, struct shale_err *err)
{
    enum shale_status status = shale_rewrite_wait_cut(&anew->wait, anew->writer, err);
    anew->n_copied++;
    return status == SHALE_OK ? shale_file_writer_move(anew->writer, anew->append, i, err) : status;
}

static enum shale_status write_all(struct anew *anew, struct shale_err *err)
{
    size_t first = anew->n_copied;
    size_t n = shale_reader_file(anew->old->reader)->n_row_groups;
    enum shale_status status = SHALE_OK;
    if (!anew->rewrite->by_row_group)
        return write_rows(anew, first, n - first, err);
    for (size_t i = first; i < n && status == SHALE_OK; i++)
        status = stays(anew, i) && shale_append_moves(anew->append, i)
                     ? move_row_group(anew, i, err)
                     : write_row_group(anew, i, err);
    return status;
}

/* ---- The file ----------------------------------------------------------------------------------
 */

/* Row groups in front of the first that is written anew. */
static size_t n_in_front(const struct anew *anew)
{
    size_t n = 0;
    while (n < shale_reader_file(anew->old->reader)->n_row_groups && stays(anew, n))
        n++;
    return n;
}

/* Its columns, as the old footer says, and the row groups that stay where they are. */
static enum shale_status begin(struct anew *anew, struct shale_store_put *put,
                               struct shale_err *err)
{
    const struct shale_mem *mem = anew->single->store->env->mem;
    int64_t each = anew->how.row_group_bytes > 0 ? anew->how.row_group_bytes : ROW_GROUP_BYTES;
    size_t memory_bytes = anew->how.memory_bytes > 0 ? anew->how.memory_bytes : MEMORY_BYTES;
    struct shale_append_options append_options = {.schema = &anew->schema,
                                                  .chunk = anew->how.chunk};
    struct shale_file_writer_options writer_options = {.chunk = anew->how.chunk,
                                                       .row_group_bytes = SIZE_MAX,
                                                       .created_by =
                                                           anew->single->options.created_by,
                                                       .read = read_waiting,
                                                       .ctx = anew};
    const struct shale_append_plan *plan;
    enum shale_status status =
        shale_rewrite_columns(&anew->arena, &anew->log, anew->how.columns,
                              shale_reader_file(anew->old->reader), &anew->schema, err);
    if (status == SHALE_OK)
        status = shale_append_new(mem, anew->old->reader, &append_options, &anew->append, err);
    if (status != SHALE_OK)
        return status;
    plan = shale_append_plan_first(anew->append, n_in_front(anew));
    anew->n_copied = plan->n_copied;
    if (plan->copied_bytes > 0)
        status = put->copy(put, anew->old->file, 0, plan->copied_bytes, err);
    writer_options.append = anew->append;
    /* One that was cut a little behind its limit, as they are, stays one. */
    anew->limit = (uint64_t)(anew->rewrite->by_row_group ? each + each / 4 : each);
    shale_rewrite_wait_init(&anew->wait, mem, &anew->schema, memory_bytes / 4, anew->how.temporary);
    return status == SHALE_OK ? shale_file_writer_new(mem, &anew->schema, &writer_options,
                                                      &put->sink, &anew->writer, err)
                              : status;
}

static enum shale_status finish(struct anew *anew, int64_t manifest_id, struct shale_err *err)
{
    struct shale_str stream = anew->single->options.stream;
    struct shale_key_value pairs[N_PAIRS];
    char id[SHALE_SINGLE_ID_BYTES];
    size_t n = N_PAIRS - 1;
    if (stream.n_bytes == 0)
        (void)shale_single_pair(anew->single, SHALE_SINGLE_STREAM, &stream);
    shale_single_pairs(stream, manifest_id, id, pairs);
    if (anew->rewrite->compacted.n_bytes > 0)
        pairs[n++] =
            (struct shale_key_value){SHALE_STR(SHALE_SINGLE_COMPACTED), anew->rewrite->compacted};
    return shale_file_writer_finish(anew->writer, pairs, n, err);
}

enum shale_status shale_single_write_anew(const struct shale_single *single,
                                          const struct shale_single_file *old,
                                          const struct shale_single_rewrite *rewrite,
                                          int64_t n_gone, int64_t manifest_id,
                                          struct shale_store_put *put,
                                          struct shale_single_rewritten *out, struct shale_err *err)
{
    struct anew anew = {.to = {{take}, sorted},
                        .single = single,
                        .old = old,
                        .rewrite = rewrite,
                        .how = rewrite->how,
                        .log = {.schema = shale_reader_file(old->reader)->schema}};
    enum shale_status status;
    shale_arena_init(&anew.arena, single->store->env->mem, ARENA_BYTES);
    anew.how.log = &anew.log;
    status = begin(&anew, put, err);
    if (status == SHALE_OK)
        status = write_all(&anew, err);
    if (status == SHALE_OK && anew.n_gone != n_gone)
        status =
            SHALE_ERR(err, single_rows, single->key, (long long)anew.n_gone, (long long)n_gone);
    if (status == SHALE_OK)
        status = finish(&anew, manifest_id, err);
    if (status == SHALE_OK)
        *out = (struct shale_single_rewritten){
            shale_file_writer_n_rows(anew.writer), shale_file_writer_n_bytes(anew.writer),
            shale_file_writer_n_row_groups(anew.writer), anew.n_copied};
    shale_file_writer_free(anew.writer);
    if (anew.wait.mem != NULL)
        shale_rewrite_wait_fini(&anew.wait);
    shale_append_free(anew.append);
    shale_arena_fini(&anew.arena);
    return status;
}
