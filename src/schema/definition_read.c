/* SPDX-License-Identifier: MIT */
/* Reading single nodes of a definition: mappings by a table of keys, texts, numbers, sizes,
 * choices; and the reports. */
#include "schema/definition_parts.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/distance.h"
#include "json/number.h"

/* ---- Reports -------------------------------------------------------------------------------- */

/* A message goes to terminals and logs: no controls, and no half of a character at a cut. */
static void make_printable(char *text)
{
    size_t n = strlen(text);
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)text[i];
        if (c < 0x20 || c == 0x7f)
            text[i] = '?';
    }
}

void shale_def_report_at(struct shale_def *def, size_t line, size_t column, bool warning)
{
    struct shale_def_report *report;
    /* Warnings must not fill the room of an error. */
    size_t room = warning ? SHALE_DEF_MAX_REPORTS / 2 : SHALE_DEF_MAX_REPORTS;
    def->n_errors += !warning;
    if (def->status != SHALE_OK || def->n_reports >= room)
        return;
    make_printable(def->err.message);
    report = shale_arena_zeroed(&def->work, 1, sizeof *report);
    if (report != NULL)
        report->message = shale_arena_copy(&def->work, shale_str_of(def->err.message));
    if (report == NULL || report->message == NULL) {
        def->status = SHALE_NOMEM;
        return;
    }
    report->line = line;
    report->column = column;
    report->number = def->n_reports++;
    report->warning = warning;
    report->code = def->err.code;
    report->next = def->reports;
    def->reports = report;
}

void shale_def_report(struct shale_def *def, const struct shale_yaml_node *node, bool warning)
{
    shale_def_report_at(def, node->line, node->column, warning);
}

const char *shale_def_found(const struct shale_yaml_node *node, char *out)
{
    switch (node->kind) {
    case SHALE_YAML_SEQUENCE:
        return "a list";
    case SHALE_YAML_MAPPING:
        return "a mapping";
    case SHALE_YAML_SCALAR:
        break;
    }
    if (node->plain && node->text.n_bytes == 0)
        return "nothing";
    (void)snprintf(out, SHALE_DEF_FOUND_BYTES, node->plain ? "%.*s" : "'%.*s'",
                   SHALE_DEF_SHOW(node->text));
    return out;
}

static bool unexpected(struct shale_def *def, const struct shale_yaml_node *node, const char *key,
                       const char *expected)
{
    char found[SHALE_DEF_FOUND_BYTES];
    SHALE_DEF_ERROR(def, node, definition_expected, key, expected, shale_def_found(node, found));
    return false;
}

/* ---- Memory --------------------------------------------------------------------------------- */

void *shale_def_zeroed(struct shale_def *def, size_t n, size_t element_bytes)
{
    void *memory = shale_arena_zeroed(def->arena, n, element_bytes);
    if (memory == NULL)
        def->status = SHALE_NOMEM;
    return memory;
}

struct shale_str shale_def_copy(struct shale_def *def, struct shale_str text)
{
    char *copy = shale_arena_copy(def->arena, text);
    if (copy == NULL)
        def->status = SHALE_NOMEM;
    return (struct shale_str){copy == NULL ? "" : copy, copy == NULL ? 0 : text.n_bytes};
}

/* ---- Mappings ------------------------------------------------------------------------------- */

const char *shale_def_nearest(struct shale_str text, const struct shale_def_key *keys,
                              size_t n_keys)
{
    const char *nearest = NULL;
    size_t least = shale_distance_most(text);
    for (size_t i = 0; i < n_keys; i++) {
        size_t d = shale_distance(text, shale_str_of(keys[i].name));
        if (d < least + (nearest == NULL)) {
            nearest = keys[i].name;
            least = d;
        }
    }
    return nearest;
}

/* "did you mean 'x'?" or "expected a, b or c". */
static void write_hint(struct shale_str text, const struct shale_def_key *keys, size_t n_keys,
                       char *out, size_t n_bytes)
{
    const char *nearest = shale_def_nearest(text, keys, n_keys);
    size_t used;
    if (nearest != NULL) {
        (void)snprintf(out, n_bytes, "did you mean '%s'?", nearest);
        return;
    }
    (void)snprintf(out, n_bytes, "expected");
    used = strlen(out);
    for (size_t i = 0, n = 0; i < n_keys && used < n_bytes; i++) {
        if (keys[i].later)
            continue;
        (void)snprintf(out + used, n_bytes - used, "%s %s", n++ == 0 ? "" : ",", keys[i].name);
        used += strlen(out + used);
    }
}

