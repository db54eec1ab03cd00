/* SPDX-License-Identifier: MIT */
/* The structural index: where the tokens of a text begin.  Made block by block as a cursor asks
 * for it, so that its memory is constant and stays in the cache.
 *
 * Entries are offsets into the window of: each of  { } [ ] : ,  each opening and each closing
 * quote, and the first byte of each number or literal (any run of bytes that are neither white
 * space nor structure nor quote).  Quotes come in pairs; the closing quote's entry has
 * SHALE_JSON_ESCAPED set when the string holds a backslash.
 *
 * The index checks what can be seen without grammar, all of it inside strings: UTF-8, control
 * characters, escapes, strings that never end.  (Outside strings a byte of 80 or above is part of
 * a literal, and no literal has one.)  It stops before the first fault and says where and what;
 * entries before it are good.  A scalar implementation stands behind the interface; a SIMD
 * one takes its place without a change here. */
#ifndef SHALE_JSON_INDEX_H
#define SHALE_JSON_INDEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/mem.h"

enum {
    SHALE_JSON_PADDING = 64,            /* readable bytes behind a window */
    SHALE_JSON_BLOCK_BYTES = 64 * 1024, /* text indexed at a time */
    SHALE_JSON_MAX_WINDOW = 1 << 30,    /* offsets fit 31 bits */
};
#define SHALE_JSON_ESCAPED 0x80000000u

struct shale_json_index {
    const struct shale_mem *mem;
    const char *text;       /* the window, borrowed; SHALE_JSON_PADDING bytes behind it readable */
    size_t n_bytes;         /* of the window */
    bool last;              /* the text ends with the window: an open string is then a fault */
    uint32_t *at;           /* entries of the current block, owned */
    size_t n;               /* their number */
    size_t scanned;         /* text[0, scanned) is indexed or was passed over */
    enum shale_error fault; /* SHALE_E_none, or why the index stopped ... */
    size_t fault_at;        /* ... and at which byte of the window */
    bool in_string;         /* a string is open at 'scanned' ... */
    bool escaped;           /* ... and it has had a backslash */
    bool in_scalar;         /* private: the byte before 'scanned' belongs to a number or literal */
    size_t block_bytes;     /* private: of the next block, at most SHALE_JSON_BLOCK_BYTES */
};

/* Allocate the entries of one block.  Returns SHALE_OK or SHALE_NOMEM. */
SHALE_MUST_USE enum shale_status shale_json_index_init(struct shale_json_index *index,
                                                       const struct shale_mem *mem);
void shale_json_index_fini(struct shale_json_index *index);

/* Take a window and forget the old one.  Indexing begins at 'from', which is outside any string.
 * 'last' as above. */
void shale_json_index_begin(struct shale_json_index *index, const char *text, size_t n_bytes,
                            size_t from, bool last);

/* Index the next block: replaces the entries.  The first blocks after begin() are smaller, so that
 * beginning anew at each of many short lines costs no more than reading them a few times.
 * A multi-byte character or an escape that the window cuts (and 'last' is not set) stays for later.
 * False when nothing was added: the window is used up, or 'fault' is set; 'n' and, while a string
 * is open, the entries are then as they were. */
bool shale_json_index_next(struct shale_json_index *index);

#endif
