/* SPDX-License-Identifier: MIT */
/* The log (PROTOCOL.md): entries without a gap, each of them readable, checkpoints that agree with
 * the entries behind which they stand. */
#include <inttypes.h>

#include "base/checked.h"
#include "base/hash.h"
#include "dataset/log_names.h"
#include "dataset/verify_parts.h"

enum { VERSION_DIGITS = 20, MOST_GAPS = 16 };

#define LOG_PREFIX "_delta_log/"

struct gap {
    int64_t first, last;
};

struct checkpoint {
    int64_t version;
    int64_t n_parts; /* 0: one file */
};

struct log_names {
    int64_t first, last; /* entries; -1: there are none */
    struct gap gaps[MOST_GAPS];
    size_t n_gaps;
    struct shale_buf checkpoints; /* struct checkpoint, ascending */
    int64_t part_of, n_found;     /* of a checkpoint in parts, being listed */
};

/* ---- Names ------------------------------------------------------------------------------------
 */

static void take_entry(struct log_names *names, int64_t version)
{
    if (names->first < 0)
        names->first = version;
    else if (version > names->last + 1 && names->n_gaps < MOST_GAPS)
        names->gaps[names->n_gaps++] = (struct gap){names->last + 1, version - 1};
    names->last = version;
}

/* "<version>.checkpoint" is taken off: ".parquet", or ".<part>.<parts>.parquet". */
static enum shale_status take_checkpoint(struct log_names *names, struct shale_str rest,
                                         int64_t version)
{
    struct checkpoint checkpoint = {version, 0};
    int64_t part = 0;
    if (!shale_str_is(rest, ".parquet")) {
        if (!shale_log_take_text(&rest, ".") || !shale_log_take_digits(&rest, 10, &part) ||
            !shale_log_take_text(&rest, ".") ||
            !shale_log_take_digits(&rest, 10, &checkpoint.n_parts) ||
            !shale_str_is(rest, ".parquet"))
            return SHALE_OK;
        names->n_found = names->part_of == version && part > 1 ? names->n_found + 1 : 1;
        names->part_of = version;
        if (names->n_found != checkpoint.n_parts)
            return SHALE_OK;
    }
    return shale_buf_append(&names->checkpoints, &checkpoint, sizeof checkpoint);
}

static enum shale_status take_name(struct log_names *names, struct shale_str name)
{
    int64_t version;
    if (!shale_log_take_text(&name, LOG_PREFIX) ||
        !shale_log_take_digits(&name, VERSION_DIGITS, &version))
        return SHALE_OK; /* _last_checkpoint, and what others have */
    if (shale_str_is(name, ".json"))
        take_entry(names, version);
    else if (shale_log_take_text(&name, ".checkpoint"))
        return take_checkpoint(names, name, version);
    return SHALE_OK;
}

static enum shale_status list_names(struct shale_verify *verify, struct log_names *names)
{
    struct shale_store_list *list = NULL;
    struct shale_store_entry entry;
    struct shale_err err;
    bool end = false;
    enum shale_status status;
    shale_err_clear(&err);
    status = shale_store_list(verify->store, LOG_PREFIX, "", &list, &err);
    while (status == SHALE_OK) {
        status = shale_store_list_next(verify->store, list, &entry, &end, &err);
        if (status == SHALE_OK && !end && take_name(names, entry.key) != SHALE_OK)
            status = SHALE_ERR(&err, no_memory);
        if (end)
            break;
    }
    shale_store_list_free(verify->store, list);
    return shale_verify_failed(verify, status, &err, LOG_PREFIX);
}

/* ---- Gaps -------------------------------------------------------------------------------------
 */

static size_t n_checkpoints(const struct log_names *names)
{
    return names->checkpoints.n_bytes / sizeof(struct checkpoint);
}

static struct checkpoint checkpoint_at(const struct log_names *names, size_t i)
{
    struct checkpoint out;
    memcpy(&out, names->checkpoints.data + i * sizeof out, sizeof out);
    return out;
}

/* A gap before the newest checkpoint hides history; one behind it, the table. */
static void report_gaps(struct shale_verify *verify, const struct log_names *names)
{
    size_t n = n_checkpoints(names);
    int64_t newest = n > 0 ? checkpoint_at(names, n - 1).version : -1;
    struct shale_err err;
    for (size_t i = 0; i < names->n_gaps; i++) {
        shale_err_clear(&err);
        (void)SHALE_ERR(&err, verify_gap, (long long)names->gaps[i].first,
                        (long long)names->gaps[i].last);
        shale_verify_found(verify, &err, LOG_PREFIX, names->gaps[i].last <= newest);
    }
    if (names->first > newest + 1) {
        shale_err_clear(&err);
        (void)SHALE_ERR(&err, verify_gap, (long long)newest + 1, (long long)names->first - 1);
        shale_verify_found(verify, &err, LOG_PREFIX, false);
    }
}

/* Are the entries from 'first' to 'last' all there? */
static bool has_entries(const struct log_names *names, int64_t first, int64_t last)
{
    if (first > last)
        return true;
    if (names->first < 0 || first < names->first || last > names->last ||
        names->n_gaps == MOST_GAPS)
        return false;
    for (size_t i = 0; i < names->n_gaps; i++)
        if (first <= names->gaps[i].last && last >= names->gaps[i].first)
            return false;
    return true;
}

