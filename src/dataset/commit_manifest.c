/* SPDX-License-Identifier: MIT */
/* The manifest of one attempt of a commit: what is live after it, and what it made superfluous. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/checked.h"
#include "dataset/commit_parts.h"
#include "dataset/keys.h"
#include "dataset/rejects_merge.h"

/* ---- Merging ----------------------------------------------------------------------------------
 */

/* How segments of a kind are merged. */
struct merging {
    const char *folder;
    void (*pick)(const struct shale_segment *segments, size_t n_segments, size_t *first, size_t *n);
    enum shale_status (*merge)(struct shale_store *store, const struct shale_segment *segments,
                               size_t n_segments, const char *path, struct shale_str replaced,
                               struct shale_arena *arena, struct shale_segment *segment,
                               struct shale_err *err);
    bool
        matters; /* segments that cannot be read stop the commit; otherwise they stay as they are */
};

static const struct merging of_ledger = {"ledger", shale_ledger_pick_merge, shale_ledger_merge,
                                         true};
static const struct merging of_rejects = {"rejects", shale_rejects_pick_merge, shale_rejects_merge,
                                          false};

static const struct merging of_keys = {"keys", shale_keys_pick_merge, shale_keys_merge, false};

static size_t find_segment(const struct shale_segment *segments, size_t n, struct shale_str path)
{
    size_t i = 0;
    while (i < n && !shale_str_equal(segments[i].path, path))
        i++;
    return i;
}

/* More rows first; among equals by name, so that the order is one. */
static int by_rows(const void *left, const void *right)
{
    const struct shale_segment *a = left, *b = right;
    if (a->n_rows != b->n_rows)
        return a->n_rows > b->n_rows ? -1 : 1;
    return shale_str_compare(a->path, b->path);
}

void shale_draft_name(const struct shale_env *env, uint64_t out[2])
{
    for (int i = 0; i < 2; i++)
        out[i] = env->random_u64(env->ctx);
}

static enum shale_status segment_path(const struct shale_env *env, const char *folder,
                                      struct shale_arena *arena, struct shale_str *out)
{
    uint64_t name[2];
    char path[64];
    char *copy;
    shale_draft_name(env, name);
    (void)snprintf(path, sizeof path, "_shale/%s/%016" PRIx64 "%016" PRIx64 ".parquet", folder,
                   name[0], name[1]);
    copy = shale_arena_copy(arena, shale_str_of(path));
    if (copy == NULL)
        return SHALE_NOMEM;
    *out = shale_str_of(copy);
    return SHALE_OK;
}

static void forget_merge(struct shale_commit_merge *merge)
{
    merge->n_inputs = 0;
    shale_arena_reset(&merge->arena);
}

/* The first of 'merged' that is in the base: a merge names as its first input what its commit takes
 * out, which the segments that this commit brings are not. */
static struct shale_str find_replaced(const struct shale_segment *merged, size_t n,
                                      const struct shale_segment *base, size_t n_base)
{
    size_t i = 0;
    while (i < n && find_segment(base, n_base, merged[i].path) == n_base)
        i++;
    return i < n ? merged[i].path : (struct shale_str){NULL, 0};
}

static enum shale_status write_merge(struct shale_commit_merge *merge,
                                     const struct merging *merging, struct shale_store *store,
                                     const struct shale_segment *segments, size_t n,
                                     struct shale_str replaced, struct shale_err *err)
{
    struct shale_str path = {NULL, 0};
    enum shale_status status;
    size_t i;
    merge->inputs = shale_arena_zeroed(&merge->arena, n, sizeof *merge->inputs);
    if (merge->inputs == NULL)
        return SHALE_NOMEM;
    for (i = 0; i < n; i++) {
        const char *copy = shale_arena_copy(&merge->arena, segments[i].path);
        if (copy == NULL)
            return SHALE_NOMEM;
        merge->inputs[i] = (struct shale_str){copy, segments[i].path.n_bytes};
    }
    status = segment_path(store->env, merging->folder, &merge->arena, &path);
    if (status == SHALE_OK)
        status = merging->merge(store, segments, n, path.data, replaced, &merge->arena,
                                &merge->output, err);
    if (status == SHALE_OK)
        status = shale_store_settle(store, err);
    if (status == SHALE_OK)
        merge->n_inputs = n;
    return status;
}

/* Decide what is merged: what an earlier attempt merged, while all of it is live; or what the
 * policy says.  'live' is sorted; 'base' is what it was before this commit. */
