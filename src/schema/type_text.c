/* SPDX-License-Identifier: MIT */
/* Types as text.  Recursion follows the type, which nests to SHALE_TYPE_DEPTH. */
#include "schema/type_text.h"

#include <stdio.h>
#include <string.h>

static const char *const names[] = {
    [SHALE_STRING] = "string",   [SHALE_BOOL] = "bool",       [SHALE_INT32] = "int32",
    [SHALE_INT64] = "int64",     [SHALE_FLOAT64] = "float64", [SHALE_DECIMAL] = "decimal",
    [SHALE_DATE] = "date",       [SHALE_TIME] = "time",       [SHALE_TIMESTAMP] = "timestamp",
    [SHALE_UUID] = "uuid",       [SHALE_BINARY] = "binary",   [SHALE_JSON] = "json",
    [SHALE_LIST] = "list",       [SHALE_MAP] = "map",         [SHALE_STRUCT] = "struct",
    [SHALE_INT8] = "int8",       [SHALE_INT16] = "int16",     [SHALE_UINT8] = "uint8",
    [SHALE_UINT16] = "uint16",   [SHALE_UINT32] = "uint32",   [SHALE_UINT64] = "uint64",
    [SHALE_FLOAT32] = "float32", [SHALE_FIXED] = "fixed"};

static const char *const units[] = {[SHALE_MS] = "ms", [SHALE_US] = "us", [SHALE_NS] = "ns"};

struct text_out {
    char *text;
    size_t used, most; /* of 'most' bytes; more is left out */
};

static void put(struct text_out *out, struct shale_str text)
{
    size_t left = out->most - out->used;
    size_t n = text.n_bytes < left ? text.n_bytes : left;
    if (n > 0)
        memcpy(out->text + out->used, text.data, n);
    out->used += n;
}

static bool is_word(struct shale_str name)
{
    for (size_t i = 0; i < name.n_bytes; i++) {
        char c = name.data[i];
        if ((c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '_')
            return false;
    }
    return name.n_bytes > 0;
}

static void put_name(struct text_out *out, struct shale_str name)
{
    if (is_word(name)) {
        put(out, name);
        return;
    }
    put(out, SHALE_STR("\""));
    for (size_t i = 0; i < name.n_bytes; i++) {
        if (name.data[i] == '"' || name.data[i] == '\\')
            put(out, SHALE_STR("\\"));
        put(out, (struct shale_str){name.data + i, 1});
    }
    put(out, SHALE_STR("\""));
}

static void put_type(struct text_out *out, const struct shale_type *type);

/* Stops where there is no more room. */
static void put_members(struct text_out *out, const struct shale_type *type)
{
    bool is_struct = type->kind == SHALE_STRUCT;
    put(out, is_struct ? SHALE_STR("{") : SHALE_STR("<"));
    for (size_t i = 0; i < type->n_members && out->used < out->most; i++) {
        if (i > 0)
            put(out, is_struct ? SHALE_STR(", ") : SHALE_STR(","));
        if (is_struct) {
            put_name(out, type->members[i].name);
            put(out, SHALE_STR(": "));
        }
        put_type(out, &type->members[i].type);
    }
    put(out, is_struct ? SHALE_STR("}") : SHALE_STR(">"));
}

static void put_type(struct text_out *out, const struct shale_type *type)
{
    char arguments[32] = "";
    put(out, shale_str_of(names[type->kind]));
    switch (type->kind) {
    case SHALE_DECIMAL:
        (void)snprintf(arguments, sizeof arguments, "(%d,%d)", type->precision, type->scale);
        break;
    case SHALE_TIME:
        if (type->unit != SHALE_US)
            (void)snprintf(arguments, sizeof arguments, "(%s)", units[type->unit]);
        break;
    case SHALE_TIMESTAMP:
        (void)snprintf(arguments, sizeof arguments, "(%s%s%s)", units[type->unit],
                       type->local ? ",local" : "", type->int96 ? ",int96" : "");
        break;
    case SHALE_FIXED:
        (void)snprintf(arguments, sizeof arguments, "(%d)", (int)type->width);
        break;
    case SHALE_LIST:
    case SHALE_MAP:
    case SHALE_STRUCT:
        put_members(out, type);
        break;
    default:
        break;
    }
    put(out, shale_str_of(arguments));
}

const char *shale_type_text(const struct shale_type *type, char *out, size_t n_bytes)
{
    struct text_out text = {out, 0, n_bytes - 1};
    put_type(&text, type);
    if (text.used == text.most) { /* cut, if not by chance just long enough */
        size_t end = text.most - 3;
        while (end > 0 && ((unsigned char)out[end] & 0xC0) == 0x80) /* not within a character */
            end--;
        memcpy(out + end, "...", 3);
        text.used = end + 3;
    }
    out[text.used] = '\0';
    return out;
}

bool shale_type_equal(const struct shale_type *a, const struct shale_type *b)
{
    bool timed = a->kind == SHALE_TIME || a->kind == SHALE_TIMESTAMP;
    if (a->kind != b->kind || a->n_members != b->n_members ||
        shale_type_layout(a) != shale_type_layout(b))
        return false;
    if (a->kind == SHALE_DECIMAL && (a->precision != b->precision || a->scale != b->scale))
        return false;
    if ((timed && (a->unit != b->unit || a->local != b->local)) ||
        (a->kind == SHALE_FIXED && a->width != b->width))
        return false;
    for (size_t i = 0; i < a->n_members; i++)
        if ((a->kind == SHALE_STRUCT && !shale_str_equal(a->members[i].name, b->members[i].name)) ||
            !shale_type_equal(&a->members[i].type, &b->members[i].type))
            return false;
    return true;
}
