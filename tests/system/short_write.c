/* SPDX-License-Identifier: MIT */
/* Preloaded by table_faults.py: write(), pwrite() and writev() to files write only the half of what
 * they are given, as they may: the SHORT_AT-th one, or each when that is 0.  The file SHORT_TOLD is
 * made when it happened. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

static atomic_long n_writes;

static size_t cut(int fd, size_t n_bytes)
{
    struct stat info;
    const char *at = getenv("SHORT_AT"), *told = getenv("SHORT_TOLD");
    long wanted = at == NULL ? -1 : atol(at);
    if (n_bytes < 2 || fstat(fd, &info) != 0 || !S_ISREG(info.st_mode))
        return n_bytes;
    if (atomic_fetch_add(&n_writes, 1) + 1 != wanted && wanted != 0)
        return n_bytes;
    if (told != NULL)
        close(open(told, O_CREAT | O_WRONLY, 0600));
    return n_bytes / 2;
}

ssize_t write(int fd, const void *data, size_t n_bytes)
{
    ssize_t (*next)(int, const void *, size_t) =
        (ssize_t(*)(int, const void *, size_t))dlsym(RTLD_NEXT, "write");
    return next(fd, data, cut(fd, n_bytes));
}

ssize_t pwrite(int fd, const void *data, size_t n_bytes, off_t at)
{
    ssize_t (*next)(int, const void *, size_t, off_t) =
        (ssize_t(*)(int, const void *, size_t, off_t))dlsym(RTLD_NEXT, "pwrite");
    return next(fd, data, cut(fd, n_bytes), at);
}

ssize_t pwrite64(int fd, const void *data, size_t n_bytes, off64_t at)
{
    return pwrite(fd, data, n_bytes, at);
}

/* The half of the first piece alone. */
ssize_t writev(int fd, const struct iovec *pieces, int n)
{
    ssize_t (*next)(int, const struct iovec *, int) =
        (ssize_t(*)(int, const struct iovec *, int))dlsym(RTLD_NEXT, "writev");
    size_t half = n > 0 ? cut(fd, pieces[0].iov_len) : 0;
    if (n == 0 || half == pieces[0].iov_len)
        return next(fd, pieces, n);
    return write(fd, pieces[0].iov_base, half);
}
