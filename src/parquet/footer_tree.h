/* SPDX-License-Identifier: MIT */
/* Private to parquet: a schema as the footer's list of elements (parquet.thrift, SchemaElement). */
#ifndef SHALE_PARQUET_FOOTER_TREE_H
#define SHALE_PARQUET_FOOTER_TREE_H

#include "parquet/thrift.h"
#include "schema/type.h"

/* Append field 2 of FileMetaData: the root, then all columns that are not partition_only. */
void shale_footer_tree(struct shale_thrift *thrift, const struct shale_schema *schema);

#endif
