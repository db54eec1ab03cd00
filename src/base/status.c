/* SPDX-License-Identifier: MIT */
/* The one table that maps a status to its name and its exit code. */
#include "base/status.h"

static const struct {
    const char *name;
    int exit_code;
} table[] = {
    [SHALE_OK] = {"ok", 0},
    [SHALE_NOMEM] = {"no_memory", 1},
    [SHALE_USAGE] = {"usage", 2},
    [SHALE_CORRUPT] = {"corrupt", 1},
    [SHALE_SCHEMA] = {"schema", 2},
    [SHALE_LIMIT] = {"limit", 1},
    [SHALE_REJECTS] = {"rejects", 3},
    [SHALE_DENIED] = {"denied", 4},
    [SHALE_NOT_FOUND] = {"not_found", 1},
    [SHALE_CONFLICT] = {"conflict", 1},
    [SHALE_UNSURE] = {"unsure", 5},
    [SHALE_AGAIN] = {"temporary", 5},
    [SHALE_IO] = {"io", 1},
    [SHALE_CANCELLED] = {"interrupted", 130},
};

const char *shale_status_name(enum shale_status status)
{
    return table[status].name;
}

int shale_status_exit_code(enum shale_status status)
{
    return table[status].exit_code;
}
