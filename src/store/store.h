/* SPDX-License-Identifier: MIT */
/* Names to objects.  The local store: a directory is the source, keys are paths below it with '/'
 * between the parts. */
#ifndef SHALE_STORE_STORE_H
#define SHALE_STORE_STORE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/env.h"
#include "base/err.h"
#include "base/io.h"
#include "base/str.h"

/* ---- Listing ----------------------------------------------------------------------------------
 */

/* The files below a directory, in byte order of their keys ('/' counts as a byte of the key, so
 * "a-b" comes before "a/b").  Memory: the names of one directory a level, and a descriptor.
 * Symbolic links to files are followed, to directories as well unless they lead to a directory
 * above.  What is neither file nor directory is passed over.  Names that begin with '.' or '_' are
 * listed as well: it is the caller who chooses. */
struct shale_list;

/* Begin; 'root' is a directory, or one file (then its key is its last part).
 * Returns SHALE_OK, SHALE_NOMEM, SHALE_NOT_FOUND, SHALE_DENIED or SHALE_IO. */
SHALE_MUST_USE enum shale_status shale_list_new(const struct shale_mem *mem, const char *root,
                                                struct shale_list **out, struct shale_err *err);
void shale_list_free(struct shale_list *list);

/* A part of what is there. */
struct shale_list_range {
    const char *prefix; /* keys that begin with it; it may end within a name.  NULL or "": all */
    const char *after;  /* keys above it.  NULL or "": all */
    /* As a store of objects shows itself: nothing whose name begins with '.' or ends in ".tmp"; a
     * root that is not there is empty, one that is no directory SHALE_IO. */
    bool objects_only;
};

/* As shale_list_new(), for the keys of a range; directories that cannot hold one are not read.  No
 * part of 'prefix' may be empty, "." or "..". */
SHALE_MUST_USE enum shale_status shale_list_range(const struct shale_mem *mem, const char *root,
                                                  const struct shale_list_range *range,
                                                  struct shale_list **out, struct shale_err *err);

struct shale_listed {
    struct shale_str key; /* NUL-terminated; good until the next call */
    int64_t n_bytes;      /* size when listed */
    int64_t mtime_ns;
};

/* The next file; '*end' is set when there is none.  A directory that cannot be read is a failure
 * (its files would be missing silently), and so are keys over 4,095 bytes and more than 64 levels
 * (SHALE_LIMIT).  Returns as shale_list_new(); a failure is final. */
SHALE_MUST_USE enum shale_status shale_list_next(struct shale_list *list, struct shale_listed *out,
                                                 bool *end, struct shale_err *err);

/* ---- Reading ----------------------------------------------------------------------------------
 */

/* One open object, read from its beginning.  The caller's storage. */
struct shale_get {
    struct shale_source source; /* first member: read() on it */
    int fd;
    int64_t n_bytes, mtime_ns; /* when opened */
    int64_t n_read;
    char path[4096]; /* for messages */
};

/* Open the file 'key' below the directory 'root_fd' (a key never leaves it: "..", "" and "." parts
 * are refused with SHALE_USAGE).
 * Returns SHALE_OK, SHALE_NOT_FOUND (SHALE_AGAIN is the caller's choice), SHALE_DENIED,
 * SHALE_AGAIN (out of descriptors) or SHALE_IO. */
SHALE_MUST_USE enum shale_status shale_get_open(struct shale_get *get, int root_fd, const char *key,
                                                struct shale_err *err);

/* After reading: is the file still the one that was opened (size and time)?  Closes in each case.
 * Returns SHALE_OK or SHALE_AGAIN (changed while being read). */
SHALE_MUST_USE enum shale_status shale_get_finish(struct shale_get *get, struct shale_err *err);

/* Close without a look; after a failed open it does nothing. */
void shale_get_close(struct shale_get *get);

/* ---- Writing ----------------------------------------------------------------------------------
 */

/* A file under construction: a temporary name beside its final one, no descriptor held between
 * calls of open and close, so a run may have thousands.  While it is open it is locked (flock()):
 * who can lock a temporary file knows that its writer is gone, or has closed it for a while.
 *
 *     NEW --open--> OPEN --write--> OPEN --close--> NEW ... --publish--> DONE | --discard--> GONE
 */
struct shale_put {
    struct shale_sink sink; /* first member: write() appends at n_bytes, while open */
    int fd;                 /* -1 while closed */
    int64_t n_bytes;        /* written and kept so far */
    char *temporary;        /* owned; NULL when nothing was created */
    char *path;             /* owned: the final name */
    bool synced;            /* all that was written is durable */
    const struct shale_mem *mem;
    const struct shale_env *env;
};

/* So many bytes of a name are in its temporary one, which is no longer than the system takes. */
size_t shale_put_name_bytes(const char *name);

