/* SPDX-License-Identifier: MIT */
/* Duplicates: a worker takes the keys out of its rows, the sequencer asks in plan order which rows
 * are known already, and leaves those out of the parcel before they wait for their row groups; the
 * commit brings the keys of the others, and looks at those of a commit that came first. */
#include "run/private.h"

#include <string.h>

#include "json/writer.h"

enum { MAX_NAMES_BYTES = 1 << 16, MOST_KEY_BYTES = INT32_MAX, PATH_TEXT_BYTES = 64 };

/* Times are kept from the ends of int64_t, so that differences do not overflow: more than 70,000
 * years. */
#define MOST_TIME_US (INT64_C(1) << 61)

/* ---- Beginning --------------------------------------------------------------------------------
 */

/* What the keys are made of: {"key":["event_id"],"time":"event_time"}. */
static enum shale_status put_names(struct run *run)
{
    const struct shale_stream *stream = run->stream;
    struct shale_json_writer json;
    shale_json_writer_init(&json, &run->dedupe->names);
    shale_json_put_begin(&json, '{');
    shale_json_put_name(&json, "key");
    shale_json_put_begin(&json, '[');
    for (size_t i = 0; i < stream->dedupe.n_key; i++)
        shale_json_put_string(&json, stream->fields[stream->dedupe.key[i]].name);
    shale_json_put_end(&json, ']');
    if (stream->dedupe.within_us >= 0) {
        shale_json_put_name(&json, "time");
        shale_json_put_string(&json, stream->fields[stream->dedupe.time].name);
    }
    shale_json_put_end(&json, '}');
    return json.status;
}

static struct shale_keys_options options_of(const struct run *run,
                                            const struct shale_segment *segments, size_t n)
{
    return (struct shale_keys_options){.mem = run->mem,
                                       .store = run->table == NULL ? NULL : run->table->store,
                                       .segments = segments,
                                       .n_segments = n,
                                       .names = shale_buf_str(&run->dedupe->names),
                                       .within_us = run->stream->dedupe.within_us,
                                       .memory_bytes = run->keys_limit,
                                       .temporary = run->options->temporary};
}

/* What a row takes in parcel_keys, without its texts. */
static size_t row_bytes(const struct run *run)
{
    const struct shale_dedupe *dedupe = &run->stream->dedupe;
    size_t n = shale_key_row_bytes(run->dedupe->rule) + sizeof(uint32_t);
    for (size_t i = 0; i < dedupe->n_key; i++) {
        enum shale_layout layout = shale_type_layout(&run->stream->fields[dedupe->key[i]].type);
        n += layout == SHALE_LAYOUT_I128    ? sizeof(shale_i128)
             : layout == SHALE_LAYOUT_BYTES ? sizeof(uint32_t)
                                            : sizeof(int64_t);
    }
    return n;
}

size_t dedupe_n_bytes(const struct worker *worker)
{
    const struct run *run = worker->run;
    int64_t n_rows = shale_builder_n_rows(worker->builder);
    size_t n;
    if (run->dedupe == NULL || n_rows == 0)
        return 0;
    n = (size_t)n_rows * run->dedupe->row_bytes;
    for (size_t i = 0; i < run->stream->dedupe.n_key; i++) {
        struct shale_column column;
        shale_builder_column(worker->builder, run->stream->dedupe.key[i], &column);
        if (column.offsets != NULL)
            n += (size_t)column.offsets[n_rows];
    }
    return n;
}

enum shale_status dedupe_begin(struct run *run, struct shale_err *err)
{
    struct shale_keys_options options;
    enum shale_status status;
    if (run->stream->dedupe.n_key == 0)
        return SHALE_OK;
    if (run->dedupe == NULL) {
        run->dedupe = shale_mem_zeroed(run->mem, 1, sizeof *run->dedupe);
        if (run->dedupe == NULL)
            return SHALE_ERR(err, no_memory);
        shale_buf_init(&run->dedupe->names, run->mem, MAX_NAMES_BYTES);
        if (put_names(run) != SHALE_OK)
            return SHALE_ERR(err, no_memory);
    }
    dedupe_end(run);
    options = options_of(run, NULL, 0);
    if (run->table != NULL) {
        options.segments = run->table->base.manifest.keys;
        options.n_segments = run->table->base.manifest.n_keys;
    }
    status = shale_keys_new(&options, &run->dedupe->keys, err);
    if (status != SHALE_OK)
        return status;
    run->dedupe->rule = shale_keys_rule(run->dedupe->keys);
    run->dedupe->row_bytes = row_bytes(run);
    return SHALE_OK;
}

