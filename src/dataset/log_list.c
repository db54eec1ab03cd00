/* SPDX-License-Identifier: MIT */
/* The names in _delta_log (PROTOCOL.md, File Types), listed in constant memory. */
#include "dataset/log_actions.h"
#include "dataset/log_names.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define DIRECTORY "_delta_log/"

enum {
    VERSION_DIGITS = 20,
    PART_DIGITS = 10,
    MOST_SETS = 8, /* of parts of one version, by different numbers of them, that are watched */
    MOST_PARTS = 1000000, /* a checkpoint in more is passed over */
};

void shale_log_entry_name(int64_t version, char out[SHALE_LOG_NAME_BYTES])
{
    (void)snprintf(out, SHALE_LOG_NAME_BYTES, DIRECTORY "%020" PRId64 ".json", version);
}

void shale_log_checkpoint_name(int64_t version, int64_t part, int64_t n_parts,
                               char out[SHALE_LOG_CHECKPOINT_NAME_BYTES])
{
    if (n_parts == 0)
        (void)snprintf(out, SHALE_LOG_CHECKPOINT_NAME_BYTES,
                       DIRECTORY "%020" PRId64 ".checkpoint.parquet", version);
    else
        (void)snprintf(out, SHALE_LOG_CHECKPOINT_NAME_BYTES,
                       DIRECTORY "%020" PRId64 ".checkpoint.%010" PRId64 ".%010" PRId64 ".parquet",
                       version, part, n_parts);
}

/* Parts of checkpoints of one version: they come in the order of their numbers, those of sets of
 * different sizes in turn. */
struct part_sets {
    int64_t version;
    size_t n;
    struct {
        int64_t n_parts, next;
    } sets[MOST_SETS];
};

/* True when a set is complete with this part. */
static bool add_part(struct part_sets *sets, int64_t version, int64_t part, int64_t n_parts)
{
    size_t i = 0;
    if (sets->version != version)
        *sets = (struct part_sets){.version = version};
    while (i < sets->n && sets->sets[i].n_parts != n_parts)
        i++;
    if (i == MOST_SETS || n_parts < 1 || n_parts > MOST_PARTS)
        return false;
    if (i == sets->n) {
        sets->n++;
        sets->sets[i].n_parts = n_parts;
        sets->sets[i].next = 1;
    }
    if (sets->sets[i].next != part)
        return false;
    sets->sets[i].next++;
    return part == n_parts;
}

/* "80a083e8-7026-4e79-81be-64bd76c43a11.json", or ".parquet": a v2 checkpoint. */
static bool is_uuid_name(struct shale_str name)
{
    enum { UUID_BYTES = 36 };
    struct shale_str extension;
    if (name.n_bytes <= UUID_BYTES || memchr(name.data, '.', UUID_BYTES) != NULL)
        return false;
    extension = (struct shale_str){name.data + UUID_BYTES, name.n_bytes - UUID_BYTES};
    return shale_str_is(extension, ".json") || shale_str_is(extension, ".parquet");
}

/* Of the files of one version that of the classic name comes last, and counts. */
static void note_checkpoint(struct shale_log_listing *out, struct part_sets *sets, int64_t version,
                            struct shale_str rest)
{
    struct shale_str name = rest;
    int64_t part, n_parts;
    if (shale_str_is(name, "parquet")) {
        out->checkpoint = version;
        out->checkpoint_parts = 0;
        return;
    }
    if (shale_log_take_digits(&name, PART_DIGITS, &part) && shale_log_take_text(&name, ".") &&
        shale_log_take_digits(&name, PART_DIGITS, &n_parts) && shale_str_is(name, ".parquet")) {
        if (add_part(sets, version, part, n_parts)) {
            out->checkpoint = version;
            out->checkpoint_parts = n_parts;
        }
        return;
    }
    if (is_uuid_name(rest))
        out->v2_checkpoint = version;
}

static void note_entry(struct shale_log_listing *out, int64_t version)
{
    if (out->run_begin < 0 || version != out->run_end + 1)
        out->run_begin = version;
    out->run_end = version;
}

enum shale_status shale_log_list(struct shale_store *store, int64_t from,
                                 struct shale_log_listing *out, struct shale_err *err)
{
    struct part_sets sets = {.version = -1};
    struct shale_store_list *list;
    struct shale_store_entry entry;
    char after[SHALE_LOG_NAME_BYTES] = "";
    bool end = false;
    enum shale_status status;
    *out = (struct shale_log_listing){-1, -1, -1, -1, 0, -1};
    if (from >= 0) /* the names of that version begin with it, and are behind it */
        (void)snprintf(after, sizeof after, DIRECTORY "%020" PRId64, from);
    status = shale_store_list(store, DIRECTORY "0", after, &list, err);
    if (status != SHALE_OK)
        return status;
    while ((status = shale_store_list_next(store, list, &entry, &end, err)) == SHALE_OK && !end) {
        struct shale_str name = entry.key;
        int64_t version;
        if (!shale_log_take_text(&name, DIRECTORY) ||
            !shale_log_take_digits(&name, VERSION_DIGITS, &version))
            continue;
        if (shale_str_is(name, ".json"))
            note_entry(out, version);
        else if (shale_log_take_text(&name, ".checkpoint."))
            note_checkpoint(out, &sets, version, name);
    }
    shale_store_list_free(store, list);
    out->tip = out->run_end > out->checkpoint ? out->run_end : out->checkpoint;
    return status;
}

enum shale_status shale_log_tip(struct shale_store *store, int64_t from, int64_t *version,
                                int64_t *checkpoint_version, struct shale_err *err)
{
    struct shale_log_listing listing;
    enum shale_status status = shale_log_list(store, from, &listing, err);
    *version = -1;
    *checkpoint_version = -1;
    if (status != SHALE_OK)
        return status;
    *version = listing.tip;
    *checkpoint_version = listing.checkpoint;
    return SHALE_OK;
}
