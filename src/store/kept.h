/* SPDX-License-Identifier: MIT */
/* What the memory store keeps: objects in the order of their keys, and writes that wait.  Private
 * to this folder.
 *
 * An object is made whole and never changed, so whoever reads one holds it with a count; writing
 * puts another in its place.  All functions but lock() and release() are called with the mutex
 * held, which is for the moment of an effect and never across a hook. */
#ifndef SHALE_STORE_KEPT_H
#define SHALE_STORE_KEPT_H

#include <pthread.h>

#include "store/objects_memory.h"

struct shale_kept_object {
    size_t n_refs;
    uint64_t serial; /* of the write that made it */
    uint64_t base;   /* REPLACE: of the object that must be there; 0: there must be none */
    int64_t modified_us;
    size_t n_bytes;
    const char *data; /* behind the key */
    char key[];       /* NUL-terminated */
};

/* A write that waits. */
struct shale_kept_late {
    enum shale_store_call call;
    struct shale_kept_object *object; /* a reference */
};

struct shale_kept {
    const struct shale_mem *mem; /* of all that outlives a handle */
    pthread_mutex_t mutex;
    size_t n_handles;
    struct shale_kept_object **objects; /* by key; a reference each */
    size_t n, capacity;
    uint64_t serial; /* of the last write */
    size_t n_page_keys;
    struct shale_kept_late *late;
    size_t n_late, late_capacity;
};

/* Nothing yet, with one handle; NULL without memory.  free() is the last handle's. */
struct shale_kept *shale_kept_new(const struct shale_mem *mem);
void shale_kept_free(struct shale_kept *kept);

void shale_kept_lock(struct shale_kept *kept);
void shale_kept_unlock(struct shale_kept *kept);

/* An object that is in no store yet, with one reference (the mutex need not be held); NULL without
 * memory. */
struct shale_kept_object *shale_kept_object_new(struct shale_kept *kept, const char *key,
                                                struct shale_str data);
/* Give a reference back; NULL: nothing.  release() takes the mutex for it. */
void shale_kept_drop(struct shale_kept *kept, struct shale_kept_object *object);
void shale_kept_release(struct shale_kept *kept, struct shale_kept_object *object);

/* The index of the first object whose key is not below 'key', and whether it is the one at 'at'. */
size_t shale_kept_lower_bound(const struct shale_kept *kept, const char *key);
bool shale_kept_is_at(const struct shale_kept *kept, size_t at, const char *key);

/* The write takes effect, and takes a reference of its own.
 * Returns SHALE_OK, SHALE_CONFLICT (of a PUT_ABSENT, FINISH or REPLACE) or SHALE_NOMEM. */
SHALE_MUST_USE enum shale_status shale_kept_apply(struct shale_kept *kept,
                                                  enum shale_store_call call,
                                                  struct shale_kept_object *object,
                                                  struct shale_err *err);

/* The write waits.  Returns SHALE_UNSURE or SHALE_NOMEM. */
SHALE_MUST_USE enum shale_status shale_kept_put_off(struct shale_kept *kept,
                                                    enum shale_store_call call,
                                                    struct shale_kept_object *object,
                                                    struct shale_err *err);

#endif
