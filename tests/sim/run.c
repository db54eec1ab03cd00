/* SPDX-License-Identifier: MIT */
/* A run, in the order of writes of the real one: base, plan, data, ledger, rejects, commit. */
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "sim.h"

/* What one commit is made of. */
struct work {
    struct sim_actor *actor;
    struct shale_arena arena;
    struct shale_base base;
    bool has_base;
    struct shale_ledger_row rows[SIM_OBJECTS];
    size_t n_rows;
    struct shale_buf data, rejects; /* a line an event */
    struct shale_log_add adds[1];
    size_t n_adds;
    struct shale_segment ledger, reject_segment;
    bool has_rejects;
};

static const struct shale_column_def columns[] = {
    {.name = {"event", 5}, .type = {.kind = SHALE_INT64}},
    {.name = {"note", 4}, .type = {.kind = SHALE_STRING}}};
const struct shale_schema sim_schema = {columns, 1}, sim_wide_schema = {columns, 2};

static struct shale_str kept(struct work *work, struct shale_str text)
{
    char *copy = shale_arena_copy(&work->arena, text);
    if (copy == NULL)
        abort();
    return (struct shale_str){copy, text.n_bytes};
}

/* A name that is used once. */
static struct shale_str new_name(struct work *work, const char *folder, const char *ending)
{
    char name[80];
    (void)snprintf(name, sizeof name, "%s%016llx%s", folder,
                   (unsigned long long)chance_u64(&work->actor->chance), ending);
    return kept(work, shale_str_of(name));
}

/* ---- Objects ----------------------------------------------------------------------------------
 */

/* Read an object under the tag that was listed; '*found' is not set when it is not that any more.
 */
