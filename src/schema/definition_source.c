/* SPDX-License-Identifier: MIT */
/* The definition's source section, and what 'from' may say. */
#include "schema/definition_parts.h"

#include "base/checked.h"
#include "schema/parse.h"

enum source_key {
    SOURCE_PATH,
    SOURCE_KEYS,
    SOURCE_FORMAT,
    SOURCE_RECORDS,
    SOURCE_MAX_EVENT,
    SOURCE_KEEP,
    SOURCE_ID,
    SOURCE_SETTLE,
    SOURCE_ON_CHANGE,
    SOURCE_SEAL_AFTER,
    SOURCE_INVENTORY,
    N_SOURCE_KEYS,
};

static const struct shale_def_key source_keys[N_SOURCE_KEYS] = {
    [SOURCE_PATH] = {"path", false},
    [SOURCE_KEYS] = {"keys", false},
    [SOURCE_FORMAT] = {"format", false},
    [SOURCE_RECORDS] = {"records", false},
    [SOURCE_MAX_EVENT] = {"max_event", false},
    [SOURCE_KEEP] = {"keep", false},
    [SOURCE_ID] = {"id", false},
    [SOURCE_SETTLE] = {"settle", false},
    [SOURCE_ON_CHANGE] = {"on_change", false},
    [SOURCE_SEAL_AFTER] = {"seal_after", false},
    [SOURCE_INVENTORY] = {"inventory", true},
};

static const struct {
    struct shale_def_key key;
    enum shale_input_format format;
} formats[] = {
    {{"json", false}, SHALE_INPUT_JSON},
    {{"ndjson", false}, SHALE_INPUT_NDJSON},
    {{"heka", true}, SHALE_INPUT_AUTO},
};

/* Every one is tried on each key. */
enum { MAX_TEMPLATES = 256, MAX_ID_BYTES = 1024, SETTLE_US = 10000000 };

static const int64_t MAX_EVENT_LEAST = 1024, MAX_EVENT_MOST = (int64_t)256 << 20;

void shale_def_path(struct shale_def *def, const struct shale_yaml_node *node, const char *key,
                    struct shale_str *out)
{
    struct shale_str text;
    if (!shale_def_text(def, node, key, "a path", &text))
        return;
    if (text.n_bytes == 0 || memchr(text.data, '\0', text.n_bytes) != NULL) {
        char found[SHALE_DEF_FOUND_BYTES];
        SHALE_DEF_ERROR(def, node, definition_expected, key, "a path",
                        shale_def_found(node, found));
        return;
    }
    if (text.n_bytes >= 5 && memcmp(text.data, "s3://", 5) == 0) {
        SHALE_DEF_ERROR(def, node, definition_unsupported, key, "s3://");
        return;
    }
    *out = shale_def_copy(def, text);
}

static void read_keys(struct shale_def *def, const struct shale_yaml_node *node)
{
    struct shale_def_walk walk = shale_def_walk(node);
    struct shale_template *keys = shale_def_zeroed(def, walk.n, sizeof *keys);
    size_t n = 0;

    if (keys == NULL)
        return;
    if (walk.n > MAX_TEMPLATES) {
        SHALE_DEF_ERROR(def, node, definition_too_much, MAX_TEMPLATES, "key templates");
        return;
    }
    if (walk.n == 0)
        SHALE_DEF_ERROR(def, node, definition_expected, "keys", "a template or a list of them",
                        "an empty list");
    while ((node = shale_def_next(&walk)) != NULL) {
        struct shale_str text;
        enum shale_status status;
        if (!shale_def_text(def, node, "keys", "a key template", &text))
            continue;
        status = shale_template_parse(def->arena, text, &keys[n], &def->err);
        if (status == SHALE_OK)
            n++;
        else if (status == SHALE_NOMEM)
            def->status = SHALE_NOMEM;
        else
            shale_def_report(def, node, false);
    }
    def->stream->keys = keys;
    def->stream->n_keys = n;
}

static void parse_pointer(struct shale_def *def, const struct shale_yaml_node *node,
                          const char *key, const char *expected, struct shale_pointer *out,
                          bool *valid)
{
    char found[SHALE_DEF_FOUND_BYTES];
    if (shale_pointer_parse(def->arena, node->text, out, valid) != SHALE_OK) {
        def->status = SHALE_NOMEM;
        *valid = false;
    } else if (!*valid) {
        SHALE_DEF_ERROR(def, node, definition_expected, key, expected,
                        shale_def_found(node, found));
    }
}

