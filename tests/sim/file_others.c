/* SPDX-License-Identifier: MIT */
/* Who comes to a checkpoint file besides runs: readers, sweeps, compactions, erasures, the tool
 * that wrote it before, and a vandal. */
#include <string.h>

#include "dataset/compact.h"
#include "dataset/erase.h"
#include "dataset/sweep.h"
#include "sim.h"

static void wait_steps(struct sim_actor *actor, uint32_t most)
{
    for (uint32_t wait = chance_below(&actor->chance, most); wait > 0; wait--)
        sim_step(actor);
}

/* ---- Readers ----------------------------------------------------------------------------------
 */

/* What was read is what stood there at some moment between then, when 'n_before' states had been,
 * and now. */
static void check_read(struct sim_actor *actor, size_t n_before, const struct shale_single *single,
                       const struct shale_base *base)
{
    const struct sim_file *file = &actor->sim->file;
    if (file->is_damaged)
        return;
    if (!shale_single_exists(single)) {
        if (n_before > 0 && !file->was_away)
            sim_violation(actor->sim, "%s finds no file", actor->name);
        return;
    }
    for (size_t i = n_before > 0 ? n_before - 1 : 0; i < file->n_states; i++) {
        const struct sim_state *state = &file->states[i];
        if (state->manifest_id == base->manifest.id && state->version == base->manifest.version &&
            state->n_rows == shale_single_n_rows(single))
            return;
    }
    sim_violation(actor->sim, "%s reads version %lld of %lld rows, which was not there",
                  actor->name, (long long)base->manifest.version,
                  (long long)shale_single_n_rows(single));
}

static void poll(struct sim_actor *actor, struct shale_single *single)
{
    struct sim *sim = actor->sim;
    struct shale_base base;
    struct shale_err err;
    size_t n_before = sim->file.n_states;
    shale_err_clear(&err);
    enum shale_status status = shale_single_read(single, &base, &err);
    sim_say(sim, actor->name, "= poll: %s: %s", shale_status_name(status), err.message);
    sim_watch(sim);
    if (status == SHALE_OK) {
        sim->n_polls++;
        check_read(actor, n_before, single, &base);
        shale_base_fini(&base, &shale_mem_libc);
    } else if ((status == SHALE_CORRUPT || status == SHALE_SCHEMA) && !sim->has_vandal) {
        sim_violation(sim, "%s: %s", actor->name, err.message);
    }
}

void sim_file_reader_body(struct sim_actor *actor)
{
    const struct shale_single_options any = {.adopts = true};
    struct shale_single *single = NULL;
    if (shale_single_new(actor->bucket, SIM_FILE, &any, &single, NULL) != SHALE_OK)
        return;
    for (uint32_t i = 0; i < actor->n_rounds && !actor->dead; i++) {
        wait_steps(actor, 24);
        poll(actor, single);
    }
    shale_single_free(single);
}

/* ---- Sweep ------------------------------------------------------------------------------------
 */

static void say_removed(void *ctx, struct shale_str path, int64_t n_bytes)
{
    struct sim_actor *actor = ctx;
    (void)n_bytes;
    actor->sim->n_swept++;
    sim_say(actor->sim, actor->name, "sweeps %.*s", SHALE_STR_ARG(path));
}

void sim_file_sweep_body(struct sim_actor *actor)
{
    struct sim *sim = actor->sim;
    const struct shale_sweep_options options = {
        .retention_us = sim->retention_us, .removed = say_removed, .ctx = actor};
    for (uint32_t i = 0; i < actor->n_rounds && !actor->dead; i++) {
        struct shale_swept swept;
        struct shale_err err;
        wait_steps(actor, 48);
        shale_err_clear(&err);
        enum shale_status status =
            shale_sweep_single(actor->bucket, SIM_FILE, &options, &swept, &err);
        sim_say(sim, actor->name, "= sweep: %s, %lld files: %s", shale_status_name(status),
                (long long)swept.n_files, err.message);
        if (status == SHALE_CORRUPT && !sim->has_vandal)
            sim_violation(sim, "%s: the sweep: %s", actor->name, err.message);
    }
}

/* ---- Rows written anew -------------------------------------------------------------------------
 */

/* What cannot be of a file that only we write; a file that is not there yet, or another tool's, is
 * refused. */
static void check_answer(struct sim_actor *actor, enum shale_status status,
                         const struct shale_err *err)
{
    struct sim *sim = actor->sim;
    bool is_wrong = status == SHALE_CORRUPT || status == SHALE_SCHEMA || status == SHALE_LIMIT ||
                    (status == SHALE_USAGE && sim->file.n_tool_events == 0);
    sim->n_changes += status == SHALE_OK;
    sim->n_conflicts += status == SHALE_CONFLICT;
    if (is_wrong && !sim->has_vandal)
        sim_violation(sim, "%s: %s", actor->name, err->message);
}

void sim_file_compact_body(struct sim_actor *actor)
{
    const struct shale_compact_options options = {.temporary = "/nonexistent",
                                                  .created_by = SIM_CREATED_BY};
    for (uint32_t i = 0; i < actor->n_rounds && !actor->dead; i++) {
        struct shale_compacted compacted;
        struct shale_err err;
        wait_steps(actor, 64);
        shale_err_clear(&err);
        enum shale_status status =
            shale_compact_single(actor->bucket, SIM_FILE, &options, &compacted, &err);
        sim_say(actor->sim, actor->name, "= compact: %s, entry %lld: %s", shale_status_name(status),
                (long long)compacted.version, err.message);
        check_answer(actor, status, &err);
    }
}