void dedupe_end(struct run *run)
{
    if (run->dedupe == NULL)
        return;
    shale_keys_free(run->dedupe->keys);
    run->dedupe->keys = NULL;
}

void dedupe_close(struct run *run)
{
    if (run->dedupe == NULL)
        return;
    dedupe_end(run);
    shale_buf_fini(&run->dedupe->names);
    shale_mem_free(run->mem, run->dedupe);
    run->dedupe = NULL;
}

/* ---- A worker: the keys of its rows -----------------------------------------------------------
 */

struct parcel_keys {
    struct shale_key_rows rows;
    uint32_t *part_of_row; /* NULL: all in one */
};

struct member {
    struct shale_column column;
    enum shale_layout layout;
    bool last;
};

static enum shale_status put_text(struct shale_buf *key, const struct member *member, int64_t row)
{
    const int32_t *offsets = member->column.offsets + row;
    uint32_t n = (uint32_t)(offsets[1] - offsets[0]);
    const char *data = member->column.data;
    enum shale_status status = SHALE_OK;
    /* The last one needs no length: it is what is left. */
    if (!member->last)
        status = shale_buf_append(key, &n, sizeof n);
    if (status == SHALE_OK && n > 0)
        status = shale_buf_append(key, data + offsets[0], n);
    return status;
}

/* The same value gives the same bytes, also when an int32 became an int64. */
static enum shale_status put_member(struct shale_buf *key, const struct member *member, int64_t row)
{
    const void *data = member->column.data;
    int64_t number;
    switch (member->layout) {
    case SHALE_LAYOUT_BYTES:
        return put_text(key, member, row);
    case SHALE_LAYOUT_I128:
        return shale_buf_append(key, (const shale_i128 *)data + row, sizeof(shale_i128));
    case SHALE_LAYOUT_BOOL:
        number = shale_bit(data, row);
        break;
    case SHALE_LAYOUT_I32:
        number = ((const int32_t *)data)[row];
        break;
    default:
        number = ((const int64_t *)data)[row];
        break;
    }
    return shale_buf_append(key, &number, sizeof number);
}

/* In microseconds; '*out' is false for a null. */
static bool time_of(const struct run *run, const struct shale_column *column, int64_t row,
                    int64_t *out)
{
    const struct shale_type *type = &run->stream->fields[run->stream->dedupe.time].type;
    bool is_date = type->kind == SHALE_DATE;
    int64_t value, scale = is_date ? INT64_C(86400000000) : type->unit == SHALE_MS ? 1000 : 1;
    if (shale_column_is_null(column, row))
        return false;
    value = is_date ? ((const int32_t *)column->data)[row] : ((const int64_t *)column->data)[row];
    value = value > MOST_TIME_US / scale    ? MOST_TIME_US
            : value < -MOST_TIME_US / scale ? -MOST_TIME_US
                                            : value * scale;
    *out = value;
    return true;
}

static enum shale_status add_row(const struct run *run, struct shale_key_rows *rows,
                                 const struct member *members, const struct shale_column *times,
                                 int64_t row, struct shale_buf *key)
{
    enum shale_status status = SHALE_OK;
    int64_t time_us = 0;
    bool has_key = times == NULL || time_of(run, times, row, &time_us);
    struct shale_str bytes;
    shale_buf_reset(key);
    for (size_t i = 0; i < run->stream->dedupe.n_key && has_key && status == SHALE_OK; i++) {
        has_key = !shale_column_is_null(&members[i].column, row);
        if (has_key)
            status = put_member(key, &members[i], row);
    }
    if (status != SHALE_OK)
        return status;
    bytes = shale_buf_str(key);
    return shale_key_rows_add(rows, has_key ? &bytes : NULL, time_us);
}

static enum shale_status add_rows(const struct worker *worker, struct shale_key_rows *rows)
{
    const struct run *run = worker->run;
    const struct shale_dedupe *dedupe = &run->stream->dedupe;
    struct member *members = shale_mem_zeroed(run->mem, dedupe->n_key, sizeof *members);
    struct shale_column times;
    bool timed = dedupe->within_us >= 0;
    struct shale_buf key;
    enum shale_status status = SHALE_OK;
    if (members == NULL)
        return SHALE_NOMEM;
    for (size_t i = 0; i < dedupe->n_key; i++) {
        shale_builder_column(worker->builder, dedupe->key[i], &members[i].column);
        members[i].layout = shale_type_layout(&run->stream->fields[dedupe->key[i]].type);
        members[i].last = i + 1 == dedupe->n_key;
    }
    if (timed)
        shale_builder_column(worker->builder, dedupe->time, &times);
    shale_buf_init(&key, run->mem, MOST_KEY_BYTES);
    for (int64_t i = 0; i < shale_builder_n_rows(worker->builder) && status == SHALE_OK; i++)
        status = add_row(run, rows, members, timed ? &times : NULL, i, &key);
    shale_buf_fini(&key);
    shale_mem_free(run->mem, members);
    return status == SHALE_OK ? shale_key_rows_sort(rows) : status;
}

