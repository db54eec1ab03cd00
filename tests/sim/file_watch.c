/* SPDX-License-Identifier: MIT */
/* The promises of a checkpoint file: each state of it follows from the one before, and its rows are
 * those of the ledger that it names. */
#include <stdlib.h>
#include <string.h>

#include "dataset/sweep.h"
#include "parquet/reader.h"
#include "sim.h"

/* ---- What there is ----------------------------------------------------------------------------
 */

struct seen {
    struct sim_live live;
    int64_t n_rows, manifest_id; /* -1: another tool's */
};

static enum shale_status see_rows(struct sim *sim, struct shale_reader *reader, struct seen *seen,
                                  struct shale_err *err)
{
    const size_t first = 0;
    struct shale_scan *scan = NULL;
    const struct shale_rows *rows = NULL;
    enum shale_status status = shale_scan_new(
        reader, &(struct shale_scan_options){.columns = &first, .n_columns = 1}, &scan, err);
    while (status == SHALE_OK) {
        status = shale_scan_next(scan, &rows, err);
        if (status != SHALE_OK || rows == NULL)
            break;
        for (int64_t i = 0; i < rows->n_rows; i++) {
            int64_t event = ((const int64_t *)rows->columns[0].data)[i];
            if (event < 0 || event >= SIM_EVENT_IDS)
                sim_violation(sim, "the file holds event %lld", (long long)event);
            else
                seen->live.count[event]++;
        }
        seen->n_rows += rows->n_rows;
    }
    shale_scan_free(scan);
    return status;
}

/* Decimal; of a file that Shale has made. */
static int64_t find_manifest(const struct shale_file *footer)
{
    static const char us[] = "shale version ";
    if (footer->created_by.n_bytes < sizeof us - 1 ||
        memcmp(footer->created_by.data, us, sizeof us - 1) != 0)
        return -1;
    for (size_t i = 0; i < footer->n_key_values; i++) {
        char text[32];
        if (!shale_str_is(footer->key_values[i].key, SHALE_SINGLE_MANIFEST))
            continue;
        (void)snprintf(text, sizeof text, "%.*s", SHALE_STR_ARG(footer->key_values[i].value));
        return strtoll(text, NULL, 10);
    }
    return -1;
}

static void see(struct sim *sim, struct shale_store_file *file, struct seen *seen)
{
    struct shale_reader *reader = NULL;
    struct shale_err err;
    shale_err_clear(&err);
    *seen = (struct seen){.manifest_id = -1};
    enum shale_status status = shale_reader_open(&shale_mem_libc, &file->random,
                                                 &(struct shale_reader_options){0}, &reader, &err);
    if (status == SHALE_OK)
        status = see_rows(sim, reader, seen, &err);
    if (status == SHALE_OK)
        seen->manifest_id = find_manifest(shale_reader_file(reader));
    else
        sim_violation(sim, "the file cannot be read: %s", err.message);
    shale_reader_free(reader);
}

/* What replays may have brought ('maybe'), and the rejects that they have read: returned. */
static int64_t see_replays(struct sim *sim, bool maybe[SIM_EVENT_IDS])
{
    const struct shale_manifest *manifest = &sim->file.manifest;
    const struct shale_ledger_cursor_options options = {.segments = manifest->ledger,
                                                        .n_segments = manifest->n_ledger};
    struct shale_ledger_cursor *cursor = NULL;
    const struct shale_ledger_row *row = NULL;
    int64_t n_read = 0;
    enum shale_status status = shale_ledger_cursor_new(sim->table, &options, &cursor, NULL);
    while (status == SHALE_OK) {
        const struct sim_version *version;
        status = shale_ledger_cursor_next(cursor, &row, NULL);
        if (status != SHALE_OK || row == NULL)
            break;
        if (shale_str_is(row->source, SHALE_REJECTS_SOURCE)) {
            n_read += row->read;
            continue;
        }
        version = sim_source_find(sim, row->key, row->tag);
        for (uint32_t i = 0; version != NULL && row->read > 0 && i < version->n_rejected; i++)
            maybe[version->rejected[i]] = sim_is_fixable(version->rejected[i]);
    }
    shale_ledger_cursor_free(cursor);
    return n_read;
}

/* ---- What follows from what -------------------------------------------------------------------
 */

