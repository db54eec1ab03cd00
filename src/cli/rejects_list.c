/* SPDX-License-Identifier: MIT */
/* 'shale rejects list': the rows, or how many there are of each kind. */
#include <stdlib.h>
#include <string.h>

#include "cli/cat.h"
#include "cli/rejects.h"
#include "schema/definition.h"

enum { MOST_KINDS = 100000, MOST_KIND_BYTES = 1 << 28 };

/* One rule and field, with the first reject of it. */
struct kind {
    struct shale_str rule, field, message, object;
    int64_t n, record;
};

struct listing {
    struct terminal *terminal;
    const struct options *options;
    struct rejects_choice choice;
    enum cat_format format;
    struct cat_output *output;
    const size_t *shown; /* columns of the rejects */
    size_t n_shown;
    struct shale_column_def defs[SHALE_REJECTS_COLUMNS]; /* of these */
    int64_t to_show;                                     /* -1: all */
    bool closed;
    struct shale_arena arena; /* of the kinds */
    struct kind *kinds;
    size_t n_kinds, capacity;
};

/* ---- Rows -------------------------------------------------------------------------------------
 */

static enum shale_status begin_rows(struct listing *listing, struct shale_err *err)
{
    static const size_t all[] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11};
    static const size_t of_table[] = {5, 4, 0,
                                      1, 6, 7}; /* rule field object record message event */
    bool is_table = listing->format == CAT_TABLE;
    listing->shown = is_table ? of_table : all;
    listing->n_shown = is_table ? sizeof of_table / sizeof of_table[0] : sizeof all / sizeof all[0];
    for (size_t i = 0; i < listing->n_shown; i++)
        listing->defs[i] = shale_rejects_schema.columns[listing->shown[i]];
    return cat_output_new(listing->format, listing->defs, listing->n_shown, &listing->output) ==
                   SHALE_OK
               ? SHALE_OK
               : SHALE_ERR(err, no_memory);
}

static enum shale_status show_row(struct listing *listing, const struct shale_rejects_row *row,
                                  struct shale_err *err)
{
    struct shale_column columns[SHALE_REJECTS_COLUMNS];
    for (size_t i = 0; i < listing->n_shown; i++)
        columns[i] = row->columns[listing->shown[i]];
    listing->to_show -= listing->to_show > 0;
    return cat_output_row(listing->output, columns, row->index, &listing->closed, err);
}

/* ---- Kinds ------------------------------------------------------------------------------------
 */

static bool is_kind(const struct kind *kind, const struct shale_rejects_row *row)
{
    return shale_str_equal(kind->rule, row->rule) && shale_str_equal(kind->field, row->field);
}

/* The last one that was counted is looked at first: rejects come in runs. */
static struct kind *find_kind(struct listing *listing, const struct shale_rejects_row *row)
{
    for (size_t i = listing->n_kinds; i > 0; i--)
        if (is_kind(&listing->kinds[i - 1], row)) {
            struct kind found = listing->kinds[i - 1];
            memmove(&listing->kinds[i - 1], &listing->kinds[i],
                    (listing->n_kinds - i) * sizeof found);
            listing->kinds[listing->n_kinds - 1] = found;
            return &listing->kinds[listing->n_kinds - 1];
        }
    return NULL;
}

static bool copy(struct listing *listing, struct shale_str text, struct shale_str *out)
{
    out->data = shale_arena_copy(&listing->arena, text);
    out->n_bytes = text.n_bytes;
    return out->data != NULL;
}

static enum shale_status count_row(struct listing *listing, const struct shale_rejects_row *row,
                                   struct shale_err *err)
{
    struct kind *kind = find_kind(listing, row);
    if (kind != NULL) {
        kind->n++;
        return SHALE_OK;
    }
    if (listing->n_kinds == MOST_KINDS)
        return SHALE_ERR(err, rejects_kinds, MOST_KINDS);
    if (listing->n_kinds == listing->capacity) {
        size_t capacity = listing->capacity == 0 ? 64 : 2 * listing->capacity;
        struct kind *kinds =
            shale_mem_resize(&shale_mem_libc, listing->kinds, capacity, sizeof *kinds);
        if (kinds == NULL)
            return SHALE_ERR(err, no_memory);
        listing->kinds = kinds;
        listing->capacity = capacity;
    }
    kind = &listing->kinds[listing->n_kinds];
    *kind = (struct kind){.n = 1, .record = row->record};
    if (!copy(listing, row->rule, &kind->rule) || !copy(listing, row->field, &kind->field) ||
        !copy(listing, row->message, &kind->message) || !copy(listing, row->object, &kind->object))
        return SHALE_ERR(err, no_memory);
    listing->n_kinds++;
    return SHALE_OK;
}