static void read_records(struct shale_def *def, const struct shale_yaml_node *node)
{
    static const char expected[] = "a JSON pointer to an array's member, such as /Records";
    struct shale_str text;
    bool valid;
    if (!shale_def_text(def, node, "records", expected, &text))
        return;
    if (text.n_bytes == 0) {
        SHALE_DEF_ERROR(def, node, definition_expected, "records", expected, "''");
        return;
    }
    parse_pointer(def, node, "records", expected, &def->stream->records, &valid);
    def->stream->has_records = valid;
}

static void read_format(struct shale_def *def, const struct shale_yaml_node *node)
{
    enum { N = sizeof formats / sizeof formats[0] };
    struct shale_def_key choices[N];
    size_t i;
    for (i = 0; i < N; i++)
        choices[i] = formats[i].key;
    if (shale_def_choice(def, node, "format", choices, N, &i))
        def->stream->format = formats[i].format;
}

/* ---- What the ledger needs --------------------------------------------------------------------
 */

bool shale_parse_duration(struct shale_str text, int64_t *us)
{
    static const struct {
        const char *name;
        int64_t us;
    } units[] = {{"ms", 1000},    {"s", 1000000},    {"", 1000000},
                 {"m", 60000000}, {"h", 3600000000}, {"d", 86400000000}};
    struct shale_str unit;
    int64_t value = 0;
    size_t i = 0;
    for (; i < text.n_bytes && text.data[i] >= '0' && text.data[i] <= '9'; i++)
        if (i == 9 || !SHALE_MUL(value, 10, &value) ||
            !SHALE_ADD(value, text.data[i] - '0', &value))
            return false;
    if (i == 0)
        return false;
    while (i < text.n_bytes && text.data[i] == ' ')
        i++;
    unit = (struct shale_str){text.data + i, text.n_bytes - i};
    for (size_t u = 0; u < sizeof units / sizeof units[0]; u++)
        if (shale_str_is(unit, units[u].name))
            return SHALE_MUL(value, units[u].us, us);
    return false;
}

static void read_id(struct shale_def *def, const struct shale_yaml_node *node)
{
    static const char expected[] = "a name of 1 to 1024 bytes without control characters";
    char found[SHALE_DEF_FOUND_BYTES];
    struct shale_str text;
    if (!shale_def_text(def, node, "id", expected, &text))
        return;
    if (text.n_bytes == 0 || text.n_bytes > MAX_ID_BYTES || shale_def_has_control(text))
        SHALE_DEF_ERROR(def, node, definition_expected, "id", expected,
                        shale_def_found(node, found));
    else
        def->stream->source_id = shale_def_copy(def, text);
}

static void read_settle(struct shale_def *def, const struct shale_yaml_node *node)
{
    static const char expected[] = "a time such as 10s, 500ms, 5m, 1h or 0";
    char found[SHALE_DEF_FOUND_BYTES];
    if (node->kind != SHALE_YAML_SCALAR ||
        !shale_parse_duration(node->text, &def->stream->settle_us))
        SHALE_DEF_ERROR(def, node, definition_expected, "settle", expected,
                        shale_def_found(node, found));
}

static void read_on_change(struct shale_def *def, const struct shale_yaml_node *node)
{
    static const struct shale_def_key choices[] = {[SHALE_ON_CHANGE_REJECT] = {"reject", false},
                                                   [SHALE_ON_CHANGE_APPEND] = {"append", false},
                                                   [SHALE_ON_CHANGE_REPLACE] = {"replace", false}};
    size_t i;
    def->on_change = node;
    if (shale_def_choice(def, node, "on_change", choices, 3, &i))
        def->stream->on_change = (enum shale_on_change)i;
}

static void read_seal_after(struct shale_def *def, const struct shale_yaml_node *node)
{
    static const char expected[] = "a time of 1 day to 100 years, such as 30d";
    static const int64_t day_us = INT64_C(86400) * 1000000;
    char found[SHALE_DEF_FOUND_BYTES];
    int64_t us = 0;
    def->seal_after = node;
    if (node->kind != SHALE_YAML_SCALAR || !shale_parse_duration(node->text, &us) || us < day_us ||
        us > 36525 * day_us)
        SHALE_DEF_ERROR(def, node, definition_expected, "seal_after", expected,
                        shale_def_found(node, found));
    else
        def->stream->seal_after_days = (int32_t)((us + day_us - 1) / day_us);
}

