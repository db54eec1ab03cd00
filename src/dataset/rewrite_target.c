/* SPDX-License-Identifier: MIT */
/* New files of a partition, one after the other, each of about the target's size, and what the log
 * is to say of them. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "dataset/footer_hash.h"
#include "dataset/output.h"
#include "dataset/rewrite_parts.h"

enum {
    PATH_BYTES = SHALE_KEY_BYTES + 1,
    ADDS_BYTES = 1 << 28,
    STATS_BYTES = 64 << 20,
    LEAST_GROUP_BYTES = 64 << 10, /* smaller ones are not worth their pages */
    GROUP_BYTES = 32 << 20,
};

static enum shale_status count_bytes(struct shale_sink *sink, const void *data, size_t n_bytes,
                                     struct shale_err *err)
{
    struct shale_counted *counted = (struct shale_counted *)(void *)sink;
    counted->n_bytes += (int64_t)n_bytes;
    return shale_sink_write(counted->to, data, n_bytes, err);
}

static void merge_statistics(void *ctx, size_t number, const struct shale_leaf *leaf,
                             const struct shale_chunk_meta *meta)
{
    struct shale_rewrite_target *target = ctx;
    shale_log_stats_merge(leaf, meta, &target->leaves[number]);
}

static enum shale_status read_waiting(void *ctx, void *owner, size_t column,
                                      const struct shale_column **out, struct shale_err *err)
{
    struct shale_rewrite_target *target = ctx;
    return shale_rewrite_wait_read(&target->wait, owner, column, out, err);
}

static enum shale_status take(struct shale_packed_sink *sink, struct shale_packed *packed,
                              struct shale_err *err);

void shale_rewrite_target_init(struct shale_rewrite_target *target, struct shale_store *store,
                               const struct shale_rewrite_options *options,
                               const struct shale_schema *schema, const struct shale_log_add *like,
                               size_t memory_bytes, struct shale_arena *arena)
{
    int64_t group = options->row_group_bytes > 0 ? options->row_group_bytes : GROUP_BYTES;
    *target = (struct shale_rewrite_target){.sink = {take},
                                            .store = store,
                                            .options = options,
                                            .schema = schema,
                                            .like = like,
                                            .arena = arena,
                                            .group_bytes = (size_t)group,
                                            .n_leaves = shale_leaf_count(schema)};
    shale_buf_init(&target->adds, store->env->mem, ADDS_BYTES);
    shale_rewrite_wait_init(&target->wait, store->env->mem, schema, memory_bytes,
                            options->temporary);
}

void shale_rewrite_target_fini(struct shale_rewrite_target *target)
{
    shale_file_writer_free(target->writer);
    shale_rewrite_wait_fini(&target->wait);
    if (target->put != NULL)
        target->put->abandon(target->put);
    shale_mem_free(target->store->env->mem, target->leaves);
    shale_buf_fini(&target->adds);
}

/* ---- Opening ----------------------------------------------------------------------------------
 */

/* Beside the file that it replaces, under a name that is used once. */
static enum shale_status draw_path(struct shale_rewrite_target *target, struct shale_err *err)
{
    const struct shale_env *env = target->store->env;
    struct shale_str like = target->like->path;
    char path[PATH_BYTES];
    size_t n_folder = like.n_bytes;
    const char *copy;
    int n;
    while (n_folder > 0 && like.data[n_folder - 1] != '/')
        n_folder--;
    n = snprintf(path, sizeof path, "%.*spart-%016" PRIx64 "%016" PRIx64 "%s.parquet",
                 (int)n_folder, like.data, env->random_u64(env->ctx), env->random_u64(env->ctx),
                 shale_output_suffix(target->options->chunk.codec));
    if (n < 0 || (size_t)n >= sizeof path)
        return SHALE_ERR(err, output_path_too_long, PATH_BYTES, target->store->name);
    copy = shale_arena_copy(target->arena, shale_str_of(path));
    if (copy == NULL)
        return SHALE_ERR(err, no_memory);
    target->path = shale_str_of(copy);
    return SHALE_OK;
}

