/* SPDX-License-Identifier: MIT */
/* A store in memory: the objects in an array in the order of their keys.
 *
 * An object is made whole and never changed, so whoever reads one holds it with a count; writing
 * puts another in its place.  All handles share one 'memory' and its mutex, which is held for the
 * moment of the effect and never across a hook. */
#include "store/objects_memory.h"

#include <assert.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>

#include "base/mem.h"

enum { PAGE_KEYS = 1000 }; /* as S3 */

struct object {
    size_t n_refs; /* under the mutex */
    uint64_t serial;
    int64_t modified_us;
    size_t n_bytes;
    const char *data; /* behind the key */
    char key[];
};

/* A write that waits. */
struct late {
    enum shale_store_call call;
    struct object *object; /* a reference */
};

struct memory {
    const struct shale_mem *mem; /* of all that outlives a handle */
    pthread_mutex_t mutex;
    size_t n_handles;
    struct object **objects; /* by key; a reference each */
    size_t n, capacity;
    uint64_t serial; /* of the last write */
    size_t n_page_keys;
    struct late *late;
    size_t n_late, late_capacity;
};

struct handle {
    struct shale_store store; /* first member */
    struct memory *memory;
    struct shale_store_hook hook;
};

struct list {
    struct handle *handle;
    char *prefix;         /* owned */
    char *after;          /* owned: SHALE_KEY_BYTES + 1, the last key given */
    struct object **page; /* owned, a reference each from 'next' on */
    size_t n, next, room; /* of 'page' */
    struct object *given; /* a reference, until the next call */
    bool is_last;         /* no page behind this one */
    char tag[SHALE_TAG_BYTES];
};

