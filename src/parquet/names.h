/* SPDX-License-Identifier: MIT */
/* The format's own names for its numbers, as parquet.thrift spells them; NULL for a number that it
 * does not have. */
#ifndef SHALE_PARQUET_NAMES_H
#define SHALE_PARQUET_NAMES_H

const char *shale_physical_name(int physical);     /* "BYTE_ARRAY" */
const char *shale_repetition_name(int repetition); /* "OPTIONAL" */
const char *shale_converted_name(int converted);   /* "TIMESTAMP_MICROS" */
const char *shale_logical_name(int logical);       /* "TIMESTAMP": the member of the union */
const char *shale_time_unit_name(int unit);        /* "MICROS" */
const char *shale_encoding_name(int encoding);     /* "RLE_DICTIONARY" */
const char *shale_compression_name(int codec);     /* "ZSTD" */
const char *shale_page_type_name(int type);        /* "DATA_PAGE_V2" */

#endif
