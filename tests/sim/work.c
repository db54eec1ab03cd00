/* SPDX-License-Identifier: MIT */
/* What one commit of an actor is made of. */
#include "work.h"

#include <stdlib.h>
#include <string.h>

#include "dataset/erasure_rejects.h"

void work_init(struct work *work, struct sim_actor *actor)
{
    memset(work, 0, sizeof *work);
    work->actor = actor;
    shale_arena_init(&work->arena, &shale_mem_libc, (size_t)1 << 24);
    shale_buf_init(&work->data, &shale_mem_libc, (size_t)1 << 20);
    shale_buf_init(&work->rejects, &shale_mem_libc, (size_t)1 << 20);
}

void work_fini(struct work *work)
{
    if (work->has_base)
        shale_base_fini(&work->base, &shale_mem_libc);
    shale_keys_free(work->keys);
    shale_buf_fini(&work->rejects);
    shale_buf_fini(&work->data);
    shale_arena_fini(&work->arena);
}

enum shale_status work_begin(struct work *work, struct shale_err *err)
{
    enum shale_status status =
        work->actor->sim->is_file
            ? file_read_base(work, err)
            : shale_base_read(work->actor->table, SHALE_STR("events"), &work->base, err);
    work->has_base = status == SHALE_OK;
    return status;
}

struct shale_str work_keep(struct work *work, struct shale_str text)
{
    char *copy = shale_arena_copy(&work->arena, text);
    if (copy == NULL)
        abort();
    return (struct shale_str){copy, text.n_bytes};
}

struct shale_str work_name(struct work *work, const char *folder, const char *ending)
{
    char name[120];
    unsigned long long high = chance_u64(&work->actor->chance);
    unsigned long long low = chance_u64(&work->actor->chance);
    (void)snprintf(name, sizeof name, "%s%016llx%016llx%s", folder, high, low, ending);
    return work_keep(work, shale_str_of(name));
}

void work_append(struct shale_buf *buf, struct shale_str text)
{
    if (shale_buf_append_str(buf, text) != SHALE_OK)
        abort();
}

/* ---- First inputs -----------------------------------------------------------------------------
 */

enum shale_status work_first_object(struct work *work, const struct shale_ledger_row *row,
                                    struct shale_err *err)
{
    const struct shale_manifest *manifest = &work->base.manifest;
    struct shale_ledger_lookup *lookup = NULL;
    const struct shale_ledger_row *rows;
    struct shale_buf text;
    size_t n = 0;
    enum shale_status status = shale_ledger_lookup_new(work->actor->table, manifest->ledger,
                                                       manifest->n_ledger, &lookup, err);
    if (status == SHALE_OK)
        status = shale_ledger_lookup_find(lookup, row->source, row->key, &rows, &n, err);
    shale_ledger_lookup_free(lookup);
    if (status != SHALE_OK)
        return status;
    shale_buf_init(&text, &shale_mem_libc, 4096);
    if (shale_first_input_object(row->source, row->key, row->tag, (int64_t)n, &text) != SHALE_OK)
        abort();
    work->first = work_keep(work, shale_buf_str(&text));
    shale_buf_fini(&text);
    return SHALE_OK;
}

void work_first_file(struct work *work, struct shale_str path)
{
    struct shale_buf text;
    shale_buf_init(&text, &shale_mem_libc, 4096);
    if (shale_first_input_file(path, &text) != SHALE_OK)
        abort();
    work->first = work_keep(work, shale_buf_str(&text));
    shale_buf_fini(&text);
}

/* ---- Reading ----------------------------------------------------------------------------------
 */

enum shale_status work_read(struct work *work, struct shale_str path, struct shale_str *text,
                            struct shale_err *err)
{
    static const char rejects[] = "_shale/rejects/";
    bool is_rejects =
        path.n_bytes > sizeof rejects && memcmp(path.data, rejects, sizeof rejects - 1) == 0;
    struct shale_buf lines;
    enum shale_status status;
    shale_buf_init(&lines, &shale_mem_libc, (size_t)1 << 20);
    status = is_rejects ? rejects_read(work->actor->table, path, &lines, err)
                        : files_read(work->actor->table, path, &lines, err);
    if (status == SHALE_OK)
        *text = work_keep(work, shale_buf_str(&lines));
    shale_buf_fini(&lines);
    return status;
}

