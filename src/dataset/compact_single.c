/* SPDX-License-Identifier: MIT */
/* Compaction of a checkpoint file: all its rows in one order, in full row groups.
 *
 *     READ --style--> what it is to be --rewrite, exchange--> DONE
 *       ^                                      |
 *       +--------- a run came first -----------+   a bounded number of times */
#include "dataset/backoff.h"
#include "dataset/compact_parts.h"
#include "dataset/single_parts.h"
#include "json/writer.h"

enum { MOST_TRIES = 12, ARENA_BYTES = 1 << 20, MARK_BYTES = 1 << 20, ROW_GROUP_BYTES = 32 << 20 };
static const int64_t first_wait_us = 50000;

struct compacting {
    const struct shale_compact_options *options;
    struct shale_compacted *out;
    struct shale_single *single;
    struct shale_base base;
    struct shale_arena arena; /* of an attempt */
    struct shale_compact_style style;
    int64_t row_group_bytes;
    struct shale_buf mark; /* SHALE_SINGLE_COMPACTED */
};

/* Of what a definition asks of single columns: "columns":["id",0,0.01,...], each with its encoding
 * and how often its bloom filter may be wrong. */
static void put_columns(const struct shale_schema *schema, struct shale_json_writer *json)
{
    shale_json_put_name(json, "columns");
    shale_json_put_begin(json, '[');
    for (size_t i = 0; i < schema->n_columns; i++) {
        const struct shale_column_def *column = &schema->columns[i];
        if (column->encoding == SHALE_ENCODE_AUTO && !(column->bloom_fpp > 0))
            continue;
        shale_json_put_string(json, column->name);
        shale_json_put_i64(json, (int64_t)column->encoding);
        shale_json_put_f64(json, column->bloom_fpp);
    }
    shale_json_put_end(json, ']');
}

/* {"sort_by":["at"],"row_group":33554432,"compression":"zstd","level":0,"compat":"wide",
 * "columns":[]}; the last with a definition */
static enum shale_status make_mark(struct compacting *c)
{
    static const char *const codecs[] = {[SHALE_CODEC_NONE] = "none",
                                         [SHALE_CODEC_GZIP] = "gzip",
                                         [SHALE_CODEC_ZSTD] = "zstd",
                                         [SHALE_CODEC_SNAPPY] = "snappy",
                                         [SHALE_CODEC_LZ4] = "lz4"};
    struct shale_json_writer json;
    shale_buf_reset(&c->mark);
    shale_json_writer_init(&json, &c->mark);
    shale_json_put_begin(&json, '{');
    shale_json_put_name(&json, "sort_by");
    shale_json_put_begin(&json, '[');
    for (size_t i = 0; i < c->style.n_sort_by; i++)
        shale_json_put_string(&json, c->style.sort_by[i]);
    shale_json_put_end(&json, ']');
    shale_json_put_name(&json, "row_group");
    shale_json_put_i64(&json, c->row_group_bytes);
    shale_json_put_name(&json, "compression");
    shale_json_put_string(&json, shale_str_of(codecs[c->style.chunk.codec]));
    shale_json_put_name(&json, "level");
    shale_json_put_i64(&json, c->style.chunk.level);
    shale_json_put_name(&json, "compat");
    shale_json_put_string(&json, shale_str_of(c->style.chunk.modern ? "modern" : "wide"));
    if (c->options->stream != NULL)
        put_columns(&c->options->stream->schema, &json);
    shale_json_put_end(&json, '}');
    return json.status;
}

static enum shale_status choose_style(struct compacting *c, struct shale_err *err)
{
    const struct shale_stream *stream = c->options->stream;
    const struct shale_file *file = shale_reader_file(c->single->file.reader);
    enum shale_status status = SHALE_OK;
    c->style = (struct shale_compact_style){.chunk = {.codec = SHALE_CODEC_ZSTD}};
    c->row_group_bytes =
        stream != NULL && stream->row_group_bytes > 0 ? stream->row_group_bytes : ROW_GROUP_BYTES;
    if (stream != NULL)
        status = shale_compact_style_of_stream(stream, &c->arena, &c->style);
    else if (file->n_row_groups > 0)
        status = shale_compact_style_of_file(file, &c->arena, &c->style);
    if (status == SHALE_OK)
        status = make_mark(c);
    return status == SHALE_OK ? SHALE_OK : SHALE_ERR(err, no_memory);
}

