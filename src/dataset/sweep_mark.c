/* SPDX-License-Identifier: MIT */
/* Up to when superseded manifests were deleted, so that 'shale verify' can tell what was swept from
 * what was lost. */
#include <stdio.h>

#include "dataset/log_names.h"
#include "dataset/sweep_parts.h"

#define DIRECTORY "_shale/swept/"

enum { TIME_DIGITS = 20, NAME_BYTES = sizeof DIRECTORY + TIME_DIGITS + sizeof ".json" };

static bool parse(struct shale_str key, int64_t *until_ms)
{
    return shale_log_take_text(&key, DIRECTORY) &&
           shale_log_take_digits(&key, TIME_DIGITS, until_ms) && shale_str_is(key, ".json");
}

static void set_name(int64_t until_ms, char out[NAME_BYTES])
{
    (void)snprintf(out, NAME_BYTES, DIRECTORY "%0*lld.json", TIME_DIGITS, (long long)until_ms);
}

bool shale_sweep_is_mark(struct shale_str key)
{
    int64_t until_ms;
    return parse(key, &until_ms);
}

/* The newest of the marks, which are listed in their order; 'tidies': those before it go. */
static enum shale_status find_newest(struct shale_store *store, bool tidies, int64_t *out,
                                     struct shale_err *err)
{
    struct shale_store_list *list;
    struct shale_store_entry entry;
    bool end = false;
    enum shale_status status = shale_store_list(store, DIRECTORY, "", &list, err);
    *out = -1;
    if (status != SHALE_OK)
        return status;
    for (;;) {
        int64_t until_ms;
        status = shale_store_list_next(store, list, &entry, &end, err);
        if (status != SHALE_OK || end)
            break;
        if (!parse(entry.key, &until_ms))
            continue;
        if (tidies && *out >= 0) {
            char before[NAME_BYTES];
            set_name(*out, before);
            status = shale_store_remove(store, before, err);
            if (status != SHALE_OK)
                break;
        }
        *out = until_ms;
    }
    shale_store_list_free(store, list);
    return status;
}

enum shale_status shale_sweep_mark_read(struct shale_store *store, int64_t *until_ms,
                                        struct shale_err *err)
{
    return find_newest(store, false, until_ms, err);
}

enum shale_status shale_sweep_mark_put(struct shale_store *store, int64_t until_ms,
                                       struct shale_err *err)
{
    static const struct shale_str text = {"{}\n", 3};
    char name[NAME_BYTES];
    int64_t newest_ms;
    enum shale_status status = find_newest(store, true, &newest_ms, err);
    if (status != SHALE_OK || newest_ms >= until_ms)
        return status;
    set_name(until_ms, name);
    status = shale_store_put_absent(store, name, text, err);
    if (status != SHALE_CONFLICT)
        return status;
    shale_err_clear(err); /* another has said the same */
    return SHALE_OK;
}
