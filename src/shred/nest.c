/* SPDX-License-Identifier: MIT */
/* Types that hold others, made ready for reading. */
#include "shred/nest.h"

#include "base/hash.h"

static struct shale_str name_of(const struct shale_nest *nest, uint32_t member)
{
    return nest->type->members[member].name;
}

static size_t place_of(const struct shale_nest *nest, struct shale_str name)
{
    return (size_t)shale_hash(name.data, name.n_bytes, 0) & nest->mask;
}

static enum shale_status init_struct(struct shale_nest *nest, struct shale_arena *arena)
{
    size_t n = nest->type->n_members, size = 4;
    while (size < n * 2)
        size *= 2;
    nest->found = shale_arena_zeroed(arena, n, sizeof nest->found[0]);
    nest->follows = shale_arena_zeroed(arena, n + 1, sizeof nest->follows[0]);
    nest->table = shale_arena_zeroed(arena, size, sizeof nest->table[0]);
    if (nest->found == NULL || nest->follows == NULL || nest->table == NULL)
        return SHALE_NOMEM;
    nest->mask = size - 1;
    for (uint32_t i = 0; i < n; i++) {
        size_t place = place_of(nest, name_of(nest, i));
        while (nest->table[place] != 0)
            place = (place + 1) & nest->mask;
        nest->table[place] = i + 1;
        nest->follows[i] = i + 1; /* of the last one: none */
    }
    nest->follows[n] = 0;
    return SHALE_OK;
}

enum shale_status shale_nest_init(struct shale_nest *out, struct shale_arena *arena,
                                  const struct shale_type *type)
{
    enum shale_status status = SHALE_OK;
    size_t width = shale_layout_width(shale_type_layout(type));
    *out = (struct shale_nest){.type = type, .has_struct = type->kind == SHALE_STRUCT};
    out->row_bytes = 1 + (width > 0 ? width : type->kind == SHALE_STRUCT ? 0 : sizeof(int32_t));
    if (type->n_members == 0)
        return SHALE_OK;
    out->inside = shale_arena_zeroed(arena, type->n_members, sizeof out->inside[0]);
    if (out->inside == NULL)
        return SHALE_NOMEM;
    for (size_t i = 0; status == SHALE_OK && i < type->n_members; i++) {
        status = shale_nest_init(&out->inside[i], arena, &type->members[i].type);
        out->has_struct = out->has_struct || out->inside[i].has_struct;
        if (type->kind == SHALE_STRUCT)
            out->row_bytes += out->inside[i].row_bytes;
    }
    if (status == SHALE_OK && type->kind == SHALE_STRUCT)
        status = init_struct(out, arena);
    return status;
}

uint32_t shale_nest_member(const struct shale_nest *nest, struct shale_str name)
{
    size_t place = place_of(nest, name);
    for (uint32_t i; (i = nest->table[place]) != 0; place = (place + 1) & nest->mask)
        if (shale_str_equal(name_of(nest, i - 1), name))
            return i - 1;
    return SHALE_NEST_NONE;
}

uint32_t shale_nest_next_member(struct shale_nest *nest, struct shale_str name, uint32_t *last)
{
    uint32_t member = nest->follows[*last];
    if (member < nest->type->n_members && shale_str_equal(name_of(nest, member), name)) {
        *last = member;
        return member;
    }
    member = shale_nest_member(nest, name);
    if (member != SHALE_NEST_NONE) {
        nest->follows[*last] = member;
        *last = member;
    }
    return member;
}
