/* SPDX-License-Identifier: MIT */
/* The objects of a memory store, and the writes that wait. */
#include "store/kept.h"

#include <assert.h>

#include "base/mem.h"

enum { PAGE_KEYS = 1000 }; /* as S3 */

struct shale_kept_object *shale_kept_object_new(struct shale_kept *kept, const char *key,
                                                struct shale_str data)
{
    size_t n_key = strlen(key) + 1;
    size_t n_bytes;
    struct shale_kept_object *object;
    if (__builtin_add_overflow(sizeof *object + n_key, data.n_bytes, &n_bytes))
        return NULL;
    object = shale_mem_alloc(kept->mem, n_bytes);
    if (object == NULL)
        return NULL;
    *object = (struct shale_kept_object){
        .n_refs = 1, .n_bytes = data.n_bytes, .data = object->key + n_key};
    memcpy(object->key, key, n_key);
    if (data.n_bytes > 0)
        memcpy(object->key + n_key, data.data, data.n_bytes);
    return object;
}

void shale_kept_drop(struct shale_kept *kept, struct shale_kept_object *object)
{
    if (object != NULL && --object->n_refs == 0)
        shale_mem_free(kept->mem, object);
}

void shale_kept_lock(struct shale_kept *kept)
{
    int code = pthread_mutex_lock(&kept->mutex);
    assert(code == 0);
    (void)code;
}

void shale_kept_unlock(struct shale_kept *kept)
{
    int code = pthread_mutex_unlock(&kept->mutex);
    assert(code == 0);
    (void)code;
}

void shale_kept_release(struct shale_kept *kept, struct shale_kept_object *object)
{
    shale_kept_lock(kept);
    shale_kept_drop(kept, object);
    shale_kept_unlock(kept);
}

size_t shale_kept_lower_bound(const struct shale_kept *kept, const char *key)
{
    size_t low = 0, high = kept->n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (strcmp(kept->objects[middle]->key, key) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

bool shale_kept_is_at(const struct shale_kept *kept, size_t at, const char *key)
{
    return at < kept->n && strcmp(kept->objects[at]->key, key) == 0;
}

/* Room for one more element behind 'n'. */
static void *grown(struct shale_kept *kept, void *elements, size_t n, size_t *capacity,
                   size_t element_bytes)
{
    void *more;
    if (n < *capacity)
        return elements;
    more = shale_mem_resize(kept->mem, elements, n * 2 + 16, element_bytes);
    if (more != NULL)
        *capacity = n * 2 + 16;
    return more;
}

static enum shale_status insert(struct shale_kept *kept, struct shale_kept_object *object,
                                size_t at, struct shale_err *err)
{
    struct shale_kept_object **objects =
        grown(kept, kept->objects, kept->n, &kept->capacity, sizeof *objects);
    if (objects == NULL)
        return SHALE_ERR(err, no_memory);
    kept->objects = objects;
    memmove(objects + at + 1, objects + at, (kept->n - at) * sizeof *objects);
    objects[at] = object;
    kept->n++;
    return SHALE_OK;
}

static void take_out(struct shale_kept *kept, size_t at)
{
    shale_kept_drop(kept, kept->objects[at]);
    kept->n--;
    memmove(kept->objects + at, kept->objects + at + 1, (kept->n - at) * sizeof *kept->objects);
}

enum shale_status shale_kept_apply(struct shale_kept *kept, enum shale_store_call call,
                                   struct shale_kept_object *object, struct shale_err *err)
{
    size_t at = shale_kept_lower_bound(kept, object->key);
    bool is_there = shale_kept_is_at(kept, at, object->key);
    enum shale_status status = SHALE_OK;
    if (call == SHALE_STORE_REMOVE) {
        if (is_there)
            take_out(kept, at);
        return SHALE_OK;
    }
    if (call == SHALE_STORE_REPLACE && (is_there ? kept->objects[at]->serial : 0) != object->base)
        return SHALE_ERR(err, object_replaced, object->key);
    if (is_there && call != SHALE_STORE_PUT && call != SHALE_STORE_REPLACE)
        return SHALE_ERR(err, object_exists, object->key);
    if (is_there) {
        shale_kept_drop(kept, kept->objects[at]);
        kept->objects[at] = object;
    } else {
        status = insert(kept, object, at, err);
    }
    if (status == SHALE_OK) {
        object->n_refs++;
        object->serial = ++kept->serial;
    }
    return status;
}

enum shale_status shale_kept_put_off(struct shale_kept *kept, enum shale_store_call call,
                                     struct shale_kept_object *object, struct shale_err *err)
{
    struct shale_kept_late *late =
        grown(kept, kept->late, kept->n_late, &kept->late_capacity, sizeof *late);
    if (late == NULL)
        return SHALE_ERR(err, no_memory);
    kept->late = late;
    late[kept->n_late++] = (struct shale_kept_late){call, object};
    object->n_refs++;
    return SHALE_ERR(err, object_unsure, object->key, "it is late");
}

struct shale_kept *shale_kept_new(const struct shale_mem *mem)
{
    struct shale_kept *kept = shale_mem_zeroed(mem, 1, sizeof *kept);
    if (kept == NULL)
        return NULL;
    if (pthread_mutex_init(&kept->mutex, NULL) != 0) {
        shale_mem_free(mem, kept);
        return NULL;
    }
    kept->mem = mem;
    kept->n_handles = 1;
    kept->n_page_keys = PAGE_KEYS;
    return kept;
}

void shale_kept_free(struct shale_kept *kept)
{
    for (size_t i = 0; i < kept->n; i++)
        shale_kept_drop(kept, kept->objects[i]);
    for (size_t i = 0; i < kept->n_late; i++)
        shale_kept_drop(kept, kept->late[i].object);
    shale_mem_free(kept->mem, kept->objects);
    shale_mem_free(kept->mem, kept->late);
    (void)pthread_mutex_destroy(&kept->mutex);
    shale_mem_free(kept->mem, kept);
}
