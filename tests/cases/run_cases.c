/* SPDX-License-Identifier: MIT */
/* Runs the plain-text cases of this folder: what a definition makes of an event.
 *
 *     run_cases FILE...
 *
 * A file is a row of blocks, and reads as documentation:
 *
 *     # a comment
 *     == title
 *     fields:                              YAML of a stream definition; `stream` and `source`
 *       - {name: a, from: /a, type: int64} are added when the block does not have them
 *     --
 *     {"a": 7.0} => a=7
 *     {"a": "x"} => reject type /a: expected a whole number, found "x"
 *     @key logs/2024/x.json                lineage of the events that follow (also @bucket,
 *     {} => ...                            @number)
 *
 * The answer is the row, `filtered`, `envelope`, `broken` or `reject RULE POINTER`, whose message
 * may be left out; a pointer to no value in particular is written (event).  In a row strings are
 * quoted, json stands as it is, everything else as docs/types.md writes it.
 *
 * Failures are printed as file:line; the last line is "N passed, N failed". */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "columns/builder.h"
#include "json/cursor.h"
#include "json/writer.h"
#include "schema/definition.h"
#include "schema/template.h"
#include "shred/shred.h"

enum { MAX_TEXT = 1 << 24 };

struct runner {
    const char *file;
    unsigned line;
    unsigned passed, failed;
    const struct shale_mem *mem;
    struct shale_stream *stream; /* of the block; NULL outside and when it is wrong */
    struct shale_shredder *shredder;
    struct shale_builder *builder;
    struct shale_json_cursor cursor;
    struct shale_buf yaml, text, result, key, bucket;
    bool in_yaml;
    int64_t number;
};

static void fail(struct runner *runner, const char *expected, const char *found)
{
    runner->failed++;
    printf("%s:%u:\n  expected  %s\n  found     %s\n", runner->file, runner->line, expected, found);
}

/* The tests' memory is the machine's: to run out of it is no case. */
static void need(enum shale_status status)
{
    if (status == SHALE_OK)
        return;
    printf("cannot go on: %s\n", shale_status_name(status));
    exit(2);
}

static void report(void *ctx, bool warning, const struct shale_err *err)
{
    struct runner *runner = ctx;
    if (!warning)
        fail(runner, "a good definition", err->message);
}

/* ---- Rows as text ---------------------------------------------------------------------------- */

/* Value 'row' of a column without nulls there. */
static struct shale_value value_at(const struct shale_type *type, const struct shale_column *column,
                                   int64_t row)
{
    struct shale_value value = {0};
    size_t width = shale_layout_width(shale_type_layout(type));
    switch (shale_type_layout(type)) {
    case SHALE_LAYOUT_BOOL:
        value.as.boolean = shale_bit(column->data, row);
        break;
    case SHALE_LAYOUT_BYTES:
        value.as.bytes.data = (const char *)column->data + column->offsets[row];
        value.as.bytes.n_bytes = (size_t)(column->offsets[row + 1] - column->offsets[row]);
        break;
    default:
        memcpy(&value.as, (const char *)column->data + (size_t)row * width, width);
        break;
    }
    return value;
}

static void write_value(const struct shale_type *type, const struct shale_column *column,
                        int64_t row, struct shale_buf *out)
{
    if (shale_column_is_null(column, row)) {
        need(shale_buf_append_str(out, SHALE_STR("null")));
    } else if (type->kind == SHALE_LIST) {
        need(shale_buf_append_byte(out, '['));
        for (int32_t i = column->offsets[row]; i < column->offsets[row + 1]; i++) {
            if (i > column->offsets[row])
                need(shale_buf_append_byte(out, ','));
            write_value(shale_type_element(type), column->child, i, out);
        }
        need(shale_buf_append_byte(out, ']'));
    } else if (type->kind == SHALE_MAP) {
        need(shale_buf_append_byte(out, '{'));
        for (int32_t i = column->offsets[row]; i < column->offsets[row + 1]; i++) {
            if (i > column->offsets[row])
                need(shale_buf_append_byte(out, ','));
            write_value(&type->members[0].type, column->child, i, out);
            need(shale_buf_append_byte(out, ':'));
            write_value(&type->members[1].type, column->child->next, i, out);
        }
        need(shale_buf_append_byte(out, '}'));
    } else if (type->kind == SHALE_STRUCT) {
        const struct shale_column *member = column->child;
        for (size_t i = 0; i < type->n_members; i++, member = member->next) {
            need(shale_buf_printf(out, "%s%.*s:", i == 0 ? "{" : ",",
                                  SHALE_STR_ARG(type->members[i].name)));
            write_value(&type->members[i].type, member, row, out);
        }
        need(shale_buf_append_byte(out, '}'));
    } else {
        struct shale_value value = value_at(type, column, row);
        if (type->kind == SHALE_STRING) {
            struct shale_json_writer writer;
            shale_json_writer_init(&writer, out);
            shale_json_put_string(&writer, value.as.bytes);
            need(writer.status);
        } else {
            need(shale_value_format(type, &value, out));
        }
    }
}

