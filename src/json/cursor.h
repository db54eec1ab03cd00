/* SPDX-License-Identifier: MIT */
/* A cursor over JSON text: hands out one token after the other and checks the grammar of RFC 8259
 * as it goes, nesting limited to SHALE_JSON_MAX_DEPTH.  No tree, no recursion: the state is a bit
 * a level.  One thread at a time.
 *
 *     enum shale_json_step step = shale_json_next(&cursor, &item);   // e.g. OBJECT
 *     while ((step = shale_json_next(&cursor, &item)) == SHALE_JSON_NAME) {
 *         name = shale_json_text(&cursor, &item);
 *         step = shale_json_next(&cursor, &item);                    // the member's value
 *         step = shale_json_skip(&cursor, &item);                    // ... passed over whole
 *     }                                                              // OBJECT_END
 *
 * Values that are skipped are checked by the same grammar as values that are read. */
#ifndef SHALE_JSON_CURSOR_H
#define SHALE_JSON_CURSOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"
#include "json/index.h"

enum { SHALE_JSON_MAX_DEPTH = 1024 };

enum shale_json_step {
    SHALE_JSON_OBJECT,     /* { */
    SHALE_JSON_OBJECT_END, /* } */
    SHALE_JSON_ARRAY,      /* [ */
    SHALE_JSON_ARRAY_END,  /* ] */
    SHALE_JSON_NAME,       /* of a member; its value is next */
    SHALE_JSON_STRING,
    SHALE_JSON_NUMBER,
    SHALE_JSON_TRUE,
    SHALE_JSON_FALSE,
    SHALE_JSON_NULL,
    SHALE_JSON_END,   /* outside all values: the text has ended (only white space was left) */
    SHALE_JSON_MORE,  /* the window ends before the token does (only when it is not the last) */
    SHALE_JSON_ERROR, /* cursor.error and cursor.error_at say what and where; stays so */
};

/* Where a token stands in the window.  Strings and names without their quotes. */
struct shale_json_item {
    uint32_t begin, end; /* bytes [begin, end) of the window */
    bool escaped;        /* strings and names: there is a backslash in it */
};

struct shale_json_cursor {
    struct shale_json_index index; /* owned */
    size_t next;                   /* the index entry to be read next */
    size_t depth;                  /* open objects and arrays */
    size_t used;                   /* private: the bytes before it belong to tokens handed out */
    uint8_t expect;                /* private: what the grammar allows next */
    bool half;                     /* private: stands inside a string that pass() has begun */
    uint64_t is_object[SHALE_JSON_MAX_DEPTH / 64]; /* bit per open level */
    enum shale_error error; /* of SHALE_JSON_ERROR: json_syntax, json_utf8, ... */
    size_t error_at;        /* byte of the window */
    const char *expected;   /* private: words for the message */
};

SHALE_MUST_USE enum shale_status shale_json_cursor_init(struct shale_json_cursor *cursor,
                                                        const struct shale_mem *mem);
void shale_json_cursor_fini(struct shale_json_cursor *cursor);

/* Stand before a value that begins at or behind byte 'from' of a window (see
 * shale_json_index_begin()).  Values may follow one another, as long as the caller goes on asking:
 * between two of them any white space will do, also none. */
void shale_json_begin(struct shale_json_cursor *cursor, const char *text, size_t n_bytes,
                      size_t from, bool last);

/* The next token.  MORE consumes nothing, but the cursor must then be begun again, on a window
 * that holds more. */
enum shale_json_step shale_json_next(struct shale_json_cursor *cursor,
                                     struct shale_json_item *item);

/* Pass over the value whose first token 'item' was just returned by shale_json_next() as 'step';
 * item->end becomes the end of the whole value (behind its bracket; a string's stays before its
 * quote).  Returns 'step' again, MORE or ERROR. */
enum shale_json_step shale_json_skip(struct shale_json_cursor *cursor, enum shale_json_step step,
                                     struct shale_json_item *item);

/* Go on in the middle of a value on a new window: keeps the nesting and what may come next, only
 * the text is new.  'from' is where the old window's shale_json_position() is in it.  After
 * shale_json_pass() has given MORE the old text may be inside a string; it goes on there. */
void shale_json_resume(struct shale_json_cursor *cursor, const char *text, size_t n_bytes,
                       size_t from, bool last);

/* As shale_json_next(), for a caller who passes over text of any length and does not look at it:
 * a string that the window cuts is consumed up to the window's end (the item is then of no use),
 * so that MORE allows to forget everything before shale_json_position(). */
enum shale_json_step shale_json_pass(struct shale_json_cursor *cursor,
                                     struct shale_json_item *item);

/* Fill 'err' from cursor.error (its byte is of the window); returns SHALE_CORRUPT. */
enum shale_status shale_json_error(const struct shale_json_cursor *cursor, struct shale_err *err);

/* The first byte of the window that no token has used: where the next value may begin. */
size_t shale_json_position(const struct shale_json_cursor *cursor);

static inline struct shale_str shale_json_text(const struct shale_json_cursor *cursor,
                                               const struct shale_json_item *item)
{
    return (struct shale_str){cursor->index.text + item->begin, item->end - item->begin};
}

#endif
