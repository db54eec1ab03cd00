/* SPDX-License-Identifier: MIT */
/* An error with words: owned by the caller, fixed size, written once where the fact is known.
 *
 *     struct shale_err err;
 *     shale_err_clear(&err);
 *     status = f(..., &err);
 *
 * A function that takes 'struct shale_err *err' accepts NULL and then says nothing. */
#ifndef SHALE_BASE_ERR_H
#define SHALE_BASE_ERR_H

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

/* Every message and reject rule has one line in errors.def: a stable name, the status and the
 * wording (printf's rules; the compiler checks the arguments against it). */
enum shale_error {
    SHALE_E_none = 0,
#define SHALE_ERROR(name, status, wording) SHALE_E_##name,
#include "base/errors.def"
#undef SHALE_ERROR
    SHALE_E_count
};

#define SHALE_ERROR(name, status, wording)                                                         \
    __attribute__((unused)) static const char shale_wording_##name[] = wording;
#include "base/errors.def"
#undef SHALE_ERROR

enum { SHALE_ERR_OBJECT_BYTES = 1100, SHALE_ERR_MESSAGE_BYTES = 640 };

struct shale_err {
    enum shale_error code;
    int64_t record; /* index of the event in its object from 0, -1 when it does not apply */
    int64_t byte;   /* offset in the object's decompressed bytes, -1 when it does not apply */
    char object[SHALE_ERR_OBJECT_BYTES];   /* key or path, cut when longer, "" when none */
    char message[SHALE_ERR_MESSAGE_BYTES]; /* the wording filled in, cut when longer */
};

void shale_err_clear(struct shale_err *err);

/* Fill 'err' (unless NULL) and return the status of the error.  Use the macro: it pairs the name
 * with its wording, so that a wrong argument is a compile error.
 *
 *     return SHALE_ERR(err, file_open, path, strerror(errno)); */
#define SHALE_ERR(err, ...) SHALE_ERR_PICK(__VA_ARGS__)(err, __VA_ARGS__)
#define SHALE_ERR_PICK(...)                                                                        \
    SHALE_ERR_11(__VA_ARGS__, SHALE_ERR_N, SHALE_ERR_N, SHALE_ERR_N, SHALE_ERR_N, SHALE_ERR_N,     \
                 SHALE_ERR_N, SHALE_ERR_N, SHALE_ERR_N, SHALE_ERR_1, 0)
#define SHALE_ERR_11(a, b, c, d, e, f, g, h, i, name, ...) name
#define SHALE_ERR_1(err, name) shale_err_fill(err, SHALE_E_##name, shale_wording_##name)
#define SHALE_ERR_N(err, name, ...)                                                                \
    shale_err_fill(err, SHALE_E_##name, shale_wording_##name, __VA_ARGS__)

enum shale_status shale_err_fill(struct shale_err *err, enum shale_error code, const char *wording,
                                 ...) __attribute__((format(printf, 3, 4)));

/* Add where it happened; a part already known is kept.  'object' may be NULL, numbers -1. */
void shale_err_at(struct shale_err *err, const char *object, int64_t record, int64_t byte);

/* The stable name ("json_syntax"), the status and the wording of a code. */
const char *shale_error_name(enum shale_error code);
enum shale_status shale_error_status(enum shale_error code);
const char *shale_error_wording(enum shale_error code);

/* "object: record 17, byte 203: message" with the parts that are known, cut to 'n_bytes' with its
 * NUL.  Returns 'out'. */
char *shale_err_text(const struct shale_err *err, char *out, size_t n_bytes);

#endif