/* A builder shows nothing inside its columns, and a batch no columns that are partitions: both are
 * asked. */
static void write_row(struct runner *runner)
{
    const struct shale_schema *schema = &runner->stream->schema;
    struct shale_batch *batch;
    size_t in_batch = 0;
    need(shale_builder_split(runner->builder, NULL, 1, &batch));
    for (size_t i = 0; i < schema->n_columns; i++) {
        const struct shale_column_def *def = &schema->columns[i];
        struct shale_column *nodes =
            calloc(shale_type_n_nodes(&def->type), sizeof(struct shale_column));
        need(nodes == NULL ? SHALE_NOMEM : SHALE_OK);
        if (def->partition_only)
            shale_builder_column(runner->builder, i, nodes);
        else
            shale_batch_column(batch, in_batch++, nodes);
        need(shale_buf_printf(&runner->result, "%s%.*s=", i == 0 ? "" : " ",
                              SHALE_STR_ARG(def->name)));
        write_value(&def->type, nodes, 0, &runner->result);
        free(nodes);
    }
    shale_batch_free(runner->mem, batch);
    shale_builder_reset(runner->builder, MAX_TEXT);
}

static void write_reject(struct runner *runner, const struct shale_reject *reject,
                         const struct shale_err *err)
{
    struct shale_str pointer =
        reject->pointer.n_bytes == 0 ? SHALE_STR("(event)") : reject->pointer;
    need(shale_buf_printf(&runner->result, "reject %s %.*s: %s", shale_error_name(err->code),
                          SHALE_STR_ARG(pointer), err->message));
}

/* ---- An event -------------------------------------------------------------------------------- */

static struct shale_lineage lineage_of(struct runner *runner)
{
    struct shale_lineage lineage = {.key = shale_buf_str(&runner->key),
                                    .bucket = shale_buf_str(&runner->bucket)};
    for (size_t i = 0; i < runner->stream->n_keys && lineage.matched == NULL; i++)
        if (shale_template_match(&runner->stream->keys[i], lineage.key, lineage.values))
            lineage.matched = &runner->stream->keys[i];
    return lineage;
}

/* Shred one text; runner->result says what came out. */
static void shred(struct runner *runner, struct shale_str event)
{
    struct shale_lineage lineage = lineage_of(runner);
    enum shale_shredded shredded;
    struct shale_reject reject;
    struct shale_err err;
    shale_err_clear(&err);
    shale_buf_reset(&runner->text);
    shale_buf_reset(&runner->result);
    need(shale_buf_append_str(&runner->text, event));
    need(shale_buf_reserve(&runner->text, SHALE_JSON_PADDING));
    memset(runner->text.data + runner->text.n_bytes, 0, SHALE_JSON_PADDING);
    shale_json_begin(&runner->cursor, runner->text.data, runner->text.n_bytes, 0, true);
    need(shale_shred(runner->shredder, &runner->cursor, true, &lineage, runner->number++,
                     runner->builder, &shredded, &reject, &err));
    if (shale_builder_n_rows(runner->builder) != (shredded == SHALE_SHRED_ROW))
        fail(runner, "a row for ROW and none otherwise", "something else");
    if (shredded == SHALE_SHRED_ROW)
        write_row(runner);
    else if (shredded == SHALE_SHRED_REJECTED)
        write_reject(runner, &reject, &err);
    else
        need(shale_buf_printf(&runner->result, "%s",
                              shredded == SHALE_SHRED_FILTERED   ? "filtered"
                              : shredded == SHALE_SHRED_ENVELOPE ? "envelope"
                              : shredded == SHALE_SHRED_MORE     ? "more"
                                                                 : "broken"));
}

/* A reject may be given without its message. */
static bool is_expected(struct shale_str found, struct shale_str expected)
{
    static const char reject[] = "reject ";
    bool prefix = found.n_bytes > expected.n_bytes &&
                  memcmp(found.data, expected.data, expected.n_bytes) == 0 &&
                  found.data[expected.n_bytes] == ':';
    return shale_str_equal(found, expected) ||
           (prefix && strncmp(found.data, reject, strlen(reject)) == 0);
}