static int compare_kinds(const void *a, const void *b)
{
    const struct kind *x = a, *y = b;
    int order = x->n == y->n ? 0 : x->n > y->n ? -1 : 1;
    if (order == 0)
        order = shale_str_compare(x->rule, y->rule);
    return order != 0 ? order : shale_str_compare(x->field, y->field);
}

#define COLUMN(text, type_kind)                                                                    \
    {                                                                                              \
        .name = {text, sizeof(text) - 1}, .type = {.kind = (type_kind) }                           \
    }
static const struct shale_column_def kind_columns[] = {
    COLUMN("rule", SHALE_STRING),   COLUMN("field", SHALE_STRING), COLUMN("rejects", SHALE_INT64),
    COLUMN("object", SHALE_STRING), COLUMN("record", SHALE_INT64), COLUMN("message", SHALE_STRING),
};
#undef COLUMN
enum { N_KIND_COLUMNS = sizeof kind_columns / sizeof kind_columns[0] };

static enum shale_status append_kind(struct shale_builder *builder, const struct kind *kind)
{
    shale_builder_bytes(builder, 0, kind->rule);
    if (kind->field.n_bytes > 0)
        shale_builder_bytes(builder, 1, kind->field);
    else
        shale_builder_null(builder, 1);
    shale_builder_i64(builder, 2, kind->n);
    shale_builder_bytes(builder, 3, kind->object);
    if (kind->record >= 0)
        shale_builder_i64(builder, 4, kind->record);
    else
        shale_builder_null(builder, 4);
    shale_builder_bytes(builder, 5, kind->message);
    return shale_builder_row(builder);
}

static enum shale_status show_kinds(struct listing *listing, struct shale_err *err)
{
    static const struct shale_schema schema = {kind_columns, N_KIND_COLUMNS};
    struct shale_column columns[N_KIND_COLUMNS];
    struct shale_builder *builder;
    enum shale_status status = shale_builder_new(&shale_mem_libc, &schema, &builder);
    if (status != SHALE_OK)
        return SHALE_ERR(err, no_memory);
    if (listing->n_kinds > 1)
        qsort(listing->kinds, listing->n_kinds, sizeof *listing->kinds, compare_kinds);
    for (size_t i = 0; i < listing->n_kinds && status == SHALE_OK; i++)
        status = append_kind(builder, &listing->kinds[i]);
    if (status == SHALE_OK)
        status = cat_output_new(listing->format, kind_columns, N_KIND_COLUMNS, &listing->output);
    if (status != SHALE_OK)
        status = SHALE_ERR(err, no_memory);
    for (size_t i = 0; i < N_KIND_COLUMNS; i++)
        shale_builder_column(builder, i, &columns[i]);
    for (size_t i = 0; i < listing->n_kinds && status == SHALE_OK && !listing->closed; i++) {
        if (listing->to_show >= 0 && (int64_t)i >= listing->to_show)
            break;
        status = cat_output_row(listing->output, columns, (int64_t)i, &listing->closed, err);
    }
    if (status == SHALE_OK && !listing->closed)
        status = cat_output_finish(listing->output, &listing->closed, err);
    shale_builder_free(builder);
    return status;
}

/* ---- All of them ------------------------------------------------------------------------------
 */

