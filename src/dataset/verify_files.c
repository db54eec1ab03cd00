/* SPDX-License-Identifier: MIT */
/* The files that the log names: there, whole, and as it says. */
#include <stdio.h>

#include "base/printable.h"
#include "dataset/footer_hash.h"
#include "dataset/verify_parts.h"
#include "schema/type_text.h"

enum { NAME_BYTES = 200 };

static const struct shale_column_def *find_column(const struct shale_schema *schema,
                                                  struct shale_str name)
{
    for (size_t i = 0; i < schema->n_columns; i++)
        if (shale_str_equal(schema->columns[i].name, name))
            return &schema->columns[i];
    return NULL;
}

/* Can readers of the table take values of 'in_file' for those of 'in_table'?  Types of the same
 * layout differ in what they are called (json, string), which Delta does not say. */
static bool types_agree(const struct shale_type *in_table, const struct shale_type *in_file)
{
    if (shale_type_layout(in_table) != shale_type_layout(in_file) ||
        (in_table->kind == SHALE_DECIMAL &&
         (in_file->kind != SHALE_DECIMAL || in_table->scale != in_file->scale)))
        return false;
    if (in_table->kind == SHALE_STRUCT) /* members may have come later */
        return true;
    if (in_table->n_members != in_file->n_members)
        return false;
    for (size_t i = 0; i < in_table->n_members; i++)
        if (!types_agree(&in_table->members[i].type, &in_file->members[i].type))
            return false;
    return true;
}

static void compare_schema(struct shale_verify *verify, const char *path, bool is_ours,
                           const struct shale_schema *file)
{
    for (size_t i = 0; i < file->n_columns; i++) {
        const struct shale_column_def *column = &file->columns[i];
        const struct shale_column_def *found = find_column(&verify->state->schema, column->name);
        char name[NAME_BYTES], in_file[SHALE_TYPE_TEXT_BYTES], in_table[SHALE_TYPE_TEXT_BYTES];
        struct shale_err err;
        if (found != NULL ? types_agree(&found->type, &column->type) : !is_ours)
            continue; /* others have columns besides: of change data */
        shale_err_clear(&err);
        (void)shale_printable(column->name, name, sizeof name);
        (void)shale_type_text(&column->type, in_file, sizeof in_file);
        if (found == NULL)
            (void)SHALE_ERR(&err, verify_column_missing, name);
        else
            (void)SHALE_ERR(&err, verify_column_type, name, in_file,
                            shale_type_text(&found->type, in_table, sizeof in_table));
        shale_verify_found(verify, &err, path, !is_ours);
    }
}

static struct shale_str tag_of(const struct shale_log_add *add, const char *key)
{
    for (size_t i = 0; i < add->n_tags; i++)
        if (shale_str_is(add->tags[i].key, key))
            return add->tags[i].value;
    return SHALE_STR("");
}

static void compare_rows(struct shale_verify *verify, const char *path,
                         const struct shale_log_add *add, int64_t n_rows)
{
    struct shale_err err;
    if (add->n_rows < 0 || add->n_rows == n_rows)
        return;
    shale_err_clear(&err);
    (void)SHALE_ERR(&err, verify_rows, (long long)add->n_rows, (long long)n_rows);
    shale_verify_found(verify, &err, path, false);
}

static enum shale_status verify_file(struct shale_verify *verify, const struct shale_log_add *add)
{
    char path[SHALE_KEY_BYTES + 1];
    struct shale_str footer_hash = tag_of(add, SHALE_TAG_FOOTER);
    bool is_ours = footer_hash.n_bytes > 0;
    struct shale_verify_parquet parquet;
    int64_t n_rows = add->n_rows > 0 ? add->n_rows : 0;
    enum shale_status status;
    (void)snprintf(path, sizeof path, "%.*s", (int)add->path.n_bytes, add->path.data);
    status = shale_verify_parquet(verify, path, add->n_bytes, footer_hash, &parquet);
    if (status == SHALE_OK && parquet.reader != NULL) {
        const struct shale_file *file = shale_reader_file(parquet.reader);
        n_rows = file->n_rows;
        compare_rows(verify, path, add, n_rows);
        compare_schema(verify, path, is_ours, &file->schema);
        if (parquet.checked != NULL)
            status = shale_verify_stats(verify, path, add, is_ours, &parquet);
    }
    shale_verify_parquet_end(&parquet);
    verify->out->n_files++;
    verify->out->n_bytes += add->n_bytes;
    verify->out->n_rows += n_rows;
    verify->out->n_own_files += is_ours;
    verify->out->n_own_rows += is_ours ? n_rows : 0;
    return status;
}

static enum shale_status take_file(struct shale_verify *verify, const struct shale_log_add *add)
{
    struct shale_err err;
    if (shale_name_set_put(&verify->named, add->path) != SHALE_OK)
        return SHALE_ERR(verify->err, no_memory);
    if (add->path.n_bytes <= SHALE_KEY_BYTES)
        return verify_file(verify, add);
    shale_err_clear(&err);
    (void)SHALE_ERR(&err, verify_path);
    shale_verify_found(verify, &err, NULL, false);
    return SHALE_OK;
}

enum shale_status shale_verify_files(struct shale_verify *verify)
{
    struct shale_log_files *files = NULL;
    const struct shale_log_add *add = NULL;
    struct shale_err err;
    enum shale_status status, taken = SHALE_OK;
    shale_err_clear(&err);
    status = shale_log_files_new(verify->store, verify->state, &files, &err);
    while (status == SHALE_OK && taken == SHALE_OK) {
        status = shale_log_files_next(files, &add, &err);
        if (status != SHALE_OK || add == NULL)
            break;
        taken = take_file(verify, add);
        if (taken == SHALE_OK)
            taken = shale_verify_go_on(verify);
    }
    shale_log_files_free(files);
    return taken != SHALE_OK ? taken : shale_verify_failed(verify, status, &err, NULL);
}
