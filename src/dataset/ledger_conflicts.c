/* SPDX-License-Identifier: MIT */
/* Did anybody consume what a commit consumes?  Rows leave the ledger only when others of the same
 * key and tag come (a rebuild), so a key was consumed exactly when it has other tags than before;
 * segments that are live on both sides say the same on both. */
#include "base/checked.h"
#include "base/hash.h"
#include "dataset/ledger_parts.h"

/* Finding one key costs about as much as passing so many rows. */
enum { ROWS_OF_A_SEEK = 4096 };

/* One manifest's segments that the other has not. */
struct side {
    struct shale_segment *segments;
    size_t n;
    int64_t n_rows;
    struct shale_ledger_lookup *lookup; /* both sides: few keys of ours against many rows; else */
    struct shale_ledger_cursor *cursor; /* both sides: a merge */
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

static enum shale_status side_choose(struct side *side, const struct shale_mem *mem,
                                     const struct shale_manifest *of,
                                     const struct shale_manifest *other,
                                     const struct shale_segment *ours, struct shale_err *err)
{
    side->segments = shale_mem_zeroed(mem, of->n_ledger + 1, sizeof *side->segments);
    if (side->segments == NULL)
        return SHALE_ERR(err, no_memory);
    for (size_t i = 0; i < of->n_ledger; i++)
        if (overlaps(&of->ledger[i], ours) && !has_path(other, of->ledger[i].path)) {
            side->segments[side->n++] = of->ledger[i];
            if (!SHALE_ADD(side->n_rows, of->ledger[i].n_rows, &side->n_rows))
                side->n_rows = INT64_MAX;
        }
    return SHALE_OK;
}

static enum shale_status side_open(struct side *side, struct shale_store *store, bool by_key,
                                   struct shale_err *err)
{
    const struct shale_ledger_cursor_options options = {
        .segments = side->segments, .n_segments = side->n, .identity_only = true};
    enum shale_status status;
    if (by_key)
        return shale_ledger_lookup_new(store, side->segments, side->n, &side->lookup, err);
    status = shale_ledger_cursor_new(store, &options, &side->cursor, err);
    if (status == SHALE_OK)
        status = shale_ledger_cursor_next(side->cursor, &side->row, err);
    return status;
}

static void side_close(struct side *side, const struct shale_mem *mem)
{
    shale_ledger_lookup_free(side->lookup);
    shale_ledger_cursor_free(side->cursor);
    shale_mem_free(mem, side->segments);
}

/* The tags of a key, whatever their order. */
struct tags {
    size_t n;
    uint64_t sum; /* of hashes */
};

static void take_tag(struct tags *tags, const struct shale_ledger_row *row)
{
    tags->n++;
    tags->sum += shale_hash(row->tag.data, row->tag.n_bytes, 0);
}

/* In a merge the rows before the key are passed, and its own, so that a key that comes again finds
 * none on either side. */
static enum shale_status find_tags(struct side *side, const struct shale_ledger_row *key,
                                   struct tags *out, struct shale_err *err)
{
    enum shale_status status = SHALE_OK;
    *out = (struct tags){0, 0};
    if (side->lookup != NULL) {
        const struct shale_ledger_row *rows;
        size_t n = 0;
        status = shale_ledger_lookup_find(side->lookup, key->source, key->key, &rows, &n, err);
        for (size_t i = 0; i < n && status == SHALE_OK; i++)
            take_tag(out, &rows[i]);
        return status;
    }
    while (status == SHALE_OK && side->row != NULL) {
        int order =
            shale_ledger_compare_keys(side->row->source, side->row->key, key->source, key->key);
        if (order > 0)
            break;
        if (order == 0)
            take_tag(out, side->row);
        status = shale_ledger_cursor_next(side->cursor, &side->row, err);
    }
    return status;
}

static enum shale_status compare(struct side *gone, struct side *came,
                                 struct shale_ledger_cursor *ours, bool *conflict,
                                 struct shale_err *err)
{
    const struct shale_ledger_row *row;
    struct tags were, are;
    enum shale_status status = shale_ledger_cursor_next(ours, &row, err);
    while (status == SHALE_OK && row != NULL && !*conflict) {
        status = find_tags(gone, row, &were, err);
        if (status == SHALE_OK)
            status = find_tags(came, row, &are, err);
        if (status != SHALE_OK)
            break;
        *conflict = were.n != are.n || were.sum != are.sum;
        status = shale_ledger_cursor_next(ours, &row, err);
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
    const struct shale_mem *mem = store->env->mem;
    struct side gone = {.n = 0}, came = {.n = 0};
    struct shale_ledger_cursor *cursor = NULL;
    bool by_key;
    enum shale_status status;
    *conflict = false;
    status = side_choose(&came, mem, newest, base, ours, err);
    if (status == SHALE_OK)
        status = side_choose(&gone, mem, base, newest, ours, err);
    if (status != SHALE_OK || (came.n == 0 && gone.n == 0))
        goto done;
    by_key = ours->n_rows < came.n_rows / ROWS_OF_A_SEEK + gone.n_rows / ROWS_OF_A_SEEK;
    status = side_open(&came, store, by_key, err);
    if (status == SHALE_OK)
        status = side_open(&gone, store, by_key, err);
    if (status == SHALE_OK)
        status = shale_ledger_cursor_new(store, &options, &cursor, err);
    if (status == SHALE_OK)
        status = compare(&gone, &came, cursor, conflict, err);
done:
    shale_ledger_cursor_free(cursor);
    side_close(&gone, mem);
    side_close(&came, mem);
    return status;
}
