/* SPDX-License-Identifier: MIT */
/* What every store does alike: looking at keys, reading a small object whole. */
#include "store/objects.h"

/* The parts of a key are joined by '/', none empty, "." or ".."; the last part of a prefix may be
 * cut anywhere. */
static enum shale_status check(const char *key, bool is_prefix, struct shale_err *err)
{
    const char *part = key;
    if (strlen(key) > SHALE_KEY_BYTES)
        return SHALE_ERR(err, key_too_long, SHALE_KEY_BYTES, key);
    for (;;) {
        size_t n = strcspn(part, "/");
        bool is_last = part[n] == '\0';
        if (is_last && is_prefix)
            return SHALE_OK;
        if (n == 0 || (n == 1 && part[0] == '.') || (n == 2 && part[0] == '.' && part[1] == '.'))
            return SHALE_ERR(err, key_not_plain, key);
        if (is_last)
            return SHALE_OK;
        part += n + 1;
    }
}

enum shale_status shale_store_list(struct shale_store *store, const char *prefix, const char *after,
                                   struct shale_store_list **out, struct shale_err *err)
{
    enum shale_status status = check(prefix, true, err);
    *out = NULL;
    return status == SHALE_OK ? store->ops->list(store, prefix, after, out, err) : status;
}

enum shale_status shale_store_list_next(struct shale_store *store, struct shale_store_list *list,
                                        struct shale_store_entry *out, bool *end,
                                        struct shale_err *err)
{
    return store->ops->list_next(list, out, end, err);
}

void shale_store_list_free(struct shale_store *store, struct shale_store_list *list)
{
    if (list != NULL)
        store->ops->list_free(list);
}

enum shale_status shale_store_open(struct shale_store *store, const char *key,
                                   struct shale_store_file **out, struct shale_err *err)
{
    enum shale_status status = check(key, false, err);
    *out = NULL;
    return status == SHALE_OK ? store->ops->open(store, key, out, err) : status;
}

void shale_store_close(struct shale_store_file *file)
{
    if (file != NULL)
        file->close(file);
}

enum shale_status shale_store_read(struct shale_store *store, const char *key,
                                   struct shale_buf *out, struct shale_err *err)
{
    struct shale_store_file *file;
    enum shale_status status = shale_store_open(store, key, &file, err);
    size_t n_bytes;
    if (status != SHALE_OK)
        return status;
    if ((uint64_t)file->random.n_bytes > out->cap - out->n_bytes) {
        status = SHALE_ERR(err, object_too_large, key, out->cap - out->n_bytes);
    } else {
        n_bytes = (size_t)file->random.n_bytes;
        if (shale_buf_reserve(out, n_bytes) != SHALE_OK)
            status = SHALE_ERR(err, no_memory);
        else if (n_bytes > 0)
            status = shale_random_read(&file->random, 0, out->data + out->n_bytes, n_bytes, err);
        if (status == SHALE_OK)
            out->n_bytes += n_bytes;
    }
    shale_store_close(file);
    return status;
}

enum shale_status shale_store_create(struct shale_store *store, const char *key,
                                     struct shale_store_put **out, struct shale_err *err)
{
    enum shale_status status = check(key, false, err);
    *out = NULL;
    return status == SHALE_OK ? store->ops->create(store, key, out, err) : status;
}

enum shale_status shale_store_put(struct shale_store *store, const char *key, struct shale_str data,
                                  struct shale_err *err)
{
    enum shale_status status = check(key, false, err);
    return status == SHALE_OK ? store->ops->put(store, key, data, err) : status;
}

enum shale_status shale_store_put_absent(struct shale_store *store, const char *key,
                                         struct shale_str data, struct shale_err *err)
{
    enum shale_status status = check(key, false, err);
    return status == SHALE_OK ? store->ops->put_absent(store, key, data, err) : status;
}

enum shale_status shale_store_remove(struct shale_store *store, const char *key,
                                     struct shale_err *err)
{
    enum shale_status status = check(key, false, err);
    return status == SHALE_OK ? store->ops->remove(store, key, err) : status;
}

enum shale_status shale_store_settle(struct shale_store *store, struct shale_err *err)
{
    return store->ops->settle(store, err);
}

enum shale_status shale_store_clean(struct shale_store *store,
                                    const struct shale_store_cleaning *what, int64_t *n_removed,
                                    struct shale_err *err)
{
    *n_removed = 0;
    return store->ops->clean == NULL ? SHALE_OK : store->ops->clean(store, what, n_removed, err);
}

void shale_store_free(struct shale_store *store)
{
    if (store != NULL)
        store->ops->free(store);
}