static enum shale_status choose_merge(struct shale_commit_merge *merge,
                                      const struct merging *merging, struct shale_store *store,
                                      const struct shale_segment *base, size_t n_base,
                                      const struct shale_segment *live, size_t n_live, bool anew,
                                      struct shale_err *err)
{
    struct shale_str replaced;
    size_t first, n, i;
    bool passes;
    enum shale_status status;
    for (i = 0; i < merge->n_inputs; i++)
        if (find_segment(live, n_live, merge->inputs[i]) == n_live)
            break;
    if (merge->n_inputs > 0 && i == merge->n_inputs)
        return SHALE_OK;
    forget_merge(merge);
    if (!anew)
        return SHALE_OK;
    merging->pick(live, n_live, &first, &n);
    replaced = find_replaced(live + first, n, base, n_base);
    if (n < 2 || replaced.n_bytes == 0)
        return SHALE_OK;
    status = write_merge(merge, merging, store, live + first, n, replaced, err);
    if (status == SHALE_OK)
        return SHALE_OK;
    forget_merge(merge);
    /* Another commit merges them, when the store answers. */
    passes = status == SHALE_AGAIN || status == SHALE_UNSURE || status == SHALE_CONFLICT;
    return passes || (!merging->matters && status != SHALE_NOMEM) ? SHALE_OK : status;
}

/* Put the merged segment in the place of its inputs. */
static void apply_merge(const struct shale_commit_merge *merge, struct shale_segment *live,
                        size_t *n_live)
{
    size_t i, n = 0;
    if (merge->n_inputs == 0)
        return;
    for (i = 0; i < *n_live; i++) {
        size_t j = 0;
        while (j < merge->n_inputs && !shale_str_equal(merge->inputs[j], live[i].path))
            j++;
        if (j == merge->n_inputs)
            live[n++] = live[i];
    }
    live[n++] = merge->output;
    *n_live = n;
}

/* The segments of one kind that are live after this commit.  What it takes out or puts in is its
 * own affair: then nothing is merged. */
static enum shale_status merge_segments(struct shale_commit_merge *merge,
                                        const struct merging *merging, struct shale_store *store,
                                        const struct shale_segment *base, size_t n_base, bool anew,
                                        struct shale_segment *live, size_t *n_live,
                                        struct shale_err *err)
{
    enum shale_status status;
    qsort(live, *n_live, sizeof *live, by_rows);
    status = choose_merge(merge, merging, store, base, n_base, live, *n_live, anew, err);
    if (status == SHALE_OK)
        apply_merge(merge, live, n_live);
    return status;
}

/* ---- What is live -----------------------------------------------------------------------------
 */

static bool is_taken(const struct shale_commit_change *change, struct shale_str path)
{
    for (size_t i = 0; i < change->n_out; i++)
        if (shale_str_equal(change->out[i], path))
            return true;
    return false;
}

static bool changes(const struct shale_commit_change *change)
{
    return change->n_out > 0 || change->n_in > 0;
}

/* 'old' without what the change takes out, with what it puts in and, unless it is NULL, 'added'. */
static enum shale_status join_segments(struct shale_arena *arena, const struct shale_segment *old,
                                       size_t n_old, const struct shale_commit_change *change,
                                       const struct shale_segment *added,
                                       struct shale_segment **out, size_t *n_out)
{
    struct shale_segment *segments =
        shale_arena_zeroed(arena, n_old + change->n_in + 1, sizeof *segments);
    size_t n = 0;
    if (segments == NULL)
        return SHALE_NOMEM;
    for (size_t i = 0; i < n_old; i++)
        if (!is_taken(change, old[i].path))
            segments[n++] = old[i];
    for (size_t i = 0; i < change->n_in; i++)
        segments[n++] = change->in[i];
    if (added != NULL)
        segments[n++] = *added;
    *out = segments;
    *n_out = n;
    return SHALE_OK;
}