enum shale_status dedupe_keys(const struct worker *worker, struct parcel *parcel,
                              const uint32_t *part_of_row)
{
    const struct run *run = worker->run;
    size_t n = (size_t)shale_builder_n_rows(worker->builder);
    struct parcel_keys *keys;
    enum shale_status status;
    if (run->dedupe == NULL)
        return SHALE_OK;
    keys = parcel->keys = shale_mem_zeroed(run->mem, 1, sizeof *keys);
    if (keys == NULL)
        return SHALE_NOMEM;
    shale_key_rows_init(&keys->rows, run->mem, run->dedupe->rule);
    status = add_rows(worker, &keys->rows);
    if (status != SHALE_OK)
        return status;
    parcel->n_bytes += shale_key_rows_n_bytes(&keys->rows);
    if (part_of_row == NULL)
        return SHALE_OK;
    keys->part_of_row = shale_mem_alloc(run->mem, n * sizeof *part_of_row);
    if (keys->part_of_row == NULL)
        return SHALE_NOMEM;
    memcpy(keys->part_of_row, part_of_row, n * sizeof *part_of_row);
    parcel->n_bytes += n * sizeof *part_of_row;
    return SHALE_OK;
}

void dedupe_free(const struct run *run, struct parcel_keys *keys)
{
    if (keys == NULL)
        return;
    shale_key_rows_fini(&keys->rows);
    shale_mem_free(run->mem, keys->part_of_row);
    shale_mem_free(run->mem, keys);
}

/* ---- The sequencer: which rows go -------------------------------------------------------------
 */

/* The rows of each batch: how many there are, and the numbers of those that stay, which lie from
 * its first row's place on. */
struct dealt {
    int32_t *numbers; /* [rows of the parcel] */
    struct hand {
        size_t begin;
        int32_t n, n_kept;
    } * hands; /* [parts] */
};

static void deal(const struct parcel_keys *keys, uint32_t n_parts, const bool *drop,
                 const struct dealt *dealt)
{
    size_t begin = 0;
    for (size_t i = 0; i < keys->rows.n_rows; i++)
        dealt->hands[keys->part_of_row == NULL ? 0 : keys->part_of_row[i]].n++;
    for (uint32_t part = 0; part < n_parts; part++) {
        struct hand *hand = &dealt->hands[part];
        hand->begin = begin;
        begin += (size_t)hand->n;
        hand->n = 0;
    }
    for (size_t i = 0; i < keys->rows.n_rows; i++) {
        struct hand *hand = &dealt->hands[keys->part_of_row == NULL ? 0 : keys->part_of_row[i]];
        if (!drop[i])
            dealt->numbers[hand->begin + (size_t)hand->n_kept++] = hand->n;
        hand->n++;
    }
}

static enum shale_status drop_rows(struct run *run, struct parcel *parcel, uint32_t part,
                                   const struct dealt *dealt)
{
    const struct hand *hand = &dealt->hands[part];
    struct shale_batch *all = parcel->batches[part];
    enum shale_status status = SHALE_OK;
    if (hand->n_kept == hand->n)
        return SHALE_OK;
    parcel->batches[part] = NULL;
    if (hand->n_kept > 0)
        status =
            shale_batch_select(run->mem, &run->stream->schema, all, dealt->numbers + hand->begin,
                               hand->n_kept, &parcel->batches[part]);
    shale_batch_free(run->mem, all);
    return status;
}

/* Each object says itself what became of its rows; of one that is not decided the sequencer keeps
 * the sums. */
static enum shale_status count_objects(struct parcel *parcel, const bool *drop)
{
    int64_t from = 0, n_objects;
    enum shale_status status = SHALE_OK;
    if (parcel->consumed == NULL || parcel->kind != PARCEL_WHOLE)
        return SHALE_OK;
    n_objects = shale_batch_n_rows(parcel->consumed);
    for (int64_t i = 0; i < n_objects && status == SHALE_OK; i++) {
        int64_t to = consumed_n_rows(parcel->consumed, i), n = 0;
        for (; from < to; from++)
            n += drop[from];
        if (n > 0)
            status = consumed_drop(parcel->consumed, i, n);
    }
    return status;
}

