/* SPDX-License-Identifier: MIT */
/* 'shale rejects replay'. */
#include "cli/rejects.h"

int rejects_replay(struct terminal *terminal, int argc, char **argv)
{
    struct shale_err err;
    (void)argc;
    (void)argv;
    shale_err_clear(&err);
    (void)SHALE_ERR(&err, command_later, "rejects replay");
    terminal_error(terminal, &err);
    return 2;
}
