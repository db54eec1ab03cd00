/* SPDX-License-Identifier: MIT */
/* Log lines: plain text on a terminal, one JSON object a line otherwise. */
#ifndef SHALE_BASE_LOG_H
#define SHALE_BASE_LOG_H

#include <stdint.h>

#include "base/err.h"

enum shale_log_level { SHALE_LOG_DEBUG, SHALE_LOG_INFO, SHALE_LOG_WARN, SHALE_LOG_ERROR };

/* One line, without its newline.  Called from any thread; the implementation writes it whole. */
struct shale_log {
    enum shale_log_level level; /* lines below it are dropped */
    /* 'event' is a stable name ("object_failed"); 'object' NULL when there is none, 'record' and
     * 'byte' -1; 'message' for people. */
    void (*line)(struct shale_log *log, enum shale_log_level level, const char *event,
                 const char *object, int64_t record, int64_t byte, const char *message);
};

/* A line made by printf's rules; 'log' may be NULL. */
void shale_log_say(struct shale_log *log, enum shale_log_level level, const char *event,
                   const char *format, ...) __attribute__((format(printf, 4, 5)));

/* A line from an error: its stable name is the event. */
void shale_log_err(struct shale_log *log, enum shale_log_level level, const struct shale_err *err);

#endif
