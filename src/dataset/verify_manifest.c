/* SPDX-License-Identifier: MIT */
/* Manifests, from the newest back as far as they are kept: each made on its parent for the version
 * whose entry names it, its sums those of its parent and of what it added. */
#include <inttypes.h>
#include <stdio.h>

#include "base/checked.h"
#include "dataset/sweep_parts.h"
#include "dataset/verify_parts.h"

/* Before that a superseded manifest is not deleted, but by a sweep that was told to; then it says
 * so (docs/sweep.md). */
#define RETENTION_MS (INT64_C(7) * 24 * 60 * 60 * 1000)

enum { N_COUNTS = 5 };

struct sums {
    int64_t n_rows;
    int64_t counts[N_COUNTS]; /* read, written, rejected, filtered, duplicates */
    int64_t n_rejects;
};

static const char *const count_names[N_COUNTS] = {"events read", "rows written", "events rejected",
                                                  "events filtered", "duplicates"};

struct link {
    int64_t id, parent, version;
    int64_t parent_since_ms; /* when its parent was superseded; -1: not said */
    struct sums sums;
    struct sums added; /* by the commit itself, less what it took out, when that is known */
    bool added_known;
    int64_t rows_gone;
};

/* ---- Sums -------------------------------------------------------------------------------------
 */

/* Wrong numbers may overflow: they wrap, and then differ. */
static int64_t plus(int64_t a, int64_t b)
{
    return (int64_t)((uint64_t)a + (uint64_t)b);
}

static int64_t minus(int64_t a, int64_t b)
{
    return (int64_t)((uint64_t)a - (uint64_t)b);
}

static void add_segment(struct sums *sums, const struct shale_segment *segment)
{
    const int64_t counts[N_COUNTS] = {segment->read, segment->written, segment->rejected,
                                      segment->filtered, segment->duplicates};
    sums->n_rows = plus(sums->n_rows, segment->n_rows);
    for (size_t k = 0; k < N_COUNTS; k++)
        sums->counts[k] = plus(sums->counts[k], counts[k]);
}

static struct sums sum_manifest(const struct shale_manifest *manifest)
{
    struct sums sums = {0};
    for (size_t i = 0; i < manifest->n_ledger; i++)
        add_segment(&sums, &manifest->ledger[i]);
    for (size_t i = 0; i < manifest->n_rejects; i++)
        sums.n_rejects = plus(sums.n_rejects, manifest->rejects[i].n_rows);
    return sums;
}

static struct sums difference(struct sums of, const struct shale_segment *taken, size_t n)
{
    struct sums sums = {0};
    for (size_t i = 0; i < n; i++)
        add_segment(&sums, &taken[i]);
    of.n_rows = minus(of.n_rows, sums.n_rows);
    for (size_t k = 0; k < N_COUNTS; k++)
        of.counts[k] = minus(of.counts[k], sums.counts[k]);
    return of;
}

/* What the commit brought, less what it took out.  False: its ledger segment was merged at once,
 * nothing says its sums. */
static bool sum_added(const struct shale_manifest *manifest, struct sums *out)
{
    static const char ledger[] = "_shale/ledger/";
    size_t n_missing = 0;
    *out = (struct sums){0};
    for (size_t i = 0; i < manifest->n_added; i++) {
        struct shale_str path = manifest->added[i];
        size_t k = 0;
        if (path.n_bytes < sizeof ledger - 1 || memcmp(path.data, ledger, sizeof ledger - 1) != 0)
            continue; /* of rejects */
        while (k < manifest->n_ledger && !shale_str_equal(manifest->ledger[k].path, path))
            k++;
        if (k < manifest->n_ledger)
            add_segment(out, &manifest->ledger[k]);
        else
            n_missing++;
    }
    *out = difference(*out, manifest->taken, manifest->n_taken);
    return n_missing == 0;
}

static void found(struct shale_verify *verify, int64_t id, const struct shale_err *err,
                  bool is_note)
{
    char name[SHALE_MANIFEST_NAME_BYTES];
    shale_manifest_name(id, name);
    shale_verify_found(verify, err, name, is_note);
}

/* ---- One link of the chain --------------------------------------------------------------------
 */

static struct link link_of(const struct shale_manifest *manifest)
{
    struct link link = {.id = manifest->id,
                        .parent = manifest->parent,
                        .version = manifest->version,
                        .parent_since_ms = -1,
                        .rows_gone = manifest->rows_gone,
                        .sums = sum_manifest(manifest)};
    char name[SHALE_MANIFEST_NAME_BYTES];
    link.added_known = sum_added(manifest, &link.added);
    if (link.parent >= 0) {
        shale_manifest_name(link.parent, name);
        for (size_t i = 0; i < manifest->n_superseded; i++)
            if (shale_str_is(manifest->superseded[i].path, name))
                link.parent_since_ms = manifest->superseded[i].since_ms;
    }
    return link;
}

