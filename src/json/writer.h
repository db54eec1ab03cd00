/* SPDX-License-Identifier: MIT */
/* JSON out, into a buffer: commas and quotes are kept right.  Sticky: the first failure is kept in
 * 'status' and everything after it does nothing. */
#ifndef SHALE_JSON_WRITER_H
#define SHALE_JSON_WRITER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"

struct shale_json_writer {
    struct shale_buf *out;
    enum shale_status status;
    bool need_comma; /* private */
};

void shale_json_writer_init(struct shale_json_writer *writer, struct shale_buf *out);

/* Inside an object each value is preceded by its name. */
void shale_json_put_name(struct shale_json_writer *writer, const char *name);
void shale_json_put_key(struct shale_json_writer *writer, struct shale_str name);
void shale_json_put_begin(struct shale_json_writer *writer, char bracket); /* { or [ */
void shale_json_put_end(struct shale_json_writer *writer, char bracket);   /* } or ] */
/* A string; bytes that are no UTF-8 become U+FFFD. */
void shale_json_put_string(struct shale_json_writer *writer, struct shale_str text);
void shale_json_put_i64(struct shale_json_writer *writer, int64_t value);
/* A name and its number. */
void shale_json_put_number(struct shale_json_writer *writer, const char *name, int64_t value);
/* The shortest text that reads back as the same double; not finite: null. */
void shale_json_put_f64(struct shale_json_writer *writer, double value);
void shale_json_put_bool(struct shale_json_writer *writer, bool value);
void shale_json_put_null(struct shale_json_writer *writer);
/* A value that is JSON already. */
void shale_json_put_raw(struct shale_json_writer *writer, struct shale_str json);

#endif
