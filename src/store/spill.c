/* SPDX-License-Identifier: MIT */
/* Memory's overflow: one temporary file without a name, so that nothing is left of it whatever
 * happens to us. */
#include "store/store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/checked.h"
#include "base/mem.h"
#include "store/sys.h"

enum { PUNCH_BYTES = 4096 }; /* a hole smaller than a block frees nothing */

enum shale_status shale_spill_init(struct shale_spill *spill, const struct shale_mem *mem,
                                   const char *directory, struct shale_err *err)
{
    size_t n = strlen(directory);
    struct stat info;
    *spill = (struct shale_spill){.fd = -1, .mem = mem};
    if (n >= SHALE_SYS_PATH_BYTES)
        return SHALE_ERR(err, file_name_too_long, SHALE_SYS_PATH_BYTES - 1, directory);
    if (stat(directory, &info) != 0 || access(directory, W_OK | X_OK) != 0)
        return shale_sys_fail(err, errno, "use the directory", directory);
    if (!S_ISDIR(info.st_mode))
        return shale_sys_fail(err, ENOTDIR, "use the directory", directory);
    spill->directory = shale_mem_alloc(mem, n + 1);
    if (spill->directory == NULL)
        return SHALE_ERR(err, no_memory);
    memcpy(spill->directory, directory, n + 1);
    return SHALE_OK;
}

void shale_spill_fini(struct shale_spill *spill)
{
    if (spill->fd >= 0)
        (void)close(spill->fd); /* nobody will read it */
    spill->fd = -1;
    if (spill->mem != NULL)
        shale_mem_free(spill->mem, spill->directory);
    spill->directory = NULL;
}

static enum shale_status open_spill(struct shale_spill *spill, struct shale_err *err)
{
    static const char name[] = "/.shale-spill-XXXXXX";
    char path[SHALE_SYS_PATH_BYTES + sizeof name];
    spill->fd = shale_sys_open(AT_FDCWD, spill->directory, O_TMPFILE | O_RDWR);
    if (spill->fd >= 0)
        return SHALE_OK;
    /* Where a file system has no files without a name, one whose name goes at once. */
    if (errno != EOPNOTSUPP && errno != EISDIR && errno != EINVAL)
        return shale_sys_fail(err, errno, "create a file in", spill->directory);
    (void)snprintf(path, sizeof path, "%s%s", spill->directory, name);
    spill->fd = mkostemp(path, O_CLOEXEC);
    if (spill->fd < 0)
        return shale_sys_fail(err, errno, "create a file in", spill->directory);
    if (unlink(path) != 0)
        return shale_sys_fail(err, errno, "unlink", path);
    return SHALE_OK;
}

enum shale_status shale_spill_write(struct shale_spill *spill, const void *data, size_t n_bytes,
                                    int64_t *at, struct shale_err *err)
{
    int64_t end;
    int code;
    if (spill->fd < 0) {
        enum shale_status status = open_spill(spill, err);
        if (status != SHALE_OK)
            return status;
    }
    if (!SHALE_ADD(spill->end, n_bytes, &end))
        return shale_sys_fail(err, EFBIG, "write a temporary file in", spill->directory);
    code = shale_sys_write(spill->fd, data, n_bytes, spill->end);
    if (code != 0)
        return shale_sys_fail(err, code, "write a temporary file in", spill->directory);
    *at = spill->end;
    spill->end = end;
    spill->n_live += (int64_t)n_bytes;
    return SHALE_OK;
}

enum shale_status shale_spill_read(const struct shale_spill *spill, int64_t at, void *out,
                                   size_t n_bytes, struct shale_err *err)
{
    int code = shale_sys_read(spill->fd, out, n_bytes, at);
    if (code != 0)
        return shale_sys_fail(err, code, "read a temporary file in", spill->directory);
    return SHALE_OK;
}

void shale_spill_free(struct shale_spill *spill, int64_t at, size_t n_bytes)
{
    spill->n_live -= (int64_t)n_bytes;
    if (spill->n_live == 0 && spill->fd >= 0) {
        /* When it fails the disk space comes back later: the bytes are written over. */
        (void)!ftruncate(spill->fd, 0);
        spill->end = 0;
        return;
    }
    if (n_bytes >= PUNCH_BYTES)
        (void)fallocate(spill->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, at, (off_t)n_bytes);
}
