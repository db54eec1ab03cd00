/* SPDX-License-Identifier: MIT */
/* Log lines: filters by level and fills the words in; the program writes them. */
#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>

void shale_log_say(struct shale_log *log, enum shale_log_level level, const char *event,
                   const char *format, ...)
{
    char message[1024];
    va_list args;
    if (log == NULL || level < log->level)
        return;
    va_start(args, format);
    (void)vsnprintf(message, sizeof message, format, args);
    va_end(args);
    log->line(log, level, event, NULL, -1, -1, message);
}

void shale_log_err(struct shale_log *log, enum shale_log_level level, const struct shale_err *err)
{
    if (log == NULL || level < log->level)
        return;
    log->line(log, level, shale_error_name(err->code), err->object[0] != '\0' ? err->object : NULL,
              err->record, err->byte, err->message);
}