static void run_event(struct runner *runner, const char *line)
{
    static const char arrow[] = " => ";
    const char *at = NULL;
    for (const char *next = line; (next = strstr(next, arrow)) != NULL; next++)
        at = next;
    if (at == NULL) {
        fail(runner, "EVENT => ANSWER", line);
        return;
    }
    const char *expected = at + strlen(arrow);
    if (runner->stream == NULL) {
        fail(runner, expected, "no definition");
        return;
    }
    shred(runner, (struct shale_str){line, (size_t)(at - line)});
    if (is_expected(shale_buf_str(&runner->result), shale_str_of(expected))) {
        runner->passed++;
        return;
    }
    need(shale_buf_append_byte(&runner->result, '\0'));
    fail(runner, expected, runner->result.data);
}

/* ---- Blocks and files ------------------------------------------------------------------------ */

static void end_block(struct runner *runner)
{
    shale_builder_free(runner->builder);
    shale_shredder_free(runner->shredder);
    shale_stream_free(runner->stream);
    runner->builder = NULL;
    runner->shredder = NULL;
    runner->stream = NULL;
    shale_buf_reset(&runner->key);
    shale_buf_reset(&runner->bucket);
    runner->number = 0;
}

static bool has_key(const struct shale_buf *yaml, const char *key)
{
    return memmem(yaml->data, yaml->n_bytes, key, strlen(key)) != NULL;
}

static void begin_block(struct runner *runner)
{
    if (!has_key(&runner->yaml, "\nstream:"))
        need(shale_buf_append_str(&runner->yaml, SHALE_STR("stream: cases\n")));
    if (!has_key(&runner->yaml, "\nsource:"))
        need(shale_buf_append_str(&runner->yaml, SHALE_STR("source: {path: .}\n")));
    if (shale_definition_read(runner->mem, runner->file, runner->yaml.data, runner->yaml.n_bytes,
                              report, runner, &runner->stream) != SHALE_OK) {
        fail(runner, "a definition", "none");
        runner->stream = NULL;
        return;
    }
    need(shale_shredder_new(runner->mem, runner->stream, &runner->shredder));
    need(shale_builder_new(runner->mem, &runner->stream->schema, &runner->builder));
}

static void set_lineage(struct runner *runner, char *line)
{
    char *value = strchr(line, ' ');
    if (value != NULL)
        *value++ = '\0';
    struct shale_buf *buf = strcmp(line, "@bucket") == 0 ? &runner->bucket : &runner->key;
    if (value != NULL && strcmp(line, "@number") == 0) {
        runner->number = strtoll(value, NULL, 10);
        return;
    }
    shale_buf_reset(buf);
    if (value != NULL)
        need(shale_buf_append_str(buf, shale_str_of(value)));
}

static void run_line(struct runner *runner, char *line)
{
    if (strncmp(line, "== ", 3) == 0) {
        end_block(runner);
        shale_buf_reset(&runner->yaml);
        need(shale_buf_append_byte(&runner->yaml, '\n'));
        runner->in_yaml = true;
    } else if (runner->in_yaml && strcmp(line, "--") == 0) {
        runner->in_yaml = false;
        begin_block(runner);
    } else if (runner->in_yaml) {
        need(shale_buf_printf(&runner->yaml, "%s\n", line));
    } else if (line[0] == '@') {
        set_lineage(runner, line);
    } else if (line[0] != '#' && line[0] != '\0') {
        run_event(runner, line);
    }
}

static void run_file(struct runner *runner, const char *file)
{
    char *line = NULL;
    size_t capacity = 0;
    ssize_t n;
    FILE *in = fopen(file, "r");
    runner->file = file;
    runner->line = 0;
    if (in == NULL) {
        fail(runner, "a readable file", "none");
        return;
    }
    while ((n = getline(&line, &capacity, in)) > 0) {
        runner->line++;
        if (line[n - 1] == '\n')
            line[n - 1] = '\0';
        run_line(runner, line);
    }
    end_block(runner);
    free(line);
    (void)fclose(in);
}

int main(int argc, char **argv)
{
    struct runner runner = {.mem = &shale_mem_libc};
    struct shale_buf *const bufs[] = {&runner.yaml, &runner.text, &runner.result, &runner.key,
                                      &runner.bucket};
    for (size_t i = 0; i < sizeof bufs / sizeof bufs[0]; i++)
        shale_buf_init(bufs[i], runner.mem, MAX_TEXT);
    need(shale_json_cursor_init(&runner.cursor, runner.mem));
    for (int i = 1; i < argc; i++)
        run_file(&runner, argv[i]);
    shale_json_cursor_fini(&runner.cursor);
    for (size_t i = 0; i < sizeof bufs / sizeof bufs[0]; i++)
        shale_buf_fini(bufs[i]);
    printf("%u passed, %u failed\n", runner.passed, runner.failed);
    return runner.failed == 0 && runner.passed > 0 ? 0 : 1;
}