/* Its segments are there, and their sums and its own counts give what there is. */
static void check_counts(struct sim *sim, const struct seen *seen)
{
    const struct shale_manifest *manifest = &sim->file.manifest;
    bool maybe[SIM_EVENT_IDS];
    int64_t rows = -manifest->rows_gone, rejects = -manifest->rejects_gone;
    if (sim->file.has_replays)
        rejects -= see_replays(sim, maybe);
    for (size_t i = 0; i < manifest->n_ledger; i++) {
        rows += manifest->ledger[i].written;
        rejects += manifest->ledger[i].rejected;
    }
    for (size_t i = 0; i < manifest->n_rejects; i++) {
        struct shale_store_file *file = NULL;
        if (shale_store_open(sim->table, manifest->rejects[i].path.data, &file, NULL) != SHALE_OK)
            sim_violation(sim, "rejects of version %lld are missing: %s",
                          (long long)manifest->version, manifest->rejects[i].path.data);
        shale_store_close(file);
        rejects -= manifest->rejects[i].n_rows;
    }
    if (rows != seen->n_rows || rejects != 0)
        sim_violation(sim, "version %lld has %lld rows, its ledger %lld, and %lld rejects more",
                      (long long)manifest->version, (long long)seen->n_rows, (long long)rows,
                      (long long)rejects);
}

/* Does an erasure of 'manifest', from the 'first' on, hold for it?  Each is of one condition. */
static bool is_erased(const struct shale_manifest *manifest, size_t first, int32_t event)
{
    for (size_t i = first; i < manifest->n_erasures; i++) {
        const struct shale_erasure *one = &manifest->erasures[i];
        char value[16], text[16];
        (void)snprintf(value, sizeof value, "%.*s", SHALE_STR_ARG(one->value));
        sim_day_text(sim_day_of(event), text);
        if (one->is_before ? strcmp(text, value) < 0 : strtol(value, NULL, 10) == event)
            return true;
    }
    return false;
}

/* One that a replay brings for the first time is not one that was erased. */
static void look_at_replayed(struct sim *sim, int32_t event)
{
    struct sim_file *file = &sim->file;
    file->replayed[event] = 1;
    if (is_erased(&file->manifest, 0, event))
        sim_violation(sim, "event %d was erased, and version %lld has it", event,
                      (long long)file->manifest.version);
}

/* Each event once, and just those of the ledger and of the tool whose file was adopted, but for
 * what was erased. */
static void check_events(struct sim *sim, const struct seen *seen, bool is_old)
{
    struct sim_file *file = &sim->file;
    struct sim_live want = {0};
    bool maybe[SIM_EVENT_IDS] = {false};
    if (file->has_replays)
        (void)see_replays(sim, maybe);
    sim_want_ledger(sim, &file->manifest, &want, "the file");
    for (int event = 0; event < SIM_EVENT_IDS; event++) {
        int there = seen->live.count[event], wanted = want.count[event] + file->adopted[event];
        if (maybe[event] && there > 0 && file->replayed[event] == 0)
            look_at_replayed(sim, event);
        if (is_old) /* it was looked at when it was new; later replays are undone with it */
            file->replayed[event] = there > wanted;
        wanted += file->replayed[event];
        if (is_old)
            file->gone[event] = (uint8_t)(wanted - there);
        else if (there > 1 || there != wanted - file->gone[event])
            sim_violation(sim, "version %lld has event %d %d times, its ledger %d times, %d erased",
                          (long long)file->manifest.version, event, there, wanted,
                          file->gone[event]);
    }
}

/* The rows of the file before that are not in this one: as many as it says, all erased by it; and
 * what it erases for the first time is not there any more. */
static void check_gone(struct sim *sim, const struct shale_manifest *before,
                       const struct seen *seen)
{
    struct sim_file *file = &sim->file;
    const struct shale_manifest *manifest = &file->manifest;
    int64_t n_gone = 0;
    for (int event = 0; event < SIM_EVENT_IDS; event++) {
        bool goes = file->events[event] > seen->live.count[event];
        if (goes && !is_erased(manifest, 0, event))
            sim_violation(sim, "event %d is gone in version %lld", event,
                          (long long)manifest->version);
        if (seen->live.count[event] > 0 && is_erased(manifest, before->n_erasures, event))
            sim_violation(sim, "event %d is still there in version %lld, which erases it", event,
                          (long long)manifest->version);
        file->gone[event] = (uint8_t)(file->gone[event] + goes);
        n_gone += goes;
    }
    if (before->id >= 0 && n_gone != manifest->rows_gone - before->rows_gone)
        sim_violation(sim, "version %lld took out %lld rows, and says %lld",
                      (long long)manifest->version, (long long)n_gone,
                      (long long)(manifest->rows_gone - before->rows_gone));
}

