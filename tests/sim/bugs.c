/* SPDX-License-Identifier: MIT */
/* Bugs on purpose, by which the simulation shows that it would find them.  They sit between the
 * parts (the linker's --wrap), so that the code that ships knows nothing of them; "ledger-before-
 * data", an order of writes, is in run.c. */
#include "bugs.h"

#include <stdlib.h>
#include <string.h>

static const struct {
    const char *name, *about;
} bugs[] = {
    {"ledger-before-data", "the ledger is published before the data"},
    {"no-second-look", "who lost a race does not look what the winner consumed"},
    {"identity-not-key", "who lost a race compares key and tag where the key alone counts"},
    {"both-create", "two runs both create version 0"},
    {"another-number", "another number is tried while a write is unsure"},
    {"empty-ledger", "a missing manifest is taken for an empty ledger"},
    {"sweep-too-early", "a sweep takes what no commit names for what nobody can commit"},
    {"two-compactions", "a compaction does not look whether its files are still there"},
    {"compact-and-replace", "a run that replaces rows does not look whether their files are there"},
    {"two-replays", "a replay does not look whether its rejects are still there"},
    {"keys-not-looked-up", "who lost a race does not look the winner's keys up"},
    {"erased-comes-back", "a replay and a rebuild do not look at what was erased"},
    {"erase-and-compact", "an erasure does not look whether its files are still there"},
    {"erase-and-replay", "an erasure does not look whether a replay or a rebuild came between"},
    {"sealed-unread", "objects that were left alone or could not be read are sealed all the same"},
    {"older-manifest", "of a checkpoint file the manifest is that of the file before"},
    {"replace-anyway", "a checkpoint file takes the place of whatever is there"},
    {"unsure-is-lost", "an exchange of files without an answer is taken for one that failed"},
    {"sweep-next", "a sweep takes a manifest that the next checkpoint file may name"},
    {"file-begins-anew", "a checkpoint file that is gone is taken for one that never was"},
    {"adopts-for-good", "the permission to adopt a file goes on behind the adoption"},
    {"adopted-twice", "an adoption that lost the race goes on on the winner"},
    {"answer-trusted", "a put that succeeded is not checked against checkpoints"},
};

const char *bug_name(size_t i)
{
    return i < sizeof bugs / sizeof bugs[0] ? bugs[i].name : NULL;
}

const char *bug_about(size_t i)
{
    return bugs[i].about;
}

uint64_t bug_seeds(size_t i, uint64_t n)
{
    /* It takes a rebuild that brings just the event that is erased, and that was not there before;
     * a checkpoint, a clean-up and a slow write at one moment. */
    static const char *const rare[] = {"erase-and-replay", "answer-trusted"};
    for (size_t k = 0; k < sizeof rare / sizeof rare[0]; k++)
        if (strcmp(bugs[i].name, rare[k]) == 0)
            return n * 4;
    return n;
}

struct sim *bug_sim(const struct shale_store *store)
{
    const struct sim_actor *actor = store->env->ctx;
    return actor->sim;
}

bool bug_is_in(const struct shale_store *store, const char *name)
{
    const struct sim *sim = bug_sim(store);
    /* The world itself looks on, and is sound. */
    return sim->running && store->env != &sim->env && sim_bug(sim, name);
}

bool bug_is_a(const struct shale_store *store, const char *name)
{
    const struct sim_actor *actor = store->env->ctx;
    return strncmp(actor->name, name, strlen(name)) == 0;
}

enum shale_status __wrap_shale_store_put_absent(struct shale_store *store, const char *key,
                                                struct shale_str data, struct shale_err *err)
{
    static const char log[] = "_delta_log/";
    if (strncmp(key, log, sizeof log - 1) != 0)
        return __real_shale_store_put_absent(store, key, data, err);
    int64_t version = strtoll(key + sizeof log - 1, NULL, 10);
    if (version == 0 && bug_is_in(store, "both-create"))
        return shale_store_put(store, key, data, err);
    enum shale_status status = __real_shale_store_put_absent(store, key, data, err);
    if (status == SHALE_UNSURE && bug_is_in(store, "another-number")) {
        char next[SHALE_LOG_NAME_BYTES];
        shale_log_entry_name(version + 1, next);
        (void)__real_shale_store_put_absent(store, next, data, err);
    }
    return status;
}

/* Is a row of 'ours' in 'newest' under the same tag? */
static enum shale_status same_identity(struct shale_store *store,
                                       const struct shale_manifest *newest,
                                       const struct shale_segment *ours, bool *found,
                                       struct shale_err *err)
{
    const struct shale_ledger_cursor_options of_ours = {.segments = ours, .n_segments = 1};
    const struct shale_ledger_cursor_options of_all = {.segments = newest->ledger,
                                                       .n_segments = newest->n_ledger};
    struct shale_ledger_cursor *a = NULL, *b = NULL;
    const struct shale_ledger_row *left = NULL, *right = NULL;
    *found = false;
    enum shale_status status = shale_ledger_cursor_new(store, &of_ours, &a, err);
    if (status == SHALE_OK)
        status = shale_ledger_cursor_new(store, &of_all, &b, err);
    if (status == SHALE_OK)
        status = shale_ledger_cursor_next(a, &left, err);
    if (status == SHALE_OK)
        status = shale_ledger_cursor_next(b, &right, err);
    while (status == SHALE_OK && left != NULL && right != NULL && !*found) {
        int order = shale_ledger_compare(left, right);
        *found = order == 0;
        status = order <= 0 ? shale_ledger_cursor_next(a, &left, err)
                            : shale_ledger_cursor_next(b, &right, err);
    }
    shale_ledger_cursor_free(a);
    shale_ledger_cursor_free(b);
    return status;
}

