/* SPDX-License-Identifier: MIT */
/* What one commit of an actor is made of.  A file of data, rejects or keys is a line that says its
 * first input, '#' before it, and then a line each. */
#include "work.h"

#include <stdlib.h>
#include <string.h>

void work_init(struct work *work, struct sim_actor *actor)
{
    memset(work, 0, sizeof *work);
    work->actor = actor;
    shale_arena_init(&work->arena, &shale_mem_libc, (size_t)1 << 24);
    shale_buf_init(&work->data, &shale_mem_libc, (size_t)1 << 20);
    shale_buf_init(&work->rejects, &shale_mem_libc, (size_t)1 << 20);
    shale_buf_init(&work->keys, &shale_mem_libc, (size_t)1 << 20);
}

void work_fini(struct work *work)
{
    if (work->has_base)
        shale_base_fini(&work->base, &shale_mem_libc);
    shale_buf_fini(&work->keys);
    shale_buf_fini(&work->rejects);
    shale_buf_fini(&work->data);
    shale_arena_fini(&work->arena);
}

enum shale_status work_begin(struct work *work, struct shale_err *err)
{
    enum shale_status status =
        shale_base_read(work->actor->table, SHALE_STR("events"), &work->base, err);
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

static int64_t n_lines(struct shale_str text)
{
    int64_t n = 0;
    for (size_t i = 0; i < text.n_bytes; i++)
        n += text.data[i] == '\n';
    return n;
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
    struct shale_buf bytes;
    enum shale_status status;
    shale_buf_init(&bytes, &shale_mem_libc, (size_t)1 << 20);
    status = shale_store_read(work->actor->table, work_keep(work, path).data, &bytes, err);
    if (status == SHALE_OK) {
        *text = work_keep(work, shale_buf_str(&bytes));
        if (text->n_bytes > 0 && text->data[0] == '#') {
            const char *end = memchr(text->data, '\n', text->n_bytes);
            size_t n = (size_t)(end - text->data) + 1;
            *text = (struct shale_str){text->data + n, text->n_bytes - n};
        }
    }
    shale_buf_fini(&bytes);
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

void work_shred(struct work *work, struct shale_str text, struct shale_ledger_row *row,
                bool is_fixed)
{
    if (text.n_bytes > 3 && memcmp(text.data, "bad", 3) == 0) {
        row->state = SHALE_LEDGER_REJECTED;
        row->read = row->rejected = 1;
        work_append(&work->rejects, text);
        return;
    }
    for (size_t at = 0; at < text.n_bytes;) {
        const char *end = memchr(text.data + at, '\n', text.n_bytes - at);
        size_t n = (size_t)(end - (text.data + at)) + 1;
        int32_t event = (int32_t)strtol(text.data + at + 1, NULL, 10);
        row->read++;
        if (text.data[at] == 'e' || (is_fixed && sim_is_fixable(event))) {
            row->written++;
            work_append(&work->data, (struct shale_str){text.data + at + 1, n - 1});
        } else {
            row->rejected++;
            work_append(&work->rejects, (struct shale_str){text.data + at, n});
        }
        at += n;
    }
}

/* ---- Taking out -------------------------------------------------------------------------------
 */

/* The event of a line: "12", "x12", "bad 12"; -1: of none. */
static int32_t event_of(struct shale_str line)
{
    for (size_t i = 0; i < line.n_bytes; i++)
        if (line.data[i] >= '0' && line.data[i] <= '9')
            return (int32_t)strtol(line.data + i, NULL, 10);
    return -1;
}

/* Lines that stay go to 'out'; returns how many do not. */
static int64_t split(const struct work *work, struct shale_str text, struct shale_buf *out)
{
    int64_t n_dropped = 0;
    for (size_t at = 0; at < text.n_bytes;) {
        const char *end = memchr(text.data + at, '\n', text.n_bytes - at);
        struct shale_str line = {text.data + at, (size_t)(end - (text.data + at)) + 1};
        int32_t event = event_of(line);
        if (event >= 0 && event < SIM_EVENT_IDS && work->drop[event])
            n_dropped++;
        else if (out != NULL)
            work_append(out, line);
        at += line.n_bytes;
    }
    return n_dropped;
}

static enum shale_status drop_data(struct work *work, struct shale_err *err)
{
    struct shale_log_files *files = NULL;
    const struct shale_log_add *add = NULL;
    enum shale_status status = shale_log_files_new(work->actor->table, work->base.log, &files, err);
    while (status == SHALE_OK && work->n_removes < WORK_FILES) {
        struct shale_str text = {NULL, 0};
        status = shale_log_files_next(files, &add, err);
        if (status != SHALE_OK || add == NULL)
            break;
        if (memcmp(add->path.data, "part-", 5) != 0)
            continue;
        status = work_read(work, add->path, &text, err);
        if (status != SHALE_OK || split(work, text, NULL) == 0)
            continue;
        work->removes[work->n_removes++] = (struct shale_log_remove){
            .path = work_keep(work, add->path), .deleted_ms = -1, .data_change = true};
        work->rows_gone += split(work, text, &work->data);
    }
    shale_log_files_free(files);
    return status;
}

static enum shale_status drop_rejects(struct work *work, struct shale_err *err)
{
    const struct shale_manifest *manifest = &work->base.manifest;
    enum shale_status status = SHALE_OK;
    for (size_t i = 0; i < manifest->n_rejects && status == SHALE_OK; i++) {
        struct shale_str text = {NULL, 0};
        status = work_read(work, manifest->rejects[i].path, &text, err);
        if (status != SHALE_OK || split(work, text, NULL) == 0)
            continue;
        work->rejects_out[work->n_rejects_out++] = manifest->rejects[i].path;
        work->rejects_gone += split(work, text, &work->rejects);
    }
    return status;
}

enum shale_status work_drop(struct work *work, struct shale_err *err)
{
    enum shale_status status = drop_data(work, err);
    return status == SHALE_OK ? drop_rejects(work, err) : status;
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

static enum shale_status write_lines(struct work *work, struct shale_str path,
                                     struct shale_str lines, int64_t *n_bytes,
                                     struct shale_err *err)
{
    struct shale_buf text;
    enum shale_status status;
    shale_buf_init(&text, &shale_mem_libc, (size_t)1 << 20);
    work_append(&text, SHALE_STR("#"));
    work_append(&text, work->first);
    work_append(&text, SHALE_STR("\n"));
    work_append(&text, lines);
    *n_bytes = (int64_t)text.n_bytes;
    status = sim_write_file(work->actor->table, path.data, shale_buf_str(&text), err);
    shale_buf_fini(&text);
    return status;
}

enum shale_status work_write_data(struct work *work, struct shale_err *err)
{
    struct shale_str lines = shale_buf_str(&work->data);
    if (lines.n_bytes == 0)
        return SHALE_OK;
    struct shale_log_add *add = &work->adds[work->n_adds++];
    *add = (struct shale_log_add){.path = work_name(work, "part-", ".parquet"),
                                  .modified_ms = work->actor->sim->now_us / 1000,
                                  .data_change = !work->no_change,
                                  .n_rows = n_lines(lines)};
    return write_lines(work, add->path, lines, &add->n_bytes, err);
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

static enum shale_status write_segment(struct work *work, const char *folder,
                                       const struct shale_buf *lines, struct shale_segment *out,
                                       bool *has, struct shale_err *err)
{
    struct shale_str text = shale_buf_str(lines);
    *has = text.n_bytes > 0;
    if (!*has)
        return SHALE_OK;
    *out = (struct shale_segment){.path = work_name(work, folder, ".parquet"),
                                  .n_rows = n_lines(text)};
    return write_lines(work, out->path, text, &out->n_bytes, err);
}

enum shale_status work_write_rejects(struct work *work, struct shale_err *err)
{
    return write_segment(work, "_shale/rejects/", &work->rejects, &work->reject_segment,
                         &work->has_rejects, err);
}

enum shale_status work_write(struct work *work, struct shale_err *err)
{
    enum shale_status status = work_write_data(work, err);
    if (status == SHALE_OK && work->n_rows > 0)
        status = work_write_ledger(work, work->rows, work->n_rows, &work->ledger, err);
    if (status == SHALE_OK)
        status = work_write_rejects(work, err);
    if (status == SHALE_OK)
        status = write_segment(work, "_shale/keys/", &work->keys, &work->key_segment,
                               &work->has_keys, err);
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
}

enum shale_status work_publish(struct work *work, bool data, bool ledger, struct shale_err *err)
{
    struct shale_committed committed = {0};
    const struct shale_commit commit = {
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
        .keeps_schema = work->no_change,
        .check = work->actor->sim->dedupes ? keys_check : NULL,
        .check_ctx = work,
        .info = {.operation = SHALE_STR("WRITE"),
                 .is_blind_append = work->n_removes == 0,
                 .timestamp_ms = work->actor->sim->now_us / 1000}};
    enum shale_status status =
        shale_commit(work->actor->table, &work->base, &commit, &committed, err);
    claim(work, &committed, data, status);
    sim_say(work->actor->sim, work->actor->name, "= commit: %s, entry %lld",
            shale_status_name(status), (long long)(status == SHALE_OK ? committed.version : -1));
    return status;
}
