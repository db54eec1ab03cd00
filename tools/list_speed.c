/* SPDX-License-Identifier: MIT */
/* How fast a tree of files is listed.
 *
 *     list_speed make DIR FILES PER_FOLDER    a tree of small files, 10,000 folders at most
 *     list_speed list DIR                     seconds and peak memory of a listing, keys hashed
 *
 * To compare: find DIR -type f -printf '%p %s %T@\n' | LC_ALL=C sort */
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "store/store.h"

static int fail(const char *what)
{
    perror(what);
    return 1;
}

static int make(const char *root, long n_files, long n_in_folder)
{
    char path[4096];
    int folder = -1;
    if (mkdir(root, 0777) != 0)
        return fail(root);
    for (long i = 0; i < n_files; i++) {
        /* names of about the length of a trail's, in no order */
        uint64_t hash = (uint64_t)i * 0x9e3779b97f4a7c15u;
        int fd;
        if (i % n_in_folder == 0) {
            long n = i / n_in_folder;
            if (folder >= 0)
                (void)close(folder);
            (void)snprintf(path, sizeof path, "%s/%04ld", root, n / 100);
            (void)mkdir(path, 0777);
            (void)snprintf(path, sizeof path, "%s/%04ld/%02ld", root, n / 100, n % 100);
            if (mkdir(path, 0777) != 0 || (folder = open(path, O_RDONLY | O_DIRECTORY)) < 0)
                return fail(path);
        }
        (void)snprintf(path, sizeof path, "123456789012_trail_eu-west-1_%016" PRIx64 ".json", hash);
        fd = openat(folder, path, O_WRONLY | O_CREAT | O_EXCL, 0666);
        if (fd < 0 || write(fd, "{}\n", 3) != 3 || close(fd) != 0)
            return fail(path);
    }
    return folder >= 0 && close(folder) != 0 ? fail(root) : 0;
}

static double seconds(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static int list(const char *root)
{
    struct shale_list *list;
    struct shale_listed listed;
    struct shale_err err;
    struct rusage usage;
    uint64_t sum = 0;
    int64_t n = 0;
    double begin = seconds();
    bool end = false;
    enum shale_status status;
    shale_err_clear(&err);
    status = shale_list_new(&shale_mem_libc, root, &list, &err);
    while (status == SHALE_OK && !end) {
        status = shale_list_next(list, &listed, &end, &err);
        if (status == SHALE_OK && !end) {
            n++;
            sum = sum * 31 + listed.key.n_bytes + (uint64_t)listed.n_bytes +
                  (uint64_t)listed.mtime_ns;
        }
    }
    shale_list_free(list);
    (void)getrusage(RUSAGE_SELF, &usage);
    if (status != SHALE_OK) {
        (void)fprintf(stderr, "%s\n", err.message);
        return 1;
    }
    (void)printf("%" PRId64 " files in %.3f s, %ld KiB, sum %016" PRIx64 "\n", n, seconds() - begin,
                 usage.ru_maxrss, sum);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc == 5 && strcmp(argv[1], "make") == 0 && atol(argv[4]) > 0)
        return make(argv[2], atol(argv[3]), atol(argv[4]));
    if (argc == 3 && strcmp(argv[1], "list") == 0)
        return list(argv[2]);
    (void)fprintf(stderr, "usage: list_speed make DIR FILES PER_FOLDER | list_speed list DIR\n");
    return 2;
}
