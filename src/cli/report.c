/* SPDX-License-Identifier: MIT */
/* The summary of a command. */
#include <stdio.h>

#include "cli/cli.h"

enum { MAX_REPORT_BYTES = 1 << 20 };

void json_report_begin(struct json_report *report, bool dry_run, enum shale_status status)
{
    struct shale_json_writer *json = &report->json;
    shale_buf_init(&report->text, &shale_mem_libc, MAX_REPORT_BYTES);
    shale_json_writer_init(json, &report->text);
    shale_json_put_begin(json, '{');
    shale_json_put_name(json, "status");
    shale_json_put_string(json, shale_str_of(shale_status_name(status)));
    if (!dry_run)
        return;
    shale_json_put_name(json, "dry_run");
    shale_json_put_bool(json, true);
}

void json_report_version(struct shale_json_writer *json, const char *name, int64_t version)
{
    shale_json_put_name(json, name);
    if (version >= 0)
        shale_json_put_i64(json, version);
    else
        shale_json_put_null(json);
}

void json_report_end(struct json_report *report)
{
    shale_json_put_end(&report->json, '}');
    if (report->json.status == SHALE_OK)
        (void)printf("%.*s\n", SHALE_STR_ARG(shale_buf_str(&report->text)));
    shale_buf_fini(&report->text);
}