static enum shale_status open_file(struct shale_rewrite_target *target, struct shale_err *err)
{
    const struct shale_mem *mem = target->store->env->mem;
    const struct shale_file_writer_options options = {.chunk = target->options->chunk,
                                                      .row_group_bytes = SIZE_MAX,
                                                      .created_by = target->options->created_by,
                                                      .sorting = target->sorting,
                                                      .n_sorting = target->n_sorting,
                                                      .chunk_written = merge_statistics,
                                                      .read = read_waiting,
                                                      .ctx = target};
    enum shale_status status = draw_path(target, err);
    if (status != SHALE_OK)
        return status;
    if (target->leaves == NULL)
        target->leaves = shale_mem_zeroed(mem, target->n_leaves, sizeof *target->leaves);
    if (target->leaves == NULL)
        return SHALE_ERR(err, no_memory);
    memset(target->leaves, 0, target->n_leaves * sizeof *target->leaves);
    status = shale_store_create(target->store, target->path.data, &target->put, err);
    if (status != SHALE_OK)
        return status;
    target->counted = (struct shale_counted){{count_bytes}, &target->put->sink, 0};
    return shale_file_writer_new(mem, target->schema, &options, &target->counted.sink,
                                 &target->writer, err);
}

/* ---- What the log says ------------------------------------------------------------------------
 */

static enum shale_status copy_text(struct shale_rewrite_target *target, struct shale_str text,
                                   struct shale_str *out)
{
    const char *copy = shale_arena_copy(target->arena, text);
    if (copy == NULL)
        return SHALE_NOMEM;
    *out = (struct shale_str){copy, text.n_bytes};
    return SHALE_OK;
}

static enum shale_status fill_values(struct shale_rewrite_target *target, struct shale_log_add *add)
{
    const struct shale_log_add *like = target->like;
    struct shale_log_partition_value *values =
        shale_arena_zeroed(target->arena, like->n_partition_values + 1, sizeof *values);
    enum shale_status status = values == NULL ? SHALE_NOMEM : SHALE_OK;
    for (size_t i = 0; i < like->n_partition_values && status == SHALE_OK; i++) {
        values[i].is_null = like->partition_values[i].is_null;
        status = copy_text(target, like->partition_values[i].name, &values[i].name);
        if (status == SHALE_OK)
            status = copy_text(target, like->partition_values[i].value, &values[i].value);
    }
    add->partition_values = values;
    add->n_partition_values = like->n_partition_values;
    return status;
}

static enum shale_status fill_tags(struct shale_rewrite_target *target, const char *hash,
                                   struct shale_log_add *add)
{
    struct shale_log_pair *tags = shale_arena_zeroed(target->arena, 2, sizeof *tags);
    enum shale_status status;
    if (tags == NULL)
        return SHALE_NOMEM;
    tags[0].key = SHALE_STR(SHALE_TAG_INPUT);
    tags[1].key = SHALE_STR(SHALE_TAG_FOOTER);
    status = copy_text(target, target->options->input, &tags[0].value);
    if (status == SHALE_OK)
        status = copy_text(target, shale_str_of(hash), &tags[1].value);
    add->tags = tags;
    add->n_tags = 2;
    return status;
}

static enum shale_status fill_add(struct shale_rewrite_target *target, int64_t n_rows,
                                  const char *hash, struct shale_log_add *add)
{
    const struct shale_env *env = target->store->env;
    struct shale_buf stats;
    enum shale_status status;
    *add = (struct shale_log_add){.path = target->path,
                                  .n_bytes = target->counted.n_bytes,
                                  .modified_ms = env->wall_us(env->ctx) / 1000,
                                  .data_change = target->options->data_change,
                                  .n_rows = n_rows};
    shale_buf_init(&stats, env->mem, STATS_BYTES);
    status = shale_log_stats_json(target->schema, target->leaves, n_rows, &stats);
    if (status == SHALE_OK)
        status = copy_text(target, shale_buf_str(&stats), &add->stats);
    shale_buf_fini(&stats);
    if (status == SHALE_OK)
        status = fill_values(target, add);
    return status == SHALE_OK ? fill_tags(target, hash, add) : status;
}

