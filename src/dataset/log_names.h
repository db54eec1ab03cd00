/* SPDX-License-Identifier: MIT */
/* Private to dataset: the names in a table's log, taken apart from their beginning. */
#ifndef SHALE_DATASET_LOG_NAMES_H
#define SHALE_DATASET_LOG_NAMES_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/checked.h"
#include "base/str.h"

/* Take exactly 'n' digits off 'text'. */
static inline bool shale_log_take_digits(struct shale_str *text, size_t n, int64_t *out)
{
    int64_t value = 0;
    if (text->n_bytes < n)
        return false;
    for (size_t i = 0; i < n; i++) {
        char c = text->data[i];
        if (c < '0' || c > '9' || !SHALE_MUL(value, 10, &value) ||
            !SHALE_ADD(value, c - '0', &value))
            return false;
    }
    *text = (struct shale_str){text->data + n, text->n_bytes - n};
    *out = value;
    return true;
}

/* Take 'wanted' off 'text'. */
static inline bool shale_log_take_text(struct shale_str *text, const char *wanted)
{
    size_t n = strlen(wanted);
    if (text->n_bytes < n || memcmp(text->data, wanted, n) != 0)
        return false;
    *text = (struct shale_str){text->data + n, text->n_bytes - n};
    return true;
}

#endif
