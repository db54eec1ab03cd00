/* SPDX-License-Identifier: MIT */
/* A store in memory: handles with hooks on what kept.h keeps. */
#include "store/kept.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>

#include "base/mem.h"

struct handle {
    struct shale_store store; /* first member */
    struct shale_kept *kept;
    struct shale_store_hook hook;
};

struct list {
    struct handle *handle;
    char *prefix;                    /* owned */
    char *after;                     /* owned: SHALE_KEY_BYTES + 1, the last key given */
    struct shale_kept_object **page; /* owned, a reference each from 'next' on */
    size_t n, next, room;            /* of 'page' */
    struct shale_kept_object *given; /* a reference, until the next call */
    bool is_last;                    /* no page behind this one */
    char tag[SHALE_TAG_BYTES];
};

struct file {
    struct shale_store_file file; /* first member */
    struct handle *handle;
    struct shale_kept_object *object; /* a reference */
};

struct put {
    struct shale_store_put put; /* first member */
    struct handle *handle;
    struct shale_buf data;
    char key[]; /* NUL-terminated */
};

static enum shale_status before(const struct handle *handle, enum shale_store_call call,
                                const char *key, struct shale_str data, enum shale_store_fate *fate,
                                struct shale_err *err)
{
    *fate = SHALE_STORE_DONE;
    if (handle->hook.before == NULL)
        return SHALE_OK;
    return handle->hook.before(handle->hook.ctx, call, key, data, fate, err);
}

/* For the calls that change nothing. */
static enum shale_status before_look(const struct handle *handle, enum shale_store_call call,
                                     const char *key, struct shale_err *err)
{
    enum shale_store_fate fate;
    return before(handle, call, key, SHALE_STR(""), &fate, err);
}

static void set_tag(const struct shale_kept_object *object, char tag[SHALE_TAG_BYTES])
{
    (void)snprintf(tag, SHALE_TAG_BYTES, "%" PRIu64 "-%zu", object->serial, object->n_bytes);
}

/* ---- Writes -----------------------------------------------------------------------------------
 */

/* 'base': REPLACE; see kept.h. */
static enum shale_status write_on(struct handle *handle, enum shale_store_call call,
                                  const char *key, struct shale_str data, uint64_t base,
                                  struct shale_err *err)
{
    const struct shale_env *env = handle->store.env;
    struct shale_kept *kept = handle->kept;
    enum shale_store_fate fate;
    enum shale_status status = before(handle, call, key, data, &fate, err);
    struct shale_kept_object *object;
    if (status != SHALE_OK)
        return status;
    object = shale_kept_object_new(kept, key, data);
    if (object == NULL)
        return SHALE_ERR(err, no_memory);
    object->modified_us = env->wall_us == NULL ? 0 : env->wall_us(env->ctx);
    object->base = base;
    shale_kept_lock(kept);
    if (fate == SHALE_STORE_LATE)
        status = shale_kept_put_off(kept, call, object, err);
    else
        status = shale_kept_apply(kept, call, object, err);
    if (fate == SHALE_STORE_TWICE && status == SHALE_OK)
        status = shale_kept_apply(kept, call, object, err);
    shale_kept_drop(kept, object);
    shale_kept_unlock(kept);
    if (fate == SHALE_STORE_LOST && status != SHALE_NOMEM)
        status = SHALE_ERR(err, object_unsure, key, "the answer was lost");
    return status;
}

static enum shale_status do_write(struct handle *handle, enum shale_store_call call,
                                  const char *key, struct shale_str data, struct shale_err *err)
{
    return write_on(handle, call, key, data, 0, err);
}

static enum shale_status memory_put(struct shale_store *store, const char *key,
                                    struct shale_str data, struct shale_err *err)
{
    return do_write((struct handle *)(void *)store, SHALE_STORE_PUT, key, data, err);
}

static enum shale_status memory_put_absent(struct shale_store *store, const char *key,
                                           struct shale_str data, struct shale_err *err)
{
    return do_write((struct handle *)(void *)store, SHALE_STORE_PUT_ABSENT, key, data, err);
}

static enum shale_status memory_remove(struct shale_store *store, const char *key,
                                       struct shale_err *err)
{
    return do_write((struct handle *)(void *)store, SHALE_STORE_REMOVE, key, SHALE_STR(""), err);
}

static enum shale_status memory_settle(struct shale_store *store, struct shale_err *err)
{
    return before_look((struct handle *)(void *)store, SHALE_STORE_SETTLE, "", err);
}

