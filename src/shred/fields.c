/* SPDX-License-Identifier: MIT */
/* From what is found to a field's value: null_values, default, required, conversion, constraints,
 * in this order. */
#include <inttypes.h>

#include "json/text.h"
#include "shred/shredder.h"

void shale_reject_field(const struct shale_field *field, const struct shale_found *found,
                        struct shale_reject *reject)
{
    const struct shale_from *from = found->from != NULL ? found->from : &field->from[0];
    reject->field = field->name;
    reject->pointer =
        from->kind == SHALE_FROM_POINTER ? from->pointer.text : (struct shale_str){"", 0};
    reject->at = found->at;
}

static bool means_null(const struct shale_field *field, const struct shale_found *found)
{
    if (found->kind == SHALE_KIND_OBJECT || found->kind == SHALE_KIND_ARRAY || found->broken)
        return false;
    for (size_t i = 0; i < field->n_null_values; i++)
        if (shale_str_equal(field->null_values[i], found->text))
            return true;
    return false;
}

/* A string with its quotes, as it stands in the text. */
static struct shale_str quoted(struct shale_str text)
{
    return (struct shale_str){text.data - 1, text.n_bytes + 2};
}

/* Does a value of this type come from a string? */
static bool reads_text(const struct shale_field *field, const struct shale_type *type)
{
    switch (type->kind) {
    case SHALE_BOOL:
    case SHALE_INT32:
    case SHALE_INT64:
    case SHALE_FLOAT64:
    case SHALE_DECIMAL:
        return field->lax;
    default:
        return true;
    }
}

/* Make a value that stands in the text ready for conversion to 'type'.  It becomes NULL when it
 * means that.  SHALE_SCHEMA: not UTF-8, or half a surrogate pair. */
static enum shale_status prepare(struct shale_shredder *shredder, const struct shale_field *field,
                                 const struct shale_type *type, bool escaped,
                                 struct shale_found *found, struct shale_err *err)
{
    struct shale_quoted shown;
    struct shale_found plain = *found;
    bool is_json = type->kind == SHALE_JSON && !found->lineage;
    enum shale_status status = SHALE_OK;
    if (found->lineage && !shale_utf8_valid(found->text))
        return SHALE_ERR(err, utf8, shale_value_quote(found->kind, found->text, &shown));
    if (!is_json || field->n_null_values > 0)
        status = shale_found_decode(&plain, escaped, field->trim, &shredder->decoded);
    if (status != SHALE_OK)
        return status;
    if (field->n_null_values > 0 && means_null(field, &plain))
        found->kind = SHALE_KIND_NULL;
    else if (is_json && found->kind == SHALE_KIND_STRING)
        found->text = quoted(found->text); /* keeps its own text, whatever its escapes are */
    else if (!is_json && plain.broken && reads_text(field, type))
        return SHALE_ERR(err, surrogate, shale_value_quote(found->kind, found->text, &shown));
    else
        *found = plain;
    return SHALE_OK;
}

/* The first of the field's places that has a value. */
static enum shale_status find(struct shale_shredder *shredder, size_t index,
                              struct shale_found *found, struct shale_err *err)
{
    const struct shale_field *field = &shredder->stream->fields[index];
    enum shale_status status = SHALE_OK;
    found->kind = SHALE_KIND_NULL;
    for (size_t i = 0; i < field->n_from && found->kind == SHALE_KIND_NULL; i++) {
        const struct shale_from *from = &field->from[i];
        uint32_t path = shredder->field_paths[shredder->first_from[index] + i];
        *found = shale_found_at(shredder, from, path);
        if (found->kind == SHALE_KIND_NULL || field->type.n_members > 0)
            continue;
        bool escaped =
            from->kind == SHALE_FROM_POINTER && shale_walk_slot(&shredder->walk, path)->escaped;
        status = prepare(shredder, field, &field->type, escaped, found, err);
        if (status != SHALE_OK)
            return status;
    }
    if (found->kind == SHALE_KIND_NULL) /* of an absent value the first place is named */
        found->from = NULL, found->at = shredder->walk.begin;
    return status;
}

static enum shale_status convert(struct shale_shredder *shredder, const struct shale_field *field,
                                 const struct shale_type *type, const struct shale_found *found,
                                 struct shale_value *out, struct shale_err *err)
{
    enum shale_status status = shale_value_convert(type, field->lax || found->lineage, found->kind,
                                                   found->text, &shredder->made, out, err);
    if (status == SHALE_OK)
        status = shale_constraint_check(shredder->matcher, field, type, out, err);
    return status;
}

/* The cell's bytes lie where they are, or in a buffer that later fields may move. */
static void hold(struct shale_shredder *shredder, struct shale_cell *cell, size_t made_before)
{
    struct shale_str bytes = cell->value.as.bytes;
    if (shredder->made.n_bytes > made_before) {
        cell->held = &shredder->made;
        cell->offset = made_before;
    } else if (bytes.n_bytes == 0) {
        cell->value.as.bytes = SHALE_STR("");
    } else if (cell->found.decoded) {
        cell->held = &shredder->decoded;
        cell->offset = (size_t)(bytes.data - shredder->decoded.data);
    }
}

