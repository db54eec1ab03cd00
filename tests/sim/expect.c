/* SPDX-License-Identifier: MIT */
/* What a table should hold where rows are taken out, too: the model follows the log entry by entry,
 * by the rows of the ledger that are new, and by nothing else. */
#include <stdlib.h>
#include <string.h>

#include "work.h"

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

/* ---- Erasures ---------------------------------------------------------------------------------
 */

bool sim_erases(const struct sim *sim, size_t i, int32_t event)
{
    const struct sim_erase *erase = &sim->erases[i];
    return erase->is_before ? sim_day_of(event) < erase->value : event == erase->value;
}

/* What is read again must not bring it back. */
static bool is_erased(const struct sim *sim, int32_t event)
{
    for (size_t i = 0; i < sim->n_erases; i++)
        if (sim->expect.erased[i] && sim_erases(sim, i, event))
            return true;
    return false;
}

/* Which erasure a text tells of: its last condition, which holds for all, is the n-th day of
 * 2100. */
static size_t number_of(const char *text)
{
    static const char mark[] = "2100-01-";
    const char *at = text != NULL ? strstr(text, mark) : NULL;
    return at != NULL ? (size_t)strtol(at + sizeof mark - 1, NULL, 10) - 1 : SIM_ERASES;
}

/* Rows that the erasure has seen go, as do those that a replay or a rebuild brought since; those of
 * new objects stay. */
static void erase_rows(struct sim *sim, size_t number)
{
    struct sim_expect *expect = &sim->expect;
    int64_t base = sim->erases[number].base;
    for (int32_t event = 0; event < SIM_EVENT_IDS; event++) {
        if (!sim_erases(sim, number, event))
            continue;
        if (expect->again[event] || sim_expects(sim, base, event)) {
            expect->may_lack[sim_key_of(event)] |= expect->now[event];
            expect->now[event] = false;
        }
    }
}

/* The same of rejects, of which the table says itself which there are. */
static void check_rejects_erased(struct sim *sim, size_t number, int64_t version)
{
    int64_t base = sim->erases[number].base;
    for (int32_t event = 0; event < SIM_EVENT_IDS; event++) {
        int64_t since = sim->expect.rejected_since[event];
        if (since > 0 && since - 1 <= base && sim_erases(sim, number, event))
            sim_violation(sim, "entry %lld: the rejected event %d is erased, and there",
                          (long long)version, (int)event);
    }
}

/* Conditions stay for ever. */
static void check_conditions(struct sim *sim, const struct shale_manifest *manifest,
                             int64_t version)
{
    bool there[SIM_ERASES] = {false};
    for (size_t i = 0; i < manifest->n_erasures; i++) {
        char value[24];
        (void)snprintf(value, sizeof value, "%.*s", SHALE_STR_ARG(manifest->erasures[i].value));
        size_t number = number_of(value);
        if (number < SIM_ERASES)
            there[number] = true;
    }
    if (memcmp(there, sim->expect.erased, sizeof there) != 0)
        sim_violation(sim, "entry %lld: its manifest has other erasures than there were",
                      (long long)version);
}

/* ---- Rejects ----------------------------------------------------------------------------------
 */

static struct sim_rejects *find_rejects(struct sim_expect *expect, struct shale_str path)
{
    for (size_t i = 0; i < expect->n_rejects; i++)
        if (shale_str_is(path, expect->rejects[i].path))
            return &expect->rejects[i];
    return NULL;
}

static struct sim_rejects *learn_rejects(struct sim *sim, const struct shale_segment *segment)
{
    struct sim_expect *expect = &sim->expect;
    struct sim_rejects *rejects = find_rejects(expect, segment->path);
    struct shale_buf text;
    if (rejects != NULL || expect->n_rejects == SIM_REJECT_SEGMENTS)
        return rejects;
    rejects = &expect->rejects[expect->n_rejects++];
    shale_buf_init(&text, &shale_mem_libc, (size_t)1 << 20);
    (void)snprintf(rejects->path, sizeof rejects->path, "%.*s", SHALE_STR_ARG(segment->path));
    if (rejects_read(sim->table, segment->path, &text, NULL) != SHALE_OK ||
        shale_buf_append_byte(&text, '\0') != SHALE_OK)
        sim_violation(sim, "the rejects %s are missing", rejects->path);
    for (const char *at = text.data; at != NULL && *at != '\0' && sim->violation[0] == '\0';) {
        if (*at == 'x' && rejects->n_events < SIM_REJECT_LINES)
            rejects->events[rejects->n_events++] = (int32_t)strtol(at + 1, NULL, 10);
        at = strchr(at, '\n');
        at = at != NULL ? at + 1 : NULL;
    }
    shale_buf_fini(&text);
    return rejects;
}

