/* SPDX-License-Identifier: MIT */
/* A store: names to objects.  What keeps a table (its log, manifests, ledger and rejects segments,
 * data files) goes through this interface, so that a directory, memory (tests, the simulation) and
 * a bucket are one.
 *
 * Keys are UTF-8 of 1 to 1,024 bytes, parts joined by '/', none empty, "." or "..".  An object is
 * whole or absent: nobody sees a part of one.  An object has a tag, which changes with its content
 * (S3: the ETag; a directory: size and time).
 *
 * Failures of every call: SHALE_NOMEM, SHALE_DENIED, SHALE_AGAIN (a retry may help), SHALE_IO,
 * SHALE_LIMIT, SHALE_USAGE (no such key can be), and where said SHALE_NOT_FOUND, SHALE_CONFLICT,
 * SHALE_UNSURE.  The message names the object.  Calls on one store may come from any number of
 * threads; a list, a file and a put are one thread's at a time (a file's read_at(): any), and end
 * before their store is freed. */
#ifndef SHALE_STORE_OBJECTS_H
#define SHALE_STORE_OBJECTS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/env.h"
#include "base/err.h"
#include "base/io.h"
#include "base/str.h"

enum { SHALE_KEY_BYTES = 1024, SHALE_TAG_BYTES = 128 };

struct shale_store;
struct shale_store_list;

struct shale_store_entry {
    struct shale_str key; /* NUL-terminated */
    struct shale_str tag;
    int64_t n_bytes;
    int64_t modified_us; /* since 1970; for people and for 'settle', no decision trusts it */
};

/* An open object.  The implementation embeds it; close() frees. */
struct shale_store_file {
    struct shale_random random; /* first member */
    char tag[SHALE_TAG_BYTES];  /* NUL-terminated, when opened */
    int64_t modified_us;
    void (*close)(struct shale_store_file *file);
};

/* An object under construction: write to 'sink', then finish(), replace() or abandon(), each of
 * which frees it. After finish() returned SHALE_OK the object is there and durable (its name: after
 * shale_store_settle()); SHALE_CONFLICT: there is another of that name, which stays; after any
 * other status it may or may not be, and nobody must rely on either.  Thousands may be under
 * construction at once.
 *
 * copy() writes 'n_bytes' from 'from' on of an open object of the same store, which has them
 * (SHALE_AGAIN: it was cut meanwhile).
 *
 * replace() is finish() for a name that is used again: the object takes the place of 'base', which
 * must be what is there, and open since it was read (NULL: nothing is there).  Of any number of
 * callers one gets SHALE_OK, after which it is durable with its name; whoever has 'base' open reads
 * on in it.  SHALE_CONFLICT: something else is there, and stays.  SHALE_UNSURE: it may have been
 * written, or may still be.  Any other failure: it was not and will not be.  A directory knows
 * 'base' by its inode, size and time, under a lock on "<key>._shale/lock": what other programs put
 * there between the look and the rename is lost, as with any rename. */
struct shale_store_put {
    struct shale_sink sink; /* first member */
    enum shale_status (*copy)(struct shale_store_put *put, struct shale_store_file *file,
                              int64_t from, int64_t n_bytes, struct shale_err *err);
    enum shale_status (*finish)(struct shale_store_put *put, struct shale_err *err);
    enum shale_status (*replace)(struct shale_store_put *put, const struct shale_store_file *base,
                                 struct shale_err *err);
    void (*abandon)(struct shale_store_put *put);
};

/* Which files under construction are to go. */
struct shale_store_cleaning {
    int64_t before_us;  /* last written before this time, since 1970 */
    const char *prefix; /* only those whose names, under construction, begin with it; NULL: all */
    const char *object; /* instead of 'prefix': only those of this key; NULL: of all */
    bool directories;   /* those of partitions ("name=value") that are empty then go as well: nobody
                         * else is about to write into them */
    bool dry_run;
    void (*removed)(void *ctx, struct shale_str key, int64_t n_bytes); /* before it goes; or NULL */
    void *ctx;
};

struct shale_store_ops {
    enum shale_status (*list)(struct shale_store *store, const char *prefix, const char *after,
                              struct shale_store_list **out, struct shale_err *err);
    enum shale_status (*list_next)(struct shale_store_list *list, struct shale_store_entry *out,
                                   bool *end, struct shale_err *err);
    void (*list_free)(struct shale_store_list *list);
    enum shale_status (*open)(struct shale_store *store, const char *key,
                              struct shale_store_file **out, struct shale_err *err);
    enum shale_status (*create)(struct shale_store *store, const char *key,
                                struct shale_store_put **out, struct shale_err *err);
    enum shale_status (*put)(struct shale_store *store, const char *key, struct shale_str data,
                             struct shale_err *err);
    enum shale_status (*put_absent)(struct shale_store *store, const char *key,
                                    struct shale_str data, struct shale_err *err);
    enum shale_status (*remove)(struct shale_store *store, const char *key, struct shale_err *err);
    enum shale_status (*settle)(struct shale_store *store, struct shale_err *err);
    /* NULL: nothing is left behind. */
    enum shale_status (*clean)(struct shale_store *store, const struct shale_store_cleaning *what,
                               int64_t *n_removed, struct shale_err *err);
    void (*free)(struct shale_store *store);
};