struct shale_str shale_cell_found_text(const struct shale_shredder *shredder,
                                       const struct shale_cell *cell)
{
    struct shale_str text = cell->found.text;
    if (cell->found.decoded)
        text.data = shredder->decoded.data + cell->found.offset;
    return text;
}

enum shale_status shale_element_read(struct shale_shredder *shredder,
                                     const struct shale_field *field, const struct shale_type *type,
                                     const struct shale_element *element, struct shale_value *out,
                                     bool *null, struct shale_err *err)
{
    struct shale_found found = {.kind = element->kind, .text = element->text};
    enum shale_status status = SHALE_OK;
    if (found.kind == SHALE_KIND_STRING) {
        found.text.data++;
        found.text.n_bytes -= 2;
    }
    if (found.kind != SHALE_KIND_NULL)
        status = prepare(shredder, field, type, element->escaped, &found, err);
    *null = found.kind == SHALE_KIND_NULL;
    if (status == SHALE_OK && !*null)
        status = convert(shredder, field, type, &found, out, err);
    return status;
}

/* What a file system takes as a name. */
enum { MAX_DIRECTORY_BYTES = 255 };

static int64_t escaped_bytes(struct shale_str text)
{
    int64_t n = 0;
    for (size_t i = 0; i < text.n_bytes; i++)
        n += shale_partition_is_plain((unsigned char)text.data[i]) ? 1 : 3;
    return n;
}

/* Can NAME=TEXT be a partition's directory, and mean that text for a reader? */
static enum shale_status check_partition(const struct shale_field *field, struct shale_str text,
                                         struct shale_err *err)
{
    int64_t n_bytes;
    if (text.n_bytes == 0)
        return SHALE_ERR(err, partition_empty);
    if (shale_str_equal(text, SHALE_STR(SHALE_PARTITION_NULL)))
        return SHALE_ERR(err, partition_null, SHALE_PARTITION_NULL);
    n_bytes = escaped_bytes(field->name) + 1 + escaped_bytes(text);
    if (n_bytes > MAX_DIRECTORY_BYTES)
        return SHALE_ERR(err, partition_long, MAX_DIRECTORY_BYTES, (long long)n_bytes);
    return SHALE_OK;
}

enum shale_status shale_field_read(struct shale_shredder *shredder, size_t index,
                                   struct shale_builder *builder, struct shale_reject *reject,
                                   struct shale_err *err)
{
    const struct shale_field *field = &shredder->stream->fields[index];
    struct shale_cell *cell = &shredder->cells[index];
    size_t made_before = shredder->made.n_bytes;
    bool is_bytes = shale_type_layout(&field->type) == SHALE_LAYOUT_BYTES;
    *cell = (struct shale_cell){.null = false};
    enum shale_status status = find(shredder, index, &cell->found, err);
    shale_reject_field(field, &cell->found, reject);
    if (status != SHALE_OK)
        return status;
    if (cell->found.kind == SHALE_KIND_NULL) {
        if (field->has_default)
            cell->value = field->default_value;
        else if (field->required)
            return SHALE_ERR(err, required);
        cell->null = !field->has_default;
    } else if (field->type.n_members > 0) {
        return shale_nested_read(shredder, index, &cell->found, builder, reject, err);
    } else {
        status = convert(shredder, field, &field->type, &cell->found, &cell->value, err);
        if (status != SHALE_OK)
            return status;
        if (is_bytes)
            hold(shredder, cell, made_before);
    }
    if (field->partition_identity && is_bytes && !cell->null)
        return check_partition(field, cell->value.as.bytes, err);
    return SHALE_OK;
}

void shale_value_put(struct shale_builder *builder, size_t column, const struct shale_type *type,
                     const struct shale_value *value)
{
    switch (shale_type_layout(type)) {
    case SHALE_LAYOUT_BOOL:
        shale_builder_bool(builder, column, value->as.boolean);
        break;
    case SHALE_LAYOUT_I32:
        shale_builder_i32(builder, column, value->as.i32);
        break;
    case SHALE_LAYOUT_I64:
        shale_builder_i64(builder, column, value->as.i64);
        break;
    case SHALE_LAYOUT_F64:
        shale_builder_f64(builder, column, value->as.f64);
        break;
    case SHALE_LAYOUT_I128:
        shale_builder_i128(builder, column, value->as.i128);
        break;
    case SHALE_LAYOUT_BYTES:
        shale_builder_bytes(builder, column, value->as.bytes);
        break;
    case SHALE_LAYOUT_F32:
    case SHALE_LAYOUT_LIST:
    case SHALE_LAYOUT_STRUCT:
        break;
    }
}

void shale_field_append(struct shale_shredder *shredder, size_t index,
                        struct shale_builder *builder)
{
    const struct shale_field *field = &shredder->stream->fields[index];
    struct shale_cell *cell = &shredder->cells[index];
    if (cell->null) {
        shale_builder_null(builder, index);
        return;
    }
    if (field->type.n_members > 0)
        return; /* it was appended when it was read */
    if (cell->held != NULL)
        cell->value.as.bytes.data = cell->held->data + cell->offset;
    shale_value_put(builder, index, &field->type, &cell->value);
}
