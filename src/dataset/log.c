/* SPDX-License-Identifier: MIT */
/* The state of a table: the newest checkpoint, then the entries behind it, each action replacing
 * the one of its kind before it (PROTOCOL.md, Action Reconciliation). */
#include "dataset/log.h"

#include <stdlib.h>
#include <string.h>

#include "dataset/log_actions.h"

enum {
    ARENA_BYTES = 512 * 1024 * 1024,
    HINT_BYTES = 4 * 1024 * 1024, /* it may hold the checkpoint's schema */
    TXNS_BYTES = 256 * 1024 * 1024,
    ATTEMPTS = 8, /* others may remove, between our listing and our reading, what a newer checkpoint
                   * makes superfluous */
    STATE_KINDS = SHALE_ACTION_SET(SHALE_ACTION_PROTOCOL) |
                  SHALE_ACTION_SET(SHALE_ACTION_METADATA) | SHALE_ACTION_SET(SHALE_ACTION_TXN) |
                  SHALE_ACTION_SET(SHALE_ACTION_SIDECAR),
};

/* A state with what it was made of, so that the next one can be made of it. */
struct loaded {
    struct shale_log_state state; /* first member */
    struct shale_log_protocol protocol;
    struct shale_log_metadata metadata;
    bool has_protocol, has_metadata;
};

/* A txn and its place in the order of reading. */
struct ordered_txn {
    struct shale_log_txn txn;
    size_t order;
};

struct loader {
    struct shale_store *store;
    struct loaded *loaded;
    struct shale_buf txns;  /* struct ordered_txn */
    struct shale_buf named; /* struct shale_log_named */
};

/* ---- Actions ----------------------------------------------------------------------------------
 */

static enum shale_status add_txn(struct loader *loader, const struct shale_log_txn *txn,
                                 struct shale_err *err)
{
    struct ordered_txn ordered = {*txn, loader->txns.n_bytes};
    return shale_buf_append(&loader->txns, &ordered, sizeof ordered) == SHALE_OK
               ? SHALE_OK
               : SHALE_ERR(err, no_memory);
}

static enum shale_status add_named(struct loader *loader, int64_t version, int64_t manifest_id,
                                   struct shale_err *err)
{
    const struct shale_log_named named = {version, manifest_id};
    return shale_buf_append(&loader->named, &named, sizeof named) == SHALE_OK
               ? SHALE_OK
               : SHALE_ERR(err, no_memory);
}

static enum shale_status take_action(struct loader *loader, const struct shale_log_action *action,
                                     struct shale_err *err)
{
    struct loaded *loaded = loader->loaded;
    switch (action->kind) {
    case SHALE_ACTION_PROTOCOL:
        loaded->protocol = action->protocol;
        loaded->has_protocol = true;
        return SHALE_OK;
    case SHALE_ACTION_METADATA:
        loaded->metadata = action->metadata;
        loaded->has_metadata = true;
        return SHALE_OK;
    case SHALE_ACTION_TXN:
        return add_txn(loader, &action->txn, err);
    case SHALE_ACTION_SIDECAR:
        return SHALE_ERR(err, log_checkpoint_v2);
    default:
        return SHALE_OK;
    }
}

static enum shale_status load_entry(struct loader *loader, int64_t version, struct shale_err *err)
{
    struct shale_log_state *state = &loader->loaded->state;
    struct shale_log_lines lines;
    struct shale_log_action action;
    bool end = false, any = false;
    enum shale_status status = shale_log_lines_open(loader->store, version, &lines, err);
    if (status != SHALE_OK)
        return status;
    if (version == state->version)
        memcpy(state->tip_tag, lines.file->tag, sizeof state->tip_tag);
    while (status == SHALE_OK) {
        status = shale_log_lines_next(&lines, &state->arena, STATE_KINDS, &action, &end, err);
        if (status != SHALE_OK || end)
            break;
        any = any || action.kind != SHALE_ACTION_OTHER;
        if (version > state->checkpoint_version)
            state->tail_actions += action.kind != SHALE_ACTION_OTHER;
        status = take_action(loader, &action, err);
        if (status == SHALE_OK && action.kind == SHALE_ACTION_TXN &&
            shale_str_is(action.txn.app_id, "shale"))
            status = add_named(loader, version, action.txn.version, err);
    }
    if (status == SHALE_OK && !any)
        status = SHALE_ERR(err, log_empty);
    if (status != SHALE_OK)
        shale_err_at(err, lines.key, -1, -1);
    shale_log_lines_close(&lines);
    return status;
}