static enum shale_status put_write(struct shale_sink *sink, const void *data, size_t n_bytes,
                                   struct shale_err *err)
{
    struct put *put = (struct put *)(void *)sink;
    enum shale_status status = before_look(put->handle, SHALE_STORE_WRITE, put->key, err);
    if (status == SHALE_OK && shale_buf_append(&put->data, data, n_bytes) != SHALE_OK)
        status = SHALE_ERR(err, no_memory);
    return status;
}

static void put_abandon(struct shale_store_put *base)
{
    struct put *put = (struct put *)(void *)base;
    shale_buf_fini(&put->data);
    shale_mem_free(put->handle->store.env->mem, put);
}

static enum shale_status put_finish(struct shale_store_put *base, struct shale_err *err)
{
    struct put *put = (struct put *)(void *)base;
    enum shale_status status =
        do_write(put->handle, SHALE_STORE_FINISH, put->key, shale_buf_str(&put->data), err);
    put_abandon(base);
    return status;
}

static enum shale_status put_replace(struct shale_store_put *base,
                                     const struct shale_store_file *file, struct shale_err *err)
{
    struct put *put = (struct put *)(void *)base;
    uint64_t serial = file == NULL ? 0 : ((const struct file *)(const void *)file)->object->serial;
    enum shale_status status = write_on(put->handle, SHALE_STORE_REPLACE, put->key,
                                        shale_buf_str(&put->data), serial, err);
    put_abandon(base);
    return status;
}

static enum shale_status put_copy(struct shale_store_put *base, struct shale_store_file *file,
                                  int64_t from, int64_t n_bytes, struct shale_err *err)
{
    const struct shale_kept_object *object = ((const struct file *)(const void *)file)->object;
    assert(from >= 0 && n_bytes >= 0 && (size_t)n_bytes <= object->n_bytes &&
           (size_t)from <= object->n_bytes - (size_t)n_bytes);
    return n_bytes == 0 ? SHALE_OK
                        : put_write(&base->sink, object->data + from, (size_t)n_bytes, err);
}

static enum shale_status memory_create(struct shale_store *store, const char *key,
                                       struct shale_store_put **out, struct shale_err *err)
{
    struct handle *handle = (struct handle *)(void *)store;
    size_t n_key = strlen(key) + 1;
    enum shale_status status = before_look(handle, SHALE_STORE_CREATE, key, err);
    struct put *put;
    if (status != SHALE_OK)
        return status;
    put = shale_mem_alloc(store->env->mem, sizeof *put + n_key);
    if (put == NULL)
        return SHALE_ERR(err, no_memory);
    *put = (struct put){.put = {{put_write}, put_copy, put_finish, put_replace, put_abandon},
                        .handle = handle};
    memcpy(put->key, key, n_key);
    shale_buf_init(&put->data, store->env->mem, SIZE_MAX / 4);
    *out = &put->put;
    return SHALE_OK;
}

/* ---- Reading ----------------------------------------------------------------------------------
 */

static enum shale_status file_read(struct shale_random *random, int64_t at, void *out,
                                   size_t n_bytes, struct shale_err *err)
{
    const struct file *file = (const struct file *)(void *)random;
    enum shale_status status = before_look(file->handle, SHALE_STORE_READ, file->object->key, err);
    assert(at >= 0 && n_bytes <= file->object->n_bytes &&
           (size_t)at <= file->object->n_bytes - n_bytes);
    if (status == SHALE_OK && n_bytes > 0)
        memcpy(out, file->object->data + at, n_bytes);
    return status;
}

static void file_close(struct shale_store_file *base)
{
    struct file *file = (struct file *)(void *)base;
    shale_kept_release(file->handle->kept, file->object);
    shale_mem_free(file->handle->store.env->mem, file);
}

static enum shale_status memory_open(struct shale_store *store, const char *key,
                                     struct shale_store_file **out, struct shale_err *err)
{
    struct handle *handle = (struct handle *)(void *)store;
    struct shale_kept *kept = handle->kept;
    enum shale_status status = before_look(handle, SHALE_STORE_OPEN, key, err);
    size_t at;
    struct shale_kept_object *object;
    struct file *file;
    if (status != SHALE_OK)
        return status;
    file = shale_mem_zeroed(store->env->mem, 1, sizeof *file);
    if (file == NULL)
        return SHALE_ERR(err, no_memory);
    shale_kept_lock(kept);
    at = shale_kept_lower_bound(kept, key);
    object = shale_kept_is_at(kept, at, key) ? kept->objects[at] : NULL;
    if (object != NULL)
        object->n_refs++;
    shale_kept_unlock(kept);
    if (object == NULL) {
        shale_mem_free(store->env->mem, file);
        return SHALE_ERR(err, object_missing, key);
    }
    file->file.random = (struct shale_random){(int64_t)object->n_bytes, file_read};
    file->file.modified_us = object->modified_us;
    file->file.close = file_close;
    set_tag(object, file->file.tag);
    file->handle = handle;
    file->object = object;
    *out = &file->file;
    return SHALE_OK;
}

