/* SPDX-License-Identifier: MIT */
/* Failures, options and versions at the edge of the library. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/api.h"

const char *shale_version(void)
{
    return SHALE_VERSION;
}

void shale_free(void *memory)
{
    shale_mem_free(&shale_mem_libc, memory);
}

enum shale_status shale_api_failure(enum shale_status status, const struct shale_err *err,
                                    struct shale_failure *failure)
{
    struct shale_failure filled = {.size = sizeof filled, .status = status};
    size_t size;
    if (failure == NULL)
        return status;
    size = failure->size < sizeof filled ? failure->size : sizeof filled;
    if (size < sizeof filled) /* from before it grew, or not initialised: nothing is safe */
        return status;
    if (status != SHALE_OK) {
        const char *name =
            err->code != SHALE_E_none ? shale_error_name(err->code) : shale_status_name(status);
        (void)snprintf(filled.name, sizeof filled.name, "%s", name);
        if (err->message[0] != '\0')
            (void)shale_err_text(err, filled.message, sizeof filled.message);
        else
            (void)snprintf(filled.message, sizeof filled.message, "%s", shale_status_name(status));
    }
    memcpy(failure, &filled, sizeof filled);
    return status;
}

bool shale_api_options(void *out, size_t out_bytes, const void *given)
{
    size_t size;
    memset(out, 0, out_bytes);
    if (given == NULL)
        return true;
    memcpy(&size, given, sizeof size);
    if (size < sizeof size || size > 1 << 16)
        return false;
    memcpy(out, given, size < out_bytes ? size : out_bytes);
    return true;
}