static enum shale_status join_all(struct shale_draft *draft, struct shale_store *store,
                                  const struct shale_manifest *old,
                                  const struct shale_commit *commit, bool merges,
                                  struct shale_err *err)
{
    struct shale_segment *ledger, *rejects, *keys;
    struct shale_manifest *manifest = &draft->manifest;
    enum shale_status status =
        join_segments(&draft->arena, old->ledger, old->n_ledger, &commit->ledger_change,
                      commit->ledger, &ledger, &manifest->n_ledger);
    if (status == SHALE_OK)
        status = join_segments(&draft->arena, old->rejects, old->n_rejects, &commit->rejects_change,
                               commit->rejects, &rejects, &manifest->n_rejects);
    if (status == SHALE_OK)
        status = join_segments(&draft->arena, old->keys, old->n_keys, &commit->keys_change, NULL,
                               &keys, &manifest->n_keys);
    if (status == SHALE_OK && !changes(&commit->ledger_change))
        status = merge_segments(&draft->ledger_merge, &of_ledger, store, old->ledger, old->n_ledger,
                                merges, ledger, &manifest->n_ledger, err);
    if (status == SHALE_OK && !changes(&commit->rejects_change))
        status = merge_segments(&draft->rejects_merge, &of_rejects, store, old->rejects,
                                old->n_rejects, merges, rejects, &manifest->n_rejects, err);
    /* New keys are what each commit of 'dedupe' puts there. */
    if (status == SHALE_OK && commit->keys_change.n_out == 0)
        status = merge_segments(&draft->keys_merge, &of_keys, store, old->keys, old->n_keys, merges,
                                keys, &manifest->n_keys, err);
    if (status != SHALE_OK)
        return status;
    manifest->ledger = ledger;
    manifest->rejects = rejects;
    manifest->keys = keys;
    return SHALE_OK;
}

/* ---- What this commit did ---------------------------------------------------------------------
 */

static enum shale_status name_parent(struct shale_draft *draft, struct shale_str *out)
{
    char name[SHALE_MANIFEST_NAME_BYTES];
    const char *copy;
    shale_manifest_name(draft->manifest.parent, name);
    copy = shale_arena_copy(&draft->arena, shale_str_of(name));
    if (copy == NULL)
        return SHALE_NOMEM;
    *out = shale_str_of(copy);
    return SHALE_OK;
}

/* The parent, what was merged and what was taken out, data files as well: checkpoints forget those,
 * and a sweep has to know since when they are gone.  Only what this very commit replaces, so that
 * manifests do not grow with the history; whoever wants more follows the parents. */
static enum shale_status list_superseded(struct shale_draft *draft,
                                         const struct shale_commit *commit,
                                         const struct shale_env *env)
{
    const struct shale_commit_merge *merges[] = {&draft->ledger_merge, &draft->rejects_merge,
                                                 &draft->keys_merge};
    const struct shale_commit_change *all[] = {&commit->ledger_change, &commit->rejects_change,
                                               &commit->keys_change};
    struct shale_manifest *manifest = &draft->manifest;
    int64_t now_ms = env->wall_us(env->ctx) / 1000;
    struct shale_superseded *list;
    size_t n = 1 + commit->n_removes;
    for (size_t i = 0; i < 3; i++)
        n += merges[i]->n_inputs;
    for (size_t i = 0; i < 3; i++)
        n += all[i]->n_out;
    list = shale_arena_zeroed(&draft->arena, n, sizeof *list);
    if (list == NULL)
        return SHALE_NOMEM;
    n = 0;
    if (manifest->parent >= 0 && name_parent(draft, &list[n++].path) != SHALE_OK)
        return SHALE_NOMEM;
    for (size_t i = 0; i < 3; i++)
        for (size_t j = 0; j < merges[i]->n_inputs; j++)
            list[n++].path = merges[i]->inputs[j];
    for (size_t i = 0; i < 3; i++)
        for (size_t j = 0; j < all[i]->n_out; j++)
            list[n++].path = all[i]->out[j];
    for (size_t i = 0; i < commit->n_removes; i++)
        list[n++].path = commit->removes[i].path;
    for (size_t i = 0; i < n; i++)
        list[i].since_ms = now_ms;
    manifest->superseded = list;
    manifest->n_superseded = n;
    return SHALE_OK;
}

static enum shale_status list_added(struct shale_draft *draft, const struct shale_commit *commit)
{
    const struct shale_commit_change *all[] = {&commit->ledger_change, &commit->rejects_change,
                                               &commit->keys_change};
    struct shale_str *added;
    size_t n = 2;
    for (size_t i = 0; i < 3; i++)
        n += all[i]->n_in;
    added = shale_arena_zeroed(&draft->arena, n, sizeof *added);
    if (added == NULL)
        return SHALE_NOMEM;
    n = 0;
    if (commit->ledger != NULL)
        added[n++] = commit->ledger->path;
    if (commit->rejects != NULL)
        added[n++] = commit->rejects->path;
    for (size_t i = 0; i < 3; i++)
        for (size_t j = 0; j < all[i]->n_in; j++)
            added[n++] = all[i]->in[j].path;
    draft->manifest.added = added;
    draft->manifest.n_added = n;
    return SHALE_OK;
}