/* Which events are rejected after this entry, and since when.  'reads_again': the entry is a
 * replay's or a rebuild's, which brings none that was erased. */
static void take_rejects(struct sim *sim, const struct shale_manifest *manifest, int64_t version,
                         bool reads_again)
{
    bool there[SIM_EVENT_IDS] = {false};
    for (size_t i = 0; i < manifest->n_rejects; i++) {
        const struct sim_rejects *rejects = learn_rejects(sim, &manifest->rejects[i]);
        for (size_t k = 0; rejects != NULL && k < rejects->n_events; k++)
            there[rejects->events[k] % SIM_EVENT_IDS] = true;
    }
    for (int32_t event = 0; event < SIM_EVENT_IDS; event++) {
        int64_t *since = &sim->expect.rejected_since[event];
        if (there[event] && *since == 0 && reads_again && is_erased(sim, event))
            sim_violation(sim, "entry %lld: the rejected event %d comes back", (long long)version,
                          (int)event);
        *since = !there[event] ? 0 : *since == 0 ? version + 1 : *since;
    }
}

/* ---- Rows -------------------------------------------------------------------------------------
 */

static void expect_event(struct sim *sim, int32_t event, bool is_again)
{
    if (is_again && is_erased(sim, event))
        return;
    if (sim->expect.now[event])
        sim_violation(sim, "event %d was consumed twice", (int)event);
    sim->expect.now[event] = true;
    sim->expect.again[event] = is_again;
}

static void consume_rejects(struct sim *sim, const struct shale_ledger_row *row)
{
    const struct sim_rejects *rejects = find_rejects(&sim->expect, row->key);
    if (rejects == NULL) {
        sim_violation(sim, "a replay of %.*s, which never was", SHALE_STR_ARG(row->key));
        return;
    }
    for (size_t i = 0; i < rejects->n_events; i++)
        if (sim_is_fixable(rejects->events[i]))
            expect_event(sim, rejects->events[i], true);
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
    if (is_again)
        sim_drop_version(version, drop);
    forget(sim, drop);
    for (uint32_t i = 0; i < version->n_events; i++)
        expect_event(sim, version->events[i], is_again);
    for (uint32_t i = 0; i < version->n_rejected && is_fixed(row); i++)
        if (sim_is_fixable(version->rejected[i]))
            expect_event(sim, version->rejected[i], is_again);
    for (uint32_t i = 0; i < version->n_filtered && is_fixed(row); i++)
        if (sim_is_fixable(version->filtered[i]))
            expect_event(sim, version->filtered[i], is_again);
}

/* One row of the ledger as it is now; returns whether something was read again for it. */
static bool take_row(struct sim *sim, const struct shale_ledger_row *row)
{
    struct sim_expect *expect = &sim->expect;
    struct sim_row *known = find_row(expect, row);
    bool is_replay = shale_str_is(row->source, SHALE_REJECTS_SOURCE), is_again = known != NULL;
    if (known != NULL && known->is_fixed == is_fixed(row))
        return false;
    if (is_replay)
        consume_rejects(sim, row);
    else
        consume_object(sim, row, is_again);
    if (known == NULL && expect->n_rows < SIM_ROWS) {
        known = &expect->rows[expect->n_rows++];
        (void)snprintf(known->source, sizeof known->source, "%.*s", SHALE_STR_ARG(row->source));
        (void)snprintf(known->key, sizeof known->key, "%.*s", SHALE_STR_ARG(row->key));
        (void)snprintf(known->tag, sizeof known->tag, "%.*s", SHALE_STR_ARG(row->tag));
    }
    if (known != NULL)
        known->is_fixed = is_fixed(row);
    return is_replay || is_again;
}

/* ---- Sums -------------------------------------------------------------------------------------
 */