/* What an entry published is what its manifest says that it did: rows that were added, rows that
 * the ledger says were written and that are not gone.  An entry does not say how many rows were in
 * a file that it removes: where rows went, the totals alone can tell. */
static void compare_entry(struct shale_verify *verify, const struct link *link,
                          const struct link *before, const struct shale_log_entry *entry)
{
    int64_t n_added = 0, n_written = minus(link->sums.counts[1], before->sums.counts[1]);
    struct shale_err err;
    shale_err_clear(&err);
    if (entry->manifest_id != link->id) {
        (void)SHALE_ERR(&err, verify_manifest_entry, (long long)link->version,
                        (long long)entry->manifest_id);
        found(verify, link->id, &err, false);
        return;
    }
    if (entry->n_removes > 0)
        return;
    n_written = minus(n_written, minus(link->rows_gone, before->rows_gone));
    for (size_t i = 0; i < entry->n_adds; i++) {
        if (entry->adds[i].n_rows < 0)
            return;
        if (entry->adds[i].data_change)
            n_added = plus(n_added, entry->adds[i].n_rows);
    }
    if (n_added == n_written)
        return;
    (void)SHALE_ERR(&err, verify_commit_rows, (long long)link->version, (long long)n_added,
                    (long long)n_written);
    found(verify, link->id, &err, false);
}

/* Merging changes no sum: what a manifest has more than its parent is what its commit added, less
 * what it took out. */
static void compare_sums(struct shale_verify *verify, const struct link *link,
                         const struct sums *before)
{
    struct shale_err err;
    int64_t more = minus(link->sums.n_rows, before->n_rows);
    bool ok = link->added_known ? more == link->added.n_rows : more >= 0;
    shale_err_clear(&err);
    if (!ok) {
        (void)SHALE_ERR(&err, verify_manifest_sums, "objects", (long long)link->sums.n_rows,
                        (long long)before->n_rows, (long long)link->added.n_rows);
        found(verify, link->id, &err, false);
    }
    for (size_t k = 0; k < N_COUNTS; k++) {
        more = minus(link->sums.counts[k], before->counts[k]);
        ok = link->added_known ? more == link->added.counts[k] : more >= 0;
        if (ok)
            continue;
        (void)SHALE_ERR(&err, verify_manifest_sums, count_names[k], (long long)link->sums.counts[k],
                        (long long)before->counts[k], (long long)link->added.counts[k]);
        found(verify, link->id, &err, false);
    }
}

/* 'before' is NULL for the first manifest. */
static enum shale_status verify_link(struct shale_verify *verify, const struct link *link,
                                     const struct link *before)
{
    const struct link none = {.id = -1};
    struct shale_log_entry entry;
    struct shale_err err;
    enum shale_status status;
    shale_err_clear(&err);
    compare_sums(verify, link, before != NULL ? &before->sums : &none.sums);
    if (before != NULL && before->version >= link->version) {
        (void)SHALE_ERR(&err, verify_manifest_order, (long long)link->version,
                        (long long)before->version);
        found(verify, link->id, &err, false);
    }
    shale_err_clear(&err);
    shale_arena_reset(&verify->scratch);
    status = shale_log_entry_read(verify->store, &verify->scratch, link->version, &entry, &err);
    if (status == SHALE_OK)
        compare_entry(verify, link, before != NULL ? before : &none, &entry);
    shale_arena_reset(&verify->scratch);
    /* One that is gone says nothing; one that is damaged was reported with the log. */
    return status == SHALE_OK || status == SHALE_NOT_FOUND || status == SHALE_CORRUPT ||
                   status == SHALE_SCHEMA
               ? SHALE_OK
               : shale_verify_failed(verify, status, &err, NULL);
}

/* ---- The chain --------------------------------------------------------------------------------
 */

/* A manifest that its child says was superseded long ago, or that was swept, may be gone. */
static void parent_missing(struct shale_verify *verify, const struct link *link)
{
    int64_t now_ms = verify->env->wall_us(verify->env->ctx) / 1000, until_ms;
    struct shale_err err;
    shale_err_clear(&err);
    if (shale_sweep_mark_read(verify->store, &until_ms, &err) != SHALE_OK)
        until_ms = -1; /* then it is missing, as far as is known */
    shale_err_clear(&err);
    if (link->parent_since_ms >= 0 &&
        (link->parent_since_ms <= until_ms || now_ms - link->parent_since_ms > RETENTION_MS)) {
        (void)SHALE_ERR(&err, verify_manifest_kept, (long long)link->version);
        found(verify, link->id, &err, true);
    } else {
        (void)SHALE_ERR(&err, verify_manifest_missing, (long long)link->version);
        found(verify, link->parent, &err, false);
    }
}