static enum shale_status list_taken(struct shale_draft *draft, const struct shale_manifest *old,
                                    const struct shale_commit *commit)
{
    struct shale_segment *taken =
        shale_arena_zeroed(&draft->arena, old->n_ledger + 1, sizeof *taken);
    size_t n = 0;
    if (taken == NULL)
        return SHALE_NOMEM;
    for (size_t i = 0; i < old->n_ledger; i++)
        if (is_taken(&commit->ledger_change, old->ledger[i].path))
            taken[n++] = old->ledger[i];
    draft->manifest.taken = taken;
    draft->manifest.n_taken = n;
    return SHALE_OK;
}

/* ---- What it carries on -----------------------------------------------------------------------
 */

/* Conditions come in groups: one, and those behind it that are joined to it. */
static size_t group_end(const struct shale_erasure *all, size_t n, size_t begin)
{
    size_t end = begin + 1;
    while (end < n && all[end].joined)
        end++;
    return end;
}

static bool has_group(const struct shale_erasure *all, size_t n, const struct shale_erasure *group,
                      size_t n_group)
{
    for (size_t begin = 0, end; begin < n; begin = end) {
        size_t i = 0;
        end = group_end(all, n, begin);
        while (i < n_group && n_group == end - begin &&
               all[begin + i].is_before == group[i].is_before &&
               shale_str_equal(all[begin + i].column, group[i].column) &&
               shale_str_equal(all[begin + i].value, group[i].value))
            i++;
        if (i == n_group)
            return true;
    }
    return false;
}

static enum shale_status join_erasures(struct shale_draft *draft, const struct shale_manifest *old,
                                       const struct shale_commit *commit)
{
    struct shale_erasure *all =
        shale_arena_zeroed(&draft->arena, old->n_erasures + commit->n_erasures + 1, sizeof *all);
    size_t n = old->n_erasures;
    if (all == NULL)
        return SHALE_NOMEM;
    if (n > 0)
        memcpy(all, old->erasures, n * sizeof *all);
    for (size_t begin = 0, end; begin < commit->n_erasures; begin = end) {
        const struct shale_erasure *group = commit->erasures + begin;
        end = group_end(commit->erasures, commit->n_erasures, begin);
        if (has_group(all, n, group, end - begin))
            continue;
        memcpy(all + n, group, (end - begin) * sizeof *all);
        all[n].joined = false;
        n += end - begin;
    }
    draft->manifest.erasures = all;
    draft->manifest.n_erasures = n;
    return SHALE_OK;
}

static enum shale_status join_seals(struct shale_draft *draft, const struct shale_manifest *old,
                                    const struct shale_seal *seal)
{
    struct shale_seal *all = shale_arena_zeroed(&draft->arena, old->n_seals + 1, sizeof *all);
    size_t n = old->n_seals, k = 0;
    if (all == NULL)
        return SHALE_NOMEM;
    if (n > 0)
        memcpy(all, old->seals, n * sizeof *all);
    if (seal != NULL) {
        while (k < n && !shale_str_equal(all[k].source, seal->source))
            k++;
        all[k] = *seal;
        n = k == n ? n + 1 : n;
    }
    draft->manifest.seals = all;
    draft->manifest.n_seals = n;
    return SHALE_OK;
}

enum shale_status shale_draft_manifest(struct shale_draft *draft, struct shale_store *store,
                                       const struct shale_base *base,
                                       const struct shale_commit *commit, bool merges,
                                       struct shale_err *err)
{
    const struct shale_manifest *old = &base->manifest;
    struct shale_manifest *manifest = &draft->manifest;
    enum shale_status status;
    *manifest = (struct shale_manifest){.id = -1, .parent = old->id, .version = draft->version};
    if (!SHALE_ADD(old->rows_gone, commit->rows_gone, &manifest->rows_gone) ||
        !SHALE_ADD(old->rejects_gone, commit->rejects_gone, &manifest->rejects_gone))
        return SHALE_ERR(err, ledger_counts);
    status = join_all(draft, store, old, commit, merges, err);
    if (status == SHALE_OK)
        status = list_superseded(draft, commit, store->env);
    if (status == SHALE_OK)
        status = list_added(draft, commit);
    if (status == SHALE_OK)
        status = list_taken(draft, old, commit);
    if (status == SHALE_OK)
        status = join_erasures(draft, old, commit);
    return status == SHALE_OK ? join_seals(draft, old, commit->seal) : status;
}
