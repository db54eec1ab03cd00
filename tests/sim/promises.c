/* SPDX-License-Identifier: MIT */
/* The promises, and the model that they are held against: the log as a list of texts, the ledger's
 * rows, and what the source's objects ever held. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "dataset/sweep.h"
#include "sim.h"

/* ---- The log, read without the code under test ------------------------------------------------
 */

/* The number behind 'name' at or after 'text'; -1: none. */
static int64_t number_behind(const char *text, const char *name)
{
    const char *at = strstr(text, name);
    return at != NULL ? strtoll(at + strlen(name), NULL, 10) : -1;
}

int64_t sim_manifest_id(const struct sim *sim, int64_t version)
{
    for (int64_t v = version; v >= 0; v--) {
        const char *txn = strstr(sim->entries[v], "{\"txn\":");
        if (txn != NULL)
            return number_behind(txn, "\"version\":");
    }
    return -1;
}

/* The paths of one entry's adds or removes ('what'), one after another; NULL: no more. */
static const char *next_path(const char *text, const char *what, char path[80])
{
    char begin[40];
    int length = snprintf(begin, sizeof begin, "{\"%s\":{\"path\":\"", what);
    const char *at = strstr(text, begin);
    size_t n = 0;
    if (at == NULL)
        return NULL;
    for (at += length; *at != '"' && *at != '\0' && n < 79; at++)
        path[n++] = *at;
    path[n] = '\0';
    return at;
}

/* ---- What there should be ---------------------------------------------------------------------
 */

static void want_event(struct sim_live *want, int32_t event)
{
    if (event >= 0 && event < SIM_EVENT_IDS)
        want->count[event]++;
}

/* The counts of an object that was taken. */
static void want_counts(struct sim *sim, const struct shale_ledger_row *row,
                        const struct sim_version *version, const char *who)
{
    bool is_fixed = shale_str_is(row->definition, "corrected");
    int64_t n_rejected = version->n_rejected, n_filtered = version->n_filtered, n_erased;
    for (uint32_t i = 0; i < version->n_rejected && is_fixed; i++)
        n_rejected -= sim_is_fixable(version->rejected[i]);
    for (uint32_t i = 0; i < version->n_filtered && is_fixed; i++)
        n_filtered -= sim_is_fixable(version->filtered[i]);
    n_erased = row->filtered - n_filtered; /* of rows and rejects */
    if (n_erased < 0 || (n_erased > 0 && (sim->n_erases == 0 || !is_fixed)) ||
        row->rejected > n_rejected || row->rejected + n_erased < n_rejected ||
        row->read != (int64_t)version->n_events + version->n_rejected + version->n_filtered)
        sim_violation(sim, "%s: the counts of %.*s are wrong", who, SHALE_STR_ARG(row->key));
}

/* One row of the ledger: it must say what the object really held, and each content of a key is
 * taken once (of a key, where changed ones are rejected). */
static void want_row(struct sim *sim, const struct shale_ledger_row *row, struct sim_live *want,
                     const char *who)
{
    const struct sim_version *version = sim_source_find(sim, row->key, row->tag);
    if (shale_str_is(row->source, SHALE_REJECTS_SOURCE))
        return; /* of a replay: see expect.c */
    if (version == NULL) {
        sim_violation(sim, "%s: the ledger has %.*s, which never was", who,
                      SHALE_STR_ARG(row->key));
        return;
    }
    if (row->read != row->written + row->rejected + row->filtered + row->duplicates)
        sim_violation(sim, "%s: the counts of %.*s do not add up", who, SHALE_STR_ARG(row->key));
    /* What an adoption takes for consumed was not read. */
    if (!shale_str_is(row->hash, version->hash) && !(sim->is_file && row->hash.n_bytes == 0))
        sim_violation(sim, "%s: the hash of %.*s", who, SHALE_STR_ARG(row->key));
    if (version->is_bad && row->state != SHALE_LEDGER_REJECTED && row->read > 0)
        sim_violation(sim, "%s: %.*s is bad and done", who, SHALE_STR_ARG(row->key));
    if (row->state != SHALE_LEDGER_DONE || row->read == 0)
        return;
    want_counts(sim, row, version, who);
    for (uint32_t i = 0; i < version->n_events; i++)
        want_event(want, version->events[i]);
}