struct totals {
    int64_t n_rows, written, rejected, replayed;
    bool reads_again; /* a replay's or a rebuild's */
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
        totals->reads_again |= take_row(sim, row);
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

/* ---- The sealed past --------------------------------------------------------------------------
 */

static const struct sim_sealing *find_sealing(const struct sim *sim,
                                              const struct shale_manifest *manifest)
{
    for (size_t i = 0; i < sim->n_sealings; i++)
        for (size_t k = 0; k < manifest->n_added; k++)
            if (shale_str_is(manifest->added[k], sim->sealings[i].ledger))
                return &sim->sealings[i];
    return NULL;
}

/* What lay below a seal before its run began to list was decided. */
static void check_seal(struct sim *sim, const struct shale_manifest *manifest, int64_t version)
{
    struct sim_expect *expect = &sim->expect;
    const struct shale_seal *seal = manifest->seals;
    const struct sim_sealing *sealing = find_sealing(sim, manifest);
    if (manifest->n_seals > 1 || (manifest->n_seals == 0 && expect->seal[0] != '\0'))
        sim_violation(sim, "entry %lld: %zu seals", (long long)version, manifest->n_seals);
    if (manifest->n_seals != 1 ||
        (shale_str_is(seal->key, expect->seal) && seal->version == expect->seal_version))
        return;
    (void)snprintf(expect->seal, sizeof expect->seal, "%.*s", SHALE_STR_ARG(seal->key));
    expect->seal_version = seal->version;
    sim->n_seals++;
    if (sealing == NULL) {
        sim_violation(sim, "entry %lld: nobody's seal", (long long)version);
        return;
    }
    for (size_t i = 0; i < sim->n_objects; i++) {
        const struct sim_object *object = &sim->objects[i];
        const struct shale_ledger_row row = {
            .source = SHALE_STR("source"),
            .key = shale_str_of(object->key),
            .tag = shale_str_of(object->versions[object->n_versions - 1].tag)};
        if (object->is_there && object->placed < sealing->listed &&
            strcmp(object->key, sealing->from) > 0 && strcmp(object->key, expect->seal) <= 0 &&
            find_row(expect, &row) == NULL)
            sim_violation(sim, "entry %lld: %s is sealed, and was not read", (long long)version,
                          object->key);
    }
}

/* ---- Entries ----------------------------------------------------------------------------------
 */

static void follow(struct sim *sim, int64_t version, int64_t id, size_t erasure)
{
    struct shale_arena arena;
    struct shale_manifest manifest;
    struct totals totals = {0};
    shale_arena_init(&arena, &shale_mem_libc, (size_t)1 << 24);
    enum shale_status status = shale_manifest_read(sim->table, &arena, id, &manifest, NULL);
    if (status == SHALE_OK)
        status = take_rows(sim, &manifest, &totals);
    if (status == SHALE_OK) {
        take_rejects(sim, &manifest, version, totals.reads_again || manifest.n_taken > 0);
        if (erasure < sim->n_erases) {
            erase_rows(sim, erasure);
            check_rejects_erased(sim, erasure, version);
            sim->expect.erased[erasure] = true;
        }
        check_sums(sim, &manifest, &totals, version);
        check_conditions(sim, &manifest, version);
        check_seal(sim, &manifest, version);
    } else {
        sim_violation(sim, "what entry %lld names cannot be read: %s", (long long)version,
                      shale_status_name(status));
    }
    shale_arena_fini(&arena);
}

/* Rows of foreign writers go as ours do. */
static void expect_foreign(struct sim *sim, int64_t version)
{
    static const char mark[] = "{\"add\":{\"path\":\"foreign-";
    const char *at = sim->entries[version];
    while ((at = strstr(at, mark)) != NULL) {
        at += sizeof mark - 1;
        sim->expect.now[strtol(at, NULL, 10) % SIM_EVENT_IDS] = true;
    }
}

void sim_expect(struct sim *sim, int64_t version)
{
    struct sim_expect *expect = &sim->expect;
    int64_t id = sim_manifest_id(sim, version);
    bool is_erasure = strstr(sim->entries[version], "\"operation\":\"DELETE\"") != NULL;
    expect_foreign(sim, version);
    if (id >= 0 && (version == 0 || id != sim_manifest_id(sim, version - 1)))
        follow(sim, version, id, is_erasure ? number_of(sim->entries[version]) : SIM_ERASES);
    for (int event = 0; event < SIM_EVENT_IDS; event++)
        if (expect->now[event])
            expect->live[version][event / 8] |= (uint8_t)(1 << event % 8);
}

bool sim_expects(const struct sim *sim, int64_t version, int32_t event)
{
    return sim->expect.live[version][event / 8] >> event % 8 & 1;
}
