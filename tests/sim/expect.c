/* SPDX-License-Identifier: MIT */
/* What a table should hold where rows are taken out, too: the model follows the log entry by entry,
 * by the rows of the ledger that are new, and by nothing else. */
#include <stdlib.h>
#include <string.h>

#include "sim.h"

static bool is_fixed(const struct shale_ledger_row *row)
{
    return shale_str_is(row->definition, "corrected");
}

static struct sim_row *find_row(struct sim_expect *expect, const struct shale_ledger_row *row)
{
    for (size_t i = 0; i < expect->n_rows; i++)
        if (shale_str_is(row->source, expect->rows[i].source) &&
            shale_str_is(row->key, expect->rows[i].key) &&
            shale_str_is(row->tag, expect->rows[i].tag))
            return &expect->rows[i];
    return NULL;
}

/* ---- Rejects ----------------------------------------------------------------------------------
 */

static const struct sim_rejects *find_rejects(const struct sim_expect *expect,
                                              struct shale_str path)
{
    for (size_t i = 0; i < expect->n_rejects; i++)
        if (shale_str_is(path, expect->rejects[i].path))
            return &expect->rejects[i];
    return NULL;
}

static void learn_rejects(struct sim *sim, const struct shale_segment *segment)
{
    struct sim_expect *expect = &sim->expect;
    struct sim_rejects *rejects = &expect->rejects[expect->n_rejects];
    struct shale_buf text;
    if (find_rejects(expect, segment->path) != NULL || expect->n_rejects == SIM_REJECT_SEGMENTS)
        return;
    shale_buf_init(&text, &shale_mem_libc, (size_t)1 << 20);
    (void)snprintf(rejects->path, sizeof rejects->path, "%.*s", SHALE_STR_ARG(segment->path));
    rejects->n_fixable = 0;
    if (shale_store_read(sim->table, rejects->path, &text, NULL) != SHALE_OK ||
        shale_buf_append_byte(&text, '\0') != SHALE_OK)
        sim_violation(sim, "the rejects %s are missing", rejects->path);
    for (const char *at = text.data; at != NULL && *at != '\0' && sim->violation[0] == '\0';) {
        int32_t event = *at == 'x' ? (int32_t)strtol(at + 1, NULL, 10) : -1;
        if (event >= 0 && sim_is_fixable(event) && rejects->n_fixable < SIM_REJECT_LINES)
            rejects->fixable[rejects->n_fixable++] = event;
        at = strchr(at, '\n');
        at = at != NULL ? at + 1 : NULL;
    }
    expect->n_rejects++;
    shale_buf_fini(&text);
}

/* ---- Rows -------------------------------------------------------------------------------------
 */

static void expect_event(struct sim *sim, int32_t event)
{
    if (sim->expect.now[event])
        sim_violation(sim, "event %d was consumed twice", (int)event);
    sim->expect.now[event] = true;
}

static void consume_rejects(struct sim *sim, const struct shale_ledger_row *row)
{
    const struct sim_rejects *rejects = find_rejects(&sim->expect, row->key);
    if (rejects == NULL) {
        sim_violation(sim, "a replay of %.*s, which never was", SHALE_STR_ARG(row->key));
        return;
    }
    for (size_t i = 0; i < rejects->n_fixable; i++)
        expect_event(sim, rejects->fixable[i]);
}

/* Take out what 'drop' says. */
static void forget(struct sim *sim, const bool drop[SIM_EVENT_IDS])
{
    for (int event = 0; event < SIM_EVENT_IDS; event++)
        sim->expect.now[event] &= !drop[event];
}

static void consume_object(struct sim *sim, const struct shale_ledger_row *row, bool is_again)
{
    const struct sim_version *version = sim_source_find(sim, row->key, row->tag);
    bool drop[SIM_EVENT_IDS] = {false};
    if (version == NULL || row->state != SHALE_LEDGER_DONE || row->read == 0)
        return;
    if (sim->change == SIM_REPLACES)
        sim_drop_object(sim, row->key, drop);
    for (uint32_t i = 0; i < version->n_events && is_again; i++)
        drop[version->events[i]] = true;
    for (uint32_t i = 0; i < version->n_rejected && is_again; i++)
        drop[version->rejected[i]] = true;
    forget(sim, drop);
    for (uint32_t i = 0; i < version->n_events; i++)
        expect_event(sim, version->events[i]);
    for (uint32_t i = 0; i < version->n_rejected && is_fixed(row); i++)
        if (sim_is_fixable(version->rejected[i]))
            expect_event(sim, version->rejected[i]);
}

