/* SPDX-License-Identifier: MIT */
/* A JSON pointer from its last step to its first: the text is written backwards, and turned round
 * at the end. */
#include "shred/steps.h"

#include <stdio.h>

static enum shale_status put_backwards(struct shale_buf *pointer, struct shale_str text)
{
    enum shale_status status = shale_buf_reserve(pointer, text.n_bytes);
    for (size_t i = text.n_bytes; status == SHALE_OK && i-- > 0;)
        pointer->data[pointer->n_bytes++] = text.data[i];
    return status;
}

enum shale_status shale_step_index(struct shale_buf *pointer, size_t index)
{
    char text[24];
    int n = snprintf(text, sizeof text, "/%zu", index);
    return put_backwards(pointer, (struct shale_str){text, (size_t)n});
}

/* RFC 6901, section 3: ~ and / are written ~0 and ~1. */
enum shale_status shale_step_name(struct shale_buf *pointer, struct shale_str name)
{
    enum shale_status status = SHALE_OK;
    for (size_t i = name.n_bytes; status == SHALE_OK && i-- > 0;) {
        char c = name.data[i];
        if (c == '~' || c == '/')
            status = put_backwards(pointer, c == '~' ? SHALE_STR("~0") : SHALE_STR("~1"));
        else
            status = shale_buf_append_byte(pointer, c);
    }
    return status == SHALE_OK ? shale_buf_append_byte(pointer, '/') : status;
}

enum shale_status shale_steps_finish(struct shale_buf *pointer, struct shale_str before)
{
    enum shale_status status = put_backwards(pointer, before);
    for (size_t i = 0; status == SHALE_OK && i < pointer->n_bytes / 2; i++) {
        size_t other = pointer->n_bytes - 1 - i;
        char c = pointer->data[i];
        pointer->data[i] = pointer->data[other];
        pointer->data[other] = c;
    }
    return status;
}
