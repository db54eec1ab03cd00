/* SPDX-License-Identifier: MIT */
/* Copy the rows of a Parquet file that have a value, into a new Parquet file:
 *
 *     copy IN.parquet OUT.parquet [COLUMN VALUE]
 *
 *     cc -o copy copy.c $(pkg-config --cflags --libs shale) */
#include <shale/shale.h>

#include <inttypes.h>
#include <stdio.h>

static int fail(const struct shale_failure *failure)
{
    fprintf(stderr, "copy: %s (%s)\n", failure->message, failure->name);
    return 1;
}

/* All batches of 'rows' into 'out'; the number of rows, or -1. */
static int64_t copy_rows(struct ArrowArrayStream *rows, struct shale_write *out,
                         struct shale_failure *failure)
{
    int64_t n_rows = 0;
    for (;;) {
        struct ArrowArray batch;
        enum shale_status status;
        if (rows->get_next(rows, &batch) != 0) {
            snprintf(failure->message, sizeof failure->message, "%s", rows->get_last_error(rows));
            return -1;
        }
        if (batch.release == NULL) /* the end */
            return n_rows;
        n_rows += batch.length;
        status = shale_write_rows(out, &batch, failure);
        batch.release(&batch);
        if (status != SHALE_OK)
            return -1;
    }
}

static int copy(struct shale_read *in, const char *to, const struct shale_read_rows_options *which)
{
    struct shale_failure failure = {.size = sizeof failure};
    struct shale_write_options options = {.size = sizeof options, .compression = "zstd:3"};
    struct ArrowSchema schema = {.release = NULL};
    struct ArrowArrayStream rows = {.release = NULL};
    struct shale_write *out = NULL;
    int64_t n_rows = -1;
    if (shale_read_schema(in, &schema, &failure) == SHALE_OK &&
        shale_read_rows(in, which, &rows, &failure) == SHALE_OK &&
        shale_write_open(to, &schema, &options, &out, &failure) == SHALE_OK)
        n_rows = copy_rows(&rows, out, &failure);
    if (n_rows >= 0 && shale_write_finish(out, &failure) != SHALE_OK)
        n_rows = -1;
    shale_write_free(out); /* without finish() nothing is left of the file */
    if (rows.release != NULL)
        rows.release(&rows);
    if (schema.release != NULL)
        schema.release(&schema);
    if (n_rows < 0)
        return fail(&failure);
    printf("%" PRId64 " of %" PRId64 " rows\n", n_rows, shale_read_n_rows(in));
    return 0;
}

int main(int argc, char **argv)
{
    struct shale_failure failure = {.size = sizeof failure};
    struct shale_read_condition condition = {NULL, NULL};
    struct shale_read_rows_options which = {.size = sizeof which, .where = &condition};
    struct shale_read *in;
    int code;
    if (argc != 3 && argc != 5) {
        fprintf(stderr, "usage: copy IN.parquet OUT.parquet [COLUMN VALUE]\n");
        return 2;
    }
    if (argc == 5) {
        condition.column = argv[3];
        condition.value = argv[4];
        which.n_where = 1;
    }
    if (shale_read_open(argv[1], NULL, &in, &failure) != SHALE_OK)
        return fail(&failure);
    code = copy(in, argv[2], &which);
    shale_read_free(in);
    return code;
}
