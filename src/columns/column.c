/* SPDX-License-Identifier: MIT */
/* Views of what is nested, and how much there is in them. */
#include "columns/column.h"

struct shale_column *shale_column_link(const struct shale_type *type, struct shale_column *nodes)
{
    struct shale_column *end = nodes + 1;
    const struct shale_column **link = &nodes->child;
    nodes->child = nodes->next = NULL;
    for (size_t i = 0; i < type->n_members; i++) {
        struct shale_column *child = end;
        *link = child;
        end = shale_column_link(&type->members[i].type, child);
        link = &child->next;
    }
    return end;
}

/* Recursion follows the type, which nests to SHALE_TYPE_DEPTH. */
uint64_t shale_column_size(const struct shale_type *type, const struct shale_column *column,
                           int64_t first, int64_t n)
{
    enum shale_layout layout = shale_type_layout(type);
    const struct shale_column *child = column->child;
    bool has_offsets = layout == SHALE_LAYOUT_BYTES || layout == SHALE_LAYOUT_LIST;
    uint64_t n_bytes;
    if (n == 0)
        return 0;
    n_bytes = (uint64_t)n * (has_offsets                   ? sizeof(int32_t)
                             : layout == SHALE_LAYOUT_BOOL ? 1
                                                           : shale_layout_width(layout));
    if (has_offsets) {
        n = column->offsets[first + n] - column->offsets[first];
        first = column->offsets[first];
    }
    if (layout == SHALE_LAYOUT_BYTES)
        return n_bytes + (uint64_t)n;
    for (size_t i = 0; i < type->n_members; i++, child = child->next)
        n_bytes += shale_column_size(&type->members[i].type, child, first, n);
    return n_bytes;
}