static enum shale_status read_object(struct work *work, const struct shale_ledger_row *row,
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

static void append(struct shale_buf *buf, struct shale_str text)
{
    if (shale_buf_append_str(buf, text) != SHALE_OK)
        abort();
}

/* The events of an object: each goes to the data or to the rejects. */
static void shred(struct work *work, struct shale_str text, struct shale_ledger_row *row)
{
    if (text.n_bytes > 3 && memcmp(text.data, "bad", 3) == 0) {
        row->state = SHALE_LEDGER_REJECTED;
        row->read = row->rejected = 1;
        append(&work->rejects, text);
        return;
    }
    for (size_t at = 0; at < text.n_bytes;) {
        const char *end = memchr(text.data + at, '\n', text.n_bytes - at);
        size_t n = (size_t)(end - (text.data + at)) + 1;
        row->read++;
        if (text.data[at] == 'e') {
            row->written++;
            append(&work->data, (struct shale_str){text.data + at + 1, n - 1});
        } else {
            row->rejected++;
            append(&work->rejects, (struct shale_str){text.data + at, n});
        }
        at += n;
    }
}

static bool is_done(const struct shale_decision *decision, struct shale_str hash)
{
    for (size_t i = 0; i < decision->n_done_hashes; i++) {
        if (shale_str_equal(decision->done_hashes[i], hash))
            return true;
    }
    return false;
}

/* One listed object that is not known: read it, and say in 'row' what became of it. */
static enum shale_status take(struct work *work, const struct shale_decision *decision,
                              struct shale_ledger_row *row, bool *taken, struct shale_err *err)
{
    char hash[SHALE_CONTENT_HASH_CHARS + 1];
    struct shale_str text = {NULL, 0};
    bool touched = false;
    enum shale_status status = read_object(work, row, &text, taken, err);
    if (status != SHALE_OK || !*taken)
        return status;
    shale_content_hash(text, hash);
    row->hash = kept(work, shale_str_of(hash));
    row->n_bytes = (int64_t)text.n_bytes;
    if (decision->verdict == SHALE_VERDICT_CHANGED)
        touched = is_done(decision, row->hash);
    if (touched)
        return SHALE_OK; /* done, of no events: never to be decided again */
    if (decision->verdict == SHALE_VERDICT_CHANGED && !work->actor->sim->appends_changed) {
        row->state = SHALE_LEDGER_REJECTED;
        row->read = row->rejected = 1;
        append(&work->rejects, SHALE_STR("changed\n"));
    } else {
        shred(work, text, row);
    }
    return SHALE_OK;
}

/* ---- Plan -------------------------------------------------------------------------------------
 */

static bool is_mine(const struct sim_actor *actor, struct shale_str key)
{
    return actor->n_shards == 1 ||
           shale_hash(key.data, key.n_bytes, 0) % actor->n_shards == actor->shard;
}

/* What is listed and not in the ledger, read at once; as much as one commit takes. */
static enum shale_status list_and_read(struct work *work, struct shale_decider *decider,
                                       struct shale_store_list *list, struct shale_err *err)
{
    struct sim_actor *actor = work->actor;
    while (work->n_rows < actor->most_objects) {
        struct shale_store_entry entry;
        struct shale_decision decision;
        bool end = false, taken = false;
        enum shale_status status = shale_store_list_next(actor->source, list, &entry, &end, err);
        if (status != SHALE_OK || end)
            return status;
        if (actor->goes_on)
            (void)snprintf(actor->after, sizeof actor->after, "%s", entry.key.data);
        if (!is_mine(actor, entry.key))
            continue;
        struct shale_ledger_row *row = &work->rows[work->n_rows];
        *row = (struct shale_ledger_row){.source = SHALE_STR("source"),
                                         .key = kept(work, entry.key),
                                         .tag = kept(work, entry.tag),
                                         .state = SHALE_LEDGER_DONE,
                                         .definition = SHALE_STR("definition")};
        status = shale_decider_ask(decider, row->key, row->tag, &decision, err);
        if (status == SHALE_OK && decision.verdict != SHALE_VERDICT_KNOWN)
            status = take(work, &decision, row, &taken, err);
        if (status != SHALE_OK)
            return status;
        work->n_rows += taken;
    }
    return SHALE_OK;
}

static enum shale_status plan(struct work *work, struct shale_err *err)
{
    struct sim_actor *actor = work->actor;
    char after[sizeof actor->after];
    memcpy(after, actor->after, sizeof after);
    struct shale_decider *decider = NULL;
    struct shale_store_list *list = NULL;
    enum shale_status status = shale_decider_new(actor->table, &work->base.manifest,
                                                 SHALE_STR("source"), SHALE_STR(""), &decider, err);
    if (status == SHALE_OK)
        status = shale_store_list(actor->source, "", after, &list, err);
    if (status == SHALE_OK)
        status = list_and_read(work, decider, list, err);
    shale_store_list_free(actor->source, list);
    shale_decider_free(decider);
    return status;
}

/* ---- Files ------------------------------------------------------------------------------------
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

static int64_t n_lines(struct shale_str text)
{
    int64_t n = 0;
    for (size_t i = 0; i < text.n_bytes; i++)
        n += text.data[i] == '\n';
    return n;
}

static enum shale_status write_data(struct work *work, struct shale_err *err)
{
    struct shale_str text = shale_buf_str(&work->data);
    if (text.n_bytes == 0)
        return SHALE_OK;
    struct shale_log_add *add = &work->adds[work->n_adds++];
    *add = (struct shale_log_add){.path = new_name(work, "part-", ".data"),
                                  .n_bytes = (int64_t)text.n_bytes,
                                  .modified_ms = work->actor->sim->now_us / 1000,
                                  .data_change = true,
                                  .n_rows = n_lines(text)};
    return sim_write_file(work->actor->table, add->path.data, text, err);
}

static enum shale_status write_ledger(struct work *work, struct shale_err *err)
{
    struct shale_str path = new_name(work, "_shale/ledger/", ".parquet");
    struct shale_ledger_writer *writer = NULL;
    enum shale_status status = shale_ledger_writer_new(work->actor->table, path.data, &writer, err);
    for (size_t i = 0; status == SHALE_OK && i < work->n_rows; i++)
        status = shale_ledger_writer_add(writer, &work->rows[i], err);
    if (status == SHALE_OK)
        status = shale_ledger_writer_finish(writer, &work->arena, &work->ledger, err);
    shale_ledger_writer_free(writer);
    return status;
}

static enum shale_status write_rejects(struct work *work, struct shale_err *err)
{
    struct shale_str text = shale_buf_str(&work->rejects);
    work->has_rejects = text.n_bytes > 0;
    if (!work->has_rejects)
        return SHALE_OK;
    work->reject_segment =
        (struct shale_segment){.path = new_name(work, "_shale/rejects/", ".data"),
                               .n_rows = n_lines(text),
                               .n_bytes = (int64_t)text.n_bytes};
    return sim_write_file(work->actor->table, work->reject_segment.path.data, text, err);
}

/* ---- Commit -----------------------------------------------------------------------------------
 */

static void claim(struct work *work, const struct shale_committed *committed, bool data,
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

static enum shale_status publish(struct work *work, bool data, bool ledger, struct shale_err *err)
{
    struct shale_committed committed = {0};
    const struct shale_commit commit = {
        .stream = SHALE_STR("events"),
        .schema = work->actor->is_wide ? &sim_wide_schema : &sim_schema,
        .adds = work->adds,
        .n_adds = data ? work->n_adds : 0,
        .ledger = ledger ? &work->ledger : NULL,
        .rejects = ledger && work->has_rejects ? &work->reject_segment : NULL,
        .info = {.operation = SHALE_STR("WRITE"),
                 .is_blind_append = true,
                 .timestamp_ms = work->actor->sim->now_us / 1000}};
    enum shale_status status =
        shale_commit(work->actor->table, &work->base, &commit, &committed, err);
    claim(work, &committed, data, status);
    sim_say(work->actor->sim, work->actor->name, "= commit: %s, entry %lld",
            shale_status_name(status), (long long)(status == SHALE_OK ? committed.version : -1));
    return status;
}

static enum shale_status build_and_publish(struct work *work, struct shale_err *err)
{
    bool ledger_first = sim_bug(work->actor->sim, "ledger-before-data");
    enum shale_status status = ledger_first ? SHALE_OK : write_data(work, err);
    if (status == SHALE_OK)
        status = write_ledger(work, err);
    if (status == SHALE_OK)
        status = write_rejects(work, err);
    if (status == SHALE_OK)
        status = shale_store_settle(work->actor->table, err);
    if (status == SHALE_OK)
        status = publish(work, !ledger_first, true, err);
    if (status == SHALE_OK && ledger_first) { /* what Shale must never do */
        status = write_data(work, err);
        shale_base_fini(&work->base, &shale_mem_libc);
        work->has_base = false;
        if (status == SHALE_OK)
            status = shale_base_read(work->actor->table, SHALE_STR("events"), &work->base, err);
        work->has_base = status == SHALE_OK;
        if (status == SHALE_OK && work->n_adds > 0)
            status = publish(work, true, false, err);
    }
    return status;
}

/* After a commit, on the base that the next one is made on: reading it looks at the chain, so that
 * no checkpoint hides a break in it. */
static void maybe_checkpoint(struct sim_actor *actor)
{
    struct shale_base base;
    enum shale_status status = shale_base_read(actor->table, SHALE_STR("events"), &base, NULL);
    if (status != SHALE_OK)
        return;
    const struct shale_log_state *log = base.log;
    if (log->version >= 0 &&
        (shale_log_checkpoint_due(log) ||
         (actor->checkpoint_every > 0 && log->version % actor->checkpoint_every == 0))) {
        status = shale_log_checkpoint(actor->table, log, NULL);
        sim_say(actor->sim, actor->name, "= checkpoint %lld: %s", (long long)log->version,
                shale_status_name(status));
    }
    shale_base_fini(&base, &shale_mem_libc);
}

/* One commit, or none when there is nothing new ('*idle'). */
static enum shale_status once(struct sim_actor *actor, bool *idle, struct shale_err *err)
{
    struct work work = {.actor = actor};
    shale_arena_init(&work.arena, &shale_mem_libc, (size_t)1 << 24);
    shale_buf_init(&work.data, &shale_mem_libc, (size_t)1 << 20);
    shale_buf_init(&work.rejects, &shale_mem_libc, (size_t)1 << 20);
    enum shale_status status = shale_base_read(actor->table, SHALE_STR("events"), &work.base, err);
    work.has_base = status == SHALE_OK;
    if (status == SHALE_OK)
        status = plan(&work, err);
    *idle = status == SHALE_OK && work.n_rows == 0;
    if (status == SHALE_OK && work.n_rows > 0)
        status = build_and_publish(&work, err);
    if (work.has_base)
        shale_base_fini(&work.base, &shale_mem_libc);
    shale_buf_fini(&work.rejects);
    shale_buf_fini(&work.data);
    shale_arena_fini(&work.arena);
    return status;
}

void sim_run_body(struct sim_actor *actor)
{
    struct sim *sim = actor->sim;
    for (uint32_t round = 0; round < actor->n_rounds && !actor->dead; round++) {
        struct shale_err err;
        enum shale_status status = SHALE_OK;
        bool idle = false;
        actor->after[0] = '\0';
        for (int n = 0; !idle && n < 40; n++) {
            char after[sizeof actor->after];
            memcpy(after, actor->after, sizeof after);
            shale_err_clear(&err);
            status = once(actor, &idle, &err);
            if (status == SHALE_CONFLICT) /* the same part of the listing again */
                memcpy(actor->after, after, sizeof after);
            if (status == SHALE_OK && !idle) {
                sim->n_commits++;
                maybe_checkpoint(actor);
            }
            sim->n_conflicts += status == SHALE_CONFLICT;
            if (status != SHALE_OK && status != SHALE_CONFLICT)
                break;
        }
        actor->status = status;
        if (status != SHALE_OK) {
            (void)shale_err_text(&err, actor->message, sizeof actor->message);
            sim_say(sim, actor->name, "= run: %s: %s", shale_status_name(status), actor->message);
        }
    }
}
