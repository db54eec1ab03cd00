/* SPDX-License-Identifier: MIT */
/* Files of the generator. */
#include "output.h"

#include <errno.h>
#include <fcntl.h>
#include <libdeflate.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

void output_die(const char *what, const char *name)
{
    fprintf(stderr, "generate: %s: %s: %s\n", name, what, strerror(errno));
    exit(1);
}

void output_open(struct output *output, const char *path, bool gzip)
{
    *output = (struct output){.path = path};
    if (gzip)
        output->gzip = gzopen(path, "wb6"); /* the level of gzip(1) */
    else
        output->plain = fopen(path, "wb");
    if (output->gzip == NULL && output->plain == NULL)
        output_die("open", path);
}

void output_write(struct output *output, const char *data, size_t n_bytes)
{
    bool written;
    if (output->gzip != NULL)
        written = gzfwrite(data, 1, n_bytes, output->gzip) == n_bytes;
    else
        written = fwrite(data, 1, n_bytes, output->plain) == n_bytes;
    if (!written)
        output_die("write", output->path);
    output->n_bytes += (int64_t)n_bytes;
}

int64_t output_close(struct output *output)
{
    struct stat st;
    const bool closed =
        output->gzip != NULL ? gzclose(output->gzip) == Z_OK : fclose(output->plain) == 0;
    if (!closed || stat(output->path, &st) != 0)
        output_die("close", output->path);
    return st.st_size;
}

void output_spoil_checksum(const char *path)
{
    unsigned char byte;
    const int fd = open(path, O_RDWR | O_CLOEXEC);
    /* RFC 1952, 2.3: the last eight bytes are CRC32 and ISIZE. */
    const off_t at = fd >= 0 ? lseek(fd, -8, SEEK_END) : -1;
    if (at < 0 || pread(fd, &byte, 1, at) != 1)
        output_die("read", path);
    byte ^= 0x55;
    if (pwrite(fd, &byte, 1, at) != 1 || close(fd) != 0)
        output_die("write", path);
}

static void make_folders(char *path)
{
    for (char *slash = strchr(path + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        if (mkdir(path, 0777) != 0 && errno != EEXIST)
            output_die("mkdir", path);
        *slash = '/';
    }
}

static void write_all(const char *path, const char *data, size_t n_bytes)
{
    char folders[PATH_MAX];
    const int flags = O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC;
    int fd = open(path, flags, 0666);
    if (fd < 0 && errno == ENOENT && strlen(path) < sizeof folders) {
        memcpy(folders, path, strlen(path) + 1);
        make_folders(folders);
        fd = open(path, flags, 0666);
    }
    if (fd < 0)
        output_die("open", path);
    while (n_bytes > 0) {
        const ssize_t n = write(fd, data, n_bytes);
        if (n < 0 && errno != EINTR)
            output_die("write", path);
        if (n > 0) {
            data += n;
            n_bytes -= (size_t)n;
        }
    }
    if (close(fd) != 0)
        output_die("close", path);
}

int64_t output_file(const char *path, const char *data, size_t n_bytes, bool gzip)
{
    struct libdeflate_compressor *compressor;
    size_t bound, n;
    char *packed;
    if (!gzip) {
        write_all(path, data, n_bytes);
        return (int64_t)n_bytes;
    }
    compressor = libdeflate_alloc_compressor(6);
    bound = libdeflate_gzip_compress_bound(compressor, n_bytes);
    packed = malloc(bound);
    if (compressor == NULL || packed == NULL)
        output_die("compress", path);
    n = libdeflate_gzip_compress(compressor, data, n_bytes, packed, bound);
    if (n == 0)
        output_die("compress", path);
    write_all(path, packed, n);
    free(packed);
    libdeflate_free_compressor(compressor);
    return (int64_t)n;
}
