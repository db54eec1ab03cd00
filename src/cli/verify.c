/* SPDX-License-Identifier: MIT */
/* 'shale verify': is all that a file or a table says true? */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/cli.h"
#include "dataset/single.h"
#include "dataset/verify_deep.h"
#include "json/quote.h"
#include "parquet/check.h"
#include "schema/definition.h"
#include "store/local.h"
#include "store/store.h"

enum { DEFAULT_MEMORY = 256 * 1024 * 1024, MAX_PATH = 4096 };

struct report {
    struct shale_findings findings; /* first member */
    bool json;
    int64_t n_findings, n_notes;
};

/* ---- Findings ---------------------------------------------------------------------------------
 */

/* A text as JSON; stdout's failures are seen when it is closed. */
static void put_json(struct shale_str text)
{
    struct shale_buf out;
    shale_buf_init(&out, &shale_mem_libc, SIZE_MAX);
    if (shale_json_quote(text, &out) == SHALE_OK)
        (void)fwrite(out.data, 1, out.n_bytes, stdout);
    else
        (void)fputs("\"\"", stdout);
    shale_buf_fini(&out);
}

static void put_member(const char *name, struct shale_str text)
{
    (void)printf(",\"%s\":", name);
    put_json(text);
}

static void found_json(const struct report *report, const struct shale_finding *finding)
{
    const struct shale_err *err = &finding->err;
    bool is_first = report->n_findings + report->n_notes == 1;
    (void)printf("%s\n  {\"level\":\"%s\",\"finding\":\"%s\"", is_first ? "" : ",",
                 finding->is_note ? "note" : "error", shale_error_name(err->code));
    if (err->object[0] != '\0')
        put_member("file", shale_str_of(err->object));
    if (finding->row_group >= 0)
        (void)printf(",\"row_group\":%" PRId64, finding->row_group);
    if (finding->column.n_bytes > 0)
        put_member("column", finding->column);
    if (err->record >= 0)
        (void)printf(",\"record\":%" PRId64, err->record);
    if (err->byte >= 0)
        (void)printf(",\"byte\":%" PRId64, err->byte);
    put_member("message", shale_str_of(err->message));
    (void)putchar('}');
}

static void found(struct shale_findings *findings, const struct shale_finding *finding)
{
    struct report *report = (struct report *)(void *)findings;
    char text[SHALE_ERR_OBJECT_BYTES + SHALE_ERR_MESSAGE_BYTES + 80];
    *(finding->is_note ? &report->n_notes : &report->n_findings) += 1;
    if (report->json)
        found_json(report, finding);
    else
        (void)printf("%s: %s\n", finding->is_note ? "note" : "error",
                     shale_err_text(&finding->err, text, sizeof text));
}

/* ---- One file ---------------------------------------------------------------------------------
 */

static void file_summary(const struct report *report, const struct shale_checked *checked)
{
    const char *status = report->n_findings > 0 ? "damaged" : "ok";
    if (report->json)
        (void)printf("\n ],\"status\":\"%s\",\"errors\":%" PRId64 ",\"notes\":%" PRId64
                     ",\"rows\":%" PRId64 ",\"pages\":%" PRId64 ",\"checksums\":%" PRId64
                     ",\"bounds\":%" PRId64 "}\n",
                     status, report->n_findings, report->n_notes, checked->n_rows, checked->n_pages,
                     checked->n_checksums, checked->n_bounds);
    else
        (void)printf("%s: %" PRId64 " errors, %" PRId64 " notes\n"
                     "  %" PRId64 " rows; %" PRId64 " pages, %" PRId64 " checksums and %" PRId64
                     " bounds were compared\n",
                     status, report->n_findings, report->n_notes, checked->n_rows, checked->n_pages,
                     checked->n_checksums, checked->n_bounds);
}

static enum shale_status verify_file(struct terminal *terminal, const struct options *options,
                                     struct report *report, struct shale_err *err)
{
    const char *path = options->names[0];
    const struct shale_reader_options reader_options = {
        options->memory_bytes != 0 ? (size_t)options->memory_bytes : DEFAULT_MEMORY};
    struct shale_local local;
    struct shale_reader *reader = NULL;
    struct shale_checked *checked = NULL;
    struct shale_checked none = {0};
    enum shale_status status;
    if (options->deep != NULL)
        return SHALE_ERR(err, verify_deep_file, path);
    status = shale_local_open(&local, path, err);
    if (status != SHALE_OK)
        return status;
    status = shale_reader_open(&shale_mem_libc, &local.random, &reader_options, &reader, err);
    if (status == SHALE_CORRUPT) {
        shale_findings_put(&report->findings, err, path, -1, SHALE_STR(""), false);
        status = SHALE_OK;
    } else if (status == SHALE_OK) {
        status = shale_file_check(reader, &terminal->env, path, &report->findings, &checked, err);
    }
    if (status == SHALE_OK)
        status = shale_local_check(&local, err);
    if (status == SHALE_OK)
        file_summary(report, checked != NULL ? checked : &none);
    shale_checked_free(reader, checked);
    shale_reader_free(reader);
    shale_local_close(&local);
    return status;
}

