/* SPDX-License-Identifier: MIT */
/* Can a table be read, can it be appended to?  What a writer of version 2 need not know is refused
 * by its name (PROTOCOL.md, Table Features, Requirements for Writers). */
#include <string.h>

#include "dataset/log_actions.h"

enum { READER_VERSION = 1, WRITER_VERSION = 2, REFUSAL_BYTES = 64 * 1024 };

/* ---- Words ------------------------------------------------------------------------------------
 */

/* " (the features a, b)" of those that are listed; what they are called is the table's. */
static enum shale_status put_features(struct shale_buf *out, const struct shale_str *features,
                                      size_t n)
{
    enum { MOST = 40 };
    enum shale_status status = SHALE_OK;
    for (size_t i = 0; i < n && i < MOST && status == SHALE_OK; i++)
        status =
            shale_buf_printf(out, "%s%.60s", i == 0 ? " (the features " : ", ", features[i].data);
    if (status == SHALE_OK && n > 0)
        status = shale_buf_append(out, n > MOST ? " ...)" : ")", n > MOST ? 5 : 1);
    return status;
}

static enum shale_status refuse_reader(const struct shale_log_protocol *protocol,
                                       struct shale_buf *words, struct shale_err *err)
{
    if (put_features(words, protocol->reader_features, protocol->n_reader_features) != SHALE_OK ||
        shale_buf_append(words, "", 1) != SHALE_OK)
        return SHALE_ERR(err, no_memory);
    return SHALE_ERR(err, log_reader, (long long)protocol->reader, words->data);
}

/* ---- What a field says ------------------------------------------------------------------------
 */

/* Members of a field's metadata that bind writers. */
static const struct {
    const char *name, *feature;
} bindings[] = {
    {"delta.invariants", "column invariants"},
    {"delta.generationExpression", "generated columns"},
    {"delta.identity.start", "identity columns"},
    {"delta.identity.step", "identity columns"},
    {"CURRENT_DEFAULT", "column defaults"},
};

/* The first binding in a metadata object, or NULL. */
static const char *find_binding(struct shale_json_cursor *cursor, struct shale_buf *scratch,
                                struct shale_str metadata, enum shale_status *status)
{
    struct shale_json_item item;
    enum shale_json_step step;
    shale_buf_reset(scratch);
    *status = shale_buf_append_str(scratch, metadata);
    if (*status == SHALE_OK)
        *status = shale_buf_reserve(scratch, SHALE_JSON_PADDING);
    if (*status != SHALE_OK)
        return NULL;
    memset(scratch->data + scratch->n_bytes, 0, SHALE_JSON_PADDING);
    shale_json_begin(cursor, scratch->data, scratch->n_bytes, 0, true);
    if (shale_json_next(cursor, &item) != SHALE_JSON_OBJECT)
        return NULL;
    while (shale_json_next(cursor, &item) == SHALE_JSON_NAME) {
        struct shale_str name = shale_json_text(cursor, &item);
        for (size_t i = 0; i < sizeof bindings / sizeof bindings[0]; i++)
            if (shale_str_is(name, bindings[i].name))
                return bindings[i].feature;
        step = shale_json_next(cursor, &item);
        step = shale_json_skip(cursor, step, &item);
        if (step == SHALE_JSON_ERROR || step == SHALE_JSON_MORE)
            return NULL;
    }
    return NULL;
}

size_t shale_log_n_fields(const struct shale_type *type)
{
    size_t n = type->kind == SHALE_STRUCT ? type->n_members : 0;
    for (size_t i = 0; i < type->n_members; i++)
        n += shale_log_n_fields(&type->members[i].type);
    return n;
}

/* Of the columns, with what is inside them, the first that binds a writer: in words. */
static enum shale_status judge_fields(const struct shale_log_state *state,
                                      struct shale_json_cursor *cursor, struct shale_buf *scratch,
                                      struct shale_buf *words)
{
    size_t at = 0;
    for (size_t i = 0; i < state->schema.n_columns; i++) {
        const struct shale_column_def *column = &state->schema.columns[i];
        size_t end = at + 1 + shale_log_n_fields(&column->type);
        for (; at < end; at++) {
            enum shale_status status;
            const char *feature =
                find_binding(cursor, scratch, state->fields[at].metadata, &status);
            if (status != SHALE_OK)
                return status;
            if (feature == NULL && !state->fields[at].nullable)
                feature = "NOT NULL";
            if (feature != NULL)
                return shale_buf_printf(words, "its column \"%.*s\" has %s, not supported",
                                        SHALE_STR_ARG(column->name), feature);
        }
    }
    return SHALE_OK;
}