/* The index of the key that an item has, or 'n_keys' (reported). */
static size_t find_key(struct shale_def *def, const struct shale_yaml_node *key, const char *what,
                       const struct shale_def_key *keys, size_t n_keys)
{
    char text[SHALE_DEF_FOUND_BYTES], hint[360];
    if (key->kind != SHALE_YAML_SCALAR) {
        SHALE_DEF_ERROR(def, key, definition_key_text, what, shale_def_found(key, text));
        return n_keys;
    }
    for (size_t i = 0; i < n_keys; i++) {
        if (shale_str_is(key->text, keys[i].name))
            return i;
    }
    if (shale_str_is(key->text, "<<")) {
        SHALE_DEF_ERROR(def, key, definition_merge_key);
        return n_keys;
    }
    hint[0] = '\0';
    if (def->n_reports < SHALE_DEF_MAX_REPORTS)
        write_hint(key->text, keys, n_keys, hint, sizeof hint);
    SHALE_DEF_ERROR(def, key, definition_unknown_key, SHALE_DEF_SHOW(key->text), what, hint);
    return n_keys;
}

bool shale_def_mapping(struct shale_def *def, const struct shale_yaml_node *node, const char *what,
                       const struct shale_def_key *keys, size_t n_keys,
                       const struct shale_yaml_node **values)
{
    for (size_t i = 0; i < n_keys; i++)
        values[i] = NULL;
    if (node->kind != SHALE_YAML_MAPPING)
        return unexpected(def, node, what, "a mapping (key: value)");
    for (const struct shale_yaml_item *item = node->items; item != NULL; item = item->next) {
        size_t i = find_key(def, item->key, what, keys, n_keys);
        if (i == n_keys)
            continue;
        if (values[i] != NULL)
            SHALE_DEF_ERROR(def, item->key, definition_duplicate_key, keys[i].name, what,
                            values[i]->line);
        else if (keys[i].later)
            SHALE_DEF_ERROR(def, item->key, definition_unsupported, what, keys[i].name);
        values[i] = item->value;
    }
    return true;
}

/* ---- Scalars -------------------------------------------------------------------------------- */

bool shale_def_is_null(const struct shale_yaml_node *node)
{
    return node->kind == SHALE_YAML_SCALAR && node->plain &&
           (node->text.n_bytes == 0 || shale_str_is(node->text, "null") ||
            shale_str_is(node->text, "~"));
}

bool shale_def_text(struct shale_def *def, const struct shale_yaml_node *node, const char *key,
                    const char *expected, struct shale_str *out)
{
    if (node->kind != SHALE_YAML_SCALAR || shale_def_is_null(node))
        return unexpected(def, node, key, expected);
    *out = node->text;
    return true;
}

bool shale_def_bool(struct shale_def *def, const struct shale_yaml_node *node, const char *key,
                    bool *out)
{
    bool yes = node->kind == SHALE_YAML_SCALAR && node->plain && shale_str_is(node->text, "true");
    bool no = node->kind == SHALE_YAML_SCALAR && node->plain && shale_str_is(node->text, "false");
    if (!yes && !no)
        return unexpected(def, node, key, "true or false");
    *out = yes;
    return true;
}

static bool is_number(const struct shale_yaml_node *node)
{
    return node->kind == SHALE_YAML_SCALAR && node->plain && shale_number_valid(node->text);
}

bool shale_def_int(struct shale_def *def, const struct shale_yaml_node *node, const char *key,
                   int64_t minimum, int64_t maximum, int64_t *out)
{
    char expected[80];
    int64_t value;
    if (!is_number(node) || shale_number_i64(node->text, &value) != SHALE_NUMBER_OK ||
        value < minimum || value > maximum) {
        (void)snprintf(expected, sizeof expected, "a whole number from %" PRId64 " to %" PRId64,
                       minimum, maximum);
        return unexpected(def, node, key, expected);
    }
    *out = value;
    return true;
}