/* It was written so, and nothing came since; or there is nothing to order. */
static bool is_compact(const struct compacting *c)
{
    const struct shale_file *file = shale_reader_file(c->single->file.reader);
    struct shale_str mark;
    if (shale_single_pair(c->single, SHALE_SINGLE_COMPACTED, &mark))
        return c->options->stream == NULL || shale_str_equal(mark, shale_buf_str(&c->mark));
    return file->n_row_groups == 0 ||
           (file->n_row_groups == 1 && c->options->stream == NULL && file->n_others == 0);
}

static enum shale_status rewrite(struct compacting *c, struct shale_err *err)
{
    const struct shale_compact_options *options = c->options;
    const struct shale_log_state log = shale_single_as_log(c->single);
    const struct shale_single_rewrite rewrite = {
        .how = {.log = &log,
                .chunk = c->style.chunk,
                .columns = options->stream != NULL ? &options->stream->schema : NULL,
                .row_group_bytes = c->row_group_bytes,
                .sort_by = c->style.sort_by,
                .n_sort_by = c->style.n_sort_by,
                .memory_bytes = options->memory_bytes,
                .temporary = options->temporary},
        .compacted = shale_buf_str(&c->mark)};
    const struct shale_commit commit = {.stream = c->single->options.stream};
    struct shale_single_rewritten rewritten = {0};
    struct shale_committed committed;
    enum shale_status status;
    c->out->n_removed = (int64_t)shale_reader_file(c->single->file.reader)->n_row_groups;
    c->out->bytes_removed = shale_single_n_bytes(c->single);
    c->out->n_rows = shale_single_n_rows(c->single);
    if (options->dry_run)
        return SHALE_OK;
    status =
        shale_single_rewrite(c->single, &c->base, &commit, &rewrite, &rewritten, &committed, err);
    if (status != SHALE_OK)
        return status;
    c->out->n_added = (int64_t)rewritten.n_row_groups;
    c->out->bytes_added = rewritten.n_bytes;
    c->out->n_commits = 1;
    c->out->version = committed.version;
    return SHALE_OK;
}

static enum shale_status attempt(struct compacting *c, struct shale_err *err)
{
    const struct shale_mem *mem = c->single->store->env->mem;
    enum shale_status status = shale_single_read(c->single, &c->base, err);
    if (status != SHALE_OK)
        return status;
    if (!shale_single_exists(c->single))
        status = SHALE_ERR(err, single_no_file, c->single->key);
    if (status == SHALE_OK)
        status = choose_style(c, err);
    if (status == SHALE_OK && !is_compact(c))
        status = rewrite(c, err);
    shale_arena_reset(&c->arena);
    shale_base_fini(&c->base, mem);
    return status;
}

static enum shale_status compact(struct compacting *c, struct shale_err *err)
{
    const struct shale_env *env = c->single->store->env;
    int64_t n_retries = 0;
    enum shale_status status = SHALE_CONFLICT;
    for (int i = 0; i < MOST_TRIES && status == SHALE_CONFLICT; i++) {
        if (env->cancelled != NULL && env->cancelled(env->ctx)) {
            status = SHALE_ERR(err, interrupted);
            n_retries += n_retries == 0;
            break;
        }
        if (i > 0) {
            shale_err_clear(err);
            shale_backoff(env, first_wait_us, i < 6 ? i : 6);
        }
        *c->out = (struct shale_compacted){.version = -1, .n_retries = n_retries};
        status = attempt(c, err);
        n_retries++;
    }
    if (status != SHALE_OK)
        *c->out = (struct shale_compacted){.version = -1, .n_retries = n_retries - 1};
    return status;
}

enum shale_status shale_compact_single(struct shale_store *store, const char *key,
                                       const struct shale_compact_options *options,
                                       struct shale_compacted *out, struct shale_err *err)
{
    const struct shale_mem *mem = store->env->mem;
    const struct shale_single_options single_options = {
        .stream = options->stream != NULL ? options->stream->name : SHALE_STR(""),
        .created_by = options->created_by,
        .memory_bytes = options->memory_bytes / 2};
    struct compacting c = {.options = options, .out = out};
    enum shale_status status = shale_single_new(store, key, &single_options, &c.single, err);
    *out = (struct shale_compacted){.version = -1};
    if (status != SHALE_OK)
        return status;
    shale_arena_init(&c.arena, mem, ARENA_BYTES);
    shale_buf_init(&c.mark, mem, MARK_BYTES);
    status = compact(&c, err);
    shale_buf_fini(&c.mark);
    shale_arena_fini(&c.arena);
    shale_single_free(c.single);
    return status;
}
