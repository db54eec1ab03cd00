/* SPDX-License-Identifier: MIT */
/* Private to parquet: writing Thrift's compact protocol (thrift-compact-protocol.md) into a buffer.
 *
 * Sticky: the first failure of the buffer is kept in 'status' and ends all writing.  Fields of a
 * struct are written in the order of their ids.
 *
 *     shale_thrift_init(&t, &buf);
 *     shale_thrift_i32(&t, 1, 17);
 *     shale_thrift_struct(&t, 2);         // a struct as field 2 ...
 *     shale_thrift_bool(&t, 1, true);
 *     shale_thrift_end(&t);               // ... ends
 *     shale_thrift_end(&t);               // the outermost struct ends */
#ifndef SHALE_PARQUET_THRIFT_H
#define SHALE_PARQUET_THRIFT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/str.h"

enum shale_thrift_type {
    SHALE_THRIFT_BOOL = 1, /* of a list's elements */
    SHALE_THRIFT_I32 = 5,
    SHALE_THRIFT_I64 = 6,
    SHALE_THRIFT_BINARY = 8,
    SHALE_THRIFT_STRUCT = 12,
};

enum { SHALE_THRIFT_DEPTH = 12 }; /* Parquet's footer nests 6 deep */

struct shale_thrift {
    struct shale_buf *out;
    enum shale_status status;
    unsigned depth;
    int16_t last_id[SHALE_THRIFT_DEPTH]; /* of each open struct, for the delta of the next id */
};

void shale_thrift_init(struct shale_thrift *thrift, struct shale_buf *out);

/* Fields of the struct that is open. */
void shale_thrift_bool(struct shale_thrift *thrift, int16_t id, bool value);
void shale_thrift_i8(struct shale_thrift *thrift, int16_t id, int8_t value);
void shale_thrift_i16(struct shale_thrift *thrift, int16_t id, int16_t value);
void shale_thrift_i32(struct shale_thrift *thrift, int16_t id, int32_t value);
void shale_thrift_i64(struct shale_thrift *thrift, int16_t id, int64_t value);
void shale_thrift_binary(struct shale_thrift *thrift, int16_t id, struct shale_str value);
void shale_thrift_struct(struct shale_thrift *thrift, int16_t id);

/* A list of 'n' elements follows, each by one of the next few; it has no end of its own. */
void shale_thrift_list(struct shale_thrift *thrift, int16_t id, enum shale_thrift_type type,
                       size_t n);
void shale_thrift_element_bool(struct shale_thrift *thrift, bool value);
void shale_thrift_element_i32(struct shale_thrift *thrift, int32_t value);
void shale_thrift_element_i64(struct shale_thrift *thrift, int64_t value);
void shale_thrift_element_binary(struct shale_thrift *thrift, struct shale_str value);
void shale_thrift_element_struct(struct shale_thrift *thrift); /* until its end */

/* The struct that is open ends. */
void shale_thrift_end(struct shale_thrift *thrift);

/* The fields up to 'id' of the open struct are written, as raw bytes. */
void shale_thrift_resume(struct shale_thrift *thrift, int16_t id);

/* Bytes that were written elsewhere by the same protocol. */
void shale_thrift_raw(struct shale_thrift *thrift, const void *data, size_t n_bytes);

#endif
