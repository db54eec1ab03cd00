/* SPDX-License-Identifier: MIT */
/* 'shale rejects': finds what is behind it, and which rejects are meant. */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "cli/cat.h"
#include "cli/rejects.h"
#include "json/number.h"
#include "schema/time.h"

enum { MOST_MANIFEST_BYTES = 1 << 30, MOST_PATH_BYTES = 4000 };

/* ---- Where they are ---------------------------------------------------------------------------
 */

static enum shale_status open_table(struct rejects_files *files, struct terminal *terminal,
                                    const char *path, struct shale_err *err)
{
    struct shale_log_state *log = NULL;
    struct shale_manifest manifest = {0};
    enum shale_status status = shale_store_local(&terminal->env, path, &files->store, err);
    if (status == SHALE_OK)
        status = shale_log_read(files->store, NULL, &log, err);
    if (status != SHALE_OK)
        return status;
    if (log->version < 0)
        status = SHALE_ERR(err, verify_no_table, path);
    else if (log->manifest_id >= 0)
        status = shale_manifest_read(files->store, &files->arena, log->manifest_id, &manifest, err);
    shale_log_state_free(&shale_mem_libc, log);
    if (status != SHALE_OK)
        return status;
    files->segments = manifest.rejects;
    files->n_segments = manifest.n_rejects;
    return SHALE_OK;
}

/* What lies where in a path: the directory's length without its slash, and the name. */
static const char *split(const char *path, size_t *n_directory)
{
    const char *slash = strrchr(path, '/');
    *n_directory = slash == NULL ? 0 : slash == path ? 1 : (size_t)(slash - path);
    return slash == NULL ? path : slash + 1;
}

static enum shale_status open_directory(struct rejects_files *files, struct terminal *terminal,
                                        const char *path, const char **name, struct shale_err *err)
{
    char directory[MOST_PATH_BYTES + 1];
    size_t n;
    *name = split(path, &n);
    (void)snprintf(directory, sizeof directory, "%.*s", n == 0 ? 1 : (int)n, n == 0 ? "." : path);
    return shale_store_local(&terminal->env, directory, &files->directory, err);
}

/* Does the file keep a ledger?  Then its rejects are segments of it. */
static enum shale_status open_checkpoint(struct rejects_files *files, const char *name,
                                         bool *is_checkpoint, struct shale_err *err)
{
    static const struct shale_single_options any = {.adopts = true};
    enum shale_status status = shale_single_new(files->directory, name, &any, &files->single, err);
    *is_checkpoint = false;
    if (status == SHALE_OK)
        status = shale_single_read(files->single, &files->base, err);
    if (status != SHALE_OK)
        return status;
    files->has_base = true;
    *is_checkpoint = files->base.manifest.id >= 0;
    files->store = shale_single_store(files->single);
    files->segments = files->base.manifest.rejects;
    files->n_segments = files->base.manifest.n_rejects;
    return SHALE_OK;
}

static bool ends_in(const char *text, const char *suffix)
{
    size_t n = strlen(text), n_suffix = strlen(suffix);
    return n >= n_suffix && strcmp(text + n - n_suffix, suffix) == 0;
}

/* The file of rejects itself. */
static enum shale_status open_rejects(struct rejects_files *files, const char *name,
                                      struct shale_err *err)
{
    struct shale_segment *segment = shale_arena_zeroed(&files->arena, 1, sizeof *segment);
    if (segment == NULL)
        return SHALE_ERR(err, no_memory);
    segment->path.data = shale_arena_copy(&files->arena, shale_str_of(name));
    segment->path.n_bytes = strlen(name);
    segment->n_rows = -1;
    files->store = files->directory;
    files->segments = segment;
    files->n_segments = 1;
    return segment->path.data == NULL ? SHALE_ERR(err, no_memory) : SHALE_OK;
}

static enum shale_status open_file(struct rejects_files *files, struct terminal *terminal,
                                   const char *path, struct shale_err *err)
{
    static const char data[] = ".parquet", rejects[] = ".rejects.parquet";
    char beside[MOST_PATH_BYTES + sizeof rejects];
    size_t n = strlen(path), n_stem = ends_in(path, data) ? n - strlen(data) : n, n_directory;
    bool is_checkpoint = false;
    const char *name;
    struct stat info;
    enum shale_status status;
    if (n > MOST_PATH_BYTES)
        return SHALE_ERR(err, output_path_too_long, MOST_PATH_BYTES, path);
    if (stat(path, &info) != 0 || !S_ISREG(info.st_mode))
        return SHALE_ERR(err, rejects_no_dataset, path);
    status = open_directory(files, terminal, path, &name, err);
    if (status == SHALE_OK && ends_in(path, rejects))
        return open_rejects(files, name, err);
    if (status == SHALE_OK)
        status = open_checkpoint(files, name, &is_checkpoint, err);
    if (status != SHALE_OK || is_checkpoint)
        return status;
    (void)snprintf(beside, sizeof beside, "%.*s%s", (int)n_stem, path, rejects);
    /* Where there is none, nothing was rejected. */
    return stat(beside, &info) != 0 ? SHALE_OK
                                    : open_rejects(files, split(beside, &n_directory), err);
}

enum shale_status rejects_files_open(struct rejects_files *files, struct terminal *terminal,
                                     const char *path, struct shale_err *err)
{
    *files = (struct rejects_files){0};
    shale_arena_init(&files->arena, &shale_mem_libc, MOST_MANIFEST_BYTES);
    return cat_is_table(path) ? open_table(files, terminal, path, err)
                              : open_file(files, terminal, path, err);
}

