/* SPDX-License-Identifier: MIT */
/* Reading a definition: the tree first, then section by section into the stream, then all that
 * was found in the order of lines. */
#define PCRE2_CODE_UNIT_WIDTH 8
#include "schema/definition.h"

#include <pcre2.h>
#include <stdio.h>
#include <stdlib.h>

#include "json/number.h"
#include "schema/definition_parts.h"

enum top_key {
    TOP_STREAM,
    TOP_SOURCE,
    TOP_FIELDS,
    TOP_RULES,
    TOP_UNKNOWN_FIELDS,
    TOP_ON_REJECT,
    TOP_OUTPUT,
    TOP_PLUGIN,
    N_TOP_KEYS,
};

static const struct shale_def_key top_keys[N_TOP_KEYS] = {
    [TOP_STREAM] = {"stream", false},
    [TOP_SOURCE] = {"source", false},
    [TOP_FIELDS] = {"fields", false},
    [TOP_RULES] = {"rules", false},
    [TOP_UNKNOWN_FIELDS] = {"unknown_fields", false},
    [TOP_ON_REJECT] = {"on_reject", false},
    [TOP_OUTPUT] = {"output", false},
    [TOP_PLUGIN] = {"plugin", true},
};

/* A definition's memory: far above what SHALE_DEF_MAX_BYTES of text can need. */
static const size_t ARENA_CAP = (size_t)256 << 20;
static const size_t MAX_NAME_BYTES = 128;

/* ---- Small sections ------------------------------------------------------------------------- */

static void read_stream_name(struct shale_def *def, const struct shale_yaml_node *node)
{
    static const char expected[] =
        "a name such as visit_events ([a-z][a-z0-9_]*, at most 128 bytes)";
    char found[SHALE_DEF_FOUND_BYTES];
    struct shale_str text;
    bool valid;

    if (!shale_def_text(def, node, "stream", expected, &text))
        return;
    valid = text.n_bytes >= 1 && text.n_bytes <= MAX_NAME_BYTES && text.data[0] >= 'a' &&
            text.data[0] <= 'z';
    for (size_t i = 0; valid && i < text.n_bytes; i++) {
        char c = text.data[i];
        valid = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
    }
    if (valid)
        def->stream->name = shale_def_copy(def, text);
    else
        SHALE_DEF_ERROR(def, node, definition_expected, "stream", expected,
                        shale_def_found(node, found));
}

static void read_unknown_fields(struct shale_def *def, const struct shale_yaml_node *node)
{
    static const struct shale_def_key choices[] = {
        [SHALE_UNKNOWN_IGNORE] = {"ignore", false},
        [SHALE_UNKNOWN_REJECT] = {"reject", false},
        [SHALE_UNKNOWN_KEEP] = {"keep", false},
    };
    size_t i;
    if (shale_def_choice(def, node, "unknown_fields", choices, 3, &i))
        def->stream->unknown_fields = (enum shale_unknown)i;
}

/* 100 (a count) or 10% (of the events read). */
static void read_limit(struct shale_def *def, const struct shale_yaml_node *node)
{
    static const char expected[] = "a number of rejects such as 100, or a share such as 10%";
    struct shale_stream *stream = def->stream;
    char found[SHALE_DEF_FOUND_BYTES];
    struct shale_str text;
    int64_t count = -1;
    double percent = -1;
    bool share, valid;

    if (!shale_def_text(def, node, "limit", expected, &text))
        return;
    share = text.n_bytes > 0 && text.data[text.n_bytes - 1] == '%';
    text.n_bytes -= share;
    valid = shale_number_valid(text);
    if (valid && share)
        valid =
            shale_number_f64(text, &percent) == SHALE_NUMBER_OK && percent >= 0 && percent <= 100;
    else if (valid)
        valid = shale_number_i64(text, &count) == SHALE_NUMBER_OK && count >= 0;
    if (!valid) {
        SHALE_DEF_ERROR(def, node, definition_expected, "limit", expected,
                        shale_def_found(node, found));
        return;
    }
    stream->reject_limit_count = count;
    stream->reject_limit_percent = percent;
}

static void read_on_reject(struct shale_def *def, const struct shale_yaml_node *node)
{
    static const struct shale_def_key keys[] = {{"policy", false}, {"limit", false}};
    static const struct shale_def_key policies[] = {{"skip", false}, {"fail", false}};
    const struct shale_yaml_node *values[2];
    size_t i;
    if (!shale_def_mapping(def, node, "on_reject", keys, 2, values))
        return;
    if (values[0] != NULL && shale_def_choice(def, values[0], "policy", policies, 2, &i))
        def->stream->reject_fails = i == 1;
    if (values[1] == NULL)
        return;
    read_limit(def, values[1]);
    if (def->stream->reject_fails)
        SHALE_DEF_WARNING(def, values[1], definition_no_effect, "limit", "with policy: fail");
}

/* ---- The whole ------------------------------------------------------------------------------ */

