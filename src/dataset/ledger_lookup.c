/* SPDX-License-Identifier: MIT */
/* The rows of given keys: by the segments' bounds in the manifest, then a seek in each that may
 * have the key. */
#include "dataset/decide.h"
#include "dataset/ledger_parts.h"

enum { MOST_BYTES = 1 << 30 };

struct shale_ledger_lookup {
    struct shale_store *store;
    const struct shale_segment *segments; /* borrowed */
    size_t n_segments;
    struct shale_segment_reader *readers; /* one a segment */
    bool *is_open;                        /* is it? */
    struct shale_buf rows;                /* struct shale_ledger_row: what was found ... */
    struct shale_buf texts;               /* ... their offsets are of these */
    struct shale_tally tally;
};

void shale_ledger_lookup_free(struct shale_ledger_lookup *lookup)
{
    const struct shale_mem *mem;
    if (lookup == NULL)
        return;
    mem = lookup->store->env->mem;
    for (size_t i = 0; i < lookup->n_segments && lookup->readers != NULL; i++)
        shale_segment_close(&lookup->readers[i]);
    shale_mem_free(mem, lookup->readers);
    shale_mem_free(mem, lookup->is_open);
    shale_buf_fini(&lookup->rows);
    shale_buf_fini(&lookup->texts);
    shale_tally_fini(&lookup->tally);
    shale_mem_free(mem, lookup);
}

enum shale_status shale_ledger_lookup_new(struct shale_store *store,
                                          const struct shale_segment *segments, size_t n_segments,
                                          struct shale_ledger_lookup **out, struct shale_err *err)
{
    const struct shale_mem *mem = store->env->mem;
    struct shale_ledger_lookup *lookup = shale_mem_zeroed(mem, 1, sizeof *lookup);
    *out = NULL;
    if (lookup == NULL)
        return SHALE_ERR(err, no_memory);
    lookup->store = store;
    lookup->segments = segments;
    lookup->n_segments = n_segments;
    shale_buf_init(&lookup->rows, mem, MOST_BYTES);
    shale_buf_init(&lookup->texts, mem, MOST_BYTES);
    shale_tally_init(&lookup->tally, mem);
    lookup->readers = shale_mem_zeroed(mem, n_segments + 1, sizeof *lookup->readers);
    lookup->is_open = shale_mem_zeroed(mem, n_segments + 1, sizeof *lookup->is_open);
    if (lookup->readers == NULL || lookup->is_open == NULL) {
        shale_ledger_lookup_free(lookup);
        return SHALE_ERR(err, no_memory);
    }
    *out = lookup;
    return SHALE_OK;
}

static bool may_have(const struct shale_segment *segment, struct shale_str source,
                     struct shale_str key)
{
    return segment->n_rows > 0 &&
           shale_ledger_compare_keys(segment->first_source, segment->first_key, source, key) <= 0 &&
           shale_ledger_compare_keys(segment->last_source, segment->last_key, source, key) >= 0;
}

static enum shale_status add_row(struct shale_ledger_lookup *lookup,
                                 const struct shale_ledger_row *row, struct shale_err *err)
{
    if (shale_buf_append(&lookup->rows, row, sizeof *row) != SHALE_OK ||
        shale_buf_append_str(&lookup->texts, row->tag) != SHALE_OK ||
        shale_buf_append_str(&lookup->texts, row->hash) != SHALE_OK ||
        shale_buf_append_str(&lookup->texts, row->definition) != SHALE_OK)
        return SHALE_ERR(err, no_memory);
    return SHALE_OK;
}

static enum shale_status find_in(struct shale_ledger_lookup *lookup, size_t i,
                                 const struct shale_ledger_place *place, struct shale_err *err)
{
    struct shale_segment_reader *reader = &lookup->readers[i];
    bool found = false;
    enum shale_status status = SHALE_OK;
    if (!lookup->is_open[i]) {
        shale_segment_close(reader); /* an earlier attempt failed */
        status = shale_segment_open(reader, lookup->store, &lookup->segments[i], true, err);
        lookup->is_open[i] = status == SHALE_OK;
    }
    if (status == SHALE_OK)
        status = shale_segment_find(reader, place, &found, err);
    while (status == SHALE_OK && found && !reader->end &&
           shale_ledger_compare_keys(reader->row.source, reader->row.key, place->source,
                                     place->key) == 0) {
        status = add_row(lookup, &reader->row, err);
        if (status == SHALE_OK)
            status = shale_segment_next(reader, err);
    }
    return status;
}

/* The texts have found their place: point to them. */
static void point(struct shale_ledger_lookup *lookup, const struct shale_ledger_place *place)
{
    struct shale_ledger_row *rows = (struct shale_ledger_row *)(void *)lookup->rows.data;
    const char *text = lookup->texts.data;
    for (size_t i = 0; i < lookup->rows.n_bytes / sizeof *rows; i++) {
        rows[i].source = place->source;
        rows[i].key = place->key;
        rows[i].tag.data = text;
        text += rows[i].tag.n_bytes;
        rows[i].hash.data = text;
        text += rows[i].hash.n_bytes;
        rows[i].definition.data = text;
        text += rows[i].definition.n_bytes;
    }
}

enum shale_status shale_ledger_lookup_find(struct shale_ledger_lookup *lookup,
                                           struct shale_str source, struct shale_str key,
                                           const struct shale_ledger_row **rows, size_t *n_rows,
                                           struct shale_err *err)
{
    const struct shale_ledger_place place = {source, key, false};
    enum shale_status status = SHALE_OK;
    *rows = NULL;
    *n_rows = 0;
    shale_buf_reset(&lookup->rows);
    shale_buf_reset(&lookup->texts);
    for (size_t i = 0; i < lookup->n_segments && status == SHALE_OK; i++)
        if (may_have(&lookup->segments[i], source, key))
            status = find_in(lookup, i, &place, err);
    if (status != SHALE_OK)
        return status;
    point(lookup, &place);
    *rows = (const struct shale_ledger_row *)(const void *)lookup->rows.data;
    *n_rows = lookup->rows.n_bytes / sizeof **rows;
    return SHALE_OK;
}

enum shale_status shale_ledger_lookup_decide(struct shale_ledger_lookup *lookup,
                                             struct shale_str source, struct shale_str key,
                                             struct shale_str tag, struct shale_decision *out,
                                             struct shale_err *err)
{
    const struct shale_ledger_row *rows;
    size_t n_rows;
    enum shale_status status = shale_ledger_lookup_find(lookup, source, key, &rows, &n_rows, err);
    shale_tally_begin(&lookup->tally, tag);
    for (size_t i = 0; i < n_rows && status == SHALE_OK; i++)
        if (!shale_tally_add(&lookup->tally, &rows[i]))
            status = SHALE_ERR(err, no_memory);
    if (status == SHALE_OK)
        shale_tally_end(&lookup->tally, out);
    return status;
}