static enum shale_status list_segment(struct listing *listing, struct shale_store *store,
                                      const struct shale_segment *segment, struct shale_err *err)
{
    const struct rejects_choice *choice = &listing->choice;
    const struct shale_rejects_read_options options = {
        .memory_bytes = (size_t)listing->options->memory_bytes,
        .n_rows = segment->n_rows,
        .rule = choice->n_rules == 1 ? shale_str_of(choice->rules[0]) : SHALE_STR(""),
        .field = choice->field != NULL ? shale_str_of(choice->field) : SHALE_STR(""),
        .columns = listing->options->counts ? SHALE_REJECTS_NO_EVENTS : SHALE_REJECTS_ALL};
    struct shale_rejects_reader *reader;
    const struct shale_rejects_row *row;
    enum shale_status status = shale_rejects_open(store, segment->path, &options, &reader, err);
    while (status == SHALE_OK && !listing->closed &&
           (listing->to_show != 0 || listing->options->counts)) {
        if (listing->terminal->env.cancelled(listing->terminal->env.ctx))
            status = SHALE_ERR(err, interrupted);
        else
            status = shale_rejects_next(reader, &row, err);
        if (status != SHALE_OK || row == NULL)
            break;
        if (rejects_choice_takes(choice, row))
            status = listing->options->counts ? count_row(listing, row, err)
                                              : show_row(listing, row, err);
    }
    shale_rejects_close(reader);
    return status;
}

static enum shale_status list_all(struct listing *listing, struct shale_err *err)
{
    struct rejects_files files;
    enum shale_status status =
        rejects_files_open(&files, listing->terminal, listing->options->names[0], err);
    if (status == SHALE_OK && !listing->options->counts)
        status = begin_rows(listing, err);
    for (size_t i = 0; i < files.n_segments && status == SHALE_OK && !listing->closed; i++)
        status = list_segment(listing, files.store, &files.segments[i], err);
    if (status == SHALE_OK && listing->options->counts) {
        status = show_kinds(listing, err);
    } else if (listing->output != NULL && !listing->closed) {
        struct shale_err *where = status == SHALE_OK ? err : NULL; /* the first failure counts */
        enum shale_status finished = cat_output_finish(listing->output, &listing->closed, where);
        status = status == SHALE_OK ? finished : status;
    }
    rejects_files_close(&files);
    return status;
}

static enum shale_status choose(const struct options *options, const struct shale_stream *stream,
                                struct rejects_choice *out, struct shale_err *err)
{
    struct shale_run_options dates = {0};
    enum shale_status status = options_dates(options, &dates, err);
    *out = (struct rejects_choice){.rules = options->rules,
                                   .n_rules = options->n_rules,
                                   .field = options->field,
                                   .object = options->object,
                                   .has_dates = dates.has_dates,
                                   .first_day = dates.first_day,
                                   .last_day = dates.last_day,
                                   .stream = stream};
    return status;
}

static enum shale_status list_with(struct terminal *terminal, const struct options *options,
                                   struct shale_err *err)
{
    struct listing listing = {.terminal = terminal, .options = options, .to_show = options->limit};
    struct shale_stream *stream = NULL;
    enum shale_status status = cat_choose_format(options->format, &listing.format, err);
    if (status != SHALE_OK)
        return status;
    if (options->n_names != 1)
        return SHALE_ERR(err, names_missing, "rejects list", "one table or Parquet file");
    if (options->stream != NULL) {
        stream = read_stream(terminal, options->stream, &status);
        if (stream == NULL)
            return SHALE_ERR(err, rejects_stream, options->stream);
    }
    status = choose(options, stream, &listing.choice, err);
    shale_arena_init(&listing.arena, &shale_mem_libc, MOST_KIND_BYTES);
    if (status == SHALE_OK)
        status = list_all(&listing, err);
    cat_output_free(listing.output);
    shale_mem_free(&shale_mem_libc, listing.kinds);
    shale_arena_fini(&listing.arena);
    shale_stream_free(stream);
    return status;
}

int rejects_list(struct terminal *terminal, int argc, char **argv)
{
    static const char *const allowed[] = {"format",    "rule",    "field",  "object",
                                          "from-date", "to-date", "counts", "limit",
                                          "stream",    "memory",  NULL};
    struct options options;
    struct shale_err err;
    int code = 2;
    shale_err_clear(&err);
    if (options_parse(terminal, "rejects list", allowed, argc, argv, &options)) {
        enum shale_status status = list_with(terminal, &options, &err);
        if (status != SHALE_OK)
            terminal_error(terminal, &err);
        code = shale_status_exit_code(status);
    }
    options_free(&options);
    return code;
}
