/* SPDX-License-Identifier: MIT */
/* What is asked of a definition: one without its partitions, one for
 * another output, and how a partition is named. */
#include "schema/stream.h"

#include <string.h>

#include "schema/definition_parts.h"

enum shale_status shale_stream_drop_partitions(struct shale_stream *stream)
{
    size_t n = stream->schema.n_columns;
    struct shale_column_def *columns = shale_arena_zeroed(&stream->arena, n, sizeof *columns);
    struct shale_field *fields =
        shale_arena_zeroed(&stream->arena, stream->n_fields, sizeof *fields);
    if (columns == NULL || fields == NULL)
        return SHALE_NOMEM;
    memcpy(columns, stream->schema.columns, n * sizeof *columns);
    for (size_t i = 0; i < n; i++)
        columns[i].partition_only = false;
    memcpy(fields, stream->fields, stream->n_fields * sizeof *fields);
    for (size_t i = 0; i < stream->n_fields; i++)
        fields[i].partition_identity = false;
    stream->schema.columns = columns;
    stream->fields = fields;
    stream->n_partitions = 0;
    return SHALE_OK;
}

bool shale_partition_is_plain(unsigned char byte)
{
    return byte >= 0x80 ||
           (byte > ' ' && byte != 0x7F && strchr("\"#%'*/:=?\\{}[]^", byte) == NULL);
}

static enum shale_status check_for_table(const struct shale_field *field, struct shale_err *err)
{
    const char *instead = shale_def_not_in_table(&field->type);
    const struct shale_str *member = shale_def_not_a_table_name(&field->type);
    char name[SHALE_TYPE_TEXT_BYTES];
    if (instead != NULL)
        return SHALE_ERR(err, definition_table_type, SHALE_DEF_SHOW(field->name),
                         shale_type_text(&field->type, name, sizeof name), instead);
    if (!shale_def_table_name(field->name))
        return SHALE_ERR(err, definition_table_name, SHALE_DEF_SHOW(field->name));
    if (member != NULL)
        return SHALE_ERR(err, definition_table_member, SHALE_DEF_SHOW(field->name),
                         SHALE_DEF_SHOW(*member));
    return SHALE_OK;
}

enum shale_status shale_stream_set_output(struct shale_stream *stream, const char *path,
                                          struct shale_err *err)
{
    enum shale_status status = SHALE_OK;
    size_t n = strlen(path);
    stream->output_path = shale_str_of(path);
    if (!stream->layout_given)
        stream->layout =
            n > 8 && strcmp(path + n - 8, ".parquet") == 0 ? SHALE_OUTPUT_FILE : SHALE_OUTPUT_TABLE;
    if (stream->layout == SHALE_OUTPUT_FILE)
        return stream->seal_after_days > 0 ? SHALE_ERR(err, definition_seal_layout) : SHALE_OK;
    if (stream->table_checked)
        return SHALE_OK;
    for (size_t i = 0; i < stream->n_fields && status == SHALE_OK; i++)
        status = check_for_table(&stream->fields[i], err);
    return status;
}