struct file {
    struct shale_store_file file; /* first member */
    struct handle *handle;
    struct object *object; /* a reference */
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

/* ---- Objects ----------------------------------------------------------------------------------
 */

static struct object *object_new(struct memory *memory, const char *key, struct shale_str data)
{
    size_t n_key = strlen(key) + 1;
    size_t n_bytes;
    struct object *object;
    if (__builtin_add_overflow(sizeof *object + n_key, data.n_bytes, &n_bytes))
        return NULL;
    object = shale_mem_alloc(memory->mem, n_bytes);
    if (object == NULL)
        return NULL;
    *object = (struct object){.n_refs = 1, .n_bytes = data.n_bytes, .data = object->key + n_key};
    memcpy(object->key, key, n_key);
    if (data.n_bytes > 0)
        memcpy(object->key + n_key, data.data, data.n_bytes);
    return object;
}

/* With the mutex held, or while nobody else knows the object. */
static void object_drop(struct memory *memory, struct object *object)
{
    if (object != NULL && --object->n_refs == 0)
        shale_mem_free(memory->mem, object);
}

static void lock(struct memory *memory)
{
    int code = pthread_mutex_lock(&memory->mutex);
    assert(code == 0);
    (void)code;
}

static void unlock(struct memory *memory)
{
    int code = pthread_mutex_unlock(&memory->mutex);
    assert(code == 0);
    (void)code;
}

static void release(struct memory *memory, struct object *object)
{
    lock(memory);
    object_drop(memory, object);
    unlock(memory);
}

/* The first object whose key is not below 'key'. */
static size_t lower_bound(const struct memory *memory, const char *key)
{
    size_t low = 0, high = memory->n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (strcmp(memory->objects[middle]->key, key) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static bool is_at(const struct memory *memory, size_t at, const char *key)
{
    return at < memory->n && strcmp(memory->objects[at]->key, key) == 0;
}

static struct object *find(const struct memory *memory, const char *key)
{
    size_t at = lower_bound(memory, key);
    return is_at(memory, at, key) ? memory->objects[at] : NULL;
}

static void set_tag(const struct object *object, char tag[SHALE_TAG_BYTES])
{
    (void)snprintf(tag, SHALE_TAG_BYTES, "%" PRIu64 "-%zu", object->serial, object->n_bytes);
}

/* Room for one more element behind 'n'. */
static void *grown(struct memory *memory, void *elements, size_t n, size_t *capacity,
                   size_t element_bytes)
{
    void *more;
    if (n < *capacity)
        return elements;
    more = shale_mem_resize(memory->mem, elements, n * 2 + 16, element_bytes);
    if (more != NULL)
        *capacity = n * 2 + 16;
    return more;
}

/* ---- Writes -----------------------------------------------------------------------------------
 */

static enum shale_status insert(struct memory *memory, struct object *object, size_t at,
                                struct shale_err *err)
{
    struct object **objects =
        grown(memory, memory->objects, memory->n, &memory->capacity, sizeof *objects);
    if (objects == NULL)
        return SHALE_ERR(err, no_memory);
    memory->objects = objects;
    memmove(objects + at + 1, objects + at, (memory->n - at) * sizeof *objects);
    objects[at] = object;
    memory->n++;
    return SHALE_OK;
}

static void take_out(struct memory *memory, size_t at)
{
    object_drop(memory, memory->objects[at]);
    memory->n--;
    memmove(memory->objects + at, memory->objects + at + 1,
            (memory->n - at) * sizeof *memory->objects);
}

/* The write takes effect; takes a reference of its own.  With the mutex held. */
static enum shale_status apply(struct memory *memory, enum shale_store_call call,
                               struct object *object, struct shale_err *err)
{
    size_t at = lower_bound(memory, object->key);
    bool is_there = is_at(memory, at, object->key);
    enum shale_status status = SHALE_OK;
    if (call == SHALE_STORE_REMOVE) {
        if (is_there)
            take_out(memory, at);
        return SHALE_OK;
    }
    if (is_there && call != SHALE_STORE_PUT)
        return SHALE_ERR(err, object_exists, object->key);
    if (is_there) {
        object_drop(memory, memory->objects[at]);
        memory->objects[at] = object;
    } else {
        status = insert(memory, object, at, err);
    }
    if (status == SHALE_OK) {
        object->n_refs++;
        object->serial = ++memory->serial;
    }
    return status;
}

static enum shale_status put_off(struct memory *memory, enum shale_store_call call,
                                 struct object *object, struct shale_err *err)
{
    struct late *late =
        grown(memory, memory->late, memory->n_late, &memory->late_capacity, sizeof *late);
    if (late == NULL)
        return SHALE_ERR(err, no_memory);
    memory->late = late;
    late[memory->n_late++] = (struct late){call, object};
    object->n_refs++;
    return SHALE_ERR(err, object_unsure, object->key, "it is late");
}

static enum shale_status do_write(struct handle *handle, enum shale_store_call call,
                                  const char *key, struct shale_str data, struct shale_err *err)
{
    const struct shale_env *env = handle->store.env;
    struct memory *memory = handle->memory;
    enum shale_store_fate fate;
    enum shale_status status = before(handle, call, key, data, &fate, err);
    struct object *object;
    if (status != SHALE_OK)
        return status;
    object = object_new(memory, key, data);
    if (object == NULL)
        return SHALE_ERR(err, no_memory);
    object->modified_us = env->wall_us == NULL ? 0 : env->wall_us(env->ctx);
    lock(memory);
    if (fate == SHALE_STORE_LATE)
        status = put_off(memory, call, object, err);
    else
        status = apply(memory, call, object, err);
    object_drop(memory, object);
    unlock(memory);
    if (fate == SHALE_STORE_LOST && status != SHALE_NOMEM)
        status = SHALE_ERR(err, object_unsure, key, "the answer was lost");
    return status;
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
    *put = (struct put){.put = {{put_write}, put_finish, put_abandon}, .handle = handle};
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
    release(file->handle->memory, file->object);
    shale_mem_free(file->handle->store.env->mem, file);
}

static enum shale_status memory_open(struct shale_store *store, const char *key,
                                     struct shale_store_file **out, struct shale_err *err)
{
    struct handle *handle = (struct handle *)(void *)store;
    struct memory *memory = handle->memory;
    enum shale_status status = before_look(handle, SHALE_STORE_OPEN, key, err);
    struct object *object;
    struct file *file;
    if (status != SHALE_OK)
        return status;
    file = shale_mem_zeroed(store->env->mem, 1, sizeof *file);
    if (file == NULL)
        return SHALE_ERR(err, no_memory);
    lock(memory);
    object = find(memory, key);
    if (object != NULL)
        object->n_refs++;
    unlock(memory);
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
    struct memory *memory = list->handle->memory;
    size_t n_prefix = strlen(list->prefix);
    bool is_begun = list->after[0] != '\0' && strcmp(list->after, list->prefix) >= 0;
    size_t at = lower_bound(memory, is_begun ? list->after : list->prefix);
    size_t end;
    if (is_begun && is_at(memory, at, list->after))
        at++;
    for (end = at; end < memory->n && end - at < memory->n_page_keys; end++) {
        if (strncmp(memory->objects[end]->key, list->prefix, n_prefix) != 0)
            break;
    }
    list->n = list->next = 0;
    list->is_last = end - at < memory->n_page_keys;
    if (end - at > list->room) {
        const struct shale_mem *mem = list->handle->store.env->mem;
        struct object **page = shale_mem_resize(mem, list->page, end - at, sizeof *page);
        if (page == NULL)
            return SHALE_ERR(err, no_memory);
        list->page = page;
        list->room = end - at;
    }
    for (; at < end; at++) {
        memory->objects[at]->n_refs++;
        list->page[list->n++] = memory->objects[at];
    }
    return SHALE_OK;
}

static enum shale_status next_page(struct list *list, struct shale_err *err)
{
    enum shale_status status = before_look(list->handle, SHALE_STORE_LIST, list->after, err);
    if (status != SHALE_OK)
        return status;
    lock(list->handle->memory);
    status = take_page(list, err);
    unlock(list->handle->memory);
    return status;
}

static void memory_list_free(struct shale_store_list *base)
{
    struct list *list = (struct list *)(void *)base;
    struct memory *memory = list->handle->memory;
    const struct shale_mem *mem = list->handle->store.env->mem;
    lock(memory);
    object_drop(memory, list->given);
    while (list->next < list->n)
        object_drop(memory, list->page[list->next++]);
    unlock(memory);
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
    struct object *object;
    release(list->handle->memory, list->given);
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

static void memory_free(struct memory *memory)
{
    for (size_t i = 0; i < memory->n; i++)
        object_drop(memory, memory->objects[i]);
    for (size_t i = 0; i < memory->n_late; i++)
        object_drop(memory, memory->late[i].object);
    shale_mem_free(memory->mem, memory->objects);
    shale_mem_free(memory->mem, memory->late);
    (void)pthread_mutex_destroy(&memory->mutex);
    shale_mem_free(memory->mem, memory);
}

static void handle_free(struct shale_store *store)
{
    struct memory *memory = ((struct handle *)(void *)store)->memory;
    bool is_last;
    lock(memory);
    is_last = --memory->n_handles == 0;
    unlock(memory);
    shale_mem_free(store->env->mem, store);
    if (is_last)
        memory_free(memory);
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

static struct memory *memory_of(struct shale_store *store)
{
    assert(store->ops == &ops);
    return ((struct handle *)(void *)store)->memory;
}

enum shale_status shale_store_memory_share(struct shale_store *store, const struct shale_env *env,
                                           const struct shale_store_hook *hook,
                                           struct shale_store **out, struct shale_err *err)
{
    struct memory *memory = memory_of(store);
    struct handle *handle = shale_mem_zeroed(env->mem, 1, sizeof *handle);
    *out = NULL;
    if (handle == NULL)
        return SHALE_ERR(err, no_memory);
    handle->store = (struct shale_store){.ops = &ops, .env = env, .name = "memory"};
    handle->memory = memory;
    if (hook != NULL)
        handle->hook = *hook;
    lock(memory);
    memory->n_handles++;
    unlock(memory);
    *out = &handle->store;
    return SHALE_OK;
}

enum shale_status shale_store_memory(const struct shale_env *env, struct shale_store **out,
                                     struct shale_err *err)
{
    struct memory *memory = shale_mem_zeroed(env->mem, 1, sizeof *memory);
    struct handle *handle = shale_mem_zeroed(env->mem, 1, sizeof *handle);
    *out = NULL;
    if (memory == NULL || handle == NULL || pthread_mutex_init(&memory->mutex, NULL) != 0) {
        shale_mem_free(env->mem, memory);
        shale_mem_free(env->mem, handle);
        return SHALE_ERR(err, no_memory);
    }
    memory->mem = env->mem;
    memory->n_handles = 1;
    memory->n_page_keys = PAGE_KEYS;
    handle->store = (struct shale_store){.ops = &ops, .env = env, .name = "memory"};
    handle->memory = memory;
    *out = &handle->store;
    return SHALE_OK;
}

void shale_store_memory_set_page(struct shale_store *store, size_t n_keys)
{
    struct memory *memory = memory_of(store);
    assert(n_keys > 0);
    lock(memory);
    memory->n_page_keys = n_keys;
    unlock(memory);
}

size_t shale_store_memory_n_late(struct shale_store *store)
{
    struct memory *memory = memory_of(store);
    size_t n;
    lock(memory);
    n = memory->n_late;
    unlock(memory);
    return n;
}

const char *shale_store_memory_late_key(struct shale_store *store, size_t i)
{
    struct memory *memory = memory_of(store);
    const char *key;
    lock(memory);
    assert(i < memory->n_late);
    key = memory->late[i].object->key;
    unlock(memory);
    return key;
}

enum shale_status shale_store_memory_deliver(struct shale_store *store, size_t i, bool effect)
{
    struct memory *memory = memory_of(store);
    enum shale_status status = SHALE_OK;
    lock(memory);
    assert(i < memory->n_late);
    if (effect)
        status = apply(memory, memory->late[i].call, memory->late[i].object, NULL);
    if (status != SHALE_NOMEM) {
        object_drop(memory, memory->late[i].object);
        memory->n_late--;
        memmove(memory->late + i, memory->late + i + 1,
                (memory->n_late - i) * sizeof *memory->late);
    }
    unlock(memory);
    return status;
}
