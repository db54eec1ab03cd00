/* SPDX-License-Identifier: MIT */
/* The text of a type: string, decimal(18,2), timestamp(ms), list<int32> ... */
#include "schema/definition_parts.h"

#include <stdio.h>

/* In the order of enum shale_kind, list apart. */
static const struct shale_def_key type_names[] = {
    [SHALE_STRING] = {"string", false},       [SHALE_BOOL] = {"bool", false},
    [SHALE_INT32] = {"int32", false},         [SHALE_INT64] = {"int64", false},
    [SHALE_FLOAT64] = {"float64", false},     [SHALE_DECIMAL] = {"decimal", false},
    [SHALE_DATE] = {"date", false},           [SHALE_TIME] = {"time", false},
    [SHALE_TIMESTAMP] = {"timestamp", false}, [SHALE_UUID] = {"uuid", false},
    [SHALE_BINARY] = {"binary", false},       [SHALE_JSON] = {"json", false},
};
enum { N_TYPE_NAMES = sizeof type_names / sizeof type_names[0] };

/* What people write who know another system's names. */
static const struct {
    const char *name, *ours;
} other_names[] = {
    {"int", "int32 or int64"}, {"integer", "int32 or int64"},
    {"long", "int64"},         {"bigint", "int64"},
    {"number", "float64"},     {"float", "float64"},
    {"double", "float64"},     {"float32", "float64"},
    {"boolean", "bool"},       {"text", "string"},
    {"varchar", "string"},     {"str", "string"},
    {"datetime", "timestamp"}, {"bytes", "binary"},
    {"object", "json"},        {"array", "list<...>"},
    {"list", "list<string>"},  {"numeric", "decimal(p,s)"},
    {"int8", "int32"},         {"int16", "int32"},
    {"variant", "json"},
};

static const char *const units[] = {[SHALE_MS] = "ms", [SHALE_US] = "us", [SHALE_NS] = "ns"};

struct scan {
    struct shale_str text;
    size_t at;
};

static void skip_spaces(struct scan *scan)
{
    while (scan->at < scan->text.n_bytes && scan->text.data[scan->at] == ' ')
        scan->at++;
}

static bool take_byte(struct scan *scan, char c)
{
    skip_spaces(scan);
    if (scan->at == scan->text.n_bytes || scan->text.data[scan->at] != c)
        return false;
    scan->at++;
    return true;
}

static struct shale_str take_word(struct scan *scan)
{
    size_t start;
    skip_spaces(scan);
    start = scan->at;
    while (scan->at < scan->text.n_bytes) {
        char c = scan->text.data[scan->at];
        if ((c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '_')
            break;
        scan->at++;
    }
    return (struct shale_str){scan->text.data + start, scan->at - start};
}

/* One or two digits; -1 for anything else. */
static int take_number(struct scan *scan)
{
    struct shale_str word = take_word(scan);
    int value = 0;
    if (word.n_bytes == 0 || word.n_bytes > 2)
        return -1;
    for (size_t i = 0; i < word.n_bytes; i++) {
        if (word.data[i] < '0' || word.data[i] > '9')
            return -1;
        value = value * 10 + (word.data[i] - '0');
    }
    return value;
}

/* Each returns what is wrong, or NULL. */
static const char *scan_decimal(struct scan *scan, struct shale_type *out)
{
    int precision = -1, scale = -1;
    if (take_byte(scan, '(')) {
        precision = take_number(scan);
        if (take_byte(scan, ','))
            scale = take_number(scan);
        if (!take_byte(scan, ')'))
            scale = -1;
    }
    if (precision < 0 || scale < 0)
        return "expected decimal(precision,scale), such as decimal(18,2)";
    if (precision < 1 || precision > 38)
        return "expected a precision from 1 to 38";
    if (scale > precision)
        return "expected a scale from 0 to the precision";
    out->precision = (uint8_t)precision;
    out->scale = (uint8_t)scale;
    return NULL;
}

static const char *scan_timestamp(struct scan *scan, struct shale_type *out)
{
    static const char expected[] =
        "expected timestamp, timestamp(ms), (us) or (ns), or for old readers timestamp(us,int96)";
    struct shale_str word;
    size_t unit = 0;
    out->unit = SHALE_US;
    if (!take_byte(scan, '('))
        return NULL;
    word = take_word(scan);
    while (unit < sizeof units / sizeof units[0] && !shale_str_is(word, units[unit]))
        unit++;
    if (unit == sizeof units / sizeof units[0])
        return expected;
    out->unit = (enum shale_unit)unit;
    if (take_byte(scan, ',')) {
        if (!shale_str_is(take_word(scan), "int96"))
            return expected;
        out->int96 = true;
    }
    return take_byte(scan, ')') ? NULL : expected;
}

static const char *scan_scalar(struct scan *scan, struct shale_str word, struct shale_type *out)
{
    size_t kind = 0;
    while (kind < N_TYPE_NAMES && !shale_str_is(word, type_names[kind].name))
        kind++;
    if (kind == N_TYPE_NAMES)
        return "";
    *out = (struct shale_type){.kind = (enum shale_kind)kind};
    if (out->kind == SHALE_DECIMAL)
        return scan_decimal(scan, out);
    if (out->kind == SHALE_TIME)
        out->unit = SHALE_US;
    if (out->kind == SHALE_TIMESTAMP)
        return scan_timestamp(scan, out);
    return NULL;
}

static void report_unknown(struct shale_def *def, const struct shale_yaml_node *node,
                           struct shale_str word)
{
    char hint[160];
    const char *nearest = shale_def_nearest(word, type_names, N_TYPE_NAMES);
    for (size_t i = 0; i < sizeof other_names / sizeof other_names[0]; i++) {
        if (shale_str_is(word, other_names[i].name))
            nearest = other_names[i].ours;
    }
    if (nearest != NULL)
        (void)snprintf(hint, sizeof hint, "no such type; did you mean %s?", nearest);
    else
        (void)snprintf(hint, sizeof hint,
                       "no such type; expected string, bool, int32, int64, float64, decimal(p,s), "
                       "date, time, timestamp, uuid, binary, json or list<...>");
    SHALE_DEF_ERROR(def, node, definition_type, SHALE_DEF_SHOW(node->text), hint);
}

/* {type: decimal(18,2)} is "decimal(18" to YAML, and then a key "2)". */
static bool is_cut(struct shale_str text)
{
    return text.n_bytes > 0 && memchr(text.data, '(', text.n_bytes) != NULL &&
           memchr(text.data, ')', text.n_bytes) == NULL;
}

bool shale_def_type(struct shale_def *def, const struct shale_yaml_node *node,
                    struct shale_type *out)
{
    struct scan scan = {.at = 0};
    struct shale_type scalar;
    struct shale_str word;
    const char *wrong, *unsupported;
    bool is_list;