/* The newest manifest is the one of the entry that names it. */
static void compare_version(struct shale_verify *verify)
{
    struct shale_err err;
    if (verify->manifest_entry < 0 || verify->manifest_entry == verify->manifest.version)
        return;
    shale_err_clear(&err);
    (void)SHALE_ERR(&err, verify_manifest_version, (long long)verify->manifest.version,
                    (long long)verify->manifest_entry);
    found(verify, verify->manifest.id, &err, false);
}

static enum shale_status name_manifest(struct shale_verify *verify, int64_t id)
{
    char name[SHALE_MANIFEST_NAME_BYTES];
    shale_manifest_name(id, name);
    return shale_name_set_put(&verify->named, shale_str_of(name)) == SHALE_OK
               ? SHALE_OK
               : SHALE_ERR(verify->err, no_memory);
}

/* What a manifest names is known to shale_verify_names(): files that were superseded stay for a
 * while. */
static enum shale_status name_segments(struct shale_verify *verify,
                                       const struct shale_manifest *manifest)
{
    struct shale_name_set *named = &verify->named;
    enum shale_status status = SHALE_OK;
    for (size_t i = 0; i < manifest->n_ledger && status == SHALE_OK; i++)
        status = shale_name_set_put(named, manifest->ledger[i].path);
    for (size_t i = 0; i < manifest->n_rejects && status == SHALE_OK; i++)
        status = shale_name_set_put(named, manifest->rejects[i].path);
    for (size_t i = 0; i < manifest->n_keys && status == SHALE_OK; i++)
        status = shale_name_set_put(named, manifest->keys[i].path);
    for (size_t i = 0; i < manifest->n_superseded && status == SHALE_OK; i++)
        status = shale_name_set_put(named, manifest->superseded[i].path);
    for (size_t i = 0; i < manifest->n_added && status == SHALE_OK; i++)
        status = shale_name_set_put(named, manifest->added[i]);
    return status == SHALE_OK ? SHALE_OK : SHALE_ERR(verify->err, no_memory);
}

/* '*named' is what naming returned: not a failure of the manifest's. */
static enum shale_status read_link(struct shale_verify *verify, int64_t id, struct link *out,
                                   enum shale_status *named, struct shale_err *err)
{
    struct shale_manifest manifest;
    enum shale_status status;
    *named = SHALE_OK;
    shale_arena_reset(&verify->scratch);
    status = shale_manifest_read(verify->store, &verify->scratch, id, &manifest, err);
    if (status != SHALE_OK)
        return status;
    *out = link_of(&manifest);
    *named = name_segments(verify, &manifest);
    return SHALE_OK;
}

static enum shale_status walk_chain(struct shale_verify *verify, struct link link)
{
    for (;;) {
        struct link before = {0};
        struct shale_err err;
        enum shale_status status = SHALE_OK, named;
        shale_err_clear(&err);
        verify->out->n_manifests++;
        if (link.parent < 0)
            return verify_link(verify, &link, NULL);
        status = name_manifest(verify, link.parent);
        if (status != SHALE_OK)
            return status;
        status = read_link(verify, link.parent, &before, &named, &err);
        if (status == SHALE_NOT_FOUND) {
            parent_missing(verify, &link);
            return SHALE_OK;
        }
        if (status != SHALE_OK) {
            char name[SHALE_MANIFEST_NAME_BYTES];
            shale_manifest_name(link.parent, name);
            return shale_verify_failed(verify, status, &err, name);
        }
        if (named != SHALE_OK)
            return named;
        status = verify_link(verify, &link, &before);
        if (status == SHALE_OK)
            status = shale_verify_go_on(verify);
        /* Versions that do not go down were reported: a chain could be a circle. */
        if (status != SHALE_OK || before.version >= link.version)
            return status;
        link = before;
    }
}

enum shale_status shale_verify_manifests(struct shale_verify *verify)
{
    int64_t id = verify->state->manifest_id;
    char name[SHALE_MANIFEST_NAME_BYTES];
    struct shale_err err;
    enum shale_status status;
    shale_err_clear(&err);
    if (!verify->out->has_ledger)
        return SHALE_OK;
    if (id < 0) {
        (void)SHALE_ERR(&err, verify_no_txn);
        shale_verify_found(verify, &err, NULL, false);
        return SHALE_OK;
    }
    shale_manifest_name(id, name);
    status = shale_manifest_read(verify->store, &verify->arena, id, &verify->manifest, &err);
    if (status == SHALE_NOT_FOUND) {
        shale_err_clear(&err);
        status = SHALE_ERR(&err, manifest_missing, (long long)id, verify->store->name);
    }
    if (status != SHALE_OK)
        return shale_verify_failed(verify, status, &err, name);
    verify->has_manifest = true;
    status = name_manifest(verify, id);
    if (status == SHALE_OK)
        status = name_segments(verify, &verify->manifest);
    compare_version(verify);
    return status == SHALE_OK ? walk_chain(verify, link_of(&verify->manifest)) : status;
}