/* ---- A table's sources
 * --------------------------------------------------------------------------------
 */

/* Beside the table unless --temp says otherwise; gone again afterwards. */
static enum shale_status make_place(const struct options *options, char place[MAX_PATH],
                                    struct shale_err *err)
{
    const char *table = options->names[0];
    size_t n = strlen(table);
    int length;
    while (n > 1 && table[n - 1] == '/')
        n--;
    if (options->temp != NULL)
        length = snprintf(place, MAX_PATH, "%s/shale-verify-XXXXXX", options->temp);
    else
        length = snprintf(place, MAX_PATH, "%.*s.verify-XXXXXX", (int)n, table);
    if (length < 0 || length >= MAX_PATH)
        return SHALE_ERR(err, output_path_too_long, MAX_PATH - 1, table);
    if (mkdtemp(place) == NULL)
        return SHALE_ERR(err, verify_temp, place, strerror(errno));
    return SHALE_OK;
}

/* Run the stream into the directory 'output', whatever is rejected. */
static enum shale_status read_again(struct terminal *terminal, const struct options *options,
                                    struct shale_stream *stream, const char *output,
                                    struct shale_err *err)
{
    const char *source = options->source != NULL ? options->source : stream->source_path.data;
    struct shale_summary *summary;
    struct shale_run_options run = {
        .env = &terminal->env,
        .stream = stream,
        .inputs = &source,
        .n_inputs = 1,
        .output = output,
        .layout = SHALE_OUTPUT_TABLE,
        .n_threads = options->n_threads != 0 ? options->n_threads : 1,
        .memory_bytes = options->memory_bytes != 0 ? options->memory_bytes : DEFAULT_MEMORY,
        .temporary = options->temp != NULL ? options->temp : output};
    enum shale_status status;
    if (source == NULL || *source == '\0')
        return SHALE_ERR(err, place_missing, "source", "--source");
    stream->reject_fails = false;
    stream->reject_limit_count = -1;
    stream->reject_limit_percent = -1;
    status = shale_stream_set_output(stream, output, err);
    if (status != SHALE_OK)
        return status;
    summary = shale_mem_zeroed(&shale_mem_libc, 1, sizeof *summary);
    if (summary == NULL)
        return SHALE_ERR(err, no_memory);
    status = shale_run(&run, summary, err);
    shale_mem_free(&shale_mem_libc, summary);
    return status;
}

static enum shale_status compare_again(struct terminal *terminal, const struct options *options,
                                       struct shale_store *table, const char *place,
                                       struct report *report, struct shale_verified_deep *out,
                                       struct shale_err *err)
{
    const struct shale_verify_options verify_options = {(size_t)options->memory_bytes};
    struct shale_store *fresh;
    enum shale_status status = shale_store_local(&terminal->env, place, &fresh, err);
    if (status != SHALE_OK)
        return status;
    status = shale_verify_deep(table, fresh, &verify_options, &report->findings, out, err);
    shale_store_free(fresh);
    if (status == SHALE_CORRUPT || status == SHALE_NOT_FOUND) { /* of the table's ledger or files */
        shale_findings_put(&report->findings, err, NULL, -1, SHALE_STR(""), false);
        shale_err_clear(err);
        status = SHALE_OK;
    }
    return status;
}

static enum shale_status verify_sources(struct terminal *terminal, const struct options *options,
                                        struct shale_store *table, struct report *report,
                                        struct shale_verified_deep *out, struct shale_err *err)
{
    char place[MAX_PATH];
    enum shale_status status, removed;
    struct shale_stream *stream = read_stream(terminal, options->deep, &status);
    if (stream == NULL)
        return SHALE_ERR(err, verify_stream, options->deep);
    status = make_place(options, place, err);
    if (status == SHALE_OK) {
        status = read_again(terminal, options, stream, place, err);
        if (status == SHALE_OK)
            status = compare_again(terminal, options, table, place, report, out, err);
        removed = shale_dir_remove(place, status == SHALE_OK ? err : NULL);
        status = status == SHALE_OK ? removed : status;
    }
    shale_stream_free(stream);
    return status;
}