    if (!shale_def_text(def, node, "type", "a type such as string or timestamp", &scan.text))
        return false;
    word = take_word(&scan);
    is_list = shale_str_is(word, "list") && take_byte(&scan, '<');
    if (is_list)
        word = take_word(&scan);
    unsupported = shale_str_is(word, "struct")            ? "struct"
                  : shale_str_is(word, "map")             ? "map"
                  : is_list && shale_str_is(word, "list") ? "a list of lists"
                                                          : NULL;
    if (unsupported != NULL) {
        SHALE_DEF_ERROR(def, node, definition_unsupported, "type", unsupported);
        return false;
    }
    wrong = scan_scalar(&scan, word, &scalar);
    if (wrong == NULL && is_list && !take_byte(&scan, '>'))
        wrong = "expected '>' at its end";
    skip_spaces(&scan);
    if (wrong == NULL && scan.at < scan.text.n_bytes)
        wrong = "expected nothing more behind the type";
    if (wrong != NULL) {
        if (is_cut(scan.text))
            wrong = "inside { } a comma ends the text; quote the type, as in \"decimal(18,2)\"";
        if (wrong[0] == '\0')
            report_unknown(def, node, word);
        else
            SHALE_DEF_ERROR(def, node, definition_type, SHALE_DEF_SHOW(node->text), wrong);
        return false;
    }
    *out = scalar;
    if (is_list) {
        struct shale_type_member *element = shale_def_zeroed(def, 1, sizeof *element);
        if (element == NULL)
            return false;
        *element = (struct shale_type_member){SHALE_STR("element"), scalar};
        *out = (struct shale_type){.kind = SHALE_LIST, .members = element, .n_members = 1};
    }
    return true;
}

const char *shale_def_type_name(const struct shale_type *type, char *out)
{
    const struct shale_type *scalar = type->kind == SHALE_LIST ? shale_type_element(type) : type;
    char arguments[20] = "";
    if (scalar->kind == SHALE_DECIMAL)
        (void)snprintf(arguments, sizeof arguments, "(%d,%d)", scalar->precision, scalar->scale);
    else if (scalar->kind == SHALE_TIMESTAMP && (scalar->unit != SHALE_US || scalar->int96))
        (void)snprintf(arguments, sizeof arguments, "(%s%s)", units[scalar->unit],
                       scalar->int96 ? ",int96" : "");
    (void)snprintf(out, SHALE_DEF_TYPE_BYTES, type->kind == SHALE_LIST ? "list<%s%s>" : "%s%s",
                   type_names[scalar->kind].name, arguments);
    return out;
}