/* ---- What the table says ----------------------------------------------------------------------
 */

static bool begins_with(struct shale_str text, const char *prefix)
{
    size_t n = strlen(prefix);
    return text.n_bytes >= n && memcmp(text.data, prefix, n) == 0;
}

static enum shale_status judge_configuration(const struct shale_log_state *state,
                                             struct shale_buf *words)
{
    for (size_t i = 0; i < state->n_configuration; i++) {
        const struct shale_log_pair *pair = &state->configuration[i];
        if (shale_str_is(pair->key, "delta.setTransactionRetentionDuration"))
            return shale_buf_printf(words, "its property delta.setTransactionRetentionDuration "
                                           "would let the record of what was read expire");
        if (begins_with(pair->key, "delta.constraints."))
            return shale_buf_printf(words, "its check constraint %.*s is not supported",
                                    SHALE_STR_ARG(pair->key));
        if (shale_str_is(pair->key, "delta.enableChangeDataFeed") &&
            shale_str_is(pair->value, "true"))
            return shale_buf_printf(words, "its property delta.enableChangeDataFeed needs the "
                                           "feature changeDataFeed, not supported");
    }
    return SHALE_OK;
}

static enum shale_status judge_writer(const struct shale_log_protocol *protocol,
                                      struct shale_buf *words)
{
    enum shale_status status;
    if (protocol->writer <= WRITER_VERSION)
        return SHALE_OK;
    status =
        shale_buf_printf(words, "the table needs writer version %lld", (long long)protocol->writer);
    if (status == SHALE_OK)
        status = put_features(words, protocol->writer_features, protocol->n_writer_features);
    return status == SHALE_OK ? shale_buf_printf(words, "; version 2 is supported") : status;
}

/* The first reason why nothing can be appended; none: 'words' stays empty. */
static enum shale_status find_refusal(const struct shale_log_state *state,
                                      const struct shale_log_protocol *protocol,
                                      struct shale_buf *scratch, struct shale_buf *words)
{
    struct shale_json_cursor cursor;
    enum shale_status status = judge_writer(protocol, words);
    if (status == SHALE_OK && words->n_bytes == 0)
        status = judge_configuration(state, words);
    if (status != SHALE_OK || words->n_bytes > 0)
        return status;
    status = shale_json_cursor_init(&cursor, scratch->mem);
    if (status != SHALE_OK)
        return status;
    status = judge_fields(state, &cursor, scratch, words);
    shale_json_cursor_fini(&cursor);
    return status;
}

/* Column mapping would make names in the files others than in the schema. */
static enum shale_status judge_mapping(const struct shale_log_state *state, struct shale_err *err)
{
    for (size_t i = 0; i < state->n_configuration; i++) {
        const struct shale_log_pair *pair = &state->configuration[i];
        if (shale_str_is(pair->key, "delta.columnMapping.mode") &&
            !shale_str_is(pair->value, "none"))
            return SHALE_ERR(err, log_mapping, SHALE_STR_ARG(pair->value));
    }
    return SHALE_OK;
}

static enum shale_status judge(struct shale_log_state *state,
                               const struct shale_log_protocol *protocol, struct shale_buf *scratch,
                               struct shale_buf *words, struct shale_err *err)
{
    struct shale_log_schema schema;
    enum shale_status status;
    if (protocol->reader > READER_VERSION)
        return refuse_reader(protocol, words, err);
    status = judge_mapping(state, err);
    if (status == SHALE_OK)
        status = shale_log_schema_read(&state->arena, state->schema_json, state->partition_columns,
                                       state->n_partition_columns, &schema, err);
    if (status != SHALE_OK)
        return status;
    state->schema = schema.schema;
    state->fields = schema.fields;
    state->n_fields = schema.n_fields;
    if (find_refusal(state, protocol, scratch, words) != SHALE_OK)
        return SHALE_ERR(err, no_memory);
    return shale_log_copy(&state->arena, shale_buf_str(words), &state->refusal, err);
}

enum shale_status shale_log_judge(struct shale_log_state *state,
                                  const struct shale_log_protocol *protocol, struct shale_err *err)
{
    struct shale_buf scratch, words;
    enum shale_status status;
    shale_buf_init(&scratch, state->arena.mem, SHALE_JSON_MAX_WINDOW);
    shale_buf_init(&words, state->arena.mem, REFUSAL_BYTES);
    status = judge(state, protocol, &scratch, &words, err);
    shale_buf_fini(&scratch);
    shale_buf_fini(&words);
    return status;
}