/* The implementation embeds it as its first member. */
struct shale_store {
    const struct shale_store_ops *ops;
    const struct shale_env *env;
    char name[SHALE_KEY_BYTES * 4]; /* for messages: the directory, s3://bucket/prefix */
};

/* The objects whose keys begin with 'prefix' ("" all; it need not end at a '/') and are above
 * 'after' ("" all), in byte order of their keys.  The entry is good until the next call; '*end' is
 * set when there is none.  A list is no snapshot: what is written or removed meanwhile may be in it
 * or not, what was there before and stays is. */
SHALE_MUST_USE enum shale_status shale_store_list(struct shale_store *store, const char *prefix,
                                                  const char *after, struct shale_store_list **out,
                                                  struct shale_err *err);
SHALE_MUST_USE enum shale_status shale_store_list_next(struct shale_store *store,
                                                       struct shale_store_list *list,
                                                       struct shale_store_entry *out, bool *end,
                                                       struct shale_err *err);
void shale_store_list_free(struct shale_store *store, struct shale_store_list *list);

/* SHALE_NOT_FOUND: there is no such object. */
SHALE_MUST_USE enum shale_status shale_store_open(struct shale_store *store, const char *key,
                                                  struct shale_store_file **out,
                                                  struct shale_err *err);
void shale_store_close(struct shale_store_file *file); /* NULL: nothing */

/* The whole of a small object behind what 'out' holds (SHALE_LIMIT: larger than out's cap). */
SHALE_MUST_USE enum shale_status shale_store_read(struct shale_store *store, const char *key,
                                                  struct shale_buf *out, struct shale_err *err);

/* A new object under a name that is used once. */
SHALE_MUST_USE enum shale_status shale_store_create(struct shale_store *store, const char *key,
                                                    struct shale_store_put **out,
                                                    struct shale_err *err);

/* Write an object, replacing one that is there; durable with its name.  After a failure either of
 * the two may be there. */
SHALE_MUST_USE enum shale_status shale_store_put(struct shale_store *store, const char *key,
                                                 struct shale_str data, struct shale_err *err);

/* Write an object only if there is none: of any number of callers one gets SHALE_OK, after which it
 * is durable with its name.  SHALE_CONFLICT: there is one (it may be this very write, when an
 * earlier answer was lost).  SHALE_UNSURE: it may have been written, or may still be.  Any other
 * failure: it was not and will not be.  (A directory whose last sync failed is synced again by the
 * next settle(): an object that was unsure and is found to be there is durable after that.) */
SHALE_MUST_USE enum shale_status shale_store_put_absent(struct shale_store *store, const char *key,
                                                        struct shale_str data,
                                                        struct shale_err *err);

/* One that is absent is removed already. */
SHALE_MUST_USE enum shale_status shale_store_remove(struct shale_store *store, const char *key,
                                                    struct shale_err *err);

/* All objects that this store finished are durable with their names (a directory: every directory
 * that got a name since is synced). */
SHALE_MUST_USE enum shale_status shale_store_settle(struct shale_store *store,
                                                    struct shale_err *err);

/* Remove what writers that are gone have left under construction: of a directory the temporary
 * files that can be locked.  (A live writer has those locked that it holds open, and may have
 * closed others for a while; one that it finds gone is a failure of its object, no damage.) */
SHALE_MUST_USE enum shale_status shale_store_clean(struct shale_store *store,
                                                   const struct shale_store_cleaning *what,
                                                   int64_t *n_removed, struct shale_err *err);

void shale_store_free(struct shale_store *store); /* NULL: nothing */

/* A directory, which is made when the first object is written.  A tag is "<size>-<mtime in ns>".
 * Names that end in ".tmp" or begin with '.' are not listed: so are files under construction, which
 * their writer holds locked (flock(); the first 256 at a time).  SHALE_IO from put_absent() on a
 * file system that can neither rename without replacing nor link ("... cannot hold a table"). */
SHALE_MUST_USE enum shale_status shale_store_local(const struct shale_env *env, const char *path,
                                                   struct shale_store **out, struct shale_err *err);

/* The objects of 'base' (borrowed for its life) whose keys begin with 'prefix' (up to
 * SHALE_KEY_BYTES), under what follows it: with "visits.parquet." the key "_shale/x" is that of
 * "visits.parquet._shale/x". */
SHALE_MUST_USE enum shale_status shale_store_under(struct shale_store *base, const char *prefix,
                                                   struct shale_store **out, struct shale_err *err);

/* Memory; what is in it is gone with it. */
SHALE_MUST_USE enum shale_status
shale_store_memory(const struct shale_env *env, struct shale_store **out, struct shale_err *err);

#endif