static void check_claims(struct sim *sim)
{
    for (size_t i = 0; i < sim->n_claims; i++) {
        const struct sim_claim *claim = &sim->claims[i];
        if (claim->status == SHALE_OK || claim->status == SHALE_UNSURE || claim->path[0] == '\0')
            continue;
        /* What it looks for its own in may have been kept from it: the next one finds it. */
        if (sim->has_vandal)
            continue;
        for (size_t j = 0; j < sim->file.n_published; j++)
            if (strcmp(sim->file.published[j], claim->path) == 0)
                sim_violation(sim, "%s did not commit (%s), and its ledger is published", claim->by,
                              shale_status_name(claim->status));
    }
}

/* 'is_old': what came after it was taken back with its ledger. */
static void publish(struct sim *sim, bool is_old)
{
    struct sim_file *file = &sim->file;
    const struct shale_manifest *manifest = &file->manifest;
    if (is_old)
        file->n_published = 0;
    for (size_t i = 0; i < manifest->n_ledger; i++) {
        size_t j = 0;
        while (j < file->n_published && !shale_str_is(manifest->ledger[i].path, file->published[j]))
            j++;
        if (j == file->n_published && j < SIM_CLAIMS)
            (void)snprintf(file->published[file->n_published++], sizeof file->published[0], "%s",
                           manifest->ledger[i].path.data);
    }
    check_claims(sim);
}

static bool is_known(const struct sim_file *file, int64_t manifest_id)
{
    for (size_t i = 0; i < file->n_states; i++)
        if (file->states[i].manifest_id == manifest_id)
            return true;
    return false;
}

/* A file of ours that is new: it was made on the one before. */
static void check_made_on(struct sim *sim, const struct shale_manifest *before,
                          const struct seen *seen, bool began_anew)
{
    const struct shale_manifest *manifest = &sim->file.manifest;
    if (manifest->parent != before->id || manifest->version != before->version + 1)
        sim_violation(sim, "version %lld was made on %lld, and took the place of version %lld",
                      (long long)manifest->version, (long long)manifest->parent,
                      (long long)before->version);
    if (!began_anew)
        check_gone(sim, before, seen);
}

static void look_at_ours(struct sim *sim, const struct seen *seen)
{
    struct sim_file *file = &sim->file;
    struct shale_manifest before = file->manifest;
    struct shale_err err;
    bool is_old = is_known(file, seen->manifest_id), began_anew;
    shale_err_clear(&err);
    shale_arena_reset(&file->arena);
    enum shale_status status =
        shale_manifest_read(sim->table, &file->arena, seen->manifest_id, &file->manifest, &err);
    if (status != SHALE_OK) {
        /* One who looked before there was a file wrote the first one while it was taken away, and
         * its manifest was swept since: the next run says that it is missing. */
        file->is_damaged = status == SHALE_NOT_FOUND && file->was_away && sim->has_sweeper;
        if (!file->is_damaged)
            sim_violation(sim, "the manifest that the file names: %s", err.message);
        file->manifest = (struct shale_manifest){.id = -1, .parent = -1, .version = -1};
        return;
    }
    /* One who looked before there was a file may write the first one while it is taken away. */
    began_anew = file->was_away && file->manifest.parent < 0 && file->manifest.version == 0;
    if (began_anew) {
        before = (struct shale_manifest){.id = -1, .version = -1};
        memset(file->adopted, 0, sizeof file->adopted);
        memset(file->gone, 0, sizeof file->gone);
        memset(file->replayed, 0, sizeof file->replayed);
    }
    if (is_old && !file->was_away)
        sim_violation(sim, "the file is version %lld again", (long long)file->manifest.version);
    else if (!is_old)
        check_made_on(sim, &before, seen, began_anew);
    check_events(sim, seen, is_old);
    check_counts(sim, seen);
    publish(sim, is_old || began_anew);
}

