/* SPDX-License-Identifier: MIT */
/* One entry, read whole. */
#include <string.h>

#include "dataset/log_actions.h"

enum { ITEMS_BYTES = 1024 * 1024 * 1024 };

struct gathering {
    struct shale_arena *arena;
    struct shale_log_entry *out;
    struct shale_buf adds, removes;
    struct shale_json_cursor cursor; /* of statistics */
    struct shale_buf scratch;
    struct shale_err *err;
};

static enum shale_status take_metadata(struct gathering *gathering,
                                       const struct shale_log_metadata *metadata)
{
    struct shale_log_entry *out = gathering->out;
    struct shale_log_schema schema;
    struct shale_schema *kept = shale_arena_zeroed(gathering->arena, 1, sizeof *kept);
    enum shale_status status;
    if (kept == NULL)
        return SHALE_ERR(gathering->err, no_memory);
    status =
        shale_log_schema_read(gathering->arena, metadata->schema_json, metadata->partition_columns,
                              metadata->n_partition_columns, &schema, gathering->err);
    if (status != SHALE_OK)
        return status;
    *kept = schema.schema;
    out->has_metadata = true;
    out->table_id = metadata->id;
    out->schema = kept;
    out->partition_columns = metadata->partition_columns;
    out->n_partition_columns = metadata->n_partition_columns;
    out->configuration = metadata->configuration;
    out->n_configuration = metadata->n_configuration;
    out->created_ms = metadata->created_ms;
    return SHALE_OK;
}

static enum shale_status take_add(struct gathering *gathering, struct shale_log_add *add)
{
    enum shale_status status =
        shale_log_find_number(&gathering->cursor, &gathering->scratch, add->stats, "numRecords",
                              &add->n_rows, gathering->err);
    if (status == SHALE_OK && shale_buf_append(&gathering->adds, add, sizeof *add) != SHALE_OK)
        status = SHALE_ERR(gathering->err, no_memory);
    return status;
}

static enum shale_status take_action(struct gathering *gathering, struct shale_log_action *action)
{
    struct shale_log_entry *out = gathering->out;
    switch (action->kind) {
    case SHALE_ACTION_ADD:
        return take_add(gathering, &action->add);
    case SHALE_ACTION_REMOVE:
        return shale_buf_append(&gathering->removes, &action->remove, sizeof action->remove) ==
                       SHALE_OK
                   ? SHALE_OK
                   : SHALE_ERR(gathering->err, no_memory);
    case SHALE_ACTION_METADATA:
        return take_metadata(gathering, &action->metadata);
    case SHALE_ACTION_PROTOCOL:
        out->has_protocol = true;
        return SHALE_OK;
    case SHALE_ACTION_INFO:
        out->info = action->info;
        return SHALE_OK;
    case SHALE_ACTION_TXN:
        if (shale_str_is(action->txn.app_id, "shale"))
            out->manifest_id = action->txn.version;
        return SHALE_OK;
    default:
        return SHALE_OK;
    }
}

/* What was gathered, in the arena. */
static enum shale_status keep(struct gathering *gathering, const struct shale_buf *items,
                              size_t item_bytes, const void **out, size_t *n)
{
    void *copy = shale_arena_zeroed(gathering->arena, 1, items->n_bytes + 1);
    if (copy == NULL)
        return SHALE_ERR(gathering->err, no_memory);
    if (items->n_bytes > 0)
        memcpy(copy, items->data, items->n_bytes);
    *out = copy;
    *n = items->n_bytes / item_bytes;
    return SHALE_OK;
}

static enum shale_status gather(struct gathering *gathering, struct shale_log_lines *lines)
{
    const unsigned all = (1u << SHALE_ACTION_N_KINDS) - 1;
    struct shale_log_entry *out = gathering->out;
    struct shale_log_action action;
    const void *adds = NULL, *removes = NULL;
    bool end = false, any = false;
    enum shale_status status = SHALE_OK;
    while (status == SHALE_OK) {
        status = shale_log_lines_next(lines, gathering->arena, all, &action, &end, gathering->err);
        if (status != SHALE_OK || end)
            break;
        any = any || action.kind != SHALE_ACTION_OTHER;
        status = take_action(gathering, &action);
    }
    if (status == SHALE_OK && !any)
        status = SHALE_ERR(gathering->err, log_empty);
    if (status == SHALE_OK)
        status = keep(gathering, &gathering->adds, sizeof *out->adds, &adds, &out->n_adds);
    if (status == SHALE_OK)
        status =
            keep(gathering, &gathering->removes, sizeof *out->removes, &removes, &out->n_removes);
    if (status != SHALE_OK)
        return status;
    out->adds = adds;
    out->removes = removes;
    return SHALE_OK;
}

enum shale_status shale_log_entry_read(struct shale_store *store, struct shale_arena *arena,
                                       int64_t version, struct shale_log_entry *out,
                                       struct shale_err *err)
{
    const struct shale_mem *mem = store->env->mem;
    struct gathering gathering = {.arena = arena, .out = out, .err = err};
    struct shale_log_lines lines;
    enum shale_status status;
    *out = (struct shale_log_entry){.created_ms = -1, .manifest_id = -1};
    out->info.timestamp_ms = -1;
    status = shale_log_lines_open(store, version, &lines, err);
    if (status != SHALE_OK)
        return status;
    shale_buf_init(&gathering.adds, mem, ITEMS_BYTES);
    shale_buf_init(&gathering.removes, mem, ITEMS_BYTES);
    shale_buf_init(&gathering.scratch, mem, ITEMS_BYTES);
    status = shale_json_cursor_init(&gathering.cursor, mem);
    if (status == SHALE_OK) {
        status = gather(&gathering, &lines);
        shale_json_cursor_fini(&gathering.cursor);
    } else {
        status = SHALE_ERR(err, no_memory);
    }
    if (status != SHALE_OK)
        shale_err_at(err, lines.key, -1, -1);
    shale_log_lines_close(&lines);
    shale_buf_fini(&gathering.adds);
    shale_buf_fini(&gathering.removes);
    shale_buf_fini(&gathering.scratch);
    return status;
}