static void erase_once(struct sim_actor *actor)
{
    struct sim *sim = actor->sim;
    char value[16];
    int32_t event = (int32_t)chance_below(&actor->chance, (uint32_t)sim->next_event + 1);
    struct shale_erasure condition = {.column = SHALE_STR("event")};
    const struct shale_erase_options options = {.conditions = &condition,
                                                .n_conditions = 1,
                                                .stream = sim->stream,
                                                .temporary = "/nonexistent",
                                                .created_by = SIM_CREATED_BY};
    struct shale_erased erased;
    struct shale_err err;
    (void)snprintf(value, sizeof value, "%d", (int)event);
    if (chance_below(&actor->chance, 3) == 0) {
        condition = (struct shale_erasure){.column = SHALE_STR("day"), .is_before = true};
        sim_day_text(sim_day_of(event) + 1, value);
    }
    condition.value = shale_str_of(value);
    shale_err_clear(&err);
    enum shale_status status = shale_erase_single(actor->bucket, SIM_FILE, &options, &erased, &err);
    sim->n_erased += status == SHALE_OK ? erased.n_rows + erased.n_rejects : 0;
    sim_say(sim, actor->name, "= erase %s%s: %s, entry %lld: %s",
            condition.is_before ? "below " : "", value, shale_status_name(status),
            (long long)erased.version, err.message);
    check_answer(actor, status, &err);
}

void sim_file_erase_body(struct sim_actor *actor)
{
    for (uint32_t i = 0; i < actor->n_rounds && !actor->dead; i++) {
        wait_steps(actor, 64);
        erase_once(actor);
    }
}

/* ---- The tool that wrote the file before ------------------------------------------------------
 */

/* It knows the events that it began with, and gets one more each time.  It may keep the pairs of a
 * footer that it read, without knowing what they say. */
void sim_file_tool_write(struct sim *sim, const char *who, struct shale_store *store)
{
    struct sim_file *file = &sim->file;
    struct shale_buf text;
    char id[24];
    bool keeps_pairs = file->manifest.id >= 0 && chance_below(&sim->chance, 2) == 0;
    if (sim->next_foreign == SIM_FOREIGN)
        return;
    file->tool_events[file->n_tool_events++] = SIM_FOREIGN_EVENTS + sim->next_foreign++;
    (void)snprintf(id, sizeof id, "%016lld", (long long)file->manifest.id);
    const struct shale_key_value pair = {SHALE_STR(SHALE_SINGLE_MANIFEST), shale_str_of(id)};
    shale_buf_init(&text, &shale_mem_libc, (size_t)1 << 20);
    sim_file_bytes(&sim_schema, "another tool", file->tool_events, file->n_tool_events, &pair,
                   keeps_pairs, &text);
    enum shale_status status = shale_store_put(store, SIM_FILE, shale_buf_str(&text), NULL);
    sim_say(sim, who, "= writes its file: %s", shale_status_name(status));
    shale_buf_fini(&text);
}

void sim_file_tool_body(struct sim_actor *actor)
{
    for (uint32_t i = 0; i < actor->n_rounds; i++) {
        wait_steps(actor, 48);
        sim_file_tool_write(actor->sim, actor->name, actor->bucket);
    }
}

/* ---- The vandal -------------------------------------------------------------------------------
 */

/* What lies under 'key' is away for a while; what others put there meanwhile stays. */
static void take_away(struct sim_actor *actor, struct shale_store *store, const char *key)
{
    struct sim *sim = actor->sim;
    struct shale_buf text;
    shale_buf_init(&text, &shale_mem_libc, (size_t)1 << 20);
    if (shale_store_read(store, key, &text, NULL) == SHALE_OK &&
        shale_store_remove(store, key, NULL) == SHALE_OK) {
        sim_say(sim, actor->name, "%s is away", key);
        sim_watch(sim);
        wait_steps(actor, 48);
        if (shale_store_put_absent(store, key, shale_buf_str(&text), NULL) == SHALE_OK)
            sim_say(sim, actor->name, "%s is back", key);
        sim_watch(sim);
    }
    shale_buf_fini(&text);
}

/* The file as it is now takes the place of what comes later, or of itself (it is touched). */
static void put_back(struct sim_actor *actor)
{
    struct sim *sim = actor->sim;
    struct shale_buf text;
    shale_buf_init(&text, &shale_mem_libc, (size_t)1 << 20);
    if (shale_store_read(sim->bucket, SIM_FILE, &text, NULL) == SHALE_OK) {
        wait_steps(actor, 1u << chance_below(&actor->chance, 8));
        sim->file.was_away = true;
        if (shale_store_put(sim->bucket, SIM_FILE, shale_buf_str(&text), NULL) == SHALE_OK)
            sim_say(sim, actor->name, "an older file is put back");
        sim_watch(sim);
    }
    shale_buf_fini(&text);
}

void sim_file_vandal_body(struct sim_actor *actor)
{
    struct sim *sim = actor->sim;
    for (uint32_t i = 0; i < actor->n_rounds; i++) {
        char name[SHALE_MANIFEST_NAME_BYTES];
        uint32_t what = chance_below(&actor->chance, 3);
        wait_steps(actor, 64);
        if (sim->file.manifest.id < 0)
            continue;
        shale_manifest_name(sim->file.manifest.id, name);
        /* Not both: whoever found no file looks at the manifests next. */
        if (what == 0 && !sim->file.was_away) {
            take_away(actor, sim->table, name);
        } else if (what == 1 && sim->file.manifest.version > 0) {
            sim->file.was_away = true;
            take_away(actor, sim->bucket, SIM_FILE);
        } else if (!sim->has_sweeper) { /* whose manifest may be swept, otherwise */
            put_back(actor);
        }
    }
}
