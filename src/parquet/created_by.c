/* SPDX-License-Identifier: MIT */
/* "<application> version <application version> (build <application build hash>)" (parquet.thrift,
 * FileMetaData.created_by). */
#include "parquet/created_by.h"

bool shale_file_is_ours(const struct shale_file *file)
{
    return file->created_by.n_bytes > 6 && memcmp(file->created_by.data, "shale ", 6) == 0;
}

/* Is 'word' at '*at' of 'text'?  Go behind it. */
static bool pass(struct shale_str text, size_t *at, const char *word)
{
    size_t n = strlen(word);
    if (text.n_bytes - *at < n || memcmp(text.data + *at, word, n) != 0)
        return false;
    *at += n;
    return true;
}

/* Up to three numbers with dots between; what is not there is 0. */
static void read_version(struct shale_str text, size_t at, unsigned parts[3])
{
    for (size_t i = 0; i < 3; i++, at++) {
        for (; at < text.n_bytes && text.data[at] >= '0' && text.data[at] <= '9'; at++)
            parts[i] = parts[i] > 1000 ? parts[i] : parts[i] * 10 + (unsigned)(text.data[at] - '0');
        if (at == text.n_bytes || text.data[at] != '.')
            return;
    }
}

bool shale_created_before(struct shale_str created_by, const char *application, unsigned major,
                          unsigned minor, unsigned patch)
{
    unsigned parts[3] = {0, 0, 0};
    const unsigned limits[3] = {major, minor, patch};
    size_t at = 0;
    if (!pass(created_by, &at, application))
        return false;
    if (at < created_by.n_bytes && created_by.data[at] != ' ')
        return false; /* of a longer name */
    if (pass(created_by, &at, " version "))
        read_version(created_by, at, parts);
    for (size_t i = 0; i < 3; i++)
        if (parts[i] != limits[i])
            return parts[i] < limits[i];
    return false;
}