enum shale_status work_read_object(struct work *work, const struct shale_ledger_row *row,
                                   struct shale_str *text, bool *found, struct shale_err *err)
{
    struct shale_store_file *file = NULL;
    enum shale_status status = shale_store_open(work->actor->source, row->key.data, &file, err);
    *found = false;
    if (status != SHALE_OK)
        return status == SHALE_NOT_FOUND ? SHALE_OK : status;
    if (shale_str_is(row->tag, file->tag)) {
        char *bytes = shale_arena_zeroed(&work->arena, (size_t)file->random.n_bytes + 1, 1);
        if (bytes == NULL)
            abort();
        *text = (struct shale_str){bytes, (size_t)file->random.n_bytes};
        status = shale_random_read(&file->random, 0, bytes, text->n_bytes, err);
        *found = status == SHALE_OK;
    }
    shale_store_close(file);
    return status;
}

static void shred_bad(struct work *work, struct shale_str text, struct shale_ledger_row *row)
{
    row->state = SHALE_LEDGER_REJECTED;
    row->read = row->rejected = 1;
    work_append(&work->rejects, text);
}

static bool is_bad(struct shale_str text)
{
    return text.n_bytes > 3 && memcmp(text.data, "bad", 3) == 0;
}

static struct shale_str line_at(struct shale_str text, size_t at)
{
    const char *end = memchr(text.data + at, '\n', text.n_bytes - at);
    return (struct shale_str){text.data + at, (size_t)(end - (text.data + at)) + 1};
}

void work_shred(struct work *work, struct shale_str text, struct shale_ledger_row *row)
{
    if (is_bad(text)) {
        shred_bad(work, text, row);
        return;
    }
    for (size_t at = 0; at < text.n_bytes;) {
        struct shale_str line = line_at(text, at);
        bool passes = line.data[0] == 'e';
        row->read++;
        row->written += passes;
        row->rejected += line.data[0] == 'x';
        row->filtered += line.data[0] == 'f';
        if (passes)
            work_append(&work->data, (struct shale_str){line.data + 1, line.n_bytes - 1});
        else if (line.data[0] == 'x')
            work_append(&work->rejects, line);
        at += line.n_bytes;
    }
}

/* ---- By the corrected definition --------------------------------------------------------------
 */

/* What was taken out for good, against rows and against rejects. */
struct erased {
    struct shale_erasures *rows;
    struct shale_erasure_rejects *rejects;
    struct shale_log_state as_log; /* of a checkpoint file */
};

static enum shale_status erased_init(struct erased *erased, const struct work *work,
                                     struct shale_err *err)
{
    const struct shale_manifest *manifest = &work->base.manifest;
    const struct shale_stream *stream = work->actor->sim->stream;
    enum shale_status status;
    const struct shale_log_state *log = work->base.log;
    *erased = (struct erased){.rows = NULL};
    if (manifest->n_erasures == 0 || sim_bug(work->actor->sim, "erased-comes-back"))
        return SHALE_OK;
    if (log == NULL) {
        erased->as_log = shale_single_as_log(work->actor->single);
        log = &erased->as_log;
    }
    status = shale_erasures_of_stream(&shale_mem_libc, manifest->erasures, manifest->n_erasures,
                                      stream, &erased->rows, err);
    return status == SHALE_OK
               ? shale_erasure_rejects_new(&shale_mem_libc, manifest->erasures,
                                           manifest->n_erasures, log, stream, &erased->rejects, err)
               : status;
}

static void erased_fini(struct erased *erased)
{
    shale_erasure_rejects_free(erased->rejects);
    shale_erasures_free(erased->rows);
}

static enum shale_status erased_has_row(const struct erased *erased, int32_t event, bool *out)
{
    const int64_t events[1] = {event};
    const int32_t days[1] = {sim_day_of(event)};
    const struct shale_column all[2] = {{.n_rows = 1, .data = events}, {.n_rows = 1, .data = days}};
    struct shale_column columns[2] = {{0}};
    size_t n = 0;
    bool keep = true;
    enum shale_status status = SHALE_OK;
    const size_t *numbers = erased->rows != NULL ? shale_erasures_columns(erased->rows, &n) : NULL;
    for (size_t i = 0; i < n; i++)
        columns[i] = all[numbers[i]];
    if (erased->rows != NULL)
        status = shale_erasures_rows(erased->rows, NULL, columns, NULL, 1, &keep);
    *out = !keep;
    return status;
}

static enum shale_status erased_has_reject(const struct erased *erased, int32_t event, bool *out)
{
    struct shale_rejects_row row = {.object = SHALE_STR("object"), .record = 1, .byte = -1};
    char json[64];
    bool keep = true;
    enum shale_status status = SHALE_OK;
    rejects_json(event, json);
    row.raw = shale_str_of(json);
    row.raw_bytes = (int64_t)row.raw.n_bytes;
    if (erased->rejects != NULL)
        status = shale_erasure_rejects_filter(erased->rejects, &row, &keep, NULL);
    *out = !keep;
    return status;
}