static enum shale_status load_checkpoint(struct loader *loader, struct shale_err *err)
{
    struct shale_log_state *state = &loader->loaded->state;
    struct shale_log_rows *rows;
    struct shale_log_action action;
    bool end = false;
    enum shale_status status = shale_log_rows_open(
        loader->store, state->checkpoint_version, state->checkpoint_parts, STATE_KINDS, &rows, err);
    if (status != SHALE_OK)
        return status;
    while (status == SHALE_OK) {
        status = shale_log_rows_next(rows, &state->arena, &action, &end, err);
        if (status != SHALE_OK || end)
            break;
        status = take_action(loader, &action, err);
    }
    state->checkpoint_actions = shale_log_rows_total(rows);
    shale_log_rows_free(rows);
    return status;
}

/* ---- Making the state -------------------------------------------------------------------------
 */

static int by_app_then_order(const void *a, const void *b)
{
    const struct ordered_txn *x = a, *y = b;
    int order = shale_str_compare(x->txn.app_id, y->txn.app_id);
    return order != 0 ? order : (x->order > y->order) - (x->order < y->order);
}

/* Of each application the last txn read. */
static enum shale_status set_txns(struct loader *loader, struct shale_err *err)
{
    struct shale_log_state *state = &loader->loaded->state;
    struct ordered_txn *all = (struct ordered_txn *)(void *)loader->txns.data;
    size_t n = loader->txns.n_bytes / sizeof *all;
    struct shale_log_txn *txns = shale_arena_zeroed(&state->arena, n + 1, sizeof *txns);
    if (txns == NULL)
        return SHALE_ERR(err, no_memory);
    if (n > 0)
        qsort(all, n, sizeof *all, by_app_then_order);
    for (size_t i = 0; i < n; i++) {
        if (i + 1 < n && shale_str_equal(all[i].txn.app_id, all[i + 1].txn.app_id))
            continue;
        if (shale_str_is(all[i].txn.app_id, "shale"))
            state->manifest_id = all[i].txn.version;
        txns[state->n_txns++] = all[i].txn;
    }
    state->txns = txns;
    return SHALE_OK;
}

static enum shale_status set_named(struct loader *loader, struct shale_err *err)
{
    struct shale_log_state *state = &loader->loaded->state;
    const struct shale_log_named *all = (struct shale_log_named *)(void *)loader->named.data;
    size_t n = loader->named.n_bytes / sizeof *all;
    struct shale_log_named *named = shale_arena_zeroed(&state->arena, n + 1, sizeof *named);
    if (named == NULL)
        return SHALE_ERR(err, no_memory);
    for (size_t i = 0; i < n; i++)
        if (all[i].version > state->checkpoint_version)
            named[state->n_named++] = all[i];
    state->named = named;
    return SHALE_OK;
}

static struct shale_str configured(const struct shale_log_state *state, const char *key)
{
    for (size_t i = state->n_configuration; i-- > 0;)
        if (shale_str_is(state->configuration[i].key, key))
            return state->configuration[i].value;
    return (struct shale_str){"", 0};
}

static void set_metadata(struct shale_log_state *state, const struct shale_log_metadata *metadata)
{
    state->table_id = metadata->id;
    state->name = metadata->name;
    state->description = metadata->description;
    state->schema_json = metadata->schema_json;
    state->partition_columns = metadata->partition_columns;
    state->n_partition_columns = metadata->n_partition_columns;
    state->configuration = metadata->configuration;
    state->n_configuration = metadata->n_configuration;
    state->format_options = metadata->options;
    state->n_format_options = metadata->n_options;
    state->created_ms = metadata->created_ms;
    state->stream = configured(state, "shale.stream");
    state->is_append_only = shale_str_is(configured(state, "delta.appendOnly"), "true");
}