enum shale_status __wrap_shale_ledger_conflicts(struct shale_store *store,
                                                const struct shale_manifest *base,
                                                const struct shale_manifest *newest,
                                                const struct shale_segment *ours, bool *conflict,
                                                struct shale_err *err)
{
    *conflict = false;
    if (bug_is_in(store, "two-replays") && bug_is_a(store, "replay"))
        return SHALE_OK;
    if (bug_is_in(store, "no-second-look"))
        return SHALE_OK;
    if (bug_is_in(store, "identity-not-key"))
        return same_identity(store, newest, ours, conflict, err);
    return __real_shale_ledger_conflicts(store, base, newest, ours, conflict, err);
}

enum shale_status __wrap_shale_manifest_read(struct shale_store *store, struct shale_arena *arena,
                                             int64_t id, struct shale_manifest *out,
                                             struct shale_err *err)
{
    enum shale_status status = __real_shale_manifest_read(store, arena, id, out, err);
    if (status == SHALE_OK)
        return bug_file_manifest(store, arena, out, err);
    if (status != SHALE_NOT_FOUND || !bug_is_in(store, "empty-ledger"))
        return status;
    *out = (struct shale_manifest){.id = id, .parent = -1};
    return SHALE_OK;
}

enum shale_status __wrap_shale_log_tip(struct shale_store *store, int64_t from, int64_t *version,
                                       int64_t *checkpoint_version, struct shale_err *err)
{
    enum shale_status status = __real_shale_log_tip(store, from, version, checkpoint_version, err);
    if (bug_is_in(store, "answer-trusted"))
        *checkpoint_version = -1;
    return status;
}

/* Does this actor not look at what is gone? */
static bool is_blind(const struct shale_store *store)
{
    return (bug_is_in(store, "two-compactions") && bug_is_a(store, "compact")) ||
           (bug_is_in(store, "compact-and-replace") && bug_is_a(store, "run")) ||
           (bug_is_in(store, "two-replays") && bug_is_a(store, "replay")) ||
           (bug_is_in(store, "erase-and-compact") && bug_is_a(store, "erase"));
}

enum shale_status __wrap_shale_commit_is_live(struct shale_store *store,
                                              const struct shale_commit *commit,
                                              const struct shale_base *base, bool *is_live,
                                              struct shale_err *err)
{
    *is_live = true;
    return is_blind(store) ? SHALE_OK
                           : __real_shale_commit_is_live(store, commit, base, is_live, err);
}

enum shale_status __wrap_shale_commit_stays_live(struct shale_store *store,
                                                 const struct shale_commit *commit,
                                                 const struct shale_base *before,
                                                 const struct shale_base *newest, bool *is_live,
                                                 struct shale_err *err)
{
    *is_live = true;
    return is_blind(store)
               ? SHALE_OK
               : __real_shale_commit_stays_live(store, commit, before, newest, is_live, err);
}

enum shale_status __wrap_shale_commit(struct shale_store *store, const struct shale_base *base,
                                      const struct shale_commit *commit,
                                      struct shale_committed *out, struct shale_err *err)
{
    struct shale_commit blind = *commit;
    if (bug_is_in(store, "erase-and-replay") && bug_is_a(store, "erase"))
        blind.check = NULL;
    return __real_shale_commit(store, base, &blind, out, err);
}

/* Data are lines here: the first says the first input (files.c). */
enum shale_status __wrap_shale_first_input_read(struct shale_store *store, const char *key,
                                                struct shale_arena *arena,
                                                struct shale_first_input *out,
                                                struct shale_err *err)
{
    struct shale_buf text;
    const char *end;
    enum shale_status status;
    *out = (struct shale_first_input){.kind = SHALE_FIRST_NONE};
    if (bug_is_in(store, "sweep-too-early")) {
        *out = (struct shale_first_input){.kind = SHALE_FIRST_FILE, .path = SHALE_STR("nobody")};
        return SHALE_OK;
    }
    if (strncmp(key, "_shale/", 7) == 0)
        return __real_shale_first_input_read(store, key, arena, out, err);
    shale_buf_init(&text, &shale_mem_libc, (size_t)1 << 20);
    status = shale_store_read(store, key, &text, err);
    end = text.n_bytes > 0 ? memchr(text.data, '\n', text.n_bytes) : NULL;
    if (status == SHALE_OK && end != NULL && text.data[0] == '#')
        status = shale_first_input_parse(
            arena, (struct shale_str){text.data + 1, (size_t)(end - text.data) - 1}, out, err);
    shale_buf_fini(&text);
    return status;
}
