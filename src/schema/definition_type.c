/* SPDX-License-Identifier: MIT */
/* The text of a type: string, decimal(18,2), list<int32>, struct{a: bool, b: map<string,date>} ...
 */
#include "schema/definition_parts.h"

#include <stdio.h>

/* In the order of enum shale_kind; those that hold others apart. */
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
    {"int", "int32 or int64"}, {"integer", "int32 or int64"}, {"long", "int64"},
    {"bigint", "int64"},       {"number", "float64"},         {"float", "float64"},
    {"double", "float64"},     {"float32", "float64"},        {"boolean", "bool"},
    {"text", "string"},        {"varchar", "string"},         {"str", "string"},
    {"datetime", "timestamp"}, {"bytes", "binary"},           {"object", "json"},
    {"array", "list<...>"},    {"numeric", "decimal(p,s)"},   {"int8", "int32"},
    {"int16", "int32"},        {"variant", "json"},           {"record", "struct{...}"},
    {"row", "struct{...}"},    {"dict", "map<string,...>"},
};

static const char *const units[] = {[SHALE_MS] = "ms", [SHALE_US] = "us", [SHALE_NS] = "ns"};

/* What is inside one another: a list<string> has two levels. */
enum { MOST_LEVELS = 32, MOST_MEMBERS = 2000, MOST_NAME_BYTES = 256 };

struct scan {
    struct shale_def *def;
    struct shale_str text;
    size_t at;
    struct shale_str unknown; /* the word that is no type, where that is what is wrong */
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
    if (kind == N_TYPE_NAMES) {
        scan->unknown = word;
        return "";
    }
    *out = (struct shale_type){.kind = (enum shale_kind)kind};
    if (out->kind == SHALE_TIME)
        out->unit = SHALE_US;
    if (out->kind == SHALE_DECIMAL)
        return scan_decimal(scan, out);
    if (out->kind == SHALE_TIMESTAMP)
        return scan_timestamp(scan, out);
    return NULL;
}

/* ---- Types that hold others -------------------------------------------------------------------
 */

static const char *scan_type(struct scan *scan, size_t level, struct shale_type *out);

/* Out of memory: def->status says so, and there is nothing to report. */
static const char no_memory[] = "out of memory";

static const char *scan_list(struct scan *scan, size_t level, struct shale_type *out)
{
    struct shale_type_member *element = shale_def_zeroed(scan->def, 1, sizeof *element);
    const char *wrong;
    if (element == NULL)
        return no_memory;
    *out = (struct shale_type){.kind = SHALE_LIST, .members = element, .n_members = 1};
    element->name = SHALE_STR("element");
    if (!take_byte(scan, '<'))
        return "expected the type of its elements, as in list<string>";
    wrong = scan_type(scan, level + 1, &element->type);
    return wrong != NULL || take_byte(scan, '>') ? wrong : "expected '>' at the end of a list";
}

static const char *scan_map(struct scan *scan, size_t level, struct shale_type *out)
{
    static const char expected[] = "expected map<string,...>: its keys are strings";
    struct shale_type_member *members = shale_def_zeroed(scan->def, 2, sizeof *members);
    const char *wrong;
    if (members == NULL)
        return no_memory;
    *out = (struct shale_type){.kind = SHALE_MAP, .members = members, .n_members = 2};
    members[0] = (struct shale_type_member){SHALE_STR("key"), {.kind = SHALE_STRING}};
    members[1].name = SHALE_STR("value");
    if (!take_byte(scan, '<') || !shale_str_is(take_word(scan), "string") || !take_byte(scan, ','))
        return expected;
    wrong = scan_type(scan, level + 1, &members[1].type);
    return wrong != NULL || take_byte(scan, '>') ? wrong : "expected '>' at the end of a map";
}

/* A word, or anything between double quotes, where '\' stands before a quote or itself. */
static const char *scan_name(struct scan *scan, struct shale_str *out)
{
    char name[MOST_NAME_BYTES];
    size_t n = 0;
    if (!take_byte(scan, '"')) {
        *out = take_word(scan);
        if (out->n_bytes == 0)
            return "expected the name of a member; one that is no plain word stands in double "
                   "quotes";
        if (out->n_bytes > MOST_NAME_BYTES)
            return "expected a member's name of at most 256 bytes";
        *out = shale_def_copy(scan->def, *out);
        return NULL;
    }
    for (;; n++) {
        char c = scan->at < scan->text.n_bytes ? scan->text.data[scan->at] : '\0';
        if (c == '"')
            break;
        if (c == '\\' && scan->at + 1 < scan->text.n_bytes)
            c = scan->text.data[++scan->at];
        if (scan->at == scan->text.n_bytes)
            return "expected '\"' at the end of a member's name";
        if (n == MOST_NAME_BYTES)
            return "expected a member's name of at most 256 bytes";
        name[n] = c;
        scan->at++;
    }
    scan->at++;
    if (n == 0 || shale_def_has_control((struct shale_str){name, n}))
        return "expected a member's name of 1 to 256 bytes without control characters";
    *out = shale_def_copy(scan->def, (struct shale_str){name, n});
    return NULL;
}

/* Members as they are found, the last first. */
struct found_member {
    struct shale_type_member member;
    struct found_member *before;
};

