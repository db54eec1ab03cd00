/* SPDX-License-Identifier: MIT */
/* Types as text.  Recursion follows the type, which nests to SHALE_TYPE_DEPTH. */
#include "schema/type_text.h"

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

static enum shale_status put_members(const struct shale_type *type, struct shale_buf *out)
{
    bool is_struct = type->kind == SHALE_STRUCT;
    enum shale_status status = shale_buf_append_byte(out, is_struct ? '{' : '<');
    for (size_t i = 0; i < type->n_members && status == SHALE_OK; i++) {
        const struct shale_type_member *member = &type->members[i];
        if (i > 0)
            status = shale_buf_append(out, ", ", is_struct ? 2 : 1);
        if (status == SHALE_OK && is_struct)
            status = shale_buf_printf(out, "%.*s: ", SHALE_STR_ARG(member->name));
        if (status == SHALE_OK)
            status = shale_type_text(&member->type, out);
    }
    return status == SHALE_OK ? shale_buf_append_byte(out, is_struct ? '}' : '>') : status;
}

enum shale_status shale_type_text(const struct shale_type *type, struct shale_buf *out)
{
    enum shale_status status = shale_buf_append_str(out, shale_str_of(names[type->kind]));
    if (status != SHALE_OK)
        return status;
    switch (type->kind) {
    case SHALE_DECIMAL:
        return shale_buf_printf(out, "(%u,%u)", (unsigned)type->precision, (unsigned)type->scale);
    case SHALE_TIME:
    case SHALE_TIMESTAMP:
        return shale_buf_printf(out, "(%s%s)", units[type->unit], type->local ? ", local" : "");
    case SHALE_FIXED:
        return shale_buf_printf(out, "(%d)", (int)type->width);
    case SHALE_LIST:
    case SHALE_MAP:
    case SHALE_STRUCT:
        return put_members(type, out);
    default:
        return SHALE_OK;
    }
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