/* "16MiB", "64 KB", "1048576": false when it is no size or too large for int64. */
static bool parse_size(struct shale_str text, int64_t *out)
{
    static const struct {
        const char *name;
        int64_t bytes;
    } units[] = {
        {"", 1},
        {"B", 1},
        {"KB", 1000},
        {"MB", 1000000},
        {"GB", 1000000000},
        {"TB", 1000000000000},
        {"KiB", (int64_t)1 << 10},
        {"MiB", (int64_t)1 << 20},
        {"GiB", (int64_t)1 << 30},
        {"TiB", (int64_t)1 << 40},
    };
    size_t i = 0;
    int64_t value = 0;
    struct shale_str unit;
    for (; i < text.n_bytes && text.data[i] >= '0' && text.data[i] <= '9'; i++) {
        if (!SHALE_MUL(value, 10, &value) || !SHALE_ADD(value, text.data[i] - '0', &value))
            return false;
    }
    if (i == 0)
        return false;
    while (i < text.n_bytes && text.data[i] == ' ')
        i++;
    unit = (struct shale_str){text.data + i, text.n_bytes - i};
    for (size_t u = 0; u < sizeof units / sizeof units[0]; u++) {
        if (shale_str_is(unit, units[u].name))
            return SHALE_MUL(value, units[u].bytes, out);
    }
    return false;
}

/* A limit in the largest unit that divides it. */
static void write_size(int64_t n_bytes, char *out, size_t capacity)
{
    static const char *const units[] = {"bytes", "KiB", "MiB", "GiB", "TiB"};
    size_t u = 0;
    while (u + 1 < sizeof units / sizeof units[0] && n_bytes >= 1024 && n_bytes % 1024 == 0) {
        n_bytes /= 1024;
        u++;
    }
    (void)snprintf(out, capacity, "%" PRId64 " %s", n_bytes, units[u]);
}

bool shale_def_size(struct shale_def *def, const struct shale_yaml_node *node, const char *key,
                    int64_t minimum, int64_t maximum, int64_t *out)
{
    char expected[120], low[40], high[40];
    int64_t value;
    if (node->kind != SHALE_YAML_SCALAR || !parse_size(node->text, &value) || value < minimum ||
        value > maximum) {
        write_size(minimum, low, sizeof low);
        write_size(maximum, high, sizeof high);
        (void)snprintf(expected, sizeof expected, "a size such as 16MiB, from %s to %s", low, high);
        return unexpected(def, node, key, expected);
    }
    *out = value;
    return true;
}

bool shale_def_choice(struct shale_def *def, const struct shale_yaml_node *node, const char *key,
                      const struct shale_def_key *choices, size_t n_choices, size_t *out)
{
    char expected[160] = "one of";
    size_t used = strlen(expected);
    for (size_t i = 0; i < n_choices; i++) {
        if (node->kind == SHALE_YAML_SCALAR && shale_str_is(node->text, choices[i].name)) {
            if (choices[i].later) {
                SHALE_DEF_ERROR(def, node, definition_unsupported, key, choices[i].name);
                return false;
            }
            *out = i;
            return true;
        }
    }
    for (size_t i = 0, n = 0; i < n_choices && used < sizeof expected; i++) {
        if (choices[i].later)
            continue;
        (void)snprintf(expected + used, sizeof expected - used, "%s %s", n++ == 0 ? "" : ",",
                       choices[i].name);
        used += strlen(expected + used);
    }
    return unexpected(def, node, key, expected);
}

bool shale_def_literal(struct shale_def *def, const struct shale_yaml_node *node, const char *key,
                       struct shale_literal *out)
{
    if (node->kind != SHALE_YAML_SCALAR)
        return unexpected(def, node, key, "a text, a number, true, false or null");
    out->text = node->text;
    if (shale_def_is_null(node))
        out->kind = SHALE_KIND_NULL;
    else if (node->plain && (shale_str_is(node->text, "true") || shale_str_is(node->text, "false")))
        out->kind = SHALE_KIND_BOOL;
    else if (is_number(node))
        out->kind = SHALE_KIND_NUMBER;
    else
        out->kind = SHALE_KIND_STRING;
    return true;
}

/* ---- Lists ---------------------------------------------------------------------------------- */

struct shale_def_walk shale_def_walk(const struct shale_yaml_node *node)
{
    if (node->kind == SHALE_YAML_SEQUENCE)
        return (struct shale_def_walk){NULL, node->items, node->n_items};
    return (struct shale_def_walk){node, NULL, 1};
}

const struct shale_yaml_node *shale_def_next(struct shale_def_walk *walk)
{
    const struct shale_yaml_node *node = walk->single;
    walk->single = NULL;
    if (node == NULL && walk->item != NULL) {
        node = walk->item->value;
        walk->item = walk->item->next;
    }
    return node;
}