/* Of all files that the log has ever added up to 'version', the foreign writer's events. */
static void want_foreign(const struct sim *sim, int64_t version, struct sim_live *want)
{
    char path[80];
    for (int64_t v = 0; v <= version; v++) {
        for (const char *at = sim->entries[v]; (at = next_path(at, "add", path)) != NULL;) {
            if (strncmp(path, "foreign-", 8) == 0)
                want_event(want, (int32_t)strtol(path + 8, NULL, 10));
        }
    }
}

/* Rows of the same key: see want_row(). */
static void check_key(struct sim *sim, const struct shale_ledger_row *row, char last_key[32],
                      char hashes[SIM_VERSIONS][40], size_t *n_hashes, const char *who)
{
    if (!shale_str_is(row->key, last_key)) {
        (void)snprintf(last_key, 32, "%.*s", SHALE_STR_ARG(row->key));
        *n_hashes = 0;
    }
    if (row->state != SHALE_LEDGER_DONE || row->read == 0 || sim->change == SIM_REPLACES)
        return;
    for (size_t i = 0; i < *n_hashes; i++) {
        if (shale_str_is(row->hash, hashes[i]))
            sim_violation(sim, "%s: the same bytes of %s were read twice", who, last_key);
    }
    if (*n_hashes == 1 && sim->change == SIM_REJECTS)
        sim_violation(sim, "%s: a changed %s was taken in spite of on_change: reject", who,
                      last_key);
    if (*n_hashes < SIM_VERSIONS)
        (void)snprintf(hashes[(*n_hashes)++], 40, "%.*s", SHALE_STR_ARG(row->hash));
}

void sim_want_ledger(struct sim *sim, const struct shale_manifest *manifest, struct sim_live *want,
                     const char *who)
{
    const struct shale_ledger_cursor_options options = {.segments = manifest->ledger,
                                                        .n_segments = manifest->n_ledger};
    struct shale_ledger_cursor *cursor = NULL;
    const struct shale_ledger_row *row = NULL;
    char last_key[32] = "", hashes[SIM_VERSIONS][40];
    size_t n_hashes = 0;
    int64_t read = 0, written = 0;
    struct shale_err err;
    shale_err_clear(&err);
    enum shale_status status = shale_ledger_cursor_new(sim->table, &options, &cursor, &err);
    while (status == SHALE_OK) {
        status = shale_ledger_cursor_next(cursor, &row, &err);
        if (status != SHALE_OK || row == NULL)
            break;
        want_row(sim, row, want, who);
        check_key(sim, row, last_key, hashes, &n_hashes, who);
        read += row->read;
        written += row->written;
    }
    shale_ledger_cursor_free(cursor);
    if (status == SHALE_NOT_FOUND && sim->has_sweeper)
        return; /* of an old version */
    if (status != SHALE_OK)
        sim_violation(sim, "%s: the ledger: %s", who, err.message);
    for (size_t i = 0; i < manifest->n_ledger; i++) {
        read -= manifest->ledger[i].read;
        written -= manifest->ledger[i].written;
    }
    if (status == SHALE_OK && (read != 0 || written != 0))
        sim_violation(sim, "%s: the sums of the segments are wrong", who);
}

/* ---- What there is ----------------------------------------------------------------------------
 */