static enum shale_status shred_line(struct work *work, const struct erased *erased,
                                    struct shale_str line, struct shale_ledger_row *row)
{
    int32_t event = rejects_event(line);
    bool is_event = strchr("exf", line.data[0]) != NULL;
    bool passes = line.data[0] == 'e' || (is_event && sim_is_fixable(event));
    bool gone = line.data[0] == 'f' && !passes;
    enum shale_status status = SHALE_OK;
    if (is_event && !gone)
        status =
            passes ? erased_has_row(erased, event, &gone) : erased_has_reject(erased, event, &gone);
    row->read++;
    row->filtered += gone;
    row->written += passes && !gone;
    row->rejected += !passes && !gone;
    if (!gone && passes)
        work_append(&work->data, (struct shale_str){line.data + 1, line.n_bytes - 1});
    else if (!gone)
        work_append(&work->rejects, line);
    return status;
}

enum shale_status work_shred_again(struct work *work, struct shale_str text, bool is_segment,
                                   struct shale_ledger_row *row, struct shale_err *err)
{
    struct erased erased;
    enum shale_status status;
    if (!is_segment && is_bad(text)) {
        shred_bad(work, text, row);
        return SHALE_OK;
    }
    status = erased_init(&erased, work, err);
    for (size_t at = 0; at < text.n_bytes && status == SHALE_OK;) {
        struct shale_str line = line_at(text, at);
        status = shred_line(work, &erased, line, row);
        at += line.n_bytes;
    }
    erased_fini(&erased);
    return status;
}

/* ---- Taking out -------------------------------------------------------------------------------
 */

static enum shale_status drop_reach(void *ctx, const struct shale_log_add *add,
                                    enum shale_erasure_reach *out)
{
    (void)ctx;
    *out = shale_add_is_ours(add) ? SHALE_ERASURE_SOME : SHALE_ERASURE_NONE;
    return SHALE_OK;
}

static bool drops(const struct work *work, int64_t event)
{
    return event >= 0 && event < SIM_EVENT_IDS && work->drop[event];
}

static enum shale_status drop_rows(void *ctx, const struct shale_rewrite_rows *rows, bool *keep,
                                   struct shale_err *err)
{
    const int64_t *events = rows->columns[0].data;
    (void)err;
    for (int64_t i = 0; i < rows->n_rows; i++)
        keep[i] = keep[i] && !drops(ctx, events[i]);
    return SHALE_OK;
}

static enum shale_status drop_reject(void *ctx, const struct shale_rejects_row *row, bool *keep,
                                     struct shale_err *err)
{
    (void)err;
    *keep = *keep && !drops(ctx, rejects_event(row->message));
    return SHALE_OK;
}

enum shale_status work_drop(struct work *work, struct shale_err *err)
{
    static const struct shale_str names[] = {{"event", 5}};
    const struct shale_take_out options = {.rewrite = {.filter = drop_rows,
                                                       .filter_ctx = work,
                                                       .filter_columns = names,
                                                       .n_filter_columns = 1},
                                           .reach = drop_reach,
                                           .reach_ctx = work,
                                           .rejects = drop_reject,
                                           .rejects_ctx = work};
    return shale_take_out(work->actor->table, &work->base, &options, &work->arena, &work->taken,
                          err);
}

/* ---- Writing ----------------------------------------------------------------------------------
 */

enum shale_status sim_write_file(struct shale_store *store, const char *path, struct shale_str text,
                                 struct shale_err *err)
{
    struct shale_store_put *put = NULL;
    enum shale_status status = shale_store_create(store, path, &put, err);
    if (status != SHALE_OK)
        return status;
    status = shale_sink_write(&put->sink, text.data, text.n_bytes, err);
    if (status == SHALE_OK)
        return put->finish(put, err);
    put->abandon(put);
    return status;
}

enum shale_status work_write_data(struct work *work, struct shale_err *err)
{
    struct shale_str lines = shale_buf_str(&work->data);
    if (lines.n_bytes == 0)
        return SHALE_OK;
    if (work->actor->sim->is_file) {
        file_write_rows(work);
        return SHALE_OK;
    }
    struct shale_log_add *add = &work->adds[work->n_adds++];
    *add = (struct shale_log_add){.path = work_name(work, "part-", ".parquet"),
                                  .modified_ms = work->actor->sim->now_us / 1000,
                                  .data_change = !work->no_change,
                                  .n_rows = files_n_lines(lines)};
    files_tag(add);
    return files_write(work->actor->table, add->path.data, work->first, lines, &add->n_bytes, err);
}