static void look(struct sim *sim, struct shale_store_file *found)
{
    struct sim_file *file = &sim->file;
    struct seen seen;
    see(sim, found, &seen);
    if (seen.manifest_id >= 0) {
        look_at_ours(sim, &seen);
    } else {
        file->manifest = (struct shale_manifest){.id = -1, .parent = -1, .version = -1};
        memcpy(file->adopted, seen.live.count, sizeof file->adopted);
        memset(file->gone, 0, sizeof file->gone);
        memset(file->replayed, 0, sizeof file->replayed);
        file->n_published = 0;
    }
    memcpy(file->events, seen.live.count, sizeof file->events);
    sim_say(sim, "(file)", "version %lld of %lld rows", (long long)file->manifest.version,
            (long long)seen.n_rows);
    if (file->n_states == SIM_STATES)
        sim_violation(sim, "the file had %d states", SIM_STATES);
    else
        file->states[file->n_states++] =
            (struct sim_state){seen.manifest_id, file->manifest.version, seen.n_rows};
}

void sim_watch_file(struct sim *sim)
{
    struct sim_file *file = &sim->file;
    struct shale_store_file *found = NULL;
    if (file->is_damaged)
        return;
    if (shale_store_open(sim->bucket, SIM_FILE, &found, NULL) != SHALE_OK)
        found = NULL;
    if (strcmp(file->tag, found == NULL ? "" : found->tag) != 0) {
        (void)snprintf(file->tag, sizeof file->tag, "%s", found == NULL ? "" : found->tag);
        if (found != NULL)
            look(sim, found);
    }
    shale_store_close(found);
}

void sim_file_claim(struct sim *sim, const struct sim_claim *claim)
{
    const struct sim_file *file = &sim->file;
    sim_watch_file(sim);
    if (file->is_damaged)
        return;
    if (claim->status == SHALE_OK && !is_known(file, claim->manifest_id))
        sim_violation(sim, "%s committed version %lld, which nobody saw", claim->by,
                      (long long)claim->version);
    check_claims(sim);
}

/* ---- When all is quiet ------------------------------------------------------------------------
 */

static bool is_named(const struct shale_manifest *manifest, struct shale_str key)
{
    char name[SHALE_MANIFEST_NAME_BYTES];
    shale_manifest_name(manifest->id, name);
    /* Up to when superseded manifests were swept is said beside them. */
    bool named = shale_str_is(key, name) || strncmp(key.data, "_shale/swept", 12) == 0;
    for (size_t i = 0; i < manifest->n_ledger; i++)
        named |= shale_str_equal(key, manifest->ledger[i].path);
    for (size_t i = 0; i < manifest->n_rejects; i++)
        named |= shale_str_equal(key, manifest->rejects[i].path);
    return named;
}

/* After a sweep that nobody is beside, what killed runs have left is gone, and nothing else. */
static void check_swept(struct sim *sim)
{
    const struct shale_sweep_options options = {.alone = true};
    struct shale_swept swept;
    struct shale_store_list *list = NULL;
    struct shale_store_entry entry;
    struct sim_live want = {0};
    struct shale_err err;
    bool end = false;
    shale_err_clear(&err);
    enum shale_status status = shale_sweep_single(sim->bucket, SIM_FILE, &options, &swept, &err);
    if (status == SHALE_OK)
        status = shale_store_list(sim->table, "_shale/", "", &list, &err);
    while (status == SHALE_OK) {
        status = shale_store_list_next(sim->table, list, &entry, &end, &err);
        if (status != SHALE_OK || end)
            break;
        if (!is_named(&sim->file.manifest, entry.key))
            sim_violation(sim, "after the last sweep there is %s", entry.key.data);
    }
    shale_store_list_free(sim->table, list);
    if (status != SHALE_OK)
        sim_violation(sim, "the last sweep: %s", err.message);
    sim_want_ledger(sim, &sim->file.manifest, &want, "after the last sweep");
}

void sim_check_file(struct sim *sim)
{
    const struct sim_file *file = &sim->file;
    sim_watch(sim);
    if (file->is_damaged)
        return;
    if (file->tag[0] != '\0' && file->manifest.id < 0) {
        sim_violation(sim, "in the end there is another tool's file");
        return;
    }
    sim_check_objects(sim, &file->manifest);
    if (file->manifest.id < 0)
        return;
    check_swept(sim);
    struct seen seen;
    struct shale_store_file *found = NULL;
    if (shale_store_open(sim->bucket, SIM_FILE, &found, NULL) != SHALE_OK) {
        sim_violation(sim, "the last sweep took the file");
        return;
    }
    see(sim, found, &seen);
    check_counts(sim, &seen);
    shale_store_close(found);
}
