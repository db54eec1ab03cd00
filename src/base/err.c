/* SPDX-License-Identifier: MIT */
/* Errors with words, and the table made from errors.def. */
#include "base/err.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const struct {
    const char *name;
    enum shale_status status;
    const char *wording;
} table[] = {
    [SHALE_E_none] = {"none", SHALE_OK, ""},
#define SHALE_ERROR(name, status, wording) [SHALE_E_##name] = {#name, status, wording},
#include "base/errors.def"
#undef SHALE_ERROR
};

void shale_err_clear(struct shale_err *err)
{
    if (err == NULL)
        return;
    err->code = SHALE_E_none;
    err->record = -1;
    err->byte = -1;
    err->object[0] = '\0';
    err->message[0] = '\0';
}

enum shale_status shale_err_fill(struct shale_err *err, enum shale_error code, const char *wording,
                                 ...)
{
    if (err != NULL) {
        va_list args;
        err->code = code;
        va_start(args, wording);
        (void)vsnprintf(err->message, sizeof err->message, wording, args);
        va_end(args);
    }
    return table[code].status;
}

void shale_err_at(struct shale_err *err, const char *object, int64_t record, int64_t byte)
{
    if (err == NULL)
        return;
    if (object != NULL && err->object[0] == '\0')
        (void)snprintf(err->object, sizeof err->object, "%s", object);
    if (err->record < 0)
        err->record = record;
    if (err->byte < 0)
        err->byte = byte;
}

const char *shale_error_name(enum shale_error code)
{
    return table[code].name;
}

enum shale_status shale_error_status(enum shale_error code)
{
    return table[code].status;
}

const char *shale_error_wording(enum shale_error code)
{
    return table[code].wording;
}

char *shale_err_text(const struct shale_err *err, char *out, size_t n_bytes)
{
    char record[40] = "", byte[40] = "";
    if (err->record >= 0)
        (void)snprintf(record, sizeof record, "record %" PRId64, err->record);
    if (err->byte >= 0)
        (void)snprintf(byte, sizeof byte, "%sbyte %" PRId64, record[0] != '\0' ? ", " : "",
                       err->byte);
    (void)snprintf(out, n_bytes, "%s%s%s%s%s%s", err->object, err->object[0] != '\0' ? ": " : "",
                   record, byte, record[0] != '\0' || byte[0] != '\0' ? ": " : "", err->message);
    return out;
}