void rejects_files_close(struct rejects_files *files)
{
    if (files->has_base)
        shale_base_fini(&files->base, &shale_mem_libc);
    if (files->single == NULL && files->store != files->directory)
        shale_store_free(files->store);
    shale_single_free(files->single);
    shale_store_free(files->directory);
    shale_arena_fini(&files->arena);
}

/* ---- Which of them ----------------------------------------------------------------------------
 */

bool rejects_glob(struct shale_str pattern, struct shale_str text)
{
    size_t p = 0, t = 0, star = SIZE_MAX, star_text = 0;
    while (t < text.n_bytes) {
        if (p < pattern.n_bytes && pattern.data[p] == '*') {
            star = p++;
            star_text = t;
        } else if (p < pattern.n_bytes &&
                   (pattern.data[p] == '?' || pattern.data[p] == text.data[t])) {
            p++;
            t++;
        } else if (star != SIZE_MAX) {
            p = star + 1;
            t = ++star_text;
        } else {
            return false;
        }
    }
    while (p < pattern.n_bytes && pattern.data[p] == '*')
        p++;
    return p == pattern.n_bytes;
}

static bool is_digit(struct shale_str text, size_t at)
{
    return at < text.n_bytes && text.data[at] >= '0' && text.data[at] <= '9';
}

static size_t count_digits(struct shale_str text, size_t at)
{
    size_t n = 0;
    while (is_digit(text, at + n))
        n++;
    return n;
}

/* "yyyy-mm-dd" of parts of the key, if that is a day. */
static bool is_day(const char *year, const char *month, size_t n_month, const char *day,
                   size_t n_day, int32_t *out)
{
    char text[11] = "0000-00-00";
    memcpy(text, year, 4);
    memcpy(text + 7 - n_month, month, n_month);
    memcpy(text + 10 - n_day, day, n_day);
    return shale_date_parse(shale_str_of(text), out);
}

static bool has_word(struct shale_str text, size_t at, const char *word)
{
    size_t n = strlen(word);
    return at <= text.n_bytes && text.n_bytes - at >= n && memcmp(text.data + at, word, n) == 0;
}

/* "2024/month=2/day=29" behind a "year=". */
static bool hive_day(struct shale_str key, size_t at, int32_t *day)
{
    size_t month, n_month, of_day, n_day;
    if (count_digits(key, at) != 4 || !has_word(key, at + 4, "/month="))
        return false;
    month = at + 4 + strlen("/month=");
    n_month = count_digits(key, month);
    if (n_month < 1 || n_month > 2 || !has_word(key, month + n_month, "/day="))
        return false;
    of_day = month + n_month + strlen("/day=");
    n_day = count_digits(key, of_day);
    return n_day >= 1 && n_day <= 2 &&
           is_day(key.data + at, key.data + month, n_month, key.data + of_day, n_day, day);
}

bool rejects_day_of(struct shale_str key, int32_t *day)
{
    for (size_t at = 0; at < key.n_bytes; at++) {
        const char *text = key.data + at;
        size_t n;
        if (has_word(key, at, "year=") && hive_day(key, at + strlen("year="), day))
            return true;
        n = count_digits(key, at);
        if (n == 8 && is_day(text, text + 4, 2, text + 6, 2, day))
            return true;
        if (n == 4 && at + 10 <= key.n_bytes && strchr("-/_", text[4]) != NULL &&
            text[7] == text[4] && count_digits(key, at + 5) == 2 &&
            count_digits(key, at + 8) == 2 && is_day(text, text + 5, 2, text + 8, 2, day))
            return true;
        at += n > 0 ? n - 1 : 0;
    }
    return false;
}

static bool is_in_dates(const struct rejects_choice *choice, struct shale_str key)
{
    struct shale_str values[SHALE_TEMPLATE_MAX_PLACEHOLDERS];
    int32_t first, last;
    if (choice->stream == NULL)
        return rejects_day_of(key, &first) && first >= choice->first_day &&
               first <= choice->last_day;
    for (size_t i = 0; i < choice->stream->n_keys; i++)
        if (shale_template_match(&choice->stream->keys[i], key, values))
            return shale_template_days(&choice->stream->keys[i], values, &first, &last) &&
                   first <= choice->last_day && last >= choice->first_day;
    return false;
}

static bool holds_text(struct shale_str text, struct shale_str part)
{
    return part.n_bytes == 0 || (text.n_bytes >= part.n_bytes &&
                                 memmem(text.data, text.n_bytes, part.data, part.n_bytes) != NULL);
}

bool rejects_choice_takes(const struct rejects_choice *choice, const struct shale_rejects_row *row)
{
    bool has_rule = choice->n_rules == 0;
    for (size_t i = 0; i < choice->n_rules && !has_rule; i++)
        has_rule = shale_str_is(row->rule, choice->rules[i]);
    if (!has_rule || (choice->field != NULL && !shale_str_is(row->field, choice->field)))
        return false;
    if (choice->object != NULL) {
        struct shale_str wanted = shale_str_of(choice->object);
        bool is_pattern = strpbrk(choice->object, "*?") != NULL;
        if (is_pattern ? !rejects_glob(wanted, row->object) : !holds_text(row->object, wanted))
            return false;
    }
    return !choice->has_dates || is_in_dates(choice, row->object);
}

/* ---- The command ------------------------------------------------------------------------------
 */

int command_rejects(struct terminal *terminal, int argc, char **argv)
{
    struct shale_err err;
    shale_err_clear(&err);
    if (argc > 0 && strcmp(argv[0], "list") == 0)
        return rejects_list(terminal, argc - 1, argv + 1);
    if (argc > 0 && strcmp(argv[0], "replay") == 0)
        return rejects_replay(terminal, argc - 1, argv + 1);
    (void)SHALE_ERR(&err, names_missing, "rejects", "list or replay");
    terminal_error(terminal, &err);
    return 2;
}
