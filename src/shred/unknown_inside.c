/* SPDX-License-Identifier: MIT */
/* Members that the definition does not name, where fields are structs or hold some.
 *
 * A value has readers: the types of fields that read it, or of what is inside them.  A member of an
 * object is known when one of the object's readers is a struct that names it or a map, or when a
 * field (or, to reject, a condition) names it by a pointer.  Members are judged in the event itself
 * and wherever there is a reader; of one name the last is looked into, as it is the one that is
 * read.
 *
 * Recursion goes no deeper than a type and the pointer to it, nor than the cursor lets text nest
 * (SHALE_JSON_MAX_DEPTH). */
#include <string.h>

#include "shred/shredder.h"
#include "shred/steps.h"

struct judging {
    struct shale_shredder *shredder;
    struct shale_reject *reject; /* NULL: unknown members are kept */
    struct shale_err *err;
};

/* A value that is looked into. */
struct place {
    uint32_t path;     /* or SHALE_PATH_NONE */
    size_t readers, n; /* shredder->readers[readers, readers + n) */
    bool judged;       /* its members are to be named */
};

/* What is said of a member or an element. */
struct inner {
    struct place place;
    bool known;
    bool whole; /* a reader takes all of it, whatever it holds */
};

static const struct shale_nest *reader_at(const struct shale_shredder *shredder, size_t i)
{
    const struct shale_nest *nest;
    memcpy(&nest, shredder->readers.data + i * sizeof nest, sizeof nest);
    return nest;
}

static enum shale_status add_reader(struct shale_shredder *shredder, const struct shale_nest *nest,
                                    struct inner *inner)
{
    inner->known = true;
    if (!nest->has_struct) {
        inner->whole = true;
        return SHALE_OK;
    }
    inner->place.n++;
    inner->place.judged = true;
    return shale_buf_append(&shredder->readers, &nest, sizeof(const struct shale_nest *));
}

/* The fields that read 'path' itself. */
static enum shale_status add_fields(struct shale_shredder *shredder, uint32_t path,
                                    struct inner *inner)
{
    enum shale_status status = SHALE_OK;
    uint32_t from = path == SHALE_PATH_NONE ? SHALE_PATH_NONE : shredder->first_reader[path];
    for (; status == SHALE_OK && from != SHALE_PATH_NONE; from = shredder->next_reader[from])
        status = add_reader(shredder, &shredder->nests[shredder->field_of_from[from]], inner);
    return status;
}

static void drop_readers(struct shale_shredder *shredder, const struct inner *inner)
{
    shredder->readers.n_bytes = inner->place.readers * sizeof(const struct shale_nest *);
}

static struct inner at_path(const struct judging *j, uint32_t path)
{
    const struct shale_shredder *shredder = j->shredder;
    uint8_t wanted = j->reject == NULL ? SHALE_PATH_FIELD : UINT8_MAX;
    bool named = path != SHALE_PATH_NONE && (shredder->paths.path[path].marks & wanted) != 0;
    return (struct inner){
        .place = {.path = path,
                  .readers = shredder->readers.n_bytes / sizeof(const struct shale_nest *)},
        .known = named};
}

/* What reads the member 'plain' of a value. */
static enum shale_status look_at_member(struct judging *j, const struct place *outer,
                                        const struct shale_element *name, struct shale_str plain,
                                        bool broken, struct inner *out)
{
    struct shale_shredder *shredder = j->shredder;
    struct shale_str raw = {name->text.data + 1, name->text.n_bytes - 2};
    uint32_t path = outer->path;
    if (path != SHALE_PATH_NONE)
        path = shale_paths_member(&shredder->paths, path, raw, name->escaped);
    *out = at_path(j, path);
    enum shale_status status = add_fields(shredder, path, out);
    for (size_t i = outer->readers; status == SHALE_OK && i < outer->readers + outer->n; i++) {
        const struct shale_nest *nest = reader_at(shredder, i);
        uint32_t member = SHALE_NEST_NONE;
        if (nest->type->kind == SHALE_STRUCT && !broken)
            member = shale_nest_member(nest, plain);
        else if (nest->type->kind == SHALE_MAP)
            member = 1; /* its value */
        if (member != SHALE_NEST_NONE)
            status = add_reader(shredder, &nest->inside[member], out);
    }
    return status;
}

static enum shale_status look_at_element(struct judging *j, const struct place *outer, size_t index,
                                         struct inner *out)
{
    struct shale_shredder *shredder = j->shredder;
    uint32_t path = outer->path;
    if (path != SHALE_PATH_NONE)
        path = index < SHALE_PATH_NONE
                   ? shale_paths_element(&shredder->paths, path, (uint32_t)index)
                   : SHALE_PATH_NONE;
    *out = at_path(j, path);
    enum shale_status status = add_fields(shredder, path, out);
    for (size_t i = outer->readers; status == SHALE_OK && i < outer->readers + outer->n; i++) {
        const struct shale_nest *nest = reader_at(shredder, i);
        if (nest->type->kind == SHALE_LIST)
            status = add_reader(shredder, &nest->inside[0], out);
    }
    return status;
}

/* Is there something inside to be judged? */
static bool leads_on(const struct judging *j, const struct inner *inner)
{
    uint32_t path = inner->place.path;
    return !inner->whole &&
           (inner->place.n > 0 || (path != SHALE_PATH_NONE &&
                                   (j->shredder->paths.path[path].marks & SHALE_PATH_STRUCT) != 0));
}

static enum shale_status judge(struct judging *j, const struct place *place,
                               struct shale_elements *values);

