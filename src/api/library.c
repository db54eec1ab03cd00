/* SPDX-License-Identifier: MIT */
/* The library is made of the folders' archives; a build wants one file of its own. */
#include <shale/shale.h>

/* The newest status that callers may meet: it grows at the end alone. */
_Static_assert(SHALE_CANCELLED == 13, "the numbers of enum shale_status are for ever");