static enum shale_status drop_all(struct run *run, struct parcel *parcel, const bool *drop)
{
    struct dealt dealt = {
        .numbers = shale_mem_zeroed(run->mem, parcel->keys->rows.n_rows, sizeof *dealt.numbers),
        .hands = shale_mem_zeroed(run->mem, parcel->n_parts + 1, sizeof *dealt.hands)};
    enum shale_status status =
        dealt.numbers == NULL || dealt.hands == NULL ? SHALE_NOMEM : SHALE_OK;
    if (status == SHALE_OK)
        deal(parcel->keys, parcel->n_parts, drop, &dealt);
    for (uint32_t part = 0; part < parcel->n_parts && status == SHALE_OK; part++)
        status = drop_rows(run, parcel, part, &dealt);
    shale_mem_free(run->mem, dealt.numbers);
    shale_mem_free(run->mem, dealt.hands);
    return status == SHALE_OK ? count_objects(parcel, drop) : status;
}

enum shale_status dedupe_parcel(struct run *run, struct parcel *parcel, struct shale_err *err)
{
    int64_t n_dropped = 0;
    enum shale_status status;
    size_t n;
    bool *drop;
    if (parcel->keys == NULL)
        return SHALE_OK;
    n = parcel->keys->rows.n_rows;
    drop = shale_mem_alloc(run->mem, n * sizeof *drop + 1);
    if (drop == NULL)
        return SHALE_ERR(err, no_memory);
    status = shale_keys_take(run->dedupe->keys, &parcel->keys->rows, drop, err);
    for (size_t i = 0; i < n && status == SHALE_OK; i++)
        n_dropped += drop[i];
    if (n_dropped > 0 && drop_all(run, parcel, drop) != SHALE_OK)
        status = SHALE_ERR(err, no_memory);
    parcel->counts.written -= n_dropped;
    parcel->counts.duplicates += n_dropped;
    shale_mem_free(run->mem, drop);
    dedupe_free(run, parcel->keys);
    parcel->keys = NULL;
    return status;
}

void dedupe_mark(struct run *run)
{
    if (run->dedupe != NULL)
        shale_keys_mark(run->dedupe->keys);
}

void dedupe_settle(struct run *run)
{
    if (run->dedupe != NULL)
        shale_keys_settle(run->dedupe->keys);
}

void dedupe_rewind(struct run *run)
{
    if (run->dedupe != NULL)
        shale_keys_rewind(run->dedupe->keys);
}

/* ---- The commit -------------------------------------------------------------------------------
 */

static bool has_path(const struct shale_manifest *manifest, struct shale_str path)
{
    for (size_t i = 0; i < manifest->n_keys; i++)
        if (shale_str_equal(manifest->keys[i].path, path))
            return true;
    return false;
}

/* The keys that came since: what others wrote, or merged, which has what they wrote. */
static enum shale_status check_winners(void *ctx, const struct shale_base *before,
                                       const struct shale_base *newest, bool *conflict,
                                       struct shale_err *err)
{
    struct run *run = ctx;
    const struct shale_manifest *manifest = &newest->manifest;
    struct shale_segment *news = shale_mem_zeroed(run->mem, manifest->n_keys + 1, sizeof *news);
    enum shale_status status = SHALE_OK;
    size_t n = 0;
    *conflict = false;
    if (news == NULL)
        return SHALE_ERR(err, no_memory);
    for (size_t i = 0; i < manifest->n_keys; i++)
        if (!has_path(&before->manifest, manifest->keys[i].path))
            news[n++] = manifest->keys[i];
    if (n > 0) {
        const struct shale_keys_options options = options_of(run, news, n);
        status = shale_keys_meet(&options, &run->dedupe->segment, conflict, err);
    }
    shale_mem_free(run->mem, news);
    return status;
}

enum shale_status dedupe_commit(struct run *run, struct shale_commit *commit, struct shale_err *err)
{
    struct dedupe *dedupe = run->dedupe;
    char path[PATH_TEXT_BYTES];
    enum shale_status status;
    if (dedupe == NULL || shale_keys_n_rows(dedupe->keys) == 0)
        return SHALE_OK;
    (void)snprintf(path, sizeof path, "_shale/keys/%016" PRIx64 "%016" PRIx64 ".parquet",
                   run->env->random_u64(run->env->ctx), run->env->random_u64(run->env->ctx));
    status = shale_keys_write(dedupe->keys, run->table->store, path,
                              shale_buf_str(&run->seq.first_input), &run->table->arena,
                              &dedupe->segment, err);
    /* What it held in memory is not needed any more, and a merge is. */
    dedupe_end(run);
    commit->keys_change.in = &dedupe->segment;
    commit->keys_change.n_in = 1;
    commit->check = check_winners;
    commit->check_ctx = run;
    return status;
}
