/* SPDX-License-Identifier: MIT */
/* Runs a fuzz target over files, for builds without libFuzzer.
 *
 *     replay_NAME FILE|DIR...
 *
 * Each file is handed over in a block of exactly its size, so that a read past its end is seen by
 * AddressSanitizer and valgrind.  A finding ends the program; the last line counts the files. */
#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Returns false, having said why, when the file cannot be read. */
static bool replay_file(const char *path)
{
    struct stat st;
    uint8_t *data = NULL;
    bool done = false;
    FILE *file = fopen(path, "rb");
    if (file != NULL && fstat(fileno(file), &st) == 0)
        data = malloc(st.st_size > 0 ? (size_t)st.st_size : 1);
    if (data != NULL && fread(data, 1, (size_t)st.st_size, file) == (size_t)st.st_size) {
        /* Printed first: if the target dies, the last line names the file. */
        printf("# %s\n", path);
        (void)fflush(stdout);
        (void)LLVMFuzzerTestOneInput(data, (size_t)st.st_size);
        done = true;
    }
    if (!done)
        fprintf(stderr, "replay: %s: %s\n", path, strerror(errno));
    free(data);
    if (file != NULL)
        (void)fclose(file);
    return done;
}

static int no_dots(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

/* All files of a folder in the order of their names. */
static void replay_folder(const char *folder, unsigned *passed, unsigned *failed)
{
    struct dirent **names = NULL;
    char path[4096];
    const int n = scandir(folder, &names, no_dots, alphasort);
    for (int i = 0; i < n; i++) {
        const int length = snprintf(path, sizeof path, "%s/%s", folder, names[i]->d_name);
        const bool fits = length > 0 && (size_t)length < sizeof path;
        if (fits && replay_file(path))
            ++*passed;
        else
            ++*failed;
        free(names[i]);
    }
    free(names);
}

int main(int argc, char **argv)
{
    unsigned passed = 0, failed = 0;
    for (int i = 1; i < argc; i++) {
        struct stat st;
        if (stat(argv[i], &st) == 0 && S_ISDIR(st.st_mode))
            replay_folder(argv[i], &passed, &failed);
        else if (replay_file(argv[i]))
            passed++;
        else
            failed++;
    }
    printf("%u passed, %u failed\n", passed, failed);
    return failed == 0 && passed > 0 ? 0 : 1;
}