static const char *scan_member(struct scan *scan, size_t level, struct found_member *found)
{
    const char *wrong = scan_name(scan, &found->member.name);
    if (wrong != NULL)
        return wrong;
    for (const struct found_member *other = found->before; other != NULL; other = other->before)
        if (shale_str_equal(other->member.name, found->member.name))
            return "a member's name is given twice";
    if (!take_byte(scan, ':'))
        return "expected ':' behind the name of a member, as in struct{a: string}";
    return scan_type(scan, level + 1, &found->member.type);
}

static const char *scan_struct(struct scan *scan, size_t level, struct shale_type *out)
{
    struct found_member *last = NULL;
    struct shale_type_member *members;
    size_t n = 0;
    if (!take_byte(scan, '{'))
        return "expected its members, as in struct{a: string, b: int32}";
    do {
        struct found_member *found = shale_arena_zeroed(&scan->def->work, 1, sizeof *found);
        const char *wrong;
        if (found == NULL) {
            scan->def->status = SHALE_NOMEM;
            return no_memory;
        }
        found->before = last;
        last = found;
        if (++n > MOST_MEMBERS)
            return "a struct has at most 2000 members";
        wrong = scan_member(scan, level, found);
        if (wrong != NULL)
            return wrong;
    } while (take_byte(scan, ','));
    if (!take_byte(scan, '}'))
        return "expected ',' or '}' behind a member of a struct";
    members = shale_def_zeroed(scan->def, n, sizeof *members);
    if (members == NULL)
        return no_memory;
    *out = (struct shale_type){.kind = SHALE_STRUCT, .members = members, .n_members = n};
    for (; last != NULL; last = last->before)
        members[--n] = last->member;
    return NULL;
}

/* What is wrong, or NULL; "": scan->unknown is no type. */
static const char *scan_type(struct scan *scan, size_t level, struct shale_type *out)
{
    struct shale_str word = take_word(scan);
    if (level > MOST_LEVELS)
        return "types are at most 32 levels deep";
    if (shale_str_is(word, "list"))
        return scan_list(scan, level, out);
    if (shale_str_is(word, "map"))
        return scan_map(scan, level, out);
    if (shale_str_is(word, "struct"))
        return scan_struct(scan, level, out);
    return scan_scalar(scan, word, out);
}

/* ---- What is wrong ----------------------------------------------------------------------------
 */

static void report_unknown(struct shale_def *def, const struct shale_yaml_node *node,
                           struct shale_str word)
{
    char hint[320], which[100] = "no such type";
    const char *nearest = shale_def_nearest(word, type_names, N_TYPE_NAMES);
    if (word.n_bytes == 0)
        (void)snprintf(which, sizeof which, "a type is missing");
    else if (word.n_bytes < node->text.n_bytes)
        (void)snprintf(which, sizeof which, "no such type as '%.*s'", SHALE_DEF_SHOW(word));
    for (size_t i = 0; i < sizeof other_names / sizeof other_names[0]; i++) {
        if (shale_str_is(word, other_names[i].name))
            nearest = other_names[i].ours;
    }
    if (nearest != NULL)
        (void)snprintf(hint, sizeof hint, "%s; did you mean %s?", which, nearest);
    else
        (void)snprintf(hint, sizeof hint,
                       "%s; expected string, bool, int32, int64, float64, decimal(p,s), date, "
                       "time, timestamp, uuid, binary, json, list<...>, map<string,...> or "
                       "struct{...}",
                       which);
    SHALE_DEF_ERROR(def, node, definition_type, SHALE_DEF_SHOW(node->text), hint);
}

/* {type: decimal(18,2)} is "decimal(18" to YAML, and then a key "2)". */
static bool is_cut(struct shale_str text)
{
    static const char pairs[][2] = {{'(', ')'}, {'<', '>'}, {'{', '}'}};
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0] && text.n_bytes > 0; i++)
        if (memchr(text.data, pairs[i][0], text.n_bytes) != NULL &&
            memchr(text.data, pairs[i][1], text.n_bytes) == NULL)
            return true;
    return false;
}

static void report(struct scan *scan, const struct shale_yaml_node *node, const char *wrong)
{
    char words[200];
    if (node->plain && is_cut(scan->text))
        wrong = "inside { } a comma ends the text; quote the type, as in \"decimal(18,2)\"";
    else if (wrong[0] == '\0') {
        report_unknown(scan->def, node, scan->unknown);
        return;
    } else if (memchr(scan->text.data, '<', scan->text.n_bytes) != NULL ||
               memchr(scan->text.data, '{', scan->text.n_bytes) != NULL) {
        (void)snprintf(words, sizeof words, "%s (at byte %zu of the type)", wrong, scan->at + 1);
        wrong = words;
    }
    SHALE_DEF_ERROR(scan->def, node, definition_type, SHALE_DEF_SHOW(node->text), wrong);
}

bool shale_def_type(struct shale_def *def, const struct shale_yaml_node *node,
                    struct shale_type *out)
{
    struct scan scan = {.def = def};
    struct shale_type type;
    const char *wrong;

    if (!shale_def_text(def, node, "type", "a type such as string or timestamp", &scan.text))
        return false;
    wrong = scan_type(&scan, 1, &type);
    if (wrong == NULL) {
        skip_spaces(&scan);
        if (scan.at < scan.text.n_bytes)
            wrong = "expected nothing more behind the type";
    }
    if (wrong == NULL && def->status == SHALE_OK) {
        *out = type;
        return true;
    }
    if (wrong != NULL && def->status == SHALE_OK)
        report(&scan, node, wrong);
    return false;
}