/* ---- A table ----------------------------------------------------------------------------------
 */

static void put_counts(const struct shale_verified *v)
{
    const struct {
        const char *name;
        int64_t value;
    } members[] = {{"version", v->version},
                   {"first_entry", v->first_entry},
                   {"entries", v->n_entries},
                   {"checkpoints", v->n_checkpoints},
                   {"files", v->n_files},
                   {"bytes", v->n_bytes},
                   {"rows", v->n_rows},
                   {"own_files", v->n_own_files},
                   {"own_rows", v->n_own_rows},
                   {"pages", v->n_pages},
                   {"checksums", v->n_checksums},
                   {"bounds", v->n_bounds},
                   {"unnamed_files", v->n_unnamed},
                   {"unnamed_bytes", v->n_unnamed_bytes}};
    for (size_t i = 0; i < sizeof members / sizeof members[0]; i++)
        (void)printf(",\"%s\":%" PRId64, members[i].name, members[i].value);
    if (v->has_ledger)
        (void)printf(",\"ledger\":{\"manifests\":%" PRId64 ",\"segments\":%" PRId64
                     ",\"objects\":%" PRId64 ",\"read\":%" PRId64 ",\"written\":%" PRId64
                     ",\"rejected\":%" PRId64 ",\"filtered\":%" PRId64 ",\"duplicates\":%" PRId64
                     ",\"rejects_segments\":%" PRId64 ",\"rejects\":%" PRId64 "}",
                     v->n_manifests, v->n_segments, v->n_objects, v->read, v->written, v->rejected,
                     v->filtered, v->duplicates, v->n_rejects_segments, v->n_rejects);
}

static void deep_summary(const struct report *report, const struct shale_verified_deep *deep)
{
    if (report->json)
        (void)printf(",\"deep\":{\"objects\":%" PRId64 ",\"gone\":%" PRId64 ",\"changed\":%" PRId64
                     ",\"new\":%" PRId64 ",\"other_definition\":%" PRId64
                     ",\"rows_compared\":%s,\"rows\":%" PRId64 "}",
                     deep->n_compared, deep->n_gone, deep->n_changed, deep->n_new,
                     deep->n_definition, deep->rows_compared ? "true" : "false", deep->n_rows);
    else
        (void)printf("  %" PRId64 " objects were read again (%" PRId64 " are gone, %" PRId64
                     " changed, %" PRId64 " new, %" PRId64 " of another definition); rows: %s\n",
                     deep->n_compared, deep->n_gone, deep->n_changed, deep->n_new,
                     deep->n_definition, deep->rows_compared ? "compared" : "not compared");
}

static void table_summary(const struct report *report, const struct shale_verified *v,
                          const struct shale_verified_deep *deep)
{
    char bytes[32];
    if (report->json) {
        (void)printf("\n ],\"status\":\"%s\",\"errors\":%" PRId64 ",\"notes\":%" PRId64,
                     report->n_findings > 0 ? "damaged" : "ok", report->n_findings,
                     report->n_notes);
        put_counts(v);
        if (deep != NULL)
            deep_summary(report, deep);
        (void)fputs("}\n", stdout);
        return;
    }
    (void)printf("%s: %" PRId64 " errors, %" PRId64 " notes\n"
                 "  version %" PRId64 ": %" PRId64 " entries, %" PRId64 " checkpoints\n"
                 "  %" PRId64 " files, %s, %" PRId64 " rows; %" PRId64 " pages, %" PRId64
                 " checksums and %" PRId64 " bounds were compared\n",
                 report->n_findings > 0 ? "damaged" : "ok", report->n_findings, report->n_notes,
                 v->version, v->n_entries, v->n_checkpoints, v->n_files,
                 human_bytes(v->n_bytes, bytes, sizeof bytes), v->n_rows, v->n_pages,
                 v->n_checksums, v->n_bounds);
    if (v->has_ledger)
        (void)printf("  %" PRId64 " objects in %" PRId64 " segments of the ledger, %" PRId64
                     " manifests: %" PRId64 " events read, %" PRId64 " written, %" PRId64
                     " rejected, %" PRId64 " filtered, %" PRId64 " duplicates\n",
                     v->n_objects, v->n_segments, v->n_manifests, v->read, v->written, v->rejected,
                     v->filtered, v->duplicates);
    if (v->n_unnamed > 0)
        (void)printf("  %" PRId64 " files that nothing names, %s\n", v->n_unnamed,
                     human_bytes(v->n_unnamed_bytes, bytes, sizeof bytes));
    if (deep != NULL)
        deep_summary(report, deep);
}