/* ---- Listing ----------------------------------------------------------------------------------
 */

/* Take what follows 'after' now.  With the mutex held. */
static enum shale_status take_page(struct list *list, struct shale_err *err)
{
    struct shale_kept *kept = list->handle->kept;
    size_t n_prefix = strlen(list->prefix);
    bool is_begun = list->after[0] != '\0' && strcmp(list->after, list->prefix) >= 0;
    size_t at = shale_kept_lower_bound(kept, is_begun ? list->after : list->prefix);
    size_t end;
    if (is_begun && shale_kept_is_at(kept, at, list->after))
        at++;
    for (end = at; end < kept->n && end - at < kept->n_page_keys; end++) {
        if (strncmp(kept->objects[end]->key, list->prefix, n_prefix) != 0)
            break;
    }
    list->n = list->next = 0;
    list->is_last = end - at < kept->n_page_keys;
    if (end - at > list->room) {
        const struct shale_mem *mem = list->handle->store.env->mem;
        struct shale_kept_object **page = shale_mem_resize(mem, list->page, end - at, sizeof *page);
        if (page == NULL)
            return SHALE_ERR(err, no_memory);
        list->page = page;
        list->room = end - at;
    }
    for (; at < end; at++) {
        kept->objects[at]->n_refs++;
        list->page[list->n++] = kept->objects[at];
    }
    return SHALE_OK;
}

static enum shale_status next_page(struct list *list, struct shale_err *err)
{
    enum shale_status status = before_look(list->handle, SHALE_STORE_LIST, list->after, err);
    if (status != SHALE_OK)
        return status;
    shale_kept_lock(list->handle->kept);
    status = take_page(list, err);
    shale_kept_unlock(list->handle->kept);
    return status;
}

static void memory_list_free(struct shale_store_list *base)
{
    struct list *list = (struct list *)(void *)base;
    struct shale_kept *kept = list->handle->kept;
    const struct shale_mem *mem = list->handle->store.env->mem;
    shale_kept_lock(kept);
    shale_kept_drop(kept, list->given);
    while (list->next < list->n)
        shale_kept_drop(kept, list->page[list->next++]);
    shale_kept_unlock(kept);
    shale_mem_free(mem, list->page);
    shale_mem_free(mem, list->prefix);
    shale_mem_free(mem, list->after);
    shale_mem_free(mem, list);
}

static char *copied(const struct shale_mem *mem, const char *text, size_t room)
{
    size_t n = strlen(text) + 1;
    char *copy = shale_mem_alloc(mem, n > room ? n : room);
    if (copy != NULL)
        memcpy(copy, text, n);
    return copy;
}

static enum shale_status memory_list(struct shale_store *store, const char *prefix,
                                     const char *after, struct shale_store_list **out,
                                     struct shale_err *err)
{
    const struct shale_mem *mem = store->env->mem;
    struct list *list = shale_mem_zeroed(mem, 1, sizeof *list);
    enum shale_status status;
    if (list == NULL)
        return SHALE_ERR(err, no_memory);
    list->handle = (struct handle *)(void *)store;
    list->prefix = copied(mem, prefix, 0);
    list->after = copied(mem, after, SHALE_KEY_BYTES + 1);
    status = list->prefix == NULL || list->after == NULL ? SHALE_ERR(err, no_memory)
                                                         : next_page(list, err);
    if (status != SHALE_OK) {
        memory_list_free((struct shale_store_list *)(void *)list);
        return status;
    }
    *out = (struct shale_store_list *)(void *)list;
    return SHALE_OK;
}

