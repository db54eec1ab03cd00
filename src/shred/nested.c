/* SPDX-License-Identifier: MIT */
/* Lists, maps and structs: from their text into the columns, in one pass, nothing in between.
 *
 * Values go to the builder as they are read; when the event turns out to be a reject, its owner
 * drops what it has appended.  The text was checked when it was walked over.  A struct's members
 * are looked for first (of one name the last counts), those of structs inside it in the same pass,
 * and then read in the order of the type.  Recursion follows the type, never the text. */
#include <stdio.h>

#include "shred/shredder.h"
#include "shred/steps.h"

struct reading {
    struct shale_shredder *shredder;
    const struct shale_field *field;
    size_t column;
    struct shale_builder *builder;
    struct shale_reject *reject;
    struct shale_err *err;
};

static enum shale_status read_value(struct reading *r, struct shale_nest *nest,
                                    struct shale_elements *values);

/* The value at 'at' is why the event is a reject. */
static void point_at(struct reading *r, const char *at)
{
    shale_buf_reset(&r->shredder->pointer);
    r->reject->at = (size_t)(at - r->shredder->text);
}

/* A step of the pointer, on the way out of a reject. */
static enum shale_status inside_member(struct reading *r, struct shale_str name)
{
    enum shale_status status = shale_step_name(&r->shredder->pointer, name);
    return status == SHALE_OK ? SHALE_SCHEMA : status;
}

static enum shale_status inside_element(struct reading *r, size_t index)
{
    enum shale_status status = shale_step_index(&r->shredder->pointer, index);
    return status == SHALE_OK ? SHALE_SCHEMA : status;
}

static enum shale_status wrong_type(struct reading *r, struct shale_element *found,
                                    const char *expected)
{
    struct shale_quoted shown;
    point_at(r, found->text.data);
    if (found->kind == SHALE_KIND_STRING) {
        found->text.data++;
        found->text.n_bytes -= 2;
    }
    return SHALE_ERR(r->err, type, expected, shale_value_quote(found->kind, found->text, &shown));
}

static enum shale_status read_scalar(struct reading *r, const struct shale_type *type,
                                     const struct shale_element *element)
{
    struct shale_shredder *shredder = r->shredder;
    size_t decoded = shredder->decoded.n_bytes, made = shredder->made.n_bytes;
    struct shale_value value;
    bool null;
    enum shale_status status =
        shale_element_read(shredder, r->field, type, element, &value, &null, r->err);
    if (status == SHALE_SCHEMA)
        point_at(r, element->text.data);
    if (status != SHALE_OK)
        return status;
    if (null)
        shale_builder_null(r->builder, r->column);
    else
        shale_value_put(r->builder, r->column, type, &value);
    /* The builder has a copy: a value of any length takes the memory of one scalar inside it. */
    shredder->decoded.n_bytes = decoded;
    shredder->made.n_bytes = made;
    return SHALE_OK;
}

/* ---- Structs ----------------------------------------------------------------------------------
 */

/* Note where the members are of the object at whose brace 'values' stands, which goes behind it. */
static enum shale_status find_members(struct reading *r, struct shale_nest *nest,
                                      struct shale_elements *values)
{
    size_t n_members = nest->type->n_members;
    struct shale_elements inside = {values->at + 1, values->end};
    struct shale_element name, passed_over = {0};
    uint32_t last = (uint32_t)n_members;
    for (size_t i = 0; i < n_members; i++)
        nest->found[i].kind = SHALE_KIND_NULL;
    while (shale_elements_name(&inside, &name)) {
        struct shale_str plain;
        bool broken;
        enum shale_status status = shale_name_decode(&name, &r->shredder->temp, &plain, &broken);
        if (status != SHALE_OK)
            return status;
        uint32_t i = broken ? SHALE_NEST_NONE : shale_nest_next_member(nest, plain, &last);
        struct shale_element *found = i == SHALE_NEST_NONE ? &passed_over : &nest->found[i];
        if (i == SHALE_NEST_NONE || *inside.at != '{' ||
            nest->type->members[i].type.kind != SHALE_STRUCT) {
            (void)shale_elements_next(&inside, found); /* each name has one */
            continue;
        }
        found->kind = SHALE_KIND_OBJECT;
        found->text.data = inside.at;
        status = find_members(r, &nest->inside[i], &inside);
        if (status != SHALE_OK)
            return status;
    }
    values->at = inside.at + 1;
    return SHALE_OK;
}

