/* SPDX-License-Identifier: MIT */
/* The JSON pointer of a value deep inside an event, for a reject: made while one comes out of what
 * is nested, so that going in costs nothing.
 *
 *     shale_buf_reset(pointer);
 *     shale_step_index(pointer, 3);                 // the innermost first
 *     shale_step_name(pointer, "b");
 *     shale_steps_finish(pointer, "/a");            // "/a/b/3"
 *
 * Each returns SHALE_OK, SHALE_NOMEM or SHALE_LIMIT. */
#ifndef SHALE_SHRED_STEPS_H
#define SHALE_SHRED_STEPS_H

#include "base/buf.h"

SHALE_MUST_USE enum shale_status shale_step_index(struct shale_buf *pointer, size_t index);
SHALE_MUST_USE enum shale_status shale_step_name(struct shale_buf *pointer, struct shale_str name);
SHALE_MUST_USE enum shale_status shale_steps_finish(struct shale_buf *pointer,
                                                    struct shale_str before);

#endif