/* What it ends with, read back. */
static enum shale_status hash_footer(struct shale_rewrite_target *target,
                                     char out[SHALE_CONTENT_HASH_CHARS + 1], struct shale_err *err)
{
    struct shale_store_file *file;
    enum shale_status status = shale_store_open(target->store, target->path.data, &file, err);
    if (status != SHALE_OK)
        return status;
    status = shale_footer_hash(target->store->env->mem, &file->random, out, err);
    shale_store_close(file);
    return status;
}

static enum shale_status finish_file(struct shale_rewrite_target *target, struct shale_err *err)
{
    const struct shale_key_value pair = {SHALE_STR(SHALE_TAG_INPUT), target->options->input};
    struct shale_store_put *put = target->put;
    char hash[SHALE_CONTENT_HASH_CHARS + 1];
    struct shale_log_add add;
    enum shale_status status =
        shale_file_writer_finish(target->writer, &pair, pair.value.n_bytes > 0 ? 1 : 0, err);
    int64_t n_rows = shale_file_writer_n_rows(target->writer);
    if (status != SHALE_OK)
        return status;
    shale_file_writer_free(target->writer);
    target->writer = NULL;
    target->put = NULL;
    target->wait.n_row_bytes = 0;
    status = put->finish(put, err);
    if (status == SHALE_OK)
        status = hash_footer(target, hash, err);
    if (status != SHALE_OK)
        return status;
    status = fill_add(target, n_rows, hash, &add);
    if (status == SHALE_OK)
        status = shale_buf_append(&target->adds, &add, sizeof add);
    return status == SHALE_OK ? SHALE_OK : SHALE_ERR(err, no_memory);
}

/* ---- Row groups -------------------------------------------------------------------------------
 */

/* How many bytes of rows the next row group may have, so that the file comes to the target. */
static uint64_t group_limit(const struct shale_rewrite_target *target)
{
    uint64_t limit = target->group_bytes;
    double left = (double)(target->options->target_bytes - target->counted.n_bytes);
    if (target->options->target_bytes <= 0)
        return limit;
    if (target->n_memory_bytes > 0) /* the next one shrinks as those before it */
        left *= target->n_memory_bytes / target->n_file_bytes;
    if (left < (double)limit)
        limit = left > LEAST_GROUP_BYTES ? (uint64_t)left : LEAST_GROUP_BYTES;
    return limit;
}

static enum shale_status cut(struct shale_rewrite_target *target, struct shale_err *err)
{
    int64_t before = target->counted.n_bytes;
    double n_bytes = (double)target->wait.n_row_bytes;
    enum shale_status status = shale_rewrite_wait_cut(&target->wait, target->writer, err);
    target->n_memory_bytes += n_bytes;
    target->n_file_bytes += (double)(target->counted.n_bytes - before);
    return status;
}

/* Within so little of the target it is full: a row group more would be too much or too small. */
static bool is_full(const struct shale_rewrite_target *target)
{
    int64_t most = target->options->target_bytes;
    return most > 0 && target->counted.n_bytes >= most - most / 32;
}

static enum shale_status take(struct shale_packed_sink *sink, struct shale_packed *packed,
                              struct shale_err *err)
{
    struct shale_rewrite_target *target = (struct shale_rewrite_target *)(void *)sink;
    const int64_t n_rows = packed->n_rows;
    enum shale_status status = SHALE_OK;
    for (int64_t at = 0; at < n_rows && status == SHALE_OK;) {
        uint64_t limit;
        if (target->writer == NULL)
            status = open_file(target, err);
        if (status != SHALE_OK)
            break;
        limit = group_limit(target);
        status = shale_rewrite_wait_fill(&target->wait, &packed, &at, limit, target->writer, err);
        if (status == SHALE_OK && target->wait.n_row_bytes >= limit)
            status = cut(target, err);
        if (status == SHALE_OK && is_full(target))
            status = finish_file(target, err);
    }
    shale_packed_free(packed);
    return status;
}

enum shale_status shale_rewrite_target_finish(struct shale_rewrite_target *target,
                                              struct shale_err *err)
{
    return target->writer == NULL ? SHALE_OK : finish_file(target, err);
}
