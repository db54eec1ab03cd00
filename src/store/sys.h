/* SPDX-License-Identifier: MIT */
/* What the parts of the local store share: system errors with words, whole reads and writes, the
 * entries of a directory.  Private to this folder. */
#ifndef SHALE_STORE_SYS_H
#define SHALE_STORE_SYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/status.h"

enum {
    SHALE_SYS_PATH_BYTES = 4096, /* PATH_MAX of Linux, the NUL included */
    SHALE_SYS_NAME_BYTES = 255,  /* NAME_MAX of Linux */
    SHALE_SYS_MAX_LEVELS = 64,   /* directories inside one another */
};

/* The status of the system error 'code', with "cannot VERB PATH: the system's words".  A path too
 * long for the message keeps its end. */
SHALE_MUST_USE enum shale_status shale_sys_fail(struct shale_err *err, int code, const char *verb,
                                                const char *path);

/* open() and openat() that go on after a signal (network file systems are interrupted), always
 * O_CLOEXEC, files made with mode 0600: a descriptor, or -1 with errno. */
int shale_sys_open(int at, const char *path, int flags);

/* All 'n_bytes' at offset 'at', or an errno (0: done).  A file that ends early gives ENODATA. */
int shale_sys_write(int fd, const void *data, size_t n_bytes, int64_t at);
int shale_sys_read(int fd, void *out, size_t n_bytes, int64_t at);

/* The path of the directory that 'path' is in: a prefix of it, "." or "/".
 * Returns SHALE_OK or SHALE_LIMIT (longer than 'out'). */
SHALE_MUST_USE enum shale_status shale_sys_parent(const char *path, char out[SHALE_SYS_PATH_BYTES],
                                                  struct shale_err *err);

/* Reading the entries of an open directory, without the C library's own allocation. */
struct shale_sys_entries {
    int fd; /* borrowed */
    size_t n, next;
    _Alignas(8) char data[32 * 1024];
};

void shale_sys_entries_begin(struct shale_sys_entries *entries, int fd);

/* The next entry but "." and "..": its name (NULL at the end; good until the next call) and type
 * (DT_REG, ...).  0 or an errno. */
int shale_sys_entries_next(struct shale_sys_entries *entries, const char **name,
                           unsigned char *type);

#endif