/* ---- Entries ----------------------------------------------------------------------------------
 */

static enum shale_status read_entries(struct shale_verify *verify, const struct log_names *names)
{
    enum shale_status status = SHALE_OK;
    for (int64_t i = names->first; i >= 0 && i <= names->last && status == SHALE_OK; i++) {
        char name[SHALE_LOG_NAME_BYTES];
        struct shale_log_entry entry;
        struct shale_err err;
        shale_err_clear(&err);
        shale_log_entry_name(i, name);
        shale_arena_reset(&verify->scratch);
        status = shale_log_entry_read(verify->store, &verify->scratch, i, &entry, &err);
        if (status == SHALE_NOT_FOUND) { /* in a gap, or cleaned up meanwhile */
            status = SHALE_OK;
            continue;
        }
        verify->out->n_entries++;
        if (status == SHALE_OK && verify->state != NULL && entry.manifest_id >= 0 &&
            entry.manifest_id == verify->state->manifest_id)
            verify->manifest_entry = i;
        status = shale_verify_failed(verify, status, &err, name);
        if (status == SHALE_OK)
            status = shale_verify_go_on(verify);
    }
    shale_arena_reset(&verify->scratch);
    return status;
}

/* ---- Checkpoints ------------------------------------------------------------------------------
 */

/* Files regardless of their order. */
struct file_set {
    int64_t n;
    uint64_t sum;
};

static void add_to_set(struct file_set *set, const struct shale_log_add *add)
{
    uint64_t hash = shale_hash(add->path.data, add->path.n_bytes, (uint64_t)add->n_bytes);
    for (size_t i = 0; i < add->n_partition_values; i++) {
        const struct shale_log_partition_value *value = &add->partition_values[i];
        uint64_t part = shale_hash(value->name.data, value->name.n_bytes, value->is_null);
        hash += shale_hash(value->value.data, value->value.n_bytes, part);
    }
    set->sum += hash;
    set->n++;
}

/* The files of a version, by a checkpoint at or below it (version -1: by entries alone). */
static enum shale_status files_of(struct shale_verify *verify, int64_t version,
                                  const struct checkpoint *from, struct file_set *out,
                                  struct shale_err *err)
{
    struct shale_log_state state = *verify->state;
    struct shale_log_files *files = NULL;
    const struct shale_log_add *add;
    enum shale_status status;
    *out = (struct file_set){0, 0};
    state.version = version;
    state.checkpoint_version = from->version;
    state.checkpoint_parts = from->n_parts;
    state.tip_tag[0] = '\0'; /* of another entry */
    status = shale_log_files_new(verify->store, &state, &files, err);
    while (status == SHALE_OK) {
        status = shale_log_files_next(files, &add, err);
        if (status != SHALE_OK || add == NULL)
            break;
        add_to_set(out, add);
    }
    shale_log_files_free(files);
    return status;
}

static enum shale_status compare_checkpoint(struct shale_verify *verify,
                                            const struct checkpoint *checkpoint,
                                            const struct checkpoint *before)
{
    struct file_set said = {0, 0}, counted = {0, 0};
    struct shale_err err;
    enum shale_status status;
    shale_err_clear(&err);
    status = files_of(verify, checkpoint->version, checkpoint, &said, &err);
    if (status == SHALE_OK)
        status = files_of(verify, checkpoint->version, before, &counted, &err);
    if (status == SHALE_OK && (said.n != counted.n || said.sum != counted.sum)) {
        (void)SHALE_ERR(&err, verify_checkpoint, (long long)checkpoint->version, (long long)said.n,
                        (long long)counted.n);
        shale_verify_found(verify, &err, LOG_PREFIX, false);
    }
    return shale_verify_failed(verify, status, &err, NULL);
}

/* Each checkpoint is held against the one before it and the entries between, or against the entries
 * alone, as far as they are kept. */
static enum shale_status compare_checkpoints(struct shale_verify *verify,
                                             const struct log_names *names)
{
    struct checkpoint before = {-1, 0};
    enum shale_status status = SHALE_OK;
    for (size_t i = 0; i < n_checkpoints(names) && status == SHALE_OK; i++) {
        struct checkpoint checkpoint = checkpoint_at(names, i);
        if (checkpoint.version > verify->state->version)
            break; /* newer than what is looked at */
        verify->out->n_checkpoints++;
        if (has_entries(names, before.version + 1, checkpoint.version))
            status = compare_checkpoint(verify, &checkpoint, &before);
        before = checkpoint;
        if (status == SHALE_OK)
            status = shale_verify_go_on(verify);
    }
    return status;
}

enum shale_status shale_verify_log(struct shale_verify *verify)
{
    struct log_names names = {.first = -1, .last = -1, .part_of = -1};
    enum shale_status status;
    shale_buf_init(&names.checkpoints, verify->mem, SIZE_MAX);
    status = list_names(verify, &names);
    verify->out->first_entry = names.first;
    if (status == SHALE_OK) {
        report_gaps(verify, &names);
        status = read_entries(verify, &names);
    }
    if (status == SHALE_OK && verify->state != NULL)
        status = compare_checkpoints(verify, &names);
    shale_buf_fini(&names.checkpoints);
    return status;
}