static enum shale_status finish(struct loader *loader, struct shale_err *err)
{
    struct loaded *loaded = loader->loaded;
    struct shale_log_state *state = &loaded->state;
    enum shale_status status;
    if (!loaded->has_protocol)
        return SHALE_ERR(err, log_incomplete, loader->store->name, "protocol");
    if (!loaded->has_metadata)
        return SHALE_ERR(err, log_incomplete, loader->store->name, "metaData");
    status = set_txns(loader, err);
    if (status == SHALE_OK)
        status = set_named(loader, err);
    if (status != SHALE_OK)
        return status;
    set_metadata(state, &loaded->metadata);
    state->reader_version = (int32_t)(loaded->protocol.reader & INT32_MAX);
    state->writer_version = (int32_t)(loaded->protocol.writer & INT32_MAX);
    return shale_log_judge(state, &loaded->protocol, err);
}

static struct loaded *loaded_new(const struct shale_mem *mem)
{
    struct loaded *loaded = shale_mem_zeroed(mem, 1, sizeof *loaded);
    if (loaded == NULL)
        return NULL;
    shale_arena_init(&loaded->state.arena, mem, ARENA_BYTES);
    loaded->state.version = -1;
    loaded->state.checkpoint_version = -1;
    loaded->state.created_ms = -1;
    loaded->state.manifest_id = -1;
    return loaded;
}

void shale_log_state_free(const struct shale_mem *mem, struct shale_log_state *state)
{
    if (state == NULL)
        return;
    shale_arena_fini(&state->arena);
    shale_mem_free(mem, state); /* the first member of what was allocated */
}

/* ---- From an older state ----------------------------------------------------------------------
 */

static enum shale_status copy_texts(struct shale_arena *arena, const struct shale_str *from,
                                    size_t n, const struct shale_str **out, struct shale_err *err)
{
    struct shale_str *texts = shale_arena_zeroed(arena, n + 1, sizeof *texts);
    enum shale_status status = texts != NULL ? SHALE_OK : SHALE_ERR(err, no_memory);
    for (size_t i = 0; i < n && status == SHALE_OK; i++)
        status = shale_log_copy(arena, from[i], &texts[i], err);
    *out = texts;
    return status;
}

static enum shale_status copy_pairs(struct shale_arena *arena, const struct shale_log_pair *from,
                                    size_t n, const struct shale_log_pair **out,
                                    struct shale_err *err)
{
    struct shale_log_pair *pairs = shale_arena_zeroed(arena, n + 1, sizeof *pairs);
    enum shale_status status = pairs != NULL ? SHALE_OK : SHALE_ERR(err, no_memory);
    for (size_t i = 0; i < n && status == SHALE_OK; i++) {
        status = shale_log_copy(arena, from[i].key, &pairs[i].key, err);
        if (status == SHALE_OK)
            status = shale_log_copy(arena, from[i].value, &pairs[i].value, err);
    }
    *out = pairs;
    return status;
}

static enum shale_status copy_protocol(struct shale_arena *arena,
                                       const struct shale_log_protocol *from,
                                       struct shale_log_protocol *out, struct shale_err *err)
{
    enum shale_status status;
    *out = *from;
    status = copy_texts(arena, from->reader_features, from->n_reader_features,
                        &out->reader_features, err);
    if (status == SHALE_OK)
        status = copy_texts(arena, from->writer_features, from->n_writer_features,
                            &out->writer_features, err);
    return status;
}

static enum shale_status copy_metadata(struct shale_arena *arena,
                                       const struct shale_log_metadata *from,
                                       struct shale_log_metadata *out, struct shale_err *err)
{
    struct shale_str *texts[] = {&out->id, &out->name, &out->description, &out->provider,
                                 &out->schema_json};
    enum shale_status status = SHALE_OK;
    *out = *from;
    for (size_t i = 0; i < sizeof texts / sizeof *texts && status == SHALE_OK; i++)
        status = shale_log_copy(arena, *texts[i], texts[i], err);
    if (status == SHALE_OK)
        status = copy_texts(arena, from->partition_columns, from->n_partition_columns,
                            &out->partition_columns, err);
    if (status == SHALE_OK)
        status =
            copy_pairs(arena, from->configuration, from->n_configuration, &out->configuration, err);
    if (status == SHALE_OK)
        status = copy_pairs(arena, from->options, from->n_options, &out->options, err);
    return status;
}

