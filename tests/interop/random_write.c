/* SPDX-License-Identifier: MIT */
/* Writes random files and reads them again by our own reader.
 *
 *     random_write DIRECTORY|- FIRST N [wide|modern|both [ROWS]]
 *
 * Cases FIRST to FIRST + N - 1, of ROWS rows at most.  In DIRECTORY each leaves
 * NAME.parquet, NAME.ndjson (the rows, as tests/interop/values.py says) and NAME.types; with "-"
 * there are none.  The last line counts. */
#include <stdlib.h>
#include <string.h>

#include "random_file.h"

static FILE *open_file(const char *directory, uint64_t number, bool modern, const char *suffix)
{
    char path[4096];
    FILE *file;
    snprintf(path, sizeof(path), "%s/%06llu-%s.%s", directory, (unsigned long long)number,
             modern ? "modern" : "wide", suffix);
    file = fopen(path, "wb");
    if (file == NULL) {
        perror(path);
        exit(1);
    }
    return file;
}

/* Leave the file and its types; false when they cannot be written. */
static bool leave(const struct random_file *file, const char *directory, uint64_t number)
{
    FILE *parquet = open_file(directory, number, file->options.modern, "parquet");
    FILE *types = open_file(directory, number, file->options.modern, "types");
    bool done = fwrite(file->bytes.data, 1, file->bytes.n_bytes, parquet) == file->bytes.n_bytes;
    random_schema_print(&file->schema, types);
    done = fclose(parquet) == 0 && done;
    return fclose(types) == 0 && done;
}

static bool one_case(const char *directory, uint64_t number, bool modern, uint32_t most_rows)
{
    static struct random_file file;
    bool to_files = strcmp(directory, "-") != 0, good;
    FILE *expected = NULL;
    random_file_choose(&file, number, modern);
    if (file.options.n_rows > most_rows)
        file.options.n_rows = most_rows;
    if (to_files)
        expected = open_file(directory, number, modern, "ndjson");
    good = random_file_write(&file, expected);
    if (expected != NULL && fclose(expected) != 0)
        good = false;
    if (good && to_files)
        good = leave(&file, directory, number);
    if (good)
        good = random_file_check(&file);
    if (!good)
        printf("not ok case %llu %s: %s\n", (unsigned long long)number, modern ? "modern" : "wide",
               file.fault);
    random_file_fini(&file);
    return good;
}

int main(int argc, char **argv)
{
    unsigned passed = 0, failed = 0;
    const char *profile = argc > 4 ? argv[4] : "both";
    uint32_t most_rows = argc > 5 ? (uint32_t)strtoul(argv[5], NULL, 10) : UINT32_MAX;
    uint64_t first, n;
    if (argc < 4) {
        fprintf(stderr, "usage: random_write DIRECTORY|- FIRST N [wide|modern|both [ROWS]]\n");
        return 2;
    }
    first = strtoull(argv[2], NULL, 10);
    n = strtoull(argv[3], NULL, 10);
    for (uint64_t i = first; i < first + n; i++) {
        for (int modern = 0; modern < 2; modern++) {
            if (strcmp(profile, modern ? "wide" : "modern") == 0)
                continue;
            if (one_case(argv[1], i, modern != 0, most_rows))
                passed++;
            else
                failed++;
        }
    }
    printf("%u passed, %u failed\n", passed, failed);
    return failed == 0 ? 0 : 1;
}