static enum shale_status memory_list_next(struct shale_store_list *base,
                                          struct shale_store_entry *out, bool *end,
                                          struct shale_err *err)
{
    struct list *list = (struct list *)(void *)base;
    struct shale_kept_object *object;
    shale_kept_release(list->handle->kept, list->given);
    list->given = NULL;
    if (list->next == list->n && !list->is_last) {
        enum shale_status status = next_page(list, err);
        if (status != SHALE_OK)
            return status;
    }
    *end = list->next == list->n;
    if (*end)
        return SHALE_OK;
    object = list->given = list->page[list->next++];
    memcpy(list->after, object->key, strlen(object->key) + 1);
    set_tag(object, list->tag);
    *out = (struct shale_store_entry){shale_str_of(object->key), shale_str_of(list->tag),
                                      (int64_t)object->n_bytes, object->modified_us};
    return SHALE_OK;
}

/* ---- Handles ----------------------------------------------------------------------------------
 */

static void handle_free(struct shale_store *store)
{
    struct shale_kept *kept = ((struct handle *)(void *)store)->kept;
    bool is_last;
    shale_kept_lock(kept);
    is_last = --kept->n_handles == 0;
    shale_kept_unlock(kept);
    shale_mem_free(store->env->mem, store);
    if (is_last)
        shale_kept_free(kept);
}

static const struct shale_store_ops ops = {
    .list = memory_list,
    .list_next = memory_list_next,
    .list_free = memory_list_free,
    .open = memory_open,
    .create = memory_create,
    .put = memory_put,
    .put_absent = memory_put_absent,
    .remove = memory_remove,
    .settle = memory_settle,
    .free = handle_free,
};

static struct shale_kept *memory_of(struct shale_store *store)
{
    assert(store->ops == &ops);
    return ((struct handle *)(void *)store)->kept;
}

enum shale_status shale_store_memory_share(struct shale_store *store, const struct shale_env *env,
                                           const struct shale_store_hook *hook,
                                           struct shale_store **out, struct shale_err *err)
{
    struct shale_kept *kept = memory_of(store);
    struct handle *handle = shale_mem_zeroed(env->mem, 1, sizeof *handle);
    *out = NULL;
    if (handle == NULL)
        return SHALE_ERR(err, no_memory);
    handle->store = (struct shale_store){.ops = &ops, .env = env, .name = "memory"};
    handle->kept = kept;
    if (hook != NULL)
        handle->hook = *hook;
    shale_kept_lock(kept);
    kept->n_handles++;
    shale_kept_unlock(kept);
    *out = &handle->store;
    return SHALE_OK;
}

enum shale_status shale_store_memory(const struct shale_env *env, struct shale_store **out,
                                     struct shale_err *err)
{
    struct shale_kept *kept = shale_kept_new(env->mem);
    struct handle *handle = shale_mem_zeroed(env->mem, 1, sizeof *handle);
    *out = NULL;
    if (kept == NULL || handle == NULL) {
        if (kept != NULL)
            shale_kept_free(kept);
        shale_mem_free(env->mem, handle);
        return SHALE_ERR(err, no_memory);
    }
    handle->store = (struct shale_store){.ops = &ops, .env = env, .name = "memory"};
    handle->kept = kept;
    *out = &handle->store;
    return SHALE_OK;
}

void shale_store_memory_set_page(struct shale_store *store, size_t n_keys)
{
    struct shale_kept *kept = memory_of(store);
    assert(n_keys > 0);
    shale_kept_lock(kept);
    kept->n_page_keys = n_keys;
    shale_kept_unlock(kept);
}

size_t shale_store_memory_n_late(struct shale_store *store)
{
    struct shale_kept *kept = memory_of(store);
    size_t n;
    shale_kept_lock(kept);
    n = kept->n_late;
    shale_kept_unlock(kept);
    return n;
}

const char *shale_store_memory_late_key(struct shale_store *store, size_t i)
{
    struct shale_kept *kept = memory_of(store);
    const char *key;
    shale_kept_lock(kept);
    assert(i < kept->n_late);
    key = kept->late[i].object->key;
    shale_kept_unlock(kept);
    return key;
}

enum shale_status shale_store_memory_deliver(struct shale_store *store, size_t i, bool effect)
{
    struct shale_kept *kept = memory_of(store);
    enum shale_status status = SHALE_OK;
    shale_kept_lock(kept);
    assert(i < kept->n_late);
    if (effect)
        status = shale_kept_apply(kept, kept->late[i].call, kept->late[i].object, NULL);
    if (status != SHALE_NOMEM) {
        shale_kept_drop(kept, kept->late[i].object);
        kept->n_late--;
        memmove(kept->late + i, kept->late + i + 1, (kept->n_late - i) * sizeof *kept->late);
    }
    shale_kept_unlock(kept);
    return status;
}
