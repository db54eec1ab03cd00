/* SPDX-License-Identifier: MIT */
/* The part of an object's text that is in memory: all of it, or a window that moves along a stream.
 * Private to this folder. */
#ifndef SHALE_ENVELOPE_WINDOW_H
#define SHALE_ENVELOPE_WINDOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/io.h"
#include "base/mem.h"

struct shale_window {
    const struct shale_mem *mem;
    struct shale_source *source; /* borrowed; NULL: the text was in memory */
    const char *text;            /* SHALE_JSON_PADDING readable bytes behind it */
    size_t n_bytes;
    int64_t base;       /* byte of the object where 'text' begins */
    bool last;          /* the object ends with it */
    size_t least_bytes; /* held of a stream that has them: SHALE_WINDOW_BYTES, less for tests that
                         * want to see it move; a name on the path to the records must fit */
    char *data;         /* owned: the text of a stream */
    size_t capacity;
};

void shale_window_init(struct shale_window *window, const struct shale_mem *mem);
void shale_window_fini(struct shale_window *window);

/* A text in memory that begins at byte 'base' of its object. */
void shale_window_text(struct shale_window *window, const char *text, size_t n_bytes, int64_t base);

/* A stream, nothing of which has been read.  A buffer that an earlier stream made large goes. */
void shale_window_stream(struct shale_window *window, struct shale_source *source);

/* Forget what is before byte 'from' of the window (which becomes byte 0) and fill it to 'n_wanted'
 * bytes, at least least_bytes + 1, or to the end.  Only when it is not the last.
 * Returns SHALE_OK, SHALE_NOMEM or the source's failure. */
SHALE_MUST_USE enum shale_status shale_window_slide(struct shale_window *window, size_t from,
                                                    size_t n_wanted, struct shale_err *err);

/* The first byte at or behind 'at' that is no white space of JSON, or 'end'. */
size_t shale_skip_white(const char *text, size_t at, size_t end);

/* The bytes of the byte-order mark that 'text' begins with: 0 or 3. */
size_t shale_bom_bytes(const char *text, size_t n_bytes);

#endif