enum shale_status work_write_ledger(struct work *work, const struct shale_ledger_row *rows,
                                    size_t n_rows, struct shale_segment *out, struct shale_err *err)
{
    struct shale_str path = work_name(work, "_shale/ledger/", ".parquet");
    struct shale_ledger_writer *writer = NULL;
    enum shale_status status = shale_ledger_writer_new(work->actor->table, path.data, &writer, err);
    if (status == SHALE_OK)
        shale_ledger_writer_set_input(writer, work->first);
    for (size_t i = 0; status == SHALE_OK && i < n_rows; i++)
        status = shale_ledger_writer_add(writer, &rows[i], err);
    if (status == SHALE_OK)
        status = shale_ledger_writer_finish(writer, &work->arena, out, err);
    shale_ledger_writer_free(writer);
    return status;
}

enum shale_status work_write_rejects(struct work *work, struct shale_err *err)
{
    struct shale_str lines = shale_buf_str(&work->rejects);
    work->has_rejects = lines.n_bytes > 0;
    if (!work->has_rejects)
        return SHALE_OK;
    work->reject_segment =
        (struct shale_segment){.path = work_name(work, "_shale/rejects/", ".parquet"),
                               .n_rows = files_n_lines(lines),
                               .n_bytes = (int64_t)lines.n_bytes};
    return rejects_write(work->actor->table, work->reject_segment.path.data, lines, work->first,
                         err);
}

enum shale_status work_write(struct work *work, struct shale_err *err)
{
    enum shale_status status = work_write_data(work, err);
    if (status == SHALE_OK && work->n_rows > 0)
        status = work_write_ledger(work, work->rows, work->n_rows, &work->ledger, err);
    if (status == SHALE_OK)
        status = work_write_rejects(work, err);
    if (status == SHALE_OK)
        status = keys_write(work, err);
    return status == SHALE_OK ? shale_store_settle(work->actor->table, err) : status;
}

/* ---- Commit -----------------------------------------------------------------------------------
 */

static void claim(const struct work *work, const struct shale_committed *committed, bool data,
                  enum shale_status status)
{
    struct sim *sim = work->actor->sim;
    if (sim->n_claims == SIM_CLAIMS)
        return;
    struct sim_claim *out = &sim->claims[sim->n_claims++];
    *out = (struct sim_claim){
        .version = committed->version, .manifest_id = committed->manifest_id, .status = status};
    memcpy(out->by, work->actor->name, sizeof out->by);
    if (data && work->n_adds > 0)
        (void)snprintf(out->path, sizeof out->path, "%s", work->adds[0].path.data);
    if (sim->is_file && work->n_rows > 0)
        (void)snprintf(out->path, sizeof out->path, "%s", work->ledger.path.data);
    if (sim->is_file)
        sim_file_claim(sim, out);
}

static bool is_blind(const struct work *work)
{
    return work->n_removes + work->taken.n_removes + work->n_ledger_out + work->n_rejects_out +
               work->taken.n_rejects_out ==
           0;
}

enum shale_status work_publish(struct work *work, bool data, bool ledger, struct shale_err *err)
{
    struct shale_committed committed = {0};
    struct shale_commit commit = {
        .stream = SHALE_STR("events"),
        .schema = work->actor->is_wide ? &sim_wide_schema : &sim_schema,
        .adds = work->adds,
        .n_adds = data ? work->n_adds : 0,
        .ledger = ledger && work->n_rows > 0 ? &work->ledger : NULL,
        .rejects = ledger && work->has_rejects ? &work->reject_segment : NULL,
        .removes = work->removes,
        .n_removes = work->n_removes,
        .ledger_change = {work->ledger_out, work->n_ledger_out, work->ledger_in, work->n_ledger_in},
        .rejects_change = {.out = work->rejects_out, .n_out = work->n_rejects_out},
        .keys_change = {.in = &work->key_segment, .n_in = work->has_keys},
        .rows_gone = work->rows_gone,
        .rejects_gone = work->rejects_gone,
        .seal = work->has_seal ? &work->seal : NULL,
        .keeps_schema = work->no_change,
        .check = work->has_keys ? keys_check : NULL,
        .check_ctx = work,
        .info = {.operation = work->no_change ? SHALE_STR("OPTIMIZE") : SHALE_STR("WRITE"),
                 .is_blind_append = is_blind(work),
                 .timestamp_ms = work->actor->sim->now_us / 1000}};
    enum shale_status status = SHALE_OK;
    /* A compaction and a replay say themselves what they take out. */
    if (work->taken.removes != NULL)
        status = shale_taken_out_commit(&work->taken, &work->arena, &commit);
    if (status != SHALE_OK)
        abort();
    status = work->actor->sim->is_file
                 ? file_commit(work, &commit, data, &committed, err)
                 : shale_commit(work->actor->table, &work->base, &commit, &committed, err);
    claim(work, &committed, data, status);
    sim_say(work->actor->sim, work->actor->name, "= commit: %s, entry %lld",
            shale_status_name(status), (long long)(status == SHALE_OK ? committed.version : -1));
    return status;
}
