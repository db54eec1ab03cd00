/* SPDX-License-Identifier: MIT */
/* Members of an event that the definition does not name, where no field is a struct: the walk has
 * noted them. */
#include <string.h>

#include "json/text.h"
#include "shred/shredder.h"
#include "shred/steps.h"

static struct shale_member member_at(const struct shale_shredder *shredder, size_t i)
{
    struct shale_member member;
    memcpy(&member, shredder->walk.members.data + i * sizeof member, sizeof member);
    return member;
}

static struct shale_element name_of(const struct shale_shredder *shredder,
                                    const struct shale_member *member)
{
    const char *quote = shredder->text + member->name_begin - 1;
    return (struct shale_element){
        .kind = SHALE_KIND_STRING,
        .text = {quote, (size_t)(member->name_end - member->name_begin) + 2},
        .escaped = member->escaped,
    };
}

enum shale_status shale_unknown_write(struct shale_buf *out, char before,
                                      const struct shale_element *name, struct shale_str value)
{
    enum shale_status status = shale_buf_append_byte(out, before);
    if (status == SHALE_OK)
        status = shale_buf_append_str(out, name->text);
    if (status == SHALE_OK)
        status = shale_buf_append_byte(out, ':');
    if (status == SHALE_OK)
        status = shale_json_minify(value, out);
    return status;
}

/* Write the members that are noted, of one name the last. */
static enum shale_status keep_noted(struct shale_shredder *shredder, size_t n)
{
    struct shale_buf *out = &shredder->unknown;
    enum shale_status status = SHALE_OK;
    for (size_t i = 0; status == SHALE_OK && i < n; i++) {
        struct shale_member member = member_at(shredder, i);
        struct shale_element name = name_of(shredder, &member);
        status = shale_members_add(&shredder->members, &name, shredder->text + member.begin);
    }
    if (status == SHALE_OK)
        status = shale_members_unique(&shredder->members, 0, SHALE_MEMBERS_LAST);
    for (size_t i = 0; status == SHALE_OK && i < n; i++) {
        struct shale_member member = member_at(shredder, i);
        struct shale_element name = name_of(shredder, &member);
        struct shale_str value = {shredder->text + member.begin, member.end - member.begin};
        if (!shale_members_at(&shredder->members, i)->passed_over)
            status = shale_unknown_write(out, out->n_bytes == 0 ? '{' : ',', &name, value);
    }
    shale_members_drop(&shredder->members, 0);
    return status == SHALE_OK && n > 0 ? shale_buf_append_byte(out, '}') : status;
}

enum shale_status shale_unknown_keep(struct shale_shredder *shredder, struct shale_err *err)
{
    size_t n = shredder->walk.n_unknown;
    shale_buf_reset(&shredder->unknown);
    if (n > SHALE_MAX_UNKNOWN_MEMBERS)
        return SHALE_ERR(err, unknown_limit, (int)SHALE_MAX_UNKNOWN_MEMBERS);
    if (shredder->has_struct)
        return shale_unknown_inside(shredder, NULL, NULL);
    return keep_noted(shredder, n);
}

enum shale_status shale_unknown_name(struct shale_shredder *shredder,
                                     const struct shale_element *name, struct shale_reject *reject,
                                     struct shale_err *err)
{
    struct shale_quoted shown;
    struct shale_str plain;
    bool broken;
    enum shale_status status = shale_name_decode(name, &shredder->temp, &plain, &broken);
    if (status != SHALE_OK)
        return status;
    shale_buf_reset(&shredder->pointer);
    status = shale_step_name(&shredder->pointer, plain);
    reject->at = (size_t)(name->text.data - shredder->text);
    if (status != SHALE_OK)
        return status;
    return SHALE_ERR(err, unknown_field, shale_value_quote(SHALE_KIND_STRING, plain, &shown));
}

enum shale_status shale_unknown_reject(struct shale_shredder *shredder, struct shale_reject *reject,
                                       struct shale_err *err)
{
    enum shale_status status = SHALE_OK;
    if (shredder->has_struct) {
        status = shale_unknown_inside(shredder, reject, err);
    } else if (shredder->walk.n_unknown > 0) {
        struct shale_member member = member_at(shredder, 0);
        struct shale_element name = name_of(shredder, &member);
        status = shale_unknown_name(shredder, &name, reject, err);
    }
    if (status != SHALE_SCHEMA)
        return status;
    status = shale_steps_finish(&shredder->pointer, SHALE_STR(""));
    reject->pointer = shale_buf_str(&shredder->pointer);
    return status == SHALE_OK ? SHALE_SCHEMA : status;
}
