/* SPDX-License-Identifier: MIT */
/* What is asked of a definition: one without its partitions, and how a partition is named. */
#include "schema/stream.h"

#include <string.h>

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