/* Read the members that find_members() has noted. */
static enum shale_status read_members(struct reading *r, struct shale_nest *nest)
{
    shale_builder_struct_begin(r->builder, r->column);
    for (size_t i = 0; i < nest->type->n_members; i++) {
        const struct shale_type_member *member = &nest->type->members[i];
        struct shale_nest *inside = &nest->inside[i];
        const struct shale_element *found = &nest->found[i];
        enum shale_status status = SHALE_OK;
        if (found->kind == SHALE_KIND_NULL) {
            shale_builder_null(r->builder, r->column);
        } else if (member->type.kind == SHALE_STRUCT && found->kind == SHALE_KIND_OBJECT) {
            status = read_members(r, inside);
        } else if (inside->inside == NULL) {
            status = read_scalar(r, &member->type, found);
        } else {
            struct shale_elements values = {found->text.data,
                                            found->text.data + found->text.n_bytes};
            status = read_value(r, inside, &values);
        }
        if (status != SHALE_OK)
            return status == SHALE_SCHEMA ? inside_member(r, member->name) : status;
    }
    shale_builder_struct_end(r->builder, r->column);
    return SHALE_OK;
}

static enum shale_status read_struct(struct reading *r, struct shale_nest *nest,
                                     struct shale_elements *values)
{
    enum shale_status status = find_members(r, nest, values);
    return status == SHALE_OK ? read_members(r, nest) : status;
}

/* ---- Lists and maps ---------------------------------------------------------------------------
 */

/* What an element takes in the columns is not bounded by its text. */
static enum shale_status charge(struct reading *r, const struct shale_nest *nest, const char *at)
{
    struct shale_shredder *shredder = r->shredder;
    shredder->nested_bytes += nest->row_bytes;
    if (shredder->nested_bytes <= shredder->max_nested_bytes)
        return SHALE_OK;
    point_at(r, at);
    return SHALE_ERR(r->err, nested_size, (long long)shredder->max_nested_bytes);
}

static enum shale_status read_list(struct reading *r, struct shale_nest *nest,
                                   struct shale_elements *values, size_t *n)
{
    struct shale_nest *inside = &nest->inside[0];
    struct shale_elements elements = {values->at + 1, values->end};
    enum shale_status status = SHALE_OK;
    *n = 0;
    shale_builder_list_begin(r->builder, r->column);
    for (; shale_elements_more(&elements); ++*n) {
        status = charge(r, inside, elements.at);
        if (status == SHALE_OK)
            status = read_value(r, inside, &elements);
        if (status != SHALE_OK)
            return status == SHALE_SCHEMA ? inside_element(r, *n) : status;
    }
    shale_builder_list_end(r->builder, r->column);
    values->at = elements.at + 1;
    return SHALE_OK;
}

/* Entry 'i': its key, then its value. */
static enum shale_status read_entry(struct reading *r, struct shale_nest *nest, size_t i)
{
    struct shale_members *members = &r->shredder->members;
    struct shale_element name = shale_members_name(members, i);
    struct shale_elements values = shale_members_value(members, i);
    struct shale_nest *inside = &nest->inside[1];
    struct shale_quoted shown;
    struct shale_str key;
    bool broken;
    enum shale_status status = shale_name_decode(&name, &r->shredder->temp, &key, &broken);
    if (status == SHALE_OK && broken) {
        point_at(r, name.text.data);
        status = SHALE_ERR(r->err, surrogate, shale_value_quote(SHALE_KIND_STRING, key, &shown));
    } else if (status == SHALE_OK) {
        shale_builder_bytes(r->builder, r->column, key);
        status = charge(r, inside, values.at);
        if (status == SHALE_OK)
            status = read_value(r, inside, &values);
    }
    if (status != SHALE_SCHEMA)
        return status;
    status =
        shale_name_decode(&name, &r->shredder->temp, &key, &broken); /* temp may have changed */
    return status == SHALE_OK ? inside_member(r, key) : status;
}