void sim_live_add(struct sim *sim, struct sim_live *live, struct shale_str path,
                  struct shale_str text)
{
    char copy[8192];
    (void)snprintf(copy, sizeof copy, "%.*s", (int)text.n_bytes, text.data);
    const char *begin = copy[0] == '#' ? strchr(copy, '\n') + 1 : copy; /* its first input */
    live->n_files++;
    for (const char *at = begin; isdigit((unsigned char)*at);) {
        char *end = NULL;
        long event = strtol(at, &end, 10);
        if (event < 0 || event >= SIM_EVENT_IDS)
            sim_violation(sim, "%.*s holds event %ld", SHALE_STR_ARG(path), event);
        else
            live->count[event]++;
        at = end + (*end == '\n');
    }
}

/* Where rows are taken out, what the entries did one after another says what there is; of events
 * with the same key one is. */
static void check_expected(struct sim *sim, const char *who, int64_t version,
                           const struct sim_live *live)
{
    bool taken[SIM_EVENT_IDS] = {false}, there[SIM_EVENT_IDS] = {false};
    for (int event = 0; event < SIM_EVENT_IDS; event++) {
        bool is_ours = event < SIM_FOREIGN_EVENTS;
        int want = sim_expects(sim, version, event);
        int key = sim->dedupes ? sim_key_of(event) : event;
        if (live->count[event] > 1 || (live->count[event] == 1 && want == 0) ||
            (live->count[event] < want && !sim->dedupes))
            sim_violation(sim, "%s: version %lld has event %d %d times, not %d", who,
                          (long long)version, event, live->count[event], want);
        if (live->count[event] == 1 && there[key] && is_ours)
            sim_violation(sim, "%s: version %lld has the key %d twice", who, (long long)version,
                          key);
        taken[key] |= want > 0;
        there[key] |= live->count[event] > 0;
    }
    for (int key = 0; key < SIM_EVENT_IDS; key++)
        if (taken[key] != there[key] && !(sim->expect.may_lack[key] && sim->dedupes))
            sim_violation(sim, "%s: version %lld lacks the key %d", who, (long long)version, key);
}

void sim_check_live(struct sim *sim, const char *who, int64_t version, const struct sim_live *live)
{
    struct sim_live want = {0};
    int64_t id = -1;
    size_t n_files = 0;
    char path[80];
    if (version >= sim->n_entries) {
        sim_violation(sim, "%s: version %lld, of which there is no whole log", who,
                      (long long)version);
        return;
    }
    for (int64_t v = 0; v <= version; v++) {
        for (const char *at = sim->entries[v]; (at = next_path(at, "add", path)) != NULL;)
            n_files++;
        for (const char *at = sim->entries[v]; (at = next_path(at, "remove", path)) != NULL;)
            n_files--;
    }
    if (n_files != live->n_files)
        sim_violation(sim, "%s: version %lld has %zu files, not %zu", who, (long long)version,
                      n_files, live->n_files);
    id = sim_manifest_id(sim, version);
    if (id >= 0) {
        struct shale_arena arena;
        struct shale_manifest manifest;
        shale_arena_init(&arena, &shale_mem_libc, (size_t)1 << 24);
        enum shale_status status = shale_manifest_read(sim->table, &arena, id, &manifest, NULL);
        if (status == SHALE_OK)
            sim_want_ledger(sim, &manifest, &want, who);
        shale_arena_fini(&arena);
        bool may_be_gone = sim->has_vandal || (sim->has_sweeper && version < sim->n_entries - 1);
        if (status == SHALE_NOT_FOUND && may_be_gone)
            return;
        if (status != SHALE_OK)
            sim_violation(sim, "%s: the manifest of version %lld: %s", who, (long long)version,
                          shale_status_name(status));
    }
    want_foreign(sim, version, &want);
    if (sim->has_changes) {
        check_expected(sim, who, version, live);
        return;
    }
    for (int event = 0; event < SIM_EVENT_IDS; event++) {
        if (live->count[event] != want.count[event] || live->count[event] > 1)
            sim_violation(sim, "%s: version %lld has event %d %d times, its ledger %d times", who,
                          (long long)version, event, live->count[event], want.count[event]);
    }
}

/* ---- When all is quiet ------------------------------------------------------------------------
 */

