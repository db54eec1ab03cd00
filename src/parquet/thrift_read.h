/* SPDX-License-Identifier: MIT */
/* Private to parquet: reading Thrift's compact protocol (thrift-compact-protocol.md) from bytes
 * that are not trusted.
 *
 *     shale_thrift_reader_init(&t, bytes, n_bytes, file_at);
 *     shale_thrift_open(&t);                          // the outermost struct
 *     while (shale_thrift_field(&t, &field)) {        // false behind the last: it is closed
 *         switch (field.id) {
 *         case 1: n = shale_thrift_read_i64(&t, &field); break;
 *         case 2: shale_thrift_read_struct(&t, &field); ... its fields, in the same way ... break;
 *         default: shale_thrift_skip(&t, &field);     // each field is read or skipped, once
 *         }
 *     }
 *     if (t.problem != NULL) ...
 *
 * Sticky: the first problem ends everything (fields, counts and values are then 0 or empty), so it
 * needs to be looked at only before something is done with what was read.  Nothing is copied: texts
 * point into the bytes. */
#ifndef SHALE_PARQUET_THRIFT_READ_H
#define SHALE_PARQUET_THRIFT_READ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"

/* Structs that are read inside one another; what is skipped may nest deeper. */
enum { SHALE_THRIFT_READ_DEPTH = 16, SHALE_THRIFT_SKIP_DEPTH = 64 };

struct shale_thrift_reader {
    const uint8_t *begin, *at, *end;
    int64_t file_at;     /* of 'begin' in the file */
    const char *problem; /* NULL: none so far */
    bool ended;          /* the problem is that the bytes end */
    int64_t problem_at;  /* file byte */
    unsigned depth;      /* structs that are open */
    int16_t last_id[SHALE_THRIFT_READ_DEPTH];
};

struct shale_thrift_field {
    int16_t id;
    uint8_t type; /* as the field's header has it */
};

void shale_thrift_reader_init(struct shale_thrift_reader *reader, const void *bytes, size_t n_bytes,
                              int64_t file_at);

/* Say that something is wrong with what was just read; a problem that is known stays. */
void shale_thrift_problem(struct shale_thrift_reader *reader, const char *problem);

/* A struct begins here: the outermost one, or an element of a list. */
void shale_thrift_open(struct shale_thrift_reader *reader);

/* The next field of the innermost open struct; false when it has ended or there is a problem. */
bool shale_thrift_field(struct shale_thrift_reader *reader, struct shale_thrift_field *field);

/* The value of a field.  One of another type is passed over, as generated readers do it (a writer
 * gave the number a meaning of its own), and gives false, 0, a text without 'data', or no elements;
 * integers of each width are taken for one another where the value fits. */
bool shale_thrift_read_bool(struct shale_thrift_reader *reader,
                            const struct shale_thrift_field *field);
int32_t shale_thrift_read_i32(struct shale_thrift_reader *reader,
                              const struct shale_thrift_field *field);
int64_t shale_thrift_read_i64(struct shale_thrift_reader *reader,
                              const struct shale_thrift_field *field);
struct shale_str shale_thrift_read_binary(struct shale_thrift_reader *reader,
                                          const struct shale_thrift_field *field);
/* Its fields follow; false: it is none, or a problem. */
bool shale_thrift_read_struct(struct shale_thrift_reader *reader,
                              const struct shale_thrift_field *field);

enum shale_thrift_elements {
    SHALE_THRIFT_BOOLS,
    SHALE_THRIFT_INTEGERS,
    SHALE_THRIFT_BINARIES,
    SHALE_THRIFT_STRUCTS,
};

/* A list begins: how many elements it has, at most as many as bytes are left.  Each is read by one
 * of the next, or by shale_thrift_open() and its fields. */
size_t shale_thrift_read_list(struct shale_thrift_reader *reader,
                              const struct shale_thrift_field *field,
                              enum shale_thrift_elements elements);
bool shale_thrift_element_read_bool(struct shale_thrift_reader *reader);
int64_t shale_thrift_element_read_i64(struct shale_thrift_reader *reader);
struct shale_str shale_thrift_element_read_binary(struct shale_thrift_reader *reader);

/* Pass over a field of any type. */
void shale_thrift_skip(struct shale_thrift_reader *reader, const struct shale_thrift_field *field);

/* SHALE_OK, or SHALE_CORRUPT with the problem and its byte; 'what' was read ("the footer"). */
SHALE_MUST_USE enum shale_status
shale_thrift_reader_status(const struct shale_thrift_reader *reader, const char *what,
                           struct shale_err *err);

#endif