/* One row of the ledger as it is now. */
static void take_row(struct sim *sim, const struct shale_ledger_row *row)
{
    struct sim_expect *expect = &sim->expect;
    struct sim_row *known = find_row(expect, row);
    if (known != NULL && known->is_fixed == is_fixed(row))
        return;
    if (shale_str_is(row->source, SHALE_REJECTS_SOURCE))
        consume_rejects(sim, row);
    else
        consume_object(sim, row, known != NULL);
    if (known == NULL && expect->n_rows < SIM_ROWS) {
        known = &expect->rows[expect->n_rows++];
        (void)snprintf(known->source, sizeof known->source, "%.*s", SHALE_STR_ARG(row->source));
        (void)snprintf(known->key, sizeof known->key, "%.*s", SHALE_STR_ARG(row->key));
        (void)snprintf(known->tag, sizeof known->tag, "%.*s", SHALE_STR_ARG(row->tag));
    }
    if (known != NULL)
        known->is_fixed = is_fixed(row);
}

/* ---- Entries ----------------------------------------------------------------------------------
 */

struct totals {
    int64_t n_rows, written, rejected, replayed;
};

/* All rows of the live segments; rows that replace others may come in any order. */
static enum shale_status take_rows(struct sim *sim, const struct shale_manifest *manifest,
                                   struct totals *totals)
{
    const struct shale_ledger_cursor_options options = {.segments = manifest->ledger,
                                                        .n_segments = manifest->n_ledger};
    struct shale_ledger_cursor *cursor = NULL;
    const struct shale_ledger_row *row = NULL;
    enum shale_status status = shale_ledger_cursor_new(sim->table, &options, &cursor, NULL);
    while (status == SHALE_OK) {
        status = shale_ledger_cursor_next(cursor, &row, NULL);
        if (status != SHALE_OK || row == NULL)
            break;
        take_row(sim, row);
        totals->n_rows++;
        totals->written += row->written;
        totals->rejected += row->rejected;
        if (shale_str_is(row->source, SHALE_REJECTS_SOURCE))
            totals->replayed += row->read;
    }
    shale_ledger_cursor_free(cursor);
    return status;
}

/* The sums that 'shale verify' looks at. */
static void check_sums(struct sim *sim, const struct shale_manifest *manifest,
                       const struct totals *totals, int64_t version)
{
    int64_t n_live = 0, n_rejects = 0;
    for (int event = 0; event < SIM_FOREIGN_EVENTS; event++)
        n_live += sim->expect.now[event];
    for (size_t i = 0; i < manifest->n_rejects; i++)
        n_rejects += manifest->rejects[i].n_rows;
    if (totals->n_rows != (int64_t)sim->expect.n_rows)
        sim_violation(sim, "entry %lld: the ledger has %lld rows, not %zu", (long long)version,
                      (long long)totals->n_rows, sim->expect.n_rows);
    if (!sim->dedupes && totals->written - manifest->rows_gone != n_live)
        sim_violation(sim, "entry %lld: %lld rows were written and are not gone, %lld are there",
                      (long long)version, (long long)(totals->written - manifest->rows_gone),
                      (long long)n_live);
    if (totals->rejected - totals->replayed - manifest->rejects_gone != n_rejects)
        sim_violation(sim,
                      "entry %lld: rejects: %lld, of which %lld were replayed and %lld are "
                      "gone; %lld are there",
                      (long long)version, (long long)totals->rejected, (long long)totals->replayed,
                      (long long)manifest->rejects_gone, (long long)n_rejects);
}

static void follow(struct sim *sim, int64_t version, int64_t id)
{
    struct shale_arena arena;
    struct shale_manifest manifest;
    struct totals totals = {0};
    shale_arena_init(&arena, &shale_mem_libc, (size_t)1 << 24);
    enum shale_status status = shale_manifest_read(sim->table, &arena, id, &manifest, NULL);
    if (status == SHALE_OK)
        status = take_rows(sim, &manifest, &totals);
    for (size_t i = 0; status == SHALE_OK && i < manifest.n_rejects; i++)
        learn_rejects(sim, &manifest.rejects[i]);
    if (status == SHALE_OK)
        check_sums(sim, &manifest, &totals, version);
    else
        sim_violation(sim, "what entry %lld names cannot be read: %s", (long long)version,
                      shale_status_name(status));
    shale_arena_fini(&arena);
}

void sim_expect(struct sim *sim, int64_t version)
{
    struct sim_expect *expect = &sim->expect;
    int64_t id = sim_manifest_id(sim, version);
    if (id >= 0 && (version == 0 || id != sim_manifest_id(sim, version - 1)))
        follow(sim, version, id);
    for (int event = 0; event < SIM_EVENT_IDS; event++)
        if (expect->now[event])
            expect->live[version][event / 8] |= (uint8_t)(1 << event % 8);
}

bool sim_expects(const struct sim *sim, int64_t version, int32_t event)
{
    return sim->expect.live[version][event / 8] >> event % 8 & 1;
}