/* Each commit's manifest names the one before it, and the number that it was made for. */
static void check_chain(struct sim *sim)
{
    int64_t last = -1;
    for (int64_t v = 0; v < sim->n_entries; v++) {
        int64_t id = sim_manifest_id(sim, v);
        if (id == last)
            continue;
        struct shale_arena arena;
        struct shale_manifest manifest;
        shale_arena_init(&arena, &shale_mem_libc, (size_t)1 << 24);
        enum shale_status status = shale_manifest_read(sim->table, &arena, id, &manifest, NULL);
        if (status == SHALE_NOT_FOUND && sim->has_sweeper && v < sim->n_entries - 1)
            status = SHALE_OK; /* swept */
        else if (status != SHALE_OK)
            sim_violation(sim, "the manifest of entry %lld cannot be read", (long long)v);
        else if (manifest.parent != last || manifest.version != v)
            sim_violation(sim, "the chain of manifests is broken at entry %lld", (long long)v);
        shale_arena_fini(&arena);
        last = id;
    }
}

/* Every object as it is now has been decided; one that came late below a seal is found by a later
 * plan: returns how many. */
size_t sim_check_objects(struct sim *sim, const struct shale_manifest *manifest)
{
    struct shale_decider *decider = NULL;
    struct shale_store_list *list = NULL;
    struct shale_store_entry entry;
    struct shale_str sealed =
        manifest->n_seals > 0 ? manifest->seals[0].key : (struct shale_str){"", 0};
    bool end = false;
    size_t n_late = 0;
    enum shale_status status =
        shale_decider_new(sim->table, manifest, SHALE_STR("source"), SHALE_STR(""), &decider, NULL);
    if (status == SHALE_OK)
        status = shale_store_list(sim->source, "", "", &list, NULL);
    while (status == SHALE_OK) {
        struct shale_decision decision;
        status = shale_store_list_next(sim->source, list, &entry, &end, NULL);
        if (status != SHALE_OK || end)
            break;
        status = shale_decider_ask(decider, entry.key, entry.tag, &decision, NULL);
        if (status != SHALE_OK || decision.verdict == SHALE_VERDICT_KNOWN)
            continue;
        n_late++;
        if (shale_str_compare(entry.key, sealed) > 0)
            sim_violation(sim, "%s was not read", entry.key.data);
    }
    shale_store_list_free(sim->source, list);
    shale_decider_free(decider);
    if (status != SHALE_OK)
        sim_violation(sim, "the decider: %s", shale_status_name(status));
    return n_late;
}

/* A commit that says that it is done is in the log under its number; one that says that it is not,
 * is nowhere. */
static void check_claims(struct sim *sim)
{
    for (size_t i = 0; i < sim->n_claims; i++) {
        const struct sim_claim *claim = &sim->claims[i];
        if (claim->status == SHALE_OK &&
            (claim->version >= sim->n_entries ||
             sim_manifest_id(sim, claim->version) != claim->manifest_id))
            sim_violation(sim, "%s committed entry %lld, and it is another's", claim->by,
                          (long long)claim->version);
        if (claim->status == SHALE_OK || claim->status == SHALE_UNSURE || claim->path[0] == '\0')
            continue;
        for (int64_t v = 0; v < sim->n_entries; v++) {
            if (strstr(sim->entries[v], claim->path) != NULL)
                sim_violation(sim, "%s did not commit (%s), and is entry %lld", claim->by,
                              shale_status_name(claim->status), (long long)v);
        }
    }
}

/* What a foreign writer was told is in, is in.  (It does not look whether the log was cleaned up
 * behind its back: where another's entry has its number, its own went to a gap.) */
static void check_foreign(struct sim *sim, const struct sim_live *live)
{
    char path[40];
    for (size_t i = 0; i < sim->n_foreign; i++) {
        const struct sim_foreign *foreign = &sim->foreign[i];
        (void)snprintf(path, sizeof path, "foreign-%d.data", (int)foreign->event);
        bool is_erased = sim->has_changes && !sim_expects(sim, sim->n_entries - 1, foreign->event);
        if (live->count[foreign->event] != 1 && !is_erased &&
            strstr(sim->entries[foreign->version], path) != NULL)
            sim_violation(sim, "the foreign event %d is lost", (int)foreign->event);
    }
}