/* One key seals all before it: that is the past only where keys sort by date. */
void shale_def_seal(struct shale_def *def)
{
    const struct shale_stream *stream = def->stream;
    if (stream->seal_after_days == 0)
        return;
    if (stream->layout != SHALE_OUTPUT_TABLE)
        SHALE_DEF_ERROR(def, def->seal_after, definition_seal_layout);
    if (stream->n_keys == 0 || shale_template_period(&stream->keys[0]) == SHALE_PERIOD_NONE) {
        SHALE_DEF_ERROR(def, def->seal_after, definition_seal);
        return;
    }
    for (size_t i = 1; i < stream->n_keys; i++)
        if (!shale_template_same_period(&stream->keys[0], &stream->keys[i])) {
            SHALE_DEF_ERROR(def, def->seal_after, definition_seal);
            return;
        }
}

void shale_def_source(struct shale_def *def, const struct shale_yaml_node *node,
                      const struct shale_yaml_node **keep)
{
    const struct shale_yaml_node *values[N_SOURCE_KEYS];
    struct shale_stream *stream = def->stream;

    *keep = NULL;
    stream->max_event_bytes = (int64_t)16 << 20;
    stream->settle_us = SETTLE_US;
    if (node == NULL || !shale_def_mapping(def, node, "source", source_keys, N_SOURCE_KEYS, values))
        return;
    *keep = values[SOURCE_KEEP];
    if (values[SOURCE_PATH] != NULL)
        shale_def_path(def, values[SOURCE_PATH], "path", &stream->source_path);
    if (values[SOURCE_KEYS] != NULL)
        read_keys(def, values[SOURCE_KEYS]);
    if (values[SOURCE_FORMAT] != NULL)
        read_format(def, values[SOURCE_FORMAT]);
    if (values[SOURCE_RECORDS] != NULL)
        read_records(def, values[SOURCE_RECORDS]);
    if (values[SOURCE_MAX_EVENT] != NULL)
        (void)shale_def_size(def, values[SOURCE_MAX_EVENT], "max_event", MAX_EVENT_LEAST,
                             MAX_EVENT_MOST, &stream->max_event_bytes);
    if (values[SOURCE_ID] != NULL)
        read_id(def, values[SOURCE_ID]);
    if (values[SOURCE_SETTLE] != NULL)
        read_settle(def, values[SOURCE_SETTLE]);
    if (values[SOURCE_SEAL_AFTER] != NULL)
        read_seal_after(def, values[SOURCE_SEAL_AFTER]);
    if (values[SOURCE_ON_CHANGE] != NULL)
        read_on_change(def, values[SOURCE_ON_CHANGE]);
}

/* ---- from ----------------------------------------------------------------------------------- */

/* The placeholder is in one template at least: in the others' keys it is null. */
static bool known_placeholder(const struct shale_stream *stream, struct shale_str name)
{
    for (size_t i = 0; i < stream->n_keys; i++) {
        for (size_t k = 0; k < stream->keys[i].n_names; k++) {
            if (shale_str_equal(stream->keys[i].names[k], name))
                return true;
        }
    }
    return false;
}

bool shale_def_from(struct shale_def *def, const struct shale_yaml_node *node,
                    struct shale_from *out)
{
    static const char expected[] = "a JSON pointer such as /user/id, or $key, $key.placeholder, "
                                   "$bucket or $index";
    static const char dotted[] = "$key.";
    struct shale_str text;
    bool valid = true;

    *out = (struct shale_from){.kind = SHALE_FROM_POINTER};
    if (!shale_def_text(def, node, "from", expected, &text))
        return false;
    if (shale_str_is(text, "$key")) {
        out->kind = SHALE_FROM_KEY;
    } else if (shale_str_is(text, "$bucket")) {
        out->kind = SHALE_FROM_BUCKET;
    } else if (shale_str_is(text, "$index")) {
        out->kind = SHALE_FROM_INDEX;
    } else if (text.n_bytes >= 5 && memcmp(text.data, dotted, 5) == 0) {
        struct shale_str name = {text.data + 5, text.n_bytes - 5};
        out->kind = SHALE_FROM_PLACEHOLDER;
        out->name = shale_def_copy(def, name);
        valid = known_placeholder(def->stream, name);
        if (!valid)
            SHALE_DEF_ERROR(def, node, definition_placeholder, SHALE_DEF_SHOW(name));
    } else {
        parse_pointer(def, node, "from", expected, &out->pointer, &valid);
    }
    return valid;
}
