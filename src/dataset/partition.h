/* SPDX-License-Identifier: MIT */
/* Which partition does a row belong to?  Reads a builder's columns, after the rows are in.
 * A partition's name is its directory: "year=2024/month=2", values percent-encoded where a path or
 * a reader would misread them, null as __HIVE_DEFAULT_PARTITION__; "" without partitions. */
#ifndef SHALE_DATASET_PARTITION_H
#define SHALE_DATASET_PARTITION_H

#include "columns/builder.h"
#include "schema/stream.h"

struct shale_partitioner;

/* 'stream' is borrowed.  One thread at a time. */
SHALE_MUST_USE enum shale_status shale_partitioner_new(const struct shale_mem *mem,
                                                       const struct shale_stream *stream,
                                                       struct shale_partitioner **out);
void shale_partitioner_free(struct shale_partitioner *partitioner);

/* Number the partitions of the builder's rows in the order of their first rows.  '*part_of_row' is
 * NULL when all rows are in one.  What is set stays good until the next call.
 * Returns SHALE_OK or SHALE_NOMEM. */
SHALE_MUST_USE enum shale_status shale_partition_rows(struct shale_partitioner *partitioner,
                                                      const struct shale_builder *builder,
                                                      const uint32_t **part_of_row,
                                                      const struct shale_str **names,
                                                      uint32_t *n_parts);

/* The year, month, day or hour, as 'how' says, of a DATE's or TIMESTAMP's value in 'row'. */
int64_t shale_partition_value(enum shale_transform how, const struct shale_type *type,
                              const struct shale_column *column, int64_t row);

#endif
