/* SPDX-License-Identifier: MIT */
/* Those who are not Shale: a foreign writer and its clean-up, whoever fills the source, and one who
 * takes manifests away. */
#include <string.h>

#include "sim.h"

/* ---- As delta-rs: an append without a txn, a table of its own, checkpoints, clean-up -----------
 */

static enum shale_status append_entry(struct sim_actor *actor, int64_t version, const char *path,
                                      int64_t n_bytes)
{
    char name[SHALE_LOG_NAME_BYTES];
    struct shale_buf text;
    int64_t now_ms = actor->sim->now_us / 1000;
    const struct shale_log_add add = {.path = shale_str_of(path),
                                      .n_bytes = n_bytes,
                                      .modified_ms = now_ms,
                                      .data_change = true,
                                      .n_rows = 1};
    const struct shale_log_entry entry = {
        .has_protocol = version == 0,
        .has_metadata = version == 0,
        .table_id = SHALE_STR("11111111-2222-3333-4444-555555555555"),
        .schema = &sim_schema,
        .created_ms = now_ms,
        .manifest_id = -1,
        .adds = &add,
        .n_adds = 1,
        .info = {.operation = SHALE_STR("WRITE"), .is_blind_append = true, .timestamp_ms = now_ms}};
    shale_log_entry_name(version, name);
    shale_buf_init(&text, &shale_mem_libc, (size_t)1 << 20);
    enum shale_status status = shale_log_entry_json(&entry, &text);
    if (status == SHALE_OK && actor->overwrites)
        status = shale_store_put(actor->table, name, shale_buf_str(&text), NULL);
    else if (status == SHALE_OK)
        status = shale_store_put_absent(actor->table, name, shale_buf_str(&text), NULL);
    shale_buf_fini(&text);
    return status;
}

/* One event under a file of its own; '*again' is set when another was faster (or this very write,
 * twice made by the store's client: then the event is in, without our knowing). */
static void append_once(struct sim_actor *actor, bool *again)
{
    struct sim *sim = actor->sim;
    struct shale_log_state *state = NULL;
    char path[40], line[16];
    int32_t event = SIM_FOREIGN_EVENTS + sim->next_foreign++;
    *again = false;
    (void)snprintf(path, sizeof path, "foreign-%d.data", (int)event);
    int n = snprintf(line, sizeof line, "%d\n", (int)event);
    if (sim_write_file(actor->table, path, (struct shale_str){line, (size_t)n}, NULL) != SHALE_OK ||
        shale_log_read(actor->table, NULL, &state, NULL) != SHALE_OK)
        return;
    int64_t version = state->version + 1;
    shale_log_state_free(&shale_mem_libc, state);
    for (uint32_t wait = actor->overwrites ? chance_below(&actor->chance, 24) : 0; wait > 0; wait--)
        sim_step(actor);
    enum shale_status status = append_entry(actor, version, path, n);
    sim_say(sim, actor->name, "= append %lld: %s", (long long)version, shale_status_name(status));
    if (status == SHALE_OK && sim->n_foreign < SIM_FOREIGN)
        sim->foreign[sim->n_foreign++] = (struct sim_foreign){event, version};
    *again = status == SHALE_CONFLICT;
}

static void append_row(struct sim_actor *actor)
{
    bool again = true;
    for (int i = 0; again && i < 6; i++)
        append_once(actor, &again);
}

