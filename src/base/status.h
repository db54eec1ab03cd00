/* SPDX-License-Identifier: MIT */
/* Status codes are public (<shale/status.h>); what the command line makes of them is not. */
#ifndef SHALE_BASE_STATUS_H
#define SHALE_BASE_STATUS_H

#include <shale/status.h>

/* The exit code of the command line: 0 done, 1 failed, 2 usage or definition, 3 rejects over the
 * limit, 4 denied, 5 temporary, 130 interrupted. */
int shale_status_exit_code(enum shale_status status);

#endif
