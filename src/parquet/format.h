/* SPDX-License-Identifier: MIT */
/* The numbers of parquet-format's parquet.thrift. */
#ifndef SHALE_PARQUET_FORMAT_H
#define SHALE_PARQUET_FORMAT_H

/* Type */
enum shale_physical {
    SHALE_PHYSICAL_BOOLEAN = 0,
    SHALE_PHYSICAL_INT32 = 1,
    SHALE_PHYSICAL_INT64 = 2,
    SHALE_PHYSICAL_INT96 = 3,
    SHALE_PHYSICAL_FLOAT = 4,
    SHALE_PHYSICAL_DOUBLE = 5,
    SHALE_PHYSICAL_BYTE_ARRAY = 6,
    SHALE_PHYSICAL_FIXED = 7, /* FIXED_LEN_BYTE_ARRAY */
};

/* FieldRepetitionType */
enum {
    SHALE_REPETITION_REQUIRED = 0,
    SHALE_REPETITION_OPTIONAL = 1,
    SHALE_REPETITION_REPEATED = 2,
};

/* ConvertedType, and our own "none" */
enum shale_converted {
    SHALE_CONVERTED_NONE = -1,
    SHALE_CONVERTED_UTF8 = 0,
    SHALE_CONVERTED_MAP = 1,
    SHALE_CONVERTED_MAP_KEY_VALUE = 2,
    SHALE_CONVERTED_LIST = 3,
    SHALE_CONVERTED_ENUM = 4,
    SHALE_CONVERTED_DECIMAL = 5,
    SHALE_CONVERTED_DATE = 6,
    SHALE_CONVERTED_TIME_MILLIS = 7,
    SHALE_CONVERTED_TIME_MICROS = 8,
    SHALE_CONVERTED_TIMESTAMP_MILLIS = 9,
    SHALE_CONVERTED_TIMESTAMP_MICROS = 10,
    SHALE_CONVERTED_UINT_8 = 11,
    SHALE_CONVERTED_UINT_16 = 12,
    SHALE_CONVERTED_UINT_32 = 13,
    SHALE_CONVERTED_UINT_64 = 14,
    SHALE_CONVERTED_INT_8 = 15,
    SHALE_CONVERTED_INT_16 = 16,
    SHALE_CONVERTED_INT_32 = 17,
    SHALE_CONVERTED_INT_64 = 18,
    SHALE_CONVERTED_JSON = 19,
    SHALE_CONVERTED_BSON = 20,
    SHALE_CONVERTED_INTERVAL = 21,
};

/* LogicalType: the field id in the union, and our own "none" */
enum shale_logical {
    SHALE_LOGICAL_NONE = 0,
    SHALE_LOGICAL_STRING = 1,
    SHALE_LOGICAL_MAP = 2,
    SHALE_LOGICAL_LIST = 3,
    SHALE_LOGICAL_ENUM = 4,
    SHALE_LOGICAL_DECIMAL = 5,
    SHALE_LOGICAL_DATE = 6,
    SHALE_LOGICAL_TIME = 7,
    SHALE_LOGICAL_TIMESTAMP = 8,
    SHALE_LOGICAL_INTEGER = 10,
    SHALE_LOGICAL_UNKNOWN = 11,
    SHALE_LOGICAL_JSON = 12,
    SHALE_LOGICAL_BSON = 13,
    SHALE_LOGICAL_UUID = 14,
    SHALE_LOGICAL_FLOAT16 = 15,
    SHALE_LOGICAL_VARIANT = 16,
    SHALE_LOGICAL_GEOMETRY = 17,
    SHALE_LOGICAL_GEOGRAPHY = 18,
};

/* TimeUnit: the field id in the union */
enum { SHALE_TIME_UNIT_MILLIS = 1, SHALE_TIME_UNIT_MICROS = 2, SHALE_TIME_UNIT_NANOS = 3 };

/* Encoding */
enum shale_encoding {
    SHALE_ENCODING_PLAIN = 0,
    SHALE_ENCODING_PLAIN_DICTIONARY = 2, /* of old files */
    SHALE_ENCODING_RLE = 3,
    SHALE_ENCODING_BIT_PACKED = 4, /* of old files: levels */
    SHALE_ENCODING_DELTA_BINARY_PACKED = 5,
    SHALE_ENCODING_DELTA_LENGTH_BYTE_ARRAY = 6,
    SHALE_ENCODING_DELTA_BYTE_ARRAY = 7,
    SHALE_ENCODING_RLE_DICTIONARY = 8,
    SHALE_ENCODING_BYTE_STREAM_SPLIT = 9,
};
enum { SHALE_N_ENCODINGS = 10 };

/* PageType */
enum shale_page_type {
    SHALE_PAGE_DATA = 0,
    SHALE_PAGE_INDEX = 1,
    SHALE_PAGE_DICTIONARY = 2,
    SHALE_PAGE_DATA_V2 = 3,
};

/* BoundaryOrder */
enum {
    SHALE_BOUNDARY_UNORDERED = 0,
    SHALE_BOUNDARY_ASCENDING = 1,
    SHALE_BOUNDARY_DESCENDING = 2,
};

/* CompressionCodec */
enum {
    SHALE_COMPRESSION_UNCOMPRESSED = 0,
    SHALE_COMPRESSION_SNAPPY = 1,
    SHALE_COMPRESSION_GZIP = 2,
    SHALE_COMPRESSION_LZO = 3,
    SHALE_COMPRESSION_BROTLI = 4,
    SHALE_COMPRESSION_LZ4 = 5, /* the old one, of two framings */
    SHALE_COMPRESSION_ZSTD = 6,
    SHALE_COMPRESSION_LZ4_RAW = 7,
};

/* Ours: the key of a pair in the footer that names, by its number from 0, a leaf of INT96 with
 * nanoseconds.  Without it our INT96 has whole microseconds, and years beyond 2262. */
#define SHALE_INT96_NS_KEY "shale.int96_ns"

/* Ours: the key of a pair in the footer of a file that grew from another writer's: how many of the
 * first row groups are as that one wrote them, a space, and its created_by. */
#define SHALE_OTHERS_KEY "shale.others"

#endif
