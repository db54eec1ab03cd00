/* SPDX-License-Identifier: MIT */
/* Views of what is nested. */
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
