/* SPDX-License-Identifier: MIT */
/* Log clean-up: entries and checkpoints that are older than delta.logRetentionDuration, up to a
 * checkpoint that stays, from which each version that is not older can still be read. */
#include <stdio.h>

#include "dataset/log_actions.h"
#include "dataset/log_names.h"
#include "dataset/sweep_parts.h"

#define DIRECTORY "_delta_log/"

enum { VERSION_DIGITS = 20, PART_DIGITS = 10 };

static const int64_t month_us = INT64_C(30) * 86400 * 1000000;

enum log_file { NEITHER, ENTRY, CHECKSUM, CHECKPOINT, CHECKPOINT_PART };

/* "00000000000000000040.json" and so on; other names are others' business. */
static enum log_file kind_of(struct shale_str key, int64_t *version)
{
    int64_t part;
    if (!shale_log_take_text(&key, DIRECTORY) ||
        !shale_log_take_digits(&key, VERSION_DIGITS, version))
        return NEITHER;
    if (shale_str_is(key, ".json"))
        return ENTRY;
    if (shale_str_is(key, ".crc"))
        return CHECKSUM;
    if (!shale_log_take_text(&key, ".checkpoint."))
        return NEITHER;
    if (shale_str_is(key, "parquet"))
        return CHECKPOINT;
    return shale_log_take_digits(&key, PART_DIGITS, &part) && shale_log_take_text(&key, ".") &&
                   shale_log_take_digits(&key, PART_DIGITS, &part) && shale_str_is(key, ".parquet")
               ? CHECKPOINT_PART
               : NEITHER;
}

/* The checkpoint from which all versions can be read that are not older than the retention: the
 * last one that is not behind the first entry written since 'cutoff_us'.  -1: there is none. */
static enum shale_status find_first(struct shale_sweep *sweep, int64_t cutoff_us, int64_t most,
                                    int64_t *first)
{
    struct shale_store_list *list;
    struct shale_store_entry entry;
    bool end = false;
    enum shale_status status = shale_store_list(sweep->store, DIRECTORY "0", "", &list, sweep->err);
    *first = -1;
    if (status != SHALE_OK)
        return status;
    while ((status = shale_store_list_next(sweep->store, list, &entry, &end, sweep->err)) ==
               SHALE_OK &&
           !end) {
        int64_t version = -1;
        enum log_file kind = kind_of(entry.key, &version);
        /* An entry comes behind the checkpoint of its version. */
        if (version > most || (kind == ENTRY && entry.modified_us > cutoff_us))
            break;
        if (kind == CHECKPOINT)
            *first = version;
    }
    shale_store_list_free(sweep->store, list);
    return status;
}

/* All before version 'first'. */
static enum shale_status remove_before(struct shale_sweep *sweep, int64_t first)
{
    struct shale_store_list *list;
    struct shale_store_entry entry;
    bool end = false;
    enum shale_status status = shale_store_list(sweep->store, DIRECTORY "0", "", &list, sweep->err);
    if (status != SHALE_OK)
        return status;
    while (status == SHALE_OK) {
        int64_t version = -1;
        enum log_file kind;
        status = shale_store_list_next(sweep->store, list, &entry, &end, sweep->err);
        if (status != SHALE_OK || end)
            break;
        kind = kind_of(entry.key, &version);
        if (version >= first)
            break;
        if (kind == NEITHER)
            continue;
        status = shale_sweep_remove(sweep, entry.key.data, entry.n_bytes);
        sweep->out->n_entries += status == SHALE_OK && kind == ENTRY;
        sweep->out->n_checkpoints += status == SHALE_OK && kind == CHECKPOINT;
    }
    shale_store_list_free(sweep->store, list);
    return status;
}

enum shale_status shale_sweep_log(struct shale_sweep *sweep, const struct shale_log_state *log)
{
    const struct shale_env *env = sweep->store->env;
    int64_t retention_us = shale_log_interval_us(log, "delta.logRetentionDuration", month_us);
    int64_t cutoff_us = env->wall_us(env->ctx), first;
    struct shale_log_hint hint;
    enum shale_status status;
    if (retention_us < 0 || !SHALE_SUB(cutoff_us, retention_us, &cutoff_us) ||
        log->checkpoint_version < 0 || log->checkpoint_parts != 0)
        return SHALE_OK;
    /* Readers follow the hint: what it points at stays. */
    status = shale_log_hint_read(sweep->store, &hint, sweep->err);
    if (status != SHALE_OK)
        return status;
    status = find_first(sweep, cutoff_us,
                        hint.version >= 0 && hint.version < log->checkpoint_version
                            ? hint.version
                            : log->checkpoint_version,
                        &first);
    return status == SHALE_OK && first > 0 ? remove_before(sweep, first) : status;
}
