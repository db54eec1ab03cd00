/* SPDX-License-Identifier: MIT */
/* The objects of a store whose keys begin with something, as a store. */
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "store/objects.h"

enum { FULL_BYTES = 2 * SHALE_KEY_BYTES + 2 }; /* the store below refuses what is too long */

struct under {
    struct shale_store store; /* first member */
    struct shale_store *base; /* borrowed */
    size_t n_prefix;
    char prefix[SHALE_KEY_BYTES + 1];
};

struct list {
    struct shale_store *base;
    struct shale_store_list *list;
    size_t n_prefix;
};

static struct under *under_of(struct shale_store *store)
{
    return (struct under *)(void *)store;
}

static const char *full_key(struct shale_store *store, const char *key, char out[FULL_BYTES])
{
    (void)snprintf(out, FULL_BYTES, "%s%s", under_of(store)->prefix, key);
    return out;
}

static enum shale_status under_list(struct shale_store *store, const char *prefix,
                                    const char *after, struct shale_store_list **out,
                                    struct shale_err *err)
{
    struct under *under = under_of(store);
    struct list *list = shale_mem_zeroed(store->env->mem, 1, sizeof *list);
    char full[FULL_BYTES], full_after[FULL_BYTES] = "";
    enum shale_status status;
    if (list == NULL)
        return SHALE_ERR(err, no_memory);
    list->base = under->base;
    list->n_prefix = under->n_prefix;
    if (after[0] != '\0')
        (void)full_key(store, after, full_after);
    status =
        shale_store_list(under->base, full_key(store, prefix, full), full_after, &list->list, err);
    if (status != SHALE_OK) {
        shale_mem_free(store->env->mem, list);
        return status;
    }
    *out = (struct shale_store_list *)(void *)list;
    return SHALE_OK;
}

static enum shale_status under_list_next(struct shale_store_list *base,
                                         struct shale_store_entry *out, bool *end,
                                         struct shale_err *err)
{
    struct list *list = (struct list *)(void *)base;
    enum shale_status status = shale_store_list_next(list->base, list->list, out, end, err);
    if (status == SHALE_OK && !*end) {
        out->key.data += list->n_prefix;
        out->key.n_bytes -= list->n_prefix;
    }
    return status;
}

static void under_list_free(struct shale_store_list *base)
{
    struct list *list = (struct list *)(void *)base;
    shale_store_list_free(list->base, list->list);
    shale_mem_free(list->base->env->mem, list);
}

static enum shale_status under_open(struct shale_store *store, const char *key,
                                    struct shale_store_file **out, struct shale_err *err)
{
    char full[FULL_BYTES];
    return shale_store_open(under_of(store)->base, full_key(store, key, full), out, err);
}

static enum shale_status under_create(struct shale_store *store, const char *key,
                                      struct shale_store_put **out, struct shale_err *err)
{
    char full[FULL_BYTES];
    return shale_store_create(under_of(store)->base, full_key(store, key, full), out, err);
}

static enum shale_status under_put(struct shale_store *store, const char *key,
                                   struct shale_str data, struct shale_err *err)
{
    char full[FULL_BYTES];
    return shale_store_put(under_of(store)->base, full_key(store, key, full), data, err);
}

static enum shale_status under_put_absent(struct shale_store *store, const char *key,
                                          struct shale_str data, struct shale_err *err)
{
    char full[FULL_BYTES];
    return shale_store_put_absent(under_of(store)->base, full_key(store, key, full), data, err);
}

static enum shale_status under_remove(struct shale_store *store, const char *key,
                                      struct shale_err *err)
{
    char full[FULL_BYTES];
    return shale_store_remove(under_of(store)->base, full_key(store, key, full), err);
}

static enum shale_status under_settle(struct shale_store *store, struct shale_err *err)
{
    return shale_store_settle(under_of(store)->base, err);
}

static void under_free(struct shale_store *store)
{
    shale_mem_free(store->env->mem, store);
}

static const struct shale_store_ops ops = {
    .list = under_list,
    .list_next = under_list_next,
    .list_free = under_list_free,
    .open = under_open,
    .create = under_create,
    .put = under_put,
    .put_absent = under_put_absent,
    .remove = under_remove,
    .settle = under_settle,
    .free = under_free,
};

enum shale_status shale_store_under(struct shale_store *base, const char *prefix,
                                    struct shale_store **out, struct shale_err *err)
{
    struct under *under;
    *out = NULL;
    if (strlen(prefix) > SHALE_KEY_BYTES)
        return SHALE_ERR(err, key_too_long, SHALE_KEY_BYTES, prefix);
    under = shale_mem_zeroed(base->env->mem, 1, sizeof *under);
    if (under == NULL)
        return SHALE_ERR(err, no_memory);
    *under = (struct under){.store = {.ops = &ops, .env = base->env}, .base = base};
    under->n_prefix = strlen(prefix);
    memcpy(under->prefix, prefix, under->n_prefix + 1);
    (void)snprintf(under->store.name, sizeof under->store.name, "%.*s/%s",
                   (int)(sizeof under->store.name - SHALE_KEY_BYTES - 2), base->name, prefix);
    *out = &under->store;
    return SHALE_OK;
}