/* What an older state knows. */
static enum shale_status load_older(struct loader *loader, const struct loaded *older,
                                    struct shale_err *err)
{
    struct loaded *loaded = loader->loaded;
    struct shale_log_state *state = &loaded->state;
    struct shale_arena *arena = &state->arena;
    enum shale_status status;
    state->checkpoint_version = older->state.checkpoint_version;
    state->checkpoint_parts = older->state.checkpoint_parts;
    state->checkpoint_actions = older->state.checkpoint_actions;
    state->tail_actions = older->state.tail_actions;
    memcpy(state->tip_tag, older->state.tip_tag, sizeof state->tip_tag);
    loaded->has_protocol = loaded->has_metadata = true;
    status = copy_protocol(arena, &older->protocol, &loaded->protocol, err);
    if (status == SHALE_OK)
        status = copy_metadata(arena, &older->metadata, &loaded->metadata, err);
    for (size_t i = 0; i < older->state.n_txns && status == SHALE_OK; i++) {
        struct shale_log_txn txn = older->state.txns[i];
        status = shale_log_copy(arena, txn.app_id, &txn.app_id, err);
        if (status == SHALE_OK)
            status = add_txn(loader, &txn, err);
    }
    for (size_t i = 0; i < older->state.n_named && status == SHALE_OK; i++)
        status = add_named(loader, older->state.named[i].version, older->state.named[i].manifest_id,
                           err);
    return status;
}

/* ---- The hint ---------------------------------------------------------------------------------
 */

enum shale_status shale_log_hint_read(struct shale_store *store, struct shale_log_hint *out,
                                      struct shale_err *err)
{
    struct shale_json_cursor cursor;
    struct shale_buf text, scratch;
    enum shale_status status;
    *out = (struct shale_log_hint){-1, -1};
    shale_buf_init(&text, store->env->mem, HINT_BYTES);
    shale_buf_init(&scratch, store->env->mem, HINT_BYTES + SHALE_JSON_PADDING);
    if (shale_json_cursor_init(&cursor, store->env->mem) != SHALE_OK)
        return SHALE_ERR(err, no_memory);
    status = shale_store_read(store, SHALE_LOG_HINT, &text, err);
    if (status == SHALE_OK)
        status = shale_log_find_number(&cursor, &scratch, shale_buf_str(&text), "version",
                                       &out->version, err);
    if (status == SHALE_OK)
        status = shale_log_find_number(&cursor, &scratch, shale_buf_str(&text), "size",
                                       &out->n_actions, err);
    if (status == SHALE_NOT_FOUND || status == SHALE_LIMIT) {
        status = SHALE_OK;
        if (err != NULL)
            shale_err_clear(err);
    }
    shale_json_cursor_fini(&cursor);
    shale_buf_fini(&text);
    shale_buf_fini(&scratch);
    return status;
}

/* ---- Reading ----------------------------------------------------------------------------------
 */

static enum shale_status load_entries(struct loader *loader, int64_t from, int64_t tip,
                                      struct shale_err *err)
{
    enum shale_status status = SHALE_OK;
    for (int64_t version = from; version <= tip && status == SHALE_OK; version++)
        status = load_entry(loader, version, err);
    return status;
}

/* The entries from 'first' to the tip are all there, or there is none to read. */
static bool is_whole(const struct shale_log_listing *listing, int64_t first)
{
    return listing->tip < first || (listing->run_end == listing->tip && listing->run_begin >= 0 &&
                                    listing->run_begin <= first);
}

/* Everything, by checkpoint and entries. */
static enum shale_status load_all(struct loader *loader, struct shale_err *err)
{
    struct shale_log_state *state = &loader->loaded->state;
    struct shale_log_listing listing = {.checkpoint = -1};
    struct shale_log_hint hint;
    enum shale_status status = shale_log_hint_read(loader->store, &hint, err);
    if (status == SHALE_OK)
        status = shale_log_list(loader->store, hint.version, &listing, err);
    if (status == SHALE_OK && hint.version >= 0 && listing.checkpoint < 0)
        status = shale_log_list(loader->store, -1, &listing, err);
    if (status != SHALE_OK)
        return status;
    if (!is_whole(&listing, listing.checkpoint + 1) || listing.v2_checkpoint > listing.tip) {
        if (listing.v2_checkpoint > listing.checkpoint)
            return SHALE_ERR(err, log_checkpoint_v2);
        return SHALE_ERR(err, log_gap, loader->store->name, (long long)listing.run_begin - 1,
                         (long long)listing.run_begin);
    }
    state->version = listing.tip;
    state->checkpoint_version = listing.checkpoint;
    state->checkpoint_parts = listing.checkpoint_parts;
    if (listing.tip < 0)
        return SHALE_OK;
    if (listing.checkpoint >= 0)
        status = load_checkpoint(loader, err);
    if (status == SHALE_OK)
        status = load_entries(loader, listing.checkpoint + 1, listing.tip, err);
    return status == SHALE_OK ? finish(loader, err) : status;
}

