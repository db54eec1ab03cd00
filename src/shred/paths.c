/* SPDX-License-Identifier: MIT */
/* The tree of places that a definition names. */
#include "shred/paths.h"

#include "base/hash.h"
#include "json/text.h"

/* Append a path below 'parent' (SHALE_PATH_NONE: the root). */
static enum shale_status add_path(struct shale_paths *paths, uint32_t parent, struct shale_str name,
                                  uint32_t *out)
{
    size_t index;
    if (paths->n == paths->capacity) {
        uint32_t capacity = paths->capacity * 2 + 16;
        void *grown = shale_mem_resize(paths->mem, paths->path, capacity, sizeof paths->path[0]);
        if (grown == NULL)
            return SHALE_NOMEM;
        paths->path = grown;
        paths->capacity = capacity;
    }
    struct shale_path *path = &paths->path[paths->n];
    *path = (struct shale_path){.name = name,
                                .first_child = SHALE_PATH_NONE,
                                .last_child = SHALE_PATH_NONE,
                                .next_sibling = SHALE_PATH_NONE,
                                .parent = parent,
                                .index = SHALE_PATH_NONE};
    if (parent != SHALE_PATH_NONE) {
        struct shale_path *above = &paths->path[parent];
        if (above->first_child == SHALE_PATH_NONE)
            above->first_child = paths->n;
        else
            paths->path[above->last_child].next_sibling = paths->n;
        above->last_child = paths->n;
        above->n_children++;
        if (shale_pointer_index(name, &index)) {
            path->index = (uint32_t)index; /* below 2^31 */
            if (path->index >= above->n_elements)
                above->n_elements = path->index + 1;
        }
    }
    *out = paths->n++;
    return SHALE_OK;
}

enum shale_status shale_paths_init(struct shale_paths *paths, const struct shale_mem *mem)
{
    uint32_t root;
    *paths = (struct shale_paths){.mem = mem};
    enum shale_status status = add_path(paths, SHALE_PATH_NONE, SHALE_STR(""), &root);
    if (status == SHALE_OK)
        paths->path[root].read = true; /* what kind of value the event is, is always asked */
    return status;
}

void shale_paths_fini(struct shale_paths *paths)
{
    shale_mem_free(paths->mem, paths->path);
    shale_mem_free(paths->mem, paths->table);
    *paths = (struct shale_paths){.mem = paths->mem};
}

/* While the tree is built there is no table yet. */
static uint32_t find_child(const struct shale_paths *paths, uint32_t parent, struct shale_str name)
{
    uint32_t child = paths->path[parent].first_child;
    while (child != SHALE_PATH_NONE && !shale_str_equal(paths->path[child].name, name))
        child = paths->path[child].next_sibling;
    return child;
}

enum shale_status shale_paths_add(struct shale_paths *paths, const struct shale_pointer *pointer,
                                  uint8_t mark, uint32_t *out)
{
    uint32_t at = 0;
    for (size_t i = 0; i < pointer->n_steps; i++) {
        uint32_t child = find_child(paths, at, pointer->steps[i]);
        if (child == SHALE_PATH_NONE) {
            enum shale_status status = add_path(paths, at, pointer->steps[i], &child);
            if (status != SHALE_OK)
                return status;
        }
        at = child;
        paths->path[at].marks |= mark;
    }
    if (mark == SHALE_PATH_RECORDS)
        paths->path[at].records = true;
    else
        paths->path[at].read = true;
    if (pointer->n_steps > paths->depth)
        paths->depth = (uint32_t)pointer->n_steps;
    *out = at;
    return SHALE_OK;
}

/* Preorder, up again by 'parent': no recursion. */
static void number_slots(struct shale_paths *paths)
{
    uint32_t at = 0, next_slot = 0;
    for (;;) {
        struct shale_path *path = &paths->path[at];
        path->slot = next_slot++;
        if (path->first_child != SHALE_PATH_NONE) {
            at = path->first_child;
            continue;
        }
        path->slot_end = next_slot;
        while (paths->path[at].next_sibling == SHALE_PATH_NONE) {
            at = paths->path[at].parent;
            if (at == SHALE_PATH_NONE)
                return;
            paths->path[at].slot_end = next_slot;
        }
        at = paths->path[at].next_sibling;
    }
}

static size_t place_of(const struct shale_paths *paths, uint32_t parent, struct shale_str name)
{
    return (size_t)shale_hash(name.data, name.n_bytes, parent) & paths->mask;
}

enum shale_status shale_paths_seal(struct shale_paths *paths)
{
    size_t size = 16;
    while (size < (size_t)paths->n * 2)
        size *= 2;
    paths->table = shale_mem_zeroed(paths->mem, size, sizeof paths->table[0]);
    if (paths->table == NULL)
        return SHALE_NOMEM;
    paths->mask = size - 1;
    for (uint32_t i = 1; i < paths->n; i++) { /* the root, 0, marks an empty place */
        size_t place = place_of(paths, paths->path[i].parent, paths->path[i].name);
        while (paths->table[place] != 0)
            place = (place + 1) & paths->mask;
        paths->table[place] = i;
    }
    number_slots(paths);
    return SHALE_OK;
}

uint32_t shale_paths_member(const struct shale_paths *paths, uint32_t parent, struct shale_str raw,
                            bool escaped)
{
    uint32_t child = paths->path[parent].first_child;
    if (escaped) {
        while (child != SHALE_PATH_NONE &&
               !shale_json_string_is(raw, true, paths->path[child].name))
            child = paths->path[child].next_sibling;
        return child;
    }
    size_t place = place_of(paths, parent, raw);
    while ((child = paths->table[place]) != 0) {
        if (paths->path[child].parent == parent && shale_str_equal(paths->path[child].name, raw))
            return child;
        place = (place + 1) & paths->mask;
    }
    return SHALE_PATH_NONE;
}

uint32_t shale_paths_element(const struct shale_paths *paths, uint32_t parent, uint32_t index)
{
    uint32_t child = paths->path[parent].first_child;
    if (index >= paths->path[parent].n_elements)
        return SHALE_PATH_NONE;
    while (child != SHALE_PATH_NONE && paths->path[child].index != index)
        child = paths->path[child].next_sibling;
    return child;
}