/* After entries were overwritten: a run that does not stop at that must not have lost or doubled
 * anything, unless a checkpoint covers the entry; that is counted. */
static void check_overwritten(struct sim *sim, const struct shale_base *base,
                              const struct sim_live *live)
{
    struct sim_live want = {0};
    sim_want_ledger(sim, &base->manifest, &want, "in the end");
    for (int event = 0; event < SIM_FOREIGN_EVENTS; event++) {
        if (live->count[event] == want.count[event] && live->count[event] <= 1)
            continue;
        if (base->log->checkpoint_version >= sim->overwritten) {
            sim->n_hidden++;
            return;
        }
        sim_violation(sim,
                      "after entry %lld was overwritten: event %d is there %d times, in the "
                      "ledger %d times",
                      (long long)sim->overwritten, event, live->count[event], want.count[event]);
    }
}

/* After a sweep that nobody is beside, the files are those of the table and no others. */
static void check_swept(struct sim *sim)
{
    const struct shale_sweep_options options = {.alone = true};
    struct shale_swept swept;
    struct shale_store_list *list = NULL;
    struct shale_store_entry entry;
    bool end = false;
    int64_t n_live = 0, n_there = 0;
    char path[80];
    for (int64_t v = 0; v < sim->n_entries; v++) {
        for (const char *at = sim->entries[v]; (at = next_path(at, "add", path)) != NULL;)
            n_live += strncmp(path, "part-", 5) == 0;
        for (const char *at = sim->entries[v]; (at = next_path(at, "remove", path)) != NULL;)
            n_live -= strncmp(path, "part-", 5) == 0;
    }
    enum shale_status status = shale_sweep(sim->table, SHALE_STR("events"), &options, &swept, NULL);
    if (status == SHALE_OK)
        status = shale_store_list(sim->table, "part-", "", &list, NULL);
    while (status == SHALE_OK) {
        status = shale_store_list_next(sim->table, list, &entry, &end, NULL);
        if (status != SHALE_OK || end)
            break;
        n_there++;
    }
    shale_store_list_free(sim->table, list);
    if (status != SHALE_OK || n_there != n_live)
        sim_violation(sim, "after the last sweep (%s) there are %lld files, not %lld",
                      shale_status_name(status), (long long)n_there, (long long)n_live);
}

size_t sim_check(struct sim *sim, struct sim_actor *actor)
{
    struct shale_base base;
    struct sim_live live;
    struct shale_err err;
    size_t n_late;
    shale_err_clear(&err);
    if (sim->is_file) {
        sim_check_file(sim);
        return 0;
    }
    sim_watch(sim);
    enum shale_status status = shale_base_read(sim->table, SHALE_STR("events"), &base, &err);
    if (status != SHALE_OK) {
        sim_violation(sim, "in the end: %s", err.message);
        return 0;
    }
    status = sim_read_table(actor, base.log, &live, &err);
    if (status != SHALE_OK) {
        sim_violation(sim, "in the end: the files: %s", err.message);
    } else if (sim->is_overwritten) {
        check_overwritten(sim, &base, &live);
    } else {
        if (base.log->version != sim->n_entries - 1)
            sim_violation(sim, "the log ends at %lld, not at %lld", (long long)base.log->version,
                          (long long)sim->n_entries - 1);
        sim_check_live(sim, "in the end", base.log->version, &live);
        check_chain(sim);
        check_claims(sim);
        check_foreign(sim, &live);
    }
    n_late = sim_check_objects(sim, &base.manifest);
    if (sim->has_sweeper && base.manifest.id >= 0)
        check_swept(sim);
    shale_base_fini(&base, &shale_mem_libc);
    return n_late;
}