static enum shale_status read_map(struct reading *r, struct shale_nest *nest,
                                  struct shale_elements *values, size_t *n)
{
    struct shale_members *members = &r->shredder->members;
    size_t begin = shale_members_n(members), end;
    enum shale_status status = shale_members_add_object(members, values);
    if (status == SHALE_OK)
        status = shale_members_unique(members, begin, SHALE_MEMBERS_FIRST);
    end = shale_members_n(members);
    *n = 0;
    shale_builder_list_begin(r->builder, r->column);
    for (size_t i = begin; status == SHALE_OK && i < end; i++) {
        if (shale_members_at(members, i)->passed_over)
            continue;
        status = read_entry(r, nest, i);
        ++*n;
    }
    if (status != SHALE_OK)
        return status;
    shale_builder_list_end(r->builder, r->column);
    shale_members_drop(members, begin);
    return SHALE_OK;
}

/* ---- Any value --------------------------------------------------------------------------------
 */

/* 'values' stands at the first byte of the value, and goes behind it.  '*n' (of a list or map): its
 * elements. */
static enum shale_status read_nested(struct reading *r, struct shale_nest *nest,
                                     struct shale_elements *values, size_t *n)
{
    enum shale_kind kind = nest->type->kind;
    struct shale_element other;
    if (*values->at == '[' && kind == SHALE_LIST)
        return read_list(r, nest, values, n);
    if (*values->at == '{' && kind == SHALE_STRUCT)
        return read_struct(r, nest, values);
    if (*values->at == '{' && kind == SHALE_MAP)
        return read_map(r, nest, values, n);
    (void)shale_elements_next(values, &other);
    if (other.kind != SHALE_KIND_NULL)
        return wrong_type(r, &other, kind == SHALE_LIST ? "an array" : "an object");
    shale_builder_null(r->builder, r->column);
    return SHALE_OK;
}

static enum shale_status read_value(struct reading *r, struct shale_nest *nest,
                                    struct shale_elements *values)
{
    struct shale_element element;
    size_t n;
    if (nest->inside != NULL)
        return read_nested(r, nest, values, &n);
    (void)shale_elements_next(values, &element);
    return read_scalar(r, nest->type, &element);
}

enum shale_status shale_nested_read(struct shale_shredder *shredder, size_t index,
                                    const struct shale_found *found, struct shale_builder *builder,
                                    struct shale_reject *reject, struct shale_err *err)
{
    const struct shale_field *field = &shredder->stream->fields[index];
    struct reading r = {shredder, field, index, builder, reject, err};
    const char *begin = shredder->text + found->at;
    struct shale_elements values = {begin, shredder->members.text_end};
    struct shale_quoted shown;
    size_t n = 0;
    if (found->lineage)
        return SHALE_ERR(err, type, field->type.kind == SHALE_LIST ? "an array" : "an object",
                         shale_value_quote(found->kind, found->text, &shown));
    enum shale_status status = read_nested(&r, &shredder->nests[index], &values, &n);
    if (status == SHALE_SCHEMA) {
        enum shale_status finished = shale_steps_finish(&shredder->pointer, reject->pointer);
        reject->pointer = shale_buf_str(&shredder->pointer);
        return finished == SHALE_OK ? SHALE_SCHEMA : finished;
    }
    if (status == SHALE_OK && field->type.kind != SHALE_STRUCT)
        status = shale_constraint_check_list(field, n, err);
    return status;
}