static void read_sections(struct shale_def *def, const struct shale_yaml_node *root)
{
    const struct shale_yaml_node *values[N_TOP_KEYS], *keep = NULL;

    if (!shale_def_mapping(def, root, "the definition", top_keys, N_TOP_KEYS, values))
        return;
    if (values[TOP_STREAM] == NULL)
        SHALE_DEF_ERROR(def, root, definition_missing_key, "stream", "the definition",
                        "the stream's name");
    else
        read_stream_name(def, values[TOP_STREAM]);
    if (values[TOP_UNKNOWN_FIELDS] != NULL)
        read_unknown_fields(def, values[TOP_UNKNOWN_FIELDS]);
    if (values[TOP_ON_REJECT] != NULL)
        read_on_reject(def, values[TOP_ON_REJECT]);
    /* Placeholders before fields, fields before what names them. */
    shale_def_source(def, values[TOP_SOURCE], &keep);
    if (values[TOP_FIELDS] != NULL)
        shale_def_fields(def, values[TOP_FIELDS]);
    else if (values[TOP_PLUGIN] == NULL)
        SHALE_DEF_ERROR(def, root, definition_missing_key, "fields", "the definition",
                        "a list of fields ({name: ..., from: ..., type: ...})");
    shale_def_keep(def, keep);
    if (def->status == SHALE_OK)
        shale_def_rules(def, values[TOP_RULES]);
    if (def->status == SHALE_OK)
        shale_def_output(def, values[TOP_OUTPUT]);
    if (def->status == SHALE_OK)
        shale_def_columns(def);
    if (def->status == SHALE_OK)
        shale_def_seal(def);
}

static void read_text(struct shale_def *def, struct shale_str text)
{
    const struct shale_yaml_node *root = NULL;
    size_t line = 1, column = 1;
    enum shale_status status = SHALE_SCHEMA;

    if (text.n_bytes > SHALE_DEF_MAX_BYTES)
        (void)SHALE_ERR(&def->err, definition_size, SHALE_DEF_MAX_BYTES);
    else
        status = shale_yaml_read(&def->work, text, &root, &line, &column, &def->err);
    if (status == SHALE_NOMEM) {
        def->status = SHALE_NOMEM;
    } else if (status != SHALE_OK) {
        shale_def_report_at(def, line, column, false);
    } else if (root == NULL) {
        (void)SHALE_ERR(&def->err, definition_expected, "the definition",
                        "a mapping with stream and fields", "nothing");
        shale_def_report_at(def, 1, 1, false);
    } else {
        read_sections(def, root);
    }
}

static int compare_reports(const void *a, const void *b)
{
    const struct shale_def_report *left = *(struct shale_def_report *const *)a;
    const struct shale_def_report *right = *(struct shale_def_report *const *)b;
    if (left->line != right->line)
        return left->line < right->line ? -1 : 1;
    if (left->column != right->column)
        return left->column < right->column ? -1 : 1;
    return left->number < right->number ? -1 : 1;
}

/* Tell all, in the order of lines. */
static void tell(struct shale_def *def, shale_definition_report_fn report, void *ctx)
{
    struct shale_def_report **sorted =
        shale_arena_zeroed(&def->work, def->n_reports, sizeof(struct shale_def_report *));
    size_t n = 0;
    if (sorted == NULL) {
        def->status = SHALE_NOMEM;
        return;
    }
    for (struct shale_def_report *r = def->reports; r != NULL; r = r->next)
        sorted[n++] = r;
    qsort(sorted, n, sizeof(struct shale_def_report *), compare_reports);
    for (size_t i = 0; i < n; i++) {
        shale_err_clear(&def->err);
        def->err.code = sorted[i]->code;
        (void)snprintf(def->err.message, sizeof def->err.message, "%s:%zu:%zu: %s", def->file,
                       sorted[i]->line, sorted[i]->column, sorted[i]->message);
        report(ctx, sorted[i]->warning, &def->err);
    }
}

static struct shale_stream *new_stream(const struct shale_mem *mem)
{
    struct shale_stream *stream = shale_mem_zeroed(mem, 1, sizeof *stream);
    if (stream == NULL)
        return NULL;
    shale_arena_init(&stream->arena, mem, ARENA_CAP);
    stream->reject_limit_count = -1;
    stream->reject_limit_percent = -1;
    return stream;
}

enum shale_status shale_definition_read(const struct shale_mem *mem, const char *file,
                                        const char *text, size_t n_bytes,
                                        shale_definition_report_fn report, void *ctx,
                                        struct shale_stream **out)
{
    struct shale_def def = {.mem = mem, .file = file, .stream = new_stream(mem)};

    *out = NULL;
    if (def.stream == NULL)
        return SHALE_NOMEM;
    def.arena = &def.stream->arena;
    shale_content_hash((struct shale_str){text, n_bytes}, def.stream->hash);
    shale_err_clear(&def.err);
    shale_arena_init(&def.work, mem, ARENA_CAP);
    shale_buf_init(&def.scratch, mem, (size_t)16 * SHALE_DEF_MAX_BYTES);
    def.status = shale_matcher_new(mem, &def.matcher);
    if (def.status == SHALE_OK)
        read_text(&def, (struct shale_str){text, n_bytes});
    if (def.status == SHALE_OK)
        tell(&def, report, ctx);
    if (def.status == SHALE_OK && def.n_errors > 0)
        def.status = SHALE_SCHEMA;
    shale_matcher_free(def.matcher);
    shale_buf_fini(&def.scratch);
    shale_arena_fini(&def.work);
    if (def.status == SHALE_OK)
        *out = def.stream;
    else
        shale_stream_free(def.stream);
    return def.status;
}

void shale_stream_free(struct shale_stream *stream)
{
    const struct shale_mem *mem;
    if (stream == NULL)
        return;
    for (size_t i = 0; i < stream->n_fields; i++)
        pcre2_code_free(stream->fields[i].pattern_code);
    mem = stream->arena.mem;
    shale_arena_fini(&stream->arena);
    shale_mem_free(mem, stream);
}