/* Only what is new since 'older'; '*done' is not set when that is not all there any more, or when a
 * checkpoint has come over it: somebody may have removed the entries below that one, and a write
 * that was long under way may stand in the place of one. */
static enum shale_status load_new(struct loader *loader, const struct loaded *older, bool *done,
                                  struct shale_err *err)
{
    struct shale_log_state *state = &loader->loaded->state;
    struct shale_log_listing listing;
    enum shale_status status = shale_log_list(loader->store, older->state.version, &listing, err);
    *done = false;
    if (status != SHALE_OK || listing.tip < older->state.version ||
        listing.checkpoint > older->state.version || !is_whole(&listing, older->state.version + 1))
        return status;
    *done = true;
    status = load_older(loader, older, err);
    if (status != SHALE_OK)
        return status;
    state->version = listing.tip;
    if (listing.checkpoint > state->checkpoint_version) {
        struct shale_log_hint hint;
        status = shale_log_hint_read(loader->store, &hint, err);
        if (status != SHALE_OK)
            return status;
        state->checkpoint_version = listing.checkpoint;
        state->checkpoint_parts = listing.checkpoint_parts;
        state->checkpoint_actions =
            hint.version == listing.checkpoint && hint.n_actions > 0 ? hint.n_actions : 0;
        state->tail_actions = 0;
    }
    status = load_entries(loader, older->state.version + 1, listing.tip, err);
    return status == SHALE_OK ? finish(loader, err) : status;
}

/* Has no checkpoint come over the entries while they were read?  Then somebody may have removed
 * them, and a write that was long under way may stand in the place of one.  SHALE_NOT_FOUND: one
 * has. */
static enum shale_status check_still(struct shale_store *store, const struct shale_log_state *state,
                                     struct shale_err *err)
{
    int64_t tip, checkpoint;
    enum shale_status status;
    if (state->version <= state->checkpoint_version)
        return SHALE_OK;
    status = shale_log_tip(store, state->checkpoint_version, &tip, &checkpoint, err);
    if (status == SHALE_OK && checkpoint > state->checkpoint_version)
        return SHALE_NOT_FOUND;
    return status;
}

/* One attempt.  SHALE_NOT_FOUND: what was listed is gone. */
static enum shale_status load(struct shale_store *store, const struct loaded *older,
                              struct shale_log_state **out, struct shale_err *err)
{
    struct loader loader = {.store = store, .loaded = loaded_new(store->env->mem)};
    enum shale_status status = SHALE_OK;
    bool done = false;
    if (loader.loaded == NULL)
        return SHALE_ERR(err, no_memory);
    shale_buf_init(&loader.txns, store->env->mem, TXNS_BYTES);
    shale_buf_init(&loader.named, store->env->mem, TXNS_BYTES);
    if (older != NULL && older->state.version >= 0)
        status = load_new(&loader, older, &done, err);
    if (status == SHALE_OK && !done)
        status = load_all(&loader, err);
    shale_buf_fini(&loader.txns);
    shale_buf_fini(&loader.named);
    if (status == SHALE_OK)
        status = check_still(store, &loader.loaded->state, err);
    if (status == SHALE_OK)
        *out = &loader.loaded->state;
    else
        shale_log_state_free(store->env->mem, &loader.loaded->state);
    return status;
}

enum shale_status shale_log_read(struct shale_store *store, const struct shale_log_state *after,
                                 struct shale_log_state **out, struct shale_err *err)
{
    const struct loaded *older = (const struct loaded *)(const void *)after;
    *out = NULL;
    for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
        enum shale_status status = load(store, attempt == 0 ? older : NULL, out, err);
        if (status != SHALE_NOT_FOUND)
            return status;
        if (err != NULL)
            shale_err_clear(err);
    }
    return SHALE_ERR(err, log_moving, store->name);
}