/* Prepare; creates nothing.  The temporary name is ".<name>.<random>.tmp" in the same directory. */
SHALE_MUST_USE enum shale_status shale_put_init(struct shale_put *put, const struct shale_env *env,
                                                const char *path, struct shale_err *err);
/* Frees; a file that was not published is removed. */
void shale_put_fini(struct shale_put *put);

SHALE_MUST_USE enum shale_status shale_put_open(struct shale_put *put, struct shale_err *err);
SHALE_MUST_USE enum shale_status shale_put_close(struct shale_put *put, struct shale_err *err);

/* Forget all behind 'n_bytes' (open or closed). */
SHALE_MUST_USE enum shale_status shale_put_truncate(struct shale_put *put, int64_t n_bytes,
                                                    struct shale_err *err);

/* Make the bytes durable (fsync); still under the temporary name. */
SHALE_MUST_USE enum shale_status shale_put_sync(struct shale_put *put, struct shale_err *err);

/* Give the file its final name, which is durable once its directory is synced; a file that was not
 * synced is synced before.  With 'absent' only if there is none of that name: SHALE_CONFLICT when
 * there is, SHALE_UNSURE when it cannot be said what came of it, and SHALE_IO on a file system that
 * can neither rename without replacing nor link.  Without it a file of that name is replaced. */
SHALE_MUST_USE enum shale_status shale_put_name(struct shale_put *put, bool absent,
                                                struct shale_err *err);

/* Rename to the final name, replacing what is there, and sync the directory; a file that was not
 * synced is synced before.  When only the last sync fails, the file has its final name. */
SHALE_MUST_USE enum shale_status shale_put_publish(struct shale_put *put, struct shale_err *err);

/* Append 'n_bytes' of another open file, from 'from' on; the put is open.  The kernel copies (or
 * shares the blocks) where it can.  SHALE_AGAIN: the file has not so many bytes any more. */
SHALE_MUST_USE enum shale_status shale_put_copy(struct shale_put *put, int fd, int64_t from,
                                                int64_t n_bytes, struct shale_err *err);

/* Sync, then give the file its final name in the place of the one that 'base_fd' has open (its
 * time was 'base_mtime_ns' then; -1: of none), under a lock on "<path>._shale/lock".  The name is
 * durable once its directory is synced.
 * SHALE_CONFLICT: something else has that name; SHALE_UNSURE: it cannot be said what came of it;
 * SHALE_AGAIN: another held the lock for half a minute; any other failure: it was not renamed. */
SHALE_MUST_USE enum shale_status shale_put_replace(struct shale_put *put, int base_fd,
                                                   int64_t base_mtime_ns, struct shale_err *err);

/* ---- Directories ------------------------------------------------------------------------------
 */

/* Create 'path' and the directories above it that are missing; the directory above each new one is
 * synced. */
SHALE_MUST_USE enum shale_status shale_dir_make(const char *path, struct shale_err *err);
SHALE_MUST_USE enum shale_status shale_dir_sync(const char *path, struct shale_err *err);
/* Is there anything in it?  A directory that does not exist is empty. */
SHALE_MUST_USE enum shale_status shale_dir_is_empty(const char *path, bool *empty,
                                                    struct shale_err *err);
/* Remove a directory and all that is in it; links are not followed.  One that does not exist is
 * removed already. */
SHALE_MUST_USE enum shale_status shale_dir_remove(const char *path, struct shale_err *err);
/* Put the directory 'from' where 'to' is, in one step: 'to' is absent, an empty directory, or (with
 * 'exchange') any directory, which then stands under the name 'from'.  Both parents are synced. */
SHALE_MUST_USE enum shale_status shale_dir_publish(const char *from, const char *to, bool exchange,
                                                   struct shale_err *err);

/* ---- Spill ------------------------------------------------------------------------------------
 */

/* One unlinked temporary file.  One thread at a time for writing and freeing; any number read. */
struct shale_spill {
    int fd;          /* -1 until the first write */
    int64_t end;     /* next offset */
    int64_t n_live;  /* bytes written and not freed */
    char *directory; /* owned */
    const struct shale_mem *mem;
};

SHALE_MUST_USE enum shale_status shale_spill_init(struct shale_spill *spill,
                                                  const struct shale_mem *mem,
                                                  const char *directory, struct shale_err *err);
void shale_spill_fini(struct shale_spill *spill);
SHALE_MUST_USE enum shale_status shale_spill_write(struct shale_spill *spill, const void *data,
                                                   size_t n_bytes, int64_t *at,
                                                   struct shale_err *err);
SHALE_MUST_USE enum shale_status shale_spill_read(const struct shale_spill *spill, int64_t at,
                                                  void *out, size_t n_bytes, struct shale_err *err);
/* The range is not needed any more: its disk space goes back. */
void shale_spill_free(struct shale_spill *spill, int64_t at, size_t n_bytes);

#endif
