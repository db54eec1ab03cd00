/* SPDX-License-Identifier: MIT */
/* Did anybody consume what a commit consumes?  No row ever leaves the ledger, so a key got one
 * exactly when it has more of them; segments that are live on both sides say the same on both. */
#include "base/checked.h"
#include "dataset/ledger_parts.h"

/* One manifest's segments that the other has not. */
struct side {
    struct shale_segment *segments;
    size_t n;
    struct shale_ledger_cursor *cursor;
    const struct shale_ledger_row *row;
};

static bool has_path(const struct shale_manifest *manifest, struct shale_str path)
{
    for (size_t i = 0; i < manifest->n_ledger; i++)
        if (shale_str_equal(manifest->ledger[i].path, path))
            return true;
    return false;
}

/* Can it have a key of 'ours'? */
static bool overlaps(const struct shale_segment *segment, const struct shale_segment *ours)
{
    return segment->n_rows > 0 && ours->n_rows > 0 &&
           shale_ledger_compare_keys(segment->first_source, segment->first_key, ours->last_source,
                                     ours->last_key) <= 0 &&
           shale_ledger_compare_keys(ours->first_source, ours->first_key, segment->last_source,
                                     segment->last_key) <= 0;
}

static enum shale_status side_open(struct side *side, struct shale_store *store,
                                   const struct shale_manifest *of,
                                   const struct shale_manifest *other,
                                   const struct shale_segment *ours, struct shale_err *err)
{
    struct shale_ledger_cursor_options options = {.identity_only = true};
    enum shale_status status;
    side->segments = shale_mem_zeroed(store->env->mem, of->n_ledger + 1, sizeof *side->segments);
    if (side->segments == NULL)
        return SHALE_ERR(err, no_memory);
    for (size_t i = 0; i < of->n_ledger; i++)
        if (overlaps(&of->ledger[i], ours) && !has_path(other, of->ledger[i].path))
            side->segments[side->n++] = of->ledger[i];
    options.segments = side->segments;
    options.n_segments = side->n;
    status = shale_ledger_cursor_new(store, &options, &side->cursor, err);
    if (status == SHALE_OK)
        status = shale_ledger_cursor_next(side->cursor, &side->row, err);
    return status;
}

static void side_close(struct side *side, struct shale_store *store)
{
    shale_ledger_cursor_free(side->cursor);
    shale_mem_free(store->env->mem, side->segments);
}

/* How many rows of a key there are; those before it are passed. */
static enum shale_status count(struct side *side, const struct shale_ledger_row *key, int64_t *n,
                               struct shale_err *err)
{
    enum shale_status status = SHALE_OK;
    *n = 0;
    while (status == SHALE_OK && side->row != NULL) {
        int order =
            shale_ledger_compare_keys(side->row->source, side->row->key, key->source, key->key);
        if (order > 0)
            break;
        *n += order == 0;
        status = shale_ledger_cursor_next(side->cursor, &side->row, err);
    }
    return status;
}

/* A key of ours may have several rows: only its first one counts, later ones find nothing on
 * either side. */
static enum shale_status compare(struct side *gone, struct side *came,
                                 struct shale_ledger_cursor *ours, bool *conflict,
                                 struct shale_err *err)
{
    const struct shale_ledger_row *row;
    int64_t n_gone, n_came;
    enum shale_status status = shale_ledger_cursor_next(ours, &row, err);
    while (status == SHALE_OK && row != NULL && !*conflict && came->row != NULL) {
        status = count(gone, row, &n_gone, err);
        if (status == SHALE_OK)
            status = count(came, row, &n_came, err);
        if (status == SHALE_OK) {
            *conflict = n_gone != n_came;
            status = shale_ledger_cursor_next(ours, &row, err);
        }
    }
    return status;
}

enum shale_status shale_ledger_conflicts(struct shale_store *store,
                                         const struct shale_manifest *base,
                                         const struct shale_manifest *newest,
                                         const struct shale_segment *ours, bool *conflict,
                                         struct shale_err *err)
{
    const struct shale_ledger_cursor_options options = {
        .segments = ours, .n_segments = 1, .identity_only = true};
    struct side gone = {NULL, 0, NULL, NULL}, came = gone;
    struct shale_ledger_cursor *cursor = NULL;
    enum shale_status status;
    *conflict = false;
    status = side_open(&came, store, newest, base, ours, err);
    if (status == SHALE_OK && came.n > 0)
        status = side_open(&gone, store, base, newest, ours, err);
    if (status == SHALE_OK && came.n > 0)
        status = shale_ledger_cursor_new(store, &options, &cursor, err);
    if (status == SHALE_OK && came.n > 0)
        status = compare(&gone, &came, cursor, conflict, err);
    shale_ledger_cursor_free(cursor);
    side_close(&gone, store);
    side_close(&came, store);
    return status;
}