/* An unknown member: kept, or the reject. */
static enum shale_status unknown(struct judging *j, const struct shale_element *name,
                                 struct shale_elements *values, char before)
{
    struct shale_element value;
    if (j->reject != NULL)
        return shale_unknown_name(j->shredder, name, j->reject, j->err);
    (void)shale_elements_next(values, &value);
    return shale_unknown_write(&j->shredder->unknown, before, name, value.text);
}

/* A known member with something unknown inside, perhaps: its name is written first, and taken back
 * when nothing follows. */
static enum shale_status judge_inside(struct judging *j, const struct inner *inner,
                                      const struct shale_element *name,
                                      struct shale_elements *values, char before)
{
    struct shale_buf *out = &j->shredder->unknown;
    size_t begin = out->n_bytes, named = begin;
    enum shale_status status = SHALE_OK;
    if (j->reject == NULL) {
        status = shale_unknown_write(out, before, name, SHALE_STR(""));
        named = out->n_bytes;
    }
    if (status == SHALE_OK)
        status = judge(j, &inner->place, values);
    if (out->n_bytes == named)
        out->n_bytes = begin;
    return status;
}

static enum shale_status judge_member(struct judging *j, const struct place *place, size_t i,
                                      bool *begun)
{
    struct shale_shredder *shredder = j->shredder;
    bool passed_over = shale_members_at(&shredder->members, i)->passed_over;
    struct shale_element name = shale_members_name(&shredder->members, i);
    struct shale_elements values = shale_members_value(&shredder->members, i);
    size_t before = shredder->unknown.n_bytes;
    char bracket = *begun ? ',' : '{';
    struct shale_str plain;
    struct inner inner;
    bool broken;
    enum shale_status status = shale_name_decode(&name, &shredder->temp, &plain, &broken);
    if (status == SHALE_OK)
        status = look_at_member(j, place, &name, plain, broken, &inner);
    if (status != SHALE_OK)
        return status;
    if (!inner.known && place->judged && !(passed_over && j->reject == NULL)) {
        status = unknown(j, &name, &values, bracket);
    } else if (!passed_over && leads_on(j, &inner)) {
        status = judge_inside(j, &inner, &name, &values, bracket);
        if (status == SHALE_SCHEMA) {
            status = shale_name_decode(&name, &shredder->temp, &plain, &broken);
            if (status == SHALE_OK)
                status = shale_step_name(&shredder->pointer, plain);
            status = status == SHALE_OK ? SHALE_SCHEMA : status;
        }
    }
    drop_readers(shredder, &inner);
    *begun = *begun || shredder->unknown.n_bytes > before;
    return status;
}

static enum shale_status judge_object(struct judging *j, const struct place *place,
                                      struct shale_elements *values)
{
    struct shale_members *members = &j->shredder->members;
    size_t begin = shale_members_n(members), end;
    bool begun = false;
    enum shale_status status = shale_members_add_object(members, values);
    if (status == SHALE_OK)
        status = shale_members_unique(members, begin, SHALE_MEMBERS_LAST);
    end = shale_members_n(members);
    for (size_t i = begin; status == SHALE_OK && i < end; i++)
        status = judge_member(j, place, i, &begun);
    shale_members_drop(members, begin);
    return status == SHALE_OK && begun ? shale_buf_append_byte(&j->shredder->unknown, '}') : status;
}

/* An element of which nothing is kept stands as null, so that the others have their places; those
 * behind the last that has something are left out. */
static enum shale_status judge_array(struct judging *j, const struct place *place,
                                     struct shale_elements *values)
{
    struct shale_elements elements = {values->at + 1, values->end};
    struct shale_buf *out = &j->shredder->unknown;
    size_t begin = out->n_bytes, kept_end = begin;
    enum shale_status status = SHALE_OK;
    for (size_t i = 0; status == SHALE_OK && shale_elements_more(&elements); i++) {
        struct inner inner;
        struct shale_element passed_over;
        struct shale_elements value = elements;
        (void)shale_elements_next(&elements, &passed_over);
        if (j->reject == NULL)
            status = shale_buf_append_byte(out, i == 0 ? '[' : ',');
        if (status == SHALE_OK)
            status = look_at_element(j, place, i, &inner);
        if (status != SHALE_OK)
            return status;
        size_t before = out->n_bytes;
        if (leads_on(j, &inner))
            status = judge(j, &inner.place, &value);
        drop_readers(j->shredder, &inner);
        if (status == SHALE_OK && out->n_bytes > before)
            kept_end = out->n_bytes;
        else if (status == SHALE_OK && j->reject == NULL)
            status = shale_buf_append_str(out, SHALE_STR("null"));
        else if (status == SHALE_SCHEMA) {
            status = shale_step_index(&j->shredder->pointer, i);
            return status == SHALE_OK ? SHALE_SCHEMA : status;
        }
    }
    out->n_bytes = kept_end;
    return status == SHALE_OK && kept_end > begin ? shale_buf_append_byte(out, ']') : status;
}

static enum shale_status judge(struct judging *j, const struct place *place,
                               struct shale_elements *values)
{
    if (*values->at == '{')
        return judge_object(j, place, values);
    if (*values->at == '[')
        return judge_array(j, place, values);
    return SHALE_OK; /* no object or array: the field says what it makes of it */
}

enum shale_status shale_unknown_inside(struct shale_shredder *shredder, struct shale_reject *reject,
                                       struct shale_err *err)
{
    struct judging j = {shredder, reject, err};
    struct inner event = {.known = true};
    struct shale_elements values = {shredder->text + shredder->walk.begin,
                                    shredder->members.text_end};
    shale_buf_reset(&shredder->readers);
    enum shale_status status = add_fields(shredder, 0, &event);
    event.place.judged = true;
    return status == SHALE_OK ? judge(&j, &event.place, &values) : status;
}
