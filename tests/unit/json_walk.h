/* SPDX-License-Identifier: MIT */
/* For tests of the cursor: walk a text that arrives in windows, each in memory of exactly its size,
 * and say what was seen. */
#ifndef SHALE_TESTS_JSON_WALK_H
#define SHALE_TESTS_JSON_WALK_H

#include <stdio.h>
#include <stdlib.h>

#include "json/cursor.h"

enum walk_how {
    WALK_NEXT, /* every token */
    WALK_PASS, /* every token, strings cut by the window consumed in parts */
    WALK_SKIP, /* the first token of each value, then over it; whole windows only */
};

struct walk {
    enum shale_error error; /* SHALE_E_none: the text ended well */
    size_t error_at;        /* byte of the text */
    char message[SHALE_ERR_MESSAGE_BYTES];
    size_t n_tokens, n_values; /* seen; values outside all others that were complete */
    size_t end;                /* of the last such value */
    size_t max_held;           /* the longest window that was needed */
    uint64_t hash;             /* of all tokens and their places (not with PASS) */
};

struct walk_window {
    char *text;  /* of exactly n_bytes and the padding */
    size_t base; /* byte of the whole where it begins */
    size_t n_bytes;
    bool last;
};

/* The text [base, base + n_bytes) in a block of its own. */
static inline struct walk_window walk_window_of(const char *text, size_t base, size_t n_bytes,
                                                bool last)
{
    struct walk_window window = {malloc(n_bytes + SHALE_JSON_PADDING), base, n_bytes, last};
    if (window.text == NULL)
        abort();
    memcpy(window.text, text + base, n_bytes);
    memset(window.text + n_bytes, '"', SHALE_JSON_PADDING);
    return window;
}

static inline void walk_note(struct walk *walk, const struct shale_json_cursor *cursor,
                             enum shale_json_step step, const struct shale_json_item *item,
                             size_t base)
{
    const uint64_t prime = 1099511628211u;
    walk->n_tokens++;
    walk->hash = (walk->hash ^ (uint64_t)step) * prime;
    walk->hash = (walk->hash ^ (base + item->begin)) * prime;
    walk->hash = (walk->hash ^ (base + item->end)) * prime;
    walk->hash = (walk->hash ^ item->escaped) * prime;
    if (cursor->depth == 0) {
        walk->n_values++;
        walk->end = base + item->end;
    }
}

/* One window: every token in it.  Returns what ended it: MORE, END or ERROR. */
static inline enum shale_json_step walk_one(struct walk *walk, struct shale_json_cursor *cursor,
                                            enum walk_how how, size_t base)
{
    for (;;) {
        struct shale_json_item item = {0, 0, false};
        enum shale_json_step step =
            how == WALK_PASS ? shale_json_pass(cursor, &item) : shale_json_next(cursor, &item);
        if (how == WALK_SKIP && step < SHALE_JSON_END)
            step = shale_json_skip(cursor, step, &item);
        if (step >= SHALE_JSON_END)
            return step;
        walk_note(walk, cursor, step, &item, base);
    }
}

/* The text in steps of 'step_bytes'; with even ones the last window only says that it is. */
static inline struct walk walk_with(struct shale_json_cursor *cursor, const char *text,
                                    size_t n_bytes, size_t step_bytes, enum walk_how how)
{
    struct walk walk = {.error = SHALE_E_none};
    enum shale_json_step step = SHALE_JSON_MORE;
    size_t base = 0, end = step_bytes < n_bytes ? step_bytes : n_bytes;
    bool begun = false, last = step_bytes >= n_bytes;
    while (step == SHALE_JSON_MORE) {
        struct walk_window window = walk_window_of(text, base, end - base, last);
        if (begun)
            shale_json_resume(cursor, window.text, window.n_bytes, 0, last);
        else
            shale_json_begin(cursor, window.text, window.n_bytes, 0, last);
        begun = true;
        walk.max_held = window.n_bytes > walk.max_held ? window.n_bytes : walk.max_held;
        step = walk_one(&walk, cursor, how, base);
        if (step == SHALE_JSON_ERROR) {
            struct shale_err err;
            shale_err_clear(&err);
            if (shale_json_error(cursor, &err) != SHALE_CORRUPT || err.code != cursor->error ||
                err.byte != (int64_t)cursor->error_at)
                abort();
            memcpy(walk.message, err.message, sizeof walk.message);
            walk.error = cursor->error;
            walk.error_at = base + cursor->error_at;
        }
        base += shale_json_position(cursor);
        last = end == n_bytes || (n_bytes - end <= step_bytes && step_bytes % 2 == 1);
        end = n_bytes - end < step_bytes ? n_bytes : end + step_bytes;
        free(window.text);
    }
    return walk;
}

/* The same with a cursor of its own. */
static inline struct walk walk_windows(const char *text, size_t n_bytes, size_t step_bytes,
                                       enum walk_how how)
{
    struct shale_json_cursor cursor;
    struct walk walk;
    if (shale_json_cursor_init(&cursor, &shale_mem_libc) != SHALE_OK)
        abort();
    walk = walk_with(&cursor, text, n_bytes, step_bytes, how);
    shale_json_cursor_fini(&cursor);
    return walk;
}

/* A file's bytes (freed by the caller), or NULL when there is none. */
static inline char *read_whole(const char *path, size_t *n_bytes)
{
    FILE *file = fopen(path, "rb");
    size_t capacity = 64 * 1024 * 1024;
    char *text;
    *n_bytes = 0;
    if (file == NULL)
        return NULL;
    text = malloc(capacity);
    if (text == NULL)
        abort();
    *n_bytes = fread(text, 1, capacity, file);
    (void)fclose(file);
    return text;
}

#endif
