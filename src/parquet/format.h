/* SPDX-License-Identifier: MIT */
/* Private to parquet: the numbers of parquet-format's parquet.thrift that we write. */
#ifndef SHALE_PARQUET_FORMAT_H
#define SHALE_PARQUET_FORMAT_H

/* Type */
enum shale_physical {
    SHALE_PHYSICAL_BOOLEAN = 0,
    SHALE_PHYSICAL_INT32 = 1,
    SHALE_PHYSICAL_INT64 = 2,
    SHALE_PHYSICAL_INT96 = 3,
    SHALE_PHYSICAL_DOUBLE = 5,
    SHALE_PHYSICAL_BYTE_ARRAY = 6,
    SHALE_PHYSICAL_FIXED = 7, /* FIXED_LEN_BYTE_ARRAY */
};

/* FieldRepetitionType */
enum { SHALE_REPETITION_OPTIONAL = 1, SHALE_REPETITION_REPEATED = 2 };

/* ConvertedType, and our own "none" */
enum shale_converted {
    SHALE_CONVERTED_NONE = -1,
    SHALE_CONVERTED_UTF8 = 0,
    SHALE_CONVERTED_LIST = 3,
    SHALE_CONVERTED_DECIMAL = 5,
    SHALE_CONVERTED_DATE = 6,
    SHALE_CONVERTED_TIME_MICROS = 8,
    SHALE_CONVERTED_TIMESTAMP_MILLIS = 9,
    SHALE_CONVERTED_TIMESTAMP_MICROS = 10,
    SHALE_CONVERTED_JSON = 19,
};

/* LogicalType: the field id in the union, and our own "none" */
enum shale_logical {
    SHALE_LOGICAL_NONE = 0,
    SHALE_LOGICAL_STRING = 1,
    SHALE_LOGICAL_LIST = 3,
    SHALE_LOGICAL_DECIMAL = 5,
    SHALE_LOGICAL_DATE = 6,
    SHALE_LOGICAL_TIME = 7,
    SHALE_LOGICAL_TIMESTAMP = 8,
    SHALE_LOGICAL_JSON = 12,
    SHALE_LOGICAL_UUID = 14,
};

/* TimeUnit: the field id in the union */
enum { SHALE_TIME_UNIT_MILLIS = 1, SHALE_TIME_UNIT_MICROS = 2, SHALE_TIME_UNIT_NANOS = 3 };

/* Encoding */
enum shale_encoding {
    SHALE_ENCODING_PLAIN = 0,
    SHALE_ENCODING_RLE = 3,
    SHALE_ENCODING_RLE_DICTIONARY = 8,
};

/* PageType */
enum shale_page_type { SHALE_PAGE_DATA = 0, SHALE_PAGE_DICTIONARY = 2 };

/* CompressionCodec */
enum {
    SHALE_COMPRESSION_UNCOMPRESSED = 0,
    SHALE_COMPRESSION_SNAPPY = 1,
    SHALE_COMPRESSION_GZIP = 2,
    SHALE_COMPRESSION_ZSTD = 6,
};

#endif