static enum shale_status verify_table(struct terminal *terminal, const struct options *options,
                                      struct report *report, struct shale_err *err)
{
    const struct shale_verify_options verify_options = {(size_t)options->memory_bytes};
    struct shale_store *store;
    struct shale_verified verified;
    struct shale_verified_deep deep = {0};
    enum shale_status status = shale_store_local(&terminal->env, options->names[0], &store, err);
    if (status != SHALE_OK)
        return status;
    status = shale_verify_table(store, &verify_options, &report->findings, &verified, err);
    if (status == SHALE_OK && options->deep != NULL && verified.version >= 0)
        status = verify_sources(terminal, options, store, report, &deep, err);
    if (status == SHALE_OK)
        table_summary(report, &verified, options->deep != NULL ? &deep : NULL);
    shale_store_free(store);
    return status;
}

/* A file that has a ledger. */
static enum shale_status verify_checkpoint(struct terminal *terminal, const struct options *options,
                                           struct report *report, struct shale_err *err)
{
    const struct shale_verify_options verify_options = {(size_t)options->memory_bytes};
    const char *path = options->names[0], *slash = strrchr(path, '/');
    struct shale_store *store;
    struct shale_verified verified;
    char directory[MAX_PATH];
    enum shale_status status;
    if (options->deep != NULL)
        return SHALE_ERR(err, verify_deep_file, path);
    (void)snprintf(directory, sizeof directory, "%.*s", slash == NULL ? 1 : (int)(slash - path) + 1,
                   slash == NULL ? "." : path);
    status = shale_store_local(&terminal->env, directory, &store, err);
    if (status != SHALE_OK)
        return status;
    status = shale_verify_single(store, slash == NULL ? path : slash + 1, &verify_options,
                                 &report->findings, &verified, err);
    if (status == SHALE_OK)
        table_summary(report, &verified, NULL);
    shale_store_free(store);
    return status;
}

/* By its footer, or by what lies beside it: then another tool may have written it since. */
static bool is_checkpoint(const char *path)
{
    const struct shale_reader_options options = {DEFAULT_MEMORY};
    struct shale_local local;
    struct shale_reader *reader = NULL;
    struct stat info;
    char beside[MAX_PATH];
    bool names = false;
    if (strlen(path) < sizeof beside - 16) {
        (void)snprintf(beside, sizeof beside, "%s._shale/manifest", path);
        if (stat(beside, &info) == 0 && S_ISDIR(info.st_mode))
            return true;
    }
    if (shale_local_open(&local, path, NULL) != SHALE_OK)
        return false;
    if (shale_reader_open(&shale_mem_libc, &local.random, &options, &reader, NULL) == SHALE_OK)
        names = shale_single_names_ledger(reader);
    shale_reader_free(reader);
    shale_local_close(&local);
    return names;
}

static bool is_directory(const char *path)
{
    struct stat info;
    return stat(path, &info) == 0 && S_ISDIR(info.st_mode);
}

int command_verify(struct terminal *terminal, int argc, char **argv)
{
    static const char *const allowed[] = {"format", "memory",  "deep", "source",
                                          "temp",   "threads", NULL};
    struct options options;
    struct shale_err err;
    struct report report = {.findings = {found}, .json = isatty(STDOUT_FILENO) != 1};
    enum shale_status status;
    shale_err_clear(&err);
    if (!options_parse(terminal, "verify", allowed, argc, argv, &options)) {
        options_free(&options);
        return 2;
    }
    if (options.n_names != 1) {
        status = SHALE_ERR(&err, names_missing, "verify", "one table or file");
    } else if (options.format != NULL && strcmp(options.format, "json") != 0 &&
               strcmp(options.format, "text") != 0) {
        status = SHALE_ERR(&err, inspect_format, options.format);
    } else {
        report.json = options.format != NULL ? strcmp(options.format, "json") == 0 : report.json;
        if (report.json) {
            (void)fputs("{\"path\":", stdout);
            put_json(shale_str_of(options.names[0]));
            (void)fputs(",\"findings\":[", stdout);
        }
        if (is_directory(options.names[0]))
            status = verify_table(terminal, &options, &report, &err);
        else if (is_checkpoint(options.names[0]))
            status = verify_checkpoint(terminal, &options, &report, &err);
        else
            status = verify_file(terminal, &options, &report, &err);
        shale_err_at(&err, options.names[0], -1, -1);
        if (report.json && status != SHALE_OK)
            (void)fputs("\n ],\"status\":\"failed\"}\n", stdout);
    }
    if (status != SHALE_OK)
        terminal_error(terminal, &err);
    options_free(&options);
    return status == SHALE_OK && report.n_findings > 0 ? 1 : shale_status_exit_code(status);
}