/* A checkpoint, then all JSON below it goes, and older checkpoints. */
static void clean_up(struct sim_actor *actor)
{
    struct shale_log_state *state = NULL;
    struct shale_store_list *list = NULL;
    if (shale_log_read(actor->table, NULL, &state, NULL) != SHALE_OK || state->version < 0 ||
        shale_log_checkpoint(actor->table, state, NULL) != SHALE_OK ||
        shale_store_list(actor->table, "_delta_log/0", "", &list, NULL) != SHALE_OK) {
        shale_log_state_free(&shale_mem_libc, state);
        return;
    }
    char end[SHALE_LOG_NAME_BYTES];
    shale_log_entry_name(state->version, end);
    end[sizeof "_delta_log/" - 1 + 20] = '\0'; /* without its ending */
    for (;;) {
        struct shale_store_entry entry;
        bool is_end = false;
        if (shale_store_list_next(actor->table, list, &entry, &is_end, NULL) != SHALE_OK ||
            is_end || strncmp(entry.key.data, end, strlen(end)) >= 0)
            break;
        char key[SHALE_KEY_BYTES + 1];
        (void)snprintf(key, sizeof key, "%s", entry.key.data);
        if (shale_store_remove(actor->table, key, NULL) != SHALE_OK)
            break;
    }
    shale_store_list_free(actor->table, list);
    shale_log_state_free(&shale_mem_libc, state);
}

void sim_foreign_body(struct sim_actor *actor)
{
    for (uint32_t i = 0; i < actor->n_rounds && !actor->dead; i++) {
        if (chance_below(&actor->chance, 4) < actor->cleans)
            clean_up(actor);
        else
            append_row(actor);
    }
}

/* ---- The source -------------------------------------------------------------------------------
 */

static const int64_t hour_us = INT64_C(3600) * 1000000;

void sim_source_body(struct sim_actor *actor)
{
    struct sim *sim = actor->sim;
    for (uint32_t i = 0; i < actor->n_rounds; i++) {
        for (uint32_t wait = chance_below(&actor->chance, 24); wait > 0; wait--)
            sim_step(actor);
        sim_source_change(sim);
        if (chance_below(&actor->chance, 16) == 0) /* a base gets old, or files do */
            sim->now_us += (chance_below(&actor->chance, 2) == 0 ? 25 : 80) * hour_us;
    }
}

/* ---- The vandal -------------------------------------------------------------------------------
 */

/* What _last_checkpoint says is not to be trusted. */
static void spoil_hint(struct sim_actor *actor)
{
    static const char *const hints[] = {"{\"version\":999,\"size\":3}",
                                        "{\"version\":0,\"size\":1}",
                                        "{\"version\":",
                                        "",
                                        "{\"version\":-1}",
                                        "{\"version\":2,\"size\":9,\"parts\":3}"};
    const char *hint = hints[chance_below(&actor->chance, sizeof hints / sizeof hints[0])];
    sim_say(actor->sim, actor->name, "_last_checkpoint says %s", hint);
    if (shale_store_put(actor->sim->table, "_delta_log/_last_checkpoint", shale_str_of(hint),
                        NULL) != SHALE_OK)
        sim_violation(actor->sim, "the hint cannot be written");
}

/* The live manifest is away for a while: nobody may take that for an empty ledger. */
void sim_vandal_body(struct sim_actor *actor)
{
    struct sim *sim = actor->sim;
    for (uint32_t i = 0; i < actor->n_rounds; i++) {
        char name[SHALE_MANIFEST_NAME_BYTES];
        struct shale_buf text;
        for (uint32_t wait = chance_below(&actor->chance, 48); wait > 0; wait--)
            sim_step(actor);
        if (chance_below(&actor->chance, 2) == 0)
            spoil_hint(actor);
        int64_t id = sim_manifest_id(sim, sim->n_entries - 1);
        if (id < 0)
            continue;
        shale_manifest_name(id, name);
        shale_buf_init(&text, &shale_mem_libc, (size_t)1 << 20);
        if (shale_store_read(sim->table, name, &text, NULL) == SHALE_OK &&
            shale_store_remove(sim->table, name, NULL) == SHALE_OK) {
            sim_say(sim, actor->name, "%s is away", name);
            for (uint32_t wait = chance_below(&actor->chance, 48); wait > 0; wait--)
                sim_step(actor);
            if (shale_store_put(sim->table, name, shale_buf_str(&text), NULL) == SHALE_OK)
                sim_say(sim, actor->name, "%s is back", name);
        }
        shale_buf_fini(&text);
    }
}
