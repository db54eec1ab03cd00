/* SPDX-License-Identifier: MIT */
/* A reader of the table that polls: it sees whole commits, no file is missing, nothing goes back.
 */
#include <string.h>

#include "sim.h"

/* Who reads a version that is older than the retention may find files of it gone. */
static bool was_swept(const struct sim *sim, struct shale_str path)
{
    char text[120];
    (void)snprintf(text, sizeof text, "{\"remove\":{\"path\":\"%.*s\"", SHALE_STR_ARG(path));
    for (int64_t v = 0; v < sim->n_entries && sim->has_sweeper; v++)
        if (strstr(sim->entries[v], text) != NULL)
            return true;
    return false;
}

/* Add what one file holds; a file that the log names must be there. */
static enum shale_status read_file(struct sim_actor *actor, struct shale_str path,
                                   struct sim_live *live)
{
    struct shale_buf text;
    shale_buf_init(&text, &shale_mem_libc, (size_t)1 << 20);
    enum shale_status status = shale_store_read(actor->table, path.data, &text, NULL);
    if (status == SHALE_NOT_FOUND && !was_swept(actor->sim, path))
        sim_violation(actor->sim, "%s: the file %.80s of the log is missing", actor->name,
                      path.data);
    if (status == SHALE_OK)
        sim_live_add(actor->sim, live, path, shale_buf_str(&text));
    shale_buf_fini(&text);
    return status;
}

enum shale_status sim_read_table(struct sim_actor *actor, const struct shale_log_state *state,
                                 struct sim_live *live, struct shale_err *err)
{
    struct shale_log_files *files = NULL;
    const struct shale_log_add *add = NULL;
    enum shale_status status = shale_log_files_new(actor->table, state, &files, err);
    memset(live, 0, sizeof *live);
    while (status == SHALE_OK) {
        status = shale_log_files_next(files, &add, err);
        if (status != SHALE_OK || add == NULL)
            break;
        status = read_file(actor, add->path, live);
    }
    shale_log_files_free(files);
    return status;
}

static void poll(struct sim_actor *actor, struct shale_log_state **last)
{
    struct sim *sim = actor->sim;
    struct shale_log_state *state = NULL;
    struct sim_live live;
    struct shale_err err;
    shale_err_clear(&err);
    enum shale_status status = shale_log_read(actor->table, *last, &state, &err);
    if (status != SHALE_OK) {
        sim_say(sim, actor->name, "= poll: %s: %s", shale_status_name(status), err.message);
        if (status == SHALE_CORRUPT || status == SHALE_SCHEMA)
            sim_violation(sim, "%s: the log: %s", actor->name, err.message);
        return;
    }
    if (!sim->has_overwriter && state->version < sim->n_entries &&
        state->manifest_id != sim_manifest_id(sim, state->version))
        sim_violation(sim, "%s: version %lld names another manifest", actor->name,
                      (long long)state->version);
    if (*last != NULL && state->version < (*last)->version)
        sim_violation(sim, "%s: version %lld after %lld", actor->name, (long long)state->version,
                      (long long)(*last)->version);
    if (state->version >= 0) {
        status = sim_read_table(actor, state, &live, &err);
        sim_say(sim, actor->name, "= poll %lld: %s", (long long)state->version,
                shale_status_name(status));
        if (status == SHALE_OK) {
            sim->n_polls++;
            if (!sim->has_overwriter)
                sim_check_live(sim, actor->name, state->version, &live);
        } else if (status == SHALE_CORRUPT) {
            sim_violation(sim, "%s: the files: %s", actor->name, err.message);
        }
    }
    shale_log_state_free(&shale_mem_libc, *last);
    *last = state;
}

void sim_reader_body(struct sim_actor *actor)
{
    struct shale_log_state *last = NULL;
    for (uint32_t i = 0; i < actor->n_rounds && !actor->dead; i++)
        poll(actor, &last);
    shale_log_state_free(&shale_mem_libc, last);
}
