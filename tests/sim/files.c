/* SPDX-License-Identifier: MIT */
/* Data files: a line that says the first input, '#' before it, and then a line an event.  They
 * stand for Parquet where rows are taken out: what chooses them, and what is left of them, is the
 * code that ships (dataset/take_out.c). */
#include <stdlib.h>
#include <string.h>

#include "dataset/footer_hash.h"
#include "work.h"

enum { MOST_BYTES = 1 << 20 };

int64_t files_n_lines(struct shale_str text)
{
    int64_t n = 0;
    for (size_t i = 0; i < text.n_bytes; i++)
        n += text.data[i] == '\n';
    return n;
}

void files_tag(struct shale_log_add *add)
{
    static const struct shale_log_pair ours = {{SHALE_TAG_FOOTER, sizeof SHALE_TAG_FOOTER - 1},
                                               {"ours", 4}};
    add->tags = &ours;
    add->n_tags = 1;
}

enum shale_status files_write(struct shale_store *store, const char *path, struct shale_str input,
                              struct shale_str lines, int64_t *n_bytes, struct shale_err *err)
{
    struct shale_buf text;
    enum shale_status status;
    shale_buf_init(&text, &shale_mem_libc, MOST_BYTES);
    work_append(&text, SHALE_STR("#"));
    work_append(&text, input);
    work_append(&text, SHALE_STR("\n"));
    work_append(&text, lines);
    *n_bytes = (int64_t)text.n_bytes;
    status = sim_write_file(store, path, shale_buf_str(&text), err);
    shale_buf_fini(&text);
    return status;
}

enum shale_status files_read(struct shale_store *store, struct shale_str path,
                             struct shale_buf *lines, struct shale_err *err)
{
    char key[SHALE_KEY_BYTES];
    const char *end;
    size_t n;
    enum shale_status status;
    (void)snprintf(key, sizeof key, "%.*s", SHALE_STR_ARG(path));
    status = shale_store_read(store, key, lines, err);
    if (status != SHALE_OK || lines->n_bytes == 0 || lines->data[0] != '#')
        return status;
    end = memchr(lines->data, '\n', lines->n_bytes);
    n = (size_t)(end - lines->data) + 1;
    memmove(lines->data, lines->data + n, lines->n_bytes - n);
    lines->n_bytes -= n;
    return SHALE_OK;
}

/* ---- In the place of Parquet ------------------------------------------------------------------
 */

/* The rows of a file as the filter sees them. */
struct rows {
    int64_t events[MOST_BYTES / 1024];
    int32_t days[MOST_BYTES / 1024];
    bool keep[MOST_BYTES / 1024];
    int64_t n;
};

static void read_rows(struct shale_str lines, struct rows *rows)
{
    rows->n = 0;
    for (size_t at = 0; at < lines.n_bytes; rows->n++) {
        char *end = NULL;
        int32_t event = (int32_t)strtol(lines.data + at, &end, 10);
        if (rows->n == MOST_BYTES / 1024)
            abort();
        rows->events[rows->n] = event;
        rows->days[rows->n] = sim_day_of(event);
        rows->keep[rows->n] = true;
        at = (size_t)(end - lines.data) + 1;
    }
}

static enum shale_status ask(const struct shale_rewrite_options *options,
                             const struct shale_log_add *add, struct rows *rows,
                             struct shale_err *err)
{
    struct shale_column columns[4] = {{0}};
    static const bool missing[4];
    const struct shale_rewrite_rows asked = {
        .add = add, .n_rows = rows->n, .columns = columns, .missing = missing};
    for (size_t i = 0; i < options->n_filter_columns; i++)
        columns[i] = shale_str_is(options->filter_columns[i], "event")
                         ? (struct shale_column){.n_rows = rows->n, .data = rows->events}
                         : (struct shale_column){.n_rows = rows->n, .data = rows->days};
    return options->filter(options->filter_ctx, &asked, rows->keep, err);
}

/* The lines that stay behind what 'out' has. */
static enum shale_status filter(struct shale_store *store,
                                const struct shale_rewrite_options *options,
                                const struct shale_log_add *add, struct shale_buf *out,
                                int64_t *n_rows, int64_t *n_gone, struct shale_err *err)
{
    struct rows *rows = malloc(sizeof *rows);
    struct shale_buf lines;
    enum shale_status status;
    if (rows == NULL)
        abort();
    shale_buf_init(&lines, &shale_mem_libc, MOST_BYTES);
    status = files_read(store, add->path, &lines, err);
    rows->n = 0;
    if (status == SHALE_OK) {
        read_rows(shale_buf_str(&lines), rows);
        status = ask(options, add, rows, err);
    }
    *n_rows = rows->n;
    *n_gone = 0;
    for (int64_t i = 0; status == SHALE_OK && i < rows->n; i++) {
        char line[16];
        *n_gone += !rows->keep[i];
        (void)snprintf(line, sizeof line, "%d\n", (int)rows->events[i]);
        if (rows->keep[i] && out != NULL)
            work_append(out, shale_str_of(line));
    }
    shale_buf_fini(&lines);
    free(rows);
    return status;
}

enum shale_status __wrap_shale_rewrite_count(struct shale_store *store,
                                             const struct shale_rewrite_options *options,
                                             const struct shale_log_add *files, size_t n_files,
                                             int64_t *n_gone, struct shale_err *err)
{
    enum shale_status status = SHALE_OK;
    int64_t n_rows;
    for (size_t i = 0; i < n_files && status == SHALE_OK; i++)
        status = filter(store, options, &files[i], NULL, &n_rows, &n_gone[i], err);
    return status;
}

enum shale_status __wrap_shale_rewrite(struct shale_store *store,
                                       const struct shale_rewrite_options *options,
                                       const struct shale_log_add *files, size_t n_files,
                                       struct shale_arena *arena, struct shale_rewritten *out,
                                       struct shale_err *err)
{
    const struct shale_env *env = store->env;
    struct shale_log_add *add = shale_arena_zeroed(arena, 1, sizeof *add);
    char *path = shale_arena_zeroed(arena, 64, 1);
    struct shale_buf lines;
    enum shale_status status = SHALE_OK;
    if (add == NULL || path == NULL)
        abort();
    *out = (struct shale_rewritten){.adds = add};
    shale_buf_init(&lines, &shale_mem_libc, MOST_BYTES);
    for (size_t i = 0; i < n_files && status == SHALE_OK; i++) {
        int64_t n_rows = 0, n_gone = 0;
        status = filter(store, options, &files[i], &lines, &n_rows, &n_gone, err);
        out->rows_in += n_rows;
        out->rows_out += n_rows - n_gone;
    }
    if (status == SHALE_OK && out->rows_out > 0) {
        unsigned long long high = env->random_u64(env->ctx), low = env->random_u64(env->ctx);
        (void)snprintf(path, 64, "part-%016llx%016llx.parquet", high, low);
        *add = (struct shale_log_add){.path = shale_str_of(path),
                                      .modified_ms = env->wall_us(env->ctx) / 1000,
                                      .data_change = options->data_change,
                                      .n_rows = out->rows_out};
        files_tag(add);
        out->n_adds = 1;
        status =
            files_write(store, path, options->input, shale_buf_str(&lines), &add->n_bytes, err);
    }
    shale_buf_fini(&lines);
    return status;
}
