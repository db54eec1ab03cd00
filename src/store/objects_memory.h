/* SPDX-License-Identifier: MIT */
/* The memory store as the simulation and tests drive it: several handles on the same objects, each
 * with a hook before its calls that may fail them, lose their answers or put them off.
 *
 * A handle is what shale_store_memory() or shale_store_memory_share() made; the objects go with the
 * last of them.  Calls on all handles may come from any number of threads; a hook is called without
 * a lock held, in the thread of the call. */
#ifndef SHALE_STORE_OBJECTS_MEMORY_H
#define SHALE_STORE_OBJECTS_MEMORY_H

#include "store/objects.h"

enum shale_store_call {
    SHALE_STORE_LIST, /* the first page of a list and each further one; key: what it begins after */
    SHALE_STORE_OPEN,
    SHALE_STORE_READ, /* read_at() of an open object */
    SHALE_STORE_CREATE,
    SHALE_STORE_WRITE, /* to an object under construction: nobody sees it */
    SHALE_STORE_FINISH,
    SHALE_STORE_PUT,
    SHALE_STORE_PUT_ABSENT,
    SHALE_STORE_REMOVE,
    SHALE_STORE_SETTLE, /* key "" */
    SHALE_STORE_REPLACE,
};

/* What becomes of a FINISH, PUT, PUT_ABSENT, REMOVE or REPLACE that its hook let pass. */
enum shale_store_fate {
    SHALE_STORE_DONE, /* as always */
    SHALE_STORE_LOST, /* as always, but what it answers is SHALE_UNSURE, whatever came of it */
    SHALE_STORE_LATE, /* SHALE_UNSURE; it waits in the queue until the harness delivers it */
    /* Done, and then once more, as a client does that found no answer: it answers what the second
     * time came to. */
    SHALE_STORE_TWICE,
};

struct shale_store_hook {
    /* Before the call takes effect.  Any other status than SHALE_OK: it has none and returns that.
     * '*fate' is SHALE_STORE_DONE and may be changed.  'data' is what a PUT or PUT_ABSENT writes,
     * else empty. */
    enum shale_status (*before)(void *ctx, enum shale_store_call call, const char *key,
                                struct shale_str data, enum shale_store_fate *fate,
                                struct shale_err *err);
    void *ctx;
};

/* Another handle on the objects of 'memory' (a handle on a memory store), with its own environment
 * and hook (copied; NULL: none, which is how the harness looks and interferes). */
SHALE_MUST_USE enum shale_status shale_store_memory_share(struct shale_store *memory,
                                                          const struct shale_env *env,
                                                          const struct shale_store_hook *hook,
                                                          struct shale_store **out,
                                                          struct shale_err *err);

/* The keys that one page of a list gives (a list is no snapshot: each page is taken when it is
 * asked for, as a bucket does it); of all handles.  1,000 unless told. */
void shale_store_memory_set_page(struct shale_store *memory, size_t n_keys);

/* The late writes that wait, in the order in which they were made, and the key of the i-th (good
 * until one is delivered). */
size_t shale_store_memory_n_late(struct shale_store *memory);
const char *shale_store_memory_late_key(struct shale_store *memory, size_t i);

/* The i-th late write happens now (a PUT_ABSENT or FINISH only if there still is no such object),
 * or, without 'effect', never; it leaves the queue.
 * Returns what it would have answered (never SHALE_UNSURE), or SHALE_NOMEM and stays in the queue.
 */
SHALE_MUST_USE enum shale_status shale_store_memory_deliver(struct shale_store *memory, size_t i,
                                                            bool effect);

#endif
